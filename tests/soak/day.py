"""``python -m tests.soak.day``: a trading day of the whole market in minutes, and what grows meanwhile.

Market time is compressed: candles close, the trading day turns and indicators come as in a whole day,
while as many frames come per real second as Upbit sends at its busiest. Widgets come and go all the
time; the connection breaks, falls silent and refuses; tokens are renewed; once the machine sleeps. Ours is
one process with one event loop, the exchange is another.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import psutil
import shiboken6
from PySide6.QtCore import QObject, QTimer

import qt_upbit
from qt_upbit import (
    Account,
    Credentials,
    Delivery,
    GlobalWebSocketManager,
    Scope,
    WebSocketClientProxy,
    WebSocketConfig,
)
from qt_upbit.core import OrderTracker
from qt_upbit.simulator.faults.control import fault_of, inject
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.support.cpu_share import CpuShare
from tests.support.programs import ROOT, environment

PROXIES = 200
SCROLLED = 10
"""Proxies that leave and come every second, as a watch list is scrolled."""
FAULTS = (
    {"fault": "reset"}, {"fault": "cut", "scope": "private"}, {"fault": "silence", "scope": "public"},
    {"fault": "garbage", "times": 50}, {"fault": "refuse_handshakes", "status": 503}, {"fault": "close"},
    {"fault": "stop_reading", "scope": "private"}, {"fault": "truncated", "times": 50},
)  # fmt: skip


@dataclass
class Sample:
    """What there is at a moment."""

    seconds: float
    memory_mb: float
    objects: int
    tasks: int
    timers: int
    qobjects: int
    sockets: int
    handles: int


class Gateway(QObject):
    """A program with many widgets.

    A QObject, as a window is: PySide 6.11.3 keeps a weak reference for each signal that was ever connected to
    a method of a plain object, until that object is gone.
    """

    def __init__(self, url: str, codes: Sequence[str]) -> None:
        super().__init__()
        self.slept_s = 0.0
        self.manager = GlobalWebSocketManager(
            WebSocketConfig(
                base_url=url,
                token_lifetime_s=60.0,
                credentials=Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY),
            ),
            wall_clock=lambda: time.time() + self.slept_s,
        )
        self.codes = codes
        self.delivered: collections.Counter[str] = collections.Counter()
        self.overflowed = 0
        self.made = 0
        # What it keeps of finished orders is full soon, so that it does not hide what grows forever.
        self.account = Account(self, manager=self.manager, tracker=OrderTracker(max_finished_orders=100))
        self.proxies: collections.deque[WebSocketClientProxy] = collections.deque()
        self._kinds = self._endless_kinds()
        for _ in range(PROXIES):
            self.add()

    def _endless_kinds(self) -> Iterator[tuple[str, dict[str, Any]]]:
        every = {"delivery": Delivery.EVERY}
        while True:
            yield "ticker", {}
            yield "orderbook", {"depth": 5}
            yield "trade", every
            yield "ticker", every
            yield "candle", {"unit": "1m"}
            yield "trade", {"delivery": Delivery.BATCH}
            yield "candle", {"unit": "1s"}
            yield "orderbook", {}

    def add(self) -> None:
        name, options = next(self._kinds)
        at, self.made = self.made, self.made + 1
        proxy = WebSocketClientProxy(f"{name} {at}", manager=self.manager)
        codes = [self.codes[(at * 7 + i) % len(self.codes)] for i in range(12 if name == "ticker" else 3)]
        proxy.open_subscription(name, codes, callback=self._note, **options)
        proxy.overflowed.connect(self._on_overflow)
        self.proxies.append(proxy)

    def _note(self, event: Any) -> None:
        first = event[0] if isinstance(event, tuple) else event
        self.delivered[first.type] += len(event) if isinstance(event, tuple) else 1

    def _on_overflow(self, _type: str, lost: int) -> None:
        self.overflowed += lost

    def scroll(self) -> None:
        for _ in range(SCROLLED):
            gone = self.proxies.popleft()
            if self.made % 2:
                gone.close()
            gone.deleteLater()
            self.add()

    async def aclose(self) -> None:
        for proxy in self.proxies:
            proxy.close()
            proxy.deleteLater()
        self.proxies.clear()
        self.account.close()
        await self.manager.aclose()
        self.manager.deleteLater()
        self.deleteLater()


def sample(began: float) -> Sample:
    """Count everything."""
    gc.collect()
    objects = gc.get_objects()
    alive = [each for each in objects if isinstance(each, QObject) and shiboken6.isValid(each)]
    process = psutil.Process()
    handles = process.num_handles() if sys.platform == "win32" else process.num_fds()
    return Sample(
        time.monotonic() - began,
        process.memory_info().rss / 2**20,
        len(objects),
        len(asyncio.all_tasks()),
        sum(isinstance(each, QTimer) for each in alive),
        len(alive),
        len(process.net_connections(kind="inet")),
        handles,
    )


def slope_per_hour(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """By least squares: growth per real hour, and its standard error; of one moment nothing is known."""
    xs = [each.seconds / 3600 for each in samples]
    ys = [float(getattr(each, name)) for each in samples]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if spread == 0.0:
        return 0.0, math.inf
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return slope, (rest / max(len(xs) - 2, 1) / spread) ** 0.5


def grown(samples: Sequence[Sample], name: str) -> float:
    """How much more there is at least in the last quarter than in the second."""
    quarter = max(len(samples) // 4, 1)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    return float(min(getattr(each, name) for each in late) - min(getattr(each, name) for each in early))


async def run(hours: float, minutes: float, markets: int, rate: float, every_s: float) -> dict[str, Any]:
    """The day; its figures."""
    speed = hours * 60 / minutes
    process = subprocess.Popen(  # noqa: ASYNC220  # it starts at once, and nothing runs yet
        [sys.executable, "-m", "tests.soak.exchange", str(speed), str(markets), str(rate)],
        cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = (await asyncio.to_thread(process.stdout.readline)).strip()
        listed = GlobalWebSocketManager(WebSocketConfig(base_url=url))
        codes = [market.code for market in await listed.rest.get_markets()]
        await listed.aclose()
        listed.deleteLater()
        gateway = Gateway(url, codes)
        try:
            return await _live(gateway, url, minutes * 60, every_s) | {"speed": speed, "codes": len(codes)}
        finally:
            await gateway.aclose()
    finally:
        process.communicate()


async def _live(gateway: Gateway, url: str, seconds: float, every_s: float) -> dict[str, Any]:
    began, cpu, share = time.monotonic(), time.process_time(), CpuShare()
    samples: list[Sample] = []
    injected = 0
    next_sample = next_fault = every_s
    # What the last one cost is fixed before the end.
    last_fault = max(0.35 * seconds, seconds - 60.0)
    # Where others have the processor a second takes longer, and all that belongs to the day comes still.
    for now in range(math.ceil(seconds)):
        gateway.scroll()
        if next_fault <= now < last_fault:
            next_fault = now + 2 * every_s
            fault = fault_of(FAULTS[injected % len(FAULTS)])
            await asyncio.to_thread(inject, url, fault)
            injected += 1
        if not gateway.slept_s and now > seconds / 2:
            gateway.slept_s = 8 * 3600.0
        if now >= next_sample:
            next_sample = now + every_s
            samples.append(sample(began))
        await asyncio.sleep(1.0)
    metrics = gateway.manager.metrics()
    half = samples[len(samples) // 2 :]
    names = ("memory_mb", "objects", "tasks", "timers", "qobjects", "sockets", "handles")
    return {
        "seconds": round(time.monotonic() - began),
        "share_of_the_processor_wanted": round(share.share, 3),
        "starved_s": round(share.starved_s, 1),
        "samples": len(samples),
        "proxies_made": gateway.made,
        "faults": injected,
        "messages": sum(each.messages for each in metrics.scopes.values()),
        "delivered": gateway.delivered.total(),
        "conflated": metrics.events_conflated,
        "overflowed": gateway.overflowed,
        "reconnects": sum(each.reconnects for each in metrics.scopes.values()),
        "renewals": metrics.scopes[Scope.PRIVATE].renewals,
        "cpu_share": round((time.process_time() - cpu) / (time.monotonic() - began), 3),
        "first": vars(samples[0]),
        "last": vars(samples[-1]),
        "slope_per_hour": {name: [round(v, 2) for v in slope_per_hour(half, name)] for name in names},
        "grown": {name: round(grown(samples, name), 2) for name in names},
    }


def verdict(figures: dict[str, Any], *, megabytes: float, objects: int, sockets: int = 1) -> list[str]:
    """What grew more than it may."""
    allowed = {"memory_mb": megabytes, "objects": objects, "tasks": 2, "timers": 2}
    # Proxies that have just been scrolled away wait for their deferred deletion.
    allowed |= {"qobjects": 2 * SCROLLED + 4, "sockets": sockets, "handles": 2}
    return [f"{name} by {by}" for name, by in figures["grown"].items() if by > allowed[name]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the day and print its figures; the exit code is 1 if anything grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.day", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="of market time (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of real time (default: %(default)s)")
    parser.add_argument("--markets", type=int, default=0, help="pairs; 0 is the whole market")
    parser.add_argument("--rate", type=float, default=1.0, help="of Upbit's frames a second")
    parser.add_argument("--output", metavar="FILE", help="write the figures as JSON")
    args = parser.parse_args(argv)
    figures = qt_upbit.run(run(args.hours, args.minutes, args.markets, args.rate, 10.0), argv=["soak"])
    assert figures is not None, "the application is not quit in between"
    found = verdict(figures, megabytes=6.0, objects=4000)
    for name, value in figures.items():
        print(f"{name:16} {value}")
    print("grew: " + (", ".join(found) or "nothing"))
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            json.dump(figures | {"grew": found}, file, indent=1)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
