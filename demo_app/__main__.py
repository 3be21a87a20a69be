"""`python -m demo_app`: the terminal."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence

from qt_upbit.console import run_program, show_dialog

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the terminal; the exit code of the process. Without a console, failures are shown in a dialog."""
    return run_program("qt_upbit terminal", functools.partial(_main, argv), show_dialog)


def _main(argv: Sequence[str] | None) -> int:
    from demo_app.arguments import parse

    arguments = parse(argv)
    if arguments.screenshot and sys.platform.startswith("linux") and not _has_display():
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        from demo_app.application import run_terminal

        # Imports on: the simulated exchange needs packages that Upbit itself does not.
        return run_terminal(arguments)
    except ImportError as exc:
        missing = getattr(exc, "name", None) or ""
        print(f"cannot start the terminal: {exc}", file=sys.stderr)
        if missing.partition(".")[0] not in ("", "demo_app", "qt_upbit"):
            print('install what it needs: pip install "qt-upbit[demo]"', file=sys.stderr)
        return 1


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
