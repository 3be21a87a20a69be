"""The rules of one connection, against a model of the server and a clock that jumps."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import (
    AuthenticationError,
    ConfigError,
    ConnectionFailedError,
    DecodeError,
    QtUpbitError,
    ServerError,
)
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import (
    TRANSITIONS,
    CloseSocket,
    ConnectionEventKind,
    ErrorReported,
    GapDetected,
    OpenSocket,
    SendPing,
    SendText,
    StateChanged,
    StreamsListed,
    StreamsLive,
    StreamsRefused,
    StreamsSilent,
    UpbitConnection,
)
from qt_upbit.protocol.subscription_state_manager import StreamState, SubscriptionStateManager
from qt_upbit.protocol.timing import RollingWindowLimiter
from qt_upbit.types import ConnectionState, Scope, StreamKey, WireFormat
from tests.support.model_server import MACD, RSI, Rig, book, event, frame, stream_requests

BTC, ETH = StreamKey("ticker", "KRW-BTC"), StreamKey("ticker", "KRW-ETH")


def live(*scopes: Scope, **config: Any) -> Rig:
    """A rig whose first scope is LIVE."""
    rig = Rig(*scopes, **config)
    if rig.scope is Scope.PUBLIC:
        rig.add(*stream_requests("ticker", "KRW-BTC"), owner="first")
    elif rig.scope is Scope.PRIVATE:
        rig.add(*stream_requests("my_order"), owner="first")
    else:
        rig.add(*stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI]), owner="first")
    rig.run(3.0)
    assert rig.state == "LIVE"
    return rig


# --- the table ------------------------------------------------------------------------------------


def bare(scope: Scope = Scope.PUBLIC) -> UpbitConnection:
    return UpbitConnection(
        scope,
        WebSocketConfig(),
        SubscriptionStateManager(),
        RollingWindowLimiter(((5, 1.0),)),
        random.Random(0),
        lambda: "t",
    )


@pytest.mark.parametrize("state", ConnectionState)
@pytest.mark.parametrize("kind", ConnectionEventKind)
def test_illegal_steps_raise_and_change_nothing(state: ConnectionState, kind: ConnectionEventKind) -> None:
    connection = bare()
    connection._state = state
    if (state, kind) in TRANSITIONS:
        connection._step(kind)
        new = TRANSITIONS[state, kind]
        assert connection.state is new
        assert connection.take_events() == ([StateChanged(state, new)] if new is not state else [])
    else:
        with pytest.raises(RuntimeError, match=f"{kind.name} in state {state.name}"):
            connection._step(kind)
        assert connection.state is state
        assert not connection.has_output


def test_table_is_complete() -> None:
    states, kinds = set(ConnectionState), set(ConnectionEventKind)
    assert {state for state, _ in TRANSITIONS} == states - {ConnectionState.CLOSED}, "CLOSED is final"
    assert {kind for _, kind in TRANSITIONS} == kinds
    assert set(TRANSITIONS.values()) == states, "every state can be reached"
    for state in states - {ConnectionState.CLOSED}:
        assert (state, ConnectionEventKind.CLOSED) in TRANSITIONS
    # From every state but CLOSED there is a way to LIVE, and to IDLE.
    for goal in (ConnectionState.LIVE, ConnectionState.IDLE):
        reaching = {goal}
        for _ in states:
            reaching |= {state for (state, _), new in TRANSITIONS.items() if new in reaching}
        assert reaching == states - {ConnectionState.CLOSED}


# --- from the first request to the first frame -------------------------------------------------------


def test_request_to_live() -> None:
    rig = Rig()
    assert rig.connection.next_deadline() is None
    rig.add(*stream_requests("ticker", "KRW-BTC", "KRW-ETH"))
    rig.run(2.0)
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert [type(action).__name__ for _, action in rig.log.actions] == ["OpenSocket", "SendPing", "SendText"]
    assert rig.log.of(StreamsLive) == [StreamsLive((BTC,)), StreamsLive((ETH,))]
    assert [head.code for _, head, _ in rig.log.frames] == ["KRW-BTC", "KRW-ETH"]
    assert rig.log.of(GapDetected, ErrorReported) == [], "a beginning is no gap"
    rig.check_served()


def test_forty_requests_are_one_message() -> None:
    rig = Rig()
    for i in range(20):
        rig.add(*stream_requests("ticker", f"KRW-C{i}"))
    rig.run(0.1)
    assert len(rig.log.requests()) == 1, "those before the handshake"
    for i in range(20, 60):
        rig.add(*stream_requests("ticker", f"KRW-C{i}"))
    rig.run(1.0)
    first, second = rig.log.requests()
    assert len(first.items[0].codes or ()) == 20
    assert len(second.items[0].codes or ()) == 60
    assert rig.log.times(OpenSocket) == [1000.0]


def test_requests_that_cancel_out_send_nothing() -> None:
    rig = live()
    owner = rig.add(*stream_requests("ticker", "KRW-ETH"))
    rig.remove(owner)
    rig.run(1.0)
    assert len(rig.log.requests()) == 1


def test_every_format_is_asked_for_and_read() -> None:
    for format in WireFormat:
        rig = live(wire_format=format)
        assert {r.format for r in (*rig.log.requests(), *rig.log.lists())} == {format}
        rig.tick_market()
        assert [head for _, head, _ in rig.log.frames] == [("ticker", "KRW-BTC")] * 2
        rig.run(61.0)
        assert {request.format for request in rig.log.lists()} == {format}, "another would switch the streams"


@pytest.mark.parametrize("scope", [Scope.PRIVATE, Scope.INFO])
def test_private_scope_is_live_by_the_servers_list(scope: Scope) -> None:
    rig = live(scope)
    assert len(rig.log.lists()) == 1
    (reported,) = rig.log.of(StreamsLive)
    assert set(reported.keys) == set(rig.wanted())
    at = next(t for t, one in rig.log.events if isinstance(one, StateChanged) and one.new.name == "LIVE")
    assert at == pytest.approx(1000.15), "a round trip after the question"


def test_private_scope_is_live_after_a_while_without_a_list() -> None:
    rig = Rig(Scope.PRIVATE)
    rig.server.answers_lists = False
    owner = rig.add(*stream_requests("my_order"))
    rig.add(*stream_requests("my_order", "KRW-BTC"))
    rig.run(1.9)
    assert rig.state == "RESYNCING"
    rig.run(0.5)
    assert rig.state == "LIVE"
    (reported,) = rig.log.of(StreamsLive)
    assert {key.code for key in reported.keys} == {"", "KRW-BTC"}, "reported to those who await them"
    # Also for what is added later.
    rig.add(*stream_requests("my_asset"))
    rig.run(3.0)
    assert [key.type for key in rig.log.of(StreamsLive)[1].keys] == ["myAsset"]
    rig.remove(owner)
    rig.run(3.0)
    rig.check_served()


def test_public_streams_without_snapshot_do_not_wait_for_a_trade() -> None:
    rig = Rig()
    rig.add(*stream_requests("trade", "KRW-BTC", snapshot=False))
    rig.run(3.0)
    assert rig.state == "LIVE"
    assert len(rig.log.lists()) == 1
    assert rig.log.of(StreamsLive) == [], "its first frame is still to come"
    rig.tick_market()
    assert len(rig.log.of(StreamsLive)) == 1


# --- leaving, and coming back ---------------------------------------------------------------------


def test_lingers_then_closes() -> None:
    rig = live()
    rig.remove("first")
    rig.run(4.9)
    assert rig.state == "LIVE"
    rig.run(0.2)
    assert rig.state == "IDLE"
    assert rig.connection.next_deadline() is None
    assert rig.log.times(CloseSocket) == pytest.approx([1008.0])
    rig.run(100.0)
    assert len(rig.log.times(OpenSocket)) == 1
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(1.0)
    assert rig.state == "LIVE"
    assert rig.log.of(GapDetected) == []


def test_back_during_linger_keeps_the_socket_and_shows_a_first_frame() -> None:
    """The server still streamed the code, so nothing was sent, and no first frame came."""
    rig = live()
    rig.remove("first")
    rig.run(3.0)
    rig.changed(rig.subscriptions.add("second", stream_requests("ticker", "KRW-BTC"), unserved={BTC}))
    rig.run(1.0)
    assert len(rig.log.times(OpenSocket)) == 1
    assert len(rig.log.of(StreamsLive)) == 2
    rig.run(100.0)
    assert rig.state == "LIVE"


def test_back_with_other_codes_drops_the_old_ones() -> None:
    rig = live()
    rig.remove("first")
    rig.run(1.0)
    rig.add(*stream_requests("ticker", "KRW-ETH"))
    rig.run(1.0)
    rig.check_served()
    assert set(rig.socket.streams()) == {ETH}


def test_a_code_without_subscribers_leaves_the_server() -> None:
    """Regression of an earlier manager: codes left only with the last subscriber of the whole type."""
    rig = live()
    owner = rig.add(*stream_requests("ticker", "KRW-ETH"))
    rig.run(1.0)
    rig.remove(owner)
    rig.run(1.0)
    rig.check_served()
    assert set(rig.socket.streams()) == {BTC}


def test_a_change_while_a_request_is_on_its_way_is_not_lost() -> None:
    """Regression of an earlier manager."""
    rig = live()
    rig.add(*stream_requests("ticker", "KRW-ETH"))
    rig.run(0.03)
    assert len(rig.log.requests()) == 2
    rig.add(*stream_requests("ticker", "KRW-XRP"))
    rig.run(1.0)
    rig.check_served()


def test_a_connection_that_breaks_without_subscribers_is_not_reopened() -> None:
    rig = live()
    rig.remove("first")
    rig.run(1.0)
    rig.lose()
    assert rig.state == "IDLE"
    rig.run(100.0)
    assert len(rig.log.times(OpenSocket)) == 1
    assert rig.log.of(ErrorReported) == []


def test_one_snapshot_then_idle() -> None:
    rig = Rig()
    rig.add(*stream_requests("ticker", "KRW-BTC", realtime=False))
    rig.run(1.0)
    rig.run(10.0)
    assert rig.log.times(CloseSocket) == pytest.approx([1005.33], abs=0.01)
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE", "IDLE"]
    assert rig.subscriptions.state_of(BTC) is StreamState.SATISFIED


def test_has_output_says_when_a_frame_made_a_deadline_earlier() -> None:
    rig = Rig(ping_interval_s=50.0)
    rig.add(*stream_requests("ticker", "KRW-BTC", realtime=False))
    rig.run(0.1)
    connection = rig.connection
    assert not connection.has_output
    before = connection.next_deadline()
    connection.receive(frame(event("ticker", snapshot=True)), connection.epoch, rig.now)
    connection.take_events()
    assert connection.has_output, "ask for the deadline"
    after = connection.next_deadline()
    assert after is not None
    assert before is not None
    assert after < before
    assert not connection.has_output


# --- keepalive ------------------------------------------------------------------------------------


def test_pings_well_under_a_minute_and_also_without_subscriptions_to_answer() -> None:
    rig = live(Scope.PRIVATE)
    rig.run(600.0)
    pings = rig.log.times(SendPing)
    assert max(b - a for a, b in itertools.pairwise([1000.0, *pings])) <= 30.0
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"], "a quiet private socket is a healthy one"


def test_no_pong_is_a_dead_connection() -> None:
    rig = live()
    rig.server.answers_pings = False
    rig.run(12.0)
    (reported,) = rig.log.of(ErrorReported)
    assert "pings" in str(reported.error)
    assert len(rig.log.times(OpenSocket)) == 2
    rig.server.answers_pings = True
    rig.run(20.0)
    assert rig.state == "LIVE"


def test_more_pings_do_not_put_the_pongs_deadline_off() -> None:
    rig = live(ping_interval_s=2.0, pong_timeout_s=5.0)
    rig.server.answers_pings = False
    rig.run(7.5)
    assert len(rig.log.of(ErrorReported)) == 1


def test_of_a_peer_that_never_answered_a_ping_any_frame_is_as_good() -> None:
    rig = Rig(ping_interval_s=5.0, pong_timeout_s=5.0)
    rig.server.answers_pings = False
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run_market(60.0, 1.0)
    assert rig.log.of(ErrorReported) == []
    assert rig.connection.state is ConnectionState.LIVE


def test_a_peer_that_sends_and_reads_no_more_is_left() -> None:
    """It would go on with the old subscription forever."""
    rig = live(ping_interval_s=5.0, pong_timeout_s=5.0)
    rig.run_market(12.0, 0.5)
    assert rig.connection.state is ConnectionState.LIVE
    rig.server.answers_pings = False
    rig.run_market(15.0, 0.5)
    (reported,) = rig.log.of(ErrorReported)
    assert "sends but does not answer" in str(reported.error)
    assert len(rig.log.times(OpenSocket)) == 2


def test_a_blocked_program_does_not_blame_the_connection() -> None:
    """Pongs that came meanwhile wait to be read; deadlines missed meanwhile mean nothing."""
    rig = live(ping_interval_s=5.0, pong_timeout_s=5.0)
    rig.run_market(20.0, 0.5)
    rig.jump(30.0)
    rig.run_market(20.0, 0.5)
    assert rig.log.of(ErrorReported) == []
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert len(rig.log.times(OpenSocket)) == 1


def test_a_blocked_program_does_not_blame_the_codes_whose_answers_wait_to_be_read() -> None:
    rig = live()
    rig.run_market(20.0, 0.5)
    rig.add(*stream_requests("ticker", "KRW-ETH", "KRW-NOPE"))
    requests = len(rig.log.requests())
    rig.run(2.0, stop=lambda: len(rig.log.requests()) > requests)
    rig.run(0.01)
    assert not rig.log.of(StreamsSilent)
    rig.jump(30.0)
    rig.run_market(20.0, 0.5)
    (silent,) = rig.log.of(StreamsSilent)
    assert [key.code for key in silent.keys] == ["KRW-NOPE"]


@pytest.mark.parametrize("scope", [Scope.PUBLIC, Scope.PRIVATE])
def test_a_connection_that_died_in_its_sleep_is_replaced_within_five_seconds(scope: Scope) -> None:
    rig = live(scope)
    rig.run(11.0)
    rig.server.answers_pings = rig.server.sends_data = False
    rig.connection.resumed(rig.now)
    rig.carry_out(scope)
    began = rig.now
    rig.run(4.0, stop=lambda: len(rig.log.times(OpenSocket)) == 2)
    rig.server.answers_pings = rig.server.sends_data = True
    rig.run(2.0, stop=lambda: rig.state == "LIVE")
    assert rig.state == "LIVE"
    assert rig.now - began < 4.0


def test_waking_up_changes_nothing_of_a_connection_that_lives() -> None:
    for scope in (Scope.PUBLIC, Scope.PRIVATE):
        rig = live(scope)
        for _ in range(5):
            rig.connection.resumed(rig.now)
            rig.carry_out(scope)
            rig.run(7.0)
        assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
        bare(scope).resumed(0.0)  # not even open


def test_status_frames_are_no_errors() -> None:
    rig = live()
    rig.send(b'{"status":"UP"}')
    rig.send('[{"status":"UP"}]')
    assert rig.log.of(ErrorReported) == []


def test_the_machine_slept() -> None:
    """Nothing bursts out at once, and the connection is tried before it is trusted."""
    rig = live()
    rig.run_market(20.0, 0.5)
    rig.run(0.01)
    before = len(rig.log.actions)
    rig.server.answers_pings = rig.server.sends_data = False
    rig.jump(8 * 3600.0)
    assert len(rig.log.actions) - before <= 3
    rig.run(6.0)
    assert rig.state in ("RECONNECTING", "RESYNCING")
    rig.server.answers_pings = rig.server.sends_data = True
    rig.run_market(60.0, 0.5)
    assert rig.state == "LIVE"
    gap = rig.log.of(GapDetected)[-1]
    assert gap.end - gap.begin > 8 * 3600.0
    rig.check_limits()


@pytest.mark.parametrize("seed", range(5))
def test_messages_that_are_held_up_on_the_way_break_no_limit(seed: int) -> None:
    """The exchange counts when they arrive: an early one that comes late shares its second with others."""
    rng = random.Random(seed)
    rig = Rig()
    codes = [f"KRW-C{number}" for number in range(40)]
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(2.0)
    rig.server.message_delay_s = lambda: rng.choice((0.0, 0.0, 0.0, 0.3, 0.8))
    owner: object = None
    for _ in range(200):
        if owner is not None:
            rig.remove(owner)
        owner = rig.add(*stream_requests("ticker", rng.choice(codes)))
        rig.run(rng.choice((0.05, 0.1, 0.3)))
    rig.run(10.0)
    rig.check_limits()
    rig.check_served()
    assert rig.connection.requests_sent > 30, "and the widgets did not wait long"


# --- the silence watchdog -------------------------------------------------------------------------


def test_flow_that_stops_is_asked_for_again_and_then_left() -> None:
    rig = live()
    rig.run_market(30.0, 0.5)
    last = rig.now
    rig.server.sends_data = False
    requests = len(rig.log.requests())
    rig.run(10.5)
    assert rig.state == "STALE"
    assert len(rig.log.requests()) == requests + 1
    rig.run(4.0)
    assert rig.log.states()[-3:] == ["RECONNECTING", "RESYNCING"] or rig.state in (
        "RECONNECTING",
        "RESYNCING",
    )
    rig.server.sends_data = True
    rig.run(15.0)
    assert rig.state == "LIVE"
    (gap,) = rig.log.of(GapDetected)
    assert gap.begin == pytest.approx(last)
    assert gap.codes == ("KRW-BTC",)


def test_snapshots_prove_the_peer_and_not_the_feed() -> None:
    """The feed is dead: pings and requests are answered, and no change ever comes."""
    rig = live()
    rig.run_market(30.0, 0.5)
    last = rig.now
    frames = len(rig.log.frames)
    rig.run(14.5)
    assert len(rig.log.frames) == frames + 1, "the resent request was answered"
    assert rig.state == "STALE"
    assert len(rig.log.times(OpenSocket)) == 1
    rig.run(1.0)
    assert len(rig.log.times(OpenSocket)) == 2, "left within 15 s"
    (error,) = rig.log.of(ErrorReported)
    assert "the server answers requests but sends no live data" in str(error.error)
    rig.run_market(30.0, 0.5)
    assert rig.state == "LIVE"
    assert rig.log.of(GapDetected)[0].begin == pytest.approx(last)
    assert len(rig.log.times(OpenSocket)) == 2


def test_a_change_ends_stale() -> None:
    rig = live()
    rig.run_market(30.0, 0.5)
    last = rig.now
    rig.run(12.0)
    assert rig.state == "STALE"
    rig.tick_market()
    assert rig.log.states()[-2:] == ["STALE", "LIVE"]
    (gap,) = rig.log.of(GapDetected)
    assert (gap.begin, gap.end) == (pytest.approx(last), rig.now)
    rig.run(10.0)
    assert len(rig.log.times(OpenSocket)) == 1
    assert rig.log.of(ErrorReported) == []


@pytest.mark.parametrize("after_s", [1.0, 5.0, 9.9, 10.1, 13.0])
@pytest.mark.parametrize("what", ["newcomer", "replacement", "release"])
def test_a_changed_subscription_does_not_disarm_the_watchdog(after_s: float, what: str) -> None:
    rig = live()
    rig.add(*stream_requests("ticker", "KRW-XRP"), owner="second")
    rig.run_market(30.0, 0.5)
    rig.run(after_s)
    match what:
        case "newcomer":
            rig.add(*stream_requests("ticker", "KRW-ETH"), *stream_requests("trade", "KRW-BTC"))
        case "replacement":
            rig.add(*stream_requests("trade", "KRW-ETH"), owner="second")
        case "release":
            rig.remove("second")
    rig.run(20.5 - after_s)
    assert "STALE" in rig.log.states()
    assert len(rig.log.times(OpenSocket)) == 2, "left within 20 s"


def test_who_leaves_takes_its_part_of_the_flow_along() -> None:
    """What stays is judged by its own rate, as it was seen while both ran."""
    rig = live()
    rig.add(*stream_requests("ticker", "BTC-SLOW"), owner="slow")
    rig.run(1.0)
    for _ in range(20):
        rig.run_market(4.0, 0.1, BTC)
        rig.tick_market(StreamKey("ticker", "BTC-SLOW"))
    rig.remove("first")
    rig.run(70.0)
    assert "STALE" not in rig.log.states(), "it came every 4 s: 80 s are nothing"
    rig.run(15.0)
    assert rig.state == "STALE"


def test_nothing_that_could_flow_is_left() -> None:
    """Without the busy stream nothing is suspicious any more, and the snapshot of the quiet one will do."""
    rig = live()
    rig.run_market(30.0, 0.5)
    rig.run(10.2)
    assert rig.state == "STALE"
    rig.add(*stream_requests("ticker", "BTC-QUIET"), owner="first")
    rig.run(1.0)
    assert rig.state == "LIVE"
    rig.run(3600.0)
    assert len(rig.log.times(OpenSocket)) == 1


def test_timeout_recovers_with_health() -> None:
    """After six survived silences it was 960 s for good, and a dead feed LIVE for as long."""
    rig = live()
    for pause in (16.0, 31.0, 61.0, 121.0, 300.0, 700.0):
        rig.run_market(30.0, 0.5)
        rig.run(pause)
    assert rig.log.states().count("STALE") >= 2
    rig.run_market(30.0, 0.5)
    rig.run(120.0)
    assert rig.state == "LIVE", "it has just been shown to be slow"
    rig.run_market(900.0, 0.5)
    opened = len(rig.log.times(OpenSocket))
    rig.run(20.5)
    assert len(rig.log.times(OpenSocket)) == opened + 1


def test_timeout_grows_while_a_market_stands_still() -> None:
    """A halt for a night is no connection loss: it is doubted ever more rarely, not every 20 s."""
    rig = live()
    rig.run_market(60.0, 0.2)
    rig.run(8 * 3600.0)
    assert 2 <= len(rig.log.times(OpenSocket)) <= 13
    assert rig.log.states()[-1] in ("LIVE", "STALE")
    rig.check_limits()


def test_a_feed_that_is_dead_on_the_next_connection_too_is_left_again() -> None:
    rig = live()
    rig.run_market(30.0, 0.5)
    rig.run(21.0)
    assert len(rig.log.times(OpenSocket)) == 2
    rig.run(60.0)
    assert len(rig.log.times(OpenSocket)) == 3


@pytest.mark.parametrize("every_s", [0.5, 7.0, 20.0, 300.0])
def test_a_quiet_night_is_no_silence(every_s: float) -> None:
    """Changes come at random, a few in an hour or many: nothing is doubted, nothing is left."""
    rig, rng = live(), random.Random(7)
    end = rig.now + min(12 * 3600.0, 1000 * every_s)
    while rig.now < end:
        rig.run(rng.expovariate(1 / every_s))
        rig.tick_market()
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert len(rig.log.times(OpenSocket)) == 1


def test_a_list_does_not_end_stale() -> None:
    """Only data does: a server may answer questions and have forgotten to send."""
    rig = live()
    rig.run_market(30.0, 0.5)
    rig.server.sends_data = False
    rig.run(10.1)
    assert rig.state == "STALE"
    rig.run(5.0)
    assert "LIVE" not in rig.log.states()[rig.log.states().index("STALE") :]


def test_one_quiet_pair_among_others_says_nothing() -> None:
    rig = live()
    rig.add(*stream_requests("trade", "KRW-XRP", "KRW-ETH"))
    rig.run_market(600.0, 1.0, BTC)
    assert "STALE" not in rig.log.states()


def test_illiquid_codes_never_flap() -> None:
    """Snapshots that came because we asked are no flow that could dry up."""
    rig = Rig()
    rig.add(
        *stream_requests("ticker", *[f"BTC-C{i}" for i in range(12)]), *stream_requests("trade", "BTC-C1")
    )
    rig.run(3600.0)
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert len(rig.log.requests()) == 1
    rig.run_market(4 * 3600.0, 90.0, StreamKey("trade", "BTC-C1"))
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]


def test_silence_is_judged_against_what_is_subscribed_now() -> None:
    """The busy market was left; the quiet one must not be measured by it."""
    rig = live()
    rig.add(*stream_requests("ticker", "BTC-QUIET"))
    rig.run_market(60.0, 0.1, BTC)
    rig.remove("first")
    rig.run_market(3600.0, 300.0)
    assert "STALE" not in rig.log.states()


def test_nights_are_quieter_than_days() -> None:
    rig = live()
    rig.run_market(120.0, 0.2)
    for every in (1.0, 3.0, 9.0, 20.0):
        rig.run_market(60 * every, every)
    assert rig.log.states().count("STALE") <= 1


def test_a_market_that_pauses_again_and_again_is_asked_ever_more_rarely() -> None:
    rig = live()
    for _ in range(40):
        rig.run_market(5.0, 0.2)
        rig.run(60.0)
    assert rig.log.states().count("STALE") <= 4
    assert len(rig.log.times(OpenSocket)) <= 4


def test_a_connection_without_subscribers_never_becomes_stale() -> None:
    rig = live(linger_s=60.0)
    rig.run_market(30.0, 0.5)
    rig.remove("first")
    rig.run(59.0)
    assert rig.state == "LIVE"


def test_after_a_reconnect_known_codes_must_answer_but_only_once() -> None:
    """A server that accepts, answers pings and sends nothing is left; a market that ended is not chased."""
    rig = live()
    rig.server.sends_data = False
    rig.lose()
    rig.run(11.0)
    assert len(rig.log.times(OpenSocket)) == 3
    rig.run(3600.0)
    assert len(rig.log.times(OpenSocket)) == 3
    assert rig.log.of(StreamsSilent)[-1].keys == (BTC,)
    rig.server.sends_data = True
    rig.tick_market()
    assert rig.state == "LIVE"


# --- codes that never deliver -----------------------------------------------------------------------


def test_silent_codes_are_named_once_and_not_missed() -> None:
    rig = live()
    rig.add(*stream_requests("ticker", "KRW-NOPE", "KRW-ETH"))
    rig.run_market(300.0, 1.0)
    nope = StreamKey("ticker", "KRW-NOPE")
    assert rig.log.of(StreamsSilent) == [StreamsSilent((nope,), 10.0)]
    assert rig.log.of(ErrorReported) == []
    assert len(rig.log.requests()) == 2
    rig.lose()
    rig.run(15.0)
    assert len(rig.log.of(StreamsSilent)) == 2, "once per connection"


def test_only_unknown_codes() -> None:
    rig = Rig()
    rig.add(*stream_requests("ticker", "KRW-NOPE"))
    rig.run(600.0)
    assert len(rig.log.of(StreamsSilent)) == 1
    assert len(rig.log.times(OpenSocket)) == 1
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(1.0)
    assert rig.state == "LIVE"


# --- the connection breaks ------------------------------------------------------------------------------


def test_whole_set_is_sent_again_after_a_reconnect() -> None:
    rig = live()
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=5), *stream_requests("trade", "KRW-ETH"))
    rig.run(1.0)
    rig.run_market(3.0, 0.5)
    last = rig.now
    rig.run(1.0)
    rig.lose()
    assert rig.subscriptions.state_of(BTC) is StreamState.DESIRED
    rig.run(0.5)
    assert rig.log.states()[-3:] == ["RECONNECTING", "RESYNCING", "LIVE"], "the first retry is immediate"
    rig.check_served()
    (gap,) = rig.log.of(GapDetected)
    assert gap.begin == pytest.approx(last)
    assert gap.end == pytest.approx(last + 1.0 + 0.05 + 0.05 + 0.2, abs=0.01)
    assert gap.codes == ("KRW-BTC", "KRW-ETH")
    at = rig.log.everything.index((gap.end, gap))
    assert [type(one).__name__ for _, one in rig.log.everything[at : at + 4]] == [
        "GapDetected",
        "StateChanged",
        "StreamsLive",
        "Head",
    ], "events before frames"


def test_a_gap_begins_where_the_first_of_several_breaks_began() -> None:
    rig = live()
    rig.run_market(5.0, 0.5)
    last = rig.now
    for _ in range(4):
        rig.lose()
        rig.run(1.0, stop=lambda: rig.state == "RESYNCING")
    rig.run(10.0)
    (gap,) = rig.log.of(GapDetected)
    assert gap.begin == pytest.approx(last)


def test_no_gap_before_there_was_anything() -> None:
    rig = Rig()
    failures = iter([ConnectionFailedError("no route"), ConnectionFailedError("no route"), None])
    rig.server.admit = lambda now: next(failures, None)
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(0.5, stop=lambda: rig.state == "RESYNCING")
    rig.run(5.0)
    assert rig.state == "LIVE"
    assert rig.log.of(GapDetected) == []
    assert len(rig.log.of(ErrorReported)) == 1, "the same failure is reported once"


def test_private_gap_begins_where_the_last_answered_ping_was_sent() -> None:
    """The answer may lag: what the server sent after it had answered may never have come."""
    rig = live(Scope.PRIVATE)
    rig.run(3600.0)
    heard = max(at for at in rig.log.times(SendPing))
    rig.lose()
    rig.run(5.0)
    (gap,) = rig.log.of(GapDetected)
    assert gap.begin == heard
    assert gap.codes == ()


def test_frames_of_an_older_socket_are_not_delivered() -> None:
    """Regression of an earlier manager: what the old reader did reached the new connection."""
    rig = live()
    old = rig.connection.epoch
    rig.lose()
    frames = len(rig.log.frames)
    assert rig.connection.receive(frame(event("ticker")), old, rig.now) == []
    rig.run(0.5)
    assert rig.connection.receive(frame(event("ticker")), old, rig.now) == []
    assert rig.connection.late_frames == 2
    assert len(rig.log.frames) == frames + 1
    rig.connection.lost(old, rig.now, ConnectionFailedError("late news"))
    rig.connection.opened(old, rig.now)
    rig.connection.pong_received(old, rig.now)
    assert rig.state == "LIVE"


def test_a_server_that_accepts_and_closes_at_once_is_not_hammered() -> None:
    rig = Rig()
    rig.server.closes_after_s = 0.3  # after the snapshot has come
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(600.0)
    opens = rig.log.times(OpenSocket)
    gaps = [b - a for a, b in itertools.pairwise(opens)]
    assert len(opens) < 40
    assert gaps[-1] > 20.0
    assert max(gaps) < 32.0


def test_backoff_starts_over_once_the_connection_proved_itself() -> None:
    rig = Rig()
    rig.server.closes_after_s = 0.3
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(100.0)
    rig.server.closes_after_s = None
    rig.run(60.0)
    assert rig.state == "LIVE"
    at = rig.now
    rig.lose()
    rig.run(1.0)
    assert rig.log.times(OpenSocket)[-1] == pytest.approx(at)


def test_backoff_grows_is_bounded_and_differs_between_clients() -> None:
    seen = []
    for seed in (1, 2):
        rig = Rig(seed=seed)
        rig.server.admit = lambda now: ConnectionFailedError("refused")
        rig.add(*stream_requests("ticker", "KRW-BTC"))
        rig.run(900.0)
        opens = rig.log.times(OpenSocket)
        gaps = [b - a for a, b in itertools.pairwise(opens)]
        assert gaps[0] < 0.1
        assert 0.18 <= gaps[1] <= 0.31
        assert 22.0 <= gaps[-1] <= 30.1
        assert len(rig.log.of(ErrorReported)) == 1
        seen.append(opens[5])
    assert seen[0] != seen[1]


# --- errors ---------------------------------------------------------------------------------------

ERRORS: list[tuple[QtUpbitError, str, float]] = [
    (ConnectionFailedError("reset"), "RECONNECTING", 0.0),
    (ConnectionFailedError("HTTP", status=503), "RECONNECTING", 0.0),
    (ConnectionFailedError("HTTP", status=429), "RECONNECTING", 1.0),
    (ConnectionFailedError("HTTP", status=429, retry_after_s=7.0), "RECONNECTING", 7.0),
    (ConnectionFailedError("HTTP", status=418), "RECONNECTING", 60.0),
    (ConnectionFailedError("HTTP", status=418, retry_after_s=300.0), "RECONNECTING", 300.0),
    (ConnectionFailedError("HTTP", status=503, retry_after_s=float("nan")), "RECONNECTING", 0.0),
    (ConnectionFailedError("HTTP", status=503, retry_after_s=-5.0), "RECONNECTING", 0.0),
    (DecodeError("too large"), "RECONNECTING", 0.0),
    (ServerError("Too Many Requests"), "RECONNECTING", 1.0),
    (ServerError("I'm a teapot"), "RECONNECTING", 60.0),
    (AuthenticationError("no_authorization_ip", 401), "REJECTED", 0.0),
    (ConfigError("unusable"), "REJECTED", 0.0),
]


@pytest.mark.parametrize(("error", "state", "wait_s"), ERRORS, ids=lambda value: str(value)[:40])
def test_lost_with_every_class_of_error(error: QtUpbitError, state: str, wait_s: float) -> None:
    rig = live()
    at = rig.now
    rig.lose(error=error)
    assert rig.state == state
    assert rig.connection.error is error
    assert rig.log.of(ErrorReported) == [ErrorReported(error)]
    rig.run(400.0)
    opens = rig.log.times(OpenSocket)
    if state == "REJECTED":
        assert len(opens) == 1
        assert rig.connection.next_deadline() is None
        rig.connection.retry(rig.now)
        rig.carry_out(rig.scope)
        rig.run(2.0)
    else:
        assert opens[1] == pytest.approx(at + wait_s)
    assert rig.state == "LIVE"
    assert rig.connection.error is None


def test_no_way_around_the_servers_block() -> None:
    """Neither retry, nor leaving and coming back, makes us knock before the time."""
    rig = live()
    at = rig.now
    rig.lose(error=ConnectionFailedError("blocked", status=418, retry_after_s=300.0))
    rig.connection.retry(rig.now)
    rig.carry_out(rig.scope)
    rig.run(1.0)
    rig.remove("first")
    rig.run(20.0)
    assert rig.state == "IDLE"
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(400.0)
    assert rig.log.times(OpenSocket)[1] == pytest.approx(at + 300.0)
    assert rig.state == "LIVE"


@pytest.mark.parametrize("as_frame", [True, False])
def test_refused_key_is_not_tried_in_a_loop(as_frame: bool) -> None:
    rig = Rig(Scope.PRIVATE)
    if as_frame:
        rig.server.refuse = lambda request: ("INVALID_AUTH", "인증 정보가 올바르지 않습니다.")
    else:
        rig.server.admit = lambda now: AuthenticationError(status=401)
    rig.add(*stream_requests("my_order"))
    rig.run(3600.0)
    assert rig.state == "REJECTED"
    assert len(rig.log.times(OpenSocket)) == 1
    (reported,) = rig.log.of(ErrorReported)
    assert isinstance(reported.error, AuthenticationError)
    rig.add(*stream_requests("my_asset"))
    rig.run(10.0)
    assert len(rig.log.times(OpenSocket)) == 1, "other requests do not backfill a key"
    rig.connection.retry(rig.now)
    rig.carry_out(rig.scope)
    rig.run(10.0)
    assert rig.state == "REJECTED"
    assert len(rig.log.times(OpenSocket)) == 2
    assert len(rig.log.of(ErrorReported)) == 2, "who asks gets an answer"
    rig.server.admit = lambda now: None
    rig.server.refuse = lambda request: None
    rig.connection.retry(rig.now)
    rig.carry_out(rig.scope)
    rig.run(10.0)
    assert rig.state == "LIVE"


def refuse_type(wire_type: str) -> Callable[[wire.Request], tuple[str, str] | None]:
    def refuse(request: wire.Request) -> tuple[str, str] | None:
        if any(item.type == wire_type for item in request.items):
            return "INVALID_PARAM", "지원하지 않는 타입입니다."
        return None

    return refuse


def test_refused_request_costs_only_what_it_brought() -> None:
    rig = live()
    rig.run(10.0)
    rig.server.refuse = refuse_type("trade")
    rig.add(*stream_requests("trade", "KRW-BTC"), owner="bad")
    rig.run(5.0)
    assert rig.state == "LIVE"
    assert len(rig.log.times(OpenSocket)) == 2, "one reconnect although error and close both came"
    assert rig.connection.reconnects == 1
    (refused,) = rig.log.of(StreamsRefused)
    assert refused.keys == (StreamKey("trade", "KRW-BTC"),)
    assert refused.owners == ("bad",)
    assert refused.error.name == "INVALID_PARAM"
    assert len(rig.log.of(ErrorReported)) == 1
    assert set(rig.socket.streams()) == {BTC}
    rig.run(600.0)
    assert len(rig.log.times(OpenSocket)) == 2
    # A fresh request is a fresh try.
    rig.server.refuse = lambda request: None
    rig.add(*stream_requests("trade", "KRW-BTC"))
    rig.run(5.0)
    assert len(rig.socket.streams()) == 2


def test_refused_definitions_cost_only_their_owner() -> None:
    """More than 100 combinations: the first owner's indicators go on."""
    rig = live(Scope.INFO)

    def refuse(request: wire.Request) -> tuple[str, str] | None:
        many = sum(len(item.options["indicators"]) for item in request.items)
        return ("TOO_MANY_REQUEST", "") if many > 1 else None

    rig.server.refuse = refuse
    rig.add(*stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[MACD]), owner="bad")
    rig.run(5.0)
    assert rig.state == "LIVE"
    (refused,) = rig.log.of(StreamsRefused)
    assert refused.owners == ("bad",)
    (item,) = rig.socket.items
    assert [one["type"] for one in item.options["indicators"]] == ["rsi"]


