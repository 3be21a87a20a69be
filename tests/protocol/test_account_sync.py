"""`AccountSync`: its table of states, and each rule by which an account stays the exchange's own."""

from __future__ import annotations

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
from qt_upbit.protocol.account_sync import (
    TRANSITIONS,
    AccountReset,
    AccountState,
    AccountStateChanged,
    AccountSync,
    AccountSyncAction,
    AccountSyncEvent,
    BalanceChanged,
    CancelRead,
    FillReported,
    GapReported,
    Moment,
    OrderChanged,
    OrderEventReported,
    ReadFailed,
    ReadRest,
    Synchronized,
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


class Gateway:
    """Carries out what an `AccountSync` says, in time that it makes itself."""

    def __init__(self, tracker: OrderTracker | None = None, **config: Any) -> None:
        settings = WebSocketConfig(recovery_timeout_s=TIMEOUT_S, **config)
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

    def synchronize(self, *orders: Order) -> Gateway:
        self.live()
        self.answer(snapshot(*orders))
        assert self.sync.state is SyncState.SYNCHRONIZED
        self.take()
        return self

    def take(self) -> list[Any]:
        """The events since the last time."""
        taken, self.events = self.events, []
        return taken

    def told(self) -> list[str]:
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
def gateway() -> Gateway:
    return Gateway()


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
        lambda gateway: gateway.sync.event_received(order_frame(), gateway.now),
        lambda gateway: gateway.sync.stream_lost(gateway.now),
        lambda gateway: gateway.sync.stream_live(gateway.now),
        lambda gateway: gateway.sync.stream_refused(KEY_REFUSED, gateway.now),
        lambda gateway: gateway.sync.gap_reported(START_MS, gateway.now),
        lambda gateway: gateway.sync.events_lost(gateway.now),
        lambda gateway: gateway.sync.check(),
        lambda gateway: gateway.sync.resync(gateway.now),
        lambda gateway: gateway.sync.credentials_changed(),
        lambda gateway: gateway.sync.tick(gateway.now),
        lambda gateway: gateway.sync.read_answered(99, snapshot(), gateway.now),
    ],
)
def test_what_is_illegal_raises_and_changes_nothing(illegal: Callable[[Gateway], object]) -> None:
    gateway = Gateway().synchronize(an_order())
    gateway.hear(trade_frame(1))
    gateway.sync.close()
    gateway.sync.close()
    gateway.run()
    before = gateway.sync.tracker.orders
    assert gateway.take()[-1] == AccountStateChanged(AccountState.CLOSED)
    with pytest.raises(RuntimeError, match="account"):
        illegal(gateway)
    assert gateway.sync.state is SyncState.CLOSED
    assert gateway.sync.tracker.orders == before
    assert (gateway.sync.take_events(), gateway.sync.take_actions()) == ([], [])
    assert gateway.sync.next_deadline() is None
    # An answer that was under way is no mistake.
    gateway.sync.read_answered(1, snapshot(), gateway.now)


# --- the first state --------------------------------------------------------------------------------


