"""Random orders, fills, cancels, drops, renewals and late frames: the account ends where the exchange is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import settings

from qt_upbit import (
    Account,
    AskBid,
    BaseWebSocketEvent,
    Fill,
    GlobalWebSocketManager,
    MyOrderEvent,
    OrderOutcomeError,
    OrderState,
    OrderType,
    RestError,
    Scope,
    SmpType,
    TimeInForce,
)
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.server.server import RestFault, SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.account import differences
from tests.support.wait import until

CODE = "KRW-BTC"
STEPS = 45
_FAULTY_SEEDS = max(3, settings().max_examples // 40)
"""Each waits for what REST did not say; a long run has more."""
_ENDS = (OrderState.DONE, OrderState.CANCEL)


class Trader:
    """Does this and that on an exchange, and to the lines of its clients.

    Args:
        server: the exchange.
        manager: for REST and renewals.
        seed: everything random follows from it.
    """

    def __init__(self, server: SimulatedServer, manager: GlobalWebSocketManager, seed: int) -> None:
        self.server = server
        self.manager = manager
        self.rng = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.placed: dict[str, str] = {}
        """Uuids of the orders that the client called placed, by identifier."""
        self.refused: set[str] = set()
        self.doubtful: set[str] = set()
        self._numbers = itertools.count()
        self._account = server.exchange.account
        self._account.balance("KRW").balance = Decimal(10**11)
        self._account.balance("BTC").balance = Decimal(10**4)
        self._publish = self._account._publish
        self._account._publish = self._publish_badly
        self._late: list[BaseWebSocketEvent] = []
        self._actions: dict[Callable[[], Awaitable[None]], int] = {
            self._limit: 10,
            self._buy_for_an_amount: 2,
            self._sell_at_market: 2,
            self._trade: 10,
            self._cancel: 5,
            self._cancel_elsewhere: 2,
            self._send_late: 5,
            self._drop: 3,
            self._renew: 2,
            self._wait: 4,
        }

    async def act(self) -> None:
        """Do something."""
        action = self.rng.choices(list(self._actions), list(self._actions.values()))[0]
        self.done[action.__name__.strip("_")] += 1
        # What the exchange refuses, as self-match prevention sees to it, is no matter here.
        with contextlib.suppress(RestError):
            await action()

    def settle(self) -> None:
        """Let every frame come."""
        self._account._publish = self._publish
        for event in self._late:
            self._publish(event)

    def _publish_badly(self, event: BaseWebSocketEvent) -> None:
        fate = self.rng.random()
        if isinstance(event, MyOrderEvent) and fate < 0.15:
            self._late.append(event)
            return
        self._publish(event)
        if fate > 0.9:
            self._publish(event)

    @property
    def _prices(self) -> tuple[Decimal, Decimal]:
        ask, bid = self.server.exchange.market.pairs[CODE].quote
        return from_units(ask).normalize(), from_units(bid).normalize()

    async def _limit(self) -> None:
        side = self.rng.choice(list(AskBid))
        ask, bid = self._prices
        best = bid if side is AskBid.BID else ask
        crossing = self.rng.random() < 0.25
        step = 1000 * self.rng.choice((-5, 5) if crossing else (0, 1, 2))
        price = best + step if (side is AskBid.ASK) else best - step
        condition = self.rng.choice((None, None, TimeInForce.IOC)) if crossing else None
        await self._create(
            side, OrderType.LIMIT,
            price=price, volume=Decimal(self.rng.randrange(10**5, 10**7)) / 10**8, time_in_force=condition,
            smp_type=self.rng.choice((None, SmpType.REDUCE, SmpType.CANCEL_TAKER)),
        )  # fmt: skip

    async def _buy_for_an_amount(self) -> None:
        await self._create(AskBid.BID, OrderType.PRICE, price=self.rng.randrange(6_000, 3_000_000))

    async def _sell_at_market(self) -> None:
        volume = Decimal(self.rng.randrange(10**5, 10**6)) / 10**8
        await self._create(AskBid.ASK, OrderType.MARKET, volume=volume)

    async def _create(self, side: AskBid, order_type: OrderType, **more: Any) -> None:
        identifier = f"mine-{next(self._numbers)}"
        try:
            order = await self.manager.rest.create_order(
                CODE, side, order_type, identifier=identifier, **more
            )
        except OrderOutcomeError:
            self.doubtful.add(identifier)
        except RestError:
            self.refused.add(identifier)
            raise
        else:
            self.placed[identifier] = order.uuid

    async def _trade(self) -> None:
        """Others trade through our orders' prices, of one of them a part or all."""
        waiting = [order for order in self._account.open_orders if order.price is not None]
        if not waiting:
            return
        order = self.rng.choice(waiting)
        taker = AskBid.ASK if order.side is AskBid.BID else AskBid.BID
        volume = (order.remaining_volume or Decimal(1)) * self.rng.choice((1, 1, 3, 5)) / 4
        assert order.price is not None
        rounded = max(volume.quantize(Decimal("1E-8")), Decimal("1E-8"))
        self.server.exchange.trade(CODE, order.price, rounded, taker, self.server.now())

    async def _cancel(self) -> None:
        if waiting := self._account.open_orders:
            with contextlib.suppress(OrderOutcomeError):  # it may be cancelled or not: the account knows
                await self.manager.rest.cancel_order(uuid=self.rng.choice(waiting).uuid)

    async def _cancel_elsewhere(self) -> None:
        if waiting := self._account.open_orders:
            self.server.exchange.engine.cancel(self.rng.choice(waiting))

    async def _send_late(self) -> None:
        self.rng.shuffle(self._late)
        late, self._late = self._late, []
        for event in late:
            self._publish(event)

    async def _drop(self) -> None:
        await self.server.drop(Scope.PRIVATE, self.rng.choice(("close", "reset", "silent")))

    async def _renew(self) -> None:
        self.manager.renew(Scope.PRIVATE)

    async def _wait(self) -> None:
        await asyncio.sleep(self.rng.choice((0, 0.01, 0.1)))


