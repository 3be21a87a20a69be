"""What the orders and balances of one account say against each other, which shows that a frame was lost.

A private stream repeats nothing (protocol sections 3.5 and 3.6). A frame that is lost on a connection that
lives leaves an order open that is over, or hides one; but what is known then no longer fits together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from qt_upbit.exact import EXACT
from qt_upbit.protocol.tracked_order import TrackedOrder
from qt_upbit.records import Balance, Order
from qt_upbit.types import AskBid

__all__ = ["Contradiction", "contradictions"]

_ZERO: Final = Decimal(0)
_TOLERANCE: Final = Decimal("0.001")
"""Of what is locked: fees are rounded order by order."""


class Contradiction(NamedTuple):
    """One of them; equal to another while nothing about it has changed.

    Attributes:
        kind: ``remaining`` for an open order of which nothing remains, ``fills`` for an order of which more
            was executed than fills are known, ``locked`` for a balance whose locked part is not that of the
            open orders.
        what: the order's uuid, or the currency.
        amount: what remains, what was executed, or by how much more is locked than orders explain.
    """

    kind: str
    what: str
    amount: Decimal


def contradictions(
    orders: Iterable[TrackedOrder], balances: Mapping[str, Balance]
) -> frozenset[Contradiction]:
    """Everything that does not fit together.

    Args:
        orders: all that are known.
        balances: by currency.
    """
    found = set()
    locked: defaultdict[str, Decimal] = defaultdict(Decimal)
    for tracked in orders:
        order = tracked.order
        if tracked.lacks_fills():
            found.add(Contradiction("fills", order.uuid, order.executed_volume))
        if not order.is_open:
            continue
        if order.remaining_volume == _ZERO:
            found.add(Contradiction("remaining", order.uuid, _ZERO))
        currency = _locked_currency(order)
        locked[currency] = EXACT.add(locked[currency], order.locked or _ZERO)
    for currency in locked.keys() | balances.keys():
        held = balances[currency].locked if currency in balances else _ZERO
        difference = EXACT.subtract(held, locked[currency])
        if difference.copy_abs() > EXACT.multiply(_TOLERANCE, max(held, locked[currency])):
            found.add(Contradiction("locked", currency, difference))
    return frozenset(found)


def _locked_currency(order: Order) -> str:
    """A bid locks what it pays with, an ask what it sells."""
    quote, _, base = order.code.partition("-")
    return quote if order.ask_bid is AskBid.BID else base
