"""`Account` on real sockets: first state, gaps, failures of REST, and its end."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject

from qt_upbit import (
    Account,
    AccountState,
    AskBid,
    AuthenticationError,
    Balance,
    ConnectionState,
    CredentialsRequiredError,
    Fill,
    MyOrderEvent,
    Order,
    OrderState,
    OrderType,
    ProxyClosedError,
    RestError,
    Scope,
)
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.account import differences
from tests.support.wait import turns, until

MakeAccount = Callable[..., Account]


class Log:
    """What an account reported, in order."""

    def __init__(self, account: Account) -> None:
        self.orders: list[Order] = []
        self.events: list[MyOrderEvent] = []
        self.fills: list[Fill] = []
        self.balances: list[Balance] = []
        self.states: list[AccountState] = []
        self.gaps: list[tuple[Any, ...]] = []
        self.errors: list[Exception] = []
        account.order_changed.connect(self.orders.append)
        account.order_event.connect(self.events.append)
        account.filled.connect(self.fills.append)
        account.balance_changed.connect(self.balances.append)
        account.state_changed.connect(self.states.append)
        account.gap_detected.connect(lambda *gap: self.gaps.append(gap))
        account.error_occurred.connect(self.errors.append)

    def reported(self) -> list[tuple[OrderState, bool]]:
        """State of each event, and whether it was recovered."""
        return [(event.state, event.is_recovered) for event in self.events]


@pytest.fixture
def make_account() -> Iterator[MakeAccount]:
    made: list[Account] = []

    def make(*args: Any, **options: Any) -> Account:
        made.append(Account(*args, **options))
        return made[-1]

    yield make
    for account in made:
        if shiboken6.isValid(account):
            account.close()


def now_ms(server: SimulatedServer) -> int:
    return server.exchange.market_ms(server.now())


def place(
    server: SimulatedServer, price: int = 100_000, volume: str = "0.5", side: AskBid = AskBid.BID
) -> TheirOrder:
    account = server.exchange.account
    account.balance("KRW").balance = max(account.balance("KRW").balance, Decimal(10**9))
    account.balance("BTC").balance = max(account.balance("BTC").balance, Decimal(100))
    return account.place(
        account.draft(
            "KRW-BTC",
            side,
            OrderType.LIMIT,
            now_ms(server),
            price=Decimal(price),
            volume=Decimal(volume),
        )
    )


def fill(server: SimulatedServer, order: TheirOrder, volume: str) -> str:
    assert order.price is not None
    done = server.exchange.account.fill(order, order.price, Decimal(volume), now_ms(server), is_maker=True)
    return done.uuid


def cancel(server: SimulatedServer, order: TheirOrder) -> None:
    server.exchange.account.cancel(order, now_ms(server))


async def same(account: Account, server: SimulatedServer) -> None:
    """Wait until what was sent has arrived, and the account is the exchange's own."""
    await until(lambda: not differences(account, server), what="the account of the exchange")


