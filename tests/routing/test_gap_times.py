"""A gap contains what was lost, whatever the line lags and whichever clock is off."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.frame_scan import Head
from qt_upbit.models import peek
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, LazyFrame, Subscriber
from qt_upbit.routing.gap_times import MAX_LAG_S, GapTimes, datetime_of, stamp_of
from qt_upbit.types import BaseWebSocketEvent, Delivery, Scope, WireFormat
from tests.support import events
from tests.support.model_server import frame, stream_requests

DAY_MS = 1_800_000_000_000
"""The exchange's clock where the monotonic one says 0."""
_ids = itertools.count(1)


def _trade(code: str, ms: int) -> BaseWebSocketEvent:
    # The time of the frame is later than that of the trade.
    return events.trade(code, number=ms, trade_timestamp=ms, timestamp=ms + 150)


def _my_order(code: str, ms: int) -> BaseWebSocketEvent:
    return events.my_order(code, timestamp=ms, trade_timestamp=None)


MAKERS: dict[str, Callable[[str, int], BaseWebSocketEvent]] = {
    "ticker": lambda code, ms: events.ticker(code, timestamp=ms),
    "trade": _trade,
    "orderbook": lambda code, ms: events.orderbook(code, timestamp=ms),
    "candle": lambda code, ms: events.candle(code, timestamp=ms),
    "my_order": _my_order,
}


class Line:
    """An exchange, a line that lags and a machine whose clock is off, all in seconds."""

    def __init__(self, name: str, codes: tuple[str, ...] = ("KRW-BTC",), clock_off: float = 0.0) -> None:
        self.hub = FanoutHub(lambda delivery: None)
        self.engine = DataRoutingEngine(self.hub)
        self.wall_offset = DAY_MS / 1000 + clock_off
        self.name = name
        self.subscriber = Subscriber(next(_ids), "line", Delivery.EVERY)
        options = {"unit": "1m"} if name == "candle" else {}
        requests = stream_requests(name, *codes, **options)
        self.engine.attach(self.subscriber, [Target(one.key, one.options) for one in requests])
        self.scope = Scope.PRIVATE if name == "my_order" else Scope.PUBLIC

    def event(self, at: float, lag: float = 0.0, code: str = "KRW-BTC") -> None:
        """Something that happened at `at` arrives `lag` later."""
        made = MAKERS[self.name](code, DAY_MS + round(at * 1000))
        raw = frame(made, WireFormat.DEFAULT)
        head = peek(raw)
        assert head is not None
        self.engine.route(head, raw, at + lag)

    def lose(self) -> None:
        self.engine.mark_stale(self.scope)

    def first(self, at: float) -> tuple[Head, bytes]:
        """An event that is received and not routed yet."""
        raw = frame(MAKERS[self.name]("KRW-BTC", DAY_MS + round(at * 1000)), WireFormat.DEFAULT)
        head = peek(raw)
        assert head is not None
        return head, raw

    def gap(self, begin: float, end: float, first: tuple[Head, bytes] | None = None) -> tuple[float, float]:
        """The gap told, in seconds of the exchange since `DAY_MS`."""
        self.engine.gap(self.scope, begin, end, 0, self.wall_offset, first)
        gaps: list[Gap] = []
        while (item := self.subscriber.take()) is not None:
            if isinstance(item, Gap):
                gaps.append(item)
        (gap,) = gaps
        assert gap.begin <= gap.end
        return gap.begin - DAY_MS / 1000, gap.end - DAY_MS / 1000


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("lag", [0.0, 3.0, 12.0])
@pytest.mark.parametrize("clock_off", [0.0, 2.0, -2.0, 3600.0, -3600.0])
def test_a_gap_begins_at_the_last_stamp_and_ends_after_what_was_lost(
    name: str, lag: float, clock_off: float
) -> None:
    line = Line(name, clock_off=clock_off)
    for at in range(100, 110):
        line.event(at, lag)
    # The last event happened at 109; it was received `lag` later, and there the line broke.
    lost_at = 109.0 + lag
    line.lose()
    begin, end = line.gap(109.0 if name == "my_order" else lost_at, lost_at + 1.0)
    assert begin == pytest.approx(109.0)
    # A clock that is behind by less than the line lags hides the lag, and one that is far behind shows none.
    if clock_off >= 0.0 or lag < 3.0:
        assert end >= lost_at + 1.0, "the new connection may be quicker than the old one"
    assert end <= lost_at + 1.0 + MAX_LAG_S + 0.2, "nor is it endless"


