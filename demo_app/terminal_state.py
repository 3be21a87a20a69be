"""`TerminalState`: the state that all panels share, with signals for its changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QObject, QSettings, Signal

from demo_app.freshness import Freshness
from demo_app.style.language import is_korean
from demo_app.style.theme import Theme
from demo_app.trading.order_gateway import OrderGateway
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import AskBid, GlobalWebSocketManager, Market, RestClient

__all__ = ["OrderPrefill", "TerminalState"]

_FAVOURITES: Final = "watch_list/favourites"


@dataclass(frozen=True, slots=True)
class OrderPrefill:
    """Values for the order form, from a click elsewhere; None leaves a field unchanged."""

    code: str
    ask_bid: AskBid | None = None
    price: Decimal | None = None
    volume: Decimal | None = None


class TerminalState(QObject):
    """The selected pair, the markets, the theme. One per window; panels refer to it, never to each other.

    Signals:
        ``market_changed(code)``: another pair is selected.
        ``markets_changed()``: the list of markets was loaded or has changed.
        ``favourites_changed()``: the favourites have changed.
        ``theme_changed()``: panels repaint; the application's stylesheet is already set.
        ``order_drafted(draft)``: the user clicked a price: an `OrderPrefill` for the order form.
        ``alert_drafted(code, price, is_above)``: the user wants an alert when a price is reached, from below
            or from above.
        ``alert_prices_changed()``: see `alert_prices`.
        ``keys_wanted()``: the user wants to enter API keys.
        ``session_wanted(request)``: another session is requested: a `SessionRequest`.
        ``noticed(title, text)``: the user must be notified now: in the status line and the tray.

    A language change is Qt's own: every widget receives a ``QEvent.LanguageChange``.

    Args:
        theme: the initial theme.
        guard: asked before every order.
        settings: persistent storage; tests pass their own file.
        market: the initial pair.
        parent: owner.
        replay_clock: returns the time of the replay, seconds since 1970; None on a live exchange.
    """

    market_changed = Signal(str)
    markets_changed = Signal()
    theme_changed = Signal()
    order_drafted = Signal(object)
    alert_drafted = Signal(str, object, bool)
    alert_prices_changed = Signal()
    keys_wanted = Signal()
    favourites_changed = Signal()
    session_wanted = Signal(object)
    noticed = Signal(str, str)

    def __init__(
        self,
        theme: Theme,
        guard: TradingGuard,
        settings: QSettings,
        market: str,
        parent: QObject | None = None,
        *,
        replay_clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("terminal state")
        self.is_replay = replay_clock is not None
        """Whether a recording is played: it has no account, and orders are not possible."""
        self.clock: Callable[[], float] = replay_clock or time.time
        """The current time of the data, seconds since 1970: this machine's, or the replay's."""
        self.guard = guard
        self.gateway = OrderGateway(guard, lambda: self.rest)
        self.settings = settings
        self._theme = theme
        self._market = market
        self._markets: dict[str, Market] = {}
        self._alert_prices: Mapping[str, Sequence[Decimal]] = {}
        self._freshness: Freshness | None = None

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The application's manager."""
        return GlobalWebSocketManager.instance()

    @property
    def freshness(self) -> Freshness:
        """Whether public data is current, and how old it is."""
        if self._freshness is None:
            self._freshness = Freshness(self.manager, judges=not self.is_replay, parent=self)
        return self._freshness

    @property
    def rest(self) -> RestClient:
        """REST calls with the current keys: read it each time rather than store it."""
        return self.manager.rest

    @property
    def theme(self) -> Theme:
        """The current colours and fonts."""
        return self._theme

    def set_theme(self, theme: Theme) -> None:
        """Change the colours of every panel."""
        self._theme = theme
        self.theme_changed.emit()

    @property
    def market(self) -> str:
        """Code of the selected pair."""
        return self._market

    def set_market(self, code: str) -> None:
        """Select another pair, in every panel."""
        if code != self._market:
            self._market = code
            self.market_changed.emit(code)

    @property
    def markets(self) -> dict[str, Market]:
        """Markets by code, in the exchange's order; empty until they are loaded."""
        return self._markets

    def market_name(self, code: str) -> str:
        """The name of a pair's base currency in the current language; its code while the name is unknown."""
        market = self._markets.get(code)
        if market is None:
            return code.partition("-")[2]
        return market.korean_name if is_korean() else market.english_name

    @property
    def favourites(self) -> list[str]:
        """Pairs that the user has marked, in their order; stored in the settings."""
        return [code for code in str(self.settings.value(_FAVOURITES, "")).split(",") if code]

    def set_favourites(self, codes: Sequence[str]) -> None:
        """Replace the favourites."""
        self.settings.setValue(_FAVOURITES, ",".join(codes))
        self.favourites_changed.emit()

    def alert_prices(self, code: str) -> Sequence[Decimal]:
        """Alert prices of a pair."""
        return self._alert_prices.get(code, ())

    def set_alert_prices(self, prices: Mapping[str, Sequence[Decimal]]) -> None:
        """Replace the alert prices, by code."""
        self._alert_prices = prices
        self.alert_prices_changed.emit()

    def set_markets(self, markets: Sequence[Market]) -> None:
        """Replace the exchange's markets."""
        self._markets = {market.code: market for market in markets}
        self.markets_changed.emit()
