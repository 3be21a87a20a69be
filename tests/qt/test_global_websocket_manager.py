"""The manager over real sockets: one connection, the exact union, faults, and what it reports."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from qt_upbit import (
    AuthenticationError,
    ConfigError,
    ConnectionFailedError,
    Credentials,
    DecodeError,
    Delivery,
    GlobalWebSocketManager,
    Metrics,
    ProxyClosedError,
    Subscription,
    WebSocketClientProxy,
    WebSocketConfig,
    WrongThreadError,
    models,
)
from qt_upbit.models import from_dict
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import BaseWebSocketEvent, ConnectionState, Scope, TradeEvent, WireFormat
from tests.qt.conftest import SIMULATOR, MakeManager, MakeProxy, MakeServer, on_both_loops
from tests.support import events, exchange
from tests.support.cpu_share import CpuShare
from tests.support.nested_loop import nested_loop_until
from tests.support.programs import run_program
from tests.support.raw_server import BINARY, Peer, RawServer, close_frame, frame
from tests.support.wait import HANG_S, turns, until

pytestmark = pytest.mark.filterwarnings("ignore:the proxy .* was collected:ResourceWarning")
"""Proxies are dropped here while they subscribe, on purpose."""

CODES = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE", "KRW-ADA", "BTC-ETH", "USDT-BTC"]


class States:
    """The states a manager reported, in order, and each as the property said it at that moment."""

    def __init__(self, manager: GlobalWebSocketManager, scope: Scope = Scope.PUBLIC) -> None:
        self.seen: list[ConnectionState] = []
        self.by_property: list[Any] = []
        self._manager = manager
        self._scope = scope
        manager.state_changed.connect(self._take)

    def _take(self, scope: Scope, state: ConnectionState) -> None:
        if scope is self._scope:
            self.seen.append(state)

    async def until(self, state: ConnectionState) -> None:
        await until(lambda: self.seen[-1:] == [state], what=f"{state}")


# --- one connection, the exact union ---------------------------------------------------------------


async def test_forty_widgets_opened_at_once_are_one_message(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    window = QWidget()
    subscriptions: list[Subscription] = []
    for i in range(40):
        widget = QWidget(window)
        proxy = WebSocketClientProxy(f"widget {i}", widget, manager=manager)
        subscriptions.append(proxy.subscribe_ticker([CODES[i % 8]]))
        subscriptions.append(proxy.subscribe_orderbook([CODES[(i + 1) % 8]], depth=(1, 5, 15, 30)[i % 4]))
    for subscription in subscriptions:
        await subscription
    assert len(exchange.session(server).messages) == 1
    assert server.exchange.total_connections(Scope.PUBLIC) == 1
    assert manager.metrics().scopes[Scope.PUBLIC].connections_open == 1
    window.deleteLater()
    await until(lambda: manager.metrics().proxies == 0)


async def listed(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    """Wait until what the server says it serves is exactly what is wanted."""

    def agree() -> bool:
        wanted = {(key.type, key.code) for key in manager.streams(Scope.PUBLIC)}
        if not wanted:
            return True
        if exchange.streams(server) != wanted:
            return False
        # In the words of LIST_SUBSCRIPTIONS as well.
        missing, surplus = manager._state.audit(
            Scope.PUBLIC,
            [
                {"type": item.type, "codes": list(item.codes or ()), **item.options}
                for item in exchange.session(server).subscription
            ],
        )
        return not missing and not surplus

    await until(agree, what="the server's set is the union of all requests")


@pytest.mark.parametrize("seed", range(4))
async def test_fifty_proxies_one_connection_exact_union_no_interruption(
    make_server: MakeServer, make_manager: MakeManager, seed: int
) -> None:
    """The acceptance: whatever opens and closes around it, each stream goes on without a missing event."""
    share = CpuShare()
    server = await make_server(duplicate_snapshot=False, message_excess="count")
    manager = make_manager(server, coalesce_s=0.005)
    rng = random.Random(seed)
    errors: list[Any] = []
    manager.error_occurred.connect(lambda owner, error: errors.append((owner, error)))
    got: dict[int, dict[str, list[int]]] = {}
    proxies: dict[int, WebSocketClientProxy] = {}
    codes_of: dict[int, list[str]] = {}
    published: dict[str, list[int]] = {code: [] for code in CODES}
    began: dict[tuple[int, str], int] = {}
    number = 0
    running = True

    async def market() -> None:
        nonlocal number
        while running:
            for code in CODES:
                number += 1
                published[code].append(number)
                server.exchange.publish(events.trade(code, number))
            await asyncio.sleep(0.002)

    def open_one(i: int) -> None:
        proxy = WebSocketClientProxy(f"proxy {i}", manager=manager)
        codes = rng.sample(CODES, rng.randint(1, 5))
        mine = got.setdefault(i, {code: [] for code in codes})
        proxy.trade_received.connect(
            lambda e: None if e.is_snapshot else mine[e.code].append(e.sequential_id)
        )
        proxy.subscribe_trade(codes)
        # Requests of other kinds for the same codes, in all variants.
        if rng.random() < 0.5:
            proxy.subscribe_orderbook(rng.sample(CODES, 2), depth=rng.choice((1, 5, 15, 30)))
        if rng.random() < 0.3:
            proxy.subscribe_candle(rng.sample(CODES, 2), unit=rng.choice(("1s", "1m", "60m")))
        proxies[i] = proxy
        codes_of[i] = codes

    for i in range(50):
        open_one(i)
    await listed(server, manager)
    for proxy in proxies.values():
        for subscription in proxy.subscriptions:
            await subscription
    for i, codes in codes_of.items():
        for code in codes:
            began[i, code] = number
    task = asyncio.create_task(market())
    order = list(proxies)
    rng.shuffle(order)
    for i in order:
        await asyncio.sleep(0.003)
        how = rng.choice(("close", "deleteLater", "drop"))
        if how == "close":
            proxies[i].close()
        elif how == "deleteLater":
            proxies[i].deleteLater()
        del proxies[i]
        if rng.random() < 0.2:
            await listed(server, manager)
        if len(proxies) == 1:
            break
    await asyncio.sleep(0.05)
    running = False
    await task
    (last,) = proxies
    await until(lambda: all(got[last][code][-1:] == published[code][-1:] for code in codes_of[last]))
    for i, mine in got.items():
        for code in codes_of[i]:
            expected = [n for n in published[code] if n > began[i, code]]
            # Complete and in order up to its end, whichever proxies came and went.
            assert mine[code] == expected[: len(mine[code])]
    for code in codes_of[last]:
        assert got[last][code] == [n for n in published[code] if n > began[last, code]]
    assert errors == []
    assert server.exchange.total_connections(Scope.PUBLIC) == 1
    if violations := dict(server.exchange.violations):
        # On a stalled machine, what was sent in time arrives in a burst, and the exchange counts arrivals.
        share.excuse(f"limits broken: {violations}", 0.1)
    proxies[last].close()
    await listed(server, manager)


async def test_who_reopens_a_window_finds_the_connection_open(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, linger_s=60.0)
    states = States(manager)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    states.seen.clear()
    proxy.close()
    await until(lambda: manager.metrics().proxies == 0)
    again = WebSocketClientProxy("again", manager=manager)
    await again.subscribe_ticker(["KRW-ETH"])
    assert server.exchange.total_connections(Scope.PUBLIC) == 1
    assert states.seen == []
    again.close()


async def test_connection_closes_some_time_after_the_last_subscriber(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, linger_s=0.05)
    states = States(manager)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    proxy.close()
    await states.until(ConnectionState.IDLE)
    await until(lambda: server.exchange.connection_count(Scope.PUBLIC) == 0)
    assert manager.metrics().scopes[Scope.PUBLIC].connections_open == 0
    third = WebSocketClientProxy("third", manager=manager)
    await third.subscribe_ticker(["KRW-BTC"])
    assert server.exchange.total_connections(Scope.PUBLIC) == 2
    third.close()


# --- states ---------------------------------------------------------------------------------------


async def test_states_of_a_first_connection(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server)
    states = States(manager)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    at_proxy: list[Any] = []
    proxy.connection_state_changed.connect(lambda scope, state: at_proxy.append((scope, state)))
    properties: list[Any] = []
    manager.public_state_changed.connect(
        lambda state: properties.append((state, manager.property("public_state")))
    )
    assert manager.property("public_state") is ConnectionState.IDLE
    assert proxy.connection_state() is ConnectionState.IDLE
    await proxy.subscribe_ticker(["KRW-BTC"])
    await states.until(ConnectionState.LIVE)
    assert states.seen == [ConnectionState.CONNECTING, ConnectionState.RESYNCING, ConnectionState.LIVE]
    assert at_proxy == [(Scope.PUBLIC, state) for state in states.seen]
    assert [reported for reported, _ in properties] == states.seen
    assert manager.property("public_state") is ConnectionState.LIVE
    assert manager.property("private_state") is ConnectionState.IDLE
    for name in ("public_state", "private_state", "info_state"):
        meta = manager.metaObject().property(manager.metaObject().indexOfProperty(name))
        assert meta.hasNotifySignal()
        assert bytes(meta.notifySignal().name().data()).decode() == f"{name}_changed"
    proxy.close()
    await manager.aclose()
    assert states.seen[-1] is ConnectionState.CLOSED


@pytest.mark.parametrize("how", ["close", "reset", "silent"])
async def test_a_dropped_connection_recovers(
    make_server: MakeServer, make_manager: MakeManager, how: Any
) -> None:
    server = await make_server()
    # A cut is noticed by itself, and what falls silent by its pongs.
    manager = make_manager(server, ping_interval_s=0.1, pong_timeout_s=1.0 if how == "silent" else 30.0)
    states = States(manager)
    reported: list[Any] = []
    gaps: list[Any] = []
    proxies = [WebSocketClientProxy(f"proxy {i}", manager=manager) for i in range(3)]
    for i, proxy in enumerate(proxies):
        proxy.subscribe_trade(CODES[i : i + 2])
        proxy.subscribe_orderbook([CODES[i]], depth=5)
    for proxy in proxies:
        for subscription in proxy.subscriptions:
            await subscription
    before = exchange.streams(server)
    proxies[0].trade_received.connect(lambda e: reported.append(e.sequential_id))
    proxies[0].gap_detected.connect(lambda *gap: (gaps.append(gap), reported.append("gap")))
    before_it = datetime.now(UTC)
    server.exchange.publish(events.trade("KRW-BTC", 1))
    await until(lambda: reported == [1])
    began = datetime.now(UTC)
    states.seen.clear()
    assert await server.drop(Scope.PUBLIC, how) == 1
    await states.until(ConnectionState.LIVE)
    assert states.seen == [ConnectionState.RECONNECTING, ConnectionState.RESYNCING, ConnectionState.LIVE]
    await until(lambda: exchange.streams(server) == before, what="the whole set was sent again")
    server.exchange.publish(events.trade("KRW-BTC", 2))
    await until(lambda: reported[-1:] == [2])
    # The gap stands where the data is missing: after what came before, before what came since.
    assert reported[0] == 1
    assert "gap" in reported[1:-1]
    assert reported.index("gap") == 1
    scope, codes, begin, end = gaps[0]
    assert scope is Scope.PUBLIC
    assert set(codes) <= {"KRW-BTC", "KRW-ETH"}
    # Two clocks are compared, and a moment may lie between the two looks.
    slack = timedelta(seconds=1)
    assert before_it - slack < begin <= end
    assert began - slack < end < datetime.now(UTC) + slack
    assert manager.metrics().scopes[Scope.PUBLIC].connections_open == 1
    assert manager.metrics().scopes[Scope.PUBLIC].reconnects == 1
    for proxy in proxies:
        proxy.close()


async def test_snapshot_while_the_connection_recovers(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    await proxy.subscribe_trade(["KRW-BTC"])
    await proxy.subscribe_ticker(["KRW-BTC"])
    states = States(proxy._manager)
    # The first reconnect is immediate: unless it is refused, the state may be over before it is seen.
    server.refuse_connections = True
    await server.drop(Scope.PUBLIC, "close")
    await states.until(ConnectionState.RECONNECTING)
    asked = asyncio.gather(
        proxy.get_trade_snapshot(["KRW-BTC"]),
        proxy.get_ticker_snapshot(["KRW-BTC"]),
        proxy.get_ticker_snapshot(["KRW-ETH"]),
    )
    await turns()
    assert not asked.done()
    server.refuse_connections = False
    async with asyncio.timeout(HANG_S):
        trades, tickers, other = await asked
    assert (list(trades), list(tickers), list(other)) == (["KRW-BTC"], ["KRW-BTC"], ["KRW-ETH"])


async def test_server_down_and_back(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server)
    errors: list[Any] = []
    manager.error_occurred.connect(lambda owner, error: errors.append((owner, error)))
    states = States(manager)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    await server.stop_listening()
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects == 1 and len(errors) >= 2)
    reported = len(errors)
    connection = manager._links[Scope.PUBLIC].connection
    tries = connection.epoch
    await until(lambda: connection.epoch > tries + 3)
    assert len(errors) == reported, "each reason is reported once, not with every attempt"
    assert states.seen[-1] is ConnectionState.RECONNECTING
    assert isinstance(manager.error(Scope.PUBLIC), ConnectionFailedError)
    await server.start_listening()
    await states.until(ConnectionState.LIVE)
    assert manager.error(Scope.PUBLIC) is None
    proxy.close()


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_refused_handshake_is_tried_again(
    server: SimulatedServer, make_manager: MakeManager, status: int
) -> None:
    manager = make_manager(server)
    states = States(manager)
    server.handshake_status = status
    proxy = WebSocketClientProxy("proxy", manager=manager)
    subscription = proxy.subscribe_ticker(["KRW-BTC"])
    await until(lambda: manager.error(Scope.PUBLIC) is not None)
    error = manager.error(Scope.PUBLIC)
    assert isinstance(error, ConnectionFailedError)
    assert error.status == status
    assert ConnectionState.REJECTED not in states.seen
    server.handshake_status = None
    await subscription
    proxy.close()


@pytest.mark.parametrize("auth_failure", ["http", "frame"])
async def test_wrong_keys_are_explained_once_and_not_tried_again(
    make_server: MakeServer, make_manager: MakeManager, auth_failure: str
) -> None:
    server = await make_server(auth_failure=auth_failure)
    manager = make_manager(server, credentials=Credentials(access_key="wrong", secret_key="s" * 64))
    states = States(manager, Scope.PRIVATE)
    errors: list[Any] = []
    at_manager: list[Any] = []
    manager.error_occurred.connect(lambda owner, error: at_manager.append((owner, error)))
    proxy = WebSocketClientProxy("account", manager=manager)
    proxy.error_occurred.connect(errors.append)
    public = proxy.subscribe_ticker(["KRW-BTC"])
    with pytest.raises(AuthenticationError):
        await proxy.subscribe_my_order()
    await states.until(ConnectionState.REJECTED)
    total = server.exchange.total_connections(Scope.PRIVATE)
    # It is reported to later subscribers as well, at once.
    with pytest.raises(AuthenticationError):
        async with asyncio.timeout(HANG_S):
            await proxy.subscribe_my_asset()
    assert manager._links[Scope.PRIVATE].connection.next_deadline() is None, "no further try is planned"
    assert server.exchange.total_connections(Scope.PRIVATE) == total
    assert total <= 1
    assert manager.state(Scope.PRIVATE) is ConnectionState.REJECTED
    assert len([e for owner, e in at_manager if isinstance(e, AuthenticationError)]) == 1
    assert errors
    assert all(isinstance(error, AuthenticationError) for error in errors)
    for error in errors:
        assert "wrong" not in str(error) + repr(error)
    await public
    proxy.close()


async def test_reconnect_leads_out_of_rejected(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server()
    manager = make_manager(server, keys=True)
    states = States(manager, Scope.PRIVATE)
    server.handshake_status = 401
    proxy = WebSocketClientProxy("account", manager=manager)
    orders = proxy.subscribe_my_order()
    with pytest.raises(AuthenticationError):
        await orders
    await states.until(ConnectionState.REJECTED)
    server.handshake_status = None
    manager.reconnect(Scope.PRIVATE)
    # Seed 5192 of the chaos suite: the account took the old answer for a new one, and gave up.
    await until(lambda: states.seen[-1] is not ConnectionState.REJECTED)
    assert (await orders).is_live
    await states.until(ConnectionState.LIVE)
    await proxy.subscribe_my_asset()
    proxy.close()


async def test_reconnect_on_request(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    await proxy.subscribe_ticker(["KRW-BTC"])
    states = States(proxy._manager)
    proxy._manager.reconnect()
    await states.until(ConnectionState.LIVE)
    assert server.exchange.total_connections(Scope.PUBLIC) == 2
    await until(lambda: server.exchange.connection_count(Scope.PUBLIC) == 1)


async def test_reconnect_without_a_connection_does_nothing(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    manager.reconnect()
    manager.reconnect(Scope.PRIVATE)
    await turns()
    assert manager.metrics().scopes[Scope.PUBLIC].connections_open == 0
    for scope in Scope:
        assert manager.state(scope) is ConnectionState.IDLE
        assert manager._links[scope].connection.next_deadline() is None, "nothing is planned"
    assert server.exchange.total_connections(Scope.PUBLIC) == 0


# --- bad frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_malformed_frames_are_reported_and_the_stream_goes_on(
    server: SimulatedServer, make_manager: MakeManager, delivery: Delivery
) -> None:
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    seen: list[Any] = []
    errors: list[Any] = []

    def take(value: Any) -> None:
        seen.extend(value if isinstance(value, tuple) else (value,))

    proxy.error_occurred.connect(errors.append)
    await proxy.subscribe_ticker(["KRW-BTC"], delivery=delivery, callback=take)
    session = exchange.session(server)
    good = json.dumps({"type": "ticker"}).encode()
    for data in (
        b"",
        b"not json",
        b"\xff\xfe\xfd",
        b"{",
        b"[",
        b"null",
        b"5",
        b"[" * 20_000,
        b'{"ty":"ticker","cd":"KRW-BTC"}',
        b'{"ty":"ticker","cd":"KRW-BTC","tp":"a lot"}',
        b'{"type":"ticker","code":"KRW-BTC","x":' + b"[" * 20_000,
        b'{"ty":"sunshine","cd":"KRW-BTC"}',
        b'{"error":5}',
        b'{"method":"LIST_SUBSCRIPTIONS","result":7}',
        b'{"status":null}',
        good,
    ):
        server.exchange.send_raw(session, data)
    server.exchange.publish(events.ticker("KRW-BTC", 42))
    await until(lambda: seen and seen[-1].trade_price == 42)
    assert len(errors) > 5
    assert all(isinstance(error, DecodeError) for error in errors)
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    assert manager.metrics().errors >= len(errors)
    proxy.close()


async def test_error_in_the_packet_of_the_handshake_is_heard(make_manager: MakeManager) -> None:
    """A refused token may be reported before we have said anything."""
    refusal = b'{"error":{"name":"INVALID_AUTH","message":"..."}}'

    async def script(peer: Peer) -> None:
        await peer.accept(frame(BINARY, refusal), close_frame(1000))
        await peer.read_all()

    async with RawServer(script) as server:

        class Address:
            url = f"http://127.0.0.1:{server.port}"

        manager = make_manager(Address(), keys=True)
        proxy = WebSocketClientProxy("account", manager=manager)
        with pytest.raises(AuthenticationError):
            await proxy.subscribe_my_order()
        assert manager.state(Scope.PRIVATE) is ConnectionState.REJECTED
        assert len(server.peers) == 1
        proxy.close()
        await manager.aclose()


# --- metrics --------------------------------------------------------------------------------------


async def test_metrics_report_what_happens(make_server: MakeServer, make_manager: MakeManager) -> None:
    server = await make_server()
    manager = make_manager(server, metrics_interval_s=0.1)
    reported: list[Metrics] = []
    manager.metrics_updated.connect(reported.append)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_orderbook(["KRW-BTC", "KRW-ETH"])
    for i in range(200):
        server.exchange.publish(events.orderbook("KRW-BTC", 1_800_000_000_000 + i))
    await until(lambda: reported and reported[-1].scopes[Scope.PUBLIC].messages >= 202)
    public = reported[-1].scopes[Scope.PUBLIC]
    assert public.state is ConnectionState.LIVE
    assert public.connections_open == 1
    assert public.streams == 2
    assert public.requests_sent == 1
    assert public.wire_bytes < public.inflated_bytes
    assert 0.3 < public.compression_saving < 1.0
    assert max(m.scopes[Scope.PUBLIC].messages_per_second for m in reported) > 0
    assert reported[-1].proxies == 1
    assert reported[-1].subscriptions == 1
    assert reported[-1].events_delivered + reported[-1].events_conflated >= 202
    assert reported[-1].events_lost == reported[-1].errors == 0
    assert 0 < reported[-1].latency_p50_s <= reported[-1].latency_p99_s <= reported[-1].latency_max_s
    proxy.close()
    await until(lambda: not manager._metrics_timer.isActive(), what="nothing to report, no timer")


# --- the application's manager ---------------------------------------------------------------------


@pytest.fixture
async def _fresh_application() -> AsyncIterator[None]:
    yield
    await GlobalWebSocketManager.close_instance()
    GlobalWebSocketManager._configured = None


@pytest.mark.usefixtures("_fresh_application")
async def test_configure_instance_close_and_again(server: SimulatedServer) -> None:
    config = WebSocketConfig.preset("testing", base_url=server.url)
    with pytest.raises(ConfigError, match="WebSocketConfig"):
        GlobalWebSocketManager.configure({"base_url": server.url})  # type: ignore[arg-type]  # the mistake
    GlobalWebSocketManager.configure(config)
    first = GlobalWebSocketManager.instance()
    assert GlobalWebSocketManager.instance() is first
    assert first.config is config
    with pytest.raises(ConfigError, match="too late"):
        GlobalWebSocketManager.configure(config)
    proxy = WebSocketClientProxy("proxy")
    subscription = await proxy.subscribe_ticker(["KRW-BTC"])
    await GlobalWebSocketManager.close_instance()
    await GlobalWebSocketManager.close_instance()
    assert subscription.is_closed
    assert not first.is_usable
    with pytest.raises(ProxyClosedError):
        proxy.subscribe_ticker(["KRW-BTC"])
    proxy.close()
    GlobalWebSocketManager.configure(config)
    second = GlobalWebSocketManager.instance()
    assert second is not first
    again = WebSocketClientProxy("again")
    async with again.subscribe_ticker(["KRW-BTC"]):
        assert server.exchange.connection_count(Scope.PUBLIC) == 1
    again.close()


@pytest.mark.usefixtures("_fresh_application")
async def test_configuration_of_the_environment(
    server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_UPBIT_BASE_URL", server.url)
    proxy = WebSocketClientProxy("proxy")
    await proxy.subscribe_ticker(["KRW-BTC"])
    proxy.close()


@pytest.mark.usefixtures("_fresh_application")
async def test_instance_from_another_thread() -> None:
    def work() -> str:
        try:
            GlobalWebSocketManager.instance()
        except WrongThreadError as exc:
            return str(exc)
        return ""

    assert "GUI thread" in await asyncio.to_thread(work)
    assert GlobalWebSocketManager._instance is None


def test_instance_before_the_application_says_what_to_do() -> None:
    done = run_program(
        "from qt_upbit import WebSocketClientProxy\n"
        "try:\n    WebSocketClientProxy('x')\n"
        "except RuntimeError as exc:\n    print(exc)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "QApplication" in done.stdout


def test_without_an_asyncio_loop_it_says_so() -> None:
    """Qt runs, asyncio does not: an application that calls app.exec() itself."""
    done = run_program(
        """
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication
        from qt_upbit import WebSocketClientProxy
        app = QApplication([])
        proxy = WebSocketClientProxy("x")
        def on_error(error):
            print(error)
            app.quit()
        proxy.error_occurred.connect(on_error)
        proxy.subscribe_ticker(["KRW-BTC"])
        QTimer.singleShot(40000, app.quit)
        app.exec()
        """,
        QT_UPBIT_BASE_URL="http://127.0.0.1:9",
    )
    assert done.returncode == 0
    assert done.stderr.startswith("no asyncio loop is running"), "at once"
    assert "qt_upbit.run" in done.stdout


async def test_aclose_is_idempotent_and_ends_what_waits(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy()
    manager = proxy._manager
    await server.stop_listening()
    subscription = proxy.subscribe_ticker(["KRW-BTC"])

    async def wait() -> None:
        await subscription

    waiting = [asyncio.create_task(wait()), asyncio.create_task(proxy.get_ticker_snapshot(["KRW-ETH"]))]
    await turns(3)
    await asyncio.gather(manager.aclose(), manager.aclose())
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [ProxyClosedError, ProxyClosedError]
    assert manager.state(Scope.PUBLIC) is ConnectionState.CLOSED
    with pytest.raises(ProxyClosedError):
        manager.reconnect()


async def test_state_slot_that_opens_a_dialog_stops_nothing(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server)
    seen: list[Any] = []

    def on_state(scope: Scope, state: ConnectionState) -> None:
        seen.append(state)
        if state is ConnectionState.CONNECTING:
            nested_loop_until(lambda: ConnectionState.LIVE in seen, "live while the dialog is open")
            seen.append("closed")

    manager.state_changed.connect(on_state)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    await until(lambda: "closed" in seen)
    assert seen == [
        ConnectionState.CONNECTING,
        ConnectionState.RESYNCING,
        ConnectionState.LIVE,
        "closed",
    ]
    proxy.close()


@on_both_loops
@pytest.mark.logs("connection cut without a close frame")
async def test_works_on_either_loop() -> None:
    """An application may bring a stock qasync loop."""
    # All inside the test: between fixture and test a stock loop lets tasks go on, and they die of it.
    async with SimulatedServer(SimulatorSettings(**SIMULATOR, duplicate_snapshot=False)) as server:
        manager = GlobalWebSocketManager(WebSocketConfig.preset("testing", base_url=server.url))
        proxy, seen = WebSocketClientProxy("proxy", manager=manager), list[Any]()
        proxy.trade_received.connect(seen.append)
        async with asyncio.timeout(HANG_S):
            await proxy.subscribe_trade(["KRW-BTC"])
            await proxy.get_ticker_snapshot(["KRW-ETH"])
            for number in range(1, 100):
                server.exchange.publish(events.trade("KRW-BTC", number))
            await until(lambda: len(seen) == 100)
            await server.drop(Scope.PUBLIC, "reset")
            await until(lambda: manager.metrics().scopes[Scope.PUBLIC].reconnects == 1)
            await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
        proxy.close()
        await manager.aclose()


# --- bursts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_burst_of_ten_thousand_leaves_qt_its_turn(
    server: SimulatedServer, make_manager: MakeManager, delivery: Delivery
) -> None:
    """Socket, decoding, buffers and slots together: a window's timer goes on ticking all the while."""
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    got: list[int] = []

    def take(value: Any) -> None:
        got.extend(e.sequential_id for e in (value if isinstance(value, tuple) else (value,)))

    await proxy.subscribe_trade(["KRW-BTC"], delivery=delivery, callback=take)
    await until(lambda: got)
    session = exchange.session(server)
    frames = [
        models.encode(events.trade("KRW-BTC", number), WireFormat.SIMPLE) for number in range(1, 10_001)
    ]
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.process_time()))
    timer.start(0)
    # Time of our own on the processor: a busy machine is no fault of ours.
    begin = time.process_time()
    for data in frames:
        server.exchange.send_raw(session, data)
    sent = time.process_time()
    await until(lambda: got[-1] == 10_000)
    end = time.process_time()
    timer.stop()
    if delivery is Delivery.LATEST:
        assert len(got) < 2_000
    else:
        assert got[1:] == list(range(1, 10_001))
    inside = [at for at in ticks if sent < at < end]
    longest = max(b - a for a, b in itertools.pairwise([sent, *inside]))
    rate = 10_000 / (end - begin)
    print(f"{delivery}: {rate:,.0f}/s, {len(inside)} ticks, longest wait {longest * 1e3:.1f} ms")
    assert len(inside) > 10
    assert longest < 0.1
    assert manager.metrics().events_lost == 0
    proxy.close()


