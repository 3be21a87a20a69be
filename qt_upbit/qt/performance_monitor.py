"""`PerformanceMonitor`: measures the library, cheaply enough to be always on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

from qt_upbit.metrics import LatencySummary, RecentLatency, ScopeMetrics, SubscriptionMetrics
from qt_upbit.qt.scope_link import ScopeLink
from qt_upbit.qt.subscription import SubscriptionRecord
from qt_upbit.routing.fanout_hub import FanoutHub, LazyFrame, Subscriber
from qt_upbit.types import BaseWebSocketEvent, Scope, StreamKey, StreamType

__all__ = ["PerformanceMonitor"]

_LAG_MS: Final = 100
"""Interval of the loop lag measurement."""
_TRANSIT_EVERY: Final = 2
"""One in this many observed events is measured from Upbit's timestamp."""


class PerformanceMonitor(QObject):
    """Latencies, rates and totals of one manager.

    Args:
        links: counted for bytes and messages.
        hub: counted for subscribers.
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.
        parent: owner.
        live_at: when the last change of a stream came, of the same clock.
    """

    def __init__(
        self,
        links: Mapping[Scope, ScopeLink],
        hub: FanoutHub,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        parent: QObject,
        live_at: Callable[[StreamKey], float | None],
    ) -> None:
        super().__init__(parent)
        self.setObjectName("qt_upbit performance monitor")
        self._links = links
        self._hub = hub
        self._live_at = live_at
        self._clock = clock
        self._wall_clock = wall_clock
        self._latency = RecentLatency()
        self._lag = RecentLatency()
        self._transit = {scope: RecentLatency() for scope in links}
        self._until_transit = 0
        self._epoch_s = wall_clock() - clock()
        """Wall clock at monotonic time 0, as of the last update."""
        self._updated_at = clock()
        self._totals = dict.fromkeys(links, (0, 0, 0))
        self._rates = dict.fromkeys(links, (0.0, 0.0, 0.0))
        self._past_delivered = self._past_conflated = 0
        self._expected_at = 0.0
        self.turns = 0
        """Increases while Qt's loop runs, a nested one as well."""
        self._lag_timer = QTimer(self)
        self._lag_timer.setObjectName("qt_upbit loop lag")
        self._lag_timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._lag_timer.setInterval(_LAG_MS)
        self._lag_timer.timeout.connect(self._on_lag)

    def start(self) -> None:
        """A scope is connected: start measuring the loop lag."""
        if not self._lag_timer.isActive():
            self._expected_at = self._clock() + _LAG_MS / 1000
            self._lag_timer.start()

    def stop(self) -> None:
        """Nothing is connected: an idle program should have no timer wake-ups."""
        self._lag_timer.stop()

    # --- measuring ---------------------------------------------------------------------------------

    def saw(self, slot: LazyFrame, event: BaseWebSocketEvent, now: float) -> None:
        """Record an event that is about to be delivered; called for a sample of them."""
        self._latency.record(now - slot.received_at)
        self._until_transit -= 1
        if self._until_transit < 0:
            self._until_transit = _TRANSIT_EVERY - 1
            # A first snapshot may be as old as the last trade.
            if event.stream_type is StreamType.REALTIME:
                arrived_at = self._epoch_s + slot.received_at
                self._transit[event.spec.scope].record(arrived_at - event.timestamp / 1000)

    def forget(self, subscriber: Subscriber) -> None:
        """A subscriber is removed; its events still count."""
        self._past_delivered += subscriber.delivered
        self._past_conflated += subscriber.conflated

    def _on_lag(self) -> None:
        self.turns += 1
        now = self._clock()
        self._lag.record(now - self._expected_at)
        self._expected_at = now + _LAG_MS / 1000

    def update(self) -> None:
        """Compute the rates since the last update, and drop old latencies."""
        now = self._clock()
        elapsed, self._updated_at = now - self._updated_at, now
        self._epoch_s = self._wall_clock() - now
        for scope, link in self._links.items():
            counters = link.client.counters
            totals = (counters.messages, counters.wire_bytes, counters.inflated_bytes)
            before, self._totals[scope] = self._totals[scope], totals
            messages, wire, inflated = (
                (new - old) / elapsed if elapsed > 0 else 0.0 for new, old in zip(totals, before, strict=True)
            )
            self._rates[scope] = (messages, wire, inflated)
            self._transit[scope].roll(now)
        self._latency.roll(now)
        self._lag.roll(now)

    # --- reading -----------------------------------------------------------------------------------

    def rates(self, scope: Scope) -> tuple[float, float, float]:
        """Messages, wire bytes and inflated bytes per second."""
        return self._rates[scope]

    def transit(self, scope: Scope) -> LatencySummary:
        """From Upbit's timestamp to arrival here."""
        return self._transit[scope].summary()

    @property
    def latency(self) -> LatencySummary:
        """From socket read to slot call."""
        return self._latency.summary()

    @property
    def loop_lag(self) -> LatencySummary:
        """How late Qt's loop fired a timer."""
        return self._lag.summary()

    @property
    def delivered(self) -> int:
        """Events delivered, total."""
        return self._past_delivered + sum(subscriber.delivered for subscriber in self._hub)

    @property
    def conflated(self) -> int:
        """Events replaced before they were read, total."""
        return self._past_conflated + sum(subscriber.conflated for subscriber in self._hub)

    def scope_metrics(self, scope: Scope, *, streams: int, errors: int) -> ScopeMetrics:
        """Counters of a scope's connection.

        Args:
            scope: which one.
            streams: number of its requested streams.
            errors: number of its errors.
        """
        connection, client = self._links[scope].connection, self._links[scope].client
        messages, wire_bytes, inflated_bytes = self._rates[scope]
        return ScopeMetrics(
            state=connection.state,
            connections_open=client.open_sockets,
            messages=client.counters.messages,
            messages_per_second=messages,
            wire_bytes=client.counters.wire_bytes,
            wire_bytes_per_second=wire_bytes,
            inflated_bytes=client.counters.inflated_bytes,
            inflated_bytes_per_second=inflated_bytes,
            silence_s=connection.silence_s(self._clock()),
            data_age_s=connection.data_age_s(self._clock()),
            transit=self.transit(scope),
            requests_sent=connection.requests_sent,
            reconnects=connection.reconnects,
            renewals=connection.renewals,
            late_frames=connection.late_frames,
            streams=streams,
            errors=errors,
        )

    def subscription_metrics(self, records: Iterable[SubscriptionRecord]) -> Iterator[SubscriptionMetrics]:
        """What each of these subscriptions received and cost."""
        now, live_at = self._clock(), self._live_at
        for record in records:
            subscriber = self._hub.get(record.id)
            if subscriber is not None:
                yield SubscriptionMetrics(
                    owner=subscriber.owner,
                    type=record.keys[0].type,
                    codes=sum(bool(key.code) for key in record.keys),
                    delivery=record.delivery,
                    delivered=subscriber.delivered,
                    conflated=subscriber.conflated,
                    overflowed=subscriber.overflowed,
                    waiting=subscriber.waiting,
                    slot_s=subscriber.slot_s,
                    slot_max_s=subscriber.slot_max_s,
                    data_age_s={
                        key.code: now - at for key in record.keys if (at := live_at(key)) is not None
                    },
                )
