"""When a client has no calls in progress, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from qt_upbit.rest.running_calls import RunningCalls


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        await asyncio.sleep(0)


async def test_without_calls_there_is_no_wait() -> None:
    time = Time()
    await RunningCalls(time.clock, time.sleep).wait_until_over()
    assert time.now == 100.0


async def test_a_running_call_and_its_next_page_are_awaited() -> None:
    time = Time()
    running = RunningCalls(time.clock, time.sleep)
    released = asyncio.Event()

    async def pages() -> float:
        with running:
            await released.wait()
        await asyncio.sleep(0)
        time.now += 0.5
        with running, running:
            await asyncio.sleep(0)
        return time.now

    call = asyncio.create_task(pages())
    await asyncio.sleep(0)
    over = asyncio.create_task(running.wait_until_over())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not over.done()
    released.set()
    ended_at = await call
    await over
    assert time.now >= ended_at + 1.0


async def test_a_call_that_fails_is_over() -> None:
    time = Time()
    running = RunningCalls(time.clock, time.sleep)
    with pytest.raises(ValueError, match="no"), running:
        raise ValueError("no")
    await running.wait_until_over()
    assert time.now == 101.0
