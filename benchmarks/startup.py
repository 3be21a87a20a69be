"""``python -m benchmarks.startup``: importing, 200 proxies, and the time to the first frames.

Medians of several; imports each in a new interpreter.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qt_upbit
from qt_upbit import GlobalWebSocketManager, Scope, WebSocketClientProxy, WebSocketConfig
from qt_upbit.simulator import SimulatedServer, SimulatorSettings

_PROXIES = 200


def import_ms(statement: str, rounds: int) -> float:
    """Milliseconds that a statement takes in a new interpreter, beyond the interpreter's own start."""
    code = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"
    command = [sys.executable, "-c", code]
    return statistics.median(float(subprocess.check_output(command)) * 1000 for _ in range(rounds))


async def proxies(url: str, codes: Sequence[str]) -> tuple[float, float, int]:
    """Milliseconds to make and subscribe them, to the first frame of each, and requests sent."""
    manager = GlobalWebSocketManager(WebSocketConfig(base_url=url))
    began = time.perf_counter()
    made = [WebSocketClientProxy(f"widget {i}", manager=manager) for i in range(_PROXIES)]
    asked = [proxy.subscribe_ticker([codes[i % len(codes)]]) for i, proxy in enumerate(made)]
    subscribed = time.perf_counter()
    for subscription in asked:
        await subscription
    shown = time.perf_counter()
    requests = manager.metrics().scopes[Scope.PUBLIC].requests_sent
    for proxy in made:
        proxy.close()
        proxy.deleteLater()
    await manager.aclose()
    manager.deleteLater()
    return (subscribed - began) * 1000, (shown - began) * 1000, requests


async def measure_proxies(rounds: int) -> list[tuple[float, float, int]]:
    """So often; see `proxies`."""
    settings = SimulatorSettings(markets=100, account_running=False, announcement_interval_s=None)
    async with SimulatedServer(settings) as server:
        codes = list(server.exchange.market.pairs)
        return [await proxies(server.url, codes) for _ in range(rounds)]


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="one round")
    args = parser.parse_args(argv)
    if args.quick:
        args.rounds = 1
    print("| | ms |\n|---|---|")
    for statement in (
        "import qt_upbit",
        "from qt_upbit import TickerEvent",
        "import websockets.asyncio.client",
    ):
        print(f"| `{statement}` | {import_ms(statement, args.rounds):.1f} |", flush=True)
    found = qt_upbit.run(measure_proxies(args.rounds), argv=["benchmark"])
    assert found is not None
    subscribed, shown, requests = zip(*found, strict=True)
    print(f"| {_PROXIES} proxies made and subscribed | {statistics.median(subscribed):.1f} |")
    print(f"| until each has shown its first frame (simulated exchange) | {statistics.median(shown):.1f} |")
    print(f"\nRequests sent: {sorted(set(requests))}")


if __name__ == "__main__":
    main()
