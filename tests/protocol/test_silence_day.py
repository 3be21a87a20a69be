"""Silence in its kinds is found in the stated times, by day and by night; a market is not taken for it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import pytest

from qt_upbit.frame_scan import Head
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import ErrorReported, OpenSocket, StreamsListed
from qt_upbit.protocol.liveness import SilenceWatch
from qt_upbit.types import StreamKey
from tests.support.market_day import MARKETS, Pair, day_of
from tests.support.model_server import Rig, stream_requests

FLOOR_S, CAP_S = 3.0, 20.0
LEFT_AFTER_S = 5.0
"""After the request was sent again, or five mean intervals."""
HOURS = {"at night": 4 * 3600.0, "by day": 16 * 3600.0}


def keys_of(pairs: tuple[Pair, ...]) -> list[StreamKey]:
    return [StreamKey("ticker", pair.code) for pair in pairs]


# --- no false alarm ---------------------------------------------------------------------------------


def watch_a_day(pairs: tuple[Pair, ...], seed: int) -> int:
    """Watch 24 hours; the number of frames."""
    watch = SilenceWatch(FLOOR_S, CAP_S)
    watch.running_changed(keys_of(pairs))
    watch.synchronized(0.0)
    heads = {pair.code: Head("ticker", pair.code) for pair in pairs}
    due, frames = math.inf, 0
    for now, code in day_of(pairs, seed):
        assert now < due, f"{watch.threshold_s:.1f} s of silence suspected at {now / 3600:.2f} h"
        watch.saw(heads[code], now)
        due, frames = watch.due, frames + 1
    return frames


@pytest.mark.parametrize("name", MARKETS)
def test_a_day_raises_no_false_alarm(name: str) -> None:
    assert watch_a_day(MARKETS[name], seed=2) > 500


@pytest.mark.long
@pytest.mark.parametrize("name", MARKETS)
def test_more_days_raise_no_false_alarm(name: str) -> None:
    for seed in range(3, 6):
        watch_a_day(MARKETS[name], seed)


# --- the kinds of silence ---------------------------------------------------------------------------


class Market:
    """A connection that has followed a market for a while, and what the stated formula says of it."""

    def __init__(self, name: str, hour_s: float, seed: int = 3) -> None:
        self.pairs = MARKETS[name]
        self.rig = Rig(silence_floor_s=FLOOR_S, silence_timeout_s=CAP_S)
        self.rig.add(*stream_requests("ticker", *(pair.code for pair in self.pairs)))
        self.rig.run(3.0)
        self._intervals: deque[float] = deque(maxlen=50)
        self._pauses: deque[tuple[float, float]] = deque()
        rate = sum(pair.rate(hour_s) for pair in self.pairs)
        self.follow(hour_s, hour_s + max(200 / rate, 620.0 if rate < 1.0 else 200.0), seed)

    def follow(self, begin: float, end: float, seed: int, but: str = "") -> None:
        """Let the market go on; without one of its pairs."""
        offset = self.rig.now - begin
        last = self.rig.now
        for at, code in day_of(self.pairs, seed, begin, end):
            if code == but:
                continue
            self.rig.run(at + offset - self.rig.now)
            self.rig.tick_market(StreamKey("ticker", code))
            self._intervals.append(self.rig.now - last)
            self._pauses.append((self.rig.now, self.rig.now - last))
            last = self.rig.now
        self.rig.run(max(0.0, end + offset - self.rig.now))

    @property
    def threshold_s(self) -> float:
        """At most so much silence passes for the market's: the formula of `SilenceWatch`, rounded up."""
        mean = sum(self._intervals) / len(self._intervals)
        longest = max(pause for at, pause in self._pauses if at > self.rig.now - 600.0)
        between = max(mean, sum(each * each for each in self._intervals) / sum(self._intervals) / 2)
        threshold = max(FLOOR_S, 20 * 2 * between, 4 * longest)
        return min(threshold, CAP_S) if self.is_moving else threshold

    @property
    def is_moving(self) -> bool:
        """At least one frame a second, without a pause above 5 s in the last minute."""
        mean = sum(each * each for each in self._intervals) / sum(self._intervals)
        recent = [pause for at, pause in self._pauses if at > self.rig.now - 65.0]
        return mean <= 0.8 and max(recent, default=9.0) <= 5.0

    @property
    def left_after_s(self) -> float:
        mean = sum(pause for _, pause in self._pauses) / len(self._pauses)
        return max(LEFT_AFTER_S + 1.0, 5 * 3 * mean)

    def time_until(self, condition: Callable[[], bool], limit_s: float) -> float:
        """How long until something is so, with nothing of the market meanwhile."""
        began = self.rig.now
        self.rig.run(limit_s, stop=condition)
        assert condition(), f"not within {limit_s:.1f} s"
        return self.rig.now - began

    @property
    def sockets(self) -> int:
        return len(self.rig.log.times(OpenSocket))


