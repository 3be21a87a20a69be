"""What a developer asks for, checked at the call and turned into wishes.

Upbit ignores mistakes in silence (protocol section 4); so each is refused here, saying what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.exceptions import InvalidSubscriptionError
from qt_upbit.protocol.subscription_state_manager import StreamRequest
from qt_upbit.protocol.wire import BOOK_DEPTHS
from qt_upbit.regions import QUOTE_CURRENCIES, Region
from qt_upbit.types import (
    ALL_CODES,
    EVENT_TYPES,
    AnnouncementCategory,
    CandlePeriod,
    CandleUnit,
    CodeRule,
    EventSpec,
    IndicatorDefinition,
    IndicatorTimeframe,
    IndicatorType,
    StreamKey,
)

__all__ = ["check_code", "requests_for", "resolve_spec", "resolve_unit"]

_CODE: Final = re.compile(r"[A-Z0-9]{2,10}-[A-Z0-9]{1,20}\Z")
_HOME: Final = tuple(f"-{region.quote_currency}" for region in Region)
"""A country's money is what coins are quoted in, and is none itself."""
_REQUIRED: Final = ("timeframe", "indicators")
"""Options that Upbit has no default for."""
_MAX_COMBINATIONS: Final = 100
"""Indicators times codes that one request may hold (protocol section 3.8)."""


def resolve_spec(name: str) -> EventSpec:
    """The event type with a name.

    Raises:
        InvalidSubscriptionError: there is none.
    """
    row = EVENT_TYPES.get(name) if isinstance(name, str) else None
    if row is None:
        raise InvalidSubscriptionError(f"no event type {_shown(name)}: choose from {', '.join(EVENT_TYPES)}")
    return row


def resolve_unit(unit: object) -> CandleUnit | CandlePeriod:
    """The length of candles with a name, of those that Upbit streams and of those that only REST gives.

    Raises:
        InvalidSubscriptionError: there is none.
    """
    known: list[CandleUnit | CandlePeriod] = [*CandleUnit, *CandlePeriod]
    for each in known:
        if unit == each:
            return each
    raise InvalidSubscriptionError(f"unit {_shown(unit)} is none of {', '.join(known)}")


def requests_for(
    row: EventSpec,
    codes: Sequence[str] | None,
    *,
    snapshot: bool = True,
    realtime: bool = True,
    unit: str | None = None,
    depth: int | None = None,
    **options: Any,
) -> tuple[StreamRequest, ...]:
    """What a subscription wants, one wish per stream, in the order of the codes.

    Raises:
        InvalidSubscriptionError: with what would be right.
    """
    _flags(row, snapshot, realtime)
    unknown = set(options) - set(row.options)
    if unknown:
        takes = f"it takes {', '.join(row.options)}" if row.options else "it takes no options"
        raise InvalidSubscriptionError(f"{row.name} takes no {', '.join(sorted(unknown))}: {takes}")
    missing = {name for name in _REQUIRED if name in row.options} - set(options)
    if missing:
        raise InvalidSubscriptionError(f"{row.name} needs {' and '.join(sorted(missing))}")
    wire_type = _wire_type(row, unit)
    checked = _codes(row, codes)
    rows = _depth(row, depth)
    values = {name: _OPTION_CHECKS[name](row, value, checked) for name, value in options.items()}
    variant: tuple[Hashable, ...] = tuple(values.pop(name, 0) for name in row.stream_fields)
    rest = tuple(sorted((name, value) for name, value in values.items() if value is not False))
    return tuple(
        StreamRequest(StreamKey(wire_type, code, variant), rows, snapshot, realtime, rest) for code in checked
    )


def _flags(row: EventSpec, snapshot: bool, realtime: bool) -> None:
    for name, value in (("snapshot", snapshot), ("realtime", realtime)):
        if not isinstance(value, bool):
            raise InvalidSubscriptionError(f"{name} must be True or False, not {_shown(value)}")
    if not snapshot and not realtime:
        raise InvalidSubscriptionError(
            "neither snapshot nor realtime leaves nothing to receive: set one of them to True"
        )
    if not realtime and not row.has_snapshot:
        raise InvalidSubscriptionError(f"{row.name} has no snapshot: leave realtime=True")


