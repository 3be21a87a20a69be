"""`SimulatedServer`: the simulated exchange on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Self

from aiohttp import web

from qt_upbit.config import is_loopback
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.faults.control import FaultControl
from qt_upbit.simulator.faults.fault_injector import FaultInjector
from qt_upbit.simulator.faults.faults import Close, ConnectionFault, Reset, Silence
from qt_upbit.simulator.replay.replay import Replay
from qt_upbit.simulator.server.connection import SLICE_S, SocketConnection
from qt_upbit.simulator.server.host_check import refuse_host
from qt_upbit.simulator.server.rest import RestApi
from qt_upbit.simulator.sessions.refusal import Refusal, error_body
from qt_upbit.simulator.sessions.session import Session
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import Scope

__all__ = ["RestFault", "SimulatedServer"]

_LONGEST_LINE: Final = 65_536
"""A call about all pairs of the market is answered (protocol section 9.1)."""
_EVENTS_PER_STEP: Final = 2


@dataclass
class RestFault:
    """A fault of a REST call.

    Attributes:
        method: of HTTP.
        path: for example ``/v1/orders``.
        how: ``lose_request`` cuts the connection before the call is processed, ``lose_answer`` after
            it, ``status`` answers with `status` and `name` instead, ``wait`` waits for `release`.
        times: number of calls.
        status: HTTP status.
        name: Upbit's error name.
        release: set it to let a waiting call continue.
    """

    method: str
    path: str
    how: Literal["lose_request", "lose_answer", "status", "wait"]
    times: int = 1
    status: int = 503
    name: str = "internal_server_error"
    release: asyncio.Event = field(default_factory=asyncio.Event)


class SimulatedServer:
    """Serves public, private and info sockets and REST on one port, inside the running event loop.

    ``async with SimulatedServer() as server:`` or `start` and `stop`. Uses no threads and no signal
    handlers, so that it runs on any loop, including that of a window.

    Requests for other hosts than this machine's own names are refused (421), as a web page's would be whose
    name resolves to this machine; `hosts` are further names to allow, for a proxy in front of the server.

    Raises:
        ValueError: `host` is not this machine; there is no TLS here, and the key is public.

    Attributes:
        exchange: the exchange behind the sockets; `SimulatedExchange.publish` pushes any event.
        refuse_connections: True answers every handshake with HTTP 503.
        handshake_status: an HTTP status to answer handshakes with, None for normal handling.
        rest_faults: faults of coming REST calls; append to it.
        faults: every other fault; also over HTTP (`qt_upbit.simulator.faults.control`).
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        replay: Replay | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"the simulated exchange listens on this machine only: 127.0.0.1, not {host!r}")
        self.settings = settings or SimulatorSettings()
        self.refuse_connections = False
        self.handshake_status: int | None = None
        self.rest_faults: list[RestFault] = []
        self._host = host
        self._hosts = tuple(hosts)
        self._port = port
        self._epoch = time.time()
        self._began = time.perf_counter()
        self.exchange = SimulatedExchange(self.settings, now=self._epoch, replay=replay)
        self.exchange.on_output = self._on_output
        self._rest = RestApi(self.exchange)
        self._connections: dict[Session, SocketConnection] = {}
        self.faults = FaultInjector(self.exchange, self._connections.values)
        self._control = FaultControl(self.faults, self.exchange)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._task: asyncio.Task[None] | None = None
        self._reachable = True

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``; what ``QT_UPBIT_BASE_URL`` takes."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def now(self) -> float:
        """The exchange's clock: seconds since the epoch, monotonic."""
        return self._epoch + time.perf_counter() - self._began

    async def start(self) -> None:
        """Start listening, and start the market.

        Raises:
            OSError: the port is in use.
        """
        if self._runner is not None:
            raise RuntimeError("the server is already running")
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, shutdown_timeout=0.5, max_line_size=_LONGEST_LINE
        )
        await self._runner.setup()
        try:
            await self.start_listening()
        except OSError:
            await self._runner.cleanup()
            self._runner = None
            raise
        self._task = asyncio.get_running_loop().create_task(self._run(), name="simulated exchange")

    async def stop(self) -> None:
        """Stop the server; sockets are cut. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for connection in list(self._connections.values()):
            connection.transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            self._site = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # --- faults ---------------------------------------------------------------------------------

    @property
    def is_listening(self) -> bool:
        """Whether new connections are accepted."""
        return self._site is not None

    async def stop_listening(self) -> None:
        """Refuse new connections; open ones stay."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def start_listening(self) -> None:
        """Accept connections, on the same port as before."""
        if self._runner is None:
            raise RuntimeError("start() first")
        if self._site is None:
            site = web.TCPSite(self._runner, self._host, self._port)
            await site.start()
            self._site = site
            self._port = self._runner.addresses[-1][1]

    async def drop(self, scope: Scope, how: Literal["close", "reset", "silent"]) -> int:
        """Break the open sockets of an endpoint; return their number.

        Args:
            scope: the endpoint.
            how: ``close`` with code 1000, ``reset`` the connection, or stay open and ``silent``.
        """
        kinds: dict[str, type[ConnectionFault]] = {"close": Close, "reset": Reset, "silent": Silence}
        hit = self.faults.inject(kinds[how](scope=scope))
        await asyncio.sleep(0)
        return hit

    # --- inside ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            now = self.now()
            began = time.perf_counter()
            while self.exchange.tick(now, _EVENTS_PER_STEP):
                if time.perf_counter() - began > SLICE_S:
                    await asyncio.sleep(0)
                    began = time.perf_counter()
            if self._reachable is not self.exchange.is_reachable:
                self._reachable = self.exchange.is_reachable
                await (self.start_listening() if self._reachable else self.stop_listening())
            await asyncio.sleep(self.settings.tick_interval_s)

    def _on_output(self, session: Session) -> None:
        connection = self._connections.get(session)
        if connection is not None:
            connection.wake()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        refusal = refuse_host(request.headers.getall("Host", ()), self._hosts)
        if refusal is not None:
            return _response(refusal)
        for scope in Scope:
            if request.path == scope.path:
                return await self._handle_socket(request, scope)
        body = await request.read()
        controlled = self._control.answer(request.method, request.path, request.headers, body)
        if controlled is not None:
            return _response(controlled)
        fault = self._take_fault(request)
        if fault is not None:
            if fault.how == "wait":
                await fault.release.wait()
            elif fault.how == "status":
                return _response(Refusal(fault.status, error_body(fault.name, "refused on purpose")))
            elif fault.how == "lose_request":
                return self._cut(request)
        steps = self._rest.answer(
            request.method,
            request.path,
            request.rel_url.raw_query_string,
            request.headers,
            request.remote or "",
            self.now(),
            body,
        )
        began = time.perf_counter()
        while True:
            try:
                next(steps)
            except StopIteration as done:
                if fault is not None and fault.how == "lose_answer":
                    return self._cut(request)
                return _response(done.value)
            if time.perf_counter() - began > SLICE_S:
                await asyncio.sleep(0)
                began = time.perf_counter()

    def _take_fault(self, request: web.Request) -> RestFault | None:
        for fault in self.rest_faults:
            if fault.times > 0 and (fault.method, fault.path) == (request.method, request.path):
                fault.times -= 1
                return fault
        return None

    @staticmethod
    def _cut(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # never received: the connection is cut

    async def _handle_socket(self, request: web.Request, scope: Scope) -> web.StreamResponse:
        delay_s, refused = self.faults.take_handshake(scope)
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        if refused is not None:
            return _response(refused)
        status = 503 if self.refuse_connections else self.handshake_status
        if status is not None:
            headers = {"Retry-After": "1"} if status in (429, 503) else {}
            return _response(Refusal(status, error_body(status, "refused on purpose"), headers))
        refusal = self.exchange.admit(scope, request.headers, request.remote or "", self.now())
        if refusal is not None:
            return _response(refusal)
        ws = web.WebSocketResponse(
            timeout=1.0, autoclose=False, autoping=False, compress=self.settings.compression
        )
        if not ws.can_prepare(request).ok:
            return _response(Refusal(400, error_body(400, "not a WebSocket handshake")))
        ws.headers["remaining-req"] = "group=websocket; min=300; sec=3"
        ws.headers["limit-by-ip"] = "Yes"
        try:
            await ws.prepare(request)
        except ConnectionResetError:  # the client has disconnected meanwhile
            return self._cut(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):  # disconnected meanwhile
            return ws
        session = self.exchange.connect(scope, self.now(), request.headers)
        connection = self._connections[session] = SocketConnection(self.exchange, session, ws, transport)
        try:
            await connection.serve(self.now)
        finally:
            del self._connections[session]
            self.exchange.disconnect(session)
        return ws


def _response(reply: Refusal) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.body, headers=reply.headers, content_type="application/json",
        charset="utf-8",
    )  # fmt: skip
