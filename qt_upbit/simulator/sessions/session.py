"""`Session`: one socket as the exchange sees it, and the `Stream`s it has requested."""

from __future__ import annotations

import functools
import typing
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from qt_upbit.protocol.wire import BOOK_DEPTHS, DEFAULT_BOOK_DEPTH, RequestItem
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.sessions.rate_window import RateWindow
from qt_upbit.types import (
    ALL_CODES,
    BaseWebSocketEvent,
    EventSpec,
    IndicatorDefinition,
    OrderbookEvent,
    Scope,
    WireFormat,
    spec_of,
)
from qt_upbit.types.registry import plain_value

__all__ = ["Close", "Message", "Output", "Raw", "Session", "Stall", "Stream", "streams_of"]


class Close(NamedTuple):
    """The exchange closes a socket.

    Attributes:
        code: WebSocket close code; None cuts the connection without a close frame.
        reason: for test logs, never sent.
    """

    code: int | None
    reason: str


class Raw(NamedTuple):
    """Raw bytes for the connection: frames that a well-behaved server would not send."""

    data: bytes


class Stall(NamedTuple):
    """The last bytes before the connection delivers nothing more."""

    data: bytes


_MESSAGES_KEPT: Final = 1_000

Output = bytes | Raw | Stall | Close
"""A frame's payload, or another action on the connection, in order."""


class Message(NamedTuple):
    """What a client sent.

    Attributes:
        raw: as received.
        time: of arrival, on the exchange's clock.
    """

    raw: str | bytes
    time: float


@dataclass(slots=True, eq=False)
class Stream:
    """One type and code of a subscription.

    Attributes:
        spec: of its type.
        wire_type: Upbit's type.
        code: without suffix; empty for types without codes, and for all codes.
        depth: rows of a book.
        level: price grouping of a book, 0 for none; -1 for one that is not a number.
        snapshot: a first snapshot is due.
        realtime: changes are sent once the first snapshot was sent.
        item: the object of the request.
        wanted: values of the spec's ``stream_fields`` that events must have; None matches any.
        options: of the request, in the form that the spec's ``accepts`` takes.
        hidden: fields that are sent only on request, as ``include_body`` requests ``body``.
        live: changes are being sent.
    """

    spec: EventSpec
    wire_type: str
    code: str
    depth: int
    level: Decimal
    snapshot: bool
    realtime: bool
    item: RequestItem
    wanted: tuple[Hashable, ...]
    options: Mapping[str, Any]
    hidden: tuple[str, ...] = ()
    live: bool = False

    @property
    def variant(self) -> tuple[Hashable, ...]:
        """What distinguishes this stream from others of the same request."""
        return self.wire_type, self.code, self.depth, *self.wanted

    def view(self, event: BaseWebSocketEvent) -> BaseWebSocketEvent | None:
        """The event as this stream shows it; None if it does not match."""
        if self.wanted and not all(
            want is None or want == have for want, have in zip(self.wanted, event.variant, strict=True)
        ):
            return None
        if self.options and not self.spec.accepts(event, self.options):
            return None
        if self.spec.has_depth and isinstance(event, OrderbookEvent):
            return event.truncated(self.depth)
        return msgspec.structs.replace(event, **dict.fromkeys(self.hidden)) if self.hidden else event


_INCLUDE: Final = "include_"


def streams_of(item: RequestItem, both_flags: str) -> list[Stream]:
    """The streams that one object of a request stands for.

    Raises:
        LookupError: its type is not declared.
    """
    spec = spec_of(item.type)
    if spec is None:
        raise LookupError(item.type)
    snapshot, realtime = not item.is_only_realtime, not item.is_only_snapshot
    if item.is_only_realtime and item.is_only_snapshot:
        snapshot, realtime = both_flags in ("snapshot", "both"), both_flags in ("realtime", "both")
    wanted = tuple(_wanted(spec, name, item.options) for name in spec.stream_fields)
    options = {name: _readable(name, value) for name, value in item.options.items()}
    level = _level(item.options.get("level", 0))
    hidden = tuple(
        name.removeprefix(_INCLUDE)
        for name in spec.option_names
        if name.startswith(_INCLUDE) and not item.options.get(name)
    )
    streams = []
    for code in item.codes or (ALL_CODES,):
        name, _, suffix = code.partition(".")
        depth = DEFAULT_BOOK_DEPTH
        if suffix and spec.has_depth:
            # An unsupported number of rows is not an error: it means all of them (protocol section 2.4).
            depth = int(suffix) if suffix.isdecimal() and int(suffix) in BOOK_DEPTHS else DEFAULT_BOOK_DEPTH
        elif suffix:
            name = code
        streams.append(
            Stream(spec, item.type, name, depth, level, snapshot, realtime, item, wanted, options, hidden)
        )
    return streams


