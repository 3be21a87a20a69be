"""Composition: which exchange, which window, and how to exit."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import (
    QCoreApplication,
    QMessageLogContext,
    QSettings,
    Qt,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

import qt_upbit
from demo_app.arguments import Arguments
from demo_app.panel import ContentState
from demo_app.preferences import Preferences
from demo_app.recording.replay_bar import ReplayBar
from demo_app.recording.sessions import SessionRequest, load_recording
from demo_app.shell.demo_trader import DEMO_ACCESS_KEY, DEMO_SECRET_KEY, DemoTrader
from demo_app.shell.key_expiry import KeyExpiry
from demo_app.shell.main_window import MainWindow
from demo_app.shell.market_list import MarketList
from demo_app.style.appearance import Appearance, first_theme
from demo_app.style.language import Language, system_language
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard, TradingState
from qt_upbit import (
    ConfigError,
    Credentials,
    GlobalWebSocketManager,
    Region,
    RestClient,
    WebSocketConfig,
    load_credentials,
)

if TYPE_CHECKING:
    from qt_upbit.simulator import SimulatedServer

__all__ = ["make_guard", "prefer", "run_terminal"]

_ORDER_INTERVAL_S: Final = 1.5
"""The demo trader trades often, so that its orders move at once."""
_NOTICE_INTERVAL_S: Final = 90.0
"""Upbit publishes a few a day; the demo shows some sooner."""
_FOR_EVER_S: Final = 1e6
_LOOK_AGAIN_S: Final = 0.05
_WITHOUT_DATA: Final = frozenset((ContentState.LOADING, ContentState.FAILED))


def run_terminal(arguments: Arguments) -> int:
    """Run the terminal until it is closed; return the exit code of the process."""
    if not RestClient.is_available():
        # Imported later, while the window is already running.
        raise ModuleNotFoundError("No module named 'upbit'", name="upbit")
    if arguments.screenshot is not None and not Path(arguments.screenshot).absolute().parent.is_dir():
        return _cannot_save(arguments.screenshot)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setApplicationName("qt_upbit terminal")
    app.setOrganizationName("qt_upbit")
    if isinstance(app, QApplication):
        app.setStyle("Fusion")
        if app.platformName() == "offscreen":
            qInstallMessageHandler(_print_message)
    try:
        # Keep the windows until the loop has ended every task: panels must outlive their fetches.
        windows: list[MainWindow] = []
        code = qt_upbit.run(_main(arguments, windows))
    except ConfigError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    # None: quit from outside; a pending screenshot has failed.
    return int(arguments.screenshot is not None) if code is None else code


def _print_message(_kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    """Print Qt's messages, except the one that the offscreen platform prints for every window."""
    if "propagateSizeHints" not in text:
        sys.stderr.write(text + "\n")


async def _main(arguments: Arguments, windows: list[MainWindow]) -> int:
    async with AsyncExitStack() as stack:
        settings = _settings(arguments, stack)
        preferences = Preferences(settings)
        arguments = prefer(arguments, preferences)
        region = arguments.region or Region(preferences.get("region") or "kr")
        language = Language()
        language.use(arguments.lang or preferences.get("language") or system_language())
        session_request = SessionRequest(market=arguments.market or f"{region.quote_currency}-BTC")
        if arguments.replay:
            try:
                session_request = await load_recording(arguments.replay)
            except (OSError, ValueError) as exc:
                sys.stderr.write(f"cannot play {arguments.replay}: {exc}\n")
                return 2
        while True:
            session = _Session(arguments, region, settings, preferences, language, session_request)
            outcome = await session.run(windows)
            if isinstance(outcome, int):
                return outcome
            # Keep the selected pair, as the next exchange may list it too.
            session_request = outcome if outcome.market else replace(outcome, market=session.market)


