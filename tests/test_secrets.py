"""Keys and tokens show nowhere: configuration, tokens, the socket, REST. With Qt see tests/qt."""

from __future__ import annotations

import asyncio
import pickle
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from qt_upbit import (
    ConfigError,
    Credentials,
    JWTManager,
    NativeWebSocketClient,
    QtUpbitError,
    RestClient,
    WebSocketConfig,
    load_credentials,
    save_credentials,
)
from qt_upbit.config import SecretHeaders
from qt_upbit.simulator.server.server import RestFault, SimulatedServer
from qt_upbit.types import Scope
from tests.support.raw_server import Peer, RawServer
from tests.support.secrets import ACCESS_KEY, JWT, KEYS, SECRET_KEY, SecretHunt, settings
from tests.support.wait import until


@pytest.fixture
def hunt() -> Iterator[SecretHunt]:
    with SecretHunt() as hunt:
        yield hunt


@pytest_asyncio.fixture
async def server(hunt: SecretHunt) -> AsyncIterator[SimulatedServer]:
    async with SimulatedServer(settings()) as server:
        hunt.listen(server)
        yield server


def config_of(server: SimulatedServer, **fields: Any) -> WebSocketConfig:
    return WebSocketConfig.preset("testing", base_url=server.url, credentials=KEYS, **fields)


# --- the hunt itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"key={ACCESS_KEY}",
        f"key={SECRET_KEY}",
        "Authorization: Bearer " + JWTManager(KEYS).create_token(),
        JWTManager(KEYS).create_token().split(".")[1],
    ],
    ids=["access key", "secret key", "token", "part of a token"],
)
def test_the_hunt_finds_what_it_looks_for(hunt: SecretHunt, text: str) -> None:
    hunt.tokens.add(text if "." in text else f"e.{text}.s" * 1)
    hunt.shown.append(("a log", f"before {text} after"))
    with pytest.raises(AssertionError, match="secrets show"):
        hunt.check()


def test_the_hunt_sees_the_variables_of_frames(hunt: SecretHunt) -> None:
    def careless() -> None:
        key = ACCESS_KEY
        raise ValueError(len(key))

    with pytest.raises(ValueError, match="40") as caught:
        careless()
    hunt.show_error(caught.value)
    with pytest.raises(AssertionError, match="access key in traceback of ValueError"):
        hunt.check(tokens=False)


# --- configuration ---------------------------------------------------------------------------------


def _config(**values: Any) -> WebSocketConfig:
    """Of values that a type checker would refuse."""
    return WebSocketConfig(**values)


def test_configuration_and_keys(hunt: SecretHunt) -> None:
    config = _config(credentials=KEYS, region="sg")
    hunt.show(KEYS, config, config.model_copy(), config.model_copy(update={"linger_s": 1.0}))
    hunt.show(KEYS.access_key, KEYS.secret_key, [KEYS], {"config": config})
    pickled = [
        text for where, text in hunt.shown if where in ("dumps(Credentials)", "dumps(WebSocketConfig)")
    ]
    assert pickled
    assert all("cannot be pickled" in text for text in pickled)
    # Of pydantic's own type nothing else can be expected: only whole keys refuse.
    hunt.shown = [(where, text) for where, text in hunt.shown if where != "dumps(SecretStr)"]
    hunt.check(tokens=False)


def _environ(**values: str) -> dict[str, str]:
    return {"UPBIT_ACCESS_KEY": ACCESS_KEY, "UPBIT_SECRET_KEY": SECRET_KEY, **values}


@pytest.mark.parametrize(
    "fail",
    [
        lambda: Credentials(access_key=f" {ACCESS_KEY}", secret_key=SECRET_KEY),
        lambda: Credentials(access_key=ACCESS_KEY, secret_key=f"{SECRET_KEY}\n"),
        lambda: Credentials.from_env({"UPBIT_ACCESS_KEY": ACCESS_KEY}),
        lambda: Credentials.from_env({"UPBIT_SECRET_KEY": SECRET_KEY}),
        lambda: Credentials.from_env({"UPBIT_SECRET_KEY": f" {SECRET_KEY}", "UPBIT_ACCESS_KEY": ACCESS_KEY}),
        lambda: WebSocketConfig.from_env({"UPBIT_ACCESS_KEY": ACCESS_KEY}),
        lambda: WebSocketConfig.from_env(_environ(QT_UPBIT_REGION="mars")),
        lambda: WebSocketConfig.from_env(_environ(QT_UPBIT_PRESET="fast")),
        lambda: WebSocketConfig.from_env(_environ(QT_UPBIT_BASE_URL=f"http://u:{SECRET_KEY}@host")),
        lambda: WebSocketConfig.from_env(_environ(), linger_s=-1),
        lambda: WebSocketConfig(credentials=ACCESS_KEY),  # type: ignore[arg-type]  # no keys
        lambda: WebSocketConfig(
            credentials={"access_key": ACCESS_KEY, "secret_key": 3}  # type: ignore[arg-type]  # no text
        ),
        lambda: WebSocketConfig(base_url=f"http://u:{SECRET_KEY}@host"),
        lambda: KEYS.model_copy(update={"access_key": f" {ACCESS_KEY}"}),
    ],
)
def test_a_configuration_that_is_refused(hunt: SecretHunt, fail: Callable[[], object]) -> None:
    with pytest.raises(ConfigError) as caught:
        fail()
    hunt.show(caught.value)
    assert caught.value.__context__ is None, "what is suppressed can be read all the same"
    hunt.check(tokens=False)


