"""Orders by the exchange's rules, whatever the tables of the library say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D
from typing import Any

import pytest
import pytest_asyncio

from qt_upbit import Credentials, InvalidOrderError, OrderRules, RestClient, RestError, WebSocketConfig
from qt_upbit.simulator.server.server import RestFault, SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
CHANGED = {
    "KRW-BTC": OrderRules(D(500), min_total=D(1000), max_total=D(2_000_000_000)),
    "KRW-SOL": OrderRules(D(500), types=("limit", "limit_ioc", "price", "market")),
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(
        markets=5, account_running=False, market_running=False, market_rules=CHANGED, rest_limit=None
    )
    async with SimulatedServer(settings) as running:
        yield running


@pytest_asyncio.fixture
async def rest(server: SimulatedServer) -> AsyncIterator[RestClient]:
    config = WebSocketConfig(base_url=server.url, credentials=KEYS, use_system_proxy=False)
    async with RestClient(config) as client:
        yield client


def orders_of(server: SimulatedServer) -> int:
    return len(server.exchange.account.orders)


def bid(server: SimulatedServer, code: str = "KRW-BTC") -> D:
    """Half a million below the best bid: it rests."""
    return D(server.exchange.market.pairs[code].quote[1]).scaleb(-8).normalize() - 500_000


async def test_what_only_the_exchange_allows_goes_out(server: SimulatedServer, rest: RestClient) -> None:
    price = bid(server)
    await rest.create_order("KRW-BTC", "BID", "limit", price=price + 500, volume="0.001")
    await rest.create_order("KRW-BTC", "BID", "price", price=2000)
    old = await rest.create_order("KRW-BTC", "BID", "limit", price=price, volume="0.0001")
    await rest.cancel_and_new(
        "KRW-BTC", "BID", "limit", prev_order_uuid=old.uuid, price=price - 500, remain_only=True
    )
    await rest.test_order("KRW-BTC", "ASK", "limit", price=price + 1_000_500, volume="0.0001")


async def test_what_the_exchange_forbids_is_refused_with_its_rule(
    server: SimulatedServer, rest: RestClient
) -> None:
    price = bid(server)
    with pytest.raises(InvalidOrderError, match="valid prices") as wrong_tick:
        await rest.create_order("KRW-BTC", "BID", "limit", price=price + 250, volume="0.001")
    assert f"{price:f} or {price + 500:f}" in wrong_tick.value.reason
    assert not wrong_tick.value.is_documented
    with pytest.raises(InvalidOrderError, match="minimum of 1000 KRW"):
        await rest.create_order("KRW-BTC", "BID", "price", price=999)
    with pytest.raises(InvalidOrderError, match="maximum of 2000000000 KRW"):
        await rest.create_order("KRW-BTC", "BID", "price", price=2_000_000_001)
    await rest.get_market_rules("KRW-SOL")
    solana = (bid(server, "KRW-SOL") + 500_000) // 500 * 500 + 100
    with pytest.raises(InvalidOrderError, match="allows only limit, limit_ioc, market, price"):
        await rest.create_order("KRW-SOL", "BID", "best", price=10_000, time_in_force="fok")
    with pytest.raises(InvalidOrderError, match="valid prices"):
        await rest.create_order("KRW-SOL", "BID", "limit", price=solana, volume="1")
    assert orders_of(server) == 0


async def test_valid_orders_wait_for_no_rules(server: SimulatedServer, rest: RestClient) -> None:
    for path in ("/v1/orders/chance", "/v1/orderbook/instruments"):
        server.rest_faults.append(RestFault("GET", path, "wait"))
    await rest.create_order("KRW-BTC", "BID", "limit", price=bid(server), volume="0.001")
    assert len(server.rest_faults) == 2
    assert all(fault.times == 1 for fault in server.rest_faults), "nothing was asked"


async def test_documented_rules_are_the_fallback_and_say_so(
    server: SimulatedServer, rest: RestClient
) -> None:
    for path in ("/v1/orders/chance", "/v1/orderbook/instruments"):
        server.rest_faults.append(RestFault("GET", path, "status", times=50))
    with pytest.raises(InvalidOrderError, match="own rule is not known yet") as refused:
        await rest.create_order("KRW-BTC", "BID", "price", price=2000)
    assert (refused.value.market_rule, refused.value.is_documented) == ("min_total", True)
    server.rest_faults.clear()
    await rest.create_order("KRW-BTC", "BID", "price", price=2000)


async def test_a_refusal_has_the_rules_read_again(server: SimulatedServer, rest: RestClient) -> None:
    rules = await rest.get_market_rules("KRW-BTC")
    assert (rules.tick_size, rules.min_total_bid, rules.max_total) == (500, 1000, 2_000_000_000)
    assert rules.price is not None
    changed: dict[str, Any] = CHANGED | {"KRW-BTC": OrderRules(D(2000), min_total=D(1000))}
    object.__setattr__(server.settings, "market_rules", changed)
    price = bid(server) // 2000 * 2000
    with pytest.raises(RestError, match="invalid_price_bid"):
        await rest.create_order("KRW-BTC", "BID", "limit", price=price + 500, volume="0.001")
    with pytest.raises(InvalidOrderError, match="valid prices") as refused:
        await rest.create_order("KRW-BTC", "BID", "limit", price=price + 250, volume="0.001")
    assert f"{price + 2000:f}" in refused.value.reason


async def test_given_rules_come_first(server: SimulatedServer, rest: RestClient) -> None:
    rules = OrderRules(min_total=D(3000))
    with pytest.raises(InvalidOrderError, match="minimum of 3000 KRW"):
        await rest.create_order("KRW-BTC", "BID", "price", price=2000, rules=rules)
    with pytest.raises(InvalidOrderError, match="positive"):
        await rest.create_order("KRW-BTC", "BID", "price", price=0, rules=rules)
    with pytest.raises(InvalidOrderError, match="must look like"):
        await rest.create_order("krw-btc", "BID", "price", price=2000, rules=rules)
