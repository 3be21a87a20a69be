"""When a connection is doubted, and when it is left; how the parts act together: test_connection.py."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from math import inf

import pytest
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


def flowing(interval_s: float = 0.1, frames: int = 50, *, start: float = 0.0) -> tuple[SilenceWatch, float]:
    """A watch of a stream that moved in this rhythm, and the time of its last frame."""
    watch = SilenceWatch(floor_s=3.0, cap_s=20.0)
    watch.running_changed([KEY])
    watch.synchronized(start)
    return watch, flow(watch, start, interval_s, frames)


def flow(watch: SilenceWatch, now: float, interval_s: float, frames: int) -> float:
    """Frames in this rhythm, from `now` on; the time of the last one."""
    for number in range(frames):
        watch.saw(TICKER, now + number * interval_s)
    return now + (frames - 1) * interval_s


def test_too_few_frames_say_nothing_about_silence() -> None:
    watch, _ = flowing(frames=9)
    assert not watch.can_judge
    assert watch.due == inf
    assert watch.on_tick(1e6) is None


def test_silence_is_suspicious_then_deadly_and_each_is_reported_once() -> None:
    watch, last = flowing()
    assert watch.due == last + 3.0
    assert watch.on_tick(last + 2.9) is None
    assert watch.on_tick(last + 3.0) is SilenceVerdict.SUSPICIOUS
    assert watch.due == inf, "until it is asked again"
    watch.asked_again(last + 3.5)
    watch.asked_again(last + 5.0)
    assert watch.due == last + 8.5, "the first one counts"
    assert watch.on_tick(last + 8.5) is SilenceVerdict.DEAD
    assert watch.on_tick(last + 100.0) is None


def test_forty_messages_a_second_that_stop() -> None:
    """STALE after 3 s, and left after 8."""
    watch, last = flowing(1 / 40, 40 * 60)
    assert watch.due == pytest.approx(last + 3.0)
    assert watch.on_tick(watch.due) is SilenceVerdict.SUSPICIOUS
    watch.asked_again(last + 3.0)
    assert watch.due == pytest.approx(last + 8.0)


def test_a_live_frame_ends_the_doubt_and_the_next_is_slower() -> None:
    watch, last = flowing()
    watch.on_tick(last + 3.0)
    watch.asked_again(last + 3.0)
    watch.saw(TICKER, last + 4.0)
    # The pause itself is part of the rhythm now.
    assert watch.due >= last + 4.0 + 16.0
    assert watch.on_tick(last + 9.0) is None


@pytest.mark.parametrize("silences", [1, 6, 20])
@pytest.mark.parametrize("pause_s", [4.0, 19.0, 700.0])
def test_a_minute_of_flow_makes_the_timeout_short_again(silences: int, pause_s: float) -> None:
    watch, now = flowing()
    for _ in range(silences):
        watch.on_tick(now + pause_s)
        now = flow(watch, now + pause_s, 0.1, 50)
    now = flow(watch, now + 0.1, 0.1, 700)
    assert 3.0 <= watch.due - now <= 20.0
    now = flow(watch, now + 0.1, 0.1, 7000)
    assert watch.due - now == pytest.approx(3.0), "and after ten minutes as short as ever"


def test_a_silence_that_goes_on_over_connections_is_doubted_ever_more_rarely() -> None:
    watch, now = flowing()
    waits = []
    for _ in range(6):
        waits.append(watch.due - now)
        assert watch.on_tick(watch.due) is SilenceVerdict.SUSPICIOUS
        watch.asked_again(now + waits[-1])
        assert watch.on_tick(watch.due) is SilenceVerdict.DEAD
        now += waits[-1] + 5.0
        watch.synchronized(now)
    assert waits == [pytest.approx(3.0 * 2**number) for number in range(6)]
    now = flow(watch, now + 1.0, 0.1, 6100)
    assert watch.due - now == pytest.approx(3.0), "a feed that moves has no past"


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
    assert watch.due == last + 3.0


def test_a_pause_of_the_program_is_no_silence() -> None:
    watch, last = flowing()
    watch.resumed(last + 3600.0)
    assert watch.due == last + 3603.0
    watch.forget()
    assert watch.due == inf


@given(st.lists(st.floats(0.001, 100.0), min_size=30, max_size=100))
def test_doubt_never_begins_before_the_floor(pauses: list[float]) -> None:
    watch, now = SilenceWatch(floor_s=3.0, cap_s=20.0), 0.0
    watch.running_changed([KEY])
    watch.synchronized(now)
    for pause in pauses:
        now += pause
        watch.on_tick(now)
        watch.saw(TICKER, now)
        assert watch.due >= now + 3.0


@given(st.lists(st.floats(0.001, 1.9), min_size=80, max_size=200))
def test_silence_of_a_moving_set_is_never_overlooked_for_longer_than_the_cap(pauses: list[float]) -> None:
    watch, now = SilenceWatch(floor_s=3.0, cap_s=20.0), 0.0
    watch.running_changed([KEY])
    watch.synchronized(now)
    for pause in (*pauses, *[0.5] * 200):
        now += pause
        watch.saw(TICKER, now)
    assert watch.due <= now + 20.0


# --- a day of the market ---------------------------------------------------------------------------


def day(seed: int, by_day: float, by_night: float, bursts: float) -> Iterator[float]:
    """Times of the frames of 24 hours, in seconds.

    A Hawkes process: the rate of independent frames goes from night to day and back as a cosine; each frame
    raises the rate for some two seconds, so that the share `bursts` of all frames follows others.

    Args:
        seed: of the randomness.
        by_day: frames a second at noon.
        by_night: frames a second at midnight.
        bursts: share of the frames that others caused.
    """
    rng, now, excited = random.Random(seed), 0.0, 0.0
    while now < 24 * 3600.0:
        base = by_night + (by_day - by_night) * 0.5 * (1 - math.cos(2 * math.pi * now / 86_400))
        rate = base * (1 - bursts) + excited
        wait = rng.expovariate(rate)
        now += wait
        excited = excited * math.exp(-wait / 2.0) + bursts / 2.0
        yield now


DAYS = pytest.mark.parametrize(
    ("by_day", "by_night", "bursts"),
    [(8.0, 0.5, 0.0), (4.0, 0.2, 0.7), (2.0, 0.05, 0.8), (0.2, 0.01, 0.0), (0.2, 0.01, 0.7)],
)


@DAYS
def test_a_day_of_the_market_raises_no_false_alarm(by_day: float, by_night: float, bursts: float) -> None:
    watch_a_day(0, by_day, by_night, bursts)


@pytest.mark.long
@DAYS
def test_busier_days_raise_no_false_alarm(by_day: float, by_night: float, bursts: float) -> None:
    for seed in range(2):
        watch_a_day(seed, 5 * by_day, by_night, bursts)


def watch_a_day(seed: int, by_day: float, by_night: float, bursts: float) -> None:
    watch = SilenceWatch(floor_s=3.0, cap_s=20.0)
    watch.running_changed([KEY])
    watch.synchronized(0.0)
    due = inf
    for now in day(seed, by_day, by_night, bursts):
        assert now < due, f"{watch.threshold_s:.1f} s of silence suspected in hour {now / 3600:.1f}"
        watch.saw(TICKER, now)
        due = watch.due


def test_a_socket_is_complete_up_to_the_sending_of_the_last_ping_that_was_answered() -> None:
    keepalive = Keepalive(5.0, 10.0, 100.0, 100.0)
    assert keepalive.complete_until == 100.0
    keepalive.ping_sent(101.0)
    keepalive.ping_sent(106.0)
    keepalive.heard(106.5)
    assert keepalive.complete_until == 100.0, "data may have been sent before"
    keepalive.pong_received(107.0)
    assert keepalive.complete_until == 101.0
    keepalive.pong_received(110.0)
    keepalive.pong_received(111.0)
    assert keepalive.complete_until == 106.0
    assert Keepalive(5.0, 10.0, 200.0, 200.0, 150.0).complete_until == 150.0
