"""Arguments of REST calls: valid ones are returned as Upbit wants them, others raise and say why."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import Credentials, RestClient, WebSocketConfig
from qt_upbit.exceptions import (
    InvalidOrderError,
    InvalidRequestError,
    InvalidSubscriptionError,
    RemoteError,
)
from qt_upbit.rest import arguments
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from qt_upbit.types import AskBid, OrderState
from tests.support.http_server import Answer, HttpServer
from tests.support.passing_time import PassingTime

STATES = (OrderState.WAIT, OrderState.WATCH)


@pytest.mark.parametrize(
    "codes",
    [
        ["KRW-BTC", "BTC-ETH"],
        ("KRW-BTC", "BTC-ETH", "KRW-BTC"),
        {"KRW-BTC": 1, "BTC-ETH": 2},
        iter(["KRW-BTC", "BTC-ETH"]),
    ],
    ids=lambda codes: type(codes).__name__,
)
def test_codes_of_any_collection_come_once_and_in_order(codes: Iterable[str]) -> None:
    assert arguments.check_codes(codes) == ("KRW-BTC", "BTC-ETH")


@pytest.mark.parametrize(
    "empty", [[], (), {}, set(), frozenset(), iter(())], ids=lambda one: type(one).__name__
)
def test_an_empty_collection_never_means_all(empty: Any) -> None:
    with pytest.raises(InvalidRequestError, match="codes is empty"):
        arguments.check_codes(empty)
    with pytest.raises(InvalidRequestError, match="quote_currencies is empty"):
        arguments.check_currencies(empty)
    with pytest.raises(InvalidRequestError, match="uuids is empty"):
        arguments.check_ids("uuids", empty)
    with pytest.raises(InvalidRequestError, match="states is empty"):
        arguments.check_members("states", OrderState, empty, STATES)


@pytest.mark.parametrize("one", ["KRW-BTC", "", b"KRW-BTC", None, 5, 1.5, [["KRW-BTC"]], [{}]], ids=repr)
def test_what_is_not_a_list_of_strings_is_refused(one: Any) -> None:
    for check in (arguments.check_codes, arguments.check_currencies):
        with pytest.raises(InvalidRequestError, match="give a list of"):
            check(one)


def test_an_error_is_both_a_value_error_and_a_type_error() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        arguments.check_codes("KRW-BTC")
    assert isinstance(caught.value, InvalidSubscriptionError | ValueError)
    assert isinstance(caught.value, TypeError)
    assert "['KRW-BTC']" in str(caught.value)


@pytest.mark.parametrize("code", ["krw-btc", "BTC-KRW", "KRW", "", None, 5])
def test_each_element_must_be_a_code(code: Any) -> None:
    with pytest.raises(InvalidSubscriptionError):
        arguments.check_codes(["KRW-ETH", code])


def test_more_than_the_maximum_is_refused() -> None:
    codes = [f"KRW-A{n}" for n in range(21)]
    assert len(arguments.check_codes(codes[:20], most=20)) == 20
    assert len(arguments.check_codes([*codes[:20], codes[0]], most=20)) == 20, "each counts once"
    with pytest.raises(InvalidRequestError, match="1 to 20, not 21"):
        arguments.check_codes(codes, most=20)


@pytest.mark.parametrize("currency", ["krw", "KRW-BTC", "KRW,BTC", " KRW", "", None, 5])
def test_a_currency_is_one_word_of_capitals(currency: Any) -> None:
    assert arguments.check_currencies(["KRW", "USDT"]) == ("KRW", "USDT")
    with pytest.raises(InvalidRequestError, match="'KRW'"):
        arguments.check_currencies(["KRW", currency])


def test_exactly_one_id_is_given() -> None:
    assert arguments.check_one_of(uuid="u", identifier=None) == {"uuid": "u"}
    for ids in ({"uuid": None, "identifier": None}, {"uuid": "u", "identifier": "i"}):
        with pytest.raises(InvalidRequestError, match="one of uuid, identifier"):
            arguments.check_one_of(**ids)
    for empty in ("", " ", "\n"):
        with pytest.raises(InvalidRequestError, match="uuid must be the id"):
            arguments.check_one_of(uuid=empty, identifier=None)


@given(st.one_of(st.integers(max_value=0), st.booleans(), st.floats(), st.text(), st.none()))
def test_a_count_is_a_whole_number_from_one(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="count must be 1 or more"):
        arguments.check_count("count", value)


@given(st.integers(1, 300))
def test_a_count_within_its_range_is_itself(value: int) -> None:
    assert arguments.check_count("count", value, most=300) == value
    with pytest.raises(InvalidRequestError, match="1 to 300"):
        arguments.check_count("count", value + 300, most=300)


@pytest.mark.parametrize(
    ("level", "text"), [(0, "0"), (10_000, "10000"), (Decimal("0.10"), "0.10"), (Decimal("1E+4"), "10000")]
)
def test_a_level_is_exact_text_and_0_is_one(level: int | Decimal, text: str) -> None:
    assert arguments.check_level(level) == text


@pytest.mark.parametrize(
    "level", [-1, 0.1, True, "10", None, Decimal("NaN"), Decimal("Infinity"), Decimal(-1)]
)
def test_a_float_or_negative_level_is_refused(level: Any) -> None:
    with pytest.raises(InvalidRequestError, match="level must be"):
        arguments.check_level(level)


def test_members_are_given_as_members_or_by_value() -> None:
    assert arguments.check_member("ask_bid", AskBid, "bid", tuple(AskBid)) is AskBid.BID
    assert arguments.check_members("states", OrderState, ["wait", OrderState.WATCH], STATES) == list(STATES)
    for wrong in ("done", "", None, 5, OrderState.DONE):
        with pytest.raises(InvalidRequestError, match=r"OrderState\.WAIT, OrderState\.WATCH"):
            arguments.check_member("state", OrderState, wrong, STATES)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("value", [0, 1, "yes", None, []])
def test_a_flag_must_be_true_or_false(value: Any) -> None:
    assert arguments.check_flag("all_markets", True) is True
    with pytest.raises(InvalidRequestError, match="all_markets must be True or False"):
        arguments.check_flag("all_markets", value)


def test_datetimes_must_be_aware() -> None:
    arguments.check_aware(None, datetime.now(UTC))
    for wrong in (datetime(2026, 11, 30), "2026-11-30", 5):
        with pytest.raises(InvalidRequestError, match="aware"):
            arguments.check_aware(None, wrong)  # type: ignore[arg-type]  # on purpose


# --- every call -----------------------------------------------------------------------------------

VALID: dict[str, Any] = {
    "code": "KRW-BTC",
    "codes": ["KRW-BTC"],
    "unit": "1m",
    "ask_bid": "BID",
    "order_type": "limit",
    "market": "KRW-BTC",
}
"""A valid value of each parameter that some call requires."""
FURTHER: dict[str, dict[str, Any]] = {
    "create_order": {"price": 155_772_000, "volume": "0.001"},
    "test_order": {"price": 155_772_000, "volume": "0.001"},
    "cancel_and_new": {"price": 155_772_000, "volume": "0.001", "prev_order_uuid": "u-1"},
    "cancel_open_orders": {"all_markets": True},
    "get_order": {"uuid": "u-1"},
    "cancel_order": {"uuid": "u-1"},
    "get_orders": {"uuids": ["u-1"]},
    "cancel_orders": {"uuids": ["u-1"]},
}
"""What else makes a call valid: removed again if the mistake is about the same kind of argument."""
ALTERNATIVES = (
    {"uuid", "identifier"},
    {"uuids", "identifiers"},
    {"prev_order_uuid", "prev_order_identifier"},
)
NOT_CALLS = {"aclose", "retire", "is_available"}
WRONG = {
    "list": ["", "KRW-BTC", b"KRW-BTC", [], (), set(), iter(()), 5, ["KRW-BTC", ""], ["KRW-BTC", None]],
    "count": [0, -1, -300, True, False, 2.0, "5", Decimal(2)],
    "flag": [0, 1, "", "false", None, []],
    "code": ["", "krw-btc", "BTC", "KRW-BTC,KRW-ETH", "BTC-KRW", ["KRW-BTC"], 5],
    "id": ["", " ", "\n", 5, b"u", ["u-1"]],
}


def _kind(name: str, annotation: str) -> str | None:
    """The kind of a parameter by its annotation."""
    if annotation.startswith(("Iterable", "Sequence", "Collection")):
        return "list"
    if annotation.split(" | ")[0] == "int":
        return None if name == "level" else "count"
    if annotation == "bool":
        return "flag"
    is_id = name.endswith(("uuid", "identifier")) and annotation.startswith("str")
    return "id" if is_id else "code" if name == "code" else None


def _mistakes() -> Iterable[Any]:
    calls = inspect.getmembers(RestClient, inspect.isfunction)
    for call, function in calls:
        if call.startswith("_") or call in NOT_CALLS:
            continue
        parameters = dict(list(inspect.signature(function).parameters.items())[1:])
        needed = {
            name: VALID[name]
            for name, each in parameters.items()
            if each.default is each.empty and each.kind is not each.VAR_KEYWORD and name in VALID
        }
        for name, each in parameters.items():
            kind = _kind(name, str(each.annotation))
            if kind == "code" and "order_type" in parameters:
                continue  # of an order: tests/protocol/test_order_check.py
            for value in WRONG.get(kind or "", ()):
                rivals = next((group for group in ALTERNATIVES if name in group), {name})
                further = {key: one for key, one in FURTHER.get(call, {}).items() if key not in rivals}
                yield pytest.param(call, needed | further | {name: value}, id=f"{call}({name}={value!r:.30})")


async def _made(rest: RestClient, call: str, given_: dict[str, Any]) -> None:
    answer = getattr(rest, call)(**given_)
    await (answer if inspect.isawaitable(answer) else anext(answer))


@pytest.mark.parametrize(("call", "arguments_"), list(_mistakes()))
async def test_every_call_refuses_what_upbit_would_misread(call: str, arguments_: dict[str, Any]) -> None:
    async with HttpServer(lambda request: Answer(200, b"[]")) as server:
        async with RestClient(_config(server)) as rest:
            with pytest.raises((InvalidRequestError, InvalidSubscriptionError)):
                await _made(rest, call, arguments_)
        assert server.requests == []


async def test_what_is_refused_there_is_valid_otherwise() -> None:
    """So each refusal is about the one argument that is wrong."""
    async with HttpServer(lambda request: Answer(502)) as server:
        time = PassingTime()
        async with RestClient(_config(server), clock=time, sleep=time.sleep) as rest:
            for call, further in FURTHER.items():
                parameters = inspect.signature(getattr(rest, call)).parameters
                needed = {name: VALID[name] for name in parameters if name in VALID and call not in
                          ("cancel_open_orders", "get_orders")}  # fmt: skip
                with pytest.raises(RemoteError):
                    await getattr(rest, call)(**needed | further)


@pytest.mark.parametrize(
    "mistake",
    [
        {"uuid": "u-1", "identifier": "mine-1"},
        {},
    ],
    ids=str,
)
async def test_one_order_is_named_by_one_id(mistake: dict[str, Any]) -> None:
    async with HttpServer(lambda request: Answer(502)) as server, RestClient(_config(server)) as rest:
        for call in (rest.get_order, rest.cancel_order):
            with pytest.raises(InvalidRequestError):
                await call(**mistake)
        assert server.requests == []


async def test_a_replacement_has_a_volume_or_the_rest_not_both() -> None:
    async with HttpServer(lambda request: Answer(502)) as server, RestClient(_config(server)) as rest:
        with pytest.raises(InvalidOrderError, match="remain_only"):
            await rest.cancel_and_new(
                "KRW-BTC",
                "BID",
                "limit",
                prev_order_uuid="u-1",
                price=155_772_000,
                volume="0.5",
                remain_only=True,
            )
        assert server.requests == []


async def test_a_range_of_time_does_not_end_before_it_begins() -> None:
    now = datetime.now(UTC)
    async with HttpServer(lambda request: Answer(502)) as server, RestClient(_config(server)) as rest:
        with pytest.raises(InvalidRequestError, match="start"):
            await rest.get_closed_orders(start=now, end=now - timedelta(seconds=5))
        with pytest.raises(InvalidRequestError, match="after"):
            await rest.get_candles("KRW-BTC", "1m", after=now, before=now - timedelta(seconds=5))
        assert server.requests == []


def _config(server: HttpServer) -> WebSocketConfig:
    keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
    return WebSocketConfig(base_url=server.url, credentials=keys, use_system_proxy=False)