def _level(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return Decimal(-1)


def _wanted(spec: EventSpec, name: str, options: Mapping[str, Any]) -> Hashable:
    """The requested value of a stream field: the option of that name, or the field's default."""
    default, hint = _stream_fields(spec.event_class)[name]
    if name not in options:
        return None if default is msgspec.NODEFAULT else plain_value(default)
    try:
        return plain_value(msgspec.convert(options[name], hint, strict=False))
    except msgspec.ValidationError:
        return repr(options[name])  # no event has it


@functools.cache
def _stream_fields(cls: type[BaseWebSocketEvent]) -> dict[str, tuple[Any, Any]]:
    """Default and type of each field."""
    hints = typing.get_type_hints(cls)
    return {field.name: (field.default, hints[field.name]) for field in msgspec.structs.fields(cls)}


def _readable(name: str, value: Any) -> Any:
    """An option's value in the form that the spec's ``accepts`` takes."""
    if value == []:
        return None  # as if it were not there
    if name != "indicators" or not isinstance(value, list):
        return value
    given = [{"params": {}} | each if isinstance(each, dict) else each for each in value]
    try:
        return msgspec.convert(given, tuple[IndicatorDefinition, ...], strict=False)
    except msgspec.ValidationError:
        return ()  # not parameters of an indicator: nothing is computed


@dataclass(slots=True, eq=False)
class Session:
    """One socket.

    Attributes:
        number: 1 for the first session of the exchange.
        scope: its endpoint.
        created: when it was opened.
        format: of the frames it is sent.
        subscription: its last request.
        ticket: of that request.
        messages: what it sent, the last thousand.
        streams: that it is served.
        account: whose private frames it is sent; None on the public endpoint.
        closing: an error was sent or the connection is being closed; nothing else is sent.
        silent: the exchange sends and answers nothing on this connection.
        unresponsive: the exchange reads nothing more from this connection.
        heartbeat: status UP is sent periodically.
        sent: frames handed to the socket so far.
    """

    number: int
    scope: Scope
    created: float
    heartbeat_phase: float
    second: RateWindow
    minute: RateWindow
    on_output: Callable[[Session], None]
    account: Account | None = None
    format: WireFormat = WireFormat.DEFAULT
    subscription: tuple[RequestItem, ...] = ()
    ticket: str = ""
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=_MESSAGES_KEPT))
    streams: dict[tuple[str, str], list[Stream]] = field(default_factory=dict)
    generation: int = 0
    last_activity: float = 0.0
    closing: bool = False
    closed: bool = False
    silent: bool = False
    unresponsive: bool = False
    heartbeat: bool = False
    sent: int = 0
    outbox: deque[Output] = field(default_factory=deque)
    batch: list[bytes] = field(default_factory=list)

    def put(self, output: Output) -> None:
        """Queue an output for the socket."""
        if self.closed or self.silent:
            return
        if isinstance(output, Close):
            self.closing = True
        elif not isinstance(output, Stall):
            self.sent += 1
        self.outbox.append(output)
        self.on_output(self)

    def silence(self) -> None:
        """Send and answer nothing more; unsent output is dropped."""
        self.silent = True
        self.outbox.clear()

    def take(self) -> list[Output]:
        """Return what is to be sent, in order, and empty the outbox."""
        result = list(self.outbox)
        self.outbox.clear()
        return result
