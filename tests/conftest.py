"""What all tests share. Works without Qt; the Qt part is in tests/qt/conftest.py."""

from __future__ import annotations

import gc
import itertools
import signal
from collections.abc import Generator

import pytest

from tests.support import profiles

pytest_plugins = ["tests.support.long_tests"]

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember failures: what a failed test left behind is no news."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def pytest_configure(config: pytest.Config) -> None:
    profiles.register()
    profiles.use(profiles.LONG if config.getoption("long") else profiles.ORDINARY)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background of a shell; programs started by tests would inherit that and never
        # see the Ctrl-C they are sent.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_IGN:
        # Started by nohup: still nothing happens here, but a program that is started has the default.
        signal.signal(hangup, lambda *_: None)
    config.addinivalue_line("markers", "logs(*texts): messages of warning level that the test provokes")
    config.addinivalue_line(
        "markers", "raises_in_slots(*names): what slots raise in the test, seen by sys.excepthook, in order"
    )


_MOST_OBJECTS = 10_000
_tests_begun = itertools.count()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Set aside what is there before a test: a look for what it leaves need not go through it."""
    if next(_tests_begun) % 5 == 0 and len(gc.get_objects()) > _MOST_OBJECTS:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own keys and addresses out of the tests."""
    for name in (
        "QT_UPBIT_REGION",
        "QT_UPBIT_ALLOW_INSECURE",
        "QT_UPBIT_BASE_URL",
        "QT_UPBIT_PRESET",
        "UPBIT_ACCESS_KEY",
        "UPBIT_SECRET_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
