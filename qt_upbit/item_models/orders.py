"""`OrderTableModel`: the orders of the account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QObject

from qt_upbit.item_models.base import LiveTableModel, Values, check_number
from qt_upbit.item_models.fields import Field, fields_of
from qt_upbit.qt.account import Account
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.records import Order
from qt_upbit.types import MyOrderEvent

__all__ = ["OrderTableModel"]


class OrderTableModel(LiveTableModel):
    """One row per order, with the fields of `Order`: open ones first, newest first, then closed ones.

    ::

        model = OrderTableModel(parent=self)
        view.setModel(model)

    An order is updated in its row, and when it ends moves to the top of the closed ones. After a change of
    credentials the rows are replaced by those of the other account. ``is_recovered`` says that its last event
    was missed and read over REST.

    Args:
        parent, columns, manager: as `LiveTableModel`.
        account: whose orders; `Account.instance` unless given. It is not closed with the model.
        max_closed_orders: maximum number of closed orders.

    Raises:
        CredentialsRequiredError: no keys are configured.
    """

    FIELDS = (
        *fields_of(
            Order,
            ("uuid", "code"),
            without=("fills",),
            headers={
                "code": "Pair",
                "ask_bid": "Side",
                "order_type": "Type",
                "remaining_volume": "Remaining",
                "executed_volume": "Executed",
                "order_timestamp": "Placed",
            },
        ),
        Field("avg_price", "Mean price", True),
        Field("is_open", "Open"),
        Field("is_recovered", "Recovered"),
    )
    DEFAULT_COLUMNS = (
        "order_timestamp",
        "code",
        "ask_bid",
        "order_type",
        "state",
        "price",
        "volume",
        "remaining_volume",
        "avg_price",
        "is_recovered",
    )
    _names = tuple(field.name for field in FIELDS[:-1])
    _placed = _names.index("order_timestamp")

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        account: Account | None = None,
        max_closed_orders: int = 100,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        check_number("max_closed_orders", max_closed_orders, "orders", 100, least=0)
        source = account if account is not None else Account.instance(manager)
        super().__init__(parent, columns=columns, manager=manager or source.manager)
        self._account: Account | None = source
        self._max_closed_orders = max_closed_orders
        self._uuids: list[str] = []
        """The uuids of the rows."""
        self._open_count = 0
        self._recovered: set[str] = set()
        self._pending: dict[str, Order] = {}
        self._accounts_before = 0
        for order in source.orders:
            self._take(order)
        source.order_changed.connect(self._on_order)
        source.order_event.connect(self._on_event)
        source.cleared.connect(self._on_cleared)

    def row_of(self, uuid: str) -> int:
        """The row of an order.

        Raises:
            ValueError: there is none.
        """
        return self._uuids.index(uuid)

    def add_earlier(self, orders: Iterable[Order]) -> None:
        """Show closed orders that the account does not know, below its own: those of before it was read.

        Args:
            orders: in any order, for example of `RestClient.get_closed_orders`; open and known ones are left
                out, and so are the oldest beyond `max_closed_orders`. They go with a change of credentials.
        """
        known = set(self._uuids)
        new = [order for order in orders if order.uuid not in known and not order.is_open]
        new.sort(key=lambda order: order.order_timestamp or 0, reverse=True)
        room = self._open_count + self._max_closed_orders - len(self._uuids)
        for order in new[: max(room, 0)]:
            self._uuids.append(order.uuid)
            self.rows.insert(len(self.rows), [self._values(order)])

    def _release(self) -> None:
        if self._account is not None and not self._account.is_closed:
            self._account.order_changed.disconnect(self._on_order)
            self._account.order_event.disconnect(self._on_event)
            self._account.cleared.disconnect(self._on_cleared)
        self._account = None
        self._pending.clear()

    def _on_order(self, order: Order) -> None:
        # The latest update last: orders that close within one frame keep that sequence.
        self._pending.pop(order.uuid, None)
        self._pending[order.uuid] = order
        self.frames.schedule()

    def _on_event(self, event: MyOrderEvent) -> None:
        was = event.uuid in self._recovered
        if event.is_recovered:
            self._recovered.add(event.uuid)
        else:
            self._recovered.discard(event.uuid)
        if was != event.is_recovered and event.uuid not in self._pending and self._account is not None:
            order = self._account.order(event.uuid)
            if order is not None:
                self._on_order(order)

    def _on_cleared(self) -> None:
        """The credentials changed: start over with the other account."""
        self._accounts_before += 1
        self._pending.clear()
        self._recovered.clear()
        self._uuids.clear()
        self._open_count = 0
        self.rows.reset()

    def _values(self, order: Order) -> Values:
        return (*(getattr(order, name) for name in self._names), order.uuid in self._recovered)

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        changed: dict[str, Order] = {}
        accounts_before = self._accounts_before
        for order in pending.values():
            # A slot notified of a row may close the model, or change the credentials.
            if self.is_closed or accounts_before != self._accounts_before:
                return
            if self._take(order):
                changed[order.uuid] = order
        if not self.is_closed and accounts_before == self._accounts_before:
            row_of = {uuid: row for row, uuid in enumerate(self._uuids)}
            known = [order for uuid, order in changed.items() if uuid in row_of]
            self.rows.put({row_of[order.uuid]: self._values(order) for order in known})

    def _take(self, order: Order) -> bool:
        """Give an order a row; True if it had one, which still has the old values."""
        is_known = order.uuid in self._uuids
        if not is_known:
            row = self._row_for_open(order) if order.is_open else self._open_count
            self._uuids.insert(row, order.uuid)
            self._open_count += order.is_open
            self.rows.insert(row, [self._values(order)])
        else:
            before = self._uuids.index(order.uuid)
            if (before < self._open_count) != order.is_open:
                self._move(before, order)
        surplus = len(self._uuids) - self._open_count - self._max_closed_orders
        if surplus > 0:
            self._recovered.difference_update(self._uuids[-surplus:])
            del self._uuids[-surplus:]
            self.rows.remove(len(self.rows) - surplus, surplus)
        return is_known

    def _move(self, before: int, order: Order) -> None:
        """Move between open and closed orders; a reopened order goes to the top."""
        self._open_count += 1 if order.is_open else -1
        after = 0 if order.is_open else self._open_count
        self.rows.move(before, after, self._uuids)

    def _row_for_open(self, order: Order) -> int:
        """The row below orders placed later: a recovered order may be older than those shown."""
        mine = order.order_timestamp
        if mine is None:
            return 0
        for row in range(self._open_count):
            theirs: Any = self.rows.items[row].values[self._placed]
            if theirs is None or theirs <= mine:
                return row
        return self._open_count
