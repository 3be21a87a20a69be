"""`Renewal`: the second socket of a scope while its token is renewed.

Make before break: the successor is opened and subscribed beside the old socket; its frames are buffered while
the old one goes on delivering. When the server has confirmed the successor's subscription, a ping is
sent on the old socket: with its pong everything that the old socket had to say has been heard. What
only the successor showed is delivered then, in its order, and the old socket is closed. Copies of what the
old one showed may still be under way on the successor; they end with the pong of a ping sent on it then.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Hashable
from typing import Final

from qt_upbit.exceptions import ConnectionFailedError, DecodeError, QtUpbitError
from qt_upbit.frame_scan import Head
from qt_upbit.models import decode
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection_outputs import ConnectionOutputs, ErrorReported
from qt_upbit.protocol.message_sender import MessageSender
from qt_upbit.protocol.received import read_objects
from qt_upbit.protocol.refusals import error_of
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.types import Scope

__all__ = ["Renewal", "RenewalPhase", "RenewalStep"]

_NEVER: Final = float("inf")
_CONFIRM_TIMEOUT_S: Final = 10.0
"""What is not refused in this time is accepted. It is long, because the old socket goes on delivering: where
something is seconds behind, a successor must not become the only socket before it has been subscribed."""
_DRAIN_TIMEOUT_S: Final = 2.0
"""How long the last pong of the old socket is waited for; the successor has what it still has to say."""
_DEDUPLICATE_TIMEOUT_S: Final = 10.0
"""How long copies of what the old socket showed are looked for, where no pong of the successor ends it."""


class RenewalPhase(enum.Enum):
    """How far a renewal has come."""

    WAITING = enum.auto()
    """For the limit of connects to allow another."""
    OPENING = enum.auto()
    """The handshake is under way."""
    CONFIRMING = enum.auto()
    """Subscribed; the server's list of subscriptions is awaited."""
    DRAINING = enum.auto()
    """Confirmed; what the old socket still has to say is awaited."""
    DEDUPLICATING = enum.auto()
    """It took over; copies of what the old socket showed may still come."""


class RenewalStep(enum.Enum):
    """What the connection must do now."""

    CONNECT = enum.auto()
    """Open the successor as soon as the limits allow it; answer with `connecting` or `wait_until`."""
    DRAIN = enum.auto()
    """Ping the old socket; answer with `draining`."""
    TAKE_OVER = enum.auto()
    """The successor becomes the socket."""
    FAILED = enum.auto()
    """Drop the successor, and report `error`."""
    NOT_NEEDED = enum.auto()
    """Drop the successor: `error` says why, and is no fault."""
    OVER = enum.auto()
    """Forget this renewal."""


