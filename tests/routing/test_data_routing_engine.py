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


class Gateway:
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
        how = delivery or made[0].row.delivery
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
def gateway() -> Gateway:
    return Gateway()


# --- to whom --------------------------------------------------------------------------------------


def test_by_type_and_code(gateway: Gateway) -> None:
    ticker, trade = gateway.attach("ticker", "KRW-BTC", "KRW-ETH"), gateway.attach("trade", "KRW-BTC")
    gateway.frame(event("ticker", "KRW-BTC", 1))
    gateway.frame(event("trade", "KRW-BTC", 2))
    gateway.frame(event("ticker", "KRW-ETH", 3))
    gateway.frame(event("ticker", "KRW-XRP", 4))
    assert gateway.seen(ticker) == [1, 3]
    assert gateway.seen(trade) == [2]
    assert gateway.engine.unrouted == 1
    assert gateway.engine.events_routed == 3


def test_candle_units_are_apart(gateway: Gateway) -> None:
    """Regression of an earlier manager: candles were always of one minute."""
    second, minute = (
        gateway.attach("candle", "KRW-BTC", unit="1s"),
        gateway.attach("candle", "KRW-BTC", unit="1m"),
    )
    gateway.frame(event("candle.1s", ms=1))
    gateway.frame(event("candle.1m", ms=2))
    assert gateway.seen(second) == [1]
    assert gateway.seen(minute) == [2]


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
def test_levels_are_apart_by_what_the_frame_says(gateway: Gateway, format: WireFormat) -> None:
    plain, grouped = (
        gateway.attach("orderbook", "KRW-BTC"),
        gateway.attach("orderbook", "KRW-BTC", level=10_000),
    )
    gateway.frame(book(ms=1), format=format)
    gateway.frame(book(ms=2, level=10_000), format=format)
    gateway.frame(book(ms=3, level=100_000), format=format)
    assert gateway.seen(plain) == [1]
    assert gateway.seen(grouped) == [2]


@pytest.mark.parametrize("format", [WireFormat.SIMPLE, WireFormat.DEFAULT])
def test_the_tail_of_another_level_is_not_shown(gateway: Gateway, format: WireFormat) -> None:
    """With one level subscribed frames stay unread, and yet the last ones of the old level are no news."""
    grouped = gateway.attach("orderbook", "KRW-BTC", level=10_000)
    gateway.frame(book(ms=1, level=10_000), format=format)
    gateway.frame(book(ms=2), format=format)
    assert gateway.seen(grouped) == [1]
    assert gateway.engine.unrouted == 1


def test_a_frame_without_a_level_is_ungrouped(gateway: Gateway) -> None:
    """As in recordings of 2021."""
    plain = gateway.attach("orderbook", "KRW-BTC")
    raw = frame(book(ms=1)).replace(b',"lv":0', b"")
    gateway.engine.route(Head("orderbook", "KRW-BTC"), raw, 0.0)
    assert gateway.seen(plain) == [1]


def test_all_codes_and_single_codes_of_my_orders(gateway: Gateway) -> None:
    everything, one = gateway.attach("my_order"), gateway.attach("my_order", "KRW-BTC")
    for ms, code in enumerate(["KRW-BTC", "KRW-ETH", "KRW-BTC"]):
        gateway.frame(event("myOrder", code, ms + 1, uuid=str(ms)))
    assert gateway.seen(everything) == [1, 2, 3]
    assert gateway.seen(one) == [1, 3]


def test_an_order_event_is_never_repeated_nor_suppressed(gateway: Gateway) -> None:
    """A fill shown twice is counted twice; one taken for a repetition is lost."""
    first = gateway.attach("my_order")
    gateway.frame(event("myOrder", ms=5, uuid="a"))
    late = gateway.attach("my_order")
    assert gateway.unserved == set()
    gateway.frame(event("myOrder", ms=5, uuid="b", snapshot=True))
    gateway.frame(event("myOrder", ms=4, uuid="c", snapshot=True))
    assert gateway.seen(first) == [5, "5s", "4s"]
    assert gateway.seen(late) == ["5s", "4s"]
    quiet = gateway.attach("my_order", snapshot=False)
    gateway.frame(event("myOrder", ms=6, snapshot=True))
    assert gateway.seen(quiet) == ["6s"]


