"""`emit_watched`: emit a signal, and learn what its slots raised."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from qt_upbit.exceptions import CallbackError

__all__ = ["emit_watched"]


class _Watch:
    """Stands in for `sys.excepthook` while a signal is emitted."""

    __slots__ = ("before", "errors", "frame")

    def __init__(self, frame: FrameType) -> None:
        self.before: Callable[..., object] = sys.excepthook
        self.frame: FrameType | None = frame
        self.errors: list[Exception] = []

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.before(kind, error, trace)
        # PySide asks the hook when the slot is over, so the frame above is the one that emitted. What is
        # raised elsewhere meanwhile, below a dialog that a slot opened for example, has another one.
        if isinstance(error, Exception) and sys._getframe(1) is self.frame:
            self.errors.append(error)


def emit_watched(signal: Any, *args: Any, owner: str) -> list[CallbackError]:
    """Emit; return what slots raised, each as an error that names `owner` and the slot.

    PySide hands what a slot raises to ``sys.excepthook`` and goes on with the next slot; so does this.
    Slots behind a queued connection run later and are not seen here.
    """
    watch = _Watch(sys._getframe())
    sys.excepthook = watch
    try:
        signal.emit(*args)
    finally:
        watch.frame = None  # it holds the watch
        if sys.excepthook is watch:  # a slot may have installed another one
            sys.excepthook = watch.before
    return [_callback_error(owner, error) for error in watch.errors]


def _callback_error(owner: str, error: Exception) -> CallbackError:
    trace = error.__traceback__
    # Without a traceback it was a slot that is no Python code, such as a list's append.
    name = trace.tb_frame.f_code.co_qualname if trace is not None else "a slot"
    told = CallbackError(owner, name)
    told.__cause__ = error
    return told
