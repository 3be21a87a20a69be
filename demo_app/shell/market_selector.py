"""`MarketSelector`: one pair out of hundreds, found by code, Korean or English name."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QStringListModel, Qt
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QListView, QWidget

from demo_app.style.language import is_korean
from demo_app.terminal_state import TerminalState
from demo_app.widgets.market_label import market_label
from qt_upbit import Market

__all__ = ["MarketSelector"]

_LIST_WIDTH: Final = 380


class MarketSelector(QComboBox):
    """An editable list that filters while typing. The chosen pair is selected everywhere."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("marketSelector")
        self._state = state
        self._markets: list[Market] = []
        self.setFont(state.theme.font(10.5, bold=True))
        self._edit = QLineEdit()
        self.setEditable(True)
        self.setLineEdit(self._edit)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMaxVisibleItems(20)
        # Otherwise its width depends on when it was styled.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumWidth(260)
        view = self.view()
        view.setMinimumWidth(_LIST_WIDTH)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        if isinstance(view, QListView):
            # Otherwise hundreds of rows would be measured before the list opens.
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
        popup.setFont(state.theme.font(9.5))
        completer.setPopup(popup)
        self.setCompleter(completer)
        completer.activated.connect(self._choose_label)
        self.activated.connect(self._choose_index)
        # Before editingFinished, which restores the chosen pair's name.
        self._edit.returnPressed.connect(self._choose_typed)
        self._edit.editingFinished.connect(self._restore)

        state.markets_changed.connect(self._fill)
        state.market_changed.connect(self._restore)
        self._retranslate()

    def _retranslate(self) -> None:
        self.setAccessibleName(self.tr("Market"))
        self._edit.setPlaceholderText(self.tr("Search market"))
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()

    def _fill(self) -> None:
        self._markets = list(self._state.markets.values())
        korean = is_korean()
        labels = [market_label(market, korean=korean) for market in self._markets]
        self.blockSignals(True)
        self.clear()
        self.addItems(labels)
        self.blockSignals(False)
        self._names.setStringList(labels)
        self._restore()

    def search(self) -> None:
        """Put the cursor into the field, ready to type another pair over the chosen one."""
        self._edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._edit.selectAll()

    def _choose_index(self, index: int) -> None:
        if 0 <= index < len(self._markets):
            self._state.set_market(self._markets[index].code)

    def _choose_label(self, text: str) -> None:
        self._state.set_market(text.partition(" ")[0])

    def _choose_typed(self) -> None:
        """Choose the pair with this code, or the first whose code or name matches the text."""
        typed = self._edit.text().strip().casefold()
        if not typed:
            return
        labels = ((market.code, market_label(market, korean=True).casefold()) for market in self._markets)
        found = [code for code, text in labels if typed in text]
        exact = [code for code in found if code.casefold() == typed.partition(" ")[0]]
        for code in (*exact, *found)[:1]:
            self._state.set_market(code)

    def _restore(self) -> None:
        """Show the chosen pair again, whatever was typed."""
        for index, market in enumerate(self._markets):
            if market.code == self._state.market:
                self.setCurrentIndex(index)
                self.setEditText(self.itemText(index))
                return
        self.setEditText(self._state.market)
