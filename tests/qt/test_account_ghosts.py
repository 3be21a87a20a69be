"""Frames of the account that are lost on a connection that lives: no order is shown open that is over."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from qt_upbit import Account, GlobalWebSocketManager, OrderState, RestError, Scope
from qt_upbit.simulator import SimulatedServer
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.faults import faults
from qt_upbit.types import AskBid, OrderType
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.wait import until


class Ghosts:
    """An account of ours beside the exchange's own."""

    def __init__(self, server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
        self.server = server
        self.manager = manager
        self.account = Account(manager=manager)
        self.fills: list[str] = []
        self.account.filled.connect(lambda fill: self.fills.append(fill.uuid))

    @property
    def now_ms(self) -> int:
        return self.server.exchange.market_ms(self.server.now())

    def place(self, volume: str = "0.01") -> TheirOrder:
        theirs = self.server.exchange.account
        return theirs.place(
            theirs.draft(
                "KRW-BTC",
                AskBid.BID,
                OrderType.LIMIT,
                self.now_ms,
                price=Decimal(100_000),
                volume=Decimal(volume),
            )
        )

    def fill(self, order: TheirOrder, volume: str) -> str:
        assert order.price is not None
        return order.account.fill(order, order.price, Decimal(volume), self.now_ms, is_maker=True).uuid

    def cancel(self, order: TheirOrder) -> None:
        order.account.cancel(order, self.now_ms)

    def lose(self, **fields: Any) -> None:
        self.server.faults.inject(faults.LostFrames(times=1000, **fields))

    def find(self) -> None:
        self.server.faults.clear()

    def is_same(self) -> bool:
        theirs, ours = self.server.exchange.account, self.account
        return {order.uuid for order in theirs.open_orders} == {
            order.uuid for order in ours.open_orders
        } and all(
            (held.balance, held.locked) == (ours.balances[name].balance, ours.balances[name].locked)
            for name, held in theirs.balances.items()
            if name in ours.balances
        )


@pytest.fixture
async def ghosts(make_server: MakeServer, make_manager: MakeManager) -> Ghosts:
    server = await make_server(account_running=False)
    ghosts = Ghosts(server, make_manager(server, keys=True, account_audit_interval_s=1.0))
    await ghosts.account.synchronized_once()
    return ghosts


LOSSES: dict[str, Callable[[Ghosts], object]] = {
    "an order's last frame": lambda ghosts: ghosts.lose(type="myOrder"),
    "the balance's frames": lambda ghosts: ghosts.lose(type="myAsset"),
    "everything": lambda ghosts: ghosts.lose(),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_lost_end_leaves_no_open_order(ghosts: Ghosts, loss: str) -> None:
    order, other = ghosts.place(), ghosts.place()
    await until(lambda: len(ghosts.account.open_orders) == 2)
    LOSSES[loss](ghosts)
    ghosts.cancel(order)
    filled = ghosts.fill(other, "0.01")
    await until(ghosts.is_same)
    ghosts.find()
    found = ghosts.account.order(order.uuid)
    assert found is not None
    assert found.state is OrderState.CANCEL
    await until(lambda: ghosts.fills == [filled])
    assert ghosts.account.is_synchronized
    assert ghosts.manager.metrics().scopes[Scope.PRIVATE].reconnects == 0


@pytest.mark.parametrize("loss", LOSSES)
async def test_an_order_of_which_no_frame_came_is_found(ghosts: Ghosts, loss: str) -> None:
    LOSSES[loss](ghosts)
    order = ghosts.place()
    await until(ghosts.is_same)
    first = ghosts.fill(order, "0.004")
    await until(lambda: ghosts.fills == [first])
    ghosts.find()
    second = ghosts.fill(order, "0.006")
    await until(lambda: ghosts.fills == [first, second])
    await until(ghosts.is_same)


async def test_a_lost_fill_before_a_cancellation_is_reported_once(ghosts: Ghosts) -> None:
    order = ghosts.place()
    await until(lambda: ghosts.account.open_orders)
    ghosts.lose(containing='"trade"')
    filled = ghosts.fill(order, "0.004")
    ghosts.find()
    ghosts.cancel(order)
    await until(lambda: ghosts.fills == [filled])
    await until(ghosts.is_same)


async def test_a_call_that_says_order_not_found_is_a_contradiction(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(account_running=False)
    ghosts = Ghosts(server, make_manager(server, keys=True, account_audit_interval_s=None))
    await ghosts.account.synchronized_once()
    order = ghosts.place()
    await until(lambda: ghosts.account.open_orders)
    # Neither the order's frames nor the balance's: nothing contradicts anything.
    ghosts.lose()
    ghosts.cancel(order)
    del server.exchange.account.orders[order.uuid]
    with pytest.raises(RestError, match="order_not_found"):
        await ghosts.manager.rest.cancel_order(uuid=order.uuid)
    await until(lambda: not ghosts.account.open_orders)


async def test_a_batch_cancellation_that_fails_is_a_contradiction(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(account_running=False)
    ghosts = Ghosts(server, make_manager(server, keys=True, account_audit_interval_s=None))
    await ghosts.account.synchronized_once()
    order, other = ghosts.place(), ghosts.place()
    await until(lambda: len(ghosts.account.open_orders) == 2)
    ghosts.lose()
    ghosts.cancel(order)
    ghosts.fill(other, "0.01")
    result = await ghosts.manager.rest.cancel_orders(uuids=[order.uuid, other.uuid])
    assert {each.uuid for each in result.failed} == {order.uuid, other.uuid}
    await until(ghosts.is_same)
    assert not ghosts.account.open_orders


async def test_a_frame_that_lacks_a_vital_field_has_the_account_compared(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(account_running=False)
    ghosts = Ghosts(server, make_manager(server, keys=True, account_audit_interval_s=None))
    await ghosts.account.synchronized_once()
    order = ghosts.place()
    await until(lambda: ghosts.account.open_orders)
    ghosts.lose(type="myAsset")
    server.faults.inject(faults.Truncated(scope=Scope.PRIVATE, type="myOrder", place="instead"))
    ghosts.cancel(order)
    await until(lambda: not ghosts.account.open_orders)
