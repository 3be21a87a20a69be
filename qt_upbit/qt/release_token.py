"""`ReleaseToken`: notifies that a QObject was destroyed, in whatever way."""

from __future__ import annotations

import contextlib
import weakref

from PySide6.QtCore import QObject, SignalInstance

__all__ = ["ReleaseToken"]


class ReleaseToken:
    """A callable for `destroyed` and for a finalizer: idempotent, and without a reference to the object.

    A QObject's own method connected to its ``destroyed`` never runs, and a lambda that captures the object
    keeps it alive forever; this pattern works in all eight ways in which a QObject can be destroyed.

    Args:
        signal: emitted once with `object_id`; its own object may be gone by then.
        object_id: id of the watched object.
    """

    def __init__(self, signal: SignalInstance, object_id: int) -> None:
        self._signal = signal
        self._object_id = object_id
        self._done = False

    @classmethod
    def attach(cls, signal: SignalInstance, watched: QObject, object_id: int) -> None:
        """Emit `signal` with `object_id` when `watched` is destroyed."""
        token = cls(signal, object_id)
        watched.destroyed.connect(token)
        # At exit sockets are closed by the manager's aclose(), not by destroyed proxies.
        weakref.finalize(watched, token).atexit = False

    def __call__(self, *_: object) -> None:
        """Emit once; later calls do nothing."""
        if self._done:
            return
        self._done = True
        with contextlib.suppress(RuntimeError):  # the signal's object was deleted: nothing to notify
            # Not a plain call: Python's garbage collector runs in any thread.
            self._signal.emit(self._object_id)
