"""Every KRW pair in a table that can be sorted; only visible rows are subscribed.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/watch_list.py
"""

from PySide6.QtWidgets import QTableView

import qt_upbit
from qt_upbit import GlobalWebSocketManager, ThrottledSortProxyModel, TickerTableModel


async def main() -> None:
    view = QTableView()
    model = TickerTableModel(parent=view)
    proxy = ThrottledSortProxyModel(parent=view)
    proxy.setSourceModel(model)
    view.setModel(proxy)
    view.setSortingEnabled(True)

    def subscribe_rows_in_sight() -> None:
        last = view.rowAt(view.viewport().height() - 1)
        rows = range(max(0, view.rowAt(0)), (last if last >= 0 else proxy.rowCount() - 1) + 1)
        model.set_visible_codes([proxy.index(row, 0).data() for row in rows])

    view.verticalScrollBar().valueChanged.connect(subscribe_rows_in_sight)
    proxy.layoutChanged.connect(subscribe_rows_in_sight)
    markets = await GlobalWebSocketManager.instance().rest.get_markets()
    model.set_codes([market.code for market in markets if market.code.startswith("KRW-")])
    view.resize(900, 500)
    view.show()
    subscribe_rows_in_sight()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
