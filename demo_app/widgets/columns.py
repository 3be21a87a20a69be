"""`WideningColumns`: columns of a table that grow with their contents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import QAbstractItemModel, QObject, QTimer
from PySide6.QtWidgets import QTableView

__all__ = ["WideningColumns"]

_WIDEN_MS: Final = 1_000
"""Values change on each tick, and are seldom longer than before."""


class WideningColumns(QObject):
    """Columns grow with their contents: no digit is ever cut off. They never shrink, so nothing jumps.

    A column that the user has narrowed stays narrow until something longer comes.

    Args:
        view: owner.
        model: the view's current model.
        widths: the initial widths of its columns.
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
        """Fit every column now."""
        view = self._view
        for column in range(view.horizontalHeader().count()):
            needed = view.sizeHintForColumn(column)
            if needed > self._longest.get(column, 0):
                self._longest[column] = needed
                view.setColumnWidth(column, max(needed, view.columnWidth(column)))
