"""The one place where a wire type of Upbit is declared.

Each event is a frozen class with every documented field under Upbit's DEFAULT name, its SIMPLE key
beside it, and one row (`EventType`) saying what may be asked for and how it is delivered. Requests,
decoding, SIMPLE conversion, routing, the proxy's signals, the simulator and the contract tests read
these declarations; a new event type is one class in this file.

Numbers are `decimal.Decimal` made from the wire text, never from a double (protocol section 3.9).
Prices are in the quote currency of the code (``KRW-BTC``: won), volumes and sizes in its base
currency, ``*_timestamp`` fields in milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import enum
import functools
import typing
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec

from qt_upbit.exceptions import DecodeError

__all__ = [
    "ALL_CODES",
    "EVENT_TYPES",
    "KST",
    "AnnouncementCategory",
    "AnnouncementEvent",
    "AnnouncementEventType",
    "AskBid",
    "Asset",
    "BaseWebSocketEvent",
    "BookLevel",
    "CandleEvent",
    "CandlePeriod",
    "CandleUnit",
    "Change",
    "CodeRule",
    "ConnectionState",
    "Delivery",
    "EventType",
    "IndicatorDefinition",
    "IndicatorEvent",
    "IndicatorEventParams",
    "IndicatorParams",
    "IndicatorSignalEvent",
    "IndicatorTimeframe",
    "IndicatorType",
    "IndicatorValue",
    "MarketState",
    "MarketWarning",
    "MyAssetEvent",
    "MyOrderEvent",
    "OrderState",
    "OrderType",
    "OrderbookEvent",
    "OrderbookUnit",
    "Recovery",
    "Scope",
    "SmpType",
    "StreamKey",
    "StreamType",
    "TickerEvent",
    "TimeInForce",
    "TradeEvent",
    "WireFormat",
    "event_type_of",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

KST: Final = timezone(timedelta(hours=9), "KST")
"""Korea Standard Time; it has no daylight saving time."""

_MICROSECOND_THRESHOLD: Final = 10**15
"""An orderbook frame once carried microseconds; a millisecond timestamp this large is in the year 33658
(protocol section 10)."""


# --- enumerations ---------------------------------------------------------------------------------


class _OpenStrEnum(enum.StrEnum):
    """An enumeration of descriptive values that keeps a value it does not know.

    The unknown value compares equal to its own text, and its ``name`` is ``UNKNOWN``; Upbit adds
    values without notice, and a new warning level must not cost the price beside it.
    """

    @classmethod
    def _missing_(cls, value: object) -> _OpenStrEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        # By value: some 3.11 releases pickle members by name, and an unknown one has none.
        return type(self), (self._value_,)

    @property
    def is_known(self) -> bool:
        """Whether this value stands in the documentation this library was written from."""
        return self._name_ != "UNKNOWN"


class Scope(enum.StrEnum):
    """One of Upbit's WebSocket endpoints; each has at most one connection (protocol section 1)."""

    PUBLIC = "public"
    PRIVATE = "private"
    INFO = "info"

    @property
    def path(self) -> str:
        """The URL path below the host."""
        return "/websocket/v1" if self is Scope.PUBLIC else f"/websocket/v1/{self.value}"

    @property
    def needs_auth(self) -> bool:
        """Whether the handshake must carry a token."""
        return self is not Scope.PUBLIC


class WireFormat(enum.StrEnum):
    """The four formats of protocol section 2.2; the format belongs to the connection."""

    DEFAULT = "DEFAULT"
    SIMPLE = "SIMPLE"
    JSON_LIST = "JSON_LIST"
    SIMPLE_LIST = "SIMPLE_LIST"

    @property
    def is_simple(self) -> bool:
        """Whether keys are abbreviated."""
        return self in (WireFormat.SIMPLE, WireFormat.SIMPLE_LIST)

    @property
    def is_list(self) -> bool:
        """Whether each frame is a JSON array."""
        return self in (WireFormat.JSON_LIST, WireFormat.SIMPLE_LIST)


class Delivery(enum.StrEnum):
    """How events reach a subscriber."""

    LATEST = "latest"
    """The newest event per conflation key, at most once per frame of the screen."""
    EVERY = "every"
    """Every event in arrival order."""
    BATCH = "batch"
    """Every event; one tuple per frame of the screen, for tapes."""


class ConnectionState(enum.StrEnum):
    """Health of one scope, as a widget should show it."""

    IDLE = "idle"
    """Nobody subscribes; there is no connection."""
    CONNECTING = "connecting"
    """The first connection is being made."""
    LIVE = "live"
    """Connected, and what was asked for arrives."""
    STALE = "stale"
    """Connected, but data that should flow does not."""
    RECONNECTING = "reconnecting"
    """The connection was lost; the next attempt is under way or waiting."""
    RESYNCING = "resyncing"
    """Connected again; the subscription was sent and its first frames are awaited."""
    REJECTED = "rejected"
    """Upbit refused the key or the request; not tried again by itself."""
    CLOSED = "closed"
    """Closed for good, by the application."""


class CodeRule(enum.Enum):
    """Whether a request of a type carries ``codes`` (protocol section 2.1)."""

    REQUIRED = enum.auto()
    OPTIONAL = enum.auto()
    FORBIDDEN = enum.auto()


class Recovery(enum.Enum):
    """How what was missed of a stream is told from what was seen, and fetched over REST."""

    BY_ID = enum.auto()
    """Each event has an id of its own, ``order_field``, and a ``trade_timestamp``."""
    BY_START = enum.auto()
    """One event per period (its first conflation field), which the last word on it replaces."""


class StreamType(_OpenStrEnum):
    """Whether an event is a first picture, a change, or was fetched after a gap."""

    SNAPSHOT = "SNAPSHOT"
    REALTIME = "REALTIME"
    RECOVERED = "RECOVERED"
    """Not Upbit's: missed while the line was down and fetched over REST afterwards."""


