"""`ErrorReporter`: counts and reports errors that were survived."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QMetaMethod, QObject

from qt_upbit.error_log import Area, ErrorLog
from qt_upbit.exceptions import DecodeError, OddFieldError, QtUpbitError
from qt_upbit.qt.outbox import Outbox
from qt_upbit.qt.slot_errors import emit_watched
from qt_upbit.types import OddField, Scope

__all__ = ["ErrorReporter"]

_DECODE_ERRORS_PER_SECOND: Final = 10
"""Maximum reports of unreadable frames per second; all are counted."""


class ErrorReporter:
    """Sends each error to ``error_occurred`` of the manager and of the objects concerned, and to the log.

    Proxies, feeds and models use `GlobalWebSocketManager.reporter` as well.

    Args:
        manager: its signal ``error_occurred(owner, error)`` carries every error.
        outbox: queues errors of connections for a plain Qt callback.
        clock: seconds, monotonic.
        proxies_of: the live proxies that use a scope, evaluated lazily.
    """

    def __init__(
        self,
        manager: QObject,
        outbox: Outbox,
        clock: Callable[[], float],
        proxies_of: Callable[[Scope], Iterable[Any]],
    ) -> None:
        # Any: PySide's stubs know the signals of a class, but not those of an instance of unknown class.
        self._manager: Any = manager
        self._outbox = outbox
        self._clock = clock
        self._proxies_of = proxies_of
        self._log = ErrorLog(clock)
        self._counts: Counter[Scope | str] = Counter()
        self._odd_fields: Counter[str] = Counter()
        self._decode_error_times: deque[float] = deque(maxlen=_DECODE_ERRORS_PER_SECOND)

    @property
    def total(self) -> int:
        """Total of errors, reported or not."""
        return self._counts.total()

    def count(self, scope: Scope) -> int:
        """Total of errors of a scope's connection, reported or not."""
        return self._counts[scope]

    @property
    def odd_fields(self) -> dict[str, int]:
        """How often each field, ``ticker.change_rate``, was not what Upbit documents, in decoded frames."""
        return dict(self._odd_fields)

    def report_odd(self, scope: Scope, fields: Iterable[OddField]) -> None:
        """Count fields that are not what Upbit documents; the first of each is reported."""
        for odd in fields:
            name = f"{odd.type}.{odd.field}"
            self._odd_fields[name] += 1
            if self._odd_fields[name] == 1:
                self.report_scope(scope, OddFieldError(odd.type, odd.field, odd.problem))

    def report(
        self,
        error: QtUpbitError,
        owner: str,
        source: Any = None,
        *,
        area: Area | None = None,
        is_printed: bool = False,
    ) -> None:
        """Report an error of one object immediately; call it from a plain Qt callback.

        Args:
            error: the error.
            owner: name for messages.
            source: the object, if it has a signal ``error_occurred(error)`` of its own.
            area: as `ErrorLog.write`.
            is_printed: as `ErrorLog.write`.
        """
        self._counts[owner] += 1
        self.log(error, owner, source, area=area, is_printed=is_printed)
        if shiboken6.isValid(self._manager):
            self._manager.error_occurred.emit(owner, error)
        if source is not None and shiboken6.isValid(source):
            source.error_occurred.emit(error)

    def log(
        self,
        error: QtUpbitError,
        owner: str,
        source: Any = None,
        *,
        area: Area | None = None,
        is_printed: bool = False,
    ) -> None:
        """Write an error to the log only: for one that `source` itself emits. Arguments as `report`."""
        heard = _is_heard(self._manager) or (source is not None and _is_heard(source))
        self._log.write(error, owner, heard=heard, area=area, is_printed=is_printed)

    def report_scope(
        self, scope: Scope, error: QtUpbitError, times: int = 1, *, area: Area | None = None
    ) -> None:
        """Report an error of a scope's connection, deferred, also to the proxies that use the scope.

        Reports of unreadable frames are sampled: a server that sends garbage must not keep the GUI busy.

        Args:
            scope: whose connection.
            error: the error.
            times: occurrences since the last report.
            area: as `ErrorLog.write`.
        """
        self._counts[scope] += times
        if isinstance(error, DecodeError):
            now, reported = self._clock(), self._decode_error_times
            if len(reported) == _DECODE_ERRORS_PER_SECOND and now - reported[0] < 1.0:
                return
            reported.append(now)
            _forget_frames(error)

        def report() -> None:
            heard = _is_heard(self._manager) or any(_is_heard(proxy) for proxy in self._proxies_of(scope))
            self._log.write(error, scope.value, heard=heard, times=times, area=area)
            self._manager.error_occurred.emit(scope.value, error)
            for proxy in self._proxies_of(scope):
                proxy.error_occurred.emit(error)

        self._outbox.post(report)

    def emit(self, source: Any, owner: str, signal: Any, *args: Any) -> None:
        """Emit a signal other than `error_occurred`, and report what its slots raise.

        Args:
            source: as `report`.
            owner: as `report`.
            signal: of `source`, or of any object if that is None.
            args: of the signal.
        """
        for error in emit_watched(signal, *args, owner=owner):
            self.report(error, owner, source, is_printed=True)


def _is_heard(source: Any) -> bool:
    """Whether something is connected to ``error_occurred``."""
    if not shiboken6.isValid(source):
        return False
    return bool(source.isSignalConnected(QMetaMethod.fromSignal(source.error_occurred)))


def _forget_frames(error: BaseException) -> None:
    """Drop the tracebacks: they would keep the whole message alive as long as the error."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
