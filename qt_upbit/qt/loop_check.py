"""Which asyncio loop runs, and whether this library can work in it."""

from __future__ import annotations

import asyncio
from typing import Final

from PySide6.QtCore import QThread

from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import WrongLoopError

__all__ = ["NO_LOOP", "check_running_loop", "tell_if_no_loop_runs"]

_HELP: Final = "call qt_upbit.install(app) before app.exec(), or start the program with qt_upbit.run(main())"
NO_LOOP: Final = f"no asyncio loop is running, so nothing can be received: {_HELP}"
_OURS: Final = ("qt_upbit.qt.event_loop", "qasync")
"""Modules whose loops Qt drives."""
_log: Final = logger_of("connection")


def check_running_loop() -> None:
    """Refuse a loop in which nothing of this library would ever run; no loop at all may still be started.

    Raises:
        WrongLoopError: asyncio's own loop runs, or that of PySide6.QtAsyncio, which has no sockets.
    """
    loop = asyncio._get_running_loop()
    if loop is None or _is_driven_by_qt(type(loop)):
        return
    if type(loop).__module__.startswith("PySide6.QtAsyncio"):
        raise WrongLoopError(
            "PySide6.QtAsyncio cannot open connections: replace QtAsyncio.run(main()) by qt_upbit.run(main())"
        )
    # In a loop of another make that works inside Qt's, Qt's loop is on the stack.
    if not QThread.currentThread().loopLevel():
        raise WrongLoopError(
            "asyncio.run() does not run Qt, so nothing would arrive: replace asyncio.run(main()) by "
            "qt_upbit.run(main()), or call qt_upbit.install(app) and app.exec()"
        )


def _is_driven_by_qt(kind: type[asyncio.AbstractEventLoop]) -> bool:
    return any(each.__module__.startswith(_OURS) for each in kind.__mro__)


def tell_if_no_loop_runs() -> None:
    """Warn if Qt's loop runs, and no asyncio loop does; not before Qt's loop, which may follow."""
    if QThread.currentThread().loopLevel() and asyncio._get_running_loop() is None:
        _log.warning("%s", NO_LOOP)
