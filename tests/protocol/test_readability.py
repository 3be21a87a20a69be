"""`ReadabilityWatch`: dark after unreadable frames only, and no longer than until a readable one."""

from __future__ import annotations

from qt_upbit.protocol.readability import ReadabilityWatch


def test_frames_that_nobody_can_read_are_darkness() -> None:
    watch = ReadabilityWatch(20.0)
    assert [watch.read(False, now) for now in (0.0, 10.0, 19.9, 20.0, 21.0)] == [0, 0, 0, 1, 0]
    assert watch.is_dark
    assert not watch.read(True, 22.0)
    assert not watch.is_dark
    assert not watch.read(False, 23.0)
    assert not watch.is_dark


def test_one_readable_frame_is_enough() -> None:
    watch = ReadabilityWatch(20.0)
    for now in range(0, 200, 10):
        assert not watch.read(now % 20 == 0, float(now))
