"""What the project's files promise each other: locks, metadata, README."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import run as bootstrap

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK_FILES = {"demo": "requirements-demo.lock", "test": "requirements.lock"}


def requirements_of(*extras: str) -> list[Requirement]:
    """Every requirement of the project with some extras, and of its build."""
    optional = PROJECT["project"]["optional-dependencies"]
    texts = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
    waiting = list(extras)
    while waiting:
        for text in optional[waiting.pop()]:
            requirement = Requirement(text)
            if requirement.name == PROJECT["project"]["name"]:
                waiting.extend(requirement.extras)
            else:
                texts.append(text)
    return [Requirement(text) for text in texts]


def pins_of(command: str) -> dict[str, list[Requirement]]:
    """Return {name: [pinned requirement]}, and check the shape of every line on the way."""
    pins: dict[str, list[Requirement]] = {}
    text = (ROOT / LOCK_FILES[command]).read_text(encoding="utf-8")
    for entry in text.replace("\\\n", " ").splitlines():
        pin, *hashes = entry.split("--hash=")
        requirement = Requirement(pin.strip())
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), f"not pinned: {pin}"
        assert hashes, f"no hash: {pin}"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text.strip()) for text in hashes)
        pins.setdefault(requirement.name, []).append(requirement)
    return pins


@pytest.mark.parametrize(("command", "extras"), [("demo", ["demo"]), ("test", ["dev"])])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", ["linux", "win32", "darwin"])
def test_the_lock_answers_every_requirement(
    command: str, extras: list[str], python: str, system: str
) -> None:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": system,
        "os_name": "nt" if system == "win32" else "posix",
    }
    pins = pins_of(command)
    for requirement in requirements_of(*extras):
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        versions = [
            next(iter(pin.specifier)).version
            for pin in pins.get(canonicalize_name(requirement.name), [])
            if not pin.marker or pin.marker.evaluate(environment)
        ]
        assert len(versions) == 1, f"{requirement.name}: {versions}"
        assert requirement.specifier.contains(versions[0]), f"{requirement}: {versions[0]}"


def test_the_demo_runs_on_versions_that_were_tested() -> None:
    tested = pins_of("test")
    for name, pins in pins_of("demo").items():
        assert {str(pin) for pin in pins} == {str(pin) for pin in tested[name]}


@pytest.mark.parametrize("name", LOCK_FILES.values())
def test_a_lock_names_no_place_to_download_from(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_has_the_commands_that_ci_runs(name: str) -> None:
    lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    assert "python3 run.py demo" in lines
    assert "python3 run.py test" in lines


def test_the_hosted_run_has_every_python_and_what_qt_needs() -> None:
    workflow = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    classifiers = PROJECT["project"]["classifiers"]
    pythons = {each.rpartition(" ")[2] for each in classifiers if re.search(r"Python :: 3\.\d+$", each)}
    assert set(re.findall(r'"(3\.\d+)"', workflow)) == pythons
    for package in bootstrap.OFFSCREEN_PACKAGES:
        assert workflow.count(f" {package}") == 2, package
    for system in ("windows-latest", "macos-14", "macos-latest", "ubuntu-24.04", "ubuntu-24.04-arm"):
        assert system in workflow
    for command in ("python run.py test", "python run.py demo --screenshot demo.png --after 5"):
        assert command in workflow


def test_the_oldest_systems_are_the_same_everywhere() -> None:
    """Those that run.py refuses to go below, that .ci/lock_platforms.py asks for, and that the pages name."""
    checked = (ROOT / ".ci/lock_platforms.py").read_text(encoding="utf-8")
    promised = [line for line in checked.splitlines() if line.rstrip().endswith("True),")]
    facts = {f"macOS {bootstrap.OLDEST_MACOS[0]}": "macOS "}
    facts |= {f"{arch}, glibc {a}.{b}": f"{arch}, glibc" for arch, (a, b) in bootstrap.OLDEST_GLIBC.items()}
    for fact, kind in facts.items():
        named = [line for line in promised if kind in line]
        assert any(fact in line for line in named)
        for page in ("docs/platforms.md", "README.md", "README.ko.md"):
            text = (ROOT / page).read_text(encoding="utf-8")
            for part in fact.split(", "):
                assert part in text, f"{part} in {page}"
