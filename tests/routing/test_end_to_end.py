"""From request to view without a socket: connection, engine and hub against the model of the server."""

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
from qt_upbit.protocol.subscription_state_manager import StreamRequest
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Subscriber
from qt_upbit.types import ConnectionState, Delivery, OrderbookEvent, Scope
from tests.support.model_server import Rig, stream_requests
from tests.support.profiles import examples

_ids = itertools.count(1)


class Frontend:
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

    def open(self, *wanted: StreamRequest, delivery: Delivery = Delivery.EVERY) -> Subscriber:
        first = wanted[0]
        subscriber = Subscriber(
            next(_ids), "", delivery,
            depth=first.depth,
            wants_snapshot=first.snapshot,
            wants_realtime=first.realtime,
        )  # fmt: skip
        unserved = self.engine.attach(
            subscriber, [Target(stream_request.key, stream_request.options) for stream_request in wanted]
        )
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


def test_a_chart_that_replaces_another_shows_a_snapshot() -> None:
    frontend = Frontend()
    old = frontend.open(*stream_requests("ticker", "KRW-BTC"))
    frontend.rig.run(1.0)
    assert [one.is_snapshot for one in frontend.seen(old)] == [True]
    frontend.close(old)
    new = frontend.open(*stream_requests("ticker", "KRW-BTC"))
    assert [one.is_snapshot for one in frontend.seen(new)] == [True], "at once"
    frontend.rig.run(1.0)
    assert len(frontend.rig.log.requests()) == 1, "and without a word to the server"
    frontend.close(new)
    frontend.rig.run(3.0)
    frontend.rig.tick_market()
    assert [one.timestamp for one in frontend.seen(frontend.open(*stream_requests("ticker", "KRW-BTC")))] == [
        int(frontend.rig.now * 1000)
    ], "what came meanwhile is the last value"
    frontend.rig.run(100.0)
    assert len(frontend.rig.log.requests()) == 1


def test_a_value_of_a_stream_that_was_given_up_is_not_shown() -> None:
    frontend = Frontend()
    other = frontend.open(*stream_requests("ticker", "KRW-ETH"))
    old = frontend.open(*stream_requests("ticker", "KRW-BTC"))
    frontend.rig.run(1.0)
    frontend.close(old)
    frontend.rig.run(1.0)
    new = frontend.open(*stream_requests("ticker", "KRW-BTC"))
    assert frontend.seen(new) == []
    frontend.rig.run(1.0)
    assert len(frontend.seen(new)) == 1
    assert frontend.seen(other)


def test_a_snapshot_does_not_disturb_the_running_streams() -> None:
    frontend = Frontend()
    tape = frontend.open(*stream_requests("trade", "KRW-BTC"))
    shallow = frontend.open(*stream_requests("orderbook", "KRW-BTC", depth=5))
    frontend.rig.run_market(1.0, 0.1)
    before = len(frontend.seen(tape)), len(frontend.seen(shallow))
    assert min(before) > 5
    snapshot = frontend.open(*stream_requests("orderbook", "KRW-BTC", "KRW-ETH", realtime=False))
    frontend.rig.run(2.0)
    books = frontend.seen(snapshot)
    assert [(one.code, len(one.asks), one.is_snapshot) for one in books] == [
        ("KRW-BTC", 30, True),
        ("KRW-ETH", 30, True),
    ]
    assert frontend.seen(tape) == [], "the last trade is no news"
    assert all(len(one.asks) == 5 for one in frontend.seen(shallow))
    frontend.rig.check_served()
    frontend.rig.tick_market()
    assert frontend.seen(snapshot) == []
    assert len(frontend.seen(tape)) == 1
    (book,) = frontend.seen(shallow)
    assert isinstance(book, OrderbookEvent)
    assert len(book.asks) == 5


def test_a_reconnect_is_a_gap_and_new_snapshots_in_order() -> None:
    frontend = Frontend()
    one = frontend.open(*stream_requests("ticker", "KRW-BTC"))
    frontend.rig.run_market(1.0, 0.1)
    frontend.seen(one)
    frontend.rig.lose()
    frontend.rig.run(5.0)
    gap, snapshot = frontend.seen(one)
    assert isinstance(gap, Gap)
    assert snapshot.is_snapshot


