"""The order form's results are exact, affordable, and valid prices of the exchange."""

from __future__ import annotations

import re
from decimal import ROUND_UP, Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.trading import order_entry as entry
from qt_upbit import AskBid, OrderType, check_order, round_to_tick

prices = st.decimals("0.00000001", "200000000", places=8)
amounts = st.decimals("0", "9999999999", places=8)
volumes = st.decimals("0.00000001", "1000000", places=8)
rates = st.sampled_from([Decimal(rate) for rate in ("0", "0.0005", "0.00139", "0.0025")])
percents = st.sampled_from([10, 25, 50, 100])
blanks = st.text(" \t\u00a0\u3000", max_size=3)
codes = st.sampled_from(["KRW-BTC", "USDT-XRP", "BTC-ETH"])


@given(codes, prices)
def test_a_step_goes_to_the_very_next_valid_price(code: str, price: Decimal) -> None:
    up = entry.step_price(code, price, 1)
    down = entry.step_price(code, up, -1)
    assert up > price
    assert round_to_tick(code, up, "up") == up
    # No valid price is between: a valid one comes back, an invalid one goes below.
    assert down == round_to_tick(code, price, "down")


@given(codes, prices, st.integers(1, 6))
def test_steps_up_and_down_return_to_the_start(code: str, price: Decimal, steps: int) -> None:
    valid = round_to_tick(code, price)
    assert entry.step_price(code, entry.step_price(code, valid, steps), -steps) == valid


def test_ticks_change_where_the_table_says() -> None:
    def step(price: str, steps: int) -> Decimal:
        return entry.step_price("KRW-BTC", Decimal(price), steps)

    assert step("1000000", -1) == 999_500
    assert step("999500", 1) == 1_000_000
    assert step("1000000", 1) == 1_001_000
    assert step("100", -1) == Decimal("99.9")
    assert step("0", -1) == Decimal("1E-8")
    assert step("0", 1) == Decimal("1E-8")


def test_without_a_table_the_instruments_tick_applies() -> None:
    tick = Decimal("0.05")
    assert entry.step_price("SGD-BTC", Decimal("10.02"), 1, tick) == Decimal("10.05")
    assert entry.step_price("SGD-BTC", Decimal("10.05"), -1, tick) == Decimal("10.00")
    assert entry.step_price("SGD-BTC", Decimal("0.05"), -1, tick) == tick
    with pytest.raises(ValueError, match="tick"):
        entry.step_price("SGD-BTC", Decimal(10), 1)


@given(prices, amounts)
def test_volume_for_is_the_largest_volume_within_the_total(price: Decimal, total: Decimal) -> None:
    volume = entry.volume_for(total, price)
    assert entry.total_of(price, volume) <= total
    assert entry.total_of(price, volume + Decimal("1E-8")) > total


@given(prices, volumes)
def test_total_and_volume_round_trip(price: Decimal, volume: Decimal) -> None:
    assert entry.volume_for(entry.total_of(price, volume), price) == volume


@given(amounts, percents, rates, st.sampled_from(["KRW", "USDT", "BTC"]))
def test_spendable_covers_the_fee(available: Decimal, percent: int, rate: Decimal, quote: str) -> None:
    total = entry.spendable(available, percent, rate, quote)
    least = Decimal(1) if quote == "KRW" else Decimal("1E-8")
    part = available * percent / 100
    assert total + entry.fee_of(total, rate) <= part
    assert total + least + entry.fee_of(total + least, rate) > part


@given(amounts, percents)
def test_a_share_is_never_more_than_available(available: Decimal, percent: int) -> None:
    share = entry.share_of(available, percent)
    assert share <= available
    assert 0 <= available * percent - share * 100 < Decimal("1E-6")


@given(st.decimals("0", "99999999999", places=8))
def test_numbers_are_read_as_they_are_written(value: Decimal) -> None:
    assert entry.read_number(entry.exact_text(value)) == value


