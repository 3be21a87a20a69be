"""`TradeListModel`: the tape, newest trade first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Final

from PySide6.QtCore import QObject, Signal

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

    Every trade is added once, also across a gap; those of one screen frame are inserted together. Trades are
    in the order of arrival, except backfilled ones, which go to their places in time; a proxy model can sort
    all by ``trade_timestamp``.

    Signals:
        ``gap_detected(scope, codes, begin, end)``: as in `WebSocketClientProxy`.

    Args:
        parent, columns, manager: as `LiveTableModel`.
        limit: maximum number of rows.

    Raises:
        ValueError: `limit` is not a number of trades, or there is no such column.
    """

    gap_detected = Signal(object, object, object, object)

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
        self._proxy = WebSocketClientProxy("trade list", self, manager=self.manager)
        self._proxy.trade_received.connect(self._on_trades)
        self._proxy.error_occurred.connect(self.error_occurred)
        self._proxy.gap_detected.connect(self.gap_detected)
        self._limit = limit
        self._codes: tuple[str, ...] = ()
        self._subscription: Subscription | None = None
        self._pending: list[TradeEvent] = []
        self._ids: list[tuple[str, int]] = []
        """Ids of the rows and of pending trades, oldest first: a snapshot repeats the last trade."""
        self._known: set[tuple[str, int]] = set()

    @property
    def codes(self) -> tuple[str, ...]:
        """The pairs."""
        return self._codes

    @property
    def limit(self) -> int:
        """Maximum number of rows."""
        return self._limit

    def set_codes(self, codes: Iterable[str]) -> None:
        """Show the trades of these pairs, starting empty.

        Raises:
            InvalidSubscriptionError: a code is wrong; nothing changes.
            ProxyClosedError: the model is closed.
        """
        self.check_usable()
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
        self.rows.reset()

    def seed(self, trades: Iterable[TradeEvent]) -> None:
        """Add earlier trades, oldest first as `RestClient.get_trades` returns them.

        Trades that are already there, of other pairs, or beyond `limit` are skipped. Those newer than the
        newest row go on top of it, the others below the oldest.

        Raises:
            ProxyClosedError: the model is closed.
        """
        self.check_usable()
        unknown = {
            key: event
            for event in trades
            if (key := (event.code, event.sequential_id)) not in self._known and event.code in self._codes
        }
        newest = max((number for _, number in self._ids), default=None)
        above = {key: event for key, event in unknown.items() if newest is not None and key[1] > newest}
        older = [item for item in unknown.items() if item[0] not in above]
        room = max(0, self._limit - len(self.rows) - len(self._pending))
        below = dict(older[len(older) - room :] if room < len(older) else older)
        self._known.update(above, below)
        self._ids[:0] = below
        # Both before a slot can change the pairs.
        self._on_fresh(list(above.values()))
        self.rows.insert(len(self.rows), map(self._read, reversed(below.values())))

    def _release(self) -> None:
        self._proxy.close()

    def _on_trades(self, events: Sequence[TradeEvent]) -> None:
        fresh = []
        for event in events:
            key = (event.code, event.sequential_id)
            if key not in self._known and event.code in self._codes:
                self._known.add(key)
                fresh.append(event)
        self._on_fresh(fresh)

    def _on_fresh(self, events: Sequence[TradeEvent]) -> None:
        self._ids += [(event.code, event.sequential_id) for event in events]
        self._pending += events
        # Some more than rows: a repeated trade may just have dropped off.
        if len(self._ids) > 4 * self._limit:
            gone = len(self._ids) - 2 * self._limit
            self._known.difference_update(self._ids[:gone])
            del self._ids[:gone]
        if self._pending:
            del self._pending[: -self._limit]
            self.frames.schedule()

    def _flush(self) -> None:
        self._flush_backfilled([event for event in self._pending if event.is_backfilled])
        pending = [event for event in self._pending if not event.is_backfilled]
        self._pending = []
        if not pending:
            return
        generation = self.rows.generation
        surplus = len(self.rows) + len(pending) - self._limit
        if surplus > 0:
            self.rows.remove(len(self.rows) - surplus, surplus)
            generation += 1
        if generation == self.rows.generation and not self.is_closed:
            self.rows.insert(0, map(self._read, reversed(pending)))

    def _flush_backfilled(self, events: Sequence[TradeEvent]) -> None:
        """Insert trades that come behind newer ones where they belong, below rows that are newer."""
        for event in reversed(events):
            generation = self.rows.generation
            moment = (event.trade_timestamp, event.sequential_id)
            place = next(
                (at for at, row in enumerate(self.rows.items) if _moment_of(row.values) <= moment),
                len(self.rows),
            )
            if place >= self._limit:
                continue
            if len(self.rows) >= self._limit:
                self.rows.remove(len(self.rows) - 1)
                generation += 1
            if generation == self.rows.generation and not self.is_closed:
                self.rows.insert(place, [self._read(event)])


_moment_of: Final = itemgetter(
    *(
        [field.name for field in TradeListModel.FIELDS].index(name)
        for name in ("trade_timestamp", "sequential_id")
    )
)
"""Of the values of a row: when the trade was, and its id."""
