"""The frame clock: order, rhythm, slices and nested Qt loops; with real timers and a real hub."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from PySide6.QtCore import QTimer

from qt_upbit.models import Head
from qt_upbit.qt.frame_clock import FrameClock
from qt_upbit.routing.fanout_hub import Gap, Item, LazyFrame, Subscriber
from qt_upbit.types import Delivery
from tests.support.nested_loop import nested_loop_until
from tests.support.wait import turns, until

HEAD = Head("ticker", "KRW-BTC")
_keys = itertools.count(1)


class Screen:
    """A frame clock and what it delivered: (when, subscriber, items)."""

    def __init__(self, frame_rate_hz: float = 50.0, slice_s: float = 0.004) -> None:
        self.delivered: list[tuple[float, Subscriber, tuple[object, ...]]] = []
        self.clock = FrameClock(self.deliver, frame_rate_hz, slice_s, time.perf_counter)
        self.on_delivery = lambda subscriber, values: None

    def deliver(self, subscriber: Subscriber, items: Iterable[Item]) -> None:
        if isinstance(items, list):
            self._show(subscriber, items)
            return
        for item in items:
            self._show(subscriber, [item])

    def _show(self, subscriber: Subscriber, items: Sequence[Item]) -> None:
        values = tuple(item.raw if isinstance(item, LazyFrame) else item for item in items)
        self.delivered.append((time.perf_counter(), subscriber, values))
        self.on_delivery(subscriber, values)

    def subscriber(self, delivery: Delivery, name: str = "") -> Subscriber:
        subscriber = Subscriber(next(_keys), name, delivery)
        self.clock.hub.add(subscriber)
        return subscriber

    def offer(self, subscriber: Subscriber, value: Any, key: object = "key") -> None:
        self.clock.hub.offer(subscriber, LazyFrame(HEAD, value, 0.0), key)

    def values(self, subscriber: Subscriber | None = None) -> list[Any]:
        return [value for _, one, values in self.delivered if subscriber in (None, one) for value in values]

    def times(self) -> list[float]:
        return [at for at, _, _ in self.delivered]


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.clock.stop()


async def two_frames(screen: Screen) -> None:
    """Let so much time pass that what waited for a frame of this clock has had its chance."""
    other = Screen(1.0 / screen.clock._frame_s)
    subscriber = other.subscriber(Delivery.LATEST)
    for i in range(5):  # none comes sooner after another than half a frame
        other.offer(subscriber, i)
        await until(lambda i=i: other.values() == list(range(i + 1)))
    other.clock.stop()


# --- EVERY ----------------------------------------------------------------------------------------


async def test_every_event_at_once_and_in_order() -> None:
    screen = Screen(frame_rate_hz=0.001)  # who waited for a frame would wait a quarter of an hour
    one, two = screen.subscriber(Delivery.EVERY), screen.subscriber(Delivery.EVERY)
    for i in range(100):
        screen.offer(one, i)
        screen.offer(two, i)
    assert screen.delivered == [], "never inside the caller: it may be a task"
    await until(lambda: len(screen.delivered) == 200)
    assert screen.values(one) == screen.values(two) == list(range(100))
    screen.clock.stop()


async def test_delivery_is_outside_of_any_task(screen: Screen) -> None:
    tasks: list[object] = []
    screen.on_delivery = lambda *_: tasks.append(asyncio.current_task())
    for delivery in Delivery:
        screen.offer(screen.subscriber(delivery), 1)
    await until(lambda: len(tasks) == 3)
    assert tasks == [None, None, None]


async def test_burst_yields_to_qt(screen: Screen) -> None:
    subscriber = screen.subscriber(Delivery.EVERY)
    # Time of our own on the processor: a busy machine is no fault of ours.
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.process_time()))
    timer.start(0)
    for i in range(10_000):
        screen.offer(subscriber, i)

    def work(*_: object) -> None:
        end = time.perf_counter() + 0.00002  # the processor's time has ticks of 15.6 ms on Windows
        while time.perf_counter() < end:
            pass

    screen.on_delivery = work
    begin = time.process_time()
    await until(lambda: len(screen.delivered) == 10_000)
    timer.stop()
    assert screen.values() == list(range(10_000))
    inside = [at for at in ticks if at > begin]
    assert len(inside) > 20
    assert screen.clock.slices > 20
    assert max(b - a for a, b in itertools.pairwise([begin, *inside])) < 0.05


@pytest.mark.parametrize("delivery", [Delivery.EVERY, Delivery.LATEST])
async def test_nothing_more_is_shown_once_a_slot_has_paused_its_subscriber(
    screen: Screen, delivery: Delivery
) -> None:
    subscriber, other = screen.subscriber(delivery), screen.subscriber(delivery)
    for i in range(5):
        screen.offer(subscriber, i, key=i)
        screen.offer(other, i, key=i)
    screen.on_delivery = lambda one, _: screen.clock.hub.pause(one.key, one is subscriber)
    await until(lambda: len(screen.values(other)) == 5)
    assert screen.values(subscriber) == [0]
    screen.on_delivery = lambda *_: None
    screen.clock.hub.pause(subscriber.key, False)
    await until(lambda: screen.values(subscriber) == list(range(5)))


async def test_events_keep_flowing_in_order_through_a_dialog(screen: Screen) -> None:
    subscriber = screen.subscriber(Delivery.EVERY)

    def open_dialog_on_five(_: Subscriber, values: tuple[object, ...]) -> None:
        if values == (5,):
            nested_loop_until(lambda: len(screen.delivered) > 30, "deliveries while the dialog is open")

    screen.on_delivery = open_dialog_on_five
    for i in range(10):
        screen.offer(subscriber, i)
    source = QTimer()
    counter = itertools.count(10)
    source.timeout.connect(lambda: screen.offer(subscriber, next(counter)))
    source.start(2)
    await until(lambda: len(screen.delivered) > 60)
    source.stop()
    values = screen.values()
    assert values == list(range(len(values)))


async def test_slot_offers_more(screen: Screen) -> None:
    """What a slot causes comes after what waited already."""
    subscriber = screen.subscriber(Delivery.EVERY)

    def echo(_: Subscriber, values: tuple[object, ...]) -> None:
        if values[0] in (0, 1):
            screen.offer(subscriber, f"because of {values[0]}")

    screen.on_delivery = echo
    for i in range(3):
        screen.offer(subscriber, i)
    await until(lambda: len(screen.delivered) == 5)
    assert screen.values() == [0, 1, 2, "because of 0", "because of 1"]


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_subscriber_removed_by_a_slot_gets_nothing_more(screen: Screen, delivery: Delivery) -> None:
    first, second = screen.subscriber(delivery), screen.subscriber(delivery)
    screen.on_delivery = lambda *_: screen.clock.hub.remove(second.key)
    for i in range(3):
        screen.offer(first, i, i)
        screen.offer(second, i, i)
    await until(lambda: len(screen.values(first)) == 3)
    await two_frames(screen)
    assert screen.values(second) == []


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_nothing_after_stop(screen: Screen, delivery: Delivery) -> None:
    subscriber = screen.subscriber(delivery)
    other = screen.subscriber(delivery)
    screen.on_delivery = lambda *_: screen.clock.stop()
    for i in range(3):
        screen.offer(subscriber, i, i)
        screen.offer(other, i, i)
    await until(lambda: screen.delivered)
    screen.offer(subscriber, 4)
    await two_frames(screen)
    assert len(screen.delivered) == 1
    assert not [timer for timer in screen.clock.findChildren(QTimer) if timer.isActive()]


# --- LATEST and BATCH -----------------------------------------------------------------------------


async def feed(
    screen: Screen, subscriber: Subscriber, enough: Callable[[], bool], *keys: str
) -> tuple[int, float]:
    """Offer a counting value in each turn under each key; the last one, and the seconds that it took."""
    begin = time.perf_counter()
    count = 0
    while not enough():
        count += 1
        for key in keys or ("key",):
            screen.offer(subscriber, (key, count), key)
        await asyncio.sleep(0.001)
    return count, time.perf_counter() - begin


async def test_latest_once_per_frame_and_the_newest(screen: Screen) -> None:
    subscriber = screen.subscriber(Delivery.LATEST)
    count, _ = await feed(screen, subscriber, lambda: len(screen.delivered) >= 25)
    # On a busy machine a frame comes late, and the next one sooner after it: half of them say enough.
    between = sorted(b[0] - a[0] for a, b in itertools.pairwise(screen.delivered))
    assert between[len(between) // 2] > 0.015, "50 frames a second"
    await until(lambda: screen.values()[-1:] == [("key", count)])
    numbers = [value[1] for value in screen.values()]
    assert numbers == sorted(numbers)
    assert subscriber.conflated == count - len(numbers)
    # A turn of the feed rests a millisecond at least: a frame is twenty of them, fewer on a slow machine.
    assert max(b - a for a, b in itertools.pairwise(numbers[:25])) <= 30, "a frame was left out"


async def test_first_event_after_a_pause_does_not_wait(screen: Screen) -> None:
    subscriber = screen.subscriber(Delivery.LATEST)
    for i in range(3):
        screen.offer(subscriber, i)
        await turns(20)
        assert screen.values() == list(range(i + 1)), "it waited for the frame after"
        await two_frames(screen)


async def test_slow_slots_do_not_raise_the_frame_rate(screen: Screen) -> None:
    """With more work than a slice holds, each key is still shown at most once per frame."""
    subscribers = [screen.subscriber(Delivery.LATEST) for _ in range(3)]

    def times(subscriber: Subscriber) -> list[float]:
        return [at for at, one, _ in screen.delivered if one is subscriber]

    def slow(*_: object) -> None:
        end = time.perf_counter() + 0.005
        while time.perf_counter() < end:
            pass

    screen.on_delivery = slow
    count = 0
    begin = time.perf_counter()
    while min(len(times(each)) for each in subscribers) < 15:
        count += 1
        for subscriber in subscribers:
            screen.offer(subscriber, count)
        await asyncio.sleep(0)
    frames = (time.perf_counter() - begin) / 0.02
    assert max(len(times(each)) for each in subscribers) <= min(frames + 2, 17)
    await until(lambda: all(screen.values(s)[-1:] == [count] for s in subscribers))


async def test_many_keys_with_slow_slots_all_get_their_turn(screen: Screen) -> None:
    subscriber = screen.subscriber(Delivery.LATEST)

    def slow(*_: object) -> None:
        end = time.perf_counter() + 0.003
        while time.perf_counter() < end:
            pass

    screen.on_delivery = slow
    keys = [f"K{i}" for i in range(20)]
    await feed(screen, subscriber, lambda: len(screen.delivered) >= 10 * len(keys), *keys)
    shown = [value[0] for value in screen.values()]
    assert set(shown) == set(keys)
    counts = [shown.count(key) for key in keys]
    assert min(counts) >= max(counts) / 2


async def test_latest_and_batch_flow_through_a_dialog(screen: Screen) -> None:
    latest, batch = screen.subscriber(Delivery.LATEST), screen.subscriber(Delivery.BATCH)
    opened = False
    during: list[int] = []

    def open_dialog(*_: object) -> None:
        nonlocal opened
        if not opened:
            opened = True
            before = len(screen.delivered)
            nested_loop_until(lambda: len(screen.delivered) >= before + 4, "frames while it is open")
            during.append(len(screen.delivered) - before)

    screen.on_delivery = open_dialog
    counter = itertools.count()
    source = QTimer()

    def produce() -> None:
        i = next(counter)
        screen.offer(latest, i)
        screen.offer(batch, i)

    source.timeout.connect(produce)
    source.start(1)
    await until(lambda: during)
    await until(lambda: len(screen.delivered) > during[0] + 4)
    source.stop()
    count = next(counter)
    await until(lambda: len(screen.values(batch)) == count)
    assert screen.values(batch) == list(range(count))
    shown = screen.values(latest)
    assert shown == sorted(shown)
    assert shown[-1] == count - 1


async def test_batch_is_everything_of_the_frame_in_one(screen: Screen) -> None:
    subscriber = screen.subscriber(Delivery.BATCH)
    screen.offer(subscriber, "first")
    await until(lambda: screen.delivered)
    for i in range(500):
        screen.offer(subscriber, i)
    await until(lambda: len(screen.delivered) == 2)
    assert screen.delivered[1][2] == tuple(range(500))


async def test_gap_keeps_its_place(screen: Screen) -> None:
    for delivery in Delivery:
        subscriber = screen.subscriber(delivery)
        gap = Gap(("KRW-BTC",), 1.0, 2.0)
        screen.offer(subscriber, "before", "a")
        screen.clock.hub.offer(subscriber, gap)
        screen.offer(subscriber, "after", "b")
        await until(lambda subscriber=subscriber: len(screen.values(subscriber)) == 3)
        assert screen.values(subscriber) == ["before", gap, "after"]


async def test_idle_clock_has_no_timer_running(screen: Screen) -> None:
    for delivery in Delivery:
        screen.offer(screen.subscriber(delivery), 1)
    await until(lambda: len(screen.delivered) == 3)
    await until(lambda: not any(timer.isActive() for timer in screen.clock.findChildren(QTimer)))
