"""Item models over the simulated exchange: what a view sees is what the exchange sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QAbstractItemModel, Qt, QTranslator
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from qt_upbit import (
    Account,
    BalanceTableModel,
    CandleEvent,
    CandleModel,
    CandlePeriod,
    CandleUnit,
    GlobalWebSocketManager,
    InvalidSubscriptionError,
    LiveTableModel,
    OrderbookTableModel,
    OrderTableModel,
    ProxyClosedError,
    Scope,
    TickerEvent,
    TickerTableModel,
    TradeEvent,
    TradeListModel,
)
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events
from tests.support.account import place
from tests.support.exchange import streams
from tests.support.wait import until

STREAMING = {"market_running": True, "markets": 3, "rest_limit": None, "rate": 40.0}
PRICE = TickerTableModel.DEFAULT_COLUMNS.index("trade_price")

Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    """Models, and accounts, closed afterwards; each model under Qt's own tester, which aborts on a fault."""
    made: list[Any] = []
    testers: list[QAbstractItemModelTester] = []

    def construct(cls: type, *args: Any, **options: Any) -> Any:
        thing = cls(*args, **options)
        made.append(thing)
        if isinstance(thing, QAbstractItemModel):
            mode = QAbstractItemModelTester.FailureReportingMode.Fatal
            testers.append(QAbstractItemModelTester(thing, mode))
        return thing

    yield construct
    for thing in reversed(made):
        if shiboken6.isValid(thing):
            thing.close()
    for tester in testers:
        if shiboken6.isValid(tester):
            shiboken6.delete(tester)


class Changes:
    """Every ``dataChanged`` of a model, as (top, left, bottom, right, roles)."""

    def __init__(self, model: LiveTableModel) -> None:
        self.seen: list[tuple[int, int, int, int, list[int]]] = []
        model.dataChanged.connect(self._note)

    def _note(self, first: Any, last: Any, roles: list[int]) -> None:
        self.seen.append((first.row(), first.column(), last.row(), last.column(), list(roles)))

    def of_cells(self) -> list[tuple[int, int, int, int]]:
        """Those that repaint something."""
        return [change[:4] for change in self.seen if Qt.ItemDataRole.DisplayRole in change[4]]


def texts(model: LiveTableModel, column: int) -> list[str]:
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


async def test_three_lines_make_a_watch_list(
    make_server: MakeServer, make_manager: MakeManager, make: Make
) -> None:
    server = await make_server(**STREAMING)
    model = make(TickerTableModel, manager=make_manager(server))
    model.set_codes(["KRW-BTC", "KRW-ETH"])
    assert texts(model, 0) == ["KRW-BTC", "KRW-ETH"]
    changes = Changes(model)
    await until(lambda: all(texts(model, PRICE)) and len(changes.of_cells()) > 3)
    assert streams(server) == {("ticker", "KRW-BTC"), ("ticker", "KRW-ETH")}
    price = model.value(0, "trade_price")
    assert isinstance(price, Decimal)
    assert texts(model, PRICE)[0] == f"{price:,f}"
    model.close()
    await until(lambda: not streams(server), what="nothing subscribed")
    assert texts(model, PRICE)[0]


def emit_all(model: Any, codes: list[str], price: int) -> None:
    for code in codes:
        model._proxy.ticker_received.emit(events.ticker(code, price))


CODES = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE"]


@pytest.fixture
def table(manager: GlobalWebSocketManager, make: Make) -> TickerTableModel:
    """A watch list of four that only hears what the test says."""
    model: TickerTableModel = make(TickerTableModel, manager=manager)
    model.set_codes(CODES)
    model.set_visible_codes(())
    return model


# --- changes, once per frame ----------------------------------------------------------------------


async def test_many_ticks_of_a_frame_are_one_change(table: TickerTableModel) -> None:
    emit_all(table, CODES, 1)
    await until(lambda: texts(table, PRICE) == ["1"] * 4)
    changes = Changes(table)
    for price in range(2, 100):
        emit_all(table, CODES[1:3], price)
    assert texts(table, PRICE)[1] == "1", "values change when they are reported"
    await until(lambda: changes.seen)
    assert changes.of_cells() == [(1, PRICE, 2, PRICE)]
    field = table.role("trade_price")
    assert changes.seen[1] == (1, 0, 2, 0, [field])
    assert len(changes.seen) == 2
    assert {table.ValueRole, table.SortRole} <= set(changes.seen[0][4])
    assert texts(table, PRICE) == ["1", "99", "99", "1"]


