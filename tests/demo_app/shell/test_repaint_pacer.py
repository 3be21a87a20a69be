"""A window repaints once per frame, including delayed requests."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from demo_app.shell.repaint_pacer import FRAME_S, RepaintPacer
from tests.support.wait import until


class Counting(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.painted = 0

    def paintEvent(self, _event: QPaintEvent) -> None:
        self.painted += 1
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), self.palette().window())


@pytest.fixture
def window(app: QApplication) -> Iterator[QWidget]:
    window = QWidget()
    window.resize(200, 100)
    yield window
    shiboken6.delete(window)


def turn() -> None:
    """What Qt does when idle: request a repaint of each window."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)


async def test_changes_between_frames_are_painted_with_the_next_frame(window: QWidget) -> None:
    now = 100.0
    pacer = RepaintPacer(window, lambda: now)
    left, right = Counting(window), Counting(window)
    left.setGeometry(0, 0, 100, 100)
    right.setGeometry(100, 0, 100, 100)
    window.show()
    await until(lambda: left.painted and right.painted)
    now += 10 * FRAME_S

    left.update()
    turn()
    begun = (left.painted, right.painted, pacer.painted)
    left.update()
    right.update()
    turn()
    left.update()
    turn()
    assert (left.painted, right.painted, pacer.painted) == begun
    # The test's clock is stopped: the frame still comes by its own timer.
    await until(lambda: right.painted == begun[1] + 1)
    assert (left.painted, pacer.painted) == (begun[0] + 1, begun[2] + 1)


async def test_after_a_pause_a_repaint_is_immediate(window: QWidget) -> None:
    now = 100.0
    pacer = RepaintPacer(window, lambda: now)
    child = Counting(window)
    window.show()
    await until(lambda: child.painted)
    for frame in range(1, 4):
        now += FRAME_S
        before = child.painted, pacer.painted
        child.update()
        turn()
        assert (child.painted, pacer.painted) == (before[0] + 1, before[1] + 1), frame


async def test_the_pacer_is_released_with_its_window(app: QApplication) -> None:
    window = QWidget()
    gone = weakref.ref(RepaintPacer(window))
    shiboken6.delete(window)
    gc.collect()
    assert gone() is None
