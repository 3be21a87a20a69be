"""`CompletionPoller`: tells a Qt thread that I/O of Windows has completed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal

__all__ = ["CompletionPoller", "CompletionPort", "Packet"]

Packet = tuple[int, int, int]
"""A completion: bytes transferred, key, address of the operation."""

_STOP: Packet = (0, 0, 1)
"""No operation has the address 1; with 0, Windows tells of an error instead."""


class CompletionPort(Protocol):
    """A queue of completions, first in, first out; usable from any thread."""

    def wait(self) -> Packet:
        """Wait for the next one and take it."""

    def post(self, packet: Packet) -> None:
        """Append one."""


class CompletionPoller(QObject):
    """A thread that waits for completions, and leaves each of them for the owner's thread.

    It takes what it waited for, puts it back and asks for `handle`, which empties the port in the thread that
    owns this object. So only that thread touches the proactor, which knows no locks.
    """

    _ready = Signal()

    def __init__(self, port: CompletionPort, handle: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("qt_upbit completion poller")
        self._port, self._handle = port, handle
        self._handled = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._ready.connect(self._empty, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begin to wait."""
        self._handled = threading.Semaphore(0)
        # A daemon: a process that ends without stopping the loop must not wait for I/O.
        self._thread = threading.Thread(target=self._work, name="qt_upbit completions", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop to wait. Completions stay in the port until the next `start`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._port.post(_STOP)
            self._handled.release()
            thread.join()

    def _work(self) -> None:
        handled = self._handled
        while (packet := self._port.wait()) != _STOP:
            self._port.post(packet)
            if self._thread is not None:
                self._ready.emit()
                handled.acquire()

    def _empty(self) -> None:
        if self._thread is not None:
            try:
                self._handle()
            finally:
                self._handled.release()
