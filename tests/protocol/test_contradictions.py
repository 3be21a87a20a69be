"""What orders and balances say against each other."""

from __future__ import annotations

from decimal import Decimal, localcontext

import msgspec
import pytest

from qt_upbit.protocol.contradictions import Contradiction, contradictions
from qt_upbit.protocol.tracked_order import TrackedOrder
from qt_upbit.records import Balance, Order
from qt_upbit.types import AskBid, OrderState, OrderType

BID = Order(
    uuid="A",
    code="KRW-BTC",
    ask_bid=AskBid.BID,
    order_type=OrderType.LIMIT,
    state=OrderState.WAIT,
    price=Decimal(1000),
    volume=Decimal(10),
    remaining_volume=Decimal(10),
    locked=Decimal("10005"),
)
ASK = msgspec.structs.replace(BID, uuid="B", ask_bid=AskBid.ASK, locked=Decimal("0.5"))


def found(orders: list[Order], **locked: str) -> set[Contradiction]:
    balances = {
        name: Balance(currency=name, balance=Decimal(1), locked=Decimal(amount))
        for name, amount in locked.items()
    }
    return set(contradictions(map(TrackedOrder, orders), balances))


def test_orders_that_explain_what_is_locked() -> None:
    assert found([]) == set()
    assert found([BID, ASK], KRW="10005", BTC="0.5", ETH="0") == set()
    assert found([BID], KRW="10004.99") == set(), "fees are rounded"


@pytest.mark.parametrize("locked", ["0", "9000", "20010"])
def test_a_lock_that_no_order_explains(locked: str) -> None:
    difference = Decimal(locked) - Decimal("10005")
    assert found([BID], KRW=locked) == {Contradiction("locked", "KRW", difference)}


def test_a_lock_without_any_order() -> None:
    assert found([], BTC="0.1") == {Contradiction("locked", "BTC", Decimal("0.1"))}


def test_finished_orders_lock_nothing() -> None:
    over = msgspec.structs.replace(BID, state=OrderState.CANCEL)
    assert found([over], KRW="0") == set()


def test_nothing_remains_of_an_open_order() -> None:
    whole = msgspec.structs.replace(BID, remaining_volume=Decimal("0.0"), locked=Decimal(0))
    assert found([whole]) == {Contradiction("remaining", "A", Decimal(0))}


def test_more_was_executed_than_fills_are_known() -> None:
    part = msgspec.structs.replace(BID, executed_volume=Decimal(3), trades_count=1)
    assert Contradiction("fills", "A", Decimal(3)) in found([part], KRW="10005")


def test_the_programs_decimal_context_changes_nothing() -> None:
    orders = [msgspec.structs.replace(BID, uuid=str(number)) for number in range(9)]
    with localcontext() as context:
        context.prec = 2
        assert found(orders, KRW="90045") == set()
        assert found(orders, KRW="80045") == {Contradiction("locked", "KRW", Decimal(-10000))}
