"""`headless`: market and account streams on plain asyncio, without Qt.

The same core as the widgets have: requests of all streams are merged into one per connection, connections
recover, gaps are told in order with the data.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
import random
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from qt_upbit.config import SecretHeaders, WebSocketConfig
from qt_upbit.error_log import ErrorLog, logger_of
from qt_upbit.event_reader import EventReader
from qt_upbit.exceptions import (
    CredentialsRequiredError,
    DecodeError,
    ProxyClosedError,
    QtUpbitError,
    ServerError,
    SubscriptionError,
)
from qt_upbit.protocol.connection import UpbitConnection
from qt_upbit.protocol.connection_outputs import (
    Action,
    CloseSocket,
    ConnectionEvent,
    ErrorReported,
    FramesReleased,
    GapDetected,
    OpenSocket,
    RenewalFailed,
    RequestSent,
    SendPing,
    SendText,
    StateChanged,
    StreamsRefused,
    StreamsSilent,
    TokenRenewed,
)
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.subscription_progress import SubscriptionProgress
from qt_upbit.protocol.subscription_request import requests_for, resolve_spec
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.protocol.timing import TRANSIT_S, RollingWindowLimiter
from qt_upbit.protocol.token_schedule import TokenSchedule
from qt_upbit.rest.rest_client import RestClient
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Item, Subscriber
from qt_upbit.transport.native_websocket_client import NativeWebSocketClient
from qt_upbit.types import (
    CandleEvent,
    CandleUnit,
    ConnectionState,
    Delivery,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    Scope,
    StreamKey,
    TickerEvent,
    TradeEvent,
    spec_of,
)

__all__ = ["EventStream", "HeadlessClient", "StreamGap", "headless"]

_E = TypeVar("_E")
_log: Final = logger_of("connection")
_AT_A_TURN: Final = 256


@dataclass(frozen=True, slots=True)
class StreamGap:
    """Between two moments nothing of these codes was received.

    Attributes:
        codes: the pairs.
        begin: aware.
        end: aware.
    """

    codes: tuple[str, ...]
    begin: datetime
    end: datetime


class EventStream(AsyncIterator[_E], Generic[_E]):
    """The events of one request, in order; close it, or let it go, to end the request.

    Iterating raises what Upbit refused it with. At most ``high_water_mark`` events wait for a slow loop,
    under LATEST only the newest of each kind; `lost` counts what was dropped.
    """

    def __init__(
        self, client: HeadlessClient, number: int, keys: Sequence[StreamKey], delivery: Delivery, gaps: bool
    ) -> None:
        self.keys = tuple(keys)
        self.delivery = delivery
        self.has_gaps = gaps
        self.is_closed = False
        self.lost = 0
        self.progress = SubscriptionProgress(keys[0].type, keys)
        self.reader: EventReader[_E] = EventReader(_Source(self), client.config.high_water_mark)
        self.reader.start()
        self._number = number
        self._release = weakref.finalize(self, client.release, number)
        self._release.atexit = False

    async def __anext__(self) -> _E:
        return await anext(self.reader)

    def close(self) -> None:
        """End it: iteration stops. Idempotent."""
        self.is_closed = True
        self.progress.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Source:
    """What the reader sees of its stream, which it must not keep alive."""

    def __init__(self, stream: EventStream[Any]) -> None:
        self._stream = weakref.ref(stream)
        self._progress = stream.progress
        self.delivery = stream.delivery

    @property
    def is_closed(self) -> bool:
        return self._progress.is_closed

    @is_closed.setter
    def is_closed(self, value: bool) -> None:
        raise AttributeError("closed by its stream")

    @property
    def refusal(self) -> QtUpbitError | None:
        return self._progress.refusal if self._progress.is_all_refused else None

    def add_waiter(self, waiter: Callable[[], object]) -> None:
        self._progress.add_waiter(waiter)

    def remove_waiter(self, waiter: Callable[[], object]) -> None:
        self._progress.remove_waiter(waiter)


class _Link:
    """The I/O driver of one scope's rules, on asyncio."""

    def __init__(
        self, scope: Scope, client: HeadlessClient, connection: UpbitConnection, jwt: JWTManager | None
    ):
        self.scope = scope
        self.connection = connection
        self._client = client
        self._tokens = TokenSchedule(jwt)
        self._timer: asyncio.TimerHandle | None = None
        self.socket = NativeWebSocketClient(
            client.config,
            on_opened=self._on_opened,
            on_message=self._on_message,
            on_pong=self._on_pong,
            on_lost=self._on_lost,
        )

    def subscriptions_changed(self) -> None:
        self.connection.subscriptions_changed(time.perf_counter())
        self._take()

    def _on_opened(self, epoch: int) -> None:
        self.connection.opened(epoch, time.perf_counter())
        self._take()

    def _on_pong(self, epoch: int) -> None:
        self.connection.pong_received(epoch, time.perf_counter())
        self._take()

    def _on_lost(self, epoch: int, error: QtUpbitError) -> None:
        self.connection.lost(epoch, time.perf_counter(), error)
        self._take()

    def _on_message(self, raw: bytes, epoch: int) -> None:
        now = time.perf_counter()
        frames = self.connection.receive(raw, epoch, now)
        if self.connection.has_output:
            self._take()
        self._client.route(self.scope, frames, now)

    def _tick(self) -> None:
        now = time.perf_counter()
        if self._tokens.is_due(now):
            if self.connection.renew(now):
                self._tokens.begun()
            else:
                self._tokens.not_begun(now)
        self.connection.tick(now)
        self._take()

    def _take(self) -> None:
        """Carry out what the rules want."""
        for event in self.connection.take_events():
            match event:
                case RenewalFailed(error):
                    self._tokens.failed(error, time.perf_counter())
                case TokenRenewed():
                    self._tokens.succeeded()
            self._client.on_event(self.scope, event)
        for action in self.connection.take_actions():
            self._do(action)
        due = self.connection.next_deadline()
        deadline = self._tokens.due if due is None else min(due, self._tokens.due)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline != math.inf:
            delay = max(0.0, deadline - time.perf_counter())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _do(self, action: Action) -> None:
        match action:
            case OpenSocket(epoch):
                needs_auth = self.scope.needs_auth
                headers = self._tokens.headers(time.perf_counter()) if needs_auth else SecretHeaders()
                self.socket.open(self._client.config.websocket_url(self.scope), headers, epoch)
            case CloseSocket(epoch):
                self.socket.close(epoch)
            case SendText(text, epoch):
                _log.debug("%s: socket %d is sent %s", self.scope.value, epoch, text)
                self.socket.send(text, epoch)
            case SendPing(epoch):
                self.socket.ping(epoch)

    async def aclose(self) -> None:
        self.connection.close()
        self._take()
        if self._timer is not None:
            self._timer.cancel()
        await self.socket.aclose()


