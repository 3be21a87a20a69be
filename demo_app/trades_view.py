"""`TradesView`: the tape, newest on top, a batch per frame."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from demo_app import formats
from demo_app.i18n import Translator
from demo_app.theme import SPACE, Theme
from qt_upbit import KST, AskBid, Delivery, Subscription, TradeEvent, WebSocketClientProxy

__all__ = ["TradesView"]

_ROW_HEIGHT = 20
_HEADER = 26
_KEPT = 100


class TradesView(QWidget):
    """The last trades of one pair on a proxy of its own; large ones stand out."""

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trades")
        self.setAccessibleName(texts("trades"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._theme = theme
        self._texts = texts
        self._font = theme.font(9)
        self._bold = theme.font(9, bold=True)
        self._code = ""
        self._trades: deque[TradeEvent] = deque(maxlen=_KEPT)
        self._is_stale = False
        self.proxy = WebSocketClientProxy("trades", parent=self)
        self.proxy.trade_received.connect(self._on_trades)
        self._subscription: Subscription | None = None

    def show_market(self, code: str) -> None:
        """Change the pair."""
        before = self._subscription
        self._code = code
        self._subscription = self.proxy.subscribe_trade([code], delivery=Delivery.BATCH)
        if before is not None:
            before.close()

    def set_stale(self, stale: bool) -> None:
        """Show that what is on the screen is not of now."""
        if stale != self._is_stale:
            self._is_stale = stale
            self.update()

    def _on_trades(self, trades: tuple[TradeEvent, ...]) -> None:
        mine = [trade for trade in trades if trade.code == self._code]
        if mine and self._trades and self._trades[0].code != self._code:
            self._trades.clear()
        self._trades.extendleft(mine)
        self.update()

    def sizeHint(self) -> QSize:
        """Room for ten rows."""
        return QSize(320, _HEADER + 10 * _ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Room for three rows."""
        return QSize(260, _HEADER + 3 * _ROW_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint as many rows as fit."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.panel)
        painter.setFont(self._font)
        painter.setPen(self._theme.muted)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        width = self.width()
        painter.drawText(QRectF(SPACE, 0, width, _HEADER), left, self._texts("trades"))
        painter.drawText(QRectF(0, 0, width * 0.62, _HEADER), right, self._texts("price"))
        painter.drawText(QRectF(0, 0, width - SPACE, _HEADER), right, self._texts("size"))
        painter.setPen(self._theme.border)
        painter.drawLine(0, _HEADER - 1, width, _HEADER - 1)
        shown = [
            t for t, _ in zip(self._trades, range((self.height() - _HEADER) // _ROW_HEIGHT), strict=False)
        ]
        if not shown:
            return
        quote = shown[0].code.partition("-")[0]
        digits = formats.volume_decimals(shown[0].trade_price, quote)
        large = 4 * sum(trade.trade_volume for trade in self._trades) / len(self._trades)
        painter.setOpacity(0.55 if self._is_stale or shown[0].code != self._code else 1.0)
        for i, trade in enumerate(shown):
            y = _HEADER + i * _ROW_HEIGHT
            is_large = trade.trade_volume > large and len(self._trades) > 10
            color = self._theme.up if trade.ask_bid is AskBid.BID else self._theme.down
            if is_large:
                painter.fillRect(QRectF(0, y, width, _ROW_HEIGHT), self._theme.faded(color, 36))
            painter.setFont(self._bold if is_large else self._font)
            painter.setPen(self._theme.muted)
            when = trade.traded_at.astimezone(KST).strftime("%H:%M:%S")
            painter.drawText(QRectF(SPACE, y, width, _ROW_HEIGHT), left, when)
            painter.setPen(color)
            text = formats.price(trade.trade_price, quote)
            painter.drawText(QRectF(0, y, width * 0.62, _ROW_HEIGHT), right, text)
            painter.setPen(self._theme.text)
            size = formats.price(trade.trade_volume, quote, digits)
            painter.drawText(QRectF(0, y, width - SPACE, _ROW_HEIGHT), right, size)
