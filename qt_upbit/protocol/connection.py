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

A renewal (`renew`) is no state: the scope stays LIVE while a second socket is made ready beside the first
(`qt_upbit.protocol.renewal`).
"""

from __future__ import annotations

import enum
import math
import random
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Final

from qt_upbit import frame_scan
from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import (
    AuthenticationError,
    ConnectionFailedError,
    DecodeError,
    QtUpbitError,
    ServerError,
    is_retryable,
)
from qt_upbit.frame_scan import Head, head_of, known_head_of
from qt_upbit.models import decode, split
from qt_upbit.protocol import wire
from qt_upbit.protocol.renewal import Renewal, RenewalPhase
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager, listed_streams
from qt_upbit.protocol.timing import Backoff, RollingWindowLimiter
from qt_upbit.types import ConnectionState, Scope, StreamKey, event_type_of, rows_of

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


# --- what to do -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Make a connection; report `opened` or `lost` with this epoch."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close the socket of this epoch, or give up opening it; nothing needs to be reported."""

    epoch: int


@dataclass(frozen=True, slots=True)
class SendText:
    """Send one text frame on the socket of this epoch."""

    text: str
    epoch: int


@dataclass(frozen=True, slots=True)
class SendPing:
    """Send a ping frame on the socket of this epoch; report the answer with `pong_received`."""

    epoch: int


Action = OpenSocket | CloseSocket | SendText | SendPing


# --- what to tell ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The health of the scope changed."""

    old: ConnectionState
    new: ConnectionState


@dataclass(frozen=True, slots=True)
class GapDetected:
    """Nothing was received between two moments of the monotonic clock, although it was wanted."""

    codes: tuple[str, ...]
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class ErrorReported:
    """Something went wrong and was survived.

    Attributes:
        error: what, or the last of several.
        times: how often: a long array of a list format may hold thousands of unreadable objects.
    """

    error: QtUpbitError
    times: int = 1


@dataclass(frozen=True, slots=True)
class StreamsLive:
    """Streams that showed their first frame on this connection, or that the server confirmed."""

    keys: tuple[StreamKey, ...]


@dataclass(frozen=True, slots=True)
class StreamsSilent:
    """Streams that owe a first frame and did not send one in time."""

    keys: tuple[StreamKey, ...]
    waited_s: float


@dataclass(frozen=True, slots=True)
class StreamsRefused:
    """Streams left out because the server refused the request that brought them.

    Attributes:
        keys: the streams.
        error: the refusal; an `ErrorReported` follows.
        owners: whose wishes were left out; others may go on with the same streams.
    """

    keys: tuple[StreamKey, ...]
    error: ServerError
    owners: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestSent:
    """The subscription was replaced: the server was asked for changes of these streams and no others."""

    keys: frozenset[StreamKey]


@dataclass(frozen=True, slots=True)
class StreamsListed:
    """The server said which streams it sends here; types that it has invented since are left out."""

    keys: frozenset[StreamKey]


@dataclass(frozen=True, slots=True)
class TokenRenewed:
    """The successor's socket took over: a new token, no event lost or told twice."""


@dataclass(frozen=True, slots=True)
class RenewalFailed:
    """The successor's socket came to nothing; the old one goes on. An `ErrorReported` came before."""

    error: QtUpbitError


@dataclass(frozen=True, slots=True)
class FramesReleased:
    """Objects to be routed now, in order: those of the successor that the old socket did not show."""

    frames: tuple[tuple[Head, bytes], ...]


ConnectionEvent = (
    StateChanged
    | GapDetected
    | ErrorReported
    | StreamsLive
    | StreamsSilent
    | StreamsRefused
    | RequestSent
    | StreamsListed
    | TokenRenewed
    | RenewalFailed
    | FramesReleased
)

_PROVEN_AFTER_S: Final = 5.0
"""A connection that lived this long with data has earned a fresh backoff."""
_CONFIRM_TIMEOUT_S: Final = 2.0
"""Private and info streams have no first frame; without a LIST_SUBSCRIPTIONS reply, wait this long."""
_RESYNC_TIMEOUT_S: Final = 3.0
"""A resent subscription answers with snapshots in about 0.4 s (protocol section 2.7)."""
_MIN_FRAMES_TO_JUDGE: Final = 10
_MEAN_OVER: Final = 50
"""Frames that the mean interval remembers: nights are quieter than days."""
_SILENCE_FACTOR: Final = 20.0
"""Silence is suspicious beyond this many times the mean interval between frames."""
_MAX_COALESCE_S: Final = 2.0
_DEAF_AFTER_S: Final = 10.0
"""A peer that used to answer pings and only sends for so long hears no request either."""
_LATE_S: Final = 1.0
"""A deadline missed by more than this: the program was blocked, or the machine asleep."""
_PROBE_TIMEOUT_S: Final = 3.0
"""After waking up, a line that is alive answers in this time, or at least sends."""
_JUST_HEARD_S: Final = 1.0
_DRAIN_TIMEOUT_S: Final = 2.0
"""A renewal waits so long for the old socket's last pong."""
_REFUSALS_BEFORE_REJECTED: Final = 3
_BLOCKED_DEFAULT_S: Final = 60.0
"""How long to stay away after 418 when the answer does not say (protocol section 6.1)."""
_BLOCKED_MAX_S: Final = 24 * 3600.0
_TOO_MANY: Final = {
    "Too Many Requests": 1.0,
    "TOO_MANY_REQUESTS": 1.0,
    "I'm a teapot": _BLOCKED_DEFAULT_S,
}
"""Error frames that blame our pace and not what was asked for, and how long to stay away."""
_NEVER: Final = float("inf")
_ERRORS_PER_FRAME: Final = 10
"""Unreadable objects of one frame that are reported each for itself."""
_NO_SOCKET: Final = 0
"""Epochs begin with 1."""


