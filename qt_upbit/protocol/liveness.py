"""Connection health, without the connection: who says when to doubt it, and when to leave it.

Each watch has a `due` time and an `on_tick(now)` that returns what was found out; `UpbitConnection` acts.
Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable
from typing import Final

from qt_upbit.frame_scan import Head
from qt_upbit.types import ALL_CODES, StreamKey

__all__ = ["Keepalive", "KeepaliveVerdict", "ResumeProbe", "SilenceVerdict", "SilenceWatch"]

_NEVER: Final = float("inf")

# --- pings and pongs ------------------------------------------------------------------------------

_UNRESPONSIVE_AFTER_S: Final = 10.0
"""A peer that used to answer pings and only sends for so long hears no request either."""


_PINGS_REMEMBERED: Final = 16


class KeepaliveVerdict(enum.Enum):
    """What is to be done about pings."""

    PING = enum.auto()
    """Send one, and report it with `ping_sent`."""
    NO_PONG = enum.auto()
    """Nothing came after a ping, not even data: leave the connection."""
    UNRESPONSIVE = enum.auto()
    """Data comes, but pings that used to be answered are not: leave the connection."""


class Keepalive:
    """Pings of one socket, and what their answers mean.

    Upbit cuts idle sockets, so pings are sent all the time. Any frame is as good an answer as a pong, until
    the peer has shown that it answers pings.

    Args:
        interval_s: between pings.
        timeout_s: how long a ping may stay without anything received.
        now: when the socket was opened, or began to count.
        first_ping_at: when the first ping is due.
        complete_until: up to when everything sent is known to have been received; `now` by default.
    """

    def __init__(
        self,
        interval_s: float,
        timeout_s: float,
        now: float,
        first_ping_at: float,
        complete_until: float | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._heard_at = now
        self._ping_at = first_ping_at
        self._pong_due = _NEVER
        self._unresponsive_at = _NEVER
        self._sent: deque[float] = deque(maxlen=_PINGS_REMEMBERED)
        """When the unanswered pings were sent."""
        self._unanswered = 0
        self._complete_until = now if complete_until is None else complete_until
        self._answers_pings = False

    @property
    def heard_at(self) -> float:
        """When anything was last received."""
        return self._heard_at

    @property
    def complete_until(self) -> float:
        """When the last ping that was answered was sent: all that the peer had sent by then was received.

        Not when the answer came: on a line that lags, what was sent meanwhile may still be under way.
        """
        return self._complete_until

    @property
    def unanswered(self) -> int:
        """Pings under way."""
        return self._unanswered

    def heard(self, now: float) -> None:
        """Anything was received. Cheap: called for every frame."""
        self._heard_at = now
        self._pong_due = _NEVER

    def pong_received(self, now: float) -> None:
        """A pong came."""
        self.heard(now)
        if self._sent:
            self._complete_until = max(self._complete_until, self._sent.popleft())
        self._unanswered = max(self._unanswered - 1, 0)
        self._answers_pings = True
        self._unresponsive_at = now + _UNRESPONSIVE_AFTER_S if self._unanswered else _NEVER

    def ping_sent(self, now: float) -> None:
        """A ping is on its way, in its time or beside it."""
        if self._answers_pings and not self._unanswered:
            self._unresponsive_at = now + _UNRESPONSIVE_AFTER_S
        self._unanswered += 1
        self._sent.append(now)

    def resumed(self, now: float) -> None:
        """The program was blocked or the machine asleep: what was due meanwhile does not count."""
        self._pong_due = self._unresponsive_at = _NEVER
        self._ping_at = now + self._interval_s

    @property
    def due(self) -> float:
        """When to call `on_tick`; infinity for never."""
        return min(self._ping_at, self._pong_due, self._unresponsive_at)

    def on_tick(self, now: float) -> KeepaliveVerdict | None:
        """What is to be done now."""
        if now >= self._pong_due:
            return KeepaliveVerdict.NO_PONG
        if now >= self._unresponsive_at:
            return KeepaliveVerdict.UNRESPONSIVE
        if now < self._ping_at:
            return None
        self._ping_at = now + self._interval_s
        if self._pong_due == _NEVER:
            self._pong_due = now + self._timeout_s
        return KeepaliveVerdict.PING


# --- after a pause of the program -----------------------------------------------------------------

_PROBE_TIMEOUT_S: Final = 3.0
"""After a pause, a connection that is alive answers in this time, or at least sends."""
_JUST_HEARD_S: Final = 1.0


class ResumeProbe:
    """Whether a connection survived a pause of the program: it is pinged, and must be heard soon.

    Args:
        keepalive: of the same socket.
    """

    def __init__(self, keepalive: Keepalive) -> None:
        self._keepalive = keepalive
        self._due = _NEVER

    @property
    def due(self) -> float:
        """When to call `on_tick`; infinity for never."""
        return self._due

    def resumed(self, now: float) -> float:
        """The program goes on, and a ping is sent now; returns until when nothing is to be concluded."""
        self._due = now + _PROBE_TIMEOUT_S
        return self._due

    def pong_received(self) -> None:
        """The connection is alive."""
        self._due = _NEVER

    def on_tick(self, now: float) -> bool:
        """Whether the connection is found dead."""
        if now < self._due:
            return False
        self._due = _NEVER
        return now - self._keepalive.heard_at > _JUST_HEARD_S


# --- silence --------------------------------------------------------------------------------------

_MIN_FRAMES_TO_JUDGE: Final = 10
_MEAN_OVER: Final = 50
"""Frames that the mean interval remembers: nights are quieter than days."""
_COUNTS_OVER: Final = 1000
"""Frames after which each stream's share of the flow counts half."""
_UNREAD_LIMIT: Final = 256
_SILENCE_FACTOR: Final = 20.0
"""Silence is suspicious beyond this many times the mean interval between frames."""
_PAUSE_FACTOR: Final = 4.0
"""Nor before this many times the longest pause of the last minutes."""
_PAUSES_OVER_S: Final = 300.0
_MOVING_MEAN_S: Final = 1.0
_LONG_PAUSE_S: Final = 5.0
_MOVING_FOR_S: Final = 60.0
"""A set is moving if its mean interval is at most the first, with no pause above the second for the third."""
_LIVE_TIMEOUT_S: Final = 5.0
"""After a resend the feed must move again in this time ..."""
_LIVE_FACTOR: Final = 5.0
"""... or in this many times the mean interval, whichever is longer."""
_MAX_DOUBTS: Final = 12


