"""`CandleHistory`: candles of the past, generated on demand and always the same.

A day is generated from the price path; each shorter candle is a part of its parent. The parts' opening,
high, low and closing prices and volumes add up to the parent exactly; turnovers approximately (each uses
its own part's typical price).
"""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from qt_upbit.simulator.market.price_grid import SCALE, PriceGrid
from qt_upbit.simulator.market.price_path import mix, uniform

__all__ = ["Candle", "CandleHistory", "WarmHistories", "merge"]


class Candle(NamedTuple):
    """One candle: prices and volume in 10^-8, turnover in 10^-16."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int


def merge(first: Candle | None, second: Candle | None) -> Candle | None:
    """Two candles, in order of time, as one."""
    if first is None or second is None:
        return first or second
    return Candle(
        first.open,
        max(first.high, second.high),
        min(first.low, second.low),
        second.close,
        first.volume + second.volume,
        first.turnover + second.turnover,
    )


DAY_S: Final = 86_400
_LENGTHS_S: Final = (DAY_S, 14_400, 3_600, 1_800, 900, 300, 60, 1)
_INNER_SAMPLES: Final = {14_400: 8, 3_600: 6, 1_800: 6, 900: 3, 300: 5, 60: 6, 1: 1}
"""Samples of the price path within a part: its high and low are those of its own parts."""
_FEW_INNER_SAMPLES: Final = {14_400: 4, 3_600: 2, 1_800: 2, 900: 1, 300: 2, 60: 2, 1: 1}
_CACHE_LIMIT: Final = 3_000
_PRICES_LIMIT: Final = 50_000
_DAYS_LIMIT: Final = 4_000
_WARM: Final = 16
_SEARCH_LIMIT: Final = 4_000
"""Windows without trades are missing; a quiet pair is searched this far back for enough candles."""


class WarmHistories:
    """The histories used last, which alone keep what they generated; hundreds would need too much memory.

    Args:
        most: how many.
    """

    def __init__(self, most: int = _WARM) -> None:
        self._most = most
        self._used: OrderedDict[CandleHistory, None] = OrderedDict()

    def use(self, history: CandleHistory) -> None:
        """Keep this one, and let the one that was not used for longest forget."""
        self._used[history] = None
        self._used.move_to_end(history)
        if len(self._used) > self._most:
            self._used.popitem(last=False)[0].forget()


class CandleHistory:
    """The candles of one pair before the exchange started.

    Args:
        seed: of this pair.
        price_at: the price in 10^-8 at a time in seconds; need not be on the grid.
        grid: valid prices.
        day_turnover: mean turnover of a day in quote currency.
        trades_per_s: how often it trades; short windows without trades are missing.
        recent_s: days that end after this are generated in more detail, since charts show them.
        fine: whether any of it is generated in detail, which costs three times as much.
        warm: the histories of the exchange that keep what they generated.
    """

    def __init__(
        self,
        seed: int,
        price_at: Callable[[float], float],
        grid: PriceGrid,
        day_turnover: float,
        trades_per_s: float,
        recent_s: float,
        *,
        fine: bool = True,
        warm: WarmHistories | None = None,
    ) -> None:
        self._warm = warm or WarmHistories()
        self._seed = seed
        self._price_at = price_at
        self._grid = grid
        self._day_turnover = day_turnover
        self._trades_per_s = trades_per_s
        self._recent_s = recent_s
        self._day_step_s = 1_800 if fine else 10_800
        self._inner_samples = _INNER_SAMPLES if fine else _FEW_INNER_SAMPLES
        self._prices: dict[int, int] = {}
        self._days: dict[int, Candle] = {}
        self._parts: dict[tuple[int, int], list[Candle | None]] = {}

    def candle(self, start_s: int, length_s: int) -> Candle | None:
        """The candle of one window, or None if nothing was traded in it."""
        self._warm.use(self)
        if length_s in _LENGTHS_S:
            return self._node(_LENGTHS_S.index(length_s), start_s)
        return self.between(start_s, start_s + length_s)

    def between(self, start_s: int, end_s: int) -> Candle | None:
        """Everything traded from `start_s` up to but not including `end_s`, as one candle."""
        self._warm.use(self)
        result: Candle | None = None
        for day in range(start_s - start_s % DAY_S, end_s, DAY_S):
            result = merge(result, self._between(0, day, start_s, end_s))
        return result

    def forget(self) -> None:
        """Drop cached candles; they are generated again, with the same values, on demand."""
        self._parts.clear()
        self._prices.clear()

    def series(self, length_s: int, end_s: int) -> Iterator[tuple[int, Candle]]:
        """Start and candle of the windows that end at or before `end_s`, newest first.

        Ends after a long stretch without trades.
        """
        start = end_s - end_s % length_s - length_s
        searched = 0
        while searched < _SEARCH_LIMIT:
            # Whole empty minutes are skipped: seconds of a quiet pair are rare.
            if length_s == 1 and start % 60 == 59 and self.candle(start - 59, 60) is None:
                start -= 60
                searched += 20
                continue
            found = self.candle(start, length_s)
            searched += 1
            if found is not None:
                searched = 0
                yield start, found
            start -= length_s

    def _between(self, level: int, start: int, begin: int, end: int) -> Candle | None:
        length = _LENGTHS_S[level]
        if begin <= start and start + length <= end:
            return self._node(level, start)
        if level == len(_LENGTHS_S) - 1:
            return None
        result: Candle | None = None
        part = _LENGTHS_S[level + 1]
        for inner in range(start, start + length, part):
            if inner < end and inner + part > begin:
                result = merge(result, self._between(level + 1, inner, begin, end))
        return result

    def _node(self, level: int, start: int) -> Candle | None:
        if level == 0:
            day = self._days.get(start)
            if day is None:
                if len(self._days) > _DAYS_LIMIT:
                    self._days.clear()
                day = self._days[start] = self._make_day(start)
            return day
        parent = start - start % _LENGTHS_S[level - 1]
        parts = self._parts.get((level, parent))
        if parts is None:
            if len(self._parts) > _CACHE_LIMIT:
                self._parts.clear()
            whole = self._node(level - 1, parent)
            count = _LENGTHS_S[level - 1] // _LENGTHS_S[level]
            parts = [None] * count if whole is None else self._divide(whole, level, parent, count)
            self._parts[level, parent] = parts
        return parts[(start - parent) // _LENGTHS_S[level]]

    def _snapped(self, t: int) -> int:
        price = self._prices.get(t)
        if price is None:
            if len(self._prices) > _PRICES_LIMIT:
                self._prices.clear()
            price = self._prices[t] = self._grid.snap(int(self._price_at(t)))
        return price

    def _make_day(self, start: int) -> Candle:
        step = self._day_step_s if start + DAY_S > self._recent_s else 10_800
        samples = [self._snapped(t) for t in range(start, start + DAY_S + 1, step)]
        opening, close = samples[0], samples[-1]
        chance = [uniform(self._seed, start, n) for n in range(4)]
        room = max(samples) - min(samples)
        high = max(self._grid.snap(max(samples) + int(room * 0.2 * chance[0])), max(samples))
        low = min(self._grid.snap(max(min(samples) - int(room * 0.2 * chance[1]), 1)), min(samples))
        mean = low + int((high - low) * (0.35 + 0.3 * chance[2]))
        move = abs(close - opening) / opening
        wanted = self._day_turnover * math.exp(0.7 * (chance[3] - 0.5)) * (1 + 12 * move)
        volume = max(int(wanted * SCALE * SCALE) // mean, SCALE // 1000)
        return Candle(opening, high, low, close, volume, volume * mean)

    def _divide(self, whole: Candle, level: int, start: int, count: int) -> list[Candle | None]:
        rng = random.Random(mix(self._seed, level, start))  # noqa: S311  # a simulation, not a secret
        part_s = _LENGTHS_S[level]
        chance = 1.0 - math.exp(-self._trades_per_s * part_s)
        active = [n for n in range(count) if rng.random() < chance] or [rng.randrange(count)]
        del active[max(whole.volume, 1) :]
        shapes = self._shapes(whole, start, part_s, active, rng)
        volumes = _share_volume(whole, shapes, rng)
        parts: list[Candle | None] = [None] * count
        for n, shape, volume in zip(active, shapes, volumes, strict=True):
            opening, high, low, close = shape
            parts[n] = Candle(opening, high, low, close, volume, _turnover(shape, volume))
        return parts

    def _shapes(
        self, whole: Candle, start: int, part_s: int, active: list[int], rng: random.Random
    ) -> list[list[int]]:
        """Opening, high, low and close of each part; together they span the whole."""
        room = whole.high - whole.low
        shapes: list[list[int]] = []
        last = whole.open
        for n in active:
            begin = start + n * part_s
            if n == active[-1]:
                close = whole.close
            else:
                close = self._folded(begin + part_s, whole)
            inner = self._inner_samples[part_s]
            prices = [self._folded(begin + part_s * i // inner, whole) for i in range(1, inner)]
            high, low = max(last, close, *prices), min(last, close, *prices)
            if room and rng.random() < 0.5:
                high = min(
                    max(self._grid.snap(high + int(room * 0.15 * rng.random() ** 3)), high), whole.high
                )
            if room and rng.random() < 0.5:
                low = max(self._grid.snap(max(low - int(room * 0.15 * rng.random() ** 3), 1)), whole.low)
            shapes.append([last, high, low, close])
            last = close
        max(shapes, key=lambda shape: shape[1])[1] = whole.high
        min(shapes, key=lambda shape: shape[2])[2] = whole.low
        return shapes

    def _folded(self, t: int, whole: Candle) -> int:
        """The price at `t`, reflected where it would leave the whole candle."""
        price = self._snapped(t)
        if price > whole.high:
            return max(self._grid.snap(2 * whole.high - price), whole.low)
        if price < whole.low:
            return min(self._grid.snap(2 * whole.low - price), whole.high)
        return price


def _share_volume(whole: Candle, shapes: list[list[int]], rng: random.Random) -> list[int]:
    """Volumes that add up to the whole, larger where the price moves."""
    room = (whole.high - whole.low) or 1
    weights = [rng.expovariate(1.0) + 0.1 + 2.5 * (shape[1] - shape[2]) / room for shape in shapes]
    total = sum(weights)
    shares = [weight / total for weight in weights]
    free = whole.volume - len(shapes)
    volumes = [1 + int(free * share * 0.999999) for share in shares]
    largest = max(range(len(volumes)), key=volumes.__getitem__)
    volumes[largest] += whole.volume - sum(volumes)
    return volumes


def _turnover(shape: list[int], volume: int) -> int:
    """The cost of a volume at the part's typical price, which lies between its low and high."""
    return volume * (sum(shape) // 4)
