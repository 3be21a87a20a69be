"""`Docks`: the panels as dock widgets of a window, and their arrangement: built-in and user layouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QByteArray, QCoreApplication, QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QToolBar, QWidget

from demo_app.panel import Panel
from demo_app.shell.dock_tabs import DockTabs
from demo_app.shell.registry import LAYOUTS, PanelSpec, Place
from demo_app.shell.repaint_pacer import RepaintPacer
from demo_app.terminal_state import TerminalState

__all__ = ["Docks", "PanelDock"]

_VERSION: Final = 1
"""Version of saved layouts: one saved by another version is not restored."""
_AREA: Final = Qt.DockWidgetArea.LeftDockWidgetArea
"""All panels are in one dock area; without a central widget it is the whole window."""


class PanelDock(QDockWidget):
    """A dock that creates its panel when first shown: hidden panels cost nothing."""

    def __init__(self, spec: PanelSpec, state: TerminalState, parent: QWidget) -> None:
        super().__init__(parent)
        self.spec = spec
        self.panel: Panel | None = None
        self.is_moving = False
        """While the docks are arranged, each is visible for a moment; that must not create its panel."""
        self._state = state
        self.setObjectName(f"dock.{spec.name}")
        # A floating dock is a window of its own.
        self.pacer = RepaintPacer(self)
        self.retranslate()
        if spec.always:
            self.make()
        self.visibilityChanged.connect(self._on_visibility)
        self.toggleViewAction().triggered.connect(self._on_toggle)

    def make(self) -> Panel:
        """Return the panel, creating it if needed."""
        if self.panel is None:
            self.panel = self.spec.panel(self._state)
            # Otherwise the widest rows of three panels would decide the window's minimum width.
            self.panel.setMinimumSize(*self.panel.LEAST)
            self.setWidget(self.panel)
            self.retranslate()
        return self.panel

    def retranslate(self) -> None:
        """Set the tab's text again."""
        name = QCoreApplication.translate("Panels", self.spec.title)
        self.setWindowTitle(name if self.panel is None else self.panel.title())
        self.setAccessibleName(self.windowTitle())

    def _on_toggle(self, wanted: bool) -> None:
        if wanted:
            # It may be behind another tab.
            self.raise_()
            self.make()

    def _on_visibility(self, visible: bool) -> None:
        if visible and not self.is_moving:
            self.make()