@pytest.mark.parametrize("lag", [0.0, 3.0, 12.0])
@pytest.mark.parametrize("clock_off", [0.0, 2.0, -2.0, 3600.0, -3600.0])
def test_the_first_event_after_a_gap_tells_the_exchanges_time_whatever_our_clock_says(
    lag: float, clock_off: float
) -> None:
    line = Line("trade", clock_off=clock_off)
    for at in range(100, 110):
        line.event(at, lag)
    line.lose()
    begin, end = line.gap(109.0 + lag, 125.0, line.first(124.9))
    assert begin == pytest.approx(109.0)
    assert 124.9 <= end <= 125.0 + MAX_LAG_S + 0.2


def test_a_pair_that_was_quiet_was_complete_as_long_as_the_others() -> None:
    line = Line("trade", ("KRW-BTC", "KRW-ETH"))
    line.event(100.0, code="KRW-ETH")
    for at in range(200, 210):
        line.event(at, 0.5)
    line.lose()
    begin, _ = line.gap(209.5, 215.0)
    assert 208.0 <= begin <= 209.0


def test_a_snapshot_in_the_silence_does_not_shorten_the_gap() -> None:
    """STALE: the feed was silent from 109 on; the snapshot asked for then is newer, live data is not."""
    line = Line("ticker")
    for at in range(100, 110):
        line.event(at, 0.1)
    line.lose()
    line.event(125.0, 0.1)
    begin, _ = line.gap(109.1, 126.0)
    assert begin == pytest.approx(109.0)


def test_what_is_subscribed_again_later_has_no_gap_from_before() -> None:
    line = Line("ticker")
    line.event(100.0)
    line.engine.mark_stale(Scope.PUBLIC, is_over=True)
    line.event(500.0)
    line.lose()
    begin, _ = line.gap(500.0, 501.0)
    assert begin == pytest.approx(500.0)


def test_garbled_stamps_move_no_gap() -> None:
    codes = tuple(f"KRW-A{number}" for number in range(9))
    line = Line("ticker", codes)
    for number, code in enumerate(codes[1:]):
        line.event(100.0 + number / 10, code=code)
    line.event(9e8, 101.0 - 9e8, code=codes[0])  # thirty years ahead
    line.lose()
    begin, end = line.gap(101.0, 105.0)
    assert 98.0 <= begin <= 101.0
    assert 105.0 <= end <= 105.0 + MAX_LAG_S


def test_few_frames_are_read_however_many_streams_there_are() -> None:
    read: list[float] = []

    class Frame(LazyFrame, eq=False):
        def event(self) -> BaseWebSocketEvent:
            read.append(self.received_at)
            return super().event()

    def make(at: int) -> LazyFrame:
        raw = frame(events.ticker(timestamp=DAY_MS + at), WireFormat.DEFAULT)
        head = peek(raw)
        assert head is not None
        return Frame(head, raw, at / 1000)

    frames = [make(at) for at in range(2000)]
    times = GapTimes(frames, frames, DAY_MS / 1000)
    assert len(read) <= 150
    assert times.begin(frames[-1], 2.0, is_complete=False) == pytest.approx(DAY_MS / 1000 + 1.999)


@given(st.floats(-1e18, 1e18))
def test_every_moment_is_a_time(moment: float) -> None:
    assert datetime_of(moment).tzinfo is not None


def test_a_stamp_to_the_millisecond() -> None:
    event: Any = events.trade(trade_timestamp=1_764_565_200_123, timestamp=1_764_565_200_200)
    assert datetime_of(stamp_of(event)) == event.traded_at
