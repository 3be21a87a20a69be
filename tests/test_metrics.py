"""Histogram and derived figures."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.metrics import LatencyHistogram, Metrics, ScopeMetrics

_latencies = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=200)


@given(_latencies, st.sampled_from([0.0, 0.01, 0.07, 0.5, 0.9, 0.99, 1.0]) | st.floats(0.0, 1.0))
def test_percentiles_are_those_of_a_sorted_list_to_the_bucket(seconds: list[float], fraction: float) -> None:
    histogram = LatencyHistogram()
    for one in seconds:
        histogram.record(one)
    exact = sorted(seconds)[max(0, math.ceil(fraction * len(seconds) - 1e-9) - 1)]
    told = histogram.percentile(fraction)
    assert exact <= told <= max(1.25 * exact, 0.00005) * (1 + 1e-9) or exact > 50.0
    assert told <= histogram.max_s == max(seconds)
    assert histogram.count == len(seconds)


@given(_latencies)
def test_percentiles_do_not_fall(seconds: list[float]) -> None:
    histogram = LatencyHistogram()
    for one in seconds:
        histogram.record(one)
    told = [histogram.percentile(i / 20) for i in range(21)]
    assert told == sorted(told)
    assert told[-1] == max(seconds)


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


def test_pictures_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Metrics().errors = 5  # type: ignore[misc]
