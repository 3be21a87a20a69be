"""Placing and cancelling orders: checked, signed, and never sent twice when the answer is lost."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest
import pytest_asyncio

from qt_upbit import (
    AskBid,
    AuthenticationError,
    Credentials,
    InvalidOrderError,
    InvalidRequestError,
    OrderOutcomeError,
    OrderState,
    OrderType,
    RestClient,
    RestError,
    TimeInForce,
    WebSocketConfig,
    round_to_tick,
)
from qt_upbit.simulator.server.server import RestFault, SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from tests.support.wait import HANG_S, until

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
Lost = Literal["lose_request", "lose_answer"]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(markets=5, account_running=False, market_running=False)
    async with SimulatedServer(settings) as running:
        yield running


@pytest_asyncio.fixture
async def rest(server: SimulatedServer) -> AsyncIterator[RestClient]:
    config = WebSocketConfig(
        base_url=server.url, credentials=KEYS, use_system_proxy=False, order_resolve_timeout_s=HANG_S
    )
    async with RestClient(config) as client:
        yield client


@pytest_asyncio.fixture
async def short_timeout(server: SimulatedServer) -> AsyncIterator[RestClient]:
    """A client with a short look-up timeout for orders whose answer was lost."""
    config = WebSocketConfig(
        base_url=server.url, credentials=KEYS, use_system_proxy=False, order_resolve_timeout_s=0.6
    )
    async with RestClient(config) as client:
        yield client


def low_price(server: SimulatedServer) -> Decimal:
    return Decimal(server.exchange.market.pairs["KRW-BTC"].quote[1]).scaleb(-8).normalize() - 5000


def bid(server: SimulatedServer, **fields: Any) -> dict[str, Any]:
    order = {"code": "KRW-BTC", "ask_bid": AskBid.BID, "order_type": OrderType.LIMIT}
    return order | {"price": low_price(server), "volume": "0.001"} | fields


async def test_an_orders_life(rest: RestClient, server: SimulatedServer) -> None:
    order = await rest.create_order(**bid(server))
    assert order.is_open
    assert order.identifier, "always one, so that it can be looked up"
    assert await rest.get_open_orders() == [order]
    assert await rest.get_open_orders("KRW-ETH") == []
    assert await rest.get_order(identifier=order.identifier) == await rest.get_order(uuid=order.uuid)
    server.exchange.trade("KRW-BTC", low_price(server), Decimal("0.0004"), AskBid.ASK, server.now())
    part = await rest.get_order(uuid=order.uuid)
    assert (part.state, part.executed_volume, len(part.fills)) == (OrderState.WAIT, Decimal("0.0004"), 1)
    assert part.avg_price == low_price(server)
    assert (await rest.cancel_order(uuid=order.uuid)).is_open, "accepted, not finished"
    await until(lambda: not server.exchange.account.open_orders)
    (closed,) = await rest.get_closed_orders()
    assert (closed.uuid, closed.state) == (order.uuid, OrderState.CANCEL)
    assert await rest.get_orders(uuids=[order.uuid, "unknown"]) == [closed]


@pytest.mark.parametrize("ahead_s", [30.0, 3600.0])
async def test_an_order_that_just_ended_is_listed_although_the_clock_of_the_exchange_is_ahead(
    server: SimulatedServer, rest: RestClient, ahead_s: float
) -> None:
    """A desktop clock is usually off by seconds; "until now" must mean the exchange's current time."""
    server.exchange.skew_clock(ahead_s)
    order = await rest.create_order("KRW-BTC", "BID", "price", price=10_000)
    await until(lambda: not server.exchange.account.open_orders)
    since = datetime.now(UTC) - timedelta(minutes=10)
    assert [one.uuid for one in await rest.get_closed_orders(start=since)] == [order.uuid]


