"""A day of the market as the silence watch sees it: seeded times of frames, pair by pair.

The model, with its parameters:

* each pair has a rate by day and one by night, frames a second. In between it follows a cosine, quietest at
  `QUIETEST_S` (04:00 in Korea) and liveliest twelve hours later;
* pairs are ranked: the rate of the k-th is that of the first divided by k ** `RANK_EXPONENT`, as turnover is;
* frames come in bursts: the share `BURSTS` of a pair's frames follows another of its frames, within some
  `BURST_S` (a Hawkes process with an exponential kernel). The rates above include them.

Rates are round figures, chosen so that one process is watched for a day in a second; that of a major pair at
Upbit is several times as high by day, which makes silence easier to judge, not harder.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["DAY_S", "MARKETS", "Pair", "day_of", "ranked"]

DAY_S: Final = 86_400.0
QUIETEST_S: Final = 4 * 3600.0
RANK_EXPONENT: Final = 1.1
BURSTS: Final = 0.6
BURST_S: Final = 2.0


@dataclass(frozen=True)
class Pair:
    """One pair and its frames a second, bursts included."""

    code: str
    by_day: float
    by_night: float

    def rate(self, at: float) -> float:
        """Frames a second at a moment of the day, seconds since midnight in Korea."""
        lively = 0.5 * (1 - math.cos(2 * math.pi * (at - QUIETEST_S) / DAY_S))
        return self.by_night + (self.by_day - self.by_night) * lively


def ranked(count: int, by_day: float, by_night: float) -> tuple[Pair, ...]:
    """A set of pairs, the busiest first."""
    scales = [rank**-RANK_EXPONENT for rank in range(1, count + 1)]
    return tuple(Pair(f"KRW-A{n}", by_day * scale, by_night * scale) for n, scale in enumerate(scales))


MARKETS: Final = {
    "one major pair": ranked(1, 3.0, 0.4),
    "a watch list": ranked(10, 1.0, 0.1),
    "a quiet pair": ranked(1, 0.05, 0.005),
    "quiet pairs": ranked(5, 0.1, 0.005),
}


def day_of(
    pairs: tuple[Pair, ...], seed: int, begin: float = 0.0, end: float = DAY_S
) -> Iterator[tuple[float, str]]:
    """When which pair has a frame, in order, between two moments of a day."""
    rng, now = random.Random(seed), begin
    excited = [0.0] * len(pairs)
    while True:
        base = [pair.rate(now) * (1 - BURSTS) for pair in pairs]
        rates = [own + more for own, more in zip(base, excited, strict=True)]
        # Excitement only falls until the next frame, and the cosine is slow: thin by what is left of it.
        bound = sum(rates)
        wait = rng.expovariate(bound)
        now += wait
        if now >= end:
            return
        left = math.exp(-wait / BURST_S)
        excited = [more * left for more in excited]
        rates = [own + more for own, more in zip(base, excited, strict=True)]
        if rng.random() * bound > sum(rates):
            continue
        (number,) = rng.choices(range(len(pairs)), rates)
        excited[number] += BURSTS / BURST_S
        yield now, pairs[number].code
