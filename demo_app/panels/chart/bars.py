"""`Bars` and `TimeGrid`: candles as columns of floats, and their places in time. Knows no Qt."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from qt_upbit import KST, CandleEvent, CandlePeriod, CandleUnit, datetime_at

__all__ = ["UNITS", "Bar", "Bars", "TimeGrid", "Unit", "unit_of"]

Unit = CandleUnit | CandlePeriod

UNITS: Final[tuple[Unit, ...]] = (*CandleUnit, *CandlePeriod)
"""Every candle length that Upbit offers, shortest first."""

_KST_S: Final = 9 * 3600
_DAY_S: Final = 86_400
_MONDAY_S: Final = 4 * _DAY_S
"""1970-01-05, the first Monday."""
_INTERVALS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * n for n in (1, 2, 4, 6, 12)),
    *(_DAY_S * n for n in (1, 2, 5, 10, 20)),
)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH_S: Final = 30.44 * _DAY_S


def unit_of(text: str) -> Unit:
    """The unit of this name.

    Raises:
        ValueError: there is no such unit.
    """
    return CandlePeriod(text) if text in set(CandlePeriod) else CandleUnit(text)


class Bar(NamedTuple):
    """One candle, as floats for painting; `start` is in seconds since the epoch, UTC."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @classmethod
    def of(cls, event: CandleEvent) -> Bar:
        """The bar of a candle."""
        return cls(
            int(event.start.timestamp()),
            float(event.opening_price),
            float(event.high_price),
            float(event.low_price),
            float(event.trade_price),
            float(event.candle_acc_trade_volume or 0),
        )


