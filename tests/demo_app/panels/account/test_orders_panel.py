"""The orders panel: open and closed orders, cancelling and replacing through the guard."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.account.replace_dialog import ReplaceDialog
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from demo_app.widgets.trading_dialogs import ConfirmDialog, UnlockDialog
from qt_upbit import (
    AskBid,
    Credentials,
    GlobalWebSocketManager,
    OrderType,
    Scope,
    TimeInForce,
    WebSocketConfig,
)
from qt_upbit.simulator import SIMULATED_ACCESS_KEY, SimulatedServer
from qt_upbit.simulator.account.matching_engine import OrderRequest
from qt_upbit.simulator.faults.faults import Cut
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.server.server import RestFault
from tests.support.account import place
from tests.support.wait import until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[..., OrdersPanel]


@pytest.fixture
def make(app: QApplication, tmp_path: Path) -> Iterator[Make]:
    made: list[OrdersPanel] = []

    def panel(*, live: bool = False) -> OrdersPanel:
        guard = TradingGuard(simulated=not live, live=live, has_keys=lambda: True)
        settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
        state = TerminalState(make_theme("dark", korean=False), guard, settings, "KRW-BTC")
        orders = OrdersPanel(state)
        orders.resize(960, 260)
        orders.show()
        made.append(orders)
        return orders

    yield panel
    for orders in made:
        orders.close()
        orders.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _shown(panel: OrdersPanel) -> tuple[int, int]:
    first, second = (view.model() for view in (panel.open_view, panel.closed_view))
    return (first.rowCount(), second.rowCount()) if first and second else (0, 0)


def _cell(panel: OrdersPanel, row: int, column: int) -> str:
    model = panel.open_view.model()
    return str(model.data(model.index(row, column)))


def _dialog(panel: OrdersPanel) -> ConfirmDialog:
    dialog = panel.findChild(ConfirmDialog)
    assert dialog is not None
    return dialog


async def _with_orders(panel: OrdersPanel, server: SimulatedServer, count: int) -> None:
    for number in range(count):
        place(server, 100_000 + number * 1000)
    await until(lambda: _shown(panel)[0] == count)
    await until(lambda: not panel.has_placeholder)


async def test_open_and_closed_orders_are_in_separate_tabs(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await until(lambda: not panel.has_placeholder)
    assert panel.empty.isVisible()
    order = place(server)
    await until(lambda: _shown(panel) == (1, 0))
    assert panel.tabs.tabText(0) == "Open (1)"
    assert [_cell(panel, 0, column) for column in (2, 3, 4, 5, 6, 7)] == [
        "Buy", "Limit", "100,000 KRW", "0.5 BTC", "0.00%", "Waiting",
    ]  # fmt: skip
    now = server.exchange.market_ms(server.now())
    server.exchange.account.fill(order, D(100_000), D("0.2"), now, is_maker=True)
    await until(lambda: _cell(panel, 0, 6) == "40.00%")
    assert [_cell(panel, 0, column) for column in range(7, 12)] == [
        "Partly filled", "0.2 BTC", "20,000 KRW", "100,000 KRW", "10 KRW",
    ]  # fmt: skip
    server.exchange.account.fill(order, D(100_000), D("0.3"), now, is_maker=True)
    await until(lambda: _shown(panel) == (0, 1))
    assert panel.empty.isVisible()
    assert panel.tabs.tabText(1) == "Closed (1)"


@pytest.mark.parametrize(
    ("kind", "side", "condition", "amount", "state", "has_filled"),
    [
        (OrderType.PRICE, AskBid.BID, None, D("100000"), "Filled (rest refunded)", True),
        (OrderType.BEST, AskBid.BID, "ioc", D("100000"), "Filled (rest refunded)", True),
        (OrderType.MARKET, AskBid.ASK, None, D("0.001"), "Filled", True),
        (OrderType.LIMIT, AskBid.BID, "ioc", D("5"), "Cancelled, partly filled", True),
        (OrderType.LIMIT, AskBid.BID, "cancel", D("0.1"), "Cancelled", False),
    ],
)
async def test_the_closed_list_says_what_was_bought(
    exchange: Exchange,
    make: Make,
    kind: OrderType,
    side: AskBid,
    condition: str | None,
    amount: Decimal,
    state: str,
    has_filled: bool,
) -> None:
    """How it ended, size and total of the fills, mean price and fee, each with its unit."""
    server = await exchange()
    engine, account = server.exchange.engine, server.exchange.account
    account.balance("KRW").balance = account.balance("BTC").balance = D(10**11)
    panel = make()
    await until(lambda: not panel.has_placeholder)
    (pair,) = (each for each in server.exchange.market if each.code == "KRW-BTC")
    price = from_units(pair.quote[0]) if condition == "ioc" else D(100_000)
    by_amount = side is AskBid.BID and kind is not OrderType.LIMIT
    order = engine.place(
        OrderRequest(
            code="KRW-BTC",
            side=side,
            order_type=kind,
            price=amount if by_amount else price if kind is OrderType.LIMIT else None,
            volume=None if by_amount else amount,
            time_in_force=TimeInForce.IOC if condition == "ioc" else None,
        ),
        server.exchange.market_ms(server.now()),
    )
    if condition == "cancel":
        engine.cancel(order)
    await until(lambda: _shown(panel) == (0, 1))
    panel.tabs.setCurrentIndex(1)
    model, view = panel.closed_view.model(), panel.closed_view
    columns = [column for column in range(model.columnCount()) if not view.isColumnHidden(column)]
    heads = [model.headerData(column, Qt.Orientation.Horizontal) for column in columns]
    row = dict(zip(heads, (str(model.data(model.index(0, column))) for column in columns), strict=True))
    assert row["State"] == state
    filled = order.executed_volume.normalize()
    assert row["Filled size"] == (f"{filled:f} BTC" if has_filled else "–")
    assert row["Filled total"].endswith(" KRW") is has_filled
    assert row["Avg. price"].endswith(" KRW") is has_filled
    assert row["Fee"].endswith(" KRW")
    assert row["Size"].endswith(" KRW" if by_amount else " BTC")


async def test_orders_closed_before_the_start_are_shown_below_later_ones(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange(account_history=True)
    panel = make()
    await until(lambda: _shown(panel) == (3, 6))
    server.exchange.account.cancel(
        server.exchange.account.open_orders[0], server.exchange.market_ms(server.now())
    )
    await until(lambda: _shown(panel) == (2, 7))
    rows = panel.rows
    assert rows is not None
    times = [rows.value(row, "order_timestamp") for row in range(2, 9)]
    assert times == sorted(times, reverse=True)
    assert all(rows.order(row) is not None for row in range(9))


async def test_cancel_all_reaches_reserved_orders(exchange: Exchange, make: Make) -> None:
    """Upbit's call for open orders leaves them: they are cancelled by uuid."""
    server = await exchange(initial_krw=10**10)
    panel = make()
    await _with_orders(panel, server, 2)
    for code in ("KRW-BTC", "KRW-BTC", "KRW-ETH"):
        server.exchange.reserve(code, AskBid.BID, D(100_000), D("0.5"))
    await until(lambda: _shown(panel) == (5, 0))
    panel.cancel_market.click()
    _dialog(panel).do.click()
    await until(lambda: _shown(panel) == (1, 4))
    assert panel.message.text() == "Asked to cancel 4 of the orders."
    await until(panel.cancel_all.isEnabled)
    panel.cancel_all.click()
    _dialog(panel).do.click()
    await until(lambda: _shown(panel) == (0, 5))
    assert panel.message.text() == "Asked to cancel 1 of the orders."