class Change(_OpenStrEnum):
    """Price against the previous day's close."""

    RISE = "RISE"
    EVEN = "EVEN"
    FALL = "FALL"


class AskBid(enum.StrEnum):
    """Side. Strict: an unknown side is an unreadable frame, never a guess."""

    ASK = "ASK"
    BID = "BID"


class MarketState(_OpenStrEnum):
    """Whether a pair trades."""

    PREVIEW = "PREVIEW"
    ACTIVE = "ACTIVE"
    DELISTED = "DELISTED"


class MarketWarning(_OpenStrEnum):
    """Investment warning; deprecated by Upbit."""

    NONE = "NONE"
    CAUTION = "CAUTION"


class CandleUnit(enum.StrEnum):
    """Candle lengths that Upbit streams; there is no day candle on the socket."""

    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M10 = "10m"
    M15 = "15m"
    M30 = "30m"
    M60 = "60m"
    M240 = "240m"

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return int(self.value[:-1]) * (60 if self.value.endswith("m") else 1)


class CandlePeriod(enum.StrEnum):
    """Candle lengths that only REST gives. A day is 00:00 to 24:00 UTC; weeks begin on Monday."""

    DAY = "1d"
    WEEK = "1w"
    MONTH = "1M"
    YEAR = "1y"

    def start_of(self, moment: datetime) -> datetime:
        """When the candle begins that an aware moment lies in; aware, UTC.

        Raises:
            ValueError: the moment has no zone.
        """
        if moment.tzinfo is None:
            raise ValueError("give an aware moment, for example datetime.now(UTC)")
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self is CandlePeriod.WEEK:
            return day - timedelta(days=day.weekday())
        if self is CandlePeriod.DAY:
            return day
        return day.replace(day=1) if self is CandlePeriod.MONTH else day.replace(month=1, day=1)


class OrderType(_OpenStrEnum):
    """Kind of order; ``price`` is a market buy by amount, ``market`` a market sell."""

    LIMIT = "limit"
    PRICE = "price"
    MARKET = "market"
    BEST = "best"


class OrderState(enum.StrEnum):
    """What happened to an order. Strict: a state we do not know is reported, never misread."""

    WAIT = "wait"
    WATCH = "watch"
    TRADE = "trade"
    DONE = "done"
    CANCEL = "cancel"
    PREVENTED = "prevented"


class TimeInForce(_OpenStrEnum):
    """Order condition."""

    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class SmpType(_OpenStrEnum):
    """Self-match prevention; ``none`` was announced for 2026-11-09 (protocol section 9.3)."""

    REDUCE = "reduce"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"
    NONE = "none"


class AnnouncementEventType(_OpenStrEnum):
    """Whether a notice is new or changed."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"


class AnnouncementCategory(_OpenStrEnum):
    """Category of a notice."""

    NOTICE = "notice"
    TRADE = "trade"
    WALLET = "wallet"
    MAINTENANCE = "maintenance"
    DIGITAL_ASSET = "digital_asset"
    NFT = "nft"
    SERVICE = "service"
    EVENT = "event"


class IndicatorTimeframe(_OpenStrEnum):
    """Candle length an indicator is computed on."""

    M5 = "5m"
    M15 = "15m"
    M60 = "60m"
    M240 = "240m"
    D1 = "1d"


class IndicatorType(_OpenStrEnum):
    """What Upbit computes at the close of a candle (protocol section 3.8)."""

    VOLUME = "volume"
    RSI = "rsi"
    MOVING_AVERAGE = "moving_average"
    MA_CROSSOVER = "ma_crossover"
    BOLLINGER_BANDS = "bollinger_bands"
    MACD = "macd"


# --- streams --------------------------------------------------------------------------------------

ALL_CODES: Final = ""
"""Code of a stream of every pair, or of a type that has no codes."""


class StreamKey(typing.NamedTuple):
    """What tells one stream from another on the wire.

    Attributes:
        type: Upbit's type, ``candle.1m`` with its unit.
        code: the pair without depth suffix; `ALL_CODES` for all, or where there is none.
        variant: values of the row's ``stream_fields``, such as the level of a grouped book.
    """

    type: str
    code: str
    variant: tuple[Hashable, ...] = ()

    def __str__(self) -> str:
        variant = "".join(f" @{value}" for value in self.variant if value)
        return f"{self.type} {self.code or '*'}{variant}"


# --- how a class becomes wire types ---------------------------------------------------------------


def _key(simple: str) -> msgspec.Meta:
    """The SIMPLE key of a field."""
    return msgspec.Meta(extra={"simple": simple})


_MAX_MAGNITUDE: Final = 100
"""No price, amount or rate has more digits before its point, or zeros behind it."""
_MAX_INT: Final = 2**63


def refuse_odd_numbers(value: Any) -> None:
    """Numbers that are none, or that no market has: they would hang or end whoever formats them.

    ``"NaN"`` as text makes a Decimal, and so does 1e999999999, whose digits fill a gigabyte.

    Raises:
        ValueError: the number is not finite, or absurdly large or small.
    """
    # Of each frame read, so in the order of how often.
    if isinstance(value, Decimal):
        if not (-_MAX_MAGNITUDE <= value.adjusted() <= _MAX_MAGNITUDE and value.is_finite()):
            raise ValueError(f"{value!s:.40} is no price, amount or rate")
    elif isinstance(value, _WireStruct):
        for each in _numbers_of(type(value))(value):
            kind = type(each)
            if kind is Decimal:
                if -_MAX_MAGNITUDE <= each.adjusted() <= _MAX_MAGNITUDE and each.is_finite():
                    continue
            elif kind is int and 0 <= each < _MAX_INT:
                continue
            if each is not None:
                refuse_odd_numbers(each)
    elif isinstance(value, tuple | list):
        for item in value:
            refuse_odd_numbers(item)
    elif isinstance(value, int) and not -_MAX_INT <= value < _MAX_INT:
        raise ValueError("a whole number of more than 64 bits")


@functools.cache
def _numbers_of(cls: type[_WireStruct]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads the fields in which a number can stand, at any depth."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [name for name in cls.__struct_fields__ if _may_hold_number(hints[name])]
    # The last one twice: of a single name `attrgetter` makes no tuple.
    return attrgetter(*names, names[-1]) if names else lambda _: ()


def _may_hold_number(hint: Any) -> bool:
    return (
        hint in (int, Decimal)
        or nested_struct_of(hint) is not None
        or any(map(_may_hold_number, typing.get_args(hint)))
    )


class _WireStruct(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A value that stands on the wire under long or short keys.

    The class itself has the DEFAULT names. `simple_class_of` derives a twin with the SIMPLE names
    that decodes at the same speed; its instances *are* instances of the public class and equal to it.
    """

    _public: ClassVar[type[_WireStruct]]
    _simple: ClassVar[type[_WireStruct]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._public = cls

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._public.__struct_fields__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _WireStruct) or self._public is not other._public:
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self._public, self._values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._public, msgspec.structs.asdict(self))


