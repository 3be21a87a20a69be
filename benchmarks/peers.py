"""``python -m benchmarks.peers``: the same frames through other libraries that speak to Upbit.

Each runs in a process of its own, as its documentation says it is used, and is pointed at the replay server;
CPU time is that process's and its children's, per frame. Needs ``pip install pyupbit ccxt upbit-sdk``; what
is not there is left out with a note.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from benchmarks.common import serving, table


class Cpu:
    """CPU seconds of this process and its children since it was made."""

    def __init__(self) -> None:
        self._before = self._now()

    def _now(self) -> float:
        children = psutil.Process().children(recursive=True)
        return time.process_time() + sum(sum(each.cpu_times()[:2]) for each in children)

    def spent(self) -> float:
        """Until now; the children must still be there."""
        return self._now() - self._before


def run_ours(url: str, codes: Sequence[str], frames: int, delivery: str = "EVERY") -> float:
    """qt_upbit to a slot."""
    from benchmarks.common import Server, run
    from benchmarks.receive import ours
    from qt_upbit import Delivery

    server = Server(int(url.rpartition(":")[2].partition("/")[0]), list(codes), frames, 0.0)
    return run(ours(server, Delivery[delivery])).cpu


def run_loads(url: str, codes: Sequence[str], frames: int) -> float:
    """websockets and json.loads."""
    from websockets.asyncio.client import connect

    async def receive() -> float:
        async with connect(url, compression=None, max_size=None, close_timeout=0.2) as socket:
            await socket.send("x")
            await socket.recv(decode=False)
            cpu = Cpu()
            for _ in range(frames - 1):
                json.loads(await socket.recv(decode=False))
            return cpu.spent() / (frames - 1) * 1e6

    return asyncio.run(receive())


def run_pyupbit(url: str, codes: Sequence[str], frames: int) -> float:
    """Its WebSocketManager: a process that receives, and a queue."""
    import pyupbit
    import pyupbit.websocket_api as api

    # The address is written into the library; its process is forked and takes this along.
    connect = api.websockets.connect
    api.websockets.connect = lambda _uri, **options: connect(url, **options)
    manager = pyupbit.WebSocketManager("orderbook", list(codes))
    manager.get()
    cpu = Cpu()
    for _ in range(frames - 1):
        manager.get()
    spent = cpu.spent()
    manager.terminate()
    return spent / (frames - 1) * 1e6


def run_ccxt(url: str, codes: Sequence[str], frames: int) -> float:
    """ccxt.pro with a loop for each kind, as in its examples."""
    import ccxt.pro

    async def receive() -> float:
        exchange: Any = ccxt.pro.upbit()
        exchange.urls["api"]["ws"] = url
        exchange.set_markets([_ccxt_market(exchange, code) for code in codes])
        symbols, seen = exchange.symbols, 0
        cpu: Cpu | None = None
        seen_books: set[str] = set()
        done = asyncio.get_running_loop().create_future()
        handle = exchange.handle_message

        def count(client: object, message: dict[str, Any]) -> None:
            nonlocal seen, cpu
            if message["type"] == "orderbook" and message["code"] not in seen_books:
                # It knows no book before the first snapshot, and the recording is of changes.
                seen_books.add(message["code"])
                message["stream_type"] = "SNAPSHOT"
            handle(client, message)
            seen += 1
            if cpu is None:
                cpu = Cpu()
            if seen == frames:
                done.set_result(cpu.spent())

        exchange.handle_message = count

        async def forever(watch: Callable[..., Any]) -> None:
            while True:
                await watch(symbols)

        kinds = (
            exchange.watch_order_book_for_symbols,
            exchange.watch_trades_for_symbols,
            exchange.watch_tickers,
        )
        tasks = [asyncio.ensure_future(forever(each)) for each in kinds]
        spent: float = await done
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await exchange.close()
        return spent / (frames - 1) * 1e6

    return asyncio.run(receive())


def _ccxt_market(exchange: Any, code: str) -> dict[str, Any]:
    quote, _, base = code.partition("-")
    named = {"id": code, "symbol": f"{base}/{quote}", "base": base, "quote": quote, "active": True}
    made: dict[str, Any] = exchange.safe_market_structure(
        named | {"baseId": base, "quoteId": quote, "type": "spot", "spot": True}
    )
    return made


def run_sdk(url: str, codes: Sequence[str], frames: int) -> float:
    """Upbit's own SDK, asynchronous."""
    from upbit import AsyncUpbit

    async def receive() -> float:
        client: Any = AsyncUpbit(websocket_base_url=url.removesuffix("/websocket/v1"))
        async with client.ws_public.connect_public() as connection:
            await connection.send_raw("x")
            await connection.recv()
            cpu = Cpu()
            for _ in range(frames - 1):
                await connection.recv()
            return cpu.spent() / (frames - 1) * 1e6

    return asyncio.run(receive())


RUNS: dict[str, tuple[str, Callable[..., float]]] = {
    "qt_upbit, EVERY to a slot": ("qt_upbit", run_ours),
    "recv + json.loads": ("websockets", run_loads),
    "pyupbit, both processes": ("pyupbit", run_pyupbit),
    "ccxt.pro": ("ccxt", run_ccxt),
    "upbit-sdk": ("upbit", run_sdk),
}
SLOW = {"ccxt.pro": 4, "upbit-sdk": 10}
"""These get so much fewer frames, or they would take minutes."""


def _in_process(name: str, url: str, codes: Sequence[str], frames: int) -> float:
    command = [sys.executable, "-m", "benchmarks.peers", "--run", name, "--url", url, "--frames", str(frames)]
    command += ["--codes", ",".join(codes)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return float(said.stdout.split()[-1])


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of few frames")
    for hidden in ("--run", "--url", "--codes", "--frames"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.run:
        print(RUNS[args.run][1](args.url, args.codes.split(","), int(args.frames)))
        return
    rounds, frames = (1, 1000) if args.quick else (3, 20_000)
    notes = []
    found: dict[str, list[float]] = {}
    for name, (module, _) in RUNS.items():
        if importlib.util.find_spec(module) is None:
            notes.append(f"{name}: not installed")
        elif name.startswith("pyupbit") and os.name == "nt":
            notes.append(f"{name}: its address cannot be changed where processes are not forked")
        else:
            found[name] = []
    for slowness in sorted({SLOW.get(name, 1) for name in found}):
        number = frames // slowness
        with serving(100, number) as server:
            for _ in range(rounds):
                for name in found:
                    if SLOW.get(name, 1) == slowness:
                        found[name].append(_in_process(name, server.websocket_url, server.codes, number))
    ours_us = statistics.median(found["qt_upbit, EVERY to a slot"])
    rows = [
        (name, f"{statistics.median(each):.0f}", f"{statistics.median(each) / ours_us:.1f}")
        for name, each in found.items()
    ]
    table("The same frames, 100 codes, DEFAULT uncompressed", ("", "CPU µs a frame", "× ours"), rows)
    for note in notes:
        print(f"\n{note}")


if __name__ == "__main__":
    main()
