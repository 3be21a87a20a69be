"""The first start is not empty, nothing trades in the user's account, and the demo trader has its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from demo_app.application import _configure
from demo_app.arguments import parse
from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.recording.sessions import SessionRequest
from demo_app.shell.demo_trader import DEMO_ACCESS_KEY, DemoTrader
from demo_app.shell.main_window import MainWindow
from qt_upbit import AskBid, GlobalWebSocketManager, Region
from qt_upbit.simulator import SimulatedServer
from tests.demo_app.conftest import KEYS, Open
from tests.support.wait import until


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    """The exchange as the terminal starts it."""
    async with AsyncExitStack() as stack:
        config, server = await _configure(parse([]), Region.KR, SessionRequest(), stack)
        assert server is not None
        GlobalWebSocketManager._instance = None
        GlobalWebSocketManager.configure(config)
        stack.push_async_callback(GlobalWebSocketManager.close_instance)
        yield server


async def _orders(window: MainWindow) -> OrdersPanel:
    panel = window.panel("orders")
    assert isinstance(panel, OrdersPanel)
    await until(lambda: not panel.has_placeholder)
    return panel


def _counts(panel: OrdersPanel) -> tuple[int, int]:
    models = [view.model() for view in (panel.open_view, panel.closed_view)]
    return (models[0].rowCount(), models[1].rowCount()) if all(models) else (0, 0)


async def test_the_first_start_is_not_empty_and_nobody_trades(
    server: SimulatedServer, open_window: Open
) -> None:
    account = server.exchange.account
    before = set(account.orders)
    assert {order.side for order in account.open_orders} == {AskBid.BID, AskBid.ASK}
    orders = await _orders(open_window(layout="trading"))
    await until(lambda: _counts(orders) == (3, 6))
    rows = orders.rows
    assert rows is not None
    closed = [order for order in (rows.order(row) for row in range(rows.rowCount())) if order is not None]
    assert sum(bool(order.executed_volume) for order in closed if not order.is_open) == 5
    started = server.exchange.market_ms(server.now())
    await until(lambda: server.exchange.market_ms(server.now()) > started + 5_000)
    assert set(account.orders) == before, "no order but the user's own"
    assert not server.exchange.is_trader_running


async def test_a_resting_order_fills_as_the_market_moves(server: SimulatedServer, open_window: Open) -> None:
    orders = await _orders(open_window(layout="trading"))
    await until(lambda: _counts(orders) == (3, 6))
    bid = next(order for order in server.exchange.account.open_orders if order.side is AskBid.BID)
    assert bid.price is not None
    assert bid.volume is not None
    server.exchange.trade(bid.code, bid.price, bid.volume, AskBid.ASK, server.now())
    await until(lambda: _counts(orders)[1] >= 7)


async def test_the_demo_trader_has_an_account_of_its_own_and_the_window_says_so(
    server: SimulatedServer, open_window: Open
) -> None:
    window = open_window(layout="trading")
    orders = await _orders(window)
    await until(lambda: _counts(orders) == (3, 6))
    window.add_demo_trader(DemoTrader(server, window.state, KEYS, window))
    mine, bots = server.exchange.account, server.exchange.accounts[DEMO_ACCESS_KEY]
    before = set(mine.orders)
    action = window.commands.actions["demo_trader"]
    assert action.isVisible()
    assert not action.isChecked()
    action.trigger()
    assert action.isChecked()
    assert window._tag.text() == "DEMO TRADER"
    assert "DEMO TRADER" in window.windowTitle()
    assert "account of its own" in window.connection_line._error.toolTip()
    await until(lambda: len(bots.orders) > 2)
    await until(lambda: orders.account is not None and set(_uuids(orders)) & set(bots.orders))
    assert not set(_uuids(orders)) & set(mine.orders)
    action.trigger()
    assert window._tag.text() == "SIMULATED"
    await until(lambda: set(_uuids(orders)) == before)
    assert set(mine.orders) == before


def _uuids(panel: OrdersPanel) -> list[str]:
    rows = panel.rows
    return [] if rows is None else [rows.value(row, "uuid") for row in range(rows.rowCount())]
