"""`FreshnessRule`, `Freshness`: whether the prices shown are current, and how old they are."""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise
from typing import Final

from PySide6.QtCore import QCoreApplication, QObject, Signal

from qt_upbit import ConnectionState, GlobalWebSocketManager, Metrics, Scope

__all__ = ["SEEING", "Freshness", "FreshnessRule"]

SEEING: Final = frozenset((ConnectionState.IDLE, ConnectionState.CONNECTING, ConnectionState.LIVE))
"""While a connection is in one of these, what is shown is current, or nothing was shown yet."""
_FLOOR_S: Final = 3.0
_WINDOW_S: Final = 120.0
_MIN_MESSAGES: Final = 10
_INTERVAL_FACTOR: Final = 20.0
_PAUSE_FACTOR: Final = 3.0


class FreshnessRule:
    """From which age on data is unusually old, judged by how the market moved until then. Knows no Qt.

    It is unusual beyond 3 s, 20 times the mean interval between messages and three times the longest pause of
    the last two minutes of data, whichever is longest. Before ten messages there is no judgement.
    """

    def __init__(self) -> None:
        self._moves: deque[tuple[float, int]] = deque()
        """When the newest data had come at each observation, and the number of messages until then."""

    def observe(self, now: float, age_s: float | None, messages: int) -> bool:
        """Take in an observation, about once a second; return whether the data is unusually old.

        Args:
            now: monotonic, seconds.
            age_s: of the newest data; None before the first.
            messages: received in total.
        """
        if age_s is None:
            return False
        moves, came_at = self._moves, now - age_s
        if moves and messages < moves[-1][1]:
            moves.clear()
        # The age is measured anew each time: the same data seems to have come a little earlier or later.
        if not moves or came_at > moves[-1][0] + 0.05:
            moves.append((came_at, messages))
        while moves[-1][0] - moves[0][0] > _WINDOW_S:
            moves.popleft()
        return age_s > self.threshold_s

    @property
    def threshold_s(self) -> float:
        """The greatest usual age, in seconds; infinity while there is no judgement."""
        moves = self._moves
        count = moves[-1][1] - moves[0][1] if moves else 0
        if count < _MIN_MESSAGES:
            return float("inf")
        times = [at for at, _ in moves]
        longest = max(after - before for before, after in pairwise(times))
        return max(_FLOOR_S, _INTERVAL_FACTOR * (times[-1] - times[0]) / count, _PAUSE_FACTOR * longest)


class Freshness(QObject):
    """The age of public data, for every part of the terminal that shows or uses prices.

    Signals:
        ``changed()``: age or judgement have changed; once a second while the data is old.

    Args:
        manager: the application's.
        judges: False for a recording, which may be paused: only the connection counts there.
        parent: owner.
    """

    changed = Signal()

    def __init__(self, manager: GlobalWebSocketManager, *, judges: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("freshness")
        self._rule = FreshnessRule() if judges else None
        self._is_late = False
        self._state = manager.state(Scope.PUBLIC)
        self.age_s: float | None = None
        """Of the newest live data, in seconds; None before the first."""
        manager.metrics_updated.connect(self._on_metrics)
        manager.state_changed.connect(self._on_state)

    @property
    def is_stale(self) -> bool:
        """Whether prices may be old: the connection is down, or nothing comes although the market moved."""
        return self._is_late or self._state not in SEEING

    @property
    def connection_state(self) -> ConnectionState:
        """Of the public connection; also after the manager has closed."""
        return self._state

    @property
    def is_late(self) -> bool:
        """Whether nothing comes although the connection is up and the market moved."""
        return self._is_late and self._state in SEEING

    @property
    def seconds(self) -> int:
        """The age in whole seconds; 0 while unknown."""
        return int(self.age_s or 0)

    @property
    def text(self) -> str:
        """How old the data is, in the user's language; empty while that is usual or unknown."""
        if not self.is_stale or self.seconds < 1:
            return ""
        return QCoreApplication.translate("Freshness", "Last data {seconds} s ago").format(
            seconds=f"{self.seconds:,}"
        )

    def _on_metrics(self, metrics: Metrics) -> None:
        scope = metrics.scopes.get(Scope.PUBLIC)
        if scope is None:
            return
        before = (self.is_stale, self.seconds)
        self.age_s = scope.data_age_s
        if self._rule is not None:
            self._is_late = self._rule.observe(time.perf_counter(), scope.data_age_s, scope.messages)
        if before != (self.is_stale, self.seconds) and (before[0] or self.is_stale):
            self.changed.emit()

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is Scope.PUBLIC and state is not self._state:
            was_stale = self.is_stale
            self._state = state
            if was_stale or self.is_stale:
                self.changed.emit()
