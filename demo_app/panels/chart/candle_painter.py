"""`CandlePainter`: candles, volume and indicators of a stretch of time, drawn with batched QPainter calls."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from demo_app.panels.chart.bars import Bars
from demo_app.panels.chart.chart_view import ChartView, round_prices
from demo_app.panels.chart.indicators import Indicators, Line
from demo_app.style import formats
from demo_app.style.theme import SPACE, Theme

__all__ = ["CandlePainter", "Panes", "indicator_colors", "lay_out"]

_VOLUME_SHARE: Final = 0.16
_STUDY_SHARE: Final = 0.19
_MIN_PRICE_PX: Final = 90.0
_DARK: Final = ("#f5b942", "#c77dff", "#4dd0e1", "#9ccc65", "#90a4c8", "#ff9f5a")
_LIGHT: Final = ("#a86400", "#7b1fa2", "#00788a", "#4b7a22", "#55688f", "#b8480b")


def indicator_colors(theme: Theme) -> tuple[QColor, ...]:
    """Four averages, the bands, and a second line: readable on the theme, and none like up or down."""
    return tuple(QColor(name) for name in (_DARK if theme.name == "dark" else _LIGHT))


@dataclass(frozen=True, slots=True)
class Panes:
    """The areas of the chart: prices on top, then volume, RSI and MACD if shown."""

    plot: QRectF
    price: QRectF
    volume: QRectF | None
    rsi: QRectF | None
    macd: QRectF | None


def lay_out(plot: QRectF, *, volume: bool, rsi: bool, macd: bool) -> Panes:
    """Share the height; panes without room are left out, the last one first."""
    shares = {"volume": _VOLUME_SHARE * volume, "rsi": _STUDY_SHARE * rsi, "macd": _STUDY_SHARE * macd}
    for name in ("macd", "rsi", "volume"):
        if plot.height() * (1 - sum(shares.values())) < _MIN_PRICE_PX:
            shares[name] = 0.0
    rooms: dict[str, QRectF | None] = {}
    top = plot.top() + plot.height() * (1 - sum(shares.values()))
    price = QRectF(plot.left(), plot.top(), plot.width(), top - plot.top())
    for name, share in shares.items():
        height = plot.height() * share
        rooms[name] = QRectF(plot.left(), top, plot.width(), height) if height else None
        top += height
    return Panes(plot, price, rooms["volume"], rooms["rsi"], rooms["macd"])


class CandlePainter:
    """Draws what does not move with the mouse. It has no state of its own: create one per paint.

    Args:
        theme, font: the appearance.
        bars: the candles.
        indicators: of these candles.
        view: the visible range.
        panes: the areas to draw in.
        axis_right: the right end of the price axis.
    """

    def __init__(
        self,
        theme: Theme,
        font: QFont,
        bars: Bars,
        indicators: Indicators,
        view: ChartView,
        panes: Panes,
        axis_right: float,
    ) -> None:
        self._theme, self._font, self._bars = theme, font, bars
        self._indicators, self._view, self._panes = indicators, view, panes
        self._right = axis_right
        self._width = panes.plot.width()
        self._step = view.step(self._width)
        self.begin, self.end = bars.between(view.left - 1, view.right + 1)
        self.top_volume = max(bars.volumes[self.begin : self.end], default=0.0) or 1.0
        self._macd_reach = self._reach()
        self._origin, self._factor = view.price_map(panes.price.top(), panes.price.height())
        self._colors = indicator_colors(theme)

    @property
    def scales(self) -> tuple[float, float]:
        """What the heights in the lower panes depend on: while unchanged, a cached pixmap stays valid."""
        return self.top_volume, self._macd_reach

    def _reach(self) -> float:
        shown = [v for line in self._indicators.macd for v in line[self.begin : self.end] if v is not None]
        return max((abs(v) for v in shown), default=0.0) * 1.15 or 1.0

    # --- axes --------------------------------------------------------------------------------------

    def draw_axes(self, painter: QPainter) -> None:
        """Grid, times, and the lines between the panes."""
        self._draw_grid(painter)
        self._draw_times(painter)
        panes, theme = self._panes, self._theme
        painter.setPen(QPen(theme.border, 1))
        plot = panes.plot
        lines = [QLineF(plot.right(), 0, plot.right(), plot.bottom())]
        lines.append(QLineF(0, plot.bottom(), self._right, plot.bottom()))
        lines += [
            QLineF(0, p.top(), self._right, p.top()) for p in (panes.volume, panes.rsi, panes.macd) if p
        ]
        painter.drawLines(lines)

    def _marks(self) -> Iterator[tuple[float, float]]:
        """Round prices and their positions, from the bottom up."""
        view, area = self._view, self._panes.price
        before = math.inf
        for price in round_prices(view.low, view.high, max(2, int(area.height() / 52))):
            if price <= 0:
                continue
            y = self._origin - view.scale(price) * self._factor
            # On a logarithmic scale the upper ones crowd.
            if area.top() + 10 <= y <= area.bottom() - 6 and before - y >= 24:
                before = y
                yield price, y

    def _levels(self) -> Iterator[tuple[int, float]]:
        """The usual levels of the lower panes, and the position of each."""
        for pane, levels in ((self._panes.rsi, (30, 70)), (self._panes.macd, (0,))):
            for level in levels if pane else ():
                start, per_level = self._rsi_map if pane is self._panes.rsi else self._macd_map
                yield level, start - level * per_level

    def _draw_grid(self, painter: QPainter) -> None:
        right = self._panes.price.right()
        painter.setPen(QPen(self._theme.grid, 1))
        painter.drawLines([QLineF(0, y, right, y) for _, y in (*self._marks(), *self._levels())])

    def draw_prices(self, painter: QPainter, quote: str, taken: QRectF) -> None:
        """Draw the texts of the price axis, except those that `taken` would cover."""
        digits = formats.decimals_of(self._view.high, quote)
        painter.setPen(self._theme.muted)
        for price, y in self._marks():
            if y + 9 <= taken.top() or y - 9 >= taken.bottom():
                self._draw_axis_text(painter, y, formats.price(price, quote, digits))
        for level, y in self._levels():
            self._draw_axis_text(painter, y, str(level))

    def _draw_axis_text(self, painter: QPainter, y: float, text: str) -> None:
        box = QRectF(self._panes.plot.right(), y - 9, self._right - self._panes.plot.right() - SPACE, 18)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_times(self, painter: QPainter) -> None:
        plot, view = self._panes.plot, self._view
        metrics = QFontMetricsF(self._font)
        every = 84 / self._step
        free_from = 0.0
        lines = []
        painter.setPen(self._theme.muted)
        for slot, text in self._bars.grid.ticks(math.floor(view.left), math.ceil(view.right), every):
            x = view.x(slot, self._width)
            width = metrics.horizontalAdvance(text)
            if x - width / 2 < free_from or x + width / 2 > plot.right():
                continue
            free_from = x + width / 2 + SPACE
            lines.append(QLineF(x, 0, x, plot.bottom()))
            painter.drawText(QPointF(x - width / 2, plot.bottom() + metrics.ascent() + SPACE / 2), text)
        painter.setPen(QPen(self._theme.grid, 1))
        painter.drawLines(lines)

    # --- candles -----------------------------------------------------------------------------------

    def draw_candles(self, painter: QPainter, begin: int, end: int) -> None:
        """Draw candles and volume, all of one colour in one call: this makes a thousand candles cheap."""
        if begin >= end:
            return
        rows = self._merged(begin, end) if self._step < 1.5 else self._rows(begin, end)
        view, area, volume = self._view, self._panes.price, self._panes.volume
        origin, factor = self._origin, self._factor
        scale = view.scale
        # Whole pixels: Qt fills a QRect several times as fast as a QRectF. An odd width has a middle.
        body = max(1, round(self._step * 0.72))
        body -= body > 2 and body % 2 == 0
        half = body // 2
        ground = round(volume.bottom()) if volume else 0
        per_volume = (volume.height() - 6) / self.top_volume if volume else 0.0
        batches: dict[bool, tuple[list[QLineF], list[QRect], list[QRect]]]
        batches = {True: ([], [], []), False: ([], [], [])}
        for x, first, high, low, last, size in rows:
            rising = last >= first
            upper, lower = (last, first) if rising else (first, last)
            wicks, bodies, volumes = batches[rising]
            middle = math.floor(x)
            x = middle + 0.5
            wicks.append(QLineF(x, origin - scale(high) * factor, x, origin - scale(low) * factor))
            left = middle - half
            if body > 1:
                y = round(origin - scale(upper) * factor)
                tall = round(origin - scale(lower) * factor) - y
                bodies.append(QRect(left, y, body, tall if tall > 1 else 2))
            if volume:
                tall = round(size * per_volume)
                volumes.append(QRect(left, ground - tall, body, tall))
        painter.save()
        painter.setClipRect(self._panes.plot)
        for rising, (wicks, bodies, volumes) in batches.items():
            color = self._theme.up if rising else self._theme.down
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.faded(color, 95))
            painter.drawRects(volumes)
            painter.setClipRect(area)
            painter.setPen(QPen(color, 1))
            painter.drawLines(wicks)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawRects(bodies)
            painter.setClipRect(self._panes.plot)
        painter.restore()

    def _rows(self, begin: int, end: int) -> list[tuple[float, ...]]:
        bars, step = self._bars, self._step
        offset = (0.5 - self._view.left) * step
        return [
            (slot * step + offset, *values)
            for slot, *values in zip(
                bars.slots[begin:end],
                bars.opens[begin:end],
                bars.highs[begin:end],
                bars.lows[begin:end],
                bars.closes[begin:end],
                bars.volumes[begin:end],
                strict=True,
            )
        ]

    def _merged(self, begin: int, end: int) -> list[tuple[float, ...]]:
        """One row per column of pixels: finer detail is not visible."""
        bars, view = self._bars, self._view
        highs, lows, volumes = bars.highs, bars.lows, bars.volumes
        merged: list[tuple[float, ...]] = []
        while begin < end:
            pixel = math.floor(view.x(bars.slots[begin], self._width))
            stop = bisect.bisect_left(bars.slots, view.slot_at(pixel + 1, self._width) - 0.5, begin + 1, end)
            merged.append(
                (
                    pixel + 0.5,
                    bars.opens[begin],
                    max(highs[begin:stop]),
                    min(lows[begin:stop]),
                    bars.closes[stop - 1],
                    max(volumes[begin:stop]),
                )
            )
            begin = stop
        return merged

    def draw_pauses(self, painter: QPainter) -> None:
        """Draw a thin line at the last price through periods without trades."""
        if self._step < 2:
            return
        bars, view, area = self._bars, self._view, self._panes.price
        origin, factor = self._origin, self._factor
        lines = []
        for index in range(max(1, self.begin), min(len(bars), self.end + 1)):
            before, slot = bars.slots[index - 1], bars.slots[index]
            if slot - before > 1:
                y = origin - view.scale(bars.closes[index - 1]) * factor
                lines.append(QLineF(view.x(before + 0.6, self._width), y, view.x(slot - 0.6, self._width), y))
        painter.save()
        painter.setClipRect(area)
        painter.setPen(QPen(self._theme.muted, 1, Qt.PenStyle.DotLine))
        painter.drawLines(lines)
        painter.restore()

    # --- indicators --------------------------------------------------------------------------------

    def draw_indicators(self, painter: QPainter, begin: int, end: int) -> None:
        """Draw the enabled indicator lines, from candle `begin` to before `end`, joined to those before."""
        first = max(0, begin - 1)
        found, panes = self._indicators, self._panes
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(panes.price)
        colors = self._colors
        scale = math.log if self._view.is_log else None
        prices = [(line, colors[4]) for line in found.band]
        prices += [(line, color) for (_, line), color in zip(found.averages, colors, strict=False)]
        for line, color in prices:
            self._draw_line(painter, line, first, end, color, self._origin, self._factor, scale)
        if panes.rsi and found.rsi is not None:
            painter.setClipRect(panes.rsi)
            origin, factor = self._rsi_map
            self._draw_line(painter, found.rsi, first, end, colors[1], origin, factor)
        if panes.macd and found.macd:
            painter.setClipRect(panes.macd)
            self._draw_histogram(painter, found.macd[2], begin, end)
            origin, factor = self._macd_map
            for line, color in zip(found.macd, (colors[2], colors[5]), strict=False):
                self._draw_line(painter, line, first, end, color, origin, factor)
        painter.restore()

    @property
    def _rsi_map(self) -> tuple[float, float]:
        """``(origin, factor)`` as of prices."""
        pane = self._panes.rsi or self._panes.plot
        return pane.bottom(), pane.height() / 100

    @property
    def _macd_map(self) -> tuple[float, float]:
        pane = self._panes.macd or self._panes.plot
        return pane.center().y(), pane.height() / 2 / self._macd_reach

    def _draw_line(
        self,
        painter: QPainter,
        line: Line,
        begin: int,
        end: int,
        color: QColor,
        origin: float,
        factor: float,
        scale: Callable[[float], float] | None = None,
    ) -> None:
        step = self._step
        offset = (0.5 - self._view.left) * step
        # One point per pixel is enough, and always the same ones, or the line would jitter.
        stride = max(1, int(1 / step))
        begin -= begin % stride
        points = [
            QPointF(slot * step + offset, origin - (scale(value) if scale else value) * factor)
            for slot, value in zip(self._bars.slots[begin:end:stride], line[begin:end:stride], strict=True)
            if value is not None and (value > 0 or not scale)
        ]
        painter.setPen(QPen(color, 1.2))
        # Qt strokes a polyline of this width as one shape, which takes ten times as long.
        painter.drawLines(list(map(QLineF, points, points[1:])))

    def _draw_histogram(self, painter: QPainter, line: Line, begin: int, end: int) -> None:
        step = self._step
        offset = (0.5 - self._view.left) * step
        width = max(1, round(step * 0.6))
        zero, factor = self._macd_map
        rects: dict[bool, list[QRect]] = {True: [], False: []}
        stride = max(1, int(1 / step))
        begin += -begin % stride
        slots = self._bars.slots[begin:end:stride]
        for slot, value in zip(slots, line[begin:end:stride], strict=True):
            if value is not None:
                y = zero - value * factor
                top, bottom = (y, zero) if y < zero else (zero, y)
                left = math.floor(slot * step + offset) - width // 2
                box = QRect(left, round(top), width, max(1, round(bottom) - round(top)))
                rects[value >= 0].append(box)
        painter.setPen(Qt.PenStyle.NoPen)
        for rising, boxes in rects.items():
            painter.setBrush(self._theme.faded(self._theme.up if rising else self._theme.down, 110))
            painter.drawRects(boxes)
