"""A QML view reads a model's roles by Upbit's names."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QUrl
from PySide6.QtQml import QQmlComponent, QQmlEngine

from qt_upbit import GlobalWebSocketManager, TickerTableModel
from tests.support import events
from tests.support.wait import until

QML = b"""
import QtQml
import QtQml.Models

Instantiator {
    id: list
    property string joined: ""
    property var table: null
    model: table
    delegate: QtObject {
        required property string code
        required property var trade_price
        required property var change
        required property var timestamp
        readonly property string line: [code, trade_price + 1, change, timestamp % 1000].join(" ")
        onLineChanged: list.joined = line
    }
}
"""


async def test_roles_reach_qml_and_follow_the_ticks(manager: GlobalWebSocketManager) -> None:
    model = TickerTableModel(manager=manager)
    model.set_codes(["KRW-BTC", "KRW-ETH"])
    model.set_visible_codes(())
    engine = QQmlEngine()
    complaints: list[str] = []
    engine.warnings.connect(lambda errors: complaints.extend(error.toString() for error in errors))
    component = QQmlComponent(engine)
    component.setData(QML, QUrl("memory.qml"))
    assert not component.isError(), component.errorString()
    root = component.create()
    root.setProperty("table", model)
    assert root.property("count") == 2
    for price in (100, 1_234):
        model._proxy.ticker_received.emit(
            events.ticker("KRW-ETH", price, change="RISE", timestamp=1_800_000_000_007)
        )
        wanted = f"KRW-ETH {price + 1} RISE 7"
        await until(lambda wanted=wanted: root.property("joined") == wanted, what=wanted)
    assert complaints == []
    model.close()
    for thing in (root, component, engine):
        thing.deleteLater()
        QCoreApplication.sendPostedEvents(thing, QEvent.Type.DeferredDelete)
