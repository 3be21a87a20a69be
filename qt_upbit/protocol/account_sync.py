"""`AccountSync`: every rule by which an account stays the exchange's own, without socket, REST or clock.

The private streams say what changes and repeat nothing (protocol sections 3.5, 3.6): what an outage hides
is read over REST. Feed it what happened (`event_received`, `gap_reported`, `stream_lost`, `read_answered`,
`credentials_changed` …), then pass on `take_events` and carry out `take_actions`; call `tick` again at
`next_deadline`. Time is an argument.

State is one enumeration and one table:

    SYNCHRONIZING ── completed ──► SYNCHRONIZED ── interrupted ──► SYNCHRONIZING
          │                              │
          │ timed out                    │ failed (a comparison)
          └────────► CATCHING_UP ◄───────┘      CATCHING_UP ── completed ──► SYNCHRONIZED

    any of these ── REST refuses ──► REST_REFUSED        any ── the stream's key is refused ──► STREAM_REFUSED
    any of these ── no REST ──► STREAM_ONLY              SYNCHRONIZED ── gap left ──► GAP_LEFT
    any ── resync, other credentials ──► SYNCHRONIZING   any ── closed ──► CLOSED

In SYNCHRONIZING events wait, so that what was missed comes first; everywhere else they are shown as they
come. A comparison with REST in which nothing is known to be missing (after a renewal, in doubt) is no state:
orders are shown on, and only balances wait for the answer, which may be older than they.
"""

from __future__ import annotations

import enum
import random
from typing import Final, NamedTuple

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import AuthenticationError, LocalProtocolError, QtUpbitError, RestError
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
from qt_upbit.protocol.contradictions import Contradiction
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderChange, OrderTracker
from qt_upbit.protocol.timing import Backoff
from qt_upbit.types import MyAssetEvent, MyOrderEvent, OrderState

__all__ = [
    "TRANSITIONS",
    "AccountSync",
    "Moment",
    "SyncState",
    "SyncTrigger",
]


class SyncState(enum.Enum):
    """What is being done about what may be missing."""

    SYNCHRONIZING = enum.auto()
    """It is read, or will be once the stream is live; events wait for it."""
    SYNCHRONIZED = enum.auto()
    """Nothing is known to be missing."""
    CATCHING_UP = enum.auto()
    """REST goes on being asked, and events are shown meanwhile: it did not answer in time."""
    GAP_LEFT = enum.auto()
    """A gap stays as it is, because recovery is switched off."""
    REST_REFUSED = enum.auto()
    """REST refuses the key: it is asked again after other credentials or a `resync`."""
    STREAM_REFUSED = enum.auto()
    """The private connection was refused: it goes on once that is live."""
    STREAM_ONLY = enum.auto()
    """There is no REST to ask."""
    CLOSED = enum.auto()
    """Closed for good."""

    @property
    def shown(self) -> AccountState:
        """The same for those who only want to know how far they can believe."""
        return _SHOWN.get(self, AccountState.INCOMPLETE)


_SHOWN: Final = {
    SyncState.SYNCHRONIZING: AccountState.SYNCHRONIZING,
    SyncState.SYNCHRONIZED: AccountState.SYNCHRONIZED,
    SyncState.CLOSED: AccountState.CLOSED,
}


class SyncTrigger(enum.Enum):
    """What moves the state."""

    COMPLETED = enum.auto()
    """REST has answered, and nothing was missed meanwhile."""
    INTERRUPTED = enum.auto()
    """Something may have been missed, and will be read."""
    LEFT = enum.auto()
    """Something may have been missed, and will not be read."""
    FAILED = enum.auto()
    TIMED_OUT = enum.auto()
    """What was missed could not be read for so long that events wait no more."""
    REST_REFUSED = enum.auto()
    STREAM_REFUSED = enum.auto()
    STREAM_LIVE = enum.auto()
    """The private connection is live after it was refused."""
    NO_REST = enum.auto()
    RESYNC = enum.auto()
    RESET = enum.auto()
    """Other credentials."""
    CLOSED = enum.auto()


