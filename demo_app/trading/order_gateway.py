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
_IDS_PER_CALL: Final = 20
"""The number of orders that Upbit cancels by uuid in one call."""


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

    async def cancel_listed(
        self, confirmed: str, codes: Sequence[str] | None, count: int, reserved: Sequence[str]
    ) -> CancelResult:
        """Cancel the newest open orders, and reserved ones, which Upbit's call for open orders leaves.

        Args:
            confirmed: what the user has confirmed.
            codes: of these pairs; None is every pair.
            count: the most orders in the book to cancel; 0 if there are only reserved ones.
            reserved: uuids of the orders that wait for their trigger.
        """
        if not count and not reserved:
            raise ValueError("no orders are named")
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        done: list[CancelResult] = []
        if count:
            call = rest.cancel_open_orders(codes=codes, all_markets=codes is None, count=count)
            done.append(await call)
        if len(reserved) == 0:
            return done[0]
        for start in range(0, len(reserved), _IDS_PER_CALL):
            done.append(await rest.cancel_orders(uuids=reserved[start : start + _IDS_PER_CALL]))
        return CancelResult(
            success=tuple(each for result in done for each in result.success),
            failed=tuple(each for result in done for each in result.failed),
        )

    async def replace(self, confirmed: str, *order: Any, **options: Any) -> object:
        """Cancel an order and place another; arguments as `RestClient.cancel_and_new`."""
        rest = self._client_for(confirmed)
        self._guard.check(confirmed)
        return await rest.cancel_and_new(*order, **options)
