"""Our account beside the exchange's own."""

from __future__ import annotations

from decimal import Decimal

from qt_upbit import Account, AskBid, OrderType
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.server.server import SimulatedServer


def place(server: SimulatedServer, price: int = 100_000) -> TheirOrder:
    """A bid that waits far below the market; half a BTC."""
    account = server.exchange.account
    account.balance("KRW").balance = max(account.balance("KRW").balance, Decimal(10**9))
    now_ms = server.exchange.market_ms(server.now())
    draft = account.draft(
        "KRW-BTC", AskBid.BID, OrderType.LIMIT, now_ms, price=Decimal(price), volume=Decimal("0.5")
    )
    return account.place(draft)


def differences(account: Account, server: SimulatedServer) -> list[str]:
    """Where the account is not the exchange's own."""
    theirs = server.exchange.account
    found = []
    if {order.uuid for order in account.open_orders} != {order.uuid for order in theirs.open_orders}:
        found.append("open orders")
    for order in theirs.open_orders:
        ours = account.order(order.uuid)
        if ours is None or (ours.remaining_volume, ours.executed_volume, ours.locked, ours.price) != (
            order.remaining_volume,
            order.executed_volume,
            order.locked,
            order.price,
        ):
            found.append(f"{order.uuid}: {ours}")
    for currency, held in theirs.balances.items():
        mine = account.balance(currency)
        if mine is None or (mine.balance, mine.locked) != (held.balance, held.locked):
            found.append(f"{held}: {mine}")
    return found
