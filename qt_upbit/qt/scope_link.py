"""`ScopeLink`: connects one scope's rules to its socket."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

from qt_upbit.config import SecretHeaders, WebSocketConfig
from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import (
    ConnectionFailedError,
    DecodeError,
    QtUpbitError,
)
from qt_upbit.frame_scan import Head
from qt_upbit.protocol.connection import (
    Action,
    CloseSocket,
    ConnectionEvent,
    ErrorReported,
    FramesReleased,
    OpenSocket,
    RenewalFailed,
    SendPing,
    SendText,
    TokenRenewed,
    UpbitConnection,
)
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.token_schedule import TokenSchedule
from qt_upbit.qt.loop_check import NO_LOOP, tell_if_no_loop_runs
from qt_upbit.routing.data_routing_engine import DataRoutingEngine
from qt_upbit.transport.native_websocket_client import NativeWebSocketClient
from qt_upbit.types import Scope
from qt_upbit.types.tolerant_reading import work

__all__ = ["ScopeLink"]

_BAD_OBJECTS: Final = 50
"""Objects of one message that cannot be decoded, after which the rest of it is dropped."""
_ODD_FIELDS: Final = 60_000
"""Fields of one message that are read one by one: of an odd ticker for each of the 855 pairs."""
_log: Final = logger_of("connection")
_NO_LOOP_RETRY_MS = 20
_NO_LOOP_TIMEOUT_S = 2.0


class ScopeLink(QObject):
    """The I/O driver of one scope's rules: feeds them inputs, and executes their actions.

    All decisions are made elsewhere, without Qt or sockets: `UpbitConnection` decides when to connect,
    request, ping and give up, `TokenSchedule` when to replace a token. The link passes them the time and the
    events of its `NativeWebSocketClient`; executes the actions that they return (open, close, send, ping);
    and runs at the earliest of their deadlines, by one timer. What the connection reports goes to the
    manager, and its frames to the `DataRoutingEngine`.

    A tick's journey begins here: `_on_message` is one synchronous call from the socket to the subscribers'
    buffers. The manager owns one link for each scope.

    Args:
        scope: whose connection.
        config: URLs and timeouts.
        connection: the rules of the connection.
        engine: gets its frames.
        jwt: makes the tokens for handshakes; None without keys.
        on_event: called with what the connection reports, in order.
        on_unreadable: called with errors of frames that cannot be routed.
        clock: seconds, monotonic.
        parent: owner.
    """

    def __init__(
        self,
        scope: Scope,
        config: WebSocketConfig,
        connection: UpbitConnection,
        engine: DataRoutingEngine,
        jwt: JWTManager | None,
        on_event: Callable[[Scope, ConnectionEvent], None],
        on_unreadable: Callable[[Scope, DecodeError], None],
        clock: Callable[[], float],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"qt_upbit {scope.value} link")
        self.scope = scope
        self.connection = connection
        self._config = config
        self._engine = engine
        self._tokens = TokenSchedule(jwt)
        self._on_event = on_event
        self._on_unreadable = on_unreadable
        self._clock = clock
        self._no_loop_since: float | None = None
        self.client = NativeWebSocketClient(
            config,
            on_opened=self._on_opened,
            on_message=self._on_message,
            on_pong=self._on_pong,
            on_lost=self._on_lost,
        )
        # A manager should be closed, not deleted; if it is deleted anyway, no socket may stay open.
        self.destroyed.connect(functools.partial(_close_sockets, weakref.ref(self.client)))
        self._deadline = QTimer(self)
        self._deadline.setObjectName(f"qt_upbit {scope.value} deadline")
        self._deadline.setSingleShot(True)
        self._deadline.setTimerType(Qt.TimerType.PreciseTimer)
        self._deadline.timeout.connect(self.tick)

    # --- from the manager --------------------------------------------------------------------------

    def subscriptions_changed(self) -> None:
        """The desired set of this scope may have changed."""
        self.connection.subscriptions_changed(self._clock())
        self._carry_out()

    def retry(self) -> None:
        """Reconnect at once."""
        self.connection.retry(self._clock())
        self._carry_out()

    def content_read(self, is_readable: bool) -> None:
        """An object of this scope could be decoded, or not."""
        self.connection.content_read(is_readable, self._clock())
        if self.connection.has_output:
            self._carry_out()

    def ask_for_list(self) -> bool:
        """Ask the server which streams it sends; False if there is no connection to ask."""
        asked = self.connection.ask_for_list(self._clock())
        self.tick()
        return asked

    def resumed(self) -> None:
        """The machine slept or the network changed: check soon whether the connection is alive."""
        self.connection.resumed(self._clock())
        self._carry_out()

    def network_returned(self) -> None:
        """The network is back, or is another one: connect at once, or check the connection."""
        self.connection.network_returned(self._clock())
        self._carry_out()

    def set_jwt(self, jwt: JWTManager | None) -> None:
        """Reconnect with other keys. The account may be another one, so the connections do not overlap."""
        self._tokens.replace_keys(jwt)
        self.connection.credentials_changed(self._clock())
        self._carry_out()

    def renew(self) -> bool:
        """Replace the connection by one with a new token, without interruption; whether it was started."""
        now = self._clock()
        begun = self.connection.renew(now)
        if begun:
            self._tokens.begun()
        else:
            self._tokens.not_begun(now)
        self._carry_out()
        return begun

    def tick(self) -> None:
        """Process the deadlines that are due."""
        now = self._clock()
        if self._tokens.is_due(now):
            self.renew()
        self.connection.tick(now)
        self._carry_out()

    async def aclose(self) -> None:
        """Close permanently and wait until the socket is closed."""
        self.connection.close()
        self._carry_out()
        self._deadline.stop()
        await self.client.aclose()

    # --- from the socket ---------------------------------------------------------------------------

    def _on_message(self, raw: bytes, epoch: int) -> None:
        now = self._clock()
        frames = self.connection.receive(raw, epoch, now)
        # A frame only postpones deadlines unless it causes actions, so the timer may fire once too early.
        if self.connection.has_output:
            self._carry_out()
        if frames:
            self._route_message(frames, now)

    def _route_message(self, frames: Sequence[tuple[Head, bytes]], now: float) -> None:
        bad, most_fields = 0, work.fields + _ODD_FIELDS
        for number, (head, data) in enumerate(frames, 1):
            bad += not self._route(head, data, now)
            is_too_much = bad >= _BAD_OBJECTS or work.fields > most_fields
            if is_too_much and (rest := len(frames) - number):
                why = "cannot be read" if bad >= _BAD_OBJECTS else "are not what Upbit documents"
                reason = f"{rest} more objects of a message were dropped: too many that {why}"
                self._on_event(self.scope, ErrorReported(DecodeError(reason, data), rest))
                return

    def _route(self, head: Head, data: bytes, now: float) -> bool:
        """Route one object; whether it could be read as far as it had to be."""
        try:
            self._engine.route(head, data, now)
        except DecodeError as exc:
            self._on_unreadable(self.scope, exc)
            return False
        return True

    def _on_opened(self, epoch: int) -> None:
        self.connection.opened(epoch, self._clock())
        self._carry_out()

    def _on_pong(self, epoch: int) -> None:
        self.connection.pong_received(epoch, self._clock())
        if self.connection.has_output:
            self._carry_out()

    def _on_lost(self, epoch: int, error: QtUpbitError) -> None:
        self.connection.lost(epoch, self._clock(), error)
        self._carry_out()

    # --- to the socket -----------------------------------------------------------------------------

    def _pass_on_events(self) -> None:
        for event in self.connection.take_events():
            match event:
                case FramesReleased(frames):
                    for head, data in frames:
                        self._route(head, data, self._clock())
                    continue
                case RenewalFailed(error):
                    self._tokens.failed(error, self._clock())
                case TokenRenewed():
                    self._tokens.succeeded()
            self._on_event(self.scope, event)

    def _carry_out(self) -> None:
        self._pass_on_events()
        for action in self.connection.take_actions():
            self._do(action)
        due = self.connection.next_deadline()
        deadline = self._tokens.due if due is None else min(due, self._tokens.due)
        if deadline == math.inf:
            self._deadline.stop()
        else:
            self._deadline.start(max(0, math.ceil((deadline - self._clock()) * 1000)))

    def _do(self, action: Action) -> None:
        match action:
            case OpenSocket(epoch):
                self._open(epoch)
            case CloseSocket(epoch):
                _log.debug("%s: socket %d is closed", self.scope.value, epoch)
                self.client.close(epoch)
            case SendText(text, epoch):
                # Never a token: those are in the headers of the handshake.
                _log.debug("%s: socket %d is sent %s", self.scope.value, epoch, text)
                self.client.send(text, epoch)
            case SendPing(epoch):
                self.client.ping(epoch)

    def _open(self, epoch: int) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._wait_for_loop(epoch)
            return
        self._no_loop_since = None
        if epoch != self.connection.epoch:
            return  # abandoned while it waited for the loop
        headers = self._tokens.headers(self._clock()) if self.scope.needs_auth else SecretHeaders()
        _log.debug(
            "%s: socket %d is opened to %s", self.scope.value, epoch, self._config.websocket_url(self.scope)
        )
        self.client.open(self._config.websocket_url(self.scope), headers, epoch)

    def _wait_for_loop(self, epoch: int) -> None:
        """Subscribing is allowed before the loop runs; Qt timers fire only once Qt's loop does.

        If they fire and there is still no asyncio loop, the application runs Qt without one.
        """
        if epoch != self.connection.epoch:
            return
        now = self._clock()
        if self._no_loop_since is None:
            self._no_loop_since = now
            tell_if_no_loop_runs()
        elif now - self._no_loop_since > _NO_LOOP_TIMEOUT_S:
            self._no_loop_since = None
            self.connection.lost(epoch, now, ConnectionFailedError(NO_LOOP))
            self._carry_out()
            return
        QTimer.singleShot(_NO_LOOP_RETRY_MS, self, lambda: self._open(epoch))


def _close_sockets(reference: weakref.ref[NativeWebSocketClient], *_: object) -> None:
    client = reference()  # a strong reference would keep the link alive through its callbacks
    if client is not None:
        # A stock qasync loop that was left without closing anything may be deleted already, and its sockets
        # end with the process.
        with contextlib.suppress(RuntimeError):
            client.close_all()
