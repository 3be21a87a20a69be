"""When the next connection is opened: backoff, the limit of connects, and how long the server wants none."""

from __future__ import annotations

import random
from math import inf

import pytest

from qt_upbit.protocol.connect_schedule import ConnectSchedule
from qt_upbit.protocol.timing import Backoff, RollingWindowLimiter


@pytest.fixture
def schedule() -> ConnectSchedule:
    limiter = RollingWindowLimiter(((2, 1.0),), margin=1.0, transit_s=0.5)
    return ConnectSchedule(limiter, Backoff(1.0, 30.0, random.Random(0)))


def test_nothing_is_planned_at_first(schedule: ConnectSchedule) -> None:
    assert schedule.due == inf
    schedule.hurry(5.0)
    assert schedule.due == inf, "what is not planned is not hurried"
    assert not schedule.has_failed


def test_the_first_retry_is_immediate_and_the_next_ones_are_not(schedule: ConnectSchedule) -> None:
    schedule.plan_retry(10.0, at_once=False)
    assert schedule.due == 10.0
    assert schedule.has_failed
    schedule.plan_retry(11.0, at_once=False)
    assert 11.5 < schedule.due <= 12.0
    schedule.hurry(11.1)
    assert schedule.due == 11.1
    schedule.proved()
    assert not schedule.has_failed
    schedule.plan_retry(20.0, at_once=False)
    assert schedule.due == 20.0


def test_on_request_no_failure_is_counted(schedule: ConnectSchedule) -> None:
    schedule.plan_retry(10.0, at_once=True)
    assert schedule.due == 10.0
    assert not schedule.has_failed


def test_nothing_comes_before_the_time_that_the_server_asked_for(schedule: ConnectSchedule) -> None:
    schedule.stay_away(100.0)
    schedule.stay_away(50.0)
    schedule.plan_retry(10.0, at_once=True)
    assert schedule.due == 100.0
    schedule.hurry(20.0)
    assert schedule.due == 20.0
    assert schedule.delay(20.0) == 80.0, "but it is not allowed yet"


def test_the_limit_is_shared_and_counts_what_was_opened(schedule: ConnectSchedule) -> None:
    assert schedule.delay(1.0) == 0.0
    schedule.connecting(1, 1.0)
    schedule.connecting(2, 1.2)
    schedule.answered(1, 1.1)
    schedule.answered(7, 1.1)
    assert schedule.delay(1.5) == pytest.approx(0.6), "of two the first may have arrived at 1.1"
    schedule.plan(3.0)
    schedule.cancel()
    assert schedule.due == inf
