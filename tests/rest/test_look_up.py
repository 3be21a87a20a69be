"""`LookUp`: asks until there is an answer, until the time is up, or until asking cannot help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qt_upbit.exceptions import (
    AuthenticationError,
    DecodeError,
    ProxyClosedError,
    RateLimitedError,
    RestError,
)
from qt_upbit.rest.look_up import LookUp, LookUpFailedError, denies_order, described
from tests.support.passing_time import PassingTime

DENIED = RestError("GET /v1/order", 404, "order_not_found")
BROKEN = RestError("GET /v1/order", 502)
BLOCKED = RateLimitedError("GET /v1/order", 418, retry_after_s=60.0, was_sent=False)


def asking(*answers: Exception | str) -> Callable[[], Awaitable[str]]:
    """Gives one after the other, the last forever."""
    left = list(answers)

    async def ask() -> str:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def look_up(time: PassingTime) -> LookUp:
    return LookUp(time, time.sleep, 10.0)


@pytest.mark.parametrize("failure", [DENIED, BROKEN, DecodeError("x"), TimeoutError()], ids=repr)
async def test_it_asks_until_there_is_an_answer(failure: Exception) -> None:
    time = PassingTime()
    assert await look_up(time).read(asking(failure, failure, "found")) == "found"
    assert time.pauses == [0.25, 0.5]


async def test_it_asks_no_longer_than_its_time_over_all_questions() -> None:
    time = PassingTime()
    one = look_up(time)
    assert await one.read(asking(BROKEN, "found")) == "found"
    for last, is_denied in ((BROKEN, False), (DENIED, True)):
        with pytest.raises(LookUpFailedError) as failed:
            await one.read(asking(BROKEN, last))
        assert failed.value.is_denied is is_denied or last is DENIED
        assert one.is_over
        assert one.asked_for_s == 10.0
    assert sum(time.pauses) == 10.0


async def test_a_denial_ends_it_on_demand() -> None:
    time = PassingTime()
    with pytest.raises(LookUpFailedError) as failed:
        await look_up(time).read(asking(BROKEN, DENIED, "found"), until_denied=True)
    assert failed.value.is_denied
    assert time.pauses == [0.25]


@pytest.mark.parametrize(
    "final", [ProxyClosedError("closed"), AuthenticationError("no_authorization_ip", 401), BLOCKED], ids=repr
)
async def test_it_ends_where_asking_cannot_help(final: Exception) -> None:
    time = PassingTime()
    with pytest.raises(LookUpFailedError) as failed:
        await look_up(time).read(asking(final))
    assert failed.value.__cause__ is final
    assert time.pauses == []


async def test_it_waits_for_the_end_of_a_short_block_and_for_a_key_that_nobody_has_refused() -> None:
    time = PassingTime()
    short = RateLimitedError("GET /v1/order", 418, retry_after_s=2.0, was_sent=False)
    html = AuthenticationError("", 401)
    assert await look_up(time).read(asking(short, html, "found")) == "found"


async def test_asking_once_is_once() -> None:
    time = PassingTime()
    assert await look_up(time).read_once(asking("found")) == "found"
    with pytest.raises(LookUpFailedError):
        await look_up(time).read_once(asking(BROKEN, "found"))
    assert time.pauses == []


async def test_a_cancellation_of_the_task_passes() -> None:
    time = PassingTime()

    async def ask() -> str:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await look_up(time).read(ask)


def test_only_upbits_own_name_denies_an_order() -> None:
    assert denies_order(DENIED)
    for other in (
        BROKEN,
        RestError("x", 400, "order_not_found"),
        RestError("x", 404, "404"),
        RestError("x", 404, "not_found"),
        AuthenticationError("order_not_found", 404),
        ValueError(),
    ):
        assert not denies_order(other)


def test_answers_are_described_for_messages() -> None:
    assert described(BROKEN) == "HTTP 502"
    assert described(DENIED) == "HTTP 404 order_not_found"
    assert described(DecodeError("x")) == "an answer that cannot be read"
    assert described(RestError("x", None, "ReadError")) == described(None) == ""
