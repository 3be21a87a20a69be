"""`RestSession`: what is retried, what was never sent, and what errors say about it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from qt_upbit import (
    AuthenticationError,
    Credentials,
    ProxyClosedError,
    RateLimitedError,
    RestError,
    WebSocketConfig,
)
from qt_upbit.rest import endpoints
from qt_upbit.rest.endpoints import Endpoint
from qt_upbit.rest.session import RestSession
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.support import leaks
from tests.support.http_server import CUT, Answer, HttpServer, Request
from tests.support.passing_time import PassingTime
from tests.support.raw_server import Peer, RawServer
from tests.support.wait import turns, until

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
READ, WRITE, ORDER = endpoints.ACCOUNTS, endpoints.CANCEL, endpoints.CREATE
ORDER_FIELDS = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "5000", "identifier": "i"}
FIELDS = {READ.name: {}, WRITE.name: {"uuid": "u"}, ORDER.name: ORDER_FIELDS}


@asynccontextmanager
async def session_to(url: str, *, proxy: bool = False) -> AsyncIterator[tuple[RestSession, PassingTime]]:
    time = PassingTime()
    config = WebSocketConfig(base_url=url, credentials=KEYS, use_system_proxy=proxy)
    session = RestSession(config, clock=time, sleep=time.sleep)
    try:
        yield session, time
    finally:
        await session.aclose()


async def ask(session: RestSession, endpoint: Endpoint) -> bytes:
    return await session.ask(endpoint, **FIELDS[endpoint.name])


@pytest.mark.parametrize(
    "answer", [CUT, Answer(500), Answer(503), replace(Answer(200, b"[]"), is_truncated=True)], ids=str
)
@pytest.mark.parametrize(("endpoint", "times"), [(READ, 3), (WRITE, 1), (ORDER, 1)], ids=str)
async def test_only_read_only_calls_are_retried_when_the_answer_is_lost(
    answer: Answer, endpoint: Endpoint, times: int
) -> None:
    async with HttpServer(lambda request: answer) as server, session_to(server.url) as (session, time):
        with pytest.raises(RestError) as lost:
            await ask(session, endpoint)
    assert lost.value.was_sent
    assert lost.value.call == endpoint.name
    assert len(server.requests) == times
    assert len([pause for pause in time.pauses if pause in (0.5, 1.0)]) == times - 1


@pytest.mark.parametrize(("endpoint", "times"), [(READ, 3), (WRITE, 1), (ORDER, 1)], ids=str)
async def test_429_is_retried_after_the_time_it_says_where_nothing_is_changed(
    endpoint: Endpoint, times: int
) -> None:
    answer = Answer(429, headers={"Retry-After": "7"})
    async with HttpServer(lambda request: answer) as server, session_to(server.url) as (session, time):
        with pytest.raises(RateLimitedError) as excess:
            await ask(session, endpoint)
    assert (excess.value.status, excess.value.retry_after_s, excess.value.was_sent) == (429, 7.0, True)
    assert len(server.requests) == times
    assert time.now == pytest.approx(7.0 * (times - 1))


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (Answer(418, {"error": {"name": "x", "message": "120초 후에 다시 시도해 주세요."}}), 120.0),
        (Answer(418, headers={"Retry-After": "30"}), 30.0),
        (Answer(418, b"<html>", "text/html"), 60.0),
    ],
    ids=str,
)
async def test_418_blocks_the_group(answer: Answer, wait_s: float) -> None:
    answers = [answer]

    def script(request: Request) -> Answer:
        return answers.pop() if answers else Answer(200, b"[]")

    async with HttpServer(script) as server, session_to(server.url) as (session, time):
        with pytest.raises(RateLimitedError) as penalty:
            await ask(session, READ)
        assert (penalty.value.retry_after_s, penalty.value.was_sent) == (wait_s, True)
        with pytest.raises(RateLimitedError) as unsent:
            await ask(session, READ)
        assert not unsent.value.was_sent
        assert len(server.requests) == 1
        await session.ask(endpoints.MARKETS)
        time.now += wait_s
        assert await ask(session, READ) == b"[]"


async def test_no_redirect_is_followed() -> None:
    answer = Answer(307, headers={"Location": "http://127.0.0.1:9/elsewhere"})
    async with HttpServer(lambda request: answer) as server, session_to(server.url) as (session, _):
        with pytest.raises(RestError, match="HTTP 307"):
            await ask(session, ORDER)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (Answer(401, {"error": {"name": "no_authorization_ip", "message": "…"}}), "no_authorization_ip"),
        (Answer(403, {"error": {"name": "out_of_scope", "message": "…"}}), "out_of_scope"),
        (Answer(401, b"<html>", "text/html"), ""),
    ],
    ids=str,
)
async def test_a_refused_key_is_not_retried(answer: Answer, name: str) -> None:
    async with HttpServer(lambda request: answer) as server, session_to(server.url) as (session, _):
        with pytest.raises(AuthenticationError) as refused:
            await ask(session, READ)
    assert (refused.value.name, refused.value.status) == (name, answer.status)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"error": 5}', b'{"error": []}', b"\xff", b"[" * 20_000], ids=len
)
async def test_a_refusal_in_any_body_is_an_error_without_a_name(body: bytes) -> None:
    async with (
        HttpServer(lambda request: Answer(400, body)) as server,
        session_to(server.url) as (session, _),
    ):
        with pytest.raises(RestError) as refused:
            await ask(session, READ)
    assert (refused.value.status, refused.value.name) == (400, "")


# --- never sent -----------------------------------------------------------------------------------


async def test_without_a_listener_nothing_was_sent(unused_tcp_port: int) -> None:
    async with session_to(f"http://127.0.0.1:{unused_tcp_port}") as (session, _):
        with pytest.raises(RestError, match="ConnectError") as failed:
            await ask(session, ORDER)
    assert not failed.value.was_sent
    assert re.search("refused|Connect call failed", failed.value.message)


async def test_a_server_that_speaks_no_tls_got_nothing_and_the_error_says_so() -> None:
    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, session_to(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as (session, _):
        with pytest.raises(RestError, match="SSL") as failed:
            await ask(session, ORDER)
    assert not failed.value.was_sent


async def test_a_host_without_an_address_got_nothing_and_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def resolve(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    async with session_to("https://upbit.invalid") as (session, _):
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(RestError, match=r"no connection: .*Name or service not known") as failed:
            await ask(session, ORDER)
    assert not failed.value.was_sent


async def test_a_request_that_may_have_left_counts_as_sent() -> None:
    """Also on a connection that was open before, and when its answer is no HTTP."""

    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"220 mail.example.com ESMTP\r\n\r\n")

    async with RawServer(script) as server, session_to(f"http://127.0.0.1:{server.port}") as (session, _):
        assert await ask(session, READ) == b"[]"
        with pytest.raises(RestError) as lost:
            await ask(session, ORDER)
    assert lost.value.was_sent


async def _refuse(peer: Peer) -> None:
    await peer.refuse(407, b"who are you?")


async def _accept_and_reset(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")


async def _hang_up(peer: Peer) -> None:
    pass


async def _answer_nonsense(peer: Peer) -> None:
    await peer.send(b"220 mail.example.com ESMTP\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "says"),
    [(_refuse, "407"), (_accept_and_reset, ""), (_hang_up, "disconnected"), (_answer_nonsense, "220 mail")],
    ids=["refused", "accepted and reset", "hung up", "no proxy at all"],
)
async def test_behind_a_proxy_that_refuses_nothing_was_sent(
    script: Callable[[Peer], Awaitable[None]], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with RawServer(script) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with session_to("https://upbit.invalid", proxy=True) as (session, _):
            with pytest.raises(RestError) as failed:
                await ask(session, ORDER)
        assert proxy.peers, "it went through the proxy"
    assert not failed.value.was_sent
    assert says in failed.value.message


@pytest.mark.parametrize(("endpoint", "expected"), [(READ, ProxyClosedError), (ORDER, RestError)], ids=str)
async def test_closing_in_the_middle_of_a_connect_leaves_no_socket(
    endpoint: Endpoint, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was made after the HTTP library had closed all of them stayed open."""
    loop = asyncio.get_running_loop()
    connect, connecting, goes_on = loop.create_connection, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **options: Any) -> Any:
        connecting.set()
        await goes_on.wait()
        return await connect(*args, **options)

    async with HttpServer(lambda request: Answer(200, b"[]")) as server:
        before = leaks.open_sockets()
        async with session_to(server.url) as (session, _):
            monkeypatch.setattr(loop, "create_connection", slow)
            call = asyncio.create_task(ask(session, endpoint))
            await connecting.wait()
            await session.aclose()
            goes_on.set()
            with pytest.raises(expected):
                await call
            await turns(20)
            assert leaks.open_sockets() == before
    assert server.requests == []


async def test_closing_in_the_middle_of_an_answer_leaves_no_socket() -> None:
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        asked.set()
        await peer.reader.read()

    async with RawServer(script) as server, session_to(f"http://127.0.0.1:{server.port}") as (session, _):
        before = leaks.open_sockets()
        call = asyncio.create_task(ask(session, ORDER))
        await asked.wait()
        await session.aclose()
        with pytest.raises(RestError) as lost:
            await call
        assert lost.value.was_sent, "it may have been carried out"
        await until(lambda: leaks.open_sockets() <= before)


async def test_a_closed_session_says_so() -> None:
    async with (
        HttpServer(lambda request: Answer(200, b"[]")) as server,
        session_to(server.url) as (session, _),
    ):
        await ask(session, READ)
        await session.aclose()
        await session.aclose()
        with pytest.raises(ProxyClosedError, match="make a new one"):
            await ask(session, READ)
    assert len(server.requests) == 1
