"""`ReplayHistory`: the part of a recording that has been played, for REST."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, TypeVar

from qt_upbit.epoch import datetime_at
from qt_upbit.exact import exactly
from qt_upbit.simulator.replay.replay import Replay
from qt_upbit.types import KST, CandleEvent, OrderbookEvent, TickerEvent, TradeEvent

__all__ = ["ReplayHistory"]

_T = TypeVar("_T")
Row = dict[str, Any]
_MINUTE: Final = "1m"
_MINUTE_S: Final = 60


class ReplayHistory:
    """Answers from a recording, up to its current position: nothing later, and nothing invented.

    Candles are those that were recorded, and those that ended before it. Lengths that were not recorded are
    merged from minutes, and seconds built from trades.

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
        self._past: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
        for candle in replay.history:
            unit = candle.type.partition(".")[2]
            self._past[candle.code, unit][candle.candle_date_time_utc] = _candle_row(candle)

    def now_ms(self, now: float) -> int:
        """The current moment of the recording, ms since 1970."""
        return self._replay.moment_ms(now)

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
            # The snapshot at the start of a subscription repeats the last trade.
            if event.sequential_id not in known:
                known.add(event.sequential_id)
                yield event

    def candles(self, code: str, unit: str, seconds: int, before_s: int, now: float) -> list[Row]:
        """Candles of a pair that began before a moment, newest first, as REST gives them."""
        rows = self._known(code, unit, now)
        if (code, unit) not in self._candles:
            minutes = self._known(code, _MINUTE, now) if seconds > _MINUTE_S else {}
            built = _merged(minutes, seconds) if minutes else self._of_trades(code, seconds, now)
            rows = built | rows
        limit = _text(before_s)
        return [rows[start] for start in sorted(rows, reverse=True) if start < limit]

    def periods(self, code: str, period: str, before_s: int) -> list[Row]:
        """Days, weeks, months or years that ended before the recording began, newest first."""
        rows, limit = self._past[code, period], _text(before_s)
        return [rows[start] for start in sorted(rows, reverse=True) if start < limit]

    def _known(self, code: str, unit: str, now: float) -> dict[str, Row]:
        """Recorded candles of a length, by their start."""
        recorded = _until(self._candles.get((code, unit), []), self._replay.position_s(now))
        # The final update of each candle wins.
        return self._past[code, unit] | {event.candle_date_time_utc: _candle_row(event) for event in recorded}

    @exactly
    def _of_trades(self, code: str, seconds: int, now: float) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for event in reversed(list(self.trades(code, now))):
            start_s = event.trade_timestamp // 1000 // seconds * seconds
            key = _text(start_s)
            price, volume = event.trade_price, event.trade_volume
            row = rows.get(key)
            if row is None:
                row = rows[key] = {
                    "market": code,
                    "candle_date_time_utc": key,
                    "candle_date_time_kst": _text(start_s, KST),
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


@exactly
def _merged(minutes: Mapping[str, Row], seconds: int) -> dict[str, Row]:
    """Minutes merged into longer candles. The oldest is left out where its first minutes may be missing."""
    rows: dict[str, Row] = {}
    oldest = min(minutes)
    for start in sorted(minutes):
        minute = minutes[start]
        start_s = int(datetime.fromisoformat(start + "Z").timestamp()) // seconds * seconds
        key = _text(start_s)
        row = rows.get(key)
        if row is None:
            rows[key] = minute | {"candle_date_time_utc": key, "candle_date_time_kst": _text(start_s, KST)}
            continue
        row["high_price"] = max(row["high_price"], minute["high_price"])
        row["low_price"] = min(row["low_price"], minute["low_price"])
        for last in ("trade_price", "timestamp"):
            row[last] = minute[last]
        for sum_of in ("candle_acc_trade_price", "candle_acc_trade_volume"):
            row[sum_of] += minute[sum_of]
    if len(rows) > 1 and oldest not in rows:
        del rows[min(rows)]
    return rows


def _text(seconds: int, zone: tzinfo = UTC) -> str:
    """A moment as Upbit writes the start of a candle."""
    return datetime_at(seconds, zone).strftime("%Y-%m-%dT%H:%M:%S")


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
