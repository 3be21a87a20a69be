"""`TradesPanel`: the tape of the selected pair; large trades are highlighted."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.panel import ContentState, Panel
from demo_app.panels.trades.tape_canvas import TapeCanvas, TapeRow
from demo_app.style import formats
from demo_app.style.error_messages import explain
from demo_app.style.language import is_korean
from demo_app.style.theme import SPACE
from demo_app.terminal_state import OrderPrefill, TerminalState
from qt_upbit import (
    KST,
    AskBid,
    ProxyClosedError,
    QtUpbitError,
    Scope,
    StreamType,
    TradeListModel,
    datetime_at,
    exactly,
    owned_slot,
    quote_currency_of,
)

__all__ = ["TradesPanel"]

_LIMIT: Final = 500
_SEED: Final = 200
_TIMEOUT_MS: Final = 3_000
_MINUTE_MS: Final = 60_000
_AUTO: Final = 5.0
"""A trade is large from this multiple of the list's mean value."""
_AMOUNTS: Final = (1_000_000, 10_000_000, 50_000_000, 100_000_000)
"""Choices for the value of a large trade, in won; other currencies have about the same values."""


def _large_amounts(quote: str) -> tuple[float, ...]:
    exponent = round(math.log10(quote_currency_of(quote).per_won))
    amounts = (Decimal(amount).scaleb(exponent) for amount in _AMOUNTS)
    return tuple(int(amount) if amount == int(amount) else float(amount) for amount in amounts)


def _worth_decimals(worth: Decimal, quote: str) -> int:
    return 0 if quote_currency_of(quote).decimals == 0 else formats.decimals_of(worth, quote)


class _Balance(QWidget):
    """The volumes bought and sold within the last minute of the tape."""

    def __init__(self, state: TerminalState) -> None:
        super().__init__()
        self._state = state
        self._bought = self._sold = 0.0
        self.text = ""
        self.setFixedHeight(3 * SPACE)

    def show_rows(self, rows: Sequence[TapeRow], template: str) -> None:
        """Add up the newest trades; `template` has ``{count}``."""
        self._bought = self._sold = 0.0
        count = 0
        for row in rows:
            if row.timestamp <= rows[0].timestamp - _MINUTE_MS:
                break
            count += 1
            if row.is_buy:
                self._bought += row.value
            elif row.is_buy is False:
                self._sold += row.value
        self.text = template.format(count=count)
        self.update()

    @property
    def share(self) -> float:
        """The bought fraction."""
        both = self._bought + self._sold
        return self._bought / both if both else 0.5

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        theme = self._state.theme
        painter.fillRect(self.rect(), theme.panel)
        middle = round(self.width() * self.share)
        painter.fillRect(0, 0, middle, 2, theme.up)
        painter.fillRect(middle, 0, self.width() - middle, 2, theme.down)
        painter.setFont(theme.font(8.5))
        box = self.rect().adjusted(SPACE, 2, -SPACE, 0)
        align = Qt.AlignmentFlag
        for text, color, side in (
            (f"▲ {self.share:.0%}", theme.up, align.AlignLeft),
            (self.text, theme.muted, align.AlignHCenter),
            (f"▼ {1 - self.share:.0%}", theme.down, align.AlignRight),
        ):
            painter.setPen(color)
            painter.drawText(box, align.AlignVCenter | side, text)


