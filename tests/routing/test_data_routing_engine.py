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
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Slot, Subscriber
from qt_upbit.types import (
    BaseWebSocketEvent,
    Delivery,
    IndicatorParams,
    OrderbookEvent,
    Scope,
    StreamKey,
    WireFormat,
)
from tests.support.model_server import MACD, RSI, book, event, frame, wishes
from tests.support.profiles import examples

_ids = itertools.count(1)


class Desk:
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
        made = wishes(name, *codes, snapshot=snapshot, realtime=realtime, **options)
        how = delivery or made[0].row.delivery
        subscriber = Subscriber(
            next(_ids), name, how,
            depth=made[0].depth,
            wants_snapshot=snapshot,
            wants_realtime=realtime,
            high_water_mark=high_water_mark,
        )  # fmt: skip
        self.unserved = self.engine.attach(subscriber, [Target(wish.key, wish.options) for wish in made])
        return subscriber

    def frame(
        self, made: BaseWebSocketEvent, now: float = 0.0, format: WireFormat = WireFormat.SIMPLE
    ) -> None:
        raw = frame(made, format)
        head = peek(raw)
        assert head is not None
        self.engine.route(head, raw, now)

    def slots(self, subscriber: Subscriber) -> list[Slot | Gap]:
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
def desk() -> Desk:
    return Desk()


# --- to whom --------------------------------------------------------------------------------------


def test_by_type_and_code(desk: Desk) -> None:
    ticker, trade = desk.attach("ticker", "KRW-BTC", "KRW-ETH"), desk.attach("trade", "KRW-BTC")
    desk.frame(event("ticker", "KRW-BTC", 1))
    desk.frame(event("trade", "KRW-BTC", 2))
    desk.frame(event("ticker", "KRW-ETH", 3))
    desk.frame(event("ticker", "KRW-XRP", 4))
    assert desk.seen(ticker) == [1, 3]
    assert desk.seen(trade) == [2]
    assert desk.engine.unrouted == 1
    assert desk.engine.events_routed == 3


def test_candle_units_are_apart(desk: Desk) -> None:
    """Regression of an earlier manager: candles were always of one minute."""
    second, minute = desk.attach("candle", "KRW-BTC", unit="1s"), desk.attach("candle", "KRW-BTC", unit="1m")
    desk.frame(event("candle.1s", ms=1))
    desk.frame(event("candle.1m", ms=2))
    assert desk.seen(second) == [1]
    assert desk.seen(minute) == [2]


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
def test_levels_are_apart_by_what_the_frame_says(desk: Desk, format: WireFormat) -> None:
    plain, grouped = desk.attach("orderbook", "KRW-BTC"), desk.attach("orderbook", "KRW-BTC", level=10_000)
    desk.frame(book(ms=1), format=format)
    desk.frame(book(ms=2, level=10_000), format=format)
    desk.frame(book(ms=3, level=100_000), format=format)
    assert desk.seen(plain) == [1]
    assert desk.seen(grouped) == [2]


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
def test_the_tail_of_another_level_is_not_shown(desk: Desk, format: WireFormat) -> None:
    """With one level subscribed frames stay unread, and yet the last ones of the old level are no news."""
    grouped = desk.attach("orderbook", "KRW-BTC", level=10_000)
    desk.frame(book(ms=1, level=10_000), format=format)
    desk.frame(book(ms=2), format=format)
    assert desk.seen(grouped) == [1]
    assert desk.engine.unrouted == 1


def test_a_frame_without_a_level_is_ungrouped(desk: Desk) -> None:
    """As in recordings of 2021."""
    plain = desk.attach("orderbook", "KRW-BTC")
    raw = frame(book(ms=1)).replace(b',"lv":0', b"")
    desk.engine.route(Head("orderbook", "KRW-BTC"), raw, 0.0)
    assert desk.seen(plain) == [1]


def test_all_codes_and_single_codes_of_my_orders(desk: Desk) -> None:
    everything, one = desk.attach("my_order"), desk.attach("my_order", "KRW-BTC")
    for ms, code in enumerate(["KRW-BTC", "KRW-ETH", "KRW-BTC"]):
        desk.frame(event("myOrder", code, ms + 1, uuid=str(ms)))
    assert desk.seen(everything) == [1, 2, 3]
    assert desk.seen(one) == [1, 3]


