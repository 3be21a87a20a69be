"""The value of an account: exact, and explicit about what has no price. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from qt_upbit import exactly

__all__ = ["Holding", "Totals", "totals_of"]


@dataclass(frozen=True, slots=True)
class Holding:
    """One currency of the account, valued in another.

    Attributes:
        currency: the code of the currency.
        balance: available.
        locked: reserved by orders and withdrawals.
        avg_buy_price: mean price paid, in the valuing currency; None where it is unknown or zero, as it is
            for deposits and airdrops.
        price: current price of a unit in the valuing currency, one for that currency itself; None without a
            market, or no price yet.
        is_money: it is the valuing currency itself, which has no profit or loss.
    """

    currency: str
    balance: Decimal
    locked: Decimal
    avg_buy_price: Decimal | None = None
    price: Decimal | None = None
    is_money: bool = False

    @property
    @exactly
    def total(self) -> Decimal:
        """Available and locked together."""
        return self.balance + self.locked

    @property
    @exactly
    def value(self) -> Decimal | None:
        """Its current value; None if unknown."""
        if self.is_money:
            return self.total
        return None if self.price is None else self.total * self.price

    @property
    @exactly
    def cost(self) -> Decimal | None:
        """What was paid for it, without fees; None for money and where it is unknown."""
        return None if self.is_money or not self.avg_buy_price else self.total * self.avg_buy_price

    @property
    @exactly
    def profit(self) -> Decimal | None:
        """Value minus cost."""
        value, cost = self.value, self.cost
        return None if value is None or cost is None else value - cost

    @property
    @exactly
    def profit_rate(self) -> Decimal | None:
        """Profit as a fraction of the cost."""
        profit, cost = self.profit, self.cost
        return profit / cost if profit is not None and cost else None


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole account.

    Attributes:
        assets: value of everything with a price, money included.
        bought: cost of everything with a current price.
        profit: value minus cost, of everything that has both.
        unvalued: the number of currencies not in these sums, for lack of a price.
    """

    assets: Decimal
    bought: Decimal
    profit: Decimal
    unvalued: int

    @property
    @exactly
    def profit_rate(self) -> Decimal | None:
        """Profit as a fraction of the cost."""
        return self.profit / self.bought if self.bought else None


def totals_of(holdings: Iterable[Holding]) -> Totals:
    """Add up an account; currencies without a price are counted, not guessed."""
    assets = bought = profit = Decimal(0)
    unvalued = 0
    for each in holdings:
        if not each.total:
            continue
        if each.value is None:
            unvalued += 1
            continue
        assets += each.value
        if each.cost is not None and each.profit is not None:
            bought += each.cost
            profit += each.profit
    return Totals(assets, bought, profit, unvalued)
