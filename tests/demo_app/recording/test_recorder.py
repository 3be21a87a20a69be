"""The recorder writes the received events, no account data, and reports disk errors."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from demo_app.recording.recorder import Recorder
from qt_upbit import BaseWebSocketEvent
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    RecordingHeader,
    RecordingWriter,
    Replay,
    SimulatedServer,
)
from qt_upbit.simulator.server.server import RestFault
from tests.support.wait import until

HEADER = RecordingHeader(date="2026-11-24T00:00:00+00:00", region="kr", library="1")
Exchange = Callable[..., Awaitable[SimulatedServer]]


async def test_the_file_contains_the_received_events(exchange: Exchange, tmp_path: Path) -> None:
    await exchange(market_running=True, account_running=True, rate=20.0, order_interval_s=0.1)
    recorder, seen = Recorder(tmp_path / "a.jsonl.gz", HEADER), list[BaseWebSocketEvent]()
    put = recorder._waiting.put_nowait

    def record(item: tuple[float | None, BaseWebSocketEvent] | None) -> None:
        if item is not None and item[0] is not None:
            seen.append(item[1])
        put(item)

    recorder._waiting.put_nowait = record  # type: ignore[method-assign]  # watched
    recorder.start(["KRW-BTC"])
    await until(lambda: len(seen) > 50)
    recorder.stop()
    assert not recorder._subscriptions
    frames = Replay.from_file(recorder.paths[0]).frames
    assert [frame.event for frame in frames] == seen
    assert {frame.event.spec.scope.value for frame in frames} == {"public"}
    assert recorder.size == recorder.paths[0].stat().st_size
    assert SIMULATED_ACCESS_KEY.encode() not in b"".join(frame.raw for frame in frames)


async def test_a_recording_includes_earlier_candles(exchange: Exchange, tmp_path: Path) -> None:
    server = await exchange(market_running=True, rate=20.0)
    recorder = Recorder(tmp_path / "a.jsonl.gz", HEADER)
    began = server.now()
    recorder.start(["KRW-BTC"])
    await until(lambda: any(e.type == "candle.1y" for e in recorder._history), what="the last length")
    recorder._rotate_at = 1
    await until(lambda: len(recorder.paths) > 2)
    recorder.stop()
    # Each file can be opened on its own.
    history = Replay.from_file(recorder.paths[1]).history
    units = {"1m", "15m", "30m", "60m", "240m", "1d", "1w", "1M", "1y"}
    assert {candle.type.partition(".")[2] for candle in history} == units
    for candle in history:
        assert candle.code == "KRW-BTC"
        # A candle still running then would reveal later prices.
        length = candle.unit.seconds if candle.period is None else 86_400
        assert candle.start.timestamp() + length <= began


async def test_unreadable_history_is_reported_and_the_recording_continues(
    exchange: Exchange, tmp_path: Path
) -> None:
    server = await exchange(market_running=True, rate=20.0)
    server.rest_faults.append(RestFault("GET", "/v1/candles/minutes/15", "status", times=99, status=400))
    said: list[str] = []
    recorder = Recorder(tmp_path / "a.jsonl.gz", HEADER)
    recorder.history_failed.connect(said.append)
    recorder.start(["KRW-BTC"])
    await until(lambda: said)
    before = recorder.size
    await until(lambda: recorder.size > before)
    recorder.stop()
    assert Replay.from_file(recorder.paths[0]).frames


async def test_files_are_rotated_at_the_size_limit(exchange: Exchange, tmp_path: Path) -> None:
    await exchange(market_running=True, rate=20.0)
    recorder = Recorder(tmp_path / "a.jsonl.gz", HEADER, rotate_at=1)
    recorder.start(["KRW-BTC"])
    await until(lambda: len(recorder.paths) > 3)
    recorder.stop()
    assert recorder.paths[1].name == "a-2.jsonl.gz"
    assert all(Replay.from_file(path).frames for path in recorder.paths[:-1])


async def test_a_full_disk_ends_the_recording_and_is_reported(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange(market_running=True, rate=20.0)
    said: list[str] = []

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    recorder = Recorder(tmp_path / "a.jsonl.gz", HEADER)
    recorder.failed.connect(said.append)
    monkeypatch.setattr(RecordingWriter, "write", refuse)
    recorder.start(["KRW-BTC"])
    await until(lambda: said)
    assert said == ["The disk is full."]
    assert Replay.from_file(recorder.paths[0]).frames == []
    recorder.stop()


async def test_an_unreferenced_recorder_is_released(offline: None, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.jsonl.gz", HEADER)
    gone = weakref.ref(recorder)
    del recorder
    gc.collect()
    assert gone() is None
