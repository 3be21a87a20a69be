"""`Dispatcher`: which session gets which frames, and the frames themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from qt_upbit.protocol import wire
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.market.book import Book
from qt_upbit.simulator.market.frame_writer import encode_object
from qt_upbit.simulator.market.price_grid import SCALE
from qt_upbit.simulator.replay.replay import ReplayFrame
from qt_upbit.simulator.sessions.session import Close, Raw, Session, Stream
from qt_upbit.simulator.sessions.timers import Timers
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import (
    ALL_CODES,
    BaseWebSocketEvent,
    CodeRule,
    MyOrderEvent,
    OrderbookEvent,
    StreamType,
    TickerEvent,
)
from qt_upbit.types.registry import spec_of_class

__all__ = ["Dispatcher", "Disturbance"]

Disturbance = Callable[[Session, bytes], Iterable[bytes | Raw]]
"""Given a data frame, returns what is sent in its place."""

_BOOK: Final = spec_of_class(OrderbookEvent).wire_type
_ABSENT_ABROAD: Final[dict[type[BaseWebSocketEvent], frozenset[str]]] = {
    MyOrderEvent: frozenset(
        ("trade_fee", "is_maker", "identifier", "smp_type", "prevented_volume", "prevented_locked")
    )
}
"""Fields missing from frames of an event class in captures from Singapore (protocol section 3.5)."""

_TO_BE_REMOVED: Final[dict[type[BaseWebSocketEvent], frozenset[str]]] = {
    TickerEvent: frozenset(("is_trading_suspended", "market_warning"))
}
"""Fields whose removal Upbit has announced, without a date (protocol section 3.1)."""


class Dispatcher:
    """Knows the streams of every session, writes frames in a session's format, and puts them in its outbox.

    Args:
        settings: formats, batches, timeout with slow clients.
        timers: the clock.
        levels: the price groupings of a pair's book, by code.

    Attributes:
        disturb: called for every data frame; None while no fault is armed.
    """

    def __init__(
        self, settings: SimulatorSettings, timers: Timers, levels: Callable[[str], tuple[int, ...]]
    ) -> None:
        self.disturb: Disturbance | None = None
        self._settings = settings
        self._timers = timers
        self._levels = levels
        self._index: dict[tuple[str, str], dict[Session, list[Stream]]] = {}
        self._batched: list[Session] = []
        fewer = settings.fewer_my_order_fields
        if fewer is None:
            fewer = not settings.region.spec.has_full_order_frames
        self._absent = dict(_ABSENT_ABROAD) if fewer else {}
        if settings.without_announced_removals:
            self._absent |= _TO_BE_REMOVED

    # --- streams of sessions --------------------------------------------------------------------------

    def add(self, session: Session, stream: Stream) -> None:
        """Serve a session one more stream."""
        key = (stream.wire_type, stream.code)
        streams = session.streams.setdefault(key, [])
        same = [other for other in streams if other.variant == stream.variant]
        if same or (streams and self._settings.same_code == "last"):
            streams[:] = [] if self._settings.same_code == "last" else [s for s in streams if s not in same]
        streams.append(stream)
        self._index.setdefault(key, {})[session] = streams

    def drop(self, session: Session, keys: Iterable[tuple[str, str]]) -> None:
        """Stop serving a session these types and codes."""
        for key in keys:
            session.streams.pop(key, None)
            listeners = self._index.get(key)
            if listeners is not None:
                listeners.pop(session, None)
                if not listeners:
                    del self._index[key]

    def wants(self, wire_type: str, code: str) -> bool:
        """Whether any session has requested a stream."""
        return (wire_type, code) in self._index

    def keys(self) -> Iterator[tuple[str, str]]:
        """The type and code of every stream that is served to a session, each once."""
        return iter(tuple(self._index))

    # --- events --------------------------------------------------------------------------

    def publish(self, event: BaseWebSocketEvent, account: Account | None = None) -> None:
        """Send an event to every session that is subscribed to its type and code.

        Args:
            event: of any type.
            account: only to sessions of this account.
        """
        code: str = getattr(event, "code", ALL_CODES)
        keys = [(event.type, code)]
        if code and event.spec.codes is CodeRule.OPTIONAL:
            keys.append((event.type, ALL_CODES))
        encoded: dict[bool, bytes] = {}
        for key in keys:
            for session, streams in tuple(self._index.get(key, {}).items()):
                if account is not None and session.account is not account:
                    continue
                for stream in streams:
                    view = stream.view(event) if stream.live else None
                    if view is None:
                        continue
                    simple = session.format.is_simple
                    data = encoded.get(simple) if view is event else None
                    if data is None:
                        data = self.encode(view, simple)
                        if view is event:
                            encoded[simple] = data
                    self.send(session, data)

    def encode(self, event: BaseWebSocketEvent, simple: bool) -> bytes:
        """An event as this exchange writes it."""
        return encode_object(event, simple, self._absent.get(event.spec.event_class, frozenset()))

    def publish_book(self, book: Book) -> None:
        """Send a changed book to every session that is subscribed to it."""
        for session, streams in tuple(self._index.get((_BOOK, book.code), {}).items()):
            for stream in streams:
                if stream.live:
                    data = self.book_data(session, stream, book, StreamType.REALTIME)
                    if data is not None:
                        self.send(session, data)

    def book_data(self, session: Session, stream: Stream, book: Book, kind: StreamType) -> bytes | None:
        """A book as a stream shows it; None if its pair does not have the grouping."""
        level = int(stream.level)
        if level != stream.level or level not in self._levels(stream.code):
            return None
        return book.encode(session.format.is_simple, stream.depth, level * SCALE, kind.value)

    def publish_recorded(self, frame: ReplayFrame) -> None:
        """Send a recorded frame: unchanged where format and depth are those of the recording."""
        for session, streams in tuple(self._index.get((frame.event.type, frame.code), {}).items()):
            for stream in streams:
                if stream.live:
                    self.send_recorded(session, stream, frame)

    def send_recorded(self, session: Session, stream: Stream, frame: ReplayFrame) -> None:
        """Send a recorded frame to one session, as its stream shows it."""
        view = stream.view(frame.event)
        if view is not None:
            same = view is frame.event and session.format.is_simple is frame.format.is_simple
            self.send(session, frame.raw if same else self.encode(view, session.format.is_simple))

    # --- sending -------------------------------------------------------------------------

    def send(self, session: Session, data: bytes) -> None:
        """Send one JSON object to a session as a frame of its format."""
        if session.closing or session.closed:
            return
        session.last_activity = self._timers.now
        if self.disturb is None:
            self._put(session, data)
        else:
            for output in self.disturb(session, data):
                if isinstance(output, Raw):
                    session.put(output)
                else:
                    self._put(session, output)
        if len(session.outbox) > self._settings.slow_client_frames:
            session.outbox.clear()
            session.put(Close(None, "slow client"))

    def send_later(self, session: Session, data: bytes, delay_s: float) -> None:
        """Send an object after a delay, whatever is subscribed by then."""
        if delay_s <= 0:
            self._put(session, data)
        else:
            self._timers.call_later(delay_s, lambda at: self._put(session, data))

    def send_control(self, session: Session, data: bytes) -> None:
        """Send a control object: an error, a status, a list of subscriptions."""
        wrap = self._settings.list_wraps_control and session.format.is_list
        session.put(b"[" + data + b"]" if wrap else data)

    def refuse(self, session: Session, name: str, message: str) -> None:
        """Send an error frame, and the close that follows it; nothing else is sent."""
        if session.closing:
            return
        self.send_control(session, wire.encode_error(name, message))
        session.closing = True
        self.drop(session, tuple(session.streams))
        self._timers.call_later(self._settings.close_delay_s, lambda at: session.put(Close(1000, name)))

    def _put(self, session: Session, data: bytes) -> None:
        if session.closing or session.closed:
            return
        if not session.format.is_list:
            session.put(data)
        elif self._settings.list_batching:
            if not session.batch:
                self._batched.append(session)
            session.batch.append(data)
        else:
            session.put(b"[" + data + b"]")

    def flush_batches(self) -> None:
        """Send what was collected for arrays of the list formats."""
        for session in self._batched:
            session.put(b"[" + b",".join(session.batch) + b"]")
            session.batch = []
        self._batched = []
