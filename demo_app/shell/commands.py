"""`Commands`: every action of the terminal, its shortcut, and the menus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QInputDialog, QMenu

from demo_app.dialogs.palette import plain_text
from demo_app.recording.recording_control import RecordingControl
from demo_app.shell.demo_trader import DemoTrader
from demo_app.shell.docks import Docks
from demo_app.shell.registry import LAYOUTS
from demo_app.shell_interface import Shell
from demo_app.style.appearance import Appearance
from demo_app.style.icons import icon
from demo_app.style.language import LANGUAGES
from demo_app.style.theme import COLOURS, THEMES
from demo_app.terminal_state import TerminalState

if TYPE_CHECKING:
    from demo_app.shell.developer_menu import DeveloperMenu

__all__ = ["Commands"]


class Commands(QObject):
    """Creates the actions of a window and its menu bar.

    Args:
        shell: its frame is the owner.
        state: what the panels share.
        docks: the docks that the actions show, hide and arrange.
        appearance: changes theme, colours and language.
        recording: records the session and opens recordings.
    """

    def __init__(
        self,
        shell: Shell,
        state: TerminalState,
        docks: Docks,
        appearance: Appearance,
        recording: RecordingControl,
    ) -> None:
        super().__init__(shell.frame)
        self.setObjectName("commands")
        self._shell = shell
        self._window = shell.frame
        self._state = state
        self._docks = docks
        self._appearance = appearance
        self._recording = recording
        self._icons: dict[QAction, str] = {}
        self.actions: dict[str, QAction] = {}
        """By name; a name never changes and is never shown."""
        self._menus: dict[str, QMenu] = {}
        self._developer: DeveloperMenu | None = None
        self._fill()
        state.theme_changed.connect(self._on_theme)
        docks.layouts_changed.connect(self._list_own)
        self._on_theme()

    def _menu(self, name: str, parent: QMenu | None = None) -> QMenu:
        menu = QMenu(self._window)
        menu.setObjectName(f"menu.{name}")
        (parent or self._window.menuBar()).addMenu(menu)
        self._menus[name] = menu
        return menu

    def _add(
        self, menu: QMenu, name: str, slot: Callable[..., object], keys: Sequence[str] = (), image: str = ""
    ) -> QAction:
        action = QAction(self._window)
        action.setObjectName(name)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(slot)
        # On the window too, so that the shortcuts work in floating panels.
        action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        self._window.addAction(action)
        menu.addAction(action)
        self.actions[name] = action
        if image:
            self._icons[action] = image
        return action

    def _choices(
        self,
        menu: QMenu,
        name: str,
        values: Sequence[str],
        choose: Callable[[str], None],
        keys: Sequence[str],
    ) -> None:
        group = QActionGroup(self)
        for value, key in zip(values, keys, strict=True):
            action = self._add(menu, f"{name}.{value}", functools.partial(_call, choose, value), [key])
            action.setCheckable(True)
            group.addAction(action)

    def _fill(self) -> None:
        shell, docks, look = self._shell, self._docks, self._appearance
        terminal = self._menu("terminal")
        settings = self._add(terminal, "settings", shell.open_settings, ["Ctrl+,"], "settings")
        settings.setMenuRole(QAction.MenuRole.PreferencesRole)
        terminal.addSeparator()
        leave = self._add(terminal, "quit", shell.frame.close, ["Ctrl+Q"], "log-out")
        leave.setMenuRole(QAction.MenuRole.QuitRole)

        recording = self._recording
        session = self._menu("session")
        self._add(session, "record", recording.ask_to_record, ["Ctrl+R"], "circle-dot")
        self._add(session, "record_stop", recording.stop, ["Ctrl+Shift+R"], "square")
        session.addSeparator()
        self._add(session, "recording_open", recording.ask_to_open, ["Ctrl+O"], "folder-open")
        self._add(session, "recording_close", recording.leave, ["Ctrl+Shift+O"], "log-out")

        session.addSeparator()
        trader = self.actions["demo_trader"] = session.addAction("")
        trader.setObjectName("demo_trader")
        trader.setCheckable(True)
        # Only the simulated exchange has one.
        trader.setVisible(False)

        view = self._menu("view")
        for _, specs in groupby(docks.docks.values(), key=lambda dock: dock.spec.group):
            for dock in specs:
                action = dock.toggleViewAction()
                action.setObjectName(f"toggle.{dock.spec.name}")
                # The shortcut of a panel goes to it; with Shift it shows or hides it.
                action.setShortcut(QKeySequence(dock.spec.shortcut.replace("Ctrl+", "Ctrl+Shift+")))
                action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
                self.actions[action.objectName()] = action
                view.addAction(action)
            view.addSeparator()
        layouts = self._menu("layouts", view)
        self._choices(layouts, "layout", tuple(LAYOUTS), docks.apply, _numbered("Ctrl+Alt+", LAYOUTS))
        for name in LAYOUTS:
            self.actions[f"layout.{name}"].setCheckable(False)
        layouts.addSeparator()
        self._add(layouts, "layout_reset", self._reset, ["Ctrl+Alt+0"], "rotate-ccw")
        self._add(layouts, "layout_save", self._save_own, ["Ctrl+Alt+S"], "save")
        self._own = self._menu("own", layouts)
        self._deletable = self._menu("delete", layouts)
        view.addSeparator()
        keys = ["Ctrl+Alt+D", "Ctrl+Alt+L"]
        self._choices(self._menu("theme", view), "theme", THEMES, look.set_theme, keys)
        keys = _numbered("Ctrl+Alt+Shift+", COLOURS)
        self._choices(self._menu("colours", view), "colours", COLOURS, look.set_colours, keys)
        keys = ["Ctrl+Alt+K", "Ctrl+Alt+E"]
        self._choices(self._menu("language", view), "language", LANGUAGES, look.set_language, keys)
        view.addSeparator()
        self._add(view, "full_screen", self._full_screen, ["F11"], "maximize").setCheckable(True)

        go = self._menu("go")
        self._add(go, "palette", shell.open_palette, ["Ctrl+Shift+P"], "command")
        self._add(go, "search", shell.search_market, ["Ctrl+K", "F2"], "search")
        self._add(go, "market_before", functools.partial(self._step, -1), ["Ctrl+PgUp"], "chevron-left")
        self._add(go, "market_after", functools.partial(self._step, 1), ["Ctrl+PgDown"], "chevron-right")
        self._add(go, "alert", shell.new_alert, ["Ctrl+Alt+A"], "bell")
        go.addSeparator()
        for dock in docks.docks.values():
            slot = functools.partial(_call, docks.go_to, dock.spec.name)
            self._add(go, f"go.{dock.spec.name}", slot, [dock.spec.shortcut], dock.spec.icon)

        self._help = self._menu("help")
        self._add(self._help, "shortcuts", shell.open_shortcuts, ["F1", "Ctrl+/"], "keyboard")
        about = self._add(self._help, "about", shell.open_about, ["Shift+F1"], "info")
        about.setMenuRole(QAction.MenuRole.AboutRole)
        self._list_own()

    def add_developer_menu(self, menu: DeveloperMenu) -> None:
        """Add the fault menu to the menu bar."""
        self._developer = menu
        self._window.menuBar().insertMenu(self._help.menuAction(), menu)

    def add_demo_trader(self, trader: DemoTrader) -> None:
        """Offer to start and stop the scripted trader."""
        action = self.actions["demo_trader"]
        action.setVisible(True)
        action.triggered.connect(trader.set_running)
        trader.changed.connect(action.setChecked)
        action.setChecked(trader.is_running)

    def by_menu(self) -> list[tuple[str, QAction]]:
        """Every action with the name of its menu, in menu order."""
        found: list[tuple[str, QAction]] = []
        for menu in self._menus.values():
            title = plain_text(menu.menuAction())
            found += [
                (title, a)
                for a in menu.actions()
                if a.menu() is None and not a.isSeparator() and a.isVisible()
            ]
        return found

    # --- texts and looks ---------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text again."""
        translate = QCoreApplication.translate
        for name, title in {
            "terminal": self.tr("&Terminal"),
            "session": self.tr("&Session"),
            "view": self.tr("&View"),
            "layouts": self.tr("&Layout"),
            "theme": self.tr("&Theme"),
            "colours": self.tr("&Colours"),
            "language": self.tr("Lan&guage"),
            "go": self.tr("&Go"),
            "help": self.tr("&Help"),
            "own": self.tr("&My layouts"),
            "delete": self.tr("&Delete layout"),
        }.items():
            self._menus[name].setTitle(title)
        texts = {
            "quit": self.tr("&Quit"),
            "full_screen": self.tr("&Full screen"),
            "layout_reset": self.tr("&Reset layout"),
            "theme.dark": self.tr("Dark"),
            "theme.light": self.tr("Light"),
            "colours.korean": self.tr("Red rises, blue falls"),
            "colours.western": self.tr("Green rises, red falls"),
            "colours.safe": self.tr("Blue rises, orange falls (colour-blind safe)"),
            # Each in its own language, so that a user in the wrong language finds it.
            "language.ko": "한국어",
            "language.en": "English",
            "settings": self.tr("&Settings…"),
            "layout_save": self.tr("&Save layout as…"),
            "palette": self.tr("&Command palette…"),
            "shortcuts": self.tr("&Keyboard shortcuts"),
            "about": self.tr("&About"),
            "search": self.tr("&Search market"),
            "record": self.tr("&Record…"),
            "record_stop": self.tr("&Stop recording"),
            "recording_open": self.tr("&Open recording…"),
            "recording_close": self.tr("&Close recording"),
            "alert": self.tr("New &alert…"),
            "demo_trader": self.tr("&Demo trader in an account of its own"),
            "market_before": self.tr("&Previous market"),
            "market_after": self.tr("&Next market"),
        }
        texts |= {f"layout.{name}": translate("Layouts", title) for name, title in LAYOUTS.items()}
        for dock in self._docks.docks.values():
            texts[f"go.{dock.spec.name}"] = translate("Panels", dock.spec.title)
        for name, text in texts.items():
            self.actions[name].setText(text)
        if self._developer is not None:
            self._developer.retranslate()
        look = self._appearance
        self.actions[f"language.{look.language}"].setChecked(True)

    def _on_theme(self) -> None:
        theme = self._state.theme
        for action, name in self._icons.items():
            action.setIcon(icon(name, theme))
        self.actions[f"theme.{theme.name}"].setChecked(True)
        self.actions[f"colours.{theme.colours}"].setChecked(True)

    # --- slots -------------------------------------------------------------------------------------

    def _list_own(self) -> None:
        docks = self._docks
        for menu, slot in ((self._own, docks.apply_own), (self._deletable, docks.delete_own)):
            menu.clear()
            for name in docks.own:
                # An ampersand would mark a mnemonic.
                action = menu.addAction(name.replace("&", "&&"))
                action.triggered.connect(functools.partial(_call, slot, name))
            menu.menuAction().setEnabled(bool(docks.own))

    def _save_own(self) -> None:
        name, is_given = QInputDialog.getText(self._window, self.tr("Save layout"), self.tr("Name"))
        if is_given and name.strip():
            self._docks.save_own(name)

    def _reset(self) -> None:
        self._docks.apply(self._docks.current)

    def _full_screen(self) -> None:
        window = self._window
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)
        self.actions["full_screen"].setChecked(window.isFullScreen())

    def _step(self, by: int) -> None:
        state = self._state
        codes = list(state.markets)
        if state.market in codes:
            state.set_market(codes[(codes.index(state.market) + by) % len(codes)])


def _numbered(keys: str, values: Collection[str]) -> list[str]:
    return [f"{keys}{number}" for number in range(1, len(values) + 1)]


def _call(slot: Callable[[str], object], value: str, *_: object) -> None:
    slot(value)
