"""`read_account`: which calls it makes, in which order, and how it reads the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from qt_upbit.exceptions import RestError
from qt_upbit.protocol.account_outputs import (
    ReadRest,
)
from qt_upbit.records import Balance, Order
from qt_upbit.rest.account_reader import read_account
from qt_upbit.types import AskBid, OrderState, OrderType

SINCE = datetime(2026, 11, 30, tzinfo=UTC)


def an_order(uuid: str, state: OrderState = OrderState.WAIT) -> Order:
    return Order(uuid=uuid, code="KRW-BTC", ask_bid=AskBid.BID, order_type=OrderType.LIMIT, state=state)


class Rest:
    """Answers as given, and records its calls."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0

    async def get_open_orders(self) -> Sequence[Order]:
        self.asked.append("open")
        return [an_order("A")]

    async def get_closed_orders(self, *, start: datetime | None = None) -> Sequence[Order]:
        self.asked.append(f"closed since {start}")
        return [an_order("B", OrderState.DONE)]

    async def get_order(self, *, uuid: str | None = None) -> Order:
        assert uuid is not None
        self.asked.append(uuid)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        answer = self.answers.get(uuid, an_order(uuid))
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Order)
        return answer

    async def get_accounts(self) -> Sequence[Balance]:
        self.asked.append("balances")
        if (gate := self.answers.get("gate")) is not None:
            await gate.wait()
        return [Balance(currency="KRW", balance=Decimal(1), locked=Decimal(0))]


async def read(rest: Rest, *uuids: str, timeout_s: float = 60.0) -> Any:
    return await read_account(rest, ReadRest(1, SINCE, timeout_s), lambda *_: uuids)


async def test_lists_then_orders_then_balances() -> None:
    rest = Rest()
    found = await read(rest, "A", "C")
    assert rest.asked == ["open", f"closed since {SINCE}", "A", "C", "balances"]
    assert [order.uuid for order in (*found.open_orders, *found.closed_orders)] == ["A", "B"]
    assert list(found.asked) == ["A", "C"]
    assert found.balances[0].currency == "KRW"


async def test_many_orders_are_requested_a_few_at_a_time() -> None:
    rest = Rest()
    found = await read(rest, *(f"order {number}" for number in range(30)))
    assert len(found.asked) == 30
    assert 1 < rest.most_at_once <= 8


async def test_an_order_that_upbit_does_not_know() -> None:
    unknown = RestError("GET /v1/order", 404, "order_not_found", "주문을 찾지 못했습니다.")
    found = await read(Rest(A=unknown), "A", "C")
    assert found.asked["A"] is None
    assert found.asked["C"].uuid == "C"


@pytest.mark.parametrize("name", ["", "404", "not_found"])
async def test_a_404_that_does_not_name_the_order_is_not_a_cancellation(name: str) -> None:
    """An open order used to be reported as cancelled when a gateway had no route."""
    with pytest.raises(RestError, match="404"):
        await read(Rest(A=RestError("GET /v1/order", 404, name)), "A")


async def test_no_answer_in_time_is_a_failure_of_rest() -> None:
    gate = asyncio.Event()
    with pytest.raises(RestError, match="no answer in time"):
        await read(Rest(gate=gate), timeout_s=0.001)
