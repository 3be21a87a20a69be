"""`OrderbookPanel`: the order book of the selected pair, with groupings; a click drafts an order."""

from __future__ import annotations

import contextlib
from decimal import Decimal, InvalidOperation
from typing import Final

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt
from PySide6.QtGui import QHelpEvent, QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from demo_app.panel import ContentState, Panel
from demo_app.panels.orderbook.book_rows import BookView, own_volumes
from demo_app.panels.orderbook.orderbook_canvas import DEPTH, OrderbookCanvas
from demo_app.style import formats
from demo_app.style.error_messages import explain
from demo_app.style.theme import SPACE
from demo_app.terminal_state import OrderPrefill, TerminalState
from demo_app.widgets.own_trades import OwnTrades
from qt_upbit import (
    AskBid,
    DecodeError,
    OrderbookEvent,
    OrderbookTableModel,
    QtUpbitError,
    Scope,
    Subscription,
    TickerEvent,
    WebSocketClientProxy,
    owned_slot,
    quote_currency_of,
)

__all__ = ["OrderbookPanel"]

_TIMEOUT_MS: Final = 6_000
"""After this time without a book, the pair is assumed to have none."""
_IN_QUOTE: Final = "orderbook/in_quote"


class _Totals(QWidget):
    """The totals of asks and bids, and their ratio as a bar."""

    def __init__(self, state: TerminalState) -> None:
        super().__init__()
        self._state = state
        self._book: OrderbookEvent | None = None
        self.setFixedHeight(3 * SPACE)

    def show_book(self, book: OrderbookEvent) -> None:
        self._book = book
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), self._state.theme.panel)
            if self._book is not None:
                self._paint(painter, self._book)

    def _paint(self, painter: QPainter, book: OrderbookEvent) -> None:
        theme = self._state.theme
        asks, bids = book.total_ask_size or Decimal(0), book.total_bid_size or Decimal(0)
        both = float(asks + bids)
        share = float(asks) / both if both else 0.5
        middle = round(self.width() * share)
        painter.fillRect(0, 0, middle, 2, theme.down)
        painter.fillRect(middle, 0, self.width() - middle, 2, theme.up)
        painter.setFont(theme.font(8.5))
        box = self.rect().adjusted(SPACE, 2, -SPACE, 0)
        for text, color, side in (
            (f"{formats.size(asks, 3)}  {share:.0%}", theme.down, Qt.AlignmentFlag.AlignLeft),
            (f"{1 - share:.0%}  {formats.size(bids, 3)}", theme.up, Qt.AlignmentFlag.AlignRight),
        ):
            painter.setPen(color)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | side, text)


