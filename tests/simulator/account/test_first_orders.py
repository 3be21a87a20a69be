"""An account with a past: closed orders whose money adds up, and open ones near the market."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qt_upbit import Region
from qt_upbit.simulator import SimulatedAccount, SimulatedExchange, SimulatorSettings
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.types import AskBid, OrderState, OrderType

NOW = 1_790_000_000.0


def _exchange(**settings: object) -> SimulatedExchange:
    values = {"markets": 30, "market_running": False, "account_running": False, **settings}
    return SimulatedExchange(SimulatorSettings(**values), now=NOW)  # type: ignore[arg-type]  # options by name


@pytest.mark.parametrize("region", list(Region))
@pytest.mark.parametrize("seed", [1, 7, 99])
def test_the_first_account_has_a_past_and_three_orders_near_the_market(region: Region, seed: int) -> None:
    exchange = _exchange(account_history=True, region=region, seed=seed)
    plain = _exchange(region=region, seed=seed)
    account = exchange.account
    waiting, closed = account.open_orders, [o for o in account.orders.values() if not o.is_open]
    assert len(waiting) == 3
    assert len(closed) == 6
    for order in waiting:
        ask, bid = (from_units(units) for units in exchange.market.pairs[order.code].quote)
        assert order.price is not None
        assert order.state is OrderState.WAIT
        away = (bid - order.price) / bid if order.side is AskBid.BID else (order.price - ask) / ask
        assert 0 <= away < Decimal("0.02")
    assert sum(bool(order.fills) for order in closed) == 5
    assert {order.order_type for order in closed} == {OrderType.LIMIT, OrderType.PRICE, OrderType.MARKET}
    start = exchange.market_ms(NOW)
    assert all(start - 7_300_000 < fill.time_ms < start for order in closed for fill in order.fills)
    spent = {currency: held.balance + held.locked for currency, held in account.balances.items()}
    for order in closed:
        sign = 1 if order.side is AskBid.BID else -1
        spent[order.quote] += sign * order.executed_funds + order.paid_fee
        spent[order.base] -= sign * order.executed_volume
    had = {currency: held.balance + held.locked for currency, held in plain.account.balances.items()}
    assert spent == had


def test_the_trader_has_the_account_that_the_settings_name() -> None:
    other = SimulatedAccount(access_key="b" * 40, secret_key="second" * 12)
    exchange = _exchange(
        account_running=True, market_running=True, further_accounts=(other,), trader_access_key="b" * 40,
        order_interval_s=0.1,
    )  # fmt: skip
    theirs = exchange.accounts["b" * 40]
    for step in range(40):
        exchange.tick(NOW + step * 0.1)
    assert theirs.orders
    assert not exchange.account.orders
    assert exchange.account.balance("KRW").balance == Decimal("50000000.37231066771348207123")
    exchange.is_trader_running = False
    before = len(theirs.orders)
    for step in range(40, 80):
        exchange.tick(NOW + step * 0.1)
    assert len(theirs.orders) == before


def test_a_trader_without_an_account_is_refused() -> None:
    with pytest.raises(ValueError, match="trader_access_key"):
        SimulatorSettings(trader_access_key="nobody")
