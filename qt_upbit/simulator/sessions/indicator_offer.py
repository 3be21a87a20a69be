"""Which indicators, parameters and triggers the exchange offers (protocol section 3.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from qt_upbit.types import IndicatorType

__all__ = ["is_offered"]

_Sets = tuple[tuple[str, ...], frozenset[tuple[Decimal | str, ...]]]


def _one(name: str, values: Sequence[int]) -> tuple[_Sets, ...]:
    return (((name,), frozenset((Decimal(value),) for value in values)),)


def _several(names: str, *rows: str) -> tuple[_Sets, ...]:
    values = frozenset(tuple(Decimal(part) for part in row.split("/")) for row in rows)
    return ((tuple(names.split()), values),)


_TYPES: Final[_Sets] = (("type",), frozenset({("SMA",), ("EMA",)}))
_MULTIPLIERS: Final[_Sets] = (("multiplier",), frozenset({(Decimal(n) / 2,) for n in (3, 4, 5)}))
_CROSSOVERS: Final = (*_several("short_period long_period", "5/20", "20/60", "30/90", "50/200"), _TYPES)
_MACD: Final = _several("fast slow signal_period", "12/26/9", "8/17/9", "5/35/5")

_OF_SIGNALS: Final[Mapping[str, tuple[_Sets, ...]]] = {
    IndicatorType.VOLUME: _one("period", (10, 20, 50)),
    IndicatorType.RSI: _one("period", (7, 9, 14, 21, 25)),
    IndicatorType.MOVING_AVERAGE: (*_one("period", (5, 10, 20, 30, 60, 90, 120, 200)), _TYPES),
    IndicatorType.MA_CROSSOVER: _CROSSOVERS,
    IndicatorType.BOLLINGER_BANDS: (*_one("period", (20,)), _MULTIPLIERS),
    IndicatorType.MACD: _MACD,
}
_OF_VALUES: Final[Mapping[str, tuple[_Sets, ...]]] = {
    IndicatorType.VOLUME: _one("period", range(5, 51, 5)),
    IndicatorType.RSI: _one("period", (*range(2, 15), 21, 25)),
    IndicatorType.MOVING_AVERAGE: (
        *_one("period", (3, 5, 7, 10, 15, 20, 25, 30, 50, 60, 90, 99, 100, 120, 200)), _TYPES,
    ),
    IndicatorType.MA_CROSSOVER: _CROSSOVERS,
    IndicatorType.BOLLINGER_BANDS: (*_one("period", (10, 20, 50)), _MULTIPLIERS),
    IndicatorType.MACD: _MACD,
}  # fmt: skip
_CROSS: Final = {"price_cross_above": (), "price_cross_below": ()}
_GOLDEN: Final = {"golden_cross": (), "dead_cross": ()}
_TRIGGERS: Final[Mapping[str, Mapping[str, tuple[_Sets, ...]]]] = {
    IndicatorType.VOLUME: {"volume_spike": _one("multiplier", (2, 3, 5))},
    IndicatorType.RSI: {
        "overbought": _one("threshold", (70, 80)),
        "oversold": _one("threshold", (20, 30)),
    },
    IndicatorType.MOVING_AVERAGE: _CROSS,
    IndicatorType.MA_CROSSOVER: _GOLDEN,
    IndicatorType.BOLLINGER_BANDS: _CROSS,
    IndicatorType.MACD: {"zero_cross_above": (), "zero_cross_below": (), **_GOLDEN},
}
"""By indicator: its triggers, and what their ``event_params`` may be."""


def is_offered(wanted: Mapping[str, Any], *, is_signal: bool) -> bool:
    """Whether an object of ``indicators`` asks for something that exists; what it leaves out has a default.

    Args:
        wanted: ``type``, ``params``, and for signals ``trigger`` and ``event_params``.
        is_signal: it is requested of ``indicator_signal``, which offers fewer parameters.
    """
    kind = str(wanted.get("type"))
    sets = (_OF_SIGNALS if is_signal else _OF_VALUES).get(kind)
    if sets is None or not _fits(wanted.get("params"), sets):
        return False
    if not is_signal or "trigger" not in wanted:
        return True
    limits = _TRIGGERS[kind].get(str(wanted["trigger"]))
    return limits is not None and _fits(wanted.get("event_params"), limits)


def _fits(given: Any, sets: tuple[_Sets, ...]) -> bool:
    if given is None:
        return True
    if not isinstance(given, Mapping):
        return False
    known = {name for names, _ in sets for name in names}
    if not known.issuperset(given):
        return False
    return all(
        any(
            all(
                name not in given or _same(given[name], value) for name, value in zip(names, row, strict=True)
            )
            for row in rows
        )
        for names, rows in sets
    )


def _same(given: Any, value: Decimal | str) -> bool:
    if isinstance(value, str) or isinstance(given, bool):
        return bool(given == value)
    try:
        return Decimal(str(given)) == value
    except InvalidOperation:
        return False
