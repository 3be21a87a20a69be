"""The faults of the simulated exchange: one declaration for each.

    server.faults.inject(Reset(scope=Scope.PUBLIC))
    server.faults.inject(Garbage(times=20))

A fault is declared by its class alone: its fields are what the control API and the command line take, its
docstring is what they show, and its method is what it does (`qt_upbit.simulator.faults.control`). Four kinds:

* `ConnectionFault`: breaks open sockets at once;
* `FrameFault`: disturbs a number of coming data frames;
* `HandshakeFault`: disturbs coming connections;
* `ExchangeFault`: changes the exchange's behaviour, until it ends or is cleared.

Upbit's documented misbehaviour is in protocol sections 4, 5 and 10; the rest is what any
network or server may do.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from qt_upbit.frame_scan import Head
from qt_upbit.frame_scan import head_of as scan_head
from qt_upbit.simulator.faults.ws_frames import binary_frame, ping_frame
from qt_upbit.simulator.sessions.session import Close as CloseOutput
from qt_upbit.simulator.sessions.session import Raw, Session
from qt_upbit.simulator.sessions.session import Stall as StallOutput
from qt_upbit.types import Scope, spec_of
from qt_upbit.types.wire_struct import simple_key_of

__all__ = [
    "ERROR_FRAMES",
    "FAULTS",
    "BrokenFrame",
    "ClockSkew",
    "Close",
    "CompressionBomb",
    "Connection",
    "ConnectionFault",
    "Cut",
    "Delist",
    "DropStreams",
    "Duplicate",
    "ErrorFrame",
    "Exchange",
    "ExchangeFault",
    "Fault",
    "Fragment",
    "FrameFault",
    "Garbage",
    "HandshakeFault",
    "Huge",
    "LateFrames",
    "LostFrames",
    "Maintenance",
    "Microseconds",
    "MissingFields",
    "NewListing",
    "NotListening",
    "OddFields",
    "RefuseHandshakes",
    "Reorder",
    "Reset",
    "Silence",
    "SlowHandshakes",
    "Stall",
    "StopReading",
    "Truncated",
    "UnknownFields",
    "UnknownType",
    "WrongTypes",
]

Output = bytes | Raw
"""A JSON object for the session's format, or raw bytes for the connection."""

_MEBIBYTE: Final = 1 << 20

ERROR_FRAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "INVALID_AUTH": "인증 정보가 올바르지 않습니다.",
        "WRONG_FORMAT": "Format 이 맞지 않습니다.",
        "NO_TICKET": "티켓이 존재하지 않거나, 유효하지 않습니다.",
        "NO_TYPE": "타입이 존재하지 않습니다.",
        "NO_CODES": "코드가 존재하지 않습니다.",
        "INVALID_PARAM": "nope 은 지원하지 않는 타입입니다.",
        "Too Many Requests": "요청 수 제한을 초과했습니다.",
        "TOO_MANY_REQUEST": "요청 가능한 조합 수를 초과했습니다.",
        "I'm a teapot": "차단되었습니다.",
    }
)
"""Every error that a socket can receive, with a message (protocol section 4)."""


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag=_tag):
    """A fault to inject. Every field has a default, so that the name alone is enough."""

    @classmethod
    def name(cls) -> str:
        """``compression_bomb`` for `CompressionBomb`."""
        return _tag(cls.__name__)


# --- connections ----------------------------------------------------------------------------------------


class Connection(Protocol):
    """An open socket as faults see it."""

    session: Session

    def reset(self) -> None:
        """Reset the TCP connection."""

    def stop_reading(self) -> None:
        """Read nothing more: requests, pings and close frames wait forever."""

    def send_error(self, name: str, message: str) -> None:
        """Send an error frame and close, as Upbit does."""


class ConnectionFault(Fault):
    """Breaks open sockets at once.

    Attributes:
        scope: the endpoint; None is all.
    """

    scope: Scope | None = None

    def strike(self, connection: Connection) -> None:
        """Break one socket."""
        raise NotImplementedError


class Close(ConnectionFault):
    """A clean close, with a code.

    Attributes:
        code: 1000 to 4999.
    """

    code: int = 1000

    def strike(self, connection: Connection) -> None:
        connection.session.put(CloseOutput(self.code, "fault"))


class Cut(ConnectionFault):
    """The connection ends without a close frame, as Upbit does with idle sockets."""

    def strike(self, connection: Connection) -> None:
        connection.session.put(CloseOutput(None, "fault"))


