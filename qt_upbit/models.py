"""Conversion between what Upbit sends and the events of `qt_upbit.types`.

Two halves: `decode` and `decode_all` for frames of the socket (msgspec straight into the event
classes, decimals made from the text on the wire), `from_dict`, `to_dict` and `encode` for everything else.
Nothing here uses a socket or a clock.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head, head_of, is_simple, known_head_of
from qt_upbit.types import (
    EVENT_TYPES,
    BaseWebSocketEvent,
    EventSpec,
    OrderbookEvent,
    OrderbookUnit,
    WireFormat,
    spec_of,
)
from qt_upbit.types.tolerant_reading import read_tolerantly
from qt_upbit.types.wire_struct import (
    nested_struct_of,
    simple_class_of,
    simple_key_of,
    validate_numbers,
)

__all__ = ["Head", "decode", "decode_all", "encode", "from_dict", "peek", "peek_known", "split", "to_dict"]


_array_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])
_untyped_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_exact_encoder: Final = msgspec.json.Encoder(decimal_format="number")

peek = head_of
"""Old name of `qt_upbit.frame_scan.head_of`."""
peek_known = known_head_of
"""Old name of `qt_upbit.frame_scan.known_head_of`."""


def split(raw: bytes) -> list[bytes]:
    """The objects of a frame: itself, or the elements of a list format's array (of any length).

    Raises:
        DecodeError: the frame begins like an array but is not one.
    """
    if raw.lstrip()[:1] != b"[":
        return [raw]
    try:
        return [bytes(item) for item in _array_decoder.decode(raw)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise DecodeError(str(exc), raw) from exc


class _Decoders(NamedTuple):
    """For DEFAULT and SIMPLE names, indexed by whether they are SIMPLE."""

    default: msgspec.json.Decoder[BaseWebSocketEvent]
    simple: msgspec.json.Decoder[BaseWebSocketEvent]
    spec: EventSpec


_decoders: dict[str, _Decoders] = {}
"""Of declared types only, so that unknown ones cannot fill it."""


def _decoders_of(wire_type: str) -> _Decoders | None:
    spec = spec_of(wire_type)
    if spec is None:
        return None
    decoders = _Decoders(
        msgspec.json.Decoder(spec.default_class), msgspec.json.Decoder(spec.simple_class), spec
    )
    return _decoders.setdefault(wire_type, decoders)


def decode(raw: bytes, head: Head | None = None) -> BaseWebSocketEvent:
    """Decode one object from the socket, in DEFAULT or SIMPLE, into its event.

    A field that is missing, of an odd type, or a number that is not finite or absurdly large (NaN,
    1e999999999) is None in the event, and named in its ``odd_fields``.

    Args:
        raw: one JSON object, UTF-8.
        head: the result of `head_of`, if it is known already.

    Raises:
        DecodeError: not JSON, an unknown type, or one of the type's vital fields is missing or odd.
    """
    if head is None:
        head = head_of(raw)
        if head is None:
            raise DecodeError("no type or ty, or not a JSON object", raw)
    decoders = _decoders.get(head.type) or _decoders_of(head.type)
    if decoders is None:
        raise DecodeError(f"unknown type {head.type[:40]!r}", raw)
    try:
        simple = is_simple(raw) or False
        try:
            event = (decoders.simple if simple else decoders.default).decode(raw)
            validate_numbers(event)
        except (msgspec.ValidationError, ValueError):
            event = read_tolerantly(raw, decoders.spec, simple)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, ArithmeticError, RecursionError) as exc:
        raise DecodeError(str(exc), raw) from exc
    if event.type != head.type or (head.code and getattr(event, "code", head.code) != head.code):
        # A duplicate key: routed by the first one, the price would go to another market.
        raise DecodeError(f"{head.type[:40]} {head.code} at the head, but something else later", raw)
    return event


def decode_all(raw: bytes) -> list[BaseWebSocketEvent]:
    """Decode a frame of any of the four formats into its events, in order.

    Raises:
        DecodeError: as in `decode`.
    """
    return [decode(item) for item in split(raw)]


def from_dict(payload: Mapping[str, Any]) -> BaseWebSocketEvent:
    """An event from a payload with DEFAULT or SIMPLE names, including older payloads.

    Fields that Upbit has removed are ignored, fields it has added since may be missing. Decimals are
    taken from `Decimal`, `int` or text exactly, from `float` by its shortest text.

    Raises:
        DecodeError: the type is unknown, or a required field is missing or unusable.
    """
    wire_type = payload.get("type", payload.get("ty"))
    spec = spec_of(wire_type) if isinstance(wire_type, str) else None
    if spec is None or not isinstance(wire_type, str):
        named = repr(wire_type[:40]) if isinstance(wire_type, str) else type(wire_type).__name__
        raise DecodeError(f"unknown type {named}", _text_of(payload))
    try:
        # Through JSON text: only the decoders know how a value becomes a field.
        raw = _exact_encoder.encode(dict(payload))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as exc:
        raise DecodeError(str(exc), _text_of(payload)) from exc
    event = decode(raw, Head(wire_type, ""))
    if isinstance(event, OrderbookEvent):
        _ = event.orderbook_units  # a wrong unit must raise here, not when a widget paints
    return event


def _text_of(payload: Mapping[str, Any]) -> str:
    """For an error's sample, which shows only the beginning."""
    try:
        return repr(dict(payload))
    except (ValueError, RecursionError):
        return "{...}"  # integers of more than 4,300 digits, recursion


