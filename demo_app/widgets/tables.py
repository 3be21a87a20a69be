"""Common parts of the tables of orders and balances: style, and copying rows."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from demo_app.style.theme import Theme
from demo_app.widgets.sort_header import SortHeader

__all__ = ["CellDelegate", "RowTable", "copy_rows", "style_table"]


class CellDelegate(QStyledItemDelegate):
    """A selected cell keeps its meaningful text colour."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's."""
        super().initStyleOption(option, index)
        color = index.data(Qt.ItemDataRole.ForegroundRole)
        if isinstance(color, QColor):
            option.palette.setBrush(QPalette.ColorRole.HighlightedText, QBrush(color))


class RowTable(QTableView):
    """A table of rows that can be sorted and selected, but not edited."""

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
        """The first arrow selects the current row; Qt would move on from there."""
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() in arrows and not event.modifiers() and not self.selectedIndexes():
            self.selectRow(max(self.currentIndex().row(), 0))
            return
        super().keyPressEvent(event)


def style_table(view: QTableView, theme: Theme) -> None:
    """Set the fonts and the scroll bar, which the terminal's stylesheet does not cover."""
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
    """Copy the selected rows as shown, with headers, in a form that spreadsheets accept."""
    model, selection = view.model(), view.selectionModel()
    rows = sorted(index.row() for index in selection.selectedRows()) if selection is not None else []
    if model is None or not rows:
        return
    header = view.horizontalHeader()
    columns = [header.logicalIndex(place) for place in range(model.columnCount())]
    columns = [column for column in columns if not view.isColumnHidden(column)]
    lines = [[str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]]
    lines += [[str(model.data(model.index(row, column))) for column in columns] for row in rows]
    QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))
