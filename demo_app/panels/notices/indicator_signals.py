"""Which indicator signals the terminal requests, and what each is called."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from PySide6.QtCore import QCoreApplication

from demo_app.style.language import QT_TRANSLATE_NOOP
from qt_upbit import IndicatorSignalEvent

__all__ = ["RISING", "SIGNALS", "signal_words"]

SIGNALS: Final = (
    {"type": "rsi", "params": {"period": 14}, "trigger": "overbought", "event_params": {"threshold": 70}},
    {"type": "rsi", "params": {"period": 14}, "trigger": "oversold", "event_params": {"threshold": 30}},
    {"type": "ma_crossover", "params": {"short_period": 5, "long_period": 20}, "trigger": "golden_cross"},
    {"type": "ma_crossover", "params": {"short_period": 5, "long_period": 20}, "trigger": "dead_cross"},
    {"type": "macd", "params": {"fast": 12, "slow": 26, "signal_period": 9}, "trigger": "golden_cross"},
    {"type": "macd", "params": {"fast": 12, "slow": 26, "signal_period": 9}, "trigger": "dead_cross"},
    {
        "type": "bollinger_bands",
        "params": {"period": 20, "multiplier": Decimal(2)},
        "trigger": "price_cross_above",
    },
    {
        "type": "bollinger_bands",
        "params": {"period": 20, "multiplier": Decimal(2)},
        "trigger": "price_cross_below",
    },
    {
        "type": "volume",
        "params": {"period": 20},
        "trigger": "volume_spike",
        "event_params": {"multiplier": 3},
    },
)
"""Nine for each pair (protocol section 3.8); a request may contain a hundred combinations."""

RISING: Final = {
    "overbought": True,
    "oversold": False,
    "golden_cross": True,
    "dead_cross": False,
    "price_cross_above": True,
    "price_cross_below": False,
    "zero_cross_above": True,
    "zero_cross_below": False,
}
"""Whether a trigger means a rising price; a trigger that is missing means neither."""

_TRIGGERS: Final = {
    "overbought": QT_TRANSLATE_NOOP("Signals", "overbought"),
    "oversold": QT_TRANSLATE_NOOP("Signals", "oversold"),
    "golden_cross": QT_TRANSLATE_NOOP("Signals", "golden cross"),
    "dead_cross": QT_TRANSLATE_NOOP("Signals", "dead cross"),
    "price_cross_above": QT_TRANSLATE_NOOP("Signals", "price crossed above"),
    "price_cross_below": QT_TRANSLATE_NOOP("Signals", "price crossed below"),
    "zero_cross_above": QT_TRANSLATE_NOOP("Signals", "crossed zero upwards"),
    "zero_cross_below": QT_TRANSLATE_NOOP("Signals", "crossed zero downwards"),
    "volume_spike": QT_TRANSLATE_NOOP("Signals", "volume spike"),
}
_INDICATORS: Final = {
    "rsi": "RSI",
    "ma_crossover": "MA",
    "moving_average": "MA",
    "macd": "MACD",
    "bollinger_bands": QT_TRANSLATE_NOOP("Signals", "Bollinger"),
    "volume": QT_TRANSLATE_NOOP("Signals", "Volume"),
}


def signal_words(event: IndicatorSignalEvent) -> tuple[str, str]:
    """The indicator with its parameters, and what happened; an unknown one keeps Upbit's name."""
    params = event.params
    numbers = (
        params.period, params.short_period, params.long_period, params.fast, params.slow,
        params.signal_period, params.multiplier,
    )  # fmt: skip
    shown = ", ".join(f"{number:g}" for number in numbers if number is not None)
    name = QCoreApplication.translate("Signals", _INDICATORS.get(event.indicator, event.indicator))
    trigger = QCoreApplication.translate("Signals", _TRIGGERS.get(event.trigger, event.trigger))
    wanted = event.event_params
    threshold = None if wanted is None else wanted.threshold or wanted.multiplier
    return f"{name} ({shown})", f"{trigger} {threshold:g}" if threshold is not None else trigger