async def test_other_order_types(rest: RestClient, server: SimulatedServer) -> None:
    bought = await rest.create_order("KRW-BTC", AskBid.BID, OrderType.PRICE, price=100_000)
    sold = await rest.create_order("KRW-BTC", AskBid.ASK, OrderType.MARKET, volume="0.0005")
    best = await rest.create_order(
        "KRW-BTC", AskBid.ASK, OrderType.BEST, volume="0.0005", time_in_force=TimeInForce.IOC
    )
    for order, end in ((bought, OrderState.CANCEL), (sold, OrderState.DONE), (best, OrderState.DONE)):
        assert (order.state, order.executed_volume) == (OrderState.WAIT, 0), "accepted, not yet matched"
        theirs = server.exchange.account.orders[order.uuid]
        await until(lambda theirs=theirs: not theirs.is_open)
        found = await rest.get_order(uuid=order.uuid)
        assert found.state is end
        assert found.executed_volume > 0
    chance = await rest.get_order_chance("KRW-BTC")
    assert chance.bid_fee == Decimal("0.0005")
    tested = await rest.test_order(**bid(server))
    assert tested.uuid not in server.exchange.account.orders


async def test_cancel_and_new_and_many_at_once(rest: RestClient, server: SimulatedServer) -> None:
    old = await rest.create_order(**bid(server))
    reported = await rest.cancel_and_new(
        "KRW-BTC",
        AskBid.BID,
        OrderType.LIMIT,
        prev_order_uuid=old.uuid,
        price=low_price(server) - 1000,
        remain_only=True,
    )
    assert reported.new_order_identifier
    await until(lambda: len(server.exchange.account.orders) == 2)
    new = await rest.get_order(identifier=reported.new_order_identifier)
    assert (new.volume, new.uuid) == (old.volume, reported.new_order_uuid)
    more = [await rest.create_order(**bid(server)) for _ in range(3)]
    result = await rest.cancel_orders(uuids=[more[0].uuid, old.uuid])
    assert [each.uuid for each in result.success] == [more[0].uuid]
    assert [each.uuid for each in result.failed] == [old.uuid]
    await until(lambda: len(server.exchange.account.open_orders) == 3)
    result = await rest.cancel_open_orders(ask_bid=AskBid.BID)
    assert {each.uuid for each in result.success} == {new.uuid, more[1].uuid, more[2].uuid}


async def test_many_are_cancelled_in_one_call_or_not_at_all(rest: RestClient) -> None:
    for ids in ([], [str(n) for n in range(21)]):
        with pytest.raises(ValueError, match="1 to 20"):
            await rest.cancel_orders(uuids=ids)
    with pytest.raises(ValueError, match="1 to 20"):
        await rest.cancel_orders(uuids=["a"], identifiers=["b"])


async def test_open_orders_are_cancelled_as_named(rest: RestClient, server: SimulatedServer) -> None:
    left = {"KRW-BTC", "KRW-ETH", "KRW-XRP"}
    for code in left:
        quote = Decimal(server.exchange.market.pairs[code].quote[1]).scaleb(-8)
        price = round_to_tick(code, quote * Decimal("0.9"))
        await rest.create_order(code, "BID", "limit", price=price, volume=round(10_000 / price, 8))
    mistakes: list[dict[str, Any]] = [
        {"codes": []},
        {"codes": "KRW-BTC"},
        {"codes": ["KRW-BTC"], "count": 0},
        {},
    ]
    for mistake in mistakes:
        with pytest.raises(InvalidRequestError):
            await rest.cancel_open_orders(**mistake)
    steps: list[tuple[dict[str, Any], set[str]]] = [
        ({"codes": iter(["KRW-ETH"])}, {"KRW-ETH"}),
        ({"quote_currencies": {"KRW"}, "excluded_codes": ("KRW-BTC",)}, {"KRW-XRP"}),
        ({"all_markets": True, "ask_bid": "ask"}, set()),
        ({"all_markets": True}, {"KRW-BTC"}),
    ]
    for names, gone in steps:
        assert {order.code for order in server.exchange.account.open_orders} == left
        result = await rest.cancel_open_orders(**names)
        assert {each.code for each in result.success} == gone
        left = left - gone
        await until(functools.partial(_are_open, server, len(left)))


