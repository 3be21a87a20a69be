"""`Network`, end to end: a socket and REST through TLS, proxies and dead addresses."""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from qt_upbit.network import trust
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from qt_upbit.types import AskBid, OrderType, Scope
from tests.support.proxy_servers import After, HttpProxy, SocksProxy
from tests.support.relays import Relay, TlsFront
from tests.support.wait import until
from tests.support.world import Authority, FakeNames, black_hole, fake_names

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
HOST = "exchange.test"
PASSWORD = "p@ss:word/#é"
ENCODED = "p%40ss%3Aword%2F%23%C3%A9"


@dataclass
class Tried:
    """What a socket and a call of REST came to."""

    socket_error: QtUpbitError | None = None
    rest_error: QtUpbitError | None = None
    answers: int = 0
    is_open: bool = False

    @property
    def went_through(self) -> bool:
        return self.is_open and self.answers > 0


@dataclass
class World:
    """An exchange behind TLS, reached by name.

    Attributes:
        front: the TLS server.
        names: the name server.
        url: of the exchange.
    """

    exchange: SimulatedServer
    front: TlsFront
    names: FakeNames
    url: str
    stack: AsyncExitStack
    fields: dict[str, Any] = field(default_factory=dict)

    def config(self, **fields: Any) -> WebSocketConfig:
        values: dict[str, Any] = {"base_url": self.url, "credentials": KEYS, **self.fields, **fields}
        return WebSocketConfig(**values)

    async def enter(self, thing: Any) -> Any:
        return await self.stack.enter_async_context(thing)

    async def try_both(self, **fields: Any) -> Tried:
        config, tried = self.config(**fields), Tried()
        client = NativeWebSocketClient(
            config,
            on_opened=lambda _: setattr(tried, "is_open", True),
            on_message=lambda *_: None,
            on_pong=lambda _: None,
            on_lost=lambda _, error: setattr(tried, "socket_error", error),
        )
        client.open(config.websocket_url(Scope.PUBLIC), {}, 1)
        try:
            await until(lambda: tried.is_open or tried.socket_error)
            async with RestClient(config, sleep=_no_pause) as rest:
                try:
                    tried.answers = len(await rest.get_accounts())
                except QtUpbitError as exc:
                    tried.rest_error = exc
        finally:
            await client.aclose()
        return tried

    async def order(self, **fields: Any) -> None:
        async with RestClient(self.config(order_resolve_timeout_s=0.1, **fields), sleep=_no_pause) as rest:
            await rest.create_order("KRW-BTC", AskBid.BID, OrderType.PRICE, price=5000)


async def _no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