_S = TypeVar("_S", bound=_WireStruct)


def _rebuild(cls: type[_S], fields: dict[str, Any]) -> _S:
    return cls(**fields)


def simple_key_of(cls: type[_WireStruct], field: str) -> str:
    """The SIMPLE key of a field; the field's own name where Upbit does not abbreviate it."""
    return _simple_keys(cls).get(field, field)


@functools.cache
def _simple_keys(cls: type[_WireStruct]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        for meta in getattr(hint, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and meta.extra and "simple" in meta.extra:
                keys[name] = str(meta.extra["simple"])
    return keys


def nested_struct_of(hint: Any) -> type[_WireStruct] | None:
    """The wire struct inside ``X``, ``X | None``, ``tuple[X, ...]`` or an annotated form of these."""
    if isinstance(hint, type) and issubclass(hint, _WireStruct):
        return hint
    for arg in typing.get_args(hint):
        found = nested_struct_of(arg)
        if found is not None:
            return found
    return None


def _with_simple_structs(hint: Any) -> Any:
    """The same hint with each wire struct replaced by its SIMPLE twin."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return simple_class_of(hint) if issubclass(hint, _WireStruct) else hint
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is None or nested_struct_of(hint) is None:
        return hint
    if origin is Annotated:
        return _with_simple_structs(args[0])
    swapped = tuple(_with_simple_structs(arg) for arg in args)
    if origin in (tuple,):
        return tuple[swapped]  # type: ignore[valid-type]  # built at run time from a checked hint
    return functools.reduce(lambda a, b: a | b, swapped)


@functools.cache
def simple_class_of(cls: type[_S]) -> type[_S]:
    """The twin of a wire struct that reads and writes SIMPLE keys."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(cls):
        options: dict[str, Any] = {"name": simple_key_of(cls, field.name)}
        if field.default is not msgspec.NODEFAULT:
            options["default"] = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            options["default_factory"] = field.default_factory
        fields.append((field.name, _with_simple_structs(hints[field.name]), msgspec.field(**options)))
    twin = msgspec.defstruct(
        cls.__name__, fields, bases=(cls,), module=cls.__module__, frozen=True, kw_only=True, eq=False
    )
    twin._public = cls  # type: ignore[attr-defined]  # defstruct is typed as returning plain Struct
    return typing.cast("type[_S]", twin)


@dataclass(frozen=True, slots=True)
class EventType:
    """The row of one wire type: all that other parts need to know about it.

    Attributes:
        name: snake-case name; ``subscribe_{name}``, ``{name}_received`` and the column in docs.
        wire_type: Upbit's ``type``; for candles the part before the dot.
        units: what may follow the dot in ``type`` (``candle.1m``); empty for most.
        scope: the endpoint that serves it.
        codes: whether a request carries codes.
        delivery: the default delivery.
        has_snapshot: whether Upbit sends a first picture.
        has_depth: whether a code may carry a ``.n`` depth suffix in requests.
        options: keys that a request object of this type may carry beside ``type``, ``codes`` and flags.
        stream_fields: event fields that, beside type and code, tell one stream from another.
        conflation_fields: further fields of the LATEST key; a value whose key differs is never replaced.
        order_field: the field that tells whether a repeated snapshot is news.
        order_is_identity: that field names the event and does not grow; compare for equality.
        accepts: whether an event is among what a subscriber with these request options asked for;
            a request carries everybody's options together.
        recovery: how events missed during a gap are recovered; None where the next event says it all, or
            where the account's component looks after it.
        event_class: the public class.
    """

    name: str
    wire_type: str
    scope: Scope
    delivery: Delivery
    event_class: type[BaseWebSocketEvent]
    codes: CodeRule = CodeRule.REQUIRED
    units: tuple[str, ...] = ()
    has_snapshot: bool = False
    has_depth: bool = False
    options: tuple[str, ...] = ()
    stream_fields: tuple[str, ...] = ()
    conflation_fields: tuple[str, ...] = ()
    order_field: str = "timestamp"
    order_is_identity: bool = False
    recovery: Recovery | None = None
    accepts: Callable[[Any, Mapping[str, Any]], bool] = lambda _event, _options: True

    @property
    def wire_types(self) -> tuple[str, ...]:
        """Every value of ``type`` that belongs to this row."""
        return tuple(f"{self.wire_type}.{unit}" for unit in self.units) or (self.wire_type,)

    @property
    def simple_class(self) -> type[BaseWebSocketEvent]:
        """The class that decodes SIMPLE frames."""
        return simple_class_of(self.event_class)


EVENT_TYPES: Final[dict[str, EventType]] = {}
"""Rows by ``EventType.name``, in the order of declaration."""

_BY_WIRE_TYPE: Final[dict[str, EventType]] = {}

_E = TypeVar("_E", bound="BaseWebSocketEvent")


def _event_type(name: str, **columns: Any) -> Callable[[type[_E]], type[_E]]:
    """Declare a class as an event type: fill in its row and register it."""

    def register(cls: type[_E]) -> type[_E]:
        row = EventType(name=name, event_class=cls, **columns)
        cls._row = row
        EVENT_TYPES[name] = row
        _BY_WIRE_TYPE.update(dict.fromkeys(row.wire_types, row))
        return cls

    return register


def spec_of(cls: type[BaseWebSocketEvent]) -> EventType:
    """The row of a declared class, or of its twin for SIMPLE names."""
    return cls._row


def event_type_of(wire_type: str) -> EventType | None:
    """The row that a ``type`` on the wire belongs to, or None if Upbit has invented a new one."""
    return _BY_WIRE_TYPE.get(wire_type)


_NOT_IDENTITY: Final = frozenset(("timestamp", "stream_type"))


class BaseWebSocketEvent(_WireStruct, frozen=True, kw_only=True, eq=False, dict=True):
    """What every event has. Immutable, hashable, comparable across wire formats.

    Attributes:
        type: Upbit's type, for example ``ticker`` or ``candle.1m``.
        timestamp: milliseconds since the epoch, UTC (microseconds on the wire are recognised).
        stream_type: SNAPSHOT or REALTIME; also SNAPSHOT when the value came from our own cache, and
            RECOVERED when it was missed and fetched afterwards.
    """

    _row: ClassVar[EventType]

    type: Annotated[str, _key("ty")]
    timestamp: Annotated[int, _key("tms")]
    stream_type: Annotated[StreamType, _key("st")] = StreamType.REALTIME

    def __post_init__(self) -> None:
        if self.timestamp > _MICROSECOND_THRESHOLD:
            for name in self.__struct_fields__:
                value = getattr(self, name) if name.endswith("timestamp") else None
                if value is not None and value > _MICROSECOND_THRESHOLD:
                    while value > _MICROSECOND_THRESHOLD:
                        value //= 1000  # nanoseconds too: what is written must be read as the same
                    msgspec.structs.force_setattr(self, name, value)

    @property
    def time(self) -> datetime:
        """`timestamp` as an aware datetime, UTC. ``.astimezone(KST)`` gives Korean time.

        Raises:
            DecodeError: no calendar has that moment; so do all readers of times.
        """
        return _utc(self.timestamp)

    @property
    def is_snapshot(self) -> bool:
        """Whether this is a first picture rather than a change."""
        return self.stream_type == StreamType.SNAPSHOT

    @property
    def is_recovered(self) -> bool:
        """Whether it was missed while the line was down and fetched over REST afterwards."""
        return self.stream_type == StreamType.RECOVERED

    @property
    def row(self) -> EventType:
        """The declaration of this event's type."""
        return self._row

    @property
    def identity(self) -> tuple[Hashable, ...]:
        """What happened, apart from when the frame was made: two sockets show the same event with it."""
        names = (name for name in self._public.__struct_fields__ if name not in _NOT_IDENTITY)
        values = (getattr(self, name) for name in names)
        return tuple(bytes(value) if isinstance(value, msgspec.Raw) else value for value in values)

    @property
    def stream_key(self) -> StreamKey:
        """The stream this event belongs to."""
        return StreamKey(self.type, getattr(self, "code", ALL_CODES), self.variant)

    @property
    def variant(self) -> tuple[Hashable, ...]:
        """What tells its stream from others of the same type and code."""
        names = self._row.stream_fields
        return tuple([plain_value(getattr(self, name)) for name in names]) if names else ()

    def count_rows(self) -> int:
        """How many rows it has, as a book has; 0 for what has none.

        Raises:
            DecodeError: they cannot be read.
        """
        return 0


class _CodeEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """An event of one pair."""

    code: Annotated[str, _key("cd")]

    @property
    def symbol(self) -> str:
        """The pair, ``KRW-BTC``: another name for `code`."""
        return self.code


@functools.lru_cache(maxsize=256, typed=True)
def plain_value(value: Hashable) -> Hashable:
    """A stream field as it stands in a `StreamKey`: levels are whole numbers or exact decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    return value if value is None else str(value)


def _utc(timestamp_ms: int) -> datetime:
    # Integer arithmetic: a float of milliseconds is not exact to the millisecond. By addition: Windows has
    # no `fromtimestamp` before 1970.
    try:
        return _EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError as exc:
        raise DecodeError(f"{timestamp_ms} ms since the epoch is no time") from exc


def _utc_of(text: str) -> datetime:
    """``2021-04-17T12:00:00``, which is UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as exc:
        raise DecodeError(f"{text[:40]!r} is no time") from exc


# --- public types (protocol section 3.1 to 3.4) ---------------------------------------------------


@_event_type("ticker", wire_type="ticker", scope=Scope.PUBLIC, delivery=Delivery.LATEST, has_snapshot=True)
class TickerEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Current price of a pair and its day (protocol section 3.1).

    ``acc_*`` count from 00:00 UTC, ``*_24h`` over the last 24 hours. Rates are fractions:
    0.01 is one per cent.
    """

    opening_price: Annotated[Decimal, _key("op")]
    high_price: Annotated[Decimal, _key("hp")]
    low_price: Annotated[Decimal, _key("lp")]
    trade_price: Annotated[Decimal, _key("tp")]
    prev_closing_price: Annotated[Decimal, _key("pcp")]
    acc_trade_price: Annotated[Decimal, _key("atp")]
    change: Annotated[Change, _key("c")]
    change_price: Annotated[Decimal, _key("cp")]
    signed_change_price: Annotated[Decimal, _key("scp")]
    change_rate: Annotated[Decimal, _key("cr")]
    signed_change_rate: Annotated[Decimal, _key("scr")]
    ask_bid: Annotated[AskBid | None, _key("ab")] = None
    """Side of the last trade's taker; None from REST, which does not say."""
    trade_volume: Annotated[Decimal, _key("tv")]
    acc_trade_volume: Annotated[Decimal, _key("atv")]
    trade_date: Annotated[str, _key("tdt")]
    trade_time: Annotated[str, _key("ttm")]
    trade_timestamp: Annotated[int, _key("ttms")]
    acc_ask_volume: Annotated[Decimal | None, _key("aav")] = None
    """Sold by takers; None from REST, as the next."""
    acc_bid_volume: Annotated[Decimal | None, _key("abv")] = None
    highest_52_week_price: Annotated[Decimal | None, _key("h52wp")] = None
    highest_52_week_date: Annotated[str | None, _key("h52wdt")] = None
    lowest_52_week_price: Annotated[Decimal | None, _key("l52wp")] = None
    lowest_52_week_date: Annotated[str | None, _key("l52wdt")] = None
    market_state: Annotated[MarketState, _key("ms")] = MarketState.ACTIVE
    is_trading_suspended: Annotated[bool | None, _key("its")] = None
    """Deprecated by Upbit; None once it is gone."""
    delisting_date: Annotated[str | None, _key("dd")] = None
    market_warning: Annotated[MarketWarning | None, _key("mw")] = None
    """Deprecated by Upbit; None once it is gone."""
    acc_trade_price_24h: Annotated[Decimal, _key("atp24h")]
    acc_trade_volume_24h: Annotated[Decimal, _key("atv24h")]

    @property
    def traded_at(self) -> datetime:
        """Time of the last trade, aware, UTC."""
        return _utc(self.trade_timestamp)


@_event_type(
    "trade",
    wire_type="trade",
    scope=Scope.PUBLIC,
    delivery=Delivery.EVERY,
    has_snapshot=True,
    order_field="sequential_id",
    order_is_identity=True,
    recovery=Recovery.BY_ID,
)
class TradeEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """One trade (protocol section 3.2). Trades of a pair may arrive out of order."""

    trade_date: Annotated[str, _key("td")]
    trade_time: Annotated[str, _key("ttm")]
    trade_timestamp: Annotated[int, _key("ttms")]
    trade_price: Annotated[Decimal, _key("tp")]
    trade_volume: Annotated[Decimal, _key("tv")]
    ask_bid: Annotated[AskBid, _key("ab")]
    """Side of the taker."""
    prev_closing_price: Annotated[Decimal, _key("pcp")]
    change: Annotated[Change, _key("c")]
    change_price: Annotated[Decimal, _key("cp")]
    sequential_id: Annotated[int, _key("sid")]
    """Unique, but no promise of order; larger than 2**53."""
    best_ask_price: Annotated[Decimal | None, _key("bap")] = None
    best_ask_size: Annotated[Decimal | None, _key("bas")] = None
    best_bid_price: Annotated[Decimal | None, _key("bbp")] = None
    best_bid_size: Annotated[Decimal | None, _key("bbs")] = None

    @property
    def traded_at(self) -> datetime:
        """Time of the trade, aware, UTC."""
        return _utc(self.trade_timestamp)


class BookLevel(typing.NamedTuple):
    """One price level of one side."""

    price: Decimal
    size: Decimal


class OrderbookUnit(_WireStruct, frozen=True, kw_only=True, eq=False):
    """Row i of a book: the i-th best ask beside the i-th best bid.

    A side with fewer levels than rows is None in the rows it does not reach (Upbit sends zeros).
    """

    ask_price: Annotated[Decimal | None, _key("ap")]
    bid_price: Annotated[Decimal | None, _key("bp")]
    ask_size: Annotated[Decimal | None, _key("as")]
    bid_size: Annotated[Decimal | None, _key("bs")]


_EMPTY_ROW: Final = OrderbookUnit(ask_price=None, bid_price=None, ask_size=None, bid_size=None)


def _public_unit(row: OrderbookUnit) -> OrderbookUnit:
    return OrderbookUnit(
        ask_price=row.ask_price, bid_price=row.bid_price, ask_size=row.ask_size, bid_size=row.bid_size
    )


class _FloatUnit(_WireStruct, frozen=True, kw_only=True, eq=False):
    """A row for painters, who need no exact decimals: six times faster to make."""

    ask_price: Annotated[float, _key("ap")]
    bid_price: Annotated[float, _key("bp")]
    ask_size: Annotated[float, _key("as")]
    bid_size: Annotated[float, _key("bs")]


_NUMBER_TEXT: Final = b"0123456789.-"
_NUMBERS_SHARE: Final = 5
"""So many times as long as the text between the numbers, no book is."""
_SHAPES_LIMIT: Final = 256


_EVERY_DIGIT: Final = bytes.maketrans(b"123456789.", b"0000000000")
_LONG_NUMBER: Final = b"0" * _MAX_MAGNITUDE


def _has_plain_numbers(text: bytes) -> bool:
    """Whether none of the numbers in an array of objects can be odd: no exponent, no quotes, none is long.

    Ten times cheaper than a look at each of a book's 120 numbers, which is taken where this says no.
    """
    text = text.translate(_EVERY_DIGIT, b" \t\r\n")
    return not (b"0E" in text or b"0e" in text or b':"' in text or _LONG_NUMBER in text)


class _ReadableShapes:
    """What stood between the numbers of rows that could be read, and how many rows those were."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}
        self._latest = (b"", 0)
        """Nearly always the next one as well; comparing is cheaper than hashing."""

    def rows_of(self, shape: bytes) -> int | None:
        """How many rows have this shape; None if none was readable yet."""
        if shape == self._latest[0]:
            return self._latest[1]
        rows = self._rows.get(shape)
        if rows is not None:
            self._latest = (shape, rows)
        return rows

    def add(self, shape: bytes, rows: int) -> None:
        """Rows of this shape were read."""
        if len(self._rows) < _SHAPES_LIMIT:
            self._rows[shape] = rows


_readable_shapes: Final = {True: _ReadableShapes(), False: _ReadableShapes()}
"""Under DEFAULT names or not."""


@functools.cache
def _units_decoder(unit: type[_S], simple: bool) -> msgspec.json.Decoder[list[_S]]:
    item = simple_class_of(unit) if simple else unit
    return msgspec.json.Decoder(list[item])  # type: ignore[valid-type]  # a run-time class


@_event_type(
    "orderbook",
    wire_type="orderbook",
    scope=Scope.PUBLIC,
    delivery=Delivery.LATEST,
    has_snapshot=True,
    has_depth=True,
    options=("level",),
    stream_fields=("level",),
)
class OrderbookEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A whole order book (protocol section 3.3): replace what you had, never merge.

    The levels stay wire text until `orderbook_units`, `asks` or `bids` is read, and are exact then.
    Painters take `float_levels`, which costs a sixth. ``level`` is the price grouping, 0 for none.
    """

    total_ask_size: Annotated[Decimal, _key("tas")]
    total_bid_size: Annotated[Decimal, _key("tbs")]
    units_json: Annotated[msgspec.Raw, _key("obu")] = msgspec.field(name="orderbook_units")
    """The rows as they came; read `orderbook_units` instead."""
    level: Annotated[Decimal, _key("lv")] = Decimal(0)

    def _rows(self, unit: type[_S]) -> list[_S]:
        try:
            rows = _units_decoder(unit, type(self) is not self._public).decode(self.units_json)
            if unit is OrderbookUnit and not _has_plain_numbers(bytes(self.units_json)):
                refuse_odd_numbers(rows)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise DecodeError(f"orderbook_units of {self.code}: {exc}", bytes(self.units_json)) from exc
        return rows

    @functools.cached_property
    def orderbook_units(self) -> tuple[OrderbookUnit, ...]:
        """Rows, best first, exact; empty slots are dropped, half-empty rows hold None.

        Raises:
            DecodeError: a row is not what the documentation says; so do all readers of the rows.
        """
        exact = self._exact_rows
        if all(r.ask_price and r.ask_size and r.bid_price and r.bid_size for r in exact):
            # Nearly always. Rows of a SIMPLE frame have its names, which show when they are encoded.
            return tuple(exact) if type(self) is self._public else tuple(map(_public_unit, exact))
        asks, bids = self.asks, self.bids
        rows = []
        for i in range(max(len(asks), len(bids))):
            ask = asks[i] if i < len(asks) else (None, None)
            bid = bids[i] if i < len(bids) else (None, None)
            rows.append(OrderbookUnit(ask_price=ask[0], bid_price=bid[0], ask_size=ask[1], bid_size=bid[1]))
        return tuple(rows)

    @property
    def wire_rows(self) -> tuple[OrderbookUnit, ...]:
        """`orderbook_units` and behind them the empty slots, which hold None: as many as `count_rows`."""
        units = self.orderbook_units
        return units + (_EMPTY_ROW,) * (len(self._exact_rows) - len(units))

    @functools.cached_property
    def _exact_rows(self) -> list[OrderbookUnit]:
        return self._rows(OrderbookUnit)

    @functools.cached_property
    def asks(self) -> tuple[BookLevel, ...]:
        """Asks, best (lowest price) first, without empty slots."""
        return tuple(
            BookLevel(row.ask_price, row.ask_size)
            for row in self._exact_rows
            if row.ask_price and row.ask_size
        )

    @functools.cached_property
    def bids(self) -> tuple[BookLevel, ...]:
        """Bids, best (highest price) first, without empty slots."""
        return tuple(
            BookLevel(row.bid_price, row.bid_size)
            for row in self._exact_rows
            if row.bid_price and row.bid_size
        )

    @functools.cached_property
    def float_levels(self) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
        """``(asks, bids)``, each ``(price, size)`` pairs, best first: for painting, not for orders."""
        rows = self._rows(_FloatUnit)
        return (
            tuple((r.ask_price, r.ask_size) for r in rows if r.ask_price and r.ask_size),
            tuple((r.bid_price, r.bid_size) for r in rows if r.bid_price and r.bid_size),
        )

    def count_rows(self) -> int:
        """How many rows there are, empty ones too, and whether they can be read; at little cost.

        Their syntax was checked with the frame. What stands between the numbers shows whether they are where
        they belong, and it is nearly always the same text, which was read once.

        Raises:
            DecodeError: as all readers of the rows; one number of absurd length may show only there.
        """
        text = bytes(self.units_json)
        shape = text.translate(None, _NUMBER_TEXT)
        known = _readable_shapes[type(self) is self._public]
        rows = known.rows_of(shape)
        if rows is None or len(text) > _NUMBERS_SHARE * len(shape):
            rows = len(self._rows(_FloatUnit))
            known.add(shape, rows)
        return rows

    def truncated(self, depth: int) -> OrderbookEvent:
        """The same book with at most `depth` rows and the totals of those rows.

        That is what Upbit sends for the code suffix ``.depth``: its totals are the sums of the frame. The
        other rows are gone: no copy of the cut book brings them back.

        Raises:
            DecodeError: a row is unreadable.
            ValueError: `depth` is negative.
        """
        if depth < 0:
            raise ValueError(f"depth: 0 or more rows, not {depth}")
        if self.count_rows() <= depth:
            return self
        texts = _raw_rows_decoder.decode(self.units_json)[:depth]
        book = msgspec.structs.replace(self, units_json=msgspec.Raw(b"[" + b",".join(texts) + b"]"))
        rows = book._exact_rows
        for name in ("ask_size", "bid_size"):
            total = sum((getattr(row, name) or Decimal(0) for row in rows), Decimal(0))
            msgspec.structs.force_setattr(book, f"total_{name}", total)
        return book

    def __repr__(self) -> str:
        try:
            levels = self.float_levels
        except DecodeError:
            return f"OrderbookEvent({self.code}, timestamp={self.timestamp}, unreadable rows)"
        best = " / ".join(f"{side[0][0]:,.8g}" if side else "–" for side in levels)
        return (
            f"OrderbookEvent({self.code}, {self.stream_type.value}, timestamp={self.timestamp}, "
            f"level={self.level}, {len(levels[0])} asks and {len(levels[1])} bids, best {best})"
        )

    def _values(self) -> tuple[Any, ...]:
        names = (name for name in self._public.__struct_fields__ if name != "units_json")
        return (*(getattr(self, name) for name in names), self.orderbook_units)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = msgspec.structs.asdict(self)
        if type(self) is not self._public:
            # Under the public class's names, with the empty rows; an empty slot is a zero on the wire.
            fields["units_json"] = msgspec.Raw(
                _exact_encoder.encode(list(map(_public_unit, self._exact_rows)))
            )
        return _rebuild, (self._public, fields)


_exact_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_raw_rows_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])


