"""Orders are checked before they are sent, by the rules of protocol sections 9.3 and 9.4."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit import AskBid, InvalidOrderError, OrderType, SmpType, TimeInForce
from qt_upbit.protocol.order_check import OrderRules, check_order
from qt_upbit.protocol.tick_sizes import round_to_tick, tick_size
from qt_upbit.simulator.market.price_grid import PriceGrid, from_units

LIMIT: dict[str, Any] = {"code": "KRW-BTC", "ask_bid": "BID", "order_type": "limit"}


def test_an_order_as_upbit_wants_it() -> None:
    assert check_order(
        "KRW-BTC", AskBid.BID, OrderType.LIMIT, price=155_772_000, volume="0.0001", identifier="mine-1"
    ) == {
        "market": "KRW-BTC",
        "side": "bid",
        "ord_type": "limit",
        "price": "155772000",
        "volume": "0.0001",
        "identifier": "mine-1",
    }
    assert check_order("KRW-BTC", "ask", "best", volume=Decimal("1.50"), time_in_force="ioc") == {
        "market": "KRW-BTC",
        "side": "ask",
        "ord_type": "best",
        "volume": "1.5",
        "time_in_force": "ioc",
    }
    # Small numbers are never spelled with an exponent.
    assert check_order("BTC-ETH", "ASK", "market", volume="0.00000001")["volume"] == "0.00000001"


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"code": "krw-btc"}, "code", "KRW-BTC, in upper case"),
        ({"code": "BTC"}, "code", "must look like"),
        ({"ask_bid": "BUY"}, "ask_bid", "one of ASK, BID"),
        ({"order_type": "stop"}, "order_type", "one of limit, price, market, best"),
        ({"order_type": "market"}, "order_type", "does not exist for BID: price buys"),
        ({"price": None}, "price", "needs it"),
        ({"volume": None}, "volume", "needs it"),
        ({"price": 155_772_300}, "price", "155772000 or 155773000 would do"),
        ({"price": 155_772_000.0}, "price", "a float is a rounded value"),
        ({"volume": 0.1}, "volume", "a float is a rounded value"),
        ({"volume": "0.000000001"}, "volume", "more than 8 decimals; 0.00000001 would do"),
        ({"volume": "1.123456789"}, "volume", "1.12345678 would do"),
        ({"volume": "many"}, "volume", "is not a number"),
        ({"volume": "NaN"}, "volume", "must be positive"),
        ({"volume": "-1"}, "volume", "must be positive"),
        ({"volume": "1E+20"}, "volume", "more than 15 digits before the point"),
        ({"price": "12345678901234567890123.123456789"}, "price", "more than 15 digits"),
        ({"price": "1000000." + "0" * 70 + "1"}, "price", "1000000.00000000 would do"),
        ({"volume": "0.00001"}, "price × volume", "1557.72 KRW: is below the minimum of 5000 KRW"),
        ({"volume": "100"}, "price × volume", "above the maximum of 1000000000 KRW"),
        ({"time_in_force": "gtc"}, "time_in_force", "one of ioc, fok, post_only"),
        ({"time_in_force": "post_only", "smp_type": "reduce"}, "smp_type", "leave one of them out"),
        ({"smp_type": "all"}, "smp_type", "one of reduce"),
        ({"identifier": "x" * 65}, "identifier", "1 to 64 characters"),
        ({"identifier": ""}, "identifier", "1 to 64 characters"),
        ({"order_type": "price", "volume": None, "time_in_force": "ioc"}, "time_in_force", "takes none"),
        ({"order_type": "price"}, "volume", "leave it out"),
        ({"order_type": "best", "volume": None}, "time_in_force", "a best order takes fok, ioc"),
        ({"order_type": "price", "volume": None, "price": 4999}, "price", "below the minimum"),
    ],
)
def test_refusals_say_what_would_be_right(changes: dict[str, Any], field: str, reason: str) -> None:
    good: dict[str, Any] = {**LIMIT, "price": 155_772_000, "volume": "0.001"}
    check_order(**good)
    with pytest.raises(InvalidOrderError) as refused:
        check_order(**(good | changes))
    assert refused.value.field == field
    assert reason in str(refused.value)
    assert isinstance(refused.value, ValueError)


def test_post_only_goes_with_no_prevention() -> None:
    check_order(
        **LIMIT, price=1_000_000, volume=1, time_in_force=TimeInForce.POST_ONLY, smp_type=SmpType.NONE
    )


def test_rules_of_the_market_win() -> None:
    rules = OrderRules(tick_size=Decimal("0.05"), min_total=Decimal(2), max_total=Decimal(100))
    check_order("SGD-BTC", "BID", "limit", price="1.15", volume=2, rules=rules)
    with pytest.raises(InvalidOrderError, match=r"1\.15 or 1\.20 would do"):
        check_order("SGD-BTC", "BID", "limit", price="1.17", volume=2, rules=rules)
    with pytest.raises(InvalidOrderError, match="minimum of 2 SGD"):
        check_order("SGD-BTC", "BID", "limit", price="1.15", volume=1, rules=rules)
    half = OrderRules(tick_size=Decimal("0.5"))
    check_order("KRW-USDT", "BID", "limit", price="1400.5", volume=10, rules=half)
    with pytest.raises(InvalidOrderError, match="1400 or 1401 would do"):
        check_order("KRW-USDT", "BID", "limit", price="1400.5", volume=10)
    # Without a table and without rules nothing is known, and nothing refused.
    check_order("SGD-BTC", "BID", "limit", price="1.17", volume=1)


prices = st.decimals(min_value="0.00000001", max_value="200000000", places=8)


@given(quote=st.sampled_from(["KRW", "BTC", "USDT"]), price=prices)
def test_what_passes_is_on_the_exchanges_grid_and_nothing_else(quote: str, price: Decimal) -> None:
    grid = PriceGrid(quote)
    units = int(price.scaleb(8))
    on_grid = from_units(grid.snap(units)) == price
    rules = OrderRules(min_total=Decimal("1E-30"), max_total=Decimal("1E30"))
    expected = contextlib.nullcontext() if on_grid else pytest.raises(InvalidOrderError, match=r"^price ")
    with expected:
        check_order(f"{quote}-ETH", "BID", "limit", price=price, volume=1, rules=rules)


@given(quote=st.sampled_from(["KRW", "BTC", "USDT"]), price=prices)
def test_rounding_finds_the_neighbours(quote: str, price: Decimal) -> None:
    code = f"{quote}-ETH"
    low, high, near = (round_to_tick(code, price, how) for how in ("down", "up", "nearest"))
    tick = tick_size(quote, price)
    assert tick is not None
    assert low <= price <= high or (low == high == tick and price < tick)
    assert high - low in (0, tick)
    assert near in (low, high)
    assert abs(near - price) == min(abs(low - price), abs(high - price))
    for found in (low, high):
        assert round_to_tick(code, found, "up") == found == round_to_tick(code, found, "down")


def test_rounding_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="no tick table for SGD"):
        round_to_tick("SGD-BTC", Decimal(1))
    with pytest.raises(ValueError, match="positive"):
        round_to_tick("KRW-BTC", Decimal(0))


def test_a_limit_of_zero_is_none_and_not_the_documented_one() -> None:
    check_order("KRW-BTC", "BID", "price", price=1, rules=OrderRules(min_total=Decimal(0)))
    with pytest.raises(InvalidOrderError, match="above the maximum of 0"):
        check_order("KRW-BTC", "BID", "price", price=5000, rules=OrderRules(max_total=Decimal(0)))
    for tick in (Decimal(0), Decimal(-1)):
        with pytest.raises(InvalidOrderError, match="tick_size is positive"):
            check_order("KRW-BTC", "BID", "price", price=5000, rules=OrderRules(tick_size=tick))
