"""`LoopWatch`: how long the event loop was busy without a turn for others, and how long it waited for one."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, Qt, QTimer

_NOISE_S = 0.003
"""Timers are as late as this on an idle machine."""


class Waits:
    """What a loop waited for the processor or for Python's lock: it neither computed nor rested.

    A beat comes by a timer of the loop. What it is late, beyond what the thread computed meanwhile, others
    took: programs of the machine, or threads of this one.

    Attributes:
        interval_s: between two beats, if nothing comes in between.
        waited_s: in sum.
        ran_s: computed meanwhile.
        longest_s: the longest wait.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self.waited_s = self.ran_s = self.longest_s = 0.0
        self._at, self._cpu = time.monotonic(), time.thread_time()

    def beat(self) -> None:
        """The timer came, in the thread of the loop."""
        self.add(time.monotonic(), time.thread_time())

    def add(self, now: float, cpu: float) -> None:
        """A beat at a moment of the steady clock, with the CPU time of the thread then."""
        ran, gap = cpu - self._cpu, now - self._at
        self._at, self._cpu = now, cpu
        self.ran_s += ran
        wait = gap - self.interval_s - ran
        if wait <= _NOISE_S:
            return
        self.waited_s += wait
        self.longest_s = max(self.longest_s, wait)

    def skip(self) -> None:
        """What the loop stood still for since the last beat was no wait: the thread blocked on purpose."""
        self._at, self._cpu = time.monotonic(), time.thread_time()


class LoopWatch(QObject):
    """Beats as often as the loop allows; between two beats stands what one turn of the loop cost.

    In CPU time of this thread, so that neither the machine's other programs nor the exchange in its own
    thread count. The garbage collector, which works on the exchange's objects too, is counted apart.

    Attributes:
        longest_s: CPU seconds between two beats, at most.
        longest_collection_s: of the garbage collector in this thread, at most.
        beats: so far.
        waits: what the loop waited for a processor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self.longest_collection_s = 0.0
        self.beats = 0
        self.waits = Waits(0.001)
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
        self.waits.add(time.monotonic(), now)

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