@_event_type(
    "candle",
    wire_type="candle",
    units=tuple(CandleUnit),
    scope=Scope.PUBLIC,
    delivery=Delivery.LATEST,
    has_snapshot=True,
    conflation_fields=("candle_date_time_utc",),
    recovery=Recovery.BY_START,
)
class CandleEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A candle so far (protocol section 3.4). The same candle comes many times; the last one wins.

    No frame says that a candle is closed: it is, once a later one appears. Periods without a trade
    have no candle at all.
    """

    candle_date_time_utc: Annotated[str, _key("cdttmu")]
    candle_date_time_kst: Annotated[str, _key("cdttmk")]
    opening_price: Annotated[Decimal, _key("op")]
    high_price: Annotated[Decimal, _key("hp")]
    low_price: Annotated[Decimal, _key("lp")]
    trade_price: Annotated[Decimal, _key("tp")]
    candle_acc_trade_volume: Annotated[Decimal, _key("catv")]
    candle_acc_trade_price: Annotated[Decimal, _key("catp")]

    @property
    def unit(self) -> CandleUnit:
        """Length of the candle; `period` for those that only REST gives."""
        return CandleUnit(self.type.partition(".")[2])

    @property
    def period(self) -> CandlePeriod | None:
        """Length of a candle of a day and longer; None for the others."""
        unit = self.type.partition(".")[2]
        return CandlePeriod(unit) if unit in set(CandlePeriod) else None

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, UTC."""
        return _utc_of(self.candle_date_time_utc)

    def is_older_than(self, other: CandleEvent) -> bool:
        """Whether this is an earlier word on the same candle.

        The volume of a candle only grows. ``timestamp`` decides between equal ones only: over REST it is the
        time of the last trade, on the socket that of the frame, which a trade it lacks may precede.
        """
        mine = (self.candle_acc_trade_volume, self.timestamp)
        return mine < (other.candle_acc_trade_volume, other.timestamp)


