"""`AlertsPanel`: the user's alerts, and the form to create one."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from demo_app.alerts.alert_watcher import AlertWatcher
from demo_app.alerts.alerts import Alert, AlertKind
from demo_app.panel import Panel
from demo_app.panels.alerts.alert_rows import AlertColumn, AlertRows
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.trading.order_entry import step_price
from demo_app.widgets.number_field import NumberField, WholeNumberBox
from demo_app.widgets.tables import RowTable, copy_rows, style_table
from qt_upbit import TickerEvent, WebSocketClientProxy

__all__ = ["AlertsPanel"]

_SOUND: Final = "alerts/sound"
_WIDTHS: Final = {AlertColumn.MARKET: 190, AlertColumn.CONDITION: 260, AlertColumn.DISTANCE: 80}
_ROOMY: Final = 640
_REFRESH_MS: Final = 250
"""Distances are read, not watched: four times a second is enough."""


class AlertsPanel(Panel):
    """Alerts for prices, moves and fills, shown in the status line and, where there is one, the tray.

    It also watches while it is hidden.

    Args:
        state: what all panels share.
        parent: owner.
    """

    NAME = "alerts"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.watcher = AlertWatcher(state, self)
        self.rows = AlertRows(state, self.watcher, self)
        self._editing: Alert | None = None
        self._make_form()
        self.view = RowTable()
        self.view.setModel(self.rows)
        self.view.setSortingEnabled(False)
        for position, width in _WIDTHS.items():
            self.view.setColumnWidth(position, width)
        self.view.doubleClicked.connect(self._on_row)
        self.empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.empty.setObjectName("placeholderText")
        self.empty.setWordWrap(True)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self.empty)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._form)
        column.addWidget(self._stack, 1)
        self.set_body(body)
        self.key_target = self.threshold
        for keys, slot in (("Del", self.delete), ("Return", self._edit), ("Space", self._toggle)):
            shortcut = QShortcut(QKeySequence(keys), self.view)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        self._price: Decimal | None = None
        """The alert form's pair; initially the selected one."""
        self._proxy = WebSocketClientProxy("alert form", parent=self)
        self._proxy.ticker_received.connect(self._on_ticker)
        self._ticker = self._proxy.subscribe_ticker([state.market])
        self._soon = self.timer("alerts refresh", _REFRESH_MS, self._show)
        self.watcher.changed.connect(self._on_change)
        self.watcher.fired.connect(self._on_fired)
        state.alert_drafted.connect(self._on_draft)
        state.market_changed.connect(self._on_market)
        state.markets_changed.connect(self._name_pair)
        self.retranslate()
        self.apply_theme()
        self._show()

    def _make_form(self) -> None:
        self.pair = QLabel()
        self.kind = QComboBox()
        for kind in AlertKind:
            self.kind.addItem("", kind)
        self.kind.currentIndexChanged.connect(self._check)
        self.threshold = NumberField()
        self.threshold.setMinimumWidth(120)
        self.threshold.edited.connect(self._check)
        self.threshold.stepped.connect(self._step)
        self.threshold.returnPressed.connect(self.save)
        self.unit = QLabel()
        self.window_box = WholeNumberBox()
        self.window_box.setRange(1, 24 * 60)
        self.window_box.setValue(5)
        self.window_box.lineEdit().textChanged.connect(self._check)
        self.once = QCheckBox()
        self.once.setChecked(True)
        self.add = QPushButton()
        self.add.setProperty("role", "primary")
        self.add.clicked.connect(self.save)
        self.hint = QLabel()
        self.sound = QCheckBox()
        self.sound.setChecked(self.state.settings.value(_SOUND, False) in (True, "true"))
        self.sound.toggled.connect(self._on_sound)
        self._form = QHBoxLayout()
        self._form.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        self._form.setSpacing(SPACE)
        fields = (self.pair, self.kind, self.threshold, self.unit, self.window_box, self.once, self.add)
        for widget in fields:
            self._form.addWidget(widget)
        self._form.addWidget(self.hint, 1)
        self._form.addWidget(self.sound)

    # --- texts and looks ---------------------------------------------------------------------------

    def title(self) -> str:
        """Its name on the tab."""
        return self.tr("Alerts")

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """As `Panel.shortcuts`."""
        return (
            ("Space", self.tr("Alerts: switch the selected ones on or off")),
            ("Return", self.tr("Alerts: change the selected one")),
            ("Del", self.tr("Alerts: delete the selected ones")),
        )

    def retranslate(self) -> None:
        """Set every text again."""
        words = {
            AlertKind.ABOVE: self.tr("Price at or above"),
            AlertKind.BELOW: self.tr("Price at or below"),
            AlertKind.CHANGE: self.tr("Moves by"),
            AlertKind.FILL: self.tr("My order is filled"),
        }
        for row in range(self.kind.count()):
            self.kind.setItemText(row, words[self.kind.itemData(row)])
        self.kind.setAccessibleName(self.tr("Alert when"))
        self.threshold.setAccessibleName(self.tr("Threshold"))
        self.window_box.setAccessibleName(self.tr("Within minutes"))
        self.window_box.setPrefix(self.tr("within "))
        self.window_box.setSuffix(self.tr(" min"))
        self.once.setText(self.tr("Once"))
        self.once.setToolTip(self.tr("Switch the alert off when it has fired"))
        self.sound.setText(self.tr("Sound"))
        self.view.setAccessibleName(self.tr("Alerts"))
        self.empty.setText(self.tr("No alerts. Choose a price above; alerts appear here and in the tray."))
        self.rows.rename()
        self._name_pair()
        self._check()
        if self.state.is_replay:
            self.show_placeholder(self.tr("Alerts wait while a recording is played."))

    def apply_theme(self) -> None:
        """Fonts and colours."""
        theme = self.state.theme
        style_table(self.view, theme)
        self.pair.setFont(theme.font(9.5, bold=True))
        self.hint.setFont(theme.font(8.5))
        self._check()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow panel hide the name and the sound option before the fields."""
        super().resizeEvent(event)
        self.pair.setVisible(self.width() >= _ROOMY)
        self.sound.setVisible(self.width() >= _ROOMY)

    # --- the form ----------------------------------------------------------------------------------

    @property
    def _code(self) -> str:
        return self._editing.code if self._editing is not None else self.state.market

    def begin(self, code: str = "", price: Decimal | None = None) -> None:
        """Prepare a new alert; without a price, at the current one where it is known."""
        self._editing = None
        if code:
            self.state.set_market(code)
        if price is None:
            price = self._price
        self.threshold.set_value(price)
        self._name_pair()
        self._check()
        self.threshold.setFocus()
        self.threshold.selectAll()

    def save(self) -> None:
        """Save the alert in the form."""
        if self._check():
            return
        kind = AlertKind(self.kind.currentData())
        name = self._editing.name if self._editing is not None else self.watcher.free_name()
        threshold = self.threshold.value or Decimal(0)
        alert = Alert(
            name, self._code, kind, threshold, self.window_box.value() * 60, is_once=self.once.isChecked()
        )
        self._editing = None
        self.threshold.set_value(None)
        self.watcher.put(alert)
        self._show()
        self._name_pair()
        self._check()

    def _on_draft(self, code: str, price: Decimal, is_above: bool) -> None:
        """An alert drafted elsewhere skips the form; it fires once."""
        kind = AlertKind.ABOVE if is_above else AlertKind.BELOW
        alert = Alert(self.watcher.free_name(), code, kind, price, is_once=True)
        self.watcher.put(alert)
        self._show()
        self.state.noticed.emit(self.tr("Alert set"), f"{code}: {self.watcher.condition(alert)}")

    def _check(self, *_: object) -> str:
        """Why the form cannot be saved, shown as a hint; empty if it can."""
        kind = AlertKind(self.kind.currentData())
        self.threshold.setEnabled(kind is not AlertKind.FILL)
        self.window_box.setVisible(kind is AlertKind.CHANGE)
        quote = self._code.partition("-")[0]
        self.unit.setText("%" if kind is AlertKind.CHANGE else "" if kind is AlertKind.FILL else quote)
        value = self.threshold.value
        problem = ""
        if kind is not AlertKind.FILL and (value is None or value <= 0):
            problem = self.threshold.problem() or self.tr("Enter a number above 0")
        elif kind is AlertKind.CHANGE and value is not None and value >= 1_000:
            problem = self.tr("Enter a move below 1,000%")
        elif kind is AlertKind.CHANGE and self.window_box.is_wrong:
            problem = self.tr("Enter whole minutes, 1 to 1440")
        is_typed = bool(self.threshold.text())
        self.hint.setText(problem if is_typed else "")
        self.hint.setStyleSheet(f"color: {self.state.theme.warning.name()}")
        self.add.setEnabled(not problem)
        self.add.setText(self.tr("Change") if self._editing is not None else self.tr("Add alert"))
        return problem

    def _step(self, steps: int) -> None:
        """By ticks of the pair, or by tenths of a per cent."""
        value = self.threshold.value
        if value is None:
            return
        if AlertKind(self.kind.currentData()) is AlertKind.CHANGE:
            self.threshold.set_value(max(value + steps * Decimal("0.1"), Decimal("0.1")))
        else:
            # Some currencies have no tick table.
            with contextlib.suppress(ValueError):
                self.threshold.set_value(step_price(self._code, value, steps))
        self._check()

    def _name_pair(self) -> None:
        self.pair.setText(f"{self.state.market_name(self._code)} {self._code}")

    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code == self.state.market:
            self._price = event.trade_price

    def _on_market(self, code: str) -> None:
        before, self._ticker = self._ticker, self._proxy.subscribe_ticker([code])
        before.close()
        self._price = None
        if self._editing is None:
            self.threshold.set_value(None)
        self._name_pair()
        self._check()

    # --- the list ----------------------------------------------------------------------------------

    def _on_change(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _show(self) -> None:
        self.rows.refresh()
        self._stack.setCurrentWidget(self.view if self.rows.rowCount() else self.empty)

    def _on_fired(self, _alert: Alert) -> None:
        if self.sound.isChecked():
            QApplication.beep()

    def _on_sound(self, on: bool) -> None:
        self.state.settings.setValue(_SOUND, on)

    def _selected(self) -> list[Alert]:
        return [self.rows.alert(index.row()) for index in self.view.selectionModel().selectedRows()]

    def delete(self) -> None:
        """Delete the selected alerts."""
        self.watcher.remove(alert.name for alert in self._selected())
        self._show()

    def _toggle(self) -> None:
        for index in self.view.selectionModel().selectedRows():
            now = self.rows.alert(index.row()).is_enabled
            state = Qt.CheckState.Unchecked if now else Qt.CheckState.Checked
            self.rows.setData(index.siblingAtColumn(0), state, Qt.ItemDataRole.CheckStateRole)

    def _edit(self) -> None:
        rows = self.view.selectionModel().selectedRows()
        if rows:
            self._on_row(rows[0])

    def _on_row(self, index: QModelIndex) -> None:
        alert = self._editing = self.rows.alert(index.row())
        self.kind.setCurrentIndex(self.kind.findData(alert.kind))
        self.threshold.set_value(alert.threshold if alert.kind is not AlertKind.FILL else None)
        self.window_box.setValue(alert.window_s // 60)
        self.once.setChecked(alert.is_once)
        self._name_pair()
        self._check()
        self.threshold.setFocus()

    def copy(self) -> None:
        """Copy the selected rows, with headers, in a form that spreadsheets accept."""
        copy_rows(self.view)
