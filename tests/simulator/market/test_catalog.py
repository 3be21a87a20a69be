"""Which pairs the simulated exchange lists."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import Region
from qt_upbit.simulator.market.catalog import FULL_MARKET, coins_of, list_markets

FULL = sum(FULL_MARKET.values())


def test_the_full_market() -> None:
    listings = list_markets()
    assert Counter(each.quote for each in listings) == FULL_MARKET
    assert listings[0].code == "KRW-BTC"
    assert len({each.code for each in listings}) == FULL == 855


@pytest.mark.parametrize("region", Region)
def test_every_region_has_pairs_in_its_own_currency(region: Region) -> None:
    listings = list_markets(50, region)
    quotes = [each.quote for each in listings]
    assert quotes[0] == region.quote_currency
    assert set(quotes) == {region.quote_currency, "BTC", "USDT"}
    assert {each.coin.symbol for each in listings} <= set(coins_of(region))
    for each in listings:
        assert each.coin.korean_name
        assert each.coin.english_name
        assert each.coin.price > 0


@given(st.integers(1, FULL + 50))
def test_as_many_as_are_asked_for_and_the_most_traded_first(count: int) -> None:
    listings = list_markets(count)
    assert len(listings) == min(count, FULL)
    assert len({each.code for each in listings}) == len(listings)
    for quote in FULL_MARKET:
        ranks = [each.rank for each in listings if each.quote == quote]
        assert ranks == list(range(len(ranks)))


def test_who_must_be_there_is_there() -> None:
    few = {each.code for each in list_markets(5)}
    last = list_markets()[FULL_MARKET["KRW"] - 1].code
    assert last not in few
    assert {each.code for each in list_markets(5, also=(last, "KRW-NONE"))} == few | {last}
