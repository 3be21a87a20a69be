"""`ReleaseToken`: releases a proxy's subscriptions however the proxy dies."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import shiboken6

if TYPE_CHECKING:
    from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
    from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy

__all__ = ["ReleaseToken"]


class ReleaseToken:
    """A callable for `destroyed` and for the collector: idempotent, holding neither proxy nor manager.

    A proxy's own method connected to its ``destroyed`` never runs, and a lambda that holds the proxy
    keeps it alive for ever; this is the pattern that worked in all eight ways of dying.
    """

    def __init__(self, manager: GlobalWebSocketManager, proxy_id: int) -> None:
        self._manager = weakref.ref(manager)
        self._proxy_id = proxy_id
        self._done = False

    @classmethod
    def attach(cls, manager: GlobalWebSocketManager, proxy: WebSocketClientProxy) -> None:
        """Watch over a proxy."""
        token = cls(manager, proxy.id)
        proxy.destroyed.connect(token)
        # At exit sockets are closed by the manager's aclose(), not by dying proxies.
        weakref.finalize(proxy, token).atexit = False

    def __call__(self, *_: object) -> None:
        """Release once; later calls do nothing."""
        if self._done:
            return
        self._done = True
        manager = self._manager()
        if manager is not None and shiboken6.isValid(manager):
            # Not a plain call: Python's collector runs in whichever thread happens to trigger it.
            manager._release_requested.emit(self._proxy_id)
