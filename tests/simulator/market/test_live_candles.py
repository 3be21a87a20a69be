"""Candles built from trades as they happen are what the trades say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.market.history import Candle
from qt_upbit.simulator.market.live_candles import UNITS_S, LiveCandles, LiveSeries, TimedCandle
from qt_upbit.simulator.market.record_log import SpillFile

MINUTE_MS = 60_000


def test_a_minute() -> None:
    series = LiveSeries(60, SpillFile())
    assert series.current is None
    for time_ms, price, volume in ((1000, 5, 1), (2000, 9, 2), (3000, 3, 1), (59_999, 4, 1)):
        series.apply(time_ms, price, volume, announce=True)
    now = TimedCandle(0, Candle(5, 9, 3, 4, 5, 30), 59_999)
    assert series.current == now
    assert not series.ended
    series.apply(60_000, 7, 1, announce=True)
    assert series.ended == list(series.closed()) == [now]
    assert series.current == TimedCandle(60, Candle(7, 7, 7, 7, 1, 7), 60_000)


def test_what_history_has_begun_goes_on() -> None:
    series = LiveSeries(60, SpillFile())
    series.begin(60, Candle(5, 6, 4, 5, 10, 50), 61_000)
    series.apply(62_000, 8, 1, announce=True)
    assert series.current == TimedCandle(60, Candle(5, 8, 4, 8, 11, 58), 62_000)


def test_one_that_was_never_sent_is_not_announced() -> None:
    series = LiveSeries(60, SpillFile())
    series.begin(0, Candle(5, 6, 4, 5, 10, 50), 1000)
    series.apply(60_000, 8, 1, announce=True)
    assert series.ended == [], "nothing happened in it since"
    series.apply(120_000, 8, 1, announce=False)
    assert series.ended == []
    assert [each.start_s for each in series.closed()] == [60, 0]


_trades = st.lists(
    st.tuples(st.integers(0, 3 * MINUTE_MS), st.integers(1, 1000), st.integers(1, 50)),
    min_size=1,
    max_size=40,
)


@given(_trades)
def test_every_length_is_what_the_trades_say(steps: list[tuple[int, int, int]]) -> None:
    candles, now = LiveCandles(SpillFile()), 0
    trades: list[tuple[int, int, int]] = []
    for wait_ms, price, volume in steps:
        now += wait_ms
        trades.append((now, price, volume))
        candles.apply(now, price, volume, announce=False)
    for unit, length_s in UNITS_S.items():
        series = candles.series[unit]
        current = series.current
        assert current is not None
        starts = sorted({at // (length_s * 1000) * length_s for at, _, _ in trades})
        assert [each.start_s for each in (*reversed(list(series.closed())), current)] == starts
        for each in (*reversed(list(series.closed())), current):
            own = [one for one in trades if one[0] // (length_s * 1000) * length_s == each.start_s]
            prices = [price for _, price, _ in own]
            assert each.candle == Candle(
                prices[0], max(prices), min(prices), prices[-1],
                sum(volume for *_, volume in own), sum(price * volume for _, price, volume in own),
            )  # fmt: skip
            assert each.time_ms == own[-1][0]
