"""`ThrottledSortProxyModel`: sorted rows that do not move with every tick."""

from __future__ import annotations

import itertools
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    QTimer,
)

from qt_upbit.item_models.base import SORT_ROLE, check_number

__all__ = ["ThrottledSortProxyModel"]

_DEFAULT_INTERVAL_MS: Final = 1000


class ThrottledSortProxyModel(QSortFilterProxyModel):
    """Sorts by ``SortRole`` at once on request, and again at most once per interval while values change.

    An ordinary QSortFilterProxyModel with `dynamicSortFilter` sorts with each change of the sorted column:
    rows move away from under the mouse, and each tick costs a search. Here ticks only repaint; rows move
    together, in one layout change, which preserves selection, current cell and scroll position. Nothing moves
    while the order is still correct. New rows stay at the end until the next sort. Unknown values come last.

    A filter is re-evaluated when it is set (or by ``invalidate``), not with each tick.

    Args:
        parent: owner.
        interval_ms: minimum time between two automatic sorts.
    """

    def __init__(self, parent: QObject | None = None, *, interval_ms: int = _DEFAULT_INTERVAL_MS) -> None:
        check_number("interval_ms", interval_ms, "milliseconds", _DEFAULT_INTERVAL_MS)
        super().__init__(parent)
        self.setDynamicSortFilter(False)
        self.setSortRole(SORT_ROLE)
        self._keys: dict[int, tuple[bool, Any]] | None = None
        """Sort keys by source row during a sort, so that each is read once."""
        self._is_descending = False
        self._timer = QTimer(self)
        self._timer.setObjectName("qt_upbit throttled sort")
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self.sort_now)

    def setSourceModel(self, model: QAbstractItemModel | None) -> None:
        """Qt's."""
        before = self.sourceModel()
        if before is not None:
            before.dataChanged.disconnect(self._on_data_changed)
            before.rowsInserted.disconnect(self._on_rows_inserted)
        super().setSourceModel(model)  # type: ignore[arg-type]  # Qt takes null
        if model is not None:
            model.dataChanged.connect(self._on_data_changed)
            model.rowsInserted.connect(self._on_rows_inserted)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort at once, and keep sorted; column -1 restores the order of the source."""
        self._sort(column, order, {})

    def _sort(self, column: int, order: Qt.SortOrder, keys: dict[int, tuple[bool, Any]]) -> None:
        self._is_descending = order == Qt.SortOrder.DescendingOrder
        self._keys = keys
        try:
            super().sort(column, order)
        finally:
            self._keys = None

    def sort_now(self) -> None:
        """Sort again by the same column if the order is no longer correct."""
        column = self.sortColumn()
        if column < 0 or self.sourceModel() is None:
            return
        rows = [self.mapToSource(self.index(row, 0)).row() for row in range(self.rowCount(QModelIndex()))]
        # The filter may exclude most of them.
        keys = {row: self._key(row, column) for row in rows}
        shown = list(keys.values())
        if self._is_descending:
            shown.reverse()
        if any(later < earlier for earlier, later in itertools.pairwise(shown)):
            self._sort(column, self.sortOrder(), keys)

    def lessThan(
        self, left: QModelIndex | QPersistentModelIndex, right: QModelIndex | QPersistentModelIndex
    ) -> bool:
        """Override of Qt's; compares two source rows."""
        return self._known_key(left) < self._known_key(right)

    def _known_key(self, index: QModelIndex | QPersistentModelIndex) -> tuple[bool, Any]:
        keys, row = self._keys, index.row()
        if keys is None:
            return self._key(row, index.column())
        if row not in keys:
            keys[row] = self._key(row, index.column())
        return keys[row]

    def _key(self, row: int, column: int) -> tuple[bool, Any]:
        source = self.sourceModel()
        value = source.data(source.index(row, column), self.sortRole())
        # Descending is ascending reversed, and unknown values come last in both.
        return ((value is None) != self._is_descending, 0 if value is None else value)

    def _on_data_changed(self, first: QModelIndex, last: QModelIndex, roles: list[int]) -> None:
        if (
            first.column() <= self.sortColumn() <= last.column()
            and (not roles or self.sortRole() in roles)
            and not self._timer.isActive()
        ):
            self._timer.start()

    def _on_rows_inserted(self, *_: object) -> None:
        if self.sortColumn() >= 0 and not self._timer.isActive():
            self._timer.start()
