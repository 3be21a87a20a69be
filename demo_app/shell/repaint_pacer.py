"""`RepaintPacer`: a window repaints once per frame of the screen, however many of its widgets change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

__all__ = ["RepaintPacer"]

FRAME_S: Final = 1 / 60


class RepaintPacer(QObject):
    """Coalesces the repaints of a window.

    Qt repaints a window's changed parts whenever its event loop is idle. Trades, orders and
    fading colours come between the frames, so a busy window would be repainted a hundred times a
    second, of which a screen shows sixty. A request that comes too early is delayed until its frame; Qt makes
    no other one meanwhile, and the delayed one covers all changes.

    Args:
        window: a widget that is a window, now or later; owner.
        now: the time, seconds, monotonic.
    """

    def __init__(self, window: QWidget, now: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(window)
        self.setObjectName("repaint pacer")
        self.painted = 0
        """Repaints so far."""
        self._window = window
        self._now = now
        self._next = 0.0
        """The earliest time of the next frame."""
        self._is_due = False
        self._timer = QTimer(self)
        self._timer.setObjectName("repaint pacer frame")
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_frame)
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Let a request through, or delay it."""
        if event.type() is not QEvent.Type.UpdateRequest:
            return False
        if self._timer.isActive():
            return True
        now = self._now()
        wait_s = self._next - now
        if wait_s > 0 and not self._is_due:
            self._timer.start(max(1, round(wait_s * 1000)))
            return True
        # In step with the previous frames, unless the window was idle.
        self._next = FRAME_S + (self._next if abs(wait_s) < FRAME_S else now)
        self.painted += 1
        return False

    def _on_frame(self) -> None:
        self._is_due = True
        try:
            QCoreApplication.sendEvent(self._window, QEvent(QEvent.Type.UpdateRequest))
        finally:
            self._is_due = False
