"""Every reason to ask twice has words in both languages."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from demo_app.style.language import Language
from demo_app.terminal_state import TerminalState
from demo_app.trading.order_ticket import OrderTicket
from demo_app.widgets.order_cautions import caution_text, stale_price_text
from qt_upbit import AskBid, OrderType

D = Decimal


@pytest.mark.parametrize("tongue", ["en", "ko"])
@pytest.mark.parametrize(("seconds", "lines"), [(None, 3), (0, 4), (75, 4)])
async def test_each_reason_is_a_line(
    offline: None, state: TerminalState, language: Language, tongue: str, seconds: int | None, lines: int
) -> None:
    language.use(tongue)
    state._freshness = SimpleNamespace(is_stale=seconds is not None, seconds=seconds or 0)  # type: ignore[assignment]  # a stand-in
    ticket = OrderTicket("KRW-XRP", AskBid.BID, OrderType.LIMIT, D(200), D(100_000))
    text = caution_text(state, ticket, last_price=D(100), needed=D(900), available=D(1000))
    said = text.split("\n")
    assert len(said) == lines
    assert "100.00%" in said[0]
    assert "20,000,000 KRW" in said[1]
    assert "90.00%" in said[2]
    assert (stale_price_text(state) in said) is (seconds is not None)
    if seconds:
        assert "75" in said[3]
    if tongue == "ko":
        assert all(any("가" <= letter <= "힣" for letter in line) for line in said)
    unpriced = caution_text(state, ticket, last_price=None, needed=D(1), available=None)
    assert len(unpriced.split("\n")) == 2
