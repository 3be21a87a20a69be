"""`Account`: balances and orders with Upbit's arithmetic (protocol sections 3.5, 3.6 and 9.2).

Knows neither market nor sockets: orders are placed, filled and cancelled by calls, and each call reports
what happened as events.
"""

from __future__ import annotations

import random
import uuid as uuids
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import ClassVar, Final

from qt_upbit.exact import EXACT
from qt_upbit.regions import quote_currency_of
from qt_upbit.simulator.market.price_path import mix
from qt_upbit.types import (
    AskBid,
    Asset,
    BaseWebSocketEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderState,
    OrderType,
    SmpType,
    TimeInForce,
)

__all__ = ["CLOSED_KEPT", "Account", "Balance", "Fill", "InsufficientFunds", "Order"]

CLOSED_KEPT: Final = 1_000
"""Finished orders that an account remembers, the newest."""
_SWEEP_EVERY: Final = 100
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_EIGHT: Final = Decimal("1E-8")


class InsufficientFunds(Exception):
    """The available balance does not cover what an order would lock."""


@dataclass(slots=True)
class Balance:
    """What the account has of one currency.

    Attributes:
        balance: available.
        locked: by open orders.
        avg_buy_price: mean price paid, without fees.
    """

    currency: str
    balance: Decimal = _ZERO
    locked: Decimal = _ZERO
    avg_buy_price: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class Fill:
    """A part of an order that was executed."""

    uuid: str
    price: Decimal
    volume: Decimal
    fee: Decimal
    is_maker: bool
    time_ms: int


