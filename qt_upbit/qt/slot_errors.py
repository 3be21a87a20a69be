"""`SlotWatch`: emit signals, and learn what their slots raised."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from qt_upbit.exceptions import CallbackError

__all__ = ["SlotWatch", "emit_watched"]


class SlotWatch:
    """Stands in for `sys.excepthook` while signals are emitted.

    PySide hands what a slot raises to the hook and goes on with the next slot; so does this. Slots behind a
    queued connection run later and are not seen here.

    Args:
        owner: named in the errors.
    """

    __slots__ = ("_before", "_errors", "_frame", "_owner")

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._before: Callable[..., object] = sys.excepthook
        self._frame: FrameType | None = None
        self._errors: list[Exception] = []

    def __enter__(self) -> Self:
        self._install()
        return self

    def __exit__(self, *_: object) -> None:
        if sys.excepthook is self:  # a slot may have installed another one
            sys.excepthook = self._before

    def _install(self) -> None:
        self._before = sys.excepthook
        sys.excepthook = self

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Pass on to the hook before, and note what our own slots raised."""
        self._before(kind, error, trace)
        # PySide asks the hook when the slot is over, so the frame above is the one that emitted. What is
        # raised elsewhere meanwhile, below a dialog that a slot opened for example, has another one.
        if isinstance(error, Exception) and sys._getframe(1) is self._frame:
            self._errors.append(error)

    def emit(self, signal: Any, *args: Any) -> list[CallbackError]:
        """Emit; return what slots raised, each as an error that names the owner and the slot."""
        if sys.excepthook is not self:  # a slot has installed another one
            self._install()
        self._frame = sys._getframe()
        try:
            signal.emit(*args)
        finally:
            self._frame = None  # it holds the watch
        if not self._errors:
            return []
        errors, self._errors = self._errors, []
        return [_callback_error(self._owner, error) for error in errors]


def emit_watched(signal: Any, *args: Any, owner: str) -> list[CallbackError]:
    """Emit one signal once, as `SlotWatch.emit`."""
    with SlotWatch(owner) as watch:
        return watch.emit(signal, *args)


def _callback_error(owner: str, error: Exception) -> CallbackError:
    trace = error.__traceback__
    # Without a traceback it was a slot that is no Python code, such as a list's append.
    name = trace.tb_frame.f_code.co_qualname if trace is not None else "a slot"
    told = CallbackError(owner, name)
    told.__cause__ = error
    return told
