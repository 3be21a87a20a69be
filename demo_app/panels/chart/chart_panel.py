"""`ChartPanel`: the candles of the selected pair, from a second to a year, with traders' indicators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from demo_app.panel import ContentState, Panel
from demo_app.panels.chart.bars import Bar, Bars, Unit, unit_of
from demo_app.panels.chart.candle_canvas import CandleCanvas
from demo_app.panels.chart.chart_bar import ChartBar
from demo_app.panels.chart.chart_overlay import ChartContent
from demo_app.panels.chart.indicator_dialog import IndicatorDialog
from demo_app.panels.chart.indicators import Indicators, IndicatorSettings
from demo_app.style import formats
from demo_app.style.error_messages import explain
from demo_app.terminal_state import OrderPrefill, TerminalState
from demo_app.trading.order_entry import nearest_price
from demo_app.widgets.own_trades import OwnTrades
from qt_upbit import (
    AskBid,
    CandleFeed,
    CandlePeriod,
    CandleUnit,
    QtUpbitError,
    Scope,
)

__all__ = ["ChartPanel"]

_PAGE: Final = 400
_PAGES: Final = {CandlePeriod.WEEK: 200, CandlePeriod.MONTH: 120, CandlePeriod.YEAR: 12}
"""No exchange is old enough to have more of these."""
_TIMEOUT_MS: Final = 1_500
"""How long the old candles stay, grey, while the new ones load."""
_PAUSE_MS: Final = 5_000


class ChartPanel(Panel):
    """Chart, units and indicators. The user's choices are stored in the settings.

    Args:
        state: what all panels share.
        parent: owner.
    """

    NAME = "chart"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.unit = self._remembered_unit()
        settings = IndicatorSettings.from_json(str(state.settings.value("chart/indicators", "")))
        is_log = state.settings.value("chart/log", False) in (True, "true")
        self._feed: CandleFeed | None = None
        self._has_loaded = False
        self._content = ChartContent(Bars("", self.unit), Indicators(settings))
        """The requested content; the canvas may still show the previous one."""
        self.bar = ChartBar(self.unit, settings, is_log=is_log)
        self.canvas = CandleCanvas(state.theme, self._content, now=state.clock)
        self.canvas.view.is_log = is_log
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.canvas, 1)
        self.set_body(body)
        self.key_target = self.canvas
        QWidget.setTabOrder(self.canvas, self.bar)
        self._dialog: IndicatorDialog | None = None
        self._timeout = self.timer("chart timeout", _TIMEOUT_MS, self._on_timeout)
        # A page that failed is not requested again on every tick.
        self._pause = self.timer("chart pause", _PAUSE_MS, None)
        self._own = OwnTrades(self)
        self._own.changed.connect(self._show_own)

        self.bar.unit_chosen.connect(self._on_unit)
        self.bar.settings_changed.connect(self._on_settings)
        self.bar.log_switched.connect(self._on_log)
        self.bar.dialog_wanted.connect(self.open_dialog)
        self.bar.copy_wanted.connect(self.copy_screenshot)
        self.canvas.past_wanted.connect(self._on_past_wanted)
        self.canvas.price_picked.connect(self._on_price_picked)
        self.canvas.menu_wanted.connect(self._on_menu)
        self.canvas.copy_wanted.connect(self.copy_screenshot)
        state.market_changed.connect(self._on_market)
        state.markets_changed.connect(self._name_it)
        state.alert_prices_changed.connect(self._show_own)
        self.retranslate()
        self.apply_theme()
        self.follow(Scope.PUBLIC)
        self._load()

    # --- Panel -------------------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Chart")

    def retranslate(self) -> None:
        """Set every text again."""
        self.bar.retranslate()
        self.canvas.now_button.setToolTip(self.tr("Go to the newest candle (End)"))
        self.canvas.now_button.setAccessibleName(self.tr("Go to the newest candle (End)"))
        self.canvas.setAccessibleName(self.tr("Candle chart"))
        self.canvas.setAccessibleDescription(
            self.tr(
                "Arrows scroll, plus and minus zoom, Home and End go to the oldest and the newest candle, "
                "Ctrl and a click drafts an order at a price."
            )
        )
        self._name_it()

    def apply_theme(self) -> None:
        """Change colours."""
        self.bar.apply_theme(self.state.theme)
        self.canvas.set_theme(self.state.theme)

    # --- what is shown -----------------------------------------------------------------------------

    def _remembered_unit(self) -> Unit:
        try:
            return unit_of(str(self.state.settings.value("chart/unit", CandleUnit.M1.value)))
        except ValueError:
            return CandleUnit.M1

    def _load(self) -> None:
        """Request the candles of the current pair and unit."""
        self._pause.stop()
        before, self._feed = self._feed, None
        self._has_loaded = False
        code = self.state.market
        self._content = ChartContent(Bars(code, self.unit), Indicators(self._settings))
        self._name_it()
        try:
            self._feed = CandleFeed(code, self.unit, count=self._page, parent=self)
        except QtUpbitError as exc:
            self._fail(explain(exc))
        else:
            for signal, slot in self._links(self._feed):
                signal.connect(slot)
        # Subscribe to the new stream first, so that the shared connection always has a stream of this chart.
        if before is not None:
            for signal, slot in self._links(before):
                signal.disconnect(slot)
            before.close()
            before.deleteLater()
        if self._feed is None:
            return
        if len(self.canvas.content.bars) and not self.has_placeholder:
            self.canvas.set_dimmed(True)
            self._timeout.start()
        else:
            self._reveal()
            self.show_placeholder(self.tr("Loading candles…"), state=ContentState.LOADING)

    def _links(self, feed: CandleFeed) -> tuple[tuple[Any, Callable[..., None]], ...]:
        return (
            (feed.candles_added, self._on_added),
            (feed.candle_changed, self._on_changed),
            (feed.loaded, self._on_loaded),
            (feed.error_occurred, self._on_error),
        )

    @property
    def _page(self) -> int:
        return _PAGES.get(self.unit, _PAGE) if isinstance(self.unit, CandlePeriod) else _PAGE

    @property
    def _settings(self) -> IndicatorSettings:
        return self._content.indicators.settings

    @property
    def content(self) -> ChartContent:
        """The requested content; the canvas shows it once there are candles."""
        return self._content

    def _reveal(self) -> None:
        self._timeout.stop()
        if self.canvas.content is not self._content:
            self._show_own()
            self.canvas.show_content(self._content)

    def _on_timeout(self) -> None:
        """The old candles were shown long enough."""
        self._reveal()
        if not len(self._content.bars):
            self.show_placeholder(self.tr("Loading candles…"), state=ContentState.LOADING)

    def _name_it(self) -> None:
        code = self.state.market
        quote, _, base = code.partition("-")
        name = f"{self.state.market_name(code)} " if code in self.state.markets else ""
        self._content.title = f"{name}{base}/{quote} · {self.bar.unit_name}"
        self.canvas.update()

    # --- candles -----------------------------------------------------------------------------------

    def _on_added(self, first: int, count: int) -> None:
        if self._feed is not None:
            rows = self._feed[first : first + count]
            self._content.bars.insert(first, [Bar.of(row) for row in rows])
            self._changed()

    def _on_changed(self, index: int) -> None:
        if self._feed is not None:
            self._content.bars.put(index, Bar.of(self._feed[index]))
            self._changed()

    def _changed(self) -> None:
        if self._has_loaded and self.has_placeholder:
            self._on_loaded()  # the pair's first trade ever, or the first candle after a failure
        elif self.canvas.content is self._content:
            self.canvas.candles_changed()

    def _on_loaded(self) -> None:
        if self._feed is None:
            return
        self._has_loaded = True
        is_first = self.canvas.content is not self._content or self.has_placeholder
        self._content.is_loading = self._feed.is_loading
        self._content.is_complete = self._feed.is_complete
        self._reveal()
        if len(self._content.bars):
            self.show_body()
        else:
            self.show_placeholder(self.tr("No trades in this pair yet"))
        self.canvas.candles_changed()
        if is_first:
            self.canvas.fit_history()

    def _on_past_wanted(self) -> None:
        if self._feed is not None and not self._pause.isActive() and self._feed.load_more(self._page):
            self._content.is_loading = True
            self.canvas.update()

    def _on_error(self, error: Exception) -> None:
        was_loading, self._content.is_loading = self._content.is_loading, False
        if len(self._content.bars) < 2 or self.has_placeholder:
            self._fail(explain(error))
        elif was_loading:
            # A broken stream is shown by the stale overlay.
            self._pause.start()
            self.canvas.say(self.tr("Candles could not be loaded"))

    def _fail(self, why: str) -> None:
        self._reveal()
        text = self.tr("Candles could not be loaded")
        self.show_placeholder(f"{text}\n{why[:160]}", self.tr("Retry"), self._load, state=ContentState.FAILED)

    # --- what the user does ------------------------------------------------------------------------

    def _on_market(self, _code: str) -> None:
        self._load()

    def _on_unit(self, unit: Unit) -> None:
        if unit != self.unit:
            self.unit = unit
            self.state.settings.setValue("chart/unit", unit.value)
            self._load()
        self.canvas.setFocus()

    def _on_settings(self, settings: IndicatorSettings) -> None:
        self.state.settings.setValue("chart/indicators", settings.to_json())
        for content in {id(each): each for each in (self._content, self.canvas.content)}.values():
            content.indicators = Indicators(settings)
        self.bar.set_settings(settings)
        self.canvas.redraw()

    def _on_log(self, on: bool) -> None:
        self.state.settings.setValue("chart/log", on)
        self.canvas.view.is_log = on
        self.canvas.redraw()

    def open_dialog(self) -> None:
        """Ask for the periods of the indicators."""
        dialog = IndicatorDialog(self._settings, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._on_dialog)
        self._dialog = dialog
        dialog.open()

    def _on_dialog(self) -> None:
        if self._dialog is not None:
            self._on_settings(self._dialog.settings)
            self._dialog = None

    def copy_screenshot(self) -> None:
        """Copy the chart to the clipboard as an image."""
        QGuiApplication.clipboard().setPixmap(self.canvas.grab())
        self.canvas.say(self.tr("Copied"))

    def _on_price_picked(self, price: float) -> None:
        bars = self._content.bars
        if len(bars):
            # A limit order that would rest in the book: a buy below the market, a sell above it.
            self._draft(AskBid.BID if price < bars.closes[-1] else AskBid.ASK, self._valid(price))

    def _valid(self, price: float) -> Decimal:
        return nearest_price(self._content.bars.code, price)

    def _draft(self, side: AskBid, price: Decimal) -> None:
        self.state.order_drafted.emit(OrderPrefill(self._content.bars.code, side, price))

    def _on_menu(self, place: QPoint, price: float) -> None:
        menu = self.make_menu(price)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def make_menu(self, price: float) -> QMenu:
        """The context menu of a price; a recording has neither orders nor alerts."""
        menu, bars, valid = QMenu(self), self._content.bars, self._valid(price)
        text = formats.amount(valid)
        if not self.state.is_replay:
            buy, sell = self.tr("Buy at {price}…"), self.tr("Sell at {price}…")
            for side, words in ((AskBid.BID, buy), (AskBid.ASK, sell)):
                menu.addAction(words.format(price=text), functools.partial(self._draft, side, valid))
            is_above = price > bars.closes[-1]
            menu.addAction(
                self.tr("Alert at {price}").format(price=text),
                functools.partial(self.state.alert_drafted.emit, bars.code, valid, is_above),
            )
            menu.addSeparator()
        menu.addAction(self.tr("Fit the chart"), self.canvas.reset_view)
        menu.addAction(self.tr("Copy image"), self.copy_screenshot)
        return menu

    def _show_own(self) -> None:
        code = self._content.bars.code
        self._content.orders = self._own.lines(code)
        self._content.fills = self._own.fills(code)
        self._content.alerts = [float(price) for price in self.state.alert_prices(code)]
        self.canvas.update()
