"""`run`: a QApplication, an asyncio loop inside Qt's, and an orderly shutdown."""

from __future__ import annotations

import asyncio
import atexit
import functools
import math
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, Final, TypeVar

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, QTimerEvent, Signal
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.owned_slot import cancel_running_slots

import qasync  # isort: skip  # after PySide6: it uses the binding that is already loaded

__all__ = ["QtEventLoop", "run", "until_quit"]

_T = TypeVar("_T")

_BATCH_S: Final = 0.004
"""Callbacks run in batches of at most this long, then Qt gets a turn."""
_LONGEST_TIMER_MS: Final = 2**31 - 1
_GRACE_S: Final = 2.0
"""How long `main` may continue after a request to quit."""
_SIGNAL_POLL_MS: Final = 200


class _Timers(QObject):
    """Qt timers behind the loop: one for everything that is ready, one for each delayed callback."""

    soon_requested = Signal(object)
    """`soon` for any thread: Qt queues it when emitted from another one."""

    def __init__(self, loop: QtEventLoop) -> None:
        super().__init__()
        self.soon_requested.connect(self.soon)
        self.setObjectName("qt_upbit event loop timers")
        self._loop = loop
        self._ready: deque[asyncio.Handle] = deque()
        self._ready_timer = 0
        self._later: dict[int, asyncio.Handle] = {}
        self._id_of: dict[asyncio.Handle, int] = {}
        self._stopped = False

    @property
    def has_ready(self) -> bool:
        """Whether callbacks wait for the next iteration."""
        return bool(self._ready)

    def soon(self, handle: asyncio.Handle) -> None:
        self._ready.append(handle)
        if not self._ready_timer and not self._stopped:
            try:
                self._ready_timer = self.startTimer(0)
            except RuntimeError:
                # The interpreter is exiting and the C++ object is already deleted: nothing runs any more.
                self._stopped = True

    def later(self, handle: asyncio.Handle, delay_s: float) -> None:
        # Rounded up and precise: Qt's default timers may fire 5 % early.
        delay_ms = min(math.ceil(delay_s * 1000), _LONGEST_TIMER_MS)
        timer = self.startTimer(delay_ms, Qt.TimerType.PreciseTimer)
        self._later[timer] = handle
        self._id_of[handle] = timer

    def cancel(self, handle: asyncio.Handle) -> None:
        timer = self._id_of.pop(handle, None)
        if timer is not None:
            del self._later[timer]
            self.killTimer(timer)

    def stop(self) -> None:
        self._stopped = True
        for timer in (*self._later, *filter(None, (self._ready_timer,))):
            self.killTimer(timer)
        self._later.clear()
        self._id_of.clear()
        self._ready.clear()
        self._ready_timer = 0

    def timerEvent(self, event: QTimerEvent) -> None:  # Qt's name
        timer = event.timerId()
        if asyncio._get_running_loop() is not self._loop:
            self._hold(timer)
        elif timer == self._ready_timer:
            self._run_ready()
        elif (handle := self._later.pop(timer, None)) is not None:
            self.killTimer(timer)
            del self._id_of[handle]
            early_s = handle.when() - self._loop.time() if isinstance(handle, asyncio.TimerHandle) else 0.0
            if early_s > 0:
                # Qt counts whole milliseconds, and timers are not exact on every system.
                self.later(handle, early_s)
            else:
                self.run_outside_task((handle,))

    def _hold(self, timer: int) -> None:
        """Qt runs but the loop does not: a task resumed now would find no running loop and fail."""
        self.killTimer(timer)
        if timer == self._ready_timer:
            self._ready_timer = 0
        elif (handle := self._later.pop(timer, None)) is not None:
            del self._id_of[handle]
            self._ready.append(handle)

    def resume(self) -> None:
        """The loop is about to run: suspended timers are due."""
        if self._ready and not self._ready_timer and not self._stopped:
            self._ready_timer = self.startTimer(0)

    def _run_ready(self) -> None:
        # Killed first: if a callback opens a nested Qt loop, the next ones must be armed.
        self.killTimer(self._ready_timer)
        self._ready_timer = 0
        self.run_outside_task(self._batch())
        if self._ready and not self._ready_timer and not self._stopped:
            self._ready_timer = self.startTimer(0)

    def _batch(self) -> Any:
        deadline = time.monotonic() + _BATCH_S
        for _ in range(len(self._ready)):
            if not self._ready:
                return  # a nested loop ran them
            handle = self._ready.popleft()
            if self._ready and not self._ready_timer:
                self._ready_timer = self.startTimer(0)
            yield handle
            if time.monotonic() > deadline:
                return

    def run_outside_task(self, handles: Any) -> None:
        """Run callbacks as if no task were running.

        A task that opens a modal dialog is still "running" while the dialog's Qt loop runs; without
        this, each task that is resumed meanwhile would fail to start its step and hang forever.
        """
        task = asyncio.current_task(self._loop)
        if task is not None:
            asyncio.tasks._leave_task(self._loop, task)
        try:
            for handle in handles:
                if not handle.cancelled():
                    handle._run()
        except (SystemExit, KeyboardInterrupt) as exc:
            # PySide would terminate the process at once, or print it and continue.
            self._loop._interrupt(exc)
        finally:
            if task is not None:
                asyncio.tasks._enter_task(self._loop, task)


