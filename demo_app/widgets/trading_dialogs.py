"""The steps between a click and an order: the confirmation, and the lock of real trading."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.style.error_messages import explain
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import CONFIRM_PHRASE, TradingLockedError, TradingState
from demo_app.widgets.message import Message
from qt_upbit import AskBid

__all__ = ["ConfirmDialog", "Question", "TradingBand", "TradingDialog", "UnlockDialog"]


@dataclass(frozen=True, slots=True)
class Question:
    """What the user confirms before something is sent, and what the guard checks.

    Attributes:
        title: a short summary.
        rows: label and value; everything that will be sent.
        action: text of the confirming button.
        ask_bid: determines the colour.
        warning: what is unusual about it; with one, the user must also tick that it was read.
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    action: str
    ask_bid: AskBid | None = None
    warning: str = ""

    @property
    def text(self) -> str:
        """The whole text, for the guard and for tool tips."""
        return "\n".join((self.title, *(f"{label}: {value}" for label, value in self.rows)))


class TradingDialog(QDialog):
    """Window-modal and never blocking: a nested event loop would delay incoming events.

    It is about the account of the keys with which it was opened: with other keys, it closes.

    Attributes:
        is_outdated: it was closed because the keys have changed.
    """

    def __init__(self, state: TerminalState, parent: QWidget) -> None:
        super().__init__(parent)
        self.is_outdated = False
        state.manager.credentials_changed.connect(self._on_other_keys)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        theme = state.theme
        self.setFont(theme.font())
        self.setStyleSheet(
            f"QDialog {{ background: {theme.panel.name()}; }} QLabel {{ color: {theme.text.name()}; }}"
            f"QLineEdit {{ background: {theme.window.name()}; color: {theme.text.name()};"
            f" border: 1px solid {theme.border.name()}; border-radius: 4px; padding: 5px 8px; }}"
            f'QLineEdit[wrong="true"] {{ color: {theme.warning.name()};'
            f" border-color: {theme.warning.name()}; }}"
        )
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(SPACE * 2, SPACE * 2, SPACE * 2, SPACE * 2)
        self.column.setSpacing(SPACE + SPACE // 2)
        self.setMinimumWidth(320)

    def _on_other_keys(self) -> None:
        self.is_outdated = True
        self.reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ignore auto-repeat: a key still held down from the field behind must not confirm."""
        if not event.isAutoRepeat():
            super().keyPressEvent(event)

    def add_buttons(self, action: str, color: QColor, ink: QColor) -> tuple[QPushButton, QPushButton]:
        """Add the confirming and the dismissing button."""
        self.do = QPushButton(action)
        self.do.setObjectName("confirm")
        self.do.setStyleSheet(
            f"QPushButton {{ background: {color.name()}; color: {ink.name()}; font-weight: bold; }}"
            f"QPushButton:focus {{ border: 2px solid {ink.name()}; }}"
            "QPushButton:disabled { background: #808080; color: #d0d0d0; }"
        )
        self.leave = QPushButton(self.tr("Do nothing"))
        self.do.clicked.connect(self.accept)
        self.leave.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.leave)
        row.addStretch(1)
        row.addWidget(self.do)
        self.column.addLayout(row)
        return self.do, self.leave


class ConfirmDialog(TradingDialog):
    """Describes an order completely; `accepted` if the user confirms.

    Args:
        state: theme and guard: with real money the dismissing button has the focus.
        question: what to confirm.
        parent: the widget it opens over.
    """

    def __init__(self, state: TerminalState, question: Question, parent: QWidget) -> None:
        super().__init__(state, parent)
        theme = state.theme
        self.setObjectName("confirmDialog")
        self.setWindowTitle(question.title)
        is_live = state.guard.state is not TradingState.SIMULATED
        color = {AskBid.BID: theme.up, AskBid.ASK: theme.down, None: theme.accent}[question.ask_bid]
        title = QLabel(question.title)
        title.setFont(theme.font(13, bold=True))
        title.setWordWrap(True)
        title.setStyleSheet(f"color: {color.name()};")
        self.column.addWidget(title)
        money = QLabel(
            self.tr("REAL MONEY: this goes to the exchange.")
            if is_live
            else self.tr("Simulated: no real money moves.")
        )
        money.setStyleSheet(_live_style() if is_live else f"color: {theme.muted.name()};")
        self.column.addWidget(money)
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE * 3)
        form.setVerticalSpacing(SPACE // 2)
        for label, value in question.rows:
            name, text = QLabel(label), QLabel(value)
            name.setStyleSheet(f"color: {theme.muted.name()};")
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setAlignment(Qt.AlignmentFlag.AlignRight)
            text.setFont(theme.font(10, bold=True))
            form.addRow(name, text)
        self.column.addLayout(form)
        self.read = QCheckBox(self.tr("I have read this and want to go on"))
        """Shown with a warning: a second act, so that Enter twice sends nothing unusual."""
        if question.warning:
            warning = QLabel(question.warning)
            warning.setTextFormat(Qt.TextFormat.PlainText)
            warning.setWordWrap(True)
            warning.setStyleSheet(f"color: {theme.warning.name()}; font-weight: bold;")
            self.column.addWidget(warning)
            self.column.addWidget(self.read)
        else:
            self.read.setParent(self)
            self.read.hide()
        do, leave = self.add_buttons(question.action, color, theme.ink_on(color))
        if question.warning:
            do.setEnabled(False)
            self.read.toggled.connect(do.setEnabled)
            # Not the default when it is ticked either: Enter goes on closing the dialog.
            do.setAutoDefault(False)
        first = leave if is_live or question.warning else do
        first.setDefault(True)
        first.setFocus()


class UnlockDialog(TradingDialog):
    """Unlocks real orders for a while; `accepted` once the guard has agreed.

    Where typing cannot unlock them (no ``--live``, no keys), the reason is shown instead.
    """

    def __init__(self, state: TerminalState, parent: QWidget) -> None:
        super().__init__(state, parent)
        self._state = state
        self.setObjectName("unlockDialog")
        self.setWindowTitle(self.tr("Unlock real orders"))
        band = QLabel(self.tr("REAL MONEY: this goes to the exchange."))
        band.setStyleSheet(_live_style())
        text = QLabel()
        text.setWordWrap(True)
        self.field = QLineEdit()
        self.field.setAccessibleName(self.tr("Phrase that unlocks real orders"))
        self.said = Message(3)
        self.said.fit()
        for widget in (band, text, self.field, self.said):
            self.column.addWidget(widget)
        do, leave = self.add_buttons(self.tr("Unlock"), QColor("#c62828"), QColor("#ffffff"))
        self.setTabOrder(self.field, do)
        self.field.setFocus()
        try:
            state.guard.unlock("")
        except TradingLockedError as error:
            if error.missing == "session":
                text.setText(
                    self.tr(
                        "Orders will move real money for 15 minutes, each after a question. "
                        "Type {phrase} to unlock them."
                    ).format(phrase=CONFIRM_PHRASE)
                )
            else:
                text.setText(explain(error))
                self.field.hide()
                do.hide()
                leave.setFocus()

    def accept(self) -> None:
        """Close only if the guard accepts the phrase."""
        try:
            self._state.guard.unlock(self.field.text())
        except TradingLockedError as error:
            self.said.say(explain(error), self._state.theme.warning.name())
            self.field.selectAll()
            self.field.setFocus()
            return
        super().accept()


class TradingBand(QWidget):
    """Always shows what an order would be: simulated, real and locked, real and unlocked.

    Signals:
        ``unlock_wanted()``: the user wants to unlock real orders.
        ``locked()``: the user has locked them.
    """

    unlock_wanted = Signal()
    locked = Signal()

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setObjectName("tradingBand")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.label = QLabel()
        self.button = QPushButton()
        self.button.clicked.connect(self._on_clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE, 2, SPACE, 2)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)
        self.setFixedHeight(30)

    def show_state(self) -> None:
        """Read the guard's state again: a session expires by itself."""
        theme = self._state.theme
        now = self._state.guard.state
        texts = {
            TradingState.SIMULATED: (self.tr("SIMULATED – no real money"), ""),
            TradingState.LIVE_LOCKED: (self.tr("LIVE – locked"), self.tr("Unlock…")),
            TradingState.LIVE_UNLOCKED: (self.tr("LIVE – real money"), self.tr("Lock")),
        }
        text, action = texts[now]
        self.label.setText(text)
        self.label.setAccessibleName(text)
        self.button.setText(action)
        self.button.setVisible(bool(action))
        if now is TradingState.LIVE_UNLOCKED:
            back, ink = QColor("#c62828"), QColor("#ffffff")
        elif now is TradingState.LIVE_LOCKED:
            back, ink = theme.border, theme.text
        else:
            back, ink = theme.window, theme.warning
        self.setStyleSheet(
            f"QWidget#tradingBand {{ background: {back.name()}; }}"
            f"QWidget#tradingBand QLabel {{ color: {ink.name()}; font-weight: bold; }}"
            f"QWidget#tradingBand QPushButton {{ padding: 1px 10px; color: {theme.text.name()};"
            f" background: {theme.panel.name()}; }}"
        )

    def _on_clicked(self) -> None:
        if self._state.guard.state is TradingState.LIVE_UNLOCKED:
            self._state.guard.lock()
            self.show_state()
            self.locked.emit()
        else:
            self.unlock_wanted.emit()


def _live_style() -> str:
    return "background: #c62828; color: #ffffff; font-weight: bold; padding: 4px 8px; border-radius: 4px;"