def test_an_order_event_is_never_repeated_nor_suppressed(desk: Desk) -> None:
    """A fill shown twice is counted twice; one taken for a repetition is lost."""
    first = desk.attach("my_order")
    desk.frame(event("myOrder", ms=5, uuid="a"))
    late = desk.attach("my_order")
    assert desk.unserved == set()
    desk.frame(event("myOrder", ms=5, uuid="b", snapshot=True))
    desk.frame(event("myOrder", ms=4, uuid="c", snapshot=True))
    assert desk.seen(first) == [5, "5s", "4s"]
    assert desk.seen(late) == ["5s", "4s"]
    quiet = desk.attach("my_order", snapshot=False)
    desk.frame(event("myOrder", ms=6, snapshot=True))
    assert desk.seen(quiet) == ["6s"]


def test_announcement_categories(desk: Desk) -> None:
    everything, some = desk.attach("announcement"), desk.attach("announcement", categories=["trade"])
    desk.frame(event("announcement", ms=1, category="trade"))
    desk.frame(event("announcement", ms=2, category="event"))
    assert desk.seen(everything) == [1, 2]
    assert desk.seen(some) == [1]


def test_indicator_definitions_and_timeframes(desk: Desk) -> None:
    rsi = desk.attach("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI])
    both = desk.attach("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI, MACD])
    hour = desk.attach("indicator", "KRW-BTC", timeframe="60m", indicators=[RSI])
    period = IndicatorParams(period=14)
    macd = IndicatorParams(fast=12, slow=26, signal_period=9)
    desk.frame(event("indicator", ms=1, timeframe="5m", indicator="rsi", params=period))
    desk.frame(event("indicator", ms=2, timeframe="5m", indicator="macd", params=macd))
    desk.frame(event("indicator", ms=3, timeframe="60m", indicator="rsi", params=period))
    other = IndicatorParams(period=9)
    desk.frame(event("indicator", ms=4, timeframe="5m", indicator="rsi", params=other))
    assert desk.seen(rsi) == [1]
    assert desk.seen(both) == [1, 2]
    assert desk.seen(hour) == [3]


# --- candles --------------------------------------------------------------------------------------


def candle(ms: int, start: str, *, snapshot: bool = False) -> BaseWebSocketEvent:
    return event("candle.1m", ms=ms, candle_date_time_utc=start, snapshot=snapshot)


def test_the_last_word_of_a_closed_candle_is_kept(desk: Desk) -> None:
    chart = desk.attach("candle", "KRW-BTC", unit="1m")
    for ms, start in [(1, "10:00"), (2, "10:00"), (3, "10:01"), (4, "10:00"), (5, "10:01")]:
        desk.frame(candle(ms, f"2026-01-01T{start}:00"))
    assert desk.seen(chart) == [4, 5]


def test_a_late_comer_gets_the_newest_candle_and_not_a_late_word_on_an_old_one(desk: Desk) -> None:
    desk.attach("candle", "KRW-BTC", unit="1m")
    desk.frame(candle(3, "2026-01-01T10:01:00"))
    desk.frame(candle(4, "2026-01-01T10:00:00"))
    assert desk.seen(desk.attach("candle", "KRW-BTC", unit="1m")) == ["3s"]


# --- first pictures -------------------------------------------------------------------------------


def test_late_comers_get_the_last_value_as_a_snapshot(desk: Desk) -> None:
    for name, made in [("ticker", event("ticker", ms=7)), ("orderbook", book(ms=7))]:
        assert desk.attach(name, "KRW-BTC") is not None
        assert {key.type for key in desk.unserved} == {name}, "the first one's picture must be asked for"
        desk.frame(made)
        for delivery in Delivery:
            late = desk.attach(name, "KRW-BTC", delivery=delivery)
            assert desk.unserved == set()
            assert desk.seen(late) == ["7s"]


def test_a_late_comer_of_trades_gets_the_last_one(desk: Desk) -> None:
    desk.attach("trade", "KRW-BTC")
    desk.frame(event("trade", ms=7, sequential_id=1))
    assert desk.seen(desk.attach("trade", "KRW-BTC")) == ["7s"]


def test_no_picture_from_before_a_break(desk: Desk) -> None:
    desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=7))
    desk.engine.mark_stale(Scope.PRIVATE)
    assert desk.engine.last_event(StreamKey("ticker", "KRW-BTC")) is not None
    desk.engine.mark_stale(Scope.PUBLIC)
    late = desk.attach("ticker", "KRW-BTC")
    assert desk.seen(late) == []
    assert desk.unserved == {StreamKey("ticker", "KRW-BTC")}
    assert desk.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    desk.frame(event("ticker", ms=6, snapshot=True))
    assert desk.seen(late) == ["6s"]


