"""`SubscriptionRegistry`: the subscriptions of all proxies, in the routing and in the desired set."""

from __future__ import annotations

import functools
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import QtUpbitError
from qt_upbit.protocol.subscription_state_manager import StreamRequest, SubscriptionStateManager
from qt_upbit.qt.subscription import SubscriptionOwner, SubscriptionRecord
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Subscriber
from qt_upbit.types import Delivery, Scope, StreamKey

__all__ = ["Requester", "SubscriptionRegistry"]

_log: Final = logger_of("subscription")


class Requester(Protocol):
    """Requests streams and is notified of their progress: a `SubscriptionRecord` or a `PendingSnapshot`."""

    @property
    def owner_id(self) -> int:
        """Id of its proxy."""

    def mark_live(self, keys: Iterable[StreamKey]) -> None:
        """Frames of these streams arrived, or the server lists them as active."""

    def mark_silent(self, keys: Collection[StreamKey], waited_s: float) -> None:
        """Streams had no frame for `waited_s`."""

    def mark_refused(self, keys: Iterable[StreamKey], refusal: QtUpbitError) -> None:
        """The server refused these streams."""

    def mark_retried(self) -> None:
        """Refused streams are requested again."""

    def close(self) -> None:
        """The proxy or the manager was closed."""


class _Registered(NamedTuple):
    find: Callable[[], Requester | None]
    owner_id: int
    scope: Scope


class _Owner:
    __slots__ = ("find", "ids", "name", "uses")

    def __init__(self, owner: SubscriptionOwner) -> None:
        self.find = weakref.ref(owner)
        self.name = owner.name
        self.ids: dict[Hashable, None] = {}
        """Ids of its subscriptions and snapshots, oldest first."""
        self.uses: Counter[Scope] = Counter()
        """Number of subscriptions by scope."""


