"""What stands between a client and the exchange: servers that pass bytes on, and spoil them as told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Relay:
    """A server on this machine that passes each connection on to a port. The base of what follows.

    Attributes:
        target: the port that it leads to.
        port: where it listens.
        accepted: number of connections so far.
        errors: what its own code raised.
    """

    def __init__(self, target: int = 0, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"):
        self.target = target
        self.port = 0
        self.accepted = 0
        self.errors: list[BaseException] = []
        self._host = host
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self._host, self.port, ssl=self._context, limit=2**20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self.errors and error is None:
            raise self.errors[0]

    @property
    def open_connections(self) -> int:
        """Number of clients."""
        return len(self._tasks)

    def cut(self) -> None:
        """Reset every connection."""
        for writer in tuple(self._writers):
            reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.accepted += 1
        try:
            await self.handle(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            pass
        except Exception as exc:
            self.errors.append(exc)
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: what a subclass does first."""
        await self.pass_on(reader, writer, "127.0.0.1", self.target)

    async def pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        """Connect to the target and pass bytes both ways until one side ends."""
        far_reader, far_writer = await asyncio.open_connection(host, port)
        self._writers.add(far_writer)
        ways = [
            asyncio.ensure_future(self.pump(reader, far_writer, is_upstream=True)),
            asyncio.ensure_future(self.pump(far_reader, writer, is_upstream=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_upstream: bool
    ) -> None:
        """One way: what a middlebox changes."""
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()


class TlsFront(Relay):
    """TLS before a server that has none, such as the simulated exchange."""

    def __init__(self, target: int, context: ssl.SSLContext, *, host: str = "127.0.0.1") -> None:
        super().__init__(target, context=context, host=host)


class Middlebox(Relay):
    """Passes on, and spoils what passes from the server to the client.

    Attributes:
        delay_s: each read waits so long.
        is_split: bytes go out one at a time.
        flip: called with each chunk, gives the one that goes out; None passes on as it is.
        frozen: while set, nothing passes and nothing ends.
    """

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.delay_s = 0.0
        self.is_split = False
        self.flip: Callable[[bytes], bytes] | None = None
        self._thawed = asyncio.Event()
        self._thawed.set()

    def freeze(self) -> None:
        """Nothing passes any more, in either direction; the connection stays."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Pass on what has come meanwhile, and the rest."""
        self._thawed.set()

    def end_upstream(self) -> None:
        """Half-close: tell the clients that no more will come, and go on reading."""
        for writer in tuple(self._writers):
            if writer.can_write_eof():
                writer.write_eof()

    async def pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_upstream: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._thawed.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.flip is not None and not is_upstream:
                    data = self.flip(data)
                step = 1 if self.is_split else len(data)
                for begin in range(0, len(data), step):
                    sink.write(data[begin : begin + step])
                    if self.is_split:
                        await asyncio.sleep(0)
                await sink.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut a connection with a RST."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):  # AttributeError: it is gone
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        )
    writer.transport.abort()