async def test_delete_cancels_once_and_says_so(exchange: Exchange, make: Make) -> None:
    server = await exchange(cancel_delay_s=0.2)
    panel = make()
    await _with_orders(panel, server, 1)
    assert not panel.cancel.isEnabled()
    panel.open_view.selectRow(0)
    assert panel.cancel.isEnabled()
    QTest.keyClick(panel.open_view, Qt.Key.Key_Delete)
    assert not panel.cancel.isEnabled()
    QTest.keyClick(panel.open_view, Qt.Key.Key_Delete)
    await until(lambda: panel.message.text().startswith("Asked to cancel: Buy BTC (KRW-BTC) 0.5 BTC"))
    await until(lambda: _shown(panel) == (0, 1))
    assert panel.findChild(ConfirmDialog) is None


async def test_cancel_all_confirms_with_the_number_of_orders(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 3)
    panel.cancel_all.click()
    dialog = _dialog(panel)
    assert dialog.windowTitle() == "Cancel open orders: 3?"
    dialog.leave.click()
    panel.state.set_market("KRW-ETH")
    assert not panel.cancel_market.isEnabled()
    panel.state.set_market("KRW-BTC")
    panel.cancel_market.click()
    _dialog(panel).do.click()
    assert not panel.cancel_all.isEnabled()
    await until(lambda: _shown(panel) == (0, 3))
    assert panel.message.text() == "Asked to cancel 3 of the orders."


