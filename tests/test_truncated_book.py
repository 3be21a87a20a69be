"""A cut book is a value: what it is made into, and back, has the cut's rows and totals."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import decode, decode_all, encode, from_dict, to_dict
from qt_upbit.routing.fanout_hub import with_stream_type
from qt_upbit.types import OrderbookEvent, StreamType, WireFormat

sizes = st.decimals(min_value=0, max_value=10**6, places=8, allow_nan=False)
prices = st.one_of(st.just(Decimal(0)), st.decimals(min_value=1, max_value=10**9, places=4, allow_nan=False))
rows = st.lists(
    st.fixed_dictionaries({"ask_price": prices, "bid_price": prices, "ask_size": sizes, "bid_size": sizes}),
    max_size=32,
)
formats = st.sampled_from([WireFormat.DEFAULT, WireFormat.SIMPLE])
_json = msgspec.json.Encoder(decimal_format="number")
_SHORT = {
    "type": "ty", "code": "cd", "timestamp": "tms", "total_ask_size": "tas", "total_bid_size": "tbs",
    "orderbook_units": "obu", "stream_type": "st", "level": "lv", "ask_price": "ap", "bid_price": "bp",
    "ask_size": "as", "bid_size": "bs",
}  # fmt: skip


def frame(units: list[dict[str, Decimal]], format: WireFormat, **further: Any) -> bytes:
    """A frame as the exchange would send it: its totals are those of its rows."""
    payload = {
        "type": "orderbook",
        "code": "KRW-BTC",
        "timestamp": 1_800_000_000_000,
        "total_ask_size": sum((row["ask_size"] for row in units), Decimal(0)),
        "total_bid_size": sum((row["bid_size"] for row in units), Decimal(0)),
        "orderbook_units": units,
        "stream_type": "REALTIME",
        "level": 0,
    }
    if format.is_simple:
        payload |= {"orderbook_units": [{_SHORT[key]: row[key] for key in row} for row in units]}
        payload = {_SHORT[key]: value for key, value in payload.items()}
    return _json.encode(payload | further)


def book_of(raw: bytes) -> OrderbookEvent:
    book = decode(raw)
    assert isinstance(book, OrderbookEvent)
    return book


COPIES: dict[str, Callable[[OrderbookEvent], Any]] = {
    "itself": lambda book: book,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda book: pickle.loads(pickle.dumps(book)),
    "replace": lambda book: msgspec.structs.replace(book, timestamp=book.timestamp),
    "with_stream_type": lambda book: with_stream_type(book, StreamType.REALTIME),
    "to_dict": lambda book: from_dict(to_dict(book)),
    "to_dict SIMPLE": lambda book: from_dict(to_dict(book, WireFormat.SIMPLE)),
    "msgspec": lambda book: msgspec.json.decode(msgspec.json.encode(book), type=type(book)),
    **{f"encode {each}": lambda book, each=each: decode_all(encode(book, each))[0] for each in WireFormat},
    "asdict": lambda book: type(book)(**msgspec.structs.asdict(book)),
    "cut again": lambda book: book.truncated(book.count_rows()),
}


def seen(book: OrderbookEvent) -> tuple[Any, ...]:
    """Everything that readers see of a book."""
    return (
        book.count_rows(), book.orderbook_units, book.asks, book.bids, book.float_levels, book.total_ask_size,
        book.total_bid_size, repr(book), to_dict(book), to_dict(book, WireFormat.SIMPLE), book.stream_key,
    )  # fmt: skip


@given(rows, st.integers(0, 35), formats)
def test_the_cut_is_part_of_the_value(
    units: list[dict[str, Decimal]], depth: int, format: WireFormat
) -> None:
    whole = book_of(frame(units, format))
    cut = whole.truncated(depth)
    expected = book_of(frame(units[:depth], format))
    assert cut.count_rows() == min(len(units), depth)
    for name, make in COPIES.items():
        twin = make(cut)
        assert twin == expected, name
        assert hash(twin) == hash(expected), name
        assert seen(twin) == seen(expected), name
    assert whole.count_rows() == len(units), "the book it was cut from is as it was"


@given(rows, st.integers(0, 35), st.integers(0, 35))
def test_cut_twice_is_cut_by_the_smaller(units: list[dict[str, Decimal]], first: int, second: int) -> None:
    book = book_of(frame(units, WireFormat.DEFAULT))
    assert seen(book.truncated(first).truncated(second)) == seen(book.truncated(min(first, second)))


def test_what_was_read_before_the_cut_does_not_show_after_it() -> None:
    units = [
        dict.fromkeys(("ask_price", "bid_price", "ask_size", "bid_size"), Decimal(n)) for n in range(1, 31)
    ]
    book = book_of(frame(units, WireFormat.DEFAULT))
    assert len(book.asks) == len(book.float_levels[0]) == len(book.orderbook_units) == 30
    cut = book.truncated(5)
    assert len(cut.asks) == len(cut.float_levels[0]) == len(cut.orderbook_units) == cut.count_rows() == 5
    later = msgspec.structs.replace(cut, stream_type=StreamType.SNAPSHOT)
    assert (later.count_rows(), later.total_ask_size) == (5, 15)


def test_rows_are_counted_whatever_stands_in_them() -> None:
    plain = {"ask_price": 2, "bid_price": 1, "ask_size": 1, "bid_size": 1}
    units = [plain | {"more": {"and": {"more": "{{{"}}}, plain]
    book = from_dict({"type": "orderbook", "code": "KRW-BTC", "timestamp": 1, "total_ask_size": 2,
                      "total_bid_size": 2, "orderbook_units": units})  # fmt: skip
    assert book.count_rows() == 2
    assert book.count_rows() == 2, "also from memory"


def test_an_empty_slot_of_a_thin_book_is_a_row() -> None:
    """A book always has all rows, empty ones too (protocol section 3.3); who gets it in another way, too."""
    full = {"ask_price": Decimal(2), "bid_price": Decimal(1), "ask_size": Decimal(1), "bid_size": Decimal(1)}
    units = [full, dict.fromkeys(full, Decimal(0)), dict.fromkeys(full, Decimal(0))]
    for format in (WireFormat.DEFAULT, WireFormat.SIMPLE):
        book = book_of(frame(units, format))
        for name, make in COPIES.items():
            twin = make(book)
            assert twin.count_rows() == 3, name
            assert len(twin.orderbook_units) == 1, name
            assert twin.float_levels == book.float_levels, name


def test_a_depth_is_no_negative_number() -> None:
    with pytest.raises(ValueError, match="depth"):
        book_of(frame([], WireFormat.DEFAULT)).truncated(-1)


def test_an_unreadable_row_behind_the_cut_is_not_hidden_by_it() -> None:
    units: list[Any] = [
        dict.fromkeys(("ask_price", "bid_price", "ask_size", "bid_size"), 1) for _ in range(3)
    ]
    raw = frame(units, WireFormat.DEFAULT).replace(b"1}]", b'"cheap"}]')
    with pytest.raises(DecodeError):
        book_of(raw).truncated(1)
