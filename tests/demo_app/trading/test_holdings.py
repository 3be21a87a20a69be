"""The value of an account is exact, and currencies without a price are counted."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from demo_app.trading.holdings import Holding, totals_of

D = Decimal
amounts = st.decimals("0", "1000000", places=8)
prices = st.none() | st.decimals("0.001", "1000000", places=4)


def test_the_value_of_a_holding_is_its_total_times_the_price() -> None:
    holding = Holding("BTC", D("0.5"), D("0.25"), D(100), D(110))
    assert (holding.total, holding.value, holding.cost, holding.profit) == (
        D("0.75"),
        D("82.5"),
        D(75),
        D("7.5"),
    )
    assert holding.profit_rate == D("0.1")


def test_money_has_its_own_value_and_no_profit() -> None:
    money = Holding("KRW", D(900), D(100), None, D(1), is_money=True)
    assert (money.value, money.cost, money.profit) == (1000, None, None)


def test_without_a_price_or_a_cost_profit_is_unknown() -> None:
    unlisted = Holding("XYZ", D(5), D(0), D(10), None)
    given_away = Holding("ABC", D(5), D(0), D(0), D(10))
    assert (unlisted.value, unlisted.profit, unlisted.profit_rate) == (None, None, None)
    assert (given_away.value, given_away.profit, given_away.profit_rate) == (50, None, None)
    totals = totals_of([unlisted, given_away, Holding("KRW", D(1), D(0), None, D(1), is_money=True)])
    assert (totals.assets, totals.bought, totals.profit, totals.unvalued) == (51, 0, 0, 1)
    assert totals.profit_rate is None


@given(st.lists(st.tuples(amounts, amounts, prices, prices), max_size=6))
def test_totals_are_the_sums_of_known_values(rows: list[tuple[Decimal, Decimal, Decimal, Decimal]]) -> None:
    holdings = [Holding(str(i), *row) for i, row in enumerate(rows)]
    totals = totals_of(holdings)
    valued = [each for each in holdings if each.total and each.value is not None]
    assert totals.assets == sum((each.value or 0 for each in valued), D(0))
    assert totals.bought == sum((each.cost or 0 for each in valued), D(0))
    assert totals.profit == sum((each.profit or 0 for each in valued), D(0))
    assert totals.unvalued == sum(1 for each in holdings if each.total and each.value is None)
