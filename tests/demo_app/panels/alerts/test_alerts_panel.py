"""Alerts from end to end: created in the form, watched while hidden, reported once, stored."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from demo_app.alerts.alert_watcher import AlertWatcher
from demo_app.alerts.alerts import Alert, AlertKind
from demo_app.panels.alerts.alerts_panel import AlertsPanel
from demo_app.style.language import Language
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from qt_upbit import AskBid, GlobalWebSocketManager, StreamType
from qt_upbit.simulator import SimulatedServer
from tests.demo_app.conftest import Open
from tests.support import events
from tests.support.wait import turns, until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[[], Awaitable[AlertsPanel]]


@pytest.fixture
def make(state: TerminalState) -> Iterator[Make]:
    made: list[AlertsPanel] = []

    async def panel() -> AlertsPanel:
        state.set_markets(await state.rest.get_markets())
        alerts = AlertsPanel(state)
        alerts.resize(900, 300)
        alerts.show()
        made.append(alerts)
        await until(lambda: alerts._price is not None)
        return alerts

    yield panel
    for alerts in made:
        alerts.close()
        alerts.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _notices(state: TerminalState) -> list[tuple[str, str]]:
    notices: list[tuple[str, str]] = []
    state.noticed.connect(lambda title, text: notices.append((title, text)))
    return notices


def _trade(server: SimulatedServer, price: Decimal) -> None:
    server.exchange.trade("KRW-BTC", price, D("0.01"), AskBid.BID, server.now())


def _type(panel: AlertsPanel, text: str) -> None:
    panel.threshold.setFocus()
    panel.threshold.clear()
    QTest.keyClicks(panel.threshold, text)


def _cells(panel: AlertsPanel, row: int = 0) -> list[str]:
    return [str(panel.rows.data(panel.rows.index(row, column))) for column in range(4)]


async def test_reaching_a_price_is_reported_once(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    server = await exchange()
    panel, notices = await make(), _notices(state)
    price = panel._price
    assert price is not None
    wanted = price + 1_000_000
    _type(panel, f"{wanted:f}")
    QTest.keyClick(panel.threshold, Qt.Key.Key_Return)
    assert _cells(panel)[:2] == ["Bitcoin KRW-BTC", f"Price at or above {wanted:,f} KRW, once"]
    await until(lambda: panel.watcher.prices)
    _trade(server, price + 2_000)
    await until(lambda: panel.watcher.prices["KRW-BTC"] == price + 2_000)
    assert notices == []
    _trade(server, wanted)
    await until(lambda: notices)
    assert notices == [("Bitcoin (KRW-BTC)", f"Price at or above {wanted:,f} KRW: {wanted:,f} KRW")]
    assert not panel.watcher.alerts[0].is_enabled
    await until(lambda: _cells(panel)[3].endswith(f"{wanted:,f} KRW"))
    _trade(server, price)
    _trade(server, wanted + 1_000)
    await turns()
    assert len(notices) == 1


async def test_an_invalid_number_creates_no_alert(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    for text in ("0,5", "1,23", "1e5", "-5"):
        _type(panel, text)
        assert panel.hint.text() == "Not a number (as in 1,234,567.5)"
        assert not panel.add.isEnabled()
        QTest.keyClick(panel.threshold, Qt.Key.Key_Return)
    panel.kind.setCurrentIndex(panel.kind.findData(AlertKind.CHANGE))
    _type(panel, "3")
    panel.window_box.setFocus()
    panel.window_box.selectAll()
    QTest.keyClicks(panel.window_box, "1,5")
    assert panel.hint.text() == "Enter whole minutes, 1 to 1440"
    QTest.keyClick(panel.threshold, Qt.Key.Key_Return)
    assert not panel.watcher.alerts
    panel.window_box.selectAll()
    QTest.keyClicks(panel.window_box, "90")
    QTest.keyClick(panel.threshold, Qt.Key.Key_Return)
    (alert,) = panel.watcher.alerts
    assert (alert.threshold, alert.window_s) == (3, 5400)


async def test_a_price_reached_between_two_frames_is_not_missed(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    server = await exchange()
    panel, notices = await make(), _notices(state)
    price = panel._price
    assert price is not None
    panel.watcher.put(Alert("1", "KRW-BTC", AlertKind.BELOW, price - 500_000))
    await until(lambda: panel.watcher.prices)
    for each in (price, price - 600_000, price):
        _trade(server, each)
    await until(lambda: notices)
    assert len(notices) == 1


async def test_an_alert_drafted_elsewhere_is_set_at_once_and_its_price_is_known(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel, notices = await make(), _notices(state)
    state.alert_drafted.emit("KRW-ETH", D(6_000_000), True)
    state.alert_drafted.emit("KRW-ETH", D(4_000_000), False)
    assert [(each.kind, each.threshold, each.is_once) for each in panel.watcher.alerts] == [
        (AlertKind.ABOVE, D(6_000_000), True),
        (AlertKind.BELOW, D(4_000_000), True),
    ]
    assert notices[0] == ("Alert set", "KRW-ETH: Price at or above 6,000,000 KRW")
    assert list(state.alert_prices("KRW-ETH")) == [D(6_000_000), D(4_000_000)]
    panel.watcher.put(Alert("3", "KRW-ETH", AlertKind.CHANGE, D(3)))
    panel.watcher.remove(["1"])
    assert list(state.alert_prices("KRW-ETH")) == [D(4_000_000)], "a move has no price"
    assert list(state.alert_prices("KRW-BTC")) == []


async def test_only_enabled_alerts_are_watched(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    manager = GlobalWebSocketManager.instance()

    def watched() -> int:
        return sum(each.codes for each in manager.subscription_metrics() if each.owner == "alerts")

    panel.watcher.put(Alert("1", "KRW-ETH", AlertKind.ABOVE, D(10**9)))
    panel.watcher.put(Alert("2", "KRW-XRP", AlertKind.FILL))
    assert watched() == 1
    panel._show()
    index = panel.rows.index(0, 0)
    panel.rows.setData(index, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert watched() == 0
    panel.view.selectRow(0)
    panel._toggle()
    assert watched() == 1
    panel.delete()
    assert [alert.name for alert in panel.watcher.alerts] == ["2"]
    assert watched() == 0


async def test_an_own_fill_is_reported(exchange: Exchange, make: Make, state: TerminalState) -> None:
    await exchange()
    panel, notices = await make(), _notices(state)
    panel.watcher.put(Alert("1", "KRW-BTC", AlertKind.FILL))
    account = panel.watcher._account
    assert account is not None
    await until(lambda: account.is_synchronized)
    await state.rest.create_order("KRW-BTC", AskBid.BID, "price", price=D(10_000))
    await until(lambda: notices)
    title, text = notices[0]
    assert title == "Bitcoin (KRW-BTC)"
    assert text.startswith("My order is filled: Buy 0.0000")


async def test_alerts_are_stored_for_the_next_run(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = await make()
    alerts = [
        Alert("1", "KRW-BTC", AlertKind.ABOVE, D("158000000.5"), is_once=True),
        Alert("2", "KRW-ETH", AlertKind.CHANGE, D("2.5"), 600),
    ]
    for alert in alerts:
        panel.watcher.put(alert)
    again = AlertWatcher(state)
    assert again.alerts == alerts
    assert again.free_name() == "3"
    again.deleteLater()


async def test_the_form_says_what_is_wrong(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    assert not panel.add.isEnabled()
    _type(panel, "0")
    assert panel.hint.text() == "Enter a number above 0"
    panel.save()
    assert panel.watcher.alerts == []
    panel.kind.setCurrentIndex(panel.kind.findData(AlertKind.CHANGE))
    assert panel.unit.text() == "%"
    _type(panel, "5000")
    assert "below 1,000%" in panel.hint.text()
    _type(panel, "2.5")
    QTest.keyClick(panel.threshold, Qt.Key.Key_Up)
    assert panel.threshold.value == D("2.6")
    assert panel.hint.text() == ""
    panel.kind.setCurrentIndex(panel.kind.findData(AlertKind.FILL))
    assert not panel.threshold.isEnabled()
    assert panel.add.isEnabled()
    panel.save()
    assert panel.watcher.alerts[0].kind is AlertKind.FILL


async def test_an_alert_can_be_edited_in_the_form(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    await exchange()
    panel = await make()
    panel.watcher.put(Alert("1", "KRW-ETH", AlertKind.BELOW, D(4_000_000)))
    panel._show()
    panel.view.selectRow(0)
    panel._edit()
    assert panel.add.text() == "Change"
    assert panel.pair.text() == "Ethereum KRW-ETH"
    assert panel.threshold.value == 4_000_000
    QTest.keyClick(panel.threshold, Qt.Key.Key_Up)
    QTest.mouseClick(panel.add, Qt.MouseButton.LeftButton)
    assert panel.watcher.alerts == [Alert("1", "KRW-ETH", AlertKind.BELOW, D(4_001_000))]
    assert panel.add.text() == "Add alert"
    assert panel.pair.text() == "Bitcoin KRW-BTC"


async def test_the_command_starts_with_the_current_price(exchange: Exchange, open_window: Open) -> None:
    await exchange()
    window = open_window(layout="trading")
    panel = window.panel("alerts")
    assert isinstance(panel, AlertsPanel)
    await until(lambda: panel._price is not None)
    window.commands.actions["alert"].trigger()
    assert panel.threshold.value == panel._price
    assert panel.isVisible()


async def test_a_slow_move_is_not_reported(offline: None, state: TerminalState) -> None:
    watcher, notices = AlertWatcher(state), _notices(state)
    watcher.put(Alert("1", "KRW-BTC", AlertKind.CHANGE, D(3), 60))
    for second, price in ((0, 100), (90, 104), (120, 105), (130, 109)):
        at = 1_800_000_000_000 + second * 1_000
        watcher._on_trade(events.trade("KRW-BTC", second, trade_price=price, trade_timestamp=at))
        assert len(notices) == (second == 130)
    assert notices[0][1].startswith("Moves 3% within 1 min: ")
    watcher.deleteLater()


async def test_languages_and_themes_change_while_it_runs(
    exchange: Exchange, make: Make, state: TerminalState, language: Language
) -> None:
    await exchange()
    panel = await make()
    panel.watcher.put(Alert("1", "KRW-BTC", AlertKind.BELOW, D(1_000), is_once=True))
    panel._show()
    language.use("ko")
    await until(lambda: panel.title() == "알림")
    assert _cells(panel)[:2] == ["비트코인 KRW-BTC", "1,000 KRW 이하 (1회)"]
    state.set_theme(make_theme("light", korean=True))
    for size in ((300, 120), (1400, 400)):
        panel.resize(*size)
        panel.grab()


async def test_the_panel_is_released_with_its_parent(exchange: Exchange, state: TerminalState) -> None:
    await exchange(keys=None)
    panel = AlertsPanel(state)
    panel.watcher.put(Alert("1", "KRW-BTC", AlertKind.BELOW, D(1_000)))
    manager = GlobalWebSocketManager.instance()
    gone, watcher = weakref.ref(panel), weakref.ref(panel.watcher)
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del panel
    await until(lambda: gc.collect() >= 0 and gone() is None and watcher() is None)
    assert not manager.subscription_metrics()


async def test_a_price_that_was_missed_fires_an_alert_afterwards(exchange: Exchange, make: Make) -> None:
    await exchange()
    panel = await make()
    watcher = panel.watcher
    fired: list[Alert] = []
    watcher.fired.connect(fired.append)
    watcher.put(Alert("a", "KRW-BTC", AlertKind.ABOVE, D(10**12)))
    for price in (10**11, 10**13):
        watcher._on_trade(events.trade(trade_price=D(price), stream_type=StreamType.BACKFILLED))
    assert [alert.name for alert in fired] == ["a"]
    assert watcher.prices.get("KRW-BTC") != D(10**13), "it is not the last price"
