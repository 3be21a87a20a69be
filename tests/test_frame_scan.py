"""What is reported of a frame without decoding it is what decoding says, or nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qt_upbit import frame_scan
from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import (
    Head,
    change_variant,
    head_of,
    is_simple,
    is_snapshot,
    known_head_of,
    row_count,
    variant,
)
from qt_upbit.models import decode, encode, split
from qt_upbit.simulator.market.frame_writer import encode_object
from qt_upbit.types import EVENT_TYPES, BaseWebSocketEvent, StreamType, WireFormat, spec_of
from tests.fuzz.strategies import near_valid
from tests.support.frames import INCOMPLETE, all_events, event_frames, lines

ROWS = list(EVENT_TYPES.values())


def readable(raw: bytes) -> BaseWebSocketEvent | None:
    """The event of an object, decoded without asking `frame_scan` anything; None of what no decoder takes."""
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    named = [key for key in ("type", "ty") if isinstance(payload.get(key), str) and payload[key]]
    if raw.startswith(b'{"type":'):
        named = named[:1]
    if not named:
        return None
    key = named[-1]
    spec = spec_of(payload[key])
    if spec is None:
        return None
    cls = spec.event_class if key == "type" else spec.simple_class
    try:
        event = msgspec.json.decode(raw, type=cls)
        event.count_rows()
        decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return event


def check(raw: bytes) -> dict[str, Any]:
    """What is reported of an object, once it was compared with what decoding says."""
    reported: dict[str, Any] = {
        "head": head_of(raw),
        "is_simple": is_simple(raw),
        "is_snapshot": is_snapshot(raw),
        **{f"{spec.name} rows": row_count(raw, spec) for spec in ROWS},
        **{f"{spec.name} variant": variant(raw, spec) for spec in ROWS},
        **{f"{spec.name} change": change_variant(raw, spec) for spec in ROWS},
    }
    assert known_head_of(raw) in (None, reported["head"])
    event = readable(raw)
    if event is None:
        return reported
    reported["spec"] = spec = event.spec
    assert reported["head"] == Head(event.type, getattr(event, "code", ""))
    assert reported["is_simple"] is (type(event) is not spec.event_class)
    assert reported["is_snapshot"] in (None, event.is_snapshot)
    assert reported[f"{spec.name} rows"] in (None, event.count_rows())
    assert reported[f"{spec.name} variant"] in (None, event.variant)
    is_change = event.stream_type == StreamType.REALTIME
    assert reported[f"{spec.name} change"] in (None, event.variant if is_change else None)
    reported["is_change"] = is_change
    return reported


def check_known(raw: bytes) -> None:
    """Of a frame as Upbit writes them everything that can be reported is reported."""
    reported = check(raw)
    spec = reported["spec"]
    assert reported["is_snapshot"] is not None
    if spec.has_depth or not spec.stream_fields:
        assert reported[f"{spec.name} rows"] is not None
        assert reported[f"{spec.name} variant"] is not None
        assert (reported[f"{spec.name} change"] is not None) is reported["is_change"]


# --- as Upbit writes them -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw", [raw for name, raw in event_frames() if name not in INCOMPLETE], ids=lambda raw: repr(raw[:30])
)
def test_real_frames(raw: bytes) -> None:
    for item in split(raw):
        reported = check(item)
        assert reported["head"] is not None
        if b'"stream_type"' in item or b'"st"' in item:
            assert reported["is_snapshot"] is not None


@given(all_events)
def test_frames_of_the_library_and_of_the_simulator(event: BaseWebSocketEvent) -> None:
    if event.stream_type == StreamType.RECOVERED:
        event = msgspec.structs.replace(event, stream_type=StreamType.REALTIME)
    for format in WireFormat:
        (raw,) = split(encode(event, format))
        check_known(raw)
    for simple in (False, True):
        check(encode_object(event, simple))


def test_type_and_code() -> None:
    assert head_of(lines("ticker.default.jsonl")[0]) == Head("ticker", "KRW-BTC")
    assert head_of(lines("candle.simple.jsonl")[0]) == Head("candle.1s", "KRW-BTC")
    assert head_of(lines("myAsset.default.jsonl")[0]) == Head("myAsset", "")
    assert head_of(b'{"type":"invented","code":"KRW-BTC"}') == Head("invented", "KRW-BTC")
    assert known_head_of(b'{"type":"invented","code":"KRW-BTC"}') is None
    for name in ("ticker.default.jsonl", "candle.simple.jsonl"):
        assert known_head_of(lines(name)[0]) == head_of(lines(name)[0]), "remembered"


def test_a_type_without_codes_has_none_whatever_else_stands_there() -> None:
    raw = lines("myAsset.default.jsonl")[0]
    for further in (b'"code":"KRW-BTC",', b'"cd":"KRW-BTC",'):
        for start in (b'{"type":"myAsset",', b"{"):
            changed = raw.replace(start, start + further, 1)
            assert check(changed)["head"] == Head("myAsset", "")


def test_an_escaped_code_is_read() -> None:
    raw = lines("ticker.default.jsonl")[0].replace(b'"KRW-BTC"', b'"KRW\\u002dBTC"')
    assert check(raw)["head"] == Head("ticker", "KRW-BTC")


def test_rows_of_a_book_in_both_formats() -> None:
    spec = EVENT_TYPES["orderbook"]
    event = decode(lines("orderbook.default.jsonl")[2])
    for format in (WireFormat.DEFAULT, WireFormat.SIMPLE):
        raw = encode(event, format)
        assert (row_count(raw, spec), variant(raw, spec)) == (30, (0,))
        assert row_count(raw, EVENT_TYPES["ticker"]) == 0


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("1E+4", 10_000), ("0.50", Decimal("0.5")), ("-0.0", 0)]
)
def test_a_level_is_a_number_however_it_is_written(text: str, value: object) -> None:
    raw = lines("orderbook.default.jsonl")[2]
    assert raw.endswith(b'"level":0}')
    assert variant(raw[:-2] + text.encode() + b"}", EVENT_TYPES["orderbook"]) == (value,)


# --- spelled in unlikely ways ------------------------------------------------------------

HOSTILE = (
    ',"stream_type":"SNAPSHOT"}',
    ',"st":"REALTIME"}',
    '"stream_type":"SNAPSHOT","level":0}',
    '{"type":"ticker","code":"KRW-XRP"',
    '"orderbook_units":[{}]',
    "SNAPSHOT",
    "REALTIME",
    "{[{[",
    "}]}]",
    "\\",
    '"',
    "orderbook_units",
    "\u2028한",
)
_inner = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=6),
    st.integers(),
    st.none(),
    st.booleans(),
    st.lists(st.sampled_from(HOSTILE), max_size=2),
    st.fixed_dictionaries({"stream_type": st.sampled_from(["SNAPSHOT", "REALTIME"]), "level": st.just(7)}),
    st.fixed_dictionaries({"orderbook_units": st.just([{"ask_price": 1}])}),
)
_keys = st.one_of(
    st.sampled_from(
        [
            *HOSTILE,
            "x",
            "level",
            "lv",
            "stream_type",
            "st",
            "type",
            "ty",
            "code",
            "cd",
            "obu",
            "orderbook_units",
        ]
    ),
    st.text(max_size=4),
)


@st.composite
def odd_frames(draw: st.DrawFn) -> bytes:
    """An event's object with its keys in any order, further ones, doubled ones, blanks, escapes; or cut."""
    event = draw(all_events)
    raw = encode(event, draw(st.sampled_from([WireFormat.DEFAULT, WireFormat.SIMPLE])))
    members = list(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items())
    pairs = [(json.dumps(key), bytes(value).decode()) for key, value in members]
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(pairs)))
        pairs.insert(at, (dump(draw(_keys)), dump(draw(_inner))))
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(pairs) - 1))
        pairs.append(pairs[at])
    comma, colon, start, end = draw(
        st.sampled_from(
            [(",", ":", "{", "}")] * 4 + [(", ", ": ", "{", "}"), (" ,\n", "\t:", " { ", " } \n")]
        )
    )
    text = start + comma.join(f"{key}{colon}{value}" for key, value in pairs) + end
    data = text.encode(errors="surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        return data[: draw(st.integers(0, len(data)))]
    return data


@settings(max_examples=600)
@given(odd_frames())
def test_never_wrong(raw: bytes) -> None:
    check(raw)


@settings(max_examples=600)
@given(near_valid())
def test_never_wrong_of_what_was_tampered_with(raw: bytes) -> None:
    check(raw)
    try:
        items = split(raw)
    except DecodeError:
        return
    for item in items:
        check(item)


@given(st.binary(max_size=80))
@example(b"")
@example(b"}")
@example(b"{" * 100_000)
@example(b'{"type":' * 50_000)
@example(b'{"type":"ticker","code":"\xff\xff"')
@example(b'{"ty":"trade","cd":"\xff"}')
@example(b'{"type":5,"code":"KRW-BTC"}')
def test_noise_gives_nothing_and_raises_nothing(raw: bytes) -> None:
    check(raw)


def _ticker(**fields: Any) -> bytes:
    return encode(msgspec.structs.replace(decode(lines("ticker.default.jsonl")[0]), **fields))


REALTIME = _ticker(stream_type=StreamType.REALTIME)


@pytest.mark.parametrize(
    ("raw", "snapshot"),
    [
        (REALTIME, False),
        (REALTIME[:-1] + b',"st":"SNAPSHOT"}', None),
        (REALTIME[:-1] + b',"stream_type":"SNAPSHOT"}', True),
        (REALTIME[:-1] + b',"note":",\\"stream_type\\":\\"SNAPSHOT\\"}"}', None),
        (REALTIME[:-1] + b',"note":"SNAPSHOT"}', None),
        (REALTIME[:-1] + b',"\\",\\"stream_type":"SNAPSHOT"}', None),
        (REALTIME[:-1] + b',"a":{"b":1,"stream_type":"SNAPSHOT"}}', None),
        (REALTIME[:-1] + b" }", None),
        (REALTIME + b"\n", None),
        (REALTIME[:-1], None),
        (REALTIME[:-1] + b',"n":1}', False),
    ],
    ids=lambda value: repr(value[-40:]) if isinstance(value, bytes) else str(value),
)
def test_the_tail_is_believed_where_it_can_be(raw: bytes, snapshot: bool | None) -> None:
    assert check(raw)["is_snapshot"] is snapshot


@pytest.mark.parametrize(
    "level",
    ["1-2", "1e999999999", "1e99999999999999999999", "-", "", "null", '"0"', "[0]", "1" * 50],
)
def test_a_level_that_is_none_is_not_guessed(level: str) -> None:
    raw = lines("orderbook.default.jsonl")[2][:-2] + level.encode() + b"}"
    assert variant(raw, EVENT_TYPES["orderbook"]) is None


BOOK = (
    b'{"type":"orderbook","code":"KRW-BTC","timestamp":1,"total_ask_size":1,"total_bid_size":1,'
    b'"orderbook_units":[%s],"stream_type":"REALTIME","level":0}'
)
ROW = b'{"ask_price":2,"bid_price":1,"ask_size":1,"bid_size":1}'


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        (BOOK % b"", 0),
        (BOOK % ROW, 1),
        (BOOK % (ROW + b"," + ROW), 2),
        (BOOK % ROW.replace(b"}", b',"x":{"y":1}}'), None),
        (BOOK % ROW.replace(b"}", b',"x":"{"}'), 1),
        ((BOOK % ROW).replace(b'"KRW-BTC"', b'"{{[["'), 1),
        ((BOOK % ROW).replace(b'"timestamp"', b'"more":{"a":1},"timestamp"'), None),
        ((BOOK % ROW).replace(b'"timestamp"', b'"more":[],"timestamp"'), None),
        ((BOOK % ROW).replace(b'"timestamp"', b'"orderbook_units":[],"timestamp"'), None),
        ((BOOK % ROW).replace(b'"KRW-BTC"', b'"a\\"b"'), None),
        ((BOOK % ROW).replace(b'"orderbook_units"', b'"obu"'), None),
        ((BOOK % ROW)[:-40], None),
    ],
    ids=lambda value: repr(value[20:60]) if isinstance(value, bytes) else str(value),
)
def test_rows_are_counted_or_not_guessed(raw: bytes, rows: int | None) -> None:
    check(raw)
    assert row_count(raw, EVENT_TYPES["orderbook"]) == rows


# --- what is remembered ---------------------------------------------------------------------------


def test_remembered_heads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_scan, "_HEADS_LIMIT", len(frame_scan._HEADS) + 3)
    for i in range(10):
        assert head_of(b'{"type":"ticker","code":"KRW-X%d"}' % i) == Head("ticker", f"KRW-X{i}")
    assert len(frame_scan._HEADS) <= frame_scan._HEADS_LIMIT


def test_remembered_tails_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_scan, "_TAILS_LIMIT", len(frame_scan._TAILS) + 3)
    for i in range(10):
        assert is_snapshot(REALTIME[:-1] + b',"n":%d}' % (i + 1000)) is False
    assert len(frame_scan._TAILS) <= frame_scan._TAILS_LIMIT
