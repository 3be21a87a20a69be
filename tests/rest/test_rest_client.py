"""REST calls over real sockets: exact, joined over pages, within the limits; failures are reported."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from qt_upbit import (
    AskBid,
    AuthenticationError,
    CandlePeriod,
    ConfigError,
    Credentials,
    CredentialsRequiredError,
    DecodeError,
    InvalidSubscriptionError,
    OrderOutcomeError,
    ProxyClosedError,
    RateLimitedError,
    RestClient,
    RestError,
    WebSocketConfig,
)
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from tests.support.cpu_share import CpuShare
from tests.support.frames import rest_rows
from tests.support.passing_time import PassingTime

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)


def config_of(server: SimulatedServer, keys: Credentials | None = KEYS, **fields: Any) -> WebSocketConfig:
    return WebSocketConfig(base_url=server.url, credentials=keys, use_system_proxy=False, **fields)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(markets=40, account_running=False, market_running=False)
    async with SimulatedServer(settings) as running:
        yield running


@pytest_asyncio.fixture
async def rest(server: SimulatedServer) -> AsyncIterator[RestClient]:
    async with RestClient(config_of(server)) as client:
        yield client


async def test_orders_of_a_pair_need_its_code(rest: RestClient) -> None:
    for call in (rest.get_open_orders, rest.get_closed_orders):
        with pytest.raises(InvalidSubscriptionError, match="KRW-BTC"):
            await call("krw-btc")


# --- quotation ------------------------------------------------------------------------------------


async def test_markets_have_names_in_both_languages(rest: RestClient, server: SimulatedServer) -> None:
    markets = await rest.get_markets()
    assert [market.code for market in markets] == list(server.exchange.market.pairs)
    bitcoin = markets[0]
    assert (bitcoin.code, bitcoin.korean_name, bitcoin.english_name) == ("KRW-BTC", "비트코인", "Bitcoin")


async def test_prices_books_and_instruments(rest: RestClient, server: SimulatedServer) -> None:
    codes = ["KRW-BTC", "KRW-ETH"]
    tickers = await rest.get_tickers(codes)
    books = await rest.get_orderbooks(codes, depth=5)
    instruments = await rest.get_instruments(codes)
    assert list(tickers) == list(books) == list(instruments) == codes
    pair = server.exchange.market.pairs["KRW-BTC"]
    book = books["KRW-BTC"]
    assert len(book.orderbook_units) == 5
    assert (book.asks[0].price, book.bids[0].price) == tuple(
        Decimal(units).scaleb(-8) for units in pair.quote
    )
    assert instruments["KRW-BTC"].tick_size == 1000
    assert Decimal(10_000) in instruments["KRW-BTC"].supported_levels
    grouped = (await rest.get_orderbooks(["KRW-BTC"], level=10_000))["KRW-BTC"]
    assert grouped.level == 10_000
    assert all(level.price % 10_000 == 0 for level in grouped.asks)
    everything = await rest.get_all_tickers(["KRW"])
    assert set(everything) == {code for code in server.exchange.market.pairs if code.startswith("KRW-")}


async def test_trades_backwards(rest: RestClient) -> None:
    newest = await rest.get_trades("KRW-BTC", count=50)
    assert len(newest) == 50
    older = await rest.get_trades("KRW-BTC", count=50, before_id=newest[0].sequential_id)
    joined = [trade.sequential_id for trade in older + newest]
    assert joined == sorted(set(joined))


@pytest.mark.parametrize(
    ("unit", "count"),
    [("1s", 450), ("1m", 450), ("240m", 450), (CandlePeriod.DAY, 250), (CandlePeriod.WEEK, 30),
     (CandlePeriod.MONTH, 12), (CandlePeriod.YEAR, 3)],
)  # fmt: skip
async def test_candles_over_pages_have_no_seam(rest: RestClient, unit: str, count: int) -> None:
    once = await rest.get_candles("KRW-BTC", unit, count=min(count, 200))
    more = await rest.get_candles("KRW-BTC", unit, count=count)
    starts = [candle.start for candle in more]
    assert all(first < second for first, second in pairwise(starts))
    assert more[-len(once) :] == once
    assert len(more) == count
    assert {candle.type for candle in more} == {f"candle.{unit}"}
    assert more[0].period == (unit if unit in set(CandlePeriod) else None)


async def test_candles_of_a_range(rest: RestClient) -> None:
    everything = await rest.get_candles("KRW-BTC", "1m", count=300)
    first, last = everything[20].start, everything[280].start
    found = await rest.get_candles("KRW-BTC", "1m", count=None, after=first, before=last)
    assert found == everything[20:280]
    assert (
        await rest.get_candles("KRW-BTC", "1m", count=None, after=datetime.now(UTC) + timedelta(days=1)) == []
    )
    with pytest.raises(ValueError, match="needs `after`"):
        await rest.get_candles("KRW-BTC", "1m", count=None)


async def test_datetimes_are_aware_and_may_lie_within_a_second(rest: RestClient) -> None:
    newest = (await rest.get_candles("KRW-BTC", "1s", count=1))[0]
    half = newest.start + timedelta(milliseconds=500)
    assert (await rest.get_candles("KRW-BTC", "1s", count=1, before=half))[0].start == newest.start
    naive = datetime(2026, 1, 1)
    with pytest.raises(ValueError, match="aware"):
        await rest.get_candles("KRW-BTC", "1m", before=naive)
    with pytest.raises(ValueError, match="aware"):
        await rest.get_candles("KRW-BTC", "1m", after=naive)
    with pytest.raises(ValueError, match="aware"):
        await rest.get_closed_orders(start=naive)


async def test_closed_orders_are_read_in_windows_of_seven_days(bad: Misbehaving) -> None:
    end = datetime(2026, 11, 23, 9, 0, 0, 500_000, tzinfo=UTC)
    async with retrying(bad) as rest:
        assert await rest.get_closed_orders(start=end - timedelta(days=15), end=end) == []
    windows = []
    for request in bad.requests:
        query = parse_qs(urlsplit(request.split()[1].decode()).query)
        windows.append([datetime.fromisoformat(query[name][0]) for name in ("start_time", "end_time")])
    assert windows[0][0] <= end - timedelta(days=15)
    assert windows[-1][1] >= end
    assert all(stop - start <= timedelta(days=7) for start, stop in windows)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(windows))


async def test_an_unreadable_answer_to_an_order_is_looked_up(bad: Misbehaving) -> None:
    async with retrying(bad) as rest:
        order = rest_rows("rest.order.jsonl")[2] | {"identifier": "mine-1"}
        bad.answers = [(201, b"<html>", {}), (200, json.dumps(order, default=str).encode(), {})]
        placed = await rest.create_order(
            order["market"], "BID", "price", price=Decimal(order["price"]), identifier="mine-1"
        )
        assert placed.uuid == order["uuid"]
        bad.answers = [(201, b"<html>", {}), (200, b"<html>", {})]
        with pytest.raises(OrderOutcomeError) as lost:
            await rest.create_order("KRW-BTC", "BID", "price", price=10_000)
        assert isinstance(lost.value.__cause__, DecodeError)
    assert sum(request.startswith(b"POST") for request in bad.requests) == 2, "each sent once"


async def test_many_concurrent_calls_break_no_limit(server: SimulatedServer) -> None:
    async with RestClient(config_of(server)) as rest:
        for _ in range(3):
            share = CpuShare()
            server.exchange.violations.clear()
            # A tenth of the calls, so that the test takes three seconds and not twenty.
            answers = await asyncio.gather(
                *(rest.get_accounts() for _ in range(70)), *(rest.get_tickers(["KRW-BTC"]) for _ in range(20))
            )
            assert len(answers) == 90
            if not server.exchange.violations:
                return
    # On a starved machine calls sent in time arrive in bursts, and the exchange counts arrivals.
    share.excuse(f"limits broken: {dict(server.exchange.violations)}", 0.1)


# --- the account ----------------------------------------------------------------------------------


async def test_accounts_and_orders(rest: RestClient, server: SimulatedServer) -> None:
    account = server.exchange.account
    balances = {balance.currency: balance for balance in await rest.get_accounts()}
    assert {name: held.balance for name, held in balances.items()} == {
        name: held.balance for name, held in account.balances.items()
    }
    assert balances["KRW"].balance == Decimal("50000000.37231066771348207123"), "all digits"


# --- failures -------------------------------------------------------------------------------------


async def test_errors_name_the_call_and_the_reason(rest: RestClient) -> None:
    with pytest.raises(RestError, match=r"GET /v1/ticker: HTTP 404 404 \(Code not found\)") as unknown:
        await rest.get_tickers(["KRW-NOPE"])
    assert unknown.value.status == 404
    with pytest.raises(RestError, match="order_not_found"):
        await rest.get_order(uuid="unknown")
    with pytest.raises(ValueError, match="one of uuid, identifier"):
        await rest.get_order()
    with pytest.raises(TypeError, match="list of codes"):
        await rest.get_tickers("KRW-BTC")


async def test_keys_are_required_checked_and_never_shown(
    server: SimulatedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with RestClient(config_of(server, None)) as rest:
        with pytest.raises(CredentialsRequiredError, match="GET /v1/accounts"):
            await rest.get_accounts()
    wrong = Credentials(access_key="some-access-key-of-mine", secret_key="some-secret-key-" + "x" * 60)
    async with RestClient(config_of(server, wrong)) as rest:
        with pytest.raises(AuthenticationError) as refused:
            await rest.get_accounts()
    assert refused.value.status == 401
    seen: BaseException | None = refused.value
    while seen is not None:
        assert "some-" not in repr(seen)
        assert "Bearer" not in repr(seen)
        seen = seen.__cause__
    text = caplog.text
    assert "some-access-key" not in text
    assert "some-secret-key" not in text
    assert "Bearer" not in text
    caplog.clear()


async def test_keys_of_the_environment_do_not_leak_in(
    bad: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPBIT_ACCESS_KEY", "from-the-environment")
    monkeypatch.setenv("UPBIT_SECRET_KEY", "from-the-environment")
    async with RestClient(WebSocketConfig(base_url=bad.url, use_system_proxy=False)) as rest:
        await rest.get_tickers(["KRW-BTC"])
        with pytest.raises(CredentialsRequiredError):
            await rest.get_accounts()
    (request,) = bad.requests
    assert b"from-the-environment" not in request
    assert b"authorization" not in request.lower(), "nothing is signed with a key of the environment"


class Misbehaving:
    """An HTTP server that answers as given: a status with a body and headers, or "cut" for no answer."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.requests: list[bytes] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length")
                    ),
                    0,
                )
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if self.answers else (200, b"[]", {})
                if answer == "cut":
                    break
                status, body, headers = answer
                lines = [
                    f"HTTP/1.1 {status} X",
                    f"Content-Length: {len(body)}",
                    "Content-Type: application/json",
                ]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()


