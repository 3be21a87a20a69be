"""`EventReader`: the events of a subscription for ``async for``."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

from qt_upbit.exceptions import QtUpbitError
from qt_upbit.types import BaseWebSocketEvent, Delivery

__all__ = ["EventReader", "Source"]

_E = TypeVar("_E")
_EARLY: int = 1000
"""Events kept for an ``async for`` that follows ``async with``, should it follow."""


class Source(Protocol):
    """What a reader needs of its subscription."""

    delivery: Delivery
    is_closed: bool

    @property
    def refusal(self) -> QtUpbitError | None:
        """Why the exchange refused every stream of it; None otherwise."""

    def add_waiter(self, waiter: Callable[[], object]) -> None:
        """Have `waiter` called when it is closed or refused."""

    def remove_waiter(self, waiter: Callable[[], object]) -> None:
        """Call it no more."""


class EventReader(AsyncIterator[_E], Generic[_E]):
    """Events, in order, as the subscription delivers them; under BATCH tuples.

    What is not read in time waits here. Under LATEST a newer event takes the place of the one it would have
    replaced; otherwise the oldest is dropped once `max_buffered` wait, and counted.

    Args:
        source: the subscription; iteration ends with it, and raises if the exchange refuses it.
        max_buffered: events, or batches, that may wait.
    """

    def __init__(self, source: Source, max_buffered: int) -> None:
        self._source = source
        self._max_buffered = max_buffered
        self._is_read = False
        self._buffer: OrderedDict[Hashable, Any] = OrderedDict()
        self._lost = 0
        self._gaps = 0
        self._waiter: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Somebody reads from now on: what waits is no longer kept on suspicion only."""
        self._is_read = True

    def put(self, value: object) -> None:
        """Store an event, a batch, or a gap, which keeps its place: later events stay behind it."""
        is_event = isinstance(value, BaseWebSocketEvent)
        if not is_event and not isinstance(value, tuple):
            self._gaps += 1
        is_latest = is_event and self._source.delivery is Delivery.LATEST
        key: Hashable = (self._gaps, *_conflation_key(value)) if is_latest else object()
        if key not in self._buffer:
            limit = self._max_buffered if self._is_read else min(_EARLY, self._max_buffered)
            if len(self._buffer) >= limit:
                _, dropped = self._buffer.popitem(last=False)
                self._lost += len(dropped) if isinstance(dropped, tuple) else 1
        self._buffer[key] = value
        self._wake()

    def take_lost(self) -> int:
        """Events dropped since the last call; 0 until somebody reads."""
        if not self._is_read:
            return 0
        lost, self._lost = self._lost, 0
        return lost

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __anext__(self) -> _E:
        if self._waiter is not None:
            raise RuntimeError(
                "another task reads these events: iterate over the subscription in each of them"
            )
        while True:
            if self._source.is_closed:
                self._buffer.clear()
                raise StopAsyncIteration
            if self._buffer:
                _, value = self._buffer.popitem(last=False)
                event: _E = value
                return event
            if (refusal := self._source.refusal) is not None:
                # Raised in several tasks, it must not accumulate the frames of all of them.
                raise refusal.with_traceback(None)
            self._waiter = asyncio.get_running_loop().create_future()
            self._source.add_waiter(self._wake)
            try:
                await self._waiter
            finally:
                self._source.remove_waiter(self._wake)
                self._waiter = None


def _conflation_key(event: Any) -> tuple[Hashable, ...]:
    """Which waiting event this one replaces, as in the buffer of the subscriber."""
    return event.stream_key, *(getattr(event, name) for name in event.spec.conflation_fields)
