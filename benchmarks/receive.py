"""``python -m benchmarks.receive``: what a frame costs from the socket to a Qt slot, beside the plain ways.

CPU time of this process per frame; the server is another process. Ratios are to *recv + json.loads* of the
same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Awaitable, Callable, Sequence

from websockets.asyncio.client import connect

from benchmarks.common import Cost, Server, received, run, serving, subscribed, table
from qt_upbit import Delivery, OrderbookEvent
from qt_upbit.types import BaseWebSocketEvent

_TIMEOUT_S = 180.0


async def _plain(server: Server, *, loads: bool, compression: bool = False, tls: bool = False) -> Cost:
    cost = Cost()
    async with connect(
        server.secure_websocket_url if tls else server.websocket_url,
        ssl=server.client_context() if tls else None,
        compression="deflate" if compression else None,
        max_size=None,
        close_timeout=0.2,
    ) as socket:
        await socket.send("x")
        await socket.recv(decode=False)
        cost.begin()
        for _ in range(server.frames - 1):
            frame = await socket.recv(decode=False)
            if loads:
                json.loads(frame)
        cost.end(server.frames - 1)
    return cost


async def ours(
    server: Server,
    delivery: Delivery,
    *,
    decimals: bool = False,
    proxies: int = 1,
    compression: bool = False,
    tls: bool = False,
) -> Cost:
    """From the first frame that arrives to the last that is shown, as far as its delivery shows it."""
    cost, calls = Cost(), 0
    done = asyncio.get_running_loop().create_future()

    def slot(event: BaseWebSocketEvent) -> None:
        nonlocal calls
        calls += 1
        if decimals and isinstance(event, OrderbookEvent):
            _ = event.orderbook_units
        if calls == server.frames * proxies:
            done.set_result(None)

    way = subscribed(server, delivery, slot, proxies=proxies, compression=compression, tls=tls)
    async with way as manager:
        while not received(manager):
            await asyncio.sleep(0.001)
        seen = received(manager)
        cost.begin()
        async with asyncio.timeout(_TIMEOUT_S):
            if delivery is Delivery.EVERY:
                await done
            while received(manager) < server.frames or manager._frames.hub.has_pending(delivery):
                await asyncio.sleep(0.05)
        cost.end(server.frames - seen)
    return cost


Way = Callable[[Server], Awaitable[Cost]]
BASE = "recv + json.loads"
PLAIN: dict[str, Way] = {
    "recv": lambda server: _plain(server, loads=False),
    BASE: lambda server: _plain(server, loads=True),
}
OURS: dict[str, Way] = {
    "EVERY, to a slot": lambda server: ours(server, Delivery.EVERY),
    "EVERY, every decimal of every book": lambda server: ours(server, Delivery.EVERY, decimals=True),
    "LATEST, 60 Hz": lambda server: ours(server, Delivery.LATEST),
}
COMPRESSED_PLAIN: dict[str, Way] = {
    "recv": lambda server: _plain(server, loads=False, compression=True),
    BASE: lambda server: _plain(server, loads=True, compression=True),
}
COMPRESSED: dict[str, Way] = {
    "EVERY, to a slot": lambda server: ours(server, Delivery.EVERY, compression=True),
    "LATEST, 60 Hz": lambda server: ours(server, Delivery.LATEST, compression=True),
}
SECURE: dict[str, Way] = {
    "recv, TLS": lambda server: _plain(server, loads=False, tls=True),
    "recv + json.loads, TLS": lambda server: _plain(server, loads=True, tls=True),
    "EVERY, to a slot": lambda server: ours(server, Delivery.EVERY),
    "EVERY, to a slot, TLS": lambda server: ours(server, Delivery.EVERY, tls=True),
    "LATEST, 60 Hz": lambda server: ours(server, Delivery.LATEST),
    "LATEST, 60 Hz, TLS": lambda server: ours(server, Delivery.LATEST, tls=True),
}
SHARED: dict[str, Way] = {
    f"{name}, {number} proxies": lambda server, delivery=delivery, number=number: ours(  # type: ignore[misc]  # defaults bind the loop's values
        server, delivery, proxies=number
    )
    for number in (1, 10, 200)
    for name, delivery in (("EVERY", Delivery.EVERY), ("LATEST", Delivery.LATEST))
}


def compare(
    server: Server, rounds: int, plain: dict[str, Way] = PLAIN, own: dict[str, Way] = OURS
) -> dict[str, tuple[float, float]]:
    """Median CPU and wall microseconds a frame of each way; the rounds of all are interleaved."""
    costs: dict[str, list[Cost]] = {name: [] for name in (*plain, *own)}
    for _ in range(rounds):
        for name, way in plain.items():
            costs[name].append(asyncio.run(_awaited(way(server))))
        for name, way in own.items():
            costs[name].append(run(way(server)))
    return {
        name: (statistics.median(c.cpu for c in each), statistics.median(c.wall for c in each))
        for name, each in costs.items()
    }


async def _awaited(cost: Awaitable[Cost]) -> Cost:
    return await cost


def show(title: str, server: Server, found: dict[str, tuple[float, float]]) -> None:
    """As markdown."""
    base = found[BASE][0]
    rows = [(name, f"{cpu:.1f}", f"{cpu / base:.2f}", f"{wall:.1f}") for name, (cpu, wall) in found.items()]
    heads = ("", "CPU µs a frame", f"× {BASE}", "wall µs")
    table(f"{title} ({server.frames} frames of {server.bytes:.0f} bytes)", heads, rows)


def show_tls(found: dict[str, tuple[float, float]]) -> None:
    """What TLS adds to each way, as a ratio within the run."""
    for name in ("recv", BASE, "EVERY, to a slot", "LATEST, 60 Hz"):
        plain, secure = found[name][0], found[f"{name}, TLS"][0]
        print(f"* {name}: TLS costs × {secure / plain:.2f}, {secure - plain:+.1f} µs a frame")


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receive", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of few frames")
    args = parser.parse_args(argv)
    rounds, frames = (1, 2000) if args.quick else (5, 20_000)
    for codes, wire_format in ((100, "DEFAULT"), (1, "DEFAULT"), (855, "DEFAULT"), (100, "SIMPLE")):
        with serving(codes, frames, wire_format) as server:
            plural = "s" if codes > 1 else ""
            show(f"Flood, {codes} code{plural}, {wire_format}", server, compare(server, rounds))
    for wire_format in ("DEFAULT", "SIMPLE"):
        with serving(100, frames, wire_format, deflate=1) as server:
            found = compare(server, min(rounds, 3), COMPRESSED_PLAIN, COMPRESSED)
            show(f"Flood, 100 codes, {wire_format}, compressed", server, found)
    with serving(100, frames, tls=True) as server:
        found = compare(server, min(rounds, 3), PLAIN, SECURE)
        show("Flood, 100 codes, DEFAULT, through TLS beside plain", server, found)
        show_tls(found)
    with serving(100, frames // 4) as server:
        found = compare(server, min(rounds, 3), PLAIN, SHARED)
        show("Flood, 100 codes, DEFAULT, every proxy all codes", server, found)


if __name__ == "__main__":
    main()
