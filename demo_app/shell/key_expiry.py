"""`KeyExpiry`: warns the user in time that the API key in use expires."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from PySide6.QtCore import QCoreApplication

from demo_app.terminal_state import TerminalState
from qt_upbit import ApiKey, QtUpbitError, Region

__all__ = ["KeyExpiry"]

_SOON: Final = timedelta(days=14)
_EVERY_S: Final = 12 * 3600.0
_AGAIN_S: Final = 15 * 60.0
"""After a failure; a key without the permission gives one each time."""
_log: Final = logging.getLogger(__name__)


class KeyExpiry:
    """Asks the exchange twice a day, and when the keys change, and shows a notice in the last fourteen days.

    Nothing happens without keys, in a replay, and outside Korea, where Upbit does not say.

    Args:
        state: knows the keys; shows the notice.
        now: the wall clock, aware.
    """

    def __init__(self, state: TerminalState, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state = state
        self._now = now
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start asking."""
        self._state.manager.credentials_changed.connect(self._restart)
        self._restart()

    async def aclose(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._state.manager.credentials_changed.disconnect(self._restart)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _restart(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="key expiry")

    async def _watch(self) -> None:
        config = self._state.manager.config
        if config.credentials is None or self._state.is_replay or config.region is not Region.KR:
            return
        own = config.credentials.access_key.get_secret_value()
        while True:
            try:
                keys = await self._state.rest.get_api_keys()
            except QtUpbitError as exc:
                _log.info("The expiry of the API key is not known: %s", exc)
                await asyncio.sleep(_AGAIN_S)
                continue
            for key in keys:
                if key.access_key == own and key.expires_within(_SOON, self._now()):
                    self._state.noticed.emit(*self._words(key))
            await asyncio.sleep(_EVERY_S)

    def _words(self, key: ApiKey) -> tuple[str, str]:
        translate = QCoreApplication.translate
        when = f"{key.expires_at.astimezone():%Y-%m-%d %H:%M}"
        left = key.expires_at - self._now()
        if left <= timedelta(0):
            title = translate("KeyExpiry", "API key expired")
            text = translate("KeyExpiry", "It expired on {when}: issue a new one at Upbit.")
            return title, text.format(when=when)
        title = translate("KeyExpiry", "API key expires soon")
        text = translate("KeyExpiry", "It expires on {when}, in {days} day(s): issue a new one at Upbit.")
        return title, text.format(when=when, days=-(-left // timedelta(days=1)))
