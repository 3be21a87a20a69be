"""`ReleaseToken`: says that a QObject has died, however it died."""

from __future__ import annotations

import contextlib
import weakref

from PySide6.QtCore import QObject, SignalInstance

__all__ = ["ReleaseToken"]


class ReleaseToken:
    """A callable for `destroyed` and for the collector: idempotent, holding nothing that it tells of.

    A QObject's own method connected to its ``destroyed`` never runs, and a lambda that holds the object
    keeps it alive forever; this is the pattern that worked in all eight ways of dying.

    Args:
        signal: emitted once with `object_id`; its own object may be gone by then.
        object_id: of the object that is watched.
    """

    def __init__(self, signal: SignalInstance, object_id: int) -> None:
        self._signal = signal
        self._object_id = object_id
        self._done = False

    @classmethod
    def attach(cls, signal: SignalInstance, watched: QObject, object_id: int) -> None:
        """Have `signal` emitted with `object_id` when `watched` dies."""
        token = cls(signal, object_id)
        watched.destroyed.connect(token)
        # At exit sockets are closed by the manager's aclose(), not by dying proxies.
        weakref.finalize(watched, token).atexit = False

    def __call__(self, *_: object) -> None:
        """Emit once; later calls do nothing."""
        if self._done:
            return
        self._done = True
        with contextlib.suppress(RuntimeError):  # the signal's object was deleted, and has no more use for it
            # Not a plain call: Python's collector runs in whichever thread happens to trigger it.
            self._signal.emit(self._object_id)
