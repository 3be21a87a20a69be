"""`Network`: sockets to the exchange, whatever lies between, and the trust to use on them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohappyeyeballs

from qt_upbit.config import WebSocketConfig
from qt_upbit.network import failures
from qt_upbit.network.background import call_in_thread
from qt_upbit.network.names import AddressInfo, Names
from qt_upbit.network.proxies import proxy_for
from qt_upbit.network.trust import forget_contexts, tls_context
from qt_upbit.network.tunnel import ProxyError, connect_request, load_socks, read_connect_answer, socks_socket
from qt_upbit.proxy_address import Proxy

__all__ = ["Network", "Progress", "discard"]

_NEXT_ADDRESS_S: Final = 0.25
"""An address that has not answered by then gets a rival (RFC 8305)."""
_CHUNK: Final = 65536


@dataclass
class Progress:
    """What a connect waits for, empty for the peer's handshake; and the message if that takes too long."""

    stage: str = ""

    @property
    def timed_out(self) -> str:
        """The message."""
        return f"timed out while connecting: {self.stage}" if self.stage else "timed out while connecting"


class Network:
    """The one place that decides trust, proxy and address.

    Args:
        config: proxy, CA bundle, timeouts.
    """

    def __init__(self, config: WebSocketConfig) -> None:
        self._config = config
        self._names = Names()
        self._relays: set[asyncio.Task[None]] = set()

    async def tls_context(self) -> ssl.SSLContext:
        """The context for TLS with the exchange, read in a thread where it is the first.

        Raises:
            TrustError: the certificates to trust cannot be read.
        """
        bundle = self._config.ca_bundle
        return await tls_context(str(bundle) if isinstance(bundle, Path) else bundle)

    def describe(self, error: BaseException, host: str) -> str:
        """Why there is no connection to `host`: `qt_upbit.network.failures`.

        After a refused certificate, those to trust are read again for the next try.
        """
        if failures.is_certificate_error(error):
            forget_contexts()
        return failures.describe(error, host)

    async def open_socket(
        self, host: str, port: int, *, is_secure: bool, progress: Progress
    ) -> socket.socket:
        """A connected, non-blocking socket to a host, through a proxy or not; TLS has not begun.

        Args:
            host: name, or literal address without brackets.
            port: of TCP.
            is_secure: TLS will follow; the choice of the proxy depends on it.
            progress: told what is waited for.

        Raises:
            ConfigError: a SOCKS proxy is set and its extra is not installed.
            OSError: there is no way, in the words of `describe`. Nothing was sent to the exchange.
        """
        proxy = None
        if self._config.proxy is not None or self._config.follows_proxy:
            progress.stage = "the system does not say which proxy to use"
            decide = functools.partial(proxy_for, self._config, host, port, is_secure=is_secure)
            proxy = await call_in_thread(decide, "qt_upbit proxy settings")
        if proxy is None:
            made = await self._connect(host, port, progress)
        elif proxy.is_socks:
            made = await self._through_socks(proxy, host, port, progress)
        else:
            made = await self._through_http(proxy, host, port, progress)
        with contextlib.suppress(OSError):  # not TCP
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        progress.stage = ""
        return made

    # --- the direct way ----------------------------------------------------------------------------

    async def _connect(self, host: str, port: int, progress: Progress) -> socket.socket:
        progress.stage = f"the name server gives no address of {host}"
        addresses = await self._names.addresses(host, port)
        progress.stage = f"no address of {host} answers"
        return await _first_to_answer(addresses)

    # --- through a proxy ---------------------------------------------------------------------------

    async def _reach(self, proxy: Proxy, progress: Progress) -> socket.socket:
        progress.stage = f"proxy {proxy.name} does not answer"
        try:
            addresses = await self._names.addresses(proxy.host, proxy.port)
            return await _first_to_answer(addresses)
        except OSError as exc:
            why = failures.describe(exc, proxy.host)
            raise ProxyError(f"proxy {proxy.name} cannot be reached: {why}") from exc

    async def _through_http(self, proxy: Proxy, host: str, port: int, progress: Progress) -> socket.socket:
        made = await self._reach(proxy, progress)
        try:
            if proxy.scheme == "https":
                return await self._through_tls(made, proxy, host, port)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(made, connect_request(proxy, host, port, self._config.user_agent))
            head = b""
            while not read_connect_answer(proxy, host, head):
                more = await loop.sock_recv(made, _CHUNK)
                if not more:
                    raise ProxyError(f"proxy {proxy.name} disconnected instead of connecting to {host}")
                head += more
        except (ConnectionError, TimeoutError) as exc:
            made.close()
            raise ProxyError(f"proxy {proxy.name} disconnected instead of connecting to {host}") from exc
        except BaseException:
            made.close()
            raise
        return made

    async def _through_tls(self, made: socket.socket, proxy: Proxy, host: str, port: int) -> socket.socket:
        """A tunnel within TLS to the proxy itself, whose other end is a socket of this process."""
        context = await self.tls_context()
        try:
            reader, writer = await asyncio.open_connection(sock=made, ssl=context, server_hostname=proxy.host)
        except ssl.SSLError as exc:
            raise ProxyError(self.describe(exc, f"proxy {proxy.name}")) from exc
        near = None
        try:
            writer.write(connect_request(proxy, host, port, self._config.user_agent))
            head = b""
            while not read_connect_answer(proxy, host, head):
                more = await reader.read(_CHUNK)
                if not more:
                    raise ProxyError(f"proxy {proxy.name} disconnected instead of connecting to {host}")
                head += more
            near, far = socket.socketpair()
            near.setblocking(False)
            far.setblocking(False)
            far_reader, far_writer = await asyncio.open_connection(sock=far)
        except BaseException:
            writer.transport.abort()
            if near is not None:
                near.close()
            raise
        relay = asyncio.get_running_loop().create_task(
            _relay(reader, writer, far_reader, far_writer), name="qt_upbit relay to an https proxy"
        )
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        return near

    async def _through_socks(self, proxy: Proxy, host: str, port: int, progress: Progress) -> socket.socket:
        # The SOCKS library would look names up in the loop's executor, and try one address only.
        await call_in_thread(functools.partial(load_socks, proxy), "qt_upbit SOCKS import")
        target = host
        if proxy.scheme in ("socks5", "socks4"):
            progress.stage = f"the name server gives no address of {host}"
            addresses = await self._names.addresses(host, port)
            if proxy.scheme == "socks4":
                addresses = [each for each in addresses if each[0] == socket.AF_INET] or addresses
            target = str(addresses[0][4][0])
        with await self._reach(proxy, progress) as scout:
            address = str(scout.getpeername()[0])
        try:
            return await socks_socket(proxy, address, target, port)
        except ConnectionError as exc:
            raise ProxyError(f"proxy {proxy.name} disconnected instead of connecting to {host}") from exc


def discard(made: socket.socket) -> None:
    """Close a socket whose connection was not made; call it where the loop may have taken it over.

    Then the loop closes it in its next turn, and a close before that would take away a handle that is in use.
    """
    asyncio.get_running_loop().call_soon(made.close)


async def _first_to_answer(addresses: list[AddressInfo]) -> socket.socket:
    return await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S)


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Pass bytes both ways until one side ends."""
    ways = [
        asyncio.ensure_future(_pass_on(reader, far_writer)),
        asyncio.ensure_future(_pass_on(far_reader, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.transport.abort()
        far_writer.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
