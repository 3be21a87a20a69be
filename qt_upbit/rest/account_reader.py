"""`read_account`: the calls that make an `AccountSnapshot`, so that no order falls between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from qt_upbit.exceptions import RestError
from qt_upbit.protocol.account_outputs import (
    ReadRest,
)
from qt_upbit.protocol.order_tracker import AccountSnapshot
from qt_upbit.records import Balance, Order

__all__ = ["AccountRest", "read_account"]

_AT_ONCE: Final = 8
"""Single orders that are requested concurrently."""

Needed = Callable[[Iterable[Order], Iterable[Order]], Sequence[str]]


class AccountRest(Protocol):
    """The REST calls needed to read an account; `RestClient` has them."""

    async def get_accounts(self) -> Sequence[Balance]:
        """Every balance."""

    async def get_open_orders(self) -> Sequence[Order]:
        """Every open order."""

    async def get_closed_orders(self, *, start: datetime | None = None) -> Sequence[Order]:
        """Finished orders since a point in time."""

    async def get_order(self, *, uuid: str | None = None) -> Order:
        """One order with its fills."""


async def read_account(rest: AccountRest, request: ReadRest, needed: Needed) -> AccountSnapshot:
    """Make the calls that a `ReadRest` of an `AccountSync` requests. Cancelling is safe.

    Args:
        rest: the client to use.
        request: since when, and how long at most.
        needed: `OrderTracker.needed`.

    Raises:
        QtUpbitError: a call failed, or no answer came in time.
    """
    try:
        async with asyncio.timeout(request.timeout_s):
            # In this order: an order that ends meanwhile is then in both lists rather than in neither.
            open_orders = await rest.get_open_orders()
            closed_orders = await rest.get_closed_orders(start=request.closed_since)
            uuids = needed(open_orders, closed_orders)
            asked: dict[str, Order | None] = {}
            for begin in range(0, len(uuids), _AT_ONCE):
                part = uuids[begin : begin + _AT_ONCE]
                answers = await asyncio.gather(*(_order(rest, uuid) for uuid in part))
                asked |= zip(part, answers, strict=True)
            balances = await rest.get_accounts()
    except TimeoutError:
        raise RestError("the account's calls", None, message="no answer in time") from None
    return AccountSnapshot(
        open_orders=open_orders, closed_orders=closed_orders, asked=asked, balances=balances
    )


async def _order(rest: AccountRest, uuid: str) -> Order | None:
    try:
        return await rest.get_order(uuid=uuid)
    except RestError as exc:
        # Only Upbit's own error name counts (protocol section 9.5): a gateway's 404 proves nothing.
        if exc.status == 404 and exc.name == "order_not_found":
            return None
        raise
