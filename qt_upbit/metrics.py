"""Counters and what is derived from them. Pure: time is an argument."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from qt_upbit.types import ConnectionState, Scope

__all__ = ["LatencyHistogram", "Metrics", "ScopeMetrics"]


class LatencyHistogram:
    """Latencies in buckets that grow by a quarter; percentiles are exact to the bucket.

    Bounded whatever happens: 64 integers.
    """

    _FACTOR = 1.25
    _FIRST_S = 0.00005

    def __init__(self) -> None:
        self._bounds = [self._FIRST_S * self._FACTOR**i for i in range(63)]
        self._counts = [0] * 64
        self.count = 0
        self.max_s = 0.0

    def record(self, seconds: float) -> None:
        """Add one latency, in seconds; negative ones (a clock that stepped) count as 0."""
        self.count += 1
        if seconds > self.max_s:
            self.max_s = seconds
        self._counts[bisect_left(self._bounds, seconds)] += 1

    def percentile(self, fraction: float) -> float:
        """The upper bound of the bucket in which `fraction` of all latencies is reached, seconds."""
        if not self.count:
            return 0.0
        seen = 0
        for i, count in enumerate(self._counts):
            seen += count
            # Rounding must not push an exact rank over the edge.
            if seen and seen >= fraction * self.count - 1e-9:
                return min(self._bounds[i], self.max_s) if i < 63 else self.max_s
        return self.max_s


@dataclass(frozen=True, slots=True)
class ScopeMetrics:
    """One connection.

    Attributes:
        state: health.
        connections_open: sockets open at this moment: 0 or 1.
        messages: data and control messages received, total.
        messages_per_second: over the last metrics interval.
        wire_bytes: bytes read from the socket, as compressed.
        inflated_bytes: bytes after inflation.
        requests_sent: subscription requests, total.
        reconnects: times an open connection was lost.
        renewals: times a connection with a new token took over.
        stray_frames: frames that nobody waited for any more.
        streams: streams wanted.
        errors: errors reported.
    """

    state: ConnectionState = ConnectionState.IDLE
    connections_open: int = 0
    messages: int = 0
    messages_per_second: float = 0.0
    wire_bytes: int = 0
    inflated_bytes: int = 0
    requests_sent: int = 0
    reconnects: int = 0
    renewals: int = 0
    stray_frames: int = 0
    streams: int = 0
    errors: int = 0

    @property
    def compression_saving(self) -> float:
        """Fraction of bytes that compression saved, 0 to 1."""
        return 1.0 - self.wire_bytes / self.inflated_bytes if self.inflated_bytes > self.wire_bytes else 0.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """A picture of the whole library at one moment.

    Attributes:
        scopes: one row per endpoint.
        proxies: live proxies.
        subscriptions: open subscriptions.
        events_delivered: events handed to callbacks and signals, total.
        events_conflated: events replaced by newer ones before anyone read them, total. Not a loss.
        events_lost: events dropped at a high-water mark, total; each was reported by ``overflowed``.
        errors: errors reported, total.
        latency_p50_s, latency_p99_s, latency_max_s: from socket read to slot called, seconds.
    """

    scopes: Mapping[Scope, ScopeMetrics] = field(default_factory=dict)
    proxies: int = 0
    subscriptions: int = 0
    events_delivered: int = 0
    events_conflated: int = 0
    events_lost: int = 0
    errors: int = 0
    latency_p50_s: float = 0.0
    latency_p99_s: float = 0.0
    latency_max_s: float = 0.0
