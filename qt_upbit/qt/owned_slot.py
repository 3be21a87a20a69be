"""`owned_slot`: coroutine slots whose task ends with their QObject."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import shiboken6
from PySide6.QtCore import QObject

__all__ = ["owned_slot"]

_P = ParamSpec("_P")
_Q = TypeVar("_Q", bound=QObject)

_running: set[asyncio.Task[Any]] = set()
"""The loop holds tasks weakly; without this a slot could vanish in the middle of an await."""


def owned_slot(
    method: Callable[Concatenate[_Q, _P], Coroutine[Any, Any, Any]],
) -> Callable[Concatenate[_Q, _P], asyncio.Task[Any]]:
    """Make a coroutine method of a QObject a slot.

    Each call starts a task, which is cancelled when the object dies. Cancelling is quiet; any other
    exception goes to ``sys.excepthook`` at once. The task is returned, for those who want to wait::

        @owned_slot
        async def on_clicked(self) -> None:
            await self.proxy.get_ticker_snapshot(["KRW-BTC"])

        button.clicked.connect(self.on_clicked)

    Arguments of the signal that the method does not take (``clicked(bool)``) are dropped.
    """
    parameters = list(inspect.signature(method).parameters.values())[1:]
    takes_any = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    most = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)

    @functools.wraps(method)
    def slot(self: _Q, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        taken = args if takes_any else args[:most]
        coroutine = method(self, *taken, **kwargs)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            coroutine.close()
            raise RuntimeError(
                f"{method.__qualname__}: no asyncio loop is running; use qt_upbit.run(...)"
            ) from None
        task = loop.create_task(coroutine, name=method.__qualname__)
        _running.add(task)
        # Neither of the two callables holds the object.
        connection = self.destroyed.connect(_Canceller(task))
        task.add_done_callback(functools.partial(_finished, connection))
        return task

    return cast("Callable[Concatenate[_Q, _P], asyncio.Task[Any]]", slot)


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
