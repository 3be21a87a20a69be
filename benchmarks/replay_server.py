"""A websocket server that sends prepared frames as fast as they are taken, or at a rate, in its own process.

The frames are the simulated exchange's own, recorded at the start, so that sending costs only the write.
``python -m benchmarks.replay_server --codes 100 --frames 20000`` prints its port and the codes.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import re
import ssl
import struct
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import trustme
from websockets.asyncio.client import connect

from qt_upbit.frame_scan import head_of, is_snapshot
from qt_upbit.simulator import SimulatedServer, SimulatorSettings

_ACCEPT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_AT_ONCE: Final = 20
_FEWEST: Final = 40
SHARES: Final = {"orderbook": 0.7, "trade": 0.15, "ticker": 0.15}
"""Of the frames. Assumed: that of books is known to be by far the largest, and of the others nothing."""


async def record(codes: int, frames: int, wire_format: str) -> tuple[list[str], list[bytes]]:
    """`frames` frames of a busy market: changes of tickers, trades and books of the first `codes` pairs."""
    pairs = None if codes > 600 else codes
    settings = SimulatorSettings(markets=pairs, rate=20.0, account_running=False)
    found: list[bytes] = []
    wanted = {name: round(share * frames) for name, share in SHARES.items()}
    async with SimulatedServer(settings) as server:
        names = list(server.exchange.market.pairs)[:codes]
        url = server.url.replace("http", "ws") + "/websocket/v1"
        async with connect(url, compression=None, max_size=None, close_timeout=0.2) as socket:
            requests = [{"type": each, "codes": names} for each in SHARES]
            await socket.send(json.dumps([{"ticket": "record"}, *requests, {"format": wire_format}]))
            while any(left > 0 for left in wanted.values()):
                frame = await socket.recv(decode=False)
                assert isinstance(frame, bytes)
                head = head_of(frame)
                if head is not None and wanted[head.type] > 0 and is_snapshot(frame) is False:
                    wanted[head.type] -= 1
                    found.append(frame)
    return names, found


def framed(payload: bytes, *, deflated: bool = False) -> bytes:
    """As one unmasked binary frame, which is what Upbit sends."""
    size, first = len(payload), 0xC2 if deflated else 0x82
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def deflate(frames: Iterable[bytes], window: int = 15) -> Iterator[bytes]:
    """As permessage-deflate does it, with the context kept from frame to frame."""
    compressor = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -window)
    for frame in frames:
        # The last four bytes of a flush are left out (RFC 7692, section 7.2.1).
        yield (compressor.compress(frame) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Replay:
    """Sends the frames to each client that has said something.

    Args:
        frames: in order.
        rate: frames a second; 0 is as fast as they are taken.
        deflated: compress, for clients that offer it.
        stamped: each trade's ``sequential_id`` is `perf_counter_ns` when it is sent, behind a 1 and zeros.
    """

    def __init__(
        self, frames: Sequence[bytes], rate: float, *, deflated: bool = False, stamped: bool = False
    ) -> None:
        payloads = deflate(frames) if deflated else frames
        self._frames = [framed(each, deflated=deflated) for each in payloads]
        self._deflated = deflated
        self._rate = rate
        self._stamps = {i: _cut_out(frame) for i, frame in enumerate(self._frames)} if stamped else {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it leaves."""
        try:
            await self._shake_hands(reader, writer)
            while await self._read(reader) != 1:
                pass  # a ping
            await asyncio.sleep(0.3)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(writer))
                while True:
                    await self._read(reader)
        except* (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        key = {name.lower(): value for name, value in fields.items()}["sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1(key.encode() + _ACCEPT, usedforsecurity=False).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + (b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if self._deflated else b"")
            + b"Sec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )

    async def _read(self, reader: asyncio.StreamReader) -> int:
        first, second = await reader.readexactly(2)
        size = second & 127
        if size == 126:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
        await reader.readexactly(4 + size)
        return first & 15

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        frames, loop = self._frames, asyncio.get_running_loop()
        if not self._rate:
            for at in range(0, len(frames), _AT_ONCE):
                writer.write(b"".join(frames[at : at + _AT_ONCE]))
                await writer.drain()
            return
        began, sent = loop.time(), 0
        while sent < len(frames):
            due = min(len(frames), int((loop.time() - began) * self._rate) + 1)
            for i in range(sent, due):
                writer.write(self._stamped(i))
            sent = due
            await writer.drain()
            await asyncio.sleep(0.0002)

    def _stamped(self, index: int) -> bytes:
        cut = self._stamps.get(index)
        if cut is None:
            return self._frames[index]
        before, digits, after = cut
        return before + str(10 ** (digits - 1) + time.perf_counter_ns()).encode() + after


def _cut_out(frame: bytes) -> tuple[bytes, int, bytes] | None:
    """A trade's frame around its ``sequential_id``, and how many digits that has; None for other types."""
    match = re.search(rb'"sequential_id":(\d+)', frame)
    return (frame[: match.start(1)], len(match[1]), frame[match.end(1) :]) if match is not None else None


def _renamed(frame: bytes, code: str, number: int) -> bytes:
    """Another pair's; a trade has a number of its own, or it would be taken for one that came twice."""
    frame = re.sub(rb'"(code|cd)":"[^"]+"', rb'"\1":"' + code.encode() + b'"', frame, count=1)
    return re.sub(rb'"(sequential_id|sid)":\d+', rb'"\1":%d' % (10**16 + number), frame, count=1)


def _server_context(ca_file: str) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def main(argv: Sequence[str] | None = None) -> None:
    """Record, then serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay_server", description=__doc__)
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--format", default="DEFAULT")
    parser.add_argument("--rate", type=float, default=0.0, help="frames a second; 0 is as fast as it goes")
    parser.add_argument("--deflate", type=int, default=0, help="1: compress")
    parser.add_argument("--ca-file", help="listen with TLS too, and write the certificate of its authority")
    parser.add_argument("--stamp", type=int, default=0, help="1: trades say when they were sent")
    args = parser.parse_args(argv)
    names, frames = await record(max(args.codes, _FEWEST), args.frames, args.format)
    if args.codes < _FEWEST:
        # One pair has ten books a second; these are of many pairs, under few names.
        names = names[: args.codes]
        frames = [_renamed(frame, names[i % args.codes], i) for i, frame in enumerate(frames)]
    replay = Replay(frames, args.rate, deflated=bool(args.deflate), stamped=bool(args.stamp))
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    size = sum(map(len, frames)) / len(frames)
    said: dict[str, object] = {"port": port, "codes": names, "frames": len(frames), "bytes": size}
    if args.ca_file:
        context = _server_context(args.ca_file)
        secure = await asyncio.start_server(replay.serve, "127.0.0.1", 0, ssl=context)
        said["secure_port"] = secure.sockets[0].getsockname()[1]
    print(json.dumps(said), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
