"""WebSocket frames as bytes (RFC 6455), to misbehave in ways that a server library does not offer."""

from __future__ import annotations

from typing import Final

from websockets.frames import Frame, Opcode

__all__ = ["binary_frame", "ping_frame"]

_RSV1: Final = 0x40
"""Marks a compressed message."""


def binary_frame(payload: bytes, *, first: bool = True, last: bool = True, compressed: bool = False) -> bytes:
    """One frame of a binary message.

    Args:
        payload: of this frame.
        first: it begins the message.
        last: it ends the message.
        compressed: the payload is deflated already (RFC 7692).
    """
    opcode = Opcode.BINARY if first else Opcode.CONT
    data = Frame(opcode, payload, fin=last).serialize(mask=False)
    return bytes((data[0] | _RSV1,)) + data[1:] if compressed else data


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return Frame(Opcode.PING, payload).serialize(mask=False)
