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
    AskBid,
    CredentialsRequiredError,
    MyOrderEvent,
    OrderState,
    OrderType,
    WebSocketClientProxy,
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


class _Row:
    """What is known of one order: a fill's frame carries the fill's price and size, not the order's."""

    def __init__(self, event: MyOrderEvent) -> None:
        self.first = event
        self.last = event
        self.price: Decimal | None = None
        self.volume: Decimal | None = None
        self.take(event)

    def take(self, event: MyOrderEvent) -> None:
        self.last = event
        if event.state is not OrderState.TRADE:
            self.price = self.price if event.price is None else event.price
            self.volume = self.volume if event.volume is None else event.volume

    @property
    def is_by_amount(self) -> bool:
        """Whether ``price`` is the money to spend, and no price: market buys, and best-price buys."""
        kind = self.last.order_type
        is_best_buy = kind is OrderType.BEST and self.last.ask_bid is AskBid.BID
        return kind is OrderType.PRICE or (is_best_buy and self.volume is None)

    @property
    def filled(self) -> Decimal | None:
        """Fraction filled, of the volume or of the money to spend; None if it is not known."""
        done, rest = self.last.executed_volume, self.last.remaining_volume
        if self.last.state is OrderState.DONE:
            return Decimal(1)
        if self.is_by_amount:
            spent = self.last.executed_funds
            return spent / self.price if self.price and spent is not None else None
        if done is None or rest is None or done + rest == 0:
            return None
        return done / (done + rest)


class OrderTable(QAbstractTableModel):
    """Orders by uuid, the one first seen last on top; beyond two hundred they leave at the bottom.

    Args:
        theme, texts: how it looks and speaks.
        parent: owner.
    """

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._texts = texts
        self._rows: list[_Row] = []
        self._bold = theme.font(9, bold=True)
        self.headers = _COLUMNS
        """What the columns hold, by keys of the texts."""

    def take(self, event: MyOrderEvent) -> None:
        """Note what happened to an order."""
        for position, row in enumerate(self._rows):
            if row.last.uuid == event.uuid:
                row.take(event)
                self.dataChanged.emit(self.index(position, 0), self.index(position, len(_COLUMNS) - 1))
                return
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._rows.insert(0, _Row(event))
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

    def _text(self, row: _Row, column: str) -> str:
        event = row.last
        quote = event.code.partition("-")[0]
        match column:
            case "time":
                return event.time.astimezone(KST).strftime("%H:%M:%S")
            case "market":
                return event.code
            case "side":
                return self._texts(f"side.{event.ask_bid}")
            case "type":
                return self._texts.or_raw("order_type", event.order_type)
            case "price":
                return "–" if row.is_by_amount else formats.price(row.price, quote)
            case "size" if row.is_by_amount and row.price is not None:
                return f"{formats.amount(row.price)} {quote}"
            case "size":
                return formats.amount(row.volume)
            case "filled":
                return formats.percent(row.filled, sign=False)
            case "avg_price":
                return formats.price(event.avg_price, quote) if event.avg_price else "–"
            case "fee":
                return formats.amount(event.paid_fee, 4)
            case _:
                return self._texts(f"order_state.{event.state}")

    def _color(self, row: _Row, column: str) -> Any:
        theme = self._theme
        if column == "side":
            return theme.up if row.last.ask_bid is AskBid.BID else theme.down
        if column == "state":
            return {
                OrderState.DONE: theme.text,
                OrderState.CANCEL: theme.muted,
                OrderState.TRADE: theme.accent,
                OrderState.PREVENTED: theme.warning,
            }.get(row.last.state, theme.warning)
        return theme.muted if row.last.state is OrderState.CANCEL else theme.text


def _alignment(column: str) -> Qt.AlignmentFlag:
    numeric = column in ("price", "size", "filled", "avg_price", "fee")
    side = Qt.AlignmentFlag.AlignRight if numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class OrdersView(QWidget):
    """The order table on a proxy of its own, or a sentence why there is none."""

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
        title = QLabel(texts("orders"))
        title.setObjectName("panelTitle")
        self._stack = QStackedLayout()
        self._stack.addWidget(self._message)
        self._stack.addWidget(self._view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(title)
        layout.addLayout(self._stack)
        self.proxy = WebSocketClientProxy("orders", parent=self)
        self.proxy.my_order_received.connect(self._on_order)
        try:
            self.proxy.subscribe_my_order()
        except CredentialsRequiredError:
            self._message.setText(texts("orders.no_keys"))

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

    def _on_order(self, event: MyOrderEvent) -> None:
        self.table.take(event)
        self._stack.setCurrentWidget(self._view)
