"""`NumberField`: a field for an exact amount that keys and wheel step."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from PySide6.QtCore import QRegularExpression, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QRegularExpressionValidator, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from demo_app.order_entry import exact_text, read_number

__all__ = ["NumberField"]

_STEPS: Final = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}


class NumberField(QLineEdit):
    """Reads and shows a Decimal, grouped; never a rounded one.

    Signals:
        ``edited()``: the user typed.
        ``stepped(steps)``: arrow keys (1), page keys (10), or the wheel while it has the focus.
    """

    edited = Signal()
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setValidator(
            QRegularExpressionValidator(QRegularExpression("[0-9,]{0,24}(\\.[0-9]{0,12})?"), self)
        )
        self.setMinimumWidth(60)
        self.textEdited.connect(self._on_edited)

    @property
    def value(self) -> Decimal | None:
        """What stands there; None if nothing does."""
        return read_number(self.text())

    def set_value(self, value: Decimal | None) -> None:
        """Show an amount; `edited` is not emitted."""
        text = exact_text(value)
        if text != self.text():
            self.setText(text)

    def _on_edited(self) -> None:
        self.edited.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step."""
        steps = _STEPS.get(Qt.Key(event.key()))
        if steps is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        else:
            self.stepped.emit(steps)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps only with the focus: who scrolls past must not change a price."""
        if self.hasFocus() and event.angleDelta().y():
            self.stepped.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Group what was typed."""
        super().focusOutEvent(event)
        self.set_value(self.value)
