"""`Route`: everything about one (type, code): who gets its frames, and what was seen last."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from qt_upbit import frame_scan
from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head
from qt_upbit.routing.fanout_hub import LazyFrame, Subscriber
from qt_upbit.routing.recovery import memory_for
from qt_upbit.types import CodeRule, Delivery, EventSpec, StreamKey

__all__ = ["RecentIds", "Route", "Target", "row_count"]

_RECENT_IDS: Final = 64
"""Trades remembered per code, to recognise the one that a repeated snapshot shows again."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the frames of one stream go.

    Attributes:
        key: the stream; code `ALL_CODES` receives every code of the type.
        options: as in the request; events that are not in its lists are not for this subscriber.
    """

    key: StreamKey
    options: tuple[tuple[str, Any], ...] = ()


class RecentIds:
    """The last `_RECENT_IDS` ids of one pair's trades."""

    __slots__ = ("_known", "_order")

    def __init__(self) -> None:
        self._known: set[Any] = set()
        self._order: deque[Any] = deque()

    def __contains__(self, number: Any) -> bool:
        return number in self._known

    def add(self, number: Any) -> None:
        """Remember one, and forget the oldest."""
        if number not in self._known:
            self._known.add(number)
            self._order.append(number)
            if len(self._order) > _RECENT_IDS:
                self._known.discard(self._order.popleft())

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
        self._order.clear()


