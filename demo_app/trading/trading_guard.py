"""`TradingGuard`: decides whether the demo may place or cancel an order. Knows no Qt.

On the simulated exchange every order is allowed: nothing there has real value. On a real one, only if three
conditions are met: the terminal was started with ``--live``, there are API keys, and the user has
confirmed, once for the session and once for each order. The environment can give the keys and neither of the
others.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Final

__all__ = ["TradingGuard", "TradingLockedError", "TradingState"]

CONFIRM_PHRASE: Final = "REAL ORDERS"
"""What the user types to unlock a session; a click could be accidental."""
_SESSION_S: Final = 15 * 60.0
_ORDER_S: Final = 30.0


class TradingState(enum.Enum):
    """Whether orders are simulated, locked or real."""

    SIMULATED = "simulated"
    LIVE_LOCKED = "live-locked"
    LIVE_UNLOCKED = "live-unlocked"


class TradingLockedError(Exception):
    """The order was not sent. The text says which condition is missing and what to do.

    Attributes:
        missing: ``live``, ``keys``, ``session``, ``order``, or ``account`` if the keys have changed.
    """

    def __init__(self, missing: str, text: str) -> None:
        super().__init__(text)
        self.missing = missing


class TradingGuard:
    """Decides whether an order may be sent. Created once, where the exchange is chosen.

    Args:
        simulated: the exchange is the embedded one.
        live: the terminal was started with ``--live``.
        has_keys: returns whether there are API keys now; they may be added later.
        clock: monotonic, seconds.
        session_s: how long a session stays unlocked.
        order_s: how long the confirmation of one order is valid.

    Raises:
        ValueError: both simulated and live.
    """

    def __init__(
        self,
        *,
        simulated: bool,
        live: bool,
        has_keys: Callable[[], bool],
        clock: Callable[[], float] = time.perf_counter,
        session_s: float = _SESSION_S,
        order_s: float = _ORDER_S,
    ) -> None:
        if simulated and live:
            raise ValueError("an exchange is simulated or live, not both")
        self._simulated = simulated
        self._live = live
        self._has_keys = has_keys
        self._clock = clock
        self._session_s = session_s
        self._order_s = order_s
        self._unlocked_until: float | None = None
        self._confirmed: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"TradingGuard({self.state.value})"

    @property
    def state(self) -> TradingState:
        """The current state: simulated, locked or unlocked."""
        if self._simulated:
            return TradingState.SIMULATED
        return TradingState.LIVE_LOCKED if self._missing() else TradingState.LIVE_UNLOCKED

    def unlock(self, typed: str) -> None:
        """Unlock the session with the phrase that the user typed.

        Raises:
            TradingLockedError: it is not `CONFIRM_PHRASE`, or one of the other conditions is missing.
        """
        if self._simulated:
            return
        error = self._missing_before_confirmation()
        if error is None and typed.strip() != CONFIRM_PHRASE:
            error = TradingLockedError("session", f"type {CONFIRM_PHRASE} to unlock real orders")
        if error is not None:
            raise error
        self._unlocked_until = self._clock() + self._session_s

    def lock(self) -> None:
        """Lock the session again and discard confirmations."""
        self._unlocked_until = None
        self._confirmed.clear()

    def confirm(self, order: str) -> None:
        """Record that the user has seen and confirmed one order.

        Args:
            order: the complete description of the order, as the user saw it.

        Raises:
            TradingLockedError: the session is locked.
        """
        if self._simulated:
            return
        error = self._missing()
        if error is not None:
            raise error
        self._confirmed[order] = self._clock() + self._order_s

    def check(self, order: str) -> None:
        """Return if this order may be sent now; a confirmation is valid for one order.

        Args:
            order: the same text as in `confirm`.

        Raises:
            TradingLockedError: it may not; the caller must send nothing.
        """
        if self._simulated:
            return
        error = self._missing()
        if error is not None:
            raise error
        until = self._confirmed.pop(order, None)
        if until is None or self._clock() >= until:
            raise TradingLockedError("order", f"confirm this order first: {order}")

    def _missing(self) -> TradingLockedError | None:
        error = self._missing_before_confirmation()
        if error is not None:
            return error
        if self._unlocked_until is None or self._clock() >= self._unlocked_until:
            self.lock()
            return TradingLockedError("session", "real orders are locked: unlock the session first")
        return None

    def _missing_before_confirmation(self) -> TradingLockedError | None:
        if not self._live:
            return TradingLockedError("live", "real orders are off: start the terminal with --live")
        if not self._has_keys():
            self.lock()
            return TradingLockedError(
                "keys", "real orders need API keys: set UPBIT_ACCESS_KEY and its secret"
            )
        return None
