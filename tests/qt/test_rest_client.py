"""REST calls on the loop of a window: the manager's own client, beside its sockets."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from PySide6.QtCore import QTimer

from qt_upbit import AskBid, CandlePeriod, OrderState, OrderType, ProxyClosedError
from qt_upbit.simulator.server.server import RestFault
from tests.qt.conftest import MakeManager, MakeServer


async def test_a_tour_on_the_loop_of_a_window(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(market_running=False, account_running=False)
    rest = make_manager(server, keys=True).rest
    ticks: list[None] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(None))
    timer.start(0)

    markets = await rest.get_markets()
    codes = [market.code for market in markets][:2]
    assert set(await rest.get_tickers(codes)) == set(codes)
    book = (await rest.get_orderbooks(["KRW-BTC"]))["KRW-BTC"]
    assert book.asks[0].price > book.bids[0].price
    candles = await rest.get_candles("KRW-BTC", "1m", count=450)
    assert len({candle.start for candle in candles}) == 450
    assert len(await rest.get_candles("KRW-BTC", CandlePeriod.WEEK, count=3)) == 3

    price = book.bids[-1].price
    server.rest_faults.append(RestFault("POST", "/v1/orders", "lose_answer"))
    order = await rest.create_order("KRW-BTC", AskBid.BID, OrderType.LIMIT, price=price, volume="0.001")
    assert [each.uuid for each in await rest.get_open_orders()] == [order.uuid]
    await rest.cancel_order(uuid=order.uuid)
    while (await rest.get_order(uuid=order.uuid)).state is not OrderState.CANCEL:
        await asyncio.sleep(0)
    assert order.price == Decimal(price)
    assert ticks, "the window lived on"
    timer.stop()


async def test_the_managers_client_ends_with_it(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(market_running=False, account_running=False)
    manager = make_manager(server)
    rest = manager.rest
    await rest.get_tickers(["KRW-BTC"])
    await manager.aclose()
    with pytest.raises(ProxyClosedError):
        await rest.get_tickers(["KRW-BTC"])
