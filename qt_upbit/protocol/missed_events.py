"""The events of an order that were missed, made from what REST says of it (protocol section 9.2)."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

import msgspec

from qt_upbit.exact import EXACT
from qt_upbit.protocol.tracked_order import ENDS, TrackedOrder
from qt_upbit.records import Fill, Order
from qt_upbit.types import AskBid, MyOrderEvent, OrderState, OrderType, StreamType, TimeInForce

__all__ = ["missed_events", "order_event"]

_ZERO: Final = Decimal(0)
_EIGHT: Final = Decimal("1E-8")
_AT_ONCE_TYPES: Final = frozenset((OrderType.PRICE, OrderType.MARKET))
_AT_ONCE_CONDITIONS: Final = frozenset((TimeInForce.IOC, TimeInForce.FOK))


def missed_events(
    tracked: TrackedOrder | None, order: Order, fills: Mapping[str, Fill], now_ms: int
) -> Iterator[tuple[int, MyOrderEvent]]:
    """The events that were not seen of an order, each with its time, oldest first."""
    placed = order.order_timestamp if order.order_timestamp is not None else now_ms
    time = placed
    reported_states = tracked.reported_states if tracked is not None else frozenset[OrderState]()
    begun = OrderState.WATCH if order.state is OrderState.WATCH else OrderState.WAIT
    known_as = None if tracked is None else tracked.order.state
    if tracked is None or (known_as is OrderState.WATCH and begun is OrderState.WAIT):
        yield time, order_event(_before_fills(order), begun, time)
    reported = tracked.reported_fills if tracked is not None else frozenset[str]()
    prevented = tracked.reported_prevented if tracked is not None else None
    known: Container[str] = tracked.fills if tracked is not None else ()
    for fill, moment in _with_amounts(order, fills, known, prevented):
        if fill.uuid in reported or fill.uuid in known:
            continue
        time = max(time, fill.trade_timestamp)
        yield time, order_event(moment, OrderState.TRADE, time, fill)
    last = max((fill.trade_timestamp for fill in fills.values()), default=placed)
    amounts = (order.prevented_volume or _ZERO, order.prevented_locked or _ZERO)
    # An order that self-match prevention leaves nothing of only says cancel (protocol section 9.3).
    exhausted = not order.is_open and order.remaining_volume == _ZERO
    if not exhausted and any(a > b for a, b in zip(amounts, prevented or (_ZERO, _ZERO), strict=True)):
        time = max(time, last)
        yield time, order_event(order, OrderState.PREVENTED, time)
    if not order.is_open and not ENDS & reported_states:
        at_once = (
            order.state is OrderState.DONE
            or order.order_type in _AT_ONCE_TYPES
            or order.time_in_force in _AT_ONCE_CONDITIONS
        )
        time = max(time, last if at_once else now_ms)
        yield time, order_event(order, order.state, time)


def order_event(
    order: Order,
    state: OrderState,
    time_ms: int,
    fill: Fill | None = None,
    *,
    stream_type: StreamType = StreamType.RECOVERED,
) -> MyOrderEvent:
    """The frame that Upbit would have sent of an order at a moment, milliseconds since the epoch, UTC.

    Args:
        order: with the amounts of that moment.
        state: what happened.
        time_ms: when.
        fill: of a TRADE.
        stream_type: RECOVERED, or SNAPSHOT for what was not missed.
    """
    average = None
    if order.executed_funds is not None:
        with localcontext(EXACT):
            done = order.executed_volume
            average = (order.executed_funds / done).quantize(_EIGHT, ROUND_HALF_EVEN) if done else _ZERO
    return MyOrderEvent(
        type="myOrder",
        code=order.code,
        uuid=order.uuid,
        ask_bid=order.ask_bid,
        order_type=order.order_type,
        state=state,
        trade_uuid=None if fill is None else fill.uuid,
        price=order.price if fill is None else fill.price,
        avg_price=average,
        volume=order.volume if fill is None else fill.volume,
        remaining_volume=order.remaining_volume,
        executed_volume=order.executed_volume,
        trades_count=order.trades_count,
        reserved_fee=order.reserved_fee,
        remaining_fee=order.remaining_fee,
        paid_fee=order.paid_fee,
        locked=order.locked,
        executed_funds=order.executed_funds,
        time_in_force=order.time_in_force,
        trade_fee=None if fill is None else fill.fee,
        is_maker=None if fill is None else fill.is_maker,
        identifier=order.identifier,
        smp_type=order.smp_type,
        prevented_volume=order.prevented_volume,
        prevented_locked=order.prevented_locked,
        trade_timestamp=None if fill is None else fill.trade_timestamp,
        order_timestamp=order.order_timestamp,
        timestamp=time_ms,
        stream_type=stream_type,
    )


def _before_fills(order: Order) -> Order:
    """The order as it was placed."""
    fee = order.reserved_fee
    with localcontext(EXACT):
        locked = order.volume
        if order.ask_bid is AskBid.BID:
            funds = order.price
            if funds is not None and order.volume is not None:
                funds *= order.volume
            locked = None if funds is None or fee is None else funds + fee
    return msgspec.structs.replace(
        order,
        remaining_volume=order.volume,
        executed_volume=_ZERO,
        executed_funds=_ZERO,
        trades_count=0,
        remaining_fee=fee,
        paid_fee=_ZERO,
        locked=locked,
        prevented_volume=None if order.prevented_volume is None else _ZERO,
        prevented_locked=None if order.prevented_locked is None else _ZERO,
    )


def _with_amounts(
    order: Order,
    fills: Mapping[str, Fill],
    known: Container[str],
    prevented: tuple[Decimal, Decimal] | None,
) -> Iterator[tuple[Fill, Order]]:
    """Each fill, oldest first, and the order as it was after it.

    Fees and locked funds are given where they follow exactly from the order's own, else None; after the
    last fill of an order that nothing else happened to they are the order's own.
    """
    with localcontext(EXACT):
        # Of several in one millisecond, those that were seen before come first.
        ordered = sorted(
            fills.values(), key=lambda fill: (fill.trade_timestamp, fill.uuid not in known, fill.uuid)
        )
        executed = order.executed_volume - sum((fill.volume for fill in ordered), _ZERO)
        count = order.trades_count - len(ordered)
        all_known = not executed and not count
        funds = _ZERO
        total = sum((fill.funds for fill in ordered), _ZERO)
        rate = _rate(order, total) if all_known else None
        prevented_before = prevented or (_ZERO, _ZERO)
        still_to_come = (order.prevented_volume or _ZERO) - prevented_before[0]
        reported_in_between = not still_to_come and (order.prevented_locked or _ZERO) <= prevented_before[1]
        for fill in ordered:
            executed += fill.volume
            count += 1
            funds += fill.funds
            if fill is ordered[-1] and reported_in_between:
                yield fill, msgspec.structs.replace(order, executed_funds=funds if all_known else None)
                continue
            remaining = order.remaining_volume
            if remaining is not None:
                remaining += order.executed_volume - executed + still_to_come
            paid = None if rate is None else funds * rate
            left, locked = _reserved(order, remaining, funds, paid)
            yield (
                fill,
                msgspec.structs.replace(
                    order,
                    remaining_volume=remaining,
                    executed_volume=executed,
                    executed_funds=funds if all_known else None,
                    trades_count=count,
                    paid_fee=paid,
                    remaining_fee=left,
                    locked=locked,
                    prevented_volume=None if order.prevented_volume is None else prevented_before[0],
                    prevented_locked=None if order.prevented_locked is None else prevented_before[1],
                ),
            )


def _rate(order: Order, funds: Decimal) -> Decimal | None:
    """The fee rate, where one rate to eight places explains the fee exactly."""
    if not funds or order.paid_fee is None:
        return None
    rate = (order.paid_fee / funds).quantize(_EIGHT, ROUND_HALF_EVEN)
    return rate if rate * funds == order.paid_fee else None


def _reserved(
    order: Order, remaining: Decimal | None, funds: Decimal, paid: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Remaining fee and what is locked, after a fill."""
    if order.ask_bid is AskBid.ASK:
        return order.remaining_fee if order.remaining_fee == _ZERO else None, remaining
    if order.reserved_fee is None or order.price is None:
        return None, None
    if remaining is None:
        if paid is None:
            return None, None
        return order.reserved_fee - paid, order.price + order.reserved_fee - funds - paid
    if not order.volume:
        return None, None
    rate = _rate(msgspec.structs.replace(order, paid_fee=order.reserved_fee), order.price * order.volume)
    if rate is None:
        return None, None
    rest = order.price * remaining
    return rest * rate, rest * (1 + rate)
