"""The event types of the market, the account and the exchange's news, one class and `EventSpec` each.

A field that is not among its spec's ``vital`` ones may be None: Upbit adds, renames and drops fields, and the
rest of an event is worth having (`qt_upbit.types.tolerant_reading`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from qt_upbit.types.enums import (
    AnnouncementCategory,
    AnnouncementEventType,
    AskBid,
    CandlePeriod,
    CandleUnit,
    Change,
    CodeRule,
    Delivery,
    IndicatorTimeframe,
    MarketState,
    MarketWarning,
    OrderState,
    OrderType,
    Recovery,
    Scope,
    SmpType,
    TimeInForce,
)
from qt_upbit.types.indicators import (
    INDICATORS,
    INDICATORS_WITH_TRIGGER,
    IndicatorEventParams,
    IndicatorParams,
    is_among_definitions,
)
from qt_upbit.types.options import CATEGORIES, INCLUDE_BODY, LEVEL, TIMEFRAME
from qt_upbit.types.orderbook import OrderbookEvent
from qt_upbit.types.registry import BaseWebSocketEvent, CodeEvent, event_type, utc_from_ms, utc_from_text
from qt_upbit.types.wire_struct import WireStruct, wire_key

__all__ = [
    "AnnouncementEvent",
    "Asset",
    "CandleEvent",
    "IndicatorEvent",
    "IndicatorSignalEvent",
    "IndicatorValue",
    "MyAssetEvent",
    "MyOrderEvent",
    "TickerEvent",
    "TradeEvent",
]


_DATE: Final = re.compile(r"([0-9]{4})([-./])([0-9]{1,2})\2([0-9]{1,2})")


def _read_date(value: Any) -> str | None:
    """A date as ISO text, ``2026-12-21``, from any form that Upbit or a Java library sends (section 13).

    Text with a time of day stays as it is; what is not a date becomes None.
    """
    match value:
        case str():
            found = _DATE.fullmatch(value)
            if found is not None:
                return _date_text(found[1], found[3], found[4])
            return _iso_text(value)
        case Mapping():
            month = value.get("monthValue", value.get("month"))
            return _date_text(value.get("year"), month, value.get("day", value.get("dayOfMonth")))
        case [year, month, day]:
            return _date_text(year, month, day)
    return None


def _date_text(*parts: Any) -> str | None:
    if any(isinstance(part, bool) or not isinstance(part, int | str) for part in parts):
        return None
    try:
        return date(*map(int, parts)).isoformat()
    except (ValueError, OverflowError):
        return None


def _iso_text(text: str) -> str | None:
    """Other ISO forms: ``20261221`` as a date, a date with a time as it is."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


@event_type(
    "ticker",
    wire_type="ticker",
    scope=Scope.PUBLIC,
    delivery=Delivery.LATEST,
    vital=("type", "code", "timestamp", "trade_price"),
    has_snapshot=True,
)
class TickerEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Current price of a pair and its daily figures (protocol section 3.1).

    ``acc_*`` count from 00:00 UTC, ``*_24h`` over the last 24 hours. Rates are fractions:
    0.01 is one per cent.
    """

    opening_price: Annotated[Decimal | None, wire_key("op")]
    high_price: Annotated[Decimal | None, wire_key("hp")]
    low_price: Annotated[Decimal | None, wire_key("lp")]
    trade_price: Annotated[Decimal, wire_key("tp")]
    prev_closing_price: Annotated[Decimal | None, wire_key("pcp")]
    acc_trade_price: Annotated[Decimal | None, wire_key("atp")]
    change: Annotated[Change | None, wire_key("c")]
    change_price: Annotated[Decimal | None, wire_key("cp")]
    signed_change_price: Annotated[Decimal | None, wire_key("scp")]
    change_rate: Annotated[Decimal | None, wire_key("cr")]
    signed_change_rate: Annotated[Decimal | None, wire_key("scr")]
    ask_bid: Annotated[AskBid | None, wire_key("ab")] = None
    """Side of the last trade's taker; None from REST, which omits it."""
    trade_volume: Annotated[Decimal | None, wire_key("tv")]
    acc_trade_volume: Annotated[Decimal | None, wire_key("atv")]
    trade_date: Annotated[str | None, wire_key("tdt")]
    trade_time: Annotated[str | None, wire_key("ttm")]
    trade_timestamp: Annotated[int | None, wire_key("ttms")]
    acc_ask_volume: Annotated[Decimal | None, wire_key("aav")] = None
    """Sold by takers; None from REST, as is the next."""
    acc_bid_volume: Annotated[Decimal | None, wire_key("abv")] = None
    highest_52_week_price: Annotated[Decimal | None, wire_key("h52wp")] = None
    highest_52_week_date: Annotated[str | None, wire_key("h52wdt")] = None
    lowest_52_week_price: Annotated[Decimal | None, wire_key("l52wp")] = None
    lowest_52_week_date: Annotated[str | None, wire_key("l52wdt")] = None
    market_state: Annotated[MarketState | None, wire_key("ms")] = MarketState.ACTIVE
    is_trading_suspended: Annotated[bool | None, wire_key("its")] = None
    """Deprecated by Upbit; None once it is gone."""
    delisting_date: Annotated[str | None, wire_key("dd", reader=_read_date)] = None
    """ISO date, once a delisting is scheduled; None if there is none or the value is not a date."""
    market_warning: Annotated[MarketWarning | None, wire_key("mw")] = None
    """Deprecated by Upbit; None once it is gone."""
    acc_trade_price_24h: Annotated[Decimal | None, wire_key("atp24h")]
    acc_trade_volume_24h: Annotated[Decimal | None, wire_key("atv24h")]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delisting_date is not None:
            msgspec.structs.force_setattr(self, "delisting_date", _read_date(self.delisting_date))

    @property
    def traded_at(self) -> datetime | None:
        """Time of the last trade, aware, UTC; None if the frame did not say."""
        return None if self.trade_timestamp is None else utc_from_ms(self.trade_timestamp)


