"""`LiveTableModel`: rows whose changes are reported once per frame, in few ranges."""

from __future__ import annotations

from collections.abc import Sequence
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
    Signal,
)

from qt_upbit.exceptions import ProxyClosedError
from qt_upbit.item_models.fields import Field, plain, sort_value, text_of
from qt_upbit.item_models.flush_timer import FlushTimer
from qt_upbit.item_models.model_rows import FIRST_FIELD_ROLE, SORT_ROLE, VALUE_ROLE, ModelRows, Values
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager

__all__ = ["FIRST_FIELD_ROLE", "SORT_ROLE", "VALUE_ROLE", "LiveTableModel", "Values", "check_number"]

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()

# Plain ints: comparing PySide enum members costs more than showing a cell.
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
"""Roles that a delegate requests for each painted cell, besides text and alignment."""
_RIGHT: Final = (Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value
_LEFT: Final = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value


def check_number(name: str, value: object, of: str, example: int, least: int = 1) -> None:
    """Check a count given by the application.

    Raises:
        ValueError: it is not an integer, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a number of {of} such as {example}, not {value!r:.80}")


class LiveTableModel(QAbstractTableModel):
    """Base of the models of live data: read-only rows, each a set of named fields.

    Roles of a cell:
        DisplayRole: text, by `text`. ToolTipRole and AccessibleTextRole: the same with its header.
        ``ValueRole``: the exact value, a Decimal for decimals; for Python.
        ``SortRole``: the same as a number or text that Qt can compare; None if unknown.
        TextAlignmentRole: right for numbers. EditRole: nothing.
    Roles of a row, named as Upbit's fields (`roleNames`), for QML and its ``ListView``: numbers as floats,
    enumerations as text. They work for every column; changes are reported for the first column.

    Changes within a screen frame are reported together: one ``dataChanged`` per run of adjacent rows, with
    the columns and roles that changed, and none if nothing did.

    A custom model overrides ``_flush`` and ``_release``, changes `rows`, and calls ``frames.schedule()`` when
    something arrived.

    Signals:
        ``error_occurred(error)``: one of `qt_upbit.exceptions`.

    Attributes:
        rows: the rows, and the methods that change them.
        frames: schedules `_flush`.

    Args:
        parent: owner; the model is closed with it, or by `close`.
        columns: names of the fields to show, in order, instead of `DEFAULT_COLUMNS`.
        manager: instead of the application's manager.

    Raises:
        ValueError: there is no such field.
    """

    error_occurred = Signal(object)

    ValueRole: ClassVar[int] = VALUE_ROLE
    SortRole: ClassVar[int] = SORT_ROLE
    FIELDS: ClassVar[tuple[Field, ...]] = ()
    """Every field of a row; roles are numbered in this order."""
    DEFAULT_COLUMNS: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that are columns by default."""

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
            raise ValueError(f"columns {unknown} must be among {', '.join(positions)}")
        self._manager = manager if manager is not None else GlobalWebSocketManager.instance()
        super().__init__(parent)
        self._position = positions
        self._columns = names
        self._field_of_column = tuple(positions[name] for name in names)
        self._alignments = [_RIGHT if self.FIELDS[i].is_number else _LEFT for i in self._field_of_column]
        self._headers: dict[int, Any] = {}
        self._is_closed = False
        self.rows = ModelRows(self, self._field_of_column)
        self.frames = FlushTimer(1.0 / self._manager.config.frame_rate_hz, self)
        self.frames.due.connect(self._flush)

    # --- for applications --------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the fields that are columns."""
        return self._columns

    def text(self, name: str, value: Any) -> str:
        """Display text of a value of the field `name`; override it to customise the text."""
        return text_of(name, value)

    def value(self, row: int, name: str) -> Any:
        """The exact value of a field.

        Raises:
            IndexError, KeyError: there is no such row or field.
        """
        return self._exact(row, self._position[name])

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager whose connections it uses."""
        return self._manager

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the object was deleted."""
        return self._is_closed or not shiboken6.isValid(self)

    def close(self) -> None:
        """Stop updating; the rows stay. Idempotent."""
        if self.is_closed:
            return
        self._manager.guard.check_thread()
        self._is_closed = True
        self.frames.stop()
        self._release()

    def _release(self) -> None:
        """Close the subscriptions."""

    def check_usable(self) -> None:
        """Check that the model may be changed.

        Raises:
            ProxyClosedError: the model is closed.
            WrongThreadError: this is not the GUI thread.
        """
        if self.is_closed:
            raise ProxyClosedError("the model is closed: make a new one")
        self._manager.guard.check_usable()

    # --- QAbstractTableModel -------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows.items)

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
        """Data of a cell, by role; see the class."""
        if role in _UNUSED:
            return None
        row, column = index.row(), index.column()
        if not (0 <= row < len(self.rows.items) and 0 <= column < len(self._columns)):
            return None
        if role == _DISPLAY:
            return self._text(row, column)
        if role == _ALIGNMENT:
            return self._alignments[column]
        if role >= FIRST_FIELD_ROLE:
            position = role - FIRST_FIELD_ROLE
            return plain(self.rows.items[row].values[position]) if position < len(self.FIELDS) else None
        if role == SORT_ROLE:
            return sort_value(self.rows.items[row].values[self._field_of_column[column]])
        if role == VALUE_ROLE:
            return self._exact(row, self._field_of_column[column])
        if role in (_TOOL_TIP, _ACCESSIBLE):
            text = self._text(row, column)
            return f"{self._header(column)}: {text}" if text else None
        return None

    def _text(self, row: int, column: int) -> str:
        shown = self.rows.items[row]
        text = shown.texts[column]
        if text is None:
            value = shown.values[self._field_of_column[column]]
            text = shown.texts[column] = self.text(self._columns[column], value)
        return text

    def _exact(self, row: int, position: int) -> Any:
        return self.rows.items[row].values[position]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Text and alignment of a column header; there are no row headers."""
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
        """Change the header of a column; None restores the default."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return False
        if role not in (_DISPLAY, int(Qt.ItemDataRole.EditRole)):
            return False
        self._headers[section] = value
        self.headerDataChanged.emit(orientation, section, section)
        return True

    def _flush(self) -> None:
        """Apply what arrived since the last screen frame."""
