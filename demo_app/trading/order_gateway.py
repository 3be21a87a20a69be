"""`OrderGateway`: the only module that sends orders; the guard checks each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import CancelResult, Order, RestClient

__all__ = ["OrderGateway"]


class OrderGateway:
    """Places and cancels orders, each only if the guard allows it.

    Every call takes the text that the user has seen and confirmed, raises `TradingLockedError` and sends
    nothing if the guard refuses, and otherwise raises what the called method of `RestClient` raises.

    Args:
        guard: the terminal's guard.
        rest: returns the client with the current keys.
    """

    def __init__(self, guard: TradingGuard, rest: Callable[[], RestClient]) -> None:
        self._guard = guard
        self._rest = rest

    async def create(self, confirmed: str, *order: Any, **options: Any) -> Order:
        """Place an order; arguments as `RestClient.create_order`."""
        self._guard.check(confirmed)
        return await self._rest().create_order(*order, **options)

    async def cancel(self, confirmed: str, uuid: str) -> Order:
        """Cancel one order."""
        self._guard.check(confirmed)
        return await self._rest().cancel_order(uuid=uuid)

    async def cancel_several(self, confirmed: str, uuids: Sequence[str]) -> CancelResult:
        """Cancel the given orders."""
        self._guard.check(confirmed)
        return await self._rest().cancel_orders(uuids=uuids)

    async def cancel_open(self, confirmed: str, codes: Sequence[str] | None, count: int) -> CancelResult:
        """Cancel the newest open orders, of some pairs or, with None, of all."""
        self._guard.check(confirmed)
        return await self._rest().cancel_open_orders(codes=codes, all_markets=codes is None, count=count)

    async def replace(self, confirmed: str, *order: Any, **options: Any) -> object:
        """Cancel an order and place another; arguments as `RestClient.cancel_and_new`."""
        self._guard.check(confirmed)
        return await self._rest().cancel_and_new(*order, **options)
