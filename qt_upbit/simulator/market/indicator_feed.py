"""`IndicatorFeed`: what the info socket sends when a candle closes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from qt_upbit.protocol.wire import RequestItem
from qt_upbit.simulator.market.indicators import Values, compute, triggered
from qt_upbit.simulator.market.live_candles import UNITS_S
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.pair import utc_text
from qt_upbit.simulator.market.price_grid import SCALE
from qt_upbit.types import (
    BaseWebSocketEvent,
    EventSpec,
    IndicatorEvent,
    IndicatorEventParams,
    IndicatorParams,
    IndicatorSignalEvent,
    IndicatorTimeframe,
    IndicatorValue,
    spec_of,
)

__all__ = ["IndicatorFeed"]

_CANDLES: Final = 260


class IndicatorFeed:
    """Computes requested indicators when candles close. `EVENTS` are the event classes it makes.

    Args:
        market: whose candles.
        delay_s: market time from the close to the frames.
    """

    EVENTS: ClassVar[tuple[type[BaseWebSocketEvent], ...]] = (IndicatorEvent, IndicatorSignalEvent)

    def __init__(self, market: SimulatedMarket, delay_s: float) -> None:
        self._market = market
        self._delay_ms = int(delay_s * 1000)
        self._next_ms: dict[str, int] = {
            unit.value: self._next_close(unit.value, market.start_ms)
            for unit in IndicatorTimeframe
            if unit.value in UNITS_S
        }

    def _next_close(self, unit: str, now_ms: int) -> int:
        length = UNITS_S[unit] * 1000
        return now_ms - now_ms % length + length

    def closed(self, now_ms: int) -> list[tuple[str, int]]:
        """Timeframes whose candle has closed since the last call, with the candle's start in seconds."""
        result = []
        for unit, close_ms in self._next_ms.items():
            if close_ms + self._delay_ms <= now_ms:
                length = UNITS_S[unit]
                # After a long pause only the newest candle counts.
                newest = (now_ms - self._delay_ms) // (length * 1000) * length
                result.append((unit, newest - length))
                self._next_ms[unit] = self._next_close(unit, now_ms - self._delay_ms)
        return result

    def events(
        self, items: Iterable[RequestItem], unit: str, start_s: int, now_ms: int
    ) -> Iterable[BaseWebSocketEvent]:
        """The events for a closed candle, each once however often it was requested."""
        seen: set[tuple[Any, ...]] = set()
        for item in items:
            spec = spec_of(item.type)
            if spec is None or spec.event_class not in self.EVENTS or item.options.get("timeframe") != unit:
                continue
            for code, wanted in itertools.product(item.codes or (), item.options["indicators"]):
                key = (item.type, code, repr(sorted(wanted.items(), key=repr)))
                if key in seen or code not in self._market.pairs:
                    continue
                seen.add(key)
                event = self._event(spec, code, wanted, unit, start_s, now_ms)
                if event is not None:
                    yield event

    def _event(
        self,
        spec: EventSpec,
        code: str,
        wanted: Mapping[str, Any],
        unit: str,
        start_s: int,
        now_ms: int,
    ) -> BaseWebSocketEvent | None:
        pair = self._market.pairs[code]
        if pair.listing.currency.is_shared:
            return None
        candles = list(itertools.islice(pair.candles(unit, start_s + 1), _CANDLES))
        if not candles or candles[0].start_s != start_s:
            return None  # nothing was traded in it
        candles.reverse()
        closes = [timed.candle.close / SCALE for timed in candles]
        volumes = [timed.candle.volume / SCALE for timed in candles]
        kind, params = str(wanted["type"]), wanted.get("params", {})
        values: Values | None
        common: dict[str, Any] = {
            "type": spec.wire_type,
            "code": code,
            "timeframe": IndicatorTimeframe(unit),
            "indicator": kind,
            "params": _fields(IndicatorParams, params),
            "candle_date_time_utc": utc_text(start_s),
            "timestamp": now_ms,
        }
        if spec.event_class is IndicatorEvent:
            values = compute(kind, closes, volumes, params)
            return None if values is None else IndicatorEvent(value=_rounded(values), **common)
        trigger, limits = str(wanted.get("trigger", "")), wanted.get("event_params", {})
        values = triggered(kind, trigger, closes, volumes, params, limits)
        if values is None:
            return None
        return IndicatorSignalEvent(
            value=_rounded(values),
            trigger=trigger,
            event_params=_fields(IndicatorEventParams, limits),
            **common,
        )


def _rounded(values: Values) -> IndicatorValue:
    return IndicatorValue(**{name: Decimal(str(round(value, 8))) for name, value in values.items()})


def _fields(cls: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    known = {
        name: Decimal(str(value))
        if isinstance(value, float) or name in ("multiplier", "threshold")
        else value
        for name, value in values.items()
        if name in cls.__struct_fields__  # type: ignore[attr-defined]  # a wire struct
    }
    return cls(**known)
