"""`HttpTransport`: the HTTP library on the sockets of `Network`.

Imports the HTTP library, which the base package does not have: import this module late, and in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Final

import httpcore
import httpx

from qt_upbit.config import WebSocketConfig
from qt_upbit.network.network import Network, Progress, discard

__all__ = ["HttpTransport"]

_CONNECTIONS: Final = 100
_KEPT_CONNECTIONS: Final = 20
_KEEP_S: Final = 5.0


class HttpTransport(httpx.AsyncBaseTransport):
    """Sends requests through a connection pool whose sockets `Network` opens.

    Args:
        config: whether the exchange is reached by TLS.
        network: trust, proxy and address.
        context: `Network.tls_context`.
    """

    def __init__(self, config: WebSocketConfig, network: Network, context: ssl.SSLContext | None) -> None:
        self._backend = _Backend(network, is_secure=config.rest_url.startswith("https:"))
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_KEPT_CONNECTIONS,
            keepalive_expiry=_KEEP_S,
            network_backend=self._backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101  # as every asynchronous client's
        url = request.url
        with _as_httpx(request):
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, request),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection, also those that a cancelled request made and the pool does not know."""
        await self._pool.aclose()
        await self._backend.aclose()


@contextlib.contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    """Raise the HTTP library's errors where the layer below raises its own, which have the same names."""
    try:
        yield
    except Exception as exc:
        kind = getattr(httpx, type(exc).__name__, None)
        if type(exc).__module__.partition(".")[0] != "httpcore" or kind is None:
            raise
        raise kind(str(exc), request=request) from exc


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._response.aclose()


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, network: Network, *, is_secure: bool) -> None:
        self._network = network
        self._is_secure = is_secure
        self._open: set[_Stream] = set()

    async def aclose(self) -> None:
        """Close what is open still."""
        for stream in tuple(self._open):
            await stream.aclose()
        await asyncio.sleep(0)  # the loop closes the sockets in its next turn

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; where TLS follows, the streams begin with it."""
        progress = Progress()
        try:
            async with asyncio.timeout(timeout):
                made = await self._network.open_socket(
                    host, port, is_secure=self._is_secure, progress=progress
                )
                stream = _Stream(made, self._open)
                if not self._is_secure:
                    await stream.begin(None, None)
                return stream
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(str(exc) or progress.timed_out) from exc
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from exc

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never asked for: the exchange has none."""
        raise httpcore.UnsupportedProtocol("the exchange has no unix socket")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A socket, and once `begin` has been called the streams on it.

    Args:
        made: the socket.
        among: the streams that are open, of which it is one until it is closed.
    """

    def __init__(self, made: Any, among: set[_Stream]) -> None:
        self._socket = made
        self._among = among
        among.add(self)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def begin(self, context: ssl.SSLContext | None, host: str | None) -> None:
        """Make the streams, with TLS or without."""
        made, self._socket = self._socket, None
        tls: dict[str, Any] = {} if context is None else {"ssl": context, "server_hostname": host}
        try:
            self._reader, self._writer = await asyncio.open_connection(sock=made, **tls)
        except BaseException:
            self._among.discard(self)
            discard(made)
            raise

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Begin with TLS."""
        try:
            async with asyncio.timeout(timeout):
                await self.begin(ssl_context, server_hostname)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(str(exc) or Progress().timed_out) from exc
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from exc
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most so many bytes; none at the end."""
        try:
            async with asyncio.timeout(timeout):
                return b"" if self._reader is None else await self._reader.read(max_bytes)
        except TimeoutError as exc:
            raise httpcore.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore.ReadError(str(exc)) from exc

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        if self._writer is None:
            raise httpcore.WriteError("the connection is closed")
        if not buffer:
            return
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError as exc:
            raise httpcore.WriteTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore.WriteError(str(exc)) from exc

    async def aclose(self) -> None:
        """Close at once: waiting for the other side's goodbye in TLS could take half a minute."""
        self._among.discard(self)
        if self._socket is not None:
            self._socket.close()
        if self._writer is not None:
            self._writer.transport.abort()

    def get_extra_info(self, info: str) -> Any:
        """What the HTTP library asks about a connection."""
        writer, reader = self._writer, self._reader
        if writer is None or reader is None:
            return None
        if info == "is_readable":  # while nothing is awaited: the other side has closed it
            return reader.at_eof() or reader.exception() is not None or writer.transport.is_closing()
        names = {"server_addr": "peername", "client_addr": "sockname"}
        return writer.get_extra_info(names.get(info, info))