_S, _T = SyncState, SyncTrigger
_BEHIND: Final = (_S.SYNCHRONIZING, _S.CATCHING_UP)
_ASKING: Final = (*_BEHIND, _S.SYNCHRONIZED)
"""REST is asked as soon as there is a reason."""
_REFUSED: Final = (_S.REST_REFUSED, _S.STREAM_REFUSED, _S.STREAM_ONLY)
_RESTING: Final = (_S.GAP_LEFT, *_REFUSED)
"""Gaps are reported, and nothing is asked."""
_OPEN: Final = (*_ASKING, *_RESTING)

TRANSITIONS: Final[dict[tuple[SyncState, SyncTrigger], SyncState]] = {
    **{(state, _T.COMPLETED): _S.SYNCHRONIZED for state in _ASKING},
    (_S.SYNCHRONIZED, _T.INTERRUPTED): _S.SYNCHRONIZING,
    (_S.SYNCHRONIZED, _T.LEFT): _S.GAP_LEFT,
    (_S.SYNCHRONIZED, _T.FAILED): _S.CATCHING_UP,
    **{(state, _T.INTERRUPTED): state for state in _BEHIND},
    **{(state, _T.FAILED): state for state in _BEHIND},
    **{(state, _T.TIMED_OUT): _S.CATCHING_UP for state in _BEHIND},
    **{(state, _T.REST_REFUSED): _S.REST_REFUSED for state in _ASKING},
    **{(state, _T.STREAM_REFUSED): _S.STREAM_REFUSED for state in _OPEN},
    (_S.STREAM_REFUSED, _T.STREAM_LIVE): _S.SYNCHRONIZING,
    **{(state, _T.NO_REST): _S.STREAM_ONLY for state in _ASKING},
    **{(state, _T.RESYNC): _S.SYNCHRONIZING for state in _OPEN},
    **{(state, _T.RESET): _S.SYNCHRONIZING for state in _OPEN},
    **{(state, _T.CLOSED): _S.CLOSED for state in _OPEN},
}
"""Every legal step. A step that is not here raises, and changes nothing."""


class Moment(NamedTuple):
    """Now, by both clocks.

    Attributes:
        steady_s: seconds of a monotonic clock, for deadlines.
        epoch_ms: milliseconds since the epoch, UTC, for what is reported.
    """

    steady_s: float
    epoch_ms: int


_NEVER: Final = float("inf")
_AT_ONCE: Final = -_NEVER
_STREAMS: Final = 2
"""myOrder and myAsset."""
_GAPS_TIMEOUT_S: Final = 1.0
"""The reports of a gap come at once when the connection is live; later they lead to another reading."""
_DOUBT_S: Final = 0.5
"""What frames leave in doubt is read this much later, unless other frames have settled it. Contradictions
between orders and balances, whose frames come one after the other, must last for two such looks."""


