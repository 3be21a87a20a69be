"""`FaultInjector`: makes the simulated exchange misbehave on request."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.faults.faults import (
    Connection,
    ConnectionFault,
    ExchangeFault,
    Fault,
    FrameFault,
    HandshakeFault,
    RefuseHandshakes,
    SlowHandshakes,
    head_of,
)
from qt_upbit.simulator.market.price_path import mix
from qt_upbit.simulator.sessions.refusal import Refusal, error_body
from qt_upbit.simulator.sessions.session import Raw, Session
from qt_upbit.types import Scope

__all__ = ["FaultInjector"]

_AUTH_NAMES: Final = {401: "jwt_verification", 403: "out_of_scope"}


class FaultInjector:
    """Keeps the faults that are armed for frames or handshakes or are in effect, and counts injections.

    Args:
        exchange: where faults are injected.
        connections: gives its open sockets.

    Attributes:
        injected: by name of the fault, how often it took effect on a socket, a frame, a handshake or
            the exchange.
    """

    def __init__(self, exchange: SimulatedExchange, connections: Callable[[], Iterable[Connection]]) -> None:
        self.injected: Counter[str] = Counter()
        self._exchange = exchange
        self._connections = connections
        self._rng = random.Random(mix(exchange.settings.seed, 1002))  # noqa: S311  # a simulation
        self._frames: list[tuple[FrameFault, list[int]]] = []
        self._handshakes: list[tuple[HandshakeFault, list[int | None]]] = []
        self._running: list[ExchangeFault] = []

    @property
    def armed(self) -> tuple[Fault, ...]:
        """Faults armed for frames or handshakes, and those in effect, in the order of injection."""
        return (*(each for each, _ in self._frames), *(each for each, _ in self._handshakes), *self._running)

    def inject(self, fault: Fault) -> int:
        """Inject a fault; return the number of sockets it hit at once.

        Raises:
            ValueError: it is impossible, for example because no such pair is traded.
        """
        match fault:
            case ConnectionFault():
                return self._strike(fault)
            case FrameFault():
                self._frames.append((fault, [fault.times]))
                self._exchange.dispatcher.disturb = self._disturb
            case HandshakeFault():
                self._handshakes.append((fault, [fault.times]))
            case ExchangeFault():
                fault.begin(self._exchange)
                self._count(fault)
                self._running.append(fault)
                if fault.for_s is not None:
                    self._exchange.call_later(fault.for_s, lambda: self._finish(fault))
        return 0

    def clear(self) -> None:
        """Disarm all faults. Broken sockets stay broken."""
        self._frames.clear()
        self._handshakes.clear()
        self._exchange.dispatcher.disturb = None
        for fault in tuple(self._running):
            self._finish(fault)

    def _finish(self, fault: ExchangeFault) -> None:
        # Two equal faults may be in effect; each ends once.
        for index, running in enumerate(self._running):
            if running is fault:
                del self._running[index]
                fault.end(self._exchange)
                return

    def _count(self, fault: Fault) -> None:
        self.injected[fault.name()] += 1

    def _strike(self, fault: ConnectionFault) -> int:
        connections = [each for each in self._connections() if fault.scope in (None, each.session.scope)]
        for connection in connections:
            fault.strike(connection)
            self._count(fault)
        return len(connections)

    def _disturb(self, session: Session, frame: bytes) -> Iterable[bytes | Raw]:
        head = head_of(frame)
        for index, (fault, left) in enumerate(self._frames):
            if not (fault.concerns(session, head) and fault.concerns_frame(frame, head)):
                continue
            left[0] -= 1
            if left[0] == 0:
                del self._frames[index]
                if not self._frames:
                    self._exchange.dispatcher.disturb = None
            self._count(fault)
            delay_s = fault.delay_s()
            if delay_s > 0:
                self._exchange.dispatcher.send_later(session, frame, delay_s)
                return ()
            return fault.strike(frame, head, self._rng)
        return (frame,)

    # --- handshakes ---------------------------------------------------------------------------------

    def take_handshake(self, scope: Scope) -> tuple[float, Refusal | None]:
        """For a new connection: how many seconds to wait, and how to refuse it then."""
        delay_s, refusal = 0.0, None
        for entry in tuple(self._handshakes):
            fault, left = entry
            if fault.scope not in (None, scope):
                continue
            if left[0] is not None:
                left[0] -= 1
                if left[0] == 0:
                    self._handshakes.remove(entry)
            self._count(fault)
            match fault:
                case SlowHandshakes(seconds=seconds):
                    delay_s += seconds
                case RefuseHandshakes():
                    refusal = _refusal(fault)
        return delay_s, refusal


def _refusal(fault: RefuseHandshakes) -> Refusal:
    status, wait = fault.status, fault.retry_after_s
    headers = {} if wait is None else {"Retry-After": str(wait)}
    name: str | int = fault.error or _AUTH_NAMES.get(status) or status
    return Refusal(status, error_body(name, "refused on purpose"), headers)