@dataclass(slots=True, eq=False)
class Order:
    """An order. `price` is the amount to spend for a market buy; volumes are None for it.

    Attributes:
        account: the owner.
        locked: funds (bid, fee included) or quantity (ask) still locked.
    """

    account: Account = field(repr=False)
    uuid: str
    code: str
    side: AskBid
    order_type: OrderType
    created_ms: int
    fee_rate: Decimal
    price: Decimal | None = None
    volume: Decimal | None = None
    time_in_force: TimeInForce | None = None
    identifier: str | None = None
    smp_type: SmpType | None = SmpType.CANCEL_MAKER
    state: OrderState = OrderState.WAIT
    remaining_volume: Decimal | None = None
    executed_volume: Decimal = _ZERO
    executed_funds: Decimal = _ZERO
    reserved_fee: Decimal = _ZERO
    remaining_fee: Decimal = _ZERO
    paid_fee: Decimal = _ZERO
    locked: Decimal = _ZERO
    prevented_volume: Decimal = _ZERO
    prevented_locked: Decimal = _ZERO
    prevented_funds: Decimal = _ZERO
    fills: list[Fill] = None  # type: ignore[assignment]  # filled in below

    def __post_init__(self) -> None:
        self.fills = []
        self.remaining_volume = self.volume

    @property
    def quote(self) -> str:
        """Quote currency."""
        return self.code.partition("-")[0]

    @property
    def base(self) -> str:
        """Base currency."""
        return self.code.partition("-")[2]

    @property
    def held_currency(self) -> str:
        """The currency it locks while it is open: quote for a bid, base for an ask."""
        return self.quote if self.side is AskBid.BID else self.base

    @property
    def by_amount(self) -> bool:
        """Whether it is a market buy for an amount of money."""
        return self.volume is None

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled or cancelled."""
        return self.state in (OrderState.WAIT, OrderState.WATCH, OrderState.TRADE)

    @property
    def avg_price(self) -> Decimal | None:
        """Mean price of its fills, to eight decimals; None without any."""
        if not self.executed_volume:
            return None
        return EXACT.quantize(EXACT.divide(self.executed_funds, self.executed_volume), _EIGHT)

    def event(self, state: OrderState, now_ms: int, fill: Fill | None = None) -> MyOrderEvent:
        """The frame about this order."""
        average = self.avg_price or _ZERO
        untouched = self.by_amount and not self.fills
        return MyOrderEvent(
            type="myOrder",
            code=self.code,
            uuid=self.uuid,
            ask_bid=self.side,
            order_type=self.order_type,
            state=state,
            trade_uuid=None if fill is None else fill.uuid,
            price=self.price if fill is None else fill.price,
            avg_price=average,
            volume=self.volume if fill is None else fill.volume,
            remaining_volume=self.remaining_volume,
            executed_volume=None if untouched else self.executed_volume,
            trades_count=len(self.fills),
            reserved_fee=self.reserved_fee,
            remaining_fee=self.remaining_fee,
            paid_fee=self.paid_fee,
            locked=self.locked,
            executed_funds=self.executed_funds,
            time_in_force=self.time_in_force,
            trade_fee=None if fill is None else fill.fee,
            is_maker=None if fill is None else fill.is_maker,
            identifier=self.identifier,
            smp_type=self.smp_type,
            prevented_volume=None if self.by_amount else self.prevented_volume,
            prevented_locked=self.prevented_locked,
            trade_timestamp=None if fill is None else fill.time_ms,
            order_timestamp=self.created_ms - self.created_ms % 1000,
            timestamp=now_ms,
        )


class Account:
    """One account. Every change is reported to `publish` as myOrder and myAsset events, in order.

    Amounts are exact: available plus locked of a currency changes only by fills and their fees. `EVENTS` are
    the event classes it reports.

    Args:
        seed: determines its uuids.
        publish: takes the events.
    """

    EVENTS: ClassVar[tuple[type[BaseWebSocketEvent], ...]] = (MyOrderEvent, MyAssetEvent)

    def __init__(self, seed: int, publish: Callable[[BaseWebSocketEvent], None]) -> None:
        self._rng = random.Random(mix(seed, 31))  # noqa: S311  # a simulation, not a secret
        self._publish = publish
        self.uuid = self.new_uuid()
        self.balances: dict[str, Balance] = {}
        self.orders: dict[str, Order] = {}
        self.used_identifiers: set[str] = set()
        """Of every order ever placed; an identifier can be used once."""
        # A market trade visits open orders only, however many are finished.
        self._open: dict[str, Order] = {}
        self._next_sweep = CLOSED_KEPT

    def new_uuid(self) -> str:
        """A random uuid of the seed."""
        return str(uuids.UUID(int=self._rng.getrandbits(128), version=4))

    def balance(self, currency: str) -> Balance:
        """The balance of a currency, created when missing."""
        return self.balances.setdefault(currency, Balance(currency))

    @property
    def open_orders(self) -> list[Order]:
        """Open orders, oldest first."""
        return list(self._open.values())

    def fee_rate(self, quote: str) -> Decimal:
        """Share of an order's funds that is paid as fee."""
        return quote_currency_of(quote).fee_rate

    def draft(
        self,
        code: str,
        side: AskBid,
        order_type: OrderType,
        now_ms: int,
        *,
        price: Decimal | None = None,
        volume: Decimal | None = None,
        time_in_force: TimeInForce | None = None,
        identifier: str | None = None,
        smp_type: SmpType | None = SmpType.CANCEL_MAKER,
        uuid: str | None = None,
    ) -> Order:
        """The order as it would be placed, with what it would lock; changes nothing.

        Args:
            code: the pair.
            side: ask or bid.
            order_type: kind.
            now_ms: time.
            price: of a limit order; the amount to spend for a buy without volume.
            volume: in base currency; None for a buy by amount.
            time_in_force: condition.
            identifier: the client's own id.
            smp_type: self-match prevention.
            uuid: of the order, if a caller was already given one.
        """
        order = Order(
            self, uuid or self.new_uuid(), code, side, order_type, now_ms,
            self.fee_rate(code.partition("-")[0]), price, volume, time_in_force, identifier, smp_type,
        )  # fmt: skip
        with localcontext(EXACT):
            # Absent values are normalised: a buy by amount has no volume, a market sell no price.
            worth = (price or _ONE) * (volume or _ONE)
            if side is AskBid.BID:
                order.reserved_fee = order.remaining_fee = worth * order.fee_rate
                order.locked = worth + order.reserved_fee
            else:
                order.locked = volume or _ZERO
        return order

    def available(self, currency: str) -> Decimal:
        """What is not locked by orders."""
        held = self.balances.get(currency)
        return _ZERO if held is None else held.balance

    def place(self, order: Order, *, announce: bool = True) -> Order:
        """Lock what a drafted order needs and report its state, ``wait`` or ``watch``.

        `announce` False leaves that frame out.

        Raises:
            InsufficientFunds: nothing was changed.
        """
        currency = order.held_currency
        if self.available(currency) < order.locked:
            raise InsufficientFunds(currency)
        with localcontext(EXACT):
            held = self.balance(currency)
            held.balance -= order.locked
            held.locked += order.locked
        self.orders[order.uuid] = self._open[order.uuid] = order
        if len(self.orders) - len(self._open) >= self._next_sweep:
            self._forget_closed()
        if order.identifier is not None:
            self.used_identifiers.add(order.identifier)
        if announce:
            self._publish(order.event(order.state, order.created_ms))
            self._publish_assets([currency], order.created_ms)
        return order

    def trigger(self, order: Order, now_ms: int) -> None:
        """Put a reserved order into the book: it is ``wait`` from now on."""
        if order.state is not OrderState.WATCH:
            raise ValueError(f"the order is {order.state.value}")
        order.state = OrderState.WAIT
        self._publish(order.event(OrderState.WAIT, now_ms))

    def fill(self, order: Order, price: Decimal, volume: Decimal, now_ms: int, *, is_maker: bool) -> Fill:
        """Execute part of an order and report ``trade``; also ``done`` when a limit order is complete.

        `price` may be better than the order's; `volume` not more than remains.
        """
        if not order.is_open:
            raise ValueError(f"the order is {order.state.value}")
        with localcontext(EXACT):
            funds = price * volume
            fee = funds * order.fee_rate
            quote, base = self.balance(order.quote), self.balance(order.base)
            order.executed_volume += volume
            order.executed_funds += funds
            order.paid_fee += fee
            if order.remaining_volume is not None:
                order.remaining_volume -= volume
            if order.side is AskBid.BID:
                released = self._release_bid(order, funds, fee)
                quote.locked -= released
                quote.balance += released - funds - fee
                owned = base.balance + base.locked
                base.avg_buy_price = ((base.avg_buy_price * owned + funds) / (owned + volume)).quantize(
                    _EIGHT
                )
                base.balance += volume
            else:
                order.locked -= volume
                base.locked -= volume
                quote.balance += funds - fee
                if not base.balance and not base.locked:
                    base.avg_buy_price = _ZERO
            fill = Fill(self.new_uuid(), price, volume, fee, is_maker, now_ms)
            order.fills.append(fill)
            complete = order.remaining_volume is not None and not order.remaining_volume
        order.state = OrderState.DONE if complete else OrderState.TRADE
        if complete:
            del self._open[order.uuid]
        self._publish(order.event(OrderState.TRADE, now_ms, fill))
        self._publish_assets([order.quote, order.base], now_ms)
        if complete:
            self._publish(order.event(OrderState.DONE, now_ms + 1))
        return fill

    def _release_bid(self, order: Order, funds: Decimal, fee: Decimal) -> Decimal:
        """Reduce what a bid locks after a fill; return the amount released or spent."""
        before = order.locked
        if order.remaining_volume is None:
            order.remaining_fee -= fee
            order.locked -= funds + fee
        else:
            assert order.price is not None  # noqa: S101  # bids with a volume have a price
            rest = order.price * order.remaining_volume
            order.remaining_fee = rest * order.fee_rate
            order.locked = rest + order.remaining_fee
        return before - order.locked

    def affordable(self, order: Order, price: Decimal) -> Decimal:
        """Volume, truncated to eight decimals, that the rest of a buy by amount still pays for at `price`."""
        with localcontext(EXACT):
            assert order.price is not None  # noqa: S101  # the amount
            rest = order.price - order.executed_funds - order.prevented_funds
            return (rest / price).quantize(_EIGHT, rounding=ROUND_DOWN)

    def prevent(self, order: Order, volume: Decimal, price: Decimal, now_ms: int) -> None:
        """Take `volume` off an order that would have matched another order of this account at `price`.

        Reports ``prevented``; ``cancel`` if nothing is left.
        """
        if not order.is_open:
            raise ValueError(f"the order is {order.state.value}")
        with localcontext(EXACT):
            held = self.balance(order.held_currency)
            before = order.locked
            if order.remaining_volume is None:
                order.prevented_funds += volume * price
                order.remaining_fee -= volume * price * order.fee_rate
                order.locked -= volume * price * (1 + order.fee_rate)
                ended = not self.affordable(order, price)
            else:
                order.prevented_volume += volume
                order.remaining_volume -= volume
                if order.side is AskBid.BID:
                    self._release_bid(order, _ZERO, _ZERO)
                else:
                    order.locked -= volume
                ended = not order.remaining_volume
            released = before - order.locked
            order.prevented_locked += released
            held.locked -= released
            held.balance += released
        if ended:
            self.cancel(order, now_ms)
            return
        self._publish(order.event(OrderState.PREVENTED, now_ms))
        self._publish_assets([held.currency], now_ms)

    def cancel(self, order: Order, now_ms: int) -> None:
        """Release what an order locks and report ``cancel``; the order's own figures do not change."""
        if not order.is_open:
            raise ValueError(f"the order is {order.state.value}")
        with localcontext(EXACT):
            currency = order.held_currency
            held = self.balance(currency)
            held.locked -= order.locked
            held.balance += order.locked
        order.state = OrderState.CANCEL
        del self._open[order.uuid]
        self._publish(order.event(OrderState.CANCEL, now_ms))
        self._publish_assets([currency], now_ms)

    def _publish_assets(self, currencies: Iterable[str], now_ms: int) -> None:
        # One frame per currency, all with the same asset_timestamp (protocol section 3.6).
        for n, currency in enumerate(currencies):
            held = self.balance(currency)
            asset = Asset(currency=currency, balance=held.balance, locked=held.locked)
            self._publish(
                MyAssetEvent(
                    type="myAsset",
                    asset_uuid=self.uuid,
                    assets=(asset,),
                    asset_timestamp=now_ms,
                    timestamp=now_ms + 9 + n,
                )
            )

    def _forget_closed(self) -> None:
        closed = [uuid for uuid in self.orders if uuid not in self._open]
        for uuid in closed[:-CLOSED_KEPT]:
            del self.orders[uuid]
        self._next_sweep = CLOSED_KEPT + _SWEEP_EVERY