class TimeGrid:
    """Numbers the periods of a unit through time: each has a slot, whether there was a trade or not.

    Slots count from the epoch, so a slot's number does not depend on the history loaded before it.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        if isinstance(unit, CandleUnit):
            self._seconds = unit.seconds
        else:
            self._seconds = {CandlePeriod.DAY: _DAY_S, CandlePeriod.WEEK: 7 * _DAY_S}.get(unit, 0)
        self._offset = _MONDAY_S if unit is CandlePeriod.WEEK else 0

    @property
    def most_slots(self) -> float:
        """The most slots shown at once: two hundred years, which the calendar functions can handle."""
        return 200 * 12 * _MONTH_S / self.slot_s

    @property
    def slot_s(self) -> float:
        """Length of a slot, seconds; for months and years the mean."""
        if self._seconds:
            return float(self._seconds)
        return _MONTH_S if self.unit is CandlePeriod.MONTH else 12 * _MONTH_S

    def slot(self, seconds: float) -> int:
        """Number of the slot that a time is in."""
        if self._seconds:
            return math.floor((seconds - self._offset) / self._seconds)
        moment = datetime_at(seconds)
        if self.unit is CandlePeriod.MONTH:
            return moment.year * 12 + moment.month - 1
        return moment.year

    def start(self, slot: int) -> int:
        """When a slot begins, seconds since the epoch."""
        if self._seconds:
            return slot * self._seconds + self._offset
        year, month = divmod(slot, 12) if self.unit is CandlePeriod.MONTH else (slot, 0)
        return int(datetime(min(max(year, 1), 9999), month + 1, 1, tzinfo=UTC).timestamp())

    def text(self, slot: int) -> str:
        """Date and time of a slot, in full."""
        start = self.start(slot)
        if isinstance(self.unit, CandlePeriod):
            form = {CandlePeriod.MONTH: "%Y-%m", CandlePeriod.YEAR: "%Y"}.get(self.unit, "%Y-%m-%d")
            return datetime_at(start).strftime(form)
        moment = datetime_at(start, KST)
        return moment.strftime("%Y-%m-%d %H:%M:%S" if self.unit is CandleUnit.S1 else "%Y-%m-%d %H:%M")

    def ticks(self, first: int, last: int, every: float) -> list[tuple[int, str]]:
        """Slots between two, at least `every` slots apart, that stand for round times, and their texts."""
        seconds = max(1.0, every) * self.slot_s
        if seconds > _INTERVALS_S[-1] or not self._seconds:
            return self._month_ticks(first, last, seconds)
        interval = next(each for each in _INTERVALS_S if each >= seconds)
        # The reader's day begins at local midnight, but a day candle at 00:00 UTC.
        shift = 0 if isinstance(self.unit, CandlePeriod) else _KST_S
        zone = UTC if isinstance(self.unit, CandlePeriod) else KST
        found = []
        moment = -(-(self.start(first) + shift) // interval) * interval - shift
        while (slot := self.slot(moment)) <= last:
            here = datetime_at(moment, zone)
            is_midnight = (here.hour, here.minute, here.second) == (0, 0, 0)
            form = "%m/%d" if is_midnight else "%H:%M:%S" if interval < 60 else "%H:%M"
            found.append((slot, here.strftime(form)))
            moment += interval
        return found

    def _month_ticks(self, first: int, last: int, seconds: float) -> list[tuple[int, str]]:
        step = next((each for each in _MONTHS if each * _MONTH_S >= seconds), _MONTHS[-1])
        found: list[tuple[int, str]] = []
        begin = datetime_at(self.start(first))
        month = -(-(begin.year * 12 + begin.month - 1) // step) * step
        while True:
            moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
            slot = self.slot(moment.timestamp())
            if slot > last:
                return found
            if slot >= first:
                found.append((slot, f"{moment:%Y}" if moment.month == 1 else f"{moment:%Y-%m}"))
            month += step

    def left_s(self, now: float) -> float:
        """Seconds until the current slot ends."""
        return max(0.0, self.start(self.slot(now) + 1) - now)


class Bars:
    """Candles of one pair and unit, oldest first, in columns, which are fast to paint from."""

    def __init__(self, code: str, unit: Unit) -> None:
        self.code = code
        self.grid = TimeGrid(unit)
        self.slots: list[int] = []
        self.opens: list[float] = []
        self.highs: list[float] = []
        self.lows: list[float] = []
        self.closes: list[float] = []
        self.volumes: list[float] = []
        self.version = 0
        """Changes whenever anything changes except the last candle and candles appended after it."""

    def __len__(self) -> int:
        return len(self.slots)

    def __getitem__(self, index: int) -> Bar:
        return Bar(
            self.grid.start(self.slots[index]),
            self.opens[index],
            self.highs[index],
            self.lows[index],
            self.closes[index],
            self.volumes[index],
        )

    def __iter__(self) -> Iterator[Bar]:
        return (self[index] for index in range(len(self)))

    @property
    def unit(self) -> Unit:
        """Length of the candles."""
        return self.grid.unit

    def insert(self, first: int, rows: Sequence[Bar]) -> None:
        """Put candles before the one at `first`."""
        if first != len(self):
            self.version += 1
        self.slots[first:first] = [self.grid.slot(row.start) for row in rows]
        for column, values in zip(self._columns(), _transposed(rows), strict=True):
            column[first:first] = values

    def put(self, index: int, row: Bar) -> None:
        """Replace the values of a candle."""
        for column, value in zip(self._columns(), row[1:], strict=True):
            column[index] = value
        if index != len(self) - 1:
            self.version += 1

    def between(self, first: float, last: float) -> tuple[int, int]:
        """Index of the first candle in slots `first` to `last`, and one past the last."""
        begin = bisect.bisect_left(self.slots, math.floor(first))
        return begin, bisect.bisect_right(self.slots, math.ceil(last), begin)

    def at(self, slot: int) -> int | None:
        """Index of the candle of a slot; None where there was no trade."""
        index = bisect.bisect_left(self.slots, slot)
        return index if index < len(self.slots) and self.slots[index] == slot else None

    def _columns(self) -> tuple[list[float], ...]:
        return self.opens, self.highs, self.lows, self.closes, self.volumes


def _transposed(rows: Iterable[Bar]) -> tuple[list[float], ...]:
    columns: tuple[list[float], ...] = ([], [], [], [], [])
    for row in rows:
        for column, value in zip(columns, row[1:], strict=True):
            column.append(value)
    return columns