async def test_rows_apart_are_reported_apart_and_what_did_not_change_is_not(table: TickerTableModel) -> None:
    emit_all(table, CODES, 1)
    await until(lambda: texts(table, PRICE) == ["1"] * 4)
    changes = Changes(table)
    emit_all(table, CODES[1:3], 1)
    emit_all(table, [CODES[0], CODES[3]], 2)
    await until(lambda: changes.seen)
    assert changes.of_cells() == [(0, PRICE, 0, PRICE), (3, PRICE, 3, PRICE)]


async def test_a_field_that_is_no_column_repaints_nothing(table: TickerTableModel) -> None:
    table._proxy.ticker_received.emit(events.ticker(CODES[0], 1, timestamp=1_800_000_000_000))
    await until(lambda: texts(table, PRICE)[0] == "1")
    changes = Changes(table)
    table._proxy.ticker_received.emit(events.ticker(CODES[0], 1, timestamp=1_800_000_000_001))
    await until(lambda: changes.seen)
    assert changes.seen == [(0, 0, 0, 0, [table.role("timestamp")])]
    assert table.data(table.index(0, 0), table.role("timestamp")) == 1_800_000_000_001


async def test_frames_are_no_faster_than_the_screen(
    server: SimulatedServer, make_manager: MakeManager, make: Make
) -> None:
    model = make(TickerTableModel, manager=make_manager(server, frame_rate_hz=10))
    model.set_codes(["KRW-BTC"])
    model.set_visible_codes(())
    seen: list[float] = []
    model.dataChanged.connect(lambda *_: seen.append(time.monotonic()))
    price = 0

    def tick() -> bool:
        nonlocal price
        for _ in range(10):
            price += 1
            emit_all(model, ["KRW-BTC"], price)
        return len(seen) >= 8

    await until(tick)
    # Two signals a frame: of the cell and of the row.
    assert seen[-1] - seen[0] >= 0.25
    assert price > 16


# --- cells ----------------------------------------------------------------------------------------


