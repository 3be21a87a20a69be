"""A table of 200 pairs at 15,000 ticks a second: how late the GUI thread becomes.

    python -m benchmarks.table            the table of docs/item_models.md
    python -m benchmarks.table --quick    a second each, for a look

Both sides get the same events from the same timer in the GUI thread; nothing is decoded. *Textbook* is what
tutorials do: a ``Signal(dict)`` for each tick and a QTableWidget whose cells are set in the slot. *Model* is
`TickerTableModel` in a QTableView, fed through what stands between socket and proxy in the library (one
buffer per pair, newest wins, once per frame). *Sorted* sorts by the price: the widget by itself, the model
by a `ThrottledSortProxyModel`.
Latency is how late a 5 ms timer of the GUI thread fires. Windows are shown offscreen.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import msgspec
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QTableView, QTableWidget, QTableWidgetItem

import qt_upbit
from benchmarks.decode import TICKER
from qt_upbit import (
    Delivery,
    GlobalWebSocketManager,
    ThrottledSortProxyModel,
    TickerEvent,
    TickerTableModel,
    WebSocketConfig,
)
from qt_upbit.core import EVENT_TYPES
from qt_upbit.models import from_dict

PAIRS = 200
TICKS_PER_S = 15_000
FEED_MS = 4
PROBE_MS = 5
COLUMNS = TickerTableModel.DEFAULT_COLUMNS


def make_ticks() -> list[TickerEvent]:
    """Ticks of all pairs, each with another price, and the volume grown."""
    rng = random.Random(1)
    fields = msgspec.json.decode(TICKER)
    fields["stream_type"] = "REALTIME"
    ticks: list[TickerEvent] = []
    for number in range(4000):
        price = Decimal(rng.randrange(1, 100_000_000))
        tick = from_dict(
            fields
            | {
                "code": f"KRW-C{rng.randrange(PAIRS)}",
                "trade_price": price,
                "signed_change_price": price - 50_000_000,
                "signed_change_rate": (price - 50_000_000) / 50_000_000,
                "acc_trade_price_24h": Decimal(331_188_513_477 + number * 1000),
                "timestamp": 1_758_875_205_276 + number,
            }
        )
        assert isinstance(tick, TickerEvent)
        ticks.append(tick)
    return ticks


class Feed(QObject):
    """Hands `take` as many ticks as the time that passed is worth; those of a stall all at once."""

    def __init__(self, ticks: list[TickerEvent], take: Callable[[TickerEvent], object]) -> None:
        super().__init__()
        self.ticks, self.take, self.sent = ticks, take, 0
        self.begin = time.perf_counter()
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.send)
        self.timer.start(FEED_MS)

    def send(self) -> None:
        # No more than 100 ms worth: what cannot keep up must still be stopped.
        due = int((time.perf_counter() - self.begin) * TICKS_PER_S)
        for _ in range(min(due - self.sent, TICKS_PER_S // 10)):
            self.take(self.ticks[self.sent % len(self.ticks)])
            self.sent += 1


class Probe(QObject):
    """How late, in ms, a timer of this thread fires, and how long Qt's turns are between two of them."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self.last = time.perf_counter()
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.look)
        self.timer.start(PROBE_MS)

    def look(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, (now - self.last) * 1000 - PROBE_MS))
        self.last = now


class Cell(QTableWidgetItem):
    """A cell that is compared by its number."""

    number: Any = 0

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return isinstance(other, Cell) and bool(self.number < other.number)


class Textbook(QTableWidget):
    """A signal per tick, and cells that are set at once."""

    received = Signal(dict)

    def __init__(self, *, is_sorted: bool) -> None:
        super().__init__(PAIRS, len(COLUMNS))
        self.cells: dict[str, list[Cell]] = {}
        for row in range(PAIRS):
            self.cells[f"KRW-C{row}"] = cells = [Cell("") for _ in COLUMNS]
            for column, cell in enumerate(cells):
                self.setItem(row, column, cell)
        if is_sorted:
            self.setSortingEnabled(True)
            self.sortItems(COLUMNS.index("trade_price"))
        self.received.connect(self.show_tick)

    def show_tick(self, tick: dict[str, Any]) -> None:
        for cell, name in zip(self.cells[tick["code"]], COLUMNS, strict=True):
            value = tick[name]
            cell.number = value
            cell.setText(value if isinstance(value, str) else f"{value:,}")