def test_announcement_categories(gateway: Gateway) -> None:
    everything, some = gateway.attach("announcement"), gateway.attach("announcement", categories=["trade"])
    gateway.frame(event("announcement", ms=1, category="trade"))
    gateway.frame(event("announcement", ms=2, category="event"))
    assert gateway.seen(everything) == [1, 2]
    assert gateway.seen(some) == [1]


def test_indicator_definitions_and_timeframes(gateway: Gateway) -> None:
    rsi = gateway.attach("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI])
    both = gateway.attach("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI, MACD])
    hour = gateway.attach("indicator", "KRW-BTC", timeframe="60m", indicators=[RSI])
    period = IndicatorParams(period=14)
    macd = IndicatorParams(fast=12, slow=26, signal_period=9)
    gateway.frame(event("indicator", ms=1, timeframe="5m", indicator="rsi", params=period))
    gateway.frame(event("indicator", ms=2, timeframe="5m", indicator="macd", params=macd))
    gateway.frame(event("indicator", ms=3, timeframe="60m", indicator="rsi", params=period))
    other = IndicatorParams(period=9)
    gateway.frame(event("indicator", ms=4, timeframe="5m", indicator="rsi", params=other))
    assert gateway.seen(rsi) == [1]
    assert gateway.seen(both) == [1, 2]
    assert gateway.seen(hour) == [3]


# --- candles --------------------------------------------------------------------------------------


def candle(ms: int, start: str, *, snapshot: bool = False) -> BaseWebSocketEvent:
    return event("candle.1m", ms=ms, candle_date_time_utc=start, snapshot=snapshot)


def test_the_last_word_of_a_closed_candle_is_kept(gateway: Gateway) -> None:
    chart = gateway.attach("candle", "KRW-BTC", unit="1m")
    for ms, start in [(1, "10:00"), (2, "10:00"), (3, "10:01"), (4, "10:00"), (5, "10:01")]:
        gateway.frame(candle(ms, f"2026-01-01T{start}:00"))
    assert gateway.seen(chart) == [4, 5]


def test_a_late_comer_gets_the_newest_candle_and_not_a_late_word_on_an_old_one(gateway: Gateway) -> None:
    gateway.attach("candle", "KRW-BTC", unit="1m")
    gateway.frame(candle(3, "2026-01-01T10:01:00"))
    gateway.frame(candle(4, "2026-01-01T10:00:00"))
    assert gateway.seen(gateway.attach("candle", "KRW-BTC", unit="1m")) == ["3s"]


# --- first pictures -------------------------------------------------------------------------------


def test_late_comers_get_the_last_value_as_a_snapshot(gateway: Gateway) -> None:
    for name, made in [("ticker", event("ticker", ms=7)), ("orderbook", book(ms=7))]:
        assert gateway.attach(name, "KRW-BTC") is not None
        assert {key.type for key in gateway.unserved} == {name}, "the first one's picture must be asked for"
        gateway.frame(made)
        for delivery in Delivery:
            late = gateway.attach(name, "KRW-BTC", delivery=delivery)
            assert gateway.unserved == set()
            assert gateway.seen(late) == ["7s"]


def test_a_late_comer_of_trades_gets_the_last_one(gateway: Gateway) -> None:
    gateway.attach("trade", "KRW-BTC")
    gateway.frame(event("trade", ms=7, sequential_id=1))
    assert gateway.seen(gateway.attach("trade", "KRW-BTC")) == ["7s"]


def test_no_picture_from_before_a_break(gateway: Gateway) -> None:
    gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=7))
    gateway.engine.mark_stale(Scope.PRIVATE)
    assert gateway.engine.last_event(StreamKey("ticker", "KRW-BTC")) is not None
    gateway.engine.mark_stale(Scope.PUBLIC)
    late = gateway.attach("ticker", "KRW-BTC")
    assert gateway.seen(late) == []
    assert gateway.unserved == {StreamKey("ticker", "KRW-BTC")}
    assert gateway.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    gateway.frame(event("ticker", ms=6, snapshot=True))
    assert gateway.seen(late) == ["6s"]