def _wire_type(row: EventSpec, unit: str | None) -> str:
    if not row.units:
        if unit is not None:
            raise InvalidSubscriptionError(f"{row.name} has no unit: only candles have")
        return row.wire_type
    if unit not in row.units:
        raise InvalidSubscriptionError(f"unit {_shown(unit)} is none of {', '.join(row.units)}")
    return f"{row.wire_type}.{unit}"


def _codes(row: EventSpec, codes: Sequence[str] | None) -> tuple[str, ...]:
    if row.codes is CodeRule.FORBIDDEN:
        if codes:
            raise InvalidSubscriptionError(f"{row.name} takes no codes: it covers the whole account")
        return (ALL_CODES,)
    if codes is None and row.codes is CodeRule.OPTIONAL:
        return (ALL_CODES,)
    if isinstance(codes, str):
        raise InvalidSubscriptionError(f"codes must be a list: [{_shown(codes)}]")
    if not isinstance(codes, Iterable) or isinstance(codes, Mapping | bytes):
        raise InvalidSubscriptionError(f'codes must be a list such as ["KRW-BTC"], not {_shown(codes)}')
    codes = tuple(codes)
    if not codes:
        empty = "None for all pairs, or " if row.codes is CodeRule.OPTIONAL else ""
        raise InvalidSubscriptionError(f'codes is empty: give {empty}pairs such as ["KRW-BTC"]')
    for code in codes:
        check_code(code)
    return tuple(dict.fromkeys(codes))


def _shown(value: object) -> str:
    """What was given, in few words: a mistake may be of any size."""
    try:
        return f"{value!r:.80}"
    except (ValueError, RecursionError):
        return f"this {type(value).__name__}"  # more than 4,300 digits, or endless nesting


def check_code(code: object) -> None:
    """Whether a code can be one; whether there is such a pair only Upbit knows.

    Raises:
        InvalidSubscriptionError: with what would be right.
    """
    if not isinstance(code, str):
        raise InvalidSubscriptionError(f"a code must be text such as 'KRW-BTC', not {type(code).__name__}")
    if not _CODE.match(code) or code.endswith(_HOME):
        raise InvalidSubscriptionError(f"{code!r:.80} is no code: {_suggest(code)}")


def _suggest(code: str) -> str:
    if code.upper().endswith(_HOME):
        base, _, quote = code.upper().partition("-")
        return f"the quote currency comes first, '{quote}-{base}'"
    if _CODE.match(code.upper()):
        return f"codes are upper case, {code.upper()!r} (Upbit ignores others in silence)"
    bare, _, suffix = code.partition(".")
    if suffix and _CODE.match(bare):
        return f"give the depth as depth={suffix}, and the code as {bare!r}"
    for separator in "/_":
        if separator in code:
            return "codes are QUOTE-BASE with a hyphen, such as 'KRW-BTC'"
    return "codes are QUOTE-BASE, such as 'KRW-BTC'"


def _depth(row: EventSpec, depth: int | None) -> int:
    if not row.has_depth:
        if depth is not None:
            raise InvalidSubscriptionError(f"{row.name} has no depth: only order books have")
        return 0
    wanted = BOOK_DEPTHS[-1] if depth is None else depth
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in BOOK_DEPTHS:
        raise InvalidSubscriptionError(
            f"depth {_shown(wanted)} is none of {', '.join(map(str, BOOK_DEPTHS))}"
        )
    return wanted


_WITHOUT_LEVELS: Final = tuple(f"{each.symbol}-" for each in QUOTE_CURRENCIES.values() if each.is_shared)
"""Quote currencies without grouped books and indicators (protocol sections 2.4 and 3.8)."""

# --- options --------------------------------------------------------------------------------------


