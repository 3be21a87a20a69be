"""`SlotWatch`: emits signals and collects what their slots raise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from qt_upbit.exceptions import CallbackError

__all__ = ["SlotWatch", "emit_watched"]

_EVENT = "sys.excepthook"


class SlotWatch:
    """Emits signals for one owner.

    PySide passes what a slot raises to `sys.excepthook` and continues with the next slot. Python calls its
    audit hooks before the current excepthook, whichever that is; so this sees every exception without
    replacing the application's hooks. Slots with a queued connection run later and are not covered.

    Args:
        owner: named in the errors.
    """

    __slots__ = ("_errors", "_owner")

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._errors: list[Exception] = []

    def emit(self, signal: Any, *args: Any) -> Sequence[CallbackError]:
        """Emit; returns what slots raised, each as an error with the owner and the slot."""
        signal.emit(*args)
        if not self._errors:
            return ()
        errors, self._errors = self._errors, []
        return [_callback_error(self._owner, error) for error in errors]

    def note(self, error: Exception) -> None:
        """Record an exception of a slot of the signal being emitted."""
        self._errors.append(error)


def emit_watched(signal: Any, *args: Any, owner: str) -> Sequence[CallbackError]:
    """Emit one signal once, as `SlotWatch.emit`."""
    return SlotWatch(owner).emit(signal, *args)


def _callback_error(owner: str, error: Exception) -> CallbackError:
    trace = error.__traceback__
    # Without a traceback the slot was not Python code, such as a list's append.
    name = trace.tb_frame.f_code.co_qualname if trace is not None else "a slot"
    reported = CallbackError(owner, name)
    reported.__cause__ = error
    return reported


_EMIT = SlotWatch.emit.__code__


def _on_audit_event(event: str, args: tuple[Any, ...]) -> None:
    """Record what slots of our signals raised. Runs for every audit event of the process: keep it cheap."""
    if event != _EVENT:
        return
    # An exception is reported after its slot returned, so the calling frame is the one that emitted. An
    # exception from elsewhere, for example inside a dialog that a slot opened, has another one.
    # There is no calling frame if the interpreter itself reports what ended the program.
    frame = sys._getframe().f_back
    error = args[2]
    if frame is not None and frame.f_code is _EMIT and isinstance(error, Exception):
        frame.f_locals["self"].note(error)


# Audit hooks cannot be removed, and one is enough for every watch of the process.
sys.addaudithook(_on_audit_event)