@pytest_asyncio.fixture
async def bad() -> AsyncIterator[Misbehaving]:
    misbehaving = Misbehaving()
    server = await asyncio.start_server(misbehaving.handle, "127.0.0.1", 0)
    misbehaving.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield misbehaving
    server.close()
    await server.wait_closed()


async def no_pause(seconds: float) -> None:
    await asyncio.sleep(0)


def retrying(bad: Misbehaving, **options: Any) -> RestClient:
    config = WebSocketConfig(
        base_url=bad.url, credentials=KEYS, use_system_proxy=False, order_resolve_timeout_s=0.5
    )
    return RestClient(config, sleep=no_pause, **options)


async def test_read_only_calls_are_retried(bad: Misbehaving) -> None:
    async with retrying(bad) as rest:
        bad.answers = ["cut", (503, b"", {}), (200, b"[]", {})]
        assert await rest.get_accounts() == ()
        assert len(bad.requests) == 3
        bad.answers = [(500, b'{"error":{"name":"internal_server_error","message":"no"}}', {})] * 3
        with pytest.raises(RestError, match="HTTP 500 internal_server_error"):
            await rest.get_accounts()
        bad.answers = [(400, b'{"error":{"name":"validation_error"}}', {}), "cut"]
        with pytest.raises(RestError, match="validation_error"):
            await rest.get_accounts()
        assert bad.answers == ["cut"], "a refusal is not retried"