def _level(_row: EventSpec, value: Any, codes: tuple[str, ...]) -> Hashable:
    usable = isinstance(value, int | Decimal) and not isinstance(value, bool)
    # Upbit's levels are round numbers of the quote currency; nothing is grouped by 10^20.
    if not usable or not Decimal(value).is_finite() or not 0 <= value < 10**20:
        raise InvalidSubscriptionError(
            f"level must be a whole number or Decimal, 0 or more, not {_shown(value)}"
        )
    if value and (others := [code for code in codes if code.startswith(_WITHOUT_LEVELS)]):
        raise InvalidSubscriptionError(
            f"level is not for BTC and USDT pairs, and {others[0]} stays silent with it: use level=0"
        )
    return int(value) if value == int(value) else value


def _categories(_row: EventSpec, value: Any, _codes: tuple[str, ...]) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping) or not value:
        raise InvalidSubscriptionError('categories must be a list such as ["trade"], or None for all')
    known = [str(category) for category in AnnouncementCategory]
    for category in value:
        if category not in known:
            raise InvalidSubscriptionError(f"category {_shown(category)} is none of {', '.join(known)}")
    return tuple(dict.fromkeys(map(str, value)))


def _include_body(_row: EventSpec, value: Any, _codes: tuple[str, ...]) -> bool:
    if not isinstance(value, bool):
        raise InvalidSubscriptionError(f"include_body must be True or False, not {_shown(value)}")
    return value


def _timeframe(_row: EventSpec, value: Any, _codes: tuple[str, ...]) -> str:
    known = [str(timeframe) for timeframe in IndicatorTimeframe]
    if value not in known:
        raise InvalidSubscriptionError(f"timeframe {_shown(value)} is none of {', '.join(known)}")
    return str(value)


def _indicators(row: EventSpec, value: Any, codes: tuple[str, ...]) -> tuple[IndicatorDefinition, ...]:
    if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping) or not value:
        raise InvalidSubscriptionError(
            'indicators must be a list: [{"type": "rsi", "params": {"period": 14}}]'
        )
    known = [str(indicator) for indicator in IndicatorType]
    definitions = []
    for each in value:
        wanted = each if isinstance(each, IndicatorDefinition) else _definition(each)
        if wanted.type not in known:
            raise InvalidSubscriptionError(f"indicator {wanted.type!r} is none of {', '.join(known)}")
        if "trigger" in row.event_class.__struct_fields__:
            if wanted.trigger is None:
                raise InvalidSubscriptionError(
                    f'{row.name} needs a trigger for {wanted.type}, such as "price_cross_above"'
                )
        elif wanted.trigger is not None or wanted.event_params is not None:
            raise InvalidSubscriptionError(
                f"{row.name} takes no trigger: subscribe to indicator_signal, or leave it out"
            )
        definitions.append(wanted)
    if len(definitions) * len(codes) > _MAX_COMBINATIONS:
        raise InvalidSubscriptionError(
            f"{len(definitions)} indicators for {len(codes)} codes are more than "
            f"{_MAX_COMBINATIONS} combinations"
        )
    if others := [code for code in codes if code.startswith(_WITHOUT_LEVELS)]:
        raise InvalidSubscriptionError(f"indicators are not for BTC and USDT pairs such as {others[0]}")
    return tuple(dict.fromkeys(definitions))


def _definition(given: Any) -> IndicatorDefinition:
    try:
        wanted = msgspec.convert(given, IndicatorDefinition)
    except msgspec.ValidationError as exc:
        raise InvalidSubscriptionError(f"indicator {_shown(given)}: {exc}") from None
    # A misspelled name would be left out in silence.
    for part, struct in (
        (given, wanted),
        (given["params"], wanted.params),
        (given.get("event_params"), wanted.event_params),
    ):
        known = struct.__struct_fields__ if struct is not None else ()
        if unknown := [name for name in part or () if name not in known]:
            raise InvalidSubscriptionError(
                f"indicator {_shown(given)}: {unknown[0]!r} is none of {', '.join(known)}"
            )
    return wanted


_OPTION_CHECKS: Final = {
    "level": _level,
    "categories": _categories,
    "include_body": _include_body,
    "timeframe": _timeframe,
    "indicators": _indicators,
}
