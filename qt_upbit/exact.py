"""`EXACT`: the decimal context of all amounts, whatever context the application has set for itself.

Results are exact up to a hundred digits; only quotients are rounded. Use its methods, or
``localcontext(EXACT)`` around operators; ``+x``, ``-x``, ``abs(x)`` and ``sum`` are operators too, and round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from typing import Final, ParamSpec, TypeVar

__all__ = ["EXACT", "exact_sum", "exactly", "plain_text", "quotient"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

EXACT: Final = Context(
    prec=100,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""Every parameter is given: those left out would be taken from `decimal.DefaultContext`."""


_QUOTIENTS: Final = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)


def exactly(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function under `EXACT`, for those with many operators; not for generators."""

    @functools.wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return run


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """A quotient to 28 digits, as Python's default has it."""
    return _QUOTIENTS.divide(dividend, divisor)


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum, exactly."""
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total


def plain_text(value: Decimal) -> str:
    """All digits without exponent, and without trailing zeros after the point."""
    with localcontext(EXACT):
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
