"""A trader at the whole window: only mouse and keys, and only on visible, uncovered widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar, cast

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QAction, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QMenu, QTabBar, QWidget

from demo_app.application import _main
from demo_app.arguments import parse
from demo_app.panels.account.balances_panel import BalancesPanel
from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.account.replace_dialog import ReplaceDialog
from demo_app.panels.alerts.alerts_panel import AlertsPanel
from demo_app.panels.chart.chart_panel import ChartPanel
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.panels.orderbook.orderbook_panel import OrderbookPanel
from demo_app.panels.trades.trades_panel import TradesPanel
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.shell.main_window import MainWindow
from demo_app.style.language import Language
from demo_app.widgets.own_trades import FillMark
from demo_app.widgets.trading_dialogs import ConfirmDialog
from qt_upbit import AskBid, ConnectionState, GlobalWebSocketManager, OrderState, Scope
from qt_upbit.simulator import SimulatedServer
from qt_upbit.simulator.faults.faults import Fault, NotListening
from tests.demo_app.conftest import Open
from tests.support.account import place
from tests.support.wait import until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]
_P = TypeVar("_P")
_D = TypeVar("_D", bound=QDialog)
FEE = D("0.0005")


def _name(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.objectName() or widget.accessibleName()!r}"


def _is_part(part: QWidget | None, whole: QWidget) -> bool:
    return part is not None and (part is whole or whole.isAncestorOf(part))


class Trader:
    """The user of a window. Widgets that are hidden, covered, disabled or behind a dialog cannot be clicked.

    Mouse and key events go to the windows as the system's do: Qt decides which widget receives them.
    """

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def panel(self, kind: type[_P]) -> _P:
        (found,) = (panel for panel in self.window.docks.made if isinstance(panel, kind))
        return found

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        """Click a widget, in its middle or at a given point."""
        place = place if place is not None else widget.rect().center()
        name = _name(widget)
        assert widget.isVisible(), f"{name} is not seen"
        assert widget.isEnabled(), f"{name} is disabled"
        top = widget.window()
        there = widget.mapTo(top, place)
        # The offscreen screen is smaller than the windows: the system cannot say which widget is at a point.
        hit = top.childAt(there) or top
        assert _is_part(hit, widget), f"{name} is under {hit}"
        modal = QApplication.activeModalWidget()
        assert modal is None or modal is top, f"{name} is behind {modal}"
        QTest.mouseClick(top.windowHandle(), Qt.MouseButton.LeftButton, pos=there)

    def key(self, key: Qt.Key | str, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key, in the window with the keyboard focus."""
        top = QApplication.focusWindow()
        assert top is not None, "no window has the keyboard"
        # PySide's stubs do not know that Qt accepts a character as well.
        QTest.keyClick(top, cast(Qt.Key, key), modifiers)

    def ctrl(self, key: Qt.Key | str, *more: Qt.KeyboardModifier) -> None:
        modifiers = Qt.KeyboardModifier.ControlModifier
        for each in more:
            modifiers |= each
        self.key(key, modifiers)

    def write(self, text: str) -> None:
        """Type letters and digits."""
        for letter in text:
            self.key(letter)

    def replace_text(self, text: str) -> None:
        """Replace the text of the field."""
        self.ctrl(Qt.Key.Key_A)
        self.write(text)

    def compose(self, text: str) -> None:
        """Type Hangul: an input method shows the composition, and commits it when done."""
        for letter in text:
            for event in (QInputMethodEvent(letter, []), QInputMethodEvent()):
                if not event.preeditString():
                    event.setCommitString(letter)
                focus = QApplication.focusWidget()
                assert focus is not None
                QApplication.sendEvent(focus, event)

    def tab_to(self, widget: QWidget, *, back: bool = False) -> None:
        """Press Tab, or Shift and Tab, until a widget has the keyboard focus."""
        for _ in range(40):
            if widget.hasFocus():
                return
            shift = Qt.KeyboardModifier.ShiftModifier
            self.key(Qt.Key.Key_Backtab, shift) if back else self.key(Qt.Key.Key_Tab)
        raise AssertionError(f"Tab never comes to {_name(widget)}")

    def sees(self, widget: QWidget) -> bool:
        """Whether a widget can be seen. One behind another tab is "visible" to Qt."""
        top = widget.window()
        return widget.isVisible() and _is_part(top.childAt(widget.mapTo(top, widget.rect().center())), widget)

    def open_tab(self, name: str) -> None:
        """Click the tab of a panel, if it is one of several in its place."""
        dock = self.window.docks.docks[name]
        assert not dock.isHidden()
        for tabs in self.window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            for index in range(tabs.count()):
                if tabs.isVisible() and tabs.tabText(index) == dock.windowTitle():
                    self.click(tabs, tabs.tabRect(index).center())
        assert dock.panel is not None
        assert self.sees(dock.panel)

    async def dialog(self, kind: type[_D]) -> _D:
        """The dialog that has opened."""
        found = await until(lambda: QApplication.activeModalWidget())
        assert isinstance(found, kind)
        await until(found.isActiveWindow)
        return found

    async def back(self) -> None:
        """Restore the focus after a dialog: a desktop does so, the offscreen platform does not."""
        await until(lambda: QApplication.activeModalWidget() is None)
        self.window.activateWindow()
        await until(self.window.isActiveWindow)

    async def menu(self, menu: QMenu, entry: QAction) -> None:
        """Open a menu of the menu bar, and in it the submenu, and click the entry."""
        bar = self.window.menuBar()
        self.click(bar, bar.actionGeometry(menu.menuAction()).center())
        await until(menu.isVisible)
        (below,) = (
            sub
            for action in menu.actions()
            if isinstance(sub := action.menu(), QMenu) and entry in sub.actions()
        )
        self.click(menu, menu.actionGeometry(below.menuAction()).center())
        await until(below.isVisible)
        self.click(below, below.actionGeometry(entry).center())
        await until(lambda: not menu.isVisible())

    @property
    def status(self) -> str:
        """The whole text of the status line."""
        label = self.window.findChild(QLabel, "statusText")
        assert label is not None
        assert label.isVisible()
        return label.toolTip()


