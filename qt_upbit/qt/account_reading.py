"""`AccountReading`: one reading of an account over REST at a time, on the loop that runs."""

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
    """Carries out each `ReadRest` of an account, and emits how it ended.

    Signals, each with the reading's id:
        ``answered(read_id, snapshot)``, ``failed(read_id, error)``,
        ``missing(read_id, error)``: there is no REST to ask,
        ``stopped(read_id)``: it was not begun after all, or its task was cancelled from outside.

    Args:
        parent: owner; a reading under way is cancelled with it, and does not keep it alive.
        manager: whose private connection is followed.
        rest: whom to ask instead of ``manager.rest``.
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
        """To be begun as soon as a loop runs."""
        self._subscriptions: Sequence[Subscription] = ()
        self._task: asyncio.Task[AccountSnapshot] | None = None
        self._loop_timer = QTimer(self)
        self._loop_timer.setObjectName("qt_upbit account reading")
        self._loop_timer.setSingleShot(True)
        self._loop_timer.timeout.connect(self._begin)

    def begin(self, request: ReadRest, subscriptions: Sequence[Subscription]) -> None:
        """Ask REST once these subscriptions are served. Call it from a plain Qt callback."""
        self._request = request
        self._subscriptions = subscriptions
        self._begin()

    def cancel(self) -> None:
        """Stop, and emit nothing of it. Idempotent."""
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
            # Qt runs, and the loop does not just now: it has still to begin, or has been left for a moment.
            self._loop_timer.start(_NO_LOOP_RETRY_MS)
            return
        self._request = None
        if self._manager.state(Scope.PRIVATE) is not ConnectionState.LIVE:
            # The news is on its way; after a change of credentials REST would be another account's already.
            self.stopped.emit(request.read_id)
            return
        try:
            rest = self._rest if self._rest is not None else self._manager.rest
        except ConfigError as exc:
            self.missing.emit(request.read_id, exc)
            return
        reading = _read(self._subscriptions, rest, request, self._needed)
        task = self._task = loop.create_task(reading, name="qt_upbit account synchronization")
        # None of these holds the account: it may die while it waits for an answer.
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
            # The application's own REST raised what it likes: it is asked again as after any failure.
            failure = RestError("the account's calls", None, message=type(error).__name__)
            failure.__cause__ = error
            self.failed.emit(read_id, failure)


async def _read(
    subscriptions: Sequence[Subscription], rest: AccountRest, request: ReadRest, needed: Needed
) -> AccountSnapshot:
    """Ask REST, once the stream is live: the stream says what happens from then on."""
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
        task.exception()  # looked at, also where the account is no more
    if (reading := reference()) is not None:
        reading._end(read_id, task)
