"""`EventRows`: events, newest first, as a table of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from demo_app.terminal_state import TerminalState

__all__ = ["EventRow", "EventRows"]

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()
_LEFT: Final = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event.

    Attributes:
        key: a newer event of the same key replaces this one.
        event: the event itself.
        is_new: whether it is still unread.
    """

    key: str
    event: Any
    is_new: bool = True


class EventRows(QAbstractTableModel):
    """Rows that arrive one by one, at most `limit`; override `texts` and `color`.

    Not a `LiveTableModel`: the only change to a row is being read.

    Args:
        state: for colours and fonts.
        columns: the number of columns.
        limit: beyond it the oldest are dropped.
        parent: owner.
    """

    def __init__(
        self, state: TerminalState, columns: int, *, limit: int = 500, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.state = state
        self._columns = columns
        self._limit = limit
        self._rows: list[EventRow] = []
        self._heads: Sequence[str] = ()

    def texts(self, event: Any) -> tuple[str, ...]:
        """The cells of an event."""
        raise NotImplementedError

    def color(self, event: Any, column: int) -> QColor:
        """The colour of a cell."""
        return self.state.theme.text

    # --- for panels --------------------------------------------------------------------------------

    @property
    def unseen(self) -> int:
        """The number of unread events."""
        return sum(row.is_new for row in self._rows)

    def row(self, number: int) -> EventRow:
        """A row, counted from the newest."""
        return self._rows[number]

    def put(self, row: EventRow) -> None:
        """Add an event on top; an older one of the same key is removed."""
        for number, old in enumerate(self._rows):
            if old.key == row.key:
                self.beginRemoveRows(QModelIndex(), number, number)
                del self._rows[number]
                self.endRemoveRows()
                break
        if len(self._rows) >= self._limit:
            last = len(self._rows) - 1
            self.beginRemoveRows(QModelIndex(), last, last)
            del self._rows[last]
            self.endRemoveRows()
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._rows.insert(0, row)
        self.endInsertRows()

    def mark_seen(self, numbers: Sequence[int] | None = None) -> None:
        """Mark some rows as read, or all."""
        for number in range(len(self._rows)) if numbers is None else numbers:
            row = self._rows[number]
            if row.is_new:
                self._rows[number] = EventRow(row.key, row.event, is_new=False)
        self._notify()

    def name(self, heads: Sequence[str]) -> None:
        """Name the columns, in the current language."""
        self._heads = heads
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self._columns - 1)
        self._notify()

    def _notify(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, self._columns - 1))

    # --- Qt's names ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of events."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else self._columns

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT
        if role == Qt.ItemDataRole.DisplayRole and section < len(self._heads):
            return self._heads[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell; unread rows are bold."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.texts(row.event)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            return self.color(row.event, index.column())
        if role == Qt.ItemDataRole.FontRole and row.is_new:
            return self.state.theme.font(9, bold=True)
        return None
