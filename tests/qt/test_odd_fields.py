"""Odd fields on a real socket: events arrive, each field is told once, and darkness is not called LIVE."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from PySide6.QtCore import Qt

from qt_upbit import (
    Delivery,
    OddFieldError,
    Scope,
    WebSocketClientProxy,
    WireFormat,
)
from qt_upbit.item_models import CandleModel, TickerTableModel, TradeListModel
from qt_upbit.simulator.faults.faults import MissingFields, OddFields
from qt_upbit.types import ConnectionState
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.wait import until

pytestmark = pytest.mark.logs("is not what Upbit documents")
_ALWAYS = 10**9
ANNOUNCED = ("is_trading_suspended", "market_warning")
"""Upbit has announced their removal (protocol section 13)."""


@pytest.mark.parametrize("format", WireFormat)
@pytest.mark.parametrize("value", ["null", "missing", "object"])
async def test_an_odd_field_is_reported_once_and_counted(
    make_server: MakeServer,
    make_manager: MakeManager,
    format: WireFormat,
    value: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = await make_server(market_running=True)
    manager = make_manager(server, wire_format=format)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    seen: list[Any] = []
    errors: list[Any] = []
    proxy.error_occurred.connect(errors.append)
    server.faults.inject(OddFields(type="ticker", field="change_rate", value=value, times=_ALWAYS))
    with caplog.at_level(logging.WARNING):
        proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"], delivery=Delivery.EVERY, callback=seen.append)
        await until(lambda: len(seen) >= 10)
    assert all(event.change_rate is None and event.trade_price > 0 for event in seen)
    assert [(type(each), each.type, each.field) for each in errors] == [
        (OddFieldError, "ticker", "change_rate")
    ]
    (record,) = (record for record in caplog.records if "change_rate" in record.message)
    assert str(errors[0]) in record.message
    assert manager.metrics().odd_fields["ticker.change_rate"] >= 10
    assert manager.metrics().odd_fields.keys() == {"ticker.change_rate"}
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    await proxy.cleanup()


@pytest.mark.parametrize("delivery", [Delivery.LATEST, Delivery.EVERY])
async def test_a_connection_of_which_nothing_can_be_read_is_not_live(
    make_server: MakeServer, make_manager: MakeManager, delivery: Delivery
) -> None:
    server = await make_server(market_running=True)
    manager = make_manager(server, silence_timeout_s=0.5)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    seen: list[Any] = []
    proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"], delivery=delivery, callback=seen.append)
    await until(lambda: len(seen) >= 3)
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    server.faults.inject(MissingFields(type="ticker", place="instead", times=_ALWAYS))
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.STALE)
    before = manager.metrics().scopes[Scope.PUBLIC].errors
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].errors > before + 10)
    assert manager.state(Scope.PUBLIC) is not ConnectionState.LIVE
    server.faults.clear()
    seen.clear()
    await until(lambda: bool(seen) and manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    await proxy.cleanup()


@pytest.mark.parametrize("value", ["null", "object"])
async def test_item_models_survive_every_odd_field(
    make_server: MakeServer, make_manager: MakeManager, value: str
) -> None:
    server = await make_server(market_running=True)
    manager = make_manager(server)
    server.faults.inject(OddFields(value=value, times=_ALWAYS))
    tickers = TickerTableModel(manager=manager, columns=[field.name for field in TickerTableModel.FIELDS])
    trades = TradeListModel(manager=manager, columns=[field.name for field in TradeListModel.FIELDS])
    candles = CandleModel(manager=manager, columns=[field.name for field in CandleModel.FIELDS])
    tickers.set_codes(["KRW-BTC", "KRW-ETH"])
    trades.set_codes(["KRW-BTC"])
    candles.set_code("KRW-BTC", "1m")
    price = [field.name for field in TickerTableModel.FIELDS].index("trade_price")
    await until(lambda: bool(tickers.index(0, price).data()))
    await until(lambda: trades.rowCount() > 0 and candles.rowCount() > 0)
    rate = [field.name for field in TickerTableModel.FIELDS].index("change_rate")
    assert tickers.index(0, rate).data() == ""
    for model in (tickers, trades, candles):
        for column in range(model.columnCount()):
            for role in Qt.ItemDataRole:
                model.index(0, column).data(role)
            model.sort(column)
        model.close()


async def test_fields_whose_removal_is_announced_are_none_and_reported(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server(market_running=True, without_announced_removals=True)
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    seen: list[Any] = []
    errors: list[Any] = []
    proxy.error_occurred.connect(errors.append)
    proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"], delivery=Delivery.EVERY, callback=seen.append)
    await until(lambda: len(seen) >= 10)
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    assert all(event.trade_price > 0 for event in seen)
    for name in ANNOUNCED:
        assert all(getattr(event, name) is None for event in seen)
    assert {error.field for error in errors} <= set(ANNOUNCED)
    await proxy.cleanup()
