"""`Timers`: callbacks on the exchange's own clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable

__all__ = ["Timers"]


class Timers:
    """Callbacks by due time, in seconds; those with equal times run in the order of calls.

    Args:
        now: start time.

    Attributes:
        now: the latest time that was passed in; monotonic.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._waiting: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0

    def advance(self, now: float) -> None:
        """Set the time to `now`; callbacks that are due wait for `run`."""
        self.now = max(now, self.now)

    def call_at(self, when: float, callback: Callable[[float], None]) -> None:
        """Schedule a callback for the first `run` at or after `when`; it is passed that run's time."""
        self._count += 1
        heapq.heappush(self._waiting, (when, self._count, callback))

    def call_later(self, seconds: float, callback: Callable[[float], None]) -> None:
        """Schedule a callback a number of seconds from now."""
        self.call_at(self.now + seconds, callback)

    def run(self, now: float, max_calls: int) -> None:
        """Run callbacks that are due, at most `max_calls`."""
        self.advance(now)
        for _ in range(max_calls):
            if not self.is_due(now):
                return
            heapq.heappop(self._waiting)[2](now)

    def is_due(self, now: float) -> bool:
        """Whether a callback is due at `now`."""
        return bool(self._waiting) and self._waiting[0][0] <= now
