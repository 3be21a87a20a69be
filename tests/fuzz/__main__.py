"""Fuzz one target: `python -m tests.fuzz TARGET --seconds 60`.

Coverage-guided where atheris is installed (Linux and macOS; `pip install atheris`), and it keeps what
reaches new code in tests/fuzz/corpus/TARGET. Elsewhere hypothesis mutates the corpus, blindly. An input that
breaks an invariant is written to tests/fuzz/crashes/TARGET-*.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
MAX_INPUT = 4096
"""Bytes; longer inputs find no more and fill the corpus. Size itself is what tests/fuzz/test_properties.py
looks at."""


def keep_crash(target: str, data: bytes) -> Path:
    path = HERE / "crashes" / f"{target}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def guided(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["qt_upbit"]):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz import starting_inputs

    target = TARGETS[name]
    corpus = HERE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in starting_inputs(name):
        path = corpus / hashlib.sha256(data).hexdigest()[:16]
        if len(data) <= MAX_INPUT and not path.exists():
            path.write_bytes(data)

    def run(data: bytes) -> None:
        try:
            target(data)
        except BaseException:
            print("kept as", keep_crash(name, data))
            raise

    options = [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT}", "-timeout=10", "-rss_limit_mb=2048"]
    options += ["-print_final_stats=1", f"-artifact_prefix={HERE / 'crashes'}/{name}-", str(corpus)]
    atheris.Setup([sys.argv[0], *options], run)
    atheris.Fuzz()


def blind(name: str, seconds: int) -> None:
    from hypothesis import HealthCheck, given, seed, settings

    from tests.fuzz import starting_inputs
    from tests.fuzz.strategies import mutations
    from tests.fuzz.targets import TARGETS

    target: Callable[[bytes], None] = TARGETS[name]
    inputs = [*starting_inputs(name), *(path.read_bytes() for path in (HERE / "corpus" / name).glob("*"))]
    end, count, start = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        start += 1

        @seed(start)
        @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(mutations(inputs))
        def run(data: bytes) -> None:
            nonlocal count
            count += 1
            try:
                target(data)
            except Exception:
                print("kept as", keep_crash(name, data))
                raise

        run()
    print(f"{name}: {count} inputs, none broke anything")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=("models", "wire", "connection", "rest"))
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    if find_spec("atheris") is not None:
        print("atheris: guided by coverage")
        guided(arguments.target, arguments.seconds)
    else:
        print("no atheris here: hypothesis mutates the corpus, not guided by coverage")
        blind(arguments.target, arguments.seconds)


if __name__ == "__main__":
    main()