def test_one_level_that_answers_does_not_make_the_other_fresh(desk: Desk) -> None:
    desk.attach("orderbook", "KRW-BTC")
    desk.attach("orderbook", "KRW-BTC", level=10_000)
    desk.frame(book(ms=1))
    desk.frame(book(ms=1, level=10_000))
    desk.engine.mark_stale(Scope.PUBLIC)
    desk.frame(book(ms=2))
    assert desk.seen(desk.attach("orderbook", "KRW-BTC")) == ["2s"]
    assert desk.seen(desk.attach("orderbook", "KRW-BTC", level=10_000)) == []
    assert len(desk.unserved) == 1


def test_the_last_value_waits_for_a_successor_until_the_server_is_told(desk: Desk) -> None:
    for name, made in [("ticker", event("ticker", ms=7)), ("orderbook", book(ms=7))]:
        key = made.stream_key
        first = desk.attach(name, "KRW-BTC")
        desk.engine.streams_asked_for(Scope.PUBLIC, {key})
        desk.frame(made)
        desk.engine.detach(first.key)
        assert desk.engine.last_event(key) is not None
        second = desk.attach(name, "KRW-BTC")
        assert desk.unserved == set()
        assert desk.seen(second) == ["7s"]
        desk.engine.detach(second.key)
        decoded = desk.engine.events_decoded
        desk.frame(book(ms=8) if name == "orderbook" else event(name, ms=8))
        assert desk.engine.events_decoded == decoded, "nobody reads it"
        if name == "orderbook":
            desk.frame(book(ms=9, level=10_000))
        third = desk.attach(name, "KRW-BTC")
        assert desk.seen(third) == ["8s"]
        desk.engine.detach(third.key)
        desk.engine.streams_asked_for(Scope.PUBLIC, set())
        assert desk.engine.last_event(key) is None
        assert desk.engine._routes == {}


def test_nothing_waits_for_a_successor_over_a_break(desk: Desk) -> None:
    first = desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=7))
    desk.engine.detach(first.key)
    desk.engine.mark_stale(Scope.PUBLIC)
    assert desk.engine._routes == {}
    late = desk.attach("ticker", "KRW-BTC")
    assert desk.seen(late) == []
    assert len(desk.unserved) == 1


def test_an_unreadable_last_value_is_none(desk: Desk) -> None:
    first = desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=7))
    desk.engine.detach(first.key)
    desk.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker"}', 0.0)
    desk.attach("ticker", "KRW-BTC")
    assert len(desk.unserved) == 1


def test_a_shallow_book_is_no_answer_to_who_wants_a_deep_one(desk: Desk) -> None:
    desk.attach("orderbook", "KRW-BTC", depth=5)
    desk.frame(book(ms=1, rows=5))
    deep = desk.attach("orderbook", "KRW-BTC", depth=30)
    also_deep = desk.attach("orderbook", "KRW-BTC", depth=15)
    assert desk.seen(deep) == desk.seen(also_deep) == []
    assert len(desk.unserved) == 1, "although somebody has asked for as many, they have not come"
    assert desk.engine.last_event(StreamKey("orderbook", "KRW-BTC", (0,)), 15) is None
    assert desk.seen(desk.attach("orderbook", "KRW-BTC", depth=1)) == ["1s"]
    desk.frame(book(ms=2, rows=5))  # the tail of the shallow subscription
    assert desk.seen(desk.attach("orderbook", "KRW-BTC", depth=30)) == []
    desk.frame(book(ms=3, rows=30, snapshot=True))
    assert desk.seen(desk.attach("orderbook", "KRW-BTC", depth=30)) == ["3s"]
    assert desk.engine.last_event(StreamKey("orderbook", "KRW-BTC", (0,)), 15) is not None


