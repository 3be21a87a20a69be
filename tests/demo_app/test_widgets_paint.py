"""Every widget paints in every state and size, and Qt has nothing to say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QPointF, QSettings, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from demo_app.candle_series import Candle
from demo_app.chart import CandleChart
from demo_app.connection_line import ConnectionLine
from demo_app.i18n import Translator
from demo_app.language import Language
from demo_app.orderbook_view import OrderbookView
from demo_app.orders_view import OrdersView
from demo_app.theme import Theme
from demo_app.ticker_header import TickerHeader
from demo_app.trades_view import TradesView
from qt_upbit import CandleUnit, ConnectionState, GlobalWebSocketManager, OrderTracker, Scope
from tests.demo_app.conftest import make_state
from tests.support import events

pytestmark = pytest.mark.usefixtures("offline")

_SIZES = [(1, 1), (60, 40), (340, 560), (1080, 600), (3000, 1600)]
Make = Callable[[type[Any]], Any]


@pytest.fixture
def make(theme: Theme, texts: Translator, settings: QSettings, language: Language) -> Iterator[Make]:
    made: list[QWidget] = []
    language.use(texts.language)

    def new(kind: type[Any]) -> Any:
        shared = kind in (TickerHeader, ConnectionLine)
        made.append(kind(make_state(settings, theme)) if shared else kind(theme, texts))
        return made[-1]

    yield new
    for widget in made:
        shiboken6.delete(widget)


def _paint(widget: QWidget) -> None:
    for width, height in _SIZES:
        widget.resize(width, height)
        picture = widget.grab()
        assert (picture.width(), picture.height()) >= (width, height)


def _colors(widget: QWidget) -> int:
    """How many colours a picture has: more than one means that something is painted."""
    widget.resize(800, 500)
    image = widget.grab().toImage()
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})


# --- chart ----------------------------------------------------------------------------------------


def _candles(count: int, price: float = 1e8, swing: float = 0.01, first: int = 1_800_000_000) -> list[Candle]:
    return [
        Candle(
            first + 60 * i,
            price,
            price * (1 + swing),
            price * (1 - swing),
            price * (1 + swing * ((i % 5) - 2) / 2),
            1.0 + i % 7,
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 200, 6_000])
async def test_chart_with_so_many_candles(make: Make, count: int) -> None:
    chart = make(CandleChart)
    chart.show_market("KRW-BTC", CandleUnit.M1)
    _paint(chart)
    chart.add_history(_candles(count))
    _paint(chart)
    assert _colors(chart) > 1


@pytest.mark.parametrize("volume", [0.0, 3.0])
async def test_chart_of_a_price_that_stands_still(make: Make, volume: float) -> None:
    chart = make(CandleChart)
    chart.show_market("BTC-XRP", CandleUnit.M1)
    for price in (0.00000123, 0.0):
        chart.add_history([Candle(60 * i, price, price, price, price, volume) for i in range(50)])
        _paint(chart)


@pytest.mark.parametrize("unit", list(CandleUnit))
async def test_chart_in_each_unit_and_stale(make: Make, unit: CandleUnit) -> None:
    chart = make(CandleChart)
    chart.show_market("KRW-BTC", unit)
    for start in range(0, 40):
        minute = f"2026-11-22T10:{start:02d}:00"
        chart.proxy.candle_received.emit(
            events.candle("KRW-BTC", unit, 100 + start, candle_date_time_utc=minute)
        )
    assert len(chart.series) == 40
    chart.set_stale(True)
    chart.set_notice("something to say")
    _paint(chart)


async def test_chart_ignores_what_is_of_another_pair_or_unit(make: Make) -> None:
    chart = make(CandleChart)
    chart.show_market("KRW-BTC", CandleUnit.M1)
    chart.proxy.candle_received.emit(events.candle("KRW-ETH", "1m"))
    chart.proxy.candle_received.emit(events.candle("KRW-BTC", "3m"))
    assert len(chart.series) == 0


async def test_chart_with_a_gap_is_another_picture(make: Make) -> None:
    chart = make(CandleChart)
    chart.show_market("KRW-BTC", CandleUnit.M1)
    chart.add_history(_candles(100))
    before = _colors(chart)
    begin = datetime.fromtimestamp(1_800_000_000 + 60 * 50, UTC)
    chart.proxy.gap_detected.emit(Scope.PUBLIC, ["KRW-BTC"], begin, begin + timedelta(minutes=5))
    assert _colors(chart) > before
    _paint(chart)


def _mouse(kind: QEvent.Type, x: float, y: float, button: Qt.MouseButton) -> QMouseEvent:
    return QMouseEvent(kind, QPointF(x, y), QPointF(x, y), button, button, Qt.KeyboardModifier.NoModifier)


@pytest.mark.parametrize("count", [0, 1, 3, 500])
async def test_cross_hair_drag_and_double_click_anywhere(make: Make, count: int, app: QApplication) -> None:
    chart = make(CandleChart)
    chart.show_market("KRW-BTC", CandleUnit.M1)
    chart.add_history(_candles(count))
    chart.resize(700, 400)
    left = Qt.MouseButton.LeftButton
    for x in (0, 300, 639, 699):
        for y in (0, 200, 380, 399):
            chart.mouseMoveEvent(_mouse(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton))
            chart.grab()
    chart.mousePressEvent(_mouse(QEvent.Type.MouseButtonPress, 10, 10, left))
    chart.mouseMoveEvent(_mouse(QEvent.Type.MouseMove, 1e6, 10, left))
    chart.grab()
    chart.mouseMoveEvent(_mouse(QEvent.Type.MouseMove, -1e6, 10, left))
    chart.mouseReleaseEvent(_mouse(QEvent.Type.MouseButtonRelease, 10, 10, left))
    chart.grab()
    chart.mouseDoubleClickEvent(_mouse(QEvent.Type.MouseButtonDblClick, 10, 10, left))
    chart.leaveEvent(QEvent(QEvent.Type.Leave))
    chart.grab()


# --- book -----------------------------------------------------------------------------------------


def _book(code: str, rows: list[tuple[float, float, float, float]]) -> Any:
    names = ("ask_price", "bid_price", "ask_size", "bid_size")
    return events.orderbook(code, orderbook_units=[dict(zip(names, row, strict=True)) for row in rows])


_BOOKS: dict[str, tuple[str, list[tuple[float, float, float, float]]]] = {
    "empty": ("KRW-BTC", []),
    "no bids": ("KRW-BTC", [(101.0, 0, 1.5, 0)]),
    "no asks": ("KRW-BTC", [(0, 99.0, 0, 1.5), (0, 98.0, 0, 2.0)]),
    "one row": ("KRW-BTC", [(101.0, 99.0, 0.00000001, 123456789.0)]),
    "btc": ("BTC-XRP", [(0.00001234 + i / 1e8, 0.00001233 - i / 1e8, 10.0, 5.0) for i in range(15)]),
    "deep": ("KRW-BTC", [(157e6 + i * 1000, 156e6 - i * 1000, 1.0, 1.0) for i in range(30)]),
    "dust": ("KRW-PEPE", [(0.01234 + i / 1e5, 0.01233 - i / 1e5, 123456789.0, 3.0) for i in range(15)]),
}


@pytest.mark.parametrize("name", list(_BOOKS))
async def test_orderbook(make: Make, name: str) -> None:
    view = make(OrderbookView)
    _paint(view)
    code, rows = _BOOKS[name]
    view.show_market(code)
    _paint(view)
    view.proxy.orderbook_received.emit(_book(code, rows))
    _paint(view)
    assert _colors(view) > 1
    view.proxy.ticker_received.emit(events.ticker(code, 99, prev_closing_price=98))
    _paint(view)
    view.set_stale(True)
    _paint(view)
    view.show_market("KRW-ETH")
    _paint(view)


# --- tape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["KRW-BTC", "BTC-XRP", "USDT-BTC"])
async def test_tape(make: Make, code: str) -> None:
    view = make(TradesView)
    _paint(view)
    view.show_market(code)
    _paint(view)
    one = events.trade(code, 1, trade_volume=0.00000001)
    view.proxy.trade_received.emit((one,))
    _paint(view)
    more = tuple(events.trade(code, n, trade_volume=n % 13, ask_bid="ASK") for n in range(1, 150))
    view.proxy.trade_received.emit(more)
    _paint(view)
    view.proxy.trade_received.emit((events.trade("KRW-DOGE", 1),))
    view.set_stale(True)
    _paint(view)


# --- header, orders, connection line ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "price", "change"),
    [("KRW-BTC", 157_989_000, "RISE"), ("BTC-XRP", 0, "EVEN"), ("USDT-BTC", 10**9, "FALL")],
)
async def test_header(make: Make, code: str, price: int, change: str) -> None:
    header = make(TickerHeader)
    _paint(header)
    header.show_market(code)
    header.proxy.ticker_received.emit(events.ticker(code, price, change=change))
    _paint(header)
    header.set_stale(True)
    _paint(header)


async def test_orders(make: Make) -> None:
    orders = make(OrdersView)
    tracker = OrderTracker()
    _paint(orders)
    for number, state in enumerate(("wait", "watch", "trade", "done", "cancel", "prevented")):
        change = tracker.apply_order(events.my_order(uuid=str(number), state=state))
        assert change is not None
        orders.account.order_changed.emit(change.order)
    _paint(orders)
    assert orders.table.rowCount() == 6
    orders.show_error("the exchange refused the key")
    _paint(orders)


@pytest.mark.parametrize("state", list(ConnectionState))
async def test_connection_line(make: Make, state: ConnectionState) -> None:
    line = make(ConnectionLine)
    _paint(line)
    manager = GlobalWebSocketManager.instance()
    for scope in Scope:
        manager.state_changed.emit(scope, state)
    manager.metrics_updated.emit(manager.metrics())
    line.show_error("a message of the exchange that is rather long " * 5)
    _paint(line)
