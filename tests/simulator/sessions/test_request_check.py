"""What is refused follows from the declarations: the simulated exchange has no list of its own."""

from __future__ import annotations

from typing import Any

import pytest

from qt_upbit.protocol.wire import Request, RequestItem, RequestRefused
from qt_upbit.simulator.sessions.request_check import check_request
from qt_upbit.types import (
    EVENT_TYPES,
    AnnouncementCategory,
    CodeRule,
    EventSpec,
    IndicatorTimeframe,
    IndicatorType,
    Scope,
)

CODES = ("KRW-BTC",)
GOOD: dict[str, Any] = {"timeframe": "5m", "indicators": [{"type": "rsi"}]}


def _one(kind: str, **params: Any) -> dict[str, Any]:
    return {"timeframe": "5m", "indicators": [{"type": kind, "params": params}]}


def _signal(kind: str, trigger: str, **event_params: Any) -> dict[str, Any]:
    wanted = {"type": kind, "params": {}, "trigger": trigger, "event_params": event_params}
    return {"timeframe": "5m", "indicators": [wanted]}


def check(item: RequestItem, scope: Scope, limit: int = 100) -> None:
    check_request(Request("t", (item,)), scope, limit)


@pytest.mark.parametrize("spec", EVENT_TYPES.values(), ids=lambda spec: spec.name)
def test_a_type_is_served_on_its_own_endpoint_only(spec: EventSpec) -> None:
    options = {name: GOOD[name] for name in spec.option_names if name in GOOD}
    codes = None if spec.codes is CodeRule.FORBIDDEN else CODES
    for wire_type in spec.wire_types:
        item = RequestItem(wire_type, codes, options=options)
        for scope in Scope:
            if scope is spec.scope:
                check(item, scope)
            else:
                with pytest.raises(RequestRefused, match="INVALID_PARAM"):
                    check(item, scope)


@pytest.mark.parametrize("category", AnnouncementCategory)
def test_every_declared_category_is_known(category: AnnouncementCategory) -> None:
    check(RequestItem("announcement", options={"categories": [category.value]}), Scope.PRIVATE)


@pytest.mark.parametrize("timeframe", IndicatorTimeframe)
@pytest.mark.parametrize("indicator", IndicatorType)
def test_every_declared_indicator_and_timeframe_is_known(
    timeframe: IndicatorTimeframe, indicator: IndicatorType
) -> None:
    options = {"timeframe": timeframe.value, "indicators": [{"type": indicator.value}]}
    check(RequestItem("indicator", CODES, options=options), Scope.INFO)


@pytest.mark.parametrize(
    ("wire_type", "options", "name"),
    [
        ("orderbook", {"level": True}, "WRONG_FORMAT"),
        ("orderbook", {"level": [1]}, "WRONG_FORMAT"),
        ("announcement", {"categories": "trade"}, "WRONG_FORMAT"),
        ("announcement", {"categories": ["gossip"]}, "INVALID_PARAM"),
        ("announcement", {"categories": [["trade"]]}, "INVALID_PARAM"),
        ("announcement", {"include_body": 1}, "WRONG_FORMAT"),
        ("indicator", {}, "INVALID_PARAM"),
        ("indicator", GOOD | {"timeframe": "2m"}, "INVALID_PARAM"),
        ("indicator", GOOD | {"timeframe": {}}, "INVALID_PARAM"),
        ("indicator", GOOD | {"indicators": []}, "INVALID_PARAM"),
        ("indicator", GOOD | {"indicators": ["rsi"]}, "INVALID_PARAM"),
        ("indicator", GOOD | {"indicators": [{"type": "moon"}]}, "INVALID_PARAM"),
        ("indicator", _one("rsi", period=15), "INVALID_PARAM"),
        ("indicator", _one("volume", period=7), "INVALID_PARAM"),
        ("indicator", _one("macd", fast=12, slow=17, signal_period=9), "INVALID_PARAM"),
        ("indicator", _one("moving_average", type="WMA"), "INVALID_PARAM"),
        ("indicator", _one("rsi", multiplier=2), "INVALID_PARAM"),
        ("indicator_signal", _one("rsi", period=2), "INVALID_PARAM"),
        ("indicator_signal", _signal("rsi", "golden_cross"), "INVALID_PARAM"),
        ("indicator_signal", _signal("rsi", "overbought", threshold=75), "INVALID_PARAM"),
        ("indicator_signal", _signal("volume", "volume_spike", multiplier=4), "INVALID_PARAM"),
        ("indicator_signal", GOOD | {"indicators": [{"type": "rsi"}] * 101}, "TOO_MANY_REQUEST"),
    ],
)
def test_what_does_not_exist_is_refused(wire_type: str, options: dict[str, Any], name: str) -> None:
    spec = next(spec for spec in EVENT_TYPES.values() if wire_type in spec.wire_types)
    codes = None if spec.codes is CodeRule.FORBIDDEN else CODES
    with pytest.raises(RequestRefused, match=name):
        check(RequestItem(wire_type, codes, options=options), spec.scope)