@pytest.fixture(params=[(name, hour) for name in MARKETS for hour in HOURS], ids=" ".join)
def market(request: pytest.FixtureRequest) -> Market:
    name, hour = request.param
    made = Market(name, HOURS[hour])
    assert made.rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert made.sockets == 1
    return made


def test_no_pong(market: Market) -> None:
    """Nothing comes any more, not even pongs: left after a ping's interval and timeout."""
    market.rig.server.answers_pings = market.rig.server.sends_data = False
    market.time_until(lambda: market.sockets == 2, 5.0 + 5.0 + 1.0)


def test_pongs_only(market: Market) -> None:
    """The socket lives, the service behind it answers nothing: STALE by the formula, then left."""
    market.rig.server.sends_data = market.rig.server.answers_lists = False
    market.time_until(lambda: market.rig.state == "STALE", market.threshold_s)
    market.time_until(lambda: market.sockets == 2, market.left_after_s)


def test_pongs_and_answers(market: Market) -> None:
    """Requests are answered with snapshots, and nothing is live: a snapshot does not pass for the feed."""
    market.time_until(lambda: market.rig.state == "STALE", market.threshold_s)
    market.time_until(lambda: market.sockets == 2, market.left_after_s)
    (error,) = market.rig.log.of(ErrorReported)
    assert "sends no live data" in str(error.error)


def test_a_moving_market_is_stale_within_the_cap_and_left_soon_after() -> None:
    market = Market("one major pair", HOURS["by day"])
    assert market.is_moving
    stale = market.time_until(lambda: market.rig.state == "STALE", CAP_S)
    left = market.time_until(lambda: market.sockets == 2, LEFT_AFTER_S + 1.0)
    assert stale + left <= CAP_S + LEFT_AFTER_S + 1.0


@pytest.mark.parametrize("hour", HOURS)
def test_one_pair_that_the_server_dropped_is_found_by_the_audit(hour: str) -> None:
    market = Market("a watch list", HOURS[hour])
    dropped = market.pairs[0].code

    def without(items: list[wire.RequestItem]) -> list[wire.RequestItem]:
        return [
            wire.RequestItem(
                item.type,
                tuple(code for code in item.codes or () if code != dropped),
                options=item.options,
                is_only_snapshot=item.is_only_snapshot,
                is_only_realtime=item.is_only_realtime,
            )
            for item in items
        ]

    market.rig.server.edit_list = without
    asked = len(market.rig.log.requests())
    market.follow(HOURS[hour], HOURS[hour] + 65.0, seed=5, but=dropped)
    assert len(market.rig.log.requests()) > asked, "asked again within audit_interval_s"
    assert market.rig.log.of(StreamsListed)
    assert "STALE" not in market.rig.log.states()
    assert market.sockets == 1


@pytest.mark.parametrize("hour", HOURS)
def test_one_pair_that_is_quiet_raises_no_alarm(hour: str) -> None:
    market = Market("a watch list", HOURS[hour])
    market.follow(HOURS[hour], HOURS[hour] + 600.0, seed=5, but=market.pairs[3].code)
    assert "STALE" not in market.rig.log.states()
    assert market.sockets == 1


@pytest.mark.parametrize("name", MARKETS)
def test_a_quiet_night_is_followed_to_the_morning(name: str) -> None:
    market = Market(name, HOURS["at night"])
    market.follow(HOURS["at night"], HOURS["at night"] + 1200.0, seed=6)
    assert market.rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert market.sockets == 1
