"""What was recorded is what is replayed, event for event, also after a pause, a seek or a cut."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from qt_upbit import models
from qt_upbit.simulator import RecordingHeader, RecordingWriter, Replay, read_header
from tests.support import events

DATA = Path(__file__).parents[2] / "data"
HEADER = RecordingHeader(
    date="2026-11-24T00:00:00+00:00",
    region="kr",
    library="1",
    codes=("KRW-BTC",),
    markets={"KRW-BTC": "Bitcoin"},
)


@pytest.fixture
def source() -> Replay:
    return Replay.from_file(DATA / "capture.2021-04-17.simple.jsonl")


@pytest.fixture
def path(source: Replay, tmp_path: Path) -> Path:
    path = tmp_path / "one.jsonl.gz"
    with RecordingWriter(path, HEADER) as writer:
        for frame in source.frames:
            writer.write(frame.offset_s, frame.event)
        assert writer.size <= path.stat().st_size
    return path


def test_a_recording_gives_back_every_event_and_its_moment(source: Replay, path: Path) -> None:
    replay = Replay.from_file(path)
    assert [frame.event for frame in replay.frames] == [frame.event for frame in source.frames]
    assert [f.offset_s for f in replay.frames] == pytest.approx([f.offset_s for f in source.frames], abs=2e-6)
    assert read_header(path) == HEADER


def test_a_recording_that_was_cut_off_plays_up_to_there(source: Replay, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    writer = RecordingWriter(path, HEADER)
    for frame in source.frames[:3]:
        writer.write(frame.offset_s, frame.event)
    writer.flush()
    flushed = path.read_bytes()
    writer.close()
    path.write_bytes(flushed)
    assert [f.event for f in Replay.from_file(path).frames] == [f.event for f in source.frames[:3]]
    path.write_bytes(flushed[:-9])
    assert len(Replay.from_file(path).frames) <= 3


def test_a_recording_is_never_written_over(path: Path) -> None:
    with pytest.raises(FileExistsError):
        RecordingWriter(path, HEADER)


def test_a_file_without_a_header_has_none(tmp_path: Path) -> None:
    assert read_header(DATA / "capture.2021-04-17.simple.jsonl") is None
    (tmp_path / "x").write_bytes(b"\x1f\x8bnonsense")
    assert read_header(tmp_path / "x") is None


def test_a_pause_stands_still_and_goes_on_from_there(source: Replay) -> None:
    source.start(100.0)
    half = source.duration_s / 2
    played = source.take(100.0 + half)
    source.set_paused(True, 100.0 + half)
    assert source.take(1e9) == []
    assert source.position_s(1e9) == pytest.approx(half)
    source.set_paused(False, 500.0)
    played += source.take(500.0)
    played += source.take(500.0 + half + 0.001)
    assert played == source.frames


def test_a_change_of_speed_does_not_jump(source: Replay) -> None:
    source.start(0.0)
    source.take(0.5)
    source.set_speed(0.25, 0.5)
    assert source.position_s(0.5) == pytest.approx(min(0.5, source.duration_s))
    source.set_speed(math.inf, 0.5)
    source.take(0.5001)
    assert source.is_finished


def test_a_seek_begins_with_the_snapshots_of_its_moment(source: Replay) -> None:
    source.start(0.0)
    source.take(source.duration_s + 1)
    middle = source.frames[len(source.frames) // 2].offset_s
    source.seek(middle, 50.0)
    before = [frame for frame in source.frames if frame.offset_s <= middle]
    snapshots = {(f.event.type, f.code): f for f in before if f.event.type != "trade"}
    assert snapshots
    taken = source.take(50.0)
    assert taken[: len(snapshots)] == list(snapshots.values())
    rest = taken[len(snapshots) :] + source.take(50.0 + source.duration_s)
    assert rest == source.frames[len(before) :]


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_is_positive(source: Replay, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        source.set_speed(speed, 0.0)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"frame":%s}', "recv"),
        ('{"history":"1d","frame":%s}', "history must be candles"),
    ],
)
def test_a_line_that_does_not_say_when_is_refused(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(line.encode() % models.encode(events.ticker()))
    with pytest.raises(ValueError, match=why):
        Replay.from_file(path)
