"""Streams on plain asyncio: merged, recovering, with gaps, without Qt."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import qt_upbit
from qt_upbit import (
    ConnectionState,
    Credentials,
    CredentialsRequiredError,
    Delivery,
    HeadlessClient,
    InvalidSubscriptionError,
    ProxyClosedError,
    ServerError,
    StreamGap,
    WebSocketConfig,
)
from qt_upbit.core import ALL_CODES
from qt_upbit.simulator.faults.faults import ErrorFrame
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from qt_upbit.types import Scope
from tests.support import events
from tests.support.programs import run_program
from tests.support.wait import HANG_S, until

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
QUIET: dict[str, Any] = {
    "market_running": False,
    "account_running": False,
    "announcement_interval_s": None,
    "markets": 40,
    "snapshot_delays_s": (0.01, 0.02),
    "tick_interval_s": 0.003,
    "max_late_frames": 0,
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    async with SimulatedServer(SimulatorSettings(**QUIET)) as server:
        yield server


def config_of(server: SimulatedServer, **fields: Any) -> WebSocketConfig:
    values = {"coalesce_s": 0.01, "silent_code_timeout_s": HANG_S, "close_timeout_s": 0.3} | fields
    return WebSocketConfig.preset("testing", base_url=server.url, **values)


@pytest_asyncio.fixture
async def client(server: SimulatedServer) -> AsyncIterator[HeadlessClient]:
    async with qt_upbit.headless(config_of(server)) as client:
        yield client


async def taken(stream: Any, count: int) -> list[Any]:
    async with asyncio.timeout(HANG_S):
        return [await anext(stream) for _ in range(count)]


async def test_trades_in_order_from_the_last_one_on(server: SimulatedServer, client: HeadlessClient) -> None:
    stream = client.trades("KRW-BTC")
    (first,) = await taken(stream, 1)
    assert first.is_snapshot
    for number in range(1, 51):
        server.exchange.publish(events.trade("KRW-BTC", number))
    numbers = [trade.sequential_id for trade in await taken(stream, 50)]
    assert numbers == [events.trade("KRW-BTC", number).sequential_id for number in range(1, 51)]
    assert stream.lost == 0


async def test_all_streams_share_one_connection(server: SimulatedServer, client: HeadlessClient) -> None:
    streams: list[Any] = [
        client.tickers("KRW-BTC", "KRW-ETH"),
        client.tickers("KRW-XRP"),
        client.trades("KRW-BTC"),
        client.orderbooks("KRW-BTC", depth=5),
        client.candles("KRW-BTC", unit="1m"),
    ]
    for stream in streams:
        await taken(stream, 1)
    assert server.exchange.total_connections(Scope.PUBLIC) == 1
    (book,) = [stream for stream in streams if stream.keys[0].type == "orderbook"]
    server.exchange.publish(events.ticker("KRW-XRP", 7))
    assert (await taken(streams[1], 1))[0].trade_price == 7
    book.close()
    await until(lambda: not server.exchange.wants("orderbook", "KRW-BTC"))
    with pytest.raises(StopAsyncIteration):
        await anext(book)


async def test_a_slow_loop_gets_the_newest(server: SimulatedServer, client: HeadlessClient) -> None:
    slow, fast = client.tickers("KRW-BTC"), client.events("ticker", ["KRW-BTC"], delivery=Delivery.EVERY)
    await taken(slow, 1)
    await taken(fast, 1)
    for price in (1, 2, 3):
        server.exchange.publish(events.ticker("KRW-BTC", price))
    assert [event.trade_price for event in await taken(fast, 3)] == [1, 2, 3]
    assert (await taken(slow, 1))[0].trade_price == 3


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_after_a_lost_connection_it_goes_on_and_the_gap_is_told_in_order(
    server: SimulatedServer, client: HeadlessClient, how: Any
) -> None:
    stream = client.events("trade", ["KRW-BTC"], gaps=True)
    await taken(stream, 1)
    server.exchange.publish(events.trade("KRW-BTC", 1))
    await taken(stream, 1)
    await server.drop(Scope.PUBLIC, how)
    (gap,) = await taken(stream, 1)
    assert isinstance(gap, StreamGap)
    assert gap.codes == ("KRW-BTC",)
    assert gap.begin < gap.end
    await until(lambda: client.state() is ConnectionState.LIVE)
    server.exchange.publish(events.trade("KRW-BTC", 2))
    (after,) = await taken(stream, 1)
    assert after.sequential_id == events.trade("KRW-BTC", 2).sequential_id


async def test_who_stops_iterating_ends_the_request(server: SimulatedServer, client: HeadlessClient) -> None:
    async with asyncio.timeout(HANG_S):
        async for _ in client.trades("KRW-ETH"):
            break
    gc.collect()
    await until(lambda: not server.exchange.wants("trade", "KRW-ETH"))


async def test_a_refusal_ends_the_loop_with_its_reason(
    server: SimulatedServer, client: HeadlessClient
) -> None:
    await taken(client.tickers("KRW-BTC"), 1)
    kept = client.tickers("KRW-BTC")
    await taken(kept, 1)
    refused = client.tickers("KRW-ETH")
    await until(lambda: server.exchange.wants("ticker", "KRW-ETH"))
    server.faults.inject(ErrorFrame(scope=Scope.PUBLIC, error="INVALID_PARAM"))

    async def read() -> None:
        async with asyncio.timeout(HANG_S):
            async for event in refused:
                assert event.code == "KRW-ETH"

    with pytest.raises(ServerError, match="INVALID_PARAM"):
        await read()


async def test_orders_of_the_account(server: SimulatedServer) -> None:
    async with qt_upbit.headless(config_of(server, credentials=KEYS)) as client:
        stream = client.my_orders()
        await until(lambda: client.state(Scope.PRIVATE) is ConnectionState.LIVE)
        await until(lambda: server.exchange.wants("myOrder", ALL_CODES))
        order = await client.rest.create_order("KRW-BTC", "BID", "limit", price=1_000_000, volume="0.01")
        (event,) = await taken(stream, 1)
        assert event.uuid == order.uuid
        stream.close()


async def test_the_end_of_the_client_ends_every_loop(server: SimulatedServer) -> None:
    async with qt_upbit.headless(config_of(server)) as client:
        stream = client.tickers("KRW-BTC")

        async def count() -> int:
            return len([event async for event in stream])

        task = asyncio.create_task(count())
        await until(lambda: client.state() is ConnectionState.LIVE)
    async with asyncio.timeout(HANG_S):
        await task
    await until(lambda: server.exchange.connection_count(Scope.PUBLIC) == 0)
    with pytest.raises(ProxyClosedError, match="async with"):
        client.tickers("KRW-BTC")
    await client.aclose()


async def test_mistakes_raise_at_the_call(server: SimulatedServer, client: HeadlessClient) -> None:
    with pytest.raises(InvalidSubscriptionError):
        client.tickers("krw-btc")
    with pytest.raises(InvalidSubscriptionError):
        client.orderbooks("KRW-BTC", depth=7)
    with pytest.raises(CredentialsRequiredError):
        client.my_orders()
    with pytest.raises(ValueError, match="one by one"):
        client.events("trade", ["KRW-BTC"], delivery=Delivery.BATCH)
    with pytest.raises(ProxyClosedError, match="async with"):
        qt_upbit.headless(config_of(server)).tickers("KRW-BTC")


async def test_a_program_without_qt(server: SimulatedServer) -> None:
    """PySide6 and qasync cannot even be imported."""
    code = """
        import asyncio, sys
        sys.modules["PySide6"] = sys.modules["shiboken6"] = sys.modules["qasync"] = None
        import qt_upbit

        async def main():
            async with qt_upbit.headless() as client:
                async for trade in client.trades("KRW-BTC"):
                    print(trade.code)
                    break

        asyncio.run(main())
    """
    ran = await asyncio.to_thread(lambda: run_program(code, QT_UPBIT_BASE_URL=server.url))
    assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, "KRW-BTC", "")
