"""Looking at the simulated exchange from a test."""

from __future__ import annotations

import json
from typing import Any

from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.sessions.session import Session
from qt_upbit.types import Scope


def session(server: SimulatedServer, scope: Scope = Scope.PUBLIC) -> Session:
    """The one open session of a scope."""
    sessions = [s for s in server.exchange.sessions if s.scope is scope and not s.silent]
    assert len(sessions) == 1, f"{len(sessions)} sessions on {scope.value}"
    return sessions[0]


def streams(server: SimulatedServer, scope: Scope = Scope.PUBLIC) -> set[tuple[str, str]]:
    """(type, code) of everything the present session has asked for; empty without a session."""
    sessions = [s for s in server.exchange.sessions if s.scope is scope and not s.silent]
    return {
        (item.type, code.partition(".")[0])
        for s in sessions
        for item in s.subscription
        for code in (item.codes or ("",))
    }


def requests(server: SimulatedServer, scope: Scope = Scope.PUBLIC) -> list[list[dict[str, Any]]]:
    """Every subscribe message of the present session, as sent."""
    decoded = [json.loads(message.raw) for message in session(server, scope).messages]
    return [parts for parts in decoded if not any("method" in part for part in parts)]


def requested(parts: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(type, code) of one subscribe message."""
    return {(part["type"], code) for part in parts if "type" in part for code in part.get("codes", ("",))}
