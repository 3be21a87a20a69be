"""Tick sizes at the edges of the tables; orders against them: tests/protocol/test_order_check.py."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.protocol.tick_sizes import TICK_SIZES, round_to_tick, tick_size


@pytest.mark.parametrize("quote", TICK_SIZES)
def test_a_row_holds_from_its_price_on(quote: str) -> None:
    rows = TICK_SIZES[quote]
    assert [start for start, _ in rows] == sorted((start for start, _ in rows), reverse=True)
    for index, (start, tick) in enumerate(rows):
        assert tick > 0
        if start:
            assert tick_size(quote, start) == tick
            below = rows[index + 1][1] if index + 1 < len(rows) else tick
            assert tick_size(quote, start - Decimal("1E-12")) == below


@pytest.mark.parametrize("quote", ["SGD", "IDR", "THB", "XYZ", ""])
def test_where_there_is_no_table_nothing_is_guessed(quote: str) -> None:
    assert tick_size(quote, Decimal(1000)) is None
    with pytest.raises(ValueError, match="take tick_size of the instruments"):
        round_to_tick(f"{quote}-BTC", Decimal(1000))


@pytest.mark.parametrize("price", ["0", "-1", "NaN"])
def test_no_price_is_refused(price: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        round_to_tick("KRW-BTC", Decimal(price))


def test_the_lower_one_of_two_that_are_equally_near() -> None:
    assert round_to_tick("KRW-BTC", Decimal(100_000_500)) == 100_000_000
    assert round_to_tick("KRW-BTC", Decimal(100_000_501)) == 100_001_000


@given(
    quote=st.sampled_from(sorted(TICK_SIZES)),
    price=st.decimals("0.00000001", "1e10", places=8, allow_nan=False, allow_infinity=False),
)
def test_a_rounded_price_is_valid_and_stays(quote: str, price: Decimal) -> None:
    code = f"{quote}-ETH"
    low, near, high = (round_to_tick(code, price, how) for how in ("down", "nearest", "up"))
    assert low <= near <= high
    for rounded in (low, near, high):
        assert rounded > 0
        assert round_to_tick(code, rounded) == rounded
