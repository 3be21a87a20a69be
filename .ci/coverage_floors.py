"""Whether the tests reach as much as they did: `python .ci/coverage_floors.py FOLDER [--raise]`.

FOLDER holds what coverage.py wrote while the tests ran. Lines and branches of a package that ran, in percent,
may not be fewer than its floor in `coverage_floors.toml`. Floors only rise: `--raise` writes those that may,
and gives a new package one. A point is left for what depends on timing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FLOORS = HERE / "coverage_floors.toml"
MARGIN = 1.0
"""Percent between a floor and what was measured when it was set."""
WORTH_RAISING = 2.0
HEAD = """\
# The least share of lines and branches that the tests reach, in percent, by package.
# Numbers only rise: `python .ci/coverage_floors.py FOLDER --raise`.
"""


class Share(NamedTuple):
    """How much there is, lines and branches, and how much of it ran."""

    ran: int
    all: int

    @property
    def percent(self) -> float:
        """Of what there is."""
        return 100.0 if not self.all else 100.0 * self.ran / self.all


def main(argv: Sequence[str] | None = None) -> int:
    """Print what every package and module has; 1 if a package has less than its floor."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--floors", type=Path, default=FLOORS)
    parser.add_argument("--raise", action="store_true", dest="raise_them")
    args = parser.parse_args(argv)
    modules = dict(shares(measured(args.folder)))
    packages = by_package(modules)
    floors: dict[str, float] = {}
    if args.floors.exists():
        floors = tomllib.loads(args.floors.read_text(encoding="utf-8"))["floors"]
    if args.raise_them:
        floors = raised(packages, floors)
        args.floors.write_text(as_toml(floors), encoding="utf-8")
    for line in report(modules, packages, floors):
        print(line)
    failed = list(problems(packages, floors))
    for problem in failed:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if failed else 0


def measured(folder: Path) -> Mapping[str, Any]:
    """What coverage.py says of each file, as its JSON report has it."""
    environ = {**os.environ, "COVERAGE_FILE": str(folder / ".coverage")}
    environ.pop("COVERAGE_PROCESS_START", None)
    command = [sys.executable, "-m", "coverage"]
    if list(folder.glob(".coverage.*")):
        subprocess.run([*command, "combine", "--quiet"], cwd=ROOT, env=environ, check=True)
    report = folder / "coverage.json"
    subprocess.run([*command, "json", "--quiet", "-o", str(report)], cwd=ROOT, env=environ, check=True)
    files: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))["files"]
    return files


def shares(files: Mapping[str, Any]) -> Iterator[tuple[str, Share]]:
    """Dotted name of each module and what ran of it."""
    for path, entry in files.items():
        parts = Path(path).with_suffix("").parts
        summary = entry["summary"]
        ran = summary["covered_lines"] + summary.get("covered_branches", 0)
        yield ".".join(parts), Share(ran, summary["num_statements"] + summary.get("num_branches", 0))


def by_package(modules: Mapping[str, Share]) -> dict[str, Share]:
    """What ran of each package, without the packages in it."""
    found: defaultdict[str, list[Share]] = defaultdict(list)
    for name, share in sorted(modules.items()):
        found[name.rpartition(".")[0]].append(share)
    return {name: total(parts) for name, parts in sorted(found.items())}


def total(parts: Collection[Share]) -> Share:
    """All of them as one."""
    return Share(sum(part.ran for part in parts), sum(part.all for part in parts))


def raised(packages: Mapping[str, Share], floors: Mapping[str, float]) -> dict[str, float]:
    """New floors: none is lower than it was, and those of packages that are gone go."""
    return {name: max(floor_of(share), floors.get(name, 0.0)) for name, share in packages.items()}


def floor_of(share: Share) -> float:
    """What a package that has this much now shall always have."""
    return math.floor(max(share.percent - MARGIN, 0.0) * 2) / 2


def as_toml(floors: Mapping[str, float]) -> str:
    """The committed file."""
    lines = "".join(f'"{name}" = {floor:.1f}\n' for name, floor in floors.items())
    return f"{HEAD}\n[floors]\n{lines}"


def report(
    modules: Mapping[str, Share], packages: Mapping[str, Share], floors: Mapping[str, float]
) -> Iterator[str]:
    """Each package with its floor, and each module in it."""
    for name, share in packages.items():
        floor = floors.get(name)
        note = "" if floor is None else f"floor {floor:.1f}"
        if floor is not None and floor_of(share) >= floor + WORTH_RAISING:
            note += f", may be raised to {floor_of(share):.1f}"
        yield f"{share.percent:6.1f} %  {name:<40} {note}".rstrip()
        for module, own in sorted(modules.items()):
            if module.rpartition(".")[0] == name and own.all:
                yield f"{own.percent:6.1f} %      .{module.rpartition('.')[2]}"
    every = total(packages.values())
    yield f"{every.percent:6.1f} %  of {every.all} lines and branches"


def problems(packages: Mapping[str, Share], floors: Mapping[str, float]) -> Iterator[str]:
    """What is not as it was promised."""
    for name, share in packages.items():
        floor = floors.get(name)
        if floor is None:
            yield f"{name} has no floor: --raise gives it one"
        elif share.percent < floor:
            yield f"{name}: {share.percent:.1f} % is less than its floor of {floor:.1f} %"
    for name in floors.keys() - packages.keys():
        yield f"{name} has a floor and was not measured"


if __name__ == "__main__":
    sys.exit(main())
