"""Rules and socket joined: what goes in, what is carried out, and when the link wakes."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Iterator
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from qt_upbit.config import Credentials, WebSocketConfig
from qt_upbit.exceptions import ConnectionFailedError, DecodeError, QtUpbitError
from qt_upbit.protocol.connection import ConnectionEvent, ErrorReported, StateChanged, UpbitConnection
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.protocol.timing import RollingWindowLimiter
from qt_upbit.qt.scope_link import ScopeLink
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Subscriber
from qt_upbit.types import ConnectionState, Delivery, Scope
from tests.support import events
from tests.support.model_server import event, frame, stream_requests
from tests.support.wait import until

KEYS = Credentials(access_key="a" * 40, secret_key="s" * 40)


class FakeClient:
    """Takes what a link does to its socket, and has no network."""

    def __init__(self, config: WebSocketConfig, **callbacks: Any) -> None:
        self.callbacks = callbacks
        self.opened: list[tuple[str, dict[str, str], int]] = []
        self.sent: list[str] = []
        self.pings = 0
        self.closed: list[int] = []
        self.all_closed = False

    def open(self, url: str, headers: Any, epoch: int) -> None:
        self.opened.append((url, dict(headers), epoch))

    def send(self, text: str, epoch: int) -> None:
        self.sent.append(text)

    def ping(self, epoch: int) -> None:
        self.pings += 1

    def close(self, epoch: int) -> None:
        self.closed.append(epoch)

    def close_all(self) -> None:
        self.all_closed = True

    async def aclose(self) -> None:
        self.all_closed = True


class Rig:
    """A link on a clock that stands unless it is moved."""

    def __init__(self, scope: Scope, **config: Any) -> None:
        self.now = 100.0
        self.config = WebSocketConfig(credentials=KEYS, **config)
        self.events: list[ConnectionEvent] = []
        self.errors: list[QtUpbitError] = []
        self.hub = FanoutHub(lambda _delivery: None)
        self.engine = DataRoutingEngine(self.hub)
        self.state = SubscriptionStateManager()
        self.connection = UpbitConnection(
            scope, self.config, self.state, RollingWindowLimiter(((5, 1.0),)), random.Random(0), lambda: "t"
        )
        self.parent = QObject()
        jwt = JWTManager(KEYS, lifetime_s=self.config.token_lifetime_s) if scope.needs_auth else None
        self.link = ScopeLink(
            scope,
            self.config,
            self.connection,
            self.engine,
            jwt,
            lambda _scope, event: self.events.append(event),
            lambda _scope, error: self.errors.append(error),
            lambda: self.now,
            self.parent,
        )

    @property
    def client(self) -> FakeClient:
        client = self.link.client
        assert isinstance(client, FakeClient)
        return client

    def subscribe(self, name: str, *codes: str) -> Subscriber:
        wanted = stream_requests(name, *codes)
        subscriber = Subscriber(1, "p", Delivery.EVERY)
        unserved = self.engine.attach(subscriber, (Target(each.key, each.options) for each in wanted))
        self.state.add(1, wanted, unserved)
        self.link.subscriptions_changed()
        return subscriber

    def open(self) -> int:
        """Let the handshake that was begun last succeed."""
        epoch = self.client.opened[-1][2]
        self.client.callbacks["on_opened"](epoch)
        return epoch

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.link.tick()

    def states(self) -> list[ConnectionState]:
        return [each.new for each in self.events if isinstance(each, StateChanged)]

    @property
    def wakes_in_s(self) -> float:
        return self.link._deadline.interval() / 1000 if self.link._deadline.isActive() else float("inf")


@pytest.fixture
def rigs(app: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Rig]]:
    monkeypatch.setattr("qt_upbit.qt.scope_link.NativeWebSocketClient", FakeClient)
    made: list[Rig] = []
    yield made
    for rig in made:
        if shiboken6.isValid(rig.parent):
            shiboken6.delete(rig.parent)


@pytest.fixture
def make(rigs: list[Rig]) -> Any:
    def make(scope: Scope = Scope.PUBLIC, **config: Any) -> Rig:
        rigs.append(Rig(scope, **config))
        return rigs[-1]

    return make


async def test_what_is_wanted_is_opened_and_asked_for(make: Any) -> None:
    rig = make()
    assert rig.wakes_in_s == float("inf"), "nothing is wanted"
    rig.subscribe("ticker", "KRW-BTC")
    ((url, headers, _),) = rig.client.opened
    assert url == rig.config.websocket_url(Scope.PUBLIC)
    assert headers == {}
    rig.open()
    rig.tick(1.0)
    assert "KRW-BTC" in rig.client.sent[-1]
    assert rig.states() == [ConnectionState.CONNECTING, ConnectionState.RESYNCING]


async def test_a_frame_is_with_its_subscribers_when_the_socket_has_handed_it_over(make: Any) -> None:
    rig = make()
    subscriber = rig.subscribe("ticker", "KRW-BTC")
    epoch = rig.open()
    rig.tick(1.0)
    raw = frame(event("ticker"))
    rig.client.callbacks["on_message"](raw, epoch)
    assert subscriber.waiting == 1
    assert rig.states()[-1] is ConnectionState.LIVE
    rig.client.callbacks["on_message"](raw, epoch - 1)
    assert subscriber.waiting == 1, "a socket of before has nothing to say"


async def test_a_frame_that_cannot_be_routed_is_reported_and_the_next_one_is_routed(make: Any) -> None:
    rig = make()
    subscriber = rig.subscribe("trade", "KRW-BTC")
    epoch = rig.open()
    rig.tick(1.0)
    good = frame(event("trade"))
    assert b'"sid":' in good
    rig.client.callbacks["on_message"](good.replace(b'"sid":', b'"xx":'), epoch)
    rig.client.callbacks["on_message"](good, epoch)
    assert [type(error) for error in rig.errors] == [DecodeError]
    assert subscriber.waiting == 1


@pytest.mark.parametrize("bad_first", [True, False])
async def test_after_some_objects_that_cannot_be_decoded_the_rest_of_a_message_is_dropped(
    make: Any, monkeypatch: pytest.MonkeyPatch, bad_first: bool
) -> None:
    rig = make()
    subscriber = rig.subscribe("trade", "KRW-BTC")
    epoch = rig.open()
    rig.tick(1.0)
    routed: list[bytes] = []
    right = rig.engine.route
    monkeypatch.setattr(
        rig.engine, "route", lambda head, raw, now: (routed.append(raw), right(head, raw, now))
    )
    good, bad = frame(event("trade")), frame(event("trade")).replace(b'"sid":', b'"xx":')
    objects = [bad] * 1000 if bad_first else [good] + [bad] * 1000
    rig.client.callbacks["on_message"](b"[" + b",".join(objects) + b"]", epoch)
    assert len(routed) == 50 + (not bad_first)
    assert len(rig.errors) == 50
    (report,) = (each for each in rig.events if isinstance(each, ErrorReported))
    assert report.times == 950
    rig.client.callbacks["on_message"](good, epoch)
    assert subscriber.waiting == 1, "the next message is read"


@pytest.mark.parametrize(("count", "routed"), [(855, 855), (3_000, 855)])
async def test_objects_with_odd_fields_are_bounded_but_for_every_pair_there_is_room(
    make: Any, count: int, routed: int
) -> None:
    rig = make()
    subscriber = rig.subscribe("ticker", "KRW-BTC")
    epoch = rig.open()
    rig.tick(1.0)
    objects = [frame(events.ticker(timestamp=n)).replace(b'"op":', b'"xx":') for n in range(count)]
    rig.client.callbacks["on_message"](b"[" + b",".join(objects) + b"]", epoch)
    assert routed <= subscriber.waiting < 2_000
    reports = [each for each in rig.events if isinstance(each, ErrorReported)]
    assert sum(each.times for each in reports) == count - subscriber.waiting


async def test_it_wakes_at_the_earliest_deadline_of_connection_and_token(make: Any) -> None:
    rig = make(Scope.PRIVATE, token_lifetime_s=10.0)
    rig.subscribe("my_order")
    rig.open()
    rig.tick(0.5)
    due = rig.connection.next_deadline()
    assert due is not None
    assert rig.wakes_in_s == pytest.approx(min(due, 108.0) - rig.now, abs=0.002)


async def test_each_handshake_has_a_token_of_its_own(make: Any) -> None:
    rig = make(Scope.PRIVATE)
    rig.subscribe("my_order")
    epoch = rig.open()
    rig.client.callbacks["on_lost"](epoch, ConnectionFailedError("reset"))
    for _ in range(100):
        rig.tick(0.5)
        if len(rig.client.opened) == 2:
            break
    first, second = (headers["Authorization"] for _, headers, _ in rig.client.opened)
    assert first.startswith("Bearer ")
    assert second.startswith("Bearer ")
    assert first != second


async def test_other_keys_connect_again_with_them(make: Any) -> None:
    rig = make(Scope.PRIVATE)
    rig.subscribe("my_order")
    rig.open()
    rig.link.set_jwt(JWTManager(Credentials(access_key="b" * 40, secret_key="s" * 40)))
    rig.tick(1.0)
    assert len(rig.client.opened) == 2
    assert rig.client.closed


def test_without_a_loop_it_waits_and_then_says_so(make: Any) -> None:
    """Subscribing is allowed before the loop runs; a program that runs Qt alone is reported."""
    rig = make()
    rig.subscribe("ticker", "KRW-BTC")
    assert rig.client.opened == []
    rig.link._open(rig.connection.epoch)
    assert rig.states() == [ConnectionState.CONNECTING]
    rig.now += 3.0
    rig.link._open(rig.connection.epoch)
    assert rig.states()[-1] is ConnectionState.RECONNECTING
    assert "no asyncio loop" in str(rig.connection.error)


@pytest.mark.logs("no asyncio loop is running")
async def test_begun_before_the_loop_it_connects_when_the_loop_runs(make: Any) -> None:
    rig = make()
    running, loop = asyncio._get_running_loop(), asyncio.get_running_loop()
    assert running is loop
    asyncio._set_running_loop(None)
    try:
        rig.subscribe("ticker", "KRW-BTC")
        assert rig.client.opened == []
    finally:
        asyncio._set_running_loop(loop)
    await until(lambda: rig.client.opened)


async def test_closed_it_closes_its_socket_and_wakes_no_more(make: Any) -> None:
    rig = make()
    rig.subscribe("ticker", "KRW-BTC")
    rig.open()
    await rig.link.aclose()
    assert rig.client.all_closed
    assert rig.wakes_in_s == float("inf")
    assert rig.connection.state is ConnectionState.CLOSED


async def test_deleted_it_leaves_no_socket_behind(make: Any) -> None:
    rig = make()
    rig.subscribe("ticker", "KRW-BTC")
    client = rig.client
    shiboken6.delete(rig.parent)
    gc.collect()
    assert client.all_closed
