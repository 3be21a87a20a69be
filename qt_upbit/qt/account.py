"""`Account`: current orders and balances, across every gap of the private connection."""

from __future__ import annotations

import asyncio
import functools
import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import DecodeError, ProxyClosedError, QtUpbitError, ServerError
from qt_upbit.protocol.account_outputs import (
    AccountReset,
    AccountState,
    AccountStateChanged,
    AccountSyncEvent,
    BalanceChanged,
    CancelRead,
    FillReported,
    GapReported,
    OrderChanged,
    OrderEventReported,
    ReadFailed,
    ReadRest,
    Synchronized,
)
from qt_upbit.protocol.account_sync import (
    AccountSync,
    Moment,
)
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderTracker
from qt_upbit.protocol.subscription_request import resolve_spec
from qt_upbit.qt.account_reading import AccountReading
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.outbox import Outbox
from qt_upbit.qt.subscription import Subscription
from qt_upbit.qt.waiting import check_timeout, limited
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.records import Balance, Order
from qt_upbit.rest.account_reader import AccountRest
from qt_upbit.types import ConnectionState, Delivery, MyAssetEvent, MyOrderEvent, Scope

__all__ = ["Account", "AccountRest", "AccountState"]

_log: Final = logger_of("account")
_DOWN: Final = frozenset(
    (ConnectionState.CONNECTING, ConnectionState.RECONNECTING, ConnectionState.RESYNCING)
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Account(QObject):
    """Orders and balances of the account whose keys are configured. `Account.instance()` is the shared one.

    The first state is read over REST as soon as the private stream is live, then updated from the stream.
    After a gap (reconnect, stale stream, overflow) missed changes are read over REST and reported first; live
    events are buffered meanwhile. Frames can be lost without a gap: what contradicts itself then is looked up
    within seconds, and every ``account_audit_interval_s`` everything is compared with REST::

        account = Account.instance()
        account.order_changed.connect(self.table.show_order)
        await account.synchronized_once()

    Signals:
        ``order_changed(order)``: an order is new or different.
        ``order_event(event)``: each `MyOrderEvent` once, live, missed (``is_recovered``) or of the first
        snapshot (``is_snapshot``).
        ``filled(fill)``: each execution once, live or missed.
        ``balance_changed(balance)``: a balance is new or different.
        ``cleared(orders, balances)``: the credentials changed: these orders and balances, two tuples, were
        dropped. What follows belongs to the other account.
        ``synchronized()``: orders and balances match the exchange's.
        ``state_changed(state)``: an `AccountState`.
        ``gap_detected(begin, end, uuids)``: between two aware datetimes there were, or may have been, changes
        that could not be read; `uuids` names the orders if known.
        ``error_occurred(error)``: one of `qt_upbit.exceptions`; once per series of failures.

    Args:
        parent: owner; without one it lives as long as you hold a reference.
        manager: instead of the application's manager.
        rest: instead of ``manager.rest``; it is not closed with the account.
        tracker: instead of the default one, for example with more finished orders; reused after a change of
            credentials.
        clock: seconds, monotonic.
        now: the wall clock, aware.
        rng: jitter of retries.

    Raises:
        CredentialsRequiredError: no keys are configured.
    """

    order_changed = Signal(object)
    order_event = Signal(object)
    filled = Signal(object)
    balance_changed = Signal(object)
    cleared = Signal(object, object)
    synchronized = Signal()
    state_changed = Signal(object)
    gap_detected = Signal(object, object, object)
    error_occurred = Signal(object)

    @classmethod
    def instance(cls, manager: GlobalWebSocketManager | None = None) -> Account:
        """The shared account of a manager, created on first use and closed with the manager."""
        manager = manager if manager is not None else GlobalWebSocketManager.instance()
        manager.guard.check_thread()
        account = manager.shared.get(cls)
        if not isinstance(account, cls) or account.is_closed:
            account = manager.shared[cls] = cls(manager, manager=manager)
        return account

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        manager: GlobalWebSocketManager | None = None,
        rest: AccountRest | None = None,
        tracker: OrderTracker | None = None,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self._manager = manager if manager is not None else GlobalWebSocketManager.instance()
        self._manager.guard.check_usable()
        self._manager.guard.check_credentials(resolve_spec("my_order"))
        super().__init__(parent)
        self.setObjectName("qt_upbit account")
        config = self._manager.config
        self._tracker = tracker if tracker is not None else OrderTracker()
        self._clock = clock
        self._now = now
        rng = rng if rng is not None else random.Random()  # noqa: S311  # jitter, not secrecy
        self._sync = AccountSync(config, self._tracker, rng)
        self._waiters: set[asyncio.Future[None]] = set()
        self._outbox = Outbox("qt_upbit account outbox", self, slice_s=config.slice_ms / 1000, clock=clock)
        self._deadline = QTimer(self)
        self._deadline.setObjectName("qt_upbit account deadline")
        self._deadline.setSingleShot(True)
        self._deadline.timeout.connect(self._tick)
        self._reading = AccountReading(self, self._manager, rest, self._tracker.needed)
        self._reading.answered.connect(self._on_answered)
        self._reading.failed.connect(self._on_failed)
        self._reading.missing.connect(self._on_rest_missing)
        self._reading.stopped.connect(self._on_stopped)
        self._manager.state_changed.connect(self._on_connection_state)
        self._manager.token_renewed.connect(self._on_token_renewed)
        self._manager.credentials_changed.connect(self._on_credentials_changed)
        self._manager.order_not_found.connect(self._on_order_not_found)
        self._manager.closing.connect(self.close)
        self._proxy, self._subscriptions = self._subscribe()
        self._on_connection_state(Scope.PRIVATE, self._manager.state(Scope.PRIVATE))

    # --- state -------------------------------------------------------------------------------------

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager whose connection it uses."""
        return self._manager

    @property
    def orders(self) -> tuple[Order, ...]:
        """The open orders and the newest finished ones, oldest first."""
        self._manager.guard.check_thread()
        return self._tracker.orders

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """Orders that can still be filled or cancelled, oldest first."""
        self._manager.guard.check_thread()
        return self._tracker.open_orders

    def order(self, uuid: str) -> Order | None:
        """An order by Upbit's id; None if it is not known."""
        self._manager.guard.check_thread()
        return self._tracker.order(uuid)

    def order_by_identifier(self, identifier: str) -> Order | None:
        """An order by the client's own id; None if it is not known."""
        self._manager.guard.check_thread()
        return self._tracker.order_by_identifier(identifier)

    @property
    def balances(self) -> dict[str, Balance]:
        """Balances by currency."""
        self._manager.guard.check_thread()
        return self._tracker.balances

    def balance(self, currency: str) -> Balance | None:
        """Balance of one currency; None if unknown."""
        self._manager.guard.check_thread()
        return self._tracker.balances.get(currency)

    @property
    def state(self) -> AccountState:
        """Whether orders and balances are complete; see `AccountState`."""
        return self._sync.state.shown

    @property
    def is_synchronized(self) -> bool:
        """Whether orders and balances match the exchange's."""
        return self.state is AccountState.SYNCHRONIZED

    @property
    def error(self) -> QtUpbitError | None:
        """Why it is INCOMPLETE; None otherwise."""
        return self._sync.error

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the object was deleted."""
        return self.state is AccountState.CLOSED or not shiboken6.isValid(self)

    async def synchronized_once(self, timeout: float | None = None) -> None:
        """Wait until orders and balances match the exchange's, if they do not yet. Cancelling is safe.

        Args:
            timeout: seconds; None for no limit.

        Raises:
            ProxyClosedError: it was closed.
            WaitTimeoutError: it took longer than `timeout`; says why, if that is known.
            QtUpbitError: REST refused, or is not available; see `error`.
        """
        self._check_usable()
        check_timeout(timeout)
        if self.is_synchronized:
            return
        if self._sync.is_refused and self._sync.error is not None:
            raise self._sync.error.with_traceback(None)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with limited(timeout, lambda: "the state of the account", self._last_error):
                await waiter
        finally:
            self._waiters.discard(waiter)

    def _last_error(self) -> QtUpbitError | None:
        return self._sync.error or self._manager.error(Scope.PRIVATE)

    def resync(self) -> None:
        """Read everything again, even if REST refused before."""
        self._check_usable()
        self._sync.resync(self._moment())
        self._carry_out()

    def _check_usable(self) -> None:
        if self.is_closed:
            raise ProxyClosedError("the account is closed: make a new one")
        self._manager.guard.check_thread()

    # --- closing -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop updating; the last state stays readable. Idempotent."""
        if self.is_closed:
            return
        self._manager.guard.check_thread()
        self._proxy.close()
        self._outbox.clear()
        self._sync.close()
        self._carry_out()
        self._fail_waiters(ProxyClosedError("the account was closed"))

    async def aclose(self) -> None:
        """Same as `close`, for coroutines."""
        self.close()

    # --- inputs ------------------------------------------------------------------------------------

    def _subscribe(self) -> tuple[WebSocketClientProxy, tuple[Subscription, ...]]:
        proxy = WebSocketClientProxy("account", self, manager=self._manager)
        proxy.my_order_received.connect(self._on_event)
        proxy.my_asset_received.connect(self._on_event)
        proxy.gap_detected.connect(self._on_gap)
        proxy.overflowed.connect(self._on_overflow)
        proxy.error_occurred.connect(self._on_stream_error)
        return proxy, (
            proxy.subscribe_my_order(delivery=Delivery.EVERY),
            proxy.subscribe_my_asset(delivery=Delivery.EVERY),
        )

    def _on_event(self, event: MyOrderEvent | MyAssetEvent) -> None:
        if not self.is_closed:
            self._sync.event_received(event, self._moment())
            self._carry_out()

    def _on_gap(self, _scope: Scope, _codes: object, begin: datetime, _end: datetime) -> None:
        if not self.is_closed:
            self._sync.gap_reported((begin - _EPOCH) // timedelta(milliseconds=1), self._moment())
            self._carry_out()

    def _on_overflow(self, _type: str, _lost: object) -> None:
        if not self.is_closed:
            self._sync.events_lost(self._moment())
            self._carry_out()

    def _on_connection_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is not Scope.PRIVATE or self.is_closed:
            return
        now = self._moment()
        if state in _DOWN:
            self._sync.stream_lost(now)
        elif state is ConnectionState.LIVE:
            self._sync.stream_live(now)
        elif state is ConnectionState.REJECTED:
            reason = self._manager.error(Scope.PRIVATE) or ServerError("REJECTED")
            self._sync.stream_refused(reason, now)
        self._carry_out()

    def _on_token_renewed(self, scope: Scope) -> None:
        """The connection reports no loss; verifying is cheap."""
        if scope is Scope.PRIVATE and not self.is_closed:
            self._sync.check()
            self._carry_out()

    def _on_credentials_changed(self) -> None:
        if self.is_closed:
            return
        # Frames of the previous account may still be buffered: they are dropped with its subscriptions.
        before = self._proxy
        self._proxy, self._subscriptions = self._subscribe()
        before.close()
        before.deleteLater()
        self._sync.credentials_changed()
        self._carry_out()

    def _on_order_not_found(self, key: str) -> None:
        """A call of REST contradicts an order that is shown as open."""
        if not self.is_closed:
            self._sync.order_not_found(key, self._moment())
            self._carry_out()

    def _on_stream_error(self, error: QtUpbitError) -> None:
        if isinstance(error, DecodeError) and not self.is_closed:
            self._sync.frame_unreadable(self._moment())
            self._carry_out()
        self._outbox.post(functools.partial(self.error_occurred.emit, error))

    def _tick(self) -> None:
        if not self.is_closed:
            self._sync.tick(self._moment())
            self._carry_out()

    def _moment(self) -> Moment:
        return Moment(self._clock(), (self._now() - _EPOCH) // timedelta(milliseconds=1))

    # --- actions -----------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        for event in self._sync.take_events():
            self._report(event)
        for action in self._sync.take_actions():
            match action:
                case ReadRest():
                    self._reading.begin(action, self._subscriptions)
                case CancelRead():
                    self._reading.cancel()
        if self._sync.is_refused and self._sync.error is not None:
            self._fail_waiters(self._sync.error)
        due = self._sync.next_deadline()
        if due is None:
            self._deadline.stop()
        else:
            self._deadline.start(math.ceil(max(due - self._clock(), 0.0) * 1000))

    def _on_answered(self, read_id: int, snapshot: AccountSnapshot) -> None:
        self._sync.read_answered(read_id, snapshot, self._moment())
        self._carry_out()

    def _on_failed(self, read_id: int, error: QtUpbitError) -> None:
        self._sync.read_failed(read_id, error, self._moment())
        self._carry_out()

    def _on_rest_missing(self, read_id: int, error: QtUpbitError) -> None:
        self._sync.rest_missing(read_id, error, self._moment())
        self._carry_out()

    def _on_stopped(self, read_id: int) -> None:
        self._sync.read_cancelled(read_id, self._moment())
        self._carry_out()

    # --- outputs -----------------------------------------------------------------------------------

    def _report(self, event: AccountSyncEvent) -> None:
        # Signals are never emitted inside a task step, and always in the order of the changes.
        match event:
            case OrderChanged(order):
                self._post(self.order_changed, order)
            case OrderEventReported(what):
                self._post(self.order_event, what)
            case FillReported(fill):
                self._post(self.filled, fill)
            case BalanceChanged(balance):
                self._post(self.balance_changed, balance)
            case AccountReset(orders, balances):
                self._post(self.cleared, orders, balances)
            case GapReported(begin_ms, end_ms, uuids):
                self._post(self.gap_detected, _datetime(begin_ms), _datetime(end_ms), uuids)
            case ReadFailed(error):
                self._outbox.post(functools.partial(self._report_failure, error))
            case AccountStateChanged(state):
                _log.info("%s", state.value)
                self._post(self.state_changed, state)
            case Synchronized():
                self._post(self.synchronized)
                for waiter in self._waiters:
                    if not waiter.done():
                        waiter.set_result(None)

    def _post(self, signal: Any, *args: Any) -> None:
        """Queue a signal other than `error_occurred`; what a slot raises is reported."""
        self._outbox.post(functools.partial(self._manager.reporter.emit, self, "account", signal, *args))

    def _report_failure(self, error: QtUpbitError) -> None:
        self._manager.reporter.log(error, "account", self, area="account")
        self.error_occurred.emit(error)

    def _fail_waiters(self, error: QtUpbitError) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)


def _datetime(epoch_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=epoch_ms)
