"""`ReleaseToken`: notifies that a QObject was destroyed, in whatever way."""

from __future__ import annotations

import contextlib
import weakref
from typing import Self

from PySide6.QtCore import QObject, SignalInstance

__all__ = ["ReleaseToken"]


class ReleaseToken:
    """A callable for `destroyed` and for a finalizer: idempotent, and without a reference to the object.

    A QObject's own method connected to its ``destroyed`` never runs, and a lambda that captures the object
    keeps it alive forever; this pattern works in all eight ways in which a QObject can be destroyed.

    Args:
        signal: emitted once with `object_id` and whether the object was collected as garbage although that
            was not `is_expected`; its own object may be gone by then.
        object_id: id of the watched object.

    Attributes:
        is_expected: whether the watched object's end is, because it has a parent, or is to be deleted.
    """

    def __init__(self, signal: SignalInstance, object_id: int) -> None:
        self._signal = signal
        self._object_id = object_id
        self._done = False
        self.is_expected = False

    @classmethod
    def attach(cls, signal: SignalInstance, watched: QObject, object_id: int) -> Self:
        """Emit `signal` when `watched` is destroyed; returns the token."""
        token = cls(signal, object_id)
        token.is_expected = watched.parent() is not None
        watched.destroyed.connect(token)
        # At exit sockets are closed by the manager's aclose(), not by destroyed proxies.
        weakref.finalize(watched, token.collected).atexit = False
        return token

    def __call__(self, *_: object) -> None:
        """Qt has deleted the object: emit, unless that was done before."""
        self._emit(is_collected=False)

    def collected(self) -> None:
        """The object was collected, or is deleted already: emit, unless that was done before."""
        self._emit(is_collected=not self.is_expected)

    def _emit(self, *, is_collected: bool) -> None:
        if self._done:
            return
        self._done = True
        with contextlib.suppress(RuntimeError):  # the signal's object was deleted: nothing to notify
            # Not a plain call: Python's garbage collector runs in any thread.
            self._signal.emit(self._object_id, is_collected)
