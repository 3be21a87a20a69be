"""`Message`: the result of an action, in a label of fixed height."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

__all__ = ["Message"]


class Message(QLabel):
    """A label of fixed height: what was done, or what is wrong. The tool tip has the whole text."""

    def __init__(self, lines: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self._yields = False
        self.setWordWrap(lines > 1)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        # A text must not widen the panel.
        self.setMinimumWidth(1)

    def say(self, text: str, color: str) -> None:
        self.setText(text)
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.setStyleSheet(f"color: {color};")
        self.setVisible(bool(text) or not self._yields)

    def set_yielding(self, yields: bool) -> None:
        """Give up its place while it is empty, where room is scarce."""
        self._yields = yields
        self.setVisible(bool(self.text()) or not yields)

    def fit(self) -> None:
        """Set the height of its lines, whatever the text."""
        self.setFixedHeight(self.fontMetrics().lineSpacing() * self._lines + 6)
