"""`OwnTrades`: the user's own open orders and fills of one pair, for chart and order book."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from demo_app.style import formats
from qt_upbit import Account, AskBid, CredentialsRequiredError, GlobalWebSocketManager, Order, OrderType

__all__ = ["FillMark", "OrderLine", "OwnTrades"]

_FRAME_MS = 50


@dataclass(frozen=True, slots=True)
class FillMark:
    """One of the user's own fills: when (seconds since the epoch), at what price, and the side."""

    moment: float
    price: float
    is_buy: bool


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One of the user's own open orders; `text` has the remaining volume."""

    price: float
    is_buy: bool
    text: str


class OwnTrades(QObject):
    """Follows `Account` if there are keys; without keys it is empty.

    Fills are those the account knows: of open orders and of the newest finished ones.

    Signals:
        ``changed()``: read `open_orders`, `lines` and `fills` again.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._account: Account | None = None
        self._manager = GlobalWebSocketManager.instance()
        self._manager.credentials_changed.connect(self._attach)
        # Coalesce: many orders change at once when an account is read.
        self._timer = QTimer(self)
        self._timer.setObjectName("own trades")
        self._timer.setSingleShot(True)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self.changed)
        self._attach()

    def _attach(self) -> None:
        if self._account is not None and not self._account.is_closed:
            return
        try:
            self._account = Account.instance(self._manager)
        except CredentialsRequiredError:
            self._account = None
            return
        self._account.order_changed.connect(self._on_change)
        self._account.cleared.connect(self._on_change)
        self._account.synchronized.connect(self._on_change)

    def _on_change(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def open_orders(self, code: str) -> list[Order]:
        """Open orders of a pair that are in the book."""
        if self._account is None or self._account.is_closed:
            return []
        return [
            order
            for order in self._account.open_orders
            if order.code == code and order.price is not None and order.order_type is OrderType.LIMIT
        ]

    def lines(self, code: str) -> list[OrderLine]:
        """The same orders as lines of a chart."""
        return [
            OrderLine(float(order.price), order.ask_bid is AskBid.BID, formats.amount(order.remaining_volume))
            for order in self.open_orders(code)
            if order.price is not None
        ]

    def fills(self, code: str) -> list[FillMark]:
        """Fills of a pair."""
        if self._account is None or self._account.is_closed:
            return []
        return [
            FillMark(fill.trade_timestamp / 1_000, float(fill.price), fill.ask_bid is AskBid.BID)
            for order in self._account.orders
            if order.code == code
            for fill in order.fills
        ]
