from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.sessions.timers import Timers


def test_what_is_due_is_done_in_order_of_time_then_of_calls() -> None:
    timers, done = Timers(100.0), []
    for name, when in (("late", 103.0), ("first", 101.0), ("second", 101.0)):
        timers.call_at(when, lambda now, name=name: done.append((name, now)))
    timers.run(101.5, 10)
    assert done == [("first", 101.5), ("second", 101.5)]
    assert not timers.is_due(102.9)
    assert timers.is_due(103.0)


def test_a_limited_run_leaves_the_rest() -> None:
    timers, done = Timers(0.0), list[float]()
    for number in range(5):
        timers.call_later(0.0, lambda now, number=number: done.append(number))
    timers.run(0.0, 2)
    assert done == [0, 1]
    assert timers.is_due(0.0)
    timers.run(0.0, 10)
    assert done == [0, 1, 2, 3, 4]


def test_what_a_callback_plans_for_now_is_done_in_the_same_run() -> None:
    timers, done = Timers(0.0), list[float]()
    timers.call_later(1.0, lambda now: timers.call_later(0.0, done.append))
    timers.run(1.0, 10)
    assert done == [1.0]


@given(st.lists(st.floats(0, 100), max_size=10))
def test_the_clock_never_goes_back(times: list[float]) -> None:
    timers, latest = Timers(0.0), 0.0
    for now in times:
        timers.advance(now)
        latest = max(latest, now)
        assert timers.now == latest
