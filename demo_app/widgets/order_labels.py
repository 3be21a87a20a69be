"""Labels of orders, in the user's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from qt_upbit import AskBid, OrderState, OrderType, SmpType, TimeInForce

__all__ = ["condition_word", "side_word", "smp_word", "state_word", "type_word"]

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


def state_word(order_state: OrderState) -> str:
    """State, as `OrderRows` distinguishes it; one that Upbit has invented since, as Upbit writes it."""
    if not order_state.is_known:
        return str(order_state.value)
    match order_state:
        case OrderState.WAIT:
            return translate("OrderWords", "Waiting")
        case OrderState.WATCH:
            return translate("OrderWords", "Reserved")
        case OrderState.TRADE:
            return translate("OrderWords", "Partly filled")
        case OrderState.DONE:
            return translate("OrderWords", "Filled")
        case OrderState.CANCEL:
            return translate("OrderWords", "Cancelled")
        case OrderState.PREVENTED:
            return translate("OrderWords", "Self-match prevented")