class AccountSync:
    """Orders and balances of one account, kept the exchange's own across every gap.

    Begins in SYNCHRONIZING and reads the first state as soon as `stream_live` says so. What is illegal, as
    everything is after `close`, raises `RuntimeError` and changes nothing; answers of readings that were
    cancelled are passed over.

    Args:
        config: whether gaps are recovered, how long events wait, and how fast retries follow; its keys are
            not kept.
        tracker: what is known, which starts with nothing.
        rng: jitter of retries.
    """

    def __init__(self, config: WebSocketConfig, tracker: OrderTracker, rng: random.Random) -> None:
        self._recover_gaps = config.recover_gaps
        self._timeout_s = config.recovery_timeout_s
        self._audit_interval_s = config.account_audit_interval_s
        self._backoff = Backoff(config.backoff_initial_s, config.backoff_max_s, rng)
        self._tracker = tracker
        self._state = SyncState.SYNCHRONIZING
        self._error: QtUpbitError | None = None
        self._actions: list[AccountSyncAction] = []
        self._events: list[AccountSyncEvent] = []

        self._is_stream_live = False
        self._snapshot_due = True
        self._read_id: int | None = None
        """Of the reading under way."""
        self._last_read_id = 0
        self._buffered_orders: list[MyOrderEvent] = []
        self._buffered_assets: list[MyAssetEvent] = []
        self._assets_before_read = 0
        """The number that came before the reading under way: its answer is newer."""
        self._gap_begin_ms: int | None = None
        """Of what was missed and was neither read nor reported."""
        self._gaps_awaited = 0
        """Of the last outage: each stream reports its gap behind the last event from before it."""
        self._retry_at = _AT_ONCE
        self._gaps_due = _NEVER
        self._give_up_at = _NEVER
        self._doubt_at = _NEVER
        self._contradictions: frozenset[Contradiction] = frozenset()
        """Those of the last look."""
        self._was_unreadable = False
        """A frame came that could not be read: what it said is to be looked up."""
        self._audit_at = _NEVER

    # --- reading -----------------------------------------------------------------------------------

    @property
    def state(self) -> SyncState:
        """What is being done about what may be missing."""
        return self._state

    @property
    def tracker(self) -> OrderTracker:
        """What is known. Read it; only this object changes it."""
        return self._tracker

    @property
    def error(self) -> QtUpbitError | None:
        """Why REST, or the private connection, could not be asked last; None while all is well."""
        return self._error

    @property
    def is_refused(self) -> bool:
        """Whether nothing will be read until something changes outside: then `error` says why."""
        return self._state in _REFUSED

    @property
    def is_settled(self) -> bool:
        """Whether nothing is known to be missing and REST is not being read."""
        return self._state is SyncState.SYNCHRONIZED and self._read_id is None

    @property
    def snapshot_due(self) -> bool:
        """Whether a snapshot is wanted that is not being read."""
        return self._snapshot_due

    @property
    def buffered_events(self) -> int:
        """Events that wait for an answer of REST."""
        return len(self._buffered_orders) + len(self._buffered_assets)

    def take_actions(self) -> list[AccountSyncAction]:
        """What to do, in order. Ask after every call."""
        actions, self._actions = self._actions, []
        return actions

    def take_events(self) -> list[AccountSyncEvent]:
        """What to report, in order. Ask after every call."""
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """When to call `tick` at the latest, seconds of the steady clock, perhaps past; None for never."""
        read_at = self._retry_at if self._may_read else _NEVER
        audit_at = self._audit_at if self._may_audit else _NEVER
        deadline = min(self._give_up_at, self._doubt_at, self._gaps_due, read_at, audit_at)
        return None if deadline == _NEVER else deadline

    @property
    def _may_read(self) -> bool:
        return (
            self._snapshot_due
            and self._read_id is None
            and self._is_stream_live
            and not self._gaps_awaited
            and self._state in _ASKING
        )

    @property
    def _may_audit(self) -> bool:
        return self._state is SyncState.SYNCHRONIZED and self._is_stream_live and self._recover_gaps

    # --- the streams -------------------------------------------------------------------------------

    def event_received(self, event: MyOrderEvent | MyAssetEvent, now: Moment) -> None:
        """A frame of a private stream."""
        self._check_open()
        if self._state is SyncState.SYNCHRONIZING:
            self._buffer(event)
            self._wait_for_rest(now)
        elif self._read_id is not None and isinstance(event, MyAssetEvent):
            self._buffer(event)
        else:
            self._apply(event, now)

    def frame_unreadable(self, now: Moment) -> None:
        """A frame of a private stream lacked what it can not do without: look up what it may have said."""
        self._check_open()
        self._was_unreadable = True
        self._note_doubt(now)

    def order_not_found(self, key: str, now: Moment) -> None:
        """Upbit answered a call of the application that it knows no order of this uuid or identifier."""
        self._check_open()
        self._tracker.doubt_order(key)
        self._note_doubt(now)

    def stream_lost(self, now: Moment) -> None:
        """The private connection is being made, or made again: what happens meanwhile is not reported."""
        self._check_open()
        self._lose_stream(now)
        if self._state in _ASKING:
            self._interrupt(now)

    def stream_live(self, now: Moment) -> None:
        """The private connection is live."""
        self._check_open()
        self._is_stream_live = True
        if self._state is SyncState.STREAM_REFUSED:
            self._step(SyncTrigger.STREAM_LIVE)
            self._snapshot_due = True
        # If the connection is back, REST may be as well.
        self._retry_at = _AT_ONCE
        if self._gaps_awaited:
            self._gaps_due = now.steady_s + _GAPS_TIMEOUT_S
        self._wait_for_rest(now)

    def stream_refused(self, error: QtUpbitError, now: Moment) -> None:
        """The private connection was refused, and is not tried again by itself."""
        self._step(SyncTrigger.STREAM_REFUSED)
        self._lose_stream(now)
        self._rest(error, now)

    def gap_reported(self, begin_ms: int, now: Moment) -> None:
        """A private stream was interrupted since a moment, milliseconds since the epoch, UTC.

        Report it for each of the streams, in its place among their events: after an outage REST is not
        asked before, because events from before the outage would pass for newer than its answer.
        """
        self._check_open()
        self._gaps_awaited = max(self._gaps_awaited - 1, 0)
        if not self._gaps_awaited:
            self._gaps_due = _NEVER
        if self._state in _ASKING:
            if self._tracker.is_initialised:
                self._note_gap(begin_ms)
            self._interrupt(now)
            return
        self._note_gap(begin_ms)
        if not self._gaps_awaited:
            self._report_gap(now)

    def events_lost(self, now: Moment) -> None:
        """Events of the streams were dropped on their way here."""
        self._check_open()
        last_ms = self._tracker.last_event_ms
        self._note_gap(now.epoch_ms if last_ms is None else min(last_ms, now.epoch_ms))
        if self._state in _ASKING:
            self._interrupt(now)
        else:
            self._report_gap(now)

    def _lose_stream(self, now: Moment) -> None:
        if self._is_stream_live:
            self._gaps_awaited = _STREAMS
        self._is_stream_live = False
        self._gaps_due = _NEVER
        self._note_gap(now.epoch_ms)
        if not self.buffered_events:
            self._give_up_at = _NEVER

    def _interrupt(self, now: Moment) -> None:
        """Something may have been missed: read it, or leave it."""
        if self._state is SyncState.SYNCHRONIZED and not self._recover_gaps:
            self._step(SyncTrigger.LEFT)
            self._stop_reading(now)
            if self._is_stream_live and not self._gaps_awaited:
                self._report_gap(now)
        else:
            self._step(SyncTrigger.INTERRUPTED)
            self._snapshot_due = True
            self._wait_for_rest(now)

    # --- REST --------------------------------------------------------------------------------------

    def read_answered(self, read_id: int, snapshot: AccountSnapshot, now: Moment) -> None:
        """REST has answered a `ReadRest`; one that was cancelled is passed over."""
        if not self._ends_read(read_id):
            return
        found = self._tracker.reconcile(snapshot, now.epoch_ms)
        # Frames of balances that came before REST was asked are older than its answer.
        self._tracker.pass_over(self._buffered_assets[: self._assets_before_read])
        del self._buffered_assets[: self._assets_before_read]
        self._assets_before_read = 0
        for change in found.changes:
            self._report(change)
        self._events.extend(map(BalanceChanged, found.balances))
        if found.lost:
            begin_ms = now.epoch_ms if self._gap_begin_ms is None else self._gap_begin_ms
            self._events.append(GapReported(begin_ms, now.epoch_ms, found.lost))
        if found.unresolved:
            missing = f"{len(found.unresolved)} without answer"
            self._fail(RestError("GET /v1/order", None, message=missing), now)
            return
        self._backoff.reset()
        self._retry_at = _AT_ONCE
        self._error = None
        if self._snapshot_due:
            # Something was missed while it was read: the next reading follows.
            if self._state is not SyncState.SYNCHRONIZING:
                self._release(now)
            return
        self._gap_begin_ms = None
        self._give_up_at = _NEVER
        self._release(now)
        if self._audit_interval_s is not None:
            self._audit_at = now.steady_s + self._audit_interval_s
        self._step(SyncTrigger.COMPLETED)
        self._events.append(Synchronized())

    def read_failed(self, read_id: int, error: QtUpbitError, now: Moment) -> None:
        """REST did not answer a `ReadRest`, or refuses to."""
        if not self._ends_read(read_id):
            return
        if not isinstance(error, AuthenticationError | LocalProtocolError):
            self._fail(error, now)
            return
        is_news = self._error != error
        self._step(SyncTrigger.REST_REFUSED)
        if is_news:
            self._events.append(ReadFailed(error))
        self._rest(error, now)

    def rest_missing(self, read_id: int, error: QtUpbitError, now: Moment) -> None:
        """There is no REST to ask: the account follows the streams alone."""
        if not self._ends_read(read_id):
            return
        self._step(SyncTrigger.NO_REST)
        self._events.append(ReadFailed(error))
        self._rest(error, now)

    def read_cancelled(self, read_id: int, now: Moment) -> None:
        """A reading was stopped from outside, as a program does that ends: another follows, not soon."""
        if not self._ends_read(read_id):
            return
        self._snapshot_due = True
        self._retry_at = now.steady_s + self._timeout_s
        if self._state is not SyncState.SYNCHRONIZING:
            self._release(now)

    def _ends_read(self, read_id: int) -> bool:
        """Whether this reading is the one under way, which is over then."""
        if not 0 < read_id <= self._last_read_id:
            raise RuntimeError(f"account: reading {read_id} was never asked for")
        if self._read_id != read_id:
            return False
        self._read_id = None
        return True

    def _fail(self, error: QtUpbitError, now: Moment) -> None:
        self._step(SyncTrigger.FAILED)
        self._snapshot_due = True
        if self._error is None:
            self._events.append(ReadFailed(error))
        self._error = error
        self._retry_at = now.steady_s + self._backoff.next_delay()
        self._wait_for_rest(now)
        if self._state is not SyncState.SYNCHRONIZING:
            self._release(now)

    def _rest(self, error: QtUpbitError, now: Moment) -> None:
        """Ask no more until something changes outside."""
        self._error = error
        is_over = self._is_stream_live and not self._gaps_awaited
        if is_over and self._gap_begin_ms is not None and self._tracker.is_initialised:
            self._report_gap(now)
        self._stop_reading(now)

    def _stop_reading(self, now: Moment) -> None:
        self._cancel_read()
        self._snapshot_due = False
        self._give_up_at = _NEVER
        self._release(now)

    def _cancel_read(self) -> None:
        if self._read_id is not None:
            self._actions.append(CancelRead(self._read_id))
            self._read_id = None

    # --- from above --------------------------------------------------------------------------------

    def check(self) -> None:
        """Compare with REST, without a change of state: nothing is known to be missing, and looking is cheap.

        After a renewal of the connection, where something contradicts what is known, and from time to time.
        Does nothing where REST is not asked, and with recovery switched off.
        """
        self._check_open()
        if self._state in _ASKING and (self._recover_gaps or not self._tracker.is_initialised):
            self._snapshot_due = True

    def resync(self, now: Moment) -> None:
        """The user wants everything read again, also after a refusal."""
        self._step(SyncTrigger.RESYNC)
        self._snapshot_due = True
        self._backoff.reset()
        self._retry_at = _AT_ONCE
        self._wait_for_rest(now)

    def credentials_changed(self) -> None:
        """Other keys, perhaps of another account: forget everything.

        Events of the connection with the keys of before must not be handed in any more; the new one counts
        from its `stream_live` on.
        """
        self._check_open()
        orders, balances = self._tracker.orders, tuple(self._tracker.balances.values())
        self._cancel_read()
        self._tracker.reset()
        self._buffered_orders.clear()
        self._buffered_assets.clear()
        self._assets_before_read = 0
        if self._is_stream_live:
            self._gaps_awaited = _STREAMS
        self._is_stream_live = False
        self._snapshot_due = True
        self._gap_begin_ms = None
        self._error = None
        self._backoff.reset()
        self._retry_at = _AT_ONCE
        self._gaps_due = self._give_up_at = self._doubt_at = self._audit_at = _NEVER
        self._was_unreadable = False
        self._events.append(AccountReset(orders, balances))
        self._step(SyncTrigger.RESET)

    def close(self) -> None:
        """Follow nothing any more; what is known stays. Idempotent."""
        if self._state is SyncState.CLOSED:
            return
        self._cancel_read()
        self._snapshot_due = False
        self._buffered_orders.clear()
        self._buffered_assets.clear()
        self._gaps_due = self._give_up_at = self._doubt_at = self._audit_at = _NEVER
        self._step(SyncTrigger.CLOSED)

    # --- time --------------------------------------------------------------------------------------

    def tick(self, now: Moment) -> None:
        """Let time pass: do what is due. Reasons to read that came since the last tick share one reading."""
        self._check_open()
        if now.steady_s >= self._doubt_at:
            self._doubt_at = _NEVER
            self._look_for_doubt(now)
        if now.steady_s >= self._audit_at and self._may_audit:
            # A frame that was lost on a connection that lives contradicts nothing, perhaps.
            self._audit_at = _NEVER  # until the reading has answered
            self.check()
        if now.steady_s >= self._gaps_due:
            self._gaps_due = _NEVER
            self._gaps_awaited = 0
            if self._gap_begin_ms is not None and self._state in _RESTING:
                self._report_gap(now)
        if now.steady_s >= self._give_up_at:
            self._give_up_at = _NEVER
            self._stop_waiting(now)
        if self._may_read and now.steady_s >= self._retry_at:
            self._snapshot_due = False
            self._retry_at = _AT_ONCE
            self._last_read_id += 1
            self._read_id = self._last_read_id
            self._assets_before_read = len(self._buffered_assets)
            since = self._tracker.closed_since(now.epoch_ms)
            self._actions.append(ReadRest(self._read_id, since, self._timeout_s))

    def _look_for_doubt(self, now: Moment) -> None:
        """Compare with REST if frames have left something in doubt, and nothing has settled it since."""
        found = self._tracker.contradictions() if self.is_settled else frozenset()
        if self._was_unreadable or self._tracker.is_in_doubt or found & self._contradictions:
            self._contradictions = frozenset()
            self._was_unreadable = False
            self.check()
        else:
            self._contradictions = found
            if found:
                self._doubt_at = now.steady_s + _DOUBT_S

    def _wait_for_rest(self, now: Moment) -> None:
        """Events, or the report of a gap, wait for REST from now on, and not forever."""
        if self._give_up_at != _NEVER:
            return
        has_begun = self._is_stream_live or self.buffered_events > 0
        waits = self._state is SyncState.SYNCHRONIZING or (
            self._state is SyncState.CATCHING_UP and self._gap_begin_ms is not None
        )
        if has_begun and waits:
            self._give_up_at = now.steady_s + self._timeout_s

    def _stop_waiting(self, now: Moment) -> None:
        """REST does not answer: show what the stream says, and go on asking."""
        if self._gap_begin_ms is not None or not self._tracker.is_initialised:
            self._report_gap(now)
        self._release(now)
        self._step(SyncTrigger.TIMED_OUT)

    # --- state and events --------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._state is SyncState.CLOSED:
            raise RuntimeError("account: it is closed")

    def _step(self, trigger: SyncTrigger) -> None:
        new = TRANSITIONS.get((self._state, trigger))
        if new is None:
            raise RuntimeError(f"account: {trigger.name} in state {self._state.name}")
        old, self._state = self._state, new
        if new.shown is not old.shown:
            self._events.append(AccountStateChanged(new.shown))

    def _note_gap(self, begin_ms: int) -> None:
        self._gap_begin_ms = begin_ms if self._gap_begin_ms is None else min(self._gap_begin_ms, begin_ms)

    def _report_gap(self, now: Moment) -> None:
        begin_ms = now.epoch_ms if self._gap_begin_ms is None else self._gap_begin_ms
        self._gap_begin_ms = None
        self._events.append(GapReported(begin_ms, now.epoch_ms))

    def _buffer(self, event: MyOrderEvent | MyAssetEvent) -> None:
        if isinstance(event, MyAssetEvent):
            self._buffered_assets.append(event)
        else:
            self._buffered_orders.append(event)

    def _release(self, now: Moment) -> None:
        """Fold in what has waited, in order: REST may have reported it already, wholly or in part."""
        orders, self._buffered_orders = self._buffered_orders, []
        # What an answer under way may be older than waits for it.
        ready = len(self._buffered_assets) if self._read_id is None else self._assets_before_read
        assets, self._buffered_assets = self._buffered_assets[:ready], self._buffered_assets[ready:]
        self._assets_before_read = 0
        for event in orders:
            self._apply(event, now)
        for asset in self._tracker.without_known(assets):
            self._apply(asset, now)

    def _apply(self, event: MyOrderEvent | MyAssetEvent, now: Moment) -> None:
        if isinstance(event, MyAssetEvent):
            self._events.extend(map(BalanceChanged, self._tracker.apply_asset(event)))
        elif (change := self._tracker.apply_order(event)) is not None:
            self._report(change)
        self._note_doubt(now)

    def _note_doubt(self, now: Moment) -> None:
        if self._doubt_at == _NEVER:
            self._doubt_at = now.steady_s + _DOUBT_S

    def _report(self, change: OrderChange) -> None:
        self._events.append(OrderChanged(change.order))
        if change.event is None:
            return
        self._events.append(OrderEventReported(change.event))
        if change.fill is not None and change.event.state is OrderState.TRADE:
            self._events.append(FillReported(change.fill))
