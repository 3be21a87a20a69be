"""Changes are shown once per frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from qt_upbit.item_models.flush_timer import FlushTimer
from tests.support.wait import until


class Rig:
    def __init__(self) -> None:
        self.now = 100.0
        self.parent = QObject()
        self.timer = FlushTimer(0.25, self.parent, clock=lambda: self.now)
        self.flushed = 0
        self.timer.due.connect(self.flush)

    def flush(self) -> None:
        self.flushed += 1

    @property
    def waits_ms(self) -> int:
        return self.timer._timer.interval() if self.timer._timer.isActive() else -1


@pytest.fixture
def rig(app: QApplication) -> Iterator[Rig]:
    rig = Rig()
    yield rig
    if shiboken6.isValid(rig.parent):
        shiboken6.delete(rig.parent)


async def test_the_first_change_is_shown_at_once_and_the_next_with_the_next_frame(rig: Rig) -> None:
    rig.timer.schedule()
    assert rig.waits_ms == 0
    await until(lambda: rig.flushed == 1)
    rig.now += 0.1
    rig.timer.schedule()
    assert rig.waits_ms == 150
    rig.now += 0.1
    rig.timer.schedule()
    assert rig.waits_ms == 150, "it is on its way"
    await until(lambda: rig.flushed == 2)


async def test_after_a_pause_nothing_waits(rig: Rig) -> None:
    rig.timer.schedule()
    await until(lambda: rig.flushed == 1)
    rig.now += 10.0
    rig.timer.schedule()
    assert rig.waits_ms == 0
    await until(lambda: rig.flushed == 2)


async def test_stopped_it_says_nothing_any_more(rig: Rig) -> None:
    rig.timer.schedule()
    rig.timer.stop()
    rig.timer.schedule()
    assert rig.waits_ms == -1
    shiboken6.delete(rig.parent)
    rig.timer.stop()
    rig.timer.schedule()
