"""How much work the library does, counted and not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import qt_upbit

_T = TypeVar("_T")
_LIBRARY = str(Path(qt_upbit.__file__).parent)


def lines_run(action: Callable[[], _T]) -> tuple[int, _T]:
    """How many lines of the library an action runs, each turn of a loop counted; and its result."""
    count = 0

    def in_function(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return in_function

    def in_library(frame: FrameType, _event: str, _arg: object) -> Any:
        return in_function if frame.f_code.co_filename.startswith(_LIBRARY) else None

    before = sys.gettrace()
    sys.settrace(in_library)
    try:
        result = action()
    finally:
        sys.settrace(before)
    return count, result
