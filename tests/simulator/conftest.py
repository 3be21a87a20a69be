"""An exchange without sockets, and a clock to turn by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qt_upbit.models import decode_all
from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import Request, RequestItem, encode_request
from qt_upbit.simulator import SimulatedExchange, SimulatorSettings
from qt_upbit.simulator.sessions.session import Close, Raw, Session, Stall
from qt_upbit.types import Scope, WireFormat

START = 1_795_402_151.0
STEP_S = 0.02


class Gateway:
    """An exchange, its clock, and what its sessions were sent."""

    def __init__(self, **settings: Any) -> None:
        settings = {"markets": 30, "account_running": False, "announcement_interval_s": None} | settings
        self.settings = SimulatorSettings(**settings)
        self.now = START
        self.exchange = SimulatedExchange(self.settings, now=START)
        self.output: dict[Session, list[bytes | Raw | Stall | Close]] = {}

    def connect(self, scope: Scope = Scope.PUBLIC) -> Session:
        session = self.exchange.connect(scope, self.now)
        self.output[session] = []
        return session

    def send(self, session: Session, text: str) -> None:
        self.exchange.receive(session, text, self.now)
        self._collect()

    def subscribe(
        self, session: Session, *items: RequestItem, format: WireFormat | None = WireFormat.DEFAULT
    ) -> None:
        self.send(session, encode_request(Request("t", items, format)))

    def run(self, seconds: float) -> None:
        """Let time pass, in the steps in which a server drives the exchange."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(self.now + STEP_S, end)
            self.exchange.tick(self.now)
            self._collect()

    def _collect(self) -> None:
        for session, output in self.output.items():
            output.extend(session.take())

    def frames(self, session: Session) -> list[bytes]:
        """Frames so far."""
        return [each for each in self.output[session] if isinstance(each, bytes)]

    def events(self, session: Session) -> list[Any]:
        """Events so far; every frame must be readable."""
        return [
            event
            for raw in self.frames(session)
            if wire.decode_control(raw) is None
            for event in decode_all(raw)
        ]

    def closes(self, session: Session) -> list[Close]:
        """How the session was ended."""
        return [each for each in self.output[session] if isinstance(each, Close)]


@pytest.fixture
def gateway() -> Callable[..., Gateway]:
    return Gateway
