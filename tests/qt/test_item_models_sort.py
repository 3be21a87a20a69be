"""Sorting rows that tick: exact numbers in order, and rows that stay where the eye is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QSortFilterProxyModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QTableView

from qt_upbit import GlobalWebSocketManager, ThrottledSortProxyModel, TickerTableModel
from tests.support import events
from tests.support.wait import turns, until

CODES = [f"KRW-C{i}" for i in range(40)]
PRICE = 1
UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


@pytest.fixture
def table(manager: GlobalWebSocketManager) -> Iterator[TickerTableModel]:
    model = TickerTableModel(manager=manager)
    model.set_codes(CODES)
    model.set_visible_codes(())
    yield model
    model.close()


async def show(table: TickerTableModel, prices: dict[str, int]) -> None:
    for code, price in prices.items():
        table._proxy.ticker_received.emit(events.ticker(code, price))
    await until(
        lambda: all(table.value(table.row_of(code), "trade_price") == p for code, p in prices.items())
    )


def order(proxy: QSortFilterProxyModel) -> list[str]:
    return [proxy.index(row, 0).data() for row in range(proxy.rowCount())]


def prices(proxy: QSortFilterProxyModel) -> list[str]:
    return [proxy.index(row, PRICE).data() for row in range(proxy.rowCount())]


# As text 9 comes after 1,000, and to Qt one Python object is like another.
PRICES = {CODES[0]: 9, CODES[1]: 1_000, CODES[2]: 100_000_000, CODES[3]: 80}
IN_ORDER = ["9", "80", "1,000", "100,000,000"]


async def test_an_ordinary_proxy_sorts_decimals_by_the_sort_role(table: TickerTableModel) -> None:
    await show(table, PRICES)
    proxy = QSortFilterProxyModel()
    proxy.setSourceModel(table)
    proxy.setSortRole(table.SortRole)
    proxy.sort(PRICE)
    assert prices(proxy)[:4] == IN_ORDER
    await show(table, {CODES[3]: 5})
    assert prices(proxy)[0] == "5"


@pytest.mark.parametrize("direction", [UP, DOWN])
async def test_a_calm_proxy_sorts_decimals_and_has_the_unknown_last(
    table: TickerTableModel, direction: Qt.SortOrder
) -> None:
    await show(table, PRICES)
    proxy = ThrottledSortProxyModel()
    proxy.setSourceModel(table)
    proxy.sort(PRICE, direction)
    assert prices(proxy) == (IN_ORDER if direction is UP else IN_ORDER[::-1]) + [""] * 36
    proxy.sort(-1)
    assert order(proxy) == CODES


async def test_rows_trade_places_only_when_the_interval_is_over(table: TickerTableModel) -> None:
    await show(table, {code: i + 1 for i, code in enumerate(CODES)})
    proxy = ThrottledSortProxyModel(interval_ms=300_000)
    QAbstractItemModelTester(proxy, QAbstractItemModelTester.FailureReportingMode.Fatal, proxy)
    proxy.setSourceModel(table)
    proxy.sort(PRICE, DOWN)
    layouts: list[None] = []
    painted: list[tuple[int, int]] = []
    proxy.layoutChanged.connect(lambda *_: layouts.append(None))
    proxy.dataChanged.connect(lambda first, last, _r: painted.append((first.row(), last.row())))
    for price in range(1000, 1010):
        await show(table, {CODES[0]: price})
    assert order(proxy) == CODES[::-1]
    assert prices(proxy)[-1] == "1,009"
    assert (39, 39) in painted
    assert layouts == []
    assert proxy._timer.isActive()
    proxy._timer.timeout.emit()
    assert order(proxy) == [CODES[0], *CODES[:0:-1]]
    assert len(layouts) == 1
    proxy.sort_now()
    assert len(layouts) == 1, "the order holds"
    proxy._timer.stop()


async def test_it_sorts_again_by_itself_and_a_tick_elsewhere_is_no_reason(table: TickerTableModel) -> None:
    await show(table, {code: i + 1 for i, code in enumerate(CODES)})
    proxy = ThrottledSortProxyModel(interval_ms=20)
    proxy.setSourceModel(table)
    proxy.sort(0)
    await show(table, {CODES[0]: 500})
    assert not proxy._timer.isActive()
    proxy.sort(PRICE)
    await show(table, {CODES[0]: 600})
    await until(lambda: order(proxy)[-1] == CODES[0])
    table.set_codes([*CODES, "KRW-NEW"])
    await show(table, {"KRW-NEW": 0})
    await until(lambda: order(proxy)[0] == "KRW-NEW")
    await until(lambda: not proxy._timer.isActive())


async def test_selection_and_scroll_place_are_kept(table: TickerTableModel) -> None:
    await show(table, {code: i + 1 for i, code in enumerate(CODES)})
    proxy = ThrottledSortProxyModel(interval_ms=300_000)
    proxy.setSourceModel(table)
    view = QTableView()
    view.setModel(proxy)
    view.setSortingEnabled(True)
    view.sortByColumn(PRICE, UP)
    view.resize(400, 200)
    view.show()
    await turns()
    flags = QItemSelectionModel.SelectionFlag
    view.selectionModel().setCurrentIndex(proxy.index(20, 0), flags.ClearAndSelect | flags.Rows)
    view.verticalScrollBar().setValue(12)
    before = view.verticalScrollBar().value()
    await show(table, {CODES[20]: 1000, CODES[0]: 2000})
    proxy.sort_now()
    assert order(proxy)[-2:] == [CODES[20], CODES[0]]
    assert [index.data() for index in view.selectionModel().selectedRows(0)] == [CODES[20]]
    assert view.currentIndex().data() == CODES[20]
    await turns()
    assert (view.verticalScrollBar().value(), before) == (12, 12)
    proxy._timer.stop()
    view.close()
    view.deleteLater()


def test_an_interval_is_milliseconds() -> None:
    wrong: Any
    for wrong in (0, True, 1.5):
        with pytest.raises(ValueError, match="milliseconds"):
            ThrottledSortProxyModel(interval_ms=wrong)
