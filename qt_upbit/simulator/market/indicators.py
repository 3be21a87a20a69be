"""Technical indicators over closed candles, and the signals on them (protocol section 3.8).

Plain arithmetic on floats: these are statistics, not amounts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from qt_upbit.types import IndicatorType

__all__ = ["Values", "compute", "ema", "rsi", "sma", "triggered"]

Values = dict[str, float]


def sma(values: Sequence[float], period: int) -> float:
    """Mean of the last `period` values."""
    return math.fsum(values[-period:]) / period


def ema(values: Sequence[float], period: int) -> list[float]:
    """Exponential means; the first, at index ``period - 1`` of `values`, is a simple one."""
    weight = 2.0 / (period + 1)
    result = [math.fsum(values[:period]) / period]
    for value in values[period:]:
        result.append(result[-1] + weight * (value - result[-1]))
    return result


def rsi(closes: Sequence[float], period: int) -> float:
    """Wilder's relative strength index."""
    gain = loss = 0.0
    for n in range(1, len(closes)):
        change = closes[n] - closes[n - 1]
        up, down = max(change, 0.0), max(-change, 0.0)
        if n <= period:
            gain += up / period
            loss += down / period
        else:
            gain += (up - gain) / period
            loss += (down - loss) / period
    if loss == 0.0:
        return 100.0 if gain else 50.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


def _mean(closes: Sequence[float], params: Mapping[str, Any], period: int) -> float:
    return ema(closes, period)[-1] if params.get("type") == "EMA" else sma(closes, period)


def _volume(closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]) -> Values | None:
    period = int(params.get("period", 20))
    if len(volumes) <= period:
        return None
    average = sma(volumes[:-1], period)
    return {"volume": volumes[-1], "avg_volume": average, "ratio": volumes[-1] / average if average else 0.0}


def _rsi(closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]) -> Values | None:
    period = int(params.get("period", 14))
    return {"rsi": rsi(closes, period)} if len(closes) > period else None


def _moving_average(
    closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]
) -> Values | None:
    period = int(params.get("period", 20))
    return {"value": _mean(closes, params, period)} if len(closes) >= period else None


def _ma_crossover(
    closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]
) -> Values | None:
    short, long = int(params.get("short_period", 5)), int(params.get("long_period", 20))
    if len(closes) < long:
        return None
    return {"ma_short": _mean(closes, params, short), "ma_long": _mean(closes, params, long)}


def _bollinger_bands(
    closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]
) -> Values | None:
    period, multiplier = int(params.get("period", 20)), float(params.get("multiplier", 2))
    if len(closes) < period:
        return None
    middle = sma(closes, period)
    deviation = math.sqrt(math.fsum((close - middle) ** 2 for close in closes[-period:]) / period)
    width = multiplier * deviation
    return {"bb_upper": middle + width, "bb_middle": middle, "bb_lower": middle - width}


def _macd(closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]) -> Values | None:
    fast, slow = int(params.get("fast", 12)), int(params.get("slow", 26))
    signal = int(params.get("signal_period", 9))
    if len(closes) < slow + signal:
        return None
    slows = ema(closes, slow)
    fasts = ema(closes, fast)[-len(slows) :]
    line = [a - b for a, b in zip(fasts, slows, strict=True)]
    average = ema(line, signal)[-1]
    return {"macd": line[-1], "macd_signal": average, "histogram": line[-1] - average}


def _close(closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]) -> Values | None:
    return {"value": closes[-1]} if closes else None


_COMPUTE: Final[dict[str, Callable[[Sequence[float], Sequence[float], Mapping[str, Any]], Values | None]]] = {
    IndicatorType.VOLUME: _volume,
    IndicatorType.RSI: _rsi,
    IndicatorType.MOVING_AVERAGE: _moving_average,
    IndicatorType.MA_CROSSOVER: _ma_crossover,
    IndicatorType.BOLLINGER_BANDS: _bollinger_bands,
    IndicatorType.MACD: _macd,
}
"""How each is computed; the value of any other is the candle's close."""


def compute(
    kind: str, closes: Sequence[float], volumes: Sequence[float], params: Mapping[str, Any]
) -> Values | None:
    """The values of an indicator at the last candle; None when there are too few candles.

    Args:
        kind: Upbit's name, for example ``rsi``.
        closes: oldest first.
        volumes: of the same candles.
        params: as in the request; missing ones have the usual default.
    """
    return _COMPUTE.get(kind, _close)(closes, volumes, params)


def triggered(
    kind: str,
    trigger: str,
    closes: Sequence[float],
    volumes: Sequence[float],
    params: Mapping[str, Any],
    event_params: Mapping[str, Any],
) -> Values | None:
    """The indicator's values if the last candle fired the trigger, else None.

    A trigger fires on the transition only, not again while its condition lasts (protocol section 3.8).
    """
    now = compute(kind, closes, volumes, params)
    before = compute(kind, closes[:-1], volumes[:-1], params)
    if now is not None and trigger == "volume_spike":
        limit = float(event_params.get("multiplier", 2))
        return now if (before is None or before["ratio"] < limit) and now["ratio"] >= limit else None
    if now is None or before is None:
        return None
    if trigger == "overbought":
        limit = float(event_params.get("threshold", 70))
        hit = before["rsi"] < limit <= now["rsi"]
    elif trigger == "oversold":
        limit = float(event_params.get("threshold", 30))
        hit = before["rsi"] > limit >= now["rsi"]
    elif trigger in ("price_cross_above", "price_cross_below"):
        upward = trigger == "price_cross_above"
        key = "value" if kind == "moving_average" else "bb_upper" if upward else "bb_lower"
        hit = _crossed(closes[-2] - before[key], closes[-1] - now[key], upward=upward)
    else:
        key, other = {
            "ma_crossover": ("ma_short", "ma_long"),
            "macd": ("macd", "macd_signal"),
        }.get(kind, ("", ""))
        if kind == "macd" and trigger.startswith("zero_cross"):
            hit = _crossed(before["macd"], now["macd"], upward=trigger == "zero_cross_above")
        elif key and trigger in ("golden_cross", "dead_cross"):
            hit = _crossed(
                before[key] - before[other], now[key] - now[other], upward=trigger == "golden_cross"
            )
        else:
            return None
    return now if hit else None


def _crossed(before: float, now: float, *, upward: bool) -> bool:
    return before <= 0 < now if upward else before >= 0 > now
