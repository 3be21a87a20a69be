"""`OrderbookCanvas`: thirty asks above thirty bids, painted; a click or Enter picks a price."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from demo_app.panels.orderbook.book_rows import BookView, Columns
from demo_app.style import formats
from demo_app.style.language import is_korean
from demo_app.style.theme import SPACE, Theme
from qt_upbit import AskBid

__all__ = ["DEPTH", "OrderbookCanvas"]

DEPTH: Final = 30
_ROWS: Final = 2 * DEPTH + 1
_ROW: Final = 20
_HEADER: Final = 24
_FLASH_S: Final = 0.4
_FLASH_STEP_MS: Final = 50
_RIGHT: Final = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_OLD: Final = 0.5
"""Opacity of the previous pair's book."""


class OrderbookCanvas(QAbstractScrollArea):
    """Asks above bids; the spread stays centred until the user scrolls.

    Signals:
        ``picked(side, position, with_volume)``: the user wants the price of a level, counted from the best,
            and the volume up to there.
        ``level_chosen()``: see `level`.

    Args:
        theme: colours and fonts.
        parent: owner.
    """

    picked = Signal(object, int, bool)
    level_chosen = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("orderbookCanvas")
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.book_view: BookView | None = None
        self.is_old = False
        """Whether the book is of the previous pair."""
        self.previous_close: float | None = None
        self.last_price: float | None = None
        self.own: Mapping[tuple[AskBid, float], Decimal] = {}
        self.heads = ("", "", "", "")
        """Titles of price, change, size and sum."""
        self.spread_word = ""
        self.level: tuple[AskBid, int] | None = None
        """The level at the keyboard cursor: side, and position from the best."""
        self.is_centred = True
        self._hover = -1
        self._widest = {"price": 0.0, "size": 0.0, "total": 0.0}
        """Largest text widths of this pair so far: columns only grow."""
        self._columns = Columns(0, None, 0, None)
        self._flash: tuple[float, QColor, float] | None = None
        self._fade = QTimer(self)
        self._fade.setObjectName("order book flash")
        self._fade.setInterval(_FLASH_STEP_MS)
        self._fade.timeout.connect(self._on_fade)
        self.verticalScrollBar().setSingleStep(_ROW)
        self.verticalScrollBar().actionTriggered.connect(self._on_scrolled)
        self.apply_theme(theme)

    # --- for the panel -----------------------------------------------------------------------------

    def apply_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self._font, self._bold = theme.font(9), theme.font(9, bold=True)
        self._small = theme.font(8)
        self.forget_widths()

    def forget_widths(self) -> None:
        """Reset the widths, for another pair."""
        self._widest = dict.fromkeys(self._widest, 0.0)
        self.viewport().update()

    def show_book(self, view: BookView) -> None:
        """Show another book."""
        self.book_view = view
        self.viewport().update()

    def flash(self, price: float, ask_bid: AskBid) -> None:
        """Flash the row of a price, after a trade at it."""
        before, self.last_price = self.last_price, price
        color = self._theme.up if ask_bid is AskBid.BID else self._theme.down
        self._update_price(before)
        self._flash = (price, color, time.perf_counter() + _FLASH_S)
        self._fade.start()
        self._update_price(price)

    def centre(self) -> None:
        """Centre the spread, and keep it centred."""
        self.is_centred = True
        bar = self.verticalScrollBar()
        bar.setValue(round((DEPTH + 0.5) * _ROW - self._room() / 2))

    def visible_levels(self) -> list[tuple[AskBid, int]]:
        """The visible levels, from the top."""
        first, last = self._row_at(_HEADER), self._row_at(_HEADER + self._room() - 1)
        rows = (self._level(row) for row in range(max(first, 0), min(last, _ROWS - 1) + 1))
        return [level for level in rows if level is not None and self._exists(level)]

    # --- rows --------------------------------------------------------------------------------------

    def _room(self) -> int:
        """Height of the visible rows, which are whole ones."""
        return max((self.viewport().height() - _HEADER) // _ROW, 1) * _ROW

    def _top(self) -> int:
        """Where row 0 begins."""
        spare = max(0, self._room() - _ROWS * _ROW) // 2
        return _HEADER + spare - round(self.verticalScrollBar().value() / _ROW) * _ROW

    def _row_at(self, y: float) -> int:
        return int((y - self._top()) // _ROW)

    @staticmethod
    def _level(row: int) -> tuple[AskBid, int] | None:
        """Side and position of a row; None for the spread and outside."""
        if 0 <= row < DEPTH:
            return AskBid.ASK, DEPTH - 1 - row
        if DEPTH < row < _ROWS:
            return AskBid.BID, row - DEPTH - 1
        return None

    @staticmethod
    def _row(level: tuple[AskBid, int]) -> int:
        side, position = level
        return DEPTH - 1 - position if side is AskBid.ASK else DEPTH + 1 + position

    def _exists(self, level: tuple[AskBid, int]) -> bool:
        return self.book_view is not None and self.book_view.row(*level) is not None

    def level_at(self, place: QPoint) -> tuple[AskBid, int] | None:
        """The level under a point of the viewport; None where there is none."""
        level = self._level(self._row_at(place.y())) if place.y() >= _HEADER else None
        return level if level is not None and self._exists(level) else None

    def place_of(self, side: AskBid, position: int) -> QPoint:
        """The middle of a level's price, in the viewport."""
        y = self._top() + (self._row((side, position)) + 0.5) * _ROW
        return QPoint(round(self._columns.price / 2), round(y))

    # --- painting ----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the visible rows that have changed."""
        with QPainter(self.viewport()) as painter:
            painter.fillRect(event.rect(), self._theme.panel)
            if self.book_view is not None:
                self._paint_book(painter, self.book_view, event.rect())

    def _paint_book(self, painter: QPainter, view: BookView, dirty: QRect) -> None:
        width = self.viewport().width()
        painter.setOpacity(_OLD if self.is_old else 1.0)
        self._columns = self._fit(view, width)
        painter.setFont(self._font)
        painter.setClipRect(0, _HEADER, width, self._room())
        first = max(0, self._row_at(max(_HEADER, dirty.top())))
        last = min(_ROWS - 1, self._row_at(min(_HEADER + self._room() - 1, dirty.bottom())))
        top, largest, deepest = self._top(), view.largest, view.deepest
        for row in range(first, last + 1):
            y = top + row * _ROW
            level = self._level(row)
            if level is None:
                self._paint_spread(painter, y, view)
                continue
            values = view.row(*level)
            if values is not None:
                self._paint_level(painter, y, level, values, view, largest, deepest)
        painter.setClipping(False)
        if dirty.top() < _HEADER:
            self._paint_heads(painter, width)

    def _fit(self, view: BookView, width: int) -> Columns:
        metrics, bold = QFontMetricsF(self._font), QFontMetricsF(self._bold)
        dearest = view.asks[-1][0] if view.asks else view.bids[0][0] if view.bids else 0.0
        samples = {
            "price": bold.horizontalAdvance(f"{dearest:,.{view.digits}f}"),
            "size": metrics.horizontalAdvance(f"{view.largest:,.{view.size_digits}f}"),
            "total": metrics.horizontalAdvance(self._sum_text(view, view.deepest)),
        }
        for name, text_width in samples.items():
            self._widest[name] = max(self._widest[name], text_width)
        change = metrics.horizontalAdvance("+00.00%") + SPACE
        return Columns.fit(
            width,
            self._widest["price"] + 2 * SPACE,
            change,
            self._widest["size"] + 2 * SPACE,
            self._widest["total"] + 2 * SPACE,
        )

    @staticmethod
    def _sum_text(view: BookView, value: float) -> str:
        if view.in_quote:
            return formats.short(value, korean=is_korean())
        return f"{value:,.{view.size_digits}f}"

    def _paint_heads(self, painter: QPainter, width: int) -> None:
        painter.setOpacity(1.0)
        painter.setPen(self._theme.muted)
        painter.setFont(self._small)
        columns = self._columns
        left = 0.0
        edges = (columns.price, columns.change, columns.size, columns.total)
        for text, edge in zip(self.heads, edges, strict=True):
            if edge is not None:
                box = QRectF(left, 0, edge - left - SPACE, _HEADER)
                # In a narrow column the unit is dropped; the sums button shows it too.
                fits = QFontMetricsF(self._small).horizontalAdvance(text) <= box.width()
                painter.drawText(box, _RIGHT, text if fits else text.partition(" (")[0])
                left = edge
        painter.setPen(self._theme.border)
        painter.drawLine(0, _HEADER - 1, width, _HEADER - 1)

    def _paint_spread(self, painter: QPainter, y: float, view: BookView) -> None:
        painter.fillRect(QRectF(0, y, self.viewport().width(), _ROW), self._theme.grid)
        if view.spread is None:
            return
        difference, share = view.spread
        number = f"{difference:,.{view.digits}f} {view.quote}  ({share * 100:.3f}%)"
        painter.setPen(self._theme.muted)
        box = QRectF(0, y, self.viewport().width(), _ROW)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{self.spread_word}  {number}")

    def _paint_level(
        self,
        painter: QPainter,
        y: float,
        level: tuple[AskBid, int],
        values: tuple[float, float, float],
        view: BookView,
        largest: float,
        deepest: float,
    ) -> None:
        theme, columns = self._theme, self._columns
        price, size, total = values
        side = level[0]
        color = theme.down if side is AskBid.ASK else theme.up
        width = self.viewport().width()
        if self._row(level) == self._hover:
            painter.fillRect(QRectF(0, y, width, _ROW), theme.grid)
        # Bars grow from the right edge of their column to its left.
        left = columns.change if columns.change is not None else columns.price
        bar = (columns.size - left) * size / largest
        painter.fillRect(QRectF(columns.size - bar, y + 1, bar, _ROW - 2), theme.faded(color, 64))
        if columns.total is not None:
            bar = (columns.total - columns.size) * total / deepest
            painter.fillRect(QRectF(columns.total - bar, y + 1, bar, _ROW - 2), theme.faded(color, 30))
        self._paint_marks(painter, y, side, price)
        change = price / self.previous_close - 1 if self.previous_close else 0.0
        tone = theme.up if change > 0 else theme.down if change < 0 else theme.text
        painter.setPen(tone)
        painter.setFont(self._bold)
        painter.drawText(QRectF(0, y, columns.price - SPACE, _ROW), _RIGHT, f"{price:,.{view.digits}f}")
        painter.setFont(self._font)
        if columns.change is not None and self.previous_close:
            painter.drawText(QRectF(0, y, columns.change - SPACE, _ROW), _RIGHT, formats.percent(change))
        painter.setPen(theme.text)
        painter.drawText(QRectF(0, y, columns.size - SPACE, _ROW), _RIGHT, f"{size:,.{view.size_digits}f}")
        if columns.total is not None:
            painter.setPen(theme.muted)
            painter.drawText(QRectF(0, y, columns.total - SPACE, _ROW), _RIGHT, self._sum_text(view, total))
        if level == self.level and self.hasFocus():
            painter.setPen(theme.accent)
            painter.drawRect(QRectF(0.5, y + 0.5, width - 1, _ROW - 1))

    def _paint_marks(self, painter: QPainter, y: float, side: AskBid, price: float) -> None:
        """Paint the last trade's frame and flash, and the mark of own orders."""
        theme = self._theme
        cell = QRectF(SPACE / 2, y + 0.5, self._columns.price - SPACE / 2, _ROW - 1)
        if self._flash is not None and price == self._flash[0]:
            left = max(0.0, self._flash[2] - time.perf_counter())
            painter.fillRect(cell, theme.faded(self._flash[1], round(150 * left / _FLASH_S)))
        if price == self.last_price:
            painter.setPen(theme.text)
            painter.drawRect(cell)
        own = self.own.get((side, price))
        if own is not None:
            color = theme.down if side is AskBid.ASK else theme.up
            painter.fillRect(QRectF(0, y + 1, SPACE / 2, _ROW - 2), color)
            painter.setFont(self._small)
            text = formats.amount(own, 4)
            box = QRectF(SPACE, y, self._columns.price - self._widest["price"] - 3 * SPACE, _ROW)
            if QFontMetricsF(self._small).horizontalAdvance(text) <= box.width():
                painter.setPen(color)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _on_fade(self) -> None:
        if self._flash is None:
            self._fade.stop()
            return
        price = self._flash[0]
        if time.perf_counter() >= self._flash[2]:
            self._flash = None
            self._fade.stop()
        self._update_price(price)

    def _update_price(self, price: float | None) -> None:
        """Schedule a repaint of a price's row, if there is one."""
        if self.book_view is None or price is None:
            return
        for side, levels in ((AskBid.ASK, self.book_view.asks), (AskBid.BID, self.book_view.bids)):
            for position, level in enumerate(levels):
                if level[0] == price:
                    y = self._top() + self._row((side, position)) * _ROW
                    self.viewport().update(0, y, self.viewport().width(), _ROW)

    # --- the user ----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on a price picks the price; right of it, the volume too."""
        level = self.level_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and level is not None and not self.is_old:
            self._set_cursor(level)
            self.picked.emit(*level, event.position().x() > self._columns.price)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Highlight the row under the mouse."""
        level = self.level_at(event.position().toPoint())
        self.viewport().setCursor(
            Qt.CursorShape.ArrowCursor if level is None else Qt.CursorShape.PointingHandCursor
        )
        self._set_hover(-1 if level is None else self._row(level))

    def viewportEvent(self, event: QEvent) -> bool:
        """The mouse may have left."""
        if event.type() == QEvent.Type.Leave:
            self._set_hover(-1)
        return super().viewportEvent(event)

    def _set_hover(self, row: int) -> None:
        if row != self._hover:
            self._hover = row
            self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move a cursor; Enter picks its price, with Shift the volume too; Home centres the spread."""
        key = event.key()
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -10,
            Qt.Key.Key_PageDown: 10,
        }
        if key in steps:
            self._step(steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_Space):
            self.centre()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.level is not None and self._exists(self.level) and not self.is_old:
                self.picked.emit(*self.level, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)

    def _step(self, by: int) -> None:
        if self.book_view is None:
            return
        order = [(AskBid.ASK, i) for i in reversed(range(len(self.book_view.asks)))]
        order += [(AskBid.BID, i) for i in range(len(self.book_view.bids))]
        if not order:
            return
        if self.level in order:
            at = min(max(order.index(self.level) + by, 0), len(order) - 1)
        else:
            # Initially the best price in the direction of the key.
            at = len(self.book_view.asks) - (1 if by < 0 else 0)
            at = min(max(at, 0), len(order) - 1)
        self._set_cursor(order[at])

    def _set_cursor(self, level: tuple[AskBid, int]) -> None:
        self.level = level
        y = self._top() + self._row(level) * _ROW
        bar = self.verticalScrollBar()
        if y < _HEADER:
            self.is_centred = False
            bar.setValue(bar.value() + y - _HEADER)
        elif y + _ROW > _HEADER + self._room():
            self.is_centred = False
            bar.setValue(bar.value() + y + _ROW - _HEADER - self._room())
        self.viewport().update()
        self.level_chosen.emit()

    def _on_scrolled(self, _action: int) -> None:
        self.is_centred = False

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling by wheel counts as the user's scrolling."""
        self.is_centred = False
        super().wheelEvent(event)

    # --- Qt ----------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the spread centred."""
        super().resizeEvent(event)
        bar = self.verticalScrollBar()
        bar.setPageStep(self._room())
        bar.setRange(0, max(0, _ROWS * _ROW - self._room()))
        if self.is_centred:
            self.centre()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the cursor."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the cursor."""
        super().focusOutEvent(event)
        self.viewport().update()

    def sizeHint(self) -> QSize:
        """Room for fifteen rows a side."""
        return QSize(320, _HEADER + 31 * _ROW)

    def minimumSizeHint(self) -> QSize:
        """Room for five rows a side."""
        return QSize(200, _HEADER + 11 * _ROW)
