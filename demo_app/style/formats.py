"""Numbers as a trader reads them: grouped, never in exponent form. Knows no Qt."""

from __future__ import annotations

import functools
import math
from decimal import ROUND_HALF_EVEN, Decimal

from qt_upbit import exactly, quote_currency_of

__all__ = [
    "amount",
    "decimals_of",
    "fee_decimals",
    "funds",
    "percent",
    "price",
    "short",
    "size",
    "volume_decimals",
]


@functools.cache
def _ten_won(quote: str) -> float:
    """The approximate value of ten won in a quote currency."""
    return float(f"{10 * quote_currency_of(quote).per_won:.0e}")


@functools.cache
@exactly
def _steps(quote: str) -> tuple[tuple[float, int], ...]:
    """Pairs of lowest price and decimals, from the tick table."""
    return tuple(
        (float(start), max(0, -int(tick.normalize().as_tuple().exponent)))
        for start, tick in quote_currency_of(quote).likely_ticks
    )


def decimals_of(value: Decimal | float, quote: str = "KRW") -> int:
    """The number of decimals shown for a price of this magnitude (Upbit's tick sizes).

    Args:
        value: the price.
        quote: its currency; BTC prices always have eight.
    """
    magnitude = abs(float(value))
    return next((digits for start, digits in _steps(quote) if magnitude >= start), 8)


@exactly
def price(value: Decimal | float | None, quote: str = "KRW", decimals: int | None = None) -> str:
    """A price with the decimals of its magnitude, or with given ones; a dash for None."""
    if value is None:
        return "–"
    digits = decimals_of(value, quote) if decimals is None else decimals
    return f"{value:,.{digits}f}"


def volume_decimals(price: Decimal | float, quote: str = "KRW") -> int:
    """The number of decimals for a pair's volumes: enough for a resolution of about ten won.

    Args:
        price: the pair's price, for its magnitude.
        quote: its currency.
    """
    worth = abs(float(price)) / _ten_won(quote)
    return min(8, max(0, math.ceil(math.log10(worth)))) if worth > 0 else 8


def fee_decimals(quote: str) -> int:
    """The maximum number of decimals of a fee, which is a small part of an amount."""
    return 2 if quote_currency_of(quote).decimals == 0 else 8


@exactly
def size(value: Decimal | float | None, digits: int = 4) -> str:
    """A volume; small ones get the decimals they need, at most eight."""
    if value is None:
        return "–"
    magnitude = abs(float(value))
    if magnitude >= 100_000:
        digits = 0
    elif magnitude >= 1_000:
        digits = min(digits, 2)
    elif 0 < magnitude < 0.001:
        digits = 8
    return f"{value:,.{digits}f}"


@exactly
def amount(value: Decimal | None, digits: int = 8) -> str:
    """An exact amount: all its decimals up to `digits`, without trailing zeros."""
    if value is None:
        return "–"
    rounded = (
        value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN) if _is_long(value, digits) else value
    )
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _is_long(value: Decimal, digits: int) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -exponent > digits


def funds(value: Decimal | None, quote: str) -> str:
    """A total or a value in a quote currency: whole units where it has no smaller one; a dash for None."""
    return amount(value, 0 if quote_currency_of(quote).decimals == 0 else 8)


@exactly
def percent(fraction: Decimal | float | None, *, sign: bool = True) -> str:
    """A fraction as a percentage: 0.0123 is +1.23%."""
    if fraction is None:
        return "–"
    text = f"{fraction * 100:{'+' if sign else ''}.2f}%"
    # A tiny fall rounds to nothing: a sign would say that there was one.
    return text[1:] if sign and text.strip("+-") == "0.00%" else text.replace("-0.00%", "0.00%")


def short(value: Decimal | float | None, *, korean: bool) -> str:
    """A large amount in few characters: 억 and 조, or M and B; a small one as it is; a dash for None."""
    if value is None:
        return "–"
    number = float(value)
    if abs(number) < 100_000:
        return f"{number:,.2f}" if abs(number) < 100 else f"{number:,.0f}"
    steps = (
        ((1e12, "조"), (1e8, "억"), (1e4, "만"))
        if korean
        else ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
    )
    scaled, name = next((number / unit, name) for unit, name in steps if abs(number) >= unit)
    return f"{scaled:,.1f}{name}" if abs(scaled) < 100 else f"{scaled:,.0f}{name}"
