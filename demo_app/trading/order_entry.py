"""The arithmetic of an order form: ticks, totals, percents and fees, exact to the last digit. Knows no Qt.

Everything is rounded so that it can be paid: volumes and amounts down, never up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Final

from qt_upbit import exactly, quote_currency_of, read_number, round_to_tick

__all__ = [
    "away_from",
    "cost_of",
    "exact_text",
    "fee_of",
    "nearest_price",
    "read_number",
    "share_of",
    "spendable",
    "step_price",
    "sum_of",
    "total_of",
    "volume_for",
]

_Tick = Decimal | Callable[[Decimal], Decimal | None] | None
_LEAST: Final = Decimal("1E-8")
_NUDGE: Final = Decimal("1E-12")
"""Less than any tick: a price this much above a valid one is rounded up to the next."""


@exactly
def exact_text(value: Decimal | None) -> str:
    """All digits of an amount, grouped, without trailing zeros; empty for None."""
    if value is None:
        return ""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def step_price(code: str, price: Decimal, steps: int, tick: _Tick = None) -> Decimal:
    """The valid price `steps` ticks above, or below if negative; at least one tick.

    A price between two valid ones goes to its neighbour with the first step.

    Args:
        code: the pair.
        price: zero or more.
        steps: the number of ticks.
        tick: gives the exchange's tick at a price, or None where the library's table says; a number is the
            tick of a quote currency without a table.

    Raises:
        ValueError: there is neither a table nor a tick.
    """
    for _ in range(abs(steps)):
        price = _next_price(code, price, steps > 0, tick)
    return price


@exactly
def _next_price(code: str, price: Decimal, up: bool, tick: _Tick) -> Decimal:
    nudged = max(price + _NUDGE if up else price - _NUDGE, _NUDGE)
    if callable(tick):
        tick = tick(nudged)
    elif quote_currency_of(code).ticks is not None:
        tick = None
    if tick is None:
        return round_to_tick(code, nudged, "up" if up else "down")
    count = int(nudged // tick)
    return tick * (count + 1 if up else max(count, 1))


@exactly
def nearest_price(code: str, price: float) -> Decimal:
    """The valid price nearest to a position on an axis, at least one tick.

    Where Upbit documents no ticks, those of a currency of similar value are used: the confirmation of an
    order shows the instrument's own.
    """
    ticks = quote_currency_of(code).likely_ticks
    exact = max(Decimal(repr(price)), ticks[-1][1]) if math.isfinite(price) else ticks[-1][1]
    try:
        return round_to_tick(code, exact)
    except ValueError:
        tick = next(tick for start, tick in ticks if exact >= start)
        return max((exact / tick).to_integral_value() * tick, tick)


@exactly
def total_of(price: Decimal, volume: Decimal) -> Decimal:
    """Price times volume, exactly."""
    return price * volume


@exactly
def sum_of(first: Decimal, second: Decimal) -> Decimal:
    """Two amounts together, exactly."""
    return first + second


@exactly
def volume_for(total: Decimal, price: Decimal) -> Decimal:
    """The largest volume whose total does not exceed `total`; zero if there is none."""
    return _rounded_down(total / price, _LEAST) if price > 0 else Decimal(0)


@exactly
def fee_of(total: Decimal, rate: Decimal) -> Decimal:
    """The fee of an order of this total."""
    return total * rate


@exactly
def cost_of(total: Decimal, rate: Decimal) -> Decimal:
    """What a buy of this total takes from the balance, fee included."""
    return total + fee_of(total, rate)


@exactly
def share_of(available: Decimal, percent: int) -> Decimal:
    """A percentage of the available amount, to eight decimals."""
    return _rounded_down(available * percent / 100, _LEAST)


@exactly
def spendable(available: Decimal, percent: int, rate: Decimal, quote: str) -> Decimal:
    """The largest total that a percentage of the available amount covers, fee included.

    Args:
        available: quote currency.
        percent: the percentage of it to spend.
        rate: the fee rate; 0.0005 is 0.05%.
        quote: the currency, for its smallest unit.
    """
    part = available * percent / 100
    # A currency without a smaller unit is spent in whole units.
    is_whole = quote_currency_of(quote).decimals == 0
    return _rounded_down(part / (1 + rate), Decimal(1) if is_whole else _LEAST)


@exactly
def away_from(price: Decimal, last: Decimal) -> Decimal:
    """The distance of a price from the last one, as a fraction of that; positive above."""
    return (price - last) / last


def _rounded_down(value: Decimal, least: Decimal) -> Decimal:
    """For functions under `exactly`."""
    return value.quantize(least, ROUND_DOWN)
