"""`OrderTracker`: the present state of every order and balance, and what was missed of them.

Events of the private streams are folded in by `apply`; answers of REST by `reconcile`, which says what
the stream did not. Neither order, duplicates nor lateness of frames matter: a fill counts once, by its
``trade_uuid``, and amounts that only grow never go back (protocol sections 3.5, 3.6 and 9.2).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, Final, NamedTuple

import msgspec

from qt_upbit.records import Balance, Fill, Order
from qt_upbit.types import (
    AskBid,
    Asset,
    MyAssetEvent,
    MyOrderEvent,
    OrderState,
    OrderType,
    StreamType,
    TimeInForce,
)

__all__ = ["OrderChange", "OrderTracker", "Reconciliation", "RestPicture"]

_ZERO: Final = Decimal(0)
_EIGHT: Final = Decimal("1E-8")
_EXACT: Final = Context(prec=60)
_ENDS: Final = frozenset((OrderState.DONE, OrderState.CANCEL))
_MARGIN_MS: Final = 10 * 60 * 1000
"""How far this machine's clock may be from the exchange's, generously: nothing is told twice for it."""
_FIRST_LOOK_MS: Final = 60 * 60 * 1000
"""How far back finished orders are read at the start; more than the margin, so that none seems new later."""
_LATE_MS: Final = 1000
"""A frame of a balance is not shown after one that is this much newer; below that, the last to come is."""
_FORGOTTEN_KEPT: Final = 10_000
_AT_ONCE_TYPES: Final = frozenset((OrderType.PRICE, OrderType.MARKET))
_AT_ONCE_CONDITIONS: Final = frozenset((TimeInForce.IOC, TimeInForce.FOK))


class OrderChange(NamedTuple):
    """What an event, or an answer of REST, changed.

    Attributes:
        order: as it stands now.
        event: what happened; None where only details became known.
        fill: what was executed, told for the first time.
    """

    order: Order
    event: MyOrderEvent | None = None
    fill: Fill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPicture:
    """What REST answered, asked for in this order, so that no order falls between two lists.

    Attributes:
        open_orders: every open order.
        closed_orders: finished ones since `OrderTracker.closed_since`.
        asked: single orders with their fills, by uuid, as `OrderTracker.needed` said; None for one that
            Upbit does not know, left out where asking failed.
        balances: every balance; None leaves them as they are.
    """

    open_orders: Sequence[Order] = ()
    closed_orders: Sequence[Order] = ()
    asked: Mapping[str, Order | None] = field(default_factory=dict)
    balances: Sequence[Balance] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What `OrderTracker.reconcile` found.

    Attributes:
        changes: in order of time; events are RECOVERED, or SNAPSHOT in the first picture.
        asset_event: the balances that were different; None if none was.
        balances: the same as balances.
        unresolved: uuids whose fills are not known yet: ask again. Nothing was told of them.
        lost: uuids of which something can not be learnt any more.
    """

    changes: tuple[OrderChange, ...] = ()
    asset_event: MyAssetEvent | None = None
    balances: tuple[Balance, ...] = ()
    unresolved: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class _Progress(NamedTuple):
    """What can only grow; frames of an order are put in order by it."""

    executed: Decimal
    trades: int
    prevented: Decimal
    prevented_locked: Decimal


def _progress(what: MyOrderEvent | Order) -> _Progress:
    return _Progress(
        what.executed_volume or _ZERO,
        what.trades_count or 0,
        what.prevented_volume or _ZERO,
        what.prevented_locked or _ZERO,
    )


_GROWING: Final = (
    "reserved_fee",
    "remaining_fee",
    "paid_fee",
    "locked",
    "prevented_volume",
    "prevented_locked",
)
_FIXED: Final = ("time_in_force", "identifier", "smp_type", "order_timestamp")


