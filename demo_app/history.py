"""Markets and candle history over REST, through Upbit's official SDK."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from upbit import AsyncUpbit

from demo_app.candle_series import Candle
from demo_app.market_selector import Market
from qt_upbit import CandleUnit

__all__ = ["History"]


class History:
    """What the socket does not tell. Close it when done.

    Args:
        rest_url: base of the REST calls, ``https://api.upbit.com/v1``.
    """

    def __init__(self, rest_url: str) -> None:
        self._client = AsyncUpbit(
            access_key="", secret_key="", base_url=rest_url.removesuffix("/v1"), timeout=10.0, max_retries=1
        )

    async def markets(self) -> list[Market]:
        """Every pair with its names."""
        pairs = await self._client.trading_pairs.list()
        return [Market(p.market, p.korean_name or p.market, p.english_name or p.market) for p in pairs]

    async def candles(self, code: str, unit: CandleUnit, count: int = 200) -> list[Candle]:
        """The last candles of a pair, oldest first."""
        if unit is CandleUnit.S1:
            rows: Any = await self._client.candles.list_seconds(market=code, count=count)
        else:
            minutes: Any = unit.seconds // 60
            rows = await self._client.candles.list_minutes(unit=minutes, market=code, count=count)
        return [_candle(row) for row in reversed(rows)]

    async def aclose(self) -> None:
        """Close the HTTP connections."""
        await self._client.close()


def _candle(row: Any) -> Candle:
    start = datetime.fromisoformat(row.candle_date_time_utc).replace(tzinfo=UTC)
    return Candle(
        int(start.timestamp()),
        float(row.opening_price),
        float(row.high_price),
        float(row.low_price),
        float(row.trade_price),
        float(row.candle_acc_trade_volume),
    )
