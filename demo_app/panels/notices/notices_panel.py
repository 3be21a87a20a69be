"""`NoticesPanel`: the exchange's announcements, and its indicator signals."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, QModelIndex, Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QTableView,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.panel import Panel
from demo_app.panels.notices.event_rows import EventRow, EventRows
from demo_app.panels.notices.indicator_signals import RISING, SIGNALS, signal_words
from demo_app.style.language import QT_TRANSLATE_NOOP
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from demo_app.widgets.tables import RowTable, copy_rows, style_table
from qt_upbit import (
    KST,
    AnnouncementCategory,
    AnnouncementEvent,
    CredentialsRequiredError,
    IndicatorSignalEvent,
    IndicatorTimeframe,
    InvalidSubscriptionError,
    Scope,
    Subscription,
    WebSocketClientProxy,
    quote_currency_of,
)

__all__ = ["NoticesPanel"]

_NOTIFY: Final = "notices/tell"
_SEEN: Final = "notices/seen"
_TIMEFRAME: Final = "notices/timeframe"
_MOST_CODES: Final = 10
_MOST_SEEN: Final = 500
_CATEGORIES: Final = {
    AnnouncementCategory.NOTICE: QT_TRANSLATE_NOOP("Notices", "Notice"),
    AnnouncementCategory.TRADE: QT_TRANSLATE_NOOP("Notices", "Trading"),
    AnnouncementCategory.WALLET: QT_TRANSLATE_NOOP("Notices", "Wallet"),
    AnnouncementCategory.MAINTENANCE: QT_TRANSLATE_NOOP("Notices", "Maintenance"),
    AnnouncementCategory.DIGITAL_ASSET: QT_TRANSLATE_NOOP("Notices", "Digital asset"),
    AnnouncementCategory.NFT: "NFT",
    AnnouncementCategory.SERVICE: QT_TRANSLATE_NOOP("Notices", "Service"),
    AnnouncementCategory.EVENT: QT_TRANSLATE_NOOP("Notices", "Event"),
    AnnouncementCategory.NOTE: QT_TRANSLATE_NOOP("Notices", "Note"),
    AnnouncementCategory.TRADING: QT_TRANSLATE_NOOP("Notices", "Trading"),
    AnnouncementCategory.AIRDROP: QT_TRANSLATE_NOOP("Notices", "Airdrop"),
    AnnouncementCategory.FEATURE: QT_TRANSLATE_NOOP("Notices", "Feature"),
    AnnouncementCategory.DISCLOSURE: QT_TRANSLATE_NOOP("Notices", "Disclosure"),
}
_URGENT: Final = {
    AnnouncementCategory.TRADE,
    AnnouncementCategory.TRADING,
    AnnouncementCategory.WALLET,
    AnnouncementCategory.MAINTENANCE,
    AnnouncementCategory.DIGITAL_ASSET,
}
"""Notices about trading are reported at once; the rest only go into the list."""


def _category(event: AnnouncementEvent) -> str:
    category = event.category
    if category is None:
        return "–"
    return QCoreApplication.translate("Notices", _CATEGORIES.get(category, str(category)))


class _Notices(EventRows):
    """Time, category, title."""

    def texts(self, event: AnnouncementEvent) -> tuple[str, ...]:
        when = event.time.astimezone(KST)
        return f"{when:%m-%d %H:%M:%S}", _category(event), event.title

    def color(self, event: AnnouncementEvent, column: int) -> QColor:
        theme = self.state.theme
        if column == 1:
            return theme.warning if event.category in _URGENT else theme.accent
        return theme.text if column else theme.muted


class _Signals(EventRows):
    """Candle, pair, indicator, what happened."""

    def texts(self, event: IndicatorSignalEvent) -> tuple[str, ...]:
        when: datetime = (event.start or event.time).astimezone(KST)
        name = f"{self.state.market_name(event.code)} {event.code}"
        rising = RISING.get(event.trigger)
        mark = "" if rising is None else "▲ " if rising else "▼ "
        indicator, happened = signal_words(event)
        return f"{when:%m-%d %H:%M}", name, str(event.timeframe), indicator, f"{mark}{happened}"

    def color(self, event: IndicatorSignalEvent, column: int) -> QColor:
        theme, rising = self.state.theme, RISING.get(event.trigger)
        if column == 4 and rising is not None:
            return theme.up if rising else theme.down
        return theme.text if column else theme.muted


class NoticesPanel(Panel):
    """Two lists. New notices about trading are also reported in the status line and the tray, if enabled.

    Signals are requested for the selected pair and the favourites, at most ten pairs, all in KRW.

    Args:
        state: what all panels share.
        parent: owner.
        open_url: opens a notice; by default in the system's browser.
    """

    NAME = "notices"

    def __init__(
        self,
        state: TerminalState,
        parent: QWidget | None = None,
        *,
        open_url: Callable[[QUrl], object] = QDesktopServices.openUrl,
    ) -> None:
        super().__init__(state, parent)
        self._open_url = open_url
        self._seen: list[str] = _strings(state.settings.value(_SEEN, ""))
        self.notices = _Notices(state, 3, parent=self)
        self.signals = _Signals(state, 5, parent=self)
        self.notice_view, self.signal_view = RowTable(), RowTable()
        self._empty = {view: QLabel() for view in (self.notice_view, self.signal_view)}
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self._lay_out()
        self._manager = state.manager
        self._proxy = WebSocketClientProxy("notices", parent=self)
        self._proxy.announcement_received.connect(self._on_notice)
        self._proxy.indicator_signal_received.connect(self._on_signal)
        self._announcements: Subscription | None = None
        self._stream_requests: Subscription | None = None
        self._requested: tuple[tuple[str, ...], str] = ((), "")
        self._manager.credentials_changed.connect(self._ask)
        state.market_changed.connect(self._ask_signals)
        state.favourites_changed.connect(self._ask_signals)
        state.markets_changed.connect(self._show)
        self.notice_view.selectionModel().selectionChanged.connect(self._on_selected)
        self.retranslate()
        self.apply_theme()
        self._ask()

    def _lay_out(self) -> None:
        self.notify = QCheckBox()
        self.notify.setChecked(self.state.settings.value(_NOTIFY, True) in (True, "true"))
        self.notify.toggled.connect(self._on_notify)
        self.all_seen = QToolButton()
        self.all_seen.clicked.connect(self.mark_all_seen)
        self.timeframe = QComboBox()
        for frame in IndicatorTimeframe:
            self.timeframe.addItem(str(frame), str(frame))
        kept = self.timeframe.findData(self.state.settings.value(_TIMEFRAME, "5m"))
        self.timeframe.setCurrentIndex(max(kept, 0))
        self.timeframe.activated.connect(self._on_timeframe)
        self._pages: dict[QTableView, QStackedWidget] = {}
        pages = (
            (self.notice_view, self.notices, (130, 110), (self.notify, self.all_seen), self._on_open),
            (self.signal_view, self.signals, (110, 180, 60, 150), (self.timeframe,), self._on_pair),
        )
        for view, model, widths, tools, slot in pages:
            view.setModel(model)
            view.setSortingEnabled(False)
            for position, width in enumerate(widths):
                view.setColumnWidth(position, width)
            view.doubleClicked.connect(slot)
            for keys, call in (("Return", slot), ("Ctrl+C", lambda _index, view=view: copy_rows(view))):
                shortcut = QShortcut(QKeySequence(keys), view)
                shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
                shortcut.activated.connect(_at_current(view, call))
            empty = self._empty[view]
            empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
            empty.setWordWrap(True)
            empty.setObjectName("placeholderText")
            stack = self._pages[view] = QStackedWidget()
            stack.addWidget(view)
            stack.addWidget(empty)
            page, bar = QWidget(), QHBoxLayout()
            bar.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
            bar.setSpacing(SPACE)
            for tool in tools:
                bar.addWidget(tool)
            bar.addStretch(1)
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addLayout(bar)
            column.addWidget(stack, 1)
            self.tabs.addTab(page, "")
        self.set_body(self.tabs)
        self.key_target = self.tabs

    # --- texts and looks ---------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Notices")

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """As `Panel.shortcuts`."""
        return (("Return", self.tr("Notices: open the notice, or show the pair of the signal")),)

    def retranslate(self) -> None:
        """Set every text again."""
        self.notify.setText(self.tr("Notify immediately about trading notices"))
        self.all_seen.setText(self.tr("Mark all as read"))
        self.timeframe.setAccessibleName(self.tr("Candles of the signals"))
        self.timeframe.setToolTip(self.tr("Candles of the signals"))
        self.notice_view.setAccessibleName(self.tr("Notices"))
        self.signal_view.setAccessibleName(self.tr("Signals"))
        self._empty[self.notice_view].setText(
            self.tr("No notices since the terminal was opened.\nEach comes when the exchange publishes it.")
        )
        self.notices.name((self.tr("Time"), self.tr("Category"), self.tr("Title")))
        words = (self.tr("Market"), self.tr("Length"), self.tr("Indicator"), self.tr("Signal"))
        self.signals.name((self.tr("Candle"), *words))
        self._show()

    def apply_theme(self) -> None:
        """Fonts and colours."""
        for view in (self.notice_view, self.signal_view):
            style_table(view, self.state.theme)

    def _show(self) -> None:
        count = self.notices.unseen
        self.tabs.setTabText(0, f"{self.tr('Notices')} ({count})" if count else self.tr("Notices"))
        self.tabs.setTabText(1, self.tr("Signals"))
        codes, _ = self._requested
        text = self.tr("Signals come when a candle closes.\nFollowed: {codes}").format(codes=", ".join(codes))
        if not codes:
            text = self.tr("The exchange has signals for won pairs only: show one, or make it a favourite.")
        self._empty[self.signal_view].setText(text)
        for view, stack in self._pages.items():
            has_rows = view.model().rowCount() > 0
            stack.setCurrentIndex(0 if has_rows else 1)

    # --- the streams -------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Subscribe, if there are keys: both streams need keys, but no permissions."""
        if self._announcements is None:
            try:
                self._announcements = self._proxy.subscribe_announcement()
            except CredentialsRequiredError:
                if self.state.is_replay:
                    self.show_placeholder(self.tr("A recording has no notices."))
                    return
                self.show_placeholder(
                    self.tr("Notices and signals need API keys; keys without any permission will do."),
                    self.tr("Enter API keys"),
                    self.state.keys_wanted.emit,
                )
                return
            self.follow(Scope.PRIVATE)
        self.show_body()
        self._ask_signals()

    def codes(self) -> tuple[str, ...]:
        """The pairs whose signals are requested."""
        wanted = dict.fromkeys((self.state.market, *self.state.favourites))
        return tuple(code for code in wanted if not quote_currency_of(code).is_shared)[:_MOST_CODES]

    def _ask_signals(self, *_: object) -> None:
        if self._announcements is None:
            return
        requested = (self.codes(), str(self.timeframe.currentData()))
        if requested == self._requested:
            return
        before, self._stream_requests = self._stream_requests, None
        codes, timeframe = self._requested = requested
        if codes:
            try:
                self._stream_requests = self._proxy.subscribe_indicator_signal(
                    codes, timeframe=IndicatorTimeframe(timeframe), indicators=SIGNALS
                )
            except InvalidSubscriptionError:
                # A delisted favourite makes the whole request fail: request the selected pair alone.
                self._requested = (codes[:1], timeframe)
                self._stream_requests = self._proxy.subscribe_indicator_signal(
                    codes[:1], timeframe=IndicatorTimeframe(timeframe), indicators=SIGNALS
                )
        if before is not None:
            before.close()
        self._show()

    def _on_notice(self, event: AnnouncementEvent) -> None:
        is_new = event.uuid not in self._seen
        self.notices.put(EventRow(event.uuid, event, is_new=is_new))
        self._show()
        if is_new and self.notify.isChecked() and event.category in _URGENT:
            self.state.noticed.emit(_category(event), event.title)

    def _on_signal(self, event: IndicatorSignalEvent) -> None:
        key = f"{event.code} {event.timeframe} {event.indicator} {event.trigger} {event.candle_date_time_utc}"
        self.signals.put(EventRow(key, event, is_new=False))
        self._show()

    # --- the user ----------------------------------------------------------------------------------

    def _on_notify(self, on: bool) -> None:
        self.state.settings.setValue(_NOTIFY, on)

    def _on_timeframe(self, _row: int) -> None:
        self.state.settings.setValue(_TIMEFRAME, self.timeframe.currentData())
        self._ask_signals()

    def _on_selected(self, *_: object) -> None:
        rows = [index.row() for index in self.notice_view.selectionModel().selectedRows()]
        self._remember(rows)

    def mark_all_seen(self) -> None:
        """Mark everything as read."""
        self._remember(list(range(self.notices.rowCount())))

    def _remember(self, rows: list[int]) -> None:
        fresh = [row for row in rows if self.notices.row(row).is_new]
        if not fresh:
            return
        self._seen = [*self._seen, *(self.notices.row(row).key for row in fresh)][-_MOST_SEEN:]
        self.state.settings.setValue(_SEEN, json.dumps(self._seen))
        self.notices.mark_seen(fresh)
        self._show()

    def _on_open(self, index: QModelIndex) -> None:
        url = QUrl(self.notices.row(index.row()).event.url)
        # The address comes from the network: open web pages only.
        if url.isValid() and url.scheme() in ("https", "http") and url.host():
            self._open_url(url)

    def _on_pair(self, index: QModelIndex) -> None:
        self.state.set_market(self.signals.row(index.row()).event.code)


def _strings(text: object) -> list[str]:
    """A list of strings as stored in the settings; empty if it cannot be read."""
    try:
        found: Any = json.loads(str(text or "[]"))
    except ValueError:
        return []
    return [str(each) for each in found] if isinstance(found, list) else []


def _at_current(view: QTableView, call: Callable[[QModelIndex], object]) -> Callable[[], None]:
    def do() -> None:
        if view.currentIndex().isValid():
            call(view.currentIndex())

    return do
