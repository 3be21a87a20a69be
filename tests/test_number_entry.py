"""What a person types is read as meant, or not at all."""

from __future__ import annotations

import decimal
from decimal import Decimal as D

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qt_upbit import read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("155772000", "155772000"),
        ("155,772,000", "155772000"),
        ("1,234.5", "1234.5"),
        ("1,000,000.00000001", "1000000.00000001"),
        ("0.00000001", "0.00000001"),
        (".5", "0.5"),
        ("12.", "12"),
        ("0", "0"),
        ("007", "7"),
        ("  12\t", "12"),
        ("\u00a0155,772\u3000", "155772"),
        ("\u2009\u202f7\r\n", "7"),
        ("12345678901234567890.12345678901234567890", "12345678901234567890.12345678901234567890"),
    ],
)
def test_what_is_meant_is_read(text: str, number: str) -> None:
    assert read_number(text) == D(number)


@pytest.mark.parametrize(
    "text",
    [
        "１５５", "１，２３４．５", "1，000", "1．5", "\ufeff42", "42\u200b", "\u200e42",
        "", " ", ".", ",", "0,5", "1,5", "0,001", "00,123", "1,23", "1,2345", "1234,567", "12,34,567",
        ",123", "1,",
        "1,,234", "1.234,56", "1.2.3", "1.000,000", "0.1,234",
        "155 772 000", "155\u00a0772", "1\u200b2", "+5", "-5", "\u22125",
        "1e5", "1E-8", "1_000", "NaN", "Infinity", "inf", "0x10", "₩155,772", "155,772원", "$5", "50%",
        "٣", "३", "二", "½", "²",
        "1\n2", "1'000", "1\u066b5", "1\u060c000", "123456789012345678901",
    ],
)  # fmt: skip
def test_everything_else_is_wrong(text: str) -> None:
    assert read_number(text) is None


@given(
    st.integers(0, 10**18), st.integers(0, 10**8 - 1), st.sampled_from(["", " ", "\u3000", "\t", "\u2009"])
)
def test_a_number_written_with_or_without_groups_is_that_number(whole: int, part: int, blank: str) -> None:
    number = D(f"{whole}.{part:08d}")
    for text in (f"{number:f}", f"{whole:,}.{part:08d}"):
        assert read_number(blank + text + blank) == number


@given(st.text(alphabet="0123456789.,٣５ ,", max_size=12))
@example("0,5")
def test_no_text_is_read_as_another_number(text: str) -> None:
    """Whatever is accepted says the same to someone who knows only points and groups of three."""
    number = read_number(text)
    if number is None:
        return
    plain = text.strip()
    whole, _, fraction = plain.partition(".")
    assert "," not in fraction
    groups = whole.split(",")
    assert len(groups) == 1 or (
        all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3 and groups[0][0] != "0"
    )
    assert number == D(f"{whole.replace(',', '') or '0'}.{fraction or '0'}")


def test_the_ambient_context_changes_nothing() -> None:
    with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.Inexact, decimal.Rounded])):
        assert read_number("155,772,000.12345678") == D("155772000.12345678")