async def test_reserved_orders_are_cancelled_on_demand(rest: RestClient, server: SimulatedServer) -> None:
    price = low_price(server)
    reserved = server.exchange.reserve("KRW-BTC", AskBid.BID, price, Decimal("0.001"))
    waiting = await rest.create_order(**bid(server))
    assert {order.uuid for order in await rest.get_open_orders()} == {reserved.uuid, waiting.uuid}
    result = await rest.cancel_open_orders(all_markets=True)
    assert [each.uuid for each in result.success] == [waiting.uuid]
    await until(functools.partial(_are_open, server, 1))
    assert (await rest.cancel_open_orders(codes=["KRW-ETH"], include_watch=True)).success == ()
    assert reserved.is_open
    more = [await rest.create_order(**bid(server)) for _ in range(24)]
    result = await rest.cancel_open_orders(codes=["KRW-BTC"], include_watch=True)
    assert {each.uuid for each in result.success} == {reserved.uuid, *(order.uuid for order in more)}
    await until(functools.partial(_are_open, server, 0))


async def test_a_selection_that_upbit_refuses_is_not_sent(rest: RestClient, server: SimulatedServer) -> None:
    with pytest.raises(InvalidRequestError, match="only one of codes"):
        await rest.cancel_open_orders(codes=["KRW-BTC"], quote_currencies=["KRW"])


@pytest.mark.parametrize("how", ["lose_request", "lose_answer"])
@pytest.mark.parametrize("call", ["uuids", "open"])
async def test_a_lost_cancellation_of_several(
    rest: RestClient, server: SimulatedServer, how: Lost, call: str
) -> None:
    placed = {(await rest.create_order(**bid(server))).uuid for _ in range(3)}
    server.rest_faults.append(RestFault("DELETE", f"/v1/orders/{call}", how))
    if call == "open":
        result = await rest.cancel_open_orders(codes=["KRW-BTC"])
    else:
        result = await rest.cancel_orders(uuids=placed)
    assert {each.uuid for each in result.success} == placed
    await until(functools.partial(_are_open, server, 0))


def _are_open(server: SimulatedServer, count: int) -> bool:
    return len(server.exchange.account.open_orders) == count


async def test_an_order_that_upbit_would_refuse_is_not_sent(
    rest: RestClient, server: SimulatedServer
) -> None:
    with pytest.raises(InvalidOrderError, match="would do"):
        await rest.create_order(**bid(server, price=low_price(server) + 1))
    with pytest.raises(RestError, match="insufficient_funds_bid") as refused:
        await rest.create_order(**bid(server, volume=6))
    assert refused.value.status == 400
    assert not server.exchange.account.orders


async def test_a_lost_answer_is_looked_up(rest: RestClient, server: SimulatedServer) -> None:
    server.rest_faults.append(RestFault("POST", "/v1/orders", "lose_answer"))
    order = await rest.create_order(**bid(server))
    assert list(server.exchange.account.orders) == [order.uuid], "placed once"
    # The answer to the look-up may be lost as well.
    server.rest_faults.append(RestFault("POST", "/v1/orders", "lose_answer"))
    server.rest_faults.append(RestFault("GET", "/v1/order", "status", status=502))
    again = await rest.create_order(**bid(server))
    assert list(server.exchange.account.orders) == [order.uuid, again.uuid]


@pytest.mark.parametrize("how", ["lose_request", "status"])
async def test_a_lost_order_is_not_sent_again(
    short_timeout: RestClient,
    server: SimulatedServer,
    how: Literal["lose_request", "status"],
) -> None:
    server.rest_faults.append(RestFault("POST", "/v1/orders", how))
    with pytest.raises(OrderOutcomeError) as lost:
        await short_timeout.create_order(**bid(server, identifier="mine-7"))
    assert (lost.value.identifier, lost.value.found_none) == ("mine-7", True)
    assert lost.value.asked_for_s >= 0.6
    assert not server.exchange.account.orders


