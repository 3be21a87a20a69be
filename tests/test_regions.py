"""A region is one row: hosts, checks, ticks, the simulated exchange and the demo read it and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qt_upbit import InvalidOrderError, InvalidSubscriptionError, WebSocketConfig, check_order
from qt_upbit.protocol.order_check import DOCUMENTED_RULES
from qt_upbit.protocol.subscription_request import check_code, requests_for
from qt_upbit.protocol.tick_sizes import TICK_SIZES
from qt_upbit.regions import QUOTE_CURRENCIES, QuoteCurrency, Region, quote_currency_of
from qt_upbit.simulator import SimulatedExchange, SimulatorSettings
from qt_upbit.simulator.market.price_grid import PriceGrid, from_units, to_units
from qt_upbit.types import EVENT_TYPES, Scope


@pytest.mark.parametrize("region", Region)
def test_a_row_is_all_there_is_to_a_region(region: Region) -> None:
    assert Region(region.value) is region
    config = WebSocketConfig(region=region)
    assert config.websocket_url(Scope.PUBLIC).startswith("wss://")
    currency = region.currency
    assert quote_currency_of(f"{currency.symbol}-BTC") is QUOTE_CURRENCIES[currency.symbol] is currency
    assert not currency.is_shared
    assert (currency.symbol in TICK_SIZES) is (currency.ticks is not None)
    assert DOCUMENTED_RULES[currency.symbol].min_total == currency.min_total
    with pytest.raises(InvalidSubscriptionError, match=f"{currency.symbol}-BTC"):
        check_code(f"BTC-{currency.symbol}")
    requests_for(EVENT_TYPES["orderbook"], [f"{currency.symbol}-BTC"], level=1000)
    exchange = SimulatedExchange(SimulatorSettings(region=region, markets=10), now=1_800_000_000.0)
    local = [pair for pair in exchange.market if pair.listing.quote == currency.symbol]
    assert len(local) == 7
    for pair in local:
        price = from_units(pair.quote[1]).normalize()
        check_order(
            pair.code, "bid", "limit", price=price, volume=(Decimal(10**5) / price).quantize(Decimal("1E-8"))
        )
        assert exchange.market.supported_levels(pair.code)[0] == 0


@pytest.mark.parametrize("currency", QUOTE_CURRENCIES.values(), ids=lambda each: each.symbol)
def test_prices_of_a_currency_lie_on_its_likely_ticks(currency: QuoteCurrency) -> None:
    grid = PriceGrid(currency.symbol)
    for start, tick in currency.likely_ticks:
        assert grid.tick(to_units(start)) == to_units(tick)


def test_an_undeclared_currency_is_treated_like_a_dollar() -> None:
    unknown = quote_currency_of("XYZ-BTC")
    assert (unknown.symbol, unknown.ticks, unknown.min_total, unknown.is_shared) == ("XYZ", None, None, False)
    assert unknown.likely_ticks == QUOTE_CURRENCIES["USDT"].ticks


def test_documented_minimum_still_holds() -> None:
    with pytest.raises(InvalidOrderError, match="minimum of 5000 KRW"):
        check_order("KRW-BTC", "bid", "price", price=4999)
