"""`OrderbookEvent`: a book whose rows stay raw JSON until they are read."""

from __future__ import annotations

import functools
import typing
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from qt_upbit.exact import exact_sum
from qt_upbit.exceptions import DecodeError
from qt_upbit.types.registry import CodeEvent
from qt_upbit.types.wire_struct import (
    MAX_MAGNITUDE,
    WireStruct,
    WireStructT,
    rebuild_struct,
    simple_class_of,
    validate_numbers,
    wire_key,
)

__all__ = [
    "BookLevel",
    "OrderbookEvent",
    "OrderbookUnit",
]


class BookLevel(typing.NamedTuple):
    """One price level of one side."""

    price: Decimal
    size: Decimal


class OrderbookUnit(WireStruct, frozen=True, kw_only=True, eq=False):
    """Row i of a book: the i-th best ask beside the i-th best bid.

    A side with fewer levels than rows is None in the rows it does not reach (Upbit sends zeros).
    """

    ask_price: Annotated[Decimal | None, wire_key("ap", nullable=True)]
    bid_price: Annotated[Decimal | None, wire_key("bp", nullable=True)]
    ask_size: Annotated[Decimal | None, wire_key("as", nullable=True)]
    bid_size: Annotated[Decimal | None, wire_key("bs", nullable=True)]


_EMPTY_ROW: Final = OrderbookUnit(ask_price=None, bid_price=None, ask_size=None, bid_size=None)


def _public_unit(row: OrderbookUnit) -> OrderbookUnit:
    return OrderbookUnit(
        ask_price=row.ask_price, bid_price=row.bid_price, ask_size=row.ask_size, bid_size=row.bid_size
    )


class _FloatUnit(WireStruct, frozen=True, kw_only=True, eq=False):
    """A row for painting, which needs no exact decimals: six times faster to decode."""

    ask_price: Annotated[float, wire_key("ap")]
    bid_price: Annotated[float, wire_key("bp")]
    ask_size: Annotated[float, wire_key("as")]
    bid_size: Annotated[float, wire_key("bs")]


_NUMBER_TEXT: Final = b"0123456789.-"


_NUMBERS_SHARE: Final = 5
"""The text of all numbers of a book is at most this many times as long as the text between them."""


_SHAPES_LIMIT: Final = 256


_EVERY_DIGIT: Final = bytes.maketrans(b"123456789.", b"0000000000")


_LONG_NUMBER: Final = b"0" * MAX_MAGNITUDE


def _has_plain_numbers(text: bytes) -> bool:
    """Whether all numbers in an array of objects are certainly plain: no exponent, no quotes, none is long.

    Ten times cheaper than checking each of a book's 120 numbers, which is done if this returns False.
    """
    text = text.translate(_EVERY_DIGIT, b" \t\r\n")
    return not (b"0E" in text or b"0e" in text or b':"' in text or _LONG_NUMBER in text)


