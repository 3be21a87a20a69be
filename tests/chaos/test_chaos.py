"""The chaos suite, shortly. For long: ``python -m tests.chaos``."""

from __future__ import annotations

import pytest

from tests.chaos.loop_watch import Waits
from tests.chaos.recovery import measure_all
from tests.chaos.world import Starved, run
from tests.support.cpu_share import Verdict, say_starved

LONGEST_TURN_S = 0.25
"""Of CPU time. Generous, because machines differ; docs/reliability.md has the figure."""


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1])
async def test_whatever_goes_wrong_nothing_is_lost(seed: int) -> None:
    try:
        figures = await run(seed, steps=25, rounds=2)
    except Starved as exc:
        say_starved(str(exc))
        return
    for each in figures.starved:
        say_starved(f"seed {seed}: {each}")
    assert figures.faults.total() >= 5
    assert figures.trades_checked > 100
    assert figures.duplicated == figures.violations == 0
    assert figures.longest_block_s < LONGEST_TURN_S


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_recovery_is_as_fast_as_promised() -> None:
    for scenario in await measure_all(at_once=14):
        assert scenario.measured_s > 0, str(scenario)
        assert scenario.verdict is not Verdict.BROKEN, str(scenario)
        if scenario.verdict is Verdict.STARVED:
            say_starved(str(scenario))
        if "time given" in scenario.name:
            # One before the fault, and one that was refused: it stays away as long as it was reported.
            assert scenario.handshakes in (2, None), scenario


def test_what_a_loop_waits_is_what_it_neither_rests_nor_computes() -> None:
    waits = Waits(0.005)
    now, cpu = waits._at, waits._cpu

    def beat(rested: float, computed: float, waited: float) -> None:
        nonlocal now, cpu
        now, cpu = now + rested + computed + waited, cpu + computed
        waits.add(now, cpu)

    beat(0.005, 0.0, 0.001)
    beat(0.005, 0.2, 0.0)
    assert (waits.waited_s, waits.longest_s) == (0.0, 0.0)
    beat(0.005, 0.2, 0.4)
    beat(0.005, 0.0, 0.1)
    assert waits.waited_s == pytest.approx(0.5)
    assert waits.longest_s == pytest.approx(0.4)
    assert waits.ran_s == pytest.approx(0.4)
