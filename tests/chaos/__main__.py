"""``python -m tests.chaos``: many seeds, one after the other, and the figures of them all."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import qt_upbit
from tests.chaos.world import Broken, Figures, Starved, percentile, run


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first one (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=1000, help="at most this number (default: %(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="begin no more after (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=25, help="actions of a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="each ends in quiet (default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", help="write the figures as JSON")
    return parser.parse_args(argv)


def summary(figures: Figures) -> dict[str, Any]:
    """The figures in a form to be printed."""
    shown = dict(vars(figures))
    quiet = shown.pop("quiet_after_s")
    shown["cpu_share"] = figures.cpu_share
    shown["starved"] = len(figures.starved)
    shown["faults"] = figures.faults.total()
    shown["kinds_of_faults"] = dict(sorted(figures.faults.items()))
    shown["actions"] = figures.actions.total()
    if quiet:
        shown |= {f"quiet_p{int(p * 100)}_s": round(percentile(quiet, p), 2) for p in (0.5, 0.9, 0.99)}
        shown["quiet_max_s"] = round(max(quiet), 2)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in shown.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds; the exit code. Runs on a machine that was too busy do not fail, but are reported."""
    args = _parse(argv)
    broken: list[str] = []
    starved: list[str] = []

    async def everything() -> Figures:
        total = Figures()
        deadline = time.monotonic() + args.minutes * 60
        for seed in range(args.seed, args.seed + args.seeds):
            if time.monotonic() > deadline:
                break
            try:
                figures = await run(seed, args.steps, args.rounds)
            except Broken as exc:
                broken.append(str(exc))
                print(f"BROKEN {exc}", file=sys.stderr, flush=True)
                continue
            except Starved as exc:
                starved.append(str(exc))
                print(f"STARVED {exc}", file=sys.stderr, flush=True)
                continue
            total += figures
            quiet = " ".join(f"{each:.1f}" for each in figures.quiet_after_s)
            print(
                f"seed {seed}: {figures.seconds:.0f} s, {figures.faults.total()} faults, "
                f"{figures.trades_checked} trades checked, quiet after {quiet} s, "
                f"longest turn {figures.longest_block_s * 1000:.0f} ms, "
                f"{figures.cpu_share:.0%} of the processor",
                flush=True,
            )
            for each in figures.starved:
                print(f"starved {each}", flush=True)
        return total

    total = qt_upbit.run(everything())
    assert total is not None, "the application is not quit in between"
    result = summary(total) | {"broken": len(broken), "too_starved_to_judge": len(starved)}
    for name, value in result.items():
        print(f"{name:24} {value}")
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            json.dump(result | {"what_broke": broken, "what_starved": starved}, file, indent=1)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
