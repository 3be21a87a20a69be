"""The chart on a simulated exchange, and its canvas under mouse, wheel and keys."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QPushButton, QToolButton

from demo_app.panels.chart.bars import Bar, Bars, Unit
from demo_app.panels.chart.candle_canvas import CandleCanvas
from demo_app.panels.chart.chart_overlay import ChartContent
from demo_app.panels.chart.chart_panel import ChartPanel
from demo_app.panels.chart.indicator_dialog import IndicatorDialog
from demo_app.panels.chart.indicators import Indicators, IndicatorSettings
from demo_app.style.theme import make_theme
from demo_app.terminal_state import OrderPrefill, TerminalState
from demo_app.trading.trading_guard import TradingGuard
from demo_app.widgets.own_trades import FillMark, OrderLine
from qt_upbit import (
    Account,
    AskBid,
    CandleFeed,
    CandlePeriod,
    CandleUnit,
    OrderType,
    RestError,
    Scope,
    round_to_tick,
)
from qt_upbit.simulator import SimulatedServer
from tests.support.programs import ROOT
from tests.support.wait import turns, until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Open = Callable[[], ChartPanel]

_NOW = 60 * 30_000_000
_NO_KEY = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def state(app: QApplication, tmp_path: Path) -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
    return TerminalState(make_theme("dark", korean=True), guard, settings, "KRW-BTC")


@pytest.fixture
def open_panel(state: TerminalState) -> Iterator[Open]:
    panels: list[ChartPanel] = []

    def make() -> ChartPanel:
        panel = ChartPanel(state)
        panel.resize(900, 500)
        panel.show()
        panels.append(panel)
        return panel

    yield make
    for panel in panels:
        shiboken6.delete(panel)


# --- the canvas alone ------------------------------------------------------------------------------


def _rows(*minutes: int) -> list[Bar]:
    """Rising candles that end now; minutes before now."""
    return [Bar(_NOW - 60 * ago, 100.0, 103.0, 99.0, 102.0, 5.0) for ago in sorted(minutes, reverse=True)]


@pytest.fixture
def canvas(app: QApplication) -> Iterator[CandleCanvas]:
    bars = Bars("KRW-BTC", CandleUnit.M1)
    bars.insert(0, _rows(*range(400)))
    indicators = Indicators(IndicatorSettings(show_averages=False, show_volume=False))
    content = ChartContent(bars, indicators, is_complete=True)
    widget = CandleCanvas(make_theme("dark", korean=True), content, now=lambda: float(_NOW + 20))
    widget.resize(800, 400)
    widget.show_content(content)
    widget.show()
    yield widget
    shiboken6.delete(widget)


def _inked(canvas: CandleCanvas, slot: int) -> bool:
    """Whether a candle is painted in a slot."""
    image = canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    x = round(canvas.view.x(slot, canvas.panes().plot.width()) * ratio)
    rising = canvas._theme.up.rgb()
    # The line of the last price crosses every slot.
    return sum(image.pixel(x, y) == rising for y in range(60, image.height() - 40)) > 3


def test_a_minute_without_trades_is_an_empty_place(canvas: CandleCanvas) -> None:
    bars = Bars("KRW-BTC", CandleUnit.M1)
    bars.insert(0, _rows(0, 1, 2, 6, 7, 8))
    canvas.show_content(ChartContent(bars, canvas.content.indicators, is_complete=True))
    canvas.view.span = 20
    canvas.go_to_now()
    newest = bars.slots[-1]
    shown = [_inked(canvas, newest - ago) for ago in range(9)]
    assert shown == [True, True, True, False, False, False, True, True, True]
    # A dotted line at the last price says that there were no trades, and that no data is missing.
    image, panes, view = canvas.grab().toImage(), canvas.panes(), canvas.view
    ratio = image.devicePixelRatio()
    origin, factor = view.price_map(panes.price.top(), panes.price.height())
    height = (origin - 102.0 * factor) * ratio
    columns = [round(view.x(newest - ago, panes.plot.width()) * ratio) for ago in (5, 3)]
    inks = {
        image.pixelColor(x, y).name()
        for x in range(*columns)
        for y in range(round(height) - 1, round(height) + 2)
    }
    assert canvas._theme.muted.name() in inks


def test_the_last_price_tag_never_partly_covers_an_axis_text(canvas: CandleCanvas) -> None:
    """Which round price is near depends on the price: all of them are tried."""
    bars, theme = canvas.content.bars, canvas._theme
    tags, ground = {theme.up.rgb(), theme.down.rgb()}, theme.panel.rgb()
    last = len(bars) - 1
    for step in range(40):
        bars.put(last, bars[last]._replace(close=99.0 + step * 0.1))
        image = canvas.grab().toImage()
        ratio = image.devicePixelRatio()
        axis = range(round(canvas.panes().plot.right() * ratio) + 4, image.width() - 2)
        tag = [y for y in range(image.height()) if image.pixel(axis[0], y) in tags]
        for y in (tag[0] - 1, tag[-1] + 1):
            assert {image.pixel(x, y) for x in axis} == {ground}, f"close {bars[last].close}: cut at {y}"


def test_a_tick_paints_one_column_and_reuses_the_cached_pixmap(canvas: CandleCanvas) -> None:
    canvas.grab()
    cache = canvas._cache
    assert cache is not None
    last = len(canvas.content.bars) - 1
    canvas.content.bars.put(last, canvas.content.bars[last]._replace(close=100.5))
    canvas.candles_changed()
    canvas.grab()
    assert canvas._cache is cache
    canvas.content.bars.insert(last + 1, [Bar(_NOW + 60, 1.0, 103.0, 99.0, 102.0, 1.0)])
    canvas.candles_changed()
    canvas.grab()
    assert canvas._cache is not cache


def test_the_chart_follows_time_without_trades_but_not_forever(canvas: CandleCanvas) -> None:
    right = canvas.view.right
    canvas._now = lambda: float(_NOW + 60 * 3)
    canvas.candles_changed()
    assert canvas.view.right == right + 3
    canvas._now = lambda: float(_NOW + 86_400)
    canvas.candles_changed()
    assert canvas.view.left < canvas.content.bars.slots[-1]


def test_a_chart_scrolled_to_the_past_does_not_move(canvas: CandleCanvas) -> None:
    canvas.pan(-200)
    right = canvas.view.right
    canvas._now = lambda: float(_NOW + 600)
    canvas.candles_changed()
    assert canvas.view.right == right


def _turn(canvas: CandleCanvas, x: float, notches: float, *, sideways: bool = False) -> None:
    angle = QPoint(round(notches * 120), 0) if sideways else QPoint(0, round(notches * 120))
    place = QPointF(x, 150)
    buttons, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(canvas, QWheelEvent(place, place, QPoint(), angle, buttons, _NO_KEY, phase, False))


def test_the_wheel_zooms_about_the_cursor(canvas: CandleCanvas) -> None:
    view, width = canvas.view, canvas.panes().plot.width()
    under = view.slot_at(300, width)
    _turn(canvas, 300, 3)
    assert view.span < 80
    assert view.slot_at(300, width) == pytest.approx(under)
    right = view.right
    _turn(canvas, 300, 2, sideways=True)
    assert view.right < right
    assert view.fits
    _turn(canvas, 790, 2)
    assert not view.fits


def _drag(canvas: CandleCanvas, begin: QPoint, end: QPoint) -> None:
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, _NO_KEY, begin)
    QTest.mouseMove(canvas, end)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, _NO_KEY, end)


def test_dragging_scrolls_and_dragging_the_axis_widens_the_prices(canvas: CandleCanvas) -> None:
    view = canvas.view
    under = view.slot_at(100, canvas.panes().plot.width())
    _drag(canvas, QPoint(100, 100), QPoint(400, 130))
    assert view.slot_at(400, canvas.panes().plot.width()) == pytest.approx(under)
    assert view.fits
    assert not view.follows
    _drag(canvas, QPoint(790, 100), QPoint(790, 200))
    assert view.stretch > 1.5
    canvas.grab()
    middle = view.low + view.high
    _drag(canvas, QPoint(300, 100), QPoint(300, 160))
    canvas.grab()
    assert view.low + view.high > middle
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, _NO_KEY, QPoint(300, 100))
    assert view.fits
    assert view.follows
    assert view.span == 120


def test_a_button_returns_to_the_newest_candle(canvas: CandleCanvas) -> None:
    assert not canvas.now_button.isVisible()
    canvas.pan(-300)
    assert canvas.now_button.isVisible()
    canvas.now_button.click()
    assert canvas.view.follows
    assert not canvas.now_button.isVisible()


def test_keys(canvas: CandleCanvas) -> None:
    view, bars = canvas.view, canvas.content.bars
    right = view.right
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    assert view.right == pytest.approx(right - 12)
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert view.span == pytest.approx(96)
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    assert view.span == pytest.approx(120)
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert view.left == pytest.approx(bars.slots[0])
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert view.left == pytest.approx(bars.slots[0] + 108)
    QTest.keyClick(canvas, Qt.Key.Key_End)
    assert view.follows
    copies: list[None] = []
    canvas.copy_wanted.connect(lambda: copies.append(None))
    QTest.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert len(copies) == 1


def test_older_candles_are_requested_unless_complete_or_loading(canvas: CandleCanvas) -> None:
    asked: list[None] = []
    canvas.past_wanted.connect(lambda: asked.append(None))
    canvas.pan(-390)
    assert not asked  # complete
    canvas.content.is_complete = False
    canvas.content.is_loading = True
    canvas.pan(-1)
    assert not asked
    canvas.content.is_loading = False
    canvas.pan(-1)
    assert len(asked) == 1


@pytest.mark.parametrize("span", [15, 120, 4_000])
@pytest.mark.parametrize("is_log", [False, True])
def test_it_paints_everything_at_any_zoom(canvas: CandleCanvas, span: int, is_log: bool) -> None:
    everything = IndicatorSettings(show_band=True, show_rsi=True, show_macd=True)
    content = ChartContent(canvas.content.bars, Indicators(everything), "비트코인 BTC/KRW · 1분")
    content.fills = [FillMark(_NOW - 60, 101.0, is_buy=True), FillMark(_NOW, 101.0, is_buy=False)]
    content.orders = [OrderLine(101.5, True, "1"), OrderLine(5.0, False, "1")]
    canvas.show_content(content)
    canvas.view.span, canvas.view.is_log = span, is_log
    canvas.cursor_at = QPointF(200, 150)
    before = canvas.grab().toImage()
    content.orders, content.fills = [], []
    canvas.redraw()
    assert canvas.grab().toImage() != before
    canvas.resize(160, 90)
    canvas.say("Copied")
    canvas.grab()


async def _shown(panel: ChartPanel) -> None:
    await until(lambda: not panel.has_placeholder, what="candles")


# --- the panel -------------------------------------------------------------------------------------


async def test_history_is_followed_by_the_stream(exchange: Exchange, open_panel: Open) -> None:
    await exchange(market_running=True, rate=5.0)
    panel = open_panel()
    assert panel.has_placeholder
    await until(lambda: len(panel.content.bars) >= 400 and not panel.has_placeholder)
    bars = panel.canvas.content.bars
    assert bars.code == "KRW-BTC"
    before = (len(bars), bars.closes[-1], bars.volumes[-1])
    await until(lambda: (len(bars), bars.closes[-1], bars.volumes[-1]) != before)
    oldest = bars.slots[0]
    panel.canvas.pan(-300)
    assert panel.content.is_loading
    await until(lambda: bars.slots[0] < oldest)
    assert len(bars) >= 800
    assert bars.slots == sorted(set(bars.slots))


@pytest.mark.parametrize("unit", [CandleUnit.S1, CandleUnit.M240, CandlePeriod.DAY, CandlePeriod.MONTH])
async def test_units_from_a_second_to_a_month(exchange: Exchange, open_panel: Open, unit: Unit) -> None:
    await exchange(rest_limit=None)
    panel = open_panel()
    await _shown(panel)
    panel.bar.choose(unit)
    await until(lambda: panel.canvas.content.bars.unit is unit and len(panel.canvas.content.bars) > 50)
    assert not panel.canvas.is_dimmed
    rows = await panel.state.rest.get_candles("KRW-BTC", unit, count=3)
    assert [bar.start for bar in list(panel.content.bars)[-3:]] == [Bar.of(row).start for row in rows]
    again = open_panel()
    assert again.unit is unit


async def test_a_failed_page_is_not_requested_again_at_once(
    exchange: Exchange, open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange()
    panel = open_panel()
    await _shown(panel)
    feed = panel._feed
    assert isinstance(feed, CandleFeed)
    asked: list[int] = []
    await until(lambda: not panel.content.is_loading)
    monkeypatch.setattr(feed, "load_more", lambda count: bool(asked.append(count)))
    feed.error_occurred.emit(RestError("the stream", None))
    assert not panel.canvas._word
    panel.content.is_loading = True
    feed.error_occurred.emit(RestError("no history", 500))
    assert not panel.has_placeholder
    assert panel.canvas._word
    panel.canvas.pan(-350)
    panel.canvas.candles_changed()
    assert not asked
    panel._pause.setInterval(0)
    panel._pause.start()
    await until(lambda: not panel._pause.isActive())
    panel.canvas.candles_changed()
    assert asked


async def test_a_pair_whose_candles_do_not_come_times_out(
    exchange: Exchange, open_panel: Open, state: TerminalState
) -> None:
    await exchange()
    panel = open_panel()
    await _shown(panel)
    panel._timeout.setInterval(0)
    state.set_market("KRW-ETH")
    await until(lambda: panel.has_placeholder)
    assert panel.canvas.content is panel.content
    await _shown(panel)


async def test_old_candles_stay_grey_until_the_new_pair_loads(
    exchange: Exchange, open_panel: Open, state: TerminalState
) -> None:
    await exchange()
    state.set_markets(await state.rest.get_markets())
    panel = open_panel()
    await _shown(panel)
    state.set_market("KRW-ETH")
    assert panel.canvas.is_dimmed
    assert panel.canvas.content.bars.code == "KRW-BTC"
    drafts: list[OrderPrefill] = []
    state.order_drafted.connect(drafts.append)
    control = Qt.KeyboardModifier.ControlModifier
    QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, control, QPoint(200, 100))
    assert not drafts
    await until(lambda: panel.canvas.content.bars.code == "KRW-ETH")
    assert not panel.canvas.is_dimmed
    assert panel.content.title == "Ethereum ETH/KRW · 1m"


async def test_a_refusal_is_reported_and_a_retry_recovers(
    exchange: Exchange, open_panel: Open, state: TerminalState
) -> None:
    await exchange()
    state.set_market("KRW-NOPE")
    panel = open_panel()
    button = next(
        each
        for each in panel.findChildren(QPushButton)
        if (parent := each.parentWidget()) is not None and parent.objectName() == "placeholder"
    )
    await until(lambda: panel.has_placeholder and button.isVisible())
    first = panel._feed
    button.click()
    assert panel._feed is not first
    state.set_market("KRW-BTC")
    await _shown(panel)


async def test_a_lost_connection_makes_the_chart_stale(exchange: Exchange, open_panel: Open) -> None:
    server = await exchange()
    panel = open_panel()
    await until(lambda: not panel.has_placeholder and not panel.stale_text)
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: panel.stale_text)
    await until(lambda: not panel.stale_text)


async def test_own_orders_and_fills_are_marked(exchange: Exchange, open_panel: Open) -> None:
    await exchange()
    panel = open_panel()
    await _shown(panel)
    await Account.instance().synchronized_once()
    last = Decimal(int(panel.content.bars.closes[-1]))
    low = last * Decimal("0.5") // 1000 * 1000
    rest = panel.state.rest
    order: dict[str, Any] = {"price": low, "volume": Decimal("0.001")}
    placed = await rest.create_order("KRW-BTC", AskBid.BID, OrderType.LIMIT, **order)
    orders = panel.content.orders
    orders = await until(lambda: panel.content.orders)
    assert [(each.price, each.is_buy, each.text) for each in orders] == [(float(low), True, "0.001")]
    assert not panel.content.fills
    await rest.cancel_order(uuid=placed.uuid)
    await until(lambda: not panel.content.orders)
    await rest.create_order("KRW-BTC", AskBid.BID, OrderType.PRICE, price=Decimal(100_000))
    fills = await until(lambda: panel.content.fills)
    assert all(fill.is_buy for fill in fills)
    assert panel.content.bars.grid.slot(fills[0].moment) >= panel.content.bars.slots[-1]


async def test_without_keys_no_own_orders_are_shown(exchange: Exchange, open_panel: Open) -> None:
    await exchange(keys=None)
    panel = open_panel()
    await _shown(panel)
    assert (panel.content.orders, panel.content.fills) == ([], [])


async def test_a_click_with_ctrl_drafts_an_order(
    exchange: Exchange, open_panel: Open, state: TerminalState
) -> None:
    await exchange()
    panel = open_panel()
    await _shown(panel)
    drafts: list[OrderPrefill] = []
    state.order_drafted.connect(drafts.append)
    panel.canvas.grab()
    panes = panel.canvas.panes()
    for y in (5, panes.price.height() - 5):
        place = QPoint(200, round(y))
        QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, place)
    above, below = drafts
    assert (above.ask_bid, below.ask_bid) == (AskBid.ASK, AskBid.BID)
    assert above.price is not None
    assert below.price is not None
    assert above.price > Decimal(panel.content.bars.closes[-1]) > below.price
    assert above.price % 1000 == below.price % 1000 == 0
    assert panel.canvas._drag is None


async def test_the_choices_are_remembered(exchange: Exchange, open_panel: Open, state: TerminalState) -> None:
    await exchange()
    panel = open_panel()
    await _shown(panel)
    panel.bar.switches["show_rsi"].trigger()
    panel.bar.log_button.click()
    panel.open_dialog()
    dialog = panel.findChild(IndicatorDialog)
    assert dialog is not None
    dialog.averages[0].setValue(7)
    dialog.rsi.setValue(21)
    dialog.band_width.selectAll()
    QTest.keyClicks(dialog.band_width, "2,5")
    buttons = dialog.findChild(QDialogButtonBox)
    assert buttons is not None
    assert not buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    dialog.accept()
    assert dialog.isVisible(), "2,5 is neither 25 nor the previous value"
    dialog.band_width.selectAll()
    QTest.keyClicks(dialog.band_width, "2.5")
    dialog.accept()
    await turns()
    panel.canvas.grab()
    found = panel.canvas.content.indicators
    assert found.rsi is not None
    assert len(found.rsi) == len(panel.content.bars)
    again = open_panel()
    request = again.content.indicators.settings
    assert (request.show_rsi, request.rsi, request.averages) == (True, 21, (7, 20, 60, 120))
    assert request.band_width == 2.5
    assert again.canvas.view.is_log
    assert again.bar.switches["show_rsi"].isChecked()


async def test_the_chart_is_copied_to_the_clipboard(exchange: Exchange, open_panel: Open) -> None:
    await exchange()
    panel = open_panel()
    await _shown(panel)
    panel.bar.copy_button.click()
    assert QGuiApplication.clipboard().pixmap().size() == panel.canvas.grab().size()


async def test_units_move_into_a_menu_without_room(exchange: Exchange, open_panel: Open) -> None:
    await exchange()
    panel = open_panel()
    assert not panel.bar.unit_button.isVisible()
    panel.resize(320, 300)
    await until(panel.bar.unit_button.isVisible)

    def seen() -> list[str]:
        return [b.text() for b in panel.bar.findChildren(QToolButton) if b.property("unit") and b.isVisible()]

    # The most used units stay; the selected one is always shown.
    assert "1m" in seen()
    assert len(seen()) < 13
    panel.bar.choose(CandleUnit.M3)
    assert "3m" in seen()
    panel.bar.resize(panel.bar.minimumSizeHint().width() // 2, panel.bar.height())
    assert panel.bar.unit_button.text() == "3m"
    assert not seen()
    panel.state.set_theme(make_theme("light", korean=False))
    QApplication.sendEvent(panel, QEvent(QEvent.Type.LanguageChange))
    assert panel.title() == "Chart"


async def test_a_deleted_panel_is_released(exchange: Exchange, state: TerminalState) -> None:
    await exchange()
    panel = ChartPanel(state)
    panel.show()
    await _shown(panel)
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    await turns()
    gc.collect()
    assert gone() is None
    state.set_market("KRW-ETH")


def test_every_text_has_a_korean_translation() -> None:
    root = ElementTree.parse(ROOT / "resources/i18n/ko/chart.ts").getroot()
    translations = root.findall(".//translation")
    assert len(translations) > 50
    assert all(each.text and each.get("type") is None for each in translations)


async def test_a_right_click_offers_an_order_and_an_alert_at_its_price(
    exchange: Exchange, state: TerminalState
) -> None:
    await exchange()
    panel = ChartPanel(state)
    panel.resize(800, 500)
    panel.show()
    await until(lambda: len(panel.content.bars) > 10 and not panel.has_placeholder)
    asked: list[tuple[QPoint, float]] = []
    panel.canvas.menu_wanted.disconnect(panel._on_menu)
    panel.canvas.menu_wanted.connect(lambda place, price: asked.append((place, price)))
    at = QPoint(200, round(panel.canvas.panes().price.top()) + 30)
    for place in (QPoint(200, panel.canvas.height() - 4), at):  # the times offer nothing
        reason = QContextMenuEvent.Reason.Mouse
        QApplication.sendEvent(
            panel.canvas, QContextMenuEvent(reason, place, panel.canvas.mapToGlobal(place))
        )
    ((_, price),) = asked
    assert price > panel.content.bars.closes[-1]

    drafts: list[OrderPrefill] = []
    alerts: list[tuple[str, Decimal, bool]] = []
    state.order_drafted.connect(drafts.append)
    state.alert_drafted.connect(lambda *what: alerts.append(what))
    valid = round_to_tick("KRW-BTC", Decimal(repr(price)))
    menu = panel.make_menu(price)
    actions = {action.text(): action for action in menu.actions()}
    for text in (f"Buy at {valid:,f}…", f"Sell at {valid:,f}…", f"Alert at {valid:,f}"):
        actions[text].trigger()
    assert drafts == [
        OrderPrefill("KRW-BTC", AskBid.BID, valid),
        OrderPrefill("KRW-BTC", AskBid.ASK, valid),
    ]
    assert alerts == [("KRW-BTC", valid, True)]

    before = panel.canvas.grab().toImage()
    state.set_alert_prices({"KRW-BTC": [valid], "KRW-ETH": [valid]})
    assert panel.content.alerts == [float(valid)]
    image = panel.canvas.grab().toImage()
    area = panel.canvas.panes().price
    origin, factor = panel.canvas.view.price_map(area.top(), area.height())
    y = round(origin - panel.canvas.view.scale(float(valid)) * factor)
    ink = state.theme.warning.rgb()
    rows = [row for row in (y - 1, y, y + 1) if any(image.pixel(x, row) == ink for x in range(300, 500))]
    assert rows, "a dotted line"
    assert image != before
    panel.close()
    panel.deleteLater()
