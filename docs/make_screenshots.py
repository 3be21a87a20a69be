"""Write docs/screenshots/ from the terminal as it is now: `python -m docs.make_screenshots [names]`.

Most are the command that any user has, ``python -m demo_app --screenshot``. For a stale window the
exchange is stopped below it, and for a replay the session is recorded first. Takes some six minutes; look
at each afterwards.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtWidgets import QApplication

import qt_upbit
from demo_app.appearance import Appearance
from demo_app.language import Language
from demo_app.main_window import MainWindow
from demo_app.market_list import MarketList
from demo_app.preferences import Preferences
from demo_app.terminal_state import TerminalState
from demo_app.theme import make_theme
from demo_app.trading_guard import TradingGuard
from qt_upbit import Credentials, GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedServer,
    SimulatorSettings,
)

FOLDER = Path(__file__).parent / "screenshots"
AFTER_S = 30
"""What happened at the start has left the figures of the status line by then."""
RECORDED_S = 75.0

PICTURES = {
    "terminal-en": "--lang en --theme dark --size 1440x900",
    "terminal-ko": "--lang ko --theme dark --size 1440x900",
    "light-en": "--lang en --theme light --size 1440x900",
    "light-ko": "--lang ko --theme light --size 1440x900",
    "small-ko": "--lang ko --theme dark --size 1024x700",
    "large-en": "--lang en --theme dark --size 2560x1400 --layout wide",
}
"""By name of the file: options of the terminal."""


def take(name: str, options: str, after_s: int = AFTER_S) -> None:
    """Run the terminal until it has saved its picture."""
    command = [sys.executable, "-m", "demo_app", *options.split(), "--after", str(after_s)]
    subprocess.run([*command, "--screenshot", str(FOLDER / f"{name}.png")], check=True)  # noqa: S603


async def in_a_window(work: Callable[[MainWindow, SimulatedServer], Awaitable[None]]) -> None:
    """Open the terminal in English on a simulated exchange, and do something with both."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(SimulatedServer(SimulatorSettings(order_interval_s=1.5)))
        keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
        config = WebSocketConfig(base_url=server.url, credentials=keys, use_system_proxy=False)
        GlobalWebSocketManager.configure(config)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = QSettings(str(Path(folder) / "terminal.ini"), QSettings.Format.IniFormat)
        guard = TradingGuard(simulated=True, live=False, has_keys=lambda: True)
        state = TerminalState(make_theme("dark", korean=False), guard, settings, "KRW-BTC")
        state.set_favourites(["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE"])
        language = Language()
        language.use("en")
        appearance = Appearance(state, language, Preferences(settings))
        window = MainWindow(state, appearance, "simulated", "trading")
        window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        window.fit((1440, 900))
        markets = MarketList(state, "")
        window.show()
        markets.start()
        try:
            await work(window, server)
        finally:
            window.close()
            await markets.aclose()
            await GlobalWebSocketManager.close_instance()
            appearance.close()
            language.close()
            window.deleteLater()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def stale() -> None:
    """The exchange has gone."""

    async def work(window: MainWindow, server: SimulatedServer) -> None:
        await asyncio.sleep(AFTER_S)
        await server.stop()
        await asyncio.sleep(2.0)
        window.grab().save(str(FOLDER / "stale.png"))

    qt_upbit.run(in_a_window(work))


def replay() -> None:
    """A session that was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "session.jsonl.gz")

        async def work(window: MainWindow, _server: SimulatedServer) -> None:
            window.recording.record(path)
            await asyncio.sleep(RECORDED_S)
            window.recording.stop()

        qt_upbit.run(in_a_window(work))
        take("replay", f"--lang en --theme dark --size 1440x900 --replay {path}", AFTER_S + 20)


def main(names: Sequence[str]) -> None:
    """Take these, or all."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    others: dict[str, Callable[[], None]] = {"stale": stale, "replay": replay}
    for name in names or [*PICTURES, *others]:
        if name in PICTURES:
            take(name, PICTURES[name])
        else:
            others[name]()
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
