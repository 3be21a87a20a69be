"""`RateGroups`: client-side enforcement of Upbit's REST rate limits (protocol section 6.2)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from qt_upbit.exceptions import RateLimitedError
from qt_upbit.protocol.timing import RollingWindowLimiter

__all__ = ["RATE_LIMITS", "RateGroups"]

RATE_LIMITS: Final[dict[str, tuple[int, float]]] = {
    "market": (10, 1.0),
    "candle": (10, 1.0),
    "trade": (10, 1.0),
    "ticker": (10, 1.0),
    "orderbook": (10, 1.0),
    "default": (30, 1.0),
    "order": (12, 1.0),
    "order-test": (8, 1.0),
    "order-cancel-all": (1, 2.0),
}
"""``(calls, seconds)`` of each group; the first five are per IP address, the others per account."""

_REMAINING: Final = re.compile(r"sec=(\d+)")


class _Group:
    def __init__(self, count: int, seconds: float) -> None:
        self.seconds = seconds
        self.limiter = RollingWindowLimiter(((count, seconds),))
        self.turn = asyncio.Lock()
        """First come, first served."""
        self.closed_until = 0.0
        self.penalty_until = 0.0


class RateGroups:
    """Makes each call wait for its turn.

    Args:
        clock: seconds, monotonic.
        sleep: waits the given number of seconds.
        limits: instead of Upbit's, for tests.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        limits: Mapping[str, tuple[int, float]] = RATE_LIMITS,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._groups = {name: _Group(*limit) for name, limit in limits.items()}

    async def wait(self, group: str, call: str) -> None:
        """Wait until a call of `group` is allowed, and count it.

        Raises:
            RateLimitedError: Upbit has blocked the group (418); carries the remaining time.
        """
        own = self._groups[group]
        async with own.turn:
            while True:
                now = self._clock()
                if own.penalty_until > now:
                    raise RateLimitedError(call, 418, retry_after_s=own.penalty_until - now, was_sent=False)
                delay = max(own.limiter.delay(now), own.closed_until - now)
                if delay <= 0:
                    own.limiter.record(now)
                    return
                await self._sleep(delay)

    def note(self, group: str, remaining_req: str | None) -> None:
        """Apply the ``Remaining-Req`` header of a response: others may share the account or address."""
        match = _REMAINING.search(remaining_req or "")
        if match is not None and int(match[1]) == 0:
            own = self._groups[group]
            own.closed_until = max(own.closed_until, self._clock() + own.seconds)

    def pause(self, group: str, seconds: float) -> None:
        """The server returned 429: pause calls of this group for `seconds`."""
        own = self._groups[group]
        own.closed_until = max(own.closed_until, self._clock() + seconds)

    def penalise(self, group: str, seconds: float) -> None:
        """The server returned 418: calls of this group raise at once for `seconds`."""
        own = self._groups[group]
        own.penalty_until = max(own.penalty_until, self._clock() + seconds)
