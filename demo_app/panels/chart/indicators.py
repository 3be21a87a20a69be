"""Moving averages, Bollinger bands, RSI and MACD of a chart, by talipp. Knows no Qt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from talipp.indicators import BB, EMA, MACD, RSI, SMA

__all__ = ["IndicatorSettings", "Indicators", "Line"]

Line = list[float | None]
"""A value for each candle; None where there are too few candles before."""

_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class IndicatorSettings:
    """Which indicators are shown and how long they look back, in candles.

    Attributes:
        averages: the lengths of the moving averages, in candles; at most four.
        exponential: whether they are exponential.
        band: candles of the Bollinger bands, `band_width` in standard deviations.
        fast, slow, signal: of the MACD.
    """

    show_averages: bool = True
    averages: tuple[int, ...] = (5, 20, 60, 120)
    exponential: bool = False
    show_band: bool = False
    band: int = 20
    band_width: float = 2.0
    show_rsi: bool = False
    rsi: int = 14
    show_macd: bool = False
    fast: int = 12
    slow: int = 26
    signal: int = 9
    show_volume: bool = True

    def to_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> IndicatorSettings:
        """Parse the output of `to_json`; what is missing or invalid gets its default."""
        default = cls()
        try:
            raw = json.loads(text)
        except ValueError:
            return default
        if not isinstance(raw, dict):
            return default
        changes: dict[str, Any] = {}
        for each in fields(cls):
            value, usual = raw.get(each.name), getattr(default, each.name)
            if each.name == "averages":
                if isinstance(value, list) and value and all(map(_is_period, value)):
                    changes["averages"] = tuple(value[:4])
            elif isinstance(usual, bool):
                if isinstance(value, bool):
                    changes[each.name] = value
            elif each.name == "band_width":
                if isinstance(value, int | float) and 0.1 <= value <= 10:
                    changes["band_width"] = float(value)
            elif _is_period(value):
                changes[each.name] = value
        return replace(default, **changes)


def _is_period(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= _LONGEST


@dataclass(slots=True)
class _Running:
    """A talipp indicator and what is read out of its values."""

    indicator: Any
    parts: tuple[Callable[[Any], float | None], ...]
    lines: tuple[Line, ...] = field(init=False)

    def __post_init__(self) -> None:
        values = list(self.indicator)
        self.lines = tuple([_read(part, value) for value in values] for part in self.parts)

    def add(self, close: float) -> None:
        self.indicator.add(close)
        for line, part in zip(self.lines, self.parts, strict=True):
            line.append(_read(part, self.indicator[-1]))

    def update(self, close: float) -> None:
        self.indicator.update(close)
        for line, part in zip(self.lines, self.parts, strict=True):
            line[-1] = _read(part, self.indicator[-1])


def _read(part: Callable[[Any], float | None], value: Any) -> float | None:
    return None if value is None else part(value)


def _itself(value: float) -> float:
    return value


class Indicators:
    """The enabled indicators, for one series of closing prices.

    An update of the last candle, or a new candle, costs the same for any number of candles; older candles
    cause a full recomputation, once per paint.

    Args:
        settings: which indicators, and their periods.
    """

    def __init__(self, settings: IndicatorSettings) -> None:
        self.settings = settings
        self._count = 0
        self._version = -1
        self._last: float | None = None
        self._averages: list[_Running] = []
        self._band: _Running | None = None
        self._rsi: _Running | None = None
        self._macd: _Running | None = None

    @property
    def averages(self) -> list[tuple[int, Line]]:
        """Length and values of each moving average."""
        lengths = self.settings.averages
        return [(n, each.lines[0]) for n, each in zip(lengths, self._averages, strict=False)]

    @property
    def band(self) -> tuple[Line, ...]:
        """Lower, middle and upper; empty if disabled."""
        return self._band.lines if self._band else ()

    @property
    def rsi(self) -> Line | None:
        """0 to 100; None if disabled."""
        return self._rsi.lines[0] if self._rsi else None

    @property
    def macd(self) -> tuple[Line, ...]:
        """MACD, signal, histogram; empty if disabled."""
        return self._macd.lines if self._macd else ()

    def _all(self) -> list[_Running]:
        return [*self._averages, *(each for each in (self._band, self._rsi, self._macd) if each)]

    def sync(self, closes: Sequence[float], version: int) -> None:
        """Update to these prices.

        Args:
            closes: the closing prices.
            version: differs from the last call's if any price except the last may have changed.
        """
        if version != self._version or not 0 < self._count <= len(closes):
            self._version = version
            self._compute(list(closes))
            return
        running = self._all()
        if self._last != closes[self._count - 1]:
            for each in running:
                each.update(closes[self._count - 1])
        for close in closes[self._count :]:
            for each in running:
                each.add(close)
        self._count, self._last = len(closes), closes[-1]

    def _compute(self, values: list[float]) -> None:
        request = self.settings
        self._count, self._last = len(values), values[-1] if values else None
        mean = EMA if request.exponential else SMA
        # Each gets its own list: talipp keeps a reference and modifies it.
        self._averages = [
            _Running(mean(n, list(values)), (_itself,))
            for n in (request.averages if request.show_averages else ())
        ]
        self._band = self._rsi = self._macd = None
        if request.show_band:
            parts = (lambda v: v.lb, lambda v: v.cb, lambda v: v.ub)
            self._band = _Running(BB(request.band, request.band_width, list(values)), parts)
        if request.show_rsi:
            self._rsi = _Running(RSI(request.rsi, list(values)), (_itself,))
        if request.show_macd:
            slow = max(request.slow, request.fast + 1)
            made = MACD(request.fast, slow, request.signal, list(values))
            self._macd = _Running(made, (lambda v: v.macd, lambda v: v.signal, lambda v: v.histogram))
