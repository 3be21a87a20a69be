"""`CandleSeries`: candles of one pair and unit, from history and stream, without a seam. Knows no Qt."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from typing import NamedTuple, overload

from qt_upbit.types import CandleEvent

__all__ = ["CandleSeries", "Change"]


class Change(NamedTuple):
    """What a call did to a series.

    Attributes:
        first: index of the first candle concerned, valid when this change is reported and all before it are.
        size: how many.
        is_new: whether they were added; otherwise they have new values.
    """

    first: int
    size: int
    is_new: bool


class CandleSeries:
    """Oldest first, one candle per start; a candle's latest update wins, wherever it comes from.

    Taking the newest candle costs the same however many there are.
    """

    def __init__(self) -> None:
        self._candles: list[CandleEvent] = []
        self._starts: list[str] = []

    def __len__(self) -> int:
        return len(self._candles)

    def __iter__(self) -> Iterator[CandleEvent]:
        return iter(self._candles)

    @overload
    def __getitem__(self, index: int) -> CandleEvent: ...

    @overload
    def __getitem__(self, index: slice) -> list[CandleEvent]: ...

    def __getitem__(self, index: int | slice) -> CandleEvent | list[CandleEvent]:
        return self._candles[index]

    def update(self, candle: CandleEvent) -> Change | None:
        """Take one candle; None if it says nothing that is not known."""
        start = candle.candle_date_time_utc
        if not self._starts or start > self._starts[-1]:
            index = len(self._starts)
        else:
            index = bisect.bisect_left(self._starts, start)
            if self._starts[index] == start:
                known = self._candles[index]
                if known == candle or candle.is_older_than(known):
                    return None
                self._candles[index] = candle
                return Change(index, 1, False)
        self._candles.insert(index, candle)
        self._starts.insert(index, start)
        return Change(index, 1, True)

    def merge(self, candles: Iterable[CandleEvent]) -> list[Change]:
        """Take any candles, in any order; the changes, to be reported in this order."""
        rows = sorted(candles, key=_start)
        older = 0
        if self._starts:
            older = bisect.bisect_left(rows, self._starts[0], key=_start)
        changes: list[Change] = []
        # A page of the past in one piece.
        past = CandleSeries()
        for row in rows[:older]:
            past.update(row)
        if len(past):
            self._candles[:0] = past._candles
            self._starts[:0] = past._starts
            changes.append(Change(0, len(past), True))
        for row in rows[older:]:
            change = self.update(row)
            if change is None:
                continue
            last = changes[-1] if changes else None
            if last is not None and last.is_new and change.is_new and change.first == last.first + last.size:
                changes[-1] = Change(last.first, last.size + 1, True)
            else:
                changes.append(change)
        return changes


def _start(candle: CandleEvent) -> str:
    return candle.candle_date_time_utc
