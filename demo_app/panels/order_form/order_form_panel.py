"""`OrderFormPanel`: buy and sell the selected pair."""

from __future__ import annotations

import functools
import uuid
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QWidget

from demo_app.panels.order_form.order_fields import OrderFields
from demo_app.panels.order_form.order_question import order_question
from demo_app.style import formats
from demo_app.style.error_messages import explain
from demo_app.terminal_state import OrderPrefill, TerminalState
from demo_app.trading import order_entry as entry
from demo_app.trading.order_draft import OrderDraft
from demo_app.trading.order_ticket import CONDITIONS, KINDS, SMP_TYPES, OrderTerms, OrderTicket
from demo_app.widgets.account_panel import AccountPanel
from demo_app.widgets.order_cautions import caution_text, stale_price_text
from demo_app.widgets.order_labels import condition_word, side_word, smp_word, type_word
from demo_app.widgets.trading_dialogs import Question
from qt_upbit import (
    Account,
    AskBid,
    AuthenticationError,
    Balance,
    InvalidOrderError,
    OrderType,
    QtUpbitError,
    Subscription,
    TickerEvent,
    WebSocketClientProxy,
    owned_slot,
    quote_currency_of,
)

__all__ = ["OrderFormPanel"]

_SWITCH_MS: Final = 150
"""Debounce: fees are requested only for the pair the user stops at."""
_RETRY_MS: Final = 5000
_BAND_MS: Final = 1000
_RULES_MS: Final = 600_000
"""The exchange changes its rules now and then, while a terminal runs for weeks."""


