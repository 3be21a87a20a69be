"""`GlobalWebSocketManager`: owns the connections, routes what arrives, tells how it is."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
import time
import uuid
import weakref
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import shiboken6
from PySide6.QtCore import Property, QObject, Qt, QTimer, Signal

from qt_upbit.config import Credentials, WebSocketConfig
from qt_upbit.exceptions import (
    ConfigError,
    ConnectionFailedError,
    DecodeError,
    ProxyClosedError,
    QtUpbitError,
    ServerError,
    SubscriptionError,
)
from qt_upbit.metrics import Metrics, ScopeMetrics, SubscriptionMetrics
from qt_upbit.protocol.connection import (
    ConnectionEvent,
    ErrorReported,
    GapDetected,
    RequestSent,
    StateChanged,
    StreamsListed,
    StreamsLive,
    StreamsRefused,
    StreamsSilent,
    TokenRenewed,
    UpbitConnection,
)
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.subscription_state_manager import StreamRequest, StreamState, SubscriptionStateManager
from qt_upbit.protocol.timing import RollingWindowLimiter
from qt_upbit.qt.call_guard import CallGuard, check_gui_thread
from qt_upbit.qt.error_reporter import ErrorReporter
from qt_upbit.qt.frame_clock import FrameClock
from qt_upbit.qt.gap_recovery import GapRecovery
from qt_upbit.qt.outbox import Outbox
from qt_upbit.qt.performance_monitor import PerformanceMonitor
from qt_upbit.qt.release_token import ReleaseToken
from qt_upbit.qt.scope_link import ScopeLink
from qt_upbit.qt.slot_errors import SlotWatch
from qt_upbit.rest.rest_client import RestClient
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import Gap, Item, LazyFrame, Subscriber
from qt_upbit.routing.recovery import BackfillBuffer
from qt_upbit.types import (
    BaseWebSocketEvent,
    ConnectionState,
    Delivery,
    EventSpec,
    OrderbookEvent,
    Scope,
    StreamKey,
    spec_of,
)

if TYPE_CHECKING:
    from qt_upbit.qt.subscription import Subscription
    from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy

__all__ = ["GlobalWebSocketManager"]

_snapshot_ids = itertools.count(-1, -1)
"""Below zero: subscriptions count upwards."""

_GAP_TIMEOUT_S: Final = 3.0
"""The line is well and only some trades are wanted: events do not wait for them as after an outage."""
_LATENCY_OF: Final = 8
"""Of so many events of a subscription the latency of one is noted."""
_LIST_TIMEOUT_S: Final = 5.0
_COMPARE_CLOCKS_MS: Final = 1000
_SLEPT_S: Final = 2.0
"""Less than this may be a clock that is set."""


class GlobalWebSocketManager(QObject):
    """One per application. Owns at most one connection per scope; every proxy shares them.

    Most programs never touch it. `configure` before first use, `instance` to watch it::

        manager = GlobalWebSocketManager.instance()
        manager.state_changed.connect(lambda scope, state: ...)
        manager.metrics_updated.connect(self.on_metrics)

    Signals:
        ``state_changed(scope, state)``; and ``public_state_changed(state)``,
        ``private_state_changed(state)``, ``info_state_changed(state)``, the notifications of the Qt
        properties ``public_state``, ``private_state``, ``info_state``.
        ``token_renewed(scope)``: a connection with a new token took over; nothing was lost meanwhile.
        ``credentials_changed()``: by `set_credentials`; what was known of the account may be another's.
        ``metrics_updated(metrics)``: every ``metrics_interval_s`` while anything is connected.
        ``error_occurred(owner, error)``: everything that went wrong and was survived; owner is a proxy's
        name or a scope.

    Must be made and used in the GUI thread.

    For parts of the library that work with it: `guard` (checks before a call), `outbox` (calls that wait
    for a plain Qt callback), `reporter` (errors), `shared` (one object of a class for all), and the signal
    ``closing()``, emitted at the begin of `aclose`.
    """

    state_changed = Signal(object, object)
    public_state_changed = Signal(object)
    private_state_changed = Signal(object)
    info_state_changed = Signal(object)
    token_renewed = Signal(object)
    credentials_changed = Signal()
    metrics_updated = Signal(object)
    error_occurred = Signal(str, object)
    closing = Signal()
    _release_requested = Signal(object)

    _instance: ClassVar[GlobalWebSocketManager | None] = None
    _configured: ClassVar[WebSocketConfig | None] = None

    # --- the application's one ---------------------------------------------------------------------

    @classmethod
    def configure(cls, config: WebSocketConfig) -> None:
        """Set the configuration of the application's manager, before its first use.

        Raises:
            ConfigError: the manager is in use already.
        """
        if not isinstance(config, WebSocketConfig):
            raise ConfigError(f"configure() takes a WebSocketConfig, not {type(config).__name__}")
        if cls._instance is not None and cls._instance.is_usable:
            raise ConfigError(
                "configure() comes too late: a manager is in use; call it before any proxy is made"
            )
        cls._configured = config

    @classmethod
    def instance(cls) -> GlobalWebSocketManager:
        """The application's manager, made when first asked for, from `configure` or the environment."""
        if cls._instance is None or not cls._instance.is_usable:
            check_gui_thread()
            cls._instance = cls(cls._configured or WebSocketConfig.from_env())
        return cls._instance

    @classmethod
    async def close_instance(cls) -> None:
        """Close the application's manager, if there is one; the next `instance` is a new one."""
        if cls._instance is not None:
            cls._instance.guard.check_thread()
        manager, cls._instance = cls._instance, None
        if manager is not None and shiboken6.isValid(manager):
            await manager.aclose()
            manager.deleteLater()

    def __init__(
        self,
        config: WebSocketConfig | None = None,
        parent: QObject | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        new_ticket: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        check_gui_thread()
        super().__init__(parent)
        self.setObjectName("qt_upbit manager")
        # Queued: the collector runs anywhere, also in the middle of a change that another proxy makes.
        self._release_requested.connect(self._release_proxy, Qt.ConnectionType.QueuedConnection)
        self.config = config if config is not None else WebSocketConfig.from_env()
        self._clock = clock
        self._wall_clock = wall_clock
        self._closed = False
        self.guard = CallGuard(self, lambda: self.is_usable, lambda: self.config.credentials is not None)
        self.outbox = Outbox("qt_upbit outbox", self)
        self.reporter = ErrorReporter(self, self.outbox, clock, self._live_proxies)
        self.shared: dict[type[QObject], QObject] = {}
        """Objects of which a manager has one, by class, such as `Account`; they end with it."""
        self._rests: list[RestClient] = []
        """The last one is in use; those before it had other keys."""
        self._rest_config: WebSocketConfig | None = None
        self._proxies: dict[int, weakref.ref[WebSocketClientProxy]] = {}
        self._of_proxy: dict[int, set[int]] = {}
        self._subscriptions: dict[int, weakref.ref[Subscription]] = {}
        self._snapshots: dict[int, _PendingSnapshot] = {}
        self._lost = 0
        self._list_answers: dict[Scope, asyncio.Future[frozenset[StreamKey]]] = {}

        self._state = SubscriptionStateManager()
        self._frames = FrameClock(
            self._deliver, self.config.frame_rate_hz, self.config.slice_ms / 1000, clock, self
        )
        recovers = self.config.recover_gaps and RestClient.is_available()
        self._max_buffered_frames = self.config.high_water_mark if recovers else 0
        self._engine = DataRoutingEngine(self._frames.hub, self._max_buffered_frames, self._on_gap)
        self._recovery = GapRecovery(
            self._engine,
            lambda: self.rest,
            self.config.recovery_timeout_s,
            self.config.recovery_max_calls,
            clock,
            lambda error: self.reporter.report_scope(Scope.PUBLIC, error),
        )
        # A manager should be closed, not deleted; if it is deleted nevertheless, nobody waits for ever.
        self.destroyed.connect(
            functools.partial(_end_waiting, self._subscriptions, self._snapshots, weakref.ref(self._recovery))
        )
        limiter = RollingWindowLimiter(((self.config.connects_per_second, 1.0),))
        rng = rng if rng is not None else random.Random()  # noqa: S311  # jitter, not secrecy
        jwt = self._new_jwt_manager()
        self._links: dict[Scope, ScopeLink] = {}
        for scope in Scope:
            connection = UpbitConnection(scope, self.config, self._state, limiter, rng, new_ticket)
            self._links[scope] = ScopeLink(
                scope, self.config, connection, self._engine, jwt,
                self._on_connection_event, self.reporter.report_scope, clock, self,
            )  # fmt: skip
        self._monitor = PerformanceMonitor(self._links, self._frames.hub, clock, wall_clock, self)
        self._changed: set[Scope] = set()
        self._changed_timer = self._timer("qt_upbit wishes", self._notify_links, single_shot=True)
        self._metrics_timer = self._timer("qt_upbit metrics", self._update_metrics, single_shot=False)
        self._metrics_timer.setInterval(int(self.config.metrics_interval_s * 1000))
        self._clocks_at = (clock(), wall_clock())
        self._clocks_timer = self._timer("qt_upbit clocks", self._compare_clocks, single_shot=False)
        self._clocks_timer.setInterval(_COMPARE_CLOCKS_MS)

    def _new_jwt_manager(self) -> JWTManager | None:
        credentials = self.config.credentials
        if credentials is None:
            return None
        return JWTManager(credentials, self.config.jwt_algorithm, lifetime_s=self.config.token_lifetime_s)

    def _timer(self, name: str, slot: Callable[[], None], *, single_shot: bool) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(single_shot)
        timer.timeout.connect(slot)
        return timer

    # --- watching ----------------------------------------------------------------------------------

    @property
    def is_usable(self) -> bool:
        """Whether it is neither closed nor deleted."""
        return shiboken6.isValid(self) and not self._closed

    def state(self, scope: Scope) -> ConnectionState:
        """Health of a scope."""
        return self._links[scope].connection.state

    def error(self, scope: Scope) -> QtUpbitError | None:
        """Why a scope is RECONNECTING or REJECTED; None while it is well."""
        return self._links[scope].connection.error

    def _public_state(self) -> ConnectionState:
        return self.state(Scope.PUBLIC)

    def _private_state(self) -> ConnectionState:
        return self.state(Scope.PRIVATE)

    def _info_state(self) -> ConnectionState:
        return self.state(Scope.INFO)

    public_state = Property(object, _public_state, notify=public_state_changed)
    private_state = Property(object, _private_state, notify=private_state_changed)
    info_state = Property(object, _info_state, notify=info_state_changed)

    def metrics(self) -> Metrics:
        """Counters of now; the rates are those of the last metrics interval."""
        self.guard.check_thread()
        return Metrics(
            scopes={scope: self._scope_metrics(scope) for scope in Scope},
            proxies=len(self._proxies),
            subscriptions=len(self._subscriptions),
            events_delivered=self._monitor.delivered,
            events_conflated=self._monitor.conflated,
            events_lost=self._lost,
            errors=self.reporter.total,
            latency=self._monitor.latency,
            loop_lag=self._monitor.loop_lag,
            slices=self._frames.slices,
        )

    def _scope_metrics(self, scope: Scope) -> ScopeMetrics:
        link = self._links[scope]
        connection, counters = link.connection, link.client.counters
        messages, wire_bytes, inflated_bytes = self._monitor.rates(scope)
        return ScopeMetrics(
            state=connection.state,
            connections_open=link.client.open_sockets,
            messages=counters.messages,
            messages_per_second=messages,
            wire_bytes=counters.wire_bytes,
            wire_bytes_per_second=wire_bytes,
            inflated_bytes=counters.inflated_bytes,
            inflated_bytes_per_second=inflated_bytes,
            silence_s=connection.silence_s(self._clock()),
            transit=self._monitor.transit(scope),
            requests_sent=connection.requests_sent,
            reconnects=connection.reconnects,
            renewals=connection.renewals,
            late_frames=connection.late_frames,
            streams=len(self._state.desired(scope)),
            errors=self.reporter.count(scope),
        )

    def subscription_metrics(self) -> tuple[SubscriptionMetrics, ...]:
        """What each open subscription got and cost; the oldest first."""
        self.guard.check_thread()
        found = []
        for subscription_id, reference in tuple(self._subscriptions.items()):
            subscription, subscriber = reference(), self._frames.hub.get(subscription_id)
            if subscription is not None and subscriber is not None:
                found.append(_metrics_of(subscription, subscriber))
        return tuple(found)

    def streams(self, scope: Scope) -> dict[StreamKey, StreamState]:
        """Every stream wanted of a scope and how far it has come."""
        self.guard.check_thread()
        return {key: state for key in self._state.desired(scope) if (state := self._state.state_of(key))}

    async def list_subscriptions(self, scope: Scope = Scope.PUBLIC) -> frozenset[StreamKey]:
        """The streams that Upbit says it sends on a scope's connection (protocol section 2.6).

        For looking at beside `streams`, which is what is wanted of it; the library compares the two by
        itself, every ``audit_interval_s``. Costs one of the messages that Upbit allows; who asks meanwhile
        shares the answer.

        Raises:
            ConnectionFailedError: there is no connection, Upbit did not answer in time, or not at all.
        """
        self.guard.check_usable()
        if not self._links[scope].ask_for_list():
            raise ConnectionFailedError(f"no {scope.value} connection is open that could be asked")
        answer = self._list_answers.setdefault(scope, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(_LIST_TIMEOUT_S):
                return await asyncio.shield(answer)
        except TimeoutError:
            self._list_answers.pop(scope, None)
            raise ConnectionFailedError(f"Upbit did not list its {scope.value} streams in time") from None
        except asyncio.CancelledError:
            if answer.cancelled() and self._closed:
                raise ProxyClosedError("the manager was closed") from None
            raise

    @property
    def rest(self) -> RestClient:
        """REST calls with the same addresses and keys; made when first asked for, closed with the manager.

        After `set_credentials` it is another one: ask for it each time rather than keep it.

        Raises:
            ConfigError: the extra ``rest`` is not installed.
        """
        self.guard.check_usable()
        if self._rest_config is not self.config:
            self._rests.append(RestClient(self.config))
            self._rest_config = self.config
        return self._rests[-1]

    def reconnect(self, scope: Scope = Scope.PUBLIC) -> None:
        """Connect again at once: also the way out of REJECTED after the reason is mended."""
        self.guard.check_usable()
        self._links[scope].retry()

    def renew(self, scope: Scope = Scope.PRIVATE) -> bool:
        """Change a scope to a connection with a new token now, without a break; whether that was begun.

        Done by itself at 80 % of ``token_lifetime_s``. False while the scope is not LIVE, and for PUBLIC,
        which has no token.
        """
        self.guard.check_usable()
        return self._links[scope].renew()

    def set_credentials(self, credentials: Credentials) -> None:
        """Use other keys from now on: private and info connections are made again with them.

        Also the way out of REJECTED, and to sign in after the start. Subscriptions stay.
        """
        self.guard.check_usable()
        if not isinstance(credentials, Credentials):
            raise ConfigError(f"set_credentials() takes Credentials, not {type(credentials).__name__}")
        self.config = self.config.model_copy(update={"credentials": credentials})
        jwt = self._new_jwt_manager()
        for scope, link in self._links.items():
            if scope.needs_auth:
                link.set_jwt(jwt)
        self.outbox.post(lambda: self.reporter.emit(None, "manager", self.credentials_changed))

    async def aclose(self) -> None:
        """Close every connection and deliver nothing more. Idempotent."""
        if self._closed:
            return
        self.guard.check_thread()
        self._closed = True
        self.closing.emit()
        self._monitor.stop()
        for timer in (self._changed_timer, self._metrics_timer, self._clocks_timer):
            timer.stop()
        self._frames.stop()
        for snapshot in tuple(self._snapshots.values()):
            snapshot.fail(ProxyClosedError("the manager was closed"))
        for answer in self._list_answers.values():
            answer.cancel()
        for subscription_id in tuple(self._subscriptions):
            if (subscription := self._subscription(subscription_id)) is not None:
                subscription._mark_closed()
            self._forget(subscription_id)
        try:
            await self._recovery.aclose()
            links, rests = self._links.values(), self._rests
            await asyncio.gather(*(link.aclose() for link in links), *(rest.aclose() for rest in rests))
            await self.outbox.drain()
        finally:
            self.outbox.clear()

    # --- for proxies -------------------------------------------------------------------------------

    def _register(self, proxy: WebSocketClientProxy) -> None:
        self.guard.check_usable()
        self._proxies[proxy.id] = weakref.ref(proxy)
        self._of_proxy[proxy.id] = set()
        ReleaseToken.attach(self, proxy)

    def _subscribe(
        self, subscription: Subscription, owner: str, requests: Sequence[StreamRequest], *, paused: bool
    ) -> None:
        proxy = subscription._proxy()
        if proxy is not None:
            self._of_proxy[proxy.id].add(subscription.id)
        self._subscriptions[subscription.id] = weakref.ref(subscription)
        self._attach(subscription.id, owner, subscription.delivery, requests)
        for request in requests:
            if self._state.state_of(request.key) in (StreamState.LIVE, StreamState.SATISFIED):
                subscription._mark_live(request.key)
        if paused:
            self._frames.hub.pause(subscription.id, True)

    def _attach(
        self, subscription_id: int, owner: str, delivery: Delivery, requests: Sequence[StreamRequest]
    ) -> None:
        first = requests[0]
        subscriber = Subscriber(
            subscription_id, owner, delivery,
            depth=first.depth,
            wants_snapshot=first.snapshot,
            wants_realtime=first.realtime,
            high_water_mark=self.config.high_water_mark,
        )  # fmt: skip
        unserved = self._engine.attach(
            subscriber, (Target(request.key, request.options) for request in requests)
        )
        self._requests_changed(self._state.add(subscription_id, requests, unserved))

    def _unsubscribe(self, subscription_id: int) -> None:
        for ids in self._of_proxy.values():
            ids.discard(subscription_id)
        self._forget(subscription_id)

    def _forget(self, subscription_id: int) -> None:
        self._subscriptions.pop(subscription_id, None)
        if (subscriber := self._frames.hub.get(subscription_id)) is not None:
            self._monitor.forget(subscriber)
        self._engine.detach(subscription_id)
        self._requests_changed(self._state.remove(subscription_id))

    def _pause(self, subscription_id: int, paused: bool) -> None:
        self._frames.hub.pause(subscription_id, paused)

    def _release_proxy(self, proxy_id: int) -> None:
        self._proxies.pop(proxy_id, None)
        for subscription_id in self._of_proxy.pop(proxy_id, ()):
            # Whoever awaits it must not wait for ever.
            if (subscription := self._subscription(subscription_id)) is not None:
                subscription._mark_closed()
            self._forget(subscription_id)
        for pending in tuple(self._snapshots.values()):
            if pending.proxy_id == proxy_id:
                pending.fail(ProxyClosedError("the proxy was closed while a snapshot was awaited"))

    def _requests_changed(self, scopes: Iterable[Scope]) -> None:
        self._changed.update(scopes)
        if self._changed and self.is_usable and not self._changed_timer.isActive():
            # Everything that one turn of the loop wants becomes one change.
            self._changed_timer.start(0)

    def _notify_links(self) -> None:
        scopes, self._changed = self._changed, set()
        for scope in scopes:
            self._links[scope].subscriptions_changed()
            if self.state(scope) is ConnectionState.REJECTED:
                # Nothing will come of it, and whoever has joined since is not told by a change of state.
                self._refuse(scope, self._state.desired(scope), self.error(scope))
        if not self._metrics_timer.isActive():
            self._metrics_timer.start()
            self._monitor.start()
            self._clocks_at = (self._clock(), self._wall_clock())
            self._clocks_timer.start()

    # --- snapshots ---------------------------------------------------------------------------------

    async def _snapshot(
        self, proxy: WebSocketClientProxy, row: EventSpec, requests: Sequence[StreamRequest]
    ) -> dict[StreamKey, BaseWebSocketEvent]:
        """One event per wish: the last value of a live stream, the rest asked from the server."""
        found: dict[StreamKey, BaseWebSocketEvent] = {}
        for request in requests:
            cached = self._cached(request)
            if cached is not None:
                found[request.key] = cached
        missing = [request for request in requests if request.key not in found]
        if not missing:
            return found
        subscription_id = next(_snapshot_ids)
        pending = _PendingSnapshot(proxy.id, missing, asyncio.get_running_loop().create_future())
        self._snapshots[subscription_id] = pending
        try:
            self._attach(subscription_id, f"{proxy.name} snapshot", Delivery.EVERY, missing)
            found |= await pending.future
        finally:
            self._snapshots.pop(subscription_id, None)
            if shiboken6.isValid(self):
                self._forget(subscription_id)
        return found

    def _cached(self, request: StreamRequest) -> BaseWebSocketEvent | None:
        if self.state(request.row.scope) is not ConnectionState.LIVE:
            return None
        event = self._engine.last_event(request.key, request.depth)
        try:
            return event.truncated(request.depth) if isinstance(event, OrderbookEvent) else event
        except ValueError:
            return None  # unreadable rows, reported when its own subscribers read them

    # --- delivery (called by the frame clock) ------------------------------------------------------

    def _deliver(self, subscriber: Subscriber, items: Iterable[Item]) -> None:
        subscription_id = subscriber.key
        if not isinstance(subscription_id, int):
            return
        if (pending := self._snapshots.get(subscription_id)) is not None:
            read = (self._read(subscriber, item) for item in items if not isinstance(item, Gap))
            pending.take([event for event in read if event is not None])
            return
        reference = self._subscriptions.get(subscription_id)
        subscription = reference() if reference is not None else None
        proxy = subscription._proxy() if subscription is not None else None
        if subscription is None or proxy is None or not shiboken6.isValid(proxy):
            return
        if subscription.delivery is Delivery.BATCH:
            self._emit_batches(subscription, proxy, subscriber, items)
        else:
            self._emit_each(subscription, proxy, subscriber, items)
        if subscriber.lost:
            self._report_overflow(subscription, proxy, subscriber.take_lost())

    def _emit_each(
        self,
        subscription: Subscription,
        proxy: WebSocketClientProxy,
        subscriber: Subscriber,
        items: Iterable[Item],
    ) -> None:
        """Hand over events one by one, each before the next is read; gaps are told in their place."""
        signal = proxy._signal_of(subscription)
        with SlotWatch(proxy.name) as watch:
            for item in items:
                if isinstance(item, Gap):
                    self._emit_gap(subscription, proxy, item)
                elif (event := self._read(subscriber, item)) is not None:
                    began = self._clock()
                    if not subscriber.delivered % _LATENCY_OF:
                        self._monitor.saw(item, event, began)
                    subscriber.delivered += 1
                    proxy._hand_over(subscription, event, signal, watch)
                    subscriber.took(self._clock() - began)
                # A callback or a slot may have ended everything.
                if subscription.is_closed or not shiboken6.isValid(proxy):
                    return

    def _emit_batches(
        self,
        subscription: Subscription,
        proxy: WebSocketClientProxy,
        subscriber: Subscriber,
        items: Iterable[Item],
    ) -> None:
        """What stands between gaps is a batch."""
        batch: list[BaseWebSocketEvent] = []

        def emit() -> None:
            began = self._clock()
            subscriber.delivered += len(batch)
            proxy._emit_batch(subscription, tuple(batch))
            subscriber.took(self._clock() - began)
            batch.clear()

        for item in items:
            if isinstance(item, Gap):
                emit()
                self._emit_gap(subscription, proxy, item)
            elif (event := self._read(subscriber, item)) is not None:
                if not len(batch) % _LATENCY_OF:
                    self._monitor.saw(item, event, self._clock())
                batch.append(event)
        emit()

    def _read(self, subscriber: Subscriber, slot: LazyFrame) -> BaseWebSocketEvent | None:
        try:
            return subscriber.view(slot)
        except DecodeError as exc:
            row = spec_of(slot.head.type)
            self.reporter.report_scope(row.scope if row is not None else Scope.PUBLIC, exc)
            return self._read(subscriber, slot.older) if slot.older is not None else None

    def _emit_gap(self, subscription: Subscription, proxy: WebSocketClientProxy, gap: Gap) -> None:
        if not subscription.is_closed and shiboken6.isValid(proxy):
            begin, end = self._wall_time(gap.begin), self._wall_time(gap.end)
            self.reporter.emit(
                proxy, proxy.name, proxy.gap_detected, subscription.row.scope, gap.codes, begin, end
            )

    def _report_overflow(self, subscription: Subscription, proxy: WebSocketClientProxy, lost: int) -> None:
        self._lost += lost
        if not subscription.is_closed and shiboken6.isValid(proxy):
            self.reporter.emit(proxy, proxy.name, proxy.overflowed, subscription.keys[0].type, lost)

    def _wall_time(self, moment: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=self._clock() - moment)

    # --- what connections tell ---------------------------------------------------------------------

    def _on_connection_event(self, scope: Scope, event: ConnectionEvent) -> None:
        match event:
            case StateChanged(old, new):
                if old is ConnectionState.REJECTED:
                    self.outbox.post(lambda: self._notify_retried(scope))
                if new in (ConnectionState.STALE, ConnectionState.RECONNECTING, ConnectionState.IDLE):
                    self._engine.mark_stale(scope)
                self.outbox.post(lambda: self._emit_state(scope, new))
                if new is ConnectionState.REJECTED:
                    self._refuse(scope, self._state.desired(scope), self.error(scope))
            case GapDetected(_, begin, end):
                self._recovery.start(self._engine.gap(scope, begin, end, self._max_buffered_frames))
            case ErrorReported(error, times):
                self.reporter.report_scope(scope, error, times)
            case StreamsLive(keys):
                self.outbox.post(lambda: self._notify_live(keys))
            case StreamsSilent(keys, waited_s):
                self.outbox.post(lambda: self._notify_undelivered(keys, waited_s))
            case TokenRenewed():
                self.outbox.post(lambda: self.reporter.emit(None, "manager", self.token_renewed, scope))
            case RequestSent(streams):
                self._engine.streams_asked_for(scope, streams)
            case StreamsListed(listed):
                answer = self._list_answers.pop(scope, None)
                if answer is not None and not answer.done():
                    answer.set_result(listed)
            case StreamsRefused(keys, refusal, owners):
                self._refuse(scope, keys, refusal, owners)

    def _on_gap(self, buffer: BackfillBuffer) -> None:
        self._recovery.start((buffer,), _GAP_TIMEOUT_S)

    def _emit_state(self, scope: Scope, state: ConnectionState) -> None:
        self.reporter.emit(None, "manager", self.state_changed, scope, state)
        if shiboken6.isValid(self):  # a slot may have deleted it
            self.reporter.emit(None, "manager", getattr(self, f"{scope.value}_state_changed"), state)
        for proxy in self._live_proxies(scope):
            self.reporter.emit(proxy, proxy.name, proxy.connection_state_changed, scope, state)

    def _live_proxies(self, scope: Scope) -> Iterator[WebSocketClientProxy]:
        """Those that use a scope. Each is looked at when its turn comes: a slot may end others."""
        for reference in tuple(self._proxies.values()):
            proxy = reference()
            if proxy is not None and shiboken6.isValid(proxy) and proxy._uses(scope):
                yield proxy

    def _concerned(self, keys: Iterable[StreamKey]) -> dict[int, list[StreamKey]]:
        """Subscriptions and pending snapshots by the streams they hold."""
        concerned: dict[int, list[StreamKey]] = {}
        for key in keys:
            for owner in self._state.owners_of(key):
                if isinstance(owner, int):
                    concerned.setdefault(owner, []).append(key)
        return concerned

    def _notify_live(self, keys: tuple[StreamKey, ...]) -> None:
        for subscription_id, mine in self._concerned(keys).items():
            subscription = self._subscription(subscription_id)
            if subscription is not None:
                for key in mine:
                    # What another is served is no answer to a wish that was refused.
                    if subscription_id not in self._state.owners_left_out((key,)):
                        subscription._mark_live(key)

    def _notify_retried(self, scope: Scope) -> None:
        for subscription_id in self._concerned(self._state.desired(scope)):
            if (subscription := self._subscription(subscription_id)) is not None:
                subscription._mark_retried()

    def _notify_undelivered(self, keys: tuple[StreamKey, ...], waited_s: float) -> None:
        for subscription_id, mine in self._concerned(keys).items():
            error = SubscriptionError(mine[0].type, (key.code for key in mine), waited_s)
            if subscription_id in self._snapshots:
                self._snapshots[subscription_id].fail(error)
                continue
            subscription = self._subscription(subscription_id)
            if subscription is not None and subscription._mark_silent(mine, waited_s):
                proxy = subscription._proxy()
                if proxy is not None and shiboken6.isValid(proxy):
                    self.reporter.report(error, proxy.name, proxy)

    def _refuse(
        self,
        scope: Scope,
        keys: Iterable[StreamKey],
        error: QtUpbitError | None,
        owners: Collection[Hashable] | None = None,
    ) -> None:
        """Tell who waits for these streams, or only `owners`. Signals were told by the error's own report."""
        reason = error if error is not None else ServerError("REJECTED")
        keys = tuple(keys)

        def tell() -> None:
            for subscription_id, mine in self._concerned(keys).items():
                if owners is not None and subscription_id not in owners:
                    continue
                if subscription_id in self._snapshots:
                    self._snapshots[subscription_id].fail(reason)
                elif (subscription := self._subscription(subscription_id)) is not None:
                    subscription._mark_refused(mine, reason)

        self.outbox.post(tell)

    def _subscription(self, subscription_id: int) -> Subscription | None:
        reference = self._subscriptions.get(subscription_id)
        return reference() if reference is not None else None

    # --- sleep ---------------------------------------------------------------------------------------

    def _compare_clocks(self) -> None:
        """Where the monotonic clock stands still while the machine sleeps, the wall clock tells."""
        before, wall_before = self._clocks_at
        self._clocks_at = now, wall = self._clock(), self._wall_clock()
        if (wall - wall_before) - (now - before) > _SLEPT_S:
            for link in self._links.values():
                link.resumed()

    # --- metrics -----------------------------------------------------------------------------------

    def _update_metrics(self) -> None:
        self._monitor.update()
        if not self._subscriptions and all(self.state(scope) is ConnectionState.IDLE for scope in Scope):
            self._metrics_timer.stop()
            self._clocks_timer.stop()
            self._monitor.stop()
        self.reporter.emit(None, "manager", self.metrics_updated, self.metrics())


def _metrics_of(subscription: Subscription, subscriber: Subscriber) -> SubscriptionMetrics:
    return SubscriptionMetrics(
        owner=subscriber.owner,
        type=subscription.keys[0].type,
        codes=len(subscription.codes),
        delivery=subscription.delivery,
        delivered=subscriber.delivered,
        conflated=subscriber.conflated,
        overflowed=subscriber.overflowed,
        waiting=subscriber.waiting,
        slot_s=subscriber.slot_s,
        slot_max_s=subscriber.slot_max_s,
    )


def _end_waiting(
    subscriptions: dict[int, weakref.ref[Subscription]],
    snapshots: dict[int, _PendingSnapshot],
    recovery: weakref.ref[GapRecovery],
    *_: object,
) -> None:
    for reference in tuple(subscriptions.values()):
        if (subscription := reference()) is not None:
            subscription._mark_closed()
    for snapshot in tuple(snapshots.values()):
        snapshot.fail(ProxyClosedError("the manager was deleted"))
    if (mending := recovery()) is not None:
        mending.cancel()


class _PendingSnapshot:
    """Collects one event per stream for a waiting coroutine."""

    def __init__(
        self,
        proxy_id: int,
        requests: Sequence[StreamRequest],
        future: asyncio.Future[dict[StreamKey, BaseWebSocketEvent]],
    ) -> None:
        self.proxy_id = proxy_id
        self._missing = {request.key for request in requests}
        self._found: dict[StreamKey, BaseWebSocketEvent] = {}
        self.future = future

    def take(self, events: Iterable[BaseWebSocketEvent]) -> None:
        for event in events:
            key = event.stream_key
            if key in self._missing:
                self._missing.discard(key)
                self._found[key] = event
        if not self._missing and not self.future.done():
            self.future.set_result(self._found)

    def fail(self, error: QtUpbitError) -> None:
        if not self.future.done():
            self.future.set_exception(error)
