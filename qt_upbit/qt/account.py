"""`Account`: orders and balances as they stand, across every gap of the private connection."""

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

from qt_upbit.exceptions import ProxyClosedError, QtUpbitError, ServerError
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
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.records import Balance, Order
from qt_upbit.rest.account_reader import AccountRest
from qt_upbit.types import ConnectionState, Delivery, MyAssetEvent, MyOrderEvent, Scope

__all__ = ["Account", "AccountRest", "AccountState"]

_DOWN: Final = frozenset(
    (ConnectionState.CONNECTING, ConnectionState.RECONNECTING, ConnectionState.RESYNCING)
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Account(QObject):
    """Orders and balances of the account whose keys are configured. `Account.instance()` is everybody's.

    The first state is read over REST as soon as the private stream is live; then the stream is followed.
    After a gap (reconnect, silence, overflow) what was missed is read over REST and reported first, while
    live events wait::

        account = Account.instance()
        account.order_changed.connect(self.table.show_order)
        await account.synchronized_once()

    Signals:
        ``order_changed(order)``: an order is new or different.
        ``order_event(event)``: each `MyOrderEvent` once, live, missed (``is_recovered``) or of the first
        snapshot (``is_snapshot``).
        ``filled(fill)``: each execution once, live or missed.
        ``balance_changed(balance)``: a balance is new or different.
        ``cleared(orders, balances)``: other credentials: what was known is forgotten, and these orders and
        balances, two tuples, are not the account's any more. What follows is the other account's.
        ``synchronized()``: orders and balances are the exchange's own.
        ``state_changed(state)``: an `AccountState`.
        ``gap_detected(begin, end, uuids)``: between two aware datetimes something happened, or may have,
        that could not be read; `uuids` names the orders where they are known.
        ``error_occurred(error)``: one of `qt_upbit.exceptions`; once for each row of failures.

    Args:
        parent: owner; without one it lives as long as you hold it.
        manager: another manager than the application's.
        rest: what to ask instead of ``manager.rest``; it is not closed with the account.
        tracker: another one, for example to keep more finished orders; it is used for every account.
        clock: seconds, steady.
        now: the time of day, aware.
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
        """The one of a manager, made when first asked for and closed with the manager."""
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
        clock: Callable[[], float] = time.monotonic,
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
        self._manager.closing.connect(self.close)
        self._proxy, self._subscriptions = self._subscribe()
        self._on_connection_state(Scope.PRIVATE, self._manager.state(Scope.PRIVATE))

    # --- what is known -----------------------------------------------------------------------------

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager whose connection it follows."""
        return self._manager

    @property
    def orders(self) -> tuple[Order, ...]:
        """The open orders and the newest finished ones, oldest first."""
        self._manager.guard.check_thread()
        return self._tracker.orders

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """Those that can still be filled or cancelled, oldest first."""
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
        """By currency."""
        self._manager.guard.check_thread()
        return self._tracker.balances

    def balance(self, currency: str) -> Balance | None:
        """Of one currency; None if nothing is known of it."""
        self._manager.guard.check_thread()
        return self._tracker.balances.get(currency)

    @property
    def state(self) -> AccountState:
        """How far this can be believed."""
        return self._sync.state.shown

    @property
    def is_synchronized(self) -> bool:
        """Whether orders and balances are the exchange's own."""
        return self.state is AccountState.SYNCHRONIZED

    @property
    def error(self) -> QtUpbitError | None:
        """Why it is INCOMPLETE; None while it is well."""
        return self._sync.error

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the object was deleted."""
        return self.state is AccountState.CLOSED or not shiboken6.isValid(self)

    async def synchronized_once(self) -> None:
        """Wait until orders and balances are the exchange's own; at once if they are. Cancelling is safe.

        Raises:
            ProxyClosedError: it was closed.
            QtUpbitError: REST refuses, or cannot be asked at all; see `error`.
        """
        self._check_usable()
        if self.is_synchronized:
            return
        if self._sync.is_refused and self._sync.error is not None:
            raise self._sync.error.with_traceback(None)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def resync(self) -> None:
        """Read everything again, also after REST had refused."""
        self._check_usable()
        self._sync.resync(self._moment())
        self._carry_out()

    def _check_usable(self) -> None:
        if self.is_closed:
            raise ProxyClosedError("the account is closed: make a new one")
        self._manager.guard.check_thread()

    # --- the end -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Follow nothing any more; what is known stays readable. Idempotent."""
        if self.is_closed:
            return
        self._manager.guard.check_thread()
        self._proxy.close()
        self._outbox.clear()
        self._sync.close()
        self._carry_out()
        self._fail_waiters(ProxyClosedError("the account was closed"))

    async def aclose(self) -> None:
        """The same as `close`, for coroutines."""
        self.close()

    # --- what happened -----------------------------------------------------------------------------

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
        """Nothing was lost, the connection says; looking is cheap."""
        if scope is Scope.PRIVATE and not self.is_closed:
            self._sync.check()
            self._carry_out()

    def _on_credentials_changed(self) -> None:
        if self.is_closed:
            return
        # Frames of the account before may still wait to be delivered: they go with its subscriptions.
        before = self._proxy
        self._proxy, self._subscriptions = self._subscribe()
        before.close()
        before.deleteLater()
        self._sync.credentials_changed()
        self._carry_out()

    def _on_stream_error(self, error: QtUpbitError) -> None:
        self._outbox.post(functools.partial(self.error_occurred.emit, error))

    def _tick(self) -> None:
        if not self.is_closed:
            self._sync.tick(self._moment())
            self._carry_out()

    def _moment(self) -> Moment:
        return Moment(self._clock(), (self._now() - _EPOCH) // timedelta(milliseconds=1))

    # --- what is to be done ------------------------------------------------------------------------

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

    # --- what is reported --------------------------------------------------------------------------

    def _report(self, event: AccountSyncEvent) -> None:
        # Signals are never emitted inside a task step, and all in the order in which it happened.
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
                self._outbox.post(functools.partial(self.error_occurred.emit, error))
            case AccountStateChanged(state):
                self._post(self.state_changed, state)
            case Synchronized():
                self._post(self.synchronized)
                for waiter in self._waiters:
                    if not waiter.done():
                        waiter.set_result(None)

    def _post(self, signal: Any, *args: Any) -> None:
        """Have one of the signals but `error_occurred` emitted, and reported what a slot raises."""
        self._outbox.post(functools.partial(self._manager.reporter.emit, self, "account", signal, *args))

    def _fail_waiters(self, error: QtUpbitError) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)


def _datetime(epoch_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=epoch_ms)
