"""Fields for numbers. Input is read as meant or marked as wrong, never read as another number."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from demo_app.trading.order_entry import exact_text, read_number

__all__ = ["DecimalBox", "NumberField", "WholeNumberBox"]

_STEPS: Final = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
_ENTER: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class NumberField(QLineEdit):
    """Reads and shows a Decimal, grouped and never rounded.

    It accepts every character: dropping one would change the number. A text that is not a number has no
    `value`, is left unchanged, and has the property ``wrong`` for style sheets.

    Signals:
        ``edited()``: the user typed.
        ``stepped(steps)``: arrow keys (1), page keys (10), or the wheel while it has the focus.
    """

    edited = Signal()
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(60)
        self.textChanged.connect(self._on_text)
        self.textEdited.connect(self._on_edited)

    @property
    def value(self) -> Decimal | None:
        """The number in the field; None if it is empty or wrong."""
        return read_number(self.text())

    @property
    def is_wrong(self) -> bool:
        """Whether there is text that is not a number."""
        return self.value is None and bool(self.text().strip())

    def problem(self) -> str:
        """The message about a wrong text; empty if there is none."""
        return self.tr("Not a number (as in 1,234,567.5)") if self.is_wrong else ""

    def set_value(self, value: Decimal | None) -> None:
        """Show an amount; `edited` is not emitted."""
        text = exact_text(value)
        if text != self.text():
            self.setText(text)

    def _on_text(self, _text: str) -> None:
        _mark(self, self.is_wrong)
        self.setToolTip(self.problem())

    def _on_edited(self) -> None:
        self.edited.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step."""
        steps = _STEPS.get(Qt.Key(event.key()))
        if steps is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        else:
            self._step(steps)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps only with the focus: scrolling past must not change a price."""
        if self.hasFocus() and event.angleDelta().y():
            self._step(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def _step(self, steps: int) -> None:
        # A text that is not a number cannot be stepped.
        if not self.is_wrong:
            self.stepped.emit(steps)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Group the digits; a wrong text stays visible."""
        super().focusOutEvent(event)
        if not self.is_wrong:
            self.set_value(self.value)


if TYPE_CHECKING:
    _BoxBase = QAbstractSpinBox
else:
    # PySide cannot share one Qt class between two bases.
    _BoxBase = object


class _StrictBox(_BoxBase):
    """Base of both spin boxes: a wrong text stays visible until the user or the program replaces it.

    Qt's own boxes drop letters, read ``0,5`` as 5, and replace a wrong text by another number when they lose
    the focus.
    """

    def _prepare(self) -> None:
        # A point is the decimal mark, as everywhere in the terminal, whatever the system locale.
        self.setLocale(QLocale.c())
        # Otherwise the beginning of a wrong text becomes the value.
        self.setKeyboardTracking(False)
        self.lineEdit().textChanged.connect(self._on_text)

    def _accepts(self, text: str) -> bool:
        raise NotImplementedError

    @property
    def is_wrong(self) -> bool:
        """Whether the text, which may be empty, is not a number that the box accepts."""
        return not self._accepts(self.text())

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        """Refuse nothing while typing: dropping a character would change the number."""
        state = QValidator.State.Acceptable if self._accepts(text) else QValidator.State.Intermediate
        return state, text, pos

    def fixup(self, text: str) -> str:
        """Leave the text unchanged: Qt would remove the commas."""
        return text

    def stepBy(self, steps: int) -> None:
        """Step, unless the text is wrong."""
        if not self.is_wrong:
            super().stepBy(steps)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter neither corrects nor accepts a wrong text."""
        if event.key() not in _ENTER or not self.is_wrong:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Leave a wrong text visible."""
        if self.is_wrong:
            self.lineEdit().event(event)
            QWidget.focusOutEvent(self, event)
        else:
            super().focusOutEvent(event)

    def _on_text(self, _text: str) -> None:
        _mark(self, self.is_wrong)


class WholeNumberBox(_StrictBox, QSpinBox):
    """A spin box that reads with `read_number`. While it `is_wrong`, `value` is the last good one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._prepare()

    def value(self) -> int:
        """The number of the current text."""
        return super().value() if self.is_wrong else self.valueFromText(self.text())

    def setValue(self, value: int) -> None:
        """Show a number."""
        super().setValue(value)
        self._on_text("")  # Qt does not emit textChanged here

    def valueFromText(self, text: str) -> int:
        """As `read_number`."""
        return int(self._read(text) or 0)

    def _accepts(self, text: str) -> bool:
        value = self._read(text)
        return value is not None and self.minimum() <= value <= self.maximum()

    def _read(self, text: str) -> Decimal | None:
        plain = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        return None if "." in plain else read_number(plain)


class DecimalBox(_StrictBox, QDoubleSpinBox):
    """As `WholeNumberBox`, for a number with decimals; more than `decimals` are wrong rather than rounded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._prepare()

    def value(self) -> float:
        """The number of the current text."""
        return super().value() if self.is_wrong else self.valueFromText(self.text())

    def setValue(self, value: float) -> None:
        """Show a number."""
        super().setValue(value)
        self._on_text("")

    def valueFromText(self, text: str) -> float:
        """As `read_number`."""
        return float(self._read(text) or 0)

    def _accepts(self, text: str) -> bool:
        value = self._read(text)
        return value is not None and self.minimum() <= float(value) <= self.maximum()

    def _read(self, text: str) -> Decimal | None:
        plain = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        return None if len(plain.strip().partition(".")[2]) > self.decimals() else read_number(plain)


def _mark(widget: QWidget, is_wrong: bool) -> None:
    if bool(widget.property("wrong")) != is_wrong:
        widget.setProperty("wrong", is_wrong)
        # Style sheets read properties only when a widget is polished.
        widget.style().unpolish(widget)
        widget.style().polish(widget)
