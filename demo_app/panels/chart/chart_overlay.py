"""`ChartOverlay`: what is drawn over the candles: price tags, cross-hair, legends, own orders and fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QCoreApplication, QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from demo_app.panels.chart.bars import Bars
from demo_app.panels.chart.candle_painter import Panes, indicator_colors
from demo_app.panels.chart.chart_view import ChartView
from demo_app.panels.chart.indicators import Indicators, Line
from demo_app.style import formats
from demo_app.style.theme import SPACE, Theme
from demo_app.widgets.own_trades import FillMark, OrderLine
from qt_upbit import round_to_tick

__all__ = ["ChartContent", "ChartOverlay"]

_TAG_HEIGHT: Final = 18.0
_LEGEND_PX: Final = 56.0
"""Height of the figures."""
_LEGEND_WIDTH: Final = 460.0
"""On a narrower chart the values of indicators are shown under the cursor only."""
_Run = tuple[str, QColor]


@dataclass(slots=True)
class ChartContent:
    """What a chart shows.

    Attributes:
        title: the pair and the unit, as the user reads them.
        is_complete: there is nothing older.
        is_loading: older candles are being loaded.
        alerts: prices of the user's alerts.
    """

    bars: Bars
    indicators: Indicators
    title: str = ""
    is_complete: bool = False
    is_loading: bool = False
    fills: list[FillMark] = field(default_factory=list)
    orders: list[OrderLine] = field(default_factory=list)
    alerts: list[float] = field(default_factory=list)

    @property
    def quote(self) -> str:
        """The currency of the prices."""
        return self.bars.code.partition("-")[0] or "KRW"


translate = QCoreApplication.translate
"""Under the name that pyside6-lupdate recognises."""


class ChartOverlay:
    """Draws the overlay. Created per paint, like `CandlePainter`.

    Args:
        theme, font: the appearance.
        content: the candles and everything shown with them.
        view: the visible range.
        panes: the areas of the chart.
        width: of the whole chart.
    """

    def __init__(
        self, theme: Theme, font: QFont, content: ChartContent, view: ChartView, panes: Panes, width: float
    ) -> None:
        self._theme, self._content, self._view, self._panes = theme, content, view, panes
        self._bars = content.bars
        self._width = width
        self._metrics = QFontMetricsF(font)
        self._origin, self._factor = view.price_map(panes.price.top(), panes.price.height())
        self._digits = formats.decimals_of(view.high, content.quote)

    def _y(self, price: float) -> float:
        return self._origin - self._view.scale(price) * self._factor

    def _x(self, slot: float) -> float:
        return self._view.x(slot, self._panes.plot.width())

    def _price(self, price: float | Decimal) -> str:
        # The tags line up with the axis: visible prices of another magnitude do not change the decimals.
        return formats.price(price, self._content.quote, self._digits)

    def _tag_box(self, y: float, lines: int) -> QRectF:
        tall = _TAG_HEIGHT + (lines - 1) * 14
        plot = self._panes.plot
        top = min(max(plot.top(), y - _TAG_HEIGHT / 2), plot.bottom() - tall)
        return QRectF(plot.right() + 1, top, self._width - plot.right() - 1, tall)

    def _tag(self, painter: QPainter, y: float, color: QColor, *lines: str) -> None:
        box = self._tag_box(y, len(lines))
        painter.fillRect(box, color)
        painter.setPen(self._theme.ink_on(color))
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        room = box.adjusted(0, 0, -SPACE, 0)
        room.setHeight(_TAG_HEIGHT)
        for line in lines:
            painter.drawText(room, align, line)
            room.translate(0, 13)

    # --- the market --------------------------------------------------------------------------------

    def last_price_box(self, left: str) -> QRectF:
        """The rectangle of the last price's tag on the axis."""
        return self._tag_box(self._last_y(), 2 if left else 1)

    def _last_y(self) -> float:
        area = self._panes.price
        return min(max(self._y(self._bars.closes[-1]), area.top() + _TAG_HEIGHT / 2), area.bottom() - 24)

    def draw_last_price(self, painter: QPainter, left: str, *, is_old: bool) -> None:
        """Draw the last price, and the time left of its candle."""
        bars, area = self._bars, self._panes.price
        close = bars.closes[-1]
        color = self._theme.up if close >= bars.opens[-1] else self._theme.down
        if is_old:
            color = self._theme.muted
        y = self._y(close)
        if area.top() <= y <= area.bottom():
            painter.setPen(QPen(color, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QLineF(0, y, area.right(), y))
        self._tag(painter, self._last_y(), color, *filter(None, (self._price(close), left)))

    def draw_past(self, painter: QPainter) -> None:
        """Draw where history begins, or that more of it is being loaded."""
        content, plot = self._content, self._panes.plot
        x = self._x(self._bars.slots[0] - 0.5)
        if x < plot.left() or x > plot.right() or not (content.is_complete or content.is_loading):
            return
        painter.setPen(QPen(self._theme.muted, 1, Qt.PenStyle.DashLine))
        if content.is_complete:
            painter.drawLine(QLineF(x, plot.top(), x, plot.bottom()))
        text = (
            translate("ChartOverlay", "Start of history")
            if content.is_complete
            else translate("ChartOverlay", "Loading older candles…")
        )
        wide = self._metrics.horizontalAdvance(text) + 2 * SPACE
        box = QRectF(x - wide, self._panes.price.center().y() - 11, wide, 22)
        if box.left() < plot.left():
            box.moveLeft(plot.left())
        painter.fillRect(box, self._theme.faded(self._theme.panel, 225))
        painter.setPen(self._theme.muted)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # --- the user's own ----------------------------------------------------------------------------

    def draw_own(self, painter: QPainter) -> None:
        """Draw alerts and open orders as lines with tags, fills as triangles at their prices."""
        area = self._panes.price
        for price in self._content.alerts:
            pen = QPen(self._theme.warning, 1, Qt.PenStyle.DotLine)
            self._draw_line(painter, pen, price, translate("ChartOverlay", "Alert"))
        for order in self._content.orders:
            pen = QPen(self._theme.up if order.is_buy else self._theme.down, 1, Qt.PenStyle.DashDotLine)
            side = translate("ChartOverlay", "Buy") if order.is_buy else translate("ChartOverlay", "Sell")
            self._draw_line(painter, pen, order.price, f"{side} {order.text}")
        painter.save()
        painter.setClipRect(area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        grid = self._bars.grid
        for fill in self._content.fills:
            slot = grid.slot(fill.moment)
            if not self._view.left - 1 <= slot <= self._view.right + 1:
                continue
            x, y = self._x(slot), self._y(fill.price)
            # Buys point up from below their price, sells down from above: distinguishable without colour.
            way = 1 if fill.is_buy else -1
            shape = (QPointF(x, y), QPointF(x - 5, y + 9 * way), QPointF(x + 5, y + 9 * way))
            painter.setPen(QPen(self._theme.panel, 1.5))
            painter.setBrush(self._theme.text)
            painter.drawPolygon(QPolygonF(shape))
        painter.restore()

    def _draw_line(self, painter: QPainter, pen: QPen, price: float, text: str) -> None:
        plot, y = self._panes.plot, self._y(price)
        if not self._panes.price.top() <= y <= self._panes.price.bottom():
            return
        painter.setPen(pen)
        painter.drawLine(QLineF(0, y, plot.right(), y))
        wide = self._metrics.horizontalAdvance(text) + 2 * SPACE
        # On the left, away from the newest candles, but not under the figures.
        left = SPACE if y > _LEGEND_PX else plot.right() - wide - SPACE
        box = QRectF(left, y - 9, wide, _TAG_HEIGHT)
        painter.fillRect(box, self._theme.panel)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen.color())
        painter.drawRect(box)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        if abs(y - self._y(self._bars.closes[-1])) > 2 * _TAG_HEIGHT:
            self._tag(painter, y, pen.color(), self._price(price))

    # --- cross-hair and legends --------------------------------------------------------------------

    def slot_under(self, cursor: QPointF) -> int:
        """The slot under a point."""
        return int(self._view.slot_at(cursor.x(), self._panes.plot.width()) // 1)

    def draw_cross(self, painter: QPainter, cursor: QPointF) -> None:
        """Draw lines through the cursor, and its price and time on the axes."""
        plot, panes = self._panes.plot, self._panes
        slot = self.slot_under(cursor)
        x = self._x(slot)
        painter.setPen(QPen(self._theme.muted, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(x, plot.top(), x, plot.bottom()))
        painter.drawLine(QLineF(0, cursor.y(), plot.right(), cursor.y()))
        value = self._value_at(cursor.y())
        if value:
            self._tag(painter, cursor.y(), self._theme.muted, value)
        when = self._bars.grid.text(slot)
        box = QRectF(0, plot.bottom() + 1, self._metrics.horizontalAdvance(when) + 2 * SPACE, 18)
        left = min(max(x - box.width() / 2, 0.0), max(0.0, panes.plot.right() - box.width()))
        box.moveLeft(left)
        painter.fillRect(box, self._theme.muted)
        painter.setPen(self._theme.ink_on(self._theme.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, when)

    def _value_at(self, y: float) -> str:
        panes = self._panes
        if panes.price.top() <= y <= panes.price.bottom():
            price = self._view.price_at(y, panes.price.top(), panes.price.height())
            # A valid order price: what a click with Ctrl drafts.
            return self._price(round_to_tick(self._bars.code, Decimal(repr(price)))) if price > 0 else ""
        if panes.rsi and panes.rsi.top() <= y <= panes.rsi.bottom():
            return f"{(panes.rsi.bottom() - y) / panes.rsi.height() * 100:.1f}"
        return ""

    def draw_legends(self, painter: QPainter, cursor: QPointF | None) -> None:
        """Draw the figures and indicator values of the candle under the cursor, or of the last one."""
        bars = self._bars
        index: int | None = len(bars) - 1
        runs: list[_Run] = [(self._content.title, self._theme.text)]
        if cursor is not None:
            slot = self.slot_under(cursor)
            index = bars.at(slot)
            runs.append((bars.grid.text(slot), self._theme.muted))
        if index is None:
            runs.append((translate("ChartOverlay", "no trades"), self._theme.muted))
        else:
            runs += self._figures(index)
        top = self._draw_runs(painter, runs, self._panes.price.top() + SPACE / 2)
        if index is None or (cursor is None and self._panes.plot.width() < _LEGEND_WIDTH):
            return
        found, colors = self._content.indicators, indicator_colors(self._theme)
        name = "EMA" if found.settings.exponential else translate("ChartOverlay", "MA")
        runs = [
            (f"{name} {length} {self._at(line, index)}", color)
            for (length, line), color in zip(found.averages, colors, strict=False)
        ]
        if found.band:
            low, middle, high = (self._at(line, index) for line in found.band)
            request = found.settings
            runs.append((f"BB {request.band}, {request.band_width:g}  {high} / {middle} / {low}", colors[4]))
        if runs:
            self._draw_runs(painter, runs, top)
        self._study_legends(painter, index)

    def _study_legends(self, painter: QPainter, index: int) -> None:
        found, panes, theme = self._content.indicators, self._panes, self._theme
        colors, request = indicator_colors(theme), self._content.indicators.settings
        if panes.volume:
            text = translate("ChartOverlay", "Volume")
            runs: list[_Run] = [(f"{text} {formats.size(self._bars.volumes[index])}", theme.muted)]
            self._draw_runs(painter, runs, panes.volume.top() + 2)
        if panes.rsi and found.rsi is not None:
            value = found.rsi[index]
            text = f"RSI {request.rsi}  {'–' if value is None else f'{value:.2f}'}"
            self._draw_runs(painter, [(text, colors[1])], panes.rsi.top() + 2)
        if panes.macd and found.macd:
            line, signal, bar = (self._at(each, index, 2) for each in found.macd)
            runs = [
                (f"MACD {request.fast}, {request.slow}, {request.signal}", theme.muted),
                (line, colors[2]),
                (signal, colors[5]),
                (bar, theme.text),
            ]
            self._draw_runs(painter, runs, panes.macd.top() + 2)

    def _at(self, line: Line, index: int, more: int = 0) -> str:
        """A value with the decimals of prices; differences of low prices need a few more."""
        value = line[index] if index < len(line) else None
        digits = self._digits + (more if self._digits else 0)
        return "–" if value is None else f"{value:,.{digits}f}"

    def _figures(self, index: int) -> list[_Run]:
        bars, theme = self._bars, self._theme
        close, opened = bars.closes[index], bars.opens[index]
        # The change is against the candle before, as Upbit counts it.
        before = bars.closes[index - 1] if index else opened
        change = close / before - 1 if before else 0.0
        color = theme.up if close >= opened else theme.down
        named = (
            (translate("ChartOverlay", "O"), self._price(opened)),
            (translate("ChartOverlay", "H"), self._price(bars.highs[index])),
            (translate("ChartOverlay", "L"), self._price(bars.lows[index])),
            (translate("ChartOverlay", "C"), self._price(close)),
        )
        runs = [(f"{name} {text}", color) for name, text in named]
        tone = theme.up if change > 0 else theme.down if change < 0 else theme.muted
        runs.append((formats.percent(change), tone))
        if not self._panes.volume:
            volume = translate("ChartOverlay", "Vol")
            runs.append((f"{volume} {formats.size(bars.volumes[index])}", theme.muted))
        return runs

    def _draw_runs(self, painter: QPainter, runs: list[_Run], top: float) -> float:
        """Draw texts in as many rows as needed; return the height below them."""
        metrics = self._metrics
        rows: list[list[tuple[float, _Run]]] = [[]]
        x, limit = float(SPACE), self._panes.plot.width() - SPACE
        ends = [x]
        for run in runs:
            wide = metrics.horizontalAdvance(run[0])
            if rows[-1] and x + wide > limit:
                rows.append([])
                ends.append(float(SPACE))
                x = float(SPACE)
            rows[-1].append((x, run))
            ends[-1] = x + wide
            x += wide + 1.4 * SPACE
        tall = metrics.height() + 1
        for row, end in zip(rows, ends, strict=True):
            shade = self._theme.faded(self._theme.panel, 205)
            painter.fillRect(QRectF(SPACE / 2, top, end - SPACE / 2 + 4, tall), shade)
            for left, (text, color) in row:
                painter.setPen(color)
                painter.drawText(QPointF(left, top + metrics.ascent()), text)
            top += tall
        return top + 1
