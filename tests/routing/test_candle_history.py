"""`CandleHistory`: its tables; in any order of events no gap is lost, and one thing is read at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qt_upbit.routing.candle_history import (
    BACKFILL_TRANSITIONS,
    PAGE_TRANSITIONS,
    BackfillState,
    BackfillTrigger,
    CandleHistory,
    PageState,
    PageTrigger,
)

START = datetime(2026, 11, 30, tzinfo=UTC)


def begun(*, is_last: bool = False) -> CandleHistory:
    history = CandleHistory()
    assert history.request_first()
    history.page_arrived(is_last=is_last)
    return history


def test_closed_is_final_and_reached_from_everywhere() -> None:
    for page in PageState:
        assert PAGE_TRANSITIONS[page, PageTrigger.CLOSED] is PageState.CLOSED
    for trigger in PageTrigger:
        assert PAGE_TRANSITIONS[PageState.CLOSED, trigger] is PageState.CLOSED
    for backfill in BackfillState:
        assert BACKFILL_TRANSITIONS[backfill, BackfillTrigger.CLOSED] is BackfillState.CLOSED
    for each in BackfillTrigger:
        assert BACKFILL_TRANSITIONS[BackfillState.CLOSED, each] is BackfillState.CLOSED


def test_every_state_can_be_reached() -> None:
    assert {PageState.WAITING, *PAGE_TRANSITIONS.values()} == set(PageState)
    assert {BackfillState.IDLE, *BACKFILL_TRANSITIONS.values()} == set(BackfillState)


def test_the_first_page_is_retried_and_later_each_time() -> None:
    history = CandleHistory()
    waits = []
    for _ in range(7):
        assert history.request_first()
        assert not history.request_first(), "one at a time"
        assert history.is_loading
        waits.append(history.page_failed())
        assert not history.is_loading
        assert not history.request_more(), "the first page comes first"
    assert waits == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    assert history.request_first()
    history.page_arrived(is_last=False)
    assert history.request_more()


def test_an_older_page_is_not_retried_but_can_be_requested_again() -> None:
    history = begun()
    assert history.request_more()
    assert not history.request_more()
    assert history.page_failed() is None
    assert history.has_begun
    assert history.request_more()
    history.page_arrived(is_last=True)
    assert history.is_complete
    assert not history.request_more()


def test_gaps_wait_for_the_first_page() -> None:
    history = CandleHistory()
    history.note_gap(START)
    assert not history.start_backfill()
    assert history.request_first()
    assert not history.start_backfill()
    history.page_arrived(is_last=False)
    assert history.start_backfill()


def test_the_earliest_gap_is_read_and_what_comes_meanwhile_after_it() -> None:
    history = begun()
    assert not history.start_backfill(), "there is no gap"
    history.note_gap(START + timedelta(minutes=1))
    history.note_gap(START)
    history.note_gap(START + timedelta(minutes=2))
    assert history.start_backfill()
    assert history.take_gap() == START
    history.note_gap(START + timedelta(minutes=3))
    assert not history.start_backfill(), "one at a time"
    assert not history.is_settled
    history.gap_arrived()
    assert history.take_gap() == START + timedelta(minutes=3)
    history.gap_arrived()
    assert history.take_gap() is None
    assert history.is_settled


def test_a_gap_that_cannot_be_read_is_kept() -> None:
    history = begun()
    history.note_gap(START)
    assert history.start_backfill()
    assert history.take_gap() == START
    history.note_gap(START + timedelta(minutes=1))
    assert history.gap_failed(START) == 2_000
    assert history.gap == START
    assert history.backfill is BackfillState.RETRYING
    assert history.start_backfill()
    assert history.take_gap() == START
    history.gap_arrived()
    assert history.take_gap() is None
    history.note_gap(START)
    assert history.start_backfill()
    assert history.take_gap() == START
    assert history.gap_failed(START) == 2_000, "a success resets the delay"


def test_late_answers_after_closing_change_nothing() -> None:
    history = begun()
    history.note_gap(START)
    assert history.request_more()
    assert history.start_backfill()
    since = history.take_gap()
    assert since is not None
    history.close()
    history.close()
    history.page_arrived(is_last=True)
    assert history.page_failed() is None
    history.gap_failed(since)
    assert not history.request_first()
    assert not history.request_more()
    assert not history.start_backfill()
    assert (history.pages, history.backfill) == (PageState.CLOSED, BackfillState.CLOSED)
    assert not history.is_loading


def test_what_was_not_requested_cannot_be_answered() -> None:
    history = CandleHistory()
    with pytest.raises(RuntimeError, match="ARRIVED in state WAITING"):
        history.page_arrived(is_last=False)
    with pytest.raises(RuntimeError, match="FAILED in state IDLE"):
        history.gap_failed(START)


class AnyOrder(RuleBasedStateMachine):
    """Pages, gaps, failures and closing in any order, against the set of candles that may be wrong."""

    @initialize()
    def begin(self) -> None:
        self.history = CandleHistory()
        self.wrong: set[int] = set()
        self.reading: int | None = None
        self.is_closed = False

    @rule(minute=st.integers(0, 50))
    def gap(self, minute: int) -> None:
        self.wrong.add(minute)
        self.history.note_gap(START + timedelta(minutes=minute))

    @rule()
    def request(self) -> None:
        was_loading = self.history.is_loading
        requested = self.history.request_first() or self.history.request_more()
        assert not (requested and (was_loading or self.is_closed))

    @precondition(lambda self: self.history.is_loading)
    @rule(fails=st.booleans(), is_last=st.booleans())
    def answer_page(self, fails: bool, is_last: bool) -> None:
        had_begun = self.history.has_begun
        if fails:
            assert (self.history.page_failed() is None) == had_begun
            assert self.history.has_begun == had_begun
        else:
            self.history.page_arrived(is_last=is_last)
            assert self.history.has_begun

    @precondition(lambda self: self.reading is None)
    @rule()
    def backfill(self) -> None:
        may = bool(self.wrong) and self.history.has_begun and not self.is_closed
        assert self.history.start_backfill() == may
        if may:
            self._take()

    def _take(self) -> None:
        since = self.history.take_gap()
        self.reading = None if since is None else round((since - START).total_seconds() / 60)
        if self.reading is not None:
            assert all(minute >= self.reading for minute in self.wrong)
            self.wrong.clear()

    @precondition(lambda self: self.reading is not None and not self.is_closed)
    @rule(fails=st.booleans())
    def answer_gap(self, fails: bool) -> None:
        assert self.reading is not None
        if fails:
            self.wrong.add(self.reading)
            assert 2_000 <= self.history.gap_failed(START + timedelta(minutes=self.reading)) <= 60_000
            self.reading = None
        else:
            self.history.gap_arrived()
            self._take()

    @rule(do=st.sampled_from([False] * 9 + [True]))
    def close(self, do: bool) -> None:
        if do:
            self.history.close()
            self.is_closed = True

    @invariant()
    def no_gap_is_lost(self) -> None:
        gap = self.history.gap
        assert (gap is None) == (not self.wrong)
        assert gap is None or gap == START + timedelta(minutes=min(self.wrong))
        if not self.is_closed:
            assert (self.history.backfill is BackfillState.READING) == (self.reading is not None)


TestAnyOrder = AnyOrder.TestCase
