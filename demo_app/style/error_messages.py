"""`explain`: error messages in the user's language."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QCoreApplication

from demo_app.style.language import is_korean
from demo_app.trading.trading_guard import CONFIRM_PHRASE, TradingLockedError
from qt_upbit import (
    AuthenticationError,
    CancelOutcomeError,
    ConnectionFailedError,
    CredentialsRequiredError,
    DecodeError,
    InvalidOrderError,
    OrderOutcomeError,
    RateLimitedError,
    RestError,
    ServerError,
    SubscriptionError,
)

__all__ = ["explain", "technical"]

translate = QCoreApplication.translate


def explain(error: Exception) -> str:
    """Say what happened, why, and what to do; never includes an API key."""
    match error:
        case TradingLockedError():
            return _locked(error)
        case InvalidOrderError():
            return _invalid(error)
        case CancelOutcomeError():
            return translate(
                "ErrorWords",
                "No clear answer came: {count} of the orders may still be open. Look at your open orders.",
            ).format(count=len(error.still_open) + len(error.unknown) or "?")
        case OrderOutcomeError():
            return _outcome(error)
        case AuthenticationError():
            return _refused(error)
        case CredentialsRequiredError():
            return translate("ErrorWords", "There are no API keys: enter them in the settings.")
        case RateLimitedError():
            return translate(
                "ErrorWords", "Too many requests: nothing was done. Try again in {seconds} s."
            ).format(seconds=f"{error.retry_after_s:g}")
        case RestError() if error.name == "order_not_found":
            return translate("ErrorWords", "This order is no longer open: it was filled or cancelled.")
        case RestError():
            return _rest(error)
        case ConnectionFailedError():
            return _unreachable(error)
        case ServerError():
            return _refusal(error.message)
        case SubscriptionError():
            return translate(
                "ErrorWords", "The exchange sends nothing for {codes}: is it still traded?"
            ).format(codes=", ".join(error.codes[:5]))
        case DecodeError():
            return translate("ErrorWords", "The exchange sent something that cannot be read.")
        case FileNotFoundError():
            return translate("ErrorWords", "The file does not exist.")
        case PermissionError():
            return translate("ErrorWords", "The file may not be read or written.")
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return translate("ErrorWords", "The disk is full.")
        case OSError():
            return translate("ErrorWords", "The file cannot be read or written.")
        case ValueError():
            return translate("ErrorWords", "The content cannot be read: it is damaged or of another kind.")
        case _:
            return translate("ErrorWords", "This did not work.")


def technical(error: Exception) -> str:
    """The error as a developer needs it, for a tool tip: names, codes and causes, in English."""
    return translate("ErrorWords", "Details: {text}").format(text=f"{type(error).__name__}: {error}"[:500])


def _refusal(message: str) -> str:
    """The exchange's own words, where the user can read them: Upbit writes Korean or English."""
    is_readable = bool(message) and (not is_korean() or any("가" <= letter <= "힣" for letter in message))
    if not is_readable:
        return translate("ErrorWords", "The exchange refused this.")
    return translate("ErrorWords", "The exchange refused: {why}").format(why=message)


def _unreachable(error: ConnectionFailedError) -> str:
    if error.status is not None:
        return translate("ErrorWords", "The exchange has a problem (HTTP {status}): try again soon.").format(
            status=error.status
        )
    reason = error.reason.casefold()
    for words, why in (
        (("certificate", "ssl", "tls"), _no_trust),
        (
            ("gaierror", "getaddrinfo", "name or service", "cannot be found", "name server", "resolution"),
            _no_name,
        ),
        (("was cut",), _was_closed),
        (("proxy",), _no_proxy),
        (("timed out", "timeout", "no pong", "no answer", "in time"), _no_answer),
        (("sends no data", "stopped answering", "unresponsive", "no data"), _no_data),
        (("cut without", "reset", "closed", "close", "given up", "with code", "broken pipe"), _was_closed),
        (("refused", "unreachable"), _no_listener),
    ):
        if any(word in reason for word in words):
            return why()
    return translate("ErrorWords", "The exchange cannot be reached: check your connection.")


def _no_name() -> str:
    return translate("ErrorWords", "The exchange's address is not found: check network and DNS.")


def _no_proxy() -> str:
    return translate(
        "ErrorWords", "The proxy does not let the connection through: check its address and password."
    )


def _no_trust() -> str:
    return translate(
        "ErrorWords", "The secure connection failed: check the clock, certificates and security programs."
    )


def _no_answer() -> str:
    return translate("ErrorWords", "The exchange does not answer in time: check your connection.")


def _no_data() -> str:
    return translate("ErrorWords", "The exchange sends no data any more: connecting again.")


def _was_closed() -> str:
    return translate("ErrorWords", "The connection to the exchange was lost: connecting again.")