@pytest_asyncio.fixture
async def world(authority: Authority, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(
            SimulatedServer(SimulatorSettings(markets=3, market_running=False), hosts=[HOST])
        )
        context = authority.server_context(HOST)
        front = await stack.enter_async_context(TlsFront(int(exchange.url.rpartition(":")[2]), context))
        names = stack.enter_context(fake_names(monkeypatch, {HOST: ["127.0.0.1"]}))
        url = f"https://{HOST}:{front.port}"
        yield World(exchange, front, names, url, stack, {"ca_bundle": ca_file})


def _both_say(tried: Tried, *texts: str) -> None:
    assert isinstance(tried.socket_error, ConnectionFailedError)
    assert isinstance(tried.rest_error, RestError)
    assert not tried.rest_error.was_sent
    for text in texts:
        assert text in str(tried.socket_error)
        assert text in str(tried.rest_error)


# --- trust -----------------------------------------------------------------------------------------


async def test_a_companys_authority_is_trusted_by_both_once_it_is_named(world: World) -> None:
    assert (await world.try_both()).went_through


@pytest.mark.parametrize("how", ["SSL_CERT_FILE", "context"])
async def test_it_may_be_named_otherwise(
    how: str, world: World, authority: Authority, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "SSL_CERT_FILE":
        monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    bundle = authority.client_context() if how == "context" else None
    assert (await world.try_both(ca_bundle=bundle)).went_through


async def test_an_unknown_authority_is_told_with_host_reason_and_what_to_do(world: World) -> None:
    tried = await world.try_both(ca_bundle=None)
    _both_say(tried, f"certificate of {HOST}", "CERTIFICATE_VERIFY_FAILED", "ca_bundle", "SSL_CERT_FILE")


async def test_another_name_is_not_taken(world: World, authority: Authority) -> None:
    front = await world.enter(TlsFront(world.front.target, authority.server_context("another.test")))
    tried = await world.try_both(base_url=f"https://{HOST}:{front.port}")
    _both_say(tried, f"certificate of {HOST}", "Hostname mismatch", "something else answers")


async def test_an_expired_certificate_asks_for_a_look_at_the_clock(
    world: World, authority: Authority
) -> None:
    context = authority.server_context(HOST, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    front = await world.enter(TlsFront(world.front.target, context))
    tried = await world.try_both(base_url=f"https://{HOST}:{front.port}")
    _both_say(tried, f"certificate of {HOST}", "expired", "date and time")


async def test_tls_1_1_is_not_spoken(world: World, authority: Authority) -> None:
    context = authority.server_context(HOST)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    front = await world.enter(TlsFront(world.front.target, context))
    _both_say(await world.try_both(base_url=f"https://{HOST}:{front.port}"), HOST)


async def test_the_store_is_read_again_after_a_refused_certificate(
    world: World, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The authority may be installed while the program runs."""
    assert not (await world.try_both(ca_bundle=None)).went_through
    load = trust.load_context
    monkeypatch.setattr(trust, "load_context", lambda _: load(ca_file))
    assert (await world.try_both(ca_bundle=None)).went_through


async def test_a_broken_bundle_is_told_by_both(world: World, ca_file: str) -> None:
    shutil.copy(__file__, ca_file)
    tried = await world.try_both()
    assert "ca_bundle" in str(tried.socket_error)
    assert "ca_bundle" in str(tried.rest_error)


# --- proxies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["setting", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("login", [None, ("me@company", PASSWORD)], ids=["open", "with a password"])
async def test_both_go_through_the_same_proxy(
    how: str, login: tuple[str, str] | None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await world.enter(HttpProxy(world.front.port, login=login))
    world.names.addresses = {"proxy.test": ["127.0.0.1"]}  # the proxy alone knows the exchange
    user = "" if login is None else f"me%40company:{ENCODED}@"
    url = f"http://{user}proxy.test:{proxy.port}"
    if how != "setting":
        monkeypatch.setenv(how, url)
    tried = await world.try_both(**({"proxy": url} if how == "setting" else {}))
    assert tried.went_through
    assert proxy.targets == [f"{HOST}:{world.front.port}"] * 2


async def test_a_proxy_may_itself_speak_tls(world: World, authority: Authority) -> None:
    proxy = await world.enter(HttpProxy(world.front.port, context=authority.server_context("proxy.test")))
    world.names.addresses["proxy.test"] = ["127.0.0.1"]
    assert (await world.try_both(proxy=f"https://proxy.test:{proxy.port}")).went_through
    assert len(proxy.targets) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [({"login": ("me", "x")}, "407"), ({"status": 403}, "403"), ({"after": After.HANG_UP}, "disconnected")],
    ids=["407", "403", "hangs up"],
)
async def test_what_a_proxy_refuses_within_tls_is_told(
    options: dict[str, Any], says: str, world: World, authority: Authority
) -> None:
    context = authority.server_context("proxy.test")
    proxy = await world.enter(HttpProxy(world.front.port, context=context, **options))
    world.names.addresses["proxy.test"] = ["127.0.0.1"]
    _both_say(await world.try_both(proxy=f"https://proxy.test:{proxy.port}"), says, "proxy.test")


async def test_a_proxy_that_resets_instead_of_answering_is_told(world: World) -> None:
    proxy = await world.enter(HttpProxy(world.front.port, after=After.RESET_AT_ONCE))
    _both_say(await world.try_both(proxy=f"http://127.0.0.1:{proxy.port}"), "disconnected", "proxy 127.0.0.1")


async def test_socks4_gets_an_address_of_its_own_kind(world: World) -> None:
    """It has no room for others; the proxy made for the tests speaks SOCKS5 and refuses."""
    world.names.addresses[HOST] = ["::1", "127.0.0.1"]
    proxy = await world.enter(Relay(world.front.port))
    _both_say(await world.try_both(proxy=f"socks4://127.0.0.1:{proxy.port}"), "proxy 127.0.0.1")


async def test_a_socks_password_beyond_ascii_is_told_and_not_shown(world: World) -> None:
    proxy = await world.enter(SocksProxy(world.front.port, login=("me", "é")))
    tried = await world.try_both(proxy=f"socks5h://me:hunter2%C3%A9@127.0.0.1:{proxy.port}")
    _both_say(tried, "ASCII")
    assert "hunter2" not in repr(tried)


async def test_a_proxy_whose_certificate_is_unknown_gets_no_password(world: World) -> None:
    proxy = await world.enter(HttpProxy(world.front.port, context=Authority().server_context("proxy.test")))
    world.names.addresses["proxy.test"] = ["127.0.0.1"]
    tried = await world.try_both(proxy=f"https://me:secret@proxy.test:{proxy.port}")
    _both_say(tried, "certificate of proxy", "CERTIFICATE_VERIFY_FAILED")
    assert not proxy.requests


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("login", [None, ("me", "p@ss:word/#")], ids=["open", "with a password"])
async def test_both_go_through_socks(scheme: str, login: tuple[str, str] | None, world: World) -> None:
    proxy = await world.enter(SocksProxy(world.front.port, login=login))
    world.names.addresses["proxy.test"] = ["127.0.0.1"]
    user = "" if login is None else "me:p%40ss%3Aword%2F%23@"
    tried = await world.try_both(proxy=f"{scheme}://{user}proxy.test:{proxy.port}")
    assert tried.went_through
    expected = HOST if scheme == "socks5h" else "127.0.0.1"
    assert proxy.targets == [(expected, world.front.port)] * 2
    assert (HOST in world.names.asked) is (scheme == "socks5")


Make = Callable[[int], HttpProxy | SocksProxy]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda port: HttpProxy(port, login=("me", "x")), ["407", "user name and password"]),
        (lambda port: HttpProxy(port, login=("me", "x"), authenticate="NTLM"), ["407", "ntlm"]),
        (lambda port: HttpProxy(port, status=403), ["403", HOST, "refuses"]),
        (lambda port: HttpProxy(port, status=502), ["502"]),
        (lambda port: HttpProxy(port, status=302), ["302"]),
        (lambda port: HttpProxy(port, after=After.RESET), []),
        (lambda port: HttpProxy(port, after=After.HANG_UP), ["disconnected"]),
        (lambda port: SocksProxy(port, reply=2), [HOST]),
        (lambda port: SocksProxy(port, login=("me", "x")), [HOST]),
    ],
    ids=["407", "NTLM", "403", "502", "302", "reset", "hangs up", "socks refuses", "socks login"],
)
async def test_what_a_proxy_refuses_is_told_at_once_and_nothing_was_sent(
    make: Make, says: list[str], world: World, capfd: pytest.CaptureFixture[str], caplog: Any
) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
    proxy = await world.enter(make(world.front.port))
    scheme = "http" if isinstance(proxy, HttpProxy) else "socks5h"
    url = f"{scheme}://127.0.0.1:{proxy.port}"
    tried = await world.try_both(proxy=url)
    _both_say(tried, *says)
    with pytest.raises(RestError) as failed:
        await world.order(proxy=url)
    assert not isinstance(failed.value, OrderOutcomeError)
    assert not failed.value.was_sent
    assert not world.front.accepted
    assert not told, "no traceback"
    assert capfd.readouterr().err == ""


async def test_a_wrong_password_is_told_and_not_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    proxy = await world.enter(HttpProxy(world.front.port, login=("me", "right")))
    caplog.set_level(0)
    tried = await world.try_both(proxy=f"http://me:hunter2@127.0.0.1:{proxy.port}")
    _both_say(tried, "407", "does not accept the user name and password")
    for text in (repr(tried), str(tried.socket_error), str(tried.rest_error), caplog.text):
        assert "hunter2" not in text
        assert "aHVudGVy" not in text


async def test_a_proxy_that_is_not_there_is_named(world: World) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        _both_say(await world.try_both(proxy=url), "proxy 127.0.0.1:", "cannot be reached")
    _both_say(await world.try_both(proxy="http://proxy.test:1"), "proxy proxy.test:1", "cannot be reached")


async def test_a_proxy_that_never_answers_is_named(world: World) -> None:
    proxy = await world.enter(HttpProxy(world.front.port, after=After.HANG))
    url = f"http://127.0.0.1:{proxy.port}"
    tried = await world.try_both(proxy=url, connect_timeout_s=0.2, rest_timeout_s=0.2)
    _both_say(tried, "timed out while connecting", f"proxy 127.0.0.1:{proxy.port}")


async def test_socks_without_its_library_names_the_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    tried = await world.try_both(proxy="socks5h://127.0.0.1:1080")
    for error in (tried.socket_error, tried.rest_error):
        assert isinstance(error, ConfigError)
        assert "pip install 'qt-upbit[socks]'" in str(error)


async def test_a_proxy_in_the_environment_that_cannot_be_used_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:hunter2@proxy.test")
    tried = await world.try_both()
    for error in (tried.socket_error, tried.rest_error):
        assert isinstance(error, ConfigError)
        assert "gopher" in str(error)
        assert "hunter2" not in repr(error)


# --- addresses -------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full queue drops connects on Linux only")
@pytest.mark.parametrize("is_through_proxy", [False, True], ids=["direct", "proxy"])
async def test_a_first_address_that_never_answers_costs_little(is_through_proxy: bool, world: World) -> None:
    port = world.front.port
    fields: dict[str, Any] = {}
    name = HOST
    if is_through_proxy:
        proxy = await world.enter(HttpProxy(world.front.port))
        port, name = proxy.port, "proxy.test"
        fields["proxy"] = f"http://proxy.test:{port}"
    with black_hole("127.0.0.2", port), black_hole("127.0.0.3", port):
        world.names.addresses[name] = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
        assert (await world.try_both(connect_timeout_s=60, rest_timeout_s=100, **fields)).went_through


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full queue drops connects on Linux only")
async def test_addresses_that_never_answer_are_told(world: World) -> None:
    with black_hole("127.0.0.2", world.front.port):
        world.names.addresses[HOST] = ["127.0.0.2"]
        tried = await world.try_both(connect_timeout_s=0.2, rest_timeout_s=0.2)
    _both_say(tried, "timed out while connecting", f"no address of {HOST} answers")


async def test_a_name_server_that_hangs_is_told(world: World) -> None:
    world.names.hang()
    tried = await world.try_both(connect_timeout_s=0.2, rest_timeout_s=0.2)
    _both_say(tried, "timed out while connecting", f"the name server gives no address of {HOST}")


async def test_a_name_without_an_address_is_told(world: World) -> None:
    world.names.addresses.clear()
    _both_say(await world.try_both(), f"the address of {HOST} cannot be found")


async def test_no_file_handle_left_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    async with RestClient(world.config()) as rest:
        await rest.get_accounts()  # its libraries are loaded
    monkeypatch.setattr("aiohappyeyeballs.impl.socket.socket", refuse)
    tried = await world.try_both()
    monkeypatch.undo()
    _both_say(tried, "no file handle is left")
