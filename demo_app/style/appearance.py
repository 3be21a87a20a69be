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
    """The theme to start with: what the command line gives, or what was chosen, or dark.

    Args:
        preferences: what was chosen.
        language: decides the colour convention if none was chosen.
        given: name of a theme.
    """
    name = given or preferences.get("theme") or "dark"
    return make_theme(name, korean=language == "ko", colours=preferences.get("colours"))


class Appearance:
    """Dresses the application in the state's theme, and remembers what is chosen.

    Args:
        state: its theme is changed here only.
        language: the language of now; it was chosen already.
        preferences: keep the choices.
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
        """Speak another language; colours follow if the user never chose any."""
        self.preferences.set("language", name)
        # Without this order, texts would be painted twice: once in the old colours.
        self._renew(self.state.theme.name, name)
        self._language.use(name)

    def set_theme(self, name: str) -> None:
        """Dark or light."""
        self.preferences.set("theme", name)
        self._renew(name, self.language)

    def set_colours(self, name: str) -> None:
        """Which colour rises: one of `demo_app.style.theme.COLOURS`."""
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
        """Leave the application as it was, for what runs in it next."""
        self._language.close()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setStyleSheet("")
            app.setPalette(QPalette())
            app.setFont(QFont())
