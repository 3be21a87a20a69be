"""``python -m benchmarks.terminal``: the demo with every panel in sight, on the full simulated market.

The exchange runs in a process of its own; what is measured is the terminal's. Panels that are tabs behind
others are made windows of their own, so that each paints. A frame is one repaint of a window; a window
repaints when something in it has changed, at most once per frame of the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from PySide6.QtCore import QObject, Qt, QTimer

from benchmarks.common import Cost, received, run, table
from benchmarks.whole_market import Probe
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.shell.main_window import MainWindow
from demo_app.shell.repaint_pacer import RepaintPacer
from demo_app.shell.screenshot import terminal_window
from qt_upbit import GlobalWebSocketManager


@dataclass
class Outcome:
    """What was measured."""

    cost: Cost
    probe: Probe
    seconds: float
    frames: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    panels: int = 0


@contextlib.contextmanager
def exchange(markets: str, rate: float) -> Iterator[str]:
    """A simulated exchange in a process of its own; its address."""
    command = [sys.executable, "-m", "qt_upbit.simulator", "--markets", markets, "--rate", str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().rpartition(" ")[2].strip()
    finally:
        process.terminate()
        process.communicate()


def open_all(window: MainWindow) -> dict[str, RepaintPacer]:
    """Show every panel at once; what repaints the windows that there are then."""
    pacers = {window.objectName(): window.pacer}
    for dock in window.docks.docks.values():
        dock.show()
        dock.make()
        if any(not other.isHidden() for other in window.tabifiedDockWidgets(dock)):
            dock.setFloating(True)
            dock.resize(900, 340)
            pacers[dock.objectName()] = dock.pacer
    return pacers


class Wheel(QObject):
    """Turns the watch list's wheel at each frame, to the end and back."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._bar = cast("WatchListPanel", window.panel("watch_list")).table.verticalScrollBar()
        self._step = 13
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._turn)
        self.timer.start(16)

    def _turn(self) -> None:
        if not self._bar.minimum() <= self._bar.value() + self._step <= self._bar.maximum():
            self._step = -self._step
        self._bar.setValue(self._bar.value() + self._step)


async def watch(url: str, seconds: float, settle_s: float, *, scrolls: bool = False) -> Outcome:
    """Open the terminal, let it settle, and measure."""
    async with terminal_window(url, "ko", "wide", (2560, 1400)) as window:
        manager = GlobalWebSocketManager.instance()
        pacers = open_all(window)
        await asyncio.sleep(settle_s)
        if scrolls:
            Wheel(window)
        painted = {name: pacer.painted for name, pacer in pacers.items()}
        cost, probe, seen = Cost(), Probe(), received(manager)
        cost.begin()
        probe.start()
        await asyncio.sleep(seconds)
        messages = received(manager) - seen
        cost.end(messages)
        probe.timer.stop()
        frames = {name: pacer.painted - painted[name] for name, pacer in pacers.items()}
        return Outcome(cost, probe, seconds, frames, messages, len(window.docks.docks))


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.terminal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few markets, some seconds")
    args = parser.parse_args(argv)
    seconds, settle, markets = (2.0, 2.0, "30") if args.quick else (20.0, 10.0, "full")
    rows, panels = [], 0
    runs = ((1.0, False),) if args.quick else ((1.0, False), (5.0, False), (20.0, False), (5.0, True))
    for rate, scrolls in runs:
        with exchange(markets, rate) as url:
            found = run(watch(url, seconds, settle, scrolls=scrolls))
        panels = found.panels
        rows.append(
            (
                f"× {rate:g}" + (", the watch list scrolls" if scrolls else ""),
                f"{found.messages / found.seconds:,.0f}",
                f"{found.cost.share:.0%}",
                " / ".join(f"{found.probe.at(part):.1f}" for part in (0.5, 0.99, 1.0)),
                f"{found.frames['terminal'] / found.seconds:.0f}",
                f"{sum(found.frames.values()) / found.seconds:.0f}",
            )
        )
    heads = (
        "rate", "messages a second", "of one core", "GUI thread late: p50 / p99 / max ms",
        "frames a second of the main window", "of all windows",
    )  # fmt: skip
    table(f"The terminal, {panels} panels in sight, {markets} markets", heads, rows)


if __name__ == "__main__":
    main()
