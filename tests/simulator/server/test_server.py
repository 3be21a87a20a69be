"""The simulated exchange on real sockets: other clients, REST, recordings, the command line."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from upbit import AsyncUpbit
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from qt_upbit.config import Credentials
from qt_upbit.models import decode_all, from_dict
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.wire import Request, RequestItem, encode_request
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    Replay,
    SimulatedServer,
    SimulatorSettings,
)
from qt_upbit.types import EVENT_TYPES, CandleEvent, CandleUnit, OrderbookEvent, Scope, WireFormat
from tests.support.frames import DATA, recording
from tests.support.wait import HANG_S, until

CODES = ["KRW-BTC", "KRW-ETH"]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    async with SimulatedServer(SimulatorSettings(markets=30, order_interval_s=0.3)) as server:
        yield server


def _sdk(server: SimulatedServer) -> AsyncUpbit:
    return AsyncUpbit(
        access_key=SIMULATED_ACCESS_KEY,
        secret_key=SIMULATED_SECRET_KEY,
        base_url=server.url,
        websocket_base_url=server.url.replace("http", "ws"),
    )


@pytest.mark.parametrize("format", ["DEFAULT", "SIMPLE"])
async def test_the_official_sdk_receives_every_public_type(server: SimulatedServer, format: Any) -> None:
    """Upbit's own client, pointed here with its base-URL option, sees nothing unusual."""
    candles = {unit.value: CODES for unit in CandleUnit}
    wanted = {
        (wire_type, code)
        for row in EVENT_TYPES.values()
        if row.scope is Scope.PUBLIC
        for wire_type in row.wire_types
        for code in CODES
    }
    seen: set[tuple[str, str]] = set()
    async with _sdk(server) as client:
        stream = client.ws_stream.subscribe(
            ticker=CODES, trade=CODES, orderbook=CODES, candle=candles, format=format
        )
        async with stream as connection:
            async with asyncio.timeout(HANG_S):
                async for event in connection:
                    payload = event.to_dict()
                    seen.add((payload.get("type", payload.get("ty")), payload.get("code", payload.get("cd"))))
                    if seen == wanted:
                        break
            listed = await connection.list_subscriptions()
    assert seen == wanted
    assert len(listed.to_dict()) == 3


async def test_the_official_sdk_receives_private_types(server: SimulatedServer) -> None:
    kinds: set[str] = set()
    async with (
        _sdk(server) as client,
        client.ws_stream.subscribe_private(my_order=[], my_asset=True) as connection,
    ):
        async with asyncio.timeout(HANG_S):
            async for event in connection:
                kinds.add(event.to_dict()["type"])
                if kinds == {"myOrder", "myAsset"}:
                    break
    assert kinds == {"myOrder", "myAsset"}


async def test_the_official_sdk_reads_markets_and_candles(server: SimulatedServer) -> None:
    async with _sdk(server) as client:
        pairs = await client.trading_pairs.list()
        assert {"KRW-BTC", "KRW-ETH"} <= {pair.market for pair in pairs}
        rows = await client.candles.list_minutes(unit=1, market="KRW-BTC", count=200)
        starts = [row.candle_date_time_utc for row in rows]
        assert len(starts) == 200
        assert starts == sorted(set(starts), reverse=True)
        older = await client.candles.list_minutes(unit=1, market="KRW-BTC", count=10, to=starts[-1] + "Z")
        assert older[0].candle_date_time_utc < starts[-1]


async def test_history_joins_the_live_stream_without_a_gap(server: SimulatedServer) -> None:
    async with connect(server.url.replace("http", "ws") + Scope.PUBLIC.path, proxy=None) as socket:
        item = RequestItem("candle.1m", ("KRW-BTC",), is_only_snapshot=True)
        await socket.send(encode_request(Request("t", (item,))))
        (live,) = decode_all(await socket.recv(decode=False))
        rows = await _get(server, "candles/minutes/1?market=KRW-BTC&count=3")
    starts = [row["candle_date_time_utc"] for row in rows]
    assert isinstance(live, CandleEvent)
    assert live.candle_date_time_utc in starts[:2]
    for newer, older in itertools.pairwise(rows):
        assert newer["candle_date_time_utc"] > older["candle_date_time_utc"]


async def _get(server: SimulatedServer, path: str, status: int = 200) -> Any:
    async with aiohttp.ClientSession() as client, client.get(f"{server.url}/v1/{path}") as reply:
        assert reply.status == status, await reply.text()
        return json.loads(await reply.text())


@pytest.mark.parametrize(
    ("path", "sample"),
    [
        ("market/all?is_details=true", "rest.market_all.jsonl"),
        ("ticker/all?quote_currencies=KRW", "rest.ticker.jsonl"),
        ("trades/ticks?market=KRW-BTC&count=2", "rest.trades_ticks.jsonl"),
        ("candles/seconds?market=KRW-BTC&count=2", "rest.candles.jsonl"),
        ("candles/days?market=KRW-BTC&count=2", "rest.candles.jsonl"),
    ],
)
async def test_rest_answers_have_the_documented_keys(server: SimulatedServer, path: str, sample: str) -> None:
    lines = (DATA / sample).read_text(encoding="utf-8").splitlines()
    wanted = set(json.loads(lines[-1] if "seconds" in path else lines[0]))
    for row in await _get(server, path):
        assert set(row) == wanted


