"""The parts of a chart: time, columns of candles, indicators, the visible range. No network, no clock."""

from __future__ import annotations

import itertools
import math
import random
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from demo_app.panels.chart.bars import UNITS, Bar, Bars, TimeGrid, Unit, unit_of
from demo_app.panels.chart.candle_canvas import countdown
from demo_app.panels.chart.candle_painter import indicator_colors, lay_out
from demo_app.panels.chart.chart_view import ChartView, round_prices
from demo_app.panels.chart.indicators import Indicators, IndicatorSettings
from demo_app.style.theme import make_theme
from qt_upbit import CandlePeriod, CandleUnit
from tests.support import events

_ALL = IndicatorSettings(show_band=True, show_rsi=True, show_macd=True)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _bar(start: int, price: float = 100.0, volume: float = 1.0) -> Bar:
    return Bar(start, price, price * 1.01, price * 0.99, price, volume)


def _bars(*minutes: int, unit: Unit = CandleUnit.M1) -> Bars:
    bars = Bars("KRW-BTC", unit)
    bars.insert(0, [_bar(60 * minute, 100.0 + minute) for minute in minutes])
    return bars


# --- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
def test_every_time_is_in_the_slot_that_began_before_it(unit: Unit) -> None:
    grid = TimeGrid(unit)
    moment = _seconds("2024-02-29 23:59:59")
    slot = grid.slot(moment)
    assert grid.start(slot) <= moment < grid.start(slot + 1)
    assert grid.slot(grid.start(slot)) == slot
    assert grid.slot(grid.start(slot) - 1) == slot - 1
    assert grid.left_s(moment) == grid.start(slot + 1) - moment
    assert unit_of(unit.value) is unit


def test_weeks_begin_on_monday_and_months_have_calendar_length() -> None:
    week = TimeGrid(CandlePeriod.WEEK)
    assert week.start(week.slot(_seconds("2026-11-24"))) == _seconds("2026-11-23")
    month = TimeGrid(CandlePeriod.MONTH)
    february = month.slot(_seconds("2024-02-10"))
    assert month.start(february + 1) - month.start(february) == 29 * 86_400
    assert month.text(february) == "2024-02"


@pytest.mark.parametrize(("unit", "every"), [*itertools.product(UNITS, (3.0, 12.0, 40.0))])
def test_axis_times_are_spaced_and_visible(unit: Unit, every: float) -> None:
    grid = TimeGrid(unit)
    first = grid.slot(_seconds("2023-12-30 17:03:00"))
    last = first + 240
    if unit is CandlePeriod.YEAR:
        first, last = 1900, 2300
    ticks = grid.ticks(first, last, every)
    slots = [slot for slot, _ in ticks]
    assert len(slots) >= 2
    assert first <= slots[0]
    assert slots[-1] <= last
    # Months differ in length, and weeks do not begin with them.
    assert all(after - before >= every * 0.85 for before, after in itertools.pairwise(slots))
    texts = [text for _, text in ticks]
    assert all(before != after for before, after in itertools.pairwise(texts))


def test_hours_are_in_korean_time() -> None:
    grid = TimeGrid(CandleUnit.M60)
    first = grid.slot(_seconds("2026-11-23 00:00"))
    ticks = dict(grid.ticks(first, first + 23, 6))
    # 15:00 UTC is midnight in Seoul.
    assert ticks == {first + 3: "12:00", first + 9: "18:00", first + 15: "11/24", first + 21: "06:00"}
    assert grid.text(first) == "2026-11-23 09:00"


def test_countdown() -> None:
    assert [countdown(s) for s in (0.2, 59.5, 61, 3_661, 180_000)] == [
        *("00:01", "01:00", "01:01", "01:01:01", "50:00:00")
    ]


# --- candles ---------------------------------------------------------------------------------------


def test_minutes_without_trades_keep_their_place() -> None:
    bars = _bars(10, 11, 15)
    assert bars.slots == [10, 11, 15]
    assert bars.at(11) == 1
    assert bars.at(13) is None
    assert bars.between(11, 14) == (1, 2)
    assert bars.between(12, 14) == (2, 2)


