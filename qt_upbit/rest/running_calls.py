"""`RunningCalls`: whether a client still has calls in progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final

__all__ = ["RunningCalls"]

_QUIET_S: Final = 1.0
"""A call of many pages requests the next page sooner than this."""


class RunningCalls:
    """Counts the calls inside its ``with`` blocks.

    Args:
        clock: seconds, monotonic.
        sleep: waits the given number of seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._count = 0
        self._ended_at = clock() - _QUIET_S

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count -= 1
        self._ended_at = self._clock()

    async def wait_until_over(self) -> None:
        """Wait until no call has been running for a second. Cancelling is safe."""
        while self._count or self._clock() - self._ended_at < _QUIET_S:
            quiet_s = 0.0 if self._count else self._clock() - self._ended_at
            await self._sleep(_QUIET_S - quiet_s)
