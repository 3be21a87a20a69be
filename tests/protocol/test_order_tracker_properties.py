"""`OrderTracker` against an account: whatever is lost, repeated or late, it ends where the account is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderChange, OrderTracker, Reconciliation
from qt_upbit.records import Balance, Order
from qt_upbit.rest import parsers as rows
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.account.order_calls import fill_row, order_row
from qt_upbit.types import (
    AskBid,
    BaseWebSocketEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderState,
    OrderType,
    TimeInForce,
)
from tests.support.profiles import examples

START_MS = 1_800_000_000_000
_ENDS = (OrderState.DONE, OrderState.CANCEL)
_REGIONAL_LACKS = (
    "trade_fee", "is_maker", "identifier", "smp_type",
    "prevented_volume", "prevented_locked", "executed_funds",
)  # fmt: skip


class World:
    """An account, what it sent, and the tracker that hears some of it."""

    def __init__(self, *, regional: bool = False, wait_frames: bool = True) -> None:
        self.pending: list[BaseWebSocketEvent] = []
        self.old: list[BaseWebSocketEvent] = []
        self.account = Account(7, self._publish)
        self.account.balance("KRW").balance = Decimal(10**12)
        self.account.balance("BTC").balance = Decimal(10**6)
        self.now_ms = START_MS
        self.regional = regional
        self.wait_frames = wait_frames
        self.tracker = OrderTracker()
        self.changes: list[OrderChange] = []
        self.lost_something = False

    def _publish(self, event: BaseWebSocketEvent) -> None:
        if self.regional and isinstance(event, MyOrderEvent):
            event = msgspec.structs.replace(event, **dict.fromkeys(_REGIONAL_LACKS))
        self.pending.append(event)

    def tick(self) -> int:
        self.now_ms += 7
        return self.now_ms

    # --- what the trader does ----------------------------------------------------------------------

    def place(self, kind: int) -> None:
        side = AskBid.BID if kind % 2 else AskBid.ASK
        fields: dict[str, Any] = {"identifier": f"own-{kind}" if kind % 3 == 0 else None}
        if kind == 5:
            side, order_type = AskBid.BID, OrderType.PRICE
            fields["price"] = Decimal(77_777)
        elif kind == 4:
            side, order_type = AskBid.ASK, OrderType.MARKET
            fields["volume"] = Decimal("0.7")
        else:
            order_type = OrderType.LIMIT
            fields |= {"price": Decimal(1000), "volume": Decimal("3.00000001")}
            fields["time_in_force"] = TimeInForce.IOC if kind == 3 else None
        order = self.account.draft("KRW-BTC", side, order_type, self.tick(), **fields)
        self.account.place(order, announce=self.wait_frames)
        if not self.wait_frames:
            # Only what fills at once may come without a wait frame.
            self.fill(len(self.account.open_orders) - 1)

    def _open(self, choice: int) -> TheirOrder | None:
        orders = self.account.open_orders
        return orders[choice % len(orders)] if orders else None

    def fill(self, choice: int) -> None:
        order = self._open(choice)
        if order is None:
            return
        price = Decimal(1000) if order.price is None or order.by_amount else order.price
        if order.by_amount:
            volume = min(Decimal("7.1"), self.account.affordable(order, price))
        else:
            volume = min(Decimal("0.9"), order.remaining_volume or Decimal(0))
        if volume:
            self.account.fill(order, price, volume, self.tick(), is_maker=True)

    def cancel(self, choice: int) -> None:
        if (order := self._open(choice)) is not None:
            self.account.cancel(order, self.tick())

    def prevent(self, choice: int) -> None:
        order = self._open(choice)
        if order is not None and not order.by_amount and not self.regional:
            volume = min(Decimal("1.1"), order.remaining_volume or Decimal(0))
            self.account.prevent(order, volume, Decimal(1000), self.tick())

    # --- what arrives ------------------------------------------------------------------------------

    def deliver(self, choice: int) -> None:
        """Deliver everything in order."""
        events, self.pending = self.pending, []
        self._hear(events)

    def deliver_late(self, choice: int) -> None:
        """Deliver everything in another order, one of them after the next delivery."""
        events, self.pending = self.pending, []
        if events:
            late = events.pop(choice % len(events))
            self._hear(reversed(events) if choice % 2 else events)
            self.pending.append(late)

    def repeat(self, choice: int) -> None:
        """Deliver something again."""
        if self.old:
            self._hear([self.old[choice % len(self.old)]])

    def lose(self, choice: int) -> None:
        """The connection broke: some of what was sent is lost."""
        keep = choice % (len(self.pending) + 1)
        self.lost_something = self.lost_something or keep < len(self.pending)
        events, self.pending = self.pending[:keep], []
        self._hear(events)

    def reconcile(self, choice: int) -> None:
        """REST is ahead of the stream: frames on the way come later."""
        self.now_ms += 3
        found = read(self.tracker, self.account, self.now_ms)
        self._check_order_of(found)
        self.changes += found.changes
        self.lost_something = False

    def _hear(self, events: Any) -> None:
        for event in events:
            self.old.append(event)
            if isinstance(event, MyAssetEvent):
                self.tracker.apply_asset(event)
                continue
            before = self.tracker.order(event.uuid)
            if (change := self.tracker.apply_order(event)) is not None:
                self.changes.append(change)
            now = self.tracker.order(event.uuid)
            assert now is not None
            if before is not None:
                assert now.executed_volume >= before.executed_volume
                assert now.trades_count >= before.trades_count
                assert before.is_open or now.state is before.state

    def _check_order_of(self, found: Reconciliation) -> None:
        assert not found.unresolved
        assert not found.lost
        times = [change.event.timestamp for change in found.changes if change.event is not None]
        assert times == sorted(times)
        for change in found.changes:
            event = change.event
            if event is None or not event.is_recovered:
                continue
            theirs = self.account.orders[event.uuid]
            if event.state is OrderState.TRADE:
                self._check_moment(event, theirs)
            elif event.state is OrderState.WAIT:
                assert (event.executed_volume, event.trades_count) == (0, 0)
                if not theirs.by_amount:
                    assert event.remaining_volume == theirs.volume
            elif event.state in _ENDS:
                assert change.order.state is event.state
                assert event.executed_volume == theirs.executed_volume

    def _check_moment(self, event: MyOrderEvent, theirs: TheirOrder) -> None:
        """The amounts are those after this fill."""
        position = next(i for i, fill in enumerate(theirs.fills) if fill.uuid == event.trade_uuid)
        done = theirs.fills[: position + 1]
        with localcontext() as context:
            context.prec = 60
            assert event.price == done[-1].price
            assert event.volume == done[-1].volume
            assert event.trade_timestamp == done[-1].time_ms
            assert event.trades_count == len(done)
            assert event.executed_volume == sum(fill.volume for fill in done)
            assert event.executed_funds == sum(fill.price * fill.volume for fill in done)
            assert event.paid_fee in (None, sum(fill.fee for fill in done))
            if not theirs.prevented_volume and not theirs.by_amount:
                assert theirs.volume is not None
                assert event.remaining_volume == theirs.volume - event.executed_volume
                if theirs.side is AskBid.ASK:
                    assert event.locked == event.remaining_volume
                else:
                    assert theirs.price is not None
                    held = theirs.price * event.remaining_volume * (1 + theirs.fee_rate)
                    assert event.locked == held

    # --- the end -----------------------------------------------------------------------------------

    def settle(self) -> None:
        self.deliver(0)
        if self.lost_something:
            self.reconcile(0)
        if self.tracker.is_in_doubt:
            self.reconcile(0)

    def check(self) -> None:
        for theirs in self.account.orders.values():
            ours = self.tracker.order(theirs.uuid)
            assert ours is not None
            assert_same(ours, theirs)
        reported = Counter(fill.uuid for fill in (c.fill for c in self.changes) if fill is not None)
        real = Counter(fill.uuid for theirs in self.account.orders.values() for fill in theirs.fills)
        assert reported == real
        events = [change.event for change in self.changes if change.event is not None]
        ends = Counter(event.uuid for event in events if event.state in _ENDS)
        assert ends == Counter(o.uuid for o in self.account.orders.values() if not o.is_open)
        waits = Counter(event.uuid for event in events if event.state is OrderState.WAIT)
        assert all(count == 1 for count in waits.values())
        for change in self.changes:
            if change.fill is not None:
                theirs = self.account.orders[change.fill.order_uuid]
                real_fill = next(fill for fill in theirs.fills if fill.uuid == change.fill.uuid)
                assert change.fill.fee in (None, real_fill.fee)
        for currency, held in self.account.balances.items():
            known = self.tracker.balances[currency]
            assert (known.balance, known.locked) == (held.balance, held.locked)


def assert_same(ours: Order, theirs: TheirOrder) -> None:
    expected = OrderState.WAIT if theirs.state is OrderState.TRADE else theirs.state
    assert ours.state is expected
    assert (ours.code, ours.ask_bid, ours.order_type) == (theirs.code, theirs.side, theirs.order_type)
    assert ours.executed_volume == theirs.executed_volume
    assert ours.trades_count == len(theirs.fills)
    assert [fill.uuid for fill in ours.fills] == [fill.uuid for fill in theirs.fills]
    assert ours.remaining_volume == theirs.remaining_volume
    assert ours.executed_funds == theirs.executed_funds
    assert ours.volume == theirs.volume
    assert ours.price == theirs.price
    for name in ("paid_fee", "remaining_fee", "reserved_fee", "locked"):
        assert getattr(ours, name) == getattr(theirs, name), name


def read(tracker: OrderTracker, account: Account, now_ms: int) -> Reconciliation:
    """Ask what an application asks, and hand it over."""
    listed = [rows.order(row_of(order)) for order in account.orders.values()]
    open_orders = [order for order in listed if order.is_open]
    closed_orders = [order for order in listed if not order.is_open]
    asked: dict[str, Order | None] = {}
    for uuid in tracker.needed(open_orders, closed_orders):
        theirs = account.orders[uuid]
        asked[uuid] = rows.order(row_of(theirs) | {"trades": [fill_row(theirs, f) for f in theirs.fills]})
    balances = [
        Balance(currency=held.currency, balance=held.balance, locked=held.locked)
        for held in account.balances.values()
    ]
    snapshot = AccountSnapshot(
        open_orders=open_orders, closed_orders=closed_orders, asked=asked, balances=balances
    )
    return tracker.reconcile(snapshot, now_ms)


def row_of(order: TheirOrder) -> dict[str, Any]:
    return order_row(order)


_ACTIONS: dict[str, Callable[[World, int], None]] = {
    "place": lambda world, n: world.place(n % 6),
    "fill": World.fill,
    "fill again": World.fill,
    "cancel": World.cancel,
    "prevent": World.prevent,
    "deliver": World.deliver,
    "deliver late": World.deliver_late,
    "deliver late again": World.deliver_late,
    "repeat": World.repeat,
    "lose": World.lose,
    "reconcile": World.reconcile,
}
_STEPS = st.lists(st.tuples(st.sampled_from(list(_ACTIONS)), st.integers(0, 40)), min_size=6, max_size=80)


def _run(world: World, steps: list[tuple[str, int]]) -> None:
    for name, number in steps:
        _ACTIONS[name](world, number)


@given(_STEPS, st.booleans(), st.booleans())
@settings(max_examples=examples(250))
# Balances came newest first, REST was asked, and then came one from between.
@example([("place", 0)] * 4 + [("deliver late", 5), ("reconcile", 0)], False, False)
def test_any_history_ends_where_the_account_is(
    steps: list[tuple[str, int]], regional: bool, wait_frames: bool
) -> None:
    world = World(regional=regional, wait_frames=wait_frames)
    world.reconcile(0)
    _run(world, steps)
    world.settle()
    world.check()


@given(_STEPS, _STEPS)
@settings(max_examples=examples(100))
def test_what_was_before_the_start_was_not_missed(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    world = World()
    for name, number in before:
        if name in ("place", "fill", "fill again", "cancel", "prevent"):
            _ACTIONS[name](world, number)
    # There was no follower yet.
    world.pending.clear()
    past = {fill.uuid for order in world.account.orders.values() for fill in order.fills}
    world.reconcile(0)
    assert all(change.fill is None for change in world.changes)
    assert all(change.event.is_snapshot for change in world.changes if change.event is not None)
    open_now = [order.uuid for order in world.tracker.open_orders]
    assert set(open_now) == {order.uuid for order in world.account.open_orders}
    world.changes.clear()
    _run(world, after)
    world.settle()
    reported = Counter(change.fill.uuid for change in world.changes if change.fill is not None)
    real = Counter(
        fill.uuid for order in world.account.orders.values() for fill in order.fills if fill.uuid not in past
    )
    assert reported == real
    assert {order.uuid for order in world.tracker.open_orders} == {
        order.uuid for order in world.account.open_orders
    }
    for order in world.account.open_orders:
        ours = world.tracker.order(order.uuid)
        assert ours is not None
        assert_same(ours, order)


@pytest.mark.parametrize("regional", [False, True])
def test_reconciling_again_reports_nothing(regional: bool) -> None:
    world = World(regional=regional)
    world.reconcile(0)
    for kind in range(6):
        world.place(kind)
        world.fill(kind)
    world.cancel(2)
    world.pending.clear()
    world.reconcile(0)
    reported = len(world.changes)
    assert reported
    world.reconcile(0)
    assert len(world.changes) == reported
