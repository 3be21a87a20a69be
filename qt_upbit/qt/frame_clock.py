"""`FrameClock`: drains the hub, at frame rate or at once, always from a plain Qt callback.

Signals are never emitted inside an asyncio task step: a slot that opens a modal dialog would otherwise
block the task. Items are popped before they are delivered and the timers re-armed before that, so that
events continue, in order, while a slot runs a nested Qt loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer

from qt_upbit.routing.fanout_hub import FanoutHub, Item, Subscriber
from qt_upbit.types import Delivery

__all__ = ["FrameClock"]

Deliver = Callable[[Subscriber, Iterable[Item]], None]

_AT_A_TURN: Final = 16
"""Consecutive items of one subscriber before the next gets its turn."""


class FrameClock(QObject):
    """Two named timers: one for EVERY, one for the frame of LATEST and BATCH.

    Args:
        deliver: called with a subscriber and its items: a lazy iterable, where each item leaves the buffer
            when iterated and must be delivered before the next, or a whole batch. Must not raise.
        frame_rate_hz: frames per second.
        slice_s: after this long Qt gets a turn; the rest follows in the next slice.
        clock: seconds, monotonic.
        parent: owner.
    """

    def __init__(
        self,
        deliver: Deliver,
        frame_rate_hz: float,
        slice_s: float,
        clock: Callable[[], float],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("qt_upbit frame clock")
        self._deliver = deliver
        self._frame_s = 1.0 / frame_rate_hz
        self._slice_s = slice_s
        self._clock = clock
        self._next_frame = 0.0
        self._batches_left = 0
        self._items_left = 0
        """What remains to be delivered in the current frame; everything else belongs to the next one."""
        self._stopped = False
        self.hub = FanoutHub(self._on_pending)
        self._pump_timer = self._timer("qt_upbit pump", self._pump)
        self._frame_timer = self._timer("qt_upbit frame", self._frame)
        self.slices = 0
        """Times delivery yielded to Qt."""

    def _timer(self, name: str, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(True)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(slot)
        return timer

    def stop(self) -> None:
        """Stop delivering."""
        self._stopped = True
        self._pump_timer.stop()
        self._frame_timer.stop()

    @property
    def _is_over(self) -> bool:
        """Whether a slot stopped it, or deleted it with its manager."""
        return self._stopped or not shiboken6.isValid(self)

    def _on_pending(self, delivery: Delivery) -> None:
        if self._is_over:
            return
        if delivery is Delivery.EVERY:
            if not self._pump_timer.isActive():
                self._pump_timer.start(0)
        else:
            self._arm_frame()

    def _pump(self) -> None:
        deadline = self._clock() + self._slice_s
        while (subscriber := self.hub.turn(Delivery.EVERY)) is not None:
            if not self._pump_timer.isActive():
                self._pump_timer.start(0)  # before slots run, as one may open a dialog
            self._deliver(subscriber, self._items(subscriber, _AT_A_TURN, deadline))
            self.hub.turn_over(subscriber)
            if self._is_over:
                return
            if self._clock() > deadline:
                self.slices += 1
                return
        self._pump_timer.stop()

    def _items(self, subscriber: Subscriber, at_most: int, deadline: float) -> Iterator[Item]:
        """The next items of a subscriber. During a slot's dialog, later ones are delivered from its loop."""
        take, clock = subscriber.take, self._clock
        for _ in range(at_most):
            item = take()
            if item is None:
                return
            yield item
            # A slot may have stopped the clock, or hidden the subscriber's widget.
            if self._is_over or subscriber.paused or clock() > deadline:
                return

    def _frame(self) -> None:
        now = self._clock()
        if not self._batches_left and not self._items_left:
            self._begin_frame(now)
        deadline = now + self._slice_s
        while self._batches_left or self._items_left:
            if self._batches_left:
                self._batches_left -= 1
                batch = self.hub.pop_batch()
                if batch is None:
                    self._batches_left = 0
                    continue
                self._arm_frame()
                self._deliver(*batch)
            else:
                subscriber = self.hub.turn(Delivery.LATEST)
                if subscriber is None:
                    self._items_left = 0
                    break
                self._deliver(subscriber, self._frame_items(subscriber, deadline))
                self.hub.turn_over(subscriber)
            if self._is_over:
                return
            if self._clock() > deadline:
                self.slices += 1
                break
        if not self._batches_left and not self._items_left:
            self._frame_timer.stop()  # it was armed for this frame
        self._arm_frame()

    def _frame_items(self, subscriber: Subscriber, deadline: float) -> Iterator[Item]:
        """The next items of a subscriber that belong to the current frame."""
        for item in self._items(subscriber, self._items_left, deadline):
            self._items_left = max(self._items_left - 1, 0)
            self._arm_frame()
            yield item
            if not self._items_left:
                return

    def _begin_frame(self, now: float) -> None:
        # Counted now: what arrives while this frame is delivered in slices waits for the next one, or
        # slow slots would be called at the rate of the exchange instead of the screen.
        self._batches_left, _ = self.hub.waiting(Delivery.BATCH)
        _, self._items_left = self.hub.waiting(Delivery.LATEST)
        # The next frame is timed from when this one was due, so that delays do not add up.
        self._next_frame = min(
            max(self._next_frame + self._frame_s, now + self._frame_s / 2), now + self._frame_s
        )

    def _arm_frame(self) -> None:
        """Arm the timer for the rest of this frame, or for the next one."""
        if self._stopped or self._frame_timer.isActive():
            return
        if not (self.hub.has_pending(Delivery.LATEST) or self.hub.has_pending(Delivery.BATCH)):
            self._batches_left = self._items_left = 0
        elif self._batches_left or self._items_left:
            self._frame_timer.start(0)
        else:
            # Rounded down: Qt fires at or after the time, never before it.
            self._frame_timer.start(max(0, int((self._next_frame - self._clock()) * 1000)))