def to_dict(event: BaseWebSocketEvent, format: WireFormat = WireFormat.DEFAULT) -> dict[str, Any]:
    """An event as a dict under the wire names: values exact (`Decimal`), enumerations as Upbit's text.

    The list formats give the same dictionary as DEFAULT and SIMPLE: the array belongs to the frame.
    """
    one = WireFormat.SIMPLE if format.is_simple else WireFormat.DEFAULT
    payload: dict[str, Any] = _untyped_decoder.decode(encode(event, one))
    return payload


def encode(event: BaseWebSocketEvent, format: WireFormat = WireFormat.DEFAULT) -> bytes:
    """An event as the bytes of one frame in `format`; `decode_all` reads them back as an equal event."""
    simple = format.is_simple
    payload = {
        key: _recast(getattr(event, name), simple) for name, key in _wire_keys(event.spec.name, simple)
    }
    if isinstance(event, OrderbookEvent):
        key = simple_key_of(OrderbookEvent, "units_json") if simple else "orderbook_units"
        payload[key] = msgspec.Raw(_encode_units(event.wire_rows, simple))
    data = _exact_encoder.encode(payload)
    return b"[" + data + b"]" if format.is_list else data


@functools.cache
def _wire_keys(row_name: str, simple: bool) -> tuple[tuple[str, str], ...]:
    """Fields with their keys in Upbit's order: type and code at the head, where `head_of` reads them."""
    cls = EVENT_TYPES[row_name].event_class
    wire = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    ends = {"type": 0, "code": 1, "stream_type": 3}
    names = sorted(wire, key=lambda name: ends.get(name, 2))
    return tuple((name, simple_key_of(cls, name) if simple else wire[name]) for name in names)


def _recast(value: Any, simple: bool) -> Any:
    """Convert nested wire structs to the class that writes the requested keys."""
    if isinstance(value, tuple):
        return tuple(_recast(item, simple) for item in value)
    public = nested_struct_of(type(value))
    if public is None:
        return value
    cls = simple_class_of(value.public_class) if simple else value.public_class
    return cls(**{name: getattr(value, name) for name in cls.__struct_fields__})


def _encode_units(units: tuple[OrderbookUnit, ...], simple: bool) -> bytes:
    cls = simple_class_of(OrderbookUnit) if simple else OrderbookUnit
    zero = Decimal(0)
    return _exact_encoder.encode(
        [cls(**{name: getattr(unit, name) or zero for name in cls.__struct_fields__}) for unit in units]
    )
