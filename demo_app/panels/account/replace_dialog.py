"""`ReplaceDialog`: another price or size for an open order."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtWidgets import QFormLayout, QLabel, QWidget

from demo_app.style.error_messages import explain
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.trading import order_entry as entry
from demo_app.widgets.message import Message
from demo_app.widgets.number_field import NumberField
from demo_app.widgets.order_labels import side_word
from demo_app.widgets.trading_dialogs import TradingDialog
from qt_upbit import (
    AskBid,
    InvalidOrderError,
    Order,
    OrderType,
    TickerEvent,
    WebSocketClientProxy,
    check_order,
    owned_slot,
)

__all__ = ["ReplaceDialog"]


class ReplaceDialog(TradingDialog):
    """`accepted` once the exchange would take price and size: then read `price` and `volume`.

    Args:
        state: theme and names.
        order: an open limit order.
        parent: the widget it opens over.
    """

    def __init__(self, state: TerminalState, order: Order, parent: QWidget) -> None:
        super().__init__(state, parent)
        self.setObjectName("replaceDialog")
        self._order = order
        self._state = state
        self._rules = state.rest.known_market_rules(order.code)
        self._warning = state.theme.warning.name()
        self.setWindowTitle(self.tr("Replace an order"))
        quote, _, base = order.code.partition("-")
        color = state.theme.up if order.ask_bid is AskBid.BID else state.theme.down
        title = QLabel(f"{side_word(order.ask_bid)} {state.market_name(order.code)} ({order.code})")
        title.setFont(state.theme.font(13, bold=True))
        title.setStyleSheet(f"color: {color.name()};")
        self.price_field, self.volume_field = NumberField(), NumberField()
        self.price_field.set_value(order.price)
        self.volume_field.set_value(order.remaining_volume)
        self.hint = Message(2)
        self.hint.fit()
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE * 2)
        for label, field, unit in (
            (self.tr("Price"), self.price_field, quote),
            (self.tr("Size"), self.volume_field, base),
        ):
            field.setAccessibleName(label)
            field.edited.connect(self._check)
            form.addRow(f"{label} ({unit})", field)
        self.price_field.stepped.connect(self._step)
        self.column.addWidget(title)
        self.column.addLayout(form)
        self.column.addWidget(self.hint)
        self.add_buttons(self.tr("Replace…"), color, state.theme.ink_on(color))
        self.do.setDefault(True)
        self.price_field.setFocus()
        self.price_field.selectAll()
        self.last_price: Decimal | None = None
        """Of the pair; None until it has come."""
        self._proxy = WebSocketClientProxy("replace_dialog", parent=self)
        self._proxy.ticker_received.connect(self._on_ticker)
        self._proxy.subscribe_ticker([order.code])
        self._check()
        self._load_rules()

    def _on_ticker(self, event: TickerEvent) -> None:
        self.last_price = event.trade_price

    @owned_slot
    async def _load_rules(self) -> None:
        """Check by the exchange's rules as soon as they are known; by the documented ones until then."""
        self._rules = await self._state.rest.get_market_rules(self._order.code)
        self._check()

    @property
    def price(self) -> Decimal:
        """Of the new order."""
        return self.price_field.value or Decimal(0)

    @property
    def volume(self) -> Decimal:
        """Of the new order."""
        return self.volume_field.value or Decimal(0)

    def _step(self, steps: int) -> None:
        try:
            self.price_field.set_value(
                entry.step_price(self._order.code, self.price, steps, self._rules.step_at)
            )
        except ValueError:
            return  # a quote currency of another region, without a tick table
        self._check()

    def _check(self) -> None:
        order, problem = self._order, ""
        try:
            check_order(
                order.code, order.ask_bid, OrderType.LIMIT, price=self.price, volume=self.volume,
                time_in_force=order.time_in_force, rules=self._rules.order_rules(order.ask_bid, self.price),
            )  # fmt: skip
        except InvalidOrderError as error:
            problem = explain(error)
        problem = self.price_field.problem() or self.volume_field.problem() or problem
        is_same = (self.price, self.volume) == (order.price, order.remaining_volume)
        self.hint.say(problem, self._warning)
        self.do.setEnabled(not problem and not is_same)
