"""`Departures`: when the library let go what counts against a limit."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Mapping

from qt_upbit import GlobalWebSocketManager
from qt_upbit.rest.rate_groups import RATE_LIMITS
from qt_upbit.transport.native_websocket_client import NativeWebSocketClient

_CONNECTS = "connects"


class Departures:
    """Looks over a manager's shoulder.

    An exchange counts what arrives. What left in time arrives in bursts where the machine stalls every reader
    and writer for a moment: then the exchange's count says nothing about the library.
    """

    def __init__(self, manager: GlobalWebSocketManager) -> None:
        self._times: defaultdict[Hashable, list[float]] = defaultdict(list)
        config = manager.config
        self._of_messages = ((config.messages_per_second, 1.0), (config.messages_per_minute, 60.0))
        self._of_connects = ((config.connects_per_second, 1.0),)
        for link in manager._links.values():
            self._watch_socket(link.scope, link.client)
        groups = manager.rest._session.groups
        wait = groups.wait

        async def waited(group: str, call: str) -> None:
            await wait(group, call)
            self._times[group].append(time.monotonic())

        groups.wait = waited  # type: ignore[method-assign]  # seen on the way

    def _watch_socket(self, scope: Hashable, client: NativeWebSocketClient) -> None:
        open_, send = client.open, client.send

        def opened(url: str, headers: Mapping[str, str], epoch: int) -> None:
            self._times[_CONNECTS].append(time.monotonic())
            open_(url, headers, epoch)

        def sent(text: str, epoch: int) -> None:
            self._times[scope, epoch].append(time.monotonic())
            send(text, epoch)

        client.open, client.send = opened, sent  # type: ignore[method-assign]  # seen on the way

    def too_fast(self) -> list[str]:
        """What left faster than a limit allows."""
        found = []
        for what, times in self._times.items():
            limits: tuple[tuple[int, float], ...]
            if what == _CONNECTS:
                limits = self._of_connects
            elif isinstance(what, str):
                limits = (RATE_LIMITS[what],)
            else:
                limits = self._of_messages
            for count, seconds in limits:
                crowds = zip(times, times[count:], strict=False)
                shortest = min((last - first for first, last in crowds), default=seconds + 1)
                if shortest <= seconds:
                    found.append(f"{count + 1} of {what} in {shortest:.2f} s")
        return found
