"""Order of what an event loop has to run, with a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.loop_timers import LoopTimers
from tests.support.nested_loop import nested_loop_until


class _Owner:
    """What a handle asks of its loop."""

    def __init__(self, timers: LoopTimers) -> None:
        self._timer_handle_cancelled = timers.cancel

    def get_debug(self) -> bool:
        return False


class World:
    """Timers, what they ran, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[object] = []
        self.may_run = True
        self.timers = LoopTimers(self.run, lambda: self.may_run, lambda: self.now)
        self.loop: Any = _Owner(self.timers)

    def run(self, handles: Iterable[asyncio.Handle]) -> None:
        for handle in handles:
            if not handle.cancelled():
                handle._run()

    def handle(self, name: object) -> asyncio.Handle:
        return asyncio.Handle(self.ran.append, (name,), self.loop)

    def at(self, when: float, name: object) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, self.ran.append, (name,), self.loop)
        self.timers.later(handle)
        return handle

    def close(self) -> None:
        self.timers.stop()


@pytest.fixture
def world(app: QApplication) -> Iterator[World]:
    made = World()
    yield made
    made.close()


def test_what_is_ready_runs_in_order_and_what_comes_again_first(world: World) -> None:
    for name in "cd":
        world.timers.soon(world.handle(name))
    world.timers.again([world.handle("a"), world.handle("b")])
    nested_loop_until(lambda: len(world.ran) == 4)
    assert world.ran == list("abcd")
    assert not world.timers.has_ready


@given(whens=st.lists(st.integers(0, 40).map(lambda n: n / 8000), min_size=1, max_size=40), data=st.data())
def test_timers_run_in_the_order_of_their_times_whatever_qt_rounds(
    app: QApplication, whens: list[float], data: st.DataObject
) -> None:
    """Qt counts whole milliseconds; these lie an eighth of one apart."""
    world = World()
    handles = [world.at(when, (when, i)) for i, when in enumerate(whens)]
    gone = data.draw(st.sets(st.sampled_from(range(len(whens)))))
    for i in gone:
        handles[i].cancel()
        handles[i].cancel()
    left = [(when, i) for i, when in enumerate(whens) if i not in gone]
    assert world.timers.waiting == len(left)
    world.now = 1.0
    nested_loop_until(lambda: len(world.ran) == len(left))
    assert world.ran == sorted(left)
    assert world.timers.waiting == 0
    world.close()


def test_a_timer_is_not_early_when_qt_is(world: World) -> None:
    world.at(0.003, "late")
    world.timers.soon(world.handle("soon"))
    turned: list[int] = []

    def tick() -> None:
        turned.append(1)
        world.now = 0.0029 if len(turned) < 10 else 0.0031

    for _ in range(12):
        world.timers.later(asyncio.TimerHandle(world.now, tick, (), world.loop))
        count = len(turned)
        nested_loop_until(lambda count=count: len(turned) > count)
        if world.now < 0.003:
            assert world.ran == ["soon"] or world.ran == []
    nested_loop_until(lambda: "late" in world.ran)
    assert world.now > 0.003


def test_the_next_timer_is_armed_before_a_callback_runs(world: World) -> None:
    def opens() -> None:
        world.ran.append("opens")
        world.now = 2.0
        nested_loop_until(lambda: "second" in world.ran)
        world.ran.append("closes")

    world.timers.later(asyncio.TimerHandle(0.001, opens, (), world.loop))
    world.at(0.002, "second")
    world.now = 0.0015
    nested_loop_until(lambda: "closes" in world.ran)
    assert world.ran == ["opens", "second", "closes"]


def test_nothing_runs_while_the_loop_does_not(world: World) -> None:
    turned: list[int] = []
    other = LoopTimers(lambda handles: turned.extend(1 for _ in handles), lambda: True, lambda: 0.0)
    world.may_run = False
    world.timers.soon(world.handle("soon"))
    world.at(0.0, "due")
    for _ in range(5):
        other.soon(world.handle("turn"))
        count = len(turned)
        nested_loop_until(lambda count=count: len(turned) > count)
    assert world.ran == []
    world.may_run = True
    world.timers.resume()
    nested_loop_until(lambda: len(world.ran) == 2)
    other.stop()


def test_a_thousand_cancelled_timers_are_not_kept(world: World) -> None:
    kept = world.at(5000.0, "kept")
    for i in range(1000):
        world.at(1000.0 + i, i).cancel()
    assert world.timers.waiting == 1
    assert len(world.timers._later) < 200
    kept.cancel()
    assert world.timers.waiting == 0


def test_a_cancelled_timer_wakes_up_once_at_most(world: World) -> None:
    world.at(0.001, "never").cancel()
    world.now = 1.0
    nested_loop_until(lambda: not world.timers._later_timer)
    assert (world.timers._later, world.ran) == ([], [])


def test_nothing_is_armed_after_the_end(world: World) -> None:
    world.timers.stop()
    world.timers.soon(world.handle("never"))
    world.at(0.0, "never")
    assert (world.timers._ready_timer, world.timers._later_timer) == (0, 0)
