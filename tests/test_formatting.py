"""Numbers as people read them, on real frames and on any number."""

from __future__ import annotations

import json
from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import TickerEvent, format_amount, format_percent, format_price, format_volume, from_dict
from qt_upbit.regions import QUOTE_CURRENCIES
from tests.support.programs import ROOT


def frames(name: str) -> list[dict[str, object]]:
    text = (ROOT / "tests" / "data" / f"{name}.default.jsonl").read_text(encoding="utf-8")
    return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]


def test_the_price_of_a_real_frame() -> None:
    ticker = from_dict(frames("ticker")[0])
    assert isinstance(ticker, TickerEvent)
    assert str(ticker.trade_price) == "158201000.00000000", "as sent"
    assert format_price(ticker.code, ticker.trade_price) == "158,201,000"
    assert format_volume(ticker.trade_volume) == "0.00006321"
    assert format_percent(ticker.signed_change_rate) == "0.00%"


@pytest.mark.parametrize(
    ("code", "price", "text"),
    [
        ("KRW-BTC", "158201000.00000000", "158,201,000"),
        ("KRW", "158201000", "158,201,000"),
        ("KRW-ETH", "5000", "5,000"),
        ("KRW-XRP", "5000.5", "5,000.5"),  # an average
        ("KRW-DOGE", "99.9", "99.9"),
        ("KRW-DOGE", "12", "12.0"),
        ("KRW-SHIB", "0.00231", "0.00231"),
        ("KRW-SHIB", "0.0023", "0.00230"),
        ("KRW-PEPE", "1E-8", "0.00000001"),
        ("BTC-ETH", "0.033", "0.03300000"),
        ("USDT-BTC", "113250.1", "113,250.10"),
        ("USDT-XRP", "0.51", "0.5100"),
        ("SGD-BTC", "150000", "150,000.00"),
        ("IDR-BTC", "1830000000", "1,830,000,000"),
        ("EUR-BTC", "97000.5", "97,000.50"),
        ("KRW-BTC", "-1000", "-1,000"),
        ("KRW-BTC", "-0.000000001", "0.00000000"),
        ("KRW-BTC", "NaN", "–"),
        ("KRW-BTC", "sNaN", "–"),
        ("KRW-BTC", "Infinity", "–"),
        ("KRW-BTC", "1E+999", "1.00000000e+999"),
    ],
)
def test_a_price_has_the_places_of_its_tick(code: str, price: str, text: str) -> None:
    assert format_price(code, Decimal(price)) == text


def test_a_pairs_own_tick_goes_before_the_table() -> None:
    assert format_price("SGD-BTC", 150000, tick=Decimal(1)) == "150,000"
    assert format_price("KRW-BTC", 158201000, tick=Decimal("0.1")) == "158,201,000.0"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1 + 0.2, "0.3"), (1e-8, "0.00000001"), (12345.5, "12,345.5"), (7, "7"), (None, "–"), (0, "0")],
)
def test_volumes_and_floats(value: float | None, text: str) -> None:
    assert format_volume(value) == text


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [("KRW-BTC", "1234567.8", "1,234,568"), ("USDT", "1234.5", "1,234.50"), ("BTC", "1", "1.00000000")],
)
def test_amounts(code: str, value: str, text: str) -> None:
    assert format_amount(code, Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.0123", "+1.23%"), ("-0.0123", "-1.23%"), ("0", "0.00%"), ("0.00001", "0.00%"), ("12", "+1,200.00%")],
)
def test_percent(value: str, text: str) -> None:
    assert format_percent(Decimal(value)) == text
    assert format_percent(Decimal(value), sign=False) == text.removeprefix("+")


@pytest.mark.parametrize("wrong", ["158201000", True, [1]])
def test_what_is_no_number_is_refused(wrong: object) -> None:
    for call in (lambda: format_price("KRW-BTC", wrong), lambda: format_volume(wrong)):  # type: ignore[arg-type]  # wrong on purpose
        with pytest.raises(TypeError, match="a number such as"):
            call()


prices = st.decimals(0, 10**12, places=8, allow_nan=False)


@given(st.sampled_from(sorted(QUOTE_CURRENCIES)), prices)
def test_nothing_of_a_price_is_lost(quote: str, price: Decimal) -> None:
    with localcontext(Context(prec=3)):  # whatever the application has set
        text = format_price(f"{quote}-X", price)
    assert Decimal(text.replace(",", "")) == price
    assert format_price(f"{quote}-X", -price).lstrip("-") == text
    assert all(len(group) == 3 for group in text.partition(".")[0].split(",")[1:])


@given(st.one_of(st.floats(), st.decimals(), st.integers()))
def test_any_number_is_written_shortly(value: float | Decimal | int) -> None:
    for text in (
        format_price("KRW-BTC", value),
        format_volume(value),
        format_percent(value),
        format_amount("KRW", value),
    ):
        assert 0 < len(text) < 80
