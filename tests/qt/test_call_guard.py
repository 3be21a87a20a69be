"""A mistake raises at the call that makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from qt_upbit import CredentialsRequiredError, ProxyClosedError, WrongThreadError
from qt_upbit.qt.call_guard import CallGuard, check_gui_thread
from qt_upbit.types import EVENT_TYPES
from tests.support.programs import run_program


def in_a_thread(call: Callable[[], None]) -> Exception | None:
    """What a call raises in another thread."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as exc:
            raised.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


class Manager:
    """What the guard asks."""

    def __init__(self) -> None:
        self.object = QObject()
        self.is_open = True
        self.has_keys = False
        self.guard = CallGuard(self.object, lambda: self.is_open, lambda: self.has_keys)


def test_in_its_own_thread_and_open_everything_goes(app: QApplication) -> None:
    guard = Manager().guard
    guard.check_thread()
    guard.check_usable()
    check_gui_thread()


def test_another_thread_is_refused_with_advice(app: QApplication) -> None:
    manager = Manager()
    for call in (manager.guard.check_thread, manager.guard.check_usable):
        error = in_a_thread(call)
        assert isinstance(error, WrongThreadError)
        assert "emit a signal" in str(error)
    assert isinstance(in_a_thread(check_gui_thread), WrongThreadError)


def test_after_the_end_only_what_needs_the_manager_is_refused(app: QApplication) -> None:
    manager = Manager()
    manager.is_open = False
    with pytest.raises(ProxyClosedError, match="make a new proxy"):
        manager.guard.check_usable()
    shiboken6.delete(manager.object)
    manager.guard.check_thread()
    assert in_a_thread(manager.guard.check_thread) is None, "there is no thread to keep"


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_keys_are_asked_for_where_they_are_needed(app: QApplication, name: str) -> None:
    manager, row = Manager(), EVENT_TYPES[name]
    if row.scope.needs_auth:
        with pytest.raises(CredentialsRequiredError):
            manager.guard.check_credentials(row)
        manager.has_keys = True
    manager.guard.check_credentials(row)


def test_without_an_application_it_says_what_to_do() -> None:
    done = run_program(
        """
        from qt_upbit.qt.call_guard import check_gui_thread
        try:
            check_gui_thread()
        except RuntimeError as exc:
            print(exc)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "make a QApplication first" in done.stdout
