"""`StreamRequest`: what one owner wants of one stream, how several become one, and the request that says so.

How requests for the same stream are merged: the deepest book, each option by its own rule
(`OptionSpec.merge`), a snapshot or changes if any owner wants them. How they become data-type objects:
streams of the same type, variant, flags and options share one (protocol section 2.4).
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from qt_upbit.protocol.wire import DEFAULT_BOOK_DEPTH, RequestItem
from qt_upbit.types import ALL_CODES, EVENT_TYPES, CodeRule, EventSpec, StreamKey, spec_of

__all__ = [
    "StreamRequest",
    "absorb_all_codes",
    "build_items",
    "covers",
    "has_same_options",
    "merge",
    "merge_all",
]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What one owner wants of one stream.

    Attributes:
        key: the stream.
        depth: rows of an order book; 0 where there is no depth.
        snapshot: wants a first snapshot.
        realtime: wants the changes.
        options: the request options that do not distinguish streams: a union of lists, or a flag.
            None as a value means everything.
    """

    key: StreamKey
    depth: int = 0
    snapshot: bool = True
    realtime: bool = True
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def spec(self) -> EventSpec:
        """The declaration of the request's type."""
        spec = spec_of(self.key.type)
        if spec is None:
            raise ValueError(f"unknown type {self.key.type!r}")
        return spec


def merge_all(requests: Iterable[StreamRequest]) -> StreamRequest:
    """Several requests for one stream in one; at least one is given."""
    return functools.reduce(merge, requests)


def merge(a: StreamRequest, b: StreamRequest) -> StreamRequest:
    """Two requests for one stream in one that brings all that either names."""
    if a == b:
        return a
    return replace(
        a,
        depth=max(a.depth, b.depth),
        snapshot=a.snapshot or b.snapshot,
        realtime=a.realtime or b.realtime,
        options=_merge_options(a.spec, a.options, b.options),
    )


def covers(asked: StreamRequest, request: StreamRequest) -> bool:
    """Whether what was asked brings all rows and everything in the lists that a request names.

    Whether it brings snapshots and changes is another question.
    """
    if request.depth > asked.depth:
        return False
    if request.options == asked.options:
        return True
    merged = _merge_options(asked.spec, asked.options, request.options)
    return merged == asked.options or _options_key(merged) == _options_key(asked.options)


def has_same_options(a: StreamRequest, b: StreamRequest) -> bool:
    """Whether two requests for one stream name the same options, in whatever order."""
    return a.options == b.options or _options_key(a.options) == _options_key(b.options)


def _merge_options(
    spec: EventSpec, a: tuple[tuple[str, Any], ...], b: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    if a == b:
        return a
    left, right = dict(a), dict(b)
    return tuple(
        (option.name, option.merged(left.get(option.name), right.get(option.name)))
        for option in spec.options
        if option.name in left or option.name in right
    )


def absorb_all_codes(merged: dict[StreamKey, StreamRequest]) -> dict[StreamKey, StreamRequest]:
    """Drop single codes of a type whose every code is wanted: the request cannot say both."""
    everything = {
        (key.type, key.variant) for key, request in merged.items()
        if key.code == ALL_CODES and request.spec.codes is CodeRule.OPTIONAL
    }  # fmt: skip
    if not everything:
        return merged
    return {
        key: request
        for key, request in merged.items()
        if key.code == ALL_CODES or (key.type, key.variant) not in everything
    }


def build_items(requests: Mapping[StreamKey, StreamRequest]) -> tuple[RequestItem, ...]:
    """The data-type objects of one request for all these streams, in the order of the types' declaration."""
    groups: dict[tuple[Any, ...], list[tuple[StreamKey, StreamRequest]]] = {}
    for key, request in requests.items():
        options = _options_key(request.options) if request.options else b""
        flags = (request.snapshot and not request.realtime, request.realtime and not request.snapshot)
        groups.setdefault((key.type, key.variant, flags, options), []).append((key, request))
    order = {name: i for i, name in enumerate(t for spec in EVENT_TYPES.values() for t in spec.wire_types)}
    items = []
    for (wire_type, variant, flags, _), members in sorted(groups.items(), key=lambda g: order[g[0][0]]):
        request = members[0][1]
        items.append(
            RequestItem(
                wire_type,
                _request_codes(request.spec, members),
                # Types without a snapshot know no flags.
                is_only_snapshot=flags[0] and request.spec.has_snapshot,
                is_only_realtime=flags[1] and request.spec.has_snapshot,
                options=_request_options(request, variant),
            )
        )
    return tuple(items)


def _options_key(options: tuple[tuple[str, Any], ...]) -> bytes:
    """Options as comparable text; the order in which owners came does not matter."""
    ordered = {
        name: sorted(value, key=repr) if isinstance(value, tuple) else value for name, value in options
    }
    return msgspec.json.encode(ordered, order="sorted")


def _request_codes(spec: EventSpec, members: list[tuple[StreamKey, StreamRequest]]) -> tuple[str, ...] | None:
    if spec.codes is CodeRule.FORBIDDEN or any(key.code == ALL_CODES for key, _ in members):
        return None
    return tuple(
        f"{key.code}.{request.depth}" if spec.has_depth and request.depth != DEFAULT_BOOK_DEPTH else key.code
        for key, request in members
    )


def _request_options(request: StreamRequest, variant: tuple[Hashable, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: value for name, value in zip(request.spec.stream_fields, variant, strict=True) if value
    }
    option: Any
    for name, option in request.options:
        if option is not None and option is not False:
            options[name] = list(option) if isinstance(option, tuple) else option
    return options