def _grouped(digits: str) -> str:
    """With commas, computed independently of the program."""
    return ",".join(filter(None, [digits[: len(digits) % 3], *re.findall("...", digits[len(digits) % 3 :])]))


@given(st.integers(0, 10**20 - 1), st.text("0123456789", max_size=20), blanks, blanks, st.booleans())
def test_every_number_format_is_read(
    whole: int, decimals: str, before: str, after: str, is_grouped: bool
) -> None:
    digits = _grouped(str(whole)) if is_grouped else str(whole)
    text = f"{digits}.{decimals}" if decimals else digits
    expected = whole + Fraction(int(decimals or 0), 10 ** len(decimals))
    value = entry.read_number(f"{before}{text}{after}")
    assert value is not None
    assert Fraction(value) == expected


@given(st.text("0123456789,,,..+-eE_ ' １５，．٣\u00a0원₩", max_size=14))
def test_the_parsed_number_equals_the_text(text: str) -> None:
    value, plain = entry.read_number(text), text.strip()
    digits, _, decimals = plain.partition(".")
    is_number = re.fullmatch("[0-9]*", digits.replace(",", "") + decimals) is not None
    is_number &= any(each in "0123456789" for each in plain)
    if "," in plain:
        is_number &= digits[:1] != "0" and _grouped(digits.replace(",", "")) == digits
    assert (value is not None) == is_number
    if value is not None:
        assert value == Decimal(plain.replace(",", ""))


@given(st.text("0123456789,.", max_size=30))
def test_read_number_ignores_the_decimal_context(text: str) -> None:
    usual = entry.read_number(text)
    with localcontext(Context(prec=3, Emax=3, Emin=-3, traps=[Inexact, Rounded, InvalidOperation, Overflow])):
        here = entry.read_number(text)
        assert str(here) == str(usual)
        said = entry.exact_text(here)
    assert said == entry.exact_text(usual)


@given(prices, volumes, amounts, percents, rates)
def test_the_arithmetic_does_not_depend_on_the_decimal_context(
    price: Decimal, volume: Decimal, amount: Decimal, percent: int, rate: Decimal
) -> None:
    tick = Decimal("0.0005")

    def results() -> list[str]:
        found = [
            entry.total_of(price, volume),
            entry.volume_for(amount, price),
            entry.fee_of(amount, rate),
            entry.cost_of(amount, rate),
            entry.share_of(amount, percent),
            entry.spendable(amount, percent, rate, "KRW"),
            entry.away_from(price, price),
            entry.away_from(amount, price),
            entry.step_price("SGD-BTC", price, 2, tick),
            entry.step_price("SGD-BTC", price, -2, tick),
        ]
        return list(map(str, found))

    usual = results()
    with localcontext(Context(prec=3, rounding=ROUND_UP)):
        assert results() == usual


@pytest.mark.parametrize(
    "text", ["", " ", ".", "-1", "1e5", "NaN", "1.2.3", "12a", "١٢", "0,5", "1,23", "0,001"]
)
def test_text_that_is_not_a_number_is_none(text: str) -> None:
    assert entry.read_number(text) is None


def test_an_order_of_the_whole_balance_passes_the_librarys_checks() -> None:
    available, rate, price = Decimal("1234567.89012345"), Decimal("0.0005"), Decimal(155_772_000)
    volume = entry.volume_for(entry.spendable(available, 100, rate, "KRW"), price)
    fields = check_order("KRW-BTC", AskBid.BID, OrderType.LIMIT, price=price, volume=volume)
    total = entry.total_of(price, Decimal(fields["volume"]))
    assert available - price / 10**8 < total + entry.fee_of(total, rate) + 2 <= available + 2


def test_distance_from_the_last_price() -> None:
    assert entry.away_from(Decimal(110), Decimal(100)) == Decimal("0.1")
    assert entry.away_from(Decimal(95), Decimal(100)) == Decimal("-0.05")
