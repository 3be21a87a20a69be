"""A regional account, whose frames say less: the same orders, fills and balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from qt_upbit import Account, AskBid, OrderState, OrderType, Region, WebSocketClientProxy
from qt_upbit.types import Scope
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import exchange
from tests.support.wait import until


async def test_fewer_fields_cost_nothing_that_matters(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(region=Region.SG, markets=5)
    manager = make_manager(server, keys=True, region=Region.SG)
    proxy = WebSocketClientProxy("frames", manager=manager)
    frames: list[Any] = []
    await proxy.subscribe_my_order(callback=frames.append)
    account = Account.instance(manager)
    fills: list[Any] = []
    account.filled.connect(fills.append)
    await account.synchronized_once()
    code = next(code for code in server.exchange.market.pairs if code.startswith("SGD-"))
    pair = server.exchange.market.pairs[code]
    price = Decimal(pair.quote[1]).scaleb(-8).normalize()
    order = await manager.rest.create_order(
        code, AskBid.BID, OrderType.LIMIT, price=price, volume=Decimal("0.5"), identifier="abroad"
    )
    server.exchange.trade(code, price, Decimal("0.2"), AskBid.ASK, server.now())
    server.exchange.trade(code, price, Decimal("0.3"), AskBid.ASK, server.now())
    await until(lambda: len(fills) == 2)
    await until(lambda: (o := account.order(order.uuid)) is not None and o.state is OrderState.DONE)
    assert exchange.session(server, Scope.PRIVATE)
    assert all(frame.trade_fee is None and frame.smp_type is None for frame in frames)
    theirs = server.exchange.account.orders[order.uuid]
    mine = account.order(order.uuid)
    assert mine is not None
    assert (mine.executed_volume, mine.executed_funds) == (theirs.executed_volume, theirs.executed_funds)
    assert mine.paid_fee == theirs.paid_fee
    assert sum(fill.volume for fill in fills) == Decimal("0.5")
    held = server.exchange.account.balance("SGD")
    await until(lambda: (b := account.balance("SGD")) is not None and b.balance == held.balance)
    proxy.close()
    account.close()
