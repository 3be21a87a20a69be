"""What the bytes of a frame show without decoding it: type and code, snapshot or change, rows, variant.

Most frames are dropped undecoded (a newer one arrives before the next screen frame), so what routing needs is
read from where Upbit writes it: type and code at the head, ``stream_type`` at the tail, a book's level beside
it. Every function returns what decoding the frame would return, or None for "only decoding can say", never
anything else, and never raises, whatever the bytes are. For a frame that `qt_upbit.models.decode` refuses
the result is meaningless.

Each function reads one JSON object (`qt_upbit.models.split` splits the arrays of the list formats).
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec

from qt_upbit.types import BaseWebSocketEvent, EventSpec, spec_of
from qt_upbit.types.registry import plain_value
from qt_upbit.types.wire_struct import simple_key_of

__all__ = [
    "TAIL_LIMIT",
    "Head",
    "change_variant",
    "head_of",
    "is_simple",
    "is_snapshot",
    "known_head_of",
    "row_count",
    "variant",
]


# --- the head: type and code ----------------------------------------------------------------------


class Head(NamedTuple):
    """The two values at the head of a frame that routing needs.

    Attributes:
        type: Upbit's type, for example ``candle.1m``.
        code: the pair, empty for types without one.
    """

    type: str
    code: str


_TYPE_TEXT: Final = rb'"([A-Za-z_]{1,32}(?:\.[0-9a-z]{1,8})?)"'
_CODE_TEXT: Final = rb'"([^"\\]{1,40})"'
_HEAD: Final = re.compile(
    rb'\{"(?:type":%b(?:,"code":%b)?|ty":%b(?:,"cd":%b)?)' % (_TYPE_TEXT, _CODE_TEXT, _TYPE_TEXT, _CODE_TEXT)
)

_HEADS: dict[bytes, Head] = {}
"""By their raw bytes; declared types only."""
_HEADS_LIMIT: Final = 40_000
"""Room for 855 pairs times a dozen types in two formats; a hostile server must not grow it forever."""


class _AnyHead(msgspec.Struct, frozen=True):
    """The head of a frame whose keys are in an unusual order."""

    type: Any = None
    ty: Any = None
    code: Any = None
    cd: Any = None


_any_head_decoder: Final = msgspec.json.Decoder(_AnyHead)


def known_head_of(raw: bytes) -> Head | None:
    """The result of `head_of` for nearly every frame, at the lowest cost; None if it is not cached."""
    # Up to the second comma: types and codes contain none.
    return _HEADS.get(raw[: raw.find(b",", raw.find(b",") + 1)])


def head_of(raw: bytes) -> Head | None:
    """Type and code of one object without parsing the rest; None when it is not a data frame.

    Falls back to parsing the whole object if the head does not look like what Upbit sends. The type may be
    undeclared.
    """
    match = _HEAD.match(raw)
    if match is not None:
        head = _HEADS.get(match[0])
        if head is not None:
            return head
        wire_type = (match[1] or match[3]).decode()
        code = match[2] or match[4]
        spec = spec_of(wire_type)
        if spec is not None and (code is not None or not _has_code(spec)):
            try:
                head = Head(wire_type, code.decode() if code is not None and _has_code(spec) else "")
            except UnicodeDecodeError:
                return None
            if len(_HEADS) < _HEADS_LIMIT:
                _HEADS[match[0]] = head
            return head
    return _parsed_head(raw)


def _parsed_head(raw: bytes) -> Head | None:
    try:
        found = _any_head_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    simple = _is_text(found.ty) and not raw.startswith(_DEFAULT_START)
    wire_type, code = (found.ty, found.cd) if simple else (found.type, found.code)
    if not _is_text(wire_type):
        return None
    spec = spec_of(wire_type)
    has_code = _is_text(code) and (spec is None or _has_code(spec))
    return Head(wire_type, code if has_code else "")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _has_code(spec: EventSpec) -> bool:
    return "code" in spec.event_class.__struct_fields__


_DEFAULT_START: Final = b'{"type":'
_SIMPLE_START: Final = b'{"ty":'


def is_simple(raw: bytes) -> bool | None:
    """Whether an object has SIMPLE keys; None when it is not a data frame."""
    if raw.startswith(_DEFAULT_START):
        return False
    if raw.startswith(_SIMPLE_START):
        return True
    try:
        found = _any_head_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if _is_text(found.ty):
        return True
    return False if _is_text(found.type) else None


# --- the tail: snapshot or change, and numbers beside it ------------------------------------------


class _Tail:
    """The end of a frame, from ``stream_type`` on.

    Attributes:
        start: how the frame must begin for these keys to apply.
        is_snapshot: a first snapshot of its stream.
        is_realtime: a change.
        numbers: further members and their text, by key; the last one counts.
        variants: the variant that they make, by event class, if they are all it needs.
    """

    __slots__ = ("is_realtime", "is_snapshot", "numbers", "start", "variants")

    def __init__(self, start: bytes, stream_type: bytes, numbers: dict[bytes, bytes]) -> None:
        self.start = start
        self.is_snapshot = stream_type == b"SNAPSHOT"
        self.is_realtime = stream_type == b"REALTIME"
        self.numbers = numbers
        self.variants: dict[type[BaseWebSocketEvent], tuple[Hashable, ...]] = {}


_NUMBER: Final = rb"-?[0-9][0-9.eE+-]{0,40}"
_MEMBER: Final = rb',"[a-z][a-z0-9_]{0,31}":' + _NUMBER
# The comma before a key shows that its quote begins a string; inside a string each quote would have a
# backslash before it. After the last member comes the end of the outermost object.
_TAIL: Final = re.compile(rb',"(stream_type|st)":"([A-Z_]{1,32})"((?:%b){0,4})\}\Z' % _MEMBER)
_MEMBERS: Final = re.compile(rb',"([^"]+)":(%b)' % _NUMBER)
_TAIL_MARK: Final = b',"st'
TAIL_LIMIT: Final = 160
"""What these functions look at of a frame's end, in bytes; what is not there they do not say."""