def test_refusals_without_a_culprit_end_in_rejected_and_another_set_leaves_it() -> None:
    rig = Rig()
    rig.server.refuse = refuse_type("trade")
    owner = rig.add(*stream_requests("trade", "KRW-BTC"))
    rig.run(600.0)
    assert rig.state == "REJECTED"
    assert len(rig.log.times(OpenSocket)) == 3
    rig.connection.subscriptions_changed(rig.now)
    rig.carry_out(rig.scope)
    assert rig.state == "REJECTED", "nothing has changed"
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.remove(owner)
    rig.run(10.0)
    assert rig.state == "LIVE"
    rig.check_limits()


def test_a_rejected_scope_without_subscribers_is_idle() -> None:
    rig = Rig(Scope.PRIVATE)
    rig.server.admit = lambda now: AuthenticationError(status=401)
    owner = rig.add(*stream_requests("my_order"))
    rig.run(1.0)
    rig.remove(owner)
    rig.run(10.0)
    assert rig.log.states() == ["CONNECTING", "REJECTED", "IDLE"]


def test_a_server_that_does_not_know_our_question_is_not_asked_again() -> None:
    rig = live(audit_interval_s=10.0)
    rig.server.refuse = lambda request: ("WRONG_FORMAT", "") if request.method else None
    rig.run(120.0)
    assert len(rig.log.lists()) == 1
    assert len(rig.log.times(OpenSocket)) == 2
    assert rig.state == "LIVE"


