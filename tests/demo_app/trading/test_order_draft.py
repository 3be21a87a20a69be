"""An order as the form says it: checked, tested and placed with the same words, each once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from demo_app.trading.order_draft import OrderDraft
from demo_app.trading.order_gateway import OrderGateway
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import AskBid, InvalidOrderError, OrderRules, OrderType, SmpType, TimeInForce

DRAFT = OrderDraft(
    code="KRW-BTC",
    ask_bid=AskBid.BID,
    order_type=OrderType.LIMIT,
    price=Decimal(100_000_000),
    volume=Decimal("0.001"),
    condition=TimeInForce.IOC,
    smp_type=None,
    rules=OrderRules(),
)


class Rest:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[str]]:
        async def call(*values: Any, **options: Any) -> str:
            self.asked.append((name, values, options))
            return name

        return call


def test_what_the_exchange_would_refuse_is_refused_here() -> None:
    DRAFT.check()
    for change in ({"price": Decimal("100000000.5")}, {"volume": Decimal(0)}, {"price": None}):
        with pytest.raises(InvalidOrderError):
            dataclasses.replace(DRAFT, **change).check()


def test_it_is_placed_as_it_was_checked_once_and_by_its_identifier() -> None:
    rest: Any = Rest()
    gateway = OrderGateway(TradingGuard(simulated=True, live=False, has_keys=lambda: True), lambda: rest)
    draft = dataclasses.replace(DRAFT, smp_type=SmpType.REDUCE)

    asyncio.run(draft.place(gateway, "buy 0.001 BTC", "mine-1"))
    ((name, values, options),) = rest.asked
    assert (name, values) == ("create_order", ("KRW-BTC", AskBid.BID, OrderType.LIMIT))
    assert options == {
        "price": draft.price,
        "volume": draft.volume,
        "time_in_force": TimeInForce.IOC,
        "smp_type": SmpType.REDUCE,
        "rules": draft.rules,
        "identifier": "mine-1",
    }


def test_a_test_says_the_same_and_places_nothing() -> None:
    rest: Any = Rest()
    asyncio.run(DRAFT.test(rest))
    ((name, values, options),) = rest.asked
    assert (name, values) == ("test_order", ("KRW-BTC", AskBid.BID, OrderType.LIMIT))
    assert "identifier" not in options
    assert options["volume"] == DRAFT.volume


def test_a_draft_does_not_change_under_the_question() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DRAFT.price = Decimal(1)
