"""Prices as integers of 10^-8 quote currency, and the tick tables of `qt_upbit.regions` on them."""

from __future__ import annotations

import bisect
from decimal import Decimal
from typing import Final

from qt_upbit.exact import EXACT
from qt_upbit.regions import quote_currency_of

__all__ = ["SCALE", "PriceGrid", "from_units", "to_units", "turnover"]

SCALE: Final = 10**8
"""Prices and volumes are integers in units of 10^-8; turnovers in units of 10^-16."""


def from_units(units: int) -> Decimal:
    """A price or volume as a Decimal with eight decimals."""
    return Decimal(units).scaleb(-8, EXACT)


def turnover(units: int) -> Decimal:
    """A sum of price times volume as an exact Decimal with sixteen decimals."""
    return Decimal(f"{units}E-16")  # through text: the context would round to 28 digits


def to_units(value: Decimal) -> int:
    """A price or volume as an integer.

    Raises:
        ValueError: it has more than eight decimals.
    """
    units = int(value.scaleb(8, EXACT))
    if from_units(units) != value:
        raise ValueError(f"{value} has more than eight decimals")
    return units


class PriceGrid:
    """The tick table of one quote currency."""

    def __init__(self, quote: str) -> None:
        table = quote_currency_of(quote).likely_ticks
        rows = sorted((to_units(start), to_units(tick)) for start, tick in table)
        self._starts = [start for start, _ in rows]
        self._ticks = [tick for _, tick in rows]

    def tick(self, price: int) -> int:
        """The tick size at a price, both in units."""
        return self._ticks[bisect.bisect_right(self._starts, price) - 1]

    def snap(self, price: int) -> int:
        """The highest valid price at or below; never below one tick."""
        tick = self._ticks[bisect.bisect_right(self._starts, price) - 1] if price > 0 else 1
        return max(price - price % tick, tick)

    def up(self, price: int) -> int:
        """The next valid price above a valid one."""
        return price + self.tick(price)

    def down(self, price: int) -> int:
        """The next valid price below a valid one; the same one at the bottom."""
        lower = price - self.tick(price - 1)
        return lower if lower > 0 else price

    def band(self, price: int) -> tuple[int, int]:
        """The tick above a valid price, and the price from which a larger tick applies."""
        n = bisect.bisect_right(self._starts, price)
        return self._ticks[n - 1], self._starts[n] if n < len(self._starts) else 1 << 80

    def band_below(self, price: int) -> tuple[int, int]:
        """The tick below a valid price, and the price at and below which a smaller tick applies."""
        n = bisect.bisect_right(self._starts, price - 1) - 1
        return self._ticks[n], self._starts[n]
