"""`TickerHeader`: name, price, change and 24-hour figures of one pair."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from demo_app.style import formats
from demo_app.style.language import is_korean
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from qt_upbit import Change, Subscription, TickerEvent, WebSocketClientProxy

__all__ = ["TickerHeader"]

_FIGURES = ("day_high", "day_low", "volume_24h", "turnover_24h")


class TickerHeader(QWidget):
    """The headline of the terminal, on a proxy of its own."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tickerHeader")
        # Any width is accepted; `resizeEvent` hides what does not fit.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(340)
        self._state = state
        theme = state.theme
        self._code = ""
        self._shown_code = ""
        self._is_stale = False
        self._event: TickerEvent | None = None
        self._price = QLabel("–")
        self._price.setObjectName("headline")
        self._price.setFont(theme.font(20, bold=True))
        self._price.setMinimumWidth(self._price.fontMetrics().horizontalAdvance("000,000,000"))
        self._change = QLabel("–")
        self._change.setFont(theme.font(11, bold=True))
        self._change.setMinimumWidth(self._change.fontMetrics().horizontalAdvance("+00.00%  +00,000,000"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE, 0, SPACE, 0)
        layout.setSpacing(SPACE * 2)
        layout.addWidget(self._price)
        layout.addWidget(self._change)
        self.age = QLabel()
        """How old the data is, as soon as that is unusual; legible while all else is grey."""
        self.age.setFont(theme.font(10, bold=True))
        self.age.hide()
        layout.addWidget(self.age)
        layout.addStretch(1)
        self._figures: dict[str, QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        self._boxes: list[QWidget] = []
        for key in _FIGURES:
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            title, value = QLabel(), QLabel("–")
            title.setObjectName("figureTitle")
            title.setFont(theme.font(8))
            value.setFont(theme.font(9.5))
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("000,000,000"))
            column.addStretch(1)
            column.addWidget(title)
            column.addWidget(value)
            column.addStretch(1)
            layout.addWidget(box)
            self._boxes.append(box)
            self._figures[key] = value
            self._titles[key] = title
        self.proxy = WebSocketClientProxy("ticker_header", parent=self)
        self.proxy.ticker_received.connect(self._on_ticker)
        self._subscription: Subscription | None = None
        self.retranslate()
        state.theme_changed.connect(self._show)
        state.market_changed.connect(self.show_market)
        state.freshness.changed.connect(self._on_freshness)
        self.show_market(state.market)

    def retranslate(self) -> None:
        """Set every text again."""
        self._price.setAccessibleName(self.tr("Price"))
        titles = {
            "day_high": self.tr("High"),
            "day_low": self.tr("Low"),
            "volume_24h": self.tr("Volume 24h"),
            "turnover_24h": self.tr("Turnover 24h"),
        }
        for key, text in titles.items():
            self._titles[key].setText(text)
        self._on_freshness()
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _on_freshness(self) -> None:
        freshness = self._state.freshness
        self.set_stale(freshness.is_stale)
        if self.age.text() != freshness.text:
            self.age.setText(freshness.text)
            self.age.setVisible(bool(freshness.text))
            self._fit()

    def show_market(self, code: str) -> None:
        """Change the pair; the old figures stay, grey, until the new ones come."""
        before = self._subscription
        self._code = code
        self._subscription = self.proxy.subscribe_ticker([code])
        if before is not None:
            before.close()
        self._grey()

    def set_stale(self, stale: bool) -> None:
        """Show whether the figures are stale."""
        self._is_stale = stale
        self._grey()

    def _grey(self) -> None:
        self.setEnabled(not self._is_stale and self._shown_code == self._code)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many figures as fit."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - 2 * SPACE - self._price.sizeHint().width() - self._change.sizeHint().width()
        if self.age.text():
            room -= self.age.sizeHint().width() + 2 * SPACE
        for box in self._boxes:
            room -= box.sizeHint().width() + 2 * SPACE
            box.setVisible(room >= 2 * SPACE)

    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code != self._code:
            return
        self._event = event
        self._show()
        if event.code != self._shown_code:
            self._shown_code = event.code
            self._grey()

    def _ink(self, change: Change | None) -> QColor:
        theme = self._state.theme
        if change is Change.RISE:
            return theme.up
        return theme.down if change is Change.FALL else theme.text

    def _show(self) -> None:
        style = f"color: {self._state.theme.warning.name()};"
        if self.age.styleSheet() != style:
            self.age.setStyleSheet(style)
        event = self._event
        if event is None:
            return
        quote, _, base = event.code.partition("-")
        style = f"QLabel:enabled {{ color: {self._ink(event.change).name()}; }}"
        if self._price.styleSheet() != style:
            self._price.setStyleSheet(style)
            self._change.setStyleSheet(style)
        digits = formats.decimals_of(event.trade_price, quote)
        self._price.setText(formats.price(event.trade_price, quote))
        moved = event.signed_change_price
        moved_text = "–" if moved is None else f"{moved:+,.{digits}f}"
        self._change.setText(f"{formats.percent(event.signed_change_rate)}  {moved_text}")
        korean = is_korean()
        values = {
            "day_high": formats.price(event.high_price, quote),
            "day_low": formats.price(event.low_price, quote),
            "volume_24h": f"{formats.short(event.acc_trade_volume_24h, korean=korean)} {base}",
            "turnover_24h": f"{formats.short(event.acc_trade_price_24h, korean=korean)} {quote}",
        }
        for key, text in values.items():
            self._figures[key].setText(text)
