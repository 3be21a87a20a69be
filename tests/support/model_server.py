"""An exchange reduced to what the rules of a connection can see, and a rig that joins the two in memory.

Nothing waits and nothing is mocked: the rig has a clock of its own and jumps from one moment at which
something happens to the next.
"""

from __future__ import annotations

import heapq
import itertools
import random
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import ConnectionFailedError, QtUpbitError
from qt_upbit.models import Head, encode
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import (
    Action,
    CloseSocket,
    ConnectionEvent,
    FramesReleased,
    OpenSocket,
    SendPing,
    SendText,
    StateChanged,
    UpbitConnection,
)
from qt_upbit.protocol.subscription_request import requests_for
from qt_upbit.protocol.subscription_state_manager import StreamRequest, SubscriptionStateManager
from qt_upbit.protocol.timing import TRANSIT_S, RollingWindowLimiter
from qt_upbit.types import (
    ALL_CODES,
    EVENT_TYPES,
    BaseWebSocketEvent,
    OrderbookEvent,
    OrderbookUnit,
    Scope,
    StreamKey,
    StreamType,
    WireFormat,
    spec_of,
)

LATENCY_S = 0.05
SNAPSHOT_AFTER_S = 0.2
ERROR_CLOSE_AFTER_S = 0.15

RSI = {"type": "rsi", "params": {"period": 14}}
MACD = {"type": "macd", "params": {"fast": 12, "slow": 26, "signal_period": 9}}


def stream_requests(name: str, *codes: str, **options: Any) -> tuple[StreamRequest, ...]:
    """What a subscription of an event type wants."""
    return requests_for(EVENT_TYPES[name], list(codes) or None, **options)


# --- events ---------------------------------------------------------------------------------------

_SAMPLES: dict[Any, Any] = {Decimal: Decimal(1), int: 0, str: "x", bool: False}


def event(
    wire_type: str, code: str = "KRW-BTC", ms: int = 1, *, snapshot: bool = False, **fields: Any
) -> BaseWebSocketEvent:
    """An event with every required field filled in."""
    spec = spec_of(wire_type)
    assert spec is not None
    values: dict[str, Any] = {}
    for info in msgspec.structs.fields(spec.event_class):
        if info.default is msgspec.NODEFAULT and info.default_factory is msgspec.NODEFAULT:
            values[info.name] = _sample(info.type)
    values |= {"type": wire_type, "timestamp": ms}
    values["stream_type"] = StreamType.SNAPSHOT if snapshot else StreamType.REALTIME
    if "code" in spec.event_class.__struct_fields__:
        values["code"] = code
    return spec.event_class(**(values | fields))


