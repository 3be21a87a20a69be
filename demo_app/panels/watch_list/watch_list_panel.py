"""`WatchListPanel`: every market, searchable and sortable, streamed while visible."""

from __future__ import annotations

from typing import ClassVar, Final

from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, QPoint, Qt, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QHideEvent,
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.panel import ContentState, Panel
from demo_app.panels.watch_list.watch_model import Column, WatchModel, WatchOrder
from demo_app.panels.watch_list.watch_table import WatchTable
from demo_app.style.error_messages import explain
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from qt_upbit import Account, QtUpbitError, Scope, owned_slot

__all__ = ["WatchListPanel"]

_FAVOURITES: Final = "favourites"
_HELD: Final = "held"
_KEY: Final = "watch_list/"
_SETTLE_MS: Final = 150
"""Debounce: scrolling must pause this long before other rows are requested, as Upbit limits requests."""
_SEED_MS: Final = 60_000
_TIMEOUT_MS: Final = 10_000
_FOLLOWED_AT_MOST: Final = 60


class _SearchField(QLineEdit):
    """Includes the Hangul syllable being composed, which is not part of `text` yet."""

    composed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._composing = ""

    def wanted(self) -> str:
        typed, at = self.text(), self.cursorPosition()
        return f"{typed[:at]}{self._composing}{typed[at:]}"

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composing = event.preeditString()
        super().inputMethodEvent(event)
        self.composed.emit()


