"""Upbit's side of the protocol, without sockets: one test per quirk (protocol sections 2 to 6, 10)."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest

from qt_upbit.models import decode_all
from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import ErrorFrame, RequestItem, StatusFrame, SubscriptionsFrame
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import (
    EVENT_TYPES,
    AskBid,
    CandleEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    OrderState,
    Scope,
    TickerEvent,
    TradeEvent,
    WireFormat,
)
from tests.simulator.conftest import Gateway
from tests.support.frames import lines

MakeGateway = Callable[..., Gateway]
START = 1_795_402_151.0
PUBLIC = [
    RequestItem(wire_type, ("KRW-BTC", "KRW-ETH"))
    for row in EVENT_TYPES.values()
    if row.scope is Scope.PUBLIC
    for wire_type in row.wire_types
]


@pytest.mark.parametrize("format", WireFormat)
def test_every_public_type_comes_in_every_format(gateway: MakeGateway, format: WireFormat) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, *PUBLIC, format=format)
    table.run(3.0)
    events = table.events(session)
    first: dict[tuple[str, str], str] = {}
    for event in events:
        first.setdefault((event.type, event.code), str(event.stream_type))
    assert set(first) == {(item.type, code) for item in PUBLIC for code in ("KRW-BTC", "KRW-ETH")}
    assert set(first.values()) == {"SNAPSHOT"}
    snapshots = Counter((event.type, event.code) for event in events if event.is_snapshot)
    assert set(snapshots.values()) == {1}
    assert any(not event.is_snapshot for event in events)
    for raw in table.frames(session):
        assert raw.startswith(b"[") is format.is_list
        assert (b'"ty":' in raw) is format.is_simple


def test_there_is_no_acknowledgement_and_snapshots_come_in_two_bursts(gateway: MakeGateway) -> None:
    table = gateway(market_running=False)
    session = table.connect()
    table.subscribe(session, RequestItem("ticker", ("KRW-BTC", "KRW-ETH")))
    table.run(0.16)
    assert table.frames(session) == []
    table.run(0.04)
    assert len(table.events(session)) == 1
    table.run(0.2)
    assert len(table.events(session)) == 2


def test_a_request_replaces_everything(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("trade", ("KRW-BTC",)), RequestItem("ticker", ("KRW-BTC",)))
    table.run(2.0)
    before = len(table.frames(session))
    table.subscribe(session, RequestItem("ticker", ("KRW-ETH",)))
    strays = len(table.frames(session)) - before
    assert strays <= 2
    table.run(3.0)
    late = table.events(session)[before + strays :]
    assert late
    assert {(event.type, event.code) for event in late} == {("ticker", "KRW-ETH")}


def test_wrong_codes_and_levels_are_ignored_silently(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(
        session,
        RequestItem("ticker", ("KRW-NOPE", "krw-btc", "KRW-ETH")),
        RequestItem("orderbook", ("KRW-BTC",), options={"level": 12345}),
        RequestItem("orderbook", ("BTC-ETH",), options={"level": 10000}),
    )
    table.run(3.0)
    assert {event.code for event in table.events(session)} == {"KRW-ETH"}
    assert not table.closes(session)


@pytest.mark.parametrize(
    ("suffix", "rows"), [("", 30), (".1", 1), (".5", 5), (".15", 15), (".30", 30), (".20", 30)]
)
def test_depth_suffixes(gateway: MakeGateway, suffix: str, rows: int) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("orderbook", (f"KRW-BTC{suffix}",)))
    table.run(1.5)
    books = [event for event in table.events(session) if isinstance(event, OrderbookEvent)]
    assert len(books) > 2
    for book in books:
        assert book.code == "KRW-BTC"
        assert len(book.orderbook_units) == rows


def test_books_are_books(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    codes = tuple(table.exchange.market.pairs)
    table.subscribe(session, RequestItem("orderbook", codes))
    table.run(3.0)
    books = [event for event in table.events(session) if isinstance(event, OrderbookEvent)]
    assert {book.code for book in books} == set(codes)
    for book in books:
        asks, bids = [level.price for level in book.asks], [level.price for level in book.bids]
        assert asks == sorted(set(asks))
        assert bids == sorted(set(bids), reverse=True)
        assert bids[0] < asks[0]
        assert book.total_ask_size == sum(level.size for level in book.asks)
        assert book.total_bid_size == sum(level.size for level in book.bids)


def test_thin_books_are_padded_with_zeros(gateway: MakeGateway) -> None:
    table = gateway(markets=None)
    session = table.connect()
    codes = tuple(code for code in table.exchange.market.pairs if code.startswith("BTC-"))[:80]
    table.subscribe(session, RequestItem("orderbook", codes))
    table.run(1.0)
    padded = [raw for raw in table.frames(session) if b'"ask_price":0' in raw or b'"bid_price":0' in raw]
    assert len(padded) > 10


def test_a_grouped_book_has_round_prices(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("orderbook", ("KRW-BTC",), options={"level": 10000}))
    table.run(1.5)
    books = [event for event in table.events(session) if isinstance(event, OrderbookEvent)]
    assert books
    for book in books:
        assert book.level == 10000
        assert all(level.price % 10000 == 0 for level in (*book.asks, *book.bids))


def test_numbers_are_spelled_as_on_the_wire(gateway: MakeGateway) -> None:
    table = gateway()
    default, simple = table.connect(), table.connect()
    items = (RequestItem("orderbook", ("KRW-BTC",)), RequestItem("ticker", ("KRW-BTC",)))
    table.subscribe(default, *items)
    table.subscribe(simple, *items, format=WireFormat.SIMPLE)
    table.run(3.0)
    text = b"".join(table.frames(default))
    assert b'"ask_price":1.5' in text
    assert b"E8," in text
    ticker = next(raw for raw in table.frames(default) if raw.startswith(b'{"type":"ticker"'))
    assert b".00000000," in ticker


def test_trades_agree_with_tickers_and_candles(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("trade", ("KRW-BTC",)), RequestItem("candle.1s", ("KRW-BTC",)))
    table.run(20.0)
    events = table.events(session)
    trades = [event for event in events if isinstance(event, TradeEvent) and not event.is_snapshot]
    candles = {event.start: event for event in events if isinstance(event, CandleEvent)}
    assert len(trades) > 20
    assert len({trade.sequential_id for trade in trades}) == len(trades)
    seconds: dict[int, list[TradeEvent]] = {}
    for trade in trades:
        seconds.setdefault(trade.trade_timestamp // 1000, []).append(trade)
    checked = 0
    for second, inside in list(seconds.items())[1:-2]:
        candle = next(c for start, c in candles.items() if int(start.timestamp()) == second)
        assert candle.candle_acc_trade_volume == sum(trade.trade_volume for trade in inside)
        assert candle.high_price == max(trade.trade_price for trade in inside)
        assert candle.low_price == min(trade.trade_price for trade in inside)
        assert candle.candle_acc_trade_price == sum(t.trade_price * t.trade_volume for t in inside)
        checked += 1
    assert checked > 5


def test_tickers_add_up(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("ticker", ("KRW-BTC", "KRW-ETH")))
    table.run(10.0)
    tickers = [event for event in table.events(session) if isinstance(event, TickerEvent)]
    assert len(tickers) > 10
    for ticker in tickers:
        assert ticker.acc_ask_volume is not None
        assert ticker.acc_bid_volume is not None
        assert ticker.acc_ask_volume + ticker.acc_bid_volume == ticker.acc_trade_volume
        assert ticker.prev_closing_price is not None
        assert ticker.signed_change_price == ticker.trade_price - ticker.prev_closing_price
        assert ticker.change_price == abs(ticker.signed_change_price)
        assert ticker.low_price is not None
        assert ticker.high_price is not None
        assert ticker.low_price <= ticker.trade_price <= ticker.high_price


def test_candles_come_at_most_once_a_second_and_only_after_a_trade(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("candle.1m", ("KRW-BTC",)))
    times: list[float] = []
    for _ in range(400):
        before = len(table.frames(session))
        table.run(0.02)
        times += [table.now] * (len(table.frames(session)) - before)
    assert len(times) > 4
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert min(gaps) > 0.9


def test_the_same_seed_gives_the_same_frames(gateway: MakeGateway) -> None:
    output = []
    for seed in (7, 7, 8):
        table = gateway(seed=seed)
        session = table.connect()
        table.subscribe(session, *PUBLIC[:3])
        table.run(2.0)
        output.append(table.frames(session))
    assert output[0] == output[1]
    assert output[0] != output[2]


def test_flags(gateway: MakeGateway) -> None:
    table = gateway()
    snapshots, changes = table.connect(), table.connect()
    table.subscribe(snapshots, RequestItem("ticker", ("KRW-BTC",), is_only_snapshot=True))
    table.subscribe(changes, RequestItem("ticker", ("KRW-BTC",), is_only_realtime=True))
    table.run(4.0)
    assert [event.stream_type for event in table.events(snapshots)] == ["SNAPSHOT"]
    assert {event.stream_type for event in table.events(changes)} == {"REALTIME"}


def test_list_subscriptions_answers_and_switches_the_format(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("ticker", ("KRW-BTC",)))
    table.run(1.0)
    table.send(session, '[{"ticket":"q"},{"method":"LIST_SUBSCRIPTIONS"},{"format":"SIMPLE"}]')
    reply = wire.decode_control(table.frames(session)[-1])
    assert isinstance(reply, SubscriptionsFrame)
    assert (reply.ticket, reply.result) == ("q", ({"type": "ticker", "codes": ["KRW-BTC"]},))
    before = len(table.frames(session))
    table.run(3.0)
    assert all(raw.startswith(b'{"ty"') for raw in table.frames(session)[before:])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nonsense", "WRONG_FORMAT"),
        ('[{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"t"},{"type":"nope","codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":"ticker"}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"myOrder"}]', "INVALID_PARAM"),
    ],
)
def test_an_error_is_followed_by_a_close(gateway: MakeGateway, text: str, name: str) -> None:
    table = gateway()
    session = table.connect()
    table.send(session, text)
    frame = wire.decode_control(table.frames(session)[0])
    assert isinstance(frame, ErrorFrame)
    assert frame.name == name
    assert not table.closes(session)
    table.run(0.14)
    assert not table.closes(session)
    table.run(0.1)
    assert [close.code for close in table.closes(session)] == [1000]


def test_an_idle_socket_is_cut_without_a_close_frame(gateway: MakeGateway) -> None:
    table = gateway(market_running=False)
    session = table.connect()
    table.run(60.0)
    assert not table.closes(session)
    table.run(1.0)
    assert [close.code for close in table.closes(session)] == [None]


def test_ping_starts_a_heartbeat_counted_from_the_sockets_birth(gateway: MakeGateway) -> None:
    table = gateway(market_running=False)
    session = table.connect()
    table.run(3.0)
    table.send(session, "PING")
    assert table.frames(session) == []
    table.run(30.0)
    assert [wire.decode_control(raw) for raw in table.frames(session)] == [StatusFrame("UP")] * 3


def test_message_limits(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect()
    for _ in range(6):
        table.subscribe(session, RequestItem("ticker", ("KRW-BTC",)))
    frame = wire.decode_control(table.frames(session)[-1])
    assert isinstance(frame, ErrorFrame)
    assert frame.name == "Too Many Requests"
    assert table.exchange.violations["message_second"] == 1


def test_connect_limits(gateway: MakeGateway) -> None:
    table = gateway()
    answers = [table.exchange.admit(Scope.PUBLIC, {}, "1.1.1.1", table.now) for _ in range(6)]
    assert [answer.status if answer else None for answer in answers] == [None] * 5 + [429]
    assert table.exchange.admit(Scope.PUBLIC, {}, "2.2.2.2", table.now) is None


def test_an_origin_header_throttles(gateway: MakeGateway) -> None:
    table = gateway()
    headers = {"Origin": "https://example.com"}
    assert table.exchange.admit(Scope.PUBLIC, headers, "1.1.1.1", table.now) is None
    refused = table.exchange.admit(Scope.PUBLIC, headers, "1.1.1.1", table.now + 5)
    assert refused is not None
    assert refused.status == 429
    assert table.exchange.admit(Scope.PUBLIC, headers, "1.1.1.1", table.now + 10.1) is None


def test_the_account_adds_up(gateway: MakeGateway) -> None:
    """Orders go wait → trade → done or cancel, and balances follow from fills and fees exactly."""
    table = gateway(account_running=True, order_interval_s=0.5)
    session = table.connect(Scope.PRIVATE)
    table.subscribe(session, RequestItem("myOrder"), RequestItem("myAsset"))
    held = {name: (b.balance, b.locked) for name, b in table.exchange.account.balances.items()}
    start = {name: sum(pair) for name, pair in held.items()}
    table.run(90.0)
    events = table.events(session)
    orders: dict[str, list[MyOrderEvent]] = {}
    for event in events:
        if isinstance(event, MyOrderEvent):
            orders.setdefault(event.uuid, []).append(event)
    assert len(orders) > 20
    changed: defaultdict[str, Decimal] = defaultdict(Decimal)
    ended: Counter[OrderState] = Counter()
    for frames in orders.values():
        states = [frame.state for frame in frames]
        assert states[0] is OrderState.WAIT
        assert all(state is OrderState.TRADE for state in states[1:-1])
        ended[states[-1]] += 1
        for frame in frames:
            if frame.state is not OrderState.TRADE:
                continue
            assert frame.price is not None
            assert frame.volume is not None
            assert frame.trade_fee == frame.price * frame.volume * Decimal("0.0005")
            quote, _, base = frame.code.partition("-")
            sign = 1 if frame.ask_bid is AskBid.BID else -1
            changed[base] += sign * frame.volume
            changed[quote] -= sign * frame.price * frame.volume + frame.trade_fee
    assert ended[OrderState.DONE] > 3
    assert ended[OrderState.CANCEL] > 3
    for name, balance in table.exchange.account.balances.items():
        assert balance.balance + balance.locked == start.get(name, 0) + changed[name], name
    last: dict[str, tuple[Decimal, Decimal]] = {}
    for event in events:
        if isinstance(event, MyAssetEvent):
            last |= {asset.currency: (asset.balance, asset.locked) for asset in event.assets}
    for name, pair in last.items():
        balance = table.exchange.account.balances[name]
        assert pair == (balance.balance, balance.locked)


def test_indicators_come_when_a_candle_closes(gateway: MakeGateway) -> None:
    table = gateway(indicator_delay_s=1.0)
    session = table.connect(Scope.INFO)
    wanted = {"timeframe": "5m", "indicators": [{"type": "rsi", "params": {"period": 14}}]}
    table.subscribe(session, RequestItem("indicator", ("KRW-BTC", "KRW-ETH"), options=wanted))
    until_close = 300 - table.now % 300
    table.run(until_close)
    assert table.events(session) == []
    table.run(1.2)
    events = table.events(session)
    assert {event.code for event in events} == {"KRW-BTC", "KRW-ETH"}
    for event in events:
        assert 0 <= event.value.rsi <= 100


def test_too_many_combinations_are_refused(gateway: MakeGateway) -> None:
    table = gateway()
    session = table.connect(Scope.INFO)
    indicators = [{"type": "rsi", "params": {"period": period}} for period in range(2, 14)]
    codes = tuple(code for code in table.exchange.market.pairs if code.startswith("KRW-"))[:10]
    item = RequestItem("indicator", codes, options={"timeframe": "5m", "indicators": indicators})
    table.subscribe(session, item)
    frame = wire.decode_control(table.frames(session)[0])
    assert isinstance(frame, ErrorFrame)
    assert frame.name == "TOO_MANY_REQUEST"


def test_the_full_market_has_upbits_size(gateway: MakeGateway) -> None:
    codes = Counter(code.partition("-")[0] for code in gateway(markets=None).exchange.market.pairs)
    assert codes == {"KRW": 289, "BTC": 328, "USDT": 238}


def test_any_event_can_be_published(gateway: MakeGateway) -> None:
    table = gateway(market_running=False)
    session = table.connect(Scope.PRIVATE)
    table.subscribe(session, RequestItem("announcement"), format=WireFormat.SIMPLE)
    (notice,) = decode_all(lines("announcement.default.jsonl")[0])
    table.exchange.publish(notice)
    table.run(0.02)
    assert table.events(session) == [notice]


def test_candles_are_read_while_the_market_runs_on() -> None:
    """An answer of REST is made in steps; a candle may close between two of them."""
    exchange = SimulatedExchange(SimulatorSettings(markets=30, market_running=False), now=START)
    pair = exchange.market.pairs["KRW-BTC"]
    price = from_units(pair.quote[0])

    def trade_at(second: int) -> None:
        exchange.trade("KRW-BTC", price, Decimal(1), AskBid.BID, START + second)

    for second in range(1, 4):
        trade_at(second)
    found = pair.candles("1s", int(START) + 60)
    starts = [next(found).start_s]
    trade_at(5)
    trade_at(6)
    starts += [next(found).start_s for _ in range(2)]
    assert starts == [int(START) + 3, int(START) + 2, int(START) + 1]


@pytest.mark.parametrize("is_removed", [False, True])
def test_fields_whose_removal_is_announced_may_be_missing(gateway: MakeGateway, is_removed: bool) -> None:
    table = gateway(without_announced_removals=is_removed)
    session = table.connect()
    table.subscribe(session, RequestItem("ticker", ("KRW-BTC",)))
    table.run(3.0)
    frames = [raw for raw in table.frames(session) if b'"ticker"' in raw]
    assert frames
    for field in (b'"is_trading_suspended"', b'"market_warning"'):
        assert all((field in raw) is not is_removed for raw in frames)
    assert all(b'"market_state"' in raw for raw in frames)
