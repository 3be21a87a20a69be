"""`DockTabs`: a tabbed panel has no title bar but a tab with a menu."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import cast

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QTabBar, QWidget

__all__ = ["DockTabs"]


class DockTabs(QObject):
    """Removes the title bar of each tabbed dock, and restores it when the dock is alone.

    The tab's menu has the title bar's actions: float and close.

    Args:
        window: has the docks; owner.
        docks: the docks to manage.
    """

    def __init__(self, window: QMainWindow, docks: Iterable[QDockWidget]) -> None:
        super().__init__(window)
        self.setObjectName("dockTabs")
        self._window = window
        self._docks = list(docks)
        self._bare: dict[QDockWidget, QWidget] = {}
        """Docks without a title bar, and the empty widget in its place."""
        self._known: set[QTabBar] = set()
        self._soon = QTimer(self)
        self._soon.setObjectName("dock tabs")
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.tidy)
        for dock in self._docks:
            for changed in (dock.dockLocationChanged, dock.topLevelChanged, dock.visibilityChanged):
                changed.connect(self._on_change)

    def _on_change(self, *_: object) -> None:
        # Docks move one after the other; only their final positions matter.
        self._soon.start()

    def tidy(self) -> None:
        """Update every dock."""
        for dock in self._docks:
            is_tab = self.is_tab(dock)
            if is_tab and dock not in self._bare:
                self._bare[dock] = QWidget(dock)
                dock.setTitleBarWidget(self._bare[dock])
            elif not is_tab and dock in self._bare:
                # None restores Qt's own; PySide's signature does not allow it.
                dock.setTitleBarWidget(cast("QWidget", None))
                self._bare.pop(dock).deleteLater()
        for tabs in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if tabs not in self._known:
                self._known.add(tabs)
                tabs.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                tabs.customContextMenuRequested.connect(functools.partial(self._ask, tabs))
                tabs.destroyed.connect(functools.partial(self._known.discard, tabs))

    def is_tab(self, dock: QDockWidget) -> bool:
        """Whether a dock is tabbed with another visible one."""
        if dock.isHidden() or dock.isFloating():
            return False
        return any(not other.isHidden() for other in self._window.tabifiedDockWidgets(dock))

    def menu(self, dock: QDockWidget) -> QMenu:
        """Create the menu of a dock without a title bar; the caller shows it."""
        menu = QMenu(self._window)
        menu.setObjectName("dockMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, slot in (
            (self.tr("&Float"), functools.partial(dock.setFloating, True)),
            (self.tr("&Close"), dock.close),
        ):
            menu.addAction(text).triggered.connect(_without_arguments(slot))
        return menu

    def _ask(self, tabs: QTabBar, place: QPoint) -> None:
        title = tabs.tabText(tabs.tabAt(place))
        dock = next((each for each in self._docks if each.windowTitle() == title), None)
        if dock is not None:
            self.menu(dock).popup(tabs.mapToGlobal(place))


def _without_arguments(slot: Callable[[], object]) -> Callable[..., None]:
    def call(*_: object) -> None:
        slot()

    return call
