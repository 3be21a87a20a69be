"""`OrderFields`: the widgets of the order form and their layout; `OrderFormPanel` has the logic."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.widgets.message import Message
from demo_app.widgets.number_field import NumberField
from demo_app.widgets.trading_dialogs import TradingBand
from qt_upbit import AskBid

__all__ = ["PERCENTS", "OrderFields"]

_NARROW: Final = 225
PERCENTS: Final = (10, 25, 50, 100)
_LOW: Final = 420
"""Below this height the fields would need to scroll for the sake of empty messages."""


class OrderFields(QWidget):
    """Band, sides, type, amounts, percents, advanced, hint, buttons and message, from top to bottom.

    Args:
        state: for the band.
        message: shows results.
        parent: owner.
    """

    def __init__(self, state: TerminalState, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.band = TradingBand(state)
        self.buy, self.sell = QPushButton(), QPushButton()
        self.sides = QButtonGroup(self)
        for button in (self.buy, self.sell):
            button.setCheckable(True)
            self.sides.addButton(button)
        self.buy.setChecked(True)
        self.kind = QComboBox()
        self.available_label, self.available = QLabel(), QLabel()
        self.price, self.volume, self.total = NumberField(), NumberField(), NumberField()
        self.price_label, self.volume_label, self.total_label = QLabel(), QLabel(), QLabel()
        self.price_unit, self.volume_unit, self.total_unit = QLabel(), QLabel(), QLabel()
        self.percents = QButtonGroup(self)
        for percent in PERCENTS:
            self.percents.addButton(QPushButton(f"{percent}%"), percent)
        self.fee_label, self.fee = QLabel(), QLabel()
        self.advanced = QToolButton()
        self.advanced.setCheckable(True)
        self.advanced.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.advanced.setArrowType(Qt.ArrowType.RightArrow)
        self.terms = QLabel()
        """Kind and terms of the order; above the button that sends it, never folded or scrolled away."""
        self.terms.setWordWrap(True)
        self.terms.setTextFormat(Qt.TextFormat.PlainText)
        self.terms.setMinimumWidth(1)
        self.fold = QWidget()
        self.fold.hide()
        self.advanced.toggled.connect(self._on_fold)
        self.condition_label, self.condition = QLabel(), QComboBox()
        self.smp_label, self.smp = QLabel(), QComboBox()
        self.hint = Message(2)
        self.message = message
        self.submit, self.test = QPushButton(), QPushButton()
        self.submit.setObjectName("submit")
        self._lay_out()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(SPACE)
        grid.setVerticalSpacing(SPACE // 2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.kind, 0, 0, 1, 3)
        grid.addWidget(self.available_label, 1, 0)
        grid.addWidget(self.available, 1, 1, 1, 2)
        rows = (
            (self.price_label, self.price, self.price_unit),
            (self.volume_label, self.volume, self.volume_unit),
            (self.total_label, self.total, self.total_unit),
        )
        for row, (label, field, unit) in zip((2, 3, 5), rows, strict=True):
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            grid.addWidget(unit, row, 2)
        percents = QHBoxLayout()
        percents.setSpacing(SPACE // 2)
        for button in self.percents.buttons():
            button.setMinimumWidth(1)
            percents.addWidget(button, 1)
        grid.addLayout(percents, 4, 0, 1, 3)
        grid.addWidget(self.fee_label, 6, 0)
        grid.addWidget(self.fee, 6, 1, 1, 2)
        for figure in (self.available, self.fee):
            figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            figure.setMinimumWidth(1)
        folded = QGridLayout(self.fold)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.setVerticalSpacing(SPACE // 2)
        for row, (label, combo) in enumerate(
            ((self.condition_label, self.condition), (self.smp_label, self.smp))
        ):
            label.setBuddy(combo)
            combo.setMinimumContentsLength(6)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            folded.addWidget(label, row * 2, 0)
            folded.addWidget(combo, row * 2 + 1, 0)
        inner = QWidget()
        inner.setObjectName("orderFields")
        column = QVBoxLayout(inner)
        column.setContentsMargins(SPACE, 0, SPACE, SPACE)
        column.setSpacing(SPACE // 2)
        column.addLayout(grid)
        column.addWidget(self.advanced, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.fold)
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)

        sides = QHBoxLayout()
        sides.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        sides.setSpacing(SPACE // 2)
        sides.addWidget(self.buy, 1)
        sides.addWidget(self.sell, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(SPACE, 0, SPACE, SPACE // 2)
        foot.setSpacing(SPACE // 2)
        foot.addWidget(self.terms)
        foot.addWidget(self.hint)
        buttons = QHBoxLayout()
        buttons.addWidget(self.test)
        buttons.addWidget(self.submit, 1)
        foot.addLayout(buttons)
        foot.addWidget(self.message)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.band)
        layout.addLayout(sides)
        layout.addWidget(area, 1)
        layout.addLayout(foot)

    @property
    def side(self) -> AskBid:
        """The chosen side."""
        return AskBid.BID if self.buy.isChecked() else AskBid.ASK

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low form, price and size have priority over messages that are empty."""
        super().resizeEvent(event)
        is_low = event.size().height() < _LOW
        for line in (self.hint, self.message):
            line.set_yielding(is_low)
        # A price needs the room more than its unit does, which the available amount shows too.
        for unit in (self.price_unit, self.volume_unit, self.total_unit):
            unit.setVisible(event.size().width() >= _NARROW)

    def _on_fold(self, is_open: bool) -> None:
        self.fold.setVisible(is_open)
        self.advanced.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)

    def show_terms(self, texts: list[str], *, is_usual: bool) -> None:
        """Show what kind of order the button sends, and on which terms.

        Args:
            texts: kind and terms.
            is_usual: whether the terms are those of an ordinary order of this kind.
        """
        self.terms.setText(" · ".join(texts))
        if self.terms.property("isUsual") is not is_usual:
            self.terms.setProperty("isUsual", is_usual)
            self.terms.style().unpolish(self.terms)
            self.terms.style().polish(self.terms)

    def show_stale(self, *, is_stale: bool) -> None:
        """Take the colour from the button that sends, while prices are old."""
        if self.submit.property("isStale") is not is_stale:
            self.submit.setProperty("isStale", is_stale)
            self.submit.style().unpolish(self.submit)
            self.submit.style().polish(self.submit)

    def paint(self, state: TerminalState) -> None:
        """Fonts and colours of the theme."""
        theme = state.theme
        self.setFont(theme.font(9))
        self.setStyleSheet(
            f"QLineEdit {{ background: {theme.window.name()}; border: 1px solid {theme.border.name()};"
            f" border-radius: 4px; padding: 4px 6px; }}"
            f"QLineEdit:focus {{ border-color: {theme.accent.name()}; }}"
            f'QLineEdit[wrong="true"] {{ color: {theme.warning.name()};'
            f" border-color: {theme.warning.name()}; }}"
            f"QLineEdit:disabled {{ color: {theme.muted.name()}; background: {theme.panel.name()}; }}"
            f"QWidget#orderFields, QScrollArea {{ background: {theme.panel.name()}; }}"
        )
        for label in (
            self.available_label, self.price_label, self.volume_label, self.total_label, self.fee_label,
            self.price_unit, self.volume_unit, self.total_unit, self.condition_label, self.smp_label,
        ):  # fmt: skip
            label.setStyleSheet(f"color: {theme.muted.name()};")
        for button, color in ((self.buy, theme.up), (self.sell, theme.down)):
            button.setFont(theme.font(10, bold=True))
            button.setStyleSheet(
                f"QPushButton {{ color: {color.name()}; padding: 6px; }}"
                f"QPushButton:checked {{ background: {color.name()}; color: {theme.ink_on(color).name()}; }}"
                f"QPushButton:focus {{ border: 1px solid {theme.text.name()}; }}"
            )
        for percent in self.percents.buttons():
            percent.setStyleSheet("QPushButton { padding: 3px 0; }")
        color = theme.up if self.side is AskBid.BID else theme.down
        self.submit.setFont(theme.font(10, bold=True))
        ink = theme.ink_on(color)
        self.submit.setStyleSheet(
            f"QPushButton {{ background: {color.name()}; color: {ink.name()}; padding: 7px; }}"
            f'QPushButton[isStale="true"] {{ background: {theme.panel.name()}; color: {theme.warning.name()};'
            f" border: 1px solid {theme.warning.name()}; }}"
            f"QPushButton:focus {{ border: 1px solid {theme.text.name()}; }}"
            f"QPushButton:disabled {{ background: {theme.border.name()}; color: {theme.muted.name()}; }}"
        )
        self.terms.setFont(theme.font(8.5))
        self.terms.setStyleSheet(
            f'QLabel[isUsual="true"] {{ color: {theme.muted.name()}; }}'
            f'QLabel[isUsual="false"] {{ color: {theme.accent.name()}; font-weight: bold; }}'
        )
        for line in (self.hint, self.message):
            line.setFont(theme.font(8.5))
            line.fit()
        self.band.show_state()
