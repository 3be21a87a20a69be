"""`LiveTableModel`: rows whose changes are told once per frame, in few ranges."""

from __future__ import annotations

import itertools
import operator
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import shiboken6
from PySide6.QtCore import (
    QAbstractTableModel,
    QByteArray,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from qt_upbit.exceptions import ProxyClosedError
from qt_upbit.item_models.fields import Field, plain, sort_value, text_of
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager

__all__ = ["FIRST_FIELD_ROLE", "SORT_ROLE", "VALUE_ROLE", "LiveTableModel", "check_number"]

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()

_USER: Final = int(Qt.ItemDataRole.UserRole)
VALUE_ROLE: Final = _USER
SORT_ROLE: Final = _USER + 1
FIRST_FIELD_ROLE: Final = _USER + 16

# Plain numbers: an item role of PySide costs more to compare than a cell costs to show.
_DISPLAY: Final = int(Qt.ItemDataRole.DisplayRole)
_TOOL_TIP: Final = int(Qt.ItemDataRole.ToolTipRole)
_ALIGNMENT: Final = int(Qt.ItemDataRole.TextAlignmentRole)
_ACCESSIBLE: Final = int(Qt.ItemDataRole.AccessibleTextRole)
_UNUSED: Final = frozenset(
    int(role)
    for role in (
        Qt.ItemDataRole.DecorationRole,
        Qt.ItemDataRole.FontRole,
        Qt.ItemDataRole.BackgroundRole,
        Qt.ItemDataRole.ForegroundRole,
        Qt.ItemDataRole.CheckStateRole,
    )
)
"""What a delegate asks of each cell it paints, besides text and alignment."""
_CELL_ROLES: Final = [_DISPLAY, _TOOL_TIP, _ACCESSIBLE, VALUE_ROLE, SORT_ROLE]
_RIGHT: Final = (Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value
_LEFT: Final = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value

Values = tuple[Any, ...]
"""The values of a row, in the order of `LiveTableModel.FIELDS`."""


class _Row:
    __slots__ = ("texts", "values")

    def __init__(self, values: Values, column_count: int) -> None:
        self.values = values
        self.texts: list[str | None] = [None] * column_count


def check_number(name: str, value: object, of: str, example: int, least: int = 1) -> None:
    """A whole number of something that an application gives.

    Raises:
        ValueError: it is none, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a number of {of} such as {example}, not {value!r:.80}")


class LiveTableModel(QAbstractTableModel):
    """What the models of live data share: read-only rows, each a set of named fields.

    Roles of a cell:
        DisplayRole: text, by `text`. ToolTipRole and AccessibleTextRole: the same with its header.
        ``ValueRole``: the exact value, a Decimal where it is one; for Python.
        ``SortRole``: the same as a number or text that Qt compares; None where nothing is known.
        TextAlignmentRole: right for numbers. EditRole: nothing.
    Roles of a row, named as Upbit's fields (`roleNames`), for QML and its ``ListView``: numbers as floats,
    words as text. Every column answers them; a change is announced for the first column.

    What changes within a frame is told together: a ``dataChanged`` for each run of neighbouring rows, with
    the columns and roles that changed, and none where nothing did.

    Signals:
        ``error_occurred(error)``: one of `qt_upbit.exceptions`.

    Args:
        parent: owner; the model ends with it, or by `close`.
        columns: names of the fields to show, in order, instead of `DEFAULT_COLUMNS`.
        manager: another manager than the application's.

    Raises:
        ValueError: there is no such field.
    """

    error_occurred = Signal(object)

    ValueRole: ClassVar[int] = VALUE_ROLE
    SortRole: ClassVar[int] = SORT_ROLE
    FIELDS: ClassVar[tuple[Field, ...]] = ()
    """Every field of a row; roles are numbered in this order."""
    DEFAULT_COLUMNS: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that are columns unless an application says otherwise."""

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        positions = {field.name: i for i, field in enumerate(self.FIELDS)}
        names = tuple(self.DEFAULT_COLUMNS if columns is None else columns)
        unknown = [name for name in names if name not in positions]
        if unknown or not names:
            raise ValueError(f"columns {unknown} are none of {', '.join(positions)}")
        self._manager = manager if manager is not None else GlobalWebSocketManager.instance()
        super().__init__(parent)
        self._position = positions
        self._columns = names
        self._field_of_column = tuple(positions[name] for name in names)
        self._columns_of_field: dict[int, list[int]] = {}
        for column, field in enumerate(self._field_of_column):
            self._columns_of_field.setdefault(field, []).append(column)
        self._alignments = [_RIGHT if self.FIELDS[i].is_number else _LEFT for i in self._field_of_column]
        self._headers: dict[int, Any] = {}
        self._rows: list[_Row] = []
        self._generation = 0
        """Grows with each change of the rows' number or order: who tells of older ones stops."""
        self._is_closed = False
        self._frame_s = 1.0 / self._manager.config.frame_rate_hz
        self._last_flush = 0.0
        self._frame_timer = QTimer(self)
        self._frame_timer.setObjectName("qt_upbit item model frame")
        self._frame_timer.setSingleShot(True)
        self._frame_timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._frame_timer.timeout.connect(self._on_frame)

    # --- for applications --------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the fields that are columns."""
        return self._columns

    def text(self, name: str, value: Any) -> str:
        """What a cell of the field `name` shows; override it to show it otherwise."""
        return text_of(name, value)

    def value(self, row: int, name: str) -> Any:
        """The exact value of a field.

        Raises:
            IndexError, KeyError: there is no such row or field.
        """
        return self._exact(row, self._position[name])

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the object was deleted."""
        return self._is_closed or not shiboken6.isValid(self)

    def close(self) -> None:
        """Follow nothing any more; the rows stay. Idempotent."""
        if self.is_closed:
            return
        self._manager.guard.check_thread()
        self._is_closed = True
        self._frame_timer.stop()
        self._release()

    def _release(self) -> None:
        """End what was subscribed."""

    def _check_usable(self) -> None:
        if self.is_closed:
            raise ProxyClosedError("the model is closed: make a new one")
        self._manager.guard.check_usable()

    # --- Qt's names ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def roleNames(self) -> dict[int, QByteArray]:
        """Qt's roles, ``value``, ``sortValue``, and one for each field."""
        names: dict[int, QByteArray] = dict(super().roleNames())
        names[VALUE_ROLE] = QByteArray(b"value")
        names[SORT_ROLE] = QByteArray(b"sortValue")
        for i, field in enumerate(self.FIELDS):
            names[FIRST_FIELD_ROLE + i] = QByteArray(field.name.encode())
        return names

    def role(self, name: str) -> int:
        """The role of a field.

        Raises:
            KeyError: there is no such field.
        """
        return FIRST_FIELD_ROLE + self._position[name]

    def data(self, index: Index, role: int = _DISPLAY) -> Any:
        """A cell, by role; see the class."""
        if role in _UNUSED:
            return None
        row, column = index.row(), index.column()
        if not (0 <= row < len(self._rows) and 0 <= column < len(self._columns)):
            return None
        if role == _DISPLAY:
            return self._text(row, column)
        if role == _ALIGNMENT:
            return self._alignments[column]
        if role >= FIRST_FIELD_ROLE:
            position = role - FIRST_FIELD_ROLE
            return plain(self._rows[row].values[position]) if position < len(self.FIELDS) else None
        if role == SORT_ROLE:
            return sort_value(self._rows[row].values[self._field_of_column[column]])
        if role == VALUE_ROLE:
            return self._exact(row, self._field_of_column[column])
        if role in (_TOOL_TIP, _ACCESSIBLE):
            text = self._text(row, column)
            return f"{self._header(column)}: {text}" if text else None
        return None

    def _text(self, row: int, column: int) -> str:
        texts = self._rows[row].texts
        text = texts[column]
        if text is None:
            field = self._field_of_column[column]
            text = texts[column] = self.text(self._columns[column], self._rows[row].values[field])
        return text

    def _exact(self, row: int, position: int) -> Any:
        return self._rows[row].values[position]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Text and alignment of a header; of columns only."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        if role == _DISPLAY:
            return self._header(section)
        return self._alignments[section] if role == _ALIGNMENT else None

    def _header(self, column: int) -> str:
        own = self._headers.get(column)
        if own is not None:
            return str(own)
        header = self.FIELDS[self._field_of_column[column]].header
        return QCoreApplication.translate("qt_upbit.item_models", header)

    def setHeaderData(
        self,
        section: int,
        orientation: Qt.Orientation,
        value: Any,
        role: int = int(Qt.ItemDataRole.EditRole),  # Qt's signature
    ) -> bool:
        """Give a column another header; None gives back its own."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return False
        if role not in (_DISPLAY, int(Qt.ItemDataRole.EditRole)):
            return False
        self._headers[section] = value
        self.headerDataChanged.emit(orientation, section, section)
        return True

    # --- rows, for the models ------------------------------------------------------------------------

    def _schedule(self) -> None:
        """Have `_flush` called in this frame, or in the next if this one was shown already."""
        if not self._is_closed and not self._frame_timer.isActive():
            left = self._last_flush + self._frame_s - time.monotonic()
            self._frame_timer.start(max(0, round(left * 1000)))

    def _on_frame(self) -> None:
        self._last_flush = time.monotonic()
        self._flush()

    def _flush(self) -> None:
        """Take over what has come since the last frame."""

    def _insert(self, row: int, rows: Iterable[Values]) -> None:
        made = [_Row(values, len(self._columns)) for values in rows]
        if made:
            self.beginInsertRows(QModelIndex(), row, row + len(made) - 1)
            self._generation += 1
            self._rows[row:row] = made
            self.endInsertRows()

    def _remove(self, row: int, count: int = 1) -> None:
        if count > 0:
            self.beginRemoveRows(QModelIndex(), row, row + count - 1)
            self._generation += 1
            del self._rows[row : row + count]
            self.endRemoveRows()

    def _reset(self, rows: Iterable[Values] = ()) -> None:
        self.beginResetModel()
        self._generation += 1
        self._rows = [_Row(values, len(self._columns)) for values in rows]
        self.endResetModel()

    def _put(self, news: Mapping[int, Values]) -> None:
        """Replace the values of rows, and tell what differs."""
        changed: dict[int, list[int]] = {}
        for number, values in news.items():
            row = self._rows[number]
            old = row.values
            if old == values:
                continue
            fields = list(itertools.compress(itertools.count(), map(operator.ne, values, old)))
            changed[number] = fields
            row.values = values
            for field in fields:
                for column in self._columns_of_field.get(field, ()):
                    row.texts[column] = None
        self._notify(changed)

    def _notify(self, changed: Mapping[int, list[int]]) -> None:
        """Emit ``dataChanged`` for rows and their changed fields, one range for each run of rows."""
        ranges: list[tuple[int, int, int, int, list[int]]] = []
        numbers = sorted(changed)
        begin = 0
        for i, number in enumerate(numbers):
            if i + 1 < len(numbers) and numbers[i + 1] == number + 1:
                continue
            fields: set[int] = set()
            for each in numbers[begin : i + 1]:
                fields.update(changed[each])
            columns = [column for field in fields for column in self._columns_of_field.get(field, ())]
            first = numbers[begin]
            if columns:
                ranges.append((first, min(columns), number, max(columns), _CELL_ROLES))
            ranges.append((first, 0, number, 0, [FIRST_FIELD_ROLE + field for field in sorted(fields)]))
            begin = i + 1
        generation = self._generation
        for top, left, bottom, right, roles in ranges:
            # `index` would ask Python for the counts of rows and columns first.
            self.dataChanged.emit(self.createIndex(top, left), self.createIndex(bottom, right), roles)
            if not shiboken6.isValid(self) or generation != self._generation:
                return  # a slot ended the model, or asked for other rows, which views read anew
