"""`OrdersView`: the state of each order, newest first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QStackedLayout, QTableView, QVBoxLayout, QWidget

from demo_app import formats
from demo_app.i18n import Translator
from demo_app.theme import Theme
from qt_upbit import (
    KST,
    Account,
    AccountState,
    AskBid,
    CredentialsRequiredError,
    Order,
    OrderState,
    OrderType,
)

__all__ = ["OrderTable", "OrdersView"]

_SHARES: Final = {
    "time": 11, "market": 13, "side": 7, "type": 9, "state": 13,
    "price": 11, "size": 15, "filled": 10, "avg_price": 11, "fee": 9,
}  # fmt: skip
"""The columns and how wide they are to each other."""
_COLUMNS: Final = tuple(_SHARES)
_MAX_ROWS: Final = 200
_Index = QModelIndex | QPersistentModelIndex


def _is_by_amount(order: Order) -> bool:
    """Whether ``price`` is the money to spend, and no price: market buys, and best-price buys."""
    is_best_buy = order.order_type is OrderType.BEST and order.ask_bid is AskBid.BID
    return order.order_type is OrderType.PRICE or (is_best_buy and order.volume is None)


def _filled(order: Order) -> Decimal | None:
    """Fraction filled, of the volume or of the money to spend; None if it is not known."""
    if order.state is OrderState.DONE:
        return Decimal(1)
    if _is_by_amount(order):
        spent = order.executed_funds
        return spent / order.price if order.price and spent is not None else None
    done, rest = order.executed_volume, order.remaining_volume
    return done / (done + rest) if rest is not None and done + rest else None


def _shown_state(order: Order) -> OrderState:
    """The state, told apart a little more: an order that waits may be partly filled."""
    if order.state is OrderState.WAIT and order.executed_volume:
        return OrderState.TRADE
    if order.state is OrderState.WAIT and order.prevented_volume:
        return OrderState.PREVENTED
    return order.state


class OrderTable(QAbstractTableModel):
    """Orders by uuid, the one placed last on top; beyond two hundred they leave at the bottom.

    Args:
        theme, texts: how it looks and speaks.
        parent: owner.
    """

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._texts = texts
        self._rows: list[Order] = []
        self._bold = theme.font(9, bold=True)
        self.headers = _COLUMNS
        """What the columns hold, by keys of the texts."""

    def take(self, order: Order) -> None:
        """Show an order as it stands."""
        placed = order.order_timestamp or 0
        position = 0
        for row, known in enumerate(self._rows):
            if known.uuid == order.uuid:
                self._rows[row] = order
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(_COLUMNS) - 1))
                return
            if (known.order_timestamp or 0) > placed:
                position = row + 1
        self.beginInsertRows(QModelIndex(), position, position)
        self._rows.insert(position, order)
        self.endInsertRows()
        if len(self._rows) > _MAX_ROWS:
            self.beginRemoveRows(QModelIndex(), _MAX_ROWS, len(self._rows) - 1)
            del self._rows[_MAX_ROWS:]
            self.endRemoveRows()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Number of orders."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Number of columns."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(_COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts(_COLUMNS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(_COLUMNS[section])
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """One cell."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], _COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(row, column)
        if role == Qt.ItemDataRole.FontRole and column == "state":
            return self._bold
        return None

    def _text(self, order: Order, column: str) -> str:
        quote = order.code.partition("-")[0]
        match column:
            case "time":
                return f"{order.ordered_at.astimezone(KST):%H:%M:%S}" if order.ordered_at else "–"
            case "market":
                return order.code
            case "side":
                return self._texts(f"side.{order.ask_bid}")
            case "type":
                return self._texts.or_raw("order_type", order.order_type)
            case "price":
                return "–" if _is_by_amount(order) else formats.price(order.price, quote)
            case "size" if _is_by_amount(order) and order.price is not None:
                return f"{formats.amount(order.price)} {quote}"
            case "size":
                return formats.amount(order.volume)
            case "filled":
                return formats.percent(_filled(order), sign=False)
            case "avg_price":
                return formats.price(order.avg_price, quote) if order.avg_price else "–"
            case "fee":
                return formats.amount(order.paid_fee, 4)
            case _:
                return self._texts(f"order_state.{_shown_state(order)}")

    def _color(self, order: Order, column: str) -> Any:
        theme = self._theme
        if column == "side":
            return theme.up if order.ask_bid is AskBid.BID else theme.down
        if column == "state":
            return {
                OrderState.DONE: theme.text,
                OrderState.CANCEL: theme.muted,
                OrderState.TRADE: theme.accent,
                OrderState.PREVENTED: theme.warning,
            }.get(_shown_state(order), theme.warning)
        return theme.muted if order.state is OrderState.CANCEL else theme.text


def _alignment(column: str) -> Qt.AlignmentFlag:
    numeric = column in ("price", "size", "filled", "avg_price", "fee")
    side = Qt.AlignmentFlag.AlignRight if numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class OrdersView(QWidget):
    """The orders of the application's account, or a sentence why there are none."""

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("orders")
        self._texts = texts
        self.table = OrderTable(theme, texts, self)
        self._view = QTableView()
        self._view.setModel(self.table)
        self._view.setAccessibleName(texts("orders"))
        self._view.setShowGrid(False)
        self._view.setAlternatingRowColors(True)
        self._view.verticalHeader().hide()
        self._view.verticalHeader().setDefaultSectionSize(24)
        self._view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self._view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self._view.setFont(theme.font(9))
        header = self._view.horizontalHeader()
        # Fixed shares: ResizeToContents would measure every row at every change.
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(24)
        self._view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header.setHighlightSections(False)
        self._message = QLabel(texts("orders.empty"))
        self._message.setObjectName("placeholder")
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setWordWrap(True)
        self._title = QLabel(texts("orders"))
        self._title.setObjectName("panelTitle")
        self._stack = QStackedLayout()
        self._stack.addWidget(self._message)
        self._stack.addWidget(self._view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._title)
        layout.addLayout(self._stack)
        try:
            self.account = Account.instance()
        except CredentialsRequiredError:
            self._message.setText(texts("orders.no_keys"))
            return
        self.account.order_changed.connect(self._on_order)
        self.account.state_changed.connect(self._on_state)
        for order in self.account.orders:
            self._on_order(order)

    @property
    def message(self) -> str:
        """What stands in place of the table while there is none."""
        return self._message.text()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give each column its share of the width."""
        super().resizeEvent(event)
        room = self.width() - self._view.verticalScrollBar().sizeHint().width()
        for column, name in enumerate(_COLUMNS):
            self._view.setColumnWidth(column, int(room * _SHARES[name] / sum(_SHARES.values())))

    def show_error(self, text: str) -> None:
        """Say why there are no orders."""
        self._message.setText(text)
        self._stack.setCurrentWidget(self._message)

    def _on_order(self, order: Order) -> None:
        self.table.take(order)
        self._stack.setCurrentWidget(self._view)

    def _on_state(self, state: AccountState) -> None:
        incomplete = state is AccountState.INCOMPLETE
        self._title.setText(self._texts("orders.incomplete" if incomplete else "orders"))
