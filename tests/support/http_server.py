"""An HTTP server made by hand: answers as a script says, whole, cut, truncated or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec

__all__ = ["Answer", "HttpServer", "Request"]


@dataclass(frozen=True)
class Request:
    """What came in.

    Attributes:
        method: of HTTP.
        path: without the query.
        fields: of the query, or of the body for a POST; repeated ones joined by commas.
        query: as it was sent.
        headers: names in lower case.
        body: as it was sent.
    """

    method: str
    path: str
    fields: Mapping[str, str]
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What goes out.

    Attributes:
        status: of HTTP; 0 cuts the connection instead.
        body: as bytes, or a value to be sent as JSON.
        content_type: of the body.
        headers: further ones.
        is_truncated: the connection is cut before the last byte.
    """

    status: int
    body: object = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    is_truncated: bool = False

    def encoded(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)
        lines = [
            f"HTTP/1.1 {self.status} Scripted",
            f"Content-Length: {len(body)}",
            f"Content-Type: {self.content_type}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        return whole[:-1] if self.is_truncated else whole


CUT = Answer(0)
"""No answer: the connection is cut."""


class HttpServer:
    """`async with HttpServer(script) as server`: `script(request)` gives the answer to each request."""

    def __init__(self, script: Callable[[Request], Answer]) -> None:
        self._script = script
        self.requests: list[Request] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*filter(None, self._tasks), return_exceptions=True)
        await self._server.wait_closed()

    def count(self, method: str) -> int:
        """How many requests of a method came in."""
        return sum(request.method == method for request in self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._tasks.add(asyncio.current_task())
        try:
            while True:
                request = await _read(reader)
                self.requests.append(request)
                answer = self._script(request)
                if answer.status:
                    writer.write(answer.encoded())
                    await writer.drain()
                if not answer.status or answer.is_truncated:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(asyncio.current_task())
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    url = urlsplit(target)
    fields = {name: ",".join(values) for name, values in parse_qs(url.query).items()}
    if method == "POST" and body:
        fields |= {name: str(value) for name, value in msgspec.json.decode(body).items()}
    return Request(method, url.path, fields, url.query, headers, body)
