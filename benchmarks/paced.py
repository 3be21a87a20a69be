"""``python -m benchmarks.paced``: what a core gives at several rates, and how long an event is under way.

The server sends at a rate. Latency is from the server's ``send`` to our slot, on one machine and one clock,
of the trades in the stream: kernel, loop, decoding and waiting included; under LATEST also the wait for the
frame of the screen. The rest is from our own monitor: from the socket's read to the slot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import connect

from benchmarks.common import Cost, Server, received, run, serving, subscribed, table
from qt_upbit import Delivery, Metrics, TradeEvent
from qt_upbit.types import BaseWebSocketEvent


@dataclass
class Outcome:
    """One way at one rate; latencies in seconds, sorted."""

    share: float
    latencies: list[float]
    metrics: Metrics | None = None

    def at(self, part: float) -> float:
        """A percentile."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * part))]


def _age(stamp: int) -> float:
    zero: int = 10 ** (len(str(stamp)) - 1)
    return (time.perf_counter_ns() - (stamp - zero)) / 1e9


def _ms(*seconds: float) -> str:
    return " / ".join(f"{each * 1000:.2f}" for each in seconds)


async def plain(server: Server) -> Outcome:
    """recv + json.loads."""
    cost, ages = Cost(), []
    async with connect(server.websocket_url, compression=None, max_size=None, close_timeout=0.2) as socket:
        await socket.send("x")
        await socket.recv(decode=False)
        cost.begin()
        for _ in range(server.frames - 1):
            event = json.loads(await socket.recv(decode=False))
            if event["type"] == "trade":
                ages.append(_age(event["sequential_id"]))
        cost.end(server.frames - 1)
    return Outcome(cost.share, sorted(ages))


async def ours(server: Server, delivery: Delivery) -> Outcome:
    """To a slot."""
    cost, ages = Cost(), []

    def slot(event: BaseWebSocketEvent) -> None:
        if isinstance(event, TradeEvent):
            ages.append(_age(event.sequential_id))

    async with subscribed(server, delivery, slot) as manager:
        while not received(manager):
            await asyncio.sleep(0.001)
        seen = received(manager)
        cost.begin()
        while received(manager) < server.frames:
            await asyncio.sleep(0.02)
        cost.end(server.frames - seen)
        await asyncio.sleep(0.1)
        metrics = manager.metrics()
    return Outcome(cost.share, sorted(ages), metrics)


WAYS: dict[str, Callable[[Server], Awaitable[Outcome]]] = {
    "recv + json.loads": plain,
    "EVERY": lambda server: ours(server, Delivery.EVERY),
    "LATEST, 60 Hz": lambda server: ours(server, Delivery.LATEST),
}


async def _awaited(made: Awaitable[Outcome]) -> Outcome:
    return await made


def measure(rate: int, seconds: float) -> dict[str, Outcome]:
    """Each way, for the given number of seconds."""
    found = {}
    with serving(100, int(rate * seconds), rate=rate, stamp=1) as server:
        for name, way in WAYS.items():
            made = way(server)
            found[name] = asyncio.run(_awaited(made)) if way is plain else run(made)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paced", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rates, one second each")
    args = parser.parse_args(argv)
    rates, seconds = ((500, 2000), 1.0) if args.quick else ((500, 1000, 2000, 5000, 10_000), 6.0)
    rows = []
    for rate in rates:
        for name, found in measure(rate, seconds).items():
            inside = "–"
            if found.metrics is not None:
                latency = found.metrics.latency
                inside = _ms(latency.p50_s, latency.p99_s, latency.max_s)
            under_way = _ms(found.at(0.5), found.at(0.99), found.at(1.0))
            rows.append((f"{rate:,}", name, f"{found.share:.0%}", under_way, inside))
    heads = ("frames/s", "", "of one core", "sent to slot: p50 / p99 / max ms", "read to slot: the same")
    table("Rates, 100 codes, DEFAULT uncompressed", heads, rows)


if __name__ == "__main__":
    main()
