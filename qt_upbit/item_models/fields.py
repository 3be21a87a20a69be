"""Fields of item models: name, header, and how values are displayed and compared."""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from qt_upbit.epoch import local_datetime_at

__all__ = ["Field", "fields_of", "plain", "sort_value", "text_of"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a row.

    Attributes:
        name: Upbit's DEFAULT name, also the name of the role.
        header: English column header; models translate it.
        is_number: whether it is right-aligned.
    """

    name: str
    header: str
    is_number: bool = False


def fields_of(
    cls: type[msgspec.Struct],
    first: Iterable[str] = (),
    *,
    without: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
) -> tuple[Field, ...]:
    """The fields of an event or record, those in `first` at the front."""
    hints = typing.get_type_hints(cls)
    left_out = set(without)
    names = dict.fromkeys((*first, *cls.__struct_fields__))
    texts = headers or {}
    return tuple(
        Field(name, texts.get(name) or name.replace("_", " ").capitalize(), _is_number(hints.get(name)))
        for name in names
        if name not in left_out
    )


def _is_number(hint: Any) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, Decimal | int) and hint is not bool
    return any(map(_is_number, typing.get_args(hint)))


def text_of(name: str, value: Any) -> str:
    """Display text: numbers exact and grouped, rates in per cent, timestamps as local time."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:+.2%}" if name.endswith("_rate") else f"{value:,f}"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        # The shortest text that round-trips: the digits on the wire, without an exponent.
        text = f"{Decimal(repr(value)):,f}"
        return text.removesuffix(".0")
    if isinstance(value, int):
        if name.endswith("timestamp"):
            return _local_time(value)
        return str(value) if name.endswith("_id") else f"{value:,}"
    return str(value)


def _local_time(timestamp_ms: int) -> str:
    try:
        return f"{local_datetime_at(timestamp_ms / 1000):%H:%M:%S}"
    except (OverflowError, ValueError):
        return str(timestamp_ms)


def plain(value: Any) -> Any:
    """A value for QML: exact decimals become floats, enumerations plain text."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, enum.Enum):
        return value.value
    return value


def sort_value(value: Any) -> Any:
    """A value that Qt can compare, which it cannot do with a Python object such as a Decimal."""
    return int(value) if isinstance(value, bool) else plain(value)
