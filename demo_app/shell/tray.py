"""`Tray`: the terminal's notices in the system tray, where there is one."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow, QSystemTrayIcon

from demo_app.terminal_state import TerminalState

__all__ = ["Tray"]


class Tray(QObject):
    """Shows `TerminalState.noticed`; a click raises the window. Without a system tray it does nothing.

    The status line of the window shows every notice as well.

    Args:
        window: owner; the tray uses its icon and title.
        state: emits the notices.
    """

    def __init__(self, window: QMainWindow, state: TerminalState) -> None:
        super().__init__(window)
        self.setObjectName("tray")
        self._window = window
        self.icon: QSystemTrayIcon | None = None
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.icon = QSystemTrayIcon(window.windowIcon(), self)
            self.icon.setToolTip(window.windowTitle())
            self.icon.activated.connect(self._come)
            self.icon.messageClicked.connect(self._come)
            self.icon.show()
            state.noticed.connect(self._show)

    def _show(self, title: str, text: str) -> None:
        if self.icon is not None:
            self.icon.showMessage(title, text, self._window.windowIcon())

    def _come(self) -> None:
        self._window.showNormal() if self._window.isMinimized() else self._window.show()
        self._window.raise_()
        self._window.activateWindow()
