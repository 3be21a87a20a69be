"""What was missed comes before what is buffered, each event once, or the gap is reported."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.models import peek
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Subscriber
from qt_upbit.routing.recovery import BackfillBuffer
from qt_upbit.types import (
    BaseWebSocketEvent,
    CandleEvent,
    Delivery,
    Scope,
    StreamType,
    TradeEvent,
    WireFormat,
)
from tests.support import events
from tests.support.model_server import frame, stream_requests

_ids = itertools.count(1)


class Rig:
    """An engine and what its subscribers are shown."""

    def __init__(self) -> None:
        self.hub = FanoutHub(lambda delivery: None)
        self.engine = DataRoutingEngine(self.hub)

    def attach(self, name: str, delivery: Delivery, realtime: bool = True, **options: Any) -> Subscriber:
        made = stream_requests(name, "KRW-BTC", realtime=realtime, **options)
        subscriber = Subscriber(next(_ids), name, delivery, wants_realtime=realtime)
        self.engine.attach(
            subscriber, [Target(stream_request.key, stream_request.options) for stream_request in made]
        )
        return subscriber

    def frame(self, made: BaseWebSocketEvent, *, snapshot: bool = False) -> None:
        raw = frame(made, WireFormat.SIMPLE)
        if snapshot:
            raw = raw.replace(b"REALTIME", b"SNAPSHOT")
        head = peek(raw)
        assert head is not None
        self.engine.route(head, raw, 0.0)

    def gap(self) -> BackfillBuffer:
        (buffer,) = self.engine.gap(Scope.PUBLIC, 10.0, 20.0, max_buffered_frames=1000)
        return buffer

    def shown(self, subscriber: Subscriber) -> list[BaseWebSocketEvent | Gap]:
        found: list[BaseWebSocketEvent | Gap] = []
        while (item := subscriber.take()) is not None:
            found.append(item if isinstance(item, Gap) else subscriber.view(item))
        return found

    def numbers(self, subscriber: Subscriber) -> list[Any]:
        """Ids of trades, with an ``r`` for recovered ones and an ``s`` for snapshots."""
        return [one if isinstance(one, Gap) else _number(one) for one in self.shown(subscriber)]


def _number(event: BaseWebSocketEvent) -> str:
    assert isinstance(event, TradeEvent)
    mark = "r" if event.is_recovered else "s" if event.is_snapshot else ""
    return f"{event.sequential_id}{mark}"


def trade(number: int, ms: int | None = None) -> TradeEvent:
    ms = number * 1000 if ms is None else ms
    return events.trade(number=number, trade_timestamp=ms, timestamp=ms)


def candle(minute: int, volume: int = 1, unit: str = "1m", timestamp: int | None = None) -> CandleEvent:
    return events.candle(
        unit=unit,
        candle_date_time_utc=f"2026-01-01T00:{minute:02}:00",
        candle_acc_trade_volume=Decimal(volume),
        timestamp=minute * 60_000 + volume if timestamp is None else timestamp,
    )


def test_recovered_trades_come_before_those_held_and_each_once() -> None:
    rig = Rig()
    every, batch = rig.attach("trade", Delivery.EVERY), rig.attach("trade", Delivery.BATCH)
    for number in (1, 2, 3):
        rig.frame(trade(number))
    buffer = rig.gap()
    rig.frame(trade(6), snapshot=True)
    rig.frame(trade(7))
    rig.frame(trade(9))
    assert rig.numbers(every) == ["1", "2", "3"], "buffered until what was missed is there"
    assert rig.engine.recover(buffer, [trade(n) for n in range(1, 9)], 0.0) == 5
    assert rig.engine.release(buffer)
    rig.frame(trade(10))
    assert rig.numbers(every) == ["4r", "5r", "6r", "7r", "8r", "9", "10"]
    assert rig.numbers(batch) == ["1", "2", "3", "4r", "5r", "6r", "7r", "8r", "9", "10"]
    assert rig.engine.events_recovered == 5


def test_what_cannot_be_had_is_reported_in_its_place() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    rig.frame(trade(9))
    rig.engine.notify_gap(buffer, 10.0, 15.0)
    rig.engine.recover(buffer, [trade(8)], 0.0)
    rig.engine.release(buffer)
    assert rig.numbers(every) == ["1", Gap(("KRW-BTC",), 10.0, 15.0), "8r", "9"]


def test_streams_of_which_only_now_counts_are_reported_at_once() -> None:
    rig = Rig()
    ticker, latest = rig.attach("ticker", Delivery.LATEST), rig.attach("trade", Delivery.LATEST)
    rig.frame(events.ticker())
    rig.frame(trade(1))
    assert rig.engine.gap(Scope.PUBLIC, 10.0, 20.0, max_buffered_frames=10) == []
    for subscriber in (ticker, latest):
        assert rig.shown(subscriber)[1:] == [Gap(("KRW-BTC",), 10.0, 20.0)]


def test_a_stream_of_which_nothing_was_seen_yet_is_reported() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    assert rig.engine.gap(Scope.PUBLIC, 10.0, 20.0, max_buffered_frames=10) == []
    assert rig.shown(every) == [Gap(("KRW-BTC",), 10.0, 20.0)]


def test_without_recovery_everybody_is_reported() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    assert rig.engine.gap(Scope.PUBLIC, 10.0, 20.0) == []
    assert rig.numbers(every) == ["1", Gap(("KRW-BTC",), 10.0, 20.0)]


def test_every_closed_candle_reaches_who_takes_the_latest() -> None:
    rig = Rig()
    latest = rig.attach("candle", Delivery.LATEST, unit="1m")
    rig.frame(candle(1, volume=3))
    buffer = rig.gap()
    rig.frame(candle(4, volume=1), snapshot=True)
    rig.frame(candle(4, volume=5))
    # Answered between the two frames: what it says of the running candle is newer than the first.
    rows = [candle(0, 9), candle(1, 4), candle(2, 8), candle(3, 9), candle(4, 3)]
    assert rig.engine.recover(buffer, rows, 0.0) == 4
    rig.engine.release(buffer)
    reported = [
        (event.candle_date_time_utc[14:16], int(event.candle_acc_trade_volume or 0), str(event.stream_type))
        for event in rig.shown(latest)
        if isinstance(event, CandleEvent)
    ]
    assert reported == [
        ("01", 4, "RECOVERED"),
        ("02", 8, "RECOVERED"),
        ("03", 9, "RECOVERED"),
        ("04", 5, "REALTIME"),
    ]


def test_a_candle_is_not_turned_back() -> None:
    rig = Rig()
    every = rig.attach("candle", Delivery.EVERY, unit="1m")
    rig.frame(candle(1))
    buffer = rig.gap()
    rig.frame(candle(2, volume=1))
    rig.frame(candle(2, volume=5))
    rig.engine.recover(buffer, [candle(1), candle(2, volume=3)], 0.0)
    rig.engine.release(buffer)
    volumes = [int(e.candle_acc_trade_volume or 0) for e in rig.shown(every) if isinstance(e, CandleEvent)]
    assert volumes == [1, 3, 5]


def test_a_second_gap_extends_the_first() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    rig.frame(trade(3))
    rig.engine.mark_stale(Scope.PUBLIC)
    assert rig.engine.gap(Scope.PUBLIC, 21.0, 30.0, max_buffered_frames=10) == [buffer]
    assert (buffer.begin, buffer.end, buffer.generation, buffer.is_stale) == (10.0, 30.0, 1, False)
    rig.frame(trade(6))
    rig.engine.recover(buffer, [trade(n) for n in range(1, 7)], 0.0)
    rig.engine.release(buffer)
    assert rig.numbers(every) == ["1", "2r", "3r", "4r", "5r", "6r"]


def test_values_of_a_lost_connection_are_not_fresh() -> None:
    rig = Rig()
    rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    rig.frame(trade(3))
    rig.engine.mark_stale(Scope.PUBLIC)
    rig.engine.recover(buffer, [trade(2)], 0.0)
    rig.engine.release(buffer)
    assert rig.engine.last_event(buffer.key) is None


def test_who_leaves_costs_nothing() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    rig.frame(trade(3))
    rig.engine.detach(every.key)
    assert buffer.is_over
    assert rig.engine.recover(buffer, [trade(2)], 0.0) == 0
    assert rig.engine.release(buffer)
    rig.engine.notify_gap(buffer, 1.0, 2.0)
    newcomer = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(4), snapshot=True)
    assert rig.numbers(newcomer) == ["4s"]


def test_who_wants_a_snapshot_of_now_does_not_wait() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    snapshot = rig.attach("trade", Delivery.EVERY, realtime=False)
    rig.frame(trade(3), snapshot=True)
    assert rig.numbers(snapshot) == ["3s"]
    rig.engine.release(buffer)
    assert rig.numbers(every) == ["1", "3s"]


def test_who_comes_while_frames_are_held_gets_a_first_snapshot_once() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    late = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1), snapshot=True)
    rig.frame(trade(2))
    assert rig.engine.recover(buffer, [trade(1)], 0.0) == 0
    rig.engine.release(buffer)
    assert rig.numbers(every) == ["1", "2"]
    assert rig.numbers(late) == ["1s", "2"]


def test_who_comes_during_a_gap_is_not_shown_what_was_missed_before_it_came() -> None:
    # Seed 4002 of the chaos suite: trade 2 came garbled, and the gap after it brought it back.
    rig = Rig()
    there = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    rig.frame(trade(3))
    rig.engine.mark_stale(Scope.PUBLIC)
    comer = rig.attach("trade", Delivery.EVERY)
    buffer = rig.gap()
    rig.frame(trade(5), snapshot=True)
    rig.engine.recover(buffer, [trade(n) for n in range(6)], 21.0)
    assert rig.engine.release(buffer)
    rig.frame(trade(6))
    assert rig.numbers(there) == ["1", "3", "2r", "4r", "5r", "6"]
    assert rig.numbers(comer) == ["4r", "5r", "6"]


def test_a_full_hold_lets_the_oldest_go_and_asks_again() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    (buffer,) = rig.engine.gap(Scope.PUBLIC, 10.0, 20.0, max_buffered_frames=2)
    for number in (3, 4, 5):
        rig.frame(trade(number))
    assert buffer.generation == 1
    rig.engine.recover(buffer, [trade(n) for n in range(1, 5)], 0.0)
    rig.engine.release(buffer)
    assert rig.numbers(every) == ["1", "2r", "3r", "4r", "5"]


def test_frames_go_on_being_held_while_they_are_released_in_slices() -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    buffer = rig.gap()
    for number in (2, 3):
        rig.frame(trade(number))
    assert not rig.engine.release(buffer, at_most=1)
    rig.frame(trade(4))
    assert not rig.engine.release(buffer, at_most=1)
    assert rig.engine.release(buffer, at_most=1)
    assert rig.numbers(every) == ["1", "2", "3", "4"]


def test_whether_what_was_fetched_joins_what_is_held() -> None:
    rig = Rig()
    rig.attach("trade", Delivery.EVERY)
    rig.attach("candle", Delivery.EVERY, unit="1m")
    rig.frame(trade(1))
    rig.frame(candle(1))
    trades, candles = rig.engine.gap(Scope.PUBLIC, 10.0, 20.0, max_buffered_frames=10)
    assert trades.joins([])
    rig.frame(trade(5))
    rig.frame(candle(3, volume=5))
    assert [trades.joins(rows) for rows in ([], [trade(4)], [trade(4), trade(5)], [trade(6)])] == [
        False, False, True, True,
    ]  # fmt: skip
    assert [candles.joins([row]) for row in (candle(2, 9), candle(3, 4), candle(3, 5), candle(4, 1))] == [
        False, False, True, True,
    ]  # fmt: skip


@st.composite
def _histories(draw: st.DrawFn) -> dict[str, Any]:
    """A tape, its order on the wire, what was missed of it, and how REST answers."""
    count = draw(st.integers(4, 120))
    steps = draw(st.lists(st.integers(0, 900), min_size=count, max_size=count))
    tape = [trade(n + 1, ms) for n, ms in enumerate(itertools.accumulate(steps, initial=10_000))]
    wire = list(tape)
    for at in draw(st.lists(st.integers(0, len(wire) - 2), max_size=12)):
        wire[at], wire[at + 1] = wire[at + 1], wire[at]
    begin = draw(st.integers(1, len(wire) - 1))
    end = draw(st.integers(begin, len(wire)))
    return {
        "tape": tape,
        "wire": wire,
        "begin": begin,
        "end": end,
        "page": draw(st.integers(1, 40)),
        "most_pages": draw(st.integers(0, 12)),
        "asked_after": draw(st.integers(0, len(wire) - end)),
        "slice": draw(st.integers(1, 50)),
        "again": draw(st.booleans()),
    }


@given(_histories())
def test_each_trade_once_and_in_order_or_a_gap(case: dict[str, Any]) -> None:
    rig = Rig()
    every = rig.attach("trade", Delivery.EVERY)
    wire, begin, end = case["wire"], case["begin"], case["end"]
    for one in wire[:begin]:
        rig.frame(one)
    buffer = rig.gap()
    asked = end + case["asked_after"]
    for one in wire[end:asked]:
        rig.frame(one)
    if case["again"]:
        assert rig.engine.gap(Scope.PUBLIC, 21.0, 22.0, max_buffered_frames=1000) == [buffer]

    # REST at that moment knows all that happened so far, newest first, in pages.
    known = sorted(wire[:asked], key=lambda each: each.sequential_id)
    fetched: list[TradeEvent] = []
    complete = False
    for _ in range(case["most_pages"]):
        page = known[max(0, len(known) - len(fetched) - case["page"]) : len(known) - len(fetched)]
        fetched = page + fetched
        complete = not page or buffer.reaches(page[0])
        if complete:
            break
    if not complete:
        rig.engine.notify_gap(buffer, 10.0, 15.0)
    for at in range(0, len(fetched), case["slice"]):
        rig.engine.recover(buffer, fetched[at : at + case["slice"]], 0.0)
    rest = iter(wire[asked:])
    while not rig.engine.release(buffer, at_most=case["slice"]):
        if (one := next(rest, None)) is not None:
            rig.frame(one)
    for one in rest:
        rig.frame(one)

    shown = rig.shown(every)
    reported = [one for one in shown if isinstance(one, Gap)]
    trades = [one for one in shown if isinstance(one, TradeEvent)]
    ids = [one.sequential_id for one in trades]
    assert len(ids) == len(set(ids)), "each once"
    marks = [one.stream_type == StreamType.RECOVERED for one in trades[begin:]]
    assert marks == sorted(marks, reverse=True), "recovered before live"
    recovered = [one.sequential_id for one in trades if one.is_recovered]
    assert recovered == sorted(recovered)
    missing = {one.sequential_id for one in case["tape"]} - set(ids)
    # What came before the first event seen was never promised; nothing else may be missing untold.
    assert bool(reported) == (not complete)
    assert reported or all(number < ids[0] for number in missing)
    for one in rig.shown(every):
        raise AssertionError(one)


# --- gaps in a stream whose connection lives ------------------------------------------------------


def _gap_rig(max_buffered_frames: int = 100) -> tuple[Rig, list[BackfillBuffer]]:
    rig, gaps = Rig(), list[BackfillBuffer]()
    rig.engine = DataRoutingEngine(rig.hub, max_buffered_frames, gaps.append)
    return rig, gaps


def test_a_snapshot_of_a_running_stream_shows_that_trades_were_missed() -> None:
    """A request for other streams may interrupt those that run (protocol section 2.7)."""
    rig, gaps = _gap_rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    rig.frame(trade(4), snapshot=True)
    rig.frame(trade(5))
    assert rig.numbers(every) == ["1"], "what comes after the gap waits for what was in it"
    (buffer,) = gaps
    rig.engine.recover(buffer, [trade(number) for number in (1, 2, 3, 4)], 0.0)
    assert rig.engine.release(buffer)
    assert rig.numbers(every) == ["2r", "3r", "4r", "5"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_snapshot_that_was_seen_hides_no_gap(number: int) -> None:
    rig, gaps = _gap_rig()
    every = rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    rig.frame(trade(2))
    rig.frame(trade(number), snapshot=True)
    rig.frame(trade(3))
    assert rig.numbers(every) == ["1", "2", "3"]
    assert gaps == []


def test_a_gap_that_cannot_be_backfilled_is_reported_to_who_wants_every_trade() -> None:
    rig, gaps = _gap_rig(0)
    every, newest = rig.attach("trade", Delivery.EVERY), rig.attach("trade", Delivery.LATEST)
    rig.frame(trade(1))
    rig.frame(trade(4), snapshot=True)
    assert rig.numbers(every) == ["1", Gap(("KRW-BTC",), 0.0, 0.0), "4s"]
    assert rig.numbers(newest) == ["4s"]
    assert gaps == []


def test_after_a_reconnect_the_gap_says_it() -> None:
    rig, gaps = _gap_rig()
    rig.attach("trade", Delivery.EVERY)
    rig.frame(trade(1))
    rig.engine.mark_stale(Scope.PUBLIC)
    rig.frame(trade(4), snapshot=True)
    assert gaps == []


def test_a_snapshot_of_a_later_candle_shows_that_the_last_word_may_be_missing() -> None:
    rig, gaps = _gap_rig()
    every = rig.attach("candle", Delivery.EVERY, unit="1m")
    rig.frame(candle(1))
    rig.frame(candle(1, volume=2), snapshot=True)
    assert gaps == []
    rig.frame(candle(3), snapshot=True)
    (buffer,) = gaps
    rig.engine.recover(buffer, [candle(1, volume=3), candle(3)], 0.0)
    assert rig.engine.release(buffer)
    shown = [one for one in rig.shown(every) if isinstance(one, CandleEvent)]
    assert [int(one.candle_acc_trade_volume or 0) for one in shown] == [1, 2, 3, 1, 1]
