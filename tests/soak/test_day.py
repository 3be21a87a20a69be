"""The soak, shortly. For long: ``python -m tests.soak.day``."""

from __future__ import annotations

import math

import pytest

from tests.soak.day import Sample, run, slope_per_hour, verdict
from tests.support.cpu_share import CpuShare


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_few_market_hours_leave_nothing() -> None:
    share = CpuShare()
    figures = await run(hours=2.0, minutes=0.2, markets=60, rate=0.3, every_s=1.0)
    assert figures["samples"] >= 8
    assert figures["reconnects"] >= 2
    assert figures["delivered"] > 1000
    if figures["overflowed"]:
        share.excuse(f"{figures['overflowed']} events overflowed", 1.0)
    # So short a time is mostly warming up, and early in it each of the three connections may be down.
    assert verdict(figures, megabytes=25.0, objects=30_000, sockets=3) == []


def test_growth_by_the_hour() -> None:
    def sample(seconds: float, objects: int) -> Sample:
        return Sample(seconds, 0.0, objects, 0, 0, 0, 0, 0)

    assert slope_per_hour([sample(0, 5), sample(1800, 10), sample(3600, 15)], "objects") == (10.0, 0.0)
    assert slope_per_hour([sample(5.0, 7)], "objects") == (0.0, math.inf)
