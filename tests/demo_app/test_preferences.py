"""The user's choices are stored, and an unknown stored value is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from demo_app.preferences import ENVIRONMENTS, Preferences
from demo_app.style.language import LANGUAGES
from demo_app.style.theme import COLOURS, THEMES
from qt_upbit import Region

CHOICES = {
    "language": LANGUAGES,
    "theme": THEMES,
    "colours": COLOURS,
    "region": tuple(str(region) for region in Region),
    "environment": ENVIRONMENTS,
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in CHOICES for value in CHOICES[name]])
def test_a_choice_is_stored_for_the_next_run(settings: QSettings, name: str, value: str) -> None:
    preferences = Preferences(settings)
    assert preferences.get(name) == ""
    preferences.set(name, value)
    settings.sync()
    again = QSettings(settings.fileName(), QSettings.Format.IniFormat)
    assert Preferences(again).get(name) == value


@pytest.mark.parametrize("name", CHOICES)
def test_an_invalid_choice_is_rejected_and_not_read(settings: QSettings, name: str) -> None:
    preferences = Preferences(settings)
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        preferences.set(name, "mars")
    assert not settings.contains(f"preferences/{name}")
    settings.setValue(f"preferences/{name}", "mars")  # from a later version, or edited by hand
    assert preferences.get(name) == ""


def test_an_unknown_name_raises(settings: QSettings) -> None:
    with pytest.raises(KeyError):
        Preferences(settings).get("colour of the moon")


def test_a_user_is_new_only_once(settings: QSettings) -> None:
    preferences = Preferences(settings)
    assert preferences.is_new
    preferences.welcome()
    settings.sync()
    assert not Preferences(QSettings(settings.fileName(), QSettings.Format.IniFormat)).is_new


def test_a_broken_file_counts_as_a_new_user(tmp_path: Path) -> None:
    path = tmp_path / "broken.ini"
    path.write_bytes(b"\x00\xff[preferences\nwelcomed=\nlanguage=\x00")
    preferences = Preferences(QSettings(str(path), QSettings.Format.IniFormat))
    assert preferences.is_new
    assert preferences.get("language") == ""
