"""The enumerations. Unknown values survive as unknown, except sides: an unknown one is no side."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = [
    "AnnouncementCategory",
    "AnnouncementEventType",
    "AskBid",
    "CandlePeriod",
    "CandleUnit",
    "Change",
    "CodeRule",
    "ConnectionState",
    "Delivery",
    "IndicatorTimeframe",
    "IndicatorType",
    "MarketState",
    "MarketWarning",
    "OrderState",
    "OrderType",
    "Recovery",
    "Scope",
    "SmpType",
    "StreamType",
    "TimeInForce",
    "WireFormat",
]


class _OpenStrEnum(enum.StrEnum):
    """An enumeration of descriptive values that accepts unknown ones.

    An unknown value compares equal to its own text, and its ``name`` is ``UNKNOWN``; Upbit adds
    values without notice, and a new warning level must not make the whole frame unreadable.
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
        """Whether this value is documented, as of this version of the library."""
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
    """The four formats of protocol section 2.2; one connection uses one format."""

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
    """No subscriptions, so no connection."""
    CONNECTING = "connecting"
    """The first connection is being opened."""
    LIVE = "live"
    """Connected, and what was requested arrives."""
    STALE = "stale"
    """Connected, but expected data does not arrive."""
    RECONNECTING = "reconnecting"
    """The connection was lost; the next attempt is under way or waiting."""
    RESYNCING = "resyncing"
    """Reconnected; the subscription was sent and its first frames are awaited."""
    REJECTED = "rejected"
    """Upbit refused the key or the request; no automatic retry."""
    CLOSED = "closed"
    """Closed for good, by the application."""


class CodeRule(enum.Enum):
    """Whether a request of a type carries ``codes`` (protocol section 2.1)."""

    REQUIRED = enum.auto()
    OPTIONAL = enum.auto()
    FORBIDDEN = enum.auto()


class Recovery(enum.Enum):
    """How missed events of a stream are identified and fetched over REST."""

    BY_ID = enum.auto()
    """Each event has its own id, ``order_field``, and a ``trade_timestamp``."""
    BY_START = enum.auto()
    """One event per period (its first conflation field), replaced by each update of that period."""


class StreamType(_OpenStrEnum):
    """Whether an event is a first snapshot, a change, or was fetched after a gap."""

    SNAPSHOT = "SNAPSHOT"
    REALTIME = "REALTIME"
    RECOVERED = "RECOVERED"
    """Not Upbit's: missed while the connection was down and fetched over REST afterwards."""


class Change(_OpenStrEnum):
    """Price relative to the previous day's close."""

    RISE = "RISE"
    EVEN = "EVEN"
    FALL = "FALL"


class AskBid(enum.StrEnum):
    """Side. Strict: an unknown side is never a guess; the field is None, or the frame refused."""

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
    """Candle lengths that Upbit streams; the socket has no day candles."""

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
    """Candle lengths available only over REST. A day is 00:00 to 24:00 UTC; weeks begin on Monday."""

    DAY = "1d"
    WEEK = "1w"
    MONTH = "1M"
    YEAR = "1y"

    def start_of(self, moment: datetime) -> datetime:
        """Start of the candle that contains an aware datetime; aware, UTC.

        Raises:
            ValueError: the datetime is naive.
        """
        if moment.tzinfo is None:
            raise ValueError("give an aware datetime, for example datetime.now(UTC)")
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self is CandlePeriod.WEEK:
            return day - timedelta(days=day.weekday())
        if self is CandlePeriod.DAY:
            return day
        return day.replace(day=1) if self is CandlePeriod.MONTH else day.replace(month=1, day=1)


class OrderType(_OpenStrEnum):
    """Order type; ``price`` is a market buy by amount, ``market`` a market sell."""

    LIMIT = "limit"
    PRICE = "price"
    MARKET = "market"
    BEST = "best"


class OrderState(_OpenStrEnum):
    """What happened to an order. An unknown state is taken for neither: an account then asks REST."""

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
    """Category of a notice; the last five come from Upbit's SDK and are not documented."""

    NOTICE = "notice"
    TRADE = "trade"
    WALLET = "wallet"
    MAINTENANCE = "maintenance"
    DIGITAL_ASSET = "digital_asset"
    NFT = "nft"
    SERVICE = "service"
    EVENT = "event"
    NOTE = "note"
    TRADING = "trading"
    AIRDROP = "airdrop"
    FEATURE = "feature"
    DISCLOSURE = "disclosure"


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
