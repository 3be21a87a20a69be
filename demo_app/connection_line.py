"""`ConnectionLine`: how the connections are, in one line at the foot of the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from demo_app.i18n import Translator
from demo_app.theme import SPACE, Theme
from qt_upbit import ConnectionState, GlobalWebSocketManager, Metrics, Scope

__all__ = ["ConnectionLine"]

_GOOD = {ConnectionState.LIVE}
_BAD = {ConnectionState.REJECTED, ConnectionState.STALE, ConnectionState.RECONNECTING}


class _Elided(QLabel):
    """A text that takes the room there is, and never asks the window for more."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._text = ""

    def set_text(self, text: str) -> None:
        """Show a text; the whole of it is in the tool tip."""
        self._text = text
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much as fits now."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.contentsRect().width()
        self.setText(self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room))


class ConnectionLine(QWidget):
    """State of both scopes, messages a second, what compression saves, connections open."""

    def __init__(self, theme: Theme, texts: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("connectionLine")
        self._theme = theme
        self._texts = texts
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE, 2, SPACE, 2)
        layout.setSpacing(SPACE * 2)
        self._states: dict[Scope, QLabel] = {}
        for scope in (Scope.PUBLIC, Scope.PRIVATE):
            self._states[scope] = self._label(layout, "000 000000000000")
        self._error = _Elided()
        self._error.setFont(theme.font(8.5))
        self._error.setStyleSheet(f"color: {theme.warning.name()};")
        layout.addWidget(self._error, 1)
        self._rate = self._label(layout, "0,000 msg/s")
        self._saving = self._label(layout, texts("saving") + " 00%")
        self._latency = self._label(layout, texts("latency") + " 00.0 ms")
        self._connections = self._label(layout, "")
        manager = GlobalWebSocketManager.instance()
        manager.state_changed.connect(self._on_state)
        manager.metrics_updated.connect(self._on_metrics)
        for scope in self._states:
            self._on_state(scope, manager.state(scope))
        self._on_metrics(manager.metrics())

    def _label(self, layout: QHBoxLayout, widest: str) -> QLabel:
        label = QLabel()
        label.setFont(self._theme.font(8.5))
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance(widest))
        layout.addWidget(label)
        return label

    def show_error(self, text: str) -> None:
        """Say what went wrong; empty clears it."""
        self._error.set_text(text)

    def _on_state(self, scope: Scope, state: ConnectionState) -> None:
        label = self._states.get(scope)
        if label is None:
            return
        color = self._theme.muted
        if state in _GOOD:
            color = self._theme.accent
            self.show_error("")
        elif state in _BAD:
            color = self._theme.warning
        name = self._texts(scope.value)
        dot = f'<span style="color:{color.name()}">●</span>'
        label.setText(f"{dot} {name} {self._texts.or_raw('scope_state', state.value)}")

    def _on_metrics(self, metrics: Metrics) -> None:
        scopes = metrics.scopes.values()
        rate = sum(scope.messages_per_second for scope in scopes)
        wire = sum(scope.wire_bytes for scope in scopes)
        inflated = sum(scope.inflated_bytes for scope in scopes)
        saving = 1 - wire / inflated if inflated > wire else 0.0
        self._rate.setText(f"{rate:,.0f} {self._texts('per_second')}")
        self._saving.setText(f"{self._texts('saving')} {saving:.0%}")
        self._latency.setText(f"{self._texts('latency')} {metrics.latency_p99_s * 1000:.1f} ms")
        counts = "  ".join(
            f"{self._texts(scope.value)} {metrics.scopes[scope].connections_open}"
            for scope in (Scope.PUBLIC, Scope.PRIVATE)
        )
        self._connections.setText(f"{self._texts('connections')}  {counts}")
