"""Programs without a console (`pythonw`, a shortcut of Windows): what they would print comes in a dialog."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable
from typing import Final

__all__ = ["Show", "has_console", "run_program", "show_dialog"]

Show = Callable[[str, str], object]
"""Shows a title and a text, and returns when the user has closed it."""

_MOST_CHARACTERS: Final = 4_000


class _Tail(io.TextIOBase):
    """Keeps the end of what is written."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text = (self.text + text)[-_MOST_CHARACTERS:]
        return len(text)


def has_console() -> bool:
    """Whether there is something to print to."""
    return sys.stdout is not None and sys.stderr is not None


def show_dialog(title: str, text: str) -> None:
    """Show a plain dialog and wait until it is closed. Only Windows has programs without a console."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.user32.MessageBoxW(None, text, title, 0)


def run_program(title: str, main: Callable[[], int], show: Show = show_dialog) -> int:
    """Run a program's `main`; return its exit code.

    Without a console its output is kept, and shown when it fails or only had something to say (``--help``).
    An exception is shown instead of raised then.

    Args:
        title: of the dialog.
        main: the program; its exit code.
        show: shows the output.

    Raises:
        Whatever `main` raises, where there is a console.
    """
    if has_console():
        return main()
    tail = _Tail()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = sys.stdout or tail, sys.stderr or tail
    is_said = False
    try:
        code = main()
    except SystemExit as exc:
        is_said = True
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
        if isinstance(exc.code, str):
            tail.write(exc.code)
    except Exception:
        traceback.print_exc(file=tail)
        code = 1
    finally:
        sys.stdout, sys.stderr = before
    if tail.text.strip() and (code or is_said):
        show(title, tail.text.strip())
    return code