class HeadlessClient:
    """Streams of one exchange on the running asyncio loop; made by `headless`.

    Args:
        config: the environment's by default.
    """

    def __init__(self, config: WebSocketConfig | None = None) -> None:
        self.config = config if config is not None else WebSocketConfig.from_env()
        self._state = SubscriptionStateManager()
        self._hub = FanoutHub(self._on_pending)
        self._engine = DataRoutingEngine(self._hub)
        self._errors = ErrorLog(time.perf_counter)
        self._streams: dict[Hashable, weakref.ref[EventStream[Any]]] = {}
        self._numbers = itertools.count(1)
        self._links: dict[Scope, _Link] = {}
        self._rest: RestClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        limiter = RollingWindowLimiter(((self.config.connects_per_second, 1.0),), transit_s=TRANSIT_S)
        keys = self.config.credentials
        jwt = (
            None
            if keys is None
            else JWTManager(keys, self.config.jwt_algorithm, lifetime_s=self.config.token_lifetime_s)
        )
        keyless = self.config.model_copy(update={"credentials": None})
        rng = random.Random()  # noqa: S311  # jitter, not secrecy
        for scope in Scope:
            rules = UpbitConnection(scope, keyless, self._state, limiter, rng, lambda: str(uuid.uuid4()))
            self._links[scope] = _Link(scope, self, rules, jwt if scope.needs_auth else None)
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all streams and close all connections. Idempotent."""
        if not self._is_open:
            return
        self._is_open = False
        for find in tuple(self._streams.values()):
            if (stream := find()) is not None:
                stream.close()
        await asyncio.gather(*(link.aclose() for link in self._links.values()))
        if self._rest is not None:
            await self._rest.aclose()

    # --- streams -----------------------------------------------------------------------------------

    def tickers(self, *codes: str) -> EventStream[TickerEvent]:
        """Current prices: the newest of each pair."""
        return self.events("ticker", codes)

    def trades(self, *codes: str) -> EventStream[TradeEvent]:
        """Every trade; the first is the last one before."""
        return self.events("trade", codes)

    def orderbooks(
        self, *codes: str, depth: int = 30, level: int | Decimal = 0
    ) -> EventStream[OrderbookEvent]:
        """Order books: the newest of each pair."""
        return self.events("orderbook", codes, depth=depth, level=level)

    def candles(self, *codes: str, unit: CandleUnit | str = CandleUnit.M1) -> EventStream[CandleEvent]:
        """Candles: the newest state of each."""
        return self.events("candle", codes, unit=unit)

    def my_orders(self, *codes: str) -> EventStream[MyOrderEvent]:
        """Every change of your orders, of all pairs or of `codes`. Needs keys."""
        return self.events("my_order", codes or None)

    def my_assets(self) -> EventStream[MyAssetEvent]:
        """Every change of your balances. Needs keys."""
        return self.events("my_asset", None)

    def events(
        self,
        name: str,
        codes: Sequence[str] | None = None,
        *,
        delivery: Delivery | None = None,
        gaps: bool = False,
        **options: Any,
    ) -> EventStream[Any]:
        """The events of any declared type.

        Args:
            name: `EventSpec.name`, for example ``trade``.
            codes: pairs; None for a type without codes, or for all where Upbit offers that.
            delivery: LATEST or EVERY instead of the type's default.
            gaps: give a `StreamGap` where something may be missing, in order with the events.
            options: those of the type, such as ``depth``.

        Raises:
            InvalidSubscriptionError: a code or option is wrong.
            CredentialsRequiredError: it needs keys, and there are none.
            ProxyClosedError: outside the ``async with`` block.
        """
        self._check_open()
        spec = resolve_spec(name)
        requests = requests_for(spec, codes, **options)
        if spec.scope.needs_auth and self.config.credentials is None:
            raise CredentialsRequiredError(spec.name)
        how = spec.delivery if delivery is None else Delivery(delivery)
        if how is Delivery.BATCH:
            raise ValueError("a stream gives events one by one: LATEST or EVERY")
        number = next(self._numbers)
        stream: EventStream[Any] = EventStream(self, number, [each.key for each in requests], how, gaps)
        self._streams[number] = weakref.ref(stream)
        first = requests[0]
        subscriber = Subscriber(
            number, name, how,
            depth=first.depth,
            wants_snapshot=first.snapshot,
            wants_realtime=first.realtime,
            high_water_mark=self.config.high_water_mark,
        )  # fmt: skip
        unserved = self._engine.attach(subscriber, (Target(each.key, each.options) for each in requests))
        self._changed(self._state.add(number, requests, unserved))
        return stream

    def release(self, number: int) -> None:
        """End a request; called by its stream, and by the collector, in any thread."""
        loop = self._loop
        if self._is_open and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._drop, number)

    def _drop(self, number: int) -> None:
        if self._streams.pop(number, None) is not None and self._is_open:
            self._engine.detach(number)
            self._changed(self._state.remove(number))

    def _changed(self, scopes: set[Scope]) -> None:
        for scope in scopes:
            self._links[scope].subscriptions_changed()

    # --- state -------------------------------------------------------------------------------------

    @property
    def rest(self) -> RestClient:
        """REST calls with the same keys; closed with the client.

        Raises:
            ConfigError: the extra ``rest`` is not installed.
        """
        self._check_open()
        if self._rest is None:
            self._rest = RestClient(self.config)
        return self._rest

    def state(self, scope: Scope = Scope.PUBLIC) -> ConnectionState:
        """Health of a scope."""
        return self._links[scope].connection.state if self._links else ConnectionState.IDLE

    def error(self, scope: Scope = Scope.PUBLIC) -> QtUpbitError | None:
        """Why a scope is RECONNECTING or REJECTED; None otherwise."""
        return self._links[scope].connection.error if self._links else None

    def _check_open(self) -> None:
        if not self._is_open:
            raise ProxyClosedError("use the client inside `async with qt_upbit.headless() as client:`")

    # --- for its connections -----------------------------------------------------------------------

    def route(self, scope: Scope, frames: Any, now: float) -> None:
        """Pass frames on to the streams."""
        for head, data in frames:
            try:
                self._engine.route(head, data, now)
            except DecodeError as exc:
                self._report(exc, scope)

    def on_event(self, scope: Scope, event: ConnectionEvent) -> None:
        """Something happened to a connection."""
        match event:
            case StateChanged(old, new):
                _log.info("%s: %s, was %s", scope.value, new.name, old.name)
                if new in (ConnectionState.STALE, ConnectionState.RECONNECTING, ConnectionState.IDLE):
                    self._engine.mark_stale(scope)
                if old is ConnectionState.REJECTED:
                    self._each(self._state.desired(scope), lambda stream, _: stream.progress.mark_retried())
                if new is ConnectionState.REJECTED:
                    refusal = self.error(scope) or ServerError("REJECTED")
                    self._refuse(tuple(self._state.desired(scope)), refusal)
            case GapDetected(_, begin, end):
                self._engine.gap(scope, begin, end)
            case ErrorReported(error, times):
                self._report(error, scope, times)
            case RequestSent(streams):
                self._engine.streams_asked_for(scope, streams)
            case StreamsSilent(keys, waited_s):
                codes = [key.code for key in keys]
                self._report(SubscriptionError(keys[0].type, codes, waited_s), scope)
            case StreamsRefused(keys, refused, owners):
                self._refuse(keys, refused, owners)
            case FramesReleased(frames):
                self.route(scope, frames, time.perf_counter())

    def _refuse(self, keys: Sequence[StreamKey], error: QtUpbitError, owners: Any = None) -> None:
        def refuse(stream: EventStream[Any], number: Hashable) -> None:
            if owners is None or number in owners:
                stream.progress.mark_refused(keys, error)

        self._each(keys, refuse)

    def _each(self, keys: Any, call: Callable[[EventStream[Any], Hashable], None]) -> None:
        numbers = {owner for key in keys for owner in self._state.owners_of(key)}
        for number in numbers:
            find = self._streams.get(number)
            if find is not None and (stream := find()) is not None:
                call(stream, number)

    def _report(self, error: QtUpbitError, scope: Scope, times: int = 1) -> None:
        self._errors.write(error, scope.value, heard=False, times=times)

    # --- delivery ----------------------------------------------------------------------------------

    def _on_pending(self, delivery: Delivery) -> None:
        if self._loop is not None:
            self._loop.call_soon(functools.partial(self._deliver, delivery))

    def _deliver(self, delivery: Delivery) -> None:
        """Give waiting items to their streams, for a bounded time; the rest in the next turn of the loop."""
        for _ in range(_AT_A_TURN):
            subscriber = self._hub.turn(delivery)
            if subscriber is None:
                return
            find = self._streams.get(subscriber.key)
            stream = find() if find is not None else None
            while (item := subscriber.take()) is not None:
                if stream is not None:
                    self._give(stream, subscriber, item)
            self._hub.turn_over(subscriber)
            if stream is not None:
                stream.lost += subscriber.take_lost() + stream.reader.take_lost()
        if self._hub.has_pending(delivery) and self._loop is not None:
            self._loop.call_soon(functools.partial(self._deliver, delivery))

    def _give(self, stream: EventStream[Any], subscriber: Subscriber, item: Item) -> None:
        if isinstance(item, Gap):
            now, wall = time.perf_counter(), datetime.now(UTC)
            begin, end = (wall - timedelta(seconds=now - moment) for moment in (item.begin, item.end))
            if stream.has_gaps:
                stream.reader.put(StreamGap(item.codes, begin, end))
            return
        try:
            event = subscriber.view(item)
        except DecodeError as exc:
            spec = spec_of(item.head.type)
            self._report(exc, spec.scope if spec is not None else Scope.PUBLIC)
            return
        stream.progress.mark_live(event.stream_key)
        stream.reader.put(event)


def headless(config: WebSocketConfig | None = None) -> HeadlessClient:
    """Upbit's streams on plain asyncio, for programs without Qt.

    Use it as a context manager::

        async with qt_upbit.headless() as client:
            async for trade in client.trades("KRW-BTC"):
                print(trade.trade_price)

    Args:
        config: settings and keys; the environment's by default.
    """
    return HeadlessClient(config)