class Docks(QObject):
    """The docks of a window, in the order of the registry.

    Signals:
        ``layouts_changed()``: the user layouts have changed.

    Args:
        window: gets the docks; it must have no central widget.
        state: what the panels share; its settings store the layouts.
        specs: the panels.
    """

    layouts_changed = Signal()

    def __init__(self, window: QMainWindow, state: TerminalState, specs: Sequence[PanelSpec]) -> None:
        super().__init__(window)
        self.setObjectName("docks")
        self._window = window
        self._settings: QSettings = state.settings
        self.current = next(iter(LAYOUTS))
        window.setDockNestingEnabled(True)
        window.setDockOptions(
            QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.GroupedDragging
        )
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.docks: dict[str, PanelDock] = {}
        for spec in specs:
            self.docks[spec.name] = PanelDock(spec, state, window)
            # Hidden until there is a layout: the window would show all its children.
            self.docks[spec.name].hide()
        self.tabs = DockTabs(window, self.docks.values())

    # --- layouts -----------------------------------------------------------------------------------

    def apply(self, layout: str) -> None:
        """Arrange the panels as in one of `LAYOUTS`.

        Raises:
            KeyError: there is no such layout.
        """
        if layout not in LAYOUTS:
            raise KeyError(layout)
        self.current = layout
        placed = [(d.spec.places[layout], d) for d in self.docks.values() if layout in d.spec.places]
        placed.sort(key=lambda pair: (pair[0].column, pair[0].row))
        self._set_moving(True)
        for dock in self.docks.values():
            dock.setFloating(False)
            self._window.removeDockWidget(dock)
        columns: dict[int, dict[int, list[tuple[Place, PanelDock]]]] = {}
        for place, dock in placed:
            columns.setdefault(place.column, {}).setdefault(place.row, []).append((place, dock))
        heads = [next(iter(rows.values()))[0] for rows in columns.values()]
        for before, (_, dock) in zip([None, *heads], heads, strict=False):
            if before is None:
                self._window.addDockWidget(_AREA, dock)
            else:
                self._window.splitDockWidget(before[1], dock, Qt.Orientation.Horizontal)
        for rows in columns.values():
            above: PanelDock | None = None
            for tabs in rows.values():
                first = tabs[0][1]
                if above is not None:
                    self._window.splitDockWidget(above, first, Qt.Orientation.Vertical)
                for _, dock in tabs[1:]:
                    self._window.tabifyDockWidget(first, dock)
                above = first
        for _, dock in placed:
            dock.show()
        # Hidden, but with a place for when they are shown: tabs of one more column.
        hidden = [dock for dock in self.docks.values() if layout not in dock.spec.places]
        for index, dock in enumerate(hidden):
            if index == 0:
                self._window.splitDockWidget(heads[-1][1], dock, Qt.Orientation.Horizontal)
            else:
                self._window.tabifyDockWidget(hidden[0], dock)
            dock.hide()
        self._set_moving(False)
        for rows in columns.values():
            for tabs in rows.values():
                tabs[0][1].make()
                tabs[0][1].raise_()
            self._set_heights([tabs[0] for tabs in rows.values()])
        self._set_widths(heads)

    def _set_moving(self, is_moving: bool) -> None:
        for dock in self.docks.values():
            dock.is_moving = is_moving

    def _set_heights(self, rows: Sequence[tuple[Place, PanelDock]]) -> None:
        window = self._window
        # Each tool bar has a row of its own.
        bars = [window.menuBar(), window.statusBar(), *window.findChildren(QToolBar)]
        room = window.height() - sum(bar.sizeHint().height() for bar in bars)
        heights = {dock: dock.sizeHint().height() for place, dock in rows if place.fits}
        rest = max(0, room - sum(heights.values()))
        weights = {dock: place.height for place, dock in rows if not place.fits}
        heights |= {dock: max(1, rest * weight // sum(weights.values())) for dock, weight in weights.items()}
        docks = [dock for _, dock in rows]
        window.resizeDocks(docks, [heights[dock] for dock in docks], Qt.Orientation.Vertical)

    def _set_widths(self, heads: Sequence[tuple[Place, PanelDock]]) -> None:
        room, all_weights = self._window.width(), sum(place.width for place, _ in heads)
        widths = [max(1, room * place.width // all_weights) for place, _ in heads]
        self._window.resizeDocks([dock for _, dock in heads], widths, Qt.Orientation.Horizontal)

    @property
    def own(self) -> list[str]:
        """Names of the layouts that the user saved."""
        self._settings.beginGroup("layouts")
        names = self._settings.childKeys()
        self._settings.endGroup()
        return sorted(names, key=str.casefold)

    def save_own(self, name: str) -> None:
        """Save the current layout under a name; replaces an older one of that name."""
        key = name.strip().replace("/", "-").replace("\\", "-")
        self._settings.setValue(f"layouts/{key}", self._window.saveState(_VERSION))
        self.layouts_changed.emit()

    def apply_own(self, name: str) -> bool:
        """Apply a saved layout; False if that is not possible."""
        return self._restore(self._settings.value(f"layouts/{name}"))

    def delete_own(self, name: str) -> None:
        """Delete a saved layout."""
        self._settings.remove(f"layouts/{name}")
        self.layouts_changed.emit()

    # --- from one run to the next ------------------------------------------------------------------

    def save_state(self) -> None:
        """Save position and size of the window and its panels for the next run."""
        self._settings.setValue("window/geometry", self._window.saveGeometry())
        self._settings.setValue("window/state", self._window.saveState(_VERSION))
        self._settings.setValue("window/layout", self.current)

    def restore_state(self) -> bool:
        """Restore window and panels; False if nothing was saved or it no longer fits."""
        geometry = self._settings.value("window/geometry")
        if isinstance(geometry, QByteArray):
            self._window.restoreGeometry(geometry)
        layout = self._settings.value("window/layout")
        if layout in LAYOUTS:
            self.current = str(layout)
        return self._restore(self._settings.value("window/state"))

    def _restore(self, saved: object) -> bool:
        if not isinstance(saved, QByteArray):
            return False
        self._set_moving(True)
        is_restored = self._window.restoreState(saved, _VERSION)
        self._set_moving(False)
        if not is_restored:
            return False
        for dock in self.docks.values():
            if not dock.isHidden():
                dock.make()
        return True

    # --- single panels -----------------------------------------------------------------------------

    @property
    def made(self) -> list[Panel]:
        """The panels created so far."""
        return [dock.panel for dock in self.docks.values() if dock.panel is not None]

    def panel(self, name: str) -> Panel:
        """Return a panel by name, creating it if needed."""
        return self.docks[name].make()

    def go_to(self, name: str) -> None:
        """Show a panel and give it the keyboard focus."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()
        panel = dock.make()
        (panel.key_target or panel).setFocus(Qt.FocusReason.ShortcutFocusReason)
        if not panel.hasFocus() and not panel.isAncestorOf(self._window.focusWidget() or panel):
            panel.focusNextChild()

    def close_panels(self) -> None:
        """Close every panel before the window goes; their fetches are cancelled."""
        for panel in self.made:
            panel.close()
            # The manager closes before the panels go: no timer of theirs may still call it.
            for timer in panel.findChildren(QTimer):
                timer.stop()

    def retranslate(self) -> None:
        """Set every tab's text again."""
        for dock in self.docks.values():
            dock.retranslate()
