"""Metrics as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from qt_upbit.metrics import LatencyHistogram, Metrics, ScopeMetrics, SubscriptionMetrics
from qt_upbit.prometheus import UpbitCollector, prometheus_text
from qt_upbit.types import ConnectionState, Delivery, Scope


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _metrics() -> Metrics:
    latency = LatencyHistogram()
    latency.record(0.002)
    public = ScopeMetrics(
        state=ConnectionState.LIVE, connections_open=1, messages=1234, wire_bytes=10, silence_s=0.5
    )
    return Metrics(
        scopes={Scope.PUBLIC: public, Scope.PRIVATE: ScopeMetrics()},
        proxies=3,
        events_delivered=99,
        latency=latency.summary(),
        odd_fields={"ticker.change_rate": 7},
    )


def test_a_reader_of_prometheus_finds_the_figures() -> None:
    found = _samples(prometheus_text(_metrics()))
    public = (("scope", "public"),)
    assert found["qt_upbit_messages_total", public] == 1234
    assert found["qt_upbit_connections_open", public] == 1
    assert found["qt_upbit_silence_seconds", public] == 0.5
    assert found["qt_upbit_state", (*public, ("state", "live"))] == 1
    assert found["qt_upbit_state", (("scope", "private"), ("state", "live"))] == 0
    assert found["qt_upbit_events_delivered_total", ()] == 99
    assert found["qt_upbit_proxies", ()] == 3
    assert found["qt_upbit_odd_fields_total", (("field", "ticker.change_rate"),)] == 7
    assert found["qt_upbit_latency_seconds", (("quantile", "0.5"),)] == 0.002


def test_what_is_unknown_is_left_out_and_not_zero() -> None:
    found = _samples(prometheus_text(_metrics()))
    assert ("qt_upbit_silence_seconds", (("scope", "private"),)) not in found
    assert ("qt_upbit_loop_lag_seconds", (("quantile", "0.5"),)) not in found


def test_subscriptions_of_a_proxy_are_added_up_and_odd_names_survive() -> None:
    name = 'my "chart"\n'
    one = SubscriptionMetrics(name, "ticker", 2, Delivery.LATEST, delivered=5, slot_s=0.25)
    found = _samples(prometheus_text(_metrics(), (one, one)))
    labels = (("proxy", name), ("type", "ticker"))
    assert found["qt_upbit_subscription_delivered_total", labels] == 10
    assert found["qt_upbit_subscription_slot_seconds_total", labels] == 0.5


def test_a_collector_asks_for_figures_only_when_it_is_asked() -> None:
    asked: list[int] = []

    def metrics() -> Metrics:
        asked.append(1)
        return _metrics()

    registry = CollectorRegistry()
    registry.register(UpbitCollector(metrics))
    assert asked == []
    assert registry.get_sample_value("qt_upbit_messages_total", {"scope": "public"}) == 1234
    assert asked == [1]