def test_after_the_deep_one_left_its_depth_is_not_promised(desk: Desk) -> None:
    desk.attach("orderbook", "KRW-BTC", depth=5)
    deep = desk.attach("orderbook", "KRW-BTC", depth=30)
    desk.frame(book(ms=1, rows=30))
    desk.engine.detach(deep.key)
    assert desk.seen(desk.attach("orderbook", "KRW-BTC", depth=15)) == ["1s"], "it still has the rows"
    desk.engine.detach(next(s.key for s in desk.hub if s.depth == 15))
    desk.frame(book(ms=2, rows=5))
    assert desk.seen(desk.attach("orderbook", "KRW-BTC", depth=15)) == []
    assert len(desk.unserved) == 1


def test_a_deeper_level_is_no_answer_for_another_level(desk: Desk) -> None:
    desk.attach("orderbook", "KRW-BTC", depth=30, level=10_000)
    desk.attach("orderbook", "KRW-BTC", depth=5)
    desk.frame(book(ms=1, rows=30, level=10_000))
    desk.frame(book(ms=1, rows=5))
    desk.attach("orderbook", "KRW-BTC", depth=15)
    assert len(desk.unserved) == 1


def test_depths_are_cut_for_each(desk: Desk) -> None:
    subscribers = {depth: desk.attach("orderbook", "KRW-BTC", depth=depth) for depth in (1, 5, 15, 30)}
    desk.frame(book(rows=30))
    for depth, subscriber in subscribers.items():
        (item,) = desk.slots(subscriber)
        assert isinstance(item, Slot)
        shown = subscriber.view(item)
        assert isinstance(shown, OrderbookEvent)
        assert len(shown.bids) == depth


def test_who_wants_no_snapshot_gets_none(desk: Desk) -> None:
    for name in ("ticker", "trade"):
        plain = desk.attach(name, "KRW-BTC")
        quiet = desk.attach(name, "KRW-BTC", snapshot=False)
        assert desk.unserved == set()
        for ms, snapshot in [(1, True), (2, False), (3, True)]:
            extra = {"sequential_id": ms} if name == "trade" else {}
            desk.frame(event(name, ms=ms, snapshot=snapshot, **extra))
        # Another trade's picture says that one was missed, and maybe more.
        assert desk.seen(quiet) == ([2, "gap"] if name == "trade" else [2])
        assert desk.seen(plain)[-1] == "3s"


def test_who_wants_one_picture_gets_one(desk: Desk) -> None:
    one = desk.attach("ticker", "KRW-BTC", "KRW-ETH", realtime=False, delivery=Delivery.EVERY)
    desk.frame(event("ticker", "KRW-BTC", 1))
    desk.frame(event("ticker", "KRW-BTC", 2, snapshot=True))
    desk.frame(event("ticker", "KRW-BTC", 3, snapshot=True))
    desk.frame(event("ticker", "KRW-ETH", 4, snapshot=True))
    assert desk.seen(one) == ["1s", "4s"], "a change says as much"
    assert desk.engine.unrouted == 2, "nobody waits for the others"
    desk.engine.detach(one.key)


def test_one_picture_of_a_running_stream_comes_from_the_cache(desk: Desk) -> None:
    runs = desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=1))
    one = desk.attach("ticker", "KRW-BTC", realtime=False)
    desk.frame(event("ticker", ms=2))
    assert desk.seen(one) == ["1s"]
    assert desk.seen(runs) == [2]


def test_a_single_picture_grows_old(desk: Desk) -> None:
    """It was given to whoever asked hours later."""
    desk.attach("ticker", "KRW-BTC", realtime=False)
    desk.frame(event("ticker", ms=1, snapshot=True))
    assert desk.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    late = desk.attach("ticker", "KRW-BTC")
    assert desk.seen(late) == []
    later = desk.attach("ticker", "KRW-BTC")
    assert desk.seen(later) == []
    desk.frame(event("ticker", ms=2, snapshot=True))
    assert desk.seen(late) == desk.seen(later) == ["2s"]


