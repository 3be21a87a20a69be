"""`ConnectionLine`: the state of the connections, in the status line of the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from demo_app.style.error_messages import explain, technical
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from qt_upbit import ConnectionState, Metrics, Scope

__all__ = ["ConnectionLine"]

_GOOD = {ConnectionState.LIVE}
_BAD = {ConnectionState.REJECTED, ConnectionState.STALE, ConnectionState.RECONNECTING}

_NOTICE_MS = 20_000
_WIDE = 1_200
"""From this width all figures are shown."""


class _Elided(QLabel):
    """A text elided to the available width, which never widens the window."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._text = ""

    def set_text(self, text: str) -> None:
        """Show a text; the tool tip has all of it."""
        self._text = text
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.contentsRect().width()
        self.setText(self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room))


class ConnectionLine(QWidget):
    """State of both scopes, the last notice, messages per second, compression, open connections."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("connectionLine")
        self._state = state
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE, 2, SPACE, 2)
        layout.setSpacing(SPACE * 2)
        self._states: dict[Scope, QLabel] = {}
        for scope in (Scope.PUBLIC, Scope.PRIVATE):
            self._states[scope] = self._label(layout, "000 000000000000")
        self._error = _Elided()
        self._error.setFont(state.theme.font(8.5))
        self._error.setObjectName("statusText")
        layout.addWidget(self._error, 1)
        self._is_error = False
        self._fade = QTimer(self)
        self._fade.setObjectName("notice_fade")
        self._fade.setSingleShot(True)
        self._fade.setInterval(_NOTICE_MS)
        self._fade.timeout.connect(self._clear)
        self._rate = self._label(layout, "0,000 msg/s")
        self._saving = self._label(layout, "compression saves 00%")
        self._latency = self._label(layout, "latency p99 00,000.0 ms")
        self._connections = self._label(layout, "")
        manager = state.manager
        manager.state_changed.connect(self._on_state)
        manager.metrics_updated.connect(self._on_metrics)
        manager.error_occurred.connect(self._on_error)
        state.freshness.changed.connect(self._on_freshness)
        state.theme_changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        """Set every text again, in the current language and colours."""
        manager = self._state.manager
        self._words = {
            ConnectionState.IDLE: self.tr("idle"),
            ConnectionState.CONNECTING: self.tr("connecting"),
            ConnectionState.LIVE: self.tr("live"),
            ConnectionState.STALE: self.tr("stale"),
            ConnectionState.RECONNECTING: self.tr("reconnecting"),
            ConnectionState.RESYNCING: self.tr("resyncing"),
            ConnectionState.REJECTED: self.tr("refused"),
            ConnectionState.CLOSED: self.tr("closed"),
        }
        self._names = {Scope.PUBLIC: self.tr("Public"), Scope.PRIVATE: self.tr("Private")}
        for scope in self._states:
            self._show_state(scope, manager.state(scope))
        self._on_metrics(manager.metrics())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window notices have priority over figures."""
        super().resizeEvent(event)
        for label in (self._saving, self._connections):
            label.setVisible(self.width() >= _WIDE)

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _label(self, layout: QHBoxLayout, widest: str) -> QLabel:
        label = QLabel()
        label.setFont(self._state.theme.font(8.5))
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance(widest))
        layout.addWidget(label)
        return label

    def show_error(self, text: str) -> None:
        """Show an error until the connection is live again; an empty text clears it."""
        self._is_error = bool(text)
        self._fade.stop()
        self._error.set_text(text)

    def show_notice(self, text: str) -> None:
        """Show a notice for a while."""
        self._is_error = False
        self._error.set_text(text)
        self._fade.start()

    def _clear(self) -> None:
        self._error.set_text("")

    def _on_error(self, _owner: str, error: Exception) -> None:
        self.show_error(explain(error))
        self._error.setToolTip(f"{self._error.toolTip()}\n{technical(error)}")

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope in self._states:
            if state in _GOOD and self._is_error:
                self.show_error("")
            self._show_state(scope, state)

    def _on_freshness(self) -> None:
        self._show_state(Scope.PUBLIC, self._state.freshness.connection_state)

    def _show_state(self, scope: Scope, state: ConnectionState) -> None:
        theme, freshness = self._state.theme, self._state.freshness
        is_late = scope is Scope.PUBLIC and freshness.is_late
        color = theme.accent if state in _GOOD else theme.warning if state in _BAD else theme.muted
        text = self._words.get(state, state.value)
        if is_late:
            color = theme.warning
            text = self.tr("no data for {seconds} s").format(seconds=freshness.seconds)
        dot = f'<span style="color:{color.name()}">●</span>'
        self._states[scope].setText(f"{dot} {self._names[scope]} {text}")

    def _on_metrics(self, metrics: Metrics) -> None:
        scopes = metrics.scopes.values()
        rate = sum(scope.messages_per_second for scope in scopes)
        wire = sum(scope.wire_bytes for scope in scopes)
        inflated = sum(scope.inflated_bytes for scope in scopes)
        saving = 1 - wire / inflated if inflated > wire else 0.0
        self._rate.setText(self.tr("{rate} msg/s").format(rate=f"{rate:,.0f}"))
        self._saving.setText(self.tr("compression saves {share}").format(share=f"{saving:.0%}"))
        latency = f"{metrics.latency_p99_s * 1000:.1f}"
        self._latency.setText(self.tr("latency p99 {time} ms").format(time=latency))
        counts = "  ".join(
            f"{name} {metrics.scopes[scope].connections_open}" for scope, name in self._names.items()
        )
        self._connections.setText(self.tr("Connections  {counts}").format(counts=counts))