async def test_cells_have_text_exact_value_and_something_to_sort_by(table: TickerTableModel) -> None:
    emit_all(table, CODES[:1], 106_691_000)
    await until(lambda: texts(table, PRICE)[0])
    cell = table.index(0, PRICE)
    role = Qt.ItemDataRole
    assert table.data(cell) == "106,691,000"
    assert table.data(cell, table.ValueRole) == Decimal(106_691_000)
    assert isinstance(table.data(cell, table.ValueRole), Decimal)
    assert table.data(cell, table.SortRole) == 106_691_000.0
    assert isinstance(table.data(cell, table.SortRole), float)
    assert table.data(cell, role.EditRole) is None
    assert table.data(cell, role.ToolTipRole) == "Price: 106,691,000"
    assert table.data(cell, role.AccessibleTextRole) == "Price: 106,691,000"
    assert table.data(cell, role.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight.value
    assert table.data(table.index(0, 0), role.TextAlignmentRole) & Qt.AlignmentFlag.AlignLeft.value
    assert not table.flags(cell) & Qt.ItemFlag.ItemIsEditable
    unknown = table.index(1, PRICE)
    assert [table.data(unknown, r) for r in (table.ValueRole, table.SortRole, role.ToolTipRole)] == [None] * 3


async def test_headers_are_english_until_an_application_gives_its_own(table: TickerTableModel) -> None:
    horizontal = Qt.Orientation.Horizontal
    assert [table.headerData(i, horizontal) for i in range(3)] == ["Pair", "Price", "Change"]
    reported: list[int] = []
    table.headerDataChanged.connect(lambda _o, first, _l: reported.append(first))
    assert table.setHeaderData(PRICE, horizontal, "현재가")
    assert (table.headerData(PRICE, horizontal), reported) == ("현재가", [PRICE])
    assert table.setHeaderData(PRICE, horizontal, None)
    assert table.headerData(PRICE, horizontal) == "Price"


async def test_headers_are_translated(table: TickerTableModel, app: QApplication) -> None:
    class Korean(QTranslator):
        def translate(self, context: str, text: str, *_: Any) -> str:
            return "현재가" if (context, text) == ("qt_upbit.item_models", "Price") else ""

        def isEmpty(self) -> bool:
            return False

    translator = Korean()
    app.installTranslator(translator)
    try:
        assert table.headerData(PRICE, Qt.Orientation.Horizontal) == "현재가"
    finally:
        app.removeTranslator(translator)


def test_roles_are_named_as_upbits_fields() -> None:
    for cls, event in (
        (TickerTableModel, TickerEvent),
        (TradeListModel, TradeEvent),
        (CandleModel, CandleEvent),
    ):
        names = {field.name for field in cls.FIELDS}
        assert names >= set(event.__struct_fields__) - {"type", "stream_type"}


async def test_columns_are_for_the_application_to_choose(manager: GlobalWebSocketManager, make: Make) -> None:
    model = make(TickerTableModel, columns=["trade_price", "code"], manager=manager)
    model.set_codes(["KRW-BTC"])
    assert texts(model, 1) == ["KRW-BTC"]
    assert model.roleNames()[model.role("acc_trade_price_24h")] == b"acc_trade_price_24h"
    with pytest.raises(ValueError, match="nope"):
        TickerTableModel(columns=["nope"], manager=manager)


# --- watch list: what is subscribed ---------------------------------------------------------------


async def test_only_visible_rows_are_subscribed_and_rows_keep_their_values(
    make_server: MakeServer, make_manager: MakeManager, make: Make
) -> None:
    server = await make_server(**(STREAMING | {"markets": 60}))
    codes = [code for code in server.exchange.market.pairs if code.startswith("KRW-")]
    model = make(TickerTableModel, manager=make_manager(server))
    model.set_codes(codes)
    model.set_visible_rows(0, 9)
    await until(lambda: all(texts(model, PRICE)[:10]))
    assert streams(server) == {("ticker", code) for code in codes[:10]}
    assert not any(texts(model, PRICE)[10:])
    model.set_visible_rows(5, 14)
    await until(lambda: streams(server) == {("ticker", code) for code in codes[5:15]})
    await until(lambda: all(texts(model, PRICE)[:15]))
    assert model.subscribed_codes == tuple(codes[5:15])


async def test_other_codes_keep_the_values_of_those_that_stay(table: TickerTableModel) -> None:
    emit_all(table, CODES, 7)
    await until(lambda: texts(table, PRICE) == ["7"] * 4)
    resets: list[None] = []
    table.modelReset.connect(lambda: resets.append(None))
    table.set_codes([*CODES, "KRW-ADA"])
    assert (texts(table, PRICE), resets) == (["7"] * 4 + [""], [])
    table.set_codes(["KRW-ADA", "KRW-XRP"])
    assert (texts(table, 0), texts(table, PRICE)) == (["KRW-ADA", "KRW-XRP"], ["", "7"])
    with pytest.raises(InvalidSubscriptionError):
        table.set_codes(["btc"])
    with pytest.raises(InvalidSubscriptionError):
        table.set_codes("KRW-BTC")
    assert table.codes == ("KRW-ADA", "KRW-XRP")
    table.close()
    with pytest.raises(ProxyClosedError):
        table.set_codes(CODES)


# --- order book -----------------------------------------------------------------------------------


def book(code: str, asks: list[tuple[str, str]], bids: list[tuple[str, str]], **fields: Any) -> Any:
    units = [
        {
            "ask_price": Decimal(asks[i][0] if i < len(asks) else 0),
            "ask_size": Decimal(asks[i][1] if i < len(asks) else 0),
            "bid_price": Decimal(bids[i][0] if i < len(bids) else 0),
            "bid_size": Decimal(bids[i][1] if i < len(bids) else 0),
        }
        for i in range(max(len(asks), len(bids)))
    ]
    return events.orderbook(code, orderbook_units=units, **fields)


async def test_a_book_is_asks_over_bids_exact_on_demand(manager: GlobalWebSocketManager, make: Make) -> None:
    model = make(OrderbookTableModel, depth=5, columns=["ask_bid", "price", "size", "share"], manager=manager)
    model.set_code("KRW-BTC")
    model._subscription.close()
    assert (model.rowCount(), model.spread) == (10, None)
    moved: list[None] = []
    for signal in (model.modelReset, model.layoutChanged, model.rowsInserted, model.rowsRemoved):
        signal.connect(lambda *_: moved.append(None))
    model._proxy.orderbook_received.emit(
        book("KRW-BTC", [("101", "0.1"), ("102.5", "0.2")], [("100", "0.12345678")])
    )
    await until(lambda: model.book)
    assert texts(model, 1) == ["", "", "", "102.5", "101", "100", "", "", "", ""]
    assert texts(model, 0) == ["ASK"] * 5 + ["BID"] * 5
    assert texts(model, 3)[3:6] == ["100.0%", "33.3%", "41.2%"]
    assert model.value(3, "cumulative_size") == Decimal("0.3"), "no sum of floats"
    assert model.value(3, "price") == Decimal("102.5")
    assert isinstance(model.data(model.index(5, 2), model.ValueRole), Decimal)
    assert (model.value(6, "price"), model.spread) == (None, Decimal(1))
    changes = Changes(model)
    model._proxy.orderbook_received.emit(
        book("KRW-BTC", [("101", "0.1"), ("102.5", "0.2")], [("100", "0.05")])
    )
    await until(lambda: changes.seen)
    assert changes.of_cells() == [(5, 2, 5, 3)]
    assert moved == []


async def test_a_book_of_another_pair_or_level_is_not_shown(
    manager: GlobalWebSocketManager, make: Make
) -> None:
    model = make(OrderbookTableModel, depth=1, manager=manager)
    model.set_code("KRW-BTC")
    model._subscription.close()
    model._proxy.orderbook_received.emit(book("KRW-BTC", [("101", "1")], [("100", "1")]))
    await until(lambda: model.book)
    model.set_code("KRW-BTC", level=100_000)
    model._subscription.close()
    assert (model.book, texts(model, 0)) == (None, ["", ""])
    model._proxy.orderbook_received.emit(book("KRW-BTC", [("2e5", "1")], [("1e5", "1")], level=100_000))
    model._proxy.orderbook_received.emit(book("KRW-BTC", [("101", "1")], [("100", "1")]))
    model._proxy.orderbook_received.emit(book("KRW-ETH", [("9e5", "1")], [("8e5", "1")], level=100_000))
    await until(lambda: model.book)
    assert texts(model, 0) == ["200,000", "100,000"]


async def test_books_stream_grouped(make_server: MakeServer, make_manager: MakeManager, make: Make) -> None:
    server = await make_server(**STREAMING)
    model = make(OrderbookTableModel, manager=make_manager(server))
    model.set_code("KRW-BTC")
    await until(lambda: model.book)
    assert model.rowCount() == 30
    books: list[Any] = []
    model.book_changed.connect(lambda: books.append(model.book))
    model.set_code("KRW-BTC", level=10_000)
    await until(lambda: len([each for each in books if each]) > 3)
    assert all(model.value(row, "price") % 10_000 == 0 for row in range(30) if model.value(row, "price"))


# --- trades ---------------------------------------------------------------------------------------


async def test_trades_are_newest_first_bounded_and_inserted_together(
    manager: GlobalWebSocketManager, make: Make
) -> None:
    model = make(TradeListModel, limit=5, columns=["sequential_id"], manager=manager)
    model.set_codes(["KRW-BTC"])
    model._subscription.close()
    inserted: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _p, first, last: inserted.append((first, last)))

    def come(*numbers: int) -> None:
        model._proxy.trade_received.emit(tuple(events.trade(number=n) for n in numbers))

    come(1, 2)
    come(2, 3)
    await until(lambda: model.rowCount() == 3)
    assert (texts(model, 0), inserted) == (["3", "2", "1"], [(0, 2)])
    come(4, 5, 6, 3)
    await until(lambda: model.rowCount() == 5)
    assert texts(model, 0) == ["6", "5", "4", "3", "2"]
    come(*range(7, 30))
    await until(lambda: texts(model, 0)[0] == "29")
    assert texts(model, 0) == ["29", "28", "27", "26", "25"]
    assert inserted == [(0, 2), (0, 2), (0, 4)]