class OrderFormPanel(AccountPanel):
    """Price, size and total follow each other exactly; nothing is sent without a confirmation.

    Args:
        state, parent: as `Panel`.
    """

    NAME = "order_form"
    LEAST = (200, 300)
    MESSAGE_LINES = 2

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.code = ""
        self.last_price: Decimal | None = None
        self._terms = OrderTerms()
        self._accounts_before = 0
        self._is_documented = False
        """The problem in the hint is one by the library's tables, not by the exchange's rules."""
        self._by_total = False
        """Whether the user entered the total, and the size follows from it."""
        self._wants_last_price = True
        self._ticker: Subscription | None = None
        self._proxy = WebSocketClientProxy("order_form", parent=self)
        self._proxy.ticker_received.connect(self._on_ticker)
        self.fields = OrderFields(state, self.message)
        self.set_body(self.fields)
        self._switch_timer = self.timer("order form switch", _SWITCH_MS, self._load_chance)
        self._connect_fields()
        for keys, slot in (("Ctrl+B", self.buy), ("Ctrl+S", self.sell), ("Ctrl+L", self._lock)):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)
        self.timer("order form rules", _RULES_MS, self._load_chance, repeats=True).start()
        self.timer("order form band", _BAND_MS, self.fields.band.show_state, repeats=True).start()
        state.market_changed.connect(self.show_market)
        state.markets_changed.connect(self._refresh)
        state.order_drafted.connect(self.take)
        state.freshness.changed.connect(self._refresh)
        self.retranslate()
        self.apply_theme()
        self.show_market(state.market)
        self.sign_in()

    def _connect_fields(self) -> None:
        fields = self.fields
        fields.sides.buttonClicked.connect(self._on_side)
        fields.kind.currentIndexChanged.connect(self._on_kind)
        fields.price.edited.connect(self._on_price)
        fields.price.stepped.connect(self._step)
        fields.volume.edited.connect(self._on_volume)
        fields.total.edited.connect(self._on_total)
        fields.total.editingFinished.connect(self._settle)
        for field in (fields.price, fields.volume, fields.total):
            field.returnPressed.connect(self.submit)
        fields.percents.idClicked.connect(self._take_percent)
        fields.condition.currentIndexChanged.connect(self._refresh)
        fields.smp.currentIndexChanged.connect(self._refresh)
        fields.submit.clicked.connect(self.submit)
        fields.test.clicked.connect(self.test)
        fields.band.unlock_wanted.connect(self.unlock)
        fields.band.locked.connect(self._refresh)

    # --- the panel ---------------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Order")

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """As `Panel.shortcuts`."""
        return (
            ("Ctrl+B", self.tr("Buy: go to the order form")),
            ("Ctrl+S", self.tr("Sell: go to the order form")),
            ("Ctrl+L", self.tr("Lock real orders")),
        )

    def retranslate(self) -> None:
        """Set every text again."""
        fields = self.fields
        fields.buy.setText(side_word(AskBid.BID))
        fields.sell.setText(side_word(AskBid.ASK))
        _fill(fields.kind, [(kind, type_word(kind)) for kind in KINDS])
        fields.kind.setAccessibleName(self.tr("Order type"))
        _fill(fields.smp, [(smp, smp_word(smp)) for smp in SMP_TYPES])
        self._fill_conditions()
        fields.available_label.setText(self.tr("Available"))
        fields.price_label.setText(self.tr("Price"))
        fields.volume_label.setText(self.tr("Size"))
        fields.total_label.setText(self.tr("Total"))
        fields.fee_label.setText(self.tr("Fee (est.)"))
        fields.advanced.setText(self.tr("Advanced"))
        fields.condition_label.setText(self.tr("Time in force"))
        fields.smp_label.setText(self.tr("Self-match prevention"))
        fields.test.setText(self.tr("Test"))
        fields.test.setToolTip(self.tr("Have the exchange check the order without placing it"))
        for label, field in (
            (fields.price_label, fields.price),
            (fields.volume_label, fields.volume),
            (fields.total_label, fields.total),
            (fields.condition_label, fields.condition),
            (fields.smp_label, fields.smp),
        ):
            field.setAccessibleName(label.text())
        fields.band.show_state()
        self._refresh()

    def apply_theme(self) -> None:
        """Colours and fonts."""
        self.fields.paint(self.state)
        self._refresh()

    def set_stale(self, text: str) -> None:
        """Shown in the hint: no overlay may cover the band that says whether orders are real."""
        if text != self.stale_text:
            self.stale_text = text
            self._refresh()

    def attach(self, account: Account) -> None:
        """Follow what is available."""
        account.balance_changed.connect(self._on_balance)
        self._switch_timer.start(_SWITCH_MS)

    def detach(self) -> None:
        """Forget the fees: another account has its own."""
        if self.account is not None and not self.account.is_closed:
            self.account.balance_changed.disconnect(self._on_balance)
        self._terms = OrderTerms()
        self._accounts_before += 1

    def on_account_state(self) -> None:
        """Request fees that could not be read before."""
        if self.account is not None and self.account.is_synchronized and self._terms.chance is None:
            self._switch_timer.start(_SWITCH_MS)
        self._refresh()

    def on_busy(self) -> None:
        """Disable what is under way: nothing is sent twice."""
        self.fields.band.show_state()
        self._refresh()

    # --- what is shown -----------------------------------------------------------------------------

    def show_market(self, code: str) -> None:
        """Show another pair; the form is cleared."""
        if code == self.code:
            return
        self.code = code
        self.last_price = None
        self._terms = OrderTerms()
        self._wants_last_price = True
        for field in (self.fields.price, self.fields.volume, self.fields.total):
            field.set_value(None)
        # What was special about the last order of another pair is not meant for the next one.
        self.fields.condition.setCurrentIndex(0)
        self.fields.smp.setCurrentIndex(0)
        before, self._ticker = self._ticker, self._proxy.subscribe_ticker([code])
        if before is not None:
            before.close()
        self._switch_timer.start(_SWITCH_MS)
        self._refresh()

    def take(self, draft: OrderPrefill) -> None:
        """Fill in a draft from another panel; nothing is sent."""
        self.state.set_market(draft.code)
        self.show_market(draft.code)
        fields = self.fields
        if draft.ask_bid is not None:
            (fields.buy if draft.ask_bid is AskBid.BID else fields.sell).setChecked(True)
        if draft.price is not None:
            fields.kind.setCurrentIndex(0)
            self._wants_last_price = False
            fields.price.set_value(draft.price)
        if draft.volume is not None:
            self._by_total = False
            fields.volume.set_value(draft.volume)
        self._follow()
        fields.paint(self.state)

    def buy(self) -> None:
        """Choose buying and go to the size."""
        self._choose(AskBid.BID)

    def sell(self) -> None:
        """Choose selling and go to the size."""
        self._choose(AskBid.ASK)

    def _choose(self, side: AskBid) -> None:
        (self.fields.buy if side is AskBid.BID else self.fields.sell).setChecked(True)
        self._on_side()
        field = self.fields.volume if self.ticket.has_volume else self.fields.total
        field.setFocus()
        field.selectAll()

    def _lock(self) -> None:
        self.state.guard.lock()
        self.fields.band.show_state()

    # --- what the fields say -------------------------------------------------------------------------

    @property
    def kind(self) -> OrderType:
        """LIMIT, MARKET (of either side) or BEST."""
        return KINDS[max(self.fields.kind.currentIndex(), 0)]

    @property
    def ticket(self) -> OrderTicket:
        """The current state of the fields."""
        fields, kind = self.fields, self.kind
        return OrderTicket(
            self.code,
            fields.side,
            kind,
            fields.price.value,
            fields.volume.value,
            fields.total.value,
            CONDITIONS[kind][max(fields.condition.currentIndex(), 0)],
            SMP_TYPES[max(fields.smp.currentIndex(), 0)],
        )

    def draft(self) -> OrderDraft:
        """The order in the fields, as `submit` confirms it and `test` checks it."""
        return self.ticket.draft(self._terms)

    @property
    def _rate(self) -> Decimal | None:
        ticket = self.ticket
        return self._terms.fee_rate(ticket.ask_bid, ticket.condition)

    @property
    def available(self) -> Decimal | None:
        """The balance that the chosen side spends; None while unknown."""
        account, ticket, chance = self.account, self.ticket, self._terms.chance
        is_bid = ticket.ask_bid is AskBid.BID
        balance: Balance | None = None
        if account is not None:
            balance = account.balance(ticket.quote if is_bid else ticket.base)
            if balance is None and account.is_synchronized:
                return Decimal(0)
        if balance is None and chance is not None:
            balance = chance.bid_account if is_bid else chance.ask_account
        return None if balance is None else balance.balance

    # --- the fields follow each other ----------------------------------------------------------------

    def _on_side(self, *_: object) -> None:
        self.fields.paint(self.state)
        self._follow()

    def _on_kind(self, *_: object) -> None:
        """Another order type starts as in a new form: no price or time in force is left over."""
        self._fill_conditions()
        self.fields.condition.setCurrentIndex(0)
        ticket = self.ticket
        if not ticket.has_price:
            self.fields.price.set_value(None)
        elif ticket.price is None:
            self._wants_last_price = self.last_price is None
            self.fields.price.set_value(self.last_price)
        # The amount to spend becomes the total, and the size follows from it.
        self._by_total = ticket.has_price and ticket.volume is None
        self._follow()
        self._settle()

    def _fill_conditions(self) -> None:
        conditions = CONDITIONS[self.kind]
        _fill(self.fields.condition, [(each, condition_word(each)) for each in conditions])

    def _on_price(self) -> None:
        self._wants_last_price = False
        self._follow()

    def _on_volume(self) -> None:
        self._by_total = False
        self._follow()

    def _on_total(self) -> None:
        self._by_total = True
        self._follow()

    def _settle(self) -> None:
        """Show the total that the size really gives; invalid text stays visible."""
        if self._by_total and self.ticket.has_volume and not self.fields.total.is_wrong:
            self._by_total = False
            self._follow()

    def _step(self, steps: int) -> None:
        price = self.fields.price.value
        start = price if price is not None else self.last_price
        if start is None:
            return
        try:
            self.fields.price.set_value(entry.step_price(self.code, start, steps, self._terms.step_at))
        except ValueError:
            return  # no tick table and no answer yet: the tick is unknown
        self._on_price()

    def _take_percent(self, percent: int) -> None:
        available, rate = self.available, self._rate
        if available is None or rate is None:
            return
        if self.fields.side is AskBid.ASK:
            self._by_total = False
            self.fields.volume.set_value(entry.share_of(available, percent))
        else:
            ticket = self.ticket
            total = entry.spendable(available, percent, rate, ticket.quote)
            self._by_total = False
            if not ticket.has_volume:
                self.fields.total.set_value(total)
            elif ticket.price:
                self.fields.volume.set_value(entry.volume_for(total, ticket.price))
        self._follow()

    def _follow(self) -> None:
        name, value = self.ticket.follower(by_total=self._by_total)
        (self.fields.volume if name == "volume" else self.fields.total).set_value(value)
        self._refresh()

    # --- what is said about it -----------------------------------------------------------------------

    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code != self.code:
            return
        self.last_price = event.trade_price
        ticket = self.ticket
        if self._wants_last_price and ticket.has_price:
            self._wants_last_price = False
            self.fields.price.set_value(event.trade_price)
            self._follow()
        elif not ticket.has_price or ticket.volume is not None:
            self._refresh()

    def _on_balance(self, balance: Balance) -> None:
        if balance.currency in self.code.split("-"):
            self._refresh()

    def _refresh(self, *_: object) -> None:
        """Update everything except the fields that the user fills in."""
        fields, theme, ticket = self.fields, self.state.theme, self.ticket
        is_bid, quote, base = ticket.ask_bid is AskBid.BID, ticket.quote, ticket.base
        fields.price_unit.setText(quote)
        fields.volume_unit.setText(base)
        fields.total_unit.setText(quote)
        fields.price.setEnabled(ticket.has_price)
        fields.price.setPlaceholderText("" if ticket.has_price else type_word(ticket.kind))
        fields.volume.setEnabled(ticket.has_volume)
        self.key_target = fields.volume if ticket.has_volume else fields.total
        fields.total.setEnabled(ticket.has_price or not ticket.has_volume)
        total = ticket.worth(self.last_price)
        about = total if ticket.has_volume and not ticket.has_price else None
        fields.total.setPlaceholderText(f"≈ {formats.price(about, quote)}" if about else "")
        fields.condition.setEnabled(len(CONDITIONS[ticket.kind]) > 1)
        terms = [type_word(ticket.kind)]
        if ticket.kind is not OrderType.MARKET:
            terms.append(condition_word(ticket.condition))
        if ticket.smp_type is not None:
            terms.append(f"{fields.smp_label.text()}: {smp_word(ticket.smp_type)}")
        fields.show_terms(terms, is_usual=ticket.condition is None and ticket.smp_type is None)
        available, rate = self.available, self._rate
        unit = quote if is_bid else base
        exact = "–" if available is None else f"{formats.amount(available)} {unit}"
        # Show whole won, so that a narrow form never cuts off leading digits; never rounded up.
        is_whole = is_bid and quote_currency_of(quote).decimals == 0 and available is not None
        fields.available.setText(f"{int(available or 0):,} {unit}" if is_whole else exact)
        fields.available.setToolTip(exact)
        if rate is None or total is None:
            text = "–" if rate is None else f"({formats.percent(rate, sign=False)})"
        else:
            text = f"{formats.amount(entry.fee_of(total, rate), formats.fee_decimals(quote))} {quote}"
            text += f" ({formats.percent(rate, sign=False)})"
        fields.fee.setText(text)
        for button in fields.percents.buttons():
            button.setEnabled(available is not None and rate is not None)
        problem, is_blocking = self._problem()
        fields.hint.say(" · ".join(problem.split("\n")), theme.warning.name())
        fields.show_stale(is_stale=self.state.freshness.is_stale)
        by_documentation = self.tr("By Upbit's documentation: the exchange's own rules are not known yet.")
        if self._is_documented:
            fields.hint.setToolTip(f"{problem}\n{by_documentation}")
        is_free = not self.is_busy("order")
        fields.submit.setEnabled(is_free and not is_blocking)
        fields.test.setEnabled(is_free and not is_blocking)
        word = side_word(fields.side)
        fields.submit.setText(f"{word} {base}" if is_free else self.tr("Sending…"))

    def _problem(self) -> tuple[str, bool]:
        """What is wrong or unusual, and whether it prevents sending."""
        fields, ticket, available = self.fields, self.ticket, self.available
        self._is_documented = False
        for field in (fields.price, fields.volume, fields.total):
            if field.isEnabledTo(fields) and field.is_wrong:
                return field.problem(), True
        if not ticket.is_complete:
            texts = (self.doubt or self.stale_text, stale_price_text(self.state))
            return "\n".join(filter(None, texts)), True
        try:
            self.draft().check()
        except InvalidOrderError as error:
            self._is_documented = error.is_documented
            return explain(error), True
        is_sure = self.account is not None and self.account.is_synchronized
        needed = ticket.needed(ticket.worth(self.last_price), self._rate)
        if available is not None and needed > available:
            return self.tr("More than is available, fee included."), is_sure
        return self._warning() or self.doubt or self.stale_text, False

    def _warning(self) -> str:
        ticket = self.ticket
        return caution_text(
            self.state,
            ticket,
            last_price=self.last_price,
            needed=ticket.needed(ticket.worth(self.last_price), self._rate),
            available=self.available,
        )

    @owned_slot
    async def _load_chance(self) -> None:
        """Load fees and rules of the pair."""
        code, accounts_before = self.code, self._accounts_before
        if self.account is None:
            return

        def is_wanted() -> bool:
            return code == self.code and accounts_before == self._accounts_before

        try:
            chance = await self.state.rest.get_order_chance(code)
            rules = await self.state.rest.get_market_rules(code)
        except QtUpbitError as error:
            if is_wanted():
                self.show_message(explain(error), failed=True)
                if not isinstance(error, AuthenticationError):
                    self._switch_timer.start(_RETRY_MS)
            return
        if is_wanted():
            self._terms = OrderTerms(chance, rules)
            self._refresh()

    # --- sending ---------------------------------------------------------------------------------------

    def submit(self) -> None:
        """Ask the user to confirm the order; Enter in a field calls this too."""
        self._settle()
        if self.is_busy("order") or self._problem()[1]:
            return
        order, ticket = self.draft(), self.ticket
        name, worth = self.state.market_name(ticket.code), ticket.worth(self.last_price)
        question = order_question(ticket, name, worth, self._rate, self._warning())
        # One identifier per confirmation: with it the library finds an order whose response is lost.
        send = functools.partial(self._send, order, question, str(uuid.uuid4()))
        self.ask(question, send, always=True)

    def _send(self, order: OrderDraft, question: Question, identifier: str) -> None:
        async def place() -> str:
            await order.place(self.state.gateway, question.text, identifier)
            return self.tr("Sent: {rows}").format(rows=", ".join(value for _, value in question.rows[:5]))

        self.carry_out("order", place, self._sent)

    def _sent(self) -> None:
        """Get ready for the next order at the same price."""
        self.fields.volume.set_value(None)
        self.fields.total.set_value(None)
        field = self.fields.volume if self.ticket.has_volume else self.fields.total
        field.setFocus()
        self._refresh()

    def test(self) -> None:
        """Have the exchange check the order; nothing is placed, so the guard is not needed."""
        self._settle()
        if self.is_busy("order") or self._problem()[1]:
            return
        order = self.draft()

        async def test() -> str:
            await order.test(self.state.rest)
            return self.tr("Test passed: the exchange would take this order. Nothing was placed.")

        self.carry_out("order", test, self._refresh)


def _fill(combo: QComboBox, items: list[tuple[object, str]]) -> None:
    """Replace the items; the selection stays if it still exists."""
    with QSignalBlocker(combo):
        before = combo.currentData()
        combo.clear()
        for value, text in items:
            combo.addItem(text, value)
        combo.setCurrentIndex(max(next((i for i, item in enumerate(items) if item[0] == before), 0), 0))