class _ReadableShapes:
    """The text between the numbers of rows that could be read, with the number of those rows."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}
        self._latest = (b"", 0)
        """Nearly always the same as the next one; comparing is cheaper than hashing."""

    def rows_of(self, shape: bytes) -> int | None:
        """The number of rows of this shape; None if no rows of it have been read yet."""
        if shape == self._latest[0]:
            return self._latest[1]
        rows = self._rows.get(shape)
        if rows is not None:
            self._latest = (shape, rows)
        return rows

    def add(self, shape: bytes, rows: int) -> None:
        """Remember the shape of rows that were read."""
        if len(self._rows) < _SHAPES_LIMIT:
            self._rows[shape] = rows


_readable_shapes: Final = {True: _ReadableShapes(), False: _ReadableShapes()}
"""By whether names are DEFAULT ones."""


@functools.cache
def _units_decoder(unit: type[WireStructT], simple: bool) -> msgspec.json.Decoder[list[WireStructT]]:
    item = simple_class_of(unit) if simple else unit
    return msgspec.json.Decoder(list[item])  # type: ignore[valid-type]  # a run-time class


class OrderbookEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A whole order book (protocol section 3.3): it replaces the last one; never merge.

    The levels stay raw JSON until `orderbook_units`, `asks` or `bids` is read, and are exact then.
    For painting use `float_levels`, at a sixth of the cost. ``level`` is the price grouping, 0 for none; a
    book whose level can not be read belongs to the stream without grouping.
    """

    total_ask_size: Annotated[Decimal | None, wire_key("tas")]
    total_bid_size: Annotated[Decimal | None, wire_key("tbs")]
    units_json: Annotated[msgspec.Raw, wire_key("obu")] = msgspec.field(name="orderbook_units")
    """The rows as received; read `orderbook_units` instead."""
    level: Annotated[Decimal | None, wire_key("lv")] = Decimal(0)

    def _rows(self, unit: type[WireStructT]) -> list[WireStructT]:
        try:
            rows = _units_decoder(unit, self.has_simple_keys).decode(self.units_json)
            if unit is OrderbookUnit and not _has_plain_numbers(bytes(self.units_json)):
                validate_numbers(rows)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise DecodeError(f"orderbook_units of {self.code}: {exc}", bytes(self.units_json)) from exc
        return rows

    @functools.cached_property
    def orderbook_units(self) -> tuple[OrderbookUnit, ...]:
        """Rows, best first, exact; empty rows are dropped, and a missing side of a row is None.

        Raises:
            DecodeError: a row does not match the documentation; so do all readers of the rows.
        """
        exact = self._exact_rows
        if all(r.ask_price and r.ask_size and r.bid_price and r.bid_size for r in exact):
            # Nearly always. Rows of a SIMPLE frame would be encoded under SIMPLE names.
            return tuple(map(_public_unit, exact)) if self.has_simple_keys else tuple(exact)
        asks, bids = self.asks, self.bids
        rows = []
        for i in range(max(len(asks), len(bids))):
            ask = asks[i] if i < len(asks) else (None, None)
            bid = bids[i] if i < len(bids) else (None, None)
            rows.append(OrderbookUnit(ask_price=ask[0], bid_price=bid[0], ask_size=ask[1], bid_size=bid[1]))
        return tuple(rows)

    @property
    def wire_rows(self) -> tuple[OrderbookUnit, ...]:
        """`orderbook_units` followed by the empty rows, which contain None: `count_rows` in all."""
        units = self.orderbook_units
        return units + (_EMPTY_ROW,) * (len(self._exact_rows) - len(units))

    @functools.cached_property
    def _exact_rows(self) -> list[OrderbookUnit]:
        return self._rows(OrderbookUnit)

    @functools.cached_property
    def asks(self) -> tuple[BookLevel, ...]:
        """Asks, best (lowest price) first, without empty rows."""
        return tuple(
            BookLevel(row.ask_price, row.ask_size)
            for row in self._exact_rows
            if row.ask_price and row.ask_size
        )

    @functools.cached_property
    def bids(self) -> tuple[BookLevel, ...]:
        """Bids, best (highest price) first, without empty rows."""
        return tuple(
            BookLevel(row.bid_price, row.bid_size)
            for row in self._exact_rows
            if row.bid_price and row.bid_size
        )

    @functools.cached_property
    def float_levels(self) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
        """``(asks, bids)``, each ``(price, size)`` pairs, best first: for painting, not for orders."""
        rows = self._rows(_FloatUnit)
        return (
            tuple((r.ask_price, r.ask_size) for r in rows if r.ask_price and r.ask_size),
            tuple((r.bid_price, r.bid_size) for r in rows if r.bid_price and r.bid_size),
        )

    def count_rows(self) -> int:
        """Number of rows, including empty ones; cheap, and checks that they can be read.

        Their syntax was checked with the frame. The text between the numbers shows whether the numbers are
        where they belong, and is nearly always one that was already checked.

        Raises:
            DecodeError: as all readers of the rows; a number of absurd length may be found only there.
        """
        text = bytes(self.units_json)
        shape = text.translate(None, _NUMBER_TEXT)
        known = _readable_shapes[not self.has_simple_keys]
        rows = known.rows_of(shape)
        if rows is None or len(text) > _NUMBERS_SHARE * len(shape):
            rows = len(self._rows(_FloatUnit))
            known.add(shape, rows)
        return rows

    def truncated(self, depth: int) -> OrderbookEvent:
        """The same book with at most `depth` rows and the totals of those rows.

        That is what Upbit sends for the code suffix ``.depth``: its totals are the sums of the frame. The
        other rows are dropped.

        Raises:
            DecodeError: a row is unreadable.
            ValueError: `depth` is negative.
        """
        if depth < 0:
            raise ValueError(f"depth must be 0 or more, not {depth}")
        if self.count_rows() <= depth:
            return self
        texts = _raw_rows_decoder.decode(self.units_json)[:depth]
        book = msgspec.structs.replace(self, units_json=msgspec.Raw(b"[" + b",".join(texts) + b"]"))
        rows = book._exact_rows
        for name in ("ask_size", "bid_size"):
            total = exact_sum(getattr(row, name) or Decimal(0) for row in rows)
            msgspec.structs.force_setattr(book, f"total_{name}", total)
        return book

    def __repr__(self) -> str:
        try:
            levels = self.float_levels
        except DecodeError:
            return f"OrderbookEvent({self.code}, timestamp={self.timestamp}, unreadable rows)"
        best = " / ".join(f"{side[0][0]:,.8g}" if side else "–" for side in levels)
        return (
            f"OrderbookEvent({self.code}, {self.stream_type}, timestamp={self.timestamp}, "
            f"level={self.level}, {len(levels[0])} asks and {len(levels[1])} bids, best {best})"
        )

    def _values(self) -> tuple[Any, ...]:
        names = (name for name in self.public_class.__struct_fields__ if name != "units_json")
        return (*(getattr(self, name) for name in names), self.orderbook_units)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = msgspec.structs.asdict(self)
        if self.has_simple_keys:
            # Under the public class's names, with the empty rows, which are zeros on the wire.
            fields["units_json"] = msgspec.Raw(
                _exact_encoder.encode(list(map(_public_unit, self._exact_rows)))
            )
        return rebuild_struct, (self.public_class, fields)


_exact_encoder: Final = msgspec.json.Encoder(decimal_format="number")


_raw_rows_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])
