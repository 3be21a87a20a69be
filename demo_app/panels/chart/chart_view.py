"""`ChartView`: the range of time and price that a chart shows, and its mapping to the screen. Knows no Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from demo_app.panels.chart.bars import Bars

__all__ = ["DEFAULT_SPAN", "MAX_SPAN", "MIN_SPAN", "ChartView", "round_prices"]

MIN_SPAN: Final = 15.0
MAX_SPAN: Final = 12_000.0
DEFAULT_SPAN: Final = 120.0
_MARGIN: Final = 0.07
"""Margin below, as a fraction of the price range."""


class ChartView:
    """Slots from `left` to `right`, prices from `low` to `high`; slots are those of a `TimeGrid`.

    Attributes:
        span: how many slots are shown, a fraction while zooming; `max_span` at most, `usual_span`
            initially.
        right: the slot at the right edge.
        follows: whether the right edge follows time.
        is_log: whether the price axis is logarithmic.
        stretch, lift: how far the user has widened and moved the price range.
    """

    def __init__(self) -> None:
        self.span = DEFAULT_SPAN
        self.max_span = MAX_SPAN
        self.usual_span = DEFAULT_SPAN
        self.right = 0.0
        self.follows = True
        self.is_log = False
        self.low, self.high = 0.0, 1.0
        self.stretch, self.lift = 1.0, 0.0

    @property
    def left(self) -> float:
        """The slot at the left edge."""
        return self.right - self.span

    @property
    def fits(self) -> bool:
        """Whether the price range is fitted to the visible candles."""
        return self.stretch == 1.0 and self.lift == 0.0

    def go_to_now(self, newest: int) -> None:
        """Show the newest slot, with some room after it, and follow time."""
        self.right = newest + 1 + max(2.0, self.span * 0.04)
        self.follows = True

    def reset(self, newest: int) -> None:
        """Reset to the initial view."""
        self.span = self.usual_span
        self.stretch, self.lift = 1.0, 0.0
        self.go_to_now(newest)

    def pan(self, slots: float, oldest: int, newest: int) -> None:
        """Scroll through time; some candles always stay visible."""
        right = self.right + slots
        keep = min(self.span * 0.25, 10.0)
        self.right = min(max(right, oldest + keep), newest + 1 + self.span - keep)
        self.follows = self.left <= newest < self.right

    def zoom(self, factor: float, anchor: float, oldest: int, newest: int) -> None:
        """Show `factor` times as many slots; the slot at `anchor` stays where it is."""
        span = min(max(self.span * factor, MIN_SPAN), self.max_span)
        share = (self.right - anchor) / self.span
        self.span = span
        self.right = anchor + share * span
        self.pan(0.0, oldest, newest)

    def fit(self, bars: Bars, extra: Sequence[float] = ()) -> None:
        """Fit the price range to the visible candles.

        Args:
            bars: the candles.
            extra: prices that must be visible as well.
        """
        begin, end = bars.between(self.left, self.right)
        if begin == end:
            begin, end = max(0, begin - 1), max(0, begin - 1) + 1
            if not len(bars):
                return
        low = min(min(bars.lows[begin:end]), *extra) if extra else min(bars.lows[begin:end])
        high = max(max(bars.highs[begin:end]), *extra) if extra else max(bars.highs[begin:end])
        bottom, top = self.scale(low), self.scale(high)
        room = (top - bottom) * _MARGIN or abs(top) * 0.001 or 1.0
        # More above than below: the candle figures are there.
        top, bottom = top + 2 * room, bottom - room
        middle = (top + bottom) / 2
        half = (top - bottom) / 2 * self.stretch
        middle += self.lift * half
        self.low, self.high = self.unscale(middle - half), self.unscale(middle + half)

    def scale(self, price: float) -> float:
        """A price in axis units: itself, or its logarithm."""
        return math.log(max(price, 1e-12)) if self.is_log else price

    def unscale(self, value: float) -> float:
        """The inverse of `scale`."""
        return math.exp(value) if self.is_log else value

    def step(self, width: float) -> float:
        """Width of a slot on the screen."""
        return width / self.span

    def x(self, slot: float, width: float) -> float:
        """The middle of a slot."""
        return (slot + 0.5 - self.left) * width / self.span

    def slot_at(self, x: float, width: float) -> float:
        """The slot at a point, with its fraction."""
        return self.left + x * self.span / width

    def price_map(self, top: float, height: float) -> tuple[float, float]:
        """``(origin, factor)``: a price is at ``origin - scale(price) * factor``."""
        bottom, peak = self.scale(self.low), self.scale(self.high)
        factor = height / ((peak - bottom) or 1.0)
        return top + height + bottom * factor, factor

    def price_at(self, y: float, top: float, height: float) -> float:
        """The price at a height."""
        origin, factor = self.price_map(top, height)
        return self.unscale((origin - y) / factor)


def round_prices(low: float, high: float, count: int) -> list[float]:
    """Round prices between low and high, about `count` of them."""
    raw = (high - low) / max(1, count)
    if not raw > 0 or not math.isfinite(raw):
        return []
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next((m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw), 10 * magnitude)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]
