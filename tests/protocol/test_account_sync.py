"""`AccountSync`: its table of states, and each rule by which an account stays the exchange's own."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from qt_upbit.config import Credentials, WebSocketConfig
from qt_upbit.exceptions import (
    AuthenticationError,
    ConfigError,
    InvalidSubscriptionError,
    QtUpbitError,
    RestError,
)
from qt_upbit.protocol.account_outputs import (
    AccountReset,
    AccountState,
    AccountStateChanged,
    AccountSyncAction,
    AccountSyncEvent,
    BalanceChanged,
    CancelRead,
    FillReported,
    GapReported,
    OrderChanged,
    OrderEventReported,
    ReadFailed,
    ReadRest,
    Synchronized,
)
from qt_upbit.protocol.account_sync import (
    TRANSITIONS,
    AccountSync,
    Moment,
    SyncState,
    SyncTrigger,
)
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderTracker
from qt_upbit.records import Balance, Fill, Order
from qt_upbit.types import AskBid, MyAssetEvent, MyOrderEvent, OrderState, OrderType
from tests.support import events

START_MS = 1_800_000_000_000
TIMEOUT_S = 5.0
REST_DOWN = RestError("GET /v1/orders/open", 503)
REST_REFUSES = AuthenticationError("out_of_scope", 403)
KEY_REFUSED = AuthenticationError("jwt_verification", 401)
NO_REST = ConfigError("REST calls need Upbit's SDK")


def order_frame(state: str = "wait", uuid: str = "A", at_ms: int = 0, **fields: Any) -> MyOrderEvent:
    values: dict[str, Any] = {
        "uuid": uuid,
        "state": state,
        "price": 1000,
        "volume": 10,
        "remaining_volume": 10,
        "executed_volume": 0,
        "trades_count": 0,
        "paid_fee": 0,
        "trade_uuid": None,
        "trade_timestamp": None,
        "trade_fee": None,
        "is_maker": None,
        "prevented_volume": 0,
        "prevented_locked": 0,
        "identifier": None,
        "executed_funds": None,
        "timestamp": START_MS + at_ms,
        "order_timestamp": START_MS,
    }
    return events.my_order(**(values | fields))


def trade_frame(number: int, uuid: str = "A") -> MyOrderEvent:
    return order_frame(
        "trade",
        uuid,
        trade_uuid=f"T{number}",
        trade_timestamp=START_MS + number,
        volume=2,
        executed_volume=2 * number,
        remaining_volume=10 - 2 * number,
        trades_count=number,
    )


def asset_frame(krw: int, at_ms: int = 0) -> MyAssetEvent:
    return events.my_asset(
        assets=[{"currency": "KRW", "balance": Decimal(krw), "locked": Decimal(0)}],
        asset_timestamp=START_MS + at_ms,
        timestamp=START_MS + at_ms,
    )


def an_order(uuid: str = "A", state: OrderState = OrderState.WAIT, fills: int = 0) -> Order:
    return Order(
        uuid=uuid,
        code="KRW-BTC",
        ask_bid=AskBid.BID,
        order_type=OrderType.LIMIT,
        state=state,
        price=Decimal(1000),
        volume=Decimal(10),
        remaining_volume=Decimal(10 - 2 * fills),
        executed_volume=Decimal(2 * fills),
        trades_count=fills,
        order_timestamp=START_MS,
        fills=tuple(
            Fill(
                uuid=f"T{number}",
                order_uuid=uuid,
                code="KRW-BTC",
                ask_bid=AskBid.BID,
                price=Decimal(1000),
                volume=Decimal(2),
                trade_timestamp=START_MS + number,
            )
            for number in range(1, fills + 1)
        ),
    )


def snapshot(*orders: Order, krw: int | None = 100) -> AccountSnapshot:
    balances = [] if krw is None else [Balance(currency="KRW", balance=Decimal(krw), locked=Decimal(0))]
    return AccountSnapshot(
        open_orders=[order for order in orders if order.is_open],
        closed_orders=[order for order in orders if not order.is_open],
        asked={order.uuid: order for order in orders if order.fills},
        balances=balances,
    )


class Desk:
    """Carries out what an `AccountSync` says, in time that it makes itself."""

    def __init__(self, tracker: OrderTracker | None = None, **config: Any) -> None:
        settings = WebSocketConfig(
            **({"account_audit_interval_s": None, "recovery_timeout_s": TIMEOUT_S} | config)
        )
        self.sync = AccountSync(settings, tracker or OrderTracker(), random.Random(1))
        self.now_s = 100.0
        self.events: list[AccountSyncEvent] = []
        self.actions: list[AccountSyncAction] = []
        self.reads: list[ReadRest] = []
        self._over = 0
        """Readings that were answered or have failed."""

    @property
    def now(self) -> Moment:
        return Moment(self.now_s, self.now_ms)

    @property
    def now_ms(self) -> int:
        return START_MS + round((self.now_s - 100) * 1000)

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass, with every tick that is asked for."""
        end_s = self.now_s + seconds
        for _ in range(100):
            self.collect()
            due = self.sync.next_deadline()
            if due is None or due > end_s:
                self.now_s = end_s
                return
            self.now_s = max(self.now_s, due)
            self.sync.tick(self.now)
        raise AssertionError("it asks to be called again and again")

    def collect(self) -> None:
        self.events += self.sync.take_events()
        actions = self.sync.take_actions()
        self.actions += actions
        self.reads += [action for action in actions if isinstance(action, ReadRest)]

    def hear(self, *frames: MyOrderEvent | MyAssetEvent) -> None:
        for frame in frames:
            self.sync.event_received(frame, self.now)
        self.run()

    def live(self) -> None:
        self.sync.stream_live(self.now)
        self.run()

    def lost(self) -> None:
        self.sync.stream_lost(self.now)
        self.run()

    def reconnect(self, begin_ms: int | None = None) -> None:
        """The connection is lost and made again, with the gap in both streams."""
        self.lost()
        self.live()
        for _ in range(2):
            self.sync.gap_reported(self.now_ms - 300 if begin_ms is None else begin_ms, self.now)
        self.run()

    def answer(self, answer: AccountSnapshot | None = None) -> None:
        """Answer the reading under way, or the next that is asked for."""
        self.sync.read_answered(self._next_read(), answer or snapshot(), self.now)
        self.run()

    def fail(self, error: QtUpbitError = REST_DOWN) -> None:
        """The same, in vain."""
        self.sync.read_failed(self._next_read(), error, self.now)
        self.run()

    def _next_read(self) -> int:
        self.run()
        while len(self.reads) <= self._over:
            due = self.sync.next_deadline()
            assert due is not None, "no reading is to be expected"
            self.run(max(due - self.now_s, 0))
        self._over = len(self.reads)
        return self.reads[-1].read_id

    def synchronize(self, *orders: Order) -> Desk:
        self.live()
        self.answer(snapshot(*orders))
        assert self.sync.state is SyncState.SYNCHRONIZED
        self.take()
        return self

    def take(self) -> list[Any]:
        """The events since the last time."""
        taken, self.events = self.events, []
        return taken

    def reported(self) -> list[str]:
        """The same, the changes of state and of details left out, in short."""
        found = []
        for event in self.take():
            match event:
                case OrderEventReported(what):
                    found.append(f"{what.uuid} {what.state.value}" + " recovered" * what.is_recovered)
                case FillReported(fill):
                    found.append(fill.uuid)
                case BalanceChanged(balance):
                    found.append(f"{balance.currency} {balance.balance}")
                case GapReported(_, _, uuids):
                    found.append(" ".join(("gap", *uuids)))
                case ReadFailed():
                    found.append("failed")
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- the table --------------------------------------------------------------------------------------


