"""Whether what we install is safe to install: `python .ci/audit.py [--pip-audit PYTHON] [LOCK]`.

Needs no network: every requirement is pinned and hashed, none is a version that `advisories.toml` calls bad,
and every licence is an allowed one. Runs in an environment with what the lock file names. With an
interpreter that has pip-audit, the advisory service is asked as well; where it does not answer, that is said.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
SERVICE_TIMEOUT_S = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Print what is wrong; 1 if anything is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lock", nargs="?", type=Path, default=HERE.parent / "requirements.lock")
    parser.add_argument("--advisories", type=Path, default=HERE / "advisories.toml")
    parser.add_argument("--pip-audit", metavar="PYTHON", help="an interpreter that has pip-audit")
    args = parser.parse_args(argv)
    known = tomllib.loads(args.advisories.read_text(encoding="utf-8"))
    lock = args.lock.read_text(encoding="utf-8")
    problems = [*check_pins(lock), *check_versions(lock, known), *check_licences(lock, known)]
    if args.pip_audit:
        found, said = ask_service(args.pip_audit, args.lock)
        print(said)
        problems += found
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    if not problems:
        count = len(list(entries(lock)))
        print(f"{count} requirements: pinned, hashed, none known to be bad, licences allowed")
    return 1 if problems else 0


def entries(lock: str) -> Iterator[tuple[str, list[str]]]:
    """Each requirement of a lock file and its hashes."""
    for line in lock.replace("\\\n", " ").splitlines():
        text = line.partition(" #")[0].strip()
        if text and not text.startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", text)
            yield requirement.strip(), [each.strip() for each in hashes]


def pins(lock: str) -> Iterator[tuple[str, str]]:
    """Name and version of each requirement that is pinned."""
    for text, _ in entries(lock):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        for part in requirement.specifier:
            if part.operator == "==":
                yield canonicalize_name(requirement.name), part.version


def check_pins(lock: str) -> Iterator[str]:
    """What could bring in anything else than what was tested."""
    found = False
    for text, hashes in entries(lock):
        found = True
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield f"{text}: an option or an address, not a pinned requirement"
            continue
        if requirement.url or not re.fullmatch(r"==[\w.!+]+", str(requirement.specifier)):
            yield f"{text}: not pinned to one version"
        if not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes):
            yield f"{requirement.name}: without a sha256 hash"
    if not found:
        yield "the lock file is empty"


def check_versions(lock: str, known: dict[str, Any]) -> Iterator[str]:
    """Versions that are known to be bad."""
    for name, version in pins(lock):
        for advisory in known["advisory"]:
            if advisory["package"] == name and SpecifierSet(advisory["affected"]).contains(version, True):
                yield f"{name} {version}: {advisory['id']}, {advisory['what']} ({advisory['source']})"


def check_licences(lock: str, known: dict[str, Any]) -> Iterator[str]:
    """Licences that are not on the allowed list."""
    licences = known["licences"]
    for name in dict.fromkeys(name for name, _ in pins(lock)):
        read = licences["read"].get(name)
        try:
            choices = [read] if read else licences_of(name)
        except PackageNotFoundError:
            yield f"{name}: neither installed nor in [licences.read], so its licence is unknown"
            continue
        # One of several is enough: what is joined with OR is a choice, and so are several classifiers.
        spelled = [licences["spellings"].get(choice, choice) for choice in choices]
        if not any(all(part in licences["allowed"] for part in re.split(r" AND ", one)) for one in spelled):
            yield f"{name}: licence {' or '.join(spelled) or 'unknown'} is not among the allowed ones"


def licences_of(name: str) -> list[str]:
    """The licences of an installed package, any of which may be chosen."""
    about = metadata(name)
    # Not by index: whether a missing field gives None or KeyError depends on who reads the metadata.
    expression = "".join(about.get_all("License-Expression") or ())
    if not expression:
        classifiers = [each.split(" :: ") for each in about.get_all("Classifier") or ()]
        named = [each[-1] for each in classifiers if each[0] == "License" and len(each) > 2]
        if named:
            return named
        expression = next(iter("".join(about.get_all("License") or ()).splitlines()), "")
    return [each.strip(" ()") for each in re.split(r" OR ", expression) if each]


def ask_service(python: str, lock: Path) -> tuple[list[str], str]:
    """Ask the advisory service through pip-audit: what it knows, and a line on how it went."""
    unasked = "NOT ASKED: the advisory service ({}). Only what .ci/advisories.toml knows was checked."
    command = [python, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10", "--requirement", str(lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SERVICE_TIMEOUT_S, check=False)
        answer = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired):
        return [], unasked.format("pip-audit does not run, or gets no answer")
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["no output"]
        return [], unasked.format(f"pip-audit: {lines[-1][:100]}")
    return judge(answer, unasked)


def judge(answer: list[dict[str, Any]], unasked: str) -> tuple[list[str], str]:
    """What pip-audit's answer means. It calls packages fine that the service did not know."""
    skipped = [each["name"] for each in answer if "skip_reason" in each]
    found = [
        f"{each['name']} {each['version']}: {advisory['id']}, fixed in {advisory['fix_versions']}"
        for each in answer
        for advisory in each.get("vulns", ())
    ]
    if len(skipped) == len(answer):
        return found, unasked.format(f"it answered for none of {len(answer)} packages")
    said = f"the advisory service was asked about {len(answer) - len(skipped)} packages"
    return found, said + (f"; NOT ABOUT {', '.join(skipped)}" if skipped else "")


if __name__ == "__main__":
    sys.exit(main())
