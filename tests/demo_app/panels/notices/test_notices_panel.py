"""Notices and signals: newest first, read marks stored, reported at once only if about trading."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from demo_app.panels.notices.event_rows import EventRow, EventRows
from demo_app.panels.notices.indicator_signals import RISING, SIGNALS
from demo_app.panels.notices.notices_panel import NoticesPanel
from demo_app.style.language import Language
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from qt_upbit import (
    AnnouncementCategory,
    AnnouncementEvent,
    AnnouncementEventType,
    GlobalWebSocketManager,
    IndicatorEventParams,
    IndicatorParams,
    IndicatorSignalEvent,
    IndicatorTimeframe,
    IndicatorValue,
    Scope,
)
from qt_upbit.simulator import SimulatedServer
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[[], Awaitable[NoticesPanel]]
OPENED: list[str] = []


@pytest.fixture
def make(state: TerminalState) -> Iterator[Make]:
    made: list[NoticesPanel] = []
    OPENED.clear()

    async def panel() -> NoticesPanel:
        state.set_markets(await state.rest.get_markets())
        notices = NoticesPanel(state, open_url=lambda url: OPENED.append(url.toString()))
        notices.resize(800, 300)
        notices.show()
        made.append(notices)
        manager = GlobalWebSocketManager.instance()
        for scope in (Scope.PRIVATE, Scope.INFO):
            await until(lambda scope=scope: manager.state(scope).value == "live")
        return notices

    yield panel
    for notices in made:
        notices.close()
        notices.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _publish(
    server: SimulatedServer,
    uuid: str,
    category: AnnouncementCategory = AnnouncementCategory.NOTICE,
    url: str = "https://upbit.com/service_center/notice?id=1",
) -> None:
    now = "2026-11-24T12:00:00+09:00"
    server.exchange.publish(
        AnnouncementEvent(
            type="announcement", event_type=AnnouncementEventType.CREATED, uuid=uuid, title=f"Title {uuid}",
            category=category, url=url, first_listed_at=now, listed_at=now, timestamp=1_800_000_000_000,
        )
    )  # fmt: skip


def _signal(server: SimulatedServer, code: str = "KRW-BTC", trigger: str = "overbought") -> None:
    server.exchange.publish(
        IndicatorSignalEvent(
            type="indicator_signal", code=code, timeframe=IndicatorTimeframe.M5, indicator="rsi",
            params=IndicatorParams(period=14), trigger=trigger,
            event_params=IndicatorEventParams(threshold=Decimal(70 if trigger == "overbought" else 30)),
            candle_date_time_utc="2026-11-24T03:00:00", value=IndicatorValue(rsi=Decimal(71)),
            timestamp=1_800_000_000_000,
        )
    )  # fmt: skip


def _texts(model: EventRows, row: int = 0) -> list[str]:
    return [str(model.data(model.index(row, column))) for column in range(model.columnCount())]


async def test_notices_are_newest_first_and_unread_until_opened(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    server = await exchange()
    panel = await make()
    _publish(server, "a")
    _publish(server, "b", AnnouncementCategory.MAINTENANCE)
    await until(lambda: panel.notices.rowCount() == 2)
    assert _texts(panel.notices)[1:] == ["Maintenance", "Title b"]
    assert panel.tabs.tabText(0) == "Notices (2)"
    panel.notice_view.selectRow(1)
    assert panel.tabs.tabText(0) == "Notices (1)"
    _publish(server, "a")
    await until(lambda: panel.notices.row(0).key == "a")
    assert panel.notices.rowCount() == 2, "a changed notice replaces its old row"
    assert not panel.notices.row(0).is_new
    panel.all_seen.click()
    assert panel.tabs.tabText(0) == "Notices"
    again = await make()
    _publish(server, "b")
    await until(lambda: again.notices.rowCount() == 1)
    assert again.notices.unseen == 0


async def test_notices_about_trading_are_reported_at_once(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    server = await exchange()
    panel = await make()
    notices: list[tuple[str, str]] = []
    state.noticed.connect(lambda title, text: notices.append((title, text)))
    _publish(server, "a", AnnouncementCategory.EVENT)
    _publish(server, "b", AnnouncementCategory.TRADE)
    await until(lambda: panel.notices.rowCount() == 2)
    assert notices == [("Trading", "Title b")]
    panel.notify.click()
    _publish(server, "c", AnnouncementCategory.TRADE)
    await until(lambda: panel.notices.rowCount() == 3)
    assert len(notices) == 1
    assert state.settings.value("notices/tell", type=bool) is False


async def test_only_web_pages_are_opened(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    panel = await make()
    for number, url in enumerate(("file:///etc/passwd", "javascript:alert(1)", "", "https://upbit.com/n/7")):
        _publish(server, str(number), url=url)
    await until(lambda: panel.notices.rowCount() == 4)
    for row in range(4):
        panel.notice_view.doubleClicked.emit(panel.notices.index(row, 0))
    assert OPENED == ["https://upbit.com/n/7"]
    panel.notice_view.setCurrentIndex(panel.notices.index(0, 0))
    panel.activateWindow()
    panel.notice_view.setFocus()
    await until(panel.notice_view.hasFocus)
    QTest.keyClick(panel.notice_view, Qt.Key.Key_Return)
    assert len(OPENED) == 2
    QTest.keySequence(panel.notice_view, "Ctrl+C")
    assert QApplication.clipboard().text().startswith("Time\tCategory\tTitle\n")


async def test_signals_say_what_happened_and_select_the_pair(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    server = await exchange()
    state.set_favourites(["KRW-ETH", "BTC-ETH"])
    panel = await make()
    assert panel.codes() == ("KRW-BTC", "KRW-ETH")
    await until(lambda: server.exchange.wants("indicator_signal", "KRW-ETH"))
    _signal(server, "KRW-ETH", "oversold")
    _signal(server)
    await until(lambda: panel.signals.rowCount() == 2)
    assert _texts(panel.signals) == ["11-24 12:00", "Bitcoin KRW-BTC", "5m", "RSI (14)", "▲ overbought 70"]
    assert _texts(panel.signals, 1)[4] == "▼ oversold 30"
    _signal(server)
    panel.signal_view.doubleClicked.emit(panel.signals.index(1, 0))
    assert state.market == "KRW-ETH"
    await until(lambda: not panel.stale_text)
    assert panel.signals.rowCount() == 2, "the same signal is one row"


async def test_a_change_of_favourites_or_candles_is_requested(
    exchange: Exchange, make: Make, state: TerminalState
) -> None:
    server = await exchange()
    panel = await make()
    state.set_favourites(["KRW-XRP"])
    await until(lambda: server.exchange.wants("indicator_signal", "KRW-XRP"))
    row = panel.timeframe.findData("60m")
    panel.timeframe.setCurrentIndex(row)
    panel.timeframe.activated.emit(row)
    assert panel._requested == (("KRW-BTC", "KRW-XRP"), "60m")
    state.set_favourites([])
    state.set_market("BTC-ETH")
    assert panel.codes() == ()
    assert "won pairs only" in panel._empty[panel.signal_view].text()


async def test_without_keys_it_asks_for_them(exchange: Exchange, state: TerminalState) -> None:
    await exchange(keys=None)
    wanted: list[int] = []
    state.keys_wanted.connect(lambda: wanted.append(1))
    panel = NoticesPanel(state)
    assert panel.has_placeholder
    panel._placeholder._button.click()
    assert wanted == [1]
    panel.deleteLater()


def test_every_requested_trigger_except_volume_has_a_direction() -> None:
    assert {request["trigger"] for request in SIGNALS} - RISING.keys() == {"volume_spike"}


async def test_the_oldest_rows_are_dropped(state: TerminalState) -> None:
    class Rows(EventRows):
        def texts(self, event: str) -> tuple[str, ...]:
            return (event,)

    rows = Rows(state, 1, limit=3)
    for name in "abcda":
        rows.put(EventRow(name, name))
    assert [rows.row(i).key for i in range(rows.rowCount())] == ["a", "d", "c"]


async def test_languages_and_themes_change_while_it_runs(
    exchange: Exchange, make: Make, state: TerminalState, language: Language
) -> None:
    server = await exchange()
    panel = await make()
    _publish(server, "a", AnnouncementCategory.WALLET)
    await until(lambda: panel.notices.rowCount() == 1)
    language.use("ko")
    await until(lambda: panel.title() == "공지")
    assert _texts(panel.notices)[1] == "입출금"
    state.set_theme(make_theme("light", korean=True))
    for size in ((240, 120), (1400, 500)):
        panel.resize(*size)
        panel.grab()


async def test_the_panel_is_released_with_its_parent(exchange: Exchange, state: TerminalState) -> None:
    await exchange()
    panel = NoticesPanel(state)
    manager = GlobalWebSocketManager.instance()
    gone, rows = weakref.ref(panel), weakref.ref(panel.notices)
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del panel
    await until(lambda: gc.collect() >= 0 and gone() is None and rows() is None)
    assert not manager.subscription_metrics()
