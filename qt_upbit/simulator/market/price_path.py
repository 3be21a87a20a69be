"""`PricePath`: the price of a coin as a pure function of time; history and live data are one curve."""

from __future__ import annotations

import functools
import math
from typing import Final

__all__ = ["PricePath", "mix", "uniform"]

_MASK: Final = (1 << 64) - 1


def mix(*values: int) -> int:
    """A well mixed 64-bit number from integers (splitmix64): the same on every machine."""
    state = 0x9E3779B97F4A7C15
    for value in values:
        state = (state ^ (value & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def uniform(*values: int) -> float:
    """A number in [0, 1) from integers."""
    return mix(*values) / 18446744073709551616.0


@functools.cache
def text_seed(text: str) -> int:
    """A number for a text; unlike `hash`, the same in every process."""
    return mix(*text.encode())


_DAY_S: Final = 86400.0
# Random walks look alike on every scale: noise of each length, its size growing with the square root.
_LENGTHS_S: Final = tuple(8.0 * 4**n for n in range(11))
_NOISE_LIMIT: Final = 64
"""Cached values per noise: hundreds of coins have a dozen each."""
_LOGS_LIMIT: Final = 256
_SHARED_LOGS_LIMIT: Final = 4096
"""Of a path that others follow: they ask it for the same times."""


class _Noise:
    """Random values at regular times, joined by straight lines; in [-1, 1]."""

    __slots__ = ("_cache", "_length", "_offset", "_seed")

    def __init__(self, seed: int, length_s: float) -> None:
        self._seed = seed
        self._length = length_s
        self._offset = uniform(seed, 1)
        self._cache: dict[int, float] = {}

    def at(self, t: float) -> float:
        position = t / self._length + self._offset
        index = math.floor(position)
        cache = self._cache
        left = cache.get(index)
        if left is None:
            left = self._value(index)
        right = cache.get(index + 1)
        if right is None:
            right = self._value(index + 1)
        return left + (right - left) * (position - index)

    def _value(self, index: int) -> float:
        if len(self._cache) > _NOISE_LIMIT:
            self._cache.clear()
        value = self._cache[index] = uniform(self._seed, index) * 2.0 - 1.0
        return value


class PricePath:
    """Natural logarithm of a price at any time: trends, volatility that clusters, and reversion.

    Args:
        seed: of this coin.
        price: the price at `origin_s`.
        daily_volatility: standard deviation of a day's logarithmic return, roughly.
        origin_s: the time at which the price is known, seconds since the epoch.
        shortest_s: length of the shortest noise.
        market: what the coin follows, times `beta`.
    """

    def __init__(
        self,
        seed: int,
        price: float,
        daily_volatility: float,
        origin_s: float,
        *,
        shortest_s: float = 0.0,
        market: PricePath | None = None,
        beta: float = 0.0,
    ) -> None:
        lengths = [length for length in _LENGTHS_S if length >= shortest_s]
        self._octaves = [
            (
                _Noise(mix(seed, n), length),
                1.3 * daily_volatility * math.sqrt(length / _DAY_S),
                length <= 2100,
            )
            for n, length in enumerate(lengths)
        ]
        self._heat = (_Noise(mix(seed, 101), 10_000.0), _Noise(mix(seed, 102), 1_500.0))
        self._market = market
        self._beta = beta
        self._logs: dict[float, float] = {}
        self._logs_limit = _LOGS_LIMIT
        if market is not None:
            market._logs_limit = _SHARED_LOGS_LIMIT
        self._log_base = 0.0
        self._log_base = math.log(price) - self.log_at(origin_s)
        self._logs.clear()

    def heat(self, t: float) -> float:
        """Activity of the market, around 1: scales short moves and the number of trades."""
        slow, fast = self._heat
        return math.exp(0.9 * slow.at(t) + 0.8 * fast.at(t))

    def log_at(self, t: float) -> float:
        """Logarithm of the price, `t` in seconds since the epoch."""
        # Pairs share the paths of coin, quote currency and market, and use them at the same times.
        known = self._logs.get(t)
        if known is not None:
            return known
        heat = self.heat(t)
        total = self._log_base
        for noise, amplitude, short in self._octaves:
            value = noise.at(t) * amplitude
            total += value * heat if short else value
        if self._market is not None:
            total += self._beta * self._market.log_at(t)
        if len(self._logs) > self._logs_limit:
            self._logs.clear()
        self._logs[t] = total
        return total

    def at(self, t: float) -> float:
        """The price."""
        return math.exp(self.log_at(t))
