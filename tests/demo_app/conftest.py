"""The demo's tests: a quiet exchange, the application's manager on it, and no unexpected Qt messages."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import pytest
import pytest_asyncio
import shiboken6
from PySide6.QtCore import QSettings, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from demo_app.preferences import Preferences
from demo_app.shell.main_window import MainWindow
from demo_app.style.appearance import Appearance
from demo_app.style.language import Language
from demo_app.style.theme import Theme, make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import Credentials, GlobalWebSocketManager, WebSocketConfig
from qt_upbit.qt.event_loop import QtEventLoop
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedServer,
    SimulatorSettings,
)

Terminal = Callable[..., Awaitable[SimulatedServer]]
Open = Callable[..., MainWindow]

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)


def _application() -> QApplication:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    app.setStyle("Fusion")
    app.setQuitOnLastWindowClosed(False)
    return app


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    return {"qt_upbit": lambda: QtEventLoop(_application())}


@pytest.fixture(scope="session")
def app() -> QApplication:
    return _application()


@pytest.fixture(autouse=True)
def _silence(app: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which Qt complains or a slot raises."""
    raised: list[BaseException] = []
    said: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: raised.append(error))

    def record(kind: QtMsgType, _context: object, text: str) -> None:
        # The offscreen platform reports what it does not support.
        if kind != QtMsgType.QtDebugMsg and "This plugin does not support" not in text:
            said.append(text)

    previous = qInstallMessageHandler(record)
    yield
    qInstallMessageHandler(previous)
    if raised:
        pytest.fail("a slot raised:\n" + "".join(traceback.format_exception(raised[0])))
    if said:
        pytest.fail("Qt complained:\n  " + "\n  ".join(said))


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest, app: QApplication) -> Theme:
    return make_theme(request.param, korean=True)


@pytest.fixture(autouse=True)
def _no_turns_without_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pytest-qt from running Qt's event loop between a test and its teardown, without an asyncio loop.

    In the terminal one is always running, and slots start coroutines.
    """
    monkeypatch.setattr("pytestqt.plugin._process_events", lambda: None)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    """Settings in a temporary file, never the user's own."""
    return QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def language(app: QApplication) -> Iterator[Language]:
    """The terminal's language; restored afterwards."""
    made = Language()
    made.use("en")
    yield made
    made.close()


def make_state(settings: QSettings, theme: Theme, market: str = "KRW-BTC") -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    return TerminalState(theme, guard, settings, market)


@pytest.fixture
def state(settings: QSettings, language: Language) -> TerminalState:
    return make_state(settings, make_theme("dark", korean=False))


@pytest_asyncio.fixture
async def open_window(settings: QSettings, language: Language) -> AsyncIterator[Open]:
    """Open the terminal's window, in English and dark; the manager must exist already."""
    made: list[tuple[MainWindow, Appearance]] = []

    def new(market: str = "KRW-BTC", layout: str | None = None) -> MainWindow:
        state = make_state(settings, make_theme("dark", korean=False), market)
        appearance = Appearance(state, language, Preferences(settings))
        made.append((MainWindow(state, appearance, "simulated", layout), appearance))
        made[-1][0].show()
        return made[-1][0]

    yield new
    for window, appearance in made:
        window.close()
        shiboken6.delete(window)
        appearance.close()


def _configure(config: WebSocketConfig) -> None:
    # A failed test may have left a manager on a closed loop, which must not fail the next test.
    GlobalWebSocketManager._instance = None
    GlobalWebSocketManager.configure(config)


@pytest_asyncio.fixture
async def offline() -> AsyncIterator[None]:
    """The application's manager, for widgets fed by the test itself: it is closed before it connects."""
    _configure(WebSocketConfig(base_url="http://127.0.0.1:1", credentials=KEYS))
    yield
    await GlobalWebSocketManager.close_instance()


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Callable[..., Awaitable[SimulatedServer]]]:
    """Start a simulated exchange and let the application's manager use it."""
    async with AsyncExitStack() as stack:

        async def start(*, keys: Credentials | None = KEYS, **settings: Any) -> SimulatedServer:
            values = {"markets": 30, "market_running": False, "account_running": False, **settings}
            server = await stack.enter_async_context(SimulatedServer(SimulatorSettings(**values)))
            config = WebSocketConfig(base_url=server.url, credentials=keys, use_system_proxy=False)
            _configure(config)
            stack.push_async_callback(GlobalWebSocketManager.close_instance)
            return server

        yield start
