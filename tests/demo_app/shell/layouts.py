"""The dock positions of the built-in layouts, and how to record them.

    QT_QPA_PLATFORM=offscreen python -m tests.demo_app.shell.layouts

writes ``tests/data/layouts.json`` again, after a layout was changed on purpose; review the difference before
committing it. `test_layout.py` beside this file compares. Numbers are fiftieths of the window: left, top,
width and height of each visible dock. Bars, and widgets as high as their texts, differ a little with the
fonts of a machine: hence a tolerance.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from demo_app.preferences import Preferences
from demo_app.shell.main_window import MainWindow
from demo_app.shell.registry import LAYOUTS
from demo_app.style.appearance import Appearance
from demo_app.style.language import Language
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import GlobalWebSocketManager, WebSocketConfig, run
from tests.support.programs import ROOT
from tests.support.wait import turns

__all__ = ["FILE", "TOLERANCE", "differences", "measure"]

FILE: Final = ROOT / "tests" / "data" / "layouts.json"
SIZES: Final = ((1280, 800), (1920, 1080))
TOLERANCE: Final = 1.5
"""In fiftieths."""

Shares = Mapping[str, Mapping[str, list[float]]]
"""By layout and size, then by dock."""


def _shares(window: MainWindow) -> dict[str, list[float]]:
    room, found = window.size(), dict[str, list[float]]()
    for name, dock in window.docks.docks.items():
        place = dock.geometry()
        # A dock behind another tab is outside the window.
        if not dock.isHidden() and window.rect().intersects(place):
            found[name] = [
                50 * part / whole
                for part, whole in zip(
                    (place.x(), place.y(), place.width(), place.height()),
                    (room.width(), room.height()) * 2,
                    strict=True,  # left, top, width, height
                )
            ]
    return found


async def measure(language: Language) -> dict[str, dict[str, list[float]]]:
    """Open a window for each layout and size; the application's manager must exist."""
    found: dict[str, dict[str, list[float]]] = {}
    for layout in LAYOUTS:
        for size in SIZES:
            language.use("en")
            with tempfile.TemporaryDirectory() as folder:
                settings = QSettings(str(Path(folder) / "terminal.ini"), QSettings.Format.IniFormat)
                guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
                state = TerminalState(make_theme("dark", korean=False), guard, settings, "KRW-BTC")
                appearance = Appearance(state, language, Preferences(settings))
                window = MainWindow(state, appearance, "simulated", layout)
                window.fit(size)
                window.show()
                # Title bars of tabbed docks are removed in the next loop iteration.
                await turns(20)
                found[f"{layout} {size[0]}x{size[1]}"] = _shares(window)
                window.close()
                shiboken6.delete(window)
                appearance.close()
                settings.sync()
    return found


def differences(written: Shares, measured: Shares) -> list[str]:
    """Docks that have moved, are missing, or are not recorded."""
    found = [f"{key}: not in {FILE.name}" for key in measured.keys() - written.keys()]
    found += [f"{key}: no such layout" for key in written.keys() - measured.keys()]
    for key in written.keys() & measured.keys():
        docks, now = written[key], measured[key]
        found += [f"{key}: {name} is seen or not" for name in docks.keys() ^ now.keys()]
        for name in docks.keys() & now.keys():
            pairs = list(zip(docks[name], now[name], strict=True))
            if any(abs(one - other) > TOLERANCE for one, other in pairs):
                was, became = ([round(pair[side], 1) for pair in pairs] for side in (0, 1))
                found.append(f"{key}: {name} was at {was} and is at {became}")
    return sorted(found)


async def _write() -> int:
    language = Language()
    GlobalWebSocketManager.configure(WebSocketConfig(base_url="http://127.0.0.1:1"))
    try:
        measured: Any = await measure(language)
    finally:
        language.close()
        await GlobalWebSocketManager.close_instance()
    rounded = {
        key: {name: [round(part) for part in place] for name, place in sorted(docks.items())}
        for key, docks in sorted(measured.items())
    }
    lines = ",\n".join(
        f"  {json.dumps(key)}: {{\n"
        + ",\n".join(f"    {json.dumps(name)}: {json.dumps(place)}" for name, place in docks.items())
        + "\n  }"
        for key, docks in rounded.items()
    )
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    application = QApplication(sys.argv[:1])
    application.setStyle("Fusion")
    sys.exit(run(_write()))
