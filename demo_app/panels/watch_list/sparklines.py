"""`Sparklines`: the last day of the visible pairs, as lines of hourly prices."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from demo_app.terminal_state import TerminalState
from qt_upbit import CandleUnit, QtUpbitError, owned_slot

__all__ = ["Sparklines"]

_UNIT: Final = CandleUnit.M60
_COUNT: Final = 24
_PACE_MS: Final = 250
"""Between two calls: the chart shares their limit of ten a second (protocol section 9)."""
_RETRY_MS: Final = 10_000
_LOOK_AGAIN_MS: Final = 60_000
_FRESH_S: Final = 1_800.0


class Sparklines(QObject):
    """Requests one pair after the other, in the order wanted, and caches the results.

    Signals:
        ``changed(code)``: the line of a pair is available or has changed.

    Args:
        state: provides the REST client.
        parent: owner.
        now: the time, seconds, monotonic.
    """

    changed = Signal(str)

    def __init__(
        self,
        state: TerminalState,
        parent: QObject | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("sparklines")
        self._state = state
        self._now = now
        self._wanted: tuple[str, ...] = ()
        self._lines: dict[str, tuple[float, ...]] = {}
        self._read_at: dict[str, float] = {}
        self._is_asking = False
        self._next = QTimer(self)
        self._next.setObjectName("sparklines next")
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._ask)

    def line(self, code: str) -> tuple[float, ...]:
        """Closing prices of the last 24 hours with trades, oldest first; empty while unknown."""
        return self._lines.get(code, ())

    def want(self, codes: Sequence[str]) -> None:
        """Set the visible pairs, from the top; the others are not needed."""
        self._wanted = tuple(codes)
        # A pause after a failure continues; an idle pause ends now.
        if not self._next.isActive() or self._next.interval() > _RETRY_MS:
            self._next.start(_PACE_MS)

    @owned_slot
    async def _ask(self) -> None:
        oldest = self._now() - _FRESH_S
        code = next((each for each in self._wanted if self._read_at.get(each, oldest) <= oldest), None)
        if self._is_asking:
            return
        if code is None:
            if self._wanted:
                self._next.start(_LOOK_AGAIN_MS)
            return
        self._is_asking = True
        try:
            candles = await self._state.rest.get_candles(code, _UNIT, count=_COUNT)
        except QtUpbitError:
            # Sparklines are decoration: REST errors are reported where prices are requested.
            self._next.start(_RETRY_MS)
            return
        finally:
            self._is_asking = False
        self._read_at[code] = self._now()
        self._lines[code] = tuple(float(candle.trade_price) for candle in candles)
        self.changed.emit(code)
        self._next.start(_PACE_MS)
