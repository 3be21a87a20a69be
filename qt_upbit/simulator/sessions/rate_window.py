"""`RateWindow`: counts calls in an exact rolling window."""

from __future__ import annotations

from collections import deque

__all__ = ["RateWindow"]


class RateWindow:
    """At most `limit` calls within any `window_s` seconds; refused calls do not count."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self._times: deque[float] = deque()

    def hit(self, now: float) -> bool:
        """Count a call at `now` (monotonic); False if it exceeds the limit."""
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
