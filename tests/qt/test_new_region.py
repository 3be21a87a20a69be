"""A new region is one row: a copy of the sources with another row, used end to end, the demo included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import ROOT

ROW = """
    JP = (
        "jp",
        RegionSpec(
            country="Japan",
            base_url="https://jp-api.upbit.com",
            currency=QuoteCurrency(
                symbol="JPY", per_won=0.11, decimals=0, small_balance=Decimal(1_000){more}
            ),
        ),
    )
"""
WITH_RULES = ', ticks=_ticks(("1000", "5"), ("0", "0.5")), min_total=Decimal(500)'
AFTER = "    @property\n    def base_url(self) -> str:\n"

PROGRAM = """
import asyncio, sys
from decimal import Decimal
from types import SimpleNamespace
import pytest
from PySide6.QtWidgets import QApplication
import qt_upbit
from qt_upbit import (Credentials, GlobalWebSocketManager, InvalidOrderError, InvalidSubscriptionError,
                      Region, WebSocketClientProxy, WebSocketConfig, check_order, round_to_tick)
from qt_upbit.simulator import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatedServer, SimulatorSettings

has_rules = sys.argv[1] == "rules"
assert qt_upbit.__file__.startswith(sys.argv[2]), qt_upbit.__file__
region = Region("jp")
assert WebSocketConfig.from_env({"QT_UPBIT_REGION": "jp"}).rest_url == "https://jp-api.upbit.com/v1"

# checks of orders and subscriptions, tick rules
with pytest.raises(InvalidSubscriptionError, match="JPY-BTC"):
    from qt_upbit.protocol.subscription_request import check_code
    check_code("BTC-JPY")
if has_rules:
    assert round_to_tick("JPY-BTC", Decimal(1234)) == 1235
    with pytest.raises(InvalidOrderError, match="1230 or 1235"):
        check_order("JPY-BTC", "bid", "limit", price=1231, volume=1)
    with pytest.raises(InvalidOrderError, match="minimum of 500 JPY"):
        check_order("JPY-BTC", "bid", "price", price=499)
else:
    with pytest.raises(ValueError, match="no tick table"):
        round_to_tick("JPY-BTC", Decimal(1234))
    check_order("JPY-BTC", "bid", "limit", price="1231.5", volume=1)

# the demo
app = QApplication([])
from demo_app.style import formats
from demo_app.dialogs import settings as dialog
from demo_app.trading.order_entry import nearest_price, spendable
from demo_app.panels.chart.chart_panel import ChartPanel
for price in (130000.4, 0.0, -5.0, float("nan")):
    chart = SimpleNamespace(_content=SimpleNamespace(bars=SimpleNamespace(code="JPY-BTC")))
    assert ChartPanel._valid(chart, price) > 0
assert spendable(Decimal("1000.9"), 100, Decimal(0), "JPY") == 1000
assert formats.price(Decimal(1234), "JPY") == ("1,234" if not has_rules else "1,234")

async def main():
    settings = SimulatorSettings(markets=10, region=region, account_running=False)
    async with SimulatedServer(settings) as server:
        config = WebSocketConfig(
            region=region, base_url=server.url,
            credentials=Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY))
        GlobalWebSocketManager.configure(config)
        manager = GlobalWebSocketManager.instance()
        proxy = WebSocketClientProxy("jp")
        codes = [code for code in server.exchange.market.pairs if code.startswith("JPY-")]
        assert len(codes) == 7, codes
        tickers = []
        proxy.ticker_received.connect(tickers.append)
        await asyncio.wait_for(proxy.subscribe_ticker(codes), 30)
        await asyncio.wait_for(proxy.subscribe_orderbook(codes), 30)
        await asyncio.wait_for(proxy.subscribe_candle(["JPY-BTC"], unit="1m"), 30)
        assert set(await manager.rest.get_all_tickers()) == set(codes)
        (instrument,) = (await manager.rest.get_instruments(["JPY-BTC"])).values()
        assert instrument.tick_size > 0
        balances = await manager.rest.get_accounts()
        assert {each.unit_currency for each in balances} == {"JPY"}
        held = next(each for each in balances if each.currency == "JPY")
        price = nearest_price("JPY-BTC", float(tickers[0].trade_price) * 0.9)
        order = await manager.rest.create_order("JPY-BTC", "bid", "limit", price=price, volume="0.001")
        assert order.locked > 0

        # holdings
        from demo_app.panels.account.balance_rows import BalanceRows, HoldingsShown
        account = qt_upbit.Account.instance()
        await asyncio.wait_for(account.synchronized_once(), 30)
        state = SimpleNamespace(markets={code: None for code in codes}, theme=None)
        rows = BalanceRows(state, account, region.quote_currency)
        shown = HoldingsShown(rows)
        for code in codes:
            rows.set_price(code.partition("-")[2], Decimal(1) / 10**6)
        before = shown.rowCount()
        shown.set_hides_small(True)
        assert 1 == shown.rowCount() < before, (shown.rowCount(), before)
        proxy.close()
    print("done")

qt_upbit.run(main())
"""


@pytest.mark.parametrize("rules", ["rules", "none"])
def test_a_new_region_is_one_row(tmp_path: Path, rules: str) -> None:
    for package in ("qt_upbit", "demo_app", "resources"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "qt_upbit" / "regions.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(AFTER) == 1
    row = ROW.format(more=WITH_RULES if rules == "rules" else "")
    path.write_text(text.replace(AFTER, row.lstrip("\n") + "\n" + AFTER), encoding="utf-8")
    # The copy is not what is measured.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environment = inherited | {
        "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "QT_QPA_PLATFORM": "offscreen"
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, rules, str(tmp_path)],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "done" in ran.stdout