class SilenceVerdict(enum.Enum):
    """What silence means."""

    SUSPICIOUS = enum.auto()
    """Much longer than what was flowing explains: ask the server again."""
    DEAD = enum.auto()
    """Asked again, and no live data came: leave the connection."""


class SilenceWatch:
    """Silence of a public connection, judged by the rate at which its running streams had been moving.

    All streams are judged together: one quiet pair says nothing, and where only quiet pairs are subscribed
    the mean interval is long. Only live frames count. A snapshot that was asked for proves that the peer
    answers, not that the feed lives. What is known of a stream is kept as long as it runs, over resent
    requests and over reconnects.

    Silence is suspicious after the longest of

    * `floor_s`;
    * 20 times the mean interval of the last 50 live frames, or of the bursts that they came in;
    * 4 times the longest pause of the last five to ten minutes, because markets move in bursts;

    but after `cap_s` at the latest where the set had been moving: at least one frame, or burst, a second, and
    no pause above 5 s for a minute. Then the request is sent again, and the feed must move within 5 s or 5
    mean intervals. Otherwise the connection is to be left. A feed that is silent on the next connection too
    may be a market that stands still: each further doubt waits twice as long, until ten live frames have
    come.

    Args:
        floor_s: shorter silence is never suspicious, in seconds.
        cap_s: silence of a moving set is suspicious after this time at the latest, in seconds.
    """

    def __init__(self, floor_s: float, cap_s: float) -> None:
        self._floor_s = min(floor_s, cap_s)
        self._cap_s = cap_s
        self.forget()

    def forget(self) -> None:
        """Nothing is subscribed any more."""
        self._unread: list[tuple[Head, float]] = []
        """Live frames that are in no statistics yet, and when they came."""
        self._counts: dict[Head, int] = {}
        """Live frames per running stream, the older ones counting less."""
        self._halve_at = _COUNTS_OVER
        self._intervals = 0
        """Between how many frames the mean interval was measured."""
        self._mean = self._mean_square = 0.0
        self._longest_s = self._longest_before_s = 0.0
        """The longest pause of the present five minutes of flow, and of those before."""
        self._longest_until = _NEVER
        self._moving_since = _NEVER
        """End of the last long pause."""
        self._live_at = 0.0
        self._not_before = 0.0
        """From when on silence counts, after a pause of the program."""
        self._is_interrupted = True
        """The distance from the frame before would say nothing of the market."""
        self._doubts = 0
        """Since the feed last moved."""
        self._frames_since_doubt = 0
        self._is_suspicious = False
        self._dead_at = _NEVER

    # --- what happened -----------------------------------------------------------------------------

    def running_changed(self, keys: Iterable[StreamKey]) -> None:
        """A request was sent that makes these streams run; the statistics of the others go with them."""
        self._catch_up()
        heads = {Head(key.type, key.code) for key in keys}
        if heads == self._counts.keys():
            return
        before = sum(self._counts.values())
        self._counts = {head: self._counts.get(head, 0) for head in heads}
        kept = sum(self._counts.values())
        if kept < before:
            share = kept / before
            self._intervals = int(self._intervals * share)
            self._halve_at = self._intervals + _COUNTS_OVER
            self._mean = self._mean / share if kept else 0.0
            self._mean_square = self._mean_square / (share * share) if kept else 0.0
            self._moving_since = _NEVER  # how the rest moves by itself is still to be seen

    def synchronized(self, now: float) -> None:
        """A new connection has shown its first data: silence begins here at the earliest."""
        self._catch_up()
        self._live_at = now
        self._is_interrupted = True
        self._is_suspicious = False
        self._dead_at = _NEVER

    def resumed(self, now: float) -> None:
        """The program was blocked or the machine asleep: frames may wait to be read."""
        self._catch_up()
        self._not_before = now
        self._is_interrupted = True
        if self._dead_at != _NEVER:
            self._dead_at = max(self._dead_at, now + _LIVE_TIMEOUT_S)

    def saw(self, head: Head, now: float) -> None:
        """A live frame came. Called for every one, so the statistics are made later, for many at once."""
        unread = self._unread
        unread.append((head, now))
        if len(unread) >= _UNREAD_LIMIT:
            self._catch_up()

    def _catch_up(self) -> None:
        """Take the frames that came into the statistics; before these are looked at or changed."""
        if self._unread:
            unread, self._unread = self._unread, []
            for head, at in unread:
                self._count(head, at)

    def _count(self, head: Head, now: float) -> None:
        try:
            self._counts[head] += 1
        except KeyError:
            if (every := Head(head.type, ALL_CODES)) not in self._counts:
                return  # a late frame of a stream that was replaced
            self._counts[every] += 1
        pause = now - self._live_at
        self._live_at = now
        if self._is_suspicious:
            self._is_suspicious = False
            self._dead_at = _NEVER
        if self._doubts:
            # A silence that went on over a new connection was the market's.
            self._longest_s = max(self._longest_s, pause)
            self._moving_since = now
            self._frames_since_doubt += 1
            if self._frames_since_doubt >= _MIN_FRAMES_TO_JUDGE:
                self._doubts = 0
        if self._is_interrupted:
            self._is_interrupted = False
            return
        intervals = self._intervals = self._intervals + 1
        weight = intervals if intervals < _MEAN_OVER else _MEAN_OVER
        self._mean += (pause - self._mean) / weight
        self._mean_square += (pause * pause - self._mean_square) / weight
        if now >= self._longest_until or self._longest_until == _NEVER:
            self._longest_until = now + _PAUSES_OVER_S
            self._longest_before_s, self._longest_s = self._longest_s, 0.0
        if pause > self._longest_s:
            self._longest_s = pause
        if pause > _LONG_PAUSE_S or self._moving_since == _NEVER:
            self._moving_since = now
        if intervals >= self._halve_at:
            self._halve_at = intervals + _COUNTS_OVER // 2
            self._counts = {each: count >> 1 for each, count in self._counts.items()}

    def asked_again(self, now: float) -> None:
        """The request was sent; while silence is suspicious, the first one counts."""
        self._catch_up()
        if self._is_suspicious and self._dead_at == _NEVER:
            self._dead_at = now + max(_LIVE_TIMEOUT_S, _LIVE_FACTOR * self._mean)

    # --- what it means -----------------------------------------------------------------------------

    @property
    def can_judge(self) -> bool:
        """Whether enough has been seen of the running streams."""
        self._catch_up()
        return self._intervals >= _MIN_FRAMES_TO_JUDGE - 1

    @property
    def live_at(self) -> float:
        """When this connection last showed that the feed lives: a live frame, or its first data."""
        self._catch_up()
        return self._live_at

    @property
    def threshold_s(self) -> float:
        """How long the running streams may be silent, in seconds."""
        self._catch_up()
        longest = max(self._longest_s, self._longest_before_s)
        between = self._between_bursts_s
        threshold = max(self._floor_s, _SILENCE_FACTOR * between, _PAUSE_FACTOR * longest)
        if between <= _MOVING_MEAN_S and self._live_at - self._moving_since >= _MOVING_FOR_S:
            threshold = min(threshold, self._cap_s)
        return threshold * 2.0**self._doubts

    @property
    def _between_bursts_s(self) -> float:
        """The mean interval, or, where frames come in bursts, about that between bursts.

        Half the mean square over the mean: the same where frames come at random, and longer where they
        huddle together.
        """
        return max(self._mean, self._mean_square / self._mean / 2) if self._mean else 0.0

    @property
    def due(self) -> float:
        """When to call `on_tick`; infinity for never."""
        if not self.can_judge:
            return _NEVER
        if self._is_suspicious:
            return self._dead_at
        return max(self._live_at, self._not_before) + self.threshold_s

    def on_tick(self, now: float) -> SilenceVerdict | None:
        """What the silence has come to mean; each verdict is given once."""
        if now < self.due:
            return None
        if self._is_suspicious:
            self._dead_at = _NEVER
            return SilenceVerdict.DEAD
        self._is_suspicious = True
        self._doubts = min(self._doubts + 1, _MAX_DOUBTS)
        self._frames_since_doubt = 0
        return SilenceVerdict.SUSPICIOUS
