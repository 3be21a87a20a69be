"""`EventSpec`: the declaration of an event type, read by every other part of the library."""

from __future__ import annotations

import functools
import typing
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec

from qt_upbit.exceptions import DecodeError
from qt_upbit.types.enums import CodeRule, Delivery, Recovery, Scope, StreamType
from qt_upbit.types.options import OptionSpec
from qt_upbit.types.wire_struct import WireStruct, never_none, simple_class_of, wire_class_of, wire_key

__all__ = [
    "ALL_CODES",
    "EVENT_TYPES",
    "KST",
    "BaseWebSocketEvent",
    "CodeEvent",
    "EventSpec",
    "OddField",
    "StreamKey",
    "event_type",
    "plain_value",
    "spec_of",
    "spec_of_class",
    "specs_of",
    "utc_from_ms",
    "utc_from_text",
]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


KST: Final = timezone(timedelta(hours=9), "KST")
"""Korea Standard Time; it has no daylight saving time."""


_MICROSECOND_THRESHOLD: Final = 10**15
"""Larger ones are microseconds, which an orderbook frame once carried (protocol section 10): as milliseconds
it is the year 33658."""


ALL_CODES: Final = ""
"""Code of a stream of all pairs, or of a type without codes."""


class OddField(typing.NamedTuple):
    """A field of a frame that is not what Upbit documents.

    Attributes:
        type: of the event, ``candle.1m`` with its unit.
        field: its name in the event; ``value.rsi`` for one inside another.
        problem: what the frame said of it, in short.
    """

    type: str
    field: str
    problem: str


class StreamKey(typing.NamedTuple):
    """What distinguishes one stream from another on the wire.

    Attributes:
        type: Upbit's type, ``candle.1m`` with its unit.
        code: the pair without depth suffix; `ALL_CODES` for all, or if there is none.
        variant: values of the spec's ``stream_fields``, such as the level of a grouped book.
    """

    type: str
    code: str
    variant: tuple[Hashable, ...] = ()

    def __str__(self) -> str:
        variant = "".join(f" @{value}" for value in self.variant if value)
        return f"{self.type} {self.code or '*'}{variant}"


@dataclass(frozen=True, slots=True)
class EventSpec:
    """Declaration of one event type: all that other parts need to know about it.

    Attributes:
        name: snake-case name; ``subscribe_{name}``, ``{name}_received`` and the column in docs.
        wire_type: Upbit's ``type``; for candles the part before the dot.
        units: what may follow the dot in ``type`` (``candle.1m``); empty for most.
        scope: the endpoint that serves it.
        codes: whether a request carries codes.
        delivery: the default delivery.
        vital: fields without which an event is of no use, or would mislead; a frame that lacks one of them is
            refused. Any other that is missing, or of an odd type, is None in the event. Without this column
            they are those whose annotation has no None.
        has_snapshot: whether Upbit sends a first snapshot.
        has_depth: whether a code may carry a ``.n`` depth suffix in requests.
        options: what a request object of this type may carry besides ``type``, ``codes`` and flags.
        stream_fields: event fields that, besides type and code, distinguish streams.
        conflation_fields: further fields of the LATEST key; a value whose key differs is never replaced.
        order_field: the field that shows whether a repeated snapshot is new.
        order_is_identity: that field identifies the event but does not grow; compare for equality.
        accepts: whether an event is among those that a subscriber with these request options requested;
            a request on the wire merges the options of all subscribers.
        recovery: how events missed during a gap are recovered; None if the next event makes up for them, or
            if the account component recovers them.
        event_class: the public class.
    """

    name: str
    wire_type: str
    scope: Scope
    delivery: Delivery
    event_class: type[BaseWebSocketEvent]
    vital: tuple[str, ...] = ()
    codes: CodeRule = CodeRule.REQUIRED
    units: tuple[str, ...] = ()
    has_snapshot: bool = False
    has_depth: bool = False
    options: tuple[OptionSpec, ...] = ()
    stream_fields: tuple[str, ...] = ()
    conflation_fields: tuple[str, ...] = ()
    order_field: str = "timestamp"
    order_is_identity: bool = False
    recovery: Recovery | None = None
    accepts: Callable[[Any, Mapping[str, Any]], bool] = lambda _event, _options: True

    def __post_init__(self) -> None:
        if not self.vital:
            object.__setattr__(self, "vital", never_none(self.event_class))
        if unknown := set(self.vital) - set(self.event_class.__struct_fields__):
            raise ValueError(f"{self.name}: vital fields that it does not have: {sorted(unknown)}")
        for option in self.options:
            if option.merge is None and option.name not in self.stream_fields:
                raise ValueError(f"{self.name}.{option.name} needs a merge, or must be one of stream_fields")

    @property
    def option_names(self) -> tuple[str, ...]:
        """Keys of the options, in the order of declaration."""
        return tuple(option.name for option in self.options)

    @property
    def wire_types(self) -> tuple[str, ...]:
        """Every value of ``type`` on the wire that this spec covers."""
        return tuple(f"{self.wire_type}.{unit}" for unit in self.units) or (self.wire_type,)

    @property
    def simple_class(self) -> type[BaseWebSocketEvent]:
        """The class that decodes SIMPLE frames."""
        return simple_class_of(self.event_class)

    @property
    def default_class(self) -> type[BaseWebSocketEvent]:
        """The class that decodes DEFAULT frames; as strict as `simple_class`."""
        return wire_class_of(self.event_class, False)


