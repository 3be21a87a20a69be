"""`NativeWebSocketClient`: one socket on the `websockets` library. Decides nothing.

Messages are processed synchronously where the library would queue them for a coroutine: one loop
iteration less per message, which on a Qt loop costs more than decoding.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from qt_upbit.config import SecretHeaders, WebSocketConfig
from qt_upbit.exceptions import AuthenticationError, ConfigError, ConnectionFailedError, QtUpbitError
from qt_upbit.network.network import Network, Progress, discard

__all__ = ["NativeWebSocketClient", "TransportCounters"]

_logger: Final = logging.getLogger("qt_upbit.transport.websockets")
# Below INFO the library logs each header it sends, the Authorization header included. The filter
# works even if an application sets every logger to DEBUG.
_logger.setLevel(logging.INFO)
_logger.addFilter(lambda record: record.levelno > logging.DEBUG)

_AUTH_STATUS: Final = (401, 403)
_PIECE_BYTES: Final = 2048
"""Parsed at once: a thousand empty frames, or, compressed, two megabytes."""
_FRAMES_PER_LOOK: Final = 8
"""Messages after which the clock is checked, however small they are."""
_DATA: Final = (int(Opcode.BINARY), int(Opcode.TEXT), int(Opcode.CONT))
_PONG: Final = int(Opcode.PONG)


@dataclass(slots=True)
class TransportCounters:
    """Totals since the client was made.

    Attributes:
        wire_bytes: bytes read from the socket, before inflation (without TLS and TCP).
        inflated_bytes: bytes of the messages after inflation.
        messages: data messages.
    """

    wire_bytes: int = 0
    inflated_bytes: int = 0
    messages: int = 0


class _Connect(connect):
    """Does not follow redirects: they could carry the token to another server. Upbit sends none."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Connection(ClientConnection):
    """A connection that passes on each whole message at once instead of queueing it.

    The bytes of a single socket read are processed in slices, so that a burst never blocks the loop: the
    clock is checked after a few frames, and after a few bytes of them. Reading pauses while frames wait.
    Frames that arrive in the packet of the handshake wait for `announce`.
    """

    def __init__(self, *args: Any, client: NativeWebSocketClient, epoch: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client = client
        self._client_epoch = epoch
        self._hand_over = functools.partial(client._notify_message, epoch)
        self._fragments: list[bytes] = []
        self._unread = b""
        self._frames: deque[Frame] = deque()
        """Parsed, and not yet passed on."""
        self._has_ended = False
        self._lost: tuple[Exception | None] | None = None
        """The end of the connection, for when everything before it was passed on."""
        self.announced = False
        self.muted = False

    def announce(self) -> None:
        """The client has registered this connection: pass on what was received, and from now on at once."""
        self.announced = True
        self._client._notify(self._client._on_opened, self._client_epoch)
        if self._is_behind:
            self._read_on()

    def mute(self) -> None:
        """Stop notifying the client; only the close handshake continues."""
        if not self.muted:
            self.muted = True
            if self._is_behind and not self.announced:
                self.loop.call_soon(self._read_on)

    # --- from the socket ---------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._client.counters.wire_bytes += len(data)
        if self._is_behind:
            self._unread += data
        else:
            self._read(data)

    def eof_received(self) -> None:
        if self._is_behind:
            self._has_ended = True
        else:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_behind:
            self._lost = (exc,)
        else:
            super().connection_lost(exc)

    @property
    def _is_behind(self) -> bool:
        """Whether a slice left something over."""
        return bool(self._unread or self._frames)

    def _read(self, data: bytes) -> None:
        """Process bytes until the time of a slice is over; the rest waits for the next turn of the loop."""
        clock = self._client._slice_clock
        deadline = clock() + self._client._slice_s
        at, frames = 0, self._frames
        while True:
            taken = 0
            while frames and (self.announced or self.muted):
                self._process(frames.popleft())
                taken += 1
                if not taken % _FRAMES_PER_LOOK and frames and clock() > deadline:
                    break
            if at >= len(data) and not frames:
                return
            if frames or (at and clock() > deadline):
                break
            super().data_received(data[at : at + _PIECE_BYTES])
            at += _PIECE_BYTES
        self._unread = data[at:]
        self.transport.pause_reading()
        if self.announced or self.muted:
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        unread, self._unread = self._unread, b""
        self._read(unread)
        if self._is_behind:
            return
        self.transport.resume_reading()
        if self._has_ended:
            self._has_ended = False
            super().eof_received()
        if self._lost is not None:
            (exc,), self._lost = self._lost, None
            super().connection_lost(exc)

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame):
            self._frames.append(event)
        else:
            super().process_event(event)

    def _process(self, event: Frame) -> None:
        if event.opcode in _DATA:
            self._take(event)
        elif event.opcode == _PONG:
            if not self.muted:
                self._client._notify(self._client._on_pong, self._client_epoch)
        else:
            super().process_event(event)

    def _take(self, frame: Frame) -> None:
        data = bytes(frame.data)
        if not frame.fin or self._fragments:
            # The protocol has checked the order of fragments and the total size.
            if data or not self._fragments:  # empty ones have no size, and there may be millions
                self._fragments.append(data)
            if not frame.fin:
                return
            data = b"".join(self._fragments)
            self._fragments.clear()
        counters = self._client.counters
        counters.messages += 1
        counters.inflated_bytes += len(data)
        if not self.muted:
            self._hand_over(data)


