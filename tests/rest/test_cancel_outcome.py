"""Outcome of cancellations: never a plain error after a lost answer, never more than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qt_upbit import (
    AuthenticationError,
    CancelOutcomeError,
    CancelResult,
    Credentials,
    RestClient,
    RestError,
    WebSocketConfig,
)
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.support.http_server import CUT, Answer, HttpServer, Request
from tests.support.order_answers import HTML, NO_ANSWERS, NOT_FOUND, error, row
from tests.support.passing_time import PassingTime

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
IDS = ("u-1", "u-2", "u-3")


class Exchange:
    """Holds orders, and answers wrongly.

    Args:
        answers: to the first cancellations; None, and afterwards, for the correct one.
        obeys: whether it carries out cancellations that it answers wrongly.
        states: of the orders, by uuid.
    """

    def __init__(
        self,
        *answers: Answer | None,
        obeys: bool = True,
        states: Mapping[str, str] = dict.fromkeys(IDS, "wait"),
    ) -> None:
        self.answers = list(answers)
        self.obeys = obeys
        self.states = dict(states)
        self.requests: list[tuple[str, str]] = []
        self.asked: list[list[str]] = []
        self.look_ups: Answer | None = None

    def __call__(self, request: Request) -> Answer:
        self.requests.append((request.method, request.path))
        if request.method == "GET":
            return self.look_ups or self._read(request)
        ids = self._ids(request)
        self.asked.append(ids)
        answer = self.answers.pop(0) if self.answers else None
        rows: dict[str, list[dict[str, str]]] = {"success": [], "failed": []}
        for uuid in ids:
            if uuid in self.states:
                is_open = self.states[uuid] == "wait"
                rows["success" if is_open else "failed"].append({"uuid": uuid, "market": "KRW-BTC"})
                if is_open and (answer is None or self.obeys):
                    self.states[uuid] = "cancel"
        return answer or Answer(200, {name: {"orders": each} for name, each in rows.items()})

    def _ids(self, request: Request) -> list[str]:
        if request.path.endswith("/uuids"):
            names = request.fields.get("uuids[]") or request.fields["identifiers[]"].replace("mine", "u")
            return names.split(",")
        return [uuid for uuid, state in self.states.items() if state == "wait"][
            -int(request.fields["count"]) :
        ]

    def _read(self, request: Request) -> Answer:
        wanted = IDS if request.path.endswith("/open") else self._ids(request)
        states = ("wait",) if request.path.endswith("/open") else ("wait", "done", "cancel")
        return Answer(
            200,
            [
                row(uuid.replace("u", "mine"), uuid, state=self.states[uuid])
                for uuid in wanted
                if self.states.get(uuid) in states
            ],
        )


def client(server: HttpServer) -> RestClient:
    config = WebSocketConfig(base_url=server.url, credentials=KEYS, use_system_proxy=False)
    time = PassingTime()
    return RestClient(config, clock=time, sleep=time.sleep)


async def cancel_ids(rest: RestClient) -> CancelResult:
    return await rest.cancel_orders(uuids=IDS)


async def cancel_identifiers(rest: RestClient) -> CancelResult:
    return await rest.cancel_orders(identifiers=[each.replace("u", "mine") for each in IDS])


async def cancel_open(rest: RestClient) -> CancelResult:
    return await rest.cancel_open_orders(codes=["KRW-BTC"])


async def cancel_all_kinds(rest: RestClient) -> CancelResult:
    return await rest.cancel_open_orders(codes=["KRW-BTC"], include_watch=True)


CALLS = [cancel_ids, cancel_identifiers, cancel_open, cancel_all_kinds]
Call = Callable[[RestClient], Any]
ANSWERS = {
    name: answer
    for name, answer in NO_ANSWERS.items()
    if not name.startswith("201 with an order") and name != "418"
} | {
    "429": error(429, "too_many_requests"),
    "200 with other orders": Answer(
        200, {"success": {"orders": [{"uuid": "u-9", "market": "KRW-ETH"}]}, "failed": {"orders": []}}
    ),
    "200 with half a result": Answer(200, {"success": {"orders": []}}),
}


def uuids(orders: Any) -> set[str]:
    return {each.uuid for each in orders}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("obeys", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_without_a_clear_answer_the_orders_are_looked_up(
    call: Call, obeys: bool, answer: Answer
) -> None:
    exchange = Exchange(answer, obeys=obeys)
    async with HttpServer(exchange) as server, client(server) as rest:
        result = await call(rest)
    assert uuids(result.success) == set(IDS)
    assert result.failed == ()
    assert set(exchange.states.values()) == {"cancel"}
    assert len(exchange.asked) == (1 if obeys else 2), "repeated only for what is open"


async def test_a_repetition_concerns_only_what_was_open_at_the_call() -> None:
    """A second "the newest two" would mean two others."""
    exchange = Exchange(CUT)
    async with HttpServer(exchange) as server, client(server) as rest:
        result = await rest.cancel_open_orders(all_markets=True, count=2)
    assert uuids(result.success) == {"u-2", "u-3"}
    assert exchange.states == {"u-1": "wait", "u-2": "cancel", "u-3": "cancel"}
    exchange = Exchange(CUT, obeys=False)
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError) as lost:
            await rest.cancel_open_orders(all_markets=True, count=2)
    assert lost.value.still_open == ("u-2", "u-3")
    assert len(exchange.asked) == 1, "one still in flight would cancel others after a repetition"
    exchange = Exchange(CUT, obeys=False)
    async with HttpServer(exchange) as server, client(server) as rest:
        await rest.cancel_open_orders(all_markets=True, count=3)
    assert set(exchange.states.values()) == {"cancel"}


@pytest.mark.parametrize("call", CALLS)
async def test_what_stays_open_is_named(call: Call) -> None:
    exchange = Exchange(*[Answer(502, HTML, "text/html")] * 50, obeys=False)
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError, match="HTTP 502") as lost:
            await call(rest)
    named = {each.replace("mine", "u") for each in lost.value.still_open}
    assert (named, lost.value.unknown) == (set(IDS), ())
    assert lost.value.asked_for_s == 10.0
    assert str(lost.value).count("-") >= 3, "the ids"


@pytest.mark.parametrize("call", [cancel_ids, cancel_identifiers, cancel_open])
@pytest.mark.parametrize(
    "look_up",
    [Answer(502), Answer(200, HTML, "text/html"), Answer(200, [row("x", "u-9")]), Answer(200, {}), CUT],
    ids=str,
)
async def test_what_cannot_be_looked_up_is_named(call: Call, look_up: Answer) -> None:
    exchange = Exchange(CUT)

    def script(request: Request) -> Answer:
        is_first = request.method == "GET" and not exchange.asked
        exchange.look_ups = None if is_first else look_up
        return exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError) as lost:
            await call(rest)
    named = {each.replace("mine", "u") for each in lost.value.unknown}
    assert (named, lost.value.still_open) == (set(IDS), ())
    assert len(exchange.asked) == 1, "never repeated blindly"


async def test_orders_that_ended_otherwise_are_failed() -> None:
    exchange = Exchange(CUT, states={"u-1": "wait", "u-2": "done", "u-3": "cancel"})
    async with HttpServer(exchange) as server, client(server) as rest:
        result = await cancel_ids(rest)
    assert (uuids(result.success), uuids(result.failed)) == ({"u-1", "u-3"}, {"u-2"})


@pytest.mark.parametrize("name", ["validation_error", "out_of_scope", "market_offline"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_named_refusal_is_reported_at_once(call: Call, name: str) -> None:
    exchange = Exchange(error(403, name), obeys=False)
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises((RestError, AuthenticationError), match=name):
            await call(rest)
    assert len(exchange.asked) == 1


async def test_a_refusal_after_a_part_names_both_parts() -> None:
    ids = [f"u-{n}" for n in range(1, 31)]
    exchange = Exchange(
        None, error(401, "expired_access_key"), obeys=False, states=dict.fromkeys(ids, "wait")
    )

    def script(request: Request) -> Answer:
        if request.method == "GET" and request.path.endswith("/open"):
            exchange.requests.append(("GET", "listed"))
            return Answer(200, [row(None, uuid) for uuid in ids])
        return exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError, match="expired_access_key") as partly:
            await rest.cancel_open_orders(all_markets=True, include_watch=True)
    assert partly.value.cancelled == tuple(ids[:20])
    assert len(partly.value.still_open) + len(partly.value.unknown) == 10
    assert isinstance(partly.value.__cause__, AuthenticationError)


async def test_ids_that_upbit_does_not_know_are_in_neither_list() -> None:
    exchange = Exchange(states={"u-1": "wait"})
    async with HttpServer(exchange) as server, client(server) as rest:
        result = await cancel_ids(rest)
    assert (uuids(result.success), uuids(result.failed)) == ({"u-1"}, set())


async def test_an_answer_that_leaves_out_an_open_order_does_not_forget_it() -> None:
    half = {"success": {"orders": [{"uuid": "u-1", "market": "KRW-BTC"}]}, "failed": {"orders": []}}
    exchange = Exchange(Answer(200, half), obeys=False)
    async with HttpServer(exchange) as server, client(server) as rest:
        result = await cancel_ids(rest)
    assert uuids(result.success) == set(IDS)
    assert exchange.asked[1:] == [["u-2", "u-3"]]


async def test_a_cancel_goes_out_although_the_open_orders_cannot_be_listed() -> None:
    exchange = Exchange()
    exchange.look_ups = Answer(502)
    async with HttpServer(exchange) as server, client(server) as rest:
        assert uuids((await cancel_open(rest)).success) == set(IDS)
        exchange.states = dict.fromkeys(IDS, "wait")
        with pytest.raises(RestError, match="502"):
            await cancel_all_kinds(rest)
        assert set(exchange.states.values()) == {"wait"}, "nothing is cancelled that was not listed"
        exchange.answers = [CUT]
        with pytest.raises(CancelOutcomeError, match="cannot be read") as lost:
            await cancel_open(rest)
    assert not lost.value.found_none


@pytest.mark.parametrize(("obeys", "still_open"), [(False, set(IDS)), (True, set())])
async def test_without_a_list_before_the_error_says_what_is_open_now(
    obeys: bool, still_open: set[str]
) -> None:
    exchange = Exchange(CUT, obeys=obeys)

    def script(request: Request) -> Answer:
        exchange.look_ups = None if exchange.asked else Answer(400, HTML)
        return exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError) as lost:
            await cancel_open(rest)
    assert set(lost.value.still_open) == still_open
    assert lost.value.found_none is obeys
    assert len(exchange.asked) == 1


async def test_with_nothing_open_a_lost_answer_is_reported_as_that() -> None:
    exchange = Exchange(CUT, states={})
    async with HttpServer(exchange) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError, match="no such order is open") as lost:
            await cancel_open(rest)
    assert lost.value.found_none


async def test_the_orders_are_listed_again_if_the_list_cannot_be_read() -> None:
    exchange = Exchange()
    wrong = [Answer(200, HTML, "text/html"), Answer(400, HTML, "text/html")]

    def script(request: Request) -> Answer:
        return wrong.pop() if wrong else exchange(request)

    async with HttpServer(script) as server, client(server) as rest:
        assert uuids((await cancel_all_kinds(rest)).success) == set(IDS)


# --- one order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_one_order_that_stays_open_is_named(answer: Answer) -> None:
    def script(request: Request) -> Answer:
        return Answer(200, row("mine-1")) if request.method == "GET" else answer

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError) as lost:
            await rest.cancel_order(identifier="mine-1")
    assert (lost.value.still_open, lost.value.unknown) == (("mine-1",), ())
    assert server.count("DELETE") > 1


@pytest.mark.parametrize(
    ("look_up", "found_none"),
    [(NOT_FOUND, True), (Answer(502), False), (Answer(200, row("x", "u-9")), False), (CUT, False)],
    ids=str,
)
async def test_one_order_that_cannot_be_looked_up_is_named(look_up: Answer, found_none: bool) -> None:
    def script(request: Request) -> Answer:
        return look_up if request.method == "GET" else Answer(504)

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError, match="HTTP 504") as lost:
            await rest.cancel_order(uuid="u-1")
    assert (lost.value.unknown, lost.value.found_none) == (("u-1",), found_none)
    assert server.count("DELETE") == 1


async def test_a_refusal_of_a_repetition_does_not_hide_what_is_known() -> None:
    def script(request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, row("mine-1"))
        return CUT if server.count("DELETE") == 1 else error(403, "market_offline")

    async with HttpServer(script) as server, client(server) as rest:
        with pytest.raises(CancelOutcomeError, match="market_offline") as lost:
            await rest.cancel_order(uuid="u-1")
    assert lost.value.still_open == ("u-1",)
    assert server.count("DELETE") == 2


async def test_without_a_connection_a_cancel_was_not_sent(unused_tcp_port: int) -> None:
    config = WebSocketConfig(
        base_url=f"http://127.0.0.1:{unused_tcp_port}", credentials=KEYS, use_system_proxy=False
    )
    time = PassingTime()
    async with RestClient(config, clock=time, sleep=time.sleep) as rest:
        for call in (*CALLS, lambda rest: rest.cancel_order(uuid="u-1")):
            with pytest.raises(RestError) as unsent:
                await call(rest)
            assert not unsent.value.was_sent
            assert not isinstance(unsent.value, CancelOutcomeError)
