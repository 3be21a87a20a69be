"""What the simulated exchange keeps as market time passes: memory, temporary file, frames.

``python -m benchmarks.simulator_memory [--minutes 30] [--markets 855]`` turns the exchange's clock by hand,
with one session that is subscribed to all pairs, so that half an hour of market takes minutes.
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc
from collections.abc import Sequence

import psutil

from qt_upbit.protocol.wire import Request, RequestItem, encode_request
from qt_upbit.simulator import SimulatedExchange, SimulatorSettings
from qt_upbit.types import Scope, WireFormat

_START = 1_795_402_151.0
_STEP_S = 0.25
_MEGABYTE = 2**20


def main(argv: Sequence[str] | None = None) -> None:
    """Print one row per interval of market time."""
    parser = argparse.ArgumentParser(description="memory of the simulated exchange")
    parser.add_argument("--quick", action="store_true", help="few pairs")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--markets", type=int, default=None)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--types", default="ticker,trade")
    parser.add_argument("--trace", action="store_true", help="where memory was allocated; slow")
    options = parser.parse_args(argv)
    if options.quick:
        options.markets, options.minutes, options.every = 20, 2.0, 1.0
    if options.trace:
        tracemalloc.start(1)
    exchange = SimulatedExchange(
        SimulatorSettings(markets=options.markets, rate=options.rate, idle_timeout_s=1e9), now=_START
    )
    session = exchange.connect(Scope.PUBLIC, _START)
    codes = tuple(pair.code for pair in exchange.market)
    items = tuple(RequestItem(type=name, codes=codes) for name in options.types.split(","))
    exchange.receive(session, encode_request(Request("m", items, WireFormat.DEFAULT)), _START)
    now, frames, process = _START, 0, psutil.Process()
    began = time.perf_counter()
    print("minutes  RSS MB  traced MB  file MB  frames  seconds")
    for row in range(int(options.minutes / options.every) + 1):
        end = _START + row * options.every * 60
        while now < end:
            now += _STEP_S
            exchange.tick(now)
            frames += len(session.take())
        gc.collect()
        rss = process.memory_info().rss / _MEGABYTE
        traced = tracemalloc.get_traced_memory()[0] / _MEGABYTE
        passed = time.perf_counter() - began
        print(
            f"{(now - _START) / 60:7.1f} {rss:7.1f} {traced:10.1f}"
            f" {exchange.market.spill.size / _MEGABYTE:8.1f} {frames:7d} {passed:8.1f}",
            flush=True,
        )
    if options.trace:
        for stat in tracemalloc.take_snapshot().statistics("lineno")[:15]:
            print(stat)


if __name__ == "__main__":
    main()
