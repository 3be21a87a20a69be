"""Near-valid frames: real ones with a few things wrong, and what their size costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_upbit.exceptions import (
    AuthenticationError,
    ConnectionFailedError,
    DecodeError,
    RestError,
    ServerError,
)
from qt_upbit.models import decode, from_dict
from qt_upbit.protocol import wire
from qt_upbit.rest import parsers as rows
from qt_upbit.types import CandleEvent, ConnectionState, OrderbookEvent, Scope, TickerEvent, WireFormat
from tests.fuzz import sample_lines
from tests.fuzz.strategies import NUMBERS, near_valid
from tests.fuzz.targets import TARGETS, World, check_error, read_all
from tests.support.profiles import examples

_SETTINGS = settings(max_examples=examples(150), suppress_health_check=list(HealthCheck))

TICKER = next(line for line in sample_lines() if line.startswith(b'{"type":"ticker"'))
BOOK = (
    b'{"type":"orderbook","code":"KRW-BTC","timestamp":1,"total_ask_size":1,"total_bid_size":1,'
    b'"orderbook_units":[{"ask_price":%s,"bid_price":1,"ask_size":1,"bid_size":1}],'
    b'"stream_type":"REALTIME","level":%s}'
)


def with_value(field: str, text: str) -> bytes:
    """The ticker of tests/data with the text of one value replaced."""
    payload = json.loads(TICKER)
    payload[field] = "@"
    return json.dumps(payload, separators=(",", ":")).replace('"@"', text).encode()


@pytest.mark.parametrize("target", ["models", "wire", "rest"])
@_SETTINGS
@given(data=near_valid())
def test_near_valid_frames_break_nothing(target: str, data: bytes) -> None:
    TARGETS[target](data)


@_SETTINGS
@given(
    kind=st.integers(0, 11),
    frames=st.lists(st.one_of(near_valid(), st.integers(1, 60).map(lambda n: b"\0" * n)), max_size=6),
)
def test_near_valid_frames_stop_no_stream(kind: int, frames: list[bytes]) -> None:
    TARGETS["connection"](bytes((kind,)) + b"\n".join(frames))


# --- numbers that are none ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        '"NaN"', ' "NaN"', '\t\n"sNaN" ', '"-Infinity"', '" nAn "', "1e999999999", "1E+999999999",
        "-1e-999999999", "9" * 10_000, "9" * 102, "0." + "0" * 101 + "1", "0e999999999",
    ],
)  # fmt: skip
def test_a_number_that_no_market_has_is_an_unreadable_frame(number: str) -> None:
    """A Decimal of 1e999999999 is made in a moment, and ends the program that formats it."""
    with pytest.raises(DecodeError, match="is not a price, amount or rate"):
        decode(with_value("trade_price", number))
    book = decode(BOOK % (number.encode(), b"0"))
    assert isinstance(book, OrderbookEvent)
    with pytest.raises(DecodeError, match="is not a price, amount or rate"):
        _ = book.orderbook_units
    # What the event can do without is left out.
    for event, name in (
        (decode(BOOK % (b"1", number.encode())), "level"),
        (decode(with_value("change_rate", number)), "change_rate"),
    ):
        assert getattr(event, name) is None
        assert [odd.field for odd in event.odd_fields] == [name]
        assert "is not a price, amount or rate" in event.odd_fields[0].problem
        assert len(event.odd_fields[0].problem) < 1_000


@pytest.mark.parametrize("number", ["1e99", "1e-8", "0E-8", "123456789012345678901234567890.12345678", "-0"])
def test_a_number_that_a_market_might_have_is_read_exactly(number: str) -> None:
    event = decode(with_value("trade_price", number))
    assert isinstance(event, TickerEvent)
    assert event.trade_price == Decimal(number)
    book = decode(BOOK % (number.encode(), b"0"))
    assert isinstance(book, OrderbookEvent)
    assert book._exact_rows[0].ask_price == Decimal(number)


@pytest.mark.parametrize("text", ["1-2", "1--", "1e99999999999999999999", "1.2.3"])
def test_a_level_that_is_no_number_stays_inside_the_receive_path(text: str) -> None:
    """The level at the end of a book is read without the rest of the frame."""
    world = World(Scope.PUBLIC, WireFormat.DEFAULT)
    world.wait(0.5)
    world.receive(BOOK % (b"1", text.encode()))
    world.read()
    # A number too large for one is left out; what is no JSON cannot be read.
    assert [type(error) for error in world.errors] == ([] if "e" in text else [DecodeError])
    world.receive(BOOK % (b"1", b"0"))
    world.read()
    assert {event.spec.event_class for event in world.shown} == {OrderbookEvent}


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_in_control_frames_stay_inside_the_receive_path(number: str) -> None:
    for frame in (
        f'{{"error":{{"name":{number},"message":{number}}}}}',
        f'{{"status":{number}}}',
        f'{{"method":"LIST_SUBSCRIPTIONS","ticket":"2","result":[{{"type":"orderbook","level":{number}}}]}}',
    ):
        TARGETS["wire"](frame.encode())
        TARGETS["connection"](b"\0" + frame.encode())


@pytest.mark.parametrize("ms", [253402300800000, 999_999_999_999_999, -(2**62), -62135596800001])
def test_a_time_that_no_calendar_has_is_a_decode_error_where_it_is_read(ms: int) -> None:
    event = decode(with_value("timestamp", str(ms)))
    with pytest.raises(DecodeError, match="is not a valid time"):
        _ = event.time


def test_a_start_that_is_no_time_is_a_decode_error_where_it_is_read() -> None:
    candle = next(line for line in sample_lines() if line.startswith(b'{"type":"candle.'))
    payload = json.loads(candle) | {"candle_date_time_utc": "yesterday"}
    event = decode(json.dumps(payload).encode())
    assert isinstance(event, CandleEvent)
    with pytest.raises(DecodeError, match="'yesterday' is not a valid time"):
        _ = event.start


def test_numbers_of_rest_rows_are_checked_too() -> None:
    row = {"currency": "KRW", "balance": "NaN", "locked": "0"}
    with pytest.raises(DecodeError, match="is not a price, amount or rate"):
        rows.parse(json.dumps([row]).encode(), lambda found: rows.balance(found[0]))


@pytest.mark.parametrize(
    "payload",
    [
        {"type": 10**5000},
        {"type": ["ticker"]},
        {"type": "ticker", "code": 10**5000},
        {"type": "ticker", "code": "\ud800"},
        {"type": "ticker", "code": object()},
        {"type": "ticker", "\ud800": 1},
        {"type": "\ud800"},
    ],
)
def test_from_dict_raises_its_own_error_only(payload: dict[str, object]) -> None:
    with pytest.raises(DecodeError) as caught:
        from_dict(payload)
    check_error(caught.value)


def test_from_dict_of_a_payload_that_holds_itself() -> None:
    payload: dict[str, object] = {"type": "ticker"}
    payload["code"] = payload
    with pytest.raises(DecodeError) as caught:
        from_dict(payload)
    check_error(caught.value)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["enumeration", "vital number", "text", "nested", "type", "error frame", "status", "binary"]
)
def test_an_error_carries_little_of_a_frame_of_four_megabytes(kind: str) -> None:
    much = b"A" * 4_000_000
    frame = {
        "enumeration": with_value("ask_bid", '"@@"').replace(b"@@", much),
        "vital number": with_value("trade_price", '"@@"').replace(b"@@", much),
        "text": much,
        "nested": b"[" * len(much),
        "type": b'{"type":"' + much + b'"}',
        "error frame": b'{"error":{"name":"' + much + b'","message":"' + much + b'"}}',
        "status": b'{"status":"' + much + b'"}',
        "binary": b"\xff" * len(much),
    }[kind]
    world = World(Scope.PUBLIC, WireFormat.DEFAULT)
    world.wait(0.5)
    world.receive(frame)
    world.read()
    assert len(world.errors) == (kind not in ("status", "enumeration"))
    assert all(len(odd.problem) < 1_000 for event in world.shown for odd in event.odd_fields)


@pytest.mark.parametrize(
    "error",
    [
        DecodeError("\ud800" * 10_000, "\ud800" * 10_000),
        DecodeError("x" * 10_000, b"\xed\xa0\x80" * 10_000),
        ServerError("\ud800" * 10_000, "\ud800" * 10_000),
        AuthenticationError("\ud800" * 10_000, 401),
        ConnectionFailedError("\ud800" * 10_000, 503),
        RestError("GET /v1/ticker", 400, "\ud800" * 10_000, "\ud800" * 10_000),
    ],
)
def test_what_the_other_side_says_is_bounded_and_can_be_written(error: Exception) -> None:
    check_error(error)  # type: ignore[arg-type]  # one of the library's own


# --- cost -----------------------------------------------------------------------------------------


def _steps(call: Callable[[], object]) -> int:
    """Lines of Python that a call runs: what grows with the input, on any machine."""
    import sys

    count = 0

    def trace(frame: object, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def _receive(frame: bytes) -> None:
    world = World(Scope.PUBLIC, WireFormat.JSON_LIST)
    world.wait(0.5)
    world.receive(frame)
    world.read()


@pytest.mark.parametrize("kind", ["bad items", "good items", "keys", "long text", "subscriptions"])
def test_work_grows_no_faster_than_the_frame(kind: str) -> None:
    def frame(size: int) -> bytes:
        match kind:
            case "bad items":
                return b"[" + b",".join([b"{}"] * size) + b"]"
            case "good items":
                return b"[" + b",".join([TICKER] * size) + b"]"
            case "keys":
                return b"{" + b",".join(b'"k%d":1' % i for i in range(size)) + b"}"
            case "long text":
                return with_value("code", json.dumps("K" * size))
            case _:
                codes = json.dumps([f"KRW-{i}" for i in range(size)])
                return (
                    b'{"method":"LIST_SUBSCRIPTIONS","ticket":"2","result":[{"type":"ticker","codes":%s}]}'
                    % codes.encode()
                )

    few, many = (_steps(lambda size=size: _receive(frame(size))) for size in (100, 400))
    assert many <= 4.5 * few


def test_each_unreadable_object_of_a_frame_is_counted_and_few_are_reported() -> None:
    world = World(Scope.PUBLIC, WireFormat.JSON_LIST)
    world.wait(0.5)
    world.receive(b"[" + b",".join([b"{}"] * 50_000) + b"]")
    assert world.counted == 50_000
    assert len(world.errors) < 20


def test_a_server_that_answers_with_ever_other_errors_is_reported_no_faster_than_we_connect() -> None:
    world = World(Scope.PUBLIC, WireFormat.DEFAULT)
    for number in range(1_000):
        world.wait(0.1)
        world.receive(b'{"error":{"name":"E%d","message":"m"}}' % number)
    assert 1 <= len(world.errors) <= 100
    assert world.connection.state in (ConnectionState.REJECTED, ConnectionState.RECONNECTING)


def test_read_all_reads_what_a_widget_reads() -> None:
    """The targets are worth what this reads: it must see a bad time and a bad row."""
    assert read_all(decode(TICKER))
    assert not read_all(decode(with_value("timestamp", "999999999999999")))
    assert not read_all(decode(BOOK % (b'"NaN"', b"0")))


def test_requests_are_refused_whatever_they_hold() -> None:
    for number in NUMBERS:
        for part in ("ticket", "format", "method", "type", "codes", "is_only_snapshot"):
            try:
                wire.decode_request(f'[{{"ticket":"t"}},{{"type":"ticker","codes":["A"],"{part}":{number}}}]')
            except wire.RequestRefused as refusal:
                refusal.message.encode()