class Route:
    """Everything about one (type, code)."""

    __slots__ = (
        "_eager",
        "_variants",
        "awaiting_rows",
        "before_gap",
        "depths",
        "flowing",
        "fresh",
        "head",
        "last",
        "lazy_key",
        "live_at",
        "memory",
        "pending_snapshots",
        "plain",
        "recent",
        "rows_asked",
        "rows_kept",
        "since",
        "spec",
        "targets",
    )

    def __init__(self, head: Head, spec: EventSpec) -> None:
        self.head = head
        self.spec = spec
        self.targets: dict[tuple[Hashable, Target], tuple[Subscriber, Target]] = {}
        self.lazy_key: tuple[Head, tuple[Hashable, ...]] | None = None
        """Conflation key when frames may stay unread until the screen asks; None when they may not.

        Only where everyone wants changes, takes LATEST and the same variant, and neither conflation nor
        filters look at a field that only decoding shows.
        """
        self.plain: tuple[tuple[Hashable, ...], tuple[Subscriber, ...]] | None = None
        """The variant of which all want every change, and who they are; none if they differ, None
        before it was looked for."""
        self.last: dict[tuple[Hashable, ...], LazyFrame] = {}
        self.before_gap: LazyFrame | None = None
        """Between the end of a connection and the report of its gap: the last frame that it brought."""
        self.live_at: float | None = None
        """When the last change came."""
        self.flowing: set[tuple[Hashable, ...]] = set()
        """Variants of which changes are asked for, so that `last` stays up to date; also for a while after
        the last subscriber left, until the server is notified."""
        self.fresh: set[tuple[Hashable, ...]] = set()
        """Variants whose `last` was received on the present connection."""
        self.recent = RecentIds()
        self.memory = memory_for(spec)
        self.since: dict[tuple[Hashable, Target], Any] = {}
        """What had been seen when a subscriber came: what was missed before is not for it."""
        self.pending_snapshots: set[tuple[Hashable, tuple[Hashable, ...]]] = set()
        """Who waits for a first snapshot of which variant; who has seen a change needs none."""
        self.depths: dict[tuple[Hashable, ...], Counter[int]] = {}
        """Order books: how many subscribers of a variant want how many rows."""
        self.rows_asked: dict[tuple[Hashable, ...], int] = {}
        """Order books: rows that the deepest subscriber of a variant wants."""
        self.rows_kept: dict[tuple[Hashable, ...], int] = {}
        """Order books: rows that `last` is known to answer for."""

        self.awaiting_rows: set[tuple[Hashable, tuple[Hashable, ...]]] = set()
        """Order books: who came while one with fewer rows was running, and has not seen one with enough."""
        self._eager = 0
        """Targets whose frames may not stay unread."""
        self._variants: Counter[tuple[Hashable, ...]] = Counter()
        """Targets of each variant."""

    def _find_lazy_key(self) -> tuple[Head, tuple[Hashable, ...]] | None:
        if self._eager or len(self._variants) != 1:
            return None
        return self.head, next(iter(self._variants))

    def add(self, subscriber: Subscriber, target: Target) -> None:
        """Send frames to a subscriber. Costs the same, however many there are."""
        variant = target.key.variant
        self.targets[subscriber.key, target] = (subscriber, target)
        self._eager += not _may_stay_unread(self.spec, subscriber, target)
        self._variants[variant] += 1
        self.lazy_key = self._find_lazy_key()
        self.plain = None
        if self.memory is not None and (now := self.memory.now()) is not None:
            self.since[subscriber.key, target] = now
        if self.spec.has_depth:
            self._count_depth(variant, subscriber.depth, +1)

    def remove(self, key: Hashable, target: Target) -> bool:
        """Send no more to a subscriber; whether it was there. Costs the same, however many there are."""
        pair = self.targets.pop((key, target), None)
        if pair is None:
            return False
        variant = target.key.variant
        self._eager -= not _may_stay_unread(self.spec, *pair)
        self._variants[variant] -= 1
        if not self._variants[variant]:
            del self._variants[variant]
        self.lazy_key = self._find_lazy_key()
        self.plain = None
        self.pending_snapshots.discard((key, variant))
        self.awaiting_rows.discard((key, variant))
        self.since.pop((key, target), None)
        if self.spec.has_depth:
            self._count_depth(variant, pair[0].depth, -1)
        return True

    def find_plain(self) -> tuple[tuple[Hashable, ...], tuple[Subscriber, ...]]:
        """One variant and its subscribers, if frames may go the short way; none otherwise."""
        spec, targets = self.spec, self.targets.values()
        if (
            len(self._variants) != 1
            or spec.conflation_fields
            or not spec.has_snapshot
            or spec.codes is CodeRule.OPTIONAL
            or any(target.options or not subscriber.wants_realtime for subscriber, target in targets)
        ):
            return (), ()
        return next(iter(self._variants)), tuple(subscriber for subscriber, _ in targets)

    def _count_depth(self, variant: tuple[Hashable, ...], depth: int, change: int) -> None:
        depths = self.depths.setdefault(variant, Counter())
        depths[depth] += change
        self.rows_asked[variant] = max((rows for rows, number in depths.items() if number), default=0)

    def may_be_shallower(self, variant: tuple[Hashable, ...], depth: int) -> bool:
        """Whether the next frame of a running book may have fewer rows, because others asked for fewer."""
        kept = self.rows_kept.get(variant)
        if kept is not None:
            return kept < depth
        return any(rows < depth for rows, number in self.depths.get(variant, {}).items() if number)

    def keep(self, variant: tuple[Hashable, ...], frame: LazyFrame) -> None:
        """Remember the last value of a variant."""
        self.last[variant] = frame
        self.fresh.add(variant)
        if not self.spec.has_depth:
            return
        asked, kept = self.rows_asked.get(variant, 0), self.rows_kept.get(variant)
        if kept == asked:
            return
        # Between a change of depth and its first frames, a frame may answer the request before it.
        rows = row_count(frame, self.spec)
        if kept is None or (rows > kept if kept < asked else rows <= asked):
            self.rows_kept[variant] = min(rows, asked)

    @property
    def newest(self) -> LazyFrame | None:
        """The last frame of any variant, of any connection."""
        return max(self.last.values(), key=_received_at, default=None)

    def forget_freshness(self) -> None:
        """The connection is gone: last values are history, and how many rows they had says nothing."""
        if self.before_gap is None and self.fresh:
            frames = (self.last[variant] for variant in self.fresh if variant in self.last)
            self.before_gap = max(frames, key=_received_at, default=None)
        self.fresh.clear()
        self.rows_kept.clear()


def _received_at(frame: LazyFrame) -> float:
    return frame.received_at


def row_count(frame: LazyFrame, spec: EventSpec) -> int:
    """Rows of an order book, read only if its frame looks unusual; 0 for other types and unreadable ones."""
    rows = frame_scan.row_count(frame.raw, spec)
    if rows is not None:
        return rows
    try:
        return frame.event().count_rows()
    except DecodeError:
        return 0


def _may_stay_unread(spec: EventSpec, subscriber: Subscriber, target: Target) -> bool:
    return (
        subscriber.wants_realtime
        and subscriber.delivery is Delivery.LATEST
        and not target.options
        and not spec.conflation_fields
        and spec.codes is not CodeRule.OPTIONAL
    )