class NativeWebSocketClient:
    """Opens, writes to and closes sockets; each has an epoch. One at a time, two during a renewal.

    Callbacks run on the event loop; what one raises goes to the loop's exception handler. None is
    called for a closed epoch:

    * ``on_opened(epoch)``: the handshake is done; the first callback of the epoch;
    * ``on_message(data, epoch)``: one whole message, UTF-8, text and binary alike;
    * ``on_pong(epoch)``: a pong was received;
    * ``on_lost(epoch, error)``: the socket could not be opened, or is gone; the last callback.

    `slice_clock` measures how long a burst is processed before the loop gets its turn, in seconds.
    """

    def __init__(
        self,
        config: WebSocketConfig,
        *,
        on_opened: Callable[[int], None],
        on_message: Callable[[bytes, int], None],
        on_pong: Callable[[int], None],
        on_lost: Callable[[int, QtUpbitError], None],
        slice_clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._config = config
        self._network = Network(config)
        self._on_opened = on_opened
        self._on_message = on_message
        self._on_pong = on_pong
        self._on_lost = on_lost
        self._slice_clock = slice_clock
        self._slice_s = config.slice_ms / 1000
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._connections: dict[int, _Connection] = {}
        self.counters = TransportCounters()

    @property
    def open_sockets(self) -> int:
        """Number of sockets whose handshake is done and that are not being closed."""
        return sum(connection.announced and not connection.muted for connection in self._connections.values())

    def open(self, url: str, headers: Mapping[str, str], epoch: int) -> None:
        """Start connecting; `headers` may contain a token and is not stored. Needs a running loop."""
        task = asyncio.get_running_loop().create_task(
            self._run(url, SecretHeaders(headers), epoch), name=f"qt_upbit socket {epoch}"
        )
        self._tasks[epoch] = task
        task.add_done_callback(lambda _: self._tasks.pop(epoch, None))

    def send(self, text: str, epoch: int) -> None:
        """Send one text frame at once; a socket that is closing ignores it."""
        connection = self._open_connection(epoch)
        if connection is not None:
            connection.protocol.send_text(text.encode())
            connection.send_data()

    def ping(self, epoch: int) -> None:
        """Send one ping frame at once."""
        connection = self._open_connection(epoch)
        if connection is not None:
            connection.protocol.send_ping(b"qt")
            connection.send_data()

    def close(self, epoch: int) -> None:
        """Close the socket of an epoch in the background; `aclose` waits for it. Idempotent."""
        connection = self._connections.pop(epoch, None)
        if connection is not None:
            connection.mute()
        task = self._tasks.get(epoch)
        # Cancelled only once: a second cancel would cut the close handshake short.
        if task is not None and not task.done() and not task.cancelling():
            task.cancel()

    def close_all(self) -> None:
        """Close every socket in the background."""
        for epoch in tuple(self._tasks):
            self.close(epoch)

    async def aclose(self) -> None:
        """Close everything and wait until it is closed, `close_timeout_s` at most."""
        tasks = tuple(self._tasks.values())
        self.close_all()
        if tasks:
            await asyncio.wait(tasks)

    def _open_connection(self, epoch: int) -> _Connection | None:
        connection = self._connections.get(epoch)
        return connection if connection is not None and connection.protocol.state is State.OPEN else None

    def _notify(self, callback: Callable[..., None], *args: Any) -> None:
        try:
            callback(*args)
        except Exception as exc:  # one message must not cost the connection
            _report(exc)

    def _notify_message(self, epoch: int, data: bytes) -> None:
        """As `_notify`, for every message."""
        try:
            self._on_message(data, epoch)
        except Exception as exc:  # as above
            _report(exc)

    async def _run(self, url: str, headers: SecretHeaders, epoch: int) -> None:
        try:
            connection = await self._connect(url, headers, epoch)
        except Exception as exc:  # whatever it is, the epoch is lost and its owner is notified
            self._connections.pop(epoch, None)
            error = self._translate(exc, url, authorized="Authorization" in headers)
            self._notify(self._on_lost, epoch, error)
            return
        finally:
            headers.clear()
        try:
            connection.announce()
            await connection.wait_closed()
        except asyncio.CancelledError:
            await _close(connection, self._config.close_timeout_s)
            raise
        finally:
            self._connections.pop(epoch, None)
        self._notify(self._on_lost, epoch, _why_closed(connection))

    async def _connect(self, url: str, headers: SecretHeaders, epoch: int) -> _Connection:
        config = self._config
        parts = urlsplit(url)
        host, is_secure = parts.hostname or "", parts.scheme == "wss"
        port = parts.port if parts.port is not None else (443 if is_secure else 80)

        def create(*args: Any, **kwargs: Any) -> _Connection:
            connection = _Connection(*args, client=self, epoch=epoch, **kwargs)
            self._connections[epoch] = connection
            return connection

        progress = Progress()
        try:
            async with asyncio.timeout(config.connect_timeout_s):
                tls: dict[str, Any] = {}
                if is_secure:
                    progress.stage = "the certificates to trust are being read"
                    tls = {"ssl": await self._network.tls_context(), "server_hostname": host}
                sock = await self._network.open_socket(host, port, is_secure=is_secure, progress=progress)
                try:
                    connection = await _Connect(
                        url,
                        sock=sock,
                        **tls,
                        # No Origin header: it would limit us to one request in ten seconds (protocol
                        # section 6.1).
                        origin=None,
                        additional_headers=headers,
                        user_agent_header=config.user_agent,
                        compression="deflate" if config.compression else None,
                        open_timeout=None,
                        close_timeout=config.close_timeout_s,
                        # Keepalive is decided by protocol/connection.py.
                        ping_interval=None,
                        max_size=config.max_message_bytes,
                        proxy=None,
                        logger=_logger,
                        create_connection=create,  # type: ignore[arg-type]  # any callable that makes one
                    )
                except BaseException:
                    discard(sock)
                    raise
        except TimeoutError as exc:
            if str(exc):  # the system's own
                raise
            raise TimeoutError(progress.timed_out) from None
        assert isinstance(connection, _Connection)  # noqa: S101  # made by `create`
        return connection

    def _translate(self, exc: Exception, url: str, *, authorized: bool) -> QtUpbitError:
        """A foreign exception of the handshake as one of ours, without anything that we sent."""
        if isinstance(exc, ConfigError):
            return exc
        if isinstance(exc, InvalidStatus):
            status = exc.response.status_code
            if authorized and status in _AUTH_STATUS:
                return AuthenticationError(_error_name(exc.response.body), status)
            retry_after = exc.response.headers.get("Retry-After", "")
            seconds = float(retry_after) if retry_after.isdecimal() else None
            return ConnectionFailedError("the handshake was refused", status, seconds)
        if isinstance(exc, OSError):
            return ConnectionFailedError(self._network.describe(exc, urlsplit(url).hostname or ""))
        return ConnectionFailedError(f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__)


def _report(error: Exception) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": "a callback of the websocket client raised", "exception": error}
    )


async def _close(socket: ClientConnection, timeout_s: float) -> None:
    """Close gracefully, then abort: an unresponsive peer must not delay the program's exit."""
    try:
        async with asyncio.timeout(timeout_s):
            await socket.close()
    except (TimeoutError, OSError, ConnectionClosed):
        pass
    finally:
        with contextlib.suppress(OSError):
            socket.transport.abort()


def _why_closed(connection: ClientConnection) -> ConnectionFailedError:
    protocol = connection.protocol
    if protocol.close_rcvd is not None:
        close, side = protocol.close_rcvd, "closed by the server"
    elif protocol.close_sent is not None:
        # A message above the size limit, or a protocol violation.
        close, side = protocol.close_sent, "closed by us"
    else:
        return ConnectionFailedError("connection cut without a close frame")
    reason = f": {close.reason}" if close.reason else ""
    return ConnectionFailedError(f"{side} with code {close.code}{reason}")


def _error_name(body: bytes | bytearray | None) -> str:
    """Upbit's error name in the body of a refused handshake, if there is one."""
    try:
        error = msgspec.json.decode(bytes(body or b"")).get("error", {})
        return str(error.get("name", ""))[:64]
    except (msgspec.MsgspecError, AttributeError, UnicodeDecodeError):
        return ""
