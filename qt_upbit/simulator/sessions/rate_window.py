"""`RateWindow`: counts calls in a rolling window, precisely."""

from __future__ import annotations

from collections import deque

__all__ = ["RateWindow"]


class RateWindow:
    """At most `limit` calls within any `window_s` seconds; what was refused does not count as a call."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self._times: deque[float] = deque()

    def hit(self, now: float) -> bool:
        """Count a call at `now` (never going back); False if it is one too many."""
        times = self._times
        while times and times[0] <= now - self.window_s:
            times.popleft()
        if len(times) >= self.limit:
            return False
        times.append(now)
        return True

    @property
    def remaining(self) -> int:
        """Calls left at the time of the last `hit`."""
        return self.limit - len(self._times)