@event_type(
    "trade",
    wire_type="trade",
    scope=Scope.PUBLIC,
    delivery=Delivery.EVERY,
    vital=("type", "code", "timestamp", "trade_timestamp", "trade_price", "trade_volume", "sequential_id"),
    has_snapshot=True,
    order_field="sequential_id",
    order_is_identity=True,
    recovery=Recovery.BY_ID,
)
class TradeEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """One trade (protocol section 3.2). Trades of a pair may arrive out of order."""

    trade_date: Annotated[str | None, wire_key("td")]
    trade_time: Annotated[str | None, wire_key("ttm")]
    trade_timestamp: Annotated[int, wire_key("ttms")]
    trade_price: Annotated[Decimal, wire_key("tp")]
    trade_volume: Annotated[Decimal, wire_key("tv")]
    ask_bid: Annotated[AskBid | None, wire_key("ab")]
    """Side of the taker."""
    prev_closing_price: Annotated[Decimal | None, wire_key("pcp")]
    change: Annotated[Change | None, wire_key("c")]
    change_price: Annotated[Decimal | None, wire_key("cp")]
    sequential_id: Annotated[int, wire_key("sid")]
    """Unique, but not guaranteed to increase; larger than 2**53."""
    best_ask_price: Annotated[Decimal | None, wire_key("bap")] = None
    best_ask_size: Annotated[Decimal | None, wire_key("bas")] = None
    best_bid_price: Annotated[Decimal | None, wire_key("bbp")] = None
    best_bid_size: Annotated[Decimal | None, wire_key("bbs")] = None

    @property
    def traded_at(self) -> datetime:
        """Time of the trade, aware, UTC."""
        return utc_from_ms(self.trade_timestamp)


# Here rather than in `orderbook.py`: specs are declared in the order of the documentation.
event_type(
    "orderbook",
    wire_type="orderbook",
    scope=Scope.PUBLIC,
    delivery=Delivery.LATEST,
    vital=("type", "code", "timestamp", "units_json"),
    has_snapshot=True,
    has_depth=True,
    options=(LEVEL,),
    stream_fields=("level",),
)(OrderbookEvent)