def test_one_level_that_answers_does_not_make_the_other_fresh(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC")
    gateway.attach("orderbook", "KRW-BTC", level=10_000)
    gateway.frame(book(ms=1))
    gateway.frame(book(ms=1, level=10_000))
    gateway.engine.mark_stale(Scope.PUBLIC)
    gateway.frame(book(ms=2))
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC")) == ["2s"]
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", level=10_000)) == []
    assert len(gateway.unserved) == 1


def test_the_last_value_waits_for_a_successor_until_the_server_is_told(gateway: Gateway) -> None:
    for name, made in [("ticker", event("ticker", ms=7)), ("orderbook", book(ms=7))]:
        key = made.stream_key
        first = gateway.attach(name, "KRW-BTC")
        gateway.engine.streams_asked_for(Scope.PUBLIC, {key})
        gateway.frame(made)
        gateway.engine.detach(first.key)
        assert gateway.engine.last_event(key) is not None
        second = gateway.attach(name, "KRW-BTC")
        assert gateway.unserved == set()
        assert gateway.seen(second) == ["7s"]
        gateway.engine.detach(second.key)
        decoded = gateway.engine.events_decoded
        gateway.frame(book(ms=8) if name == "orderbook" else event(name, ms=8))
        assert gateway.engine.events_decoded == decoded, "nobody reads it"
        if name == "orderbook":
            gateway.frame(book(ms=9, level=10_000))
        third = gateway.attach(name, "KRW-BTC")
        assert gateway.seen(third) == ["8s"]
        gateway.engine.detach(third.key)
        gateway.engine.streams_asked_for(Scope.PUBLIC, set())
        assert gateway.engine.last_event(key) is None
        assert gateway.engine._routes == {}


def test_nothing_waits_for_a_successor_over_a_break(gateway: Gateway) -> None:
    first = gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=7))
    gateway.engine.detach(first.key)
    gateway.engine.mark_stale(Scope.PUBLIC)
    assert gateway.engine._routes == {}
    late = gateway.attach("ticker", "KRW-BTC")
    assert gateway.seen(late) == []
    assert len(gateway.unserved) == 1


def test_an_unreadable_last_value_is_none(gateway: Gateway) -> None:
    first = gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=7))
    gateway.engine.detach(first.key)
    gateway.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker"}', 0.0)
    gateway.attach("ticker", "KRW-BTC")
    assert len(gateway.unserved) == 1


def test_a_shallow_book_is_no_answer_to_who_wants_a_deep_one(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=1, rows=5))
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30)
    also_deep = gateway.attach("orderbook", "KRW-BTC", depth=15)
    assert gateway.seen(deep) == gateway.seen(also_deep) == []
    assert len(gateway.unserved) == 1, "although somebody has asked for as many, they have not come"
    assert gateway.engine.last_event(StreamKey("orderbook", "KRW-BTC", (0,)), 15) is None
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", depth=1)) == ["1s"]
    gateway.frame(book(ms=2, rows=5))  # the tail of the shallow subscription
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", depth=30)) == []
    gateway.frame(book(ms=3, rows=30, snapshot=True))
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", depth=30)) == ["3s"]
    assert gateway.engine.last_event(StreamKey("orderbook", "KRW-BTC", (0,)), 15) is not None


def test_after_the_deep_one_left_its_depth_is_not_promised(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30)
    gateway.frame(book(ms=1, rows=30))
    gateway.engine.detach(deep.key)
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", depth=15)) == ["1s"], "it still has the rows"
    gateway.engine.detach(next(s.key for s in gateway.hub if s.depth == 15))
    gateway.frame(book(ms=2, rows=5))
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", depth=15)) == []
    assert len(gateway.unserved) == 1


def test_a_deeper_level_is_no_answer_for_another_level(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=30, level=10_000)
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=1, rows=30, level=10_000))
    gateway.frame(book(ms=1, rows=5))
    gateway.attach("orderbook", "KRW-BTC", depth=15)
    assert len(gateway.unserved) == 1


def test_depths_are_cut_for_each(gateway: Gateway) -> None:
    subscribers = {depth: gateway.attach("orderbook", "KRW-BTC", depth=depth) for depth in (1, 5, 15, 30)}
    gateway.frame(book(rows=30))
    for depth, subscriber in subscribers.items():
        (item,) = gateway.slots(subscriber)
        assert isinstance(item, LazyFrame)
        shown = subscriber.view(item)
        assert isinstance(shown, OrderbookEvent)
        assert len(shown.bids) == depth


