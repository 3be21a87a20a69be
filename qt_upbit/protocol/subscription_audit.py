"""`SubscriptionAudit`: when the server is asked for its own list, and which answer counts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from qt_upbit.types import StreamKey

__all__ = ["SubscriptionAudit"]

_NEVER: Final = float("inf")
_AFTER_OTHERS_S: Final = 0.01
"""A question that had to wait goes out this long after what it waited for."""


class SubscriptionAudit:
    """LIST_SUBSCRIPTIONS of one socket: asked for in intervals, and whenever the answer is needed.

    The server handles messages in order, so an answer speaks of the request that was sent last before the
    question. It is no answer once another request has gone out.

    Args:
        interval_s: between questions while nothing changes; None for none.
    """

    def __init__(self, interval_s: float | None) -> None:
        self._interval_s = interval_s
        self.is_understood = True
        """Whether the server may be asked at all."""
        self._was_answered = False
        self._was_acquitted = False
        self.reset()

    def reset(self) -> None:
        """Another socket."""
        self._due = _NEVER
        self._ticket: str | None = None
        self._is_wanted = False
        """Whether a caller waits for the list, beside our own audit."""
        self._resent_for: AbstractSet[StreamKey] | None = None

    def forget_question(self) -> None:
        """An answer under way would speak of another set or another socket."""
        self._ticket = None

    @property
    def is_doubtful(self) -> bool:
        """Whether a refusal may be of the question: it is under way, and none was ever answered."""
        return self.is_asked and not self._was_answered and not self._was_acquitted

    @property
    def is_asked(self) -> bool:
        """Whether an answer is under way."""
        return self._ticket is not None and self.is_understood

    def acquit(self) -> None:
        """A refusal came without a question: an earlier one may not have been of the question either."""
        if not self.is_understood and not self._was_acquitted:
            self._was_acquitted = self.is_understood = True

    @property
    def due(self) -> float:
        """When to ask; infinity for never."""
        return self._due

    def request_sent(self, now: float, *, ask_now: bool) -> None:
        """A request went out: an answer under way speaks of the set before.

        Args:
            now: the time.
            ask_now: whether something is to be concluded from the list, so that it is asked for at once.
        """
        self._ticket = None
        self._due = now if ask_now or self._is_wanted else self._next_turn(now)

    def want(self, now: float) -> None:
        """A caller waits for the list."""
        self._is_wanted = True
        if self._ticket is None:
            self._due = now

    def postpone(self, until: float) -> None:
        """Limits do not allow a question now, or a request goes first."""
        self._due = until + _AFTER_OTHERS_S

    def skip(self, now: float) -> None:
        """There is nothing to ask this time."""
        self._due = self._next_turn(now)

    def asked(self, ticket: str, now: float) -> None:
        """The question is on its way."""
        self._ticket = ticket
        self._due = self._next_turn(now)

    def take_answer(self, ticket: str) -> bool:
        """Whether an answer is the one that is awaited."""
        if ticket != self._ticket:
            return False
        self._ticket = None
        self._is_wanted = False
        self._was_answered = True
        return True

    def should_resend(self, differences: AbstractSet[StreamKey]) -> bool:
        """Whether the set is to be sent again: once for the same difference.

        A server that insists is not argued with forever.
        """
        if not differences:
            self._resent_for = None
        elif differences != self._resent_for:
            self._resent_for = differences
            return True
        return False

    def _next_turn(self, now: float) -> float:
        return _NEVER if self._interval_s is None else now + self._interval_s
