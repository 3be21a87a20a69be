"""`AccountReading`: reads an account over REST, one reading at a time, on the running loop."""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Sequence
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from qt_upbit.exceptions import ConfigError, QtUpbitError, RestError
from qt_upbit.protocol.account_outputs import (
    ReadRest,
)
from qt_upbit.protocol.order_tracker import AccountSnapshot
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.subscription import Subscription
from qt_upbit.rest.account_reader import AccountRest, Needed, read_account
from qt_upbit.types import ConnectionState, Scope

__all__ = ["AccountReading"]

_NO_LOOP_RETRY_MS: Final = 20


class AccountReading(QObject):
    """Executes each `ReadRest` of an account, and emits the result.

    Signals, each with the reading's id:
        ``answered(read_id, snapshot)``, ``failed(read_id, error)``,
        ``missing(read_id, error)``: REST is not available,
        ``stopped(read_id)``: it was not started after all, or its task was cancelled from outside.

    Args:
        parent: owner; a reading in progress is cancelled with it, and does not keep it alive.
        manager: whose private connection is used.
        rest: instead of ``manager.rest``.
        needed: `OrderTracker.needed`.
    """

    answered = Signal(object, object)
    failed = Signal(object, object)
    missing = Signal(object, object)
    stopped = Signal(object)

    def __init__(
        self,
        parent: QObject,
        manager: GlobalWebSocketManager,
        rest: AccountRest | None,
        needed: Needed,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("qt_upbit account reading")
        self._manager = manager
        self._rest = rest
        self._needed = needed
        self._request: ReadRest | None = None
        """To be started as soon as a loop runs."""
        self._subscriptions: Sequence[Subscription] = ()
        self._task: asyncio.Task[AccountSnapshot] | None = None
        self._loop_timer = QTimer(self)
        self._loop_timer.setObjectName("qt_upbit account reading")
        self._loop_timer.setSingleShot(True)
        self._loop_timer.timeout.connect(self._begin)

    def begin(self, request: ReadRest, subscriptions: Sequence[Subscription]) -> None:
        """Start a reading once these subscriptions are live. Call it from a plain Qt callback."""
        self._request = request
        self._subscriptions = subscriptions
        self._begin()

    def cancel(self) -> None:
        """Cancel the reading without emitting anything. Idempotent."""
        self._loop_timer.stop()
        self._request = None
        self._subscriptions = ()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _begin(self) -> None:
        request = self._request
        if request is None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Qt runs but the asyncio loop does not: not started yet, or below a nested Qt loop.
            self._loop_timer.start(_NO_LOOP_RETRY_MS)
            return
        self._request = None
        if self._manager.state(Scope.PRIVATE) is not ConnectionState.LIVE:
            # Its signal is pending; after a change of credentials REST would already be another account's.
            self.stopped.emit(request.read_id)
            return
        try:
            rest = self._rest if self._rest is not None else self._manager.rest
        except ConfigError as exc:
            self.missing.emit(request.read_id, exc)
            return
        reading = _read(self._subscriptions, rest, request, self._needed)
        task = self._task = loop.create_task(reading, name="qt_upbit account synchronization")
        # None of these references the account: it may be deleted while it waits for an answer.
        connection = self.destroyed.connect(_Canceller(task))
        task.add_done_callback(functools.partial(_finished, weakref.ref(self), connection, request.read_id))

    def _end(self, read_id: int, task: asyncio.Task[AccountSnapshot]) -> None:
        if self._task is not task or not shiboken6.isValid(self):
            return
        self._task = None
        if task.cancelled():
            self.stopped.emit(read_id)
            return
        error = task.exception()
        if error is None:
            self.answered.emit(read_id, task.result())
        elif isinstance(error, QtUpbitError):
            self.failed.emit(read_id, error)
        else:
            # The application's own REST object may raise anything: retried like any failure.
            failure = RestError("the account's calls", None, message=type(error).__name__)
            failure.__cause__ = error
            self.failed.emit(read_id, failure)


async def _read(
    subscriptions: Sequence[Subscription], rest: AccountRest, request: ReadRest, needed: Needed
) -> AccountSnapshot:
    """Read over REST once the stream is live: later changes arrive on the stream."""
    for subscription in subscriptions:
        await subscription
    return await read_account(rest, request, needed)


class _Canceller:
    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    def __call__(self, *_: object) -> None:
        self._task.cancel()


def _finished(
    reference: weakref.ref[AccountReading],
    connection: Any,
    read_id: int,
    task: asyncio.Task[AccountSnapshot],
) -> None:
    if connection and shiboken6.isValid(connection):
        QObject.disconnect(connection)
    if not task.cancelled():
        task.exception()  # retrieved, also if the account is gone
    if (reading := reference()) is not None:
        reading._end(read_id, task)