_TAILS: dict[bytes, _Tail] = {}
"""By their raw bytes; there are only a few."""
_TAILS_LIMIT: Final = 1_000


def _read_tail(text: bytes) -> _Tail | None:
    match = _TAIL.match(text) if len(text) <= TAIL_LIMIT else None
    if match is None:
        return None
    start = _DEFAULT_START if match[1] == b"stream_type" else _SIMPLE_START
    tail = _Tail(start, match[2], dict(_MEMBERS.findall(match[3])))
    if b"stream_type" in tail.numbers or b"st" in tail.numbers:
        return None
    if len(_TAILS) < _TAILS_LIMIT:
        _TAILS[text] = tail
    return tail


# The next three run for every frame: the look-up is repeated inline, because a call would cost as much.


def is_snapshot(raw: bytes) -> bool | None:
    """Whether an object is a first snapshot of its stream; None if only decoding can say."""
    text = raw[raw.rfind(_TAIL_MARK) :]
    tail = _TAILS.get(text) or _read_tail(text)
    return tail.is_snapshot if tail is not None and raw.startswith(tail.start) else None


def variant(raw: bytes, spec: EventSpec) -> tuple[Hashable, ...] | None:
    """The values of ``stream_fields``, as the event's `variant`; None if only decoding can say.

    Args:
        raw: the object.
        spec: of its type.
    """
    if not spec.stream_fields:
        return ()
    text = raw[raw.rfind(_TAIL_MARK) :]
    tail = _TAILS.get(text) or _read_tail(text)
    if tail is None or not raw.startswith(tail.start):
        return None
    return tail.variants.get(spec.event_class) or _read_variant(raw, spec, tail)