class Renewal:
    """One renewal: its phases, what it asked for, and the frames that it buffers.

    Report what happened; each call returns what the connection must do, if anything. The messages of the
    successor go to `outputs` directly.

    Args:
        scope: of the connection.
        subscriptions: what is wanted.
        messages: of the successor; limits are per connection.
        outputs: of the connection.
        now: the time.

    Attributes:
        epoch: of the successor; 0 while WAITING.
        due: when to call `on_tick`, seconds of a monotonic clock.
        opened_at: when the handshake was done.
        messages: of the successor.
        error: what it came to nothing for, once a step says so.
    """

    def __init__(
        self,
        scope: Scope,
        subscriptions: SubscriptionStateManager,
        messages: MessageSender,
        outputs: ConnectionOutputs,
        now: float,
    ) -> None:
        self._scope = scope
        self._subscriptions = subscriptions
        self._outputs = outputs
        self._phase = RenewalPhase.WAITING
        self._items: tuple[wire.RequestItem, ...] = ()
        self._ticket = ""
        self._pongs_due = 0
        self._buffered: list[tuple[Head, bytes]] = []
        self._shown: Counter[Hashable] = Counter()
        self.messages = messages
        self.epoch = 0
        self.due = now
        self.opened_at = 0.0
        self.error: QtUpbitError = ConnectionFailedError("not renewed")

    @property
    def phase(self) -> RenewalPhase:
        """How far it has come."""
        return self._phase

    @property
    def is_confirmed(self) -> bool:
        """Whether the server streams to the successor all that it streams to the old socket."""
        return self._phase is RenewalPhase.DRAINING

    @property
    def is_current(self) -> bool:
        """Whether the successor was asked for what is wanted now."""
        return self._items == self._subscriptions.request_items(self._scope)

    def is_successor(self, epoch: int) -> bool:
        """Whether this is the epoch of the successor, and it has not taken over yet."""
        return epoch == self.epoch and self._phase is not RenewalPhase.DEDUPLICATING

    # --- what happened -----------------------------------------------------------------------------

    def on_tick(self, now: float) -> RenewalStep | None:
        """A phase may end by itself."""
        if now < self.due:
            return None
        match self._phase:
            case RenewalPhase.WAITING:
                return RenewalStep.CONNECT
            case RenewalPhase.CONFIRMING:
                return self._confirmed(now)
            case RenewalPhase.DRAINING:
                return self._drained(now)
            case RenewalPhase.DEDUPLICATING:
                return RenewalStep.OVER
            case RenewalPhase.OPENING:
                return None  # the transport's own timeout ends it

    def wait_until(self, due: float) -> None:
        """The limits allow no connect before."""
        self.due = due

    def connecting(self, epoch: int) -> None:
        """The successor is being opened."""
        self.epoch = epoch
        self._enter(RenewalPhase.OPENING)

    def opened(self, now: float) -> RenewalStep | None:
        """The successor is open."""
        if self._phase is not RenewalPhase.OPENING:
            return None
        self.opened_at = now
        return self._subscribe(now)

    def failed(self, error: QtUpbitError) -> RenewalStep:
        """The successor could not be opened, is gone, or was refused."""
        self.error = error
        return RenewalStep.FAILED

    def receive(self, raw: bytes, now: float) -> RenewalStep | None:
        """A frame of the successor: data is buffered, an answer is looked at."""
        step = None
        for found in read_objects(raw):
            if isinstance(found, ErrorReported):
                self._outputs.report(found)
            elif isinstance(found, tuple):
                self._buffered.append(found)
            elif isinstance(found, wire.ErrorFrame):
                return self.failed(error_of(found))
            elif isinstance(found, wire.SubscriptionsFrame) and found.ticket == self._ticket:
                self.messages.answered(self._ticket, now)
                self._ticket = ""
                step = self._confirmed(now)
        return step

    def draining(self, pongs_due: int, now: float) -> None:
        """The old socket was pinged.

        Args:
            pongs_due: pongs of the old socket that are under way; the last one ends the draining.
            now: the time.
        """
        self._pongs_due = pongs_due
        self._enter(RenewalPhase.DRAINING, now + _DRAIN_TIMEOUT_S)

    def took_over(self, pongs_due: int, now: float) -> None:
        """The successor is the socket now, and was pinged."""
        self._pongs_due = pongs_due
        self._enter(RenewalPhase.DEDUPLICATING, now + _DEDUPLICATE_TIMEOUT_S)

    def pong_received(self, now: float) -> RenewalStep | None:
        """A pong of the connection's socket came: of the old one, and then of the successor."""
        if self._phase is RenewalPhase.DRAINING:
            self._pongs_due -= 1
            return self._drained(now) if self._pongs_due <= 0 else None
        if self._phase is RenewalPhase.DEDUPLICATING:
            self._pongs_due -= 1
            return RenewalStep.OVER if self._pongs_due <= 0 else None
        return None

    # --- frames ------------------------------------------------------------------------------------

    def is_duplicate(self, head: Head, raw: bytes) -> bool:
        """Whether an object of the connection's socket was delivered already.

        While the old socket is open, what it shows is remembered: the successor will repeat it.
        """
        if self._phase is RenewalPhase.DEDUPLICATING:
            return self._take_shown(head, raw)
        if self._phase in (RenewalPhase.CONFIRMING, RenewalPhase.DRAINING):
            identity = _identity(head, raw)
            if identity is not None:
                self._shown[identity] += 1
        return False

    def take_missed(self) -> list[tuple[Head, bytes]]:
        """What the successor showed and the old socket did not, in order.

        By number and not by name: an event that really came twice on each socket is delivered twice.
        """
        buffered, self._buffered = self._buffered, []
        return [(head, raw) for head, raw in buffered if not self._take_shown(head, raw)]

    def _take_shown(self, head: Head, raw: bytes) -> bool:
        identity = _identity(head, raw)
        if identity is None or self._shown[identity] <= 0:
            return False
        self._shown[identity] -= 1
        return True

    # --- phases ------------------------------------------------------------------------------------

    def _enter(self, phase: RenewalPhase, due: float = _NEVER) -> None:
        self._phase = phase
        self.due = due

    def _subscribe(self, now: float) -> RenewalStep | None:
        """Ask for what is wanted, and for the server's list, which confirms it."""
        if not self._subscriptions.is_wanted(self._scope):
            self.error = ConnectionFailedError("nothing is subscribed any more")
            return RenewalStep.NOT_NEEDED
        self._items = self._subscriptions.request_items(self._scope)
        self.messages.request(self._items, self.epoch, now)
        self._ticket = self.messages.ask_for_list(self.epoch, now)
        self._enter(RenewalPhase.CONFIRMING, now + _CONFIRM_TIMEOUT_S)
        return None

    def _confirmed(self, now: float) -> RenewalStep | None:
        """The successor gets everything, if what was asked for is still what is wanted."""
        return RenewalStep.DRAIN if self.is_current else self._subscribe_again(now)

    def _drained(self, now: float) -> RenewalStep | None:
        return RenewalStep.TAKE_OVER if self.is_current else self._subscribe_again(now)

    def _subscribe_again(self, now: float) -> RenewalStep | None:
        delay = self.messages.delay(now)
        if delay <= 0:
            return self._subscribe(now)
        self._enter(RenewalPhase.CONFIRMING, now + delay)
        return None


def _identity(head: Head, raw: bytes) -> Hashable | None:
    try:
        return decode(raw, head).identity
    except DecodeError:
        return None  # delivered as it is; its reader reports it
