"""`ModelRows`: the rows of a `LiveTableModel`, and the notifications of their changes."""

from __future__ import annotations

import itertools
import operator
import weakref
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt

__all__ = ["CELL_ROLES", "FIRST_FIELD_ROLE", "SORT_ROLE", "VALUE_ROLE", "ModelRow", "ModelRows", "Values"]

_USER: Final = int(Qt.ItemDataRole.UserRole)
VALUE_ROLE: Final = _USER
SORT_ROLE: Final = _USER + 1
FIRST_FIELD_ROLE: Final = _USER + 16

# Plain ints: comparing PySide enum members costs more than showing a cell.
CELL_ROLES: Final = [
    int(Qt.ItemDataRole.DisplayRole),
    int(Qt.ItemDataRole.ToolTipRole),
    int(Qt.ItemDataRole.AccessibleTextRole),
    VALUE_ROLE,
    SORT_ROLE,
]
"""Roles of a cell that change with its value."""

Values = tuple[Any, ...]
"""The values of a row, in the order of `LiveTableModel.FIELDS`."""


class ModelRow:
    """One row.

    Attributes:
        values: exact, one for each field.
        texts: one for each column, computed when first shown; None until then.
    """

    __slots__ = ("texts", "values")

    def __init__(self, values: Values, column_count: int) -> None:
        self.values = values
        self.texts: list[str | None] = [None] * column_count


class ModelRows:
    """The rows; each method that changes them notifies Qt.

    A slot may change the rows again, or close the model, during a notification: compare `generation`.

    Args:
        model: the model of the rows; referenced weakly, as it owns this object.
        field_of_column: the position of each column's field among the values.

    Attributes:
        items: the rows; read-only.
        generation: increases with each change of the number or order of rows.
    """

    def __init__(self, model: QAbstractTableModel, field_of_column: Sequence[int]) -> None:
        # Any: these methods of Qt models are protected in C++ but public in Python.
        self._model: weakref.ref[Any] = weakref.ref(model)
        self._column_count = len(field_of_column)
        self._columns_of_field: dict[int, list[int]] = {}
        for column, field in enumerate(field_of_column):
            self._columns_of_field.setdefault(field, []).append(column)
        self.items: list[ModelRow] = []
        self.generation = 0

    def __len__(self) -> int:
        return len(self.items)

    def _made(self, rows: Iterable[Values]) -> list[ModelRow]:
        return [ModelRow(values, self._column_count) for values in rows]

    def insert(self, row: int, rows: Iterable[Values]) -> None:
        """Insert rows before `row`."""
        made = self._made(rows)
        model = self._model()
        if made and model is not None:
            model.beginInsertRows(QModelIndex(), row, row + len(made) - 1)
            self.generation += 1
            self.items[row:row] = made
            model.endInsertRows()

    def remove(self, row: int, count: int = 1) -> None:
        """Remove `count` rows starting at `row`."""
        model = self._model()
        if count > 0 and model is not None:
            model.beginRemoveRows(QModelIndex(), row, row + count - 1)
            self.generation += 1
            del self.items[row : row + count]
            model.endRemoveRows()

    def move(self, before: int, after: int, *along: MutableSequence[Any]) -> None:
        """Move a row from `before` to `after`; `along` are lists parallel to the rows, moved with them."""
        model = self._model()
        if before != after and model is not None:
            # Qt wants the row before which it is inserted, counted before the removal.
            in_front_of = after if after < before else after + 1
            model.beginMoveRows(QModelIndex(), before, before, QModelIndex(), in_front_of)
            self.generation += 1
            for moved in (self.items, *along):
                moved.insert(after, moved.pop(before))
            model.endMoveRows()

    def reset(self, rows: Iterable[Values] = ()) -> None:
        """Replace all rows; views read everything again."""
        model = self._model()
        if model is not None:
            model.beginResetModel()
            self.generation += 1
            self.items[:] = self._made(rows)
            model.endResetModel()

    def put(self, news: Mapping[int, Values]) -> None:
        """Replace the values of rows, and notify of the differences."""
        changed: dict[int, list[int]] = {}
        for number, values in news.items():
            row = self.items[number]
            old = row.values
            if old == values:
                continue
            fields = list(itertools.compress(itertools.count(), map(operator.ne, values, old)))
            changed[number] = fields
            row.values = values
            for field in fields:
                for column in self._columns_of_field.get(field, ()):
                    row.texts[column] = None
        self._announce(changed)

    def _announce(self, changed: Mapping[int, list[int]]) -> None:
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
                ranges.append((first, min(columns), number, max(columns), CELL_ROLES))
            ranges.append((first, 0, number, 0, [FIRST_FIELD_ROLE + field for field in sorted(fields)]))
            begin = i + 1
        model: Any = self._model()
        generation = self.generation
        for top, left, bottom, right, roles in ranges:
            # `index` would call into Python for the row and column counts.
            model.dataChanged.emit(model.createIndex(top, left), model.createIndex(bottom, right), roles)
            if not shiboken6.isValid(model) or generation != self.generation:
                return  # a slot closed the model or replaced the rows, which views read again
