"""Waiting for a condition, never for a duration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

HANG_S = 120.0
"""Seconds after which something hangs. Says nothing of how fast it should be: no shorter bound can
distinguish a busy machine from a fault, and pytest's own timeout, which does not know what was waited for,
should come later.
"""


async def until(condition: Callable[[], _T], timeout_s: float = HANG_S, what: str = "") -> _T:
    """Wait until `condition` gives something true, and return it; it may hold before the first turn.

    Args:
        condition: asked every two milliseconds.
        timeout_s: when to give up. Less than `HANG_S` would measure the machine, and is not less.
        what: is waited for, for the message.

    Raises:
        AssertionError: it hangs.
    """
    timeout_s = max(timeout_s, HANG_S)
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
