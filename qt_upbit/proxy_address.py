"""`Proxy`: a proxy's URL, read."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from qt_upbit.exceptions import ConfigError

__all__ = ["Proxy", "parse_proxy"]

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, "socks4": 1080, "socks4a": 1080}
_OTHER_NAMES: Final = {"socks": "socks5h"}
_WHAT_IS_VALID: Final = (
    "a proxy looks like http://host:port, http://user:password@host:port or socks5://host:port"
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, its user name and password decoded.

    Attributes:
        scheme: ``http``, ``https`` (TLS to the proxy itself), ``socks5``, ``socks5h``, ``socks4`` or
            ``socks4a``; with h and a the proxy looks names up.
        host: without brackets.
        port: always set.
        username: empty for none.
        password: never in a repr.
        source: where it comes from, for messages.
    """

    scheme: str
    host: str
    port: int
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    source: str = "proxy"

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS."""
        return self.scheme.startswith("socks")

    @property
    def name(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"

    @property
    def authorization(self) -> str | None:
        """The value of ``Proxy-Authorization``, if there is a user name."""
        if not self.username:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def parse_proxy(url: str, source: str) -> Proxy:
    """Read a proxy's URL; without a scheme it is ``http``, as programs usually take it.

    Args:
        url: user name and password are percent-encoded.
        source: of the URL, such as ``HTTPS_PROXY``, for messages.

    Raises:
        ConfigError: it is not one; the message does not contain it, because it may contain a password.
    """
    wrong = None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        wrong = "the URL of the proxy is malformed"
    if wrong is None:
        scheme = _OTHER_NAMES.get(parts.scheme, parts.scheme)
        if scheme not in _PORTS:
            wrong = f"proxies of the kind {scheme!r:.20} are not supported"
        elif not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
            wrong = "the URL of the proxy is malformed"
    if wrong is not None:
        # Raised here: the original error quotes what may be the password.
        raise ConfigError(f"{source}: {wrong}: {_WHAT_IS_VALID}; percent-encode special characters")
    return Proxy(
        scheme,
        parts.hostname or "",
        port if port is not None else _PORTS[scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        source,
    )
