"""`caution_text`: why an order asks twice, in the user's language."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import QCoreApplication

from demo_app.preferences import Preferences
from demo_app.style import formats
from demo_app.terminal_state import TerminalState
from demo_app.trading.order_caution import Caution, cautions
from demo_app.trading.order_ticket import OrderTicket

__all__ = ["caution_text", "stale_price_text"]

translate = QCoreApplication.translate


def caution_text(
    state: TerminalState,
    ticket: OrderTicket,
    *,
    last_price: Decimal | None,
    needed: Decimal,
    available: Decimal | None,
) -> str:
    """What is unusual about a complete order, a line for each; empty if nothing is.

    Args:
        state: the user's limits, and whether prices are current.
        ticket: the order.
        last_price: of the pair; None while unknown.
        needed: from the balance of the spent currency, fee included.
        available: of that currency; None while unknown.
    """
    found = cautions(
        ticket,
        Preferences(state.settings).caution_limits,
        last_price=last_price,
        needed=needed,
        available=available,
        is_stale=state.freshness.is_stale,
    )
    return "\n".join(_text(each, state, ticket, last_price, needed, available) for each in found)


def stale_price_text(state: TerminalState) -> str:
    """That prices are old, and how old; empty while they are current."""
    freshness = state.freshness
    if not freshness.is_stale:
        return ""
    if freshness.seconds < 1:
        return translate("OrderWords", "Prices are not live: the market may have moved.")
    return translate("OrderWords", "Prices are {seconds} s old: the market may have moved.").format(
        seconds=f"{freshness.seconds:,}"
    )


def _text(
    caution: Caution,
    state: TerminalState,
    ticket: OrderTicket,
    last_price: Decimal | None,
    needed: Decimal,
    available: Decimal | None,
) -> str:
    match caution:
        case Caution.FAR:
            away = ticket.away(last_price) or Decimal(0)
            text = (
                translate("OrderWords", "{percent} above the last price.")
                if away > 0
                else translate("OrderWords", "{percent} below the last price.")
            )
            return text.format(percent=formats.percent(away.copy_abs(), sign=False))
        case Caution.LARGE:
            worth = formats.funds(ticket.worth(last_price), ticket.quote)
            return translate("OrderWords", "A large order: {worth}.").format(worth=f"{worth} {ticket.quote}")
        case Caution.SHARE:
            share = formats.percent(needed / available if available else None, sign=False)
            return translate("OrderWords", "{percent} of what is available.").format(percent=share)
        case Caution.NO_PRICE:
            return translate("OrderWords", "The last price of this pair is not known yet.")
        case Caution.STALE:
            return stale_price_text(state)
