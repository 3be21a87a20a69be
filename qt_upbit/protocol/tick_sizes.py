"""Tick sizes by quote currency and price (protocol section 9.4). Pure arithmetic on the rows of `regions`."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Final, Literal

from qt_upbit.exact import EXACT
from qt_upbit.regions import QUOTE_CURRENCIES, TickTable

__all__ = ["TICK_SIZES", "round_to_tick", "tick_size"]

TICK_SIZES: Final[dict[str, TickTable]] = {
    currency.symbol: currency.ticks for currency in QUOTE_CURRENCIES.values() if currency.ticks is not None
}
"""``(price from, tick)`` rows, highest price first. Upbit documents no others; the regions' own
currencies are missing, and for them ``tick_size`` of the instruments is all there is."""


def tick_size(quote: str, price: Decimal) -> Decimal | None:
    """The tick at a price of a quote currency; None where there is no table."""
    rows = TICK_SIZES.get(quote)
    if rows is None:
        return None
    return next((tick for start, tick in rows if price >= start), rows[-1][1])


def round_to_tick(
    code: str, price: Decimal, rounding: Literal["down", "up", "nearest"] = "nearest"
) -> Decimal:
    """The valid price at, below or above `price`, never less than one tick.

    Args:
        code: the pair, for its quote currency.
        price: positive.
        rounding: to which side; ``nearest`` takes the lower one of two equally near.

    Raises:
        ValueError: there is no table for the quote currency, or the price is not positive.
    """
    quote = code.partition("-")[0]
    tick = tick_size(quote, price)
    if tick is None:
        raise ValueError(f"no tick table for {quote}: take tick_size of the instruments")
    if not price > 0:
        raise ValueError(f"a price is positive, not {price}")
    # Bounds of the table are multiples of the ticks on both sides, so neighbours are valid too.
    with localcontext(EXACT):
        low = max((price / tick).to_integral_value(ROUND_FLOOR) * tick, tick)
        high = max((price / tick).to_integral_value(ROUND_CEILING) * tick, tick)
        if rounding == "down":
            return low
        if rounding == "up":
            return high
        return high if high - price < price - low else low
