"""Every input that once reached new code, or broke something, again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import starting_inputs
from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
CORPUS_LIMIT = 500_000


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_breaks_nothing(name: str) -> None:
    inputs = [path.read_bytes() for path in sorted((HERE / "corpus" / name).iterdir())]
    assert inputs, "the corpus is kept in the repository"
    for data in (*starting_inputs(name), *inputs):
        try:
            TARGETS[name](data)
        except Exception as exc:
            exc.add_note(f"target {name}, input {data!r:.2000}")
            raise


@pytest.mark.parametrize("path", sorted((HERE / "crashes").glob("*-*")), ids=lambda path: path.name)
def test_what_once_broke_something_no_longer_does(path: Path) -> None:
    TARGETS[path.name.partition("-")[0]](path.read_bytes())


def test_the_corpus_is_small() -> None:
    size = sum(path.stat().st_size for path in HERE.glob("c*/**/*") if path.is_file())
    assert size < CORPUS_LIMIT
