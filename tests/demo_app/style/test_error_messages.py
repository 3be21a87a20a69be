"""Error messages are in the user's language, and distinguish the cases."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo_app.style.error_messages import explain, technical
from demo_app.style.language import Language
from qt_upbit import (
    ConnectionFailedError,
    DecodeError,
    InvalidOrderError,
    QtUpbitError,
    RateLimitedError,
    RestError,
    ServerError,
    SubscriptionError,
)

_REFUSED = "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 9)"
_CASES: list[tuple[QtUpbitError, str, str]] = [
    (ConnectionFailedError(_REFUSED), "does not accept connections", "연결을 받지 않습니다"),
    (ConnectionFailedError("no", status=503), "HTTP 503", "HTTP 503"),
    (RestError("GET /v1/ticker", None, "ConnectError"), "cannot be reached", "연결"),
    (RestError("GET /v1/ticker", 502), "HTTP 502", "HTTP 502"),
    (RestError("GET /v1/ticker", 404, "404", "Code not found"), "Code not found", "거부했습니다"),
    (RateLimitedError("GET /v1/ticker", 429, retry_after_s=2.5), "2.5 s", "2.5초"),
    (
        ServerError("WRONG_FORMAT", "Format이 맞지 않습니다."),
        "Format이 맞지 않습니다",
        "Format이 맞지 않습니다",
    ),
    (SubscriptionError("ticker", ["KRW-XYZ"], 5.0), "KRW-XYZ", "KRW-XYZ"),
    (DecodeError("expected a number", b"{"), "cannot be read", "읽을 수 없는"),
    (ConnectionFailedError("gaierror: [Errno -2] Name or service not known"), "DNS", "DNS"),
    (ConnectionFailedError("given up with code 1009"), "was lost", "끊겨"),
    (ConnectionFailedError("timed out while connecting"), "in time", "제때"),
    (ConnectionFailedError("SSLCertVerificationError: x"), "secure", "보안"),
    (ConnectionFailedError("something new"), "cannot be reached", "연결할 수 없습니다"),
]


@pytest.mark.parametrize(("error", "english", "korean"), _CASES, ids=lambda each: type(each).__name__)
def test_each_error_has_its_own_message(
    language: Language, error: QtUpbitError, english: str, korean: str
) -> None:
    said = explain(error)
    assert english in said
    assert "Errno" not in said, "that is for developers"
    language.use("ko")
    assert korean in explain(error)
    assert explain(error) != said


_FIELDS = st.sampled_from(
    ["price", "volume", "total", "code", "order_type", "time_in_force", "identifier", "x"]
)
_ENGLISH = st.sampled_from(["takes ioc", "[Errno 5] Oops", "given up with code 1009", "gaierror: no", "None"])
_ERRORS = st.one_of(
    st.builds(ConnectionFailedError, _ENGLISH),
    st.builds(lambda text: ServerError("INVALID_PARAM", text), _ENGLISH),
    st.builds(lambda text: RestError("GET /v1/orders", 400, "bad_name", text), _ENGLISH),
    st.builds(lambda text: DecodeError(text, b"{"), _ENGLISH),
    st.builds(lambda field, text: InvalidOrderError(field, "1", text), _FIELDS, _ENGLISH),
    st.builds(lambda number: OSError(number, "No such file"), st.sampled_from([2, 5, 13, 28])),
    st.builds(ValueError, _ENGLISH),
    st.builds(RuntimeError, _ENGLISH),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(error=_ERRORS)
def test_korean_carries_neither_english_nor_python(language: Language, error: Exception) -> None:
    """The technical word is in the details, which a tool tip has."""
    language.use("ko")
    said = explain(error)
    assert re.findall(r"[A-Za-z]+", said.replace("DNS", "").replace("HTTP", "").replace("API", "")) == []
    assert said.rstrip(".").endswith(("다", "요")) or ": " in said
    assert type(error).__name__ in technical(error)
    assert technical(error).startswith("자세히: ")
