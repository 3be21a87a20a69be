"""Nothing real leaves the desk that was not confirmed, word for word; one confirmation is one order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from demo_app.order_desk import OrderDesk
from demo_app.trading_guard import CONFIRM_PHRASE, TradingGuard, TradingLockedError

CALLS: dict[str, Callable[[OrderDesk, str], Awaitable[object]]] = {
    "create_order": lambda desk, text: desk.create(text, "KRW-BTC", price=1),
    "cancel_order": lambda desk, text: desk.cancel(text, "u1"),
    "cancel_orders": lambda desk, text: desk.cancel_several(text, ["u1"]),
    "cancel_open_orders": lambda desk, text: desk.cancel_open(text, ["KRW-BTC"], 300),
    "cancel_and_new": lambda desk, text: desk.replace(text, "KRW-BTC", prev_order_uuid="u1"),
}


class Rest:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[str]]:
        async def call(*_: object, **__: object) -> str:
            self.asked.append(name)
            return name

        return call


def _desk(**guard: Any) -> tuple[OrderDesk, Rest, TradingGuard]:
    made, rest = TradingGuard(has_keys=lambda: True, **guard), Rest()
    return OrderDesk(made, lambda: rest), rest, made  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("name", CALLS)
def test_a_real_order_needs_its_own_words_confirmed(name: str) -> None:
    desk, rest, guard = _desk(simulated=False, live=True)
    with pytest.raises(TradingLockedError):
        asyncio.run(_awaited(CALLS[name](desk, "buy 1")))
    guard.unlock(CONFIRM_PHRASE)
    guard.confirm("buy 1")
    with pytest.raises(TradingLockedError):
        asyncio.run(_awaited(CALLS[name](desk, "buy 2")))
    assert rest.asked == []
    asyncio.run(_awaited(CALLS[name](desk, "buy 1")))
    assert rest.asked == [name]
    with pytest.raises(TradingLockedError):
        asyncio.run(_awaited(CALLS[name](desk, "buy 1")))
    assert rest.asked == [name]


@pytest.mark.parametrize("name", CALLS)
def test_on_the_simulated_exchange_the_door_is_open(name: str) -> None:
    desk, rest, _ = _desk(simulated=True, live=False)
    assert asyncio.run(_awaited(CALLS[name](desk, "buy"))) == name
    assert rest.asked == [name]


async def _awaited(call: Awaitable[object]) -> object:
    return await call
