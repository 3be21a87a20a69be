"""`Appearance`: theme, colour convention and language, changed while the terminal runs."""

from __future__ import annotations

from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QApplication

from demo_app.preferences import Preferences
from demo_app.style.language import Language
from demo_app.style.theme import Theme, make_theme
from demo_app.terminal_state import TerminalState

__all__ = ["Appearance", "first_theme"]


def first_theme(preferences: Preferences, language: str, given: str | None = None) -> Theme:
    """The initial theme: from the command line, or the preferences, or dark.

    Args:
        preferences: the user's choices.
        language: determines the colour convention if none was chosen.
        given: name of a theme, from the command line.
    """
    name = given or preferences.get("theme") or "dark"
    return make_theme(name, korean=language == "ko", colours=preferences.get("colours"))


class Appearance:
    """Applies the state's theme to the application, and stores the user's choices.

    Args:
        state: only this class changes its theme.
        language: the current language, already set.
        preferences: store the choices.
    """

    def __init__(self, state: TerminalState, language: Language, preferences: Preferences) -> None:
        self.state = state
        self.preferences = preferences
        self._language = language
        self._dress()

    @property
    def language(self) -> str:
        """``ko`` or ``en``."""
        return self._language.name

    def set_language(self, name: str) -> None:
        """Change the language; the colour convention follows if the user never chose one."""
        self.preferences.set("language", name)
        # In another order texts would be painted twice, once in the old colours.
        self._renew(self.state.theme.name, name)
        self._language.use(name)

    def set_theme(self, name: str) -> None:
        """Set the dark or the light theme."""
        self.preferences.set("theme", name)
        self._renew(name, self.language)

    def set_colours(self, name: str) -> None:
        """Set the colour convention: one of `demo_app.style.theme.COLOURS`."""
        self.preferences.set("colours", name)
        self._renew(self.state.theme.name, self.language)

    def _renew(self, name: str, language: str) -> None:
        theme = make_theme(name, korean=language == "ko", colours=self.preferences.get("colours"))
        if theme != self.state.theme:
            self._dress(theme)
            self.state.set_theme(theme)

    def _dress(self, theme: Theme | None = None) -> None:
        app, theme = QApplication.instance(), theme or self.state.theme
        if isinstance(app, QApplication):
            app.setFont(theme.font())
            app.setPalette(theme.palette())
            app.setStyleSheet(theme.stylesheet())

    def close(self) -> None:
        """Restore the application's look, for whatever runs in it next."""
        self._language.close()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setStyleSheet("")
            app.setPalette(QPalette())
            app.setFont(QFont())
