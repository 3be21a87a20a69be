"""The main journeys through TLS, as every user's go, and from an office: company CA, proxy, dead address."""

from __future__ import annotations

import contextlib
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from qt_upbit import (
    Account,
    AccountState,
    AskBid,
    ConfigError,
    ConnectionFailedError,
    ConnectionState,
    Delivery,
    GlobalWebSocketManager,
    OrderState,
    OrderType,
    Scope,
    WebSocketClientProxy,
)
from qt_upbit.network.trust import forget_contexts, load_context
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events, exchange
from tests.support.proxy_servers import HttpProxy
from tests.support.relays import Middlebox, TlsFront
from tests.support.wait import until
from tests.support.world import Authority, black_hole, fake_names

HOST, PROXY = "exchange.test", "proxy.test"


class Way:
    """How the exchange is reached.

    Attributes:
        server: the exchange.
        front: TLS before it.
        fields: settings that lead there.
        proxy: on the way, where there is one.
    """

    def __init__(self, server: SimulatedServer, front: TlsFront, fields: dict[str, Any]) -> None:
        self.server = server
        self.front = front
        self.fields = fields
        self.proxy: HttpProxy | None = None
        self.make_manager: Callable[..., GlobalWebSocketManager]


MakeWay = Callable[..., Awaitable[Way]]


@pytest_asyncio.fixture
async def make_way(
    make_server: MakeServer, make_manager: MakeManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeWay]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    forget_contexts()
    async with contextlib.AsyncExitStack() as stack:
        authority = Authority()
        names = stack.enter_context(fake_names(monkeypatch, {HOST: ["127.0.0.1"]}))

        async def make(kind: str, **settings: Any) -> Way:
            server = await make_server(hosts=[HOST], **settings)
            port = int(server.url.rpartition(":")[2])
            front = await stack.enter_async_context(TlsFront(port, authority.server_context(HOST)))
            fields: dict[str, Any] = {
                "base_url": f"https://{HOST}:{front.port}",
                "ca_bundle": authority.file(tmp_path),
            }
            way = Way(server, front, fields)
            if kind == "office":
                way.proxy = await stack.enter_async_context(HttpProxy(front.port, login=("me", "p@ss")))
                names.addresses = {PROXY: ["127.0.0.1"]}
                if sys.platform.startswith("linux"):
                    stack.enter_context(black_hole("127.0.0.2", way.proxy.port))
                    names.addresses = {PROXY: ["127.0.0.2", "127.0.0.1"]}
                monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@{PROXY}:{way.proxy.port}")
                fields["use_system_proxy"] = True
            way.make_manager = lambda **more: make_manager(server, **(fields | more))
            return way

        yield make


ways = pytest.mark.parametrize("kind", ["tls", "office"])


@ways
async def test_first_tick_rest_and_order(kind: str, make_way: MakeWay) -> None:
    way = await make_way(kind)
    manager = way.make_manager(keys=True)
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[Any]()
    await proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    await until(lambda: seen)
    assert await manager.rest.get_accounts()
    order = await manager.rest.create_order(
        "KRW-BTC", AskBid.BID, OrderType.LIMIT, volume="0.001", price="90000000"
    )
    assert order.state is OrderState.WAIT
    if way.proxy is not None:
        assert set(way.proxy.targets) == {f"{HOST}:{way.front.port}"}
    proxy.close()


@ways
async def test_a_reset_connection_comes_back(kind: str, make_way: MakeWay) -> None:
    way = await make_way(kind)
    manager = way.make_manager()
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[int]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda event: seen.append(event.sequential_id))
    for number in range(1, 3):
        way.front.cut()
        await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects == number)  # noqa: B023  # awaited
        await until(lambda: manager.public_state is ConnectionState.LIVE)
        await until(lambda: exchange.streams(way.server) == {("trade", "KRW-BTC")})
        way.server.exchange.publish(events.trade("KRW-BTC", number))
        await until(lambda: seen[-1:] == [number])  # noqa: B023  # awaited
    proxy.close()


@ways
async def test_an_account_and_the_renewal_of_its_token(kind: str, make_way: MakeWay) -> None:
    way = await make_way(kind)
    manager = way.make_manager(keys=True)
    account, renewed = Account(manager=manager), list[Scope]()
    manager.token_renewed.connect(renewed.append)
    await until(lambda: account.state is AccountState.SYNCHRONIZED)
    assert manager.renew(Scope.PRIVATE)
    await until(lambda: renewed == [Scope.PRIVATE])
    assert manager.private_state is ConnectionState.LIVE
    account.close()


