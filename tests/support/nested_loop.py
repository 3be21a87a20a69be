"""What QDialog.exec() does: a Qt loop inside of whatever runs, until a condition holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QTimer

from tests.support.wait import HANG_S


def nested_loop_until(condition: Callable[[], object], what: str = "") -> None:
    """Run a nested Qt loop until a condition holds, asked every millisecond.

    Raises:
        AssertionError: it hangs, or the loop was left for another reason.
    """
    loop, timer = QEventLoop(), QTimer()
    deadline = time.monotonic() + HANG_S

    def look() -> None:
        if condition() or time.monotonic() > deadline:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(1)
    loop.exec()
    timer.stop()
    assert condition(), f"not while a nested loop ran: {what or condition.__qualname__}"
