"""Refusals look as Upbit's do (protocol section 9.5)."""

from __future__ import annotations

import json

from qt_upbit.simulator.sessions.refusal import Refusal, error_body


def test_the_body_of_an_error() -> None:
    assert json.loads(error_body("no_authorization_token", "토큰이 없습니다.")) == {
        "error": {"name": "no_authorization_token", "message": "토큰이 없습니다."}
    }
    assert json.loads(error_body(429, "Too many API requests.")) == {
        "error": {"name": 429, "message": "Too many API requests."}
    }, "a number where Upbit writes one"


def test_headers_are_of_one_refusal_only() -> None:
    one, two = Refusal(429, b""), Refusal(418, b"")
    assert one.headers == two.headers == {}
    assert one.headers is not two.headers
