"""Histogram and derived figures."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.metrics import LatencyHistogram, LatencySummary, Metrics, RecentLatency, ScopeMetrics

_latencies = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=200)


@given(_latencies, st.sampled_from([0.0, 0.01, 0.07, 0.5, 0.9, 0.99, 1.0]) | st.floats(0.0, 1.0))
def test_percentiles_are_those_of_a_sorted_list_to_the_bucket(seconds: list[float], fraction: float) -> None:
    histogram = LatencyHistogram()
    for one in seconds:
        histogram.record(one)
    exact = sorted(seconds)[max(0, math.ceil(fraction * len(seconds) - 1e-9) - 1)]
    measured = histogram.percentile(fraction)
    assert exact <= measured <= max(1.25 * exact, 0.00005) * (1 + 1e-9) or exact > 50.0
    assert measured <= histogram.max_s == max(seconds)
    assert histogram.count == len(seconds)


@given(_latencies)
def test_percentiles_do_not_fall(seconds: list[float]) -> None:
    histogram = LatencyHistogram()
    for one in seconds:
        histogram.record(one)
    measured = [histogram.percentile(i / 20) for i in range(21)]
    assert measured == sorted(measured)
    assert measured[-1] == max(seconds)


def test_nothing_recorded_is_zero() -> None:
    histogram = LatencyHistogram()
    assert histogram.percentile(0.5) == histogram.max_s == 0.0


def test_odd_latencies() -> None:
    histogram = LatencyHistogram()
    for seconds in (-5.0, 0.0, 1e9, float("inf"), float("nan")):
        histogram.record(seconds)
    assert histogram.count == 5
    assert histogram.percentile(0.1) <= 0.00005
    assert len(histogram._counts) == 64
    assert sum(histogram._counts) == 5


@pytest.mark.parametrize(
    ("wire", "inflated", "saving"),
    [(0, 0, 0.0), (250, 1000, 0.75), (1000, 1000, 0.0), (1100, 1000, 0.0), (0, 1000, 1.0)],
)
def test_compression_saving(wire: int, inflated: int, saving: float) -> None:
    assert ScopeMetrics(wire_bytes=wire, inflated_bytes=inflated).compression_saving == saving


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_compression_saving_is_a_fraction(wire: int, inflated: int) -> None:
    assert 0.0 <= ScopeMetrics(wire_bytes=wire, inflated_bytes=inflated).compression_saving <= 1.0


def test_metrics_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Metrics().errors = 5


# --- the last seconds ------------------------------------------------------------------------------


def test_a_summary_says_what_was_recorded() -> None:
    histogram = LatencyHistogram()
    for ms in (1, 1, 1, 1, 1, 1, 1, 1, 1, 100):
        histogram.record(ms / 1000)
    measured = histogram.summary()
    assert measured.count == 10
    assert 0.001 <= measured.p50_s <= measured.p90_s <= 0.00125
    assert measured.p99_s == measured.max_s == 0.1
    assert [count for _, count in measured.buckets] == [9, 1]
    assert [bound for bound, _ in measured.buckets] == sorted(bound for bound, _ in measured.buckets)
    assert LatencyHistogram().summary() == LatencySummary()


def test_what_is_longer_than_every_bucket_is_reported_by_its_length() -> None:
    histogram = LatencyHistogram()
    histogram.record(90.0)
    assert histogram.summary().buckets == ((90.0, 1),)


def test_a_bad_second_is_forgotten_after_one_or_two_windows() -> None:
    recent = RecentLatency(window_s=10.0)
    recent.roll(0.0)
    recent.record(5.0)
    recent.roll(9.9)
    assert recent.summary().max_s == 5.0
    recent.roll(10.0)
    recent.record(0.001)
    assert recent.summary().max_s == 5.0
    assert recent.summary().count == 2
    recent.roll(20.0)
    assert recent.summary().max_s == 0.001
    assert recent.summary().count == 1


def test_after_a_sleep_what_was_before_is_old() -> None:
    recent = RecentLatency(window_s=10.0)
    recent.roll(0.0)
    recent.record(5.0)
    recent.roll(3600.0)
    assert recent.summary().count == 0
