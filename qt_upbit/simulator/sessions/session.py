"""`Session`: one socket as the exchange sees it, and the `Stream`s it has asked for."""

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
    """The exchange ends a socket.

    Attributes:
        code: WebSocket close code; None cuts the line without a close frame.
        reason: for logs of tests, never sent.
    """

    code: int | None
    reason: str


class Raw(NamedTuple):
    """Bytes for the line as they are: frames that a well-behaved server would not make."""

    data: bytes


class Stall(NamedTuple):
    """The last bytes of a line that falls silent."""

    data: bytes


Output = bytes | Raw | Stall | Close
"""A frame's payload, or something else that happens on the line, in order."""


class Message(NamedTuple):
    """What a client sent.

    Attributes:
        raw: as it came.
        time: when, on the exchange's clock.
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
        level: price grouping of a book, 0 for none; -1 of one that is not a number.
        snapshot: a first snapshot is due.
        realtime: changes are sent once the first snapshot is out.
        item: the request's object.
        wanted: values of the spec's ``stream_fields`` that events must have; None of one is any.
        options: of the request, as the spec's ``accepts`` takes them.
        hidden: fields that are sent only to who asks for them, as ``include_body`` asks for ``body``.
        live: changes are sent now.
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
        """What makes this stream different from others of the same request."""
        return self.wire_type, self.code, self.depth, *self.wanted

    def view(self, event: BaseWebSocketEvent) -> BaseWebSocketEvent | None:
        """The event as this stream shows it; None if it does not belong here."""
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
        LookupError: nobody has declared its type.
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
            # An unsupported number of rows is no error, it means all of them (protocol section 2.4).
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
    """The value of a stream field that was asked for: the option of that name, or the field's default."""
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
    """An option's value as the spec's ``accepts`` takes it."""
    if value == []:
        return None  # as if it were not there
    if name != "indicators" or not isinstance(value, list):
        return value
    given = [{"params": {}} | each if isinstance(each, dict) else each for each in value]
    try:
        return msgspec.convert(given, tuple[IndicatorDefinition, ...], strict=False)
    except msgspec.ValidationError:
        return ()  # parameters that no indicator has: nothing is computed


@dataclass(slots=True, eq=False)
class Session:
    """One socket.

    Attributes:
        number: 1 for the first one of the exchange.
        scope: its endpoint.
        created: when it was opened.
        format: of the frames it gets.
        subscription: what it asked for last.
        ticket: of that request.
        messages: every message it sent.
        streams: what it is served.
        account: whose private frames it gets; None on the public endpoint.
        closing: an error was sent or the line is being ended; nothing else is sent.
        silent: the exchange plays dead on this line.
        unresponsive: the exchange takes nothing more from this line.
        heartbeat: status UP is sent.
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
    messages: list[Message] = field(default_factory=list)
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
        """Leave something for the socket."""
        if self.closed or self.silent:
            return
        if isinstance(output, Close):
            self.closing = True
        elif not isinstance(output, Stall):
            self.sent += 1
        self.outbox.append(output)
        self.on_output(self)

    def silence(self) -> None:
        """Play dead from now on; what was not sent yet never will be."""
        self.silent = True
        self.outbox.clear()

    def take(self) -> list[Output]:
        """What is to be sent, in order; empties the outbox."""
        result = list(self.outbox)
        self.outbox.clear()
        return result
