"""``python -m benchmarks.connecting``: how long the window stops while it connects, plain and by TLS.

The system's store is read whole, as for Upbit, and one authority more, made for the run. Exchange and TLS are
in another process. A timer of one millisecond finds the longest time in which Qt had no turn, and what the
GUI thread computed between two turns: the first grows with the load of the machine, the second does not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme
from PySide6.QtCore import QObject, Qt, QTimer

from benchmarks.common import run, table
from qt_upbit import ConnectionState, GlobalWebSocketManager, Scope, WebSocketClientProxy, WebSocketConfig
from qt_upbit.network.trust import forget_contexts, load_context
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings

__all__ = ["Exchange", "Stops", "measure", "serving_tls"]

_CODE: Final = "KRW-BTC"


@dataclass(frozen=True)
class Exchange:
    """A simulated exchange that runs, with TLS and without.

    Attributes:
        plain: URL without TLS.
        secure: URL with it.
        ca_file: its authority.
    """

    plain: str
    secure: str
    ca_file: str


@dataclass
class Stops:
    """Longest stop of Qt, milliseconds on the clock and computed, while it does each of these."""

    idle: tuple[float, float]
    first_tick: tuple[float, float]
    rest: tuple[float, float]
    reconnect: tuple[float, float]


class _Probe:
    """The longest time between two turns of a timer."""

    def __init__(self, parent: QObject) -> None:
        self._longest = self._most = 0.0
        self._last, self._computed = time.perf_counter(), time.thread_time()
        timer = QTimer(parent)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(self._turn)
        timer.start(1)

    def _turn(self) -> None:
        now, computed = time.perf_counter(), time.thread_time()
        self._longest = max(self._longest, now - self._last)
        self._most = max(self._most, computed - self._computed)
        self._last, self._computed = now, computed

    def take(self) -> tuple[float, float]:
        """Milliseconds since the last call, on the clock and computed."""
        self._turn()
        found = self._longest * 1000, self._most * 1000
        self._longest = self._most = 0.0
        return found


async def measure(url: str, ca_file: str | None) -> Stops:
    """Connect, ask and reconnect once, beginning with no certificate read."""
    forget_contexts()
    parent = QObject()
    probe = _Probe(parent)
    await asyncio.sleep(0.2)
    idle = probe.take()
    manager = GlobalWebSocketManager(WebSocketConfig(base_url=url, ca_bundle=ca_file))
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[object]()
    probe.take()  # objects are made before a window shows
    proxy.subscribe_ticker([_CODE], callback=seen.append)
    while not seen:
        await asyncio.sleep(0.002)
    first_tick = probe.take()
    await manager.rest.get_markets()
    rest = probe.take()
    manager.reconnect(Scope.PUBLIC)
    while manager.metrics().scopes[Scope.PUBLIC].reconnects == 0 or (
        manager.state(Scope.PUBLIC) is not ConnectionState.LIVE
    ):
        await asyncio.sleep(0.002)
    reconnect = probe.take()
    proxy.close()
    await manager.aclose()
    manager.deleteLater()
    parent.deleteLater()
    return Stops(idle, first_tick, rest, reconnect)


@contextlib.contextmanager
def serving_tls() -> Iterator[Exchange]:
    """An exchange behind TLS in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        command = [sys.executable, "-m", "benchmarks.connecting", "--serve", ca_file]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield Exchange(**json.loads(process.stdout.readline()), ca_file=ca_file)
        finally:
            process.kill()
            process.communicate()


async def _serve(ca_file: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = _server_context(authority)
    async with SimulatedServer(SimulatorSettings(markets=40)) as exchange:
        target = int(exchange.url.rpartition(":")[2])

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

        server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
        secure = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        print(json.dumps({"plain": exchange.url, "secure": secure}), flush=True)
        await asyncio.Event().wait()


def _server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.connecting", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--serve", metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.serve:
        asyncio.run(_serve(args.serve))
        return
    rounds = 3 if args.quick else 20
    rows = []
    with serving_tls() as exchange:
        began = time.perf_counter()
        count = len(load_context(exchange.ca_file).get_ca_certs())
        took = (time.perf_counter() - began) * 1000
        run(measure(exchange.plain, None))  # imports
        for name, url, ca_file in (
            ("plain", exchange.plain, None),
            ("TLS", exchange.secure, exchange.ca_file),
        ):
            found = [run(measure(url, ca_file)) for _ in range(rounds)]
            for what in ("idle", "first_tick", "rest", "reconnect"):
                clock, computed = zip(*(getattr(each, what) for each in found), strict=True)
                figures = (f"{statistics.median(each):.1f} / {max(each):.1f}" for each in (clock, computed))
                rows.append((name, what, *figures))
    title = f"Longest stop of the window, ms; {count} certificates, read in {took:.0f} ms ({rounds} rounds)"
    table(title, ("", "during", "on the clock: median / max", "computed: median / max"), rows)


if __name__ == "__main__":
    main()
