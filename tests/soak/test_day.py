"""The soak, shortly. For long: ``python -m tests.soak.day``."""

from __future__ import annotations

import pytest

from tests.soak.day import run, verdict


@pytest.mark.timeout(120)
async def test_a_few_market_hours_leave_nothing() -> None:
    figures = await run(hours=2.0, minutes=0.2, markets=60, rate=0.3, every_s=1.0)
    assert figures["reconnects"] >= 2
    assert figures["delivered"] > 1000
    assert figures["overflowed"] == 0
    # So short a time is mostly warming up.
    assert verdict(figures, megabytes=25.0, objects=30_000) == []
