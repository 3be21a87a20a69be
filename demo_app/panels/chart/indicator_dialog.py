"""`IndicatorDialog`: how many candles the indicators of a chart look back."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from demo_app.panels.chart.indicators import IndicatorSettings
from demo_app.style.theme import SPACE
from demo_app.widgets.number_field import DecimalBox, WholeNumberBox

__all__ = ["IndicatorDialog"]


class IndicatorDialog(QDialog):
    """Asks for the periods; `settings` has the result.

    Args:
        settings: the current ones.
        parent: owner.
    """

    def __init__(self, settings: IndicatorSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("indicatorDialog")
        self.setWindowTitle(self.tr("Indicators"))
        self._before = settings
        form = QFormLayout()
        form.setSpacing(SPACE)
        lengths = (*settings.averages, *IndicatorSettings().averages)[:4]
        self.averages = [self._period(length) for length in lengths]
        form.addRow(self.tr("Moving averages"), _row(*self.averages))
        self.exponential = QCheckBox(self.tr("Exponential"))
        self.exponential.setChecked(settings.exponential)
        form.addRow("", self.exponential)
        self.band = self._period(settings.band)
        self.band_width = DecimalBox()
        self.band_width.setRange(0.1, 10)
        self.band_width.setSingleStep(0.1)
        self.band_width.setDecimals(1)
        self.band_width.setValue(settings.band_width)
        form.addRow(self.tr("Bollinger bands (candles, deviations)"), _row(self.band, self.band_width))
        self.rsi = self._period(settings.rsi)
        form.addRow(self.tr("RSI"), _row(self.rsi))
        self.fast, self.slow, self.signal = map(self._period, (settings.fast, settings.slow, settings.signal))
        form.addRow(self.tr("MACD (fast, slow, signal)"), _row(self.fast, self.slow, self.signal))
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel | standard.RestoreDefaults)
        for button, text in (
            (standard.Ok, self.tr("OK")),
            (standard.Cancel, self.tr("Cancel")),
            (standard.RestoreDefaults, self.tr("Defaults")),
        ):
            buttons.button(button).setText(text)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.button(standard.RestoreDefaults).clicked.connect(self._restore)
        self._ok = buttons.button(standard.Ok)
        for box in self._boxes:
            box.lineEdit().textChanged.connect(self._judge)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(buttons)

    def _period(self, value: int) -> WholeNumberBox:
        box = WholeNumberBox()
        box.setRange(2, 500)
        box.setValue(value)
        return box

    @property
    def _boxes(self) -> tuple[WholeNumberBox | DecimalBox, ...]:
        periods = (self.band, self.rsi, self.fast, self.slow, self.signal)
        return (*self.averages, self.band_width, *periods)

    def _judge(self, _text: str = "") -> None:
        self._ok.setEnabled(not any(box.is_wrong for box in self._boxes))

    def accept(self) -> None:
        """Accept valid input only."""
        if not any(box.is_wrong for box in self._boxes):
            super().accept()

    def _restore(self) -> None:
        usual = IndicatorSettings()
        for box, value in zip(self.averages, usual.averages, strict=True):
            box.setValue(value)
        self.exponential.setChecked(usual.exponential)
        self.band_width.setValue(usual.band_width)
        for box, value in (
            (self.band, usual.band),
            (self.rsi, usual.rsi),
            (self.fast, usual.fast),
            (self.slow, usual.slow),
            (self.signal, usual.signal),
        ):
            box.setValue(value)
        self._judge()

    @property
    def settings(self) -> IndicatorSettings:
        """The chosen periods; which indicators are shown is unchanged."""
        return replace(
            self._before,
            averages=tuple(box.value() for box in self.averages),
            exponential=self.exponential.isChecked(),
            band=self.band.value(),
            band_width=self.band_width.value(),
            rsi=self.rsi.value(),
            fast=self.fast.value(),
            slow=self.slow.value(),
            signal=self.signal.value(),
        )


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return row
