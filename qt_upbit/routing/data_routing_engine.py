"""`DataRoutingEngine`: (type, code) → subscribers, one dictionary look-up per frame.

It also keeps the last value of each running stream, for subscribers that come late, and knows which
snapshots are news: a resent subscription repeats them for codes already live (protocol section 2.5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import Head
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Slot, Subscriber
from qt_upbit.types import (
    ALL_CODES,
    BaseWebSocketEvent,
    CodeRule,
    Delivery,
    EventType,
    Scope,
    StreamKey,
    event_type_of,
)

__all__ = ["DataRoutingEngine", "Target"]

_RECENT_IDS: Final = 64
"""Trades remembered per code, to recognise the one that a repeated snapshot shows again."""

_SPELLING_SLACK: Final = 16
"""``SNAPSHOT`` and ``REALTIME`` are equally long, but the same number can be spelled in two ways."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the frames of one stream go.

    Attributes:
        key: the stream; code `ALL_CODES` receives every code of the type.
        options: as in the wish; events that are not in its lists are not for this subscriber.
    """

    key: StreamKey
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(slots=True)
class _Route:
    """Everything about one (type, code)."""

    head: Head
    row: EventType
    targets: list[tuple[Subscriber, Target]] = field(default_factory=list)
    lazy_key: tuple[Head, tuple[Hashable, ...]] | None = None
    """Conflation key when frames may stay unread until the screen asks; None when they may not."""
    last: dict[tuple[Hashable, ...], Slot] = field(default_factory=dict)
    fresh: bool = False
    """Whether `last` was received on the present connection."""
    recent: deque[Any] = field(default_factory=lambda: deque(maxlen=_RECENT_IDS))


class DataRoutingEngine:
    """Routes frames to the hub's buffers and remembers last values. Pure: no socket, Qt or clock."""

    def __init__(self, hub: FanoutHub) -> None:
        self._hub = hub
        self._routes: dict[Head, _Route] = {}
        self._of_subscriber: dict[Hashable, tuple[Target, ...]] = {}
        self.events_routed = 0
        self.events_decoded = 0
        self.unrouted = 0
        self.repeated_snapshots = 0

    # --- who ---------------------------------------------------------------------------------------

    def attach(self, subscriber: Subscriber, targets: Iterable[Target]) -> None:
        """Send the frames of `targets` to a subscriber; a running stream's last value goes at once."""
        self._hub.add(subscriber)
        targets = tuple(dict.fromkeys(targets))
        self._of_subscriber[subscriber.key] = targets
        for target in targets:
            row = event_type_of(target.key.type)
            if row is None:
                raise ValueError(f"unknown type {target.key.type!r}")
            head = Head(target.key.type, target.key.code)
            route = self._routes.setdefault(head, _Route(head, row))
            deepest = max((other.depth for other, _ in route.targets), default=0)
            route.targets.append((subscriber, target))
            route.lazy_key = _lazy_key(route)
            slot = route.last.get(target.key.variant) if route.fresh else None
            # A book that was asked for with fewer rows is no answer to who wants more.
            if slot is not None and subscriber.wants_snapshot and subscriber.depth <= deepest:
                self._offer_last(subscriber, slot, target)

    def detach(self, key: Hashable) -> None:
        """Forget a subscriber; late frames of its codes are no longer delivered to it."""
        self._hub.remove(key)
        for target in self._of_subscriber.pop(key, ()):
            head = Head(target.key.type, target.key.code)
            route = self._routes[head]
            route.targets = [pair for pair in route.targets if pair[0].key != key]
            if route.targets:
                route.lazy_key = _lazy_key(route)
            else:
                # Its last value ages from here on: a later subscriber must get a new one.
                del self._routes[head]

    def last_event(self, key: StreamKey) -> BaseWebSocketEvent | None:
        """The last value of a stream that runs on the present connection; None if there is none."""
        route = self._routes.get(Head(key.type, key.code))
        slot = route.last.get(key.variant) if route is not None and route.fresh else None
        if slot is None:
            return None
        try:
            return slot.event()
        except DecodeError:
            return None

    # --- what --------------------------------------------------------------------------------------

    def route(self, head: Head, raw: bytes, now: float) -> None:
        """Deliver one object.

        Raises:
            DecodeError: it had to be read and is unreadable. Nothing was delivered.
        """
        route = self._routes.get(head)
        # stream_type stands at the end of a frame; a snapshot must be looked at.
        if route is not None and route.lazy_key is not None and raw.find(b"SNAPSHOT", -64) < 0:
            slot = Slot(head, raw, now)
            key = route.lazy_key
            route.last[key[1]] = slot
            route.fresh = True
            self.events_routed += 1
            offer = self._hub.offer
            for subscriber, _ in route.targets:
                offer(subscriber, slot, key)
            return
        self._route_decoded(head, route, raw, now)

    def _route_decoded(self, head: Head, route: _Route | None, raw: bytes, now: float) -> None:
        everything = self._routes.get(Head(head.type, ALL_CODES)) if head.code else None
        if route is None and everything is None:
            self.unrouted += 1
            return
        slot = Slot(head, raw, now)
        event = slot.event()
        self.events_decoded += 1
        self.events_routed += 1
        for one in (route, everything):
            if one is not None and not self._is_repetition(one, slot, event):
                self._deliver(one, slot, event)

    def _deliver(self, route: _Route, slot: Slot, event: BaseWebSocketEvent) -> None:
        row, variant = route.row, event.stream_key.variant
        route.last[variant] = slot
        route.fresh = True
        fields = tuple(getattr(event, name) for name in row.conflation_fields)
        key = (slot.head, variant, *fields)
        for subscriber, target in tuple(route.targets):
            if target.key.variant != variant:
                continue
            if event.is_snapshot and not subscriber.wants_snapshot:
                continue
            if target.options and not row.accepts(event, dict(target.options)):
                continue
            self._hub.offer(subscriber, slot, key)

    def _is_repetition(self, route: _Route, slot: Slot, event: BaseWebSocketEvent) -> bool:
        """Whether a snapshot shows nothing that was not delivered already."""
        row = route.row
        order = getattr(event, row.order_field)
        if row.order_is_identity:
            repeated = event.is_snapshot and order in route.recent
            if not repeated:
                route.recent.append(order)
        elif event.is_snapshot and route.fresh:
            last = route.last.get(event.stream_key.variant)
            # A book with more rows than the last one is news even at the same time.
            repeated = (
                last is not None
                and order <= getattr(last.event(), row.order_field)
                and len(slot.raw) <= len(last.raw) + _SPELLING_SLACK
            )
        else:
            repeated = False
        self.repeated_snapshots += repeated
        return repeated

    def _offer_last(self, subscriber: Subscriber, slot: Slot, target: Target) -> None:
        try:
            snapshot = slot.as_snapshot()
        except DecodeError:
            return  # reported when its own subscribers read it
        event = snapshot.event()
        row = event.row
        if target.options and not row.accepts(event, dict(target.options)):
            return
        fields = (getattr(event, name) for name in row.conflation_fields)
        self._hub.offer(subscriber, snapshot, (slot.head, target.key.variant, *fields))

    # --- gaps --------------------------------------------------------------------------------------

    def gap(self, scope: Scope, begin: float, end: float) -> None:
        """Tell every subscriber of a scope, in order with its data, that something may be missing.

        Values from before the gap are no longer given to late subscribers.
        """
        self.mark_stale(scope)
        codes: dict[Hashable, set[str]] = {}
        for head, route in self._routes.items():
            if route.row.scope is scope:
                for subscriber, _ in route.targets:
                    codes.setdefault(subscriber.key, set()).add(head.code)
        for subscriber in self._hub:
            if subscriber.key in codes:
                named = tuple(sorted(codes[subscriber.key] - {ALL_CODES}))
                self._hub.offer(subscriber, Gap(named, begin, end))

    def mark_stale(self, scope: Scope) -> None:
        """The connection of a scope is gone: last values are history."""
        for route in self._routes.values():
            if route.row.scope is scope:
                route.fresh = False


def _lazy_key(route: _Route) -> tuple[Head, tuple[Hashable, ...]] | None:
    """The conflation key of a route whose frames may stay unread until the screen asks.

    Only where every subscriber takes LATEST and the same variant, and neither conflation nor filters
    look at a field that only decoding shows.
    """
    variants = {target.key.variant for _, target in route.targets}
    if (
        route.row.conflation_fields
        or route.row.codes is CodeRule.OPTIONAL
        or len(variants) != 1
        or not all(s.delivery is Delivery.LATEST and not t.options for s, t in route.targets)
    ):
        return None
    return route.head, variants.pop()