def test_too_many_requests_refuses_no_subscription() -> None:
    rig = live()
    rig.add(*stream_requests("ticker", "KRW-ETH"))
    rig.send(wire.encode_error("Too Many Requests", ""))
    rig.run(5.0)
    assert rig.state == "LIVE"
    assert rig.log.of(StreamsRefused) == []
    rig.check_served()


# --- the server's list ----------------------------------------------------------------------------


def test_a_difference_is_recovered_once_and_not_argued_with() -> None:
    rig = live(audit_interval_s=10.0)
    rig.server.edit_list = lambda items: []
    rig.run_market(300.0, 1.0)
    assert len(rig.log.requests()) == 2
    (reported,) = rig.log.of(ErrorReported)
    assert "SUBSCRIPTION_MISMATCH" in str(reported.error)
    assert rig.state == "LIVE"
    assert len(rig.log.times(OpenSocket)) == 1
    # Another difference is another matter.
    rig.server.edit_list = lambda items: [*items, wire.RequestItem("trade", ("KRW-BTC",))]
    rig.run_market(30.0, 1.0)
    assert len(rig.log.requests()) == 3
    rig.server.edit_list = lambda items: items
    rig.run_market(30.0, 1.0)
    rig.server.edit_list = lambda items: []
    rig.run_market(30.0, 1.0)
    assert len(rig.log.requests()) == 4, "recovered, and then it came again"


