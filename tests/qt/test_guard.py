"""A PySide6 that would abort the interpreter is refused with advice; any other passes."""

from __future__ import annotations

import sys

import pytest

from qt_upbit.qt import _guard
from tests.support.programs import run_program


@pytest.mark.parametrize(
    ("version", "lost", "refused"),
    [
        ((3, 11), 50, True),
        ((3, 11), 100, True),
        ((3, 11), 25, True),
        ((3, 11), 0, False),
        ((3, 11), -2, False),
        ((3, 11), 3, False),
        ((3, 12), 50, False),
        ((3, 13), 0, False),
    ],
)
def test_decision(version: tuple[int, int], lost: int, refused: bool) -> None:
    assert _guard.drops_references(version, lost) is refused


def test_advice() -> None:
    text = _guard.advice("6.12.0", (3, 11))
    assert "PySide6 6.12.0" in text
    assert "Python 3.11" in text
    assert 'pip install "PySide6-Essentials<6.12"' in text
    assert "3.12" in text


def test_this_one_passes() -> None:
    _guard.check_pyside6()


def test_missing_pyside6_is_explained() -> None:
    done = run_program(
        """
        import sys
        sys.modules["PySide6"] = None
        sys.modules["PySide6.QtCore"] = None
        import qt_upbit
        print(qt_upbit.TickerEvent.__name__)
        try:
            qt_upbit.WebSocketClientProxy
        except ImportError as exc:
            print(exc)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("TickerEvent\n")
    assert "pip install PySide6-Essentials" in done.stdout


def test_pyside6_is_chosen_for_qasync() -> None:
    done = run_program(
        "import os; os.environ.pop('QT_API', None)\n"
        "import qt_upbit; qt_upbit.run\n"
        "import qasync; print(qasync.QtModuleName, os.environ['QT_API'])\n"
    )
    assert done.stdout.split() == ["PySide6", "pyside6"]


def test_core_does_not_load_qt() -> None:
    done = run_program(
        "import sys, qt_upbit\n"
        "qt_upbit.TickerEvent, qt_upbit.from_dict, qt_upbit.SimpleFormatConverter, qt_upbit.WebSocketConfig\n"
        "print([m for m in sys.modules if m.startswith(('PySide6', 'shiboken6', 'qasync'))])\n"
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert sys.modules["PySide6"]