def test_who_wants_no_snapshot_gets_none(gateway: Gateway) -> None:
    for name in ("ticker", "trade"):
        plain = gateway.attach(name, "KRW-BTC")
        quiet = gateway.attach(name, "KRW-BTC", snapshot=False)
        assert gateway.unserved == set()
        for ms, snapshot in [(1, True), (2, False), (3, True)]:
            extra = {"sequential_id": ms} if name == "trade" else {}
            gateway.frame(event(name, ms=ms, snapshot=snapshot, **extra))
        # Another trade's picture says that one was missed, and maybe more.
        assert gateway.seen(quiet) == ([2, "gap"] if name == "trade" else [2])
        assert gateway.seen(plain)[-1] == "3s"


def test_who_wants_one_picture_gets_one(gateway: Gateway) -> None:
    one = gateway.attach("ticker", "KRW-BTC", "KRW-ETH", realtime=False, delivery=Delivery.EVERY)
    gateway.frame(event("ticker", "KRW-BTC", 1))
    gateway.frame(event("ticker", "KRW-BTC", 2, snapshot=True))
    gateway.frame(event("ticker", "KRW-BTC", 3, snapshot=True))
    gateway.frame(event("ticker", "KRW-ETH", 4, snapshot=True))
    assert gateway.seen(one) == ["1s", "4s"], "a change says as much"
    assert gateway.engine.unrouted == 2, "nobody waits for the others"
    gateway.engine.detach(one.key)


def test_one_picture_of_a_running_stream_comes_from_the_cache(gateway: Gateway) -> None:
    runs = gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=1))
    one = gateway.attach("ticker", "KRW-BTC", realtime=False)
    gateway.frame(event("ticker", ms=2))
    assert gateway.seen(one) == ["1s"]
    assert gateway.seen(runs) == [2]


def test_a_single_picture_grows_old(gateway: Gateway) -> None:
    """It was given to whoever asked hours later."""
    gateway.attach("ticker", "KRW-BTC", realtime=False)
    gateway.frame(event("ticker", ms=1, snapshot=True))
    assert gateway.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    late = gateway.attach("ticker", "KRW-BTC")
    assert gateway.seen(late) == []
    later = gateway.attach("ticker", "KRW-BTC")
    assert gateway.seen(later) == []
    gateway.frame(event("ticker", ms=2, snapshot=True))
    assert gateway.seen(late) == gateway.seen(later) == ["2s"]


def test_a_change_with_too_few_rows_is_no_picture(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    one = gateway.attach("orderbook", "KRW-BTC", depth=30, realtime=False)
    gateway.frame(book(ms=1, rows=5))
    assert gateway.seen(one) == []
    gateway.frame(book(ms=2, rows=30))
    gateway.frame(book(ms=3, rows=30, snapshot=True))
    assert gateway.seen(one) == ["2s"]


def test_a_picture_makes_no_running_stream_dear_for_long(gateway: Gateway) -> None:
    gateway.attach("ticker", "KRW-BTC")
    gateway.attach("ticker", "KRW-BTC", realtime=False)
    for ms in range(1, 10):
        gateway.frame(event("ticker", ms=ms))
    assert gateway.engine.events_decoded == 1


# --- repetitions ----------------------------------------------------------------------------------


def test_repeated_snapshots_are_no_news_but_newer_ones_are(gateway: Gateway) -> None:
    one = gateway.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    gateway.frame(event("ticker", ms=5, snapshot=True))
    gateway.frame(event("ticker", ms=6))
    for ms in (5, 6):
        gateway.frame(event("ticker", ms=ms, snapshot=True))
    assert gateway.seen(one) == ["5s", 6]
    assert gateway.engine.repeated_snapshots == 2
    gateway.frame(event("ticker", ms=7, snapshot=True))
    assert gateway.seen(one) == ["7s"]


def test_a_picture_with_fewer_rows_answers_an_earlier_request(gateway: Gateway) -> None:
    """Books have all the rows that were asked for, empty ones too."""
    gateway.attach("orderbook", "KRW-BTC", depth=1)
    deep = gateway.attach("orderbook", "KRW-BTC", depth=5, realtime=False)
    gateway.frame(book(ms=5, rows=1, snapshot=True))
    assert gateway.seen(deep) == []
    gateway.frame(book(ms=5, rows=5, snapshot=True))
    assert gateway.seen(deep) == ["5s"]


def test_a_repetition_is_news_for_who_has_not_seen_it(gateway: Gateway) -> None:
    """Who came late, could not be served and waits for exactly this snapshot must get it."""
    old = gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=5, rows=30))  # the tail of a deeper request
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30, realtime=False)
    assert len(gateway.unserved) == 1
    gateway.seen(old)
    gateway.frame(book(ms=5, rows=30, snapshot=True))  # the market stands still
    assert gateway.seen(deep) == ["5s"]
    assert gateway.seen(old) == []


