"""The tests' own measure of what the machine gave them."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest

from tests.support import cpu_share
from tests.support.cpu_share import CpuShare, StarvedWarning, Verdict, own_time, say_starved


@pytest.fixture
def starve(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Seconds that each thread waited; to be changed."""
    waits = {"1": 3.0, "2": 0.5}
    monkeypatch.setattr(cpu_share, "_thread_waits", lambda: dict(waits))
    monkeypatch.setattr(cpu_share, "_THREADS", Path("/"))
    return waits


def test_a_bound_that_is_kept_needs_no_excuse(starve: dict[str, float]) -> None:
    share = CpuShare()
    starve["1"] += 100.0
    assert share.judge(1.0, 1.0) is Verdict.KEPT
    share.check("it", 1.0, 1.0)


def test_what_the_machine_took_is_no_fault(starve: dict[str, float]) -> None:
    share = CpuShare()
    starve["1"] += 1.5
    starve["2"] += 0.5
    starve["3"] = 1.0  # began since
    assert share.starved_s == pytest.approx(3.0)
    assert share.judge(3.9, 1.0) is Verdict.STARVED
    assert share.judge(4.1, 1.0) is Verdict.BROKEN
    with pytest.warns(
        StarvedWarning, match=r"starved: it took 3\.90 s, promised are 1 s; the process had \d+%"
    ):
        share.check("it", 3.9, 1.0)


def test_what_must_not_be_is_excused_by_what_the_machine_took(starve: dict[str, float]) -> None:
    share = CpuShare()
    with pytest.raises(AssertionError, match="a limit was broken"):
        share.excuse("a limit was broken", 0.1)
    starve["1"] += 0.2
    with pytest.warns(StarvedWarning, match="a limit was broken"):
        share.excuse("a limit was broken", 0.1)


def test_slowness_of_our_own_is_one(starve: dict[str, float]) -> None:
    share = CpuShare()
    assert share.starved_s == 0.0
    with pytest.raises(AssertionError, match=r"it took 1\.10 s and not 1 s"):
        share.check("it", 1.1, 1.0)


def test_starving_is_said_where_warnings_are_errors() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("error")
        say_starved("a bound")
    assert [str(each.message) for each in said] == ["starved: a bound"]


def test_the_own_clock_never_overtakes_the_one_on_the_wall() -> None:
    began, own_began = time.monotonic(), own_time()
    while time.process_time() % 0.01 < 0.005:
        pass
    while time.process_time() % 0.01 >= 0.005:
        pass
    own = own_time() - own_began
    assert 0.0 < own <= time.monotonic() - began


def test_without_a_word_of_the_system_the_others_share_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_share, "_THREADS", Path("/there/is/no/such/folder"))
    share = CpuShare()
    while share.elapsed_s < 0.02:
        pass
    assert 0.0 <= share.starved_s <= share.elapsed_s
    assert 0.0 < share.share <= 1.0
