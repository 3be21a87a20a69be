"""Bad input: fuzz targets, the corpus they have grown, and properties over near-valid frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_DATA = Path(__file__).parent.parent / "data"
_EACH = 12
"""Lines of one file: more are alike."""


def sample_lines() -> Iterator[bytes]:
    """Real frames, requests and REST rows of tests/data."""
    for path in sorted(_DATA.glob("*.jsonl")):
        for line in path.read_bytes().splitlines()[:_EACH]:
            start = line.find(b'"frame":')
            yield line[start + 8 : -1] if path.name.startswith("capture.") and start >= 0 else line


def starting_inputs(target: str) -> Iterator[bytes]:
    """Sample lines as inputs of a target."""
    for number, line in enumerate(sample_lines()):
        if target == "rest":
            yield line
            yield b"[" + line + b"]"
        else:
            # The first byte is the connection target's scope and format.
            yield bytes((number % 12,)) + line if target == "connection" else line
