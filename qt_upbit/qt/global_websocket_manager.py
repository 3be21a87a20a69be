"""`GlobalWebSocketManager`: owns the connections, routes what arrives, reports their health."""

from __future__ import annotations

import asyncio
import functools
import random
import time
import uuid
import warnings
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

import shiboken6
from PySide6.QtCore import Property, QObject, Qt, QTimer, Signal

from qt_upbit.config import Credentials, WebSocketConfig
from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import (
    ConfigError,
    ConnectionFailedError,
    DecodeError,
    ProxyClosedError,
    QtUpbitError,
    ServerError,
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
from qt_upbit.protocol.subscription_state_manager import StreamState, SubscriptionStateManager
from qt_upbit.protocol.suspend_detector import SuspendDetector
from qt_upbit.protocol.timing import TRANSIT_S, RollingWindowLimiter
from qt_upbit.qt.call_guard import CallGuard, check_gui_thread
from qt_upbit.qt.delivery import EventDelivery
from qt_upbit.qt.error_reporter import ErrorReporter
from qt_upbit.qt.frame_clock import FrameClock
from qt_upbit.qt.gap_recovery import GapRecovery
from qt_upbit.qt.network_watch import NetworkWatch
from qt_upbit.qt.outbox import Outbox
from qt_upbit.qt.pending_snapshot import SnapshotReader
from qt_upbit.qt.performance_monitor import PerformanceMonitor
from qt_upbit.qt.rest_clients import RestClients
from qt_upbit.qt.scope_link import ScopeLink
from qt_upbit.qt.subscription_registry import SubscriptionRegistry
from qt_upbit.qt.typed_signals import PairSignal, ValueSignal
from qt_upbit.rest.rest_client import RestClient
from qt_upbit.routing.data_routing_engine import DataRoutingEngine
from qt_upbit.routing.recovery import BackfillBuffer
from qt_upbit.types import (
    ConnectionState,
    Scope,
    StreamKey,
)

__all__ = ["GlobalWebSocketManager"]

_log: Final = logger_of("connection")
_STREAM_GAP_TIMEOUT_S: Final = 3.0
"""Shorter than after an outage: the connection is healthy and only some trades are missing."""
_LIST_TIMEOUT_S: Final = 5.0
_COMPARE_CLOCKS_MS: Final = 1000


class GlobalWebSocketManager(QObject):
    """One per application. Owns at most one connection per scope, shared by all proxies.

    Most programs never use it directly. `configure` before first use, `instance` to monitor it::

        manager = GlobalWebSocketManager.instance()
        manager.state_changed.connect(lambda scope, state: ...)
        manager.metrics_updated.connect(self.on_metrics)

    Signals:
        ``state_changed(scope, state)``; and ``public_state_changed(state)``,
        ``private_state_changed(state)``, ``info_state_changed(state)``, the notify signals of the Qt
        properties ``public_state``, ``private_state``, ``info_state``.
        ``token_renewed(scope)``: a connection with a new token took over, without loss.
        ``credentials_changed()``: by `set_credentials`; account state may now belong to another account.
        ``metrics_updated(metrics)``: every ``metrics_interval_s`` while anything is connected.
        ``error_occurred(owner, error)``: every error that was survived; owner is a proxy's name or a scope.

    Must be created and used in the GUI thread.

    For other parts of the library, each with its own interface: `guard` (checks before a call), `registry`
    (proxies and their subscriptions), `snapshots`, `outbox` (calls that wait for a plain Qt callback),
    `reporter` (errors), `shared` (one object per class and manager, such as `Account`), and the signals
    ``closing()``, at the beginning of `aclose`, ``order_not_found(id)``, when a call of `rest` ended so or a
    cancellation of several failed for this one, and ``release_requested(proxy_id, is_collected)``, which any
    thread may emit.
    """

    if TYPE_CHECKING:
        state_changed: PairSignal[Scope, ConnectionState]
        public_state_changed: ValueSignal[ConnectionState]
        private_state_changed: ValueSignal[ConnectionState]
        info_state_changed: ValueSignal[ConnectionState]
        token_renewed: ValueSignal[Scope]
        metrics_updated: ValueSignal[Metrics]
        error_occurred: PairSignal[str, QtUpbitError]
    else:
        state_changed = Signal(object, object)
        public_state_changed = Signal(object)
        private_state_changed = Signal(object)
        info_state_changed = Signal(object)
        token_renewed = Signal(object)
        metrics_updated = Signal(object)
        error_occurred = Signal(str, object)
    credentials_changed = Signal()
    closing = Signal()
    order_not_found = Signal(str)
    release_requested = Signal(object, bool)

    _instance: ClassVar[GlobalWebSocketManager | None] = None
    _configured: ClassVar[WebSocketConfig | None] = None

    # --- the application's manager -----------------------------------------------------------------

    @classmethod
    def configure(cls, config: WebSocketConfig) -> None:
        """Set the configuration of the application's manager, before its first use.

        Raises:
            ConfigError: the manager is already in use.
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
        """The application's manager, created on first use from `configure` or the environment."""
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
        clock: Callable[[], float] = time.perf_counter,
        wall_clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        new_ticket: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        check_gui_thread()
        super().__init__(parent)
        self.setObjectName("qt_upbit manager")
        self.config = config if config is not None else WebSocketConfig.from_env()
        self._clock = clock
        self._wall_clock = wall_clock
        self._closed = False
        self._rest_clients = RestClients(
            lambda key: self.outbox.post(lambda: self._emit(self.order_not_found, key))
        )
        self._list_answers: dict[Scope, asyncio.Future[frozenset[StreamKey]]] = {}
        self.shared: dict[type[QObject], QObject] = {}
        self.guard = CallGuard(self, lambda: self.is_usable, lambda: self.config.credentials is not None)
        self.outbox = Outbox("qt_upbit outbox", self)
        self.reporter = ErrorReporter(self, self.outbox, clock, lambda scope: self.registry.owners_of(scope))

        self._state = SubscriptionStateManager()
        self._frames = FrameClock(
            lambda subscriber, items: self._delivery.deliver(subscriber, items),
            self.config.frame_rate_hz, self.config.slice_ms / 1000, clock, self,
        )  # fmt: skip
        recovers = self.config.recover_gaps and RestClient.is_available()
        self._max_buffered_frames = self.config.high_water_mark if recovers else 0
        self._engine = DataRoutingEngine(self._frames.hub, self._max_buffered_frames, self._on_gap_in_stream)
        self._recovery = GapRecovery(
            self._engine,
            lambda: self.rest,
            self.config.recovery_timeout_s,
            self.config.recovery_max_calls,
            clock,
            lambda error: self.reporter.report_scope(Scope.PUBLIC, error, area="recovery"),
            self.config.live_wait_s,
        )
        limiter = RollingWindowLimiter(((self.config.connects_per_second, 1.0),), transit_s=TRANSIT_S)
        rng = rng if rng is not None else random.Random()  # noqa: S311  # jitter, not secrecy
        jwt = self._new_jwt_manager()
        self._links: dict[Scope, ScopeLink] = {}
        # Keys can change; components that store the configuration get one without keys.
        keyless = self.config.model_copy(update={"credentials": None})
        for scope in Scope:
            connection = UpbitConnection(scope, keyless, self._state, limiter, rng, new_ticket)
            self._links[scope] = ScopeLink(
                scope, keyless, connection, self._engine, jwt if scope.needs_auth else None,
                self._on_connection_event, self._on_unreadable, clock, self,
            )  # fmt: skip
        self._monitor = PerformanceMonitor(
            self._links, self._frames.hub, clock, wall_clock, self, self._engine.live_at
        )
        self.registry = SubscriptionRegistry(
            self._state,
            self._engine,
            self._frames.hub,
            self.config.high_water_mark,
            self._on_requests_changed,
            self._monitor.forget,
        )
        self.snapshots = SnapshotReader(
            self.registry, self._engine, lambda scope: self.state(scope) is ConnectionState.LIVE, self.error
        )
        self._delivery = EventDelivery(
            self.registry, self.snapshots, self.reporter, self._monitor, clock,
            self._on_unreadable, self._on_readable, self.config.slow_slot_ms,
        )  # fmt: skip
        # A manager should be closed, not deleted; if it is deleted anyway, no coroutine may wait forever.
        self.destroyed.connect(
            functools.partial(_end_waiting, self.registry.closer(), weakref.ref(self._recovery))
        )
        # Queued: the garbage collector runs anywhere, even in the middle of a change by another proxy.
        self.release_requested.connect(self._on_release_requested, Qt.ConnectionType.QueuedConnection)
        self._changed: set[Scope] = set()
        self._changed_timer = self._timer("qt_upbit requests", self._notify_links, single_shot=True)
        self._metrics_timer = self._timer("qt_upbit metrics", self._update_metrics, single_shot=False)
        self._metrics_timer.setInterval(int(self.config.metrics_interval_s * 1000))
        self._network_watch = NetworkWatch(self)
        self._network_watch.network_returned.connect(self._on_network_returned)
        self._suspend = SuspendDetector(clock(), wall_clock())
        self._suspend_timer = self._timer("qt_upbit clocks", self._look_for_suspend, single_shot=False)
        self._suspend_timer.setInterval(_COMPARE_CLOCKS_MS)

    def _on_release_requested(self, proxy_id: int, is_collected: bool) -> None:
        name, count = self.registry.name_of(proxy_id), self.registry.subscriptions_of(proxy_id)
        self.registry.remove_owner(proxy_id)
        if is_collected and count:
            warnings.warn(
                f"the proxy {name!r} was collected with {count} open subscription{'s' if count > 1 else ''}, "
                "which end with it: give it parent=, keep a reference to it, or close() it",
                ResourceWarning,
                stacklevel=1,
            )

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

    # --- monitoring --------------------------------------------------------------------------------

    @property
    def is_usable(self) -> bool:
        """Whether it is neither closed nor deleted."""
        return shiboken6.isValid(self) and not self._closed

    def state(self, scope: Scope) -> ConnectionState:
        """Health of a scope."""
        return self._links[scope].connection.state

    def error(self, scope: Scope) -> QtUpbitError | None:
        """Why a scope is RECONNECTING or REJECTED; None otherwise."""
        return self._links[scope].connection.error

    def _public_state(self) -> ConnectionState:
        return self.state(Scope.PUBLIC)

    def _private_state(self) -> ConnectionState:
        return self.state(Scope.PRIVATE)

    def _info_state(self) -> ConnectionState:
        return self.state(Scope.INFO)

    if TYPE_CHECKING:
        # A checker knows nothing of what a Qt property holds.
        @property
        def public_state(self) -> ConnectionState:
            """Health of the public scope."""

        @property
        def private_state(self) -> ConnectionState:
            """Health of the private scope."""

        @property
        def info_state(self) -> ConnectionState:
            """Health of the info scope."""
    else:
        public_state = Property(object, _public_state, notify=public_state_changed)
        private_state = Property(object, _private_state, notify=private_state_changed)
        info_state = Property(object, _info_state, notify=info_state_changed)

    def metrics(self) -> Metrics:
        """Current metrics; rates are those of the last metrics interval."""
        self.guard.check_thread()
        return Metrics(
            scopes={scope: self._scope_metrics(scope) for scope in Scope},
            proxies=self.registry.owner_count,
            subscriptions=self.registry.subscription_count,
            events_delivered=self._monitor.delivered,
            events_conflated=self._monitor.conflated,
            events_lost=self._delivery.events_lost,
            errors=self.reporter.total,
            odd_fields=self.reporter.odd_fields,
            latency=self._monitor.latency,
            loop_lag=self._monitor.loop_lag,
            slices=self._frames.slices,
        )

    def _scope_metrics(self, scope: Scope) -> ScopeMetrics:
        return self._monitor.scope_metrics(
            scope, streams=len(self._state.desired(scope)), errors=self.reporter.count(scope)
        )

    def subscription_metrics(self) -> tuple[SubscriptionMetrics, ...]:
        """What each open subscription received and cost, oldest first."""
        self.guard.check_thread()
        return tuple(self._monitor.subscription_metrics(self.registry.records()))

    def streams(self, scope: Scope) -> dict[StreamKey, StreamState]:
        """Every requested stream of a scope and its state."""
        self.guard.check_thread()
        return {key: state for key in self._state.desired(scope) if (state := self._state.state_of(key))}

    async def list_subscriptions(self, scope: Scope = Scope.PUBLIC) -> frozenset[StreamKey]:
        """The streams that Upbit says it sends on a scope's connection (protocol section 2.6).

        To compare with `streams`, the requested ones; the library compares the two itself, every
        ``audit_interval_s``. It costs one message of Upbit's rate limit; concurrent callers share the answer.

        Raises:
            ConnectionFailedError: there is no connection, or Upbit did not answer in time.
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
        """REST client with the same URLs and keys; created on first use, closed with the manager.

        `set_credentials` replaces it: read this property each time rather than storing the client.

        Raises:
            ConfigError: the extra ``rest`` is not installed.
        """
        self.guard.check_usable()
        return self._rest_clients.client_for(self.config)

    def reconnect(self, scope: Scope = Scope.PUBLIC) -> None:
        """Reconnect at once: also the way out of REJECTED once the cause is fixed."""
        self.guard.check_usable()
        self._links[scope].retry()

    def renew(self, scope: Scope = Scope.PRIVATE) -> bool:
        """Replace a scope's connection by one with a new token, without interruption; whether it was started.

        Happens automatically at 80 % of ``token_lifetime_s``. False while the scope is not LIVE, and for
        PUBLIC, which has no token.
        """
        self.guard.check_usable()
        return self._links[scope].renew()

    def set_credentials(self, credentials: Credentials) -> None:
        """Use other keys from now on: private and info scopes reconnect with them.

        Also the way out of REJECTED, and to sign in after startup. Subscriptions stay.
        """
        self.guard.check_usable()
        if not isinstance(credentials, Credentials):
            raise ConfigError(f"set_credentials() takes Credentials, not {type(credentials).__name__}")
        self.config = self.config.model_copy(update={"credentials": credentials})
        self._rest_clients.retire()
        jwt = self._new_jwt_manager()
        for scope, link in self._links.items():
            if scope.needs_auth:
                link.set_jwt(jwt)
        self.outbox.post(lambda: self._emit(self.credentials_changed))

    async def aclose(self) -> None:
        """Close every connection and stop delivering. Idempotent."""
        if self._closed:
            return
        self.guard.check_thread()
        self._closed = True
        self.closing.emit()
        self._monitor.stop()
        for timer in (self._changed_timer, self._metrics_timer, self._suspend_timer):
            timer.stop()
        self._frames.stop()
        for answer in self._list_answers.values():
            answer.cancel()
        self.registry.close()
        try:
            await self._recovery.aclose()
            links = self._links.values()
            await asyncio.gather(*(link.aclose() for link in links), self._rest_clients.aclose())
            await self.outbox.drain()
        finally:
            self.outbox.clear()

    # --- the desired set ---------------------------------------------------------------------------

    def _on_requests_changed(self, scopes: Iterable[Scope]) -> None:
        self._changed.update(scopes)
        if self._changed and self.is_usable and not self._changed_timer.isActive():
            # All changes within one loop iteration become one.
            self._changed_timer.start(0)

    def _notify_links(self) -> None:
        scopes, self._changed = self._changed, set()
        for scope in scopes:
            self._links[scope].subscriptions_changed()
            if self.state(scope) is ConnectionState.REJECTED:
                # Nothing will be sent, and subscribers added since would get no state change.
                self._refuse_all(scope)
        if not self._metrics_timer.isActive():
            self._metrics_timer.start()
            self._monitor.start()
            self._suspend.restart(self._clock(), self._wall_clock())
            self._suspend_timer.start()
            if not self.config.is_loopback:
                self._network_watch.begin()

    # --- connection events -------------------------------------------------------------------------

    def _on_connection_event(self, scope: Scope, event: ConnectionEvent) -> None:
        match event:
            case StateChanged(old, new):
                error = self.error(scope)
                why = f" ({error})" if error is not None else ""
                _log.info("%s: %s, was %s%s", scope.value, new.name, old.name, why)
                if old is ConnectionState.REJECTED:
                    self.outbox.post(lambda: self.registry.mark_retried(scope))
                if new in (ConnectionState.STALE, ConnectionState.RECONNECTING, ConnectionState.IDLE):
                    self._engine.mark_stale(scope, is_over=new is ConnectionState.IDLE)
                self.outbox.post(lambda: self._emit_state(scope, new))
                if new is ConnectionState.REJECTED:
                    self._refuse_all(scope)
            case GapDetected(_, begin, end, first):
                offset = self._wall_clock() - self._clock()
                self._recovery.start(
                    self._engine.gap(scope, begin, end, self._max_buffered_frames, offset, first)
                )
            case ErrorReported(error, times):
                self.reporter.report_scope(scope, error, times)
            case StreamsLive(keys):
                self.outbox.post(lambda: self.registry.mark_live(keys))
            case StreamsSilent(keys, waited_s):
                self.outbox.post(lambda: self.registry.mark_silent(keys, waited_s))
            case TokenRenewed():
                _log.info("%s: a connection with a new token took over", scope.value)
                self.outbox.post(lambda: self._emit(self.token_renewed, scope))
            case RequestSent(streams):
                self._engine.streams_asked_for(scope, streams)
            case StreamsListed(listed):
                answer = self._list_answers.pop(scope, None)
                if answer is not None and not answer.done():
                    answer.set_result(listed)
            case StreamsRefused(keys, refusal, owners):
                self.outbox.post(lambda: self.registry.mark_refused(keys, refusal, owners))

    def _on_unreadable(self, scope: Scope, error: DecodeError) -> None:
        self.reporter.report_scope(scope, error)
        self._delivery.doubted.add(scope)
        self._links[scope].content_read(False)

    def _on_readable(self, scope: Scope) -> None:
        self._links[scope].content_read(True)

    def _refuse_all(self, scope: Scope) -> None:
        """Notify the subscribers that wait for a scope that is REJECTED."""
        keys, error = tuple(self._state.desired(scope)), self.error(scope)
        refusal = error if error is not None else ServerError("REJECTED")
        self.outbox.post(lambda: self.registry.mark_refused(keys, refusal))

    def _on_gap_in_stream(self, buffer: BackfillBuffer) -> None:
        self._recovery.start((buffer,), _STREAM_GAP_TIMEOUT_S)

    def _emit_state(self, scope: Scope, state: ConnectionState) -> None:
        self._emit(self.state_changed, scope, state)
        if shiboken6.isValid(self):  # a slot may have deleted it
            self._emit(getattr(self, f"{scope.value}_state_changed"), state)
        for proxy in self.registry.owners_of(scope):
            self.reporter.emit(proxy, proxy.name, proxy.connection_state_changed, scope, state)

    def _emit(self, signal: Any, *args: Any) -> None:
        self.reporter.emit(None, "manager", signal, *args)

    # --- timers ------------------------------------------------------------------------------------

    def _look_for_suspend(self) -> None:
        if self._suspend.has_slept(self._clock(), self._wall_clock()):
            for link in self._links.values():
                link.resumed()

    def _on_network_returned(self) -> None:
        if self.is_usable:
            for link in self._links.values():
                link.network_returned()

    def _update_metrics(self) -> None:
        self._monitor.update()
        is_idle = all(self.state(scope) is ConnectionState.IDLE for scope in Scope)
        if is_idle and not self.registry.subscription_count:
            self._metrics_timer.stop()
            self._suspend_timer.stop()
            self._monitor.stop()
        self._emit(self.metrics_updated, self.metrics())


def _end_waiting(
    close_requesters: Callable[[], None], recovery: weakref.ref[GapRecovery], *_: object
) -> None:
    close_requesters()
    if (running := recovery()) is not None:
        running.cancel()
