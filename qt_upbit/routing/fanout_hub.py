"""`FanoutHub`: one buffer per subscriber, with a delivery policy and counters.

The hub sits between the socket and the screen. `offer` is called by the receive path, once per
subscriber and event; `pop` by the frame clock. Nothing here knows Qt, a socket or a clock: the hub
calls `on_pending` once when a drained kind of delivery has something again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import Head, decode
from qt_upbit.types import BaseWebSocketEvent, Delivery, OrderbookEvent, StreamType

__all__ = ["FanoutHub", "Gap", "Slot", "Subscriber"]


class Slot:
    """One received object, decoded when somebody first reads it and never twice.

    Several subscribers share a slot. Under LATEST most slots are replaced before they are read, so
    the cost of decoding follows the screen, not the exchange.
    """

    __slots__ = ("_event", "head", "raw", "received_at")

    def __init__(
        self, head: Head, raw: bytes, received_at: float, event: BaseWebSocketEvent | None = None
    ) -> None:
        self.head = head
        self.raw = raw
        self.received_at = received_at
        self._event = event

    def event(self) -> BaseWebSocketEvent:
        """The event.

        Raises:
            DecodeError: the frame is not what the documentation says.
        """
        if self._event is None:
            self._event = decode(self.raw, self.head)
        return self._event

    def as_snapshot(self) -> Slot:
        """The same value, flagged as a first picture: what a late subscriber is given."""
        event = self.event()
        if event.is_snapshot:
            return self
        twin = _with_stream_type(event, StreamType.SNAPSHOT)
        return Slot(self.head, self.raw, self.received_at, twin)


def _with_stream_type(event: BaseWebSocketEvent, stream_type: StreamType) -> BaseWebSocketEvent:
    fields = {name: getattr(event, name) for name in type(event).__struct_fields__}
    fields["stream_type"] = stream_type
    return type(event)(**fields)


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two moments of the monotonic clock nothing was received; travels in order with the data."""

    codes: tuple[str, ...]
    begin: float
    end: float


Item = Slot | Gap


class Subscriber:
    """One receiver and what waits for it.

    Attributes:
        owner: name for messages.
        delivery: how events reach it.
        depth: cut order books to this many rows; 0 leaves them whole.
        wants_snapshot: whether first pictures are for it.
        lost: events dropped since `take_lost`, because more than `high_water_mark` were waiting.
        conflated: events replaced by newer ones before they were read, under LATEST. Not a loss.
    """

    __slots__ = (
        "_latest",
        "_queue",
        "conflated",
        "delivered",
        "delivery",
        "depth",
        "high_water_mark",
        "key",
        "lost",
        "owner",
        "paused",
        "wants_snapshot",
    )

    def __init__(
        self,
        key: Hashable,
        owner: str,
        delivery: Delivery,
        *,
        depth: int = 0,
        wants_snapshot: bool = True,
        high_water_mark: int = 100_000,
    ) -> None:
        self.key = key
        self.owner = owner
        self.delivery = delivery
        self.depth = depth
        self.wants_snapshot = wants_snapshot
        self.high_water_mark = high_water_mark
        self.paused = False
        self.lost = 0
        self.conflated = 0
        self.delivered = 0
        self._latest: dict[Hashable, Item] = {}
        self._queue: deque[Item] = deque()

    @property
    def waiting(self) -> int:
        """Events and gaps not yet read."""
        return len(self._latest) + len(self._queue)

    def put(self, item: Item, conflation_key: Hashable) -> bool:
        """Store an item; True if nothing had been waiting."""
        was_empty = not self._latest and not self._queue
        if self.delivery is Delivery.LATEST:
            if isinstance(item, Gap):
                # What was waiting is older than the gap, and what comes is newer: `_latest` keeps
                # insertion order, and a key updated after the gap moves behind it.
                self._latest[("gap", len(self._latest), item.begin)] = item
            else:
                if self._latest.pop(conflation_key, None) is not None:
                    self.conflated += 1
                self._latest[conflation_key] = item
        else:
            if len(self._queue) >= self.high_water_mark:
                # The newest is worth more than the oldest, and the number lost is told.
                self._queue.popleft()
                self.lost += 1
            self._queue.append(item)
        return was_empty

    def take(self) -> Item | None:
        """The next waiting item, removed; None when there is none."""
        if self._queue:
            return self._queue.popleft()
        if self._latest:
            key = next(iter(self._latest))
            return self._latest.pop(key)
        return None

    def take_lost(self) -> int:
        """Events lost since the last call."""
        lost, self.lost = self.lost, 0
        return lost

    def view(self, slot: Slot) -> BaseWebSocketEvent:
        """The event as this subscriber asked for it.

        Raises:
            DecodeError: the frame is unreadable.
        """
        event = slot.event()
        if self.depth and isinstance(event, OrderbookEvent):
            try:
                return event.truncated(self.depth)
            except ValueError as exc:
                raise DecodeError(str(exc), slot.raw) from exc
        return event


