"""`SocketConnection`: one accepted socket of the simulated exchange."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

from aiohttp import ClientConnectionResetError, WSMsgType, web

from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.sessions.session import Close, Output, Raw, Session, Stall

__all__ = ["SLICE_S", "SocketConnection"]

SLICE_S: Final = 0.003
"""After this time other tasks of the loop, such as a window's, get their turn."""
_LINGER_ZERO: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class SocketConnection:
    """Sends a session's output to its socket, and passes received messages to the exchange."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        session: Session,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport,
    ) -> None:
        self.session = session
        self.transport = transport
        self._exchange = exchange
        self._ws = ws
        self._wake = asyncio.Event()
        if session.outbox:
            self._wake.set()

    def wake(self) -> None:
        """Notify that the session has something to send."""
        self._wake.set()

    # --- faults -------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Reset the TCP connection; unsent data is lost."""
        self.session.outbox.clear()
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.transport.abort()

    def stop_reading(self) -> None:
        """Stop reading from the socket."""
        self.session.unresponsive = True
        with contextlib.suppress(RuntimeError):  # it is closing already
            self.transport.pause_reading()

    def send_error(self, name: str, message: str) -> None:
        """Send an error frame, and the close that follows it."""
        self._exchange.send_error(self.session, name, message)

    # --- both directions, until the socket is closed ---------------------------------------------------

    async def serve(self, now: Callable[[], float]) -> None:
        """Send and receive until the socket is closed."""
        sender = asyncio.get_running_loop().create_task(
            self._send(), name=f"simulated {self.session.scope.value} socket"
        )
        try:
            await self._receive(now)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender

    async def _receive(self, now: Callable[[], float]) -> None:
        session, ws = self.session, self._ws
        while True:
            message = await ws.receive()
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                self._exchange.receive(session, message.data, now())
            elif message.type is WSMsgType.PING:
                if self._exchange.receive_ping(session, now()):
                    with contextlib.suppress(ConnectionResetError, ClientConnectionResetError):
                        await ws.pong(message.data)
            elif message.type is WSMsgType.CLOSE:
                while session.silent and not self.transport.is_closing():
                    await asyncio.sleep(0.05)
                if not self.transport.is_closing():
                    await ws.close(code=message.data or 1000, drain=False)
                return
            elif message.type is not WSMsgType.PONG:
                return

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionResetError, ClientConnectionResetError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                began = time.perf_counter()
                for output in self.session.take():
                    if self.session.silent:
                        break
                    if not await self._write(output):
                        return
                    if time.perf_counter() - began > SLICE_S:
                        await asyncio.sleep(0)
                        began = time.perf_counter()

    async def _write(self, output: Output) -> bool:
        """Send one output; return whether more can follow."""
        match output:
            case Close(None):
                self.transport.close()
                return False
            case Close(code):
                await self._ws.close(code=code or 1000)
                return False
            case Stall(data):
                self.transport.write(data)
                self.session.silence()
            case Raw(data):
                self.transport.write(data)
            case _ if self._exchange.settings.binary_frames:
                await self._ws.send_bytes(output)
            case _:
                await self._ws.send_str(output.decode(errors="replace"))
        return True