async def test_first_state_then_the_stream(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server()
    waiting = place(server)
    over = place(server)
    cancel(server, over)
    account = Account.instance(make_manager(server, keys=True))
    log = Log(account)
    await account.synchronized_once()
    assert account.is_synchronized
    assert [order.uuid for order in account.open_orders] == [waiting.uuid]
    await same(account, server)
    await until(lambda: log.states == [AccountState.SYNCHRONIZED])
    assert [(event.uuid, event.is_snapshot) for event in log.events] == [(waiting.uuid, True)]
    ended = account.order(over.uuid)
    assert ended is not None
    assert ended.state is OrderState.CANCEL

    trade = fill(server, waiting, "0.2")
    elsewhere = place(server)
    await until(lambda: len(log.events) == 3)
    assert account.order(elsewhere.uuid) is not None
    await same(account, server)
    assert [each.uuid for each in log.fills] == [trade]
    assert log.reported()[1:] == [(OrderState.TRADE, False), (OrderState.WAIT, False)]
    assert not log.gaps
    assert not log.errors


async def test_one_account_is_shared_and_ends_with_its_manager(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    manager = make_manager(await make_server(), keys=True)
    account = Account.instance(manager)
    log = Log(account)
    assert Account.instance(manager) is account
    await account.synchronized_once()
    await manager.aclose()
    assert account.is_closed
    with pytest.raises(ProxyClosedError):
        await account.synchronized_once()
    with pytest.raises(ProxyClosedError):
        account.resync()
    assert log.states[-1:] in ([AccountState.SYNCHRONIZED], [AccountState.CLOSED], [])


async def test_without_keys(make_server: MakeServer, make_manager: MakeManager) -> None:
    manager = make_manager(await make_server())
    with pytest.raises(CredentialsRequiredError):
        Account.instance(manager)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_what_happens_while_the_connection_is_down_is_reported_first(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount, how: Any
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    account = make_account(manager=manager)
    log = Log(account)
    await account.synchronized_once()
    first = place(server)
    await until(lambda: len(log.events) == 1)
    await server.stop_listening()
    await server.drop(Scope.PRIVATE, how)
    await until(lambda: account.state is AccountState.SYNCHRONIZING)
    trades = [fill(server, first, "0.2"), fill(server, first, "0.3")]
    second = place(server)
    trades.append(fill(server, second, "0.1"))
    cancel(server, second)
    third = place(server)
    await server.start_listening()
    await until(lambda: account.is_synchronized)
    live = fill(server, third, "0.5")
    await until(lambda: len(log.fills) == 4)
    await until(lambda: log.events[-1].state is OrderState.DONE)
    await same(account, server)
    assert [each.uuid for each in log.fills] == [*trades, live]
    by_order: dict[str, list[tuple[str, bool]]] = {order.uuid: [] for order in (first, second, third)}
    for event in log.events:
        by_order[event.uuid].append((event.state.value, event.is_recovered))
    assert by_order[first.uuid] == [("wait", False), ("trade", True), ("trade", True), ("done", True)]
    assert by_order[second.uuid] == [("wait", True), ("trade", True), ("cancel", True)]
    assert by_order[third.uuid] == [("wait", True), ("trade", False), ("done", False)]
    assert not log.gaps


async def test_a_silent_line(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    account = make_account(manager=make_manager(server, keys=True, ping_interval_s=0.1, pong_timeout_s=1.0))
    log = Log(account)
    await account.synchronized_once()
    order = place(server)
    await until(lambda: log.events)
    await server.drop(Scope.PRIVATE, "silent")
    trade = fill(server, order, "0.5")
    await until(lambda: log.fills)
    assert [each.uuid for each in log.fills] == [trade]
    await until(lambda: account.is_synchronized)
    await same(account, server)


async def test_a_renewed_connection_is_looked_after(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    account = make_account(manager=manager)
    log = Log(account)
    await account.synchronized_once()
    order = place(server)
    await until(lambda: log.events)
    synchronized: list[None] = []
    account.synchronized.connect(lambda: synchronized.append(None))
    assert manager.renew(Scope.PRIVATE)
    trade = fill(server, order, "0.5")
    await until(lambda: synchronized)
    await until(lambda: len(log.fills) == 1)
    assert [each.uuid for each in log.fills] == [trade]
    assert [state for state, _ in log.reported()] == [OrderState.WAIT, OrderState.TRADE, OrderState.DONE]
    await same(account, server)
    assert account.state is AccountState.SYNCHRONIZED


class FailingRest:
    """REST of an account, failing as reported."""

    def __init__(self, rest: Any) -> None:
        self.rest = rest
        self.error: Exception | None = None
        self.calls: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            return await getattr(self.rest, name)(*args, **kwargs)

        return call


async def test_rest_out_of_order_is_reported_once_and_asked_again(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True, recovery_timeout_s=0.2)
    rest = FailingRest(manager.rest)
    rest.error = RestError("GET /v1/orders/open", 503)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    await until(lambda: account.state is AccountState.INCOMPLETE)
    assert account.error is rest.error
    order = place(server)
    # What the stream says is shown all the same.
    await until(lambda: account.order(order.uuid))
    await until(lambda: len(rest.calls) > 3)
    assert len(log.errors) == 1
    assert len(log.gaps) == 1
    rest.error = None
    await account.synchronized_once()
    assert account.error is None
    await same(account, server)
    assert [state for state, _ in log.reported()] == [OrderState.WAIT]


async def test_a_key_that_rest_refuses_is_explained_once(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    rest = FailingRest(manager.rest)
    rest.error = AuthenticationError("out_of_scope", 403)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    with pytest.raises(AuthenticationError):
        await account.synchronized_once()
    assert account.state is AccountState.INCOMPLETE
    with pytest.raises(AuthenticationError):
        await account.synchronized_once()
    await until(lambda: log.errors)
    calls = len(rest.calls)
    manager.reconnect(Scope.PRIVATE)
    await until(lambda: log.gaps)
    await turns()
    assert len(rest.calls) == calls
    assert len(log.errors) == 1
    rest.error = None
    account.resync()
    await account.synchronized_once()
    await same(account, server)


async def test_without_the_sdk_it_follows_the_stream_and_says_so(
    make_server: MakeServer,
    make_manager: MakeManager,
    make_account: MakeAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await make_server()
    monkeypatch.setattr("qt_upbit.rest.session.importlib.util.find_spec", lambda name: None)
    account = make_account(manager=make_manager(server, keys=True))
    log = Log(account)
    await until(lambda: log.errors)
    assert "pip install" in str(log.errors[0])
    assert account.state is AccountState.INCOMPLETE
    await until(lambda: all(each.is_live for each in account._subscriptions))
    order = place(server)
    await until(lambda: account.order(order.uuid))
    assert len(log.errors) == 1


async def test_while_rest_is_silent_the_stream_is_shown_after_a_time(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True, recovery_timeout_s=0.3)
    rest = FailingRest(manager.rest)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    await account.synchronized_once()
    # On a busy machine the first reading may have taken too long already, and been reported as this one will
    # be.
    for what in (log.gaps, log.errors, log.states):
        what.clear()
    rest.gate.clear()
    await server.drop(Scope.PRIVATE, "reset")
    await until(lambda: log.states[-2:] == [AccountState.SYNCHRONIZING, AccountState.INCOMPLETE])
    order = place(server)
    await until(lambda: account.order(order.uuid))
    assert len(log.gaps) == 1
    begin, end, uuids = log.gaps[0]
    assert begin < end
    assert uuids == ()
    rest.gate.set()
    await until(lambda: account.is_synchronized)
    await same(account, server)
    assert len(log.errors) <= 2  # the broken connection, and REST
    assert [state for state, _ in log.reported()] == [OrderState.WAIT]


async def test_looking_after_a_renewal_holds_no_order_up(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    rest = FailingRest(manager.rest)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    await account.synchronized_once()
    rest.gate.clear()
    calls = len(rest.calls)
    assert manager.renew(Scope.PRIVATE)
    await until(lambda: len(rest.calls) > calls)
    order = place(server)
    trade = fill(server, order, "0.5")
    await until(lambda: [each.uuid for each in log.fills] == [trade])
    rest.error = RestError("GET /v1/orders/open", 503)
    rest.gate.set()
    await until(lambda: account.state is AccountState.INCOMPLETE)
    assert not log.gaps
    rest.error = None
    await account.synchronized_once()
    await same(account, server)
    assert [state for state, _ in log.reported()] == [OrderState.WAIT, OrderState.TRADE, OrderState.DONE]


async def test_other_keys_are_another_account(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    account = make_account(manager=manager)
    await account.synchronized_once()
    order = place(server)
    await until(lambda: account.order(order.uuid))
    assert manager.config.credentials is not None
    log = Log(account)
    orders: list[int] = []
    account.state_changed.connect(lambda state: orders.append(len(account.orders)))
    manager.set_credentials(manager.config.credentials)
    await until(lambda: log.states[:1] == [AccountState.SYNCHRONIZING])
    assert orders[0] == 0
    await account.synchronized_once()
    await same(account, server)
    assert account.order(order.uuid) is not None


async def test_without_recovery_a_gap_is_reported_and_nothing_asked(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True, recover_gaps=False)
    rest = FailingRest(manager.rest)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    await account.synchronized_once()
    calls = len(rest.calls)
    await server.drop(Scope.PRIVATE, "reset")
    await until(lambda: log.gaps)
    assert account.state is AccountState.INCOMPLETE
    assert len(rest.calls) == calls
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    order = place(server)
    await until(lambda: account.order(order.uuid))
    account.resync()
    await account.synchronized_once()
    await same(account, server)


async def test_live_events_wait_for_those_that_were_missed(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    rest = FailingRest(manager.rest)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    await account.synchronized_once()
    order = place(server)
    await until(lambda: log.events)
    rest.gate.clear()
    await server.stop_listening()
    await server.drop(Scope.PRIVATE, "reset")
    await until(lambda: account.state is AccountState.SYNCHRONIZING)
    missed = fill(server, order, "0.2")
    await server.start_listening()
    calls = len(rest.calls)
    await until(lambda: len(rest.calls) > calls)
    heard = manager.metrics().scopes[Scope.PRIVATE].messages
    live = fill(server, order, "0.3")
    await until(lambda: manager.metrics().scopes[Scope.PRIVATE].messages > heard)
    await turns()
    assert not log.fills
    rest.gate.set()
    await until(lambda: len(log.fills) == 2)
    assert [each.uuid for each in log.fills] == [missed, live]
    await until(lambda: account.is_synchronized)
    await same(account, server)


async def test_a_gap_while_the_state_is_read_leads_to_another_reading(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    rest = FailingRest(manager.rest)
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    rest.gate.clear()
    await until(lambda: rest.calls)
    manager.reconnect(Scope.PRIVATE)
    order = place(server)
    rest.gate.set()
    await account.synchronized_once()
    assert rest.calls.count("get_accounts") == 2
    await same(account, server)
    assert account.order(order.uuid) is not None
    assert not log.errors


@pytest.mark.parametrize("when", ["reading", "synchronized"])
@pytest.mark.parametrize("how", ["parent", "deleteLater", "collector"])
async def test_it_dies_with_its_parent_and_leaves_nothing(
    make_server: MakeServer, make_manager: MakeManager, how: str, when: str
) -> None:
    manager = make_manager(await make_server(), keys=True)
    rest = FailingRest(manager.rest)
    parent = QObject() if how == "parent" else None
    account = Account(parent, manager=manager, rest=rest)
    if when == "synchronized":
        await account.synchronized_once()
    else:
        rest.gate.clear()
        await until(lambda: rest.calls)
    reference = weakref.ref(account)
    if how == "deleteLater":
        account.deleteLater()
    elif parent is not None:
        parent.deleteLater()
    del account, parent
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    await turns()
    gc.collect()
    await until(lambda: reference() is None)
    await until(lambda: manager.metrics().subscriptions == 0)
    await until(lambda: not any("account" in task.get_name() for task in asyncio.all_tasks()))


async def test_who_asks_for_everything_as_soon_as_the_connection_is_back_gets_it(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    """Without gap recovery the account does not ask by itself, and must not forget that it was asked."""
    server = await make_server()
    manager = make_manager(server, keys=True, recover_gaps=False)
    asked: list[ConnectionState] = []

    def ask(scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PRIVATE and state is ConnectionState.LIVE:
            asked.append(state)
            account.resync()

    manager.state_changed.connect(ask)
    account = Account.instance(manager)
    await account.synchronized_once()
    order = place(server)
    await server.drop(Scope.PRIVATE, "reset")
    await until(lambda: len(asked) == 2)
    await until(lambda: account.is_synchronized)
    assert account.order(order.uuid) is not None


async def test_rest_that_raises_what_it_likes_is_a_failure_like_others(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    """The account waited for its answer forever."""
    server = await make_server()
    manager = make_manager(server, keys=True)
    rest = FailingRest(manager.rest)
    rest.error = ZeroDivisionError("in the application")
    account = make_account(manager=manager, rest=rest)
    log = Log(account)
    await until(lambda: log.errors)
    assert isinstance(log.errors[0], RestError)
    assert log.errors[0].__cause__ is rest.error
    rest.error = None
    await account.synchronized_once()
    await same(account, server)


async def test_a_reading_that_is_cancelled_from_outside_is_made_up_for(
    make_server: MakeServer, make_manager: MakeManager, make_account: MakeAccount
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True, recovery_timeout_s=0.2)
    rest = FailingRest(manager.rest)
    rest.gate.clear()
    account = make_account(manager=manager, rest=rest)
    await until(lambda: rest.calls)
    for task in asyncio.all_tasks():
        if task.get_name() == "qt_upbit account synchronization":
            task.cancel()
    rest.gate.set()
    await account.synchronized_once()
    await same(account, server)