def test_every_state_leads_to_synchronized_or_is_the_end() -> None:
    for state in SyncState:
        reached, fresh = {state}, {state}
        while fresh:
            fresh = {new for (old, _), new in TRANSITIONS.items() if old in fresh} - reached
            reached |= fresh
        assert (SyncState.SYNCHRONIZED in reached) is (state is not SyncState.CLOSED)
    reachable = {new for _, new in TRANSITIONS.items()}
    assert reachable == set(SyncState)
    assert {trigger for _, trigger in TRANSITIONS} == set(SyncTrigger)


def test_incomplete_is_what_is_neither_known_nor_awaited() -> None:
    assert {state: state.shown for state in SyncState if state.shown is not AccountState.INCOMPLETE} == {
        SyncState.SYNCHRONIZING: AccountState.SYNCHRONIZING,
        SyncState.SYNCHRONIZED: AccountState.SYNCHRONIZED,
        SyncState.CLOSED: AccountState.CLOSED,
    }


@pytest.mark.parametrize(
    "illegal",
    [
        lambda desk: desk.sync.event_received(order_frame(), desk.now),
        lambda desk: desk.sync.stream_lost(desk.now),
        lambda desk: desk.sync.stream_live(desk.now),
        lambda desk: desk.sync.stream_refused(KEY_REFUSED, desk.now),
        lambda desk: desk.sync.gap_reported(START_MS, desk.now),
        lambda desk: desk.sync.events_lost(desk.now),
        lambda desk: desk.sync.check(),
        lambda desk: desk.sync.resync(desk.now),
        lambda desk: desk.sync.credentials_changed(),
        lambda desk: desk.sync.tick(desk.now),
        lambda desk: desk.sync.read_answered(99, snapshot(), desk.now),
    ],
)
def test_what_is_illegal_raises_and_changes_nothing(illegal: Callable[[Desk], object]) -> None:
    desk = Desk().synchronize(an_order())
    desk.hear(trade_frame(1))
    desk.sync.close()
    desk.sync.close()
    desk.run()
    before = desk.sync.tracker.orders
    assert desk.take()[-1] == AccountStateChanged(AccountState.CLOSED)
    with pytest.raises(RuntimeError, match="account"):
        illegal(desk)
    assert desk.sync.state is SyncState.CLOSED
    assert desk.sync.tracker.orders == before
    assert (desk.sync.take_events(), desk.sync.take_actions()) == ([], [])
    assert desk.sync.next_deadline() is None
    # An answer that was under way is no mistake.
    desk.sync.read_answered(1, snapshot(), desk.now)


