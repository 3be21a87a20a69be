"""`SlotWatch`: emits signals and collects what their slots raise."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from qt_upbit.error_log import Sampler
from qt_upbit.exceptions import CallbackError

__all__ = ["SlotWatch", "emit_watched"]

_EVENT = "sys.excepthook"
_printed: Final = Sampler()


class SlotWatch:
    """Emits signals for one owner.

    PySide passes what a slot raises to `sys.excepthook` and continues with the next slot. Python calls its
    audit hooks before the current excepthook, whichever that is; so this sees every exception without
    replacing the application's hooks. Slots with a queued connection run later and are not covered.

    Python's own hook prints a traceback. Of a slot that raises again and again it gets the first and then one
    in ten seconds; an application's hook gets every one.

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

    def kind_of(self, error: Exception) -> tuple[str, str, type[Exception]]:
        """Which exceptions are printed as one: of the same slot and type, for the same owner."""
        return self._owner, _slot_name(error), type(error)


def emit_watched(signal: Any, *args: Any, owner: str) -> Sequence[CallbackError]:
    """Emit one signal once, as `SlotWatch.emit`."""
    return SlotWatch(owner).emit(signal, *args)


def _callback_error(owner: str, error: Exception) -> CallbackError:
    reported = CallbackError(owner, _slot_name(error))
    reported.__cause__ = error
    return reported


def _slot_name(error: Exception) -> str:
    trace = error.__traceback__
    # Without a traceback the slot was not Python code, such as a list's append.
    return trace.tb_frame.f_code.co_qualname if trace is not None else "a slot"


_EMIT = SlotWatch.emit.__code__


class _IsHeldBack(RuntimeError):
    """Raised by an audit hook: the interpreter then skips the excepthook, as its documentation says."""


def _on_audit_event(event: str, args: tuple[Any, ...]) -> None:
    """Record what slots of our signals raised. Runs for every audit event of the process: keep it cheap."""
    if event != _EVENT:
        return
    # An exception is reported after its slot returned, so the calling frame is the one that emitted. An
    # exception from elsewhere, for example inside a dialog that a slot opened, has another one.
    # There is no calling frame if the interpreter itself reports what ended the program.
    frame = sys._getframe().f_back
    hook, error = args[0], args[2]
    if frame is not None and frame.f_code is _EMIT and isinstance(error, Exception):
        watch = frame.f_locals["self"]
        watch.note(error)
        if hook is sys.__excepthook__ and _printed.admit(watch.kind_of(error), time.perf_counter()) is None:
            raise _IsHeldBack


# Audit hooks cannot be removed, and one is enough for every watch of the process.
sys.addaudithook(_on_audit_event)
