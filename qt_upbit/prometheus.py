"""Metrics in the text format of Prometheus.

Needs the extra ``prometheus``. The library opens no port: serve the text yourself, write it where
node-exporter's textfile collector looks, or register `UpbitCollector` with a registry that you serve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from qt_upbit.metrics import LatencySummary, Metrics, ScopeMetrics, SubscriptionMetrics
from qt_upbit.types import ConnectionState

__all__ = ["UpbitCollector", "prometheus_text"]

_SCOPE_COUNTERS: tuple[tuple[str, str], ...] = (
    ("messages", "Messages received."),
    ("wire_bytes", "Bytes read from the socket, before inflation."),
    ("inflated_bytes", "Bytes of the messages after inflation."),
    ("requests_sent", "Subscription requests sent."),
    ("reconnects", "Times an open connection was lost."),
    ("renewals", "Times a connection with a new token took over."),
    ("late_frames", "Frames that no subscriber wanted any more."),
    ("errors", "Errors reported."),
)
_SCOPE_GAUGES: tuple[tuple[str, str], ...] = (
    ("connections_open", "Sockets currently open."),
    ("streams", "Streams requested."),
    ("silence_s", "Seconds since the last data message."),
    ("data_age_s", "Seconds since the last live data message."),
)
_TOTALS: tuple[tuple[str, str], ...] = (
    ("events_delivered", "Events handed to callbacks and signals."),
    ("events_conflated", "Events replaced by newer ones before they were read; not a loss."),
    ("events_lost", "Events dropped at a high-water mark."),
    ("slices", "Times delivery yielded to Qt."),
)
_SUBSCRIPTION_COUNTERS: tuple[tuple[str, str], ...] = (
    ("delivered", "Events delivered."),
    ("conflated", "Events replaced by newer ones before they were read; not a loss."),
    ("overflowed", "Events dropped at a high-water mark."),
    ("slot_s", "Time spent in the callback and slots."),
)


class UpbitCollector(Collector):
    """Collects on demand, in the calling thread, which must be the GUI thread.

    Args:
        metrics: returns the current metrics, such as ``manager.metrics``.
        subscriptions: returns those of each subscription, such as ``manager.subscription_metrics``.
    """

    def __init__(
        self,
        metrics: Callable[[], Metrics],
        subscriptions: Callable[[], Sequence[SubscriptionMetrics]] = tuple,
    ) -> None:
        self._metrics = metrics
        self._subscriptions = subscriptions

    def describe(self) -> list[Metric]:
        """Nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The current metrics; times in seconds, sizes in bytes."""
        metrics = self._metrics()
        scopes = {scope.value: each for scope, each in metrics.scopes.items()}
        for name, text in _SCOPE_COUNTERS:
            yield _counter(name, text, ["scope"], (([s], getattr(m, name)) for s, m in scopes.items()))
        for name, text in _SCOPE_GAUGES:
            yield _gauge(name, text, ["scope"], (([s], getattr(m, name)) for s, m in scopes.items()))
        yield _gauge("state", "1 for the current state of a connection.", ["scope", "state"], _states(scopes))
        yield _latency(
            "transit", "From Upbit's timestamp to arrival.", {s: m.transit for s, m in scopes.items()}
        )
        for name, text in _TOTALS:
            yield _counter(name, text, [], [([], getattr(metrics, name))])
        yield _counter(
            "odd_fields", "Fields of another form than documented, which became None.", ["field"],
            (([field], count) for field, count in metrics.odd_fields.items()),
        )  # fmt: skip
        for name in ("proxies", "subscriptions"):
            yield _gauge(name, f"Live {name}.", [], [([], getattr(metrics, name))])
        yield _latency("latency", "From socket read to slot call.", {"": metrics.latency})
        yield _latency("loop_lag", "How late Qt's loop fires a timer.", {"": metrics.loop_lag})
        yield from self._of_subscriptions()

    def _of_subscriptions(self) -> Iterator[Metric]:
        sums: dict[tuple[str, str], list[SubscriptionMetrics]] = {}
        for each in self._subscriptions():
            # A proxy may have several of a type, and label sets must be unique.
            sums.setdefault((each.owner, each.type), []).append(each)
        for name, text in _SUBSCRIPTION_COUNTERS:
            rows = ((list(key), sum(getattr(each, name) for each in found)) for key, found in sums.items())
            yield _counter(f"subscription_{name}", text, ["proxy", "type"], rows)


def prometheus_text(metrics: Metrics, subscriptions: Sequence[SubscriptionMetrics] = ()) -> str:
    """The metrics as text, version 0.0.4 of the exposition format."""
    registry = CollectorRegistry()
    registry.register(UpbitCollector(lambda: metrics, lambda: subscriptions))
    return generate_latest(registry).decode()


_Rows = Iterable[tuple[list[str], float | None]]


def _name(name: str) -> str:
    return "qt_upbit_" + (name.removesuffix("_s") + "_seconds" if name.endswith("_s") else name)


def _counter(name: str, text: str, labels: list[str], rows: _Rows) -> Metric:
    family = CounterMetricFamily(_name(name), text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number or 0)
    return family


def _gauge(name: str, text: str, labels: list[str], rows: _Rows) -> Metric:
    family = GaugeMetricFamily(_name(name), text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def _states(scopes: dict[str, ScopeMetrics]) -> _Rows:
    for scope, metrics in scopes.items():
        for state in ConnectionState:
            yield [scope, state.value], float(metrics.state is state)


def _latency(name: str, text: str, summaries: dict[str, LatencySummary]) -> Metric:
    scoped = "" not in summaries
    labels = (["scope"] if scoped else []) + ["quantile"]
    family = GaugeMetricFamily(f"qt_upbit_{name}_seconds", text + " Over the last seconds.", labels=labels)
    for scope, summary in summaries.items():
        for quantile, value in (("0.5", summary.p50_s), ("0.9", summary.p90_s), ("0.99", summary.p99_s)):
            if summary.count:
                family.add_metric([*([scope] if scoped else []), quantile], value)
    return family