async def test_selected_orders_are_cancelled_together(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 3)
    panel.open_view.selectRow(0)
    panel.open_view.selectionModel().select(
        panel.open_view.model().index(2, 0),
        panel.open_view.selectionModel().SelectionFlag.Select
        | panel.open_view.selectionModel().SelectionFlag.Rows,
    )
    assert not panel.replace.isEnabled()
    panel.cancel.click()
    _dialog(panel).do.click()
    await until(lambda: _shown(panel) == (1, 2))


async def test_an_order_is_replaced_by_a_valid_one(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 1)
    panel.open_view.selectRow(0)
    panel.replace.click()
    dialog = panel.findChild(ReplaceDialog)
    assert dialog is not None
    await until(lambda: dialog.last_price)
    assert not dialog.do.isEnabled()
    dialog.price_field.selectAll()
    QTest.keyClicks(dialog.price_field, "100050")
    assert dialog.hint.text() == "Between two valid prices: 100,000 or 100,100 would do."
    assert not dialog.do.isEnabled()
    QTest.keyClick(dialog.price_field, Qt.Key.Key_Up)
    assert dialog.price == 100_100
    dialog.do.click()
    said = [label.text() for label in _dialog(panel).findChildren(QLabel)]
    assert "100,100 KRW" in said
    _dialog(panel).do.click()
    await until(lambda: _shown(panel) == (1, 1))
    (order,) = server.exchange.account.open_orders
    assert (order.price, order.volume) == (100_100, D("0.5"))
    await until(lambda: panel.message.text().startswith("Asked to replace"))


async def test_replacing_far_from_the_market_asks_twice(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 1)
    panel.open_view.selectRow(0)
    panel.replace.click()
    dialog = panel.findChild(ReplaceDialog)
    assert dialog is not None
    await until(lambda: dialog.last_price)
    dialog.price_field.selectAll()
    QTest.keyClicks(dialog.price_field, "900000000")
    QTest.keyClick(dialog.price_field, Qt.Key.Key_Return)
    question = _dialog(panel)
    assert not question.do.isEnabled()
    QTest.keyClick(question, Qt.Key.Key_Return)
    await until(lambda: panel.findChild(ConfirmDialog) is None)
    assert len(server.exchange.account.open_orders) == 1
    assert server.exchange.account.open_orders[0].price == 100_000