def test_an_answer_to_an_older_question_is_not_believed() -> None:
    rig = live(audit_interval_s=10.0)
    rig.send(wire.encode_subscriptions("someone else's", [], WireFormat.SIMPLE))
    assert rig.log.of(ErrorReported) == []


@pytest.mark.parametrize("scope", [Scope.PUBLIC, Scope.PRIVATE])
def test_a_list_that_was_under_way_while_the_subscription_changed_is_not_believed(scope: Scope) -> None:
    rig = live(scope, audit_interval_s=10.0)
    name, more = ("ticker", ("KRW-ETH",)) if scope is Scope.PUBLIC else ("my_asset", ())
    owner = rig.add(*stream_requests(name, *more))
    rig.run(3.0)
    for change in (lambda: rig.remove(owner), lambda: rig.add(*stream_requests(name, *more))):
        asked = len(rig.log.lists())
        rig.run(20.0, stop=lambda asked=asked: len(rig.log.lists()) > asked)
        change()
        rig.run(5.0)
        assert rig.log.of(ErrorReported) == []
    assert len(rig.log.requests()) == 4


def _asked(rig: Rig) -> bool:
    """Ask for the list as a link does."""
    asked = rig.connection.ask_for_list(rig.now)
    rig.run(0.0)
    return asked


