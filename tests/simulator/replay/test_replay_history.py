"""A recording serves over REST what it has reached so far, and nothing later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from qt_upbit import CandleEvent, CandlePeriod, RestClient, WebSocketConfig
from qt_upbit.simulator import RecordingHeader, RecordingWriter, Replay, SimulatedServer, SimulatorSettings
from tests.support import events

D = Decimal
BEGIN = 1_800_000_000_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Ten seconds of KRW-BTC: each second a ticker, a trade, a book and a candle of one minute."""
    path = tmp_path / "session.jsonl.gz"
    header = RecordingHeader(date="2027-01-15T17:00:00+09:00", region="kr", library="0")
    with RecordingWriter(path, header) as writer:
        for second in range(11):
            at, price = BEGIN + second * 1_000, 100_000 + second * 1_000
            writer.write(second, events.ticker("KRW-BTC", price, timestamp=at, trade_timestamp=at))
            trade = events.trade(
                "KRW-BTC",
                second + 1,
                trade_price=D(price),
                trade_volume=D(2),
                trade_timestamp=at,
                timestamp=at,
            )
            writer.write(second, trade)
            writer.write(second, events.orderbook("KRW-BTC", at))
            start = "2027-01-15T08:00:00"
            writer.write(
                second, events.candle("KRW-BTC", "1m", price, candle_date_time_utc=start, timestamp=at)
            )
    return path


@pytest.fixture
async def server(recording: Path) -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(markets=5, market_running=False, account_running=False)
    async with SimulatedServer(settings, replay=Replay.from_file(recording)) as made:
        yield made


@pytest.fixture
async def rest(server: SimulatedServer) -> AsyncIterator[RestClient]:
    async with RestClient(WebSocketConfig(base_url=server.url, use_system_proxy=False)) as client:
        yield client


def _go_to(server: SimulatedServer, offset_s: float) -> None:
    replay = server.exchange.replay
    assert replay is not None
    replay.set_paused(True, server.now())
    replay.seek(offset_s, server.now())


async def test_only_what_was_recorded_is_listed(rest: RestClient) -> None:
    markets = await rest.get_markets()
    assert [market.code for market in markets] == ["KRW-BTC"]


@pytest.mark.parametrize("second", [0, 4, 10])
async def test_nothing_is_reported_of_later(server: SimulatedServer, rest: RestClient, second: int) -> None:
    _go_to(server, second)
    price = 100_000 + second * 1_000
    tickers = await rest.get_tickers(["KRW-BTC"])
    assert tickers["KRW-BTC"].trade_price == price
    trades = await rest.get_trades("KRW-BTC", count=100)
    assert [trade.sequential_id for trade in trades] == list(range(1, second + 2))
    books = await rest.get_orderbooks(["KRW-BTC"])
    assert books["KRW-BTC"].timestamp == BEGIN + second * 1_000
    (candle,) = await rest.get_candles("KRW-BTC", "1m", count=5)
    assert (candle.trade_price, candle.timestamp) == (price, BEGIN + second * 1_000)


async def test_seconds_are_made_of_the_trades(server: SimulatedServer, rest: RestClient) -> None:
    _go_to(server, 7)
    candles = await rest.get_candles("KRW-BTC", "1s", count=5)
    assert [int(candle.trade_price) for candle in candles] == [103_000, 104_000, 105_000, 106_000, 107_000]
    assert {candle.candle_acc_trade_volume for candle in candles} == {2}
    assert await rest.get_candles("KRW-BTC", CandlePeriod.DAY, count=5) == []


def _candle(unit: str, start: str, prices: str, volume: int = 1) -> CandleEvent:
    """Open, high, low and close, in thousands."""
    opening, high, low, close = (D(price) * 1_000 for price in prices.split())
    candle = events.candle(
        "KRW-BTC", "1m", int(close),
        candle_date_time_utc=start, opening_price=opening, high_price=high, low_price=low,
        candle_acc_trade_volume=D(volume), candle_acc_trade_price=D(volume),
    )  # fmt: skip
    return msgspec.structs.replace(candle, type=f"candle.{unit}")


@pytest.fixture
def with_history(tmp_path: Path) -> Path:
    """A recording that began in the middle of an hour, with what was before."""
    path = tmp_path / "history.jsonl.gz"
    header = RecordingHeader(date="2027-01-15T17:00:00+09:00", region="kr", library="0")
    with RecordingWriter(path, header) as writer:
        writer.write(0.0, events.ticker("KRW-BTC", 100_000, timestamp=BEGIN, trade_timestamp=BEGIN))
        # It comes when it was read, while frames come already.
        for start, prices in {
            "2027-01-15T07:54:00": "90 91 90 90",
            "2027-01-15T07:57:00": "94 95 93 94",
            "2027-01-15T07:58:00": "94 99 92 96",
            "2027-01-15T07:59:00": "96 97 91 97",
        }.items():
            writer.write_history(_candle("1m", start, prices))
        writer.write_history(_candle("60m", "2027-01-15T06:00:00", "80 88 70 85", 9))
        writer.write_history(_candle("1d", "2027-01-13T00:00:00", "60 66 60 65"))
        writer.write_history(_candle("1d", "2027-01-14T00:00:00", "70 77 70 75"))
        writer.write_history(_candle("1w", "2027-01-04T00:00:00", "50 55 50 55"))
        for second, prices in {1: "97 98 97 98", 61: "98 103 98 103"}.items():
            start = f"2027-01-15T08:{second // 60:02}:00"
            writer.write(float(second), _candle("1m", start, prices))
    return path


async def test_what_was_before_the_recording_is_reported(with_history: Path) -> None:
    settings = SimulatorSettings(markets=5, market_running=False, account_running=False)
    async with (
        SimulatedServer(settings, replay=Replay.from_file(with_history)) as server,
        RestClient(WebSocketConfig(base_url=server.url, use_system_proxy=False)) as rest,
    ):
        assert server.exchange.replay is not None
        assert [frame.event.type for frame in server.exchange.replay.frames] == ["ticker", *["candle.1m"] * 2]

        async def seen(unit: str) -> list[tuple[str, int, int, int, int, int]]:
            found = []
            for c in await rest.get_candles("KRW-BTC", unit, count=9):
                prices = (c.opening_price, c.high_price, c.low_price, c.trade_price)
                opening, high, low, close = (int(price / 1_000) for price in prices)
                volume = int(c.candle_acc_trade_volume or 0)
                found.append((f"{c.start:%d %H:%M}", opening, high, low, close, volume))
            return found

        _go_to(server, 2)
        assert (await seen("1m"))[-2:] == [("15 07:59", 96, 97, 91, 97, 1), ("15 08:00", 97, 98, 97, 98, 1)]
        # Of 07:54 the minutes before may be missing: half a candle would be a wrong one.
        assert await seen("5m") == [("15 07:55", 94, 99, 91, 97, 3), ("15 08:00", 97, 98, 97, 98, 1)]
        assert await seen("60m") == [("15 06:00", 80, 88, 70, 85, 9), ("15 08:00", 97, 98, 97, 98, 1)]
        _go_to(server, 61)
        assert (await seen("60m"))[-1] == ("15 08:00", 97, 103, 97, 103, 2)
        # The oldest day is there for the price before the next one's.
        assert await seen("1d") == [("14 00:00", 70, 77, 70, 75, 1)]
        assert await seen("1w") == [("04 00:00", 50, 55, 50, 55, 1)]
