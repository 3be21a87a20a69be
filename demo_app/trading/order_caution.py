"""What is unusual about an order, so that a slip of the finger does not send it. Knows no Qt."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from demo_app.trading.order_ticket import OrderTicket
from qt_upbit import AskBid, exactly, quote_currency_of

__all__ = ["Caution", "CautionLimits", "cautions"]

_OFF: Final = "off"


class Caution(enum.Enum):
    """A reason to ask twice."""

    FAR = "limit far on the wrong side of the last price"
    LARGE = "large value"
    SHARE = "large share of the balance"
    NO_PRICE = "no last price yet"
    STALE = "old prices"


@dataclass(frozen=True, kw_only=True, slots=True)
class CautionLimits:
    """From where on an order is unusual; None switches a check off.

    Attributes:
        distance: of a limit from the last price on the side where it is executed at once, as a fraction.
        value: of the order, in won; in another quote currency, what is worth as much.
        share: of the available balance, as a fraction.
    """

    distance: Decimal | None = Decimal("0.05")
    value: Decimal | None = Decimal(10_000_000)
    share: Decimal | None = Decimal("0.5")

    @classmethod
    @exactly
    def of(cls, distance: str, value: str, share: str) -> CautionLimits:
        """From the user's choices: percent, won, percent; ``off`` for None; empty for the default."""
        given = {"distance": distance, "value": value, "share": share}
        chosen = {
            name: None if text == _OFF else Decimal(text) / (1 if name == "value" else 100)
            for name, text in given.items()
            if text
        }
        return cls(**chosen)


@exactly
def cautions(
    ticket: OrderTicket,
    limits: CautionLimits,
    *,
    last_price: Decimal | None,
    needed: Decimal,
    available: Decimal | None,
    is_stale: bool,
) -> tuple[Caution, ...]:
    """What is unusual about a complete order, the worst first.

    Args:
        ticket: the order.
        limits: the user's.
        last_price: of the pair; None while unknown.
        needed: from the balance of the spent currency, fee included.
        available: of that currency; None while unknown.
        is_stale: whether the prices shown may be old.
    """
    found: list[Caution] = []
    away = ticket.away(last_price)
    if away is not None and limits.distance is not None:
        wrong = away if ticket.ask_bid is AskBid.BID else away.copy_negate()
        if wrong >= limits.distance:
            found.append(Caution.FAR)
    worth = ticket.worth(last_price)
    if worth is not None and limits.value is not None:
        limit = limits.value * Decimal(repr(quote_currency_of(ticket.quote).per_won))
        if worth >= limit:
            found.append(Caution.LARGE)
    if available and limits.share is not None and needed >= available * limits.share:
        found.append(Caution.SHARE)
    if not last_price:
        found.append(Caution.NO_PRICE)
    elif is_stale:
        found.append(Caution.STALE)
    return tuple(found)