def test_the_list_is_reported_to_who_asks_for_it() -> None:
    rig = live(audit_interval_s=None)
    assert _asked(rig)
    rig.run(1.0)
    (reported,) = rig.log.of(StreamsListed)
    assert reported.keys == {BTC}
    assert len(rig.log.lists()) == 1


def test_a_list_that_a_new_request_has_overtaken_is_asked_for_again() -> None:
    rig = live(audit_interval_s=None)
    rig.server.answers_lists = False
    assert _asked(rig)
    rig.run(0.5)
    assert len(rig.log.lists()) == 1
    rig.server.answers_lists = True
    rig.add(*stream_requests("ticker", "KRW-ETH"))
    rig.run(3.0)
    assert rig.log.of(StreamsListed)[-1].keys == {BTC, ETH}
    assert len(rig.log.lists()) == 2


def test_the_list_is_not_requested_where_it_cannot_be_answered() -> None:
    rig = Rig()
    assert not rig.connection.ask_for_list(rig.now)
    rig = live(audit_interval_s=10.0)
    rig.server.refuse = lambda request: ("WRONG_FORMAT", "") if request.method else None
    rig.run(30.0)
    assert not rig.connection.ask_for_list(rig.now), "it has not understood the question before"


def test_without_audits() -> None:
    rig = live(audit_interval_s=None)
    rig.run_market(300.0, 1.0)
    assert rig.log.lists() == []


