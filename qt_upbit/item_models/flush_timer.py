"""`FlushTimer`: collects changes for one screen frame."""

from __future__ import annotations

import time
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal

__all__ = ["FlushTimer"]


class FlushTimer(QObject):
    """Signals when collected changes should be applied: soon, and at most once per screen frame.

    Signals:
        ``due()``: apply what arrived since the last time.

    Args:
        frame_s: the time between two frames.
        parent: owner.
        clock: seconds, monotonic.
    """

    due = Signal()

    def __init__(
        self, frame_s: float, parent: QObject, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        super().__init__(parent)
        self._frame_s = frame_s
        self._clock = clock
        self._last = 0.0
        self._is_stopped = False
        self._timer = QTimer(self)
        self._timer.setObjectName("qt_upbit item model frame")
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timeout)

    def schedule(self) -> None:
        """Emit `due` in this frame, or in the next if this one was already used."""
        if not self._is_stopped and not self._timer.isActive():
            left = self._last + self._frame_s - self._clock()
            self._timer.start(max(0, round(left * 1000)))

    def stop(self) -> None:
        """Stop for good."""
        self._is_stopped = True
        if shiboken6.isValid(self):
            self._timer.stop()

    def _on_timeout(self) -> None:
        self._last = self._clock()
        self.due.emit()
