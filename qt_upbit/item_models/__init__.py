"""Qt item models of live data, for any view, widget or QML.

See docs/item_models.md. They need QtCore and QtGui of PySide6, but no widgets.
"""

# First, as it explains the problem if PySide6 cannot be loaded.
import qt_upbit.qt as _qt  # noqa: F401
from qt_upbit.item_models.balances import BalanceTableModel
from qt_upbit.item_models.base import LiveTableModel
from qt_upbit.item_models.candles import CandleModel
from qt_upbit.item_models.orderbook import OrderbookTableModel
from qt_upbit.item_models.orders import OrderTableModel
from qt_upbit.item_models.throttled_sort import ThrottledSortProxyModel
from qt_upbit.item_models.tickers import TickerTableModel
from qt_upbit.item_models.trades import TradeListModel

__all__ = [
    "BalanceTableModel",
    "CandleModel",
    "LiveTableModel",
    "OrderTableModel",
    "OrderbookTableModel",
    "ThrottledSortProxyModel",
    "TickerTableModel",
    "TradeListModel",
]
