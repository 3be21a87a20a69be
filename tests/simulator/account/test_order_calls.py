"""A tour of the account's REST calls with Upbit's own, unmodified client, and faults on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
import upbit

from qt_upbit import AskBid, round_to_tick
from qt_upbit.simulator.account.account import Order
from qt_upbit.simulator.account.matching_engine import OrderRefused
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from tests.support.wait import until


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(markets=5, account_running=False, market_running=False)
    async with SimulatedServer(settings) as running:
        yield running


@pytest_asyncio.fixture
async def sdk(server: SimulatedServer) -> AsyncIterator[Any]:
    client = upbit.AsyncUpbit(
        access_key=SIMULATED_ACCESS_KEY,
        secret_key=SIMULATED_SECRET_KEY,
        base_url=server.url,
        max_retries=0,
        http_client=upbit.DefaultAsyncHttpxClient(trust_env=False),
        _strict_response_validation=True,
    )
    yield client
    await client.close()


def best_bid(server: SimulatedServer, code: str = "KRW-BTC") -> Decimal:
    return Decimal(server.exchange.market.pairs[code].quote[1]).scaleb(-8)


async def test_a_tour_with_the_official_client(server: SimulatedServer, sdk: Any) -> None:
    pairs = await sdk.trading_pairs.list(is_details=True)
    assert pairs[0].market == "KRW-BTC"
    assert len(await sdk.tickers.list_by_trading_pairs(markets="KRW-BTC,KRW-ETH")) == 2
    # Upbit's own samples have a number where the client's model wants text.
    sdk._strict_response_validation = False
    assert len((await sdk.orderbooks.list(markets="KRW-BTC"))[0].orderbook_units) == 30
    sdk._strict_response_validation = True
    assert (await sdk.orderbooks.list_instruments(markets="KRW-BTC"))[0].tick_size == "1000"
    assert len(await sdk.trades.list(market="KRW-BTC", count=20)) == 20
    for candles in (
        sdk.candles.list_seconds(market="KRW-BTC", count=3),
        sdk.candles.list_minutes(unit=240, market="KRW-BTC", count=3),
        sdk.candles.list_days(market="KRW-BTC", count=3),
        sdk.candles.list_weeks(market="KRW-BTC", count=3),
        sdk.candles.list_months(market="KRW-BTC", count=3),
        sdk.candles.list_years(market="KRW-BTC", count=2),
    ):
        assert len(await candles) in (2, 3)

    accounts = {each.currency: each for each in await sdk.accounts.list()}
    chance = await sdk.orders.retrieve_chance(market="KRW-BTC")
    assert chance.bid_account.balance == accounts["KRW"].balance
    assert (chance.bid_fee, chance.market.bid.min_total) == ("0.0005", "5000")

    price = f"{best_bid(server) - 5000:f}"
    order = await sdk.orders.create(
        market="KRW-BTC", side="bid", ord_type="limit", price=price, volume="0.001", identifier="tour-1"
    )
    assert (order.state, order.remaining_volume, order.identifier) == ("wait", "0.001", "tour-1")
    assert (await sdk.orders.retrieve(uuid=order.uuid)).trades == []
    assert (await sdk.orders.retrieve(identifier="tour-1")).uuid == order.uuid
    assert [one.uuid async for one in sdk.orders.list_open(market="KRW-BTC")] == [order.uuid]
    assert [one.uuid for one in await sdk.orders.list_by_uuids(uuids=[order.uuid, "x"])] == [order.uuid]

    tested = await sdk.orders.test_create(
        market="KRW-BTC", side="bid", ord_type="limit", price=price, volume="0.001", identifier="tour-2"
    )
    with pytest.raises(upbit.NotFoundError):
        await sdk.orders.retrieve(uuid=tested.uuid)

    replaced = await sdk.orders.cancel_and_new(
        prev_order_uuid=order.uuid, new_ord_type="limit", new_price=price, new_volume="0.002"
    )
    assert replaced.uuid == order.uuid
    await until(lambda: len(server.exchange.account.orders) == 2)
    (new,) = [one async for one in sdk.orders.list_open()]
    assert new.uuid == replaced.new_order_uuid
    cancelled = await sdk.orders.cancel(uuid=new.uuid)
    assert cancelled.state == "wait", "accepted, not finished"
    await until(lambda: not server.exchange.account.open_orders)
    closed = await sdk.orders.list_closed(states=["cancel"])
    assert [one.uuid for one in closed] == [new.uuid, order.uuid], "newest first"
    assert await sdk.orders.list_closed(states=["done"]) == []

    # A buy by amount has no volumes, and what is null is left out; the client's model wants them.
    sdk._strict_response_validation = False
    bought = await sdk.orders.create(market="KRW-BTC", side="bid", ord_type="price", price="100000")
    await until(lambda: not server.exchange.account.orders[bought.uuid].is_open)
    trades = (await sdk.orders.retrieve(uuid=bought.uuid)).trades
    assert sum(Decimal(each.funds) for each in trades) <= 100_000
    ids = []
    for n in range(4):
        made = await sdk.orders.create(
            market="KRW-ETH" if n else "KRW-BTC", side="bid", ord_type="limit",
            price="1000000" if n else price, volume="0.01", identifier=f"many-{n}",
        )  # fmt: skip
        ids.append(made.uuid)
    some = await sdk.orders.cancel_by_uuids(uuids=[ids[0], bought.uuid])
    assert (some.success.count, some.failed.count) == (1, 1)
    rest = await sdk.orders.cancel_open(pairs="KRW-ETH", cancel_side="bid", count=2)
    assert [one.uuid for one in rest.success.orders] == [ids[3], ids[2]]
    await until(lambda: len(server.exchange.account.open_orders) == 1)


@pytest.mark.parametrize(
    ("fields", "error", "name"),
    [
        ({"price": "150000500"}, upbit.BadRequestError, "invalid_price_bid"),
        ({"volume": "0.00000001"}, upbit.BadRequestError, "under_min_total_bid"),
        ({"market": "KRW-NOPE"}, upbit.BadRequestError, "notfoundmarket"),
        ({"side": "buy"}, upbit.BadRequestError, "invalid_parameter"),
        ({"price": "many"}, upbit.BadRequestError, "validation_error"),
        ({"volume": "9"}, upbit.BadRequestError, "over_krw_funds_bid"),
        ({"volume": "6"}, upbit.BadRequestError, "insufficient_funds_bid"),
    ],
)
async def test_refusals_of_orders(
    sdk: Any, fields: dict[str, str], error: type[upbit.APIStatusError], name: str
) -> None:
    order: dict[str, Any] = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit"}
    order |= {"price": "150000000", "volume": "0.001"}
    with pytest.raises(error) as refused:
        await sdk.orders.create(**(order | fields))
    assert refused.value.name == name
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["error"]["message"]


async def test_looking_at_a_chance_changes_nothing(server: SimulatedServer, sdk: Any) -> None:
    code = list(server.exchange.market.pairs)[-1]
    del server.exchange.account.balances[code.partition("-")[2]]
    before = await sdk.accounts.list()
    assert (await sdk.orders.retrieve_chance(market=code)).ask_account.balance == "0"
    assert await sdk.accounts.list() == before


async def test_a_checked_order_shows_what_it_would_hold(server: SimulatedServer, sdk: Any) -> None:
    tested = await sdk.orders.test_create(
        market="KRW-BTC", side="bid", ord_type="limit", price="100000000", volume="0.001"
    )
    assert (tested.locked, tested.reserved_fee) == ("100050", "50")


@pytest.mark.parametrize("name", ["no_authorization_ip", "out_of_scope", "expired_access_key"])
async def test_keys_can_be_refused_by_name(server: SimulatedServer, sdk: Any, name: str) -> None:
    server.exchange.refuse_keys_with = name
    with pytest.raises(upbit.AuthenticationError) as refused:
        await sdk.accounts.list()
    assert refused.value.name == name
    server.exchange.refuse_keys_with = None
    await sdk.accounts.list()


async def test_limits_of_the_groups_and_the_penalty(
    server: SimulatedServer, sdk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All in the same moment of the exchange, however long they take here.
    now = server.now()
    monkeypatch.setattr(server, "now", lambda: now)
    raw = await sdk.orders.with_raw_response.list_open(limit=1)
    assert raw.headers["remaining-req"] == "group=default; min=1800; sec=29"
    answers = await asyncio.gather(
        *(sdk.orders.cancel_open(count=1) for _ in range(24)), return_exceptions=True
    )
    kinds = [type(each).__name__ for each in answers]
    assert kinds.count("BatchCancelResult") == 1, "one in two seconds"
    assert kinds.count("RateLimitError") == 20
    assert kinds.count("RateLimitPenaltyError") == 3
    assert server.exchange.violations["rest"] == 23


# --- reserved orders, and what cancels them ---------------------------------------------------------


def reserve(server: SimulatedServer, code: str = "KRW-BTC") -> Order:
    """A reserved bid below the market."""
    price = round_to_tick(code, best_bid(server, code) * Decimal("0.9"))
    return server.exchange.reserve(code, AskBid.BID, price, round(Decimal(20_000) / price, 8))


async def place_bid(server: SimulatedServer, sdk: Any, code: str = "KRW-BTC") -> str:
    price = round_to_tick(code, best_bid(server, code) * Decimal("0.9"))
    order = await sdk.orders.create(
        market=code, side="bid", ord_type="limit", price=f"{price:f}",
        volume=f"{round(Decimal(20_000) / price, 8):f}",
    )  # fmt: skip
    return str(order.uuid)


async def test_a_reserved_order_is_listed_as_watch_and_matches_nothing(
    server: SimulatedServer, sdk: Any
) -> None:
    balance = server.exchange.account.balance("KRW")
    before = balance.balance
    order = reserve(server)
    assert order.locked == before - balance.balance == balance.locked
    assert (await sdk.orders.retrieve(uuid=order.uuid)).state == "watch"
    assert [one.uuid async for one in sdk.orders.list_open()] == [], "wait by default"
    assert [one.uuid async for one in sdk.orders.list_open(states=["watch"])] == [order.uuid]
    assert order.price is not None
    server.exchange.trade("KRW-BTC", order.price - 5000, Decimal(1), AskBid.ASK, server.now())
    assert not order.fills
    server.exchange.trigger(order)
    assert (await sdk.orders.retrieve(uuid=order.uuid)).state == "wait"
    server.exchange.trade("KRW-BTC", order.price - 5000, Decimal(1), AskBid.ASK, server.now())
    assert (await sdk.orders.retrieve(uuid=order.uuid)).state == "done"
    with pytest.raises(ValueError, match="done"):
        server.exchange.trigger(order)


def test_a_pair_holds_twenty_reserved_orders(server: SimulatedServer) -> None:
    held = [reserve(server) for _ in range(20)]
    reserve(server, "KRW-ETH")
    with pytest.raises(OrderRefused, match="too_many_reserved_orders"):
        reserve(server)
    server.exchange.trigger(held[0])
    reserve(server)


@pytest.mark.parametrize(
    "names", [{}, {"pairs": "KRW-BTC"}, {"quote_currencies": "KRW"}, {"cancel_side": "bid"}], ids=str
)
async def test_cancelling_the_open_orders_leaves_reserved_ones(
    server: SimulatedServer, sdk: Any, names: dict[str, Any]
) -> None:
    reserved, waiting = reserve(server), await place_bid(server, sdk)
    result = await sdk.orders.cancel_open(**names)
    assert [each.uuid for each in result.success.orders] == [waiting]
    assert reserved.is_open
    await until(lambda: not server.exchange.account.orders[waiting].is_open)
    result = await sdk.orders.cancel_by_uuids(uuids=[reserved.uuid])
    assert [each.uuid for each in result.success.orders] == [reserved.uuid]
    await until(lambda: not reserved.is_open)
    other = reserve(server)
    assert (await sdk.orders.cancel(uuid=other.uuid)).state == "watch"
    await until(lambda: not other.is_open)


@pytest.mark.parametrize(
    "names",
    [
        {"pairs": "KRW-BTC", "quote_currencies": "KRW"},
        {"pairs": ",".join(f"KRW-A{n}" for n in range(21))},
        {"excluded_pairs": ",".join(f"KRW-A{n}" for n in range(21))},
        {"cancel_side": "both"},
        {"count": 0},
        {"count": -1},
    ],
    ids=str,
)
async def test_a_contradictory_selection_is_refused(
    server: SimulatedServer, sdk: Any, names: dict[str, Any]
) -> None:
    waiting = await place_bid(server, sdk)
    with pytest.raises(upbit.BadRequestError):
        await sdk.orders.cancel_open(**names)
    with pytest.raises(upbit.BadRequestError):
        await sdk.orders.cancel_open(extra_body={"pairs": "KRW-BTC"})
    assert server.exchange.account.orders[waiting].is_open
    await until(lambda: not server.exchange.timers.is_due(server.now()))
    assert server.exchange.account.orders[waiting].is_open


async def test_excluded_pairs_win(server: SimulatedServer, sdk: Any) -> None:
    bitcoin, ether = await place_bid(server, sdk), await place_bid(server, sdk, "KRW-ETH")
    result = await sdk.orders.cancel_open(pairs="KRW-BTC,KRW-ETH", excluded_pairs="KRW-BTC")
    assert [each.uuid for each in result.success.orders] == [ether]
    await until(lambda: not server.exchange.account.orders[ether].is_open)
    assert server.exchange.account.orders[bitcoin].is_open


@pytest.mark.parametrize("fills_first", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {"side": "ask", "ord_type": "market", "volume": "0.001"},
        {"side": "bid", "ord_type": "price", "price": "100000"},
        {"side": "bid", "ord_type": "best", "price": "100000", "time_in_force": "ioc"},
        {"side": "bid", "ord_type": "limit", "price": "999999000", "volume": "0.001"},
    ],
)
async def test_the_answer_shows_the_accepted_order_and_later_calls_its_fills(
    fields: dict[str, str], fills_first: bool
) -> None:
    settings = SimulatorSettings(
        markets=5, account_running=False, market_running=False, fills_before_answer=fills_first
    )
    async with SimulatedServer(settings) as server:
        client = upbit.AsyncUpbit(
            access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY, base_url=server.url,
            max_retries=0, http_client=upbit.DefaultAsyncHttpxClient(trust_env=False),
        )  # fmt: skip
        answer = await client.orders.create(market="KRW-BTC", **fields)  # type: ignore[arg-type]
        shown = answer.model_dump()
        assert (shown["state"], shown["executed_volume"], shown["trades_count"]) == ("wait", "0", 0)
        assert shown["smp_type"] == "cancel_maker"
        assert Decimal(shown["locked"]) > 0
        order = server.exchange.account.orders[answer.uuid]
        await until(lambda: not order.is_open)
        found = (await client.orders.retrieve(uuid=answer.uuid)).model_dump()
        assert found["trades_count"] == len(found["trades"]) > 0
        assert Decimal(found["avg_price"]) > 0
        listed = await client.orders.list_closed(states=["done", "cancel"])
        funds = sum(Decimal(each["funds"]) for each in found["trades"])
        assert Decimal(listed[0].model_dump()["executed_funds"]) == funds
        await client.close()
