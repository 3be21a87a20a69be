"""Recording a session and playing it again: every panel follows, and no panel shows later data."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication

from demo_app.application import _Session, make_guard
from demo_app.arguments import parse
from demo_app.panels.chart.chart_panel import ChartPanel
from demo_app.panels.orderbook.orderbook_panel import OrderbookPanel
from demo_app.panels.trades.trades_panel import TradesPanel
from demo_app.preferences import Preferences
from demo_app.recording.replay_bar import ReplayBar
from demo_app.recording.sessions import SessionRequest, load_recording
from demo_app.shell.main_window import MainWindow
from demo_app.style.language import Language
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingLockedError
from qt_upbit import CandlePeriod, GlobalWebSocketManager, Region
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    RecordingHeader,
    RecordingWriter,
    SimulatedServer,
)
from tests.demo_app.conftest import Open
from tests.support import events
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Begin = Callable[[SessionRequest], Awaitable[MainWindow]]
BEGIN = 1_800_000_000_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A minute of KRW-BTC; the price encodes the second."""
    path = tmp_path / "minute.jsonl.gz"
    header = RecordingHeader(date="2027-01-15T17:00:00+09:00", region="kr", library="0")
    with RecordingWriter(path, header) as writer:
        for second in range(61):
            at, price = BEGIN + second * 1_000, 100_000 + second * 1_000
            writer.write(second, events.ticker("KRW-BTC", price, timestamp=at, trade_timestamp=at))
            values = {"trade_price": price, "trade_timestamp": at, "timestamp": at}
            writer.write(second, events.trade("KRW-BTC", second + 1, **values))
            writer.write(second, events.orderbook("KRW-BTC", at))
            start = {"candle_date_time_utc": "2027-01-15T08:00:00", "timestamp": at}
            writer.write(second, events.candle("KRW-BTC", "1m", price, **start))
    return path


@pytest_asyncio.fixture
async def begin(
    settings: QSettings, language: Language, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Begin]:
    """Run a session of the terminal, and end the previous one."""
    # Only code run by `qt_upbit.run` can wait for it; these sessions end by a request.
    monkeypatch.setattr("qt_upbit.until_quit", asyncio.Event().wait)
    windows: list[MainWindow] = []
    running: list[asyncio.Task[int | SessionRequest]] = []

    async def end() -> None:
        windows[0].state.session_wanted.emit(SessionRequest())
        await running.pop()

    async def start(request: SessionRequest) -> MainWindow:
        if running:
            await end()
        before = list(windows)
        session = _Session(
            parse(["--layout", "trading"]), Region.KR, settings, Preferences(settings), language, request
        )
        running.append(asyncio.ensure_future(session.run(windows)))
        await until(lambda: bool(windows) and windows != before)
        return windows[0]

    yield start
    if running:
        await end()
    for window in windows:
        window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _bar(window: MainWindow) -> ReplayBar:
    bar = window.findChild(ReplayBar)
    assert bar is not None
    return bar


async def _at(recording: Path, second: float, *, is_paused: bool = True) -> SessionRequest:
    request = await load_recording(recording)
    return SessionRequest(request.recording, request.name, request.market, second, 1.0, is_paused)


@pytest.mark.parametrize("second", [45, 12])
async def test_every_panel_is_at_the_replay_time_and_has_no_later_data(
    recording: Path, begin: Begin, second: int
) -> None:
    await begin(await _at(recording, 60))
    window = await begin(await _at(recording, second))
    price = 100_000 + second * 1_000
    book, tape, chart = (window.panel(name) for name in ("orderbook", "trades", "chart"))
    assert isinstance(book, OrderbookPanel)
    assert isinstance(tape, TradesPanel)
    assert isinstance(chart, ChartPanel)
    await until(lambda: window.header._event is not None and window.header._event.trade_price == price)
    await until(lambda: book.model.book is not None)
    assert book.model.book is not None
    assert book.model.book.timestamp == BEGIN + second * 1_000
    tape._timeout.timeout.emit()
    await until(lambda: len(tape.canvas.rows) == second + 1)
    assert tape.canvas.rows[0].number == second + 1
    await until(lambda: chart._content.bars.closes[-1:] == [price])
    assert list(window.state.markets) == ["KRW-BTC"]


async def test_a_grouping_chosen_before_does_not_hide_the_recorded_book(
    recording: Path, begin: Begin, settings: QSettings
) -> None:
    """A recording has ungrouped books only; the choice itself is kept for the exchange."""
    settings.setValue("orderbook/level/KRW-BTC", "10000")
    window = await begin(await _at(recording, 45))
    book = window.panel("orderbook")
    assert isinstance(book, OrderbookPanel)
    await until(lambda: book.model.book is not None and not book.has_placeholder)
    assert book.model.level == 0
    await until(lambda: book.level.count() == 1)
    assert settings.value("orderbook/level/KRW-BTC") == "10000"


