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
"""So many rows are shown; who types one letter more sees the others."""
_MOVES: Final = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_ROLE: Final = Qt.ItemDataRole.UserRole


def plain_text(action: QAction) -> str:
    """What an action is called, without the mark of its key in the menu, as in 보기(&V)."""
    text = action.text().removesuffix("…")
    if text.endswith(")") and "(&" in text:
        text = text[: text.rindex("(&")]
    return text.replace("&", "")


class CommandPalette(QDialog):
    """Type a part of a name, Enter does it; markets come by code and by both names.

    Args:
        state: its markets are found, and the one chosen is shown.
        actions: with the name of their menu.
        parent: owner.
    """

    def __init__(
        self, state: TerminalState, actions: Sequence[tuple[str, QAction]], parent: QWidget | None = None
    ) -> None:
        # No popup: those get no Hangul from the input methods of some systems.
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
        """Close when the user goes on elsewhere."""
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
        # Without a word there would be hundreds of markets and no commands to be seen.
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
