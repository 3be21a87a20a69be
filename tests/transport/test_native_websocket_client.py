"""The socket, on plain asyncio, against a scripted peer."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.server import serve

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError, QtUpbitError
from qt_upbit.transport import native_websocket_client
from qt_upbit.transport.native_websocket_client import NativeWebSocketClient
from tests.support.cpu_share import CpuShare
from tests.support.raw_server import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Peer,
    RawServer,
    close_frame,
    frame,
)
from tests.support.wait import turns, until

CONFIG: dict[str, Any] = {"use_system_proxy": False, "close_timeout_s": 10.0, "connect_timeout_s": 60.0}


class Log:
    """A client, and everything it reported, in order."""

    def __init__(self, **config: Any) -> None:
        self.reported: list[tuple[Any, ...]] = []
        self.client = NativeWebSocketClient(
            WebSocketConfig(**(CONFIG | config)),
            on_opened=lambda epoch: self.reported.append(("opened", epoch)),
            on_message=lambda data, epoch: self.reported.append(("message", data, epoch)),
            on_pong=lambda epoch: self.reported.append(("pong", epoch)),
            on_lost=lambda epoch, error: self.reported.append(("lost", error, epoch)),
        )

    def kinds(self) -> list[str]:
        return [entry[0] for entry in self.reported]

    @property
    def messages(self) -> list[bytes]:
        return [entry[1] for entry in self.reported if entry[0] == "message"]

    @property
    def error(self) -> QtUpbitError:
        found = next(entry[1] for entry in self.reported if entry[0] == "lost")
        assert isinstance(found, QtUpbitError)
        return found

    async def opened(self) -> None:
        await until(lambda: "opened" in self.kinds())

    async def lost(self) -> QtUpbitError:
        await until(lambda: "lost" in self.kinds())
        return self.error


MakeLog = Callable[..., Log]


@pytest_asyncio.fixture
async def make_log() -> AsyncIterator[MakeLog]:
    made: list[Log] = []

    def make(**config: Any) -> Log:
        made.append(Log(**config))
        return made[-1]

    yield make
    for log in made:
        await log.client.aclose()


# --- messages -------------------------------------------------------------------------------------


async def test_text_and_binary_frames_arrive_as_bytes_in_order(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(frame(TEXT, '{"ty":"틱"}'.encode()), frame(BINARY, b"\x00\xff"), frame(BINARY, b""))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 7)
        await until(lambda: len(log.messages) == 3)
        assert log.reported == [
            ("opened", 7),
            ("message", '{"ty":"틱"}'.encode(), 7),
            ("message", b"\x00\xff", 7),
            ("message", b"", 7),
        ]
        counters = log.client.counters
        assert counters.messages == 3
        assert counters.inflated_bytes == sum(map(len, log.messages))
        await log.client.aclose()


async def test_fragments_are_joined_with_a_ping_between(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(frame(BINARY, b"ab", fin=False), frame(PING, b"?"), frame(CONT, b"cd", fin=False))
        await peer.send(frame(CONT, b"", fin=False), frame(CONT, b"ef"), frame(TEXT, b"next"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await until(lambda: len(log.messages) == 2)
        assert log.messages == [b"abcdef", b"next"]
        assert log.client.counters.messages == 2
        await until(lambda: (PONG, b"?") in server.peers[0].received)
        await log.client.aclose()


async def test_first_frame_in_the_packet_of_the_handshake_comes_after_opened(make_log: MakeLog) -> None:
    """Upbit's INVALID_AUTH may share a packet with the handshake; before `on_opened` it would be dropped."""

    async def script(peer: Peer) -> None:
        await peer.accept(frame(BINARY, b"first"), frame(BINARY, b"second"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await until(lambda: len(log.messages) == 2)
        assert log.reported == [("opened", 1), ("message", b"first", 1), ("message", b"second", 1)]
        await log.client.aclose()


async def test_last_frames_before_a_close_come_before_lost(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(frame(BINARY, b"last"), close_frame(1000, "bye"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        error = await log.lost()
        assert log.kinds() == ["opened", "message", "lost"]
        assert str(error) == "connection failed: closed by the server with code 1000: bye"


@pytest.mark.parametrize("compression", [True, False])
async def test_counts_wire_bytes_and_inflated_bytes(make_log: MakeLog, compression: bool) -> None:
    text = json.dumps({"type": "ticker", "code": "KRW-BTC", "pad": "0" * 900})
    extensions: list[str | None] = []

    async def handler(connection: Any) -> None:
        extensions.append(connection.request.headers.get("Sec-WebSocket-Extensions"))
        for _ in range(50):
            await connection.send(text)
        await connection.wait_closed()

    log = make_log(compression=compression)
    async with serve(handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        log.client.open(f"ws://127.0.0.1:{port}/", {}, 1)
        await until(lambda: len(log.messages) == 50)
        counters = log.client.counters
        assert set(log.messages) == {text.encode()}
        assert counters.inflated_bytes == 50 * len(text)
        if compression:
            assert "permessage-deflate" in (extensions[0] or "")
            assert counters.wire_bytes < counters.inflated_bytes / 5
        else:
            assert extensions == [None]
            assert counters.wire_bytes > counters.inflated_bytes
        await log.client.aclose()


async def test_send_and_ping_go_out_at_once(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        while (await peer.read_frame())[0] != PING:
            pass
        await peer.send(frame(PONG, peer.received[-1][1]), frame(PONG, b"unasked"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 3)
        await log.opened()
        log.client.send('[{"ticket":"틱"}]', 3)
        log.client.ping(3)
        await until(lambda: log.kinds().count("pong") == 2)
        assert server.peers[0].received[0] == (TEXT, '[{"ticket":"틱"}]'.encode())
        log.client.send("to an earlier socket", 2)
        log.client.ping(2)
        await log.client.aclose()
        assert [opcode for opcode, _ in server.peers[0].received] == [TEXT, PING, CLOSE]


async def test_message_beyond_the_limit_ends_the_connection(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(frame(BINARY, b"x" * (64 * 1024)), frame(BINARY, b"x" * (64 * 1024 + 1)))
        await peer.read_all()

    log = make_log(max_message_bytes=64 * 1024)
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        error = await log.lost()
        assert isinstance(error, ConnectionFailedError)
        assert "1009" in error.reason
        assert [len(m) for m in log.messages] == [64 * 1024]


async def test_compressed_message_is_limited_by_its_inflated_size(make_log: MakeLog) -> None:
    async def handler(connection: Any) -> None:
        await connection.send("0" * 10_000_000)
        await connection.wait_closed()

    log = make_log(max_message_bytes=1024 * 1024)
    async with serve(handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        log.client.open(f"ws://127.0.0.1:{port}/", {}, 1)
        assert "1009" in str(await log.lost())
        assert log.messages == []


async def test_protocol_violation_is_a_lost_connection(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(frame(CONT, b"of nothing"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        assert "1002" in str(await log.lost())
        assert log.messages == []


@pytest.mark.logs("callback of the websocket client raised")
async def test_callback_that_raises_does_not_cost_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[bytes] = []

    def on_message(data: bytes, _: int) -> None:
        if data == b"bad":
            raise ZeroDivisionError("in a test")
        reported.append(data)

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(frame(BINARY, b"bad"), frame(BINARY, b"good"))
        await peer.read_all()

    def nothing(*_: object) -> None:
        pass

    client = NativeWebSocketClient(
        WebSocketConfig(**CONFIG), on_opened=nothing, on_message=on_message, on_pong=nothing, on_lost=nothing
    )
    async with RawServer(script) as server:
        client.open(server.url, {}, 1)
        await until(lambda: reported == [b"good"])
        await client.aclose()
    assert "ZeroDivisionError: in a test" in caplog.text


# --- bursts ---------------------------------------------------------------------------------------


async def test_a_burst_is_processed_in_slices() -> None:
    """While thousands of frames wait in the socket, other callbacks of the loop get their turn."""
    count, got = 4000, 0
    longest = 0.0

    def on_message(data: bytes, _: int) -> None:
        nonlocal got
        got += 1
        busy_until = time.perf_counter() + 0.00005
        while time.perf_counter() < busy_until:
            pass

    def nothing(*_: object) -> None:
        pass

    client = NativeWebSocketClient(
        WebSocketConfig(**CONFIG), on_opened=nothing, on_message=on_message, on_pong=nothing, on_lost=nothing
    )

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read_frame()
        await peer.send(b"".join(frame(BINARY, b"." * 100) for _ in range(count)))
        await peer.read_all()

    async with RawServer(script) as server:
        client.open(server.url, {}, 1)
        await until(lambda: client.open_sockets)
        client.send("go", 1)
        last = time.process_time()
        while got < count:
            await asyncio.sleep(0)
            now = time.process_time()
            longest, last = max(longest, now - last), now
        await client.aclose()
    # All at once would take 0.2 s and more.
    assert longest < 0.05


@pytest.mark.parametrize("with_handshake", [False, True])
@pytest.mark.parametrize("fin", [True, False], ids=["messages", "fragments"])
async def test_tiny_frames_are_processed_in_slices_too(with_handshake: bool, fin: bool) -> None:
    """Thousands of frames fit into one read; the clock is checked after a few of them."""
    count = 4096
    turn = 0
    per_turn: Counter[int] = Counter()

    def on_message(data: bytes, _: int) -> None:
        per_turn[turn] += 1

    def nothing(*_: object) -> None:
        pass

    client = NativeWebSocketClient(
        WebSocketConfig(**(CONFIG | {"slice_ms": 4.0})),
        on_opened=nothing,
        on_message=on_message,
        on_pong=nothing,
        on_lost=nothing,
        slice_clock=lambda: per_turn.total() / 1000,  # each message costs a millisecond
    )
    part = frame(BINARY, b"") if fin else frame(BINARY, b"{", fin=False) + frame(CONT, b"}")
    packets = [part] * count

    async def script(peer: Peer) -> None:
        await peer.accept(*packets if with_handshake else ())
        if not with_handshake:
            await peer.send(b"".join(packets))
        await peer.read_all()

    async with RawServer(script) as server:
        client.open(server.url, {}, 1)
        while per_turn.total() < count:
            turn += 1
            await asyncio.sleep(0)
        await client.aclose()
    assert max(per_turn.values()) <= 16


@pytest.mark.parametrize("size", [1, 100])
async def test_a_close_amid_a_burst_is_prompt(make_log: MakeLog, size: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(*[frame(BINARY, b"." * size)] * 20_000)
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await until(lambda: log.messages)
        log.client.close(1)
        seen = len(log.messages)
        await log.client.aclose()
        assert len(log.messages) == seen
        assert "lost" not in log.kinds()


async def test_frames_deferred_by_slices_keep_their_order_before_a_close(make_log: MakeLog) -> None:
    count = 3000
    packets = [frame(BINARY, b"%05d" % i + b"." * 100) for i in range(count)]

    async def script(peer: Peer) -> None:
        await peer.accept(*packets, close_frame(1001, "going away"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await log.lost()
        assert [m[:5] for m in log.messages] == [b"%05d" % i for i in range(count)]
        assert log.kinds()[0] == "opened"
        assert log.kinds()[-1] == "lost"


async def test_frames_before_a_reset_are_not_lost(make_log: MakeLog) -> None:
    count = 3000

    async def script(peer: Peer) -> None:
        await peer.accept(*(frame(BINARY, b"%05d" % i + b"." * 100) for i in range(count)))

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        error = await log.lost()
        assert str(error) == "connection failed: connection cut without a close frame"
        assert len(log.messages) == count
        assert log.kinds()[-1] == "lost"


# --- the handshake --------------------------------------------------------------------------------


async def test_handshake_sends_user_agent_and_no_origin(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read_all()

    log = make_log(user_agent="my-terminal/3")
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await log.opened()
        headers = server.peers[0].headers
        assert headers["user-agent"] == "my-terminal/3"
        assert "origin" not in headers
        assert "authorization" not in headers
        assert server.peers[0].path == "/websocket/v1"
        await log.client.aclose()


@pytest.mark.parametrize("refused", [False, True])
async def test_authorization_goes_out_and_into_no_log(
    make_log: MakeLog, caplog: pytest.LogCaptureFixture, refused: bool
) -> None:
    secret = "Bearer TOPSECRET.c2ln"
    caplog.set_level(logging.DEBUG)
    names = [
        n for n in logging.root.manager.loggerDict if n.startswith(("qt_upbit", "websockets", "asyncio"))
    ]
    for name in (*names, native_websocket_client.__name__):
        # Even if an application sets every logger to DEBUG.
        caplog.set_level(logging.DEBUG, logger=name)

    async def script(peer: Peer) -> None:
        if refused:
            await peer.refuse(401, b'{"error":{"name":"jwt_verification","message":"no"}}')
            return
        await peer.accept(frame(BINARY, b"x"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {"Authorization": secret}, 1)
        await until(lambda: log.reported)
        assert server.peers[0].headers["authorization"] == secret
        if refused:
            assert isinstance(log.error, AuthenticationError)
            assert "TOPSECRET" not in str(log.error) + repr(log.error) + repr(log.error.__cause__)
        await log.client.aclose()
    assert "TOPSECRET" not in caplog.text


async def test_redirect_is_not_followed(make_log: MakeLog) -> None:
    """A redirect could carry the token to another server."""

    async def trap(peer: Peer) -> None:
        await peer.accept()
        await peer.read_all()

    log = make_log()
    async with RawServer(trap) as elsewhere:

        async def script(peer: Peer) -> None:
            await peer.refuse(302, Location=elsewhere.url)

        async with RawServer(script) as server:
            log.client.open(server.url, {"Authorization": "Bearer x"}, 1)
            error = await log.lost()
            assert isinstance(error, ConnectionFailedError)
            assert error.status == 302
            assert elsewhere.peers == []


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key(make_log: MakeLog, status: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.refuse(
            status, b'{"error":{"name":"no_authorization_ip","message":"This is not a verified IP."}}'
        )

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {"Authorization": "Bearer x"}, 1)
        error = await log.lost()
        assert isinstance(error, AuthenticationError)
        assert (error.name, error.status) == ("no_authorization_ip", status)
        assert log.kinds() == ["lost"]


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b'{"error":3}', b'{"error":{"name":null}}', b"{" * 9000]
)
async def test_refusal_with_a_strange_body(make_log: MakeLog, body: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.refuse(401, body)

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {"Authorization": "Bearer x"}, 1)
        assert isinstance(await log.lost(), AuthenticationError)


async def test_401_without_a_token_is_not_an_authentication_error(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.refuse(401)

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        error = await log.lost()
        assert isinstance(error, ConnectionFailedError)
        assert error.status == 401


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "7", 7.0),
        (429, "", None),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", None),
        (429, "-5", None),
        (418, "60", 60.0),
        (503, "1", 1.0),
        (500, "", None),
        (200, "", None),
    ],
)
async def test_refused_handshake_reports_status_and_wait(
    make_log: MakeLog, status: int, retry_after: str, seconds: float | None
) -> None:
    async def script(peer: Peer) -> None:
        headers: dict[str, Any] = {"Retry_After": retry_after} if retry_after else {}
        await peer.refuse(status, **headers)

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        error = await log.lost()
        assert isinstance(error, ConnectionFailedError)
        assert (error.status, error.retry_after_s) == (status, seconds)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"HTTP/1.1 101 Yes\r\n\r\n", b"\x00" * 9000]
)
async def test_peer_that_is_not_a_websocket_server(make_log: MakeLog, answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(answer)

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        assert isinstance(await log.lost(), ConnectionFailedError)


async def test_connection_refused(make_log: MakeLog) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        log = make_log()
        log.client.open(f"ws://127.0.0.1:{port}/", {}, 1)
        error = await log.lost()
    assert isinstance(error, ConnectionFailedError)
    assert error.status is None


async def test_unknown_host(make_log: MakeLog) -> None:
    log = make_log()
    log.client.open("ws://no-such-host.invalid/", {}, 1)
    assert isinstance(await log.lost(), ConnectionFailedError)


async def test_invalid_url(make_log: MakeLog) -> None:
    log = make_log()
    log.client.open("ftp://127.0.0.1/", {}, 1)
    assert isinstance(await log.lost(), ConnectionFailedError)


async def test_handshake_that_is_never_answered_times_out(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_all()

    log = make_log(connect_timeout_s=0.1)
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        assert str(await log.lost()) == "connection failed: timed out while connecting"


async def test_an_unexpected_error_is_a_lost_connection(
    make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the libraries below raise, the connection must not hang in CONNECTING."""

    class Odd(Exception):
        pass

    async def fail(*_: Any, **__: Any) -> Any:
        raise Odd("from below")

    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    log = make_log()
    async with server:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
        log.client.open(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {}, 1)
        assert str(await log.lost()) == "connection failed: Odd: from below"
        (writer,) = await until(lambda: accepted)
        writer.transport.abort()


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "text"), [(1000, "code 1000"), (1001, "code 1001"), (1011, "code 1011")])
async def test_close_codes_of_the_server(make_log: MakeLog, code: int, text: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(close_frame(code))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        error = await log.lost()
        assert text in str(error)
        assert "by the server" in str(error)
        assert log.client.open_sockets == 0


async def test_cut_without_a_close_frame(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        assert str(await log.lost()) == "connection failed: connection cut without a close frame"


async def test_close_does_the_close_handshake_and_reports_nothing_more(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        opcode, data = await peer.read_frame()
        assert opcode == CLOSE
        # In flight when the client closed.
        await peer.send(frame(BINARY, b"late"), frame(PONG, b"late"), frame(CLOSE, data))

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await log.opened()
        log.client.close(1)
        log.client.close(1)
        assert log.client.open_sockets == 0
        await log.client.aclose()
        assert server.peers[0].received[0][0] == CLOSE
        assert log.reported == [("opened", 1)]


async def test_unresponsive_peer_does_not_delay_close(make_log: MakeLog) -> None:
    unresponsive = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept()
        await unresponsive.wait()

    log = make_log(close_timeout_s=0.1)
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await log.opened()
        share = CpuShare()
        await log.client.aclose()
        share.check("closing", share.elapsed_s, 1.0)
        assert log.reported == [("opened", 1)]
        unresponsive.set()


async def test_peer_that_keeps_sending_does_not_delay_close(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        while True:
            await peer.send(frame(BINARY, b"x" * 1000))
            await asyncio.sleep(0)

    log = make_log(close_timeout_s=0.1)
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await until(lambda: len(log.messages) > 10)
        count = len(log.messages)
        share = CpuShare()
        await log.client.aclose()
        share.check("closing", share.elapsed_s, 1.0)
        assert len(log.messages) == count


async def test_aclose_while_connecting(make_log: MakeLog) -> None:
    arrived = asyncio.Event()

    async def script(peer: Peer) -> None:
        arrived.set()
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await arrived.wait()
        await log.client.aclose()
        await turns()
        assert log.reported == []


@pytest.mark.parametrize("step", range(12))
async def test_close_at_any_moment_of_connecting(make_log: MakeLog, step: int) -> None:
    """At any step, no socket is left and nothing is reported afterwards."""

    async def script(peer: Peer) -> None:
        await peer.accept(frame(BINARY, b"first"))
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await turns(step)
        log.client.close(1)
        reported = list(log.reported)
        await log.client.aclose()
        assert log.reported == reported
        assert log.client.open_sockets == 0


async def test_aclose_during_a_close_handshake(make_log: MakeLog) -> None:
    unresponsive = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept()
        await unresponsive.wait()

    log = make_log(close_timeout_s=0.2)
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await log.opened()
        log.client.close(1)
        await turns()
        share = CpuShare()
        await log.client.aclose()
        share.check("closing", share.elapsed_s, 1.0)
        unresponsive.set()


async def test_two_epochs_do_not_mix(make_log: MakeLog) -> None:
    """The old socket is still being closed while the new one runs."""
    unresponsive = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept(frame(BINARY, str(len(server.peers)).encode()))
        await unresponsive.wait()

    log = make_log(close_timeout_s=0.2)
    async with RawServer(script) as server:
        log.client.open(server.url, {}, 1)
        await until(lambda: log.messages)
        log.client.close(1)
        log.client.open(server.url, {}, 2)
        await until(lambda: len(log.messages) == 2)
        assert log.reported == [("opened", 1), ("message", b"1", 1), ("opened", 2), ("message", b"2", 2)]
        assert log.client.open_sockets == 1
        await log.client.aclose()
        unresponsive.set()


async def test_client_can_open_again_after_aclose(make_log: MakeLog) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read_all()

    log = make_log()
    async with RawServer(script) as server:
        for epoch in (1, 2):
            log.client.open(server.url, {}, epoch)
            await until(lambda epoch=epoch: ("opened", epoch) in log.reported)
            await log.client.aclose()
    assert log.kinds() == ["opened", "opened"]


def test_transport_needs_no_qt() -> None:
    code = (
        "import sys; import qt_upbit.core, qt_upbit; qt_upbit.NativeWebSocketClient; "
        "print([m for m in sys.modules if m.partition('.')[0] in ('PySide6', 'shiboken6', 'qasync')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