async def test_trades_that_come_behind_newer_ones_go_to_their_places(
    manager: GlobalWebSocketManager, make: Make
) -> None:
    model = make(TradeListModel, limit=6, columns=["sequential_id"], manager=manager)
    model.set_codes(["KRW-BTC"])
    model._subscription.close()

    def come(stream_type: str, *numbers: int) -> None:
        made = (
            events.trade(number=n, trade_timestamp=n * 1000, timestamp=n * 1000, stream_type=stream_type)
            for n in numbers
        )
        model._proxy.trade_received.emit(tuple(made))

    come("REALTIME", 3, 7, 8)
    await until(lambda: model.rowCount() == 3)
    come("BACKFILLED", 4, 6)
    come("REALTIME", 9)
    await until(lambda: model.rowCount() == 6)
    assert texts(model, 0) == ["9", "8", "7", "6", "4", "3"]
    come("BACKFILLED", 1, 5)
    await until(lambda: "5" in texts(model, 0))
    assert texts(model, 0) == ["9", "8", "7", "6", "5", "4"]


async def test_trades_of_before_go_below_and_what_was_missed_above(
    manager: GlobalWebSocketManager, make: Make
) -> None:
    model = make(TradeListModel, limit=6, columns=["sequential_id"], manager=manager)
    model.set_codes(["KRW-BTC"])
    model._subscription.close()
    model._proxy.trade_received.emit((events.trade(number=5), events.trade(number=6)))
    await until(lambda: model.rowCount() == 2)
    of_another = events.trade("KRW-ETH", number=3)
    model.seed([*(events.trade(number=n) for n in (1, 2, 3, 4, 5, 5, 7)), of_another])
    await until(lambda: texts(model, 0)[0] == "7")
    assert texts(model, 0) == ["7", "6", "5", "4", "3", "2"]
    model.seed([events.trade(number=1), events.trade(number=4)])
    assert texts(model, 0) == ["7", "6", "5", "4", "3", "2"]
    model._proxy.trade_received.emit((events.trade(number=4), events.trade(number=8)))
    await until(lambda: texts(model, 0)[0] == "8")
    assert texts(model, 0) == ["8", "7", "6", "5", "4", "3"]
    model.close()
    with pytest.raises(ProxyClosedError):
        model.seed([])


