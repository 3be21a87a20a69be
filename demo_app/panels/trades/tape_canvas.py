"""`TapeCanvas`: trades as painted rows, newest on top, which stand still while the user has scrolled down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from demo_app.style.theme import SPACE, Theme

__all__ = ["TapeCanvas", "TapeRow"]

_ROW: Final = 20
_HEADER: Final = 24
_RIGHT: Final = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_LEFT: Final = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_MARK: Final = 1.5 * SPACE
_OLD: Final = 0.5
_SHAPES: Final = {True: "▲", False: "▼", None: "·"}
"""Of a trade's side, for colour-blind users as well."""


@dataclass(frozen=True, slots=True)
class TapeRow:
    """One trade, ready to be painted.

    Attributes:
        number: its ``sequential_id``.
        timestamp: ms since 1970.
        texts: time, price, size and value.
        value: price times size, quote currency.
        is_buy: whether the taker bought; None if Upbit did not say.
        is_recovered: whether it was fetched after a gap.
    """

    number: int
    timestamp: int
    texts: tuple[str, str, str, str]
    value: float
    is_buy: bool | None
    is_recovered: bool


class TapeCanvas(QAbstractScrollArea):
    """Rows of equal height. New trades push the others down only while the top is visible.

    Signals:
        ``chosen(number)``: Enter or a double click on a trade.
        ``selected(number)``: the cursor moved to a trade.
        ``missed_changed(count)``: the number of new trades above the visible rows.

    Args:
        theme: colours and fonts.
        parent: owner.
    """

    chosen = Signal(object)
    selected = Signal(object)
    missed_changed = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tapeCanvas")
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.rows: list[TapeRow] = []
        self.large_from = float("inf")
        """Value from which a trade is highlighted, quote currency."""
        self.is_old = False
        """Whether the trades are of the previous pair."""
        self.heads = ("", "", "", "")
        """Titles of time, price, size and value."""
        self.cursor_number: int | None = None
        self.missed = 0
        self._widest = [0.0] * 4
        self._is_tight = False
        self.verticalScrollBar().setSingleStep(_ROW)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.apply_theme(theme)

    # --- for the panel -----------------------------------------------------------------------------

    def apply_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self._font, self._bold = theme.font(9), theme.font(9, bold=True)
        self._small, self._small_bold = theme.font(8), theme.font(8, bold=True)
        self.forget_widths()

    def forget_widths(self) -> None:
        """Reset the widths, for another pair."""
        self._widest = [0.0] * 4
        self._measure(self.rows)
        self.viewport().update()

    def show_rows(self, rows: list[TapeRow]) -> None:
        """Show other trades, newest first; the visible ones do not move if the user has scrolled."""
        bar = self.verticalScrollBar()
        before = self.rows[0].number if self.rows else None
        position = next((i for i, row in enumerate(rows) if row.number == before), None)
        fresh = len(rows) if position is None else position
        self._measure(rows[:fresh])
        self.rows = rows
        value = bar.value()
        bar.setRange(0, max(0, len(rows) * _ROW - self._room()))
        if value and position is not None:
            bar.setValue(value + fresh * _ROW)
            self._set_missed(self.missed + fresh)
        elif position is None:
            self.to_top()
        self.viewport().update()

    def to_top(self) -> None:
        """Scroll to the newest."""
        self.verticalScrollBar().setValue(0)
        self._set_missed(0)

    def selected_row(self) -> TapeRow | None:
        """The trade at the cursor."""
        return next((row for row in self.rows if row.number == self.cursor_number), None)

    # --- geometry ----------------------------------------------------------------------------------

    def _room(self) -> int:
        return max((self.viewport().height() - _HEADER) // _ROW, 1) * _ROW

    def _first(self) -> int:
        return round(self.verticalScrollBar().value() / _ROW)

    def row_at(self, place: QPoint) -> TapeRow | None:
        """The trade under a point of the viewport."""
        if place.y() < _HEADER:
            return None
        at = self._first() + (place.y() - _HEADER) // _ROW
        return self.rows[at] if at < len(self.rows) else None

    def place_of(self, number: int) -> QPoint:
        """The middle of a trade's row; it need not be visible."""
        at = next(i for i, row in enumerate(self.rows) if row.number == number)
        y = _HEADER + (at - self._first()) * _ROW + _ROW // 2
        return QPoint(self.viewport().width() // 2, y)

    def _measure(self, rows: list[TapeRow]) -> None:
        """Columns only grow: nothing jumps when a large trade comes."""
        metrics = QFontMetricsF(self._bold)
        for column in range(4):
            longest = max((row.texts[column] for row in rows), key=len, default="")
            self._widest[column] = max(self._widest[column], metrics.horizontalAdvance(longest))

    def _edges(self) -> list[float]:
        """Right edges of the four columns; the last is 0 where there is no room for the value."""
        room = self.viewport().width()
        widths = [width + 2 * SPACE for width in self._widest]
        widths[1] += _MARK
        if sum(widths) > room:
            widths[3] = 0.0
        self._is_tight = sum(widths) > room
        if self._is_tight:
            # A smaller font, and half the spacing.
            widths = [width * 8 / 9 + SPACE for width in self._widest[:3]] + [0.0]
            widths[1] += _MARK
        spare = max(0.0, room - sum(widths)) / (4 if widths[3] else 3)
        edges, right = [], 0.0
        for width in widths:
            right += width + spare if width else 0.0
            edges.append(right if width else 0.0)
        return edges

    # --- painting ----------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the visible rows."""
        with QPainter(self.viewport()) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        width = self.viewport().width()
        painter.fillRect(self.viewport().rect(), self._theme.panel)
        edges = self._edges()
        self._paint_heads(painter, edges, width)
        painter.setOpacity(_OLD if self.is_old else 1.0)
        first = self._first()
        for i, row in enumerate(self.rows[first : first + self._room() // _ROW]):
            self._paint_row(painter, _HEADER + i * _ROW, row, edges, width)

    def _paint_heads(self, painter: QPainter, edges: list[float], width: int) -> None:
        painter.setFont(self._small)
        painter.setPen(self._theme.muted)
        painter.drawText(QRectF(SPACE, 0, edges[0], _HEADER), _LEFT, self.heads[0])
        for text, left, right in zip(self.heads[1:], edges, edges[1:], strict=False):
            if right:
                painter.drawText(QRectF(left, 0, right - left - SPACE, _HEADER), _RIGHT, text)
        painter.setPen(self._theme.border)
        painter.drawLine(0, _HEADER - 1, width, _HEADER - 1)

    def _paint_row(self, painter: QPainter, y: int, row: TapeRow, edges: list[float], width: int) -> None:
        theme = self._theme
        color = theme.text if row.is_buy is None else theme.up if row.is_buy else theme.down
        pad = SPACE // 2 if self._is_tight else SPACE
        is_large = row.value >= self.large_from
        if is_large:
            painter.fillRect(0, y, width, _ROW, theme.faded(color, 28))
        normal, bold = (self._small, self._small_bold) if self._is_tight else (self._font, self._bold)
        painter.setFont(bold if is_large else normal)
        painter.setPen(theme.warning if row.is_recovered else theme.muted)
        painter.drawText(QRectF(pad, y, edges[0], _ROW), _LEFT, row.texts[0])
        painter.setPen(color)
        painter.drawText(QRectF(edges[0], y, 2 * SPACE, _ROW), _LEFT, _SHAPES[row.is_buy])
        painter.drawText(QRectF(0, y, edges[1] - pad, _ROW), _RIGHT, row.texts[1])
        painter.setPen(theme.text)
        painter.drawText(QRectF(0, y, edges[2] - pad, _ROW), _RIGHT, row.texts[2])
        if edges[3]:
            painter.drawText(QRectF(0, y, edges[3] - pad, _ROW), _RIGHT, row.texts[3])
        if row.number == self.cursor_number and self.hasFocus():
            painter.setPen(theme.accent)
            painter.drawRect(QRectF(0.5, y + 0.5, width - 1, _ROW - 1))

    # --- the user ----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Move the cursor to a trade."""
        row = self.row_at(event.position().toPoint())
        if row is not None:
            self._select(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Choose a trade."""
        row = self.row_at(event.position().toPoint())
        if row is not None and not self.is_old:
            self.chosen.emit(row.number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the cursor, Enter chooses, Home goes to the newest."""
        key = event.key()
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -self._room() // _ROW,
            Qt.Key.Key_PageDown: self._room() // _ROW,
        }
        if key in steps and self.rows:
            at = next((i for i, row in enumerate(self.rows) if row.number == self.cursor_number), None)
            at = self._first() if at is None else min(max(at + steps[Qt.Key(key)], 0), len(self.rows) - 1)
            self._select(self.rows[at])
        elif key == Qt.Key.Key_Home:
            self.to_top()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.is_old:
            if self.selected_row() is not None:
                self.chosen.emit(self.cursor_number)
        else:
            super().keyPressEvent(event)

    def _select(self, row: TapeRow) -> None:
        self.cursor_number = row.number
        bar, y = self.verticalScrollBar(), self.place_of(row.number).y()
        if y < _HEADER:
            bar.setValue(bar.value() + y - _HEADER - _ROW // 2)
        elif y > _HEADER + self._room():
            bar.setValue(bar.value() + y + _ROW // 2 - _HEADER - self._room())
        self.viewport().update()
        self.selected.emit(row.number)

    def _on_scrolled(self, value: int) -> None:
        if not value:
            self._set_missed(0)
        self.viewport().update()

    def _set_missed(self, count: int) -> None:
        if count != self.missed:
            self.missed = count
            self.missed_changed.emit(count)

    # --- Qt ----------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The number of visible rows may have changed."""
        super().resizeEvent(event)
        self.verticalScrollBar().setPageStep(self._room())
        self.verticalScrollBar().setRange(0, max(0, len(self.rows) * _ROW - self._room()))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the cursor."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the cursor."""
        super().focusOutEvent(event)
        self.viewport().update()

    def sizeHint(self) -> QSize:
        """Room for ten rows."""
        return QSize(320, _HEADER + 10 * _ROW)

    def minimumSizeHint(self) -> QSize:
        """Room for three rows."""
        return QSize(200, _HEADER + 3 * _ROW)
