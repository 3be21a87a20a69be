"""`Panel`: the base of every panel of the terminal: a title, a body, and a placeholder without data."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import ClassVar

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from demo_app.freshness import SEEING
from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from qt_upbit import ConnectionState, Scope

__all__ = ["ContentState", "Panel"]


class ContentState(Enum):
    """What a panel shows."""

    SHOWN = "the body"
    LOADING = "a placeholder: data is still to come"
    EMPTY = "a placeholder: there is no data, or the user must do something first"
    FAILED = "a placeholder: loading failed"


class _Placeholder(QWidget):
    """Covers the body: loading, empty or failed, with a text and perhaps a button."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.setObjectName("placeholder")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._action: Callable[[], object] | None = None
        self._text = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._text.setObjectName("placeholderText")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._button = QPushButton()
        self._button.clicked.connect(self._act)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE * 2, SPACE * 2, SPACE * 2, SPACE * 2)
        layout.setSpacing(SPACE)
        layout.addStretch(1)
        layout.addWidget(self._text)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        self.hide()

    def say(self, text: str, label: str, action: Callable[[], object] | None) -> None:
        self._text.setText(text)
        self._button.setText(label)
        self._button.setVisible(action is not None)
        self._action = action
        self.show()
        self.raise_()

    def _act(self) -> None:
        if self._action is not None:
            self._action()


class _StaleOverlay(QWidget):
    """Dims stale content; mouse and keys go through it."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.setObjectName("stale_overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        theme, text = self._panel.state.theme, self._panel.stale_text
        painter.fillRect(self.rect(), theme.faded(theme.panel, 150))
        if not text:
            return
        painter.setFont(theme.font(8.5, bold=True))
        room = painter.fontMetrics().boundingRect(text).adjusted(-SPACE, -3, SPACE, 3)
        room.moveCenter(self.rect().center())
        room.moveTop(SPACE // 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.warning)
        painter.drawRoundedRect(room, 4, 4)
        painter.setPen(theme.ink_on(theme.warning))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)


class Panel(QWidget):
    """A panel of the terminal: give it a body, and override `title`, `retranslate` and `apply_theme`.

    A panel has its own `WebSocketClientProxy` and works alone in a window, with a `TerminalState` and nothing
    else. It never refers to another panel. Texts are ``self.tr("…")``, set in `retranslate`.

    Args:
        state: what all panels share.
        parent: owner.
    """

    NAME: ClassVar[str] = ""
    """The panel's name in layouts and settings; never shown, never changed."""
    LEAST: ClassVar[tuple[int, int]] = (200, 120)
    """The smallest width and height in which it can be used."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(self.NAME)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("kind", "panel")
        self.state = state
        self.stale_text = ""
        self.key_target: QWidget | None = None
        """What gets the keys when the panel is asked for by its shortcut. No focus proxy: Tab would then pass
        over everything before it in the panel."""
        self._content_state = ContentState.SHOWN
        self._followed: Scope | None = None
        self._connection_state = ConnectionState.IDLE
        """Of the followed scope. Stored: asking for a manager after it has closed would create another."""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._stale_overlay = _StaleOverlay(self)
        self._placeholder = _Placeholder(self)
        state.theme_changed.connect(self._on_theme)

    # --- for panels to override --------------------------------------------------------------------

    def title(self) -> str:
        """The text of its tab, in the current language."""
        raise NotImplementedError

    def shortcuts(self) -> tuple[tuple[str, str], ...]:
        """The panel's keys and what they do, for the list of all shortcuts."""
        return ()

    def retranslate(self) -> None:
        """Set every text again: the language has changed. Called by the panel's own constructor as well."""

    def apply_theme(self) -> None:
        """Set fonts and colours that are not the stylesheet's. Called by the panel's own constructor too."""

    # --- for panels to use -------------------------------------------------------------------------

    def set_body(self, body: QWidget) -> None:
        """What the panel shows when all is well."""
        self._column.addWidget(body)
        self._stale_overlay.raise_()
        self._placeholder.raise_()

    def show_body(self) -> None:
        """Show the body."""
        self._content_state = ContentState.SHOWN
        self._placeholder.hide()

    def show_placeholder(
        self,
        text: str,
        label: str = "",
        action: Callable[[], object] | None = None,
        *,
        state: ContentState = ContentState.EMPTY,
    ) -> None:
        """Cover the body: data is loading, there is none, or something failed.

        Args:
            text: why, and what to do.
            label: of the button.
            action: what the button does; without it there is none.
            state: which of these it is.
        """
        self._content_state = state
        self._placeholder.say(text, label, action)

    @property
    def content_state(self) -> ContentState:
        """What the panel shows now."""
        return self._content_state

    @property
    def has_placeholder(self) -> bool:
        """Whether a placeholder covers the body."""
        return not self._placeholder.isHidden()

    def set_stale(self, text: str) -> None:
        """Mark the content as stale, with a short reason; an empty text: it is current."""
        if text != self.stale_text:
            self.stale_text = text
            self._stale_overlay.setVisible(bool(text))
            self._stale_overlay.update()

    def follow(self, scope: Scope) -> None:
        """From now on look stale whenever the connection of `scope` is not live, or public data is old."""
        self._followed = scope
        self._connection_state = self.state.manager.state(scope)
        self.state.manager.state_changed.connect(self._on_connection_state)
        if scope is Scope.PUBLIC:
            self.state.freshness.changed.connect(self._judge_connection)
        self._judge_connection()

    def timer(
        self, name: str, interval_ms: int, slot: Callable[[], object] | None, *, repeats: bool = False
    ) -> QTimer:
        """Create a timer of the panel, not started; without a slot the caller polls `isActive`."""
        timer = QTimer(self)
        timer.setObjectName(name)
        timer.setSingleShot(not repeats)
        timer.setInterval(interval_ms)
        if slot is not None:
            timer.timeout.connect(slot)
        return timer

    def _on_connection_state(self, scope: Scope, state: ConnectionState) -> None:
        if scope is self._followed:
            self._connection_state = state
            self._judge_connection()

    def _judge_connection(self) -> None:
        scope = self._followed
        if scope is None:
            return
        if self._connection_state not in SEEING:
            self.set_stale(self.tr("Not live"))
        else:
            is_late = scope is Scope.PUBLIC and self.state.freshness.is_late
            self.set_stale(self.state.freshness.text if is_late else "")

    # --- Qt ----------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
            self._judge_connection()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The placeholder and the stale overlay cover the whole panel."""
        super().resizeEvent(event)
        self._stale_overlay.setGeometry(self.rect())
        self._placeholder.setGeometry(self.rect())

    def _on_theme(self) -> None:
        self.apply_theme()
        self._stale_overlay.update()
        self.update()
