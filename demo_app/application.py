"""Composition: which exchange, which window, and the way out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

import qt_upbit
from demo_app.arguments import Arguments
from demo_app.history import History, HistoryError
from demo_app.i18n import Translator
from demo_app.main_window import MainWindow
from demo_app.theme import make_theme
from demo_app.trading_guard import TradingGuard, TradingState
from qt_upbit import (
    CandleUnit,
    ConfigError,
    Credentials,
    GlobalWebSocketManager,
    RestClient,
    WebSocketConfig,
)

if TYPE_CHECKING:
    from qt_upbit.simulator import SimulatedServer

__all__ = ["make_guard", "run_terminal"]

_LEAFING_S: Final = 0.15
_AGAIN_S: Final = 2.0
_ORDER_INTERVAL_S: Final = 1.5
"""The simulated account trades often: who looks for the first time sees orders move at once."""
_MARKETS: Final = 120
"""Pairs of the embedded exchange: it shares this process, and each pair keeps a history of its own."""


def run_terminal(arguments: Arguments) -> int:
    """Run the terminal until it is closed; the exit code of the process."""
    if not RestClient.is_available():
        # Imported later, beside the running window.
        raise ModuleNotFoundError("No module named 'upbit'", name="upbit")
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setApplicationName("qt_upbit terminal")
    app.setOrganizationName("qt_upbit")
    if isinstance(app, QApplication):
        app.setStyle("Fusion")
        if app.platformName() == "offscreen":
            qInstallMessageHandler(_print_message)
    try:
        code = qt_upbit.run(_main(arguments))
    except ConfigError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    # None: quit from outside, which a screenshot still to come does not survive.
    return int(arguments.screenshot is not None) if code is None else code


def _print_message(_kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    """Qt's messages, but for the one that the offscreen platform prints about every window."""
    if "propagateSizeHints" not in text:
        sys.stderr.write(text + "\n")


async def _main(arguments: Arguments) -> int:
    async with AsyncExitStack() as stack:
        config, server = await _configure(arguments, stack)
        GlobalWebSocketManager.configure(config)
        texts = Translator(arguments.lang)
        theme = make_theme(arguments.theme, korean=texts.is_korean)
        # What sends orders, once something does, is given this guard and asks it for each.
        guard = make_guard(arguments, lambda: GlobalWebSocketManager.instance().config)
        badge = "live" if arguments.live else "external"
        if guard.state is TradingState.SIMULATED:
            badge = "simulated"
        market = arguments.market or f"{arguments.region.quote_currency}-BTC"
        window = MainWindow(theme, texts, badge, market)
        if server is not None:
            window.add_developer_menu(server, theme)
        if arguments.size:
            window.resize(*arguments.size)
        loader = _Loader(window, History(), texts)
        window.show()
        loader.start()
        try:
            if arguments.screenshot:
                await asyncio.sleep(arguments.after_s)
                return _save(window, arguments.screenshot)
            await qt_upbit.until_quit()
            return 0
        finally:
            # Leaving already: closing the window must not cancel what is returned.
            window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
            window.close()
            await loader.aclose()
            window.deleteLater()
            await GlobalWebSocketManager.close_instance()


def make_guard(arguments: Arguments, config: Callable[[], WebSocketConfig]) -> TradingGuard:
    """The door for orders: open on the embedded exchange, locked on any other.

    Args:
        arguments: of the command line; nothing else makes a terminal live.
        config: gives the present configuration; keys may come and go.
    """
    return TradingGuard(
        simulated=arguments.simulated,
        live=arguments.live,
        has_keys=lambda: config().credentials is not None,
    )


async def _configure(
    arguments: Arguments, stack: AsyncExitStack
) -> tuple[WebSocketConfig, SimulatedServer | None]:
    """The configuration, and the exchange if it runs in this program."""
    if not arguments.simulated:
        options: dict[str, Any] = {"region": arguments.region}
        if arguments.base_url:
            options["base_url"] = arguments.base_url
        return WebSocketConfig.from_env({}, credentials=Credentials.from_env(), **options), None
    from qt_upbit.simulator import (
        SIMULATED_ACCESS_KEY,
        SIMULATED_SECRET_KEY,
        SimulatedServer,
        SimulatorSettings,
    )

    settings = SimulatorSettings(
        seed=arguments.seed,
        region=arguments.region,
        markets=_MARKETS,
        order_interval_s=_ORDER_INTERVAL_S,
    )
    server = await stack.enter_async_context(SimulatedServer(settings))
    keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
    config = WebSocketConfig(
        region=arguments.region, base_url=server.url, credentials=keys, use_system_proxy=False
    )
    return config, server


class _Loader(QObject):
    """Fetches markets and history beside the running window."""

    def __init__(self, window: MainWindow, history: History, texts: Translator) -> None:
        super().__init__(window)
        self._window = window
        self._history = history
        self._texts = texts
        self._markets: asyncio.Task[None] | None = None
        self._candles: asyncio.Task[None] | None = None
        self._past: asyncio.Task[None] | None = None
        window.chart.past_wanted.connect(self._on_past_wanted)
        window.history_wanted.connect(self._on_history_wanted)

    def start(self) -> None:
        """Fetch the list of markets, and the history of what is on show."""
        self._markets = asyncio.get_running_loop().create_task(self._load_markets())
        self._on_history_wanted(self._window.selector.current, self._window.unit)

    def _on_history_wanted(self, code: str, unit: CandleUnit) -> None:
        before = self._candles
        if before is not None:
            before.cancel()
        self._candles = asyncio.get_running_loop().create_task(self._load_candles(code, unit, before))

    def _on_past_wanted(self, code: str, unit: CandleUnit, before: int) -> None:
        if self._past is not None:
            self._past.cancel()
        self._past = asyncio.get_running_loop().create_task(self._load_past(code, unit, before))

    async def _load_past(self, code: str, unit: CandleUnit, before: int) -> None:
        chart = self._window.chart
        try:
            candles = await self._history.candles(code, unit, before=before)
        except HistoryError:
            await asyncio.sleep(_AGAIN_S)
            if (chart.code, chart.unit) == (code, unit):
                chart.go_without_past()
            return
        if (chart.code, chart.unit) == (code, unit):
            # The chart may ask for more from inside: this task is then no longer to be cancelled.
            self._past = None
            chart.add_past(candles)

    async def _load_markets(self) -> None:
        try:
            self._window.set_markets(await self._history.markets())
        except HistoryError as exc:
            self._window.connection_line.show_error(str(exc)[:90])

    async def _load_candles(self, code: str, unit: CandleUnit, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            # Who leafs through the markets asks for each, and Upbit counts.
            await asyncio.sleep(_LEAFING_S)
        chart = self._window.chart
        try:
            candles = await self._history.candles(code, unit)
        except HistoryError as exc:
            if (chart.code, chart.unit) == (code, unit):
                chart.go_without_history(self._texts("chart.no_history", reason=str(exc)[:60]))
            return
        # An answer that is late belongs to nobody any more.
        if (chart.code, chart.unit) == (code, unit):
            chart.add_history(candles)

    async def aclose(self) -> None:
        """Stop fetching."""
        tasks = [task for task in (self._markets, self._candles, self._past) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _save(window: MainWindow, path: str) -> int:
    if window.grab().save(path, "PNG"):
        return 0
    sys.stderr.write(f"cannot write the screenshot to {path}\n")
    return 1
