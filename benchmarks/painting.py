"""``python -m benchmarks.painting``: how evenly a window paints while a burst comes.

A widget paints at 60 Hz. Then a burst of messages comes, as fast as the server can send.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from benchmarks.common import Server, received, run, serving, subscribed, table
from qt_upbit import Delivery
from qt_upbit.types import BaseWebSocketEvent

FRAME_MS = 1000 / 60


class Painting(QWidget):
    """Paints 60 times a second and notes when."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(400, 200)
        self.times: list[float] = []
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.update)
        self.timer.start(round(FRAME_MS))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """One rectangle that moves."""
        self.times.append(time.perf_counter())
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#151a23"))
        painter.fillRect(len(self.times) % 380, 80, 20, 40, QColor("#5b8def"))

    def late(self, begin: float, end: float) -> list[float]:
        """By how much each paint between two moments came later than a frame after the one before, ms."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return sorted(
            max(0.0, (after - before) * 1000 - FRAME_MS) for before, after in pairs if begin <= after <= end
        )


async def paint(server: Server, delivery: Delivery) -> tuple[list[float], list[float], int, float]:
    """Lateness in peace and during the burst, the longest queue, and the burst's length in ms."""
    shown = 0

    def slot(_event: BaseWebSocketEvent) -> None:
        nonlocal shown
        shown += 1

    window = Painting()
    window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
    window.show()
    await asyncio.sleep(1.0)
    calm_until = time.perf_counter()
    longest = 0
    async with subscribed(server, delivery, slot) as manager:
        hub = manager._frames.hub
        while not received(manager):
            await asyncio.sleep(0.001)
        begin = time.perf_counter()
        while received(manager) < server.frames or hub.has_pending(delivery):
            longest = max(longest, hub.waiting(delivery)[1])
            await asyncio.sleep(0.002)
        end = time.perf_counter()
    calm = window.late(0.0, calm_until)
    busy = window.late(begin, end + FRAME_MS / 1000)
    window.timer.stop()
    window.deleteLater()
    return calm, busy, longest, (end - begin) * 1000


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.painting", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the small burst only")
    args = parser.parse_args(argv)
    rows = []
    for burst in (1000,) if args.quick else (1000, 10_000):
        with serving(100, burst) as server:
            for delivery in (Delivery.EVERY, Delivery.LATEST):
                calm, busy, longest, took = run(paint(server, delivery))
                rows.append(
                    (
                        f"{burst:,}",
                        delivery.name,
                        f"{took:.0f}",
                        f"{calm[len(calm) // 2]:.1f} / {calm[-1]:.1f}",
                        f"{busy[len(busy) // 2]:.1f} / {busy[-1]:.1f}" if busy else "–",
                        longest,
                    )
                )
    heads = (
        "messages", "delivery", "taken within ms", "paint late in peace: median / max ms",
        "during the burst: the same", "longest queue",
    )  # fmt: skip
    table("Bursts beside a window that paints at 60 Hz", heads, rows)


if __name__ == "__main__":
    main()
