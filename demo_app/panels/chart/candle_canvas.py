"""`CandleCanvas`: the chart itself: it paints `ChartContent`, and takes mouse, wheel, touch pad and keys."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetricsF,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolButton, QWidget

from demo_app.panels.chart.bars import Bars
from demo_app.panels.chart.candle_painter import CandlePainter, Panes, lay_out
from demo_app.panels.chart.chart_overlay import ChartContent, ChartOverlay
from demo_app.panels.chart.chart_view import DEFAULT_SPAN, MAX_SPAN, MIN_SPAN, ChartView
from demo_app.style import formats
from demo_app.style.theme import SPACE, Theme

__all__ = ["CandleCanvas", "countdown"]

_NOTCH: Final = 120
"""One notch of a mouse wheel; a touch pad moves in much smaller steps."""
_PAST_SHARE: Final = 0.5
"""Older candles are requested when less than this fraction of the screen is left of the loaded ones."""
_WORD_MS: Final = 1_600


class CandleCanvas(QWidget):
    """Paints candles by time: a period without a trade keeps its place, with a dotted line at the last price.

    Dragging and arrows scroll, wheel, pinch and + - zoom about the cursor, dragging the price axis widens the
    prices, a double click resets the view, Home and End go to the oldest and to now. Closed candles are
    cached in a pixmap;   a tick paints one column.

    Signals:
        ``past_wanted()``: the view reaches further back than the loaded candles.
        ``price_picked(price)``: a click with Ctrl.
        ``menu_wanted(place, price)``: a right click, or the menu key; the screen position and the price.
        ``copy_wanted()``: Ctrl+C.

    Args:
        theme: colours and fonts.
        content: what to show.
        parent: owner.
        now: the time of day, seconds since the epoch.
    """

    past_wanted = Signal()
    price_picked = Signal(float)
    menu_wanted = Signal(QPoint, float)
    copy_wanted = Signal()

    def __init__(
        self,
        theme: Theme,
        content: ChartContent,
        parent: QWidget | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("candleCanvas")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.view = ChartView()
        self.content = content
        self.cursor_at: QPointF | None = None
        self.is_dimmed = False
        self._theme = theme
        self._font = theme.font(8.5)
        self._now = now
        self._newest = 0
        self._drag: tuple[QPointF, float, float, float] | None = None
        self._drags_axis = False
        self._word = ""
        self._cache: QPixmap | None = None
        self._cache_key: object = None
        self.now_button = QToolButton(self)
        self.now_button.setObjectName("chartNow")
        self.now_button.setText("»")
        self.now_button.setCursor(Qt.CursorShape.ArrowCursor)
        self.now_button.clicked.connect(self.go_to_now)
        self.now_button.hide()
        self._clock = self._timer("chart clock", 1_000, self._on_clock)
        self._word_timer = self._timer("chart word", _WORD_MS, self._forget_word)
        self._word_timer.setSingleShot(True)

    def _timer(self, name: str, interval_ms: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setInterval(interval_ms)
        timer.timeout.connect(slot)
        return timer

    # --- what it shows -----------------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Change colours and fonts."""
        self._theme = theme
        self._font = theme.font(8.5)
        self.now_button.setFont(theme.font(11, bold=True))
        self.now_button.setStyleSheet(
            f"background: {theme.border.name()}; color: {theme.text.name()}; padding: 2px 8px;"
        )
        self.now_button.adjustSize()
        self._cache = None
        self._on_moved()

    def show_content(self, content: ChartContent) -> None:
        """Show other candles, from now on."""
        is_other = content.bars is not self.content.bars or not self._newest
        is_other_unit = content.bars.unit is not self.content.bars.unit or not self._newest
        self.content = content
        self.is_dimmed = False
        self._newest = self._newest_slot()
        if is_other:
            most = content.bars.grid.most_slots
            self.view.max_span, self.view.usual_span = min(MAX_SPAN, most), min(DEFAULT_SPAN, most / 8)
            if is_other_unit:
                self.view.span = self.view.usual_span
            self.view.stretch, self.view.lift = 1.0, 0.0
            self.view.go_to_now(self._newest)
        self._cache = None
        self._on_moved()

    def candles_changed(self) -> None:
        """The content's candles have changed: follow time, and request older ones if needed."""
        newest = self._newest_slot()
        if self.view.follows:
            if self._newest:
                self.view.right += newest - self._newest
            else:
                self.view.go_to_now(newest)
        self._newest = newest
        self.ask_for_past()
        self.update()

    def redraw(self) -> None:
        """Something other than candles has changed: colours, indicators."""
        self._cache = None
        self.update()

    def fit_history(self) -> None:
        """Show less time where the whole history would not fill the chart."""
        bars = self._bars
        if len(bars) and self.content.is_complete:
            known = bars.slots[-1] - bars.slots[0]
            if known < self.view.span * 0.8:
                self.view.span = max(MIN_SPAN, known * 1.2)
                self.view.go_to_now(self._newest)
                self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        """Set whether the candles are those of the previous pair or unit, until the new ones come."""
        self.is_dimmed = dimmed
        self.update()

    def say(self, text: str) -> None:
        """Show a message for a moment."""
        self._word = text
        self._word_timer.start()
        self.update()

    def _forget_word(self) -> None:
        self._word = ""
        self.update()

    @property
    def _bars(self) -> Bars:
        return self.content.bars

    def _newest_slot(self) -> int:
        """The current slot; of a pair without trades for a long time, a slot not far from its last candle."""
        bars = self._bars
        if not len(bars):
            return 0
        last = bars.slots[-1]
        return max(last, min(bars.grid.slot(self._now()), last + int(self.view.span / 2)))

    def _on_clock(self) -> None:
        self.candles_changed()

    def ask_for_past(self) -> None:
        """Request older candles if too few are left before the visible ones."""
        bars = self._bars
        if not len(bars) or self.content.is_complete or self.content.is_loading or self.is_dimmed:
            return
        if bars.slots[0] > self.view.left - self.view.span * _PAST_SHARE:
            self.past_wanted.emit()

    # --- geometry ----------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(760, 460)

    def minimumSizeHint(self) -> QSize:
        """The smallest size at which axes are readable."""
        return QSize(260, 160)

    def panes(self) -> Panes:
        """The current layout of the panes."""
        metrics = QFontMetricsF(self._font)
        last = self._bars.closes[-1] if len(self._bars) else 1.0
        quote = self.content.quote
        text = formats.price(max(self.view.high, last), quote, formats.decimals_of(self.view.high, quote))
        axis = max(metrics.horizontalAdvance(text) + 2.5 * SPACE, 64)
        plot = QRectF(0, 0, max(1.0, self.width() - axis), max(1.0, self.height() - metrics.height() - SPACE))
        request = self.content.indicators.settings
        return lay_out(plot, volume=request.show_volume, rsi=request.show_rsi, macd=request.show_macd)

    # --- painting ----------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the cached past, the last column, and the overlay."""
        with QPainter(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setFont(self._font)
        bars, theme, view = self._bars, self._theme, self.view
        if not len(bars):
            painter.fillRect(self.rect(), theme.panel)
            return
        self.content.indicators.sync(bars.closes, bars.version)
        view.fit(bars)
        panes = self.panes()
        candles = CandlePainter(
            theme, self._font, bars, self.content.indicators, view, panes, float(self.width())
        )
        last = len(bars) - 1
        has_last = candles.end > last
        key = (
            *(bars, last, bars.version, candles.begin, candles.end, *candles.scales),
            *(view.left, view.span, view.low, view.high, view.is_log, panes, self.content.indicators),
        )
        if self._cache is None or key != self._cache_key:
            self._cache = self._draw_past(candles, min(candles.end, last))
            self._cache_key = key
        painter.drawPixmap(0, 0, self._cache)
        if has_last:
            candles.draw_candles(painter, last, last + 1)
            candles.draw_indicators(painter, last, last + 1)
        if self.is_dimmed:
            painter.fillRect(panes.plot, theme.faded(theme.panel, 150))
        overlay = ChartOverlay(theme, self._font, self.content, view, panes, float(self.width()))
        overlay.draw_past(painter)
        left = "" if self.is_dimmed else countdown(bars.grid.left_s(self._now()))
        candles.draw_prices(painter, self.content.quote, overlay.last_price_box(left))
        overlay.draw_last_price(painter, left, is_old=self.is_dimmed)
        overlay.draw_own(painter)
        cursor = self.cursor_at
        if cursor is not None and not panes.plot.contains(cursor):
            cursor = None
        if cursor is not None and self._drag is None:
            overlay.draw_cross(painter, cursor)
        overlay.draw_legends(painter, cursor)
        if self._word:
            self._draw_word(painter, panes.plot)
        if self.hasFocus():
            painter.setPen(theme.faded(theme.accent, 120))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _draw_past(self, candles: CandlePainter, end: int) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self._theme.panel)
        with QPainter(pixmap) as painter:
            painter.setFont(self._font)
            candles.draw_axes(painter)
            candles.draw_pauses(painter)
            candles.draw_candles(painter, candles.begin, end)
            candles.draw_indicators(painter, candles.begin, end)
        return pixmap

    def _draw_word(self, painter: QPainter, plot: QRectF) -> None:
        box = QRectF(0, 0, QFontMetricsF(self._font).horizontalAdvance(self._word) + 4 * SPACE, 26)
        box.moveCenter(plot.center())
        painter.fillRect(box, self._theme.accent)
        painter.setPen(self._theme.ink_on(self._theme.accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._word)

    # --- moving about ------------------------------------------------------------------------------

    def pan(self, slots: float) -> None:
        """Scroll by a number of slots; negative is into the past."""
        if len(self._bars):
            self.view.pan(slots, self._bars.slots[0], self._newest)
            self.ask_for_past()
            self._on_moved()

    def _on_moved(self) -> None:
        """Offer the button back while the newest candle is out of view."""
        button, plot = self.now_button, self.panes().plot
        corner = plot.bottomRight().toPoint() - QPoint(button.width() + SPACE, button.height() + SPACE)
        button.move(corner)
        button.setVisible(not self.view.follows)
        self.update()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Show `factor` times as much time, about a point, or about now if it is visible."""
        if not len(self._bars):
            return
        view = self.view
        if x is not None:
            anchor = view.slot_at(x, self.panes().plot.width())
        else:
            anchor = float(self._newest) if view.follows else (view.left + view.right) / 2
        view.zoom(factor, anchor, self._bars.slots[0], self._newest)
        self.ask_for_past()
        self._on_moved()

    def go_to_now(self) -> None:
        """Show the newest candle."""
        self.view.go_to_now(self._newest)
        self._on_moved()

    def reset_view(self) -> None:
        """Reset zoom and position."""
        self.view.reset(self._newest)
        self._on_moved()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the cursor; over the price axis widen the prices; sideways scroll."""
        turn, plot = event.angleDelta(), self.panes().plot
        steps = turn.y() / _NOTCH
        if abs(turn.x()) > abs(turn.y()):
            self.pan(-turn.x() / _NOTCH * 40 / self.view.step(plot.width()))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan(-steps * 40 / self.view.step(plot.width()))
        elif event.position().x() > plot.right():
            self._stretch(0.9**steps)
        else:
            self.zoom(0.85**steps, event.position().x())
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Two fingers on a touch pad zoom, where the platform reports the gesture."""
        zooms = Qt.NativeGestureType.ZoomNativeGesture
        if isinstance(event, QNativeGestureEvent) and event.gestureType() is zooms:
            self.zoom(1 / max(0.2, 1 + event.value()), event.position().x())
            return True
        return super().event(event)

    def _stretch(self, factor: float) -> None:
        self.view.stretch = min(max(self.view.stretch * factor, 0.05), 20.0)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to scroll, or pick a price."""
        if event.button() is not Qt.MouseButton.LeftButton or not len(self._bars):
            return
        place, panes = event.position(), self.panes()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if panes.price.contains(place) and not self.is_dimmed:
                price = self.view.price_at(place.y(), panes.price.top(), panes.price.height())
                self.price_picked.emit(price)
            return
        self._drags_axis = place.x() > panes.plot.right()
        self._drag = (place, self.view.right, self.view.stretch, self.view.lift)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a price."""
        area = self.panes().price
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        place = self.cursor_at if by_key and self.cursor_at is not None else QPointF(event.pos())
        if len(self._bars) and not self.is_dimmed and area.contains(place):
            price = self.view.price_at(place.y(), area.top(), area.height())
            self.menu_wanted.emit(self.mapToGlobal(place.toPoint()), price)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scroll, widen the prices, or move the cross-hair."""
        self.cursor_at = place = event.position()
        if self._drag is not None:
            begin, right, stretch, lift = self._drag
            panes = self.panes()
            if self._drags_axis:
                self.view.stretch = min(max(stretch * math.exp((place.y() - begin.y()) / 150), 0.05), 20.0)
            else:
                wanted = right - (place.x() - begin.x()) / self.view.step(panes.plot.width())
                self.pan(wanted - self.view.right)
                # A user who has set the price range moves the prices as well.
                if not self.view.fits:
                    self.view.lift = lift + 2 * (place.y() - begin.y()) / panes.price.height()
        self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Stop scrolling."""
        self._drag = None
        self.update()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Reset the view."""
        self._drag = None
        self.reset_view()

    def leaveEvent(self, _event: QEvent) -> None:
        """Hide the cross-hair."""
        self.cursor_at = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows scroll, + and - zoom, Home and End go to the ends, Ctrl+C copies."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
            return
        share = 0.5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0.1
        key = event.key()
        if key == Qt.Key.Key_Left:
            self.pan(-self.view.span * share)
        elif key == Qt.Key.Key_Right:
            self.pan(self.view.span * share)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.pan(self.view.span * (-0.9 if key == Qt.Key.Key_PageUp else 0.9))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Up):
            self.zoom(0.8)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Down):
            self.zoom(1.25)
        elif key == Qt.Key.Key_Home and len(self._bars):
            self.pan(self._bars.slots[0] - self.view.left)
        elif key == Qt.Key.Key_End:
            self.go_to_now()
        else:
            super().keyPressEvent(event)

    # --- Qt ----------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Drop the cached pixmap."""
        self._cache = None
        super().resizeEvent(event)
        self._on_moved()

    def showEvent(self, event: QShowEvent) -> None:
        """Run the countdown while the chart is visible."""
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the countdown while the chart is hidden."""
        super().hideEvent(event)
        self._clock.stop()


def countdown(seconds: float) -> str:
    """Time left of a candle: minutes and seconds, preceded by hours where needed."""
    whole = math.ceil(seconds)
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours:02d}:{text}" if hours else text
