"""What the tables of orders and balances share: how they look, and copying rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from demo_app.panels.sort_header import SortHeader
from demo_app.theme import Theme

__all__ = ["CellDelegate", "RowTable", "WideningColumns", "copy_rows", "style_table"]

_WIDEN_MS: Final = 1_000
"""Values change with each tick, and are seldom longer than before."""


class CellDelegate(QStyledItemDelegate):
    """A selected cell keeps the colour that means something."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's."""
        super().initStyleOption(option, index)
        color = index.data(Qt.ItemDataRole.ForegroundRole)
        if isinstance(color, QColor):
            option.palette.setBrush(QPalette.ColorRole.HighlightedText, QBrush(color))


class WideningColumns(QObject):
    """Columns grow with what they hold: no digit is ever cut off. They never shrink, so nothing jumps.

    A column that the user has made narrow stays so until something longer comes.

    Args:
        view: owner.
        model: what it shows now.
        widths: of its columns at first.
    """

    def __init__(self, view: QTableView, model: QAbstractItemModel, widths: Iterable[int]) -> None:
        super().__init__(view)
        self._view = view
        self._longest: dict[int, int] = {}
        self._soon = QTimer(self)
        self._soon.setObjectName("widening columns")
        self._soon.setSingleShot(True)
        self._soon.setInterval(_WIDEN_MS)
        self._soon.timeout.connect(self.fit)
        for column, width in enumerate(widths):
            view.setColumnWidth(column, width)
        model.dataChanged.connect(self._on_change)
        model.rowsInserted.connect(self.fit)
        model.modelReset.connect(self.fit)
        self.fit()

    def _on_change(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def fit(self, *_: object) -> None:
        """Look at every column now."""
        view = self._view
        for column in range(view.horizontalHeader().count()):
            needed = view.sizeHintForColumn(column)
            if needed > self._longest.get(column, 0):
                self._longest[column] = needed
                view.setColumnWidth(column, max(needed, view.columnWidth(column)))


class RowTable(QTableView):
    """Rows that are read, sorted and selected, and not edited."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        header = SortHeader(self)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setSortingEnabled(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setItemDelegate(CellDelegate(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The first arrow selects the row that has the cursor; Qt would go on from there."""
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() in arrows and not event.modifiers() and not self.selectedIndexes():
            self.selectRow(max(self.currentIndex().row(), 0))
            return
        super().keyPressEvent(event)


def style_table(view: QTableView, theme: Theme) -> None:
    """Fonts and the scroll bar that the terminal's stylesheet does not know."""
    view.setFont(theme.font(9))
    view.horizontalHeader().setFont(theme.font(8.5))
    view.setStyleSheet(
        "QTableView { font-size: 9pt; } QHeaderView { font-size: 8.5pt; }"
        f"QScrollBar:horizontal {{ background: {theme.panel.name()}; height: 10px; margin: 0; }}"
        f"QScrollBar::handle:horizontal {{ background: {theme.border.name()}; border-radius: 4px;"
        " min-width: 24px; }"
        "QScrollBar::add-line, QScrollBar::sub-line { height: 0; width: 0; }"
    )


def copy_rows(view: QTableView) -> None:
    """The selected rows, with headers, as a spreadsheet takes them."""
    model, selection = view.model(), view.selectionModel()
    rows = sorted(index.row() for index in selection.selectedRows()) if selection is not None else []
    if model is None or not rows:
        return
    columns = range(model.columnCount())
    lines = [[str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]]
    lines += [[str(model.data(model.index(row, column))) for column in columns] for row in rows]
    QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))
