"""The floors of coverage are enforced: a package below its own fails, and none is ever lowered."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.programs import ROOT


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("coverage_floors", ROOT / ".ci" / "coverage_floors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_floors"] = module
    spec.loader.exec_module(module)
    return module


floors_of = _load()


def entry(statements: int, covered: int, branches: int = 0, covered_branches: int = 0) -> dict[str, Any]:
    return {
        "summary": {
            "num_statements": statements,
            "covered_lines": covered,
            "num_branches": branches,
            "covered_branches": covered_branches,
        }
    }


FILES = {
    "lib/__init__.py": entry(10, 10),
    "lib/core/one.py": entry(60, 50, 20, 16),
    "lib/core/two.py": entry(20, 20),
    "lib/ui/deep/three.py": entry(10, 5),
}


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run it on these files and floors; gives exit code, stdout and stderr."""
    monkeypatch.setattr(floors_of, "measured", lambda folder: FILES)
    path = tmp_path / "floors.toml"

    def run(text: str, *arguments: str) -> tuple[int, str, str]:
        if text:
            path.write_text("[floors]\n" + text, encoding="utf-8")
        code = floors_of.main([str(tmp_path), "--floors", str(path), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    run.path = path  # type: ignore[attr-defined]  # what the test looks at
    return run


GOOD = '"lib" = 99.0\n"lib.core" = 85.0\n"lib.ui.deep" = 49.0\n'


def test_every_package_and_module_is_reported(check: Any) -> None:
    code, out, err = check(GOOD)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[2] == "  86.0 %  lib.core                                 floor 85.0"
    assert lines[3:5] == ["  82.5 %      .one", " 100.0 %      .two"]
    assert lines[-1] == "  84.2 %  of 120 lines and branches"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD.replace("85.0", "86.5"), "lib.core: 86.0 % is less than its floor of 86.5 %"),
        (GOOD.replace('"lib.core" = 85.0\n', ""), "lib.core has no floor"),
        (GOOD + '"lib.gone" = 3.0\n', "lib.gone has a floor and was not measured"),
    ],
)
def test_what_is_not_as_promised_fails(check: Any, text: str, problem: str) -> None:
    code, _, err = check(text)
    assert code == 1
    assert problem in err


def test_a_floor_that_may_rise_is_named_and_raised(check: Any) -> None:
    low = GOOD.replace("85.0", "70.0").replace("99.0", "99.5")
    _, out, _ = check(low)
    assert "floor 70.0, may be raised to 85.0" in out
    assert "floor 99.5, may" not in out
    code, _, err = check(low, "--raise")
    assert (code, err) == (0, "")
    assert tomllib.loads(check.path.read_text(encoding="utf-8"))["floors"] == {
        "lib": 99.5,  # more than would be given now: never lowered
        "lib.core": 85.0,
        "lib.ui.deep": 49.0,
    }


def test_the_first_floors(check: Any) -> None:
    code, _, err = check("", "--raise")
    assert (code, err) == (0, "")
    assert check("")[0] == 0


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 100))
def test_a_floor_never_sinks_and_holds_what_set_it(ran: int, more: int, before: float) -> None:
    share = floors_of.Share(ran, ran + more)
    (floor,) = floors_of.raised({"lib": share}, {"lib": before}).values()
    assert floor >= before
    assert floors_of.floor_of(share) <= share.percent
