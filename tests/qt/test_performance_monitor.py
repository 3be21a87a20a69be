"""What the manager measures: latencies, lag, what each subscription got; and the server's own list."""

from __future__ import annotations

import asyncio
import time

import pytest

from qt_upbit import (
    ConnectionFailedError,
    Delivery,
    ProxyClosedError,
    Scope,
    SubscriptionMetrics,
    WebSocketClientProxy,
)
from qt_upbit.simulator.faults.faults import Silence
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events
from tests.support.cpu_share import own_time
from tests.support.wait import turns, until

pytestmark = pytest.mark.filterwarnings("ignore:the proxy .* was collected:ResourceWarning")
"""Proxies are dropped here while they subscribe, on purpose."""


async def test_what_each_subscription_got_and_cost(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server, frame_rate_hz=1.0, clock=own_time)
    every, latest = (WebSocketClientProxy(name, manager=manager) for name in ("every", "latest"))
    every.trade_received.connect(lambda event: time.sleep(0.005))
    trade = every.subscribe_trade(["KRW-BTC"], delivery=Delivery.EVERY)
    await latest.subscribe_ticker(["KRW-BTC", "KRW-ETH"], delivery=Delivery.LATEST)
    await trade

    def found() -> tuple[SubscriptionMetrics, SubscriptionMetrics]:
        one, other = manager.subscription_metrics()
        return one, other

    await until(lambda: found()[1].delivered >= 2)
    for i in range(20):
        server.exchange.publish(events.trade("KRW-BTC", 2**60 + i))
        server.exchange.publish(events.ticker("KRW-BTC", 1000 + i))
    await until(lambda: found()[0].delivered == 21 and found()[1].conflated + found()[1].waiting >= 15)
    trades, tickers = found()
    assert (trades.owner, trades.type, trades.codes, trades.delivery) == ("every", "trade", 1, Delivery.EVERY)
    assert (tickers.owner, tickers.type, tickers.codes) == ("latest", "ticker", 2)
    assert trades.conflated == trades.overflowed == trades.waiting == 0
    assert trades.slot_s >= 21 * 0.005
    assert 0.005 <= trades.slot_max_s < trades.slot_s
    assert tickers.slot_max_s < 0.005
    before = manager.metrics().events_delivered
    every.close()
    assert [each.owner for each in manager.subscription_metrics()] == ["latest"]
    assert manager.metrics().events_delivered == before, "what it got still counts"


async def test_a_slot_that_closes_its_proxy_is_counted(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    proxy.ticker_received.connect(lambda event: proxy.close())
    proxy.subscribe_ticker(["KRW-BTC"])
    await until(lambda: proxy.is_closed)
    assert manager.metrics().events_delivered == 1


async def test_a_window_that_is_busy_shows_as_lag(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server()
    manager = make_manager(server, metrics_interval_s=0.1)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    await until(lambda: manager.metrics().loop_lag.count >= 2)
    asyncio.get_running_loop().call_soon(time.sleep, 0.3)
    await until(lambda: manager.metrics().loop_lag.max_s > 0.15)
    proxy.close()
    await until(lambda: not manager._monitor._lag_timer.isActive(), what="an idle program is left alone")


async def test_transit_is_from_upbits_clock_to_ours(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_trade(["KRW-BTC"], delivery=Delivery.EVERY)
    assert manager.metrics().scopes[Scope.PUBLIC].silence_s is not None
    made_at = int((time.time() - 2.0) * 1000)
    for i in range(40):
        server.exchange.publish(events.trade("KRW-BTC", 2**60 + i, timestamp=made_at))
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].transit.count >= 2)
    transit = manager.metrics().scopes[Scope.PUBLIC].transit
    assert 1.9 < transit.p50_s < 2 * (time.time() - made_at / 1000)
    assert manager.metrics().scopes[Scope.PRIVATE].transit.count == 0
    assert manager.metrics().scopes[Scope.PRIVATE].silence_s is None


async def test_age_of_live_data_by_scope_and_stream(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    got: list[object] = []
    proxy.trade_received.connect(got.append)
    trades = proxy.subscribe_trade(["KRW-BTC", "KRW-ETH"], delivery=Delivery.EVERY)
    await proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    await trades

    def ages(type: str) -> set[str]:
        (found,) = (each for each in manager.subscription_metrics() if each.type == type)
        assert all(age >= 0 for age in found.data_age_s.values())
        return set(found.data_age_s)

    scope = manager.metrics().scopes[Scope.PUBLIC]
    assert scope.silence_s is not None, "first snapshots came"
    assert scope.data_age_s is None, "and are no live data"
    assert ages("trade") == ages("ticker") == set()
    before = len(got)
    server.exchange.publish(events.trade("KRW-BTC", 2**60))
    server.exchange.publish(events.ticker("KRW-ETH"))
    await until(lambda: len(got) > before and ages("ticker"))
    assert manager.metrics().scopes[Scope.PUBLIC].data_age_s is not None
    assert (ages("trade"), ages("ticker")) == ({"KRW-BTC"}, {"KRW-ETH"})
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects)
    age = manager.metrics().scopes[Scope.PUBLIC].data_age_s
    assert age is not None, "it goes on through an outage"
    await until(lambda: (manager.metrics().scopes[Scope.PUBLIC].data_age_s or 0.0) > age)


async def test_upbits_own_list_beside_ours(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server()
    manager = make_manager(server)
    with pytest.raises(ConnectionFailedError, match="no public connection"):
        await manager.list_subscriptions()
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    await proxy.subscribe_orderbook(["KRW-BTC"], level=10000)
    both = await asyncio.gather(manager.list_subscriptions(), manager.list_subscriptions())
    assert both[0] == both[1] == set(manager.streams(Scope.PUBLIC))
    assert len(both[0]) == 3


async def test_who_waits_for_the_list_hears_that_the_manager_closes(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    server.faults.inject(Silence())
    waiting = asyncio.ensure_future(manager.list_subscriptions())
    await turns()
    await manager.aclose()
    with pytest.raises(ProxyClosedError):
        await waiting
