"""`Session`: one socket as the exchange sees it, and the `Stream`s it has asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from qt_upbit.protocol.wire import BOOK_DEPTHS, DEFAULT_BOOK_DEPTH, RequestItem
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.sessions.rate_window import RateWindow
from qt_upbit.types import (
    AnnouncementEvent,
    BaseWebSocketEvent,
    IndicatorEvent,
    IndicatorSignalEvent,
    OrderbookEvent,
    Scope,
    WireFormat,
)

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
        wire_type: Upbit's type.
        code: without suffix; empty for types without codes, and for all codes.
        depth: rows of a book.
        level: price grouping of a book.
        snapshot: a first picture is due.
        realtime: changes are sent once the first picture is out.
        live: changes are sent now.
        item: the request's object.
    """

    wire_type: str
    code: str
    depth: int
    level: Decimal
    snapshot: bool
    realtime: bool
    item: RequestItem
    live: bool = False

    @property
    def variant(self) -> tuple[str, str, int, Decimal]:
        """What makes this stream different from others of the same request."""
        return self.wire_type, self.code, self.depth, self.level

    def view(self, event: BaseWebSocketEvent) -> BaseWebSocketEvent | None:
        """The event as this stream shows it; None if it does not belong here."""
        if isinstance(event, OrderbookEvent):
            return event.truncated(self.depth) if event.level == self.level else None
        if isinstance(event, AnnouncementEvent):
            categories = self.item.options.get("categories")
            if categories and event.category.value not in categories:
                return None
            return (
                event if self.item.options.get("include_body") else msgspec.structs.replace(event, body=None)
            )
        if isinstance(event, IndicatorEvent | IndicatorSignalEvent):
            return event if _wants_indicator(self.item.options, event) else None
        return event


def _wants_indicator(options: Mapping[str, Any], event: IndicatorEvent | IndicatorSignalEvent) -> bool:
    if options.get("timeframe") != event.timeframe.value:
        return False
    for stream_request in options.get("indicators", ()):
        params = stream_request.get("params", {})
        given = {name: getattr(event.params, name, None) for name in params}
        if stream_request.get("type") != event.indicator or any(
            str(given[name]).lower() != str(value).lower() and given[name] != value
            for name, value in params.items()
        ):
            continue
        if isinstance(event, IndicatorEvent):
            return True
        limits = stream_request.get("event_params", {})
        if stream_request.get("trigger") == event.trigger and all(
            getattr(event.event_params, name, None) == value for name, value in limits.items()
        ):
            return True
    return False


def streams_of(item: RequestItem, both_flags: str) -> list[Stream]:
    """The streams that one object of a request stands for."""
    snapshot, realtime = not item.is_only_realtime, not item.is_only_snapshot
    if item.is_only_realtime and item.is_only_snapshot:
        snapshot, realtime = both_flags in ("snapshot", "both"), both_flags in ("realtime", "both")
    level = item.options.get("level", 0)
    try:
        grouping = Decimal(str(level))
    except ArithmeticError:
        grouping = Decimal(-1)
    streams = []
    for code in item.codes or ("",):
        name, _, suffix = code.partition(".")
        depth = DEFAULT_BOOK_DEPTH
        if suffix and item.type == "orderbook":
            # An unsupported number of rows is no error, it means all of them (protocol section 2.4).
            depth = int(suffix) if suffix.isdecimal() and int(suffix) in BOOK_DEPTHS else DEFAULT_BOOK_DEPTH
        elif suffix:
            name = code
        streams.append(Stream(item.type, name, depth, grouping, snapshot, realtime, item))
    return streams


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
        deaf: the exchange takes nothing more from this line.
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
    deaf: bool = False
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
