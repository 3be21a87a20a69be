"""What pytest runs: long tests when they are asked for, in as many processes as pays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings

from tests.support import long_tests, profiles
from tests.support.programs import environment

SUITE = """
import pytest

def test_short():
    pass

@pytest.mark.long
@pytest.mark.parametrize("n", [1, 2])
def test_long(n):
    pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "test_some.py"
    path.write_text(SUITE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return path


def run(suite: Path, *arguments: str) -> str:
    plugins = ("-pno:cacheprovider", "-pxdist", "-ptests.support.long_tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        # Only the plugins that are asked for: each takes its time.
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        cwd=suite.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
def test_long_tests_are_left_out_and_counted(suite: Path, processes: str) -> None:
    said = run(suite, "-n", processes)
    assert "ordinary run" in said
    assert "long tests left out: 2 (--long runs them)" in said
    assert "1 passed" in said
    assert "skipped" not in said


@pytest.mark.parametrize("processes", ["0", "2"])
def test_long_runs_them(suite: Path, processes: str) -> None:
    said = run(suite, "-n", processes, "--long")
    assert "long run" in said
    assert "left out" not in said
    assert "3 passed" in said


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        (["./test_some.py::test_long[2]"], 1),
        (["test_some.py::test_short", "test_some.py::test_long"], 3),
        (["-m", "long"], 2),
    ],
)
def test_who_names_one_gets_it(suite: Path, arguments: list[str], passed: int) -> None:
    assert f"{passed} passed" in run(suite, *arguments)


def _workers(args: list[str], **options: Any) -> int:
    values = {"capture": "fd", "collectonly": False, "keyword": "", **options}
    config = SimpleNamespace(args=args, getoption=values.get)
    return long_tests.pytest_xdist_auto_num_workers(cast(pytest.Config, config))


def test_folders_run_in_several_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(long_tests, "_cores", lambda: 2)
    assert _workers(["tests"]) == _workers([str(tmp_path), __file__]) == 4
    monkeypatch.setattr(long_tests, "_cores", lambda: 64)
    assert _workers(["tests"]) == 8


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ([__file__], {}),
        ([f"{__file__}::test_one", __file__], {}),
        (["tests"], {"capture": "no"}),
        (["tests"], {"collectonly": True}),
        (["tests"], {"keyword": "account"}),
    ],
)
def test_a_few_tests_and_those_that_are_watched_run_in_one(args: list[str], options: dict[str, Any]) -> None:
    assert _workers(args, **options) == 0


@pytest.mark.parametrize("name", [profiles.ORDINARY, profiles.LONG])
def test_no_example_has_a_deadline(name: str) -> None:
    profile = settings.get_profile(name)
    assert profile.deadline is None
    assert HealthCheck.too_slow in profile.suppress_health_check
    assert profile.derandomize or profile.print_blob, "a failure can be reproduced"


def test_a_long_run_has_the_examples_that_are_named() -> None:
    before = settings.get_current_profile_name()
    try:
        profiles.use(profiles.LONG)
        assert profiles.examples(300) == 300
        profiles.use(profiles.ORDINARY)
        assert (profiles.examples(300), profiles.examples(8)) == (75, 10)
    finally:
        profiles.use(before)
