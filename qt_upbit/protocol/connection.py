"""`UpbitConnection`: every rule of one connection, without the connection.

Feed it what happened (`subscriptions_changed`, `opened`, `receive`, `pong_received`, `lost`, `tick`), then
carry out `take_actions` and pass on `take_events`; call `tick` again at `next_deadline`. Time is an
argument, seconds of a monotonic clock; randomness comes in at construction.

State is one enumeration and one table:

    IDLE ── wanted ──► CONNECTING ── opened ──► RESYNCING ── synced ──► LIVE ◄── synced ── STALE
                           │                        │                    ├───── silent ─────►┘
                           └───────── lost ─────────┴──────── lost ──────┴── lost ─► RECONNECTING
    RECONNECTING ── opened ──► RESYNCING         any ── refused ──► REJECTED ── retry ──► RECONNECTING
    any ── released ──► IDLE                     any ── closed ──► CLOSED

A snapshot ends RESYNCING; STALE ends only with live data, or with the connection (`liveness.SilenceWatch`).

A renewal (`renew`) is no state: the scope stays LIVE while a second socket is made ready beside the first
(`qt_upbit.protocol.renewal`).
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from typing import Final

from qt_upbit import frame_scan
from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import (
    AuthenticationError,
    ConnectionFailedError,
    QtUpbitError,
    ServerError,
    is_retryable,
)
from qt_upbit.frame_scan import Head, known_head_of
from qt_upbit.protocol import wire
from qt_upbit.protocol.connect_schedule import ConnectSchedule
from qt_upbit.protocol.connection_outputs import (
    Action,
    CloseSocket,
    ConnectionEvent,
    ConnectionOutputs,
    ErrorReported,
    FramesReleased,
    GapDetected,
    OpenSocket,
    RenewalFailed,
    RequestSent,
    SendPing,
    SendText,
    StateChanged,
    StreamsListed,
    StreamsLive,
    StreamsRefused,
    StreamsSilent,
    TokenRenewed,
)
from qt_upbit.protocol.liveness import (
    Keepalive,
    KeepaliveVerdict,
    ResumeProbe,
    SilenceVerdict,
    SilenceWatch,
)
from qt_upbit.protocol.readability import ReadabilityWatch
from qt_upbit.protocol.received import read_objects
from qt_upbit.protocol.refusals import blames_pace, error_of, time_to_stay_away
from qt_upbit.protocol.renewal import Renewal, RenewalStep
from qt_upbit.protocol.stream_request import StreamRequest
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.protocol.subscription_sync import RefusalVerdict, SubscriptionSync
from qt_upbit.protocol.timing import Backoff, RollingWindowLimiter
from qt_upbit.types import ConnectionState, Scope

__all__ = [
    "TRANSITIONS",
    "Action",
    "CloseSocket",
    "ConnectionEvent",
    "ConnectionEventKind",
    "ErrorReported",
    "FramesReleased",
    "GapDetected",
    "OpenSocket",
    "RenewalFailed",
    "RequestSent",
    "SendPing",
    "SendText",
    "StateChanged",
    "StreamsListed",
    "StreamsLive",
    "StreamsRefused",
    "StreamsSilent",
    "TokenRenewed",
    "UpbitConnection",
]


class ConnectionEventKind(enum.Enum):
    """What moves the state."""

    WANTED = enum.auto()
    OPENED = enum.auto()
    SYNCED = enum.auto()
    SILENT = enum.auto()
    LOST = enum.auto()
    REFUSED = enum.auto()
    RETRY = enum.auto()
    RELEASED = enum.auto()
    CLOSED = enum.auto()


_S, _K = ConnectionState, ConnectionEventKind
_OPEN: Final = (_S.RESYNCING, _S.LIVE, _S.STALE)
_ALIVE: Final = (_S.CONNECTING, _S.RECONNECTING, *_OPEN)

TRANSITIONS: Final[dict[tuple[ConnectionState, ConnectionEventKind], ConnectionState]] = {
    (_S.IDLE, _K.WANTED): _S.CONNECTING,
    (_S.CONNECTING, _K.OPENED): _S.RESYNCING,
    (_S.RECONNECTING, _K.OPENED): _S.RESYNCING,
    (_S.RESYNCING, _K.SYNCED): _S.LIVE,
    (_S.STALE, _K.SYNCED): _S.LIVE,
    (_S.LIVE, _K.SILENT): _S.STALE,
    (_S.REJECTED, _K.RETRY): _S.RECONNECTING,
    **{(state, _K.LOST): _S.RECONNECTING for state in _ALIVE},
    **{(state, _K.REFUSED): _S.REJECTED for state in _ALIVE},
    **{(state, _K.RELEASED): _S.IDLE for state in (*_ALIVE, _S.REJECTED)},
    **{(state, _K.CLOSED): _S.CLOSED for state in (*_ALIVE, _S.REJECTED, _S.IDLE)},
}
"""Every legal step. A step that is not here raises, and changes nothing."""


_PROVEN_AFTER_S: Final = 5.0
"""A connection that lived this long with data has earned a fresh backoff."""
_RESYNC_TIMEOUT_S: Final = 3.0
"""A resent subscription answers with snapshots in about 0.4 s (protocol section 2.7)."""
_LATE_S: Final = 1.0
"""A deadline missed by more than this: the program was blocked, or the machine asleep."""
_REFUSALS_BEFORE_REJECTED: Final = 3
_UNRESPONSIVE: Final = {
    KeepaliveVerdict.NO_PONG: "the server does not answer pings",
    KeepaliveVerdict.UNRESPONSIVE: "the server sends but does not answer pings",
}
_NEVER: Final = float("inf")
_NO_SOCKET: Final = 0
"""Epochs begin with 1."""


class UpbitConnection:
    """One scope's connection as a state machine.

    Args:
        scope: which endpoint.
        config: timings, limits and the wire format.
        subscriptions: what is wanted; shared with the subscribers. Call `subscriptions_changed` then.
        connect_limiter: shared by all connections of the process (Upbit counts per address).
        rng: jitter.
        new_ticket: makes the ticket of each request.
    """

    def __init__(
        self,
        scope: Scope,
        config: WebSocketConfig,
        subscriptions: SubscriptionStateManager,
        connect_limiter: RollingWindowLimiter,
        rng: random.Random,
        new_ticket: Callable[[], str],
    ) -> None:
        self.scope = scope
        self._config = config
        self._subscriptions = subscriptions
        backoff = Backoff(config.backoff_initial_s, config.backoff_max_s, rng)
        self._connects = ConnectSchedule(connect_limiter, backoff)
        self._silence = SilenceWatch(config.silence_floor_s, config.silence_timeout_s)
        self._readability = ReadabilityWatch(config.silence_timeout_s)
        self._state = ConnectionState.IDLE
        self._epoch = 0
        self._socket = _NO_SOCKET
        """Epoch of the socket that is open or being opened."""
        self._renewal: Renewal | None = None
        """While a successor is made, and for a moment after it took over."""
        self._outputs = ConnectionOutputs()
        self._sync = SubscriptionSync(scope, config, subscriptions, new_ticket, self._outputs)
        self._awaited = self._sync.awaited
        self._has_snapshots = self._sync.has_snapshots
        self._deadline_moved = False
        self._linger_until = self._reported_deadline = _NEVER
        """What `next_deadline` said last."""
        self._forget_socket_state()
        self._last_frame_at: float | None = None
        self._last_live_at: float | None = None
        self._gap_begin: float | None = None
        self._was_synced, self._refusals = False, 0
        self._refused_requests: frozenset[StreamRequest] = frozenset()
        self._error: QtUpbitError | None = None
        self._reported = ""
        self.late_frames = 0
        """Frames of a subscription that was replaced."""
        self.reconnects = self.renewals = 0

    def _forget_socket_state(self) -> None:
        self._sync.reset()
        self._opened_at = 0.0
        self._watch_pongs(0.0, _NEVER)
        self._resync_due = _NEVER
        self._frames = 0

    def _watch_pongs(self, now: float, first_ping_at: float, complete_until: float | None = None) -> None:
        config = self._config
        self._keepalive = Keepalive(
            config.ping_interval_s, config.pong_timeout_s, now, first_ping_at, complete_until
        )
        self._probe = ResumeProbe(self._keepalive)

    @property
    def state(self) -> ConnectionState:
        """Health of the scope."""
        return self._state

    @property
    def epoch(self) -> int:
        """Number of the newest socket; grows with each attempt."""
        return self._epoch

    @property
    def is_open(self) -> bool:
        """Whether a socket is open."""
        return self._state in _OPEN

    @property
    def error(self) -> QtUpbitError | None:
        """Why the last attempt failed or the scope is REJECTED; None once it is live again."""
        return self._error

    def silence_s(self, now: float) -> float | None:
        """Seconds since the last object of a stream; None where this connection has shown none."""
        return now - self._last_frame_at if self.is_open and self._last_frame_at is not None else None

    def data_age_s(self, now: float) -> float | None:
        """Seconds since the last live object of a stream, over reconnects too; None while none has come."""
        return now - self._last_live_at if self._last_live_at is not None else None

    @property
    def requests_sent(self) -> int:
        """How many subscriptions were sent."""
        return self._sync.requests_sent

    @property
    def has_output(self) -> bool:
        """Whether there are actions, events or an earlier deadline to take; cheap, for the hot path."""
        return bool(self._outputs) or self._deadline_moved or self._sync.deadline_moved

    def take_actions(self) -> list[Action]:
        """What to do, in order. Ask after every call."""
        return self._outputs.take_actions()

    def take_events(self) -> list[ConnectionEvent]:
        """What to report, in order, and before the frames that the same call returned."""
        return self._outputs.take_events()

    def next_deadline(self) -> float | None:
        """When to call `tick` at the latest; None while there is nothing to wait for."""
        self._deadline_moved = self._sync.deadline_moved = False
        deadline = min(
            self._connects.due,
            self._linger_until,
            self._keepalive.due,
            self._probe.due,
            self._sync.due if self.is_open else _NEVER,
            self._resync_due,
            _NEVER if self._renewal is None else self._renewal.due,
            self._silence_due(),
        )
        self._reported_deadline = deadline
        return None if deadline == _NEVER else deadline

    # --- what happened -----------------------------------------------------------------------------

    def subscriptions_changed(self, now: float) -> None:
        """The desired set of this scope may have changed. Cheap; call it after every change."""
        if self._state is ConnectionState.CLOSED:
            return
        if not self._subscriptions.is_wanted(self.scope):
            self._sync.cancel()
            if self._state is not ConnectionState.IDLE and self._linger_until == _NEVER:
                self._linger_until = now + self._config.linger_s
            return
        self._linger_until = _NEVER
        if self._state is ConnectionState.IDLE:
            self._step(ConnectionEventKind.WANTED)
            # Wait for the requests of the same moment; the handshake takes longer anyway.
            self._connects.plan(now + self._connects.delay(now))
            self.tick(now)
        elif self._state is ConnectionState.REJECTED:
            # If the request was refused, another one is worth a try; a refused key stays refused.
            if (
                isinstance(self._error, ServerError)
                and self._subscriptions.distinct_requests(self.scope) != self._refused_requests
            ):
                self.retry(now)
        elif self.is_open:
            self._sync.changed(now)

    def opened(self, epoch: int, now: float) -> None:
        """The socket of `epoch` is open."""
        self._connects.answered(epoch, now)
        if self._renewal is not None and self._renewal.is_successor(epoch):
            self._carry_on(self._renewal, self._renewal.opened(now), now)
            return
        if epoch != self._socket or self._state not in (
            ConnectionState.CONNECTING,
            ConnectionState.RECONNECTING,
        ):
            return
        self._step(ConnectionEventKind.OPENED)
        self._opened_at = now
        self._watch_pongs(now, now)  # soon it is known whether this peer answers pings at all
        if self._subscriptions.is_wanted(self.scope):
            self._sync.send_at(now)
        self.tick(now)

    def receive(self, raw: str | bytes, epoch: int, now: float) -> list[tuple[Head, bytes]]:
        """One frame from the socket of `epoch`; the objects in it that are data, in order.

        Never raises on bad input: a malformed frame becomes an `ErrorReported`, and the stream goes on.
        Handle `take_events` before the returned objects: a gap comes before what follows it.
        """
        if isinstance(raw, str):
            raw = raw.encode(errors="replace")
        if self._renewal is not None and self._renewal.is_successor(epoch):
            self._carry_on(self._renewal, self._renewal.receive(raw, now), now)
            return []
        if epoch != self._socket or not self.is_open:
            self.late_frames += 1
            return []
        self._keepalive.heard(now)
        if (head := known_head_of(raw)) is not None:
            return [(head, raw)] if self._saw_data(head, raw, now) else []
        return self._receive_unusual(raw, now)

    def content_read(self, is_readable: bool, now: float) -> None:
        """A reader could decode an object of a stream, or not; call it when that changes, or it can not."""
        is_dark = self._has_snapshots and self._readability.read(is_readable, now)
        if is_dark and self._state is ConnectionState.LIVE:
            self._go_stale(now)

    def pong_received(self, epoch: int, now: float) -> None:
        """A pong came."""
        if epoch == self._socket:
            self._keepalive.pong_received(now)
            self._probe.pong_received()
            if self._renewal is not None:
                self._carry_on(self._renewal, self._renewal.pong_received(now), now)

    def lost(self, epoch: int, now: float, error: QtUpbitError) -> None:
        """The socket of `epoch` could not be opened, or is gone."""
        self._connects.answered(epoch, now)
        if self._renewal is not None and self._renewal.is_successor(epoch):
            self._carry_on(self._renewal, self._renewal.failed(error), now)
        elif epoch == self._socket and self._state in _ALIVE:
            self._connection_died(now, error)

    def credentials_changed(self, now: float) -> None:
        """Connect again with other keys: a handshake under way, which has the old ones, is given up."""
        if self._socket != _NO_SOCKET and not self.is_open:
            self._drop_socket()
            self._connects.plan(now)
        self.retry(now)

    def retry(self, now: float) -> None:
        """The user asks: connect at once, as the limits and the server's time to stay away allow."""
        self._refusals = 0
        self._reported = ""
        self._sync.audit.is_understood = True
        if self._state is ConnectionState.REJECTED:
            self._step(ConnectionEventKind.RETRY)
            self._connects.plan(now)
        elif self._state in _OPEN:
            self._lose(now, ConnectionFailedError("reconnecting on request"), quiet=True)
        self._connects.hurry(now)
        self.tick(now)

    def resumed(self, now: float) -> None:
        """The machine slept, the network changed or the program was blocked: probe the connection soon.

        Until then no deadline that was missed meanwhile counts: the answers may be waiting to be read.
        """
        if not self.is_open:
            return
        soon = self._probe.resumed(now)
        self._keepalive.resumed(now)
        self._silence.resumed(now)
        self._sync.resumed(soon)
        if self._resync_due != _NEVER:
            self._resync_due = max(self._resync_due, soon)
        self._send_ping(now)
        self._deadline_moved = True

    def network_returned(self, now: float) -> None:
        """The network is back, or another: probe what is open, try at once what waits."""
        if self.is_open:
            self.resumed(now)
        elif self._connects.due != _NEVER or self._socket != _NO_SOCKET:
            self._connects.proved()
            self.credentials_changed(now)  # the packets of a handshake under way went nowhere

    def renew(self, now: float) -> bool:
        """Make another connection with another token beside this one, and then it takes over.

        Whether it was begun: the scope must have a token, be LIVE, and not be renewed already. Ends with
        `TokenRenewed` or `RenewalFailed`, or with the connection itself.
        """
        if (
            not self.scope.needs_auth
            or self._state is not ConnectionState.LIVE
            or self._renewal is not None
            or self._linger_until != _NEVER
        ):
            return False
        messages = self._sync.new_sender()
        self._renewal = Renewal(self.scope, self._subscriptions, messages, self._outputs, now)
        self.tick(now)
        return True

    def ask_for_list(self, now: float) -> bool:
        """Ask the server which streams it sends here, when the limits allow it; `StreamsListed` answers.

        False if no server can be asked: no socket is open, or the server has not understood the question.
        """
        audit = self._sync.audit
        if not self.is_open or not audit.is_understood or self._linger_until != _NEVER:
            return False
        audit.want(now)
        self._deadline_moved = True
        return True

    def close(self) -> None:
        """Close for good."""
        if self._state is ConnectionState.CLOSED:
            return
        self._drop_socket()
        self._connects.cancel()
        self._linger_until = _NEVER
        self._step(ConnectionEventKind.CLOSED)

    # --- time --------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Let time pass: do what is due."""
        if now >= self._linger_until:
            self._release()
            return
        if now >= self._connects.due:
            self._connect(now)
        if not self.is_open:
            return
        late = now - self._reported_deadline > _LATE_S
        self._reported_deadline = _NEVER
        if late:
            self.resumed(now)
        if self._renewal is not None:
            self._carry_on(self._renewal, self._renewal.on_tick(now), now)
        if self._probe.on_tick(now):
            reason = "the connection did not survive a pause of the program"
            self._connection_died(now, ConnectionFailedError(reason))
            return
        keepalive = self._keepalive.on_tick(now)
        if keepalive is not None and keepalive is not KeepaliveVerdict.PING:
            self._connection_died(now, ConnectionFailedError(_UNRESPONSIVE[keepalive]))
            return
        if now >= self._resync_due:
            if self._state is ConnectionState.RESYNCING:
                # If that was the market and not the connection, connecting again forever does not help.
                self._subscriptions.forget_accepted(self.scope)
            self._lose(now, ConnectionFailedError("the server answers pings but sends no data"))
            return
        if keepalive is KeepaliveVerdict.PING:
            self._send_ping(now)
        if now >= self._silence_due():
            match self._silence.on_tick(now):
                case SilenceVerdict.SUSPICIOUS:
                    self._go_stale(now)
                case SilenceVerdict.DEAD:
                    reason = "the server answers requests but sends no live data"
                    self._lose(now, ConnectionFailedError(reason))
                    return
        if self._sync.is_confirmed(now):
            self._sync.confirm(None, now)
            self._confirmed(now)
        self._send(now)
        self._sync.ask_if_due(self._socket, now, is_wanted=self._linger_until == _NEVER)
        self._sync.report_silent_codes(now)
        if self._connects.has_failed and self._is_proven(now):
            self._connects.proved()

    def _is_proven(self, now: float) -> bool:
        """Whether the connection lived long enough, and with data, to have earned a fresh backoff."""
        return self.is_open and self._frames > 0 and now - self._opened_at >= _PROVEN_AFTER_S

    # --- connecting --------------------------------------------------------------------------------

    def _step(self, kind: ConnectionEventKind) -> None:
        new = TRANSITIONS.get((self._state, kind))
        if new is None:
            raise RuntimeError(f"{self.scope.value} connection: {kind.name} in state {self._state.name}")
        if new is not self._state:
            old, self._state = self._state, new
            self._outputs.report(StateChanged(old, new))

    def _connect(self, now: float) -> None:
        delay = self._connects.delay(now)
        if delay > 0:
            self._connects.plan(now + delay)
        else:
            self._connects.cancel()
            self._socket = self._open_socket(now)

    def _open_socket(self, now: float) -> int:
        self._epoch += 1
        self._connects.connecting(self._epoch, now)
        self._outputs.do(OpenSocket(self._epoch))
        return self._epoch

    def _drop_socket(self) -> None:
        self._drop_successor()
        if self._socket != _NO_SOCKET:
            self._outputs.do(CloseSocket(self._socket))
            self._socket = _NO_SOCKET
        self._forget_socket_state()
        self._subscriptions.mark_lost(self.scope)

    def _release(self) -> None:
        self._linger_until = _NEVER
        self._connects.cancel()
        self._connects.proved()
        self._drop_socket()
        self._gap_begin = self._last_frame_at = self._last_live_at = None
        self._silence.forget()
        self._was_synced = False
        self._refusals, self._error, self._reported = 0, None, ""
        self._step(ConnectionEventKind.RELEASED)

    def _lose(self, now: float, error: QtUpbitError, *, quiet: bool = False) -> None:
        was_open = self.is_open
        if self._was_synced and self._gap_begin is None:
            # A scope that is silent by nature was complete up to the last ping that was answered.
            last_data_at = self._last_frame_at if self._has_snapshots else self._keepalive.complete_until
            self._gap_begin = last_data_at if last_data_at is not None else self._opened_at
        proven = self._is_proven(now)
        # Reported when it changes: a server that is down for an hour is one error, not a thousand.
        if not quiet and str(error) != self._reported and self._linger_until == _NEVER:
            self._outputs.report(ErrorReported(error))
            self._reported = str(error)
        rejected = not is_retryable(error) or self._refusals >= _REFUSALS_BEFORE_REJECTED
        if rejected:
            self._refused_requests = self._subscriptions.distinct_requests(self.scope)
        self._drop_socket()
        self._error = error
        self._connects.stay_away(now + time_to_stay_away(error))
        self._connects.cancel()
        if rejected:
            self._step(ConnectionEventKind.REFUSED)
            return
        if proven:
            self._connects.proved()
        self.reconnects += was_open
        if not self._subscriptions.is_wanted(self.scope):
            self._release()
            return
        self._connects.plan_retry(now, at_once=quiet)
        self._step(ConnectionEventKind.LOST)

    def _connection_died(self, now: float, error: QtUpbitError) -> None:
        if self._renewal is not None and self._renewal.is_confirmed:
            self._take_over(self._renewal, now)  # the successor has buffered everything since before this
        else:
            self._lose(now, error)

    # --- renewing ----------------------------------------------------------------------------------

    def _drop_successor(self) -> None:
        if self._renewal is not None and self._renewal.epoch not in (_NO_SOCKET, self._socket):
            self._outputs.do(CloseSocket(self._renewal.epoch))
        self._renewal = None

    def _carry_on(self, renewal: Renewal, step: RenewalStep | None, now: float) -> None:
        """Do what a renewal says."""
        match step:
            case RenewalStep.CONNECT:
                delay = self._connects.delay(now)
                if delay > 0:
                    renewal.wait_until(now + delay)
                else:
                    renewal.connecting(self._open_socket(now))
            case RenewalStep.DRAIN:
                self._send_ping(now)
                renewal.draining(self._keepalive.unanswered, now)
            case RenewalStep.TAKE_OVER:
                self._take_over(renewal, now)
            case RenewalStep.FAILED:
                self._drop_successor()
                self._outputs.report(ErrorReported(renewal.error))
                self._outputs.report(RenewalFailed(renewal.error))
            case RenewalStep.NOT_NEEDED:
                self._drop_successor()
                self._outputs.report(RenewalFailed(renewal.error))
            case RenewalStep.OVER:
                self._renewal = None

    def _take_over(self, renewal: Renewal, now: float) -> None:
        if not renewal.is_current:
            # The old connection died at the wrong moment; now the successor is asked as any socket is.
            self._sync.send_again(now)
        self._outputs.do(CloseSocket(self._socket))
        self._socket = renewal.epoch
        self._sync.take_over(renewal.messages)
        self._opened_at = renewal.opened_at
        self._watch_pongs(now, now + self._config.ping_interval_s, self._keepalive.complete_until)
        self.renewals += 1
        self._send_ping(now)
        renewal.took_over(self._keepalive.unanswered, now)
        frames = tuple(renewal.take_missed())
        if frames:
            self._last_frame_at = now
            self._frames += len(frames)
            self._outputs.report(FramesReleased(frames))
        self._outputs.report(TokenRenewed())

    # --- sending -----------------------------------------------------------------------------------

    def _send_ping(self, now: float) -> None:
        self._outputs.do(SendPing(self._socket))
        self._keepalive.ping_sent(now)

    def _send(self, now: float) -> None:
        is_resyncing = self._state is ConnectionState.RESYNCING
        running = self._sync.send_if_due(self._socket, now, is_only_list=is_resyncing)
        if running is not None:
            self._silence.running_changed(running)
            self._silence.asked_again(now)
            if self._state is ConnectionState.STALE:
                self._resync_due = now + _RESYNC_TIMEOUT_S
            elif is_resyncing and self._subscriptions.has_pending_snapshots(self.scope, known=True):
                self._resync_due = now + self._config.silent_code_timeout_s
        elif self._linger_until == _NEVER and not self._subscriptions.is_wanted(self.scope):
            self._linger_until = now + self._config.linger_s  # the last one has its snapshot

    # --- receiving ---------------------------------------------------------------------------------

    def _saw_data(self, head: Head, raw: bytes, now: float) -> bool:
        """Look at an object of a stream; whether it is to be reported."""
        self._frames += 1
        if self._renewal is not None and self._renewal.is_duplicate(head, raw):
            return False
        # What we asked for ourselves says nothing of the flow.
        is_live = raw.find(b"SNAPSHOT", -frame_scan.TAIL_LIMIT) < 0 or not frame_scan.is_snapshot(raw)
        if is_live:
            self._last_live_at = now
            self._silence.saw(head, now)
        if self._state is not ConnectionState.LIVE:
            self._saw_sign_of_life(head, raw, now, is_live=is_live)
        self._last_frame_at = now
        if self._awaited:
            keys = self._awaited.get(head)
            if keys is not None:
                self._sync.saw_awaited(head, keys, raw, now)
        return True

    def _saw_sign_of_life(self, head: Head, raw: bytes, now: float, *, is_live: bool) -> None:
        if self._state is ConnectionState.STALE and not is_live and self._silence.can_judge:
            self._resync_due = _NEVER  # the peer answers; whether the feed lives is still to be seen
        else:
            self._synced(now, (head, raw))

    def _synced(self, now: float, first: tuple[Head, bytes] | None = None) -> None:
        self._resync_due = _NEVER
        states = (ConnectionState.RESYNCING, ConnectionState.STALE)
        if self._state not in states or self._readability.is_dark:
            return
        if self._gap_begin is not None:
            codes = self._subscriptions.codes(self.scope)
            self._outputs.report(GapDetected(codes, self._gap_begin, now, first))
            self._gap_begin = None
        if self._state is ConnectionState.RESYNCING:
            self._silence.synchronized(now)
        self._was_synced = True
        self._refusals, self._error, self._reported = 0, None, ""
        if not self._has_snapshots:
            self._frames += 1  # the confirmation is this scope's sign of life
        self._step(ConnectionEventKind.SYNCED)

    def _receive_unusual(self, raw: bytes, now: float) -> list[tuple[Head, bytes]]:
        """Control frames, the list formats' arrays, and whatever else there is."""
        frames: list[tuple[Head, bytes]] = []
        epoch = self._socket
        for found in read_objects(raw):
            if isinstance(found, ErrorReported):
                self._outputs.report(found)
            elif isinstance(found, tuple):
                if self._saw_data(*found, now):
                    frames.append(found)
            elif isinstance(found, wire.ErrorFrame):
                self._receive_error(found, now)
            elif isinstance(found, wire.SubscriptionsFrame) and self._sync.receive_list(found, now):
                self._confirmed(now)
            if self._socket != epoch:
                break  # an error frame ended this socket
        return frames

    def _receive_error(self, frame: wire.ErrorFrame, now: float) -> None:
        """The server closes about 0.2 s after an error; there is nothing to wait for."""
        error = error_of(frame)
        if not isinstance(error, AuthenticationError) and not blames_pace(error):
            match self._sync.refused(error, now):
                case RefusalVerdict.EVERYTHING:
                    self._refusals = _REFUSALS_BEFORE_REJECTED
                case RefusalVerdict.UNEXPLAINED:
                    self._refusals += 1
        self._lose(now, error)

    def _confirmed(self, now: float) -> None:
        """The last request was accepted: where no data is due, that is the sign of life."""
        if not self._has_snapshots or (
            self._state is ConnectionState.RESYNCING
            and not self._subscriptions.has_pending_snapshots(self.scope)
        ):
            self._synced(now)

    # --- silence -----------------------------------------------------------------------------------

    def _silence_due(self) -> float:
        """When silence becomes suspicious; never on the private socket, which is silent by nature."""
        if (
            not self._has_snapshots
            or self._state not in (ConnectionState.LIVE, ConnectionState.STALE)
            or self._linger_until != _NEVER
        ):
            return _NEVER
        return self._silence.due

    def _go_stale(self, now: float) -> None:
        """Ask again before giving up: a resent subscription must bring live data."""
        self._gap_begin = self._silence.live_at
        self._step(ConnectionEventKind.SILENT)
        self._sync.send_again(now)
