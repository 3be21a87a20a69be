"""`Message`: what came of something, in lines whose height never changes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

__all__ = ["Message"]


class Message(QLabel):
    """One line of fixed height: what was done, or what is wrong. What does not fit is in its tool tip."""

    def __init__(self, lines: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self.setWordWrap(lines > 1)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        # A text must not make the panel wider.
        self.setMinimumWidth(1)

    def say(self, text: str, color: str) -> None:
        self.setText(text)
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.setStyleSheet(f"color: {color};")

    def fit(self) -> None:
        """Keep the height of its lines, whatever is said."""
        self.setFixedHeight(self.fontMetrics().lineSpacing() * self._lines + 6)
