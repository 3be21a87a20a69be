"""Other keys: the client before is closed when its calls have their answers, and not before."""

from __future__ import annotations

import asyncio
import gc

import pytest

from qt_upbit import Credentials, ProxyClosedError, RestError, WebSocketConfig
from qt_upbit.qt.rest_clients import RestClients
from qt_upbit.rest.rest_client import RestClient
from qt_upbit.simulator.server.server import RestFault
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.wait import until


def keys(number: int) -> Credentials:
    return Credentials(access_key="a" * 39 + str(number), secret_key="s" * 40)


async def test_changes_of_keys_leave_no_client_behind(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(market_running=False, account_running=False)
    manager = make_manager(server)
    seen: set[int] = set()
    for number in range(5):
        manager.set_credentials(keys(number))
        await manager.rest.get_markets()
        assert manager.rest is manager.rest
        seen.add(id(manager.rest))
    await until(lambda: manager._rest_clients.open_clients == (manager.rest,))
    gc.collect()
    clients = [each for each in gc.get_objects() if type(each) is RestClient and id(each) in seen]
    assert clients == [manager.rest], "a client has a pool of connections, and a secret"
    await manager.rest.get_markets()


async def test_a_call_that_runs_gets_its_answer(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server(market_running=False, account_running=False)
    manager = make_manager(server, keys=True)
    fault = RestFault("GET", "/v1/ticker", "wait", 1)
    server.rest_faults.append(fault)
    old = manager.rest
    call = asyncio.create_task(old.get_tickers(["KRW-BTC"]))
    await until(lambda: fault.times == 0, what="REST is asked")
    manager.set_credentials(keys(1))
    assert manager.rest is not old
    fault.release.set()
    assert set(await call) == {"KRW-BTC"}
    await until(lambda: old not in manager._rest_clients.open_clients)
    with pytest.raises(ProxyClosedError):
        await old.get_tickers(["KRW-BTC"])


async def test_the_end_of_the_manager_does_not_wait_for_it(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(market_running=False, account_running=False)
    manager = make_manager(server, keys=True)
    await manager.rest.get_tickers(["KRW-BTC"])
    fault = RestFault("GET", "/v1/ticker", "wait", 1)
    server.rest_faults.append(fault)
    call = asyncio.create_task(manager.rest.get_tickers(["KRW-BTC"]))
    await until(lambda: fault.times == 0, what="REST is asked")
    manager.set_credentials(keys(1))
    await manager.aclose()
    assert manager._rest_clients.open_clients == ()
    fault.release.set()
    with pytest.raises((ProxyClosedError, RestError)):
        await call


def test_without_a_loop_they_are_closed_with_the_next_change_or_at_the_end() -> None:
    clients = RestClients()
    first = clients.client_for(WebSocketConfig())
    clients.retire()
    assert clients.open_clients == (first,)
    second = clients.client_for(WebSocketConfig())
    asyncio.run(clients.aclose())
    assert clients.open_clients == (second,)
    for client in (first, second):
        with pytest.raises(ProxyClosedError):
            asyncio.run(client.get_markets())