def _no_listener() -> str:
    return translate("ErrorWords", "The exchange does not accept connections: try again soon.")


def _locked(error: TradingLockedError) -> str:
    match error.missing:
        case "live":
            return translate("ErrorWords", "Real orders are off: start the terminal with --live.")
        case "keys":
            return translate("ErrorWords", "Real orders need API keys: enter them in the settings.")
        case "session":
            return translate("ErrorWords", "Real orders are locked: type {phrase} to unlock them.").format(
                phrase=CONFIRM_PHRASE
            )
        case "account":
            return translate(
                "ErrorWords",
                "Other API keys are in use than when you were asked: nothing was sent. Ask again.",
            )
        case _:
            return translate("ErrorWords", "The confirmation is too old: nothing was sent. Confirm again.")


def _outcome(error: OrderOutcomeError) -> str:
    if error.found_none:
        text = translate(
            "ErrorWords",
            "No answer came, and the exchange knows no such order: very probably it was not placed. "
            "Look at your open orders before you place it again. Identifier: {identifier}",
        )
    else:
        text = translate(
            "ErrorWords",
            "No answer came, and the exchange cannot be asked: the order may have been placed. "
            "Look at your open orders before you place it again. Identifier: {identifier}",
        )
    return text.format(identifier=error.identifier)


def _refused(error: AuthenticationError) -> str:
    match error.name:
        case "no_authorization_ip":
            why = translate("ErrorWords", "this computer's IP address is not on the key's list: add it")
        case "expired_access_key":
            why = translate("ErrorWords", "the key has expired: issue a new one")
        case "out_of_scope":
            why = translate("ErrorWords", "the key lacks a permission: issue one that has it")
        case "invalid_access_key" | "jwt_verification":
            why = translate("ErrorWords", "access key and secret key do not match: enter both again")
        case _:
            why = translate("ErrorWords", "check the key, its expiry, its IP addresses and its permissions")
    return translate("ErrorWords", "The exchange refused the API key: {why}.").format(why=why)


def _rest(error: RestError) -> str:
    if error.status is None:
        return translate("ErrorWords", "The exchange cannot be reached: check your connection and try again.")
    if error.status >= 500:
        return translate("ErrorWords", "The exchange has a problem (HTTP {status}): try again soon.").format(
            status=error.status
        )
    match error.name:
        case "insufficient_funds_bid" | "insufficient_funds_ask":
            return translate("ErrorWords", "Not enough is available, fee included: make the order smaller.")
        case "market_offline":
            return translate("ErrorWords", "This market is closed at the moment: try again later.")
        case _:
            return _refusal(error.message)


def _between(near: str) -> str:
    return translate("ErrorWords", "Between two valid prices: {near} would do.").format(
        near=near.replace(" or ", translate("ErrorWords", " or "))
    )


def _minimum(least: str) -> str:
    return translate("ErrorWords", "Below the minimum total of {least}.").format(least=least)


def _maximum(most: str) -> str:
    return translate("ErrorWords", "Above the maximum total of {most}.").format(most=most)


def _decimals(count: str) -> str:
    return translate("ErrorWords", "Too many decimals: {right} would do.").format(right=count)


_REASONS: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (re.compile(r"is between two valid prices: (.+) would do"), _between),
    (re.compile(r"is below the minimum of (.+)"), _minimum),
    (re.compile(r"is above the maximum of (.+)"), _maximum),
    (re.compile(r"has more than \d+ decimals; (.+) would do"), _decimals),
)
_DIGITS: Final = re.compile(r"(?<![\d.])\d{4,}")


def _invalid(error: InvalidOrderError) -> str:
    """Translate the result of the library's own check, which suggests valid values."""
    for pattern, say in _REASONS:
        found = pattern.fullmatch(error.reason)
        if found is not None:
            return say(_DIGITS.sub(lambda digits: f"{int(digits[0]):,}", found[1]))
    if error.value == "missing" or error.reason == "must be positive":
        return translate("ErrorWords", "Price and size must be above zero.")
    if error.field == "smp_type":
        return translate("ErrorWords", "Post only does not go with self-match prevention: leave one out.")
    if not is_korean():
        return f"{error.field}: {error.reason}"
    names = {
        "price": translate("ErrorWords", "price"),
        "volume": translate("ErrorWords", "size"),
        "total": translate("ErrorWords", "total"),
        "order_type": translate("ErrorWords", "order type"),
        "time_in_force": translate("ErrorWords", "time in force"),
        "code": translate("ErrorWords", "pair"),
    }
    name = names.get(error.field)
    if name is None:
        return translate("ErrorWords", "The exchange would not take this order: check your entries.")
    return translate("ErrorWords", "The exchange would not take this order: check the {field}.").format(
        field=name
    )