class SubscriptionRegistry:
    """Proxies with their subscriptions and snapshots, by id. References them weakly.

    The cost of a call depends only on what it concerns, not on the total of proxies and subscriptions.

    Proxies use `GlobalWebSocketManager.registry`.

    Args:
        state: the desired set.
        engine: the routing of frames.
        hub: the buffers of the subscribers.
        high_water_mark: maximum buffered events per subscription.
        on_changed: called with the scopes whose desired set may have changed.
        on_detached: called with a removed subscriber.
    """

    def __init__(
        self,
        state: SubscriptionStateManager,
        engine: DataRoutingEngine,
        hub: FanoutHub,
        high_water_mark: int,
        on_changed: Callable[[Iterable[Scope]], None],
        on_detached: Callable[[Subscriber], None],
    ) -> None:
        self._state = state
        self._engine = engine
        self._hub = hub
        self._high_water_mark = high_water_mark
        self._on_changed = on_changed
        self._on_detached = on_detached
        self._owners: dict[int, _Owner] = {}
        # By id, which is also the subscriber's key in the hub.
        self._requesters: dict[Hashable, _Registered] = {}
        self._records: dict[Hashable, weakref.ref[SubscriptionRecord]] = {}

    # --- proxies -----------------------------------------------------------------------------------

    @property
    def owner_count(self) -> int:
        """Number of proxies."""
        return len(self._owners)

    def add_owner(self, owner: SubscriptionOwner) -> None:
        """Add a proxy; it must be removed when it is destroyed."""
        self._owners[owner.id] = _Owner(owner)

    def subscriptions_of(self, owner_id: int) -> int:
        """Number of open subscriptions and snapshots of a proxy."""
        entry = self._owners.get(owner_id)
        return 0 if entry is None else len(entry.ids)

    def name_of(self, owner_id: int) -> str:
        """Name of a proxy, for messages; empty once it is removed."""
        entry = self._owners.get(owner_id)
        return "" if entry is None else entry.name

    def remove_owner(self, owner_id: int) -> None:
        """Close everything of a proxy, and remove it. Idempotent."""
        entry = self._owners.get(owner_id)
        if entry is None:
            return
        for requester_id in tuple(entry.ids):
            self._end(requester_id)
        self._owners.pop(owner_id, None)

    def owners_of(self, scope: Scope) -> Iterator[SubscriptionOwner]:
        """The live proxies that use a scope, evaluated lazily: a slot may close others."""
        for entry in tuple(self._owners.values()):
            owner = entry.find()
            if owner is not None and entry.uses[scope] > 0 and not owner.is_closed:
                yield owner

    # --- subscriptions and snapshots ---------------------------------------------------------------

    @property
    def subscription_count(self) -> int:
        """Number of open subscriptions."""
        return len(self._records)

    def records(self) -> Iterator[SubscriptionRecord]:
        """The open subscriptions, oldest first."""
        for find in tuple(self._records.values()):
            if (record := find()) is not None:
                yield record

    def record(self, subscription_id: Hashable) -> SubscriptionRecord | None:
        """An open subscription by its id; None for anything else."""
        find = self._records.get(subscription_id)
        return find() if find is not None else None

    def subscribe(
        self, record: SubscriptionRecord, requests: Sequence[StreamRequest], *, paused: bool
    ) -> None:
        """Start a subscription: route its events, and send a request to the server if needed."""
        name = self.name_of(record.owner_id)
        _log.debug(
            "%s: subscribes to %s %s, %s", name, record.spec.name, _codes(record), record.delivery.value
        )
        self._records[record.id] = weakref.ref(record)
        self._owners[record.owner_id].uses[record.spec.scope] += 1
        self._add(record.id, _Registered(weakref.ref(record), record.owner_id, record.spec.scope))
        self._attach(record.id, name, record.delivery, requests)
        # Streams that are already served send no first frame.
        record.mark_live(request.key for request in requests if self._state.is_served(record.id, request.key))
        if paused:
            self._hub.pause(record.id, True)

    def request_snapshot(
        self, requester_id: int, requester: Requester, name: str, requests: Sequence[StreamRequest]
    ) -> None:
        """Request first snapshots from the server; `requester` is referenced until `remove`."""
        self._add(requester_id, _Registered(lambda: requester, requester.owner_id, requests[0].spec.scope))
        self._attach(requester_id, name, Delivery.EVERY, requests)

    def _add(self, requester_id: int, entry: _Registered) -> None:
        self._requesters[requester_id] = entry
        self._owners[entry.owner_id].ids[requester_id] = None

    def _attach(
        self, requester_id: int, name: str, delivery: Delivery, requests: Sequence[StreamRequest]
    ) -> None:
        first = requests[0]
        subscriber = Subscriber(
            requester_id, name, delivery,
            depth=first.depth,
            wants_snapshot=first.snapshot,
            wants_realtime=first.realtime,
            high_water_mark=self._high_water_mark,
        )  # fmt: skip
        unserved = self._engine.attach(subscriber, (Target(each.key, each.options) for each in requests))
        self._on_changed(self._state.add(requester_id, requests, unserved))

    def pause(self, subscription_id: int, paused: bool) -> None:
        """Pause or resume delivery, not the subscription itself."""
        self._hub.pause(subscription_id, paused)

    def remove(self, requester_id: Hashable) -> None:
        """Remove a closed subscription or snapshot. Idempotent."""
        entry = self._requesters.pop(requester_id, None)
        if entry is None:
            return
        owner = self._owners.get(entry.owner_id)
        if owner is not None:
            owner.ids.pop(requester_id, None)
        if self._records.pop(requester_id, None) is not None and owner is not None:
            _log.debug("%s: subscription %s ends", owner.name, requester_id)
            owner.uses[entry.scope] -= 1
        if (subscriber := self._hub.get(requester_id)) is not None:
            self._on_detached(subscriber)
        self._engine.detach(requester_id)
        self._on_changed(self._state.remove(requester_id))

    def _end(self, requester_id: Hashable) -> None:
        """Close and remove: a coroutine that awaits it must not wait forever."""
        entry = self._requesters.get(requester_id)
        if entry is not None and (requester := entry.find()) is not None:
            requester.close()
        self.remove(requester_id)

    def close(self) -> None:
        """Close everything of all proxies; nothing more is delivered."""
        self.closer()()
        for requester_id in tuple(self._requesters):
            self.remove(requester_id)

    def closer(self) -> Callable[..., None]:
        """A function that closes every subscription and snapshot, so that no coroutine waits forever.

        It references neither the registry nor its manager, and may outlive them; arguments are ignored.
        """
        return functools.partial(_close_all, self._requesters)

    # --- connection events -------------------------------------------------------------------------

    def mark_live(self, keys: Iterable[StreamKey]) -> None:
        """Frames of these streams arrived."""
        for requester_id, mine in self._concerned(keys).items():
            # What another requester is served does not answer a request for more, or a refused one.
            served = [key for key in mine if self._state.is_served(requester_id, key)]
            if served and (requester := self._find(requester_id)) is not None:
                requester.mark_live(served)

    def mark_silent(self, keys: Iterable[StreamKey], waited_s: float) -> None:
        """Streams had no frame for `waited_s`."""
        for requester_id, mine in self._concerned(keys).items():
            if (requester := self._find(requester_id)) is not None:
                requester.mark_silent(mine, waited_s)

    def mark_refused(
        self, keys: Iterable[StreamKey], refusal: QtUpbitError, owners: Collection[Hashable] | None = None
    ) -> None:
        """The server refused these streams, for all requesters or only for `owners`."""
        for requester_id, mine in self._concerned(keys).items():
            is_meant = owners is None or requester_id in owners
            if is_meant and (requester := self._find(requester_id)) is not None:
                requester.mark_refused(mine, refusal)

    def mark_retried(self, scope: Scope) -> None:
        """A scope that was REJECTED is connected again."""
        for requester_id in self._concerned(self._state.desired(scope)):
            if (requester := self._find(requester_id)) is not None:
                requester.mark_retried()

    def _find(self, requester_id: int) -> Requester | None:
        entry = self._requesters.get(requester_id)
        return entry.find() if entry is not None else None

    def _concerned(self, keys: Iterable[StreamKey]) -> dict[int, list[StreamKey]]:
        """The requested streams among `keys`, by requester id."""
        concerned: dict[int, list[StreamKey]] = {}
        for key in keys:
            for owner in self._state.owners_of(key):
                if isinstance(owner, int):
                    concerned.setdefault(owner, []).append(key)
        return concerned


def _close_all(requesters: Mapping[Hashable, _Registered], *_: object) -> None:
    for entry in tuple(requesters.values()):
        if (requester := entry.find()) is not None:
            requester.close()


def _codes(record: SubscriptionRecord) -> str:
    codes = [key.code or "*" for key in record.keys]
    return ",".join(codes[:10]) + (f" and {len(codes) - 10} more" if len(codes) > 10 else "")
