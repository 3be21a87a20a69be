"""Time that passes only where the code under test sleeps."""

from __future__ import annotations

import asyncio

__all__ = ["PassingTime"]


class PassingTime:
    """A clock, seconds, with the `sleep` that moves it: waiting takes a turn of the loop and no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
