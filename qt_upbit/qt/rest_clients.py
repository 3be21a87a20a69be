"""`RestClients`: the REST client for the current keys, and the retirement of earlier ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from qt_upbit.config import WebSocketConfig
from qt_upbit.rest.rest_client import RestClient

__all__ = ["RestClients"]


class RestClients:
    """Creates a client on first use, and another one after a change of settings.

    The previous client is closed and released, with its keys, once its running calls are done.

    Args:
        on_order_not_found: called with the id of an order that the exchange does not know.
    """

    def __init__(self, on_order_not_found: Callable[[str], object] = lambda key: None) -> None:
        self._on_order_not_found = on_order_not_found
        self._client: RestClient | None = None
        self._config: WebSocketConfig | None = None
        self._retired: set[RestClient] = set()
        """Clients of earlier settings that are not closed yet."""
        self._tasks: dict[RestClient, asyncio.Task[None]] = {}

    @property
    def open_clients(self) -> tuple[RestClient, ...]:
        """The current one, if created, and retired ones with running calls."""
        current = () if self._client is None else (self._client,)
        return (*self._retired, *current)

    def client_for(self, config: WebSocketConfig) -> RestClient:
        """The client for these settings.

        Raises:
            ConfigError: the extra ``rest`` is not installed.
        """
        if self._client is None or self._config is not config:
            self.retire()
            self._client = RestClient(config)
            self._client.follow_order_not_found(self._on_order_not_found)
            self._config = config
        return self._client

    def retire(self) -> None:
        """The settings have changed or will change: retire the current client."""
        client, self._client = self._client, None
        if client is not None:
            self._retired.add(client)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # no loop is running: closed with the next change, or in `aclose`
        for each in self._retired - self._tasks.keys():
            self._tasks[each] = loop.create_task(self._close(each), name="qt_upbit retired REST client")

    async def _close(self, client: RestClient) -> None:
        try:
            await client.retire()
            self._retired.discard(client)
        finally:
            self._tasks.pop(client, None)

    async def aclose(self) -> None:
        """Close all clients; running calls fail."""
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*(client.aclose() for client in self.open_clients))
        self._retired.clear()
