"""WebSocket frames as bytes (RFC 6455), for what a server's library does not offer: to misbehave."""

from __future__ import annotations

from websockets.frames import Frame, Opcode

__all__ = ["binary_frame", "ping_frame"]


def binary_frame(payload: bytes, *, first: bool = True, last: bool = True, compressed: bool = False) -> bytes:
    """One frame of a binary message.

    Args:
        payload: of this frame.
        first: it begins the message.
        last: it ends the message.
        compressed: the payload is deflated already (RFC 7692).
    """
    opcode = Opcode.BINARY if first else Opcode.CONT
    return Frame(opcode, payload, fin=last, rsv1=compressed).serialize(mask=False)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return Frame(Opcode.PING, payload).serialize(mask=False)
