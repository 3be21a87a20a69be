"""`AccountSync` with a connection that breaks and a REST that fails: it ends where the exchange is."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import AuthenticationError, ConfigError, RestError
from qt_upbit.protocol.account_outputs import (
    AccountReset,
    AccountState,
    AccountStateChanged,
    BalanceChanged,
    CancelRead,
    FillReported,
    OrderChanged,
    OrderEventReported,
    ReadRest,
    Synchronized,
)
from qt_upbit.protocol.account_sync import (
    AccountSync,
    Moment,
)
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderTracker
from qt_upbit.records import Balance, Order
from qt_upbit.rest import parsers
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.account.order_calls import fill_row, order_row
from qt_upbit.types import AskBid, BaseWebSocketEvent, MyAssetEvent, MyOrderEvent, OrderState, OrderType
from tests.support.profiles import examples

START_MS = 1_800_000_000_000
AUDIT_S = 60.0
_ENDS = (OrderState.DONE, OrderState.CANCEL)
_GAP = "gap"


class Reading:
    """A reading of REST under way: one call a step, between which the exchange goes on."""

    def __init__(self, action: ReadRest, account: Account, interruptions: int) -> None:
        self.id = action.read_id
        self.account = account
        self.interruptions = interruptions
        """How many the client had heard of when it asked."""
        self.open_orders: list[Order] | None = None
        self.closed_orders: list[Order] | None = None
        self.needed: deque[str] | None = None
        self.asked: dict[str, Order | None] = {}
        self.balances: list[Balance] | None = None

    def step(self, tracker: OrderTracker) -> AccountSnapshot | None:
        """Make the next call; the snapshot after the last."""
        if self.open_orders is None:
            self.open_orders = self._listed(is_open=True)
        elif self.closed_orders is None:
            self.closed_orders = self._listed(is_open=False)
            self.needed = deque(tracker.needed(self.open_orders, self.closed_orders))
        elif self.needed:
            uuid = self.needed.popleft()
            theirs = self.account.orders.get(uuid)
            self.asked[uuid] = None if theirs is None else _in_full(theirs)
        elif self.balances is None:
            self.balances = [
                Balance(currency=held.currency, balance=held.balance, locked=held.locked)
                for held in self.account.balances.values()
            ]
        else:
            return AccountSnapshot(
                open_orders=self.open_orders,
                closed_orders=self.closed_orders,
                asked=self.asked,
                balances=self.balances,
            )
        return None

    def _listed(self, *, is_open: bool) -> list[Order]:
        orders = (parsers.order(order_row(order)) for order in self.account.orders.values())
        return [order for order in orders if order.is_open is is_open]


def _in_full(theirs: TheirOrder) -> Order:
    return parsers.order(order_row(theirs) | {"trades": [fill_row(theirs, f) for f in theirs.fills]})


class World:
    """Two accounts, a connection to the one whose key is in use, and what a follower of the client knows."""

    def __init__(self, *, recover_gaps: bool = True, audit_interval_s: float | None = None) -> None:
        self.now_s = 1000.0
        self.recover_gaps = recover_gaps
        self.accounts = [self._new_account(number) for number in range(2)]
        self.key = 0
        self.is_up = False
        self.was_up = False
        self.signals: deque[str] = deque()
        """Of the connection, on their way: they may overtake events, and not each other."""
        self.orders_queue: deque[Any] = deque()
        self.assets_queue: deque[Any] = deque()
        """What has been received and not handed over yet, with a mark where a gap is."""
        self.old: list[MyOrderEvent | MyAssetEvent] = []
        self.reading: Reading | None = None
        self.asked_for: ReadRest | None = None

        config = WebSocketConfig(
            recover_gaps=recover_gaps, recovery_timeout_s=2.0, account_audit_interval_s=audit_interval_s
        )
        self.sync = AccountSync(config, OrderTracker(), random.Random(7))
        self.shown = AccountState.SYNCHRONIZING
        self.orders: dict[str, Order] = {}
        self.balances: dict[str, Balance] = {}
        self.fills: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.due_fills: set[str] = set()
        """What happened since the first state was read: each must be reported once."""
        self.interruptions = 0
        self.covered = -1
        """How many interruptions the last complete reading has answered for."""
        self.serves = 0

    def _new_account(self, number: int) -> Account:
        account = Account(7 + number, lambda event: self._publish(number, event))
        account.balance("KRW").balance = Decimal(10 ** (12 - number))
        account.balance("BTC" if number else "XRP").balance = Decimal(10**6)
        return account

    @property
    def now(self) -> Moment:
        return Moment(self.now_s, self.now_ms)

    @property
    def now_ms(self) -> int:
        return START_MS + round(self.now_s * 1000)

    @property
    def account(self) -> Account:
        return self.accounts[self.key]

    # --- the exchange ------------------------------------------------------------------------------

    def _publish(self, number: int, event: BaseWebSocketEvent) -> None:
        if self.is_up and number == self.key:
            queue = self.assets_queue if isinstance(event, MyAssetEvent) else self.orders_queue
            queue.append(event)

    def _tick_exchange(self) -> int:
        self.now_s += 0.007
        return self.now_ms

    def place(self, n: int) -> None:
        """In either account: what happens in the other one must not show."""
        account = self.accounts[self.key if n % 5 else 1 - self.key]
        side = AskBid.BID if n % 2 or account is not self.accounts[1] else AskBid.ASK
        order = account.draft(
            "KRW-BTC", side, OrderType.LIMIT, self._tick_exchange(),
            price=Decimal(1000), volume=Decimal("3.00000001"),
        )  # fmt: skip
        account.place(order)

    def fill(self, n: int) -> None:
        account = self.accounts[self.key if n % 7 else 1 - self.key]
        if not account.open_orders:
            return
        order = account.open_orders[n % len(account.open_orders)]
        volume = min(Decimal("0.9") if n % 3 else Decimal(4), order.remaining_volume or Decimal(0))
        made = account.fill(order, Decimal(1000), volume, self._tick_exchange(), is_maker=True)
        if account is self.account and self.sync.tracker.is_initialised:
            self.due_fills.add(made.uuid)

    def cancel(self, n: int) -> None:
        if orders := self.account.open_orders:
            self.account.cancel(orders[n % len(orders)], self._tick_exchange())

    # --- the connection ----------------------------------------------------------------------------------

    def drop(self, n: int) -> None:
        """What was under way is lost, without a word at first."""
        if self.is_up:
            for queue in (self.orders_queue, self.assets_queue):
                for _ in range(n % 3):
                    if queue and queue[-1] != _GAP:
                        queue.pop()
            self.is_up = False
            self.signals.append("lost")

    def connect(self, _: int) -> None:
        # With other keys the handshake comes after everyone has heard of them.
        if not self.is_up and "credentials" not in self.signals:
            self.is_up = True
            if self.was_up:
                self.orders_queue.append(_GAP)
                self.assets_queue.append(_GAP)
            self.was_up = True
            self.signals += ("lost", "live")

    def refuse_line(self, _: int) -> None:
        self.drop(0)
        self.signals.append("refused")

    def hear_signal(self, _: int) -> None:
        if not self.signals:
            return
        match self.signals.popleft():
            case "lost":
                self.interruptions += 1
                self.sync.stream_lost(self.now)
            case "live":
                self.sync.stream_live(self.now)
            case "refused":
                self.interruptions += 1
                self.sync.stream_refused(AuthenticationError("jwt_verification", 401), self.now)
            case "credentials":
                # Subscriptions are made again, so that nothing of the account before comes through.
                self.orders_queue = deque([_GAP] * self.orders_queue.count(_GAP))
                self.assets_queue = deque([_GAP] * self.assets_queue.count(_GAP))
                self.due_fills.clear()
                self.old.clear()
                self.sync.credentials_changed()

    def deliver(self, _: int) -> None:
        self._deliver(self.orders_queue, len(self.orders_queue))
        self._deliver(self.assets_queue, len(self.assets_queue))

    def deliver_some(self, n: int) -> None:
        self._deliver(self.assets_queue if n % 2 else self.orders_queue, 1 + n % 4)

    def _deliver(self, queue: deque[Any], at_most: int) -> None:
        for _ in range(min(at_most, len(queue))):
            item = queue.popleft()
            if item == _GAP:
                self.interruptions += 1
                self.sync.gap_reported(self.now_ms - 50, self.now)
            else:
                self.old.append(item)
                self.sync.event_received(item, self.now)
            self._follow()

    def swap(self, n: int) -> None:
        """Two neighbours come in the other order."""
        queue = self.assets_queue if n % 2 else self.orders_queue
        if len(queue) > 1 and _GAP not in (queue[-1], queue[-2]):
            queue[-1], queue[-2] = queue[-2], queue[-1]

    def repeat(self, n: int) -> None:
        """A frame comes twice."""
        if self.old:
            self.sync.event_received(self.old[-1 - n % min(3, len(self.old))], self.now)

    def overflow(self, n: int) -> None:
        queue = self.assets_queue if n % 2 else self.orders_queue
        lost = 0
        while queue and queue[0] != _GAP and lost < 1 + n % 4:
            queue.popleft()
            lost += 1
        if lost:
            self.interruptions += 1
            self.sync.events_lost(self.now)

    def lose(self, n: int) -> None:
        """Frames are lost on a healthy connection, and nothing says so."""
        queue = self.assets_queue if n % 3 == 2 else self.orders_queue
        while queue and queue[-1] != _GAP and (n := n - 9) > -9:
            queue.pop()

    # --- REST --------------------------------------------------------------------------------------

    def answer(self, n: int) -> None:
        """Some calls are answered."""
        for _ in range(1 + n % 4):
            self._carry_out()
            if self.reading is None:
                return
            snapshot = self.reading.step(self.sync.tracker)
            if snapshot is not None:
                reading, self.reading = self.reading, None
                self._note_complete(reading)
                self.sync.read_answered(reading.id, snapshot, self.now)

    def _note_complete(self, reading: Reading) -> None:
        if not self.sync.snapshot_due:
            self.covered = reading.interruptions

    def fail(self, n: int) -> None:
        self._carry_out()
        if self.reading is None:
            return
        reading, self.reading = self.reading, None
        match n % 6:
            case 0:
                self.sync.read_failed(reading.id, AuthenticationError("out_of_scope", 403), self.now)
            case 1:
                self.sync.read_cancelled(reading.id, self.now)
            case 2 if n > 30:
                self.sync.rest_missing(reading.id, ConfigError("no REST"), self.now)
            case _:
                self.sync.read_failed(reading.id, RestError("GET /v1/accounts", 503), self.now)
        # An answer that comes after all is passed over.
        self.sync.read_answered(reading.id, AccountSnapshot(balances=()), self.now)

    def _carry_out(self) -> None:
        for action in self.sync.take_actions():
            match action:
                case ReadRest():
                    assert self.reading is None
                    assert self.asked_for is None
                    self.asked_for = action
                    self.asked_at = self.interruptions
                case CancelRead(read_id):
                    if self.asked_for is not None and self.asked_for.read_id == read_id:
                        self.asked_for = None
                    elif self.reading is not None and self.reading.id == read_id:
                        self.reading = None
        # Once the streams are served.
        if self.asked_for is not None and self.is_up:
            self.reading = Reading(self.asked_for, self.account, self.asked_at)
            self.asked_for = None

    def calm(self, n: int) -> None:
        """For a while nothing is in the way."""
        self.connect(0)
        while self.signals:
            self.hear_signal(0)
        for _ in range(3 + n % 6):
            self.deliver(0)
            self.tick()
            self.answer(3)
            self.check()

    # --- the user, and time ------------------------------------------------------------------------

    def resync(self, _: int) -> None:
        self.sync.resync(self.now)

    def renew(self, _: int) -> None:
        self.sync.check()

    def change_credentials(self, n: int) -> None:
        """To the other account, or to another key of the same."""
        self.drop(0)
        if n % 3:
            self.key = 1 - self.key
        self.signals.append("credentials")

    def pass_time(self, n: int) -> None:
        self.now_s += (0.01, 0.1, 0.6, 2.5)[n % 4]
        self.tick()

    def tick(self, _: int = 0) -> None:
        due = self.sync.next_deadline()
        if due is not None and due <= self.now_s:
            self.sync.tick(self.now)
            self._follow()
            self._carry_out()
            due = self.sync.next_deadline()
            assert due is None or due > self.now_s, "it asks to be called again and again"

    # --- what a follower sees ----------------------------------------------------------------------

    def _follow(self) -> None:
        for event in self.sync.take_events():
            match event:
                case OrderChanged(order):
                    assert order.uuid in self._session_account.orders
                    self.orders[order.uuid] = order
                case BalanceChanged(balance):
                    self.balances[balance.currency] = balance
                case FillReported(fill):
                    self.fills[fill.uuid] += 1
                case OrderEventReported(happened) if happened.state in _ENDS:
                    self.ends[happened.uuid] += 1
                case AccountReset(orders, balances):
                    assert {order.uuid for order in orders} == set(self.orders)
                    assert {balance.currency for balance in balances} == set(self.balances)
                    self.serves = self.key
                    self.orders.clear()
                    self.balances.clear()
                    self.fills.clear()
                    self.ends.clear()
                case AccountStateChanged(state):
                    assert state is not self.shown
                    self.shown = state
                case Synchronized():
                    assert self.shown is AccountState.SYNCHRONIZED

    @property
    def _session_account(self) -> Account:
        return self.accounts[self.serves]

    def check(self) -> None:
        """What holds after every step."""
        self._follow()
        self._carry_out()
        tracker = self.sync.tracker
        assert self.shown is self.sync.state.shown
        assert self.orders == {order.uuid: order for order in tracker.orders}
        assert self.balances == tracker.balances
        assert all(count == 1 for count in self.fills.values())
        assert all(count == 1 for count in self.ends.values())
        if self.shown is AccountState.SYNCHRONIZED:
            assert self.covered == self.interruptions, "something is known to be missing"
            if self.is_quiet:
                self.compare()

    @property
    def is_quiet(self) -> bool:
        """Whether everything has been heard, and nothing is to be done."""
        return (
            self.is_up
            and not (self.signals or self.orders_queue or self.assets_queue)
            and self.reading is None
            and self.sync.next_deadline() is None
            and not self.sync.tracker.is_in_doubt
        )

    # --- the end -----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything works again."""
        while self.signals:
            self.hear_signal(0)
            self.check()
        self.connect(0)
        while self.signals:
            self.hear_signal(0)
            self.check()
        if self.sync.state.shown is AccountState.INCOMPLETE or not self.recover_gaps:
            # Without recovery, frames that came twice or late are not looked into either.
            self.deliver(0)
            self.resync(0)
        for _ in range(200):
            self.deliver(0)
            self.answer(3)
            self.check()
            if self.sync.state.shown is AccountState.SYNCHRONIZED and self.is_quiet:
                return
            due = self.sync.next_deadline()
            if due is not None:
                self.now_s = max(self.now_s + 0.001, due)
            self.tick()
            self.check()
        raise AssertionError(f"it does not come to rest: {self.sync.state}, {self.sync.error}")

    def audit(self) -> None:
        """Everything works again, and two comparisons are made."""
        while self.signals:
            self.hear_signal(0)
        self.connect(0)
        while self.signals:
            self.hear_signal(0)
        self.deliver(0)
        if self.sync.state.shown is AccountState.INCOMPLETE:
            self.resync(0)
        end_s = self.now_s + 2.5 * AUDIT_S
        while (due := self.sync.next_deadline()) is not None and due <= end_s:
            self.now_s = max(self.now_s, due)
            self.tick()
            for _ in range(40):
                self.answer(3)
                self.check()
        assert self.shown is AccountState.SYNCHRONIZED

    def compare(self) -> None:
        """The client knows what the exchange knows."""
        theirs = self.account
        tracker = self.sync.tracker
        assert {order.uuid for order in tracker.open_orders} == {order.uuid for order in theirs.open_orders}
        for ours in tracker.orders:
            order = theirs.orders[ours.uuid]
            expected = OrderState.WAIT if order.state is OrderState.TRADE else order.state
            assert (ours.state, ours.price, ours.volume) == (expected, order.price, order.volume)
            assert ours.executed_volume == order.executed_volume
            if order.is_open:
                assert ours.locked == order.locked
                assert ours.remaining_volume == order.remaining_volume
                assert [fill.uuid for fill in ours.fills] == [fill.uuid for fill in order.fills]
        for currency, held in theirs.balances.items():
            known = self.balances[currency]
            assert (known.balance, known.locked) == (held.balance, held.locked)
        assert not self.balances.keys() - theirs.balances.keys()
        assert set(self.fills) >= self.due_fills
        assert set(self.fills) <= {fill.uuid for order in theirs.orders.values() for fill in order.fills}