def test_a_snapshot_of_an_unreadable_stream_is_no_endless_wait() -> None:
    """The owner is notified that the code never delivered."""
    frontend = Frontend()
    frontend.rig.server.known = lambda key: False
    frontend.open(*stream_requests("ticker", "KRW-BTC", realtime=False))
    frontend.rig.run(1.0)
    with pytest.raises(DecodeError):
        frontend.rig.send(b'{"ty":"ticker","cd":"KRW-BTC","st":"SNAPSHOT"}')
    assert frontend.rig.subscriptions.is_wanted(Scope.PUBLIC)
    frontend.rig.run(20.0)
    assert [one.keys[0].code for one in frontend.rig.log.of(StreamsSilent)] == ["KRW-BTC"]


_stream_requests = st.builds(
    lambda name, codes, flags, depth: stream_requests(
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
        st.tuples(st.just("open"), _stream_requests),
        st.tuples(st.just("close"), st.integers(0, 5)),
        st.tuples(st.just("replace"), _stream_requests),
        st.tuples(st.just("time"), st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 6.0])),
        st.tuples(st.just("market"), st.none()),
        st.tuples(st.just("lose"), st.none()),
    ),
    min_size=1,
    max_size=20,
)


@given(_steps, st.booleans())
@settings(max_examples=examples(300))
def test_everybody_gets_a_snapshot_and_everything_after_it(
    steps: list[tuple[str, Any]], repeats_snapshots: bool
) -> None:
    """Every subscriber that wants a snapshot has one, deep enough, and streams run after it.

    Where a replacement does not repeat the snapshots of what ran already, a change is a snapshot.
    """
    frontend = Frontend()
    frontend.rig.server.repeats_snapshots = repeats_snapshots
    opened: dict[Subscriber, tuple[StreamRequest, ...]] = {}
    shown: dict[Subscriber, list[Any]] = {}

    def begin(wanted: tuple[StreamRequest, ...]) -> None:
        opened[frontend.open(*wanted)] = wanted

    for what, value in steps:
        match what:
            case "open":
                begin(value)
            case "replace" | "close":
                if opened:
                    one = list(opened)[value % len(opened) if what == "close" else 0]
                    frontend.close(one)
                    del opened[one]
                if what == "replace":
                    begin(value)
            case "time":
                frontend.rig.run(value)
            case "market":
                frontend.rig.tick_market()
            case _:
                if frontend.rig.sockets[Scope.PUBLIC] is not None:
                    frontend.rig.lose()
    frontend.rig.run(5.0)
    if not repeats_snapshots:
        frontend.rig.tick_market()
    frontend.rig.run(55.0)
    for one in opened:
        shown[one] = frontend.seen(one)
    for one, wanted in opened.items():
        snapshots = [e for e in shown[one] if not isinstance(e, Gap) and e.is_snapshot]
        for stream_request in wanted:
            mine = [e for e in shown[one] if not isinstance(e, Gap) and e.stream_key == stream_request.key]
            if not stream_request.snapshot:
                assert not snapshots
            elif not stream_request.realtime:
                assert len(mine) == 1, "one snapshot"
                assert mine[0].is_snapshot
            else:
                assert mine, f"nothing of {stream_request.key}"
            if stream_request.depth and stream_request.snapshot:
                assert max(len(e.asks) for e in mine) == stream_request.depth
    running = {
        stream_request.key
        for wanted in opened.values()
        for stream_request in wanted
        if stream_request.realtime
    }
    frontend.rig.tick_market()
    for one, wanted in opened.items():
        expected = {
            stream_request.key: stream_request.depth for stream_request in wanted if stream_request.realtime
        }
        news = frontend.seen(one)
        assert {event.stream_key for event in news} == set(expected)
        for event in news:
            assert not isinstance(event, OrderbookEvent) or len(event.asks) == expected[event.stream_key]
    if running:
        frontend.rig.check_served()
    else:
        assert frontend.rig.state == "IDLE"
    frontend.rig.check_limits()
