"""`Account`: orders and balances as they stand, across every gap of the private connection."""

from __future__ import annotations

import asyncio
import enum
import functools
import random
import time
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from qt_upbit.exceptions import (
    AuthenticationError,
    ConfigError,
    LocalProtocolError,
    ProxyClosedError,
    QtUpbitError,
    RestError,
)
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderChange, OrderTracker
from qt_upbit.protocol.subscription_request import resolve_spec
from qt_upbit.protocol.timing import Backoff
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.outbox import Outbox
from qt_upbit.qt.subscription import Subscription
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.records import Balance, Order
from qt_upbit.types import ConnectionState, Delivery, MyAssetEvent, MyOrderEvent, OrderState, Scope

__all__ = ["Account", "AccountRest", "AccountState"]

_ASKED_AT_ONCE = 8
_NO_LOOP_RETRY_MS = 20
_DOUBT_MS = 500
"""What frames leave in doubt is read this much later, unless other frames have settled it."""
_DOWN = frozenset((ConnectionState.CONNECTING, ConnectionState.RECONNECTING, ConnectionState.RESYNCING))
_Event = MyOrderEvent | MyAssetEvent


class AccountState(enum.StrEnum):
    """How far what an `Account` shows can be believed."""

    SYNCHRONIZING = "synchronizing"
    """The first state, or what was missed, is being read; live events wait for it."""
    SYNCHRONIZED = "synchronized"
    """Orders and balances are the exchange's own."""
    INCOMPLETE = "incomplete"
    """Something may be missing, because REST cannot be asked; `Account.error` says why."""
    CLOSED = "closed"
    """Closed for good."""


class AccountRest(Protocol):
    """What an `Account` asks of REST; `RestClient` has it."""

    async def get_accounts(self) -> Sequence[Balance]:
        """Every balance."""

    async def get_open_orders(self) -> Sequence[Order]:
        """Every open order."""

    async def get_closed_orders(self, *, start: datetime | None = None) -> Sequence[Order]:
        """Finished orders since a moment."""

    async def get_order(self, *, uuid: str | None = None) -> Order:
        """One order with its fills."""


