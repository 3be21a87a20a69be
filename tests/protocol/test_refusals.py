"""What the server's errors mean for our pace."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError, DecodeError, ServerError
from qt_upbit.protocol.refusals import blames_pace, error_of, time_to_stay_away
from qt_upbit.protocol.wire import ErrorFrame

DAY_S = 24 * 3600.0


def test_a_refused_token_is_an_error_of_its_own() -> None:
    assert isinstance(error_of(ErrorFrame("INVALID_AUTH", "인증 실패")), AuthenticationError)
    other = error_of(ErrorFrame("NO_CODES", "codes 필드가 없습니다."))
    assert isinstance(other, ServerError)
    assert (other.name, "codes" in str(other)) == ("NO_CODES", True)


@pytest.mark.parametrize(
    ("name", "seconds"), [("Too Many Requests", 1.0), ("TOO_MANY_REQUESTS", 1.0), ("I'm a teapot", 60.0)]
)
def test_frames_that_blame_the_pace(name: str, seconds: float) -> None:
    error = error_of(ErrorFrame(name, ""))
    assert blames_pace(error)
    assert time_to_stay_away(error) == seconds


@pytest.mark.parametrize("name", ["NO_CODES", "WRONG_FORMAT", "INVALID_AUTH", "too many requests", ""])
def test_frames_that_blame_what_was_asked_for(name: str) -> None:
    error = error_of(ErrorFrame(name, ""))
    assert not blames_pace(error)
    assert time_to_stay_away(error) == 0.0


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, None, 1.0),
        (418, None, 60.0),
        (429, 7.5, 7.5),
        (418, 3.0, 3.0),
        (503, 2.0, 2.0),
        (500, None, 0.0),
        (None, None, 0.0),
        (418, -5.0, 0.0),
        (418, 1e12, DAY_S),
        (418, math.inf, DAY_S),
        (418, math.nan, 0.0),
    ],
)
def test_a_refused_handshake(status: int | None, asked: float | None, seconds: float) -> None:
    error = ConnectionFailedError("refused", status=status, retry_after_s=asked)
    assert time_to_stay_away(error) == seconds
    assert not blames_pace(error), "that is a matter of frames"


def test_other_errors_ask_for_nothing() -> None:
    assert time_to_stay_away(DecodeError("not JSON")) == 0.0


@given(st.none() | st.integers(0, 999), st.none() | st.floats())
def test_whatever_a_server_says_the_wait_is_a_number_of_at_most_a_day(
    status: int | None, asked: float | None
) -> None:
    error = ConnectionFailedError("refused", status=status, retry_after_s=asked)
    assert 0.0 <= time_to_stay_away(error) <= DAY_S
