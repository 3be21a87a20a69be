"""Amounts are the same whatever decimal context the application has set."""

from __future__ import annotations

import decimal
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exact import EXACT, exact_sum, plain_text

HOSTILE = decimal.Context(
    prec=3, rounding=decimal.ROUND_UP, Emin=-2, Emax=2, capitals=0, clamp=1,
    traps=[decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.Clamped, decimal.FloatOperation],
)  # fmt: skip
AMOUNTS = st.decimals("-1E+12", "1E+12", places=8)


@given(st.lists(AMOUNTS, max_size=20))
def test_a_sum_is_exact(values: list[D]) -> None:
    with decimal.localcontext(HOSTILE):
        total, texts = exact_sum(values), [plain_text(value) for value in values]
    assert total == D(sum(int(value.scaleb(8, EXACT)) for value in values)).scaleb(-8, EXACT)
    assert [D(text) for text in texts] == values
    assert all("e" not in text.lower() and not (("." in text) and text.endswith("0")) for text in texts)


def test_division_by_zero_and_nonsense_still_raise() -> None:
    with pytest.raises(decimal.DivisionByZero):
        EXACT.divide(D(1), D(0))
    with pytest.raises(decimal.InvalidOperation):
        EXACT.create_decimal("many")