def test_trades_are_recognised_by_their_id(gateway: Gateway) -> None:
    tape = gateway.attach("trade", "KRW-BTC")
    gateway.frame(event("trade", ms=1, sequential_id=10))
    gateway.frame(event("trade", ms=2, sequential_id=9))  # out of order is normal
    gateway.frame(event("trade", ms=2, sequential_id=9))  # what the server says twice is told once
    gateway.frame(event("trade", ms=1, sequential_id=10))
    assert gateway.engine.duplicates == 2
    gateway.frame(event("trade", ms=1, sequential_id=10, snapshot=True))
    gateway.frame(event("trade", ms=3, sequential_id=11, snapshot=True))
    assert gateway.seen(tape) == [1, 2, "gap", "3s"], (
        "what came before the picture of a running stream is unknown"
    )
    assert gateway.engine.repeated_snapshots == 1
    gateway.engine.mark_stale(Scope.PUBLIC)
    gateway.frame(event("trade", ms=3, sequential_id=11, snapshot=True))
    assert gateway.seen(tape) == [], "not again after a reconnect"
    assert gateway.seen(gateway.attach("trade", "KRW-BTC")) == ["3s"], "and it is fresh again"


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
    gateway: Gateway, name: str, wire_type: str, options: dict[str, Any]
) -> None:
    codes = () if name in ("my_asset", "announcement") else ("KRW-BTC",)
    one = gateway.attach(name, *codes, delivery=Delivery.EVERY, **options)
    for ms in (1, 1, 2, 2, 1):
        gateway.frame(event(wire_type, *codes, ms=ms))
    assert len(gateway.slots(one)) == 3
    assert gateway.engine.duplicates == 2


def test_who_still_waits_for_a_picture_gets_it_from_a_frame_that_came_twice(gateway: Gateway) -> None:
    one = gateway.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY, snapshot=False)
    gateway.frame(event("ticker", ms=1))
    gateway.engine.mark_stale(Scope.PUBLIC)
    two = gateway.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    gateway.frame(event("ticker", ms=1))
    assert (gateway.seen(one), gateway.seen(two)) == ([1, 1], [1])


def test_a_trade_that_stayed_unread_is_recognised_too(gateway: Gateway) -> None:
    tape = gateway.attach("trade", "KRW-BTC", delivery=Delivery.LATEST)
    gateway.frame(event("trade", ms=1, sequential_id=10))
    assert gateway.seen(tape) == [1]
    gateway.frame(event("trade", ms=1, sequential_id=10, snapshot=True))
    assert gateway.seen(tape) == []


def test_snapshots_of_a_deeper_book_are_news(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=5, rows=5))
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30)
    gateway.frame(book(ms=5, rows=30, snapshot=True))
    assert gateway.seen(deep) == ["5s"]


# --- gaps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", Delivery)
def test_a_gap_lies_between_what_was_before_and_what_comes_after(
    gateway: Gateway, delivery: Delivery
) -> None:
    one = gateway.attach("ticker", "KRW-BTC", "KRW-ETH", delivery=delivery)
    gateway.frame(event("ticker", "KRW-BTC", 1))
    gateway.engine.gap(Scope.PUBLIC, 10.0, 20.0)
    gateway.frame(event("ticker", "KRW-ETH", 2, snapshot=True))
    first, gap, last = gateway.slots(one)
    assert gap == Gap(("KRW-BTC", "KRW-ETH"), 10.0, 20.0)
    assert isinstance(first, LazyFrame)
    assert isinstance(last, LazyFrame)
    assert (first.event().timestamp, last.event().timestamp) == (1, 2)


