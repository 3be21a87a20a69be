"""The window on a simulated exchange: one connection, whatever is clicked."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from demo_app.dialogs.settings import SettingsDialog
from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.chart.chart_panel import ChartPanel
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.panels.watch_list.watch_model import Column
from demo_app.shell.main_window import MainWindow
from qt_upbit import ConnectionState, Credentials, GlobalWebSocketManager, Scope
from qt_upbit.simulator import SimulatedServer
from tests.demo_app.conftest import Open
from tests.demo_app.conftest import Terminal as Exchange
from tests.support.wait import turns, until


def _orders(window: MainWindow) -> OrdersPanel:
    panel = window.panel("orders")
    assert isinstance(panel, OrdersPanel)
    return panel


def _wanted(server: SimulatedServer, scope: Scope = Scope.PUBLIC) -> set[tuple[str, str]]:
    """The last requested streams, over all connections."""
    sessions = [session for session in server.exchange.sessions if session.scope is scope]
    return {key for session in sessions for key in session.streams}


def _streams(code: str, unit: str = "1m") -> set[tuple[str, str]]:
    return {(kind, code) for kind in ("ticker", "orderbook", "trade", f"candle.{unit}")}


def _metrics() -> Any:
    return GlobalWebSocketManager.instance().metrics()


async def test_all_panels_share_one_connection(exchange: Exchange, open_window: Open) -> None:
    server = await exchange(account_running=True)
    open_window()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    scopes = _metrics().scopes
    assert (scopes[Scope.PUBLIC].connections_open, scopes[Scope.PRIVATE].connections_open) == (1, 1)
    assert _wanted(server) == _streams("KRW-BTC")
    assert _wanted(server, Scope.PRIVATE) == {("myOrder", ""), ("myAsset", ""), ("announcement", "")}


async def test_stepping_through_markets_leaves_no_subscriptions(
    exchange: Exchange, open_window: Open
) -> None:
    server = await exchange()
    window = open_window()
    await until(lambda: _wanted(server) == _streams("KRW-BTC"))
    subscriptions = _metrics().subscriptions
    codes = ["KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-BTC"]
    for step in range(50):
        window.state.set_market(codes[step % 4])
        if step % 5 == 0:
            await turns(3)
    last = window.state.market
    assert last == codes[49 % 4]
    await until(lambda: _wanted(server) == _streams(last))
    await until(
        lambda: {key.code for key in GlobalWebSocketManager.instance().streams(Scope.PUBLIC)} == {last}
    )
    metrics = _metrics()
    assert metrics.scopes[Scope.PUBLIC].connections_open == 1
    assert metrics.scopes[Scope.PUBLIC].reconnects == 0
    assert metrics.subscriptions == subscriptions
    assert metrics.errors == 0
    assert len([s for s in server.exchange.sessions if s.scope is Scope.PUBLIC]) == 1


async def test_without_keys_the_orders_say_why(exchange: Exchange, open_window: Open) -> None:
    await exchange(keys=None)
    window = open_window()
    assert _orders(window).has_placeholder
    await until(lambda: GlobalWebSocketManager.instance().state(Scope.PUBLIC) is ConnectionState.LIVE)
    assert _metrics().scopes[Scope.PRIVATE].connections_open == 0


async def test_a_refused_key_is_reported_in_the_orders_panel(exchange: Exchange, open_window: Open) -> None:
    await exchange(keys=Credentials(access_key="wrong", secret_key="w" * 64))
    window = open_window()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.REJECTED)
    await until(lambda: _orders(window).has_placeholder)
    assert "w" * 8 not in " ".join(label.text() for label in window.findChildren(QLabel))
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)


async def test_orders_appear_as_they_happen(exchange: Exchange, open_window: Open) -> None:
    await exchange(market_running=True, account_running=True, order_interval_s=0.2)
    window = open_window()
    orders = _orders(window)

    def rows() -> int:
        return orders.open_view.model().rowCount() + orders.closed_view.model().rowCount()

    await until(lambda: rows() >= 3)


@pytest.mark.parametrize("keys", ["Ctrl+K", "F2"])
async def test_a_shortcut_goes_to_the_search(exchange: Exchange, open_window: Open, keys: str) -> None:
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


async def test_entering_keys_opens_the_settings(exchange: Exchange, open_window: Open) -> None:
    await exchange(keys=None)
    window = open_window()
    button = next(each for each in _orders(window).findChildren(QPushButton) if "keys" in each.text())
    button.click()
    await until(lambda: bool(window.findChildren(SettingsDialog)))
    window.findChildren(SettingsDialog)[0].close()


async def test_names_of_markets_change_with_the_language(exchange: Exchange, open_window: Open) -> None:
    await exchange()
    window = open_window()
    window.state.set_markets(await window.state.rest.get_markets())
    watch, chart = window.panel("watch_list"), window.panel("chart")
    assert isinstance(watch, WatchListPanel)
    assert isinstance(chart, ChartPanel)
    name = watch.order.index(watch.order.row_of("KRW-BTC"), Column.NAME)

    async def speak(language: str, wanted: str) -> None:
        window.appearance.set_language(language)
        # Qt posts the event to windows.
        await until(lambda: chart.content.title.startswith(f"{wanted} BTC/KRW"))
        assert name.data() == wanted

    await speak("ko", "비트코인")
    await speak("en", "Bitcoin")
