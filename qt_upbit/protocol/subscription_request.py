"""What a developer asks for, checked at the call and turned into stream requests.

Upbit silently ignores mistakes (protocol section 4); so each is refused here, saying what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final

from qt_upbit.exceptions import InvalidSubscriptionError
from qt_upbit.protocol.subscription_state_manager import StreamRequest
from qt_upbit.protocol.wire import BOOK_DEPTHS
from qt_upbit.regions import Region
from qt_upbit.types import (
    ALL_CODES,
    EVENT_TYPES,
    CandlePeriod,
    CandleUnit,
    CodeRule,
    EventSpec,
    StreamKey,
)
from qt_upbit.types.options import shown

__all__ = ["check_code", "requests_for", "resolve_spec", "resolve_unit"]

_CODE: Final = re.compile(r"[A-Z0-9]{2,10}-[A-Z0-9]{1,20}\Z")
_HOME: Final = tuple(f"-{region.quote_currency}" for region in Region)
"""A country's money is what coins are quoted in, and is none itself."""


def resolve_spec(name: str) -> EventSpec:
    """The event type with a name.

    Raises:
        InvalidSubscriptionError: there is none.
    """
    row = EVENT_TYPES.get(name) if isinstance(name, str) else None
    if row is None:
        raise InvalidSubscriptionError(f"no event type {shown(name)}: choose from {', '.join(EVENT_TYPES)}")
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
    raise InvalidSubscriptionError(f"unit {shown(unit)} must be one of {', '.join(known)}")


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
    """What a subscription wants, one `StreamRequest` per stream, in the order of the codes.

    Raises:
        InvalidSubscriptionError: with what would be right.
    """
    _flags(row, snapshot, realtime)
    unknown = set(options) - set(row.option_names)
    if unknown:
        takes = f"it takes {', '.join(row.option_names)}" if row.options else "it takes no options"
        raise InvalidSubscriptionError(f"{row.name} takes no {', '.join(sorted(unknown))}: {takes}")
    missing = {option.name for option in row.options if option.is_required} - set(options)
    if missing:
        raise InvalidSubscriptionError(f"{row.name} needs {' and '.join(sorted(missing))}")
    wire_type = _wire_type(row, unit)
    checked = _codes(row, codes)
    rows = _depth(row, depth)
    values = {
        option.name: option.check(options[option.name], checked)
        for option in row.options
        if option.name in options
    }
    variant: tuple[Hashable, ...] = tuple(values.pop(name, 0) for name in row.stream_fields)
    rest = tuple(sorted((name, value) for name, value in values.items() if value is not False))
    return tuple(
        StreamRequest(StreamKey(wire_type, code, variant), rows, snapshot, realtime, rest) for code in checked
    )


def _flags(row: EventSpec, snapshot: bool, realtime: bool) -> None:
    for name, value in (("snapshot", snapshot), ("realtime", realtime)):
        if not isinstance(value, bool):
            raise InvalidSubscriptionError(f"{name} must be True or False, not {shown(value)}")
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
        raise InvalidSubscriptionError(f"unit {shown(unit)} must be one of {', '.join(row.units)}")
    return f"{row.wire_type}.{unit}"


def _codes(row: EventSpec, codes: Sequence[str] | None) -> tuple[str, ...]:
    if row.codes is CodeRule.FORBIDDEN:
        if codes:
            raise InvalidSubscriptionError(f"{row.name} takes no codes: it covers the whole account")
        return (ALL_CODES,)
    if codes is None and row.codes is CodeRule.OPTIONAL:
        return (ALL_CODES,)
    if isinstance(codes, str):
        raise InvalidSubscriptionError(f"codes must be a list: [{shown(codes)}]")
    if not isinstance(codes, Iterable) or isinstance(codes, Mapping | bytes):
        raise InvalidSubscriptionError(f'codes must be a list such as ["KRW-BTC"], not {shown(codes)}')
    codes = tuple(codes)
    if not codes:
        empty = "None for all pairs, or " if row.codes is CodeRule.OPTIONAL else ""
        raise InvalidSubscriptionError(f'codes is empty: give {empty}pairs such as ["KRW-BTC"]')
    for code in codes:
        check_code(code)
    return tuple(dict.fromkeys(codes))


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
        return f"codes are upper case, {code.upper()!r} (Upbit silently ignores others)"
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
            f"depth {shown(wanted)} must be one of {', '.join(map(str, BOOK_DEPTHS))}"
        )
    return wanted
