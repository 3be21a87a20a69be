"""The terminal on an X display with a window manager and a system tray: `bash .ci/desktop/run`.

Mouse and keys are those of the X server (xdotool), as a person's are; what they did is read from the window.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QSystemTrayIcon, QWidget

from demo_app.shell.main_window import MainWindow
from qt_upbit.simulator import SimulatedServer
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]


async def _xdotool(*words: object) -> str:
    process = await asyncio.create_subprocess_exec(
        "xdotool", *map(str, words), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, words
    return out.decode()


async def _press(keys: str) -> None:
    await _xdotool("key", "--clearmodifiers", keys)


async def _move(widget: QWidget, place: QPoint) -> None:
    there = widget.mapToGlobal(place)
    await _xdotool("mousemove", "--sync", there.x(), there.y())


@pytest_asyncio.fixture
async def window(exchange: Exchange, open_window: Callable[..., MainWindow]) -> AsyncIterator[MainWindow]:
    assert QGuiApplication.platformName() == "xcb"
    await exchange()
    made = open_window(layout="trading")
    made.resize(1200, 800)
    await until(made.isActiveWindow, timeout_s=20)
    yield made


async def test_keys_reach_the_window(window: MainWindow) -> None:
    await _press("ctrl+alt+2")
    await until(lambda: window.docks.current == "chart")
    await _press("ctrl+3")
    await until(lambda: not window.docks.docks["orderbook"].isHidden())
    await _press("ctrl+shift+3")
    await until(lambda: window.docks.docks["orderbook"].isHidden())
    await _press("F1")
    await until(lambda: any(isinstance(each, QDialog) for each in QApplication.topLevelWidgets()))
    await _press("Escape")
    await until(
        lambda: not any(isinstance(e, QDialog) and e.isVisible() for e in QApplication.topLevelWidgets())
    )


async def test_a_panel_is_pulled_out_by_its_title_and_a_key_reaches_it_there(window: MainWindow) -> None:
    dock = window.docks.docks["chart"]
    assert not dock.isFloating()
    await _move(dock, QPoint(120, 10))
    await _xdotool("mousedown", 1)
    # In steps, as a hand moves: Qt begins a drag when the mouse has gone some way.
    for step in range(1, 12):
        await _move(window, QPoint(300 + 20 * step, 200 + 20 * step))
    await until(dock.isFloating)
    await _xdotool("mouseup", 1)
    window.docks.apply("trading")
    await until(lambda: not dock.isFloating())


async def test_a_floating_panel_hears_the_keys_of_the_window(window: MainWindow) -> None:
    dock = window.docks.docks["trades"]
    dock.setFloating(True)
    dock.activateWindow()
    await until(dock.isActiveWindow)
    await _press("ctrl+alt+4")
    await until(lambda: window.docks.current == "wide")
    assert not dock.isFloating()


async def test_the_tray_has_an_icon_and_a_click_brings_the_window_back(window: MainWindow) -> None:
    assert QSystemTrayIcon.isSystemTrayAvailable()
    icon = window.tray.icon
    assert icon is not None
    await until(lambda: icon.geometry().isValid())
    window.showMinimized()
    await until(window.isMinimized)
    await _xdotool("mousemove", "--sync", icon.geometry().center().x(), icon.geometry().center().y())
    await _xdotool("click", 1)
    await until(lambda: not window.isMinimized() and window.isActiveWindow())


async def test_a_notice_is_shown_by_the_tray(window: MainWindow) -> None:
    before = set(map(id, QApplication.topLevelWidgets()))
    window.state.noticed.emit("Filled", "KRW-BTC 0.1")
    # Without a notification service Qt shows a balloon of its own.
    await until(lambda: any(e.isVisible() and id(e) not in before for e in QApplication.topLevelWidgets()))
