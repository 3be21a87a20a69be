"""Tables of the terminal: no digit is cut off, nothing jumps, and the sorted column is marked."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QStyleOptionHeader, QTableView

from demo_app.widgets.columns import WideningColumns
from demo_app.widgets.sort_header import SortHeader
from demo_app.widgets.tables import RowTable
from tests.support.wait import until


@pytest.fixture
def model(app: QApplication) -> Iterator[QStandardItemModel]:
    model = QStandardItemModel(1, 3)
    for column, text in enumerate(("KRW", "1", "")):
        model.setItem(0, column, QStandardItem(text))
    yield model
    shiboken6.delete(model)


@pytest.fixture
def view(model: QStandardItemModel) -> Iterator[QTableView]:
    view = RowTable()
    view.setModel(model)
    view.resize(600, 200)
    view.show()
    yield view
    shiboken6.delete(view)


async def test_a_column_grows_with_its_numbers_and_never_shrinks(
    view: QTableView, model: QStandardItemModel
) -> None:
    WideningColumns(view, model, (80, 40, 40))
    assert view.columnWidth(1) == 40
    long = "177.83088512345678"
    model.item(0, 1).setText(long)
    needed = view.fontMetrics().horizontalAdvance(long)
    await until(lambda: view.columnWidth(1) > needed)
    wide = view.columnWidth(1)
    model.item(0, 1).setText("1")
    model.item(0, 0).setText("a longer name of a currency")
    await until(lambda: view.columnWidth(0) > 80)
    assert view.columnWidth(1) == wide


async def test_a_narrowed_column_stays_narrow_until_something_longer_comes(
    view: QTableView, model: QStandardItemModel
) -> None:
    model.item(0, 1).setText("123.456")
    columns = WideningColumns(view, model, (80, 100, 40))
    view.setColumnWidth(1, 30)
    columns.fit()
    assert view.columnWidth(1) == 30
    model.item(0, 1).setText("123.456789")
    columns.fit()
    assert view.columnWidth(1) >= view.sizeHintForColumn(1)


def _text(view: QTableView, section: int) -> str:
    option = QStyleOptionHeader()
    header = view.horizontalHeader()
    assert isinstance(header, SortHeader)
    header.initStyleOption(option)
    header.initStyleOptionForIndex(option, section)
    # Qt's own mark would cover the text.
    assert option.sortIndicator == QStyleOptionHeader.SortIndicator.None_
    return option.text


def test_the_sorted_column_is_marked_in_its_name(view: QTableView, model: QStandardItemModel) -> None:
    model.setHorizontalHeaderLabels(["Asset", "Value", "Profit"])
    view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [_text(view, column) for column in range(3)] == ["Asset", "Value ▼", "Profit"]
    view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert [_text(view, column) for column in range(3)] == ["Asset ▲", "Value", "Profit"]


def test_both_are_released_with_their_table(app: QApplication, model: QStandardItemModel) -> None:
    view = RowTable()
    view.setModel(model)
    gone = weakref.ref(WideningColumns(view, model, ())), weakref.ref(view.horizontalHeader())
    shiboken6.delete(view)
    del view
    gc.collect()
    assert [each() for each in gone] == [None, None]
