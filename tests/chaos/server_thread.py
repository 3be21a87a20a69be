"""The simulated exchange in a thread of its own, and the truth about what it did."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from qt_upbit.models import Head, peek
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.faults.faults import Fault
from qt_upbit.simulator.market.market import MarketSink
from qt_upbit.simulator.market.pair import Pair, Trade
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.sessions.session import Session
from qt_upbit.simulator.settings import SimulatorSettings
from tests.chaos.loop_watch import Waits
from tests.support.names import LOCAL_NAME
from tests.support.relays import TlsFront
from tests.support.wait import HANG_S
from tests.support.world import Authority

_T = TypeVar("_T")
_BEAT_S = 0.005


@dataclass
class Tape:
    """Every trade of a pair, in the order in which it happened.

    Attributes:
        index: of each trade, by its id.
        times: of our wall clock, in the same order.
    """

    index: dict[int, int] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    def add(self, trades: list[Trade]) -> None:
        """The trades of one order, which are announced in any order."""
        now = time.time()
        for trade in trades:
            self.index[trade.sequential_id] = len(self.times)
            self.times.append(now)


class ServerThread:
    """`with ServerThread(settings) as server`: everything about the exchange goes through `call`."""

    def __init__(self, settings: SimulatorSettings, authority: Authority | None = None) -> None:
        self._settings = settings
        self._authority = authority
        self._front: TlsFront | None = None
        self.ca_bundle = None if authority is None else authority.client_context()
        """What to trust, behind TLS."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulated exchange", daemon=True)
        self.tapes: defaultdict[str, Tape] = defaultdict(Tape)
        self.sent: dict[tuple[int, Head], bytes] = {}
        """By session and head: the last undisturbed object."""
        self.frames_sent = 0
        self.waits = Waits(_BEAT_S)
        self.after_call: Callable[[], None] = lambda: None
        """The thread that asked goes on; it stood still meanwhile."""

    def __enter__(self) -> Self:
        self._thread.start()
        self.server = self.run(self._start())
        url = self.server.url if self._front is None else f"https://127.0.0.1:{self._front.port}"
        self.url = url.replace("127.0.0.1", LOCAL_NAME)
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _start(self) -> SimulatedServer:
        server = SimulatedServer(self._settings)
        self._listen_in(server.exchange)
        await server.start()
        if self._authority is not None:
            context = self._authority.server_context("127.0.0.1", LOCAL_NAME)
            self._front = TlsFront(int(server.url.rpartition(":")[2]), context)
            await self._front.__aenter__()
        self.waits = Waits(_BEAT_S)
        self._beats = self._loop.create_task(self._beat())
        return server

    async def _stop(self) -> None:
        self._beats.cancel()
        if self._front is not None:
            await self._front.__aexit__(None, None, None)
        await self.server.stop()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            self.waits.beat()

    def _listen_in(self, exchange: SimulatedExchange) -> None:
        market, announce = exchange.market, exchange.market.announce
        dispatcher = exchange.dispatcher
        send, send_later = dispatcher.send, dispatcher.send_later

        def note_trades(pair: Pair, trades: list[Trade], at: int, sink: MarketSink) -> None:
            self.tapes[pair.code].add(trades)
            announce(pair, trades, at, sink)

        def note_frame(session: Session, data: bytes) -> None:
            note(session, data)
            send(session, data)

        def note_late_frame(session: Session, data: bytes, delay_s: float) -> None:
            if delay_s <= 0:
                note(session, data)
            send_later(session, data, delay_s)

        def note(session: Session, data: bytes) -> None:
            head = peek(data)
            if head is not None and not session.closing and not session.closed and not session.silent:
                self.sent[session.number, head] = data
                self.frames_sent += 1

        market.announce = note_trades  # type: ignore[method-assign]  # seen on the way
        dispatcher.send = note_frame  # type: ignore[method-assign]  # seen on the way
        dispatcher.send_later = note_late_frame  # type: ignore[method-assign]  # seen on the way

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Have the exchange's loop do something, and wait for it."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(HANG_S)
        finally:
            self.after_call()

    def call(self, function: Callable[[SimulatedServer], _T]) -> _T:
        """Look at the exchange while nothing else happens to it."""

        async def work() -> _T:
            return function(self.server)

        return self.run(work())

    @contextlib.contextmanager
    def paused(self) -> Iterator[SimulatedServer]:
        """The exchange, standing still: to be looked at from this thread."""
        stands, goes_on = threading.Event(), threading.Event()

        def stand() -> None:
            stands.set()
            goes_on.wait(HANG_S)
            self.waits.skip()

        self._loop.call_soon_threadsafe(stand)
        stands.wait(HANG_S)
        self.after_call()
        try:
            yield self.server
        finally:
            goes_on.set()

    def freeze(self, frozen: bool) -> None:
        """Let nothing happen at the exchange, or let it go on; sockets and REST work as ever."""

        def work(server: SimulatedServer) -> None:
            exchange = server.exchange
            for thing, name in ((exchange.market, "tick"), (exchange, "_tick_private")):
                if frozen:
                    setattr(thing, name, lambda *args: False)
                else:
                    delattr(thing, name)

        self.call(work)

    def inject(self, fault: Fault) -> int:
        return self.call(lambda server: server.faults.inject(fault))
