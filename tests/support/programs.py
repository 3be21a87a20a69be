"""Programs run as processes of their own: what happens at exit can only be seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

from tests.support.wait import HANG_S

PROGRAM_HANG_S: Final = 4 * HANG_S
"""A program imports everything first, which takes seconds of computing."""
ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """Offscreen, warnings as errors where they matter, this checkout first."""
    env = dict(os.environ)
    env.update(
        QT_QPA_PLATFORM="offscreen",
        QT_API="pyside6",
        PYTHONPATH=str(ROOT),
        PYTHONUNBUFFERED="1",
        PYTHONIOENCODING="utf-8",
    )
    env.update(more)
    return env


def run_program(
    code: str, *arguments: str, timeout_s: float = PROGRAM_HANG_S, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run Python source text in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        env=environment(**env),
    )


def start_program(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The same, still running; the caller waits for it."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(),
        **options,
    )
