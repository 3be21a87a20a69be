"""Other keys, another account: nothing of the one before is shown, followed or kept."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import shiboken6

from qt_upbit import (
    Account,
    AccountState,
    AskBid,
    AuthenticationError,
    Balance,
    BalanceTableModel,
    ConnectionState,
    Credentials,
    Fill,
    GlobalWebSocketManager,
    MyOrderEvent,
    Order,
    OrderState,
    OrderTableModel,
    OrderType,
    Scope,
)
from qt_upbit.core import OrderTracker
from qt_upbit.rest.rest_client import RestClient
from qt_upbit.simulator import SimulatedAccount
from qt_upbit.simulator.account.account import Account as TheirAccount
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.faults import faults
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.wait import until

B = SimulatedAccount(access_key="b" * 40, secret_key="second" * 12, balances={"KRW": 5_000_000, "XRP": 700})
KEYS_A = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
KEYS_B = Credentials(access_key=B.access_key, secret_key=B.secret_key)


class Follower:
    """What an application makes of the signals, and the order in which they came."""

    def __init__(self, account: Account) -> None:
        self.orders: dict[str, Order] = {}
        self.balances: dict[str, Balance] = {}
        self.fills: list[Fill] = []
        self.events: list[MyOrderEvent] = []
        self.cleared: list[tuple[tuple[Order, ...], tuple[Balance, ...]]] = []
        self.errors: list[Exception] = []
        account.order_changed.connect(self._on_order)
        account.balance_changed.connect(self._on_balance)
        account.order_event.connect(self.events.append)
        account.filled.connect(self.fills.append)
        account.cleared.connect(self._on_cleared)
        account.error_occurred.connect(self.errors.append)

    def _on_order(self, order: Order) -> None:
        self.orders[order.uuid] = order

    def _on_balance(self, balance: Balance) -> None:
        self.balances[balance.currency] = balance

    def _on_cleared(self, orders: tuple[Order, ...], balances: tuple[Balance, ...]) -> None:
        assert {order.uuid for order in orders} == set(self.orders)
        assert {balance.currency for balance in balances} == set(self.balances)
        self.cleared.append((orders, balances))
        for order in orders:
            del self.orders[order.uuid]
        for balance in balances:
            del self.balances[balance.currency]
        self.events.clear()
        self.fills.clear()


class Desk:
    """A manager on an exchange of two accounts, and everything that follows the one in use."""

    def __init__(self, server: SimulatedServer, manager: GlobalWebSocketManager, **options: Any) -> None:
        self.server = server
        self.manager = manager
        self.account = Account(manager=manager, **options)
        self.follower = Follower(self.account)
        self.orders = OrderTableModel(account=self.account)
        self.balances = BalanceTableModel(account=self.account)

    def theirs(self, keys: Credentials) -> TheirAccount:
        return self.server.exchange.accounts[keys.access_key.get_secret_value()]

    def place(self, keys: Credentials, price: int = 100_000, volume: str = "0.01") -> TheirOrder:
        account = self.theirs(keys)
        account.balance("KRW").balance = max(account.balance("KRW").balance, Decimal(10**7))
        now_ms = self.server.exchange.market_ms(self.server.now())
        return account.place(
            account.draft(
                "KRW-BTC",
                AskBid.BID,
                OrderType.LIMIT,
                now_ms,
                price=Decimal(price),
                volume=Decimal(volume),
            )
        )

    def fill(self, order: TheirOrder, volume: str) -> str:
        now_ms = self.server.exchange.market_ms(self.server.now())
        assert order.price is not None
        return order.account.fill(order, order.price, Decimal(volume), now_ms, is_maker=True).uuid

    async def change(self, keys: Credentials) -> None:
        before = len(self.follower.cleared)
        self.manager.set_credentials(keys)
        await until(lambda: len(self.follower.cleared) > before)
        await self.account.synchronized_once()

    def differences(self, keys: Credentials) -> list[str]:
        """Where anything that follows the account is not the exchange's own."""
        theirs = self.theirs(keys)
        their_open = {order.uuid for order in theirs.open_orders}
        their_amounts = {name: (held.balance, held.locked) for name, held in theirs.balances.items()}
        shown = [self.orders.value(row, "uuid") for row in range(self.orders.rowCount())]
        open_rows = {uuid for row, uuid in enumerate(shown) if self.orders.value(row, "is_open")}
        rows = {
            self.balances.value(row, "currency"): (
                self.balances.value(row, "balance"),
                self.balances.value(row, "locked"),
            )
            for row in range(self.balances.rowCount())
        }
        amounts = {name: (held.balance, held.locked) for name, held in self.follower.balances.items()}
        return [
            what
            for what, is_same in {
                "open orders": {order.uuid for order in self.account.open_orders} == their_open,
                "open orders followed": {o.uuid for o in self.follower.orders.values() if o.is_open}
                == their_open,
                "open rows": open_rows == their_open,
                "foreign orders": set(self.follower.orders) | set(shown) <= set(theirs.orders),
                "balances followed": amounts == their_amounts,
                "rows of balances": rows == their_amounts,
                "events": {event.uuid for event in self.follower.events} <= set(theirs.orders),
            }.items()
            if not is_same
        ]

    async def same(self, keys: Credentials) -> None:
        await until(
            lambda: not self.differences(keys), what=f"the account of {(keys is KEYS_B and 'B') or 'A'}"
        )

    def close(self) -> None:
        for thing in (self.orders, self.balances, self.account):
            if shiboken6.isValid(thing):
                thing.close()


