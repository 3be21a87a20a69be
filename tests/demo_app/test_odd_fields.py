"""The terminal while Upbit's frames lack every field that an event can do without."""

from __future__ import annotations

import pytest

from qt_upbit import GlobalWebSocketManager, Scope
from qt_upbit.simulator.faults.faults import OddFields
from tests.demo_app.conftest import Open, Terminal
from tests.support.wait import until


@pytest.mark.parametrize("value", ["null", "object"])
async def test_every_panel_survives_odd_fields(exchange: Terminal, open_window: Open, value: str) -> None:
    server = await exchange(market_running=True, account_running=True)
    for scope in Scope:
        server.faults.inject(OddFields(scope=scope, value=value, times=10**9))
    window = open_window()
    manager = GlobalWebSocketManager.instance()
    await until(lambda: manager.metrics().events_delivered > 200)
    odd = manager.metrics().odd_fields
    assert {"ticker.change_rate", "orderbook.total_ask_size", "trade.ask_bid"} <= odd.keys()
    window.grab()