@event_type(
    "candle",
    wire_type="candle",
    units=tuple(CandleUnit),
    scope=Scope.PUBLIC,
    delivery=Delivery.LATEST,
    vital=(
        "type",
        "code",
        "timestamp",
        "candle_date_time_utc",
        "opening_price",
        "high_price",
        "low_price",
        "trade_price",
    ),
    has_snapshot=True,
    conflation_fields=("candle_date_time_utc",),
    recovery=Recovery.BY_START,
)
class CandleEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A candle so far (protocol section 3.4). The same candle is sent many times; the last update wins.

    No frame says that a candle is closed: it is, once a later one appears. Periods without a trade
    have no candle.
    """

    candle_date_time_utc: Annotated[str, wire_key("cdttmu")]
    candle_date_time_kst: Annotated[str | None, wire_key("cdttmk")]
    opening_price: Annotated[Decimal, wire_key("op")]
    high_price: Annotated[Decimal, wire_key("hp")]
    low_price: Annotated[Decimal, wire_key("lp")]
    trade_price: Annotated[Decimal, wire_key("tp")]
    candle_acc_trade_volume: Annotated[Decimal | None, wire_key("catv")]
    candle_acc_trade_price: Annotated[Decimal | None, wire_key("catp")]

    @property
    def unit(self) -> CandleUnit:
        """Length of the candle; see `period` for lengths available only over REST."""
        return CandleUnit(self.type.partition(".")[2])

    @property
    def period(self) -> CandlePeriod | None:
        """Length of a candle of a day or longer; None for shorter ones."""
        unit = self.type.partition(".")[2]
        return CandlePeriod(unit) if unit in set(CandlePeriod) else None

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, UTC."""
        return utc_from_text(self.candle_date_time_utc)

    def is_older_than(self, other: CandleEvent) -> bool:
        """Whether this is an earlier update of the same candle.

        The volume of a candle only grows. ``timestamp`` decides only if volumes are equal: over REST it is
        the time of the last trade, on the socket that of the frame, which may be later than a trade it lacks.
        """
        if self.candle_acc_trade_volume is None or other.candle_acc_trade_volume is None:
            return self.timestamp < other.timestamp
        mine = (self.candle_acc_trade_volume, self.timestamp)
        return mine < (other.candle_acc_trade_volume, other.timestamp)


@event_type(
    "my_order",
    wire_type="myOrder",
    scope=Scope.PRIVATE,
    delivery=Delivery.EVERY,
    vital=("type", "code", "timestamp", "uuid", "ask_bid", "order_type", "state"),
    codes=CodeRule.OPTIONAL,
)
class MyOrderEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A change of one of your orders (protocol section 3.5).

    With ``state`` TRADE, `price` and `volume` are those of the fill. In a CANCEL frame
    `remaining_volume` and `locked` retain their last values. A market buy usually ends as CANCEL,
    because a remainder cannot be spent.
    """

    uuid: Annotated[str, wire_key("uid")]
    ask_bid: Annotated[AskBid, wire_key("ab")]
    order_type: Annotated[OrderType, wire_key("ot")]
    state: Annotated[OrderState, wire_key("s")]
    trade_uuid: Annotated[str | None, wire_key("tuid")] = None
    price: Annotated[Decimal | None, wire_key("p")] = None
    avg_price: Annotated[Decimal | None, wire_key("ap")] = None
    volume: Annotated[Decimal | None, wire_key("v")] = None
    remaining_volume: Annotated[Decimal | None, wire_key("rv")] = None
    executed_volume: Annotated[Decimal | None, wire_key("ev")] = None
    trades_count: Annotated[int | None, wire_key("tc")] = None
    reserved_fee: Annotated[Decimal | None, wire_key("rsf")] = None
    remaining_fee: Annotated[Decimal | None, wire_key("rmf")] = None
    paid_fee: Annotated[Decimal | None, wire_key("pf")] = None
    locked: Annotated[Decimal | None, wire_key("l")] = None
    executed_funds: Annotated[Decimal | None, wire_key("ef")] = None
    time_in_force: Annotated[TimeInForce | None, wire_key("tif")] = None
    trade_fee: Annotated[Decimal | None, wire_key("tf")] = None
    is_maker: Annotated[bool | None, wire_key("im")] = None
    identifier: Annotated[str | None, wire_key("id")] = None
    smp_type: Annotated[SmpType | None, wire_key("smpt")] = None
    prevented_volume: Annotated[Decimal | None, wire_key("pv")] = None
    prevented_locked: Annotated[Decimal | None, wire_key("pl")] = None
    trade_timestamp: Annotated[int | None, wire_key("ttms")] = None
    order_timestamp: Annotated[int | None, wire_key("otms")] = None

    @property
    def traded_at(self) -> datetime | None:
        """Time of the fill, aware, UTC; None if this is not a fill."""
        return None if self.trade_timestamp is None else utc_from_ms(self.trade_timestamp)

    @property
    def ordered_at(self) -> datetime | None:
        """Time the order was placed, aware, UTC, with a resolution of one second."""
        return None if self.order_timestamp is None else utc_from_ms(self.order_timestamp)


class Asset(WireStruct, frozen=True, kw_only=True, eq=False):
    """Balance of one currency after a change."""

    vital = ("currency",)

    currency: Annotated[str, wire_key("cu")]
    balance: Annotated[Decimal | None, wire_key("b")]
    """Available, that is without what is locked."""
    locked: Annotated[Decimal | None, wire_key("l")]


@event_type(
    "my_asset",
    wire_type="myAsset",
    scope=Scope.PRIVATE,
    delivery=Delivery.EVERY,
    vital=("type", "timestamp", "assets"),
    codes=CodeRule.FORBIDDEN,
)
class MyAssetEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Balances of the currencies that changed, and only those (protocol section 3.6)."""

    asset_uuid: Annotated[str | None, wire_key("astuid")]
    assets: Annotated[tuple[Asset, ...], wire_key("ast")]
    asset_timestamp: Annotated[int | None, wire_key("asttms")]