class Reset(ConnectionFault):
    """A TCP reset: data in flight is lost."""

    def strike(self, connection: Connection) -> None:
        connection.reset()


class Silence(ConnectionFault):
    """Half-open: the peer sends and answers nothing more, but the connection stays open."""

    def strike(self, connection: Connection) -> None:
        connection.session.silence()


class StopReading(ConnectionFault):
    """The peer stops reading but continues to send."""

    def strike(self, connection: Connection) -> None:
        connection.stop_reading()


class Stall(ConnectionFault):
    """The peer stops sending in the middle of a frame."""

    def strike(self, connection: Connection) -> None:
        whole = binary_frame(b'{"type":"ticker","code":"KRW-BTC","trade_price":1')
        connection.session.put(StallOutput(whole[:-10]))


class ErrorFrame(ConnectionFault):
    """An error frame, and the close that follows it.

    Attributes:
        error: Upbit's error name, a key of `ERROR_FRAMES`.
    """

    error: str = "Too Many Requests"

    def __post_init__(self) -> None:
        if self.error not in ERROR_FRAMES:
            raise ValueError(f"error: must be one of {', '.join(ERROR_FRAMES)}")

    def strike(self, connection: Connection) -> None:
        connection.send_error(self.error, ERROR_FRAMES[self.error])


# --- frames ---------------------------------------------------------------------------------------


class FrameFault(Fault):
    """Disturbs coming data frames.

    Attributes:
        scope: the endpoint.
        type: only frames of this wire type; empty is any.
        code: only frames of this code; empty is any.
        times: number of frames.
    """

    scope: Scope = Scope.PUBLIC
    type: str = ""
    code: str = ""
    times: int = 1

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError("times: must be at least 1")

    def concerns(self, session: Session, head: Head) -> bool:
        """Whether the fault applies to this frame."""
        return session.scope is self.scope and self.type in ("", head.type) and self.code in ("", head.code)

    def concerns_frame(self, frame: bytes, head: Head) -> bool:
        """Whether it applies to this frame by its content; asked after `concerns`."""
        return True

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        """What is sent in place of a frame, in order."""
        raise NotImplementedError

    def delay_s(self) -> float:
        """How long the frame is delayed."""
        return 0.0


class BrokenFrame(FrameFault):
    """Sends broken frames beside the good ones.

    Attributes:
        place: the broken one comes ``before`` the good one, ``after`` it, or ``instead``.
    """

    place: str = "before"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.place not in ("before", "after", "instead"):
            raise ValueError("place: must be before, after or instead")

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        broken = self.broken(frame, head, rng)
        return {"before": (broken, frame), "after": (frame, broken), "instead": (broken,)}[self.place]

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        """A broken frame made from a good one."""
        raise NotImplementedError


class Garbage(BrokenFrame):
    """Text that is not JSON."""

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        return bytes(rng.choices(b'{}[]",:0123456789abcdefnul\\ <>/', k=rng.randrange(1, 120)))


class Truncated(BrokenFrame):
    """JSON that is cut off."""

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        return frame[: rng.randrange(1, len(frame))]


class WrongTypes(BrokenFrame):
    """A number where an object belongs, and the like."""

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        payload = msgspec.json.decode(frame)
        payload[_a_required_key(payload, head, rng)] = {"no": "scalar"}
        return msgspec.json.encode(payload)


class MissingFields(BrokenFrame):
    """A required field of the type is missing."""

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        payload = msgspec.json.decode(frame)
        del payload[_a_required_key(payload, head, rng)]
        return msgspec.json.encode(payload)


class OddFields(FrameFault):
    """Fields that an event can do without are null, missing or of an odd type.

    Attributes:
        field: its DEFAULT name; empty is all of them.
        value: ``null``, ``missing`` or ``object``.
    """

    field: str = ""
    value: str = "null"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value not in ("null", "missing", "object"):
            raise ValueError("value: must be null, missing or object")

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        payload = msgspec.json.decode(frame, type=dict[str, msgspec.Raw])
        spec = spec_of(head.type)
        wanted = {self.field, "" if spec is None else simple_key_of(spec.event_class, self.field)}
        for key in _keys(payload, head, are_vital=False):
            if self.field and key not in wanted:
                continue
            if self.value == "missing":
                del payload[key]
            else:
                payload[key] = msgspec.Raw(b"null" if self.value == "null" else b'{"odd":1}')
        return (msgspec.json.encode(payload),)


