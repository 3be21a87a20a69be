"""Whatever happens to a connection, in any order: the invariants hold, and calm brings everything back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError, ServerError
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import CloseSocket, GapDetected, OpenSocket, StateChanged, StreamsSilent
from qt_upbit.types import Scope, WireFormat
from tests.support.model_server import Rig, event, frame, stream_requests
from tests.support.profiles import examples
from tests.support.request_strategies import some_requests

ERRORS = [
    ConnectionFailedError("reset"),
    ConnectionFailedError("HTTP", status=429, retry_after_s=2.0),
    ConnectionFailedError("HTTP", status=418, retry_after_s=20.0),
    AuthenticationError("invalid", 401),
    ServerError("Too Many Requests"),
]
FRAMES: list[str | bytes] = [
    frame(event("ticker", "KRW-BTC", snapshot=True)),
    frame(event("ticker", "KRW-ETH"), WireFormat.JSON_LIST),
    frame(event("trade", "KRW-XRP")).decode(),
    frame(event("myOrder")),
    b"[" + frame(event("myAsset")) + b',{"status":"UP"}]',
    wire.encode_status(),
    wire.encode_error("INVALID_PARAM", "x"),
    wire.encode_error("I'm a teapot", "x"),
    b'[{"error":{"name":"WRONG_FORMAT"}}]',
    wire.encode_subscriptions("1", [], WireFormat.DEFAULT),
    b'{"mthd":"LIST_SUBSCRIPTIONS","rslt":[{"ty":"ticker","cds":["KRW-BTC"]}],"tckt":"2"}',
    b"garbage",
    b"[",
]


class Weather(RuleBasedStateMachine):
    """StreamRequests, time, broken lines, refusals, garbage, silence and clicks, in any order."""

    rig: Rig

    @initialize(
        seed=st.integers(0, 3),
        format=st.sampled_from(WireFormat),
        linger=st.sampled_from([0.0, 5.0]),
        audit=st.sampled_from([None, 7.0, 60.0]),
        wanted=st.lists(some_requests(), min_size=1, max_size=4),
        seconds=st.sampled_from([0.0, 0.1, 1.0, 20.0]),
    )
    def start(
        self,
        seed: int,
        format: WireFormat,
        linger: float,
        audit: float | None,
        wanted: list[Any],
        seconds: float,
    ) -> None:
        self.rig = Rig(*Scope, seed=seed, wire_format=format, linger_s=linger, audit_interval_s=audit)
        self.owners: list[object] = [self.rig.add(*some) for some in wanted]
        self.rig.run_market(seconds, 0.3)

    # --- the program -------------------------------------------------------------------------------

    @rule(wanted=some_requests())
    def add(self, wanted: list[Any]) -> None:
        self.owners.append(self.rig.add(*wanted))

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        owner = data.draw(st.sampled_from(self.owners))
        self.owners.remove(owner)
        self.rig.remove(owner)

    @rule(scope=st.sampled_from(Scope))
    def retry(self, scope: Scope) -> None:
        self.rig.connections[scope].retry(self.rig.now)
        self.rig.carry_out(scope)

    @rule(scope=st.sampled_from(Scope))
    def renew(self, scope: Scope) -> None:
        self.rig.renew(scope)

    @rule(scope=st.sampled_from(Scope))
    def say_that_nothing_changed(self, scope: Scope) -> None:
        self.rig.changed([scope])

    # --- time --------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.06, 0.3, 2.0, 11.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.rig.run(seconds)

    @rule(seconds=st.sampled_from([0.5, 20.0]), every=st.sampled_from([0.1, 1.0]))
    def market_runs(self, seconds: float, every: float) -> None:
        self.rig.run_market(seconds, every)

    @rule(seconds=st.sampled_from([10.0, 4000.0]))
    def machine_sleeps(self, seconds: float) -> None:
        before = {scope: len(log.actions) for scope, log in self.rig.logs.items()}
        renewing = set(self.rig.renewing)
        self.rig.jump(seconds)
        for scope, log in self.rig.logs.items():
            # A renewal may end with a sleep: close, ping, and what two sockets had to say.
            assert len(log.actions) - before[scope] <= (8 if scope in renewing else 4), "no burst"

    @rule()
    def tick_in_vain(self) -> None:
        for scope, connection in self.rig.connections.items():
            connection.tick(self.rig.now)
            self.rig.carry_out(scope)

    # --- the other side ----------------------------------------------------------------------------

    @rule(scope=st.sampled_from(Scope), error=st.sampled_from(ERRORS))
    def line_breaks(self, scope: Scope, error: Any) -> None:
        if self.rig.sockets[scope] is not None:
            self.rig.lose(scope, error)

    @rule(scope=st.sampled_from(Scope), raw=st.sampled_from(FRAMES))
    def frame_comes(self, scope: Scope, raw: str | bytes) -> None:
        if self.rig.sockets[scope] is not None:
            self.rig.send(raw, scope)

    @rule(scope=st.sampled_from(Scope), epochs_ago=st.integers(0, 2))
    def news_of_an_older_socket(self, scope: Scope, epochs_ago: int) -> None:
        connection = self.rig.connections[scope]
        epoch = connection.epoch - epochs_ago
        if epoch > 0 and epoch not in self.rig.open[scope]:
            before = connection.state
            connection.lost(epoch, self.rig.now, ConnectionFailedError("old"))
            connection.opened(epoch, self.rig.now)
            connection.pong_received(epoch, self.rig.now)
            assert connection.receive(FRAMES[0], epoch, self.rig.now) == []
            assert connection.state is before
            assert not connection.has_output

    @rule(pongs=st.booleans(), lists=st.booleans(), data=st.booleans())
    def server_changes(self, pongs: bool, lists: bool, data: bool) -> None:
        server = self.rig.server
        server.answers_pings, server.answers_lists, server.sends_data = pongs, lists, data

    @rule(names=st.sets(st.sampled_from(["ticker", "myAsset", "indicator", "list"]), max_size=2))
    def server_refuses(self, names: set[str]) -> None:
        def refuse(request: wire.Request) -> tuple[str, str] | None:
            types = {item.type for item in request.items} | ({"list"} if request.method else set())
            return ("INVALID_PARAM", "") if types & names else None

        self.rig.server.refuse = refuse

    @rule(seconds=st.sampled_from([None, 0.01, 1.0, 8.0]))
    def server_hangs_up(self, seconds: float | None) -> None:
        self.rig.server.closes_after_s = seconds

    @rule(status=st.sampled_from([None, 401, 429, 503]))
    def server_turns_away(self, status: int | None) -> None:
        error = AuthenticationError(status=401) if status == 401 else ConnectionFailedError("HTTP", status)
        self.rig.server.admit = lambda now: error if status else None

    # --- what must hold ----------------------------------------------------------------------------

    @invariant()
    def sockets_come_in_pairs(self) -> None:
        for scope, log in self.rig.logs.items():
            alive: set[int] = set()
            for _, action in log.actions:
                if isinstance(action, OpenSocket):
                    assert len(alive) < 2, "the present one and its successor"
                    alive.add(action.epoch)
                elif isinstance(action, CloseSocket):
                    alive.remove(action.epoch)
                else:
                    assert alive
            connection = self.rig.connections[scope]
            if connection.state.name in ("IDLE", "REJECTED", "CLOSED"):
                assert not alive
            if connection.is_open:
                assert 1 <= len(alive) <= 2
            elif connection.state.name in ("CONNECTING", "RECONNECTING"):
                assert len(alive) <= 1, "who has no connection has nothing to renew"

    @invariant()
    def states_follow_each_other(self) -> None:
        for scope, log in self.rig.logs.items():
            state = "IDLE"
            for change in log.of(StateChanged):
                assert change.old.name == state
                state = change.new.name
            assert self.rig.connections[scope].state.name == state

    @invariant()
    def gaps_are_real(self) -> None:
        for log in self.rig.logs.values():
            end = float("-inf")
            for at, one in log.events:
                if isinstance(one, GapDetected):
                    assert end <= one.begin <= one.end == at
                    end = one.begin

    @invariant()
    def limits_are_kept(self) -> None:
        self.rig.check_limits()

    @invariant()
    def there_are_subscribers(self) -> None:
        """A connection that is wanted has something to wait for, or waits for the socket or the user."""
        for scope, connection in self.rig.connections.items():
            deadline = connection.next_deadline()
            if connection.is_open:
                assert deadline is not None
            if connection.state.name == "IDLE":
                assert deadline is None
                assert not self.rig.subscriptions.is_wanted(scope)

    def teardown(self) -> None:
        """Once the inputs calm down and the server cooperates, everything wanted is served."""
        if not hasattr(self, "rig"):
            return
        rig = self.rig
        calm = type(rig.server)()
        rig.server.__dict__.update(calm.__dict__)
        for scope, connection in rig.connections.items():
            for owner in self.owners:  # refused owners try again
                rig.subscriptions.add(owner, rig.subscriptions.requests_of(owner))
            connection.retry(rig.now)
            rig.carry_out(scope)
        rig.changed(Scope)
        rig.run_market(100.0, 3.0)  # a feed that stood still would be doubted, and rightly
        for scope, connection in rig.connections.items():
            rig.scope = scope
            wanted = rig.subscriptions.desired(scope)
            if not wanted:
                assert connection.state.name == "IDLE"
                continue
            assert connection.state.name == "LIVE", scope
            assert all(stream_request.realtime for stream_request in wanted.values()), "snapshots were taken"
            rig.check_served()
            assert not rig.subscriptions.needs_request(scope)
            before = rig.log.states()
            requests = len(rig.log.requests())
            rig.run_market(30.0, 3.0)
            assert rig.log.states() == before, "and calm it stays"
            assert len(rig.log.requests()) == requests
        rig.check_limits()


TestWeather = Weather.TestCase
TestWeather.settings = settings(
    max_examples=examples(60),
    stateful_step_count=20,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.filter_too_much],
)


# --- the limits, and no starvation ----------------------------------------------------------------


@given(
    changes=st.lists(st.tuples(st.floats(0.0, 0.4), st.integers(0, 30)), min_size=20, max_size=300),
    scope=st.sampled_from([Scope.PUBLIC, Scope.PRIVATE]),
    per_minute=st.sampled_from([1, 10, 100]),
)
@settings(max_examples=examples(25))
def test_any_pace_of_changes_keeps_the_limits_and_ends_with_the_last_set(
    changes: list[tuple[float, int]], scope: Scope, per_minute: int
) -> None:
    rig = Rig(scope, messages_per_minute=per_minute, audit_interval_s=1.0)
    name = "ticker" if scope is Scope.PUBLIC else "my_order"
    rig.add(*stream_requests(name, "KRW-BTC"), owner=-1)
    for wait, number in changes:
        rig.run(wait)
        if number in rig.subscriptions._requests:
            rig.remove(number)
        else:
            rig.add(*stream_requests(name, f"KRW-C{number}"), owner=number)
    last = rig.now
    rig.run(2 * 66.0 / per_minute + 66.0, stop=lambda: not rig.subscriptions.needs_request(scope))
    assert not rig.subscriptions.needs_request(scope), f"not sent after {rig.now - last} s"
    assert rig.now - last <= 2 * 66.0
    rig.run(70.0 if per_minute == 1 else 3.0)
    rig.check_served()
    rig.check_limits()


@pytest.mark.long
def test_storm_of_changes_for_ten_minutes() -> None:
    """A change each 20 ms: messages stay under the limits, and none waits longer than two seconds."""
    rig = Rig()
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    waits = []
    for i in range(30_000):
        owner = rig.add(*stream_requests("ticker", f"KRW-C{i % 40}"), owner="flapping")
        begin = rig.now
        rig.run(0.02)
        if i % 1000 == 0:
            rig.run(5.0, stop=lambda: not rig.subscriptions.needs_request(Scope.PUBLIC))
            waits.append(rig.now - begin)
        assert owner == "flapping"
    rig.check_limits()
    assert max(waits) <= 2.5
    assert len(rig.log.requests()) < 600 * 100 / 60


# --- never raises ---------------------------------------------------------------------------------

_texts = st.text(max_size=60)
_jsonish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "ty",
                    "code",
                    "cd",
                    "error",
                    "name",
                    "message",
                    "method",
                    "mthd",
                    "result",
                    "rslt",
                    "ticket",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_mutated = st.builds(
    lambda raw, at, junk: raw[: at % len(raw)] + junk + raw[at % len(raw) :],
    st.sampled_from([one if isinstance(one, bytes) else one.encode() for one in FRAMES]),
    st.integers(0, 10_000),
    st.binary(max_size=4),
)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=80),
            st.text(st.characters(), max_size=60),
            _mutated,
            _jsonish.map(json.dumps),
        ),
        max_size=8,
    ),
    st.sampled_from([0.0, 0.06, 0.5, 30.0]),
    st.sampled_from(Scope),
)
@settings(max_examples=examples(300))
def test_receive_never_raises(frames: list[str | bytes], seconds: float, scope: Scope) -> None:
    rig = Rig(scope)
    rig.add(
        *stream_requests("ticker", "KRW-BTC"),
        *stream_requests("my_order"),
        *stream_requests("orderbook", "KRW-BTC"),
    )
    rig.run(seconds)
    for raw in frames:
        if rig.sockets[scope] is not None:
            rig.send(raw, scope)
    rig.run(100.0)
    rig.check_limits()


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=30))
def test_ticking_at_the_deadline_always_makes_progress(waits: list[float]) -> None:
    """The rig ticks exactly at each deadline and fails on a busy loop; late ticks are as good."""
    rig = Rig()
    rig.add(
        *stream_requests("ticker", "KRW-BTC", "KRW-NOPE"),
        *stream_requests("trade", "KRW-ETH", snapshot=False),
    )
    for wait in waits:
        rig.run(wait / 10)
        rig.jump(wait)
        deadline = rig.connection.next_deadline()
        assert deadline is None or deadline > rig.now or rig.connection.state.name != "LIVE"
    assert len(rig.log.of(StreamsSilent)) <= len(rig.log.times(OpenSocket)) + 1
