"""The sample frames of tests/data, and events made up from the declarations."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from qt_upbit.types import EVENT_TYPES, BaseWebSocketEvent, EventSpec, OrderbookUnit
from qt_upbit.types.wire_struct import nested_struct_of, wire_hints

DATA = Path(__file__).parent.parent / "data"

INCOMPLETE = {"ticker.simple.jsonl", "ticker.simple_list.partial.jsonl"}
"""Samples that their sources had cut or misspelled (tests/data/README.md)."""


def lines(name: str) -> list[bytes]:
    """The documents of one file."""
    return (DATA / name).read_bytes().splitlines()


def event_frames() -> Iterator[tuple[str, bytes]]:
    """Every sample frame that carries events, with the file it stands in."""
    for spec in EVENT_TYPES.values():
        for path in sorted(DATA.glob(f"{spec.wire_type}.*.jsonl")):
            for line in lines(path.name):
                yield path.name, line


def rest_rows(name: str) -> list[Any]:
    """The rows of REST answers in one file, numbers exact; bodies that are lists are unrolled."""
    found: list[Any] = []
    for line in lines(name):
        value = json.loads(line, parse_float=Decimal)
        found += value if isinstance(value, list) else [value]
    return found


def recording() -> list[bytes]:
    """The frames of the 2021 recording, untouched and in order."""
    start = b'"frame":'
    return [line[line.index(start) + len(start) : -1] for line in lines("capture.2021-04-17.simple.jsonl")]


decimals = st.decimals(
    min_value=Decimal("-1e18"), max_value=Decimal("1e18"), allow_nan=False, allow_infinity=False
)
_texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=12)


def values_for(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's declared type."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return values_for(args[0])
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values_for(arg) for arg in args])
    if origin is tuple:
        return st.lists(values_for(args[0]), max_size=3).map(tuple)
    if hint is type(None):
        return st.none()
    if hint is Decimal:
        return decimals
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(0, 10**14)
    if hint is str:
        return _texts
    if hint is msgspec.Raw:
        return book_units().map(_as_raw)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    struct = nested_struct_of(hint)
    assert struct is not None, hint
    return structs(struct.public_class)


def structs(cls: type[Any], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Instances of a wire struct, every field drawn from the type that Upbit documents."""
    hints: Mapping[str, Any] = wire_hints(cls, False)  # type: ignore[arg-type]  # a class is hashable
    fields = {name: values_for(hints[name]) for name in cls.__struct_fields__}
    return st.fixed_dictionaries(fields | fixed).map(lambda values: cls(**values))


def book_units() -> st.SearchStrategy[list[OrderbookUnit]]:
    """Rows of a book; a slot may be empty on either side."""
    positive = st.decimals(min_value=Decimal("1e-8"), max_value=Decimal("1e12"), places=8)
    side = st.lists(st.tuples(positive, positive), max_size=5)

    def rows(pair: tuple[list[Any], list[Any]]) -> list[OrderbookUnit]:
        asks, bids = pair
        zero = (Decimal(0), Decimal(0))
        count = max(len(asks), len(bids))
        return [
            OrderbookUnit(ask_price=a[0], bid_price=b[0], ask_size=a[1], bid_size=b[1])
            for a, b in zip(
                asks + [zero] * (count - len(asks)), bids + [zero] * (count - len(bids)), strict=True
            )
        ]

    return st.tuples(side, side).map(rows)


def _as_raw(units: list[OrderbookUnit]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.Encoder(decimal_format="number").encode(units))


def events_of(spec: EventSpec) -> st.SearchStrategy[BaseWebSocketEvent]:
    """Events of one declared type."""
    codes = {"code": st.sampled_from(["KRW-BTC", "BTC-ETH", "USDT-1INCH"])}
    fixed: dict[str, st.SearchStrategy[Any]] = {"type": st.sampled_from(spec.wire_types)}
    return structs(
        spec.event_class, **fixed, **(codes if "code" in spec.event_class.__struct_fields__ else {})
    )


all_events = st.one_of([events_of(spec) for spec in EVENT_TYPES.values()])
