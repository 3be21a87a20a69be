"""Renewing private connections over real sockets: no event lost or reported twice, never offline."""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import Any

import pytest

from qt_upbit import (
    AuthenticationError,
    ConfigError,
    Credentials,
    GlobalWebSocketManager,
    MyOrderEvent,
    OrderState,
    WebSocketClientProxy,
)
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from qt_upbit.types import ConnectionState, Scope
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events
from tests.support.wait import turns, until

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
OTHER_KEYS = Credentials(access_key="another-access-key", secret_key="another-secret-key-" + "x" * 60)


class Watch:
    """What a manager reports of its private scope, and how many private connections the server has."""

    def __init__(self, manager: GlobalWebSocketManager, server: SimulatedServer) -> None:
        self.states: list[ConnectionState] = []
        self.errors: list[Any] = []
        self.renewed: list[Scope] = []
        self.counts: list[int] = []
        self._server = server
        manager.state_changed.connect(lambda scope, state: self.states.append(state))
        manager.error_occurred.connect(lambda owner, error: self.errors.append(error))
        manager.token_renewed.connect(self.renewed.append)

    def count(self) -> None:
        self.counts.append(self._server.exchange.connection_count(Scope.PRIVATE))


def trade(number: int) -> MyOrderEvent:
    return events.my_order(uuid=f"order-{number}", trade_uuid=f"t-{number}", state=OrderState.TRADE)


async def subscribed(manager: GlobalWebSocketManager) -> tuple[WebSocketClientProxy, list[MyOrderEvent]]:
    proxy = WebSocketClientProxy("orders", manager=manager)
    got: list[MyOrderEvent] = []
    await proxy.subscribe_my_order(callback=got.append)
    return proxy, got


@pytest.mark.long
async def test_thirty_renewals_under_load(make_server: MakeServer, make_manager: MakeManager) -> None:
    # How fast one may connect is no matter here: on a busy machine handshakes begun in time come in crowds.
    server = await make_server(connects_per_second=1000)
    manager = make_manager(server, keys=True)
    proxy, got = await subscribed(manager)
    watch = Watch(manager, server)
    sent = itertools.count(1)
    last = 0

    async def load() -> None:
        nonlocal last
        while True:
            for _ in range(3):
                last = next(sent)
                server.exchange.publish(trade(last))
            watch.count()
            await asyncio.sleep(0.001)

    task = asyncio.create_task(load())
    try:
        for n in range(1, 31):
            await until(lambda: manager.renew(Scope.PRIVATE))
            await until(lambda n=n: len(watch.renewed) == n)
    finally:
        task.cancel()
    await until(lambda: len(got) >= last)
    await turns()
    assert [event.uuid for event in got] == [f"order-{n}" for n in range(1, last + 1)], "all, once, in order"
    assert last > 1000
    assert set(watch.counts) == {1, 2}, "one, and two while it is renewed; never none"
    assert watch.states == []
    assert watch.errors == []
    metrics = manager.metrics().scopes[Scope.PRIVATE]
    assert (metrics.renewals, metrics.reconnects) == (30, 0)
    assert server.exchange.total_connections(Scope.PRIVATE) == 31
    assert not server.exchange.violations
    proxy.close()


async def test_a_token_is_renewed_at_four_fifths_of_its_life(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, keys=True, token_lifetime_s=1.0)
    loop = asyncio.get_running_loop()
    proxy, got = await subscribed(manager)
    began = loop.time()
    watch = Watch(manager, server)
    await until(lambda: len(watch.renewed) == 2)
    assert loop.time() - began > 1.3, "0.8 s each, the first began with the handshake"
    server.exchange.publish(trade(1))
    await until(lambda: got)
    assert watch.errors == []
    proxy.close()


async def test_info_is_renewed_too_and_public_needs_none(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, keys=True)
    proxy = WebSocketClientProxy("all", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    await proxy.subscribe_indicator(
        ["KRW-BTC"], timeframe="5m", indicators=[{"type": "rsi", "params": {"period": 14}}]
    )
    watch = Watch(manager, server)
    assert manager.renew(Scope.INFO)
    await until(lambda: watch.renewed == [Scope.INFO])
    assert not manager.renew(Scope.PUBLIC)
    proxy.close()


async def test_a_failed_renewal_is_tried_again_and_costs_nothing(
    server: SimulatedServer, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qt_upbit.protocol.token_schedule._RETRY_S", 0.05)
    manager = make_manager(server, keys=True)
    proxy, got = await subscribed(manager)
    watch = Watch(manager, server)
    server.handshake_status = 503
    manager.renew()
    await until(lambda: len(watch.errors) >= 2)
    server.exchange.publish(trade(1))
    await until(lambda: len(got) == 1)
    server.handshake_status = None
    await until(lambda: watch.renewed)
    server.exchange.publish(trade(2))
    await until(lambda: len(got) == 2)
    assert watch.states == []
    proxy.close()


async def test_a_key_refused_at_renewal_explains_itself_once(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, keys=True)
    proxy, got = await subscribed(manager)
    watch = Watch(manager, server)
    server.handshake_status = 401
    manager.renew()
    await until(lambda: watch.errors)
    await turns()
    assert [type(error) for error in watch.errors] == [AuthenticationError]
    assert manager._links[Scope.PRIVATE]._tokens.due == math.inf, "no further try is planned"
    assert manager.state(Scope.PRIVATE) is ConnectionState.LIVE
    server.exchange.publish(trade(1))
    await until(lambda: got)
    proxy.close()


@pytest.mark.parametrize("auth_failure", ["http", "frame"])
async def test_a_refused_key_stops_until_the_keys_change(
    make_server: MakeServer, make_manager: MakeManager, auth_failure: str
) -> None:
    server = await make_server(auth_failure=auth_failure)
    manager = make_manager(server, credentials=OTHER_KEYS)
    watch = Watch(manager, server)
    proxy = WebSocketClientProxy("orders", manager=manager)
    got: list[MyOrderEvent] = []
    subscription = proxy.subscribe_my_order(callback=got.append)
    with pytest.raises(AuthenticationError) as refused:
        await subscription
    assert manager.state(Scope.PRIVATE) is ConnectionState.REJECTED
    if auth_failure == "http":
        assert "copy both again" in str(refused.value)
    changed: list[bool] = []
    manager.credentials_changed.connect(lambda: changed.append(True))
    manager.set_credentials(KEYS)
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    server.exchange.publish(trade(1))
    await until(lambda: got)
    assert len(watch.errors) == 1, "explained once"
    assert changed == [True]
    assert OTHER_KEYS.access_key.get_secret_value() not in str(watch.errors)
    proxy.close()


async def test_signing_in_after_the_start(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server)
    manager.set_credentials(KEYS)
    proxy, got = await subscribed(manager)
    server.exchange.publish(trade(1))
    await until(lambda: got)
    with pytest.raises(ConfigError, match="takes Credentials"):
        manager.set_credentials("key")  # type: ignore[arg-type]  # the mistake
    proxy.close()


async def test_other_keys_replace_a_running_connection(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, keys=True)
    proxy, got = await subscribed(manager)
    watch = Watch(manager, server)
    manager.set_credentials(KEYS)
    await until(lambda: watch.states[-1:] == [ConnectionState.LIVE])
    assert ConnectionState.RECONNECTING in watch.states, "another account may be behind them: no overlap"
    server.exchange.publish(trade(1))
    await until(lambda: got)
    proxy.close()
