"""`CandleHistory`: when a candle feed asks REST for what, without Qt, REST or clock.

Two things go on side by side, each one enumeration with one table: pages of older candles, and the backfill
of gaps, which begins once the first page has come.

    WAITING ── requested ──► FIRST ── arrived ──► READY ── requested ──► MORE ── arrived, failed ──► READY
       ▲                       │                             FIRST, MORE ── arrived, the last ──► COMPLETE
       └──────── failed ───────┘
    IDLE ── started ──► READING ── finished ──► IDLE
                           └────── failed ──► RETRYING ── started ──► READING

    any ── closed ──► CLOSED, where late answers change nothing
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Final

__all__ = [
    "BACKFILL_TRANSITIONS",
    "PAGE_TRANSITIONS",
    "BackfillState",
    "BackfillTrigger",
    "CandleHistory",
    "PageState",
    "PageTrigger",
]

_RETRY_MS: Final = 2_000
_RETRY_MAX_MS: Final = 60_000


class PageState(enum.Enum):
    """How far older candles are loaded."""

    WAITING = enum.auto()
    """The first page is due, at once or after a failure."""
    FIRST = enum.auto()
    """The first page is requested."""
    READY = enum.auto()
    MORE = enum.auto()
    """An older page is requested."""
    COMPLETE = enum.auto()
    """There is nothing older."""
    CLOSED = enum.auto()


class PageTrigger(enum.Enum):
    """What moves the state of the pages."""

    REQUESTED = enum.auto()
    ARRIVED = enum.auto()
    ARRIVED_LAST = enum.auto()
    """With fewer candles than requested: there are no older ones."""
    FAILED = enum.auto()
    CLOSED = enum.auto()


class BackfillState(enum.Enum):
    """Whether a gap is being read."""

    IDLE = enum.auto()
    READING = enum.auto()
    RETRYING = enum.auto()
    """Reading failed; again after the delay, or with the next gap."""
    CLOSED = enum.auto()


class BackfillTrigger(enum.Enum):
    """What moves the state of the backfill."""

    STARTED = enum.auto()
    FINISHED = enum.auto()
    FAILED = enum.auto()
    CLOSED = enum.auto()


_P, _PT = PageState, PageTrigger
_B, _BT = BackfillState, BackfillTrigger

PAGE_TRANSITIONS: Final[dict[tuple[PageState, PageTrigger], PageState]] = {
    (_P.WAITING, _PT.REQUESTED): _P.FIRST,
    (_P.FIRST, _PT.ARRIVED): _P.READY,
    (_P.FIRST, _PT.ARRIVED_LAST): _P.COMPLETE,
    (_P.FIRST, _PT.FAILED): _P.WAITING,
    (_P.READY, _PT.REQUESTED): _P.MORE,
    (_P.MORE, _PT.ARRIVED): _P.READY,
    (_P.MORE, _PT.ARRIVED_LAST): _P.COMPLETE,
    (_P.MORE, _PT.FAILED): _P.READY,
    **{(state, _PT.CLOSED): _P.CLOSED for state in PageState},
    **{(_P.CLOSED, trigger): _P.CLOSED for trigger in PageTrigger},
}

BACKFILL_TRANSITIONS: Final[dict[tuple[BackfillState, BackfillTrigger], BackfillState]] = {
    (_B.IDLE, _BT.STARTED): _B.READING,
    (_B.RETRYING, _BT.STARTED): _B.READING,
    (_B.READING, _BT.FINISHED): _B.IDLE,
    (_B.READING, _BT.FAILED): _B.RETRYING,
    **{(state, _BT.CLOSED): _B.CLOSED for state in BackfillState},
    **{(_B.CLOSED, trigger): _B.CLOSED for trigger in BackfillTrigger},
}


class CandleHistory:
    """The history of one market; another market gets another one."""

    def __init__(self) -> None:
        self._pages = PageState.WAITING
        self._backfill = BackfillState.IDLE
        self._gap: datetime | None = None
        self._retry_ms = _RETRY_MS

    # --- state -------------------------------------------------------------------------------------

    @property
    def pages(self) -> PageState:
        """How far older candles are loaded."""
        return self._pages

    @property
    def backfill(self) -> BackfillState:
        """Whether a gap is being read."""
        return self._backfill

    @property
    def gap(self) -> datetime | None:
        """From this candle on the series may have gaps that are not being read."""
        return self._gap

    @property
    def has_begun(self) -> bool:
        """Whether the first page has arrived."""
        return self._pages in (PageState.READY, PageState.MORE, PageState.COMPLETE)

    @property
    def is_loading(self) -> bool:
        """Whether a page is requested."""
        return self._pages in (PageState.FIRST, PageState.MORE)

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing older to load."""
        return self._pages is PageState.COMPLETE

    @property
    def is_settled(self) -> bool:
        """Whether no gap is known and none is being read."""
        return self._gap is None and self._backfill is not BackfillState.READING

    # --- pages -------------------------------------------------------------------------------------

    def request_first(self) -> bool:
        """Whether the first page is to be requested now."""
        return self._pages is PageState.WAITING and self._request()

    def request_more(self) -> bool:
        """Whether an older page is to be requested now."""
        return self._pages is PageState.READY and self._request()

    def _request(self) -> bool:
        self._step_pages(PageTrigger.REQUESTED)
        return True

    def page_arrived(self, *, is_last: bool) -> None:
        """The page that was requested is here.

        Args:
            is_last: it has fewer candles than requested.
        """
        self._step_pages(PageTrigger.ARRIVED_LAST if is_last else PageTrigger.ARRIVED)
        self._retry_ms = _RETRY_MS

    def page_failed(self) -> int | None:
        """Milliseconds after which the first page is to be requested again; None for an older one."""
        self._step_pages(PageTrigger.FAILED)
        return self._next_retry_ms() if self._pages is PageState.WAITING else None

    # --- gaps --------------------------------------------------------------------------------------

    def note_gap(self, since: datetime) -> None:
        """From this candle on, candles may be missing or not final."""
        self._gap = since if self._gap is None else min(self._gap, since)

    def start_backfill(self) -> bool:
        """Whether to read gaps now: `take_gap` until it gives None."""
        if self._gap is None or not self.has_begun or self._backfill is BackfillState.READING:
            return False
        self._step_backfill(BackfillTrigger.STARTED)
        return True

    def take_gap(self) -> datetime | None:
        """The beginning of what is to be read next; None if the backfill is finished."""
        since, self._gap = self._gap, None
        if since is None:
            self._step_backfill(BackfillTrigger.FINISHED)
        return since

    def gap_arrived(self) -> None:
        """What was taken has been read."""
        self._retry_ms = _RETRY_MS

    def gap_failed(self, since: datetime) -> int:
        """What was taken could not be read: milliseconds after which to start again."""
        self.note_gap(since)
        self._step_backfill(BackfillTrigger.FAILED)
        return self._next_retry_ms()

    def close(self) -> None:
        """Request nothing any more. Idempotent."""
        self._step_pages(PageTrigger.CLOSED)
        self._step_backfill(BackfillTrigger.CLOSED)

    # --- steps -------------------------------------------------------------------------------------

    def _step_pages(self, trigger: PageTrigger) -> None:
        new = PAGE_TRANSITIONS.get((self._pages, trigger))
        if new is None:
            raise RuntimeError(f"candle history: {trigger.name} in state {self._pages.name}")
        self._pages = new

    def _step_backfill(self, trigger: BackfillTrigger) -> None:
        new = BACKFILL_TRANSITIONS.get((self._backfill, trigger))
        if new is None:
            raise RuntimeError(f"candle history: backfill {trigger.name} in state {self._backfill.name}")
        self._backfill = new

    def _next_retry_ms(self) -> int:
        wait, self._retry_ms = self._retry_ms, min(2 * self._retry_ms, _RETRY_MAX_MS)
        return wait
