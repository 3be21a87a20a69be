"""Coroutine slots: cancelled with their object, quiet then, loud otherwise."""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import weakref
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QPushButton

from qt_upbit import owned_slot
from tests.qt.conftest import on_both_loops
from tests.support.wait import turns, until

# `qt_upbit.owned_slot` is the function.
module = importlib.import_module("qt_upbit.qt.owned_slot")


class Thing(QObject):
    three = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    @owned_slot
    async def nothing(self) -> None:
        self.seen.append("nothing")

    @owned_slot
    async def one(self, value: Any) -> None:
        self.seen.append(value)

    @owned_slot
    async def optional(self, value: Any = "default") -> None:
        self.seen.append(value)

    @owned_slot
    async def everything(self, *values: Any) -> Any:
        self.seen.append(values)
        return values

    @owned_slot
    async def keyword(self, *, value: int = 3) -> None:
        """Says what it does."""
        self.seen.append(value)

    @owned_slot
    async def waits(self) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            module_seen.append("cancelled")
            raise

    @owned_slot
    async def fails(self) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError("in a slot")


module_seen: list[str] = []


@on_both_loops
async def test_arguments_that_the_method_does_not_take_are_dropped() -> None:
    thing = Thing()
    for slot in (thing.nothing, thing.one, thing.optional, thing.everything, thing.keyword):
        thing.three.connect(slot)
    thing.three.emit(1, 2, 3)
    await until(lambda: len(thing.seen) == 5)
    assert thing.seen == ["nothing", 1, 1, (1, 2, 3), 3]


async def test_button(app: QApplication) -> None:
    thing, button = Thing(), QPushButton()
    button.clicked.connect(thing.nothing)
    button.clicked.connect(thing.optional)
    button.clicked.connect(thing.one)
    button.setCheckable(True)
    button.click()
    await until(lambda: len(thing.seen) == 3)
    assert thing.seen == ["nothing", True, True]


async def test_task_is_returned_and_named() -> None:
    thing = Thing()
    task = thing.everything(1)
    assert await task == (1,)
    assert task.get_name() == "Thing.everything"
    assert Thing.keyword.__name__ == "keyword"
    assert inspect.getdoc(Thing.keyword) == "Says what it does."


@on_both_loops
@pytest.mark.parametrize("how", ["delete", "deleteLater", "parent"])
async def test_cancelled_with_its_object_and_quiet(how: str) -> None:
    module_seen.clear()
    thing, parent = Thing(), QObject()
    thing.setParent(parent)
    task = thing.waits()
    await turns(3)
    if how == "delete":
        shiboken6.delete(thing)
    elif how == "deleteLater":
        thing.deleteLater()
    else:
        parent.deleteLater()
    await until(task.done)
    assert task.cancelled()
    assert module_seen == ["cancelled"]


async def test_cancelling_by_hand_is_quiet() -> None:
    task = Thing().waits()
    await turns(3)
    task.cancel()
    await until(task.done)


@pytest.mark.raises_in_slots("ZeroDivisionError")
async def test_other_errors_are_loud_and_at_once() -> None:
    thing = Thing()
    task = thing.fails()
    await asyncio.wait([task])
    await turns()


async def test_finished_slot_keeps_neither_object_nor_task() -> None:
    thing = Thing()
    for _ in range(5):
        await thing.nothing()
    await turns()
    assert module._running == set()
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None


async def test_running_task_is_held() -> None:
    """The loop holds tasks weakly; a slot must not vanish in the middle of an await."""
    thing = Thing()
    thing.waits()
    gc.collect()
    await turns()
    gc.collect()
    assert any(task.get_name() == "Thing.waits" for task in asyncio.all_tasks())
    shiboken6.delete(thing)
    await until(lambda: not any(task.get_name() == "Thing.waits" for task in asyncio.all_tasks()))


def test_without_a_loop_it_says_so(app: QApplication) -> None:
    with pytest.raises(RuntimeError, match=r"qt_upbit\.run"):
        Thing().nothing()


async def test_thousand_calls_leave_no_connections() -> None:
    thing = Thing()

    async def receivers() -> int:
        await turns()
        return thing.receivers("2destroyed(QObject*)") + thing.receivers("2destroyed()")

    await thing.nothing()
    before = await receivers()
    for _ in range(1000):
        await thing.nothing()
    assert await receivers() <= before


async def test_called_from_python_with_keywords() -> None:
    thing = Thing()
    await thing.one(value=5)
    await thing.optional(value=6)
    await thing.keyword(value=7)
    assert thing.seen == [5, 6, 7]
    with pytest.raises(TypeError, match="value"):
        thing.one()  # type: ignore[call-arg]  # the mistake


def test_plain_method_is_refused() -> None:
    with pytest.raises(TypeError, match="async def"):

        @owned_slot  # type: ignore[arg-type]  # the mistake
        def plain(self: Thing) -> None: ...
