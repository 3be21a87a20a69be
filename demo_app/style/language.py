"""The language: English in the sources, Korean from ``resources/i18n``, switched while the terminal runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import PySide6.QtCore
from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from demo_app.style.assets import asset

__all__ = ["LANGUAGES", "QT_TRANSLATE_NOOP", "Language", "is_korean", "system_language"]

LANGUAGES: Final = ("ko", "en")
QT_TRANSLATE_NOOP: Final[Callable[[str, str], str]] = PySide6.QtCore.QT_TRANSLATE_NOOP  # type: ignore[assignment]  # untyped
"""Marks a text for translation where it is declared: Qt's own, which PySide leaves untyped."""
_LOCALES: Final = {
    "ko": QLocale(QLocale.Language.Korean, QLocale.Country.SouthKorea),
    "en": QLocale(QLocale.Language.English, QLocale.Country.UnitedStates),
}


def is_korean() -> bool:
    """Whether the current language is Korean; market names and large numbers follow it."""
    return QLocale().language() is QLocale.Language.Korean


def system_language() -> str:
    """Korean on a Korean system, English elsewhere."""
    return "ko" if QLocale.system().language() is QLocale.Language.Korean else "en"


class Language:
    """Installs and removes the translators. One per application, with the same lifetime.

    Every window receives `QEvent.LanguageChange` from Qt.
    """

    def __init__(self) -> None:
        self._installed: list[QTranslator] = []
        self._before = QLocale()
        self.name = ""

    def use(self, name: str) -> None:
        """Switch to a language.

        Args:
            name: one of `LANGUAGES`.

        Raises:
            ValueError: there is no such language.
        """
        if name not in LANGUAGES:
            raise ValueError(f"no texts in language {name!r}: choose from {', '.join(LANGUAGES)}")
        if name == self.name:
            return
        self.name = name
        # First: widgets that handle the language change read the locale.
        QLocale.setDefault(_LOCALES[name])
        self._remove()
        if name == "ko":
            # Qt's own buttons; a stripped Qt has no translations, and then they stay English.
            self._install("qtbase_ko", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
            self._install("terminal_ko", str(asset("i18n/terminal_ko.qm").parent))

    def close(self) -> None:
        """Remove the translators and restore the locale."""
        self.name = ""
        QLocale.setDefault(self._before)
        self._remove()

    def _install(self, name: str, folder: str) -> None:
        translator = QTranslator()
        if translator.load(name, folder):
            QCoreApplication.installTranslator(translator)
            self._installed.append(translator)

    def _remove(self) -> None:
        while self._installed:
            QCoreApplication.removeTranslator(self._installed.pop())
