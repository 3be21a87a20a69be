"""`LockedFunds`: whether what balances say is locked fits the open orders (protocol sections 3.5 and 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from qt_upbit.protocol.order_fills import EXACT
from qt_upbit.records import Balance, Order
from qt_upbit.types import AskBid

__all__ = ["LockedFunds"]

_ZERO: Final = Decimal(0)
_TOLERANCE: Final = Decimal("1E-7")
"""Of what is locked; Upbit may round each order's fee. The smallest order is far more."""


class _Share(NamedTuple):
    """What one open order locks.

    Attributes:
        currency: of `amount`; the quote currency of a bid, the base currency of an ask.
        amount: None where the order does not say.
    """

    currency: str
    amount: Decimal | None


class LockedFunds:
    """The funds that open orders lock, by currency, beside those that balances say are locked.

    Withdrawals lock funds too: what no order explained at the last complete answer of REST is taken for
    theirs, and only a change of it contradicts. Noting an order costs the same however many there are.
    """

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        """By order."""
        self._sums: dict[str, Decimal] = {}
        self._unknown: dict[str, int] = {}
        """Open orders of a currency that do not say what they lock: it can not be judged."""
        self._accepted: dict[str, Decimal] | None = None
        """What no order explains, by currency; None before the first answer of REST."""

    def note(self, order: Order) -> None:
        """An order is as it is now."""
        new = _share_of(order) if order.is_open else None
        old = self._shares.get(order.uuid)
        if new == old:
            return
        if old is not None:
            self._add(old, -1)
            del self._shares[order.uuid]
        if new is not None:
            self._add(new, +1)
            self._shares[order.uuid] = new

    def _add(self, share: _Share, sign: int) -> None:
        if share.amount is None:
            self._unknown[share.currency] = self._unknown.get(share.currency, 0) + sign
            return
        with localcontext(EXACT):
            self._sums[share.currency] = self._sums.get(share.currency, _ZERO) + sign * share.amount

    def accept(self, balances: Mapping[str, Balance]) -> None:
        """REST was read completely: what no order explains now belongs to something else."""
        currencies = balances.keys() | self._sums.keys()
        self._accepted = {currency: self._unexplained(currency, balances) for currency in currencies}

    def contradict(self, balances: Mapping[str, Balance]) -> bool:
        """Whether more, or less, is locked than the open orders and what was accepted explain."""
        if self._accepted is None:
            return False
        return any(self._is_contradicted(each, balances) for each in balances.keys() | self._sums.keys())

    def _is_contradicted(self, currency: str, balances: Mapping[str, Balance]) -> bool:
        if self._accepted is None or self._unknown.get(currency):
            return False
        with localcontext(EXACT):
            accepted = self._accepted.get(currency, _ZERO)
            difference = abs(self._unexplained(currency, balances) - accepted)
            expected = self._sums.get(currency, _ZERO) + abs(accepted)
            return difference > _TOLERANCE * max(expected, _locked(currency, balances))

    def _unexplained(self, currency: str, balances: Mapping[str, Balance]) -> Decimal:
        with localcontext(EXACT):
            return _locked(currency, balances) - self._sums.get(currency, _ZERO)


def _share_of(order: Order) -> _Share:
    quote, _, base = order.code.partition("-")
    return _Share(quote if order.ask_bid is AskBid.BID else base, order.locked)


def _locked(currency: str, balances: Mapping[str, Balance]) -> Decimal:
    known = balances.get(currency)
    return _ZERO if known is None else known.locked
