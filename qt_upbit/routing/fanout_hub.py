"""`FanoutHub`: one buffer per subscriber, with a delivery policy and counters.

The hub sits between the socket and the screen. `offer` is called by the receive path, once per
subscriber and event; the frame clock gives subscribers their `turn`. Nothing here knows Qt, a socket or
a clock: the hub calls `on_pending` once when a drained kind of delivery has something again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import msgspec

from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head
from qt_upbit.models import decode
from qt_upbit.types import BaseWebSocketEvent, Delivery, OddField, OrderbookEvent, StreamType

__all__ = ["FanoutHub", "Gap", "LazyFrame", "Subscriber", "with_stream_type"]


class LazyFrame(msgspec.Struct, eq=False):
    """One received object, decoded at its first reading and never twice.

    Several subscribers share a slot. Under LATEST most slots are replaced before they are read, so
    the cost of decoding follows the screen, not the exchange. One is made for every frame, hence a struct.

    Args:
        head: type and code.
        raw: the object's text.
        received_at: on the monotonic clock.
        _event: what it says, where that is known.
    """

    head: Head
    raw: bytes
    received_at: float
    _event: BaseWebSocketEvent | None = None
    _older: LazyFrame | None = None
    _rows: int = -1
    _is_odd_told: bool = False

    def replace(self, older: LazyFrame | None) -> None:
        """Take the place of the value before; it counts if it is unread and this one turns out unreadable."""
        if older is not None and older._event is None:
            self._older, older._older = older, None  # one is enough, and a chain would never end

    def event(self) -> BaseWebSocketEvent:
        """The event.

        Raises:
            DecodeError: the frame is not what the documentation says.
        """
        if self._event is None:
            self._event = decode(self.raw, self.head)
            self._older = None
        return self._event

    def take_odd_fields(self) -> tuple[OddField, ...]:
        """Fields that are not what Upbit documents, the first time that this is asked after `event`."""
        if self._event is None or not self._event.odd_fields or self._is_odd_told:
            return ()
        self._is_odd_told = True
        return self._event.odd_fields

    def rows_of(self, book: OrderbookEvent) -> int:
        """How many rows a book has that can be read; looked at once, however many subscribers there are.

        Raises:
            DecodeError: they cannot.
        """
        if self._rows < 0:
            self._rows = book.count_rows()
        return self._rows

    @property
    def older(self) -> LazyFrame | None:
        """The unread value that this one took the place of; to be asked for when `event` has failed."""
        return self._older

    def as_snapshot(self) -> LazyFrame:
        """The same value, flagged as a first snapshot: what a late subscriber is given."""
        event = self.event()
        if event.is_snapshot:
            return self
        twin = with_stream_type(event, StreamType.SNAPSHOT)
        return LazyFrame(self.head, self.raw, self.received_at, twin)


def with_stream_type(event: BaseWebSocketEvent, stream_type: StreamType) -> BaseWebSocketEvent:
    """The same event with another ``stream_type``."""
    fields = {name: getattr(event, name) for name in type(event).__struct_fields__}
    fields["stream_type"] = stream_type
    return type(event)(**fields)


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two moments of the monotonic clock nothing was received; travels in order with the data."""

    codes: tuple[str, ...]
    begin: float
    end: float

    def joined(self, later: Gap) -> Gap:
        """One gap that says what two said."""
        codes = tuple(sorted({*self.codes, *later.codes}))
        return Gap(codes, min(self.begin, later.begin), max(self.end, later.end))


Item = LazyFrame | Gap


