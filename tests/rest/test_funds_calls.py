"""Keys, pockets, wallets, deposits and withdrawals: read-only, whole, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import pytest_asyncio

from qt_upbit import (
    AuthenticationError,
    Credentials,
    InvalidRequestError,
    RestClient,
    RestError,
    WebSocketConfig,
)
from qt_upbit.rest.funds_calls import FundsCalls
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from tests.support.http_server import Answer, HttpServer, Request

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)


def client_of(url: str) -> RestClient:
    return RestClient(WebSocketConfig(base_url=url, credentials=KEYS, use_system_proxy=False))


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(markets=40, account_running=False, market_running=False)
    async with SimulatedServer(settings) as running:
        yield running


@pytest_asyncio.fixture
async def rest(server: SimulatedServer) -> AsyncIterator[RestClient]:
    async with client_of(server.url) as client:
        yield client


def test_nothing_moves_money() -> None:
    assert issubclass(RestClient, FundsCalls)
    public = [name for name in dir(RestClient) if not name.startswith("_")]
    assert not [
        name for name in public if name.startswith(("withdraw", "deposit", "transfer", "create_coin"))
    ]


async def test_a_key_says_when_it_expires(rest: RestClient) -> None:
    (key,) = await rest.get_api_keys()
    assert key.access_key == SIMULATED_ACCESS_KEY
    now = datetime.now(UTC)
    assert not key.expires_within(timedelta(days=300), now)
    assert key.expires_within(timedelta(days=366), now)


async def test_every_coin_has_a_wallet(rest: RestClient, server: SimulatedServer) -> None:
    found = await rest.get_wallet_status()
    assert {one.currency for one in found} == {pair.listing.coin.symbol for pair in server.exchange.market}
    assert all(one.block_updated_at and one.block_updated_at.tzinfo for one in found)


async def test_pockets_and_their_balances(rest: RestClient) -> None:
    main, other = await rest.get_pockets()
    assert (main.type, other.type) == ("main", "user_spot_trading")
    assert await rest.get_pocket_assets(main.uuid) == await rest.get_accounts()
    assert await rest.get_pocket_assets(other.uuid) == ()
    with pytest.raises(RestError, match="pocket_not_found"):
        await rest.get_pocket_assets("unknown")


async def test_a_missing_permission_is_an_error_of_the_key() -> None:
    settings = SimulatorSettings(
        markets=2, account_running=False, market_running=False, pockets_allowed=False
    )
    async with SimulatedServer(settings) as server, client_of(server.url) as rest:
        with pytest.raises(AuthenticationError, match="out_of_scope"):
            await rest.get_pockets()


async def test_deposits_and_withdrawals(rest: RestClient) -> None:
    deposits, withdrawals = await rest.get_deposits(), await rest.get_withdrawals()
    assert deposits
    assert withdrawals[0].is_cancelable is False
    assert await rest.get_deposits("KRW", state="ACCEPTED") == [
        one for one in deposits if one.currency == "KRW"
    ]
    assert await rest.get_deposits(count=2) == deposits[:2]
    assert await rest.get_deposits(uuids=[deposits[1].uuid]) == deposits[1:2]
    assert await rest.get_withdrawals(txids=["unknown"]) == []
    assert await rest.get_deposit(uuid=deposits[0].uuid) == deposits[0]
    assert await rest.get_withdrawal(txid=withdrawals[0].txid, currency="KRW") == withdrawals[0]


async def test_pages_that_shift_lose_and_repeat_nothing() -> None:
    """A deposit arrives between two pages: the second begins with what the first ended with."""
    row = {
        "type": "deposit", "currency": "XRP", "state": "ACCEPTED", "created_at": "2026-11-04T10:00:00+09:00",
        "amount": "1", "fee": "0",
    }  # fmt: skip

    def script(request: Request) -> Answer:
        first = 0 if request.fields["page"] == "1" else 99
        return Answer(200, [row | {"uuid": str(number)} for number in range(first, min(first + 100, 150))])

    async with HttpServer(script) as server, client_of(server.url) as rest:
        found = await rest.get_deposits(count=1000)
        assert [one.uuid for one in found] == [str(number) for number in range(150)]
        assert len(await rest.get_deposits(count=120)) == 120


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("get_deposit", {}),
        ("get_withdrawal", {"uuid": "a", "txid": "b"}),
        ("get_deposit", {"uuid": ""}),
        ("get_deposit", {"uuid": "a", "currency": "btc"}),
        ("get_deposits", {"count": 0}),
        ("get_deposits", {"currency": ""}),
        ("get_deposits", {"state": ""}),
        ("get_deposits", {"uuids": []}),
        ("get_withdrawals", {"txids": "abc"}),
        ("get_withdrawals", {"uuids": ["a"], "txids": ["b"]}),
        ("get_pocket_assets", {"uuid": ""}),
    ],
)
async def test_odd_arguments_are_refused_before_anything_is_sent(name: str, given: dict[str, Any]) -> None:
    async with client_of("http://127.0.0.1:9") as rest:
        with pytest.raises(InvalidRequestError):
            await getattr(rest, name)(**given)


# --- more of the other calls -------------------------------------------------------------------------


async def test_trades_before_a_time_of_day(rest: RestClient) -> None:
    found = await rest.get_trades("KRW-BTC", count=20, days_ago=1, to=time(12, 30))
    assert found
    assert all(trade.traded_at.time() < time(12, 30) for trade in found)
    assert found[-1].traded_at.hour == 12


@pytest.mark.parametrize("wrong", ["12:30", time(1, 2, 3, 4), datetime(2026, 1, 1, tzinfo=UTC)])
async def test_a_time_of_day_is_one(rest: RestClient, wrong: Any) -> None:
    with pytest.raises(InvalidRequestError, match="time of day"):
        await rest.get_trades("KRW-BTC", to=wrong)


async def test_days_in_another_currency(rest: RestClient) -> None:
    days = await rest.get_candles("KRW-BTC", "1d", count=3, converting_price_unit="KRW")
    assert [day.converted_trade_price for day in days] == [day.trade_price for day in days]
    assert days[0].change_price is not None
    assert days[0].prev_closing_price == days[0].trade_price - days[0].change_price
    for unit, currency in (("1m", "KRW"), ("1w", "KRW"), ("1d", "krw"), ("1d", "")):
        with pytest.raises(InvalidRequestError):
            await rest.get_candles("KRW-BTC", unit, count=1, converting_price_unit=currency)


async def test_orders_of_one_pair_by_id(rest: RestClient) -> None:
    price = int((await rest.get_tickers(["KRW-BTC"]))["KRW-BTC"].trade_price) - 10_000_000
    placed = await rest.create_order("KRW-BTC", "BID", "limit", price=price, volume="0.001")
    assert [one.uuid for one in await rest.get_orders(uuids=[placed.uuid], code="KRW-BTC")] == [placed.uuid]
    assert await rest.get_orders(uuids=[placed.uuid], code="KRW-ETH") == []
