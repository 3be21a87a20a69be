"""When a gap began and ended, in the exchange's time.

What was lost carries the exchange's stamps, so that is the time in which a gap is told. Our own clock may be
off, and a line may lag: what was received last is older than the moment of its receipt. Hence

* a gap begins at the exchange's stamp of the last event seen of the stream. A pair that had been quiet was
  complete for as long as others were received, less `DISORDER_S`;
* it ends at the exchange's time of the moment at which events were received again. The difference between
  the clocks is known only up to the lag of the line, so the later of what events say and what our own clock
  says counts, the latter by at most `MAX_LAG_S` more, and `_CLOCK_ERROR_S` are added: a gap is told rather
  too long than too short.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from qt_upbit.exceptions import DecodeError
from qt_upbit.routing.fanout_hub import LazyFrame
from qt_upbit.types import BaseWebSocketEvent

__all__ = ["DISORDER_S", "MAX_LAG_S", "GapTimes", "datetime_of", "stamp_of"]

DISORDER_S: Final = 0.9
"""Events of different streams come in another order than that of their stamps, by less than this: trades of
one second may come after the first of the next."""
MAX_LAG_S: Final = 15.0
"""A connection that lags by more does not answer pings in time, and is left."""
_CLOCK_ERROR_S: Final = 0.5
"""Our own clock may be behind by so much and hide as much of the lag."""
_UNKNOWN_LAG_S: Final = 5.0
"""Allowed for where our own clock is certainly behind, and says nothing about the lag."""
_FRAMES_READ: Final = 64
"""Of the newest frames; the others may be unread, and to decode hundreds would stop the window."""
_PLAUSIBLE_S: Final = 60.0
"""A stamp that is so far from what most streams say is garbled."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)


def stamp_of(event: BaseWebSocketEvent) -> float:
    """When an event happened, seconds since the epoch by the exchange's clock."""
    happened = getattr(event, event.spec.happened_field)
    return float(min(event.timestamp, event.timestamp if happened is None else happened)) / 1000


def datetime_of(moment: float) -> datetime:
    """Seconds since the epoch as an aware datetime, UTC; a garbled moment becomes the nearest that exists."""
    try:
        return _EPOCH + timedelta(seconds=moment)
    except OverflowError:
        return _EPOCH if moment < 0 else _LAST_MOMENT


class GapTimes:
    """The beginnings and the end of one gap.

    Args:
        seen: the last frame of each stream, of any connection, and the one that ended the gap; unreadable
            ones are passed over.
        connection: those of them that came on the connection that has the gap.
        wall_offset: our wall clock minus the monotonic clock, in seconds.
    """

    def __init__(
        self, seen: Iterable[LazyFrame], connection: Iterable[LazyFrame], wall_offset: float
    ) -> None:
        self._local = wall_offset
        connection = heapq.nlargest(_FRAMES_READ, connection, key=_received_at)
        read = {id(frame): frame for frame in heapq.nlargest(_FRAMES_READ, seen, key=_received_at)}
        read |= {id(frame): frame for frame in connection}
        stamps = {key: stamp for key, frame in read.items() if (stamp := _stamp_or_none(frame)) is not None}
        offsets = {key: stamp - read[key].received_at for key, stamp in stamps.items()}
        middle = statistics.median_low(offsets.values()) if offsets else 0.0
        plausible = {key: offset for key, offset in offsets.items() if abs(offset - middle) <= _PLAUSIBLE_S}
        self._local = wall_offset
        self._offset = max(plausible.values(), default=wall_offset)
        """The exchange's clock minus the monotonic one, less the lag of the quickest frame."""
        self._is_known = bool(plausible)
        self._stamps = {key: stamps[key] for key in plausible}
        """By identity of the frame; whose is not here was received earlier than those, or is garbled."""
        # Of a garbled stamp only the time of receipt is known.
        lag = wall_offset - self._offset
        known_offset = wall_offset if 0 <= lag <= MAX_LAG_S else self._offset
        for key in offsets.keys() - plausible.keys():
            self._stamps[key] = read[key].received_at + known_offset
        self._newest = max(
            (self._stamps[id(frame)] for frame in connection if id(frame) in self._stamps), default=None
        )

    def begin(self, last: LazyFrame | None, moment: float, *, is_complete: bool) -> float:
        """When the gap of a stream began, seconds since the epoch by the exchange's clock.

        Args:
            last: its last frame before the gap.
            moment: until when the connection was well, monotonic clock.
            is_complete: whether everything before `moment` is known to have been received.
        """
        stamp = None if last is None else self._stamps.get(id(last))
        known = [] if stamp is None else [stamp]
        if self._newest is not None:
            known.append(self._newest - DISORDER_S)
        if is_complete or not known:
            known.append(moment + self._offset)
        return max(known)

    def end(self, moment: float) -> float:
        """When a gap that ended at a moment of the monotonic clock ended by the exchange's clock."""
        if not self._is_known:
            return moment + self._local
        lag = self._local - self._offset
        is_behind = lag < -_CLOCK_ERROR_S
        allowed = _UNKNOWN_LAG_S if is_behind else min(max(lag, 0.0) + _CLOCK_ERROR_S, MAX_LAG_S)
        return moment + self._offset + allowed


def _received_at(frame: LazyFrame) -> float:
    return frame.received_at


def _stamp_or_none(frame: LazyFrame) -> float | None:
    try:
        return stamp_of(frame.event())
    except DecodeError:
        return None  # reported when its own subscribers read it
