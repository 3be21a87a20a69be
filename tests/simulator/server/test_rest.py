"""REST calls as protocol section 13 has them: errors, groups, counts, times, and what old clients send."""

from __future__ import annotations

import hashlib
import uuid as uuids
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
import jwt
import msgspec
import pytest
import pytest_asyncio

from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from qt_upbit.types import AskBid, OrderType
from tests.support.frames import rest_rows

_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Reply(NamedTuple):
    status: int
    rows: Any
    headers: Mapping[str, str]


class Caller:
    """Calls by hand, so that anything can be sent."""

    def __init__(self, server: SimulatedServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self._http = http

    async def __call__(
        self, path: str, *, method: str = "GET", form: Mapping[str, str] | None = None, body: Any = None
    ) -> Reply:
        """Call a path with its query; signed, with the parameters of a `form` or a JSON `body`."""
        _, _, query = path.partition("?")
        text = urlencode(form) if form else query
        if body is not None:
            text = urlencode(body)
        claims = {"access_key": SIMULATED_ACCESS_KEY, "nonce": str(uuids.uuid4())}
        if text:
            claims |= {"query_hash": hashlib.sha512(text.encode()).hexdigest(), "query_hash_alg": "SHA512"}
        token = jwt.encode(claims, SIMULATED_SECRET_KEY, algorithm="HS512")
        async with self._http.request(
            method,
            self.server.url + path,
            data=form,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        ) as reply:
            return Reply(reply.status, _decoder.decode(await reply.read()), dict(reply.headers))


@pytest_asyncio.fixture
async def call() -> AsyncIterator[Caller]:
    settings = SimulatorSettings(markets=40, account_running=False, market_running=False)
    async with SimulatedServer(settings) as server, aiohttp.ClientSession() as http:
        yield Caller(server, http)


# --- errors and headers -----------------------------------------------------------------------------


async def test_errors_are_those_that_were_captured(call: Caller) -> None:
    unit, code, body, _ = rest_rows("2026-11/rest.errors.jsonl")
    found = await call("/v1/candles/minutes/120?market=KRW-BTC")
    assert (found.status, found.rows) == (unit["status"], unit["body"])
    found = await call("/v1/candles/days?market=KRW-NOPE")
    assert (found.status, found.rows) == (code["status"], code["body"])
    found = await call("/v1/orders/open", method="DELETE", body={"cancel_side": "all"})
    assert (found.status, found.rows) == (body["status"], body["body"])
    assert (await call("/v1/ticker/all")).status == 400


async def test_the_headers_name_the_groups_as_the_wire_does(call: Caller) -> None:
    query = {"/v1/market/all": "", "/v1/ticker": "?markets=KRW-BTC", "/v1/orderbook": "?markets=KRW-BTC"}
    for each in rest_rows("2026-11/rest.headers.jsonl"):
        path = each["call"].removeprefix("GET ")
        found = await call(path + query.get(path, "?market=KRW-BTC"))
        named, expected = (
            text.partition(";")[0] for text in (found.headers["Remaining-Req"], each["remaining-req"])
        )
        assert named == expected


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/v1/candles/minutes/1?market=KRW-BTC&count=201", 200),
        ("/v1/candles/seconds?market=KRW-BTC&count=1000", 200),
        ("/v1/candles/days?market=KRW-BTC&count=500", 200),
        ("/v1/trades/ticks?market=KRW-BTC&count=501", 500),
    ],
)
async def test_counts_above_the_maximum_are_clamped(call: Caller, path: str, rows: int) -> None:
    found = await call(path)
    assert (found.status, len(found.rows)) == (200, rows)


async def test_a_book_has_thirty_levels_at_most(call: Caller) -> None:
    found = await call("/v1/orderbook?markets=KRW-BTC&count=31")
    assert (found.status, len(found.rows[0]["orderbook_units"])) == (200, 30)


async def test_limits_of_lists_of_orders_are_clamped_too(call: Caller) -> None:
    for path in ("/v1/orders/open?limit=1000", "/v1/orders/closed?limit=5000", "/v1/orders?limit=500"):
        assert (await call(path)).status == 200


# --- times ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["{}Z", "{}", "{}+00:00", "+09:00", "lost plus", "blank"])
async def test_to_is_exclusive_in_every_spelling(call: Caller, spelling: str) -> None:
    newest, older = (await call("/v1/candles/minutes/1?market=KRW-BTC&count=2")).rows
    utc, kst = newest["candle_date_time_utc"], newest["candle_date_time_kst"]
    text = {
        "+09:00": quote(f"{kst}+09:00"), "lost plus": f"{kst}+09:00", "blank": quote(utc.replace("T", " ")),
    }.get(spelling, quote(spelling.format(utc)))  # fmt: skip
    found = await call(f"/v1/candles/minutes/1?market=KRW-BTC&count=1&to={text}")
    assert found.rows == [older]


async def test_seconds_reach_back_three_months(call: Caller) -> None:
    old = await call("/v1/candles/seconds?market=KRW-BTC&count=5&to=2020-01-01T00:00:00Z")
    assert (old.status, old.rows) == (200, [])


