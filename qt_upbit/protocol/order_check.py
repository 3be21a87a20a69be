"""`check_order`: what Upbit would refuse, said before it is sent, with what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final, TypedDict

from qt_upbit.exact import EXACT
from qt_upbit.exceptions import InvalidOrderError
from qt_upbit.protocol.tick_sizes import TICK_SIZES, round_to_tick
from qt_upbit.regions import QUOTE_CURRENCIES
from qt_upbit.types import AskBid, OrderType, SmpType, TimeInForce

__all__ = ["DOCUMENTED_RULES", "Number", "OrderOptions", "OrderRules", "check_order"]

_MOST_DECIMALS: Final = 8
_LONGEST_IDENTIFIER: Final = 64
_MOST_DIGITS: Final = 15
"""Before the point: any amount that exists fits, and with eight decimals decimal's 28 digits hold it."""
Number = Decimal | int | str
"""What prices and volumes may be given as. Not float: a float is a rounded value."""


@dataclass(frozen=True, slots=True)
class OrderRules:
    """Limits of one market; None where none is known, which leaves it to the documented tables.

    Attributes:
        tick_size: at the order's price; that of the instruments applies at the current price only
            (`MarketRules.tick_at`).
        min_total: quote currency.
        max_total: quote currency.
        types: allowed orders of this side, in Upbit's words: ``limit``, ``limit_ioc``, ``best_fok``.
    """

    tick_size: Decimal | None = None
    min_total: Decimal | None = None
    max_total: Decimal | None = None
    types: tuple[str, ...] | None = None


class OrderOptions(TypedDict, total=False):
    """What an order may have beside pair, side and kind; explained at `check_order`."""

    price: Number | None
    volume: Number | None
    time_in_force: TimeInForce | str | None
    smp_type: SmpType | str | None
    identifier: str | None
    rules: OrderRules | None


DOCUMENTED_RULES: Final = {
    currency.symbol: OrderRules(min_total=currency.min_total, max_total=currency.max_total)
    for currency in QUOTE_CURRENCIES.values()
}
"""By quote currency (protocol section 9.4)."""

_NEEDS: Final[dict[tuple[OrderType, AskBid], tuple[bool, bool]]] = {
    (OrderType.LIMIT, AskBid.BID): (True, True),
    (OrderType.LIMIT, AskBid.ASK): (True, True),
    (OrderType.PRICE, AskBid.BID): (True, False),
    (OrderType.MARKET, AskBid.ASK): (False, True),
    (OrderType.BEST, AskBid.BID): (True, False),
    (OrderType.BEST, AskBid.ASK): (False, True),
}
"""Whether a kind of order has a price, and whether a volume (protocol section 9.3)."""

_CONDITIONS: Final[dict[OrderType, frozenset[TimeInForce | None]]] = {
    OrderType.LIMIT: frozenset((None, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY)),
    OrderType.PRICE: frozenset((None,)),
    OrderType.MARKET: frozenset((None,)),
    OrderType.BEST: frozenset((TimeInForce.IOC, TimeInForce.FOK)),
}


