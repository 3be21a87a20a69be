"""`EventDelivery`: passes what the frame clock takes from the buffers to callbacks and signals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import shiboken6

from qt_upbit.error_log import Sampler, logger_of
from qt_upbit.exceptions import DecodeError
from qt_upbit.qt.error_reporter import ErrorReporter
from qt_upbit.qt.pending_snapshot import PendingSnapshot, SnapshotReader
from qt_upbit.qt.performance_monitor import PerformanceMonitor
from qt_upbit.qt.slot_errors import SlotWatch
from qt_upbit.qt.subscription import SubscriptionRecord
from qt_upbit.qt.subscription_registry import SubscriptionRegistry
from qt_upbit.routing.fanout_hub import Gap, Item, LazyFrame, Subscriber
from qt_upbit.routing.gap_times import datetime_of
from qt_upbit.types import BaseWebSocketEvent, Delivery, Scope, spec_of

__all__ = ["EventDelivery"]

_log: Final = logger_of("callbacks")
_LATENCY_EVERY: Final = 8
"""Per subscription, the latency of one in this many events is recorded."""


class EventDelivery:
    """Decodes items, and calls callback and signal with each event before the next is decoded.

    It never raises: unreadable events, and what callbacks and slots raise, are reported.

    Args:
        registry: the subscriptions.
        snapshots: the awaited snapshots.
        reporter: gets the errors.
        monitor: gets a sample of the events.
        clock: seconds, monotonic; the clock of items.
        on_unreadable: called with the scope of a frame that cannot be decoded, and why.
        on_readable: called with a scope of `doubted` as soon as a frame of it can be decoded.
        slow_slot_ms: slots and callbacks that take longer are logged; None never.

    Attributes:
        doubted: scopes whose last frame could not be decoded.
    """

    def __init__(
        self,
        registry: SubscriptionRegistry,
        snapshots: SnapshotReader,
        reporter: ErrorReporter,
        monitor: PerformanceMonitor,
        clock: Callable[[], float],
        on_unreadable: Callable[[Scope, DecodeError], None],
        on_readable: Callable[[Scope], None],
        slow_slot_ms: float | None,
    ) -> None:
        self._registry = registry
        self._snapshots = snapshots
        self._reporter = reporter
        self._monitor = monitor
        self._clock = clock
        self._on_unreadable = on_unreadable
        self._on_readable = on_readable
        self._slow_slot_s = math.inf if slow_slot_ms is None else slow_slot_ms / 1000
        self._slow_slots = Sampler()
        self.doubted: set[Scope] = set()
        self.events_lost = 0
        """Events dropped because a subscriber did not keep up, as far as reported."""

    def deliver(self, subscriber: Subscriber, items: Iterable[Item]) -> None:
        """Deliver the items of one subscriber's turn. Called by the frame clock."""
        record = self._registry.record(subscriber.key)
        if record is None:
            pending = self._snapshots.pending(subscriber.key)
            if pending is not None:
                self._fill(pending, subscriber, items)
            return
        # Any: the signals are named after the event types.
        proxy: Any = record.owner
        if proxy is None or not shiboken6.isValid(proxy):
            return
        if record.delivery is Delivery.BATCH:
            self._emit_batches(record, proxy, subscriber, items)
        else:
            self._emit_each(record, proxy, subscriber, items)
        lost = subscriber.take_lost() + (record.take_lost() if record.has_callback else 0)
        if lost:
            self._report_overflow(record, proxy, lost)

    def _fill(self, pending: PendingSnapshot, subscriber: Subscriber, items: Iterable[Item]) -> None:
        read = (self._read(subscriber, item) for item in items if not isinstance(item, Gap))
        pending.take([event for event in read if event is not None])

    def _emit_each(
        self, record: SubscriptionRecord, proxy: Any, subscriber: Subscriber, items: Iterable[Item]
    ) -> None:
        """Deliver events one by one, each before the next is decoded; gaps keep their place in the order."""
        # A type that was declared after the proxy's class has no signal there; callbacks get it.
        signal = getattr(proxy, f"{record.spec.name}_received", None)
        clock, is_valid, has_callback = self._clock, shiboken6.isValid, record.has_callback
        monitor = self._monitor
        watch = SlotWatch(proxy.name)
        for item in items:
            if isinstance(item, Gap):
                self._emit_gap(record, proxy, item)
            elif (event := self._read(subscriber, item)) is not None:
                began, turns = clock(), monitor.turns
                if not subscriber.delivered % _LATENCY_EVERY:
                    monitor.saw(item, event, began)
                subscriber.delivered += 1
                if has_callback:
                    record.call_back(event)
                    if record.is_closed or not is_valid(proxy):
                        self._took(record, subscriber, clock() - began, turns)
                        return
                if signal is not None and (record.leads_all or record.leads(event)):
                    for error in watch.emit(signal, event):
                        self._reporter.report(error, proxy.name, proxy, is_printed=True)
                self._took(record, subscriber, clock() - began, turns)
            # A callback or slot may have closed everything.
            if record.is_closed or not is_valid(proxy):
                return

    def _emit_batches(
        self, record: SubscriptionRecord, proxy: Any, subscriber: Subscriber, items: Iterable[Item]
    ) -> None:
        """The events between two gaps are a batch."""
        batch: list[BaseWebSocketEvent] = []
        for item in items:
            if isinstance(item, Gap):
                self._emit_batch(record, proxy, subscriber, batch)
                batch = []
                self._emit_gap(record, proxy, item)
            elif (event := self._read(subscriber, item)) is not None:
                if not len(batch) % _LATENCY_EVERY:
                    self._monitor.saw(item, event, self._clock())
                batch.append(event)
        self._emit_batch(record, proxy, subscriber, batch)

    def _emit_batch(
        self,
        record: SubscriptionRecord,
        proxy: Any,
        subscriber: Subscriber,
        batch: list[BaseWebSocketEvent],
    ) -> None:
        """Deliver a batch to the callback and, for the streams it leads, to the signal."""
        if not batch or record.is_closed or not shiboken6.isValid(proxy):
            return
        began, turns = self._clock(), self._monitor.turns
        subscriber.delivered += len(batch)
        record.call_back(tuple(batch))
        led = tuple(event for event in batch if record.leads(event))
        if led and not record.is_closed and shiboken6.isValid(proxy):
            signal = getattr(proxy, f"{record.spec.name}_received")
            self._reporter.emit(proxy, proxy.name, signal, led)
        self._took(record, subscriber, self._clock() - began, turns)

    def _took(self, record: SubscriptionRecord, subscriber: Subscriber, slot_s: float, turns: int) -> None:
        """Note how long callback and slots took over an event or a batch, and say so if it was too long.

        If Qt's loop went on meanwhile, a slot opened a dialog: the window did not stand still.
        """
        subscriber.took(slot_s)
        if slot_s <= self._slow_slot_s or self._monitor.turns != turns:
            return
        held_back = self._slow_slots.admit(subscriber.key, self._clock())
        if held_back is not None:
            more = f" (and {held_back} more times)" if held_back else ""
            _log.warning(
                "%s: slots and callback of %s took %.0f ms%s, and the window stands still meanwhile: store "
                "the event, call update(), and work in paintEvent or another thread",
                subscriber.owner, record.spec.name, slot_s * 1000, more,
            )  # fmt: skip

    def _read(self, subscriber: Subscriber, slot: LazyFrame) -> BaseWebSocketEvent | None:
        """An event as its subscriber requested it; None if it and the one it replaced are unreadable."""
        try:
            event = subscriber.view(slot)
        except DecodeError as exc:
            self._on_unreadable(_scope_of(slot), exc)
            return self._read(subscriber, slot.older) if slot.older is not None else None

        if odd := slot.take_odd_fields():
            self._reporter.report_odd(event.spec.scope, odd)
        if self.doubted and (scope := event.spec.scope) in self.doubted:
            self.doubted.discard(scope)
            self._on_readable(scope)
        return event

    def _emit_gap(self, record: SubscriptionRecord, proxy: Any, gap: Gap) -> None:
        if not record.is_closed and shiboken6.isValid(proxy):
            args = (record.spec.scope, gap.codes, datetime_of(gap.begin), datetime_of(gap.end))
            self._reporter.emit(proxy, proxy.name, proxy.gap_detected, *args)

    def _report_overflow(self, record: SubscriptionRecord, proxy: Any, lost: int) -> None:
        self.events_lost += lost
        if not record.is_closed and shiboken6.isValid(proxy):
            self._reporter.emit(proxy, proxy.name, proxy.overflowed, record.keys[0].type, lost)


def _scope_of(slot: LazyFrame) -> Scope:
    spec = spec_of(slot.head.type)
    return spec.scope if spec is not None else Scope.PUBLIC
