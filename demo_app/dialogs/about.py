"""`AboutDialog`: version and licences."""

from __future__ import annotations

import platform

import PySide6
from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

import qt_upbit
from demo_app.style.assets import asset
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState

__all__ = ["AboutDialog"]


class AboutDialog(QDialog):
    """What the program is, and the third-party work in it.

    Args:
        state: for the fonts.
        parent: owner.
    """

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle(self.tr("About"))
        image = QLabel()
        image.setPixmap(QIcon(str(asset("icon.svg"))).pixmap(64, 64))
        name = QLabel(self.tr("qt_upbit terminal"))
        name.setFont(state.theme.font(16, bold=True))
        version = QLabel(self.tr("Version {version}").format(version=qt_upbit.__version__))
        python = f"Python {platform.python_version()}"
        versions = (python, f"PySide6 {PySide6.__version__}", f"Qt {qVersion()}")
        parts = QLabel("  ·  ".join(versions))
        parts.setProperty("kind", "hint")
        for text in (version, parts):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(SPACE // 2)
        for line in (name, version, parts):
            words.addWidget(line)
        head = QHBoxLayout()
        head.setSpacing(SPACE * 2)
        head.addWidget(image, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)

        not_official = QLabel(
            self.tr(
                "Not a product of Upbit or Dunamu. Prices may be late or wrong; orders are your own decision."
            )
        )
        not_official.setWordWrap(True)
        not_official.setProperty("kind", "warning")
        self.licences = QPlainTextEdit()
        self.licences.setReadOnly(True)
        self.licences.setAccessibleName(self.tr("Licences"))
        self.licences.setPlainText(self._licences())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE * 2, SPACE * 2, SPACE * 2, SPACE * 2)
        column.setSpacing(SPACE * 2)
        column.addLayout(head)
        column.addWidget(not_official)
        column.addWidget(self.licences, 1)
        column.addWidget(buttons)
        self.resize(560, 480)

    def _licences(self) -> str:
        lines = (
            self.tr("qt_upbit: MIT licence"),
            self.tr("Qt and PySide6: LGPL version 3, linked dynamically"),
            self.tr("upbit-sdk, aiohttp, websockets, msgspec, pydantic, PyJWT: their own licences"),
            self.tr("Icons: Lucide"),
        )
        text = "\n".join(f"• {line}" for line in lines)
        return f"{text}\n\n{asset('icons/LICENSE').read_text(encoding='utf-8')}"
