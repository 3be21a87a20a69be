"""The question before an order is sent: the exact text that the user agrees to."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import QCoreApplication

from demo_app.style import formats
from demo_app.trading import order_entry as entry
from demo_app.trading.order_ticket import OrderTicket
from demo_app.widgets.order_labels import condition_word, side_word, smp_word, type_word
from demo_app.widgets.trading_dialogs import Question

__all__ = ["order_question"]

translate = QCoreApplication.translate


def order_question(
    ticket: OrderTicket, name: str, worth: Decimal | None, rate: Decimal | None, warning: str
) -> Question:
    """Build the question whether to send an order.

    Args:
        ticket: the order; complete.
        name: the pair's name in the user's language.
        worth: in quote currency; approximate where the order has no price.
        rate: the fee rate.
        warning: what is unusual about it.
    """
    exact, quote = entry.exact_text, ticket.quote
    side, kind = side_word(ticket.ask_bid), type_word(ticket.kind)
    price = f"{exact(ticket.price)} {quote}" if ticket.has_price else kind
    rows = [
        (translate("OrderFormPanel", "Pair"), f"{name} ({ticket.code})"),
        (translate("OrderFormPanel", "Side"), side),
        (translate("OrderFormPanel", "Type"), kind),
        (translate("OrderFormPanel", "Price"), price),
    ]
    if ticket.has_volume:
        rows.append((translate("OrderFormPanel", "Size"), f"{exact(ticket.volume)} {ticket.base}"))
    if worth is not None:
        is_exact = ticket.has_price or not ticket.has_volume
        total = f"{exact(worth)} {quote}" if is_exact else f"≈ {formats.price(worth, quote)} {quote}"
        rows.append((translate("OrderFormPanel", "Total"), total))
    if worth is not None and rate is not None:
        fee = formats.amount(entry.fee_of(worth, rate))
        text = f"{fee} {quote} ({formats.percent(rate, sign=False)})"
        rows.append((translate("OrderFormPanel", "Fee (est.)"), text))
    rows.append((translate("OrderFormPanel", "Time in force"), condition_word(ticket.condition)))
    rows.append((translate("OrderFormPanel", "Self-match prevention"), smp_word(ticket.smp_type)))
    title = translate("OrderFormPanel", "{side} {name}?").format(side=side, name=name)
    return Question(title, tuple(rows), side, ticket.ask_bid, warning)
