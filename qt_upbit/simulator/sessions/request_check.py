"""`check_request`: refuses what Upbit refuses in well-formed requests (protocol sections 3.7, 3.8 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from qt_upbit.protocol.wire import Request, RequestItem, RequestRefused
from qt_upbit.simulator.sessions.indicator_offer import is_offered
from qt_upbit.types import (
    AnnouncementCategory,
    IndicatorSignalEvent,
    IndicatorTimeframe,
    IndicatorType,
    Scope,
    spec_of,
)
from qt_upbit.types.registry import spec_of_class

__all__ = ["check_request"]

_WRONG_FORMAT: Final = ("WRONG_FORMAT", "Format 이 맞지 않습니다.")
_NO_INDICATORS: Final = ("INVALID_PARAM", "지원하지 않는 timeframe 또는 indicators 입니다.")


def check_request(request: Request, scope: Scope, max_combinations: int) -> None:
    """Refuse types of other endpoints and option values that do not exist.

    Args:
        request: decoded, so its objects are well-formed.
        scope: the endpoint it came to.
        max_combinations: of indicators and codes, in one object.

    Raises:
        RequestRefused: with Upbit's name and text.
    """
    for item in request.items:
        spec = spec_of(item.type)
        if spec is None or spec.scope is not scope:
            raise RequestRefused("INVALID_PARAM", f"{item.type} 은 지원하지 않는 타입입니다.")
        for option in spec.options:
            value = item.options.get(option.name)
            check = _CHECKS.get(option.name)
            if check is not None:
                check(item, value, max_combinations)
            elif value is None and option.is_required:
                raise RequestRefused("INVALID_PARAM", f"{option.name} 파라미터가 필요합니다.")


def _level(_item: RequestItem, value: Any, _limit: int) -> None:
    if isinstance(value, bool | list | dict):
        raise RequestRefused(*_WRONG_FORMAT)


def _categories(_item: RequestItem, value: Any, _limit: int) -> None:
    if not isinstance(value, list | None):
        raise RequestRefused(*_WRONG_FORMAT)
    for category in value or ():
        if category not in list(AnnouncementCategory):
            raise RequestRefused("INVALID_PARAM", f"{category} 은 지원하지 않는 카테고리입니다.")


def _include_body(_item: RequestItem, value: Any, _limit: int) -> None:
    if not isinstance(value, bool | None):
        raise RequestRefused(*_WRONG_FORMAT)


def _timeframe(_item: RequestItem, value: Any, _limit: int) -> None:
    if value not in list(IndicatorTimeframe):
        raise RequestRefused(*_NO_INDICATORS)


def _indicators(item: RequestItem, value: Any, limit: int) -> None:
    if not isinstance(value, list) or not value:
        raise RequestRefused(*_NO_INDICATORS)
    if not all(isinstance(each, dict) and each.get("type") in list(IndicatorType) for each in value):
        raise RequestRefused("INVALID_PARAM", "지원하지 않는 indicator 입니다.")
    is_signal = item.type == spec_of_class(IndicatorSignalEvent).wire_type
    if not all(is_offered(each, is_signal=is_signal) for each in value):
        raise RequestRefused(*_NO_INDICATORS)
    if len(value) * len(item.codes or ()) > limit:
        raise RequestRefused("TOO_MANY_REQUEST", "요청 가능한 조합 수를 초과했습니다.")


_CHECKS: Final[Mapping[str, Callable[[RequestItem, Any, int], None]]] = {
    "level": _level,
    "categories": _categories,
    "include_body": _include_body,
    "timeframe": _timeframe,
    "indicators": _indicators,
}
"""By option, whichever types have it; the value is None where it was left out. Other options are not
checked."""
