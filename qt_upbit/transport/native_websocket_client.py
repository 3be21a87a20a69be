"""`NativeWebSocketClient`: one socket on the `websockets` library. Decides nothing.

Messages are taken synchronously where the library would put them into a queue for a coroutine: one
loop hop less per message, and on a Qt loop a hop costs more than decoding does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError, QtUpbitError

__all__ = ["NativeWebSocketClient", "TransportCounters"]

_logger: Final = logging.getLogger("qt_upbit.transport.websockets")
# Below INFO the library writes each header it sends, the Authorization header included.
_logger.setLevel(logging.INFO)

_AUTH_STATUS: Final = (401, 403)


@dataclass(slots=True)
class TransportCounters:
    """Totals since the client was made.

    Attributes:
        wire_bytes: bytes read from the socket, compressed as they came (TLS and TCP not counted).
        inflated_bytes: bytes of the messages after inflation.
        messages: data messages.
    """

    wire_bytes: int = 0
    inflated_bytes: int = 0
    messages: int = 0


class _Connection(ClientConnection):
    """A connection that hands over each whole message at once instead of queueing it."""

    def __init__(self, *args: Any, client: NativeWebSocketClient, epoch: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client = client
        self._client_epoch = epoch
        self._fragments: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self._client.counters.wire_bytes += len(data)
        super().data_received(data)

    def process_event(self, event: Any) -> None:
        if not isinstance(event, Frame):
            super().process_event(event)
        elif event.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
            self._take(event)
        elif event.opcode is Opcode.PONG:
            self._client._on_pong(self._client_epoch)
        else:
            super().process_event(event)

    def _take(self, frame: Frame) -> None:
        data = bytes(frame.data)
        if not frame.fin or self._fragments:
            # The protocol has checked the order of fragments and the size of the whole.
            self._fragments.append(data)
            if not frame.fin:
                return
            data = b"".join(self._fragments)
            self._fragments.clear()
        counters = self._client.counters
        counters.messages += 1
        counters.inflated_bytes += len(data)
        self._client._on_message(data, self._client_epoch)


class NativeWebSocketClient:
    """Opens, feeds and closes sockets, one at a time; each belongs to an epoch.

    Callbacks run on the event loop and must not raise:

    * ``on_opened(epoch)``: the handshake is done;
    * ``on_message(data, epoch)``: one whole message, UTF-8, text and binary alike;
    * ``on_pong(epoch)``: a pong came;
    * ``on_lost(epoch, error)``: the socket could not be opened, or is gone. Not called after `close`.
    """

    def __init__(
        self,
        config: WebSocketConfig,
        *,
        on_opened: Callable[[int], None],
        on_message: Callable[[bytes, int], None],
        on_pong: Callable[[int], None],
        on_lost: Callable[[int, QtUpbitError], None],
    ) -> None:
        self._config = config
        self._on_opened = on_opened
        self._on_message = on_message
        self._on_pong = on_pong
        self._on_lost = on_lost
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._sockets: dict[int, ClientConnection] = {}
        self.counters = TransportCounters()

    @property
    def open_sockets(self) -> int:
        """Sockets whose handshake is done and that are not closed."""
        return len(self._sockets)

    def open(self, url: str, headers: Mapping[str, str], epoch: int) -> None:
        """Start connecting; `headers` may hold a token and is not kept. Needs a running loop."""
        task = asyncio.get_running_loop().create_task(
            self._run(url, dict(headers), epoch), name=f"qt_upbit socket {epoch}"
        )
        self._tasks[epoch] = task
        task.add_done_callback(lambda _: self._tasks.pop(epoch, None))

    def send(self, text: str, epoch: int) -> None:
        """Send one text frame at once; a socket that is closing ignores it."""
        socket = self._sockets.get(epoch)
        if socket is not None and socket.protocol.state is State.OPEN:
            socket.protocol.send_text(text.encode())
            socket.send_data()

    def ping(self, epoch: int) -> None:
        """Send one ping frame at once."""
        socket = self._sockets.get(epoch)
        if socket is not None and socket.protocol.state is State.OPEN:
            socket.protocol.send_ping(b"qt")
            socket.send_data()

    def close(self, epoch: int) -> None:
        """Close the socket of an epoch in the background; `aclose` waits for it. Idempotent."""
        task = self._tasks.get(epoch)
        if task is not None and not task.done():
            task.cancel()

    async def aclose(self) -> None:
        """Close everything and wait until it is closed, `close_timeout_s` at most."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, url: str, headers: dict[str, str], epoch: int) -> None:
        try:
            socket = await self._connect(url, headers, epoch)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ValueError, EOFError) as exc:
            self._on_lost(epoch, _translate(exc, authorized="Authorization" in headers))
            return
        finally:
            headers.clear()
        self._sockets[epoch] = socket
        try:
            self._on_opened(epoch)
            await socket.wait_closed()
        except asyncio.CancelledError:
            await _close(socket, self._config.close_timeout_s)
            raise
        finally:
            del self._sockets[epoch]
        self._on_lost(epoch, _why_closed(socket))

    async def _connect(self, url: str, headers: dict[str, str], epoch: int) -> ClientConnection:
        config = self._config

        def create(*args: Any, **kwargs: Any) -> _Connection:
            return _Connection(*args, client=self, epoch=epoch, **kwargs)

        return await connect(
            url,
            # No Origin header: it would cut us down to one request in ten seconds (protocol section 6.1).
            origin=None,
            additional_headers=headers,
            user_agent_header=config.user_agent,
            compression="deflate" if config.compression else None,
            open_timeout=config.connect_timeout_s,
            close_timeout=config.close_timeout_s,
            # Keepalive is decided by protocol/connection.py.
            ping_interval=None,
            max_size=config.max_message_bytes,
            proxy=True if config.use_system_proxy else None,
            logger=_logger,
            create_connection=create,  # type: ignore[arg-type]  # any callable that makes one will do
        )


