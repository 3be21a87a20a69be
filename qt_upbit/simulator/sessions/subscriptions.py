"""`Subscriptions`: turns requests of sessions into streams, with their first frames (protocol section 2)."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import Request, RequestItem
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.sample_feed import SampleFeed
from qt_upbit.simulator.replay.replay import Replay
from qt_upbit.simulator.sessions.dispatcher import Dispatcher
from qt_upbit.simulator.sessions.session import Session, Stream, streams_of
from qt_upbit.simulator.sessions.timers import Timers
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import Delivery, OrderbookEvent, Scope, StreamType, WireFormat

__all__ = ["Subscriptions"]

_SNAPSHOT: Final = StreamType.SNAPSHOT
_REALTIME: Final = StreamType.REALTIME


class Subscriptions:
    """Replaces a session's subscription with its next request, and sends the resulting snapshots.

    Args:
        settings: delays, flags, and unverified behaviour of replacements.
        market: makes the snapshots.
        samples: makes snapshots of types that the market does not know.
        replay: a recording whose frames replace the market's.
        dispatcher: serves the streams.
        timers: the clock.
        rng: decides the number of late frames.
        is_offline: whether the exchange is in maintenance.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        market: SimulatedMarket,
        samples: SampleFeed,
        replay: Replay | None,
        dispatcher: Dispatcher,
        timers: Timers,
        rng: random.Random,
        is_offline: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._market = market
        self._samples = samples
        self._replay = replay
        self._dispatcher = dispatcher
        self._timers = timers
        self._rng = rng
        self._is_offline = is_offline
        self._late_frames: tuple[int | None, float] = (None, 0.0)

    def list_for(self, session: Session, request: Request) -> None:
        """Answer LIST_SUBSCRIPTIONS."""
        if request.format is not None:
            session.format = request.format
        elif self._settings.list_subscriptions_resets_format:
            session.format = WireFormat.DEFAULT
        data = wire.encode_subscriptions(request.ticket, session.subscription, session.format)
        self._dispatcher.send_control(session, data)

    def replace(self, session: Session, request: Request, now: float) -> None:
        """Serve a session its new request, and nothing of its previous one."""
        settings = self._settings
        old = [stream for streams in session.streams.values() for stream in streams]
        self._dispatcher.drop(session, tuple(session.streams))
        self._send_late_frames(session, old)
        session.generation += 1
        session.subscription = request.items
        session.ticket = request.ticket
        session.format = request.format or WireFormat.DEFAULT
        known = {stream.variant for stream in old if stream.live}
        waiting: list[Stream] = []
        if self._replay is not None and session.scope is Scope.PUBLIC:
            self._replay.start(now + max(settings.snapshot_delays_s))
        for item in request.items:
            for stream in streams_of(item, settings.both_flags):
                self._dispatcher.add(session, stream)
                if not stream.spec.has_snapshot:
                    stream.live = True
                elif stream.snapshot and not settings.duplicate_snapshot and stream.variant in known:
                    stream.live = stream.realtime
                else:
                    waiting.append(stream)
        # With `same_code` "last", a later object of the request has replaced an earlier one.
        waiting = [each for each in waiting if each in session.streams[each.wire_type, each.code]]
        if waiting:
            half = (len(waiting) + 1) // 2
            for delay, part in zip(settings.snapshot_delays_s, (waiting[:half], waiting[half:]), strict=True):
                self._plan_snapshots(session, part, now + delay)

    def _plan_snapshots(self, session: Session, streams: list[Stream], when: float) -> None:
        generation = session.generation
        remaining = iter(streams)

        def one(now: float) -> None:
            # One at a time: the snapshots of a full market take seconds, and must be sliced.
            stream = next(remaining, None)
            if stream is None or session.generation != generation or session.closing or session.closed:
                return
            if stream.snapshot:
                self._send_snapshot(session, stream)
            stream.live = stream.realtime
            self._timers.call_at(when, one)

        self._timers.call_at(when, one)

    def _send_snapshot(self, session: Session, stream: Stream) -> None:
        if self._replay is not None:
            # The recording's current state, for late subscribers; before its start there is none.
            frame = self._replay.last.get((stream.wire_type, stream.code))
            if frame is not None:
                self._dispatcher.send_recorded(session, stream, frame)
            return
        data = None if self._is_offline() else self._frame(session, stream, _SNAPSHOT)
        if data is not None:
            self._dispatcher.send(session, data)

    def _frame(self, session: Session, stream: Stream, kind: StreamType) -> bytes | None:
        """The current state of a stream; None if there is nothing to show."""
        pair = self._market.pairs.get(stream.code)
        if pair is not None and stream.spec.event_class is OrderbookEvent:
            return self._dispatcher.book_data(session, stream, pair.book, kind)
        event = self._market.snapshot(stream.wire_type, stream.code)
        if event is None:
            event = self._samples.event(stream.wire_type, stream.code, stream.item.options)
        if event is None:
            return None
        view = stream.view(msgspec.structs.replace(event, stream_type=kind))
        return None if view is None else self._dispatcher.encode(view, session.format.is_simple)

    def _send_late_frames(self, session: Session, old: Iterable[Stream]) -> None:
        """Send frames of the old subscription that were in flight (protocol section 2.5)."""
        number, delay_s = self._late_frames
        if number is None:
            if not self._settings.market_running or not self._settings.max_late_frames:
                return
            number = self._rng.randrange(self._settings.max_late_frames + 1)
        candidates = [
            stream
            for stream in old
            if stream.live
            and stream.spec.has_snapshot
            and stream.spec.delivery is Delivery.LATEST
            and stream.code in self._market.pairs
        ]
        for stream in candidates[:number]:
            data = self._frame(session, stream, _REALTIME)
            if data is not None:
                self._dispatcher.send_later(session, data, delay_s)

    # --- faults ---------------------------------------------------------------------------------

    def set_late_frames(self, number: int | None, seconds: float) -> None:
        """How many frames of the old subscription follow a replacement, and when; None is the setting."""
        self._late_frames = (number, seconds)

    def drop_some(self, session: Session, share: float, listed: bool) -> None:
        """Silently serve a session only part of what it requested, until its next request.

        Args:
            session: the session.
            share: fraction of the streams to drop.
            listed: LIST_SUBSCRIPTIONS names them nevertheless.
        """
        dropped = [key for key in session.streams if self._rng.random() < share]
        self._dispatcher.drop(session, dropped)
        if not listed:
            left = (_without(each, dropped) for each in session.subscription)
            session.subscription = tuple(item for item in left if item is not None)


def _without(item: RequestItem, dropped: Iterable[tuple[str, str]]) -> RequestItem | None:
    """What remains of an object of a request."""
    codes = {code for wire_type, code in dropped if wire_type == item.type}
    if not item.codes:
        return None if codes else item
    left = tuple(each for each in item.codes if each.partition(".")[0] not in codes)
    return dataclasses.replace(item, codes=left) if left else None
