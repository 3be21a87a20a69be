"""Records from REST: markets, and the orders, fills and balances of an account.

Fields are named as in the events of `qt_upbit.types`, whatever the source: REST says ``side``,
``ord_type`` and ``market`` where the socket says ``ask_bid``, ``order_type`` and ``code``
(protocol section 9.2). All are frozen; amounts are exact decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from qt_upbit.epoch import datetime_at
from qt_upbit.exact import EXACT, quotient
from qt_upbit.types import AskBid, CandleEvent, OrderState, OrderType, SmpType, TickerEvent, TimeInForce
from qt_upbit.types.wire_struct import rebuild_struct

__all__ = [
    "ApiKey",
    "Balance",
    "ByCode",
    "CancelResult",
    "CancelledOrder",
    "Deposit",
    "Fill",
    "Instrument",
    "Market",
    "Order",
    "OrderChance",
    "Pocket",
    "RestCandle",
    "RestTicker",
    "WalletStatus",
    "Withdrawal",
]

_T = TypeVar("_T")
_OVER: Final = frozenset((OrderState.DONE, OrderState.CANCEL))


class ByCode(dict[str, _T], Generic[_T]):
    """What a call about several pairs returned, by code, in the order asked for.

    Attributes:
        missing: codes that were asked for and have no entry: Upbit does not list them (any more), or has
            nothing for them. The library has logged them too.
    """

    def __init__(self, found: Mapping[str, _T], missing: Iterable[str] = ()) -> None:
        super().__init__(found)
        self.missing: tuple[str, ...] = tuple(missing)


class RestTicker(TickerEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A `TickerEvent` with what only REST says (protocol section 9.1).

    Attributes:
        trade_date_kst, trade_time_kst: of the last trade in Korean time, ``yyyyMMdd`` and ``HHmmss``.
    """

    trade_date_kst: str | None = None
    trade_time_kst: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild_struct, (type(self), msgspec.structs.asdict(self))


