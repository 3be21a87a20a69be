"""`OrderRows`, `OrderView`: the library's order table in the user's language, open and closed apart."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import (
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from demo_app.style import formats
from demo_app.terminal_state import TerminalState
from demo_app.widgets.columns import WideningColumns
from demo_app.widgets.order_labels import OrderStage, order_stage, side_word, stage_word, type_word
from demo_app.widgets.tables import CellDelegate, RowTable, copy_rows
from qt_upbit import (
    KST,
    Account,
    AskBid,
    Order,
    OrderState,
    OrderTableModel,
    OrderType,
    ThrottledSortProxyModel,
    exactly,
)

__all__ = ["OrderRows", "OrderView", "OrdersOf"]

# A fill changes the columns from the filled share to the fee; the state, which shows "partly filled", is
# between them because it is reported again with them.
_COLUMNS: Final = (
    "order_timestamp", "code", "ask_bid", "order_type", "price", "volume",
    "remaining_volume", "state", "executed_volume", "executed_funds", "avg_price", "paid_fee",
)  # fmt: skip
_WIDTHS: Final = (108, 116, 40, 52, 112, 120, 72, 96, 120, 108, 112, 88)
_FILLED: Final = _COLUMNS.index("remaining_volume")
"""Shows the filled share: of an order by amount nothing else remains that could be compared."""
_SHOWN: Final = {
    True: _COLUMNS,
    False: (
        "order_timestamp", "code", "ask_bid", "order_type", "state", "executed_volume", "executed_funds",
        "avg_price", "paid_fee", "price", "volume",
    ),
}  # fmt: skip
"""The columns of the open and of the closed orders: of those, what was bought or sold comes first."""
_Index = QModelIndex | QPersistentModelIndex


class OrderRows(OrderTableModel):
    """Texts and colours of the account's orders.

    Args:
        state: names, language and colours.
        account: the account shown.
        parent: owner.
    """

    def __init__(self, state: TerminalState, account: Account, parent: QObject | None = None) -> None:
        super().__init__(parent, account=account, columns=_COLUMNS, max_closed_orders=200)
        self._state = state
        self._source = account
        self._earlier: dict[str, Order] = {}

    def order(self, row: int) -> Order | None:
        """The order of a row, if the account still knows it or it is an earlier one."""
        uuid = self.value(row, "uuid")
        return self._source.order(uuid) or self._earlier.get(uuid)

    def add_earlier(self, orders: Iterable[Order]) -> None:
        """As `OrderTableModel.add_earlier`."""
        orders = tuple(orders)
        self._earlier |= {order.uuid: order for order in orders}
        super().add_earlier(orders)

    def refresh(self) -> None:
        """Language, names or colours have changed."""
        headers = (
            QCoreApplication.translate("OrderRows", "Time"),
            QCoreApplication.translate("OrderRows", "Market"),
            QCoreApplication.translate("OrderRows", "Side"),
            QCoreApplication.translate("OrderRows", "Type"),
            QCoreApplication.translate("OrderRows", "Price"),
            QCoreApplication.translate("OrderRows", "Size"),
            QCoreApplication.translate("OrderRows", "Filled"),
            QCoreApplication.translate("OrderRows", "State"),
            QCoreApplication.translate("OrderRows", "Filled size"),
            QCoreApplication.translate("OrderRows", "Filled total"),
            QCoreApplication.translate("OrderRows", "Avg. price"),
            QCoreApplication.translate("OrderRows", "Fee"),
        )
        for column, text in enumerate(headers):
            self.setHeaderData(column, Qt.Orientation.Horizontal, text)
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(_COLUMNS) - 1))

    @exactly
    def filled(self, row: int) -> Decimal | None:
        """Fraction filled, of the volume or of the money to spend; None if it is not known."""
        if self.value(row, "state") is OrderState.DONE:
            return Decimal(1)
        executed, price = self.value(row, "executed_volume"), self.value(row, "price")
        if self._is_by_amount(row):
            spent = self.value(row, "executed_funds")
            return min(spent / price, Decimal(1)) if price and spent is not None else None
        volume = self.value(row, "volume")
        return executed / volume if volume else None

    def _is_by_amount(self, row: int) -> bool:
        """Whether ``price`` is the money to spend rather than a price."""
        kind, side = self.value(row, "order_type"), self.value(row, "ask_bid")
        return kind is OrderType.PRICE or (kind is OrderType.BEST and side is AskBid.BID)

    def _stage(self, row: int) -> OrderStage | None:
        return order_stage(
            self.value(row, "state"),
            executed=self.value(row, "executed_volume"),
            prevented=self.value(row, "prevented_volume"),
            share=self.filled(row) if self._is_by_amount(row) else None,
        )

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell, in the user's language."""
        if not index.isValid():
            return None
        row, name = index.row(), _COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._word(row, name)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(row, name)
        if role == self.SortRole and name == "remaining_volume":
            return float(self.filled(row) or 0)
        if role == Qt.ItemDataRole.DecorationRole and name == "state" and self.value(row, "is_recovered"):
            style = QApplication.style()
            return style.standardIcon(QStyle.StandardPixmap.SP_BrowserReload)
        if role == Qt.ItemDataRole.ToolTipRole and self.value(row, "is_recovered"):
            return QCoreApplication.translate(
                "OrderRows", "This happened while the connection was down and was read afterwards."
            )
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            header = self.headerData(index.column(), Qt.Orientation.Horizontal)
            return f"{header}: {self._word(row, name)}"
        return super().data(index, role)

    def _word(self, row: int, name: str) -> str:
        value, code = self.value(row, name), self.value(row, "code")
        quote, _, base = code.partition("-")
        match name:
            case "order_timestamp":
                order = self.order(row)
                at = order.ordered_at if order is not None else None
                return f"{at.astimezone(KST):%m-%d %H:%M:%S}" if at else "–"
            case "code":
                return f"{self._state.market_name(code)} {base}/{quote}"
            case "ask_bid":
                return side_word(value)
            case "order_type":
                return type_word(value)
            case "price":
                is_priced = value is not None and not self._is_by_amount(row)
                return f"{formats.price(value, quote)} {quote}" if is_priced else "–"
            case "volume" if self._is_by_amount(row):
                return f"{formats.amount(self.value(row, 'price'))} {quote}"
            case "volume":
                return f"{formats.amount(value)} {base}"
            case "remaining_volume":
                return formats.percent(self.filled(row), sign=False)
            case "executed_volume":
                return f"{formats.amount(value)} {base}" if value else "–"
            case "executed_funds":
                return f"{formats.funds(value, quote)} {quote}" if value else "–"
            case "avg_price":
                return f"{formats.price(value, quote)} {quote}" if value else "–"
            case "paid_fee":
                return f"{formats.amount(value, formats.fee_decimals(quote))} {quote}"
            case _:
                stage = self._stage(row)
                return str(value.value) if stage is None else stage_word(stage)

    def _color(self, row: int, name: str) -> Any:
        theme = self._state.theme
        if name == "ask_bid":
            return theme.up if self.value(row, "ask_bid") is AskBid.BID else theme.down
        stage = self._stage(row)
        if name == "state":
            return {
                OrderStage.CANCELLED: theme.muted,
                OrderStage.PARTLY_FILLED: theme.accent,
                OrderStage.PREVENTED: theme.warning,
                OrderStage.PARTLY_CANCELLED: theme.warning,
            }.get(stage or OrderStage.WAITING, theme.text)
        return theme.muted if stage is OrderStage.CANCELLED else theme.text


