"""`PerformancePanel`: the connections' health and cost, and the exchange's own list of streams."""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import shiboken6
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from demo_app.panel import Panel
from demo_app.panels.performance.latency_chart import LatencyChart, RateChart
from demo_app.style.error_messages import explain
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from qt_upbit import (
    ConnectionState,
    Metrics,
    QtUpbitError,
    Scope,
    ScopeMetrics,
    StreamKey,
    SubscriptionMetrics,
    owned_slot,
)

__all__ = ["PerformancePanel"]

_SCOPES: Final = (Scope.PUBLIC, Scope.PRIVATE, Scope.INFO)
_HISTORY: Final = 200
_CONTEXT: Final = "PerformancePanel"
_SCOPE_NAMES: Final = {
    Scope.PUBLIC: str(QT_TRANSLATE_NOOP("PerformancePanel", "Public")),
    Scope.PRIVATE: str(QT_TRANSLATE_NOOP("PerformancePanel", "Private")),
    Scope.INFO: str(QT_TRANSLATE_NOOP("PerformancePanel", "Indicators")),
}
_STATE_NAMES: Final = {
    ConnectionState.IDLE: str(QT_TRANSLATE_NOOP("PerformancePanel", "not needed")),
    ConnectionState.CONNECTING: str(QT_TRANSLATE_NOOP("PerformancePanel", "connecting")),
    ConnectionState.LIVE: str(QT_TRANSLATE_NOOP("PerformancePanel", "live")),
    ConnectionState.STALE: str(QT_TRANSLATE_NOOP("PerformancePanel", "silent")),
    ConnectionState.RECONNECTING: str(QT_TRANSLATE_NOOP("PerformancePanel", "reconnecting")),
    ConnectionState.RESYNCING: str(QT_TRANSLATE_NOOP("PerformancePanel", "synchronising")),
    ConnectionState.REJECTED: str(QT_TRANSLATE_NOOP("PerformancePanel", "refused")),
    ConnectionState.CLOSED: str(QT_TRANSLATE_NOOP("PerformancePanel", "closed")),
}
_BAD: Final = {ConnectionState.STALE, ConnectionState.RECONNECTING, ConnectionState.REJECTED}


def _tr(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)