async def test_days_are_converted(call: Caller) -> None:
    path = "/v1/candles/days?market={}&count=3&converting_price_unit={}"
    same = (await call(path.format("KRW-BTC", "KRW"))).rows
    assert [row["converted_trade_price"] for row in same] == [row["trade_price"] for row in same]
    rates = [row["trade_price"] for row in same]
    code = next(code for code in call.server.exchange.market.pairs if code.startswith("BTC-"))
    for row, rate in zip((await call(path.format(code, "KRW"))).rows, rates, strict=True):
        assert row["converted_trade_price"] == round(row["trade_price"] * rate, 8)
    assert "converted_trade_price" not in (await call("/v1/candles/days?market=KRW-BTC")).rows[0]
    assert (await call(path.format("KRW-BTC", "NOPE"))).status == 400


# --- what clients send ------------------------------------------------------------------------------


async def test_a_call_about_all_pairs_is_answered() -> None:
    settings = SimulatorSettings(account_running=False, market_running=False)
    async with SimulatedServer(settings) as server, aiohttp.ClientSession() as http:
        codes = list(server.exchange.market.pairs)
        assert len(codes) == 855
        found = await Caller(server, http)(f"/v1/orderbook?count=1&markets={','.join(codes)}")
        assert (found.status, [row["market"] for row in found.rows]) == (200, codes)


async def test_markets_may_be_repeated(call: Caller) -> None:
    found = await call("/v1/ticker?markets=KRW-BTC&markets=KRW-ETH")
    assert [row["market"] for row in found.rows] == ["KRW-BTC", "KRW-ETH"]


async def test_a_get_may_carry_its_parameters_in_a_form(call: Caller) -> None:
    found = await call("/v1/orders/chance", form={"market": "KRW-BTC"})
    assert found.status == 200
    assert found.rows["market"]["id"] == "KRW-BTC"
    assert (await call("/v1/orders/chance", form={"market": "KRW-NOPE"})).status == 400


async def test_a_form_is_verified_as_a_query_is(call: Caller) -> None:
    async with aiohttp.ClientSession() as http:
        claims = {"access_key": SIMULATED_ACCESS_KEY, "nonce": "n", "query_hash": "0" * 128}
        token = jwt.encode(claims, SIMULATED_SECRET_KEY, algorithm="HS512")
        for data in (b"market=KRW-BTC", b"\xff\xfe"):
            async with http.get(
                f"{call.server.url}/v1/orders/chance",
                data=data,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            ) as reply:
                assert reply.status in (400, 401)


async def test_the_old_call_for_orders_still_answers(call: Caller) -> None:
    exchange = call.server.exchange
    for volume in ("0.001", "0.002"):
        order = {
            "market": "KRW-BTC", "side": "bid", "ord_type": OrderType.LIMIT.value, "volume": volume,
            "price": str(int(Decimal(exchange.market.pairs["KRW-BTC"].quote[1]).scaleb(-8)) - 10_000_000),
        }  # fmt: skip
        assert (await call("/v1/orders", method="POST", body=order)).status == 201
    uuids_found = [row["uuid"] for row in (await call("/v1/orders?market=KRW-BTC&state=wait")).rows]
    assert len(uuids_found) == 2
    (row,) = (await call(f"/v1/orders?uuids[]={uuids_found[0]}")).rows
    assert (row["uuid"], row["executed_funds"]) == (uuids_found[0], "0")
    assert (await call("/v1/orders?states[]=done&states[]=cancel")).rows == []
    newest = (await call("/v1/orders?limit=1&page=2&order_by=asc")).rows
    assert [row["uuid"] for row in newest] == uuids_found[:1]
    for path in ("/v1/orders", "/v1/orders/open"):
        assert (await call(f"{path}?state=wait&states[]=wait")).status == 400


async def test_orders_say_what_captured_ones_say(call: Caller) -> None:
    exchange, now = call.server.exchange, call.server.now()
    pair = exchange.market.pairs["KRW-BTC"]
    bid = Decimal(pair.quote[1]).scaleb(-8)
    order = {
        "market": "KRW-BTC",
        "side": "bid",
        "ord_type": "limit",
        "volume": "0.001",
        "price": str(int(bid)),
    }
    uuid = (await call("/v1/orders", method="POST", body=order)).rows["uuid"]
    exchange.trade("KRW-BTC", bid - 1000, Decimal(1), AskBid.ASK, now + 1)
    row = (await call(f"/v1/order?uuid={uuid}")).rows
    assert row["state"] == "done"
    funds = sum(Decimal(fill["funds"]) for fill in row["trades"])
    assert Decimal(row["avg_price"]) == (funds + Decimal(row["paid_fee"])) / Decimal("0.001"), "with the fee"
    assert (row["application_name"], row["thirdparty"]) == ("self_issued_open_api", False)
    assert row["is_cancel_and_newable"] is False
    for path in (f"/v1/orders/uuids?uuids[]={uuid}", "/v1/orders/closed"):
        (listed,) = (await call(path)).rows
        assert Decimal(listed["executed_funds"]) == funds
        assert "avg_price" not in listed


async def test_ids_of_two_kinds_exclude_each_other(call: Caller) -> None:
    found = await call("/v1/orders/uuids?uuids[]=a&identifiers[]=b")
    assert (found.status, found.rows["error"]["name"]) == (400, "validation_error")
