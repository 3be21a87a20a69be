"""`FrameClock`: drains the hub, at screen rate or at once, always from a plain Qt callback.

Signals are never emitted inside an asyncio task step: a slot that opens a modal dialog would otherwise
hold up the task. Items are popped before they are handed out and the timers re-armed before that, so
that events keep flowing, in order, while a slot runs a Qt loop of its own.
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
"""Items of a subscriber in a row, before others have their turn."""


class FrameClock(QObject):
    """Two named timers: one for EVERY, one for the frame of LATEST and BATCH.

    Args:
        deliver: called with a subscriber and what it gets: items one by one, each taken from its buffer when
            it is asked for and to be handed out before the next, or the whole of a batch. Must not raise.
        frame_rate_hz: frames a second.
        slice_s: after this long Qt gets a turn; the rest follows in the next.
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
        """What the frame that is being shown has still to deliver; the rest is of the next one."""
        self._stopped = False
        self.hub = FanoutHub(self._on_pending)
        self._pump_timer = self._timer("qt_upbit pump", self._pump)
        self._frame_timer = self._timer("qt_upbit frame", self._frame)
        self.slices = 0
        """Times that work was cut short to give Qt a turn."""

    def _timer(self, name: str, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(True)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(slot)
        return timer

    def stop(self) -> None:
        """Deliver nothing any more."""
        self._stopped = True
        self._pump_timer.stop()
        self._frame_timer.stop()

    @property
    def _is_over(self) -> bool:
        """Whether a slot has stopped it, or deleted it with its manager."""
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
                self._pump_timer.start(0)  # before slots run: one may open a dialog
            self._deliver(subscriber, self._items(subscriber, _AT_A_TURN, deadline))
            self.hub.turn_over(subscriber)
            if self._is_over:
                return
            if self._clock() > deadline:
                self.slices += 1
                return
        self._pump_timer.stop()

    def _items(self, subscriber: Subscriber, at_most: int, deadline: float) -> Iterator[Item]:
        """The next items of a subscriber. While a slot shows a dialog, the ones behind go out from there."""
        take, clock = subscriber.take, self._clock
        for _ in range(at_most):
            item = take()
            if item is None:
                return
            yield item
            # A slot may have stopped the clock, or hidden the widget that it belongs to.
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
            self._frame_timer.stop()  # it was armed for what is shown now
        self._arm_frame()

    def _frame_items(self, subscriber: Subscriber, deadline: float) -> Iterator[Item]:
        """The next items of a subscriber that belong to the frame being shown."""
        for item in self._items(subscriber, self._items_left, deadline):
            self._items_left = max(self._items_left - 1, 0)
            self._arm_frame()
            yield item
            if not self._items_left:
                return

    def _begin_frame(self, now: float) -> None:
        # Counted now: what comes while this frame is worked off in slices waits for the next one, or
        # slow slots would be called at the rate of the exchange and not of the screen.
        self._batches_left, _ = self.hub.waiting(Delivery.BATCH)
        _, self._items_left = self.hub.waiting(Delivery.LATEST)
        # The next frame is counted from when this one was due, so that lateness does not add up.
        self._next_frame = min(
            max(self._next_frame + self._frame_s, now + self._frame_s / 2), now + self._frame_s
        )

    def _arm_frame(self) -> None:
        """See to it that the rest of this frame, or the next one, is shown."""
        if self._stopped or self._frame_timer.isActive():
            return
        if not (self.hub.has_pending(Delivery.LATEST) or self.hub.has_pending(Delivery.BATCH)):
            self._batches_left = self._items_left = 0
        elif self._batches_left or self._items_left:
            self._frame_timer.start(0)
        else:
            # Rounded down: Qt fires at or after the time, never before.
            self._frame_timer.start(max(0, int((self._next_frame - self._clock()) * 1000)))
