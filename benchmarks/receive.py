"""``python -m benchmarks.receive``: what a frame costs from the socket to a Qt slot, beside the plain ways.

CPU time of this process per frame; the server is another process. Ratios are to *recv + json.loads* of the
same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from websockets.asyncio.client import connect

import qt_upbit
from benchmarks.replay_server import SHARES
from qt_upbit import (
    Delivery,
    GlobalWebSocketManager,
    OrderbookEvent,
    Scope,
    WebSocketClientProxy,
    WebSocketConfig,
)
from qt_upbit.types import BaseWebSocketEvent

_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Server:
    """A replay server that runs."""

    port: int
    codes: list[str]
    frames: int
    bytes: float


@contextlib.contextmanager
def serving(codes: int, frames: int, wire_format: str = "DEFAULT", rate: float = 0.0) -> Iterator[Server]:
    """A replay server in a process of its own."""
    options = {"codes": codes, "frames": frames, "format": wire_format, "rate": rate}
    command = [sys.executable, "-m", "benchmarks.replay_server"]
    command += [f"--{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(**json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


class Cost:
    """CPU and wall time since `begin`, per frame."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self._began = (0.0, 0.0)

    def begin(self) -> None:
        """From now on."""
        self._began = (time.process_time(), time.perf_counter())

    def end(self, frames: int) -> None:
        """Until now; microseconds a frame."""
        cpu, wall = time.process_time() - self._began[0], time.perf_counter() - self._began[1]
        self.cpu, self.wall = cpu / frames * 1e6, wall / frames * 1e6


async def _plain(server: Server, loads: bool) -> Cost:
    cost = Cost()
    url = f"ws://127.0.0.1:{server.port}/websocket/v1"
    async with connect(url, compression=None, max_size=None, close_timeout=0.2) as socket:
        await socket.send("x")
        await socket.recv(decode=False)
        cost.begin()
        for _ in range(server.frames - 1):
            frame = await socket.recv(decode=False)
            if loads:
                json.loads(frame)
        cost.end(server.frames - 1)
    return cost


@contextlib.asynccontextmanager
async def subscribed(
    server: Server, delivery: Delivery, slot: Callable[[BaseWebSocketEvent], object]
) -> AsyncIterator[GlobalWebSocketManager]:
    """A manager with one proxy that has subscribed everything."""
    url = f"http://127.0.0.1:{server.port}"
    manager = GlobalWebSocketManager(WebSocketConfig(base_url=url, compression=False, recover_gaps=False))
    proxy = WebSocketClientProxy("slot", manager=manager)
    for name in SHARES:
        getattr(proxy, f"{name}_received").connect(slot)
        proxy.subscribe(name, server.codes, delivery=delivery)
    try:
        yield manager
    finally:
        proxy.close()
        await manager.aclose()
        manager.deleteLater()


async def _ours(server: Server, delivery: Delivery, *, decimals: bool = False) -> Cost:
    """From the first frame that arrives to the last that is shown, as far as its delivery shows it."""
    cost, calls = Cost(), 0
    done = asyncio.get_running_loop().create_future()

    def slot(event: BaseWebSocketEvent) -> None:
        nonlocal calls
        calls += 1
        if decimals and isinstance(event, OrderbookEvent):
            _ = event.orderbook_units
        if calls == server.frames:
            done.set_result(None)

    async with subscribed(server, delivery, slot) as manager:
        counters = manager._links[Scope.PUBLIC].client.counters
        while not counters.messages:
            await asyncio.sleep(0.001)
        seen = counters.messages
        cost.begin()
        async with asyncio.timeout(_PATIENCE_S):
            if delivery is Delivery.EVERY:
                await done
            while counters.messages < server.frames or manager._frames.hub.has_pending(delivery):
                await asyncio.sleep(0.05)
        cost.end(server.frames - seen)
    return cost


BASE = "recv + json.loads"
PLAIN: dict[str, Callable[[Server], Awaitable[Cost]]] = {
    "recv": lambda server: _plain(server, loads=False),
    BASE: lambda server: _plain(server, loads=True),
}
OURS: dict[str, Callable[[Server], Awaitable[Cost]]] = {
    "EVERY, to a slot": lambda server: _ours(server, Delivery.EVERY),
    "EVERY, every decimal of every book": lambda server: _ours(server, Delivery.EVERY, decimals=True),
    "LATEST, 60 Hz": lambda server: _ours(server, Delivery.LATEST),
}


def compare(server: Server, rounds: int) -> dict[str, tuple[float, float]]:
    """Median CPU and wall microseconds a frame of each way; the rounds of all are interleaved."""
    costs: dict[str, list[Cost]] = {name: [] for name in (*PLAIN, *OURS)}
    for _ in range(rounds):
        for name, way in PLAIN.items():
            costs[name].append(asyncio.run(_awaited(way(server))))
        for name, way in OURS.items():
            cost = qt_upbit.run(_awaited(way(server)), argv=["benchmark"])
            assert cost is not None
            costs[name].append(cost)
    return {
        name: (statistics.median(c.cpu for c in each), statistics.median(c.wall for c in each))
        for name, each in costs.items()
    }


async def _awaited(cost: Awaitable[Cost]) -> Cost:
    return await cost


def table(title: str, server: Server, found: dict[str, tuple[float, float]]) -> None:
    """As markdown."""
    base = found[BASE][0]
    print(f"\n{title} ({server.frames} frames of {server.bytes:.0f} bytes)\n")
    print("| | CPU µs a frame | × recv + json.loads | wall µs |\n|---|---|---|---|")
    for name, (cpu, wall) in found.items():
        print(f"| {name} | {cpu:.1f} | {cpu / base:.2f} | {wall:.1f} |", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receive", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of few frames")
    args = parser.parse_args(argv)
    rounds, frames = (1, 2000) if args.quick else (5, 20_000)
    for codes, wire_format in ((100, "DEFAULT"), (100, "SIMPLE"), (855, "DEFAULT")):
        with serving(codes, frames, wire_format) as server:
            table(f"Flood, {codes} codes, {wire_format}", server, compare(server, rounds))
    with serving(100, frames // 4, rate=2000.0) as server:
        table(
            "2,000 frames a second, each alone, 100 codes, DEFAULT", server, compare(server, min(rounds, 3))
        )


if __name__ == "__main__":
    main()
