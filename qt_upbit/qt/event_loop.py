"""`QtEventLoop`: asyncio's loop inside Qt's."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterable
from contextvars import Context
from selectors import EVENT_READ, SelectorKey
from typing import Any, Final, Self, TypeVarTuple

from PySide6.QtCore import QCoreApplication, QSocketNotifier

from qt_upbit.qt.completion_poller import CompletionPoller, Packet
from qt_upbit.qt.loop_timers import LoopTimers
from qt_upbit.qt.notifier_selector import NotifierSelector

__all__ = ["BaseQtEventLoop", "QtEventLoop", "exit_code"]

_Ts = TypeVarTuple("_Ts")
_CALLERS: Final = (asyncio.BaseTransport, asyncio.BaseProtocol)
"""Whose callbacks may call a protocol."""


class _Turn:
    """A transport whose callback runs: which callbacks, and what waits for their end."""

    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.running: list[object] = []
        self.waiting: list[asyncio.Handle] = []


class BaseQtEventLoop(asyncio.BaseEventLoop):
    """An asyncio loop that Qt's loop turns: callbacks, time, running, stopping. Sockets are the subclass's.

    Callbacks run in the order of their calls, timers never early and in the order of their times, and both go
    on below a nested Qt loop (a modal dialog), where no protocol is called inside itself. A stock
    ``qasync.QEventLoop`` works with this library too, without these promises.
    """

    def __new__(cls, app: QCoreApplication | None = None, *_: Any) -> Self:
        """Refuse to be made without an application.

        Raises:
            RuntimeError: there is none.
        """
        if app is None and QCoreApplication.instance() is None:
            raise RuntimeError("create a QApplication before its event loop")
        return super().__new__(cls)

    def __init__(self, app: QCoreApplication | None, *args: Any) -> None:
        """Begin, not running.

        Args:
            app: the application; the existing one by default.
            *args: for the other base class.
        """
        self._app: Any = app or QCoreApplication.instance()
        self._is_running = False
        self._interruption: BaseException | None = None
        self._attached_hooks: Any = None
        self._turns: dict[asyncio.BaseTransport, _Turn] = {}
        self._timers = LoopTimers(
            self.run_outside_task, lambda: asyncio._get_running_loop() is self, time.perf_counter
        )
        super().__init__(*args)

    # --- running ------------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until `stop`.

        Raises:
            RuntimeError: a loop runs already in this thread, or this one is closed.
            SystemExit, KeyboardInterrupt: raised by a callback, as with asyncio's own loop.
        """
        self._refuse_closed()
        if self._is_running:
            raise RuntimeError("this event loop is already running")
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("another event loop is running in this thread")
        hooks = sys.get_asyncgen_hooks()
        self._is_running = True
        try:
            base: Any = super()
            sys.set_asyncgen_hooks(base._asyncgen_firstiter_hook, base._asyncgen_finalizer_hook)
            asyncio._set_running_loop(self)
            self._timers.resume()
            self._start_io()
            self._app.exec()
        finally:
            self._stop_io()
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
            self._is_running = False
        interruption, self._interruption = self._interruption, None
        if interruption is not None:
            raise interruption

    def attach(self) -> None:
        """Run from now on, within whatever Qt loop runs in this thread, until `detach`.

        For an application that calls ``exec()`` itself. `stop`, and a callback that raises SystemExit, then
        leave the application's loop.

        Raises:
            RuntimeError: a loop runs already in this thread, or this one is closed.
        """
        self._refuse_closed()
        if self._is_running or asyncio._get_running_loop() is not None:
            raise RuntimeError("another event loop is running in this thread")
        base: Any = super()
        self._attached_hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(base._asyncgen_firstiter_hook, base._asyncgen_finalizer_hook)
        self._is_running = True
        asyncio._set_running_loop(self)
        self._timers.resume()
        self._start_io()

    def detach(self) -> None:
        """Run no more; the loop can be closed. Idempotent."""
        if self._attached_hooks is not None:
            self._stop_io()
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*self._attached_hooks)
            self._attached_hooks = None
            self._is_running = False

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done; return its result.

        Raises:
            RuntimeError: the loop is already running, or was stopped before the future was done.
        """
        self._refuse_closed()
        if self._is_running:
            raise RuntimeError("this event loop is already running")
        is_own = not asyncio.isfuture(future)
        future = asyncio.ensure_future(future, loop=self)
        future.add_done_callback(self._stop)
        try:
            self.run_forever()
        except BaseException:
            if is_own and future.done() and not future.cancelled():
                future.exception()  # retrieved: it is already propagating
            raise
        finally:
            future.remove_done_callback(self._stop)
        if not future.done():
            raise RuntimeError("the event loop was stopped before its future was done")
        return future.result()

    def _stop(self, _future: object) -> None:
        self.stop()

    def _refuse_closed(self) -> None:
        if self.is_closed():
            raise RuntimeError("this event loop is closed")

    def stop(self) -> None:
        """Leave `run_forever`, and every nested Qt loop with it. Nothing if it does not run."""
        if self._attached_hooks is not None:
            interruption, self._interruption = self._interruption, None
            self._app.exit(exit_code(interruption))
        elif self._is_running:
            self._app.exit()

    def is_running(self) -> bool:
        """Whether `run_forever` runs."""
        return self._is_running

    def close(self) -> None:
        """Release everything; the loop cannot be used again.

        Raises:
            RuntimeError: it is running.
        """
        if not self.is_closed():
            super().close()
            self._timers.stop()

    def _start_io(self) -> None:
        """The loop begins to run."""

    def _stop_io(self) -> None:
        """The loop has run."""

    # --- callbacks ----------------------------------------------------------------------------------

    def time(self) -> float:
        """The loop's time, seconds: monotonic, and not in steps of 15.6 ms on any system, as others are."""
        return time.perf_counter()

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback in the next iteration, in the order of the calls."""
        self._refuse_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._timers.soon(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Same as `call_soon`, from any thread."""
        self._refuse_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._timers.soon_requested.emit(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after `delay` seconds, never earlier."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a time of `loop.time()`, never earlier."""
        self._refuse_closed()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if when > self.time():
            self._timers.later(handle)
        else:
            self._timers.soon(handle)
        return handle

    def _add_callback(self, handle: asyncio.Handle) -> None:
        # asyncio's own way to run the handler of a signal.
        self._timers.soon(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timers.cancel(handle)

    def run_outside_task(self, handles: Iterable[asyncio.Handle], *, is_io: bool = False) -> None:
        """Run callbacks as if no task were running.

        A task that opens a modal dialog is still "running" while the dialog's Qt loop runs; without
        this, each task that is resumed meanwhile would fail to start its step and hang forever.

        Args:
            handles: the callbacks.
            is_io: whether they read or write for a transport.
        """
        task = asyncio.current_task(self)
        if task is not None:
            asyncio.tasks._leave_task(self, task)
        try:
            for handle in handles:
                if not handle.cancelled():
                    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # not in typeshed
                    if isinstance(owner, _CALLERS) and (transport := _transport_of(owner, handle)):
                        self._take_turn(transport, handle, is_io)
                    else:
                        handle._run()
        except (SystemExit, KeyboardInterrupt) as exc:
            # PySide would terminate the process at once, or print it and continue.
            self._interruption = exc
            self.stop()
        finally:
            if task is not None:
                asyncio.tasks._enter_task(self, task)

    def _take_turn(self, transport: asyncio.BaseTransport, handle: Any, is_io: bool) -> None:
        """Run a transport's callback, unless one is on the stack already, below a nested Qt loop.

        Its protocol would be called inside itself. Only an operation of the other direction goes on.
        """
        turn = self._turns.get(transport)
        callback, args = handle._callback, handle._args
        if turn is None:
            turn = self._turns[transport] = _Turn()
        elif callback in turn.running or not (is_io or (args and asyncio.isfuture(args[0]))):
            turn.waiting.append(handle)
            return
        turn.running.append(callback)
        try:
            handle._run()
        finally:
            turn.running.remove(callback)
            if not turn.running:
                del self._turns[transport]
            if turn.waiting:
                waiting, turn.waiting = turn.waiting, []
                self._timers.again(waiting)


def exit_code(interruption: BaseException | None) -> int:
    """What a process ends with after an exception that ends it, as Python has it."""
    if isinstance(interruption, KeyboardInterrupt):
        return 130
    code = interruption.code if isinstance(interruption, SystemExit) else None
    return code if isinstance(code, int) else int(code is not None)


def _transport_of(owner: object, handle: Any) -> asyncio.BaseTransport | None:
    """The transport whose protocol a callback may call: its own, or the argument of `connection_made`."""
    of = owner if isinstance(owner, asyncio.BaseTransport) else next(iter(handle._args), None)
    return of if isinstance(of, asyncio.BaseTransport) else None


if sys.platform == "win32":
    import _overlapped

    class _IocpPort:
        """The completion port of a proactor."""

        def __init__(self, handle: int) -> None:
            self._port = handle

        def wait(self) -> Packet:
            status = None
            while status is None:
                status = _overlapped.GetQueuedCompletionStatus(self._port, _overlapped.INFINITE)
            return (status[1], status[2], status[3])

        def post(self, packet: Packet) -> None:
            _overlapped.PostQueuedCompletionStatus(self._port, *packet)

    class QtEventLoop(BaseQtEventLoop, asyncio.ProactorEventLoop):
        """asyncio's loop inside Qt's, over the completion port of Windows."""

        def __init__(self, app: QCoreApplication | None = None) -> None:
            proactor = asyncio.IocpProactor()
            self._poller = CompletionPoller(_IocpPort(proactor._iocp), lambda: proactor.select(0))
            super().__init__(app, proactor)

        def _start_io(self) -> None:
            self._poller.start()

        def _stop_io(self) -> None:
            self._poller.stop()

else:

    class QtEventLoop(BaseQtEventLoop, asyncio.SelectorEventLoop):
        """asyncio's loop inside Qt's, over Qt's socket notifiers."""

        def __init__(self, app: QCoreApplication | None = None) -> None:
            self._notifiers = NotifierSelector(self._on_ready)
            self._busy: dict[QSocketNotifier, bool] = {}
            """Notifiers whose callback is running; True for those to be enabled again afterwards."""
            super().__init__(app, self._notifiers)

        def _on_ready(self, notifier: QSocketNotifier, key: SelectorKey, event: int) -> None:
            """A socket is readable or writable: handle it at once, unless something else is due before."""
            if notifier in self._busy:
                # Inside a callback that runs a nested Qt loop: not again before that one is done.
                notifier.setEnabled(False)
                self._busy[notifier] = True
            elif asyncio._get_running_loop() is not self or self._timers.has_ready:
                notifier.setEnabled(False)
                self.call_soon(self._on_turn, notifier, key.fd, event)
            else:
                self._handle_socket(notifier, key, event)

        def _on_turn(self, notifier: QSocketNotifier, fd: int, event: int) -> None:
            key = self._notifiers.key_of(notifier, fd, event)
            if key is not None:
                self._handle_socket(notifier, key, event)
                if self._notifiers.key_of(notifier, fd, event) is not None:
                    notifier.setEnabled(True)

        def _handle_socket(self, notifier: QSocketNotifier, key: SelectorKey, event: int) -> None:
            handle: asyncio.Handle | None = key.data[0 if event == EVENT_READ else 1]
            if handle is None:
                return
            self._busy[notifier] = False
            try:
                self.run_outside_task((handle,), is_io=True)
            finally:
                is_to_be_enabled = self._busy.pop(notifier)
                if is_to_be_enabled and self._notifiers.key_of(notifier, key.fd, event) is not None:
                    notifier.setEnabled(True)