def change_variant(raw: bytes, spec: EventSpec) -> tuple[Hashable, ...] | None:
    """`variant` of an object that is a change; None if it is none, or only decoding can say."""
    text = raw[raw.rfind(_TAIL_MARK) :]
    tail = _TAILS.get(text) or _read_tail(text)
    if tail is None or not tail.is_realtime or not raw.startswith(tail.start):
        return None
    if not spec.stream_fields:
        return ()
    return tail.variants.get(spec.event_class) or _read_variant(raw, spec, tail)


def _read_variant(raw: bytes, spec: EventSpec, tail: _Tail) -> tuple[Hashable, ...] | None:
    keys = _number_keys(spec.event_class, spec.stream_fields, tail.start is _SIMPLE_START)
    if keys is None:
        return None
    values = []
    for key in keys:
        text = tail.numbers.get(key) or _number_before_tail(raw, key)
        value = None if text is None else _value_of(text)
        if value is None:
            return None
        values.append(value)
    found = tuple(values)
    if tail.numbers.keys() >= set(keys):
        tail.variants[spec.event_class] = found
    return found


@functools.cache
def _number_keys(
    cls: type[BaseWebSocketEvent], names: tuple[str, ...], simple: bool
) -> tuple[bytes, ...] | None:
    """Keys of a class's fields if all are decimal numbers; None otherwise."""
    hints = typing.get_type_hints(cls)
    if any(hints[name] not in (Decimal, Decimal | None) for name in names):
        return None
    wire = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    return tuple((simple_key_of(cls, name) if simple else wire[name]).encode() for name in names)


@functools.cache
def _before_tail(key: bytes) -> re.Pattern[bytes]:
    return re.compile(rb',"%b":(%b),"(?:stream_type|st)":"[A-Z_]{1,32}"\}\Z' % (re.escape(key), _NUMBER))


def _number_before_tail(raw: bytes, key: bytes) -> bytes | None:
    """A number right before ``stream_type``, which is the last member."""
    match = _before_tail(key).search(raw, max(0, len(raw) - TAIL_LIMIT))
    return None if match is None else match[1]


@functools.lru_cache(maxsize=256)
def _value_of(text: bytes) -> Hashable | None:
    try:
        number = Decimal(text.decode())
    except InvalidOperation:
        return None  # ``1-2``: the frame is unreadable, which decoding reports
    return plain_value(number) if abs(number.adjusted()) <= 30 else None  # nor 1e999999999


# --- the rows of a book ---------------------------------------------------------------------------

_FLAT_ROWS: Final = re.compile(rb"\{[^][{}]*\[((?:\{[^][{}]*\},?)*)\][^][{}]*\}\s*\Z")
"""The text outside of strings in an object whose only nested value is one array of flat objects."""


def row_count(raw: bytes, spec: EventSpec) -> int | None:
    """Number of rows of a book, empty ones included; 0 for types without rows, None if only decoding can say.

    Takes some microseconds, so it is not called for every frame.

    Args:
        raw: the object.
        spec: of its type.
    """
    keys = _rows_keys(spec.event_class)
    if keys is None:
        return 0
    simple = is_simple(raw)
    # Without escapes every quote begins or ends a string.
    if simple is None or b"\\" in raw:
        return None
    parts = raw.split(b'"')
    outside = b"".join(parts[::2])
    match = _FLAT_ROWS.match(outside)
    if match is None:
        return None
    try:
        at = parts.index(keys[simple])
    except ValueError:
        return None
    # An odd index is a string; the array after it is the only one.
    if at % 2 == 0 or parts.count(keys[simple]) > 1 or parts[at + 1].replace(b" ", b"")[:2] != b":[":
        return None
    return match[1].count(b"{")


@functools.cache
def _rows_keys(cls: type[BaseWebSocketEvent]) -> tuple[bytes, bytes] | None:
    """Keys of the field that stays raw JSON, DEFAULT and SIMPLE; None if the type has none."""
    hints = typing.get_type_hints(cls)
    for name, key in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
        if hints.get(name) is msgspec.Raw:
            return key.encode(), simple_key_of(cls, name).encode()
    return None