class TradesPanel(Panel):
    """The newest trades on a `TradeListModel`, a batch per frame, seeded over REST.

    The large-trade value and filter are remembered for each quote currency.

    Args:
        state: what all panels share.
        parent: owner.
    """

    NAME = "trades"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._code = ""
        self._rows: list[TapeRow] = []
        self._gap: tuple[datetime, datetime] | None = None
        self.large = QComboBox()
        self.large.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.large.setMinimumContentsLength(6)
        self.large.activated.connect(self._on_large)
        self.only_large = QToolButton()
        self.only_large.setCheckable(True)
        self.only_large.toggled.connect(self._on_only_large)
        self.canvas = TapeCanvas(state.theme)
        self.canvas.chosen.connect(self._on_chosen)
        self.canvas.selected.connect(self._notify)
        self.canvas.missed_changed.connect(self._on_missed)
        self.newest = QPushButton()
        self.newest.clicked.connect(self.canvas.to_top)
        self.newest.hide()
        self._balance = _Balance(state)
        self.set_body(self._make_body())
        self.key_target = self.canvas
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.canvas)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)

        self.model = TradeListModel(self, limit=_LIMIT)
        self.model.rowsInserted.connect(self._on_inserted)
        self.model.rowsRemoved.connect(self._on_removed)
        self.model.error_occurred.connect(self._on_error)
        self.model.gap_detected.connect(self._on_gap)
        # A pair that has never traded gets no first frame.
        self._timeout = self.timer("trades timeout", _TIMEOUT_MS, self._ask_past)
        self._wants_past = False
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
        bar.addWidget(self.large, 1)
        bar.addWidget(self.only_large)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.newest)
        column.addWidget(self.canvas, 1)
        column.addWidget(self._balance)
        return body

    # --- texts and looks ---------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Trades")

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """As `Panel.shortcuts`."""
        return (
            ("Down", self.tr("Trades: next one")),
            ("Return", self.tr("Trades: draft an order at the price")),
            ("Home", self.tr("Trades: the newest")),
        )

    def retranslate(self) -> None:
        """Set every text again."""
        self.large.setAccessibleName(self.tr("Large trades"))
        self.large.setToolTip(self.tr("Value from which a trade is highlighted"))
        self.only_large.setText(self.tr("Only large"))
        self.canvas.setAccessibleName(self.tr("Trades"))
        self._name_columns()
        self._fill_large()
        self._on_missed(self.canvas.missed)
        self._show()

    def _name_columns(self) -> None:
        quote, _, base = (self._code or self.state.market).partition("-")
        self.canvas.heads = (
            self.tr("Time"),
            self.tr("Price ({currency})").format(currency=quote),
            self.tr("Size ({currency})").format(currency=base),
            self.tr("Value ({currency})").format(currency=quote),
        )

    def apply_theme(self) -> None:
        """Fonts and colours."""
        self.canvas.apply_theme(self.state.theme)
        for widget in (self.large, self.only_large, self.newest):
            widget.setFont(self.state.theme.font(8.5))

    # --- the pair ----------------------------------------------------------------------------------

    @property
    def _quote(self) -> str:
        return self._code.partition("-")[0]

    def show_market(self, code: str) -> None:
        """Show another pair; the previous trades stay, grey, until new ones come."""
        if code == self._code:
            return
        self._code = code
        self._gap = None
        self.canvas.is_old = True
        self.canvas.cursor_number = None
        self._rows = []
        self._fill_large()
        kept = self.state.settings.value(f"trades/only_large/{self._quote}", False)
        with QSignalBlocker(self.only_large):
            self.only_large.setChecked(kept in (True, "true"))
        self.model.set_codes([code])
        if not self.canvas.rows:
            self.show_placeholder(self.tr("Waiting for trades…"), state=ContentState.LOADING)
        self._wants_past = True
        self._timeout.start()

    def _ask_past(self) -> None:
        """Request past trades once the stream has begun: asked earlier, they would leave a gap before it."""
        self._timeout.stop()
        if self._wants_past:
            self._wants_past = False
            self._seed(self._code)

    @owned_slot
    async def _seed(self, code: str) -> None:
        """Seed the tape with past trades; without an answer it begins with the next trade."""
        try:
            trades = await self.state.rest.get_trades(code, count=_SEED)
        except QtUpbitError as error:
            if code == self._code and not self._rows:
                again = functools.partial(self._seed, code)
                self.show_placeholder(
                    explain(error)[:160], self.tr("Try again"), again, state=ContentState.FAILED
                )
            return
        if code != self._code:
            return
        try:
            self.model.seed(trades)
        except ProxyClosedError:
            return
        if not self._rows:
            self.canvas.show_rows([])
            self.show_placeholder(self.tr("No trades yet"))

    # --- what comes --------------------------------------------------------------------------------

    def _on_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        if self.canvas.is_old:
            self.canvas.rows = []
            self.canvas.is_old = False
            self.canvas.forget_widths()
            self._name_columns()
        self._rows[first:first] = [self._read(row) for row in range(first, last + 1)]
        self._show()
        if self.has_placeholder:
            self.show_body()
        self._ask_past()

    def _on_removed(self, _parent: QModelIndex, first: int, last: int) -> None:
        del self._rows[first : last + 1]

    @exactly
    def _read(self, row: int) -> TapeRow:
        value = self.model.value
        price, volume = value(row, "trade_price"), value(row, "trade_volume")
        timestamp = value(row, "trade_timestamp")
        worth = price * volume
        quote = self._quote
        when = datetime_at(timestamp / 1_000, KST)
        texts = (
            f"{when:%H:%M:%S}",
            formats.price(price, quote),
            formats.price(volume, quote, formats.volume_decimals(price, quote)),
            formats.price(worth, quote, _worth_decimals(worth, quote)),
        )
        is_recovered = value(row, "stream_type") in (StreamType.RECOVERED, StreamType.BACKFILLED)
        side = value(row, "ask_bid")
        is_buy = None if side is None else side is AskBid.BID
        return TapeRow(value(row, "sequential_id"), timestamp, texts, float(worth), is_buy, is_recovered)

    def _show(self) -> None:
        if self.canvas.is_old:
            return
        rows, chosen = self._rows, self.large.currentData()
        mean = sum(row.value for row in rows) / len(rows) if rows else 0.0
        # A single trade cannot be larger than the others.
        self.canvas.large_from = float(chosen) if chosen else _AUTO * mean if len(rows) > 10 else float("inf")
        if self.only_large.isChecked():
            rows = [row for row in rows if row.value >= self.canvas.large_from]
        self.canvas.show_rows(list(rows))
        template = self.tr("{count} trades a minute")
        if self._gap is not None:
            begin, end = (moment.astimezone(KST) for moment in self._gap)
            template = self.tr("Not seen: {begin} to {end}").format(
                begin=f"{begin:%H:%M:%S}", end=f"{end:%H:%M:%S}"
            )
        self._balance.show_rows(self._rows, template)

    def _on_gap(self, _scope: Scope, codes: Sequence[str], begin: datetime, end: datetime) -> None:
        if self._code in codes:
            self._gap = (begin, end)
            self._show()

    def _on_error(self, error: QtUpbitError) -> None:
        if not self._rows:
            self.show_placeholder(explain(error)[:160], state=ContentState.FAILED)

    # --- what is large -----------------------------------------------------------------------------

    def _fill_large(self) -> None:
        kept = str(self.state.settings.value(f"trades/large/{self._quote}", ""))
        with QSignalBlocker(self.large):
            self.large.clear()
            self.large.addItem(self.tr("Large: automatic"), None)
            for amount in _large_amounts(self._quote):
                text = formats.short(amount, korean=is_korean()) if amount >= 1 else f"{amount:g}"
                label = self.tr("Large: from {amount}").format(amount=f"{text} {self._quote}")
                self.large.addItem(label, amount)
                if str(amount) == kept:
                    self.large.setCurrentIndex(self.large.count() - 1)

    def _on_large(self, _row: int) -> None:
        chosen = self.large.currentData()
        self.state.settings.setValue(f"trades/large/{self._quote}", "" if chosen is None else str(chosen))
        self._show()

    def _on_only_large(self, only: bool) -> None:
        self.state.settings.setValue(f"trades/only_large/{self._quote}", only)
        self.canvas.to_top()
        self._show()

    # --- the user ----------------------------------------------------------------------------------

    def _model_row(self, number: int) -> int | None:
        return next((i for i, row in enumerate(self._rows) if row.number == number), None)

    def _on_chosen(self, number: int) -> None:
        row = self._model_row(number)
        if row is not None:
            price: Decimal = self.model.value(row, "trade_price")
            self.state.order_drafted.emit(OrderPrefill(self._code, price=price))

    def _notify(self, number: int) -> None:
        row = self._model_row(number)
        if row is not None:
            side = self._side_word(self._rows[row])
            self.canvas.setAccessibleDescription(", ".join((side, *self._rows[row].texts)))

    def _side_word(self, row: TapeRow) -> str:
        if row.is_buy is None:
            return "–"
        return self.tr("Buy") if row.is_buy else self.tr("Sell")

    def _on_missed(self, count: int) -> None:
        self.newest.setVisible(count > 0)
        self.newest.setText(self.tr("{count} new trades ▲").format(count=count))

    def copy(self) -> None:
        """Copy the list's trades, with headers and exact numbers, in a form that spreadsheets accept."""
        heads = (self.tr("Time"), self.tr("Side"), self.tr("Price"), self.tr("Size"), self.tr("Value"))
        lines = ["\t".join(heads)]
        for shown in self.canvas.rows:
            row = self._model_row(shown.number)
            if row is None:
                continue
            price, volume = (self.model.value(row, name) for name in ("trade_price", "trade_volume"))
            side = self._side_word(shown)
            numbers = (formats.amount(price), formats.amount(volume), formats.amount(price * volume))
            lines.append("\t".join((shown.texts[0], side, *numbers)))
        QApplication.clipboard().setText("\n".join(lines))