class Account(QObject):
    """Orders and balances of the account whose keys are configured. `Account.instance()` is everybody's.

    The first state is read over REST as soon as the private stream is live; then the stream is followed.
    After a gap (reconnect, silence, overflow) what was missed is read over REST and told first, while live
    events wait::

        account = Account.instance()
        account.order_changed.connect(self.table.show_order)
        await account.synchronized_once()

    Signals:
        ``order_changed(order)``: an order is new or different.
        ``order_event(event)``: each `MyOrderEvent` once, live, missed (``is_recovered``) or of the first
        picture (``is_snapshot``).
        ``filled(fill)``: each execution once, live or missed.
        ``balance_changed(balance)``: a balance is new or different.
        ``synchronized()``: orders and balances are the exchange's own.
        ``state_changed(state)``: an `AccountState`.
        ``gap_detected(begin, end, uuids)``: between two aware datetimes something happened, or may have,
        that could not be read; `uuids` names the orders where they are known.
        ``error_occurred(error)``: one of `qt_upbit.exceptions`; once for each row of failures.

    Args:
        parent: owner; without one it lives as long as you hold it.
        manager: another manager than the application's.
        rest: what to ask instead of ``manager.rest``; it is not closed with the account.
        tracker: another one, for example to keep more finished orders.
        clock: seconds, steady.
        now: the time of day, aware.

    Raises:
        CredentialsRequiredError: no keys are configured.
    """

    order_changed = Signal(object)
    order_event = Signal(object)
    filled = Signal(object)
    balance_changed = Signal(object)
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
        self._config = self._manager.config
        self._rest = rest
        self._new_tracker = OrderTracker
        self._tracker = tracker if tracker is not None else OrderTracker()
        self._clock = clock
        self._now = now
        rng = rng if rng is not None else random.Random()  # noqa: S311  # jitter, not secrecy
        self._backoff = Backoff(self._config.backoff_initial_s, self._config.backoff_max_s, rng)
        self._state = AccountState.SYNCHRONIZING
        self._error: QtUpbitError | None = None
        self._refused = False
        self._refused_by_stream = False
        self._stream_only = False
        self._asked = False
        """The user wants everything read, and it has not begun."""
        self._dirty = True
        self._holding = True
        self._buffered: list[_Event] = []
        self._buffered_before_asking = 0
        self._assets_held: list[MyAssetEvent] = []
        """Balances while REST is asked although events are shown: its answer may be older than they."""
        self._gap_begin: datetime | None = None
        self._task: asyncio.Task[AccountSnapshot] | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._outbox = Outbox(
            "qt_upbit account outbox", self, slice_s=self._config.slice_ms / 1000, clock=clock
        )
        self._sync_timer = self._timer("qt_upbit account synchronization", self._synchronize)
        self._doubt_timer = self._timer("qt_upbit account doubt", self._look_if_in_doubt)
        self._timeout_timer = self._timer("qt_upbit account patience", self._give_up_buffering)

        self._proxy = WebSocketClientProxy("account", self, manager=self._manager)
        self._proxy.my_order_received.connect(self._on_event)
        self._proxy.my_asset_received.connect(self._on_event)
        self._proxy.gap_detected.connect(self._on_gap)
        self._proxy.overflowed.connect(self._on_overflow)
        self._proxy.connection_state_changed.connect(self._on_connection_state)
        self._proxy.error_occurred.connect(self._on_stream_error)
        self._manager.credentials_changed.connect(self._on_credentials_changed)
        self._manager.closing.connect(self.close)
        self._manager.token_renewed.connect(self._on_token_renewed)
        self._subscriptions = (
            self._proxy.subscribe_my_order(delivery=Delivery.EVERY),
            self._proxy.subscribe_my_asset(delivery=Delivery.EVERY),
        )
        self._sync_timer.start(0)

    def _timer(self, name: str, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

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
        return self._state

    @property
    def is_synchronized(self) -> bool:
        """Whether orders and balances are the exchange's own."""
        return self._state is AccountState.SYNCHRONIZED

    @property
    def error(self) -> QtUpbitError | None:
        """Why it is INCOMPLETE; None while it is well."""
        return self._error

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the object was deleted."""
        return self._state is AccountState.CLOSED or not shiboken6.isValid(self)

    async def synchronized_once(self) -> None:
        """Wait until orders and balances are the exchange's own; at once if they are. Cancelling is safe.

        Raises:
            ProxyClosedError: it was closed.
            QtUpbitError: REST refuses, or cannot be asked at all; see `error`.
        """
        self._check_usable()
        if self.is_synchronized:
            return
        if self._error is not None and (self._refused or self._stream_only):
            raise self._error.with_traceback(None)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def resync(self) -> None:
        """Read everything again, also after REST had refused."""
        self._check_usable()
        self._refused = self._stream_only = False
        self._backoff.reset()
        self._asked = True
        self._want()

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
        self._cancel()
        self._proxy.close()
        for timer in (self._sync_timer, self._timeout_timer, self._doubt_timer):
            timer.stop()
        self._buffered.clear()
        self._outbox.clear()
        self._set_state(AccountState.CLOSED)
        self._fail_waiters(ProxyClosedError("the account was closed"))

    async def aclose(self) -> None:
        """The same as `close`, for coroutines."""
        self.close()

    # --- the stream --------------------------------------------------------------------------------

    def _on_event(self, event: _Event) -> None:
        if self.is_closed:
            return
        if self._holding:
            self._buffered.append(event)
            if not self._timeout_timer.isActive():
                self._timeout_timer.start(int(self._config.recovery_timeout_s * 1000))
            return
        if self._task is not None and isinstance(event, MyAssetEvent):
            self._assets_held.append(event)
            return
        self._apply(event)

    def _apply(self, event: _Event) -> None:
        if isinstance(event, MyAssetEvent):
            for balance in self._tracker.apply_asset(event):
                self._post_signal(self.balance_changed, balance)
        elif (change := self._tracker.apply_order(event)) is not None:
            self._notify(change)
        if not self._doubt_timer.isActive() and self._tracker.is_in_doubt:
            self._doubt_timer.start(_DOUBT_MS)

    def _notify(self, change: OrderChange) -> None:
        self._post_signal(self.order_changed, change.order)
        if change.event is not None:
            self._post_signal(self.order_event, change.event)
        if change.fill is not None and change.event is not None and change.event.state is OrderState.TRADE:
            self._post_signal(self.filled, change.fill)

    def _on_gap(self, scope: Scope, _codes: object, begin: datetime, _end: datetime) -> None:
        if scope is Scope.PRIVATE:
            self._gap_begin = begin if self._gap_begin is None else min(self._gap_begin, begin)
            self._want_after_gap()

    def _on_overflow(self, _type: str, _lost: object) -> None:
        self._gap_begin = self._gap_begin or self._now()
        self._want_after_gap()

    def _on_connection_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is not Scope.PRIVATE or self.is_closed:
            return
        if state in _DOWN:
            # What the new connection brings before the gap is told must wait as well.
            if self._reads:
                self._holding = True
            if self._state is AccountState.SYNCHRONIZED:
                self._set_state(AccountState.SYNCHRONIZING)
            self._gap_begin = self._gap_begin or self._now()
            self._dirty = True
        elif state is ConnectionState.LIVE:
            if self._refused_by_stream:
                self._refused = self._refused_by_stream = False
            if self._dirty:
                self._want_after_gap()

    def _on_token_renewed(self, scope: Scope) -> None:
        """Nothing was lost, the connection says; looking is cheap."""
        if scope is Scope.PRIVATE:
            self._look()

    def _look_if_in_doubt(self) -> None:
        if self._tracker.is_in_doubt:
            self._look()

    def _look(self) -> None:
        """Compare with REST while orders are shown on; only balances wait for the answer."""
        if self._reads and not self.is_closed:
            self._dirty = True
            if self._task is None:
                self._sync_timer.start(0)

    @property
    def _reads(self) -> bool:
        """Whether REST is asked after a gap."""
        recovers = self._config.recover_gaps or not self._tracker.is_initialised
        return recovers and not self._refused and not self._stream_only

    def _want_after_gap(self) -> None:
        if self.is_closed:
            return
        if self._reads or self._asked:
            self._want()
            return
        self._dirty = False
        self._release()
        self._notify_gap(())
        self._set_state(AccountState.INCOMPLETE)

    def _on_stream_error(self, error: QtUpbitError) -> None:
        # A renewal that was refused changes nothing: the connection goes on, and REST tells for itself.
        rejected = self._manager.state(Scope.PRIVATE) is ConnectionState.REJECTED
        if isinstance(error, AuthenticationError) and rejected:
            self._refused_by_stream = True
            self._refuse(error, report=False)
        self._post(functools.partial(self.error_occurred.emit, error))

    def _on_credentials_changed(self) -> None:
        """They may be another account's: begin anew."""
        if self.is_closed:
            return
        self._cancel()
        self._assets_held.clear()
        self._config = self._manager.config
        self._tracker = self._new_tracker()
        self._buffered.clear()
        self._gap_begin = None
        self._error = None
        self.resync()

    # --- synchronizing -----------------------------------------------------------------------------

    def _want(self) -> None:
        """Read the state again, after whatever is being read now."""
        self._dirty = True
        if self._state is not AccountState.INCOMPLETE:
            self._holding = True
            self._set_state(AccountState.SYNCHRONIZING)
        if self._task is None and not self._sync_timer.isActive():
            self._sync_timer.start(0)

    def _synchronize(self) -> None:
        """Begin to read. A plain Qt callback: whoever wants it in the same turn is served by one reading."""
        if self._task is not None or not self._dirty or self.is_closed or self._refused:
            return
        if self._manager.state(Scope.PRIVATE) is not ConnectionState.LIVE:
            return  # becoming LIVE comes here again
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Qt runs, and the loop does not just now: it has still to begin, or has been left for a moment.
            self._sync_timer.start(_NO_LOOP_RETRY_MS)
            return
        rest = self._rest
        if rest is None:
            try:
                rest = self._manager.rest
            except ConfigError as exc:
                self._work_from_stream_alone(exc)
                return
        self._dirty = self._asked = False
        self._buffered_before_asking = len(self._buffered)
        reference = weakref.ref(self)
        now_ms = int(self._now().timestamp() * 1000)
        reading = _read(rest, self._tracker, self._subscriptions, now_ms, self._config.recovery_timeout_s)
        task = self._task = loop.create_task(reading, name="qt_upbit account synchronization")
        # None of these holds the account: it may die while it waits for an answer.
        connection = self.destroyed.connect(_Canceller(task))
        task.add_done_callback(functools.partial(_finished, reference, connection))

    def _on_read(self, picture: AccountSnapshot) -> None:
        now_ms = int(self._now().timestamp() * 1000)
        found = self._tracker.reconcile(picture, now_ms)
        # Balances of frames that came before REST was asked are older than its answer.
        count, self._buffered_before_asking = self._buffered_before_asking, 0
        self._buffered[:count] = [
            event for event in self._buffered[:count] if isinstance(event, MyOrderEvent)
        ]
        for change in found.changes:
            self._notify(change)
        for balance in found.balances:
            self._post_signal(self.balance_changed, balance)
        if found.lost:
            self._notify_gap(found.lost)
        if found.unresolved:
            self._on_failed(
                RestError("GET /v1/order", None, message=f"{len(found.unresolved)} without answer")
            )
            return
        self._backoff.reset()
        self._error = None
        if self._dirty:
            # Something was missed while it was read.
            self._sync_timer.start(0)
            return
        self._gap_begin = None
        self._release()
        self._set_state(AccountState.SYNCHRONIZED)
        self._post_signal(self.synchronized)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _on_failed(self, error: QtUpbitError) -> None:
        if isinstance(error, AuthenticationError | LocalProtocolError):
            self._refuse(error, report=True)
            return
        self._dirty = True
        if self._error is None:
            self._post(functools.partial(self.error_occurred.emit, error))
        self._error = error
        if self._state is AccountState.SYNCHRONIZED:
            self._set_state(AccountState.INCOMPLETE)
        if not self._timeout_timer.isActive() and self._holding:
            self._timeout_timer.start(int(self._config.recovery_timeout_s * 1000))
        self._sync_timer.start(int(self._backoff.next_delay() * 1000))

    def _refuse(self, error: QtUpbitError, *, report: bool) -> None:
        """Stop asking until keys change or the user asks."""
        self._refused = True
        if report and self._error != error:
            self._post(functools.partial(self.error_occurred.emit, error))
        self._error = error
        self._release()
        self._set_state(AccountState.INCOMPLETE)
        self._fail_waiters(error)

    def _work_from_stream_alone(self, error: ConfigError) -> None:
        self._stream_only = True
        self._dirty = False
        self._error = error
        self._post(functools.partial(self.error_occurred.emit, error))
        self._release()
        self._set_state(AccountState.INCOMPLETE)
        self._fail_waiters(error)

    def _give_up_buffering(self) -> None:
        """REST does not answer: show what the stream says, and go on asking."""
        if self._state is AccountState.SYNCHRONIZING and self._reads:
            self._notify_gap(())
            self._release()
            self._set_state(AccountState.INCOMPLETE)

    def _release(self) -> None:
        """Fold in what has waited, in order."""
        self._holding = False
        self._timeout_timer.stop()
        buffered, self._buffered = self._buffered, []
        self._buffered_before_asking = 0
        self._apply_buffered(buffered)

    def _release_assets(self) -> None:
        assets, self._assets_held = self._assets_held, []
        self._apply_buffered(assets)

    def _apply_buffered(self, events: Sequence[_Event]) -> None:
        """Fold in, in order, what REST may have told already, wholly or in part."""
        assets = [event for event in events if isinstance(event, MyAssetEvent)]
        for event in events:
            if isinstance(event, MyOrderEvent):
                self._apply(event)
        for event in self._tracker.without_known(assets):
            self._apply(event)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # --- telling -----------------------------------------------------------------------------------

    def _notify_gap(self, uuids: tuple[str, ...]) -> None:
        end = self._now()
        begin = end if self._gap_begin is None else self._gap_begin
        self._post_signal(self.gap_detected, begin, end, uuids)

    def _set_state(self, state: AccountState) -> None:
        if state is not self._state:
            self._state = state
            self._post_signal(self.state_changed, state)

    def _fail_waiters(self, error: QtUpbitError) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _post(self, tell: Callable[[], Any]) -> None:
        # Also from plain Qt callbacks: all in the order of what they tell.
        self._outbox.post(tell)

    def _post_signal(self, signal: Any, *args: Any) -> None:
        """Have one of the signals but `error_occurred` emitted, and reported what a slot raises."""
        self._post(functools.partial(self._manager.reporter.emit, self, "account", signal, *args))


async def _read(
    rest: AccountRest,
    tracker: OrderTracker,
    subscriptions: Sequence[Subscription],
    now_ms: int,
    timeout_s: float,
) -> AccountSnapshot:
    """Ask REST, once the stream is live: what happens from then on, the stream tells."""
    for subscription in subscriptions:
        await subscription
    async with asyncio.timeout(timeout_s):
        # In this order: an order that ends meanwhile is then in both lists and not in none.
        open_orders = await rest.get_open_orders()
        closed_orders = await rest.get_closed_orders(start=tracker.closed_since(now_ms))
        needed = tracker.needed(open_orders, closed_orders)
        asked: dict[str, Order | None] = {}
        for begin in range(0, len(needed), _ASKED_AT_ONCE):
            part = needed[begin : begin + _ASKED_AT_ONCE]
            asked |= zip(part, await asyncio.gather(*(_order(rest, uuid) for uuid in part)), strict=True)
        balances = await rest.get_accounts()
    return AccountSnapshot(
        open_orders=open_orders, closed_orders=closed_orders, asked=asked, balances=balances
    )


async def _order(rest: AccountRest, uuid: str) -> Order | None:
    try:
        return await rest.get_order(uuid=uuid)
    except RestError as exc:
        if exc.status == 404:
            return None
        raise


class _Canceller:
    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    def __call__(self, *_: object) -> None:
        self._task.cancel()


def _finished(reference: weakref.ref[Account], connection: Any, task: asyncio.Task[AccountSnapshot]) -> None:
    if connection and shiboken6.isValid(connection):
        QObject.disconnect(connection)
    error = None if task.cancelled() else task.exception()
    account = reference()
    if account is None or account.is_closed or account._task is not task:
        return
    account._task = None
    if task.cancelled():
        return
    if error is None:
        account._on_read(task.result())
        account._release_assets()
        return
    account._release_assets()
    if isinstance(error, TimeoutError):
        account._on_failed(RestError("the account's calls", None, message="no answer in time"))
    elif isinstance(error, QtUpbitError):
        account._on_failed(error)
    else:
        raise error
