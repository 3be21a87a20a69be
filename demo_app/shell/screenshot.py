"""`terminal_window`: the window without the program around it, for benchmarks and the docs' screenshots."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtWidgets import QApplication

from demo_app.preferences import Preferences
from demo_app.shell.main_window import MainWindow
from demo_app.shell.market_list import MarketList
from demo_app.style.appearance import Appearance
from demo_app.style.language import Language
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import Credentials, GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY

__all__ = ["terminal_window"]


@contextlib.asynccontextmanager
async def terminal_window(
    url: str, language: str, layout: str, size: tuple[int, int], favourites: Sequence[str] = ()
) -> AsyncIterator[MainWindow]:
    """The terminal, dark, on a simulated exchange that is already running; no settings are stored.

    Args:
        url: where the exchange listens.
        language: ``ko`` or ``en``.
        layout: one of `demo_app.shell.registry.LAYOUTS`.
        size: of the window.
        favourites: codes marked as favourites.
    """
    keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
    GlobalWebSocketManager.configure(WebSocketConfig(base_url=url, credentials=keys, use_system_proxy=False))
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "terminal.ini"), QSettings.Format.IniFormat)
        guard = TradingGuard(simulated=True, live=False, has_keys=lambda: True)
        state = TerminalState(make_theme("dark", korean=language == "ko"), guard, settings, "KRW-BTC")
        state.set_favourites(favourites)
        spoken = Language()
        spoken.use(language)
        appearance = Appearance(state, spoken, Preferences(settings))
        window = MainWindow(state, appearance, "simulated", layout)
        window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        window.fit(size)
        markets = MarketList(state, "")
        window.show()
        markets.start()
        try:
            yield window
        finally:
            window.close()
            await markets.aclose()
            await GlobalWebSocketManager.close_instance()
            appearance.close()
            spoken.close()
            window.deleteLater()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
