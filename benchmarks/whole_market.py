"""``python -m benchmarks.whole_market``: 855 pairs, three types, 200 widgets, at the rate of a busy hour.

995 order books a second are the peak of Upbit's whole market; tickers and trades come on top in the shares
that the replay assumes. 200 labels have a proxy each and share the 855 pairs; each shows its tickers, and
reads a total of its books and the last trades. Everything is under LATEST, as a screen wants it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from benchmarks.common import Cost, Server, received, run, serving, table
from benchmarks.replay_server import SHARES
from qt_upbit import (
    Delivery,
    GlobalWebSocketManager,
    Metrics,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
    WebSocketClientProxy,
    WebSocketConfig,
)

WIDGETS = 200
BOOKS_PER_S = 995
CODES = 855
RATE = round(BOOKS_PER_S / SHARES["orderbook"])


class Probe(QObject):
    """How late a 5 ms timer of the GUI thread fires, ms."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._last = time.perf_counter()
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._look)

    def start(self) -> None:
        """From now on."""
        self._last = time.perf_counter()
        self.timer.start(5)

    def _look(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, (now - self._last) * 1000 - 5))
        self._last = now

    def at(self, part: float) -> float:
        """A percentile, ms."""
        return sorted(self.late)[min(len(self.late) - 1, int(len(self.late) * part))]


class Widget(QLabel):
    """Some pairs of the market."""

    def __init__(
        self, number: int, codes: Sequence[str], manager: GlobalWebSocketManager, *, shows: bool
    ) -> None:
        super().__init__()
        self._shows = shows
        self.read = 0
        proxy = WebSocketClientProxy(f"widget {number}", parent=self, manager=manager)
        for name, slot in (
            ("ticker", self._on_ticker),
            ("trade", self._on_trade),
            ("orderbook", self._on_book),
        ):
            getattr(proxy, f"{name}_received").connect(slot)
            proxy.open_subscription(name, codes, delivery=Delivery.LATEST)

    def _on_ticker(self, event: TickerEvent) -> None:
        self.read += 1
        if self._shows:
            self.setText(f"{event.code} {event.trade_price:,}")

    def _on_trade(self, event: TradeEvent) -> None:
        self.read += bool(event.trade_price)

    def _on_book(self, event: OrderbookEvent) -> None:
        self.read += bool(event.total_ask_size)


@dataclass
class Outcome:
    """What was measured."""

    cost: Cost
    probe: Probe
    metrics: Metrics
    frames: int
    requests: int


async def watch(server: Server, *, widgets: int = WIDGETS, shows: bool = True) -> Outcome:
    """The whole recording."""
    config = WebSocketConfig(base_url=server.url, recover_gaps=False)
    manager = GlobalWebSocketManager(config)
    window = QWidget()
    window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
    grid = QGridLayout(window)
    made = [Widget(i, server.codes[i::widgets], manager, shows=shows) for i in range(widgets)]
    for i, widget in enumerate(made):
        grid.addWidget(widget, i // 10, i % 10)
    window.resize(1600, 900)
    window.show()
    cost, probe = Cost(), Probe()
    # The first second has each stream's first frame, which costs more.
    while received(manager) < server.frames // 6:
        await asyncio.sleep(0.01)
    seen = received(manager)
    cost.begin()
    probe.start()
    while received(manager) < server.frames:
        await asyncio.sleep(0.05)
    cost.end(received(manager) - seen)
    probe.timer.stop()
    metrics = manager.metrics()
    requests = sum(scope.requests_sent for scope in metrics.scopes.values())
    window.deleteLater()
    await manager.aclose()
    manager.deleteLater()
    return Outcome(cost, probe, metrics, server.frames - seen, requests)


def _three(*ms: float) -> str:
    return " / ".join(f"{each:.1f}" for each in ms)


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_market", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three seconds")
    args = parser.parse_args(argv)
    seconds = 3 if args.quick else 20
    rows = []
    for deflate in (0, 1):
        with serving(CODES, RATE * seconds, "SIMPLE", rate=RATE, deflate=deflate) as server:
            for shows in (False, True):
                found = run(watch(server, shows=shows))
                latency = found.metrics.latency
                rows.append(
                    (
                        "compressed" if deflate else "uncompressed",
                        "labels are set" if shows else "slots only read",
                        f"{found.cost.share:.0%}",
                        _three(*(1000 * each for each in (latency.p50_s, latency.p99_s, latency.max_s))),
                        _three(*map(found.probe.at, (0.5, 0.99, 1.0))),
                        found.requests,
                    )
                )
    heads = (
        "", "", "of one core", "read to slot: p50 / p99 / max ms", "GUI thread late: the same", "requests",
    )  # fmt: skip
    table(f"{CODES} pairs, {RATE:,} frames a second, SIMPLE, {WIDGETS} widgets", heads, rows)


if __name__ == "__main__":
    main()
