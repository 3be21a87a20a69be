"""Candle history over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from demo_app.candle_series import Candle
from qt_upbit import CandleUnit, GlobalWebSocketManager, QtUpbitError, RestClient

__all__ = ["History", "HistoryError"]


class HistoryError(Exception):
    """The exchange gave no history; the text says why."""


class History:
    """What the socket does not tell, as the window shows it.

    Args:
        rest: gives the client to ask; without it the application's.
    """

    def __init__(self, rest: Callable[[], RestClient] | None = None) -> None:
        self._rest = rest or (lambda: GlobalWebSocketManager.instance().rest)

    async def candles(
        self, code: str, unit: CandleUnit, count: int = 200, before: int | None = None
    ) -> list[Candle]:
        """The last candles of a pair, oldest first.

        Args:
            code: the pair.
            unit: length of a candle.
            count: how many.
            before: only older ones, seconds since the epoch.

        Raises:
            HistoryError: the exchange did not tell.
        """
        end = None if before is None else datetime.fromtimestamp(before, UTC)
        try:
            events = await self._rest().get_candles(code, unit, count=count, before=end)
        except QtUpbitError as exc:
            raise HistoryError(str(exc)) from exc
        return [Candle.from_event(event) for event in events]
