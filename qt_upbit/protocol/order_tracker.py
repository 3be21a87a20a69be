"""`OrderTracker`: the present state of every order and balance, and what was missed of them.

Events of the private streams are folded in by `apply_order` and `apply_asset`; answers of REST by
`reconcile`, which says what the stream did not. Neither order, duplicates nor lateness of frames matter: a
fill counts once, by its ``trade_uuid``, and amounts that only grow never go back (protocol sections 3.5,
3.6 and 9.2).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from qt_upbit.epoch import datetime_at
from qt_upbit.protocol.balance_tracker import BalanceTracker
from qt_upbit.protocol.contradictions import Contradiction, contradictions
from qt_upbit.protocol.missed_events import missed_events, order_event
from qt_upbit.protocol.tracked_order import Progress, TrackedOrder, lacks_fills, progress_of
from qt_upbit.records import Balance, Fill, Order
from qt_upbit.types import MyAssetEvent, MyOrderEvent, OrderState, StreamType

__all__ = ["AccountSnapshot", "OrderChange", "OrderTracker", "Reconciliation"]

_MARGIN_MS: Final = 10 * 60 * 1000
"""How far this machine's clock may be from the exchange's, generously: nothing is reported twice for it."""
_FIRST_LOOK_MS: Final = 60 * 60 * 1000
"""How far back finished orders are read at the start; more than the margin, so that none seems new later."""
_FORGOTTEN_KEPT: Final = 10_000


class OrderChange(NamedTuple):
    """What an event, or an answer of REST, changed.

    Attributes:
        order: as it stands now.
        event: what happened; None where only details became known.
        fill: what was executed, reported for the first time.
    """

    order: Order
    event: MyOrderEvent | None = None
    fill: Fill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
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
        changes: in order of time; events are RECOVERED, or SNAPSHOT in the first snapshot.
        asset_event: the balances that were different; None if none was.
        balances: the same as balances.
        unresolved: uuids whose fills are not known yet: ask again. Nothing was reported of them.
        lost: uuids of which something can not be learnt any more.
    """

    changes: tuple[OrderChange, ...] = ()
    asset_event: MyAssetEvent | None = None
    balances: tuple[Balance, ...] = ()
    unresolved: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class OrderTracker:
    """Orders and balances of one account, from the private streams and REST.

    Feed it every `MyOrderEvent` and `MyAssetEvent` (`apply_order`, `apply_asset`), and after each gap what
    REST says::

        open_orders = await rest.get_open_orders()
        closed_orders = await rest.get_closed_orders(start=tracker.closed_since(now_ms))
        asked = {uuid: await rest.get_order(uuid=uuid) for uuid in tracker.needed(open_orders, closed_orders)}
        missed = tracker.reconcile(AccountSnapshot(...), now_ms)

    The first `reconcile` gives the first state: what it finds was not missed, and comes as SNAPSHOT.

    Args:
        max_finished_orders: how many finished orders are remembered; open ones all are.
    """

    def __init__(self, max_finished_orders: int = 1000) -> None:
        if max_finished_orders < 1:
            raise ValueError("max_finished_orders must be 1 or more")
        self._max_finished_orders = max_finished_orders
        self._forget_all()
        self.duplicates = 0
        """Events that reported nothing new."""

    def _forget_all(self) -> None:
        self._tracked: dict[str, TrackedOrder] = {}
        self._without_price: set[str] = set()
        """Open orders whose price, or volume, is not known."""
        self._doubted: dict[str, None] = {}
        """Orders to be asked for, because an answer of REST, or a frame, leaves open what became of them."""
        self._finished: dict[str, None] = {}
        """Uuids in the order in which they ended."""
        self._forgotten: dict[str, None] = {}
        self._balances = BalanceTracker()
        self._explained: frozenset[Contradiction] = frozenset()
        """Contradictions that REST has confirmed, such as what a withdrawal locks."""
        self._first_snapshot_ms: int | None = None
        self._first_event_ms: int | None = None
        self._last_event_ms = 0
        self._complete_ms = 0
        """The newest time of any event when REST was read completely the last time."""

    def reset(self) -> None:
        """Forget everything: what comes is another account's. The limit stays."""
        self._forget_all()

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
        return dict(self._balances.balances)

    @property
    def is_initialised(self) -> bool:
        """Whether the first state was read."""
        return self._first_snapshot_ms is not None

    @property
    def is_in_doubt(self) -> bool:
        """Whether only REST knows the state, although nothing was lost: reconcile before long.

        Balances came in another order than their times say, or an open order was first seen when it
        was filled, whose frames carry the fill's price and not the order's; an order is in a state that is
        not known here; or `doubt_order` was called.
        """
        return self._balances.is_in_doubt or bool(self._without_price) or bool(self._doubted)

    def contradictions(self) -> frozenset[Contradiction]:
        """What does not fit together, and did not already when REST was read last: a frame may be lost.

        Frames of an order and of its balance come one after the other: only what lasts counts.
        """
        if not self.is_initialised:
            return frozenset()
        return contradictions(self._tracked.values(), self._balances.balances) - self._explained

    @property
    def last_event_ms(self) -> int | None:
        """The newest time of any event, by the exchange's clock; None before the first."""
        return None if self._first_event_ms is None else self._last_event_ms

    def order(self, uuid: str) -> Order | None:
        """An order by Upbit's id."""
        tracked = self._tracked.get(uuid)
        return None if tracked is None else tracked.order

    def doubt_order(self, key: str) -> None:
        """Upbit does not know an order of this uuid or identifier: ask for it, if it is open here."""
        order = self.order(key) or self.order_by_identifier(key)
        if order is not None and order.is_open:
            self._doubted[order.uuid] = None

    def order_by_identifier(self, identifier: str) -> Order | None:
        """An order by the client's own id."""
        return next((o for o in self.orders if o.identifier == identifier), None)

    # --- the stream --------------------------------------------------------------------------------

    def apply_order(self, event: MyOrderEvent) -> OrderChange | None:
        """Fold a frame in; what it changed, None if it reported nothing new."""
        self._saw(event.timestamp)
        tracked = self._tracked.get(event.uuid)
        if tracked is None:
            if event.uuid in self._forgotten:
                self.duplicates += 1
                return None
            tracked = self._tracked[event.uuid] = TrackedOrder.first_seen(event)
        before = tracked.order
        news = tracked.note_reported(event)
        fill = tracked.take(event)
        if not event.state.is_known:
            self._doubted[event.uuid] = None
        self._classify(tracked)
        if not news:
            self.duplicates += 1
            return None if tracked.order is before else OrderChange(tracked.order)
        return OrderChange(tracked.order, event, fill)

    def apply_asset(self, event: MyAssetEvent) -> tuple[Balance, ...]:
        """Fold a frame in; the balances it changed."""
        self._saw(event.timestamp)
        changed = self._balances.apply(event)
        if not changed:
            self.duplicates += 1
        return changed

    def pass_over(self, events: Iterable[MyAssetEvent]) -> None:
        """Frames of balances are older than an answer of REST: note that they were seen."""
        for event in events:
            self._saw(event.timestamp)
            self._balances.pass_over(event)

    def without_known(self, waiting: Sequence[MyAssetEvent]) -> list[MyAssetEvent]:
        """Of frames that waited while REST was asked, those that the present balances do not contain."""
        return self._balances.without_known(waiting)

    def _saw(self, timestamp_ms: int) -> None:
        self._last_event_ms = max(self._last_event_ms, timestamp_ms)
        if self._first_event_ms is None:
            self._first_event_ms = timestamp_ms

    def _classify(self, tracked: TrackedOrder) -> None:
        """Note whether an order is over, or lacks its price, after something was folded in."""
        uuid = tracked.order.uuid
        if tracked.order.is_open:
            if tracked.lacks_details:
                self._without_price.add(uuid)
            else:
                self._without_price.discard(uuid)
            return
        self._without_price.discard(uuid)
        if uuid in self._finished:
            return
        self._finished[uuid] = None
        while len(self._finished) > self._max_finished_orders:
            oldest = next(iter(self._finished))
            del self._finished[oldest], self._tracked[oldest]
            self._doubted.pop(oldest, None)
            self._forgotten[oldest] = None
        while len(self._forgotten) > _FORGOTTEN_KEPT:
            del self._forgotten[next(iter(self._forgotten))]

    # --- REST --------------------------------------------------------------------------------------

    def closed_since(self, now_ms: int) -> datetime:
        """From when on finished orders are to be read: aware, UTC.

        At the start an hour; later since the last event before REST was read completely, with room for clocks
        that differ: what was lost since then may be older than the last event.
        """
        if self._first_snapshot_ms is None:
            start = now_ms - _FIRST_LOOK_MS
        else:
            start = min(self._complete_ms, now_ms) - _MARGIN_MS
        return datetime_at(0, milliseconds=start)

    def needed(self, open_orders: Iterable[Order], closed_orders: Iterable[Order]) -> tuple[str, ...]:
        """Uuids of the orders to ask for one by one.

        Those of which more was executed than fills are known, those that were open and are in neither list,
        and those in doubt.
        """
        needed = dict.fromkeys(self._doubted)
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
        # How a finished order came about before the first snapshot is not asked.
        if self._first_snapshot_ms is None and not order.is_open:
            return False
        return lacks_fills(order, order.fills)

    def _is_old(self, order: Order) -> bool:
        """Whether an order that is not known was over before the first snapshot, or is forgotten."""
        if order.uuid in self._forgotten:
            return True
        if self._first_snapshot_ms is None or order.is_open or order.order_timestamp is None:
            return False
        return order.order_timestamp < self._first_snapshot_ms - _MARGIN_MS

    def reconcile(self, snapshot: AccountSnapshot, now_ms: int) -> Reconciliation:
        """Fold the answers of REST in; what was missed.

        Events come in order of time; within an order WAIT, TRADE oldest first with the amounts of that
        moment, PREVENTED, and the end. REST does not say when an order was cancelled: such a CANCEL
        carries `now_ms`, unless its kind ends at once.

        Args:
            snapshot: the answers, read after the gap.
            now_ms: milliseconds since the epoch, UTC.
        """
        is_first = self._first_snapshot_ms is None
        if is_first:
            self._first_snapshot_ms = now_ms
        unresolved: list[str] = []
        lost: list[str] = []
        changes: list[OrderChange] = []
        missed: list[list[tuple[int, MyOrderEvent]]] = []
        merged: list[Order] = []
        for order in _newest(snapshot):
            tracked = self._tracked.get(order.uuid)
            if tracked is None and self._is_old(order):
                continue
            if tracked is not None and tracked.is_past:
                continue
            self._doubted.pop(order.uuid, None)
            if tracked is None and is_first:
                changes.append(self._take_first(order, now_ms))
                continue
            was_asked = snapshot.asked.get(order.uuid) is not None
            known = tracked.fills.by_uuid if tracked is not None else {}
            fills = {**known} | {fill.uuid: fill for fill in order.fills if fill.uuid not in known}
            newest = order
            if tracked is not None and progress_of(tracked.order) > progress_of(order):
                newest = tracked.order
            given_up = tracked is not None and not tracked.lacks_fills(order)
            if not given_up and lacks_fills(newest, fills.values()):
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
            missed.append(list(missed_events(tracked, newest, fills, now_ms)))
            merged.append(order)
        for uuid, answer in snapshot.asked.items():
            tracked = self._tracked.get(uuid)
            self._doubted.pop(uuid, None)
            if answer is None and tracked is not None:
                lost.append(uuid)
                tracked.given_up = progress_of(tracked.order)
                if tracked.order.is_open:
                    missed.append([(now_ms, order_event(tracked.order, OrderState.CANCEL, now_ms))])
        for _, event in heapq.merge(*missed, key=lambda timed: timed[0]):
            if (change := self.apply_order(event)) is not None:
                changes.append(change)
        for order in merged:
            changes += self._take_details(order, given_up=order.uuid in lost)
        asset_event: MyAssetEvent | None = None
        balances: tuple[Balance, ...] = ()
        if snapshot.balances is not None:
            asset_event, balances = self._balances.reconcile(snapshot.balances, now_ms, is_first=is_first)
        self._last_event_ms = max(self._last_event_ms, now_ms if is_first else 0)
        if not unresolved:
            self._complete_ms = self._last_event_ms
        self._explained = contradictions(self._tracked.values(), self._balances.balances)
        return Reconciliation(
            changes=tuple(changes),
            asset_event=asset_event,
            balances=balances,
            unresolved=tuple(unresolved),
            lost=tuple(lost),
        )

    def _take_first(self, order: Order, now_ms: int) -> OrderChange:
        tracked = self._tracked[order.uuid] = TrackedOrder(order)
        tracked.take_order(order)
        if not order.is_open:
            tracked.is_past = True
            tracked.given_up = progress_of(order)
            self._classify(tracked)
            return OrderChange(tracked.order)
        tracked.settle()
        if tracked.lacks_fills():
            # Filled since the list was read, or REST does not say: frames will report what is new.
            tracked.given_up = progress_of(order)
        return OrderChange(
            tracked.order, order_event(tracked.order, order.state, now_ms, stream_type=StreamType.SNAPSHOT)
        )

    def _settle_old_fills(self, tracked: TrackedOrder, order: Order) -> None:
        """Before the first snapshot only the stream was known: what was filled before that was not missed."""
        begin = self._first_event_ms
        old = [fill for fill in order.fills if begin is not None and fill.trade_timestamp < begin]
        for fill in old:
            tracked.fills.add(fill)
            tracked.reported_fills.add(fill.uuid)

    def _take_details(self, order: Order, *, given_up: bool) -> Iterator[OrderChange]:
        tracked = self._tracked.get(order.uuid)
        if tracked is None:
            return
        before = tracked.order
        tracked.take_order(order)
        tracked.settle()
        self._classify(tracked)
        if given_up:
            tracked.given_up = progress_of(tracked.order)
        if tracked.order is not before:
            yield OrderChange(tracked.order)


def _age(order: Order) -> tuple[int, str]:
    return order.order_timestamp or 0, order.uuid


def _newest(snapshot: AccountSnapshot) -> list[Order]:
    """Each order of the snapshot once, as it was read last."""
    found: dict[str, Order] = {}
    answers = (order for order in snapshot.asked.values() if order is not None)
    for order in (*snapshot.open_orders, *snapshot.closed_orders, *answers):
        known = found.get(order.uuid)
        if known is None or _rank(order) >= _rank(known):
            fills = order.fills or (known.fills if known is not None else ())
            found[order.uuid] = msgspec.structs.replace(order, fills=fills)
        elif order.fills and not known.fills:
            found[order.uuid] = msgspec.structs.replace(known, fills=order.fills)
    return list(found.values())


def _rank(order: Order) -> tuple[bool, Progress]:
    return not order.is_open, progress_of(order)
