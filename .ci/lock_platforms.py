"""`python .ci/lock_platforms.py`: on which systems the lock files install, for every Python.

Asks the package index for the wheels and downloads none. Needs uv (`pip install uv`). Exit code 1 if a system
that is promised does not install, or one that is not promised does: then change docs/platforms.md and run.py.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-demo.lock")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (
    # name, uv's name, oldest macOS, promised
    ("Windows 10, x64", "x86_64-pc-windows-msvc", "", True),
    ("Windows 11, ARM64", "aarch64-pc-windows-msvc", "", True),
    ("macOS 13, Intel", "x86_64-apple-darwin", "13.0", True),
    ("macOS 13, Apple silicon", "aarch64-apple-darwin", "13.0", True),
    ("macOS 14, Intel", "x86_64-apple-darwin", "14.0", True),
    ("macOS 14, Apple silicon", "aarch64-apple-darwin", "14.0", True),
    ("Linux, x86_64, glibc 2.34", "x86_64-manylinux_2_34", "", True),
    ("Linux, aarch64, glibc 2.39", "aarch64-manylinux_2_39", "", True),
    ("Linux, x86_64, glibc 2.31", "x86_64-manylinux_2_31", "", False),
    ("Linux, aarch64, glibc 2.36", "aarch64-manylinux_2_36", "", False),
)


def installs(lock: str, system: str, macos: str, python: str, target: str) -> str:
    """Return why a lock file does not install on a system, or nothing."""
    environ = {**os.environ, **({"MACOSX_DEPLOYMENT_TARGET": macos} if macos else {})}
    command = ["uv", "pip", "install", "--dry-run", "--target", target, "--python-platform", system]
    command += ["--python-version", python, "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "-r", str(ROOT / lock)], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if "has no" in line]
    return (lines or done.stderr.strip().splitlines() or ["no message"])[0]


def main() -> int:
    """Print the table; return the exit code."""
    count = good = 0
    reasons = []
    print(f"{'':28}" + "".join(f"{lock.removesuffix('.lock'):>22}" for lock in LOCKS))
    with tempfile.TemporaryDirectory() as target:
        for name, system, macos, is_promised in SYSTEMS:
            cells = []
            for lock in LOCKS:
                told = [installs(lock, system, macos, python, target) for python in PYTHONS]
                count += len(told)
                good += told.count("")
                marks = "".join("+" if not each else "-" for each in told)
                cells.append(f"{marks:>22}")
                if any(bool(each) is is_promised for each in told):
                    reasons.append(
                        f"{name}, {lock}: {next(filter(None, told), 'installs, but is not promised')}"
                    )
            print(f"{name:28}" + "".join(cells) + ("" if is_promised else "   not promised"), flush=True)
    print(f"{good} of {count} install (Python {', '.join(PYTHONS)})")
    for reason in reasons:
        print(reason, file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
