from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit.simulator.market.history import DAY_S, Candle, CandleHistory, merge
from qt_upbit.simulator.market.price_grid import SCALE, PriceGrid
from qt_upbit.simulator.market.price_path import PricePath
from tests.support.profiles import examples

NOW = 1_795_402_151
DAY = NOW - NOW % DAY_S - 2 * DAY_S
PARTS = ((DAY_S, 14_400), (14_400, 3_600), (3_600, 1_800), (1_800, 900), (900, 300), (300, 60), (60, 1))


def make(seed: int = 1, trades_per_s: float = 2.0, price: float = 158e6, quote: str = "KRW") -> CandleHistory:
    path = PricePath(seed, price, 0.03, NOW)
    return CandleHistory(
        seed,
        lambda t: path.at(t) * SCALE,
        PriceGrid(quote),
        2e11,
        trades_per_s,
        NOW - DAY_S,
    )


def prices(candle: Candle | None) -> tuple[int, ...] | None:
    return None if candle is None else candle[:5]


@settings(max_examples=examples(25))
@given(st.integers(1, 10**6), st.sampled_from([0.001, 0.05, 3.0]), st.integers(0, 86_399))
def test_parts_add_up_to_the_whole(seed: int, trades_per_s: float, second: int) -> None:
    history = make(seed, trades_per_s)
    for whole, part in PARTS:
        start = DAY + second - second % whole
        summed: Candle | None = None
        for inner in range(start, start + whole, part):
            candle = history.candle(inner, part)
            if candle is not None:
                assert candle.low <= min(candle.open, candle.close)
                assert candle.high >= max(candle.open, candle.close)
                assert candle.volume > 0
                assert candle.volume * candle.low <= candle.turnover <= candle.volume * candle.high
            summed = merge(summed, candle)
        assert prices(summed) == prices(history.candle(start, whole))


def test_any_stretch_is_the_sum_of_its_seconds() -> None:
    history = make()
    start = DAY + 7_000
    summed: Candle | None = None
    for second in range(start, start + 130):
        summed = merge(summed, history.candle(second, 1))
    assert prices(history.between(start, start + 130)) == prices(summed)


def test_prices_lie_on_the_grid() -> None:
    history, grid = make(price=3.7), PriceGrid("KRW")
    for _, candle in itertools.islice(history.series(60, NOW), 300):
        for price in candle[:4]:
            assert grid.snap(price) == price


@pytest.mark.parametrize("length", [1, 60, 180, 300, 600, 900, 1_800, 3_600, 14_400, DAY_S])
def test_some_hundred_candles_of_every_length(length: int) -> None:
    found = list(itertools.islice(make().series(length, NOW), 300))
    starts = [start for start, _ in found]
    assert len(found) == 300
    assert starts == sorted(set(starts), reverse=True)
    assert starts[0] + length <= NOW
    assert all(start % length == 0 for start in starts)


def test_quiet_pairs_miss_windows_and_end_soon() -> None:
    history = make(trades_per_s=0.002)
    starts = [start for start, _ in itertools.islice(history.series(60, NOW), 50)]
    assert starts[0] - starts[-1] > 100 * 60


def test_the_same_seed_gives_the_same_past() -> None:
    first, second = (list(itertools.islice(make(4).series(1, NOW), 100)) for _ in range(2))
    assert first == second


def test_a_chart_moves() -> None:
    closes = [candle.close for _, candle in itertools.islice(make().series(300, NOW), 200)]
    changes = [abs(a - b) for a, b in itertools.pairwise(closes)]
    assert sum(change > 0 for change in changes) > 150
    assert max(changes) < closes[0] // 20
