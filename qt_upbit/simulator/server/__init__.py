"""The exchange on real sockets: HTTP, WebSocket, REST. Needs aiohttp (the extra ``sim``)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qt_upbit.simulator.server.server import SimulatedServer

__all__ = ["SimulatedServer"]


def __getattr__(name: str) -> Any:
    # Imported on first use, because faults and the server use each other's modules.
    if name == "SimulatedServer":
        return importlib.import_module("qt_upbit.simulator.server.server").SimulatedServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
