"""Every widget paints in every state and size, without Qt warnings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget

from demo_app.panel import Panel
from demo_app.panels.orderbook.orderbook_panel import OrderbookPanel
from demo_app.panels.trades.trades_panel import TradesPanel
from demo_app.shell.connection_line import ConnectionLine
from demo_app.shell.ticker_header import TickerHeader
from demo_app.style.language import Language
from demo_app.style.theme import Theme
from qt_upbit import ConnectionState, GlobalWebSocketManager, Scope
from tests.demo_app.conftest import make_state
from tests.support import events
from tests.support.programs import ROOT
from tests.support.wait import until

pytestmark = pytest.mark.usefixtures("offline")

_SIZES = [(1, 1), (60, 40), (340, 560), (1080, 600), (3000, 1600)]
Make = Callable[[type[Any]], Any]


@pytest.fixture(params=["ko", "en"])
def make(
    theme: Theme, settings: QSettings, language: Language, request: pytest.FixtureRequest
) -> Iterator[Make]:
    made: list[QWidget] = []
    language.use(request.param)

    def new(kind: type[Any]) -> Any:
        made.append(kind(make_state(settings, theme)))
        return made[-1]

    yield new
    for widget in made:
        shiboken6.delete(widget)


def _paint(widget: QWidget) -> None:
    for width, height in _SIZES:
        widget.resize(width, height)
        pixmap = widget.grab()
        assert (pixmap.width(), pixmap.height()) >= (width, height)


def _colors(widget: QWidget) -> int:
    """The number of colours in a pixmap: more than one means that something is painted."""
    widget.resize(800, 500)
    image = widget.grab().toImage()
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})


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


def _show(panel: Panel, code: str) -> None:
    panel.state.set_market(code)
    panel.show_body()
    _paint(panel)


@pytest.mark.parametrize("name", list(_BOOKS))
async def test_orderbook(make: Make, name: str) -> None:
    panel: OrderbookPanel = make(OrderbookPanel)
    _paint(panel)
    code, rows = _BOOKS[name]
    _show(panel, code)
    panel.model._proxy.orderbook_received.emit(_book(code, rows))
    await until(lambda: panel.model.book is not None)
    _paint(panel)
    assert _colors(panel) > 1
    panel._proxy.ticker_received.emit(events.ticker(code, 99, prev_closing_price=98))
    _paint(panel)
    panel.set_stale("Not live")
    _paint(panel)
    _show(panel, "KRW-ETH")


# --- tape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["KRW-BTC", "BTC-XRP", "USDT-BTC"])
async def test_tape(make: Make, code: str) -> None:
    panel: TradesPanel = make(TradesPanel)
    _paint(panel)
    _show(panel, code)
    come = panel.model._proxy.trade_received.emit
    come((events.trade(code, 1, trade_volume=0.00000001),))
    await until(lambda: panel.model.rowCount() == 1)
    _paint(panel)
    come(tuple(events.trade(code, n, trade_volume=n % 13, ask_bid="ASK") for n in range(1, 150)))
    await until(lambda: panel.model.rowCount() == 149)
    _paint(panel)
    panel.set_stale("Not live")
    _paint(panel)
    _show(panel, "KRW-ETH")


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


def test_a_painter_ends_with_its_paint_event() -> None:
    """Not with its stack frame: a traceback or profiler keeps that alive, and the process may crash."""
    for path in (ROOT / "demo_app").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        managed = {
            item.context_expr for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items
        }
        made = {
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "QPainter"
        }
        assert made <= managed, f"{path.name}: make painters by `with QPainter(…) as painter`"