async def test_an_exchange_that_cannot_be_asked_is_reported(
    short_timeout: RestClient, server: SimulatedServer
) -> None:
    server.rest_faults.append(RestFault("POST", "/v1/orders", "lose_answer"))
    server.rest_faults.append(RestFault("GET", "/v1/order", "lose_request", times=100))
    with pytest.raises(OrderOutcomeError, match="cannot be asked") as lost:
        await short_timeout.create_order(**bid(server))
    assert not lost.value.found_none


async def test_an_exchange_that_hangs_does_not_extend_the_timeout(
    short_timeout: RestClient, server: SimulatedServer
) -> None:
    silent = RestFault("GET", "/v1/order", "wait", times=100)
    server.rest_faults += [RestFault("POST", "/v1/orders", "lose_answer"), silent]
    with pytest.raises(OrderOutcomeError) as lost:
        await short_timeout.create_order(**bid(server))
    silent.release.set()
    assert not lost.value.found_none
    assert lost.value.asked_for_s < WebSocketConfig().rest_timeout_s


async def test_a_key_refused_during_a_look_up_does_not_hide_the_identifier(
    rest: RestClient, server: SimulatedServer
) -> None:
    server.rest_faults += [
        RestFault("POST", "/v1/orders", "lose_answer"),
        RestFault("GET", "/v1/order", "status", status=401, name="no_authorization_ip"),
    ]
    with pytest.raises(OrderOutcomeError, match="mine-8") as lost:
        await rest.create_order(**bid(server, identifier="mine-8"))
    assert isinstance(lost.value.__cause__, AuthenticationError)
    assert (await rest.get_order(identifier="mine-8")).is_open


async def test_closing_while_an_order_is_in_flight_reports_its_identifier(
    rest: RestClient, server: SimulatedServer
) -> None:
    slow = RestFault("POST", "/v1/orders", "wait")
    server.rest_faults.append(slow)
    placing = asyncio.create_task(rest.create_order(**bid(server, identifier="mine-9")))
    await until(lambda: not slow.times)
    await rest.aclose()
    with pytest.raises(OrderOutcomeError, match="mine-9"):
        await placing
    slow.release.set()


@pytest.mark.parametrize("how", ["lose_request", "lose_answer"])
async def test_a_lost_cancel_is_repeated(rest: RestClient, server: SimulatedServer, how: Lost) -> None:
    order = await rest.create_order(**bid(server))
    server.rest_faults.append(RestFault("DELETE", "/v1/order", how))
    await rest.cancel_order(uuid=order.uuid)
    await until(lambda: not server.exchange.account.open_orders)


@pytest.mark.parametrize("how", ["lose_request", "lose_answer"])
async def test_a_lost_replacement(
    rest: RestClient, short_timeout: RestClient, server: SimulatedServer, how: Lost
) -> None:
    old = await rest.create_order(**bid(server))
    server.rest_faults.append(RestFault("POST", "/v1/orders/cancel_and_new", how))
    replace = (rest if how == "lose_answer" else short_timeout).cancel_and_new(
        "KRW-BTC",
        AskBid.BID,
        OrderType.LIMIT,
        prev_order_uuid=old.uuid,
        price=low_price(server),
        volume="0.002",
    )
    if how == "lose_answer":
        reported = await replace
        assert reported.uuid == old.uuid
        assert reported.new_order_uuid in server.exchange.account.orders
        assert reported.new_order_identifier
        assert len(server.exchange.account.orders) == 2
    else:
        with pytest.raises(OrderOutcomeError):
            await replace
        assert server.exchange.account.open_orders[0].uuid == old.uuid


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("no_authorization_ip", "IP address"),
        ("out_of_scope", "주문하기"),
        ("expired_access_key", "expired"),
        ("invalid_access_key", "copy both again"),
    ],
)
async def test_a_refused_key_is_explained(
    rest: RestClient, server: SimulatedServer, name: str, advice: str
) -> None:
    server.exchange.refuse_keys_with = name
    with pytest.raises(AuthenticationError, match=advice):
        await rest.create_order(**bid(server))