class OrdersOf(ThrottledSortProxyModel):
    """The open orders, or the closed ones.

    Args:
        rows: all orders.
        is_open: whether to show the open ones.
        parent: owner.
    """

    def __init__(self, rows: OrderRows, *, is_open: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.is_open = is_open
        self._role = rows.role("is_open")
        self.setSourceModel(rows)
        rows.dataChanged.connect(self._on_changed)

    def filterAcceptsRow(self, row: int, _parent: _Index) -> bool:
        """Qt's."""
        return self._rows.value(row, "is_open") is self.is_open

    def _on_changed(self, _first: QModelIndex, _last: QModelIndex, roles: list[int]) -> None:
        # The throttled proxy does not filter on each tick: an order ends only once.
        if self._role in roles:
            self.invalidate()

    def order(self, row: int) -> Order | None:
        """The order of a row of this proxy."""
        return self._rows.order(self.mapToSource(self.index(row, 0)).row())


class _FilledBar(CellDelegate):
    """How much is filled, as a bar behind the number."""

    def __init__(self, state: TerminalState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        proxy = index.model()
        if isinstance(proxy, OrdersOf):
            rows = proxy.sourceModel()
            source = proxy.mapToSource(index)
            if isinstance(rows, OrderRows):
                share = float(rows.filled(source.row()) or 0)
                theme = self._state.theme
                is_bid = rows.value(source.row(), "ask_bid") is AskBid.BID
                room = QRectF(option.rect).adjusted(2, 4, -2, -4)
                painter.fillRect(room, theme.faded(theme.border, 110))
                room.setWidth(room.width() * min(share, 1.0))
                painter.fillRect(room, theme.faded(theme.up if is_bid else theme.down, 110))
        super().paint(painter, option, index)


class OrderView(RowTable):
    """A table of orders with keys.

    Signals:
        ``cancel_wanted()``: Delete was pressed.
        ``chosen()``: the selection has changed.
    """

    cancel_wanted = Signal()
    chosen = Signal()

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: WideningColumns | None = None
        self.setItemDelegateForColumn(_FILLED, _FilledBar(state, self))

    def show_orders(self, orders: OrdersOf) -> None:
        """Show these orders, of the first account or of another."""
        self.setModel(orders)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        if self._columns is not None:
            self._columns.deleteLater()
        self._columns = WideningColumns(self, orders, _WIDTHS)
        header, shown = self.horizontalHeader(), _SHOWN[orders.is_open]
        for column, name in enumerate(_COLUMNS):
            self.setColumnHidden(column, name not in shown)
        for place, name in enumerate(shown):
            header.moveSection(header.visualIndex(_COLUMNS.index(name)), place)
        self.selectionModel().selectionChanged.connect(self._on_selection)

    @property
    def orders(self) -> OrdersOf | None:
        """The orders shown."""
        model = self.model()
        return model if isinstance(model, OrdersOf) else None

    def selected(self) -> list[Order]:
        """The orders of the selected rows, from top to bottom."""
        orders = self.orders
        if orders is None:
            return []
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [order for row in rows if (order := orders.order(row)) is not None]

    def _on_selection(self, *_: object) -> None:
        self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete cancels, Ctrl+C copies rows."""
        if event.key() == Qt.Key.Key_Delete and not event.isAutoRepeat():
            self.cancel_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            copy_rows(self)
        else:
            super().keyPressEvent(event)