class FanoutHub:
    """All subscribers' buffers, and which of them have something waiting.

    Args:
        on_pending: called with the delivery when, after a drain, the first event of that kind waits;
            the frame clock arms itself then. LATEST and BATCH are told as LATEST: both wait for a frame.
    """

    def __init__(self, on_pending: Callable[[Delivery], None]) -> None:
        self._on_pending = on_pending
        self._subscribers: dict[Hashable, Subscriber] = {}
        # Insertion-ordered sets: who became dirty first is served first.
        self._pending: dict[Delivery, dict[Hashable, Subscriber]] = {d: {} for d in Delivery}

    def add(self, subscriber: Subscriber) -> None:
        """Register a subscriber under its key."""
        if subscriber.key in self._subscribers:
            raise ValueError(f"subscriber {subscriber.key!r} is registered already")
        self._subscribers[subscriber.key] = subscriber

    def remove(self, key: Hashable) -> None:
        """Forget a subscriber and what waits for it; unknown keys are ignored."""
        subscriber = self._subscribers.pop(key, None)
        if subscriber is not None:
            self._pending[subscriber.delivery].pop(key, None)

    def get(self, key: Hashable) -> Subscriber | None:
        """The subscriber registered under a key."""
        return self._subscribers.get(key)

    def __len__(self) -> int:
        return len(self._subscribers)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(tuple(self._subscribers.values()))

    def offer(self, subscriber: Subscriber, item: Item, conflation_key: Hashable = None) -> None:
        """Put an item into a subscriber's buffer."""
        if subscriber.put(item, conflation_key) and not subscriber.paused:
            self._mark(subscriber)

    def _mark(self, subscriber: Subscriber) -> None:
        if subscriber.key not in self._subscribers:
            return
        pending = self._pending[subscriber.delivery]
        first = not pending
        pending[subscriber.key] = subscriber
        if first:
            every = subscriber.delivery is Delivery.EVERY
            self._on_pending(Delivery.EVERY if every else Delivery.LATEST)

    def pause(self, key: Hashable, paused: bool) -> None:
        """Hold back, or resume, delivery to a subscriber; its buffer goes on filling."""
        subscriber = self._subscribers.get(key)
        if subscriber is None or subscriber.paused == paused:
            return
        subscriber.paused = paused
        if paused:
            self._pending[subscriber.delivery].pop(key, None)
        elif subscriber.waiting or subscriber.lost:
            self._mark(subscriber)

    def pop(self, delivery: Delivery) -> tuple[Subscriber, Item] | None:
        """The next item of a delivery with its subscriber, removed before it is handed out.

        Subscribers take turns only when one is empty: order within a subscriber is kept.
        """
        pending = self._pending[delivery]
        while pending:
            key = next(iter(pending))
            subscriber = pending[key]
            item = subscriber.take()
            if item is None:
                del pending[key]
                continue
            if not subscriber.waiting and not subscriber.lost:
                del pending[key]
            return subscriber, item
        return None

    def pop_batch(self) -> tuple[Subscriber, list[Item]] | None:
        """Everything waiting for the next BATCH subscriber, removed before it is handed out."""
        pending = self._pending[Delivery.BATCH]
        if not pending:
            return None
        key = next(iter(pending))
        subscriber = pending.pop(key)
        items: list[Item] = []
        while (item := subscriber.take()) is not None:
            items.append(item)
        return subscriber, items

    def has_pending(self, delivery: Delivery) -> bool:
        """Whether anything of a delivery waits."""
        return bool(self._pending[delivery])
