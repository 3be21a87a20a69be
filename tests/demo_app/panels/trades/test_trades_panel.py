"""The tape: seeded with past trades, without duplicates, still while scrolled, large trades marked."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from demo_app.panels.trades.trades_panel import TradesPanel
from demo_app.style.language import Language
from demo_app.style.theme import make_theme
from demo_app.terminal_state import OrderPrefill, TerminalState
from qt_upbit import AskBid, GlobalWebSocketManager, Scope
from qt_upbit.simulator import SimulatedServer
from qt_upbit.simulator.server.server import RestFault
from tests.support import events
from tests.support.wait import until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[[], Awaitable[TradesPanel]]


@pytest.fixture
def make(state: TerminalState) -> Iterator[Make]:
    made: list[TradesPanel] = []

    async def panel() -> TradesPanel:
        tape = TradesPanel(state)
        tape.resize(420, 400)
        tape.show()
        made.append(tape)
        # Past trades have come, not only the first snapshot of the stream.
        await until(lambda: len(tape.canvas.rows) > 100)
        return tape

    yield panel
    for tape in made:
        tape.close()
        tape.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _trade(server: SimulatedServer, volume: str = "0.01", side: AskBid = AskBid.BID) -> int:
    made = server.exchange.trade("KRW-BTC", D(158_000_000), D(volume), side, server.now())
    return made.sequential_id


def _numbers(panel: TradesPanel) -> list[int]:
    return [row.number for row in panel.canvas.rows]


async def test_past_trades_are_followed_by_the_stream_without_duplicates(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    panel = await make()
    numbers = _numbers(panel)
    assert len(set(numbers)) == len(numbers)
    past = await panel.state.rest.get_trades("KRW-BTC", count=50)
    assert numbers[:50] == [trade.sequential_id for trade in reversed(past)]
    made = [_trade(server) for _ in range(3)]
    await until(lambda: _numbers(panel)[:3] == made[::-1])
    assert _numbers(panel)[3:53] == numbers[:50]


async def test_a_scrolled_tape_stands_still_and_a_button_returns_to_the_top(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    panel = await make()
    canvas = panel.canvas
    canvas.verticalScrollBar().setValue(20 * 20)
    reading = canvas.row_at(QPoint(10, 40))
    assert reading is not None
    _trade(server)
    _trade(server)
    await until(lambda: canvas.missed == 2)
    assert canvas.row_at(QPoint(10, 40)) == reading
    assert panel.newest.text() == "2 new trades ▲"
    assert not panel.newest.isHidden()
    QTest.mouseClick(panel.newest, Qt.MouseButton.LeftButton)
    assert canvas.verticalScrollBar().value() == 0
    assert panel.newest.isHidden()


async def test_large_trades_are_highlighted_and_can_be_filtered(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = await make()
    mean = sum(row.value for row in panel.canvas.rows) / len(panel.canvas.rows)
    assert panel.canvas.large_from == pytest.approx(5 * mean)
    row = panel.large.findData(100_000_000)
    panel.large.setCurrentIndex(row)
    panel.large.activated.emit(row)
    assert panel.canvas.large_from == 100_000_000
    large, small = _trade(server, "5"), _trade(server, "0.0001")
    await until(lambda: _numbers(panel)[:2] == [small, large])
    panel.only_large.click()
    assert all(row.value >= 100_000_000 for row in panel.canvas.rows)
    assert large in _numbers(panel)
    assert small not in _numbers(panel)
    again = TradesPanel(panel.state)
    assert again.large.currentData() == 100_000_000
    assert again.only_large.isChecked()
    again.deleteLater()


async def test_each_quote_currency_has_amounts_of_its_own(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange(markets=855)
    panel = await make()
    state.set_market("BTC-ETH")
    assert panel.large.itemData(1) == 0.01
    assert "BTC" in panel.large.itemText(1)
    state.set_market("USDT-BTC")
    assert panel.large.itemData(1) == 1_000


async def test_a_double_click_and_enter_draft_the_price(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = await make()
    drafts: list[OrderPrefill] = []
    state.order_drafted.connect(drafts.append)
    canvas = panel.canvas
    QTest.mouseDClick(
        canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.place_of(canvas.rows[3].number)
    )
    assert drafts.pop() == OrderPrefill("KRW-BTC", price=panel.model.value(3, "trade_price"))
    canvas.cursor_number = None
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert drafts == []
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.selected_row() == canvas.rows[1]
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert drafts.pop().price == panel.model.value(1, "trade_price")
    assert canvas.rows[1].texts[1] in canvas.accessibleDescription()
    for _ in range(40):
        QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert canvas.selected_row() == canvas.rows[-1]
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert canvas.verticalScrollBar().value() == 0


async def test_copying_is_exact(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    panel.copy()
    head, *lines = QApplication.clipboard().text().splitlines()
    assert head == "Time\tSide\tPrice\tSize\tValue"
    assert len(lines) == len(panel.canvas.rows)
    price, volume = (panel.model.value(0, name) for name in ("trade_price", "trade_volume"))
    cells = [D(cell.replace(",", "")) for cell in lines[0].split("\t")[2:]]
    assert cells[:2] == [price, volume]


async def test_the_balance_of_the_last_minute_is_shown(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = await make()
    now = panel.canvas.rows[0].timestamp
    recent = [row for row in panel.canvas.rows if row.timestamp > now - 60_000]
    bought = sum(row.value for row in recent if row.is_buy)
    assert panel._balance.share == pytest.approx(bought / sum(row.value for row in recent))
    assert panel._balance.text == f"{len(recent)} trades a minute"
    number = _trade(server, "50", AskBid.ASK)
    await until(lambda: _numbers(panel)[0] == number)
    assert panel._balance.share < 0.5


async def test_an_unrecoverable_gap_is_reported(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    begin, end = (datetime(2026, 7, 1, 3, 0, second, tzinfo=UTC) for second in (5, 9))
    panel.model._proxy.gap_detected.emit(Scope.PUBLIC, ("KRW-BTC",), begin, end)
    assert panel._balance.text == "Not seen: 12:00:05 to 12:00:09"


async def test_recovered_trades_are_marked(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    assert not any(row.is_recovered for row in panel.canvas.rows)
    panel.model._proxy.trade_received.emit((events.trade(number=7, stream_type="RECOVERED"),))
    await until(lambda: panel.canvas.rows[0].number == 7)
    assert panel.canvas.rows[0].is_recovered


async def test_old_trades_are_grey_until_new_ones_come(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = await make()
    old = panel.canvas.rows
    state.set_market("KRW-ETH")
    assert panel.canvas.is_old
    assert panel.canvas.rows == old
    assert "BTC" in panel.canvas.heads[2]
    await until(lambda: not panel.canvas.is_old and len(panel.canvas.rows) > 100)
    assert "ETH" in panel.canvas.heads[2]
    assert not set(old) & set(panel.canvas.rows)


async def test_unreadable_history_is_reported_and_requested_again(
    exchange: Exchange, state: TerminalState
) -> None:
    server = await exchange()
    server.exchange.delist("KRW-ETH")
    server.rest_faults.append(RestFault("GET", "/v1/trades/ticks", "status", times=99, status=503))
    state.set_market("KRW-ETH")
    panel = TradesPanel(state)
    assert panel.has_placeholder
    panel._timeout.timeout.emit()
    await until(lambda: "HTTP 503" in panel._placeholder._text.text())
    server.rest_faults.clear()
    panel._placeholder._button.click()
    await until(lambda: panel._placeholder._text.text().startswith("The exchange refused"))
    state.set_market("KRW-BTC")
    await until(lambda: not panel.has_placeholder)
    panel.deleteLater()


async def test_a_lost_connection_looks_stale(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = await make()
    await server.stop()
    await until(lambda: panel.stale_text == "Not live")


async def test_languages_and_themes_change_while_it_runs(
    exchange: Exchange, make: Make, state: TerminalState, language: Language
) -> None:
    await exchange()
    panel = await make()
    language.use("ko")
    await until(lambda: panel.title() == "체결" and panel.canvas.heads[0] == "시간")
    assert panel.large.itemText(0) == "대량: 자동"
    state.set_theme(make_theme("light", korean=True))
    # Above the rows: a large trade has its own background.
    assert panel.grab().toImage().pixelColor(3, panel.canvas.y() + 3) == state.theme.panel


async def test_the_panel_is_released_with_its_parent(exchange: Exchange, state: TerminalState) -> None:
    await exchange()
    panel = TradesPanel(state)
    manager = GlobalWebSocketManager.instance()
    await until(lambda panel=panel: not panel.has_placeholder)
    gone, model = weakref.ref(panel), weakref.ref(panel.model)
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del panel
    # Its pending REST call is cancelled in the next loop iteration.
    await until(lambda: gc.collect() >= 0 and gone() is None and model() is None)
    await until(lambda: not manager.subscription_metrics())
