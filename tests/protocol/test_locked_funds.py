"""`LockedFunds`: what balances say is locked, beside what the open orders lock."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from qt_upbit.protocol.locked_funds import LockedFunds
from qt_upbit.records import Balance, Order
from qt_upbit.types import AskBid, OrderState, OrderType


def an_order(uuid: str, locked: str | None, side: AskBid = AskBid.BID) -> Order:
    return Order(
        uuid=uuid,
        code="KRW-BTC",
        ask_bid=side,
        order_type=OrderType.LIMIT,
        state=OrderState.WAIT,
        locked=None if locked is None else Decimal(locked),
    )


def held(**locked: str) -> dict[str, Balance]:
    return {
        currency: Balance(currency=currency, balance=Decimal(0), locked=Decimal(amount))
        for currency, amount in locked.items()
    }


@pytest.fixture
def funds() -> LockedFunds:
    return LockedFunds()


def test_nothing_is_judged_before_rest_was_read(funds: LockedFunds) -> None:
    funds.note(an_order("A", "100"))
    assert not funds.contradict(held(KRW="7"))


def test_orders_explain_what_is_locked(funds: LockedFunds) -> None:
    funds.accept({})
    funds.note(an_order("A", "100.05"))
    funds.note(an_order("B", "3", AskBid.ASK))
    assert not funds.contradict(held(KRW="100.05", BTC="3"))
    assert funds.contradict(held(KRW="100.05"))
    assert funds.contradict(held(BTC="3"))
    assert funds.contradict(held(KRW="200", BTC="3"))
    assert funds.contradict(held(KRW="100.05", BTC="3", XRP="1"))


def test_an_order_counts_as_it_is_now(funds: LockedFunds) -> None:
    funds.accept({})
    order = an_order("A", "100")
    funds.note(order)
    funds.note(order)
    funds.note(msgspec.structs.replace(order, locked=Decimal(40)))
    assert not funds.contradict(held(KRW="40"))
    funds.note(msgspec.structs.replace(order, locked=Decimal(40), state=OrderState.CANCEL))
    assert not funds.contradict(held(KRW="0"))
    assert funds.contradict(held(KRW="40"))


def test_what_rest_itself_does_not_explain_is_a_withdrawals(funds: LockedFunds) -> None:
    funds.note(an_order("A", "100"))
    funds.accept(held(KRW="600"))
    assert not funds.contradict(held(KRW="600"))
    assert funds.contradict(held(KRW="100"))
    funds.accept(held(KRW="100"))
    assert not funds.contradict(held(KRW="100"))


def test_a_rounded_fee_is_no_contradiction(funds: LockedFunds) -> None:
    funds.accept({})
    funds.note(an_order("A", "1000500.123456789"))
    assert not funds.contradict(held(KRW="1000500.12345678"))


def test_an_order_that_does_not_say_what_it_locks_leaves_its_currency_open(funds: LockedFunds) -> None:
    funds.accept({})
    funds.note(an_order("A", None))
    assert not funds.contradict(held(KRW="5"))
    funds.note(msgspec.structs.replace(an_order("A", None), state=OrderState.DONE))
    assert funds.contradict(held(KRW="5"))
