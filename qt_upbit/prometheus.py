"""Metrics in the text form of Prometheus, for programs that are watched from outside.

Needs the extra ``prometheus``. The library opens no port: give the text to a server of your own, write it
where node-exporter's textfile collector looks, or register `UpbitCollector` with a registry that you serve.
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
    ("wire_bytes", "Bytes read from the socket, as compressed."),
    ("inflated_bytes", "Bytes of the messages after inflation."),
    ("requests_sent", "Subscription requests sent."),
    ("reconnects", "Times an open connection was lost."),
    ("renewals", "Times a connection with a new token took over."),
    ("late_frames", "Frames that nobody waited for any more."),
    ("errors", "Errors reported."),
)
_SCOPE_GAUGES: tuple[tuple[str, str], ...] = (
    ("connections_open", "Sockets open now."),
    ("streams", "Streams wanted."),
    ("silence_s", "Seconds since the last message with data."),
)
_TOTALS: tuple[tuple[str, str], ...] = (
    ("events_delivered", "Events handed to callbacks and signals."),
    ("events_conflated", "Events replaced by newer ones before anyone read them; not a loss."),
    ("events_lost", "Events dropped at a high-water mark."),
    ("slices", "Times delivery was cut short to give Qt a turn."),
)
_SUBSCRIPTION_COUNTERS: tuple[tuple[str, str], ...] = (
    ("delivered", "Events handed over."),
    ("conflated", "Events replaced by newer ones before anyone read them; not a loss."),
    ("overflowed", "Events dropped at a high-water mark."),
    ("slot_s", "Time that the callback and the slots took."),
)


class UpbitCollector(Collector):
    """Collects when it is asked, in the thread that asks: it must be the GUI thread.

    Args:
        metrics: gives the figures of now, such as ``manager.metrics``.
        subscriptions: gives those of each subscription, such as ``manager.subscription_metrics``.
    """

    def __init__(
        self,
        metrics: Callable[[], Metrics],
        subscriptions: Callable[[], Sequence[SubscriptionMetrics]] = tuple,
    ) -> None:
        self._metrics = metrics
        self._subscriptions = subscriptions

    def describe(self) -> list[Metric]:
        """Nothing: registering it asks for no figures yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures of now; times in seconds, sizes in bytes."""
        metrics = self._metrics()
        scopes = {scope.value: each for scope, each in metrics.scopes.items()}
        for name, text in _SCOPE_COUNTERS:
            yield _counter(name, text, ["scope"], (([s], getattr(m, name)) for s, m in scopes.items()))
        for name, text in _SCOPE_GAUGES:
            yield _gauge(name, text, ["scope"], (([s], getattr(m, name)) for s, m in scopes.items()))
        yield _gauge("state", "1 for the state that a connection is in.", ["scope", "state"], _states(scopes))
        yield _latency(
            "transit", "From Upbit's timestamp to the arrival.", {s: m.transit for s, m in scopes.items()}
        )
        for name, text in _TOTALS:
            yield _counter(name, text, [], [([], getattr(metrics, name))])
        for name in ("proxies", "subscriptions"):
            yield _gauge(name, f"Live {name}.", [], [([], getattr(metrics, name))])
        yield _latency("latency", "From socket read to slot called.", {"": metrics.latency})
        yield _latency("loop_lag", "How late Qt's loop comes to a timer.", {"": metrics.loop_lag})
        yield from self._of_subscriptions()

    def _of_subscriptions(self) -> Iterator[Metric]:
        sums: dict[tuple[str, str], list[SubscriptionMetrics]] = {}
        for each in self._subscriptions():
            # A proxy may have several of a type, and one label must stand for one row.
            sums.setdefault((each.owner, each.type), []).append(each)
        for name, text in _SUBSCRIPTION_COUNTERS:
            rows = ((list(key), sum(getattr(each, name) for each in found)) for key, found in sums.items())
            yield _counter(f"subscription_{name}", text, ["proxy", "type"], rows)


def prometheus_text(metrics: Metrics, subscriptions: Sequence[SubscriptionMetrics] = ()) -> str:
    """The figures as text, version 0.0.4 of the exposition format."""
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
    family = GaugeMetricFamily(f"qt_upbit_{name}_seconds", text + " Of the last seconds.", labels=labels)
    for scope, summary in summaries.items():
        for quantile, value in (("0.5", summary.p50_s), ("0.9", summary.p90_s), ("0.99", summary.p99_s)):
            if summary.count:
                family.add_metric([*([scope] if scoped else []), quantile], value)
    return family