class UpbitConnection:
    """One scope's connection as a state machine.

    Args:
        scope: which endpoint.
        config: timings, limits and the wire format.
        subscriptions: what is wanted; shared with whoever changes it. Call `subscriptions_changed` then.
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
        self._connect_limiter = connect_limiter
        self._new_ticket = new_ticket
        self._backoff = Backoff(config.backoff_initial_s, config.backoff_max_s, rng)
        self._has_snapshots = any(row.has_snapshot for row in rows_of(scope))

        self._state = ConnectionState.IDLE
        self._epoch = 0
        self._socket = _NO_SOCKET
        """Epoch of the socket that is open or being opened."""
        self._renewal: Renewal | None = None
        """While a successor is made, and for a moment after it took over."""
        self._actions: list[Action] = []
        self._events: list[ConnectionEvent] = []

        self._connect_at = _NEVER
        self._send_at = _NEVER
        self._linger_until = _NEVER
        self._blocked_until = 0.0
        """The server asked us to stay away until then, whatever else happens."""
        self._deadline_moved = False
        self._told_deadline = _NEVER
        """What `next_deadline` said last."""
        self._forget_socket_state()
        self._last_frame_at: float | None = None
        self._gap_begin: float | None = None
        self._was_synced = False
        self._refusals = 0
        self._refused_items: tuple[wire.RequestItem, ...] = ()
        self._may_ask_list = True
        self._error: QtUpbitError | None = None
        self._reported = ""
        self.stray_frames = 0
        """Frames that nobody waits for any more: the tail of a subscription that was replaced."""
        self.requests_sent = 0
        self.reconnects = 0
        self.renewals = 0

    def _forget_socket_state(self) -> None:
        self._message_limiter = self._new_message_limiter()
        self._opened_at = 0.0
        self._heard_at = 0.0
        self._ping_at = _NEVER
        self._pong_due = _NEVER
        self._pings_unanswered = 0
        self._answers_pings = False
        self._deaf_at = _NEVER
        self._probe_due = _NEVER
        self._awake_since = 0.0
        self._confirm_at = _NEVER
        self._audit_at = _NEVER
        self._audit_ticket: str | None = None
        self._is_list_wanted = False
        """Somebody waits for the server's list, beside our own audit."""
        self._healed: frozenset[StreamKey] | None = None
        self._resync_due = _NEVER
        self._frames = 0
        self._patience = 1.0
        self._forget_flow()
        self._awaited: dict[Head, list[StreamKey]] = {}

    def _new_message_limiter(self) -> RollingWindowLimiter:
        # A limit is the connection's own: a new socket starts with a clean account.
        config = self._config
        return RollingWindowLimiter(((config.messages_per_second, 1.0), (config.messages_per_minute, 60.0)))

    def _forget_flow(self) -> None:
        """Another set of streams flows at another rate."""
        self._flow_frames = 0
        self._flow_at = 0.0
        self._flow_interval = 0.0

    # --- reading -----------------------------------------------------------------------------------

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

    @property
    def has_output(self) -> bool:
        """Whether there are actions, events or an earlier deadline to take; cheap, for the hot path."""
        return bool(self._actions or self._events or self._deadline_moved)

    def take_actions(self) -> list[Action]:
        """What to do, in order. Ask after every call."""
        actions, self._actions = self._actions, []
        return actions

    def take_events(self) -> list[ConnectionEvent]:
        """What to tell, in order, and before the frames that the same call returned."""
        if not self._events:
            return []
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """When to call `tick` at the latest; None while there is nothing to wait for."""
        self._deadline_moved = False
        deadline = min(
            self._connect_at,
            self._send_at,
            self._linger_until,
            self._ping_at,
            self._pong_due,
            self._deaf_at,
            self._probe_due,
            self._confirm_at,
            self._audit_at,
            self._resync_due,
            _NEVER if self._renewal is None else self._renewal.due,
            self._silence_due(),
            self._next_silent_code(),
        )
        self._told_deadline = deadline
        return None if deadline == _NEVER else deadline

    # --- what happened -----------------------------------------------------------------------------

    def subscriptions_changed(self, now: float) -> None:
        """The desired set of this scope may have changed. Cheap; call it after every change."""
        if self._state is ConnectionState.CLOSED:
            return
        if self.is_open:
            self._watch()
        if not self._subscriptions.is_wanted(self.scope):
            self._send_at = _NEVER
            if self._state is not ConnectionState.IDLE and self._linger_until == _NEVER:
                self._linger_until = now + self._config.linger_s
            return
        self._linger_until = _NEVER
        if self._state is ConnectionState.IDLE:
            self._step(ConnectionEventKind.WANTED)
            # Wait for the wishes of the same moment; the handshake takes longer anyway.
            self._connect_at = now + self._connect_limiter.delay(now)
            self.tick(now)
        elif self._state is ConnectionState.REJECTED:
            # If the request was refused, another one is worth a try; a refused key stays refused.
            if (
                isinstance(self._error, ServerError)
                and self._subscriptions.request_items(self.scope) != self._refused_items
            ):
                self.retry(now)
        elif self.is_open and self._send_at == _NEVER and self._subscriptions.needs_request(self.scope):
            self._send_at = now + self._coalesce(now)

    def opened(self, epoch: int, now: float) -> None:
        """The socket of `epoch` is open."""
        if (renewal := self._renewal_of(epoch)) is not None:
            self._successor_opened(renewal, now)
            return
        if epoch != self._socket or self._state not in (
            ConnectionState.CONNECTING,
            ConnectionState.RECONNECTING,
        ):
            return
        self._step(ConnectionEventKind.OPENED)
        self._opened_at = self._heard_at = now
        self._ping_at = now  # soon it is known whether this peer answers pings at all
        if self._subscriptions.is_wanted(self.scope):
            self._send_at = now
        self.tick(now)

    def receive(self, raw: str | bytes, epoch: int, now: float) -> list[tuple[Head, bytes]]:
        """One frame from the socket of `epoch`; the objects in it that are data, in order.

        Never raises on bad input: a malformed frame becomes an `ErrorReported`, and the stream goes on.
        Handle `take_events` before the returned objects: a gap comes before what follows it.
        """
        if isinstance(raw, str):
            raw = raw.encode(errors="replace")
        if self._renewal is not None and (renewal := self._renewal_of(epoch)) is not None:
            self._receive_early(renewal, raw, now)
            return []
        if epoch != self._socket or not self.is_open:
            self.stray_frames += 1
            return []
        self._heard_at = now
        self._pong_due = _NEVER
        if (head := known_head_of(raw)) is not None:
            return [(head, raw)] if self._saw_data(head, raw, now) else []
        return self._receive_unusual(raw, now)

    def pong_received(self, epoch: int, now: float) -> None:
        """A pong came."""
        if epoch == self._socket:
            self._heard_at = now
            self._pong_due = _NEVER
            self._pings_unanswered = max(self._pings_unanswered - 1, 0)
            self._answers_pings = True
            self._deaf_at = now + _DEAF_AFTER_S if self._pings_unanswered else _NEVER
            self._probe_due = _NEVER
            renewal = self._renewal
            if renewal is not None and renewal.phase in (RenewalPhase.DRAINING, RenewalPhase.ECHOING):
                renewal.pongs_due -= 1
                if renewal.pongs_due <= 0:
                    self._renewal_due(renewal, now)

    def lost(self, epoch: int, now: float, error: QtUpbitError) -> None:
        """The socket of `epoch` could not be opened, or is gone."""
        if self._renewal_of(epoch) is not None:
            self._renewal_failed(error)
        elif epoch == self._socket and self._state in _ALIVE:
            self._line_died(now, error)

    def retry(self, now: float) -> None:
        """Connect again at once: the user asked, or the credentials changed.

        "At once" means when the limits allow it, and not before the server's own time to stay away is over.
        """
        self._refusals = 0
        self._reported = ""
        self._may_ask_list = True
        if self._state is ConnectionState.REJECTED:
            self._step(ConnectionEventKind.RETRY)
            self._connect_at = now
        elif self._state in _OPEN:
            self._lose(now, ConnectionFailedError("reconnecting on request"), quiet=True)
        if self._connect_at != _NEVER:
            self._connect_at = now
        self.tick(now)

    def woke(self, now: float) -> None:
        """The machine slept, the network changed or the program was blocked: find out soon if the line lives.

        Until then no deadline that was missed meanwhile counts: the answers may be waiting to be read.
        """
        if not self.is_open:
            return
        soon = now + _PROBE_TIMEOUT_S
        self._probe_due, self._awake_since = soon, now
        self._pong_due = self._deaf_at = _NEVER
        self._resync_due, self._confirm_at = (
            due if due == _NEVER else max(due, soon) for due in (self._resync_due, self._confirm_at)
        )
        self._send_ping(now)
        self._ping_at = now + self._config.ping_interval_s
        self._deadline_moved = True

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
        self._renewal = Renewal(self._new_message_limiter(), now)
        self.tick(now)
        return True

    def ask_for_list(self, now: float) -> bool:
        """Ask the server which streams it sends here, when the limits allow it; `StreamsListed` answers.

        False where there is nobody to ask: no socket is open, or the server has not understood the question.
        """
        if not self.is_open or not self._may_ask_list or self._linger_until != _NEVER:
            return False
        self._is_list_wanted = True
        if self._audit_ticket is None:
            self._audit_at = now
            self._deadline_moved = True
        return True

    def close(self) -> None:
        """Close for good."""
        if self._state is ConnectionState.CLOSED:
            return
        self._drop_socket()
        self._connect_at = self._send_at = self._linger_until = _NEVER
        self._step(ConnectionEventKind.CLOSED)

    # --- time --------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Let time pass: do what is due."""
        if now >= self._linger_until:
            self._release()
            return
        if now >= self._connect_at:
            self._connect(now)
        if not self.is_open:
            return
        late = now - self._told_deadline > _LATE_S
        self._told_deadline = _NEVER
        if late:
            self.woke(now)
        if self._renewal is not None and now >= self._renewal.due:
            self._renewal_due(self._renewal, now)
        if now >= self._probe_due:
            self._probe_due = _NEVER
            if now - self._heard_at > _JUST_HEARD_S:
                self._line_died(now, ConnectionFailedError("the line did not survive a pause of the program"))
                return
        if now >= self._pong_due:
            self._line_died(now, ConnectionFailedError("the server does not answer pings"))
            return
        if now >= self._deaf_at:
            self._line_died(now, ConnectionFailedError("the server sends but does not answer pings"))
            return
        if now >= self._resync_due:
            if self._state is ConnectionState.RESYNCING:
                # If that was the market and not the line, connecting again for ever does not help.
                self._subscriptions.forget_accepted(self.scope)
            self._lose(now, ConnectionFailedError("the server answers pings but sends no data"))
            return
        if now >= self._ping_at:
            self._send_ping(now)
            self._ping_at = now + self._config.ping_interval_s
            if self._pong_due == _NEVER:
                self._pong_due = now + self._config.pong_timeout_s
        if now >= self._silence_due():
            self._go_stale(now)
        if now >= self._confirm_at:
            self._confirm(now, frozenset())
        if now >= self._send_at:
            self._send(now)
        if now >= self._audit_at:
            self._ask_for_list(now)
        self._report_silent_codes(now)
        if self._backoff.failures and self._frames and now - self._opened_at >= _PROVEN_AFTER_S:
            self._backoff.reset()

    # --- connecting --------------------------------------------------------------------------------

    def _step(self, kind: ConnectionEventKind) -> None:
        new = TRANSITIONS.get((self._state, kind))
        if new is None:
            raise RuntimeError(f"{self.scope.value} connection: {kind.name} in state {self._state.name}")
        if new is not self._state:
            old, self._state = self._state, new
            self._events.append(StateChanged(old, new))

    def _connect(self, now: float) -> None:
        delay = max(self._connect_limiter.delay(now), self._blocked_until - now)
        if delay > 0:
            self._connect_at = now + delay
            return
        self._connect_limiter.record(now)
        self._connect_at = _NEVER
        self._socket = self._next_epoch()
        self._actions.append(OpenSocket(self._socket))

    def _next_epoch(self) -> int:
        self._epoch += 1
        return self._epoch

    def _drop_socket(self) -> None:
        self._drop_successor()
        if self._socket != _NO_SOCKET:
            self._actions.append(CloseSocket(self._socket))
            self._socket = _NO_SOCKET
        self._forget_socket_state()
        self._send_at = _NEVER
        self._subscriptions.mark_lost(self.scope)

    def _release(self) -> None:
        self._linger_until = _NEVER
        self._connect_at = _NEVER
        self._drop_socket()
        self._gap_begin = self._last_frame_at = None
        self._was_synced = False
        self._backoff.reset()
        self._refusals = 0
        self._error = None
        self._reported = ""
        self._step(ConnectionEventKind.RELEASED)

    def _lose(self, now: float, error: QtUpbitError, *, quiet: bool = False) -> None:
        was_open = self.is_open
        if self._was_synced and self._gap_begin is None:
            # A scope that is silent by nature was complete until the line was last heard.
            last_data_at = self._last_frame_at if self._has_snapshots else self._heard_at
            self._gap_begin = last_data_at if last_data_at is not None else self._opened_at
        proven = was_open and self._frames > 0 and now - self._opened_at >= _PROVEN_AFTER_S
        # Reported when it changes: a server that is down for an hour is one error, not a thousand.
        if not quiet and str(error) != self._reported and self._linger_until == _NEVER:
            self._events.append(ErrorReported(error))
            self._reported = str(error)
        rejected = not is_retryable(error) or self._refusals >= _REFUSALS_BEFORE_REJECTED
        if rejected:
            self._refused_items = self._subscriptions.request_items(self.scope)
        self._drop_socket()
        self._error = error
        wait = _asked_to_wait(error)
        if wait > 0:
            self._blocked_until = max(self._blocked_until, now + wait)
        self._connect_at = _NEVER
        if rejected:
            self._step(ConnectionEventKind.REFUSED)
            return
        if proven:
            self._backoff.reset()
        self.reconnects += was_open
        if not self._subscriptions.is_wanted(self.scope):
            self._release()
            return
        backoff = 0.0 if quiet else self._backoff.next_delay()
        self._connect_at = max(now + backoff, self._blocked_until)
        self._step(ConnectionEventKind.LOST)

    def _line_died(self, now: float, error: QtUpbitError) -> None:
        if self._renewal is not None and self._renewal.is_confirmed:
            self._take_over(self._renewal, now)  # the successor has held all since before this
        else:
            self._lose(now, error)

    # --- renewing ----------------------------------------------------------------------------------

    def _renewal_of(self, epoch: int) -> Renewal | None:
        """The renewal whose successor, not yet taken over, has this epoch."""
        renewal = self._renewal
        return renewal if renewal is not None and epoch == renewal.epoch != self._socket else None

    def _drop_successor(self) -> None:
        if self._renewal is not None and self._renewal.epoch not in (_NO_SOCKET, self._socket):
            self._actions.append(CloseSocket(self._renewal.epoch))
        self._renewal = None

    def _renewal_due(self, renewal: Renewal, now: float) -> None:
        match renewal.phase:
            case RenewalPhase.WAITING:
                delay = max(self._connect_limiter.delay(now), self._blocked_until - now)
                if delay > 0:
                    renewal.due = now + delay
                    return
                self._connect_limiter.record(now)
                renewal.epoch = self._next_epoch()
                renewal.next_phase(RenewalPhase.OPENING)
                self._actions.append(OpenSocket(renewal.epoch))
            case RenewalPhase.CONFIRMING:
                # Not refused in time, as with any request whose list does not come.
                self._hear_out(renewal, now)
            case RenewalPhase.DRAINING:
                if self._has_what_is_wanted(renewal, now):
                    self._take_over(renewal, now)
            case RenewalPhase.ECHOING:
                self._renewal = None
            case RenewalPhase.OPENING:
                pass  # the transport's own timeout ends it

    def _is_echo(self, renewal: Renewal, head: Head, raw: bytes) -> bool:
        """Whether the old socket has shown this already; while it is open, note what it shows."""
        if renewal.phase is RenewalPhase.ECHOING:
            return renewal.is_copy(head, raw)
        renewal.note(head, raw)
        return False

    def _successor_opened(self, renewal: Renewal, now: float) -> None:
        if renewal.phase is RenewalPhase.OPENING:
            renewal.opened_at = now
            self._subscribe_successor(renewal, now)

    def _subscribe_successor(self, renewal: Renewal, now: float) -> None:
        """Ask for what is wanted, and for the server's list, which confirms it."""
        if not self._subscriptions.is_wanted(self.scope):
            self._drop_successor()
            self._events.append(RenewalFailed(ConnectionFailedError("nothing is subscribed any more")))
            return
        renewal.items = self._subscriptions.request_items(self.scope)
        renewal.ticket = self._new_ticket()
        for request in (
            wire.Request(self._new_ticket(), renewal.items, self._config.wire_format),
            wire.Request(renewal.ticket, format=self._config.wire_format, method=wire.LIST_SUBSCRIPTIONS),
        ):
            renewal.limiter.record(now)
            self._actions.append(SendText(wire.encode_request(request), renewal.epoch))
        renewal.next_phase(RenewalPhase.CONFIRMING, now + _CONFIRM_TIMEOUT_S)

    def _receive_early(self, renewal: Renewal, raw: bytes, now: float) -> None:
        """A frame of the successor: data waits, an answer is looked at."""
        try:
            for item in split(raw):
                head = head_of(item)
                if head is not None and event_type_of(head.type) is not None:
                    renewal.hold(head, item)
                    continue
                control = wire.decode_control(item)
                if isinstance(control, wire.ErrorFrame):
                    self._renewal_failed(_error_of(control))
                    return
                if isinstance(control, wire.SubscriptionsFrame) and control.ticket == renewal.ticket:
                    self._hear_out(renewal, now)
        except DecodeError as exc:
            self._events.append(ErrorReported(exc))

    def _hear_out(self, renewal: Renewal, now: float) -> None:
        """The successor gets everything; wait until the old socket has said all that was under way."""
        if not self._has_what_is_wanted(renewal, now):
            return
        renewal.next_phase(RenewalPhase.DRAINING, now + _DRAIN_TIMEOUT_S)
        self._send_ping(now)
        renewal.pongs_due = self._pings_unanswered

    def _has_what_is_wanted(self, renewal: Renewal, now: float) -> bool:
        """Whether the subscription is still the one asked for; if not, it is asked for again."""
        if renewal.items == self._subscriptions.request_items(self.scope):
            return True
        delay = renewal.limiter.delay(now)
        if delay > 0:
            renewal.next_phase(RenewalPhase.CONFIRMING, now + delay)
        else:
            self._subscribe_successor(renewal, now)
        return False

    def _take_over(self, renewal: Renewal, now: float) -> None:
        if renewal.items != self._subscriptions.request_items(self.scope):
            # The old line died at the wrong moment; now the successor is asked as any socket is.
            self._subscriptions.resend(self.scope)
            self._send_at = now
        self._actions.append(CloseSocket(self._socket))
        self._socket = renewal.epoch
        self._message_limiter = renewal.limiter
        self._opened_at, self._heard_at = renewal.opened_at, now
        self._ping_at, self._pong_due = now + self._config.ping_interval_s, _NEVER
        self._pings_unanswered = 0
        self._answers_pings = False
        self._deaf_at = self._probe_due = _NEVER
        self._audit_ticket = None
        self.renewals += 1
        renewal.next_phase(RenewalPhase.ECHOING, now + _DRAIN_TIMEOUT_S)
        self._send_ping(now)
        renewal.pongs_due = self._pings_unanswered
        frames = tuple(renewal.take_missed())
        if frames:
            self._last_frame_at = now
            self._frames += len(frames)
            self._events.append(FramesReleased(frames))
        self._events.append(TokenRenewed())

    def _renewal_failed(self, error: QtUpbitError) -> None:
        self._drop_successor()
        self._events.append(ErrorReported(error))
        self._events.append(RenewalFailed(error))

    # --- sending -----------------------------------------------------------------------------------

    def _send_ping(self, now: float) -> None:
        self._actions.append(SendPing(self._socket))
        if self._answers_pings and not self._pings_unanswered:
            self._deaf_at = now + _DEAF_AFTER_S
        self._pings_unanswered += 1

    def _coalesce(self, now: float) -> float:
        """How long to gather wishes: longer once half of the minute's messages are used up."""
        limit = self._config.messages_per_minute
        if self._message_limiter.used(now, 60.0) < limit // 2:
            return self._config.coalesce_s
        return max(self._config.coalesce_s, min(2 * 60.0 / limit, _MAX_COALESCE_S))

    def _send(self, now: float) -> None:
        if not self._subscriptions.needs_request(self.scope):
            self._send_at = _NEVER
            if self._linger_until == _NEVER and not self._subscriptions.is_wanted(self.scope):
                self._linger_until = now + self._config.linger_s
            return
        delay = self._message_limiter.delay(now)
        if delay > 0:
            self._send_at = now + delay
            return
        self._send_at = _NEVER
        items = self._subscriptions.request_items(self.scope)
        request = wire.Request(self._new_ticket(), items, self._config.wire_format)
        self._emit_message(wire.encode_request(request), now)
        self._subscriptions.mark_sent(self.scope, now)
        self._events.append(RequestSent(self._subscriptions.running(self.scope)))
        self.requests_sent += 1
        self._audit_ticket = None  # an answer under way speaks of the set before
        self._forget_flow()
        self._watch()
        if self._state is ConnectionState.STALE:
            self._resync_due = now + _RESYNC_TIMEOUT_S
        elif self._state is ConnectionState.RESYNCING and self._subscriptions.owes_pictures(
            self.scope, known=True
        ):
            self._resync_due = now + self._config.silent_code_timeout_s
        interval = self._config.audit_interval_s
        self._audit_at = _NEVER if interval is None else now + interval
        if self._is_list_wanted:
            self._audit_at = now
        if not self._has_snapshots or (
            self._state is ConnectionState.RESYNCING and not self._subscriptions.owes_pictures(self.scope)
        ):
            # No first frame will come, so the server's own list is the only sign of life.
            self._audit_at = now
            self._confirm_at = now + _CONFIRM_TIMEOUT_S

    def _watch(self) -> None:
        """Look out for the first frames, or pictures, of what was asked for."""
        self._awaited = {}
        for key in self._subscriptions.awaited(self.scope):
            self._awaited.setdefault(Head(key.type, key.code), []).append(key)

    def _ask_for_list(self, now: float) -> None:
        interval = self._config.audit_interval_s
        if not self._may_ask_list or self._linger_until != _NEVER:
            self._audit_at = _NEVER if interval is None else now + interval
            return
        delay = self._message_limiter.delay(now)
        if delay > 0 or self._send_at != _NEVER:
            self._audit_at = max(now + delay, self._send_at if self._send_at != _NEVER else now) + 0.01
            return
        self._audit_ticket = self._new_ticket()
        # In the format in use: another would switch the live streams (protocol section 2.6).
        request = wire.Request(
            self._audit_ticket, format=self._config.wire_format, method=wire.LIST_SUBSCRIPTIONS
        )
        self._emit_message(wire.encode_request(request), now)
        self._audit_at = _NEVER if interval is None else now + interval

    def _emit_message(self, text: str, now: float) -> None:
        self._message_limiter.record(now)
        self._actions.append(SendText(text, self._socket))

    # --- receiving ---------------------------------------------------------------------------------

    def _saw_data(self, head: Head, raw: bytes, now: float) -> bool:
        """Look at an object of a stream; whether it is to be told."""
        self._frames += 1
        if self._renewal is not None and self._is_echo(self._renewal, head, raw):
            return False
        # What we asked for ourselves says nothing of the flow.
        if not frame_scan.is_snapshot(raw):
            self._flow_frames += 1
            if self._flow_frames > 1:
                step = now - self._flow_at - self._flow_interval
                self._flow_interval += step / min(self._flow_frames - 1, _MEAN_OVER)
            self._flow_at = now
        if self._state is not ConnectionState.LIVE:
            self._synced(now)
        self._last_frame_at = now
        if self._awaited:
            keys = self._awaited.get(head)
            if keys is not None:
                self._saw_awaited_frame(head, keys, raw, now)
        return True

    def _saw_awaited_frame(self, head: Head, keys: list[StreamKey], raw: bytes, now: float) -> None:
        try:
            event = decode(raw, head)
            rows = event.count_rows()
        except DecodeError:
            return  # reported by whoever reads the frame; the stream goes on owing a good one
        seen = event.stream_key
        if seen not in keys:
            return
        # A change says as much as a first picture. Books always have all rows, empty ones too (protocol
        # section 3.3): one with fewer than were asked for answers an earlier request.
        picture = rows >= self._subscriptions.rows_asked(self.scope, seen)
        if self._subscriptions.mark_live(self.scope, seen, picture=picture):
            self._events.append(StreamsLive((seen,)))
        if not self._subscriptions.is_awaited(self.scope, seen):
            keys.remove(seen)
            if not keys:
                del self._awaited[head]
        if picture and self._subscriptions.take_released(self.scope) and self._send_at == _NEVER:
            # Who wanted only this picture no longer counts: look whether the rest is what we asked for.
            self._send_at = now + self._coalesce(now)
            self._deadline_moved = True

    def _synced(self, now: float) -> None:
        self._resync_due = self._confirm_at = _NEVER
        if self._state not in (ConnectionState.RESYNCING, ConnectionState.STALE):
            return
        if self._gap_begin is not None:
            codes = self._subscriptions.codes(self.scope)
            self._events.append(GapDetected(codes, self._gap_begin, now))
            self._gap_begin = None
        self._was_synced = True
        self._error = None
        self._reported = ""
        self._refusals = 0
        if not self._has_snapshots:
            self._frames += 1  # the confirmation is this scope's sign of life
        self._step(ConnectionEventKind.SYNCED)

    def _receive_unusual(self, raw: bytes, now: float) -> list[tuple[Head, bytes]]:
        """Control frames, the list formats' arrays, and whatever else there is."""
        frames: list[tuple[Head, bytes]] = []
        epoch = self._socket
        bad, last = 0, None
        try:
            for item in split(raw):
                head = head_of(item)
                if head is not None and event_type_of(head.type) is not None:
                    if self._saw_data(head, item, now):
                        frames.append((head, item))
                    continue
                try:
                    self._receive_odd(head, item, now)
                except DecodeError as exc:
                    bad += 1
                    if bad <= _ERRORS_PER_FRAME:
                        self._events.append(ErrorReported(exc))
                    else:
                        last = exc
                if self._socket != epoch:
                    break  # an error frame ended this socket
        except DecodeError as exc:
            self._events.append(ErrorReported(exc))
        if last is not None:
            self._events.append(ErrorReported(last, bad - _ERRORS_PER_FRAME))
        return frames

    def _receive_odd(self, head: Head | None, item: bytes, now: float) -> None:
        control = wire.decode_control(item)
        if control is not None:
            self._receive_control(control, now)
        elif head is None:
            raise DecodeError("a frame without type", item)
        else:
            raise DecodeError(f"unknown type {head.type[:40]!r}", item)

    def _receive_control(self, control: wire.ControlFrame, now: float) -> None:
        if isinstance(control, wire.ErrorFrame):
            self._receive_error(control, now)
        elif isinstance(control, wire.SubscriptionsFrame):
            self._receive_list(control, now)

    def _receive_error(self, frame: wire.ErrorFrame, now: float) -> None:
        """The server closes about 0.2 s after an error; there is nothing to wait for."""
        error = _error_of(frame)
        if isinstance(error, AuthenticationError):
            self._lose(now, error)
            return
        if frame.name in _TOO_MANY:
            self._lose(now, error)
            return
        refused = self._subscriptions.quarantine_newcomers(self.scope, now)
        if refused:
            owners = self._subscriptions.owners_left_out(refused)
            self._events.append(StreamsRefused(refused, error, owners))
        elif self._audit_ticket is not None and self._may_ask_list:
            self._may_ask_list = False  # it was our question that was not understood
        else:
            self._refusals += 1
        self._lose(now, error)

    def _receive_list(self, frame: wire.SubscriptionsFrame, now: float) -> None:
        if frame.ticket != self._audit_ticket:
            return
        self._audit_ticket = None
        self._is_list_wanted = False
        listed = (key for entry in frame.result for key, _ in listed_streams(entry))
        self._events.append(StreamsListed(frozenset(listed)))
        missing, surplus = self._subscriptions.audit(self.scope, frame.result)
        differences = frozenset(missing | surplus)
        if self._send_at != _NEVER:
            return  # another request is about to go out anyway, and its own audit follows
        if differences and differences != self._healed and self._subscriptions.is_wanted(self.scope):
            # Once for the same difference: a server that insists is not argued with for ever.
            self._healed = differences
            names = ", ".join(sorted(map(str, differences)))[:120]
            self._events.append(ErrorReported(ServerError("SUBSCRIPTION_MISMATCH", f"resent for {names}")))
            self._subscriptions.resend(self.scope)
            self._send_at = now
            self.tick(now)
            return
        if not differences:
            self._healed = None
        self._confirm(now, missing)

    def _confirm(self, now: float, missing: Collection[StreamKey]) -> None:
        """The request was accepted: the server lists it, or at least did not refuse it in time."""
        self._confirm_at = _NEVER
        if not self._has_snapshots:
            live = tuple(
                key
                for key in sorted(self._subscriptions.awaited(self.scope))
                if key not in missing and self._subscriptions.mark_live(self.scope, key)
            )
            if live:
                self._events.append(StreamsLive(live))
            self._watch()
        elif self._state is not ConnectionState.RESYNCING or self._subscriptions.owes_pictures(self.scope):
            return  # on the public scope data tells, where data is due
        self._synced(now)

    # --- silence -----------------------------------------------------------------------------------

    def _silence_due(self) -> float:
        """When silence becomes suspicious: public only, and measured against what had been flowing.

        The private socket is silent by nature. A public one is judged by all its markets together:
        one quiet pair says nothing, and if only quiet pairs are subscribed the mean interval is long.
        """
        if (
            not self._has_snapshots
            or self._state is not ConnectionState.LIVE
            or self._linger_until != _NEVER
            or self._flow_frames < _MIN_FRAMES_TO_JUDGE
        ):
            return _NEVER
        last = self._flow_at if self._last_frame_at is None else self._last_frame_at
        return max(last, self._awake_since) + self._patience * max(
            self._config.silence_timeout_s, _SILENCE_FACTOR * self._flow_interval
        )

    def _go_stale(self, now: float) -> None:
        """Ask again before giving up: a resent subscription must bring snapshots."""
        self._gap_begin = self._last_frame_at
        # If the market simply was quiet, asking again every few seconds would be noise.
        self._patience *= 2.0
        self._step(ConnectionEventKind.SILENT)
        self._subscriptions.resend(self.scope)
        self._send_at = now

    def _next_silent_code(self) -> float:
        if not self.is_open:
            return _NEVER
        due = self._subscriptions.next_silence(self.scope, self._config.silent_code_timeout_s)
        return _NEVER if due is None else due

    def _report_silent_codes(self, now: float) -> None:
        timeout = self._config.silent_code_timeout_s
        silent = self._subscriptions.take_silent(self.scope, now, timeout)
        if silent:
            self._events.append(StreamsSilent(silent, timeout))


def _error_of(frame: wire.ErrorFrame) -> AuthenticationError | ServerError:
    if frame.name == "INVALID_AUTH":
        return AuthenticationError(frame.name)
    return ServerError(frame.name, frame.message)


def _asked_to_wait(error: QtUpbitError) -> float:
    """Seconds the server asked us to stay away."""
    wait = 0.0
    if isinstance(error, ServerError):
        wait = _TOO_MANY.get(error.name, 0.0)
    elif isinstance(error, ConnectionFailedError):
        asked = error.retry_after_s
        wait = {429: 1.0, 418: _BLOCKED_DEFAULT_S}.get(error.status or 0, 0.0) if asked is None else asked
    return min(max(wait, 0.0), _BLOCKED_MAX_S) if not math.isnan(wait) else 0.0
