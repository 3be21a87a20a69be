"""What REST tells of the past is what the sockets were sent, however long ago that was."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from decimal import Decimal

import msgspec
import pytest

from qt_upbit.protocol.wire import RequestItem
from qt_upbit.simulator.server.rest import RestApi
from qt_upbit.simulator.sessions.refusal import Refusal
from qt_upbit.types import AskBid, CandleEvent, StreamType, TradeEvent
from tests.simulator.conftest import Gateway

CODE = "KRW-BTC"
_json = msgspec.json.Decoder(list[dict[str, object]], float_hook=Decimal)
MakeGateway = Callable[..., Gateway]


def run(make: MakeGateway, seconds: float, *types: str, **settings: object) -> tuple[Gateway, list[object]]:
    gateway = make(rest_limit=None, idle_timeout_s=1e9, **settings)
    session = gateway.connect()
    gateway.subscribe(session, *(RequestItem(name, (CODE,)) for name in types))
    gateway.run(seconds)
    return gateway, list(gateway.events(session))


def get(gateway: Gateway, path: str, query: str) -> list[dict[str, object]]:
    api, replies = RestApi(gateway.exchange), list[Refusal]()

    def answer() -> Generator[None, None, None]:
        replies.append((yield from api.answer("GET", path, query, {}, "here", gateway.now)))

    for _ in answer():
        pass
    assert replies[0].status == 200
    return _json.decode(replies[0].body)


def pages(gateway: Gateway, until_id: int) -> list[dict[str, object]]:
    """The trades back to an id, page by page as a client reads them."""
    rows: list[dict[str, object]] = []
    while not rows or int(str(rows[-1]["sequential_id"])) > until_id:
        cursor = f"&cursor={rows[-1]['sequential_id']}" if rows else ""
        rows += get(gateway, "/v1/trades/ticks", f"market={CODE}&count=500{cursor}")
    return rows


def test_every_trade_that_was_sent_is_served(gateway: MakeGateway) -> None:
    at, events = run(gateway, 60, "trade", rate=40.0)
    sent = {event.sequential_id: event for event in events if isinstance(event, TradeEvent)}
    assert len(sent) > 2_500, "more than was kept once"
    served = pages(at, min(sent))
    ids = [int(str(row["sequential_id"])) for row in served]
    assert ids == sorted(set(ids), reverse=True)
    live = {number: row for number, row in zip(ids, served, strict=True) if number >= min(sent)}
    assert live.keys() == sent.keys(), "nothing is missing, and nothing made up"
    for number, row in live.items():
        event = sent[number]
        assert (row["trade_price"], row["trade_volume"]) == (event.trade_price, event.trade_volume)
        assert event.ask_bid is not None
        assert (row["timestamp"], row["ask_bid"]) == (event.trade_timestamp, event.ask_bid.value)


def test_candles_of_long_ago_are_those_that_were_sent(gateway: MakeGateway) -> None:
    at, events = run(gateway, 22, "candle.1s", "trade", rate=3.0, time_scale=60.0, tick_interval_s=0.02)
    sent = {event.candle_date_time_utc: event for event in events if isinstance(event, CandleEvent)}
    assert len(sent) > 1_050, "more than was kept once"
    served: list[dict[str, object]] = []
    oldest = min(sent)
    while not served or str(served[-1]["candle_date_time_utc"]) > oldest:
        to = f"&to={served[-1]['candle_date_time_utc']}Z" if served else ""
        served += get(at, "/v1/candles/seconds", f"market={CODE}&count=200{to}")
    starts = [str(row["candle_date_time_utc"]) for row in served]
    assert starts == sorted(set(starts), reverse=True)
    closed = [start for start in sent if start not in (max(sent), oldest)]
    rows = dict(zip(starts, served, strict=True))
    for start in closed:
        event = sent[start]
        assert rows[start]["trade_price"] == event.trade_price
        assert rows[start]["candle_acc_trade_volume"] == event.candle_acc_trade_volume
    assert {start for start in starts if start >= oldest} == set(sent), "no candle that was not sent"


def test_the_past_of_a_full_file_ends_and_is_not_made_up(gateway: MakeGateway) -> None:
    at, events = run(gateway, 30, "trade", rate=40.0, max_history_bytes=200_000, markets=1)
    sent = [event.sequential_id for event in events if isinstance(event, TradeEvent)]
    pair = at.exchange.market.pairs[CODE]
    kept = [trade.sequential_id for trade in pair.trades(10**15)]
    assert 200 < len(kept) < len(sent)
    assert kept == sorted(sent, reverse=True)[: len(kept)]
    assert at.exchange.market.spill.size < 210_000


def test_history_follows_what_was_kept(gateway: MakeGateway) -> None:
    at, _ = run(gateway, 5, "trade", rate=20.0)
    pair = at.exchange.market.pairs[CODE]
    ids = [trade.sequential_id for trade in itertools.islice(pair.trades(10**15), 2_000)]
    assert ids == sorted(set(ids), reverse=True)
    assert ids[-1] < pair._start_ms * 10_000 < ids[0]


@pytest.mark.parametrize("hours", [30, 50])
def test_a_ticker_counts_the_last_24_hours(gateway: MakeGateway, hours: int) -> None:
    at = gateway(markets=1, market_running=False)
    pair = at.exchange.market.pairs[CODE]
    start = pair.last_trade.time_ms
    for hour in range(hours):
        pair.execute(start + hour * 3_600_000 + 1, pair.quote[1], 10**8, AskBid.BID)
        ticker = pair.ticker_event(start + hour * 3_600_000 + 1, StreamType.REALTIME)
    assert ticker.acc_trade_volume_24h in (24, 25)
    now_ms = start + hours * 3_600_000
    for later_ms, counted in ((now_ms + 12 * 3_600_000, (12, 13)), (now_ms + 30 * 3_600_000, (0,))):
        assert pair.ticker_event(later_ms, StreamType.REALTIME).acc_trade_volume_24h in counted
