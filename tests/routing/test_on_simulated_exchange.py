"""The core against the simulated exchange, in memory: bursts, strays, disorder, limits, every format."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from qt_upbit.config import Credentials, WebSocketConfig
from qt_upbit.exceptions import ConnectionFailedError
from qt_upbit.protocol.connection import (
    CloseSocket,
    ConnectionEvent,
    ErrorReported,
    GapDetected,
    OpenSocket,
    RequestSent,
    SendPing,
    SendText,
    StateChanged,
    StreamsRefused,
    StreamsSilent,
    UpbitConnection,
)
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.subscription_state_manager import StreamRequest, SubscriptionStateManager
from qt_upbit.protocol.timing import RollingWindowLimiter
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Subscriber
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.sessions.session import Close, Session
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from qt_upbit.types import ConnectionState, Delivery, Scope, WireFormat
from tests.support.model_server import stream_requests

START = 1_790_000_000.0


class Rig:
    """Connections of all scopes joined to the exchange; time goes in steps."""

    def __init__(self, *, format: WireFormat = WireFormat.SIMPLE, **settings: Any) -> None:
        self.now = START
        self.exchange = SimulatedExchange(SimulatorSettings(markets=40, **settings), now=START)
        config = WebSocketConfig(wire_format=format)
        self.subscriptions = SubscriptionStateManager()
        limiter = RollingWindowLimiter(((5, 1.0),))
        credentials = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
        self.jwt = JWTManager(credentials)
        tickets = random.Random(1)
        self.connections = {
            scope: UpbitConnection(
                scope, config, self.subscriptions, limiter, tickets, lambda: str(tickets.random())
            )
            for scope in Scope
        }
        self.sessions: dict[Scope, Session | None] = dict.fromkeys(Scope)
        self.engine = DataRoutingEngine(FanoutHub(lambda delivery: None))
        self.events: list[ConnectionEvent] = []
        self.keys = 0

    def open(self, *wanted: StreamRequest, delivery: Delivery = Delivery.EVERY) -> Subscriber:
        self.keys += 1
        first = wanted[0]
        subscriber = Subscriber(
            self.keys, "", delivery,
            depth=first.depth, wants_snapshot=first.snapshot, wants_realtime=first.realtime,
        )  # fmt: skip
        unserved = self.engine.attach(
            subscriber, [Target(stream_request.key, stream_request.options) for stream_request in wanted]
        )
        self._changed(self.subscriptions.add(subscriber.key, wanted, unserved))
        return subscriber

    def close(self, subscriber: Subscriber) -> None:
        self.engine.detach(subscriber.key)
        self._changed(self.subscriptions.remove(subscriber.key))

    def _changed(self, scopes: set[Scope]) -> None:
        for scope in scopes:
            self.connections[scope].subscriptions_changed(self.now)
            self._carry_out(scope)

    def run(self, seconds: float, step: float = 0.02, each: Callable[[], None] = lambda: None) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += step
            self.exchange.tick(self.now)
            for scope, connection in self.connections.items():
                self._read(scope)
                connection.tick(self.now)
                self._carry_out(scope)
            each()

    def _read(self, scope: Scope) -> None:
        session = self.sessions[scope]
        if session is None:
            return
        connection = self.connections[scope]
        epoch = connection.epoch
        for output in session.take():
            if isinstance(output, Close):
                self.exchange.disconnect(session)
                connection.lost(epoch, self.now, ConnectionFailedError(f"closed with {output.code}"))
                self._carry_out(scope)
                return
            assert isinstance(output, bytes), "no fault is injected"
            frames = connection.receive(output, epoch, self.now)
            self._carry_out(scope)
            for head, raw in frames:
                self.engine.route(head, raw, self.now)

    def cut(self, scope: Scope) -> None:
        session = self.sessions[scope]
        assert session is not None
        self.exchange.disconnect(session)
        connection = self.connections[scope]
        connection.lost(connection.epoch, self.now, ConnectionFailedError("cut"))
        self._carry_out(scope)

    def _carry_out(self, scope: Scope) -> None:
        connection = self.connections[scope]
        for event in connection.take_events():
            self.events.append(event)
            match event:
                case StateChanged(_, ConnectionState.RECONNECTING | ConnectionState.IDLE):
                    self.engine.mark_stale(scope)
                case GapDetected(_, begin, end):
                    self.engine.gap(scope, begin, end)
                case RequestSent(keys):
                    self.engine.streams_asked_for(scope, keys)
        for action in connection.take_actions():
            session = self.sessions[scope]
            match action:
                case OpenSocket(epoch):
                    headers = self.jwt.authorization_header() if scope.needs_auth else {}
                    refusal = self.exchange.admit(scope, headers, "127.0.0.1", self.now)
                    assert refusal is None
                    self.sessions[scope] = self.exchange.connect(scope, self.now, headers)
                    connection.opened(epoch, self.now)
                    self._carry_out(scope)
                case CloseSocket():
                    if session is not None and not session.closed:
                        self.exchange.disconnect(session)
                    self.sessions[scope] = None
                case SendText(text):
                    assert session is not None
                    self.exchange.receive(session, text, self.now)
                case SendPing():
                    assert session is not None
                    if self.exchange.receive_ping(session, self.now):
                        connection.pong_received(connection.epoch, self.now)

    def seen(self, subscriber: Subscriber) -> list[Any]:
        shown = []
        while (item := subscriber.take()) is not None:
            shown.append(item if isinstance(item, Gap) else subscriber.view(item))
        return shown

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


@pytest.mark.parametrize(
    ("format", "duplicate_snapshot"), list(zip(WireFormat, [True, False, False, True], strict=True))
)
def test_everything_at_once(format: WireFormat, duplicate_snapshot: bool) -> None:
    rig = Rig(format=format, duplicate_snapshot=duplicate_snapshot, list_batching=format.is_list)
    codes = [code for code in rig.exchange.market.pairs if code.startswith("KRW-")][:5]
    tape = rig.open(*stream_requests("trade", *codes))
    deep = rig.open(*stream_requests("orderbook", *codes))
    orders, assets = rig.open(*stream_requests("my_order")), rig.open(*stream_requests("my_asset"))
    rig.run(5.0)
    shallow = rig.open(*stream_requests("orderbook", *codes, depth=1))
    latest = rig.open(*stream_requests("ticker", *codes, "KRW-NOPE"), delivery=Delivery.LATEST)
    chart = rig.open(*stream_requests("candle", codes[0], unit="1s"), delivery=Delivery.LATEST)
    rig.run(15.0)
    snapshot = rig.open(*stream_requests("ticker", *codes, realtime=False))
    rig.run(15.0)

    reported = rig.seen(tape)
    trades = [each for each in reported if not isinstance(each, Gap)]
    gaps = [each for each in reported if isinstance(each, Gap)]
    assert duplicate_snapshot or not gaps
    for code in codes:
        # Where a replacement interrupts running streams, every missed trade is reported as a gap.
        known = [trade.sequential_id for trade in trades if trade.code == code]
        tape_ids = [row[0] for row in rig.exchange.market.pairs[code]._trades.backwards(2**62)][::-1]
        missed = set(tape_ids[tape_ids.index(known[0]) :]) - set(known)
        assert not missed or any(code in gap.codes for gap in gaps)
    ids = Counter((trade.code, trade.sequential_id) for trade in trades)
    assert set(ids.values()) == {1}, "each trade once, however often the subscription was replaced"
    assert {trade.code for trade in trades} == set(codes)
    books = rig.seen(deep)
    assert all(len(book.asks) > 1 for book in books)
    assert {len(book.asks) for book in rig.seen(shallow)} == {1}
    assert {event.code for event in rig.seen(latest)} == set(codes)
    assert len(rig.seen(chart)) > 3
    assert sorted(event.code for event in rig.seen(snapshot)) == sorted(codes)
    assert rig.seen(orders)
    assert rig.seen(assets)
    assert [key.code for one in rig.of(StreamsSilent) for key in one.keys] == ["KRW-NOPE"]
    assert rig.of(ErrorReported, StreamsRefused, GapDetected) == []
    assert not rig.exchange.violations
    for scope in (Scope.PUBLIC, Scope.PRIVATE):
        assert rig.connections[scope].state is ConnectionState.LIVE
        assert rig.exchange.total_connections(scope) == 1
    # No subscriber is left.
    for subscriber in (tape, deep, orders, assets, shallow, latest, chart, snapshot):
        rig.close(subscriber)
    rig.run(6.0)
    assert rig.exchange.sessions == []
    assert rig.engine._routes == {}


def test_a_cut_line_costs_a_gap_and_nothing_else() -> None:
    rig = Rig()
    codes = [code for code in rig.exchange.market.pairs if code.startswith("KRW-")][:3]
    tape = rig.open(*stream_requests("trade", *codes))
    rig.run(10.0)
    before = rig.seen(tape)
    rig.cut(Scope.PUBLIC)
    rig.run(10.0)
    gap, *after = rig.seen(tape)
    assert isinstance(gap, Gap)
    assert after
    assert not {(t.code, t.sequential_id) for t in before} & {(t.code, t.sequential_id) for t in after}
    assert not rig.exchange.violations


def test_clicks_without_end_break_no_limit() -> None:
    """Forty widgets that open and close as fast as they can, for two minutes."""
    rig = Rig(market_running=False)
    codes = list(rig.exchange.market.pairs)
    rng = random.Random(3)
    opened: list[Subscriber] = []

    def click() -> None:
        if len(opened) > 40 or (opened and rng.random() < 0.4):
            rig.close(opened.pop(rng.randrange(len(opened))))
        else:
            opened.append(rig.open(*stream_requests("ticker", *rng.sample(codes, 3))))

    rig.run(120.0, step=0.1, each=click)
    rig.run(5.0)
    assert not rig.exchange.violations
    session = rig.sessions[Scope.PUBLIC]
    assert session is not None
    asked = {code for item in session.subscription for code in item.codes or ()}
    assert asked == set(rig.subscriptions.codes(Scope.PUBLIC))
    assert all(rig.seen(subscriber) for subscriber in opened)