async def test_a_real_order_is_cancelled_only_after_phrase_and_confirmation(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    panel = make(live=True)
    await _with_orders(panel, server, 1)
    panel.open_view.selectRow(0)
    panel.cancel.click()
    unlock = panel.findChild(UnlockDialog)
    assert unlock is not None
    unlock.field.setText("REAL ORDERS")
    unlock.do.click()
    dialog = _dialog(panel)
    assert server.exchange.account.open_orders
    dialog.do.click()
    await until(lambda: _shown(panel) == (0, 1))


async def test_cancelling_an_order_filled_meanwhile_is_explained(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 1)
    panel.open_view.selectRow(0)
    (order,) = server.exchange.account.open_orders
    now = server.exchange.market_ms(server.now())
    server.exchange.account.fill(order, D(100_000), D("0.5"), now, is_maker=True)
    panel.cancel.click()
    await until(lambda: panel.message.text())
    assert "it was filled or cancelled" in panel.message.text()


async def test_after_a_block_the_order_may_still_be_open_and_the_panel_says_so(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 1)
    panel.open_view.selectRow(0)
    server.rest_faults.append(
        RestFault("DELETE", "/v1/order", "status", status=418, name="too_many_requests")
    )
    panel.cancel.click()
    await until(lambda: "1 of the orders may still be open" in panel.message.text())
    assert server.exchange.account.open_orders
    assert panel.cancel.isEnabled()


async def test_incomplete_data_is_marked_until_everything_was_read_again(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    right = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=server.settings.secret_key)
    GlobalWebSocketManager.configure(
        WebSocketConfig(
            base_url=server.url, credentials=right, use_system_proxy=False, recovery_timeout_s=2.0
        )
    )
    panel = make()
    await _with_orders(panel, server, 1)
    fault = RestFault("GET", "/v1/orders/open", "status", times=10)
    server.rest_faults.append(fault)
    assert panel.account is not None
    panel.account.resync()
    await until(panel.incomplete_notice.isVisible)
    await until(lambda: panel.message.text().startswith("Some may be missing. The exchange "))
    assert _shown(panel) == (1, 0)
    server.rest_faults.clear()
    panel.incomplete_notice.click()
    await until(lambda: not panel.incomplete_notice.isVisible())
    assert not panel.message.text()


async def test_rows_are_copied_with_their_headers(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 2)
    panel.open_view.selectRow(0)
    QTest.keySequence(panel.open_view, "Ctrl+C")
    head, row = QApplication.clipboard().text().split("\n")
    assert head.split("\t")[2:5] == ["Side", "Type", "Price"]
    assert row.split("\t")[2:5] == ["Buy", "Limit", "101,000 KRW"]


async def test_orders_recovered_after_a_gap_are_marked(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = make()
    await _with_orders(panel, server, 1)
    (order,) = server.exchange.account.open_orders
    server.faults.inject(Cut(scope=Scope.PRIVATE))
    now = server.exchange.market_ms(server.now())
    server.exchange.account.fill(order, D(100_000), D("0.1"), now, is_maker=True)
    await until(lambda: panel.stale_text)
    await until(lambda: _cell(panel, 0, 6) == "20.00%")
    model = panel.open_view.model()
    state = model.index(0, 7)
    await until(lambda: model.data(state, Qt.ItemDataRole.DecorationRole) is not None)
    assert "read afterwards" in model.data(state, Qt.ItemDataRole.ToolTipRole)
    await until(lambda: not panel.stale_text)


async def test_a_refused_key_is_reported_and_another_key_recovers(exchange: Exchange, make: Make) -> None:
    wrong = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key="w" * 64)
    server = await exchange(keys=wrong)
    panel, wanted = make(), []
    panel.state.keys_wanted.connect(lambda: wanted.append(1))
    await until(lambda: "refused the API key" in _placeholder_text(panel))
    assert "w" * 64 not in _placeholder_text(panel)
    right = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=server.settings.secret_key)
    GlobalWebSocketManager.instance().set_credentials(right)
    await until(lambda: not panel.has_placeholder)


def _placeholder_text(panel: OrdersPanel) -> str:
    label = panel.findChild(QLabel, "placeholderText")
    assert isinstance(label, QLabel)
    return label.text()


async def test_the_panel_is_released_with_its_parent(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = OrdersPanel(make().state)
    account = panel.account
    assert account is not None
    await account.synchronized_once()
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    # A call in progress is cancelled first.
    await until(is_gone)
