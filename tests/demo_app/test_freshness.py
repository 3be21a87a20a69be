"""Old data is recognised by how the market moved, and every part of the terminal says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.freshness import FreshnessRule
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.shell.main_window import MainWindow
from demo_app.style.language import Language
from qt_upbit import Scope
from qt_upbit.simulator import SimulatedServer
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Open = Callable[..., MainWindow]


def _fed(rule: FreshnessRule, every_s: float, seconds: float) -> tuple[float, int]:
    """A market with a message every `every_s`, looked at once a second; returns time and messages."""
    now = 0.0
    while now < seconds:
        now += 1.0
        count = int(now / every_s)
        assert not rule.observe(now, now - count * every_s if count else None, count)
    return now, int(now / every_s)


@pytest.mark.parametrize(
    ("every_s", "usual_s", "unusual_s"), [(0.05, 2.9, 4.5), (0.5, 9.0, 11.0), (4.0, 60.0, 90.0)]
)
def test_silence_is_judged_by_the_markets_own_rate(every_s: float, usual_s: float, unusual_s: float) -> None:
    rule = FreshnessRule()
    now, count = _fed(rule, every_s, 120.0)
    assert not rule.observe(now + usual_s, usual_s, count)
    assert rule.observe(now + unusual_s, unusual_s, count)
    assert rule.observe(now + unusual_s + 600, unusual_s + 600, count)
    assert not rule.observe(now + unusual_s + 601, 0.0, count + 1)


@given(st.floats(0.01, 20), st.integers(0, 9))
def test_nothing_is_judged_before_enough_was_seen(every_s: float, count: int) -> None:
    rule = FreshnessRule()
    assert not rule.observe(0.0, None, 0)
    for number in range(count):
        assert not rule.observe(number * every_s, 0.0, number)
    assert not rule.observe(1e6, 1e6, count)


def test_a_long_pause_of_the_market_makes_the_next_one_usual() -> None:
    rule = FreshnessRule()
    now, count = _fed(rule, 0.1, 60.0)
    assert rule.observe(now + 10, 10.0, count)
    assert not rule.observe(now + 10, 0.0, count + 1)
    assert not rule.observe(now + 35, 25.0, count + 1)
    assert rule.observe(now + 45, 35.0, count + 1)


async def test_a_frozen_market_looks_frozen_everywhere(
    exchange: Exchange, open_window: Open, language: Language
) -> None:
    """Maintenance without a message: header, lights, panels and the order form say how old the data is."""
    server = await exchange(market_running=True, rate=8.0)
    window = open_window(layout="trading")
    freshness = window.state.freshness
    await until(lambda: freshness._rule is not None and freshness._rule.threshold_s < 6, what="a judgement")
    form = window.panel("order_form")
    assert isinstance(form, OrderFormPanel)
    await until(lambda: form.last_price is not None)
    book = window.panel("orderbook")
    assert not book.stale_text
    assert window.header.age.isHidden()
    server.exchange.set_offline(True)
    await until(lambda: freshness.is_stale and freshness.seconds >= 1)
    await until(lambda: "Last data" in book.stale_text)
    await until(lambda: book.stale_text == freshness.text == window.header.age.text())
    assert window.header.age.isVisible()
    assert not window.header.isEnabled()
    light = window.connection_line._states[Scope.PUBLIC].text()
    assert window.state.theme.warning.name() in light
    await until(lambda: f"Prices are {freshness.seconds} s old" in form.fields.hint.text())
    assert form.fields.submit.property("isStale") is True
    language.use("ko")
    await until(lambda: "마지막 데이터" in window.header.age.text(), what="Korean")
    server.exchange.set_offline(False)
    await until(lambda: not freshness.is_stale)
    assert not book.stale_text
    assert window.header.age.isHidden()
    assert form.fields.submit.property("isStale") is False
