"""One message of the server as the objects in it: data, answers, and what is neither.

The work on one message is bounded: a list of some kilobytes, compressed, may hold millions of elements.
Elements are found one by one, and after `_BAD_OBJECTS` unreadable ones, or `_OBJECTS` of any kind, the rest
is dropped with one report that counts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head, head_of
from qt_upbit.models import split
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection_outputs import ErrorReported
from qt_upbit.types import spec_of

__all__ = ["Received", "read_objects"]

Received = tuple[Head, bytes] | wire.ControlFrame | ErrorReported
"""Data with its head, an answer, or why an object is neither."""

_ERRORS_PER_MESSAGE: Final = 10
"""Unreadable objects of one message that are reported each for itself; the others are counted."""
_BAD_OBJECTS: Final = 50
"""Unreadable objects of one message after which the rest is dropped."""
_OBJECTS: Final = 3_000
"""Objects of one message that are looked at: several for each of the 855 pairs."""
_PARTS: Final = 50_000
"""Commas and brackets of one object; with more it is refused unread. A book has some 200, and the list of the
subscriptions to everything, which has most, some 10,000."""
_SPLIT_AT_ONCE_BYTES: Final = 16 * 1024
"""Shorter lists are split in one piece, which is faster."""
_COUNTED: Final = 2_000
"""Dropped objects that are counted; how many more there are follows from their mean length."""
_DEPTH: Final = 8

_whole: Final = msgspec.json.Decoder(msgspec.Raw)


def _element_pattern() -> re.Pattern[bytes]:
    """One element of an array of valid JSON, and what follows it. Possessive: never tried twice."""
    text = rb'"(?:[^"\\]++|\\.)*+"'
    nested = rb'[\[{](?:[^\[\]{}"]++|%b)*+[\]}]' % text
    for _ in range(_DEPTH):
        nested = rb'[\[{](?:[^\[\]{}"]++|%b|%b)*+[\]}]' % (text, nested)
    return re.compile(rb'\s*+(%b|%b|[^\s\[\]{}",]++)\s*+([,\]])' % (nested, text), re.DOTALL)


_ELEMENT: Final = _element_pattern()


class _Elements:
    """The elements of a message in order, each found when it is asked for.

    Raises:
        DecodeError: the message begins like an array but is not one.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._ready: list[bytes] | None = None
        self._at = -1
        """Where the next element begins; -1 where there is none."""
        if len(raw) <= _SPLIT_AT_ONCE_BYTES or raw.lstrip()[:1] != b"[":
            self._ready = split(raw)
            self._ready.reverse()
            return
        try:
            _whole.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            raise DecodeError(str(exc), raw) from exc
        self._at = raw.index(b"[") + 1

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._ready is not None:
            if not self._ready:
                raise StopIteration
            return self._ready.pop()
        if self._at < 0:
            raise StopIteration
        found = _ELEMENT.match(self._raw, self._at)
        if found is None:
            if self._raw[self._at :].strip() == b"]":
                self._at = -1
                raise StopIteration  # an empty list
            # Nested too deeply for anything of Upbit: unreadable, and so is what follows.
            rest, self._at = self._raw[self._at :], -1
            return rest
        self._at = found.end() if found[2] == b"," else -1
        return found[1]

    def drop_rest(self) -> int:
        """Look at no more; how many there were, beyond some thousands by their mean length."""
        if self._ready is not None:
            count = len(self._ready)
            self._ready = []
            return count
        count, begin = 0, self._at
        while count < _COUNTED and self._at >= 0:
            next(self)
            count += 1
        left = len(self._raw) - self._at if self._at >= 0 else 0
        if left:
            mean = (self._at - begin) / count if count else left
            count += max(1, round(left / mean))
        self._at = -1
        return count


def read_objects(raw: bytes) -> Iterator[Received]:
    """The objects of a message in order: one, or those of a list format's array. Never raises."""
    try:
        items = _Elements(raw)
    except DecodeError as exc:
        yield ErrorReported(exc)
        return
    errors = 0
    more: ErrorReported | None = None
    for looked_at, item in enumerate(items, 1):
        found = _read(item)
        if isinstance(found, ErrorReported):
            errors += 1
            if errors <= _ERRORS_PER_MESSAGE:
                yield found
            else:
                more = ErrorReported(found.error, 1 if more is None else more.times + 1)
        elif isinstance(found, tuple):
            yield found
        else:
            if more is not None:
                yield more  # an error frame may be the last that is looked at
                more = None
            yield found
        if (errors >= _BAD_OBJECTS or looked_at >= _OBJECTS) and (rest := items.drop_rest()):
            why = "too many that cannot be read" if errors >= _BAD_OBJECTS else "too many"
            error = DecodeError(f"about {rest} more objects of a message were dropped: {why}", raw)
            more = ErrorReported(error, rest if more is None else more.times + rest)
    if more is not None:
        yield more


def _read(item: bytes) -> Received:
    try:
        if len(item) > _PARTS and item.count(b",") + item.count(b"[") + item.count(b"{") > _PARTS:
            raise DecodeError(f"an object of {len(item)} bytes in too many parts", item)
        head = head_of(item)
        if head is not None and spec_of(head.type) is not None:
            return head, item
        return _read_control(head, item)
    except DecodeError as exc:
        return ErrorReported(exc)


def _read_control(head: Head | None, item: bytes) -> wire.ControlFrame:
    control = wire.decode_control(item)
    if control is not None:
        return control
    if head is None:
        raise DecodeError("a frame without type", item)
    raise DecodeError(f"unknown type {head.type[:40]!r}", item)
