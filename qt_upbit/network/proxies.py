"""Which proxy leads to a host: the setting ``proxy``, else the environment's, else the system's."""

from __future__ import annotations

import urllib.request

from qt_upbit.config import WebSocketConfig
from qt_upbit.proxy_address import Proxy, parse_proxy

__all__ = ["proxy_for"]


def proxy_for(config: WebSocketConfig, host: str, port: int, *, is_secure: bool) -> Proxy | None:
    """The proxy that leads to a host, None for the direct way. May block: call it in a thread.

    ``HTTPS_PROXY`` (``HTTP_PROXY`` for plain text), then ``ALL_PROXY``, then a SOCKS proxy; where the
    environment names none, those of Windows' registry or macOS' settings. ``NO_PROXY``, or the system's list,
    is followed but for the setting ``proxy``. What is on this machine is only reached through the setting.

    Raises:
        ConfigError: what is set cannot be used.
    """
    if config.proxy_url is not None:
        return parse_proxy(config.proxy_url, "proxy")
    if not config.follows_proxy or urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    found = urllib.request.getproxies()
    for key in ("https" if is_secure else "http", "all", "socks"):
        url = found.get(key)
        if url:
            if key == "socks":
                # macOS and Windows give the address with one scheme or another.
                url = "socks5h://" + url.rpartition("://")[2]
            return parse_proxy(url, f"{key.upper()}_PROXY or the system's settings")
    return None
