"""Records that go to a temporary file come back as they were, newest first, and none is made up."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.market.record_log import Layout, RecordLog, SpillFile

NARROW = st.integers(-(2**63), 2**63 - 1)
WIDE = st.integers(-(2**127), 2**127 - 1)
ROWS = st.lists(st.tuples(st.integers(0, 5), NARROW, WIDE), max_size=200)


def filled(count: int, spill: SpillFile, block: int = 4) -> RecordLog:
    log = RecordLog(spill, Layout("qw", block))
    for key in range(count):
        log.append((key, key * 2**70))
    return log


@given(ROWS, st.integers(1, 7), st.integers(-1, 900))
def test_what_was_appended_comes_back(rows: list[tuple[int, int, int]], block: int, before: int) -> None:
    log, key, kept = RecordLog(SpillFile(), Layout("qqw", block)), 0, []
    for step, narrow, wide in rows:
        key += step
        kept.append((key, narrow, wide))
        log.append(kept[-1])
    found = list(log.backwards(before))
    assert found == [row for row in reversed(kept) if row[0] < before]
    assert log.is_complete


def test_any_record_is_found_in_a_long_log_with_a_small_index() -> None:
    log = filled(20_000, SpillFile())
    assert len(log._keys) <= 65
    for before in (0, 1, 3, 4, 5, 255, 256, 257, 9_999, 19_996, 19_999, 20_000, 2**62):
        newest = next(log.backwards(before), None)
        right = min(before, 20_000) - 1
        assert newest == (None if right < 0 else (right, right * 2**70))
    assert [row[0] for row in log.backwards(700)] == list(range(699, -1, -1))


def test_what_is_appended_during_a_reading_does_not_disturb_it() -> None:
    log = filled(10, SpillFile())
    reading = log.backwards(2**62)
    assert next(reading)[0] == 9
    for key in range(10, 400):
        log.append((key, 0))
    assert [row[0] for row in reading] == list(range(8, -1, -1))


def test_the_oldest_is_given_up_when_the_file_is_full() -> None:
    spill = SpillFile(limit=4_000)
    log = filled(5_000, spill)
    kept = [row[0] for row in log.backwards(2**62)]
    assert kept == list(range(4_999, kept[-1] - 1, -1)), "what is left has no hole"
    assert kept[-1] > 0
    assert spill.size <= 4_000 + 2 * (8 + 4 * 24)
    assert not log.is_complete


class _Full:
    """A disk without room."""

    def seek(self, position: int) -> int:
        return position

    def write(self, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        pass


def test_a_full_disk_costs_history_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: _Full())
    log = filled(42, SpillFile())
    assert [row[0] for row in log.backwards(2**62)] == [41, 40]
    assert not log.is_complete
    assert [record.message for record in caplog.records] == [
        "the simulated exchange cannot keep all of its history: [Errno 28] No space left on device"
    ]


def test_closing_removes_the_file_and_ends_the_history(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spill = SpillFile()
    log = filled(50, spill)
    files = [file for _, file in spill._files]
    spill.close()
    assert all(file.closed for file in files)
    assert not list(tmp_path.iterdir())
    assert [row[0] for row in log.backwards(2**62)] == [49, 48]
    assert not log.is_complete
    for key in range(50, 60):
        log.append((key, 0))
    assert [row[0] for row in log.backwards(2**62)] == list(range(59, 47, -1))


def test_the_file_goes_with_its_exchange(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    log = filled(50, SpillFile())
    (file,) = [file for _, file in log._spill._files]
    del log
    gc.collect()
    assert file.closed
    assert not list(tmp_path.iterdir())