def test_the_first_state_is_read_once_the_stream_is_live(gateway: Gateway) -> None:
    gateway.lost()
    gateway.run(60)
    assert not gateway.reads
    gateway.live()
    assert [action.timeout_s for action in gateway.reads] == [TIMEOUT_S]
    gateway.hear(order_frame(), trade_frame(1))
    assert gateway.told() == []
    assert gateway.sync.buffered_events == 2
    gateway.answer(snapshot(an_order()))
    assert gateway.events[-1] == Synchronized()
    assert gateway.told() == ["A wait", "KRW 100", "A trade", "T1"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED
    assert gateway.sync.next_deadline() is None


def test_reasons_of_one_moment_share_a_reading(gateway: Gateway) -> None:
    gateway.synchronize()
    for _ in range(3):
        gateway.sync.resync(gateway.now)
        gateway.sync.check()
    gateway.run()
    assert len(gateway.reads) == 2
    # While one is under way, the next waits for its end.
    gateway.sync.resync(gateway.now)
    gateway.run()
    assert len(gateway.reads) == 2
    gateway.answer()
    assert len(gateway.reads) == 3
    assert gateway.sync.state is SyncState.SYNCHRONIZING
    gateway.answer()
    assert gateway.sync.state is SyncState.SYNCHRONIZED


# --- outages ----------------------------------------------------------------------------------------


def test_what_was_missed_comes_first(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.reconnect()
    assert len(gateway.reads) == 2
    gateway.hear(trade_frame(2))
    assert gateway.told() == []
    gateway.answer(snapshot(an_order(fills=1)))
    assert gateway.told() == ["A trade recovered", "T1", "A trade", "T2"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_rest_is_not_asked_before_both_streams_have_reached_the_gap(gateway: Gateway) -> None:
    """An event from before the outage that is heard after REST was asked would pass for newer."""
    gateway.synchronize()
    gateway.lost()
    gateway.live()
    gateway.sync.gap_reported(gateway.now_ms, gateway.now)
    gateway.run()
    assert len(gateway.reads) == 1
    # From before the outage, and still under way to us.
    gateway.hear(asset_frame(70, 10))
    gateway.sync.gap_reported(gateway.now_ms, gateway.now)
    gateway.run()
    assert len(gateway.reads) == 2
    gateway.answer(snapshot(krw=60))
    assert gateway.sync.tracker.balances["KRW"].balance == 60
    gateway.lost()
    gateway.live()
    gateway.run(0.5)
    assert len(gateway.reads) == 2
    gateway.run(0.6)
    assert len(gateway.reads) == 3  # nobody reports: it does not wait for ever


def test_a_gap_while_it_is_read_leads_to_another_reading(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.reconnect()
    gateway.reconnect()
    gateway.answer(snapshot(an_order(fills=1)))
    # What is known already is reported at once.
    assert gateway.told() == ["A trade recovered", "T1"]
    assert gateway.sync.state is SyncState.SYNCHRONIZING
    gateway.answer(snapshot(an_order(fills=2)))
    assert gateway.told() == ["A trade recovered", "T2"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_what_overflowed_lies_behind_the_last_event_that_was_heard(gateway: Gateway) -> None:
    gateway = Gateway(recover_gaps=False).synchronize(an_order())
    gateway.hear(order_frame(at_ms=20))
    gateway.run(3)
    gateway.take()
    gateway.sync.events_lost(gateway.now)
    gateway.run()
    assert GapReported(START_MS + 20, gateway.now_ms) in gateway.take()
    assert gateway.sync.state is SyncState.GAP_LEFT


def test_events_wait_only_so_long(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.run(10)
    begin_ms = gateway.now_ms - 300
    gateway.reconnect(begin_ms)
    gateway.hear(trade_frame(2))
    gateway.run(TIMEOUT_S - 0.1)
    assert gateway.told() == []
    gateway.run(0.2)
    told = gateway.take()
    assert [event.begin_ms for event in told if isinstance(event, GapReported)] == [begin_ms]
    assert FillReported(gateway.sync.tracker.orders[0].fills[0]) in told
    assert told[-1] == AccountStateChanged(AccountState.INCOMPLETE)
    # The answer comes after all.
    gateway.answer(snapshot(an_order(fills=2)))
    assert gateway.told() == ["A trade recovered", "T1"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_an_outage_while_rest_is_down_hides_nothing(gateway: Gateway) -> None:
    """Events waited for REST again, which did not answer, until it did."""
    gateway.synchronize(an_order())
    gateway.reconnect()
    gateway.fail()
    gateway.run(TIMEOUT_S + 1)
    assert gateway.told() == ["failed", "gap"]
    gateway.reconnect()
    gateway.hear(trade_frame(1))
    assert gateway.told() == ["A trade", "T1"]
    # And the second outage is reported as well.
    gateway.fail()
    gateway.run(TIMEOUT_S + 1)
    assert gateway.told() == ["gap"]
    assert gateway.sync.state is SyncState.CATCHING_UP
    gateway.answer(snapshot(an_order(fills=1)))
    assert gateway.sync.state is SyncState.SYNCHRONIZED
    assert gateway.sync.error is None


def test_without_recovery_a_gap_is_reported_once_and_left() -> None:
    gateway = Gateway(recover_gaps=False).synchronize(an_order())
    gateway.run(10)
    begin_ms = gateway.now_ms - 700
    gateway.lost()
    assert gateway.sync.state is SyncState.GAP_LEFT
    assert gateway.sync.state.shown is AccountState.INCOMPLETE
    gateway.live()
    gateway.sync.gap_reported(begin_ms, gateway.now)
    gateway.hear(trade_frame(1))
    gateway.sync.gap_reported(begin_ms, gateway.now)
    gateway.run(60)
    gaps = [event for event in gateway.events if isinstance(event, GapReported)]
    assert [gap.begin_ms for gap in gaps] == [begin_ms]
    assert gateway.told() == ["A trade", "T1", "gap"]
    gateway.sync.check()
    gateway.run(60)
    assert len(gateway.reads) == 1
    gateway.sync.resync(gateway.now)
    gateway.answer(snapshot(an_order(fills=1)))
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_without_recovery_a_gap_is_not_forgotten_while_it_is_read() -> None:
    """The answer was older than the gap, and made the account SYNCHRONIZED."""
    gateway = Gateway(recover_gaps=False).synchronize(an_order())
    gateway.sync.resync(gateway.now)
    gateway.run()
    gateway.reconnect()
    gateway.answer(snapshot(an_order()))
    assert gateway.sync.state is SyncState.SYNCHRONIZING
    gateway.answer(snapshot(an_order(fills=1)))
    assert gateway.sync.state is SyncState.SYNCHRONIZED
    assert gateway.told() == ["A trade recovered", "T1"]


# --- comparisons ------------------------------------------------------------------------------------


def test_a_comparison_holds_no_order_up_and_lets_balances_wait(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.sync.check()
    gateway.run()
    gateway.hear(trade_frame(1), asset_frame(90, 10))
    assert gateway.told() == ["A trade", "T1"]
    # REST was asked before the frame, and answers what was true then.
    gateway.answer(snapshot(an_order(fills=1), krw=100))
    assert gateway.told() == ["KRW 90"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_a_comparison_that_fails_leaves_it_incomplete(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.sync.check()
    gateway.run()
    gateway.hear(asset_frame(90, 10))
    gateway.fail()
    assert gateway.told() == ["failed", "KRW 90"]
    assert gateway.sync.state is SyncState.CATCHING_UP
    assert gateway.sync.error is REST_DOWN
    gateway.fail()
    assert gateway.told() == []  # one of a row is enough
    gateway.answer(snapshot(an_order(), krw=90))
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_fills_that_rest_does_not_tell_yet_are_asked_for_again(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.sync.check()
    listed = msgspec.structs.replace(an_order(fills=1), fills=())
    gateway.answer(AccountSnapshot(open_orders=[listed], balances=()))
    assert gateway.sync.state is SyncState.CATCHING_UP
    gateway.answer(snapshot(an_order(fills=1)))
    assert "T1" in gateway.told()
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_what_is_in_doubt_is_looked_up_a_moment_later(gateway: Gateway) -> None:
    gateway.synchronize()
    gateway.hear(asset_frame(90, 20), asset_frame(80, 10))
    gateway.run(0.4)
    assert len(gateway.reads) == 1
    gateway.run(0.2)
    assert len(gateway.reads) == 2
    assert gateway.sync.state is SyncState.SYNCHRONIZED
    gateway.answer(snapshot(krw=90))
    assert gateway.sync.tracker.balances["KRW"].balance == 90
    assert gateway.sync.next_deadline() is None


def test_doubt_that_frames_settle_costs_no_call(gateway: Gateway) -> None:
    gateway.synchronize()
    gateway.hear(trade_frame(1, "B"))
    assert gateway.sync.tracker.is_in_doubt
    gateway.hear(order_frame(uuid="B"))
    gateway.run(2)
    assert len(gateway.reads) == 1


def test_balances_that_came_since_rest_was_asked_wait_for_it_to_the_end(gateway: Gateway) -> None:
    """Shown when events waited too long, they were then overwritten by the older answer."""
    gateway.synchronize()
    gateway.reconnect()
    gateway.hear(asset_frame(70, 50))
    gateway.run(TIMEOUT_S + 1)
    assert gateway.sync.state is SyncState.CATCHING_UP
    gateway.answer(snapshot(krw=80))
    assert gateway.sync.tracker.balances["KRW"].balance == 70


def test_a_frame_older_than_the_answer_that_comes_again_is_in_doubt(gateway: Gateway) -> None:
    gateway.live()
    gateway.lost()
    gateway.hear(asset_frame(50, 10), asset_frame(60, 20))
    gateway.reconnect()
    gateway.answer(snapshot(krw=60))
    gateway.answer(snapshot(krw=60))
    gateway.hear(asset_frame(50, 10))
    gateway.run(1)
    gateway.answer(snapshot(krw=60))
    assert gateway.sync.tracker.balances["KRW"].balance == 60


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [REST_REFUSES, InvalidSubscriptionError("a code")])
def test_rest_that_refuses_is_not_asked_again(error: QtUpbitError) -> None:
    gateway = Gateway()
    gateway.live()
    gateway.hear(order_frame())
    gateway.fail(error)
    assert gateway.told() == ["failed", "A wait"]
    assert gateway.sync.state is SyncState.REST_REFUSED
    assert gateway.sync.is_refused
    assert gateway.sync.error is error
    gateway.sync.check()
    gateway.reconnect()
    gateway.run(100)
    assert len(gateway.reads) == 1
    assert gateway.told() == ["gap"]
    gateway.sync.resync(gateway.now)
    gateway.answer(snapshot(an_order()))
    assert gateway.sync.state is SyncState.SYNCHRONIZED
    assert gateway.sync.error is None


def test_a_gap_that_rest_refuses_to_tell_of_is_reported(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.reconnect()
    gateway.fail(REST_REFUSES)
    assert gateway.told() == ["failed", "gap"]


def test_a_refused_connection_goes_on_when_it_is_live_again(gateway: Gateway) -> None:
    gateway.synchronize(an_order())
    gateway.sync.check()
    gateway.run()
    gateway.sync.stream_refused(KEY_REFUSED, gateway.now)
    gateway.run()
    assert gateway.actions[-1] == CancelRead(gateway.reads[-1].read_id)
    assert gateway.sync.state is SyncState.STREAM_REFUSED
    assert gateway.sync.is_refused
    assert gateway.sync.error is KEY_REFUSED
    # Whoever has connected the connection's own errors knows already.
    assert gateway.told() == []
    gateway.lost()
    assert gateway.sync.state is SyncState.STREAM_REFUSED
    gateway.reconnect()
    gateway.answer(snapshot(an_order(fills=1)))
    assert gateway.told() == ["A trade recovered", "T1"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_without_rest_the_stream_is_followed_alone(gateway: Gateway) -> None:
    gateway.live()
    gateway.hear(order_frame())
    gateway.sync.rest_missing(gateway.reads[-1].read_id, NO_REST, gateway.now)
    gateway.run()
    assert gateway.told() == ["failed", "A wait"]
    assert gateway.sync.state is SyncState.STREAM_ONLY
    assert gateway.sync.is_refused
    gateway.reconnect()
    gateway.hear(trade_frame(1))
    gateway.run(100)
    assert gateway.told() == ["gap", "A trade", "T1"]
    assert len(gateway.reads) == 1


def test_failures_are_retried_with_growing_pauses(gateway: Gateway) -> None:
    gateway.live()
    times = []
    for _ in range(6):
        times.append(gateway.now_s)
        before = len(gateway.reads)
        gateway.fail()
        while len(gateway.reads) == before:
            gateway.run(0.05)
    pauses = [round(b - a, 2) for a, b in itertools.pairwise(times)]
    assert pauses[0] == 0
    assert pauses[1] < pauses[-1]
    assert gateway.told().count("failed") == 1
    # A user who asks does not wait for the next try, nor does a new connection.
    gateway.fail()
    before = len(gateway.reads)
    gateway.sync.resync(gateway.now)
    gateway.run()
    assert len(gateway.reads) == before + 1
    gateway.fail()
    gateway.fail()
    before = len(gateway.reads)
    gateway.reconnect()
    assert len(gateway.reads) == before + 1


def test_a_reading_that_was_cancelled_from_outside_is_made_up_for(gateway: Gateway) -> None:
    gateway.live()
    gateway.sync.read_cancelled(gateway.reads[-1].read_id, gateway.now)
    gateway.run(TIMEOUT_S - 1)
    assert len(gateway.reads) == 1
    gateway.run(2)
    assert len(gateway.reads) == 2
    assert "failed" not in gateway.told()


# --- other credentials ------------------------------------------------------------------------------


def test_other_credentials_forget_everything_and_say_so() -> None:
    tracker = OrderTracker(max_finished_orders=5)
    gateway = Gateway(tracker).synchronize(an_order())
    gateway.hear(order_frame("cancel", "B"), trade_frame(1))
    gateway.take()
    known = tracker.orders
    gateway.sync.credentials_changed()
    gateway.run()
    reset, state = gateway.take()
    assert isinstance(reset, AccountReset)
    assert reset.orders == known
    assert [balance.currency for balance in reset.balances] == ["KRW"]
    assert state == AccountStateChanged(AccountState.SYNCHRONIZING)
    assert gateway.sync.tracker is tracker
    assert (tracker.orders, tracker.balances) == ((), {})
    # The connection of before does not count any more.
    gateway.run(60)
    assert len(gateway.reads) == 1
    gateway.reconnect()
    gateway.answer(snapshot(an_order("C"), krw=7))
    assert [order.uuid for order in tracker.orders] == ["C"]
    assert gateway.told() == ["C wait", "KRW 7"]
    for number in range(8):
        gateway.hear(order_frame("cancel", f"over {number}"))
    assert len(tracker.orders) == 1 + 5


@pytest.mark.parametrize("when", ["reading", "refused", "catching up", "stream refused"])
def test_other_credentials_at_any_time(when: str) -> None:
    gateway = Gateway()
    gateway.live()
    gateway.hear(order_frame(), asset_frame(5))
    asked = gateway.reads[-1]
    match when:
        case "refused":
            gateway.fail(REST_REFUSES)
        case "catching up":
            gateway.run(TIMEOUT_S + 1)
        case "stream refused":
            gateway.sync.stream_refused(KEY_REFUSED, gateway.now)
    gateway.sync.credentials_changed()
    gateway.run()
    if when == "reading":
        assert gateway.actions[-1] == CancelRead(asked.read_id)
    # What was asked with the keys of before is answered too late.
    gateway.sync.read_answered(asked.read_id, snapshot(an_order("of before")), gateway.now)
    gateway.sync.read_failed(asked.read_id, REST_REFUSES, gateway.now)
    assert gateway.sync.error is None
    assert gateway.sync.state is SyncState.SYNCHRONIZING
    assert gateway.sync.buffered_events == 0
    gateway.take()
    gateway.reconnect()
    gateway.answer(snapshot(an_order("B")))
    assert [order.uuid for order in gateway.sync.tracker.orders] == ["B"]
    assert gateway.told() == ["B wait", "KRW 100"]
    assert gateway.sync.state is SyncState.SYNCHRONIZED


def test_keys_are_not_kept() -> None:
    keys = Credentials(access_key="a" * 40, secret_key="s" * 40)
    gateway = Gateway(credentials=keys)
    values = [getattr(gateway.sync, name) for name in vars(gateway.sync)]
    assert not any(isinstance(value, WebSocketConfig | Credentials) for value in values)


def test_an_order_is_reported_as_it_stands(gateway: Gateway) -> None:
    gateway.synchronize()
    gateway.hear(order_frame())
    changed = [event for event in gateway.take() if isinstance(event, OrderChanged)]
    assert [change.order for change in changed] == list(gateway.sync.tracker.orders)
