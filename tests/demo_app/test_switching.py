"""Another pair: what is old looks old until the new one is there, and nothing jumps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
import shiboken6
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QColor, QWheelEvent

from demo_app.candle_series import Candle
from demo_app.chart import CandleChart
from demo_app.connection_line import ConnectionLine
from demo_app.history import History, HistoryError
from demo_app.i18n import Translator
from demo_app.orderbook_view import OrderbookView
from demo_app.terminal_state import TerminalState
from demo_app.theme import Theme
from demo_app.ticker_header import TickerHeader
from qt_upbit import CandleUnit, RestClient, WebSocketConfig
from qt_upbit.simulator import SimulatedServer
from tests.support import events
from tests.support.programs import run_program
from tests.support.wait import until

Terminal = Callable[..., Awaitable[SimulatedServer]]

pytestmark = pytest.mark.usefixtures("offline")


def _candles(price: float, count: int = 60) -> list[Candle]:
    return [Candle(60 * i, price, price * 1.01, price * 0.99, price * 1.005, 1.0) for i in range(count)]


@pytest.fixture
def chart(offline: None, theme: Theme, texts: Translator) -> Iterator[CandleChart]:
    widget = CandleChart(theme, texts)
    widget.resize(700, 400)
    widget.show_market("KRW-BTC", CandleUnit.M1)
    widget.add_history(_candles(1e8))
    yield widget
    shiboken6.delete(widget)


def _inks(chart: CandleChart) -> int:
    """How much of the picture has the full colour of rising candles."""
    image = chart.grab().toImage()
    up = QColor(chart._theme.up).rgb()
    return sum(image.pixel(x, y) == up for x in range(0, 600, 2) for y in range(0, 300, 2))


async def test_the_old_candles_stay_grey_until_the_new_history(chart: CandleChart) -> None:
    bright = _inks(chart)
    assert bright > 0
    chart.show_market("KRW-ETH", CandleUnit.M1)
    assert len(chart.series) == 0
    assert chart._shown.code == "KRW-BTC"
    assert _inks(chart) < bright / 2
    # One live candle is not yet a chart.
    prices = dict.fromkeys(("opening_price", "high_price", "low_price"), 5_000_000)
    chart.proxy.candle_received.emit(events.candle("KRW-ETH", "1m", 5_000_000, **prices))
    assert (len(chart.series), chart._shown.code) == (1, "KRW-BTC")
    chart.add_history(_candles(5e6))
    assert chart._shown.code == "KRW-ETH"
    assert _inks(chart) > bright / 2
    assert not chart._patience.isActive()


async def test_without_history_the_stream_is_shown(chart: CandleChart) -> None:
    chart.show_market("KRW-ETH", CandleUnit.M1)
    chart.go_without_history("no history: refused")
    assert chart._shown.code == "KRW-ETH"
    chart.grab()


async def test_nobody_waits_for_ever(chart: CandleChart) -> None:
    chart._patience.setInterval(10)
    chart.show_market("KRW-ETH", CandleUnit.M5)
    await until(lambda: chart._shown.code == "KRW-ETH")
    assert chart._shown.unit is CandleUnit.M5


async def test_leafing_keeps_what_was_really_there(chart: CandleChart) -> None:
    for code in ("KRW-ETH", "KRW-XRP", "KRW-SOL"):
        chart.show_market(code, CandleUnit.M1)
        chart.grab()
    assert chart._shown.code == "KRW-BTC"
    assert [timer.objectName() for timer in chart.findChildren(QTimer) if timer is chart._patience] == [
        "chart_patience"
    ]
    chart.add_history(_candles(100))
    assert chart._shown.code == "KRW-SOL"


async def test_a_gap_while_waiting_is_a_gap_of_the_new_pair(chart: CandleChart) -> None:
    chart.gaps.append((60.0, 120.0))
    chart.show_market("KRW-ETH", CandleUnit.M1)
    assert chart.gaps == []
    assert chart._shown.gaps == [(60.0, 120.0)]


def _wheel(chart: CandleChart, across: int, along: int) -> None:
    here = QPointF(100, 100)
    chart.wheelEvent(
        QWheelEvent(
            here,
            here,
            QPoint(),
            QPoint(across, along),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
    )


async def test_a_touch_pad_zooms_as_far_as_a_wheel(chart: CandleChart) -> None:
    before = chart._visible
    _wheel(chart, 0, 120)
    notch = chart._visible
    assert notch < before
    _wheel(chart, 0, -120)
    for _ in range(30):
        _wheel(chart, 0, 4)
    assert chart._visible == pytest.approx(notch)


async def test_a_sideways_wheel_scrolls(chart: CandleChart) -> None:
    chart.add_history(_candles(1e8, 500))
    before = chart._visible
    _wheel(chart, 240, 0)
    assert chart._visible == before
    assert chart._offset > 0
    _wheel(chart, -10_000, 0)
    assert chart._offset == 0


async def test_the_headline_of_another_pair_is_grey(state: TerminalState) -> None:
    header = TickerHeader(state)
    header.proxy.ticker_received.emit(events.ticker("KRW-BTC", 158_000_000))
    assert header.isEnabled()
    state.set_market("KRW-XRP")
    assert not header.isEnabled()
    header.set_stale(True)
    header.proxy.ticker_received.emit(events.ticker("KRW-XRP", 4_000))
    assert not header.isEnabled()
    header.set_stale(False)
    assert header.isEnabled()
    shiboken6.delete(header)


async def test_the_book_on_show_is_named_by_its_own_currency(
    theme: Theme, texts: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = OrderbookView(theme, texts)
    named: list[str] = []
    draw = view._draw_header
    monkeypatch.setattr(view, "_draw_header", lambda painter, code: (named.append(code), draw(painter, code)))
    view.show_market("KRW-BTC")
    rows = [{"ask_price": 101.0, "bid_price": 99.0, "ask_size": 1.0, "bid_size": 2.0}]
    view.proxy.orderbook_received.emit(events.orderbook("KRW-BTC", orderbook_units=rows))
    view.show_market("BTC-XRP")
    view.grab()
    assert set(named) == {"KRW-BTC"}
    shiboken6.delete(view)


async def test_a_long_error_does_not_widen_the_window(state: TerminalState) -> None:
    line = ConnectionLine(state)
    line.resize(900, 24)
    line.grab()
    least = line.minimumSizeHint().width()
    text = "<b>refused</b> " + "W" * 300
    line.show_error(text)
    line.grab()
    assert line.minimumSizeHint().width() == least
    assert line._error.text().startswith("<b>refused")
    assert line._error.text().endswith("…")
    assert line._error.toolTip() == text
    line.show_error("")
    assert (line._error.text(), line._error.toolTip()) == ("", "")
    shiboken6.delete(line)


async def test_an_exchange_that_cannot_be_reached_is_a_history_error() -> None:
    rest = RestClient(WebSocketConfig(base_url="http://127.0.0.1:1"))
    history = History(lambda: rest)
    with pytest.raises(HistoryError):
        await history.candles("KRW-BTC", CandleUnit.S1)
    await rest.aclose()


def test_the_window_does_not_wait_for_the_sdk() -> None:
    done = run_program("import sys, demo_app.application; sys.exit('upbit' in sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")


# --- the past -------------------------------------------------------------------------------------


def _page(before: int, count: int = 200) -> list[Candle]:
    return [Candle(before - 60 * (count - i), 1e8, 1e8, 1e8, 1e8, 1.0) for i in range(count)]


async def test_zooming_out_asks_for_older_candles_until_the_screen_is_full(chart: CandleChart) -> None:
    chart.show_market("KRW-ETH", CandleUnit.M1)
    asked: list[tuple[str, CandleUnit, int]] = []
    chart.past_wanted.connect(lambda *request: asked.append(request))
    chart.add_history(_page(600_000))
    assert asked == []
    for _ in range(12):
        _wheel(chart, 0, -120)
    assert asked == [("KRW-ETH", CandleUnit.M1, 600_000 - 60 * 200)]
    while chart._wanted.past_is_asked:
        chart.add_past(_page(asked[-1][2]))
    assert len(chart.series) >= chart._visible
    assert [start for _, _, start in asked] == sorted({start for _, _, start in asked}, reverse=True)
    chart.grab()


async def test_the_first_candle_of_a_pair_ends_the_asking(chart: CandleChart) -> None:
    asked: list[object] = []
    chart.past_wanted.connect(lambda *request: asked.append(request))
    # Sixty candles do not fill the screen: they were asked for the past when they came.
    assert chart._wanted.past_is_asked
    chart.go_without_past()
    chart.add_history([])
    assert len(asked) == 1
    chart.add_past([])
    _wheel(chart, 0, -120)
    _wheel(chart, 240, 0)
    assert len(asked) == 1


async def test_a_refused_past_is_asked_for_again(chart: CandleChart) -> None:
    asked: list[object] = []
    chart.past_wanted.connect(lambda *request: asked.append(request))
    chart.go_without_past()
    _wheel(chart, 0, -120)
    assert len(asked) == 1
    _wheel(chart, 0, -120)
    assert len(asked) == 1
    chart.go_without_past()
    _wheel(chart, 0, -120)
    assert len(asked) == 2


async def test_a_chart_holds_only_so_many_candles(chart: CandleChart) -> None:
    asked: list[int] = []
    chart.past_wanted.connect(lambda _code, _unit, before: asked.append(before))
    chart.show_market("KRW-ETH", CandleUnit.M1)
    chart.add_history(_page(6_000_000))
    for _ in range(60):
        _wheel(chart, 100_000, 0)
        if not chart._wanted.past_is_asked:
            break
        chart.add_past(_page(asked[-1]))
    assert chart._wanted.past_is_complete
    assert len(chart.series) == 5_000
    assert len(asked) < 40


async def test_the_past_of_a_simulated_pair_joins_on(exchange: Terminal) -> None:
    """Two pages of the exchange: none missing between them, none twice."""
    await exchange()
    history = History()
    newer = await history.candles("KRW-BTC", CandleUnit.M1)
    older = await history.candles("KRW-BTC", CandleUnit.M1, before=newer[0].start)
    assert (len(newer), len(older)) == (200, 200)
    starts = [candle.start for candle in (*older, *newer)]
    assert starts == sorted(set(starts))
    assert newer[0].start - older[-1].start <= 600
