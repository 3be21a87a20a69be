"""Conversion: bytes, dictionaries and events, in all four formats, exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import decode, decode_all, encode, from_dict, split, to_dict
from qt_upbit.types import (
    BaseWebSocketEvent,
    MyAssetEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
    WireFormat,
)
from qt_upbit.types.wire_struct import simple_key_of
from tests.support.frames import INCOMPLETE, all_events, event_frames, lines, recording

FRAMES = [(name, raw) for name, raw in event_frames() if name not in INCOMPLETE]


def _ids(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("name", "raw"), FRAMES, ids=_ids)
def test_real_frames_decode_and_come_back(name: str, raw: bytes) -> None:
    for event in decode_all(raw):
        for format in WireFormat:
            assert decode_all(encode(event, format)) == [event], format
            assert from_dict(to_dict(event, format)) == event


@pytest.mark.parametrize(("name", "raw"), FRAMES, ids=_ids)
def test_every_value_of_a_real_frame_is_kept(name: str, raw: bytes) -> None:
    """Nothing on the wire is lost or changed: `to_dict` holds it, numerically equal."""
    exact = msgspec.json.Decoder(float_hook=Decimal)
    for item, event in zip(split(raw), decode_all(raw), strict=True):
        sent = exact.decode(item)
        kept = to_dict(event, WireFormat.SIMPLE if "ty" in sent else WireFormat.DEFAULT)
        for key, value in sent.items():
            if key == "timestamp" and value > 10**15:
                assert kept[key] == value // 1000
            elif key == "orderbook_units" and event.stream_key.code == "KRW-DOT":
                # A slot without price is empty, whatever size stands beside it.
                assert kept[key] == [value[0], value[1] | {"ask_size": 0}]
            else:
                assert kept[key] == value, key


@pytest.mark.parametrize("name", sorted(INCOMPLETE))
def test_the_two_mutilated_samples_say_what_they_lack(name: str) -> None:
    with pytest.raises(DecodeError, match="tms"):
        decode_all(lines(name)[0])


def test_the_recording_decodes_completely() -> None:
    events = [decode(raw) for raw in recording()]
    assert len(events) == 300
    assert sum(isinstance(event, TradeEvent) for event in events) == 186
    books = [event for event in events if isinstance(event, OrderbookEvent)]
    assert len(books) == 114
    for book in books:
        assert len(book.orderbook_units) == 15
        assert sum(level.size for level in book.asks) == book.total_ask_size
        assert sum(level.size for level in book.bids) == book.total_bid_size


@given(all_events)
def test_all_four_formats_are_equal(event: BaseWebSocketEvent) -> None:
    for format in WireFormat:
        (twin,) = decode_all(encode(event, format))
        assert twin == event
        assert hash(twin) == hash(event)


@given(all_events)
def test_dictionaries_round_trip(event: BaseWebSocketEvent) -> None:
    for format in WireFormat:
        assert from_dict(to_dict(event, format)) == event


@given(st.lists(all_events, min_size=1, max_size=4))
def test_arrays_have_any_length(events: list[BaseWebSocketEvent]) -> None:
    raw = b"[" + b",".join(encode(event, WireFormat.SIMPLE) for event in events) + b"]"
    assert decode_all(raw) == events


@pytest.mark.parametrize(
    "text",
    [
        "1234567890123.12345678",
        "0E-8",
        "1.16539E8",
        "7.9276E-4",
        "6E-8",
        "158219000.00000000",
        "95078733694.3792000000000000",
        "1386929.37231066771348207123",
        "0",
        "-1000.50",
    ],
)
@pytest.mark.parametrize("key", [b'"trade_price":', b'"signed_change_price":'])
def test_decimals_keep_the_digits_of_the_wire(text: str, key: bytes) -> None:
    raw = lines("ticker.default.jsonl")[0]
    start = raw.index(key) + len(key)
    event = decode(raw[:start] + text.encode() + raw[raw.index(b",", start) :])
    value = getattr(event, key.decode().strip('":'))
    assert value.as_tuple() == Decimal(text).as_tuple()


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"))
)
def test_any_decimal_arrives_unchanged(value: Decimal) -> None:
    raw = lines("myAsset.default.jsonl")[0].replace(b"1386929.37231066771348207123", str(value).encode())
    event = decode(raw)
    assert isinstance(event, MyAssetEvent)
    balance = event.assets[0].balance
    assert balance is not None
    assert balance.as_tuple() == Decimal(str(value)).as_tuple()


def test_sequential_ids_stay_whole() -> None:
    event = decode(lines("trade.default.jsonl")[0])
    assert isinstance(event, TradeEvent)
    assert event.sequential_id == 17883351803770004
    assert type(event.sequential_id) is int
    assert event.sequential_id > 2**53


# --- order of keys --------------------------------------------------------------------------------


@given(all_events, st.randoms())
def test_the_order_of_keys_does_not_matter(event: BaseWebSocketEvent, rng: Any) -> None:
    payload = list(msgspec.json.decode(encode(event), type=dict[str, msgspec.Raw]).items())
    rng.shuffle(payload)
    raw = msgspec.json.encode(dict(payload))
    assert decode(raw) == event
    assert decode(b" " + raw.replace(b'":', b'" : ') if b'"' not in raw else raw) == event


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[",
        b"[1]",
        b"nonsense",
        b"null",
        b"\xff\xfe",
        b'{"type":"ticker"',
        b'{"type":"ticker","code":"KRW-BTC"}',
        b'{"type":"nope","code":"KRW-BTC"}',
        b'{"type":5,"code":"KRW-BTC"}',
        b'{"ty":"trade","cd":"\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":"ticker","code":"KRW-BTC","trade_price":1e999999999}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_bad_frames_raise_decode_error_only(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_all(raw)


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_noise_raises_decode_error_only(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_all(raw)


@given(all_events, st.data())
def test_truncated_frames_raise_decode_error_only(event: BaseWebSocketEvent, data: st.DataObject) -> None:
    raw = encode(event, data.draw(st.sampled_from(list(WireFormat))))
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(DecodeError):
        decode_all(raw[:cut])


def test_a_missing_field_is_named() -> None:
    raw = lines("trade.default.jsonl")[0].replace(b'"trade_volume":0.00009372,', b"")
    with pytest.raises(DecodeError, match="trade_volume"):
        decode(raw)


def test_an_unknown_order_state_survives_as_unknown() -> None:
    raw = lines("myOrder.default.jsonl")[1].replace(b'"state":"wait"', b'"state":"frozen"')
    event: Any = decode(raw)
    assert (event.state, event.state.is_known, event.odd_fields) == ("frozen", False, ())


def test_a_bad_book_row_shows_as_decode_error_when_read() -> None:
    raw = lines("orderbook.default.quirks.jsonl")[0].replace(b"41840.0", b'"cheap"')
    book = decode(raw)
    assert isinstance(book, OrderbookEvent)
    for read in ("asks", "bids", "orderbook_units", "float_levels"):
        with pytest.raises(DecodeError):
            getattr(book, read)
    with pytest.raises(DecodeError):
        book.truncated(1)


# --- dictionaries ---------------------------------------------------------------------------------


def test_older_payloads_are_taken() -> None:
    legacy = msgspec.json.decode(lines("trade.default.legacy.jsonl")[0])
    event = from_dict(legacy)
    assert isinstance(event, TradeEvent)
    assert event.best_ask_price is None
    book = msgspec.json.decode(recording()[1])
    assert "lv" not in book
    older = from_dict(book)
    assert isinstance(older, OrderbookEvent)
    assert older.level == 0


def test_removed_fields_are_ignored() -> None:
    payload = msgspec.json.decode(lines("ticker.default.jsonl")[0])
    payload |= {"trade_status": None, "market_state_for_ios": None}
    del payload["is_trading_suspended"], payload["market_warning"]
    event = from_dict(payload)
    assert isinstance(event, TickerEvent)
    assert event.market_warning is None


def test_floats_are_taken_by_their_shortest_text() -> None:
    payload = msgspec.json.decode(lines("trade.default.jsonl")[0]) | {
        "trade_price": 0.1,
        "trade_volume": "0.10",
    }
    event = from_dict(payload)
    assert isinstance(event, TradeEvent)
    assert str(event.trade_price) == "0.1"
    assert str(event.trade_volume) == "0.10"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "nope"},
        {"type": None},
        {"type": ["ticker"]},
        {"type": "ticker"},
        {"ty": "trade", "cd": ...},
    ],
    # Without the address of an object, which is another one in each process that runs tests.
    ids=lambda payload: repr(payload).partition(" object at")[0],
)
def test_bad_dictionaries_raise_decode_error(payload: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        from_dict(payload)


def test_to_dict_gives_the_wires_names() -> None:
    event = decode(lines("orderbook.default.jsonl")[2])
    assert set(to_dict(event)) == set(msgspec.json.decode(lines("orderbook.default.jsonl")[2]))
    assert set(to_dict(event, WireFormat.SIMPLE)) == {"ty", "cd", "tms", "tas", "tbs", "obu", "st", "lv"}
    assert set(to_dict(event)["orderbook_units"][0]) == {"ask_price", "bid_price", "ask_size", "bid_size"}


# --- a date in any shape --------------------------------------------------------------------------

TICKER = lines("ticker.default.jsonl")[0]
DATES: list[tuple[str, bytes | None, str | None]] = [
    ("null", b"null", None),
    ("absent", None, None),
    ("empty", b'""', None),
    ("ISO", b'"2026-12-21"', "2026-12-21"),
    ("ISO without hyphens", b'"20261221"', "2026-12-21"),
    ("dots", b'"2026.12.1"', "2026-12-01"),
    ("a moment", b'"2026-12-21T15:00:00+09:00"', "2026-12-21T15:00:00+09:00"),
    ("a moment in UTC", b'"2026-12-21T06:00:00Z"', "2026-12-21T06:00:00Z"),
    ("object", b'{"year":2026,"month":12,"day":21}', "2026-12-21"),
    ("object in another order", b'{"day": 1, "month": 1, "year": 2027}', "2027-01-01"),
    ("object of texts", b'{"year":"2026","month":"12","day":"21"}', "2026-12-21"),
    ("object of Java", b'{"year":2026,"month":"DECEMBER","monthValue":12,"dayOfMonth":21}', "2026-12-21"),
    ("object of nulls", b'{"year":null,"month":null,"day":null}', None),
    ("object without a day", b'{"year":2026,"month":12}', None),
    ("empty object", b"{}", None),
    ("no such day", b'{"year":2026,"month":2,"day":30}', None),
    ("no such year", b'{"year":99999999999999999999,"month":2,"day":3}', None),
    ("fractions", b'{"year":2026.5,"month":12,"day":21}', None),
    ("nested", b'{"year":{"value":2026},"month":12,"day":21}', None),
    ("list", b"[2026,12,21]", "2026-12-21"),
    ("short list", b"[2026,12]", None),
    ("words", b'"to be announced"', None),
    ("text that is no date", b'"2026-13-45"', None),
    ("number", b"1797811200000", None),
    ("long number", b"9" * 400, None),
    ("endless number", b"1e999999999", None),
    ("bool", b"true", None),
    ("list of objects", b'[{"year":2026}]', None),
]


def _ticker(value: bytes | None) -> bytes:
    key, null = b'"delisting_date":', b"null,"
    assert key + null in TICKER
    return TICKER.replace(key + null, b"" if value is None else key + value + b",")


def _in_format(raw: bytes, format: WireFormat) -> bytes:
    """A frame whose values stay as they are spelled."""
    keys = {
        name: simple_key_of(TickerEvent, name) if format.is_simple else name
        for name in TickerEvent.__struct_fields__
    }
    values = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    one = msgspec.json.encode({keys[name]: value for name, value in values.items()})
    return b"[" + one + b"]" if format.is_list else one


@pytest.mark.parametrize("format", WireFormat)
@pytest.mark.parametrize(("value", "expected"), [each[1:] for each in DATES], ids=[each[0] for each in DATES])
def test_no_shape_of_a_delisting_date_costs_a_ticker(
    format: WireFormat, value: bytes | None, expected: str | None
) -> None:
    (event,) = decode_all(_in_format(_ticker(value), format))
    assert isinstance(event, TickerEvent)
    assert event.delisting_date == expected
    assert msgspec.structs.replace(event, delisting_date=None) == decode(TICKER), "all else is exact"
    assert decode_all(encode(event, format)) == [event]
    if value is not None and len(value) < 100:
        payload = json.loads(_ticker(value), parse_float=Decimal)
        assert from_dict(payload) == event


def test_other_fields_are_no_less_strict_for_it() -> None:
    odd = _ticker(b'{"year":2026,"month":12,"day":21}')
    with pytest.raises(DecodeError, match="trade_price"):
        decode(odd.replace(b'"trade_price":', b'"trade_price":"x","was":'))
    with pytest.raises(DecodeError, match="something else later"):
        decode(odd[:-1] + b',"code":"KRW-ETH"}')
    with pytest.raises(DecodeError):
        decode(odd[:-1])


_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text()
_json_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(_json_values)
def test_any_value_in_the_place_of_the_date_is_survived(value: Any) -> None:
    event = decode(_ticker(msgspec.json.encode(value)))
    assert isinstance(event, TickerEvent)
    assert event.delisting_date is None or event.delisting_date[:4].isdecimal()