class _Session:
    """One exchange and one window, until the user leaves or wants another session."""

    def __init__(
        self,
        arguments: Arguments,
        region: Region,
        settings: QSettings,
        preferences: Preferences,
        language: Language,
        session_request: SessionRequest,
    ) -> None:
        self._arguments = arguments
        self._region = region
        self._settings = settings
        self._preferences = preferences
        self._language = language
        self._request = session_request
        self.market = session_request.market

    async def run(self, windows: list[MainWindow]) -> int | SessionRequest:
        """Return the exit code, or the request for the next session."""
        arguments, session_request = self._arguments, self._request
        is_replay = session_request.recording is not None
        async with AsyncExitStack() as stack:
            config, server = await _configure(arguments, self._region, session_request, stack)
            GlobalWebSocketManager.configure(config)
            # The order gateway checks each order with this guard.
            guard = make_guard(
                arguments, lambda: GlobalWebSocketManager.instance().config, is_replay=is_replay
            )
            theme = first_theme(self._preferences, self._language.name, arguments.theme)
            clock = _clock_of(server) if is_replay else None
            state = TerminalState(theme, guard, self._settings, session_request.market, replay_clock=clock)
            appearance = Appearance(state, self._language, self._preferences)
            window = MainWindow(state, appearance, _badge(arguments, guard, is_replay), arguments.layout)
            # Windows of earlier sessions have finished all their work.
            for ended in windows:
                ended.deleteLater()
            windows[:] = [window]
            if server is not None and is_replay and server.exchange.replay is not None:
                window.add_replay_bar(
                    ReplayBar(state, server.exchange.replay, session_request, server.now, window)
                )
            elif server is not None:
                window.add_developer_menu(server)
                if config.credentials is not None:
                    trader = DemoTrader(server, state, config.credentials, window)
                    window.add_demo_trader(trader)
                    if arguments.demo_trader:
                        trader.set_running(True)
            window.fit(arguments.size)
            if arguments.size is None and QApplication.platformName() != "offscreen":
                window.keep_within(window.screen().availableGeometry())
            markets = MarketList(state, QCoreApplication.translate("Application", "No markets"))
            window.show()
            markets.start()
            expiry = KeyExpiry(state)
            expiry.start()
            try:
                if arguments.screenshot is not None:
                    await asyncio.sleep(arguments.after_s)
                    missing = await _first_data(window, arguments.timeout_s, is_replay=is_replay)
                    if missing:
                        sys.stderr.write(f"no screenshot: still no data in {', '.join(missing)}\n")
                        return 1
                    return _save(window, arguments.screenshot)
                return await _until_quit_or_session(state)
            finally:
                self.market = state.market
                # Already leaving: closing the window must not cancel the result.
                window.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
                window.close()
                await markets.aclose()
                await expiry.aclose()
                await GlobalWebSocketManager.close_instance()


async def _until_quit_or_session(state: TerminalState) -> int | SessionRequest:
    requested: asyncio.Future[SessionRequest] = asyncio.get_running_loop().create_future()

    def on_session_request(session_request: SessionRequest) -> None:
        if not requested.done():
            requested.set_result(session_request)

    state.session_wanted.connect(on_session_request)
    quitting: asyncio.Future[Any] = asyncio.ensure_future(qt_upbit.until_quit())
    either: set[asyncio.Future[Any]] = {quitting, requested}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if requested.done():
            return requested.result()
        await quitting
        return 0
    finally:
        state.session_wanted.disconnect(on_session_request)
        quitting.cancel()
        requested.cancel()
        await asyncio.gather(quitting, requested, return_exceptions=True)


def _badge(arguments: Arguments, guard: TradingGuard, is_replay: bool) -> str:
    if is_replay:
        return "replay"
    if guard.state is TradingState.SIMULATED:
        return "simulated"
    return "external" if arguments.base_url else "live"


def prefer(arguments: Arguments, preferences: Preferences) -> Arguments:
    """Use Upbit's data if preferred and the command line names no exchange. It never allows orders."""
    if arguments.live or arguments.base_url or preferences.get("environment") != "live":
        return arguments
    return replace(arguments, upbit_data=True)


def _settings(arguments: Arguments, stack: AsyncExitStack) -> QSettings:
    """The user's own settings, or a file; a screenshot neither reads nor changes the user's."""
    path = arguments.settings
    if path is None and arguments.screenshot is None:
        return QSettings()
    if path is None:
        path = str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "terminal.ini")
    return QSettings(path, QSettings.Format.IniFormat)


