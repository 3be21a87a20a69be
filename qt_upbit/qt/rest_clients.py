"""`RestClients`: the REST client of the keys in use, and the end of those before it."""

from __future__ import annotations

import asyncio

from qt_upbit.config import WebSocketConfig
from qt_upbit.rest.rest_client import RestClient

__all__ = ["RestClients"]


class RestClients:
    """Makes a client when first asked for, and another one after other settings."""

    def __init__(self) -> None:
        self._clients: list[RestClient] = []
        """The last one is in use; those before it had other keys."""
        self._config: WebSocketConfig | None = None

    def client_for(self, config: WebSocketConfig) -> RestClient:
        """The client of these settings.

        Raises:
            ConfigError: the extra ``rest`` is not installed.
        """
        if self._config is not config:
            self._clients.append(RestClient(config))
            self._config = config
        return self._clients[-1]

    async def aclose(self) -> None:
        """Close them all."""
        await asyncio.gather(*(client.aclose() for client in self._clients))
