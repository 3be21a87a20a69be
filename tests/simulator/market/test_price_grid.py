from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.market.price_grid import PriceGrid, from_units, to_units, turnover

PRICES = st.integers(1, 10**17)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("158000000", "1000"),
        ("1000000", "1000"),
        ("999999", "500"),
        ("500000", "500"),
        ("100000", "100"),
        ("50000", "50"),
        ("10000", "10"),
        ("5000", "5"),
        ("4999", "1"),
        ("100", "1"),
        ("99.9", "0.1"),
        ("1", "0.01"),
        ("0.5", "0.001"),
        ("0.05", "0.0001"),
        ("0.005", "0.00001"),
        ("0.0005", "0.000001"),
        ("0.00005", "0.0000001"),
        ("0.000005", "0.00000001"),
    ],
)
def test_the_won_table(price: str, tick: str) -> None:
    """The table of protocol section 9.4."""
    assert from_units(PriceGrid("KRW").tick(to_units(Decimal(price)))) == Decimal(tick)


@given(st.sampled_from(["KRW", "BTC", "USDT"]), PRICES)
def test_snap_gives_a_valid_price_at_or_below(quote: str, price: int) -> None:
    grid = PriceGrid(quote)
    valid = grid.snap(price)
    assert 0 < valid <= price
    assert grid.snap(valid) == valid
    assert price - valid < grid.tick(price)


@given(st.sampled_from(["KRW", "BTC", "USDT"]), PRICES)
def test_up_and_down_undo_each_other(quote: str, price: int) -> None:
    grid = PriceGrid(quote)
    valid = grid.snap(price)
    assert grid.down(grid.up(valid)) == valid
    if grid.down(valid) != valid:
        assert grid.up(grid.down(valid)) == valid


@given(st.integers(0, 10**40))
def test_turnovers_are_exact(units: int) -> None:
    value = turnover(units)
    assert str(value.as_tuple().digits) == str(Decimal(units).as_tuple().digits)
    assert value.as_tuple().exponent == -16


def test_more_than_eight_decimals_are_refused() -> None:
    with pytest.raises(ValueError, match="eight decimals"):
        to_units(Decimal("0.000000001"))
