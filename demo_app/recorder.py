"""`Recorder`: writes what the terminal receives to files, on a thread of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from qt_upbit import BaseWebSocketEvent, Delivery, Subscription, WebSocketClientProxy
from qt_upbit.simulator import RecordingHeader, RecordingWriter

__all__ = ["Recorder"]

_FLUSH_S: Final = 1.0
_ROTATE_AT: Final = 256 * 1024 * 1024
_MOST_WAITING: Final = 200_000


class Recorder(QObject):
    """Records the pairs it was told to, and the account only when it was told so. Holds no keys.

    Encoding, compression and writing happen on a thread; the GUI only puts the event and its moment into a
    queue. A file that has grown to `rotate_at` is followed by another one with ``-2``, ``-3`` … in its name.

    Signals:
        ``failed(text)``: it cannot be written on; the recording has ended, and what is there can be played.

    Args:
        path: of the first file; must not exist yet.
        header: what stands at the head of each file.
        with_account: record orders and balances too. Needs keys.
        rotate_at: bytes of one file.
        parent: owner.
    """

    failed = Signal(str)

    def __init__(
        self,
        path: Path,
        header: RecordingHeader,
        *,
        with_account: bool = False,
        rotate_at: int = _ROTATE_AT,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("recorder")
        self.paths = [path]
        self.size = 0
        self.lost = 0
        self._header = header
        self._with_account = with_account
        self._rotate_at = rotate_at
        self._waiting: queue.Queue[tuple[float, BaseWebSocketEvent] | None] = queue.Queue(_MOST_WAITING)
        self._began = time.monotonic()
        self._is_recording = False
        self._subscriptions: list[Subscription] = []
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self.proxy = WebSocketClientProxy("recorder", parent=self)

    @property
    def elapsed_s(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def start(self, codes: Sequence[str], candle_unit: str = "1m") -> None:
        """Record every event of `codes`."""
        self._began = time.monotonic()
        self._is_recording = True
        self._thread.start()
        proxy, on_event, every = self.proxy, self._on_event, Delivery.EVERY
        self._subscriptions = [
            proxy.subscribe_ticker(codes, callback=on_event, delivery=every),
            proxy.subscribe_trade(codes, callback=on_event, delivery=every),
            proxy.subscribe_orderbook(codes, callback=on_event, delivery=every),
            proxy.subscribe_candle(codes, unit=candle_unit, callback=on_event, delivery=every),
        ]
        if self._with_account:
            self._subscriptions += [
                proxy.subscribe_my_order(callback=on_event, delivery=every),
                proxy.subscribe_my_asset(callback=on_event, delivery=every),
            ]

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the recording and wait until the file is complete; more calls do nothing."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        if not self._is_recording:
            return
        self._is_recording = False
        with contextlib.suppress(queue.Full):  # the thread has just failed: nobody takes anything
            self._waiting.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    def _on_event(self, event: BaseWebSocketEvent) -> None:
        if not self._is_recording:
            return
        try:
            self._waiting.put_nowait((self.elapsed_s, event))
        except queue.Full:
            self.lost += 1  # the disk is slower than the exchange; the GUI does not wait for it

    def _work(self) -> None:
        try:
            while self._write_file(self.paths[-1]):
                first = self.paths[0]
                name = first.name.removesuffix(".jsonl.gz")
                self.paths.append(first.with_name(f"{name}-{len(self.paths) + 1}.jsonl.gz"))
        except OSError as exc:
            self._is_recording = False
            self.failed.emit(exc.strerror or str(exc))

    def _write_file(self, path: Path) -> bool:
        """Write one file. Whether another one shall follow."""
        before = self.size
        with RecordingWriter(path, self._header) as writer:
            flushed = time.monotonic()
            while True:
                try:
                    item = self._waiting.get(timeout=_FLUSH_S)
                except queue.Empty:
                    writer.flush()
                    continue
                if item is None:
                    break
                writer.write(*item)
                if time.monotonic() - flushed >= _FLUSH_S:
                    writer.flush()
                    flushed = time.monotonic()
                self.size = before + writer.size
                if writer.size >= self._rotate_at:
                    break
        self.size = before + writer.size
        return item is not None
