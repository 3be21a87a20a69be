"""`Shell`: what the commands and the recording may ask of the window that holds them."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtWidgets import QMainWindow

__all__ = ["Shell"]


class Shell(Protocol):
    """The window as its own parts see it, so that none of them imports it. `MainWindow` is one."""

    @property
    def frame(self) -> QMainWindow:
        """Owner of menus, actions and dialogs; has the menu bar and the status bar."""
        ...

    def show_notice(self, text: str) -> None:
        """Say something in the line at the foot, for a while."""
        ...

    def show_error(self, text: str) -> None:
        """Say there what went wrong."""
        ...

    def search_market(self) -> None:
        """Put the cursor where a market is typed."""
        ...

    def open_settings(self) -> None:
        """Let the user choose, and keep keys."""
        ...

    def open_shortcuts(self) -> None:
        """List every key."""
        ...

    def open_palette(self) -> None:
        """Find a command or a market by typing."""
        ...

    def open_about(self) -> None:
        """Say what this is."""
        ...

    def new_alert(self) -> None:
        """Let the user choose a price of the pair on show."""
        ...