class _Table(QTableWidget):
    """A table of figures that are updated in place."""

    def __init__(self, columns: int, stretched: int = 0) -> None:
        super().__init__(0, columns)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )

    def set_rows(self, rows: Iterable[tuple[str, ...]], left: int = 1) -> None:
        """Show these rows; the first `left` columns are texts, the others numbers."""
        rows = tuple(rows)
        self.setRowCount(len(rows))
        for y, row in enumerate(rows):
            for x, text in enumerate(row):
                item = self.item(y, x)
                if item is None:
                    item = QTableWidgetItem()
                    side = Qt.AlignmentFlag.AlignLeft if x < left else Qt.AlignmentFlag.AlignRight
                    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                    self.setItem(y, x, item)
                if item.text() != text:
                    item.setText(text)

    def set_heads(self, heads: Iterable[str], left: int = 1) -> None:
        """Set the column headers."""
        heads = tuple(heads)
        self.setHorizontalHeaderLabels(heads)
        for x in range(left):
            if (head := self.horizontalHeaderItem(x)) is not None:
                head.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class PerformancePanel(Panel):
    """Connections, rates, latencies, subscriptions with the cost of their slots, and the server's own list.

    Updated with the manager's metrics, once a second.
    """

    NAME = "performance"

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._listed: dict[Scope, frozenset[StreamKey]] = {}
        self._overview = QWidget()
        self._connections = _Table(8)
        self._rates = RateChart(state)
        self._latency = LatencyChart(state)
        self._lag = LatencyChart(state)
        self._sums = QLabel()
        self._reconnect = QPushButton()
        self._reconnect.clicked.connect(self._on_reconnect)
        self._scope = QComboBox()
        for scope in _SCOPES:
            self._scope.addItem("", scope)
        self._lay_out_overview()

        self._subscriptions = _Table(9)
        self._streams = _Table(3)
        self._ask = QPushButton()
        self._ask.clicked.connect(self._on_ask)
        self._answer = QLabel()
        self._answer.setTextFormat(Qt.TextFormat.PlainText)
        self._history = QListWidget()
        self._tabs = QTabWidget()
        self.key_target = self._tabs
        self._tabs.setDocumentMode(True)
        self._tabs.tabBar().setDrawBase(False)
        for page in (self._overview, self._subscriptions, self._streams_page(), self._history):
            self._tabs.addTab(page, "")
        self.set_body(self._tabs)

        manager = state.manager
        manager.metrics_updated.connect(self._on_metrics)
        manager.state_changed.connect(self._on_state)
        manager.token_renewed.connect(self._on_renewed)
        # While the panel is deleted its pages go one by one, and none of its methods can be called.
        self._tabs.currentChanged.connect(functools.partial(_refresh, weakref.ref(self)))
        self.apply_theme()
        self.retranslate()
        for scope in _SCOPES:
            if manager.state(scope) is not ConnectionState.IDLE:
                self._on_state(scope, manager.state(scope))

    def _lay_out_overview(self) -> None:
        charts = QGridLayout()
        charts.setHorizontalSpacing(SPACE * 3)
        charts.setVerticalSpacing(SPACE)
        charts.addWidget(self._rates, 0, 0)
        charts.addWidget(self._latency, 0, 1)
        charts.addWidget(self._lag, 0, 2)
        for each in range(3):
            charts.setColumnStretch(each, 1)
        foot = QHBoxLayout()
        foot.setSpacing(SPACE)
        foot.addWidget(self._sums, 1)
        foot.addWidget(self._scope)
        foot.addWidget(self._reconnect)
        column = QVBoxLayout(self._overview)
        column.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        column.setSpacing(SPACE // 2)
        column.addWidget(self._connections)
        column.addLayout(charts, 1)
        column.addLayout(foot)
        self._connections.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._connections.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)

    def _streams_page(self) -> QWidget:
        page = QWidget()
        head = QHBoxLayout()
        head.setSpacing(SPACE)
        head.addWidget(self._answer, 1)
        head.addWidget(self._ask)
        column = QVBoxLayout(page)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        column.setSpacing(SPACE)
        column.addLayout(head)
        column.addWidget(self._streams, 1)
        return page

    # --- words and colours -------------------------------------------------------------------------

    def title(self) -> str:
        """As `Panel.title`."""
        return self.tr("Performance")

    def retranslate(self) -> None:
        """Set every text again."""
        tabs = (self.tr("Overview"), self.tr("Subscriptions"), self.tr("Streams"), self.tr("History"))
        for index, text in enumerate(tabs):
            self._tabs.setTabText(index, text)
        self._connections.set_heads(
            (
                self.tr("Connection"), self.tr("State"), self.tr("Messages/s"), self.tr("On the wire"),
                self.tr("Saved"), self.tr("Transit p50 / p99"), self.tr("Silent for"), self.tr("Reconnects"),
            ),
            left=2,
        )  # fmt: skip
        self._subscriptions.set_heads(
            (
                self.tr("Panel"), self.tr("Type"), self.tr("Delivery"), self.tr("Codes"),
                self.tr("Delivered"), self.tr("Conflated"), self.tr("Lost"), self.tr("Slot mean"),
                self.tr("Slot longest"),
            ),
            left=3,
        )  # fmt: skip
        self._streams.set_heads((self.tr("Stream"), self.tr("Requested"), self.tr("Listed by Upbit")), left=3)
        self._rates.title = self.tr("Messages per second")
        self._rates.scale = (self.tr("2 minutes ago"), self.tr("now"))
        self._latency.title = self.tr("Read to slot")
        self._lag.title = self.tr("Window busy")
        self._latency.empty = self._lag.empty = self.tr("nothing measured yet")
        self._reconnect.setText(self.tr("Reconnect"))
        self._ask.setText(self.tr("Ask Upbit"))
        if not self._listed:
            self._answer.setText(self.tr("Ask Upbit which streams it is sending."))
        for index, scope in enumerate(_SCOPES):
            self._scope.setItemText(index, _tr(_SCOPE_NAMES[scope]))
        self._scope.setAccessibleName(self.tr("Connection"))
        for table, name in (
            (self._connections, self.tr("Connections")),
            (self._subscriptions, self.tr("Subscriptions")),
            (self._streams, self.tr("Streams")),
            (self._history, self.tr("History")),
        ):
            table.setAccessibleName(name)
        self._refresh()

    def apply_theme(self) -> None:
        """Fonts and colours."""
        theme = self.state.theme
        for widget in (self._connections, self._subscriptions, self._streams, self._history):
            widget.setFont(theme.font(9))
        for table in (self._connections, self._subscriptions, self._streams):
            table.horizontalHeader().setFont(theme.font(9))
        head = self._connections.horizontalHeader()
        head.ensurePolished()
        row = self._connections.fontMetrics().height() + SPACE // 2
        self._connections.verticalHeader().setDefaultSectionSize(row)
        self._connections.setFixedHeight(head.sizeHint().height() + len(_SCOPES) * row + 4)
        self._tabs.tabBar().setFont(theme.font(9))
        for control in (self._ask, self._reconnect, self._scope):
            control.setFont(theme.font(9))
        for label in (self._sums, self._answer):
            label.setFont(theme.font(8.5))
            label.setStyleSheet(f"color: {theme.muted.name()};")
        self.setStyleSheet(
            f"QTabWidget::pane {{ border: none; }} QTabBar::tab {{ background: transparent;"
            f" color: {theme.muted.name()}; padding: 6px 12px; border: none; }}"
            f" QTabBar::tab:selected {{ color: {theme.text.name()};"
            f" border-bottom: 2px solid {theme.accent.name()}; }}"
            f" QTabBar::tab:focus {{ color: {theme.accent.name()}; }}"
            f" QListWidget {{ border: none; }}"
        )

    # --- what is reported ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        self._on_figures(self.state.manager.metrics())

    def _on_metrics(self, metrics: Metrics) -> None:
        self._rates.add(sum(scope.messages_per_second for scope in metrics.scopes.values()))
        if self.isVisible():
            self._on_figures(metrics)

    def _on_figures(self, metrics: Metrics) -> None:
        scopes = metrics.scopes
        self._connections.set_rows((_connection_row(scope, scopes[scope]) for scope in _SCOPES), left=2)
        for row, scope in enumerate(_SCOPES):
            theme, state = self.state.theme, scopes[scope].state
            good = theme.accent if state is ConnectionState.LIVE else theme.muted
            if (item := self._connections.item(row, 1)) is not None:
                item.setForeground(theme.warning if state in _BAD else good)
        rate = sum(scope.messages_per_second for scope in scopes.values())
        self._rates.note = f"{rate:,.0f}"
        self._latency.show_summary(metrics.latency)
        self._lag.show_summary(metrics.loop_lag)
        self._sums.setText(
            self.tr("{delivered} delivered · {conflated} conflated · {lost} lost · {errors} errors").format(
                delivered=f"{metrics.events_delivered:,}",
                conflated=f"{metrics.events_conflated:,}",
                lost=f"{metrics.events_lost:,}",
                errors=f"{metrics.errors:,}",
            )
        )
        page = self._tabs.currentWidget()
        if page is self._subscriptions:
            self._subscriptions.set_rows(
                map(_subscription_row, self.state.manager.subscription_metrics()), left=3
            )
        elif self._streams.isVisible():
            self._show_streams()

    def _show_streams(self) -> None:
        manager, rows = self.state.manager, []
        for scope in _SCOPES:
            wanted, listed = set(manager.streams(scope)), self._listed.get(scope)
            for key in sorted(wanted | (listed or frozenset()), key=str):
                yes, no = self.tr("yes"), self.tr("no")
                theirs = "–" if listed is None else yes if key in listed else no
                rows.append((_stream_name(key), yes if key in wanted else no, theirs))
        self._streams.set_rows(rows, left=3)

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        text = f"{_tr(_SCOPE_NAMES[scope])}: {_tr(_STATE_NAMES[state])}"
        error = self.state.manager.error(scope) if state in _BAD else None
        self._note(text if error is None else f"{text} – {explain(error)}")
        if state is not ConnectionState.LIVE:
            self._listed.pop(scope, None)

    def _on_renewed(self, scope: Scope) -> None:
        self._note(self.tr("{connection}: token renewed").format(connection=_tr(_SCOPE_NAMES[scope])))

    def _note(self, text: str) -> None:
        now = datetime.now().astimezone()
        self._history.insertItem(0, f"{now:%H:%M:%S}  {text}")
        while self._history.count() > _HISTORY:
            self._history.takeItem(self._history.count() - 1)

    # --- what the user wants -----------------------------------------------------------------------

    def _on_reconnect(self) -> None:
        self.state.manager.reconnect(self._scope.currentData())

    @owned_slot
    async def _on_ask(self) -> None:
        self._ask.setEnabled(False)
        manager = self.state.manager
        live = [scope for scope in _SCOPES if manager.state(scope) is ConnectionState.LIVE]
        answers = await asyncio.gather(
            *(manager.list_subscriptions(scope) for scope in live), return_exceptions=True
        )
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        for scope, answer in zip(live, answers, strict=True):
            if isinstance(answer, frozenset):
                self._listed[scope] = answer
        self._ask.setEnabled(True)
        self._show_streams()
        for error in errors:
            if not isinstance(error, QtUpbitError):
                raise error
        self._answer.setText(self._verdict(errors, live))

    def _verdict(self, errors: list[BaseException], live: list[Scope]) -> str:
        if errors:
            return str(errors[0])
        if not live:
            return self.tr("There is no live connection to ask.")
        streams = {scope: set(self.state.manager.streams(scope)) for scope in live}
        if all(streams[scope] == self._listed[scope] for scope in live):
            return self.tr("Upbit sends exactly the requested streams: {number}.").format(
                number=sum(map(len, streams.values()))
            )
        return self.tr(
            "Upbit's list differs from the requested streams; the library requests them again by itself."
        )


