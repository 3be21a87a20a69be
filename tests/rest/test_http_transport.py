"""`HttpTransport`: connections kept, found closed, cut and timed out, in the HTTP library's own errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from qt_upbit import WebSocketConfig
from qt_upbit.network.network import Network
from qt_upbit.rest.http_transport import HttpTransport
from tests.support import leaks
from tests.support.http_server import CUT, Answer, HttpServer
from tests.support.relays import Middlebox, Relay, TlsFront
from tests.support.wait import turns, until
from tests.support.world import Authority


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    before = leaks.open_sockets()
    yield
    leaks.check_sockets(before)


@asynccontextmanager
async def client_to(url: str, **fields: Any) -> AsyncIterator[httpx.AsyncClient]:
    config = WebSocketConfig(base_url=url, **fields)
    network = Network(config)
    context = await network.tls_context() if url.startswith("https:") else None
    async with httpx.AsyncClient(
        transport=HttpTransport(config, network, context), base_url=url, trust_env=False, timeout=60
    ) as client:
        yield client


async def _echo(request: web.Request) -> web.Response:
    headers = {"X-Method": request.method, "X-Query": request.rel_url.raw_query_string}
    return web.Response(body=await request.read(), headers=headers)


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    """Of a server that keeps connections, and sends back what it gets."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_a_request_arrives_and_its_answer_comes_back_whole(port: int) -> None:
    async with client_to(f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/v1/orders?a=%5B1%5D&b=2", content=b"x" * 300_000)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")
    assert answer.content == b"x" * 300_000
    assert (answer.headers["X-Method"], answer.headers["X-Query"]) == ("POST", "a=%5B1%5D&b=2")


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
async def test_a_connection_is_kept_and_made_again_once_the_server_has_closed_it(
    is_secure: bool, port: int
) -> None:
    authority = Authority()
    box: Relay = TlsFront(port, authority.server_context("127.0.0.1")) if is_secure else Relay(port)
    fields: dict[str, Any] = {"ca_bundle": authority.client_context()} if is_secure else {}
    async with box, client_to(f"http{'s' * is_secure}://127.0.0.1:{box.port}", **fields) as client:
        for _ in range(3):
            assert (await client.get("/v1/x")).status_code == 200
        assert box.accepted == 1
        box.cut()
        await until(lambda: box.open_connections == 0)
        await turns()
        assert (await client.get("/v1/x")).status_code == 200
        assert box.accepted == 2


@pytest.mark.parametrize("answer", [CUT, Answer(200, b"[]", is_truncated=True)], ids=["cut", "truncated"])
async def test_a_lost_answer_is_the_librarys_error(answer: Answer) -> None:
    async with HttpServer(lambda _: answer) as server, client_to(server.url) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/v1/x")


async def test_a_server_that_does_not_answer_times_out(port: int) -> None:
    async with Middlebox(port) as box, client_to(f"http://127.0.0.1:{box.port}") as client:
        box.freeze()
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/v1/x", timeout=httpx.Timeout(60, read=0.1))


async def test_a_server_that_does_not_speak_tls_in_time_times_out(port: int) -> None:
    context = Authority().client_context()
    async with (
        Middlebox(port) as box,
        client_to(f"https://127.0.0.1:{box.port}", ca_bundle=context) as client,
    ):
        box.freeze()
        with pytest.raises(httpx.ConnectTimeout, match="timed out while connecting"):
            await client.get("/v1/x", timeout=httpx.Timeout(60, connect=0.1))


async def test_many_calls_at_once_get_their_own_answers(port: int) -> None:
    async with client_to(f"http://127.0.0.1:{port}") as client:
        answers = await asyncio.gather(*(client.get(f"/v1/x?n={n}") for n in range(30)))
    assert [answer.headers["X-Query"] for answer in answers] == [f"n={n}" for n in range(30)]


def test_every_error_of_the_layer_below_has_its_like_above() -> None:
    below = [
        name for name in httpcore.__all__ if name.endswith(("Error", "Timeout", "Protocol", "Exception"))
    ]
    known = [name for name in below if hasattr(httpx, name)]
    assert set(below) - set(known) <= {"ProtocolError", "ConnectionNotAvailable"}


async def test_a_connection_that_its_request_did_not_take_over_is_closed_with_the_others(port: int) -> None:
    """A request that is cancelled just then loses it: the pool does not know it yet."""
    config = WebSocketConfig(base_url=f"http://127.0.0.1:{port}")
    transport = HttpTransport(config, Network(config), None)
    async with httpx.AsyncClient(transport=transport, base_url=config.rest_url, trust_env=False) as client:
        for _ in range(2):
            await transport._backend.connect_tcp("127.0.0.1", port)
        assert (await client.get("/v1/x")).status_code == 200
        assert len(transport._backend._open) == 3
    assert not transport._backend._open


@pytest.mark.parametrize("turn", range(12))
async def test_a_client_that_closes_while_requests_connect_leaves_nothing_open(port: int, turn: int) -> None:
    config = WebSocketConfig(base_url=f"http://127.0.0.1:{port}")
    transport = HttpTransport(config, Network(config), None)
    client = httpx.AsyncClient(transport=transport, base_url=config.rest_url, trust_env=False)
    requests = [asyncio.ensure_future(client.get("/v1/x")) for _ in range(3)]
    for _ in range(turn):
        await asyncio.sleep(0)
    for request in requests:
        request.cancel()
    await asyncio.wait(requests)
    await client.aclose()
    assert not transport._backend._open