async def test_trades_of_before_fill_an_empty_list(manager: GlobalWebSocketManager, make: Make) -> None:
    model = make(TradeListModel, limit=3, columns=["sequential_id"], manager=manager)
    model.set_codes(["KRW-BTC"])
    model._subscription.close()
    model.seed(events.trade(number=n) for n in (1, 2, 3, 4))
    assert texts(model, 0) == ["4", "3", "2"]
    assert len(model._known) == len(model._ids) == 3


async def test_trades_stream(make_server: MakeServer, make_manager: MakeManager, make: Make) -> None:
    server = await make_server(**STREAMING)
    model = make(TradeListModel, limit=30, manager=make_manager(server))
    model.set_codes(["KRW-BTC", "KRW-ETH"])

    def ids() -> list[tuple[str, int]]:
        rows = range(model.rowCount())
        return [(model.value(row, "code"), model.value(row, "sequential_id")) for row in rows]

    # A busy pair may fill all rows for a while.
    await until(lambda: len(ids()) == 30 and {code for code, _ in ids()} == {"KRW-BTC", "KRW-ETH"})
    assert len(set(ids())) == 30
    model.set_codes([])
    assert model.rowCount() == 0
    await until(lambda: not streams(server))


# --- candles --------------------------------------------------------------------------------------


async def test_candles_grow_at_the_end_and_the_past_comes_in_front(
    make_server: MakeServer, make_manager: MakeManager, make: Make
) -> None:
    server = await make_server(**(STREAMING | {"time_scale": 60.0, "rate": 2.0}))
    model = make(CandleModel, count=50, manager=make_manager(server))
    model.set_code("KRW-BTC", "1m")
    await until(lambda: model.rowCount() >= 50)
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    inserted: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _p, first, last: inserted.append((first, last)))
    changes = Changes(model)
    await until(lambda: inserted and changes.of_cells())
    assert inserted[0][0] >= 50
    assert model.load_more(100)
    await until(lambda: model.rowCount() >= 150)
    assert (0, 99) in inserted
    starts = texts(model, 0)
    assert starts == sorted(set(starts))
    assert resets == []
    await until(
        lambda: (
            [model.value(r, "trade_price") for r in range(model.rowCount())]
            == [candle.trade_price for candle in model._feed]
        )
    )
    model.set_code("KRW-ETH", "1m")
    assert (model.rowCount(), len(resets)) == (0, 1)
    await until(lambda: model.rowCount() >= 50)
    assert model.value(0, "code") == "KRW-ETH"


