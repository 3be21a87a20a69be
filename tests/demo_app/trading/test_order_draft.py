"""An order as entered in the form: checked, tested and placed with the same arguments, each once."""

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
    """Records its calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[str]]:
        async def call(*values: Any, **options: Any) -> str:
            self.asked.append((name, values, options))
            return name

        return call


def test_an_order_the_exchange_would_refuse_is_rejected_locally() -> None:
    DRAFT.check()
    for change in ({"price": Decimal("100000000.5")}, {"volume": Decimal(0)}, {"price": None}):
        with pytest.raises(InvalidOrderError):
            dataclasses.replace(DRAFT, **change).check()


def test_an_order_is_placed_once_as_checked_and_with_its_identifier() -> None:
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


def test_a_test_order_has_the_same_arguments_and_places_nothing() -> None:
    rest: Any = Rest()
    asyncio.run(DRAFT.test(rest))
    ((name, values, options),) = rest.asked
    assert (name, values) == ("test_order", ("KRW-BTC", AskBid.BID, OrderType.LIMIT))
    assert "identifier" not in options
    assert options["volume"] == DRAFT.volume


def test_a_draft_cannot_change_during_the_confirmation() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DRAFT.price = Decimal(1)
