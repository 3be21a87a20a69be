"""`ChartBar`: the tool bar above a chart: units, indicators, scale, copy."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QToolButton, QWidget

from demo_app.panels.chart.bars import UNITS, Unit, unit_of
from demo_app.panels.chart.indicators import IndicatorSettings
from demo_app.style.theme import SPACE, Theme

__all__ = ["ChartBar"]

_SWITCHES: Final = ("show_averages", "show_band", "show_volume", "show_rsi", "show_macd")
_OFTEN: Final = tuple(unit_of(value) for value in ("1m", "15m", "60m", "1d", "5m", "240m", "1w"))
"""The units that remain buttons the longest where there is little room."""


class ChartBar(QWidget):
    """A row of buttons; where there is no room for all units the rarer ones are in a menu.

    Signals:
        ``unit_chosen(unit)``, ``settings_changed(settings)``, ``log_switched(on)``.
        ``dialog_wanted()``: the user wants to set the indicators' periods.
        ``copy_wanted()``: an image of the chart for the clipboard.

    Args:
        unit: the initial one.
        settings: the initial ones.
        is_log: whether the scale is logarithmic initially.
        parent: owner.
    """

    unit_chosen = Signal(object)
    settings_changed = Signal(object)
    log_switched = Signal(bool)
    dialog_wanted = Signal()
    copy_wanted = Signal()

    def __init__(
        self, unit: Unit, settings: IndicatorSettings, *, is_log: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("chartBar")
        self._unit, self._settings = unit, settings
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE // 2, 2, SPACE // 2, 2)
        # Otherwise the visible buttons would decide how narrow it can be.
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        row.setSpacing(1)
        self._units = QButtonGroup(self)
        self._unit_box = QWidget()
        inner = QHBoxLayout(self._unit_box)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(1)
        self._unit_menu = QMenu(self)
        self.unit_button = self._tool("chartUnit")
        self.unit_button.setMenu(self._unit_menu)
        self.unit_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        for each in UNITS:
            button = self._tool(f"unit {each.value}")
            button.setProperty("unit", each.value)
            button.setCheckable(True)
            button.setChecked(each == unit)
            self._units.addButton(button)
            inner.addWidget(button)
            action = QAction(self, checkable=True, checked=each == unit)
            action.setData(each.value)
            self._unit_menu.addAction(action)
        self._units.buttonClicked.connect(self._on_unit_button)
        self._unit_menu.triggered.connect(self._on_unit_action)
        row.addWidget(self._unit_box)
        row.addWidget(self.unit_button)
        row.addStretch(1)

        self.indicator_button = self._tool("chartIndicators")
        self.indicator_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self.switches = {name: QAction(self, checkable=True) for name in _SWITCHES}
        for name, action in self.switches.items():
            action.setChecked(getattr(settings, name))
            action.setData(name)
            action.triggered.connect(self._on_switch)
            menu.addAction(action)
        menu.addSeparator()
        self._dialog_action = menu.addAction("")
        self._dialog_action.triggered.connect(self.dialog_wanted)
        self.indicator_button.setMenu(menu)
        self.log_button = self._tool("chartLog")
        self.log_button.setCheckable(True)
        self.log_button.setChecked(is_log)
        self.log_button.toggled.connect(self.log_switched)
        self.copy_button = self._tool("chartCopy")
        self.copy_button.clicked.connect(self.copy_wanted)
        for button in (self.indicator_button, self.log_button, self.copy_button):
            row.addWidget(button)

    def _tool(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        return button

    def retranslate(self) -> None:
        """Set every text again."""
        # Upbit's own words for the lengths of candles.
        names = (
            *(self.tr("1s"), self.tr("1m"), self.tr("3m"), self.tr("5m"), self.tr("10m"), self.tr("15m")),
            *(self.tr("30m"), self.tr("1h"), self.tr("4h")),
            *(self.tr("1D"), self.tr("1W"), self.tr("1M"), self.tr("1Y")),
        )
        self._names = dict(zip(UNITS, names, strict=True))
        for button in self._units.buttons():
            button.setText(self._names[unit_of(button.property("unit"))])
        for action in self._unit_menu.actions():
            action.setText(self._names[unit_of(action.data())])
        self.unit_button.setAccessibleName(self.tr("Length of a candle"))
        texts = (
            self.tr("Moving averages"),
            self.tr("Bollinger bands"),
            self.tr("Volume"),
            self.tr("RSI"),
            self.tr("MACD"),
        )
        for action, text in zip(self.switches.values(), texts, strict=True):
            action.setText(text)
        self._dialog_action.setText(self.tr("Periods…"))
        self.indicator_button.setText(self.tr("Indicators"))
        self.log_button.setText(self.tr("Log"))
        self.log_button.setToolTip(self.tr("Logarithmic price scale"))
        self.log_button.setAccessibleName(self.tr("Logarithmic price scale"))
        self.copy_button.setText(self.tr("Copy"))
        self.copy_button.setToolTip(self.tr("Copy the chart as an image (Ctrl+C)"))
        self.copy_button.setAccessibleName(self.tr("Copy the chart as an image (Ctrl+C)"))
        self._fold()

    def apply_theme(self, theme: Theme) -> None:
        """Set the stylesheet of checked buttons."""
        # The arrows of menus would hide the last letters.
        self.setStyleSheet(
            f"ChartBar, QWidget#chartBar {{ background: {theme.panel.name()};"
            f" border-bottom: 1px solid {theme.border.name()}; }}"
            "QToolButton { padding: 3px 6px; font-size: 8.5pt; }"
            " QToolButton::menu-indicator { image: none; width: 0; }"
        )
        self._fold()

    @property
    def unit_name(self) -> str:
        """The selected unit, in the user's language."""
        return self._names[self._unit]

    def set_settings(self, settings: IndicatorSettings) -> None:
        """Other periods were chosen elsewhere."""
        self._settings = settings
        for name, action in self.switches.items():
            action.setChecked(getattr(settings, name))

    def choose(self, unit: Unit) -> None:
        """Show another unit."""
        self._unit = unit
        for button in self._units.buttons():
            button.setChecked(button.property("unit") == unit.value)
        for action in self._unit_menu.actions():
            action.setChecked(action.data() == unit.value)
        self._fold()
        self.unit_chosen.emit(unit)

    def _on_unit_button(self, button: QToolButton) -> None:
        self.choose(unit_of(button.property("unit")))

    def _on_unit_action(self, action: QAction) -> None:
        self.choose(unit_of(action.data()))

    def _on_switch(self) -> None:
        shown = {name: action.isChecked() for name, action in self.switches.items()}
        self._settings = replace(self._settings, **shown)  # type: ignore[arg-type]  # the switches are fields that are bool
        self.settings_changed.emit(self._settings)

    # --- room --------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """The width with all units in the menu."""
        size = super().minimumSizeHint()
        return QSize(200, size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the units that fit as buttons."""
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        others = (self.indicator_button, self.log_button, self.copy_button)
        room = self.width() - sum(button.sizeHint().width() + 1 for button in others) - 2 * SPACE
        buttons = {unit_of(button.property("unit")): button for button in self._units.buttons()}
        widths = {unit: button.sizeHint().width() + 1 for unit, button in buttons.items()}
        shown = set(buttons)
        if sum(widths.values()) > room:
            # The selected one first: otherwise nothing would show which it is.
            wanted = dict.fromkeys([self._unit, *_OFTEN, *UNITS])
            room -= self.unit_button.sizeHint().width() + 1
            shown.clear()
            for unit in wanted:
                if widths[unit] > room:
                    break
                shown.add(unit)
                room -= widths[unit]
        for unit, button in buttons.items():
            button.setVisible(unit in shown)
        self._unit_box.setVisible(bool(shown))
        self.unit_button.setVisible(len(shown) < len(buttons))
        self.unit_button.setText("…" if self._unit in shown else self.unit_name)
