"""What Upbit's SDK requests in its tests is offered, and two sets of parameters are kept apart."""

from __future__ import annotations

import json

import pytest

from qt_upbit.simulator.sessions.indicator_offer import is_offered
from tests.support.frames import DATA

REQUESTS = (
    (DATA / "2026-11" / "indicator_signal.requests.docs.jsonl").read_text(encoding="utf-8").splitlines()
)


@pytest.mark.parametrize("line", REQUESTS)
def test_the_requests_of_the_sdk_are_offered(line: str) -> None:
    for wanted in json.loads(line)["indicators"]:
        assert is_offered(wanted, is_signal=True)


@pytest.mark.parametrize(
    ("kind", "params", "as_value", "as_signal"),
    [
        ("volume", {"period": 20}, True, True),
        ("volume", {"period": 5}, True, False),
        ("volume", {"period": 6}, False, False),
        ("rsi", {"period": 2}, True, False),
        ("rsi", {"period": 15}, False, False),
        ("rsi", {"period": 14.0}, True, True),
        ("moving_average", {"type": "EMA", "period": 99}, True, False),
        ("moving_average", {"type": "SMA", "period": 120}, True, True),
        ("moving_average", {"type": "WMA", "period": 120}, False, False),
        ("bollinger_bands", {"period": 10, "multiplier": 1.5}, True, False),
        ("bollinger_bands", {"period": 20, "multiplier": 2}, True, True),
        ("bollinger_bands", {"period": 20, "multiplier": 3}, False, False),
        ("ma_crossover", {"type": "SMA", "short_period": 50, "long_period": 200}, True, True),
        ("ma_crossover", {"short_period": 5, "long_period": 60}, False, False),
        ("macd", {"fast": 5, "slow": 35, "signal_period": 5}, True, True),
        ("macd", {"fast": 5, "slow": 26}, False, False),
        ("macd", {}, True, True),
        ("rsi", {"fast": 5}, False, False),
        ("rsi", {"period": True}, False, False),
        ("rsi", {"period": "many"}, False, False),
        ("rsi", [14], False, False),
        ("moon", {}, False, False),
    ],
)
def test_values_and_signals_have_their_own_parameters(
    kind: str, params: object, as_value: bool, as_signal: bool
) -> None:
    wanted = {"type": kind, "params": params}
    assert is_offered(wanted, is_signal=False) is as_value
    assert is_offered(wanted, is_signal=True) is as_signal


@pytest.mark.parametrize(
    ("kind", "trigger", "limits", "offered"),
    [
        ("volume", "volume_spike", {"multiplier": 3}, True),
        ("volume", "volume_spike", {"multiplier": 4}, False),
        ("rsi", "overbought", {"threshold": 80}, True),
        ("rsi", "oversold", {"threshold": 80}, False),
        ("rsi", "oversold", None, True),
        ("rsi", "golden_cross", None, False),
        ("macd", "zero_cross_below", {}, True),
        ("macd", "price_cross_above", {}, False),
        ("bollinger_bands", "price_cross_below", {}, True),
    ],
)
def test_a_trigger_belongs_to_its_indicator(kind: str, trigger: str, limits: object, offered: bool) -> None:
    wanted = {"type": kind, "trigger": trigger, "event_params": limits}
    assert is_offered(wanted, is_signal=True) is offered
