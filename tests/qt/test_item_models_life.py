"""However a model dies, nothing stays subscribed and nothing of it stays in memory."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtTest import QAbstractItemModelTester

from qt_upbit import (
    Account,
    BalanceTableModel,
    CandleModel,
    GlobalWebSocketManager,
    LiveTableModel,
    OrderbookTableModel,
    OrderTableModel,
    TickerTableModel,
    TradeListModel,
)
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.account import place
from tests.support.exchange import streams
from tests.support.wait import turns, until

STREAMING = {
    "market_running": True,
    "markets": 3,
    "rest_limit": None,
    "rate": 40.0,
}


def ticker(parent: QObject | None, manager: GlobalWebSocketManager) -> LiveTableModel:
    model = TickerTableModel(parent, manager=manager)
    model.set_codes(["KRW-BTC", "KRW-ETH", "KRW-XRP"])
    return model


def orderbook(parent: QObject | None, manager: GlobalWebSocketManager) -> LiveTableModel:
    model = OrderbookTableModel(parent, manager=manager)
    model.set_code("KRW-BTC")
    return model


def trades(parent: QObject | None, manager: GlobalWebSocketManager) -> LiveTableModel:
    model = TradeListModel(parent, limit=20, manager=manager)
    model.set_codes(["KRW-BTC"])
    return model


def candles(parent: QObject | None, manager: GlobalWebSocketManager) -> LiveTableModel:
    model = CandleModel(parent, count=20, manager=manager)
    model.set_code("KRW-BTC", "1s")
    return model


def orders(parent: QObject | None, manager: GlobalWebSocketManager) -> LiveTableModel:
    return OrderTableModel(parent, manager=manager)


def balances(parent: QObject | None, manager: GlobalWebSocketManager) -> LiveTableModel:
    return BalanceTableModel(parent, manager=manager)


PUBLIC = [ticker, orderbook, trades, candles]
ALL = [*PUBLIC, orders, balances]
Construct = Callable[[QObject | None, GlobalWebSocketManager], LiveTableModel]


@pytest_asyncio.fixture
async def streaming(make_server: MakeServer) -> SimulatedServer:
    server = await make_server(**STREAMING)
    place(server)
    return server


@pytest_asyncio.fixture
async def keyed(
    streaming: SimulatedServer, make_manager: MakeManager
) -> AsyncIterator[GlobalWebSocketManager]:
    manager = make_manager(streaming, keys=True)
    yield manager
    account = manager.shared.get(Account)
    if isinstance(account, Account):
        account.close()


def by_close(model: LiveTableModel, _parent: QObject) -> None:
    model.close()
    model.close()


def by_delete(model: LiveTableModel, _parent: QObject) -> None:
    shiboken6.delete(model)


def by_its_parents_delete(_model: LiveTableModel, parent: QObject) -> None:
    shiboken6.delete(parent)


@pytest.mark.parametrize("construct", ALL)
async def test_dies_with_its_parent_and_is_collected(
    construct: Construct, streaming: SimulatedServer, keyed: GlobalWebSocketManager
) -> None:
    parent = QObject()
    model = construct(parent, keyed)
    await until(model.rowCount)
    dead = weakref.ref(model)
    gone: list[None] = []
    model.destroyed.connect(lambda: gone.append(None))
    del model
    shiboken6.delete(parent)
    del parent
    gc.collect()
    assert (dead(), gone) == (None, [None])
    await until(lambda: not streams(streaming), what="nothing subscribed")


@pytest.mark.parametrize("construct", ALL)
async def test_without_a_parent_it_goes_when_it_is_dropped(
    construct: Construct, streaming: SimulatedServer, keyed: GlobalWebSocketManager
) -> None:
    model = construct(None, keyed)
    await until(model.rowCount)
    dead = weakref.ref(model)
    del model
    await turns()
    gc.collect()
    await until(lambda: dead() is None)
    await until(lambda: not streams(streaming), what="nothing subscribed")


@pytest.mark.parametrize("way", [by_close, by_delete, by_its_parents_delete])
@pytest.mark.parametrize("construct", ALL)
async def test_may_die_in_a_slot_of_its_own(
    construct: Construct,
    way: Callable[[LiveTableModel, QObject], None],
    streaming: SimulatedServer,
    keyed: GlobalWebSocketManager,
) -> None:
    parent = QObject()
    model = construct(parent, keyed)
    died: list[None] = []

    def end(*_: Any) -> None:
        if not died:
            died.append(None)
            way(model, parent)

    model.dataChanged.connect(end)
    model.rowsInserted.connect(end)
    await until(lambda: died)
    await until(lambda: not shiboken6.isValid(model) or model.is_closed or not model.parent())
    await until(lambda: not streams(streaming), what="nothing subscribed")
    if shiboken6.isValid(parent):
        shiboken6.delete(parent)


async def test_all_six_stand_qts_tester_while_the_exchange_streams(
    streaming: SimulatedServer, keyed: GlobalWebSocketManager
) -> None:
    parent = QObject()
    models = [construct(parent, keyed) for construct in ALL]
    mode = QAbstractItemModelTester.FailureReportingMode.Fatal
    for model in models:
        QAbstractItemModelTester(model, mode, parent)
    changes = [0] * len(models)

    def count(i: int) -> Callable[..., None]:
        def note(*_: Any) -> None:
            changes[i] += 1

        return note

    for i, model in enumerate(models):
        model.dataChanged.connect(count(i))
        model.rowsInserted.connect(count(i))

    def have_changed() -> bool:
        if changes[ALL.index(orders)] < 3:
            place(streaming)
        return all(number >= 3 for number in changes)

    await until(have_changed)
    shiboken6.delete(parent)