def test_a_change_with_too_few_rows_is_no_picture(desk: Desk) -> None:
    desk.attach("orderbook", "KRW-BTC", depth=5)
    one = desk.attach("orderbook", "KRW-BTC", depth=30, realtime=False)
    desk.frame(book(ms=1, rows=5))
    assert desk.seen(one) == []
    desk.frame(book(ms=2, rows=30))
    desk.frame(book(ms=3, rows=30, snapshot=True))
    assert desk.seen(one) == ["2s"]


def test_a_picture_makes_no_running_stream_dear_for_long(desk: Desk) -> None:
    desk.attach("ticker", "KRW-BTC")
    desk.attach("ticker", "KRW-BTC", realtime=False)
    for ms in range(1, 10):
        desk.frame(event("ticker", ms=ms))
    assert desk.engine.events_decoded == 1


# --- repetitions ----------------------------------------------------------------------------------


def test_repeated_snapshots_are_no_news_but_newer_ones_are(desk: Desk) -> None:
    one = desk.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    desk.frame(event("ticker", ms=5, snapshot=True))
    desk.frame(event("ticker", ms=6))
    for ms in (5, 6):
        desk.frame(event("ticker", ms=ms, snapshot=True))
    assert desk.seen(one) == ["5s", 6]
    assert desk.engine.repeated_snapshots == 2
    desk.frame(event("ticker", ms=7, snapshot=True))
    assert desk.seen(one) == ["7s"]


def test_a_picture_with_fewer_rows_answers_an_earlier_request(desk: Desk) -> None:
    """Books have all the rows that were asked for, empty ones too."""
    desk.attach("orderbook", "KRW-BTC", depth=1)
    deep = desk.attach("orderbook", "KRW-BTC", depth=5, realtime=False)
    desk.frame(book(ms=5, rows=1, snapshot=True))
    assert desk.seen(deep) == []
    desk.frame(book(ms=5, rows=5, snapshot=True))
    assert desk.seen(deep) == ["5s"]


def test_a_repetition_is_news_for_who_has_not_seen_it(desk: Desk) -> None:
    """Who came late, could not be served and waits for exactly this snapshot must get it."""
    old = desk.attach("orderbook", "KRW-BTC", depth=5)
    desk.frame(book(ms=5, rows=30))  # the tail of a deeper request
    deep = desk.attach("orderbook", "KRW-BTC", depth=30, realtime=False)
    assert len(desk.unserved) == 1
    desk.seen(old)
    desk.frame(book(ms=5, rows=30, snapshot=True))  # the market stands still
    assert desk.seen(deep) == ["5s"]
    assert desk.seen(old) == []


def test_trades_are_recognised_by_their_id(desk: Desk) -> None:
    tape = desk.attach("trade", "KRW-BTC")
    desk.frame(event("trade", ms=1, sequential_id=10))
    desk.frame(event("trade", ms=2, sequential_id=9))  # out of order is normal
    desk.frame(event("trade", ms=2, sequential_id=9))  # what the server says twice is told once
    desk.frame(event("trade", ms=1, sequential_id=10))
    assert desk.engine.duplicates == 2
    desk.frame(event("trade", ms=1, sequential_id=10, snapshot=True))
    desk.frame(event("trade", ms=3, sequential_id=11, snapshot=True))
    assert desk.seen(tape) == [1, 2, "gap", "3s"], (
        "what came before the picture of a running stream is unknown"
    )
    assert desk.engine.repeated_snapshots == 1
    desk.engine.mark_stale(Scope.PUBLIC)
    desk.frame(event("trade", ms=3, sequential_id=11, snapshot=True))
    assert desk.seen(tape) == [], "not again after a reconnect"
    assert desk.seen(desk.attach("trade", "KRW-BTC")) == ["3s"], "and it is fresh again"


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
def test_a_frame_that_comes_twice_is_told_once(
    desk: Desk, name: str, wire_type: str, options: dict[str, Any]
) -> None:
    codes = () if name in ("my_asset", "announcement") else ("KRW-BTC",)
    one = desk.attach(name, *codes, delivery=Delivery.EVERY, **options)
    for ms in (1, 1, 2, 2, 1):
        desk.frame(event(wire_type, *codes, ms=ms))
    assert len(desk.slots(one)) == 3
    assert desk.engine.duplicates == 2


