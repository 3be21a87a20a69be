"""Errors are counted, reported where they belong, and never in a flood."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from qt_upbit.exceptions import CallbackError, ConnectionFailedError, DecodeError, ServerError
from qt_upbit.qt.error_reporter import ErrorReporter
from qt_upbit.qt.outbox import Outbox
from qt_upbit.types import Scope


class Manager(QObject):
    error_occurred = Signal(str, object)


class Proxy(QObject):
    error_occurred = Signal(object)
    happened = Signal(object)


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        self.manager, self.proxy = Manager(), Proxy()
        self.of_manager: list[tuple[str, Any]] = []
        self.of_proxy: list[Any] = []
        self.manager.error_occurred.connect(lambda owner, error: self.of_manager.append((owner, error)))
        self.proxy.error_occurred.connect(self.of_proxy.append)
        self.outbox = Outbox("outbox", self.manager)
        self.reporter = ErrorReporter(
            self.manager,
            self.outbox,
            lambda: self.now,
            lambda scope: [self.proxy] if scope is Scope.PUBLIC and shiboken6.isValid(self.proxy) else [],
        )


@pytest_asyncio.fixture
async def rig(app: QApplication) -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    for each in (rig.proxy, rig.manager):
        if shiboken6.isValid(each):
            shiboken6.delete(each)


async def test_an_error_of_an_object_goes_to_it_and_to_the_manager(rig: Rig) -> None:
    error = ServerError("WRONG_FORMAT")
    rig.reporter.report(error, "my_chart", rig.proxy)
    rig.reporter.report(error, "candle feed")
    assert rig.of_manager == [("my_chart", error), ("candle feed", error)]
    assert rig.of_proxy == [error]
    assert rig.reporter.total == 2


async def test_an_error_of_a_scope_goes_to_those_that_use_it_from_qts_loop(rig: Rig) -> None:
    error = ConnectionFailedError("no route")
    rig.reporter.report_scope(Scope.PUBLIC, error, 3)
    rig.reporter.report_scope(Scope.PRIVATE, error)
    assert rig.of_manager == []
    await rig.outbox.drain()
    assert rig.of_manager == [("public", error), ("private", error)]
    assert rig.of_proxy == [error]
    assert (rig.reporter.count(Scope.PUBLIC), rig.reporter.total) == (3, 4)


async def test_unreadable_frames_are_all_counted_and_ten_a_second_reported(rig: Rig) -> None:
    for number in range(25):
        rig.now = number / 1000
        rig.reporter.report_scope(Scope.PUBLIC, DecodeError("no JSON", b"x"))
    await rig.outbox.drain()
    assert len(rig.of_proxy) == 10
    assert rig.reporter.count(Scope.PUBLIC) == 25
    rig.now = 1.5
    rig.reporter.report_scope(Scope.PUBLIC, DecodeError("no JSON", b"x"))
    rig.reporter.report_scope(Scope.PUBLIC, ConnectionFailedError("other errors are not sampled"))
    await rig.outbox.drain()
    assert len(rig.of_proxy) == 12


async def test_an_unreadable_frame_is_not_kept_by_its_traceback(rig: Rig) -> None:
    try:
        try:
            raise ValueError("inner")
        except ValueError as exc:
            raise DecodeError("no JSON", b"x") from exc
    except DecodeError as exc:
        error = exc
    rig.reporter.report_scope(Scope.PUBLIC, error)
    assert error.__traceback__ is None
    assert error.__cause__ is not None
    assert error.__cause__.__traceback__ is None
    await rig.outbox.drain()


@pytest.mark.raises_in_slots("ZeroDivisionError")
async def test_what_a_slot_raises_is_reported_under_the_owners_name(rig: Rig) -> None:
    def divide(_value: object) -> None:
        raise ZeroDivisionError

    rig.proxy.happened.connect(divide)
    rig.reporter.emit(rig.proxy, "my_chart", rig.proxy.happened, 1)
    ((owner, error),) = rig.of_manager
    assert owner == "my_chart"
    assert isinstance(error, CallbackError)
    assert rig.of_proxy == [error]


async def test_a_slot_for_errors_may_end_everything(rig: Rig) -> None:
    def end(*_: object) -> None:
        shiboken6.delete(rig.proxy)
        shiboken6.delete(rig.manager)

    rig.manager.error_occurred.connect(end)
    rig.reporter.report(ServerError("WRONG_FORMAT"), "my_chart", rig.proxy)
    rig.reporter.report(ServerError("WRONG_FORMAT"), "my_chart", rig.proxy)
    rig.reporter.report_scope(Scope.PUBLIC, ServerError("WRONG_FORMAT"))
    assert len(rig.of_manager) == 1
    assert rig.reporter.total == 3
