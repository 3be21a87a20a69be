"""`SampleFeed`: frames of event types that no other feed makes, generated from their declaration.

A type that Upbit adds is declared once (`qt_upbit.types`); until it has a feed of its own, the simulated
exchange serves it with generated frames.
"""

from __future__ import annotations

import enum
import itertools
import typing
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.types import BaseWebSocketEvent, CodeRule, EventSpec, StreamType, spec_of
from qt_upbit.types.wire_struct import nested_struct_of

__all__ = ["SampleFeed"]

_NUMBER: Final = Decimal(1000)


class SampleFeed:
    """Makes an event now and then for each requested stream.

    Fields that every event of the type has get a plain value of their declared type, the time, or a number
    that grows; those that distinguish streams get the requested value. The others keep their default.

    Args:
        market: whose pairs and clock.
        made_elsewhere: event classes that other feeds make.
        interval_s: market time between two events of one stream.
    """

    def __init__(
        self,
        market: SimulatedMarket,
        made_elsewhere: Iterable[type[BaseWebSocketEvent]],
        interval_s: float,
    ) -> None:
        self._market = market
        self._made_elsewhere = frozenset(made_elsewhere)
        self._interval_ms = int(interval_s * 1000)
        self._next_ms = market.start_ms
        self._numbers = itertools.count(1)

    def serves(self, spec: EventSpec) -> bool:
        """Whether no other feed makes events of a type."""
        return spec.event_class not in self._made_elsewhere

    def due(
        self, streams: Iterable[tuple[str, str, Mapping[str, Any]]], now_ms: int
    ) -> Iterator[BaseWebSocketEvent]:
        """The events that are due, one for each stream.

        Args:
            streams: type, code and request options of what is subscribed.
            now_ms: market time.
        """
        if now_ms < self._next_ms:
            return
        # After a long pause one of each is enough.
        self._next_ms = now_ms + self._interval_ms
        for wire_type, code, options in streams:
            event = self.event(wire_type, code, options)
            if event is not None:
                yield event

    def event(self, wire_type: str, code: str, options: Mapping[str, Any]) -> BaseWebSocketEvent | None:
        """A change of a stream now; None if its type is made elsewhere, or its code is not traded.

        Args:
            wire_type: Upbit's type.
            code: empty for types without codes, and for all.
            options: of the request.
        """
        spec = spec_of(wire_type)
        if spec is None or not self.serves(spec):
            return None
        fields: dict[str, Any] = {"type": wire_type, "stream_type": StreamType.REALTIME}
        if "code" in spec.event_class.__struct_fields__:
            if not code and spec.codes is not CodeRule.REQUIRED:
                code = next(iter(self._market.pairs), "")
            if code not in self._market.pairs:
                return None
            fields["code"] = code
        hints = typing.get_type_hints(spec.event_class)
        for field in msgspec.structs.fields(spec.event_class):
            if field.name in fields:
                continue
            if field.name in spec.stream_fields and field.name in options:
                try:
                    fields[field.name] = msgspec.convert(options[field.name], hints[field.name], strict=False)
                except msgspec.ValidationError:
                    return None  # no event has such a value
            elif field.required:
                fields[field.name] = self._value(field.name, hints[field.name])
        return spec.event_class(**fields)

    def _value(self, name: str, hint: Any) -> Any:
        """A plain value of a declared type."""
        arguments = typing.get_args(hint)
        struct = nested_struct_of(hint)
        if hint is msgspec.Raw:
            return msgspec.Raw(b"[]")
        if typing.get_origin(hint) is tuple:
            return (self._value(name, arguments[0]),)
        if struct is not None:
            hints = typing.get_type_hints(struct)
            return struct(
                **{
                    field.name: self._value(field.name, hints[field.name])
                    for field in msgspec.structs.fields(struct)
                    if field.required
                }
            )
        kinds = [kind for kind in arguments or (hint,) if kind is not type(None)]
        for kind in kinds:
            if kind is bool:
                return False
            if kind is int:
                return self._market.now_ms if name.endswith("timestamp") else next(self._numbers)
            if kind is float:
                return float(_NUMBER)
            if kind is Decimal:
                return _NUMBER
            if isinstance(kind, type) and issubclass(kind, enum.Enum):
                return next(iter(kind))
        return f"{name}-{next(self._numbers)}"
