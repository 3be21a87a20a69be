"""`MarketSelector`: one pair out of hundreds, found by code, Korean or English name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QListView, QWidget

from demo_app.i18n import Translator
from demo_app.theme import Theme

__all__ = ["Market", "MarketSelector"]

_LIST_WIDTH: Final = 380


@dataclass(frozen=True, slots=True)
class Market:
    """A pair and its names."""

    code: str
    korean_name: str
    english_name: str

    def label(self, *, korean: bool) -> str:
        """How it stands in the list: both names are there, so that both are found."""
        first, second = self.korean_name, self.english_name
        if not korean:
            first, second = second, first
        return f"{self.code}   {first} · {second}" if second != first else f"{self.code}   {first}"


class MarketSelector(QComboBox):
    """An editable list that filters while one types.

    Signals:
        ``market_selected(code)``: another pair was chosen.
    """

    market_selected = Signal(str)

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("marketSelector")
        self.setAccessibleName(texts("market"))
        self._texts = texts
        self._markets: list[Market] = []
        self._current = ""
        self.setFont(theme.font(10.5, bold=True))
        self._edit = QLineEdit()
        self._edit.setPlaceholderText(texts("search"))
        self.setEditable(True)
        self.setLineEdit(self._edit)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMaxVisibleItems(20)
        self.setMinimumWidth(260)
        view = self.view()
        view.setMinimumWidth(_LIST_WIDTH)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        if isinstance(view, QListView):
            # Without it hundreds of rows would be measured before the list opens.
            view.setUniformItemSizes(True)
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(16)
        popup = QListView()
        popup.setUniformItemSizes(True)
        popup.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        popup.setMinimumWidth(_LIST_WIDTH)
        # A window of its own, which inherits no style.
        popup.setStyleSheet(theme.stylesheet())
        popup.setFont(theme.font(9.5))
        completer.setPopup(popup)
        self.setCompleter(completer)
        completer.activated.connect(self._choose_label)
        self.activated.connect(self._choose_index)
        # Before editingFinished, which puts the chosen pair's name back.
        self._edit.returnPressed.connect(self._choose_typed)
        self._edit.editingFinished.connect(self._restore)

    @property
    def current(self) -> str:
        """Code of the chosen pair."""
        return self._current

    def set_markets(self, markets: Sequence[Market]) -> None:
        """Fill the list, keeping the choice."""
        self._markets = list(markets)
        labels = [market.label(korean=self._texts.is_korean) for market in markets]
        self.blockSignals(True)
        self.clear()
        self.addItems(labels)
        self.blockSignals(False)
        self._names.setStringList(labels)
        self._restore()

    def select(self, code: str) -> None:
        """Choose a pair."""
        changed = code != self._current
        self._current = code
        self._restore()
        if changed:
            self.market_selected.emit(code)

    def search(self) -> None:
        """Put the cursor into the field, ready to type another pair over the chosen one."""
        self._edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._edit.selectAll()

    def _choose_index(self, index: int) -> None:
        if 0 <= index < len(self._markets):
            self.select(self._markets[index].code)

    def _choose_label(self, label: str) -> None:
        self.select(label.partition(" ")[0])

    def _choose_typed(self) -> None:
        """The pair with this code, or else the first whose code or name holds what was typed."""
        typed = self._edit.text().strip().casefold()
        if not typed:
            return
        labels = ((market.code, market.label(korean=True).casefold()) for market in self._markets)
        found = [code for code, label in labels if typed in label]
        exact = [code for code in found if code.casefold() == typed.partition(" ")[0]]
        for code in (*exact, *found)[:1]:
            self.select(code)

    def _restore(self) -> None:
        """Show what is chosen, whatever was typed."""
        for index, market in enumerate(self._markets):
            if market.code == self._current:
                self.setCurrentIndex(index)
                self.setEditText(self.itemText(index))
                return
        self.setEditText(self._current)