# --- frames ---------------------------------------------------------------------------------------


def test_arrays_of_any_length_text_frames_and_control_frames_inside() -> None:
    rig = live()
    one, two = frame(event("ticker")), frame(event("trade"))
    rig.send(b"[" + one + b"," + two + b"]")
    rig.send((b"[" + two + b"]").decode())
    rig.send(one.decode())
    rig.send(b"[" + one + b',{"status":"UP"},' + two + b"]")
    rig.send(b" [ ] ")
    types = [head.type for _, head, _ in rig.log.frames[1:]]
    assert types == ["ticker", "trade", "trade", "ticker", "ticker", "trade"]
    assert rig.log.of(ErrorReported) == []


def test_an_error_inside_an_array_ends_the_socket_there() -> None:
    rig = live()
    one = frame(event("ticker"))
    rig.send(b"[" + one + b',{"error":{"name":"WRONG_FORMAT"}},' + one + b"]")
    assert rig.state == "RECONNECTING"
    assert len(rig.log.frames) == 2


GARBAGE = [
    b"", b"{", b"[", b"nonsense", b"\xff\xfe", b"null", b"17", b'"text"', b"{}", b"[[]]", b"[1,2]",
    b'{"type":5}', b'{"type":"unheard"}', b'{"ty":"ticker"', b'{"method":"LIST_SUBSCRIPTIONS"}',
    b'{"error":5}', b'{"error":{}}', b'{"mthd":1,"rslt":[1]}', b"[" * 100_000, b'{"a":' * 100_000,
    "\ud800", "text", '{"type":"ticker","code":"\ud800"}',
]  # fmt: skip


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw)[:20])
def test_garbage_is_reported_and_the_stream_goes_on(raw: str | bytes) -> None:
    rig = live()
    rig.send(raw)
    rig.run(2.0)
    assert rig.state == "LIVE"
    rig.tick_market()
    assert rig.log.frames[-1][1] == ("ticker", "KRW-BTC")


