"""`BalancesPanel`: what the account holds, and its current value."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from demo_app.panels.account.balance_rows import BalanceRows, HoldingsShown
from demo_app.style import formats
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.trading.holdings import totals_of
from demo_app.widgets.account_panel import AccountPanel
from demo_app.widgets.columns import WideningColumns
from demo_app.widgets.tables import RowTable, copy_rows, style_table
from qt_upbit import (
    Account,
    ConnectionState,
    Scope,
    Subscription,
    TickerEvent,
    WebSocketClientProxy,
    quote_currency_of,
)

__all__ = ["BalancesPanel"]

_WIDTHS: Final = (104, 120, 72, 96, 92, 88, 64)
_HIDES_SMALL: Final = "balances/hides_small"
_NOT_LIVE: Final = frozenset((ConnectionState.RECONNECTING, ConnectionState.STALE))


class BalancesPanel(AccountPanel):
    """Balances, valued live in the region's own currency; a click shows the pair.

    Args:
        state, parent: as `Panel`.
    """

    NAME = "balances"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.rows: BalanceRows | None = None
        self.shown: HoldingsShown | None = None
        self._codes: tuple[str, ...] = ()
        self._tickers: Subscription | None = None
        self._proxy = WebSocketClientProxy("balances", parent=self)
        self._proxy.ticker_received.connect(self._on_ticker)
        self.names = [QLabel() for _ in range(3)]
        self.sums = [QLabel("–") for _ in range(3)]
        self.small = QCheckBox()
        self.view = RowTable()
        self.key_target = self.view
        self._columns: WideningColumns | None = None
        self._lay_out()
        self.view.clicked.connect(self._on_chosen)
        self.view.activated.connect(self._on_chosen)
        self.small.setChecked(state.settings.value(_HIDES_SMALL, False, bool) is True)
        self.small.toggled.connect(self._on_small)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        state.markets_changed.connect(self._on_markets)
        self.retranslate()
        self.apply_theme()
        self.sign_in()

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        top = QGridLayout()
        top.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        top.setHorizontalSpacing(SPACE * 2)
        top.setVerticalSpacing(0)
        for place, (name, value) in enumerate(zip(self.names, self.sums, strict=True)):
            top.addWidget(name, 0, place)
            top.addWidget(value, 1, place)
            top.setColumnStretch(place, 4 if place == 2 else 3)
            value.setMinimumWidth(1)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        view = self.view
        foot = QGridLayout()
        foot.setContentsMargins(SPACE, 0, SPACE, 2)
        foot.setColumnStretch(0, 1)
        foot.addWidget(self.message, 0, 0)
        foot.addWidget(self.small, 0, 1)
        column.addLayout(top)
        column.addWidget(view, 1)
        column.addLayout(foot)
        self.set_body(body)

    # --- the panel ---------------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Balances")

    def retranslate(self) -> None:
        """Set every text again."""
        texts = (self.tr("Total assets"), self.tr("Total bought"), self.tr("Total profit"))
        for label, value, text in zip(self.names, self.sums, texts, strict=True):
            label.setText(f"{text} ({self._quote})")
            value.setAccessibleName(text)
        self.small.setText(self.tr("Hide small amounts"))
        self.view.setAccessibleName(self.tr("Balances"))
        if self.rows is not None:
            self.rows.refresh()
        self._add_up()

    def apply_theme(self) -> None:
        """Colours and fonts."""
        theme = self.state.theme
        style_table(self.view, theme)
        self.small.setFont(theme.font(8.5))
        for label, value in zip(self.names, self.sums, strict=True):
            label.setFont(theme.font(8.5))
            label.setStyleSheet(f"color: {theme.muted.name()};")
            value.setFont(theme.font(10, bold=True))
        self.message.setFont(theme.font(8.5))
        self.message.fit()
        if self.rows is not None:
            self.rows.refresh()
        self._add_up()

    def attach(self, account: Account) -> None:
        """Show an account's balances."""
        rows = self.rows = BalanceRows(self.state, account, self._quote, self)
        shown = self.shown = HoldingsShown(rows, self)
        shown.set_hides_small(self.small.isChecked())
        self.view.setModel(shown)
        self.view.sortByColumn(4, Qt.SortOrder.DescendingOrder)
        if self._columns is not None:
            self._columns.deleteLater()
        self._columns = WideningColumns(self.view, shown, _WIDTHS)
        rows.dataChanged.connect(self._on_rows)
        rows.rowsInserted.connect(self._on_rows)
        rows.modelReset.connect(self._on_rows)
        self._on_rows()

    def detach(self) -> None:
        """Drop the rows: another account may come."""
        if self.rows is not None and self.shown is not None:
            self.shown.deleteLater()
            self.rows.source.close()
            self.rows.deleteLater()
        self.rows = self.shown = None
        self._follow(())

    def on_account_state(self) -> None:
        """Show what may be missing."""
        self._say()

    @property
    def _quote(self) -> str:
        """The currency everything is valued in."""
        return self.manager.config.region.quote_currency

    # --- what it is worth ------------------------------------------------------------------------------

    def _on_markets(self) -> None:
        if self.rows is not None:
            self.rows.refresh()
            self._on_rows()

    def _on_rows(self, *_: object) -> None:
        rows = self.rows
        if rows is not None:
            held = (each.currency for each in rows.holdings if each.total and not each.is_money)
            self._follow(tuple(f"{rows.quote}-{currency}" for currency in held if rows.is_listed(currency)))
        self._add_up()

    def _follow(self, codes: tuple[str, ...]) -> None:
        """Subscribe to the prices of these pairs."""
        if codes == self._codes:
            return
        self._codes = codes
        before, self._tickers = self._tickers, self._proxy.subscribe_ticker(codes) if codes else None
        if before is not None:
            before.close()

    def _on_ticker(self, event: TickerEvent) -> None:
        quote, _, currency = event.code.partition("-")
        if self.rows is not None and quote == self.rows.quote:
            self.rows.set_price(currency, event.trade_price)

    def _add_up(self) -> None:
        rows, theme = self.rows, self.state.theme
        if rows is None:
            return
        totals = totals_of(rows.holdings)
        digits = quote_currency_of(rows.quote).decimals
        texts = (
            f"{totals.assets:,.{digits}f}",
            f"{totals.bought:,.{digits}f}",
            f"{totals.profit:+,.{digits}f} ({formats.percent(totals.profit_rate)})",
        )
        for label, text in zip(self.sums, texts, strict=True):
            label.setText(text)
            label.setToolTip(text)
        color = theme.up if totals.profit > 0 else theme.down if totals.profit < 0 else theme.text
        sheet = f"color: {color.name()};"
        if self.sums[2].styleSheet() != sheet:
            self.sums[2].setStyleSheet(sheet)
        self._say()

    def _say(self) -> None:
        rows = self.rows
        if rows is None:
            return
        theme, doubt = self.state.theme, self.doubt
        if self.manager.state(Scope.PUBLIC) in _NOT_LIVE:
            doubt = doubt or self.tr("Prices are not live.")
        count = totals_of(rows.holdings).unvalued
        without = (
            self.tr("Assets without a value, not in the totals: {count}").format(count=count) if count else ""
        )
        text, color = (doubt, theme.warning) if doubt else (without if count else "", theme.muted)
        if text != self.message.text():
            self.message.say(text, color.name())

    def _on_connection(self, scope: Scope, state: ConnectionState) -> None:
        super()._on_connection(scope, state)
        self._say()

    # --- the user --------------------------------------------------------------------------------------

    def _on_small(self, hides: bool) -> None:
        self.state.settings.setValue(_HIDES_SMALL, hides)
        if self.shown is not None:
            self.shown.set_hides_small(hides)

    def _on_chosen(self, index: QModelIndex) -> None:
        if self.shown is None or self.rows is None:
            return
        code = f"{self.rows.quote}-{self.shown.holding(index.row()).currency}"
        if code in self.state.markets:
            self.state.set_market(code)

    def copy(self) -> None:
        """Copy the selected rows, with headers, in a form that spreadsheets accept."""
        copy_rows(self.view)