_ACTIONS: dict[str, tuple[Callable[[World, int], None], int]] = {
    "place": (World.place, 6),
    "fill": (World.fill, 7),
    "cancel": (World.cancel, 2),
    "calm": (World.calm, 8),
    "drop": (World.drop, 2),
    "connect": (World.connect, 6),
    "refuse line": (World.refuse_line, 1),
    "hear signal": (World.hear_signal, 7),
    "deliver": (World.deliver, 5),
    "deliver some": (World.deliver_some, 5),
    "swap": (World.swap, 2),
    "repeat": (World.repeat, 2),
    "overflow": (World.overflow, 1),
    "answer": (World.answer, 7),
    "fail": (World.fail, 2),
    "resync": (World.resync, 1),
    "renew": (World.renew, 2),
    "credentials": (World.change_credentials, 2),
    "pass time": (World.pass_time, 5),
    "tick": (World.tick, 6),
}
_NAMES = [name for name, (_, weight) in _ACTIONS.items() for _ in range(weight)]
_STEPS = st.lists(st.tuples(st.sampled_from(_NAMES), st.integers(0, 40)), min_size=10, max_size=120)


@given(_STEPS, st.booleans())
@settings(max_examples=examples(800))
# A frame of a balance that REST had overtaken came again, and passed for news.
@example([("connect", 0), ("place", 1), ("cancel", 0), ("calm", 0), ("repeat", 1)], True)
# The last frame but one came again, after one that was lost and while REST was asked.
@example(
    [
        ("connect", 0), ("place", 1), ("cancel", 0), ("calm", 0), ("repeat", 1), ("place", 1),
        ("overflow", 1), ("pass time", 0), ("deliver", 0), ("repeat", 1), ("answer", 0),
    ],
    True,
)  # fmt: skip
def test_whatever_happens_it_ends_where_the_exchange_is(
    steps: list[tuple[str, int]], recover_gaps: bool
) -> None:
    world = World(recover_gaps=recover_gaps)
    for name, number in steps:
        _ACTIONS[name][0](world, number)
        world.check()
    world.settle()
    world.compare()


_LOSSY_NAMES = [*_NAMES, *["lose"] * 12]
_LOSSY_STEPS = st.lists(
    st.tuples(st.sampled_from(_LOSSY_NAMES), st.integers(0, 40)), min_size=10, max_size=120
)


@given(_LOSSY_STEPS)
@settings(max_examples=examples(800))
# The fill is lost, and the cancellation comes while REST answers with what was before.
@example(
    [
        ("connect", 0), ("place", 1), ("calm", 0), ("renew", 0), ("tick", 0), ("answer", 0), ("fill", 1),
        ("lose", 0), ("cancel", 0), ("deliver", 0), ("answer", 3), ("answer", 3),
    ]
)  # fmt: skip
def test_whatever_is_lost_without_a_word_it_ends_where_the_exchange_is(
    steps: list[tuple[str, int]],
) -> None:
    world = World(audit_interval_s=AUDIT_S)
    for name, number in steps:
        _LOSSY_ACTIONS[name](world, number)
        world.check()
    world.audit()
    world.compare()


_LOSSY_ACTIONS: dict[str, Callable[[World, int], None]] = {
    "lose": World.lose,
    **{name: action for name, (action, _) in _ACTIONS.items()},
}