def test_who_still_waits_for_a_picture_gets_it_from_a_frame_that_came_twice(desk: Desk) -> None:
    one = desk.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY, snapshot=False)
    desk.frame(event("ticker", ms=1))
    desk.engine.mark_stale(Scope.PUBLIC)
    two = desk.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    desk.frame(event("ticker", ms=1))
    assert (desk.seen(one), desk.seen(two)) == ([1, 1], [1])


def test_a_trade_that_stayed_unread_is_recognised_too(desk: Desk) -> None:
    tape = desk.attach("trade", "KRW-BTC", delivery=Delivery.LATEST)
    desk.frame(event("trade", ms=1, sequential_id=10))
    assert desk.seen(tape) == [1]
    desk.frame(event("trade", ms=1, sequential_id=10, snapshot=True))
    assert desk.seen(tape) == []


def test_snapshots_of_a_deeper_book_are_news(desk: Desk) -> None:
    desk.attach("orderbook", "KRW-BTC", depth=5)
    desk.frame(book(ms=5, rows=5))
    deep = desk.attach("orderbook", "KRW-BTC", depth=30)
    desk.frame(book(ms=5, rows=30, snapshot=True))
    assert desk.seen(deep) == ["5s"]


# --- gaps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", Delivery)
def test_a_gap_lies_between_what_was_before_and_what_comes_after(desk: Desk, delivery: Delivery) -> None:
    one = desk.attach("ticker", "KRW-BTC", "KRW-ETH", delivery=delivery)
    desk.frame(event("ticker", "KRW-BTC", 1))
    desk.engine.gap(Scope.PUBLIC, 10.0, 20.0)
    desk.frame(event("ticker", "KRW-ETH", 2, snapshot=True))
    first, gap, last = desk.slots(one)
    assert gap == Gap(("KRW-BTC", "KRW-ETH"), 10.0, 20.0)
    assert isinstance(first, Slot)
    assert isinstance(last, Slot)
    assert (first.event().timestamp, last.event().timestamp) == (1, 2)


def test_a_gap_is_told_to_its_scope_once(desk: Desk) -> None:
    public = desk.attach("ticker", "KRW-BTC")
    orders, asset = desk.attach("my_order"), desk.attach("my_asset")
    picture = desk.attach("ticker", "KRW-BTC", realtime=False)
    desk.engine.gap(Scope.PRIVATE, 1.0, 2.0)
    assert desk.slots(orders) == desk.slots(asset) == [Gap((), 1.0, 2.0)]
    assert desk.slots(public) == []
    desk.engine.gap(Scope.PUBLIC, 1.0, 2.0)
    assert desk.slots(public) == [Gap(("KRW-BTC",), 1.0, 2.0)]
    assert desk.slots(picture) == [], "it has no past"


def test_no_value_from_before_the_gap_for_late_comers(desk: Desk) -> None:
    desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=1))
    desk.engine.gap(Scope.PUBLIC, 1.0, 2.0)
    assert desk.seen(desk.attach("ticker", "KRW-BTC")) == []


# --- decoding as late as can be -------------------------------------------------------------------


