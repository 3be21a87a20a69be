"""When a connection is doubted, and when it is left; how the parts act together: test_connection.py."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.frame_scan import Head
from qt_upbit.protocol.liveness import (
    Keepalive,
    KeepaliveVerdict,
    ResumeProbe,
    SilenceVerdict,
    SilenceWatch,
)
from qt_upbit.types import ALL_CODES, StreamKey

TICKER = Head("ticker", "KRW-BTC")
KEY = StreamKey("ticker", "KRW-BTC")


def keepalive(now: float = 0.0) -> Keepalive:
    return Keepalive(interval_s=5.0, timeout_s=4.0, now=now, first_ping_at=now + 5.0)


# --- pings and pongs ------------------------------------------------------------------------------


def test_pings_go_out_in_their_rhythm() -> None:
    watch = keepalive()
    assert watch.due == 5.0
    assert watch.on_tick(4.9) is None
    assert watch.on_tick(5.0) is KeepaliveVerdict.PING
    watch.ping_sent(5.0)
    watch.pong_received(5.1)
    assert (watch.due, watch.unanswered, watch.heard_at) == (10.0, 0, 5.1)


def test_a_ping_that_nothing_follows_ends_the_connection() -> None:
    watch = keepalive()
    assert watch.on_tick(5.0) is KeepaliveVerdict.PING
    watch.ping_sent(5.0)
    assert watch.due == 9.0
    assert watch.on_tick(8.9) is None
    assert watch.on_tick(9.0) is KeepaliveVerdict.NO_PONG


def test_any_frame_is_as_good_as_a_pong_of_a_peer_that_never_answered_one() -> None:
    watch = keepalive()
    for now in range(5, 65, 5):
        assert watch.on_tick(float(now)) is KeepaliveVerdict.PING
        watch.ping_sent(float(now))
        watch.heard(now + 1.0)


def test_a_peer_that_used_to_answer_and_only_sends_hears_nothing() -> None:
    watch = keepalive()
    watch.on_tick(5.0)
    watch.ping_sent(5.0)
    watch.pong_received(5.1)
    watch.on_tick(10.0)
    watch.ping_sent(10.0)
    found = None
    for tenth in range(101, 300):
        now = tenth / 10
        watch.heard(now)
        found = watch.on_tick(now)
        if found is KeepaliveVerdict.PING:
            watch.ping_sent(now)
        elif found is not None:
            break
    assert found is KeepaliveVerdict.UNRESPONSIVE
    assert now == 20.0, "ten seconds after the first ping without an answer"


def test_after_a_pause_nothing_that_was_due_meanwhile_counts() -> None:
    watch = keepalive()
    watch.on_tick(5.0)
    watch.ping_sent(5.0)
    watch.resumed(1000.0)
    assert watch.due == 1005.0
    assert watch.on_tick(1000.0) is None


def test_a_probe_asks_whether_a_connection_survived() -> None:
    watch = keepalive()
    for heard, is_dead in ((None, True), (1000.5, True), (1002.5, False)):
        probe = ResumeProbe(watch)
        assert probe.due == inf
        assert probe.resumed(1000.0) == probe.due == 1003.0
        if heard is not None:
            watch.heard(heard)
        assert not probe.on_tick(1002.9)
        assert probe.on_tick(1003.0) is is_dead
        assert probe.due == inf
    probe.resumed(2000.0)
    probe.pong_received()
    assert probe.due == inf


@given(st.lists(st.sampled_from(["tick", "heard", "pong", "resumed", "wait"]), max_size=60))
def test_ticking_when_due_makes_progress_whatever_happens(steps: list[str]) -> None:
    watch, now = keepalive(), 0.0
    for step in steps:
        match step:
            case "tick":
                now = max(now, watch.due)
                verdict = watch.on_tick(now)
                assert verdict is not None, "what is due has something to say"
                if verdict is not KeepaliveVerdict.PING:
                    return
                watch.ping_sent(now)
                assert watch.due > now
            case "heard":
                watch.heard(now)
            case "pong":
                watch.pong_received(now)
            case "resumed":
                watch.resumed(now)
            case _:
                now += 1.0
        assert watch.unanswered >= 0


# --- silence --------------------------------------------------------------------------------------


def flowing(interval_s: float = 0.1, frames: int = 50) -> tuple[SilenceWatch, float]:
    """A watch of a stream that moved in this rhythm, and the time of its last frame."""
    watch = SilenceWatch(timeout_s=10.0)
    watch.running_changed([KEY])
    watch.synchronized(0.0)
    for number in range(frames):
        watch.saw(TICKER, number * interval_s)
    return watch, (frames - 1) * interval_s


def test_too_few_frames_say_nothing_about_silence() -> None:
    watch, _ = flowing(frames=9)
    assert not watch.can_judge
    assert watch.due == inf
    assert watch.on_tick(1e6) is None


def test_silence_is_suspicious_then_deadly_and_each_is_reported_once() -> None:
    watch, last = flowing()
    assert watch.due == last + 10.0
    assert watch.on_tick(last + 9.9) is None
    assert watch.on_tick(last + 10.0) is SilenceVerdict.SUSPICIOUS
    assert watch.due == inf, "until it is asked again"
    watch.asked_again(last + 10.5)
    watch.asked_again(last + 12.0)
    assert watch.due == last + 15.5, "the first one counts"
    assert watch.on_tick(last + 15.5) is SilenceVerdict.DEAD
    assert watch.on_tick(last + 100.0) is None


def test_a_live_frame_ends_the_suspicion_and_doubles_the_timeout() -> None:
    watch, last = flowing()
    watch.on_tick(last + 10.0)
    watch.asked_again(last + 10.0)
    watch.saw(TICKER, last + 11.0)
    # The pause itself is part of the rhythm now, and the timeout is twice as long.
    assert watch.due >= last + 11.0 + 20.0
    assert watch.on_tick(last + 16.0) is None


def test_quiet_pairs_are_given_time() -> None:
    watch, last = flowing(interval_s=30.0)
    assert watch.due >= last + 20 * 29.0


def test_what_does_not_run_says_nothing_of_the_flow() -> None:
    watch, last = flowing()
    watch.saw(Head("ticker", "KRW-ETH"), last + 5.0)
    assert watch.live_at == last
    watch.running_changed([StreamKey("ticker", "KRW-ETH")])
    assert not watch.can_judge, "nothing is known of the new stream"
    watch.running_changed([StreamKey("myOrder", ALL_CODES)])
    watch.saw(Head("myOrder", "KRW-BTC"), last + 6.0)
    assert watch.live_at == last + 6.0, "it runs for every pair"


def test_the_same_set_again_changes_nothing() -> None:
    watch, last = flowing()
    watch.running_changed([KEY])
    assert watch.can_judge
    assert watch.due == last + 10.0


def test_a_pause_of_the_program_is_no_silence() -> None:
    watch, last = flowing()
    watch.resumed(last + 3600.0)
    assert watch.due == last + 3610.0
    watch.forget()
    assert watch.due == inf


@given(st.lists(st.floats(0.001, 100.0), min_size=30, max_size=100))
def test_doubt_never_begins_before_the_timeout(pauses: list[float]) -> None:
    watch, now = SilenceWatch(timeout_s=10.0), 0.0
    watch.running_changed([KEY])
    watch.synchronized(now)
    for pause in pauses:
        now += pause
        watch.on_tick(now)
        watch.saw(TICKER, now)
        assert watch.due >= now + 10.0
