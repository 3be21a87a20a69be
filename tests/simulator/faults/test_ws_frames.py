"""Frames for misbehaving are frames that a client's own parser takes apart."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from qt_upbit.simulator.faults.ws_frames import binary_frame, ping_frame


def parsed(data: bytes, *extensions: Extension) -> list[Frame]:
    """The frames in some bytes, read as from a server."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found = []
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False, extensions=extensions)
        with pytest.raises(StopIteration) as done:
            next(parsing)
        found.append(done.value.value)
    return found


@given(st.binary(max_size=70_000))
def test_a_whole_message_is_one_frame(payload: bytes) -> None:
    (frame,) = parsed(binary_frame(payload))
    assert (frame.opcode, bytes(frame.data), frame.fin, frame.rsv1) == (Opcode.BINARY, payload, True, False)


def test_a_message_in_parts() -> None:
    parts = (
        binary_frame(b"a", last=False)
        + binary_frame(b"b", first=False, last=False)
        + binary_frame(b"c", first=False)
    )
    frames = parsed(parts)
    assert [(frame.opcode, frame.fin) for frame in frames] == [
        (Opcode.BINARY, False),
        (Opcode.CONT, False),
        (Opcode.CONT, True),
    ]
    assert b"".join(bytes(frame.data) for frame in frames) == b"abc"


def test_a_compressed_one_is_taken_apart_by_the_extension() -> None:
    press = zlib.compressobj(wbits=-15)
    payload = (press.compress(b"deflated") + press.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
    deflate = PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=15,
        local_max_window_bits=15,
    )
    (frame,) = parsed(binary_frame(payload, compressed=True), deflate)
    assert bytes(frame.data) == b"deflated"
    with pytest.raises(ProtocolError, match="reserved bits"):
        parsed(binary_frame(payload, compressed=True))


def test_pings() -> None:
    frames = parsed(ping_frame() + ping_frame(b"x" * 125))
    assert [(frame.opcode, len(frame.data)) for frame in frames] == [(Opcode.PING, 0), (Opcode.PING, 125)]
