"""`BalanceRows`: the library's balances with their values, as a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from demo_app.style import formats
from demo_app.terminal_state import TerminalState
from demo_app.trading.holdings import Holding
from qt_upbit import Account, BalanceTableModel, ThrottledSortProxyModel, quote_currency_of

__all__ = ["COLUMNS", "BalanceRows", "HoldingsShown"]

COLUMNS: Final = ("currency", "balance", "locked", "avg_buy_price", "value", "profit", "profit_rate")
_VALUED: Final = COLUMNS.index("value")
_Index = QModelIndex | QPersistentModelIndex


class BalanceRows(QAbstractTableModel):
    """A `BalanceTableModel`'s rows as `Holding`s; prices are given by `set_price`.

    Args:
        state: names and colours.
        account: the account shown.
        quote: the currency they are valued in.
        parent: owner.
    """

    SortRole = BalanceTableModel.SortRole

    def __init__(
        self, state: TerminalState, account: Account, quote: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self.quote = quote
        self._prices: dict[str, Decimal] = {}
        self.source = BalanceTableModel(self, account=account)
        self.holdings: list[Holding] = [self._read(row) for row in range(self.source.rowCount())]
        self.source.rowsAboutToBeInserted.connect(self._on_inserting)
        self.source.rowsInserted.connect(self._on_inserted)
        self.source.dataChanged.connect(self._on_changed)
        self.source.modelAboutToBeReset.connect(self.beginResetModel)
        self.source.modelReset.connect(self._on_reset)

    def _read(self, row: int) -> Holding:
        source = self.source
        currency = source.value(row, "currency")
        is_money = currency == self.quote
        unit = source.value(row, "unit_currency")
        paid = source.value(row, "avg_buy_price") if unit in (None, self.quote) and not is_money else None
        price = Decimal(1) if is_money else self._prices.get(currency)
        return Holding(
            currency, source.value(row, "balance"), source.value(row, "locked"), paid, price, is_money
        )

    def _on_inserting(self, _parent: QModelIndex, first: int, last: int) -> None:
        self.beginInsertRows(QModelIndex(), first, last)

    def _on_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        self.holdings[first:first] = [self._read(row) for row in range(first, last + 1)]
        self.endInsertRows()

    def _on_reset(self) -> None:
        self.holdings = [self._read(row) for row in range(self.source.rowCount())]
        self.endResetModel()

    def _on_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        for row in range(first.row(), last.row() + 1):
            self.holdings[row] = self._read(row)
        self._notify(first.row(), last.row(), 0)

    def _notify(self, first: int, last: int, column: int) -> None:
        self.dataChanged.emit(self.index(first, column), self.index(last, len(COLUMNS) - 1))

    def set_price(self, currency: str, price: Decimal) -> None:
        """Set the current value of one unit."""
        if self._prices.get(currency) == price:
            return
        self._prices[currency] = price
        for row, holding in enumerate(self.holdings):
            if holding.currency == currency and not holding.is_money:
                self.holdings[row] = self._read(row)
                self._notify(row, row, _VALUED)

    def refresh(self) -> None:
        """Language, names or colours have changed."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        if self.holdings:
            self._notify(0, len(self.holdings) - 1, 0)

    def is_listed(self, currency: str) -> bool:
        """Whether the currency has a market in the quote currency."""
        return f"{self.quote}-{currency}" in self._state.markets

    # --- Qt's names ----------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Number of currencies."""
        return 0 if parent.isValid() else len(self.holdings)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            QCoreApplication.translate("BalanceRows", "Asset"),
            QCoreApplication.translate("BalanceRows", "Available"),
            QCoreApplication.translate("BalanceRows", "In orders"),
            QCoreApplication.translate("BalanceRows", "Avg. buy price"),
            QCoreApplication.translate("BalanceRows", "Value"),
            QCoreApplication.translate("BalanceRows", "Profit"),
            QCoreApplication.translate("BalanceRows", "Return"),
        )[section]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """One cell."""
        if not index.isValid():
            return None
        holding, column = self.holdings[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(holding, COLUMNS[column])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(holding, COLUMNS[column])
        if role == self.SortRole:
            value = getattr(holding, COLUMNS[column])
            return float(value) if isinstance(value, Decimal) else value
        if role == Qt.ItemDataRole.ToolTipRole and holding.value is None:
            return self._why_no_value(holding)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            header = self.headerData(column, Qt.Orientation.Horizontal)
            return f"{header}: {self._text(holding, COLUMNS[column])}"
        return None

    def _why_no_value(self, holding: Holding) -> str:
        if self.is_listed(holding.currency):
            return QCoreApplication.translate("BalanceRows", "Waiting for the first price")
        return QCoreApplication.translate("BalanceRows", "No {quote} market: its value is not known").format(
            quote=self.quote
        )

    def _text(self, holding: Holding, column: str) -> str:
        match column:
            case "currency":
                name = self._state.market_name(f"{self.quote}-{holding.currency}")
                return holding.currency if name == holding.currency else f"{name} {holding.currency}"
            case "balance":
                return formats.amount(holding.balance)
            case "locked":
                return formats.amount(holding.locked)
            case "avg_buy_price":
                paid = holding.avg_buy_price
                return formats.price(paid, self.quote) if paid else "–"
            case "value" if holding.value is None and not self.is_listed(holding.currency):
                return QCoreApplication.translate("BalanceRows", "no market")
            case "value":
                return "–" if holding.value is None else _money(holding.value, self.quote)
            case "profit":
                return "–" if holding.profit is None else _money(holding.profit, self.quote, sign="+")
            case _:
                return formats.percent(holding.profit_rate)

    def _color(self, holding: Holding, column: str) -> Any:
        theme = self._state.theme
        if column in ("profit", "profit_rate") and holding.profit:
            return theme.up if holding.profit > 0 else theme.down
        return theme.muted if column == "value" and holding.value is None else theme.text


class HoldingsShown(ThrottledSortProxyModel):
    """The holdings, without small ones if the user hides them; the quote currency is always shown.

    Args:
        rows: all holdings.
        parent: owner.
    """

    def __init__(self, rows: BalanceRows, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.hides_small = False
        self._small = quote_currency_of(rows.quote).small_balance
        self._hidden: list[bool] = []
        self.setSourceModel(rows)
        rows.dataChanged.connect(self._on_changed)
        rows.rowsInserted.connect(self._on_changed)
        rows.modelReset.connect(self._on_changed)

    def set_hides_small(self, hides: bool) -> None:
        """Hide holdings of little value."""
        self.hides_small = hides
        self._on_changed()

    def _is_hidden(self, holding: Holding) -> bool:
        if holding.is_money:
            return False
        is_small = holding.value is not None and holding.value < self._small
        return not holding.total or (self.hides_small and is_small)

    def _on_changed(self, *_: object) -> None:
        # Filter again only when a row appears or goes: the throttled proxy does not filter on each tick.
        hidden = [self._is_hidden(holding) for holding in self._rows.holdings]
        if hidden != self._hidden:
            self._hidden = hidden
            self.invalidate()

    def filterAcceptsRow(self, row: int, _parent: _Index) -> bool:
        """Qt's."""
        return not self._is_hidden(self._rows.holdings[row])

    def holding(self, row: int) -> Holding:
        """The holding in a row of this proxy."""
        return self._rows.holdings[self.mapToSource(self.index(row, 0)).row()]


def _money(value: Decimal, quote: str, sign: str = "") -> str:
    return f"{value:{sign},.{quote_currency_of(quote).decimals}f}"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
