"""`SlotWatch`: emit signals, and learn what their slots raised."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from qt_upbit.exceptions import CallbackError

__all__ = ["SlotWatch", "emit_watched"]

_EVENT = "sys.excepthook"


class SlotWatch:
    """Emits signals for one owner.

    PySide prints what a slot raises, by way of `sys.excepthook`, and goes on with the next slot. Python tells
    its audit hooks before it calls the one of the moment, whichever that is; so this hears of everything
    and touches none of the application's hooks. Slots behind a queued connection run later and are not
    seen here.

    Args:
        owner: named in the errors.
    """

    __slots__ = ("_errors", "_owner")

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._errors: list[Exception] = []

    def emit(self, signal: Any, *args: Any) -> Sequence[CallbackError]:
        """Emit; return what slots raised, each as an error that names the owner and the slot."""
        signal.emit(*args)
        if not self._errors:
            return ()
        errors, self._errors = self._errors, []
        return [_callback_error(self._owner, error) for error in errors]

    def note(self, error: Exception) -> None:
        """A slot of the signal that is being emitted raised this."""
        self._errors.append(error)


def emit_watched(signal: Any, *args: Any, owner: str) -> Sequence[CallbackError]:
    """Emit one signal once, as `SlotWatch.emit`."""
    return SlotWatch(owner).emit(signal, *args)


def _callback_error(owner: str, error: Exception) -> CallbackError:
    trace = error.__traceback__
    # Without a traceback it was a slot that is no Python code, such as a list's append.
    name = trace.tb_frame.f_code.co_qualname if trace is not None else "a slot"
    reported = CallbackError(owner, name)
    reported.__cause__ = error
    return reported


_EMIT = SlotWatch.emit.__code__


def _on_audit_event(event: str, args: tuple[Any, ...]) -> None:
    """Note what our own slots raised. Called for every audit event of the process: nothing but this."""
    if event != _EVENT:
        return
    # An exception is printed when its slot is over, so the frame above is the one that emitted. What is
    # raised elsewhere meanwhile, below a dialog that a slot opened for example, has another one.
    # There is none above where the interpreter itself prints what ended the program.
    frame = sys._getframe().f_back
    error = args[2]
    if frame is not None and frame.f_code is _EMIT and isinstance(error, Exception):
        frame.f_locals["self"].note(error)


# For good: audit hooks cannot be removed, and one is enough for every watch of the process.
sys.addaudithook(_on_audit_event)
