"""What leaves this machine is encrypted, to whom it is meant for, and goes nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from qt_upbit import (
    ConfigError,
    ConnectionFailedError,
    Credentials,
    NativeWebSocketClient,
    OrderOutcomeError,
    QtUpbitError,
    RestClient,
    RestError,
    WebSocketConfig,
)
from qt_upbit.config import is_loopback
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from qt_upbit.types import Scope
from tests.support.raw_server import Peer, RawServer
from tests.support.tls import CERTIFICATE, self_signed_server
from tests.support.wait import until

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "socks_proxy", "no_proxy")


class Socket:
    """A socket of ours, and what became of it."""

    def __init__(self, config: WebSocketConfig) -> None:
        self.errors: list[QtUpbitError] = []
        self.is_open = False
        self._url = config.websocket_url(Scope.PRIVATE)
        self.client = NativeWebSocketClient(
            config,
            on_opened=lambda _: setattr(self, "is_open", True),
            on_message=lambda *_: None,
            on_pong=lambda _: None,
            on_lost=lambda _, error: self.errors.append(error),
        )

    async def connect(self, headers: dict[str, str]) -> None:
        self.client.open(self._url, headers, 1)
        await until(lambda: self.is_open or self.errors)
        await self.client.aclose()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


# --- plain text to this machine only ----------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "[::1]", "localhost", "LOCALHOST"])
def test_plain_text_to_this_machine_is_allowed(host: str) -> None:
    config = WebSocketConfig(base_url=f"http://{host}:8080")
    assert config.is_loopback
    assert config.websocket_url(Scope.PUBLIC).startswith("ws://")


@pytest.mark.parametrize(
    "host",
    [
        "api.upbit.com",
        "192.168.0.10",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "128.0.0.1",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "127.0.0.1.nip.io",
        "2130706433",
        "0x7f000001",
        "127.1",
        "localhost.",
    ],
)
def test_plain_text_to_another_machine_is_refused_with_what_to_do_instead(host: str) -> None:
    with pytest.raises(
        ConfigError, match=r"base_url: .*https.*allow_insecure=True.*QT_UPBIT_ALLOW_INSECURE=1"
    ):
        WebSocketConfig(base_url=f"http://{host}:8080")
    with pytest.raises(ConfigError, match="base_url"):
        WebSocketConfig.from_env({"QT_UPBIT_BASE_URL": f"http://{host}:8080"})
    assert WebSocketConfig(base_url=f"https://{host}").websocket_url(Scope.PUBLIC).startswith("wss://")
    assert WebSocketConfig(base_url=f"http://{host}", allow_insecure=True).rest_url == f"http://{host}/v1"


def test_a_copy_does_not_get_around_it() -> None:
    config = WebSocketConfig(base_url="http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="plain http"):
        config.model_copy(update={"base_url": "http://exchange.example"})
    assert config.model_copy(update={"linger_s": 1.0}).linger_s == 1.0
    assert config.model_copy() == config


@pytest.mark.parametrize(("value", "allowed"), [("1", True), ("0", False)])
def test_the_environment_may_allow_it(value: str, allowed: bool) -> None:
    environ = {"QT_UPBIT_ALLOW_INSECURE": value}
    assert WebSocketConfig.from_env(environ).allow_insecure is allowed


@pytest.mark.parametrize("value", ["yes", "true", "2", " 1"])
def test_nothing_but_a_clear_yes_allows_it(value: str) -> None:
    with pytest.raises(ConfigError, match="QT_UPBIT_ALLOW_INSECURE"):
        WebSocketConfig.from_env({"QT_UPBIT_ALLOW_INSECURE": value})


def test_names_are_not_looked_up() -> None:
    assert not is_loopback("localhost.localdomain")
    assert not is_loopback("")


# --- certificates ----------------------------------------------------------------------------------


async def test_a_socket_takes_no_self_signed_certificate() -> None:
    async with self_signed_server() as server:
        socket = Socket(WebSocketConfig(base_url=f"https://127.0.0.1:{server.port}"))
        await socket.connect({"Authorization": "Bearer token"})
    assert [type(error) for error in socket.errors] == [ConnectionFailedError]
    assert "CERTIFICATE_VERIFY_FAILED" in str(socket.errors[0])
    assert not [heard for heard in server.heard if heard], "the token went out"


async def test_rest_takes_no_self_signed_certificate() -> None:
    async with self_signed_server() as server:
        config = WebSocketConfig(base_url=f"https://127.0.0.1:{server.port}", credentials=KEYS)
        async with RestClient(config, sleep=_no_pause) as rest:
            with pytest.raises(RestError, match="no answer"):
                await rest.get_accounts()
    assert not [heard for heard in server.heard if heard], "the token went out"


async def test_rest_takes_the_same_certificate_from_who_trusts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before fails because of the certificate and nothing else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with self_signed_server() as server:
        # Not as loopback: what is on this machine reads nothing of the environment.
        monkeypatch.setattr(WebSocketConfig, "is_loopback", False)
        config = WebSocketConfig(base_url=f"https://127.0.0.1:{server.port}", credentials=KEYS)
        async with RestClient(config) as rest:
            assert await rest.get_accounts() == ()
    assert server.heard[0].startswith(b"GET /v1/accounts")


async def _no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


# --- elsewhere -------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def stranger() -> AsyncIterator[RawServer]:
    """A machine that must receive nothing; as a proxy it would receive everything."""

    async def script(peer: Peer) -> None:
        await peer.refuse(502)

    async with RawServer(script) as server:
        yield server


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[SimulatedServer]:
    async with SimulatedServer(SimulatorSettings(markets=3, market_running=False)) as server:
        yield server


@pytest.fixture
def _behind_a_proxy(stranger: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{stranger.port}")


@pytest.mark.usefixtures("_behind_a_proxy")
async def test_a_proxy_hears_nothing_that_is_meant_for_this_machine(
    exchange: SimulatedServer, stranger: RawServer
) -> None:
    config = WebSocketConfig(base_url=exchange.url, credentials=KEYS)
    assert config.use_system_proxy, "as it comes"
    async with RestClient(config) as rest:
        assert await rest.get_accounts()
    public = Socket(config)
    await public.connect({})
    assert public.errors
    assert "401" in str(public.errors[0]), "the exchange itself refused what has no token"
    assert stranger.peers == []


@pytest.mark.usefixtures("_behind_a_proxy")
async def test_a_proxy_is_followed_elsewhere_and_sees_no_more_than_the_name(stranger: RawServer) -> None:
    config = WebSocketConfig(base_url="https://exchange.invalid", credentials=KEYS)
    async with RestClient(config, sleep=_no_pause) as rest:
        with pytest.raises(RestError):
            await rest.get_accounts()
    socket = Socket(config)
    await socket.connect({"Authorization": "Bearer token"})
    assert stranger.peers
    for peer in stranger.peers:
        assert peer.path == "exchange.invalid:443", "CONNECT: the rest is encrypted"
        assert "authorization" not in peer.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_rest_follows_no_redirect(stranger: RawServer, status: int) -> None:
    """It would carry an order, and on the same host its token, to wherever it points."""
    asked: list[str] = []

    async def script(peer: Peer) -> None:
        asked.append(peer.path)
        await peer.refuse(status, Location=f"http://127.0.0.1:{stranger.port}/v1/orders")

    order: dict[str, Any] = {"price": 1_000_000, "volume": "0.1"}
    async with RawServer(script) as server:
        config = WebSocketConfig(base_url=f"http://127.0.0.1:{server.port}", credentials=KEYS)
        async with RestClient(config) as rest:
            with pytest.raises(OrderOutcomeError, match=str(status)) as caught:
                await rest.create_order("KRW-BTC", "BID", "limit", **order)
    assert not caught.value.found_none, "only Upbit's own word says that there is no such order"
    assert asked[0] == "/v1/orders"
    assert all(path.startswith("/v1/order?identifier=") for path in asked[1:]), "it is only looked up"
    assert stranger.peers == []
