"""Every panel can be reached and used by keys alone, at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.shell.main_window import MainWindow
from demo_app.shell.registry import PANELS
from qt_upbit.simulator import SimulatedServer
from tests.demo_app.conftest import Open
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]


def _press(window: MainWindow, keys: str) -> None:
    QTest.keySequence(window, QKeySequence(keys))


def _focus(window: MainWindow) -> QWidget:
    found = window.focusWidget()
    assert found is not None
    return found


async def test_the_key_of_each_panel_leads_to_what_takes_the_next_keys(
    exchange: Exchange, open_window: Open
) -> None:
    """Not to a bare panel, where arrows and digits are lost."""
    await exchange(account_history=True)
    window = open_window(layout="trading")
    window.activateWindow()
    await until(window.isActiveWindow)
    window.state.set_markets(await window.state.rest.get_markets())
    watch = window.panel("watch_list")
    await until(lambda: not watch.has_placeholder)
    for spec in PANELS:
        _press(window, spec.shortcut)
        panel = window.panel(spec.name)
        await until(lambda panel=panel: not panel.visibleRegion().isEmpty(), what=spec.name)
        focus = _focus(window)
        assert type(focus) is not type(panel), spec.name
        assert panel.isAncestorOf(focus), spec.name
        assert focus.focusPolicy() & Qt.FocusPolicy.TabFocus, spec.name


async def test_watch_list_orders_and_form_work_at_once(exchange: Exchange, open_window: Open) -> None:
    server = await exchange(account_history=True)
    window = open_window(layout="trading")
    window.activateWindow()
    await until(window.isActiveWindow)
    watch, orders, form = (window.panel(name) for name in ("watch_list", "orders", "order_form"))
    assert isinstance(watch, WatchListPanel)
    assert isinstance(orders, OrdersPanel)
    assert isinstance(form, OrderFormPanel)
    window.state.set_markets(await window.state.rest.get_markets())
    await until(lambda: watch.table.model().rowCount() > 3)
    _press(window, "Ctrl+1")
    for _ in range(2):
        QTest.keyClick(_focus(window), Qt.Key.Key_Down)
    QTest.keyClick(_focus(window), Qt.Key.Key_Return)
    await until(lambda: window.state.market != "KRW-BTC")

    _press(window, "Ctrl+7")
    await until(lambda: not form.has_placeholder)
    _press(window, "Ctrl+7")
    QTest.keyClicks(_focus(window), "12")
    assert form.fields.volume.value == 12
    form.fields.kind.setCurrentIndex(1)
    _press(window, "Ctrl+7")
    QTest.keyClicks(_focus(window), "6000")
    assert form.fields.total.value == 6000

    await until(lambda: orders.open_view.isVisible() and orders.open_view.model().rowCount() == 3)
    _press(window, "Ctrl+5")
    QTest.keyClick(_focus(window), Qt.Key.Key_Down)
    QTest.keyClick(_focus(window), Qt.Key.Key_Delete)
    await until(lambda: len(server.exchange.account.open_orders) == 2)
    QApplication.processEvents()
