"""What is generated is current, and what is printed runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate_events import page

ROOT = Path(__file__).parent.parent


def test_events_page_is_current() -> None:
    written = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert written == page(), "docs/events.md is old: run `python -m docs.generate_events`"


PAGES = [
    "README.md",
    "README.ko.md",
    *(
        f"docs/{name}.md"
        for name in (
            "architecture",
            "decisions",
            "embedding",
            "item_models",
            "networks",
            "performance",
            "private",
            "reliability",
            "security",
            "testing",
        )
    ),
]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    missing = [
        t for t in targets if not t.startswith("http") and not (path.parent / t.split("#")[0]).exists()
    ]
    assert not missing


def test_every_file_on_the_strangers_walk_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./]+/[\w]*(?:\.py)?)`", text))
    homes = ("", "qt_upbit", "demo_app")
    assert len(named) > 30
    assert not [path for path in named if not any((ROOT / home / path).exists() for home in homes)]


def test_the_decode_benchmark_runs_and_shows_what_it_claims() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.decode", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    exact = [line for line in ran.stdout.splitlines() if line.startswith("| `")]
    assert len(exact) == 8
    assert all(line.endswith("| exact |") for line in exact)
    assert "qt_upbit, every decimal read" in ran.stdout
