"""However a proxy dies, what it owned is released exactly once, and nothing outlives it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from qt_upbit import (
    GlobalWebSocketManager,
    ProxyClosedError,
    Scope,
    StreamKey,
    Subscription,
    WebSocketClientProxy,
    WebSocketConfig,
    owned_slot,
)
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.qt.event_loop import QtEventLoop
from qt_upbit.qt.frame_clock import FrameClock
from qt_upbit.qt.release_token import ReleaseToken
from qt_upbit.qt.scope_link import ScopeLink
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager
from tests.support import events
from tests.support.programs import run_program
from tests.support.wait import HANG_S, turns, until

pytestmark = pytest.mark.filterwarnings("ignore:the proxy .* was collected:ResourceWarning")
"""Proxies are dropped here while they subscribe, on purpose."""


@pytest.fixture
def releases(manager: GlobalWebSocketManager, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every proxy that the registry forgets, by id."""
    calls: list[int] = []
    remove = manager.registry.remove_owner

    def counted(proxy_id: int) -> None:
        if proxy_id in manager.registry._owners:
            calls.append(proxy_id)
        remove(proxy_id)

    monkeypatch.setattr(manager.registry, "remove_owner", counted)
    return calls


def by_delete_later(manager: GlobalWebSocketManager) -> Any:
    proxy = WebSocketClientProxy("a", manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    proxy.deleteLater()
    return proxy


def by_parents_delete_later(manager: GlobalWebSocketManager) -> Any:
    parent = QObject()
    WebSocketClientProxy("b", parent, manager=manager).subscribe_ticker(["KRW-BTC"])
    parent.deleteLater()
    return parent


def by_delete_of_the_parent_while_the_child_is_held(manager: GlobalWebSocketManager) -> Any:
    parent = QObject()
    proxy = WebSocketClientProxy("c", parent, manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    shiboken6.delete(parent)
    return proxy


def by_collecting_the_parent(manager: GlobalWebSocketManager) -> Any:
    parent = QObject()
    WebSocketClientProxy("d", parent, manager=manager).subscribe_ticker(["KRW-BTC"])


def by_collecting_the_parent_while_the_child_is_held(manager: GlobalWebSocketManager) -> Any:
    parent = QObject()
    proxy = WebSocketClientProxy("e", parent, manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    del parent
    return proxy


def by_closing_a_window(manager: GlobalWebSocketManager) -> Any:
    window = QWidget()
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    WebSocketClientProxy("f", window, manager=manager).subscribe_ticker(["KRW-BTC"])
    window.show()
    window.close()
    return window


def by_collecting(manager: GlobalWebSocketManager) -> Any:
    WebSocketClientProxy("g", manager=manager).subscribe_ticker(["KRW-BTC"])


def by_collecting_a_cycle(manager: GlobalWebSocketManager) -> Any:
    proxy = WebSocketClientProxy("h", manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    proxy.myself = proxy  # type: ignore[attr-defined]  # a cycle


def by_close(manager: GlobalWebSocketManager) -> Any:
    proxy = WebSocketClientProxy("i", manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    proxy.close()
    return proxy


def by_close_and_everything_after(manager: GlobalWebSocketManager) -> Any:
    parent = QObject()
    proxy = WebSocketClientProxy("j", parent, manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    proxy.close()
    proxy.close()
    proxy.deleteLater()
    parent.deleteLater()
    return proxy


WAYS = [
    by_delete_later,
    by_parents_delete_later,
    by_delete_of_the_parent_while_the_child_is_held,
    by_collecting_the_parent,
    by_collecting_the_parent_while_the_child_is_held,
    by_closing_a_window,
    by_collecting,
    by_collecting_a_cycle,
    by_close,
    by_close_and_everything_after,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("flowing", [False, True])
async def test_released_exactly_once(
    server: SimulatedServer,
    manager: GlobalWebSocketManager,
    releases: list[int],
    way: Callable[[GlobalWebSocketManager], Any],
    flowing: bool,
) -> None:
    if flowing:
        keeper = WebSocketClientProxy("keeper", manager=manager)
        await keeper.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    held = way(manager)
    gc.collect()
    await until(lambda: len(releases) == 1)
    await turns(10)
    gc.collect()
    await turns(10)
    assert len(releases) == 1
    wanted = {"KRW-BTC", "KRW-ETH"} if flowing else set()
    assert {key.code for key in manager.streams(Scope.PUBLIC)} == wanted
    assert manager.metrics().subscriptions == flowing
    if flowing:
        keeper.close()
        # The keeper's own release is another one.
        assert len(releases) == 2
    del held


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_wrapper_is_collected(
    manager: GlobalWebSocketManager, way: Callable[[GlobalWebSocketManager], Any]
) -> None:
    gc.collect()
    before = {id(thing) for thing in gc.get_objects() if type(thing) is WebSocketClientProxy}
    held = way(manager)
    proxies = [
        weakref.ref(thing)
        for thing in gc.get_objects()
        if type(thing) is WebSocketClientProxy and id(thing) not in before
    ]
    del held
    await turns(10)
    gc.collect()
    assert [proxy() for proxy in proxies if proxy() is not None] == []


async def test_callback_that_captures_its_owner_keeps_nothing_alive(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    class Widget(QWidget):
        def __init__(self) -> None:
            super().__init__()
            self.got: list[Any] = []
            self.proxy = WebSocketClientProxy("widget", manager=manager)
            self.proxy.subscribe_ticker(["KRW-BTC"], callback=lambda e: self.got.append(e))

    widget = Widget()
    got, gone = widget.got, weakref.ref(widget)
    await until(lambda: got)
    del widget
    gc.collect()
    await until(lambda: manager.metrics().proxies == 0)
    gc.collect()
    assert gone() is None


async def test_collected_by_another_thread(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    """Python's collector runs wherever it likes; timers and signals of Qt must not be touched there."""
    gc.disable()
    try:
        for _ in range(5):
            proxy = WebSocketClientProxy("cycle", manager=manager)
            proxy.subscribe_ticker(["KRW-BTC"])
            proxy.myself = proxy  # type: ignore[attr-defined]  # a cycle
        await proxy.subscriptions[0]
        del proxy
        thread = threading.Thread(target=gc.collect)
        thread.start()
        await asyncio.to_thread(thread.join)
    finally:
        gc.enable()
    await until(lambda: manager.metrics().proxies == 0)
    assert manager.streams(Scope.PUBLIC) == {}
    await until(lambda: server.exchange.connection_count(Scope.PUBLIC) == 0)


# --- while a coroutine waits ----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["subscription", "snapshot"])
@pytest.mark.parametrize("end", ["delete", "deleteLater", "parent", "close", "manager", "manager deleted"])
async def test_destroyed_while_a_coroutine_waits(
    server: SimulatedServer, make_manager: MakeManager, what: str, end: str
) -> None:
    await server.stop_listening()
    manager = make_manager(server)
    parent = QObject()
    proxy = WebSocketClientProxy("dies", parent, manager=manager)

    async def wait() -> Any:
        if what == "subscription":
            return await proxy.subscribe_ticker(["KRW-BTC"])
        return await proxy.get_ticker_snapshot(["KRW-BTC"])

    task = asyncio.create_task(wait())
    await turns(3)
    if end == "delete":
        shiboken6.delete(proxy)
    elif end == "deleteLater":
        proxy.deleteLater()
    elif end == "parent":
        parent.deleteLater()
    elif end == "close":
        proxy.close()
    elif end == "manager":
        await manager.aclose()
    else:
        shiboken6.delete(manager)
    async with asyncio.timeout(HANG_S):
        with pytest.raises(ProxyClosedError):
            await task
    assert proxy.is_closed or end.startswith("manager")
    assert end == "manager deleted" or manager.streams(Scope.PUBLIC) == {}
    proxy.close()


async def test_owned_slot_that_waits_for_its_proxy_dies_with_its_widget(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    await server.stop_listening()
    manager = make_manager(server)
    seen: list[str] = []

    class Widget(QWidget):
        def __init__(self) -> None:
            super().__init__()
            self.proxy = WebSocketClientProxy("widget", self, manager=manager)

        @owned_slot
        async def ask(self) -> None:
            try:
                await self.proxy.get_ticker_snapshot(["KRW-BTC"])
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            except ProxyClosedError:
                seen.append("closed")

    widget = Widget()
    task = widget.ask()
    await turns(3)
    widget.deleteLater()
    await until(task.done)
    assert seen in (["cancelled"], ["closed"])
    gone = weakref.ref(widget)
    del widget, task
    await turns()
    gc.collect()
    assert gone() is None
    assert manager.streams(Scope.PUBLIC) == {}


async def test_subscription_outlives_nothing(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    proxy = WebSocketClientProxy("proxy", manager=manager)
    subscription = await proxy.subscribe_ticker(["KRW-BTC"])
    gone = weakref.ref(proxy)
    del proxy
    gc.collect()
    assert gone() is None, "a subscription does not keep its proxy alive"
    await turns()
    assert subscription.is_closed
    subscription.close()
    kept = weakref.ref(subscription)
    del subscription
    gc.collect()
    assert kept() is None


async def test_closed_subscription_is_collected_while_its_proxy_lives(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    proxy = WebSocketClientProxy("proxy", manager=manager)
    subscriptions = [proxy.subscribe_ticker(["KRW-BTC"]) for _ in range(3)]
    await subscriptions[0]
    references: list[weakref.ref[Subscription]] = [weakref.ref(each) for each in subscriptions]
    for each in subscriptions:
        each.close()
    del each
    subscriptions.clear()
    await turns()
    gc.collect()
    assert [reference() for reference in references] == [None] * 3
    proxy.close()


# --- every QObject of the library ------------------------------------------------------------------


async def test_every_qobject_of_a_manager_goes_with_it(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    await manager.aclose()
    references: list[weakref.ref[QObject]] = [weakref.ref(manager), weakref.ref(proxy)]
    references += [weakref.ref(child) for child in manager.findChildren(QObject)]
    kinds = {type(reference()) for reference in references}
    assert {GlobalWebSocketManager, WebSocketClientProxy, FrameClock, ScopeLink, QTimer} <= kinds
    proxy.close()
    make_manager.__closure__  # noqa: B018  # the fixture holds the manager
    for cell in make_manager.__closure__ or ():
        if isinstance(cell.cell_contents, list):
            cell.cell_contents.clear()
    del manager, proxy
    await turns(5)
    gc.collect()
    assert [reference() for reference in references if reference() is not None] == []


async def test_manager_that_was_never_used_is_collected(app: QApplication) -> None:
    manager = GlobalWebSocketManager(WebSocketConfig(base_url="http://127.0.0.1:9"))
    gone = weakref.ref(manager)
    del manager
    gc.collect()
    assert gone() is None


async def test_manager_deleted_in_the_middle_of_a_stream(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    """Not how it should be done, and yet nothing may crash."""
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_trade(["KRW-BTC"])
    clients = [link.client for link in manager._links.values()]
    shiboken6.delete(manager)
    for number in range(100):
        server.exchange.publish(events.trade("KRW-BTC", number))
    await turns(50)
    with pytest.raises(ProxyClosedError):
        proxy.subscribe_ticker(["KRW-BTC"])
    proxy.close()
    for client in clients:
        await client.aclose()


def test_release_token_does_nothing_twice_or_without_a_manager(app: QApplication) -> None:
    manager = GlobalWebSocketManager(WebSocketConfig(base_url="http://127.0.0.1:9"))
    released: list[int] = []
    manager.release_requested.connect(lambda number, _collected: released.append(number))
    token = ReleaseToken(manager.release_requested, 5)
    token()
    token(None)
    assert released == [5]
    orphan = ReleaseToken(manager.release_requested, 6)
    shiboken6.delete(manager)
    orphan()
    other_manager = GlobalWebSocketManager(WebSocketConfig(base_url="http://127.0.0.1:9"))
    other = ReleaseToken(other_manager.release_requested, 7)
    del other_manager
    gc.collect()
    other()


def test_timers_of_the_loop_go_with_it(app: QApplication) -> None:
    loop = QtEventLoop(app)
    loop.run_until_complete(asyncio.sleep(0.001))
    gone = weakref.ref(loop._timers)
    loop.close()
    del loop
    gc.collect()
    assert gone() is None


# --- the end of the process -----------------------------------------------------------------------

STREAMING = """
    import asyncio, logging, sys
    logging.basicConfig(level=logging.WARNING)
    # The exchange ends with its block, in this process and before the connections: that is told, rightly.
    logging.getLogger("qt_upbit").setLevel(logging.ERROR)
    import qt_upbit
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QLabel, QWidget
    from qt_upbit import *
    from qt_upbit.simulator.server.server import SimulatedServer
    from qt_upbit.simulator.settings import SimulatorSettings

    settings = SimulatorSettings(seed=3, rate=20.0, snapshot_delays_s=(0.01, 0.02))
    kept = []

    async def stream(count=50):
        server = SimulatedServer(settings)
        await server.start()
        kept.append(server)
        GlobalWebSocketManager.configure(WebSocketConfig.preset("testing", base_url=server.url))
        got = []
        enough = asyncio.Event()
        def take(event):
            got.append(event)
            if len(got) >= count:
                enough.set()
        proxy = WebSocketClientProxy("proxy")
        kept.append(proxy)
        window = QWidget()
        kept.append(window)
        child = WebSocketClientProxy("child", window)
        child.subscribe_orderbook(["KRW-BTC", "KRW-ETH"], callback=take)
        proxy.ticker_received.connect(take)
        proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
        proxy.subscribe_trade(["KRW-BTC"], callback=take)
        await enough.wait()
        return proxy, window
"""

ENDINGS = {
    "main returns without cleanup": """
    async def main():
        await stream()
        await kept[0].stop()
        print("done")
    qt_upbit.run(main())
    """,
    "the loop is left without closing the manager": """
    from qt_upbit.qt.event_loop import QtEventLoop
    app = QApplication([])
    async def main():
        await stream()
        print("done")
    loop = QtEventLoop(app)
    loop.run_until_complete(main())
    """,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_end_of_the_process(ending: str) -> None:
    """The other endings are in test_lifetime_exit.py."""
    done = run_program(STREAMING.replace("\n    ", "\n") + ENDINGS[ending].replace("\n    ", "\n"))
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.parametrize("step", ["_put", "_drop"])
async def test_a_proxy_may_be_collected_while_another_subscribes_or_ends(
    manager: GlobalWebSocketManager, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The collector runs where it likes, also in the middle of a change of who wants the same stream."""
    held = WebSocketClientProxy("held", manager=manager)
    subscription = held.subscribe_ticker(["KRW-BTC"])
    other: Any = WebSocketClientProxy("collected", manager=manager)
    other.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    other.itself = other  # a cycle, so that only the collector frees it
    plain = getattr(SubscriptionStateManager, step)

    def collecting(self: SubscriptionStateManager, *args: Any, **options: Any) -> Any:
        nonlocal other
        other = None
        gc.collect()
        return plain(self, *args, **options)

    if step == "_put":
        subscription.close()
        monkeypatch.setattr(SubscriptionStateManager, step, collecting)
        held.subscribe_ticker(["KRW-BTC"])
    else:
        monkeypatch.setattr(SubscriptionStateManager, step, collecting)
        held.subscribe_ticker(["KRW-BTC"])
        subscription.close()
    monkeypatch.undo()
    await until(lambda: manager.metrics().proxies == 1)
    assert set(manager.streams(Scope.PUBLIC)) == {StreamKey("ticker", "KRW-BTC")}
    held.close()
    assert manager.streams(Scope.PUBLIC) == {}
