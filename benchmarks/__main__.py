"""``python -m benchmarks``: all of them, one after the other; ``--quick`` for a look, names for some."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final

SECTIONS: Final = (
    "receive",
    "peers",
    "paced",
    "whole_market",
    "painting",
    "table",
    "startup",
    "connecting",
    "memory",
    "simulator_memory",
    "wire_bytes",
    "monitoring",
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds of few frames: some minutes")
    parser.add_argument("sections", nargs="*", metavar="name", help=", ".join(SECTIONS))
    args = parser.parse_args(argv)
    unknown = sorted(set(args.sections) - set(SECTIONS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    packages = ("PySide6-Essentials", "websockets", "msgspec")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(
        f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, Python {platform.python_version()}, {versions}"
    )
    for name in args.sections or SECTIONS:
        section: Callable[[Sequence[str]], None] = import_module(f"benchmarks.{name}").main
        print(f"\n## {name}", flush=True)
        section(["--quick"] if args.quick else [])


if __name__ == "__main__":
    main()
