"""Alerts fire once, and again only after their condition was over."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, Rounded, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.alerts.alerts import HYSTERESIS, Alert, AlertKind, AlertRule, alerts_from_text, alerts_to_text

PRICES = st.lists(st.decimals(90, 110, places=2), max_size=60)


@given(PRICES, st.sampled_from([AlertKind.ABOVE, AlertKind.BELOW]))
def test_alert_fires_again_only_after_price_moved_back_past_hysteresis(
    prices: list[Decimal], kind: AlertKind
) -> None:
    threshold = Decimal(100)
    rule, sign = AlertRule(Alert("a", "KRW-BTC", kind, threshold)), 1 if kind is AlertKind.ABOVE else -1
    has_fired, was_back = False, True
    for second, price in enumerate(prices):
        distance = (price - threshold) * sign
        if distance <= -threshold * HYSTERESIS:
            was_back = True
        fires = rule.price(float(second), price)
        assert fires == (distance >= 0 and (was_back or not has_fired))
        if fires:
            has_fired, was_back = True, False


@given(PRICES, st.integers(1, 20))
def test_a_change_is_measured_over_its_window_only(prices: list[Decimal], window: int) -> None:
    rule, is_armed = AlertRule(Alert("a", "KRW-BTC", AlertKind.CHANGE, Decimal(3), window)), True
    for second, price in enumerate(prices):
        seen = prices[max(0, second - window) : second + 1]
        change = max((price - min(seen)) / min(seen), (max(seen) - price) / max(seen)) * 100
        assert rule.price(float(second), price) == (is_armed and change >= 3)
        is_armed = change < 3 and (is_armed or change <= Decimal("1.5"))


@pytest.mark.parametrize("kind", [AlertKind.ABOVE, AlertKind.BELOW, AlertKind.CHANGE])
def test_a_program_with_a_decimal_context_of_its_own_has_the_same_alerts(kind: AlertKind) -> None:
    def fired() -> list[bool]:
        rule = AlertRule(Alert("a", "KRW-BTC", kind, Decimal("143000000.12345678")))
        if kind is AlertKind.CHANGE:
            rule = AlertRule(Alert("a", "KRW-BTC", kind, Decimal("0.00003")))
        prices = ("143000000.12345678", "143000050.1", "142999950.3", "143000000.12345678", "142999950.3")
        return [rule.price(float(second), Decimal(price)) for second, price in enumerate(prices)]

    documented = fired()
    assert any(documented)
    with localcontext(Context(prec=3, traps=[Inexact, Rounded])):
        assert fired() == documented


def test_every_fill_of_its_pair_fires() -> None:
    rule = AlertRule(Alert("a", "KRW-BTC", AlertKind.FILL))
    assert rule.fill("KRW-BTC")
    assert rule.fill("KRW-BTC")
    assert not rule.fill("KRW-ETH")
    assert not rule.price(0.0, Decimal(1))


def test_a_disabled_alert_does_not_fire() -> None:
    rule = AlertRule(Alert("a", "KRW-BTC", AlertKind.ABOVE, Decimal(1), is_enabled=False))
    assert not rule.price(0.0, Decimal(2))


def test_alerts_round_trip_exactly_and_unreadable_entries_are_skipped() -> None:
    alerts = [
        Alert("a", "KRW-BTC", AlertKind.ABOVE, Decimal("143000000.12345678"), is_once=True),
        Alert("b", "KRW-ETH", AlertKind.CHANGE, Decimal("2.5"), 60, is_enabled=False),
        Alert("c", "KRW-XRP", AlertKind.FILL),
    ]
    text = alerts_to_text(alerts)
    assert alerts_from_text(text) == alerts
    assert alerts_from_text(text.replace('"above"', '"beyond"')) == alerts[1:]
    # The format before `is_once` was added.
    assert alerts_from_text(text.replace(',"is_once":false', ""))[1:] == alerts[1:]
    assert alerts_from_text("{") == []
    assert alerts_from_text("") == []


@pytest.mark.parametrize("threshold", ["0", "-1", "NaN", "Infinity"])
def test_a_threshold_is_a_positive_number(threshold: str) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Alert("a", "KRW-BTC", AlertKind.ABOVE, Decimal(threshold))
