"""Buffers: newest, every, batch; gaps in order; nothing lost without a number; everybody's turn."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import Head
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Item, LazyFrame, Subscriber
from qt_upbit.types import Delivery, OrderbookEvent, StreamType
from tests.support.model_server import book, event, frame
from tests.support.profiles import examples

HEAD = Head("ticker", "KRW-BTC")
GAP = Gap(("KRW-BTC",), 1.0, 2.0)


def slot(value: object) -> LazyFrame:
    """A slot that stands for a value; it is never decoded."""
    return LazyFrame(HEAD, repr(value).encode(), 0.0)


def values(items: Sequence[Item | None]) -> list[Any]:
    return ["gap" if isinstance(item, Gap) else eval(item.raw) for item in items if item is not None]


def pop(hub: FanoutHub, delivery: Delivery) -> tuple[Subscriber, Item] | None:
    """A turn of one item, as the frame clock gives them."""
    subscriber = hub.turn(delivery)
    if subscriber is None:
        return None
    item = subscriber.take()
    hub.turn_over(subscriber)
    assert item is not None
    return subscriber, item


class Drain:
    """A hub and what it reported the clock."""

    def __init__(self) -> None:
        self.reported: list[Delivery] = []
        self.hub = FanoutHub(self.reported.append)

    def add(self, key: Hashable, delivery: Delivery, **options: Any) -> Subscriber:
        subscriber = Subscriber(key, str(key), delivery, **options)
        self.hub.add(subscriber)
        return subscriber

    def all(self, delivery: Delivery) -> list[tuple[Hashable, object]]:
        found: list[tuple[Hashable, object]] = []
        while (work := pop(self.hub, delivery)) is not None:
            found += [(work[0].key, value) for value in values([work[1]])]
        return found


@pytest.fixture
def drain() -> Drain:
    return Drain()


# --- policies -------------------------------------------------------------------------------------


def test_latest_keeps_the_newest_of_each_key(drain: Drain) -> None:
    one = drain.add(1, Delivery.LATEST)
    for value, key in [(1, "a"), (2, "b"), (3, "a"), (4, "a")]:
        drain.hub.offer(one, slot(value), key)
    assert one.waiting == 2
    assert drain.all(Delivery.LATEST) == [(1, 4), (1, 2)]
    assert one.conflated == 2
    assert one.lost == 0


def test_every_keeps_all_in_order(drain: Drain) -> None:
    one = drain.add(1, Delivery.EVERY)
    for value in range(100):
        drain.hub.offer(one, slot(value), "same")
    assert drain.all(Delivery.EVERY) == [(1, value) for value in range(100)]
    assert one.conflated == 0


def test_batch_gives_all_at_once(drain: Drain) -> None:
    one, two = drain.add(1, Delivery.BATCH), drain.add(2, Delivery.BATCH)
    for value in range(5):
        drain.hub.offer(one, slot(value))
    drain.hub.offer(two, slot("x"))
    drain.hub.offer(one, GAP)
    first = drain.hub.pop_batch()
    assert first is not None
    assert (first[0], values(first[1])) == (one, [0, 1, 2, 3, 4, "gap"])
    second = drain.hub.pop_batch()
    assert second is not None
    assert (second[0], values(second[1])) == (two, ["x"])
    assert drain.hub.pop_batch() is None


def test_the_clock_is_reported_once_per_drain(drain: Drain) -> None:
    subscribers = [drain.add(i, delivery) for i, delivery in enumerate([*Delivery, *Delivery])]
    for _ in range(3):
        for subscriber in subscribers:
            drain.hub.offer(subscriber, slot(1), "key")
    assert sorted(drain.reported) == [Delivery.EVERY, Delivery.LATEST, Delivery.LATEST], (
        "BATCH waits for a frame"
    )
    drain.all(Delivery.EVERY)
    assert not drain.hub.has_pending(Delivery.EVERY)
    drain.hub.offer(next(s for s in subscribers if s.delivery is Delivery.EVERY), slot(2))
    assert drain.reported[3:] == [Delivery.EVERY]


# --- gaps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", Delivery)
def test_a_gap_travels_in_order(drain: Drain, delivery: Delivery) -> None:
    one = drain.add(1, delivery)
    drain.hub.offer(one, slot("before"), "a")
    drain.hub.offer(one, GAP)
    drain.hub.offer(one, slot("after"), "b")
    items = []
    while (item := one.take()) is not None:
        items.append(item)
    assert values(items) == ["before", "gap", "after"]


def test_a_newer_value_never_jumps_ahead_of_the_gap(drain: Drain) -> None:
    one = drain.add(1, Delivery.LATEST)
    drain.hub.offer(one, slot("old a"), "a")
    drain.hub.offer(one, slot("old b"), "b")
    drain.hub.offer(one, GAP)
    drain.hub.offer(one, slot("new a"), "a")
    assert drain.all(Delivery.LATEST) == [(1, "old b"), (1, "gap"), (1, "new a")]


def test_several_gaps_are_several(drain: Drain) -> None:
    one = drain.add(1, Delivery.LATEST)
    for begin in (1.0, 3.0):
        drain.hub.offer(one, Gap((), begin, begin + 1))
        drain.hub.offer(one, slot(begin), "a")
    assert drain.all(Delivery.LATEST) == [(1, "gap"), (1, "gap"), (1, 3.0)]
    # Once they are gone, keys keep their places again.
    for value, key in [(1, "a"), (2, "b"), (3, "a")]:
        drain.hub.offer(one, slot(value), key)
    assert drain.all(Delivery.LATEST) == [(1, 3), (1, 2)]


# --- the high-water mark --------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", [Delivery.EVERY, Delivery.BATCH])
def test_past_the_mark_the_oldest_are_dropped_and_counted(drain: Drain, delivery: Delivery) -> None:
    one = drain.add(1, delivery, high_water_mark=10)
    for value in range(25):
        drain.hub.offer(one, slot(value))
    assert one.waiting == 10
    assert one.take_lost() == 15
    assert one.take_lost() == 0
    items = [one.take() for _ in range(10)]
    assert values(items) == list(range(15, 25))


def test_latest_is_bounded_too(drain: Drain) -> None:
    """Candles have a key for each start: a hidden widget collected them forever."""
    one = drain.add(1, Delivery.LATEST, high_water_mark=10)
    drain.hub.pause(1, True)
    for start in range(1000):
        for word in range(3):
            drain.hub.offer(one, slot((start, word)), start)
    assert one.waiting == 10
    assert one.lost == 990
    drain.hub.pause(1, False)
    assert drain.all(Delivery.LATEST) == [(1, (start, 2)) for start in range(990, 1000)]


@pytest.mark.parametrize("delivery", Delivery)
def test_gaps_are_not_dropped_but_joined(drain: Drain, delivery: Delivery) -> None:
    one = drain.add(1, delivery, high_water_mark=5)
    drain.hub.offer(one, Gap(("KRW-BTC",), 1.0, 2.0))
    for value in range(4):
        drain.hub.offer(one, slot(value), value)
    drain.hub.offer(one, Gap(("KRW-ETH",), 5.0, 6.0))
    for value in range(10, 20):
        drain.hub.offer(one, slot(value), value)
    assert one.waiting <= 6
    items = []
    while (item := one.take()) is not None:
        items.append(item)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert gaps == [Gap(("KRW-BTC", "KRW-ETH"), 1.0, 6.0)]
    assert one.lost == 14 - (len(items) - 1), "a gap is no event"


@pytest.mark.parametrize("delivery", Delivery)
def test_a_mark_of_one(drain: Drain, delivery: Delivery) -> None:
    one = drain.add(1, delivery, high_water_mark=1)
    for i in range(20):
        drain.hub.offer(one, slot(i) if i % 3 else Gap((), i, i + 1), i)
    assert one.waiting <= 2
    assert one.lost >= 11


# --- everybody's turn -----------------------------------------------------------------------------


def test_subscribers_take_turns(drain: Drain) -> None:
    """The order of one widget's trades must not delay another's orders."""
    one, two = drain.add(1, Delivery.EVERY), drain.add(2, Delivery.EVERY)
    for value in range(3):
        drain.hub.offer(one, slot(value))
    drain.hub.offer(two, slot("order"))
    assert drain.all(Delivery.EVERY) == [(1, 0), (2, "order"), (1, 1), (1, 2)]


def test_a_busy_key_is_not_put_back_by_its_own_changes(drain: Drain) -> None:
    """The most active market waited forever: each change moved it behind the others."""
    one = drain.add(1, Delivery.LATEST)
    for key in range(5):
        drain.hub.offer(one, slot(("first", key)), key)
    shown = []
    for i in range(5):
        drain.hub.offer(one, slot(("busy", i)), 0)
        work = pop(drain.hub, Delivery.LATEST)
        assert work is not None
        shown += values([work[1]])
    assert shown[0] == ("busy", 0)
    assert len({value[1] for value in shown[1:]}) == 4


# --- coming, going, pausing -----------------------------------------------------------------------


def test_pause_holds_back_and_resume_gives_what_came(drain: Drain) -> None:
    one, two = drain.add(1, Delivery.EVERY), drain.add(2, Delivery.EVERY)
    drain.hub.offer(one, slot("shown before?"))
    drain.hub.pause(1, True)
    drain.hub.pause(1, True)
    drain.hub.offer(one, slot("hidden"))
    drain.hub.offer(two, slot("other"))
    assert drain.all(Delivery.EVERY) == [(2, "other")]
    reported = len(drain.reported)
    drain.hub.pause(1, False)
    assert drain.reported[reported:] == [Delivery.EVERY]
    assert drain.all(Delivery.EVERY) == [(1, "shown before?"), (1, "hidden")]
    drain.hub.pause("unknown", True)


def test_removal_in_the_middle_of_delivery(drain: Drain) -> None:
    one, two = drain.add(1, Delivery.EVERY), drain.add(2, Delivery.EVERY)
    for value in range(3):
        drain.hub.offer(one, slot(value))
        drain.hub.offer(two, slot(value))
    pop(drain.hub, Delivery.EVERY)
    drain.hub.remove(1)
    drain.hub.remove(1)
    drain.hub.offer(one, slot("late"))
    assert drain.all(Delivery.EVERY) == [(2, 0), (2, 1), (2, 2)]
    assert len(drain.hub) == 1
    assert drain.hub.get(1) is None


def test_a_late_frame_of_a_namesake_is_not_delivered_to_its_successor(drain: Drain) -> None:
    old = drain.add(1, Delivery.EVERY)
    drain.hub.remove(1)
    new = drain.add(1, Delivery.EVERY)
    drain.hub.offer(old, slot("late"))
    assert drain.all(Delivery.EVERY) == []
    drain.hub.offer(new, slot("new"))
    assert drain.all(Delivery.EVERY) == [(1, "new")]


def test_a_key_is_registered_once(drain: Drain) -> None:
    drain.add(1, Delivery.EVERY)
    with pytest.raises(ValueError, match="registered already"):
        drain.add(1, Delivery.LATEST)
    assert [s.delivery for s in drain.hub] == [Delivery.EVERY]


# --- slots and views ------------------------------------------------------------------------------


def test_a_slot_is_decoded_once_and_shared() -> None:
    raw = frame(event("ticker"))
    one = LazyFrame(HEAD, raw, 0.0)
    assert one._event is None
    assert one.event() is one.event()


def test_a_snapshot_of_a_slot_is_the_same_value() -> None:
    for made in (event("ticker"), book(rows=3), event("trade", sequential_id=7)):
        one = LazyFrame(Head(made.type, "KRW-BTC"), frame(made), 5.0)
        twin = one.as_snapshot()
        assert twin.event().is_snapshot
        assert not one.event().is_snapshot
        assert twin.received_at == 5.0
        assert twin.event().timestamp == made.timestamp
        assert twin.as_snapshot() is twin
        if isinstance(made, OrderbookEvent):
            book_twin = twin.event()
            assert isinstance(book_twin, OrderbookEvent)
            assert book_twin.asks == made.asks


@pytest.mark.parametrize(("rows", "depth", "seen"), [(30, 5, 5), (30, 30, 30), (5, 30, 5), (30, 0, 30)])
def test_books_are_cut_to_the_depth_of_each(rows: int, depth: int, seen: int) -> None:
    subscriber = Subscriber(1, "", Delivery.LATEST, depth=depth)
    shown = subscriber.view(LazyFrame(Head("orderbook", "KRW-BTC"), frame(book(rows=rows)), 0.0))
    assert isinstance(shown, OrderbookEvent)
    assert len(shown.asks) == len(shown.orderbook_units) == seen
    assert shown.total_ask_size == seen
    assert shown.total_bid_size == 2 * seen


def test_an_uncut_book_keeps_its_wire_text() -> None:
    """No decimal is made before it is read."""
    one = LazyFrame(Head("orderbook", "KRW-BTC"), frame(book()), 0.0)
    for depth in (0, 30):
        shown = Subscriber(depth, "", Delivery.LATEST, depth=depth).view(one)
        assert shown is one.event()
        assert "_exact_rows" not in shown.__dict__


def test_unreadable_frames_surface_at_the_view() -> None:
    good = frame(book(rows=6))
    for raw in (
        b'{"ty":"orderbook","cd":"KRW-BTC"}',
        b"{",
        good.replace(b'"ap":101', b'"ap":"what"'),
        good.replace(b'"as":1', b'"as":{}'),
    ):
        assert raw != good
        for depth in (5, 30):
            with pytest.raises(DecodeError):
                Subscriber(1, "", Delivery.LATEST, depth=depth).view(
                    LazyFrame(Head("orderbook", "KRW-BTC"), raw, 0)
                )


# --- against a reference --------------------------------------------------------------------------


class Reference:
    """What a subscriber may show, said plainly: a list."""

    def __init__(self, delivery: Delivery, mark: int) -> None:
        self.delivery, self.mark = delivery, mark
        self.items: list[tuple[Hashable, Item]] = []
        self.offered = self.taken = self.conflated = self.lost = 0

    def put(self, key: Hashable, item: Item) -> None:
        event = not isinstance(item, Gap)
        self.offered += event
        if self.delivery is Delivery.LATEST and event:
            old = next((i for i, (k, one) in enumerate(self.items) if k == key), None)
            if old is not None:
                self.conflated += 1
                if any(isinstance(one, Gap) for _, one in self.items):
                    del self.items[old]
                else:
                    self.items[old] = (key, item)
                    return
        self.items.append((item if isinstance(item, Gap) else key, item))


class Hub(RuleBasedStateMachine):
    """Several subscribers of all policies against the reference; marks are tested above."""

    @initialize(deliveries=st.lists(st.sampled_from(Delivery), min_size=1, max_size=4))
    def start(self, deliveries: list[Delivery]) -> None:
        self.reported: set[bool] = set()
        self.hub = FanoutHub(lambda delivery: self.reported.add(delivery is Delivery.EVERY))
        self.subscribers = [Subscriber(i, "", delivery) for i, delivery in enumerate(deliveries)]
        self.references = [Reference(delivery, 100_000) for delivery in deliveries]
        for subscriber in self.subscribers:
            self.hub.add(subscriber)
        self.count = itertools.count()

    @rule(data=st.data(), key=st.sampled_from("abc"), gap=st.integers(0, 5))
    def offer(self, data: st.DataObject, key: str, gap: int) -> None:
        index = data.draw(st.integers(0, len(self.subscribers) - 1))
        number = next(self.count)
        item: Item = slot((key, number)) if gap else Gap((), number, number)
        self.hub.offer(self.subscribers[index], item, key)
        self.references[index].put(key, item)

    @rule(delivery=st.sampled_from([Delivery.LATEST, Delivery.EVERY]))
    def pop(self, delivery: Delivery) -> None:
        work = pop(self.hub, delivery)
        waiting = [
            i
            for i, s in enumerate(self.subscribers)
            if s.delivery is delivery and self.references[i].items and not s.paused
        ]
        assert (work is not None) == bool(waiting)
        if work is not None:
            index = work[0].key
            assert index in waiting
            assert isinstance(index, int)
            assert work[1] is self.references[index].items.pop(0)[1]

    @rule()
    def batch(self) -> None:
        work = self.hub.pop_batch()
        if work is not None:
            assert isinstance(work[0].key, int)
            reference = self.references[work[0].key]
            assert work[1] == [item for _, item in reference.items]
            reference.items.clear()

    @rule(data=st.data(), paused=st.booleans())
    def pause(self, data: st.DataObject, paused: bool) -> None:
        self.hub.pause(data.draw(st.integers(0, len(self.subscribers) - 1)), paused)

    @invariant()
    def whatever_waits_is_pending(self) -> None:
        for subscriber, reference in zip(self.subscribers, self.references, strict=True):
            assert subscriber.waiting == len(reference.items)
            assert subscriber.conflated == reference.conflated
            assert subscriber.lost == 0
            if reference.items and not subscriber.paused:
                assert self.hub.has_pending(subscriber.delivery)
                assert (subscriber.delivery is Delivery.EVERY) in self.reported


TestHub = Hub.TestCase
TestHub.settings = settings(max_examples=examples(150), stateful_step_count=40)


def test_stream_types_are_what_the_tests_mean() -> None:
    assert event("ticker", snapshot=True).stream_type is StreamType.SNAPSHOT
