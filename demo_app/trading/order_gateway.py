"""`OrderGateway`: the only module that sends orders; the guard checks each."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

from demo_app.trading.trading_guard import TradingGuard, TradingLockedError
from qt_upbit import CancelResult, Order, RestClient

__all__ = ["OrderGateway"]

_QUESTIONS: Final = 64
"""Questions remembered; of those the user has dismissed nothing is ever sent."""


class OrderGateway:
    """Places and cancels orders, each only if the guard allows it.

    Every call takes the text that the user has seen and confirmed, raises `TradingLockedError` and sends
    nothing if the guard refuses or other keys are in use than when the user was asked, and otherwise raises
    what the called method of `RestClient` raises.

    Args:
        guard: the terminal's guard.
        rest: returns the client with the current keys.
    """

    def __init__(self, guard: TradingGuard, rest: Callable[[], RestClient]) -> None:
        self._guard = guard
        self._rest = rest
        self._asked: dict[str, weakref.ref[RestClient]] = {}
        """Client of the keys under which the user was asked; a weak one, as it goes with its keys."""

    def asked(self, text: str) -> None:
        """Record that the user is asked about something: it is meant for the account of the current keys."""
        self._asked.pop(text, None)
        self._asked[text] = weakref.ref(self._rest())
        if len(self._asked) > _QUESTIONS:
            del self._asked[next(iter(self._asked))]

    def _client_for(self, confirmed: str) -> RestClient:
        """The client to send something with that was confirmed.

        Raises:
            TradingLockedError: the user was asked under other keys.
        """
        rest, asked = self._rest(), self._asked.pop(confirmed, None)
        if asked is not None and asked() is not rest:
            raise TradingLockedError("account", "other API keys are in use than when this was asked")
        return rest

    async def create(self, confirmed: str, *order: Any, **options: Any) -> Order:
        """Place an order; arguments as `RestClient.create_order`."""
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        return await rest.create_order(*order, **options)

    async def cancel(self, confirmed: str, uuid: str) -> Order:
        """Cancel one order."""
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        return await rest.cancel_order(uuid=uuid)

    async def cancel_several(self, confirmed: str, uuids: Sequence[str]) -> CancelResult:
        """Cancel the given orders."""
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        return await rest.cancel_orders(uuids=uuids)

    async def cancel_open(self, confirmed: str, codes: Sequence[str] | None, count: int) -> CancelResult:
        """Cancel the newest open orders, of some pairs or, with None, of all."""
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        return await rest.cancel_open_orders(codes=codes, all_markets=codes is None, count=count)

    async def replace(self, confirmed: str, *order: Any, **options: Any) -> object:
        """Cancel an order and place another; arguments as `RestClient.cancel_and_new`."""
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        return await rest.cancel_and_new(*order, **options)