# --- private types (protocol section 3.5 to 3.7) --------------------------------------------------


@_event_type(
    "my_order",
    wire_type="myOrder",
    scope=Scope.PRIVATE,
    delivery=Delivery.EVERY,
    codes=CodeRule.OPTIONAL,
)
class MyOrderEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Something happened to one of your orders (protocol section 3.5).

    With ``state`` TRADE, `price` and `volume` are those of the fill. In a CANCEL frame
    `remaining_volume` and `locked` keep the value they had. A market buy usually ends as CANCEL,
    because a remainder cannot be spent.
    """

    uuid: Annotated[str, _key("uid")]
    ask_bid: Annotated[AskBid, _key("ab")]
    order_type: Annotated[OrderType, _key("ot")]
    state: Annotated[OrderState, _key("s")]
    trade_uuid: Annotated[str | None, _key("tuid")] = None
    price: Annotated[Decimal | None, _key("p")] = None
    avg_price: Annotated[Decimal | None, _key("ap")] = None
    volume: Annotated[Decimal | None, _key("v")] = None
    remaining_volume: Annotated[Decimal | None, _key("rv")] = None
    executed_volume: Annotated[Decimal | None, _key("ev")] = None
    trades_count: Annotated[int | None, _key("tc")] = None
    reserved_fee: Annotated[Decimal | None, _key("rsf")] = None
    remaining_fee: Annotated[Decimal | None, _key("rmf")] = None
    paid_fee: Annotated[Decimal | None, _key("pf")] = None
    locked: Annotated[Decimal | None, _key("l")] = None
    executed_funds: Annotated[Decimal | None, _key("ef")] = None
    time_in_force: Annotated[TimeInForce | None, _key("tif")] = None
    trade_fee: Annotated[Decimal | None, _key("tf")] = None
    is_maker: Annotated[bool | None, _key("im")] = None
    identifier: Annotated[str | None, _key("id")] = None
    smp_type: Annotated[SmpType | None, _key("smpt")] = None
    prevented_volume: Annotated[Decimal | None, _key("pv")] = None
    prevented_locked: Annotated[Decimal | None, _key("pl")] = None
    trade_timestamp: Annotated[int | None, _key("ttms")] = None
    order_timestamp: Annotated[int | None, _key("otms")] = None

    @property
    def traded_at(self) -> datetime | None:
        """Time of the fill, aware, UTC; None unless something was filled."""
        return None if self.trade_timestamp is None else _utc(self.trade_timestamp)

    @property
    def ordered_at(self) -> datetime | None:
        """Time the order was placed, aware, UTC, with a resolution of one second."""
        return None if self.order_timestamp is None else _utc(self.order_timestamp)


class Asset(_WireStruct, frozen=True, kw_only=True, eq=False):
    """Balance of one currency after a change."""

    currency: Annotated[str, _key("cu")]
    balance: Annotated[Decimal, _key("b")]
    """Available, that is without what orders hold."""
    locked: Annotated[Decimal, _key("l")]


@_event_type(
    "my_asset",
    wire_type="myAsset",
    scope=Scope.PRIVATE,
    delivery=Delivery.EVERY,
    codes=CodeRule.FORBIDDEN,
)
class MyAssetEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Changed balances; only the currencies that changed (protocol section 3.6)."""

    asset_uuid: Annotated[str, _key("astuid")]
    assets: Annotated[tuple[Asset, ...], _key("ast")]
    asset_timestamp: Annotated[int, _key("asttms")]