async def _sit_down(
    window: MainWindow, size: tuple[int, int] = (1440, 900), layout: str = "trading"
) -> Trader:
    """Wait until the terminal can be used."""
    window.resize(*size)
    window.docks.apply(layout)
    window.state.set_markets(await window.state.rest.get_markets())
    window.activateWindow()
    await until(window.isActiveWindow)
    manager = GlobalWebSocketManager.instance()
    for scope in (Scope.PUBLIC, Scope.PRIVATE):
        await until(lambda scope=scope: manager.state(scope) is ConnectionState.LIVE)
    await until(lambda: window.header._shown_code == window.state.market)
    return Trader(window)


async def _ready(form: OrderFormPanel) -> None:
    await until(lambda: form.last_price is not None and form.fields.percents.button(10).isEnabled())
    await until(lambda: form.account is not None and form.account.is_synchronized)


async def _book(trader: Trader) -> OrderbookPanel:
    book = trader.panel(OrderbookPanel)
    await until(lambda: book.canvas.book_view is not None and not book.has_placeholder)
    # The column positions are known once painted.
    await until(lambda: book.canvas.place_of(AskBid.BID, 0).x() > 0)
    return book


def _click_book(trader: Trader, book: OrderbookPanel, side: AskBid, level: int, *, size: bool) -> None:
    view, place = book.canvas.viewport(), book.canvas.place_of(side, level)
    trader.click(view, QPoint(view.width() - 15, place.y()) if size else place)


def _level(book: OrderbookPanel, side: AskBid, level: int) -> tuple[D, D]:
    assert book.model.book is not None
    row = (book.model.book.asks if side is AskBid.ASK else book.model.book.bids)[level]
    return row.price, row.size


def _said(dialog: QDialog) -> list[str]:
    return [label.text() for label in dialog.findChildren(QLabel) if label.isVisible()]


def _row(panel: OrdersPanel, row: int = 0) -> list[str]:
    """The texts of a row of the visible table."""
    view = panel.open_view if panel.open_view.isVisible() else panel.closed_view
    assert view.isVisible()
    model = view.model()
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def _balance(panel: BalancesPanel, currency: str) -> tuple[D, D]:
    """Available, and in orders: the exact values, checked against the texts of the table."""
    assert panel.shown is not None
    model = panel.shown
    for row in range(model.rowCount()):
        if str(model.index(row, 0).data()).split()[-1] == currency:
            free, locked = model.holding(row).balance, model.holding(row).locked
            for column, exact in ((1, free), (2, locked)):
                assert D(str(model.index(row, column).data()).replace(",", "")) == round(exact, 8)
            return free, locked
    return D(0), D(0)


