"""Prices as a trader reads them, compared with Decimal's own arithmetic."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.style import formats

_QUOTES = st.sampled_from(["KRW", "BTC", "USDT", "SGD", "IDR", "THB"])
_AMOUNTS = st.decimals("0", "1e15", allow_nan=False, allow_infinity=False, places=8)
_PLAIN = re.compile(r"-?(\d{1,3})(,\d{3})*(\.\d+)?")


@given(_AMOUNTS, _QUOTES)
def test_a_price_is_grouped_and_rounded_as_decimal_rounds(value: Decimal, quote: str) -> None:
    digits = formats.decimals_of(value, quote)
    text = formats.price(value, quote)
    assert _PLAIN.fullmatch(text)
    exact = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    assert Decimal(text.replace(",", "")) == exact
    assert len(text.partition(".")[2]) == digits


@given(_AMOUNTS)
def test_an_amount_keeps_every_decimal(value: Decimal) -> None:
    text = formats.amount(value)
    assert _PLAIN.fullmatch(text)
    assert Decimal(text.replace(",", "")) == value
    assert "." not in text or text[-1] not in "0."


@given(st.decimals("-1e12", "1e12", allow_nan=False, allow_infinity=False))
def test_no_number_is_in_exponent_form(value: Decimal) -> None:
    for text in (
        formats.price(value),
        formats.price(float(value), "BTC"),
        formats.amount(value),
        formats.size(value),
        formats.size(float(value)),
        formats.percent(value),
        formats.percent(float(value)),
        formats.short(value, korean=True),
        formats.short(value, korean=False),
    ):
        assert "e" not in text.lower(), text


@pytest.mark.parametrize(
    ("value", "quote", "text"),
    [
        ("157989000", "KRW", "157,989,000"),
        ("1234.5", "KRW", "1,234"),
        ("100", "KRW", "100"),
        ("12.3", "KRW", "12.3"),
        ("1.23", "KRW", "1.23"),
        ("0.123", "KRW", "0.123"),
        ("0.00001234", "KRW", "0.0000123"),
        ("0.000001234", "KRW", "0.00000123"),
        ("4630.12", "SGD", "4,630.12"),
        ("1500000000", "IDR", "1,500,000,000"),
        ("0.00012345", "BTC", "0.00012345"),
        ("1E-8", "BTC", "0.00000001"),
        ("3000", "USDT", "3,000.00"),
        ("0.5", "USDT", "0.5000"),
        ("0", "KRW", "0.00000000"),
    ],
)
def test_decimals_follow_the_tick_of_the_magnitude(value: str, quote: str, text: str) -> None:
    assert formats.price(Decimal(value), quote) == text


def test_an_unknown_value_is_a_dash() -> None:
    assert formats.price(None) == formats.size(None) == formats.amount(None) == formats.percent(None) == "–"


@pytest.mark.parametrize(
    ("value", "korean", "english"),
    [
        ("318160000000", "3,182억", "318B"),
        ("1234567890123", "1.2조", "1.2T"),
        ("55000", "55,000", "55,000"),
        ("550000", "55.0만", "550K"),
        ("12.5", "12.50", "12.50"),
        ("0", "0.00", "0.00"),
    ],
)
def test_large_amounts_in_each_language(value: str, korean: str, english: str) -> None:
    assert formats.short(Decimal(value), korean=True) == korean
    assert formats.short(Decimal(value), korean=False) == english


def test_per_cent_has_a_sign_only_where_it_is_a_change() -> None:
    assert formats.percent(Decimal("0.025")) == "+2.50%"
    assert formats.percent(Decimal("-0.0001")) == "-0.01%"
    assert formats.percent(Decimal(1), sign=False) == "100.00%"


@pytest.mark.parametrize("sign", [True, False])
@pytest.mark.parametrize("fraction", ["0", "-0", "0.00001", "-0.00001", "-0.00004999"])
def test_nothing_has_no_sign(fraction: str, sign: bool) -> None:
    """A change that rounds to nothing reads neither as a fall nor as a rise."""
    assert formats.percent(Decimal(fraction), sign=sign) == "0.00%"
    assert formats.percent(float(fraction), sign=sign) == "0.00%"


def test_the_least_change_that_is_shown_has_its_sign() -> None:
    assert formats.percent(Decimal("0.00006")) == "+0.01%"
    assert formats.percent(Decimal("-0.00006")) == "-0.01%"
    assert formats.percent(Decimal("-0.00006"), sign=False) == "-0.01%"


def test_funds_are_whole_where_the_currency_is() -> None:
    assert formats.funds(Decimal("1234567.8"), "KRW") == "1,234,568"
    assert formats.funds(Decimal("0.12345678"), "BTC") == "0.12345678"
    assert formats.funds(None, "KRW") == "–"
