"""``python -m benchmarks.monitoring``: what the performance monitor costs.

The same flood with the monitor and with one that does nothing, interleaved.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
from collections.abc import Iterator, Sequence

from benchmarks.common import run, serving, table
from benchmarks.receive import ours
from qt_upbit import Delivery
from qt_upbit.qt.performance_monitor import PerformanceMonitor
from qt_upbit.routing.fanout_hub import Subscriber


def _nothing(*_: object) -> None:
    return None


@contextlib.contextmanager
def without_monitor() -> Iterator[None]:
    """Nothing is measured; the two readings of the clock around each slot stay."""
    kept = PerformanceMonitor.saw, PerformanceMonitor.start, Subscriber.took
    # By name: the methods are replaced on purpose.
    places: tuple[tuple[type, str], ...] = (
        (PerformanceMonitor, "saw"),
        (PerformanceMonitor, "start"),
        (Subscriber, "took"),
    )
    for owner, name in places:
        setattr(owner, name, _nothing)
    try:
        yield
    finally:
        for (owner, name), method in zip(places, kept, strict=True):
            setattr(owner, name, method)


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of few frames")
    args = parser.parse_args(argv)
    rounds, frames = (1, 2000) if args.quick else (15, 20_000)
    rows = []
    with serving(100, frames) as server:
        for delivery in (Delivery.EVERY, Delivery.LATEST):
            found: dict[bool, list[float]] = {True: [], False: []}
            for i in range(rounds * 2):
                watched = i % 4 in (0, 3)
                with contextlib.nullcontext() if watched else without_monitor():
                    found[watched].append(run(ours(server, delivery)).cpu)
            watched_us, bare_us = (statistics.median(found[each]) for each in (True, False))
            share = f"{watched_us / bare_us - 1:+.1%}"
            rows.append((delivery.name, f"{bare_us:.2f}", f"{watched_us:.2f}", share))
    table("CPU µs a frame, flood, 100 codes", ("", "without", "with the monitor", ""), rows)


if __name__ == "__main__":
    main()
