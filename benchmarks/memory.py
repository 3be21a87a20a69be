"""``python -m benchmarks.memory``: what a subscriber and a stream cost in memory, by `tracemalloc`.

Python's allocations alone, as the slope between few and many. Qt's half of a proxy comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tracemalloc
from collections.abc import Sequence

from benchmarks.common import Server, received, run, serving, table
from qt_upbit import Delivery, GlobalWebSocketManager, WebSocketClientProxy, WebSocketConfig

KINDS = ("ticker", "trade", "orderbook")


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def one(server: Server, proxies: int, kind: str, codes: int) -> int:
    """Bytes in use once everything has arrived, for a number of proxies with a number of codes each."""
    before = _traced()
    manager = GlobalWebSocketManager(WebSocketConfig(base_url=server.url, recover_gaps=False))
    made = [WebSocketClientProxy(f"widget {i}", manager=manager) for i in range(proxies)]
    for proxy in made:
        proxy.open_subscription(kind, server.codes[:codes], delivery=Delivery.LATEST)
    while received(manager) < server.frames or manager._frames.hub.has_pending(Delivery.LATEST):
        await asyncio.sleep(0.05)
    held = _traced() - before
    for proxy in made:
        proxy.close()
        proxy.deleteLater()
    await manager.aclose()
    manager.deleteLater()
    return held


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of each")
    args = parser.parse_args(argv)
    few, many = (5, 25) if args.quick else (20, 320)
    rows = []
    with serving(many, many * 20) as server:
        tracemalloc.start()
        run(one(server, 1, "ticker", few))
        held = [run(one(server, each, "ticker", 1)) for each in (few, many)]
        rows.append(("a proxy with one subscription", f"{(held[1] - held[0]) / (many - few) / 1024:.1f}"))
        for kind in KINDS:
            held = [run(one(server, 1, kind, each)) for each in (few, many)]
            label = f"one more {kind} stream with its last value"
            rows.append((label, f"{(held[1] - held[0]) / (many - few) / 1024:.1f}"))
        tracemalloc.stop()
    table("Memory", ("", "KiB of Python objects"), rows)


if __name__ == "__main__":
    main()
