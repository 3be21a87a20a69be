"""The balances panel: live values, explicit where there is none, and a click that shows the pair."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from demo_app.panels.account.balances_panel import BalancesPanel
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import GlobalWebSocketManager
from qt_upbit.simulator import SimulatedServer
from tests.support.wait import until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]


@pytest.fixture
def state(app: QApplication, tmp_path: Path) -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: True)
    settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
    return TerminalState(make_theme("dark", korean=False), guard, settings, "KRW-BTC")


@pytest.fixture
def make(state: TerminalState) -> Iterator[Callable[[], Awaitable[BalancesPanel]]]:
    made: list[BalancesPanel] = []

    async def panel() -> BalancesPanel:
        state.set_markets(await state.rest.get_markets())
        balances = BalancesPanel(state)
        balances.resize(800, 260)
        balances.show()
        made.append(balances)
        await until(lambda: not balances.has_placeholder)
        return balances

    yield panel
    for balances in made:
        balances.close()
        balances.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


Make = Callable[[], Awaitable[BalancesPanel]]


def _set_balances(server: SimulatedServer, **amounts: str) -> None:
    account = server.exchange.account
    for balance in account.balances.values():
        balance.balance = D(0)
    for currency, amount in amounts.items():
        account.balance(currency).balance = D(amount)
        account.balance(currency).avg_buy_price = D(1000) if currency != "KRW" else D(0)


def _rows(panel: BalancesPanel) -> dict[str, list[str]]:
    model = panel.view.model()
    texts = ([str(model.data(model.index(row, c))) for c in range(7)] for row in range(model.rowCount()))
    return {row[0].rpartition(" ")[2]: row for row in texts}


def _owners() -> list[str]:
    return [each.owner for each in GlobalWebSocketManager.instance().subscription_metrics()]


async def test_balances_are_valued_at_the_current_price(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    _set_balances(server, KRW="5000", BTC="0.5", NOMARKET="7")
    panel = await make()
    await until(lambda: _rows(panel).get("BTC", [""] * 7)[4] not in ("", "–"))
    price = (await panel.state.rest.get_tickers(["KRW-BTC"]))["KRW-BTC"].trade_price
    rows = _rows(panel)
    assert set(rows) == {"KRW", "BTC", "NOMARKET"}
    value, profit = price / 2, price / 2 - 500
    assert rows["BTC"][1:6] == ["0.5", "0", "1,000", f"{value:,.0f}", f"{profit:+,.0f}"]
    assert rows["KRW"][4:] == ["5,000", "–", "–"]
    assert rows["NOMARKET"][4:6] == ["no market", "–"]
    assert [label.text() for label in panel.sums[:2]] == [f"{value + 5000:,.0f}", "500"]
    assert panel.sums[2].text().startswith(f"{profit:+,.0f} (")
    assert panel.message.text() == "Assets without a value, not in the totals: 1"
    assert panel.rows is not None
    panel.rows.set_price("BTC", D(2000))
    assert _rows(panel)["BTC"][4:] == ["1,000", "+500", "+100.00%"]
    assert panel.sums[0].text() == "6,000"


async def test_hiding_small_amounts_is_remembered(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    _set_balances(server, KRW="50", BTC="0.5", ETH="0.000001", NOMARKET="7")
    panel = await make()
    await until(lambda: {"BTC", "ETH"} <= {k for k, row in _rows(panel).items() if row[4] != "–"})
    panel.small.click()
    assert set(_rows(panel)) == {"KRW", "BTC", "NOMARKET"}
    assert panel.state.settings.value("balances/hides_small", type=bool) is True
    panel.small.click()
    assert "ETH" in _rows(panel)


async def test_a_click_shows_the_pair_where_there_is_one(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    _set_balances(server, KRW="50", ETH="1")
    panel = await make()
    shown: list[str] = []
    panel.state.market_changed.connect(shown.append)
    await until(lambda: len(_rows(panel)) == 2)
    model = panel.view.model()
    for row in range(model.rowCount()):
        panel.view.clicked.emit(model.index(row, 0))
    assert shown == ["KRW-ETH"]
    panel.view.selectRow(0)
    QTest.keySequence(panel.view, "Ctrl+C")
    assert QApplication.clipboard().text().startswith("Asset\tAvailable\t")


async def test_without_keys_it_asks_for_them(exchange: Exchange, state: TerminalState) -> None:
    await exchange(keys=None)
    panel = BalancesPanel(state)
    assert panel.has_placeholder
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def test_the_panel_is_released_with_its_parent(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    await make()
    # Its rows come with the next frame, and with them its price subscriptions.
    await until(lambda: _owners().count("balances") == 1)
    panel = BalancesPanel(state)
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    assert _owners().count("balances") == 1
