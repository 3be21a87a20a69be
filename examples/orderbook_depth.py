"""An order book, painted: five rows a side with bars for the sizes.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/orderbook_depth.py
"""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

import qt_upbit
from qt_upbit import OrderbookEvent, WebSocketClientProxy

ROWS = 5
ASK, BID = QColor("#1261c4"), QColor("#c84a31")


class OrderbookDepth(QWidget):
    """Stores the newest book and paints it when Qt asks; hidden, it is not called at all."""

    def __init__(self, code: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{code} order book")
        self.book: OrderbookEvent | None = None
        proxy = WebSocketClientProxy("order book", parent=self, visible_only=True)
        proxy.orderbook_received.connect(self.on_orderbook)
        proxy.subscribe_orderbook([code], depth=ROWS)

    def on_orderbook(self, event: OrderbookEvent) -> None:
        """A slot stores and asks for a repaint; it does not paint."""
        self.book = event
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # Qt's name
        """Rows from the best ask upwards and the best bid downwards."""
        if self.book is None:
            return
        # Floats are enough for painting; orders are made from `asks` and `bids`, which are exact.
        asks, bids = self.book.float_levels
        rows = [(ASK, *level) for level in reversed(asks)] + [(BID, *level) for level in bids]
        largest = max(size for _, _, size in rows)
        height = self.height() / len(rows)
        with QPainter(self) as painter:
            for i, (color, price, size) in enumerate(rows):
                row = QRectF(0, i * height, self.width(), height)
                bar = QRectF(0, row.y(), row.width() * size / largest, height - 1)
                painter.fillRect(bar, color.lighter(160))
                painter.drawText(row, Qt.AlignmentFlag.AlignCenter, f"{price:,.8g}   {size:.4f}")


async def main() -> None:
    widget = OrderbookDepth("KRW-BTC")
    widget.resize(360, 320)
    widget.show()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
