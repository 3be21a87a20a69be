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
    spec = EVENT_TYPES.get(name) if isinstance(name, str) else None
    if spec is None:
        raise InvalidSubscriptionError(f"no event type {shown(name)}: choose from {', '.join(EVENT_TYPES)}")
    return spec


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
    spec: EventSpec,
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
    _flags(spec, snapshot, realtime)
    unknown = set(options) - set(spec.option_names)
    if unknown:
        takes = f"it takes {', '.join(spec.option_names)}" if spec.options else "it takes no options"
        raise InvalidSubscriptionError(f"{spec.name} takes no {', '.join(sorted(unknown))}: {takes}")
    missing = {option.name for option in spec.options if option.is_required} - set(options)
    if missing:
        raise InvalidSubscriptionError(f"{spec.name} needs {' and '.join(sorted(missing))}")
    wire_type = _wire_type(spec, unit)
    checked = _codes(spec, codes)
    rows = _depth(spec, depth)
    values = {
        option.name: option.check(options[option.name], checked)
        for option in spec.options
        if option.name in options
    }
    variant: tuple[Hashable, ...] = tuple(values.pop(name, 0) for name in spec.stream_fields)
    rest = tuple(sorted((name, value) for name, value in values.items() if value is not False))
    return tuple(
        StreamRequest(StreamKey(wire_type, code, variant), rows, snapshot, realtime, rest) for code in checked
    )


def _flags(spec: EventSpec, snapshot: bool, realtime: bool) -> None:
    for name, value in (("snapshot", snapshot), ("realtime", realtime)):
        if not isinstance(value, bool):
            raise InvalidSubscriptionError(f"{name} must be True or False, not {shown(value)}")
    if not snapshot and not realtime:
        raise InvalidSubscriptionError(
            "neither snapshot nor realtime leaves nothing to receive: set one of them to True"
        )
    if not realtime and not spec.has_snapshot:
        raise InvalidSubscriptionError(f"{spec.name} has no snapshot: leave realtime=True")


def _wire_type(spec: EventSpec, unit: str | None) -> str:
    if not spec.units:
        if unit is not None:
            raise InvalidSubscriptionError(f"{spec.name} has no unit: only candles have")
        return spec.wire_type
    if unit not in spec.units:
        raise InvalidSubscriptionError(f"unit {shown(unit)} must be one of {', '.join(spec.units)}")
    return f"{spec.wire_type}.{unit}"


def _codes(spec: EventSpec, codes: Sequence[str] | None) -> tuple[str, ...]:
    if spec.codes is CodeRule.FORBIDDEN:
        if codes:
            raise InvalidSubscriptionError(f"{spec.name} takes no codes: it covers the whole account")
        return (ALL_CODES,)
    if codes is None and spec.codes is CodeRule.OPTIONAL:
        return (ALL_CODES,)
    if isinstance(codes, str):
        raise InvalidSubscriptionError(f"codes must be a list: [{shown(codes)}]")
    if not isinstance(codes, Iterable) or isinstance(codes, Mapping | bytes):
        raise InvalidSubscriptionError(f'codes must be a list such as ["KRW-BTC"], not {shown(codes)}')
    codes = tuple(codes)
    if not codes:
        empty = "None for all pairs, or " if spec.codes is CodeRule.OPTIONAL else ""
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


def _depth(spec: EventSpec, depth: int | None) -> int:
    if not spec.has_depth:
        if depth is not None:
            raise InvalidSubscriptionError(f"{spec.name} has no depth: only order books have")
        return 0
    wanted = BOOK_DEPTHS[-1] if depth is None else depth
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in BOOK_DEPTHS:
        raise InvalidSubscriptionError(
            f"depth {shown(wanted)} must be one of {', '.join(map(str, BOOK_DEPTHS))}"
        )
    return wanted
