from __future__ import annotations

import pytest

from qt_upbit.simulator.market.indicators import compute, ema, rsi, sma, triggered

# The worked example that Wilder's RSI is usually checked with (14 periods, first value 70.46).
CLOSES = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826,
    45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439,
]  # fmt: skip
FLAT = [100.0] * 60


def test_rsi_of_the_worked_example() -> None:
    assert rsi(CLOSES[:15], 14) == pytest.approx(70.53, abs=0.01)
    assert rsi(CLOSES, 14) == pytest.approx(57.97, abs=0.05)


def test_means() -> None:
    assert sma([1, 2, 3, 4, 5], 3) == 4
    assert ema([1, 2, 3, 4, 5], 3) == [2, 3, 4]


def test_a_straight_line_has_no_bands_and_no_macd() -> None:
    assert compute("bollinger_bands", FLAT, FLAT, {"period": 20, "multiplier": 2}) == {
        "bb_upper": 100, "bb_middle": 100, "bb_lower": 100,
    }  # fmt: skip
    macd = compute("macd", FLAT, FLAT, {"fast": 12, "slow": 26, "signal_period": 9})
    assert macd == {"macd": 0, "macd_signal": 0, "histogram": 0}
    assert compute("rsi", FLAT, FLAT, {"period": 14}) == {"rsi": 50}


def test_volume_is_compared_with_what_was_before() -> None:
    volumes = [10.0] * 20 + [30.0]
    assert compute("volume", FLAT[:21], volumes, {"period": 20}) == {
        "volume": 30, "avg_volume": 10, "ratio": 3,
    }  # fmt: skip
    spike = {"multiplier": 3}
    assert triggered("volume", "volume_spike", FLAT[:21], volumes, {"period": 20}, spike)
    assert not triggered("volume", "volume_spike", FLAT[:21], volumes, {"period": 20}, {"multiplier": 5})


def test_a_spike_that_lasts_is_told_once() -> None:
    volumes = [10.0] * 20 + [30.0, 40.0, 10.0, 50.0]
    fired = [
        bool(triggered("volume", "volume_spike", FLAT[:n], volumes[:n], {"period": 10}, {"multiplier": 2}))
        for n in range(20, 25)
    ]
    assert fired == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("kind", "trigger", "params"),
    [
        ("moving_average", "price_cross_above", {"type": "SMA", "period": 5}),
        ("ma_crossover", "golden_cross", {"type": "EMA", "short_period": 5, "long_period": 20}),
        ("bollinger_bands", "price_cross_above", {"period": 20, "multiplier": 1.5}),
        ("macd", "zero_cross_above", {"fast": 5, "slow": 35, "signal_period": 5}),
    ],
)
def test_crosses_are_signalled_when_they_happen(kind: str, trigger: str, params: dict[str, object]) -> None:
    closes = [*FLAT, 99.0, 98.0, 120.0]
    volumes = [1.0] * len(closes)
    assert triggered(kind, trigger, closes, volumes, params, {})
    assert not triggered(kind, trigger, closes[:-1], volumes[:-1], params, {})
    assert not triggered(kind, trigger, [*closes, 121.0], [*volumes, 1.0], params, {})


def test_too_few_candles_give_nothing() -> None:
    for kind in ("volume", "rsi", "moving_average", "ma_crossover", "bollinger_bands", "macd"):
        assert compute(kind, [1.0], [1.0], {}) is None
