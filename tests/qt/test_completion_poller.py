"""The thread that waits for Windows' I/O, with a completion port of the test's own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.completion_poller import CompletionPoller, Packet
from tests.support.nested_loop import nested_loop_until


class Port:
    """First in, first out, from any thread."""

    def __init__(self) -> None:
        self.packets: queue.Queue[Packet] = queue.Queue()
        self.waits = 0

    def wait(self) -> Packet:
        self.waits += 1
        return self.packets.get()

    def post(self, packet: Packet) -> None:
        assert packet[2], "a packet without an address is an error of Windows"
        self.packets.put(packet)


class World:
    def __init__(self) -> None:
        self.port = Port()
        self.got: list[Packet] = []
        self.threads: set[int] = set()
        self.poller = CompletionPoller(self.port, self.empty)

    def empty(self) -> None:
        self.threads.add(threading.get_ident())
        while True:
            try:
                self.got.append(self.port.packets.get_nowait())
            except queue.Empty:
                return


@pytest.fixture
def world(app: QApplication) -> Iterator[World]:
    made = World()
    yield made
    made.poller.stop()


def test_completions_are_handled_in_the_owners_thread_and_none_is_lost(world: World) -> None:
    world.poller.start()
    for i in range(1, 300):
        world.port.post((i, 0, i))
        if i % 50 == 0:
            nested_loop_until(lambda count=i: len(world.got) == count)
    nested_loop_until(lambda: len(world.got) == 299)
    assert sorted(world.got) == [(i, 0, i) for i in range(1, 300)]
    assert world.threads == {threading.get_ident()}


def test_the_thread_sleeps_while_nothing_completes(world: World) -> None:
    world.poller.start()
    world.port.post((1, 0, 1))
    nested_loop_until(lambda: world.got)
    nested_loop_until(lambda: world.port.waits == 2)
    turns: list[int] = []
    nested_loop_until(lambda: turns.append(1) or len(turns) > 20)
    assert world.port.waits == 2


@pytest.mark.parametrize("when", ["at once", "waiting", "told", "handled"])
def test_the_thread_ends_whatever_it_does_and_leaves_what_came(world: World, when: str) -> None:
    world.poller.start()
    thread = world.poller._thread
    assert thread is not None
    if when == "waiting":
        nested_loop_until(lambda: world.port.waits == 1)
    elif when == "told":
        world.port.post((1, 0, 1))  # the owner's thread does not turn before the end
    elif when == "handled":
        world.port.post((1, 0, 1))
        nested_loop_until(lambda: world.got)
    world.poller.stop()
    world.poller.stop()
    assert not thread.is_alive()
    left = [world.port.packets.get_nowait() for _ in range(world.port.packets.qsize())]
    assert left == ([(1, 0, 1)] if when == "told" else [])
    for packet in left:
        world.port.post(packet)
    world.poller.start()
    world.port.post((2, 0, 2))
    nested_loop_until(lambda: (2, 0, 2) in world.got)
    assert world.got.count((1, 0, 1)) == (1 if when in ("told", "handled") else 0)


def test_what_was_told_before_the_end_is_not_handled_after_it(world: World) -> None:
    world.poller.start()
    world.port.post((1, 0, 1))
    nested_loop_until(lambda: world.port.waits >= 1)
    world.poller.stop()
    turns: list[int] = []
    nested_loop_until(lambda: turns.append(1) or len(turns) > 20)
    assert (1, 0, 1) in world.got or world.port.packets.qsize() == 1
