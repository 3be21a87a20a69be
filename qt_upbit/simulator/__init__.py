"""Upbit's server side: a simulated exchange on loopback, built from the same declarations as the client.

    async with SimulatedServer(SimulatorSettings(seed=7)) as server:
        print(server.url)

``python -m qt_upbit.simulator`` serves until interrupted. `SimulatedServer` needs aiohttp (the extra
``sim``); `SimulatedExchange`, the same without sockets, does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.faults.faults import (
    FAULTS,
    ConnectionFault,
    ExchangeFault,
    Fault,
    FrameFault,
    HandshakeFault,
)
from qt_upbit.simulator.replay.recording import RecordingHeader, RecordingWriter, read_header
from qt_upbit.simulator.replay.replay import Replay
from qt_upbit.simulator.settings import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedAccount,
    SimulatorSettings,
)

if TYPE_CHECKING:
    from qt_upbit.simulator.server.server import SimulatedServer

__all__ = [
    "FAULTS",
    "SIMULATED_ACCESS_KEY",
    "SIMULATED_SECRET_KEY",
    "ConnectionFault",
    "ExchangeFault",
    "Fault",
    "FrameFault",
    "HandshakeFault",
    "RecordingHeader",
    "RecordingWriter",
    "Replay",
    "SimulatedAccount",
    "SimulatedExchange",
    "SimulatedServer",
    "SimulatorSettings",
    "read_header",
]


def __getattr__(name: str) -> Any:
    if name == "SimulatedServer":
        return importlib.import_module("qt_upbit.simulator.server.server").SimulatedServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