def test_a_gap_is_told_to_its_scope_once(gateway: Gateway) -> None:
    public = gateway.attach("ticker", "KRW-BTC")
    orders, asset = gateway.attach("my_order"), gateway.attach("my_asset")
    picture = gateway.attach("ticker", "KRW-BTC", realtime=False)
    gateway.engine.gap(Scope.PRIVATE, 1.0, 2.0)
    assert gateway.slots(orders) == gateway.slots(asset) == [Gap((), 1.0, 2.0)]
    assert gateway.slots(public) == []
    gateway.engine.gap(Scope.PUBLIC, 1.0, 2.0)
    assert gateway.slots(public) == [Gap(("KRW-BTC",), 1.0, 2.0)]
    assert gateway.slots(picture) == [], "it has no past"


def test_no_value_from_before_the_gap_for_late_comers(gateway: Gateway) -> None:
    gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=1))
    gateway.engine.gap(Scope.PUBLIC, 1.0, 2.0)
    assert gateway.seen(gateway.attach("ticker", "KRW-BTC")) == []


# --- decoding as late as can be -------------------------------------------------------------------


def test_unread_frames_are_not_decoded(gateway: Gateway) -> None:
    """Cost follows the screen: of a thousand frames the one that is shown is decoded, once for all."""
    for made in (lambda ms: event("ticker", ms=ms), lambda ms: book(ms=ms)):
        name = made(1).row.name
        one, two = gateway.attach(name, "KRW-BTC"), gateway.attach(name, "KRW-BTC")
        slots = []
        for ms in range(1, 1001):
            gateway.frame(made(ms))
            slots.append(next(iter(one._latest.values())))
        assert gateway.engine.events_decoded == 0
        assert gateway.seen(one) == gateway.seen(two) == [1000]
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
def test_whoever_needs_every_event_gets_it(gateway: Gateway, name: str, options: dict[str, Any]) -> None:
    if name == "ticker":
        gateway.attach(name, "KRW-BTC")
    one = gateway.attach(name, "KRW-BTC", **options)
    kind = "candle.1m" if name == "candle" else name
    for ms in range(1, 4):
        extra = {"candle_date_time_utc": f"2026-01-01T10:0{ms}:00"} if name == "candle" else {}
        extra |= {"sequential_id": ms} if name == "trade" else {}
        gateway.frame(event(kind, ms=ms, **extra))
    assert gateway.seen(one) == [1, 2, 3]
    assert gateway.engine.events_decoded == 3


def test_laziness_returns_with_the_last_one_who_needed_more(gateway: Gateway) -> None:
    gateway.attach("ticker", "KRW-BTC")
    every = gateway.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    gateway.frame(event("ticker", ms=1))
    assert gateway.engine.events_decoded == 1
    gateway.engine.detach(every.key)
    gateway.frame(event("ticker", ms=2))
    assert gateway.engine.events_decoded == 1
    other = gateway.attach("orderbook", "KRW-BTC")
    gateway.attach("orderbook", "KRW-BTC", level=10_000)
    gateway.frame(book(ms=3))
    assert gateway.engine.events_decoded == 2
    gateway.engine.detach(other.key)
    gateway.frame(book(ms=4, level=10_000))
    assert gateway.engine.events_decoded == 2


def test_an_unreadable_frame_surfaces_where_it_is_read(gateway: Gateway) -> None:
    lazy = gateway.attach("ticker", "KRW-BTC")
    gateway.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    assert gateway.engine.last_event(StreamKey("ticker", "KRW-BTC")) is None
    late = gateway.attach("ticker", "KRW-BTC")
    assert gateway.slots(late) == []
    assert len(gateway.unserved) == 1
    (item,) = gateway.slots(lazy)
    assert isinstance(item, LazyFrame)
    with pytest.raises(DecodeError):
        lazy.view(item)
    assert item.older is None
    # It does not spoil the good one after it.
    gateway.frame(event("ticker", ms=2, snapshot=True))
    assert gateway.seen(lazy) == gateway.seen(late) == ["2s"]
    gateway.attach("ticker", "KRW-BTC", delivery=Delivery.EVERY)
    with pytest.raises(DecodeError):
        gateway.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC"}', 0.0)
    assert gateway.seen(lazy) == []


