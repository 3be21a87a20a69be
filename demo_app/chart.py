"""`CandleChart`: candlesticks with volume, painted with batched QPainter calls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from demo_app import formats
from demo_app.candle_series import Candle, CandleSeries
from demo_app.i18n import Translator
from demo_app.theme import SPACE, Theme
from qt_upbit import KST, CandleEvent, CandleUnit, Scope, Subscription, WebSocketClientProxy

__all__ = ["CandleChart"]

_MIN_VISIBLE: Final = 20
_MAX_VISIBLE: Final = 1_000
_VOLUME_SHARE: Final = 0.2
_KST_S: Final = 9 * 3600
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_INTERVALS_S: Final = (
    *(5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 4, 12)),
    *(_DAY * n for n in (1, 2, 5, 10, 30)),
)
_RIGHT_MARGIN: Final = 4
"""Free columns right of the last candle."""
_NOTCH: Final = 120
"""What a mouse wheel turns by at once; a touch pad moves in much smaller steps."""
_PAST_COLUMNS: Final = 20
"""Older candles are asked for when fewer than this many are left of the screen."""
_PATIENCE_MS: Final = 1_500
"""So long the old pair stays, grey, while the new one's history is on its way."""


@dataclass(eq=False, slots=True)
class _Content:
    """What a chart is about."""

    code: str
    unit: CandleUnit
    series: CandleSeries = field(default_factory=CandleSeries)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    past_is_asked: bool = False
    past_is_complete: bool = False


