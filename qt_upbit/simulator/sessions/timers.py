"""`Timers`: what the exchange does later, on its own clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable

__all__ = ["Timers"]


class Timers:
    """Callbacks by the moment at which they are due, in seconds; equal moments in the order of calls.

    Args:
        now: time of the start.

    Attributes:
        now: the latest time that was reported; never goes back.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._waiting: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0

    def advance(self, now: float) -> None:
        """It is `now`; what is due waits for `run`."""
        self.now = max(now, self.now)

    def call_at(self, when: float, callback: Callable[[float], None]) -> None:
        """Have something done by the `run` at or after `when`; it is given that run's time."""
        self._count += 1
        heapq.heappush(self._waiting, (when, self._count, callback))

    def call_later(self, seconds: float, callback: Callable[[float], None]) -> None:
        """Have something done a number of seconds from now."""
        self.call_at(self.now + seconds, callback)

    def run(self, now: float, max_calls: int) -> None:
        """Do what is due, at most `max_calls` of it."""
        self.advance(now)
        for _ in range(max_calls):
            if not self.is_due(now):
                return
            heapq.heappop(self._waiting)[2](now)

    def is_due(self, now: float) -> bool:
        """Whether something is left to do at `now`."""
        return bool(self._waiting) and self._waiting[0][0] <= now