async def test_429_waits_and_418_raises_at_once(bad: Misbehaving) -> None:
    time = PassingTime()
    config = WebSocketConfig(base_url=bad.url, credentials=KEYS, use_system_proxy=False)
    async with RestClient(config, clock=time, sleep=time.sleep) as rest:
        bad.answers = [(429, b"", {"Retry-After": "7"}), (200, b"[]", {})]
        assert await rest.get_accounts() == ()
        assert time.now == 7.0
    async with retrying(bad) as rest:
        blocked = json.dumps({"error": {"name": "I'm a teapot", "message": "120초 후에 다시"}}).encode()
        bad.answers = [(418, blocked, {})]
        with pytest.raises(RateLimitedError) as penalty:
            await rest.get_accounts()
        assert penalty.value.retry_after_s == 120
        before = len(bad.requests)
        with pytest.raises(RateLimitedError, match="HTTP 418"):
            await rest.get_open_orders()
        assert len(bad.requests) == before, "nothing is sent until then"


async def test_no_listener(unused_tcp_port_factory: Callable[[], int]) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    config = WebSocketConfig(
        base_url=f"http://127.0.0.1:{unused_tcp_port_factory()}", credentials=KEYS, use_system_proxy=False
    )
    async with RestClient(config, sleep=pause) as rest:
        with pytest.raises(RestError, match="no answer ConnectError"):
            await rest.get_accounts()
        assert len(pauses) == 2, "read-only calls are retried"
        # It was certainly not sent, so there is nothing to look up.
        with pytest.raises(RestError, match="POST /v1/orders: no answer ConnectError"):
            await rest.create_order("KRW-BTC", AskBid.BID, "price", price=10_000)
        assert len(pauses) == 2


# --- life -----------------------------------------------------------------------------------------


async def test_a_closed_client_raises(server: SimulatedServer) -> None:
    rest = RestClient(config_of(server))
    await rest.get_tickers(["KRW-BTC"])
    await rest.aclose()
    await rest.aclose()
    with pytest.raises(ProxyClosedError, match="make a new one"):
        await rest.get_tickers(["KRW-BTC"])


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upbit", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"qt-upbit\[rest\]"):
        RestClient(WebSocketConfig())