def test_a_frame_that_is_cut_off_does_not_take_the_place_of_a_good_one(gateway: Gateway) -> None:
    one = gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=1))
    raw = frame(event("ticker", ms=2))
    for length in range(len(raw) - 60, len(raw)):
        with pytest.raises(DecodeError):
            gateway.engine.route(Head("ticker", "KRW-BTC"), raw[:length], 0.0)
    assert gateway.seen(one) == [1]


def test_an_unreadable_frame_leaves_the_good_one_before_it_to_be_read(gateway: Gateway) -> None:
    """Under LATEST it has taken its place before anybody looked."""
    one = gateway.attach("ticker", "KRW-BTC")
    for ms in (1, 2):
        gateway.frame(event("ticker", ms=ms))
    gateway.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    (slot,) = gateway.slots(one)
    assert isinstance(slot, LazyFrame)
    with pytest.raises(DecodeError):
        one.view(slot)
    assert slot.older is not None
    assert one.view(slot.older).timestamp == 2
    assert slot.older.older is None, "one is kept, not all"


def test_what_was_read_is_not_shown_again(gateway: Gateway) -> None:
    one = gateway.attach("ticker", "KRW-BTC")
    gateway.frame(event("ticker", ms=1))
    assert gateway.seen(one) == [1]
    gateway.engine.route(Head("ticker", "KRW-BTC"), b'{"ty":"ticker","cd":"KRW-BTC","st":"REALTIME"}', 0.0)
    (slot,) = gateway.slots(one)
    assert isinstance(slot, LazyFrame)
    assert slot.older is None


# --- coming and going -----------------------------------------------------------------------------


def test_detach_while_the_frame_is_being_delivered(gateway: Gateway) -> None:
    one, two = gateway.attach("ticker", "KRW-BTC"), gateway.attach("ticker", "KRW-BTC")
    gateway.hub._on_pending = lambda delivery: gateway.engine.detach(two.key)
    gateway.frame(event("ticker", ms=1))
    gateway.frame(event("ticker", ms=2))
    assert gateway.seen(one) == [2]
    gateway.engine.detach(two.key)
    gateway.engine.detach("nobody")
    assert len(gateway.hub) == 1


def test_an_unknown_type_attaches_nothing(gateway: Gateway) -> None:
    subscriber = Subscriber(1, "", Delivery.LATEST)
    with pytest.raises(ValueError, match="unknown type"):
        gateway.engine.attach(subscriber, [Target(StreamKey("ticker", "A")), Target(StreamKey("nope", "A"))])
    assert len(gateway.hub) == 0
    gateway.frame(event("ticker", "A"))
    assert gateway.engine.unrouted == 1


def test_everybody_leaves_and_nothing_stays(gateway: Gateway) -> None:
    subscribers = [gateway.attach("orderbook", "KRW-BTC", depth=d) for d in (1, 5, 30)]
    subscribers += [gateway.attach("ticker", "KRW-BTC", realtime=False), gateway.attach("my_order")]
    gateway.frame(book(ms=1))
    for subscriber in subscribers:
        gateway.engine.detach(subscriber.key)
    gateway.engine.streams_asked_for(Scope.PUBLIC, set())
    assert gateway.engine._routes == {}
    assert gateway.engine._of_subscriber == {}
    assert len(gateway.hub) == 0
    gateway.frame(book(ms=2))
    assert gateway.engine.unrouted == 1


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
    gateway = Gateway()
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
                one = gateway.attach("ticker", "KRW-BTC", delivery=a, snapshot=b[0], realtime=b[1])
                served = b[0] and fresh and last is not None
                assert bool(gateway.unserved) == (b[0] and not served)
                expected[one] = [f"{last}s"] if served else []
                flowing = flowing or b[1]
                if b[0] and not served:
                    pending_snapshots.add(one)
            case "detach" if a < len(expected):
                one = list(expected)[a]
                gateway.engine.detach(one.key)
                check(gateway, one, expected.pop(one))
                pending_snapshots.discard(one)
            case "frame":
                gateway.frame(event("ticker", ms=a, snapshot=b))
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
                gateway.engine.streams_asked_for(
                    Scope.PUBLIC, {StreamKey("ticker", "KRW-BTC")} if flowing else set()
                )
            case "stale":
                gateway.engine.mark_stale(Scope.PUBLIC)
                fresh = False
            case "gap":
                gateway.engine.gap(Scope.PUBLIC, 1.0, 2.0)
                fresh = False
                for one in before:
                    if one.wants_realtime:
                        expected[one].append("gap")
        if not waiting() and not (flowing and fresh):
            last, fresh, flowing = None, False, False
    for one, shown in expected.items():
        check(gateway, one, shown)