# --- the first state --------------------------------------------------------------------------------


def test_the_first_state_is_read_once_the_stream_is_live(desk: Desk) -> None:
    desk.lost()
    desk.run(60)
    assert not desk.reads
    desk.live()
    assert [action.timeout_s for action in desk.reads] == [TIMEOUT_S]
    desk.hear(order_frame(), trade_frame(1))
    assert desk.reported() == []
    assert desk.sync.buffered_events == 2
    desk.answer(snapshot(an_order()))
    assert desk.events[-1] == Synchronized()
    assert desk.reported() == ["A wait", "KRW 100", "A trade", "T1"]
    assert desk.sync.state is SyncState.SYNCHRONIZED
    desk.run(1)
    assert desk.sync.next_deadline() is None


def test_reasons_of_one_moment_share_a_reading(desk: Desk) -> None:
    desk.synchronize()
    for _ in range(3):
        desk.sync.resync(desk.now)
        desk.sync.check()
    desk.run()
    assert len(desk.reads) == 2
    # While one is under way, the next waits for its end.
    desk.sync.resync(desk.now)
    desk.run()
    assert len(desk.reads) == 2
    desk.answer()
    assert len(desk.reads) == 3
    assert desk.sync.state is SyncState.SYNCHRONIZING
    desk.answer()
    assert desk.sync.state is SyncState.SYNCHRONIZED


# --- outages ----------------------------------------------------------------------------------------