class _Tracked:
    """One order, and what was told of it.

    Attributes:
        order: as it stands.
        fills: all that are known, by uuid.
        told_fills: uuids of those told, or that were over before the first picture.
        told_states: WAIT, WATCH and the ends that were told.
        told_prevented: amounts of self-match prevention that were told.
        given_up: progress at which REST itself did not know all fills.
        is_past: it was over when the first picture was read: only frames under way tell of it.
    """

    __slots__ = (
        "_own_price",
        "_own_volume",
        "fills",
        "given_up",
        "is_past",
        "order",
        "told_fills",
        "told_prevented",
        "told_states",
    )

    def __init__(self, order: Order) -> None:
        self.order = msgspec.structs.replace(order, fills=())
        self.fills: dict[str, Fill] = {}
        self.told_fills: set[str] = set()
        self.told_states: set[OrderState] = set()
        self.told_prevented: tuple[Decimal, Decimal] | None = None
        self.given_up: _Progress | None = None
        self.is_past = False
        self._own_price = True
        self._own_volume = True

    @classmethod
    def first_seen(cls, event: MyOrderEvent) -> _Tracked:
        order = Order(
            uuid=event.uuid,
            code=event.code,
            ask_bid=event.ask_bid,
            order_type=event.order_type,
            state=OrderState.WATCH if event.state is OrderState.WATCH else OrderState.WAIT,
        )
        tracked = cls(order)
        tracked._own_price = tracked._own_volume = False
        return tracked

    # --- telling -----------------------------------------------------------------------------------

    def note_told(self, event: MyOrderEvent) -> bool:
        """Whether this was not told before; it is from now on."""
        state = event.state
        if state is OrderState.TRADE:
            key = _trade_key(event)
            news = key not in self.told_fills
            self.told_fills.add(key)
            return news
        if state is OrderState.PREVENTED:
            now = (event.prevented_volume or _ZERO, event.prevented_locked or _ZERO)
            told = self.told_prevented
            news = told is None or now[0] > told[0] or now[1] > told[1]
            if news:
                self.told_prevented = now
            return news
        # An order ends once, whichever end is told first.
        news = not (_ENDS & self.told_states if state in _ENDS else state in self.told_states)
        self.told_states.add(state)
        return news

    def settle(self) -> None:
        """What is known of it now counts as told; fills may still be told by frames that are under way."""
        self.told_states |= {OrderState.WATCH, self.order.state}
        if self.order.state is not OrderState.WATCH:
            self.told_states.add(OrderState.WAIT)
        self.settle_prevented()

    def settle_prevented(self) -> None:
        """Self-match prevention up to here counts as told."""
        amounts = (self.order.prevented_volume or _ZERO, self.order.prevented_locked or _ZERO)
        if any(amounts):
            self.told_prevented = amounts

    # --- merging -----------------------------------------------------------------------------------

    def take(self, event: MyOrderEvent) -> Fill | None:
        """Fold a frame in; the fill it tells of, known before or not."""
        fill = self._take_fill(event) if event.state is OrderState.TRADE else None
        fields = self._fixed(event)
        if event.state is not OrderState.TRADE:
            # With TRADE, price and volume are the fill's.
            if event.price is not None and not self._own_price:
                fields["price"], self._own_price = event.price, True
            if event.volume is not None and not self._own_volume:
                fields["volume"], self._own_volume = event.volume, True
        self._take_amounts(event, fields, is_end=event.state in _ENDS)
        fields["state"] = self._state_after(event.state)
        self._finish(fields)
        return fill

    def take_order(self, order: Order) -> None:
        """Fold an answer of REST in. Ends are told by events and not taken from here."""
        for fill in order.fills:
            self.fills.setdefault(fill.uuid, fill)
        fields = self._fixed(order)
        for name in ("price", "volume"):
            if (value := getattr(order, name)) is not None:
                fields[name] = value
        self._own_price = self._own_volume = True
        self._take_amounts(order, fields, is_end=not order.is_open)
        self._finish(fields)

    def _fixed(self, what: MyOrderEvent | Order) -> dict[str, Any]:
        return {
            name: value
            for name in _FIXED
            if getattr(self.order, name) is None and (value := getattr(what, name)) is not None
        }

    def _take_amounts(self, what: MyOrderEvent | Order, fields: dict[str, Any], *, is_end: bool) -> None:
        """Take the amounts of a frame unless what is known is newer."""
        known, seen = _progress(self.order), _progress(what)
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
                self.fills[key] = known = msgspec.structs.replace(known, fee=fee, is_maker=is_maker)
            return known
        if event.price is None or event.volume is None:
            return None
        before = self.order.paid_fee or _ZERO
        follows = event.trades_count == self.order.trades_count + 1 and not event.is_recovered
        if fee is None and follows and event.paid_fee is not None and event.paid_fee >= before:
            fee = event.paid_fee - before
        fill = self.fills[key] = Fill(
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
        return fill

    def _state_after(self, state: OrderState) -> OrderState:
        if not self.order.is_open:
            return self.order.state
        if state in _ENDS:
            return state
        if state is OrderState.WATCH and (OrderState.WAIT in self.told_states or self.fills):
            return OrderState.WAIT
        return OrderState.WATCH if state is OrderState.WATCH else OrderState.WAIT

    def _finish(self, fields: dict[str, Any]) -> None:
        """Make the order from what changed, with what follows from its fills."""
        fills = tuple(sorted(self.fills.values(), key=lambda fill: (fill.trade_timestamp, fill.uuid)))
        with localcontext(_EXACT):
            order = msgspec.structs.replace(self.order, **fields, fills=fills)
            more: dict[str, Any] = {}
            filled = sum((fill.volume for fill in fills), _ZERO)
            executed, trades = max(order.executed_volume, filled), max(order.trades_count, len(fills))
            if executed > order.executed_volume and order.remaining_volume is not None:
                more["remaining_volume"] = order.remaining_volume - (executed - order.executed_volume)
            if (executed, trades) != (order.executed_volume, order.trades_count):
                more |= {"executed_volume": executed, "trades_count": trades, "executed_funds": None}
                order = msgspec.structs.replace(order, **more)
            more = {}
            if order.executed_funds is None and trades == len(fills):
                more["executed_funds"] = sum((fill.funds for fill in fills), _ZERO)
            if not self._own_volume and order.remaining_volume is not None:
                prevented = order.prevented_volume or _ZERO
                more["volume"] = order.remaining_volume + executed + prevented
            self.order = msgspec.structs.replace(order, **more)

    # --- what is missing ---------------------------------------------------------------------------

    @property
    def lacks_price(self) -> bool:
        """Whether it must have a price, or an amount to spend, that is not known."""
        return not self._own_price and self.order.order_type is not OrderType.MARKET

    def lacks_fills(self, picture: Order | None = None) -> bool:
        """Whether more was executed, by what is known or by `picture`, than fills are known."""
        newest = self.order if picture is None else max(self.order, picture, key=_progress)
        if self.given_up is not None and _progress(newest) <= self.given_up:
            return False
        return _lacks_fills(newest, self.fills.values())


def _lacks_fills(order: Order, fills: Collection[Fill]) -> bool:
    if order.trades_count > len(fills):
        return True
    with localcontext(_EXACT):
        return order.executed_volume > sum((fill.volume for fill in fills), _ZERO)


def _trade_key(event: MyOrderEvent) -> str:
    """Identity of a fill; a frame without ``trade_uuid`` is told apart by what it says."""
    return event.trade_uuid or f"{event.uuid}/{event.trade_timestamp}/{event.executed_volume}/{event.volume}"


class OrderTracker:
    """Orders and balances of one account, from the private streams and REST.

    Feed it every `MyOrderEvent` and `MyAssetEvent` (`apply_order`, `apply_asset`), and after each gap what
    REST says::

        open_orders = await rest.get_open_orders()
        closed_orders = await rest.get_closed_orders(start=tracker.closed_since(now_ms))
        asked = {uuid: await rest.get_order(uuid=uuid) for uuid in tracker.needed(open_orders, closed_orders)}
        missed = tracker.reconcile(RestPicture(...), now_ms)

    The first `reconcile` gives the first state: what it finds was not missed, and comes as SNAPSHOT.

    Args:
        finished_kept: how many finished orders are remembered; open ones all are.
    """

    def __init__(self, finished_kept: int = 1000) -> None:
        if finished_kept < 1:
            raise ValueError("finished_kept must be 1 or more")
        self._finished_kept = finished_kept
        self._tracked: dict[str, _Tracked] = {}
        self._finished: dict[str, None] = {}
        """Uuids in the order in which they ended."""
        self._forgotten: dict[str, None] = {}
        self._balances: dict[str, Balance] = {}
        self._balance_frames: dict[str, tuple[int, Decimal, Decimal]] = {}
        """Time and amounts of the last frame of each currency, to know it again."""
        self._newest_balance_ms: dict[str, int] = {}
        """The newest time of each currency's frames; the last one may be older."""
        self._first_picture_ms: int | None = None
        self._first_event_ms: int | None = None
        self._seen_ms = 0
        self._balances_in_doubt = False
        self.duplicates = 0
        """Events that told nothing new."""

    # --- what is known -----------------------------------------------------------------------------

    @property
    def orders(self) -> tuple[Order, ...]:
        """All that are known, oldest first: the open ones and the newest finished ones."""
        return tuple(sorted((each.order for each in self._tracked.values()), key=_age))

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """Those that can still be filled or cancelled, oldest first."""
        return tuple(order for order in self.orders if order.is_open)

    @property
    def balances(self) -> dict[str, Balance]:
        """By currency."""
        return dict(self._balances)

    @property
    def has_picture(self) -> bool:
        """Whether the first state was read."""
        return self._first_picture_ms is not None

    @property
    def is_in_doubt(self) -> bool:
        """Whether only REST can tell what stands, although nothing was lost: reconcile before long.

        Balances came in another order than their times say, or an open order was first seen when it
        was filled, whose frames carry the fill's price and not the order's.
        """
        return self._balances_in_doubt or any(
            each.lacks_price for uuid, each in self._tracked.items() if uuid not in self._finished
        )

    def order(self, uuid: str) -> Order | None:
        """An order by Upbit's id."""
        tracked = self._tracked.get(uuid)
        return None if tracked is None else tracked.order

    def order_by_identifier(self, identifier: str) -> Order | None:
        """An order by the client's own id."""
        return next((o for o in self.orders if o.identifier == identifier), None)

    # --- the stream --------------------------------------------------------------------------------

    def apply_order(self, event: MyOrderEvent) -> OrderChange | None:
        """Fold a frame in; what it changed, None if it told nothing new."""
        self._saw(event.timestamp)
        tracked = self._tracked.get(event.uuid)
        if tracked is None:
            if event.uuid in self._forgotten:
                self.duplicates += 1
                return None
            tracked = self._tracked[event.uuid] = _Tracked.first_seen(event)
            before = None
        else:
            before = tracked.order
        news = tracked.note_told(event)
        fill = tracked.take(event)
        if not tracked.order.is_open:
            self._finish(event.uuid)
        if not news:
            self.duplicates += 1
            return None if tracked.order == before else OrderChange(tracked.order)
        return OrderChange(tracked.order, event, fill)

    def apply_asset(self, event: MyAssetEvent) -> tuple[Balance, ...]:
        """Fold a frame in; the balances it changed."""
        self._saw(event.timestamp)
        changed = []
        for asset in event.assets:
            frame = (event.asset_timestamp, asset.balance, asset.locked)
            if self._balance_frames.get(asset.currency) == frame:
                continue
            newest_ms = max(self._newest_balance_ms.get(asset.currency, 0), event.asset_timestamp)
            self._newest_balance_ms[asset.currency] = newest_ms
            if newest_ms > event.asset_timestamp:
                self._balances_in_doubt = True
                if newest_ms - event.asset_timestamp >= _LATE_MS:
                    continue
            self._balance_frames[asset.currency] = frame
            if self._is_known_amount(asset.currency, asset.balance, asset.locked):
                continue
            known = self._balances.get(asset.currency)
            if known is None:
                known = Balance(currency=asset.currency, balance=asset.balance, locked=asset.locked)
            # What was paid on average is REST's to say.
            now = msgspec.structs.replace(known, balance=asset.balance, locked=asset.locked)
            self._balances[asset.currency] = now
            changed.append(now)
        if not changed:
            self.duplicates += 1
        return tuple(changed)

    def without_known(self, held: Sequence[MyAssetEvent]) -> list[MyAssetEvent]:
        """Of frames held back while REST was asked, those that the present balances do not contain.

        A balance from REST may be newer than the frames that wait: told one by one, they would show it
        going back and coming again.
        """
        known_up_to: dict[str, int] = {}
        for position, event in enumerate(held):
            for asset in event.assets:
                if self._is_known_amount(asset.currency, asset.balance, asset.locked):
                    known_up_to[asset.currency] = position
        left = []
        for position, event in enumerate(held):
            assets = tuple(a for a in event.assets if position > known_up_to.get(a.currency, -1))
            if assets:
                left.append(event if assets == event.assets else _with_assets(event, assets))
        return left

    def _is_known_amount(self, currency: str, balance: Decimal, locked: Decimal) -> bool:
        known = self._balances.get(currency)
        return known is not None and (known.balance, known.locked) == (balance, locked)

    def _saw(self, timestamp_ms: int) -> None:
        self._seen_ms = max(self._seen_ms, timestamp_ms)
        if self._first_event_ms is None:
            self._first_event_ms = timestamp_ms

    def _finish(self, uuid: str) -> None:
        if uuid in self._finished:
            return
        self._finished[uuid] = None
        while len(self._finished) > self._finished_kept:
            oldest = next(iter(self._finished))
            del self._finished[oldest], self._tracked[oldest]
            self._forgotten[oldest] = None
        while len(self._forgotten) > _FORGOTTEN_KEPT:
            del self._forgotten[next(iter(self._forgotten))]

    # --- REST --------------------------------------------------------------------------------------

    def closed_since(self, now_ms: int) -> datetime:
        """From when on finished orders are to be read: aware, UTC.

        At the start an hour; later since the last event, with room for clocks that differ.
        """
        if self._first_picture_ms is None:
            start = now_ms - _FIRST_LOOK_MS
        else:
            start = min(self._seen_ms, now_ms) - _MARGIN_MS
        return datetime.fromtimestamp(start // 1000, UTC) + timedelta(milliseconds=start % 1000)

    def needed(self, open_orders: Iterable[Order], closed_orders: Iterable[Order]) -> tuple[str, ...]:
        """Uuids of the orders to ask for one by one.

        Those of which more was executed than fills are known, and those that were open and are in
        neither list.
        """
        needed: dict[str, None] = {}
        listed = set()
        for order in (*open_orders, *closed_orders):
            listed.add(order.uuid)
            if self._lacks_fills(order):
                needed[order.uuid] = None
        for uuid, tracked in self._tracked.items():
            if tracked.lacks_fills() or (tracked.order.is_open and uuid not in listed):
                needed[uuid] = None
        return tuple(needed)

    def _lacks_fills(self, order: Order) -> bool:
        tracked = self._tracked.get(order.uuid)
        if tracked is not None:
            return tracked.lacks_fills(order)
        if self._is_old(order):
            return False
        # How a finished order came about before the first picture is not asked.
        if self._first_picture_ms is None and not order.is_open:
            return False
        return _lacks_fills(order, order.fills)

    def _is_old(self, order: Order) -> bool:
        """Whether an order that is not known was over before the first picture, or is forgotten."""
        if order.uuid in self._forgotten:
            return True
        if self._first_picture_ms is None or order.is_open or order.order_timestamp is None:
            return False
        return order.order_timestamp < self._first_picture_ms - _MARGIN_MS

    def reconcile(self, picture: RestPicture, now_ms: int) -> Reconciliation:
        """Fold the answers of REST in; what was missed.

        Events come in order of time; within an order WAIT, TRADE oldest first with the amounts of that
        moment, PREVENTED, and the end. REST does not say when an order was cancelled: such a CANCEL
        carries `now_ms`, unless its kind ends at once.

        Args:
            picture: the answers, read after the gap.
            now_ms: milliseconds since the epoch, UTC.
        """
        is_first = self._first_picture_ms is None
        if is_first:
            self._first_picture_ms = now_ms
        unresolved: list[str] = []
        lost: list[str] = []
        changes: list[OrderChange] = []
        missed: list[list[tuple[int, MyOrderEvent]]] = []
        merged: list[Order] = []
        for order in _newest(picture):
            tracked = self._tracked.get(order.uuid)
            if tracked is None and self._is_old(order):
                continue
            if tracked is not None and tracked.is_past:
                continue
            if tracked is None and is_first:
                changes.append(self._take_first(order, now_ms))
                continue
            was_asked = picture.asked.get(order.uuid) is not None
            known = tracked.fills if tracked is not None else {}
            fills = known | {fill.uuid: fill for fill in order.fills if fill.uuid not in known}
            newest = order
            if tracked is not None and _progress(tracked.order) > _progress(order):
                newest = tracked.order
            given_up = tracked is not None and not tracked.lacks_fills(order)
            if not given_up and _lacks_fills(newest, fills.values()):
                if not was_asked or newest is not order:
                    unresolved.append(order.uuid)
                    continue
                lost.append(order.uuid)
            if tracked is not None and is_first:
                self._settle_old_fills(tracked, order)
            if newest is not order:
                newest = msgspec.structs.replace(
                    newest, state=order.state, price=order.price, volume=order.volume
                )
            missed.append(list(_missed(tracked, newest, fills, now_ms)))
            merged.append(order)
        for uuid, answer in picture.asked.items():
            tracked = self._tracked.get(uuid)
            if answer is None and tracked is not None:
                lost.append(uuid)
                tracked.given_up = _progress(tracked.order)
                if tracked.order.is_open:
                    missed.append([(now_ms, _event(tracked.order, OrderState.CANCEL, now_ms))])
        for _, event in heapq.merge(*missed, key=lambda timed: timed[0]):
            if (change := self.apply_order(event)) is not None:
                changes.append(change)
        for order in merged:
            changes += self._take_details(order, given_up=order.uuid in lost)
        asset_event, balances = self._take_balances(picture.balances, now_ms, is_first=is_first)
        self._seen_ms = max(self._seen_ms, now_ms if is_first else 0)
        return Reconciliation(
            changes=tuple(changes),
            asset_event=asset_event,
            balances=balances,
            unresolved=tuple(unresolved),
            lost=tuple(lost),
        )

    def _take_first(self, order: Order, now_ms: int) -> OrderChange:
        tracked = self._tracked[order.uuid] = _Tracked(order)
        tracked.take_order(order)
        if not order.is_open:
            tracked.is_past = True
            tracked.given_up = _progress(order)
            self._finish(order.uuid)
            return OrderChange(tracked.order)
        tracked.settle()
        if tracked.lacks_fills():
            # Filled since the list was read, or REST does not say: frames will tell of what is new.
            tracked.given_up = _progress(order)
        return OrderChange(
            tracked.order, _event(tracked.order, order.state, now_ms, stream_type=StreamType.SNAPSHOT)
        )

    def _settle_old_fills(self, tracked: _Tracked, order: Order) -> None:
        """Before the first picture only the stream was known: what was filled before that was not missed."""
        begin = self._first_event_ms
        old = [fill for fill in order.fills if begin is not None and fill.trade_timestamp < begin]
        for fill in old:
            tracked.fills.setdefault(fill.uuid, fill)
            tracked.told_fills.add(fill.uuid)

    def _take_details(self, order: Order, *, given_up: bool) -> Iterator[OrderChange]:
        tracked = self._tracked.get(order.uuid)
        if tracked is None:
            return
        before = tracked.order
        tracked.take_order(order)
        tracked.settle()
        if given_up:
            tracked.given_up = _progress(tracked.order)
        if tracked.order != before:
            yield OrderChange(tracked.order)

    def _take_balances(
        self, balances: Sequence[Balance] | None, now_ms: int, *, is_first: bool
    ) -> tuple[MyAssetEvent | None, tuple[Balance, ...]]:
        if balances is None:
            return None, ()
        found = {each.currency: each for each in balances}
        for currency, known in self._balances.items():
            # Upbit leaves out what there is none of any more.
            if currency not in found:
                found[currency] = msgspec.structs.replace(known, balance=_ZERO, locked=_ZERO)
        changed = [each for currency, each in found.items() if self._balances.get(currency) != each]
        moved = [
            Asset(currency=each.currency, balance=each.balance, locked=each.locked)
            for each in changed
            if not self._is_known_amount(each.currency, each.balance, each.locked)
        ]
        self._balances = found
        self._balances_in_doubt = False
        if not moved:
            return None, tuple(changed)
        event = MyAssetEvent(
            type="myAsset",
            asset_uuid="",
            assets=tuple(moved),
            asset_timestamp=now_ms,
            timestamp=now_ms,
            stream_type=StreamType.SNAPSHOT if is_first else StreamType.RECOVERED,
        )
        return event, tuple(changed)


def _with_assets(event: MyAssetEvent, assets: tuple[Asset, ...]) -> MyAssetEvent:
    return msgspec.structs.replace(event, assets=assets)


def _age(order: Order) -> tuple[int, str]:
    return order.order_timestamp or 0, order.uuid


def _newest(picture: RestPicture) -> list[Order]:
    """Each order of the picture once, as it was read last."""
    found: dict[str, Order] = {}
    answers = (order for order in picture.asked.values() if order is not None)
    for order in (*picture.open_orders, *picture.closed_orders, *answers):
        known = found.get(order.uuid)
        if known is None or _rank(order) >= _rank(known):
            fills = order.fills or (known.fills if known is not None else ())
            found[order.uuid] = msgspec.structs.replace(order, fills=fills)
        elif order.fills and not known.fills:
            found[order.uuid] = msgspec.structs.replace(known, fills=order.fills)
    return list(found.values())


def _rank(order: Order) -> tuple[bool, _Progress]:
    return not order.is_open, _progress(order)


# --- events of what was missed --------------------------------------------------------------------


def _missed(
    tracked: _Tracked | None, order: Order, fills: Mapping[str, Fill], now_ms: int
) -> Iterator[tuple[int, MyOrderEvent]]:
    """The events that were not seen of an order, each with its time, oldest first."""
    placed = order.order_timestamp if order.order_timestamp is not None else now_ms
    time = placed
    told_states = tracked.told_states if tracked is not None else frozenset[OrderState]()
    begun = OrderState.WATCH if order.state is OrderState.WATCH else OrderState.WAIT
    known_as = None if tracked is None else tracked.order.state
    if tracked is None or (known_as is OrderState.WATCH and begun is OrderState.WAIT):
        yield time, _event(_before_fills(order), begun, time)
    told = tracked.told_fills if tracked is not None else frozenset[str]()
    prevented = tracked.told_prevented if tracked is not None else None
    known = tracked.fills if tracked is not None else dict[str, Fill]()
    for fill, moment in _with_amounts(order, fills, known, prevented):
        if fill.uuid in told or fill.uuid in known:
            continue
        time = max(time, fill.trade_timestamp)
        yield time, _event(moment, OrderState.TRADE, time, fill)
    last = max((fill.trade_timestamp for fill in fills.values()), default=placed)
    amounts = (order.prevented_volume or _ZERO, order.prevented_locked or _ZERO)
    # An order that self-match prevention leaves nothing of only says cancel (protocol section 9.3).
    exhausted = not order.is_open and order.remaining_volume == _ZERO
    if not exhausted and any(a > b for a, b in zip(amounts, prevented or (_ZERO, _ZERO), strict=True)):
        time = max(time, last)
        yield time, _event(order, OrderState.PREVENTED, time)
    if not order.is_open and not _ENDS & told_states:
        at_once = (
            order.state is OrderState.DONE
            or order.order_type in _AT_ONCE_TYPES
            or order.time_in_force in _AT_ONCE_CONDITIONS
        )
        time = max(time, last if at_once else now_ms)
        yield time, _event(order, order.state, time)


def _event(
    order: Order,
    state: OrderState,
    time_ms: int,
    fill: Fill | None = None,
    *,
    stream_type: StreamType = StreamType.RECOVERED,
) -> MyOrderEvent:
    average = None
    if order.executed_funds is not None:
        with localcontext(_EXACT):
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
    with localcontext(_EXACT):
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
    known: Collection[str],
    prevented: tuple[Decimal, Decimal] | None,
) -> Iterator[tuple[Fill, Order]]:
    """Each fill, oldest first, and the order as it was after it.

    Fees and locked funds are given where they follow exactly from the order's own, else None; after the
    last fill of an order that nothing else happened to they are the order's own.
    """
    with localcontext(_EXACT):
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
        held_before = prevented or (_ZERO, _ZERO)
        still_to_come = (order.prevented_volume or _ZERO) - held_before[0]
        told_in_between = not still_to_come and (order.prevented_locked or _ZERO) <= held_before[1]
        for fill in ordered:
            executed += fill.volume
            count += 1
            funds += fill.funds
            if fill is ordered[-1] and told_in_between:
                yield fill, msgspec.structs.replace(order, executed_funds=funds if all_known else None)
                continue
            remaining = order.remaining_volume
            if remaining is not None:
                remaining += order.executed_volume - executed + still_to_come
            paid = None if rate is None else funds * rate
            left, locked = _held(order, remaining, funds, paid)
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
                    prevented_volume=None if order.prevented_volume is None else held_before[0],
                    prevented_locked=None if order.prevented_locked is None else held_before[1],
                ),
            )


def _rate(order: Order, funds: Decimal) -> Decimal | None:
    """The fee rate, where one rate to eight places explains the fee exactly."""
    if not funds or order.paid_fee is None:
        return None
    rate = (order.paid_fee / funds).quantize(_EIGHT, ROUND_HALF_EVEN)
    return rate if rate * funds == order.paid_fee else None


def _held(
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
