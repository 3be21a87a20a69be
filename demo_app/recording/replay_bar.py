"""`ReplayBar`: plays a recording: pause, speed, and a slider to seek."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QComboBox, QLabel, QSlider, QToolBar, QWidget

from demo_app.recording.sessions import SessionRequest
from demo_app.style.icons import icon
from demo_app.terminal_state import TerminalState
from qt_upbit import KST, datetime_at
from qt_upbit.simulator import Replay

__all__ = ["ReplayBar"]

_STEP_S: Final = 10.0
_TICKS: Final = 10
"""Slider steps per second."""
_REFRESH_MS: Final = 100
_SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, float("inf"))


class ReplayBar(QToolBar):
    """Play, pause, speed and position of a recording.

    Pause and speed take effect at once. Seeking starts a new session at the target time, so that no
    panel has later data.

    Args:
        state: what the panels share; emits ``session_wanted``.
        replay: the recording being played.
        request: the request this session was started with.
        now: the clock of the exchange that plays it.
        parent: owner.
    """

    def __init__(
        self,
        state: TerminalState,
        replay: Replay,
        request: SessionRequest,
        now: Callable[[], float],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("replayBar")
        self.setMovable(False)
        self.setIconSize(QSize(16, 16))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._state, self._replay, self._request, self._now = state, replay, request, now
        self.play = self._action("Ctrl+Space", self._toggle)
        self.back = self._action("Ctrl+Left", functools.partial(self._step, -_STEP_S))
        self.forward = self._action("Ctrl+Right", functools.partial(self._step, _STEP_S))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, max(1, round(replay.duration_s * _TICKS)))
        self.slider.setPageStep(round(_STEP_S * _TICKS))
        self.slider.setSingleStep(_TICKS)
        self.slider.sliderReleased.connect(self._on_released)
        self.slider.actionTriggered.connect(self._on_slider_action)
        self.addWidget(self.slider)
        self.place = QLabel()
        self.addWidget(self.place)
        self.speed = QComboBox()
        for speed in _SPEEDS:
            self.speed.addItem("", speed)
        self.speed.setCurrentIndex(max(0, self.speed.findData(replay.speed)))
        self.speed.activated.connect(self._on_speed)
        self.addWidget(self.speed)
        self.leave = self._action("Ctrl+W", functools.partial(state.session_wanted.emit, SessionRequest()))
        self._timer = QTimer(self)
        self._timer.setObjectName("replay bar")
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._show)
        self._timer.start()
        state.theme_changed.connect(self.retranslate)
        self.retranslate()

    def _action(self, keys: str, slot: Callable[[], object]) -> QAction:
        action = self.addAction("")
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        action.triggered.connect(lambda *_: slot())
        return action

    def retranslate(self) -> None:
        """Set every text and icon again, in the current language and colours."""
        theme = self._state.theme
        self.back.setText(self.tr("−10 s"))
        self.forward.setText(self.tr("+10 s"))
        self.leave.setText(self.tr("Close recording"))
        self.back.setToolTip(self.tr("Ten seconds back (Ctrl+Left)"))
        self.forward.setToolTip(self.tr("Ten seconds forward (Ctrl+Right)"))
        self.leave.setToolTip(self.tr("Back to the exchange (Ctrl+W)"))
        self.slider.setAccessibleName(self.tr("Position in the recording"))
        self.speed.setAccessibleName(self.tr("Speed"))
        for row, speed in enumerate(_SPEEDS):
            self.speed.setItemText(row, self.tr("max") if speed == float("inf") else f"{speed:g}×")
        self.place.setFont(theme.font(9))
        self._show_play()
        self._show()

    def _show_play(self) -> None:
        is_paused = self._replay.is_paused
        self.play.setText(self.tr("Play") if is_paused else self.tr("Pause"))
        self.play.setToolTip(self.tr("Play (Ctrl+Space)") if is_paused else self.tr("Pause (Ctrl+Space)"))
        self.play.setIcon(icon("play" if is_paused else "pause", self._state.theme))

    def _show(self) -> None:
        position = self._replay.position_s(self._now())
        if not self.slider.isSliderDown():
            self.slider.setValue(round(position * _TICKS))
        else:
            position = self.slider.value() / _TICKS
        moment = datetime_at(self._replay.began_ms / 1000 + position, KST)
        length = _clock(self._replay.duration_s)
        self.place.setText(f" {_clock(position)} / {length}   {moment:%Y-%m-%d %H:%M:%S} ")

    # --- the user ----------------------------------------------------------------------------------

    def _toggle(self) -> None:
        now = self._now()
        if self._replay.is_paused and self._replay.position_s(now) >= self._replay.duration_s:
            self.seek(0.0)
            return
        self._replay.set_paused(not self._replay.is_paused, now)
        self._show_play()

    def _on_speed(self, row: int) -> None:
        self._replay.set_speed(self.speed.itemData(row), self._now())

    def _step(self, by_s: float) -> None:
        self.seek(self._replay.position_s(self._now()) + by_s)

    def _on_released(self) -> None:
        self.seek(self.slider.sliderPosition() / _TICKS)

    def _on_slider_action(self, _action: int) -> None:
        # Keys, and clicks beside the handle; a drag seeks on release.
        if not self.slider.isSliderDown():
            self.seek(self.slider.sliderPosition() / _TICKS)

    def seek(self, offset_s: float) -> None:
        """Start a session at another time."""
        offset_s = min(max(offset_s, 0.0), self._replay.duration_s)
        request = replace(
            self._request, market=self._state.market, offset_s=offset_s,
            speed=self._replay.speed, is_paused=self._replay.is_paused,
        )  # fmt: skip
        self._state.session_wanted.emit(request)

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
