"""What a connection wants done and has to report: actions for the socket, events for the application.

Two parts of a connection speak at the same time, the present socket and the successor of a renewal, so both
write to one `ConnectionOutputs`, in order.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from qt_upbit.exceptions import QtUpbitError, ServerError
from qt_upbit.frame_scan import Head
from qt_upbit.types import ConnectionState, StreamKey

__all__ = [
    "Action",
    "CloseSocket",
    "ConnectionEvent",
    "ConnectionOutputs",
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
]

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
"""What the transport is to do."""


# --- what to report -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The health of the scope changed."""

    old: ConnectionState
    new: ConnectionState


@dataclass(frozen=True, slots=True)
class GapDetected:
    """Nothing was received between two moments of the monotonic clock, although it was wanted.

    Attributes:
        codes: of the scope's streams.
        begin: until when the connection was well: the last live frame, or the sending of the last ping that
            was answered.
        end: when it was well again.
        first: the object that ended the gap, if one did; its stamp tells the exchange's time.
    """

    codes: tuple[str, ...]
    begin: float
    end: float
    first: tuple[Head, bytes] | None = field(default=None, compare=False)


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
    """Streams whose first frame is awaited and did not come in time."""

    keys: tuple[StreamKey, ...]
    waited_s: float


@dataclass(frozen=True, slots=True)
class StreamsRefused:
    """Streams left out because the server refused the request that brought them.

    Attributes:
        keys: the streams.
        error: the refusal; an `ErrorReported` follows.
        owners: whose requests were left out; others may go on with the same streams.
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
    """The successor's socket took over: a new token, no event lost or reported twice."""


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
"""What happened, for the owner of the connection to report."""


class ConnectionOutputs:
    """Actions and events that wait to be taken, each in order."""

    __slots__ = ("_actions", "_events")

    def __init__(self) -> None:
        self._actions: list[Action] = []
        self._events: list[ConnectionEvent] = []

    def __bool__(self) -> bool:
        return bool(self._actions or self._events)

    def do(self, action: Action) -> None:
        """Want something done with a socket."""
        self._actions.append(action)

    def report(self, event: ConnectionEvent) -> None:
        """Have something to report."""
        self._events.append(event)

    def take_actions(self) -> list[Action]:
        """What to do, in order; forgotten here."""
        if not self._actions:
            return []
        actions, self._actions = self._actions, []
        return actions

    def take_events(self) -> list[ConnectionEvent]:
        """What to report, in order; forgotten here."""
        if not self._events:
            return []
        events, self._events = self._events, []
        return events
