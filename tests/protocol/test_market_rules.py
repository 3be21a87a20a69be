"""The exchange's rules win, in the band where they are known; elsewhere nothing valid is refused."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import InvalidOrderError
from qt_upbit.protocol.market_rules import MarketRules, RuleBook
from qt_upbit.protocol.order_check import check_order
from qt_upbit.protocol.tick_sizes import TICK_SIZES, tick_size
from qt_upbit.types import AskBid


def is_valid(rules: MarketRules, price: str) -> bool:
    volume = 1_000_000 / D(price) // 1 + 1
    given = rules.order_rules(AskBid.BID, D(price))
    try:
        check_order(rules.code, "BID", "limit", price=price, volume=volume, rules=given)
    except InvalidOrderError as error:
        return error.market_rule != "tick_size"
    return True


@pytest.mark.parametrize(
    ("code", "tick", "at", "valid", "invalid"),
    [
        ("KRW-USDT", "0.5", "1408", ["1385.5", "1390", "1400.0"], ["1385.25", "1385.3"]),
        ("KRW-BTC", "500", "150000000", ["150000500", "149999000"], ["150000250", "150000001"]),
        ("KRW-BTC", "2000", "150000000", ["150002000"], ["150001000"]),
        ("KRW-XRP", "1", "4000", ["4001", "10010", "99.9"], ["4000.5", "10011", "99.95"]),
    ],
)
@pytest.mark.parametrize("knows_price", [True, False])
def test_the_exchanges_tick_wins(
    code: str, tick: str, at: str, valid: list[str], invalid: list[str], knows_price: bool
) -> None:
    rules = MarketRules(code=code, tick_size=D(tick), price=D(at) if knows_price else None)
    for price in valid:
        assert is_valid(rules, price), price
    for price in invalid:
        assert not is_valid(rules, price) or (not knows_price and price in ("150001000", "10011")), price


@pytest.mark.parametrize("code", ["SGD-BTC", "THB-XRP", "IDR-ETH"])
def test_in_regions_the_tick_of_the_present_price_is_not_that_of_other_bands(code: str) -> None:
    rules = MarketRules(code=code, tick_size=D("0.1"), price=D(150))
    assert is_valid(rules, "150.1")
    assert not is_valid(rules, "150.15")
    for other in ("90.05", "9.001", "0.12345", "1500.25"):
        assert is_valid(rules, other), "another band: the exchange decides"
    unknown = MarketRules(code=code, tick_size=D("0.1"))
    assert is_valid(unknown, "150.15"), "where the tick holds is not known"


@given(st.sampled_from(["KRW", "BTC", "USDT"]), st.integers(1, 10**17), st.integers(1, 10**17))
def test_a_tick_that_agrees_with_the_table_confirms_it(quote: str, now: int, price: int) -> None:
    at, wanted = D(now).scaleb(-8), D(price).scaleb(-8)
    tick = tick_size(quote, at)
    rules = MarketRules(code=f"{quote}-XYZ", tick_size=tick, price=at)
    assert rules.tick_at(wanted) == tick_size(quote, wanted)


@given(
    st.sampled_from(sorted(TICK_SIZES)), st.integers(1, 10**17), st.sampled_from(["0.5", "3", "1E-8", "250"])
)
def test_what_the_table_allows_far_from_here_is_never_refused(quote: str, price: int, tick: str) -> None:
    rules = MarketRules(code=f"{quote}-XYZ", tick_size=D(tick), price=D("1E+12"))
    wanted = D(price).scaleb(-8)
    applied = rules.tick_at(wanted)
    assert applied is None or wanted % applied == 0 or applied == tick_size(quote, wanted)


def test_rules_expire_and_are_refreshed() -> None:
    now = [0.0]
    book = RuleBook(lambda: now[0], max_age_s=600)
    assert not book.is_tick_fresh("KRW-BTC")
    assert book.get("KRW-BTC") == MarketRules(code="KRW-BTC")
    book.learn_tick("KRW-BTC", D(500), D(150_000_000))
    now[0] = 600.0
    assert book.is_tick_fresh("KRW-BTC")
    assert not book.is_fresh("KRW-BTC"), "the limits were not read"
    now[0] = 601.0
    assert not book.is_tick_fresh("KRW-BTC")
    assert book.get("KRW-BTC").tick_size == 500, "still what was said last"
    book.learn_tick("KRW-BTC", D(500))
    assert book.get("KRW-BTC").price == 150_000_000
    book.learn_tick("KRW-BTC", D(1000))
    assert book.get("KRW-BTC").price is None, "another tick: another band, or another rule"
    book.learn_tick("KRW-BTC", D(1000), D(150_000_000))
    book.expire("KRW-BTC")
    assert not book.is_tick_fresh("KRW-BTC")