class OrderbookPanel(Panel):
    """Thirty levels a side on an `OrderbookTableModel`; the last trade and the user's orders are marked.

    A click on a price drafts an order at it; right of the price, also with the cumulative volume, for the
    side that would take it. The grouping is remembered for each pair.

    Args:
        state: what all panels share.
        parent: owner.
    """

    NAME = "orderbook"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._code = ""
        self._failure = ""
        self._traded_at: int | None = 0
        self.level = QComboBox()
        self.level.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.level.setMinimumContentsLength(6)
        self.level.activated.connect(self._on_level)
        self.in_quote = QToolButton()
        self.in_quote.setCheckable(True)
        self.in_quote.setChecked(state.settings.value(_IN_QUOTE, False) in (True, "true"))
        self.in_quote.toggled.connect(self._on_in_quote)
        self.middle = QToolButton()
        self.canvas = OrderbookCanvas(state.theme)
        self.canvas.picked.connect(self._on_picked)
        self.canvas.level_chosen.connect(self._notify_level)
        self.canvas.viewport().installEventFilter(self)
        self.middle.clicked.connect(self.canvas.centre)
        self._totals = _Totals(state)
        self.set_body(self._make_body())
        self.key_target = self.canvas
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.canvas)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)

        self.model = OrderbookTableModel(self, depth=DEPTH)
        self.model.book_changed.connect(self._on_book)
        self.model.error_occurred.connect(self._on_error)
        self._proxy = WebSocketClientProxy("orderbook", parent=self)
        self._proxy.ticker_received.connect(self._on_ticker)
        self._ticker: Subscription | None = None
        self._own = OwnTrades(self)
        self._own.changed.connect(self._show_own)
        self._timeout = self.timer("order book timeout", _TIMEOUT_MS, self._on_timeout)
        state.market_changed.connect(self.show_market)
        self.retranslate()
        self.apply_theme()
        self.show_market(state.market)
        self.follow(Scope.PUBLIC)

    def _make_body(self) -> QWidget:
        body = QWidget()
        bar = QHBoxLayout()
        bar.setContentsMargins(SPACE // 2, SPACE // 2, SPACE // 2, SPACE // 2)
        bar.setSpacing(SPACE // 2)
        bar.addWidget(self.level, 1)
        bar.addWidget(self.in_quote)
        bar.addWidget(self.middle)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.canvas, 1)
        column.addWidget(self._totals)
        return body

    # --- texts and looks ---------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Order book")

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """As `Panel.shortcuts`."""
        return (
            ("Up", self.tr("Order book: next level")),
            ("Return", self.tr("Order book: draft an order at the price")),
            ("Shift+Return", self.tr("Order book: draft an order with the volume up to there")),
            ("Home", self.tr("Order book: centre the spread")),
        )

    def retranslate(self) -> None:
        """Set every text again."""
        self.level.setAccessibleName(self.tr("Grouping of prices"))
        if not self._failure:
            self.level.setToolTip(self.tr("Grouping of prices"))
        self.middle.setText(self.tr("Centre"))
        self.middle.setToolTip(self.tr("Centre the spread (Home)"))
        self.canvas.setAccessibleName(self.tr("Order book"))
        self.canvas.spread_word = self.tr("Spread")
        self._name_levels()
        self._name_columns()
        self._wait()

    def _name_columns(self) -> None:
        view = self.canvas.book_view
        # The visible book may still be the previous pair's.
        quote, _, base = (view.code if view is not None else self.state.market).partition("-")
        in_quote = self.in_quote.isChecked()
        self.in_quote.setText(f"Σ {quote if in_quote else base}")
        self.in_quote.setToolTip(self.tr("Sums in base or in quote currency"))
        self.canvas.heads = (
            self.tr("Price ({currency})").format(currency=quote),
            self.tr("Change"),
            self.tr("Size ({currency})").format(currency=base),
            self.tr("Sum ({currency})").format(currency=quote if in_quote else base),
        )
        self.canvas.viewport().update()

    def _name_levels(self) -> None:
        for row in range(self.level.count()):
            value = self.level.itemData(row)
            text = (
                self.tr("Group by {level}").format(level=formats.amount(value))
                if value
                else self.tr("Not grouped")
            )
            self.level.setItemText(row, text)

    def apply_theme(self) -> None:
        """Fonts and colours."""
        self.canvas.apply_theme(self.state.theme)
        for widget in (self.level, self.in_quote, self.middle):
            widget.setFont(self.state.theme.font(8.5))

    # --- the pair ----------------------------------------------------------------------------------

    def show_market(self, code: str) -> None:
        """Show another pair; the previous book stays, grey, until the new one comes."""
        if code == self._code:
            return
        self._code = code
        self.canvas.is_old = True
        self.canvas.level = None
        self.canvas.forget_widths()
        self.canvas.previous_close = self.canvas.last_price = None
        self._failure = ""
        level = self._remembered_level()
        self._fill_levels([Decimal(0), level] if level else [Decimal(0)], level)
        self.model.set_code(code, level=level)
        before, self._ticker = self._ticker, self._proxy.subscribe_ticker([code])
        if before is not None:
            before.close()
        self._name_columns()
        self._show_own()
        self._timeout.start()
        self._wait()
        self._ask_levels(code)

    def _remembered_level(self) -> Decimal:
        if self.state.is_replay:
            # A recording has the finest levels only.
            return Decimal(0)
        kept = str(self.state.settings.value(f"orderbook/level/{self._code}", "0"))
        with contextlib.suppress(InvalidOperation):
            level = Decimal(kept)
            # Only these pairs have other groupings (protocol section 2.4).
            if level.is_finite() and level > 0 and not quote_currency_of(self._code).is_shared:
                return level
        return Decimal(0)

    def _fill_levels(self, levels: list[Decimal], chosen: Decimal) -> None:
        with QSignalBlocker(self.level):
            self.level.clear()
            for level in levels:
                self.level.addItem("", level)
            self.level.setCurrentIndex(levels.index(chosen) if chosen in levels else 0)
        self._name_levels()
        self.level.setEnabled(len(levels) > 1)

    @owned_slot
    async def _ask_levels(self, code: str) -> None:
        """Request the pair's groupings; without an answer the current one stays."""
        try:
            found = await self.state.rest.get_instruments([code])
        except QtUpbitError as error:
            if code == self._code:
                self._failure = explain(error)[:160]
                self.level.setToolTip(self._failure)
            return
        if code != self._code or code not in found:
            return
        supported = () if self.state.is_replay else found[code].supported_levels
        levels = sorted({Decimal(0), *supported})
        if self.model.level not in levels:
            # Remembered from before the exchange changed them: such a subscription never delivers.
            self.model.set_code(code, level=0)
        self._fill_levels(levels, self.model.level)

    def _on_level(self, row: int) -> None:
        level = self.level.itemData(row)
        self.state.settings.setValue(f"orderbook/level/{self._code}", str(level))
        self.canvas.is_old = True
        self.canvas.level = None
        self.canvas.forget_widths()
        self.model.set_code(self._code, level=level)
        self._timeout.start()
        self._show_own()

    def _on_in_quote(self, in_quote: bool) -> None:
        self.state.settings.setValue(_IN_QUOTE, in_quote)
        self.canvas.forget_widths()
        self._name_columns()
        if self.model.book is not None:
            self._on_book()

    # --- what comes --------------------------------------------------------------------------------

    def _on_book(self) -> None:
        book = self.model.book
        if book is None:
            return
        try:
            view = BookView.of(book, in_quote=self.in_quote.isChecked())
        except DecodeError as error:
            self._on_error(error)
            return
        self._timeout.stop()
        is_another = self.canvas.book_view is None or self.canvas.book_view.code != view.code
        self.canvas.is_old = False
        self.canvas.show_book(view)
        if is_another:
            self._name_columns()
        self._totals.show_book(book)
        if self.has_placeholder:
            self.show_body()

    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code != self._code:
            return
        if event.prev_closing_price is not None:
            self.canvas.previous_close = float(event.prev_closing_price)
        price = float(event.trade_price)
        level = self.model.level
        if level:
            # A group has no price at which something was traded.
            return
        is_new = event.trade_timestamp != self._traded_at and self.canvas.last_price is not None
        if is_new and event.ask_bid is not None:
            self.canvas.flash(price, event.ask_bid)
        elif price != self.canvas.last_price:
            self.canvas.last_price = price
            self.canvas.viewport().update()
        self._traded_at = event.trade_timestamp

    def _show_own(self) -> None:
        self.canvas.own = own_volumes(self._own.open_orders(self._code), self.model.level)
        self.canvas.viewport().update()

    def _wait(self) -> None:
        if self.canvas.book_view is None:
            self.show_placeholder(self.tr("Waiting for the order book…"), state=ContentState.LOADING)

    def _on_timeout(self) -> None:
        if self.model.book is None and not self.stale_text:
            if self.model.level:
                self._ungroup()
                return
            text = self.tr("The exchange sends no order book for {code}. Is it still traded?")
            self.show_placeholder(
                text.format(code=self._code), self.tr("Try again"), self._try_again, state=ContentState.FAILED
            )

    def _ungroup(self) -> None:
        """No book comes in this grouping: show the levels themselves, rather than nothing."""
        with QSignalBlocker(self.level):
            self.level.setCurrentIndex(0)
        self.level.setToolTip(self.tr("No book came in the chosen grouping: this is the ungrouped one."))
        self.canvas.is_old = True
        self.canvas.forget_widths()
        self.model.set_code(self._code, level=0)
        self._timeout.start()
        self._show_own()

    def _try_again(self) -> None:
        code, self._code = self._code, ""
        self.canvas.book_view = None
        self.show_market(code)

    def _on_error(self, error: QtUpbitError) -> None:
        if self.model.book is None and self.canvas.book_view is None:
            self.show_placeholder(
                explain(error)[:160], self.tr("Try again"), self._try_again, state=ContentState.FAILED
            )

    # --- the user ----------------------------------------------------------------------------------

    def _model_row(self, side: AskBid, position: int) -> int:
        return DEPTH - 1 - position if side is AskBid.ASK else DEPTH + position

    def _on_picked(self, side: AskBid, position: int, with_volume: bool) -> None:
        row = self._model_row(side, position)
        price = self.model.value(row, "price")
        if price is None:
            return
        if not with_volume:
            self.state.order_drafted.emit(OrderPrefill(self._code, price=price))
            return
        taker = AskBid.BID if side is AskBid.ASK else AskBid.ASK
        volume = self.model.value(row, "cumulative_size")
        self.state.order_drafted.emit(OrderPrefill(self._code, taker, price, volume))

    def describe(self, side: AskBid, position: int) -> str:
        """Describe a level: exact price, size, sums, and the user's orders."""
        row = self._model_row(side, position)
        price = self.model.value(row, "price")
        if price is None:
            return ""
        quote, _, base = self._code.partition("-")
        total = self.model.value(row, "cumulative_size")
        worth = sum(
            (
                self.model.value(each, "price") * self.model.value(each, "size")
                for each in (self._model_row(side, i) for i in range(position + 1))
            ),
            Decimal(0),
        )
        lines = [
            self.tr("Sell orders") if side is AskBid.ASK else self.tr("Buy orders"),
            self.tr("Price: {price}").format(price=f"{formats.amount(price)} {quote}"),
            self.tr("Size: {size}").format(size=f"{formats.amount(self.model.value(row, 'size'))} {base}"),
            self.tr("Up to here: {total}").format(
                total=f"{formats.amount(total)} {base}, {formats.amount(worth, 0)} {quote}"
            ),
        ]
        own = self.canvas.own.get((side, float(price)))
        if own is not None:
            lines.append(self.tr("My orders: {size}").format(size=f"{formats.amount(own)} {base}"))
        return "\n".join(lines)

    def _notify_level(self) -> None:
        if self.canvas.level is not None:
            self.canvas.setAccessibleDescription(self.describe(*self.canvas.level))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show tool tips of single levels."""
        if isinstance(event, QHelpEvent):
            level = self.canvas.level_at(event.pos())
            text = self.describe(*level) if level is not None and not self.canvas.is_old else ""
            QToolTip.showText(event.globalPos(), text, self.canvas)
            return True
        return super().eventFilter(watched, event)

    def copy(self) -> None:
        """Copy the visible levels, with headers, in a form that spreadsheets accept."""
        names = ("ask_bid", "price", "size", "cumulative_size")
        lines = ["\t".join((self.tr("Side"), self.tr("Price"), self.tr("Size"), self.tr("Sum")))]
        for level in self.canvas.visible_levels():
            row = self._model_row(*level)
            side, *numbers = (self.model.value(row, name) for name in names)
            word = self.tr("Sell") if side is AskBid.ASK else self.tr("Buy")
            lines.append("\t".join((word, *(formats.amount(number) for number in numbers))))
        QApplication.clipboard().setText("\n".join(lines))
