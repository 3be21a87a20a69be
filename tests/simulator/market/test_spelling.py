from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.market.spelling import Spell, fixed8, java_double, plain, rate, scaled, simple_size

DECIMALS = st.builds(
    lambda sign, digits, exponent: Decimal(f"{sign}{digits}E{exponent}"),
    st.sampled_from(["", "-"]),
    st.integers(0, 10**26),
    st.integers(-18, 6),
)


@pytest.mark.parametrize(
    ("spell", "value", "text"),
    [
        (fixed8, "158219000", "158219000.00000000"),
        (fixed8, "0", "0E-8"),
        (fixed8, "0.00000055", "5.5E-7"),
        (fixed8, "0.0007772", "0.00077720"),
        (java_double, "116539000", "1.16539E8"),
        (java_double, "20230", "20230.0"),
        (java_double, "0.0005", "5.0E-4"),
        (java_double, "10000000", "1.0E7"),
        (java_double, "9999999", "9999999.0"),
        (java_double, "0.00079276", "7.9276E-4"),
        (plain, "106705000.00000000", "106705000"),
        (plain, "1386929.37231066771348207123", "1386929.37231066771348207123"),
        (plain, "1E+8", "100000000"),
        (plain, "0E-8", "0"),
        (simple_size, "0.00000006", "6E-8"),
        (simple_size, "0.00000099", "9.9E-7"),
        (simple_size, "0.06288509", "0.06288509"),
        (simple_size, "0", "0"),
        (rate, "0E-10", "0"),
        (rate, "0.0000063211", "0.0000063211"),
        (scaled, "95078733694.3792000000000000", "95078733694.3792000000000000"),
        (scaled, "12.5", "12.50000000"),
    ],
)
def test_spellings_seen_on_the_wire(spell: Spell, value: str, text: str) -> None:
    assert spell(Decimal(value)) == text


@pytest.mark.parametrize("spell", [fixed8, java_double, plain, simple_size, rate, scaled])
@given(value=DECIMALS)
def test_no_spelling_changes_a_value(spell: Spell, value: Decimal) -> None:
    text = spell(value)
    assert Decimal(text) == value
    assert msgspec.json.decode(text.encode(), type=Decimal) == value
