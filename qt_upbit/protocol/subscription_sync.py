"""`SubscriptionSync`: keeps what the server serves on one socket in line with what is wanted.

It sends requests when they are due and allowed, asks for the server's list, and looks out for what shows
that a request was accepted: first frames, and the list where no first frame will come.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import DecodeError, ServerError
from qt_upbit.frame_scan import Head
from qt_upbit.models import decode
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection_outputs import (
    ConnectionOutputs,
    ErrorReported,
    RequestSent,
    StreamsListed,
    StreamsLive,
    StreamsRefused,
    StreamsSilent,
)
from qt_upbit.protocol.message_sender import MessageSender
from qt_upbit.protocol.server_list import listed_streams
from qt_upbit.protocol.subscription_audit import SubscriptionAudit
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.types import Scope, StreamKey
from qt_upbit.types.registry import specs_of

__all__ = ["RefusalVerdict", "SubscriptionSync"]

_NEVER: Final = float("inf")
_CONFIRM_TIMEOUT_S: Final = 2.0
"""Without a LIST_SUBSCRIPTIONS reply, a request that is not refused in this time was accepted."""


class RefusalVerdict(enum.Enum):
    """What a refused message means for the connection."""

    EXPLAINED = enum.auto()
    """The next request will be another one."""
    UNEXPLAINED = enum.auto()
    """No request is to blame, and the same will be asked again."""
    EVERYTHING = enum.auto()
    """Whatever is asked is refused."""


class SubscriptionSync:
    """The requests of one connection, from what is wanted to what is served. Times are monotonic seconds.

    Args:
        scope: of the connection.
        config: limits, times and the wire format.
        subscriptions: what is wanted.
        new_ticket: makes the ticket of each message.
        outputs: of the connection.

    Attributes:
        audit: when the server's list is asked for.
        requests_sent: how many subscriptions were sent, on all sockets.
        deadline_moved: whether `due` may be earlier than it was; its reader resets it.
        has_snapshots: whether any type of the scope has a first snapshot.
    """

    def __init__(
        self,
        scope: Scope,
        config: WebSocketConfig,
        subscriptions: SubscriptionStateManager,
        new_ticket: Callable[[], str],
        outputs: ConnectionOutputs,
    ) -> None:
        self._scope = scope
        self._config = config
        self._subscriptions = subscriptions
        self._new_ticket = new_ticket
        self._outputs = outputs
        self.has_snapshots = any(spec.has_snapshot for spec in specs_of(scope))
        self.audit = SubscriptionAudit(config.audit_interval_s)
        self.awaited: Final = subscriptions.awaited_by_head(scope)
        """Streams of which a frame is news, by the head of their frames."""
        self.requests_sent = 0
        self.deadline_moved = False
        self.reset()

    def reset(self) -> None:
        """Another socket, or none."""
        self._messages = self.new_sender()
        self._answers: dict[StreamKey, str] = {}
        """Streams that were not served before a request, with its ticket: their next frame answers it."""
        self._send_at = _NEVER
        self._delayed_until = _NEVER
        """Equal to `_send_at` while only the limits keep the request back."""
        self._confirm_at = _NEVER
        self._silent_codes_from = 0.0
        """No code is called silent before: the program was blocked, and answers may wait to be read."""
        self.audit.reset()

    def new_sender(self) -> MessageSender:
        """What counts the messages of a new socket."""
        return MessageSender(self._config, self._new_ticket, self._outputs)

    def take_over(self, messages: MessageSender) -> None:
        """Another socket is in use, which was asked for the same already."""
        self._messages = messages
        self._answers.clear()
        self.audit.forget_question()

    def resumed(self, soon: float) -> None:
        """The program was blocked: nothing is to be concluded before `soon`."""
        self._silent_codes_from = soon
        if self._confirm_at != _NEVER:
            self._confirm_at = max(self._confirm_at, soon)

    # --- what is to be sent ------------------------------------------------------------------------

    def changed(self, now: float) -> None:
        """Something else may be wanted, and a socket is open."""
        if self._send_at != _NEVER:
            return
        if self._subscriptions.needs_request(self._scope):
            self._send_at = now + self._messages.coalesce_s(now)
        elif self._confirm_at == _NEVER and self._subscriptions.needs_confirmation(self._scope):
            # It is asked for already, and no frame will confirm it.
            self.audit.want(now)
            self._confirm_at = now + _CONFIRM_TIMEOUT_S

    def send_at(self, at: float) -> None:
        """Look then whether a request is needed."""
        self._send_at = at

    def cancel(self) -> None:
        """Nothing is wanted: send nothing more."""
        self._send_at = _NEVER

    def send_again(self, now: float) -> None:
        """Send the whole request once more, although nothing has changed."""
        self._subscriptions.resend(self._scope)
        self._send_at = now

    @property
    def is_send_due(self) -> bool:
        """Whether a request may go out soon."""
        return self._send_at != _NEVER

    # --- time --------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When to call what is due; infinity for never."""
        silent_at = self._subscriptions.next_silence(self._scope, self._config.silent_code_timeout_s)
        return min(
            self._send_at,
            self._confirm_at,
            self.audit.due,
            _NEVER if silent_at is None else max(silent_at, self._silent_codes_from),
        )

    def is_confirmed(self, now: float) -> bool:
        """Whether the last request was not refused in the time that it takes; said once."""
        return now >= self._confirm_at

    def send_if_due(self, epoch: int, now: float, *, is_only_list: bool) -> frozenset[StreamKey] | None:
        """Send the request if it is needed and allowed; returns the streams that run with it.

        Args:
            epoch: of the socket.
            now: the time.
            is_only_list: whether the list is the only sign of life that the connection waits for, if no first
                snapshot comes.
        """
        if now < self._send_at:
            return None
        if not self._subscriptions.needs_request(self._scope):
            self._send_at = _NEVER
            return None
        delay = self._messages.delay(now)
        if delay > 0:
            self._send_at = self._delayed_until = now + delay
            return None
        self._send_at = _NEVER
        before = self._subscriptions.running(self._scope)
        ticket = self._messages.request(self._subscriptions.request_items(self._scope), epoch, now)
        self._subscriptions.mark_sent(self._scope, now)
        self.requests_sent += 1
        running = self._subscriptions.running(self._scope)
        unanswered = running - before.difference(self._answers)
        self._answers = {key: self._answers.get(key, ticket) for key in unanswered}
        self._outputs.report(RequestSent(running))
        asks_list = (
            not self.has_snapshots
            or self._subscriptions.needs_confirmation(self._scope)
            or (is_only_list and not self._subscriptions.has_pending_snapshots(self._scope))
        )
        self.audit.request_sent(now, ask_now=asks_list)
        if asks_list:
            self._confirm_at = now + _CONFIRM_TIMEOUT_S
        return running

    def ask_if_due(self, epoch: int, now: float, *, is_wanted: bool) -> None:
        """Ask for the server's list if that is due and allowed."""
        if now < self.audit.due:
            return
        if not self.audit.is_understood or not is_wanted:
            self.audit.skip(now)
            return
        delay = self._messages.delay(now)
        if delay > 0 or self._send_at != _NEVER:
            self.audit.postpone(max(now + delay, self._send_at if self._send_at != _NEVER else now))
            return
        self.audit.asked(self._messages.ask_for_list(epoch, now), now)

    def report_silent_codes(self, now: float) -> None:
        """Name the codes whose first snapshot did not come in time."""
        if now < self._silent_codes_from:
            return
        timeout = self._config.silent_code_timeout_s
        silent = self._subscriptions.take_silent(self._scope, now, timeout)
        if silent:
            self._outputs.report(StreamsSilent(silent, timeout))

    # --- what comes --------------------------------------------------------------------------------

    def saw_awaited(self, head: Head, keys: Collection[StreamKey], raw: bytes, now: float) -> None:
        """An object came that may be of one of these streams."""
        try:
            event = decode(raw, head)
            rows = event.count_rows()
        except DecodeError:
            return  # reported by the reader of the frame; the stream still awaits a good one
        seen = event.stream_key
        if seen not in keys:
            return
        if ticket := self._answers.pop(seen, ""):
            self._answered(ticket, now)
        # A change says as much as a first snapshot. Books always have all rows, empty ones too (protocol
        # section 3.3): one with fewer than were asked for answers an earlier request.
        if self._subscriptions.mark_live(self._scope, seen, rows=rows):
            self._outputs.report(StreamsLive((seen,)))
        self._send_if_moved(now)

    def refused(self, error: ServerError, now: float) -> RefusalVerdict:
        """The server refused a message, and will close: a request, or the question for its list."""
        if self.audit.is_doubtful:
            self.audit.is_understood = False
            return RefusalVerdict.EXPLAINED
        self.audit.acquit()
        blame = self._subscriptions.blame(self._scope, now)
        if blame.owners:
            self._outputs.report(StreamsRefused(blame.keys, error, blame.owners))
        elif blame.is_everything:
            return RefusalVerdict.EVERYTHING
        elif not blame.is_searching:
            if not self.audit.is_asked:
                return RefusalVerdict.UNEXPLAINED
            self.audit.is_understood = False
        return RefusalVerdict.EXPLAINED

    def receive_list(self, frame: wire.SubscriptionsFrame, now: float) -> bool:
        """The server's list; whether it confirms the last request."""
        if not self.audit.take_answer(frame.ticket):
            return False
        self._answered(frame.ticket, now)
        listed = (key for entry in frame.result for key, _ in listed_streams(entry))
        self._outputs.report(StreamsListed(frozenset(listed)))
        missing, surplus = self._subscriptions.audit(self._scope, frame.result)
        differences = frozenset(missing | surplus)
        # If another request is about to go out, its own audit follows.
        if (
            self._send_at == _NEVER
            and self._subscriptions.is_wanted(self._scope)
            and self.audit.should_resend(differences)
        ):
            names = ", ".join(sorted(map(str, differences)))[:120]
            self._outputs.report(ErrorReported(ServerError("SUBSCRIPTION_MISMATCH", f"resent for {names}")))
            self.send_again(now)
            self.deadline_moved = True
            return False
        self.confirm(frame.result, now)
        return True

    def confirm(self, result: Iterable[Mapping[str, Any]] | None, now: float) -> None:
        """The last request was accepted: the server lists it, or at least did not refuse it in time."""
        self._confirm_at = _NEVER
        if live := self._subscriptions.confirm(self._scope, result):
            self._outputs.report(StreamsLive(tuple(live)))
        self._send_if_moved(now)

    def _answered(self, ticket: str, now: float) -> None:
        """A message has arrived, and those before it: what waits for its turn may be allowed sooner."""
        self._messages.answered(ticket, now)
        if self._send_at == self._delayed_until != _NEVER:
            self._send_at = self._delayed_until = now + self._messages.delay(now)
            self.deadline_moved = True

    def _send_if_moved(self, now: float) -> None:
        """Look whether what was received has made the request one too many, or one too few."""
        if self._subscriptions.take_released(self._scope) and self._send_at == _NEVER:
            self._send_at = now + self._messages.coalesce_s(now)
            self.deadline_moved = True