@_event_type(
    "announcement",
    wire_type="announcement",
    scope=Scope.PRIVATE,
    delivery=Delivery.EVERY,
    codes=CodeRule.FORBIDDEN,
    options=("categories", "include_body"),
    accepts=lambda event, options: (
        options.get("categories") is None or event.category in options["categories"]
    ),
)
class AnnouncementEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A notice of the exchange (protocol section 3.7)."""

    event_type: Annotated[AnnouncementEventType, _key("et")]
    uuid: Annotated[str, _key("uid")]
    title: Annotated[str, _key("tt")]
    category: Annotated[AnnouncementCategory, _key("cat")]
    url: Annotated[str, _key("url")]
    first_listed_at: Annotated[str, _key("flat")]
    listed_at: Annotated[str, _key("lat")]
    body: Annotated[str | None, _key("bd")] = None
    """Only when asked for; may be None for a large notice."""


# --- info types (protocol section 3.8) ------------------------------------------------------------


class IndicatorParams(_WireStruct, frozen=True, kw_only=True, eq=False, omit_defaults=True):
    """Parameters of an indicator; which are present depends on the indicator."""

    period: Annotated[int | None, _key("p")] = None
    type: Annotated[str | None, _key("t")] = None
    short_period: Annotated[int | None, _key("shp")] = None
    long_period: Annotated[int | None, _key("lop")] = None
    multiplier: Annotated[Decimal | None, _key("m")] = None
    fast: Annotated[int | None, _key("f")] = None
    slow: Annotated[int | None, _key("s")] = None
    signal_period: Annotated[int | None, _key("sgp")] = None


class IndicatorEventParams(_WireStruct, frozen=True, kw_only=True, eq=False, omit_defaults=True):
    """Threshold that a signal was asked with."""

    threshold: Annotated[Decimal | None, _key("th")] = None
    multiplier: Annotated[Decimal | None, _key("mul")] = None


class IndicatorValue(_WireStruct, frozen=True, kw_only=True, eq=False, omit_defaults=True):
    """Values of an indicator; which are present depends on the indicator."""

    value: Decimal | None = None
    rsi: Decimal | None = None
    volume: Annotated[Decimal | None, _key("vol")] = None
    avg_volume: Annotated[Decimal | None, _key("av")] = None
    ratio: Annotated[Decimal | None, _key("rto")] = None
    ma_short: Annotated[Decimal | None, _key("mas")] = None
    ma_long: Annotated[Decimal | None, _key("mal")] = None
    bb_upper: Annotated[Decimal | None, _key("bbu")] = None
    bb_middle: Annotated[Decimal | None, _key("bbm")] = None
    bb_lower: Annotated[Decimal | None, _key("bbl")] = None
    macd: Decimal | None = None
    macd_signal: Annotated[Decimal | None, _key("macds")] = None
    histogram: Annotated[Decimal | None, _key("hist")] = None


class IndicatorDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One indicator of a request: ``indicators=[IndicatorDefinition(type="rsi", params=…)]``.

    `trigger` and `event_params` are for indicator_signal only.
    """

    type: str
    params: IndicatorParams
    trigger: str | None = None
    event_params: IndicatorEventParams | None = None


