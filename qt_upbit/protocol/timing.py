"""Backoff and rate limits. Pure: time is an argument, seconds of a monotonic clock."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Final

__all__ = ["Backoff", "RollingWindowLimiter"]

_FAST_RETRIES: Final = 10
_FAST_RETRY_FACTOR: Final = 1.15
_SLOW_FACTOR: Final = 1.8


class RollingWindowLimiter:
    """At most ``count`` events in *any* window of ``seconds``, for several windows at once.

    Not a token bucket: a bucket of five a second lets nine through in its first second, and Upbit
    counts rolling (protocol section 6.1).

    Args:
        limits: ``(count, seconds)`` pairs.
        margin: windows are stretched by this factor, because the exchange stamps what arrives, and
            two messages can travel at different speeds.
    """

    def __init__(self, limits: Sequence[tuple[int, float]], margin: float = 1.1) -> None:
        if not limits or any(count < 1 or seconds <= 0 for count, seconds in limits):
            raise ValueError("limits must be (count >= 1, seconds > 0) pairs")
        self._limits = tuple((count, seconds * margin) for count, seconds in limits)
        self._times: deque[float] = deque(maxlen=max(count for count, _ in limits))

    def delay(self, now: float) -> float:
        """Seconds until the next event is allowed; 0.0 when it is allowed now."""
        wait = 0.0
        for count, seconds in self._limits:
            if len(self._times) >= count:
                wait = max(wait, self._times[-count] + seconds - now)
        return wait

    def used(self, now: float, seconds: float) -> int:
        """Events recorded in the last `seconds`."""
        return sum(1 for at in self._times if at > now - seconds)

    def record(self, now: float) -> None:
        """Note an event. Call it for each one that really went out, also if it was late."""
        self._times.append(now)


class Backoff:
    """Exponential backoff with jitter; the first retry is immediate, the next ones are brisk.

    A broken connection is usually back at once, so the first try costs nothing. A server that restarts is
    back
    in seconds: while the outage is young the pause grows with a seventh of it, so that the return is seen
    within a second. A server that is down is asked ever more rarely, and never by all clients in step.
    """

    def __init__(self, initial_s: float, max_s: float, rng: random.Random) -> None:
        self._initial_s = initial_s
        self._max_s = max_s
        self._rng = rng
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures since the last `reset`."""
        return self._failures

    def next_delay(self) -> float:
        """Count a failure; seconds to wait before the next try."""
        self._failures += 1
        if self._failures == 1:
            return 0.0
        repeats = self._failures - 2
        # The exponent is bounded so that a week of failures cannot overflow a float.
        slow = min(max(repeats - _FAST_RETRIES, 0), 64)
        delay = self._initial_s * _FAST_RETRY_FACTOR ** min(repeats, _FAST_RETRIES) * _SLOW_FACTOR**slow
        return min(delay, self._max_s) * self._rng.uniform(0.75, 1.0)

    def reset(self) -> None:
        """The connection has proved itself."""
        self._failures = 0
