"""Candles of two sources in one order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from demo_app.candle_series import Candle, CandleSeries
from tests.support import events


def _candle(start: int, close: float = 1.0) -> Candle:
    return Candle(start, 1.0, max(1.0, close), min(1.0, close), close, 1.0)


def _starts(series: CandleSeries) -> list[int]:
    return [candle.start for candle in series.candles]


def test_the_running_candle_is_replaced_and_the_past_is_not_touched() -> None:
    series = CandleSeries()
    assert series.update(_candle(60)) is True
    version = series.closed_version
    assert series.update(_candle(60, 2.0)) is False
    assert series[-1].close == 2.0
    assert series.closed_version == version


def test_a_new_candle_closes_the_one_before() -> None:
    series = CandleSeries()
    series.update(_candle(60))
    version = series.closed_version
    assert series.update(_candle(120)) is True
    assert _starts(series) == [60, 120]
    assert series.closed_version != version


def test_an_older_candle_corrects_or_finds_its_place() -> None:
    series = CandleSeries()
    for start in (60, 120, 240):
        series.update(_candle(start))
    version = series.closed_version
    assert series.update(_candle(120, 5.0)) is False
    assert series.update(_candle(180)) is False
    assert _starts(series) == [60, 120, 180, 240]
    assert series[1].close == 5.0
    assert series.closed_version != version


def test_the_oldest_leave_at_the_limit() -> None:
    series = CandleSeries(limit=3)
    series.add_history([_candle(start) for start in (60, 120, 180, 240)])
    assert _starts(series) == [120, 180, 240]
    series.update(_candle(300))
    assert _starts(series) == [180, 240, 300]
    series.update(_candle(200))
    assert _starts(series) == [200, 240, 300]
    series.update(_candle(1))
    assert _starts(series) == [200, 240, 300]


def test_history_joins_what_streams_already() -> None:
    """The newest row of the history was still running when it was asked for: the stream knows better."""
    series = CandleSeries()
    series.update(_candle(180, 3.0))
    series.update(_candle(240, 4.0))
    series.add_history([_candle(60), _candle(120), _candle(180, 2.9)])
    assert _starts(series) == [60, 120, 180, 240]
    assert series[2].close == 3.0
    assert series[3].close == 4.0


def test_history_mends_candles_that_closed_unseen() -> None:
    """After a gap the stream's last word on a closed candle is too old."""
    series = CandleSeries()
    series.update(_candle(60, 1.5))
    series.update(_candle(240, 4.0))
    series.add_history([_candle(60, 1.9), _candle(120), _candle(180), _candle(240, 3.9)])
    assert _starts(series) == [60, 120, 180, 240]
    assert series[0].close == 1.9
    assert series[3].close == 4.0


def test_an_empty_history_changes_nothing() -> None:
    series = CandleSeries()
    series.update(_candle(60))
    version = series.closed_version
    series.add_history([])
    assert _starts(series) == [60]
    assert series.closed_version == version


def test_a_candle_of_the_stream() -> None:
    event = events.candle("KRW-BTC", "1m", 150)
    candle = Candle.from_event(event)
    assert candle.start == event.start.timestamp()
    assert candle.close == 150.0


_STARTS = st.integers(0, 30)


@given(
    st.lists(st.one_of(_STARTS, st.lists(_STARTS, max_size=12)), max_size=40),
    st.integers(1, 12),
)
def test_always_sorted_unique_and_within_the_limit(steps: list[int | list[int]], limit: int) -> None:
    series = CandleSeries(limit)
    newest = -1
    for number, step in enumerate(steps):
        version, past = series.closed_version, series.candles[:-1]
        if isinstance(step, int):
            series.update(_candle(step, float(number)))
            newest = max(newest, step)
        else:
            series.add_history(_candle(start) for start in step)
            newest = max([newest, *step])
        starts = _starts(series)
        assert starts == sorted(set(starts))
        assert len(starts) <= limit
        assert not starts or starts[-1] == newest
        if series.closed_version == version:
            assert series.candles[:-1] == past
