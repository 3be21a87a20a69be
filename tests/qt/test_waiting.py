"""Nothing waits without end: the error says what, how long, and why."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from qt_upbit import (
    Account,
    ConnectionFailedError,
    ConnectionState,
    Credentials,
    GlobalWebSocketManager,
    InvalidRequestError,
    QtUpbitError,
    WaitTimeoutError,
    WebSocketClientProxy,
    WebSocketConfig,
)
from qt_upbit.qt.waiting import check_timeout, limited
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeProxy
from tests.support.wait import until


@pytest.fixture
def nowhere(unused_tcp_port: int) -> WebSocketConfig:
    """An exchange that refuses connections."""
    keys = Credentials(access_key="a" * 40, secret_key="s" * 40)
    return WebSocketConfig.preset(
        "testing", base_url=f"http://127.0.0.1:{unused_tcp_port}", credentials=keys, snapshot_timeout_s=0.2
    )


WAITS: dict[str, Callable[[WebSocketClientProxy], Awaitable[Any]]] = {
    "the first frame of ticker KRW-BTC, KRW-ETH": lambda proxy: proxy.subscribe_ticker(
        ["KRW-ETH", "KRW-BTC"]
    ).wait(timeout=0.2),
    "the snapshot of ticker KRW-BTC": lambda proxy: proxy.get_ticker_snapshot(["KRW-BTC"], timeout=0.2),
    "the snapshot of trade KRW-BTC": lambda proxy: proxy.get_trade_snapshot(["KRW-BTC"], timeout=0.2),
    "the snapshot of orderbook KRW-BTC": lambda proxy: proxy.get_orderbook_snapshot(["KRW-BTC"], timeout=0.2),
    "the snapshot of candle.1m KRW-BTC": lambda proxy: proxy.get_candle_snapshot(["KRW-BTC"], timeout=0.2),
    # The configuration's limit.
    "the snapshot of ticker KRW-A": lambda proxy: proxy.get_ticker_snapshot(["KRW-A"]),
}


@pytest.mark.logs("connection failed")
@pytest.mark.parametrize(("what", "wait"), WAITS.items(), ids=WAITS.keys())
async def test_a_limited_wait_names_the_last_cause(
    nowhere: WebSocketConfig, what: str, wait: Callable[[WebSocketClientProxy], Awaitable[Any]]
) -> None:
    manager = GlobalWebSocketManager(nowhere)
    proxy = WebSocketClientProxy("chart", manager=manager)
    proxy.subscribe_ticker(["KRW-XRP"])
    await until(lambda: manager.public_state is ConnectionState.RECONNECTING)
    with pytest.raises(WaitTimeoutError, match=r"within 0\.2 s: connection failed") as caught:
        await wait(proxy)
    assert caught.value.what == what
    assert isinstance(caught.value.reason, ConnectionFailedError)
    assert isinstance(caught.value, TimeoutError)
    assert len(manager.snapshots) == 0
    proxy.close()
    await manager.aclose()
    manager.deleteLater()


@pytest.mark.logs("connection failed")
async def test_the_account_as_well(nowhere: WebSocketConfig) -> None:
    manager = GlobalWebSocketManager(nowhere)
    account = Account(manager=manager)
    await until(lambda: manager.private_state is ConnectionState.RECONNECTING)
    with pytest.raises(WaitTimeoutError, match=r"the state of the account .* connection failed"):
        await account.synchronized_once(timeout=0.2)
    account.close()
    await manager.aclose()
    account.deleteLater()
    manager.deleteLater()


async def test_what_comes_in_time_comes(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    subscription = proxy.subscribe_ticker(["KRW-BTC"])
    assert await subscription.wait(math.inf) is subscription
    assert await subscription.wait(60) is subscription
    assert list(await proxy.get_trade_snapshot(["KRW-BTC"], timeout=math.inf)) == ["KRW-BTC"]


async def test_the_subscription_goes_on_after_the_wait(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    proxy = WebSocketClientProxy("p", manager=make_manager(server, coalesce_s=0.2))
    subscription = proxy.subscribe_ticker(["KRW-BTC"])
    with pytest.raises(
        WaitTimeoutError, match=r"first frame of ticker KRW-BTC did not come within 0\.001 s$"
    ):
        await subscription.wait(timeout=0.001)
    assert await subscription is subscription
    proxy.close()


@pytest.mark.parametrize("wrong", [0, -1, math.nan, True, "1", [1]])
async def test_no_time_is_refused_at_the_call(
    server: SimulatedServer, make_proxy: MakeProxy, wrong: Any
) -> None:
    proxy = make_proxy()
    with pytest.raises(InvalidRequestError, match="timeout must be seconds above zero"):
        check_timeout(wrong)
    with pytest.raises(InvalidRequestError):
        await proxy.get_ticker_snapshot(["KRW-BTC"], timeout=wrong)
    with pytest.raises(InvalidRequestError):
        await proxy.subscribe_ticker(["KRW-BTC"]).wait(wrong)


async def test_a_timeout_of_the_block_itself_stays_what_it_is() -> None:
    def no_reason() -> QtUpbitError | None:
        return None

    with pytest.raises(TimeoutError, match="mine") as caught:
        async with limited(60, lambda: "x", no_reason):
            raise TimeoutError("mine")
    assert not isinstance(caught.value, WaitTimeoutError)
    with pytest.raises(WaitTimeoutError, match=r"^x did not come within 0\.001 s$"):
        async with limited(0.001, lambda: "x", no_reason):
            await asyncio.sleep(3600)