class Subscriber:
    """One receiver and what waits for it.

    Attributes:
        owner: name for messages.
        delivery: how events reach it.
        depth: cut order books to this many rows; 0 leaves them whole.
        wants_snapshot: whether first snapshots are for it.
        wants_realtime: whether changes are for it; without, it gets one first snapshot of each stream.
        high_water_mark: items that may wait, whatever the delivery.
        lost: events dropped since `take_lost`, because more than `high_water_mark` were waiting.
        conflated: events replaced by newer ones before they were read, under LATEST. Not a loss.
        delivered: events handed over.
        overflowed: events dropped, total.
        slot_s, slot_max_s: seconds that callbacks and slots took: in all, and the longest event or batch.
    """

    __slots__ = (
        "_gaps",
        "_is_latest",
        "_latest",
        "_queue",
        "conflated",
        "delivered",
        "delivery",
        "depth",
        "high_water_mark",
        "key",
        "lost",
        "overflowed",
        "owner",
        "paused",
        "slot_max_s",
        "slot_s",
        "wants_realtime",
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
        wants_realtime: bool = True,
        high_water_mark: int = 100_000,
    ) -> None:
        self.key = key
        self.owner = owner
        self.delivery = delivery
        self._is_latest = delivery is Delivery.LATEST
        self.depth = depth
        self.wants_snapshot = wants_snapshot
        self.wants_realtime = wants_realtime
        self.high_water_mark = high_water_mark
        self.paused = False
        self.lost = 0
        self.conflated = 0
        self.delivered = 0
        self.overflowed = 0
        self.slot_s = 0.0
        self.slot_max_s = 0.0
        self._latest: dict[Hashable, Item] = {}
        self._gaps = 0
        """Gaps in `_latest`."""
        self._queue: deque[Item] = deque()

    @property
    def waiting(self) -> int:
        """Events and gaps not yet read."""
        return len(self._latest) + len(self._queue)

    def put(self, item: Item, conflation_key: Hashable) -> bool:
        """Store an item; True if nothing had been waiting."""
        was_empty = not self._latest and not self._queue
        if self._is_latest:
            self._put_latest(item, conflation_key)
        else:
            if len(self._queue) >= self.high_water_mark:
                self._drop_oldest_queued()
            self._queue.append(item)
        return was_empty

    def _put_latest(self, item: Item, key: Hashable) -> None:
        if isinstance(item, Gap):
            key = object()
            self._gaps += 1
        elif key in self._latest:
            self.conflated += 1
            if not self._gaps:
                # In its old place: a key that moved back whenever it changed would wait forever.
                self._latest[key] = item
                return
            # What was waiting is older than the gap, and what comes is newer: it belongs behind.
            del self._latest[key]
        if len(self._latest) >= self.high_water_mark:
            self._drop_oldest_latest()
        self._latest[key] = item

    # The newest is worth more than the oldest, and the number lost is reported. Gaps are no events: they
    # are joined, so that what they say is kept.

    def _drop_oldest_queued(self) -> None:
        gap: Gap | None = None
        while self._queue:
            item = self._queue.popleft()
            if not isinstance(item, Gap):
                self.lost += 1
                break
            if gap is not None:
                gap = gap.joined(item)
                break
            gap = item
        if gap is not None:
            self._queue.appendleft(gap)

    def _drop_oldest_latest(self) -> None:
        gaps: list[Hashable] = []
        for key, item in self._latest.items():
            if not isinstance(item, Gap):
                del self._latest[key]
                self.lost += 1
                return
            gaps.append(key)
            if len(gaps) == 2:
                break
        # Only gaps at the front: the two oldest become one, in the older one's place.
        if len(gaps) == 2:
            first, second = (self._latest.pop(key) for key in gaps)
            if isinstance(first, Gap) and isinstance(second, Gap):
                joined = first.joined(second)
                self._latest = {object(): joined, **self._latest}
                self._gaps -= 1

    def take(self) -> Item | None:
        """The next waiting item, removed; None when there is none."""
        if self._queue:
            return self._queue.popleft()
        if self._latest:
            item = self._latest.pop(next(iter(self._latest)))
            self._gaps -= isinstance(item, Gap)
            return item
        return None

    def take_lost(self) -> int:
        """Events lost since the last call."""
        lost, self.lost = self.lost, 0
        self.overflowed += lost
        return lost

    def took(self, slot_s: float) -> None:
        """The subscriber took this long over an event or a batch, in seconds."""
        self.slot_s += slot_s
        if slot_s > self.slot_max_s:
            self.slot_max_s = slot_s

    def view(self, frame: LazyFrame) -> BaseWebSocketEvent:
        """The event as this subscriber asked for it.

        Raises:
            DecodeError: the frame is unreadable.
        """
        event = frame._event or frame.event()
        if self.depth and isinstance(event, OrderbookEvent):
            try:
                if frame.rows_of(event) > self.depth:
                    return event.truncated(self.depth)
            except ValueError as exc:
                raise DecodeError(str(exc), frame.raw) from exc
        return event


class FanoutHub:
    """All subscribers' buffers, and which of them have something waiting.

    Args:
        on_pending: called with the delivery when, after a drain, the first event of that kind waits;
            the frame clock arms itself then. LATEST and BATCH are reported as LATEST: both wait for a frame.
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
        if self._subscribers.get(subscriber.key) is not subscriber:
            return
        pending = self._pending[subscriber.delivery]
        first = not pending
        pending[subscriber.key] = subscriber
        if first:
            every = subscriber.delivery is Delivery.EVERY
            self._on_pending(Delivery.EVERY if every else Delivery.LATEST)

    def pause(self, key: Hashable, paused: bool) -> None:
        """Pause, or resume, delivery to a subscriber; its buffer goes on filling."""
        subscriber = self._subscribers.get(key)
        if subscriber is None or subscriber.paused == paused:
            return
        subscriber.paused = paused
        if paused:
            self._pending[subscriber.delivery].pop(key, None)
        elif subscriber.waiting or subscriber.lost:
            self._mark(subscriber)

    def turn(self, delivery: Delivery) -> Subscriber | None:
        """The next subscriber of a delivery that something waits for; it goes behind the others.

        Subscribers take turns, so that a flood for one does not delay the others. Take items from it, which
        keeps their order, and say when its turn is over.
        """
        pending = self._pending[delivery]
        while pending:
            key = next(iter(pending))
            subscriber = pending.pop(key)
            if subscriber.waiting:
                pending[key] = subscriber
                return subscriber
        return None

    def turn_over(self, subscriber: Subscriber) -> None:
        """A subscriber that was given its turn may have nothing left."""
        if not subscriber.waiting:
            self._pending[subscriber.delivery].pop(subscriber.key, None)

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

    def waiting(self, delivery: Delivery) -> tuple[int, int]:
        """How many subscribers of a delivery something waits for, and how many items that is."""
        pending = self._pending[delivery]
        return len(pending), sum(subscriber.waiting for subscriber in pending.values())

    def has_pending(self, delivery: Delivery) -> bool:
        """Whether anything of a delivery waits."""
        return bool(self._pending[delivery])
