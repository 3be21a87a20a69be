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
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtWidgets import QApplication

from benchmarks.common import Cost, received, run, table
from benchmarks.whole_market import Probe
from demo_app.appearance import Appearance
from demo_app.language import Language
from demo_app.main_window import MainWindow
from demo_app.market_list import MarketList
from demo_app.preferences import Preferences
from demo_app.repaint_pacer import RepaintPacer
from demo_app.terminal_state import TerminalState
from demo_app.theme import make_theme
from demo_app.trading_guard import TradingGuard
from qt_upbit import Credentials, GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY


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


async def watch(url: str, seconds: float, settle_s: float) -> Outcome:
    """Open the terminal, let it settle, and measure."""
    keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
    GlobalWebSocketManager.configure(WebSocketConfig(base_url=url, credentials=keys, use_system_proxy=False))
    manager = GlobalWebSocketManager.instance()
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "terminal.ini"), QSettings.Format.IniFormat)
        guard = TradingGuard(simulated=True, live=False, has_keys=lambda: True)
        state = TerminalState(make_theme("dark", korean=True), guard, settings, "KRW-BTC")
        language = Language()
        language.use("ko")
        appearance = Appearance(state, language, Preferences(settings))
        window = MainWindow(state, appearance, "simulated", "wide")
        window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        window.resize(2560, 1400)
        markets = MarketList(state, "")
        window.show()
        markets.start()
        pacers = open_all(window)
        await asyncio.sleep(settle_s)
        painted = {name: pacer.painted for name, pacer in pacers.items()}
        cost, probe, seen = Cost(), Probe(), received(manager)
        cost.begin()
        probe.start()
        await asyncio.sleep(seconds)
        messages = received(manager) - seen
        cost.end(messages)
        probe.timer.stop()
        frames = {name: pacer.painted - painted[name] for name, pacer in pacers.items()}
        made = len(window.docks.docks)
        window.close()
        await markets.aclose()
        await GlobalWebSocketManager.close_instance()
        appearance.close()
        language.close()
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return Outcome(cost, probe, seconds, frames, messages, made)


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.terminal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few markets, some seconds")
    args = parser.parse_args(argv)
    seconds, settle, markets = (2.0, 2.0, "30") if args.quick else (20.0, 10.0, "full")
    rows, panels = [], 0
    for rate in (1.0,) if args.quick else (1.0, 5.0, 20.0):
        with exchange(markets, rate) as url:
            found = run(watch(url, seconds, settle))
        panels = found.panels
        rows.append(
            (
                f"× {rate:g}",
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
