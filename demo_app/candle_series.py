"""`CandleSeries`: candles of one pair and unit, from history and stream, in order. Knows no Qt."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from qt_upbit import CandleEvent

__all__ = ["Candle", "CandleSeries"]


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle, as floats for painting.

    Attributes:
        start: seconds since the epoch, UTC.
    """

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @classmethod
    def from_event(cls, event: CandleEvent) -> Candle:
        """The candle of a streamed event."""
        return cls(
            int(event.start.timestamp()),
            float(event.opening_price),
            float(event.high_price),
            float(event.low_price),
            float(event.trade_price),
            float(event.candle_acc_trade_volume),
        )


class CandleSeries:
    """Sorted by start, one candle per start; the newest word on a candle wins.

    Args:
        limit: how many candles are kept; the oldest go first.
    """

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._candles: list[Candle] = []
        self.closed_version = 0
        """Changes whenever anything but the last candle changes: painters may cache until then."""

    def __len__(self) -> int:
        return len(self._candles)

    def __getitem__(self, index: int) -> Candle:
        return self._candles[index]

    @property
    def candles(self) -> list[Candle]:
        """The candles, oldest first; not to be changed."""
        return self._candles

    def update(self, candle: Candle) -> bool:
        """Take a candle from the stream; True if it is a new one at the end.

        A candle older than the last one corrects what is there, or is put in its place in time.
        """
        candles = self._candles
        if candles and candle.start == candles[-1].start:
            candles[-1] = candle
            return False
        is_new = not candles or candle.start > candles[-1].start
        if is_new:
            candles.append(candle)
        else:
            index = bisect.bisect_left(candles, candle.start, key=_start)
            if candles[index].start == candle.start:
                candles[index] = candle
            else:
                candles.insert(index, candle)
        del candles[: -self._limit]
        self.closed_version += 1
        return is_new

    def add_history(self, history: Iterable[Candle]) -> None:
        """Take candles that were fetched; what closed while nobody listened is mended.

        The newest of them was still running when it was fetched: what the stream said of it is kept.
        """
        rows = sorted(history, key=_start)
        if not rows:
            return
        by_start = {candle.start: candle for candle in self._candles}
        running = by_start.get(rows[-1].start, rows[-1])
        last = self._candles[-1:]
        by_start.update((candle.start, candle) for candle in (*rows, running, *last))
        self._candles = sorted(by_start.values(), key=_start)[-self._limit :]
        self.closed_version += 1


def _start(candle: Candle) -> int:
    return candle.start
