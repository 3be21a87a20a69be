"""Backoff and rate limits. Pure: time is an argument, seconds of a monotonic clock."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Final

__all__ = ["TRANSIT_S", "Backoff", "CountedEvent", "RollingWindowLimiter"]

TRANSIT_S: Final = 1.0
"""How long what goes to the exchange may be under way without an answer: a slow network, a busy server."""

_FAST_RETRIES: Final = 10
_FAST_RETRY_FACTOR: Final = 1.15
_SLOW_FACTOR: Final = 1.8


class CountedEvent:
    """One event of a `RollingWindowLimiter`. It arrives at some moment between its sending and its answer."""

    __slots__ = ("latest", "sent_at")

    def __init__(self, sent_at: float, latest: float) -> None:
        self.sent_at = sent_at
        self.latest = latest
        """It has arrived by then, as far as is known."""

    def answered(self, now: float) -> None:
        """An answer came `now`: the event has arrived before."""
        self.latest = min(self.latest, now)


class RollingWindowLimiter:
    """At most ``count`` events in *any* window of ``seconds``, for several windows at once.

    Not a token bucket: a bucket of five a second lets nine through in its first second, and Upbit
    counts rolling (protocol section 6.1).

    The exchange counts when an event arrives, not when it is sent. An event that is delayed (a slow network,
    a busy server) may share its window with events that were sent more than `seconds` later, so each is
    counted from the latest moment at which it can have arrived: that of its answer
    (`CountedEvent.answered`), or `transit_s` after it was sent.

    Args:
        limits: ``(count, seconds)`` pairs.
        margin: windows are stretched by this factor, because two clocks never run alike.
        transit_s: how long an event without an answer may be under way, in seconds.
    """

    def __init__(
        self, limits: Sequence[tuple[int, float]], margin: float = 1.1, transit_s: float = 0.0
    ) -> None:
        if not limits or any(count < 1 or seconds <= 0 for count, seconds in limits):
            raise ValueError("limits must be (count >= 1, seconds > 0) pairs")
        self._limits = tuple((count, seconds * margin) for count, seconds in limits)
        self._transit_s = transit_s
        self._events: deque[CountedEvent] = deque(maxlen=max(count for count, _ in limits))

    def delay(self, now: float) -> float:
        """Seconds until the next event is allowed; 0.0 when it is allowed now. An answer can shorten it."""
        latest = sorted(event.latest for event in self._events)
        wait = 0.0
        for count, seconds in self._limits:
            if len(latest) >= count:
                wait = max(wait, latest[-count] + seconds - now)
        return wait

    def used(self, now: float, seconds: float) -> int:
        """Events sent in the last `seconds`."""
        return sum(1 for event in self._events if event.sent_at > now - seconds)

    def record(self, now: float) -> CountedEvent:
        """Note an event. Call it for each one that really went out, also if it was late."""
        event = CountedEvent(now, now + self._transit_s)
        self._events.append(event)
        return event


class Backoff:
    """Exponential backoff with jitter; the first retry is immediate, the next ones follow fast.

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