class CandleChart(QWidget):
    """The chart of one pair and unit, on a proxy of its own.

    Wheel zooms, dragging scrolls, a double click goes back to now. Closed candles are kept in a pixmap;
    a tick paints one column.

    Signals:
        ``gap_seen()``: the stream was interrupted; history can mend what closed meanwhile.
        ``past_wanted(code, unit, before)``: someone looks further back than there are candles; `before`
        is the start of the oldest one. Answer with `add_past`.

    Args:
        theme, texts: how it looks and speaks.
        parent: owner.
    """

    gap_seen = Signal()
    past_wanted = Signal(str, object, object)

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chart")
        self.setAccessibleName(texts("about_chart"))
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._theme = theme
        self._texts = texts
        self._font = theme.font(8.5)
        self._wanted = _Content("", CandleUnit.M1)
        self._shown = self._wanted
        self._visible = 120.0
        self._offset = 0.0
        self._cursor: QPointF | None = None
        self._drag: tuple[float, float] | None = None
        self._notice = ""
        self.is_stale = False
        self._patience = QTimer(self)
        self._patience.setObjectName("chart_patience")
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._reveal)
        self._cache: QPixmap | None = None
        self._cache_key: object = None
        self.proxy = WebSocketClientProxy("chart", parent=self)
        self.proxy.candle_received.connect(self._on_candle)
        self.proxy.gap_detected.connect(self._on_gap)
        self._subscription: Subscription | None = None

    # --- data --------------------------------------------------------------------------------------

    @property
    def code(self) -> str:
        """The pair that was asked for."""
        return self._wanted.code

    @property
    def unit(self) -> CandleUnit:
        """The length of the candles."""
        return self._wanted.unit

    @property
    def series(self) -> CandleSeries:
        """The candles of that pair."""
        return self._wanted.series

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """What its stream did not tell: begin and end, seconds since the epoch."""
        return self._wanted.gaps

    def show_market(self, code: str, unit: CandleUnit) -> None:
        """Change pair or unit; the old candles stay, grey, until the new ones come."""
        before = self._subscription
        # The new stream first: the shared connection then never has to go without this chart.
        self._subscription = self.proxy.subscribe_candle([code], unit=unit)
        if before is not None:
            before.close()
        self._wanted = _Content(code, unit)
        self._patience.start()
        if not len(self._shown.series):
            self._reveal()
        self.set_notice(self._texts("chart.loading"))

    def _reveal(self) -> None:
        """Turn from the old candles to the new ones."""
        self._patience.stop()
        if self._shown is not self._wanted:
            self._shown = self._wanted
            self._offset = 0.0
            self.update()

    def add_history(self, candles: Iterable[Candle]) -> None:
        """Take older candles."""
        self.series.add_history(candles)
        self._reveal()
        self.set_notice("")
        self._ask_for_past()

    def add_past(self, candles: Iterable[Candle]) -> None:
        """Take what was asked for with `past_wanted`; nothing older means that there is nothing."""
        content = self._wanted
        oldest = content.series[0].start if len(content.series) else None
        content.series.add_history(candles)
        content.past_is_asked = False
        content.past_is_complete = not len(content.series) or content.series[0].start == oldest
        self.update()
        self._ask_for_past()

    def go_without_past(self) -> None:
        """The answer to `past_wanted` did not come; the next look back asks again."""
        self._wanted.past_is_asked = False

    def _ask_for_past(self) -> None:
        content = self._wanted
        if content is not self._shown or content.past_is_asked or content.past_is_complete:
            return
        left = len(content.series) - int(self._offset) - int(self._visible)
        if len(content.series) and left < _PAST_COLUMNS:
            content.past_is_asked = True
            self.past_wanted.emit(content.code, content.unit, content.series[0].start)

    def go_without_history(self, notice: str) -> None:
        """Show what the stream tells, and why there is no more."""
        self._reveal()
        self.set_notice(notice)

    def set_notice(self, text: str) -> None:
        """Show a line of text where candles will be; empty for none."""
        self._notice = text
        self.update()

    def set_stale(self, stale: bool) -> None:
        """Show that what is on the screen is not of now."""
        if stale != self.is_stale:
            self.is_stale = stale
            self.update()

    def _on_candle(self, event: CandleEvent) -> None:
        if event.code != self.code or event.unit is not self.unit:
            return
        is_new = self.series.update(Candle.from_event(event))
        if is_new and self._offset >= 1 and self._shown is self._wanted:
            self._offset += 1  # who looks at the past keeps looking at it
        self.update()

    def _on_gap(self, _scope: Scope, _codes: Sequence[str], begin: datetime, end: datetime) -> None:
        self.gaps.append((begin.timestamp(), end.timestamp()))
        del self.gaps[:-20]
        self.update()
        self.gap_seen.emit()

    # --- geometry ----------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(760, 460)

    def minimumSizeHint(self) -> QSize:
        """The smallest size at which axes are readable."""
        return QSize(320, 200)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Forget the cached picture."""
        self._cache = None
        super().resizeEvent(event)

    def _plot(self) -> QRectF:
        metrics = QFontMetricsF(self._font)
        last = self._shown.series[-1].close if len(self._shown.series) else 100_000_000.0
        text = formats.price(last, self._quote)
        axis = max(metrics.horizontalAdvance(text) + 2 * SPACE, 64)
        return QRectF(0, 0, self.width() - axis, self.height() - metrics.height() - SPACE)

    @property
    def _quote(self) -> str:
        return self._shown.code.partition("-")[0] or "KRW"

    def _window(self) -> tuple[int, int]:
        """Indices of the first visible candle and one past the last."""
        count = len(self._shown.series)
        end = count - int(self._offset)
        first = max(0, end - int(self._visible))
        return first, max(first, end)

    # --- painting ----------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the cached past, the last column, and what lies above."""
        painter = QPainter(self)
        painter.setFont(self._font)
        if not len(self._shown.series):
            painter.fillRect(self.rect(), self._theme.panel)
            painter.setPen(self._theme.muted)
            text = self._notice or self._texts("chart.empty")
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
            return
        plot = self._plot()
        first, end = self._window()
        shown = self._shown.series.candles[first:end]
        low, high = self._range(shown)
        has_last = end == len(self._shown.series)
        closed = shown[:-1] if has_last else shown
        volume = max((candle.volume for candle in shown), default=1.0) or 1.0
        version = self._shown.series.closed_version
        key = (self._shown, first, end, version, low, high, volume, plot, self._visible)
        if self._cache is None or key != self._cache_key:
            self._cache = self._draw_past(plot, closed, low, high, volume)
            self._cache_key = key
        painter.drawPixmap(0, 0, self._cache)
        if has_last:
            self._draw_candles(painter, plot, shown[-1:], len(shown) - 1, low, high, volume)
        is_old = self._shown is not self._wanted
        if self.is_stale or is_old:
            painter.fillRect(plot, self._theme.faded(self._theme.panel, 140))
        self._draw_gaps(painter, plot, shown)
        self._draw_last_price(painter, plot, low, high)
        if self._cursor is not None and plot.contains(self._cursor):
            self._draw_cursor(painter, plot, shown, low, high)
        elif shown:
            self._draw_ohlc(painter, shown[-1])
        if is_old:
            self._draw_word(painter, plot, self._notice, self._theme.muted)
        elif self.is_stale:
            self._draw_word(painter, plot, self._texts("chart.stale"), self._theme.warning)
        if self._notice and not is_old:
            painter.setPen(self._theme.muted)
            painter.drawText(plot.adjusted(SPACE, SPACE * 4, 0, 0), Qt.AlignmentFlag.AlignLeft, self._notice)

    def _range(self, shown: Sequence[Candle]) -> tuple[float, float]:
        low, high = min(c.low for c in shown), max(c.high for c in shown)
        margin = (high - low) * 0.06 or high * 0.001 or 1.0
        return low - margin, high + margin

    def _price_area(self, plot: QRectF) -> QRectF:
        return QRectF(plot.left(), plot.top(), plot.width(), plot.height() * (1 - _VOLUME_SHARE) - SPACE)

    def _y(self, plot: QRectF, price: float, low: float, high: float) -> float:
        area = self._price_area(plot)
        return area.bottom() - (price - low) / (high - low) * area.height()

    def _step(self, plot: QRectF) -> float:
        return plot.width() / (self._visible + _RIGHT_MARGIN)

    def _x(self, plot: QRectF, column: int, shown_count: int) -> float:
        """Centre of a column; the newest stands right when there are fewer than fit."""
        free = int(self._visible) - shown_count
        return plot.left() + (column + max(0, free) + 0.5) * self._step(plot)

    def _draw_past(
        self, plot: QRectF, closed: Sequence[Candle], low: float, high: float, volume: float
    ) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self._theme.panel)
        painter = QPainter(pixmap)
        painter.setFont(self._font)
        self._draw_axes(painter, plot, low, high)
        self._draw_times(painter, plot)
        self._draw_candles(painter, plot, closed, 0, low, high, volume)
        painter.end()
        return pixmap

    def _draw_axes(self, painter: QPainter, plot: QRectF, low: float, high: float) -> None:
        area = self._price_area(plot)
        painter.setPen(QPen(self._theme.border, 1))
        painter.drawLine(QLineF(plot.right(), 0, plot.right(), plot.bottom()))
        painter.drawLine(QLineF(0, plot.bottom(), plot.right(), plot.bottom()))
        digits = formats.decimals_of(high, self._quote)
        lines = []
        for price in _ticks(low, high, max(3, int(area.height() / 56))):
            y = self._y(plot, price, low, high)
            if y < area.top() + 10:
                continue
            lines.append(QLineF(0, y, plot.right(), y))
            painter.setPen(self._theme.muted)
            box = QRectF(plot.right(), y - 9, self.width() - plot.right() - SPACE, 18)
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, align, formats.price(price, self._quote, digits))
        painter.setPen(QPen(self._theme.grid, 1))
        painter.drawLines(lines)

    def _draw_times(self, painter: QPainter, plot: QRectF) -> None:
        first, end = self._window()
        shown = self._shown.series.candles[first:end]
        if not shown:
            return
        every = _round_interval(88 / self._step(plot) * self._shown.unit.seconds)
        metrics = QFontMetricsF(self._font)
        free_from = 0.0
        for column, (before, candle) in enumerate(itertools.pairwise(shown), 1):
            # A minute without trades has no candle: the next one stands for the round time.
            count = (candle.start + _KST_S) // every
            if count == (before.start + _KST_S) // every:
                continue
            x = self._x(plot, column, len(shown))
            text = _time_text(count * every - _KST_S, self._shown.unit)
            width = metrics.horizontalAdvance(text)
            if x - width / 2 < free_from or x + width / 2 > plot.right():
                continue
            free_from = x + width / 2 + SPACE
            painter.setPen(QPen(self._theme.grid, 1))
            painter.drawLine(QLineF(x, 0, x, plot.bottom()))
            painter.setPen(self._theme.muted)
            painter.drawText(QPointF(x - width / 2, self.height() - SPACE / 2 - metrics.descent()), text)

    def _draw_candles(
        self,
        painter: QPainter,
        plot: QRectF,
        candles: Sequence[Candle],
        first_column: int,
        low: float,
        high: float,
        volume: float,
    ) -> None:
        """All candles of one colour in one call: that is what makes a thousand of them cheap."""
        first, end = self._window()
        step = self._step(plot)
        left = self._x(plot, first_column, end - first)
        body = max(1.0, step * 0.7)
        # Worked out once, not by `_y` for each of four prices of each candle.
        area = self._price_area(plot)
        floor, per_price = area.bottom() + low * area.height() / (high - low), area.height() / (high - low)
        ground, per_volume = plot.bottom(), plot.height() * _VOLUME_SHARE / volume
        batches: dict[bool, tuple[list[QLineF], list[QRectF], list[QRectF]]]
        batches = {True: ([], [], []), False: ([], [], [])}
        for column, candle in enumerate(candles):
            x = left + column * step
            rising = candle.close >= candle.open
            upper, lower = (candle.close, candle.open) if rising else (candle.open, candle.close)
            wicks, bodies, volumes = batches[rising]
            wicks.append(QLineF(x, floor - candle.high * per_price, x, floor - candle.low * per_price))
            tall = max(1.0, (upper - lower) * per_price)
            bodies.append(QRectF(x - body / 2, floor - upper * per_price, body, tall))
            tall = candle.volume * per_volume
            volumes.append(QRectF(x - body / 2, ground - tall, body, tall))
        for rising, (wicks, bodies, volumes) in batches.items():
            color = self._theme.up if rising else self._theme.down
            painter.setPen(QPen(color, 1))
            painter.drawLines(wicks)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawRects(bodies)
            painter.setBrush(self._theme.faded(color, 90))
            painter.drawRects(volumes)

    def _draw_gaps(self, painter: QPainter, plot: QRectF, shown: Sequence[Candle]) -> None:
        """Shade what was not received."""
        seconds = self._shown.unit.seconds
        for begin, end in self._shown.gaps:
            columns = [i for i, c in enumerate(shown) if c.start + seconds > begin and c.start < end]
            if columns:
                step = self._step(plot)
                left = self._x(plot, columns[0], len(shown)) - step / 2
                right = self._x(plot, columns[-1], len(shown)) + step / 2
                shade = self._theme.faded(self._theme.warning, 40)
                painter.fillRect(QRectF(left, 0, right - left, plot.bottom()), shade)

    def _draw_last_price(self, painter: QPainter, plot: QRectF, low: float, high: float) -> None:
        last = self._shown.series[-1]
        color = self._theme.up if last.close >= last.open else self._theme.down
        if self.is_stale or self._shown is not self._wanted:
            color = self._theme.muted
        y = self._y(plot, last.close, low, high)
        if not 0 <= y <= self._price_area(plot).bottom():
            return
        painter.setPen(QPen(color, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(0, y, plot.right(), y))
        self._draw_tag(painter, plot, y, formats.price(last.close, self._quote), color)

    def _draw_tag(self, painter: QPainter, plot: QRectF, y: float, text: str, color: QColor) -> None:
        box = QRectF(plot.right() + 1, y - 9, self.width() - plot.right() - 1, 18)
        painter.fillRect(box, color)
        painter.setPen(self._theme.ink_on(color))
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box.adjusted(0, 0, -SPACE, 0), align, text)

    def _draw_word(self, painter: QPainter, plot: QRectF, text: str, color: QColor) -> None:
        box = QRectF(0, 0, QFontMetricsF(self._font).horizontalAdvance(text) + 3 * SPACE, 3 * SPACE)
        box.moveCenter(plot.center())
        painter.fillRect(box, color)
        painter.setPen(self._theme.ink_on(color))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_ohlc(self, painter: QPainter, candle: Candle) -> None:
        quote = self._quote
        text = self._texts(
            "chart.ohlc",
            o=formats.price(candle.open, quote),
            h=formats.price(candle.high, quote),
            l=formats.price(candle.low, quote),
            c=formats.price(candle.close, quote),
            v=formats.size(candle.volume),
        )
        width = QFontMetricsF(self._font).horizontalAdvance(text)
        painter.fillRect(
            QRectF(SPACE / 2, SPACE / 2, width + SPACE, 20), self._theme.faded(self._theme.panel, 210)
        )
        painter.setPen(self._theme.up if candle.close >= candle.open else self._theme.down)
        painter.drawText(QPointF(SPACE, SPACE / 2 + 15), text)

    def _draw_cursor(
        self, painter: QPainter, plot: QRectF, shown: Sequence[Candle], low: float, high: float
    ) -> None:
        cursor = self._cursor
        if cursor is None or not shown:
            return
        free = max(0, int(self._visible) - len(shown))
        column = min(max(0, int(cursor.x() / self._step(plot)) - free), len(shown) - 1)
        x = self._x(plot, column, len(shown))
        painter.setPen(QPen(self._theme.muted, 1, Qt.PenStyle.DotLine))
        painter.drawLine(QLineF(x, 0, x, plot.bottom()))
        painter.drawLine(QLineF(0, cursor.y(), plot.right(), cursor.y()))
        area = self._price_area(plot)
        if cursor.y() <= area.bottom():
            price = low + (area.bottom() - cursor.y()) / area.height() * (high - low)
            digits = formats.decimals_of(high, self._quote)
            text = formats.price(price, self._quote, digits)
            self._draw_tag(painter, plot, cursor.y(), text, self._theme.muted)
        when = _time_text(shown[column].start, self._shown.unit, full=True)
        metrics = QFontMetricsF(self._font)
        box = QRectF(0, plot.bottom() + 1, metrics.horizontalAdvance(when) + 2 * SPACE, metrics.height() + 4)
        box.moveCenter(
            QPointF(min(max(x, box.width() / 2), plot.right() - box.width() / 2), box.center().y())
        )
        painter.fillRect(box, self._theme.muted)
        painter.setPen(self._theme.ink_on(self._theme.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, when)
        self._draw_ohlc(painter, shown[column])

    # --- mouse -------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom in time; a sideways wheel scrolls."""
        turn = event.angleDelta()
        if abs(turn.x()) > abs(turn.y()):
            self._scroll_to(self._offset + turn.x() / 2 / self._step(self._plot()))
        else:
            visible = self._visible * 0.85 ** (turn.y() / _NOTCH)
            self._visible = min(max(visible, _MIN_VISIBLE), _MAX_VISIBLE)
            self._ask_for_past()
        self.update()

    def _scroll_to(self, offset: float) -> None:
        most = max(0.0, len(self._shown.series) - self._visible / 2)
        self._offset = min(max(0.0, offset), most)
        self._ask_for_past()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to scroll."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._drag = (event.position().x(), self._offset)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Stop scrolling."""
        self._drag = None

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Back to now."""
        self._offset = 0.0
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scroll, or move the cross-hair."""
        self._cursor = event.position()
        if self._drag is not None:
            x, offset = self._drag
            self._scroll_to(offset + (event.position().x() - x) / self._step(self._plot()))
        self.update()

    def leaveEvent(self, _event: object) -> None:
        """Take the cross-hair away."""
        self._cursor = None
        self.update()


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Round prices between low and high, about `count` of them."""
    raw = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    step = next((m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw), 10 * magnitude)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]


def _round_interval(seconds: float) -> int:
    """The next interval at which a clock is read."""
    return next((interval for interval in _INTERVALS_S if interval >= seconds), _INTERVALS_S[-1])


def _time_text(start: int, unit: CandleUnit, *, full: bool = False) -> str:
    moment = datetime.fromtimestamp(start, UTC).astimezone(KST)
    if full:
        return moment.strftime("%Y-%m-%d %H:%M:%S KST" if unit is CandleUnit.S1 else "%Y-%m-%d %H:%M KST")
    if unit is CandleUnit.S1:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%m/%d" if (moment.hour, moment.minute) == (0, 0) else "%H:%M")
