"""Who gets what: snapshots once, levels apart, late comers from the cache, and decoding as late as can be."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import Head, peek
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, LazyFrame, Subscriber
from qt_upbit.types import (
    BaseWebSocketEvent,
    Delivery,
    IndicatorParams,
    OrderbookEvent,
    Scope,
    StreamKey,
    WireFormat,
)
from tests.support.model_server import MACD, RSI, book, event, frame, stream_requests
from tests.support.profiles import examples

_ids = itertools.count(1)


class Rig:
    """An engine, its hub, and what its subscribers are shown."""

    def __init__(self) -> None:
        self.hub = FanoutHub(lambda delivery: None)
        self.engine = DataRoutingEngine(self.hub)
        self.unserved: set[StreamKey] = set()

    def attach(
        self,
        name: str,
        *codes: str,
        delivery: Delivery | None = None,
        snapshot: bool = True,
        realtime: bool = True,
        high_water_mark: int = 100_000,
        **options: Any,
    ) -> Subscriber:
        made = stream_requests(name, *codes, snapshot=snapshot, realtime=realtime, **options)
        how = delivery or made[0].spec.delivery
        subscriber = Subscriber(
            next(_ids), name, how,
            depth=made[0].depth,
            wants_snapshot=snapshot,
            wants_realtime=realtime,
            high_water_mark=high_water_mark,
        )  # fmt: skip
        self.unserved = self.engine.attach(
            subscriber, [Target(stream_request.key, stream_request.options) for stream_request in made]
        )
        return subscriber

    def frame(
        self, made: BaseWebSocketEvent, now: float = 0.0, format: WireFormat = WireFormat.SIMPLE
    ) -> None:
        raw = frame(made, format)
        head = peek(raw)
        assert head is not None
        self.engine.route(head, raw, now)

    def slots(self, subscriber: Subscriber) -> list[LazyFrame | Gap]:
        found = []
        while (item := subscriber.take()) is not None:
            found.append(item)
        return found

    def seen(self, subscriber: Subscriber) -> list[Any]:
        """Timestamps of the events shown, with an ``s`` for snapshots; ``gap`` for gaps."""
        shown: list[Any] = []
        for item in self.slots(subscriber):
            if isinstance(item, Gap):
                shown.append("gap")
                continue
            one = subscriber.view(item)
            shown.append(f"{one.timestamp}s" if one.is_snapshot else one.timestamp)
        return shown


@pytest.fixture
def rig() -> Rig:
    return Rig()


# --- to whom --------------------------------------------------------------------------------------


def test_by_type_and_code(rig: Rig) -> None:
    ticker, trade = rig.attach("ticker", "KRW-BTC", "KRW-ETH"), rig.attach("trade", "KRW-BTC")
    rig.frame(event("ticker", "KRW-BTC", 1))
    rig.frame(event("trade", "KRW-BTC", 2))
    rig.frame(event("ticker", "KRW-ETH", 3))
    rig.frame(event("ticker", "KRW-XRP", 4))
    assert rig.seen(ticker) == [1, 3]
    assert rig.seen(trade) == [2]
    assert rig.engine.unrouted == 1
    assert rig.engine.events_routed == 3


def test_candle_units_are_apart(rig: Rig) -> None:
    """Regression of an earlier manager: candles were always of one minute."""
    second, minute = (
        rig.attach("candle", "KRW-BTC", unit="1s"),
        rig.attach("candle", "KRW-BTC", unit="1m"),
    )
    rig.frame(event("candle.1s", ms=1))
    rig.frame(event("candle.1m", ms=2))
    assert rig.seen(second) == [1]
    assert rig.seen(minute) == [2]


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
def test_levels_are_apart_by_what_the_frame_says(rig: Rig, format: WireFormat) -> None:
    plain, grouped = (
        rig.attach("orderbook", "KRW-BTC"),
        rig.attach("orderbook", "KRW-BTC", level=10_000),
    )
    rig.frame(book(ms=1), format=format)
    rig.frame(book(ms=2, level=10_000), format=format)
    rig.frame(book(ms=3, level=100_000), format=format)
    assert rig.seen(plain) == [1]
    assert rig.seen(grouped) == [2]


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
def test_the_tail_of_another_level_is_not_shown(rig: Rig, format: WireFormat) -> None:
    """With one level subscribed frames stay unread, and yet the last ones of the old level are no news."""
    grouped = rig.attach("orderbook", "KRW-BTC", level=10_000)
    rig.frame(book(ms=1, level=10_000), format=format)
    rig.frame(book(ms=2), format=format)
    assert rig.seen(grouped) == [1]
    assert rig.engine.unrouted == 1


def test_a_frame_without_a_level_is_ungrouped(rig: Rig) -> None:
    """As in recordings of 2021."""
    plain = rig.attach("orderbook", "KRW-BTC")
    raw = frame(book(ms=1)).replace(b',"lv":0', b"")
    rig.engine.route(Head("orderbook", "KRW-BTC"), raw, 0.0)
    assert rig.seen(plain) == [1]


def test_all_codes_and_single_codes_of_my_orders(rig: Rig) -> None:
    everything, one = rig.attach("my_order"), rig.attach("my_order", "KRW-BTC")
    for ms, code in enumerate(["KRW-BTC", "KRW-ETH", "KRW-BTC"]):
        rig.frame(event("myOrder", code, ms + 1, uuid=str(ms)))
    assert rig.seen(everything) == [1, 2, 3]
    assert rig.seen(one) == [1, 3]


def test_an_order_event_is_never_repeated_nor_suppressed(rig: Rig) -> None:
    """A fill shown twice is counted twice; one taken for a repetition is lost."""
    first = rig.attach("my_order")
    rig.frame(event("myOrder", ms=5, uuid="a"))
    late = rig.attach("my_order")
    assert rig.unserved == set()
    rig.frame(event("myOrder", ms=5, uuid="b", snapshot=True))
    rig.frame(event("myOrder", ms=4, uuid="c", snapshot=True))
    assert rig.seen(first) == [5, "5s", "4s"]
    assert rig.seen(late) == ["5s", "4s"]
    quiet = rig.attach("my_order", snapshot=False)
    rig.frame(event("myOrder", ms=6, snapshot=True))
    assert rig.seen(quiet) == ["6s"]


def test_announcement_categories(rig: Rig) -> None:
    everything, some = rig.attach("announcement"), rig.attach("announcement", categories=["trade"])
    rig.frame(event("announcement", ms=1, category="trade"))
    rig.frame(event("announcement", ms=2, category="event"))
    assert rig.seen(everything) == [1, 2]
    assert rig.seen(some) == [1]


def test_indicator_definitions_and_timeframes(rig: Rig) -> None:
    rsi = rig.attach("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI])
    both = rig.attach("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI, MACD])
    hour = rig.attach("indicator", "KRW-BTC", timeframe="60m", indicators=[RSI])
    period = IndicatorParams(period=14)
    macd = IndicatorParams(fast=12, slow=26, signal_period=9)
    rig.frame(event("indicator", ms=1, timeframe="5m", indicator="rsi", params=period))
    rig.frame(event("indicator", ms=2, timeframe="5m", indicator="macd", params=macd))
    rig.frame(event("indicator", ms=3, timeframe="60m", indicator="rsi", params=period))
    other = IndicatorParams(period=9)
    rig.frame(event("indicator", ms=4, timeframe="5m", indicator="rsi", params=other))
    assert rig.seen(rsi) == [1]
    assert rig.seen(both) == [1, 2]
    assert rig.seen(hour) == [3]


# --- candles --------------------------------------------------------------------------------------


def candle(ms: int, start: str, *, snapshot: bool = False) -> BaseWebSocketEvent:
    return event("candle.1m", ms=ms, candle_date_time_utc=start, snapshot=snapshot)


def test_the_last_word_of_a_closed_candle_is_kept(rig: Rig) -> None:
    chart = rig.attach("candle", "KRW-BTC", unit="1m")
    for ms, start in [(1, "10:00"), (2, "10:00"), (3, "10:01"), (4, "10:00"), (5, "10:01")]:
        rig.frame(candle(ms, f"2026-01-01T{start}:00"))
    assert rig.seen(chart) == [4, 5]


def test_a_late_comer_gets_the_newest_candle_and_not_a_late_word_on_an_old_one(rig: Rig) -> None:
    rig.attach("candle", "KRW-BTC", unit="1m")
    rig.frame(candle(3, "2026-01-01T10:01:00"))
    rig.frame(candle(4, "2026-01-01T10:00:00"))
    assert rig.seen(rig.attach("candle", "KRW-BTC", unit="1m")) == ["3s"]


# --- first snapshots -------------------------------------------------------------------------------


def test_late_comers_get_the_last_value_as_a_snapshot(rig: Rig) -> None:
    for name, made in [("ticker", event("ticker", ms=7)), ("orderbook", book(ms=7))]:
        assert rig.attach(name, "KRW-BTC") is not None
        assert {key.type for key in rig.unserved} == {name}, "the first one's snapshot must be asked for"
        rig.frame(made)
        for delivery in Delivery:
            late = rig.attach(name, "KRW-BTC", delivery=delivery)
            assert rig.unserved == set()
            assert rig.seen(late) == ["7s"]


def test_a_late_comer_of_trades_gets_the_last_one(rig: Rig) -> None:
    rig.attach("trade", "KRW-BTC")
    rig.frame(event("trade", ms=7, sequential_id=1))
    assert rig.seen(rig.attach("trade", "KRW-BTC")) == ["7s"]


def test_no_snapshot_from_before_a_break(rig: Rig) -> None:
    rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=7))
    rig.engine.mark_stale(Scope.PRIVATE)
    assert rig.engine.last_event(StreamKey("ticker", "KRW-BTC")) is not None
    rig.engine.mark_stale(Scope.PUBLIC)
    late = rig.attach("ticker", "KRW-BTC")
    assert rig.seen(late) == []
    assert rig.unserved == {StreamKey("ticker", "KRW-BTC")}
    assert rig.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    rig.frame(event("ticker", ms=6, snapshot=True))
    assert rig.seen(late) == ["6s"]


def test_one_level_that_answers_does_not_make_the_other_fresh(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC")
    rig.attach("orderbook", "KRW-BTC", level=10_000)
    rig.frame(book(ms=1))
    rig.frame(book(ms=1, level=10_000))
    rig.engine.mark_stale(Scope.PUBLIC)
    rig.frame(book(ms=2))
    assert rig.seen(rig.attach("orderbook", "KRW-BTC")) == ["2s"]
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", level=10_000)) == []
    assert len(rig.unserved) == 1


def test_the_last_value_waits_for_a_successor_until_the_server_is_reported(rig: Rig) -> None:
    for name, made in [("ticker", event("ticker", ms=7)), ("orderbook", book(ms=7))]:
        key = made.stream_key
        first = rig.attach(name, "KRW-BTC")
        rig.engine.streams_asked_for(Scope.PUBLIC, {key})
        rig.frame(made)
        rig.engine.detach(first.key)
        assert rig.engine.last_event(key) is not None
        second = rig.attach(name, "KRW-BTC")
        assert rig.unserved == set()
        assert rig.seen(second) == ["7s"]
        rig.engine.detach(second.key)
        decoded = rig.engine.events_decoded
        rig.frame(book(ms=8) if name == "orderbook" else event(name, ms=8))
        assert rig.engine.events_decoded == decoded, "it has no reader"
        if name == "orderbook":
            rig.frame(book(ms=9, level=10_000))
        third = rig.attach(name, "KRW-BTC")
        assert rig.seen(third) == ["8s"]
        rig.engine.detach(third.key)
        rig.engine.streams_asked_for(Scope.PUBLIC, set())
        assert rig.engine.last_event(key) is None
        assert rig.engine._routes == {}


def test_nothing_waits_for_a_successor_over_a_break(rig: Rig) -> None:
    first = rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=7))
    rig.engine.detach(first.key)
    rig.engine.mark_stale(Scope.PUBLIC)
    assert rig.engine._routes == {}
    late = rig.attach("ticker", "KRW-BTC")
    assert rig.seen(late) == []
    assert len(rig.unserved) == 1


def test_an_unreadable_last_value_is_none(rig: Rig) -> None:
    first = rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=7))
    rig.engine.detach(first.key)
    rig.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker"}', 0.0)
    rig.attach("ticker", "KRW-BTC")
    assert len(rig.unserved) == 1


def test_a_shallow_book_is_no_answer_to_who_wants_a_deep_one(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=1, rows=5))
    deep = rig.attach("orderbook", "KRW-BTC", depth=30)
    also_deep = rig.attach("orderbook", "KRW-BTC", depth=15)
    assert rig.seen(deep) == rig.seen(also_deep) == []
    assert len(rig.unserved) == 1, "as many rows have been requested, but have not come"
    assert rig.engine.last_event(StreamKey("orderbook", "KRW-BTC", (0,)), 15) is None
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", depth=1)) == ["1s"]
    rig.frame(book(ms=2, rows=5))  # the tail of the shallow subscription
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", depth=30)) == []
    rig.frame(book(ms=3, rows=30, snapshot=True))
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", depth=30)) == ["3s"]
    assert rig.engine.last_event(StreamKey("orderbook", "KRW-BTC", (0,)), 15) is not None


def test_after_the_deep_one_left_its_depth_is_not_promised(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=5)
    deep = rig.attach("orderbook", "KRW-BTC", depth=30)
    rig.frame(book(ms=1, rows=30))
    rig.engine.detach(deep.key)
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", depth=15)) == ["1s"], "it still has the rows"
    rig.engine.detach(next(s.key for s in rig.hub if s.depth == 15))
    rig.frame(book(ms=2, rows=5))
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", depth=15)) == []
    assert len(rig.unserved) == 1


def test_a_deeper_level_is_no_answer_for_another_level(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=30, level=10_000)
    rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=1, rows=30, level=10_000))
    rig.frame(book(ms=1, rows=5))
    rig.attach("orderbook", "KRW-BTC", depth=15)
    assert len(rig.unserved) == 1


def test_depths_are_cut_for_each(rig: Rig) -> None:
    subscribers = {depth: rig.attach("orderbook", "KRW-BTC", depth=depth) for depth in (1, 5, 15, 30)}
    rig.frame(book(rows=30))
    for depth, subscriber in subscribers.items():
        (item,) = rig.slots(subscriber)
        assert isinstance(item, LazyFrame)
        shown = subscriber.view(item)
        assert isinstance(shown, OrderbookEvent)
        assert len(shown.bids) == depth


def test_who_wants_no_snapshot_gets_none(rig: Rig) -> None:
    for name in ("ticker", "trade"):
        plain = rig.attach(name, "KRW-BTC")
        quiet = rig.attach(name, "KRW-BTC", snapshot=False)
        assert rig.unserved == set()
        for ms, snapshot in [(1, True), (2, False), (3, True)]:
            extra: dict[str, Any] = {"sequential_id": ms} if name == "trade" else {}
            rig.frame(event(name, ms=ms, snapshot=snapshot, **extra))
        # Another trade's snapshot says that one was missed, and maybe more.
        assert rig.seen(quiet) == ([2, "gap"] if name == "trade" else [2])
        assert rig.seen(plain)[-1] == "3s"


def test_who_wants_one_snapshot_gets_one(rig: Rig) -> None:
    one = rig.attach("ticker", "KRW-BTC", "KRW-ETH", realtime=False, delivery=Delivery.EVERY)
    rig.frame(event("ticker", "KRW-BTC", 1))
    rig.frame(event("ticker", "KRW-BTC", 2, snapshot=True))
    rig.frame(event("ticker", "KRW-BTC", 3, snapshot=True))
    rig.frame(event("ticker", "KRW-ETH", 4, snapshot=True))
    assert rig.seen(one) == ["1s", "4s"], "a change says as much"
    assert rig.engine.unrouted == 2, "the others have no subscriber"
    rig.engine.detach(one.key)


def test_one_snapshot_of_a_running_stream_comes_from_the_cache(rig: Rig) -> None:
    runs = rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=1))
    one = rig.attach("ticker", "KRW-BTC", realtime=False)
    rig.frame(event("ticker", ms=2))
    assert rig.seen(one) == ["1s"]
    assert rig.seen(runs) == [2]


def test_a_single_snapshot_grows_old(rig: Rig) -> None:
    """Regression: it was given to subscribers that came hours later."""
    rig.attach("ticker", "KRW-BTC", realtime=False)
    rig.frame(event("ticker", ms=1, snapshot=True))
    assert rig.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    late = rig.attach("ticker", "KRW-BTC")
    assert rig.seen(late) == []
    later = rig.attach("ticker", "KRW-BTC")
    assert rig.seen(later) == []
    rig.frame(event("ticker", ms=2, snapshot=True))
    assert rig.seen(late) == rig.seen(later) == ["2s"]


def test_a_change_with_too_few_rows_is_no_snapshot(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=5)
    one = rig.attach("orderbook", "KRW-BTC", depth=30, realtime=False)
    rig.frame(book(ms=1, rows=5))
    assert rig.seen(one) == []
    rig.frame(book(ms=2, rows=30))
    rig.frame(book(ms=3, rows=30, snapshot=True))
    assert rig.seen(one) == ["2s"]


def test_a_snapshot_makes_no_running_stream_dear_for_long(rig: Rig) -> None:
    rig.attach("ticker", "KRW-BTC")
    rig.attach("ticker", "KRW-BTC", realtime=False)
    for ms in range(1, 10):
        rig.frame(event("ticker", ms=ms))
    assert rig.engine.events_decoded == 1


# --- repetitions ----------------------------------------------------------------------------------


def test_repeated_snapshots_are_no_news_but_newer_ones_are(rig: Rig) -> None:
    one = rig.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    rig.frame(event("ticker", ms=5, snapshot=True))
    rig.frame(event("ticker", ms=6))
    for ms in (5, 6):
        rig.frame(event("ticker", ms=ms, snapshot=True))
    assert rig.seen(one) == ["5s", 6]
    assert rig.engine.repeated_snapshots == 2
    rig.frame(event("ticker", ms=7, snapshot=True))
    assert rig.seen(one) == ["7s"]


def test_a_snapshot_with_fewer_rows_answers_an_earlier_request(rig: Rig) -> None:
    """Books have all the rows that were asked for, empty ones too."""
    rig.attach("orderbook", "KRW-BTC", depth=1)
    deep = rig.attach("orderbook", "KRW-BTC", depth=5, realtime=False)
    rig.frame(book(ms=5, rows=1, snapshot=True))
    assert rig.seen(deep) == []
    rig.frame(book(ms=5, rows=5, snapshot=True))
    assert rig.seen(deep) == ["5s"]


def test_a_repetition_is_news_for_who_has_not_seen_it(rig: Rig) -> None:
    """Who came late, could not be served and waits for exactly this snapshot must get it."""
    old = rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=5, rows=30))  # the tail of a deeper request
    deep = rig.attach("orderbook", "KRW-BTC", depth=30, realtime=False)
    assert len(rig.unserved) == 1
    rig.seen(old)
    rig.frame(book(ms=5, rows=30, snapshot=True))  # the market stands still
    assert rig.seen(deep) == ["5s"]
    assert rig.seen(old) == []


def test_trades_are_recognised_by_their_id(rig: Rig) -> None:
    tape = rig.attach("trade", "KRW-BTC")
    rig.frame(event("trade", ms=1, sequential_id=10))
    rig.frame(event("trade", ms=2, sequential_id=9))  # out of order is normal
    rig.frame(event("trade", ms=2, sequential_id=9))  # what the server says twice is reported once
    rig.frame(event("trade", ms=1, sequential_id=10))
    assert rig.engine.duplicates == 2
    rig.frame(event("trade", ms=1, sequential_id=10, snapshot=True))
    rig.frame(event("trade", ms=3, sequential_id=11, snapshot=True))
    assert rig.seen(tape) == [1, 2, "gap", "3s"], (
        "what came before the snapshot of a running stream is unknown"
    )
    assert rig.engine.repeated_snapshots == 1
    rig.engine.mark_stale(Scope.PUBLIC)
    rig.frame(event("trade", ms=3, sequential_id=11, snapshot=True))
    assert rig.seen(tape) == [], "not again after a reconnect"
    assert rig.seen(rig.attach("trade", "KRW-BTC")) == ["3s"], "and it is fresh again"


@pytest.mark.parametrize(
    ("name", "wire_type", "options"),
    [
        ("ticker", "ticker", {}),
        ("candle", "candle.1s", {"unit": "1s"}),
        ("my_order", "myOrder", {}),
        ("my_asset", "myAsset", {}),
        ("announcement", "announcement", {}),
    ],
)
def test_a_frame_that_comes_twice_is_reported_once(
    rig: Rig, name: str, wire_type: str, options: dict[str, Any]
) -> None:
    codes = () if name in ("my_asset", "announcement") else ("KRW-BTC",)
    one = rig.attach(name, *codes, delivery=Delivery.EVERY, **options)
    for ms in (1, 1, 2, 2, 1):
        rig.frame(event(wire_type, *codes, ms=ms))
    assert len(rig.slots(one)) == 3
    assert rig.engine.duplicates == 2


def test_who_still_waits_for_a_snapshot_gets_it_from_a_frame_that_came_twice(rig: Rig) -> None:
    one = rig.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY, snapshot=False)
    rig.frame(event("ticker", ms=1))
    rig.engine.mark_stale(Scope.PUBLIC)
    two = rig.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    rig.frame(event("ticker", ms=1))
    assert (rig.seen(one), rig.seen(two)) == ([1, 1], [1])


def test_a_trade_that_stayed_unread_is_recognised_too(rig: Rig) -> None:
    tape = rig.attach("trade", "KRW-BTC", delivery=Delivery.LATEST)
    rig.frame(event("trade", ms=1, sequential_id=10))
    assert rig.seen(tape) == [1]
    rig.frame(event("trade", ms=1, sequential_id=10, snapshot=True))
    assert rig.seen(tape) == []


def test_snapshots_of_a_deeper_book_are_news(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=5, rows=5))
    deep = rig.attach("orderbook", "KRW-BTC", depth=30)
    rig.frame(book(ms=5, rows=30, snapshot=True))
    assert rig.seen(deep) == ["5s"]


# --- gaps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", Delivery)
def test_a_gap_lies_between_what_was_before_and_what_comes_after(rig: Rig, delivery: Delivery) -> None:
    one = rig.attach("ticker", "KRW-BTC", "KRW-ETH", delivery=delivery)
    rig.frame(event("ticker", "KRW-BTC", 1))
    rig.engine.gap(Scope.PUBLIC, 10.0, 20.0)
    rig.frame(event("ticker", "KRW-ETH", 2, snapshot=True))
    first, gap, last = rig.slots(one)
    assert isinstance(gap, Gap)
    assert gap.codes == ("KRW-BTC", "KRW-ETH")
    assert gap.begin <= 0.001
    assert gap.end >= 20.0
    assert isinstance(first, LazyFrame)
    assert isinstance(last, LazyFrame)
    assert (first.event().timestamp, last.event().timestamp) == (1, 2)


def test_a_gap_is_reported_to_its_scope_once(rig: Rig) -> None:
    public = rig.attach("ticker", "KRW-BTC")
    orders, asset = rig.attach("my_order"), rig.attach("my_asset")
    snapshot = rig.attach("ticker", "KRW-BTC", realtime=False)
    rig.engine.gap(Scope.PRIVATE, 1.0, 2.0)
    assert rig.slots(orders) == rig.slots(asset) == [Gap((), 1.0, 2.0)]
    assert rig.slots(public) == []
    rig.engine.gap(Scope.PUBLIC, 1.0, 2.0)
    assert rig.slots(public) == [Gap(("KRW-BTC",), 1.0, 2.0)]
    assert rig.slots(snapshot) == [], "it has no past"


def test_no_value_from_before_the_gap_for_late_comers(rig: Rig) -> None:
    rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=1))
    rig.engine.gap(Scope.PUBLIC, 1.0, 2.0)
    assert rig.seen(rig.attach("ticker", "KRW-BTC")) == []


# --- decoding as late as can be -------------------------------------------------------------------


def test_unread_frames_are_not_decoded(rig: Rig) -> None:
    """Cost follows the screen: of a thousand frames the one that is shown is decoded, once for all."""
    for made in (lambda ms: event("ticker", ms=ms), lambda ms: book(ms=ms)):
        name = made(1).spec.name
        one, two = rig.attach(name, "KRW-BTC"), rig.attach(name, "KRW-BTC")
        slots = []
        for ms in range(1, 1001):
            rig.frame(made(ms))
            slots.append(next(iter(one._latest.values())))
        assert rig.engine.events_decoded == 0
        assert rig.seen(one) == rig.seen(two) == [1000]
        decoded = [s for s in slots if isinstance(s, LazyFrame) and s._event is not None]
        assert len(decoded) == 1
        assert one.conflated == 999


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ticker", {"delivery": Delivery.EVERY}),
        ("candle", {"unit": "1m"}),
        ("trade", {}),
    ],
)
def test_a_subscriber_that_needs_every_event_gets_it(rig: Rig, name: str, options: dict[str, Any]) -> None:
    if name == "ticker":
        rig.attach(name, "KRW-BTC")
    one = rig.attach(name, "KRW-BTC", **options)
    kind = "candle.1m" if name == "candle" else name
    for ms in range(1, 4):
        extra: dict[str, Any] = (
            {"candle_date_time_utc": f"2026-01-01T10:0{ms}:00"} if name == "candle" else {}
        )
        extra |= {"sequential_id": ms} if name == "trade" else {}
        rig.frame(event(kind, ms=ms, **extra))
    assert rig.seen(one) == [1, 2, 3]
    assert rig.engine.events_decoded == 3


def test_laziness_returns_with_the_last_one_who_needed_more(rig: Rig) -> None:
    rig.attach("ticker", "KRW-BTC")
    every = rig.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    rig.frame(event("ticker", ms=1))
    assert rig.engine.events_decoded == 1
    rig.engine.detach(every.key)
    rig.frame(event("ticker", ms=2))
    assert rig.engine.events_decoded == 1
    other = rig.attach("orderbook", "KRW-BTC")
    rig.attach("orderbook", "KRW-BTC", level=10_000)
    rig.frame(book(ms=3))
    assert rig.engine.events_decoded == 2
    rig.engine.detach(other.key)
    rig.frame(book(ms=4, level=10_000))
    assert rig.engine.events_decoded == 2


def test_an_unreadable_frame_surfaces_where_it_is_read(rig: Rig) -> None:
    lazy = rig.attach("ticker", "KRW-BTC")
    rig.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    assert rig.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    late = rig.attach("ticker", "KRW-BTC")
    assert rig.slots(late) == []
    assert len(rig.unserved) == 1
    (item,) = rig.slots(lazy)
    assert isinstance(item, LazyFrame)
    with pytest.raises(DecodeError):
        lazy.view(item)
    assert item.older is None
    # It does not spoil the good one after it.
    rig.frame(event("ticker", ms=2, snapshot=True))
    assert rig.seen(lazy) == rig.seen(late) == ["2s"]
    rig.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    with pytest.raises(DecodeError):
        rig.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC"}', 0.0)
    assert rig.seen(lazy) == []


def test_a_frame_that_is_cut_off_does_not_take_the_place_of_a_good_one(rig: Rig) -> None:
    one = rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=1))
    raw = frame(event("ticker", ms=2))
    for length in range(len(raw) - 60, len(raw)):
        with pytest.raises(DecodeError):
            rig.engine.route(Head("ticker", "KRW-BTC"), raw[:length], 0.0)
    assert rig.seen(one) == [1]


def test_an_unreadable_frame_leaves_the_good_one_before_it_to_be_read(rig: Rig) -> None:
    """Under LATEST it has taken its place before anybody looked."""
    one = rig.attach("ticker", "KRW-BTC")
    for ms in (1, 2):
        rig.frame(event("ticker", ms=ms))
    rig.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    (slot,) = rig.slots(one)
    assert isinstance(slot, LazyFrame)
    with pytest.raises(DecodeError):
        one.view(slot)
    assert slot.older is not None
    assert one.view(slot.older).timestamp == 2
    assert slot.older.older is None, "one is kept, not all"


def test_what_was_read_is_not_shown_again(rig: Rig) -> None:
    one = rig.attach("ticker", "KRW-BTC")
    rig.frame(event("ticker", ms=1))
    assert rig.seen(one) == [1]
    rig.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    (slot,) = rig.slots(one)
    assert isinstance(slot, LazyFrame)
    assert slot.older is None


# --- coming and going -----------------------------------------------------------------------------


def test_detach_while_the_frame_is_being_delivered(rig: Rig) -> None:
    one, two = rig.attach("ticker", "KRW-BTC"), rig.attach("ticker", "KRW-BTC")
    rig.hub._on_pending = lambda delivery: rig.engine.detach(two.key)
    rig.frame(event("ticker", ms=1))
    rig.frame(event("ticker", ms=2))
    assert rig.seen(one) == [2]
    rig.engine.detach(two.key)
    rig.engine.detach("unknown")
    assert len(rig.hub) == 1


def test_an_unknown_type_attaches_nothing(rig: Rig) -> None:
    subscriber = Subscriber(1, "", Delivery.LATEST)
    with pytest.raises(ValueError, match="unknown type"):
        rig.engine.attach(subscriber, [Target(StreamKey("ticker", "A")), Target(StreamKey("nope", "A"))])
    assert len(rig.hub) == 0
    rig.frame(event("ticker", "A"))
    assert rig.engine.unrouted == 1


def test_everybody_leaves_and_nothing_stays(rig: Rig) -> None:
    subscribers = [rig.attach("orderbook", "KRW-BTC", depth=d) for d in (1, 5, 30)]
    subscribers += [rig.attach("ticker", "KRW-BTC", realtime=False), rig.attach("my_order")]
    rig.frame(book(ms=1))
    for subscriber in subscribers:
        rig.engine.detach(subscriber.key)
    rig.engine.streams_asked_for(Scope.PUBLIC, set())
    assert rig.engine._routes == {}
    assert rig.engine._of_subscriber == {}
    assert len(rig.hub) == 0
    rig.frame(book(ms=2))
    assert rig.engine.unrouted == 1


# --- against a reference --------------------------------------------------------------------------

_steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("attach"),
            st.sampled_from(Delivery),
            st.sampled_from([(True, True), (True, False), (False, True)]),
        ),
        st.tuples(st.just("detach"), st.integers(0, 5), st.none()),
        st.tuples(st.just("frame"), st.integers(1, 9), st.booleans()),
        st.tuples(st.just("stale"), st.none(), st.none()),
        st.tuples(st.just("sent"), st.none(), st.none()),
        st.tuples(st.just("gap"), st.none(), st.none()),
    ),
    max_size=25,
)


@given(_steps)
@settings(max_examples=examples(300))
def test_tickers_against_a_reference(steps: list[tuple[Any, Any, Any]]) -> None:
    """One ticker, any mixture of subscribers, said plainly: who must have seen what, in which order."""
    rig = Rig()
    expected: dict[Subscriber, list[Any]] = {}
    pending_snapshots: set[Subscriber] = set()
    last: int | None = None
    kept: tuple[int, bool] | None = None
    fresh = flowing = False

    def waiting() -> list[Subscriber]:
        return [one for one in expected if one.wants_realtime or one in pending_snapshots]

    for what, a, b in steps:
        before = waiting()
        match what:
            case "attach":
                if not flowing:
                    last, fresh = None, False
                one = rig.attach("ticker", "KRW-BTC", delivery=a, snapshot=b[0], realtime=b[1])
                served = b[0] and fresh and last is not None
                assert bool(rig.unserved) == (b[0] and not served)
                expected[one] = [f"{last}s"] if served else []
                flowing = flowing or b[1]
                if b[0] and not served:
                    pending_snapshots.add(one)
            case "detach" if a < len(expected):
                one = list(expected)[a]
                rig.engine.detach(one.key)
                check(rig, one, expected.pop(one))
                pending_snapshots.discard(one)
            case "frame":
                rig.frame(event("ticker", ms=a, snapshot=b))
                twice = fresh and kept == (a, b)
                repeated = bool(before) and fresh and last is not None and ((b and a <= last) or twice)
                for one in before:
                    if twice and one not in pending_snapshots:
                        continue
                    if b and one.wants_snapshot and (not repeated or one in pending_snapshots):
                        expected[one].append(f"{a}s")
                        pending_snapshots.discard(one)
                    elif not b:
                        expected[one].append(a if one.wants_realtime else f"{a}s")
                        pending_snapshots.discard(one)
                if (before or (flowing and fresh)) and not repeated:
                    last, fresh, kept = a, True, (a, b)
            case "sent":
                flowing = any(one.wants_realtime for one in expected)
                rig.engine.streams_asked_for(
                    Scope.PUBLIC, {StreamKey("ticker", "KRW-BTC")} if flowing else set()
                )
            case "stale":
                rig.engine.mark_stale(Scope.PUBLIC)
                fresh = False
            case "gap":
                rig.engine.gap(Scope.PUBLIC, 1.0, 2.0)
                fresh = False
                for one in before:
                    if one.wants_realtime:
                        expected[one].append("gap")
        if not waiting() and not (flowing and fresh):
            last, fresh, flowing = None, False, False
    for one, shown in expected.items():
        check(rig, one, shown)


def check(rig: Rig, one: Subscriber, shown: list[Any]) -> None:
    seen = rig.seen(one)
    if one.delivery is not Delivery.LATEST:
        assert seen == shown
        return
    values = [value for value in shown if value != "gap"]
    assert [value for value in seen if value != "gap"] == values[-1:], "the newest, once"
    if values and "gap" in seen:
        # The newest value stands where it came.
        after = "gap" not in shown[len(shown) - shown[::-1].index(values[-1]) :]
        assert (seen[-1] != "gap") == after


# --- books have the rows that were asked for ------------------------------------------------------


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("snapshot", [True, False])
def test_the_first_book_of_who_comes_to_a_shallow_one_has_its_rows(
    rig: Rig, delivery: Delivery, snapshot: bool
) -> None:
    shallow = rig.attach("orderbook", "KRW-BTC", depth=5, delivery=delivery)
    rig.frame(book(ms=1, rows=5))
    deep = rig.attach("orderbook", "KRW-BTC", depth=30, delivery=delivery, snapshot=snapshot)
    middle = rig.attach("orderbook", "KRW-BTC", depth=15, delivery=delivery, snapshot=snapshot)
    rig.frame(book(ms=2, rows=5))
    rig.frame(book(ms=3, rows=5, snapshot=True))
    assert rig.seen(deep) == rig.seen(middle) == []
    assert rig.seen(shallow)
    rig.frame(book(ms=4, rows=15))
    assert rig.seen(deep) == []
    assert rig.seen(middle) == [4]
    rig.frame(book(ms=5, rows=30))
    for one in (shallow, middle, deep):
        slots = rig.slots(one)
        assert slots
        for slot in slots:
            assert isinstance(slot, LazyFrame)
            shown = one.view(slot)
            assert isinstance(shown, OrderbookEvent)
            assert len(shown.orderbook_units) == one.depth
    rig.frame(book(ms=6, rows=30))
    assert rig.seen(deep) == [6]


def test_who_waits_for_rows_makes_the_stream_dear_only_until_they_come(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=1, rows=5))
    rig.attach("orderbook", "KRW-BTC", depth=30)
    rig.frame(book(ms=2, rows=30))
    decoded = rig.engine.events_decoded
    for ms in range(3, 20):
        rig.frame(book(ms=ms, rows=30))
    assert rig.engine.events_decoded == decoded


def test_who_waits_for_rows_and_leaves_is_forgotten(rig: Rig) -> None:
    shallow = rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=1, rows=5))
    deep = rig.attach("orderbook", "KRW-BTC", depth=30)
    rig.engine.detach(deep.key)
    decoded = rig.engine.events_decoded
    rig.frame(book(ms=2, rows=5))
    assert rig.engine.events_decoded == decoded
    assert rig.seen(shallow) == [2]


def test_rows_of_one_level_say_nothing_of_another(rig: Rig) -> None:
    rig.attach("orderbook", "KRW-BTC", depth=5, level=10_000)
    rig.frame(book(ms=1, rows=5, level=10_000))
    deep = rig.attach("orderbook", "KRW-BTC", depth=30)
    rig.frame(book(ms=2, rows=30))
    assert rig.seen(deep) == [2]


def test_a_thin_book_is_all_there_is_without_a_request_for_fewer_rows(rig: Rig) -> None:
    one, two = rig.attach("orderbook", "KRW-BTC"), rig.attach("orderbook", "KRW-BTC")
    rig.frame(book(ms=1, rows=2, snapshot=True))
    assert rig.seen(one) == rig.seen(two) == ["1s"]


def test_rows_that_were_asked_for_and_refused_are_not_promised_to_others(rig: Rig) -> None:
    """The deepest is still attached, and what comes is deeper than before and not as deep as that."""
    rig.attach("orderbook", "KRW-BTC", depth=5)
    rig.frame(book(ms=1, rows=5))
    refused = rig.attach("orderbook", "KRW-BTC", depth=30)
    rig.attach("orderbook", "KRW-BTC", depth=15)
    rig.frame(book(ms=2, rows=15))
    late = rig.attach("orderbook", "KRW-BTC", depth=30)
    assert rig.seen(late) == rig.seen(refused) == []
    assert rig.seen(rig.attach("orderbook", "KRW-BTC", depth=15)) == ["2s"]
