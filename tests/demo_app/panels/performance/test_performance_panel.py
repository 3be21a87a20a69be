"""The performance panel: figures of the manager, the exchange's own list, and what happened."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QTableWidget

from demo_app.panels.performance.latency_chart import LatencyChart, RateChart
from demo_app.panels.performance.performance_panel import PerformancePanel
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import Delivery, GlobalWebSocketManager, LatencySummary, Scope, WebSocketClientProxy
from qt_upbit.simulator import SimulatedServer
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[[], PerformancePanel]


@pytest.fixture
def state(app: QApplication, tmp_path: Path) -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
    return TerminalState(make_theme("dark", korean=True), guard, settings, "KRW-BTC")


@pytest.fixture
def make(state: TerminalState) -> Iterator[Make]:
    """Create panels, and delete them as a window does; left to the garbage collector, PySide may crash."""
    made: list[PerformancePanel] = []

    def one() -> PerformancePanel:
        made.append(PerformancePanel(state))
        return made[-1]

    yield one
    for panel in made:
        if shiboken6.isValid(panel):
            shiboken6.delete(panel)


def _cells(table: QTableWidget) -> list[list[str]]:
    found = []
    for y in range(table.rowCount()):
        items = [table.item(y, x) for x in range(table.columnCount())]
        found.append([item.text() if item is not None else "" for item in items])
    return found


def _colours(widget: LatencyChart | RateChart) -> set[str]:
    widget.resize(300, 100)
    image = widget.grab().toImage()
    return {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(image.height())}


async def test_connections_subscriptions_and_streams_are_shown(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = make()
    panel.show()
    proxy = WebSocketClientProxy("tape", parent=panel)
    await proxy.subscribe_trade(["KRW-BTC", "KRW-ETH"], delivery=Delivery.EVERY)
    panel._refresh()
    public, private, _info = _cells(panel._connections)
    assert public[:2] == ["Public", "● live"]
    assert private[1:3] == ["● not needed", "0"]
    panel._tabs.setCurrentWidget(panel._subscriptions)
    (row,) = _cells(panel._subscriptions)
    assert row[:5] == ["tape", "trade", "EVERY", "2", "2"]
    panel._tabs.setCurrentIndex(2)
    assert _cells(panel._streams) == [["trade  KRW-BTC", "yes", "–"], ["trade  KRW-ETH", "yes", "–"]]
    await panel._on_ask()
    assert _cells(panel._streams) == [["trade  KRW-BTC", "yes", "yes"], ["trade  KRW-ETH", "yes", "yes"]]
    assert panel._answer.text() == "Upbit sends exactly the requested streams: 2."
    assert panel._ask.isEnabled()
    panel.close()


async def test_a_reconnect_is_requested_and_reported(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = make()
    proxy = WebSocketClientProxy("tape", parent=panel)
    await proxy.subscribe_trade(["KRW-BTC"])
    panel._listed[Scope.PUBLIC] = frozenset()
    panel._reconnect.click()
    await until(lambda: GlobalWebSocketManager.instance().metrics().scopes[Scope.PUBLIC].reconnects == 1)

    def history() -> list[str]:
        return [panel._history.item(i).text()[10:] for i in range(panel._history.count())]

    await until(lambda: any(text.startswith("Public: reconnecting – ") for text in history()))
    await until(lambda: history()[0] == "Public: live")
    assert Scope.PUBLIC not in panel._listed, "the list of the previous connection does not apply to this one"


async def test_no_connection_to_ask_is_reported(offline: None, make: Make) -> None:
    panel = make()
    await panel._on_ask()
    assert panel._answer.text() == "There is no live connection to ask."


async def test_other_colours_and_another_language(offline: None, state: TerminalState, make: Make) -> None:
    panel = make()
    QApplication.sendEvent(panel, QEvent(QEvent.Type.LanguageChange))
    assert panel._tabs.tabText(3) == "History"
    state.set_theme(make_theme("light", korean=True))
    assert make_theme("light", korean=True).accent.name() in panel.styleSheet()


def test_slow_events_are_highlighted(state: TerminalState) -> None:
    chart, theme = LatencyChart(state), state.theme
    chart.show_summary(LatencySummary(count=9, buckets=((0.001, 9),)))
    assert theme.accent.name() in _colours(chart)
    assert theme.warning.name() not in _colours(chart)
    chart.show_summary(LatencySummary(count=10, buckets=((0.001, 9), (0.2, 1))))
    assert theme.warning.name() in _colours(chart)


def test_rates_are_painted_as_a_line(state: TerminalState) -> None:
    chart = RateChart(state)
    ground = _colours(chart)
    for rate in range(200):
        chart.add(float(rate))
    assert state.theme.accent.name() in _colours(chart) - ground


async def test_the_panel_is_released(offline: None, state: TerminalState) -> None:
    panel = PerformancePanel(state)
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    state.set_theme(make_theme("light", korean=False))