class WatchListPanel(Panel):
    """Every market of the exchange: a header click sorts, typing searches, Enter selects the pair everywhere.

    Only visible rows are streamed; one REST call a minute gives the prices that sort the others.

    Args:
        state: what all panels share.
        parent: owner.
    """

    NAME: ClassVar[str] = "watch_list"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._account: Account | None = None
        self._error = ""
        self._is_asking = False
        self.model = WatchModel(state, self)
        self.model.favourites = state.favourites
        self.order = WatchOrder(state, self.model, self)
        self.search = _SearchField()
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.table = WatchTable(state, self.model, self.order)
        self.key_target = self.table
        self._tab = str(state.settings.value(f"{_KEY}tab", "KRW"))
        self.tabs: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        self._bar = QHBoxLayout()
        self._bar.setContentsMargins(SPACE, 0, SPACE, SPACE // 2)
        self._bar.setSpacing(2)
        self._none = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._none.setWordWrap(True)
        self._clear = QPushButton()
        self._clear.clicked.connect(self._clear_search)
        self._foot = QLabel()
        self._foot.setTextFormat(Qt.TextFormat.PlainText)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._make_none())
        self.set_body(self._make_body())
        self._settle = self.timer("watch list visible rows", _SETTLE_MS, self._follow)
        self._refresh = self.timer("watch list prices", _SEED_MS, self._ask_prices)
        self._timeout = self.timer("watch list timeout", _TIMEOUT_MS, self._on_late)
        self._restore_sorting()
        self._connect()
        self.retranslate()
        self.apply_theme()
        self._on_markets()
        self.follow(Scope.PUBLIC)

    def _make_none(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.addStretch(1)
        layout.addWidget(self._none)
        layout.addWidget(self._clear, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        return page

    def _make_body(self) -> QWidget:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, SPACE, 0, 0)
        layout.setSpacing(SPACE // 2)
        row = QHBoxLayout()
        row.setContentsMargins(SPACE, 0, SPACE, 0)
        row.addWidget(self.search)
        layout.addLayout(row)
        layout.addLayout(self._bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._foot)
        self._foot.setContentsMargins(SPACE, 0, SPACE, SPACE // 2)
        return body

    def _connect(self) -> None:
        state = self.state
        state.markets_changed.connect(self._on_markets)
        state.market_changed.connect(self._on_market)
        self.search.textChanged.connect(self._filter)
        self.search.composed.connect(self._filter)
        self.table.chosen.connect(state.set_market)
        self.table.favourite_toggled.connect(self.toggle_favourite)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.table.horizontalHeader().sortIndicatorChanged.connect(self._on_sorted)
        self.order.layoutChanged.connect(self._on_scrolled)
        self._group.buttonClicked.connect(self._on_tab)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.start_search)

    # --- for the shell -----------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Markets")

    def start_search(self) -> None:
        """Put the cursor into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def toggle_favourite(self, code: str) -> None:
        """Add a pair to the favourites or remove it; stored in the settings."""
        favourites = list(self.model.favourites)
        if code in favourites:
            favourites.remove(code)
        else:
            favourites.append(code)
        self.model.favourites = favourites
        # Stored as one string: an INI file does not read a list of one back as a list.
        self.state.set_favourites(favourites)
        self.model.refresh()
        if self._tab == _FAVOURITES:
            self._filter()

    # --- texts and colours -------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text again."""
        self.model.caution_text = {
            "": self.tr("Investment warning: the exchange may end trading of this pair"),
            "PRICE_FLUCTUATIONS": self.tr("Caution: sudden rise or fall of the price"),
            "TRADING_VOLUME_SOARING": self.tr("Caution: sudden rise of the volume"),
            "DEPOSIT_AMOUNT_SOARING": self.tr("Caution: sudden rise of deposits"),
            "GLOBAL_PRICE_DIFFERENCES": self.tr("Caution: the price differs from that abroad"),
            "CONCENTRATION_OF_SMALL_ACCOUNTS": self.tr("Caution: trading is concentrated on few accounts"),
        }
        self.table.cells.badges = (self.tr("Warning"), self.tr("Caution"))
        self.search.setPlaceholderText(self.tr("Search by name or code"))
        self.search.setAccessibleName(self.tr("Search markets"))
        self.table.setAccessibleName(self.tr("Markets"))
        headers = ("★", self.tr("Name"), "", self.tr("Price"), self.tr("Change"), self.tr("Turnover"))
        for column, text in zip(Column, headers, strict=True):
            self.model.setHeaderData(column, Qt.Orientation.Horizontal, text)
        self._clear.setText(self.tr("Clear search"))
        self._name_tabs()
        self.model.refresh()
        self._filter()
        if self.has_placeholder:
            self._show_loading()

    def apply_theme(self) -> None:
        """Fonts and colours."""
        theme = self.state.theme
        self.table.cells.set_fonts()
        self.table.setStyleSheet("QHeaderView { font-size: 8.5pt; }")
        self.search.setFont(theme.font(9.5))
        self._foot.setFont(theme.font(8))
        self._foot.setStyleSheet(f"color: {theme.muted.name()}")
        self._none.setStyleSheet(f"color: {theme.muted.name()}")
        self.search.setStyleSheet(
            f"QLineEdit {{ background: {theme.window.name()}; color: {theme.text.name()};"
            f" border: 1px solid {theme.border.name()}; border-radius: 4px; padding: 5px 8px; }}"
            f" QLineEdit:focus {{ border-color: {theme.accent.name()}; }}"
        )
        self.table.viewport().update()

    def _name_tabs(self) -> None:
        for name, button in self.tabs.items():
            texts = {_FAVOURITES: self.tr("Favourites"), _HELD: self.tr("Held")}
            button.setText("★" if name == _FAVOURITES else texts.get(name, name))
            button.setToolTip(texts.get(name, ""))
            button.setAccessibleName(texts.get(name, name))

    # --- markets and tabs --------------------------------------------------------------------------

    def _on_markets(self) -> None:
        markets = self.state.markets
        if not markets:
            self._show_loading()
            self._timeout.start()
            return
        self._timeout.stop()
        self._error = ""
        self.model.set_codes(markets)
        self._make_tabs()
        self.show_body()
        self._filter()
        if self.isVisible():
            self._ask_prices()

    def _make_tabs(self) -> None:
        names = [*dict.fromkeys(code.partition("-")[0] for code in self.state.markets), _FAVOURITES]
        if self.state.manager.config.credentials is not None:
            names.append(_HELD)
        if list(self.tabs) == names:
            return
        for button in self.tabs.values():
            self._group.removeButton(button)
            button.deleteLater()
        while self._bar.count():
            self._bar.takeAt(0)
        self.tabs = {}
        for name in names:
            button = QToolButton()
            button.setObjectName(name)
            button.setCheckable(True)
            button.setProperty("kind", "tab")
            self._group.addButton(button)
            self._bar.addWidget(button)
            self.tabs[name] = button
        self._bar.addStretch(1)
        if self._tab not in names:
            self._tab = names[0]
        self.tabs[self._tab].setChecked(True)
        self._name_tabs()
        self._watch_account()

    def _on_tab(self, button: QToolButton) -> None:
        self._tab = button.objectName()
        self.state.settings.setValue(f"{_KEY}tab", self._tab)
        self._watch_account()
        self._filter()
        self.table.scrollToTop()

    def _watch_account(self) -> None:
        if self._tab == _HELD and (self._account is None or self._account.is_closed):
            self._account = Account.instance()
            self._account.balance_changed.connect(self._on_balance)
            self._account.cleared.connect(self._on_balance)
            self._account.synchronized.connect(self._on_balance)

    def _on_balance(self) -> None:
        if self._tab == _HELD:
            self._filter()

    def _codes_of_tab(self) -> list[str]:
        markets = self.state.markets
        if self._tab == _FAVOURITES:
            return [code for code in self.model.favourites if code in markets]
        if self._tab == _HELD:
            balances = {} if self._account is None else self._account.balances
            held = {name for name, one in balances.items() if one.balance + one.locked > 0}
            return [code for code in markets if code.partition("-")[2] in held]
        return [code for code in markets if code.startswith(f"{self._tab}-")]

    def _filter(self) -> None:
        """Show the markets of the tab, or those of all that match the search."""
        query = self.search.wanted()
        codes = list(self.state.markets) if query.strip() else self._codes_of_tab()
        self.order.accept(codes, query)
        count = self.order.rowCount()
        self._stack.setCurrentIndex(0 if count else 1)
        self._clear.setVisible(bool(query))
        if query:
            self._none.setText(self.tr("No market matches: {query}").format(query=query.strip()[:40]))
        elif self._tab == _HELD:
            self._none.setText(self.tr("None of your assets is traded here"))
        else:
            self._none.setText(self.tr("No favourites yet: press F on a market, or click its star"))
        self._show_foot()
        self._on_scrolled()

    def _show_foot(self) -> None:
        text = self.tr("Markets: {count}").format(count=self.order.rowCount())
        if self._error:
            text += "   " + self.tr("Prices of rows out of view are unknown: {error}").format(
                error=self._error
            )
        self._foot.setText(text)

    # --- what is followed --------------------------------------------------------------------------

    def _on_scrolled(self) -> None:
        if not self._settle.isActive():
            self._settle.start()

    def _follow(self) -> None:
        """Stream the visible rows; nothing is resubscribed while the streamed rows include them."""
        self.table.want_sparklines()
        if not self.isVisible():
            self.model.set_visible_codes(())
            return
        seen = set(self.table.codes_in_sight(0))
        streamed = self.model.subscribed_codes
        if not seen <= set(streamed) or len(streamed) > _FOLLOWED_AT_MOST + len(seen):
            self.model.set_visible_codes(self.table.codes_in_sight())

    @owned_slot
    async def _ask_prices(self) -> None:
        """Request all prices in one call, to sort the rows out of view."""
        if self._is_asking or not self.isVisible() or not self.state.markets:
            return
        self._is_asking = True
        quotes = dict.fromkeys(code.partition("-")[0] for code in self.state.markets)
        try:
            self.model.set_seed(await self.state.rest.get_all_tickers(quotes))
            self._error = ""
            self.order.sort_now()
        except QtUpbitError as error:
            self._error = explain(error)[:120]
        finally:
            self._is_asking = False
        # Not after a cancellation: the panel is gone.
        self._refresh.start()
        self._show_foot()

    @property
    def content_state(self) -> ContentState:
        """Names alone do not count as content: prices are still to come."""
        state = super().content_state
        if state is ContentState.SHOWN and not self.model.has_seed and not self._error:
            return ContentState.LOADING
        return state

    # --- loading and errors ------------------------------------------------------------------------

    def _show_loading(self) -> None:
        if self._error:
            self.show_placeholder(
                self.tr("The markets could not be read: {error}").format(error=self._error),
                self.tr("Try again"),
                self.ask_markets,
                state=ContentState.FAILED,
            )
        else:
            self.show_placeholder(self.tr("Loading markets…"), state=ContentState.LOADING)

    def _on_late(self) -> None:
        if not self.state.markets:
            self.ask_markets()

    @owned_slot
    async def ask_markets(self) -> None:
        """Load the markets, where the application has not done so."""
        self._error = ""
        self._show_loading()
        try:
            self.state.set_markets(await self.state.rest.get_markets())
        except QtUpbitError as error:
            self._error = explain(error)[:200]
            self._show_loading()

    # --- choosing ----------------------------------------------------------------------------------

    def _on_market(self) -> None:
        self.table.viewport().update()

    def _clear_search(self) -> None:
        self.search.clear()
        self.search.setFocus()

    def _show_menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        menu = self.make_menu(self.order.code(index.row()))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.table.viewport().mapToGlobal(at))

    def make_menu(self, code: str) -> QMenu:
        """The context menu of a pair."""
        menu = QMenu(self)
        is_favourite = code in self.model.favourites
        menu.addAction(self.tr("Show chart"), lambda: self.state.set_market(code))
        menu.addAction(
            self.tr("Remove from favourites") if is_favourite else self.tr("Add to favourites"),
            lambda: self.toggle_favourite(code),
        )
        menu.addAction(self.tr("Copy code"), lambda: QGuiApplication.clipboard().setText(code))
        return menu

    # --- sorting -----------------------------------------------------------------------------------

    def _restore_sorting(self) -> None:
        column, _, order = str(self.state.settings.value(f"{_KEY}sort", "")).partition(" ")
        known = column.isdigit() and int(column) < len(Column)
        self.table.sortByColumn(
            int(column) if known else Column.TURNOVER,
            Qt.SortOrder.AscendingOrder if order == "up" else Qt.SortOrder.DescendingOrder,
        )

    def _on_sorted(self, column: int, order: Qt.SortOrder) -> None:
        up = order == Qt.SortOrder.AscendingOrder
        self.state.settings.setValue(f"{_KEY}sort", f"{column} {'up' if up else 'down'}")
        self._on_scrolled()

    # --- Qt ----------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the search field: Enter selects the first, arrows move to the table, Escape clears."""
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key, count = event.key(), self.order.rowCount()
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if count:
                    self.state.set_market(self.order.code(0))
                return True
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and count:
                index = self.order.index(0 if key == Qt.Key.Key_Down else count - 1, Column.NAME)
                choose = QItemSelectionModel.SelectionFlag.ClearAndSelect
                self.table.selectionModel().setCurrentIndex(
                    index, choose | QItemSelectionModel.SelectionFlag.Rows
                )
                self.table.setFocus(Qt.FocusReason.TabFocusReason)
                return True
            if key == Qt.Key.Key_Escape and self.search.text():
                self._clear_search()
                return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        """Stream the visible rows again."""
        super().showEvent(event)
        if self.state.markets:
            self._make_tabs()
            self._ask_prices()
        self._on_scrolled()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop streaming."""
        super().hideEvent(event)
        self._refresh.stop()
        self._on_scrolled()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow panel hides the least important columns."""
        super().resizeEvent(event)
        self.table.fit(self.width())
        self._on_scrolled()
