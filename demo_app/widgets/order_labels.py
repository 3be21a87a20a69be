"""Labels of orders, in the user's language."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QCoreApplication

from qt_upbit import AskBid, OrderState, OrderType, SmpType, TimeInForce

__all__ = [
    "OrderStage",
    "condition_word",
    "order_stage",
    "side_word",
    "smp_word",
    "stage_word",
    "type_word",
]

translate = QCoreApplication.translate


def side_word(side: AskBid) -> str:
    """Buy or sell."""
    return translate("OrderWords", "Buy") if side is AskBid.BID else translate("OrderWords", "Sell")


def type_word(order_type: OrderType) -> str:
    """Order type; Upbit's two market orders are one for the user."""
    match str(order_type):
        case "limit":
            return translate("OrderWords", "Limit")
        case "price" | "market":
            return translate("OrderWords", "Market")
        case "best":
            return translate("OrderWords", "Best price")
        case unknown:
            return unknown


def condition_word(condition: TimeInForce | None) -> str:
    """Time in force."""
    match None if condition is None else str(condition):
        case None:
            return translate("OrderWords", "Until cancelled")
        case "ioc":
            return translate("OrderWords", "IOC (fill now, cancel the rest)")
        case "fok":
            return translate("OrderWords", "FOK (all now or nothing)")
        case "post_only":
            return translate("OrderWords", "Post only (maker or nothing)")
        case unknown:
            return unknown


def smp_word(smp: SmpType | None) -> str:
    """Self-match prevention."""
    match None if smp is None else str(smp):
        case None:
            return translate("OrderWords", "The exchange's default")
        case "reduce":
            return translate("OrderWords", "Reduce both")
        case "cancel_maker":
            return translate("OrderWords", "Cancel the waiting order")
        case "cancel_taker":
            return translate("OrderWords", "Cancel the new order")
        case "none":
            return translate("OrderWords", "No prevention")
        case unknown:
            return unknown


class OrderStage(enum.Enum):
    """How far an order has come, in finer distinctions than Upbit's states."""

    RESERVED = enum.auto()
    WAITING = enum.auto()
    PARTLY_FILLED = enum.auto()
    FILLED = enum.auto()
    FILLED_REFUNDED = enum.auto()
    """A buy by amount that bought all it could; Upbit calls it cancelled, since a rest was refunded."""
    PARTLY_CANCELLED = enum.auto()
    CANCELLED = enum.auto()
    PREVENTED = enum.auto()


_ALL_SPENT: Final = Decimal("0.99")
"""What remains of an amount to spend is refunded when it no longer buys anything."""
_STAGES: Final = {
    OrderState.WATCH: OrderStage.RESERVED,
    OrderState.TRADE: OrderStage.PARTLY_FILLED,
    OrderState.DONE: OrderStage.FILLED,
    OrderState.PREVENTED: OrderStage.PREVENTED,
}


def order_stage(
    state: OrderState, *, executed: Decimal | None, prevented: Decimal | None, share: Decimal | None
) -> OrderStage | None:
    """How far an order has come; None for a state that Upbit has invented since.

    Args:
        state: Upbit's.
        executed: volume filled so far.
        prevented: volume cancelled by self-match prevention.
        share: of the amount to spend, spent so far; None for an order with a volume.
    """
    if state is OrderState.WAIT:
        return OrderStage.PARTLY_FILLED if executed else OrderStage.WAITING
    if state is not OrderState.CANCEL:
        return _STAGES.get(state)
    if prevented:
        return OrderStage.PREVENTED
    if not executed:
        return OrderStage.CANCELLED
    is_spent = share is not None and share >= _ALL_SPENT
    return OrderStage.FILLED_REFUNDED if is_spent else OrderStage.PARTLY_CANCELLED


def stage_word(stage: OrderStage) -> str:
    """How far an order has come."""
    match stage:
        case OrderStage.RESERVED:
            return translate("OrderWords", "Reserved")
        case OrderStage.WAITING:
            return translate("OrderWords", "Waiting")
        case OrderStage.PARTLY_FILLED:
            return translate("OrderWords", "Partly filled")
        case OrderStage.FILLED:
            return translate("OrderWords", "Filled")
        case OrderStage.FILLED_REFUNDED:
            return translate("OrderWords", "Filled (rest refunded)")
        case OrderStage.PARTLY_CANCELLED:
            return translate("OrderWords", "Cancelled, partly filled")
        case OrderStage.CANCELLED:
            return translate("OrderWords", "Cancelled")
        case OrderStage.PREVENTED:
            return translate("OrderWords", "Self-match prevented")
