"""The compiled Korean equals its sources, and every text of the terminal is translated."""

from __future__ import annotations

import ast
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QTranslator
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel

from demo_app.style.assets import asset
from demo_app.style.language import LANGUAGES, Language, is_korean
from demo_app.style.translations import compile_texts, tool
from tests.support.programs import ROOT

_SOURCES = sorted((ROOT / "resources" / "i18n" / "ko").glob("*.ts"))
Message = tuple[str, str, str]


def _messages(path: Path) -> Iterator[tuple[Message, ET.Element]]:
    for context in ET.parse(path).getroot().iter("context"):
        name = context.findtext("name", "")
        for message in context.iter("message"):
            translation = message.find("translation")
            assert translation is not None
            key = (name, message.findtext("source", ""), message.findtext("comment", ""))
            # Obsolete entries are not compiled.
            if translation.get("type") not in ("vanished", "obsolete"):
                yield key, translation


def _forms(translation: ET.Element) -> list[str]:
    return [form.text or "" for form in translation.iter("numerusform")] or [translation.text or ""]


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.stem)
def test_every_entry_is_finished_and_keeps_its_placeholders(path: Path) -> None:
    for key, translation in _messages(path):
        assert translation.get("type") is None, f"unfinished: {key}"
        for form in _forms(translation):
            assert form.strip(), key
            assert sorted(re.findall(r"{\w*}", form)) == sorted(re.findall(r"{\w*}", key[1])), key


def test_compiled_texts_equal_their_sources(app: QApplication) -> None:
    """Otherwise: ``python -m demo_app.style.translations``."""
    translator = QTranslator()
    assert translator.load(str(asset("i18n/terminal_ko.qm")))
    for path in _SOURCES:
        for (context, source, comment), translation in _messages(path):
            count = 1 if translation.find("numerusform") is not None else -1
            said = translator.translate(context, source, comment or None, count)
            assert said == _forms(translation)[0], (path.name, context, source)


def test_compiling_again_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "again.qm"
    compile_texts(target=target)
    assert target.stat().st_size == asset("i18n/terminal_ko.qm").stat().st_size


def test_every_source_text_is_translated(tmp_path: Path) -> None:
    """Otherwise: ``pyside6-lupdate`` on the file, into its ``.ts``."""
    said = tmp_path / "said.ts"
    files = sorted(str(path) for path in (ROOT / "demo_app").rglob("*.py"))
    done = subprocess.run([tool("lupdate"), *files, "-ts", str(said)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    known = {key for path in _SOURCES for key, _ in _messages(path)}
    wanted = {key for key, _ in _messages(said)}
    assert len(wanted) > 100
    assert wanted - known == set()


def test_every_text_is_visible_to_lupdate() -> None:
    """``lupdate`` does not look into f-strings, and cannot know the value of a variable."""
    known = {key[1] for path in _SOURCES for key, _ in _messages(path)}
    for path in (ROOT / "demo_app").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "tr":
                text = call.args[0]
                assert isinstance(text, ast.Constant), f"{path.name}:{call.lineno}"
                assert text.value in known, f"{path.name}:{call.lineno}"


def test_the_language_changes_while_the_terminal_runs(app: QApplication, language: Language) -> None:
    events: list[QEvent.Type] = []

    class Listener(QLabel):
        def changeEvent(self, event: QEvent) -> None:
            events.append(event.type())
            super().changeEvent(event)

    listener = Listener()
    assert not is_korean()
    language.use("ko")
    QApplication.sendPostedEvents()
    assert QEvent.Type.LanguageChange in events, listener
    assert is_korean()
    assert QCoreApplication.translate("Layouts", "Trading") == "트레이딩"
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert buttons.buttons()[0].text() == "취소", "Qt's own buttons too"
    language.use("en")
    assert QCoreApplication.translate("Layouts", "Trading") == "Trading"
    assert not is_korean()


def test_closing_restores_the_application(app: QApplication) -> None:
    before = QLocale()
    language = Language()
    for name in LANGUAGES:
        language.use(name)
    language.close()
    assert QLocale() == before
    assert QCoreApplication.translate("Layouts", "Trading") == "Trading"
    with pytest.raises(ValueError, match="fr"):
        language.use("fr")
