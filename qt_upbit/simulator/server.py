"""`SimulatedServer`: the simulated exchange on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Self

from aiohttp import ClientConnectionResetError, WSMsgType, web

from qt_upbit.config import is_loopback
from qt_upbit.simulator.exchange import Refusal, SimulatedExchange, error_body
from qt_upbit.simulator.replay import Replay
from qt_upbit.simulator.rest import RestApi
from qt_upbit.simulator.session import Close, Session
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import Scope

__all__ = ["RestFault", "SimulatedServer"]

_SLICE_S: Final = 0.003
"""After this time other tasks of the loop, a window for example, get their turn."""
_EVENTS_PER_STEP: Final = 2


@dataclass
class RestFault:
    """Something that goes wrong with a REST call.

    Attributes:
        method: of HTTP.
        path: for example ``/v1/orders``.
        how: ``lose_request`` cuts the line before anything is done, ``lose_answer`` after it was done,
            ``status`` answers with `status` and `name` instead, ``wait`` waits for `release`.
        times: how often.
        status: HTTP status.
        name: Upbit's error name.
        release: set it to let a call that waits go on.
    """

    method: str
    path: str
    how: Literal["lose_request", "lose_answer", "status", "wait"]
    times: int = 1
    status: int = 503
    name: str = "internal_server_error"
    release: asyncio.Event = field(default_factory=asyncio.Event)


class _Line:
    """The socket of a session."""

    def __init__(self, session: Session, ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.session = session
        self.ws = ws
        self.transport = transport
        self.wake = asyncio.Event()


class SimulatedServer:
    """Serves public, private and info sockets and REST on one port, inside the running event loop.

    ``async with SimulatedServer() as server:`` or `start` and `stop`. Uses no threads and no signal
    handlers, so that it runs on any loop, also the one of a window.

    Raises:
        ValueError: `host` is not this machine itself; there is no TLS here, and the key is public.

    Attributes:
        exchange: the exchange behind the sockets; `SimulatedExchange.publish` pushes any event.
        refuse_connections: True answers every handshake with HTTP 503.
        handshake_status: an HTTP status to answer handshakes with, None for the usual.
        rest_faults: what goes wrong with coming REST calls; add to it.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        replay: Replay | None = None,
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"the simulated exchange listens on this machine only: 127.0.0.1, not {host!r}")
        self.settings = settings or SimulatorSettings()
        self.refuse_connections = False
        self.handshake_status: int | None = None
        self.rest_faults: list[RestFault] = []
        self._host = host
        self._port = port
        self._epoch = time.time()
        self._monotonic = time.monotonic()
        self.exchange = SimulatedExchange(self.settings, now=self._epoch, replay=replay)
        self.exchange.on_output = self._on_output
        self._rest = RestApi(self.exchange)
        self._lines: dict[Session, _Line] = {}
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``; what ``QT_UPBIT_BASE_URL`` takes."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def now(self) -> float:
        """The exchange's clock: seconds since the epoch, never going back."""
        return self._epoch + time.monotonic() - self._monotonic

    async def start(self) -> None:
        """Listen and let the market run.

        Raises:
            OSError: the port is taken.
        """
        if self._runner is not None:
            raise RuntimeError("the server runs already")
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await self.start_listening()
        except OSError:
            await self._runner.cleanup()
            self._runner = None
            raise
        self._task = asyncio.get_running_loop().create_task(self._run(), name="simulated exchange")

    async def stop(self) -> None:
        """End everything; sockets are cut. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for line in list(self._lines.values()):
            line.transport.abort()
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

    async def stop_listening(self) -> None:
        """Accept no new connections; open ones stay."""
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
        """Break the open sockets of an endpoint; how many there were.

        Args:
            scope: which endpoint.
            how: ``close`` with code 1000, ``reset`` the line, or fall ``silent`` on an open line.
        """
        lines = [line for line in self._lines.values() if line.session.scope is scope]
        for line in lines:
            if how == "silent":
                line.session.silent = True
                line.session.outbox.clear()
            elif how == "reset":
                line.transport.abort()
            else:
                line.session.put(Close(1000, "dropped"))
        await asyncio.sleep(0)
        return len(lines)

    # --- inside ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            now = self.now()
            began = time.perf_counter()
            while self.exchange.tick(now, _EVENTS_PER_STEP):
                if time.perf_counter() - began > _SLICE_S:
                    await asyncio.sleep(0)
                    began = time.perf_counter()
            await asyncio.sleep(self.settings.tick_interval_s)

    def _on_output(self, session: Session) -> None:
        line = self._lines.get(session)
        if line is not None:
            line.wake.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        for scope in Scope:
            if request.path == scope.path:
                return await self._handle_socket(request, scope)
        body = await request.read()
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
            if time.perf_counter() - began > _SLICE_S:
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
        return web.Response(status=500)  # for nobody: the line is cut

    async def _handle_socket(self, request: web.Request, scope: Scope) -> web.StreamResponse:
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
        await ws.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):  # gone meanwhile
            return ws
        session = self.exchange.connect(scope, self.now(), request.headers)
        line = self._lines[session] = _Line(session, ws, transport)
        if session.outbox:
            line.wake.set()
        sender = asyncio.get_running_loop().create_task(
            self._send(line), name=f"simulated {scope.value} socket"
        )
        try:
            await self._receive(line)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            del self._lines[session]
            self.exchange.disconnect(session)
        return ws

    async def _receive(self, line: _Line) -> None:
        session, ws = line.session, line.ws
        while True:
            message = await ws.receive()
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                self.exchange.receive(session, message.data, self.now())
            elif message.type is WSMsgType.PING:
                if self.exchange.receive_ping(session, self.now()):
                    with contextlib.suppress(ConnectionResetError, ClientConnectionResetError):
                        await ws.pong(message.data)
            elif message.type is WSMsgType.CLOSE:
                while session.silent and not line.transport.is_closing():
                    await asyncio.sleep(0.05)
                if not line.transport.is_closing():
                    await ws.close(code=message.data or 1000, drain=False)
                return
            elif message.type is not WSMsgType.PONG:
                return

    async def _send(self, line: _Line) -> None:
        session, ws = line.session, line.ws
        try:
            while True:
                await line.wake.wait()
                line.wake.clear()
                began = time.perf_counter()
                for output in session.take():
                    if session.silent:
                        break
                    if isinstance(output, Close):
                        if output.code is None:
                            line.transport.abort()
                        else:
                            await ws.close(code=output.code)
                        return
                    if self.settings.binary_frames:
                        await ws.send_bytes(output)
                    else:
                        await ws.send_str(output.decode())
                    if time.perf_counter() - began > _SLICE_S:
                        await asyncio.sleep(0)
                        began = time.perf_counter()
        except (ConnectionResetError, ClientConnectionResetError):
            return


def _response(reply: Refusal) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.body, headers=reply.headers, content_type="application/json",
        charset="utf-8",
    )  # fmt: skip
