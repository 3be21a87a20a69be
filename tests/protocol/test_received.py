"""One message as the objects in it, whatever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.one_of(st.binary(max_size=60), _anything.map(lambda value: json.dumps(value).encode())))
def test_it_never_raises(raw: bytes) -> None:
    list(read_objects(raw))
