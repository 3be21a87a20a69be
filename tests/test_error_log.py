"""Survived errors in the standard log: each kind at once, repetitions sampled and counted."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.error_log import ErrorLog, Sampler, area_of
from qt_upbit.exceptions import (
    CallbackError,
    ConnectionFailedError,
    DecodeError,
    OddFieldError,
    QtUpbitError,
    RestError,
    ServerError,
    SubscriptionError,
)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def raised(owner: str, callback: str, cause: Exception) -> CallbackError:
    error = CallbackError(owner, callback)
    try:
        raise cause
    except Exception as exc:
        error.__cause__ = exc
    return error


@pytest.mark.parametrize(
    ("error", "area"),
    [
        (ConnectionFailedError("refused"), "connection"),
        (ServerError("WRONG_FORMAT"), "connection"),
        (DecodeError("no JSON", b"x"), "connection"),
        (SubscriptionError("ticker", ["KRW-X"], 1.0), "subscription"),
        (RestError("GET /v1/accounts", 500), "rest"),
        (raised("chart", "on_ticker", ValueError("x")), "callbacks"),
    ],
)
def test_each_error_is_a_warning_of_its_part(
    error: QtUpbitError, area: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert area_of(error) == area
    ErrorLog(Time()).write(error, "my_chart", heard=False)
    ((name, level, text),) = caplog.record_tuples
    assert (name, level) == (f"qt_upbit.{area}", logging.WARNING)
    assert text == f"my_chart: {error}"
    record: object = caplog.records[0]
    assert (getattr(record, "owner"), getattr(record, "error")) == ("my_chart", error)  # noqa: B009
    caplog.clear()


def test_a_flood_is_one_line_in_ten_seconds_that_says_how_many(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    log = ErrorLog(time)
    for number in range(100):
        time.now = number / 10
        log.write(ConnectionFailedError(f"refused {number}"), "public", heard=False)
    assert [record.message for record in caplog.records] == ["public: connection failed: refused 0"]
    time.now = 10.0
    log.write(ConnectionFailedError("refused"), "public", heard=False, times=3)
    assert caplog.records[-1].message == "public: connection failed: refused (and 101 more like it)"


def test_what_differs_is_no_repetition(caplog: pytest.LogCaptureFixture) -> None:
    log = ErrorLog(Time())
    errors: list[QtUpbitError] = [
        ServerError("WRONG_FORMAT"),
        ServerError("NO_TYPE"),
        SubscriptionError("ticker", ["KRW-X"], 1.0),
        SubscriptionError("ticker", ["KRW-Y"], 1.0),
        OddFieldError("ticker", "change", "is null"),
        OddFieldError("ticker", "change_rate", "is null"),
        raised("chart", "on_ticker", ValueError("1")),
        raised("chart", "on_ticker", KeyError("1")),
        raised("chart", "on_trade", ValueError("1")),
    ]
    for error in errors:
        for _ in range(3):
            log.write(error, "a", heard=True)
            log.write(error, "b", heard=True)
    assert len(caplog.records) == 2 * len(errors)


def test_a_callbacks_traceback_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ErrorLog(Time()).write(raised("chart", "on_ticker", ValueError("odd")), "chart", heard=False)
    assert "Traceback" in caplog.text
    assert "ValueError: odd" in caplog.text


def test_without_any_logging_set_up_it_is_on_stderr() -> None:
    code = """
from qt_upbit.error_log import ErrorLog
from qt_upbit.exceptions import ConnectionFailedError
ErrorLog(lambda: 0.0).write(ConnectionFailedError("no route to host"), "public", heard=False)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "public: connection failed: no route to host" in ran.stderr


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5), st.integers(1, 4)), max_size=60),
    st.integers(1, 10),
)
def test_nothing_is_lost_from_the_count(events: list[tuple[int, float, int]], max_kinds: int) -> None:
    """What is let through and what it says was held back, plus what is held back still, is everything."""
    sampler = Sampler(10.0, max_kinds=6 if max_kinds > 5 else 10)
    now, given_in, out, last = 0.0, 0, 0, dict[int, float]()
    for kind, later, times in events:
        now += later
        given_in += times
        held_back = sampler.admit(kind, now, times)
        if held_back is None:
            assert now - last[kind] < 10.0
        else:
            out += held_back + 1
            assert kind not in last or now - last[kind] >= 10.0
            last[kind] = now
    # A last one of each kind, later: everything held back comes out.
    for kind in range(6):
        out += sampler.admit(kind, now + 100.0) or 0
    assert out == given_in


def test_kinds_are_bounded() -> None:
    sampler = Sampler(10.0, max_kinds=3)
    for kind in range(1000):
        assert sampler.admit(kind, 0.0) == 0
    assert sampler.admit(999, 1.0) is None
    assert sampler.admit(0, 1.0) == 0, "forgotten, so let through"
