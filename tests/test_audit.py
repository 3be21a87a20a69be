"""The audit of dependencies can fail: each check against a lock file with one thing planted in it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit = _load()


def planted(tmp_path: Path, old: str, new: str) -> Path:
    assert LOCK.count(old) == 1
    path = tmp_path / "planted.lock"
    path.write_text(LOCK.replace(old, new), encoding="utf-8")
    return path


def connection_of(name: str) -> str:
    """The line of the lock that pins a package."""
    return next(line for line in LOCK.splitlines() if line.startswith(f"{name}=="))


def test_what_we_install_passes_without_a_network() -> None:
    # Licences are left to CI: environments without Qt lack some of the packages.
    lock = audit.tomllib.loads((ROOT / ".ci" / "advisories.toml").read_text(encoding="utf-8"))
    assert [*audit.check_pins(LOCK), *audit.check_versions(LOCK, lock)] == []
    assert len(list(audit.entries(LOCK))) > 60


@pytest.mark.parametrize(
    ("name", "version", "advisory"),
    [
        ("aiohttp", "3.13.3", "CVE-2026-22815"),
        ("pyjwt", "2.11.0", "CVE-2026-32597"),
        ("cryptography", "46.0.4", "CVE-2026-26007"),
        ("h11", "0.14.0", "CVE-2025-43859"),
        ("idna", "3.14", "CVE-2026-45409"),
        ("certifi", "2024.2.2", "CVE-2024-39689"),
        ("pydantic", "2.3.0", "CVE-2024-3772"),
        ("aiohttp", "3.13.0rc0", "CVE-2026-22815"),
    ],
)
def test_a_version_that_is_known_to_be_bad_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, version: str, advisory: str
) -> None:
    line = connection_of(name)
    bad = line.replace(line.split("==")[1].split()[0], version, 1)
    assert audit.main([str(planted(tmp_path, line, bad))]) == 1
    assert f"FAILED: {name} {version}: {advisory}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("idna>=3 \\", "not pinned"),
        ("idna==3.* \\", "not pinned"),
        ("idna==3.20\nzzz \\", "without a sha256 hash"),
        ("idna @ https://example.com/idna.whl \\", "not pinned"),
        ("--index-url https://example.com/simple\nidna==3.20 \\", "not a pinned requirement"),
    ],
)
def test_what_could_bring_in_something_else_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], new: str, said: str
) -> None:
    assert audit.main([str(planted(tmp_path, connection_of("idna"), new))]) == 1
    assert said in capsys.readouterr().err


def test_an_empty_lock_fails(tmp_path: Path) -> None:
    path = tmp_path / "empty.lock"
    path.write_text("# nothing\n", encoding="utf-8")
    assert audit.main([str(path)]) == 1


def _licences(read: dict[str, str], allowed: list[str]) -> dict[str, Any]:
    return {"licences": {"allowed": allowed, "spellings": {"MIT License": "MIT"}, "read": read}}


@pytest.mark.parametrize(
    ("licence", "allowed", "passes"),
    [
        ("MIT", ["MIT"], True),
        ("MIT License", ["MIT"], True),
        ("AGPL-3.0-only", ["MIT"], False),
        ("Apache-2.0 AND MIT", ["MIT"], False),
        ("Apache-2.0 AND MIT", ["MIT", "Apache-2.0"], True),
    ],
)
def test_a_licence_that_is_not_allowed_fails(licence: str, allowed: list[str], passes: bool) -> None:
    problems = list(audit.check_licences("thing==1", _licences({"thing": licence}, allowed)))
    assert bool(problems) is not passes


def test_a_licence_is_read_where_the_package_is_installed() -> None:
    assert audit.licences_of("pytest") == ["MIT"]
    [problem] = audit.check_licences("pytest==1", _licences({}, ["BSD-3-Clause"]))
    assert problem == "pytest: licence MIT is not among the allowed ones"
    [problem] = audit.check_licences("no-such-package==1", _licences({}, ["MIT"]))
    assert "its licence is unknown" in problem


def test_an_answer_of_the_service_counts() -> None:
    bad = {"name": "h11", "version": "0.14", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.16.0"]}]}
    found, said = audit.judge([bad, {"name": "idna", "version": "3.20", "vulns": []}], "{}")
    assert found == ["h11 0.14: PYSEC-1, fixed in ['0.16.0']"]
    assert said == "the advisory service was asked about 2 packages"


def test_no_answer_is_no_good_answer() -> None:
    """pip-audit says "No known vulnerabilities found" when the service knew none of the packages."""
    skipped = [{"name": name, "skip_reason": "not found"} for name in ("h11", "idna")]
    assert audit.judge(skipped, "NOT ASKED: {}") == ([], "NOT ASKED: it answered for none of 2 packages")
    _, said = audit.judge([*skipped, {"name": "attrs", "version": "1", "vulns": []}], "")
    assert said.endswith("NOT ABOUT h11, idna")


@pytest.mark.parametrize("python", ["no-such-interpreter", sys.executable])
def test_a_service_that_cannot_be_asked_is_named_and_the_rest_still_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], python: str
) -> None:
    line = connection_of("h11")
    lock = planted(tmp_path, line, line.replace("0.16.0", "0.15.0"))
    assert audit.main([str(lock), "--pip-audit", python]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("NOT ASKED: the advisory service")
    assert "CVE-2025-43859" in err