_CALLS = (
    ("POST", "/v1/orders"), ("DELETE", "/v1/order"), ("GET", "/v1/order"), ("GET", "/v1/orders/uuids"),
    ("GET", "/v1/orders/open"), ("GET", "/v1/orders/closed"), ("GET", "/v1/accounts"),
)  # fmt: skip
_ANSWERS: tuple[tuple[Literal["status", "lose_request", "lose_answer"], int], ...] = (
    ("status", 408),
    ("status", 409),
    ("status", 429),
    ("status", 499),
    ("status", 500),
    ("status", 502),
    ("status", 503),
    ("lose_request", 0),
    ("lose_answer", 0),
    ("lose_answer", 0),
)


def answer_wrongly(server: SimulatedServer, rng: random.Random) -> None:
    """Some call, whoever makes it, gets no answer or one that says nothing."""
    (method, path), (how, status) = rng.choice(_CALLS), rng.choice(_ANSWERS)
    server.rest_faults.append(
        RestFault(path=path, method=method, how=how, times=rng.randrange(1, 3), status=status, name="odd")
    )


@pytest.mark.parametrize(
    ("seed", "is_rest_faulty"), [*((n, False) for n in range(5)), *((n, True) for n in range(_FAULTY_SEEDS))]
)
async def test_the_account_ends_where_the_exchange_is(
    make_server: MakeServer, make_manager: MakeManager, seed: int, is_rest_faulty: bool
) -> None:
    server = await make_server(rest_limit=None, connect_excess="count", wait_before_fill=bool(seed % 2))
    manager = make_manager(
        server, keys=True, ping_interval_s=0.15, pong_timeout_s=1.0, order_resolve_timeout_s=3.0
    )
    account = Account.instance(manager)
    fills: list[Fill] = []
    events: list[MyOrderEvent] = []
    gaps: list[object] = []
    account.filled.connect(fills.append)
    account.order_event.connect(events.append)
    account.gap_detected.connect(lambda begin, end, uuids: gaps.append(uuids))
    trader = Trader(server, manager, seed)
    await account.synchronized_once()
    for _ in range(STEPS):
        if is_rest_faulty and trader.rng.random() < 0.3:
            answer_wrongly(server, trader.rng)
        await trader.act()
    trader.settle()
    server.rest_faults.clear()
    theirs = server.exchange.account

    def real() -> Counter[str]:
        return Counter(fill.uuid for order in theirs.orders.values() for fill in order.fills)

    def is_there() -> bool:
        ended = {order.uuid for order in theirs.orders.values() if not order.is_open}
        return (
            not server.exchange.engine._cancelling
            and account.is_synchronized
            and not differences(account, server)
            and {fill.uuid for fill in fills} >= set(real())
            and {event.uuid for event in events if event.state in _ENDS} >= ended
        )

    try:
        await until(is_there)
    except AssertionError:
        missing = set(real()) - {fill.uuid for fill in fills}
        pytest.fail(f"{trader.done}: {account.state}, {differences(account, server)}, missing {missing}")
    assert Counter(fill.uuid for fill in fills) == real()
    for fill in fills:
        exact = next(one for one in theirs.orders[fill.order_uuid].fills if one.uuid == fill.uuid)
        assert (fill.price, fill.volume, fill.trade_timestamp) == (exact.price, exact.volume, exact.time_ms)
        assert fill.fee in (None, exact.fee)
    ends = Counter(event.uuid for event in events if event.state in _ENDS)
    assert ends == Counter(order.uuid for order in theirs.orders.values() if not order.is_open)
    for order in theirs.orders.values():
        ours = account.order(order.uuid)
        assert ours is not None
        assert (ours.executed_volume, ours.executed_funds, ours.paid_fee, ours.trades_count) == (
            order.executed_volume,
            order.executed_funds,
            order.paid_fee,
            len(order.fills),
        )
        assert ours.state is (OrderState.WAIT if order.is_open else order.state)
    # Nothing was bought twice, and no order forgotten or called refused.
    by_identifier = {order.identifier: order.uuid for order in theirs.orders.values() if order.identifier}
    assert trader.placed.items() <= by_identifier.items()
    assert by_identifier.keys() <= trader.placed.keys() | trader.doubtful
    assert not gaps or is_rest_faulty
    assert len(fills) >= (1 if is_rest_faulty else 5)
    assert trader.done["drop"] + trader.done["renew"] >= 1
