"""Ways through a proxy: an HTTP CONNECT, as bytes in and out, and what SOCKS needs."""

from __future__ import annotations

import importlib
import re
import socket
from typing import Final

from qt_upbit.exceptions import ConfigError
from qt_upbit.network.failures import NetworkError
from qt_upbit.proxy_address import Proxy

__all__ = ["HEAD_LIMIT", "ProxyError", "connect_request", "load_socks", "read_connect_answer", "socks_socket"]

HEAD_LIMIT: Final = 16384
"""A longer answer to CONNECT is not one."""
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_PROXY_AUTHENTICATE: Final = re.compile(rb"(?im)^proxy-authenticate:[ \t]*([a-z]+)")
_PROXY_AUTH_REQUIRED: Final = 407


class ProxyError(NetworkError):
    """The proxy does not lead to the exchange; the message says why. Nothing was sent through it."""


def connect_request(proxy: Proxy, host: str, port: int, user_agent: str) -> bytes:
    """The request for a tunnel. Contains the proxy's password: not for logs."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"User-Agent: {user_agent}"]
    if (authorization := proxy.authorization) is not None:
        lines.append(f"Proxy-Authorization: {authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_connect_answer(proxy: Proxy, host: str, head: bytes) -> bool:
    """Whether the answer received so far is whole, and the tunnel open.

    Raises:
        ProxyError: it was refused, or this is not an answer to CONNECT.
    """
    end = head.find(b"\r\n\r\n")
    line = _STATUS_LINE.match(head)
    if line is None:
        if b"\n" in head or len(head) > HEAD_LIMIT or not b"HTTP/1.".startswith(head[:7]):
            raise ProxyError(_not_http(proxy, head))
        return False
    if end < 0:
        if len(head) > HEAD_LIMIT:
            raise ProxyError(_not_http(proxy, head))
        return False
    status = int(line[1])
    if 200 <= status < 300:
        if len(head) > end + 4:
            raise ProxyError(f"proxy {proxy.name} sends data before the exchange can have")
        return True
    raise ProxyError(_why_refused(proxy, host, status, head[:end]))


def _not_http(proxy: Proxy, head: bytes) -> str:
    first = head.partition(b"\r\n")[0][:60].decode("ascii", "replace")
    return f"proxy {proxy.name} does not answer as an HTTP proxy does, but with {first!r}"


def _why_refused(proxy: Proxy, host: str, status: int, head: bytes) -> str:
    if status != _PROXY_AUTH_REQUIRED:
        return f"proxy {proxy.name} refuses to connect to {host} (HTTP {status}): its operator must allow it"
    offered = {scheme.decode().lower() for scheme in _PROXY_AUTHENTICATE.findall(head)}
    if offered and "basic" not in offered:
        return (
            f"proxy {proxy.name} only lets in by {', '.join(sorted(offered))[:60]} (HTTP 407), "
            "which is not supported: put a local proxy in between that speaks it"
        )
    if proxy.username:
        return f"proxy {proxy.name} does not accept the user name and password of its URL (HTTP 407)"
    return (
        f"proxy {proxy.name} wants a user name and password (HTTP 407): "
        "put them into its URL, http://user:password@host:port"
    )


def load_socks(proxy: Proxy) -> None:
    """Import the SOCKS library, which takes longer than a screen frame.

    Raises:
        ConfigError: the extra ``socks`` is not installed.
    """
    try:
        importlib.import_module("python_socks")
        importlib.import_module("python_socks.async_.asyncio")
    except ImportError:
        raise ConfigError(
            f"{proxy.source} names a SOCKS proxy, which needs python-socks: pip install 'qt-upbit[socks]'"
        ) from None


async def socks_socket(proxy: Proxy, address: str, host: str, port: int) -> socket.socket:
    """A socket through a SOCKS proxy; call `load_socks` first.

    Args:
        proxy: whose kind and password are used.
        address: the proxy's own, literal: the SOCKS library must look up no names.
        host: where to; literal where the proxy does not look names up.
        port: where to.

    Raises:
        ProxyError: it was refused.
        OSError: the proxy cannot be reached.
    """
    from python_socks import ProxyError as SocksError
    from python_socks import ProxyType
    from python_socks.async_.asyncio import Proxy as SocksProxy

    kind = ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5
    by_proxy = proxy.scheme in ("socks5h", "socks4a")
    client = SocksProxy(
        kind, address, proxy.port, proxy.username or None, proxy.password or None, rdns=by_proxy
    )
    try:
        return await client.connect(host, port)
    except SocksError as exc:
        why = str(exc)[:80] or "without a reason"
    except UnicodeError:
        why = "SOCKS passwords with other than ASCII characters are not supported"
    # Raised here: the original error may quote the password.
    raise ProxyError(f"proxy {proxy.name} does not connect to {host}: {why}")
