"""The Qt tests: an application, the loop they run on, and what they must not leave behind."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import pytest
import pytest_asyncio
import qasync
import shiboken6
from PySide6.QtCore import QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from qt_upbit import GlobalWebSocketManager, WebSocketClientProxy
from qt_upbit.qt.event_loop import QtEventLoop
from tests.support import leaks


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
def _nothing_left(
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    app: QApplication,
) -> Iterator[None]:
    """Fail a test that leaves a task, socket, timer, proxy or manager, or an exception nobody saw."""
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
    leaks.check_sockets(sockets)
    _check_qt_objects()
    marker = request.node.get_closest_marker("logs")
    leaks.check_logs(caplog, marker.args if marker else ())
    expected = request.node.get_closest_marker("raises_in_slots")
    if expected is None and raised:
        pytest.fail("a slot raised and nobody looked:\n" + "".join(traceback.format_exception(raised[0])))
    if expected is not None and [type(error) for error in raised] != list(expected.args):
        pytest.fail(f"expected slots to raise {expected.args}, and got {raised}")
    if said:
        pytest.fail("Qt complained:\n  " + "\n  ".join(said))


def _check_qt_objects() -> None:
    gc.collect()
    ours: list[str] = []
    for thing in gc.get_objects():
        try:
            kind = type(thing)
            if kind is QTimer and shiboken6.isValid(thing):
                if thing.objectName().startswith("qt_upbit") and thing.isActive():
                    ours.append(f"active timer {thing.objectName()!r}: its owner was not closed")
            elif kind is WebSocketClientProxy and shiboken6.isValid(thing) and not thing.is_closed:
                ours.append(f"proxy {thing.name!r}: close() it, give it a parent that dies, or drop it")
            elif kind is GlobalWebSocketManager and thing.is_usable:
                ours.append("a manager: `await manager.aclose()`")
        except (ReferenceError, RuntimeError):
            continue
    if ours:
        pytest.fail("left behind by the test:\n  " + "\n  ".join(ours))
