"""Records from REST: markets, and the orders, fills and balances of an account.

Fields are named as in the events of `qt_upbit.types`, whatever the source: REST says ``side``,
``ord_type`` and ``market`` where the socket says ``ask_bid``, ``order_type`` and ``code``
(protocol section 9.2). All are frozen; amounts are exact decimals.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from qt_upbit.exact import EXACT, quotient
from qt_upbit.types import AskBid, OrderState, OrderType, SmpType, TimeInForce

__all__ = [
    "Balance",
    "CancelResult",
    "CancelledOrder",
    "Fill",
    "Instrument",
    "Market",
    "Order",
    "OrderChance",
]

_OPEN = frozenset((OrderState.WAIT, OrderState.WATCH))


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of an order.

    Attributes:
        uuid: of the trade; ``trade_uuid`` in myOrder frames.
        order_uuid: of the order.
        code: the pair.
        ask_bid: side of the order.
        price: quote currency per unit.
        volume: base currency.
        trade_timestamp: milliseconds since the epoch, UTC.
        fee: paid for this fill, quote currency; None if the fill came from REST, which omits it.
        is_maker: whether the order rested in the book; None as for `fee`.
    """

    uuid: str
    order_uuid: str
    code: str
    ask_bid: AskBid
    price: Decimal
    volume: Decimal
    trade_timestamp: int
    fee: Decimal | None = None
    is_maker: bool | None = None

    @property
    def funds(self) -> Decimal:
        """Price times volume, quote currency."""
        return EXACT.multiply(self.price, self.volume)

    @property
    def traded_at(self) -> datetime:
        """Time of the fill, aware, UTC."""
        return _utc(self.trade_timestamp)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of an order.

    Attributes:
        uuid: Upbit's id.
        code: the pair.
        ask_bid: side.
        order_type: kind; ``price`` is a market buy by amount, ``market`` a market sell.
        state: WAIT (also when partly filled), WATCH, DONE or CANCEL.
        price: of a limit order; for a buy by amount, the amount to spend.
        volume: base currency; None for a buy by amount.
        remaining_volume: still to be filled; a cancelled order retains its last value.
        executed_volume: base currency filled so far.
        executed_funds: quote currency of the fills; None if unknown.
        trades_count: number of fills.
        reserved_fee, remaining_fee, paid_fee: quote currency.
        locked: funds (bid, with fee) or volume (ask) reserved; a cancelled order retains its last value
            (protocol section 9.2), so read it only while `is_open`.
        time_in_force: condition, or None.
        identifier: the client's own id.
        smp_type: self-match prevention.
        prevented_volume, prevented_locked: cancelled by self-match prevention.
        order_timestamp: when it was placed, milliseconds since the epoch, UTC; resolution one second.
        fills: its known fills, oldest first; fewer than `trades_count` if only a summary was read.
        new_order_uuid, new_order_identifier: of the replacing order, only in the answer of
            cancel_and_new.
    """

    uuid: str
    code: str
    ask_bid: AskBid
    order_type: OrderType
    state: OrderState
    price: Decimal | None = None
    volume: Decimal | None = None
    remaining_volume: Decimal | None = None
    executed_volume: Decimal = Decimal(0)
    executed_funds: Decimal | None = None
    trades_count: int = 0
    reserved_fee: Decimal | None = None
    remaining_fee: Decimal | None = None
    paid_fee: Decimal | None = None
    locked: Decimal | None = None
    time_in_force: TimeInForce | None = None
    identifier: str | None = None
    smp_type: SmpType | None = None
    prevented_volume: Decimal | None = None
    prevented_locked: Decimal | None = None
    order_timestamp: int | None = None
    fills: tuple[Fill, ...] = ()
    new_order_uuid: str | None = None
    new_order_identifier: str | None = None

    @property
    def symbol(self) -> str:
        """The pair; alias of `code`."""
        return self.code

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled or cancelled."""
        return self.state in _OPEN

    @property
    def avg_price(self) -> Decimal | None:
        """Average price of the fills, quote currency; None if there are none or it is unknown."""
        if not self.executed_volume or self.executed_funds is None:
            return None
        return quotient(self.executed_funds, self.executed_volume)

    @property
    def ordered_at(self) -> datetime | None:
        """Time the order was placed, aware, UTC."""
        return None if self.order_timestamp is None else _utc(self.order_timestamp)


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The account's balance of one currency.

    Attributes:
        currency: for example ``KRW`` or ``BTC``.
        balance: available, that is without what is locked.
        locked: reserved for orders and withdrawals.
        avg_buy_price: average price paid; None if it came from the socket, which omits it.
        avg_buy_price_modified: whether the user set it manually.
        unit_currency: currency of `avg_buy_price`.
    """

    currency: str
    balance: Decimal
    locked: Decimal
    avg_buy_price: Decimal | None = None
    avg_buy_price_modified: bool | None = None
    unit_currency: str | None = None

    @property
    def total(self) -> Decimal:
        """Available plus locked."""
        return EXACT.add(self.balance, self.locked)


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A listed pair.

    Attributes:
        code: for example ``KRW-BTC``.
        korean_name, english_name: of the base currency.
        warning: under investment warning.
        cautions: reasons for caution, for example ``PRICE_FLUCTUATIONS`` (protocol section 9.1).
    """

    code: str
    korean_name: str
    english_name: str
    warning: bool = False
    cautions: tuple[str, ...] = ()


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """Order book settings of a pair.

    Attributes:
        code: the pair.
        quote_currency: for example ``KRW``.
        tick_size: at the current price; `round_to_tick` knows the others.
        supported_levels: price groupings; 0 is no grouping.
    """

    code: str
    quote_currency: str
    tick_size: Decimal
    supported_levels: tuple[Decimal, ...]


class OrderChance(msgspec.Struct, frozen=True, kw_only=True):
    """Allowed orders, fees and balances of a pair (``/v1/orders/chance``).

    Attributes:
        code: the pair.
        bid_fee, ask_fee, maker_bid_fee, maker_ask_fee: fractions of the funds; 0.0005 is 0.05 %.
        bid_types, ask_types: order types, for example ``limit_ioc``.
        min_total_bid, min_total_ask, max_total: quote currency.
        state: ``active`` while it trades.
        bid_account, ask_account: the balances of quote and base currency.
    """

    code: str
    bid_fee: Decimal
    ask_fee: Decimal
    maker_bid_fee: Decimal
    maker_ask_fee: Decimal
    bid_types: tuple[str, ...]
    ask_types: tuple[str, ...]
    min_total_bid: Decimal
    min_total_ask: Decimal
    max_total: Decimal | None
    state: str
    bid_account: Balance
    ask_account: Balance


class CancelledOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a `CancelResult`."""

    uuid: str
    code: str
    identifier: str | None = None


class CancelResult(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders are being cancelled, and which could not be."""

    success: tuple[CancelledOrder, ...]
    failed: tuple[CancelledOrder, ...]


def _utc(timestamp_ms: int) -> datetime:
    seconds, ms = divmod(timestamp_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=ms)
