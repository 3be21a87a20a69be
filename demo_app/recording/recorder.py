"""`Recorder`: writes what the terminal receives to files, on a thread of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from demo_app.style.error_messages import explain
from qt_upbit import (
    BaseWebSocketEvent,
    CandleEvent,
    CandlePeriod,
    CandleUnit,
    Delivery,
    GlobalWebSocketManager,
    QtUpbitError,
    Subscription,
    WebSocketClientProxy,
    owned_slot,
)
from qt_upbit.simulator import RecordingHeader, RecordingWriter

__all__ = ["Recorder"]

_FLUSH_S: Final = 1.0
_ROTATE_AT: Final = 256 * 1024 * 1024
_MOST_WAITING: Final = 200_000
_HISTORY: Final[dict[CandleUnit | CandlePeriod, int]] = {
    CandleUnit.M1: 1_000,
    **dict.fromkeys((CandleUnit.M15, CandleUnit.M30, CandleUnit.M60, CandleUnit.M240), 200),
    # The current year's candle is built from its days.
    **{CandlePeriod.DAY: 366, CandlePeriod.WEEK: 100, CandlePeriod.MONTH: 60, CandlePeriod.YEAR: 10},
}
"""The number of earlier candles stored, for each length.

Those shorter than a quarter of an hour are built from minutes, of which there are enough to cover the elapsed
part of the longest streamed one.
"""


class Recorder(QObject):
    """Records the given pairs: public streams only, so that a file can be shared.

    Encoding, compression and writing happen on a thread; the GUI only puts the event and its time into a
    queue. A file that has grown to `rotate_at` is followed by another one with ``-2``, ``-3`` … in its name.

    Meanwhile earlier candles are read over REST and written too, so that a chart of the recording has
    history.

    Signals:
        ``history_failed(text)``: not all earlier candles could be read; the recording continues.
        ``failed(text)``: writing failed; the recording has ended, and what was written can be played.

    Args:
        path: the first file; must not exist yet.
        header: the first record of each file.
        rotate_at: maximum bytes per file.
        parent: owner.
    """

    failed = Signal(str)
    history_failed = Signal(str)

    def __init__(
        self,
        path: Path,
        header: RecordingHeader,
        *,
        rotate_at: int = _ROTATE_AT,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("recorder")
        self.paths = [path]
        self.size = 0
        self.lost = 0
        self._header = header
        self._history: list[CandleEvent] = []
        """For subsequent files; only the thread accesses it."""
        self._rotate_at = rotate_at
        self._waiting: queue.Queue[tuple[float | None, BaseWebSocketEvent] | None]
        self._waiting = queue.Queue(_MOST_WAITING)
        self._began = time.perf_counter()
        self._is_recording = False
        self._subscriptions: list[Subscription] = []
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self.proxy = WebSocketClientProxy("recorder", parent=self)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._began

    def start(self, codes: Sequence[str], candle_unit: str = "1m") -> None:
        """Record every event of `codes`."""
        self._began = time.perf_counter()
        self._is_recording = True
        self._thread.start()
        proxy, on_event = self.proxy, self._on_event
        self._subscriptions = [
            proxy.subscribe_ticker(codes, callback=on_event, delivery=Delivery.EVERY),
            proxy.subscribe_trade(codes, callback=on_event, delivery=Delivery.EVERY),
            proxy.subscribe_orderbook(codes, callback=on_event, delivery=Delivery.EVERY),
            proxy.subscribe_candle(
                codes, unit=CandleUnit(candle_unit), callback=on_event, delivery=Delivery.EVERY
            ),
        ]
        self._read_history(tuple(codes), datetime.now(UTC))

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the recording and wait until the file is complete; further calls do nothing."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        if not self._is_recording:
            return
        self._is_recording = False
        with contextlib.suppress(queue.Full):  # the thread has just failed and consumes nothing
            self._waiting.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    @owned_slot
    async def _read_history(self, codes: Sequence[str], began: datetime) -> None:
        """Add the candles that had closed at the start, pair by pair."""
        rest = GlobalWebSocketManager.instance().rest
        try:
            for code in codes:
                for unit, count in _HISTORY.items():
                    for candle in await rest.get_candles(code, unit, count=count):
                        if self._is_recording and _has_ended(unit, candle.start, began):
                            self._put(None, candle)
        except QtUpbitError as exc:
            self.history_failed.emit(explain(exc))

    def _on_event(self, event: BaseWebSocketEvent) -> None:
        if self._is_recording:
            self._put(self.elapsed_s, event)

    def _put(self, recv: float | None, event: BaseWebSocketEvent) -> None:
        try:
            self._waiting.put_nowait((recv, event))
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
            self.failed.emit(explain(exc))

    def _write_file(self, path: Path) -> bool:
        """Write one file; return whether another one must follow."""
        before = self.size
        with RecordingWriter(path, self._header) as writer:
            for candle in self._history:
                writer.write_history(candle)
            flushed = time.perf_counter()
            while True:
                try:
                    item = self._waiting.get(timeout=_FLUSH_S)
                except queue.Empty:
                    writer.flush()
                    continue
                if item is None:
                    break
                recv, event = item
                if recv is None and isinstance(event, CandleEvent):
                    self._history.append(event)
                    writer.write_history(event)
                    continue
                writer.write(recv or 0.0, event)
                if time.perf_counter() - flushed >= _FLUSH_S:
                    writer.flush()
                    flushed = time.perf_counter()
                self.size = before + writer.size
                if writer.size >= self._rotate_at:
                    break
        self.size = before + writer.size
        return item is not None


def _has_ended(unit: CandleUnit | CandlePeriod, start: datetime, moment: datetime) -> bool:
    """Whether a candle that began at `start` was closed at `moment`; both are timezone-aware."""
    if isinstance(unit, CandlePeriod):
        return start < unit.start_of(moment)
    return start + timedelta(seconds=unit.seconds) <= moment
