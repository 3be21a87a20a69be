"""`LiveCandles`: the candles of one pair, built from its trades as they happen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from qt_upbit.simulator.market.history import Candle
from qt_upbit.simulator.market.record_log import Layout, RecordLog, SpillFile
from qt_upbit.types import CandlePeriod, CandleUnit

__all__ = ["DAY_S", "UNITS_S", "LiveCandles", "LiveSeries", "TimedCandle"]

DAY_S: Final = 86_400
UNITS_S: Final = {unit.value: unit.seconds for unit in CandleUnit} | {CandlePeriod.DAY.value: DAY_S}
"""Every length that Upbit streams, and a day, from which longer ones are built; seconds."""
_LAYOUT: Final = Layout("qqwwwwww", 16)
_ANY: Final = 2**62


class TimedCandle(NamedTuple):
    """A candle with its window.

    Attributes:
        start_s: start of the window, seconds since the epoch.
        candle: its values.
        time_ms: time of the last trade in it.
    """

    start_s: int
    candle: Candle
    time_ms: int


class LiveSeries:
    """The candles of one length; every closed one is kept.

    Args:
        length_s: seconds.
        spill: where most closed candles are kept.
    """

    __slots__ = (
        "_closed", "_spill", "_start_ms", "_values", "changed", "closed_count", "ended", "length_ms",
        "time_ms",
    )  # fmt: skip

    def __init__(self, length_s: int, spill: SpillFile) -> None:
        self.length_ms = length_s * 1000
        self._spill = spill
        self._closed: RecordLog | None = None
        self.closed_count = 0
        self.ended: list[TimedCandle] = []
        self.changed = False
        self.time_ms = 0
        self._start_ms = -1
        self._values: list[int] = []

    def begin(self, start_s: int, candle: Candle, time_ms: int) -> None:
        """Continue the candle that history has begun."""
        self._start_ms = start_s * 1000
        self._values = list(candle)
        self.time_ms = time_ms

    def apply(self, time_ms: int, price: int, volume: int, *, announce: bool) -> None:
        """Add one trade; with `announce`, add the final state of a candle that it ends to `ended`."""
        start = time_ms - time_ms % self.length_ms
        values = self._values
        if start != self._start_ms:
            if values:
                last = TimedCandle(self._start_ms // 1000, Candle(*values), self.time_ms)
                self._close(last)
                if announce and self.changed:
                    self.ended.append(last)
            self._start_ms = start
            self._values = [price, price, price, price, volume, price * volume]
        else:
            if price > values[1]:
                values[1] = price
            elif price < values[2]:
                values[2] = price
            values[3] = price
            values[4] += volume
            values[5] += price * volume
        self.time_ms = time_ms
        self.changed = True

    def _close(self, last: TimedCandle) -> None:
        if self._closed is None:
            self._closed = RecordLog(self._spill, _LAYOUT)
        self._closed.append((last.start_s, last.time_ms, *last.candle))
        self.closed_count += 1

    def closed(self, before_s: int = _ANY) -> Iterator[TimedCandle]:
        """Closed candles that began before a time, newest first."""
        for start_s, time_ms, *values in () if self._closed is None else self._closed.backwards(before_s):
            yield TimedCandle(start_s, Candle(*values), time_ms)

    @property
    def is_complete(self) -> bool:
        """Whether every closed candle was kept, as far as it was asked for."""
        return self._closed is None or self._closed.is_complete

    @property
    def current(self) -> TimedCandle | None:
        """The newest candle, closed or not."""
        if not self._values:
            return None
        return TimedCandle(self._start_ms // 1000, Candle(*self._values), self.time_ms)


class LiveCandles:
    """Every candle length of one pair.

    Args:
        spill: where most closed candles are kept.
    """

    def __init__(self, spill: SpillFile) -> None:
        self.series = {unit: LiveSeries(length, spill) for unit, length in UNITS_S.items()}
        self._all = tuple(self.series.values())

    def apply(self, time_ms: int, price: int, volume: int, *, announce: bool) -> None:
        """Add one trade to every length."""
        for series in self._all:
            series.apply(time_ms, price, volume, announce=announce)
