"""Counters and figures derived from them. Pure: time is an argument."""

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
"""Upper bounds of a histogram's buckets, seconds; one more bucket is for longer times."""


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Latencies over a period, in seconds; percentiles are accurate to 25 %.

    Attributes:
        count: number of measurements.
        p50_s, p90_s, p99_s: percentiles.
        max_s: the longest.
        buckets: ``(upper bound in seconds, count)``, without empty ones, shortest first.
    """

    count: int = 0
    p50_s: float = 0.0
    p90_s: float = 0.0
    p99_s: float = 0.0
    max_s: float = 0.0
    buckets: tuple[tuple[float, int], ...] = ()


class LatencyHistogram:
    """Latencies in buckets that grow by 25 %; percentiles are accurate to the bucket.

    Memory is bounded: 64 integers.
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
        """Upper bound of the bucket in which `fraction` of all latencies is reached, seconds."""
        if not self.count:
            return 0.0
        seen = 0
        for i, count in enumerate(self._counts):
            seen += count
            # Rounding must not push an exact rank into the next bucket.
            if seen and seen >= fraction * self.count - 1e-9:
                return min(_BOUNDS[i], self.max_s) if i < 63 else self.max_s
        return self.max_s

    def add(self, other: LatencyHistogram) -> None:
        """Add the latencies of another histogram."""
        self.count += other.count
        self.max_s = max(self.max_s, other.max_s)
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]

    def summary(self) -> LatencySummary:
        """The recorded latencies as figures."""
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
    """Latencies of the most recent seconds: between `window_s` and twice that.

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
        """Drop what is too old; call it regularly."""
        if self._since is None:
            self._since = now
        elif now - self._since >= self._window_s:
            # After a long pause, such as system sleep, everything from before it is too old as well.
            is_recent = now - self._since < 2 * self._window_s
            self._before = self._now if is_recent else LatencyHistogram()
            self._now = LatencyHistogram()
            self.record = self._now.record
            self._since = now

    def summary(self) -> LatencySummary:
        """The recent latencies as figures."""
        both = LatencyHistogram()
        both.add(self._before)
        both.add(self._now)
        return both.summary()


@dataclass(frozen=True, slots=True)
class ScopeMetrics:
    """Metrics of one connection.

    Attributes:
        state: health.
        connections_open: sockets currently open: 0 or 1.
        messages: data and control messages received, total.
        messages_per_second: over the last metrics interval.
        wire_bytes: bytes read from the socket, before inflation.
        wire_bytes_per_second: over the last metrics interval.
        inflated_bytes: bytes after inflation.
        inflated_bytes_per_second: over the last metrics interval.
        silence_s: seconds since the last data message; None without a connection or before its first data.
        data_age_s: seconds since the last live data message, over reconnects too; first snapshots do not
            count. None before the first one.
        transit: from Upbit's ``timestamp`` to arrival here, of a sample of changes. Off by the difference
            between the two clocks; 0 if ours is behind.
        requests_sent: subscription requests, total.
        reconnects: times an open connection was lost.
        renewals: times a connection with a new token took over.
        late_frames: frames that no subscriber wanted any more.
        streams: streams requested.
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
    data_age_s: float | None = None
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
    """What one subscription received and cost.

    Attributes:
        owner: name of its proxy.
        type: Upbit's type, for example ``ticker``.
        codes: number of pairs; 0 for all pairs or for types without codes.
        delivery: how events reach it.
        delivered: events handed over, total.
        conflated: events replaced by newer ones before they were read, total. Not a loss.
        overflowed: events dropped at a high-water mark, total.
        waiting: events currently in its buffer.
        slot_s: time spent in its callback and slots, seconds, total.
        slot_max_s: the longest for one event or one batch, seconds.
        data_age_s: seconds since the last live event of each stream, by code; first snapshots do not count. A
            stream that has shown none is missing. Types without codes have the empty one.
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
    data_age_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of the whole library at one moment.

    Attributes:
        scopes: metrics by endpoint.
        proxies: live proxies.
        subscriptions: open subscriptions.
        events_delivered: events handed to callbacks and signals, total.
        events_conflated: events replaced by newer ones before they were read, total. Not a loss.
        events_lost: events dropped at a high-water mark, total; each was reported by ``overflowed``.
        errors: errors reported, total.
        odd_fields: how often a field, ``ticker.change_rate``, of decoded frames was not what Upbit documents.
        latency: from socket read to slot call, of one event in eight of each subscription, over the last ten
            to twenty seconds. Under LATEST and BATCH it includes the wait for the next screen frame.
        loop_lag: how late Qt's loop fired a timer, over the same period: how long the GUI thread was busy.
        slices: times delivery yielded to Qt, total.
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
    odd_fields: Mapping[str, int] = field(default_factory=dict)

    @property
    def latency_p50_s(self) -> float:
        """Median latency from socket read to slot call, seconds."""
        return self.latency.p50_s

    @property
    def latency_p99_s(self) -> float:
        """99th percentile of the latency, seconds."""
        return self.latency.p99_s

    @property
    def latency_max_s(self) -> float:
        """Longest latency, seconds."""
        return self.latency.max_s
