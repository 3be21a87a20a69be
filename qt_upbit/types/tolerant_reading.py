"""`read_tolerantly`: an event from a frame that is not quite what Upbit documents.

Upbit adds, renames and drops fields without notice, and a field that nobody looks at must not hide the price
beside it. A frame that the fast decoders refuse is read here field by field: what is missing, or of an odd
type, becomes None and is named in `BaseWebSocketEvent.odd_fields`, unless the event's spec calls it vital.
It costs as much as decoding a dozen frames; `work` counts it, so that the work on one message can be bounded.
"""

from __future__ import annotations

import functools
import typing
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from qt_upbit.types.registry import BaseWebSocketEvent, EventSpec, OddField
from qt_upbit.types.wire_struct import (
    Reader,
    WireStruct,
    readers_of,
    validate_numbers,
    wire_class_of,
    wire_hints,
)

__all__ = ["read_tolerantly", "work"]

_StructT = TypeVar("_StructT", bound=WireStruct)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_rows: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MOST_ROWS: Final = 1_000
_MOST_PARTS: Final = 10_000
"""Commas and brackets of a frame; with more of them it is refused: to read it field by field takes long."""
_LONGEST_PROBLEM: Final = 500
_untyped: Final = msgspec.json.Decoder()
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, ArithmeticError, RecursionError)
_MISSING: Final = "missing"


class _Work:
    """How much was read field by field since the program began: who reads a message bounds it.

    Attributes:
        fields: fields looked at, and members of the objects that they are in.
    """

    fields = 0


work: Final = _Work()


class _Field(NamedTuple):
    """How to read one field."""

    name: str
    key: str
    decoder: msgspec.json.Decoder[Any]
    reader: Reader | None
    nested: type[WireStruct] | None
    """The struct that it is, or of which it is a list."""
    is_list: bool
    has_default: bool


@functools.cache
def _fields_of(cls: type[WireStruct], simple: bool) -> tuple[_Field, ...]:
    twin, hints, readers = wire_class_of(cls, simple), wire_hints(cls, simple), readers_of(cls)
    keys = dict(zip(twin.__struct_fields__, twin.__struct_encode_fields__, strict=True))
    fields = []
    for field in msgspec.structs.fields(cls):
        hint = hints[field.name]
        is_list = typing.get_origin(hint) is tuple
        inner = typing.get_args(hint)[0] if is_list else hint
        nested = inner.public_class if isinstance(inner, type) and issubclass(inner, WireStruct) else None
        fields.append(
            _Field(
                field.name,
                keys[field.name],
                msgspec.json.Decoder(hint),
                readers.get(field.name),
                nested,
                is_list,
                not field.required,
            )
        )
    return tuple(fields)


def read_tolerantly(raw: bytes, spec: EventSpec, simple: bool) -> BaseWebSocketEvent:
    """Read a frame of a type; fields that are odd and not vital are None.

    Args:
        raw: one JSON object, UTF-8.
        spec: of its type.
        simple: whether it has SIMPLE keys.

    Raises:
        ValueError: a vital field is missing or odd; the message names it.
        msgspec.MsgspecError: not a JSON object.
    """
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > _MOST_PARTS:
        raise ValueError(f"a frame of {len(raw)} bytes in many parts that is not what Upbit documents")
    odd: list[tuple[str, str]] = []
    event = _read(raw, spec.event_class, simple, spec.vital, odd)
    if odd:
        event.__dict__["odd_fields"] = tuple(OddField(event.type, name, problem) for name, problem in odd)
    return event


def _read(
    raw: bytes, cls: type[_StructT], simple: bool, vital: tuple[str, ...], odd: list[tuple[str, str]]
) -> _StructT:
    members = _members.decode(raw)
    values: dict[str, Any] = {}
    fields = _fields_of(cls, simple)
    work.fields += len(members) + len(fields)
    for field in fields:
        found = members.get(field.key)
        if found is None and field.has_default:
            continue
        value, problem = (None, _MISSING) if found is None else _value_of(bytes(found), field, simple, odd)
        if problem and field.name in vital:
            raise ValueError(f"{field.name} ({field.key}): {problem}")
        if problem:
            odd.append((field.name, problem))
        values[field.name] = value
    made: _StructT = wire_class_of(cls, simple)(**values)
    return made


def _value_of(raw: bytes, field: _Field, simple: bool, odd: list[tuple[str, str]]) -> tuple[Any, str | None]:
    """A field's value, None with what is wrong where it can not be read."""
    try:
        value = field.decoder.decode(raw)
        validate_numbers(value)
    except _UNREADABLE as exc:
        if field.reader is not None:
            return _read_by(field.reader, raw, exc)
        if field.nested is None:
            return None, _said(exc)
        inside: list[tuple[str, str]] = []
        try:
            value = _read_nested(raw, field, simple, inside)
        except _UNREADABLE:
            return None, _said(exc)
        odd += ((f"{field.name}.{name}", problem) for name, problem in inside)
        return value, None
    return value, None


def _read_nested(raw: bytes, field: _Field, simple: bool, inside: list[tuple[str, str]]) -> Any:
    """A struct, or the list of them; what is odd in several of a list is named once."""
    assert field.nested is not None  # noqa: S101  # asked before
    if not field.is_list:
        return _read(raw, field.nested, simple, field.nested.vital, inside)
    rows = _rows.decode(raw)
    if len(rows) > _MOST_ROWS:
        raise ValueError(f"{len(rows)} rows")
    found: list[tuple[str, str]] = []
    read = tuple(_read(bytes(row), field.nested, simple, field.nested.vital, found) for row in rows)
    inside += {name: (name, problem) for name, problem in reversed(found)}.values()
    return read


def _said(error: Exception) -> str:
    """What is wrong, without all that the frame had there."""
    return str(error)[:_LONGEST_PROBLEM]


def _read_by(reader: Reader, raw: bytes, error: Exception) -> tuple[Any, str | None]:
    try:
        value = reader(_untyped.decode(raw))
    except _UNREADABLE:
        value = None
    return value, _said(error) if value is None else None
