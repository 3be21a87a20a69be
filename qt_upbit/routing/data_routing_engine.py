"""`DataRoutingEngine`: (type, code) → subscribers, one dictionary look-up per frame.

It also keeps the last value of each running stream, for subscribers that come late, and knows which
snapshots are news: a resent subscription repeats them for codes already live (protocol section 2.5).
After a gap it buffers the frames of streams whose missed events are being fetched (`recovery`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Final

from qt_upbit import frame_scan
from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, LazyFrame, Subscriber, with_stream_type
from qt_upbit.routing.gap_times import GapTimes, stamp_of
from qt_upbit.routing.recovery import BackfillBuffer
from qt_upbit.routing.route import Route, Target, row_count
from qt_upbit.types import (
    ALL_CODES,
    BaseWebSocketEvent,
    Delivery,
    EventSpec,
    Scope,
    StreamKey,
    StreamType,
    spec_of,
)

__all__ = ["DataRoutingEngine", "Target"]

_SPELLING_SLACK: Final = 16
"""``SNAPSHOT`` and ``REALTIME`` are equally long, but the same number can be spelled in two ways."""


_REALTIME: Final = StreamType.REALTIME


class DataRoutingEngine:
    """Routes frames to the hub's buffers and remembers last values. Pure: no socket, Qt or clock.

    Args:
        hub: the buffers.
        max_buffered_frames: frames of a stream that wait while what it missed is fetched; 0 fetches nothing.
        on_gap: is handed a stream that has missed something although its connection lives: `gap` says
            what is to be done with it.
    """

    def __init__(
        self,
        hub: FanoutHub,
        max_buffered_frames: int = 0,
        on_gap: Callable[[BackfillBuffer], None] = lambda buffer: None,
    ) -> None:
        self._hub = hub
        self._max_buffered_frames = max_buffered_frames
        self._on_gap = on_gap
        self._routes: dict[Head, Route] = {}
        self._of_subscriber: dict[Hashable, tuple[Target, ...]] = {}
        self._buffers: dict[Head, BackfillBuffer] = {}
        self.events_recovered = 0
        self.events_routed = 0
        self.events_decoded = 0
        self.unrouted = 0
        self.repeated_snapshots = 0
        self.duplicates = 0

    # --- who ---------------------------------------------------------------------------------------

    def attach(self, subscriber: Subscriber, targets: Iterable[Target]) -> set[StreamKey]:
        """Send the frames of `targets` to a subscriber; a running stream's last value goes at once.

        Returns the streams of which it wants a first snapshot and we have none: the server is to be asked.
        Who wants no changes is let go by itself after its snapshot.
        """
        targets = tuple(dict.fromkeys(targets))
        specs = [spec_of(target.key.type) for target in targets]
        for target, spec in zip(targets, specs, strict=True):
            if spec is None:
                raise ValueError(f"unknown type {target.key.type!r}")
        self._hub.add(subscriber)
        self._of_subscriber[subscriber.key] = targets
        unserved: set[StreamKey] = set()
        for target, spec in zip(targets, specs, strict=True):
            if spec is not None and not self._attach(subscriber, target, spec):
                unserved.add(target.key)
        return unserved

    def _attach(self, subscriber: Subscriber, target: Target, spec: EventSpec) -> bool:
        """Attach one target; False if its first snapshot is wanted and must be asked for."""
        head, variant = Head(target.key.type, target.key.code), target.key.variant
        route = self._routes.get(head)
        if route is None:
            route = self._routes[head] = Route(head, spec)
        if variant not in route.flowing:
            # What was kept is as old as the last first snapshot.
            route.last.pop(variant, None)
            route.rows_kept.pop(variant, None)
        snapshot = subscriber.wants_snapshot and spec.has_snapshot
        served = snapshot and self._offer_last(route, subscriber, target)
        if served and not subscriber.wants_realtime:
            return True
        may_be_shallow = variant in route.flowing and route.may_be_shallower(variant, subscriber.depth)
        if subscriber.wants_realtime:
            route.flowing.add(variant)
        if route.memory is not None and (not route.targets or route.lazy_key is not None):
            # Unread frames were not remembered, but the last value is what the subscriber is given.
            route.memory.forget()
            if variant in route.fresh and (last := _event_or_none(route.last.get(variant))) is not None:
                route.memory.remember(last)
        route.add(subscriber, target)
        if snapshot and not served:
            route.pending_snapshots.add((subscriber.key, variant))
        if may_be_shallow:
            route.awaiting_rows.add((subscriber.key, variant))
        return served or not snapshot

    def detach(self, key: Hashable) -> None:
        """Forget a subscriber; late frames of its codes are no longer delivered to it."""
        self._hub.remove(key)
        for target in self._of_subscriber.pop(key, ()):
            route = self._routes.get(Head(target.key.type, target.key.code))
            if route is not None:
                self._detach(route, key, target)

    def _detach(self, route: Route, key: Hashable, target: Target) -> None:
        if route.remove(key, target) and not route.targets:
            self._drop_if_done(route)

    def _drop_if_done(self, route: Route) -> None:
        if not route.targets and (buffer := self._buffers.pop(route.head, None)) is not None:
            buffer.is_over = True
            route.fresh.clear()  # the buffered frames were newer
        # A widget that replaces another is given the last value at once, if the stream still runs.
        if not route.targets and not (route.flowing and route.fresh and route.spec.has_snapshot):
            del self._routes[route.head]
        elif not route.targets:
            route.recent.clear()

    def last_event(self, key: StreamKey, depth: int = 0) -> BaseWebSocketEvent | None:
        """The last value of a stream that runs on the present connection; None if there is none.

        With `depth`, also None where the book was not asked for with as many rows.
        """
        route = self._routes.get(Head(key.type, key.code))
        if route is None or key.variant not in route.fresh & route.flowing:
            return None
        if route.rows_kept.get(key.variant, 0) < depth:
            return None
        return _event_or_none(route.last.get(key.variant))

    def live_at(self, key: StreamKey) -> float | None:
        """When the last change of a stream came, with the clock of `route`; None while there was none."""
        route = self._routes.get(Head(key.type, key.code))
        return None if route is None else route.live_at

    # --- what --------------------------------------------------------------------------------------

    def route(self, head: Head, raw: bytes, now: float) -> None:
        """Deliver one object.

        Raises:
            DecodeError: it had to be read and is unreadable. Nothing was delivered.
        """
        if self._buffers and head in self._buffers:
            self._keep_back(self._buffers[head], head, raw, now)
            return
        route = self._routes.get(head)
        # A snapshot must be looked at, and so must what is cut off or comes twice.
        if (
            route is not None
            and (key := route.lazy_key) is not None
            and not route.awaiting_rows
            and frame_scan.change_variant(raw, route.spec) == key[1]
            and ((last := route.last.get(key[1])) is None or last.raw != raw)
        ):
            frame = LazyFrame(head, raw, now)
            frame.replace(last)
            route.keep(key[1], frame)
            route.live_at = now
            self.events_routed += 1
            offer = self._hub.offer
            for subscriber, _ in tuple(route.targets.values()):
                offer(subscriber, frame, key)
            route.pending_snapshots.clear()
            return
        frame = LazyFrame(head, raw, now)
        if route is None or not self._route_plain(route, frame):
            self._route_decoded(route, frame)

    def _route_plain(self, route: Route, frame: LazyFrame) -> bool:
        """The short way of most frames: a change that is news, for everybody; False where it is not that."""
        if (plain := route.plain) is None:
            plain = route.plain = route.find_plain()
        variant, subscribers = plain
        if not subscribers or route.pending_snapshots or route.awaiting_rows:
            return False
        event = frame.event()
        if event.stream_type is not _REALTIME or (variant and event.variant != variant):
            return False
        kept = route.last.get(variant)
        if kept is None or frame.raw == kept.raw:
            return False
        spec = route.spec
        if spec.order_is_identity:
            number = getattr(event, spec.order_field)
            if number in route.recent:
                return False
            route.recent.add(number)
        self.events_decoded += 1
        self.events_routed += 1
        route.keep(variant, frame)
        route.live_at = frame.received_at
        if route.memory is not None:
            route.memory.remember(event)
        key, offer = (frame.head, variant), self._hub.offer
        for subscriber in subscribers:
            offer(subscriber, frame, key)
        return True

    def _route_decoded(self, route: Route | None, frame: LazyFrame) -> None:
        head = frame.head
        everything = self._routes.get(Head(head.type, ALL_CODES)) if head.code else None
        if everything is None and (route is None or not route.targets):
            self.unrouted += 1
            if route is not None:
                self._keep_for_successor(route, frame)
            return
        event = frame.event()
        self.events_decoded += 1
        self.events_routed += 1
        if event.is_snapshot and route is not None and self._is_behind_a_gap(route, frame, event):
            return
        for one in (route, everything):
            if one is not None:
                self._deliver(one, frame, event)

    def _keep_for_successor(self, route: Route, frame: LazyFrame) -> None:
        variant = frame_scan.variant(frame.raw, route.spec)
        if variant is None:
            event = _event_or_none(frame)
            variant = None if event is None else event.variant
        if variant is not None and variant in route.flowing:
            route.keep(variant, frame)

    def _deliver(self, route: Route, frame: LazyFrame, event: BaseWebSocketEvent) -> None:
        spec, variant = route.spec, event.variant
        if not any(target.key.variant == variant for _, target in route.targets.values()):
            self.unrouted += 1  # the tail of a subscription that was replaced
            return
        # Types without a first snapshot have no snapshots, whatever a frame says: every event counts.
        snapshot = event.is_snapshot and spec.has_snapshot
        if not snapshot:
            route.live_at = frame.received_at
        repeated = self._is_repetition(route, frame, event)
        if not repeated and not self._is_older(route, event):
            route.keep(variant, frame)
        elif variant in route.last:
            route.fresh.add(variant)
        if route.memory is not None and not repeated:
            route.memory.remember(event)
        key = (frame.head, variant, *(getattr(event, name) for name in spec.conflation_fields))
        for subscriber, target in tuple(route.targets.values()):
            if target.key.variant != variant:
                continue
            if repeated and (subscriber.key, variant) not in route.pending_snapshots:
                continue
            if snapshot and not subscriber.wants_snapshot:
                continue
            awaits_rows = (subscriber.key, variant) in route.awaiting_rows
            if awaits_rows or not subscriber.wants_realtime:
                if row_count(frame, spec) < subscriber.depth:
                    continue  # a book that answers an earlier request
                route.awaiting_rows.discard((subscriber.key, variant))
            route.pending_snapshots.discard((subscriber.key, variant))
            if not target.options or spec.accepts(event, dict(target.options)):
                shown = frame if subscriber.wants_realtime else frame.as_snapshot()
                self._hub.offer(subscriber, shown, key)
            if not subscriber.wants_realtime:
                self._detach(route, subscriber.key, target)

    def _is_repetition(self, route: Route, frame: LazyFrame, event: BaseWebSocketEvent) -> bool:
        """Whether an event was delivered already: a frame that came twice, or a snapshot of nothing new."""
        spec, variant = route.spec, event.variant
        kept = route.last.get(variant)
        if kept is not None and variant in route.fresh and frame.raw == kept.raw:
            self.duplicates += 1  # to the last digit, the time included
            return True
        if not spec.has_snapshot:
            return False
        order = getattr(event, spec.order_field)
        last = _event_or_none(kept)
        if spec.order_is_identity:
            same = last is not None and getattr(last, spec.order_field) == order
            repeated = order in route.recent or (event.is_snapshot and same)
            if not repeated:
                route.recent.add(order)
        elif event.is_snapshot and variant in route.fresh and last is not None and kept is not None:
            # A book with more rows than the last one is news even at the same time.
            repeated = (
                order <= getattr(last, spec.order_field) and len(frame.raw) <= len(kept.raw) + _SPELLING_SLACK
            )
        else:
            repeated = False
        if repeated:
            self.repeated_snapshots += event.is_snapshot
            self.duplicates += not event.is_snapshot
        return repeated

    def _is_older(self, route: Route, event: BaseWebSocketEvent) -> bool:
        """Whether a value is of an earlier moment than the one kept, such as a late word on an old candle."""
        spec, variant = route.spec, event.variant
        if variant not in route.fresh or not spec.conflation_fields:
            return False
        last = _event_or_none(route.last.get(variant))
        return last is not None and all(
            getattr(event, name) < getattr(last, name) for name in spec.conflation_fields
        )

    def _offer_last(self, route: Route, subscriber: Subscriber, target: Target) -> bool:
        """Give a late subscriber the last value of a running stream; False if there is none for it."""
        variant = target.key.variant
        frame = route.last.get(variant) if variant in route.fresh else None
        # A book that was asked for with fewer rows is no answer to who wants more.
        if frame is None or route.rows_kept.get(variant, 0) < subscriber.depth:
            return False
        try:
            snapshot = frame.as_snapshot()
        except DecodeError:
            return False  # reported when its own subscribers read it
        event = snapshot.event()
        spec = event.spec
        if not target.options or spec.accepts(event, dict(target.options)):
            fields = (getattr(event, name) for name in spec.conflation_fields)
            self._hub.offer(subscriber, snapshot, (frame.head, variant, *fields))
        return True

    # --- gaps --------------------------------------------------------------------------------------

    def gap(
        self,
        scope: Scope,
        begin: float,
        end: float,
        max_buffered_frames: int = 0,
        wall_offset: float = 0.0,
        first: tuple[Head, bytes] | None = None,
    ) -> list[BackfillBuffer]:
        """Nothing was received of a scope between two moments of the monotonic clock.

        Subscribers are told the gap in the exchange's time, from the stamp of the last event that was seen
        (`gap_times`).

        Every subscriber is notified, in order with its data, that something may be missing. With
        `max_buffered_frames`, streams that can be recovered completely are excepted: at most that many frames
        of each are buffered from now on, and the buffers to fill are returned. For each, call `recover` any
        number of times, oldest events first, `notify_gap` for what cannot be had, and `release`. Where that
        takes long, `open` lets live events pass meanwhile.

        Args:
            scope: whose connection.
            begin: until when it was well.
            end: when it was well again.
            max_buffered_frames: per stream.
            wall_offset: our wall clock minus the monotonic clock, in seconds.
            first: the object that ended the gap, not routed yet.

        Values from before the gap are no longer given to late subscribers.
        """
        self.mark_stale(scope)
        codes: dict[Hashable, set[str]] = {}
        begins: dict[Hashable, float] = {}
        buffered: list[BackfillBuffer] = []
        times = self._gap_times(scope, wall_offset, None if first is None else LazyFrame(*first, end))
        gap_end = times.end(end)
        for head, route in self._routes.items():
            if route.spec.scope is not scope:
                continue
            last, route.before_gap = route.before_gap, None
            gap_begin = min(times.begin(last, begin, is_complete=not route.spec.has_snapshot), gap_end)
            if (
                max_buffered_frames
                and (buffer := self._buffer(route, gap_begin, gap_end, max_buffered_frames)) is not None
            ):
                buffered.append(buffer)
                continue
            for subscriber, _ in route.targets.values():
                if subscriber.wants_realtime:
                    codes.setdefault(subscriber.key, set()).add(head.code)
                    begins[subscriber.key] = min(gap_begin, begins.get(subscriber.key, gap_begin))
        for subscriber in self._hub:
            if subscriber.key in codes:
                named = tuple(sorted(codes[subscriber.key] - {ALL_CODES}))
                self._hub.offer(subscriber, Gap(named, begins[subscriber.key], gap_end))
        return buffered

    def _gap_times(self, scope: Scope, wall_offset: float, first: LazyFrame | None) -> GapTimes:
        frames = [frame for route in self._routes.values() if (frame := route.newest) is not None]
        before = [
            route.before_gap
            for route in self._routes.values()
            if route.spec.scope is scope and route.before_gap is not None
        ]
        return GapTimes(frames if first is None else [*frames, first], before, wall_offset)

    def mark_stale(self, scope: Scope, *, is_over: bool = False) -> None:
        """The connection of a scope is gone: last values are history.

        Args:
            scope: whose connection.
            is_over: nothing is wanted of it any more, so that no gap follows.
        """
        for route in tuple(self._routes.values()):
            if route.spec.scope is scope:
                route.forget_freshness()
                if is_over:
                    route.before_gap = None
                if (buffer := self._buffers.get(route.head)) is not None:
                    buffer.is_stale = True
                self._drop_if_done(route)

    def _is_behind_a_gap(self, route: Route, frame: LazyFrame, event: BaseWebSocketEvent) -> bool:
        """Whether a snapshot of a running stream shows that something was missed; it is buffered then.

        A request for other streams brings first snapshots of those that run already, some tenths of a second
        later, and what happens in between may reach no subscriber (protocol sections 2.5 and 2.7). The same
        shows when the exchange had quietly dropped a stream.
        """
        memory, variant = route.memory, event.variant
        if (
            memory is None
            or memory.is_empty()
            or variant not in route.fresh
            or route.lazy_key is not None
            or ((buffer := self._buffers.get(route.head)) is not None and not buffer.is_open)
            or memory.continues(event)
        ):
            return False
        # A snapshot is of the newest: all that was missed happened before it.
        end = stamp_of(event)
        last = _event_or_none(route.last[variant])
        begin = end if last is None else min(stamp_of(last), end)
        buffer = (
            self._buffer(route, begin, end, self._max_buffered_frames) if self._max_buffered_frames else None
        )
        if buffer is None:
            gap = Gap((route.head.code,), begin, end)
            for subscriber in {s.key: s for s, _ in route.targets.values()}.values():
                if subscriber.wants_realtime and subscriber.delivery is not Delivery.LATEST:
                    self._hub.offer(subscriber, gap)
            return False
        self._put_buffered(buffer, route, frame)
        self._on_gap(buffer)
        return True

    def _buffer(self, route: Route, begin: float, end: float, limit: int) -> BackfillBuffer | None:
        """Buffer a stream from now on; None if what was missed of it cannot be known, or no one wants it."""
        if (buffer := self._buffers.get(route.head)) is not None:
            buffer.extend(begin, end)
            return buffer
        memory = route.memory
        if memory is None or memory.is_empty() or route.lazy_key is not None or not _has_listeners(route):
            return None
        buffer = self._buffers[route.head] = BackfillBuffer(StreamKey(*route.head), memory, begin, end, limit)
        return buffer

    def _keep_back(self, buffer: BackfillBuffer, head: Head, raw: bytes, now: float) -> None:
        frame = LazyFrame(head, raw, now)
        frame.event()
        self.events_decoded += 1
        if buffer.is_open:
            self._pass_live(buffer, frame)
            if buffer.memory.passed_count > buffer.limit:
                self.release(buffer)  # the gap was reported; what comes so late is not worth more
        else:
            self._put_buffered(buffer, self._routes[head], frame)

    def _pass_live(self, buffer: BackfillBuffer, frame: LazyFrame) -> None:
        """Deliver an event that comes, or came, in its own time, unless it was recovered already."""
        route, event, generation = self._routes[frame.head], frame.event(), buffer.generation
        is_news = buffer.memory.is_news(event)
        if not is_news and route.spec.order_is_identity:
            route.recent.add(getattr(event, route.spec.order_field))
        if is_news or (event.is_snapshot and route.pending_snapshots):
            self._route_decoded(route, frame)
        if event.stream_key == buffer.key and buffer.generation == generation:
            buffer.passed(event)

    def _put_buffered(self, buffer: BackfillBuffer, route: Route, frame: LazyFrame) -> None:
        if not all(subscriber.wants_realtime for subscriber, _ in route.targets.values()):
            self._serve_snapshots(route, frame)
        if route.targets and frame.event().stream_key == buffer.key:
            buffer.put(frame)

    def _serve_snapshots(self, route: Route, frame: LazyFrame) -> None:
        """Who wants only a snapshot of now has missed nothing and does not wait."""
        for subscriber, target in tuple(route.targets.values()):
            if not subscriber.wants_realtime:
                self._hub.offer(subscriber, frame.as_snapshot(), (frame.head, ()))
                self._detach(route, subscriber.key, target)

    def recover(self, buffer: BackfillBuffer, events: Iterable[BaseWebSocketEvent], now: float) -> int:
        """Deliver those of fetched events, oldest first, that were not seen; how many there were.

        They go before the buffered frames, flagged as recovered, to every subscriber of changes.
        """
        if buffer.is_over:
            return 0
        route = self._routes[_head_of(buffer)]
        missed = buffer.missed(events)
        for event in missed:
            mark = StreamType.BACKFILLED if buffer.is_late(event) else StreamType.RECOVERED
            self._deliver_recovered(route, with_stream_type(event, mark), now)
        self.events_recovered += len(missed)
        return len(missed)

    def _deliver_recovered(self, route: Route, event: BaseWebSocketEvent, now: float) -> None:
        spec, variant = route.spec, event.variant
        frame = LazyFrame(route.head, b"", now, event)
        is_late = event.is_backfilled
        if not is_late and not self._is_older(route, event):
            route.keep(variant, frame)
        if spec.order_is_identity and not is_late:
            route.recent.add(getattr(event, spec.order_field))
        if route.memory is not None and not (is_late and route.memory.reaches(event)):
            route.memory.remember(event)
        key = (frame.head, variant, *(getattr(event, name) for name in spec.conflation_fields))
        for asked, (subscriber, _) in tuple(route.targets.items()):
            since = route.since.get(asked)
            if since is not None and route.memory is not None and route.memory.is_before(event, since):
                continue
            if is_late and subscriber.delivery is Delivery.LATEST and not spec.conflation_fields:
                continue  # it has the latest
            if subscriber.wants_realtime:
                route.pending_snapshots.discard((subscriber.key, variant))
                self._hub.offer(subscriber, frame, key)

    def notify_gap(self, buffer: BackfillBuffer, begin: float, end: float) -> None:
        """What happened to a buffered stream between two moments stays unknown; reported in its order."""
        if not buffer.is_over:
            gap = Gap((buffer.key.code,), begin, end)
            for subscriber in {s.key: s for s, _ in self._targets_of(buffer)}.values():
                if subscriber.wants_realtime:
                    self._hub.offer(subscriber, gap)

    def release(self, buffer: BackfillBuffer, at_most: int | None = None) -> bool:
        """Deliver buffered frames, except those recovered already; True once none is buffered.

        With `at_most` no more than that; frames that come between two calls join the queue.
        """
        if buffer.is_over:
            return True
        if not self._empty(buffer, at_most):
            return False
        buffer.is_over = True
        route = self._routes[_head_of(buffer)]
        buffer.memory.settle()
        if route.memory is not None:
            route.memory.settle()
        del self._buffers[route.head]
        if buffer.is_stale:
            route.fresh.clear()
        return True

    def open(self, buffer: BackfillBuffer, at_most: int | None = None) -> bool:
        """Deliver buffered frames, and let live events pass from then on; True once none is buffered.

        For a stream whose missed events take long to fetch: report the gap first. `recover` may deliver them
        later, marked BACKFILLED; then call `release`. Another gap ends it, and frames are buffered again.
        """
        if buffer.is_over or buffer.is_open:
            return True
        buffer.fork()
        if not self._empty(buffer, at_most):
            return False
        buffer.is_open = True
        if buffer.is_stale:
            self._routes[_head_of(buffer)].fresh.clear()
        return True

    def _empty(self, buffer: BackfillBuffer, at_most: int | None) -> bool:
        while buffer.frames and (at_most is None or at_most > 0):
            at_most = None if at_most is None else at_most - 1
            self._pass_live(buffer, buffer.frames.popleft())
        return not buffer.frames

    def _targets_of(self, buffer: BackfillBuffer) -> list[tuple[Subscriber, Target]]:
        return list(self._routes[_head_of(buffer)].targets.values())

    def streams_asked_for(self, scope: Scope, keys: Collection[StreamKey]) -> None:
        """The server was asked for the changes of these streams of a scope, and of no others."""
        for route in tuple(self._routes.values()):
            if route.spec.scope is scope:
                variants = {target.key.variant for _, target in route.targets.values()} | route.flowing
                route.flowing = {v for v in variants if StreamKey(*route.head, v) in keys}
                self._drop_if_done(route)


def _head_of(buffer: BackfillBuffer) -> Head:
    return Head(buffer.key.type, buffer.key.code)


def _has_listeners(route: Route) -> bool:
    """Whether anybody wants the changes of a stream."""
    return any(subscriber.wants_realtime for subscriber, _ in route.targets.values())


def _event_or_none(frame: LazyFrame | None) -> BaseWebSocketEvent | None:
    try:
        return frame.event() if frame is not None else None
    except DecodeError:
        return None  # reported when its own subscribers read it
