"""Dialogs of the window: palette, shortcuts, settings, about; and storing API keys."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import pytest_asyncio
from keyring.errors import NoKeyringError
from PySide6.QtCore import QEvent, QObject, QSettings, Qt, Signal
from PySide6.QtGui import QAction, QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QLineEdit

import qt_upbit
from demo_app.dialogs.about import AboutDialog
from demo_app.dialogs.palette import CommandPalette, plain_text
from demo_app.dialogs.settings import SettingsDialog
from demo_app.dialogs.shortcuts import ShortcutsDialog
from demo_app.shell import tray
from demo_app.shell.main_window import MainWindow
from demo_app.shell.registry import PANELS
from demo_app.style.language import Language
from qt_upbit import Market
from tests.demo_app.conftest import Open

pytestmark = pytest.mark.usefixtures("offline")

_MARKETS = [
    Market(code="KRW-BTC", korean_name="비트코인", english_name="Bitcoin"),
    Market(code="KRW-ETH", korean_name="이더리움", english_name="Ethereum"),
]
_ACCESS, _SECRET = "access-key-of-a-test", "s" * 40


class _Keyring:
    """A fake of the system's key store."""

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}
        self.is_missing = False

    def _check(self) -> None:
        if self.is_missing:
            raise NoKeyringError

    def get_password(self, service: str, name: str) -> str | None:
        self._check()
        return self.passwords.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self._check()
        self.passwords[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.passwords[service, name]


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> _Keyring:
    made = _Keyring()
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(f"keyring.{name}", getattr(made, name))
    return made


@pytest_asyncio.fixture
async def window(open_window: Open) -> MainWindow:
    made = open_window(layout="chart")
    made.state.set_markets(_MARKETS)
    return made


def _opened(kind: type[Any]) -> Any:
    (found,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found


def _rows(palette: CommandPalette) -> list[str]:
    rows = (palette.list.topLevelItem(row) for row in range(palette.list.topLevelItemCount()))
    return [row.text(0) for row in rows if row is not None]


def _choose(box: QComboBox, value: str) -> None:
    index = box.findData(value)
    box.setCurrentIndex(index)
    box.activated.emit(index)


# --- palette --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"), [("theme light", "Theme: Light"), ("reset", "Layout: Reset layout")]
)
async def test_a_command_is_found_by_parts_of_its_name(window: MainWindow, typed: str, found: str) -> None:
    palette = CommandPalette(window.state, window.commands.by_menu(), window)
    palette.edit.setText(typed)
    assert _rows(palette) == [found]


async def test_enter_runs_the_command(window: MainWindow) -> None:
    window.commands.actions["palette"].trigger()
    palette = _opened(CommandPalette)
    palette.edit.setText("light")
    QTest.keyClick(palette.edit, Qt.Key.Key_Return)
    assert window.state.theme.name == "light"
    assert not palette.isVisible()


@pytest.mark.parametrize("typed", ["krw-eth", "이더", "ethereum"])
async def test_a_market_is_found_by_code_and_both_names(window: MainWindow, typed: str) -> None:
    palette = CommandPalette(window.state, window.commands.by_menu(), window)
    assert not any("KRW" in row for row in _rows(palette)), "commands first"
    palette.edit.setText(typed)
    assert [row.split()[0] for row in _rows(palette)] == ["KRW-ETH"]
    QTest.keyClick(palette.edit, Qt.Key.Key_Return)
    assert window.state.market == "KRW-ETH"


async def test_arrows_move_and_an_unknown_query_does_nothing(window: MainWindow) -> None:
    palette = CommandPalette(window.state, window.commands.by_menu(), window)
    first = palette.list.currentItem()
    QTest.keyClick(palette.edit, Qt.Key.Key_Down)
    assert palette.list.currentItem() is not first
    palette.edit.setText("no such thing")
    QTest.keyClick(palette.edit, Qt.Key.Key_Return)
    assert _rows(palette) == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [("&View", "View"), ("보기(&V)", "보기"), ("설정(&S)…", "설정"), ("&Save…", "Save"), ("A (b)", "A (b)")],
)
def test_plain_text_drops_the_menu_mnemonic(app: object, text: str, plain: str) -> None:
    assert plain_text(QAction(text)) == plain


