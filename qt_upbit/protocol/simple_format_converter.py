"""`SimpleFormatConverter`: whole payloads between DEFAULT and SIMPLE keys, derived from types.py."""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any

from qt_upbit.types import BaseWebSocketEvent, OrderbookEvent, OrderbookUnit, spec_of
from qt_upbit.types.wire_struct import nested_struct_of
from qt_upbit.types.wire_struct import simple_key_of as _simple_key_of

__all__ = ["SimpleFormatConverter"]

_CONTROL_KEYS = {"method": "mthd", "result": "rslt", "ticket": "tckt"}
_RESULT_KEYS = {"type": "ty", "codes": "cds", "level": "lv"}


class _KeyMap(typing.NamedTuple):
    """Old key → new key, and the map for what is nested below an old key."""

    keys: dict[str, str]
    nested: dict[str, _KeyMap]


class SimpleFormatConverter:
    """Converts whole payloads between long (DEFAULT) and short (SIMPLE) keys, both ways.

    Values, and their order, are left exactly as they are; keys that Upbit does not document stay too.
    The two directions are each other's inverse. Works on one object or on the array of a list format.
    A LIST_SUBSCRIPTIONS reply is understood as well (protocol section 2.6).
    """

    def to_simple(self, payload: Any) -> Any:
        """A DEFAULT payload with SIMPLE keys."""
        return self._convert(payload, "type", "method", to_simple=True)

    def to_default(self, payload: Any) -> Any:
        """A SIMPLE payload with DEFAULT keys."""
        return self._convert(payload, "ty", "mthd", to_simple=False)

    def _convert(self, payload: Any, type_key: str, method_key: str, *, to_simple: bool) -> Any:
        if isinstance(payload, list | tuple):
            return [self._convert(item, type_key, method_key, to_simple=to_simple) for item in payload]
        if not isinstance(payload, Mapping):
            return payload
        if method_key in payload:
            return _apply(payload, _control_map(to_simple))
        spec = spec_of(str(payload.get(type_key)))
        return dict(payload) if spec is None else _apply(payload, _event_map(spec.event_class, to_simple))


def _apply(payload: Any, names: _KeyMap) -> Any:
    if isinstance(payload, list | tuple):
        return [_apply(item, names) for item in payload]
    if not isinstance(payload, Mapping):
        return payload
    return {
        names.keys.get(key, key): _apply(value, names.nested[key]) if key in names.nested else value
        for key, value in payload.items()
    }


@functools.cache
def _control_map(to_simple: bool) -> _KeyMap:
    outer, inner = dict(_CONTROL_KEYS), dict(_RESULT_KEYS)
    if not to_simple:
        outer, inner = _inverse(outer), _inverse(inner)
    return _KeyMap(outer, {"result" if to_simple else "rslt": _KeyMap(inner, {})})


def _inverse(keys: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in keys.items()}


@functools.cache
def _event_map(cls: type[Any], to_simple: bool) -> _KeyMap:
    keys: dict[str, str] = {}
    nested: dict[str, _KeyMap] = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        if name.startswith("_") or name not in cls.__struct_fields__:
            continue
        long = "orderbook_units" if issubclass(cls, OrderbookEvent) and name == "units_json" else name
        short = _simple_key_of(cls, name)
        old, new = (long, short) if to_simple else (short, long)
        keys[old] = new
        below = OrderbookUnit if long == "orderbook_units" else nested_struct_of(hint)
        if below is not None and not issubclass(below, BaseWebSocketEvent):
            nested[old] = _event_map(below, to_simple)
    return _KeyMap(keys, nested)
