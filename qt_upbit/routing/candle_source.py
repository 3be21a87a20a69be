"""`CandleSource`: what a stream shows of the newest candle, whether Upbit streams its length or not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from qt_upbit.routing.period_candle import DaysWanted, PeriodCandle
from qt_upbit.types import CandleEvent, CandlePeriod, CandleUnit

__all__ = ["CandleSource", "source_of"]


class CandleSource(Protocol):
    """Subscribe to `event_type` with `options`, give `receive` each event, and read what is missing."""

    event_type: str
    few: int | None
    """More than a gap usually has: this number is asked for first, and all only if that does not reach."""

    @property
    def options(self) -> dict[str, Any]:
        """What a subscription takes besides the code."""

    @property
    def behind_since(self) -> datetime | None:
        """Candles since then, and what `begin_reading` says, are to be read over REST; None if nothing is."""

    @property
    def candle(self) -> CandleEvent | None:
        """The newest candle, where it may be another one without an event."""

    def receive(self, event: Any) -> CandleEvent | None:
        """Take an event of the pair; the candle it shows, None if it shows none.

        Raises:
            DecodeError: it has a time that no calendar has.
        """

    def begin_reading(self) -> DaysWanted | None:
        """Day candles to be read besides, to be given to `learn`."""

    def learn(self, wanted: DaysWanted, days: Iterable[CandleEvent]) -> None:
        """Take the days that `begin_reading` named."""


def source_of(unit: CandleUnit | CandlePeriod) -> CandleSource:
    """The source of a length of candles: Upbit's own stream, or the ticker where there is none."""
    return PeriodCandle(unit) if isinstance(unit, CandlePeriod) else _StreamedCandle(unit)


class _StreamedCandle:
    """Each event is the candle (protocol section 3.4)."""

    event_type = "candle"
    few: int | None = None
    behind_since = candle = None

    def __init__(self, unit: CandleUnit) -> None:
        self.options: dict[str, Any] = {"unit": unit.value}

    def receive(self, event: CandleEvent) -> CandleEvent:
        return event

    def begin_reading(self) -> None:
        return None

    def learn(self, wanted: DaysWanted, days: Iterable[CandleEvent]) -> None:
        raise AssertionError("it asks for no days")