# --- keys -----------------------------------------------------------------------------------------


async def test_shortcuts_are_unique(window: MainWindow) -> None:
    keys = [key.toString() for _, action in window.commands.by_menu() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    assert {"Ctrl+Shift+P", "Ctrl+K", "F1", "Ctrl+,"} <= set(keys)


async def test_every_action_has_a_key(window: MainWindow) -> None:
    without = [action.objectName() for _, action in window.commands.by_menu() if not action.shortcuts()]
    assert without == []


async def test_the_shortcut_list_is_complete(window: MainWindow) -> None:
    panels = [window.panel(spec.name) for spec in PANELS]
    in_panels = {text for panel in panels for _, text in panel.shortcuts()}
    window.commands.actions["shortcuts"].trigger()
    dialog = _opened(ShortcutsDialog)
    groups = (dialog.list.topLevelItem(row) for row in range(dialog.list.topLevelItemCount()))
    listed = {group.child(row).text(0) for group in groups for row in range(group.childCount())}
    named = {plain_text(a) for _, a in window.commands.by_menu() if a.shortcuts()}
    assert len(in_panels) > 10
    assert listed == named | in_panels


async def test_page_keys_step_through_the_markets(window: MainWindow) -> None:
    window.commands.actions["market_after"].trigger()
    assert window.state.market == "KRW-ETH"
    window.commands.actions["market_after"].trigger()
    assert window.state.market == "KRW-BTC"
    window.commands.actions["market_before"].trigger()
    assert window.state.market == "KRW-ETH"


# --- settings -------------------------------------------------------------------------------------


async def test_looks_change_at_once_and_are_stored(window: MainWindow, settings: QSettings) -> None:
    window.commands.actions["settings"].trigger()
    dialog = _opened(SettingsDialog)
    _choose(dialog.theme, "light")
    _choose(dialog.colours, "safe")
    assert (window.state.theme.name, window.state.theme.colours) == ("light", "safe")
    assert window.commands.actions["colours.safe"].isChecked()
    _choose(dialog.language, "ko")
    QApplication.sendPostedEvents()
    assert dialog.windowTitle() == "설정"
    assert window.windowTitle().startswith("qt_upbit 터미널")
    assert settings.value("preferences/language") == "ko"
    assert window.state.theme.colours == "safe", "chosen by the user: the language no longer decides"
    dialog.close()


async def test_settings_that_need_a_restart_say_so(window: MainWindow, settings: QSettings) -> None:
    dialog = SettingsDialog(window.appearance, False, window)
    assert "Saved" not in dialog.restart.text()
    _choose(dialog.environment, "live")
    _choose(dialog.region, "sg")
    assert "Restart" in dialog.restart.text()
    assert settings.value("preferences/environment") == "live"
    assert window.state.manager.config.region == "kr", "not while it runs"


async def test_keys_go_to_the_key_store_and_nowhere_else(
    window: MainWindow, settings: QSettings, store: _Keyring
) -> None:
    before = window.state.manager.config.credentials
    dialog = SettingsDialog(window.appearance, False, window)
    assert not dialog.save.isEnabled()
    dialog.access.setText(_ACCESS)
    dialog.secret.setText(f" {_SECRET}\n")
    assert dialog.access.echoMode() is dialog.secret.echoMode() is QLineEdit.EchoMode.Password
    dialog.save.click()
    assert _SECRET in next(iter(store.passwords.values()))
    assert (dialog.access.text(), dialog.secret.text()) == ("", "")
    values = [str(settings.value(key)) for key in settings.allKeys()]
    assert not any(_SECRET in value or _ACCESS in value for value in values)
    assert window.state.manager.config.credentials == before, "the simulated exchange has its own"
    assert "simulated" in dialog.store.text()
    dialog.forget.click()
    assert store.passwords == {}
    assert dialog.store.text() == "No keys are saved."


async def test_live_keys_are_used_at_once(window: MainWindow) -> None:
    dialog = SettingsDialog(window.appearance, True, window)
    dialog.access.setText(_ACCESS)
    dialog.secret.setText(_SECRET)
    dialog.save.click()
    used = window.state.manager.config.credentials
    assert used is not None
    assert used.access_key.get_secret_value() == _ACCESS


async def test_malformed_keys_are_rejected_without_showing_them(window: MainWindow, store: _Keyring) -> None:
    dialog = SettingsDialog(window.appearance, False, window)
    dialog.access.setText("two words")
    dialog.secret.setText(_SECRET)
    dialog.save.click()
    assert store.passwords == {}
    assert "access key" in dialog.store.text()
    assert "two words" not in dialog.store.text()


async def test_a_missing_key_store_is_explained(window: MainWindow, store: _Keyring) -> None:
    store.is_missing = True
    dialog = SettingsDialog(window.appearance, False, window)
    assert "No key store" in dialog.store.text()
    widgets = (dialog.access, dialog.secret, dialog.save, dialog.forget)
    assert not any(widget.isEnabled() for widget in widgets)


# --- about, notices, the first time ---------------------------------------------------------------


async def test_about_has_version_and_licences(window: MainWindow) -> None:
    window.commands.actions["about"].trigger()
    text = _opened(AboutDialog).licences.toPlainText()
    assert all(word in text for word in ("MIT", "LGPL", "Lucide", "ISC License"))
    assert qt_upbit.__version__


@pytest.mark.parametrize("name", ["open_settings", "open_shortcuts", "open_about", "open_palette"])
async def test_a_closed_dialog_is_deleted(window: MainWindow, name: str) -> None:
    getattr(window, name)()
    _opened(QDialog).close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert window.findChildren(QDialog) == []


async def test_a_notice_in_the_status_line_is_not_cleared_by_a_connection_state(window: MainWindow) -> None:
    window.state.noticed.emit("Alert", "KRW-BTC above 160,000,000")
    line = window.connection_line
    assert line._error.toolTip() == "Alert: KRW-BTC above 160,000,000"
    line._on_state(qt_upbit.Scope.PUBLIC, qt_upbit.ConnectionState.LIVE)
    assert line._error.toolTip()
    line._fade.timeout.emit()
    assert not line._error.toolTip()


async def test_a_first_time_user_gets_a_hint_once(open_window: Open, language: Language) -> None:
    assert "Ctrl+Shift+P" in open_window(layout="chart").connection_line._error.toolTip()
    assert open_window(layout="chart").connection_line._error.toolTip() == ""


class _TrayIcon(QObject):
    """A fake of `QSystemTrayIcon`: the offscreen platform has no tray."""

    activated = Signal(object)
    messageClicked = Signal()
    shown: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, icon: QIcon, parent: QObject) -> None:
        super().__init__(parent)

    @staticmethod
    def isSystemTrayAvailable() -> bool:
        return True

    def setToolTip(self, text: str) -> None:
        pass

    def show(self) -> None:
        pass

    def showMessage(self, title: str, text: str, icon: QIcon) -> None:
        self.shown.append((title, text))


async def test_a_tray_shows_notices_and_raises_the_window(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tray, "QSystemTrayIcon", _TrayIcon)
    window = open_window(layout="chart")
    window.state.noticed.emit("Order filled", "KRW-BTC")
    assert _TrayIcon.shown == [("Order filled", "KRW-BTC")]
    window.hide()
    icon = window.tray.icon
    assert icon is not None
    icon.messageClicked.emit()
    assert window.isVisible()


async def test_without_a_system_tray_there_is_no_tray_icon(window: MainWindow) -> None:
    assert window.tray.icon is None
