"""`WebSocketClientProxy`: a component's access to the shared connections."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QWidget

from qt_upbit.exceptions import InvalidSubscriptionError, ProxyClosedError, QtUpbitError
from qt_upbit.protocol.subscription_request import requests_for, resolve_spec
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.release_token import ReleaseToken
from qt_upbit.qt.subscribe_methods import Depth, SubscribeMethods, Unit
from qt_upbit.qt.subscription import EventCallback, Subscription, SubscriptionRecord, check_callback
from qt_upbit.qt.typed_signals import EventSignal, GapSignal, PairSignal, ValueSignal
from qt_upbit.qt.waiting import check_timeout
from qt_upbit.routing.signal_leaders import SignalLeaders
from qt_upbit.types import (
    EVENT_TYPES,
    AnnouncementEvent,
    CandleEvent,
    CandleUnit,
    ConnectionState,
    Delivery,
    IndicatorEvent,
    IndicatorSignalEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    Scope,
    TickerEvent,
    TradeEvent,
)

__all__ = ["WebSocketClientProxy"]

_ids = itertools.count(1)


class WebSocketClientProxy(QObject, SubscribeMethods):
    """One component's access to Upbit. All proxies share one connection per scope.

    Create one, connect a signal, subscribe::

        self.proxy = WebSocketClientProxy("my_chart", parent=self)
        self.proxy.ticker_received.connect(self.on_ticker)
        self.proxy.subscribe_ticker(["KRW-BTC"])

    Subscribing takes effect immediately, from any ordinary Qt code in the GUI thread, even before the loop
    runs. The proxy's subscriptions end with it: with its parent, by ``deleteLater``, by garbage collection,
    or by `close` or `cleanup`.

    Signals, each with one argument unless said otherwise:
        ``ticker_received``, ``trade_received``, ``orderbook_received``, ``candle_received``,
        ``my_order_received``, ``my_asset_received``, ``announcement_received``,
        ``indicator_received``, ``indicator_signal_received``: the event; under BATCH a tuple of
        events. If two subscriptions of one proxy share a stream, the signal carries the first one's events.
        ``connection_state_changed(scope, state)``: for the scopes that this proxy uses.
        ``gap_detected(scope, codes, begin, end)``: nothing was received between two aware datetimes; in
        order with the data.
        ``overflowed(type, lost)``: a subscriber did not keep up, and `lost` events were dropped.
        ``error_occurred(error)``: one of `qt_upbit.exceptions`, never with a secret; a `CallbackError` if a
        callback or slot raised (for slots ``sys.excepthook`` is called as well).

    Args:
        name: for messages and metrics; need not be unique.
        parent: owner; a proxy without one lives as long as you hold a reference.
        visible_only: pause delivery, not the subscription, while the parent widget is hidden.
        manager: instead of the application's manager, for tests.
    """

    # One signal per declared event type; the TYPE_CHECKING block below is for the type checker only
    # and tests/qt/test_websocket_client_proxy.py compares the two.
    for _spec in EVENT_TYPES.values():
        vars()[f"{_spec.name}_received"] = Signal(object)
    del _spec

    if TYPE_CHECKING:
        ticker_received: EventSignal[TickerEvent]
        trade_received: EventSignal[TradeEvent]
        orderbook_received: EventSignal[OrderbookEvent]
        candle_received: EventSignal[CandleEvent]
        my_order_received: EventSignal[MyOrderEvent]
        my_asset_received: EventSignal[MyAssetEvent]
        announcement_received: EventSignal[AnnouncementEvent]
        indicator_received: EventSignal[IndicatorEvent]
        indicator_signal_received: EventSignal[IndicatorSignalEvent]
        connection_state_changed: PairSignal[Scope, ConnectionState]
        gap_detected: GapSignal
        overflowed: PairSignal[str, int]
        error_occurred: ValueSignal[QtUpbitError]
    else:
        connection_state_changed = Signal(object, object)
        gap_detected = Signal(object, object, object, object)
        overflowed = Signal(str, object)
        error_occurred = Signal(object)

    def __init__(
        self,
        name: str,
        parent: QObject | None = None,
        *,
        visible_only: bool = False,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f'a proxy needs a name, such as "my_chart", not {name!r:.80}')
        if parent is not None and not isinstance(parent, QObject):
            raise TypeError(f"parent must be a QObject, such as the widget, not {type(parent).__name__}")
        if visible_only and not isinstance(parent, QWidget):
            raise ValueError("visible_only needs a QWidget as parent")
        self._manager = manager if manager is not None else GlobalWebSocketManager.instance()
        super().__init__(parent)
        self.setObjectName(name)
        self.name = name
        self.id = next(_ids)
        self.max_buffered = self._manager.config.high_water_mark
        self._closed = False
        self._subscriptions: dict[int, Subscription[Any]] = {}
        self._records: dict[int, SubscriptionRecord] = {}
        self._leaders = SignalLeaders()
        self._paused = False
        self._manager.guard.check_usable()
        self._manager.registry.add_owner(self)
        self._release = ReleaseToken.attach(self._manager.release_requested, self, self.id)
        if visible_only and isinstance(parent, QWidget):
            parent.installEventFilter(self)
            self._paused = not parent.isVisible()

    # --- subscribing -------------------------------------------------------------------------------

    def open_subscription(
        self,
        name: str,
        codes: Sequence[str] | None,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        **options: Any,
    ) -> Subscription[Any]:
        """Same as `subscribe`, with arguments that are checked at run time only: for names in variables."""
        self._check_usable()
        spec = resolve_spec(name)
        check_callback(callback)
        how = spec.delivery if delivery is None else _delivery(delivery)
        requests = requests_for(spec, codes, **options)
        self._manager.guard.check_credentials(spec)
        record = SubscriptionRecord(
            next(_ids), self, spec, (request.key for request in requests), how, callback
        )
        subscription: Subscription[Any] = Subscription(record)
        self._subscriptions[record.id] = subscription
        self._records[record.id] = record
        self._lead(self._leaders.add(record.id, record.keys))
        self._manager.registry.subscribe(record, requests, paused=self._paused)
        return subscription

    # --- snapshots ---------------------------------------------------------------------------------

    async def get_ticker_snapshot(
        self, codes: Sequence[str], *, timeout: float | None = None
    ) -> dict[str, TickerEvent]:
        """The current tickers, by code, in the order requested: from the live stream, else from the server.

        Running streams are not interrupted. Cancelling is safe.

        Args:
            codes: pairs.
            timeout: seconds; by default ``snapshot_timeout_s`` of the configuration, `math.inf` for no limit.

        Raises:
            InvalidSubscriptionError: a code is wrong.
            SubscriptionError: codes that never delivered, by name.
            WaitTimeoutError: it took longer than `timeout`; says why, if that is known.
        """
        return await self._snapshot("ticker", codes, timeout)

    async def get_trade_snapshot(
        self, codes: Sequence[str], *, timeout: float | None = None
    ) -> dict[str, TradeEvent]:
        """The latest trades, by code. See `get_ticker_snapshot`."""
        return await self._snapshot("trade", codes, timeout)

    async def get_orderbook_snapshot(
        self,
        codes: Sequence[str],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        timeout: float | None = None,
    ) -> dict[str, OrderbookEvent]:
        """The current order books, by code. See `get_ticker_snapshot`."""
        return await self._snapshot("orderbook", codes, timeout, depth=depth, level=level)

    async def get_candle_snapshot(
        self,
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        timeout: float | None = None,
    ) -> dict[str, CandleEvent]:
        """The current candles, by code. See `get_ticker_snapshot`."""
        return await self._snapshot("candle", codes, timeout, unit=unit)

    async def _snapshot(
        self, name: str, codes: Sequence[str], timeout: float | None, **options: Any
    ) -> dict[str, Any]:
        self._check_usable()
        check_timeout(timeout)
        spec = resolve_spec(name)
        requests = requests_for(spec, codes, realtime=False, **options)
        limit = self._manager.config.snapshot_timeout_s if timeout is None else timeout
        events = await self._manager.snapshots.read(self.id, self.name, requests, limit)
        return {request.key.code: events[request.key] for request in requests}

    # --- state -------------------------------------------------------------------------------------

    @property
    def subscriptions(self) -> tuple[Subscription[Any], ...]:
        """The open subscriptions, oldest first."""
        return tuple(self._subscriptions.values())

    @property
    def is_closed(self) -> bool:
        """Whether `close` or `cleanup` was called, or the object was deleted."""
        return self._closed or not shiboken6.isValid(self)

    def connection_state(self, scope: Scope = Scope.PUBLIC) -> ConnectionState:
        """Current health of a scope."""
        return self._manager.state(scope)

    # --- closing -----------------------------------------------------------------------------------

    def close(self) -> None:
        """End all subscriptions at once; nothing more is delivered. Idempotent."""
        if self._closed:
            return
        self._manager.guard.check_thread()
        self._closed = True
        self._manager.registry.remove_owner(self.id)
        self._subscriptions.clear()
        self._records.clear()
        self._leaders = SignalLeaders()

    async def cleanup(self) -> None:
        """Same as `close`, for coroutines. The manager closes the connection."""
        self.close()

    def _check_usable(self) -> None:
        if self.is_closed:
            raise ProxyClosedError(f"proxy {self.name!r} is closed: make a new one")
        self._manager.guard.check_usable()

    # --- for the library (SubscriptionOwner) -------------------------------------------------------

    def check_thread(self) -> None:
        """Raise `WrongThreadError` if this is not the GUI thread."""
        self._manager.guard.check_thread()

    def last_error(self, scope: Scope) -> QtUpbitError | None:
        """Why a scope is not connected; None if it is, or if that is not known."""
        return self._manager.error(scope) if self._manager.is_usable else None

    def released(self, subscription_id: int) -> None:
        """Remove a closed subscription."""
        if self._subscriptions.pop(subscription_id, None) is not None:
            del self._records[subscription_id]
            self._manager.registry.remove(subscription_id)
            self._lead(self._leaders.remove(subscription_id))

    def report(self, error: QtUpbitError) -> None:
        """Count an error and send it to ``error_occurred``. Call it from a plain Qt callback."""
        self._manager.reporter.report(error, self.name, self)

    def _lead(self, changed: Iterable[int]) -> None:
        for subscription_id in changed:
            self._records[subscription_id].lead(
                self._leaders.led(subscription_id), is_all=self._leaders.leads_all(subscription_id)
            )

    def setParent(self, parent: QObject | None) -> None:  # Qt's name
        """Give it another owner, or none."""
        super().setParent(parent)
        self._release.is_expected = parent is not None

    def deleteLater(self) -> None:  # Qt's name
        """End with the next turn of Qt's loop."""
        self._release.is_expected = True
        super().deleteLater()

    # --- visibility --------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # Qt's name
        """Pause delivery while the parent widget is hidden."""
        kind = event.type()
        if kind in (QEvent.Type.Show, QEvent.Type.Hide) and watched is self.parent():
            self._paused = kind == QEvent.Type.Hide
            for subscription_id in self._subscriptions:
                self._manager.registry.pause(subscription_id, self._paused)
        return False


def _delivery(given: Delivery | str) -> Delivery:
    try:
        return Delivery(given)
    except ValueError:
        raise InvalidSubscriptionError(
            f"delivery {given!r:.80} must be one of {', '.join(Delivery)}"
        ) from None