def test_an_unreadable_first_frame_is_no_first_frame() -> None:
    rig = Rig()
    rig.server.known = lambda key: False
    rig.add(*stream_requests("orderbook", "KRW-BTC"))
    rig.run(1.0)
    rig.send(b'{"ty":"orderbook","cd":"KRW-BTC","st":"SNAPSHOT","lv":0}')
    rig.run(11.0)
    assert rig.log.of(StreamsLive) == []
    assert len(rig.log.of(StreamsSilent)) == 1
    rig.send(frame(book(level=10_000)))
    assert rig.log.of(StreamsLive) == [], "the book of another level"
    rig.send(frame(book()))
    assert len(rig.log.of(StreamsLive)) == 1


def test_depth_grows_while_running() -> None:
    rig = Rig()
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=5))
    rig.run(1.0)
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=30, realtime=False), owner="snapshot")
    rig.run(1.0)
    rows = [raw.count(b"ap") for _, _, raw in rig.log.frames]
    assert rows == [5, 30, 5], "and back once the snapshot was taken"
    rig.check_served()


# --- the end --------------------------------------------------------------------------------------


def test_close_is_idempotent_and_final() -> None:
    for prepare in (lambda rig: None, lambda rig: rig.add(*stream_requests("ticker", "KRW-BTC"))):
        for seconds in (0.0, 0.06, 1.0, 7.0):
            rig = Rig()
            prepare(rig)
            rig.run(seconds)
            connection = rig.connection
            connection.close()
            connection.close()
            rig.carry_out(rig.scope)
            assert rig.state == "CLOSED"
            assert connection.next_deadline() is None
            connection.retry(rig.now)
            connection.subscriptions_changed(rig.now)
            connection.tick(rig.now + 1e6)
            connection.opened(connection.epoch, rig.now)
            connection.lost(connection.epoch, rig.now, ConnectionFailedError("late"))
            connection.pong_received(connection.epoch, rig.now)
            assert connection.receive(frame(event("ticker")), connection.epoch, rig.now) == []
            assert not connection.has_output
            assert len(rig.log.times(OpenSocket)) == len(rig.log.times(CloseSocket))


