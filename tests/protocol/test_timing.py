"""Rolling windows and backoff."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.protocol.timing import Backoff, CountedEvent, RollingWindowLimiter
from tests.support.model_server import check_window

LIMITS = ((5, 1.0), (100, 60.0))


@given(
    waits=st.lists(st.floats(0.0, 3.0), max_size=400),
    limits=st.sampled_from([LIMITS, ((1, 1.0),), ((2, 0.5), (3, 10.0)), ((5, 1.0),)]),
    start=st.sampled_from([0.0, 1e6]),
)
def test_never_more_than_allowed_in_any_window(
    waits: list[float], limits: tuple[tuple[int, float], ...], start: float
) -> None:
    """A caller that waits as reported, from any moment, keeps every window, with room to spare."""
    limiter = RollingWindowLimiter(limits)
    now, times = start, []
    for wait in waits:
        now += wait
        asked = 0
        while (delay := limiter.delay(now)) > 0:
            now += delay
            asked += 1
            assert asked <= 2, "waiting as reported is enough"
        limiter.record(now)
        times.append(now)
    for count, seconds in limits:
        check_window(times, count, seconds)
        check_window(times, count, seconds * 1.09)


def test_a_burst_is_not_let_through_twice() -> None:
    """A token bucket of five a second lets nine into its first second."""
    limiter = RollingWindowLimiter(((5, 1.0),))
    sent, now = [], 0.0
    while now < 1.0:
        if limiter.delay(now) == 0:
            limiter.record(now)
            sent.append(now)
        now += 0.01
    assert len(sent) == 5


def test_delay_is_exact_and_not_more_than_needed() -> None:
    limiter = RollingWindowLimiter(((2, 1.0),), margin=1.0)
    limiter.record(0.0)
    assert limiter.delay(0.5) == 0.0
    limiter.record(0.5)
    assert limiter.delay(0.5) == 0.5
    assert limiter.delay(0.75) == 0.25
    assert limiter.delay(1.0) == 0.0


def test_the_longer_window_counts_too() -> None:
    limiter = RollingWindowLimiter(LIMITS, margin=1.0)
    for i in range(100):
        limiter.record(i * 0.25)
    assert limiter.delay(25.0) == 35.0
    assert limiter.used(25.0, 1.0) == 3
    assert limiter.used(25.0, 60.0) == 100


def test_late_events_count_as_well() -> None:
    limiter = RollingWindowLimiter(((1, 1.0),))
    limiter.record(0.0)
    limiter.record(0.1)
    assert limiter.delay(0.1) == pytest.approx(1.1)


@given(
    events=st.lists(st.tuples(st.floats(0.0, 0.6), st.floats(0.0, 0.9), st.floats(0.0, 2.0)), max_size=200),
    limits=st.sampled_from([LIMITS, ((1, 1.0),), ((2, 0.5), (3, 10.0)), ((5, 1.0),)]),
)
def test_windows_are_kept_where_the_exchange_counts(
    events: list[tuple[float, float, float]], limits: tuple[tuple[int, float], ...]
) -> None:
    """Each event travels for a time of its own, and is answered some time after it arrived."""
    limiter = RollingWindowLimiter(limits, transit_s=1.0)
    now = 0.0
    arrivals: list[float] = []
    answers: list[tuple[float, CountedEvent]] = []
    for wait, transit, answer in events:
        now += wait
        while True:
            for due, event in answers:
                if due <= now:
                    event.answered(due)
            if (delay := limiter.delay(now)) <= 0:
                break
            now += delay
        arrivals.append(now + transit)
        answers.append((now + transit + answer, limiter.record(now)))
    arrivals.sort()
    for count, seconds in limits:
        check_window(arrivals, count, seconds)


def test_an_answer_makes_the_next_one_possible_sooner() -> None:
    limiter = RollingWindowLimiter(((1, 1.0),), margin=1.0, transit_s=1.0)
    event = limiter.record(0.0)
    assert limiter.delay(0.0) == 2.0
    event.answered(0.25)
    assert limiter.delay(0.25) == 1.0
    event.answered(0.5)
    assert limiter.delay(0.5) == 0.75, "a later answer says nothing new"


@pytest.mark.parametrize("limits", [(), ((0, 1.0),), ((5, 0.0),), ((5, -1.0),), ((5, 1.0), (0, 1.0))])
def test_nonsense_limits_are_refused(limits: tuple[tuple[int, float], ...]) -> None:
    with pytest.raises(ValueError, match="limits must be"):
        RollingWindowLimiter(limits)


@given(
    initial=st.floats(0.001, 5.0),
    most=st.floats(0.001, 60.0),
    seed=st.integers(0, 1000),
    failures=st.integers(1, 200),
)
def test_backoff_stays_within_its_bounds(initial: float, most: float, seed: int, failures: int) -> None:
    backoff = Backoff(initial, most, random.Random(seed))
    delays = [backoff.next_delay() for _ in range(failures)]
    assert backoff.failures == failures
    assert delays[0] == 0.0, "a broken connection is usually back at once"
    assert all(0.75 * min(initial, most) <= delay <= most for delay in delays[1:])
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next_delay() == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_a_server_that_was_away_for_seconds_is_found_within_one(seed: int) -> None:
    backoff = Backoff(0.25, 30.0, random.Random(seed))
    at = 0.0
    while at < 4.0:
        delay = backoff.next_delay()
        assert delay <= 0.25 + at * 0.2
        at += delay
    assert backoff.failures >= 8


def test_backoff_grows_and_survives_a_week() -> None:
    backoff = Backoff(0.25, 30.0, random.Random(1))
    delays = [backoff.next_delay() for _ in range(100_000)]
    assert delays[2] > delays[1]
    assert sum(delays[1:6]) < sum(delays[6:11]) < sum(delays[50:55])
    assert min(delays[20:]) >= 22.5
    assert len(set(delays[20:])) > 1000, "clients do not march in step"