class UnknownType(BrokenFrame):
    """An unknown event type."""

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        return b'{"type":"futures_funding","code":"KRW-BTC","rate":0.0001,"stream_type":"REALTIME"}'


class Huge(BrokenFrame):
    """A frame above every size limit.

    Attributes:
        mebibytes: its size.
    """

    mebibytes: int = 5

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        filling = b" " * (self.mebibytes * _MEBIBYTE)
        return Raw(binary_frame(b'{"type":"ticker","code":"KRW-BTC"' + filling + b"}"))


class CompressionBomb(BrokenFrame):
    """A small frame that inflates to a huge one (a violation of the protocol without compression).

    Attributes:
        mebibytes: its inflated size.
    """

    mebibytes: int = 512

    def broken(self, frame: bytes, head: Head, rng: random.Random) -> Output:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = b" " * _MEBIBYTE
        parts = [deflate.compress(block) for _ in range(self.mebibytes)]
        data = b"".join(parts) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return Raw(binary_frame(data.removesuffix(b"\x00\x00\xff\xff"), compressed=True))


class UnknownFields(FrameFault):
    """Unknown fields in an otherwise good frame."""

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        return (frame[:-1] + b',"new_in_2027":{"a":[1,"\\u00e9",null]},"x":1e-9}',)


class Microseconds(FrameFault):
    """Timestamps in microseconds, as seen once in 2023 (protocol section 10)."""

    type: str = "orderbook"

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        return (re.sub(rb'("(?:timestamp|tms)":\d{13})(?=[,}])', rb"\g<1>000", frame),)


class Duplicate(FrameFault):
    """The same frame twice."""

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        return (frame, frame)


class Reorder(FrameFault):
    """Frames delivered out of order, as trades are in real recordings (protocol section 10).

    Attributes:
        seconds: how long they are delayed.
    """

    type: str = "trade"
    seconds: float = 0.05

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        return (frame,)

    def delay_s(self) -> float:
        return self.seconds


class LostFrames(FrameFault):
    """Frames that never arrive, on a connection that is healthy otherwise.

    Attributes:
        containing: only frames with this text, for example ``"state":"done"``; empty is any.
        share: which part of them is lost, at random; the others arrive.
    """

    scope: Scope = Scope.PRIVATE
    containing: str = ""
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise ValueError("share: must be above 0 and at most 1")

    def concerns_frame(self, frame: bytes, head: Head) -> bool:
        return self.containing.encode() in frame

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        return () if rng.random() < self.share else (frame,)


