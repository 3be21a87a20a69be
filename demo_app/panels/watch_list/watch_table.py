"""The table of the watch list: painting of its cells, fading flashes, and keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from demo_app.panels.watch_list.sparklines import Sparklines
from demo_app.panels.watch_list.watch_model import Column, WatchModel, WatchOrder
from demo_app.terminal_state import TerminalState
from demo_app.widgets.sort_header import SortHeader

__all__ = ["WatchTable"]

_ROW_HEIGHT: Final = 38
_FLASH_S: Final = 0.6
_FLASH_STEP_MS: Final = 90
_PAD: Final = 6
_SPARE_ROWS: Final = 6
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

_ROOMY: Final = 430
_WIDTHS: Final = {
    Column.FAVOURITE: (30, 26, 290),
    Column.SPARKLINE: (60, 60, 460),
    Column.PRICE: (104, 94, 0),
    Column.CHANGE: (82, 78, 0),
    Column.TURNOVER: (92, 80, 350),
}
"""Of each column: its width with room and without, and the panel width from which it is shown.

A star can be set by key and menu as well."""


class _Cells(QStyledItemDelegate):
    def __init__(
        self,
        table: WatchTable,
        state: TerminalState,
        model: WatchModel,
        order: WatchOrder,
        sparklines: Sparklines,
    ) -> None:
        super().__init__(table)
        self._state, self._model, self._order = state, model, order
        self._sparklines = sparklines
        self.badges = ("", "")
        self.set_fonts()

    def set_fonts(self) -> None:
        theme = self._state.theme
        self._font, self._small = theme.font(9.5), theme.font(8)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(60, _ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        theme, code = self._state.theme, self._order.code(index.row())
        column = Column(index.column())
        rect: QRect = option.rect
        row = self._model.row_of(code)
        painter.save()
        if code == self._state.market:
            painter.fillRect(rect, theme.faded(theme.accent, 40))
            if column is Column.FAVOURITE:
                painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), theme.accent)
        painter.setFont(self._font)
        inner = rect.adjusted(_PAD, 0, -_PAD, 0)
        if column is Column.FAVOURITE:
            painter.setPen(theme.warning if code in self._model.favourites else theme.muted)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self._model.cell_text(row, column))
        elif column is Column.NAME:
            self._paint_name(painter, inner, code)
        elif column is Column.SPARKLINE:
            self._paint_line(painter, inner.adjusted(0, 8, 0, -8), self._sparklines.line(code), row)
        else:
            if column is Column.PRICE:
                self._paint_flash(painter, rect, code)
            painter.setPen(theme.muted if column is Column.TURNOVER else self._colour(row))
            painter.drawText(inner, _RIGHT, self._model.cell_text(row, column))
        painter.restore()

    def _colour(self, row: int) -> QColor:
        theme, change = self._state.theme, self._model.known(row, "signed_change_rate")
        return theme.text if not change else theme.up if change > 0 else theme.down

    def _paint_name(self, painter: QPainter, rect: QRect, code: str) -> None:
        theme, market = self._state.theme, self._state.markets.get(code)
        upper = QRect(rect.left(), rect.top() + 2, rect.width(), rect.height() // 2)
        lower = QRect(rect.left(), rect.top() + rect.height() // 2, rect.width(), rect.height() // 2 - 3)
        painter.setPen(theme.text)
        name = painter.fontMetrics().elidedText(
            self._state.market_name(code), Qt.TextElideMode.ElideRight, upper.width()
        )
        painter.drawText(upper, _LEFT, name)
        painter.setFont(self._small)
        painter.setPen(theme.muted)
        painter.drawText(lower, _LEFT, code)
        if market is None:
            return

        def room(text: str) -> int:
            return painter.fontMetrics().horizontalAdvance(text) + 8

        left = lower.left() + painter.fontMetrics().horizontalAdvance(code) + _PAD
        for is_on, text in zip((market.warning, bool(market.cautions)), self.badges, strict=True):
            if not is_on:
                continue
            # A warning may be shortened, but its sign is always shown.
            shown = text if left + room(text) <= lower.right() else "!"
            width = room(shown)
            box = QRect(left, lower.top() + 1, width, lower.height() - 2)
            painter.setPen(theme.warning)
            painter.drawRect(box.adjusted(0, 0, -1, -1))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
            left += width + 4

    def _paint_line(self, painter: QPainter, rect: QRect, line: Sequence[float], row: int) -> None:
        theme, price = self._state.theme, self._model.known(row, "trade_price")
        points = [*line] if price is None else [*line, float(price)]
        if len(points) < 2:
            painter.setPen(QPen(theme.border, 1, Qt.PenStyle.DotLine))
            painter.drawLine(rect.left(), rect.center().y(), rect.right(), rect.center().y())
            return
        low, high = min(points), max(points)
        tall = (high - low) or 1.0
        step = rect.width() / (len(points) - 1)
        polygon = QPolygonF(
            [
                QPointF(rect.left() + i * step, rect.bottom() - (price - low) / tall * rect.height())
                for i, price in enumerate(points)
            ]
        )
        moved = points[-1] - points[0]
        colour = theme.muted if not moved else theme.up if moved > 0 else theme.down
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1.2))
        painter.drawPolyline(polygon)

    def _paint_flash(self, painter: QPainter, rect: QRect, code: str) -> None:
        at, direction = self._model.moves.get(code, (0.0, 0))
        left = 1.0 - (time.perf_counter() - at) / _FLASH_S
        if direction and left > 0.0:
            theme = self._state.theme
            colour = theme.faded(theme.up if direction > 0 else theme.down, int(55 * left))
            painter.fillRect(rect.adjusted(0, 4, 0, -4), colour)


class WatchTable(QTableView):
    """Rows of pairs.

    Signals:
        ``chosen(code)``: Enter or a click.
        ``favourite_toggled(code)``: F, or a click on the star.

    Args:
        state: theme and the selected pair.
        model: the rows.
        order: the proxy that sorts and filters them.
        parent: owner.
    """

    chosen = Signal(str)
    favourite_toggled = Signal(str)

    def __init__(
        self, state: TerminalState, model: WatchModel, order: WatchOrder, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.sparklines = Sparklines(state, self)
        self.sparklines.changed.connect(self._on_sparkline)
        self.setObjectName("watchTable")
        self._model, self._order = model, order
        self._state = state
        # Scrolling then moves the painted pixels, and paints only the new rows.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setModel(order)
        self.cells = _Cells(self, state, model, order, self.sparklines)
        self.setItemDelegate(self.cells)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(_ROW_HEIGHT)
        header = SortHeader(self)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        self.fit(self.width())
        self.setSortingEnabled(True)
        # Only the price cells of visible rows are repainted while flashes fade.
        self._fade = QTimer(self)
        self._fade.setObjectName("watch list flash")
        self._fade.setInterval(_FLASH_STEP_MS)
        self._fade.timeout.connect(self._step)
        model.dataChanged.connect(self._on_data)
        self.clicked.connect(self._on_click)

    def fit(self, room: int) -> None:
        """Hide the least important columns at this width, in pixels; names keep their place."""
        for column, (roomy, tight, least_room) in _WIDTHS.items():
            self.setColumnHidden(column, room < least_room)
            self.setColumnWidth(column, roomy if room >= _ROOMY else tight)

    def want_sparklines(self) -> None:
        """Request those of the visible rows, if there is room for them."""
        is_shown = self.isVisible() and not self.isColumnHidden(Column.SPARKLINE)
        self.sparklines.want(self.codes_in_sight(0) if is_shown else ())

    def _on_sparkline(self, code: str) -> None:
        self.viewport().update(self.visualRect(self._order.index(self._order.row_of(code), Column.SPARKLINE)))

    def code_now(self) -> str:
        """The pair of the current row; empty without one."""
        index = self.currentIndex()
        return self._order.code(index.row()) if index.isValid() else ""

    def rows_in_sight(self) -> range:
        """The visible rows, without spare ones."""
        count = self._order.rowCount()
        if not count:
            return range(0)
        last = self.rowAt(self.viewport().height() - 1)
        return range(max(0, self.rowAt(0)), (last if last >= 0 else count - 1) + 1)

    def codes_in_sight(self, spare: int = _SPARE_ROWS) -> list[str]:
        """The visible pairs, and a few above and below, which a turn of the wheel reveals."""
        seen = self.rows_in_sight()
        if not seen:
            return []
        first, last = max(0, seen.start - spare), min(self._order.rowCount(), seen.stop + spare)
        return [self._order.code(row) for row in range(first, last)]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses, F is the star, Ctrl+C copies the row."""
        code = self.code_now()
        if code and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(code)
        elif code and event.key() == Qt.Key.Key_F and not event.modifiers():
            self.favourite_toggled.emit(code)
        elif code and event.matches(QKeySequence.StandardKey.Copy):
            row = self._model.row_of(code)
            texts = [str(self._model.index(row, column).data()) for column in (1, 3, 4, 5)]
            QGuiApplication.clipboard().setText("\t".join((code, *texts)))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the background, then Qt's part."""
        with QPainter(self.viewport()) as painter:
            painter.fillRect(event.rect(), self._state.theme.panel)
        super().paintEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Toggle the favourite on a click on the star."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if (
            event.button() == Qt.MouseButton.LeftButton
            and index.isValid()
            and index.column() == Column.FAVOURITE
        ):
            self.favourite_toggled.emit(self._order.code(index.row()))

    def _on_click(self, index: QModelIndex) -> None:
        if index.column() != Column.FAVOURITE:
            self.chosen.emit(self._order.code(index.row()))

    def _on_data(self) -> None:
        if not self._fade.isActive() and self.isVisible() and self._model.moves:
            self._fade.start()

    def _step(self) -> None:
        now = time.perf_counter()
        # One step longer than the flash, so that its last trace is painted over.
        gone = now - _FLASH_S - 2 * _FLASH_STEP_MS / 1000
        moves = self._model.moves
        for code in [code for code, (at, _) in moves.items() if at < gone]:
            del moves[code]
        if not moves or not self.isVisible():
            self._fade.stop()
            return
        for row in self.rows_in_sight():
            if self._order.code(row) in moves:
                self.viewport().update(self.visualRect(self._order.index(row, Column.PRICE)))
