"""`LoopWatch`: how long the event loop was busy without a turn for others."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, Qt, QTimer


class LoopWatch(QObject):
    """Beats as often as the loop allows; between two beats stands what one turn of the loop cost.

    In CPU time of this thread, so that neither the machine's other programs nor the exchange in its own
    thread count. The garbage collector, which works on the exchange's objects too, is counted apart.

    Attributes:
        longest_s: CPU seconds between two beats, at most.
        longest_collection_s: of the garbage collector in this thread, at most.
        beats: so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self.longest_collection_s = 0.0
        self.beats = 0
        self._last = time.thread_time()
        self._thread = threading.get_ident()
        self._collection_began = 0.0
        self._not_ours = 0.0
        gc.callbacks.append(self._on_collection)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest_s = max(self.longest_s, now - self._last - self._not_ours)
        self._last, self._not_ours = now, 0.0
        self.beats += 1

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collection_began = time.thread_time()
        else:
            took = time.thread_time() - self._collection_began
            self._not_ours += took
            self.longest_collection_s = max(self.longest_collection_s, took)

    @contextlib.contextmanager
    def not_ours(self) -> Iterator[None]:
        """What is done here is the test's own work."""
        began, counted = time.thread_time(), self._not_ours
        try:
            yield
        finally:
            self._not_ours = counted + time.thread_time() - began

    def stop(self) -> None:
        """Count no more."""
        self._timer.stop()
        gc.callbacks.remove(self._on_collection)
