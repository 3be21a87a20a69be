"""Waiting for a condition, never for a duration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def until(condition: Callable[[], _T], timeout_s: float = 8.0, what: str = "") -> _T:
    """Wait until `condition` gives something true, and return it; it may hold before the first turn."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what or condition.__qualname__}")
        await asyncio.sleep(0.002)
    return result


async def turns(count: int = 5) -> None:
    """Let the loop turn: what was about to happen without waiting has happened afterwards."""
    for _ in range(count):
        await asyncio.sleep(0)
