from __future__ import annotations

import hashlib
import uuid
from typing import Any

import jwt
import pytest

from qt_upbit.simulator.sessions.token_check import TokenCheck, TokenRefused
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY

QUERY = "market=KRW-BTC&states[]=wait&states[]=watch"


def bearer(algorithm: str = "HS512", secret: str = SIMULATED_SECRET_KEY, **claims: Any) -> str:
    payload = {"access_key": SIMULATED_ACCESS_KEY, "nonce": str(uuid.uuid4())} | claims
    return f"Bearer {jwt.encode(payload, secret, algorithm)}"


@pytest.fixture
def check() -> TokenCheck:
    return TokenCheck(SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY)


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_good_token_is_good_once(check: TokenCheck, algorithm: str) -> None:
    token = bearer(algorithm)
    check.verify(token)
    with pytest.raises(TokenRefused, match="nonce_used"):
        check.verify(token)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, "no_authorization_token"),
        ("Basic abc", "jwt_verification"),
        ("Bearer nonsense", "jwt_verification"),
        (bearer(secret="y" * 64), "jwt_verification"),
        (bearer(access_key="someone"), "invalid_access_key"),
        (bearer(nonce=""), "jwt_verification"),
        (bearer(exp=1), "expired_access_key"),
    ],
)
def test_others_are_refused_by_name(check: TokenCheck, header: str | None, name: str) -> None:
    with pytest.raises(TokenRefused, match=name):
        check.verify(header)


def test_a_query_must_be_vouched_for(check: TokenCheck) -> None:
    digest = hashlib.sha512(QUERY.encode()).hexdigest()
    check.verify(bearer(query_hash=digest, query_hash_alg="SHA512"), QUERY)
    for claims in ({}, {"query_hash": digest[:-1]}):
        with pytest.raises(TokenRefused, match="invalid_query_payload"):
            check.verify(bearer(**claims), QUERY)
