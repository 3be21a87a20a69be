"""Arguments of REST calls, validated at the call: what Upbit would misread is never sent.

An empty list, a 0 or a string where a list belongs would drop out of the query, and Upbit would then use its
default: every market, 20 orders. So "all" must always be requested explicitly, and anything else is refused
here with a message that says what is valid.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from qt_upbit.exceptions import InvalidRequestError
from qt_upbit.protocol.subscription_request import check_code

__all__ = [
    "check_aware",
    "check_codes",
    "check_count",
    "check_currencies",
    "check_currency",
    "check_flag",
    "check_ids",
    "check_level",
    "check_member",
    "check_members",
    "check_one_id",
    "check_one_of",
    "check_order_of",
    "check_time_of_day",
]

_CURRENCY: Final = re.compile(r"[A-Z0-9]{2,10}\Z")
_M = TypeVar("_M", bound=StrEnum)


def check_codes(codes: Iterable[str], *, name: str = "codes", most: int | None = None) -> tuple[str, ...]:
    """Pairs, each once, in the order given.

    Raises:
        InvalidRequestError: empty, more than `most`, or not a list.
        InvalidSubscriptionError: an element is not a code.
    """
    listed = _listed(name, codes, "KRW-BTC", most)
    for code in listed:
        check_code(code)
    return listed


def check_currencies(currencies: Iterable[str]) -> tuple[str, ...]:
    """Quote currencies, each once, in the order given.

    Raises:
        InvalidRequestError: empty, not a list, or an element is not a currency.
    """
    listed = _listed("quote_currencies", currencies, "KRW")
    for each in listed:
        if not isinstance(each, str) or not _CURRENCY.match(each):
            raise InvalidRequestError(f"{each!r:.80} is not a quote currency: give one such as 'KRW'")
    return listed


def check_currency(currency: str) -> str:
    """One currency.

    Raises:
        InvalidRequestError: it is not one.
    """
    if not isinstance(currency, str) or not _CURRENCY.match(currency):
        raise InvalidRequestError(f"{currency!r:.80} is not a currency: give one such as 'BTC'")
    return currency


def check_ids(name: str, ids: Iterable[str], *, most: int | None = None) -> tuple[str, ...]:
    """Order ids, each once, in the order given.

    Raises:
        InvalidRequestError: empty, more than `most`, not a list, or an element is not an id.
    """
    listed = _listed(name, ids, "9ca023a5-851b-4fec-9f0a-48cd83c2eaae", most)
    for each in listed:
        check_one_id(name, each)
    return listed


def check_one_id(name: str, value: object) -> str:
    """One order id.

    Raises:
        InvalidRequestError: empty, or not a string.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequestError(f"{name} must be the id of an order, not {value!r:.80}")
    return value


def check_one_of(**ids: str | None) -> dict[str, str]:
    """The one id that was given.

    Raises:
        InvalidRequestError: none or several were given, or it is empty.
    """
    given = {name: value for name, value in ids.items() if value is not None}
    if len(given) != 1:
        raise InvalidRequestError(f"give one of {', '.join(ids)}")
    return {name: check_one_id(name, value) for name, value in given.items()}


def check_members(name: str, kind: type[_M], values: Iterable[_M | str], allowed: Collection[_M]) -> list[_M]:
    """Members of an enumeration, each once, in the order given.

    Raises:
        InvalidRequestError: empty, not a list, or an element is not allowed.
    """
    listed = _listed(name, values, next(iter(allowed)).value)
    return [check_member(name, kind, value, allowed) for value in listed]


def check_member(name: str, kind: type[_M], value: _M | str, allowed: Collection[_M]) -> _M:
    """A member of an enumeration, given as a member or by its value.

    Raises:
        InvalidRequestError: it is not allowed.
    """
    for each in allowed:
        if isinstance(value, str) and each.value.upper() == value.upper():
            return each
    names = ", ".join(f"{kind.__name__}.{each.name}" for each in allowed)
    raise InvalidRequestError(f"{name} must be one of {names}, not {value!r:.80}")


def check_count(name: str, value: int, *, most: int | None = None) -> int:
    """A count, 1 or more.

    Raises:
        InvalidRequestError: out of range; the message says the range.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value < 1
        or (most is not None and value > most)
    ):
        limits = "1 or more" if most is None else f"1 to {most}"
        raise InvalidRequestError(f"{name} must be {limits}, not {value!r:.80}")
    return value


def check_level(value: int | Decimal) -> str:
    """The grouping of an order book as text; 0 for none.

    Raises:
        InvalidRequestError: negative, or not an exact number.
    """
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if number is None or not number.is_finite() or number < 0:
        raise InvalidRequestError(f"level must be an int or Decimal, 0 or more, not {value!r:.80}")
    return format(number, "f")


def check_flag(name: str, value: bool) -> bool:
    """A flag, strictly True or False.

    Raises:
        InvalidRequestError: it is neither.
    """
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{name} must be True or False, not {value!r:.80}")
    return value


def check_aware(*moments: datetime | None) -> None:
    """Check that datetimes are aware.

    Raises:
        InvalidRequestError: one is naive.
    """
    for moment in moments:
        if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
            raise InvalidRequestError(
                "give aware datetimes, for example datetime.now(UTC): without a time zone they are ambiguous"
            )


def check_order_of(start_name: str, start: datetime | None, end_name: str, end: datetime | None) -> None:
    """Check that a range of aware datetimes does not end before it begins.

    Raises:
        InvalidRequestError: it does, or one is naive.
    """
    check_aware(start, end)
    if start is not None and end is not None and end < start:
        raise InvalidRequestError(f"{start_name} {start} is later than {end_name} {end}")


def check_time_of_day(name: str, value: time) -> str:
    """A time of day in UTC, naive or with UTC as its zone, as Upbit reads it: whole seconds.

    Raises:
        InvalidRequestError: not a time, of another zone, or with a fraction of a second.
    """
    if (
        not isinstance(value, time)
        or value.microsecond
        or (value.tzinfo is not None and value.utcoffset() != timedelta(0))
    ):
        raise InvalidRequestError(
            f"{name} must be a time of day in UTC such as time(23, 59), not {value!r:.80}"
        )
    return f"{value:%H:%M:%S}"


def _listed(name: str, given: Iterable[str], example: str, most: int | None = None) -> tuple[str, ...]:
    what = name.replace("_", " ")
    if isinstance(given, str | bytes):
        raise InvalidRequestError(f"give a list of {what}, not a string: [{given!r:.80}]")
    try:
        # Through a dictionary: each once, in order; unhashable elements are invalid anyway.
        listed = tuple(dict.fromkeys(given))
    except TypeError:
        raise InvalidRequestError(f"give a list of {what} such as [{example!r}], not {given!r:.80}") from None
    how_many = "at least one" if most is None else f"1 to {most}"
    if not listed:
        raise InvalidRequestError(
            f"{name} is empty: give {how_many}, such as [{example!r}]; an empty list never means all"
        )
    if most is not None and len(listed) > most:
        raise InvalidRequestError(f"{name}: give {how_many}, not {len(listed)}")
    return listed
