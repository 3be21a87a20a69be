"""Use before the application, and from a second thread: a clear error at the call, and nothing touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal

from qt_upbit import (
    Account,
    CandleFeed,
    Credentials,
    GlobalWebSocketManager,
    ProxyClosedError,
    Scope,
    WebSocketClientProxy,
    WebSocketConfig,
    WrongThreadError,
    owned_slot,
)
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.programs import run_program
from tests.support.wait import HANG_S, until

BEFORE = """
import asyncio
from qt_upbit import *
import qt_upbit
from PySide6.QtCore import QObject

config = WebSocketConfig(
    base_url="http://127.0.0.1:9", credentials=Credentials(access_key="a", secret_key="s" * 64)
)
GlobalWebSocketManager.configure(config)

class Thing(QObject):
    @owned_slot
    async def slot(self): ...

def run(coroutine):
    coroutine.send(None)

for name, call in {
    "instance": GlobalWebSocketManager.instance,
    "manager": lambda: GlobalWebSocketManager(config),
    "proxy": lambda: WebSocketClientProxy("x"),
    "account": Account,
    "shared account": Account.instance,
    "feed": lambda: CandleFeed("KRW-BTC"),
    "owned_slot": lambda: Thing().slot(),
    "until_quit": lambda: run(until_quit()),
}.items():
    try:
        call()
        print(name, "nothing")
    except RuntimeError as error:
        print(name, "QApplication" in str(error) or "qt_upbit.run(...)" in str(error))

async def main():
    proxy = WebSocketClientProxy("x")
    proxy.close()
    return "and then it works"