def _pixel(widget: QWidget, x: float, y: float) -> str:
    return widget.grab().toImage().pixelColor(round(x), round(y)).name()


# --- buying -----------------------------------------------------------------------------------------

WORDS = {
    "en": {"buy": "Buy", "waiting": "Waiting", "filled": "Filled", "open": "Open", "closed": "Closed"},
    "ko": {
        "buy": "매수",
        "waiting": "체결 대기",
        "filled": "체결 완료",
        "open": "미체결",
        "closed": "체결·취소",
    },
}


@pytest.mark.parametrize(
    ("size", "layout", "tongue", "theme", "percent"),
    [
        ((1024, 700), "compact", "ko", "dark", 10),
        ((1024, 700), "compact", "en", "light", None),
        ((1920, 1080), "trading", "ko", "light", None),
        ((1920, 1080), "trading", "en", "dark", 25),
    ],
)
async def test_from_a_price_in_the_book_to_a_filled_order(
    exchange: Exchange,
    open_window: Open,
    size: tuple[int, int],
    layout: str,
    tongue: str,
    theme: str,
    percent: int | None,
) -> None:
    server = await exchange()
    trader = await _sit_down(open_window(layout=layout), size, layout)
    alt = Qt.KeyboardModifier.AltModifier
    trader.ctrl({"ko": Qt.Key.Key_K, "en": Qt.Key.Key_E}[tongue], alt)
    trader.ctrl({"dark": Qt.Key.Key_D, "light": Qt.Key.Key_L}[theme], alt)
    words, state = WORDS[tongue], trader.window.state
    assert state.theme.name == theme
    trader.open_tab("balances")
    balances = trader.panel(BalancesPanel)
    await until(lambda: _balance(balances, "KRW")[0] > 10_000_000)
    (cash, _), (coins, _) = (_balance(balances, currency) for currency in ("KRW", "BTC"))
    trader.open_tab("orders")
    trader.open_tab("order_form")
    form, orders, chart = trader.panel(OrderFormPanel), trader.panel(OrdersPanel), trader.panel(ChartPanel)
    book, fields = await _book(trader), form.fields
    await _ready(form)
    await until(lambda: not chart.has_placeholder and len(chart.content.bars) > 0)

    # The book fills in the form: the side that would take a size, and the exact price.
    bid, _ = _level(book, AskBid.BID, 3)
    _click_book(trader, book, AskBid.BID, 3, size=True)
    total = sum((_level(book, AskBid.BID, level)[1] for level in range(4)), D(0))
    assert (fields.side, fields.price.value, fields.volume.value) == (AskBid.ASK, bid, total)
    ask, _ = _level(book, AskBid.ASK, 1)
    _click_book(trader, book, AskBid.ASK, 1, size=True)
    assert (fields.side, fields.price.value) == (AskBid.BID, ask)
    _click_book(trader, book, AskBid.BID, 3, size=False)
    assert (fields.side, fields.price.value) == (AskBid.BID, bid)
    assert fields.price.text() == f"{bid:,f}"

    if percent is None:
        trader.click(fields.volume)
        trader.replace_text("0.0123")
        volume = D("0.0123")
    else:
        trader.click(fields.percents.button(percent))
        assert fields.volume.value is not None
        volume = fields.volume.value
        part = cash * percent / 100
        # One won is the smallest amount, and eight decimals the smallest size.
        assert 0 <= part - volume * bid * (1 + FEE) < 2 + bid * D("1E-8") * (1 + FEE)
    assert fields.total.value == bid * volume

    trader.click(fields.submit)
    question = await trader.dialog(ConfirmDialog)
    for text in (
        words["buy"],
        f"{bid:,f} KRW",
        f"{volume.normalize():f} BTC",
        f"{(bid * volume).normalize():,f} KRW",
    ):
        assert text in _said(question)
    assert not server.exchange.account.orders, "nothing is sent before the confirmation"
    if not question.do.isEnabled():
        # A large one asks twice.
        trader.click(question.read)
    trader.click(question.do)

    # The order is open: in the table, in the book, in the chart; its funds are locked.
    fee = bid * volume * FEE
    await until(lambda: orders.tabs.tabText(0) == f"{words['open']} (1)")
    row = _row(orders)
    assert row[2] == words["buy"]
    assert (row[4], row[6], row[7]) == (f"{bid:,f} KRW", "0.00%", words["waiting"])
    assert D(row[5].removesuffix(" BTC")) == volume
    await until(lambda: book.canvas.own == {(AskBid.BID, float(bid)): volume})
    row_y = book.canvas.place_of(AskBid.BID, 3).y()
    assert _pixel(book.canvas.viewport(), 1, row_y) == state.theme.up.name()
    assert _pixel(book.canvas.viewport(), 1, row_y + 20) != state.theme.up.name()
    await until(lambda: [(line.price, line.is_buy) for line in chart.content.orders] == [(float(bid), True)])
    trader.open_tab("balances")
    await until(lambda: _balance(balances, "KRW") == (cash - bid * volume - fee, bid * volume + fee))

    # Another order fills it.
    server.exchange.trade("KRW-BTC", bid, volume, AskBid.ASK, server.now())
    await until(lambda: _balance(balances, "KRW") == (cash - bid * volume - fee, D(0)))
    await until(lambda: _balance(balances, "BTC") == (coins + volume, D(0)))
    trader.open_tab("orders")
    await until(lambda: orders.tabs.tabText(1) == f"{words['closed']} (1)")
    assert orders.tabs.tabText(0) == f"{words['open']} (0)"
    trader.click(orders.tabs, orders.tabs.tabRect(1).center())
    row = _row(orders)
    price = f"{bid:,f} KRW"
    assert (row[4], row[6], row[7], row[10]) == (price, "100.00%", words["filled"], price)
    assert D(row[8].removesuffix(" BTC")) == volume
    assert D(row[11].removesuffix(" KRW").replace(",", "")) == fee.quantize(D("0.01"))
    await until(lambda: not book.canvas.own)
    await until(lambda: not chart.content.orders)
    (mark,) = await until(lambda: chart.content.fills)
    (fill,) = next(iter(server.exchange.account.orders.values())).fills
    assert mark == FillMark(fill.time_ms / 1000, float(bid), is_buy=True)
    assert (fill.price, fill.volume, fill.fee) == (bid, volume, fee)
    # The candle must reach down to it.
    await until(lambda: chart.content.bars.closes[-1] == float(bid))
    _assert_marked(chart, mark)


