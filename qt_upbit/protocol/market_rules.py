"""`MarketRules`: what the exchange says about orders of a pair. `RuleBook` remembers it.

The exchange's rules win over any table of this library (protocol section 9.4). Its instruments give the tick
at the present price only; a band is left to the exchange where nothing is known about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from qt_upbit.exact import EXACT
from qt_upbit.protocol.order_check import OrderRules
from qt_upbit.protocol.tick_sizes import tick_size
from qt_upbit.records import OrderChance
from qt_upbit.types import AskBid

__all__ = ["MarketRules", "RuleBook"]

_LEAST: Final = Decimal("1E-8")
"""Divides every price that an order can have: not checked."""
_NO_MAXIMUM: Final = Decimal("1E+30")
_MAX_AGE_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """The exchange's rules for orders of one pair; None where it has not said.

    Attributes:
        code: the pair.
        tick_size: at the pair's present price.
        price: that price; None if only the tick was read.
        min_total_bid, min_total_ask, max_total: quote currency.
        bid_types, ask_types: allowed orders, for example ``limit_ioc``; empty where unknown.
        bid_fee, ask_fee, maker_bid_fee, maker_ask_fee: fractions of the funds; 0.0005 is 0.05 %.
    """

    code: str
    tick_size: Decimal | None = None
    price: Decimal | None = None
    min_total_bid: Decimal | None = None
    min_total_ask: Decimal | None = None
    max_total: Decimal | None = None
    bid_types: tuple[str, ...] = ()
    ask_types: tuple[str, ...] = ()
    bid_fee: Decimal | None = None
    ask_fee: Decimal | None = None
    maker_bid_fee: Decimal | None = None
    maker_ask_fee: Decimal | None = None

    def tick_at(self, price: Decimal) -> Decimal | None:
        """The tick for an order at a price; None where only the documented tables can say.

        Where the exchange's tick contradicts the table, or there is no table, the tick holds in its own band;
        in other bands the result divides every price, and the exchange decides.
        """
        tick, quote = self.tick_size, self.code.partition("-")[0]
        if tick is None or price <= 0:
            return None
        documented = tick_size(quote, price)
        if self.price is None:
            # The band is unknown: what is valid by either goes out.
            if documented is not None and (_divides(documented, price) and not _divides(tick, price)):
                return documented
            return tick if documented is not None or _divides(tick, price) else _LEAST
        if tick == tick_size(quote, self.price):
            return documented
        return tick if _band(price) == _band(self.price) else _LEAST

    def step_at(self, price: Decimal) -> Decimal | None:
        """The tick to step by at a price: as `tick_at`, but the likeliest one where the exchange decides."""
        tick = self.tick_at(price)
        if tick != _LEAST:
            return tick
        return tick_size(self.code.partition("-")[0], price) or self.tick_size

    def order_rules(self, ask_bid: AskBid, price: Decimal | None = None) -> OrderRules:
        """The rules for an order of one side, at a price if it has one."""
        is_bid = ask_bid is AskBid.BID
        return OrderRules(
            None if price is None else self.tick_at(price),
            self.min_total_bid if is_bid else self.min_total_ask,
            self.max_total,
            (self.bid_types if is_bid else self.ask_types) or None,
        )


class RuleBook:
    """The rules of the pairs that were read, each with its age.

    Args:
        clock: seconds, monotonic.
        max_age_s: rules older than this still apply, but refuse nothing before they have been read again.
    """

    def __init__(self, clock: Callable[[], float], max_age_s: float = _MAX_AGE_S) -> None:
        self._clock = clock
        self._max_age_s = max_age_s
        self._rules: dict[str, MarketRules] = {}
        self._ticks: dict[str, float] = {}
        self._chances: dict[str, float] = {}

    def get(self, code: str) -> MarketRules:
        """What is known of a pair."""
        return self._rules.get(code) or MarketRules(code=code)

    def is_fresh(self, code: str) -> bool:
        """Whether a pair's rules were read completely, and not long ago."""
        return self.is_tick_fresh(code) and self.is_chance_fresh(code)

    def is_tick_fresh(self, code: str) -> bool:
        """Whether a pair's tick and the price at which it holds were read not long ago."""
        return self._is_young(self._ticks.get(code))

    def is_chance_fresh(self, code: str) -> bool:
        """Whether a pair's limits and allowed orders were read not long ago."""
        return self._is_young(self._chances.get(code))

    def _is_young(self, read: float | None) -> bool:
        return read is not None and self._clock() - read <= self._max_age_s

    def learn_tick(self, code: str, tick: Decimal, price: Decimal | None = None) -> None:
        """The exchange's tick, and the price at which it holds if that was read with it."""
        before = self.get(code)
        if price is not None:
            self._ticks[code] = self._clock()
        elif before.tick_size == tick:
            price = before.price
        self._rules[code] = replace(before, tick_size=tick, price=price)

    def learn_chance(self, chance: OrderChance) -> None:
        """Limits, allowed orders and fees."""
        self._chances[chance.code] = self._clock()
        self._rules[chance.code] = replace(
            self.get(chance.code),
            min_total_bid=chance.min_total_bid,
            min_total_ask=chance.min_total_ask,
            max_total=chance.max_total,
            bid_types=chance.bid_types,
            ask_types=chance.ask_types,
            bid_fee=chance.bid_fee,
            ask_fee=chance.ask_fee,
            maker_bid_fee=chance.maker_bid_fee,
            maker_ask_fee=chance.maker_ask_fee,
        )

    def leave_tick(self, code: str) -> None:
        """The exchange answered, but its tick cannot be read: it decides."""
        self._rules[code] = replace(self.get(code), tick_size=_LEAST, price=None)

    def leave_totals(self, code: str) -> None:
        """The exchange answered, but its limits cannot be read: it decides."""
        self._rules[code] = replace(
            self.get(code), min_total_bid=Decimal(0), min_total_ask=Decimal(0), max_total=_NO_MAXIMUM
        )

    def expire(self, code: str) -> None:
        """The exchange has refused an order that they allow: read them again before they refuse one."""
        self._ticks.pop(code, None)
        self._chances.pop(code, None)


def _divides(tick: Decimal, price: Decimal) -> bool:
    return not EXACT.remainder(price, tick)


def _band(price: Decimal) -> tuple[int, int]:
    """Ticks change at powers of ten, or at one, two and five times those, in every known table."""
    exponent = price.adjusted()
    digit = price.as_tuple().digits[0]
    return exponent, 5 if digit >= 5 else 2 if digit >= 2 else 1
