"""A chart's candles: history and stream without a seam, against the exchange's own."""

from __future__ import annotations

import gc
import weakref
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from PySide6.QtCore import QObject

from qt_upbit import (
    CandleEvent,
    CandleFeed,
    CandlePeriod,
    CandleUnit,
    DecodeError,
    GlobalWebSocketManager,
    InvalidSubscriptionError,
    RestError,
    Scope,
    StreamType,
    TickerEvent,
)
from qt_upbit.simulator.server.server import RestFault, SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events
from tests.support.wait import turns, until

CODE = "KRW-BTC"
FAST = {"market_running": True, "markets": 3, "time_scale": 60.0, "rest_limit": None, "rate": 2.0}


class Model:
    """What a chart that only follows the signals would hold."""

    def __init__(self, feed: CandleFeed) -> None:
        self.feed = feed
        self.starts: list[Any] = []
        self.loaded = 0
        self.errors: list[Exception] = []
        feed.candles_added.connect(self._added)
        feed.candle_changed.connect(self._changed)
        feed.reset.connect(self.starts.clear)
        feed.loaded.connect(self._loaded)
        feed.error_occurred.connect(self.errors.append)

    def _added(self, first: int, count: int) -> None:
        self.starts[first:first] = [candle.start for candle in self.feed[first : first + count]]

    def _changed(self, index: int) -> None:
        assert self.starts[index] == self.feed[index].start

    def _loaded(self) -> None:
        self.loaded += 1

    def check(self) -> None:
        assert self.starts == [candle.start for candle in self.feed]
        assert self.starts == sorted(set(self.starts))


def compare(server: SimulatedServer, feed: CandleFeed) -> None:
    """Every start once, and every closed candle as the exchange has it."""
    mine = {candle.start.timestamp(): candle for candle in feed}
    assert len(mine) == len(feed)
    newest, oldest = feed[-1].start.timestamp(), feed[0].start.timestamp()
    seen = 0
    for timed in server.exchange.market.pairs[CODE].candles(feed.unit, int(newest)):
        if timed.start_s < oldest:
            break
        candle = mine[timed.start_s]
        shown = (
            candle.opening_price, candle.high_price, candle.low_price, candle.trade_price,
            candle.candle_acc_trade_volume,
        )  # fmt: skip
        assert tuple((value or 0) * 10**8 for value in shown) == timed.candle[:5], candle.start
        seen += 1
    assert seen == len(feed) - 1


async def outage(server: SimulatedServer, manager: GlobalWebSocketManager, market_s: float) -> None:
    begin = server.exchange.market_ms(server.now())
    server.refuse_connections = True
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: server.exchange.market_ms(server.now()) - begin > market_s * 1000, what="outage")
    server.refuse_connections = False
    await until(lambda: manager.public_state == "live", what="connected again")


_LENGTHS_S = {unit.value: unit.seconds for unit in CandleUnit} | {"1d": 86_400}


@pytest.mark.parametrize(("unit", "scale"), [("1s", 60.0), ("1m", 120.0), ("240m", 7200.0), ("1d", 86_400.0)])
@pytest.mark.parametrize("recover", [True, False], ids=["recovered", "refetched"])
async def test_no_gap_and_no_duplicate_across_an_outage_of_two_minutes(
    unit: str, scale: float, recover: bool, make_server: MakeServer, make_manager: MakeManager
) -> None:
    length = _LENGTHS_S[unit]
    rate = 2.0 if scale < 1000 else 288.0 / scale
    server = await make_server(**(FAST | {"time_scale": scale, "rate": rate}))
    manager = make_manager(server, recover_gaps=recover)
    feed = CandleFeed(CODE, unit, count=300, manager=manager)
    model = Model(feed)
    await until(lambda: model.loaded and len(feed) >= 300)
    before = feed[-1].start
    await outage(server, manager, max(120.0, length))
    await until(lambda: len(feed) and (feed[-1].start - before).total_seconds() >= max(120, length))
    after = feed[-1].start.timestamp()
    await until(lambda: feed[-1].start.timestamp() >= after + 2 * length, what="live again")
    await until(lambda: feed._history.is_settled and not len(feed._answers))
    model.check()
    compare(server, feed)
    feed.close()


