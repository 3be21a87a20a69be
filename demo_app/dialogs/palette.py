"""`CommandPalette`: every action and every market, found by typing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from demo_app.style.language import is_korean
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.widgets.market_label import market_label
from qt_upbit import Market

__all__ = ["CommandPalette", "plain_text"]

_MOST: Final = 60
"""The number of rows shown; typing one more letter narrows the list."""
_MOVES: Final = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_ROLE: Final = Qt.ItemDataRole.UserRole


def plain_text(action: QAction) -> str:
    """The text of an action without its menu mnemonic, as in 보기(&V)."""
    text = action.text().removesuffix("…")
    if text.endswith(")") and "(&" in text:
        text = text[: text.rindex("(&")]
    return text.replace("&", "")


class CommandPalette(QDialog):
    """Type a part of a name, Enter runs it; markets are found by code and by both names.

    Args:
        state: provides the markets to find, and shows the chosen one.
        actions: each with the name of its menu.
        parent: owner.
    """

    def __init__(
        self, state: TerminalState, actions: Sequence[tuple[str, QAction]], parent: QWidget | None = None
    ) -> None:
        # Not a popup: on some systems input methods do not work in popups, so Hangul could not be typed.
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.setWindowTitle(self.tr("Command palette"))
        self._state = state
        self._actions = [(menu, action) for menu, action in actions if action.isEnabled()]
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(self.tr("A command or a market…"))
        self.edit.setAccessibleName(self.tr("Search commands and markets"))
        self.edit.setFont(state.theme.font(11))
        self.edit.installEventFilter(self)
        self.list = QTreeWidget()
        self.list.setAccessibleName(self.tr("Found"))
        self.list.setRootIsDecorated(False)
        self.list.setHeaderHidden(True)
        self.list.setColumnCount(2)
        self.list.setUniformRowHeights(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        column.setSpacing(SPACE)
        column.addWidget(self.edit)
        column.addWidget(self.list, 1)
        self.resize(560, 420)
        self.edit.textChanged.connect(self._filter)
        self.edit.returnPressed.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        self._filter("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows move in the list while the cursor stays in the field."""
        is_press = watched is self.edit and event.type() == QEvent.Type.KeyPress
        if is_press and isinstance(event, QKeyEvent) and event.key() in _MOVES:
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Close when the window is deactivated."""
        if event.type() == QEvent.Type.WindowDeactivate:
            self.close()
        return super().event(event)

    def _filter(self, typed: str) -> None:
        words = typed.casefold().split()
        self.list.clear()
        for menu, action in self._actions:
            text = f"{menu}: {plain_text(action)}"
            if all(word in text.casefold() for word in words):
                self._add(text, action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), action)
        korean = is_korean()
        # Without a query, hundreds of markets would hide the commands.
        for market in self._state.markets.values() if words else ():
            if self.list.topLevelItemCount() >= _MOST:
                break
            text = market_label(market, korean=korean)
            if all(word in text.casefold() for word in words):
                self._add(text, self.tr("Market"), market)
        first = self.list.topLevelItem(0)
        if first is not None:
            self.list.setCurrentItem(first)

    def _add(self, text: str, aside: str, found: QAction | Market) -> None:
        item = QTreeWidgetItem([text, aside])
        item.setForeground(1, self._state.theme.muted)
        item.setData(0, _ROLE, found)
        if isinstance(found, QAction) and not found.icon().isNull():
            item.setIcon(0, found.icon())
        self.list.addTopLevelItem(item)

    def _choose(self) -> None:
        item = self.list.currentItem()
        if item is None:
            return
        found = item.data(0, _ROLE)
        # Closed first: an action may open a dialog of its own.
        self.close()
        if isinstance(found, QAction):
            found.trigger()
        elif isinstance(found, Market):
            self._state.set_market(found.code)
