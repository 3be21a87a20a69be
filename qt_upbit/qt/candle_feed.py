"""`CandleFeed`: the candles of a chart, history and stream in one continuous series."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, overload

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from qt_upbit.exceptions import DecodeError, InvalidSubscriptionError, ProxyClosedError, QtUpbitError
from qt_upbit.protocol.subscription_request import check_code, resolve_unit
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.outbox import Outbox
from qt_upbit.qt.owned_slot import owned_slot
from qt_upbit.qt.subscription import Subscription
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.routing.candle_history import BackfillState, CandleHistory
from qt_upbit.routing.candle_series import CandleSeries, Change
from qt_upbit.routing.candle_source import CandleSource, source_of
from qt_upbit.routing.period_candle import DaysWanted
from qt_upbit.types import BaseWebSocketEvent, CandleEvent, CandlePeriod, CandleUnit

__all__ = ["CandleFeed"]


class CandleFeed(QObject):
    """The candles of one pair and unit: exact `CandleEvent`s, oldest first, kept up to date.

    It subscribes first and fetches history over REST afterwards, so that nothing falls between the two.
    Candles missed during an interruption arrive by the subscription, or are fetched again. ::

        self.feed = CandleFeed("KRW-BTC", "1m", count=500, parent=self)
        self.feed.candles_added.connect(self.on_added)
        self.feed.candle_changed.connect(self.update)
        last = self.feed[-1].trade_price

    Upbit streams ``1s`` to ``240m`` (protocol section 3.4). For ``1d``, ``1w``, ``1M`` and ``1y``, which only
    REST has (9.1), the current candle combines its closed days and the ticker's day (3.1). With the first
    trade after 00:00 UTC the final candle of the previous day is read; until then a week, month or year does
    not update.

    Signals, in the order of the changes:
        ``candles_added(first_index, count)``: at the end when a candle begins, at 0 when older history was
        loaded, in between when a gap was backfilled.
        ``candle_changed(index)``: a candle has new values, nearly always the last one.
        ``reset()``: the market changed; there are no candles now.
        ``loaded()``: the history requested at the start or by `load_more` has arrived.
        ``error_occurred(error)``: history or stream failed; retried automatically, except `load_more`.

    Args:
        code: the pair.
        unit: length of the candles: a `CandleUnit`, a `CandlePeriod`, or ``1s`` to ``1y`` as text. Beware of
            ``1m``, a minute, and ``1M``, a month.
        count: number of candles to load at the start.
        parent: owner; the feed is closed with it, or by `close`. Without one it lives as long as you hold a
            reference, or a history request is in progress.
        manager: instead of the application's manager, for tests.

    Raises:
        InvalidSubscriptionError: code or unit is wrong.
    """

    candles_added = Signal(int, int)
    candle_changed = Signal(int)
    reset = Signal()
    loaded = Signal()
    error_occurred = Signal(object)

    def __init__(
        self,
        code: str,
        unit: CandleUnit | CandlePeriod | str = CandleUnit.M1,
        *,
        count: int = 200,
        parent: QObject | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        # Invalid arguments must not leave a half-built feed with its parent.
        check_code(code)
        resolve_unit(unit)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InvalidSubscriptionError(
                f"count must be a number of candles such as 200, not {count!r:.80}"
            )
        super().__init__(parent)
        self._manager = manager if manager is not None else GlobalWebSocketManager.instance()
        self._proxy = WebSocketClientProxy("candle feed", parent=self, manager=self._manager)
        self._proxy.candle_received.connect(self._on_event)
        self._proxy.ticker_received.connect(self._on_event)
        self._proxy.gap_detected.connect(self._on_gap)
        self._proxy.error_occurred.connect(self.error_occurred)
        self._count = count
        self._subscription: Subscription | None = None
        self._series = CandleSeries()
        self._epoch = 0
        """Increases with each change of market, so that late answers are recognised."""
        self._history = CandleHistory()
        self._answers = Outbox("qt_upbit candle answers", self)
        self._begin_timer = self._timer("qt_upbit candle history", self._begin)
        self._retry_timer = self._timer("qt_upbit candle retry", self._backfill)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._subscribe(code, unit)

    def _timer(self, name: str, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def _subscribe(self, code: str, unit: CandleUnit | CandlePeriod | str) -> None:
        wanted = resolve_unit(unit)
        source = source_of(wanted)
        before = self._subscription
        # The new subscription first: the shared connection then never drops to none in between.
        self._subscription = self._proxy.open_subscription(source.event_type, [code], **source.options)
        if before is not None:
            before.close()
        self.code = code
        self.unit = wanted
        self._source: CandleSource = source
        self._begin_timer.start(0)

    # --- candles -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._series)

    def __iter__(self) -> Iterator[CandleEvent]:
        return iter(self._series)

    @overload
    def __getitem__(self, index: int) -> CandleEvent: ...

    @overload
    def __getitem__(self, index: slice) -> list[CandleEvent]: ...

    def __getitem__(self, index: int | slice) -> CandleEvent | list[CandleEvent]:
        return self._series[index]

    @property
    def is_loading(self) -> bool:
        """Whether a history request is in progress."""
        return self._history.is_loading

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing older to load."""
        return self._history.is_complete

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or its proxy was deleted."""
        return not shiboken6.isValid(self) or self._proxy.is_closed

    # --- requests ----------------------------------------------------------------------------------

    def set_market(self, code: str, unit: CandleUnit | CandlePeriod | str | None = None) -> None:
        """Switch to another pair or unit.

        Raises:
            InvalidSubscriptionError: code or unit is wrong; nothing changes.
            ProxyClosedError: the feed is closed.
        """
        self._check_usable()
        self._subscribe(code, self.unit if unit is None else unit)
        self._epoch += 1
        self._cancel()
        self._series = CandleSeries()
        self._history = CandleHistory()
        self._answers.clear()
        self._retry_timer.stop()
        self._emit(self.reset)

    def load_more(self, count: int = 200) -> bool:
        """Load older candles; False if a load is in progress or there are none."""
        self._manager.guard.check_thread()
        if self.is_closed or not self._history.request_more():
            return False
        before = self._series[0].start if len(self._series) else None
        self._keep(self._load(self._epoch, count, before))
        return True

    def close(self) -> None:
        """Stop; the candles stay. Idempotent."""
        if self.is_closed:
            return
        self._manager.guard.check_thread()
        self._cancel()
        self._history.close()
        self._answers.clear()
        for timer in (self._begin_timer, self._retry_timer):
            timer.stop()
        self._proxy.close()

    def _check_usable(self) -> None:
        if self.is_closed:
            raise ProxyClosedError("the feed is closed: make a new one")
        self._manager.guard.check_usable()

    def _cancel(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        self._tasks.clear()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- stream ------------------------------------------------------------------------------------

    def _on_event(self, event: BaseWebSocketEvent) -> None:
        if self._subscription is None or event.stream_key not in self._subscription.keys:
            return  # of the previous market
        try:
            candle = self._source.receive(event)
        except DecodeError as exc:
            self._report_failure(exc)
            return
        # Before the candle is added: the final state of the last one must be read.
        self._note_what_is_behind()
        self._put(candle)
        if self._history.backfill is not BackfillState.RETRYING:
            self._backfill()

    def _note_what_is_behind(self) -> None:
        since = self._source.behind_since
        if since is not None:
            self._history.note_gap(self._series[-1].start if len(self._series) else since)

    def _put(self, candle: CandleEvent | None) -> None:
        change = None if candle is None else self._series.update(candle)
        if change is not None:
            self._notify((change,))

    def _on_gap(self, *_: object) -> None:
        """Everything else that was missed is delivered; this part could not be fetched."""
        if len(self._series):
            self._history.note_gap(self._series[-1].start)
            self._backfill()

    def _notify(self, changes: Sequence[Change]) -> None:
        epoch = self._epoch
        for first, count, is_new in changes:
            if epoch != self._epoch or self.is_closed:
                return  # a slot changed the market or closed the feed
            if is_new:
                self._emit(self.candles_added, first, count)
            else:
                self._emit(self.candle_changed, first)

    def _emit(self, signal: Any, *args: Any) -> None:
        """Emit a signal other than `error_occurred`, and report what a slot raised."""
        self._manager.reporter.emit(self, "candle feed", signal, *args)

    def _report_failure(self, error: QtUpbitError) -> None:
        self._manager.reporter.log(error, "candle feed", self)
        self.error_occurred.emit(error)

    # --- history -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._history.request_first():
            self._keep(self._load_first(self._epoch))

    @owned_slot
    async def _load_first(self, epoch: int) -> None:
        subscription = self._subscription
        was_live = subscription is None or subscription.is_live
        rows = await self._fetch_page(epoch, self._count, None)
        if rows is None or epoch != self._epoch:
            return
        if rows and not was_live and subscription is not None:
            # Between REST's answer and the first frame nothing was received.
            self._history.note_gap(rows[-1].start)
            try:
                await subscription
            except QtUpbitError:
                return  # reported by the proxy; the first candle that arrives triggers the backfill
        if epoch == self._epoch:
            self._backfill()

    @owned_slot
    async def _load(self, epoch: int, count: int, before: datetime | None) -> None:
        await self._fetch_page(epoch, count, before)

    async def _fetch_page(self, epoch: int, count: int, before: datetime | None) -> list[CandleEvent] | None:
        rows = await self._ask(epoch, self.unit, count=count, before=before)
        if epoch != self._epoch:
            return None
        if rows is not None:
            self._history.page_arrived(is_last=len(rows) < count)
            self._answer(epoch, functools.partial(self._take_page, rows))
            return rows
        retry_ms = self._history.page_failed()
        if retry_ms is not None and not self.is_closed:
            self._begin_timer.start(retry_ms)
        return None

    def _backfill(self) -> None:
        if not self.is_closed and self._history.start_backfill():
            self._keep(self._fetch_gap(self._epoch))

    @owned_slot
    async def _fetch_gap(self, epoch: int) -> None:
        while (since := self._history.take_gap()) is not None:
            take = await self._read(epoch, since)
            if epoch != self._epoch:
                return
            if take is None:
                retry_ms = self._history.gap_failed(since)
                if not self.is_closed:
                    self._retry_timer.start(retry_ms)
                return
            self._history.gap_arrived()
            self._answer(epoch, take)

    async def _read(self, epoch: int, since: datetime) -> Callable[[], None] | None:
        """Read what the source needs since then; returns what applies it, None if a call failed."""
        days: list[CandleEvent] | None = []
        wanted = self._source.begin_reading()
        if wanted is not None:
            which = {"count": wanted.limit, "after": wanted.since, "before": wanted.before}
            days = await self._ask(epoch, CandlePeriod.DAY, **which)
        if days is None:
            return None
        # The candles last: one that just ended may still change for a moment.
        rows = await self._ask_since(epoch, since)
        return None if rows is None else functools.partial(self._take_backfilled, rows, wanted, days)

    async def _ask_since(self, epoch: int, since: datetime) -> list[CandleEvent] | None:
        few = self._source.few
        if few is not None:
            rows = await self._ask(epoch, self.unit, count=few, after=since)
            if rows is None or len(rows) < few:
                return rows
        return await self._ask(epoch, self.unit, count=None, after=since)

    async def _ask(
        self, epoch: int, unit: CandleUnit | CandlePeriod, **which: Any
    ) -> list[CandleEvent] | None:
        """Candles over REST; None if the call failed, which is reported, or is obsolete."""
        if epoch != self._epoch:
            return None
        try:
            return [*await self._manager.rest.get_candles(self.code, unit, **which)]
        except ProxyClosedError:
            return None
        except QtUpbitError as exc:
            self._answer(epoch, functools.partial(self._report_failure, exc))
            return None

    def _answer(self, epoch: int, take: Callable[[], None]) -> None:
        if epoch == self._epoch and shiboken6.isValid(self):
            self._answers.post(take)

    def _take_page(self, rows: list[CandleEvent]) -> None:
        epoch = self._epoch
        self._notify(self._series.merge(rows))
        if epoch == self._epoch and not self.is_closed:
            self._emit(self.loaded)

    def _take_backfilled(
        self, rows: list[CandleEvent], wanted: DaysWanted | None, days: list[CandleEvent]
    ) -> None:
        epoch = self._epoch
        if wanted is not None:
            self._source.learn(wanted, days)
        self._notify(self._series.merge(rows))
        if epoch == self._epoch and not self.is_closed:
            self._put(self._source.candle)