def rank(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def measure(
    name: str, view: QTableView, take: Callable[[TickerEvent], object], ticks: list[TickerEvent], run_s: float
) -> dict[str, Any]:
    view.resize(1000, 900)
    view.show()
    await asyncio.sleep(0.3)
    cpu, begin = time.process_time(), time.perf_counter()
    feed, probe = Feed(ticks, take), Probe()
    await asyncio.sleep(run_s)
    feed.timer.stop()
    probe.timer.stop()
    wall = time.perf_counter() - begin
    view.hide()
    return {
        "name": name,
        "ticks": feed.sent / wall,
        "median": statistics.median(probe.late),
        "p99": rank(probe.late, 0.99),
        "max": max(probe.late),
        "cpu": (time.process_time() - cpu) / wall,
    }


def textbook(*, is_sorted: bool) -> tuple[QTableView, Callable[[TickerEvent], object]]:
    table = Textbook(is_sorted=is_sorted)
    names = (*COLUMNS, "timestamp")
    return table, lambda tick: table.received.emit({name: getattr(tick, name) for name in names})


def model(manager: GlobalWebSocketManager, *, is_sorted: bool) -> tuple[QTableView, Callable[..., object]]:
    view = QTableView()
    table = TickerTableModel(parent=view, manager=manager)
    table.set_codes([f"KRW-C{i}" for i in range(PAIRS)])
    table.set_visible_codes(())
    # One buffer per pair under LATEST, emptied once per frame, as the manager does it.
    newest: dict[str, TickerEvent] = {}
    received = table._proxy.ticker_received
    frame = QTimer(view)
    frame.setTimerType(Qt.TimerType.PreciseTimer)

    def deliver() -> None:
        events = list(newest.values())
        newest.clear()
        for event in events:
            received.emit(event)

    frame.timeout.connect(deliver)
    frame.start(round(1000 / manager.config.frame_rate_hz))
    if is_sorted:
        proxy = ThrottledSortProxyModel(parent=view)
        proxy.setSourceModel(table)
        proxy.sort(COLUMNS.index("trade_price"))
        view.setModel(proxy)
    else:
        view.setModel(table)
    return view, lambda tick: newest.__setitem__(tick.code, tick)


async def measure_all(run_s: float) -> None:
    assert Delivery.LATEST is EVENT_TYPES["ticker"].delivery
    ticks = make_ticks()
    manager = GlobalWebSocketManager(WebSocketConfig.preset("testing", base_url="http://127.0.0.1:9"))
    results = []
    for name, make in (
        ("textbook", lambda: textbook(is_sorted=False)),
        ("model", lambda: model(manager, is_sorted=False)),
        ("textbook, sorted", lambda: textbook(is_sorted=True)),
        ("model, sorted", lambda: model(manager, is_sorted=True)),
    ):
        view, take = make()
        results.append(await measure(name, view, take, ticks, run_s))
        view.deleteLater()
        await asyncio.sleep(0)
    await manager.aclose()
    base = results[0]["p99"]
    print(f"{PAIRS} rows, {len(COLUMNS)} columns, {TICKS_PER_S:,} ticks/s wanted, {run_s:g} s each\n")
    print("| | ticks/s taken | late ms: median | p99 (× first row) | max | CPU |")
    print("|---|---|---|---|---|---|")
    for r in results:
        print(
            f"| {r['name']} | {r['ticks']:,.0f} | {r['median']:.1f} | {r['p99']:.1f} (×{r['p99'] / base:.2f})"
            f" | {r['max']:.1f} | {r['cpu']:.0%} |"
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="A table of 200 pairs at 15,000 ticks a second.")
    parser.add_argument("--quick", action="store_true", help="a second each")
    qt_upbit.run(measure_all(1.0 if parser.parse_args(argv).quick else 8.0))


if __name__ == "__main__":
    main()
