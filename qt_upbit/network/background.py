"""`call_in_thread`: blocking calls that neither stop the window nor keep the process from ending."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["call_in_thread"]

_T = TypeVar("_T")


def call_in_thread(function: Callable[[], _T], name: str) -> asyncio.Future[_T]:
    """Call `function` in a thread of its own; the future has what it returns or raises.

    The loop's default executor would be joined at exit, which a name server that hangs delays for as long as
    it likes; and on a Qt loop its threads are QThreads, which abort the process when no file handle is left.

    Args:
        function: must not touch Qt. It goes on, unheard, where the future is cancelled.
        name: of the thread.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def succeed(result: _T) -> None:
        if not future.done():
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def run() -> None:
        try:
            result = function()
        except BaseException as exc:  # raised where the future is awaited
            _tell(loop, fail, exc)
        else:
            _tell(loop, succeed, result)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as exc:  # the system gives no more threads
        future.set_exception(OSError(f"no thread could be started: {exc}"))
    return future


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[[_T], None], value: _T) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits for it
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value)
