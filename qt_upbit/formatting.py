"""Numbers as people read them: prices by their tick, volumes, amounts, percent. Knows no Qt.

Exact: nothing is rounded but to the places shown, and a price that lies between two ticks keeps its digits.
"""

from __future__ import annotations

import functools
import math
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from qt_upbit.exact import EXACT, exactly
from qt_upbit.regions import quote_currency_of

__all__ = ["format_amount", "format_percent", "format_price", "format_volume"]

_NOTHING: Final = "–"
_FINEST: Final = Decimal("0.00000001")
"""Upbit quotes and trades with at most eight places."""
_MOST_DIGITS: Final = 40
"""Before the point; a larger number is none of an exchange, and is written with an exponent."""

Number = Decimal | float | int


def format_price(code: str, price: Number | None, *, tick: Decimal | None = None) -> str:
    """A price, grouped, with the places of the pair's tick at that price: ``158,201,000`` and ``0.00231``.

    A price with more places than its tick, such as an average, keeps them, up to eight.

    Args:
        code: the pair, or its quote currency: ``KRW-BTC`` or ``KRW``.
        price: in the quote currency; a dash for None and for what is not a number.
        tick: the pair's own tick from `RestClient.get_instruments`, where it is known.
    """
    value = _exact(price)
    if value is None:
        return _NOTHING
    step = _tick_at(code.partition("-")[0], abs(value)) if tick is None else tick
    return _grouped(value, max(_places(step), _places(value)))


def format_volume(volume: Number | None) -> str:
    """A volume, grouped, with every place it has, up to eight: ``0.00063``, ``12,345.5``; a dash for None."""
    value = _exact(volume)
    return _NOTHING if value is None else _grouped(value, _places(value))


def format_amount(code: str, amount: Number | None) -> str:
    """Money in a pair's quote currency, as that is written: ``1,234,567`` won, ``1,234.50`` dollars.

    Args:
        code: the pair, or the currency: ``KRW-BTC`` or ``KRW``.
        amount: what was paid, received or held; a dash for None.
    """
    value = _exact(amount)
    return _NOTHING if value is None else _grouped(value, quote_currency_of(code).decimals)


@exactly
def format_percent(fraction: Number | None, *, places: int = 2, sign: bool = True) -> str:
    """A fraction as percent: 0.0123 is ``+1.23%``; a dash for None.

    Args:
        fraction: 1 is 100 %, as in ``TickerEvent.signed_change_rate``.
        places: shown after the point.
        sign: whether a plus is shown; zero has none.
    """
    value = _exact(fraction)
    if value is None:
        return _NOTHING
    text = _grouped(value * 100, places)
    return f"+{text}%" if sign and value > 0 and text.strip("0.,") else f"{text}%"


def _exact(value: Number | None) -> Decimal | None:
    """The number that a person would write: of a float its shortest digits."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | float | int):
        raise TypeError(f"a number such as Decimal('158201000') is needed, not {type(value).__name__}")
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    number = Decimal(value)
    return number if number.is_finite() else None


def _places(value: Decimal) -> int:
    """How many places a number has after the point, up to eight, trailing zeros aside."""
    if abs(value.adjusted()) > _MOST_DIGITS:
        return 0
    exponent = value.quantize(_FINEST, ROUND_HALF_EVEN, EXACT).normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


@functools.lru_cache(maxsize=1024)
def _tick_at(quote: str, price: Decimal) -> Decimal:
    return next(tick for start, tick in quote_currency_of(quote).likely_ticks if price >= start)


@exactly
def _grouped(value: Decimal, places: int) -> str:
    if value.adjusted() > _MOST_DIGITS:
        return f"{value:.8e}"
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    # A negative that rounds to nothing is written as nothing.
    return f"{rounded if rounded else abs(rounded):,f}"
