"""`ConnectSchedule`: when the next connection of a scope is opened."""

from __future__ import annotations

from collections import deque
from typing import Final

from qt_upbit.protocol.timing import Backoff, CountedEvent, RollingWindowLimiter

__all__ = ["ConnectSchedule"]

_NEVER: Final = float("inf")
_REMEMBERED_ATTEMPTS: Final = 8
"""More are never under way at a time."""


class ConnectSchedule:
    """Backoff after failures, the limit of connects, and the time that the server asked us to stay away.

    Args:
        limiter: shared by all connections of the process (Upbit counts per address).
        backoff: of this scope.
    """

    def __init__(self, limiter: RollingWindowLimiter, backoff: Backoff) -> None:
        self._limiter = limiter
        self._backoff = backoff
        self._due = _NEVER
        self._blocked_until = 0.0
        self._attempts: deque[tuple[int, CountedEvent]] = deque(maxlen=_REMEMBERED_ATTEMPTS)

    @property
    def due(self) -> float:
        """When to ask `delay` and connect; infinity for never."""
        return self._due

    @property
    def has_failed(self) -> bool:
        """Whether there were failures since a connection proved itself."""
        return self._backoff.failures > 0

    def plan(self, at: float) -> None:
        """Connect then, or as soon as it is allowed."""
        self._due = at

    def plan_retry(self, now: float, *, at_once: bool) -> None:
        """A connection failed or was lost: connect after a pause, and not before the server allows it."""
        pause = 0.0 if at_once else self._backoff.next_delay()
        self._due = max(now + pause, self._blocked_until)

    def hurry(self, now: float) -> None:
        """If a connect is planned, it is due now."""
        if self._due != _NEVER:
            self._due = now

    def cancel(self) -> None:
        """No connection is wanted."""
        self._due = _NEVER

    def stay_away(self, until: float) -> None:
        """The server asked for it; whatever else happens."""
        self._blocked_until = max(self._blocked_until, until)

    def proved(self) -> None:
        """A connection has earned a fresh backoff."""
        self._backoff.reset()

    def delay(self, now: float) -> float:
        """Seconds until a connect is allowed."""
        return max(self._limiter.delay(now), self._blocked_until - now)

    def connecting(self, epoch: int, now: float) -> None:
        """The socket of `epoch` is being opened."""
        self._attempts.append((epoch, self._limiter.record(now)))

    def answered(self, epoch: int, now: float) -> None:
        """The attempt of `epoch` has an outcome: the server has counted it before."""
        for attempt, event in self._attempts:
            if attempt == epoch:
                event.answered(now)
