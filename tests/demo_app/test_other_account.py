"""Other keys in the terminal: every panel shows their account, and nothing of the previous one."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication, QWidget

from demo_app.panels.account.balances_panel import BalancesPanel
from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from demo_app.widgets.own_trades import OwnTrades
from demo_app.widgets.trading_dialogs import ConfirmDialog
from qt_upbit import Account, Credentials, GlobalWebSocketManager
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedAccount,
    SimulatedServer,
)
from qt_upbit.simulator.server.server import RestFault
from tests.support.account import place
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]

SECOND = SimulatedAccount(access_key="b" * 40, secret_key="second" * 12, balances={"KRW": 4_321, "XRP": 700})
FIRST_KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
KEYS = Credentials(access_key=SECOND.access_key, secret_key=SECOND.secret_key)


@pytest.fixture
def state(app: QApplication, tmp_path: Path) -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: True)
    settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
    return TerminalState(make_theme("dark", korean=False), guard, settings, "KRW-BTC")


@pytest.fixture
def shown() -> Iterator[list[QWidget]]:
    """Panels, deleted afterwards."""
    made: list[QWidget] = []
    yield made
    for widget in made:
        widget.close()
        widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _balances(panel: BalancesPanel) -> dict[str, Decimal]:
    return {} if panel.rows is None else {each.currency: each.balance for each in panel.rows.holdings}


async def test_panels_of_the_account(exchange: Exchange, state: TerminalState, shown: list[QWidget]) -> None:
    server = await exchange(further_accounts=(SECOND,))
    state.set_markets(await state.rest.get_markets())
    orders, balances, own = OrdersPanel(state), BalancesPanel(state), OwnTrades()
    shown += [orders, balances]
    for panel in (orders, balances):
        panel.resize(900, 260)
        panel.show()
    changes: list[int] = []
    own.changed.connect(lambda: changes.append(1))
    place(server)
    first = server.exchange.account
    await until(lambda: orders.open_view.model() is not None and orders.open_view.model().rowCount() == 1)
    await until(lambda: own.open_orders("KRW-BTC"))
    await until(lambda: _balances(balances).keys() == first.balances.keys())
    await until(lambda: not orders.has_placeholder and not balances.has_placeholder)

    placeholders: list[bool] = []
    Account.instance().cleared.connect(lambda *_: placeholders.append(orders.has_placeholder))
    changes.clear()
    GlobalWebSocketManager.instance().set_credentials(KEYS)
    await until(lambda: _balances(balances) == {"KRW": Decimal(4_321), "XRP": Decimal(700)})
    await until(lambda: not orders.has_placeholder and not balances.has_placeholder)
    assert placeholders == [True], "until it is read, no panel claims to know an account"
    assert orders.open_view.model().rowCount() == orders.closed_view.model().rowCount() == 0
    assert orders.tabs.tabText(0) == "Open (0)"
    assert own.open_orders("KRW-BTC") == []
    assert own.lines("KRW-BTC") == []
    await until(lambda: changes, what="chart and book look again")
    assert balances.sums[0].text() == "4,321"
    own.deleteLater()


async def test_the_form_has_the_other_accounts_fees_and_balance(
    exchange: Exchange, state: TerminalState, shown: list[QWidget]
) -> None:
    """A response requested with the previous keys arrives late."""
    server = await exchange(further_accounts=(SECOND,))
    fault = RestFault("GET", "/v1/orders/chance", "wait", 1)
    server.rest_faults.append(fault)
    form = OrderFormPanel(state)
    shown.append(form)
    form.resize(320, 500)
    form.show()
    await until(lambda: fault.times == 0, what="fees are requested")
    await Account.instance().synchronized_once()
    GlobalWebSocketManager.instance().set_credentials(KEYS)
    await until(lambda: form.available == Decimal(4_321))
    await until(lambda: form._terms.chance is not None and form._terms.chance.bid_account.balance == 4_321)
    fault.release.set()
    account = Account.instance()
    account.resync()
    await account.synchronized_once()
    assert form.available == Decimal(4_321)
    assert form._terms.chance is not None
    assert form._terms.chance.bid_account.balance == 4_321


async def test_holdings_in_the_watch_list(
    exchange: Exchange, state: TerminalState, shown: list[QWidget]
) -> None:
    server = await exchange(further_accounts=(SECOND,))
    state.set_markets(await state.rest.get_markets())
    for balance in server.exchange.account.balances.values():
        if balance.currency not in ("KRW", "BTC"):
            balance.balance = balance.locked = Decimal(0)
    server.exchange.account.balance("BTC").balance = Decimal(1)
    panel = WatchListPanel(state)
    shown.append(panel)
    panel.resize(400, 500)
    panel.show()
    panel.tabs["held"].click()

    def bases() -> set[str]:
        model = panel.order
        codes = (model.index(row, 0).data(panel.model.role("code")) for row in range(model.rowCount()))
        return {str(code).partition("-")[2] for code in codes}

    await until(lambda: bases() == {"BTC"})
    GlobalWebSocketManager.instance().set_credentials(KEYS)
    await until(lambda: bases() == {"XRP"})


async def test_an_order_confirmed_under_other_keys_reaches_no_account(
    exchange: Exchange, state: TerminalState, shown: list[QWidget]
) -> None:
    """The dialog closes with the keys; in the moment before it does, the gateway refuses."""
    rich = dataclasses.replace(SECOND, balances={"KRW": 43_210})
    server = await exchange(further_accounts=(rich,))
    form = OrderFormPanel(state)
    shown.append(form)
    form.resize(320, 500)
    form.show()
    await until(
        lambda: form.last_price and form.fields.percents.button(10).isEnabled(), what="fees and price"
    )
    form.fields.price.set_value(Decimal(100_000_000))
    form.fields.volume.set_value(Decimal("0.0001"))
    form.submit()
    first = form.findChild(ConfirmDialog)
    assert first is not None
    GlobalWebSocketManager.instance().set_credentials(KEYS)
    first.do.click()
    await until(lambda: "Other API keys" in form.message.text() and not form.is_busy("order"))

    await until(lambda: form.available == Decimal(43_210))
    form.fields.volume.set_value(Decimal("0.0002"))
    form.message.say("", "")
    form.submit()
    second = next(each for each in form.findChildren(ConfirmDialog) if each.isVisible())
    GlobalWebSocketManager.instance().set_credentials(FIRST_KEYS)
    await until(lambda: "Other API keys" in form.message.text(), what="the dialog has closed by itself")
    assert second.is_outdated
    assert not any(account.orders for account in server.exchange.accounts.values())