def _is_among_definitions(event: Any, options: Mapping[str, Any]) -> bool:
    return any(
        event.indicator == wanted.type
        and event.params == wanted.params
        and wanted.trigger in (None, getattr(event, "trigger", None))
        and wanted.event_params in (None, getattr(event, "event_params", None))
        for wanted in options.get("indicators") or ()
    )


@_event_type(
    "indicator",
    wire_type="indicator",
    scope=Scope.INFO,
    delivery=Delivery.EVERY,
    options=("timeframe", "indicators"),
    stream_fields=("timeframe",),
    accepts=_is_among_definitions,
)
class IndicatorEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """An indicator computed by Upbit at the close of a candle (protocol section 3.8)."""

    timeframe: Annotated[IndicatorTimeframe, _key("tf")]
    indicator: Annotated[str, _key("ind")]
    params: Annotated[IndicatorParams, _key("p")]
    candle_date_time_utc: Annotated[str, _key("cdttmu")]
    value: Annotated[IndicatorValue, _key("v")]

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, UTC."""
        return _utc_of(self.candle_date_time_utc)


@_event_type(
    "indicator_signal",
    wire_type="indicator_signal",
    scope=Scope.INFO,
    delivery=Delivery.EVERY,
    options=("timeframe", "indicators"),
    stream_fields=("timeframe",),
    accepts=_is_among_definitions,
)
class IndicatorSignalEvent(_CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A condition on an indicator came true at the close of a candle (protocol section 3.8)."""

    timeframe: Annotated[IndicatorTimeframe, _key("tf")]
    indicator: Annotated[str, _key("ind")]
    params: Annotated[IndicatorParams, _key("p")]
    trigger: Annotated[str, _key("tr")]
    event_params: Annotated[IndicatorEventParams, _key("ep")]
    candle_date_time_utc: Annotated[str, _key("cdttmu")]
    value: Annotated[IndicatorValue, _key("v")]

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, UTC."""
        return _utc_of(self.candle_date_time_utc)


def rows_of(scope: Scope) -> Iterable[EventType]:
    """The rows that an endpoint serves."""
    return (row for row in EVENT_TYPES.values() if row.scope is scope)
