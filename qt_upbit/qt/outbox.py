"""`Outbox`: calls that wait for a plain Qt callback."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QObject, QTimer

__all__ = ["Outbox"]


class Outbox(QObject):
    """Runs calls one after another, in the order in which they were posted, from a Qt timer.

    Signals are never emitted inside a step of an asyncio task: a slot that opens a modal dialog would block
    the task, and the asyncio loop could not continue inside the dialog. Posted here, they are emitted from
    Qt's own loop. A call is popped before it runs and the timer armed before that, so that later calls run,
    in order, while one runs a nested Qt loop; and one that raises does not affect the others.

    Args:
        name: of the timer.
        parent: owner; when it is deleted, pending calls are dropped.
        slice_s: after this long Qt gets a turn; the rest follows in the next slice.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        name: str,
        parent: QObject,
        *,
        slice_s: float = math.inf,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._slice_s = slice_s
        self._clock = clock
        self._calls: deque[Callable[[], object]] = deque()
        self._timer = QTimer(self)
        self._timer.setObjectName(name)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._run)

    def __len__(self) -> int:
        return len(self._calls)

    def post(self, call: Callable[[], object]) -> None:
        """Run a call in the next iteration of Qt's loop, after those posted before.

        Does nothing once the parent is deleted.
        """
        if not shiboken6.isValid(self):
            return
        self._calls.append(call)
        if not self._timer.isActive():
            self._timer.start(0)

    def clear(self) -> None:
        """Drop pending calls. More can be posted afterwards."""
        self._calls.clear()
        if shiboken6.isValid(self):
            self._timer.stop()

    async def drain(self) -> None:
        """Wait until everything posted so far has run. Cancelling is safe."""
        ran = asyncio.Event()
        self.post(ran.set)
        await ran.wait()

    def _run(self) -> None:
        deadline = self._clock() + self._slice_s
        while self._calls:
            call = self._calls.popleft()
            if self._calls:
                # Armed before the call, which may open a dialog.
                self._timer.start(0)
            call()
            if not shiboken6.isValid(self) or self._clock() > deadline:
                return
