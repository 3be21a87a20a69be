"""`ReplayHistory`: what a recording tells of the time before the moment it has reached, for REST."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from qt_upbit.simulator.replay import Replay
from qt_upbit.types import KST, CandleEvent, OrderbookEvent, TickerEvent, TradeEvent

__all__ = ["ReplayHistory"]

_T = TypeVar("_T")
Row = dict[str, Any]


class ReplayHistory:
    """Answers from a recording, up to where it stands: nothing of later, and nothing invented.

    Candles are those that were recorded; of other lengths, put together from the recorded trades. What was
    before the recording is not known.

    Args:
        replay: the recording.
    """

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._tickers: dict[str, list[tuple[float, TickerEvent]]] = defaultdict(list)
        self._books: dict[str, list[tuple[float, OrderbookEvent]]] = defaultdict(list)
        self._trades: dict[str, list[tuple[float, TradeEvent]]] = defaultdict(list)
        self._candles: dict[tuple[str, str], list[tuple[float, CandleEvent]]] = defaultdict(list)
        for frame in replay.frames:
            event = frame.event
            if isinstance(event, TickerEvent):
                self._tickers[event.code].append((frame.offset_s, event))
            elif isinstance(event, OrderbookEvent) and not event.level:
                self._books[event.code].append((frame.offset_s, event))
            elif isinstance(event, TradeEvent):
                self._trades[event.code].append((frame.offset_s, event))
            elif isinstance(event, CandleEvent):
                self._candles[event.code, event.type.partition(".")[2]].append((frame.offset_s, event))
        first = replay.frames[0].event.timestamp if replay.frames else 0
        self._began_ms = first

    def now_ms(self, now: float) -> int:
        """The moment of the recording, ms since 1970."""
        return self._began_ms + round(self._replay.position_s(now) * 1000)

    def ticker(self, code: str, now: float) -> TickerEvent | None:
        """The last ticker of a pair."""
        return _last(self._tickers[code], self._replay.position_s(now))

    def book(self, code: str, now: float) -> OrderbookEvent | None:
        """The last order book of a pair."""
        return _last(self._books[code], self._replay.position_s(now))

    def trades(self, code: str, now: float) -> Iterator[TradeEvent]:
        """Trades of a pair, newest first."""
        known: set[int] = set()
        for event in reversed(_until(self._trades[code], self._replay.position_s(now))):
            # The picture at the begin of a subscription repeats the last one.
            if event.sequential_id not in known:
                known.add(event.sequential_id)
                yield event

    def candles(self, code: str, unit: str, seconds: int, before_s: int, now: float) -> list[Row]:
        """Candles of a pair that began before a moment, newest first, as REST gives them."""
        recorded = _until(self._candles[code, unit], self._replay.position_s(now))
        # The last word on each candle.
        rows = {event.candle_date_time_utc: _candle_row(event) for event in recorded}
        if not recorded:
            rows = self._built(code, seconds, now)
        limit = datetime.fromtimestamp(before_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return [rows[start] for start in sorted(rows, reverse=True) if start < limit]

    def _built(self, code: str, seconds: int, now: float) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for event in reversed(list(self.trades(code, now))):
            start_s = event.trade_timestamp // 1000 // seconds * seconds
            start = datetime.fromtimestamp(start_s, UTC)
            key = start.strftime("%Y-%m-%dT%H:%M:%S")
            price, volume = event.trade_price, event.trade_volume
            row = rows.get(key)
            if row is None:
                row = rows[key] = {
                    "market": code,
                    "candle_date_time_utc": key,
                    "candle_date_time_kst": start.astimezone(KST).strftime("%Y-%m-%dT%H:%M:%S"),
                    "opening_price": price,
                    "high_price": price,
                    "low_price": price,
                    "candle_acc_trade_price": Decimal(0),
                    "candle_acc_trade_volume": Decimal(0),
                }
            row["high_price"] = max(row["high_price"], price)
            row["low_price"] = min(row["low_price"], price)
            row["trade_price"] = price
            row["timestamp"] = event.trade_timestamp
            row["candle_acc_trade_price"] += price * volume
            row["candle_acc_trade_volume"] += volume
        return rows


def _until(events: list[tuple[float, _T]], offset_s: float) -> list[_T]:
    end = bisect.bisect_right(events, offset_s, key=lambda pair: pair[0])
    return [event for _, event in events[:end]]


def _last(events: list[tuple[float, _T]], offset_s: float) -> _T | None:
    end = bisect.bisect_right(events, offset_s, key=lambda pair: pair[0])
    return events[end - 1][1] if end else None


def _candle_row(event: CandleEvent) -> Row:
    return {
        "market": event.code,
        "candle_date_time_utc": event.candle_date_time_utc,
        "candle_date_time_kst": event.candle_date_time_kst,
        "opening_price": event.opening_price,
        "high_price": event.high_price,
        "low_price": event.low_price,
        "trade_price": event.trade_price,
        "timestamp": event.timestamp,
        "candle_acc_trade_price": event.candle_acc_trade_price,
        "candle_acc_trade_volume": event.candle_acc_trade_volume,
    }
