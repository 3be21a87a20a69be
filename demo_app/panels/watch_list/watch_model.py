"""The rows of the watch list: tickers with names, and prices of rows never seen."""

from __future__ import annotations

import enum
import time
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from demo_app.style import formats, hangul
from demo_app.style.language import is_korean
from demo_app.terminal_state import TerminalState
from qt_upbit import ThrottledSortProxyModel, TickerEvent, TickerTableModel

__all__ = ["Column", "WatchModel", "WatchOrder", "turnover"]

Index = QModelIndex | QPersistentModelIndex
_DISPLAY: Final = int(Qt.ItemDataRole.DisplayRole)
_TOOL_TIP: Final = int(Qt.ItemDataRole.ToolTipRole)
_ACCESSIBLE: Final = int(Qt.ItemDataRole.AccessibleTextRole)


class Column(enum.IntEnum):
    """The columns, from the left."""

    FAVOURITE = 0
    NAME = 1
    SPARKLINE = 2
    PRICE = 3
    CHANGE = 4
    TURNOVER = 5


_FIELD: Final = {
    Column.FAVOURITE: "code",
    Column.NAME: "code",
    Column.SPARKLINE: "signed_change_rate",
    Column.PRICE: "trade_price",
    Column.CHANGE: "signed_change_rate",
    Column.TURNOVER: "acc_trade_price_24h",
}


def turnover(value: Decimal | float, *, korean: bool) -> str:
    """Turnover in few characters: 억 and 백만, or B and M; small amounts as they are."""
    number = float(value)
    steps = (
        ((1e12, "조", 1), (1e8, "억", 0), (1e6, "백만", 0))
        if korean
        else ((1e12, "T", 1), (1e9, "B", 1), (1e6, "M", 1))
    )
    for unit, name, digits in steps:
        if number >= unit:
            return f"{number / unit:,.{digits}f}{name}"
    return f"{number:,.0f}" if number >= 1000 else f"{number:,.2f}"


class WatchModel(TickerTableModel):
    """`TickerTableModel` in the columns of the watch list.

    Only visible rows are streamed; the others show, and are sorted by, the values of a REST call (`set_seed`)
    or the last streamed ones, whichever is later.

    Args:
        state: names of the markets, in the current language.
        parent: owner.
    """

    def __init__(self, state: TerminalState, parent: QObject | None = None) -> None:
        super().__init__(parent, columns=[_FIELD[column] for column in Column])
        self._state = state
        self.favourites: Collection[str] = ()
        self.caution_text: dict[str, str] = {}
        self._seed: dict[str, TickerEvent] = {}
        self.moves: dict[str, tuple[float, int]] = {}
        """When a price last moved, and whether up (1) or down (-1)."""
        self._last: dict[str, Decimal] = {}
        self.dataChanged.connect(self._remember)

    def set_seed(self, tickers: Mapping[str, TickerEvent]) -> None:
        """Set prices read over REST, for rows that are not streamed."""
        self._seed.update(tickers)
        self.refresh()

    @property
    def has_seed(self) -> bool:
        """Whether prices of rows never streamed are known."""
        return bool(self._seed)

    def refresh(self) -> None:
        """Update every cell: language, favourites or REST prices have changed."""
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(Column) - 1))

    def known(self, row: int, name: str) -> Any:
        """The latest known value of a field; None if there is none."""
        seed = self._seed.get(self.codes[row])
        streamed = self.value(row, "timestamp")
        if seed is not None and (streamed is None or seed.timestamp > streamed):
            return getattr(seed, name)
        return self.value(row, name)

    def data(self, index: Index, role: int = _DISPLAY) -> Any:
        """A cell, by role."""
        row, column = index.row(), index.column()
        if not (0 <= row < len(self.codes) and 0 <= column < len(Column)):
            return None
        if role in (_DISPLAY, _ACCESSIBLE):
            return self.cell_text(row, Column(column))
        if role == self.SortRole:
            return self._sort_key(row, Column(column))
        if role == _TOOL_TIP:
            return self._tool_tip(row)
        return super().data(index, role)

    def cell_text(self, row: int, column: Column) -> str:
        """The text of a cell, as `data` returns it: direct access for painting."""
        code = self.codes[row]
        if column is Column.FAVOURITE:
            return "★" if code in self.favourites else "☆"
        if column is Column.NAME:
            return self._state.market_name(code)
        if column is Column.SPARKLINE:
            return ""
        value = self.known(row, _FIELD[column])
        if value is None:
            return "–"
        if column is Column.PRICE:
            return formats.price(value, code.partition("-")[0])
        if column is Column.CHANGE:
            arrow = "▲" if value > 0 else "▼" if value < 0 else ""
            return f"{arrow} {formats.percent(value)}".lstrip() if value else formats.percent(0, sign=False)
        return turnover(value, korean=is_korean())

    def _sort_key(self, row: int, column: Column) -> float | str | None:
        code = self.codes[row]
        if column is Column.FAVOURITE:
            return float(code in self.favourites)
        if column is Column.NAME:
            return self._state.market_name(code).casefold()
        value = self.known(row, _FIELD[column])
        return None if value is None else float(value)

    def _tool_tip(self, row: int) -> str:
        code = self.codes[row]
        market = self._state.markets.get(code)
        if market is None:
            return code
        lines = [f"{market.korean_name} · {market.english_name} · {code}"]
        if market.warning:
            lines.append(self.caution_text.get("", ""))
        lines += [self.caution_text.get(name, name) for name in market.cautions]
        return "\n".join(filter(None, lines))

    def _remember(self, first: QModelIndex, last: QModelIndex, _roles: object = None) -> None:
        if not first.column() <= Column.PRICE <= last.column():
            return
        now = time.perf_counter()
        for row in range(first.row(), last.row() + 1):
            price = self.value(row, "trade_price")
            if price is None:
                continue
            code = self.codes[row]
            before = self._last.get(code)
            if before == price:
                continue
            self._last[code] = price
            if before is not None:
                self.moves[code] = (now, 1 if price > before else -1)


class WatchOrder(ThrottledSortProxyModel):
    """Sorts at a throttled rate, and shows the accepted codes that match the query.

    Args:
        state: names of the markets.
        model: the rows.
        parent: owner.
    """

    def __init__(self, state: TerminalState, model: WatchModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._model = model
        self._accepted: frozenset[str] = frozenset()
        self.setSourceModel(model)

    def accept(self, codes: Collection[str], query: str = "") -> None:
        """Show the rows of these codes whose name or code matches `query`."""
        accepted = frozenset(code for code in codes if self._matches(code, query))
        if accepted != self._accepted:
            self._accepted = accepted
            self.invalidate()
            self.sort_now()

    def code(self, row: int) -> str:
        """The pair of a proxy row."""
        return self._model.codes[self.mapToSource(self.index(row, 0)).row()]

    def row_of(self, code: str) -> int:
        """The proxy row of a pair; -1 if it is not shown."""
        if code not in self._accepted or code not in self._model.codes:
            return -1
        return self.mapFromSource(self._model.index(self._model.row_of(code), 0)).row()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """Qt's."""
        return self._model.codes[source_row] in self._accepted

    def _matches(self, code: str, query: str) -> bool:
        market = self._state.markets.get(code)
        names = (code,) if market is None else (code, market.korean_name, market.english_name)
        return any(hangul.matches(query, name) for name in names)
