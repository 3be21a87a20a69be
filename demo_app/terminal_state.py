"""`TerminalState`: what all panels share, and how they hear that it changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QObject, QSettings, Signal

from demo_app.style.language import is_korean
from demo_app.style.theme import Theme
from demo_app.trading.order_gateway import OrderGateway
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import AskBid, GlobalWebSocketManager, Market, RestClient

__all__ = ["OrderPrefill", "TerminalState"]

_FAVOURITES: Final = "watch_list/favourites"


@dataclass(frozen=True, slots=True)
class OrderPrefill:
    """What a click elsewhere wants in the order form; None leaves a field as it is."""

    code: str
    ask_bid: AskBid | None = None
    price: Decimal | None = None
    volume: Decimal | None = None


class TerminalState(QObject):
    """The pair on show, the markets, the theme. One per window; panels keep it, never each other.

    Signals:
        ``market_changed(code)``: another pair is on show.
        ``markets_changed()``: the list of markets is there, or is another one.
        ``favourites_changed()``: other pairs are marked.
        ``theme_changed()``: panels paint again; the application's stylesheet was set already.
        ``order_drafted(draft)``: somebody clicked a price: an `OrderPrefill` for the order form.
        ``alert_drafted(code, price, is_above)``: the user wants to hear when a price is reached, from below
            or from above.
        ``alert_prices_changed()``: see `alert_prices`.
        ``keys_wanted()``: the user wants to enter API keys.
        ``session_wanted(request)``: another session shall begin: a `SessionRequest`.
        ``noticed(title, text)``: something that the user should hear of now: the status line and the tray.

    A change of language is Qt's own: an ``QEvent.LanguageChange`` at every widget.

    Args:
        theme: the first theme.
        guard: asked before every order.
        settings: what is remembered; tests give one of a file of their own.
        market: the first pair.
        parent: owner.
        replay_clock: says which moment a recording shows, seconds since 1970; None on an exchange that runs.
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
        """Whether a recording is played: it has no account, and takes no orders."""
        self.clock: Callable[[], float] = replay_clock or time.time
        """The time of what is on show, seconds since 1970: this machine's, or a recording's."""
        self.guard = guard
        self.gateway = OrderGateway(guard, lambda: self.rest)
        self.settings = settings
        self._theme = theme
        self._market = market
        self._markets: dict[str, Market] = {}
        self._alert_prices: Mapping[str, Sequence[Decimal]] = {}

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The application's."""
        return GlobalWebSocketManager.instance()

    @property
    def rest(self) -> RestClient:
        """REST calls with the present keys: ask each time rather than keep it."""
        return self.manager.rest

    @property
    def theme(self) -> Theme:
        """Colours and fonts of now."""
        return self._theme

    def set_theme(self, theme: Theme) -> None:
        """Change the colours of every panel."""
        self._theme = theme
        self.theme_changed.emit()

    @property
    def market(self) -> str:
        """Code of the pair on show."""
        return self._market

    def set_market(self, code: str) -> None:
        """Show another pair everywhere."""
        if code != self._market:
            self._market = code
            self.market_changed.emit(code)

    @property
    def markets(self) -> dict[str, Market]:
        """Markets by code, in the exchange's order; empty until they have come."""
        return self._markets

    def market_name(self, code: str) -> str:
        """The name of a pair's base currency in the language of now; its code while the name is not known."""
        market = self._markets.get(code)
        if market is None:
            return code.partition("-")[2]
        return market.korean_name if is_korean() else market.english_name

    @property
    def favourites(self) -> list[str]:
        """Pairs that the user has marked, in their order; kept in the settings."""
        return [code for code in str(self.settings.value(_FAVOURITES, "")).split(",") if code]

    def set_favourites(self, codes: Sequence[str]) -> None:
        """Mark these pairs and no others."""
        self.settings.setValue(_FAVOURITES, ",".join(codes))
        self.favourites_changed.emit()

    def alert_prices(self, code: str) -> Sequence[Decimal]:
        """Prices of a pair at which an alert is set."""
        return self._alert_prices.get(code, ())

    def set_alert_prices(self, prices: Mapping[str, Sequence[Decimal]]) -> None:
        """The alerts that are set are these, by code."""
        self._alert_prices = prices
        self.alert_prices_changed.emit()

    def set_markets(self, markets: Sequence[Market]) -> None:
        """The exchange's markets."""
        self._markets = {market.code: market for market in markets}
        self.markets_changed.emit()