def _refresh(reference: weakref.ref[PerformancePanel], _index: int) -> None:
    panel = reference()
    if panel is not None and shiboken6.isValid(panel):
        panel._refresh()


def _stream_name(key: StreamKey) -> str:
    parts = (key.type, key.code, *(str(each) for each in key.variant if each))
    return "  ".join(filter(None, parts))


def _connection_row(scope: Scope, metrics: ScopeMetrics) -> tuple[str, ...]:
    transit = metrics.transit
    return (
        _tr(_SCOPE_NAMES[scope]),
        "● " + _tr(_STATE_NAMES[metrics.state]),
        f"{metrics.messages_per_second:,.0f}",
        f"{metrics.wire_bytes_per_second / 1024:,.1f} KiB/s",
        f"{metrics.compression_saving:.0%}",
        f"{transit.p50_s * 1000:,.0f} / {transit.p99_s * 1000:,.0f} ms" if transit.count else "–",
        "–" if metrics.silence_s is None else f"{metrics.silence_s:,.1f} s",
        f"{metrics.reconnects:,}",
    )


def _subscription_row(metrics: SubscriptionMetrics) -> tuple[str, ...]:
    mean = metrics.slot_s / metrics.delivered if metrics.delivered else 0.0
    return (
        metrics.owner,
        metrics.type,
        metrics.delivery.name,
        f"{metrics.codes:,}" if metrics.codes else "–",
        f"{metrics.delivered:,}",
        f"{metrics.conflated:,}",
        f"{metrics.overflowed:,}",
        f"{mean * 1e6:,.0f} µs",
        f"{metrics.slot_max_s * 1000:,.2f} ms",
    )
