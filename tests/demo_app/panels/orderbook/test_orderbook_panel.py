"""The order book panel: every level, grouping, marks, and a click that drafts an order."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from demo_app.panels.orderbook.book_rows import BookView, Columns, group_of
from demo_app.panels.orderbook.orderbook_panel import OrderbookPanel
from demo_app.style.language import Language
from demo_app.style.theme import make_theme
from demo_app.terminal_state import OrderPrefill, TerminalState
from qt_upbit import AskBid, GlobalWebSocketManager, OrderbookEvent
from qt_upbit.simulator import SimulatedServer
from tests.support import events
from tests.support.wait import until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[[], Awaitable[OrderbookPanel]]
BEST_ASK, BEST_BID = (AskBid.ASK, 0), (AskBid.BID, 0)


@pytest.fixture
def make(state: TerminalState) -> Iterator[Make]:
    made: list[OrderbookPanel] = []

    async def panel() -> OrderbookPanel:
        book = OrderbookPanel(state)
        book.resize(360, 500)
        book.show()
        made.append(book)
        await until(lambda: not book.has_placeholder and book.canvas.previous_close is not None)
        book.grab()
        return book

    yield panel
    for book in made:
        book.close()
        book.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _drafts(state: TerminalState) -> list[OrderPrefill]:
    drafts: list[OrderPrefill] = []
    state.order_drafted.connect(drafts.append)
    return drafts


def _press(panel: OrderbookPanel, place: QPoint) -> None:
    QTest.mouseClick(panel.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)


def _book(panel: OrderbookPanel) -> OrderbookEvent:
    book = panel.model.book
    assert book is not None
    return book


# --- what it shows ------------------------------------------------------------------------------------


async def test_thirty_levels_a_side_with_the_spread_in_the_middle(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    view = panel.canvas.book_view
    assert view is not None
    assert (len(view.asks), len(view.bids)) == (30, 30)
    shown = panel.canvas.visible_levels()
    assert BEST_ASK in shown
    assert BEST_BID in shown
    assert (AskBid.ASK, 29) not in shown
    asks = sum(side is AskBid.ASK for side, _ in shown)
    assert abs(asks - (len(shown) - asks)) <= 1
    panel.resize(360, 1400)
    assert len(panel.canvas.visible_levels()) == 60


async def test_the_scroll_position_stays_until_the_spread_is_centred(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    QTest.keyClick(panel.canvas, Qt.Key.Key_PageUp)
    for _ in range(3):
        QTest.keyClick(panel.canvas, Qt.Key.Key_PageUp)
    assert panel.canvas.level == (AskBid.ASK, 29)
    assert (AskBid.ASK, 29) in panel.canvas.visible_levels()
    panel.resize(360, 480)
    assert (AskBid.ASK, 29) in panel.canvas.visible_levels()
    QTest.keyClick(panel.canvas, Qt.Key.Key_Home)
    assert BEST_ASK in panel.canvas.visible_levels()
    assert panel.canvas.is_centred


async def test_a_trade_flashes_its_row(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = await make()
    price = _book(panel).asks[0].price
    server.exchange.trade("KRW-BTC", price, D("0.01"), AskBid.BID, server.now())
    await until(lambda: panel.canvas.last_price == float(price))
    place = panel.canvas.place_of(*BEST_ASK)
    panel.canvas.flash(float(price), AskBid.BID)
    lit = panel.grab().toImage().pixelColor(place.x() // 4, panel.canvas.y() + place.y())
    assert lit != panel.state.theme.panel
    await until(lambda: panel.canvas._flash is None)


async def test_own_orders_are_marked_and_described(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = await make()
    price = _book(panel).bids[3].price
    await state.rest.create_order("KRW-BTC", AskBid.BID, "limit", price=price, volume=D("0.02"))
    await until(lambda: panel.canvas.own == {(AskBid.BID, float(price)): D("0.02")})
    await until(lambda: "0.02 BTC" in panel.describe(AskBid.BID, 3).splitlines()[-1])
    assert "My orders" in panel.describe(AskBid.BID, 3)
    assert "My orders" not in panel.describe(AskBid.BID, 4)


async def test_a_tool_tip_has_the_exact_figures(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    place = panel.canvas.place_of(AskBid.BID, 2)
    event = QHelpEvent(QEvent.Type.ToolTip, place, panel.canvas.viewport().mapToGlobal(place))
    QApplication.sendEvent(panel.canvas.viewport(), event)
    levels = _book(panel).bids[:3]
    worth = sum(level.price * level.size for level in levels)
    size = sum((level.size for level in levels), Decimal(0))
    assert QToolTip.text().splitlines() == [
        "Buy orders",
        f"Price: {levels[2].price:,f} KRW",
        f"Size: {levels[2].size.normalize():,f} BTC",
        f"Up to here: {size.normalize():,f} BTC, {worth:,.0f} KRW",
    ]
    QToolTip.hideText()


# --- what a click does --------------------------------------------------------------------------------


async def test_a_click_on_a_price_drafts_the_price(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel, drafts = await make(), _drafts(state)
    _press(panel, panel.canvas.place_of(AskBid.ASK, 2))
    assert drafts == [OrderPrefill("KRW-BTC", price=_book(panel).asks[2].price)]


async def test_a_click_on_a_size_drafts_the_order_that_takes_it(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel, drafts = await make(), _drafts(state)
    for side, taker in ((AskBid.ASK, AskBid.BID), (AskBid.BID, AskBid.ASK)):
        place = panel.canvas.place_of(side, 2)
        _press(panel, QPoint(panel.canvas.viewport().width() - 20, place.y()))
        levels = _book(panel).asks if side is AskBid.ASK else _book(panel).bids
        volume = sum((level.size for level in levels[:3]), D(0))
        assert drafts.pop() == OrderPrefill("KRW-BTC", taker, levels[2].price, volume)


async def test_the_spread_and_the_header_draft_nothing(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel, drafts = await make(), _drafts(state)
    _press(panel, QPoint(30, 5))
    middle = panel.canvas.place_of(*BEST_ASK).y() + panel.canvas.place_of(*BEST_BID).y()
    _press(panel, QPoint(30, middle // 2))
    assert drafts == []


async def test_keys_do_what_the_mouse_does(exchange: Exchange, make: Make, state: TerminalState) -> None:
    await exchange()
    panel, drafts = await make(), _drafts(state)
    QTest.keyClick(panel.canvas, Qt.Key.Key_Return)
    assert drafts == []
    QTest.keyClick(panel.canvas, Qt.Key.Key_Down)
    assert panel.canvas.level == BEST_BID
    QTest.keyClick(panel.canvas, Qt.Key.Key_Up)
    assert panel.canvas.level == BEST_ASK
    QTest.keyClick(panel.canvas, Qt.Key.Key_Return)
    best = _book(panel).asks[0]
    assert drafts.pop() == OrderPrefill("KRW-BTC", price=best.price)
    QTest.keyClick(panel.canvas, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert drafts.pop() == OrderPrefill("KRW-BTC", AskBid.BID, best.price, best.size)
    assert panel.canvas.accessibleDescription().startswith("Sell orders\n")


async def test_copying_gives_the_visible_levels_exactly(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    panel.copy()
    head, *lines = QApplication.clipboard().text().splitlines()
    assert head == "Side\tPrice\tSize\tSum"
    assert len(lines) == len(panel.canvas.visible_levels())
    best = _book(panel).asks[0]
    exact = f"{best.size.normalize():,f}"
    assert f"Sell\t{best.price:,f}\t{exact}\t{exact}" in lines


# --- grouping -----------------------------------------------------------------------------------------


async def test_grouping_is_remembered_per_pair(exchange: Exchange, make: Make, state: TerminalState) -> None:
    await exchange()
    panel = await make()
    await until(lambda: panel.level.count() > 1)
    instrument = (await state.rest.get_instruments(["KRW-BTC"]))["KRW-BTC"]
    assert [panel.level.itemData(row) for row in range(panel.level.count())] == sorted(
        instrument.supported_levels
    )
    level = panel.level.itemData(1)
    panel.level.setCurrentIndex(1)
    panel.level.activated.emit(1)
    await until(lambda: panel.model.book is not None and panel.model.book.level == level)
    assert all(row.price % level == 0 for row in _book(panel).asks)
    price = _book(panel).bids[0].price - level - instrument.tick_size
    await state.rest.create_order("KRW-BTC", AskBid.BID, "limit", price=price, volume=D("0.02"))
    row = float(group_of(price, AskBid.BID, level))
    await until(lambda: panel.canvas.own == {(AskBid.BID, row): D("0.02")})
    again = await make()
    await until(lambda: again.level.count() > 1)
    assert again.model.level == level
    assert again.level.currentData() == level


async def test_a_pair_without_groupings_offers_none(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange(markets=855)
    panel = await make()
    await until(lambda: panel.level.isEnabled())
    state.set_market("BTC-ETH")
    await until(lambda: panel.canvas.book_view is not None and panel.canvas.book_view.code == "BTC-ETH")
    assert not panel.level.isEnabled()
    assert panel.level.currentData() == 0


async def test_a_discontinued_grouping_is_dropped(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    state.settings.setValue("orderbook/level/KRW-BTC", "12345")
    panel = await make()
    assert panel.model.level == 0
    assert len(_book(panel).asks) == 30


@given(
    price=st.decimals(min_value="0.0001", max_value=10**9, places=4),
    level=st.sampled_from([D(1), D(10), D("0.1"), D(10_000)]),
)
def test_a_group_contains_its_prices(price: D, level: D) -> None:
    above, below = group_of(price, AskBid.ASK, level), group_of(price, AskBid.BID, level)
    assert above % level == below % level == 0
    assert above - level < price <= above
    assert below <= price < below + level
    assert group_of(price, AskBid.ASK, D(0)) == price


# --- states -------------------------------------------------------------------------------------------


async def test_the_old_book_is_grey_until_the_new_one_comes(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel, drafts = await make(), _drafts(state)
    place = panel.canvas.place_of(*BEST_ASK)
    state.set_market("KRW-ETH")
    assert panel.canvas.is_old
    _press(panel, place)
    assert drafts == [], "a price of the previous pair is not drafted for the new one"
    assert "BTC" in panel.canvas.heads[2]
    await until(lambda: not panel.canvas.is_old)
    assert "ETH" in panel.canvas.heads[2]
    assert _book(panel).code == "KRW-ETH"


async def test_a_pair_without_a_book_says_so_and_offers_a_retry(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = await make()
    panel.canvas.book_view = None
    state.set_market("KRW-NOPE")
    assert panel.has_placeholder
    panel._timeout.timeout.emit()
    assert "KRW-NOPE" in panel._placeholder._text.text()
    state.set_market("KRW-BTC")
    await until(lambda: not panel.has_placeholder)


async def test_a_lost_connection_looks_stale(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = await make()
    assert not panel.stale_text
    await server.stop()
    await until(lambda: panel.stale_text == "Not live")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_it_paints_at_any_size_in_both_languages(
    exchange: Exchange, make: Make, state: TerminalState, language: Language, theme: str
) -> None:
    await exchange()
    panel = await make()
    panel.in_quote.setChecked(True)
    state.set_theme(make_theme(theme, korean=True))
    for name in ("ko", "en"):
        language.use(name)
        await until(lambda name=name: panel.title() == {"ko": "호가", "en": "Order book"}[name])
        for size in ((1, 1), (180, 120), (260, 500), (900, 1400)):
            panel.resize(*size)
            panel.grab()


def test_columns_are_dropped_in_order() -> None:
    wide, middle, narrow = (Columns.fit(room, 100, 60, 80, 90) for room in (400, 280, 200))
    assert wide.change is not None
    assert wide.total == 400
    assert (middle.change, middle.total) == (None, 280)
    assert (narrow.change, narrow.total, narrow.size) == (None, None, 200)


def test_sums_are_in_base_or_quote_currency() -> None:
    units = [
        {"ask_price": ask, "bid_price": bid, "ask_size": size, "bid_size": other}
        for ask, bid, size, other in ((100, 90, 2, 4), (110, 0, 1, 0))
    ]
    book = events.orderbook("KRW-BTC", orderbook_units=units)
    base, quote = (BookView.of(book, in_quote=each) for each in (False, True))
    assert base.ask_sums == (2, 3)
    assert quote.ask_sums == (200, 310)
    assert base.deepest == 4
    assert base.spread == (10, pytest.approx(10 / 90))


async def test_the_panel_is_released_with_its_parent(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = OrderbookPanel(state)
    await until(lambda panel=panel: not panel.has_placeholder)
    manager = GlobalWebSocketManager.instance()
    gone, model = weakref.ref(panel), weakref.ref(panel.model)
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del panel
    # Its pending REST call is cancelled in the next loop iteration.
    await until(lambda: gc.collect() >= 0 and gone() is None and model() is None)
    # The account is shared and stays.
    await until(lambda: {each.owner for each in manager.subscription_metrics()} <= {"account"})