def _assert_marked(chart: ChartPanel, mark: FillMark) -> None:
    """A buy is a triangle below its price."""
    canvas = chart.canvas
    with_mark = canvas.grab().toImage()
    fills, canvas.content.fills = canvas.content.fills, []
    without = canvas.grab().toImage()
    canvas.content.fills = fills
    changed = [
        QPoint(x, y)
        for x in range(with_mark.width())
        for y in range(with_mark.height())
        if with_mark.pixel(x, y) != without.pixel(x, y)
    ]
    assert 30 < len(changed) < 200, "a small mark, and nothing else"
    view, panes = canvas.view, canvas.panes()
    x = view.x(canvas.content.bars.grid.slot(mark.moment), panes.plot.width())
    assert abs(sum(point.x() for point in changed) / len(changed) - x) <= 3
    origin, factor = view.price_map(panes.price.top(), panes.price.height())
    y = origin - view.scale(mark.price) * factor
    assert abs(min(point.y() for point in changed) - y) <= 3


@pytest.mark.parametrize("layout", ["trading", "compact"])
async def test_a_click_in_the_book_shows_the_form(exchange: Exchange, open_window: Open, layout: str) -> None:
    """A click is not lost if the form is behind another tab, or was never shown."""
    await exchange()
    trader = await _sit_down(open_window(layout=layout), layout=layout)
    book = await _book(trader)
    bid, _ = _level(book, AskBid.BID, 2)
    _click_book(trader, book, AskBid.BID, 2, size=False)
    dock = trader.window.docks.docks["order_form"]
    await until(lambda: dock.panel is not None and trader.sees(dock.panel), what="a form")
    form = trader.panel(OrderFormPanel)
    await until(lambda: form.fields.price.value == bid)


# --- the keyboard alone -----------------------------------------------------------------------------


