"""asyncio's register of sockets, watched by Qt: `selectors` promises the rest."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey

import pytest
from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.notifier_selector import NotifierSelector
from tests.support.nested_loop import nested_loop_until

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="its event loop has a completion port instead"
)


class World:
    def __init__(self) -> None:
        self.seen: list[tuple[object, int]] = []
        self.selector = NotifierSelector(self.ready)
        self.here, self.there = socket.socketpair()

    def ready(self, notifier: QSocketNotifier, key: SelectorKey, event: int) -> None:
        self.seen.append((key.data, event))
        if event == EVENT_READ:
            self.here.recv(100)


@pytest.fixture
def world(app: QApplication) -> Iterator[World]:
    made = World()
    yield made
    made.selector.close()
    made.here.close()
    made.there.close()


def test_each_direction_is_told_with_the_data_of_the_moment(world: World) -> None:
    key = world.selector.register(world.here, EVENT_READ, "first")
    assert (key.fd, key.events, key.data) == (world.here.fileno(), EVENT_READ, "first")
    assert world.selector.get_key(world.here) is world.selector.get_map()[key.fd]
    world.there.send(b"a")
    nested_loop_until(lambda: ("first", EVENT_READ) in world.seen)
    world.selector.modify(world.here, EVENT_READ | EVENT_WRITE, "second")
    nested_loop_until(lambda: ("second", EVENT_WRITE) in world.seen)
    world.selector.modify(key.fd, EVENT_READ, "third")
    world.seen.clear()
    world.there.send(b"b")
    nested_loop_until(lambda: ("third", EVENT_READ) in world.seen)
    assert {event for _, event in world.seen} == {EVENT_READ}


def test_a_descriptor_that_was_removed_is_silent_and_a_new_one_of_its_number_is_not(world: World) -> None:
    fd = world.here.fileno()
    world.selector.register(world.here, EVENT_READ, "old")
    old = world.selector._notifiers[fd, EVENT_READ]
    assert world.selector.key_of(old, fd, EVENT_READ) is not None
    world.there.send(b"a")
    world.selector.unregister(world.here)
    world.selector.register(fd, EVENT_READ, "new")
    assert world.selector.key_of(old, fd, EVENT_READ) is None
    nested_loop_until(lambda: world.seen)
    assert world.seen == [("new", EVENT_READ)]


def test_a_callback_may_remove_its_own_descriptor(world: World) -> None:
    def once(notifier: QSocketNotifier, key: SelectorKey, event: int) -> None:
        selector.unregister(key.fileobj)
        world.seen.append((key.data, event))

    selector = NotifierSelector(once)
    selector.register(world.here, EVENT_READ, "once")
    world.there.send(b"a")
    nested_loop_until(lambda: world.seen)
    assert not selector.get_map()


def test_a_closed_socket_can_still_be_removed(world: World) -> None:
    world.selector.register(world.here, EVENT_READ)
    world.here.close()
    assert world.selector.unregister(world.here).fileobj is world.here
    with pytest.raises(KeyError):
        world.selector.unregister(world.here)


@pytest.mark.parametrize("events", [0, 4, EVENT_READ | 8])
def test_events_that_there_are_not(world: World, events: int) -> None:
    with pytest.raises(ValueError, match="EVENT_READ"):
        world.selector.register(world.here, events)
    world.selector.register(world.here, EVENT_READ)
    with pytest.raises(ValueError, match="EVENT_READ"):
        world.selector.modify(world.here, events)


@pytest.mark.parametrize("bad", [-1, object(), "file"])
def test_what_is_not_a_descriptor(world: World, bad: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        world.selector.register(bad, EVENT_READ)
    for call in (world.selector.unregister, world.selector.get_key):
        with pytest.raises(KeyError, match="not registered"):
            call(bad)


def test_twice_is_refused_and_the_end_is_the_end(world: World) -> None:
    world.selector.register(world.here, EVENT_READ)
    with pytest.raises(KeyError, match="already registered"):
        world.selector.register(world.here.fileno(), EVENT_WRITE)
    assert world.selector.select(0) == []
    world.selector.close()
    assert not world.selector.get_map()
    assert not world.selector._notifiers