async def _close(socket: ClientConnection, timeout_s: float) -> None:
    """Close politely, then cut: a deaf peer must not keep a closing program waiting."""
    try:
        async with asyncio.timeout(timeout_s):
            await socket.close()
    except (TimeoutError, OSError, ConnectionClosed):
        pass
    finally:
        with contextlib.suppress(OSError):
            socket.transport.abort()


def _why_closed(socket: ClientConnection) -> ConnectionFailedError:
    code = socket.close_code
    if code is None or code == 1006:
        return ConnectionFailedError("connection cut without a close frame")
    reason = f": {socket.close_reason}" if socket.close_reason else ""
    side = "closed by the server" if socket.protocol.close_rcvd is not None else "closed"
    return ConnectionFailedError(f"{side} with code {code}{reason}")


def _translate(exc: BaseException, *, authorized: bool) -> QtUpbitError:
    """A foreign exception of the handshake as one of ours, without anything we sent."""
    if isinstance(exc, InvalidStatus):
        status = exc.response.status_code
        if authorized and status in _AUTH_STATUS:
            return AuthenticationError(_error_name(exc.response.body), status)
        retry_after = exc.response.headers.get("Retry-After", "")
        seconds = float(retry_after) if retry_after.isdecimal() else None
        return ConnectionFailedError(f"the server answered HTTP {status}", status, seconds)
    if isinstance(exc, TimeoutError):
        return ConnectionFailedError("timed out while connecting")
    return ConnectionFailedError(f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__)


def _error_name(body: bytes | bytearray | None) -> str:
    """Upbit's error name in the body of a refused handshake, if there is one."""
    try:
        error = msgspec.json.decode(bytes(body or b"")).get("error", {})
        return str(error.get("name", ""))[:64]
    except (msgspec.MsgspecError, AttributeError, UnicodeDecodeError):
        return ""
