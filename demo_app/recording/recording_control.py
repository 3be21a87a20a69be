"""`RecordingControl`: records the session into a file, and opens recordings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QStandardPaths, QTimer
from PySide6.QtWidgets import QFileDialog, QPushButton

import qt_upbit
from demo_app.recording.recorder import Recorder
from demo_app.recording.sessions import SessionRequest, load_recording
from demo_app.shell_interface import Shell
from demo_app.style.error_messages import explain
from demo_app.terminal_state import TerminalState
from qt_upbit import KST, owned_slot
from qt_upbit.simulator import RecordingHeader

__all__ = ["RecordingControl"]

_SUFFIX: Final = ".jsonl.gz"


class RecordingControl(QObject):
    """Implements the session menu; shows in the status line that it is recording.

    It records the selected pair and the favourites, and no account data.

    Args:
        shell: its frame is the owner; shows notices and errors.
        state: provides the pairs; receives the request for the next session.
    """

    def __init__(self, shell: Shell, state: TerminalState) -> None:
        super().__init__(shell.frame)
        self.setObjectName("recording control")
        self._shell = shell
        self._state = state
        self.recorder: Recorder | None = None
        self.sign = QPushButton()
        self.sign.setObjectName("recordingSign")
        self.sign.clicked.connect(self.stop)
        self.sign.hide()
        shell.frame.statusBar().addPermanentWidget(self.sign)
        self._timer = QTimer(self)
        self._timer.setObjectName("recording")
        self._timer.setInterval(1_000)
        self._timer.timeout.connect(self._show)

    # --- recording ---------------------------------------------------------------------------------

    @property
    def codes(self) -> list[str]:
        """The pairs that would be recorded now."""
        return list(dict.fromkeys([self._state.market, *self._state.favourites]))

    def ask_to_record(self) -> None:
        """Let the user choose a file."""
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        name = f"upbit-{datetime.now(KST):%Y%m%d-%H%M%S}{_SUFFIX}"
        dialog = QFileDialog(self._shell.frame, self.tr("Record the session"), str(Path(folder) / name))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(self.tr("Recordings") + f" (*{_SUFFIX})")
        dialog.selectFile(name)
        dialog.fileSelected.connect(self.record)
        dialog.open()

    def record(self, path: str) -> None:
        """Record into a file, which must not exist yet."""
        self.stop()
        file = Path(path if path.endswith(_SUFFIX) else path + _SUFFIX)
        header = RecordingHeader(
            date=datetime.now(KST).isoformat(timespec="seconds"),
            region=str(self._state.manager.config.region),
            library=qt_upbit.__version__,
            codes=tuple(self.codes),
            markets={code: self._state.market_name(code) for code in self.codes},
        )
        self.recorder = Recorder(file, header, parent=self)
        self.recorder.failed.connect(self._on_failed)
        self.recorder.history_failed.connect(self._on_history_failed)
        self.recorder.start(self.codes)
        self._timer.start()
        self._show()

    def stop(self) -> None:
        """End the recording, if there is one; its file is then complete."""
        recorder, self.recorder = self.recorder, None
        if recorder is None:
            return
        recorder.stop()
        self._timer.stop()
        self.sign.hide()
        recorder.deleteLater()
        self._state.noticed.emit(self.tr("Recorded"), str(recorder.paths[0]))

    def _on_failed(self, why: str) -> None:
        recorder, self.recorder = self.recorder, None
        self._timer.stop()
        self.sign.hide()
        if recorder is not None:
            recorder.stop()
            recorder.deleteLater()
        self._state.noticed.emit(self.tr("The recording has ended"), why)

    def _on_history_failed(self, why: str) -> None:
        text = self.tr("The recording has no earlier candles: {why}")
        self._shell.show_notice(text.format(why=why[:160]))

    def _show(self) -> None:
        if self.recorder is None:
            return
        minutes, seconds = divmod(int(self.recorder.elapsed_s), 60)
        size = f"{self.recorder.size / 1e6:.1f} MB"
        text = self.tr("● REC {time}  {size}").format(time=f"{minutes:02}:{seconds:02}", size=size)
        self.sign.setText(text)
        self.sign.setToolTip(self.tr("Recording; click to stop"))
        self.sign.show()

    # --- opening -----------------------------------------------------------------------------------

    def ask_to_open(self) -> None:
        """Let the user choose a recording."""
        dialog = QFileDialog(self._shell.frame, self.tr("Open a recording"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(self.tr("Recordings") + " (*.jsonl.gz *.jsonl)")
        dialog.fileSelected.connect(self.open)
        dialog.open()

    @owned_slot
    async def open(self, path: str) -> None:
        """Play a recording; an unreadable one is reported, and the session continues."""
        self._shell.show_notice(self.tr("Reading the recording…"))
        try:
            request = await load_recording(path)
        except (OSError, ValueError) as error:
            self._shell.show_error(self.tr("No recording: {why}").format(why=explain(error)))
            return
        # Not from within a task: the signal ends the session, and the task with it.
        QTimer.singleShot(0, self, lambda: self._state.session_wanted.emit(request))

    def leave(self) -> None:
        """Return to the exchange that the terminal was started with."""
        if self._state.is_replay:
            self._state.session_wanted.emit(SessionRequest())
