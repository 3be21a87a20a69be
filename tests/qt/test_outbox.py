"""Calls wait for Qt's loop, and go out in order whatever they do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QEventLoop, QObject
from PySide6.QtWidgets import QApplication

from qt_upbit.qt.outbox import Outbox
from tests.support.wait import until


@pytest.fixture
def parent(app: QApplication) -> Iterator[QObject]:
    parent = QObject()
    yield parent
    if shiboken6.isValid(parent):
        shiboken6.delete(parent)


async def test_calls_run_in_order_and_not_at_once(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[int]()
    for number in range(3):
        outbox.post(lambda number=number: ran.append(number))
    assert ran == []
    assert len(outbox) == 3
    await outbox.drain()
    assert ran == [0, 1, 2]
    assert len(outbox) == 0


async def test_calls_run_outside_of_any_task(parent: QObject) -> None:
    outbox, tasks = Outbox("outbox", parent), list[Any]()
    outbox.post(lambda: tasks.append(asyncio.current_task()))
    await outbox.drain()
    assert tasks == [None]


async def test_a_call_may_post_another(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[str]()
    outbox.post(lambda: (ran.append("first"), outbox.post(lambda: ran.append("third"))))
    outbox.post(lambda: ran.append("second"))
    await until(lambda: len(ran) == 3)
    assert ran == ["first", "second", "third"]


async def test_what_is_behind_a_dialog_goes_out_from_its_loop(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[str]()
    dialog = QEventLoop()

    def show() -> None:
        ran.append("opened")
        dialog.exec()
        ran.append("closed")

    outbox.post(show)
    outbox.post(lambda: ran.append("within"))
    outbox.post(dialog.quit)
    outbox.post(lambda: ran.append("the last"))
    await until(lambda: len(ran) == 4)
    assert ran.index("opened") < ran.index("within") < ran.index("closed")
    assert ran.index("within") < ran.index("the last")


@pytest.mark.raises_in_slots("ValueError")
async def test_a_call_that_raises_costs_no_other(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[str]()

    def fail() -> None:
        raise ValueError

    outbox.post(fail)
    outbox.post(lambda: ran.append("after"))
    await until(lambda: ran)


async def test_what_is_cleared_is_not_run_and_more_can_be_posted(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[str]()
    outbox.post(lambda: ran.append("dropped"))
    outbox.clear()
    outbox.post(lambda: (ran.append("first"), outbox.clear()))
    outbox.post(lambda: ran.append("dropped by the call before"))
    await until(lambda: ran)
    await outbox.drain()
    assert ran == ["first"]


async def test_qt_has_a_turn_between_slices(parent: QObject) -> None:
    now = 0.0
    turns = list[int]()
    outbox = Outbox("outbox", parent, slice_s=1.0, clock=lambda: now)
    other = Outbox("another", parent)

    def work(number: int) -> None:
        nonlocal now
        now += 0.6
        turns.append(number)
        if number == 0:
            other.post(lambda: turns.append(-1))

    for number in range(6):
        outbox.post(lambda number=number: work(number))
    await until(lambda: len(turns) == 7)
    assert [turn for turn in turns if turn >= 0] == [0, 1, 2, 3, 4, 5]
    assert turns.index(-1) <= 4, "it did not wait until all was done"


async def test_with_its_parent_it_ends(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[str]()
    outbox.post(lambda: shiboken6.delete(parent))
    outbox.post(lambda: ran.append("after its end"))
    await until(lambda: not shiboken6.isValid(outbox))
    outbox.post(lambda: ran.append("too late"))
    outbox.clear()
    assert ran == []


async def test_drain_may_be_cancelled(parent: QObject) -> None:
    outbox, ran = Outbox("outbox", parent), list[str]()
    outbox.post(lambda: ran.append("first"))
    task = asyncio.ensure_future(outbox.drain())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await outbox.drain()
    assert ran == ["first"]
