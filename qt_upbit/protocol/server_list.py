"""What LIST_SUBSCRIPTIONS says, read as streams and compared with ours. Nothing here raises."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from qt_upbit.types import ALL_CODES, CodeRule, StreamKey, spec_of

__all__ = ["compare", "listed_streams"]


def compare(
    result: Iterable[Mapping[str, Any]], asked: Collection[StreamKey]
) -> tuple[set[StreamKey], set[StreamKey]]:
    """Which of the streams that were asked for are listed, and which are listed that were not."""
    listed: set[StreamKey] = set()
    surplus: set[StreamKey] = set()
    for entry in result:
        for key, exact in listed_streams(entry):
            # An entry may leave out what distinguishes its streams, or spell all codes out.
            ours = [key] if exact and key in asked else [k for k in asked if _may_be(key, k, exact)]
            listed.update(ours)
            if not ours:
                surplus.add(key)
    return listed, surplus


def listed_streams(entry: Mapping[str, Any]) -> Iterator[tuple[StreamKey, bool]]:
    """The streams of one entry of the server's list, each with whether it says all that distinguishes it.

    Nothing here may raise: the list comes from outside.
    """
    wire_type = entry.get("type")
    spec = spec_of(wire_type) if isinstance(wire_type, str) else None
    if spec is None or not isinstance(wire_type, str):
        return
    variant = tuple(_variant_value(entry.get(name)) for name in spec.stream_fields)
    codes = entry.get("codes")
    for code in codes if isinstance(codes, list) and codes else (ALL_CODES,):
        bare = code.partition(".")[0] if isinstance(code, str) else ALL_CODES
        yield StreamKey(wire_type, bare, variant), None not in variant


def _may_be(listed: StreamKey, ours: StreamKey, exact: bool) -> bool:
    if listed.type != ours.type or (exact and listed.variant != ours.variant):
        return False
    spec = spec_of(ours.type)
    if spec is not None and spec.codes is CodeRule.OPTIONAL and ours.code == ALL_CODES:
        return True  # all codes, spelled out
    return not exact and listed.code == ours.code


def _variant_value(value: Any) -> Hashable:
    """A stream field as it stands in a `StreamKey`; None if it says nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, int) or value.adjusted() > 30 or value != value.to_integral_value():
        return value
    return int(value)