class _Store:
    """A key store that holds something else, or nothing because it is locked."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def get_password(self, service: str, name: str) -> str:
        if self.text is None:
            from keyring.errors import KeyringLocked

            raise KeyringLocked("locked")
        return self.text

    def set_password(self, service: str, name: str, text: str) -> None:
        self.get_password(service, name)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (f'{{"access_key": "{ACCESS_KEY}", "secret_key": "{SECRET_KEY}"', load_credentials),
        (f'{{"access_key": "{ACCESS_KEY}", "secret_key": " {SECRET_KEY}"}}', load_credentials),
        (f'["{SECRET_KEY}"]', load_credentials),
        (None, load_credentials),
        (None, lambda: save_credentials(KEYS)),
    ],
)
def test_a_key_store_that_cannot_be_used(
    hunt: SecretHunt, monkeypatch: pytest.MonkeyPatch, text: str | None, action: Callable[[], object]
) -> None:
    pytest.importorskip("keyring")
    store = _Store(text)
    fake: Any = types.ModuleType("keyring")
    fake.get_password, fake.set_password = store.get_password, store.set_password
    import keyring.errors

    fake.errors = keyring.errors
    monkeypatch.setitem(sys.modules, "keyring", fake)
    with pytest.raises(ConfigError) as caught:
        action()
    del text
    hunt.show(caught.value)
    hunt.check(tokens=False)


# --- tokens ----------------------------------------------------------------------------------------


def test_tokens_and_their_maker(hunt: SecretHunt) -> None:
    manager = JWTManager(KEYS, lifetime_s=60)
    token = manager.issue(0.0)
    hunt.tokens |= {token.text, manager.create_token({"market": "KRW-BTC"})}
    header = manager.authorization_header()
    hunt.tokens.add(header["Authorization"].partition(" ")[2])
    hunt.show(manager, token, token.authorization_header, header, [token], {"headers": header})
    hunt.check()


@pytest.mark.parametrize(
    "thing", [SecretHeaders(Authorization="Bearer x"), JWTManager(KEYS).issue(0.0), KEYS]
)
def test_what_holds_a_secret_is_not_pickled(thing: object) -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(thing)


def test_an_error_while_a_token_is_made(hunt: SecretHunt) -> None:
    class Odd:
        def __str__(self) -> str:
            raise ValueError("no text")

    with pytest.raises(ValueError, match="no text") as caught:
        JWTManager(KEYS).create_token({"market": Odd()})
    hunt.show_error(caught.value)

    def no_nonce() -> str:
        raise ValueError("no nonce")

    with pytest.raises(ValueError, match="no nonce") as other:
        JWTManager(KEYS, new_nonce=no_nonce).create_token()
    hunt.show_error(other.value)
    hunt.check(tokens=False)


# --- the socket ------------------------------------------------------------------------------------


async def _cut(peer: Peer) -> None:
    peer.writer.transport.abort()


async def _refuse(peer: Peer) -> None:
    # As bad a server as can be: it says aloud what it was sent.
    said = peer.headers["authorization"]
    await peer.refuse(401, f'{{"error": {{"name": "jwt_verification", "message": "{said}"}}}}'.encode())


async def _fail(peer: Peer) -> None:
    await peer.refuse(500, peer.headers["authorization"].encode())


async def _redirect(peer: Peer) -> None:
    await peer.refuse(302, Location="http://127.0.0.1:1/")


async def _nonsense(peer: Peer) -> None:
    await peer.send(b"SSH-2.0\r\n\r\n")


async def _accept(peer: Peer) -> None:
    await peer.accept()
    await peer.read_all()


@pytest.mark.parametrize("script", [_cut, _refuse, _fail, _redirect, _nonsense, _accept])
async def test_a_handshake_however_it_ends(
    hunt: SecretHunt, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_debug(True)
    seen: list[Any] = []

    def opened(_epoch: int) -> None:
        seen.append("opened")
        raise RuntimeError("the owner's callback is broken")

    asyncio.get_running_loop().set_exception_handler(lambda _, context: hunt.show(*context.values()))
    client = NativeWebSocketClient(
        WebSocketConfig.preset("testing", credentials=KEYS),
        on_opened=opened,
        on_message=lambda *_: None,
        on_pong=lambda *_: None,
        on_lost=lambda _, error: seen.append(error),
    )
    async with RawServer(script) as server:
        header = JWTManager(KEYS).authorization_header()
        hunt.tokens.add(header["Authorization"].partition(" ")[2])
        client.open(server.url, header, 1)
        for task in asyncio.all_tasks():
            hunt.show(task)
            hunt.show_frames(task.get_stack())
        await until(lambda: seen)
        hunt.show(client, *[each for each in seen if isinstance(each, BaseException)])
        for task in asyncio.all_tasks():
            hunt.show_frames(task.get_stack())
        assert server.peers
        await client.aclose()
    hunt.show_all_of_ours()
    hunt.check()


# --- REST ------------------------------------------------------------------------------------------

_ERRORS = [
    (400, "validation_error"),
    (401, "jwt_verification"),
    (403, "out_of_scope"),
    (404, "order_not_found"),
    (418, "too_many_requests"),
    (429, "too_many_requests"),
    (500, "internal_server_error"),
    (503, "server_busy"),
]


class Time:
    """A clock that moves when a caller waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def rest_of(config: WebSocketConfig) -> RestClient:
    time = Time()
    return RestClient(config, clock=time.clock, sleep=time.sleep)