class Fragment(FrameFault):
    """One message over several WebSocket frames, with a ping between them.

    Attributes:
        parts: number of frames.
    """

    parts: int = 3

    def strike(self, frame: bytes, head: Head, rng: random.Random) -> Sequence[Output]:
        step = max(len(frame) // max(self.parts, 2), 1)
        pieces = [frame[i : i + step] for i in range(0, len(frame), step)]
        last = len(pieces) - 1
        wire = ping_frame(b"between").join(
            binary_frame(piece, first=i == 0, last=i == last) for i, piece in enumerate(pieces)
        )
        return (Raw(wire),)


def _a_required_key(payload: Mapping[str, object], head: Head, rng: random.Random) -> str:
    """A key of the payload that is vital to the event."""
    return rng.choice(_keys(payload, head, are_vital=True))


def _keys(payload: Mapping[str, object], head: Head, *, are_vital: bool) -> list[str]:
    """The keys of a payload that are vital to the event, or those that are not."""
    spec = spec_of(head.type)
    assert spec is not None  # noqa: S101  # the exchange sends no others
    return [
        key
        for name in spec.event_class.__struct_fields__
        if (name in spec.vital) is are_vital and name not in ("type", "code", "units_json", "stream_type")
        for key in (name, simple_key_of(spec.event_class, name))
        if key in payload
    ]


# --- handshakes -----------------------------------------------------------------------------------


class HandshakeFault(Fault):
    """Disturbs coming connections.

    Attributes:
        scope: the endpoint; None is all.
        times: number of handshakes; None is all until it is cleared.
    """

    scope: Scope | None = None
    times: int | None = 1


class RefuseHandshakes(HandshakeFault):
    """An HTTP error instead of a socket.

    Attributes:
        status: 401, 418, 429, 500 and so on.
        retry_after_s: in the answer's header; None leaves it out.
        error: Upbit's error name; empty is the status.
    """

    status: int = 503
    retry_after_s: int | None = None
    error: str = ""


class SlowHandshakes(HandshakeFault):
    """A slow answer.

    Attributes:
        seconds: how long.
    """

    seconds: float = 3.0


# --- the exchange ---------------------------------------------------------------------------------


class Exchange(Protocol):
    """The simulated exchange as faults see it."""

    is_reachable: bool

    def set_offline(self, offline: bool) -> None:
        """Begin or end maintenance."""

    def skew_clock(self, seconds: float) -> None:
        """Move its clock forward."""

    def delist(self, code: str) -> None:
        """Delist a pair."""

    def list_pair(self, code: str) -> None:
        """List a pair."""

    def drop_streams(self, scope: Scope, share: float, listed: bool) -> None:
        """Silently serve only part of what was requested."""

    def set_late_frames(self, number: int | None, seconds: float) -> None:
        """How many frames of the old subscription follow a replacement, and when."""


class ExchangeFault(Fault):
    """Changes the exchange's behaviour.

    Attributes:
        for_s: how long; None is until it is cleared. Faults that cannot be undone ignore it.
    """

    for_s: float | None = None

    def begin(self, exchange: Exchange) -> None:
        """Make the change."""
        raise NotImplementedError

    def end(self, exchange: Exchange) -> None:
        """Undo the change."""


class NotListening(ExchangeFault):
    """New connections are refused by the system, because the server does not listen. Open ones stay."""

    for_s: float | None = 3.0

    def begin(self, exchange: Exchange) -> None:
        exchange.is_reachable = False

    def end(self, exchange: Exchange) -> None:
        exchange.is_reachable = True


class Maintenance(ExchangeFault):
    """REST answers ``market_offline`` and the sockets silently stop delivering (protocol section 10)."""

    for_s: float | None = 10.0

    def begin(self, exchange: Exchange) -> None:
        exchange.set_offline(True)

    def end(self, exchange: Exchange) -> None:
        exchange.set_offline(False)


class ClockSkew(ExchangeFault):
    """The exchange's clock jumps ahead; it never goes back.

    Attributes:
        seconds: how far.
    """

    seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise ValueError(
                "seconds: must not be negative; to test an earlier time, start the server with it"
            )

    def begin(self, exchange: Exchange) -> None:
        exchange.skew_clock(self.seconds)


class Delist(ExchangeFault):
    """A pair is no longer traded: one last ticker says so, then nothing (protocol section 4, [?]).

    Attributes:
        code: the pair.
    """

    code: str = "KRW-DOGE"

    def begin(self, exchange: Exchange) -> None:
        exchange.delist(self.code)


class NewListing(ExchangeFault):
    """A pair that was delisted, or never listed, is traded.

    Attributes:
        code: the pair.
    """

    code: str = "KRW-DOGE"

    def begin(self, exchange: Exchange) -> None:
        exchange.list_pair(self.code)


class DropStreams(ExchangeFault):
    """The exchange silently serves only part of what was requested.

    Attributes:
        scope: the endpoint.
        share: fraction of the streams to drop, between 0 and 1.
        listed: LIST_SUBSCRIPTIONS still names them.
    """

    scope: Scope = Scope.PUBLIC
    share: float = 0.5
    listed: bool = False

    def begin(self, exchange: Exchange) -> None:
        exchange.drop_streams(self.scope, self.share, self.listed)


class LateFrames(ExchangeFault):
    """Frames of the old subscription arrive after it was replaced (protocol section 2.5).

    Attributes:
        number: after each replacement.
        seconds: how long after it.
    """

    for_s: float | None = None
    number: int = 2
    seconds: float = 0.0

    def begin(self, exchange: Exchange) -> None:
        exchange.set_late_frames(self.number, self.seconds)

    def end(self, exchange: Exchange) -> None:
        exchange.set_late_frames(None, 0.0)


def _leaves(cls: type[Fault]) -> list[type[Fault]]:
    below = cls.__subclasses__()
    return [leaf for child in below for leaf in _leaves(child)] if below else [cls]


FAULTS: Final[Mapping[str, type[Fault]]] = MappingProxyType({cls.name(): cls for cls in _leaves(Fault)})
"""Every fault by name."""


def head_of(frame: bytes) -> Head:
    """The type and code of an object that the exchange sends."""
    head = scan_head(frame)
    assert head is not None  # noqa: S101  # the exchange sends no others
    return head
