"""`MainWindow`: the panels, and the one pair they all show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.assets import asset
from demo_app.chart import CandleChart
from demo_app.connection_line import ConnectionLine
from demo_app.i18n import Translator
from demo_app.market_selector import Market, MarketSelector
from demo_app.orderbook_view import OrderbookView
from demo_app.orders_view import OrdersView
from demo_app.theme import SPACE, Theme
from demo_app.ticker_header import TickerHeader
from demo_app.trades_view import TradesView
from qt_upbit import CandleUnit, ConnectionState, GlobalWebSocketManager, Scope

if TYPE_CHECKING:
    from qt_upbit.simulator import SimulatedServer

__all__ = ["MainWindow"]

_SEEING = {ConnectionState.LIVE, ConnectionState.CONNECTING, ConnectionState.IDLE}


class MainWindow(QMainWindow):
    """Chart, book, tape and orders of one pair.

    Signals:
        ``history_wanted(code, unit)``: another pair or candle length is on show, or some of it was missed.

    Args:
        theme, texts: how it looks and speaks.
        badge: which exchange this is; a key of the texts.
        market: the first pair.
    """

    history_wanted = Signal(str, object)

    def __init__(self, theme: Theme, texts: Translator, badge: str, market: str) -> None:
        super().__init__()
        self.setObjectName("terminal")
        self._texts = texts
        self.setWindowTitle(f"{texts('title')} – {texts(badge)}")
        self.setWindowIcon(QIcon(str(asset("icon.svg"))))
        self.setFont(theme.font())
        self.setStyleSheet(theme.stylesheet())
        self.resize(1440, 900)
        self.unit = CandleUnit.M1

        self.selector = MarketSelector(theme, texts)
        self.header = TickerHeader(theme, texts)
        self.chart = CandleChart(theme, texts)
        self.orderbook = OrderbookView(theme, texts)
        self.trades = TradesView(theme, texts)
        self.orders = OrdersView(theme, texts)
        self.connection_line = ConnectionLine(theme, texts)
        self._market_panels = (self.header, self.orderbook, self.trades)
        self._lay_out(theme, badge)

        self.selector.market_selected.connect(self._show_market)
        self.chart.gap_seen.connect(self._on_gap)
        for keys in ("Ctrl+K", "F2"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.selector.search)
        manager = GlobalWebSocketManager.instance()
        manager.state_changed.connect(self._on_state)
        manager.error_occurred.connect(self._on_error)
        self.selector.select(market)
        self.chart.setFocus()

    def _lay_out(self, theme: Theme, badge: str) -> None:
        top = QWidget()
        top.setObjectName("topBar")
        row = QHBoxLayout(top)
        row.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        row.setSpacing(SPACE)
        row.addWidget(self.selector)
        row.addWidget(self.header, 1)
        tag = QLabel(self._texts(badge))
        tag.setObjectName("badge")
        tag.setProperty("kind", badge)
        tag.setFont(theme.font(8.5, bold=True))
        row.addWidget(tag)
        self._top_row = row

        chart = QWidget()
        chart.setObjectName("panel")
        column = QVBoxLayout(chart)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._unit_bar(theme))
        column.addWidget(self.chart, 1)

        right = _splitter(Qt.Orientation.Vertical, (self.orderbook, self.trades), (7, 3))
        left = _splitter(Qt.Orientation.Vertical, (chart, self.orders), (7, 3))
        body = _splitter(Qt.Orientation.Horizontal, (left, right), (3, 1))
        body.setSizes([1080, 340])
        left.setSizes([600, 200])
        right.setSizes([560, 240])

        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(body, 1)
        layout.addWidget(self.connection_line)
        self.setCentralWidget(central)

    def _unit_bar(self, theme: Theme) -> QWidget:
        bar = QWidget()
        bar.setObjectName("unitBar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(SPACE, 2, SPACE, 2)
        row.setSpacing(2)
        self.units = QButtonGroup(self)
        for unit in CandleUnit:
            button = QToolButton()
            button.setText(self._texts.unit(unit.value))
            button.setProperty("unit", unit.value)
            button.setCheckable(True)
            button.setChecked(unit is self.unit)
            button.setFont(theme.font(8.5))
            self.units.addButton(button)
            row.addWidget(button)
        self.units.buttonClicked.connect(self._on_unit)
        row.addStretch(1)
        return bar

    def add_developer_menu(self, server: SimulatedServer, theme: Theme) -> None:
        """Let the user make things go wrong; for the exchange inside this program only."""
        from demo_app.developer_menu import DeveloperMenu

        button = QToolButton()
        button.setObjectName("developer")
        button.setText(self._texts("developer"))
        button.setFont(theme.font(8.5))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(DeveloperMenu(server, theme, self._texts, self.connection_line.show_error, self))
        self._top_row.addWidget(button)

    def set_markets(self, markets: Sequence[Market]) -> None:
        """Fill the selector."""
        self.selector.set_markets(markets)

    def _on_unit(self, button: QToolButton) -> None:
        self.unit = CandleUnit(button.property("unit"))
        self._show_chart(self.selector.current)

    def _show_market(self, code: str) -> None:
        for panel in self._market_panels:
            panel.show_market(code)
        self._show_chart(code)

    def _show_chart(self, code: str) -> None:
        self.chart.show_market(code, self.unit)
        self.history_wanted.emit(code, self.unit)

    def _on_gap(self) -> None:
        self.history_wanted.emit(self.chart.code, self.chart.unit)

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PUBLIC:
            for panel in (*self._market_panels, self.chart):
                panel.set_stale(state not in _SEEING)
        elif scope is Scope.PRIVATE and state is ConnectionState.REJECTED:
            error = GlobalWebSocketManager.instance().error(scope)
            self.orders.show_error(str(error or self._texts("scope_state.rejected")))

    def _on_error(self, _owner: str, error: Exception) -> None:
        self.connection_line.show_error(str(error).split(";")[0][:90])


def _splitter(orientation: Qt.Orientation, widgets: Sequence[QWidget], stretches: Sequence[int]) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(SPACE // 2)
    for index, (widget, stretch) in enumerate(zip(widgets, stretches, strict=True)):
        splitter.addWidget(widget)
        splitter.setStretchFactor(index, stretch)
    return splitter
