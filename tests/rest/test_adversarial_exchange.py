"""Any sequence of wrong answers, before or after the exchange has carried the request out, over real sockets.

In the end the trader's own record equals the exchange's orders: nothing placed twice, nothing forgotten,
nothing called refused that was placed or called cancelled that is open.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit import (
    AskBid,
    AuthenticationError,
    CancelOutcomeError,
    Credentials,
    Order,
    OrderOutcomeError,
    RestClient,
    RestError,
    WebSocketConfig,
    round_to_tick,
)
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.support.adversary import WRONG_ANSWERS, AdversarialExchange, Fault, When
from tests.support.http_server import HttpServer
from tests.support.passing_time import PassingTime
from tests.support.profiles import examples

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
CODE, OTHER_CODE = "KRW-BTC", "KRW-ETH"


def expect(holds: bool) -> None:
    """An assertion about what an error says."""
    assert holds


@dataclass(frozen=True)
class Step:
    """What the trader does.

    Attributes:
        action: name of a method of `Trader`.
        number: chooses an order, or how many.
        faults: of the requests that it takes.
    """

    action: str
    number: int
    faults: Sequence[Fault | None]


@dataclass
class Trader:
    """Trades through the client, and writes down only what the client says.

    Attributes:
        placed: uuid by identifier, of orders that were reported as placed.
        doubtful: identifiers of requests whose outcome was reported as unknown.
        ended: uuids of orders that were reported as no longer open, or as being cancelled.
    """

    rest: RestClient
    world: AdversarialExchange
    placed: dict[str, str] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    names: Iterator[str] = field(default_factory=lambda: (f"mine-{n}" for n in itertools.count(2)))

    # --- what the trader does -----------------------------------------------------------------------

    async def place(self, number: int) -> None:
        code = (CODE, OTHER_CODE)[number % 2]
        price = round_to_tick(code, self.world.bid_price(code) * Decimal("0.9"))
        terms = {"price": price, "volume": round(Decimal(10_000 + number) / price, 8)}
        await self._place("limit", code, **terms)

    async def buy(self, number: int) -> None:
        await self._place("price", CODE, price=10_000 + number)

    async def overspend(self, number: int) -> None:
        """An order that the exchange refuses."""
        price = round_to_tick(CODE, self.world.bid_price(CODE) * Decimal("0.9"))
        await self._place("limit", CODE, price=price, volume=Decimal(900_000_000 + number) / price // 1)

    async def _place(self, kind: str, code: str, **terms: Any) -> None:
        identifier = next(self.names)
        order = await self._tried(
            identifier, self.rest.create_order(code, "BID", kind, identifier=identifier, **terms)
        )
        if order is not None:
            assert order.identifier == identifier
            assert order.uuid in self.world.orders, "reported as placed"
            self.placed[identifier] = order.uuid

    async def replace(self, number: int) -> None:
        old = self._chosen(number)
        if old is None:
            return
        identifier = next(self.names)
        price = round_to_tick(old.code, self.world.bid_price(old.code) * Decimal("0.8"))
        terms: dict[str, Any] = {"remain_only": True} if number % 2 else {"volume": round(20_000 / price, 8)}
        has_own = old.identifier is not None and number % 3 == 0
        key = {"prev_order_identifier": old.identifier} if has_own else {"prev_order_uuid": old.uuid}
        reported = await self._tried(
            identifier,
            self.rest.cancel_and_new(
                old.code, "BID", "limit", price=price, identifier=identifier, **key, **terms
            ),
        )
        if reported is not None:
            assert (reported.uuid, reported.new_order_identifier) == (old.uuid, identifier)
            self.world.settle()
            found = self.world.by_identifier(identifier)
            if found is not None:  # it may be refused once the old one is cancelled
                assert found.uuid == reported.new_order_uuid
                self.placed[identifier] = found.uuid
            assert not self.world.orders[old.uuid].is_open

    async def _tried(self, identifier: str, request: Awaitable[Order]) -> Order | None:
        try:
            return await request
        except OrderOutcomeError as unknown:
            expect(unknown.identifier == identifier)
            self.doubtful.add(identifier)
            expect(not unknown.uuid or unknown.uuid in self.world.orders)
            is_lagging = any(each.when in (When.LATE, When.LAGGING) for each in self.world.used)
            expect(is_lagging or not unknown.found_none or self.world.by_identifier(identifier) is None)
        except (RestError, AuthenticationError):
            self.world.settle()
            assert self.world.by_identifier(identifier) is None, "reported as refused"
        return None

    async def cancel(self, number: int) -> None:
        order = self._chosen(number)
        if order is None:
            return
        name = "uuid" if number % 2 or order.identifier is None else "identifier"
        key = getattr(order, name)
        try:
            reported = await self.rest.cancel_order(**{name: key})
        except CancelOutcomeError as unknown:
            expect((*unknown.still_open, *unknown.unknown) == (key,))
        except (RestError, AuthenticationError):
            self.world.settle()
            assert not self.world.orders[order.uuid].is_open, "only what is not open cannot be cancelled"
        else:
            assert reported.uuid == order.uuid
            self.ended.add(order.uuid)

    async def cancel_several(self, number: int) -> None:
        chosen = list(self.world.orders.values())[-1 - number % 5 :]
        if not chosen:
            return
        name = "uuid" if number % 2 or not all(each.identifier for each in chosen) else "identifier"
        keys = {getattr(each, name): each.uuid for each in chosen}
        try:
            result = await self.rest.cancel_orders(**{f"{name}s": list(keys)})
        except CancelOutcomeError as unknown:
            named = (*unknown.cancelled, *unknown.ended, *unknown.still_open, *unknown.unknown)
            assert sorted(named) == sorted(keys), "each is accounted for, once"
            self.ended |= {keys[key] for key in (*unknown.cancelled, *unknown.ended)}
        else:
            named = tuple(each.uuid for each in (*result.success, *result.failed))
            assert sorted(named) == sorted(keys.values())
            self.ended |= set(named)

    async def cancel_newest(self, number: int) -> None:
        await self._cancel_open(1 + number % 4, include_watch=False)

    async def cancel_everything(self, number: int) -> None:
        await self._cancel_open(300, include_watch=bool(number % 2))

    async def _cancel_open(self, count: int, *, include_watch: bool) -> None:
        before = {uuid: each.state for uuid, each in self.world.orders.items() if each.is_open}
        try:
            result = await self.rest.cancel_open_orders(
                all_markets=True, count=count, include_watch=include_watch
            )
        except CancelOutcomeError as unknown:
            self.ended |= {*unknown.cancelled, *unknown.ended} & self.world.orders.keys()
        except (RestError, AuthenticationError):
            assert include_watch, "the orders could not be listed"
        else:
            named = {each.uuid for each in (*result.success, *result.failed)}
            # Another's answer can be told only where orders can be looked up.
            assert named <= self.world.orders.keys() or len(self.world.used) > 1
            self.ended |= named & self.world.orders.keys()
            if count == 300:
                assert {each.uuid for each in result.success} >= self._gone(before)
        gone = self._gone(before)
        assert len(gone) <= count, "never more than was asked for"
        if not include_watch:
            assert all(before[uuid].value != "watch" for uuid in gone)

    def _gone(self, before: dict[str, Any]) -> set[str]:
        self.world.settle()
        return {uuid for uuid in before if not self.world.orders[uuid].is_open}

    async def reserve(self, number: int) -> None:
        """On another device: an order that waits for its trigger."""
        price = round_to_tick(CODE, self.world.bid_price(CODE) * Decimal("0.7"))
        order = self.world.exchange.reserve(
            CODE, AskBid.BID, price, round(Decimal(10_000 + number) / price, 8)
        )
        self.placed[f"reserved {order.uuid}"] = order.uuid

    def _chosen(self, number: int) -> Any:
        orders = [order for order in self.world.orders.values() if order.code in (CODE, OTHER_CODE)]
        return orders[number % len(orders)] if orders else None

    # --- the end ------------------------------------------------------------------------------------

    async def compare(self) -> None:
        """Resolve what is in doubt, as the errors say, and compare with the exchange."""
        self.world.settle()
        for identifier in self.doubtful:
            try:
                self.placed[identifier] = (await self.rest.get_order(identifier=identifier)).uuid
            except RestError as denied:
                expect(denied.name == "order_not_found")
        assert sorted(self.placed.values()) == sorted(self.world.orders), "nothing twice, nothing forgotten"
        for uuid in self.ended:
            assert not self.world.orders[uuid].is_open, "reported as cancelled or ended"
        open_orders = {order.uuid for order in await self.rest.get_open_orders()}
        assert open_orders == {uuid for uuid, order in self.world.orders.items() if order.is_open}
        for balance in await self.rest.get_accounts():
            true = self.world.exchange.account.balances[balance.currency]
            assert (balance.balance, balance.locked) == (true.balance, true.locked)
        self._never_sent_blindly()

    def _never_sent_blindly(self) -> None:
        """Between two copies of an order request, Upbit has denied the order."""
        last: dict[str, str] = {}
        for what, identifier in self.world.sent:
            if what == "POST":
                assert last.get(identifier) in (None, "DENIED")
            last[identifier] = what


FAULTS = st.builds(Fault, st.sampled_from(sorted(WRONG_ANSWERS)), st.sampled_from(When))
ACTIONS = (
    "place", "buy", "overspend", "replace", "cancel", "cancel_several", "cancel_newest", "cancel_everything",
    "reserve",
)  # fmt: skip
STEPS = st.builds(
    Step,
    st.sampled_from(ACTIONS),
    st.integers(0, 11),
    st.lists(st.none() | FAULTS | FAULTS, max_size=8),
)


async def trade(steps: Sequence[Step]) -> AdversarialExchange:
    time = PassingTime()
    world = AdversarialExchange(time)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(HttpServer(world))
        config = WebSocketConfig(base_url=server.url, credentials=KEYS, use_system_proxy=False)
        rest = await stack.enter_async_context(RestClient(config, clock=time, sleep=time.sleep))
        trader = Trader(rest, world)
        for step in steps:
            world.faults, world.used = list(step.faults), []
            await getattr(trader, step.action)(step.number)
            world.faults = []
            await time.sleep(61.0)  # no block outlives its step
            world.settle()
        await trader.compare()
    return world


MANY_STEPS = st.lists(STEPS, min_size=1, max_size=8)


@settings(max_examples=examples(400))
@given(MANY_STEPS)
def test_whatever_is_answered_nothing_is_placed_twice_or_forgotten(steps: list[Step]) -> None:
    asyncio.run(trade(steps))


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=examples(4000))
@given(MANY_STEPS)
def test_whatever_is_answered_at_length(steps: list[Step]) -> None:
    asyncio.run(trade(steps))


@pytest.mark.long
@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("answer", sorted(WRONG_ANSWERS))
async def test_each_answer_to_each_action(answer: str, when: When) -> None:
    fault = Fault(answer, when)
    first = [Step("place", 0, ()), Step("place", 1, ()), Step("reserve", 0, ()), Step("place", 2, ())]
    steps = [Step(action, number, [fault]) for action in ACTIONS for number in (0, 1)]
    await trade(first + steps)
