"""Objects that end while a REST call of theirs is under way: nothing is reported, and nothing stays."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject

from qt_upbit import Account, CandleFeed, GlobalWebSocketManager, Scope, WebSocketClientProxy
from qt_upbit.simulator.server.server import RestFault
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.leaks import running_tasks
from tests.support.wait import turns, until

WAYS: dict[str, Callable[[dict[str, Any]], object]] = {
    "close": lambda alive: alive["it"].close(),
    "delete": lambda alive: shiboken6.delete(alive["it"]),
    "deleteLater": lambda alive: alive["it"].deleteLater(),
    "parent": lambda alive: shiboken6.delete(alive["parent"]),
    "del": lambda alive: alive.clear(),
}
MAKES: dict[str, tuple[str, Callable[[QObject | None, GlobalWebSocketManager], QObject]]] = {
    "account": ("/v1/accounts", lambda parent, manager: Account(parent, manager=manager)),
    "feed": (
        "/v1/candles/minutes/1",
        lambda parent, manager: CandleFeed("KRW-BTC", parent=parent, manager=manager),
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", MAKES)
async def test_ended_while_rest_is_asked(
    make_server: MakeServer, make_manager: MakeManager, kind: str, way: str
) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    path, make = MAKES[kind]
    fault = RestFault("GET", path, "wait", 5)
    server.rest_faults.append(fault)
    tasks = set(running_tasks())
    alive: dict[str, Any] = {"parent": QObject() if way == "parent" else None}
    alive["it"] = make(alive["parent"], manager)
    reported: list[Any] = []
    await until(lambda: fault.times < 5, what="REST is asked")
    alive["it"].error_occurred.connect(reported.append)
    gone = weakref.ref(alive["it"])
    WAYS[way](alive)
    if (kind, way) == ("feed", "del"):
        # Its own coroutine holds a feed until the answer is in; the account's does not.
        fault.release.set()
    await until(lambda: manager.metrics().subscriptions == 0)
    alive.clear()
    await turns(20)
    gc.collect()
    assert gone() is None
    names = ("account", "CandleFeed")
    await until(lambda: not [t for t in running_tasks() if t not in tasks and t.get_name().startswith(names)])
    fault.release.set()
    await turns(20)
    assert reported == []


@pytest.mark.parametrize("way", ["close", "delete"])
async def test_a_manager_that_ends_while_a_gap_is_fixed(
    make_server: MakeServer, make_manager: MakeManager, way: str
) -> None:
    server = await make_server()
    manager = make_manager(server)
    fault = RestFault("GET", "/v1/trades/ticks", "wait", 5)
    server.rest_faults.append(fault)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_trade(["KRW-BTC"])
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: fault.times < 5, what="REST is asked")
    ends: list[Any] = [*manager._rest_clients.open_clients]
    ends += [link.client for link in manager._links.values()]
    if way == "close":
        await manager.aclose()
    else:
        shiboken6.delete(manager)
    await until(lambda: not [t for t in running_tasks() if "recovery" in t.get_name()])
    fault.release.set()
    await asyncio.gather(*(each.aclose() for each in ends))
    proxy.close()
