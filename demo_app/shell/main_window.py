"""`MainWindow`: a bar with the selected pair, the docks, the menus, and a status line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QCloseEvent, QIcon, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QMainWindow, QToolBar, QWidget

from demo_app.dialogs.about import AboutDialog
from demo_app.dialogs.palette import CommandPalette
from demo_app.dialogs.settings import SettingsDialog
from demo_app.dialogs.shortcuts import ShortcutsDialog
from demo_app.panel import Panel
from demo_app.panels.alerts.alerts_panel import AlertsPanel
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.recording.recording_control import RecordingControl
from demo_app.shell.commands import Commands
from demo_app.shell.connection_line import ConnectionLine
from demo_app.shell.demo_trader import DemoTrader
from demo_app.shell.docks import Docks
from demo_app.shell.market_selector import MarketSelector
from demo_app.shell.registry import LAYOUTS, PANELS
from demo_app.shell.repaint_pacer import RepaintPacer
from demo_app.shell.ticker_header import TickerHeader
from demo_app.shell.tray import Tray
from demo_app.style.appearance import Appearance
from demo_app.style.assets import asset
from demo_app.style.theme import SPACE
from demo_app.terminal_state import OrderPrefill, TerminalState

if TYPE_CHECKING:
    from qt_upbit.simulator import SimulatedServer

__all__ = ["MainWindow"]

_FRAME: Final = QSize(16, 48)
"""Room for the frame and the title bar, whose size is known only once the window is shown."""
_QWIDGETSIZE_MAX: Final = (1 << 24) - 1
_ROOMY: Final = QSize(1360, 840)
"""A window smaller than this starts with the layout for small screens."""


class MainWindow(QMainWindow):
    """The terminal. Its parts know it as `Shell`.

    Args:
        state: what the panels share.
        appearance: changes theme, colours and language.
        badge: which exchange this is: ``simulated``, ``live`` or ``external``.
        layout: one of `LAYOUTS`, instead of the saved one.
    """

    def __init__(
        self, state: TerminalState, appearance: Appearance, badge: str, layout: str | None = None
    ) -> None:
        super().__init__()
        self.setObjectName("terminal")
        self.setWindowIcon(QIcon(str(asset("icon.svg"))))
        self.resize(1440, 900)
        self.pacer = RepaintPacer(self)
        self.state = state
        self.appearance = appearance
        self._badge = badge
        self._trader: DemoTrader | None = None
        self._layout: str | None = layout
        self._is_shown = False
        self._size: tuple[int, int] | None = None
        self._available: QRect | None = None

        self.selector = MarketSelector(state)
        self.header = TickerHeader(state)
        self.connection_line = ConnectionLine(state)
        self._bar = self._top_bar()
        self.addToolBar(self._bar)
        self._lay_foot()
        self.docks = Docks(self, state, PANELS)
        self.recording = RecordingControl(self, state)
        self.commands = Commands(self, state, self.docks, appearance, self.recording)
        self.retranslate()
        self.tray = Tray(self, state)
        state.noticed.connect(self._on_notice)
        state.keys_wanted.connect(self.open_settings)
        state.order_drafted.connect(self._on_draft)

    def _top_bar(self) -> QToolBar:
        bar = QToolBar()
        bar.setObjectName("topBar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        row.setSpacing(SPACE)
        row.addWidget(self.selector)
        row.addWidget(self.header, 1)
        self._tag = QLabel()
        self._tag.setObjectName("badge")
        self._tag.setProperty("kind", self._badge)
        self._tag.setFont(self.state.theme.font(8.5, bold=True))
        row.addWidget(self._tag)
        bar.addWidget(top)
        return bar

    def _lay_foot(self) -> None:
        status = self.statusBar()
        status.setSizeGripEnabled(False)
        status.setContentsMargins(0, 0, 0, 0)
        status.addPermanentWidget(self.connection_line, 1)

    # --- for the application -----------------------------------------------------------------------

    def fit(self, size: tuple[int, int] | None) -> None:
        """Use this size when first shown, instead of the saved one."""
        if size is not None:
            self._size = size
            self.resize(*size)

    def keep_within(self, available: QRect) -> None:
        """Be no larger than this, now and after the saved size is restored; frame and title bar included.

        Args:
            available: the usable part of the screen, device-independent pixels.
        """
        self._available = available
        self.resize(self.size().boundedTo(self._largest()))

    def _largest(self) -> QSize:
        if self._available is None:
            return QSize(_QWIDGETSIZE_MAX, _QWIDGETSIZE_MAX)
        return self._available.size() - _FRAME

    def add_developer_menu(self, server: SimulatedServer) -> None:
        """Add the menu of faults; for the embedded exchange only."""
        from demo_app.shell.developer_menu import DeveloperMenu

        self.commands.add_developer_menu(DeveloperMenu(server, self.connection_line.show_error, self))

    def add_demo_trader(self, trader: DemoTrader) -> None:
        """Add the switch of the scripted trader; for the embedded exchange only."""
        self._trader = trader
        trader.changed.connect(self._on_trader)
        self.commands.add_demo_trader(trader)

    def _on_trader(self, is_running: bool) -> None:
        self._show_badge()
        self.connection_line.show_notice(
            self.tr("A script trades in an account of its own, which is shown. Yours waits unchanged.")
            if is_running
            else self.tr("The demo trader has stopped. This is your own account again.")
        )

    def add_replay_bar(self, bar: QToolBar) -> None:
        """Put the replay bar below the bar of the pair."""
        self.addToolBarBreak()
        self.addToolBar(bar)

    def panel(self, name: str) -> Panel:
        """Return a panel by name, creating it if needed."""
        return self.docks.panel(name)

    def retranslate(self) -> None:
        """Set every text again."""
        self._show_badge()
        self.docks.retranslate()
        self.commands.retranslate()

    def _show_badge(self) -> None:
        names = {
            "simulated": self.tr("SIMULATED"),
            "live": self.tr("LIVE UPBIT"),
            "external": self.tr("OTHER EXCHANGE"),
            "replay": self.tr("REPLAY"),
        }
        is_trading = self._trader is not None and self._trader.is_running
        name = self.tr("DEMO TRADER") if is_trading else names[self._badge]
        self._tag.setText(name)
        title = self.tr("qt_upbit terminal")
        self.setWindowTitle(f"{title} – {name}")

    # --- for its parts: `Shell` --------------------------------------------------------------------

    @property
    def frame(self) -> QMainWindow:
        """As `Shell.frame`."""
        return self

    def show_notice(self, text: str) -> None:
        """As `Shell.show_notice`."""
        self.connection_line.show_notice(text)

    def show_error(self, text: str) -> None:
        """As `Shell.show_error`."""
        self.connection_line.show_error(text)

    def search_market(self) -> None:
        """As `Shell.search_market`."""
        self.selector.search()

    # --- dialogs ----------------------------------------------------------------------------------

    def open_settings(self) -> None:
        """Open the settings dialog."""
        is_live = self._badge == "live"
        self._open(SettingsDialog(self.appearance, is_live, self))

    def open_shortcuts(self) -> None:
        """Open the list of keyboard shortcuts."""
        panels = [(panel.title(), panel.shortcuts()) for panel in self.docks.made if panel.shortcuts()]
        self._open(ShortcutsDialog(self.commands.by_menu(), panels, self))

    def new_alert(self) -> None:
        """Open the form for an alert of the selected pair."""
        self.docks.go_to("alerts")
        panel = self.panel("alerts")
        if isinstance(panel, AlertsPanel):
            panel.begin()

    def open_about(self) -> None:
        """Open the about dialog."""
        self._open(AboutDialog(self.state, self))

    def open_palette(self) -> None:
        """Open the command palette."""
        palette = CommandPalette(self.state, self.commands.by_menu(), self)
        here = self.mapToGlobal(QPoint((self.width() - palette.width()) // 2, self.selector.height() * 3))
        palette.move(here)
        palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        palette.show()
        palette.activateWindow()
        palette.edit.setFocus()

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        # Not exec(), which would run a nested event loop.
        dialog.open()

    def _on_notice(self, title: str, text: str) -> None:
        self.connection_line.show_notice(f"{title}: {text}" if text else title)

    def _on_draft(self, draft: OrderPrefill) -> None:
        """Show the form; a form created just now has not received the draft."""
        dock = self.docks.docks["order_form"]
        is_new = dock.panel is None
        form = dock.make()
        if is_new and isinstance(form, OrderFormPanel):
            form.take(draft)
        dock.show()
        dock.raise_()

    # --- Qt ----------------------------------------------------------------------------------------

    def focusNextPrevChild(self, forwards: bool) -> bool:
        """As Qt's, but skip what is out of view: panels behind tabs count as visible, outside the window."""
        passed: set[QWidget] = set()
        while super().focusNextPrevChild(forwards):
            here = self.focusWidget()
            if here is None or here in passed or not here.visibleRegion().isEmpty():
                return True
            passed.add(here)
        return False

    def showEvent(self, event: QShowEvent) -> None:
        """Arrange the panels when the size of the window is known."""
        super().showEvent(event)
        if self._is_shown:
            return
        self._is_shown = True
        layout = self._bar.layout()
        if layout is not None:
            # Qt's own margins vanish when the stylesheet is set again, which would shift the content.
            layout.setContentsMargins(0, 0, 0, 0)
        if self._layout in LAYOUTS:
            self.docks.apply(self._layout)
        elif not self.docks.restore_state():
            self.docks.apply("compact" if self._is_small() else self.docks.current)
        if self._size is not None:
            self.resize(*self._size)
        elif self._available is not None and not (self.isMaximized() or self.isFullScreen()):
            self.resize(self.size().boundedTo(self._largest()))
        # Not in the search field, where a key press would search for a market.
        self.setFocus()
        if self.appearance.preferences.is_new:
            self.appearance.preferences.welcome()
            self.connection_line.show_notice(
                self.tr("Welcome. Ctrl+Shift+P finds every command, Ctrl+K a market, F1 lists the keys.")
            )

    def _is_small(self) -> bool:
        width, height = self._size or (self.width(), self.height())
        return width < _ROOMY.width() or height < _ROOMY.height()

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save the layout, and close the panels."""
        if self._is_shown:
            self.docks.save_state()
        self.recording.stop()
        self.docks.close_panels()
        super().closeEvent(event)
