"""How Upbit's frames spell numbers (protocol section 3.9).

They are by-products of Java's ``BigDecimal`` and ``double``: the same value is written differently in
different fields and formats. Each function writes one style from an exact `Decimal` and never changes
the value.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from qt_upbit.exact import EXACT

__all__ = ["STYLES", "Spell", "fixed8", "java_double", "plain", "rate", "scaled", "simple_size"]

Spell = Callable[[Decimal], str]
"""Writes a number as JSON text."""

_EIGHT: Final = Decimal("1E-8")


def fixed8(value: Decimal) -> str:
    """BigDecimal with eight decimals: ``158219000.00000000``, ``0E-8``, ``5.5E-7``."""
    if value.as_tuple().exponent == -8:
        return EXACT.to_sci_string(value)
    wide = value.quantize(_EIGHT, context=EXACT)
    return EXACT.to_sci_string(wide if wide == value else value).replace("E+", "E")


def plain(value: Decimal) -> str:
    """As few digits as possible, without exponent: ``106705000``, ``0.0099545``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def java_double(value: Decimal) -> str:
    """``Double.toString``: ``1.16539E8`` from 10^7, ``7.9276E-4`` below 10^-3, else ``20230.0``."""
    if not value:
        return "0.0"
    exponent = value.adjusted()
    if -3 <= exponent < 7:
        text = plain(value)
        return text if "." in text else text + ".0"
    sign = "-" if value.is_signed() else ""
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def simple_size(value: Decimal) -> str:
    """Sizes in SIMPLE books: like a double, but ``6E-8`` for the smallest and ``0`` for none."""
    if not value:
        return "0"
    if value.adjusted() < -6:
        return EXACT.to_sci_string(value.normalize(EXACT))
    return java_double(value)


def rate(value: Decimal) -> str:
    """A rate with ten decimals; a plain ``0`` for none."""
    return EXACT.to_sci_string(value) if value else "0"


def scaled(value: Decimal) -> str:
    """A turnover as BigDecimal's multiplication leaves it: at least eight decimals, with trailing zeros."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  # turnovers are numbers
    return format(value, "f") if exponent <= -8 else fixed8(value)


# (event type, field) -> (spelling in DEFAULT, spelling in SIMPLE)
STYLES: Final[dict[tuple[str, str], tuple[Spell, Spell]]] = {
    **{
        ("ticker", name): (fixed8, java_double)
        for name in ("opening_price", "high_price", "low_price", "trade_price")
    },
    **{
        ("ticker", name): (fixed8, fixed8)
        for name in (
            "prev_closing_price",
            "change_price",
            "signed_change_price",
            "highest_52_week_price",
            "lowest_52_week_price",
            "trade_volume",
            "acc_trade_volume",
            "acc_ask_volume",
            "acc_bid_volume",
            "acc_trade_volume_24h",
        )
    },
    ("ticker", "change_rate"): (rate, rate),
    ("ticker", "signed_change_rate"): (rate, rate),
    ("ticker", "acc_trade_price"): (scaled, scaled),
    ("ticker", "acc_trade_price_24h"): (plain, plain),
    ("trade", "trade_price"): (fixed8, java_double),
    ("trade", "trade_volume"): (fixed8, simple_size),
    ("trade", "prev_closing_price"): (fixed8, fixed8),
    ("trade", "change_price"): (fixed8, fixed8),
    ("orderbook", "total_ask_size"): (fixed8, simple_size),
    ("orderbook", "total_bid_size"): (fixed8, simple_size),
    ("orderbook_unit", "ask_price"): (java_double, plain),
    ("orderbook_unit", "bid_price"): (java_double, plain),
    ("orderbook_unit", "ask_size"): (fixed8, simple_size),
    ("orderbook_unit", "bid_size"): (fixed8, simple_size),
    **{
        ("candle", name): (fixed8, java_double)
        for name in ("opening_price", "high_price", "low_price", "trade_price")
    },
    ("candle", "candle_acc_trade_volume"): (fixed8, fixed8),
    ("candle", "candle_acc_trade_price"): (fixed8, plain),
}
"""Fields not listed use `plain`."""
