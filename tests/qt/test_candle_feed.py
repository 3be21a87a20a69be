"""A chart's candles: history and stream without a seam, against the exchange's own."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from PySide6.QtCore import QObject

from qt_upbit import (
    CandleFeed,
    CandleUnit,
    GlobalWebSocketManager,
    InvalidSubscriptionError,
    RestError,
    Scope,
)
from qt_upbit.simulator.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
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
        assert tuple(value * 10**8 for value in shown) == timed.candle[:5], candle.start
        seen += 1
    assert seen == len(feed) - 1


async def outage(server: SimulatedServer, manager: GlobalWebSocketManager, market_s: float) -> None:
    begin = server.exchange.market_ms(server.now())
    server.refuse_connections = True
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: server.exchange.market_ms(server.now()) - begin > market_s * 1000, 30, "outage")
    server.refuse_connections = False
    await until(lambda: manager.public_state == "live", 15, "connected again")


@pytest.mark.parametrize(("unit", "scale"), [("1s", 60.0), ("1m", 120.0), ("240m", 7200.0)])
@pytest.mark.parametrize("recover", [True, False], ids=["recovered", "refetched"])
async def test_no_hole_and_no_duplicate_across_an_outage_of_two_minutes(
    unit: str, scale: float, recover: bool, make_server: MakeServer, make_manager: MakeManager
) -> None:
    length = CandleUnit(unit).seconds
    server = await make_server(**(FAST | {"time_scale": scale, "rate": 2.0 if scale < 1000 else 0.04}))
    manager = make_manager(server, recover_gaps=recover)
    feed = CandleFeed(CODE, unit, count=300, manager=manager)
    model = Model(feed)
    await until(lambda: model.loaded and len(feed) >= 300, 15)
    before = feed[-1].start
    await outage(server, manager, 120.0)
    await until(lambda: len(feed) and (feed[-1].start - before).total_seconds() >= max(120, length), 20)
    after = feed[-1].start.timestamp()
    await until(lambda: feed[-1].start.timestamp() >= after + 2 * length, 20, "live again")
    await until(lambda: not feed._is_mending and feed._hole is None and not feed._answers)
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


async def test_another_market_begins_anew(make_server: MakeServer, make_manager: MakeManager) -> None:
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


async def test_history_that_fails_is_told_and_asked_again(
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
    monkeypatch.setattr("qt_upbit.qt.candle_feed._RETRY_MS", 20)
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