class RestCandle(CandleEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A `CandleEvent` with what only REST says (protocol section 9.1). None where a length has no such field.

    Attributes:
        prev_closing_price: close of the day before; days only.
        change_price: close minus `prev_closing_price`, signed; days only.
        change_rate: `change_price` as a fraction, signed; days only.
        converted_trade_price: the close in the currency asked for; days only.
        first_day_of_period: ISO date; weeks, months and years.
    """

    prev_closing_price: Decimal | None = None
    change_price: Decimal | None = None
    change_rate: Decimal | None = None
    converted_trade_price: Decimal | None = None
    first_day_of_period: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild_struct, (type(self), msgspec.structs.asdict(self))


# They equal the socket's event with the same figures, of which they are one in every respect.
RestTicker.public_class = TickerEvent
RestCandle.public_class = CandleEvent


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
        trend: ``up`` or ``down``, as REST says; None if the fill came from the socket.
        reported_funds: quote currency as REST says; None as for `trend`.
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
    trend: str | None = None
    reported_funds: Decimal | None = None

    @property
    def funds(self) -> Decimal:
        """Quote currency: as Upbit says, else price times volume, which is exact."""
        if self.reported_funds is not None:
            return self.reported_funds
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
        state: WAIT (also when partly filled), WATCH, DONE or CANCEL; or what else Upbit says.
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
        reported_avg_price: ``avg_price`` of REST, as it was when read. With the fee: a purchase at 315 is
            reported as 315.1575 (protocol section 9.2).
        application_name: what placed it, for example ``self_issued_open_api``; None if Upbit does not say.
        is_cancel_and_newable: whether it could be replaced when read; None as above.
        thirdparty: whether another company's application placed it; None as above.
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
    reported_avg_price: Decimal | None = None
    application_name: str | None = None
    is_cancel_and_newable: bool | None = None
    thirdparty: bool | None = None

    @property
    def symbol(self) -> str:
        """The pair; alias of `code`."""
        return self.code

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled or cancelled; an unknown state is not known to be an end."""
        return self.state not in _OVER

    @property
    def avg_price(self) -> Decimal | None:
        """Average price of the fills, quote currency; None if there are none or it is unknown.

        Of a finished order whose funds are not known it is what Upbit reports, which contains the fee.
        """
        if not self.executed_volume:
            return None
        if self.executed_funds is None:
            # An open order's may have changed since.
            return None if self.is_open else self.reported_avg_price
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
        name: for example ``BTC/KRW``.
        order_types, order_sides: ``order_types`` is deprecated by Upbit for `bid_types` and `ask_types`.
        bid_currency, ask_currency: what a buy and a sale pay with.
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
    name: str | None = None
    order_types: tuple[str, ...] = ()
    order_sides: tuple[str, ...] = ()
    bid_currency: str | None = None
    ask_currency: str | None = None


class CancelledOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a `CancelResult`."""

    uuid: str
    code: str
    identifier: str | None = None


class CancelResult(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders are being cancelled, and which could not be."""

    success: tuple[CancelledOrder, ...]
    failed: tuple[CancelledOrder, ...]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One of the account's API keys (``/v1/api_keys``).

    Attributes:
        access_key: names the key; no secret, and yet not shown by ``repr``.
        expires_at: aware.
    """

    access_key: str
    expires_at: datetime

    def expires_within(self, span: timedelta, now: datetime) -> bool:
        """Whether it has expired at `now` plus `span`; `now` is aware."""
        return self.expires_at - now <= span

    def __repr__(self) -> str:
        """The end of the key, which is enough to tell several apart."""
        return f"ApiKey(access_key='…{self.access_key[-4:]}', expires_at={self.expires_at.isoformat()!r})"


class WalletStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a coin can be deposited and withdrawn over one network (``/v1/status/wallet``).

    Attributes:
        currency: the coin.
        wallet_state: ``working``, ``withdraw_only``, ``deposit_only``, ``paused`` or ``unsupported``.
        block_state: ``normal``, ``delayed`` or ``inactive``; None if Upbit does not say.
        block_height: confirmed; None as above.
        block_updated_at: aware; None as above.
        block_elapsed_minutes: since then; None as above.
        net_type: the network, for example ``ETH``.
        network_name: its name for people.
    """

    currency: str
    wallet_state: str
    block_state: str | None = None
    block_height: int | None = None
    block_updated_at: datetime | None = None
    block_elapsed_minutes: int | None = None
    net_type: str | None = None
    network_name: str | None = None

    @property
    def can_deposit(self) -> bool:
        """Whether deposits are possible now."""
        return self.wallet_state in ("working", "deposit_only")

    @property
    def can_withdraw(self) -> bool:
        """Whether withdrawals are possible now."""
        return self.wallet_state in ("working", "withdraw_only")


class Pocket(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the account with balances and keys of its own (``/v1/pockets``).

    Attributes:
        uuid: Upbit's id.
        name: given by its owner.
        type: ``main`` or ``user_spot_trading``.
    """

    uuid: str
    name: str
    type: str


class _Movement(msgspec.Struct, frozen=True, kw_only=True):
    uuid: str
    currency: str
    amount: Decimal
    fee: Decimal
    state: str
    type: str
    created_at: datetime
    done_at: datetime | None = None
    txid: str | None = None
    net_type: str | None = None
    transaction_type: str | None = None


class Deposit(_Movement, frozen=True, kw_only=True):
    """A deposit (``/v1/deposits``).

    Attributes:
        uuid: Upbit's id.
        currency: what arrived.
        amount, fee: of that currency.
        state: ``PROCESSING``, ``ACCEPTED``, ``CANCELLED``, ``REJECTED``, ``TRAVEL_RULE_SUSPECTED``,
            ``REFUNDING``, ``REFUNDED``, or what Upbit adds.
        type: ``deposit``.
        created_at, done_at: aware; None while it is not done.
        txid: of the network's transaction.
        net_type: the network; None for money.
        transaction_type: ``default``, or ``internal`` between accounts of Upbit.
    """


class Withdrawal(_Movement, frozen=True, kw_only=True):
    """A withdrawal (``/v1/withdraws``); attributes as of a `Deposit`.

    Attributes:
        state: ``WAITING``, ``PROCESSING``, ``DONE``, ``FAILED``, ``CANCELLED``, ``REJECTED``, or what Upbit
            adds.
        type: ``withdraw``.
        is_cancelable: whether it can still be cancelled; None if Upbit does not say.
    """

    is_cancelable: bool | None = None


def _utc(timestamp_ms: int) -> datetime:
    return datetime_at(0, milliseconds=timestamp_ms)
