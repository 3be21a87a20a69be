"""`Names`: addresses of a host, looked up so that no name server ever stops or keeps the program."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final, TypeAlias

from qt_upbit.network.background import call_in_thread

__all__ = ["AddressInfo", "Names"]

AddressInfo: TypeAlias = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` returns it."""

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Names:
    """Looks up names in threads, one at a time for a name, however often it is asked for meanwhile."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], asyncio.Future[list[AddressInfo]]] = {}

    async def addresses(self, host: str, port: int) -> list[AddressInfo]:
        """The addresses of a host, best first; a literal address is its own, without a thread.

        Raises:
            OSError: there are none, or the name server did not say; `socket.gaierror` above all.
        """
        try:
            return _look_up(host, port, _NUMERIC)
        except OSError:
            pass  # a name
        key = (host, port)
        lookup = self._lookups.get(key)
        if lookup is None or lookup.get_loop() is not asyncio.get_running_loop():
            lookup = call_in_thread(lambda: _look_up(host, port, 0), "qt_upbit name lookup")
            self._lookups[key] = lookup
            lookup.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(lookup)

    def _forget(self, key: tuple[str, int], lookup: asyncio.Future[list[AddressInfo]]) -> None:
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
        if not lookup.cancelled():
            lookup.exception()  # retrieved, also where nothing waits any more


def _look_up(host: str, port: int, flags: int) -> list[AddressInfo]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))
    except UnicodeError:
        raise OSError(f"{host!r:.80} is not a host name") from None
