"""The Qt tests: an application, the loop they run on, and what they must not leave behind."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
import time
import traceback
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import pytest
import pytest_asyncio
import qasync
import shiboken6
from PySide6.QtCore import QObject, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from qt_upbit import Credentials, GlobalWebSocketManager, WebSocketClientProxy, WebSocketConfig
from qt_upbit.qt.event_loop import QtEventLoop
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from tests.conftest import FAILED
from tests.support import leaks
from tests.support.wait import HANG_S

MakeServer = Callable[..., Awaitable[SimulatedServer]]
MakeManager = Callable[..., GlobalWebSocketManager]


def _application() -> QApplication:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    return app


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Tests run on our loop; with `@on_both_loops` on qasync's own as well."""
    factories: dict[str, Any] = {"qt_upbit": lambda: QtEventLoop(_application())}
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        factories["qasync"] = lambda: qasync.QEventLoop(_application())
    return factories


@pytest.fixture(scope="session")
def app() -> QApplication:
    return _application()


@pytest_asyncio.fixture
async def _no_tasks_left() -> AsyncIterator[None]:
    before = set(leaks.running_tasks())
    yield
    await leaks.check_tasks(before)


@pytest.fixture(autouse=True)
def _no_turns_without_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pytest-qt from running Qt's event loop between a test and its teardown, where no loop runs."""
    monkeypatch.setattr("pytestqt.plugin._process_events", lambda: None)


@pytest.fixture(autouse=True)
def _nothing_left(
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    app: QApplication,
) -> Iterator[None]:
    """Fail a test that leaves a task, socket, timer, proxy or manager, or an unnoticed exception."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        # Makes the loop as well, whose own sockets are thus no leak.
        request.getfixturevalue("_no_tasks_left")
    raised: list[BaseException] = []
    said: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: raised.append(error))
    previous = qInstallMessageHandler(
        lambda kind, context, text: said.append(text) if kind != QtMsgType.QtDebugMsg else None
    )
    sockets = leaks.open_sockets()
    yield
    qInstallMessageHandler(previous)
    left = _left_qt_objects()
    failed = request.node.stash.get(FAILED, False)
    if failed:
        return  # what it left behind follows from that
    leaks.check_sockets(sockets)
    if left:
        pytest.fail("left behind by the test:\n  " + "\n  ".join(left))
    marker = request.node.get_closest_marker("logs")
    leaks.check_logs(caplog, marker.args if marker else ())
    expected = request.node.get_closest_marker("raises_in_slots")
    if expected is None and raised:
        pytest.fail(
            "a slot raised, unnoticed by the test:\n" + "".join(traceback.format_exception(raised[0]))
        )
    if expected is not None and [type(error).__name__ for error in raised] != list(expected.args):
        pytest.fail(f"expected slots to raise {expected.args}, and got {raised}")
    if said:
        pytest.fail("Qt complained:\n  " + "\n  ".join(said))


_seen: weakref.WeakSet[QObject] = weakref.WeakSet()
"""Each fails one test only."""


def _left_qt_objects() -> list[str]:
    gc.collect()
    ours: list[str] = []
    for thing in gc.get_objects():
        try:
            kind = type(thing)
            if kind not in (QTimer, WebSocketClientProxy, GlobalWebSocketManager) or thing in _seen:
                continue
            count = len(ours)
            if kind is QTimer and shiboken6.isValid(thing):
                if thing.objectName().startswith("qt_upbit") and thing.isActive():
                    ours.append(f"active timer {thing.objectName()!r}: its owner was not closed")
            elif kind is WebSocketClientProxy and shiboken6.isValid(thing) and not thing.is_closed:
                ours.append(f"proxy {thing.name!r}: close() it, give it a parent that dies, or drop it")
            elif kind is GlobalWebSocketManager and thing.is_usable:
                ours.append("a manager: `await manager.aclose()`")
            if len(ours) > count:
                _seen.add(thing)
        except (ReferenceError, RuntimeError):
            continue
    return ours


# --- the simulated exchange and a manager on it ----------------------------------------------------

SIMULATOR: dict[str, Any] = {
    "market_running": False,
    "account_running": False,
    "announcement_interval_s": None,
    "markets": 40,
    "snapshot_delays_s": (0.01, 0.02),
    "tick_interval_s": 0.003,
    "max_late_frames": 0,
}
"""A quiet exchange: what moves is what the test moves."""


@pytest_asyncio.fixture
async def make_server() -> AsyncIterator[MakeServer]:
    async with contextlib.AsyncExitStack() as stack:

        async def make(hosts: Collection[str] = (), **settings: Any) -> SimulatedServer:
            return await stack.enter_async_context(
                SimulatedServer(SimulatorSettings(**(SIMULATOR | settings)), hosts=hosts)
            )

        yield make


@pytest_asyncio.fixture
async def server(make_server: MakeServer) -> SimulatedServer:
    return await make_server()


@pytest_asyncio.fixture
async def make_manager() -> AsyncIterator[MakeManager]:
    made: list[GlobalWebSocketManager] = []

    def make(
        server: SimulatedServer,
        *,
        keys: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        **config: Any,
    ) -> GlobalWebSocketManager:
        """With `own_time` as its clock short deadlines are those of an idle machine.

        Not where it reports times of day: gaps and what is recovered of them.
        """
        if keys:
            config["credentials"] = Credentials(
                access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY
            )
        values = {
            "base_url": server.url,
            "close_timeout_s": 0.3,
            "coalesce_s": 0.01,
            "silent_code_timeout_s": HANG_S,
            "snapshot_timeout_s": HANG_S,
            **config,
        }
        made.append(GlobalWebSocketManager(WebSocketConfig.preset("testing", **values), clock=clock))
        # An error of the exchange is what many tests are about, and heard here; any other warning in the log,
        # and an error of another manager that nobody listens to, fails the test.
        made[-1].error_occurred.connect(_heard)
        return made[-1]

    yield make
    for manager in made:
        if shiboken6.isValid(manager):
            await manager.aclose()
            manager.deleteLater()


@pytest_asyncio.fixture
async def manager(server: SimulatedServer, make_manager: MakeManager) -> GlobalWebSocketManager:
    return make_manager(server)


def _heard(_owner: str, _error: object) -> None:
    """Listen."""


MakeProxy = Callable[..., WebSocketClientProxy]


@pytest.fixture
def make_proxy(manager: GlobalWebSocketManager) -> Iterator[MakeProxy]:
    """Proxies on the test's manager, closed afterwards."""
    made: list[WebSocketClientProxy] = []

    def make(name: str = "proxy", parent: QObject | None = None, **options: Any) -> WebSocketClientProxy:
        made.append(WebSocketClientProxy(name, parent, manager=manager, **options))
        return made[-1]

    yield make
    for proxy in made:
        if shiboken6.isValid(proxy):
            proxy.close()


on_both_loops = pytest.mark.asyncio(loop_factories=["qt_upbit", "qasync"])
"""For what must work on a stock qasync loop too."""
