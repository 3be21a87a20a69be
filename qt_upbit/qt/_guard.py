"""Refuse to run on a PySide6 that would abort the interpreter."""

from __future__ import annotations

import os
import sys

__all__ = ["advice", "check_pyside6", "drops_references"]

_CALLS = 50


def check_pyside6() -> None:
    """Raise ImportError with advice if this PySide6 cannot be used.

    PySide6 6.12.0 on CPython before 3.12 drops a reference to None with each call that returns
    nothing, and the process aborts after some thousands of callbacks. Newer Pythons have immortal
    singletons and are not affected. Measured rather than compared with a version number, because
    users pin their own versions and a later release may fix it.
    """
    # qasync would choose PyQt if that is installed as well.
    os.environ.setdefault("QT_API", "pyside6")
    try:
        from PySide6.QtCore import QObject
    except ImportError as exc:
        raise ImportError(
            f"PySide6 cannot be loaded ({exc}). Install it with: pip install PySide6-Essentials. On Linux it "
            "needs system libraries too; README.md lists the packages"
        ) from exc
    probe = QObject()
    before = sys.getrefcount(None)
    for _ in range(_CALLS):
        probe.setObjectName("x")
    if drops_references(sys.version_info[:2], before - sys.getrefcount(None)):
        import PySide6

        raise ImportError(advice(PySide6.__version__, sys.version_info[:2]))


def drops_references(python: tuple[int, int], lost: int) -> bool:
    """Whether `lost` references to None after the probing calls are the defect rather than noise."""
    return python < (3, 12) and lost >= _CALLS // 2


def advice(pyside6: str, python: tuple[int, int]) -> str:
    """The error message for an affected installation."""
    return (
        f"PySide6 {pyside6} corrupts reference counts on Python {python[0]}.{python[1]} and would abort this "
        'program: pip install "PySide6-Essentials<6.12", or use Python 3.12 or newer'
    )
