"""The tree of errors, and what each says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qt_upbit import exceptions as e

SAMPLES = [
    e.ConfigError("region: no"),
    e.CredentialsRequiredError("my_order"),
    e.InvalidSubscriptionError("'krw-btc' is no code"),
    e.ProxyClosedError("closed"),
    e.WrongThreadError("thread"),
    e.SubscriptionError("ticker", ["KRW-B", "KRW-A"], 10.0),
    e.ServerError("INVALID_PARAM", "nope 은 지원하지 않는 타입입니다."),
    e.AuthenticationError("no_authorization_ip", 401),
    e.ConnectionFailedError("the handshake was refused", 429, 3.0),
    e.DecodeError("Expected `int`", b'{"type":"ticker"}'),
    e.CallbackError("my_chart", "MyChart.on_ticker"),
    e.InvalidOrderError("price", 155_772_300, "must be a multiple of 1000: 155772000 or 155773000"),
    e.RestError("POST /v1/orders", 400, "insufficient_funds_bid", "주문 가능한 금액(KRW)이 부족합니다."),
    e.RateLimitedError("GET /v1/ticker", 418, "", "", 60.0),
    e.OrderOutcomeError("my-1", 10.0, found_none=True),
    e.InvalidRequestError("codes is empty"),
    e.CancelOutcomeError(10.0, answer="HTTP 502", still_open=["u-1", "u-2"], unknown=["u-3"]),
]


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: dict[str, str | None] = {}
    path: list[tuple[int, str]] = []
    for line in (e.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if match:
            depth = len(match[1])
            while path and path[-1][0] >= depth:
                path.pop()
            drawn[match[2]] = path[-1][1] if path else None
            path.append((depth, match[2]))
    real = {
        name: None if name == "QtUpbitError" else getattr(e, name).__bases__[0].__name__
        for name in e.__all__
        if name != "is_retryable"
    }
    assert drawn == real


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_each_has_a_text(error: e.QtUpbitError) -> None:
    assert len(str(error)) > 5
    assert "\n" not in str(error)


def test_texts_name_what_and_what_to_do() -> None:
    assert str(SAMPLES[5]).startswith("no ticker data for KRW-A, KRW-B in 10 s: check the codes")
    assert "UPBIT_ACCESS_KEY" in str(SAMPLES[1])
    assert "INVALID_PARAM" in str(SAMPLES[6])
    assert "HTTP 401 no_authorization_ip" in str(SAMPLES[7])
    assert str(SAMPLES[8]) == "connection failed (HTTP 429): the handshake was refused"


def test_texts_of_orders_and_calls() -> None:
    texts = [str(error) for error in SAMPLES[11:]]
    assert texts[0] == "price 155772300: must be a multiple of 1000: 155772000 or 155773000"
    assert texts[1].startswith("POST /v1/orders: HTTP 400 insufficient_funds_bid (주문")
    assert texts[2] == "GET /v1/ticker: HTTP 418; wait 60 s"
    assert "my-1, and Upbit knows no such order after 10 s" in texts[3]


def test_a_callback_error_shows_its_cause() -> None:
    error = e.CallbackError("my_chart", "on_ticker")
    error.__cause__ = KeyError("x")
    assert str(error) == "callback on_ticker of my_chart raised: KeyError: 'x'"


def test_samples_are_bounded() -> None:
    error = e.DecodeError("bad", b"x" * 10_000_000)
    assert len(error.sample) == 160
    assert len(str(error)) < 400
    assert len(e.DecodeError("bad", "가" * 10_000).sample) == 160
    assert len(e.ServerError("N", "m" * 10_000).message) == 160


def test_only_remote_errors_but_refused_keys_are_worth_a_retry() -> None:
    retryable = {type(error).__name__ for error in SAMPLES if e.is_retryable(error)}
    assert retryable == {"ServerError", "ConnectionFailedError", "DecodeError", "RateLimitedError"}
    assert e.is_retryable(e.RestError("GET /v1/accounts", 503))
    assert e.is_retryable(e.RestError("GET /v1/accounts", None))
    assert not e.is_retryable(OSError())


def test_what_an_echoing_server_could_show_is_bounded_as_the_security_page_states() -> None:
    page = (Path(__file__).parent.parent / "docs" / "security.md").read_text(encoding="utf-8")
    stated = page[page.index("**A server that echoes the request**") :].partition("\n* ")[0]
    stated = stated.partition("\n\n")[0]
    echo = "x" * 10_000
    shown = {
        "ConnectionFailedError.reason": e.ConnectionFailedError(echo).reason,
        "DecodeError.reason": e.DecodeError(echo).reason,
        "RestError.message": e.RestError("GET /", 400, "", echo).message,
        "ServerError.message": e.ServerError(echo, echo).message,
        "DecodeError.sample": e.DecodeError("", echo).sample,
    }
    longer, _, shorter = stated.partition("up to 160 elsewhere")
    assert "up to 400 characters" in longer
    assert {name for name, text in shown.items() if len(text) == 400} == set(
        re.findall(r"`(\w+\.\w+)`", longer)
    )
    assert {name for name, text in shown.items() if len(text) == 160} == set(
        re.findall(r"`(\w+\.\w+)`", shorter)
    )
