"""Counters and what is derived from them. Pure: time is an argument."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from qt_upbit.types import ConnectionState, Delivery, Scope

__all__ = [
    "LatencyHistogram",
    "LatencySummary",
    "Metrics",
    "RecentLatency",
    "ScopeMetrics",
    "SubscriptionMetrics",
]


_BOUNDS: Final = tuple(0.00005 * 1.25**i for i in range(63))
"""Upper bounds of a histogram's buckets, seconds; what is longer has one more."""


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """How long something took, over some time. Seconds; percentiles are exact to a quarter.

    Attributes:
        count: how often it was measured.
        p50_s, p90_s, p99_s: half, nine tenths and ninety-nine hundredths took no longer.
        max_s: the longest.
        buckets: ``(upper bound in seconds, how many)``, without empty ones, shortest first.
    """

    count: int = 0
    p50_s: float = 0.0
    p90_s: float = 0.0
    p99_s: float = 0.0
    max_s: float = 0.0
    buckets: tuple[tuple[float, int], ...] = ()


class LatencyHistogram:
    """Latencies in buckets that grow by a quarter; percentiles are exact to the bucket.

    Bounded whatever happens: 64 integers.
    """

    def __init__(self) -> None:
        self._counts = [0] * 64
        self.count = 0
        self.max_s = 0.0

    def record(self, seconds: float) -> None:
        """Add one latency, in seconds; negative ones (a clock that stepped) count as 0."""
        self.count += 1
        if seconds > self.max_s:
            self.max_s = seconds
        self._counts[bisect_left(_BOUNDS, seconds)] += 1

    def percentile(self, fraction: float) -> float:
        """The upper bound of the bucket in which `fraction` of all latencies is reached, seconds."""
        if not self.count:
            return 0.0
        seen = 0
        for i, count in enumerate(self._counts):
            seen += count
            # Rounding must not push an exact rank over the edge.
            if seen and seen >= fraction * self.count - 1e-9:
                return min(_BOUNDS[i], self.max_s) if i < 63 else self.max_s
        return self.max_s

    def add(self, other: LatencyHistogram) -> None:
        """Add what another one has recorded."""
        self.count += other.count
        self.max_s = max(self.max_s, other.max_s)
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]

    def summary(self) -> LatencySummary:
        """What was recorded, as figures."""
        bounds = (*_BOUNDS, self.max_s)
        return LatencySummary(
            count=self.count,
            p50_s=self.percentile(0.5),
            p90_s=self.percentile(0.9),
            p99_s=self.percentile(0.99),
            max_s=self.max_s,
            buckets=tuple((bounds[i], count) for i, count in enumerate(self._counts) if count),
        )


class RecentLatency:
    """Latencies of the last seconds: between `window_s` and twice that.

    Args:
        window_s: seconds.
    """

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._before = LatencyHistogram()
        self._now = LatencyHistogram()
        self._since: float | None = None
        self.record = self._now.record
        """Add one latency, in seconds."""

    def roll(self, now: float) -> None:
        """Forget what is too old; to be called now and then."""
        if self._since is None:
            self._since = now
        elif now - self._since >= self._window_s:
            # After a long pause, such as a machine's sleep, what came before it is old as well.
            is_recent = now - self._since < 2 * self._window_s
            self._before = self._now if is_recent else LatencyHistogram()
            self._now = LatencyHistogram()
            self.record = self._now.record
            self._since = now

    def summary(self) -> LatencySummary:
        """What is remembered, as figures."""
        both = LatencyHistogram()
        both.add(self._before)
        both.add(self._now)
        return both.summary()


@dataclass(frozen=True, slots=True)
class ScopeMetrics:
    """One connection.

    Attributes:
        state: health.
        connections_open: sockets open at this moment: 0 or 1.
        messages: data and control messages received, total.
        messages_per_second: over the last metrics interval.
        wire_bytes: bytes read from the socket, as compressed.
        wire_bytes_per_second: over the last metrics interval.
        inflated_bytes: bytes after inflation.
        inflated_bytes_per_second: over the last metrics interval.
        silence_s: seconds since the last data message; None while there is no connection with data.
        transit: from Upbit's ``timestamp`` to the arrival here, of a sample of changes. Wrong by as much as
            the two clocks differ; where this one is behind, 0.
        requests_sent: subscription requests, total.
        reconnects: times an open connection was lost.
        renewals: times a connection with a new token took over.
        late_frames: frames that nobody waited for any more.
        streams: streams wanted.
        errors: errors reported.
    """

    state: ConnectionState = ConnectionState.IDLE
    connections_open: int = 0
    messages: int = 0
    messages_per_second: float = 0.0
    wire_bytes: int = 0
    wire_bytes_per_second: float = 0.0
    inflated_bytes: int = 0
    inflated_bytes_per_second: float = 0.0
    silence_s: float | None = None
    transit: LatencySummary = LatencySummary()
    requests_sent: int = 0
    reconnects: int = 0
    renewals: int = 0
    late_frames: int = 0
    streams: int = 0
    errors: int = 0

    @property
    def compression_saving(self) -> float:
        """Fraction of bytes that compression saved, 0 to 1."""
        return 1.0 - self.wire_bytes / self.inflated_bytes if self.inflated_bytes > self.wire_bytes else 0.0


@dataclass(frozen=True, slots=True)
class SubscriptionMetrics:
    """What one subscription got and cost.

    Attributes:
        owner: name of its proxy.
        type: Upbit's type, for example ``ticker``.
        codes: pairs; 0 for all of a type, or where there are none.
        delivery: how events reach it.
        delivered: events handed over, total.
        conflated: events replaced by newer ones before anyone read them, total. Not a loss.
        overflowed: events dropped at a high-water mark, total.
        waiting: events in its buffer.
        slot_s: seconds that its callback and slots took, total.
        slot_max_s: the longest, of one event or one batch.
    """

    owner: str
    type: str
    codes: int
    delivery: Delivery
    delivered: int = 0
    conflated: int = 0
    overflowed: int = 0
    waiting: int = 0
    slot_s: float = 0.0
    slot_max_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """A snapshot of the whole library at one moment.

    Attributes:
        scopes: one row per endpoint.
        proxies: live proxies.
        subscriptions: open subscriptions.
        events_delivered: events handed to callbacks and signals, total.
        events_conflated: events replaced by newer ones before anyone read them, total. Not a loss.
        events_lost: events dropped at a high-water mark, total; each was reported by ``overflowed``.
        errors: errors reported, total.
        latency: from socket read to slot called, of one event in eight of each subscription, over the last
            ten to twenty seconds. Under LATEST and BATCH that includes the wait for the next frame.
        loop_lag: how much too late Qt's loop came to a timer, over the same time: how long the window was
            busy.
        slices: times that delivery was cut short to give Qt a turn, total.
    """

    scopes: Mapping[Scope, ScopeMetrics] = field(default_factory=dict)
    proxies: int = 0
    subscriptions: int = 0
    events_delivered: int = 0
    events_conflated: int = 0
    events_lost: int = 0
    errors: int = 0
    latency: LatencySummary = LatencySummary()
    loop_lag: LatencySummary = LatencySummary()
    slices: int = 0

    @property
    def latency_p50_s(self) -> float:
        """Half of all events took no longer from socket read to slot called, seconds."""
        return self.latency.p50_s

    @property
    def latency_p99_s(self) -> float:
        """Ninety-nine of a hundred took no longer, seconds."""
        return self.latency.p99_s

    @property
    def latency_max_s(self) -> float:
        """The longest, seconds."""
        return self.latency.max_s
