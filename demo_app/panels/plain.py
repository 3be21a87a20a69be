"""The views of before the panels, each in a panel of its own: made again when language or colours change."""

from __future__ import annotations

from typing import ClassVar, Protocol

from PySide6.QtWidgets import QWidget

from demo_app.i18n import Translator
from demo_app.language import is_korean
from demo_app.orderbook_view import OrderbookView
from demo_app.panel import Panel
from demo_app.terminal_state import TerminalState
from demo_app.trades_view import TradesView
from qt_upbit import ConnectionState, Scope

__all__ = ["PlainOrderbookPanel", "PlainTradesPanel"]

_SEEING = {ConnectionState.LIVE, ConnectionState.CONNECTING, ConnectionState.IDLE}


class _MarketView(Protocol):
    def show_market(self, code: str) -> None: ...

    def set_stale(self, stale: bool) -> None: ...


class _PlainPanel(Panel):
    """Puts a view into the panel, and another one when language or theme change."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._body: QWidget | None = None
        self._renew()

    @property
    def _texts(self) -> Translator:
        return Translator("ko" if is_korean() else "en")

    def _renew(self) -> None:
        if self._body is not None:
            self._body.hide()
            self._body.deleteLater()
        self._body = self._make()
        self.set_body(self._body)

    def _make(self) -> QWidget:
        raise NotImplementedError

    def retranslate(self) -> None:
        self._renew()

    def apply_theme(self) -> None:
        self._renew()


class _PlainMarketPanel(_PlainPanel):
    """A view of the pair on show."""

    view: _MarketView

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        state.market_changed.connect(self._on_market)
        state.manager.state_changed.connect(self._on_state)

    def _renew(self) -> None:
        super()._renew()
        self.view.show_market(self.state.market)
        self._on_state(Scope.PUBLIC, self.state.manager.state(Scope.PUBLIC))

    def _on_market(self, code: str) -> None:
        self.view.show_market(code)

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PUBLIC:
            self.view.set_stale(state not in _SEEING)


class PlainOrderbookPanel(_PlainMarketPanel):
    NAME: ClassVar[str] = "orderbook"

    def title(self) -> str:
        return self._texts("orderbook")

    def _make(self) -> QWidget:
        view = OrderbookView(self.state.theme, self._texts)
        self.view = view
        return view


class PlainTradesPanel(_PlainMarketPanel):
    NAME: ClassVar[str] = "trades"

    def title(self) -> str:
        return self._texts("trades")

    def _make(self) -> QWidget:
        view = TradesView(self.state.theme, self._texts)
        self.view = view
        return view
