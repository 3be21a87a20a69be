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
import struct
from collections.abc import Sequence
from typing import Final

from websockets.asyncio.client import connect

from qt_upbit.models import peek
from qt_upbit.simulator import SimulatedServer, SimulatorSettings

_ACCEPT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_AT_ONCE: Final = 20
SHARES: Final = {"orderbook": 0.7, "trade": 0.15, "ticker": 0.15}
"""Of the frames. Assumed: that of books is known to be by far the largest, and of the others nothing."""


async def record(codes: int, frames: int, wire_format: str) -> tuple[list[str], list[bytes]]:
    """So many frames of a busy market: changes of tickers, trades and books of the first `codes` pairs."""
    pairs = None if codes > 600 else codes
    settings = SimulatorSettings(markets=pairs, rate=20.0, account_running=False)
    found: list[bytes] = []
    wanted = {name: round(share * frames) for name, share in SHARES.items()}
    async with SimulatedServer(settings) as server:
        names = list(server.exchange.market.pairs)[:codes]
        url = server.url.replace("http", "ws") + "/websocket/v1"
        async with connect(url, compression=None, max_size=None, close_timeout=0.2) as socket:
            wishes = [{"type": each, "codes": names} for each in SHARES]
            await socket.send(json.dumps([{"ticket": "record"}, *wishes, {"format": wire_format}]))
            while any(left > 0 for left in wanted.values()):
                frame = await socket.recv(decode=False)
                assert isinstance(frame, bytes)
                head = peek(frame)
                if head is not None and wanted[head.type] > 0 and b'"REALTIME"' in frame[-64:]:
                    wanted[head.type] -= 1
                    found.append(frame)
    return names, found


def framed(payload: bytes) -> bytes:
    """As one unmasked binary frame, which is what Upbit sends."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x82, size) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x82, 126, size) + payload
    return struct.pack("!BBQ", 0x82, 127, size) + payload


class Replay:
    """Sends the frames to each client that has said something."""

    def __init__(self, frames: Sequence[bytes], rate: float) -> None:
        self._frames = [framed(each) for each in frames]
        self._rate = rate

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
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
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
            for frame in frames[sent:due]:
                writer.write(frame)
            sent = due
            await writer.drain()
            await asyncio.sleep(0.0002)


async def main(argv: Sequence[str] | None = None) -> None:
    """Record, then serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay_server", description=__doc__)
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--format", default="DEFAULT")
    parser.add_argument("--rate", type=float, default=0.0, help="frames a second; 0 is as fast as it goes")
    args = parser.parse_args(argv)
    names, frames = await record(args.codes, args.frames, args.format)
    server = await asyncio.start_server(Replay(frames, args.rate).serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    size = sum(map(len, frames)) / len(frames)
    print(json.dumps({"port": port, "codes": names, "frames": len(frames), "bytes": size}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
