"""`Renewal`: the second socket of a scope while its token is renewed, and what it has shown so far.

Make before break: the successor is opened and subscribed beside the old socket; its frames are held while
the old one goes on delivering. When the server has confirmed the successor's subscription, a ping is
sent on the old socket: with its pong everything that the old socket had to say has been heard. What
only the successor showed is told then, in its order, and the old socket is closed. Copies of what the old
one showed may still be under way on the successor; they end with the pong of a ping sent on it then.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Hashable
from typing import Final

from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head
from qt_upbit.models import decode
from qt_upbit.protocol import wire
from qt_upbit.protocol.timing import RollingWindowLimiter

__all__ = ["Renewal", "RenewalPhase"]

_NEVER: Final = float("inf")


class RenewalPhase(enum.Enum):
    """How far a renewal has come."""

    WAITING = enum.auto()
    """For the limit of connects to allow another."""
    OPENING = enum.auto()
    """The handshake is under way."""
    CONFIRMING = enum.auto()
    """Subscribed; the server's list of subscriptions is awaited."""
    DRAINING = enum.auto()
    """Confirmed; the old socket is heard out."""
    ECHOING = enum.auto()
    """It took over; copies of what the old socket showed may still come."""


class Renewal:
    """State of one renewal. Decides nothing: `UpbitConnection` does.

    Attributes:
        phase: how far it has come.
        epoch: of the successor; 0 while WAITING.
        due: when the phase ends by itself, seconds of a monotonic clock.
        opened_at: when the handshake was done.
        items: what was asked of the server on the successor.
        ticket: of the LIST_SUBSCRIPTIONS that confirms it.
        pongs_due: pongs to wait for; of the old socket while DRAINING, then of the successor.
        limiter: of the successor's messages; limits are per connection.
    """

    def __init__(self, limiter: RollingWindowLimiter, now: float) -> None:
        self.phase = RenewalPhase.WAITING
        self.epoch = 0
        self.due = now
        self.opened_at = 0.0
        self.items: tuple[wire.RequestItem, ...] = ()
        self.ticket = ""
        self.pongs_due = 0
        self.limiter = limiter
        self._held: list[tuple[Head, bytes]] = []
        self._shown: Counter[Hashable] = Counter()

    @property
    def is_confirmed(self) -> bool:
        """Whether the server streams to the successor all that it streams to the old socket."""
        return self.phase is RenewalPhase.DRAINING

    def next_phase(self, phase: RenewalPhase, due: float = _NEVER) -> None:
        """Go on to a phase."""
        self.phase = phase
        self.due = due

    def hold(self, head: Head, raw: bytes) -> None:
        """The successor showed an object."""
        self._held.append((head, raw))

    def note(self, head: Head, raw: bytes) -> None:
        """The old socket showed an object, which is delivered; the successor will repeat it."""
        if self.phase in (RenewalPhase.CONFIRMING, RenewalPhase.DRAINING):
            identity = _identity(head, raw)
            if identity is not None:
                self._shown[identity] += 1

    def take_missed(self) -> list[tuple[Head, bytes]]:
        """What the successor showed and the old socket did not, in order.

        By number and not by name: an event that really came twice on each socket is told twice.
        """
        held, self._held = self._held, []
        return [(head, raw) for head, raw in held if not self.is_copy(head, raw)]

    def is_copy(self, head: Head, raw: bytes) -> bool:
        """Whether an object of the successor was shown by the old socket; each counts once."""
        identity = _identity(head, raw)
        if identity is None or self._shown[identity] <= 0:
            return False
        self._shown[identity] -= 1
        return True


def _identity(head: Head, raw: bytes) -> Hashable | None:
    try:
        return decode(raw, head).identity
    except DecodeError:
        return None  # told as it is; whoever reads it reports it
