"""`Preferences`: what the user chose, in the settings; API keys are never among it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSettings

from demo_app.style.language import LANGUAGES
from demo_app.style.theme import COLOURS, THEMES
from qt_upbit import Region

__all__ = ["ENVIRONMENTS", "Preferences"]

ENVIRONMENTS: Final = ("simulated", "live")
_CHOICES: Final = {
    "language": LANGUAGES,
    "theme": THEMES,
    "colours": COLOURS,
    "region": tuple(str(region) for region in Region),
    "environment": ENVIRONMENTS,
}


class Preferences:
    """Choices by name. One that was never made, or that no version knows any more, is empty.

    Args:
        settings: where they are kept.
    """

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def get(self, name: str) -> str:
        """A choice, or an empty text."""
        value = str(self._settings.value(f"preferences/{name}", ""))
        return value if value in _CHOICES[name] else ""

    def set(self, name: str, value: str) -> None:
        """Keep a choice.

        Raises:
            ValueError: it is none.
        """
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} is one of {', '.join(_CHOICES[name])}, not {value!r}")
        self._settings.setValue(f"preferences/{name}", value)

    @property
    def is_new(self) -> bool:
        """Whether this user has not met the terminal yet."""
        return not self._settings.value("preferences/welcomed", False, bool)

    def welcome(self) -> None:
        """The user has met the terminal."""
        self._settings.setValue("preferences/welcomed", True)
