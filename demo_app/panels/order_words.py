"""Orders and what went wrong with them, in the user's language."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QCoreApplication

from demo_app.trading_guard import CONFIRM_PHRASE, TradingLockedError
from qt_upbit import (
    AskBid,
    AuthenticationError,
    CredentialsRequiredError,
    InvalidOrderError,
    OrderOutcomeError,
    OrderState,
    OrderType,
    RateLimitedError,
    RestError,
    SmpType,
    TimeInForce,
)

__all__ = ["condition_word", "explain", "side_word", "smp_word", "state_word", "type_word"]

translate = QCoreApplication.translate


def side_word(side: AskBid) -> str:
    """Buy or sell."""
    return translate("OrderWords", "Buy") if side is AskBid.BID else translate("OrderWords", "Sell")


def type_word(order_type: OrderType) -> str:
    """Kind of order; Upbit's two market orders are one for the user."""
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
    """State, as `OrderRows` tells it apart."""
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


def explain(error: Exception) -> str:
    """What happened, why, and what to do; never with a key."""
    match error:
        case TradingLockedError():
            return _locked(error)
        case InvalidOrderError():
            return _invalid(error)
        case OrderOutcomeError():
            return _outcome(error)
        case AuthenticationError():
            return _refused(error)
        case CredentialsRequiredError():
            return translate("OrderWords", "There are no API keys: enter them in the settings.")
        case RateLimitedError():
            return translate(
                "OrderWords", "Too many requests: nothing was done. Try again in {seconds} s."
            ).format(seconds=f"{error.retry_after_s:g}")
        case RestError() if error.name == "order_not_found":
            return translate("OrderWords", "This order is open no more: it was filled or cancelled.")
        case RestError():
            return _rest(error)
        case _:
            return str(error)


def _locked(error: TradingLockedError) -> str:
    match error.missing:
        case "live":
            return translate("OrderWords", "Real orders are off: start the terminal with --live.")
        case "keys":
            return translate("OrderWords", "Real orders need API keys: enter them in the settings.")
        case "session":
            return translate("OrderWords", "Real orders are locked: type {phrase} to unlock them.").format(
                phrase=CONFIRM_PHRASE
            )
        case _:
            return translate("OrderWords", "The confirmation is too old: nothing was sent. Confirm again.")


def _outcome(error: OrderOutcomeError) -> str:
    if error.found_none:
        text = translate(
            "OrderWords",
            "No answer came, and the exchange knows no such order: very probably it was not placed. "
            "Look at your open orders before you place it again. Identifier: {identifier}",
        )
    else:
        text = translate(
            "OrderWords",
            "No answer came, and the exchange cannot be asked: the order may have been placed. "
            "Look at your open orders before you place it again. Identifier: {identifier}",
        )
    return text.format(identifier=error.identifier)


def _refused(error: AuthenticationError) -> str:
    match error.name:
        case "no_authorization_ip":
            why = translate("OrderWords", "this computer's IP address is not on the key's list: add it")
        case "expired_access_key":
            why = translate("OrderWords", "the key has expired: issue a new one")
        case "out_of_scope":
            why = translate("OrderWords", "the key lacks a permission: issue one that has it")
        case "invalid_access_key" | "jwt_verification":
            why = translate("OrderWords", "access key and secret key do not match: enter both again")
        case _:
            why = translate("OrderWords", "check the key, its expiry, its IP addresses and its permissions")
    return translate("OrderWords", "The exchange refused the API key: {why}.").format(why=why)


def _rest(error: RestError) -> str:
    if error.status is None:
        return translate("OrderWords", "The exchange cannot be reached: check your line and try again.")
    if error.status >= 500:
        return translate("OrderWords", "The exchange has a problem (HTTP {status}): try again soon.").format(
            status=error.status
        )
    match error.name:
        case "insufficient_funds_bid" | "insufficient_funds_ask":
            return translate("OrderWords", "Not enough is available, fee included: make the order smaller.")
        case "market_offline":
            return translate("OrderWords", "This market is closed at the moment: try again later.")
        case _:
            why = " ".join(filter(None, (error.message, f"({error.name})" if error.name else "")))
            return translate("OrderWords", "The exchange refused: {why}").format(why=why or error.status)


def _between(near: str) -> str:
    return translate("OrderWords", "Between two valid prices: {near} would do.").format(
        near=near.replace(" or ", translate("OrderWords", " or "))
    )


def _minimum(least: str) -> str:
    return translate("OrderWords", "Below the minimum total of {least}.").format(least=least)


def _maximum(most: str) -> str:
    return translate("OrderWords", "Above the maximum total of {most}.").format(most=most)


def _decimals(count: str) -> str:
    return translate("OrderWords", "Too many decimals: {right} would do.").format(right=count)


_REASONS: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (re.compile(r"is between two valid prices: (.+) would do"), _between),
    (re.compile(r"is below the minimum of (.+)"), _minimum),
    (re.compile(r"is above the maximum of (.+)"), _maximum),
    (re.compile(r"has more than \d+ decimals; (.+) would do"), _decimals),
)
_DIGITS: Final = re.compile(r"(?<![\d.])\d{4,}")


def _invalid(error: InvalidOrderError) -> str:
    """The library's own check, which says what would be right, in the user's words."""
    for pattern, say in _REASONS:
        found = pattern.fullmatch(error.reason)
        if found is not None:
            return say(_DIGITS.sub(lambda digits: f"{int(digits[0]):,}", found[1]))
    if error.value == "missing" or error.reason == "must be positive":
        return translate("OrderWords", "Price and size must be above zero.")
    if error.field == "smp_type":
        return translate("OrderWords", "Post only does not go with self-match prevention: leave one out.")
    return f"{error.field}: {error.reason}"