def test_what_was_missed_comes_first(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.reconnect()
    assert len(desk.reads) == 2
    desk.hear(trade_frame(2))
    assert desk.reported() == []
    desk.answer(snapshot(an_order(fills=1)))
    assert desk.reported() == ["A trade recovered", "T1", "A trade", "T2"]
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_rest_is_not_asked_before_both_streams_have_reached_the_gap(desk: Desk) -> None:
    """An event from before the outage that is heard after REST was asked would pass for newer."""
    desk.synchronize()
    desk.lost()
    desk.live()
    desk.sync.gap_reported(desk.now_ms, desk.now)
    desk.run()
    assert len(desk.reads) == 1
    # From before the outage, and still under way to us.
    desk.hear(asset_frame(70, 10))
    desk.sync.gap_reported(desk.now_ms, desk.now)
    desk.run()
    assert len(desk.reads) == 2
    desk.answer(snapshot(krw=60))
    assert desk.sync.tracker.balances["KRW"].balance == 60
    desk.lost()
    desk.live()
    desk.run(0.5)
    assert len(desk.reads) == 2
    desk.run(0.6)
    assert len(desk.reads) == 3  # no report comes: it does not wait forever


def test_a_gap_while_it_is_read_leads_to_another_reading(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.reconnect()
    desk.reconnect()
    desk.answer(snapshot(an_order(fills=1)))
    # What is known already is reported at once.
    assert desk.reported() == ["A trade recovered", "T1"]
    assert desk.sync.state is SyncState.SYNCHRONIZING
    desk.answer(snapshot(an_order(fills=2)))
    assert desk.reported() == ["A trade recovered", "T2"]
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_what_overflowed_lies_behind_the_last_event_that_was_heard(desk: Desk) -> None:
    desk = Desk(recover_gaps=False).synchronize(an_order())
    desk.hear(order_frame(at_ms=20))
    desk.run(3)
    desk.take()
    desk.sync.events_lost(desk.now)
    desk.run()
    assert GapReported(START_MS + 20, desk.now_ms) in desk.take()
    assert desk.sync.state is SyncState.GAP_LEFT


def test_events_wait_only_so_long(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.run(10)
    begin_ms = desk.now_ms - 300
    desk.reconnect(begin_ms)
    desk.hear(trade_frame(2))
    desk.run(TIMEOUT_S - 0.1)
    assert desk.reported() == []
    desk.run(0.2)
    reported = desk.take()
    assert [event.begin_ms for event in reported if isinstance(event, GapReported)] == [begin_ms]
    assert FillReported(desk.sync.tracker.orders[0].fills[0]) in reported
    assert reported[-1] == AccountStateChanged(AccountState.INCOMPLETE)
    # The answer comes after all.
    desk.answer(snapshot(an_order(fills=2)))
    assert desk.reported() == ["A trade recovered", "T1"]
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_an_outage_while_rest_is_down_hides_nothing(desk: Desk) -> None:
    """Events waited for REST again, which did not answer, until it did."""
    desk.synchronize(an_order())
    desk.reconnect()
    desk.fail()
    desk.run(TIMEOUT_S + 1)
    assert desk.reported() == ["failed", "gap"]
    desk.reconnect()
    desk.hear(trade_frame(1))
    assert desk.reported() == ["A trade", "T1"]
    # And the second outage is reported as well.
    desk.fail()
    desk.run(TIMEOUT_S + 1)
    assert desk.reported() == ["gap"]
    assert desk.sync.state is SyncState.CATCHING_UP
    desk.answer(snapshot(an_order(fills=1)))
    assert desk.sync.state is SyncState.SYNCHRONIZED
    assert desk.sync.error is None


def test_without_recovery_a_gap_is_reported_once_and_left() -> None:
    desk = Desk(recover_gaps=False).synchronize(an_order())
    desk.run(10)
    begin_ms = desk.now_ms - 700
    desk.lost()
    assert desk.sync.state is SyncState.GAP_LEFT
    assert desk.sync.state.shown is AccountState.INCOMPLETE
    desk.live()
    desk.sync.gap_reported(begin_ms, desk.now)
    desk.hear(trade_frame(1))
    desk.sync.gap_reported(begin_ms, desk.now)
    desk.run(60)
    gaps = [event for event in desk.events if isinstance(event, GapReported)]
    assert [gap.begin_ms for gap in gaps] == [begin_ms]
    assert desk.reported() == ["A trade", "T1", "gap"]
    desk.sync.check()
    desk.run(60)
    assert len(desk.reads) == 1
    desk.sync.resync(desk.now)
    desk.answer(snapshot(an_order(fills=1)))
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_without_recovery_a_gap_is_not_forgotten_while_it_is_read() -> None:
    """The answer was older than the gap, and made the account SYNCHRONIZED."""
    desk = Desk(recover_gaps=False).synchronize(an_order())
    desk.sync.resync(desk.now)
    desk.run()
    desk.reconnect()
    desk.answer(snapshot(an_order()))
    assert desk.sync.state is SyncState.SYNCHRONIZING
    desk.answer(snapshot(an_order(fills=1)))
    assert desk.sync.state is SyncState.SYNCHRONIZED
    assert desk.reported() == ["A trade recovered", "T1"]


# --- comparisons ------------------------------------------------------------------------------------


def test_a_comparison_holds_no_order_up_and_lets_balances_wait(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.sync.check()
    desk.run()
    desk.hear(trade_frame(1), asset_frame(90, 10))
    assert desk.reported() == ["A trade", "T1"]
    # REST was asked before the frame, and answers what was true then.
    desk.answer(snapshot(an_order(fills=1), krw=100))
    assert desk.reported() == ["KRW 90"]
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_a_comparison_that_fails_leaves_it_incomplete(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.sync.check()
    desk.run()
    desk.hear(asset_frame(90, 10))
    desk.fail()
    assert desk.reported() == ["failed", "KRW 90"]
    assert desk.sync.state is SyncState.CATCHING_UP
    assert desk.sync.error is REST_DOWN
    desk.fail()
    assert desk.reported() == []  # one of a row is enough
    desk.answer(snapshot(an_order(), krw=90))
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_fills_that_rest_does_not_have_yet_are_requested_again(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.sync.check()
    listed = msgspec.structs.replace(an_order(fills=1), fills=())
    desk.answer(AccountSnapshot(open_orders=[listed], balances=()))
    assert desk.sync.state is SyncState.CATCHING_UP
    desk.answer(snapshot(an_order(fills=1)))
    assert "T1" in desk.reported()
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_what_is_in_doubt_is_looked_up_a_moment_later(desk: Desk) -> None:
    desk.synchronize()
    desk.hear(asset_frame(90, 20), asset_frame(80, 10))
    desk.run(0.4)
    assert len(desk.reads) == 1
    desk.run(0.2)
    assert len(desk.reads) == 2
    assert desk.sync.state is SyncState.SYNCHRONIZED
    desk.answer(snapshot(krw=90))
    assert desk.sync.tracker.balances["KRW"].balance == 90
    assert desk.sync.next_deadline() is None


def test_doubt_that_frames_settle_costs_no_call(desk: Desk) -> None:
    desk.synchronize()
    desk.hear(trade_frame(1, "B"))
    assert desk.sync.tracker.is_in_doubt
    desk.hear(order_frame(uuid="B"))
    desk.run(0.8)
    assert len(desk.reads) == 1


def test_an_unreadable_frame_is_looked_up(desk: Desk) -> None:
    desk.synchronize()
    desk.sync.frame_unreadable(desk.now)
    desk.run(0.6)
    assert len(desk.reads) == 2
    # Also one that comes while REST is asked, whose answer may be older.
    desk.sync.frame_unreadable(desk.now)
    desk.run(0.6)
    desk.answer()
    desk.run(4)
    assert len(desk.reads) == 3
    desk.answer()
    desk.run(30)
    assert len(desk.reads) == 3


def test_an_order_that_upbit_does_not_know_is_asked_for(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.sync.order_not_found("not ours", desk.now)
    desk.run(5)
    assert len(desk.reads) == 1
    desk.sync.order_not_found("A", desk.now)
    desk.run(0.6)
    assert len(desk.reads) == 2
    assert desk.sync.tracker.needed([an_order()], []) == ("A",)
    desk.answer(snapshot(an_order(state=OrderState.DONE)))
    assert desk.reported() == ["A done recovered"]
    desk.run(30)
    assert len(desk.reads) == 2


def test_a_frame_of_an_unknown_state_is_reported_and_looked_up(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.hear(order_frame("frozen", remaining_volume=0, executed_volume=10))
    assert desk.reported() == ["A frozen"]
    known = desk.sync.tracker.order("A")
    assert known is not None
    assert (known.state, known.executed_volume) == (OrderState.WAIT, 0)
    desk.run(0.6)
    assert len(desk.reads) == 2
    frozen = msgspec.structs.replace(an_order(), state=OrderState("frozen"))
    desk.answer(AccountSnapshot(asked={"A": frozen}, balances=snapshot().balances))
    (known,) = desk.sync.tracker.open_orders
    assert known.state == "frozen"
    desk.hear(order_frame("cancel"))
    assert not desk.sync.tracker.open_orders


def test_balances_that_came_since_rest_was_asked_wait_for_it_to_the_end(desk: Desk) -> None:
    """Shown when events waited too long, they were then overwritten by the older answer."""
    desk.synchronize()
    desk.reconnect()
    desk.hear(asset_frame(70, 50))
    desk.run(TIMEOUT_S + 1)
    assert desk.sync.state is SyncState.CATCHING_UP
    desk.answer(snapshot(krw=80))
    assert desk.sync.tracker.balances["KRW"].balance == 70


def test_a_frame_older_than_the_answer_that_comes_again_is_in_doubt(desk: Desk) -> None:
    desk.live()
    desk.lost()
    desk.hear(asset_frame(50, 10), asset_frame(60, 20))
    desk.reconnect()
    desk.answer(snapshot(krw=60))
    desk.answer(snapshot(krw=60))
    desk.hear(asset_frame(50, 10))
    desk.run(1)
    desk.answer(snapshot(krw=60))
    assert desk.sync.tracker.balances["KRW"].balance == 60


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [REST_REFUSES, InvalidSubscriptionError("a code")])
def test_rest_that_refuses_is_not_asked_again(error: QtUpbitError) -> None:
    desk = Desk()
    desk.live()
    desk.hear(order_frame())
    desk.fail(error)
    assert desk.reported() == ["failed", "A wait"]
    assert desk.sync.state is SyncState.REST_REFUSED
    assert desk.sync.is_refused
    assert desk.sync.error is error
    desk.sync.check()
    desk.reconnect()
    desk.run(100)
    assert len(desk.reads) == 1
    assert desk.reported() == ["gap"]
    desk.sync.resync(desk.now)
    desk.answer(snapshot(an_order()))
    assert desk.sync.state is SyncState.SYNCHRONIZED
    assert desk.sync.error is None


def test_a_gap_that_rest_refuses_to_fill_is_reported(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.reconnect()
    desk.fail(REST_REFUSES)
    assert desk.reported() == ["failed", "gap"]


def test_a_refused_connection_goes_on_when_it_is_live_again(desk: Desk) -> None:
    desk.synchronize(an_order())
    desk.sync.check()
    desk.run()
    desk.sync.stream_refused(KEY_REFUSED, desk.now)
    desk.run()
    assert desk.actions[-1] == CancelRead(desk.reads[-1].read_id)
    assert desk.sync.state is SyncState.STREAM_REFUSED
    assert desk.sync.is_refused
    assert desk.sync.error is KEY_REFUSED
    # The connection's own error signal has reported it already.
    assert desk.reported() == []
    desk.lost()
    assert desk.sync.state is SyncState.STREAM_REFUSED
    desk.reconnect()
    desk.answer(snapshot(an_order(fills=1)))
    assert desk.reported() == ["A trade recovered", "T1"]
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_without_rest_the_stream_is_followed_alone(desk: Desk) -> None:
    desk.live()
    desk.hear(order_frame())
    desk.sync.rest_missing(desk.reads[-1].read_id, NO_REST, desk.now)
    desk.run()
    assert desk.reported() == ["failed", "A wait"]
    assert desk.sync.state is SyncState.STREAM_ONLY
    assert desk.sync.is_refused
    desk.reconnect()
    desk.hear(trade_frame(1))
    desk.run(100)
    assert desk.reported() == ["gap", "A trade", "T1"]
    assert len(desk.reads) == 1


def test_failures_are_retried_with_growing_pauses(desk: Desk) -> None:
    desk.live()
    times = []
    for _ in range(6):
        times.append(desk.now_s)
        before = len(desk.reads)
        desk.fail()
        while len(desk.reads) == before:
            desk.run(0.05)
    pauses = [round(b - a, 2) for a, b in itertools.pairwise(times)]
    assert pauses[0] == 0
    assert pauses[1] < pauses[-1]
    assert desk.reported().count("failed") == 1
    # A user who asks does not wait for the next try, nor does a new connection.
    desk.fail()
    before = len(desk.reads)
    desk.sync.resync(desk.now)
    desk.run()
    assert len(desk.reads) == before + 1
    desk.fail()
    desk.fail()
    before = len(desk.reads)
    desk.reconnect()
    assert len(desk.reads) == before + 1


def test_a_reading_that_was_cancelled_from_outside_is_made_up_for(desk: Desk) -> None:
    desk.live()
    desk.sync.read_cancelled(desk.reads[-1].read_id, desk.now)
    desk.run(TIMEOUT_S - 1)
    assert len(desk.reads) == 1
    desk.run(2)
    assert len(desk.reads) == 2
    assert "failed" not in desk.reported()


# --- other credentials ------------------------------------------------------------------------------


def test_other_credentials_forget_everything_and_say_so() -> None:
    tracker = OrderTracker(max_finished_orders=5)
    desk = Desk(tracker).synchronize(an_order())
    desk.hear(order_frame("cancel", "B"), trade_frame(1))
    desk.take()
    known = tracker.orders
    desk.sync.credentials_changed()
    desk.run()
    reset, state = desk.take()
    assert isinstance(reset, AccountReset)
    assert reset.orders == known
    assert [balance.currency for balance in reset.balances] == ["KRW"]
    assert state == AccountStateChanged(AccountState.SYNCHRONIZING)
    assert desk.sync.tracker is tracker
    assert (tracker.orders, tracker.balances) == ((), {})
    # The connection of before does not count any more.
    desk.run(60)
    assert len(desk.reads) == 1
    desk.reconnect()
    desk.answer(snapshot(an_order("C"), krw=7))
    assert [order.uuid for order in tracker.orders] == ["C"]
    assert desk.reported() == ["C wait", "KRW 7"]
    for number in range(8):
        desk.hear(order_frame("cancel", f"over {number}"))
    assert len(tracker.orders) == 1 + 5


@pytest.mark.parametrize("when", ["reading", "refused", "catching up", "stream refused"])
def test_other_credentials_at_any_time(when: str) -> None:
    desk = Desk()
    desk.live()
    desk.hear(order_frame(), asset_frame(5))
    asked = desk.reads[-1]
    match when:
        case "refused":
            desk.fail(REST_REFUSES)
        case "catching up":
            desk.run(TIMEOUT_S + 1)
        case "stream refused":
            desk.sync.stream_refused(KEY_REFUSED, desk.now)
    desk.sync.credentials_changed()
    desk.run()
    if when == "reading":
        assert desk.actions[-1] == CancelRead(asked.read_id)
    # What was asked with the keys of before is answered too late.
    desk.sync.read_answered(asked.read_id, snapshot(an_order("of before")), desk.now)
    desk.sync.read_failed(asked.read_id, REST_REFUSES, desk.now)
    assert desk.sync.error is None
    assert desk.sync.state is SyncState.SYNCHRONIZING
    assert desk.sync.buffered_events == 0
    desk.take()
    desk.reconnect()
    desk.answer(snapshot(an_order("B")))
    assert [order.uuid for order in desk.sync.tracker.orders] == ["B"]
    assert desk.reported() == ["B wait", "KRW 100"]
    assert desk.sync.state is SyncState.SYNCHRONIZED


def test_keys_are_not_kept() -> None:
    keys = Credentials(access_key="a" * 40, secret_key="s" * 40)
    desk = Desk(credentials=keys)
    values = [getattr(desk.sync, name) for name in vars(desk.sync)]
    assert not any(isinstance(value, WebSocketConfig | Credentials) for value in values)


def test_an_order_is_reported_as_it_stands(desk: Desk) -> None:
    desk.synchronize()
    desk.hear(order_frame())
    changed = [event for event in desk.take() if isinstance(event, OrderChanged)]
    assert [change.order for change in changed] == list(desk.sync.tracker.orders)


# --- frames lost on a connection that lives --------------------------------------------------------


def locking(order: Order, locked: int) -> Order:
    return msgspec.structs.replace(order, locked=Decimal(locked))


def held(locked: int) -> MyAssetEvent:
    return events.my_asset(
        assets=[{"currency": "KRW", "balance": Decimal(50), "locked": Decimal(locked)}],
        asset_timestamp=START_MS + locked,
        timestamp=START_MS + locked,
    )


def account(*orders: Order, locked: int) -> AccountSnapshot:
    balances = [Balance(currency="KRW", balance=Decimal(50), locked=Decimal(locked))]
    return dataclasses.replace(snapshot(*orders), balances=balances)


def audited(**config: Any) -> Desk:
    desk = Desk(account_audit_interval_s=60.0, **config)
    desk.live()
    desk.answer(account(locking(an_order(), 70), locked=70))
    desk.take()
    return desk


def test_an_order_is_not_open_for_longer_than_an_audit_where_all_its_frames_are_lost() -> None:
    desk = audited()
    desk.run(59)
    assert len(desk.reads) == 1
    desk.run(2)
    assert len(desk.reads) == 2
    desk.answer(account(an_order(state=OrderState.CANCEL), locked=0))
    assert desk.reported() == ["A cancel recovered", "KRW 50"]
    assert desk.sync.state is SyncState.SYNCHRONIZED
    desk.run(55)
    assert len(desk.reads) == 2
    desk.run(10)
    assert len(desk.reads) == 3, "and from time to time again"


def test_audits_wait_for_the_stream_and_for_recovery() -> None:
    desk = audited()
    desk.lost()
    desk.run(500)
    assert len(desk.reads) == 1
    without = Desk(account_audit_interval_s=60.0, recover_gaps=False)
    without.synchronize()
    without.run(500)
    assert len(without.reads) == 1


def test_a_lock_that_fits_no_open_order_is_looked_up_within_seconds() -> None:
    desk = audited()
    desk.hear(held(0))
    desk.run(3)
    assert len(desk.reads) == 2, "the order's own last frame was lost"
    desk.answer(account(an_order(state=OrderState.CANCEL), locked=0))
    assert "A cancel recovered" in desk.reported()


def test_a_new_lock_without_its_order_is_looked_up_within_seconds() -> None:
    desk = audited()
    desk.hear(held(90))
    desk.run(3)
    assert len(desk.reads) == 2
    desk.answer(account(locking(an_order(), 70), locking(an_order("B"), 20), locked=90))
    assert "B wait recovered" in desk.reported()


def test_a_lock_that_rest_confirms_is_not_looked_up_again() -> None:
    """A withdrawal locks as well."""
    desk = audited()
    desk.hear(held(90))
    desk.run(3)
    desk.answer(account(locking(an_order(), 70), locked=90))
    reads = len(desk.reads)
    desk.hear(held(90))
    desk.run(30)
    assert len(desk.reads) == reads


def test_frames_that_settle_a_contradiction_cost_no_call() -> None:
    desk = audited()
    desk.hear(held(90))
    desk.hear(order_frame(uuid="B", locked=20))
    desk.run(30)
    assert len(desk.reads) == 1


def test_nothing_remains_and_no_end_came() -> None:
    desk = audited()
    whole: dict[str, Any] = {
        "volume": 10,
        "executed_volume": 10,
        "remaining_volume": 0,
        "trades_count": 1,
        "locked": 0,
    }
    desk.hear(order_frame("trade", trade_uuid="T1", trade_timestamp=START_MS + 1, **whole), held(0))
    desk.run(3)
    assert len(desk.reads) == 2
    desk.answer(account(an_order(state=OrderState.DONE, fills=5), locked=0))
    assert "A done recovered" in desk.reported()


def test_a_fill_whose_frame_was_lost_before_the_cancel_is_found() -> None:
    desk = audited()
    desk.hear(
        order_frame("cancel", executed_volume=2, remaining_volume=8, trades_count=1, locked=70), held(0)
    )
    assert desk.reported()[0] == "A cancel"
    desk.run(3)
    assert len(desk.reads) == 2
    desk.answer(account(an_order(state=OrderState.CANCEL, fills=1), locked=0))
    assert "T1" in desk.reported()