@pytest.mark.parametrize(("status", "name"), _ERRORS)
async def test_a_call_that_is_refused(
    hunt: SecretHunt, server: SimulatedServer, status: int, name: str
) -> None:
    server.rest_faults.append(RestFault("GET", "/v1/accounts", "status", 99, status, name))
    async with rest_of(config_of(server)) as rest:
        assert await rest.get_open_orders() == []  # there is a token to be found
        await _fails(hunt, rest.get_accounts())
        hunt.show(rest)
        hunt.show_all_of_ours()
    hunt.check()


@pytest.mark.parametrize("how", ["lose_request", "lose_answer"])
async def test_an_answer_that_is_lost(hunt: SecretHunt, server: SimulatedServer, how: Any) -> None:
    server.rest_faults.append(RestFault("GET", "/v1/accounts", how, 99))
    server.rest_faults.append(RestFault("POST", "/v1/orders", how, 99))
    server.rest_faults.append(RestFault("GET", "/v1/order", how, 99))
    config = config_of(server, order_resolve_timeout_s=0.05)
    async with rest_of(config) as rest:
        await _fails(hunt, rest.get_accounts())
        await _fails(hunt, rest.create_order("KRW-BTC", "BID", "limit", price=1_000_000, volume="0.01"))
        server.rest_faults.clear()
        assert await rest.get_accounts()
        hunt.show(rest)
    hunt.check()


async def test_a_call_that_is_not_answered_in_time(hunt: SecretHunt, server: SimulatedServer) -> None:
    fault = RestFault("GET", "/v1/accounts", "wait", 99)
    server.rest_faults.append(fault)
    async with rest_of(config_of(server, rest_timeout_s=0.05)) as rest:
        await _fails(hunt, rest.get_accounts())
        fault.release.set()
        server.rest_faults.clear()
        hunt.show(rest)
    async with rest_of(config_of(server)) as rest:  # with more time for an answer
        assert await rest.get_accounts()
    hunt.check()


async def test_a_call_that_is_cancelled(hunt: SecretHunt, server: SimulatedServer) -> None:
    """The caller's exception comes up through the frames of the SDK, which hold the keys in variables."""
    fault = RestFault("GET", "/v1/accounts", "wait")
    server.rest_faults.append(fault)
    async with RestClient(config_of(server)) as rest:
        assert await rest.get_open_orders() == []  # there is a token to be found
        task = asyncio.ensure_future(rest.get_accounts())
        await until(lambda: fault.times == 0)
        for other in asyncio.all_tasks():
            hunt.show_frames(other.get_stack())
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough") as caught:
            await task
        fault.release.set()
    hunt.show_error(caught.value)
    hunt.check()


async def test_a_call_that_fails_inside_the_sdk(
    hunt: SecretHunt, server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from upbit.lib import jwt_auth

    def fail(access_key: str, secret_key: str, *_: Any, **__: Any) -> str:
        raise ValueError("the SDK has a bug")

    async with RestClient(config_of(server)) as rest:
        assert await rest.get_accounts()
        monkeypatch.setattr(jwt_auth, "create_jwt_token", fail)
        with pytest.raises(ValueError, match="the SDK has a bug") as caught:
            await rest.get_accounts()
    hunt.show_error(caught.value)
    hunt.check()


async def test_the_port_is_closed(hunt: SecretHunt, unused_tcp_port_factory: Callable[[], int]) -> None:
    config = WebSocketConfig(base_url=f"http://127.0.0.1:{unused_tcp_port_factory()}", credentials=KEYS)
    async with rest_of(config) as rest:
        await _fails(hunt, rest.get_accounts())
    hunt.check(tokens=False)


async def _fails(hunt: SecretHunt, call: Any) -> None:
    with pytest.raises(QtUpbitError) as caught:
        await call
    hunt.show(caught.value)


def test_a_token_looks_like_one() -> None:
    assert JWT.search(JWTManager(KEYS).create_token())
    assert Scope.PRIVATE.needs_auth
