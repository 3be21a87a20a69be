"""`BackfillBuffer`: the frames of a stream that wait until the missed events have been fetched.

After a gap the frames of a recoverable stream are buffered, from the first one on. `GapRecovery` fetches the
missed events, newest first, until `BackfillBuffer.reaches` says that the last event seen before the gap is
passed; the engine then delivers what `missed` leaves of them, and the buffered frames that are still `news`.

Where REST takes long the buffer is *opened*: the gap is reported, the buffered frames are delivered, and live
events pass again while fetching goes on. What comes then is delivered with the mark BACKFILLED where newer
events have passed already. The buffer's memory is a `fork` from then on: it keeps what was seen before the
gap, which the stream's own memory loses as it goes on, and what passed since, so that nothing comes twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, cast

from qt_upbit.routing.fanout_hub import LazyFrame
from qt_upbit.routing.gap_times import stamp_of
from qt_upbit.types import BaseWebSocketEvent, EventSpec, Recovery, StreamKey

__all__ = ["BackfillBuffer", "Memory", "memory_for"]

_IDS_KEPT: Final = 256
_DISORDER_MS: Final = 2_000
"""Around the turn of a second, trades of the earlier one come after the first of the next."""


class Memory(Protocol):
    """What was seen of one stream, as far as recovery needs it."""

    def remember(self, event: Any) -> None:
        """An event was delivered."""

    def forget(self) -> None:
        """Nothing is known: events passed that were not remembered."""

    def is_empty(self) -> bool:
        """Whether nothing was seen yet, so that nothing can be said to be missing."""

    def continues(self, event: Any) -> bool:
        """Whether nothing can be missing between what was seen and a first snapshot."""

    def reaches(self, oldest: Any) -> bool:
        """Whether a fetched event is so old that all before it was seen."""

    def missed(self, events: Iterable[Any]) -> list[Any]:
        """Those of fetched events, oldest first, that were not seen; counted as seen from now on.

        Of a fork whose stream is live, none that the stream is still to show.
        """

    def is_news(self, buffered: Any) -> bool:
        """Whether a buffered event says anything beyond what was seen and recovered."""

    def joins(self, newest: Any, buffered: Any) -> bool:
        """Whether what was fetched, up to `newest`, leaves no gap before the first buffered event."""

    def now(self) -> Any:
        """The moment up to which something was seen; None if nothing was."""

    def is_before(self, event: Any, moment: Any) -> bool:
        """Whether an event happened before such a moment."""

    def settle(self) -> None:
        """The buffered events are delivered."""

    def fork(self) -> Memory:
        """The same knowledge of what was seen before the gap, which stays while the stream goes on."""

    def passed(self, event: Any) -> None:
        """Of a fork: an event was delivered live since the gap."""

    def is_late(self, event: Any) -> bool:
        """Of a fork: whether something newer than a fetched event was delivered live since the gap."""

    def joins_passed(self, newest: Any) -> bool:
        """Of a fork: whether what was fetched leaves no gap before the first event that passed."""

    @property
    def passed_count(self) -> int:
        """Of a fork: how many events it had to remember since the gap."""


class _SeenIds:
    """Events with ids (`Recovery.BY_ID`): which ones of the last seconds were seen."""

    __slots__ = (
        "_base",
        "_field",
        "_first_passed",
        "_kept",
        "_newest_ms",
        "_newest_passed",
        "_passed",
        "_recent",
        "_recovered",
        "_spec",
    )

    def __init__(self, spec: EventSpec) -> None:
        self._spec = spec
        self._field = spec.order_field
        self._kept = _IDS_KEPT
        self._recent: deque[tuple[int, int]] = deque()
        self._base: tuple[int, int] = (-1, -1)
        """Up to this time and id nothing is missing, as far as is remembered."""
        self._newest_ms = -1
        self._recovered: set[int] = set()
        self._passed: set[int] = set()
        self._first_passed: tuple[int, int] | None = None
        self._newest_passed: tuple[int, int] = (-1, -1)

    def _place(self, event: Any) -> tuple[int, int]:
        return event.trade_timestamp, getattr(event, self._field)

    def remember(self, event: Any) -> None:
        place = self._place(event)
        if self._newest_ms < 0:
            self._base = place
        elif len(self._recent) >= self._kept:
            self._base = max(self._base, self._recent.popleft())
        self._recent.append(place)
        self._newest_ms = max(self._newest_ms, place[0])

    def forget(self) -> None:
        self._recent.clear()
        self._base = (-1, -1)
        self._newest_ms = -1
        self._recovered.clear()

    def is_empty(self) -> bool:
        return self._newest_ms < 0

    def continues(self, event: Any) -> bool:
        place = self._place(event)
        return place <= self._base or place in self._recent

    def reaches(self, oldest: Any) -> bool:
        place = self._place(oldest)
        return place <= self._base or place[0] < self._newest_ms - _DISORDER_MS

    def missed(self, events: Iterable[Any]) -> list[Any]:
        seen = {number for _, number in self._recent} | self._recovered | self._passed
        found = []
        for event in events:
            number = getattr(event, self._field)
            if number not in seen and not self.reaches(event):
                seen.add(number)
                self._recovered.add(number)
                found.append(event)
        return found

    def is_news(self, buffered: Any) -> bool:
        number = getattr(buffered, self._field)
        return (
            number not in self._recovered
            and number not in self._passed
            and all(number != seen for _, seen in self._recent)
        )

    def joins(self, newest: Any, buffered: Any) -> bool:
        return newest is not None and self._place(newest) >= self._place(buffered)

    def now(self) -> int | None:
        return None if self.is_empty() else self._newest_ms

    def is_before(self, event: Any, moment: int) -> bool:
        return self._place(event)[0] < moment

    def settle(self) -> None:
        self._recovered.clear()

    def fork(self) -> _SeenIds:
        fork = _SeenIds(self._spec)
        fork._recent.extend(self._recent)
        fork._base, fork._newest_ms = self._base, self._newest_ms
        fork._recovered |= self._recovered
        return fork

    def passed(self, event: Any) -> None:
        place = self._place(event)
        if place <= self._base:
            return  # a snapshot repeats what was seen before the gap
        self._passed.add(place[1])
        self._newest_passed = max(self._newest_passed, place)
        if self._first_passed is None and place not in self._recent:
            self._first_passed = place

    def is_late(self, event: Any) -> bool:
        return self._place(event) < self._newest_passed

    def joins_passed(self, newest: Any) -> bool:
        if self._first_passed is None:
            return True
        return newest is not None and self._place(newest) >= self._first_passed

    @property
    def passed_count(self) -> int:
        return len(self._passed)


class _LastWord:
    """Events of periods (`Recovery.BY_START`): the last word on the newest period seen."""

    __slots__ = ("_field", "_first_passed", "_last", "_newest_passed", "_passed", "_recovered", "_spec")

    def __init__(self, spec: EventSpec) -> None:
        self._spec = spec
        self._field = spec.conflation_fields[0]
        self._last: Any = None
        self._recovered: dict[Any, Any] = {}
        self._passed: dict[Any, Any] = {}
        self._first_passed: Any = None
        self._newest_passed: Any = None

    def _start(self, event: Any) -> Any:
        return getattr(event, self._field)

    def remember(self, event: Any) -> None:
        last = self._last
        if (
            last is None
            or self._start(event) > self._start(last)
            or (self._start(event) == self._start(last) and not event.is_older_than(last))
        ):
            self._last = event

    def forget(self) -> None:
        self._last = None
        self._recovered.clear()

    def is_empty(self) -> bool:
        return self._last is None

    def continues(self, event: Any) -> bool:
        return bool(self._start(event) <= self._start(self._last))

    def reaches(self, oldest: Any) -> bool:
        # That of the last one itself is wanted: it may have been unfinished when it was last seen.
        return bool(self._start(oldest) <= self._start(self._last))

    def missed(self, events: Iterable[Any]) -> list[Any]:
        last = self._last
        found = [
            event
            for event in events
            if (
                self._start(event) > self._start(last)
                or (self._start(event) == self._start(last) and last.is_older_than(event))
            )
            and self._says_more(event)
        ]
        self._recovered |= {self._start(event): event for event in found}
        return found

    def is_news(self, buffered: Any) -> bool:
        recovered = self._recovered.get(self._start(buffered))
        return recovered is None or not buffered.is_older_than(recovered)

    def joins(self, newest: Any, buffered: Any) -> bool:
        if newest is None or self._start(newest) != self._start(buffered):
            return newest is not None and bool(self._start(newest) > self._start(buffered))
        return bool(newest.candle_acc_trade_volume >= buffered.candle_acc_trade_volume)

    def now(self) -> Any:
        return None if self._last is None else self._start(self._last)

    def is_before(self, event: Any, moment: Any) -> bool:
        return bool(self._start(event) < moment)

    def settle(self) -> None:
        self._recovered.clear()

    def _says_more(self, event: Any) -> bool:
        """Whether a fetched event says more than what passed or was recovered of its period."""
        start = self._start(event)
        return all(
            (known := words.get(start)) is None or known.is_older_than(event)
            for words in (self._passed, self._recovered)
        )

    def fork(self) -> _LastWord:
        fork = _LastWord(self._spec)
        fork._last = self._last
        fork._recovered |= self._recovered
        return fork

    def passed(self, event: Any) -> None:
        start = self._start(event)
        if start < self._start(self._last):
            return
        known = self._passed.get(start)
        if known is None or not event.is_older_than(known):
            self._passed[start] = event
        if self._first_passed is None:
            self._first_passed = event
        if self._newest_passed is None or start > self._newest_passed:
            self._newest_passed = start

    def is_late(self, event: Any) -> bool:
        return self._newest_passed is not None and bool(self._start(event) < self._newest_passed)

    def joins_passed(self, newest: Any) -> bool:
        return self._first_passed is None or self.joins(newest, self._first_passed)

    @property
    def passed_count(self) -> int:
        return len(self._passed)


_MEMORIES: Final[dict[Recovery, type[_SeenIds] | type[_LastWord]]] = {
    Recovery.BY_ID: _SeenIds,
    Recovery.BY_START: _LastWord,
}


def memory_for(spec: EventSpec) -> Memory | None:
    """An empty memory for a stream of this type; None where nothing is recovered."""
    return None if spec.recovery is None else cast(Memory, _MEMORIES[spec.recovery](spec))


class BackfillBuffer:
    """A stream between a gap and the delivery of what was missed.

    Attributes:
        key: the stream.
        begin, end: the gap, seconds since the epoch by the exchange's clock; a second one extends it.
        generation: grows when what was fetched so far is no longer enough: fetch again.
        frames: what came since, in order, at most `limit`.
        is_reported: the gap was reported, and what is recovered yet comes as a surprise.
        is_stale: the connection that the frames came from is gone.
        is_open: live events pass, although what was missed has not been fetched yet.
        is_over: delivered, or no subscriber wants it any more.
    """

    __slots__ = (
        "_is_forked",
        "begin",
        "end",
        "frames",
        "generation",
        "is_open",
        "is_over",
        "is_reported",
        "is_stale",
        "key",
        "limit",
        "memory",
    )

    def __init__(self, key: StreamKey, memory: Memory, begin: float, end: float, limit: int) -> None:
        self.key = key
        self.memory = memory
        self.begin = begin
        self.end = end
        self.limit = limit
        self.generation = 0
        self.frames: deque[LazyFrame] = deque()
        self.is_stale = False
        self.is_open = False
        self.is_over = False
        self.is_reported = False
        self._is_forked = False

    def extend(self, begin: float, end: float) -> None:
        """Another gap, before the first was backfilled: what comes is buffered again."""
        if self.is_reported:
            self.begin = max(begin, self.end) if not self.is_open else begin
        self.end = max(self.begin, end)
        self.generation += 1
        self.is_stale = False
        self.is_open = False
        self.is_reported = False

    def fork(self) -> None:
        """Live events will pass: from now on keep what was seen before the gap, and what passes."""
        if not self._is_forked:
            self._is_forked = True
            self.memory = self.memory.fork()

    def passed(self, event: BaseWebSocketEvent) -> None:
        """An event was delivered live."""
        if self._is_forked:
            self.memory.passed(event)

    def is_late(self, event: BaseWebSocketEvent) -> bool:
        """Whether newer live events were delivered before a fetched one."""
        return self._is_forked and self.memory.is_late(event)

    def missed(self, events: Iterable[BaseWebSocketEvent]) -> list[Any]:
        """Those of fetched events that are to be delivered; what an open stream will show itself is not."""
        if self.is_open and self.memory.passed_count:
            events = [event for event in events if self.memory.is_late(event)]
        return self.memory.missed(events)

    def put(self, frame: LazyFrame) -> None:
        """Keep a frame. Beyond the limit the oldest is dropped, for REST to return."""
        if len(self.frames) >= self.limit:
            self.end = max(self.begin, stamp_of(self.frames.popleft().event()))
            self.generation += 1
            self.is_reported = False
        self.frames.append(frame)

    def reaches(self, oldest: BaseWebSocketEvent) -> bool:
        """Whether an event fetched is so old that all before it was seen before the gap."""
        return self.memory.reaches(oldest)

    def joins(self, fetched: Sequence[BaseWebSocketEvent]) -> bool:
        """Whether fetched events, oldest first, leave no gap before the first frame after the gap."""
        if not self.frames:
            return not self.is_open or self.memory.joins_passed(fetched[-1] if fetched else None)
        return self.memory.joins(fetched[-1] if fetched else None, self.frames[0].event())
