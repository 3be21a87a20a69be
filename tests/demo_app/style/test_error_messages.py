"""Error messages are in the user's language, and distinguish the cases."""

from __future__ import annotations

import pytest

from demo_app.style.error_messages import explain
from demo_app.style.language import Language
from qt_upbit import (
    ConnectionFailedError,
    DecodeError,
    QtUpbitError,
    RateLimitedError,
    RestError,
    ServerError,
    SubscriptionError,
)

_REFUSED = "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 9)"
_CASES: list[tuple[QtUpbitError, str, str]] = [
    (ConnectionFailedError(_REFUSED), "cannot be reached (ConnectionRefusedError)", "연결할 수 없습니다"),
    (ConnectionFailedError("no", status=503), "HTTP 503", "HTTP 503"),
    (RestError("GET /v1/ticker", None, "ConnectError"), "cannot be reached", "연결"),
    (RestError("GET /v1/ticker", 502), "HTTP 502", "HTTP 502"),
    (RestError("GET /v1/ticker", 404, "404", "Code not found"), "Code not found", "Code not found"),
    (RateLimitedError("GET /v1/ticker", 429, retry_after_s=2.5), "2.5 s", "2.5초"),
    (ServerError("WRONG_FORMAT", "Format이 맞지 않습니다."), "(WRONG_FORMAT)", "(WRONG_FORMAT)"),
    (SubscriptionError("ticker", ["KRW-XYZ"], 5.0), "KRW-XYZ", "KRW-XYZ"),
    (DecodeError("expected a number", b"{"), "expected a number", "expected a number"),
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
