"""A server with a self-signed certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("self_signed.pem")
"""For 127.0.0.1, with its key: nothing is protected by it. Good until 2126."""


class SelfSigned:
    """What has reached the server through TLS.

    Attributes:
        port: where it listens, on 127.0.0.1.
        heard: what clients sent that took the certificate.
    """

    def __init__(self) -> None:
        self.port = 0
        self.heard: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.heard.append(await reader.read(65536))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def self_signed_server() -> AsyncIterator[SelfSigned]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the server sees a broken handshake
    reported = SelfSigned()
    server = await asyncio.start_server(reported._serve, "127.0.0.1", 0, ssl=context)
    async with server:
        reported.port = server.sockets[0].getsockname()[1]
        yield reported
