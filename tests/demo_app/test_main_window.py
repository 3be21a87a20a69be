"""The window on a simulated exchange: one connection whatever one clicks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from demo_app import application
from demo_app.candle_series import Candle
from demo_app.i18n import Translator
from demo_app.main_window import MainWindow
from demo_app.market_selector import Market
from demo_app.theme import make_theme
from qt_upbit import CandleUnit, ConnectionState, Credentials, GlobalWebSocketManager, Scope
from qt_upbit.simulator import SimulatedServer
from tests.support.wait import turns, until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Open = Callable[..., MainWindow]


class _History:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, CandleUnit]] = []
        self.answers: list[asyncio.Future[list[Candle]]] = []

    async def markets(self) -> list[Market]:
        return [Market(code, code, code) for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL")]

    async def candles(self, code: str, unit: CandleUnit) -> list[Candle]:
        self.asked.append((code, unit))
        self.answers.append(asyncio.get_running_loop().create_future())
        # Shielded: an answer may be under way to one who no longer waits.
        return await asyncio.shield(self.answers[-1])

    async def aclose(self) -> None:
        pass


@pytest.fixture
def history() -> _History:
    return _History()


@pytest_asyncio.fixture
async def open_window(history: _History) -> AsyncIterator[Open]:
    made: list[tuple[MainWindow, application._Loader]] = []

    def new(market: str = "KRW-BTC") -> MainWindow:
        texts = Translator("en")
        window = MainWindow(make_theme("dark", korean=False), texts, "simulated", market)
        loader: Any = application._Loader(window, history, texts)  # type: ignore[arg-type]
        made.append((window, loader))
        loader.start()
        window.show()
        return window

    yield new
    for window, loader in made:
        await loader.aclose()
        shiboken6.delete(window)


def _wanted(server: SimulatedServer, scope: Scope = Scope.PUBLIC) -> set[tuple[str, str]]:
    """What the exchange was last asked for, over all connections."""
    sessions = [session for session in server.exchange.sessions if session.scope is scope]
    return {key for session in sessions for key in session.streams}


def _streams(code: str, unit: str = "1m") -> set[tuple[str, str]]:
    return {(kind, code) for kind in ("ticker", "orderbook", "trade", f"candle.{unit}")}


def _metrics() -> Any:
    return GlobalWebSocketManager.instance().metrics()


async def test_all_panels_share_one_connection(exchange: Exchange, open_window: Open) -> None:
    server = await exchange(account_running=True)
    window = open_window()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    scopes = _metrics().scopes
    assert (scopes[Scope.PUBLIC].connections_open, scopes[Scope.PRIVATE].connections_open) == (1, 1)
    assert _wanted(server) == _streams("KRW-BTC")
    assert _wanted(server, Scope.PRIVATE) == {("myOrder", ""), ("myAsset", "")}
    await until(lambda: len(window.chart.series) > 0)


async def test_leafing_through_markets_leaves_nothing_behind(exchange: Exchange, open_window: Open) -> None:
    server = await exchange()
    window = open_window()
    codes = ["KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-BTC"]
    for step in range(50):
        window.selector.select(codes[step % 4])
        if step % 5 == 0:
            await turns(3)
    last = window.selector.current
    assert last == codes[49 % 4]
    await until(lambda: _wanted(server) == _streams(last))
    await until(
        lambda: {key.code for key in GlobalWebSocketManager.instance().streams(Scope.PUBLIC)} == {last}
    )
    metrics = _metrics()
    assert metrics.scopes[Scope.PUBLIC].connections_open == 1
    assert metrics.scopes[Scope.PUBLIC].reconnects == 0
    assert metrics.subscriptions == 7  # ticker twice, book, tape, candles, orders, balances
    assert metrics.errors == 0
    assert len([s for s in server.exchange.sessions if s.scope is Scope.PUBLIC]) == 1


async def test_leafing_asks_for_one_history(exchange: Exchange, open_window: Open, history: _History) -> None:
    await exchange()
    window = open_window()
    await until(lambda: len(history.asked) == 1)
    for code in ("KRW-ETH", "KRW-XRP", "KRW-SOL"):
        window.selector.select(code)
        await turns()
    await until(lambda: len(history.asked) == 2)
    assert history.asked == [("KRW-BTC", CandleUnit.M1), ("KRW-SOL", CandleUnit.M1)]


async def test_the_history_of_another_market_comes_too_late(
    exchange: Exchange, open_window: Open, history: _History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_LEAFING_S", 0)
    await exchange()
    window = open_window()
    await until(lambda: len(history.asked) == 1)
    window.selector.select("KRW-ETH")
    await until(lambda: len(history.asked) == 2)
    history.answers[0].set_result([Candle(60, 1, 1, 1, 1, 1)])
    history.answers[1].set_result([Candle(120, 2, 2, 2, 2, 2)])
    await until(lambda: any(candle.start == 120 for candle in window.chart.series.candles))
    assert all(candle.start != 60 for candle in window.chart.series.candles)


async def test_the_unit_changes_the_candles_only(exchange: Exchange, open_window: Open) -> None:
    server = await exchange()
    window = open_window()
    await until(lambda: _wanted(server) == _streams("KRW-BTC"))
    button = next(b for b in window.units.buttons() if b.property("unit") == "5m")
    button.click()
    await until(lambda: _wanted(server) == _streams("KRW-BTC", "5m"))
    await until(lambda: len(window.chart.series) > 0)
    assert _metrics().scopes[Scope.PUBLIC].connections_open == 1


async def test_a_lost_connection_is_shown_and_its_history_fetched(
    exchange: Exchange, open_window: Open, history: _History, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await exchange(market_running=True)
    window = open_window()
    states: list[ConnectionState] = []
    manager = GlobalWebSocketManager.instance()
    manager.state_changed.connect(
        lambda scope, state: states.append(state) if scope is Scope.PUBLIC else None
    )
    await until(lambda: ConnectionState.LIVE in states and len(history.asked) == 1)
    gaps: list[bool] = []
    window.chart.gap_seen.connect(lambda: gaps.append(True))
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: ConnectionState.RECONNECTING in states)
    assert window.chart.is_stale
    await until(lambda: states[-1] is ConnectionState.LIVE, timeout_s=15)
    await until(lambda: bool(gaps) and len(history.asked) >= 2)
    await until(lambda: not window.chart.is_stale)
    assert len(window.chart.gaps) == 1


async def test_without_keys_the_orders_say_why(exchange: Exchange, open_window: Open) -> None:
    await exchange(keys=None)
    window = open_window()
    assert "UPBIT_ACCESS_KEY" in window.orders.message
    await until(lambda: GlobalWebSocketManager.instance().state(Scope.PUBLIC) is ConnectionState.LIVE)
    assert _metrics().scopes[Scope.PRIVATE].connections_open == 0


async def test_a_refused_key_is_said_in_the_orders(exchange: Exchange, open_window: Open) -> None:
    await exchange(keys=Credentials(access_key="wrong", secret_key="w" * 64))
    window = open_window()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.REJECTED, timeout_s=15)
    await until(lambda: "No order" not in window.orders.message)
    assert "w" * 8 not in window.orders.message
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)


async def test_orders_appear_as_they_move(exchange: Exchange, open_window: Open) -> None:
    await exchange(market_running=True, account_running=True, order_interval_s=0.2)
    window = open_window()
    await until(lambda: window.orders.table.rowCount() >= 3, timeout_s=20)


@pytest.mark.parametrize("keys", ["Ctrl+K", "F2"])
async def test_a_key_leads_to_the_search(exchange: Exchange, open_window: Open, keys: str) -> None:
    await exchange()
    window = open_window()
    window.activateWindow()
    await until(window.isActiveWindow)
    if keys == "F2":
        QTest.keyClick(window, Qt.Key.Key_F2)
    else:
        QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    edit = window.selector.lineEdit()
    assert edit is not None
    await until(edit.hasFocus)
    assert edit.selectedText() == window.selector.currentText()