# --- the recording ---------------------------------------------------------------------------------

RECORDING = Path(__file__).parents[1] / "data" / "capture.2021-04-17.simple.jsonl"


def recorded() -> list[BaseWebSocketEvent]:
    from decimal import Decimal

    lines = RECORDING.read_text(encoding="utf-8").splitlines()
    return [from_dict(json.loads(line, parse_float=Decimal)["frame"]) for line in lines]


async def test_recording_arrives_complete_and_exact(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    """186 trades and 114 books of 2021 through the whole path: each one, in order, digit for digit."""
    expected = recorded()
    codes = sorted({event.stream_key.code for event in expected})
    proxy, got = make_proxy(), list[BaseWebSocketEvent]()
    trades = proxy.subscribe_trade(codes, delivery=Delivery.EVERY, snapshot=False, callback=got.append)
    books = proxy.subscribe_orderbook(codes, delivery=Delivery.EVERY, snapshot=False, callback=got.append)
    del trades, books
    await until(lambda: len(exchange.streams(server)) == 2 * len(codes))
    session = exchange.session(server)
    for line in RECORDING.read_bytes().splitlines():
        # The frame's own bytes, untouched.
        server.exchange.send_raw(session, line[line.index(b'"frame":') + 8 : -1])
    await until(lambda: len(got) == len(expected))
    for kind in ("trade", "orderbook"):
        assert [e for e in got if e.type == kind] == [e for e in expected if e.type == kind]
    assert sum(isinstance(event, TradeEvent) for event in got) == 186
    sizes = [event.trade_volume for event in got if isinstance(event, TradeEvent)]
    assert "9.9E-7" in RECORDING.read_text(encoding="utf-8")
    assert all(int(size.as_tuple().exponent) < 0 or size == int(size) for size in sizes)