def make_guard(
    arguments: Arguments, config: Callable[[], WebSocketConfig], *, is_replay: bool = False
) -> TradingGuard:
    """The guard of orders: open on the embedded exchange, locked on any other.

    Args:
        arguments: of the command line; nothing else makes a terminal live.
        config: returns the current configuration; keys may be added and removed.
        is_replay: a recording is played; orders are not possible.
    """
    return TradingGuard(
        simulated=arguments.simulated and not is_replay,
        live=arguments.live and not is_replay,
        has_keys=lambda: config().credentials is not None,
    )


async def _configure(
    arguments: Arguments, region: Region, session_request: SessionRequest, stack: AsyncExitStack
) -> tuple[WebSocketConfig, SimulatedServer | None]:
    """Return the configuration, and the exchange if it runs in this process."""
    if session_request.recording is not None:
        return await _configure_replay(region, session_request, stack)
    if not arguments.simulated:
        options: dict[str, Any] = {"region": region}
        if arguments.base_url:
            options["base_url"] = arguments.base_url
        keys = Credentials.from_env()
        if keys is None and not arguments.base_url:
            # Prices are shown even if the key store is locked or missing; the settings dialog reports it.
            with contextlib.suppress(ConfigError):
                keys = load_credentials()
        return WebSocketConfig.from_env({}, credentials=keys, **options), None
    from qt_upbit.simulator import (
        SIMULATED_ACCESS_KEY,
        SIMULATED_SECRET_KEY,
        SimulatedAccount,
        SimulatedServer,
        SimulatorSettings,
    )

    settings = SimulatorSettings(
        seed=arguments.seed,
        region=region,
        account_running=False,
        account_history=True,
        further_accounts=(SimulatedAccount(access_key=DEMO_ACCESS_KEY, secret_key=DEMO_SECRET_KEY),),
        trader_access_key=DEMO_ACCESS_KEY,
        order_interval_s=_ORDER_INTERVAL_S,
        announcement_interval_s=_NOTICE_INTERVAL_S,
    )
    server = await stack.enter_async_context(SimulatedServer(settings))
    keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
    config = WebSocketConfig(region=region, base_url=server.url, credentials=keys, use_system_proxy=False)
    return config, server


async def _configure_replay(
    region: Region, session_request: SessionRequest, stack: AsyncExitStack
) -> tuple[WebSocketConfig, SimulatedServer]:
    from qt_upbit.simulator import SimulatedServer, SimulatorSettings

    settings = SimulatorSettings(region=region, markets=1, market_running=False, account_running=False)
    server = SimulatedServer(settings, replay=session_request.replay(time.time()))
    await stack.enter_async_context(server)
    # A paused or quiet recording is not a dead connection.
    config = WebSocketConfig(
        region=region, base_url=server.url, use_system_proxy=False,
        silence_floor_s=_FOR_EVER_S, silence_timeout_s=_FOR_EVER_S, silent_code_timeout_s=_FOR_EVER_S,
        recover_gaps=False,
    )  # fmt: skip
    return config, server


def _clock_of(server: SimulatedServer | None) -> Callable[[], float] | None:
    """The recorded time that a replaying server is at, seconds since 1970."""
    if server is None or server.exchange.replay is None:
        return None
    replay, now = server.exchange.replay, server.now
    return lambda: replay.moment_ms(now()) / 1000


async def _first_data(window: MainWindow, timeout_s: float, *, is_replay: bool) -> list[str]:
    """Wait until every visible panel has its first data; return the titles of those that still have none.

    A recording may have nothing for some panels: there it is enough if one panel has data.
    """
    deadline = time.perf_counter() + timeout_s
    while True:
        seen = [panel for panel in window.docks.made if not panel.visibleRegion().isEmpty()]
        missing = [panel.title() for panel in seen if panel.content_state in _WITHOUT_DATA]
        if not missing or (is_replay and len(missing) < len(seen)):
            return []
        if time.perf_counter() >= deadline:
            return missing
        await asyncio.sleep(_LOOK_AGAIN_S)


def _save(window: MainWindow, path: str) -> int:
    if window.grab().save(path, "PNG"):
        return 0
    return _cannot_save(path)


def _cannot_save(path: str) -> int:
    sys.stderr.write(f"cannot write the screenshot to {path}\n")
    return 1
