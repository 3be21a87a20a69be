"""Who may connect, and whose account a token opens (protocol sections 6.1 and 8)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from qt_upbit import Credentials
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedExchange,
    SimulatorSettings,
)
from qt_upbit.simulator.sessions.admission import Admission
from qt_upbit.simulator.sessions.token_check import TokenRefused
from qt_upbit.simulator.settings import SimulatedAccount
from qt_upbit.types import Scope

SECOND = SimulatedAccount(access_key="second", secret_key="s" * 64)
PRIVATE = [scope for scope in Scope if scope.needs_auth]


def bearer(access_key: str = SIMULATED_ACCESS_KEY, secret_key: str = SIMULATED_SECRET_KEY) -> str:
    token = JWTManager(Credentials(access_key=access_key, secret_key=secret_key)).create_token()
    return f"Bearer {token}"


def door(**settings: Any) -> tuple[Admission, Counter[str]]:
    exchange = SimulatedExchange(
        SimulatorSettings(markets=3, market_running=False, further_accounts=(SECOND,), **settings), now=0.0
    )
    return exchange.admission, exchange.violations


def test_the_public_endpoint_asks_for_no_token() -> None:
    admission, _ = door()
    assert admission.admit(Scope.PUBLIC, {}, "a", 0.0) is None


@pytest.mark.parametrize("scope", PRIVATE)
def test_others_refuse_the_handshake_without_a_good_one(scope: Scope) -> None:
    admission, _ = door(connects_per_second=100)
    for header, name in (
        (None, "no_authorization_token"),
        ("Bearer nonsense", "jwt_verification"),
        (bearer("unknown"), "invalid_access_key"),
        (bearer(secret_key="x" * 64), "jwt_verification"),
    ):
        headers = {} if header is None else {"authorization": header}
        refusal = admission.admit(scope, headers, "a", 0.0)
        assert refusal is not None
        assert refusal.status == 401
        assert json.loads(refusal.body)["error"]["name"] == name
    assert admission.admit(scope, {"authorization": bearer()}, "a", 0.0) is None


def test_or_let_it_in_and_send_the_error_as_a_frame() -> None:
    admission, _ = door(auth_failure="frame")
    assert admission.admit(Scope.PRIVATE, {}, "a", 0.0) is None


def test_each_key_opens_its_own_account() -> None:
    admission, _ = door()
    first, second = admission.verify_token(bearer()), admission.verify_token(bearer("second", "s" * 64))
    assert first is not second
    assert admission.claimed_account(bearer("second", "wrong" * 13)) is second, "named, not verified"
    assert admission.claimed_account(None) is admission.claimed_account("Bearer nonsense") is first


def test_every_token_may_be_refused_by_name() -> None:
    admission, _ = door()
    admission.refuse_keys_with = "expired_access_key"
    with pytest.raises(TokenRefused, match="expired_access_key"):
        admission.verify_token(bearer())


def test_connections_are_counted_by_address_or_key() -> None:
    admission, violations = door(connects_per_second=2)
    for _ in range(2):
        assert admission.admit(Scope.PUBLIC, {}, "a", 10.0) is None
    refusal = admission.admit(Scope.PUBLIC, {}, "a", 10.5)
    assert refusal is not None
    assert (refusal.status, refusal.headers["Retry-After"]) == (429, "1")
    assert violations["connect"] == 1
    assert admission.admit(Scope.PUBLIC, {}, "b", 10.5) is None, "another address"
    for key in (bearer(), bearer()):
        assert admission.admit(Scope.PRIVATE, {"authorization": key}, "a", 10.5) is None
    assert admission.admit(Scope.PRIVATE, {"authorization": bearer()}, "c", 10.5) is not None, "the same key"
    assert admission.admit(Scope.PUBLIC, {}, "a", 11.01) is None, "a second later"


def test_too_many_may_be_counted_only() -> None:
    admission, violations = door(connects_per_second=1, connect_excess="count")
    assert [admission.admit(Scope.PUBLIC, {}, "a", 0.0) for _ in range(3)] == [None] * 3
    assert violations["connect"] == 2


def test_with_an_origin_header_one_may_connect_once_in_a_while() -> None:
    admission, violations = door(origin_interval_s=10.0)
    browser = {"origin": "https://example.com"}
    assert admission.admit(Scope.PUBLIC, browser, "a", 0.0) is None
    refusal = admission.admit(Scope.PUBLIC, browser, "a", 9.9)
    assert refusal is not None
    assert (refusal.status, refusal.headers["Retry-After"]) == (429, "10")
    assert violations["origin"] == 1
    assert admission.admit(Scope.PUBLIC, {}, "a", 9.9) is None, (
        "without an Origin header there is no such limit"
    )
    assert admission.admit(Scope.PUBLIC, browser, "a", 10.1) is None