@pytest.mark.parametrize("unit", [CandlePeriod.DAY, CandlePeriod.WEEK])
async def test_a_day_chart_shows_the_recorded_days(recording: Path, begin: Begin, unit: CandlePeriod) -> None:
    """The recording has no earlier days, and its ticker gives the very first candle."""
    window = await begin(await _at(recording, 30))
    chart = window.panel("chart")
    assert isinstance(chart, ChartPanel)
    chart.bar.choose(unit)
    await until(lambda: chart.canvas.content.bars.unit is unit and not chart.has_placeholder)
    bars = chart.canvas.content.bars
    assert bars.closes == [130_000]
    assert bars.grid.start(bars.slots[0]) == unit.start_of(datetime(2027, 1, 15, tzinfo=UTC)).timestamp()


async def test_it_plays_pauses_and_goes_faster(recording: Path, begin: Begin) -> None:
    window = await begin(await _at(recording, 5))
    bar = _bar(window)
    header = window.header
    await until(lambda: header._event is not None and header._event.trade_price == 105_000)
    assert bar.play.text() == "Play"
    assert bar.place.text().strip().startswith("00:05 / 01:00   2027-01-15 17:00:05")
    row = bar.speed.findData(100.0)
    bar.speed.setCurrentIndex(row)
    bar.speed.activated.emit(row)
    bar.play.trigger()
    await until(lambda: header._event is not None and header._event.trade_price == 160_000)
    assert bar.play.text() == "Pause"


async def test_seeking_starts_a_session_at_the_target_time(
    recording: Path, begin: Begin, state: TerminalState, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = await begin(await _at(recording, 30))
    requests: list[SessionRequest] = []
    bar = _bar(window)
    # Its requests are recorded here and not carried out.
    monkeypatch.setattr(bar, "_state", state)
    state.session_wanted.connect(requests.append)
    bar.back.trigger()
    bar.forward.trigger()
    bar.slider.setSliderDown(True)
    bar.slider.setSliderPosition(70)
    bar.slider.setSliderDown(False)
    bar.seek(1e9)
    assert [request.offset_s for request in requests] == [20, 40, 7, 60]
    assert all(request.is_paused and request.market == "KRW-BTC" for request in requests)


async def test_a_recording_has_no_account_and_takes_no_orders(recording: Path, begin: Begin) -> None:
    window = await begin(await _at(recording, 30))
    assert window.windowTitle().endswith("REPLAY")
    for name in ("orders", "balances", "order_form", "notices"):
        assert window.panel(name).has_placeholder
    with pytest.raises(TradingLockedError):
        window.state.guard.check("Buy")
    guard = make_guard(parse([]), lambda: GlobalWebSocketManager.instance().config, is_replay=True)
    with pytest.raises(TradingLockedError):
        guard.check("Buy")


async def test_a_pause_is_not_a_dead_connection(recording: Path, begin: Begin) -> None:
    await begin(await _at(recording, 30))
    config = GlobalWebSocketManager.instance().config
    assert config.silence_timeout_s > 100_000
    assert config.silent_code_timeout_s > 100_000


async def test_an_invalid_recording_is_reported_and_the_session_continues(
    exchange: Exchange, open_window: Open, tmp_path: Path
) -> None:
    await exchange()
    window = open_window(layout="book")
    requests: list[SessionRequest] = []
    window.state.session_wanted.connect(requests.append)
    for name, text in (("text.jsonl", "no json"), ("empty.jsonl", "")):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        window.connection_line.show_error("")
        window.recording.open(str(path))
        await until(lambda: window.connection_line._error.toolTip().startswith("No recording: "))
    assert requests == []


async def test_the_replay_equals_the_recording(exchange: Exchange, open_window: Open, tmp_path: Path) -> None:
    server = await exchange(market_running=True, rate=10.0)
    window = open_window(layout="book")
    control, path = window.recording, tmp_path / "mine"
    window.state.set_favourites(["KRW-ETH"])
    notices: list[str] = []
    window.state.noticed.connect(lambda title, _text: notices.append(title))
    control.record(str(path))
    assert control.sign.isVisibleTo(window)
    recorder = control.recorder
    assert recorder is not None
    await until(lambda: recorder.size > 20_000)
    control.stop()
    assert notices == ["Recorded"]
    assert not control.sign.isVisibleTo(window)
    file = path.with_name("mine.jsonl.gz")
    text = gzip.decompress(file.read_bytes()).decode()
    assert SIMULATED_ACCESS_KEY not in text
    assert SIMULATED_SECRET_KEY not in text
    request = await load_recording(file)
    assert request.recording is not None
    assert set(request.recording.codes) == {"KRW-BTC", "KRW-ETH"}
    assert server.exchange.replay is None


async def test_an_existing_file_is_not_overwritten(
    exchange: Exchange, open_window: Open, tmp_path: Path
) -> None:
    await exchange()
    window = open_window(layout="book")
    path = tmp_path / "old.jsonl.gz"
    path.write_bytes(b"mine")
    notices: list[str] = []
    window.state.noticed.connect(lambda title, _text: notices.append(title))
    window.recording.record(str(path))
    await until(lambda: notices == ["The recording has ended"])
    assert path.read_bytes() == b"mine"
    assert window.recording.recorder is None
