"""Indicators of a request: `IndicatorDefinition`, its parts and its validation (protocol section 3.8)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from qt_upbit.exceptions import InvalidSubscriptionError
from qt_upbit.types.enums import IndicatorType
from qt_upbit.types.options import WITHOUT_LEVELS, OptionSpec, shown, union
from qt_upbit.types.wire_struct import WireStruct, wire_key

__all__ = [
    "INDICATORS",
    "INDICATORS_WITH_TRIGGER",
    "IndicatorDefinition",
    "IndicatorEventParams",
    "IndicatorParams",
    "is_among_definitions",
]

_MAX_COMBINATIONS: Final = 100
"""Maximum of indicators times codes in one request."""


class IndicatorParams(WireStruct, frozen=True, kw_only=True, eq=False, omit_defaults=True):
    """Parameters of an indicator; which are present depends on the indicator."""

    period: Annotated[int | None, wire_key("p")] = None
    type: Annotated[str | None, wire_key("t")] = None
    short_period: Annotated[int | None, wire_key("shp")] = None
    long_period: Annotated[int | None, wire_key("lop")] = None
    multiplier: Annotated[Decimal | None, wire_key("m")] = None
    fast: Annotated[int | None, wire_key("f")] = None
    slow: Annotated[int | None, wire_key("s")] = None
    signal_period: Annotated[int | None, wire_key("sgp")] = None


class IndicatorEventParams(WireStruct, frozen=True, kw_only=True, eq=False, omit_defaults=True):
    """Threshold with which a signal was requested."""

    threshold: Annotated[Decimal | None, wire_key("th")] = None
    multiplier: Annotated[Decimal | None, wire_key("mul")] = None


class IndicatorDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One indicator of a request: ``indicators=[IndicatorDefinition(type="rsi", params=…)]``.

    `trigger` and `event_params` are for indicator_signal only.
    """

    type: str
    params: IndicatorParams
    trigger: str | None = None
    event_params: IndicatorEventParams | None = None


def is_among_definitions(event: Any, options: Mapping[str, Any]) -> bool:
    """Whether an event is of an indicator that a subscriber with these options requested."""
    return any(
        event.indicator == wanted.type
        and event.params == wanted.params
        and wanted.trigger in (None, getattr(event, "trigger", None))
        and wanted.event_params in (None, getattr(event, "event_params", None))
        for wanted in options.get("indicators") or ()
    )


def _definitions(
    value: Any, codes: tuple[str, ...], *, with_trigger: bool
) -> tuple[IndicatorDefinition, ...]:
    if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping) or not value:
        raise InvalidSubscriptionError(
            'indicators must be a list: [{"type": "rsi", "params": {"period": 14}}]'
        )
    known = [str(indicator) for indicator in IndicatorType]
    definitions = []
    for each in value:
        wanted = each if isinstance(each, IndicatorDefinition) else _definition(each)
        if wanted.type not in known:
            raise InvalidSubscriptionError(f"indicator {wanted.type!r} must be one of {', '.join(known)}")
        if with_trigger:
            if wanted.trigger is None:
                raise InvalidSubscriptionError(
                    f'a signal needs a trigger for {wanted.type}, such as "price_cross_above"'
                )
        elif wanted.trigger is not None or wanted.event_params is not None:
            raise InvalidSubscriptionError(
                "indicator takes no trigger: subscribe to indicator_signal, or leave it out"
            )
        definitions.append(wanted)
    if len(definitions) * len(codes) > _MAX_COMBINATIONS:
        raise InvalidSubscriptionError(
            f"{len(definitions)} indicators for {len(codes)} codes are more than "
            f"{_MAX_COMBINATIONS} combinations"
        )
    if others := [code for code in codes if code.startswith(WITHOUT_LEVELS)]:
        raise InvalidSubscriptionError(
            f"indicators are not available for BTC and USDT pairs such as {others[0]}"
        )
    return tuple(dict.fromkeys(definitions))


def _definition(given: Any) -> IndicatorDefinition:
    try:
        wanted = msgspec.convert(given, IndicatorDefinition)
    except msgspec.ValidationError as exc:
        raise InvalidSubscriptionError(f"indicator {shown(given)}: {exc}") from None
    # A misspelled name would be dropped silently.
    for part, struct in (
        (given, wanted),
        (given["params"], wanted.params),
        (given.get("event_params"), wanted.event_params),
    ):
        known = struct.__struct_fields__ if struct is not None else ()
        if unknown := [name for name in part or () if name not in known]:
            raise InvalidSubscriptionError(
                f"indicator {shown(given)}: {unknown[0]!r} must be one of {', '.join(known)}"
            )
    return wanted


INDICATORS: Final = OptionSpec(
    "indicators", functools.partial(_definitions, with_trigger=False), union, is_required=True
)
INDICATORS_WITH_TRIGGER: Final = OptionSpec(
    "indicators", functools.partial(_definitions, with_trigger=True), union, is_required=True
)