class QtEventLoop(qasync.QEventLoop):  # type: ignore[misc]  # qasync has no types
    """qasync's loop with callbacks in order, timers that are never early, and nested Qt loops allowed.

    WORKAROUND qasync#123 (order), qasync's coarse timers, and its failure with modal dialogs: drop
    when fixed there. It overrides private methods, hence the pin ``qasync<0.29``; a stock
    ``qasync.QEventLoop`` works with this library too.
    """

    def __init__(self, app: QApplication | None = None, *, already_running: bool = False) -> None:
        self._timers = _Timers(self)
        self._interruption: BaseException | None = None
        self._busy: dict[Any, bool] = {}
        """Notifiers whose callback is running; True for those to be re-enabled afterwards."""
        super().__init__(app, already_running=already_running)
        self._at_exit = functools.partial(_end_threads, weakref.ref(self))
        atexit.register(self._at_exit)

    def run_forever(self) -> Any:
        """Run until `stop`.

        Raises:
            SystemExit, KeyboardInterrupt: raised by a callback, as with asyncio's own loop.
        """
        self._timers.resume()
        result = super().run_forever()
        interruption, self._interruption = self._interruption, None
        if interruption is not None:
            raise interruption
        return result

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done; return its result.

        Stock qasync processes Qt events once more afterwards, when slots that start a coroutine find no loop.

        Raises:
            RuntimeError: the loop is already running, or was stopped before the future was done.
        """
        if self.is_running():
            raise RuntimeError("this event loop is already running")
        future = asyncio.ensure_future(future, loop=self)
        future.add_done_callback(self._stop)
        try:
            self.run_forever()
        except BaseException:
            if future.done() and not future.cancelled():
                future.exception()  # retrieved: it is already propagating
            raise
        finally:
            future.remove_done_callback(self._stop)
        if not future.done():
            raise RuntimeError("the event loop was stopped before its future was done")
        return future.result()

    def _stop(self, _future: object) -> None:
        self.stop()

    def _QEventLoop__on_notifier_ready(  # qasync's private name
        self,
        notifiers: Any,
        notifier: Any,
        fd: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        """A socket is readable or writable: handle it at once.

        Stock qasync disables the notifier, calls back by a timer and enables it again: a tenth of the cost of
        a single frame.
        """
        if notifiers.get(fd) is not notifier:
            notifier.setEnabled(False)  # removed, but its event was already queued
        elif notifier in self._busy:
            # Inside a callback that runs a nested Qt loop: not again before that one is done.
            notifier.setEnabled(False)
            self._busy[notifier] = True
        elif asyncio._get_running_loop() is not self or self._timers.has_ready:
            super()._QEventLoop__on_notifier_ready(notifiers, notifier, fd, callback, args)
        else:
            self._busy[notifier] = False
            try:
                self._timers.run_outside_task((asyncio.Handle(callback, args, self),))
            finally:
                if self._busy.pop(notifier) and notifiers.get(fd) is notifier:
                    notifier.setEnabled(True)

    def _interrupt(self, exc: BaseException) -> None:
        self._interruption = exc
        self.stop()

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback in the next iteration, in the order of the calls."""
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._timers.soon(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Same as `call_soon`, from any thread."""
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._timers.soon_requested.emit(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after `delay` seconds, never earlier."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a time of `loop.time()`, never earlier."""
        self._check_closed()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        delay = when - self.time()
        if delay > 0:
            self._timers.later(handle, delay)
        else:
            self._timers.soon(handle)
        return handle

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        if delay > 0:
            self._timers.later(handle, delay)
        else:
            self._timers.soon(handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timers.cancel(handle)

    def close(self) -> None:
        """Release everything; the loop cannot be used again."""
        if not self.is_closed():
            super().close()
            self._timers.stop()
            atexit.unregister(self._at_exit)


def _end_threads(reference: weakref.ref[QtEventLoop]) -> None:
    """Stop the threads of `run_in_executor` in a process that exits without closing its loop.

    PySide terminates the process at once when a slot raises SystemExit, and Qt aborts it if a thread is
    still waiting for work then.
    """
    loop = reference()
    executor = None if loop is None else getattr(loop, "_QEventLoop__default_executor", None)
    if isinstance(executor, qasync.QThreadExecutor):
        executor.shutdown()


class _QuitFilter(QObject):
    """Turns app.quit(), the closing of the last window and the end of the session into an event.

    By default Qt would leave its loop at once, before sockets are closed, and on Python 3.14 the process
    would then hang.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.setObjectName("qt_upbit quit filter")
        self.quit_requested = asyncio.Event()
        self.waiting = 0
        """Number of coroutines waiting in `until_quit`."""
        self.was_awaited = False
        """Whether one was waiting when the request came, and so continues by itself."""

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
    """Wait until the application is asked to quit: last window closed, ``app.quit()``, Ctrl-C.

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

    Creates the QApplication if there is none. When `main` returns while a window is visible, the
    application runs until it is closed. Quitting (last window, ``app.quit()``, Ctrl-C) cancels
    `main`, unless it ends by itself within two seconds, as after `until_quit`. All connections are
    closed before this returns. It can be called again afterwards.

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
    existing = QApplication.instance()
    if existing is not None and not isinstance(existing, QApplication):
        main.close()
        raise RuntimeError("there is a QCoreApplication already, but widgets need a QApplication")
    app = existing or QApplication(list(sys.argv if argv is None else argv))
    with asyncio.Runner(loop_factory=lambda: QtEventLoop(app)) as runner:
        return runner.run(_supervise(main, app))


async def _supervise(main: Coroutine[Any, Any, _T], app: QApplication) -> _T | None:
    global _quit_filter  # for until_quit()
    quit_filter = _quit_filter = _QuitFilter(app)
    app.installEventFilter(quit_filter)
    restore_signal = _quit_on_sigint(quit_filter)
    try:
        return await _run_until_quit(main, quit_filter)
    finally:
        from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager

        try:
            # Before the manager: their awaits would otherwise fail, and be reported, because it closes.
            await cancel_running_slots()
            await GlobalWebSocketManager.close_instance()
        finally:
            restore_signal()
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
    return any(window.isVisible() for window in QApplication.topLevelWidgets())


def _quit_on_sigint(quit_filter: _QuitFilter) -> Callable[[], None]:
    """Make Ctrl-C quit in order; returns a function that undoes it. An application's own handler stays."""
    before = signal.getsignal(signal.SIGINT)
    of_runner = isinstance(before, functools.partial) and isinstance(
        getattr(before.func, "__self__", None), asyncio.Runner
    )
    if before is not signal.default_int_handler and not of_runner:
        return lambda: None

    def on_sigint(*_: object) -> None:
        if quit_filter.quit_requested.is_set():
            # A second Ctrl-C: quit although something does not end.
            raise KeyboardInterrupt
        quit_filter.request()

    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, on_sigint)
    except (NotImplementedError, RuntimeError):
        # Windows: Python handles the signal only when bytecode runs, and an idle Qt loop runs none.
        poll = QTimer(quit_filter)
        poll.setObjectName("qt_upbit signal poll")
        poll.start(_SIGNAL_POLL_MS)
        poll.timeout.connect(_nothing)
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(on_sigint))
        return lambda: _restore(before)

    def restore_unix() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        _restore(before)

    return restore_unix


def _restore(before: Any) -> None:
    signal.signal(signal.SIGINT, before)


def _nothing() -> None:
    """Let Python process pending signals."""
