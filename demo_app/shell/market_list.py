"""`MarketList`: fetches the exchange's markets in the background, until it has them."""

from __future__ import annotations

import asyncio
from typing import Final

from demo_app.style.error_messages import explain
from demo_app.terminal_state import TerminalState
from qt_upbit import QtUpbitError

__all__ = ["MarketList"]

_AGAIN_S: Final = 5.0


class MarketList:
    """Provides `TerminalState` with its markets.

    Args:
        state: receives the markets, and a notice when loading fails.
        failed: title of that notice.
    """

    def __init__(self, state: TerminalState, failed: str) -> None:
        self._state = state
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start fetching."""
        self._task = asyncio.get_running_loop().create_task(self._load())

    async def aclose(self) -> None:
        """Stop fetching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _load(self) -> None:
        said = ""
        while True:
            try:
                markets = await self._state.rest.get_markets()
            except QtUpbitError as exc:
                # Once per reason: the network may be down for hours.
                if explain(exc) != said:
                    said = explain(exc)
                    self._state.noticed.emit(self._failed, said[:90])
                await asyncio.sleep(_AGAIN_S)
            else:
                self._state.set_markets(markets)
                return
