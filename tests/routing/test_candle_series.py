"""Candles of two sources in one row: no gap, no duplicate, the last word wins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.routing.candle_series import CandleSeries, Change
from qt_upbit.types import CandleEvent
from tests.support import events


def candle(minute: int, volume: int = 1, timestamp: int = 0) -> CandleEvent:
    return events.candle(
        candle_date_time_utc=f"2026-01-01T00:{minute:02}:00",
        candle_acc_trade_volume=Decimal(volume),
        timestamp=timestamp,
    )


def content(series: CandleSeries) -> list[tuple[int, int]]:
    return [(int(c.candle_date_time_utc[14:16]), int(c.candle_acc_trade_volume or 0)) for c in series]


def test_the_running_candle_is_replaced_and_a_later_one_appended() -> None:
    series = CandleSeries()
    assert series.update(candle(1)) == Change(0, 1, True)
    assert series.update(candle(1, 2)) == Change(0, 1, False)
    assert series.update(candle(2)) == Change(1, 1, True)
    assert series.update(candle(2)) is None
    assert content(series) == [(1, 2), (2, 1)]


def test_an_answer_that_was_made_earlier_does_not_turn_a_candle_back() -> None:
    series = CandleSeries()
    series.update(candle(1, volume=5, timestamp=10))
    assert series.merge([candle(1, volume=4, timestamp=99)]) == []
    assert content(series) == [(1, 5)]


def test_what_a_closed_candle_was_missing_is_backfilled_although_its_frame_was_made_later() -> None:
    series = CandleSeries()
    series.update(candle(1, volume=4, timestamp=100))
    # Over REST the time is that of the last trade, which the frame of 100 did not know.
    assert series.merge([candle(1, volume=5, timestamp=99)]) == [Change(0, 1, False)]
    assert content(series) == [(1, 5)]


def test_a_page_of_the_past_is_one_change() -> None:
    series = CandleSeries()
    series.update(candle(9))
    assert series.merge([candle(n) for n in (5, 6, 7, 9, 10, 11)]) == [Change(0, 3, True), Change(4, 2, True)]
    assert [minute for minute, _ in content(series)] == [5, 6, 7, 9, 10, 11]


def test_a_gap_is_filled_where_it_is() -> None:
    series = CandleSeries()
    series.merge([candle(1), candle(5)])
    assert series.merge([candle(2), candle(3)]) == [Change(1, 2, True)]
    assert [minute for minute, _ in content(series)] == [1, 2, 3, 5]


_candles = st.builds(candle, st.integers(0, 20), st.integers(1, 9), st.integers(0, 5))


@given(st.lists(st.one_of(_candles, st.lists(_candles, max_size=12)), max_size=25))
def test_whatever_comes_the_series_is_the_last_word_on_each_start(steps: list[Any]) -> None:
    series = CandleSeries()
    mirror: list[CandleEvent] = []
    best: dict[str, CandleEvent] = {}
    for step in steps:
        rows = step if isinstance(step, list) else [step]
        change = None if isinstance(step, list) else series.update(step)
        changes = series.merge(rows) if isinstance(step, list) else [change] if change else []
        for row in rows:
            known = best.get(row.candle_date_time_utc)
            if known is None or not row.is_older_than(known):
                best[row.candle_date_time_utc] = row
        # A model that follows the changes holds as many candles in the same places.
        for first, count, is_new in changes:
            if is_new:
                mirror[first:first] = [events.candle()] * count
        for first, count, _ in changes:
            mirror[first : first + count] = series[first : first + count]
        assert [c.candle_date_time_utc for c in mirror] == [c.candle_date_time_utc for c in series]
    assert [c.candle_date_time_utc for c in series] == sorted(best)
    assert content(series) == [
        (int(start[14:16]), int(best[start].candle_acc_trade_volume or 0)) for start in sorted(best)
    ]
