"""Markets and candle history over REST, through Upbit's official SDK."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from demo_app.candle_series import Candle
from demo_app.market_selector import Market
from qt_upbit import CandleUnit

if TYPE_CHECKING:
    from upbit import AsyncUpbit

__all__ = ["History", "HistoryError"]


class HistoryError(Exception):
    """The exchange gave no history; the text says why."""


class History:
    """What the socket does not tell. Close it when done.

    Args:
        rest_url: base of the REST calls, ``https://api.upbit.com/v1``.
    """

    def __init__(self, rest_url: str) -> None:
        self._rest_url = rest_url
        self._client: AsyncUpbit | None = None

    async def _sdk(self) -> AsyncUpbit:
        # The SDK takes longer to import than all the rest together: the window need not wait for it.
        sdk = await asyncio.to_thread(importlib.import_module, "upbit")
        if self._client is None:
            self._client = sdk.AsyncUpbit(
                access_key="",
                secret_key="",
                base_url=self._rest_url.removesuffix("/v1"),
                timeout=10.0,
                max_retries=1,
            )
        return self._client

    async def _ask(self, answer: Awaitable[Any]) -> Any:
        import upbit

        try:
            return await answer
        except (upbit.UpbitError, OSError, TimeoutError, ValueError) as exc:
            raise HistoryError(str(exc)) from exc

    async def markets(self) -> list[Market]:
        """Every pair with its names.

        Raises:
            HistoryError: the exchange did not tell.
        """
        client = await self._sdk()
        pairs = await self._ask(client.trading_pairs.list())
        return [Market(p.market, p.korean_name or p.market, p.english_name or p.market) for p in pairs]

    async def candles(
        self, code: str, unit: CandleUnit, count: int = 200, before: int | None = None
    ) -> list[Candle]:
        """The last candles of a pair, oldest first.

        Args:
            code: the pair.
            unit: length of a candle.
            count: how many; Upbit gives 200 at most.
            before: only older ones, seconds since the epoch.

        Raises:
            HistoryError: the exchange did not tell.
        """
        client = await self._sdk()
        page: dict[str, Any] = {"market": code, "count": count}
        if before is not None:
            page["to"] = f"{datetime.fromtimestamp(before, UTC):%Y-%m-%dT%H:%M:%SZ}"
        if unit is CandleUnit.S1:
            rows = await self._ask(client.candles.list_seconds(**page))
        else:
            minutes: Any = unit.seconds // 60
            rows = await self._ask(client.candles.list_minutes(unit=minutes, **page))
        return [_candle(row) for row in reversed(rows)]

    async def aclose(self) -> None:
        """Close the HTTP connections."""
        if self._client is not None:
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
