"""`AlertRows`: the alerts as a table: enabled, pair, condition, distance, last fired."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from demo_app.alerts.alert_watcher import AlertWatcher
from demo_app.alerts.alerts import Alert, AlertKind
from demo_app.style import formats
from demo_app.terminal_state import TerminalState
from qt_upbit import exactly

__all__ = ["AlertColumn", "AlertRows"]

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()
_ALIGN_LEFT: Final = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value
_ALIGN_RIGHT: Final = (Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value


class AlertColumn(IntEnum):
    """Columns, from the left."""

    MARKET = 0
    CONDITION = 1
    DISTANCE = 2
    FIRED = 3


class AlertRows(QAbstractTableModel):
    """What an `AlertWatcher` watches. The check box of a row enables its alert.

    Not a `LiveTableModel`: its rows are the user's own, and only one column changes live.

    Args:
        state: for names and colours.
        watcher: provides the alerts.
        parent: owner.
    """

    def __init__(self, state: TerminalState, watcher: AlertWatcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._watcher = watcher
        self._alerts: list[Alert] = watcher.alerts
        state.markets_changed.connect(self.refresh)

    def alert(self, row: int) -> Alert:
        """The alert of a row."""
        return self._alerts[row]

    def refresh(self) -> None:
        """Read the watcher's alerts again."""
        alerts = self._watcher.alerts
        if [each.name for each in alerts] != [each.name for each in self._alerts]:
            self.beginResetModel()
            self._alerts = alerts
            self.endResetModel()
            return
        self._alerts = alerts
        if alerts:
            self.dataChanged.emit(self.index(0, 0), self.index(len(alerts) - 1, self.columnCount() - 1))

    def rename(self) -> None:
        """The language has changed."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)
        self.refresh()

    @exactly
    def distance(self, alert: Alert) -> Decimal | None:
        """From the current price to the threshold, as a fraction of the price; None if not applicable."""
        price = self._watcher.prices.get(alert.code)
        if not price or alert.kind not in (AlertKind.ABOVE, AlertKind.BELOW):
            return None
        return alert.threshold / price - 1

    # --- Qt's names ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of alerts."""
        return 0 if parent.isValid() else len(self._alerts)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(AlertColumn)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGN_RIGHT if section == AlertColumn.DISTANCE else _ALIGN_LEFT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        names = {
            AlertColumn.MARKET: self.tr("Market"),
            AlertColumn.CONDITION: self.tr("Alert when"),
            AlertColumn.DISTANCE: self.tr("Away"),
            AlertColumn.FIRED: self.tr("Last fired"),
        }
        return names.get(AlertColumn(section))

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The first column can be checked."""
        flags = super().flags(index)
        if index.isValid() and index.column() == AlertColumn.MARKET:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell."""
        if not index.isValid():
            return None
        alert, column = self._alerts[index.row()], AlertColumn(index.column())
        if role == Qt.ItemDataRole.CheckStateRole and column is AlertColumn.MARKET:
            return Qt.CheckState.Checked if alert.is_enabled else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._state.theme.text if alert.is_enabled else self._state.theme.muted
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGN_RIGHT if column is AlertColumn.DISTANCE else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(alert, column)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Enable or disable an alert."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != AlertColumn.MARKET:
            return False
        is_enabled = Qt.CheckState(value) is Qt.CheckState.Checked
        self._watcher.put(replace(self._alerts[index.row()], is_enabled=is_enabled))
        self.refresh()
        return True

    def _text(self, alert: Alert, column: AlertColumn) -> str:
        if column is AlertColumn.MARKET:
            return f"{self._state.market_name(alert.code)} {alert.code}"
        if column is AlertColumn.CONDITION:
            text = self._watcher.condition(alert)
            return self.tr("{condition}, once").format(condition=text) if alert.is_once else text
        if column is AlertColumn.DISTANCE:
            return formats.percent(self.distance(alert))
        when = self._watcher.last_fired.get(alert.name)
        return f"{when[0]:%H:%M:%S}  {when[1]}" if when is not None else ""
