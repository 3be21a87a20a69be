"""Keys and tokens show nowhere: the whole library on a simulated exchange."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import shiboken6

import qt_upbit
from qt_upbit import (
    Account,
    AuthenticationError,
    ConnectionState,
    Credentials,
    GlobalWebSocketManager,
    WebSocketClientProxy,
    WebSocketConfig,
)
from qt_upbit.qt.scope_link import ScopeLink
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import Scope
from tests.support import events
from tests.support.secrets import KEYS, SecretHunt, settings
from tests.support.wait import until

CONFIG: dict[str, Any] = {"close_timeout_s": 0.3, "coalesce_s": 0.01, "metrics_interval_s": 0.1}


@pytest.fixture
def hunt() -> Iterator[SecretHunt]:
    with SecretHunt() as hunt:
        yield hunt


def _look(hunt: SecretHunt, manager: GlobalWebSocketManager) -> None:
    """At everything that there is."""
    hunt.show(manager.config, manager.config.credentials)
    metrics = manager.metrics()
    hunt.show(metrics, *metrics.scopes.values())
    links = [thing for thing in gc.get_objects() if type(thing) is ScopeLink and shiboken6.isValid(thing)]
    assert len(links) >= 3
    for link in links:
        hunt.show(
            link.objectName(),
            link.client,
            link.connection,
            link._tokens,
            link._tokens._jwt,
            link._tokens._token,
        )
        for name in link.dynamicPropertyNames():
            hunt.show(link.property(bytes(name.data()).decode()))
    for task in asyncio.all_tasks():
        hunt.show(task.get_name())
        hunt.show_frames(task.get_stack())
        hunt.shown.append(("repr of a task", repr(task)))
    assert hunt.show_all_of_ours() > 20


async def test_a_session_with_everything(hunt: SecretHunt, caplog: pytest.LogCaptureFixture) -> None:
    """Streams, orders, renewals, lost connections, broken callbacks, other keys: no secret shows in any."""
    asyncio.get_running_loop().set_debug(True)
    async with SimulatedServer(settings()) as server:
        hunt.listen(server)
        manager = GlobalWebSocketManager(
            WebSocketConfig.preset("testing", base_url=server.url, credentials=KEYS, **CONFIG)
        )
        reported: list[Any] = []
        manager.error_occurred.connect(lambda owner, error: hunt.show(owner, error))
        manager.metrics_updated.connect(lambda metrics: (reported.append(metrics), hunt.show(metrics)))
        proxy = WebSocketClientProxy("everything", manager=manager)

        def broken(_event: object) -> None:
            raise ValueError("the application's callback is broken")

        orders = await proxy.subscribe_my_order(callback=broken)
        assets = await proxy.subscribe_my_asset()
        announcements = await proxy.subscribe_announcement()
        account = Account.instance(manager)
        await account.synchronized_once()
        server.exchange.publish(events.my_order(uuid="o-1"))
        rest = manager.rest
        order = await rest.create_order("KRW-BTC", "BID", "limit", price=1_000_000, volume="0.01")
        await rest.cancel_order(uuid=order.uuid)
        _look(hunt, manager)

        renewed: list[Scope] = []
        manager.token_renewed.connect(renewed.append)
        assert manager.renew(Scope.PRIVATE)
        await until(lambda: renewed)
        _look(hunt, manager)

        await server.drop(Scope.PRIVATE, "reset")
        await until(lambda: manager.metrics().scopes[Scope.PRIVATE].reconnects)
        await until(lambda: manager.private_state is ConnectionState.LIVE)
        manager.set_credentials(Credentials(access_key=KEYS.access_key, secret_key=KEYS.secret_key))
        await until(lambda: manager.private_state is ConnectionState.LIVE)
        await until(lambda: reported)
        hunt.show(
            proxy.objectName(), repr(orders), repr(assets), repr(announcements), repr(account), repr(rest)
        )
        hunt.shown += [(f"repr of {name}", repr(getattr(qt_upbit, name))) for name in qt_upbit.__all__]
        _look(hunt, manager)
        account.close()
        proxy.close()
        await manager.aclose()
        manager.deleteLater()
    assert len(hunt.tokens) >= 6
    hunt.check()
    # There was something to find: states and requests are logged.
    logs = {where.removeprefix("log of qt_upbit.") for where, _ in hunt.shown}
    assert logs >= {"connection", "subscription", "rest", "account", "callbacks"}
    caplog.clear()


@pytest.mark.parametrize("how", ["http", "frame"])
async def test_a_key_that_is_refused(
    hunt: SecretHunt, how: Literal["http", "frame"], caplog: pytest.LogCaptureFixture
) -> None:
    async with SimulatedServer(settings(auth_failure=how)) as server:
        hunt.listen(server)
        server.exchange.refuse_keys_with = "invalid_access_key"
        manager = GlobalWebSocketManager(
            WebSocketConfig.preset("testing", base_url=server.url, credentials=KEYS, **CONFIG)
        )
        heard: list[Exception] = []
        manager.error_occurred.connect(lambda _owner, error: heard.append(error))
        proxy = WebSocketClientProxy("orders", manager=manager)
        with pytest.raises(AuthenticationError) as caught:
            await proxy.subscribe_my_order()
        hunt.show(caught.value)
        with pytest.raises(AuthenticationError) as other:
            await manager.rest.get_accounts()
        hunt.show(other.value)
        await until(lambda: heard)
        hunt.show(*heard)
        assert manager.private_state is ConnectionState.REJECTED
        _look(hunt, manager)
        proxy.close()
        await manager.aclose()
        manager.deleteLater()
    hunt.check()
    caplog.clear()
