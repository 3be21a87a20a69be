"""Each fault of the simulated exchange, as another library's client sees it; and their control API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import Head
from qt_upbit.models import decode, peek
from qt_upbit.protocol.wire import LIST_SUBSCRIPTIONS, Request, RequestItem, encode_request
from qt_upbit.simulator import SimulatedServer, SimulatorSettings
from qt_upbit.simulator.faults import faults
from qt_upbit.simulator.faults.control import describe, fault_of
from qt_upbit.simulator.faults.faults import ERROR_FRAMES, FAULTS, BrokenFrame, Fault
from qt_upbit.simulator.sessions.session import Raw
from qt_upbit.types import Scope, TickerEvent, WireFormat
from tests.support.programs import environment
from tests.support.wait import HANG_S, until

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
Connect = Callable[..., Awaitable[ClientConnection]]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(
        markets=8, rate=10.0, account_running=False, announcement_interval_s=None,
        snapshot_delays_s=(0.01, 0.02), tick_interval_s=0.003, max_late_frames=0, trade_disorder=0.0,
    )  # fmt: skip
    async with SimulatedServer(settings) as server:
        yield server


@pytest_asyncio.fixture
async def join(server: SimulatedServer) -> AsyncIterator[Connect]:
    """Opens sockets that are subscribed to tickers, trades and books."""
    opened: list[ClientConnection] = []

    async def join(format: WireFormat = WireFormat.DEFAULT, **options: Any) -> ClientConnection:
        url = server.url.replace("http", "ws") + Scope.PUBLIC.path
        options = {"open_timeout": HANG_S} | options
        socket = await connect(url, proxy=None, ping_interval=None, **options)
        opened.append(socket)
        items = tuple(RequestItem(kind, CODES) for kind in ("ticker", "trade", "orderbook"))
        await socket.send(encode_request(Request("t", items, format)))
        await socket.recv()
        return socket

    yield join
    for socket in opened:
        socket.transport.abort()


async def _next(socket: ClientConnection, wanted: Callable[[bytes], bool]) -> bytes:
    async with asyncio.timeout(HANG_S):
        while True:
            raw = await socket.recv(decode=False)
            assert isinstance(raw, bytes)
            if wanted(raw):
                return raw


async def _end(socket: ClientConnection) -> None:
    """Read until it is closed: who does not read never sees the close."""
    async with asyncio.timeout(HANG_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()


def _is_good(raw: bytes) -> bool:
    head = peek(raw)
    if head is None:
        return False
    try:
        decode(raw, head)
    except DecodeError:
        return False
    return True


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [(faults.Close(code=1012), 1012), (faults.Cut(), 1006), (faults.Reset(), 1006)],
    ids=["close", "cut", "reset"],
)
async def test_a_line_ends(server: SimulatedServer, join: Connect, fault: Fault, code: int) -> None:
    socket = await join()
    assert server.faults.inject(fault) == 1
    await _end(socket)
    assert socket.close_code == code


async def test_a_reset_is_a_reset_and_a_cut_is_none(server: SimulatedServer) -> None:
    # On Windows asyncio shuts a socket down before it closes it: the peer may see an orderly end first.
    of_reset = (ConnectionResetError, type(None)) if sys.platform == "win32" else ConnectionResetError
    for fault, kind in ((faults.Reset(), of_reset), (faults.Cut(), type(None))):
        ended: list[BaseException | None] = []

        class Plain(asyncio.Protocol):
            def connection_lost(self, exc: Exception | None, ended: Any = ended) -> None:
                ended.append(exc)

        host, _, port = server.url.removeprefix("http://").partition(":")
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(Plain, host, int(port))
        assert isinstance(transport, asyncio.Transport)
        lines = (
            f"GET {Scope.PUBLIC.path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", "",
        )  # fmt: skip
        transport.write("\r\n".join(lines).encode())
        await until(lambda: server.exchange.connection_count(Scope.PUBLIC))
        server.faults.inject(fault)
        await until(lambda ended=ended: ended)
        assert isinstance(ended[0], kind)


@contextlib.asynccontextmanager
async def _reading(*sockets: ClientConnection) -> AsyncIterator[None]:
    """Read whatever comes: who does not read sees no pong behind it."""

    async def read(socket: ClientConnection) -> None:
        while True:
            await socket.recv()

    tasks = [asyncio.create_task(read(socket)) for socket in sockets]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _hears(socket: ClientConnection) -> None:
    """Wait until it answers a ping."""
    async with _reading(socket), asyncio.timeout(HANG_S):
        await (await socket.ping())


async def _is_unresponsive(socket: ClientConnection, other: ClientConnection) -> bool:
    """Whether a ping is not answered, although later ones on another connection to the same exchange are."""
    async with _reading(socket, other), asyncio.timeout(HANG_S):
        pong = asyncio.ensure_future(await socket.ping())
        for _ in range(3):
            await (await other.ping())
        return not pong.done()


@pytest.mark.parametrize(
    ("fault", "sends"),
    [(faults.Silence(), False), (faults.Stall(), False), (faults.StopReading(), True)],
    ids=["silence", "stall", "stop_reading"],
)
async def test_a_line_stays_open_and_is_of_no_use(
    server: SimulatedServer, join: Connect, fault: Fault, sends: bool
) -> None:
    socket = await join()
    assert server.faults.inject(fault) == 1
    other = await join()
    assert await _is_unresponsive(socket, other)
    assert socket.close_code is None
    if sends:
        assert _is_good(await _next(socket, _is_good))


@pytest.mark.parametrize("error", ERROR_FRAMES)
async def test_error_frames_and_the_close_after(server: SimulatedServer, join: Connect, error: str) -> None:
    socket = await join()
    server.faults.inject(faults.ErrorFrame(error=error))
    raw = await _next(socket, lambda raw: raw.startswith(b'{"error"'))
    assert json.loads(raw)["error"] == {"name": error, "message": ERROR_FRAMES[error]}
    await _end(socket)
    assert socket.close_code == 1000


# --- frames ---------------------------------------------------------------------------------------

_BROKEN = [kind for kind in FAULTS.values() if issubclass(kind, BrokenFrame)]
_FATAL = (faults.Huge, faults.CompressionBomb)


@pytest.mark.parametrize("kind", [kind for kind in _BROKEN if kind not in _FATAL])
@pytest.mark.parametrize("format", [WireFormat.DEFAULT, WireFormat.SIMPLE])
async def test_broken_frames_come_beside_good_ones(
    server: SimulatedServer, join: Connect, kind: type[BrokenFrame], format: WireFormat
) -> None:
    socket = await join(format)
    server.faults.inject(kind(times=9))
    for _ in range(9):
        broken = await _next(socket, lambda raw: not _is_good(raw))
        good = await socket.recv(decode=False)
        assert _is_good(good)
        assert broken != good
    assert server.faults.injected[kind.name()] == 9
    assert server.faults.armed == ()
    assert _is_good(await socket.recv(decode=False))


@pytest.mark.parametrize(("place", "good"), [("after", [True, False]), ("instead", [False])])
async def test_the_place_of_a_broken_frame(
    server: SimulatedServer, join: Connect, place: str, good: list[bool]
) -> None:
    socket = await join()
    server.faults.inject(faults.Garbage(place=place, type="trade", code="KRW-BTC"))
    seen: list[bool] = []
    async with asyncio.timeout(HANG_S):
        while len(seen) < len(good):
            raw = await socket.recv(decode=False)
            if not _is_good(raw) or (seen == [] and peek(raw) == ("trade", "KRW-BTC") and place == "after"):
                seen.append(_is_good(raw))
    assert seen == good


async def test_a_huge_frame(server: SimulatedServer, join: Connect) -> None:
    socket = await join(max_size=4 << 20)
    server.faults.inject(faults.Huge(mebibytes=5))
    await _end(socket)
    assert socket.protocol.close_sent is not None
    assert socket.protocol.close_sent.code == 1009


async def test_a_compression_bomb_is_small_on_the_wire(server: SimulatedServer, join: Connect) -> None:
    bomb = faults.CompressionBomb(mebibytes=64)
    made = bomb.strike(b"{}", Head("ticker", "KRW-BTC"), None)[0]  # type: ignore[arg-type]  # no exchange
    assert isinstance(made, Raw)
    assert len(made.data) < (64 << 20) // 900
    large = await join(max_size=65 << 20)
    server.faults.inject(bomb)
    assert len(await _next(large, lambda raw: len(raw) > 1 << 20)) == 64 << 20
    large.transport.abort()
    await large.wait_closed()
    small = await join(max_size=4 << 20)
    server.faults.inject(bomb)
    await _end(small)
    assert small.protocol.close_sent is not None
    assert small.protocol.close_sent.code == 1009


async def test_unknown_fields(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.UnknownFields())
    raw = await _next(socket, lambda raw: b"new_in_2027" in raw)
    assert json.loads(raw)["new_in_2027"] == {"a": [1, "é", None]}
    assert _is_good(raw)


async def test_timestamps_in_microseconds(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.Microseconds())
    raw = await _next(socket, lambda raw: b"orderbook" in raw and json.loads(raw)["timestamp"] > 10**15)
    assert json.loads(raw)["timestamp"] % 1000 == 0


async def test_a_frame_comes_twice(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.Duplicate(type="trade"))
    first = await _next(socket, lambda raw: server.faults.injected["duplicate"] == 1 and b'"trade"' in raw)
    before = b""
    while before != first:
        before, first = first, await socket.recv(decode=False)


@pytest.mark.parametrize("value", ["null", "missing", "object"])
@pytest.mark.parametrize("format", [WireFormat.DEFAULT, WireFormat.SIMPLE])
async def test_fields_are_odd(server: SimulatedServer, join: Connect, format: WireFormat, value: str) -> None:
    socket = await join(format)
    server.faults.inject(faults.OddFields(type="ticker", field="change_rate", value=value, times=1000))
    raw = await _next(
        socket,
        lambda raw: server.faults.injected["odd_fields"] > 0 and peek(raw)[0] == "ticker",  # type: ignore[index]
    )
    while not decode(raw).odd_fields:
        raw = await _next(socket, lambda raw: peek(raw)[0] == "ticker")  # type: ignore[index]
    assert [each.field for each in decode(raw).odd_fields] == ["change_rate"]


async def test_frames_of_one_code_are_lost(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    fault = faults.LostFrames(scope=Scope.PUBLIC, type="trade", code="KRW-BTC", times=5)
    server.faults.inject(fault)
    await _next(socket, lambda raw: server.faults.injected["lost_frames"] == 5)
    assert not server.faults.armed
    await _next(socket, lambda raw: peek(raw) == ("trade", "KRW-BTC"))


def test_frames_are_lost_by_their_text_and_by_chance() -> None:
    head, frame = Head("myOrder", "KRW-BTC"), b'{"state":"done","uuid":"A"}'
    assert faults.LostFrames().concerns_frame(frame, head)
    assert faults.LostFrames(containing='"done"').concerns_frame(frame, head)
    assert not faults.LostFrames(containing='"trade"').concerns_frame(frame, head)
    some = faults.LostFrames(share=0.5)
    rng = random.Random(1)
    assert {tuple(some.strike(frame, head, rng)) for _ in range(50)} == {(), (frame,)}
    with pytest.raises(ValueError, match="share"):
        faults.LostFrames(share=0)


async def test_trades_overtake_each_other(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.Reorder(code="KRW-BTC", seconds=0.5))
    last = 0
    async with asyncio.timeout(HANG_S):
        while True:
            raw = await _next(socket, lambda raw: peek(raw) == ("trade", "KRW-BTC"))
            number = json.loads(raw)["sequential_id"]
            if number < last:
                return
            last = number


async def test_one_message_over_several_frames(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.Fragment(parts=3, times=3))
    await until(lambda: not server.faults.armed)
    for _ in range(40):
        assert _is_good(await socket.recv(decode=False))


# --- handshakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 418, 429, 500, 503])
async def test_handshakes_are_refused(server: SimulatedServer, join: Connect, status: int) -> None:
    server.faults.inject(faults.RefuseHandshakes(status=status, retry_after_s=7, times=2))
    for _ in range(2):
        with pytest.raises(InvalidStatus) as caught:
            await join()
        assert caught.value.response.status_code == status
        assert caught.value.response.headers["Retry-After"] == "7"
    assert (await join()).close_code is None


async def test_handshakes_of_another_endpoint_are_not(server: SimulatedServer, join: Connect) -> None:
    server.faults.inject(faults.RefuseHandshakes(scope=Scope.PRIVATE, times=None))
    assert (await join()).close_code is None
    assert len(server.faults.armed) == 1


async def test_slow_handshakes(server: SimulatedServer, join: Connect) -> None:
    server.faults.inject(faults.SlowHandshakes(seconds=30.0))
    with pytest.raises(TimeoutError):
        await join(open_timeout=0.2)
    assert (await join()).close_code is None


# --- the exchange ---------------------------------------------------------------------------------


async def test_the_port_is_closed_for_a_while(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.NotListening(for_s=None))
    url = server.url
    await until(lambda: not server.is_listening)
    with pytest.raises(OSError, match=r"Connect|refused"):
        await join()
    assert _is_good(await _next(socket, _is_good))  # the open one goes on
    server.faults.clear()
    await until(lambda: server.is_listening)
    server.faults.inject(faults.NotListening(for_s=0.02))
    await until(lambda: server.exchange.is_reachable)  # its time is over
    await until(lambda: server.is_listening)
    assert (await join()).close_code is None
    assert server.url == url


async def test_maintenance(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.Maintenance(for_s=None))
    async with aiohttp.ClientSession() as http, http.get(server.url + "/v1/market/all") as answer:
        assert answer.status == 403
        assert (await answer.json())["error"]["name"] == "market_offline"
    (session,) = server.exchange.sessions
    sent, until_s = session.sent, server.now() + 0.4
    await until(lambda: server.now() > until_s)
    assert session.sent == sent
    await _hears(socket)
    server.faults.clear()
    assert _is_good(await _next(socket, _is_good))
    async with aiohttp.ClientSession() as http, http.get(server.url + "/v1/market/all") as answer:
        assert answer.status == 200


async def test_the_clock_jumps_ahead(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    before = json.loads(await _next(socket, lambda raw: peek(raw) == ("orderbook", "KRW-BTC")))
    server.faults.inject(faults.ClockSkew(seconds=100.0))
    await _next(socket, lambda raw: json.loads(raw)["timestamp"] - before["timestamp"] > 95_000)
    with pytest.raises(ValueError, match="must not be negative"):
        faults.ClockSkew(seconds=-1.0)


async def test_a_pair_goes_and_comes(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    server.faults.inject(faults.Delist(code="KRW-XRP"))
    raw = await _next(socket, lambda raw: b"DELISTED" in raw)
    event = decode(raw, peek(raw))
    assert isinstance(event, TickerEvent)
    assert (event.code, event.is_trading_suspended) == ("KRW-XRP", True)
    for _ in range(200):
        assert b"KRW-XRP" not in await socket.recv(decode=False)
    async with aiohttp.ClientSession() as http, http.get(server.url + "/v1/market/all") as answer:
        assert "KRW-XRP" not in await answer.text()
    with pytest.raises(ValueError, match="KRW-XRP is not traded"):
        server.faults.inject(faults.Delist(code="KRW-XRP"))
    server.faults.inject(faults.NewListing(code="KRW-XRP"))
    await _next(socket, lambda raw: peek(raw) == ("trade", "KRW-XRP"))
    with pytest.raises(ValueError, match="traded already"):
        server.faults.inject(faults.NewListing(code="KRW-XRP"))


async def test_a_pair_that_was_never_there_is_listed(server: SimulatedServer, join: Connect) -> None:
    assert "KRW-NEO" not in server.exchange.market.pairs
    server.faults.inject(faults.NewListing(code="KRW-NEO"))
    socket = await join()
    await socket.send(encode_request(Request("n", (RequestItem("orderbook", ("KRW-NEO",)),))))
    await _next(socket, lambda raw: peek(raw) == ("orderbook", "KRW-NEO"))
    with pytest.raises(ValueError, match="coin is unknown"):
        server.faults.inject(faults.NewListing(code="KRW-NOPE"))


@pytest.mark.parametrize("listed", [True, False])
async def test_a_part_of_a_subscription_is_dropped(
    server: SimulatedServer, join: Connect, listed: bool
) -> None:
    socket = await join()
    server.faults.inject(faults.DropStreams(share=1.0, listed=listed))
    await until(lambda: not server.exchange.wants("trade", "KRW-BTC"))
    await socket.send(encode_request(Request("l", method=LIST_SUBSCRIPTIONS)))
    answer = json.loads(await _next(socket, lambda raw: b'"method"' in raw))
    assert len(answer["result"]) == (3 if listed else 0)
    await _hears(socket)


async def test_frames_of_the_old_subscription(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    await until(lambda: all(s.live for each in server.exchange.sessions[0].streams.values() for s in each))
    server.faults.inject(faults.LateFrames(number=2, seconds=0.2))
    await socket.send(encode_request(Request("n", (RequestItem("ticker", ("KRW-ETH",)),))))
    await until(lambda: server.exchange.sessions[0].ticket == "n")
    fresh = await _next(socket, lambda raw: peek(raw) == ("ticker", "KRW-ETH") and b"SNAPSHOT" in raw)
    assert fresh
    await _next(socket, lambda raw: peek(raw) == ("ticker", "KRW-BTC"))


# --- the control API ------------------------------------------------------------------------------


async def test_faults_over_http(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    url = server.url + "/simulator/"
    async with aiohttp.ClientSession() as http:
        async with http.get(url + "sockets") as answer:
            (shown,) = await answer.json()
        assert (shown["number"], shown["scope"], len(shown["subscription"])) == (1, "public", 3)
        async with http.post(url + "faults", json={"fault": "garbage", "times": 1000}) as answer:
            assert (answer.status, await answer.json()) == (200, {"hit": 0})
        async with http.get(url + "faults") as answer:
            state = await answer.json()
        assert state["kinds"].keys() == FAULTS.keys()
        assert [fault["fault"] for fault in state["armed"]] == ["garbage"]
        await _next(socket, lambda raw: not _is_good(raw))
        async with http.delete(url + "faults") as answer:
            assert answer.status == 200
        assert server.faults.armed == ()
        async with http.post(url + "faults", json={"fault": "cut", "scope": "public"}) as answer:
            assert await answer.json() == {"hit": 1}
        await _end(socket)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"fault":"flood"}', "fault: must be one of clock_skew, close"),
        (b'{"fault":"close","scope":"moon"}', "Invalid enum value 'moon'"),
        (b'{"fault":"close","how":1}', "unknown field `how`"),
        (b'{"fault":"garbage","times":0}', "times: must be at least 1"),
        (b'{"fault":"garbage","place":"above"}', "must be before, after or instead"),
        (b'{"fault":"error_frame","error":"x"}', "error: must be one of INVALID_AUTH"),
        (b'{"fault":"delist","code":"KRW-NOPE"}', "KRW-NOPE is not traded"),
    ],
)
async def test_what_is_no_fault_is_refused(server: SimulatedServer, body: bytes, said: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.url + "/simulator/faults", data=body) as answer,
    ):
        assert answer.status == 400
        assert said in (await answer.json())["error"]["message"]
    assert server.faults.armed == ()


async def test_web_pages_have_no_say(server: SimulatedServer) -> None:
    headers = {"Origin": "https://example.com"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.url + "/simulator/faults", json={"fault": "cut"}, headers=headers) as answer,
    ):
        assert answer.status == 403
    assert not server.faults.injected


@pytest.mark.parametrize("kind", FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_can_be_asked_for_by_name(kind: type[Fault]) -> None:
    fault = fault_of({"fault": kind.name()})
    assert type(fault) is kind
    about = describe(kind)
    assert about["summary"].endswith(".") or ":" in about["summary"] or "(" in about["summary"]
    assert fault_of({"fault": kind.name(), **{k: v["default"] for k, v in about["fields"].items()}}) == fault


async def _run(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qt_upbit.simulator.control", *arguments,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    out, err = await process.communicate()
    # Windows ends lines in its own way.
    out_text, err_text = (text.decode().replace(os.linesep, "\n") for text in (out, err))
    return process.returncode or 0, out_text, err_text


async def test_faults_from_the_command_line(server: SimulatedServer, join: Connect) -> None:
    socket = await join()
    code, out, err = await _run(server.url, "error_frame", "error=NO_TYPE", "scope=public")
    assert (code, out, err) == (0, "error_frame: 1 socket(s) hit at once\n", "")
    await _end(socket)
    assert (await _run(server.url, "garbage", "times=3"))[:2] == (0, "garbage: injected\n")
    code, out, _ = await _run(server.url)
    assert code == 0
    assert all(name in out for name in FAULTS)
    assert "so far: error_frame 1" in out
    assert '"times":3' in out
    assert (await _run(server.url, "clear"))[:2] == (0, "cleared\n")
    assert server.faults.armed == ()
    code, _, err = await _run(server.url, "garbage", "times=many")
    assert (code, "Expected `int`" in err) == (1, True)
    code, _, err = await _run(server.url, "delist", "code=KRW-NOPE")
    assert (code, err) == (1, "KRW-NOPE is not traded\n")
    code, _, err = await _run("http://127.0.0.1:1", "clear")
    assert code == 1
    assert "127.0.0.1:1" in err


async def test_the_command_says_that_a_server_is_no_exchange() -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        assert await _run(url) == (1, "", f"{url}: answers, but is not a simulated exchange\n")
