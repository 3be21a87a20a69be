"""One message of the server as the objects in it: data, answers, and what is neither."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

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


def read_objects(raw: bytes) -> Iterator[Received]:
    """The objects of a message in order: one, or those of a list format's array. Never raises."""
    try:
        items = split(raw)
    except DecodeError as exc:
        yield ErrorReported(exc)
        return
    errors = 0
    more: ErrorReported | None = None
    for item in items:
        head = head_of(item)
        if head is not None and spec_of(head.type) is not None:
            yield head, item
            continue
        try:
            control = _read_control(head, item)
        except DecodeError as exc:
            errors += 1
            if errors <= _ERRORS_PER_MESSAGE:
                yield ErrorReported(exc)
            else:
                more = ErrorReported(exc, 1 if more is None else more.times + 1)
            continue
        if more is not None:
            yield more  # an error frame may be the last that is looked at
            more = None
        yield control
    if more is not None:
        yield more


def _read_control(head: Head | None, item: bytes) -> wire.ControlFrame:
    control = wire.decode_control(item)
    if control is not None:
        return control
    if head is None:
        raise DecodeError("a frame without type", item)
    raise DecodeError(f"unknown type {head.type[:40]!r}", item)
