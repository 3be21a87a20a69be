"""`SnapshotReader`: one event per stream, from the live stream or from the server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

from qt_upbit.exceptions import ProxyClosedError, QtUpbitError, SubscriptionError
from qt_upbit.protocol.subscription_state_manager import StreamRequest
from qt_upbit.qt.subscription import named
from qt_upbit.qt.subscription_registry import SubscriptionRegistry
from qt_upbit.qt.waiting import limited
from qt_upbit.routing.data_routing_engine import DataRoutingEngine
from qt_upbit.types import BaseWebSocketEvent, OrderbookEvent, Scope, StreamKey

__all__ = ["PendingSnapshot", "SnapshotReader"]

_ids = itertools.count(-1, -1)
"""Negative: subscription ids are positive."""


class PendingSnapshot:
    """Collects one event per stream for a waiting coroutine.

    Args:
        owner_id: id of the requesting proxy.
        keys: the streams.
        future: resolves to the events by stream, or fails with the error.
    """

    def __init__(
        self,
        owner_id: int,
        keys: Iterable[StreamKey],
        future: asyncio.Future[dict[StreamKey, BaseWebSocketEvent]],
    ) -> None:
        self.owner_id = owner_id
        self._missing = set(keys)
        self._found: dict[StreamKey, BaseWebSocketEvent] = {}
        self._future = future

    @property
    def missing(self) -> list[StreamKey]:
        """The streams without an event so far, sorted."""
        return sorted(self._missing, key=lambda key: key[:2])

    def take(self, events: Iterable[BaseWebSocketEvent]) -> None:
        """Accept events."""
        for event in events:
            key = event.stream_key
            if key in self._missing:
                self._missing.discard(key)
                self._found[key] = event
        if not self._missing and not self._future.done():
            self._future.set_result(self._found)

    def fail(self, error: QtUpbitError) -> None:
        """Fail the snapshot; the first error counts."""
        if not self._future.done():
            self._future.set_exception(error)

    def mark_live(self, keys: Iterable[StreamKey]) -> None:
        """Ignored: only the event itself counts."""

    def mark_silent(self, keys: Collection[StreamKey], waited_s: float) -> None:
        """Streams had no frame for `waited_s`."""
        key = next(iter(keys))
        self.fail(SubscriptionError(key.type, (key.code for key in keys), waited_s))

    def mark_refused(self, keys: Iterable[StreamKey], refusal: QtUpbitError) -> None:
        """The server refused these streams."""
        self.fail(refusal)

    def mark_retried(self) -> None:
        """Ignored: a refusal has already failed the snapshot."""

    def close(self) -> None:
        """The proxy or the manager was closed."""
        self.fail(ProxyClosedError("the proxy or its manager was closed while a snapshot was awaited"))


class SnapshotReader:
    """Reads snapshots for proxies, which use `GlobalWebSocketManager.snapshots`.

    Args:
        registry: requests what is not streamed from the server.
        engine: has the last events of the live streams.
        is_live: whether a scope's last events are current.
        last_error: why a scope is not connected; None if it is, or if that is not known.
    """

    def __init__(
        self,
        registry: SubscriptionRegistry,
        engine: DataRoutingEngine,
        is_live: Callable[[Scope], bool],
        last_error: Callable[[Scope], QtUpbitError | None],
    ) -> None:
        self._registry = registry
        self._engine = engine
        self._is_live = is_live
        self._last_error = last_error
        self._pending: dict[Hashable, PendingSnapshot] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def pending(self, requester_id: Hashable) -> PendingSnapshot | None:
        """An awaited snapshot, by its id."""
        return self._pending.get(requester_id)

    async def read(
        self, owner_id: int, name: str, requests: Sequence[StreamRequest], timeout_s: float
    ) -> dict[StreamKey, BaseWebSocketEvent]:
        """One event per request: the last event of a live stream, the rest from the server.

        Args:
            owner_id: id of the requesting proxy; closing it fails the snapshot.
            name: name of the proxy, for messages.
            requests: all of one scope.
            timeout_s: how long to wait for the server; `math.inf` for no limit.

        Raises:
            WaitTimeoutError: the server did not answer in time.
            SubscriptionError: codes that never delivered, by name.
            ProxyClosedError: the proxy or the manager was closed meanwhile.
            QtUpbitError: the server refused.
        """
        found: dict[StreamKey, BaseWebSocketEvent] = {}
        missing: list[StreamRequest] = []
        for request in requests:
            last = self._last_event(request)
            if last is None:
                missing.append(request)
            else:
                found[request.key] = last
        if not missing:
            return found
        requester_id = next(_ids)
        future: asyncio.Future[dict[StreamKey, BaseWebSocketEvent]]
        future = asyncio.get_running_loop().create_future()
        pending = PendingSnapshot(owner_id, (request.key for request in missing), future)
        self._pending[requester_id] = pending
        try:
            self._registry.request_snapshot(requester_id, pending, f"{name} snapshot", missing)
            async with limited(
                timeout_s,
                lambda: f"the snapshot of {named(pending.missing)}",
                lambda: self._last_error(missing[0].spec.scope),
            ):
                return found | await future
        finally:
            del self._pending[requester_id]
            self._registry.remove(requester_id)

    def _last_event(self, request: StreamRequest) -> BaseWebSocketEvent | None:
        if not self._is_live(request.spec.scope):
            return None
        event = self._engine.last_event(request.key, request.depth)
        try:
            return event.truncated(request.depth) if isinstance(event, OrderbookEvent) else event
        except ValueError:
            return None  # unreadable rows, reported when the stream's subscribers read them
