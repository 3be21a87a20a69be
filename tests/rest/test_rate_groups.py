"""Limits are enforced on our side, first come first served."""

from __future__ import annotations

import asyncio

import pytest

from qt_upbit import RateLimitedError
from qt_upbit.rest.rate_groups import RATE_LIMITS, RateGroups
from tests.support.wait import turns


class Clock:
    """A clock that advances by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


@pytest.mark.parametrize("group", RATE_LIMITS)
async def test_no_window_contains_more_calls_than_the_limit(group: str) -> None:
    clock = Clock()
    groups = RateGroups(clock, clock.sleep)
    count, seconds = RATE_LIMITS[group]
    times = []
    for _ in range(3 * count):
        await groups.wait(group, "GET")
        times.append(clock.now)
    assert times[count - 1] == 100.0, "the first ones wait for nothing"
    for first, last in zip(times, times[count:], strict=False):
        assert last - first > seconds


async def test_callers_are_served_in_order_and_may_be_cancelled() -> None:
    clock = Clock()
    groups = RateGroups(clock, clock.sleep)
    served: list[int] = []

    async def call(number: int) -> None:
        await groups.wait("ticker", "GET")
        served.append(number)

    tasks = [asyncio.create_task(call(number)) for number in range(25)]
    await turns()
    tasks[20].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert served == [number for number in range(25) if number != 20 or number in served]
    assert len(served) >= 24


async def test_groups_do_not_wait_for_each_other() -> None:
    clock = Clock()
    groups = RateGroups(clock, clock.sleep)
    for _ in range(10):
        await groups.wait("ticker", "GET")
    await groups.wait("trade", "GET")
    assert clock.now == 100.0


async def test_the_remaining_requests_header_is_applied() -> None:
    clock = Clock()
    groups = RateGroups(clock, clock.sleep)
    groups.note("default", "group=default; min=1800; sec=3")
    groups.note("default", None)
    groups.note("default", "nonsense")
    await groups.wait("default", "GET")
    assert clock.now == 100.0
    groups.note("default", "group=default; min=1800; sec=0")
    await groups.wait("default", "GET")
    assert clock.now == 101.0


async def test_429_waits_and_418_raises_at_once() -> None:
    clock = Clock()
    groups = RateGroups(clock, clock.sleep)
    groups.pause("order", 3.0)
    await groups.wait("order", "POST")
    assert clock.now == 103.0
    groups.penalise("order", 60.0)
    with pytest.raises(RateLimitedError) as blocked:
        await groups.wait("order", "POST /v1/orders")
    assert blocked.value.retry_after_s == 60.0
    assert blocked.value.status == 418
    await groups.wait("default", "GET")
    clock.now += 60.0
    await groups.wait("order", "POST")
