"""The defects of an earlier Python manager with the same class names, one test for each.

Those that are rules of a connection alone have theirs in tests/protocol/test_regressions.py.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from qt_upbit import (
    CandleUnit,
    ConnectionState,
    Delivery,
    Scope,
    WebSocketClientProxy,
)
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeProxy, MakeServer
from tests.support import events, exchange
from tests.support.wait import turns, until


async def test_data_flows_again_after_a_reset(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    """Its monitor died on its first connection: one TCP reset, and silence until the program ended."""
    proxy, seen = make_proxy(), list[int]()
    manager = proxy._manager
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda e: seen.append(e.sequential_id))
    for number in range(1, 4):
        assert await server.drop(Scope.PUBLIC, "reset") == 1
        await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects == number)  # noqa: B023  # awaited in this turn
        await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
        await until(lambda: exchange.streams(server) == {("trade", "KRW-BTC")})
        server.exchange.publish(events.trade("KRW-BTC", number))
        await until(lambda: seen[-1] == number)  # noqa: B023  # awaited in this turn
    await manager.aclose()
    assert manager.state(Scope.PUBLIC) is ConnectionState.CLOSED


async def test_a_refused_reconnect_is_tried_again(make_server: MakeServer, make_manager: MakeManager) -> None:
    """The first failure of a reconnect counted as success, and there was no second attempt."""
    server = await make_server()
    manager = make_manager(server, backoff_initial_s=0.02, backoff_max_s=0.1)
    proxy, seen = WebSocketClientProxy("proxy", manager=manager), list[int]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda e: seen.append(e.sequential_id))
    await server.stop_listening()
    await server.drop(Scope.PUBLIC, "reset")
    link = manager._links[Scope.PUBLIC]
    before = link.connection.epoch
    await until(lambda: link.connection.epoch >= before + 4, what="further attempts")
    assert manager.state(Scope.PUBLIC) is ConnectionState.RECONNECTING
    await server.start_listening()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    server.exchange.publish(events.trade("KRW-BTC", 77))
    await until(lambda: seen[-1] == 77)
    proxy.close()


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_every_delivery_policy_delivers(
    server: SimulatedServer, make_proxy: MakeProxy, delivery: Delivery
) -> None:
    """Its data processor was never started: the data pool and all three strategies were dead code."""
    proxy, signals, calls = make_proxy(), list[Any](), list[Any]()
    proxy.trade_received.connect(signals.append)
    await proxy.subscribe_trade(["KRW-BTC"], delivery=delivery, callback=calls.append, snapshot=True)
    await until(lambda: signals)
    for number in range(1, 200):
        server.exchange.publish(events.trade("KRW-BTC", number))

    def numbers(reported: list[Any]) -> list[int]:
        return [e.sequential_id for each in reported for e in (each if isinstance(each, tuple) else (each,))]

    await until(lambda: numbers(signals)[-1] == 199)
    assert signals == calls
    if delivery is not Delivery.LATEST:
        assert numbers(signals)[1:] == list(range(1, 200))
    assert all(isinstance(each, tuple) for each in signals) == (delivery is Delivery.BATCH)


async def test_unsubscribing_reaches_the_server(server: SimulatedServer, make_manager: MakeManager) -> None:
    """A code went only when its type had no user left, no owner was notified, an empty set sent nothing."""
    manager = make_manager(server, linger_s=0.05)
    proxy, other = (WebSocketClientProxy(name, manager=manager) for name in ("one", "other"))
    mine = await proxy.subscribe_ticker(["KRW-BTC"])
    others = await other.subscribe_ticker(["KRW-ETH"])
    assert exchange.streams(server) == {("ticker", "KRW-BTC"), ("ticker", "KRW-ETH")}
    mine.close()
    await until(lambda: exchange.streams(server) == {("ticker", "KRW-ETH")})
    others.close()
    await until(lambda: server.exchange.connection_count(Scope.PUBLIC) == 0, what="the last one, too")
    assert manager.state(Scope.PUBLIC) is ConnectionState.IDLE
    for each in (proxy, other):
        each.close()


async def test_a_change_while_a_request_is_sent_is_not_lost(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    """A change that came while a send was in flight was dropped: "the task will pick it up"."""
    manager = make_manager(server, coalesce_s=0.0)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    client = manager._links[Scope.PUBLIC].client
    codes = iter(["KRW-XRP", "KRW-SOL"])
    send = client.send

    def send_and_change(text: str, epoch: int) -> None:
        # In the middle of the sending, before and after the bytes are out.
        for step in (lambda: None, lambda: send(text, epoch)):
            step()
            if (code := next(codes, None)) is not None:
                proxy.subscribe_ticker([code])

    client.send = send_and_change  # type: ignore[method-assign]  # seen on the way
    proxy.subscribe_ticker(["KRW-ETH"])
    wanted = {("ticker", code) for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL")}
    await until(lambda: exchange.streams(server) == wanted)
    for subscription in proxy.subscriptions:
        await subscription
    client.send = send  # type: ignore[method-assign]  # seen on the way
    proxy.close()


async def test_a_quiet_private_socket_stays(make_server: MakeServer, make_manager: MakeManager) -> None:
    """Silence made its private socket unhealthy; here many times the timeout of a public one pass."""
    server = await make_server()
    manager = make_manager(server, keys=True, silence_timeout_s=0.05, ping_interval_s=0.05)
    proxy, states = WebSocketClientProxy("proxy", manager=manager), list[Any]()
    await proxy.subscribe_my_order()
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    got: list[Any] = []
    proxy.my_order_received.connect(got.append)
    for number in range(30):
        server.exchange.publish(events.my_order("KRW-BTC", uuid=f"order {number}"))
    await until(lambda: len(got) == 30)
    proxy.connection_state_changed.connect(lambda *reported: states.append(reported))
    pings = exchange.session(server, Scope.PRIVATE).last_activity
    await until(lambda: exchange.session(server, Scope.PRIVATE).last_activity > pings + 0.6)
    assert states == []
    assert server.exchange.total_connections(Scope.PRIVATE) == 1
    proxy.close()


async def test_the_end_of_an_old_socket_leaves_the_new_one_alone(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    """The old reader's end set DISCONNECTED although a new connection was up."""
    server = await make_server()
    manager = make_manager(server, close_timeout_s=10.0)
    proxy, seen, states = WebSocketClientProxy("proxy", manager=manager), list[int](), list[Any]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda e: seen.append(e.sequential_id))
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    # The old server end does not answer the close: its socket ends some time after the new one is up.
    await server.drop(Scope.PUBLIC, "silent")
    manager.reconnect()
    client = manager._links[Scope.PUBLIC].client
    await until(lambda: server.exchange.total_connections(Scope.PUBLIC) == 2)
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    assert len(client._tasks) == 2, "the old one is still closing"
    (old,) = (session for session in server.exchange.sessions if session.silent)
    await manager.outbox.drain()  # the signals of what has already happened
    manager.state_changed.connect(lambda *reported: states.append(reported))
    old.silent = False
    await until(lambda: len(client._tasks) == 1, what="the old one is gone")
    await turns(10)
    server.exchange.publish(events.trade("KRW-BTC", 5))
    await until(lambda: seen[-1] == 5)
    assert states == []
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    proxy.close()


