"""`install`: makes ``app.exec()`` enough."""

from __future__ import annotations

import asyncio
import atexit
import functools
import weakref
from typing import Final

import shiboken6
from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, QThread, QTimer

from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import WrongThreadError
from qt_upbit.qt.event_loop import QtEventLoop
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.owned_slot import cancel_running_slots

__all__ = ["install"]

_log: Final = logger_of("connection")
_END_MS: Final = 5000
"""How long connections and tasks may take to end with the application."""


def install(app: QCoreApplication | None = None) -> asyncio.AbstractEventLoop:
    """Make an application that calls ``app.exec()`` itself run asyncio as well.

    Call it once, before the first window::

        app = QApplication(sys.argv)
        qt_upbit.install(app)
        window = MainWindow()
        window.show()
        sys.exit(app.exec())

    From now on `asyncio.create_task`, coroutine slots (`owned_slot`) and everything of this library work from
    ordinary Qt code of the GUI thread, below modal dialogs as well. When the application is about to quit,
    running tasks are cancelled and all connections closed, before ``exec()`` returns; it may be called again.
    A task that raises SystemExit ends ``exec()`` with that code.

    Not beside `run`, which does all this itself, nor beside a loop of qasync.

    Args:
        app: a QApplication, QGuiApplication or QCoreApplication; the existing one by default.

    Returns:
        The loop, which is the running one; the same if it is called again.

    Raises:
        RuntimeError: there is no application, or another loop runs in this thread.
        WrongThreadError: this is not the thread of the application.
    """
    if app is not None and not isinstance(app, QCoreApplication):
        raise TypeError(f"install() takes the QApplication, not {type(app).__name__}")
    host = app or QCoreApplication.instance()
    if host is None:
        raise RuntimeError("make a QApplication first: app = QApplication(sys.argv); qt_upbit.install(app)")
    if QThread.currentThread() is not host.thread():
        raise WrongThreadError("install() belongs to the GUI thread, and this is another one")
    running = asyncio._get_running_loop()
    if running is not None:
        if running in _installed:
            return running
        raise RuntimeError(
            f"an asyncio loop is running already ({type(running).__name__}): install() is for programs that "
            "call app.exec() themselves; leave it out"
        )
    loop = QtEventLoop(host)
    loop.attach()
    _installed.add(loop)
    host.aboutToQuit.connect(functools.partial(_end_tasks, loop))
    atexit.register(_close, loop)
    return loop


_installed: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def _end_tasks(loop: QtEventLoop) -> None:
    """Cancel what runs and close all connections, within a nested Qt loop and a bounded time."""
    task = loop.create_task(_tidy(), name="qt_upbit end")
    inner = QEventLoop()
    task.add_done_callback(lambda _: inner.quit())
    timer = QTimer(inner)
    timer.setObjectName("qt_upbit end")
    timer.setSingleShot(True)
    timer.timeout.connect(inner.quit)
    timer.start(_END_MS)
    if not task.done():
        inner.exec()
    if not task.done():
        _log.warning("connections and tasks did not end within %g s", _END_MS / 1000)
        task.cancel()
    elif not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("connections could not be closed in order", exc_info=error)


async def _tidy() -> None:
    # Before the manager: their awaits would otherwise fail, and be reported, because it closes.
    await cancel_running_slots()
    await GlobalWebSocketManager.close_instance()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            _log.warning("a task failed while the application quit", exc_info=ended)


def _close(loop: QtEventLoop) -> None:
    """At exit: the application may have ended without quitting, or never have run."""
    if loop.is_closed():
        return
    app: QObject | None = QCoreApplication.instance()
    if app is not None and shiboken6.isValid(app) and asyncio.all_tasks(loop):
        _end_tasks(loop)
    loop.detach()
    loop.close()
