"""`OrderDraft`: an order as entered in the form, not yet placed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from demo_app.trading.order_gateway import OrderGateway
from qt_upbit import AskBid, OrderRules, OrderType, RestClient, SmpType, TimeInForce, check_order

__all__ = ["OrderDraft"]


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order as entered; `price` is the amount to spend where it has no volume."""

    code: str
    ask_bid: AskBid
    order_type: OrderType
    price: Decimal | None
    volume: Decimal | None
    condition: TimeInForce | None
    smp_type: SmpType | None
    rules: OrderRules

    def check(self) -> None:
        """Raise InvalidOrderError if the exchange would refuse it."""
        check_order(
            self.code, self.ask_bid, self.order_type, price=self.price, volume=self.volume,
            time_in_force=self.condition, smp_type=self.smp_type, rules=self.rules,
        )  # fmt: skip

    async def place(self, gateway: OrderGateway, confirmed: str, identifier: str) -> None:
        """Send it, once, if the guard allows it; the identifier finds it if the response is lost."""
        await gateway.create(
            confirmed, self.code, self.ask_bid, self.order_type, price=self.price, volume=self.volume,
            time_in_force=self.condition, smp_type=self.smp_type, rules=self.rules, identifier=identifier,
        )  # fmt: skip

    async def test(self, rest: RestClient) -> None:
        """Have the exchange check it; nothing is placed."""
        await rest.test_order(
            self.code, self.ask_bid, self.order_type, price=self.price, volume=self.volume,
            time_in_force=self.condition, smp_type=self.smp_type, rules=self.rules,
        )  # fmt: skip
