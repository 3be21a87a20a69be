"""`OrdersPanel`: the orders of the account, open and closed, and the actions on them."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedLayout, QTabBar, QVBoxLayout, QWidget

from demo_app.panels.account.order_rows import OrderRows, OrdersOf, OrderView
from demo_app.panels.account.replace_dialog import ReplaceDialog
from demo_app.style import formats
from demo_app.style.error_messages import explain
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.trading import order_entry as entry
from demo_app.trading.order_ticket import OrderTicket
from demo_app.widgets.account_panel import AccountPanel
from demo_app.widgets.order_cautions import caution_text
from demo_app.widgets.order_labels import side_word, type_word
from demo_app.widgets.tables import style_table
from demo_app.widgets.trading_dialogs import Question
from qt_upbit import (
    Account,
    AskBid,
    Order,
    OrderState,
    OrderType,
    QtUpbitError,
    SmpType,
    TimeInForce,
    owned_slot,
)

__all__ = ["OrdersPanel"]

_MOST_AT_ONCE = 300
"""The number of orders Upbit cancels in one call."""


class OrdersPanel(AccountPanel):
    """Open and closed orders; cancel one, those of the selected pair, or all; replace one.

    Args:
        state, parent: as `Panel`.
    """

    NAME = "orders"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.rows: OrderRows | None = None
        self._reported_doubt = self._are_earlier_shown = False
        self._proxies: list[OrdersOf] = []
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.addTab("")
        self.tabs.addTab("")
        self.open_view, self.closed_view = OrderView(state), OrderView(state)
        self.empty = QLabel()
        self.empty.setObjectName("placeholder")
        self.cancel, self.replace = QPushButton(), QPushButton()
        self.cancel_market, self.cancel_all = QPushButton(), QPushButton()
        self.incomplete_notice = QPushButton()
        self._lay_out()
        self.cancel.clicked.connect(self.cancel_selected)
        self.replace.clicked.connect(self.replace_selected)
        self.cancel_market.clicked.connect(self.cancel_of_market)
        self.cancel_all.clicked.connect(self.cancel_every)
        self.incomplete_notice.clicked.connect(self._read_again)
        self.tabs.currentChanged.connect(self._show_tab)
        self.open_view.cancel_wanted.connect(self.cancel_selected)
        for view in (self.open_view, self.closed_view):
            view.chosen.connect(self._refresh)
            view.doubleClicked.connect(self._on_double_click)
        state.market_changed.connect(self._refresh)
        state.markets_changed.connect(self._on_markets)
        self.retranslate()
        self.apply_theme()
        self.sign_in()

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(SPACE // 2, 2, SPACE // 2, 2)
        bar.setSpacing(SPACE // 2)
        bar.addWidget(self.tabs)
        bar.addStretch(1)
        for button in (self.cancel, self.replace, self.cancel_market, self.cancel_all):
            bar.addWidget(button)
        self._stack = QStackedLayout()
        for widget in (self.open_view, self.closed_view, self.empty):
            self._stack.addWidget(widget)
        foot = QHBoxLayout()
        foot.setContentsMargins(SPACE, 0, SPACE, 0)
        foot.addWidget(self.message, 1)
        foot.addWidget(self.incomplete_notice)
        column.addLayout(bar)
        column.addLayout(self._stack, 1)
        column.addLayout(foot)
        self.incomplete_notice.hide()
        self.set_body(body)

    # --- the panel ---------------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("My orders")

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """As `Panel.shortcuts`."""
        return (
            ("Del", self.tr("Cancel the selected orders")),
            ("Ctrl+C", self.tr("Copy the selected orders")),
        )

    def retranslate(self) -> None:
        """Set every text again."""
        self.cancel.setText(self.tr("Cancel"))
        self.cancel.setToolTip(self.tr("Cancel the selected orders (Del)"))
        self.replace.setText(self.tr("Replace…"))
        self.replace.setToolTip(self.tr("Change price or size: cancels the order and places a new one"))
        self.cancel_all.setText(self.tr("Cancel all"))
        self.open_view.setAccessibleName(self.tr("Open orders"))
        self.closed_view.setAccessibleName(self.tr("Closed orders"))
        self.tabs.setAccessibleName(self.tr("Open or closed orders"))
        self.incomplete_notice.setText(self.tr("Some may be missing – read again"))
        if self.rows is not None:
            self.rows.refresh()
        self._refresh()

    def apply_theme(self) -> None:
        """Colours and fonts."""
        theme = self.state.theme
        for view in (self.open_view, self.closed_view):
            style_table(view, theme)
        self.tabs.setFont(theme.font(9, bold=True))
        self.tabs.setStyleSheet(
            f"QTabBar::tab {{ background: transparent; color: {theme.muted.name()}; padding: 5px 10px;"
            f" border-bottom: 2px solid transparent; }}"
            f"QTabBar::tab:selected {{ color: {theme.text.name()}; border-color: {theme.accent.name()}; }}"
            f"QTabBar::tab:focus {{ color: {theme.accent.name()}; }}"
        )
        for button in (self.cancel, self.replace, self.cancel_market, self.cancel_all):
            button.setFont(theme.font(8.5))
            button.setStyleSheet("QPushButton { padding: 3px 10px; }")
        self.incomplete_notice.setFont(theme.font(8.5, bold=True))
        self.incomplete_notice.setStyleSheet(
            f"QPushButton {{ color: {theme.warning.name()}; border: none; background: transparent;"
            f" padding: 0; text-decoration: underline; }}"
        )
        self.message.setFont(theme.font(8.5))
        self.message.fit()
        if self.rows is not None:
            self.rows.refresh()

    def attach(self, account: Account) -> None:
        """Show an account's orders."""
        rows = self.rows = OrderRows(self.state, account, self)
        self._proxies = [OrdersOf(rows, is_open=is_open, parent=self) for is_open in (True, False)]
        for view, proxy in zip((self.open_view, self.closed_view), self._proxies, strict=True):
            view.show_orders(proxy)
            proxy.rowsInserted.connect(self._refresh)
            proxy.rowsRemoved.connect(self._refresh)
            proxy.layoutChanged.connect(self._refresh)
            proxy.modelReset.connect(self._refresh)
        rows.dataChanged.connect(self._refresh)
        rows.refresh()
        self._refresh()
        self._are_earlier_shown = False

    @owned_slot
    async def _load_earlier(self) -> None:
        """Show what was closed before the terminal was started, as far as Upbit returns it: seven days."""
        rows = self.rows
        if rows is None or self._are_earlier_shown:
            return
        self._are_earlier_shown = True
        try:
            orders = await self.state.rest.get_closed_orders()
        except QtUpbitError as error:
            if rows is self.rows:
                # The next time that the account is complete, it is tried again.
                self._are_earlier_shown = False
                self.show_message(explain(error), failed=True)
            return
        if rows is self.rows:
            rows.add_earlier(orders)

    def detach(self) -> None:
        """Drop the rows: another account may come."""
        if self.rows is None:
            return
        for proxy in self._proxies:
            proxy.deleteLater()
        self.rows.close()
        self.rows.deleteLater()
        self.rows, self._proxies = None, []

    def on_account_state(self) -> None:
        """Show what may be missing."""
        doubt = self.doubt
        self.incomplete_notice.setVisible(bool(doubt))
        self.incomplete_notice.setToolTip(doubt)
        if doubt:
            self.show_message(doubt, failed=True)
        elif self._reported_doubt:
            self.show_message("")
        self._reported_doubt = bool(doubt)
        if self.account is not None and self.account.is_synchronized:
            self._load_earlier()

    def on_busy(self) -> None:
        """Disable what is under way: nothing is sent twice."""
        self._refresh()

    def _on_markets(self) -> None:
        if self.rows is not None:
            self.rows.refresh()
        self._refresh()

    def _read_again(self) -> None:
        if self.account is not None and not self.account.is_closed:
            self.account.resync()

    # --- what can be done now ------------------------------------------------------------------------

    @property
    def _view(self) -> OrderView:
        return self.open_view if self.tabs.currentIndex() == 0 else self.closed_view

    def _show_tab(self, *_: object) -> None:
        self._refresh()

    def _open_orders(self, code: str | None = None) -> list[Order]:
        orders: Sequence[Order] = () if self.account is None else self.account.open_orders
        return [order for order in orders if code is None or order.code == code]

    def _selected(self) -> list[Order]:
        """The selected open orders that are not already being changed."""
        orders = self.open_view.selected() if self.tabs.currentIndex() == 0 else []
        return [order for order in orders if order.is_open and not self.is_busy(order.uuid)]

    def _refresh(self, *_: object) -> None:
        counts = [proxy.rowCount() for proxy in self._proxies] or [0, 0]
        texts = (self.tr("Open ({count})"), self.tr("Closed ({count})"))
        for tab, (text, count) in enumerate(zip(texts, counts, strict=True)):
            self.tabs.setTabText(tab, text.format(count=count))
        current = self.tabs.currentIndex()
        self.empty.setText(self.tr("No open orders") if current == 0 else self.tr("No closed orders"))
        self._stack.setCurrentIndex(current if counts[current] else 2)
        self.key_target = self._view if counts[current] else self.tabs
        code, selected = self.state.market, self._selected()
        self.cancel_market.setText(self.tr("Cancel all {code}").format(code=code))
        is_free = not self.is_busy("many")
        self.cancel.setEnabled(is_free and bool(selected))
        one = selected[0] if len(selected) == 1 else None
        self.replace.setEnabled(is_free and one is not None and one.order_type is OrderType.LIMIT)
        self.cancel_market.setEnabled(is_free and bool(self._open_orders(code)))
        self.cancel_all.setEnabled(is_free and bool(self._open_orders()))

    def _on_double_click(self, *_: object) -> None:
        chosen = self._view.selected()
        if chosen:
            self.state.set_market(chosen[0].code)

    # --- cancelling ------------------------------------------------------------------------------------

    def _describe(self, order: Order) -> str:
        quote, _, base = order.code.partition("-")
        words = f"{side_word(order.ask_bid)} {self.state.market_name(order.code)} ({order.code})"
        if order.remaining_volume is None:
            return f"{words} {type_word(order.order_type)} {formats.amount(order.price)} {quote}"
        at = "" if order.price is None else f" @ {entry.exact_text(order.price)} {quote}"
        return f"{words} {entry.exact_text(order.remaining_volume)} {base}{at}"

    def cancel_selected(self) -> None:
        """Cancel the selected orders; several after a confirmation, a single one only on a real exchange."""
        orders = self._selected()
        if len(orders) == 1:
            self._cancel_one(orders[0])
        elif orders:
            uuids = [order.uuid for order in orders]
            self._cancel_many(
                self.tr("the selected ones"), orders[:20], functools.partial(self._cancel_these, uuids[:20])
            )

    def _cancel_one(self, order: Order) -> None:
        rows = ((self.tr("Order"), self._describe(order)), (self.tr("Number"), order.uuid))
        question = Question(self.tr("Cancel this order?"), rows, self.tr("Cancel the order"), order.ask_bid)
        self.ask(question, functools.partial(self._send_cancel, order, question), always=False)

    def _send_cancel(self, order: Order, question: Question) -> None:
        async def cancel() -> str:
            reply = await self.state.gateway.cancel(question.text, order.uuid)
            what = self._describe(order)
            if reply.is_open:
                return self.tr("Asked to cancel: {order}").format(order=what)
            return self.tr("No longer open: {order}").format(order=what)

        self.carry_out(order.uuid, cancel, self._refresh)

    def cancel_of_market(self) -> None:
        """Cancel every open order of the selected pair, after a confirmation."""
        code = self.state.market
        orders = self._open_orders(code)
        call = functools.partial(self._cancel_listed, (code,), orders)
        self._cancel_many(f"{self.state.market_name(code)} ({code})", orders, call)

    def cancel_every(self) -> None:
        """Cancel every open order, after a confirmation."""
        orders = self._open_orders()
        call = functools.partial(self._cancel_listed, None, orders)
        self._cancel_many(self.tr("all markets"), orders, call)

    def _cancel_many(self, where: str, orders: Sequence[Order], call: Callable[[Question], object]) -> None:
        if not orders or self.is_busy("many"):
            return
        count = len(orders)
        title = self.tr("Cancel open orders: {count}?").format(count=count)
        lines = [self._describe(order) for order in orders[:5]]
        if count > len(lines):
            lines.append(self.tr("… and {count} more").format(count=count - len(lines)))
        rows = (
            (self.tr("Where"), where),
            (self.tr("How many"), str(min(count, _MOST_AT_ONCE))),
            (self.tr("Orders"), "\n".join(lines)),
        )
        question = Question(title, rows, self.tr("Cancel the orders"))
        self.ask(question, functools.partial(call, question), always=True)

    def _cancel_listed(
        self, codes: Sequence[str] | None, orders: Sequence[Order], question: Question
    ) -> None:
        reserved = [order.uuid for order in orders if order.state is OrderState.WATCH]
        # Those placed since the question are cancelled too, as the buttons say: all.
        count = _MOST_AT_ONCE if len(reserved) < len(orders) else 0

        async def cancel() -> str:
            result = await self.state.gateway.cancel_listed(question.text, codes, count, reserved)
            return self._counted(len(result.success), len(result.failed))

        self.carry_out("many", cancel, self._refresh)

    def _cancel_these(self, uuids: Sequence[str], question: Question) -> None:
        async def cancel() -> str:
            result = await self.state.gateway.cancel_several(question.text, uuids)
            return self._counted(len(result.success), len(result.failed))

        self.carry_out("many", cancel, self._refresh)

    def _counted(self, done: int, failed: int) -> str:
        text = self.tr("Asked to cancel {count} of the orders.").format(count=done)
        if failed:
            text += " " + self.tr("Not possible for {count}: look at the open orders.").format(count=failed)
        return text

    # --- replacing -------------------------------------------------------------------------------------

    def replace_selected(self) -> None:
        """Ask for another price or size of the selected order."""
        orders = self._selected()
        if len(orders) == 1 and orders[0].order_type is OrderType.LIMIT:
            dialog = ReplaceDialog(self.state, orders[0], self)
            dialog.accepted.connect(functools.partial(self._on_replace, orders[0], dialog))
            dialog.open()

    def _on_replace(self, order: Order, dialog: ReplaceDialog) -> None:
        price, volume = dialog.price, dialog.volume
        quote, _, base = order.code.partition("-")
        exact = entry.exact_text
        rows = (
            (self.tr("Cancelled"), self._describe(order)),
            (self.tr("New price"), f"{exact(price)} {quote}"),
            (self.tr("New size"), f"{exact(volume)} {base}"),
            (self.tr("New total"), f"{exact(entry.total_of(price, volume))} {quote}"),
            (self.tr("Number"), order.uuid),
        )
        ticket = OrderTicket(order.code, order.ask_bid, OrderType.LIMIT, price, volume)
        warning = caution_text(
            self.state,
            ticket,
            last_price=dialog.last_price,
            needed=ticket.needed(ticket.worth(None), None),
            available=self._available_without(order),
        )
        question = Question(self.tr("Replace this order?"), rows, self.tr("Replace"), order.ask_bid, warning)
        send = functools.partial(self._send_replace, order, price, volume, question, str(uuid.uuid4()))
        self.ask(question, send, always=True)

    def _available_without(self, order: Order) -> Decimal | None:
        """What is available once an order no longer locks its part; None while unknown."""
        quote, _, base = order.code.partition("-")
        currency = quote if order.ask_bid is AskBid.BID else base
        balance = self.account.balance(currency) if self.account is not None else None
        return None if balance is None else entry.sum_of(balance.balance, order.locked or Decimal(0))

    def _send_replace(
        self, order: Order, price: Decimal, volume: Decimal, question: Question, identifier: str
    ) -> None:
        async def replace() -> str:
            # The same order type as before; post_only cannot be combined with self-match prevention.
            is_post_only = order.time_in_force is TimeInForce.POST_ONLY
            smp: SmpType | None = None if is_post_only else order.smp_type
            await self.state.gateway.replace(
                question.text, order.code, order.ask_bid, OrderType.LIMIT, prev_order_uuid=order.uuid,
                price=price, volume=volume, time_in_force=order.time_in_force, smp_type=smp,
                identifier=identifier,
            )  # fmt: skip
            return self.tr("Asked to replace: {order}").format(order=self._describe(order))

        self.carry_out(order.uuid, replace, self._refresh)
