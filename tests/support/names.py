"""Name resolution without the system: a bare machine does not even know `localhost`."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["LOCAL_NAME", "resolver"]

LOCAL_NAME: Final = "localhost"
"""A name that counts as this machine. Use 127.0.0.1 where a name is not what the test is about."""


@contextlib.contextmanager
def resolver() -> Iterator[Callable[[bool], None]]:
    """Resolve `LOCAL_NAME` whatever the system says; gives what switches all resolution off and on."""
    real, works = socket.getaddrinfo, True

    def switch(on: bool) -> None:
        nonlocal works
        works = on

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not works:
            raise socket.gaierror(socket.EAI_AGAIN, "the name server does not answer")
        return real("127.0.0.1" if host in (LOCAL_NAME, LOCAL_NAME.encode()) else host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    try:
        yield switch
    finally:
        socket.getaddrinfo = real