async def test_rest_books_equal_those_of_the_socket(server: SimulatedServer) -> None:
    (row,) = await _get(server, "orderbook?markets=KRW-BTC&count=5")
    book = from_dict(
        {"type": "orderbook", "code": row["market"], "stream_type": "SNAPSHOT"}
        | {key: value for key, value in row.items() if key != "market"}
    )
    assert isinstance(book, OrderbookEvent)
    assert len(book.asks) == 5


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("ticker?markets=KRW-NOPE", 404, 404),
        ("ticker", 400, 400),
        ("candles/minutes/7?market=KRW-BTC", 400, 400),
        ("candles/seconds?market=KRW-BTC&count=many", 400, 400),
        ("candles/seconds?market=KRW-BTC&count=0", 400, 400),
        ("nowhere", 404, "not_found"),
    ],
)
async def test_rest_errors(server: SimulatedServer, path: str, status: int, name: object) -> None:
    assert (await _get(server, path, status))["error"]["name"] == name


async def test_rest_limits(server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # All in the same moment of the exchange, however long they take here.
    now = server.now()
    monkeypatch.setattr(server, "now", lambda: now)
    async with aiohttp.ClientSession() as client:
        answers = [await client.get(f"{server.url}/v1/market/all") for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert answers[0].headers["Remaining-Req"] == "group=market; min=600; sec=9"


async def test_frames_are_binary_and_compressed_when_offered(server: SimulatedServer) -> None:
    url = server.url.replace("http", "ws") + Scope.PUBLIC.path
    for compression in ("deflate", None):
        async with connect(url, proxy=None, compression=compression) as socket:
            assert bool(socket.protocol.extensions) is (compression is not None)
            await socket.send(encode_request(Request("t", (RequestItem("ticker", ("KRW-BTC",)),))))
            assert isinstance(await socket.recv(), bytes)


async def test_private_sockets_check_token_and_nonce(server: SimulatedServer) -> None:
    url = server.url.replace("http", "ws") + Scope.PRIVATE.path
    keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
    header = JWTManager(keys).authorization_header()
    async with connect(url, proxy=None, additional_headers=header):
        assert server.exchange.connection_count(Scope.PRIVATE) == 1
    wrong = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key="x" * 64)
    for headers in (None, header, JWTManager(wrong).authorization_header()):
        with pytest.raises(InvalidStatus) as caught:
            await connect(url, proxy=None, additional_headers=headers)
        assert caught.value.response.status_code == 401


async def test_refused_keys_may_come_as_a_frame() -> None:
    async with (
        SimulatedServer(SimulatorSettings(markets=5, auth_failure="frame")) as server,
        connect(server.url.replace("http", "ws") + Scope.PRIVATE.path, proxy=None) as socket,
    ):
        assert b"INVALID_AUTH" in await socket.recv(decode=False)
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1000


@pytest.mark.parametrize(("how", "code"), [("close", 1000), ("reset", 1006)])
async def test_lines_can_be_dropped(server: SimulatedServer, how: Any, code: int) -> None:
    async with connect(server.url.replace("http", "ws") + Scope.PUBLIC.path, proxy=None) as socket:
        await until(lambda: server.exchange.connection_count(Scope.PUBLIC))
        await server.drop(Scope.PUBLIC, how)
        await socket.wait_closed()
        assert socket.close_code == code


async def test_the_port_stays_while_the_server_is_stopped(server: SimulatedServer) -> None:
    url = server.url
    await server.stop_listening()
    with pytest.raises(OSError, match=r"Connect|refused"):
        await connect(url.replace("http", "ws") + Scope.PUBLIC.path, proxy=None)
    await server.start_listening()
    assert server.url == url
    async with connect(url.replace("http", "ws") + Scope.PUBLIC.path, proxy=None):
        assert server.exchange.total_connections(Scope.PUBLIC) == 1


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
async def test_a_recording_is_played_untouched_and_complete(format: WireFormat) -> None:
    frames = recording()
    replay = Replay.from_file(DATA / "capture.2021-04-17.simple.jsonl", speed=50.0)
    settings = SimulatorSettings(markets=5, market_running=False, account_running=False)
    async with (
        SimulatedServer(settings, replay=replay) as server,
        connect(server.url.replace("http", "ws") + Scope.PUBLIC.path, proxy=None) as socket,
    ):
        items = (RequestItem("trade", replay.codes), RequestItem("orderbook", replay.codes))
        await socket.send(encode_request(Request("t", items, format)))
        async with asyncio.timeout(HANG_S):
            received = [await socket.recv(decode=False) for _ in frames]
    assert replay.is_finished
    if format is WireFormat.SIMPLE:
        assert received == frames
    else:
        assert [decode_all(raw) for raw in received] == [decode_all(raw) for raw in frames]


def test_a_bad_recording_names_the_line(tmp_path: Any) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(
        DATA.joinpath("capture.2021-04-17.simple.jsonl").read_bytes().split(b"\n")[0] + b"\n{}\n"
    )
    with pytest.raises(ValueError, match="line 2"):
        Replay.from_file(path)


def test_the_command_line_prints_its_address_first_and_ends_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "qt_upbit.simulator", "--port", "0", "--seed", "7", "--markets", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    assert process.stdout is not None
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", process.stdout.readline())
    try:
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
    except OSError:
        process.kill()  # a Windows without a console has no Ctrl-Break
        process.communicate(timeout=HANG_S)
        raise
    _, errors = process.communicate(timeout=HANG_S)
    if sys.platform != "win32":
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("args", [["--markets", "0"], ["--region", "mars"], ["--speed", "-1"]])
def test_bad_arguments_are_refused(args: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "qt_upbit.simulator", *args], capture_output=True, check=False
    )
    assert ran.returncode == 2


def test_a_missing_recording_is_refused_in_a_sentence() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "qt_upbit.simulator", "--replay", "nowhere.jsonl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("cannot replay: ")
    assert "Traceback" not in ran.stderr
