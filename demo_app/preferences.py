"""`Preferences`: the user's choices, in the settings; never API keys."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSettings

from demo_app.style.language import LANGUAGES
from demo_app.style.theme import COLOURS, THEMES
from demo_app.trading.order_caution import CautionLimits
from qt_upbit import Region

__all__ = ["CAUTIONS", "ENVIRONMENTS", "Preferences"]

ENVIRONMENTS: Final = ("simulated", "live")
CAUTIONS: Final = {
    "caution_distance": ("1", "3", "5", "10", "20", "off"),
    "caution_value": ("1000000", "5000000", "10000000", "50000000", "100000000", "off"),
    "caution_share": ("25", "50", "75", "100", "off"),
}
"""From where on an order asks twice: percent, won and percent."""
_CHOICES: Final = {
    "language": LANGUAGES,
    "theme": THEMES,
    "colours": COLOURS,
    "region": tuple(str(region) for region in Region),
    "environment": ENVIRONMENTS,
    **CAUTIONS,
}


class Preferences:
    """Choices by name. A choice that was never made, or is no longer valid, is empty.

    Args:
        settings: where they are stored.
    """

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def get(self, name: str) -> str:
        """A choice, or an empty string."""
        value = str(self._settings.value(f"preferences/{name}", ""))
        return value if value in _CHOICES[name] else ""

    def set(self, name: str, value: str) -> None:
        """Store a choice.

        Raises:
            ValueError: the value is not valid for it.
        """
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}, not {value!r}")
        self._settings.setValue(f"preferences/{name}", value)

    @property
    def caution_limits(self) -> CautionLimits:
        """From where on an order asks twice."""
        return CautionLimits.of(*(self.get(name) for name in CAUTIONS))

    @property
    def is_new(self) -> bool:
        """Whether the user starts the terminal for the first time."""
        return not self._settings.value("preferences/welcomed", False, bool)

    def welcome(self) -> None:
        """Record that the user has started the terminal."""
        self._settings.setValue("preferences/welcomed", True)
