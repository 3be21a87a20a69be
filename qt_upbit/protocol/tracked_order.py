"""`TrackedOrder`: one order as frames and REST describe it, and what was reported of it."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal, localcontext
from typing import Any, Final, NamedTuple

import msgspec

from qt_upbit.exact import EXACT
from qt_upbit.protocol.order_fills import OrderFills
from qt_upbit.records import Fill, Order
from qt_upbit.types import MyOrderEvent, OrderState, OrderType

__all__ = ["ENDS", "Progress", "TrackedOrder", "lacks_fills", "progress_of"]

_BEGINNINGS: Final = {
    state: OrderState.WATCH if state is OrderState.WATCH else OrderState.WAIT for state in OrderState
}
"""What an order is before a frame of a state is taken; an unknown one is not guessed at."""
ENDS: Final = frozenset((OrderState.DONE, OrderState.CANCEL))
_ZERO: Final = Decimal(0)
_GROWING: Final = (
    "reserved_fee",
    "remaining_fee",
    "paid_fee",
    "locked",
    "prevented_volume",
    "prevented_locked",
)
_FIXED: Final = ("time_in_force", "identifier", "smp_type", "order_timestamp")


class Progress(NamedTuple):
    """What can only grow; frames of an order are put in order by it."""

    executed: Decimal
    trades: int
    prevented: Decimal
    prevented_locked: Decimal


def progress_of(what: MyOrderEvent | Order) -> Progress:
    """How far an order had come when this was said of it."""
    return Progress(
        what.executed_volume or _ZERO,
        what.trades_count or 0,
        what.prevented_volume or _ZERO,
        what.prevented_locked or _ZERO,
    )


class TrackedOrder:
    """One order, and what was reported of it.

    Attributes:
        order: as it stands; the same object while nothing changes.
        fills: all that are known.
        reported_fills: uuids of those reported, or that were over before the first snapshot.
        reported_states: WAIT, WATCH and the ends that were reported.
        reported_prevented: amounts of self-match prevention that were reported.
        given_up: progress at which REST itself did not know all fills.
        is_past: it was over when the first snapshot was read: only frames under way report it.
    """

    __slots__ = (
        "_own_price",
        "_own_volume",
        "fills",
        "given_up",
        "is_past",
        "order",
        "reported_fills",
        "reported_prevented",
        "reported_states",
    )

    def __init__(self, order: Order) -> None:
        self.fills = OrderFills()
        self.order = msgspec.structs.replace(order, fills=self.fills.ordered)
        self.reported_fills: set[str] = set()
        self.reported_states: set[OrderState] = set()
        self.reported_prevented: tuple[Decimal, Decimal] | None = None
        self.given_up: Progress | None = None
        self.is_past = False
        self._own_price = True
        self._own_volume = True

    @classmethod
    def first_seen(cls, event: MyOrderEvent) -> TrackedOrder:
        """An order of which nothing is known but this frame, which is still to be taken."""
        order = Order(
            uuid=event.uuid,
            code=event.code,
            ask_bid=event.ask_bid,
            order_type=event.order_type,
            state=_BEGINNINGS.get(event.state, event.state),
        )
        tracked = cls(order)
        tracked._own_price = tracked._own_volume = False
        return tracked

    # --- what was reported -------------------------------------------------------------------------

    def note_reported(self, event: MyOrderEvent) -> bool:
        """Whether this was not reported before; it is from now on."""
        state = event.state
        if state is OrderState.TRADE:
            key = _trade_key(event)
            news = key not in self.reported_fills
            self.reported_fills.add(key)
            return news
        if state is OrderState.PREVENTED:
            now = (event.prevented_volume or _ZERO, event.prevented_locked or _ZERO)
            before = self.reported_prevented
            news = before is None or now[0] > before[0] or now[1] > before[1]
            if news:
                self.reported_prevented = now
            return news
        # An order ends once, whichever end is reported first.
        news = not (ENDS & self.reported_states if state in ENDS else state in self.reported_states)
        self.reported_states.add(state)
        return news

    def settle(self) -> None:
        """What is known of it now counts as reported; frames under way may still report fills."""
        self.reported_states |= {OrderState.WATCH, self.order.state}
        if self.order.state is not OrderState.WATCH:
            self.reported_states.add(OrderState.WAIT)
        amounts = (self.order.prevented_volume or _ZERO, self.order.prevented_locked or _ZERO)
        if any(amounts):
            self.reported_prevented = amounts

    # --- merging -----------------------------------------------------------------------------------

    def take(self, event: MyOrderEvent) -> Fill | None:
        """Fold a frame in; the fill it reports, known before or not.

        What a frame of an unknown state says its amounts are, is not known.
        """
        if not event.state.is_known:
            self._update(self._fixed(event))
            return None
        fill = self._take_fill(event) if event.state is OrderState.TRADE else None
        fields = self._fixed(event)
        if event.state is not OrderState.TRADE:
            # With TRADE, price and volume are the fill's.
            if event.price is not None and not self._own_price:
                fields["price"], self._own_price = event.price, True
            if event.volume is not None and not self._own_volume:
                fields["volume"], self._own_volume = event.volume, True
        self._take_amounts(event, fields, is_end=event.state in ENDS)
        fields["state"] = self._state_after(event.state)
        self._update(fields)
        return fill

    def take_order(self, order: Order) -> None:
        """Fold an answer of REST in. Ends are reported by events and not taken from here."""
        for fill in order.fills:
            self.fills.add(fill)
        fields = self._fixed(order)
        states = (self.order.state, order.state)
        if self.order.is_open and order.is_open and not all(state.is_known for state in states):
            fields["state"] = order.state
        for name in ("price", "volume"):
            if (value := getattr(order, name)) is not None:
                fields[name] = value
        self._own_price = self._own_volume = True
        self._take_amounts(order, fields, is_end=not order.is_open)
        self._update(fields)

    def _fixed(self, what: MyOrderEvent | Order) -> dict[str, Any]:
        return {
            name: value
            for name in _FIXED
            if getattr(self.order, name) is None and (value := getattr(what, name)) is not None
        }

    def _take_amounts(self, what: MyOrderEvent | Order, fields: dict[str, Any], *, is_end: bool) -> None:
        """Take the amounts of a frame unless what is known is newer."""
        known, seen = progress_of(self.order), progress_of(what)
        if seen < known or (seen == known and not self.order.is_open and not is_end):
            return
        for name in (*_GROWING, "remaining_volume"):
            if (value := getattr(what, name)) is not None:
                fields[name] = value
        fields["executed_volume"], fields["trades_count"] = seen.executed, seen.trades
        if what.executed_funds is not None or seen > known:
            fields["executed_funds"] = what.executed_funds

    def _take_fill(self, event: MyOrderEvent) -> Fill | None:
        key = _trade_key(event)
        known = self.fills.get(key)
        fee, is_maker = event.trade_fee, event.is_maker
        if known is not None:
            if known.fee is None and fee is not None:
                # REST does not say who paid what; the frame does.
                known = msgspec.structs.replace(known, fee=fee, is_maker=is_maker)
                self.fills.replace(known)
            return known
        if event.price is None or event.volume is None:
            return None
        before = self.order.paid_fee or _ZERO
        follows = event.trades_count == self.order.trades_count + 1 and not event.is_recovered
        if fee is None and follows and event.paid_fee is not None and event.paid_fee >= before:
            fee = event.paid_fee - before
        fill = Fill(
            uuid=key,
            order_uuid=event.uuid,
            code=event.code,
            ask_bid=event.ask_bid,
            price=event.price,
            volume=event.volume,
            trade_timestamp=event.timestamp if event.trade_timestamp is None else event.trade_timestamp,
            fee=fee,
            is_maker=is_maker,
        )
        self.fills.add(fill)
        return fill

    def _state_after(self, state: OrderState) -> OrderState:
        if not self.order.is_open:
            return self.order.state
        if state in ENDS:
            return state
        if state is OrderState.WATCH and (OrderState.WAIT in self.reported_states or self.fills):
            return OrderState.WAIT
        return OrderState.WATCH if state is OrderState.WATCH else OrderState.WAIT

    def _update(self, fields: dict[str, Any]) -> None:
        """Make the order from what changed, with what follows from its fills."""
        order, fills = self.order, self.fills

        def now(name: str) -> Any:
            return fields[name] if name in fields else getattr(order, name)

        stated: tuple[Decimal, int] = now("executed_volume"), now("trades_count")
        with localcontext(EXACT):
            executed, trades = max(stated[0], fills.volume), max(stated[1], len(fills))
            remaining: Decimal | None = now("remaining_volume")
            if executed > stated[0] and remaining is not None:
                fields["remaining_volume"] = remaining = remaining - (executed - stated[0])
            if (executed, trades) != stated:
                fields |= {"executed_volume": executed, "trades_count": trades, "executed_funds": None}
            if now("executed_funds") is None and trades == len(fills):
                fields["executed_funds"] = fills.funds
            if not self._own_volume and remaining is not None:
                fields["volume"] = remaining + executed + (now("prevented_volume") or _ZERO)
        # Not compared with those of before: there may be thousands.
        has_new_fills = fills.ordered is not order.fills
        if has_new_fills or any(value != getattr(order, name) for name, value in fields.items()):
            self.order = msgspec.structs.replace(order, **fields, fills=fills.ordered)

    # --- what is missing ---------------------------------------------------------------------------

    @property
    def lacks_details(self) -> bool:
        """Whether its own price, the amount to spend or the volume to sell at the market is not known."""
        is_sale_at_market = self.order.order_type is OrderType.MARKET
        return not (self._own_volume if is_sale_at_market else self._own_price)

    def lacks_fills(self, listed: Order | None = None) -> bool:
        """Whether more was executed, by what is known or by what REST lists, than fills are known."""
        newest = self.order if listed is None else max(self.order, listed, key=progress_of)
        if self.given_up is not None and progress_of(newest) <= self.given_up:
            return False
        return newest.trades_count > len(self.fills) or newest.executed_volume > self.fills.volume


def lacks_fills(order: Order, fills: Collection[Fill]) -> bool:
    """Whether more was executed of an order than these fills."""
    if order.trades_count > len(fills):
        return True
    with localcontext(EXACT):
        return order.executed_volume > sum((fill.volume for fill in fills), _ZERO)


def _trade_key(event: MyOrderEvent) -> str:
    """Identity of a fill; a frame without ``trade_uuid`` is distinguished by what it says."""
    return event.trade_uuid or f"{event.uuid}/{event.trade_timestamp}/{event.executed_volume}/{event.volume}"
