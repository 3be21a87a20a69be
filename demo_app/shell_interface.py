"""`Shell`: what the commands and the recording may ask of their window."""

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
        """Show a notice in the status line, for a while."""
        ...

    def show_error(self, text: str) -> None:
        """Show an error in the status line."""
        ...

    def search_market(self) -> None:
        """Put the cursor into the market search."""
        ...

    def open_settings(self) -> None:
        """Open the settings dialog."""
        ...

    def open_shortcuts(self) -> None:
        """Open the list of keyboard shortcuts."""
        ...

    def open_palette(self) -> None:
        """Open the command palette."""
        ...

    def open_about(self) -> None:
        """Open the about dialog."""
        ...

    def new_alert(self) -> None:
        """Open the form for an alert of the selected pair."""
        ...