def test_unread_frames_are_not_decoded(desk: Desk) -> None:
    """Cost follows the screen: of a thousand frames the one that is shown is decoded, once for all."""
    for made in (lambda ms: event("ticker", ms=ms), lambda ms: book(ms=ms)):
        name = made(1).row.name
        one, two = desk.attach(name, "KRW-BTC"), desk.attach(name, "KRW-BTC")
        slots = []
        for ms in range(1, 1001):
            desk.frame(made(ms))
            slots.append(next(iter(one._latest.values())))
        assert desk.engine.events_decoded == 0
        assert desk.seen(one) == desk.seen(two) == [1000]
        decoded = [s for s in slots if isinstance(s, Slot) and s._event is not None]
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
def test_whoever_needs_every_event_gets_it(desk: Desk, name: str, options: dict[str, Any]) -> None:
    if name == "ticker":
        desk.attach(name, "KRW-BTC")
    one = desk.attach(name, "KRW-BTC", **options)
    kind = "candle.1m" if name == "candle" else name
    for ms in range(1, 4):
        extra = {"candle_date_time_utc": f"2026-01-01T10:0{ms}:00"} if name == "candle" else {}
        extra |= {"sequential_id": ms} if name == "trade" else {}
        desk.frame(event(kind, ms=ms, **extra))
    assert desk.seen(one) == [1, 2, 3]
    assert desk.engine.events_decoded == 3


def test_laziness_returns_with_the_last_one_who_needed_more(desk: Desk) -> None:
    desk.attach("ticker", "KRW-BTC")
    every = desk.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    desk.frame(event("ticker", ms=1))
    assert desk.engine.events_decoded == 1
    desk.engine.detach(every.key)
    desk.frame(event("ticker", ms=2))
    assert desk.engine.events_decoded == 1
    other = desk.attach("orderbook", "KRW-BTC")
    desk.attach("orderbook", "KRW-BTC", level=10_000)
    desk.frame(book(ms=3))
    assert desk.engine.events_decoded == 2
    desk.engine.detach(other.key)
    desk.frame(book(ms=4, level=10_000))
    assert desk.engine.events_decoded == 2


def test_an_unreadable_frame_surfaces_where_it_is_read(desk: Desk) -> None:
    lazy = desk.attach("ticker", "KRW-BTC")
    desk.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    assert desk.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    late = desk.attach("ticker", "KRW-BTC")
    assert desk.slots(late) == []
    assert len(desk.unserved) == 1
    (item,) = desk.slots(lazy)
    assert isinstance(item, Slot)
    with pytest.raises(DecodeError):
        lazy.view(item)
    assert item.older is None
    # It does not spoil the good one after it.
    desk.frame(event("ticker", ms=2, snapshot=True))
    assert desk.seen(lazy) == desk.seen(late) == ["2s"]
    desk.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    with pytest.raises(DecodeError):
        desk.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC"}', 0.0)
    assert desk.seen(lazy) == []


def test_a_frame_that_is_cut_off_does_not_take_the_place_of_a_good_one(desk: Desk) -> None:
    one = desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=1))
    raw = frame(event("ticker", ms=2))
    for length in range(len(raw) - 60, len(raw)):
        with pytest.raises(DecodeError):
            desk.engine.route(Head("ticker", "KRW-BTC"), raw[:length], 0.0)
    assert desk.seen(one) == [1]


def test_an_unreadable_frame_leaves_the_good_one_before_it_to_be_read(desk: Desk) -> None:
    """Under LATEST it has taken its place before anybody looked."""
    one = desk.attach("ticker", "KRW-BTC")
    for ms in (1, 2):
        desk.frame(event("ticker", ms=ms))
    desk.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    (slot,) = desk.slots(one)
    assert isinstance(slot, Slot)
    with pytest.raises(DecodeError):
        one.view(slot)
    assert slot.older is not None
    assert one.view(slot.older).timestamp == 2
    assert slot.older.older is None, "one is kept, not all"


def test_what_was_read_is_not_shown_again(desk: Desk) -> None:
    one = desk.attach("ticker", "KRW-BTC")
    desk.frame(event("ticker", ms=1))
    assert desk.seen(one) == [1]
    desk.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    (slot,) = desk.slots(one)
    assert isinstance(slot, Slot)
    assert slot.older is None


# --- coming and going -----------------------------------------------------------------------------


def test_detach_while_the_frame_is_being_delivered(desk: Desk) -> None:
    one, two = desk.attach("ticker", "KRW-BTC"), desk.attach("ticker", "KRW-BTC")
    desk.hub._on_pending = lambda delivery: desk.engine.detach(two.key)
    desk.frame(event("ticker", ms=1))
    desk.frame(event("ticker", ms=2))
    assert desk.seen(one) == [2]
    desk.engine.detach(two.key)
    desk.engine.detach("nobody")
    assert len(desk.hub) == 1