@event_type(
    "announcement",
    wire_type="announcement",
    scope=Scope.PRIVATE,
    delivery=Delivery.EVERY,
    vital=("type", "timestamp", "uuid", "title"),
    codes=CodeRule.FORBIDDEN,
    options=(CATEGORIES, INCLUDE_BODY),
    accepts=lambda event, options: (
        options.get("categories") is None or event.category is None or event.category in options["categories"]
    ),
)
class AnnouncementEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A notice of the exchange (protocol section 3.7)."""

    event_type: Annotated[AnnouncementEventType | None, wire_key("et")]
    uuid: Annotated[str, wire_key("uid")]
    title: Annotated[str, wire_key("tt")]
    category: Annotated[AnnouncementCategory | None, wire_key("cat")]
    url: Annotated[str | None, wire_key("url")]
    first_listed_at: Annotated[str | None, wire_key("flat")]
    listed_at: Annotated[str | None, wire_key("lat")]
    body: Annotated[str | None, wire_key("bd")] = None
    """Only if requested; may be None for a large notice."""


class IndicatorValue(WireStruct, frozen=True, kw_only=True, eq=False, omit_defaults=True):
    """Values of an indicator; which are present depends on the indicator."""

    value: Decimal | None = None
    rsi: Decimal | None = None
    volume: Annotated[Decimal | None, wire_key("vol")] = None
    avg_volume: Annotated[Decimal | None, wire_key("av")] = None
    ratio: Annotated[Decimal | None, wire_key("rto")] = None
    ma_short: Annotated[Decimal | None, wire_key("mas")] = None
    ma_long: Annotated[Decimal | None, wire_key("mal")] = None
    bb_upper: Annotated[Decimal | None, wire_key("bbu")] = None
    bb_middle: Annotated[Decimal | None, wire_key("bbm")] = None
    bb_lower: Annotated[Decimal | None, wire_key("bbl")] = None
    macd: Decimal | None = None
    macd_signal: Annotated[Decimal | None, wire_key("macds")] = None
    histogram: Annotated[Decimal | None, wire_key("hist")] = None


@event_type(
    "indicator",
    wire_type="indicator",
    scope=Scope.INFO,
    delivery=Delivery.EVERY,
    vital=("type", "code", "timestamp", "timeframe", "indicator", "params", "value"),
    options=(TIMEFRAME, INDICATORS),
    stream_fields=("timeframe",),
    accepts=is_among_definitions,
)
class IndicatorEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """An indicator computed by Upbit at the close of a candle (protocol section 3.8)."""

    timeframe: Annotated[IndicatorTimeframe, wire_key("tf")]
    indicator: Annotated[str, wire_key("ind")]
    params: Annotated[IndicatorParams, wire_key("p")]
    candle_date_time_utc: Annotated[str | None, wire_key("cdttmu")]
    value: Annotated[IndicatorValue, wire_key("v")]

    @property
    def start(self) -> datetime | None:
        """Start of the candle, aware, UTC; None if the frame did not say."""
        return None if self.candle_date_time_utc is None else utc_from_text(self.candle_date_time_utc)


@event_type(
    "indicator_signal",
    wire_type="indicator_signal",
    scope=Scope.INFO,
    delivery=Delivery.EVERY,
    vital=("type", "code", "timestamp", "timeframe", "indicator", "params", "trigger", "value"),
    options=(TIMEFRAME, INDICATORS_WITH_TRIGGER),
    stream_fields=("timeframe",),
    accepts=is_among_definitions,
)
class IndicatorSignalEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A condition on an indicator came true at the close of a candle (protocol section 3.8)."""

    timeframe: Annotated[IndicatorTimeframe, wire_key("tf")]
    indicator: Annotated[str, wire_key("ind")]
    params: Annotated[IndicatorParams, wire_key("p")]
    trigger: Annotated[str, wire_key("tr")]
    event_params: Annotated[IndicatorEventParams | None, wire_key("ep")]
    candle_date_time_utc: Annotated[str | None, wire_key("cdttmu")]
    value: Annotated[IndicatorValue, wire_key("v")]

    @property
    def start(self) -> datetime | None:
        """Start of the candle, aware, UTC; None if the frame did not say."""
        return None if self.candle_date_time_utc is None else utc_from_text(self.candle_date_time_utc)
