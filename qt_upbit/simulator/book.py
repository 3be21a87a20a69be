"""`Book`: the order book of a pair at one moment, and `BookMaker`, which makes it from the quote."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from qt_upbit.simulator.price_grid import SCALE, PriceGrid, from_units
from qt_upbit.simulator.price_path import mix, uniform
from qt_upbit.simulator.spelling import fixed8, java_double, plain, simple_size

__all__ = ["DEEPEST", "Book", "BookMaker", "Level"]

DEEPEST: Final = 30
_CACHE_LIMIT: Final = 4_000


class Level(NamedTuple):
    """One price level; both in 10^-8."""

    price: int
    size: int


def size_text(size: int, simple: bool) -> str:
    """A size as frames spell it."""
    if simple:
        if 100_000 <= size < 10**15:
            text = f"{size // SCALE}.{size % SCALE:08d}".rstrip("0")
            return text + "0" if text.endswith(".") else text
        return simple_size(from_units(size))
    return f"{size // SCALE}.{size % SCALE:08d}" if size >= 100 else fixed8(from_units(size))


class Book:
    """A whole book. Frames of it are made once per format, depth and level.

    Attributes:
        code: the pair.
        time_ms: when it changed last.
        asks: best first.
        bids: best first.
    """

    __slots__ = ("_maker", "_rows", "asks", "bids", "code", "time_ms")

    def __init__(
        self, code: str, time_ms: int, asks: list[Level], bids: list[Level], maker: BookMaker
    ) -> None:
        self.code = code
        self.time_ms = time_ms
        self.asks = asks
        self.bids = bids
        self._maker = maker
        self._rows: dict[tuple[bool, int, int], str] = {}

    def levels(self, depth: int = DEEPEST, level: int = 0) -> tuple[list[Level], list[Level]]:
        """Asks and bids, best first, at most `depth` of each.

        Args:
            depth: number of rows.
            level: price grouping in 10^-8; 0 for none.
        """
        if level:
            return self._maker.grouped(self, level, depth)
        return self.asks[:depth], self.bids[:depth]

    def encode(self, simple: bool, depth: int, level: int, stream_type: str) -> bytes:
        """The JSON object of the book."""
        key = (simple, depth, level)
        text = self._rows.get(key)
        if text is None:
            text = self._rows[key] = self._encode(simple, depth, level)
        if simple:
            return f'{text},"st":"{stream_type}","lv":{self._level_text(level)}}}'.encode()
        return f'{text},"stream_type":"{stream_type}","level":{self._level_text(level)}}}'.encode()

    def _level_text(self, level: int) -> str:
        return plain(from_units(level)) if level else "0"

    def _encode(self, simple: bool, depth: int, level: int) -> str:
        asks, bids = self.levels(depth, level)
        price_text, text_of = self._maker.price_text, self._maker.size_text
        rows = []
        form = (
            '{"ap":%s,"bp":%s,"as":%s,"bs":%s}'
            if simple
            else '{"ask_price":%s,"bid_price":%s,"ask_size":%s,"bid_size":%s}'
        )
        nothing = ("0", "0") if simple else ("0.0", "0E-8")
        for n in range(depth):
            if n < len(asks):
                price, size = asks[n]
                ask = price_text(price, simple), text_of(size, simple)
            else:
                ask = nothing
            if n < len(bids):
                price, size = bids[n]
                bid = price_text(price, simple), text_of(size, simple)
            else:
                bid = nothing
            rows.append(form % (ask[0], bid[0], ask[1], bid[1]))
        total_ask = size_text(sum(size for _, size in asks), simple)
        total_bid = size_text(sum(size for _, size in bids), simple)
        units = ",".join(rows)
        if simple:
            return (
                f'{{"ty":"orderbook","cd":"{self.code}","tms":{self.time_ms},"tas":{total_ask},'
                f'"tbs":{total_bid},"obu":[{units}]'
            )
        return (
            f'{{"type":"orderbook","code":"{self.code}","timestamp":{self.time_ms},'
            f'"total_ask_size":{total_ask},"total_bid_size":{total_bid},"orderbook_units":[{units}]'
        )


class BookMaker:
    """Makes the books of one pair: the same seed, quote and change number give the same book.

    Args:
        code: the pair.
        seed: of this pair.
        grid: valid prices.
        typical_size: of a level, in 10^-8 base currency.
        density: share of prices near the best that have orders.
        longest: most levels a side has; fewer than 30 leave zero slots.
    """

    def __init__(
        self, code: str, seed: int, grid: PriceGrid, typical_size: int, density: float, longest: int
    ) -> None:
        self._code = code
        self._seed = seed
        self._grid = grid
        self._typical_size = typical_size
        self._density = density
        self._longest = longest
        self._levels: dict[int, tuple[int, int]] = {}
        self._price_texts: dict[int, tuple[str, str]] = {}
        self._size_texts: dict[int, tuple[str, str]] = {}

    def make(self, best_ask: int, best_bid: int, change: int, time_ms: int) -> Book:
        """The book around a quote; `change` counts the changes so far."""
        asks = self._side(best_ask, change, 1, DEEPEST)
        bids = self._side(best_bid, change, -1, DEEPEST)
        return Book(self._code, time_ms, asks, bids, self)

    def grouped(self, book: Book, level: int, depth: int) -> tuple[list[Level], list[Level]]:
        """The book with prices grouped to multiples of `level`: asks upwards, bids downwards."""
        change = book.time_ms
        sides = []
        for side, levels in ((1, book.asks), (-1, book.bids)):
            sums: dict[int, int] = {}
            price = 0
            for price, size in levels:
                row = -(-price // level) * level if side > 0 else price // level * level
                sums[row] = sums.get(row, 0) + size
            rows = sorted(sums, reverse=side < 0)
            # Beyond the visible levels: what as many prices of that region would hold.
            ticks = max(level // self._grid.tick(max(price, 1)), 1)
            while len(rows) < depth and levels and rows[-1] + side * level > 0:
                row = rows[-1] + side * level
                share = 0.6 + 0.8 * uniform(self._seed, row, change // 5_000)
                sums[row] = max(int(ticks * self._density * self._typical_size * 0.5 * share), 1)
                rows.append(row)
            sides.append([Level(row, sums[row]) for row in rows[:depth] if row > 0])
        return sides[0], sides[1]

    def _side(self, best: int, change: int, side: int, count: int) -> list[Level]:
        grid = self._grid
        allowed = self._longest
        if allowed < DEEPEST:
            allowed = 1 + mix(self._seed, side, change // 40) % allowed
        count = min(count, allowed)
        size = self._size(best, change) or 1 + mix(self._seed, best, change // 9) % (2 * self._typical_size)
        levels = [Level(best, size)]
        cache = self._levels
        price, tick, bound = best, 0, best
        for _ in range(count * 12):
            if len(levels) >= count:
                break
            if side > 0:
                if price >= bound:
                    tick, bound = grid.band(price)
                price += tick
            else:
                if price <= bound:
                    if price <= 1:
                        break
                    tick, bound = grid.band_below(price)
                price -= tick
                if price <= 0:
                    break
            cached = cache.get(price)
            size = cached[1] if cached is not None and cached[0] > change else self._size(price, change)
            if size:
                levels.append(Level(price, size))
        return levels

    def _size(self, price: int, change: int) -> int:
        """The size at a price, 0 if nobody is there; each price changes in its own rhythm."""
        cached = self._levels.get(price)
        if cached is None or cached[0] <= change:
            if len(self._levels) > _CACHE_LIMIT:
                self._levels.clear()
            rhythm = mix(self._seed, price, 3)
            period = 2 + rhythm % 24
            rhythm %= 1_000
            generation = (change + rhythm) // period
            chance = uniform(self._seed, price, generation)
            if uniform(self._seed, price, generation // 4) >= self._density:
                size = 0
            else:
                spread = uniform(self._seed, price, generation, 1)
                size = max(
                    int(self._typical_size * math.exp(4.2 * (chance - 0.62)) * (0.7 + 0.6 * spread)), 1
                )
                if chance > 0.93:  # people like round sizes
                    step = 10 ** max(len(str(size)) - 2, 0)
                    size = size // step * step
            until = (generation + 1) * period - rhythm
            cached = self._levels[price] = (until, size)
        return cached[1]

    def price_text(self, price: int, simple: bool) -> str:
        """A price as frames of books spell it."""
        texts = self._price_texts.get(price)
        if texts is None:
            if len(self._price_texts) > _CACHE_LIMIT:
                self._price_texts.clear()
            value = from_units(price)
            texts = self._price_texts[price] = (java_double(value), plain(value))
        return texts[simple]

    def size_text(self, size: int, simple: bool) -> str:
        """A size as frames of books spell it."""
        texts = self._size_texts.get(size)
        if texts is None:
            if len(self._size_texts) > _CACHE_LIMIT:
                self._size_texts.clear()
            texts = self._size_texts[size] = (size_text(size, False), size_text(size, True))
        return texts[simple]