async def test_candles_of_any_length(server: SimulatedServer, make_manager: MakeManager, make: Make) -> None:
    manager = make_manager(server)
    model = make(CandleModel, count=5, manager=manager)
    for unit in (CandlePeriod.WEEK, "1M", "1m"):
        model.set_code("KRW-BTC", unit)
        assert (model.unit, model.rowCount()) == (unit, 0)
        await until(lambda: model.rowCount() == 5)
        right = await manager.rest.get_candles("KRW-BTC", unit, count=5)
        shown = [model.value(row, "candle_date_time_utc") for row in range(5)]
        assert shown == [candle.candle_date_time_utc for candle in right]
    with pytest.raises(InvalidSubscriptionError, match="1s, 1m"):
        model.set_code("KRW-BTC", "2w")
    assert (model.unit, model.rowCount()) == (CandleUnit.M1, 5)


# --- orders and balances --------------------------------------------------------------------------


def order_states(model: OrderTableModel) -> list[tuple[str, str]]:
    return [(model.value(r, "uuid"), model.value(r, "state").value) for r in range(model.rowCount())]


async def test_orders_change_in_place_and_move_down_when_they_close(
    server: SimulatedServer, make_manager: MakeManager, make: Make
) -> None:
    account = make(Account, manager=make_manager(server, keys=True))
    await account.synchronized_once()
    model = make(OrderTableModel, account=account, max_closed_orders=1)
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    first, second = place(server), place(server, 200_000)
    await until(lambda: model._open_count == 2)
    theirs = server.exchange.account
    theirs.fill(
        first, Decimal(100_000), Decimal("0.2"), server.exchange.market_ms(server.now()), is_maker=True
    )
    row = model.row_of(first.uuid)
    await until(lambda: model.value(row, "remaining_volume") == Decimal("0.3"))
    theirs.cancel(second, server.exchange.market_ms(server.now()))
    await until(lambda: model._open_count == 1)
    assert order_states(model) == [(first.uuid, "wait"), (second.uuid, "cancel")]
    theirs.cancel(first, server.exchange.market_ms(server.now()))
    await until(lambda: model._open_count == 0)
    assert order_states(model) == [(first.uuid, "cancel")]
    assert resets == []


async def test_earlier_orders_are_below_those_of_the_account(
    server: SimulatedServer, make_manager: MakeManager, make: Make
) -> None:
    theirs, now = server.exchange.account, server.exchange.market_ms(server.now())
    old = [place(server, 100_000 + number * 1000) for number in range(4)]
    for order in old:
        theirs.cancel(order, now)
    manager = make_manager(server, keys=True)
    account = make(Account, manager=manager)
    await account.synchronized_once()
    model = make(OrderTableModel, account=account, max_closed_orders=3)
    still_open = place(server)
    await until(lambda: model._open_count == 1)
    earlier = await manager.rest.get_closed_orders()
    model.add_earlier(earlier)
    model.add_earlier(earlier)
    shown = [uuid for uuid, _ in order_states(model)]
    assert shown[0] == still_open.uuid
    assert len(shown) == 4
    assert set(shown[1:]) <= {order.uuid for order in old}
    theirs.cancel(still_open, server.exchange.market_ms(server.now()))
    await until(lambda: model._open_count == 0)
    assert order_states(model)[0] == (still_open.uuid, "cancel")
    assert model.rowCount() == 3


async def test_orders_that_a_gap_hid_are_marked(
    server: SimulatedServer, make_manager: MakeManager, make: Make
) -> None:
    account = make(Account, manager=make_manager(server, keys=True))
    await account.synchronized_once()
    model = make(OrderTableModel, account=account)
    live = place(server)
    await until(lambda: model._open_count == 1)
    server.refuse_connections = True
    await server.drop(Scope.PRIVATE, "reset")
    await until(lambda: not account.is_synchronized)
    missed = place(server, 300_000)
    server.refuse_connections = False
    await until(
        lambda: missed.uuid in model._uuids and model.value(model.row_of(missed.uuid), "is_recovered")
    )
    assert not model.value(model.row_of(live.uuid), "is_recovered")
    column = model.columns.index("is_recovered")
    assert model.data(model.index(model.row_of(missed.uuid), column)) == "yes"


async def test_balances_are_the_exchanges_own(
    server: SimulatedServer, make_manager: MakeManager, make: Make
) -> None:
    account = make(Account, manager=make_manager(server, keys=True))
    model = make(BalanceTableModel, account=account)
    await account.synchronized_once()
    await until(lambda: model.rowCount() == len(account.balances) > 1)
    assert texts(model, 0) == sorted(account.balances)
    place(server)
    krw = model.row_of("KRW")
    await until(lambda: model.value(krw, "locked") > 0)
    held = account.balance("KRW")
    assert held is not None
    assert model.value(krw, "total") == held.total
