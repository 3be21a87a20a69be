"""`encode_frame`: an event as the bytes Upbit would send, with its key order and number spelling."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.simulator.market.spelling import STYLES, Spell, plain
from qt_upbit.types import BaseWebSocketEvent, OrderbookEvent, OrderbookUnit, WireFormat
from qt_upbit.types.registry import spec_of_class
from qt_upbit.types.wire_struct import WireStruct, simple_key_of

__all__ = ["encode_frame", "encode_object", "key_order"]

_json: Final = msgspec.json.Encoder()
_ZERO: Final = Decimal(0)

# Upbit writes type and code first and stream_type last; the timestamp's place differs (frames/).
_TIMESTAMP_AFTER: Final = {"trade": "code", "orderbook": "code", "ticker": "market_warning"}
_AFTER_STREAM_TYPE: Final = {"orderbook": ("level",)}


@functools.cache
def key_order(cls: type[BaseWebSocketEvent]) -> tuple[str, ...]:
    """Field names of an event class in wire order."""
    name = spec_of_class(cls).name
    head = tuple(n for n in ("type", "code") if n in cls.__struct_fields__)
    tail = _AFTER_STREAM_TYPE.get(name, ())
    special = (*head, "timestamp", "stream_type", *tail)
    order = [*head, *(n for n in cls.__struct_fields__ if n not in special)]
    after = _TIMESTAMP_AFTER.get(name)
    order.insert(len(order) if after is None else order.index(after) + 1, "timestamp")
    return (*order, "stream_type", *tail)


@functools.cache
def _columns(cls: type[BaseWebSocketEvent], simple: bool) -> tuple[tuple[str, str, Spell], ...]:
    """Per field: its name, its key as JSON text with the colon, and how its numbers are spelled."""
    columns = []
    for name in key_order(cls):
        spell = STYLES.get((spec_of_class(cls).name, name), (plain, plain))[simple]
        long = "orderbook_units" if name == "units_json" else name
        key = simple_key_of(cls, name) if simple else long
        columns.append((name, f'"{key}":', spell))
    return tuple(columns)


def _text(value: Any, spell: Spell, simple: bool) -> str:
    if isinstance(value, Decimal):
        return spell(value)
    if value is None or isinstance(value, bool | str | int | float):
        return _json.encode(value).decode()
    if isinstance(value, tuple):
        return f"[{','.join(_text(item, spell, simple) for item in value)}]"
    assert isinstance(value, WireStruct)  # noqa: S101  # an event has no other objects
    public, parts = value.public_class, []
    for field in msgspec.structs.fields(public):
        inner = getattr(value, field.name)
        if inner is None and field.default is None:
            continue
        key = simple_key_of(public, field.name) if simple else field.name
        parts.append(f'"{key}":{_text(inner, plain, simple)}')
    return f"{{{','.join(parts)}}}"


_UNIT_FIELDS: Final = ("ask_price", "bid_price", "ask_size", "bid_size")


def _units_text(units: tuple[OrderbookUnit, ...], simple: bool) -> str:
    rows = []
    for unit in units:
        parts = []
        for name in _UNIT_FIELDS:
            key = simple_key_of(OrderbookUnit, name) if simple else name
            value = getattr(unit, name)
            text = "0" if value is None else STYLES["orderbook_unit", name][simple](value)
            parts.append(f'"{key}":{text}')
        rows.append(f"{{{','.join(parts)}}}")
    return f"[{','.join(rows)}]"


def encode_object(event: BaseWebSocketEvent, simple: bool, without: frozenset[str] = frozenset()) -> bytes:
    """The JSON object of one event; `qt_upbit.models.decode` reads it back as an equal event.

    Fields named in `without` are left out.
    """
    cls = event.spec.event_class
    parts = []
    for name, key, spell in _columns(cls, simple):
        if name in without:
            continue
        if name == "units_json":
            assert isinstance(event, OrderbookEvent)  # noqa: S101  # only books have that column
            parts.append(key + _units_text(event.wire_rows, simple))
        elif name == "body" and getattr(event, name) is None:
            continue  # the key is sent only when requested
        else:
            parts.append(key + _text(getattr(event, name), spell, simple))
    return f"{{{','.join(parts)}}}".encode()


def encode_frame(event: BaseWebSocketEvent, format: WireFormat) -> bytes:
    """The frame of one event in any of the four formats."""
    data = encode_object(event, format.is_simple)
    return b"[" + data + b"]" if format.is_list else data
