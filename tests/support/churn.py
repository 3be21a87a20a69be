"""Making and ending things many times over, and counting what is left."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields

import psutil
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer

from qt_upbit import ConnectionState, GlobalWebSocketManager, Scope, WebSocketClientProxy
from qt_upbit.simulator.server.server import SimulatedServer
from tests.support import leaks
from tests.support.exchange import streams
from tests.support.wait import until

AT_ONCE = 100
"""Proxies alive at the same time."""


@dataclass(frozen=True)
class Count:
    """What is there at a moment.

    Attributes:
        proxies: the manager's list of them, and their Python halves.
        qobjects: Python halves of QObjects that are alive in Qt.
        timers: those among them.
        tasks: of the event loop.
        subscriptions: the manager's, and its buffers.
        streams: what the exchange says we are subscribed to.
        sockets: to and from the simulated exchange, both ends.
        handles: file descriptors; handles on Windows.
        memory_mb: resident.
    """

    proxies: int
    qobjects: int
    timers: int
    tasks: int
    subscriptions: int
    streams: int
    sockets: int
    handles: int
    memory_mb: float

    def leaked_since(self, before: Count) -> dict[str, int]:
        """What is more than before; memory aside, which the allocator keeps."""
        more = {
            field.name: getattr(self, field.name) - getattr(before, field.name)
            for field in fields(self)
            if field.name != "memory_mb"
        }
        return {name: count for name, count in more.items() if count > 0}


def count(server: SimulatedServer, manager: GlobalWebSocketManager) -> Count:
    """Count now."""
    gc.collect()
    proxies = qobjects = timers = 0
    for thing in gc.get_objects():
        if not isinstance(thing, QObject):
            continue
        proxies += type(thing) is WebSocketClientProxy
        if shiboken6.isValid(thing):
            qobjects += 1
            timers += isinstance(thing, QTimer)
    process = psutil.Process()
    return Count(
        proxies=max(proxies, manager.metrics().proxies),
        qobjects=qobjects,
        timers=timers,
        tasks=len(leaks.running_tasks()),
        subscriptions=max(manager.metrics().subscriptions, len(manager._frames.hub)),
        streams=len(streams(server)),
        sockets=len(leaks.open_sockets()),
        handles=process.num_fds() if os.name == "posix" else process.num_handles(),
        memory_mb=process.memory_info().rss / 1e6,
    )


# --- proxies ---------------------------------------------------------------------------------------

End = Callable[[list[WebSocketClientProxy], list[QObject]], Awaitable[None]]


def _ignore(event: object) -> None:
    """A slot and a callback."""


async def _delete_later(proxies: list[WebSocketClientProxy], parents: list[QObject]) -> None:
    for proxy in proxies:
        proxy.deleteLater()


async def _delete(proxies: list[WebSocketClientProxy], parents: list[QObject]) -> None:
    for proxy in proxies:
        shiboken6.delete(proxy)


async def _delete_parents(proxies: list[WebSocketClientProxy], parents: list[QObject]) -> None:
    for parent in parents:
        parent.deleteLater()


async def _forget(proxies: list[WebSocketClientProxy], parents: list[QObject]) -> None:
    parents.clear()
    proxies.clear()
    gc.collect()


async def _cleanup(proxies: list[WebSocketClientProxy], parents: list[QObject]) -> None:
    for proxy in proxies:
        await proxy.cleanup()


WAYS: dict[str, End] = {
    "deleteLater": _delete_later,
    "shiboken6.delete": _delete,
    "parent deleted": _delete_parents,
    "del": _forget,
    "cleanup": _cleanup,
}


@dataclass(frozen=True)
class Churned:
    """What one way of ending proxies left."""

    way: str
    seconds: float
    before: Count
    after: Count


async def churn(number: int, way: str, server: SimulatedServer, manager: GlobalWebSocketManager) -> Churned:
    """Make `number` proxies that subscribe, end them in one way, and count.

    One proxy stays all the while, so that the connection does and the exchange can be asked.
    """
    keeper = WebSocketClientProxy("keeper", manager=manager)
    await keeper.subscribe_ticker(["KRW-BTC"])
    # Once before counting: what is made at the first use stays.
    await _churn(AT_ONCE, WAYS[way], server, manager)
    before = count(server, manager)
    begin = time.perf_counter()
    await _churn(number, WAYS[way], server, manager)
    seconds = time.perf_counter() - begin
    after = count(server, manager)
    keeper.close()
    return Churned(way, seconds, before, after)


async def _churn(number: int, end: End, server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    codes = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    for begin in range(0, number, AT_ONCE):
        proxies: list[WebSocketClientProxy] = []
        parents: list[QObject] = []
        for i in range(begin, min(begin + AT_ONCE, number)):
            parent = QObject() if end in (_delete_parents, _forget) and i % 2 else None
            if end is _delete_parents and parent is None:
                parent = QObject()
            if parent is not None:
                parents.append(parent)
            proxy = WebSocketClientProxy(f"proxy {i}", parent, manager=manager)
            proxy.ticker_received.connect(_ignore)
            proxy.subscribe_ticker(codes, callback=_ignore)
            proxy.subscribe_orderbook(codes[: i % 3 + 1], depth=(1, 5, 15, 30)[i % 4])
            proxies.append(proxy)
        del proxy, parent
        await asyncio.sleep(0)
        await end(proxies, parents)
        del proxies, parents
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        await until(lambda: manager.metrics().proxies <= 1, what="all proxies are released")
    await until(lambda: streams(server) == {("ticker", "KRW-BTC")}, what="the exchange knows it")


# --- reconnects -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reconnected:
    """What was left after a number of reconnects."""

    number: int
    seconds: float
    before: Count
    after: Count


async def reconnect(number: int, server: SimulatedServer, manager: GlobalWebSocketManager) -> Reconnected:
    """Cut the connection `number` times, each time as soon as it is live again, and count."""
    proxies = [WebSocketClientProxy(f"proxy {i}", manager=manager) for i in range(5)]
    for proxy in proxies:
        await proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
        await proxy.subscribe_trade(["KRW-BTC"])

    async def cut(times: int) -> None:
        for i in range(times):
            done = manager.metrics().scopes[Scope.PUBLIC].reconnects
            await server.drop(Scope.PUBLIC, "close" if i % 2 else "reset")
            await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects > done)  # noqa: B023  # awaited in this turn
            await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
            await until(lambda: server.exchange.connection_count(Scope.PUBLIC) == 1)

    async def settled() -> Count:
        await until(lambda: manager._recovery.running == 0)
        return count(server, manager)

    await cut(3)
    before = await settled()
    begin = time.perf_counter()
    await cut(number)
    seconds = time.perf_counter() - begin
    after = await settled()
    for proxy in proxies:
        proxy.close()
    return Reconnected(number, seconds, before, after)
