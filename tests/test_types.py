"""The declarations of types.py against the protocol's own tables."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from qt_upbit.models import decode, encode
from qt_upbit.types import (
    EVENT_TYPES,
    KST,
    AskBid,
    Asset,
    BaseWebSocketEvent,
    BookLevel,
    CandlePeriod,
    CandleUnit,
    Change,
    IndicatorEventParams,
    IndicatorParams,
    IndicatorValue,
    MarketState,
    OrderbookEvent,
    OrderbookUnit,
    OrderState,
    Scope,
    WireFormat,
    spec_of,
)
from qt_upbit.types.wire_struct import WireStruct, simple_class_of, simple_key_of
from tests.support.frames import all_events, lines

# DEFAULT:SIMPLE pairs, copied by hand from section 3 of the protocol page.
_COMMON = "type:ty timestamp:tms stream_type:st "
FIELDS = {
    "ticker": _COMMON
    + "code:cd opening_price:op high_price:hp low_price:lp trade_price:tp prev_closing_price:pcp change:c "
    "change_price:cp signed_change_price:scp change_rate:cr signed_change_rate:scr trade_volume:tv "
    "acc_trade_volume:atv acc_trade_volume_24h:atv24h acc_trade_price:atp acc_trade_price_24h:atp24h "
    "trade_date:tdt trade_time:ttm trade_timestamp:ttms ask_bid:ab acc_ask_volume:aav acc_bid_volume:abv "
    "highest_52_week_price:h52wp highest_52_week_date:h52wdt lowest_52_week_price:l52wp "
    "lowest_52_week_date:l52wdt market_state:ms is_trading_suspended:its delisting_date:dd market_warning:mw",
    "trade": _COMMON
    + "code:cd trade_date:td trade_time:ttm trade_timestamp:ttms trade_price:tp trade_volume:tv ask_bid:ab "
    "prev_closing_price:pcp change:c change_price:cp sequential_id:sid best_ask_price:bap best_ask_size:bas "
    "best_bid_price:bbp best_bid_size:bbs",
    "orderbook": _COMMON + "code:cd total_ask_size:tas total_bid_size:tbs orderbook_units:obu level:lv",
    "candle": _COMMON
    + "code:cd candle_date_time_utc:cdttmu candle_date_time_kst:cdttmk opening_price:op high_price:hp "
    "low_price:lp trade_price:tp candle_acc_trade_volume:catv candle_acc_trade_price:catp",
    "my_order": _COMMON
    + "code:cd uuid:uid ask_bid:ab order_type:ot state:s trade_uuid:tuid price:p avg_price:ap volume:v "
    "remaining_volume:rv executed_volume:ev trades_count:tc reserved_fee:rsf remaining_fee:rmf paid_fee:pf "
    "locked:l executed_funds:ef time_in_force:tif trade_fee:tf is_maker:im identifier:id smp_type:smpt "
    "prevented_volume:pv prevented_locked:pl trade_timestamp:ttms order_timestamp:otms",
    "my_asset": _COMMON + "asset_uuid:astuid assets:ast asset_timestamp:asttms",
    "announcement": _COMMON
    + "event_type:et uuid:uid title:tt category:cat url:url first_listed_at:flat listed_at:lat body:bd",
    "indicator": _COMMON + "code:cd timeframe:tf indicator:ind params:p candle_date_time_utc:cdttmu value:v",
    "indicator_signal": _COMMON
    + "code:cd timeframe:tf indicator:ind params:p trigger:tr event_params:ep candle_date_time_utc:cdttmu "
    "value:v",
}
NESTED = {
    OrderbookUnit: "ask_price:ap bid_price:bp ask_size:as bid_size:bs",
    Asset: "currency:cu balance:b locked:l",
    IndicatorParams: "period:p type:t short_period:shp long_period:lop multiplier:m fast:f slow:s "
    "signal_period:sgp",
    IndicatorEventParams: "threshold:th multiplier:mul",
    IndicatorValue: "value:value rsi:rsi volume:vol avg_volume:av ratio:rto ma_short:mas ma_long:mal "
    "bb_upper:bbu bb_middle:bbm bb_lower:bbl macd:macd macd_signal:macds histogram:hist",
}


def _declared(cls: type[WireStruct]) -> set[str]:
    names = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    return {f"{wire}:{simple_key_of(cls, name)}" for name, wire in names}


@pytest.mark.parametrize("name", FIELDS)
def test_every_documented_field_is_declared_and_no_other(name: str) -> None:
    assert _declared(EVENT_TYPES[name].event_class) == set(FIELDS[name].split())


def test_every_type_has_a_documented_table() -> None:
    assert set(FIELDS) == set(EVENT_TYPES)


@pytest.mark.parametrize("cls", NESTED, ids=lambda cls: cls.__name__)
def test_nested_objects_have_the_documented_fields(cls: Any) -> None:
    assert _declared(cls) == set(NESTED[cls].split())


def test_rows_say_where_a_type_is_served() -> None:
    scopes = {name: spec.scope for name, spec in EVENT_TYPES.items()}
    assert {n for n, s in scopes.items() if s is Scope.PRIVATE} == {"my_order", "my_asset", "announcement"}
    assert {n for n, s in scopes.items() if s is Scope.INFO} == {"indicator", "indicator_signal"}


def test_candles_come_in_nine_units() -> None:
    assert EVENT_TYPES["candle"].wire_types == tuple(
        f"candle.{unit}" for unit in ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m")
    )
    assert spec_of("candle.240m") is EVENT_TYPES["candle"]
    assert spec_of("candle.1d") is None
    assert [unit.seconds for unit in CandleUnit] == [1, 60, 180, 300, 600, 900, 1800, 3600, 14400]


@pytest.mark.parametrize(
    ("moment", "starts"),
    [
        ("2026-11-01T23:59:59.999999+00:00", "2026-11-01 2026-10-26 2026-11-01 2026-01-01"),
        ("2026-11-02T00:00:00+00:00", "2026-11-02 2026-11-02 2026-11-01 2026-01-01"),
        # In Korea it is the next year already.
        ("2028-01-01T08:59:59+09:00", "2027-12-31 2027-12-27 2027-12-01 2027-01-01"),
        ("2028-02-29T12:00:00+00:00", "2028-02-29 2028-02-28 2028-02-01 2028-01-01"),
    ],
)
def test_where_a_period_begins(moment: str, starts: str) -> None:
    found = [period.start_of(datetime.fromisoformat(moment)) for period in CandlePeriod]
    assert found == [datetime.fromisoformat(f"{start}T00:00:00+00:00") for start in starts.split()]
    assert all(start.tzinfo is UTC for start in found)


def test_a_moment_without_a_zone_is_in_no_period() -> None:
    with pytest.raises(ValueError, match="aware"):
        CandlePeriod.DAY.start_of(datetime(2026, 11, 1))


@given(all_events)
def test_events_are_immutable_hashable_values(event: BaseWebSocketEvent) -> None:
    with pytest.raises(AttributeError):
        event.timestamp = 1
    for twin in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert twin == event
        assert hash(twin) == hash(event)


@given(all_events)
def test_simple_events_are_instances_of_the_public_class(event: BaseWebSocketEvent) -> None:
    twin = decode(encode(event, WireFormat.SIMPLE))
    assert isinstance(twin, event.spec.event_class)
    assert type(twin) is simple_class_of(event.spec.event_class)
    assert type(twin).__name__ == event.spec.event_class.__name__
    assert pickle.loads(pickle.dumps(twin)) == event


def test_a_simple_book_with_full_rows_survives_pickling() -> None:
    book = decode(lines("orderbook.default.jsonl")[0])
    twin = decode(encode(book, WireFormat.SIMPLE))
    assert pickle.loads(pickle.dumps(twin)) == book
    assert isinstance(twin, OrderbookEvent)
    assert {type(row) for row in twin.orderbook_units} == {OrderbookUnit}


def test_events_of_different_types_are_unequal() -> None:
    trade, ticker = decode(lines("trade.default.jsonl")[0]), decode(lines("ticker.default.jsonl")[0])
    assert trade != ticker
    assert trade != "trade"


def test_unknown_descriptive_values_survive() -> None:
    raw = lines("ticker.default.jsonl")[0].replace(b'"RISE"', b'"SOARING"').replace(b'"ACTIVE"', b'"HALTED"')
    event: Any = decode(raw)
    assert event.change == "SOARING"
    assert event.change.name == "UNKNOWN"
    assert not event.change.is_known
    assert event.market_state == "HALTED"
    assert Change.RISE.is_known
    assert b'"c":"SOARING"' in encode(event, WireFormat.SIMPLE)
    assert pickle.loads(pickle.dumps(event)).change == "SOARING"
    assert MarketState("HALTED") == event.market_state


def test_sides_are_strict_and_states_are_not() -> None:
    state = OrderState("frozen")
    assert (state, state.name, state.is_known) == ("frozen", "UNKNOWN", False)
    with pytest.raises(ValueError, match="HOLD"):
        AskBid("HOLD")


def test_microseconds_are_recognised_in_every_timestamp() -> None:
    event = decode(lines("orderbook.default.quirks.jsonl")[1])
    assert event.timestamp == 1691530805062
    assert event.time == datetime(2023, 8, 8, 21, 40, 5, 62000, UTC)
    trade: Any = decode(lines("trade.default.jsonl")[0].replace(b"1788335180423", b"1788335180423000"))
    assert (trade.timestamp, trade.trade_timestamp) == (1788335180423, 1788335180377)
    micro = lines("trade.default.jsonl")[0].replace(b"1788335180423", b"1788335180423001")
    trade = decode(micro.replace(b"1788335180377,", b"1788335180377001,"))
    assert trade.trade_timestamp == 1788335180377


def test_times_are_aware() -> None:
    trade: Any = decode(lines("trade.default.jsonl")[0])
    assert trade.traded_at == datetime(2026, 9, 2, 7, 46, 20, 377000, UTC)
    assert trade.traded_at.astimezone(KST).hour == 16
    candle: Any = decode(lines("candle.default.jsonl")[0])
    assert candle.start == datetime(2026, 7, 30, 7, 45, tzinfo=UTC)
    assert candle.unit is CandleUnit.M1
    order: Any = decode(lines("myOrder.default.jsonl")[0])
    assert order.ordered_at == datetime(2024, 3, 18, 8, 46, 30, tzinfo=UTC)
    waiting: Any = decode(lines("myOrder.default.jsonl")[1])
    assert waiting.traded_at is None


def test_symbol_stands_beside_code() -> None:
    event: Any = decode(lines("ticker.default.jsonl")[0])
    assert event.symbol == event.code == "KRW-BTC"


def _thin_book() -> OrderbookEvent:
    event = decode(lines("orderbook.default.quirks.jsonl")[0])
    assert isinstance(event, OrderbookEvent)
    return event


def test_empty_slots_are_dropped_on_their_side_only() -> None:
    book = _thin_book()
    assert book.asks == (BookLevel(Decimal("41840.0"), Decimal("103.6")),)
    assert [level.price for level in book.bids] == [Decimal(41730), Decimal(41720)]
    assert book.orderbook_units[1].ask_price is None
    assert book.orderbook_units[1].bid_price == 41720
    assert book.float_levels[0] == ((41840.0, 103.6),)


def test_a_truncated_book_has_the_totals_of_its_rows() -> None:
    book = decode(lines("orderbook.default.jsonl")[2])
    assert isinstance(book, OrderbookEvent)
    cut = book.truncated(5)
    assert len(cut.asks) == len(cut.bids) == len(cut.orderbook_units) == 5
    assert len(cut.float_levels[0]) == 5
    assert cut.total_ask_size == sum(level.size for level in book.asks[:5])
    assert cut.total_bid_size == sum(level.size for level in book.bids[:5])
    assert book.truncated(30) is book
    assert pickle.loads(pickle.dumps(cut)) == cut
    assert cut.code == book.code
    assert cut != book


def test_a_book_is_equal_to_one_spelled_otherwise() -> None:
    raw = lines("orderbook.default.jsonl")[0]
    other = decode(raw.replace(b"1.16539E8", b"116539000"))
    assert other == decode(raw)
    assert hash(other) == hash(decode(raw))


def test_stream_keys_distinguish_levels() -> None:
    book, grouped = (decode(lines("orderbook.default.jsonl")[i]) for i in (2, 3))
    assert book.stream_key.variant == (0,)
    assert grouped.stream_key.variant == (10000,)
    assert str(grouped.stream_key) == "orderbook KRW-BTC @10000"
    signal = decode(lines("indicator_signal.default.jsonl")[0])
    assert signal.stream_key.variant == ("5m",)
