"""`owned_slot`: coroutine slots whose task is cancelled with their QObject."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import shiboken6
from PySide6.QtCore import QObject, QThread

from qt_upbit.exceptions import WrongThreadError

__all__ = ["cancel_running_slots", "owned_slot"]

_P = ParamSpec("_P")
_Q = TypeVar("_Q", bound=QObject)

_running: set[asyncio.Task[Any]] = set()
"""The loop references tasks weakly; without this a slot could be collected in the middle of an await."""


def owned_slot(
    method: Callable[Concatenate[_Q, _P], Coroutine[Any, Any, Any]],
) -> Callable[Concatenate[_Q, _P], asyncio.Task[Any]]:
    """Make a coroutine method of a QObject a slot.

    Each call starts a task, which is cancelled when the object is deleted. Cancellation is not reported; any
    other exception goes to ``sys.excepthook`` at once. The task is returned, so that it can be awaited::

        @owned_slot
        async def on_clicked(self) -> None:
            await self.proxy.get_ticker_snapshot(["KRW-BTC"])

        button.clicked.connect(self.on_clicked)

    Arguments of the signal that the method does not take (``clicked(bool)``) are dropped.
    """
    if not inspect.iscoroutinefunction(method):
        raise TypeError(f"{getattr(method, '__qualname__', method)!r} is no coroutine method: async def it")

    def start(self: _Q, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        if QThread.currentThread() is not self.thread():
            raise WrongThreadError(
                f"{method.__qualname__}: call it from the thread of its object, or by a signal"
            )
        coroutine = method(self, *args, **kwargs)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            coroutine.close()
            raise RuntimeError(
                f"{method.__qualname__}: no asyncio loop is running; use qt_upbit.run(...)"
            ) from None
        task = loop.create_task(coroutine, name=method.__qualname__)
        _running.add(task)
        # Neither of the two callables references the object.
        connection = self.destroyed.connect(_Canceller(task))
        task.add_done_callback(functools.partial(_finished, connection))
        return task

    slot = functools.wraps(method)(_with_as_many_arguments(method, start))
    return cast("Callable[Concatenate[_Q, _P], asyncio.Task[Any]]", slot)


async def cancel_running_slots() -> None:
    """Cancel every slot of the running loop, as on application exit; wait until they are done."""
    loop = asyncio.get_running_loop()
    tasks = [task for task in _running if task.get_loop() is loop and task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    # `_finished` reports what they raise.
    await asyncio.gather(*tasks, return_exceptions=True)


_NOT_GIVEN: Final = object()


def _with_as_many_arguments(method: Callable[..., Any], start: Callable[..., Any]) -> Callable[..., Any]:
    """`start` with as many positional arguments as `method`.

    PySide counts them to decide which arguments to pass; to a variadic function it does not pass arguments
    with a default, such as the one of ``clicked(bool = false)``.
    """
    parameters = list(inspect.signature(method).parameters.values())[1:]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    count = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    none = _NOT_GIVEN

    def given(*args: Any) -> tuple[Any, ...]:
        return tuple(arg for arg in args if arg is not _NOT_GIVEN)

    def slot_0(self: Any, /, **kwargs: Any) -> Any:
        return start(self, **kwargs)

    def slot_1(self: Any, a: Any = none, /, **kwargs: Any) -> Any:
        return start(self, *given(a), **kwargs)

    def slot_2(self: Any, a: Any = none, b: Any = none, /, **kwargs: Any) -> Any:
        return start(self, *given(a, b), **kwargs)

    def slot_3(self: Any, a: Any = none, b: Any = none, c: Any = none, /, **kwargs: Any) -> Any:
        return start(self, *given(a, b, c), **kwargs)

    def slot_4(
        self: Any, a: Any = none, b: Any = none, c: Any = none, d: Any = none, /, **kwargs: Any
    ) -> Any:
        return start(self, *given(a, b, c, d), **kwargs)

    def slot_any(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return start(self, *(args if takes_any else args[:count]), **kwargs)

    slots = (slot_0, slot_1, slot_2, slot_3, slot_4)
    return slot_any if takes_any or count >= len(slots) else slots[count]


class _Canceller:
    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    def __call__(self, *_: object) -> None:
        self._task.cancel()


def _finished(connection: Any, task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if connection and shiboken6.isValid(connection):
        QObject.disconnect(connection)
    if not task.cancelled() and (error := task.exception()) is not None:
        sys.excepthook(type(error), error, error.__traceback__)
