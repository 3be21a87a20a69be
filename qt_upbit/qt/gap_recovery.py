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

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Page = Sequence[Any]


@dataclass(slots=True)
class _Progress:
    """How long a backfill may take, by the loop's clock.

    Attributes:
        live_due: when live events have waited long enough.
        deadline: when fetching ends.
        extended: set with each further gap.
    """

    live_due: float = 0.0
    deadline: float = 0.0
    extended: asyncio.Event = field(default_factory=asyncio.Event)


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

    Live events of a stream wait for missed ones, and not long: after `live_wait_s` the gap is reported, live
    events pass, and what is still fetched comes behind them, marked BACKFILLED.

    Args:
        engine: buffers the streams.
        rest: returns the client; may raise what REST calls raise.
        timeout_s: missed events of a stream are fetched for at most this long after its last gap.
        max_calls: REST calls per gap of one stream; the rest stays a gap.
        clock: the clock of the engine's gaps.
        report: called with the reason why a stream could not be backfilled.
        live_wait_s: live events of a stream are buffered at most this long.
    """

    def __init__(
        self,
        engine: DataRoutingEngine,
        rest: Callable[[], RestClient],
        timeout_s: float,
        max_calls: int,
        clock: Callable[[], float],
        report: Callable[[QtUpbitError], None],
        live_wait_s: float = 2.0,
    ) -> None:
        self._engine = engine
        self._rest = rest
        self._timeout_s = timeout_s
        self._max_calls = max_calls
        self._clock = clock
        self._report = report
        self._live_wait_s = live_wait_s
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[BackfillBuffer, asyncio.Task[None]] = {}
        self._progress: dict[BackfillBuffer, _Progress] = {}

    @property
    def running(self) -> int:
        """Number of streams being backfilled."""
        return len(self._tasks)

    def start(self, buffers: Iterable[BackfillBuffer], timeout_s: float = math.inf) -> None:
        """Backfill these streams; a backfill in progress continues and fetches again what a new gap cost.

        Args:
            buffers: what to backfill.
            timeout_s: a shorter timeout than the default.
        """
        loop = asyncio.get_running_loop()
        timeout = min(timeout_s, self._timeout_s)
        for buffer in buffers:
            if (progress := self._progress.get(buffer)) is None:
                self._progress[buffer] = progress = _Progress()
            progress.live_due = loop.time() + min(self._live_wait_s, timeout)
            progress.deadline = loop.time() + timeout
            progress.extended.set()
            if buffer not in self._tasks:
                name = f"qt_upbit recovery of {buffer.key}"
                task = loop.create_task(self._backfill(buffer, progress), name=name)
                self._tasks[buffer] = task
                task.add_done_callback(functools.partial(self._done, buffer))

    def _done(self, buffer: BackfillBuffer, task: asyncio.Task[None]) -> None:
        del self._tasks[buffer]
        del self._progress[buffer]
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

    async def _backfill(self, buffer: BackfillBuffer, progress: _Progress) -> None:
        while not buffer.is_over:
            generation = buffer.generation
            begin, end = buffer.begin, buffer.end
            progress.extended.clear()
            fetching = asyncio.create_task(self._fetch(buffer, progress), name=f"fetching {buffer.key}")
            try:
                if not await self._is_fetched_in_time(fetching, progress):
                    if not buffer.is_reported:
                        self._engine.notify_gap(buffer, buffer.begin, buffer.end)
                        buffer.is_reported = True
                    while buffer.generation == generation and not self._engine.open(buffer, _SLICE):
                        await asyncio.sleep(0)
                    if not await self._is_fetched_late(fetching, progress):
                        continue  # another gap: live events wait again, for a fetch from the newest on
                fetched = fetching.result()
            finally:
                await _cancel(fetching)
            again = buffer.generation != generation
            is_reported = buffer.is_reported and not again
            await self._deliver(
                buffer, fetched, begin, end, joined=fetched.joins or again, is_reported=is_reported
            )
            # Another gap may occur at any time until the last buffered frame is delivered.
            while buffer.generation == generation and not self._engine.release(buffer, _SLICE):
                await asyncio.sleep(0)
            buffer.begin = max(buffer.begin, end)  # everything before was reported

    async def _is_fetched_in_time(self, fetching: asyncio.Task[_Fetched], progress: _Progress) -> bool:
        """Whether all was fetched before live events have waited long enough."""
        loop = asyncio.get_running_loop()
        # A gap meanwhile moves the time: nothing is live then.
        while not fetching.done() and (left := progress.live_due - loop.time()) > 0:
            await asyncio.wait((fetching,), timeout=left)
        return fetching.done()

    async def _is_fetched_late(self, fetching: asyncio.Task[_Fetched], progress: _Progress) -> bool:
        """Whether all was fetched that can be had; False if there is another gap before."""
        extended = asyncio.create_task(progress.extended.wait(), name="another gap")
        try:
            await asyncio.wait((fetching, extended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            extended.cancel()
        return fetching.done() and not progress.extended.is_set()

    async def _fetch(self, buffer: BackfillBuffer, progress: _Progress) -> _Fetched:
        """Fetch as much as possible before the deadline; failures are reported."""
        fetched = _Fetched()
        try:
            async with asyncio.timeout_at(progress.deadline), self._turns:
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
        self,
        buffer: BackfillBuffer,
        fetched: _Fetched,
        begin: float,
        end: float,
        *,
        joined: bool,
        is_reported: bool,
    ) -> None:
        events = fetched.events
        is_whole = fetched.reaches_back and (joined or not events)
        _log.info(
            "%s: %d missed events were read, %s", buffer.key, len(events),
            "nothing is missing" if is_whole else "a gap remains",
        )  # fmt: skip
        if not fetched.reaches_back and not is_reported:
            first = self._moment(events[0], begin, end) if events else end
            self._engine.notify_gap(buffer, begin, first)
        for at in range(0, len(events), _SLICE):
            self._engine.recover(buffer, events[at : at + _SLICE], self._clock())
            await asyncio.sleep(0)
        if events and not joined and not is_reported:
            self._engine.notify_gap(buffer, self._moment(events[-1], begin, end), end)

    def _moment(self, event: BaseWebSocketEvent, begin: float, end: float) -> float:
        """When an event happened, within the gap."""
        happened = _HAPPENED[event.spec.recovery](event) if event.spec.recovery is not None else event.time
        return min(max((happened - _EPOCH).total_seconds(), begin), end)


async def _cancel(task: asyncio.Task[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))


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
