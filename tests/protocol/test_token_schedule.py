"""When a connection gets a new token, and what becomes of a renewal that fails."""

from __future__ import annotations

import math

import pytest

from qt_upbit.config import Credentials
from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.token_schedule import TokenSchedule

KEYS = Credentials(access_key="a" * 40, secret_key="s" * 40)
LIFETIME_S = 100.0


def schedule(lifetime_s: float | None = LIFETIME_S) -> TokenSchedule:
    return TokenSchedule(JWTManager(KEYS, lifetime_s=lifetime_s))


def test_every_handshake_has_a_token_of_its_own() -> None:
    tokens = schedule()
    first, second = tokens.headers(0.0), tokens.headers(1.0)
    assert first["Authorization"] != second["Authorization"]
    assert tokens.due == 81.0


@pytest.mark.parametrize("tokens", [TokenSchedule(None), schedule(None)])
def test_without_keys_or_end_nothing_is_due(tokens: TokenSchedule) -> None:
    tokens.headers(0.0)
    assert tokens.due == math.inf
    assert not tokens.is_due(1e9)
    tokens.not_begun(5.0)
    assert tokens.due == math.inf


def test_nothing_is_due_before_the_first_handshake() -> None:
    assert not schedule().is_due(1e9)


def test_a_renewal_uses_the_token_that_was_made_for_it() -> None:
    tokens = schedule()
    old = tokens.headers(0.0)
    assert not tokens.is_due(79.0)
    assert tokens.is_due(80.0)
    tokens.begun()
    assert tokens.due == math.inf
    new = tokens.headers(85.0)
    assert new["Authorization"] != old["Authorization"]
    assert tokens.due == 160.0, "counted from when it was made, not from the handshake"
    assert tokens.headers(86.0)["Authorization"] != new["Authorization"], "it is good for one"


def test_what_could_not_begin_is_looked_at_again() -> None:
    tokens = schedule()
    tokens.headers(0.0)
    assert tokens.is_due(80.0)
    tokens.not_begun(80.0)
    assert tokens.due == 85.0
    tokens.not_begun(10.0)
    assert tokens.due == 80.0, "never before its time"


def test_pauses_after_failures_double_up_to_five_minutes_and_begin_again_after_success() -> None:
    tokens = schedule()
    tokens.headers(0.0)
    pauses = []
    for _ in range(12):
        tokens.failed(ConnectionFailedError("no route"), 100.0)
        pauses.append(tokens.due - 100.0)
    assert pauses == [5, 10, 20, 40, 80, 160, *[300] * 6]
    tokens.succeeded()
    tokens.failed(ConnectionFailedError("no route"), 100.0)
    assert tokens.due == 105.0


def test_a_refused_key_is_not_tried_again_until_it_is_changed() -> None:
    tokens = schedule()
    tokens.headers(0.0)
    tokens.failed(AuthenticationError("expired_access_key", 401), 80.0)
    assert tokens.due == math.inf
    tokens.replace_keys(JWTManager(KEYS, lifetime_s=10.0))
    assert tokens.due == math.inf, "nothing was issued yet"
    tokens.headers(200.0)
    assert tokens.due == 208.0
