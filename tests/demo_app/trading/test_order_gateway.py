"""No real order is sent unless its exact text was confirmed; one confirmation allows one order."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from demo_app.trading.order_gateway import OrderGateway
from demo_app.trading.trading_guard import CONFIRM_PHRASE, TradingGuard, TradingLockedError

CALLS: dict[str, Callable[[OrderGateway, str], Awaitable[object]]] = {
    "create_order": lambda gateway, text: gateway.create(text, "KRW-BTC", price=1),
    "cancel_order": lambda gateway, text: gateway.cancel(text, "u1"),
    "cancel_orders": lambda gateway, text: gateway.cancel_several(text, ["u1"]),
    "cancel_open_orders": lambda gateway, text: gateway.cancel_listed(text, ["KRW-BTC"], 300, []),
    "cancel_and_new": lambda gateway, text: gateway.replace(text, "KRW-BTC", prev_order_uuid="u1"),
}


class Rest:
    """Records its calls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.options: list[dict[str, object]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[str]]:
        async def call(*_: object, **options: object) -> str:
            self.asked.append(name)
            self.options.append(options)
            return name

        return call


def _gateway(**guard: Any) -> tuple[OrderGateway, Rest, TradingGuard]:
    made, rest = TradingGuard(has_keys=lambda: True, **guard), Rest()
    return OrderGateway(made, lambda: rest), rest, made  # type: ignore[arg-type, return-value]  # a stand-in for RestClient


@pytest.mark.parametrize("name", CALLS)
def test_a_real_order_needs_its_exact_text_confirmed(name: str) -> None:
    gateway, rest, guard = _gateway(simulated=False, live=True)
    with pytest.raises(TradingLockedError):
        asyncio.run(_awaited(CALLS[name](gateway, "buy 1")))
    guard.unlock(CONFIRM_PHRASE)
    guard.confirm("buy 1")
    with pytest.raises(TradingLockedError):
        asyncio.run(_awaited(CALLS[name](gateway, "buy 2")))
    assert rest.asked == []
    asyncio.run(_awaited(CALLS[name](gateway, "buy 1")))
    assert rest.asked == [name]
    with pytest.raises(TradingLockedError):
        asyncio.run(_awaited(CALLS[name](gateway, "buy 1")))
    assert rest.asked == [name]


@pytest.mark.parametrize("name", CALLS)
def test_the_simulated_exchange_needs_no_confirmation(name: str) -> None:
    gateway, rest, _ = _gateway(simulated=True, live=False)
    assert asyncio.run(_awaited(CALLS[name](gateway, "buy"))) == name
    assert rest.asked == [name]


def test_cancel_open_distinguishes_all_markets_from_a_list() -> None:
    gateway, rest, _ = _gateway(simulated=True, live=False)
    asyncio.run(_awaited(gateway.cancel_listed("all", None, 300, [])))
    asyncio.run(_awaited(gateway.cancel_listed("one", ["KRW-BTC"], 20, [])))
    assert rest.options == [
        {"codes": None, "all_markets": True, "count": 300},
        {"codes": ["KRW-BTC"], "all_markets": False, "count": 20},
    ]


def test_a_call_that_names_no_orders_is_refused() -> None:
    gateway, rest, _ = _gateway(simulated=True, live=False)
    with pytest.raises(ValueError, match="no orders"):
        asyncio.run(_awaited(gateway.cancel_listed("all", None, 0, [])))
    assert rest.asked == []


async def _awaited(call: Awaitable[object]) -> object:
    return await call


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("live", [True, False])
def test_what_was_asked_under_other_keys_is_not_sent(name: str, live: bool) -> None:
    first, second = Rest(), Rest()
    used = [first]
    guard = TradingGuard(has_keys=lambda: True, simulated=not live, live=live)
    gateway = OrderGateway(guard, lambda: used[-1])  # type: ignore[arg-type, return-value]  # a fake
    gateway.asked("buy 1")
    if live:
        guard.unlock(CONFIRM_PHRASE)
    guard.confirm("buy 1")
    used.append(second)
    with pytest.raises(TradingLockedError, match="other API keys") as refused:
        asyncio.run(_awaited(CALLS[name](gateway, "buy 1")))
    assert refused.value.missing == "account"
    assert first.asked == second.asked == []
    gateway.asked("buy 1")
    guard.confirm("buy 1")
    asyncio.run(_awaited(CALLS[name](gateway, "buy 1")))
    assert (first.asked, second.asked) == ([], [name])


def test_the_gateway_holds_neither_keys_nor_many_questions() -> None:
    rests = [Rest()]
    guard = TradingGuard(has_keys=lambda: True, simulated=True, live=False)
    gateway = OrderGateway(guard, lambda: rests[0])  # type: ignore[arg-type, return-value]  # a fake
    for number in range(1000):
        gateway.asked(f"buy {number}")
    old = weakref.ref(rests[0])
    rests[0] = Rest()
    assert old() is None
    with pytest.raises(TradingLockedError, match="other API keys"):
        asyncio.run(_awaited(gateway.cancel("buy 999", "u1")))
