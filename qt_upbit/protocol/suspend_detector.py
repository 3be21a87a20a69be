"""`SuspendDetector`: detects from two clocks that the machine slept."""

from __future__ import annotations

from typing import Final

__all__ = ["SuspendDetector"]

_LEAST_S: Final = 2.0
"""Less than this may be a clock that is set."""


class SuspendDetector:
    """Compares a monotonic clock, which may stand still while the machine sleeps, with the time of day.

    Args:
        now: the monotonic clock, seconds.
        wall_now: the time of day, seconds since the epoch.
    """

    def __init__(self, now: float, wall_now: float) -> None:
        self._now = now
        self._wall_now = wall_now

    def has_slept(self, now: float, wall_now: float) -> bool:
        """Whether the time of day has run ahead since the last call; call it about once a second."""
        elapsed, wall_elapsed = now - self._now, wall_now - self._wall_now
        self.restart(now, wall_now)
        return wall_elapsed - elapsed > _LEAST_S

    def restart(self, now: float, wall_now: float) -> None:
        """Compare from now on; what was before does not count."""
        self._now, self._wall_now = now, wall_now
