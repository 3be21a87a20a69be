from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.sessions.rate_window import RateWindow


@given(st.lists(st.floats(0, 2), max_size=60), st.integers(1, 6))
def test_no_window_ever_holds_more_than_the_limit(gaps: list[float], limit: int) -> None:
    window, now, allowed = RateWindow(limit, 1.0), 100.0, []
    for gap in gaps:
        now += gap
        if window.hit(now):
            allowed.append(now)
    for start in allowed:
        assert sum(start <= time < start + 1.0 for time in allowed) <= limit


def test_a_refused_call_does_not_count() -> None:
    window = RateWindow(1, 1.0)
    assert window.hit(0.0)
    assert not window.hit(0.9)
    assert window.hit(1.0)
