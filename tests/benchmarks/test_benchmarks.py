"""The benchmarks run, lose nothing and print what they say; no figure is asserted."""

from __future__ import annotations

import asyncio

import pytest

import qt_upbit
from benchmarks import receive, startup, wire_bytes
from benchmarks.replay_server import record

FRAMES = 200


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[float, float]]:
    with receive.serving(100, FRAMES) as server:
        assert server.frames == FRAMES
        # EVERY waits until each frame was delivered.
        return receive.compare(server, 1)


def test_every_way_of_receiving_has_its_row(
    table: dict[str, tuple[float, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(table) == [*receive.PLAIN, *receive.OURS]
    receive.table("title", receive.Server(1, [], FRAMES, 1.0), table)
    assert capsys.readouterr().out.count("\n|") == 2 + len(table)


def test_what_is_recorded_has_the_shares_of_the_market() -> None:
    _, frames = asyncio.run(record(100, 100, "SIMPLE"))
    assert len(frames) == 100
    assert sum(b'"orderbook"' in frame[:20] for frame in frames) == 70


def test_smaller_windows_save_less() -> None:
    frames = [b'{"type":"trade","code":"KRW-BTC","sequential_id":%d}' % n for n in range(2000)]
    sizes = [wire_bytes.deflated(frames, window) for window in wire_bytes.WINDOWS]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] < sum(map(len, frames))


def test_two_hundred_proxies_send_one_request() -> None:
    found = qt_upbit.run(startup.measure_proxies(1), argv=["test"])
    assert found is not None
    ((subscribed, shown, requests),) = found
    assert 0 < subscribed < shown
    assert requests == 1


def test_importing_the_library_brings_no_qt() -> None:
    assert startup.import_ms("import qt_upbit, sys; assert 'PySide6' not in sys.modules", 1) > 0
