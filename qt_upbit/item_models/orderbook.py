"""`OrderbookTableModel`: the rows of one order book."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QObject, Signal

from qt_upbit.exact import EXACT, exact_sum
from qt_upbit.exceptions import DecodeError
from qt_upbit.item_models.base import LiveTableModel, Values
from qt_upbit.item_models.fields import Field
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.subscribe_methods import Depth
from qt_upbit.qt.subscription import Subscription
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.types import AskBid, BookLevel, OrderbookEvent

__all__ = ["OrderbookTableModel"]

_SIDE, _PRICE, _SIZE, _CUMULATIVE, _SHARE = range(5)


class OrderbookTableModel(LiveTableModel):
    """An order book: `depth` asks, best (lowest) last, then `depth` bids, best first.

    ::

        model = OrderbookTableModel(parent=self, depth=15)
        model.set_code("KRW-BTC")

    The number of rows never changes; missing levels are empty. Each screen frame shows one whole book. Text,
    sorting and QML use floats; ``ValueRole``, `value` and `spread` are exact.

    Fields: ``ask_bid``, ``price``, ``size``, ``cumulative_size`` (from the best level) and ``share``
    (``cumulative_size`` as a fraction of the larger side's total, for bars).

    Signals:
        ``book_changed()``: a new book is shown; read `spread`.

    Args:
        parent, columns, manager: as `LiveTableModel`.
        depth: rows of each side: 1, 5, 15 or 30.
    """

    book_changed = Signal()

    FIELDS = (
        Field("ask_bid", "Side"),
        Field("price", "Price", True),
        Field("size", "Size", True),
        Field("cumulative_size", "Cumulative size", True),
        Field("share", "Share", True),
    )
    DEFAULT_COLUMNS = ("price", "size", "cumulative_size")

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        depth: Depth = 15,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        if depth not in (1, 5, 15, 30):
            raise ValueError(f"depth must be 1, 5, 15 or 30, not {depth!r:.80}")
        super().__init__(parent, columns=columns, manager=manager)
        self._proxy = WebSocketClientProxy("order book table", self, manager=self.manager)
        self._proxy.orderbook_received.connect(self._on_orderbook)
        self._proxy.error_occurred.connect(self.error_occurred)
        self._depth: Depth = depth
        self._code: str | None = None
        self._level: Decimal = Decimal(0)
        self._subscription: Subscription | None = None
        self._pending: OrderbookEvent | None = None
        self._book: OrderbookEvent | None = None
        self.rows.insert(0, self._empty())

    @property
    def code(self) -> str | None:
        """The pair; None before `set_code`."""
        return self._code

    @property
    def level(self) -> Decimal:
        """Grouping of prices, quote currency; 0 for none."""
        return self._level

    @property
    def depth(self) -> int:
        """Rows of each side."""
        return self._depth

    @property
    def book(self) -> OrderbookEvent | None:
        """The displayed book; None before the first."""
        return self._book

    @property
    def spread(self) -> Decimal | None:
        """Best ask minus best bid, quote currency; None while a side is empty."""
        if self._book is None or not self._book.asks or not self._book.bids:
            return None
        return EXACT.subtract(self._book.asks[0].price, self._book.bids[0].price)

    def set_code(self, code: str, *, level: int | Decimal = 0) -> None:
        """Show the book of another pair or price grouping.

        `RestClient.get_instruments` lists the levels of a pair; an unsupported one never delivers.

        Raises:
            InvalidSubscriptionError: code or level is wrong; nothing changes.
            ProxyClosedError: the model is closed.
        """
        self.check_usable()
        if (code, level) == (self._code, self._level):
            return
        before = self._subscription
        self._subscription = self._proxy.subscribe_orderbook([code], depth=self._depth, level=level)
        if before is not None:
            before.close()
        self._code, self._level = code, Decimal(level)
        self._pending = self._book = None
        self.rows.put(dict(enumerate(self._empty())))
        if not self.is_closed:
            self.book_changed.emit()

    def _empty(self) -> list[Values]:
        return [
            (side, None, None, None, None) for side in (AskBid.ASK, AskBid.BID) for _ in range(self._depth)
        ]

    def _release(self) -> None:
        self._proxy.close()

    def _on_orderbook(self, event: OrderbookEvent) -> None:
        if event.code == self._code and event.level == self._level:
            self._pending = event
            self.frames.schedule()

    def _flush(self) -> None:
        book, self._pending = self._pending, None
        if book is None:
            return
        try:
            asks, bids = (side[: self._depth] for side in book.float_levels)
        except DecodeError as exc:
            self.manager.reporter.log(exc, "order book table", self)
            self.error_occurred.emit(exc)
            return
        self._book = book
        rows = self._empty()
        sums = [list(itertools.accumulate(size for _, size in side)) for side in (asks, bids)]
        deepest = max((side[-1] for side in sums if side), default=0.0)
        for i, ((price, size), total) in enumerate(zip(asks, sums[0], strict=True)):
            rows[self._depth - 1 - i] = (AskBid.ASK, price, size, total, total / deepest)
        for i, ((price, size), total) in enumerate(zip(bids, sums[1], strict=True)):
            rows[self._depth + i] = (AskBid.BID, price, size, total, total / deepest)
        self.rows.put(dict(enumerate(rows)))
        if not self.is_closed and self._book is book:
            self.book_changed.emit()

    def text(self, name: str, value: Any) -> str:
        """As `LiveTableModel.text`; shares in per cent, sums with at most eight decimals."""
        if value is None:
            return ""
        if name == "share":
            return f"{value:.1%}"
        if name == "cumulative_size":
            # A sum of floats has more digits than any level.
            text = f"{value:,.8f}"
            return text.rstrip("0").rstrip(".")
        return super().text(name, value)

    def _exact(self, row: int, position: int) -> Any:
        if position in (_SIDE, _SHARE) or self._book is None:
            return super()._exact(row, position)
        if not 0 <= row < 2 * self._depth:
            raise IndexError(row)
        is_bid = row >= self._depth
        levels: Sequence[BookLevel] = self._book.bids if is_bid else self._book.asks
        i = row - self._depth if is_bid else self._depth - 1 - row
        if i >= len(levels):
            return None
        if position == _CUMULATIVE:
            return exact_sum(level.size for level in levels[: i + 1])
        return levels[i].price if position == _PRICE else levels[i].size
