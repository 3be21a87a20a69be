"""`GapRecovery`: fetches missed events over REST, and has them delivered before the buffered ones."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import ProxyClosedError, QtUpbitError
from qt_upbit.rest.rest_client import RestClient
from qt_upbit.routing.data_routing_engine import DataRoutingEngine
from qt_upbit.routing.recovery import BackfillBuffer
from qt_upbit.types import BaseWebSocketEvent, Recovery, spec_of

__all__ = ["GapRecovery"]

_log: Final = logger_of("recovery")
_AT_ONCE: Final = 4
_SLICE: Final = 100
"""Events delivered per slice; Qt gets a turn between slices."""
_TRADES_PER_CALL: Final = 500
_LAST_DAY: Final = 7
"""Upbit returns trades of the last seven days."""
_JOIN_ATTEMPTS: Final = 4
_JOIN_PAUSE_S: Final = 0.2
"""Doubled each time: REST may lag behind the socket."""

Page = Sequence[Any]


@dataclass(slots=True)
class _Fetched:
    """Events fetched for one stream, oldest first, without a gap."""

    events: list[BaseWebSocketEvent] = field(default_factory=list)
    reaches_back: bool = False
    joins: bool = False


class GapRecovery:
    """Backfills the streams that the engine buffers, a few at a time. One per manager.

    It emits no signals: recovered events go through the engine like all others, and failures go to
    `report`.

    Args:
        engine: buffers the streams.
        rest: returns the client; may raise what REST calls raise.
        timeout_s: live events of a stream are buffered at most this long.
        max_calls: REST calls per gap of one stream; the rest stays a gap.
        clock: the clock of the engine's gaps.
        report: called with the reason why a stream could not be backfilled.
        now: the wall clock, aware.
    """

    def __init__(
        self,
        engine: DataRoutingEngine,
        rest: Callable[[], RestClient],
        timeout_s: float,
        max_calls: int,
        clock: Callable[[], float],
        report: Callable[[QtUpbitError], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._rest = rest
        self._timeout_s = timeout_s
        self._max_calls = max_calls
        self._clock = clock
        self._report = report
        self._now = now
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[BackfillBuffer, asyncio.Task[None]] = {}

    @property
    def running(self) -> int:
        """Number of streams being backfilled."""
        return len(self._tasks)

    def start(self, buffers: Iterable[BackfillBuffer], timeout_s: float = math.inf) -> None:
        """Backfill these streams; a backfill in progress continues and checks again for gaps.

        Args:
            buffers: what to backfill.
            timeout_s: a shorter timeout than the default.
        """
        timeout = min(timeout_s, self._timeout_s)
        for buffer in buffers:
            if buffer not in self._tasks:
                name = f"qt_upbit recovery of {buffer.key}"
                task = asyncio.get_running_loop().create_task(self._backfill(buffer, timeout), name=name)
                self._tasks[buffer] = task
                task.add_done_callback(functools.partial(self._done, buffer))

    def _done(self, buffer: BackfillBuffer, task: asyncio.Task[None]) -> None:
        del self._tasks[buffer]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whatever failed, the buffered events must not wait forever.
            self._engine.notify_gap(buffer, buffer.begin, buffer.end)
            self._engine.release(buffer)
            raise error

    def cancel(self) -> None:
        """Stop in the next loop iteration; buffered events stay buffered."""
        for task in self._tasks.values():
            task.cancel()

    async def aclose(self) -> None:
        """Same as `cancel`, and wait for it."""
        tasks = list(self._tasks.values())
        self.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one stream --------------------------------------------------------------------------------

    async def _backfill(self, buffer: BackfillBuffer, timeout_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not buffer.is_over:
            generation = buffer.generation
            begin, end = buffer.begin, buffer.end
            fetched = await self._fetch(buffer, deadline)
            again = buffer.generation != generation
            await self._deliver(buffer, fetched, begin, end, joined=fetched.joins or again)
            # Another gap may occur at any time until the last buffered frame is delivered.
            while buffer.generation == generation and not self._engine.release(buffer, _SLICE):
                await asyncio.sleep(0)
            buffer.begin = end  # everything before was reported

    async def _fetch(self, buffer: BackfillBuffer, deadline: float) -> _Fetched:
        """Fetch as much as possible before the deadline; failures are reported."""
        fetched = _Fetched()
        try:
            async with asyncio.timeout_at(deadline), self._turns:
                for attempt in range(_JOIN_ATTEMPTS):
                    fetched.events = []
                    fetched.reaches_back = False
                    await self._fetch_pages(buffer, fetched)
                    fetched.joins = buffer.joins(fetched.events)
                    if fetched.joins or buffer.is_over:
                        break
                    await asyncio.sleep(_JOIN_PAUSE_S * 2**attempt)
        except TimeoutError:
            pass  # the gap will be reported
        except ProxyClosedError:
            pass  # the manager is closed
        except QtUpbitError as exc:
            self._report(exc)
        else:
            return fetched
        fetched.joins = buffer.joins(fetched.events)
        return fetched

    async def _fetch_pages(self, buffer: BackfillBuffer, fetched: _Fetched) -> None:
        spec = spec_of(buffer.key.type)
        if spec is None or spec.recovery is None:
            return
        calls = 0
        async for page in _PAGES[spec.recovery](self._rest(), buffer):
            calls += 1
            fetched.events[:0] = page
            fetched.reaches_back = bool(page) and buffer.reaches(page[0])
            if fetched.reaches_back or calls >= self._max_calls or buffer.is_over:
                return

    async def _deliver(
        self, buffer: BackfillBuffer, fetched: _Fetched, begin: float, end: float, *, joined: bool
    ) -> None:
        events = fetched.events
        is_whole = fetched.reaches_back and (joined or not events)
        _log.info(
            "%s: %d missed events were read, %s", buffer.key, len(events),
            "nothing is missing" if is_whole else "a gap remains",
        )  # fmt: skip
        if not fetched.reaches_back:
            first = self._moment(events[0], begin, end) if events else end
            self._engine.notify_gap(buffer, begin, first)
        for at in range(0, len(events), _SLICE):
            self._engine.recover(buffer, events[at : at + _SLICE], self._clock())
            await asyncio.sleep(0)
        if events and not joined:
            self._engine.notify_gap(buffer, self._moment(events[-1], begin, end), end)

    def _moment(self, event: BaseWebSocketEvent, begin: float, end: float) -> float:
        """Time of an event on our clock, as far as the clocks agree."""
        happened = _HAPPENED[event.spec.recovery](event) if event.spec.recovery is not None else event.time
        return min(max(self._clock() - (self._now() - happened).total_seconds(), begin), end)


async def _trade_pages(rest: RestClient, buffer: BackfillBuffer) -> AsyncIterator[Page]:
    before_id: int | None = None
    for day in range(_LAST_DAY + 1):
        days_ago = day or None
        while True:
            page = await rest.get_trades(buffer.key.code, before_id=before_id, days_ago=days_ago)
            if page:
                before_id = min(one.sequential_id for one in page)
            yield sorted(page, key=lambda one: (one.trade_timestamp, one.sequential_id))
            if len(page) < _TRADES_PER_CALL:
                break


def _candle_pages(rest: RestClient, buffer: BackfillBuffer) -> AsyncIterator[Page]:
    return rest.candle_pages(buffer.key.code, buffer.key.type.partition(".")[2])


_PAGES: Final[Mapping[Recovery, Callable[[RestClient, BackfillBuffer], AsyncIterator[Page]]]] = {
    Recovery.BY_ID: _trade_pages,
    Recovery.BY_START: _candle_pages,
}

_HAPPENED: Final[Mapping[Recovery, Callable[[Any], datetime]]] = {
    Recovery.BY_ID: lambda event: event.traded_at,
    Recovery.BY_START: lambda event: event.start,
}
