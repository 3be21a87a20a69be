"""`OptionSpec`: an option that requests of an event type may carry, declared in the type's `EventSpec`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from qt_upbit.exceptions import InvalidSubscriptionError
from qt_upbit.regions import QUOTE_CURRENCIES
from qt_upbit.types.enums import AnnouncementCategory, IndicatorTimeframe

__all__ = [
    "CATEGORIES",
    "INCLUDE_BODY",
    "LEVEL",
    "TIMEFRAME",
    "WITHOUT_LEVELS",
    "OptionSpec",
    "either",
    "shown",
    "union",
]

WITHOUT_LEVELS: Final = tuple(f"{each.symbol}-" for each in QUOTE_CURRENCIES.values() if each.is_shared)
"""Quote currencies without grouped books and indicators (protocol sections 2.4 and 3.8)."""


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option of one event type.

    Attributes:
        name: its key in a request, and the keyword of ``subscribe``.
        check: takes the given value and the codes; returns the value to send, hashable, or raises
            `InvalidSubscriptionError` that says what is valid.
        merge: combines the values of two owners for the same stream, so that both get what they requested;
            None for an option that distinguishes streams (`EventSpec.stream_fields`).
        is_required: Upbit has no default for it.
        narrows: True if omitting it requests everything, as with a list of categories; False if omitting it
            requests less, as with a flag.
    """

    name: str
    check: Callable[[Any, tuple[str, ...]], Hashable]
    merge: Callable[[Any, Any], Hashable] | None = None
    is_required: bool = False
    narrows: bool = True

    def merged(self, a: Any, b: Any) -> Any:
        """One value for two owners of a stream; None means that the option was omitted."""
        if a == b:
            return a
        if a is None or b is None:
            return None if self.narrows else (b if a is None else a)
        if self.merge is None:
            raise ValueError(f"{self.name} distinguishes streams: {a!r:.40} and {b!r:.40} cannot be merged")
        return self.merge(a, b)


def union(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """Everything in either list."""
    return (*a, *(item for item in b if item not in a))


def either(a: bool, b: bool) -> bool:
    """Whether either sets the flag."""
    return a or b


def shown(value: object) -> str:
    """A given value in an error text, shortened: it may be of any size."""
    try:
        return f"{value!r:.80}"
    except (ValueError, RecursionError):
        return f"this {type(value).__name__}"  # more than 4,300 digits, or recursion


def _level(value: Any, codes: tuple[str, ...]) -> Hashable:
    usable = isinstance(value, int | Decimal) and not isinstance(value, bool)
    # Upbit's levels are round numbers of the quote currency; nothing is grouped by 10^20.
    if not usable or not Decimal(value).is_finite() or not 0 <= value < 10**20:
        raise InvalidSubscriptionError(
            f"level must be a whole number or Decimal, 0 or more, not {shown(value)}"
        )
    if value and (others := [code for code in codes if code.startswith(WITHOUT_LEVELS)]):
        raise InvalidSubscriptionError(
            f"level is not available for BTC and USDT pairs, {others[0]} never delivers with it: use level=0"
        )
    return int(value) if value == int(value) else value


def _categories(value: Any, _codes: tuple[str, ...]) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping) or not value:
        raise InvalidSubscriptionError('categories must be a list such as ["trade"], or None for all')
    known = [str(category) for category in AnnouncementCategory]
    for category in value:
        if category not in known:
            raise InvalidSubscriptionError(f"category {shown(category)} must be one of {', '.join(known)}")
    return tuple(dict.fromkeys(map(str, value)))


def _include_body(value: Any, _codes: tuple[str, ...]) -> bool:
    if not isinstance(value, bool):
        raise InvalidSubscriptionError(f"include_body must be True or False, not {shown(value)}")
    return value


def _timeframe(value: Any, _codes: tuple[str, ...]) -> str:
    known = [str(timeframe) for timeframe in IndicatorTimeframe]
    if value not in known:
        raise InvalidSubscriptionError(f"timeframe {shown(value)} must be one of {', '.join(known)}")
    return str(value)


LEVEL: Final = OptionSpec("level", _level)
CATEGORIES: Final = OptionSpec("categories", _categories, union)
INCLUDE_BODY: Final = OptionSpec("include_body", _include_body, either, narrows=False)
TIMEFRAME: Final = OptionSpec("timeframe", _timeframe, is_required=True)