async def test_place_replace_and_cancel_without_the_mouse(exchange: Exchange, open_window: Open) -> None:
    server = await exchange()
    trader = await _sit_down(open_window(layout="trading"))
    form, orders = trader.panel(OrderFormPanel), trader.panel(OrdersPanel)
    await _ready(form)

    trader.ctrl(Qt.Key.Key_7)
    assert _is_part(QApplication.focusWidget(), form)
    trader.tab_to(form.fields.price)
    trader.replace_text("100000000")
    trader.key(Qt.Key.Key_Tab)
    assert form.fields.volume.hasFocus()
    trader.write("0.002")
    assert (form.fields.price.value, form.fields.volume.value) == (100_000_000, D("0.002"))
    trader.key(Qt.Key.Key_Return)
    question = await trader.dialog(ConfirmDialog)
    assert "100,000,000 KRW" in _said(question)
    trader.key(Qt.Key.Key_Escape)
    await trader.back()
    assert form.fields.volume.hasFocus()
    assert not server.exchange.account.orders, "Escape sends nothing"
    trader.key(Qt.Key.Key_Return)
    await trader.dialog(ConfirmDialog)
    trader.key(Qt.Key.Key_Return)
    await trader.back()
    await until(lambda: orders.tabs.tabText(0) == "Open (1)")

    trader.ctrl(Qt.Key.Key_5)
    assert _is_part(QApplication.focusWidget(), orders)
    trader.tab_to(orders.open_view)
    trader.key(Qt.Key.Key_Space)
    assert len(orders.open_view.selected()) == 1
    trader.tab_to(orders.replace, back=True)
    trader.key(Qt.Key.Key_Space)
    other = await trader.dialog(ReplaceDialog)
    assert other.price_field.hasFocus()
    trader.key(Qt.Key.Key_Up)
    trader.key(Qt.Key.Key_Tab)
    trader.replace_text("0.003")
    trader.key(Qt.Key.Key_Return)
    question = await trader.dialog(ConfirmDialog)
    assert {"100,001,000 KRW", "0.003 BTC"} <= set(_said(question))
    trader.key(Qt.Key.Key_Return)
    await trader.back()
    await until(lambda: orders.tabs.tabText(1) == "Closed (1)")
    await until(lambda: orders.tabs.tabText(0) == "Open (1)")
    (order,) = server.exchange.account.open_orders
    assert (order.price, order.volume) == (100_001_000, D("0.003"))
    assert _row(orders)[4:6] == ["100,001,000 KRW", "0.003 BTC"]

    trader.ctrl(Qt.Key.Key_5)
    trader.tab_to(orders.open_view)
    trader.key(Qt.Key.Key_Space)
    trader.key(Qt.Key.Key_Delete)
    await until(lambda: orders.tabs.tabText(0) == "Open (0)")
    assert not server.exchange.account.open_orders
    await until(lambda: trader.status.startswith("My orders: "))
    assert orders.empty.isVisible()


async def test_an_arrow_selects_the_only_order(exchange: Exchange, open_window: Open) -> None:
    server = await exchange()
    trader = await _sit_down(open_window(layout="trading"))
    orders = trader.panel(OrdersPanel)
    place(server)
    await until(lambda: orders.tabs.tabText(0) == "Open (1)")
    trader.ctrl(Qt.Key.Key_5)
    trader.tab_to(orders.open_view)
    trader.key(Qt.Key.Key_Down)
    assert len(orders.open_view.selected()) == 1


@pytest.mark.parametrize("layout", ["trading", "compact"])
async def test_tab_cycles_through_the_visible_widgets(
    exchange: Exchange, open_window: Open, layout: str
) -> None:
    await exchange()
    trader = await _sit_down(open_window(layout=layout), layout=layout)
    await _book(trader)
    chart = trader.panel(ChartPanel)
    await until(lambda: not chart.has_placeholder)
    trader.ctrl(Qt.Key.Key_3)
    begin = QApplication.focusWidget()
    assert begin is not None
    stops: list[QWidget] = []
    while not stops or stops[-1] is not begin:
        trader.key(Qt.Key.Key_Tab)
        stop = QApplication.focusWidget()
        assert stop is not None
        assert trader.sees(stop), f"the focus is in {_name(stop)}, which is not visible"
        assert stop not in stops, f"Tab does not move past {_name(stop)}"
        stops.append(stop)
    assert len(stops) >= 8


