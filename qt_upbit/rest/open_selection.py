"""`OpenOrderSelection`: which open orders a call means, said explicitly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

from qt_upbit.exceptions import DecodeError, InvalidRequestError
from qt_upbit.records import CancelResult, Order
from qt_upbit.rest import arguments
from qt_upbit.types import AskBid

__all__ = ["MOST_OPEN_CANCELS", "OpenOrderSelection"]

MOST_OPEN_CANCELS: Final = 300
"""Maximum number of orders that one call cancels."""
_MOST_CODES: Final = 20


@dataclass(frozen=True, slots=True)
class OpenOrderSelection:
    """Open orders by pair, market and side; empty sets restrict nothing.

    Attributes:
        ask_bid: only one side.
        codes: only these pairs.
        excluded_codes: never these pairs.
        quote_currencies: only markets of these.
        count: the newest ones, at most so many.
    """

    ask_bid: AskBid | None
    codes: tuple[str, ...]
    excluded_codes: tuple[str, ...]
    quote_currencies: tuple[str, ...]
    count: int

    @classmethod
    def of(
        cls,
        *,
        ask_bid: AskBid | str | None,
        codes: Iterable[str] | None,
        excluded_codes: Iterable[str] | None,
        quote_currencies: Iterable[str] | None,
        all_markets: bool,
        count: int,
    ) -> Self:
        """From the arguments of a call, where None is "not given".

        Raises:
            InvalidRequestError: nothing or everything was selected by accident: see the message.
            InvalidSubscriptionError: an element is not a code.
        """
        pairs = () if codes is None else arguments.check_codes(codes, most=_MOST_CODES)
        quotes = () if quote_currencies is None else arguments.check_currencies(quote_currencies)
        if bool(pairs) + bool(quotes) + arguments.check_flag("all_markets", all_markets) > 1:
            raise InvalidRequestError("give only one of codes, quote_currencies, all_markets")
        excluded = (
            ()
            if excluded_codes is None
            else arguments.check_codes(excluded_codes, name="excluded_codes", most=_MOST_CODES)
        )
        side = None if ask_bid is None else arguments.check_member("ask_bid", AskBid, ask_bid, tuple(AskBid))
        if not (pairs or quotes or excluded or side or all_markets):
            raise InvalidRequestError(
                "say which orders: codes, quote_currencies, excluded_codes or ask_bid, or all_markets=True"
            )
        return cls(
            side, pairs, excluded, quotes, arguments.check_count("count", count, most=MOST_OPEN_CANCELS)
        )

    def query(self) -> dict[str, Any]:
        """The parameters of ``DELETE /v1/orders/open``, all of them spelt out."""
        names = {
            "pairs": self.codes,
            "excluded_pairs": self.excluded_codes,
            "quote_currencies": self.quote_currencies,
        }
        query: dict[str, Any] = {name: ",".join(listed) for name, listed in names.items() if listed}
        query["cancel_side"] = "all" if self.ask_bid is None else self.ask_bid.value.lower()
        query["count"] = self.count
        return query

    def matching(self, orders: Iterable[Order]) -> list[Order]:
        """Those of open orders from which the exchange selects the newest, in the order given."""
        return [
            order for order in orders if self._has_code(order.code) and self.ask_bid in (order.ask_bid, None)
        ]

    def check_answer(self, result: CancelResult, raw: bytes) -> CancelResult:
        """The answer to a call with this selection.

        Raises:
            DecodeError: it is for another call.
        """
        rows = (*result.success, *result.failed)
        if len(rows) > self.count or not all(self._has_code(each.code) for each in rows):
            raise DecodeError("the answer is for other orders", raw)
        return result

    def _has_code(self, code: str) -> bool:
        return (
            code not in self.excluded_codes
            and (not self.codes or code in self.codes)
            and (not self.quote_currencies or code.partition("-")[0] in self.quote_currencies)
        )
