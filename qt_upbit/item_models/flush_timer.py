"""`FlushTimer`: gathers changes for one frame of the screen."""

from __future__ import annotations

import time
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal

__all__ = ["FlushTimer"]


class FlushTimer(QObject):
    """Says when what was gathered should be shown: soon, and at most once per frame.

    Signals:
        ``due()``: take over what has come since the last time.

    Args:
        frame_s: the time between two frames.
        parent: owner.
        clock: seconds, monotonic.
    """

    due = Signal()

    def __init__(
        self, frame_s: float, parent: QObject, *, clock: Callable[[], float] = time.monotonic
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
        """Have `due` emitted in this frame, or in the next if this one was shown already."""
        if not self._is_stopped and not self._timer.isActive():
            left = self._last + self._frame_s - self._clock()
            self._timer.start(max(0, round(left * 1000)))

    def stop(self) -> None:
        """Say nothing any more, for good."""
        self._is_stopped = True
        if shiboken6.isValid(self):
            self._timer.stop()

    def _on_timeout(self) -> None:
        self._last = self._clock()
        self.due.emit()
