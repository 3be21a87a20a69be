"""Item models over the simulated exchange: what a view sees is what the exchange sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtTest import QAbstractItemModelTester

from qt_upbit import (
    LiveTableModel,
    TickerTableModel,
)
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.exchange import streams
from tests.support.wait import until

STREAMING = {"market_running": True, "markets": 3, "rest_limit": None, "rate": 40.0}
PRICE = TickerTableModel.DEFAULT_COLUMNS.index("trade_price")

Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    """Models, and accounts, closed afterwards; each model under Qt's own tester, which aborts on a fault."""
    made: list[Any] = []
    testers: list[QAbstractItemModelTester] = []

    def construct(cls: type, *args: Any, **options: Any) -> Any:
        thing = cls(*args, **options)
        made.append(thing)
        if isinstance(thing, QAbstractItemModel):
            mode = QAbstractItemModelTester.FailureReportingMode.Fatal
            testers.append(QAbstractItemModelTester(thing, mode))
        return thing

    yield construct
    for thing in reversed(made):
        if shiboken6.isValid(thing):
            thing.close()
    for tester in testers:
        if shiboken6.isValid(tester):
            shiboken6.delete(tester)


class Changes:
    """Every ``dataChanged`` of a model, as (top, left, bottom, right, roles)."""

    def __init__(self, model: LiveTableModel) -> None:
        self.seen: list[tuple[int, int, int, int, list[int]]] = []
        model.dataChanged.connect(self._note)

    def _note(self, first: Any, last: Any, roles: list[int]) -> None:
        self.seen.append((first.row(), first.column(), last.row(), last.column(), list(roles)))

    def of_cells(self) -> list[tuple[int, int, int, int]]:
        """Those that repaint something."""
        return [change[:4] for change in self.seen if Qt.ItemDataRole.DisplayRole in change[4]]


def texts(model: LiveTableModel, column: int) -> list[str]:
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


async def test_three_lines_make_a_watch_list(
    make_server: MakeServer, make_manager: MakeManager, make: Make
) -> None:
    server = await make_server(**STREAMING)
    model = make(TickerTableModel, manager=make_manager(server))
    model.set_codes(["KRW-BTC", "KRW-ETH"])
    assert texts(model, 0) == ["KRW-BTC", "KRW-ETH"]
    changes = Changes(model)
    await until(lambda: all(texts(model, PRICE)) and len(changes.of_cells()) > 10)
    assert streams(server) == {("ticker", "KRW-BTC"), ("ticker", "KRW-ETH")}
    price = model.value(0, "trade_price")
    assert isinstance(price, Decimal)
    assert texts(model, PRICE)[0] == f"{price:,f}"
    model.close()
    await until(lambda: not streams(server), what="nothing subscribed")
    assert texts(model, PRICE)[0]