EVENT_TYPES: Final[dict[str, EventSpec]] = {}
"""Specs by ``EventSpec.name``, in the order of declaration."""


_BY_WIRE_TYPE: Final[dict[str, EventSpec]] = {}


_E = TypeVar("_E", bound="BaseWebSocketEvent")


def event_type(name: str, **columns: Any) -> Callable[[type[_E]], type[_E]]:
    """Declare a class as an event type: make its spec and register it."""

    def register(cls: type[_E]) -> type[_E]:
        spec = EventSpec(name=name, event_class=cls, **columns)
        cls._spec = spec
        EVENT_TYPES[name] = spec
        _BY_WIRE_TYPE.update(dict.fromkeys(spec.wire_types, spec))
        return cls

    return register


def spec_of_class(cls: type[BaseWebSocketEvent]) -> EventSpec:
    """The spec of a declared class, or of its twin for SIMPLE names."""
    return cls._spec


def spec_of(wire_type: str) -> EventSpec | None:
    """The spec of a ``type`` on the wire; None for a type unknown to this library."""
    return _BY_WIRE_TYPE.get(wire_type)


_NOT_IDENTITY: Final = frozenset(("timestamp", "stream_type"))


class BaseWebSocketEvent(WireStruct, frozen=True, kw_only=True, eq=False, dict=True):
    """Base of all events. Immutable, hashable, comparable across wire formats.

    Attributes:
        type: Upbit's type, for example ``ticker`` or ``candle.1m``.
        timestamp: milliseconds since the epoch, UTC (microseconds on the wire are recognised).
        stream_type: SNAPSHOT or REALTIME; also SNAPSHOT when the value came from our own cache, and
            RECOVERED when it was missed and fetched afterwards.
    """

    _spec: ClassVar[EventSpec]
    odd_fields: ClassVar[tuple[OddField, ...]] = ()
    """Fields that are None although Upbit documents a value, because of what the frame said."""

    type: Annotated[str, wire_key("ty")]
    timestamp: Annotated[int, wire_key("tms")]
    stream_type: Annotated[StreamType | None, wire_key("st")] = StreamType.REALTIME

    def __post_init__(self) -> None:
        if self.timestamp > _MICROSECOND_THRESHOLD:
            for name in self.__struct_fields__:
                value = getattr(self, name) if name.endswith("timestamp") else None
                if value is not None and value > _MICROSECOND_THRESHOLD:
                    while value > _MICROSECOND_THRESHOLD:
                        value //= 1000  # nanoseconds too: encoding and decoding must round-trip
                    msgspec.structs.force_setattr(self, name, value)

    @property
    def time(self) -> datetime:
        """`timestamp` as an aware datetime, UTC. ``.astimezone(KST)`` gives Korean time.

        Raises:
            DecodeError: it is outside of the calendar; so do all readers of times.
        """
        return utc_from_ms(self.timestamp)

    @property
    def is_snapshot(self) -> bool:
        """Whether this is a first snapshot rather than a change."""
        return self.stream_type == StreamType.SNAPSHOT

    @property
    def is_recovered(self) -> bool:
        """Whether it was missed while the connection was down and fetched over REST afterwards."""
        return self.stream_type == StreamType.RECOVERED

    @property
    def spec(self) -> EventSpec:
        """The declaration of this event's type."""
        return self._spec

    @property
    def row(self) -> EventSpec:
        """`spec`, by its earlier name."""
        warnings.warn("an event's row is called spec", DeprecationWarning, stacklevel=2)
        return self._spec

    @property
    def identity(self) -> tuple[Hashable, ...]:
        """The event without the time of its frame: equal if two sockets delivered the same event."""
        names = (name for name in self.public_class.__struct_fields__ if name not in _NOT_IDENTITY)
        values = (getattr(self, name) for name in names)
        return tuple(bytes(value) if isinstance(value, msgspec.Raw) else value for value in values)

    @property
    def stream_key(self) -> StreamKey:
        """The stream this event belongs to."""
        return StreamKey(self.type, getattr(self, "code", ALL_CODES), self.variant)

    @property
    def variant(self) -> tuple[Hashable, ...]:
        """What distinguishes its stream from others of the same type and code."""
        names = self._spec.stream_fields
        if not names:
            return ()
        values = [getattr(self, name) for name in names]
        if None in values:
            cls = self.public_class
            values = [_default_of(cls, n) if v is None else v for n, v in zip(names, values, strict=True)]
        return tuple([plain_value(value) for value in values])

    def count_rows(self) -> int:
        """Number of rows, for books; 0 for other events.

        Raises:
            DecodeError: they cannot be read.
        """
        return 0


class CodeEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """An event of one pair."""

    code: Annotated[str, wire_key("cd")]

    @property
    def symbol(self) -> str:
        """The pair, ``KRW-BTC``; alias of `code`."""
        return self.code


@functools.lru_cache(maxsize=256, typed=True)
def plain_value(value: Hashable) -> Hashable:
    """A stream field as used in a `StreamKey`: levels are integers or exact decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    return value if value is None else str(value)


@functools.cache
def _default_of(cls: type[WireStruct], name: str) -> Any:
    """What a field is where the frame does not say it; None where it must."""
    found = next(field for field in msgspec.structs.fields(cls) if field.name == name)
    return None if found.required else found.default


def utc_from_ms(timestamp_ms: int) -> datetime:
    """A wire timestamp in milliseconds as an aware datetime; `DecodeError` if out of range."""
    # Integer arithmetic: float seconds are not exact to the millisecond. By addition: on Windows
    # `fromtimestamp` does not work before 1970.
    try:
        return _EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError as exc:
        raise DecodeError(f"{timestamp_ms} ms since the epoch is not a valid time") from exc


def utc_from_text(text: str) -> datetime:
    """``2021-04-17T12:00:00``, which is UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as exc:
        raise DecodeError(f"{text[:40]!r} is not a valid time") from exc


def specs_of(scope: Scope) -> Iterable[EventSpec]:
    """The specs that an endpoint serves."""
    return (spec for spec in EVENT_TYPES.values() if spec.scope is scope)