print(qt_upbit.run(main()))
"""


def test_before_the_application_it_says_what_to_do() -> None:
    done = run_program(BEFORE)
    assert (done.returncode, done.stderr) == (0, "")
    *names, last = done.stdout.splitlines()
    assert [line.rpartition(" ")[2] for line in names] == ["True"] * 8, done.stdout
    assert last == "and then it works"


# --- a second thread ------------------------------------------------------------------------------


def in_a_thread(call: Callable[[], Any]) -> str:
    """Call there; a coroutine is run on a loop of that thread."""

    def work() -> str:
        try:
            result = call()
            if asyncio.iscoroutine(result) or hasattr(result, "__await__"):

                async def wait() -> None:
                    await asyncio.wait_for(_awaited(result), HANG_S)

                asyncio.run(wait())
        except WrongThreadError as error:
            return str(error)
        return "no error"

    return work()


async def _awaited(awaitable: Any) -> None:
    await awaitable


async def test_every_call_from_a_second_thread(make_server: MakeServer, make_manager: MakeManager) -> None:
    """Whatever touches state raises there, at the call; the objects go on as if nothing had been said."""
    server = await make_server()
    manager = make_manager(server, keys=True)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    subscription = proxy.subscribe_trade(["KRW-BTC"])
    waiting = proxy.subscribe_ticker(["KRW-NONE"])
    account = Account.instance(manager)
    feed = CandleFeed("KRW-BTC", count=5, manager=manager)
    await subscription
    await account.synchronized_once()
    await until(lambda: len(feed) and not feed.is_loading)
    credentials = Credentials(access_key="other", secret_key="s" * 64)
    methods = [name for name in dir(proxy) if name.startswith("subscribe_")]
    codes: dict[str, list[Any]] = {"my_order": [], "my_asset": [], "announcement": []}
    options: dict[str, dict[str, Any]] = {
        name: {"timeframe": "5m", "indicators": [{"type": "rsi", "params": {"period": 14}}]}
        for name in ("indicator", "indicator_signal")
    }
    options["indicator_signal"]["indicators"][0] |= {"trigger": "price_cross_above"}
    calls: dict[str, Callable[[], Any]] = {
        **{
            f"proxy.{name}": lambda name=name: getattr(proxy, name)(
                *codes.get(name[10:], [["KRW-ETH"]]), **options.get(name[10:], {})
            )
            for name in methods
        },
        **{
            f"proxy.get_{kind}_snapshot": lambda kind=kind: getattr(proxy, f"get_{kind}_snapshot")(
                ["KRW-ETH"]
            )
            for kind in ("ticker", "trade", "orderbook", "candle")
        },
        "proxy.close": proxy.close,
        "proxy.cleanup": proxy.cleanup,
        "new proxy": lambda: WebSocketClientProxy("late", manager=manager),
        "subscription.close": subscription.close,
        "await subscription": lambda: waiting._wait(),
        "manager.reconnect": manager.reconnect,
        "manager.renew": manager.renew,
        "manager.set_credentials": lambda: manager.set_credentials(credentials),
        "manager.rest": lambda: manager.rest,
        "manager.metrics": manager.metrics,
        "manager.streams": lambda: manager.streams(Scope.PUBLIC),
        "manager.aclose": manager.aclose,
        "new manager": lambda: GlobalWebSocketManager(WebSocketConfig(base_url=server.url)),
        "account.resync": account.resync,
        "account.orders": lambda: account.orders,
        "account.open_orders": lambda: account.open_orders,
        "account.order": lambda: account.order("?"),
        "account.order_by_identifier": lambda: account.order_by_identifier("?"),
        "account.balances": lambda: account.balances,
        "account.balance": lambda: account.balance("KRW"),
        "account.close": account.close,
        "account.aclose": account.aclose,
        "account.synchronized_once": account.synchronized_once,
        "new account": lambda: Account(manager=manager),
        "Account.instance": lambda: Account.instance(manager),
        "feed.set_market": lambda: feed.set_market("KRW-ETH"),
        "feed.load_more": feed.load_more,
        "feed.close": feed.close,
        "new feed": lambda: CandleFeed("KRW-ETH", manager=manager),
    }

    def wanted() -> tuple[Any, ...]:
        return (proxy.subscriptions, *(list(manager.streams(scope)) for scope in Scope))

    before = wanted()
    answers = await asyncio.to_thread(lambda: {name: in_a_thread(call) for name, call in calls.items()})
    assert {name: text for name, text in answers.items() if "GUI thread" not in text} == {}
    assert wanted() == before
    assert not proxy.is_closed
    assert not subscription.is_closed
    assert account.is_synchronized
    assert (feed.code, feed.is_closed) == ("KRW-BTC", False)
    assert manager.is_usable
    assert manager.metrics().proxies == 3
    for end in (proxy.close, feed.close, account.close):
        end()


class Worker(QObject):
    asked = Signal(str)


class Window(QObject):
    def __init__(self, manager: GlobalWebSocketManager) -> None:
        super().__init__()
        self.proxy = WebSocketClientProxy("window", self, manager=manager)
        self.finished: list[str] = []

    def show_market(self, code: str) -> None:
        self.proxy.subscribe_ticker([code])

    @owned_slot
    async def ask(self, code: str) -> None:
        self.finished.append(next(iter(await self.proxy.get_ticker_snapshot([code]))))


async def test_a_signal_is_the_way_from_a_second_thread(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    worker, window = Worker(), Window(manager)
    worker.asked.connect(window.show_market)
    worker.asked.connect(window.ask)
    await asyncio.to_thread(worker.asked.emit, "KRW-BTC")
    await until(lambda: window.finished == ["KRW-BTC"])
    assert len(window.proxy.subscriptions) == 1
    assert "signal" in await asyncio.to_thread(lambda: in_a_thread(lambda: window.ask("KRW-ETH")))
    window.proxy.close()


async def test_calls_after_the_end_say_so(make_server: MakeServer, make_manager: MakeManager) -> None:
    """And ending twice, in whatever order, is quiet."""
    import shiboken6

    manager = make_manager(await make_server(), keys=True)
    account, feed = Account(manager=manager), CandleFeed("KRW-BTC", manager=manager)
    for each in (account, feed):
        shiboken6.delete(each)
        each.close()
        assert each.is_closed
    with pytest.raises(ProxyClosedError):
        account.resync()
    with pytest.raises(ProxyClosedError):
        feed.set_market("KRW-ETH")
    assert not feed.load_more()
