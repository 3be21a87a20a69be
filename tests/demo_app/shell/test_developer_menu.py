"""The menu of faults of the simulated exchange."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction

from demo_app.shell.developer_menu import DeveloperMenu, fault_name
from demo_app.style.language import LANGUAGES, Language
from qt_upbit import ConnectionState, GlobalWebSocketManager, Scope
from qt_upbit.simulator import FAULTS, SimulatedServer
from tests.demo_app.conftest import Open, Terminal
from tests.support.wait import until


def _actions(menu: DeveloperMenu) -> dict[str, QAction]:
    return {action.objectName(): action for action in menu.findChildren(QAction) if action.objectName()}


@pytest.mark.parametrize("name", LANGUAGES)
async def test_every_fault_has_an_entry_that_injects_it(
    exchange: Terminal, language: Language, name: str
) -> None:
    language.use(name)
    server: SimulatedServer = await exchange()
    said: list[str] = []
    menu = DeveloperMenu(server, said.append)
    actions = _actions(menu)
    assert actions.keys() == FAULTS.keys()
    for name in ("garbage", "refuse_handshakes", "late_frames"):
        actions[name].trigger()
        assert fault_name(name) in said[-1]
    assert [fault.name() for fault in server.faults.armed] == ["garbage", "refuse_handshakes", "late_frames"]
    actions["delist"].trigger()
    actions["delist"].trigger()
    assert "is not traded" in said[-1], "reported, not raised"
    menu.actions()[-1].trigger()
    assert said[-1] == ""
    assert server.faults.armed == ()
    menu.deleteLater()


async def test_a_connection_broken_from_the_menu_recovers(exchange: Terminal, open_window: Open) -> None:
    server: SimulatedServer = await exchange()
    window = open_window()
    assert window.findChild(DeveloperMenu) is None, "only with the embedded exchange"
    window.add_developer_menu(server)
    menu = window.findChild(DeveloperMenu)
    assert menu is not None
    assert menu.menuAction() in window.menuBar().actions()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    _actions(menu)["reset"].trigger()
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects == 1)
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    # The private connection is broken only when chosen.
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    assert manager.metrics().scopes[Scope.PRIVATE].reconnects == 0
    next(action for action in menu.findChildren(QAction) if action.text() == "Private connection").trigger()
    _actions(menu)["reset"].trigger()
    await until(lambda: manager.metrics().scopes[Scope.PRIVATE].reconnects == 1)
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    assert manager.metrics().scopes[Scope.PUBLIC].reconnects == 1
