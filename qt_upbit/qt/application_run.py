"""`run`: a QApplication with `QtEventLoop`, and an orderly shutdown however it is asked to quit."""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.event_loop import QtEventLoop
from qt_upbit.qt.owned_slot import cancel_running_slots

__all__ = ["run", "until_quit"]

_T = TypeVar("_T")

_GRACE_S: Final = 2.0
"""How long `main` may continue after a request to quit."""
_SIGNAL_POLL_MS: Final = 200
_QUIT_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C, the system's request to end, the end of the terminal, and Ctrl-Break on Windows, which is also sent
when a console is closed. Not each system has all."""
_FORCING_SIGNALS: Final = ("SIGINT", "SIGBREAK")
"""Given a second time by a person who does not want to wait; the others may come twice by themselves."""
_SESSION_END_S: Final = 4.0
"""Windows ends programs that take more than five seconds."""


class _QuitFilter(QObject):
    """Turns app.quit(), the closing of the last window and the end of the session into an event.

    By default Qt would leave its loop at once, before sockets are closed, and on Python 3.14 the process
    would then hang.

    Signals:
        ``closed()``: everything is closed, and `run` is about to return.
    """

    closed = Signal()

    def __init__(self, app: QCoreApplication) -> None:
        super().__init__(app)
        self.setObjectName("qt_upbit quit filter")
        self.quit_requested = asyncio.Event()
        self.is_closed = False
        self.waiting = 0
        """Number of coroutines waiting in `until_quit`."""
        self.was_awaited = False
        """Whether one was waiting when the request came, and so continues by itself."""
        self._poll: QTimer | None = None

    def poll_signals(self) -> None:
        """Let Python look for signals now and then."""
        if self._poll is None:
            self._poll = QTimer(self)
            self._poll.setObjectName("qt_upbit signal poll")
            self._poll.timeout.connect(_nothing)
            self._poll.start(_SIGNAL_POLL_MS)

    def close_now(self, *_: object) -> None:
        """Quit, and return when everything is closed: there will be no time afterwards."""
        self.request()
        waiting = QEventLoop()
        self.closed.connect(waiting.quit)
        timeout = QTimer(waiting)
        timeout.setObjectName("qt_upbit session end")
        timeout.setSingleShot(True)
        timeout.timeout.connect(waiting.quit)
        timeout.start(round(_SESSION_END_S * 1000))
        if not self.is_closed:
            waiting.exec()

    def report_closed(self) -> None:
        """Everything is closed."""
        self.is_closed = True
        self.closed.emit()

    def request(self) -> None:
        if not self.quit_requested.is_set():
            self.was_awaited = self.waiting > 0
            self.quit_requested.set()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # Qt's name
        if event.type() == QEvent.Type.Quit:
            # Also the second time: a second window that closes must not cut the shutdown short.
            self.request()
            return True
        return False


_quit_filter: _QuitFilter | None = None


async def until_quit() -> None:
    """Wait until the application is asked to quit: last window closed, ``app.quit()``, Ctrl-C, SIGTERM ….

    Raises:
        RuntimeError: not called within `run`.
    """
    if _quit_filter is None:
        raise RuntimeError("until_quit() works inside qt_upbit.run(...) only")
    quit_filter = _quit_filter
    quit_filter.waiting += 1
    try:
        await quit_filter.quit_requested.wait()
    finally:
        quit_filter.waiting -= 1


def run(main: Coroutine[Any, Any, _T], *, argv: Sequence[str] | None = None) -> _T | None:
    """Run a coroutine with Qt and asyncio together, then close everything in order.

    Uses the application that exists: a QApplication, a QGuiApplication (QML) or a QCoreApplication (without
    windows). Creates a QApplication if there is none. When `main` returns while a window is visible, the
    application runs until it is closed. Quitting (last window, ``app.quit()``, Ctrl-C, SIGTERM, SIGHUP,
    Ctrl-Break, the end of a Windows session) cancels `main`, unless it ends by itself within two
    seconds, as after `until_quit`. All connections are closed before this returns. It can be called
    again afterwards.

    Args:
        main: the program.
        argv: for a new QApplication; ``sys.argv`` by default.

    Returns:
        What `main` returned; None if it was cancelled by quitting.

    Raises:
        Whatever `main` raised.
    """
    if threading.current_thread() is not threading.main_thread():
        main.close()
        raise RuntimeError("qt_upbit.run() must be called from the main thread, where Qt's GUI lives")
    if asyncio._get_running_loop() is not None:
        main.close()
        raise RuntimeError("qt_upbit.run() cannot be called while an asyncio loop is running: await instead")
    app = QCoreApplication.instance() or QApplication(list(sys.argv if argv is None else argv))
    with asyncio.Runner(loop_factory=lambda: QtEventLoop(app)) as runner:
        return runner.run(_supervise(main, app))


async def _supervise(main: Coroutine[Any, Any, _T], app: QCoreApplication) -> _T | None:
    global _quit_filter  # for until_quit()
    quit_filter = _quit_filter = _QuitFilter(app)
    app.installEventFilter(quit_filter)
    restore_signals = _quit_on_signals(quit_filter)
    restore_session = _quit_at_session_end(app, quit_filter)
    try:
        return await _run_until_quit(main, quit_filter)
    finally:
        from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager

        try:
            # Before the manager: their awaits would otherwise fail, and be reported, because it closes.
            await cancel_running_slots()
            await GlobalWebSocketManager.close_instance()
        finally:
            quit_filter.report_closed()
            restore_session()
            restore_signals()
            app.removeEventFilter(quit_filter)
            quit_filter.deleteLater()
            _quit_filter = None


async def _run_until_quit(main: Coroutine[Any, Any, _T], quit_filter: _QuitFilter) -> _T | None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main, name="qt_upbit main")
    quitting = loop.create_task(quit_filter.quit_requested.wait(), name="qt_upbit quit")
    try:
        await asyncio.wait((task, quitting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            result = task.result()
            if _has_visible_window():
                await quitting
            return result
        await asyncio.wait((task,), timeout=_GRACE_S if quit_filter.was_awaited else 0)
        if not task.done():
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return None
    finally:
        for each in (quitting, task):
            each.cancel()
        await asyncio.gather(quitting, task, return_exceptions=True)


def _has_visible_window() -> bool:
    if not isinstance(QCoreApplication.instance(), QGuiApplication):
        return False
    # Of QML as well as of widgets; a tool tip keeps no program running.
    return any(
        window.isVisible() and window.type() in (Qt.WindowType.Window, Qt.WindowType.Dialog)
        for window in QGuiApplication.topLevelWindows()
    )


def _quit_on_signals(quit_filter: _QuitFilter) -> Callable[[], None]:
    """Make the signals that end programs quit in order; returns a function that undoes it."""
    restore = [
        _quit_on_signal(number, quit_filter, forces=name in _FORCING_SIGNALS)
        for name in _QUIT_SIGNALS
        if (number := getattr(signal, name, None)) is not None
    ]

    def restore_all() -> None:
        for each in restore:
            each()

    return restore_all


def _quit_on_signal(number: signal.Signals, quit_filter: _QuitFilter, *, forces: bool) -> Callable[[], None]:
    """Make one signal quit in order. An application's own handler stays, as does ignoring it (``nohup``)."""
    before = signal.getsignal(number)
    of_runner = isinstance(before, functools.partial) and isinstance(
        getattr(before.func, "__self__", None), asyncio.Runner
    )
    if before not in (signal.SIG_DFL, signal.default_int_handler) and not of_runner:
        return _nothing

    def on_signal(*_: object) -> None:
        if forces and quit_filter.quit_requested.is_set():
            # A second Ctrl-C: quit although something does not end.
            raise KeyboardInterrupt
        quit_filter.request()

    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, on_signal)
    except (NotImplementedError, RuntimeError):
        # Windows: Python handles the signal only when bytecode runs, and an idle Qt loop runs none.
        quit_filter.poll_signals()
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(on_signal))
        return functools.partial(_restore, number, before)

    def restore_unix() -> None:
        loop.remove_signal_handler(number)
        _restore(number, before)

    return restore_unix


def _quit_at_session_end(
    app: Any, quit_filter: _QuitFilter, platform: str = sys.platform
) -> Callable[[], None]:
    """Make the end of a Windows session quit in order; returns a function that undoes it.

    Windows ends the process as soon as Qt's signal returns, so it returns when everything is closed, or
    after `_SESSION_END_S`. Elsewhere the same signals also ask to save, and the session then goes on: there
    the system sends SIGTERM, or Qt's own event to quit.
    """
    if platform != "win32":
        return _nothing
    app.commitDataRequest.connect(quit_filter.close_now, Qt.ConnectionType.DirectConnection)
    app.saveStateRequest.connect(quit_filter.close_now, Qt.ConnectionType.DirectConnection)

    def restore() -> None:
        app.commitDataRequest.disconnect(quit_filter.close_now)
        app.saveStateRequest.disconnect(quit_filter.close_now)

    return restore


def _restore(number: signal.Signals, before: Any) -> None:
    signal.signal(number, before)


def _nothing() -> None:
    """Let Python process pending signals; or undo nothing."""
