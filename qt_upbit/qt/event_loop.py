"""`QtEventLoop`: asyncio's loop inside Qt's."""

from __future__ import annotations

import asyncio
import atexit
import functools
import math
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimerEvent, Signal

import qasync  # isort: skip  # after PySide6: it uses the binding that is already loaded

__all__ = ["QtEventLoop", "exit_code"]

_BATCH_S: Final = 0.004
"""Callbacks run in batches of at most this long, then Qt gets a turn."""
_LONGEST_TIMER_MS: Final = 2**31 - 1


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
            self._defer(timer)
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

    def _defer(self, timer: int) -> None:
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

    def __init__(self, app: QCoreApplication | None = None, *, already_running: bool = False) -> None:
        self._timers = _Timers(self)
        self._interruption: BaseException | None = None
        self._is_attached = False
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

    def attach(self) -> None:
        """Run from now on, within whatever Qt loop runs in this thread, until `detach`.

        For an application that calls ``exec()`` itself. `stop`, and a callback that raises SystemExit, then
        leave the application's loop.

        Raises:
            RuntimeError: a loop runs already in this thread.
        """
        if self.is_running() or asyncio._get_running_loop() is not None:
            raise RuntimeError("another event loop is running in this thread")
        self._check_closed()
        self._QEventLoop__is_running = True  # qasync's private name
        self._before_run_forever()
        asyncio._set_running_loop(self)
        self._is_attached = True
        self._timers.resume()

    def detach(self) -> None:
        """Run no more; the loop can be closed. Idempotent."""
        if self._is_attached:
            self._is_attached = False
            asyncio._set_running_loop(None)
            self._after_run_forever()
            self._QEventLoop__is_running = False

    def stop(self) -> None:
        """Leave `run_forever`; attached, the application's ``exec()``."""
        if not self._is_attached:
            super().stop()
            return
        interruption, self._interruption = self._interruption, None
        QCoreApplication.exit(exit_code(interruption))

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


def exit_code(interruption: BaseException | None) -> int:
    """What a process ends with after an exception that ends it, as Python has it."""
    if isinstance(interruption, KeyboardInterrupt):
        return 130
    code = interruption.code if isinstance(interruption, SystemExit) else None
    return code if isinstance(code, int) else int(code is not None)


def _end_threads(reference: weakref.ref[QtEventLoop]) -> None:
    """Stop the threads of `run_in_executor` in a process that exits without closing its loop.

    PySide terminates the process at once when a slot raises SystemExit, and Qt aborts it if a thread is
    still waiting for work then.
    """
    loop = reference()
    executor = None if loop is None else getattr(loop, "_QEventLoop__default_executor", None)
    if isinstance(executor, qasync.QThreadExecutor):
        executor.shutdown()