def test_older_candles_change_the_version_and_newer_ones_do_not() -> None:
    bars = _bars(10, 11)
    before = bars.version
    bars.insert(2, [_bar(60 * 12)])
    bars.put(2, _bar(60 * 12, 7.0, 3.0))
    assert bars.version == before
    assert (bars.closes[-1], bars.volumes[-1]) == (7.0, 3.0)
    bars.insert(0, [_bar(60 * 8), _bar(60 * 9)])
    assert bars.version > before
    assert bars.slots == [8, 9, 10, 11, 12]
    middle = bars.version
    bars.put(1, _bar(60 * 9, 50.0))
    assert bars.version > middle
    assert bars[1] == _bar(60 * 9, 50.0)


def test_a_bar_of_a_candle() -> None:
    event = events.candle(unit="1m", price=5)
    bar = Bar.of(event)
    assert bar.start == int(event.start.timestamp())
    assert (bar.close, bar.high) == (5.0, float(event.high_price))


# --- indicators ------------------------------------------------------------------------------------


def _prices(count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    prices = [100.0]
    while len(prices) < count:
        prices.append(prices[-1] * (1 + rng.gauss(0, 0.01)))
    return prices


def _values(indicators: Indicators) -> list[list[float | None]]:
    lines = [line for _, line in indicators.averages]
    return [*lines, *indicators.band, *([indicators.rsi] if indicators.rsi else []), *indicators.macd]


@pytest.mark.parametrize("exponential", [False, True])
def test_incremental_updates_equal_a_full_recomputation(exponential: bool) -> None:
    settings = IndicatorSettings(
        show_band=True, show_rsi=True, show_macd=True, exponential=exponential, averages=(3, 20)
    )
    prices = _prices(120)
    live = Indicators(settings)
    shown: list[float] = []
    for price in prices:
        # The price of the running candle moves, and what it closes with comes with the next candle.
        shown.append(price * 1.2)
        live.sync(shown, 1)
        shown[-1] = price * 0.7
        live.sync(shown, 1)
        shown[-1] = price
    live.sync(shown, 1)
    again = Indicators(settings)
    again.sync(prices, 9)
    for mine, right in zip(_values(live), _values(again), strict=True):
        assert len(mine) == 120
        assert mine == [None if value is None else pytest.approx(value) for value in right]


def test_indicator_values() -> None:
    prices = _prices(80)
    found = Indicators(_ALL)
    found.sync(prices, 0)
    length, average = found.averages[1]
    assert length == 20
    assert average[18] is None
    assert average[-1] == pytest.approx(sum(prices[-20:]) / 20)
    low, middle, high = (line[-1] for line in found.band)
    assert low is not None
    assert middle is not None
    assert high is not None
    deviation = math.sqrt(sum((p - middle) ** 2 for p in prices[-20:]) / 20)
    assert (high - middle, middle - low) == (pytest.approx(2 * deviation), pytest.approx(2 * deviation))
    assert found.rsi is not None
    assert all(0 <= value <= 100 for value in found.rsi if value is not None)
    macd, signal, histogram = (line[-1] for line in found.macd)
    assert macd is not None
    assert signal is not None
    assert histogram == pytest.approx(macd - signal)


def test_older_candles_cause_a_recomputation() -> None:
    prices = _prices(60)
    found = Indicators(IndicatorSettings(averages=(20,)))
    found.sync(prices[30:], 0)
    assert found.averages[0][1][0] is None
    found.sync(prices, 1)
    assert found.averages[0][1][30] == pytest.approx(sum(prices[11:31]) / 20)
    found.sync(prices[:5], 2)
    assert found.averages[0][1] == [None] * 5


def test_disabled_indicators_have_no_values() -> None:
    found = Indicators(IndicatorSettings(show_averages=False))
    found.sync(_prices(50), 0)
    assert (found.averages, found.band, found.rsi, found.macd) == ([], (), None, ())


def test_settings_round_trip_and_invalid_ones_get_defaults() -> None:
    mine = IndicatorSettings(show_rsi=True, averages=(7, 30), band_width=2.5, exponential=True)
    assert IndicatorSettings.from_json(mine.to_json()) == mine
    usual = IndicatorSettings()
    for text in ("", "[1]", "null", '{"averages": [0], "rsi": "x", "show_macd": 1, "band_width": 99}'):
        assert IndicatorSettings.from_json(text) == usual
    assert IndicatorSettings.from_json('{"rsi": 9, "averages": [true]}').rsi == 9


# --- visible range ---------------------------------------------------------------------------------


def test_zoom_keeps_the_slot_under_the_cursor() -> None:
    view = ChartView()
    view.go_to_now(1_000)
    anchor = view.slot_at(200, 800)
    view.zoom(0.5, anchor, 0, 1_000)
    assert view.span == 60
    assert view.slot_at(200, 800) == pytest.approx(anchor)


def test_some_candles_stay_visible_after_any_scroll() -> None:
    view = ChartView()
    view.go_to_now(1_000)
    assert view.follows
    view.pan(-1e6, 500, 1_000)
    assert view.left < 500 < view.right
    assert not view.follows
    view.pan(1e6, 500, 1_000)
    assert view.left < 1_000 < view.right
    assert view.follows


@pytest.mark.parametrize("is_log", [False, True])
def test_prices_fit_the_visible_candles(is_log: bool) -> None:
    bars = _bars(*range(200))
    view = ChartView()
    view.is_log = is_log
    view.span, view.right = 50, 100.0
    view.fit(bars)
    assert view.low < bars.lows[50] < bars.highs[100] < view.high
    assert view.high < bars.highs[130]
    origin, factor = view.price_map(10, 300)
    for price in (view.low, 180.0, view.high):
        assert view.price_at(origin - view.scale(price) * factor, 10, 300) == pytest.approx(price)
    assert origin - view.scale(view.high) * factor == pytest.approx(10)


def test_the_user_can_widen_and_reset_the_price_range() -> None:
    bars = _bars(*range(200))
    view = ChartView()
    view.go_to_now(199)
    view.fit(bars)
    fitting = view.high - view.low
    view.stretch = 2.0
    view.fit(bars)
    assert view.high - view.low == pytest.approx(2 * fitting)
    assert not view.fits
    view.reset(199)
    assert view.fits


def test_price_range_of_a_pair_without_price_changes() -> None:
    bars = Bars("KRW-BTC", CandleUnit.M1)
    bars.insert(0, [Bar(60, 5.0, 5.0, 5.0, 5.0, 1.0)])
    view = ChartView()
    view.go_to_now(1)
    view.fit(bars)
    assert view.low < 5.0 < view.high
    view.right = 500.0  # out of view: the last candles determine the range
    view.fit(bars)
    assert view.low < 5.0 < view.high


def test_round_prices() -> None:
    assert round_prices(0.9, 5.2, 5) == [1, 2, 3, 4, 5]
    assert round_prices(5, 5, 4) == []


def test_a_low_chart_drops_panes() -> None:
    everything = {"volume": True, "rsi": True, "macd": True}
    tall = lay_out(QRectF(0, 0, 500, 600), **everything)
    assert tall.volume
    assert tall.rsi
    assert tall.macd
    assert tall.macd.bottom() == pytest.approx(600)
    low = lay_out(QRectF(0, 0, 500, 160), **everything)
    assert low.macd is None
    assert low.price.height() >= 90


@pytest.mark.parametrize("name", ["dark", "light"])
def test_lines_are_readable_on_both_themes(name: str) -> None:
    theme = make_theme(name, korean=True)

    def luminance(color: QColor) -> float:
        parts = (color.redF(), color.greenF(), color.blueF())
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    ground = luminance(theme.panel)
    for color in indicator_colors(theme):
        ink = luminance(color)
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) > 4.5, color.name()
