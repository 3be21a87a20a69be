"""The benchmarks run, lose nothing and print what they say; no figure is asserted."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator

import pytest

import qt_upbit
from benchmarks import __main__ as all_of_them
from benchmarks import (
    connecting,
    memory,
    monitoring,
    paced,
    painting,
    peers,
    receive,
    startup,
    whole_market,
    wire_bytes,
)
from benchmarks.common import Server, run, serving
from benchmarks.replay_server import record
from qt_upbit import Delivery
from qt_upbit.qt.performance_monitor import PerformanceMonitor

FRAMES = 200


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(100, FRAMES) as made:
        assert made.frames == FRAMES
        yield made


@pytest.fixture(scope="module")
def paced_server() -> Iterator[Server]:
    with serving(40, FRAMES, "SIMPLE", rate=400, stamp=1, deflate=1) as made:
        yield made


def test_every_way_of_receiving_has_its_row(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    # EVERY waits until each frame was delivered.
    found = receive.compare(server, 1)
    assert list(found) == [*receive.PLAIN, *receive.OURS]
    receive.show("title", server, found)
    assert capsys.readouterr().out.count("\n|") == 2 + len(found)


def test_every_proxy_gets_every_frame(server: Server) -> None:
    # It returns when frames times proxies have been delivered.
    assert run(receive.ours(server, Delivery.EVERY, proxies=3)).cpu > 0


def test_compressed_frames_arrive_as_they_were(paced_server: Server) -> None:
    assert run(receive.ours(paced_server, Delivery.EVERY, compression=True)).cpu > 0


def test_tls_is_measured_beside_plain(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(40, FRAMES, tls=True) as secure_server:
        found = receive.compare(secure_server, 1, receive.PLAIN, receive.SECURE)
    receive.show_tls(found)
    assert capsys.readouterr().out.count("TLS costs ×") == 4


def test_latency_is_from_the_servers_send_to_our_slot(capsys: pytest.CaptureFixture[str]) -> None:
    found = paced.measure(400, 0.4)
    assert list(found) == list(paced.WAYS)
    for outcome in found.values():
        assert 0 < outcome.at(0.5) <= outcome.at(1.0) < 10
        assert outcome.share > 0
    every = found["EVERY"].metrics
    assert every is not None
    assert every.latency.count > 0


def test_widgets_share_the_market_with_one_request(paced_server: Server) -> None:
    found = run(whole_market.watch(paced_server, widgets=8))
    assert found.requests == 1
    assert found.metrics.proxies == 8
    assert found.metrics.events_lost == 0
    assert found.probe.late


def test_a_window_paints_while_a_burst_comes(server: Server) -> None:
    calm, _busy, longest, took = run(painting.paint(server, Delivery.EVERY))
    assert calm
    assert longest <= FRAMES
    assert took > 0


def test_many_streams_take_more_than_few(server: Server) -> None:
    tracemalloc.start()
    few, many = (run(memory.one(server, 1, "ticker", codes)) for codes in (5, 100))
    tracemalloc.stop()
    assert few < many


def test_the_monitor_is_put_back() -> None:
    kept = PerformanceMonitor.saw
    with monitoring.without_monitor():
        assert PerformanceMonitor.saw is not kept
    assert PerformanceMonitor.saw is kept


def test_a_peer_runs_in_a_process_of_its_own(server: Server) -> None:
    for name in ("recv + json.loads", "qt_upbit, EVERY to a slot", "upbit-sdk"):
        assert peers._in_process(name, server.websocket_url, server.codes, FRAMES) > 0


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


def test_a_connection_by_tls_is_measured_to_its_end() -> None:
    with connecting.serving_tls() as exchange:
        found = run(connecting.measure(exchange.secure, exchange.ca_file))
    assert min(*found.first_tick, *found.rest, *found.reconnect) > 0


@pytest.mark.long
def test_one_command_runs_them_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        all_of_them.main(["no such thing"])
    assert "there are receive, peers" in capsys.readouterr().err
    all_of_them.main(["--quick", "wire_bytes"])
    assert "## wire_bytes" in capsys.readouterr().out
