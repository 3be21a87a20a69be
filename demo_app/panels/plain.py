"""The views of before the panels, each in a panel of its own: made again when language or colours change."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Protocol

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from demo_app.chart import CandleChart
from demo_app.history import History, HistoryError
from demo_app.i18n import Translator
from demo_app.language import is_korean
from demo_app.orderbook_view import OrderbookView
from demo_app.orders_view import OrdersView
from demo_app.panel import Panel
from demo_app.terminal_state import TerminalState
from demo_app.theme import SPACE
from demo_app.trades_view import TradesView
from qt_upbit import CandleUnit, ConnectionState, Scope

__all__ = ["PlainChartPanel", "PlainOrderbookPanel", "PlainOrdersPanel", "PlainTradesPanel"]

_SEEING = {ConnectionState.LIVE, ConnectionState.CONNECTING, ConnectionState.IDLE}
_LEAFING_S = 0.15
_AGAIN_S = 2.0


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


class PlainOrdersPanel(_PlainPanel):
    NAME: ClassVar[str] = "orders"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        state.manager.state_changed.connect(self._on_state)

    def title(self) -> str:
        return self._texts("orders")

    def _make(self) -> QWidget:
        self.view = OrdersView(self.state.theme, self._texts)
        return self.view

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PRIVATE and state is ConnectionState.REJECTED:
            error = self.state.manager.error(scope)
            self.view.show_error(str(error or self._texts("scope_state.rejected")))


class PlainChartPanel(_PlainPanel):
    NAME: ClassVar[str] = "chart"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        self.unit = CandleUnit.M1
        self.history = History()
        self._candles: asyncio.Task[None] | None = None
        self._past: asyncio.Task[None] | None = None
        super().__init__(state, parent)
        state.market_changed.connect(self._show)
        state.manager.state_changed.connect(self._on_state)

    def title(self) -> str:
        return self._texts("about_chart")

    def _make(self) -> QWidget:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.chart = CandleChart(self.state.theme, self._texts)
        column.addWidget(self._unit_bar())
        column.addWidget(self.chart, 1)
        self.chart.gap_seen.connect(self._load)
        self.chart.past_wanted.connect(self._on_past_wanted)
        return body

    def _renew(self) -> None:
        super()._renew()
        self._show()
        self._on_state(Scope.PUBLIC, self.state.manager.state(Scope.PUBLIC))

    def _unit_bar(self) -> QWidget:
        bar = QWidget()
        bar.setObjectName("unitBar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(SPACE, 2, SPACE, 2)
        row.setSpacing(2)
        self.units = QButtonGroup(bar)
        for unit in CandleUnit:
            button = QToolButton()
            button.setText(self._texts.unit(unit.value))
            button.setProperty("unit", unit.value)
            button.setCheckable(True)
            button.setChecked(unit is self.unit)
            button.setFont(self.state.theme.font(8.5))
            self.units.addButton(button)
            row.addWidget(button)
        self.units.buttonClicked.connect(self._on_unit)
        row.addStretch(1)
        return bar

    def _on_unit(self, button: QToolButton) -> None:
        self.unit = CandleUnit(button.property("unit"))
        self._show()

    def _show(self) -> None:
        self.chart.show_market(self.state.market, self.unit)
        self._load()

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PUBLIC:
            self.chart.set_stale(state not in _SEEING)

    def _load(self) -> None:
        before = self._candles
        if before is not None:
            before.cancel()
        self._candles = asyncio.get_running_loop().create_task(self._load_candles(before is not None))

    async def _load_candles(self, again: bool) -> None:
        if again:
            # Who leafs through the markets asks for each, and Upbit counts.
            await asyncio.sleep(_LEAFING_S)
        chart = self.chart
        code, unit = chart.code, chart.unit
        try:
            candles = await self.history.candles(code, unit)
        except HistoryError as exc:
            chart.go_without_history(self._texts("chart.no_history", reason=str(exc)[:60]))
            return
        chart.add_history(candles)

    def _on_past_wanted(self, code: str, unit: CandleUnit, before: int) -> None:
        if self._past is not None:
            self._past.cancel()
        self._past = asyncio.get_running_loop().create_task(self._load_past(code, unit, before))

    async def _load_past(self, code: str, unit: CandleUnit, before: int) -> None:
        chart = self.chart
        try:
            candles = await self.history.candles(code, unit, before=before)
        except HistoryError:
            await asyncio.sleep(_AGAIN_S)
            if (chart.code, chart.unit) == (code, unit):
                chart.go_without_past()
            return
        if (chart.code, chart.unit) == (code, unit):
            # The chart may ask for more from inside: this task is then no longer to be cancelled.
            self._past = None
            chart.add_past(candles)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Fetch no more."""
        for task in (self._candles, self._past):
            if task is not None:
                task.cancel()
        super().closeEvent(event)