async def test_a_market_is_found_by_its_initials_and_everything_follows(
    exchange: Exchange, open_window: Open
) -> None:
    server = await exchange()
    trader = await _sit_down(open_window(layout="trading"))
    trader.ctrl(Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    watch, chart, form = trader.panel(WatchListPanel), trader.panel(ChartPanel), trader.panel(OrderFormPanel)
    book, tape = trader.panel(OrderbookPanel), trader.panel(TradesPanel)
    await _ready(form)
    trader.ctrl(Qt.Key.Key_1)
    trader.ctrl(Qt.Key.Key_F)
    assert watch.search.hasFocus()
    trader.compose("ㅇㄷㄹㅇ")
    assert watch.search.text() == "ㅇㄷㄹㅇ"
    await until(lambda: {watch.order.code(row) for row in range(watch.order.rowCount())} >= {"KRW-ETH"})
    assert watch.order.code(0) == "KRW-ETH"
    trader.key(Qt.Key.Key_Return)
    header = trader.window.header
    await until(lambda: header.isEnabled() and header._shown_code == "KRW-ETH")
    await until(lambda: not chart.has_placeholder and chart.canvas.content.bars.code == "KRW-ETH")
    await until(lambda: book.canvas.book_view is not None and book.canvas.book_view.code == "KRW-ETH")
    await until(lambda: not tape.canvas.is_old and bool(tape.canvas.rows))
    await until(lambda: form.last_price is not None and form.code == "KRW-ETH")
    assert not book.canvas.is_old
    assert chart.content.title.startswith("이더리움 ETH/KRW")
    assert header._event is not None
    price = header._event.trade_price
    assert header._price.text() == f"{price:,.0f}"
    assert form.fields.price.value == price
    assert form.fields.submit.text() == "매수 ETH"
    assert "ETH" in trader.window.selector.currentText()
    price += 10_000
    server.exchange.trade("KRW-ETH", price, D("0.01"), AskBid.BID, server.now())
    await until(lambda: header._price.text() == f"{price:,.0f}")
    await until(lambda: tape.canvas.rows[0].texts[1] == f"{price:,.0f}")
    await until(lambda: book.canvas.last_price == float(price))
    await until(lambda: chart.content.bars.closes[-1] == float(price))
    await until(lambda: form.last_price == price)


# --- errors and reports -----------------------------------------------------------------------------------


def _is_overlaid(panel: QWidget) -> bool:
    stale_overlay = panel.findChild(QWidget, "stale_overlay")
    assert stale_overlay is not None
    return stale_overlay.isVisible()


async def test_after_a_lost_connection_everything_recovers_without_loss(
    exchange: Exchange, open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await exchange()
    inject = server.faults.inject

    def until_cleared(fault: Fault) -> int:
        """Long enough to check every panel that reports it."""
        if isinstance(fault, NotListening):
            fault.for_s = None
        return inject(fault)

    monkeypatch.setattr(server.faults, "inject", until_cleared)
    window = open_window(layout="trading")
    window.add_developer_menu(server)
    trader = await _sit_down(window)
    form, orders = trader.panel(OrderFormPanel), trader.panel(OrdersPanel)
    await _ready(form)
    markets = [trader.panel(kind) for kind in (WatchListPanel, ChartPanel, OrderbookPanel, TradesPanel)]
    await until(lambda: not any(panel.has_placeholder for panel in markets))
    price = form.last_price
    assert price is not None
    await window.state.rest.create_order(
        "KRW-BTC", AskBid.BID, "limit", price=D(100_000_000), volume=D("0.001")
    )
    await until(lambda: orders.tabs.tabText(0) == "Open (1)")
    assert not any(_is_overlaid(panel) for panel in markets)

    developer = window.commands._developer
    assert developer is not None
    await trader.menu(developer, developer._entries["not_listening"])
    assert trader.status.startswith("Fault: Not listening")
    await trader.menu(developer, developer._scopes[2])
    await trader.menu(developer, developer._entries["reset"])
    for panel in markets:
        await until(lambda panel=panel: _is_overlaid(panel) and panel.stale_text == "Not live")
    assert not window.header.isEnabled()
    await until(lambda: _is_overlaid(orders))
    await until(lambda: form.fields.hint.text().startswith("Not live"))
    (order,) = server.exchange.account.open_orders
    server.exchange.trade("KRW-BTC", D(100_000_000), D("0.001"), AskBid.ASK, server.now())
    assert order.state is OrderState.DONE
    assert orders.tabs.tabText(0) == "Open (1)", "the terminal cannot know yet"

    server.faults.clear()
    for panel in (*markets, orders):
        await until(lambda panel=panel: not _is_overlaid(panel) and not panel.stale_text)
    await until(window.header.isEnabled)
    await until(lambda: not form.fields.hint.text())
    await until(lambda: orders.tabs.tabText(1) == "Closed (1)")
    trader.click(orders.tabs, orders.tabs.tabRect(1).center())
    assert (_row(orders)[6:8]) == ["100.00%", "Filled"]
    model = orders.closed_view.model()
    cell = model.index(0, 7)
    assert cell.data(Qt.ItemDataRole.DecorationRole) is not None
    assert "read afterwards" in cell.data(Qt.ItemDataRole.ToolTipRole)


async def test_an_alert_is_created_and_reported(exchange: Exchange, open_window: Open) -> None:
    server = await exchange()
    trader = await _sit_down(open_window(layout="trading"))
    trader.open_tab("alerts")
    panel = trader.panel(AlertsPanel)
    await until(lambda: panel._price is not None)
    assert panel._price is not None
    price = panel._price
    below = price - 1_000_000
    trader.click(panel.kind)
    trader.key(Qt.Key.Key_Down)
    trader.key(Qt.Key.Key_Return)
    assert panel.kind.currentText() == "Price at or below"
    trader.click(panel.threshold)
    trader.replace_text(f"{below:f}")
    trader.click(panel.add)
    assert panel.rows.rowCount() == 1
    assert panel.view.isVisible()
    await until(lambda: panel.watcher.prices.get("KRW-BTC") == price)
    server.exchange.trade("KRW-BTC", below + 1_000, D("0.01"), AskBid.ASK, server.now())
    await until(lambda: panel.watcher.prices["KRW-BTC"] == below + 1_000)
    assert "Price at or below" not in trader.status
    server.exchange.trade("KRW-BTC", below, D("0.01"), AskBid.ASK, server.now())
    await until(lambda: "Price at or below" in trader.status)
    assert trader.status == f"Bitcoin (KRW-BTC): Price at or below {below:,f} KRW: {below:,f} KRW"
    await until(lambda: trader.window.header._price.text() == f"{below:,f}")


async def test_a_session_is_recorded_and_replayed_in_its_own_window(
    tmp_path: Path, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole program: its dialogs, and its consecutive windows."""
    leave, windows = asyncio.Event(), list[MainWindow]()
    # Only code run by `qt_upbit.run` can wait for that.
    monkeypatch.setattr("qt_upbit.until_quit", leave.wait)
    options = ["--lang", language.name, "--settings", str(tmp_path / "terminal.ini")]
    program = asyncio.ensure_future(_main(parse([*options, "--layout", "trading"]), windows))
    try:
        await until(lambda: windows)
        trader, path = await _before(windows[0]), str(tmp_path / "mine.jsonl.gz")
        trader.ctrl(Qt.Key.Key_R)
        await trader.dialog(QFileDialog)
        trader.replace_text(path)
        trader.key(Qt.Key.Key_Return)
        await trader.back()
        recording = trader.window.recording
        await until(recording.sign.isVisible)
        await until(lambda: recording.recorder is not None and recording.recorder.size > 20_000)
        trader.click(recording.sign)
        await until(lambda: trader.status == f"Recorded: {path}")
        assert not recording.sign.isVisible()

        trader.ctrl(Qt.Key.Key_O)
        await trader.dialog(QFileDialog)
        trader.replace_text(path)
        trader.key(Qt.Key.Key_Return)
        await until(lambda: windows[0] is not trader.window)
        replay = await _before(windows[0])
        assert replay.window.windowTitle().endswith("REPLAY")
        tape, chart = replay.panel(TradesPanel), replay.panel(ChartPanel)
        form = replay.panel(OrderFormPanel)
        await _book(replay)
        await until(lambda: len(chart.content.bars) > 0 and not chart.has_placeholder)
        await until(lambda: len(tape.canvas.rows) > 0)
        assert form.has_placeholder
        assert not replay.sees(form.fields.submit)
        assert list(replay.window.state.markets) == ["KRW-BTC"]
    finally:
        leave.set()
        await program
        for window in windows:
            window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def _before(window: MainWindow) -> Trader:
    window.activateWindow()
    await until(window.isActiveWindow)
    await until(lambda: window.header._shown_code == window.state.market)
    return Trader(window)
