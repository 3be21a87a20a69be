"""Orders of every kind against the simulated book, and what Upbit refuses."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit.models import decode
from qt_upbit.simulator.account.account import Order
from qt_upbit.simulator.account.matching_engine import OrderRefused, OrderRequest
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.market.book import Book
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import (
    AskBid,
    BaseWebSocketEvent,
    MyOrderEvent,
    OrderbookEvent,
    OrderState,
    OrderType,
    Scope,
    SmpType,
    TimeInForce,
)
from tests.support.profiles import examples

NOW = 1_800_000_000.0
BTC = "KRW-BTC"


class Gateway:
    """An exchange that stands still, an account with money, and every frame of it."""

    def __init__(self, **options: Any) -> None:
        self.now = NOW
        self.exchange = SimulatedExchange(
            SimulatorSettings(markets=3, market_running=False, account_running=False, **options), now=NOW
        )
        self.frames: list[BaseWebSocketEvent] = []
        account = self.exchange.account
        publish = account._publish
        account._publish = lambda event: (self.frames.append(event), publish(event))[1]
        self.pair = self.exchange.market.pairs[BTC]

    @property
    def best(self) -> tuple[Decimal, Decimal]:
        """Best ask and best bid."""
        book = self.pair.book
        return from_units(book.asks[0][0]).normalize(), from_units(book.bids[0][0]).normalize()

    def place(self, side: AskBid, kind: OrderType = OrderType.LIMIT, **fields: Any) -> Any:
        request = OrderRequest(code=BTC, side=side, order_type=kind, **fields)
        return self.exchange.engine.place(request, self.exchange.market_ms(self.now))

    def states(self, order: Any) -> list[str]:
        return [e.state.value for e in self.frames if isinstance(e, MyOrderEvent) and e.uuid == order.uuid]

    def pass_time(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.exchange.tick(self.now)


def test_a_limit_order_waits_and_is_filled_bit_by_bit() -> None:
    gateway = Gateway()
    price = gateway.best[1] - 5000
    order = gateway.place(AskBid.BID, price=price, volume=Decimal("0.01"))
    assert order.state is OrderState.WAIT
    assert order.locked == price * Decimal("0.01") * Decimal("1.0005")
    gateway.exchange.trade(BTC, price + 1000, Decimal("1"), AskBid.ASK, gateway.now)
    assert not order.fills, "the price did not reach it"
    gateway.exchange.trade(BTC, price, Decimal("0.004"), AskBid.ASK, gateway.now)
    assert order.state is OrderState.TRADE
    gateway.exchange.trade(BTC, price - 1000, Decimal("1"), AskBid.ASK, gateway.now)
    assert order.state is OrderState.DONE
    assert gateway.states(order) == ["wait", "trade", "trade", "done"]
    assert [fill.volume for fill in order.fills] == [Decimal("0.004"), Decimal("0.006")]
    assert all(fill.price == price and fill.is_maker for fill in order.fills)
    assert gateway.exchange.account.balance("KRW").locked == 0


def test_a_crossing_order_takes_the_book_level_by_level() -> None:
    gateway = Gateway()
    levels = gateway.pair.book.asks[:3]
    volume = sum(from_units(size) for _, size in levels[:2]) + Decimal("0.00000001")
    before = gateway.pair.last_trade
    order = gateway.place(AskBid.BID, price=from_units(levels[2][0]), volume=volume)
    assert [(fill.price, fill.volume) for fill in order.fills] == [
        (from_units(levels[0][0]), from_units(levels[0][1])),
        (from_units(levels[1][0]), from_units(levels[1][1])),
        (from_units(levels[2][0]), Decimal("0.00000001")),
    ]
    assert gateway.states(order) == ["wait", "trade", "trade", "trade", "done"]
    assert gateway.pair.book.asks[0] == (levels[2][0], levels[2][1] - 1), "what was taken is gone"
    newest_first = gateway.pair.trades(2**62)
    tape = list(itertools.takewhile(lambda trade: trade.sequential_id != before.sequential_id, newest_first))
    assert [from_units(trade.volume) for trade in reversed(tape)] == [fill.volume for fill in order.fills]


def test_market_orders_end_as_upbits_do() -> None:
    gateway = Gateway()
    bought = gateway.place(AskBid.BID, OrderType.PRICE, price=Decimal(1_000_000))
    assert gateway.states(bought)[-1] == "cancel", "a rest that buys nothing is left"
    assert bought.executed_funds <= 1_000_000
    assert bought.executed_funds > 999_000
    sold = gateway.place(AskBid.ASK, OrderType.MARKET, volume=Decimal("0.001"))
    assert gateway.states(sold)[-1] == "done"
    huge = gateway.place(AskBid.BID, OrderType.PRICE, price=Decimal(40_000_000))
    assert huge.state is OrderState.CANCEL


@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.BEST])
def test_ioc_takes_what_there_is_and_fok_all_or_nothing(kind: OrderType) -> None:
    for condition, expected in ((TimeInForce.IOC, 1), (TimeInForce.FOK, 0)):
        gateway = Gateway(initial_krw=40_000_000_000)
        ask, size = gateway.pair.book.asks[0]
        more = from_units(size) + Decimal("0.5")
        price = from_units(ask)
        fields = (
            {"price": price, "volume": more}
            if kind is OrderType.LIMIT
            else {"price": (price * more).quantize(1)}
        )
        order = gateway.place(AskBid.BID, kind, time_in_force=condition, **fields)
        assert order.state is OrderState.CANCEL
        assert len(order.fills) == expected
        assert gateway.exchange.account.balance("KRW").locked == 0


def test_fok_that_can_be_filled_is() -> None:
    gateway = Gateway()
    order = gateway.place(
        AskBid.ASK, price=gateway.best[1] - 5000, volume=Decimal("0.001"), time_in_force=TimeInForce.FOK
    )
    assert order.state is OrderState.DONE


def test_post_only_never_takes() -> None:
    gateway = Gateway()
    crossing = gateway.place(
        AskBid.BID, price=gateway.best[0], volume=Decimal("0.001"), time_in_force=TimeInForce.POST_ONLY
    )
    assert gateway.states(crossing) == ["wait", "cancel"]
    assert not crossing.fills
    waiting = gateway.place(
        AskBid.BID, price=gateway.best[1], volume=Decimal("0.001"), time_in_force=TimeInForce.POST_ONLY
    )
    assert waiting.is_open
    strict = Gateway(post_only_crossing="refuse")
    with pytest.raises(OrderRefused) as refused:
        strict.place(
            AskBid.BID, price=strict.best[0], volume=Decimal("0.001"), time_in_force=TimeInForce.POST_ONLY
        )
    assert refused.value.name == "invalid_post_only"


@pytest.mark.parametrize(
    ("mode", "taker", "maker", "fills"),
    [
        (SmpType.CANCEL_MAKER, OrderState.WAIT, OrderState.CANCEL, 0),
        (SmpType.CANCEL_TAKER, OrderState.CANCEL, OrderState.WAIT, 0),
        (SmpType.REDUCE, OrderState.WAIT, OrderState.CANCEL, 0),
        (SmpType.NONE, OrderState.TRADE, OrderState.DONE, 1),
    ],
)
def test_orders_of_ours_do_not_meet(mode: SmpType, taker: OrderState, maker: OrderState, fills: int) -> None:
    gateway = Gateway()
    # Between the best prices there are no other orders.
    between = gateway.best[1] + 1000
    book = gateway.pair.book
    gateway.pair._book = Book(BTC, 1, book.asks[5:], book.bids, gateway.pair._maker)
    resting = gateway.place(AskBid.ASK, price=between, volume=Decimal("0.01"))
    coming = gateway.place(AskBid.BID, price=between, volume=Decimal("0.03"), smp_type=mode)
    assert (coming.state, resting.state) == (taker, maker)
    assert len(coming.fills) == len(resting.fills) == fills
    if mode is SmpType.REDUCE:
        assert coming.prevented_volume == Decimal("0.01")
        assert coming.remaining_volume == Decimal("0.02")
        assert gateway.states(coming) == ["wait", "prevented"]
        assert coming.locked == between * Decimal("0.02") * Decimal("1.0005")


@pytest.mark.parametrize(
    ("side", "kind", "fields", "name"),
    [
        (AskBid.BID, OrderType.LIMIT, {"price": 100_000_500, "volume": 1}, "invalid_price_bid"),
        (AskBid.ASK, OrderType.LIMIT, {"price": 100_000_500, "volume": 1}, "invalid_price_ask"),
        (AskBid.BID, OrderType.LIMIT, {"price": 100_000_000, "volume": "0.00001"}, "under_min_total_bid"),
        (AskBid.ASK, OrderType.MARKET, {"volume": "0.00000001"}, "under_min_total_ask"),
        (AskBid.BID, OrderType.PRICE, {"price": 2_000_000_000}, "over_krw_funds_bid"),
        (AskBid.BID, OrderType.PRICE, {"price": 900_000_000}, "insufficient_funds_bid"),
        (AskBid.ASK, OrderType.MARKET, {"volume": 1000}, "insufficient_funds_ask"),
        (AskBid.BID, OrderType.BEST, {"price": 10_000}, "invalid_time_in_force"),
        (AskBid.BID, OrderType.LIMIT, {"price": 100_000_000, "volume": "0.123456789"}, "create_bid_error"),
        (AskBid.BID, OrderType.MARKET, {"volume": 1}, "validation_error"),
    ],
)
def test_refusals_have_upbits_names(side: AskBid, kind: OrderType, fields: Any, name: str) -> None:
    gateway = Gateway()
    with pytest.raises(OrderRefused) as refused:
        gateway.place(side, kind, **{key: Decimal(value) for key, value in fields.items()})
    assert refused.value.name == name
    assert refused.value.message
    assert not gateway.exchange.account.orders


def test_an_identifier_is_used_once_forever() -> None:
    gateway = Gateway()
    order = gateway.place(AskBid.BID, price=gateway.best[1], volume=Decimal("0.001"), identifier="mine")
    gateway.exchange.engine.cancel(order)
    assert order.is_open, "accepted, not finished"
    gateway.pass_time()
    assert order.state is OrderState.CANCEL
    with pytest.raises(OrderRefused, match="duplicated_identifier"):
        gateway.place(AskBid.BID, price=gateway.best[1], volume=Decimal("0.001"), identifier="mine")


def test_a_replacement_comes_only_after_a_real_cancel() -> None:
    gateway = Gateway()
    for filled in (False, True):
        price = gateway.best[1] - 3000
        order = gateway.place(AskBid.BID, price=price, volume=Decimal("0.001"))
        request = OrderRequest(
            code=BTC, side=AskBid.BID, order_type=OrderType.LIMIT, price=price - 1000, volume=Decimal("0.002")
        )
        uuid = gateway.exchange.engine.replace(order, request)
        if filled:
            gateway.exchange.trade(BTC, price, Decimal(1), AskBid.ASK, gateway.now)
        gateway.pass_time()
        assert (uuid in gateway.exchange.account.orders) is not filled


def test_a_replacement_is_checked_before_the_old_order_goes() -> None:
    gateway = Gateway()
    price = gateway.best[1] - 3000
    order = gateway.place(AskBid.BID, price=price, volume=Decimal("0.001"), identifier="old")
    for fields, name in (
        ({"price": price + 1}, "invalid_price_bid"),
        ({"identifier": "old"}, "duplicated_identifier"),
        ({"volume": Decimal(6)}, "insufficient_funds_bid"),
    ):
        whole: dict[str, Any] = {
            "code": BTC, "side": AskBid.BID, "order_type": OrderType.LIMIT, "price": price,
            "volume": Decimal("0.001"), **fields,
        }  # fmt: skip
        request = OrderRequest(**whole)
        with pytest.raises(OrderRefused, match=name):
            gateway.exchange.engine.replace(order, request)
        gateway.pass_time()
        assert order.is_open


def test_what_the_old_order_holds_pays_for_its_replacement() -> None:
    gateway = Gateway()
    price = gateway.best[1] - 3000
    money = gateway.exchange.account.balances["KRW"].balance
    volume = (money / price / Decimal("1.001")).quantize(Decimal("1E-8"))
    order = gateway.place(AskBid.BID, price=price, volume=volume)
    request = OrderRequest(
        code=BTC, side=AskBid.BID, order_type=OrderType.LIMIT, price=price - 1000, volume=volume
    )
    uuid = gateway.exchange.engine.replace(order, request)
    gateway.pass_time()
    assert gateway.exchange.account.orders[uuid].is_open


def test_remain_only_takes_what_remains_when_the_old_order_is_cancelled() -> None:
    gateway = Gateway()
    price = gateway.best[1] - 3000
    order = gateway.place(AskBid.BID, price=price, volume=Decimal("0.01"))
    request = OrderRequest(code=BTC, side=AskBid.BID, order_type=OrderType.LIMIT, price=price - 1000)
    uuid = gateway.exchange.engine.replace(order, request, remain_only=True)
    gateway.exchange.trade(BTC, price, Decimal("0.004"), AskBid.ASK, gateway.now)
    gateway.pass_time()
    assert gateway.exchange.account.orders[uuid].volume == Decimal("0.006")


def test_a_book_that_crosses_a_waiting_order_fills_it() -> None:
    gateway = Gateway()
    bid = gateway.place(AskBid.BID, price=gateway.best[1], volume=Decimal("0.00001") + Decimal("0.0001"))
    book = gateway.pair.book
    before = gateway.pair.last_trade
    gateway.pair._quote = (book.bids[0][0], book.bids[1][0])
    gateway.pair._book = Book(
        BTC, book.time_ms + 100, [book.bids[0], *book.asks], book.bids[1:], gateway.pair._maker
    )
    gateway.exchange.market.book_changed(
        gateway.pair, gateway.exchange.market_ms(gateway.now), gateway.exchange.dispatcher
    )
    assert bid.state is OrderState.DONE
    assert bid.fills[0].is_maker
    trade = gateway.pair.last_trade
    assert trade is not before, "the sale is on the tape"
    assert (trade.ask_bid, from_units(trade.price)) == (AskBid.ASK, bid.price)


def test_everybody_sees_what_a_taker_took() -> None:
    gateway = Gateway()
    session = gateway.exchange.connect(Scope.PUBLIC, gateway.now)
    gateway.exchange.receive(
        session, '[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"]}]', gateway.now
    )
    gateway.pass_time()
    session.take()
    size = from_units(gateway.pair.book.asks[0][1])
    gateway.place(AskBid.BID, price=gateway.best[0], volume=size / 2)
    (frame,) = [raw for raw in session.take() if isinstance(raw, bytes)]
    book = decode(frame)
    assert isinstance(book, OrderbookEvent)
    assert book.asks[0].size == size - size / 2


def test_a_market_trade_costs_the_same_after_a_thousand_orders() -> None:
    gateway = Gateway()
    account = gateway.exchange.account
    for _ in range(50):
        order = gateway.place(AskBid.BID, price=gateway.best[1] - 5000, volume=Decimal("0.001"))
        account.cancel(order, 1)
    looked = 0

    class Counted(dict[str, Order]):
        def values(self) -> Any:
            nonlocal looked
            looked += 1
            return super().values()

    account.orders = Counted(account.orders)
    gateway.exchange.trade(BTC, gateway.best[1], Decimal("0.1"), AskBid.ASK, gateway.now)
    assert looked == 0, "finished orders are none of a trade's business"


def test_our_own_trades_stand_on_the_tape() -> None:
    gateway = Gateway()
    between = gateway.best[1] + 1000
    book = gateway.pair.book
    gateway.pair._book = Book(BTC, 1, book.asks[5:], book.bids, gateway.pair._maker)
    gateway.place(AskBid.ASK, price=between, volume=Decimal("0.01"))
    gateway.place(AskBid.BID, price=between, volume=Decimal("0.01"), smp_type=SmpType.NONE)
    trade = gateway.pair.last_trade
    assert (from_units(trade.price), from_units(trade.volume)) == (between, Decimal("0.01"))
    assert trade.ask_bid is AskBid.BID


@pytest.mark.parametrize("code", ["KRW-BTC", "BTC-ETH", "USDT-BTC"])
@pytest.mark.parametrize(("kind", "condition"), [(OrderType.MARKET, None), (OrderType.BEST, TimeInForce.IOC)])
def test_sales_at_the_market_have_a_minimum_everywhere(code: str, kind: OrderType, condition: Any) -> None:
    exchange = SimulatedExchange(SimulatorSettings(market_running=False, account_running=False), now=NOW)
    exchange.account.balance(code.partition("-")[2]).balance = Decimal(10)
    request = OrderRequest(
        code=code, side=AskBid.ASK, order_type=kind, volume=Decimal("0.00000001"), time_in_force=condition
    )
    with pytest.raises(OrderRefused, match="under_min_total_ask"):
        exchange.engine.check(request)


actions = st.lists(
    st.tuples(
        st.sampled_from(["bid", "ask", "buy", "sell", "trade", "cancel"]),
        st.integers(-8, 8),
        st.decimals("0.0001", "0.05", places=8),
        st.sampled_from([None, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY]),
        st.sampled_from([None, *SmpType]),
    ),
    max_size=40,
)


@settings(max_examples=examples(60))
@given(actions)
def test_nothing_is_made_or_lost(steps: list[tuple[str, int, Decimal, Any, Any]]) -> None:
    gateway = Gateway()
    account = gateway.exchange.account
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    start = {name: held.balance for name, held in account.balances.items()}
    for what, ticks, volume, condition, smp in steps:
        price = gateway.best[1] + ticks * 1000
        smp = None if condition is TimeInForce.POST_ONLY else smp
        limit: dict[str, Any] = {
            "price": price,
            "volume": volume,
            "time_in_force": condition,
            "smp_type": smp,
        }
        try:
            if what in ("bid", "ask"):
                gateway.place(AskBid(what.upper()), **limit)
            elif what == "buy":
                gateway.place(
                    AskBid.BID, OrderType.PRICE, price=(price * volume).quantize(Decimal(1)), smp_type=smp
                )
            elif what == "sell":
                gateway.place(AskBid.ASK, OrderType.MARKET, volume=volume, smp_type=smp)
            elif what == "trade":
                gateway.exchange.trade(
                    BTC, price, volume, AskBid.ASK if ticks < 0 else AskBid.BID, gateway.now
                )
            elif account.open_orders:
                gateway.exchange.engine.cancel(account.open_orders[ticks % len(account.open_orders)])
        except OrderRefused:
            pass
        gateway.pass_time(0.1)
        if not gateway.pair.book.asks or not gateway.pair.book.bids:
            gateway.pair.change_book(gateway.exchange.market_ms(gateway.now))
    for order in account.orders.values():
        for fill in order.fills:
            sign = 1 if order.side is AskBid.ASK else -1
            paid["KRW"] += sign * fill.price * fill.volume - fill.fee
            paid["BTC"] -= sign * fill.volume
        states = gateway.states(order)
        assert states[0] == "wait"
        assert states.count("trade") == len(order.fills)
        assert (states[-1] in ("done", "cancel")) is not order.is_open
    for currency, held in account.balances.items():
        assert held.balance + held.locked == start[currency] + paid[currency]
        mine = [o for o in account.open_orders if currency == (o.quote if o.side is AskBid.BID else o.base)]
        assert held.locked == sum(o.locked for o in mine)


# --- orders of REST: accepted first, matched afterwards ----------------------------------------------


def test_an_accepted_order_is_matched_after_its_answer() -> None:
    gateway = Gateway(match_delay_s=0.02)
    ask = gateway.best[0]
    request = OrderRequest(
        code=BTC, side=AskBid.BID, order_type=OrderType.LIMIT, price=ask, volume=Decimal("0.001")
    )
    engine = gateway.exchange.engine
    order = engine.accept(request, gateway.exchange.market_ms(gateway.now))
    engine.match_soon(order)
    assert (order.state, order.fills, gateway.states(order)) == (OrderState.WAIT, [], ["wait"])
    gateway.exchange.trade(BTC, ask - 1000, Decimal("1"), AskBid.ASK, gateway.now)
    assert not order.fills, "it is in no book yet"
    gateway.pass_time(0.05)
    assert gateway.states(order) == ["wait", "trade", "done"]
    assert order.fills[0].time_ms >= order.created_ms


def test_one_setting_sends_the_fills_before_the_answer() -> None:
    gateway = Gateway(fills_before_answer=True)
    request = OrderRequest(code=BTC, side=AskBid.ASK, order_type=OrderType.MARKET, volume=Decimal("0.001"))
    order = gateway.exchange.engine.accept(request, gateway.exchange.market_ms(gateway.now))
    gateway.exchange.engine.match_soon(order)
    assert gateway.states(order) == ["wait", "trade", "done"]


@pytest.mark.parametrize("end", ["cancelled", "delisted"])
def test_an_accepted_order_that_ends_before_its_matching_stays_ended(end: str) -> None:
    gateway = Gateway(match_delay_s=5.0)
    request = OrderRequest(code=BTC, side=AskBid.BID, order_type=OrderType.PRICE, price=Decimal(10_000))
    engine = gateway.exchange.engine
    order = engine.accept(request, gateway.exchange.market_ms(gateway.now))
    engine.match_soon(order)
    if end == "cancelled":
        engine.cancel(order)
    else:
        gateway.exchange.delist(BTC)
    gateway.pass_time(1.0)
    gateway.pass_time(10.0)
    assert gateway.states(order) == ["wait", "cancel"]
    assert not gateway.exchange.account.balance("KRW").locked


@pytest.mark.parametrize(
    ("condition", "given_type", "shown"),
    [
        (None, None, SmpType.CANCEL_MAKER),
        (TimeInForce.POST_ONLY, None, SmpType.NONE),
        (TimeInForce.POST_ONLY, SmpType.NONE, SmpType.NONE),
        (None, SmpType.REDUCE, SmpType.REDUCE),
        (TimeInForce.IOC, SmpType.NONE, SmpType.NONE),
    ],
)
def test_self_match_prevention_since_november(
    condition: TimeInForce | None, given_type: SmpType | None, shown: SmpType
) -> None:
    gateway = Gateway()
    order = gateway.place(
        AskBid.BID, price=gateway.best[1] - 5000, volume=Decimal("0.01"), time_in_force=condition,
        smp_type=given_type,
    )  # fmt: skip
    assert order.smp_type is shown


def test_an_accepted_order_that_matches_nothing_is_in_the_book_at_once() -> None:
    gateway = Gateway(match_delay_s=60.0)
    price = gateway.best[1] - 5000
    request = OrderRequest(
        code=BTC, side=AskBid.BID, order_type=OrderType.LIMIT, price=price, volume=Decimal("0.01")
    )
    order = gateway.exchange.engine.accept(request, gateway.exchange.market_ms(gateway.now))
    gateway.exchange.engine.match_soon(order)
    gateway.exchange.trade(BTC, price, Decimal("0.01"), AskBid.ASK, gateway.now)
    assert gateway.states(order) == ["wait", "trade", "done"]
