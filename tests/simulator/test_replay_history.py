"""A recording tells over REST what it has come to, and nothing of later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from qt_upbit import CandlePeriod, RestClient, WebSocketConfig
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
async def test_nothing_is_told_of_later(server: SimulatedServer, rest: RestClient, second: int) -> None:
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


async def test_candles_that_were_not_recorded_are_made_of_the_trades(
    server: SimulatedServer, rest: RestClient
) -> None:
    _go_to(server, 7)
    candles = await rest.get_candles("KRW-BTC", "3m", count=5)
    (candle,) = candles
    assert (candle.opening_price, candle.high_price, candle.trade_price) == (100_000, 107_000, 107_000)
    assert candle.candle_acc_trade_volume == 16
    assert await rest.get_candles("KRW-BTC", CandlePeriod.DAY, count=5) == []
