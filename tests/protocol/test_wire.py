"""Requests and control frames, encoded and decoded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import DecodeError
from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import (
    ErrorFrame,
    Request,
    RequestItem,
    RequestRefused,
    StatusFrame,
    SubscriptionsFrame,
    decode_control,
    decode_request,
    encode_request,
)
from qt_upbit.types import EVENT_TYPES, CodeRule, EventSpec, WireFormat
from tests.support.frames import lines

_OPTION_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "level": st.integers(1, 10**8),
    "categories": st.lists(st.sampled_from(["trade", "notice"]), min_size=1),
    "include_body": st.just(True),
    "timeframe": st.sampled_from(["5m", "1d"]),
    "indicators": st.just([{"type": "rsi", "params": {"period": 14}}]),
}


def _items(row: EventSpec) -> st.SearchStrategy[RequestItem]:
    codes = st.lists(st.sampled_from(["KRW-BTC", "KRW-ETH.5", "BTC-XRP"]), min_size=1).map(tuple)
    choices: dict[CodeRule, st.SearchStrategy[Any]] = {
        CodeRule.REQUIRED: codes,
        CodeRule.OPTIONAL: st.none() | codes,
        CodeRule.FORBIDDEN: st.none(),
    }
    return st.builds(
        RequestItem,
        st.sampled_from(row.wire_types),
        choices[row.codes],
        st.booleans(),
        st.booleans(),
        st.fixed_dictionaries({}, optional={name: _OPTION_VALUES[name] for name in row.option_names}),
    )


requests = st.builds(
    Request,
    st.text(min_size=1, max_size=20),
    st.lists(st.one_of([_items(row) for row in EVENT_TYPES.values()]), min_size=1, max_size=5).map(tuple),
    st.sampled_from([None, *WireFormat]),
    st.none(),
)


@given(requests)
def test_requests_round_trip(request: Request) -> None:
    assert decode_request(encode_request(request)) == request


@given(requests, st.randoms())
def test_objects_are_found_by_key(request: Request, rng: Any) -> None:
    parts = msgspec.json.decode(encode_request(request))
    ends = [part for part in parts if "type" not in part]
    rng.shuffle(ends)
    items = [part for part in parts if "type" in part]
    assert decode_request(msgspec.json.encode(ends + items)) == request


@pytest.mark.parametrize("raw", lines("requests.jsonl"), ids=lambda raw: raw[:40].decode())
def test_real_requests_are_understood(raw: bytes) -> None:
    request = decode_request(raw)
    assert decode_request(encode_request(request)) == request


def test_requests_look_as_documented() -> None:
    text = encode_request(
        Request("t", (RequestItem("orderbook", ("KRW-BTC.5",), options={"level": 10000}),), WireFormat.SIMPLE)
    )
    assert text == (
        '[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC.5"],"level":10000},{"format":"SIMPLE"}]'
    )
    question = Request("t", format=WireFormat.SIMPLE, method=wire.LIST_SUBSCRIPTIONS)
    assert encode_request(question) == '[{"ticket":"t"},{"method":"LIST_SUBSCRIPTIONS"},{"format":"SIMPLE"}]'


def test_older_flags_count_if_reported() -> None:
    raw = '[{"ticket":"t"},{"type":"trade","codes":["A-B"],"isOnlyRealtime":true}]'
    assert decode_request(raw).items[0].is_only_realtime
    assert not decode_request(raw, camel_case_flags=False).items[0].is_only_realtime


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("nonsense", "WRONG_FORMAT"),
        ("{}", "WRONG_FORMAT"),
        ('["x"]', "WRONG_FORMAT"),
        (b"\xff", "WRONG_FORMAT"),
        ("[" * 50_000, "WRONG_FORMAT"),
        ('[{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":5},{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":""},{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"t"}]', "NO_TYPE"),
        ('[{"ticket":"t"},{"codes":["KRW-BTC"]}]', "NO_TYPE"),
        ('[{"ticket":"t"},{"type":7}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"nope","codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":"ticker"}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"ticker","codes":[]}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"ticker","codes":"KRW-BTC"}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"ticker","codes":[1]}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"myAsset","codes":["KRW-BTC"]}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"ticker","codes":["A-B"],"is_only_snapshot":1}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"ticker","codes":["A-B"]},{"format":"XML"}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"method":"STOP"}]', "INVALID_PARAM"),
    ],
)
def test_mistakes_get_upbits_error(raw: str | bytes, name: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        decode_request(raw)
    assert caught.value.name == name


@given(st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_noise_is_refused_not_raised(raw: str | bytes) -> None:
    with pytest.raises(RequestRefused):
        decode_request(raw)


@pytest.mark.parametrize("raw", lines("errors.jsonl"))
@pytest.mark.parametrize("wrap", [b"%s", b"[%s]"])
def test_error_frames(raw: bytes, wrap: bytes) -> None:
    frame = decode_control(wrap % raw)
    assert isinstance(frame, ErrorFrame)
    assert frame.name.isupper()
    assert frame.message
    assert decode_control(wire.encode_error(frame.name, frame.message)) == frame


def test_status_frames() -> None:
    assert decode_control(lines("status.jsonl")[0]) == StatusFrame("UP")
    assert decode_control(wire.encode_status()) == StatusFrame("UP")


@pytest.mark.parametrize("raw", lines("list_subscriptions.default.jsonl"))
def test_subscription_lists(raw: bytes) -> None:
    frame = decode_control(raw)
    assert isinstance(frame, SubscriptionsFrame)
    assert frame.ticket == "unique uuid"
    assert [entry["type"] for entry in frame.result]


@given(requests, st.sampled_from(WireFormat))
def test_subscription_lists_round_trip(request: Request, format: WireFormat) -> None:
    frame = decode_control(wire.encode_subscriptions("t", request.items, format))
    assert isinstance(frame, SubscriptionsFrame)
    assert [entry["type"] for entry in frame.result] == [item.type for item in request.items]
    assert [entry.get("codes") for entry in frame.result] == [
        None if item.codes is None else list(item.codes) for item in request.items
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"{", b'{"method":"LIST_SUBSCRIPTIONS","result":5}', b"[" * 50_000]
)
def test_unreadable_control_frames_raise_decode_error(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_control(raw)


@pytest.mark.parametrize(
    "raw", [b"{}", b"[]", b"5", b'"x"', b'{"error":5}', lines("ticker.default.jsonl")[0]]
)
def test_everything_else_is_not_control(raw: bytes) -> None:
    assert decode_control(raw) is None
