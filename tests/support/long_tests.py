"""Tests marked `long` run with ``--long`` only, and the tests run in several processes where that pays.

A plugin of pytest, loaded by tests/conftest.py. What is left out is deselected and counted, never skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

import pytest

_LEFT_OUT: Final = pytest.StashKey[int]()
_MOST_WORKERS: Final = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="run everything: the tests marked long too, and more examples of each property",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: runs with --long, or when it is named on the command line")
    config.stash[_LEFT_OUT] = 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("long") or "long" in config.getoption("markexpr"):
        return
    named = [arg.partition("[")[0] for arg in config.args if "::" in arg]
    left_out = [item for item in items if item.get_closest_marker("long") and not _is_named(item, named)]
    if left_out:
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=left_out)
        config.stash[_LEFT_OUT] = len(left_out)


def _is_named(item: pytest.Item, named: Iterable[str]) -> bool:
    """Whether the command line names this test, and not only its file or folder."""
    return any(item.nodeid.startswith(name.removeprefix("./")) for name in named)


# --- several processes (pytest-xdist) --------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many processes ``-n auto`` of pyproject.toml means: none for a few tests, or where one watches.

    More than there are cores, because tests wait for sockets and timers.
    """
    only_files = bool(config.args) and all("::" in arg or os.path.isfile(arg) for arg in config.args)
    is_watched = config.getoption("capture") == "no" or config.getoption("collectonly")
    if only_files or is_watched or config.getoption("keyword"):
        return 0
    return min(2 * _cores(), _MOST_WORKERS)


def _cores() -> int:
    """Those this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    worker_output = getattr(session.config, "workeroutput", None)
    if worker_output is not None:
        worker_output["long_left_out"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker is done; each of them has looked at all tests."""
    worker_output = getattr(node, "workeroutput", {})
    config: pytest.Config = node.config
    config.stash[_LEFT_OUT] = max(config.stash[_LEFT_OUT], worker_output.get("long_left_out", 0))


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("long"):
        return "long run: every test, and more examples of each property"
    return "ordinary run: tests marked long are left out; --long runs them too"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    count = config.stash[_LEFT_OUT]
    if count:
        terminalreporter.write_line(f"long tests left out: {count} (--long runs them)")