async def test_history_of_any_length_by_paging(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(**(FAST | {"time_scale": 1.0}))
    feed = CandleFeed(CODE, "1m", count=10, manager=make_manager(server))
    model = Model(feed)
    assert not feed.load_more(), "the first ones are not there yet"
    await until(lambda: model.loaded == 1)
    assert feed.load_more(450)
    assert feed.is_loading
    assert not feed.load_more()
    await until(lambda: model.loaded == 2)
    assert len(feed) >= 460
    assert not feed.is_complete
    assert feed[-1].unit is CandleUnit.M1
    model.check()
    compare(server, feed)
    feed.close()


async def test_another_market_begins_again(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(**(FAST | {"time_scale": 1.0}))
    feed = CandleFeed(CODE, "1m", count=20, manager=make_manager(server))
    model = Model(feed)
    await until(lambda: model.loaded == 1)
    feed.load_more()
    feed.set_market(CODE, "3m")
    assert model.starts == []
    await until(lambda: model.loaded == 2)
    model.check()
    assert {candle.unit for candle in feed} == {CandleUnit.M3}
    compare(server, feed)
    with pytest.raises(InvalidSubscriptionError):
        feed.set_market(CODE, "7m")
    assert feed.unit is CandleUnit.M3
    feed.close()


async def test_history_that_fails_is_reported_and_asked_again(
    make_server: MakeServer, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await make_server(**(FAST | {"time_scale": 1.0}))
    manager = make_manager(server)
    right = manager.rest.get_candles
    asked: list[object] = []

    async def fail_once(*args: Any, **which: Any) -> Any:
        asked.append(which)
        if len(asked) == 1:
            raise RestError("GET /v1/candles/minutes", 500)
        return await right(*args, **which)

    monkeypatch.setattr(manager.rest, "get_candles", fail_once)
    monkeypatch.setattr("qt_upbit.routing.candle_history._RETRY_MS", 20)
    feed = CandleFeed(CODE, "1m", count=20, manager=manager)
    model = Model(feed)
    await until(lambda: model.loaded)
    assert [type(error) for error in model.errors] == [RestError]
    compare(server, feed)
    feed.close()


async def test_it_dies_with_its_parent(make_server: MakeServer, make_manager: MakeManager) -> None:
    manager = make_manager(await make_server(**(FAST | {"time_scale": 1.0})))
    parent = QObject()
    feeds = [CandleFeed(CODE, "1m", parent=parent, manager=manager)]
    await until(lambda: len(feeds[0]))
    gone = weakref.ref(feeds.pop())
    parent.deleteLater()
    del parent
    await until(lambda: manager.metrics().subscriptions == 0)
    await turns()
    gc.collect()
    assert gone() is None


async def test_closing_while_history_is_awaited(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server()
    feed = CandleFeed(CODE, "1m", manager=make_manager(server))
    await turns()
    feed.close()
    feed.close()
    assert feed.is_closed
    assert not feed.load_more()


async def test_a_wrong_unit_is_refused(make_server: MakeServer, make_manager: MakeManager) -> None:
    manager = make_manager(await make_server())
    with pytest.raises(InvalidSubscriptionError):
        CandleFeed(CODE, "7m", manager=manager)
    gc.collect()


# --- candles of a day and longer -------------------------------------------------------------------

QUIET: dict[str, Any] = {"markets": 3, "rest_limit": None}


def shown(candle: CandleEvent) -> tuple[Any, ...]:
    return (
        candle.type, candle.code, candle.candle_date_time_utc, candle.candle_date_time_kst,
        candle.opening_price, candle.high_price, candle.low_price, candle.trade_price,
        candle.candle_acc_trade_volume, candle.timestamp,
    )  # fmt: skip


def say(server: SimulatedServer, begin: datetime, price: int = 100, **fields: Any) -> None:
    """Let the exchange send a ticker of a trade."""
    at = int(begin.timestamp() * 1000)
    values = {"opening_price": price, "high_price": price, "low_price": price, "acc_trade_volume": 1} | fields
    server.exchange.publish(events.ticker(CODE, price, trade_timestamp=at, timestamp=at, **values))


def snapshot(server: SimulatedServer) -> TickerEvent:
    """The ticker as the exchange shows it."""
    now_ms = server.exchange.market_ms(server.now())
    return server.exchange.market.pairs[CODE].ticker_event(now_ms, StreamType.SNAPSHOT)


def count_calls(server: SimulatedServer, path: str) -> RestFault:
    """Counts down with each call."""
    fault = RestFault("GET", path, "wait", 1_000)
    fault.release.set()
    server.rest_faults.append(fault)
    return fault


async def at_rest(feed: CandleFeed) -> None:
    await until(
        lambda: feed._source.candle is not None and feed._history.is_settled and not len(feed._answers)
    )


@pytest.mark.parametrize("period", list(CandlePeriod))
async def test_the_running_period_is_what_the_exchange_says_and_follows_the_ticker(
    period: CandlePeriod, make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(**QUIET)
    manager = make_manager(server)
    feed = CandleFeed(CODE, period, count=5, manager=manager)
    model = Model(feed)
    assert feed.unit is period
    await until(lambda: model.loaded)
    await at_rest(feed)
    model.check()
    right = await manager.rest.get_candles(CODE, period, count=5)
    assert [shown(candle) for candle in feed] == [shown(candle) for candle in right]
    # The exchange rounds the turnovers of the past, one by one.
    assert float(feed[-1].candle_acc_trade_price or 0) == pytest.approx(
        float(right[-1].candle_acc_trade_price or 0)
    )

    before, ticker = feed[-1], snapshot(server)
    changed: list[int] = []
    feed.candle_changed.connect(changed.append)
    price = int(before.high_price) + 5
    now = (ticker.traded_at or ticker.time) + timedelta(milliseconds=1)
    more = {
        "opening_price": ticker.opening_price,
        "low_price": ticker.low_price,
        "acc_trade_volume": (ticker.acc_trade_volume or 0) + Decimal("0.00000001"),
    }
    say(server, now, price, high_price=price, **more)
    await until(lambda: changed)
    last = feed[-1]
    assert changed == [4]
    assert (last.trade_price, last.high_price, last.low_price) == (price, price, before.low_price)
    assert last.opening_price == before.opening_price
    assert last.candle_acc_trade_volume == (before.candle_acc_trade_volume or 0) + Decimal("0.00000001")
    assert last.start == before.start
    assert last.period is period
    assert not model.errors
    feed.close()


async def test_a_day_begins(make_server: MakeServer, make_manager: MakeManager) -> None:
    """The ticker of another day says so, whatever our own clock says; the last one is read as it ended."""
    server = await make_server(**QUIET)
    feed = CandleFeed(CODE, "1d", count=3, manager=make_manager(server))
    model = Model(feed)
    await until(lambda: model.loaded)
    await at_rest(feed)
    today, last = feed[-1].start, feed[-1]
    assert f"{today:%Y%m%d}" == snapshot(server).trade_date
    calls = count_calls(server, "/v1/candles/days")
    heard: list[TickerEvent] = []
    feed._proxy.ticker_received.connect(heard.append)
    say(server, today - timedelta(days=40), 1)  # a snapshot of long ago
    await until(lambda: len(heard) == 1)
    say(server, today + timedelta(days=1), 1, acc_trade_volume=0)  # no trade yet
    await until(lambda: len(heard) == 2)
    assert feed[-1] == last
    assert len(feed) == 3
    say(server, today + timedelta(days=1, seconds=5), 7)
    await until(lambda: len(feed) == 4)
    await at_rest(feed)
    model.check()
    assert feed[2] == last
    assert (feed[3].start, feed[3].opening_price, feed[3].trade_price) == (today + timedelta(days=1), 7, 7)
    await until(lambda: calls.times == 999)
    say(server, today + timedelta(days=1, seconds=6), 8, opening_price=7, acc_trade_volume=2)
    await until(lambda: feed[3].trade_price == 8)
    await turns(20)
    assert calls.times == 999, "once for each day"
    assert feed.load_more(4)
    assert not feed.load_more(4)
    await until(lambda: len(feed) == 8)
    model.check()
    assert model.loaded == 2
    feed.close()


async def test_weeks_go_by_and_end_as_the_exchange_says(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    scale = 300_000.0
    server = await make_server(**(FAST | {"time_scale": scale, "rate": 288.0 / scale}))
    manager = make_manager(server)
    feed = CandleFeed(CODE, "1w", count=4, manager=manager)
    model = Model(feed)
    await until(lambda: model.loaded)
    before = feed[-1].start
    lives: set[datetime] = set()
    feed.candle_changed.connect(lambda index: lives.add(feed[index].time.replace(hour=0, minute=0, second=0)))
    await until(lambda: feed[-1].start > before, what="another week")
    await until(lambda: feed[-1].time - feed[-1].start > timedelta(days=3), what="some days of it")
    model.check()
    right = {each.start: shown(each) for each in await manager.rest.get_candles(CODE, "1w", count=8)}
    assert [shown(each) for each in feed[:-1]] == [right[each.start] for each in feed[:-1]]
    assert len(lives) > 4
    assert not model.errors
    feed.close()


async def test_closed_days_that_cannot_be_read_are_asked_for_again(
    make_server: MakeServer, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qt_upbit.routing.candle_history._RETRY_MS", 20)
    server = await make_server(**QUIET)
    feed = CandleFeed(CODE, "1M", count=3, manager=make_manager(server))
    model = Model(feed)
    await until(lambda: model.loaded)
    await at_rest(feed)
    before = feed[-1]
    # The second of the next month: of a first day there is nothing to read.
    first = CandlePeriod.MONTH.start_of(before.start + timedelta(days=31))
    server.rest_faults.append(RestFault("GET", "/v1/candles/days", "status", 2, 400))
    say(server, first + timedelta(days=1), 7)
    await until(lambda: len(model.errors) == 2)
    assert len(feed) == 3, "rather late than wrong"
    await until(lambda: len(feed) == 4)
    assert (feed[3].start, feed[3].trade_price) == (first, 7)
    assert [type(error) for error in model.errors] == [RestError] * 2
    feed.close()


async def test_days_are_read_again_after_an_interruption(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(**QUIET)
    feed = CandleFeed(CODE, CandlePeriod.WEEK, count=3, manager=make_manager(server))
    model = Model(feed)
    await until(lambda: model.loaded)
    await at_rest(feed)
    weeks = count_calls(server, "/v1/candles/weeks")
    before = feed[-1]
    gaps: list[object] = []
    feed._proxy.gap_detected.connect(lambda *gap: gaps.append(gap))
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: gaps and weeks.times < 1_000)
    await at_rest(feed)
    assert shown(feed[-1]) == shown(before)
    later = before.time + timedelta(milliseconds=1)
    ticker = snapshot(server)
    say(server, later, 1, acc_trade_volume=(ticker.acc_trade_volume or 0) + 1)
    await until(lambda: feed[-1].trade_price == 1)
    feed.close()


async def test_from_any_length_to_any_other(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(**QUIET)
    manager = make_manager(server)
    feed = CandleFeed(CODE, "1m", count=4, manager=manager)
    model = Model(feed)
    await until(lambda: model.loaded == 1)
    for unit in ("1d", "1w", "1s", "1y", "1M", "1M", "1m"):
        feed.load_more(2)  # an answer that will be late
        feed.set_market(CODE, unit)
        assert (feed.unit, len(feed), model.starts) == (unit, 0, [])
        model.loaded = 0
        await until(lambda: model.loaded)
        await until(lambda: feed._history.is_settled and not len(feed._answers))
        model.check()
        right = await manager.rest.get_candles(CODE, unit, count=4)
        # The time of a frame is another one than that of its last trade.
        assert [shown(candle)[:-1] for candle in feed] == [shown(candle)[:-1] for candle in right]
        with pytest.raises(InvalidSubscriptionError, match="1w, 1M"):
            feed.set_market(CODE, "2d")
        with pytest.raises(InvalidSubscriptionError, match="upper case"):
            feed.set_market("krw-btc", "1d")
        assert (feed.unit, len(feed)) == (unit, 4)
    feed.set_market("KRW-ETH", "1d")
    feed.set_market("KRW-ETH")
    await until(lambda: len(feed) == 4)
    assert {candle.code for candle in feed} == {"KRW-ETH"}
    assert not model.errors
    await until(lambda: manager.metrics().subscriptions == 1)
    feed.close()


async def test_a_ticker_of_no_day_is_reported(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(**QUIET)
    feed = CandleFeed(CODE, "1d", count=3, manager=make_manager(server))
    model = Model(feed)
    await until(lambda: model.loaded)
    await at_rest(feed)
    before = feed[-1]
    server.exchange.publish(events.ticker(CODE, 1, trade_timestamp=10**17, timestamp=2**42))
    await until(lambda: model.errors)
    assert isinstance(model.errors[0], DecodeError)
    assert feed[-1] == before
    feed.close()


async def test_a_week_dies_with_its_parent(make_server: MakeServer, make_manager: MakeManager) -> None:
    manager = make_manager(await make_server(**QUIET))
    parent = QObject()
    feeds = [CandleFeed(CODE, "1w", parent=parent, manager=manager)]
    await until(lambda: len(feeds[0]))
    gone = weakref.ref(feeds.pop())
    parent.deleteLater()
    del parent
    await until(lambda: manager.metrics().subscriptions == 0)
    await turns()
    gc.collect()
    assert gone() is None
