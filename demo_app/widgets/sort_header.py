"""`SortHeader`: the header of a table, with the mark of the sorted column beside its name."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QStyleOptionHeader, QTableView

__all__ = ["SortHeader"]


class SortHeader(QHeaderView):
    """Qt's own sort mark covers the end of a right-aligned name; this one is part of the text.

    Args:
        view: uses it as its horizontal header.
    """

    def __init__(self, view: QTableView) -> None:
        super().__init__(Qt.Orientation.Horizontal, view)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(24)
        view.setHorizontalHeader(self)

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, section: int) -> None:
        """Qt's."""
        super().initStyleOptionForIndex(option, section)
        none = QStyleOptionHeader.SortIndicator.None_
        if option.sortIndicator == none:
            return
        mark = "▼" if self.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder else "▲"
        option.sortIndicator = none
        option.text = f"{option.text} {mark}" if option.text else mark
