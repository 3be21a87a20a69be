"""The watch list on a simulated exchange: what is shown, streamed, found, chosen and remembered."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
import shiboken6
from PySide6.QtCore import QEvent, QLocale, QObject, QSettings, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from demo_app.panels.watch_list.sparklines import Sparklines
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.panels.watch_list.watch_model import Column, turnover
from demo_app.style.assets import asset
from demo_app.style.theme import make_theme
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import ConnectionState, GlobalWebSocketManager, Market, Scope
from qt_upbit.simulator import SimulatedServer
from qt_upbit.simulator.server.server import RestFault
from tests.support.wait import turns, until

Exchange = Callable[..., Awaitable[SimulatedServer]]

MARKETS = [
    Market(code="KRW-BTC", korean_name="비트코인", english_name="Bitcoin"),
    Market(code="KRW-ETH", korean_name="이더리움", english_name="Ethereum", warning=True),
    Market(code="BTC-ETH", korean_name="이더리움", english_name="Ethereum", cautions=("PRICE_FLUCTUATIONS",)),
]


@pytest.fixture
def state(app: QApplication, tmp_path: Path) -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
    return TerminalState(make_theme("dark", korean=True), guard, settings, "KRW-BTC")


_MADE: list[WatchListPanel] = []


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """Names are Korean, and no panel outlives its test."""
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.Korean, QLocale.Country.SouthKorea))
    yield
    QLocale.setDefault(before)
    for panel in _MADE:
        if shiboken6.isValid(panel):
            panel.close()
            panel.deleteLater()
    _MADE.clear()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _panel(state: TerminalState) -> WatchListPanel:
    panel = WatchListPanel(state)
    _MADE.append(panel)
    panel.resize(560, 400)
    return panel


def _shown(panel: WatchListPanel) -> list[str]:
    return [panel.order.code(row) for row in range(panel.order.rowCount())]


def _tab(panel: WatchListPanel, name: str) -> None:
    button = panel.tabs[name]
    button.click()


def _texts(panel: WatchListPanel) -> list[str]:
    return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]


async def _live(state: TerminalState) -> WatchListPanel:
    panel = _panel(state)
    panel.show()
    state.set_markets(await state.rest.get_markets())
    await until(lambda: panel.model.has_seed and panel.model.subscribed_codes)
    return panel


async def test_only_visible_rows_are_streamed_and_the_others_have_prices(
    exchange: Exchange, state: TerminalState
) -> None:
    await exchange(markets=200)
    panel = await _live(state)
    await until(lambda: 0 < len(panel.model.subscribed_codes) < 40)
    seen = set(panel.table.codes_in_sight(0))
    await until(lambda: seen <= set(panel.model.subscribed_codes))
    codes = _shown(panel)
    assert len(codes) > 100
    assert all(panel.model.known(panel.model.row_of(code), "trade_price") for code in codes)
    values = [float(panel.model.known(panel.model.row_of(code), "acc_trade_price_24h")) for code in codes]
    assert values == sorted(values, reverse=True)
    panel.table.verticalScrollBar().setValue(panel.table.verticalScrollBar().maximum())
    await until(lambda: codes[-1] in panel.model.subscribed_codes)
    assert len(panel.model.subscribed_codes) < 40
    panel.hide()
    await until(lambda: not panel.model.subscribed_codes)
    ticker = (await state.rest.get_tickers(codes[:1]))[codes[0]]
    row = panel.model.row_of(codes[0])
    assert panel.model.value(row, "timestamp") is not None
    later = ticker.timestamp + 60_000
    for timestamp, price in ((1, ticker.trade_price), (later, Decimal(7))):
        news = msgspec.structs.replace(ticker, timestamp=timestamp, trade_price=Decimal(7))
        panel.model.set_seed({codes[0]: news})
        assert panel.model.known(row, "trade_price") == price, "the later of REST and stream wins"
    panel.deleteLater()


async def test_a_price_that_moves_flashes_and_fades(exchange: Exchange, state: TerminalState) -> None:
    await exchange(market_running=True)
    panel = await _live(state)
    await until(lambda: panel.model.moves)
    code = next(iter(panel.model.moves))
    at, direction = panel.model.moves[code]
    assert direction in (1, -1)
    await until(lambda: panel.model.moves.get(code) != (at, direction), what="the flash ends")
    panel.close()
    panel.deleteLater()


async def test_visible_rows_have_sparklines(exchange: Exchange, state: TerminalState) -> None:
    server = await exchange(markets=100)
    server.rest_faults.append(RestFault("GET", "/v1/candles/minutes/60", "status", times=1, status=500))
    panel = await _live(state)
    sparklines = panel.table.sparklines
    panel.resize(380, 400)  # no room for them
    await until(lambda: panel.table.isColumnHidden(Column.SPARKLINE))
    await until(lambda: not sparklines._wanted)
    panel.resize(600, 400)
    seen = panel.table.codes_in_sight(0)
    await until(lambda: sparklines._next.interval() > 1_000, what="the first call failed: a longer pause")
    sparklines._next.start(0)
    await until(lambda: all(sparklines.line(code) for code in seen))
    hours = await state.rest.get_candles(seen[0], "60m", count=24)
    assert sparklines.line(seen[0]) == tuple(float(hour.trade_price) for hour in hours)
    others = set(state.markets) - set(panel.table.codes_in_sight())
    assert not any(sparklines.line(code) for code in others)
    panel.deleteLater()


async def test_an_old_sparkline_is_requested_again(exchange: Exchange, state: TerminalState) -> None:
    await exchange()
    now = 0.0
    sparklines, changed = Sparklines(state, now=lambda: now), list[str]()
    sparklines.changed.connect(changed.append)
    sparklines.want(["KRW-BTC"])
    await until(lambda: changed == ["KRW-BTC"])
    await until(lambda: sparklines._next.interval() == 60_000, what="nothing is left to ask")
    sparklines._next.start(0)
    await turns()
    now = 1_801.0
    sparklines._next.start(0)
    await until(lambda: changed == ["KRW-BTC", "KRW-BTC"])
    sparklines.deleteLater()


async def test_sparklines_end_with_their_parent(exchange: Exchange, state: TerminalState) -> None:
    await exchange()
    parent = QObject()
    sparklines = Sparklines(state, parent)
    sparklines.want(["KRW-BTC"])
    sparklines._next.start(0)
    await turns()
    gone = weakref.ref(sparklines)
    shiboken6.delete(parent)
    del sparklines
    await until(lambda: gc.collect() >= 0 and gone() is None)


async def test_holdings_have_a_tab_if_there_are_keys(exchange: Exchange, state: TerminalState) -> None:
    await exchange()
    panel = await _live(state)
    _tab(panel, "held")
    await until(lambda: _shown(panel))
    holdings = set(_shown(panel))
    assert "KRW-BTC" in holdings
    assert len(holdings) < len(state.markets)
    panel.close()
    panel.deleteLater()


async def test_without_keys_there_is_no_holdings_tab(exchange: Exchange, state: TerminalState) -> None:
    await exchange(keys=None)
    panel = await _live(state)
    assert list(panel.tabs) == ["KRW", "BTC", "USDT", "favourites"]
    panel.close()
    panel.deleteLater()


async def test_missing_prices_are_reported(exchange: Exchange, state: TerminalState) -> None:
    server = await exchange(keys=None)
    markets = await state.rest.get_markets()
    await server.stop()
    panel = _panel(state)
    panel.show()
    state.set_markets(markets)
    await until(lambda: any("unknown" in text for text in _texts(panel)))
    panel.close()
    panel.deleteLater()


@pytest.mark.usefixtures("offline")
class TestByHand:
    """Fed by the test itself, without an exchange."""

    async def test_tabs_are_the_listed_quote_currencies(self, state: TerminalState) -> None:
        panel = _panel(state)
        state.set_markets([*MARKETS, Market(code="SGD-BTC", korean_name="비트코인", english_name="Bitcoin")])
        assert list(panel.tabs)[:3] == ["KRW", "BTC", "SGD"]
        assert _shown(panel) == ["KRW-BTC", "KRW-ETH"]
        _tab(panel, "SGD")
        assert _shown(panel) == ["SGD-BTC"]

    async def test_searching_looks_through_all_markets(self, state: TerminalState) -> None:
        panel = _panel(state)
        state.set_markets(MARKETS)
        for query in ("ㅇㄷ", "이ㄷ", "ethereum", "eth"):
            panel.search.setText(query)
            assert set(_shown(panel)) == {"KRW-ETH", "BTC-ETH"}
        QTest.keyClick(panel.search, Qt.Key.Key_Escape)
        assert panel.search.text() == ""
        assert set(_shown(panel)) == {"KRW-BTC", "KRW-ETH"}

    async def test_a_syllable_being_composed_is_searched_for(self, state: TerminalState) -> None:
        panel = _panel(state)
        state.set_markets(MARKETS)
        panel.search.setText("이")
        QApplication.sendEvent(panel.search, QInputMethodEvent("ㄷ", []))
        await until(lambda: set(_shown(panel)) == {"KRW-ETH", "BTC-ETH"})
        QApplication.sendEvent(panel.search, QInputMethodEvent("드", []))
        await until(lambda: not _shown(panel))
        QApplication.sendEvent(panel.search, QInputMethodEvent())
        # 이 may become the 인 of 비트코인.
        await until(lambda: set(_shown(panel)) == {"KRW-BTC", "KRW-ETH", "BTC-ETH"})

    async def test_enter_selects_the_first_and_arrows_move_to_the_table(self, state: TerminalState) -> None:
        panel = _panel(state)
        panel.show()
        state.set_markets(MARKETS)
        panel.search.setText("KRW-E")
        QTest.keyClick(panel.search, Qt.Key.Key_Return)
        assert state.market == "KRW-ETH"
        panel.search.clear()
        QTest.keyClick(panel.search, Qt.Key.Key_Down)
        assert panel.table.code_now() == _shown(panel)[0]
        QTest.keyClick(panel.table, Qt.Key.Key_Down)
        QTest.keyClick(panel.table, Qt.Key.Key_Up)
        QTest.keyClick(panel.table, Qt.Key.Key_Return)
        assert state.market == _shown(panel)[0]
        panel.close()

    async def test_nothing_found_says_so_and_offers_to_clear(self, state: TerminalState) -> None:
        panel = _panel(state)
        panel.show()
        state.set_markets(MARKETS)
        panel.search.setText("zzzz")
        assert any("zzzz" in text for text in _texts(panel))
        button = next(one for one in panel.findChildren(QPushButton) if one.isVisible())
        button.click()
        assert panel.search.text() == ""
        assert panel.table.isVisible()
        panel.close()

    async def test_favourites_by_key_and_click_are_remembered(self, state: TerminalState) -> None:
        panel = _panel(state)
        panel.show()
        state.set_markets(MARKETS)
        panel.table.selectRow(panel.order.row_of("KRW-ETH"))
        QTest.keyClick(panel.table, Qt.Key.Key_F)
        assert list(panel.model.favourites) == ["KRW-ETH"]
        again = _panel(state)
        assert list(again.model.favourites) == ["KRW-ETH"]
        star = panel.table.visualRect(panel.order.index(panel.order.row_of("KRW-ETH"), Column.FAVOURITE))
        QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=star.center())
        assert list(panel.model.favourites) == []
        _tab(panel, "favourites")
        assert _shown(panel) == []
        assert any("favourites" in text for text in _texts(panel))
        panel.toggle_favourite("BTC-ETH")
        assert _shown(panel) == ["BTC-ETH"]
        assert panel.table.isVisible()
        panel.close()

    async def test_a_click_shows_a_pair(self, state: TerminalState) -> None:
        panel = _panel(state)
        panel.show()
        state.set_markets(MARKETS)
        cell = panel.table.visualRect(panel.order.index(panel.order.row_of("KRW-ETH"), Column.NAME))
        assert state.market == "KRW-BTC"
        QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=cell.center())
        assert state.market == "KRW-ETH"
        panel.close()

    async def test_the_menu_and_copying(self, state: TerminalState) -> None:
        panel = _panel(state)
        panel.show()
        state.set_markets(MARKETS)
        show, favourite, copy = panel.make_menu("BTC-ETH").actions()
        show.trigger()
        favourite.trigger()
        copy.trigger()
        assert state.market == "BTC-ETH"
        assert list(panel.model.favourites) == ["BTC-ETH"]
        assert QGuiApplication.clipboard().text() == "BTC-ETH"
        panel.table.selectRow(panel.order.row_of("KRW-BTC"))
        QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QGuiApplication.clipboard().text() == "KRW-BTC\t비트코인\t–\t–\t–"
        panel.close()

    async def test_names_follow_the_language_and_warnings_are_explained(self, state: TerminalState) -> None:
        panel = _panel(state)
        state.set_markets(MARKETS)
        name = panel.order.index(panel.order.row_of("KRW-ETH"), Column.NAME)
        assert name.data() == "이더리움"
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
        QApplication.sendEvent(panel, QEvent(QEvent.Type.LanguageChange))
        assert name.data() == "Ethereum"
        assert "Investment warning" in name.data(Qt.ItemDataRole.ToolTipRole)
        _tab(panel, "BTC")
        tip = panel.order.index(0, Column.NAME).data(Qt.ItemDataRole.ToolTipRole)
        assert "rise or fall of the price" in tip

    async def test_loading_then_stale_then_live(self, state: TerminalState) -> None:
        panel = _panel(state)
        assert panel.has_placeholder
        state.set_markets(MARKETS)
        assert not panel.has_placeholder
        manager = GlobalWebSocketManager.instance()
        manager.state_changed.emit(Scope.PRIVATE, ConnectionState.RECONNECTING)
        assert not panel.stale_text
        manager.state_changed.emit(Scope.PUBLIC, ConnectionState.RECONNECTING)
        assert panel.stale_text
        manager.state_changed.emit(Scope.PUBLIC, ConnectionState.LIVE)
        assert not panel.stale_text

    async def test_sorting_and_tab_are_remembered(self, state: TerminalState) -> None:
        panel = _panel(state)
        state.set_markets(MARKETS)
        panel.table.sortByColumn(Column.NAME, Qt.SortOrder.DescendingOrder)
        assert _shown(panel) == ["KRW-ETH", "KRW-BTC"]
        _tab(panel, "BTC")
        again = _panel(state)
        assert _shown(again) == ["BTC-ETH"]
        assert again.order.sortColumn() == Column.NAME

    async def test_a_deleted_panel_is_released(self, state: TerminalState) -> None:
        panel = _panel(state)
        panel.show()
        state.set_markets(MARKETS)
        panel.grab()
        gone = weakref.ref(panel), weakref.ref(panel.table), weakref.ref(panel.model)
        panel.close()
        panel.deleteLater()
        _MADE.clear()
        del panel
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        # Its REST calls are cancelled first.
        await until(lambda: gc.collect() >= 0 and not any(one() is not None for one in gone))


async def test_markets_that_cannot_be_read_can_be_asked_for_again(
    exchange: Exchange, state: TerminalState
) -> None:
    server = await exchange(keys=None)
    await server.stop()
    panel = _panel(state)
    panel.show()
    await panel.ask_markets()
    assert panel.has_placeholder
    assert any("could not be read" in text for text in _texts(panel))
    assert any(
        button.text() == "Try again" and button.isVisible() for button in panel.findChildren(QPushButton)
    )
    panel.close()
    panel.deleteLater()


@pytest.mark.parametrize(
    ("value", "korean", "english"),
    [
        ("284212345678", "2,842억", "284.2B"),
        ("1234567890123", "1.2조", "1.2T"),
        ("55000000", "55백만", "55.0M"),
        ("1234.5", "1,234", "1,234"),
        ("1.96", "1.96", "1.96"),
    ],
)
def test_turnover_is_short(value: str, korean: str, english: str) -> None:
    assert turnover(Decimal(value), korean=True) == korean
    assert turnover(Decimal(value), korean=False) == english


def test_every_text_has_a_korean_translation() -> None:
    root = ET.parse(asset("i18n/ko/watch_list.ts")).getroot()  # our own file
    for message in root.iter("message"):
        translation = message.find("translation")
        assert translation is not None
        assert translation.get("type") is None
        assert translation.text
