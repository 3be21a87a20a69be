"""One message as the objects in it, whatever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import frame_scan
from qt_upbit.frame_scan import Head
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection_outputs import ErrorReported
from qt_upbit.protocol.received import read_objects
from qt_upbit.types import WireFormat
from tests.support.model_server import event, frame

TICKER = frame(event("ticker", "KRW-BTC"))


@pytest.mark.parametrize("format", WireFormat)
def test_an_object_or_an_array_of_one(format: WireFormat) -> None:
    (found,) = read_objects(frame(event("ticker", "KRW-BTC"), format))
    assert isinstance(found, tuple)
    assert found[0] == Head("ticker", "KRW-BTC")


def test_everything_of_an_array_in_order() -> None:
    raw = b"[" + TICKER + b',{"status":"UP"},1,{"error":{"name":"X"}},' + frame(event("myAsset")) + b"]"
    data, status, odd, error, asset = read_objects(raw)
    assert data == (Head("ticker", "KRW-BTC"), TICKER)
    assert status == wire.StatusFrame("UP")
    assert isinstance(odd, ErrorReported)
    assert error == wire.ErrorFrame("X")
    assert isinstance(asset, tuple)


@pytest.mark.parametrize("raw", [b"", b"garbage", b"[", b"{}", b'{"type":"new"}', b"\xff", b"null"])
def test_what_is_neither_is_an_error(raw: bytes) -> None:
    (found,) = read_objects(raw)
    assert isinstance(found, ErrorReported)
    assert found.times == 1


def test_of_many_errors_most_are_counted() -> None:
    found = list(read_objects(b"[" + b",".join([b"{}"] * 5000) + b"]"))
    assert all(isinstance(one, ErrorReported) for one in found)
    assert len(found) == 11
    assert sum(one.times for one in found if isinstance(one, ErrorReported)) == 5000


def test_errors_are_counted_before_an_answer_after_which_nothing_may_be_read() -> None:
    raw = b"[" + b",".join([b"{}"] * 20) + b',{"error":{"name":"X"}}]'
    *errors, last = read_objects(raw)
    assert last == wire.ErrorFrame("X")
    assert sum(one.times for one in errors if isinstance(one, ErrorReported)) == 20


# --- work per message ------------------------------------------------------------------------------


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The objects that were looked at."""
    seen: list[bytes] = []
    right = frame_scan.head_of

    def head_of(raw: bytes) -> Head | None:
        seen.append(raw)
        return right(raw)

    monkeypatch.setattr("qt_upbit.protocol.received.head_of", head_of)
    return seen


BAD = {
    "numbers": b"1",
    "empty objects": b"{}",
    "empty lists": b"[]",
    "texts": b'"\\",["',
    "unknown types": b'{"type":"new","code":"KRW-BTC"}',
    "nested": b'{"a":[{"b":[1,"]"]}]}',
}


@pytest.mark.parametrize("one", BAD.values(), ids=BAD)
@pytest.mark.parametrize("count", [60, 5_000, 500_000])
@pytest.mark.parametrize("good_first", [0, 3])
def test_after_some_bad_objects_the_rest_is_dropped_with_one_report(
    one: bytes, count: int, good_first: int, examined: list[bytes]
) -> None:
    found = list(read_objects(b"[" + b",".join([TICKER] * good_first + [one] * count) + b" ]"))
    assert len(examined) <= 60
    *others, last = found
    assert len(others) == good_first + 10
    assert isinstance(last, ErrorReported)
    assert "dropped" in str(last.error)
    times = sum(each.times for each in found if isinstance(each, ErrorReported))
    assert times == pytest.approx(count, rel=0.01)


@pytest.mark.parametrize("one", [TICKER, b'{"status":"UP"}', b'{"ty":"trade","cd":"KRW-BTC"}'])
def test_objects_of_a_message_are_bounded_however_good_they_look(one: bytes, examined: list[bytes]) -> None:
    *taken, last = read_objects(b"[" + b",".join([one] * 20_000) + b"]")
    assert len(examined) == len(taken) == 3_000
    assert isinstance(last, ErrorReported)
    assert last.times == 17_000


def test_a_list_of_every_pair_is_read_whole() -> None:
    frames = [frame(event("ticker", f"KRW-A{number}")) for number in range(855)] * 3
    found = list(read_objects(b"[" + b" , ".join(frames) + b"]"))
    assert [one[1] for one in found if isinstance(one, tuple)] == frames


@pytest.mark.parametrize(
    "raw",
    [
        b'{"method":"LIST_SUBSCRIPTIONS","ticket":"t","result":[' + b"{}," * 300_000 + b"{}]}",
        b'{"status":[' + b"1.5," * 300_000 + b"1]}",
        b'{"type":"ticker","code":"KRW-BTC","x":[' + b"1," * 600_000 + b"1]}",
        b"[" + b"[" * 30 + b"]" * 30 + b",1" * 20_000 + b"]",
        b"[" + b"[" * 30_000 + b"]" * 30_000 + b"]",
    ],
    ids=["list", "status", "data", "deep", "deeper"],
)
def test_one_huge_object_is_refused_unread(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    right = wire.decode_control

    def decode_control(item: bytes) -> wire.ControlFrame | None:
        read.append(item.count(b",") + item.count(b"["))
        return right(item)

    monkeypatch.setattr(wire, "decode_control", decode_control)
    (error,) = read_objects(raw)
    assert isinstance(error, ErrorReported)
    assert sum(read) <= 50_000


@given(st.lists(st.sampled_from([TICKER, b'{"status":"UP"}', b"1", b" 1.5 ", b'"]"', b"[{}]"]), max_size=60))
def test_long_lists_are_split_as_short_ones_are(items: list[bytes]) -> None:
    short = list(read_objects(b"[" + b",".join(items) + b"]"))
    padding = b" " * 20_000
    long = list(read_objects(b"[" + padding + b",".join(items) + padding + b"]"))
    assert [str(one) for one in short] == [str(one) for one in long]


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.one_of(st.binary(max_size=60), _anything.map(lambda value: json.dumps(value).encode())))
def test_it_never_raises(raw: bytes) -> None:
    list(read_objects(raw))