def _sample(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if type(None) in typing.get_args(hint):
        return _sample(next(each for each in typing.get_args(hint) if each is not type(None)))
    if hint in _SAMPLES:
        return _SAMPLES[hint]
    if hint is msgspec.Raw:
        return msgspec.Raw(b"[]")
    if isinstance(hint, type) and issubclass(hint, str):
        return next(iter(hint))  # type: ignore[call-overload]  # an enumeration
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint()
    return ()


def book(
    code: str = "KRW-BTC", ms: int = 1, *, rows: int = 30, level: int = 0, snapshot: bool = False
) -> OrderbookEvent:
    """An order book with the given number of rows."""
    units = [
        OrderbookUnit(
            ask_price=Decimal(101 + i), bid_price=Decimal(100 - i), ask_size=Decimal(1), bid_size=Decimal(2)
        )
        for i in range(rows)
    ]
    raw = msgspec.Raw(msgspec.json.Encoder(decimal_format="number").encode(units))
    made = event(
        "orderbook",
        code,
        ms,
        snapshot=snapshot,
        level=Decimal(level),
        units_json=raw,
        total_ask_size=Decimal(rows),
        total_bid_size=Decimal(2 * rows),
    )
    assert isinstance(made, OrderbookEvent)
    return made


def frame(made: BaseWebSocketEvent, format: WireFormat = WireFormat.SIMPLE) -> bytes:
    """The event as one frame."""
    return encode(made, format)


# --- the server -----------------------------------------------------------------------------------


@dataclass
class Socket:
    """One connection as the server sees it."""

    epoch: int
    opened: float
    format: WireFormat = WireFormat.DEFAULT
    items: tuple[wire.RequestItem, ...] = ()
    requests: int = 0
    closed: bool = False
    ending: bool = False
    promised: set[tuple[StreamKey, int]] = field(default_factory=set)
    """Snapshots under way; a new request takes them back."""

    def streams(self) -> dict[StreamKey, wire.RequestItem]:
        """What is subscribed, by stream."""
        found: dict[StreamKey, wire.RequestItem] = {}
        for item in self.items:
            spec = spec_of(item.type)
            assert spec is not None
            variant = tuple(_variant(item.options.get(name, 0)) for name in spec.stream_fields)
            for code in item.codes or (ALL_CODES,):
                found[StreamKey(item.type, code.partition(".")[0], variant)] = item
        return found

    def depth(self, key: StreamKey) -> int:
        """Rows that a book was asked for with."""
        for code in self.streams()[key].codes or ():
            bare, _, suffix = code.partition(".")
            if bare == key.code:
                return int(suffix or 30)
        return 0


def _variant(value: Any) -> Any:
    return value if isinstance(value, str) else int(Decimal(value))


@dataclass
class Server:
    """How the exchange behaves; change the attributes at any time."""

    known: Callable[[StreamKey], bool] = lambda key: not key.code.endswith("-NOPE")
    refuse: Callable[[wire.Request], tuple[str, str] | None] = lambda request: None
    admit: Callable[[float], QtUpbitError | None] = lambda now: None
    message_delay_s: Callable[[], float] = lambda: 0.0
    """How much longer than usual a message to the server takes; messages of one socket keep their order."""
    answers_pings: bool = True
    answers_lists: bool = True
    sends_data: bool = True
    repeats_snapshots: bool = True
    """Whether a replacement brings snapshots of what ran already; unverified of Upbit."""
    closes_after_s: float | None = None
    edit_list: Callable[[list[wire.RequestItem]], list[wire.RequestItem]] = lambda items: items


# --- the rig --------------------------------------------------------------------------------------


@dataclass
class Log:
    """Everything one connection did and reported, with the time."""

    actions: list[tuple[float, Action]] = field(default_factory=list)
    events: list[tuple[float, ConnectionEvent]] = field(default_factory=list)
    frames: list[tuple[float, Head, bytes]] = field(default_factory=list)
    everything: list[tuple[float, object]] = field(default_factory=list)
    arrivals: dict[int, list[float]] = field(default_factory=dict)
    """When the server got the messages, by epoch."""

    def of(self, *kinds: type) -> list[Any]:
        """The events of some kinds."""
        return [one for _, one in self.events if isinstance(one, kinds)]

    def times(self, kind: type) -> list[float]:
        """When a kind of action was taken."""
        return [at for at, action in self.actions if isinstance(action, kind)]

    def states(self) -> list[str]:
        """The states it went through."""
        return [one.new.name for one in self.of(StateChanged)]

    def requests(self) -> list[wire.Request]:
        """The subscription requests sent."""
        sent = [wire.decode_request(a.text) for _, a in self.actions if isinstance(a, SendText)]
        return [request for request in sent if request.method is None]

    def lists(self) -> list[wire.Request]:
        """The LIST_SUBSCRIPTIONS sent."""
        sent = [wire.decode_request(a.text) for _, a in self.actions if isinstance(a, SendText)]
        return [request for request in sent if request.method is not None]


class Rig:
    """Connections, a server, and a clock that jumps."""

    def __init__(self, *scopes: Scope, seed: int = 0, **config: Any) -> None:
        self.now = 1000.0
        self.config = WebSocketConfig(**config)
        self.subscriptions = SubscriptionStateManager()
        self.server = Server()
        limiter = RollingWindowLimiter(((self.config.connects_per_second, 1.0),), transit_s=TRANSIT_S)
        tickets = map(str, itertools.count(1))
        self.connections: dict[Scope, UpbitConnection] = {}
        self.logs: dict[Scope, Log] = {}
        self.sockets: dict[Scope, Socket | None] = {}
        self.open: dict[Scope, dict[int, Socket]] = {}
        """Every socket that is not closed; `sockets` has the present one. Two at most, while renewing."""
        for scope in scopes or (Scope.PUBLIC,):
            self.connections[scope] = UpbitConnection(
                scope,
                self.config,
                self.subscriptions,
                limiter,
                random.Random(seed),
                tickets.__next__,
            )
            self.logs[scope] = Log()
            self.sockets[scope] = None
            self.open[scope] = {}
        self.scope = next(iter(self.connections))
        self.renewing: set[Scope] = set()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._owners = itertools.count(1)
        self._last_trade: dict[str, int] = {}
        self.on_frame: Callable[[Head, bytes, float], None] = lambda head, raw, now: None
        self.on_event: Callable[[Scope, ConnectionEvent, float], None] = lambda scope, event, now: None

    @property
    def connection(self) -> UpbitConnection:
        return self.connections[self.scope]

    @property
    def log(self) -> Log:
        return self.logs[self.scope]

    @property
    def socket(self) -> Socket:
        socket = self.sockets[self.scope]
        assert socket is not None
        return socket

    @property
    def state(self) -> str:
        return self.connection.state.name

    # --- what a program does -----------------------------------------------------------------------

    def add(self, *wanted: StreamRequest, owner: object = None) -> object:
        """Add requests of an owner and notify the connections."""
        owner = next(self._owners) if owner is None else owner
        self.changed(self.subscriptions.add(owner, wanted))
        return owner

    def remove(self, owner: object) -> None:
        """Stop requesting."""
        self.changed(self.subscriptions.remove(owner))

    def renew(self, scope: Scope | None = None) -> bool:
        """Begin a renewal."""
        scope = self.scope if scope is None else scope
        under_way = scope in self.renewing
        self.renewing.add(scope)
        begun = self.connections[scope].renew(self.now)
        if not begun and not under_way:
            self.renewing.discard(scope)
        self.carry_out(scope)
        return begun

    def changed(self, scopes: Iterable[Scope]) -> None:
        for scope in scopes:
            if scope in self.connections:
                self.connections[scope].subscriptions_changed(self.now)
                self.carry_out(scope)

    # --- time --------------------------------------------------------------------------------------

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._count), what))

    def run(self, seconds: float, *, stop: Callable[[], bool] = lambda: False) -> None:
        """Let time pass; every deadline is kept to the moment."""
        end = self.now + seconds
        idle = 0
        while not stop():
            deadlines = {s: d for s, c in self.connections.items() if (d := c.next_deadline()) is not None}
            first = min(deadlines, key=deadlines.__getitem__) if deadlines else None
            queued = self._queue[0][0] if self._queue else float("inf")
            moment = min(queued, deadlines[first] if first is not None else float("inf"))
            if moment > end:
                break
            idle = 0 if moment > self.now or queued <= moment else idle + 1
            assert idle < 10, f"busy loop at {self.now}: {deadlines}"
            self.now = max(self.now, moment)
            if queued <= moment:
                heapq.heappop(self._queue)[2]()
            elif first is not None:
                self.connections[first].tick(self.now)
                self.carry_out(first)
        else:
            return
        self.now = max(self.now, end)

    def jump(self, seconds: float) -> None:
        """The machine sleeps: nothing is done meanwhile, and everything at once after it."""
        self.now += seconds
        for scope, connection in self.connections.items():
            connection.tick(self.now)
            self.carry_out(scope)

    # --- both sides --------------------------------------------------------------------------------

    def carry_out(self, scope: Scope) -> None:
        connection, log = self.connections[scope], self.logs[scope]
        for one in connection.take_events():
            log.events.append((self.now, one))
            log.everything.append((self.now, one))
            self.on_event(scope, one, self.now)
            if isinstance(one, FramesReleased):
                self._arrived(scope, one.frames)
        for action in connection.take_actions():
            log.actions.append((self.now, action))
            self._do(scope, action)

    def _do(self, scope: Scope, action: Action) -> None:
        mine = self.open[scope]
        match action:
            case OpenSocket(epoch):
                assert len(mine) <= (scope in self.renewing), "one socket too many"
                self.at(LATENCY_S, lambda: self._handshake(scope, epoch))
                mine[epoch] = Socket(epoch, float("inf"))
                if len(mine) == 1:
                    self.sockets[scope] = mine[epoch]
            case CloseSocket(epoch):
                assert epoch in mine, "closed twice"
                mine.pop(epoch).closed = True
                if mine:
                    self.sockets[scope] = next(iter(mine.values()))
                self.renewing.discard(scope)
            case SendText(text, epoch):
                socket = mine[epoch]
                assert socket.opened <= self.now, "sent before it was open"
                arrival = self.now + LATENCY_S + self.server.message_delay_s()
                arrivals = self.logs[scope].arrivals.setdefault(epoch, [])
                arrival = max([arrival, *arrivals[-1:]])
                arrivals.append(arrival)
                self.at(arrival - self.now, lambda: self._receive(scope, socket, text))
            case SendPing(epoch):
                socket = mine[epoch]
                assert socket.opened <= self.now
                if self.server.answers_pings:
                    self.at(2 * LATENCY_S, lambda: self._pong(scope, socket))

    def _handshake(self, scope: Scope, epoch: int) -> None:
        socket = self.open[scope].get(epoch)
        if socket is None:
            return
        error = self.server.admit(self.now)
        if error is not None:
            self.connections[scope].lost(epoch, self.now, error)
            self.carry_out(scope)
            return
        socket.opened = self.now
        self.connections[scope].opened(epoch, self.now)
        self.carry_out(scope)
        if self.server.closes_after_s is not None:
            self.at(self.server.closes_after_s, lambda: self._end(scope, socket))

    def _end(self, scope: Scope, socket: Socket) -> None:
        # The client may know already: then this is news of an older epoch.
        self.connections[scope].lost(socket.epoch, self.now, ConnectionFailedError("closed with 1000"))
        self.carry_out(scope)

    def lose(self, scope: Scope | None = None, error: QtUpbitError | None = None) -> None:
        """The connection breaks now."""
        scope = self.scope if scope is None else scope
        socket = self.sockets[scope]
        assert socket is not None
        lost = error if error is not None else ConnectionFailedError("the connection broke")
        self.connections[scope].lost(socket.epoch, self.now, lost)
        self.carry_out(scope)

    def _pong(self, scope: Scope, socket: Socket) -> None:
        self.connections[scope].pong_received(socket.epoch, self.now)
        self.carry_out(scope)

    def _receive(self, scope: Scope, socket: Socket, text: str) -> None:
        if socket.closed or socket.ending:
            return
        request = wire.decode_request(text)
        socket.requests += 1
        refusal = self.server.refuse(request)
        if refusal is not None:
            socket.ending = True
            self.at(LATENCY_S, lambda: self.send(wire.encode_error(*refusal), scope, socket))
            self.at(ERROR_CLOSE_AFTER_S, lambda: self._end(scope, socket))
            return
        socket.format = request.format or WireFormat.DEFAULT
        if request.method is not None:
            if self.server.answers_lists:
                listed = self.server.edit_list(list(socket.items))
                reply = wire.encode_subscriptions(request.ticket, listed, socket.format)
                self.at(LATENCY_S, lambda: self.send(reply, scope, socket))
            return
        ran = {
            (key, socket.depth(key)) for key, item in socket.streams().items() if not item.is_only_snapshot
        } - socket.promised
        socket.promised.clear()
        socket.items = request.items
        for key, item in socket.streams().items():
            spec = spec_of(key.type)
            assert spec is not None
            running = (key, socket.depth(key)) in ran and not item.is_only_snapshot
            if running and not self.server.repeats_snapshots:
                continue
            if spec.has_snapshot and not item.is_only_realtime and self.server.known(key):
                made = self._make(key, socket.depth(key), snapshot=True)
                socket.promised.add((key, socket.depth(key)))
                self.at(
                    SNAPSHOT_AFTER_S, lambda made=made, key=key, items=socket.items: self._snapshot(
                        scope, socket, made, key, items
                    )
                )  # fmt: skip

    def _snapshot(
        self, scope: Scope, socket: Socket, made: BaseWebSocketEvent, key: StreamKey, items: object
    ) -> None:
        # A newer request has snapshots of its own.
        if socket.items is items and self.server.sends_data:
            socket.promised.discard((key, socket.depth(key)))
            self.send(frame(made, socket.format), scope, socket)

    def _make(self, key: StreamKey, depth: int, *, snapshot: bool = False) -> BaseWebSocketEvent:
        ms = int(self.now * 1000)
        if key.type == "orderbook":
            return book(key.code, ms, rows=depth, level=key.variant[0], snapshot=snapshot)  # type: ignore[arg-type]  # an orderbook's variant is its level
        if key.type == "trade":
            # A first snapshot of trades is the last one there was.
            if not snapshot or key.code not in self._last_trade:
                self._last_trade[key.code] = ms
            ms = self._last_trade[key.code]
            return event(key.type, key.code, ms, snapshot=snapshot, sequential_id=ms * 10)
        return event(key.type, key.code, ms, snapshot=snapshot)

    def send(self, raw: str | bytes, scope: Scope | None = None, socket: Socket | None = None) -> None:
        """The server sends a frame, which arrives at once."""
        scope = self.scope if scope is None else scope
        socket = self.sockets[scope] if socket is None else socket
        assert socket is not None
        connection = self.connections[scope]
        frames = connection.receive(raw, socket.epoch, self.now)
        self.carry_out(scope)
        self._arrived(scope, frames)

    def _arrived(self, scope: Scope, frames: Iterable[tuple[Head, bytes]]) -> None:
        log = self.logs[scope]
        for head, data in frames:
            log.frames.append((self.now, head, data))
            log.everything.append((self.now, head))
            self.on_frame(head, data, self.now)

    def tick_market(self, *keys: StreamKey) -> None:
        """A change of some streams, or of all that are subscribed with realtime; sent if it is served."""
        for scope, socket in [(s, each) for s, mine in self.open.items() for each in mine.values()]:
            if socket.closed or socket.ending or not self.server.sends_data:
                continue
            for key, item in socket.streams().items():
                if (not keys or key in keys) and not item.is_only_snapshot and self.server.known(key):
                    code = key.code or "KRW-BTC"
                    made = self._make(key._replace(code=code), socket.depth(key) if key.variant else 0)
                    self.send(frame(made, socket.format), scope, socket)

    def run_market(self, seconds: float, every_s: float, *keys: StreamKey) -> None:
        """Let time pass with changes at a steady rate."""
        end = self.now + seconds
        while self.now < end:
            self.run(min(every_s, end - self.now))
            self.tick_market(*keys)

    # --- what must hold ----------------------------------------------------------------------------

    def wanted(self) -> dict[StreamKey, StreamRequest]:
        """What the owners want of the first scope."""
        return self.subscriptions.desired(self.scope)

    def check_served(self) -> None:
        """The server streams what is wanted, neither less nor more."""
        wanted = {key for key, stream_request in self.wanted().items() if stream_request.realtime}
        running = {key for key, item in self.socket.streams().items() if not item.is_only_snapshot}
        assert running == wanted
        for key in wanted:
            assert self.socket.depth(key) == self.wanted()[key].depth or not self.wanted()[key].depth

    def check_limits(self) -> None:
        """No limit was broken, in any window, as the server counts: when messages arrive."""
        opens = sorted(at for log in self.logs.values() for at in log.times(OpenSocket))
        check_window(opens, self.config.connects_per_second, 1.0)
        for log in self.logs.values():
            for times in log.arrivals.values():
                check_window(times, self.config.messages_per_second, 1.0)
                check_window(times, self.config.messages_per_minute, 60.0)


def check_window(times: list[float], count: int, seconds: float) -> None:
    """At most `count` in any window of `seconds`, its end included."""
    for first, last in zip(times, times[count:], strict=False):
        assert last - first > seconds, f"{count + 1} within {last - first} s"
