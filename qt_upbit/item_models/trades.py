"""`TradeListModel`: the tape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from PySide6.QtCore import QObject

from qt_upbit.item_models.base import LiveTableModel, check_number
from qt_upbit.item_models.fields import fields_of
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.subscription import Subscription
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.types import Delivery, TradeEvent

__all__ = ["TradeListModel"]


class TradeListModel(LiveTableModel):
    """The newest trades of one pair or several, newest first, with the fields of `TradeEvent`.

    ::

        model = TradeListModel(parent=self, limit=100)
        model.set_codes(["KRW-BTC"])

    Every trade comes once, also across a gap; a frame's trades are inserted together. Trades stand in the
    order in which they were received; a proxy can sort them by ``trade_timestamp``.

    Args:
        parent, columns, manager: as `LiveTableModel`.
        limit: how many are kept.

    Raises:
        ValueError: `limit` is no number of trades, or there is no such column.
    """

    FIELDS = fields_of(
        TradeEvent,
        ("trade_timestamp", "code"),
        without=("type",),
        headers={
            "trade_timestamp": "Time",
            "code": "Pair",
            "trade_price": "Price",
            "trade_volume": "Volume",
            "ask_bid": "Side",
        },
    )
    DEFAULT_COLUMNS = ("trade_timestamp", "code", "ask_bid", "trade_price", "trade_volume")
    _read = staticmethod(attrgetter(*(field.name for field in FIELDS)))

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        limit: int = 200,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        check_number("limit", limit, "trades", 200)
        super().__init__(parent, columns=columns, manager=manager)
        self._proxy = WebSocketClientProxy("trade list", self, manager=self._manager)
        self._proxy.trade_received.connect(self._on_trades)
        self._proxy.error_occurred.connect(self.error_occurred)
        self._limit = limit
        self._codes: tuple[str, ...] = ()
        self._subscription: Subscription | None = None
        self._pending: list[TradeEvent] = []
        self._ids: list[tuple[str, int]] = []
        """Of the rows, and of those that wait, oldest first: a snapshot repeats the last trade."""
        self._known: set[tuple[str, int]] = set()

    @property
    def codes(self) -> tuple[str, ...]:
        """The pairs."""
        return self._codes

    @property
    def limit(self) -> int:
        """How many trades are kept."""
        return self._limit

    def set_codes(self, codes: Iterable[str]) -> None:
        """Show the trades of these pairs, and none from before.

        Raises:
            InvalidSubscriptionError: a code is wrong; all stays as it was.
            ProxyClosedError: the model is closed.
        """
        self._check_usable()
        wanted = codes if isinstance(codes, str) else tuple(dict.fromkeys(codes))
        if wanted == self._codes:
            return
        before = self._subscription
        self._subscription = self._proxy.subscribe_trade(wanted, delivery=Delivery.BATCH) if wanted else None
        if before is not None:
            before.close()
        self._codes = tuple(wanted)
        self._pending.clear()
        self._ids.clear()
        self._known.clear()
        self._reset()

    def _release(self) -> None:
        self._proxy.close()

    def _on_trades(self, events: Sequence[TradeEvent]) -> None:
        for event in events:
            key = (event.code, event.sequential_id)
            if key not in self._known and event.code in self._codes:
                self._known.add(key)
                self._ids.append(key)
                self._pending.append(event)
        # Some more than rows: a repetition may name one that has just left.
        if len(self._ids) > 4 * self._limit:
            gone = len(self._ids) - 2 * self._limit
            self._known.difference_update(self._ids[:gone])
            del self._ids[:gone]
        if self._pending:
            del self._pending[: -self._limit]
            self._schedule()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        generation = self._generation
        surplus = len(self._rows) + len(pending) - self._limit
        if surplus > 0:
            self._remove(len(self._rows) - surplus, surplus)
            generation += 1
        if generation == self._generation and not self.is_closed:
            self._insert(0, map(self._read, reversed(pending)))