def test_an_unknown_type_attaches_nothing(desk: Desk) -> None:
    subscriber = Subscriber(1, "", Delivery.LATEST)
    with pytest.raises(ValueError, match="unknown type"):
        desk.engine.attach(subscriber, [Target(StreamKey("ticker", "A")), Target(StreamKey("nope", "A"))])
    assert len(desk.hub) == 0
    desk.frame(event("ticker", "A"))
    assert desk.engine.unrouted == 1


def test_everybody_leaves_and_nothing_stays(desk: Desk) -> None:
    subscribers = [desk.attach("orderbook", "KRW-BTC", depth=d) for d in (1, 5, 30)]
    subscribers += [desk.attach("ticker", "KRW-BTC", realtime=False), desk.attach("my_order")]
    desk.frame(book(ms=1))
    for subscriber in subscribers:
        desk.engine.detach(subscriber.key)
    desk.engine.streams_asked_for(Scope.PUBLIC, set())
    assert desk.engine._routes == {}
    assert desk.engine._of_subscriber == {}
    assert len(desk.hub) == 0
    desk.frame(book(ms=2))
    assert desk.engine.unrouted == 1


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
    desk = Desk()
    expected: dict[Subscriber, list[Any]] = {}
    owed: set[Subscriber] = set()
    last: int | None = None
    kept: tuple[int, bool] | None = None
    fresh = flowing = False

    def waiting() -> list[Subscriber]:
        return [one for one in expected if one.wants_realtime or one in owed]

    for what, a, b in steps:
        before = waiting()
        match what:
            case "attach":
                if not flowing:
                    last, fresh = None, False
                one = desk.attach("ticker", "KRW-BTC", delivery=a, snapshot=b[0], realtime=b[1])
                served = b[0] and fresh and last is not None
                assert bool(desk.unserved) == (b[0] and not served)
                expected[one] = [f"{last}s"] if served else []
                flowing = flowing or b[1]
                if b[0] and not served:
                    owed.add(one)
            case "detach" if a < len(expected):
                one = list(expected)[a]
                desk.engine.detach(one.key)
                check(desk, one, expected.pop(one))
                owed.discard(one)
            case "frame":
                desk.frame(event("ticker", ms=a, snapshot=b))
                twice = fresh and kept == (a, b)
                repeated = bool(before) and fresh and last is not None and ((b and a <= last) or twice)
                for one in before:
                    if twice and one not in owed:
                        continue
                    if b and one.wants_snapshot and (not repeated or one in owed):
                        expected[one].append(f"{a}s")
                        owed.discard(one)
                    elif not b:
                        expected[one].append(a if one.wants_realtime else f"{a}s")
                        owed.discard(one)
                if (before or (flowing and fresh)) and not repeated:
                    last, fresh, kept = a, True, (a, b)
            case "sent":
                flowing = any(one.wants_realtime for one in expected)
                desk.engine.streams_asked_for(
                    Scope.PUBLIC, {StreamKey("ticker", "KRW-BTC")} if flowing else set()
                )
            case "stale":
                desk.engine.mark_stale(Scope.PUBLIC)
                fresh = False
            case "gap":
                desk.engine.gap(Scope.PUBLIC, 1.0, 2.0)
                fresh = False
                for one in before:
                    if one.wants_realtime:
                        expected[one].append("gap")
        if not waiting() and not (flowing and fresh):
            last, fresh, flowing = None, False, False
    for one, shown in expected.items():
        check(desk, one, shown)


def check(desk: Desk, one: Subscriber, shown: list[Any]) -> None:
    seen = desk.seen(one)
    if one.delivery is not Delivery.LATEST:
        assert seen == shown
        return
    values = [value for value in shown if value != "gap"]
    assert [value for value in seen if value != "gap"] == values[-1:], "the newest, once"
    if values and "gap" in seen:
        # The newest value stands where it came.
        after = "gap" not in shown[len(shown) - shown[::-1].index(values[-1]) :]
        assert (seen[-1] != "gap") == after