def check(gateway: Gateway, one: Subscriber, shown: list[Any]) -> None:
    seen = gateway.seen(one)
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
    gateway: Gateway, delivery: Delivery, snapshot: bool
) -> None:
    shallow = gateway.attach("orderbook", "KRW-BTC", depth=5, delivery=delivery)
    gateway.frame(book(ms=1, rows=5))
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30, delivery=delivery, snapshot=snapshot)
    middle = gateway.attach("orderbook", "KRW-BTC", depth=15, delivery=delivery, snapshot=snapshot)
    gateway.frame(book(ms=2, rows=5))
    gateway.frame(book(ms=3, rows=5, snapshot=True))
    assert gateway.seen(deep) == gateway.seen(middle) == []
    assert gateway.seen(shallow)
    gateway.frame(book(ms=4, rows=15))
    assert gateway.seen(deep) == []
    assert gateway.seen(middle) == [4]
    gateway.frame(book(ms=5, rows=30))
    for one in (shallow, middle, deep):
        slots = gateway.slots(one)
        assert slots
        for slot in slots:
            assert isinstance(slot, LazyFrame)
            assert len(one.view(slot).orderbook_units) == one.depth  # type: ignore[attr-defined]
    gateway.frame(book(ms=6, rows=30))
    assert gateway.seen(deep) == [6]


def test_who_waits_for_rows_makes_the_stream_dear_only_until_they_come(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=1, rows=5))
    gateway.attach("orderbook", "KRW-BTC", depth=30)
    gateway.frame(book(ms=2, rows=30))
    decoded = gateway.engine.events_decoded
    for ms in range(3, 20):
        gateway.frame(book(ms=ms, rows=30))
    assert gateway.engine.events_decoded == decoded


def test_who_waits_for_rows_and_leaves_is_forgotten(gateway: Gateway) -> None:
    shallow = gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=1, rows=5))
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30)
    gateway.engine.detach(deep.key)
    decoded = gateway.engine.events_decoded
    gateway.frame(book(ms=2, rows=5))
    assert gateway.engine.events_decoded == decoded
    assert gateway.seen(shallow) == [2]


def test_rows_of_one_level_say_nothing_of_another(gateway: Gateway) -> None:
    gateway.attach("orderbook", "KRW-BTC", depth=5, level=10_000)
    gateway.frame(book(ms=1, rows=5, level=10_000))
    deep = gateway.attach("orderbook", "KRW-BTC", depth=30)
    gateway.frame(book(ms=2, rows=30))
    assert gateway.seen(deep) == [2]


def test_a_thin_book_is_all_there_is_where_nobody_asked_for_fewer_rows(gateway: Gateway) -> None:
    one, two = gateway.attach("orderbook", "KRW-BTC"), gateway.attach("orderbook", "KRW-BTC")
    gateway.frame(book(ms=1, rows=2, snapshot=True))
    assert gateway.seen(one) == gateway.seen(two) == ["1s"]


def test_rows_that_were_asked_for_and_refused_are_not_promised_to_others(gateway: Gateway) -> None:
    """The deepest is still attached, and what comes is deeper than before and not as deep as that."""
    gateway.attach("orderbook", "KRW-BTC", depth=5)
    gateway.frame(book(ms=1, rows=5))
    refused = gateway.attach("orderbook", "KRW-BTC", depth=30)
    gateway.attach("orderbook", "KRW-BTC", depth=15)
    gateway.frame(book(ms=2, rows=15))
    late = gateway.attach("orderbook", "KRW-BTC", depth=30)
    assert gateway.seen(late) == gateway.seen(refused) == []
    assert gateway.seen(gateway.attach("orderbook", "KRW-BTC", depth=15)) == ["2s"]
