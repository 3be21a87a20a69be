"""`PeriodFeed`: candles of a day and longer, which Upbit does not stream, kept live by the ticker."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from demo_app.panels.bars import Bar, TimeGrid
from qt_upbit import (
    CandlePeriod,
    GlobalWebSocketManager,
    QtUpbitError,
    Subscription,
    TickerEvent,
    WebSocketClientProxy,
    owned_slot,
)

__all__ = ["PeriodFeed"]

_RETRY_MS: Final = 2_000
_RETRY_MAX_MS: Final = 60_000


class PeriodFeed(QObject):
    """Candles of one pair and period, oldest first; signals and calls are those of `CandleFeed`.

    The ticker tells open, high, low, price and volume since 00:00 UTC: that is the running day exactly. The
    running week, month or year is its closed days, read once a day, and that day. When a day begins, and
    after an interruption, all of it is read again.

    Args:
        code: the pair.
        period: length of a candle.
        count: how many to begin with.
        parent: owner.
        now: the time, seconds since the epoch.
    """

    candles_added = Signal(int, int)
    candle_changed = Signal(int)
    loaded = Signal()
    error_occurred = Signal(object)

    def __init__(
        self,
        code: str,
        period: CandlePeriod,
        *,
        count: int,
        parent: QObject | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(parent)
        self.code, self.unit = code, period
        self._now = now
        self._count = count
        self._grid = TimeGrid(period)
        self._rows: list[Bar] = []
        self._closed: Bar | None = None
        """The closed days of the running period; None before there is one, or before they are known."""
        self._day: str | None = None
        """Whose ticker `_closed` goes with; None until it was read."""
        self._last: TickerEvent | None = None
        self._is_loading = False
        self._is_reading = False
        self._is_complete = False
        self._retry_ms = _RETRY_MS
        self._proxy = WebSocketClientProxy("period feed", parent=self)
        self._proxy.ticker_received.connect(self._on_ticker)
        self._proxy.gap_detected.connect(self._read_again)
        self._proxy.error_occurred.connect(self.error_occurred)
        self._subscription: Subscription = self._proxy.subscribe_ticker([code])
        self._answers: list[list[Bar]] = []
        # Signals are never emitted inside a task step.
        self._answer_timer = self._timer("period answers", self._take_answers)
        self._failures: list[QtUpbitError] = []
        self._retry_timer = self._timer("period retry", self._begin)
        self._retry_timer.start(0)

    def _timer(self, name: str, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: slice) -> list[Bar]:
        return self._rows[index]

    @property
    def is_loading(self) -> bool:
        """Whether history that was asked for is on its way."""
        return self._is_loading

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing older to load."""
        return self._is_complete

    def load_more(self, count: int = 200) -> bool:
        """Load older candles; False if they are being loaded already or there are none."""
        if self._is_loading or self._is_complete or not self._rows:
            return False
        self._is_loading = True
        self._load(count, datetime.fromtimestamp(self._rows[0].start, UTC))
        return True

    def close(self) -> None:
        """Stop. Idempotent."""
        self._proxy.close()
        for timer in (self._answer_timer, self._retry_timer):
            timer.stop()

    # --- history -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._is_loading = self._is_loading or not self._rows
            self._read()

    def _read_again(self, *_: object) -> None:
        self._day = None
        self._begin()

    @owned_slot
    async def _read(self) -> None:
        """The newest candles, and the closed days of the running one."""
        today = self._today()
        try:
            rest = GlobalWebSocketManager.instance().rest
            begin = datetime.fromtimestamp(self._grid.start(self._grid.slot(today.timestamp())), UTC)
            days = await rest.get_candles(self.code, CandlePeriod.DAY, count=None, after=begin)
            newest = await rest.get_candles(self.code, self.unit, count=self._count)
        except QtUpbitError as exc:
            self._is_reading = False
            if not self._proxy.is_closed:
                self._fail(exc)
                self._retry_timer.start(self._retry_ms)
                self._retry_ms = min(2 * self._retry_ms, _RETRY_MAX_MS)
            return
        self._retry_ms = _RETRY_MS
        self._is_reading = False
        closed = [Bar.of(day) for day in days if day.start < today]
        self._closed = _joined(closed) if closed else None
        self._day = f"{today:%Y%m%d}"
        if not self._rows:
            self._is_complete = len(newest) < self._count
        self._answer([Bar.of(each) for each in newest])

    def _today(self) -> datetime:
        """The exchange's day: a clock of ours that is late would find each ticker to be of tomorrow."""
        today = f"{datetime.fromtimestamp(self._now(), UTC):%Y%m%d}"
        if self._last is not None:
            today = max(today, self._last.trade_date)
        return datetime.strptime(today, "%Y%m%d").replace(tzinfo=UTC)

    @owned_slot
    async def _load(self, count: int, before: datetime) -> None:
        try:
            rest = GlobalWebSocketManager.instance().rest
            rows = await rest.get_candles(self.code, self.unit, count=count, before=before)
        except QtUpbitError as exc:
            self._is_loading = False
            self._fail(exc)
            return
        self._is_complete = len(rows) < count
        self._answer([Bar.of(each) for each in rows])

    def _fail(self, error: QtUpbitError) -> None:
        self._failures.append(error)
        self._answer_timer.start(0)

    def _answer(self, rows: list[Bar]) -> None:
        self._answers.append(rows)
        self._answer_timer.start(0)

    def _take_answers(self) -> None:
        failures, self._failures = self._failures, []
        answers, self._answers = self._answers, []
        for rows in answers:
            self._is_loading = False
            self._merge(rows)
            self._follow()
            self.loaded.emit()
        for failure in failures:
            self.error_occurred.emit(failure)

    def _merge(self, rows: list[Bar]) -> None:
        known = {row.start: index for index, row in enumerate(self._rows)}
        older = [row for row in rows if not self._rows or row.start < self._rows[0].start]
        newer = [row for row in rows if self._rows and row.start > self._rows[-1].start]
        for row in rows:
            index = known.get(row.start)
            if index is not None and self._rows[index] != row:
                self._rows[index] = row
                self.candle_changed.emit(index)
        if older:
            self._rows[:0] = older
            self.candles_added.emit(0, len(older))
        if newer:
            first = len(self._rows)
            self._rows += newer
            self.candles_added.emit(first, len(newer))

    # --- live --------------------------------------------------------------------------------------

    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code == self.code:
            self._last = event
            self._follow()

    def _follow(self) -> None:
        """Put the running candle at the end, as the ticker tells it."""
        event = self._last
        if event is None or self._day is None:
            return
        if event.trade_date != self._day:
            if event.trade_date > self._day:
                self._read_again()
            return
        running = self._running(event)
        last = self._rows[-1] if self._rows else None
        if last is not None and running.start == last.start:
            if running != last:
                self._rows[-1] = running
                self.candle_changed.emit(len(self._rows) - 1)
        elif last is None or running.start > last.start:
            self._rows.append(running)
            self.candles_added.emit(len(self._rows) - 1, 1)

    def _running(self, event: TickerEvent) -> Bar:
        traded = event.traded_at.timestamp()
        today = Bar(
            self._grid.start(self._grid.slot(traded)),
            float(event.opening_price),
            float(event.high_price),
            float(event.low_price),
            float(event.trade_price),
            float(event.acc_trade_volume),
        )
        return today if self._closed is None else _joined([self._closed._replace(start=today.start), today])


def _joined(rows: list[Bar]) -> Bar:
    """Candles that follow each other as one."""
    return Bar(
        rows[0].start,
        rows[0].open,
        max(row.high for row in rows),
        min(row.low for row in rows),
        rows[-1].close,
        sum(row.volume for row in rows),
    )
