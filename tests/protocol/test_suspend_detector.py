"""Two clocks show that the machine was suspended."""

from __future__ import annotations

import pytest

from qt_upbit.protocol.suspend_detector import SuspendDetector


@pytest.mark.parametrize(
    ("elapsed", "wall_elapsed", "slept"),
    [
        (1.0, 1.0, False),
        (1.0, 2.5, False),  # a clock that was set
        (1.0, -3600.0, False),  # set back
        (1.0, 3.5, True),
        (1.0, 28_800.0, True),
        (30.0, 30.0, False),  # a program that was busy
        (28_800.0, 28_800.0, False),  # a monotonic clock that goes on: deadlines pass by themselves
    ],
)
def test_the_time_of_day_that_ran_ahead_is_sleep(elapsed: float, wall_elapsed: float, slept: bool) -> None:
    detector = SuspendDetector(5.0, 1_700_000_000.0)
    assert detector.has_slept(5.0 + elapsed, 1_700_000_000.0 + wall_elapsed) is slept
    assert not detector.has_slept(6.0 + elapsed, 1_700_000_001.0 + wall_elapsed), "reported once"


def test_what_was_before_a_restart_does_not_count() -> None:
    detector = SuspendDetector(5.0, 1000.0)
    detector.restart(6.0, 9000.0)
    assert not detector.has_slept(7.0, 9001.0)
