"""`OrderbookView`: asks above, bids below, with depth bars."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from demo_app import formats
from demo_app.i18n import Translator
from demo_app.theme import SPACE, Theme
from qt_upbit import OrderbookEvent, Subscription, TickerEvent, WebSocketClientProxy

__all__ = ["OrderbookView"]

_DEPTH = 15
_LEAST_ROW = 16
_ROW_HEIGHT = 21
_HEADER = 26


class OrderbookView(QWidget):
    """The book of one pair on a proxy of its own: price, change against yesterday, size, depth bar."""

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("orderbook")
        self.setAccessibleName(texts("orderbook"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._theme = theme
        self._texts = texts
        self._font = theme.font(9)
        self._bold = theme.font(9, bold=True)
        self._code = ""
        self._book: OrderbookEvent | None = None
        self._ticker: TickerEvent | None = None
        self._is_stale = False
        self._row = float(_ROW_HEIGHT)
        self._size_digits = 4
        self.proxy = WebSocketClientProxy("orderbook", parent=self)
        self.proxy.orderbook_received.connect(self._on_orderbook)
        self.proxy.ticker_received.connect(self._on_ticker)
        self._subscriptions: tuple[Subscription, ...] = ()

    def show_market(self, code: str) -> None:
        """Change the pair; the old book stays, grey, until the new one comes."""
        before = self._subscriptions
        self._code = code
        self._subscriptions = (
            self.proxy.subscribe_orderbook([code], depth=_DEPTH),
            self.proxy.subscribe_ticker([code]),
        )
        for subscription in before:
            subscription.close()
        self.update()

    def set_stale(self, stale: bool) -> None:
        """Show that what is on the screen is not of now."""
        if stale != self._is_stale:
            self._is_stale = stale
            self.update()

    def _on_orderbook(self, event: OrderbookEvent) -> None:
        if event.code == self._code:
            self._book = event
            self.update()

    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code == self._code:
            self._ticker = event
            self.update()

    def sizeHint(self) -> QSize:
        """Room for fifteen rows a side."""
        return QSize(320, _HEADER * 2 + _ROW_HEIGHT * 31)

    def minimumSizeHint(self) -> QSize:
        """Room for five rows a side."""
        return QSize(260, _HEADER * 2 + _ROW_HEIGHT * 11)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint as many rows a side as fit."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.panel)
        painter.setFont(self._font)
        book = self._book
        if book is None:
            painter.setPen(self._theme.muted)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._texts("book.empty"))
            return
        self._draw_header(painter, book.code)
        painter.setOpacity(0.55 if self._is_stale or book.code != self._code else 1.0)
        asks, bids = book.float_levels
        quote = book.code.partition("-")[0]
        room = max(self.height() - 2 * _HEADER, 3 * _LEAST_ROW)
        rows = min(_DEPTH, max(1, int((room / _LEAST_ROW - 1) / 2)))
        self._row = room / (2 * rows + 1)
        asks, bids = asks[:rows], bids[:rows]
        largest = max((size for _, size in (*asks, *bids)), default=1.0)
        best = bids[0][0] if bids else asks[0][0] if asks else 1.0
        digits = formats.decimals_of(best, quote)
        self._size_digits = min(4, formats.volume_decimals(best, quote))
        ticker = self._ticker if self._ticker is not None and self._ticker.code == book.code else None
        previous = float(ticker.prev_closing_price) if ticker else None
        last = float(ticker.trade_price) if ticker else None
        row = self._row
        middle = _HEADER + rows * row
        for i, (price, size) in enumerate(asks):
            y = middle - (i + 1) * row
            self._draw_row(painter, y, price, size, largest, digits, previous, last, self._theme.down)
        self._draw_spread(painter, middle, asks, bids, digits, quote)
        for i, (price, size) in enumerate(bids):
            y = middle + (i + 1) * row
            self._draw_row(painter, y, price, size, largest, digits, previous, last, self._theme.up)
        self._draw_totals(painter, book)

    def _columns(self) -> tuple[float, float, float]:
        """Right edges of price, change and size."""
        width = self.width()
        return width * 0.4, width * 0.66, width - SPACE

    def _draw_header(self, painter: QPainter, code: str) -> None:
        quote, _, base = code.partition("-")
        painter.setPen(self._theme.muted)
        price, _, size = self._columns()
        box = QRectF(0, 0, price, _HEADER)
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(box, align, f"{self._texts('price')} ({quote})")
        text = f"{self._texts('size')} ({base})"
        painter.drawText(QRectF(0, 0, size, _HEADER), align, text)
        painter.setPen(self._theme.border)
        painter.drawLine(0, _HEADER - 1, self.width(), _HEADER - 1)

    def _draw_row(
        self,
        painter: QPainter,
        y: float,
        price: float,
        size: float,
        largest: float,
        digits: int,
        previous: float | None,
        last: float | None,
        side: QColor,
    ) -> None:
        price_right, change_right, size_right = self._columns()
        bar_left = change_right + SPACE
        full = size_right + SPACE - bar_left
        width = full * size / largest
        bar = QRectF(self.width() - width, y + 1, width, self._row - 2)
        painter.fillRect(bar, self._theme.faded(side, 56))
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        change = (price / previous - 1) if previous else None
        color = self._theme.text
        if change is not None:
            color = self._theme.up if change > 0 else self._theme.down if change < 0 else self._theme.text
        if last is not None and price == last:
            mark = QRectF(SPACE / 2, y + 0.5, price_right, self._row - 1)
            painter.fillRect(mark, self._theme.faded(self._theme.text, 28))
            painter.setPen(self._theme.text)
            painter.drawRect(mark)
        painter.setPen(color)
        painter.setFont(self._bold)
        painter.drawText(QRectF(0, y, price_right, self._row), align, f"{price:,.{digits}f}")
        painter.setFont(self._font)
        if change is not None:
            painter.drawText(QRectF(0, y, change_right, self._row), align, formats.percent(change))
        painter.setPen(self._theme.text)
        painter.drawText(QRectF(0, y, size_right, self._row), align, f"{size:,.{self._size_digits}f}")

    def _draw_spread(
        self,
        painter: QPainter,
        y: float,
        asks: tuple[tuple[float, float], ...],
        bids: tuple[tuple[float, float], ...],
        digits: int,
        quote: str,
    ) -> None:
        painter.fillRect(QRectF(0, y, self.width(), self._row), self._theme.grid)
        if not asks or not bids:
            return
        spread = asks[0][0] - bids[0][0]
        text = f"{self._texts('spread')}  {spread:,.{digits}f} {quote}  ({spread / bids[0][0] * 100:.3f}%)"
        painter.setPen(self._theme.muted)
        painter.drawText(QRectF(0, y, self.width(), self._row), Qt.AlignmentFlag.AlignCenter, text)

    def _draw_totals(self, painter: QPainter, book: OrderbookEvent) -> None:
        y = self.height() - _HEADER
        painter.setPen(self._theme.border)
        painter.drawLine(0, y, self.width(), y)
        box = QRectF(SPACE, y, self.width() - 2 * SPACE, _HEADER)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self._theme.down)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, formats.size(book.total_ask_size, 3))
        painter.setPen(self._theme.up)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, formats.size(book.total_bid_size, 3))
        painter.setPen(self._theme.muted)
        name = self._texts("total")
        if QFontMetricsF(self._font).horizontalAdvance(name) < box.width() / 3:
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignHCenter, name)
