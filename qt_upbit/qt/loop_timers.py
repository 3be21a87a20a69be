"""`LoopTimers`: what an event loop has to run, and the two Qt timers that start it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimerEvent, Signal

__all__ = ["LoopTimers"]

_BATCH_S: Final = 0.004
"""Callbacks run in batches of at most this long, then Qt gets a turn."""
_LONGEST_TIMER_MS: Final = 2**31 - 1
_FEW: Final = 64
"""Cancelled timers that are not worth a search."""


class LoopTimers(QObject):
    """Callbacks that are ready, in order, and those that wait for a time, in the order of their times.

    One Qt timer stands for all that is ready and one for the next that is due. Both are armed before a
    callback runs, so that the rest goes on below a nested Qt loop.
    """

    soon_requested = Signal(object)
    """`soon` for any thread: Qt queues it when emitted from another one."""

    def __init__(
        self,
        run: Callable[[Iterable[asyncio.Handle]], None],
        may_run: Callable[[], bool],
        now: Callable[[], float],
    ) -> None:
        """Begin with nothing to run.

        Args:
            run: runs callbacks.
            may_run: whether they may run at present: Qt may turn while the asyncio loop does not run.
            now: the loop's time, seconds.
        """
        super().__init__()
        self.soon_requested.connect(self.soon)
        self.setObjectName("qt_upbit event loop timers")
        self._run, self._may_run, self._now = run, may_run, now
        self._ready: deque[asyncio.Handle] = deque()
        self._ready_timer = 0
        self._later: list[tuple[float, int, asyncio.TimerHandle]] = []
        """A heap; cancelled ones are left in it for a while."""
        self._waiting: set[int] = set()
        """The ids of those that are not cancelled."""
        self._count = itertools.count()
        self._later_timer = 0
        self._later_due = math.inf
        """When the Qt timer is to fire."""
        self._stopped = False

    @property
    def has_ready(self) -> bool:
        """Whether callbacks wait for the next iteration."""
        return bool(self._ready)

    @property
    def waiting(self) -> int:
        """Number of callbacks that wait for a time."""
        return len(self._waiting)

    def soon(self, handle: asyncio.Handle) -> None:
        """Run it in the next iteration."""
        self._ready.append(handle)
        if not self._ready_timer:
            self._arm_ready()

    def again(self, handles: Iterable[asyncio.Handle]) -> None:
        """Run them in the next iteration, before all others, in this order."""
        self._ready.extendleft(reversed(list(handles)))
        self.resume()

    def later(self, handle: asyncio.TimerHandle) -> None:
        """Run it at its time, never earlier."""
        self._waiting.add(id(handle))
        heapq.heappush(self._later, (handle.when(), next(self._count), handle))
        if handle.when() < self._later_due:
            self._arm_later()

    def cancel(self, handle: asyncio.TimerHandle) -> None:
        """Do not run it any more, if it waits."""
        # The Qt timer stays: most timers are timeouts, and the next one is later still.
        self._waiting.discard(id(handle))
        if len(self._later) > 2 * len(self._waiting) + _FEW:
            self._later = [each for each in self._later if id(each[2]) in self._waiting]
            heapq.heapify(self._later)

    def resume(self) -> None:
        """The loop is about to run: what is ready is due."""
        if self._ready and not self._ready_timer:
            self._arm_ready()

    def stop(self) -> None:
        """Forget everything, for good."""
        self._stopped = True
        for timer in filter(None, (self._ready_timer, self._later_timer)):
            self.killTimer(timer)
        self._ready_timer = self._later_timer = 0
        self._ready.clear()
        self._later.clear()
        self._waiting.clear()

    def timerEvent(self, event: QTimerEvent) -> None:
        """Run what is due (Qt calls this)."""
        timer = event.timerId()
        self.killTimer(timer)
        if timer == self._ready_timer:
            self._ready_timer = 0
        elif timer == self._later_timer:
            self._later_timer = 0
            self._collect_due()
            self._arm_later()
        # A task resumed while the loop does not run would find no running loop and fail: `resume` starts it.
        if self._ready and self._may_run():
            # Killed first: if a callback opens a nested Qt loop, the next ones must be armed.
            if self._ready_timer:
                self.killTimer(self._ready_timer)
                self._ready_timer = 0
            self._run(self._batch())
            if self._ready and not self._ready_timer:
                self._arm_ready()

    def _batch(self) -> Iterator[asyncio.Handle]:
        deadline = time.perf_counter() + _BATCH_S
        for _ in range(len(self._ready)):
            if not self._ready:
                return  # a nested loop ran them
            handle = self._ready.popleft()
            if self._ready and not self._ready_timer:
                self._arm_ready()
            yield handle
            if time.perf_counter() > deadline:
                return

    def _collect_due(self) -> None:
        now, later = self._now(), self._later
        while later and later[0][0] <= now:
            handle = heapq.heappop(later)[2]
            if id(handle) in self._waiting:
                self._waiting.remove(id(handle))
                self._ready.append(handle)

    def _arm_ready(self) -> None:
        if not self._stopped:
            try:
                self._ready_timer = self.startTimer(0)
            except RuntimeError:
                # The interpreter is exiting and the C++ object is already deleted: nothing runs any more.
                self._stopped = True

    def _arm_later(self) -> None:
        if self._later_timer:
            self.killTimer(self._later_timer)
            self._later_timer = 0
        while self._later and id(self._later[0][2]) not in self._waiting:
            heapq.heappop(self._later)
        if not self._later:
            self._later_due = math.inf
            return
        self._later_due = self._later[0][0]
        # Rounded up and precise: Qt counts whole milliseconds, and its default timers may fire 5 % early.
        delay_ms = math.ceil((self._later_due - self._now()) * 1000)
        delay_ms = min(max(delay_ms, 0), _LONGEST_TIMER_MS)
        if not self._stopped:
            try:
                self._later_timer = self.startTimer(delay_ms, Qt.TimerType.PreciseTimer)
            except RuntimeError:
                self._stopped = True  # as above
