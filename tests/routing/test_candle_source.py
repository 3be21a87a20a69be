"""Every length of candles has a source; those of the ticker: tests/routing/test_period_candle.py."""

from __future__ import annotations

import pytest

from qt_upbit.routing.candle_source import source_of
from qt_upbit.routing.period_candle import DaysWanted, PeriodCandle
from qt_upbit.types import CandlePeriod, CandleUnit
from tests.routing.test_period_candle import MONDAY
from tests.support import events


@pytest.mark.parametrize("unit", CandleUnit)
def test_what_is_streamed_is_the_candle_itself(unit: CandleUnit) -> None:
    source = source_of(unit)
    assert (source.event_type, source.options, source.few) == ("candle", {"unit": unit.value}, None)
    event = events.candle(unit=unit)
    assert source.receive(event) is event
    assert (source.candle, source.behind_since, source.begin_reading()) == (None, None, None)


@pytest.mark.parametrize("period", CandlePeriod)
def test_what_is_not_streamed_comes_from_the_ticker(period: CandlePeriod) -> None:
    source = source_of(period)
    assert isinstance(source, PeriodCandle)
    assert (source.event_type, source.options) == ("ticker", {})
    assert source.few is not None


def test_a_streamed_source_asks_for_no_days() -> None:
    with pytest.raises(AssertionError, match="no days"):
        source_of(CandleUnit.M1).learn(DaysWanted(MONDAY, MONDAY), [])


def test_two_feeds_share_nothing() -> None:
    assert source_of(CandlePeriod.WEEK) is not source_of(CandlePeriod.WEEK)
