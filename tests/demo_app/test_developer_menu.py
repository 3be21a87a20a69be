"""The menu that lets things go wrong at the simulated exchange."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton

from demo_app.developer_menu import DeveloperMenu
from demo_app.i18n import Translator
from demo_app.main_window import MainWindow
from demo_app.theme import Theme
from qt_upbit import ConnectionState, GlobalWebSocketManager, Scope
from qt_upbit.simulator import FAULTS, SimulatedServer
from tests.demo_app.conftest import Terminal
from tests.support.wait import until


def _actions(menu: DeveloperMenu) -> dict[str, QAction]:
    return {action.objectName(): action for action in menu.findChildren(QAction) if action.objectName()}


async def test_every_fault_has_an_entry_that_does_it(
    exchange: Terminal, theme: Theme, texts: Translator
) -> None:
    server: SimulatedServer = await exchange()
    said: list[str] = []
    menu = DeveloperMenu(server, theme, texts, said.append)
    actions = _actions(menu)
    assert actions.keys() == FAULTS.keys()
    for name in ("garbage", "refuse_handshakes", "stray_frames"):
        actions[name].trigger()
        assert texts(f"fault.{name}") in said[-1]
    assert [fault.name() for fault in server.faults.armed] == ["garbage", "refuse_handshakes", "stray_frames"]
    actions["delist"].trigger()
    actions["delist"].trigger()
    assert "is not traded" in said[-1], "said, not raised"
    menu.actions()[-1].trigger()
    assert said[-1] == ""
    assert server.faults.armed == ()
    menu.deleteLater()


async def test_a_line_that_is_broken_from_the_menu_heals(
    exchange: Terminal, theme: Theme, texts: Translator
) -> None:
    server: SimulatedServer = await exchange()
    window = MainWindow(theme, texts, "simulated", "KRW-BTC")
    assert window.findChild(QToolButton, "developer") is None, "not without the exchange in this program"
    window.add_developer_menu(server, theme)
    button = window.findChild(QToolButton, "developer")
    menu: Any = button.menu()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    _actions(menu)["reset"].trigger()
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects == 1)
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    window.close()
    window.deleteLater()
