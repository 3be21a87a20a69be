"""The plain chart in the window: its history, its units, a lost connection, another language."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from demo_app.candle_series import Candle
from demo_app.history import History
from demo_app.main_window import MainWindow
from demo_app.panels import plain
from qt_upbit import CandleUnit, ConnectionState, GlobalWebSocketManager, Scope
from tests.demo_app.conftest import Open, Terminal
from tests.support.wait import turns, until


class _History:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, CandleUnit]] = []
        self.answers: list[asyncio.Future[list[Candle]]] = []

    async def candles(self, _self: object, code: str, unit: CandleUnit, **_: object) -> list[Candle]:
        self.asked.append((code, unit))
        self.answers.append(asyncio.get_running_loop().create_future())
        # Shielded: an answer may be under way to one who no longer waits.
        return await asyncio.shield(self.answers[-1])


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> _History:
    fake = _History()
    monkeypatch.setattr(
        History, "candles", lambda self, code, unit, **more: fake.candles(self, code, unit, **more)
    )
    return fake


def _panel(window: MainWindow) -> Any:
    return window.panel("chart")


async def test_leafing_asks_for_one_history(exchange: Terminal, open_window: Open, history: _History) -> None:
    await exchange()
    window = open_window()
    await until(lambda: len(history.asked) == 1)
    for code in ("KRW-ETH", "KRW-XRP", "KRW-SOL"):
        window.state.set_market(code)
        await turns()
    await until(lambda: len(history.asked) == 2)
    assert history.asked == [("KRW-BTC", CandleUnit.M1), ("KRW-SOL", CandleUnit.M1)]


async def test_the_history_of_another_market_comes_too_late(
    exchange: Terminal, open_window: Open, history: _History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "_LEAFING_S", 0)
    await exchange()
    window = open_window()
    await until(lambda: len(history.asked) == 1)
    window.state.set_market("KRW-ETH")
    await until(lambda: len(history.asked) == 2)
    history.answers[0].set_result([Candle(60, 1, 1, 1, 1, 1)])
    history.answers[1].set_result([Candle(120, 2, 2, 2, 2, 2)])
    await until(lambda: any(candle.start == 120 for candle in _panel(window).chart.series.candles))
    assert all(candle.start != 60 for candle in _panel(window).chart.series.candles)


async def test_the_unit_changes_the_candles_only(exchange: Terminal, open_window: Open) -> None:
    await exchange()
    window = open_window()
    manager = GlobalWebSocketManager.instance()

    def units() -> set[str]:
        return {k.type for k in manager.streams(Scope.PUBLIC) if str(k.type).startswith("candle")}

    await until(lambda: units() == {"candle.1m"})
    next(b for b in _panel(window).units.buttons() if b.property("unit") == "5m").click()
    await until(lambda: units() == {"candle.5m"})
    await until(lambda: len(_panel(window).chart.series) > 0)
    assert manager.metrics().scopes[Scope.PUBLIC].connections_open == 1


async def test_a_lost_connection_is_shown_and_its_history_fetched(
    exchange: Terminal, open_window: Open, history: _History
) -> None:
    server = await exchange(market_running=True)
    window = open_window()
    states: list[ConnectionState] = []
    manager = GlobalWebSocketManager.instance()
    manager.state_changed.connect(
        lambda scope, state: states.append(state) if scope is Scope.PUBLIC else None
    )
    await until(lambda: ConnectionState.LIVE in states and len(history.asked) == 1)
    chart = _panel(window).chart
    gaps: list[bool] = []
    chart.gap_seen.connect(lambda: gaps.append(True))
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: ConnectionState.RECONNECTING in states)
    assert chart.is_stale
    await until(lambda: states[-1] is ConnectionState.LIVE, timeout_s=15)
    await until(lambda: bool(gaps) and len(history.asked) >= 2)
    await until(lambda: not chart.is_stale)
    assert len(chart.gaps) == 1
