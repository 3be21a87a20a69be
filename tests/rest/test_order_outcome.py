"""Outcome of an order: never reported as refused when placed, never placed twice, never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from qt_upbit import (
    AuthenticationError,
    CancelOutcomeError,
    Credentials,
    DecodeError,
    Order,
    OrderOutcomeError,
    ProxyClosedError,
    RateLimitedError,
    RestClient,
    RestError,
    WebSocketConfig,
)
from qt_upbit.protocol.error_table import ERROR_TABLE, is_refusal
from qt_upbit.rest.order_outcome import RequestFate, request_fate
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.support.http_server import CUT, Answer, HttpServer, Request
from tests.support.order_answers import HTML, NO_ANSWERS, NOT_FOUND, error, row
from tests.support.passing_time import PassingTime

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
OLD = "5d303952-8be9-41e6-915b-121a90026248"


class Exchange:
    """Places orders or not, and answers wrongly.

    Args:
        answer: to each order request; None for the correct one.
        places: whether it executes order requests.
        denies: the answer to a look-up of an order that it did not place.
    """

    def __init__(self, answer: Answer | None, *, places: bool, denies: Answer = NOT_FOUND) -> None:
        self.answer = answer
        self.places = places
        self.denies = denies
        self.orders: dict[str, dict[str, Any]] = {}
        self.old = row("old-1", OLD)

    def __call__(self, request: Request) -> Answer:
        match request.method, request.path:
            case "POST", "/v1/orders" | "/v1/orders/cancel_and_new":
                identifier = request.fields.get("identifier") or request.fields["new_identifier"]
                if identifier in self.orders:
                    return error(400, "duplicated_identifier")
                if self.places:
                    self.orders[identifier] = row(identifier)
                reported = self.orders.get(identifier, {})
                if request.path.endswith("cancel_and_new"):
                    reported = self.old | {"new_order_uuid": "u-1", "new_order_identifier": identifier}
                return self.answer or Answer(201, reported)
            case "GET", "/v1/order":
                if request.fields.get("uuid") == OLD:
                    return Answer(200, self.old)
                found = self.orders.get(request.fields.get("identifier", ""))
                return self.denies if found is None else Answer(200, found)
        raise AssertionError(request)


def client(server: HttpServer, time: PassingTime | None = None) -> RestClient:
    config = WebSocketConfig(base_url=server.url, credentials=KEYS, use_system_proxy=False)
    time = time or PassingTime()
    return RestClient(config, clock=time, sleep=time.sleep)


async def create(rest: RestClient, identifier: str | None = "mine-1", **fields: Any) -> Order:
    terms: dict[str, Any] = {"price": 155_772_000, "volume": "0.001"}
    return await rest.create_order("KRW-BTC", "BID", "limit", identifier=identifier, **terms | fields)


async def replace_old(rest: RestClient) -> Order:
    return await rest.cancel_and_new(
        "KRW-BTC", "BID", "limit", prev_order_uuid=OLD, price=155_772_000, volume="0.001", identifier="mine-1"
    )


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_a_placed_order_is_never_reported_as_refused(answer: Answer) -> None:
    async with HttpServer(Exchange(answer, places=True)) as server, client(server) as rest:
        order = await create(rest)
    assert (order.uuid, order.identifier) == ("u-1", "mine-1")
    assert server.count("POST") == 1


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_an_order_unknown_to_upbit_is_reported_as_not_found(answer: Answer) -> None:
    async with HttpServer(Exchange(answer, places=False)) as server, client(server) as rest:
        with pytest.raises(OrderOutcomeError, match="knows no such order") as lost:
            await create(rest)
    assert (lost.value.identifier, lost.value.found_none) == ("mine-1", True)
    assert str(answer.status) in lost.value.answer or answer.status in (0, 200, 201) or answer.is_truncated
    assert server.count("POST") == 1


@pytest.mark.parametrize(
    "denies",
    [
        Answer(404, HTML, "text/html"),
        error(404, 404),
        error(404, "not_found"),
        error(400, "order_not_found"),
        Answer(502, HTML, "text/html"),
        Answer(200, []),
        Answer(200, row("theirs", "u-2")),
        Answer(200, row(None, "u-2", market="KRW-ETH")),
        CUT,
    ],
    ids=str,
)
async def test_only_upbit_itself_can_deny_an_order(denies: Answer) -> None:
    exchange = Exchange(Answer(502), places=False, denies=denies)
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises(OrderOutcomeError, match="cannot be asked") as lost:
            await create(rest)
    assert not lost.value.found_none
    assert lost.value.answer == "HTTP 502"
    assert server.count("POST") == 1


@pytest.mark.parametrize(
    ("name", "status"),
    [(name, status) for name, spec in ERROR_TABLE.items() if spec.is_refusal for status in spec.statuses],
)
async def test_a_named_refusal_is_reported_at_once(name: str, status: int) -> None:
    exchange = Exchange(error(status, name), places=False)
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises((RestError, AuthenticationError)) as refused:
            await create(rest)
        assert isinstance(refused.value, RestError | AuthenticationError)
        assert (refused.value.name, refused.value.status) == (name, status)
        with pytest.raises((RestError, AuthenticationError), match=name):
            await replace_old(rest)
    assert [request.method for request in server.requests] == ["POST", "POST"]


async def test_a_correct_answer_needs_no_look_up() -> None:
    async with HttpServer(Exchange(None, places=True)) as server, client(server) as rest:
        assert (await create(rest)).uuid == "u-1"
        assert (await rest.cancel_and_new(
            "KRW-BTC", "BID", "limit", prev_order_uuid=OLD, price=155_772_000, volume="0.001"
        )).uuid == OLD  # fmt: skip
    assert [request.method for request in server.requests] == ["POST", "POST"]


# --- too many calls -------------------------------------------------------------------------------


async def test_an_order_placed_in_spite_of_429_is_not_sent_again() -> None:
    async with HttpServer(Exchange(error(429, "x"), places=True)) as server, client(server) as rest:
        assert (await create(rest)).uuid == "u-1"
    assert [request.method for request in server.requests] == ["POST", "GET"]


async def test_after_429_an_order_is_sent_again_once_upbit_has_denied_it() -> None:
    exchange = Exchange(error(429, "x"), places=False)

    def script(request: Request) -> Answer:
        if request.method == "POST" and server.count("POST") == 2:
            exchange.answer, exchange.places = None, True
        return exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        assert (await create(rest)).uuid == "u-1"
    assert [request.method for request in server.requests] == ["POST", "GET", "POST"]


async def test_after_429_an_order_that_cannot_be_looked_up_is_not_sent_again() -> None:
    exchange = Exchange(error(429, "x"), places=False, denies=Answer(502))
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises(OrderOutcomeError) as lost:
            await create(rest)
    assert not lost.value.found_none
    assert server.count("POST") == 1


async def test_429_without_end_is_reported() -> None:
    async with HttpServer(Exchange(error(429, "x"), places=False)) as server, client(server) as rest:
        with pytest.raises(OrderOutcomeError, match="HTTP 429") as lost:
            await create(rest)
    assert lost.value.found_none
    assert isinstance(lost.value.__cause__, RateLimitedError)
    assert server.count("POST") == 3


async def test_a_refusal_of_the_second_copy_says_nothing_about_the_first() -> None:
    """The first was answered 429 and placed late: it locks the funds that the second lacks."""
    exchange = Exchange(error(429, "x"), places=False)

    def script(request: Request) -> Answer:
        if request.method == "POST" and server.count("POST") == 2:
            exchange.orders["mine-1"] = row("mine-1")
            return error(400, "insufficient_funds_bid")
        return exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        assert (await create(rest)).uuid == "u-1"


async def test_a_block_is_reported_before_anything_is_sent() -> None:
    async with HttpServer(Exchange(error(418, "x"), places=False)) as server, client(server) as rest:
        with pytest.raises(OrderOutcomeError, match="HTTP 418"):
            await create(rest)
        with pytest.raises(RateLimitedError) as blocked:
            await create(rest, "mine-2")
    assert not blocked.value.was_sent
    assert server.count("POST") == 1


# --- identifiers ----------------------------------------------------------------------------------


async def test_an_identifier_of_an_earlier_call_is_refused() -> None:
    async with HttpServer(Exchange(None, places=True)) as server, client(server) as rest:
        await create(rest)
        with pytest.raises(RestError, match="duplicated_identifier"):
            await create(rest)
    assert server.count("POST") == 2


async def test_an_identifier_of_an_order_with_other_terms_is_refused() -> None:
    """Of another program, or of this one before it was started again."""
    exchange = Exchange(None, places=True)
    exchange.orders["mine-1"] = row("mine-1", "u-0", price="155000000")
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises(RestError, match="duplicated_identifier"):
            await create(rest)
    assert server.count("POST") == 1


async def test_a_request_that_was_never_sent_does_not_use_up_its_identifier() -> None:
    blocked = error(418, "x", **{"Retry-After": "5"})
    exchange, time = Exchange(blocked, places=False), PassingTime()
    async with HttpServer(exchange) as server, client(server, time) as rest:
        with pytest.raises(OrderOutcomeError):
            await create(rest, "mine-0")
        time.now = 3.0
        exchange.answer, exchange.places = error(400, "duplicated_identifier"), True
        with pytest.raises(RateLimitedError) as unsent:
            await create(rest)
        assert not unsent.value.was_sent
        await time.sleep(60.0)
        assert (await create(rest)).uuid == "u-1", "its own copy, and no earlier call's"


# --- replacing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        *(answer for name, answer in NO_ANSWERS.items() if not name.startswith("201 with an order")),
        Answer(201, row("old-1", OLD)),
        Answer(201, row("old-1", OLD, new_order_uuid="u-2", new_order_identifier="theirs")),
        Answer(201, row("x", "u-9", new_order_uuid="u-1", new_order_identifier="mine-1")),
    ],
)
@pytest.mark.parametrize("places", [True, False])
async def test_a_replacement_without_a_clear_answer_is_looked_up(answer: Answer, places: bool) -> None:
    async with HttpServer(Exchange(answer, places=places)) as server, client(server) as rest:
        if places:
            reported = await replace_old(rest)
            assert (reported.uuid, reported.new_order_uuid, reported.new_order_identifier) == (
                OLD,
                "u-1",
                "mine-1",
            )
        else:
            with pytest.raises(OrderOutcomeError) as lost:
                await replace_old(rest)
            assert lost.value.found_none
    assert server.count("POST") == 1


async def test_a_placed_replacement_is_reported_although_the_old_order_cannot_be_read() -> None:
    exchange = Exchange(Answer(502), places=True)

    def script(request: Request) -> Answer:
        return Answer(502) if request.fields.get("uuid") == OLD else exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(OrderOutcomeError, match="was placed as u-1") as known:
            await replace_old(rest)
    assert (known.value.uuid, known.value.found_none) == ("u-1", False)
    assert server.count("POST") == 1


# --- cancelling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_a_cancel_without_a_clear_answer_is_looked_up(answer: Answer) -> None:
    """It may have succeeded; a second attempt is then answered that there is no such open order."""
    state = {"state": "wait"}

    def script(request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, row("mine-1", **state))
        if server.count("DELETE") == 2:
            state["state"] = "cancel"
            return NOT_FOUND
        return answer

    async with HttpServer(script) as server, client(server) as rest:
        if answer.status == 418:  # Upbit blocks the look-up too
            with pytest.raises(CancelOutcomeError, match=r"HTTP 418 .* unknown: u-1") as lost:
                await rest.cancel_order(uuid="u-1")
            assert isinstance(lost.value.__cause__, RateLimitedError)
        else:
            assert not (await rest.cancel_order(uuid="u-1")).is_open
            assert server.count("DELETE") == 2


async def test_an_order_unknown_to_upbit_cannot_be_cancelled() -> None:
    async with HttpServer(lambda request: NOT_FOUND) as server, client(server) as rest:
        with pytest.raises(RestError, match="order_not_found"):
            await rest.cancel_order(uuid="u-1")
    assert [request.method for request in server.requests] == ["DELETE"]


@pytest.mark.parametrize("key", [{"uuid": "u-1"}, {"identifier": "mine-1"}], ids=str)
async def test_the_body_of_another_order_is_refused(key: dict[str, str]) -> None:
    async with (
        HttpServer(lambda request: Answer(200, row("theirs", "u-2"))) as server,
        client(server) as rest,
    ):
        with pytest.raises(DecodeError, match="another order"):
            await rest.get_order(**key)


# --- rules ----------------------------------------------------------------------------------------


def test_the_fate_of_a_request_by_its_error() -> None:
    def fate(status: int | None, name: str = "", **options: Any) -> RequestFate:
        return request_fate(RestError("POST /v1/orders", status, name, **options))

    assert fate(None, "ConnectError", was_sent=False) is RequestFate.NOT_SENT
    assert fate(None, "ReadError") is RequestFate.UNKNOWN
    assert fate(400, "insufficient_funds_bid") is RequestFate.REFUSED
    assert fate(422, "insufficient_funds_bid") is RequestFate.REFUSED, "the name counts"
    assert fate(500, "insufficient_funds_bid") is RequestFate.UNKNOWN
    assert request_fate(AuthenticationError("out_of_scope", 403)) is RequestFate.REFUSED
    assert request_fate(AuthenticationError("", 401)) is RequestFate.UNKNOWN
    assert request_fate(DecodeError("html")) is RequestFate.UNKNOWN
    assert not is_refusal(400, "duplicated_identifier")
    assert not is_refusal(None, "insufficient_funds_bid")


async def test_without_a_connection_nothing_was_sent(unused_tcp_port: int) -> None:
    config = WebSocketConfig(
        base_url=f"http://127.0.0.1:{unused_tcp_port}", credentials=KEYS, use_system_proxy=False
    )
    async with RestClient(config) as rest:
        with pytest.raises(RestError, match="ConnectError") as refused:
            await create(rest)
        assert not refused.value.was_sent
        assert refused.value.message
    with pytest.raises(ProxyClosedError):
        await create(rest)