async def test_trades_of_an_outage_are_recovered(make_way: MakeWay) -> None:
    way = await make_way("tls", market_running=True, time_scale=20.0)
    server, manager = way.server, way.make_manager()
    proxy, seen = WebSocketClientProxy("tape", manager=manager), list[Any]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=seen.append, delivery=Delivery.EVERY)
    await until(lambda: len(seen) > 3)
    server.refuse_connections = True
    begin = server.exchange.market_ms(server.now())
    way.front.cut()
    await until(lambda: server.exchange.market_ms(server.now()) - begin > 20_000)
    server.refuse_connections = False
    await until(lambda: any(event.is_recovered for event in seen))
    proxy.close()


async def test_certificates_are_read_once_and_not_in_the_gui_thread(
    make_way: MakeWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    for method in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
        real = getattr(ssl.SSLContext, method)

        def watched(context: Any, *args: Any, real: Any = real, **options: Any) -> Any:
            threads.append(threading.current_thread())
            return real(context, *args, **options)

        monkeypatch.setattr(ssl.SSLContext, method, watched)
    way = await make_way("tls")
    threads.clear()  # the fixture's own
    manager = way.make_manager(keys=True)
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[Any]()
    await proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    await proxy.subscribe_my_order(callback=seen.append)
    assert await manager.rest.get_accounts()
    assert manager.renew(Scope.PRIVATE)
    read = len(threads)
    way.front.cut()
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects)
    await until(lambda: manager.public_state is ConnectionState.LIVE)
    assert read == len(threads), "nothing is read again"
    assert {thread.name for thread in threads} == {"qt_upbit certificates"}
    proxy.close()


@pytest.mark.logs("certificate")
async def test_a_refused_certificate_is_one_error_until_it_is_accepted(
    make_way: MakeWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried with growing pauses, told once, and over once the authority is installed."""
    way = await make_way("tls")
    ca_file = way.fields["ca_bundle"]
    manager = way.make_manager(ca_bundle=None)
    errors: list[Any] = []
    manager.error_occurred.connect(lambda owner, error: errors.append(error))
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[Any]()
    proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    await until(lambda: manager._links[Scope.PUBLIC].connection.epoch >= 4, what="further attempts")
    (error,) = errors
    assert isinstance(error, ConnectionFailedError)
    assert f"certificate of {HOST}" in str(error)
    assert manager.public_state is ConnectionState.RECONNECTING
    monkeypatch.setattr("qt_upbit.network.trust.load_context", lambda _: load_context(ca_file))
    await until(lambda: seen)
    proxy.close()


@pytest.mark.logs("python-socks")
async def test_an_account_behind_socks_without_its_library_is_incomplete_and_says_why(
    make_way: MakeWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = await make_way("tls")
    monkeypatch.setitem(sys.modules, "python_socks", None)
    account = Account(manager=way.make_manager(keys=True, proxy="socks5h://127.0.0.1:1080"))
    await until(lambda: account.state is AccountState.INCOMPLETE)
    assert isinstance(account.error, ConfigError)
    assert "pip install 'qt-upbit[socks]'" in str(account.error)
    account.close()


# --- what lies between -----------------------------------------------------------------------------


@pytest_asyncio.fixture
async def box_way(make_way: MakeWay) -> AsyncIterator[tuple[Way, Middlebox]]:
    """A middlebox before the TLS server."""
    way = await make_way("tls")
    async with Middlebox(way.front.port) as box:
        way.fields["base_url"] = f"https://{HOST}:{box.port}"
        yield way, box


@pytest.mark.parametrize("how", ["delayed", "split to bytes"])
async def test_bytes_may_come_late_and_one_by_one(how: str, box_way: tuple[Way, Middlebox]) -> None:
    way, box = box_way
    box.delay_s, box.is_split = (0.02, False) if how == "delayed" else (0.0, True)
    manager = way.make_manager(keys=True)
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[Any]()
    await proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    await until(lambda: seen)
    assert await manager.rest.get_accounts()
    proxy.close()


@pytest.mark.parametrize("how", ["frozen", "reset", "half-closed", "flipped bits"])
@pytest.mark.logs("connection")
async def test_a_connection_that_is_spoilt_is_replaced(how: str, box_way: tuple[Way, Middlebox]) -> None:
    way, box = box_way
    manager = way.make_manager(ping_interval_s=0.05, pong_timeout_s=0.3)
    proxy, seen = WebSocketClientProxy("chart", manager=manager), list[int]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda event: seen.append(event.sequential_id))
    match how:
        case "frozen":
            box.freeze()
        case "reset":
            box.cut()
        case "half-closed":
            box.end_upstream()
        case "flipped bits":
            box.flip = lambda data: bytes((data[0], *(byte ^ 0x20 for byte in data[1:])))
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects)
    box.flip = None
    box.thaw()
    await until(lambda: manager.public_state is ConnectionState.LIVE)
    await until(lambda: exchange.streams(way.server) == {("trade", "KRW-BTC")})
    way.server.exchange.publish(events.trade("KRW-BTC", 7))
    await until(lambda: seen[-1:] == [7])
    proxy.close()