def check_order(
    code: str,
    ask_bid: AskBid | str,
    order_type: OrderType | str,
    *,
    price: Number | None = None,
    volume: Number | None = None,
    time_in_force: TimeInForce | str | None = None,
    smp_type: SmpType | str | None = None,
    identifier: str | None = None,
    rules: OrderRules | None = None,
) -> Mapping[str, str]:
    """The order as Upbit wants it: REST's names, values as text, without what is not given.

    Args:
        code: the pair, ``KRW-BTC``.
        ask_bid: ASK sells, BID buys.
        order_type: LIMIT, PRICE (buy for an amount), MARKET (sell a volume) or BEST.
        price: quote currency per unit; for PRICE and a BEST bid the amount to spend.
        volume: base currency, eight decimals at most.
        time_in_force: IOC, FOK or POST_ONLY; BEST needs IOC or FOK.
        smp_type: self-match prevention; only NONE together with POST_ONLY.
        identifier: your own id, 64 characters at most; never to be used again.
        rules: the exchange's rules for the market (`MarketRules.order_rules`); the documented ones are the
            fallback, and the error says so.

    Raises:
        InvalidOrderError: with the argument, the rule, and what would be right.
    """
    quote, _, base = code.partition("-") if isinstance(code, str) else ("", "", "")
    if not quote or not base or code != code.upper():
        raise InvalidOrderError("code", code, "must look like KRW-BTC, in upper case")
    side = _member("ask_bid", AskBid, ask_bid)
    kind = _member("order_type", OrderType, order_type)
    condition = None if time_in_force is None else _member("time_in_force", TimeInForce, time_in_force)
    smp = None if smp_type is None else _member("smp_type", SmpType, smp_type)
    if (kind, side) not in _NEEDS:
        right = "price buys (BID) for an amount, market sells (ASK) a volume"
        raise InvalidOrderError("order_type", kind.value, f"does not exist for {side.value}: {right}")
    amounts = {
        "price": _amount("price", price, kind, side, _NEEDS[kind, side][0]),
        "volume": _amount("volume", volume, kind, side, _NEEDS[kind, side][1]),
    }
    if condition not in _CONDITIONS[kind]:
        allowed = ", ".join(sorted("none" if each is None else each.value for each in _CONDITIONS[kind]))
        given = "none" if condition is None else condition.value
        raise InvalidOrderError("time_in_force", given, f"a {kind.value} order takes {allowed}")
    if condition is TimeInForce.POST_ONLY and smp not in (None, SmpType.NONE):
        raise InvalidOrderError("smp_type", smp, "cannot be combined with post_only: leave one of them out")
    if identifier is not None and not (
        isinstance(identifier, str) and 0 < len(identifier) <= _LONGEST_IDENTIFIER
    ):
        raise InvalidOrderError("identifier", identifier, f"must be 1 to {_LONGEST_IDENTIFIER} characters")
    with localcontext(EXACT):
        _check_rules(code, kind, condition, amounts, rules or OrderRules())
    fields = {
        "market": code,
        "side": side.value.lower(),
        "ord_type": kind.value,
        **{name: None if value is None else format(value, "f") for name, value in amounts.items()},
        "time_in_force": None if condition is None else condition.value,
        "smp_type": None if smp is None else smp.value,
        "identifier": identifier,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _check_rules(
    code: str,
    kind: OrderType,
    condition: TimeInForce | None,
    amounts: Mapping[str, Decimal | None],
    given: OrderRules,
) -> None:
    """Check the rules of the market: those that were given, the documented ones for the rest."""
    quote = code.partition("-")[0]
    if given.types:
        # Upbit does not list post_only beside the limit order that it is.
        plain = condition in (None, TimeInForce.POST_ONLY)
        name = kind.value if plain or condition is None else f"{kind.value}_{condition.value}"
        if name not in given.types:
            allowed = ", ".join(sorted(given.types))
            raise InvalidOrderError("order_type", name, f"{code} allows only {allowed}", "types")
    rules = _merged(given, DOCUMENTED_RULES.get(quote))
    if kind is OrderType.LIMIT and amounts["price"] is not None:
        _check_tick(code, quote, amounts["price"], rules, is_documented=given.tick_size is None)
    _check_total(quote, amounts["price"], amounts["volume"], rules, given)


def _member(field: str, enumeration: Any, value: Any) -> Any:
    text = str(value).upper() if enumeration is AskBid else str(value)
    member = next((each for each in enumeration if each.value == text), None)
    if member is None:
        names = ", ".join(each.value for each in enumeration)
        raise InvalidOrderError(field, value, f"must be one of {names}")
    return member


def _amount(field: str, value: Any, kind: OrderType, side: AskBid, needed: bool) -> Decimal | None:
    if not needed:
        if value is not None:
            raise InvalidOrderError(field, value, f"a {kind.value} {side.value} order has none: leave it out")
        return None
    if value is None:
        raise InvalidOrderError(field, "missing", f"a {kind.value} {side.value} order needs it")
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise InvalidOrderError(field, value, "give a Decimal, an int or text: a float is a rounded value")
    try:
        number = EXACT.create_decimal(value) if isinstance(value, str) else Decimal(value)
    except InvalidOperation:
        raise InvalidOrderError(field, value, "is not a number") from None
    if not number.is_finite() or number <= 0:
        raise InvalidOrderError(field, value, "must be positive")
    if number.adjusted() >= _MOST_DIGITS:
        raise InvalidOrderError(field, value, f"has more than {_MOST_DIGITS} digits before the point")
    with localcontext(EXACT) as context:
        context.prec = max(len(number.as_tuple().digits), 1)
        number = number.normalize()
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _MOST_DECIMALS:
        least = Decimal("1E-8")
        with localcontext(EXACT):
            right = format(max(number.quantize(least, rounding="ROUND_DOWN"), least), "f")
        raise InvalidOrderError(field, value, f"has more than {_MOST_DECIMALS} decimals; {right} would do")
    return number


def _check_tick(code: str, quote: str, price: Decimal, rules: OrderRules, *, is_documented: bool) -> None:
    if rules.tick_size is not None:
        low = max(price // rules.tick_size * rules.tick_size, rules.tick_size)
        high = low if low == price else low + rules.tick_size
    elif quote in TICK_SIZES:
        low, high = round_to_tick(code, price, "down"), round_to_tick(code, price, "up")
    else:
        return
    if price not in (low, high):
        near = f"{format(low, 'f')} or {format(high, 'f')}" if low != high else format(low, "f")
        reason = f"is between two valid prices: {near} would do"
        raise InvalidOrderError("price", format(price, "f"), reason, "tick_size", is_documented)


def _check_total(
    quote: str, price: Decimal | None, volume: Decimal | None, rules: OrderRules, given: OrderRules
) -> None:
    if price is None:
        return  # a sale at the market's price: what it brings is not known
    total = price if volume is None else price * volume
    text = format(total.normalize(), "f")
    field = "price" if volume is None else "price × volume"
    if rules.min_total is not None and total < rules.min_total:
        least = format(rules.min_total, "f")
        reason = f"is below the minimum of {least} {quote}"
        raise InvalidOrderError(field, f"{text} {quote}", reason, "min_total", given.min_total is None)
    if rules.max_total is not None and total > rules.max_total:
        most = format(rules.max_total, "f")
        reason = f"is above the maximum of {most} {quote}"
        raise InvalidOrderError(field, f"{text} {quote}", reason, "max_total", given.max_total is None)


def _merged(given: OrderRules | None, documented: OrderRules | None) -> OrderRules:
    """What is known, field by field; a limit of 0 that was given is a limit and not a missing one."""
    given, documented = given or OrderRules(), documented or OrderRules()
    if given.tick_size is not None and given.tick_size <= 0:
        raise InvalidOrderError(
            "rules", given.tick_size, "a tick_size is positive: leave it out for the tables"
        )
    return OrderRules(
        documented.tick_size if given.tick_size is None else given.tick_size,
        documented.min_total if given.min_total is None else given.min_total,
        documented.max_total if given.max_total is None else given.max_total,
        given.types,
    )
