"""`Book`: the order book of a pair at one moment, and `BookMaker`, which makes it from the quote."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from qt_upbit.simulator.market.price_grid import SCALE, PriceGrid, from_units
from qt_upbit.simulator.market.price_path import mix, uniform
from qt_upbit.simulator.market.spelling import fixed8, java_double, plain, simple_size

__all__ = ["DEEPEST", "Book", "BookMaker", "Level"]

DEEPEST: Final = 30
_CACHE_LIMIT: Final = 400


Level = tuple[int, int]
"""Price and size of one price level; both in 10^-8. A tuple, because there are fifty thousand of them."""


def size_text(size: int, simple: bool) -> str:
    """A size in the spelling of frames."""
    if simple:
        if 100_000 <= size < 10**15:
            text = f"{size // SCALE}.{size % SCALE:08d}".rstrip("0")
            return text + "0" if text.endswith(".") else text
        return simple_size(from_units(size))
    return f"{size // SCALE}.{size % SCALE:08d}" if size >= 100 else fixed8(from_units(size))


class _Texts(dict[int, str]):
    """Numbers as text, each formatted once; a hit costs no call."""

    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, number: int) -> str:
        if len(self) > _CACHE_LIMIT:
            self.clear()
        text = self[number] = self._write(number)
        return text


class Book:
    """A full order book. Its frames are encoded once per format, depth and level.

    Attributes:
        code: the pair.
        time_ms: time of its last change.
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
        price, size = self._maker.texts[simple]
        form = (
            '{"ap":%s,"bp":%s,"as":%s,"bs":%s}'
            if simple
            else '{"ask_price":%s,"bid_price":%s,"ask_size":%s,"bid_size":%s}'
        )
        rows = [
            form % (price[ask], price[bid], size[asked], size[wanted])
            for (ask, asked), (bid, wanted) in zip(asks, bids, strict=False)
        ]
        # Rows that one or both sides do not reach are zeros.
        price_0, size_0 = ("0", "0") if simple else ("0.0", "0E-8")
        rows += [form % (price[ask], price_0, size[asked], size_0) for ask, asked in asks[len(bids) :]]
        rows += [form % (price_0, price[bid], size_0, size[wanted]) for bid, wanted in bids[len(asks) :]]
        rows += [form % (price_0, price_0, size_0, size_0)] * (depth - len(rows))
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
        longest: maximum number of levels on a side; fewer than 30 leave zero rows.
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
        self._levels: dict[int, tuple[int, int, int]] = {}
        self.texts = (
            (_Texts(lambda n: java_double(from_units(n))), _Texts(lambda n: size_text(n, False))),
            (_Texts(lambda n: plain(from_units(n))), _Texts(lambda n: size_text(n, True))),
        )
        """Prices and sizes as text: in DEFAULT, then in SIMPLE."""

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
            # Beyond the visible levels: an estimate for as many prices of that region.
            ticks = max(level // self._grid.tick(max(price, 1)), 1)
            while len(rows) < depth and levels and rows[-1] + side * level > 0:
                row = rows[-1] + side * level
                share = 0.6 + 0.8 * uniform(self._seed, row, change // 5_000)
                sums[row] = max(int(ticks * self._density * self._typical_size * 0.5 * share), 1)
                rows.append(row)
            sides.append([(row, sums[row]) for row in rows[:depth] if row > 0])
        return sides[0], sides[1]

    def _side(self, best: int, change: int, side: int, count: int) -> list[Level]:
        grid = self._grid
        allowed = self._longest
        if allowed < DEEPEST:
            allowed = 1 + mix(self._seed, side, change // 40) % allowed
        count = min(count, allowed)
        levels = [(best, self.best_size(best, change))]
        get, price, looked = self._levels.get, best, 0
        while len(levels) < count and looked < count * 12:
            if side > 0:
                tick, bound = grid.band(price)
                ahead = range(price + tick, bound + tick, tick)
            elif price > 1:
                tick, bound = grid.band_below(price)
                ahead = range(price - tick, max(bound, 1) - 1, -tick)
            else:
                break
            if not ahead:
                break
            for price in ahead[: count * 12 - looked]:
                looked += 1
                cached = get(price)
                size = cached[1] if cached is not None and cached[0] > change else self._size(price, change)
                if size:
                    levels.append((price, size))
                    if len(levels) == count:
                        break
        return levels

    def best_size(self, price: int, change: int) -> int:
        """The size at the best price of a side, which is never empty."""
        size = self._size(price, change)
        return size or 1 + mix(self._seed, price, change // 9) % (2 * self._typical_size)

    def _size(self, price: int, change: int) -> int:
        """The size at a price, 0 if it has no orders; each price changes at its own rate."""
        cached = self._levels.get(price)
        if cached is not None and cached[0] > change:
            return cached[1]
        if len(self._levels) > _CACHE_LIMIT:
            self._levels.clear()
        rhythm = mix(self._seed, price) if cached is None else cached[2]
        period = 2 + rhythm % 24
        shift = rhythm % 1_000
        generation = (change + shift) // period
        size = 0
        if uniform(rhythm, generation // 4) < self._density:
            number = mix(rhythm, generation, 1)
            chance, spread = (number & 0xFFFFFFFF) / 2**32, (number >> 32) / 2**32
            size = max(int(self._typical_size * math.exp(4.2 * (chance - 0.62)) * (0.7 + 0.6 * spread)), 1)
            if chance > 0.93:  # people like round sizes
                step = 10 ** max(len(str(size)) - 2, 0)
                size = size // step * step
        self._levels[price] = ((generation + 1) * period - shift, size, rhythm)
        return size
