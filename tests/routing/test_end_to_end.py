"""From wish to view without a socket: wishes, connection, engine and hub against the model of the server."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import Head
from qt_upbit.protocol.connection import (
    ConnectionEvent,
    GapDetected,
    RequestSent,
    StateChanged,
    StreamsSilent,
)
from qt_upbit.protocol.subscription_state_manager import Wish
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Subscriber
from qt_upbit.types import ConnectionState, Delivery, OrderbookEvent, Scope
from tests.support.model_server import Rig, wishes
from tests.support.profiles import examples

_ids = itertools.count(1)


class Desk:
    """What the Qt layer does, without Qt."""

    def __init__(self, *scopes: Scope, **config: Any) -> None:
        self.rig = Rig(*scopes, **config)
        self.rig.on_frame, self.rig.on_event = self._on_frame, self._on_event
        self.hub = FanoutHub(lambda delivery: None)
        self.engine = DataRoutingEngine(self.hub)

    def _on_frame(self, head: Head, raw: bytes, now: float) -> None:
        self.engine.route(head, raw, now)

    def _on_event(self, scope: Scope, event: ConnectionEvent, now: float) -> None:
        lost = (ConnectionState.STALE, ConnectionState.RECONNECTING, ConnectionState.IDLE)
        if isinstance(event, StateChanged) and event.new in lost:
            self.engine.mark_stale(scope)
        elif isinstance(event, GapDetected):
            self.engine.gap(scope, event.begin, event.end)
        elif isinstance(event, RequestSent):
            self.engine.streams_asked_for(scope, event.keys)

    def open(self, *wanted: Wish, delivery: Delivery = Delivery.EVERY) -> Subscriber:
        first = wanted[0]
        subscriber = Subscriber(
            next(_ids), "", delivery,
            depth=first.depth,
            wants_snapshot=first.snapshot,
            wants_realtime=first.realtime,
        )  # fmt: skip
        unserved = self.engine.attach(subscriber, [Target(wish.key, wish.options) for wish in wanted])
        self.rig.changed(self.rig.subscriptions.add(subscriber.key, wanted, unserved))
        return subscriber

    def close(self, subscriber: Subscriber) -> None:
        self.engine.detach(subscriber.key)
        self.rig.remove(subscriber.key)

    def seen(self, subscriber: Subscriber) -> list[Any]:
        shown: list[Any] = []
        while (item := subscriber.take()) is not None:
            shown.append(item if isinstance(item, Gap) else subscriber.view(item))
        return shown


def test_a_chart_that_replaces_another_shows_a_picture() -> None:
    desk = Desk()
    old = desk.open(*wishes("ticker", "KRW-BTC"))
    desk.rig.run(1.0)
    assert [one.is_snapshot for one in desk.seen(old)] == [True]
    desk.close(old)
    new = desk.open(*wishes("ticker", "KRW-BTC"))
    assert [one.is_snapshot for one in desk.seen(new)] == [True], "at once"
    desk.rig.run(1.0)
    assert len(desk.rig.log.requests()) == 1, "and without a word to the server"
    desk.close(new)
    desk.rig.run(3.0)
    desk.rig.tick_market()
    assert [one.timestamp for one in desk.seen(desk.open(*wishes("ticker", "KRW-BTC")))] == [
        int(desk.rig.now * 1000)
    ], "what came meanwhile is the last value"
    desk.rig.run(100.0)
    assert len(desk.rig.log.requests()) == 1


def test_a_value_of_a_stream_that_was_given_up_is_not_shown() -> None:
    desk = Desk()
    other = desk.open(*wishes("ticker", "KRW-ETH"))
    old = desk.open(*wishes("ticker", "KRW-BTC"))
    desk.rig.run(1.0)
    desk.close(old)
    desk.rig.run(1.0)
    new = desk.open(*wishes("ticker", "KRW-BTC"))
    assert desk.seen(new) == []
    desk.rig.run(1.0)
    assert len(desk.seen(new)) == 1
    assert desk.seen(other)


def test_a_picture_does_not_disturb_the_running_streams() -> None:
    desk = Desk()
    tape = desk.open(*wishes("trade", "KRW-BTC"))
    shallow = desk.open(*wishes("orderbook", "KRW-BTC", depth=5))
    desk.rig.run_market(1.0, 0.1)
    before = len(desk.seen(tape)), len(desk.seen(shallow))
    assert min(before) > 5
    picture = desk.open(*wishes("orderbook", "KRW-BTC", "KRW-ETH", realtime=False))
    desk.rig.run(2.0)
    books = desk.seen(picture)
    assert [(one.code, len(one.asks), one.is_snapshot) for one in books] == [
        ("KRW-BTC", 30, True),
        ("KRW-ETH", 30, True),
    ]
    assert desk.seen(tape) == [], "the last trade is no news"
    assert all(len(one.asks) == 5 for one in desk.seen(shallow))
    desk.rig.check_served()
    desk.rig.tick_market()
    assert desk.seen(picture) == []
    assert len(desk.seen(tape)) == 1
    (book,) = desk.seen(shallow)
    assert isinstance(book, OrderbookEvent)
    assert len(book.asks) == 5


def test_a_reconnect_is_a_gap_and_new_pictures_in_order() -> None:
    desk = Desk()
    one = desk.open(*wishes("ticker", "KRW-BTC"))
    desk.rig.run_market(1.0, 0.1)
    desk.seen(one)
    desk.rig.lose()
    desk.rig.run(5.0)
    gap, picture = desk.seen(one)
    assert isinstance(gap, Gap)
    assert picture.is_snapshot


def test_a_picture_of_an_unreadable_stream_is_no_endless_wait() -> None:
    """The owner is told that the code stayed silent."""
    desk = Desk()
    desk.rig.server.known = lambda key: False
    desk.open(*wishes("ticker", "KRW-BTC", realtime=False))
    desk.rig.run(1.0)
    with pytest.raises(DecodeError):
        desk.rig.send(b'{"ty":"ticker","cd":"KRW-BTC","st":"SNAPSHOT"}')
    assert desk.rig.subscriptions.is_wanted(Scope.PUBLIC)
    desk.rig.run(20.0)
    assert [one.keys[0].code for one in desk.rig.log.of(StreamsSilent)] == ["KRW-BTC"]


_wishes = st.builds(
    lambda name, codes, flags, depth: wishes(
        name,
        *codes,
        snapshot=flags[0],
        realtime=flags[1],
        **({"depth": depth} if name == "orderbook" else {}),
    ),
    st.sampled_from(["ticker", "trade", "orderbook"]),
    st.lists(st.sampled_from(["KRW-BTC", "KRW-ETH"]), min_size=1, max_size=2, unique=True),
    st.sampled_from([(True, True), (True, False), (False, True)]),
    st.sampled_from([1, 5, 30]),
)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("open"), _wishes),
        st.tuples(st.just("close"), st.integers(0, 5)),
        st.tuples(st.just("replace"), _wishes),
        st.tuples(st.just("time"), st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 6.0])),
        st.tuples(st.just("market"), st.none()),
        st.tuples(st.just("lose"), st.none()),
    ),
    min_size=1,
    max_size=20,
)


@given(_steps, st.booleans())
@settings(max_examples=examples(300))
def test_everybody_gets_a_picture_and_everything_after_it(
    steps: list[tuple[str, Any]], repeats_snapshots: bool
) -> None:
    """Whoever wants a picture has one, deep enough, and streams run after it.

    Where a replacement does not repeat the snapshots of what ran already, a change is a picture.
    """
    desk = Desk()
    desk.rig.server.repeats_snapshots = repeats_snapshots
    opened: dict[Subscriber, tuple[Wish, ...]] = {}
    shown: dict[Subscriber, list[Any]] = {}

    def begin(wanted: tuple[Wish, ...]) -> None:
        opened[desk.open(*wanted)] = wanted

    for what, value in steps:
        match what:
            case "open":
                begin(value)
            case "replace" | "close":
                if opened:
                    one = list(opened)[value % len(opened) if what == "close" else 0]
                    desk.close(one)
                    del opened[one]
                if what == "replace":
                    begin(value)
            case "time":
                desk.rig.run(value)
            case "market":
                desk.rig.tick_market()
            case _:
                if desk.rig.sockets[Scope.PUBLIC] is not None:
                    desk.rig.lose()
    desk.rig.run(5.0)
    if not repeats_snapshots:
        desk.rig.tick_market()
    desk.rig.run(55.0)
    for one in opened:
        shown[one] = desk.seen(one)
    for one, wanted in opened.items():
        pictures = [e for e in shown[one] if not isinstance(e, Gap) and e.is_snapshot]
        for wish in wanted:
            mine = [e for e in shown[one] if not isinstance(e, Gap) and e.stream_key == wish.key]
            if not wish.snapshot:
                assert not pictures
            elif not wish.realtime:
                assert len(mine) == 1, "one picture"
                assert mine[0].is_snapshot
            else:
                assert mine, f"nothing of {wish.key}"
            if wish.depth and wish.snapshot:
                assert max(len(e.asks) for e in mine) == wish.depth
    running = {wish.key for wanted in opened.values() for wish in wanted if wish.realtime}
    desk.rig.tick_market()
    for one, wanted in opened.items():
        expected = {wish.key: wish.depth for wish in wanted if wish.realtime}
        news = desk.seen(one)
        assert {event.stream_key for event in news} == set(expected)
        for event in news:
            assert not isinstance(event, OrderbookEvent) or len(event.asks) == expected[event.stream_key]
    if running:
        desk.rig.check_served()
    else:
        assert desk.rig.state == "IDLE"
    desk.rig.check_limits()