MakeDesk = Callable[..., Any]


@pytest.fixture
def make_desk(make_server: MakeServer, make_manager: MakeManager) -> Iterator[MakeDesk]:
    made: list[Desk] = []

    async def make(*, server: dict[str, Any] | None = None, **options: Any) -> Desk:
        exchange = await make_server(further_accounts=(B,), **(server or {}))
        made.append(Desk(exchange, make_manager(exchange, keys=True), **options))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


async def test_models_and_followers_show_the_other_account(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    first, over = desk.place(KEYS_A), desk.place(KEYS_A, 90_000)
    desk.theirs(KEYS_A).cancel(over, desk.server.exchange.market_ms(desk.server.now()))
    await desk.account.synchronized_once()
    await desk.same(KEYS_A)
    assert {desk.orders.value(row, "uuid") for row in range(desk.orders.rowCount())} == {
        first.uuid,
        over.uuid,
    }
    theirs = desk.place(KEYS_B, 80_000)
    await desk.change(KEYS_B)
    await desk.same(KEYS_B)
    assert [order.uuid for order in desk.account.orders] == [theirs.uuid]
    (removed,) = desk.follower.cleared
    assert {order.uuid for order in removed[0]} == {first.uuid, over.uuid}
    # It is followed as the first one was, and the first one is not.
    trade = desk.fill(theirs, "0.004")
    desk.fill(first, "0.002")
    desk.place(KEYS_A, 70_000)
    await until(lambda: [fill.uuid for fill in desk.follower.fills] == [trade])
    await desk.same(KEYS_B)
    assert not desk.follower.errors


async def test_to_an_empty_account(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    desk.place(KEYS_A)
    await desk.account.synchronized_once()
    await desk.same(KEYS_A)
    desk.theirs(KEYS_B).balances.clear()
    await desk.change(KEYS_B)
    await until(lambda: desk.account.is_synchronized)
    assert (desk.orders.rowCount(), desk.balances.rowCount()) == (0, 0)
    assert (desk.account.orders, desk.account.balances) == ((), {})
    assert (desk.follower.orders, desk.follower.balances) == ({}, {})


async def test_frames_of_the_account_before_never_reach_the_next(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    await desk.account.synchronized_once()
    desk.place(KEYS_A)
    await until(lambda: desk.follower.orders)
    # Received with the keys of before, and not delivered yet when the others come.
    heard = desk.manager.private_state
    assert heard is ConnectionState.LIVE
    for price in range(50_000, 90_000, 1000):
        desk.place(KEYS_A, price)
    await asyncio.sleep(0)
    await desk.change(KEYS_B)
    await desk.same(KEYS_B)
    assert len(desk.follower.cleared) == 1


async def test_the_limit_of_a_tracker_stays(make_desk: MakeDesk) -> None:
    tracker = OrderTracker(max_finished_orders=5)
    desk = await make_desk(tracker=tracker)
    await desk.account.synchronized_once()
    await desk.change(KEYS_B)
    for price in range(50_000, 58_000, 1000):
        order = desk.place(KEYS_B, price)
        desk.theirs(KEYS_B).cancel(order, desk.server.exchange.market_ms(desk.server.now()))
    await until(lambda: desk.account.order(order.uuid) is not None)
    await until(lambda: len(desk.account.orders) == 5)
    assert tracker.orders == desk.account.orders


async def test_there_and_back_in_any_state(make_desk: MakeDesk) -> None:
    """While it connects, subscribes, has just become live, has lost the keys of before, and is live again."""
    desk = await make_desk()
    desk.place(KEYS_A)
    desk.place(KEYS_B, 80_000)
    plan = [
        (ConnectionState.CONNECTING, KEYS_B),
        (ConnectionState.RESYNCING, KEYS_A),
        (ConnectionState.RECONNECTING, KEYS_B),
        (ConnectionState.LIVE, KEYS_A),
        (ConnectionState.LIVE, KEYS_B),
    ]

    def on_state(scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PRIVATE and plan and state is plan[0][0]:
            desk.manager.set_credentials(plan.pop(0)[1])

    desk.manager.state_changed.connect(on_state)
    await until(lambda: not plan)
    await until(lambda: len(desk.follower.cleared) == 5)
    await desk.account.synchronized_once()
    await desk.same(KEYS_B)
    # No socket of the account before is left.
    await until(
        lambda: (
            {s.account for s in desk.server.exchange.sessions if s.scope is Scope.PRIVATE}
            == {desk.theirs(KEYS_B)}
        )
    )


async def test_while_the_first_handshake_is_under_way(make_desk: MakeDesk) -> None:
    """It was finished with the keys of before: streams of one account, REST of the other."""
    desk = await make_desk()
    desk.server.faults.inject(faults.SlowHandshakes(scope=Scope.PRIVATE, seconds=5.0))
    desk.place(KEYS_A)
    await until(lambda: desk.server.faults.injected[faults.SlowHandshakes.name()])
    assert desk.manager.private_state is ConnectionState.CONNECTING
    desk.manager.set_credentials(KEYS_B)
    await until(lambda: desk.follower.cleared)
    await desk.account.synchronized_once()
    order = desk.place(KEYS_B)
    await until(lambda: desk.account.order(order.uuid) is not None)
    await desk.same(KEYS_B)


async def test_from_keys_that_are_refused(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    await desk.account.synchronized_once()
    desk.place(KEYS_A)
    await desk.same(KEYS_A)
    desk.manager.set_credentials(Credentials(access_key="x" * 40, secret_key="y" * 64))
    await until(lambda: desk.account.state is AccountState.INCOMPLETE)
    assert isinstance(desk.account.error, AuthenticationError)
    # Nothing is known of whose keys these are.
    await until(lambda: desk.orders.rowCount() == 0 and desk.balances.rowCount() == 0)
    with pytest.raises(AuthenticationError):
        await desk.account.synchronized_once()
    await desk.change(KEYS_B)
    assert desk.account.error is None
    await desk.same(KEYS_B)


async def test_a_reading_under_way_is_not_finished_with_other_keys(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    desk.place(KEYS_A)
    desk.place(KEYS_B, 80_000)
    await desk.account.synchronized_once()
    for keys in (KEYS_B, KEYS_A, KEYS_B):
        desk.account.resync()
        await until(lambda: desk.account._reading._task is not None)
        desk.manager.set_credentials(keys)
        await until(lambda: desk.account.is_synchronized)
    await desk.same(KEYS_B)
    assert not desk.follower.errors


async def test_a_model_whose_slot_lets_other_keys_come_shows_the_other_account(make_desk: MakeDesk) -> None:
    """A slot that hears of the first row may run a loop of its own, in which the account changes."""
    desk = await make_desk()
    await desk.account.synchronized_once()
    await desk.same(KEYS_A)
    orders = OrderTableModel(account=desk.account)
    inserted: list[int] = []

    def on_rows(*_: object) -> None:
        inserted.append(1)
        orders._on_cleared()

    orders.rowsInserted.connect(on_rows)
    for price in range(50_000, 55_000, 1000):
        desk.place(KEYS_A, price)
    await until(lambda: inserted)
    # Four more waited for the same frame: they are the other account's no more than the first.
    assert orders.rowCount() == 0
    orders.rowsInserted.disconnect(on_rows)
    await desk.change(KEYS_B)
    order = desk.place(KEYS_B)
    await until(lambda: [orders.value(row, "uuid") for row in range(orders.rowCount())] == [order.uuid])
    orders.close()


async def test_nothing_keeps_the_keys_of_before(make_server: MakeServer, make_manager: MakeManager) -> None:
    secret = "".join(chr(ord("a") + number % 23) for number in range(64))
    access = secret[::-1][:40]
    first = SimulatedAccount(access_key=access, secret_key=secret)
    server = await make_server(further_accounts=(first, B))
    manager = make_manager(server, credentials=Credentials(access_key=access, secret_key=secret))
    account = Account(manager=manager)
    await account.synchronized_once()
    kept = [weakref.ref(thing) for thing in (manager.rest, manager.config, manager.config.credentials)]
    manager.set_credentials(KEYS_B)
    await until(lambda: account.state is AccountState.SYNCHRONIZING)
    await account.synchronized_once()
    assert isinstance(manager.rest, RestClient)

    def left() -> list[object]:
        gc.collect()
        return [thing for reference in kept if (thing := reference()) is not None]

    await until(lambda: not left(), what="the client and the settings of before are let go")
    server.settings.further_accounts  # noqa: B018  # the exchange knows them still, and nothing else does
    holders = [
        type(owner).__name__
        for owner in gc.get_objects()
        if type(owner) is dict and any(type(value) is str and value == secret for value in owner.values())
        for owner in gc.get_referrers(owner)
        if type(owner).__module__.startswith(("qt_upbit", "upbit", "httpx"))
        and not type(owner).__module__.startswith("qt_upbit.simulator")
    ]
    assert holders == []
    account.close()


async def test_an_empty_state_is_reported_only_once(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    desk.manager.set_credentials(KEYS_B)
    await until(lambda: desk.follower.cleared)
    assert desk.follower.cleared == [((), ())]
    await desk.account.synchronized_once()
    await desk.same(KEYS_B)
    reported = [event.state for event in desk.follower.events]
    assert OrderState.CANCEL not in reported
