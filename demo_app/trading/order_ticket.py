"""`OrderTicket`: the contents of an order form, which numbers follow from others, and the order. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from demo_app.trading import order_entry as entry
from demo_app.trading.order_draft import OrderDraft
from qt_upbit import AskBid, MarketRules, OrderChance, OrderRules, OrderType, SmpType, TimeInForce

__all__ = ["CONDITIONS", "KINDS", "SMP_TYPES", "OrderTerms", "OrderTicket"]

KINDS: Final = (OrderType.LIMIT, OrderType.MARKET, OrderType.BEST)
"""The order types shown to the user: Upbit's market buy (``price``) and market sell (``market``) are one."""
CONDITIONS: Final[Mapping[OrderType, tuple[TimeInForce | None, ...]]] = {
    OrderType.LIMIT: (None, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY),
    OrderType.MARKET: (None,),
    OrderType.BEST: (TimeInForce.IOC, TimeInForce.FOK),
}
"""Times in force of each order type, the usual one first."""
SMP_TYPES: Final = (None, SmpType.CANCEL_MAKER, SmpType.CANCEL_TAKER, SmpType.REDUCE, SmpType.NONE)


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Fees and limits of a pair, from the exchange.

    Attributes:
        chance: None while unknown.
        market: the exchange's rules; None while unknown, and the documented ones apply.
    """

    chance: OrderChance | None = None
    market: MarketRules | None = None

    def rules(self, side: AskBid, price: Decimal | None) -> OrderRules:
        """The rules for an order of this side, at a limit price if it has one."""
        return OrderRules() if self.market is None else self.market.order_rules(side, price)

    def step_at(self, price: Decimal) -> Decimal | None:
        """The tick at a price; None where only the documented table can say."""
        return None if self.market is None else self.market.step_at(price)

    def fee_rate(self, side: AskBid, condition: TimeInForce | None) -> Decimal | None:
        """The fee rate, 0.0005 is 0.05%; the maker's where the order cannot take. None while unknown."""
        chance = self.chance
        if chance is None:
            return None
        is_maker = condition is TimeInForce.POST_ONLY
        if side is AskBid.BID:
            return chance.maker_bid_fee if is_maker else chance.bid_fee
        return chance.maker_ask_fee if is_maker else chance.ask_fee


@dataclass(frozen=True, slots=True)
class OrderTicket:
    """A snapshot of the form; a number is None where the field is empty or invalid.

    Attributes:
        code: the pair.
        ask_bid: buy or sell.
        kind: one of `KINDS`.
        price: the limit price, quote currency.
        volume: base currency.
        total: quote currency; the amount to spend where no volume is given.
        condition: time in force.
        smp_type: self-match prevention.
    """

    code: str
    ask_bid: AskBid
    kind: OrderType
    price: Decimal | None = None
    volume: Decimal | None = None
    total: Decimal | None = None
    condition: TimeInForce | None = None
    smp_type: SmpType | None = None

    @property
    def has_price(self) -> bool:
        """Whether the user gives a price."""
        return self.kind is OrderType.LIMIT

    @property
    def has_volume(self) -> bool:
        """Whether the user gives a volume: Upbit's market and best buys are by amount."""
        return self.has_price or self.ask_bid is AskBid.ASK

    @property
    def is_complete(self) -> bool:
        """Whether every number this order type needs is present."""
        amount = self.volume if self.has_volume else self.total
        return amount is not None and not (self.has_price and self.price is None)

    @property
    def quote(self) -> str:
        """The currency of price and total."""
        return self.code.partition("-")[0]

    @property
    def base(self) -> str:
        """The currency of the volume."""
        return self.code.partition("-")[2]

    def worth(self, last_price: Decimal | None) -> Decimal | None:
        """The order's value in quote currency: exact where there is a price, otherwise approximate."""
        if not self.has_volume:
            return self.total
        price = self.price if self.has_price else last_price
        return None if price is None or self.volume is None else entry.total_of(price, self.volume)

    def follower(self, *, by_total: bool) -> tuple[Literal["volume", "total"], Decimal | None]:
        """The number that follows from the others, and its current value.

        Args:
            by_total: the user entered a limit order's total, and the volume follows.
        """
        if not self.has_volume:
            return "volume", None
        if not self.has_price or not by_total:
            return "total", self.worth(None)
        if self.total is None or not self.price:
            return "volume", None
        return "volume", entry.volume_for(self.total, self.price)

    def needed(self, worth: Decimal | None, rate: Decimal | None) -> Decimal:
        """What it takes from the balance of the spent currency, fee included."""
        if self.ask_bid is AskBid.ASK:
            return self.volume or Decimal(0)
        return entry.cost_of(worth or Decimal(0), rate or Decimal(0))

    def away(self, last_price: Decimal | None) -> Decimal | None:
        """The distance of a limit from the last price, as a fraction; positive above. None without either."""
        if not self.has_price or self.price is None or not last_price:
            return None
        return entry.away_from(self.price, last_price)

    def draft(self, terms: OrderTerms) -> OrderDraft:
        """The order of this ticket."""
        kind = self.kind
        if kind is OrderType.MARKET and self.ask_bid is AskBid.BID:
            kind = OrderType.PRICE
        price = self.price if self.has_price else None if self.has_volume else self.total
        volume = self.volume if self.has_volume else None
        rules = terms.rules(self.ask_bid, self.price if self.has_price else None)
        return OrderDraft(self.code, self.ask_bid, kind, price, volume, self.condition, self.smp_type, rules)
