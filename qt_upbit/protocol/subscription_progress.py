"""`SubscriptionProgress`: how far the streams of one subscription have come."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qt_upbit.exceptions import ProxyClosedError, QtUpbitError, SubscriptionError
from qt_upbit.types import StreamKey

__all__ = ["SubscriptionProgress"]


class SubscriptionProgress:
    """What is live, silent or refused of a subscription, and what waiting for it comes to.

    It is settled, and waiting callers are called back, when it is closed, when a stream was refused, or when
    every stream has shown its first frame or was given up as silent. It can become unsettled again: a
    refused connection is tried again, and what it brings counts then.

    Args:
        name: of the event type, for messages.
        keys: the streams, in the order asked.
    """

    def __init__(self, name: str, keys: Iterable[StreamKey]) -> None:
        self._name = name
        self._keys = tuple(keys)
        self._ours = frozenset(self._keys)
        self._awaited = set(self._keys)
        self._silent: set[StreamKey] = set()
        self._waited_s = 0.0
        self._refused: set[StreamKey] = set()
        self._refusal: QtUpbitError | None = None
        self._closed = False
        self._waiters: dict[Callable[[], object], None] = {}

    @property
    def is_live(self) -> bool:
        """Whether every stream has shown its first frame."""
        return not self._awaited and not self._closed

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, for good."""
        return self._closed

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to wait for now."""
        return self._closed or self._refusal is not None or self._awaited <= self._silent

    @property
    def awaited(self) -> frozenset[StreamKey]:
        """Streams that have not shown a frame, the silent and refused ones included."""
        return frozenset(self._awaited)

    @property
    def silent(self) -> frozenset[StreamKey]:
        """Streams that showed no frame in the time allowed."""
        return frozenset(self._silent)

    @property
    def refusal(self) -> QtUpbitError | None:
        """Why the server refused it; None if it did not, or if it is asked again since."""
        return self._refusal

    @property
    def is_all_refused(self) -> bool:
        """Whether no stream of it goes on, because the server refused every one."""
        return self._refused >= self._ours

    @property
    def failure(self) -> QtUpbitError | None:
        """What waiting for it raises, once it is settled; None if every stream is live."""
        if self._closed:
            return ProxyClosedError(f"the subscription to {self._name} was closed while it was awaited")
        if self._refusal is not None:
            return self._refusal
        if self._silent:
            codes = {str(key.code) for key in self._silent}
            return SubscriptionError(self._keys[0].type, codes, self._waited_s)
        return None

    # --- waiting -----------------------------------------------------------------------------------

    def add_waiter(self, waiter: Callable[[], object]) -> None:
        """Have `waiter` called with each change after which it is settled; not at once if it is already."""
        self._waiters[waiter] = None

    def remove_waiter(self, waiter: Callable[[], object]) -> None:
        """Call it no more."""
        self._waiters.pop(waiter, None)

    def _settle(self) -> None:
        if self.is_settled:
            for waiter in tuple(self._waiters):
                waiter()

    # --- what happens ------------------------------------------------------------------------------

    def mark_live(self, key: StreamKey) -> None:
        """A stream is served as it was requested: a frame has shown it, or the server says so."""
        self._awaited.discard(key)
        self._silent.discard(key)
        if key in self._refused:
            # Another code that is served says nothing of the one that was refused.
            self._forget_refusal()
        self._settle()

    def mark_silent(self, keys: Iterable[StreamKey], waited_s: float) -> frozenset[StreamKey]:
        """Streams showed no frame for so long; returns those of them that were still awaited."""
        ours = frozenset(self._awaited.intersection(keys))
        self._silent |= ours
        self._waited_s = waited_s
        self._settle()
        return ours

    def mark_refused(self, keys: Iterable[StreamKey], refusal: QtUpbitError) -> None:
        """The server refused the request of these streams, or the whole connection."""
        refused = self._ours.intersection(keys)
        self._refused |= refused
        self._awaited |= refused
        self._refusal = refusal
        self._settle()

    def mark_retried(self) -> None:
        """What was refused with its connection is asked for again; a new answer will come."""
        self._forget_refusal()

    def close(self) -> None:
        """The subscription has ended. Idempotent."""
        self._closed = True
        self._settle()

    def _forget_refusal(self) -> None:
        self._refused.clear()
        self._refusal = None