def test_reconnect_on_request() -> None:
    rig = live()
    rig.connection.retry(rig.now)
    rig.carry_out(rig.scope)
    rig.run(1.0)
    assert rig.log.states()[-3:] == ["RECONNECTING", "RESYNCING", "LIVE"]
    assert rig.log.of(ErrorReported) == []
    idle = Rig()
    idle.connection.retry(idle.now)
    idle.carry_out(idle.scope)
    assert idle.state == "IDLE"
    assert idle.connection.next_deadline() is None


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 1.0])
def test_no_socket_outlives_other_keys(seconds: float) -> None:
    """A handshake under way with the keys of before was finished, and the old account was followed."""
    rig = Rig(Scope.PRIVATE)
    rig.add(*stream_requests("my_order"))
    rig.run(seconds)
    before = rig.connection.epoch
    assert before > 0
    rig.connection.credentials_changed(rig.now)
    rig.carry_out(rig.scope)
    assert CloseSocket(before) in [action for _, action in rig.log.actions]
    rig.run(3.0)
    assert rig.state == "LIVE"
    assert rig.connection.epoch > before
    assert rig.log.of(ErrorReported) == []


def test_other_keys_after_a_refusal_and_while_it_waits() -> None:
    refused = live(Scope.PRIVATE)
    refused.lose(error=AuthenticationError("jwt_verification", 401))
    assert refused.state == "REJECTED"
    waiting = live(Scope.PRIVATE)
    waiting.lose(error=ConnectionFailedError("HTTP", status=503, retry_after_s=7.0))
    for rig in (refused, waiting):
        rig.connection.credentials_changed(rig.now)
        rig.carry_out(rig.scope)
        rig.run(10.0)
        assert rig.state == "LIVE"
    idle = Rig(Scope.PRIVATE)
    idle.connection.credentials_changed(idle.now)
    assert not idle.connection.has_output


def test_connects_share_one_limit_over_scopes() -> None:
    rig = Rig(*Scope)
    rig.server.closes_after_s = 0.01
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.add(*stream_requests("my_order"))
    rig.add(*stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI]))
    for _ in range(100):
        rig.run(0.1)
        for scope, connection in rig.connections.items():
            connection.retry(rig.now)  # as fast as a user can click
            rig.carry_out(scope)
    rig.check_limits()
    assert sum(len(log.times(OpenSocket)) for log in rig.logs.values()) > 40
    rig.server.closes_after_s = None
    rig.run(60.0)
    assert {connection.state.name for connection in rig.connections.values()} == {"LIVE"}


def test_text_is_json_that_the_exchange_reads() -> None:
    rig = live()
    (sent,) = (action for _, action in rig.log.actions if isinstance(action, SendText))
    assert wire.decode_request(sent.text).items == rig.subscriptions.request_items(rig.scope)


# --- the network returns ---------------------------------------------------------------------------


def returned(rig: Rig) -> None:
    rig.connection.network_returned(rig.now)
    rig.carry_out(rig.scope)


def test_a_waiting_connection_is_tried_at_once_when_the_network_returns() -> None:
    rig = live(backoff_initial_s=1000.0, backoff_max_s=1000.0)
    for _ in range(10):
        if rig.state == "LIVE":  # the first tries are soon
            rig.lose(error=ConnectionFailedError("cable"))
            rig.run(2.0)
    assert rig.state == "RECONNECTING"
    before = rig.connection.epoch
    due = rig.connection.next_deadline()
    assert due is not None
    assert due > rig.now + 1.0, "it waits in its backoff"
    returned(rig)
    assert rig.connection.epoch == before + 1
    rig.run(3.0)
    assert rig.state == "LIVE"


def test_a_handshake_into_the_void_is_given_up_when_the_network_returns() -> None:
    rig = Rig()
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(0.0)
    before = rig.connection.epoch
    assert before > 0
    returned(rig)
    assert CloseSocket(before) in [action for _, action in rig.log.actions]
    rig.run(3.0)
    assert rig.state == "LIVE"
    assert rig.log.of(ErrorReported) == []


def test_an_open_connection_is_probed_when_the_network_returns() -> None:
    rig = live()
    epoch = rig.connection.epoch
    pings = sum(isinstance(action, SendPing) for _, action in rig.log.actions)
    returned(rig)
    assert sum(isinstance(action, SendPing) for _, action in rig.log.actions) == pings + 1
    rig.run(60.0)
    assert (rig.state, rig.connection.epoch) == ("LIVE", epoch)


def test_a_network_that_flaps_keeps_the_limits_and_the_servers_time() -> None:
    rig = live()
    rig.lose(error=ConnectionFailedError("HTTP", status=503, retry_after_s=7.0))
    before = rig.connection.epoch
    begin = rig.now
    while rig.now < begin + 6.9:
        returned(rig)
        rig.run(0.05)
    assert rig.connection.epoch == before
    rig.run(5.0)
    assert rig.state == "LIVE"


def test_what_wants_nothing_stays_idle_when_the_network_returns() -> None:
    idle = Rig()
    idle.connection.network_returned(idle.now)
    assert not idle.connection.has_output
    refused = live(Scope.PRIVATE)
    refused.lose(error=AuthenticationError("jwt_verification", 401))
    returned(refused)
    refused.run(60.0)
    assert refused.state == "REJECTED"
