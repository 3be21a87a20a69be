"""`ErrorLog`: writes survived errors to the standard loggers, sampled.

The loggers of the library, each a child of ``qt_upbit``: ``connection``, ``subscription``, ``callbacks``,
``recovery``, ``account`` and ``rest``. INFO has states, WARNING everything that goes to ``error_occurred``,
DEBUG requests. Without any configuration of logging Python prints warnings to stderr.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from qt_upbit.exceptions import (
    CallbackError,
    LocalProtocolError,
    OddFieldError,
    OrderOutcomeError,
    QtUpbitError,
    RestError,
    ServerError,
    SubscriptionError,
)

__all__ = ["Area", "ErrorLog", "Sampler", "area_of", "logger_of"]

Area = str
"""The last part of a logger's name, for example ``connection``."""

_INTERVAL_S: Final = 10.0
_MAX_KINDS: Final = 256
_AREAS: Final[tuple[tuple[type[QtUpbitError], Area], ...]] = (
    (CallbackError, "callbacks"),
    (SubscriptionError, "subscription"),
    (LocalProtocolError, "subscription"),
    (RestError, "rest"),
    (OrderOutcomeError, "rest"),
)


def logger_of(area: Area) -> logging.Logger:
    """The logger of a part of the library."""
    return logging.getLogger(f"qt_upbit.{area}")


def area_of(error: QtUpbitError) -> Area:
    """Which logger an error goes to, unless its reporter knows better."""
    return next((area for kind, area in _AREAS if isinstance(error, kind)), "connection")


class Sampler:
    """Lets the first of each kind through at once, and then one per interval.

    Args:
        interval_s: per kind.
        max_kinds: kinds remembered; the one not seen for longest is forgotten first.
    """

    def __init__(self, interval_s: float = _INTERVAL_S, max_kinds: int = _MAX_KINDS) -> None:
        self._interval_s = interval_s
        self._max_kinds = max_kinds
        self._kinds: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()
        """When each kind was last let through, and how many were held back since."""

    def admit(self, kind: Hashable, now: float, times: int = 1) -> int | None:
        """How many were held back before this one; None if it is held back itself.

        Args:
            kind: what counts as the same.
            now: seconds, monotonic.
            times: how many it stands for.
        """
        known = self._kinds.get(kind)
        if known is not None:
            self._kinds.move_to_end(kind)
            since, held_back = known
            if now - since < self._interval_s:
                self._kinds[kind] = (since, held_back + times)
                return None
        self._kinds[kind] = (now, 0)
        if len(self._kinds) > self._max_kinds:
            self._kinds.popitem(last=False)
        return (0 if known is None else known[1]) + times - 1


class ErrorLog:
    """Writes each error to the logger of its area: the first of a kind at once, then one in ten seconds.

    A record has the attributes ``owner``, ``error`` and ``heard``, whether the application is connected to
    an ``error_occurred`` that carries it. No record has a key or a token: errors have none.

    Args:
        clock: seconds, monotonic.
        interval_s: per kind of error and owner.
    """

    def __init__(self, clock: Callable[[], float], interval_s: float = _INTERVAL_S) -> None:
        self._clock = clock
        self._sampler = Sampler(interval_s)

    def write(
        self,
        error: QtUpbitError,
        owner: str,
        *,
        heard: bool,
        times: int = 1,
        area: Area | None = None,
        is_printed: bool = False,
    ) -> None:
        """Log an error, unless it is held back as a repetition.

        Args:
            error: the error.
            owner: a proxy's name or a scope.
            heard: whether the application listens.
            times: how often it occurred since the last report.
            area: the logger, if not that of `area_of`.
            is_printed: ``sys.excepthook`` has printed the traceback; it is repeated for log files only.
        """
        held_back = self._sampler.admit((owner, _kind_of(error)), self._clock(), times)
        if held_back is None:
            return
        logger = logger_of(area_of(error) if area is None else area)
        more = f" (and {held_back} more like it)" if held_back else ""
        cause = error.__cause__ if isinstance(error, CallbackError) else None
        has_trace = cause is not None and not (is_printed and not logger.hasHandlers())
        logger.warning(
            "%s: %s%s", owner, error, more,
            exc_info=cause if has_trace else None,
            extra={"owner": owner, "error": error, "heard": heard},
        )  # fmt: skip


def _kind_of(error: QtUpbitError) -> Hashable:
    """What makes two errors the same: not numbers and texts, which differ each time."""
    match error:
        case CallbackError():
            return type(error), error.callback, type(error.__cause__)
        case OddFieldError():
            return type(error), error.args[:2]
        case SubscriptionError():
            return type(error), error.stream, error.codes
        case ServerError():
            return type(error), error.name
        case RestError():
            return type(error), error.args[:3]
    return type(error).__name__
