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
from collections.abc import Callable, Sequence
from pathlib import Path

import qt_upbit
from demo_app.shell.screenshot import terminal_window
from qt_upbit.simulator import SimulatedServer, SimulatorSettings

FOLDER = Path(__file__).parent / "screenshots"
AFTER_S = 30
"""What happened at the start has left the figures of the status line by then."""
RECORDED_S = 75.0
_SETTINGS = SimulatorSettings(order_interval_s=1.5)
_LOOK = ("trading", (1440, 900))
_FAVOURITES = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE")

SCREENSHOTS = {
    "terminal-en": "--lang en --theme dark --size 1440x900",
    "terminal-ko": "--lang ko --theme dark --size 1440x900",
    "light-en": "--lang en --theme light --size 1440x900",
    "light-ko": "--lang ko --theme light --size 1440x900",
    "small-ko": "--lang ko --theme dark --size 1024x700",
    "large-en": "--lang en --theme dark --size 2560x1400 --layout wide",
}
"""By name of the file: options of the terminal."""


def take(name: str, options: str, after_s: int = AFTER_S) -> None:
    """Run the terminal until it has saved its screenshot."""
    command = [sys.executable, "-m", "demo_app", *options.split(), "--after", str(after_s)]
    # A list of this program's own options, never text from outside.
    subprocess.run([*command, "--screenshot", str(FOLDER / f"{name}.png")], check=True)  # noqa: S603


async def take_stale() -> None:
    """The exchange has gone."""
    async with SimulatedServer(_SETTINGS) as server, terminal_window(server.url, "en", *_LOOK) as window:
        await asyncio.sleep(AFTER_S)
        await server.stop()
        await asyncio.sleep(2.0)
        window.grab().save(str(FOLDER / "stale.png"))


async def record(path: Path) -> None:
    """A session of some pairs."""
    async with (
        SimulatedServer(_SETTINGS) as server,
        terminal_window(server.url, "en", *_LOOK, _FAVOURITES) as window,
    ):
        window.recording.record(str(path))
        await asyncio.sleep(RECORDED_S)
        window.recording.stop()


def stale() -> None:
    """A line that is down."""
    qt_upbit.run(take_stale())


def replay() -> None:
    """A session that was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.jsonl.gz"
        qt_upbit.run(record(path))
        take("replay", f"--lang en --theme dark --size 1440x900 --replay {path}", AFTER_S + 20)


def main(names: Sequence[str]) -> None:
    """Take these, or all."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    others: dict[str, Callable[[], None]] = {"stale": stale, "replay": replay}
    for name in names or [*SCREENSHOTS, *others]:
        if name in SCREENSHOTS:
            take(name, SCREENSHOTS[name])
        else:
            others[name]()
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