@pytest.mark.parametrize("compression", [True, False])
async def test_compression_is_what_the_configuration_says(
    server: SimulatedServer, make_manager: MakeManager, compression: bool
) -> None:
    """The setting was computed and never passed on."""
    manager = make_manager(server, compression=compression)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_orderbook(["KRW-BTC"])
    for number in range(50):
        server.exchange.publish(events.orderbook("KRW-BTC", 1_800_000_000_000 + number))
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].messages >= 50)
    public = manager.metrics().scopes[Scope.PUBLIC]
    assert (public.wire_bytes < public.inflated_bytes / 2) == compression
    proxy.close()


async def test_a_slow_widget_stalls_neither_the_socket_nor_the_others(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    """Every event went to every component, one after the other, awaited in the read loop."""
    manager = make_manager(server)
    slow, quick, other = (WebSocketClientProxy(name, manager=manager) for name in ("slow", "quick", "other"))
    slow_got: list[int] = []
    got: list[int] = []
    others: list[Any] = []

    def dawdle(event: Any) -> None:
        time.sleep(0.01)
        slow_got.append(int(event.trade_price))

    for subscription in (
        slow.subscribe_ticker(["KRW-BTC"], callback=dawdle),
        quick.subscribe_trade(["KRW-BTC"], callback=lambda e: got.append(e.sequential_id)),
        other.subscribe_ticker(["KRW-ETH"], callback=others.append),
    ):
        await subscription
    await until(lambda: others and got and slow_got)
    others.clear()
    for number in range(1, 501):
        server.exchange.publish(events.ticker("KRW-BTC", number))
        server.exchange.publish(events.trade("KRW-BTC", number))
    await until(lambda: got[-1] == 500 and slow_got[-1] == 500)
    assert got[1:] == list(range(1, 501)), "the slow subscriber cost the quick one nothing"
    assert len(slow_got) < 100, "which was given the newest and not all of them"
    assert others == [], "and no subscriber got what it had not asked for"
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    assert manager.metrics().events_lost == 0
    for each in (slow, quick, other):
        each.close()


async def test_candles_carry_their_own_unit(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    """Its candle events were all called candle.1m."""
    proxy = make_proxy()
    got: dict[CandleUnit, list[Any]] = {}
    units = (CandleUnit.S1, CandleUnit.M1, CandleUnit.M15, CandleUnit.M240)
    for unit in units:
        await proxy.subscribe_candle(["KRW-BTC"], unit=unit, callback=got.setdefault(unit, []).append)
    for unit in units:
        server.exchange.publish(
            events.candle("KRW-BTC", unit.value, candle_date_time_utc="2030-01-01T00:00:00")
        )
    await until(lambda: all(len(each) >= 2 for each in got.values()))
    for unit, mine in got.items():
        assert {event.unit for event in mine} == {unit}
        assert {event.type for event in mine} == {f"candle.{unit.value}"}


async def test_caches_are_emptied(server: SimulatedServer, make_manager: MakeManager) -> None:
    """Its cleanup refreshed the timestamp that it evicted by, so that nothing was ever evicted."""
    manager = make_manager(server, linger_s=0.05)
    for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP"):
        proxy = WebSocketClientProxy("proxy", manager=manager)
        await proxy.subscribe_ticker([code])
        await proxy.subscribe_candle([code], unit="1m")
        proxy.close()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.IDLE)
    await turns(10)
    assert manager._engine._routes == {}
    assert len(manager._frames.hub) == 0
    assert manager.streams(Scope.PUBLIC) == {}


async def test_no_log_record_for_each_message(
    server: SimulatedServer, make_proxy: MakeProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """It logged every message at DEBUG, and that took more than half of its time."""
    with caplog.at_level(logging.DEBUG):
        proxy, got = make_proxy(), list[int]()
        await proxy.subscribe_trade(["KRW-BTC"], callback=lambda e: got.append(e.sequential_id))
        await until(lambda: got)

        async def send(first: int, count: int) -> int:
            """The number of our log records that a number of messages makes."""
            caplog.clear()
            for number in range(first, first + count):
                server.exchange.publish(events.trade("KRW-BTC", number))
            await until(lambda: got[-1] == first + count - 1)
            return sum(record.name.split(".")[0] in ("qt_upbit", "websockets") for record in caplog.records)

        assert await send(1, 300) == 0
